"""Pictures of what a choice promises, and of schedules: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]
from snippets.training_in_practice.training import choose


# --8<-- [start:promises]
def plot_promises(hits, num_signals):
    """Draw how far what is reported is above what the chosen model is worth.

    Takes hits (num_models, num_signals); the best is chosen on many test sets.
    """
    _, axis = plt.subplots(figsize=(6.5, 3.5), layout="constrained")
    names = {"test": "judged on the set that chose", "fresh": "judged on fresh signals"}
    bins = np.arange(-20.5, 21.5, 1)  # in points, around whole numbers
    for judge, name in names.items():
        reported, chosen = choose(hits, judge, num_signals)
        apart = 100 * (reported - chosen)
        shares, _ = np.histogram(apart, bins)
        axis.stairs(shares / len(apart), bins, fill=True, alpha=0.6, label=name)
        axis.axvline(apart.mean(), linestyle="dashed", color="black", linewidth=1)
    axis.set(xlabel="reported accuracy minus true accuracy, points")
    axis.set(ylabel="share of test sets", xlim=(-16, 20))
    axis.legend()


# --8<-- [end:promises]


# --8<-- [start:rates]
def plot_rates(schedules):
    """Draw learning rates (num_steps,) by the schedule's name."""
    _, axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
    for name, rates in schedules.items():
        axis.plot(rates, label=name)
    axis.set(xlabel="step", ylabel="learning rate")
    axis.legend(fontsize=8)


# --8<-- [end:rates]
