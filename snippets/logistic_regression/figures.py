"""Figures of a logistic regression: its cost, and the line that it has learned."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]


# --8<-- [start:costs]
def plot_costs(costs):
    """Plot the cost after each epoch, from epoch 1 on."""
    _, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    axes.plot(np.arange(1, len(costs) + 1), costs, marker="o")
    axes.set(xlabel="epoch", ylabel="cost", ylim=(0, None))


# --8<-- [end:costs]


# --8<-- [start:boundary]
def plot_boundary(X, y, weights, bias):
    """Plot flowers X (batch, 2) by class y (batch,), and the line where the logit is 0.

    The line is w1 x1 + w2 x2 + b = 0; its second weight must not be 0.
    """
    _, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for label, name, marker in [(0, "Iris setosa", "o"), (1, "Iris versicolor", "^")]:
        axes.scatter(*X[y == label].T, label=name, marker=marker)
    x1 = np.array([X[:, 0].min(), X[:, 0].max()])
    axes.plot(x1, -(weights[0] * x1 + bias) / weights[1], color="gray", label="logit 0")
    axes.set(xlabel="sepal length (standardized)", ylabel="sepal width (standardized)")
    axes.set_ylim(X[:, 1].min() - 0.3, X[:, 1].max() + 0.3)
    axes.legend()


# --8<-- [end:boundary]
