"""A residual network in TensorFlow, whole epochs with the gradient by hand."""

import keras
import tensorflow as tf

from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import draw_batches
from snippets.residual_network.tensorflow_keras import build_model, load_params
from snippets.residual_network.tensorflow_manual import norm_backward, normalize
from snippets.residual_network.training import BATCH_SIZE, SEED, draw_params


# --8<-- [start:layer]
def windows(features, size, stride=1):
    """Return each place with its neighbours: (batch * places, size * channels)."""
    padded = tf.pad(features, [[0, 0], [1, 1], [0, 0]])  # (batch, length + 2, channels)
    last = padded.shape[1] - size + 1
    places = [padded[:, x : x + last : stride] for x in range(size)]
    return tf.reshape(tf.concat(places, axis=2), (-1, size * features.shape[2]))


def convolve_forward(features, layer, stride=1):
    """Return a normalized convolution (batch, places, channels), and what it keeps."""
    kernel, gamma, beta = layer
    inputs = windows(features, kernel.shape[0], stride)
    flat = tf.reshape(kernel, (-1, kernel.shape[2]))
    normalized, scale = normalize(inputs @ flat, axis=0)
    outputs = gamma * normalized + beta
    shape = features.shape[0], -1, kernel.shape[2]
    return tf.reshape(outputs, shape), (inputs, normalized, scale)


def convolve_backward(grads, layer, kept):
    """Return the gradients with respect to the sums, shaped as grads, and the layer."""
    (kernel, gamma, _), (inputs, normalized, scale) = layer, kept
    rows = tf.reshape(grads, normalized.shape)
    grad_sums, *others = norm_backward(rows, normalized, scale, gamma, axis=0)
    grad_kernel = tf.reshape(tf.transpose(inputs) @ grad_sums, kernel.shape)
    return tf.reshape(grad_sums, grads.shape), [grad_kernel, *others]


def grad_inputs(grad_sums, kernel):
    """Return the gradient with respect to a convolution's inputs."""
    backwards = tf.transpose(kernel[::-1], (0, 2, 1))  # (size, outputs, inputs)
    flat = tf.reshape(backwards, (-1, kernel.shape[1]))
    return tf.reshape(windows(grad_sums, kernel.shape[0]) @ flat, grad_sums.shape)


# --8<-- [end:layer]


# --8<-- [start:gradients]
def loss_and_gradients(signals, targets, params):
    """Return the mean cross-entropy of a batch and its gradients, shaped as params."""
    *layers, (weights, bias) = [params[i : i + 3] for i in range(0, len(params), 3)]
    outputs, kept = convolve_forward(signals[:, :, None], layers[0], stride=2)
    hidden = [tf.nn.relu(outputs)]  # after each layer
    tape = [kept]
    for first, second in zip(layers[1::2], layers[2::2], strict=True):
        for layer, skip in [(first, 0), (second, hidden[-1])]:
            outputs, kept = convolve_forward(hidden[-1], layer)
            hidden.append(tf.nn.relu(outputs + skip))
            tape.append(kept)

    pooled = tf.reduce_mean(hidden[-1], axis=1)  # (batch, num_channels)
    log_probas = tf.nn.log_softmax(pooled @ weights + bias)
    one_hot = tf.one_hot(targets, bias.shape[0], dtype=bias.dtype)
    loss = -tf.reduce_sum(one_hot * log_probas) / targets.shape[0]
    grad_logits = (tf.exp(log_probas) - one_hot) / targets.shape[0]
    grads = [  # from the last to the first
        tf.reduce_sum(grad_logits, axis=0),
        tf.transpose(pooled) @ grad_logits,
    ]
    grad = (grad_logits @ tf.transpose(weights) / hidden[-1].shape[1])[:, None]

    for number in reversed(range(len(layers))):
        grad = tf.where(hidden[number] > 0, grad, 0)
        if number and number % 2 == 0:
            through_skip = grad
        grad_sums, of_layer = convolve_backward(grad, layers[number], tape[number])
        grads += reversed(of_layer)
        if number:
            grad = grad_inputs(grad_sums, layers[number][0])
        if number % 2 == 1:
            grad = grad + through_skip
    return loss, grads[::-1]


# --8<-- [end:gradients]


# --8<-- [start:epoch]
@tf.function(jit_compile=True)  # the whole epoch becomes one piece of machine code
def run_epoch(signals, targets, batches, params, learning_rate):
    """Return the parameters, a step for each batch further, and the mean loss."""

    def step(state, batch):
        params, total = state
        rows = tf.gather(signals, batch), tf.gather(targets, batch)
        loss, grads = loss_and_gradients(*rows, params)
        pairs = zip(params, grads, strict=True)
        return [param - learning_rate * grad for param, grad in pairs], total + loss

    zero = tf.zeros((), signals.dtype)
    params, total = tf.foldl(step, batches, (params, zero))
    return params, total / batches.shape[0]


# --8<-- [end:epoch]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, y_train = signals[:3200], labels[:3200]
    train_data = X_train, y_train

    # --8<-- [start:run]
    epoch = next(draw_batches(len(y_train), 1, BATCH_SIZE, SEED))  # (steps, batch)
    params = [tf.constant(x) for x in draw_params()]
    features, targets = (x[epoch[0]] for x in train_data)
    _, by_hand = loss_and_gradients(features, targets, params)

    model = build_model()
    load_params(model, draw_params())
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        loss = loss_fn(targets, model(features, training=True))
    grads = tape.gradient(loss, model.trainable_variables)
    pairs = zip(by_hand, grads, strict=True)
    apart = max(float(tf.reduce_max(abs(one - two))) for one, two in pairs)
    print(f"Gradients within 1e-05: {apart < 1e-5}")

    data = [tf.constant(x) for x in (*train_data, epoch)]
    _, loss = run_epoch(*data, params, 0.1)
    print(f"Training loss: {loss:.3f}")
    # --8<-- [end:run]
