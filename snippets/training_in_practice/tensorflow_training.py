"""Training in practice in TensorFlow: many perceptrons at once, and its own tools."""

# --8<-- [start:imports]
from functools import partial

import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.training_in_practice.figures import plot_promises, plot_rates
from snippets.training_in_practice.training import (
    ACCUMULATIONS,
    BATCH_SIZE,
    MOMENTUM,
    NUM_CLASSES,
    NUM_HIDDEN,
    NUM_STEPS,
    cosine_rates,
    draw_batches,
    draw_params,
    print_apart,
    print_fallen,
    print_kept,
    print_promises,
    print_rates,
    print_reached,
)


# --8<-- [start:tensors]
def to_tensors(arrays):
    """Return NumPy arrays as tensors."""
    return [tf.constant(array) for array in arrays]


# --8<-- [end:tensors]


# --8<-- [start:forward]
def forward(features, params):
    """Return logits (models, batch, classes) for features (batch, 40)."""
    W1, b1, W2, b2 = params
    hidden = tf.nn.relu(features @ W1 + b1)  # (models, batch, hidden)
    return hidden @ W2 + b2


def cross_entropy(features, targets, params):
    """Return the mean loss of each model: (models,)."""
    log_probas = tf.nn.log_softmax(forward(features, params), axis=2)
    chosen = tf.one_hot(targets, log_probas.shape[2], dtype=log_probas.dtype)
    return -tf.reduce_mean(tf.reduce_sum(chosen * log_probas, axis=2), axis=1)


def hits(features, targets, params):
    """Return which model is right where: an array (models, batch) of 0 and 1."""
    logits = forward(features, params)
    return (tf.argmax(logits, axis=2) == targets).numpy().astype(np.float64)


# --8<-- [end:forward]


# --8<-- [start:clip]
def clip_gradients(grads, max_norm):
    """Scale each model's gradient so that its norm is at most max_norm.

    Returns the gradients, shaped as before, and the norms that they had (models,).
    """
    squares = sum(tf.reduce_sum(grad**2, axis=(1, 2)) for grad in grads)
    norms = tf.sqrt(squares)  # (models,), of all parameters together
    scales = tf.minimum(max_norm / norms, 1)[:, None, None]
    return [scales * grad for grad in grads], norms


# --8<-- [end:clip]


# --8<-- [start:average]
def update_averages(averages, params, decay):
    """Move the averages in place towards the parameters, by a share of 1 - decay."""
    for average, param in zip(averages, params, strict=True):
        average.assign(decay * average + (1 - decay) * param)


# --8<-- [end:average]


# --8<-- [start:fit]
def gradients(features, targets, params):
    """Return the losses (models,) and their gradients, shaped as the parameters."""
    with tf.GradientTape() as tape:
        tape.watch(params)
        losses = cross_entropy(features, targets, params)
    return losses, tape.gradient(losses, params)


@tf.function
def run_epoch(state, rates, batches, train_data, max_norm, decay):
    """Move the variables of the state for one epoch; return the losses (models,)."""
    params, velocities, averages = state
    features, targets = train_data
    losses = tf.zeros(rates.shape[1], features.dtype)
    for step in tf.range(len(batches)):
        X, y = (tf.gather(x, batches[step]) for x in (features, targets))
        loss, grads = gradients(X, y, params)
        grads, _ = clip_gradients(grads, max_norm)
        for param, velocity, grad in zip(params, velocities, grads, strict=True):
            velocity.assign(MOMENTUM * velocity + grad)
            param.assign_sub(rates[step] * velocity)
        update_averages(averages, params, decay)
        losses += loss
    return losses / len(batches)


def fit(params, rates, train_data, valid_data, max_norm=np.inf, decay=0.99):
    """Train models by SGD with momentum, all on the same batches.

    Takes rates (num_steps, num_models). Returns for each epoch the mean loss of its
    batches and the validation loss after it, (num_epochs, 2, num_models), and three
    kinds of weights: the last, those of the epoch with the lowest validation loss, and
    the moving average.
    """
    num_epochs = len(rates) * BATCH_SIZE // len(train_data[1])
    batches = draw_batches(len(train_data[1]), num_epochs)
    params, averages, best = ([tf.Variable(x) for x in params] for _ in range(3))
    velocities = [tf.Variable(tf.zeros_like(param)) for param in params]
    state = params, velocities, averages
    history, lowest = [], np.inf
    max_norm, decay = to_tensors([np.float64(max_norm), np.float64(decay)])
    for epoch in zip(
        np.split(rates[:, :, None, None], num_epochs),
        np.split(batches, num_epochs),
        strict=True,
    ):
        loss = run_epoch(state, *to_tensors(epoch), train_data, max_norm, decay)
        valid_loss = cross_entropy(*valid_data, params)  # (models,)
        history.append([loss, valid_loss])
        is_best = valid_loss[:, None, None] < lowest
        lowest = tf.where(is_best, valid_loss[:, None, None], lowest)
        for kept, param in zip(best, params, strict=True):
            kept.assign(tf.where(is_best, param, kept))
    return np.array(history), {"last": params, "best": best, "average": averages}


# --8<-- [end:fit]


# --8<-- [start:accumulate]
NORMS = {
    "none": keras.layers.Identity,
    "layer": partial(keras.layers.LayerNormalization, epsilon=1e-5),
    "batch": partial(keras.layers.BatchNormalization, epsilon=1e-5),
}


def build_model(norm="none"):
    """Return one of the perceptrons from layers, in float64."""
    layers = [
        keras.layers.Dense(NUM_HIDDEN, dtype="float64"),
        NORMS[norm](dtype="float64"),
        keras.layers.ReLU(dtype="float64"),
        keras.layers.Dense(NUM_CLASSES, dtype="float64"),
    ]
    model = keras.Sequential([keras.Input([40], dtype="float64"), *layers])
    W1, b1, W2, b2 = (array[0] for array in draw_params(1))
    for layer, weight, bias in [(layers[0], W1, b1), (layers[3], W2, b2)]:
        layer.set_weights([weight, bias[0]])
    return model


def accumulate(model, features, targets, sizes, weighted=True):
    """Return the gradient of the mean loss, computed in parts of these sizes.

    Each part's mean loss is weighted by its share of the batch, or all alike.
    """
    total = None
    parts = zip(tf.split(features, sizes), tf.split(targets, sizes), strict=True)
    for X, y in parts:
        weight = len(y) / len(targets) if weighted else 1 / len(sizes)
        with tf.GradientTape() as tape:
            logits = model(X, training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = weight * tf.reduce_mean(loss)
        grads = tape.gradient(loss, model.trainable_weights)
        total = [x + y for x, y in zip(total, grads, strict=True)] if total else grads
    return total


# --8<-- [end:accumulate]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid, X_test = np.split(signals.astype(np.float64), [3200, 4000])
    y_train, y_valid, y_test = np.split(labels, [3200, 4000])
    more = [make_mnist1d(seed) for seed in (43, 44)]
    X_fresh = np.concatenate([x for x, _ in more]).astype(np.float64)
    y_fresh = np.concatenate([y for _, y in more])

    # --8<-- [start:run_fit]
    train_data = to_tensors([X_train, y_train])
    valid_data = to_tensors([X_valid, y_valid])
    test_data = to_tensors([X_test, y_test])
    fresh_data = to_tensors([X_fresh, y_fresh])
    learning_rates = np.repeat([0.1, 0.2, 0.4], 8)  # eight models for each
    rates = np.tile(learning_rates, (NUM_STEPS, 1))  # (num_steps, 24)
    params = to_tensors(draw_params(24))
    few_data = [x[:1600] for x in train_data]
    history, weights = fit(params, rates, few_data, valid_data)
    losses = {
        kind: cross_entropy(*fresh_data, weights[kind]).numpy()
        for kind in ["best", "last"]
    }
    right = {kind: hits(*fresh_data, weights[kind]) for kind in ["best", "last"]}
    kept = {kind: (losses[kind], right[kind]) for kind in losses}
    print_kept(learning_rates, history, kept)
    # --8<-- [end:run_fit]

    # --8<-- [start:run_choose]
    fresh_hits = right["last"]  # (24, 10000)
    valid_accuracies = hits(*valid_data, weights["last"]).mean(axis=1)
    chosen = valid_accuracies.argmax()
    test_accuracy = hits(*test_data, weights["last"])[chosen].mean()
    print(f"Chosen: model {chosen}, with the rate {learning_rates[chosen]}")
    print(f"Valid ACC: {100 * valid_accuracies[chosen]:.1f}%")
    print(f"Test ACC: {100 * test_accuracy:.1f}%")
    print(f"Fresh ACC: {100 * fresh_hits[chosen].mean():.1f}%")
    # --8<-- [end:run_choose]

    # --8<-- [start:run_promises]
    print_promises(fresh_hits, num_signals=100)
    # --8<-- [end:run_promises]

    # --8<-- [start:plot_promises]
    plot_promises(fresh_hits, num_signals=100)
    # --8<-- [end:plot_promises]

    # --8<-- [start:run_rates]
    schedule = keras.optimizers.schedules.CosineDecay(
        0.4 / 65, NUM_STEPS - 64, warmup_target=0.4, warmup_steps=64
    )
    rates = [float(schedule(step)) for step in range(NUM_STEPS)]
    print_rates(cosine_rates(0.4, warm_up=64), rates)
    # --8<-- [end:run_rates]

    # --8<-- [start:run_schedule]
    start = to_tensors(draw_params(8))
    schedules = {
        "constant, 0.4": np.full(NUM_STEPS, 0.4),
        "cosine, 0.4": cosine_rates(0.4, warm_up=0),
        "warm-up and cosine, 0.4": cosine_rates(0.4, warm_up=64),
        "cosine, 0.8": cosine_rates(0.8, warm_up=0),
        "warm-up and cosine, 0.8": cosine_rates(0.8, warm_up=64),
    }
    trained = {}
    for name, rates in schedules.items():
        rates = np.tile(rates[:, None], 8)  # (num_steps, 8)
        _, trained[name] = fit(start, rates, train_data, valid_data)
        print_reached(name, hits(*fresh_data, trained[name]["last"]))
    # --8<-- [end:run_schedule]

    # --8<-- [start:plot_rates]
    plot_rates(schedules)
    # --8<-- [end:plot_rates]

    # --8<-- [start:run_clip]
    batch = [x[:100] for x in train_data]
    _, grads = gradients(*batch, start)
    clipped, norms = clip_gradients(grads, max_norm=1.0)
    first = [grad[0] for grad in grads]  # the first model's
    library, norm = tf.clip_by_global_norm(first, clip_norm=1.0)
    print(f"Norm: by hand {norms[0]:.4f}, library {norm:.4f}")
    pairs = zip(clipped, library, strict=True)
    apart = max(float(tf.reduce_max(abs(x[0] - y))) for x, y in pairs)
    print(f"Clipped: within 1e-14: {apart < 1e-14}")
    # --8<-- [end:run_clip]

    # --8<-- [start:run_broken]
    X_broken = X_train.copy()
    X_broken[7] *= 1000
    broken_data = to_tensors([X_broken, y_train])
    rates = np.tile(cosine_rates(0.2, warm_up=0)[:, None], 8)
    for name, data, max_norm in [
        ("no broken signal", train_data, np.inf),
        ("one broken signal", broken_data, np.inf),
        ("the same, clipped", broken_data, 1.0),
    ]:
        _, weights = fit(start, rates, data, valid_data, max_norm)
        print_fallen(name, hits(*fresh_data, weights["last"]))
    # --8<-- [end:run_broken]

    # --8<-- [start:run_accumulate]
    batch = [x[:100] for x in train_data]
    for name, norm, sizes, weighted in ACCUMULATIONS:
        model = build_model(norm)
        grads = accumulate(model, *batch, sizes, weighted)
        print_apart(name, grads, accumulate(model, *batch, [100]))
    # --8<-- [end:run_accumulate]

    # --8<-- [start:run_steps]
    whole, parts = build_model(), build_model()
    for model, sizes in [(whole, [100]), (parts, [25, 25, 25, 25])]:
        count = len(sizes) if len(sizes) > 1 else None
        optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=count)
        for X, y in zip(*(tf.split(x, sizes) for x in batch), strict=True):
            optimizer.apply(accumulate(model, X, y, [len(y)]), model.trainable_weights)
    weights = [m.get_weights() for m in (parts, whole)]
    print_apart("Weights after a step", *weights)
    # --8<-- [end:run_steps]

    # --8<-- [start:run_ema]
    model = build_model()
    optimizer = keras.optimizers.SGD(
        0.1, momentum=MOMENTUM, use_ema=True, ema_momentum=0.9
    )
    for step in range(20):
        optimizer.apply(accumulate(model, *batch, [100]), model.trainable_weights)
        params = [variable.value for variable in model.trainable_variables]
        if step == 0:
            averages = [tf.Variable(param) for param in params]
        update_averages(averages, params, decay=0.9)
    optimizer.finalize_variable_values(model.trainable_variables)
    print_apart("Averages", [x.numpy() for x in averages], model.get_weights())
    # --8<-- [end:run_ema]

    # --8<-- [start:run_average]
    for name in ["constant, 0.4", "cosine, 0.4"]:
        for kind in ["last", "average"]:
            print_reached(f"{name}: {kind}", hits(*fresh_data, trained[name][kind]))
    # --8<-- [end:run_average]

    # --8<-- [start:exercise_size]
    print_promises(fresh_hits, num_signals=1000)
    # --8<-- [end:exercise_size]

    # --8<-- [start:exercise_clip]
    rates = np.tile(schedules["cosine, 0.8"][:, None], 8)
    _, weights = fit(start, rates, train_data, valid_data, max_norm=1.0)
    print_reached("cosine, 0.8, clipped", hits(*fresh_data, weights["last"]))
    # --8<-- [end:exercise_clip]

    # --8<-- [start:exercise_decay]
    rates = np.full((NUM_STEPS, 8), 0.4)
    for decay in [0.9, 0.999]:
        _, weights = fit(start, rates, train_data, valid_data, decay=decay)
        print_reached(f"decay {decay}", hits(*fresh_data, weights["average"]))
    # --8<-- [end:exercise_decay]
