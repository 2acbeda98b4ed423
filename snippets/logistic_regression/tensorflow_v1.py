"""Logistic regression as a TensorFlow 1 graph, run in a session."""

# --8<-- [start:imports]
import tensorflow.compat.v1 as tf1

# --8<-- [end:imports]
from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.minibatches import (
    iterate_minibatches,
    print_minibatch_epoch,
)


# --8<-- [start:graph]
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


# --8<-- [end:graph]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()

    # --8<-- [start:run]
    graph, variables = build_graph(num_features=2, learning_rate=0.05)
    train_feed = {"inputs:0": X_train, "targets:0": y_train}
    test_feed = {"inputs:0": X_test, "targets:0": y_test}
    costs, divisor = [], 1
    with tf1.Session(graph=graph) as session:
        session.run(tf1.global_variables_initializer())
        for epoch in range(15):
            train_accuracy = session.run("accuracy:0", train_feed)
            test_accuracy = session.run("accuracy:0", test_feed)
            print_minibatch_epoch(epoch, costs, divisor, train_accuracy, test_accuracy)
            costs = []
            for X_batch, y_batch in iterate_minibatches(X_train, y_train, 10, seed=123):
                feed = {"inputs:0": X_batch, "targets:0": y_batch}
                _, cost = session.run(["train", "cost:0"], feed)
                costs.append(cost.item())
            divisor += len(costs)
        final_weights, final_bias = session.run(variables)  # "bias:0": a handle
    print("Weights: {:.4f} {:.4f}".format(*final_weights.tolist()))
    print(f"Bias: {final_bias.item():.4f}")
    # --8<-- [end:run]
