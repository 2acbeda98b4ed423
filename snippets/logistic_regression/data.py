"""Two species of iris, described by their sepals, for a binary classifier."""

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


if __name__ == "__main__":
    # --8<-- [start:run]
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    for name, X, y in [("Train", X_train, y_train), ("Test", X_test, y_test)]:
        num_setosa, num_versicolor = np.bincount(y.astype(int))
        print(f"{name}: {X.shape}, {num_setosa} setosa, {num_versicolor} versicolor")
    print("Mean: {:.3f} cm long, {:.3f} cm wide".format(*mean))
    print("Std: {:.3f} cm long, {:.3f} cm wide".format(*std))
    # --8<-- [end:run]
