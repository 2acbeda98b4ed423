"""Pictures of training and of what each block contributes: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]


# --8<-- [start:losses]
def plot_losses(histories):
    """Draw training losses per epoch: {name: (num_epochs, 3)}."""
    _, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name, history in histories.items():
        axis.plot(range(1, len(history) + 1), history[:, 0], label=name)
    axis.set(xlabel="epoch", ylabel="training loss", xticks=range(1, len(history) + 1))
    axis.legend()


# --8<-- [end:losses]


# --8<-- [start:blocks]
def plot_blocks(accuracies, whole):
    """Draw accuracies without each block (num_blocks,), and that of the whole model."""
    _, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    numbers = range(1, len(accuracies) + 1)
    axis.bar(numbers, accuracies)
    axis.axhline(whole, color="black", linewidth=1, label="all blocks")
    axis.set(xlabel="block left out", ylabel="validation accuracy", xticks=numbers)
    axis.legend(loc="lower right")


# --8<-- [end:blocks]
