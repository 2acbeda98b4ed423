"""What both frameworks share: the adding problem, the start weights, the log."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.recurrent_networks.data import draw_recurrent_weights

# --8<-- [start:hyperparameters]
NUM_HIDDEN = 32
LENGTH = 50
BATCH_SIZE = 64
NUM_STEPS = 300
LEARNING_RATE = 0.01
MAX_NORM = 1.0  # of the gradient of all parameters together
SEED = 1
TEST_SEED = 1000  # of the test set; nothing is trained on it
# --8<-- [end:hyperparameters]


# --8<-- [start:sequences]
def draw_sequences(num_sequences, length, rng):
    """Return sequences of numbers and marks, and the sums of the marked numbers.

    The features (num_sequences, length, 2) are numbers in [0, 1) and marks: one mark in
    each half of a sequence, 0 elsewhere. The targets are (num_sequences,). Raises
    ValueError if the length is below 2.
    """
    if length < 2:
        raise ValueError(f"length is {length}, must be at least 2")
    features = np.zeros((num_sequences, length, 2))
    features[:, :, 0] = rng.random((num_sequences, length))
    rows, targets = np.arange(num_sequences), np.zeros(num_sequences)
    for start, end in [(0, length // 2), (length // 2, length)]:
        places = rng.integers(start, end, num_sequences)
        features[rows, places, 1] = 1
        targets += features[rows, places, 0]
    return features, targets


# --8<-- [end:sequences]


# --8<-- [start:start]
NUM_PARTS = {"plain": 1, "GRU": 3, "LSTM": 4}  # of the stacked weights


def draw_params(kind, seed=SEED, forget_bias=1.0):
    """Return the start weights of a recurrent layer and of a linear layer behind it.

    Those of the recurrent layer are weight_ih, weight_hh, bias_ih and bias_hh, with an
    LSTM's parts in the order input, forget, candidate, output. The bias of the forget
    gate is moved up by forget_bias. Of two biases that are only added, the second is 0.
    The linear layer starts near 1, the mean target.
    """
    rng = np.random.default_rng(seed)
    recurrent = draw_recurrent_weights(2, NUM_HIDDEN, NUM_PARTS[kind], rng)
    if kind != "GRU":
        recurrent[3][:] = 0
    if kind == "LSTM":
        recurrent[2][NUM_HIDDEN : 2 * NUM_HIDDEN] += forget_bias
    bound = NUM_HIDDEN**-0.5
    weight = rng.uniform(-bound, bound, (1, NUM_HIDDEN)).astype(np.float32)
    return recurrent, weight, np.ones(1, np.float32)


# --8<-- [end:start]


# --8<-- [start:log]
def print_log(histories, every=50):
    """Print the mean losses of so many steps at a time, from {name: (num_steps, 2)}.

    The first column of a history is the loss.
    """
    num_steps = len(next(iter(histories.values())))
    for end in range(every, num_steps + 1, every):
        losses = [
            f"{name}: {history[end - every : end, 0].mean():.4f}"
            for name, history in histories.items()
        ]
        print(f"Step: {end:04d} | " + " | ".join(losses))


# --8<-- [end:log]

if __name__ == "__main__":
    # --8<-- [start:run_sequences]
    features, targets = draw_sequences(1, 8, np.random.default_rng(SEED))
    print("Numbers:", features[0, :, 0].round(2))
    print("Marks:  ", features[0, :, 1])
    print("Target: ", targets.round(2))
    # --8<-- [end:run_sequences]

    # --8<-- [start:run_guess]
    _, targets = draw_sequences(100_000, LENGTH, np.random.default_rng(SEED))
    print(f"Guessing 1 costs {((targets - 1) ** 2).mean():.3f}")
    # --8<-- [end:run_guess]
