"""A judge of images that neither framework wrote: a small classifier in NumPy."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.softmax_regression.data import read_mnist, to_features


# --8<-- [start:judge]
def read_digits(images, params):
    """Return probabilities of ten classes for images (num_images, num_pixels).

    The parameters [W1, b1, W2, b2] are those of a multilayer perceptron with ReLU.
    """
    W1, b1, W2, b2 = params
    logits = np.maximum(images @ W1 + b1, 0) @ W2 + b2  # (num_images, 10)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def train_judge(images, labels, num_epochs=2, batch_size=128, learning_rate=0.2):
    """Return the parameters of a judge with 100 hidden units, trained by SGD."""
    one_hots = np.eye(10, dtype=images.dtype)[labels]
    rng = np.random.default_rng(0)
    W1 = rng.standard_normal((images.shape[1], 100)) * np.sqrt(2 / images.shape[1])
    W2 = rng.standard_normal((100, 10)) * np.sqrt(2 / 100)
    params = [W1, np.zeros(100), W2, np.zeros(10)]
    W1, b1, W2, _ = params = [p.astype(np.float32) for p in params]
    for _ in range(num_epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            features, one_hot = images[batch], one_hots[batch]
            hidden = np.maximum(features @ W1 + b1, 0)  # (batch, 100)
            errors = (read_digits(features, params) - one_hot) / len(batch)
            back = errors @ W2.T * (hidden > 0)  # (batch, 100)
            grads = [features.T @ back, back.sum(axis=0)]
            grads += [hidden.T @ errors, errors.sum(axis=0)]
            for param, grad in zip(params, grads, strict=True):
                param -= learning_rate * grad
    return params


def frechet_distance(images, others, params):
    """Return how differently two sets of images excite the judge's hidden units.

    It is the Fréchet distance of two normal distributions with the means and the
    covariances of the hidden units: 0 for equal ones. Heusel et al. (2017).
    """
    W1, b1, *_ = params
    one, two = (np.maximum(x @ W1 + b1, 0).astype(float) for x in (images, others))
    shift = one.mean(axis=0) - two.mean(axis=0)
    covariances = np.cov(one.T), np.cov(two.T)
    # The trace of the root of a matrix is the sum of its eigenvalues' roots.
    squares = np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(0)
    return shift @ shift + np.trace(sum(covariances)) - 2 * np.sqrt(squares).sum()


# --8<-- [end:judge]


if __name__ == "__main__":
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = (
        to_features(train_images[:55_000]),
        to_features(train_images[55_000:]),
    )
    y_train, y_valid = y_train[:55_000], y_train[55_000:]

    # --8<-- [start:run]
    judge = train_judge(X_train, y_train)
    readings = read_digits(X_valid, judge).argmax(axis=1)
    print(f"Read correctly: {(readings == y_valid).mean():.1%}")
    distance = frechet_distance(X_train[:1000], X_valid, judge)
    print(f"Distance of 1,000 training digits: {distance:.1f}")
    # --8<-- [end:run]
