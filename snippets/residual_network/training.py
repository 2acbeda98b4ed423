"""What both frameworks share: hyperparameters, start weights and the log."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]

# --8<-- [start:hyperparameters]
NUM_BLOCKS = 3
NUM_CHANNELS = 32
NUM_CLASSES = 10
BATCH_SIZE = 100
NUM_EPOCHS = 15
LEARNING_RATE = 0.01
WEIGHT_DECAY = 0.01
SEED = 1
# --8<-- [end:hyperparameters]

# --8<-- [start:deep]
DEEP = {  # of twenty layers: whether it has skips and batch norm, and its learning rate
    "plain": (False, False, 0.003),
    "with skips": (True, False, 0.003),
    "with skips and batch norm": (True, True, 0.1),
}
# --8<-- [end:deep]


# --8<-- [start:start]
def draw_params(num_blocks=NUM_BLOCKS, norm=True, num_channels=NUM_CHANNELS, seed=SEED):
    """Return the start weights of a network, layer by layer, as float32 arrays.

    A convolution's kernel has shape (kernel size, inputs, outputs) and variance 2 over
    kernel size times inputs, as He et al. (2015) start for ReLU. With norm, gamma and
    beta follow each kernel, else its bias; the last layer has weights and bias.
    """
    rng = np.random.default_rng(seed)
    shapes = [(4, 1, num_channels)]
    shapes += 2 * num_blocks * [(3, num_channels, num_channels)]
    shapes += [(num_channels, NUM_CLASSES)]
    params = []
    for shape in shapes:
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        params.append(scale * rng.standard_normal(shape))
        if norm and len(shape) == 3:
            params.append(np.ones(shape[-1]))
        params.append(np.zeros(shape[-1]))
    return [x.astype(np.float32) for x in params]


# --8<-- [end:start]


# --8<-- [start:log]
def print_log(history, every=1):
    """Print epoch 1 and every so many of a history (num_epochs, 3).

    Its columns are the training loss, the validation loss and the validation accuracy.
    """
    for epoch, (loss, _, accuracy) in enumerate(history, 1):
        if epoch == 1 or epoch % every == 0:
            losses = f"Train loss: {loss:.3f} | Valid ACC: {accuracy:.1%}"
            print(f"Epoch: {epoch:03d} | {losses}")


# --8<-- [end:log]
