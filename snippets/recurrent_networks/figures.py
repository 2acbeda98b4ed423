"""Pictures of gradients through time and of what a network remembers: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]


# --8<-- [start:norms]
def plot_norms(norms):
    """Draw norms of the gradient, {name: (num_steps,)}, over the steps back."""
    _, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    for name, values in norms.items():
        axis.semilogy(values, label=name)
    axis.set(xlabel="steps back from the loss", ylabel="norm of the gradient")
    axis.legend()


# --8<-- [end:norms]


# --8<-- [start:flip_flops]
def plot_flip_flops(features, targets, outputs):
    """Draw one sequence, each array (time, channels): a panel for each channel."""
    count = features.shape[1]
    _, axes = plt.subplots(
        count, sharex=True, figsize=(6, 1.3 * count), layout="constrained"
    )
    for axis, pulses, target, output in zip(
        axes, features.T, targets.T, outputs.T, strict=True
    ):
        axis.bar(range(len(pulses)), pulses, color="gray", label="input")
        axis.step(range(len(target)), target, where="mid", label="target")
        axis.plot(output, label="output")
        axis.set(ylim=(-1.6, 1.6))
    axes[0].legend(loc="upper right", ncols=3, fontsize="small")
    axes[-1].set(xlabel="step")


# --8<-- [end:flip_flops]
