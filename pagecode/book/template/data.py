"""My model: the data, and a picture of what is learned."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]


# --8<-- [start:load]
def load_points(num_examples=50, seed=123):
    """Return features and targets (num_examples,): 2 x + 1, and a little noise.

    Data from elsewhere are fetched with `pooch.retrieve`, a sha256 and `path="data"`.
    """
    generator = np.random.default_rng(seed)
    features = generator.uniform(-1, 1, num_examples).astype(np.float32)
    noise = 0.1 * generator.standard_normal(num_examples).astype(np.float32)
    return features, 2 * features + 1 + noise


# --8<-- [end:load]


# --8<-- [start:plot]
def plot_line(features, targets, weight, bias):
    """Plot points (num_examples,), and the line weight * x + bias."""
    _, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    axes.scatter(features, targets)
    ends = np.array([-1.0, 1.0])
    axes.plot(ends, weight * ends + bias, color="gray")
    axes.set(xlabel="feature", ylabel="target")


# --8<-- [end:plot]


if __name__ == "__main__":
    # --8<-- [start:run]
    X_train, y_train = load_points()
    print(f"Features: {X_train.shape}, targets: {y_train.shape}")
    # --8<-- [end:run]

    learned_weight, learned_bias = 2.0, 1.0

    # --8<-- [start:run_plot]
    plot_line(X_train, y_train, learned_weight, learned_bias)
    # --8<-- [end:run_plot]
