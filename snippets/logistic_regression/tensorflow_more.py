"""Logistic regression in TensorFlow: mini-batches, fast, towards NaN, used."""

from contextlib import redirect_stdout

import keras
import numpy as np
import tensorflow as tf

# --8<-- [start:v1_imports]
import tensorflow.compat.v1 as tf1

# --8<-- [end:v1_imports]
from snippets.logistic_regression.data import (
    draw_minibatches,
    iterate_post_minibatches,
    load_iris,
    print_minibatch_epoch,
    print_post_epoch,
)
from snippets.logistic_regression.tensorflow_keras import (
    build_logistic_regression,
    loss_fn,
    train_keras,
)
from snippets.logistic_regression.tensorflow_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    cross_entropy,
    gradients,
    predict_logits,
    print_epoch,
)


# --8<-- [start:minibatch_train]
def train_on_minibatches(model, optimizer, batches):
    """Update the model after each NumPy batch; return the batches' costs."""
    costs = []
    for X_batch, y_batch in batches:
        features = tf.constant(X_batch, dtype=tf.float32)
        targets = tf.constant(y_batch, dtype=tf.float32)[:, tf.newaxis]  # (batch, 1)
        with tf.GradientTape() as tape:
            loss = loss_fn(targets, model(features))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
        costs.append(float(loss))
    return costs


# --8<-- [end:minibatch_train]


# --8<-- [start:v1_graph]
def build_graph(num_features, learning_rate):
    """Describe the training; return the graph and its variables, weights and bias."""
    graph = tf1.Graph()
    with graph.as_default():
        inputs = tf1.placeholder(tf1.float32, (None, num_features), name="inputs")
        targets = tf1.placeholder(tf1.float32, (None,), name="targets")
        weights = tf1.Variable(tf1.zeros(num_features), name="weights")
        bias = tf1.Variable(tf1.zeros(()), name="bias")
        logits = tf1.linalg.matvec(inputs, weights) + bias  # (batch,)
        losses = tf1.nn.sigmoid_cross_entropy_with_logits(targets, logits)  # (batch,)
        cost = tf1.reduce_sum(losses, name="cost")
        hits = tf1.equal(logits > 0, targets > 0.5)  # (batch,)
        tf1.reduce_mean(tf1.cast(hits, tf1.float32), name="accuracy")
        optimizer = tf1.train.GradientDescentOptimizer(learning_rate)
        optimizer.minimize(cost, name="train")
    return graph, (weights, bias)


# --8<-- [end:v1_graph]


# --8<-- [start:penalty]
def descend_with_penalty(features, targets, num_steps, learning_rate, penalty):
    """Minimize the summed cross-entropy + penalty / 2 * |weights|^2, from zero.

    Returns weights (num_features,), bias and the cross-entropy, which is without the
    penalty. The bias is not penalized.
    """
    weights = tf.Variable(tf.zeros(features.shape[1]))
    bias = tf.Variable(tf.zeros(()))
    for _ in range(num_steps):
        logits = predict_logits(features, weights, bias)
        grad_weights, grad_bias = gradients(features, targets, logits)
        weights.assign_sub(learning_rate * (grad_weights + penalty * weights))
        bias.assign_sub(learning_rate * grad_bias)
    logits = predict_logits(features, weights, bias)
    return weights, bias, float(cross_entropy(logits, targets))


# --8<-- [end:penalty]


# --8<-- [start:signed]
def signed_rows(features, targets):
    """Return a row (features, 1) per example, negated where its target is 1.

    Takes features (batch, num_features) and targets (batch,), returns (batch,
    num_features + 1). Raises ValueError if a target is not 0 or 1, or is missing, or
    if there is none.
    """
    if features.shape[:1] != targets.shape or not len(targets):
        raise ValueError(f"{len(features)} features, targets {tuple(targets.shape)}")
    if not tf.reduce_all(targets * targets == targets):
        raise ValueError("a target is neither 0 nor 1")
    signs = (1 - 2 * targets)[:, tf.newaxis]  # (batch, 1)
    return tf.concat([signs * features, signs], axis=1)


# --8<-- [end:signed]


# --8<-- [start:descend]
@tf.function(jit_compile=True)  # the whole loop becomes one piece of machine code
def descend(rows, num_epochs, learning_rate):
    """Descend the gradient from zero, on signed rows (batch, num_features + 1).

    Returns weights and bias in one row, before training and after each epoch:
    (num_epochs + 1, num_features + 1).
    """

    def step(now, _):
        probas = tf.sigmoid(tf.linalg.matvec(rows, now))  # of the wrong class: (batch,)
        return now - learning_rate * tf.linalg.matvec(rows, probas, transpose_a=True)

    start = tf.zeros(rows.shape[1], rows.dtype)
    later = tf.scan(step, tf.range(num_epochs), start)  # (num_epochs, num_features + 1)
    return tf.concat([start[tf.newaxis], later], axis=0)


# --8<-- [end:descend]


# --8<-- [start:measure]
def measure(parameters, rows):
    """Return accuracy and cost (num_epochs,) of each of parameters' rows."""
    wrong_logits = tf.matmul(parameters, rows, transpose_b=True)  # (num_epochs, batch)
    signs = rows[:, -1]
    hits = (signs * wrong_logits > 0) == (signs < 0)  # as for logits and targets
    costs = tf.reduce_sum(tf.math.softplus(wrong_logits), axis=1)
    return tf.reduce_mean(tf.cast(hits, rows.dtype), axis=1), costs


# --8<-- [end:measure]


# --8<-- [start:fast_train]
@tf.function(jit_compile=True)
def descend_and_measure(rows, num_epochs, learning_rate):
    """Return parameters, accuracies and costs: the columns, a row for each epoch."""
    parameters = descend(rows, num_epochs, learning_rate)[1:]
    results = tf.stack(measure(parameters, rows), axis=1)  # (num_epochs, 2)
    return tf.concat([parameters, results], axis=1)


def train_fast(rows, num_epochs, learning_rate):
    """Train on signed rows first; measure and print all epochs afterwards.

    Returns weights, bias and the costs.
    """
    found = descend_and_measure(rows, num_epochs, learning_rate).numpy()
    *parameters, accuracies, costs = found.T.tolist()
    for epoch in range(num_epochs):
        print_epoch(epoch + 1, accuracies[epoch], costs[epoch])
    *weights, bias = (column[-1] for column in parameters)
    return weights, bias, costs


# --8<-- [end:fast_train]


# --8<-- [start:unstable_loss]
def cross_entropy_from_probas(logits, targets):
    """Return the cross-entropy of 0/1 targets in the textbook's form: do not use.

    From a logit of about 17 on, float32 rounds the probability to 1, and the second
    term becomes 0 * log(0), which is NaN.
    """
    probas = tf.sigmoid(logits)  # (batch,)
    losses = -targets * tf.math.log(probas) - (1 - targets) * tf.math.log(1 - probas)
    return tf.reduce_sum(losses)


# --8<-- [end:unstable_loss]


# --8<-- [start:unstable_train]
def meets_nan(cost_fn, features, targets, num_epochs, learning_rate):
    """Return whether training with cost_fn meets a cost of NaN within num_epochs."""
    weights = tf.Variable(tf.zeros(features.shape[1]))
    bias = tf.Variable(tf.zeros(()))
    for _ in range(num_epochs):
        with tf.GradientTape() as tape:
            cost = cost_fn(predict_logits(features, weights, bias), targets)
        if tf.math.is_nan(cost):
            return True
        grad_weights, grad_bias = tape.gradient(cost, [weights, bias])
        weights.assign_sub(learning_rate * grad_weights)
        bias.assign_sub(learning_rate * grad_bias)
    return False


# --8<-- [end:unstable_train]


# --8<-- [start:predict]
def predict_species(model, sepals, mean, std):
    """Return the likelier species of one flower, and its probability.

    The sepal's length and width, mean and std are all in cm.
    """
    features = tf.constant((sepals - mean) / std, dtype=tf.float32)
    proba = tf.sigmoid(model(features[None, :])).numpy().item()  # of versicolor
    if proba > 0.5:
        return "Iris versicolor", proba
    return "Iris setosa", 1 - proba


# --8<-- [end:predict]


# --8<-- [start:mean]
mean_loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)


def fit_mean(features, targets, num_epochs, learning_rate):
    """Return a model that has descended the gradient of the mean cross-entropy."""
    model = build_logistic_regression(features.shape[1])
    model.compile(keras.optimizers.SGD(learning_rate), loss=mean_loss_fn)
    model.fit(
        features,
        targets,
        batch_size=len(targets),
        epochs=num_epochs,
        shuffle=False,
        verbose=0,
    )
    return model


# --8<-- [end:mean]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)
    test_features = tf.constant(X_test, dtype=tf.float32)
    test_targets = tf.constant(y_test, dtype=tf.float32)

    # --8<-- [start:run_minibatch]
    rng = np.random.default_rng(1)  # one for all epochs: each has its own order
    minibatch_model = build_logistic_regression(num_features=2)
    optimizer = keras.optimizers.SGD(learning_rate=0.05)
    for epoch in range(1, 6):
        batches = draw_minibatches(X_train, y_train, batch_size=10, rng=rng)
        costs = train_on_minibatches(minibatch_model, optimizer, batches)
        train_accuracy = accuracy(minibatch_model(features)[:, 0], targets)
        print_minibatch_epoch(epoch, costs, train_accuracy)
    # --8<-- [end:run_minibatch]

    # --8<-- [start:run_loader]
    keras.utils.set_random_seed(1)
    loader_model = build_logistic_regression(num_features=2)
    loader_model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.05),
        loss=loss_fn,
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],  # of logits
    )
    loader_model.fit(
        features,
        targets[:, tf.newaxis],
        batch_size=10,
        epochs=5,
        shuffle=True,  # anew in each epoch; the default
        verbose=0,
    )
    _, test_accuracy = loader_model.evaluate(
        test_features, test_targets[:, tf.newaxis], verbose=0
    )
    print(f"Test: {round(25 * test_accuracy)} of 25 flowers are right")
    # --8<-- [end:run_loader]

    # --8<-- [start:run_penalty]
    for penalty in (0.0, 1.0):
        print(f"Penalty {penalty}:")
        for num_steps in (10, 100, 1000):
            weights, bias, cost = descend_with_penalty(
                features, targets, num_steps, 0.05, penalty
            )
            size = float(tf.norm(weights))
            print(f"{num_steps:5d} steps | Size: {size:.2f} | Cost: {cost:.3f}")
    # --8<-- [end:run_penalty]

    # --8<-- [start:exercise_penalty]
    for penalty in (0.1, 10.0):
        weights, _, cost = descend_with_penalty(features, targets, 1000, 0.05, penalty)
        size = float(tf.norm(weights))
        print(f"Penalty {penalty} | Size: {size:.2f} | Cost: {cost:.3f}")
    # --8<-- [end:exercise_penalty]

    # --8<-- [start:run_post]
    post_model = build_logistic_regression(num_features=2)
    optimizer = keras.optimizers.SGD(learning_rate=0.05)
    costs, divisor = [], 1
    for epoch in range(15):
        train_accuracy = accuracy(post_model(features)[:, 0], targets)
        test_accuracy = accuracy(post_model(test_features)[:, 0], test_targets)
        print_post_epoch(epoch, costs, divisor, train_accuracy, test_accuracy)
        batches = iterate_post_minibatches(X_train, y_train, batch_size=10, seed=123)
        costs = train_on_minibatches(post_model, optimizer, batches)
        divisor += len(costs)
    kernel, intercept = post_model.get_weights()  # (2, 1), (1,)
    print("Weights: {:.4f} {:.4f}".format(*kernel[:, 0].tolist()))
    print(f"Bias: {intercept.item():.4f}")
    # --8<-- [end:run_post]

    # --8<-- [start:run_v1]
    graph, variables = build_graph(num_features=2, learning_rate=0.05)
    train_feed = {"inputs:0": X_train, "targets:0": y_train}
    test_feed = {"inputs:0": X_test, "targets:0": y_test}
    costs, divisor = [], 1
    with tf1.Session(graph=graph) as session:
        session.run(tf1.global_variables_initializer())
        for epoch in range(15):
            train_accuracy = session.run("accuracy:0", train_feed)
            test_accuracy = session.run("accuracy:0", test_feed)
            print_post_epoch(epoch, costs, divisor, train_accuracy, test_accuracy)
            costs = []
            for X_batch, y_batch in iterate_post_minibatches(
                X_train, y_train, 10, seed=123
            ):
                feed = {"inputs:0": X_batch, "targets:0": y_batch}
                _, cost = session.run(["train", "cost:0"], feed)
                costs.append(cost.item())
            divisor += len(costs)
        final_weights, final_bias = session.run(variables)  # "bias:0": a handle
    print("Weights: {:.4f} {:.4f}".format(*final_weights.tolist()))
    print(f"Bias: {final_bias.item():.4f}")
    # --8<-- [end:run_v1]

    # --8<-- [start:run_fast]
    rows = signed_rows(features, targets)  # (75, 3)
    fast_weights, fast_bias, fast_costs = train_fast(rows, NUM_EPOCHS, LEARNING_RATE)
    test_logits = predict_logits(test_features, fast_weights, fast_bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*fast_weights))
    print(f"Bias: {fast_bias:.4f}")
    correct = round(len(test_targets) * accuracy(test_logits, test_targets))
    print(f"Test: {correct} of {len(test_targets)} flowers are right")
    # --8<-- [end:run_fast]

    # --8<-- [start:run_unstable]
    cost_fns = {"probabilities": cross_entropy_from_probas, "logits": cross_entropy}
    for form, cost_fn in cost_fns.items():
        found = meets_nan(cost_fn, features, targets, 100, LEARNING_RATE)
        print(f"Cost from {form}: {'NaN' if found else 'no NaN'} before epoch 100")
    # --8<-- [end:run_unstable]

    model = build_logistic_regression(num_features=2)
    with redirect_stdout(None):
        train_keras(model, features, targets[:, tf.newaxis], NUM_EPOCHS, LEARNING_RATE)

    # --8<-- [start:run_predict]
    sepals = [5.8, 2.7]
    species, proba = predict_species(model, sepals, mean, std)
    print(f"{species}, probability {proba:.3f}")
    # --8<-- [end:run_predict]

    # --8<-- [start:save]
    model.save_weights("iris.weights.h5")
    reloaded = build_logistic_regression(num_features=2)
    reloaded.load_weights("iris.weights.h5")
    same = predict_species(reloaded, sepals, mean, std) == (species, proba)
    print("Reloaded, the same probability:", same)
    # --8<-- [end:save]

    # --8<-- [start:run_mean]
    for num_epochs in (9, 10):
        mean_model = fit_mean(features, targets, num_epochs, 75 * LEARNING_RATE)
        logits = mean_model(features)[:, 0]  # (75,)
        mean_cost = float(mean_loss_fn(targets, logits))
        print_epoch(num_epochs, accuracy(logits, targets), 75 * mean_cost)
    # --8<-- [end:run_mean]

    # --8<-- [start:arrays]
    kernel, intercept = model.get_weights()  # (2, 1), (1,)
    learned_weights, learned_bias = kernel[:, 0], intercept.item()  # (2,)
    # --8<-- [end:arrays]
