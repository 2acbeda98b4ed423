"""What both frameworks share: LeNet-5's start, its travels between layouts, batches."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]

# --8<-- [start:hyperparameters]
NUM_CLASSES = 10
LEARNING_RATE = 0.2
BATCH_SIZE = 100
SEED = 1
# --8<-- [end:hyperparameters]

# --8<-- [start:start]
LENET_SHAPES = [  # of kernels: outputs, inputs, height, width; of matrices: in, out
    (6, 1, 5, 5),
    (16, 6, 5, 5),
    (400, 120),
    (120, 84),
    (84, NUM_CLASSES),
]
SIGNAL_SHAPES = [(25, 1, 5), (25, 25, 3), (25, 25, 3), (125, NUM_CLASSES)]


def draw_params(shapes, seed, gain=1.0):
    """Return [kernels, bias, ..., weights, bias] of these shapes, as float32 arrays.

    The weights have the variance gain / inputs, where a unit's inputs are all that it
    is a weighted sum of. Biases are zero.
    """
    rng = np.random.default_rng(seed)
    params = []
    for shape in shapes:
        num_inputs = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
        num_outputs = shape[0] if len(shape) > 2 else shape[1]
        weights = np.sqrt(gain / num_inputs) * rng.standard_normal(shape)
        params += [weights.astype(np.float32), np.zeros(num_outputs, np.float32)]
    return params


# --8<-- [end:start]


# --8<-- [start:layouts]
def to_channels_last(params):
    """Return parameters for layers that keep the channels last, as Keras' do.

    Kernels (out, in, height, width) become (height, width, in, out). The first matrix
    after them multiplies flattened maps: its rows get the order of their entries.
    """
    moved, channels = [], None
    for array in params:
        if array.ndim > 2:
            channels = array.shape[0]
            array = np.moveaxis(array, [0, 1], [-1, -2])
        elif array.ndim == 2 and channels:
            maps = array.reshape(
                channels, -1, array.shape[1]
            )  # (channels, places, out)
            array, channels = maps.swapaxes(0, 1).reshape(array.shape), None
        moved.append(array)
    return moved


# --8<-- [end:layouts]


# --8<-- [start:shifts]
def add_shifted(signals, labels, reach):
    """Return the signals shifted by -reach to reach samples, and their labels.

    Signals are (num_signals, num_samples); what leaves at one end enters at the other.
    """
    shifts = range(-reach, reach + 1)
    moved = [np.roll(signals, shift, axis=1) for shift in shifts]
    return np.concatenate(moved), np.tile(labels, len(shifts))


# --8<-- [end:shifts]


# --8<-- [start:log]
def print_log(history, num_steps):
    """Print validation accuracy and loss of a history [(loss, accuracy), ...].

    Its entries are so many steps apart.
    """
    for count, (loss, accuracy) in enumerate(history, 1):
        line = f"Step: {count * num_steps:04d} | Valid ACC: {accuracy:.1%}"
        print(f"{line} | Valid loss: {loss:.4f}")


# --8<-- [end:log]


# --8<-- [start:choices]
def compare_choices(one, other):
    """Return how many 2 x 2 windows of two runs have different largest entries.

    Takes maps (batch, channels, height, width); also returns how far apart the two
    largest entries of such a window are, at most.
    """
    windows = []
    for maps in [one, other]:
        batch, channels, height, width = maps.shape
        split = maps.reshape(batch, channels, height // 2, 2, width // 2, 2)
        windows.append(split.swapaxes(3, 4).reshape(-1, 4))  # (windows, 4)
    moved = windows[0].argmax(axis=1) != windows[1].argmax(axis=1)
    ranked = np.sort(windows[0][moved], axis=1)
    return moved.sum(), (ranked[:, 3] - ranked[:, 2]).max(initial=0)


def compare_steps(grads, hidden):
    """Return how far two runs are apart in one step.

    Takes from each run the gradients, and the hidden units of every layer. Returns the
    largest difference of the gradients, relative to each one's largest entry; how many
    pools choose another entry; how far their two largest entries are apart; and how
    many units are on another side of zero, where ReLU bends.
    """
    pairs = zip(*grads, strict=True)
    apart = max(abs(one - other).max() / abs(one).max() for one, other in pairs)
    pairs = list(zip(*hidden, strict=True))
    choices = [compare_choices(*pair) for pair in pairs if pair[0].ndim == 4]
    counts, gaps = zip(*choices, strict=True)
    sides = sum(((one > 0) != (other > 0)).sum() for one, other in pairs)
    return apart, sum(counts), max(gaps), sides


def first_kink(rows):
    """Return the first step, from 0 on, in which a pool or a ReLU turns."""
    return int((rows[:, 1] + rows[:, 3] > 0).argmax())


def print_parting(smooth, kinked):
    """Print how far the gradients of two runs are apart: rows of `compare_steps`."""
    print(f"tanh, average pooling: at most {smooth[:, 0].max():.0e}")
    step = first_kink(kinked)
    apart, pools, gap, sides = kinked[step]
    print(f"ReLU, max pooling, before step {step + 1}: {kinked[:step, 0].max():.0e}")
    print(f"in step {step + 1}: {apart:.0e}, at the end {kinked[-1, 0]:.0e}")
    print(f"turned in step {step + 1}: pools {pools:.0f}, ReLUs {sides:.0f}")
    print(f"two largest entries of such a pool: {gap:.0e} apart")


# --8<-- [end:choices]
