"""The page's tables and picture: each model with several seeds (`make results`).

Settings were chosen with 3,200 of the training signals, by the other 800.
"""

from functools import partial

import numpy as np

from snippets.datasets.mnist1d import make_mnist1d
from snippets.one_data_set.training import ORDER, SETTINGS, draw_batches

PAPER = "https://arxiv.org/abs/2011.14439"
AUTHORS = "https://github.com/greydanus/mnist1d"
ORDERED = {  # what the paper's table says, with its deviation
    "linear": "32 ± 1",
    "MLP": "68 ± 2",
    "CNN": "94 ± 2",
    "GRU": "91 ± 2",
}
SHUFFLED = {"linear": "32", "MLP": "68", "CNN": "56", "GRU": "57"}
TITLES = {
    "linear": "softmax regression",
    "MLP": "MLP, 2 × 100 hidden units",
    "CNN": "CNN, 3 × 25 channels",
    "GRU": "GRU, bidirectional, 6 units",
    "residual": "residual CNN, 7 × 32 channels",
    "Transformer": "Transformer, 2 blocks of width 32",
}


def declare(name, shuffled):
    """Return what is said of a model beside its accuracy."""
    figures, address = (SHUFFLED, AUTHORS) if shuffled else (ORDERED, PAPER)
    figure = figures.get(name)
    return {
        "seeds": 3 if shuffled else 5,
        "unit": "%",
        "digits": 1,
        "yardstick": f"[{figure} %]({address})" if figure else "none",
        "table": "shuffled" if shuffled else "table",
    }


def row_of(name, shuffled):
    """Return the name of a model's row."""
    return f"{TITLES[name]}, shuffled" if shuffled else TITLES[name]


CASES = [(name, shuffled) for shuffled in (False, True) for name in SETTINGS]
RESULTS = {row_of(*case): declare(*case) for case in CASES}


def results(framework):
    """Return by a row's name what trains a seed: parameters, and test accuracy in %."""
    if framework == "pytorch":
        import torch

        from snippets.one_data_set import pytorch_models as module

        to_tensor = torch.from_numpy
    else:
        import tensorflow as tf

        from snippets.one_data_set import tensorflow_models as module

        to_tensor = tf.constant
    signals, labels = make_mnist1d()

    def reach(name, shuffled, seed):
        X = to_tensor(signals[:, ORDER] if shuffled else signals)
        y = to_tensor(labels)
        learning_rate, num_epochs = SETTINGS[name]
        model = module.MODELS[name]()
        module.start(model, seed)
        batches = draw_batches(4000, num_epochs, seed)
        module.fit(model, learning_rate, batches, X[:4000], y[:4000])
        _, accuracy = module.evaluate(model, X[4000:], y[4000:])
        return module.count_params(model), 100 * accuracy

    return {row_of(*case): partial(reach, *case) for case in CASES}


def draw_results(runs):
    """Draw accuracy against parameters and against seconds, of both frameworks.

    Takes {framework: {row: [{"parameters", "value", "seconds"}, ...]}}.
    """
    import matplotlib.pyplot as plt

    picture, axes = plt.subplots(
        1, 2, figsize=(8, 4.5), sharey=True, layout="constrained"
    )
    colors = dict(zip(SETTINGS, plt.rcParams["axes.prop_cycle"], strict=False))
    for framework, marker in {"pytorch": "o", "tensorflow": "s"}.items():
        for name, shuffled in CASES:
            told = runs[framework][row_of(name, shuffled)]
            values, color = [x["value"] for x in told], colors[name]["color"]
            for axis, key in zip(axes, ("parameters", "seconds"), strict=True):
                axis.errorbar(
                    np.median([x[key] for x in told]), np.mean(values),
                    np.std(values, ddof=1), fmt=marker, color=color, capsize=3,
                    markerfacecolor="none" if shuffled else color,
                )  # fmt: skip
    for name, color in colors.items():
        axes[0].plot([], [], "o", **color, label=name)
    for label, marker in {"PyTorch": "o", "TensorFlow": "s"}.items():
        axes[0].plot([], [], marker, color="gray", label=label)
    axes[0].plot([], [], "o", color="gray", markerfacecolor="none", label="shuffled")
    axes[0].set(xscale="log", xlabel="parameters", ylabel="test accuracy in %")
    axes[1].set(xscale="log", xlabel="CPU seconds of a training")
    picture.legend(loc="outside lower center", ncols=5)
    return picture
