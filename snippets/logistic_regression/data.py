"""Two species of iris by their sepals, and what else both frameworks share."""

# --8<-- [start:imports]
import numpy as np
import pooch

# --8<-- [end:imports]


# --8<-- [start:download]
IRIS_URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/iris/iris.data"
IRIS_SHA256 = "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0"


def fetch_iris(folder="data"):
    """Return the path of UCI's iris file, downloaded and checked where it is missing.

    Raises ValueError if the downloaded file has another checksum.
    """
    return pooch.retrieve(
        IRIS_URL, known_hash=f"sha256:{IRIS_SHA256}", path=folder, fname="iris.data"
    )


# --8<-- [end:download]


# --8<-- [start:read]
def read_iris(path):
    """Read the first 100 flowers: 50 Iris setosa (0.0), then 50 Iris versicolor (1.0).

    Returns features (100, 2), sepal length and width in cm, and targets (100,).
    """
    rows = np.loadtxt(path, delimiter=",", dtype=str, max_rows=100)  # (100, 5)
    features = rows[:, :2].astype(float)  # (100, 2)
    targets = (rows[:, 4] == "Iris-versicolor").astype(float)  # (100,)
    return features, targets


# --8<-- [end:read]


# --8<-- [start:split]
def split(features, targets, num_test=25, seed=1):
    """Shuffle the examples; the first num_test become the test set.

    Returns X_train, y_train, X_test, y_test. Raises ValueError if the lengths differ
    or if num_test leaves one of the two sets empty.
    """
    if len(features) != len(targets):
        raise ValueError(f"{len(features)} features but {len(targets)} targets")
    if not 0 < num_test < len(features):
        raise ValueError(f"num_test is {num_test} of {len(features)} examples")
    indices = np.arange(len(features))
    np.random.RandomState(seed).shuffle(indices)
    test, train = indices[:num_test], indices[num_test:]
    return features[train], targets[train], features[test], targets[test]


# --8<-- [end:split]


# --8<-- [start:standardize]
def standardize(X_train, X_test):
    """Shift and scale both sets by the training set's mean and standard deviation.

    Returns X_train, X_test, mean (num_features,) and std (num_features,).
    Raises ValueError if a feature is constant over the training set.
    """
    mean, std = X_train.mean(axis=0), X_train.std(axis=0)
    if not std.all():
        raise ValueError("a constant feature cannot be standardized")
    return (X_train - mean) / std, (X_test - mean) / std, mean, std


# --8<-- [end:standardize]


# --8<-- [start:load]
def load_iris(folder="data"):
    """Return X_train, y_train, X_test, y_test, and the mean and std in cm."""
    features, targets = read_iris(fetch_iris(folder))
    X_train, y_train, X_test, y_test = split(features, targets)
    X_train, X_test, mean, std = standardize(X_train, X_test)
    return X_train, y_train, X_test, y_test, mean, std


# --8<-- [end:load]


# --8<-- [start:minibatches]
def draw_minibatches(X, y, batch_size, rng):
    """Shuffle the examples by rng; iterate over (X, y) batches.

    The last batch may be smaller than the others. Raises ValueError if the lengths
    differ, or if batch_size is not 1 to their length.
    """
    if len(X) != len(y):
        raise ValueError(f"{len(X)} features but {len(y)} targets")
    if not 1 <= batch_size <= len(X):
        raise ValueError(f"batch_size is {batch_size}, must be 1 to {len(X)}")
    order = rng.permutation(len(X))
    batches = np.split(order, range(batch_size, len(X), batch_size))
    return ((X[batch], y[batch]) for batch in batches)


def print_minibatch_epoch(epoch, costs, train_accuracy):
    """Print the accuracy after an epoch, and the sum of the costs of its batches."""
    fields = [f"Epoch: {epoch:03d}", f"Train ACC: {train_accuracy:.3f}"]
    print(" | ".join([*fields, f"Sum of costs: {sum(costs):.3f}"]))


# --8<-- [end:minibatches]


# --8<-- [start:post_minibatches]
def iterate_post_minibatches(X, y, batch_size, seed):
    """Iterate over shuffled (X, y) batches; an incomplete last one is dropped.

    Raises ValueError if the lengths differ or hold not even one batch.
    """
    if len(X) != len(y):
        raise ValueError(f"{len(X)} features but {len(y)} targets")
    if not 1 <= batch_size <= len(X):
        raise ValueError(f"batch_size is {batch_size}, must be 1 to {len(X)}")
    indices = np.arange(len(X))
    np.random.RandomState(seed).shuffle(indices)
    num_batches = len(X) // batch_size
    batches = indices[: num_batches * batch_size].reshape(num_batches, batch_size)
    return ((X[batch], y[batch]) for batch in batches)


# --8<-- [end:post_minibatches]


# --8<-- [start:post_log]
def print_post_epoch(epoch, costs, divisor, train_accuracy, test_accuracy):
    """Print the costs of an epoch's batches, averaged wrongly and rightly.

    The post's log divides by a counter of all batches so far that starts at 1 and is
    never reset: its "AvgCost" shrinks even where the costs do not.
    """
    fields = [f"Epoch: {epoch:03d}"]
    if costs:
        fields.append(f"AvgCost: {sum(costs) / divisor:.3f}")
        fields.append(f"Mean cost: {sum(costs) / len(costs):.3f}")
    fields.append(f"Train/Test ACC: {train_accuracy:.2f}/{test_accuracy:.2f}")
    print(" | ".join(fields))


# --8<-- [end:post_log]


# --8<-- [start:bound]
def largest_error_rate(num_tested, confidence=0.95):
    """Return the largest error rate that num_tested examples without an error allow.

    With a larger rate, so many right answers in a row would be less likely than
    1 - confidence. Raises ValueError if num_tested is below 1.
    """
    if num_tested < 1:
        raise ValueError(f"num_tested is {num_tested}, must be at least 1")
    return 1 - (1 - confidence) ** (1 / num_tested)


# --8<-- [end:bound]


# --8<-- [start:naive]
def softplus_naive(logits):
    """Return log(1 + e^z) as it is written: infinite in float32 from z = 89 on."""
    with np.errstate(over="ignore"):
        return np.log(1 + np.exp(logits))


def softplus(logits):
    """Return log(1 + e^z) as max(z, 0) + log(1 + e^-|z|): no power exceeds 1."""
    return np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))


# --8<-- [end:naive]


# --8<-- [start:centimetres]
def to_centimetres(weights, bias, mean, std):
    """Turn weights (num_features,) and bias for standardized features into ones for cm.

    w (x - mean) / std + b is (w / std) x + b - w mean / std.
    """
    return weights / std, bias - (weights * mean / std).sum()


# --8<-- [end:centimetres]


# --8<-- [start:least_sure]
def least_sure(logits):
    """Return the index of the logit (batch,) nearest 0: its probability is nearest 0.5.

    Raises ValueError if there is none.
    """
    return int(abs(logits).argmin())


# --8<-- [end:least_sure]


if __name__ == "__main__":
    # --8<-- [start:run]
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    for name, X, y in [("Train", X_train, y_train), ("Test", X_test, y_test)]:
        num_setosa, num_versicolor = np.bincount(y.astype(int))
        print(f"{name}: {X.shape}, {num_setosa} setosa, {num_versicolor} versicolor")
    print("Mean: {:.3f} cm long, {:.3f} cm wide".format(*mean))
    print("Std: {:.3f} cm long, {:.3f} cm wide".format(*std))
    # --8<-- [end:run]

    learned_weights, learned_bias = np.zeros(2), 0.0
    for _ in range(10):  # as by hand
        errors = 1 / (1 + np.exp(-X_train @ learned_weights - learned_bias)) - y_train
        learned_weights -= 0.1 * errors @ X_train
        learned_bias -= 0.1 * errors.sum()

    # --8<-- [start:run_bound]
    print(f"Error rate of new flowers, 95 % bound: {largest_error_rate(25):.0%}")
    # --8<-- [end:run_bound]

    # --8<-- [start:run_naive]
    logits = np.float32([-20, -1, 89])
    print("Naive:  {:.3g} {:.3g} {:.3g}".format(*softplus_naive(logits)))
    print("Stable: {:.3g} {:.3g} {:.3g}".format(*softplus(logits)))
    # --8<-- [end:run_naive]

    # --8<-- [start:run_centimetres]
    cm_weights, cm_bias = to_centimetres(learned_weights, learned_bias, mean, std)
    print("Weights: {:.3f} {:.3f}, bias: {:.3f}".format(*cm_weights, cm_bias))
    flower = np.array([5.8, 2.7])  # cm
    logit = (flower - mean) / std @ learned_weights + learned_bias
    print(f"Logit, standardized: {logit:.3f}")
    print(f"Logit, centimetres:  {flower @ cm_weights + cm_bias:.3f}")
    # --8<-- [end:run_centimetres]

    # --8<-- [start:run_least_sure]
    test_logits = X_test @ learned_weights + learned_bias  # (25,)
    index = least_sure(test_logits)
    print("Sepal: {:.1f} cm long, {:.1f} cm wide".format(*X_test[index] * std + mean))
    print("Species:", ["Iris setosa", "Iris versicolor"][int(y_test[index])])
    proba = 1 / (1 + np.exp(-test_logits[index]))
    print(f"Probability of a versicolor: {proba:.3f}")
    # --8<-- [end:run_least_sure]
