"""What the GPT reaches with several starts, measured by `make results`."""

from functools import partial
from pathlib import Path

import numpy as np

from snippets.gpt.training import draw_params
from snippets.gpt.ways import VOCABULARY, build, modules, train_tokens

NANOGPT = "https://github.com/karpathy/nanoGPT"
TRAININGS = {"GPT, 500 steps": 500, "GPT, 2,000 steps": 2000}
RESULTS = {
    row: {
        "seeds": 3,
        "unit": "nats",
        "digits": 3,
        "yardstick": f"[1.88 after 2,000 steps]({NANOGPT})",
    }
    for row in TRAININGS
}
CURVES = Path(".cache", "results")  # the losses of the runs, for their picture
LABELS = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}


def results(framework):
    """Return by row a function of a seed: (number of parameters, validation loss)."""
    models, training = modules(framework)

    def reach(num_steps, seed):
        tokens, valid_tokens = train_tokens()
        model = build(models, seed)
        losses = training.train(model, tokens, num_steps)
        CURVES.mkdir(parents=True, exist_ok=True)
        np.save(CURVES / f"gpt-{framework}-{num_steps}-{seed}.npy", losses)
        count = sum(x.size for x in draw_params(VOCABULARY, seed))
        return count, training.evaluate(model, valid_tokens, num_batches=200)

    return {row: partial(reach, num_steps) for row, num_steps in TRAININGS.items()}


def draw_results(runs):
    """Draw the training losses, and what each run reached on the validation text."""
    import matplotlib.pyplot as plt

    picture, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for row, num_steps in TRAININGS.items():
        for color, (framework, found) in zip(
            ("tab:red", "tab:blue"), runs.items(), strict=True
        ):
            label = LABELS[framework]
            files = [
                CURVES / f"gpt-{framework}-{num_steps}-{seed}.npy"
                for seed in range(len(found[row]))
            ]
            losses = np.mean([np.load(file) for file in files], axis=0)
            smooth = losses.reshape(-1, 25).mean(axis=1)
            steps = 25 * np.arange(len(smooth)) + 12.5
            style = "-" if framework == "pytorch" else "--"
            wide = num_steps == max(TRAININGS.values())
            axis.plot(steps, smooth, style, color=color, label=label if wide else None)
            values = [run["value"] for run in found[row]]
            axis.plot([num_steps] * len(values), values, "o", color=color)
    axis.axhline(1.88, color="gray", linestyle=":", label="nanoGPT, validation")
    axis.set(xlabel="step", ylabel="loss", ylim=(1.5, 3.2))
    axis.legend()
    return picture
