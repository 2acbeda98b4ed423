"""The same start weights and the same batches for both frameworks, drawn with NumPy."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.character_rnn.data import draw_batches, fetch_corpus, split_corpus
from snippets.character_rnn.weights import draw_start_weights
from snippets.logistic_regression.data import load_iris
from snippets.same_numbers.weights import draw_linear_weights
from snippets.softmax_regression.data import (
    draw_orders,
    read_mnist,
    split_batches,
    to_features,
)

# --8<-- [start:hyperparameters]
SEED = 123
NUM_STEPS = 1000  # logistic regression: all 75 flowers, again and again
NUM_EPOCHS, BATCH_SIZE = 10, 256  # softmax regression: 2,350 steps
# --8<-- [end:hyperparameters]


# --8<-- [start:starts]
def draw_starts(seed):
    """Return each model's start weights by its name, as PyTorch lays them out."""
    generator = np.random.default_rng(seed)
    embedding, gru, weight, bias = draw_start_weights(100, 64, 128, generator)
    return {
        "logistic regression": draw_linear_weights(2, 1, generator),
        "softmax regression": draw_linear_weights(28 * 28, 10, generator),
        "character RNN": [embedding, *gru, weight, bias],
    }


# --8<-- [end:starts]


# --8<-- [start:batches]
def iris_batches(dtype):
    """Return all flowers, features (75, 2) and targets (75,), once for each step."""
    X_train, y_train, *_ = load_iris()
    return [(X_train.astype(dtype), y_train.astype(dtype))] * NUM_STEPS


def mnist_batches(dtype):
    """Yield images (batch, 28, 28), from 0 to 1, and targets (batch,)."""
    images, y_train, *_ = read_mnist()
    features = to_features(images).reshape(images.shape)
    for order in draw_orders(len(features), NUM_EPOCHS, SEED):
        for batch in split_batches(order, BATCH_SIZE):
            yield features[batch].astype(dtype), y_train[batch]


def shakespeare_batches(num_steps, portion_size):
    """Yield one portion of the text for each step, inputs and targets (1, time)."""
    with open(fetch_corpus(), encoding="ascii") as file:
        train_tokens, _ = split_corpus(file.read())
    generator = np.random.default_rng(SEED)
    return draw_batches(train_tokens, portion_size, 1, num_steps, generator)


# --8<-- [end:batches]


if __name__ == "__main__":
    # --8<-- [start:run]
    starts = draw_starts(SEED)
    for name, arrays in starts.items():
        print(f"{name}:", *(array.shape for array in arrays))
    # --8<-- [end:run]
