"""Train a small convolutional network, and export it: TensorFlow."""

# --8<-- [start:imports]
import keras
import numpy as np
import onnxruntime
import tensorflow as tf
from keras import layers

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.export_and_serve.training import (
    LEARNING_RATE,
    MOMENTUM,
    apart,
    draw_batches,
    draw_weights,
)


# --8<-- [start:model]
def build_classifier():
    """Return two convolutions over a signal; the mean over time gives the logits.

    The model takes signals (batch, 40) and returns logits (batch, 10).
    """
    signals = keras.Input((40,), name="signals")
    x = layers.Reshape((40, 1))(signals)
    x = layers.Conv1D(24, 5, strides=2, activation="tanh")(x)  # (batch, 18, 24)
    x = layers.Conv1D(24, 5, strides=2, activation="tanh")(x)  # (batch, 7, 24)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(signals, layers.Dense(10, name="logits")(x))


def start(model):
    """Draw the weights with NumPy; biases are zero."""
    arrays = iter(draw_weights())
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            variable.assign(next(arrays))


# --8<-- [end:model]


# --8<-- [start:fit]
def fit(model, signals, labels, batches):
    """Train the model in place."""
    optimizer = keras.optimizers.SGD(LEARNING_RATE, MOMENTUM)
    optimizer.build(model.trainable_variables)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def train_step(batch):
        with tf.GradientTape() as tape:
            logits = model(tf.gather(signals, batch), training=True)
            loss = loss_fn(tf.gather(labels, batch), logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)

    for batch in tf.constant(batches):
        train_step(batch)


# --8<-- [end:fit]


if __name__ == "__main__":
    # --8<-- [start:data]
    signals, labels = make_mnist1d()
    X_test, y_test = signals[4000:], labels[4000:]
    # --8<-- [end:data]

    # --8<-- [start:train]
    model = build_classifier()
    start(model)
    fit(model, tf.constant(signals), tf.constant(labels), draw_batches())
    logits = model(X_test).numpy()
    print(f"Test ACC: {100 * np.mean(logits.argmax(axis=1) == y_test):.1f}%")
    # --8<-- [end:train]

    # --8<-- [start:export]
    model.export("saved_model", verbose=False)

    loaded = tf.saved_model.load("saved_model")
    again = loaded.serve(X_test).numpy()
    print("Same logits within 1e-6:", apart(again, logits) < 1e-6)
    # --8<-- [end:export]

    # --8<-- [start:onnx]
    model.export("model.onnx", format="onnx", verbose=False)
    np.savez("expected.npz", signals=X_test, logits=logits)
    # --8<-- [end:onnx]

    # --8<-- [start:differences]
    session = onnxruntime.InferenceSession("model.onnx")
    [whole] = session.run(None, {"signals": X_test})
    single = [session.run(None, {"signals": x[None]})[0] for x in X_test]
    rows = {
        "the framework's export": again,
        "ONNX Runtime": whole,
        "ONNX Runtime, one by one": np.concatenate(single),
    }
    for name, outputs in rows.items():
        print(f"{name:24} | differs by {apart(outputs, logits):.1e}")
    # --8<-- [end:differences]

    from snippets.export_and_serve.serving import cost

    # --8<-- [start:cost]
    costs = {name: cost(name) for name in ("tensorflow", "onnxruntime")}
    for name, (seconds, size) in costs.items():
        print(f"{name:11} | loaded in {seconds:.1f} s | {size:.0f} MB")
    # --8<-- [end:cost]

    # --8<-- [start:mode]
    noisy = keras.Sequential(
        [keras.Input((40,)), layers.Dense(10), layers.Dropout(0.5)]
    )
    noisy.export("noisy", verbose=False)
    program, x = tf.saved_model.load("noisy"), tf.ones((1, 40))
    same = np.array_equal(program.serve(x), program.serve(x))
    print("Exported: the same answer twice:", same)
    # --8<-- [end:mode]

    # --8<-- [start:fixed]
    two_signals = keras.Input(batch_shape=(2, 40), name="signals")
    fixed = keras.Model(two_signals, model(two_signals))
    fixed(X_test[:2])  # the export to ONNX wants a model that was called once
    fixed.export("fixed.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession("fixed.onnx")
    [three] = session.run(None, {"signals": X_test[:3]})
    print("Logits of three signals:", three.shape)
    # --8<-- [end:fixed]

    # --8<-- [start:softmax]
    signals_in = keras.Input((40,), name="signals")
    with_softmax = keras.Model(signals_in, layers.Softmax()(model(signals_in)))
    with_softmax(X_test[:1])
    with_softmax.export("probas.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession("probas.onnx")
    [probas] = session.run(None, {"signals": X_test})
    same = np.array_equal(probas.argmax(axis=1), logits.argmax(axis=1))
    print("Sums of 1:", np.allclose(probas.sum(axis=1), 1), "| same classes:", same)
    # --8<-- [end:softmax]
