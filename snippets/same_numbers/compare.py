"""Compare two runs: their losses step by step, and their weights at the end."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]


# --8<-- [start:differences]
def differences(run, other):
    """Return how far apart the losses are at each step, and at the end the weights.

    A run is its losses (steps,), and the list of its weights after the last step.
    Returns an array (steps,) and a number, the largest difference of any weight.
    Raises ValueError if one took more steps than the other.
    """
    (losses, weights), (other_losses, other_weights) = run, other
    if len(losses) != len(other_losses):
        raise ValueError(f"{len(losses)} steps cannot match {len(other_losses)}")
    pairs = zip(weights, other_weights, strict=True)
    return np.abs(losses - other_losses), max(np.abs(a - b).max() for a, b in pairs)


# --8<-- [end:differences]


# --8<-- [start:print]
def print_run(runs, model, steps, bound):
    """Print a model's losses in float64, and whether float32 stays within a bound."""
    run, precise_run = (runs[f"{model}, {dtype}"] for dtype in ("float32", "float64"))
    for step in steps:
        print(f"Step {step:4d} | Loss: {precise_run[0][step - 1]:.11f}")
    gaps, _ = differences(run, precise_run)
    print(f"In float32 within {bound:.0e}:", gaps.max() <= bound)


# --8<-- [end:print]


# --8<-- [start:save]
def save_runs(path, runs):
    """Write runs by name into one .npz file."""
    arrays = {}
    for name, (losses, weights) in runs.items():
        arrays[f"{name}, losses"] = losses
        arrays |= {f"{name}, weight {i}": weight for i, weight in enumerate(weights)}
    np.savez(path, **arrays)


def load_runs(path):
    """Read what save_runs wrote."""
    runs = {}
    with np.load(path) as arrays:
        for key in arrays:
            name, _, kind = key.rpartition(", ")
            losses, weights = runs.setdefault(name, ([], []))
            (losses if kind == "losses" else weights).append(arrays[key])
    return {name: (losses[0], weights) for name, (losses, weights) in runs.items()}


# --8<-- [end:save]


# --8<-- [start:nudge]
def nudge(arrays):
    """Return copies in float64, with 1e-7 added to the last array's first number."""
    nudged = [array.astype("float64") for array in arrays]
    nudged[-1][0] += 1e-7
    return nudged


def print_gaps(gaps):
    """Print named differences (steps,): their largest at first, and later on."""
    for name, gap in gaps.items():
        first, later = gap[:100].max(), gap[300:400].max()
        print(f"{name}: {first:.1e} in steps 1 to 100, {later:.1e} in steps 301 to 400")


# --8<-- [end:nudge]


# --8<-- [start:plot]
def plot_gaps(gaps, floor, window=10):
    """Plot named differences (steps,): at each step, the largest of the last window.

    The axes are logarithmic; what is below floor is rounding, and drawn there. Raises
    ValueError if there are fewer steps than window.
    """
    _, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name, gap in gaps.items():
        largest = np.lib.stride_tricks.sliding_window_view(gap, window).max(axis=1)
        steps = np.arange(window, len(gap) + 1)
        axes.plot(steps, np.maximum(largest, floor), label=name)
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel="difference in loss")
    axes.legend(fontsize="small")


# --8<-- [end:plot]
