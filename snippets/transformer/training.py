"""What both frameworks share: the sequences, the start weights, NumPy's attention."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]

# --8<-- [start:hyperparameters]
NUM_SYMBOLS = 10
LENGTH = 16
WIDTH = 32
SIZES = NUM_SYMBOLS, LENGTH, NUM_SYMBOLS  # of inputs, sequences and outputs
LEARNING_RATE = 0.01
BATCH_SIZE = 64
NUM_EPOCHS = 3
SEED = 1
# --8<-- [end:hyperparameters]


# --8<-- [start:sequences]
def draw_sequences(num_sequences, seed):
    """Return random sequences, one-hot (num_sequences, LENGTH, NUM_SYMBOLS), float32.

    Their targets are the symbols in reverse (num_sequences, LENGTH), as integers.
    """
    rng = np.random.default_rng(seed)
    symbols = rng.integers(NUM_SYMBOLS, size=(num_sequences, LENGTH))
    one_hot = np.eye(NUM_SYMBOLS, dtype=np.float32)[symbols]
    return one_hot, symbols[:, ::-1].copy()


# --8<-- [end:sequences]


# --8<-- [start:loops]
def attend_by_loops(queries, keys, values):
    """Return the outputs (length, depth) of dot-product attention for one sequence."""
    outputs = np.zeros_like(values)
    for place, query in enumerate(queries):
        scores = [query @ key / np.sqrt(len(query)) for key in keys]
        powers = [np.exp(score - max(scores)) for score in scores]
        for power, value in zip(powers, values, strict=True):
            outputs[place] += power / sum(powers) * value
    return outputs


# --8<-- [end:loops]


# --8<-- [start:report]
def report(name, found, expected, bound):
    """Print whether each array or tensor is within a bound of what is expected."""
    pairs = zip(found, expected, strict=True)
    apart = max(np.abs(np.asarray(one) - np.asarray(two)).max() for one, two in pairs)
    print(f"{name}: within {bound:.0e}: {apart < bound}")


# --8<-- [end:report]


# --8<-- [start:differences]
def finite_differences(arrays, slopes, epsilon=1e-6):
    """Return the gradients of the sum of outputs * slopes, each number moved alone.

    The arrays are queries, keys and values, one sequence: (length, depth) each.
    """
    grads = [np.zeros_like(array) for array in arrays]
    for array, grad in zip(arrays, grads, strict=True):
        for index in np.ndindex(array.shape):
            value = array[index]
            for sign in [1, -1]:
                array[index] = value + sign * epsilon
                total = (attend_by_loops(*arrays) * slopes).sum()
                grad[index] += sign * total / (2 * epsilon)
            array[index] = value
    return grads


# --8<-- [end:differences]


# --8<-- [start:scales]
def softmax(scores):
    """Return weights that sum to 1 along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def compare_scales(depth, num_keys=16, num_queries=1000):
    """Print the scores of random queries and keys, before and after the division."""
    rng = np.random.default_rng(SEED)
    queries = rng.standard_normal((num_queries, depth))
    keys = rng.standard_normal((num_queries, num_keys, depth))
    scores = np.einsum("qd,qkd->qk", queries, keys)  # (num_queries, num_keys)
    for name, values in [("q·k", scores), ("q·k/√d", scores / np.sqrt(depth))]:
        weights = softmax(values)
        slope = (weights * (1 - weights)).sum(axis=1).mean()  # of weights by own scores
        print(
            f"d = {depth:3d}, {name:6}: variance {values.var():6.2f} | "
            f"largest weight {weights.max(axis=1).mean():.2f} | slopes {slope:.2f}"
        )


# --8<-- [end:scales]


# --8<-- [start:sinusoids]
def sinusoids(length, width):
    """Return a vector for each place, sines and cosines of rising period.

    Shape (length, width), float32; Vaswani et al. (2017), section 3.5.
    """
    places = np.arange(length)[:, None]
    rates = 10_000.0 ** (-np.arange(0, width, 2) / width)  # (width / 2,)
    angles = places * rates  # (length, width / 2)
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return waves.reshape(length, width).astype(np.float32)


# --8<-- [end:sinusoids]


# --8<-- [start:start]
def draw_params(sizes, num_blocks, seed):
    """Return the start weights of a Transformer in the order of its layers.

    The sizes are (num_inputs, length, num_outputs).
    Matrices are (inputs, outputs) with variance 1 / inputs; gains of LayerNorm are 1,
    biases 0. First come the sinusoids for the places, then the matrix of the inputs.
    """
    num_inputs, length, num_outputs = sizes
    rng = np.random.default_rng(seed)

    def linear(inputs, outputs):
        return rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)

    norm = [np.ones(WIDTH), np.zeros(WIDTH)]
    params = [sinusoids(length, WIDTH), rng.standard_normal((num_inputs, WIDTH))]
    for _ in range(num_blocks):
        params += norm
        params += [linear(WIDTH, WIDTH) for _ in range(4)]  # W_Q, W_K, W_V, W_O
        params += norm
        params += [linear(WIDTH, 4 * WIDTH), np.zeros(4 * WIDTH)]
        params += [linear(4 * WIDTH, WIDTH), np.zeros(WIDTH)]
    params += norm
    params += [linear(WIDTH, num_outputs), np.zeros(num_outputs)]
    return [array.astype(np.float32) for array in params]


# --8<-- [end:start]


# --8<-- [start:batches]
def draw_batches(num_examples, num_epochs, batch_size, seed):
    """Yield for each epoch its batches of indices, shuffled anew.

    Raises ValueError unless the batch size divides the number of examples.
    """
    if num_examples % batch_size:
        raise ValueError(f"{num_examples} examples in batches of {batch_size}")
    rng = np.random.default_rng(seed)
    for _ in range(num_epochs):
        yield rng.permutation(num_examples).reshape(-1, batch_size)


# --8<-- [end:batches]


# --8<-- [start:log]
def print_log(history):
    """Print each epoch of a history (num_epochs, 3).

    Its columns are training loss, validation loss and validation accuracy.
    """
    for epoch, (train_loss, valid_loss, accuracy) in enumerate(history, 1):
        losses = f"Train loss: {train_loss:.4f} | Valid loss: {valid_loss:.4f}"
        print(f"Epoch: {epoch:03d} | {losses} | Valid ACC: {accuracy:.1%}")


# --8<-- [end:log]

if __name__ == "__main__":
    # --8<-- [start:run_sequences]
    inputs, targets = draw_sequences(1, SEED)
    print("Input: ", *inputs[0].argmax(axis=1), "as one-hot rows:", inputs.shape)
    print("Target:", *targets[0])
    # --8<-- [end:run_sequences]

    # --8<-- [start:run_scales]
    for depth in [4, 64, 256]:
        compare_scales(depth)
    # --8<-- [end:run_scales]
