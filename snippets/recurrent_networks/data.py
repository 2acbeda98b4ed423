"""Flip-flops to remember, start weights of recurrent layers, and their two layouts."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]

# --8<-- [start:hyperparameters]
NUM_CHANNELS = 3
NUM_STEPS = 50
PULSE_SHARE = 0.1
NOISE = 0.2
NUM_HIDDEN = 16
BATCH_SIZE = 32
MAX_NORM = 1.0
LEARNING_RATES = {"RNN": 0.1, "GRU": 0.3}
MOMENTUM = 0.9
SEED = 1
# --8<-- [end:hyperparameters]


# --8<-- [start:sequences]
def draw_sequences(num_sequences, num_steps, generator):
    """Draw sequences of pulses, and what three flip-flops show that they switch.

    Returns features and targets, both (num_sequences, num_steps, NUM_CHANNELS), in
    float32. A feature is a pulse, -1, 0 or 1, and noise. A target is the last pulse of
    its channel, or 0 before the first. Raises ValueError if a size is not positive.
    """
    if num_sequences < 1 or num_steps < 1:
        raise ValueError(
            f"{num_sequences} sequences of {num_steps} steps: none to draw"
        )
    shape = num_sequences, num_steps, NUM_CHANNELS
    pulses = generator.choice([-1.0, 1.0], shape)
    pulses[generator.random(shape) >= PULSE_SHARE] = 0
    steps = np.arange(num_steps)[:, np.newaxis]  # (num_steps, 1)
    last = np.maximum.accumulate(np.where(pulses == 0, 0, steps), axis=1)
    targets = np.take_along_axis(pulses, last, axis=1)
    features = pulses + NOISE * generator.normal(size=shape)
    return features.astype(np.float32), targets.astype(np.float32)


# --8<-- [end:sequences]


# --8<-- [start:recurrent]
def draw_recurrent_weights(num_features, num_hidden, num_gates, generator):
    """Draw a recurrent layer's weights, uniform within 1 / sqrt(num_hidden).

    Returns weight_ih (num_gates * num_hidden, num_features), weight_hh (num_gates *
    num_hidden, num_hidden), bias_ih and bias_hh (num_gates * num_hidden,), in float32.
    """
    bound, rows = num_hidden**-0.5, num_gates * num_hidden
    shapes = [(rows, num_features), (rows, num_hidden), (rows,), (rows,)]
    return [
        generator.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes
    ]


# --8<-- [end:recurrent]


# --8<-- [start:layout]
# --8<-- [start:to_keras]
def swap_first_gates(array):
    """Swap the first two of the three gates that are stacked along axis 0.

    Raises ValueError if axis 0 does not hold three gates of one size.
    """
    if len(array) % 3:
        raise ValueError(f"array has {len(array)} rows, which are not three gates")
    first, second, third = np.split(array, 3)
    return np.concatenate([second, first, third])


def gru_to_keras(weight_ih, weight_hh, bias_ih, bias_hh):
    """Turn a GRU's weights from PyTorch's layout into that of Keras (reset_after=True).

    Returns kernel (num_features, 3 * num_hidden), recurrent_kernel (num_hidden,
    3 * num_hidden) and bias (2, 3 * num_hidden).
    """
    bias = np.stack([swap_first_gates(bias_ih), swap_first_gates(bias_hh)])
    return swap_first_gates(weight_ih).T, swap_first_gates(weight_hh).T, bias


# --8<-- [end:to_keras]
def gru_to_pytorch(kernel, recurrent_kernel, bias):
    """Undo gru_to_keras: return weight_ih, weight_hh, bias_ih and bias_hh."""
    arrays = [kernel.T, recurrent_kernel.T, bias[0], bias[1]]
    return [swap_first_gates(array) for array in arrays]


# --8<-- [end:layout]


# --8<-- [start:start]
def draw_params(kind, seed):
    """Draw the start weights of a recurrent layer, "RNN" or "GRU", and a linear layer.

    Returns the four arrays of the recurrent layer in a list, and the weight
    (NUM_CHANNELS, NUM_HIDDEN) and the bias of the linear layer.
    """
    generator = np.random.default_rng(seed)
    num_gates = {"RNN": 1, "GRU": 3}[kind]
    layer = draw_recurrent_weights(NUM_CHANNELS, NUM_HIDDEN, num_gates, generator)
    weight, _, bias, _ = draw_recurrent_weights(NUM_HIDDEN, NUM_CHANNELS, 1, generator)
    return layer, weight, bias


# --8<-- [end:start]


# --8<-- [start:train]
def train(step, num_iterations, seed=SEED, log_every=100):
    """Call step(features, targets) on new batches; return the losses that it returns.

    Raises ValueError if log_every is negative; 0 prints nothing.
    """
    if log_every < 0:
        raise ValueError(f"log_every is {log_every}, must not be negative")
    generator, losses = np.random.default_rng(seed), []
    for iteration in range(1, num_iterations + 1):
        losses.append(step(*draw_sequences(BATCH_SIZE, NUM_STEPS, generator)))
        if log_every and (iteration == 1 or iteration % log_every == 0):
            print(f"Iteration: {iteration:03d} | Loss: {losses[-1]:.2f}")
    return losses


# --8<-- [end:train]


# --8<-- [start:accuracy]
def accuracy(outputs, targets):
    """Return the share of targets that are not 0 and whose sign the outputs have."""
    known = targets != 0
    return (np.sign(outputs) == targets)[known].mean()


# --8<-- [end:accuracy]


if __name__ == "__main__":
    # --8<-- [start:run]
    features, targets = draw_sequences(1, 12, np.random.default_rng(SEED))
    for name, array in [("Features:", features), ("Targets: ", targets)]:
        print(name, array.shape)
        print(array[0].T.round(1) + 0.0)
    # --8<-- [end:run]

    # --8<-- [start:run_layout]
    in_torch = draw_recurrent_weights(5, 8, 3, np.random.default_rng(SEED))
    kernel, recurrent_kernel, bias = gru_to_keras(*in_torch)
    print("Kernels:", kernel.shape, recurrent_kernel.shape)
    print("Bias:", bias.shape)
    back = gru_to_pytorch(kernel, recurrent_kernel, bias)
    same = [np.array_equal(a, b) for a, b in zip(back, in_torch, strict=True)]
    print("And back:", all(same))
    # --8<-- [end:run_layout]
