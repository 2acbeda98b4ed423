"""What both frameworks share: signals, start weights, schedules, choices, the log."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d

# --8<-- [start:hyperparameters]
NUM_HIDDEN = 32
NUM_CLASSES = 10
BATCH_SIZE = 100
NUM_STEPS = 512  # 16 epochs of 3,200 signals
MOMENTUM = 0.9
SEED = 1
# --8<-- [end:hyperparameters]


# --8<-- [start:start]
def draw_params(num_models, seed=SEED):
    """Return W1 (models, 40, hidden), b1 (models, 1, hidden), W2 and b2, in float64.

    The variance of a weight is 2 / inputs, the start of He et al. (2015) for ReLU.
    Biases are zero.
    """
    rng = np.random.default_rng(seed)
    params = []
    for num_inputs, num_outputs in [(40, NUM_HIDDEN), (NUM_HIDDEN, NUM_CLASSES)]:
        weights = rng.standard_normal((num_models, num_inputs, num_outputs))
        params += [np.sqrt(2 / num_inputs) * weights]
        params += [np.zeros((num_models, 1, num_outputs))]
    return params


def draw_batches(num_examples, num_epochs, seed=SEED):
    """Return batches of indices, shuffled anew for each epoch: (steps, BATCH_SIZE).

    Raises ValueError unless the batch size divides the number of examples.
    """
    if num_examples % BATCH_SIZE:
        raise ValueError(f"{num_examples} examples in batches of {BATCH_SIZE}")
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(num_examples) for _ in range(num_epochs)]
    return np.concatenate(orders).reshape(-1, BATCH_SIZE)


# --8<-- [end:start]


# --8<-- [start:stop]
def stop_early(valid_losses, patience):
    """Return after which epoch training stops, and which epoch is kept, from 0 on.

    It stops when the loss (num_epochs,) has had no new minimum for `patience` epochs.
    """
    best = 0
    for epoch, loss in enumerate(valid_losses):
        if loss < valid_losses[best]:
            best = epoch
        if epoch - best == patience:
            return epoch, best
    return len(valid_losses) - 1, best


# --8<-- [end:stop]


# --8<-- [start:choose]
def choose(hits, judged_by, num_signals, num_draws=1000, seed=SEED):
    """Return what choosing the best of the models promises and what it is worth.

    Takes hits (num_models, num_signals), 1 where a model is right, and draws test sets
    of num_signals many times. The best model of each is judged by the same test set
    ("test") or by one of the same size that is touched once ("fresh"). Returns the
    accuracies that are reported, and the chosen models' accuracies on all signals:
    (num_draws,) each.
    """
    rng = np.random.default_rng(seed)
    reported, chosen = [], []
    for _ in range(num_draws):
        drawn = rng.choice(hits.shape[1], 2 * num_signals, replace=False)
        test, fresh = drawn[:num_signals], drawn[num_signals:]
        best = hits[:, test].mean(axis=1).argmax()
        judge = {"test": test, "fresh": fresh}[judged_by]
        reported.append(hits[best, judge].mean())
        chosen.append(hits[best].mean())
    return np.array(reported), np.array(chosen)


# --8<-- [end:choose]


# --8<-- [start:schedule]
def cosine_rates(peak, warm_up, num_steps=NUM_STEPS):
    """Return learning rates (num_steps,): a line up to the peak, then a cosine to 0.

    The first of the warm_up steps has the rate peak / (warm_up + 1). Raises ValueError
    unless 0 <= warm_up < num_steps.
    """
    if not 0 <= warm_up < num_steps:
        raise ValueError(f"{warm_up} of {num_steps} steps cannot be the warm-up")
    steps = np.arange(num_steps)
    rising = (steps + 1) / (warm_up + 1)
    progress = (steps - warm_up) / (num_steps - warm_up)
    falling = (1 + np.cos(np.pi * progress)) / 2
    return peak * np.where(steps < warm_up, rising, falling)


# --8<-- [end:schedule]


# --8<-- [start:accumulations]
ACCUMULATIONS = [  # name, normalization, sizes of the parts, weighted by size?
    ("four quarters", "none", [25, 25, 25, 25], True),
    ("30, 30, 30, 10: mean of means", "none", [30, 30, 30, 10], False),
    ("30, 30, 30, 10: weighted", "none", [30, 30, 30, 10], True),
    ("LayerNorm, four quarters", "layer", [25, 25, 25, 25], True),
    ("BatchNorm, four quarters", "batch", [25, 25, 25, 25], True),
]
# --8<-- [end:accumulations]


# --8<-- [start:log]
def print_kept(rates, history, kept):
    """Print for each learning rate what its models reached, in the mean.

    Takes rates (num_models,), the history (num_epochs, 2, num_models) of fit, and by
    the kind of weights losses (num_models,) and hits (num_models, num_signals).
    """
    for rate in np.unique(rates):
        models = rates == rate
        epochs = history[:, 1, models].argmin(axis=0) + 1
        print(f"Rate {rate}: best after {epochs.min()} to {epochs.max()} epochs")
        for kind, (losses, hits) in kept.items():
            loss, accuracy = losses[models].mean(), 100 * hits[models].mean()
            print(f"  {kind} weights: fresh loss {loss:.2f}, fresh ACC {accuracy:.1f}%")


def print_promises(hits, num_signals):
    """Print what choosing among more and more models promises, and what it is worth."""
    for num_models in [1, 8, 24]:
        for judge in ["test", "fresh"]:
            reported, chosen = choose(hits[-num_models:], judge, num_signals)
            told = f"reported {100 * reported.mean():.1f}%"
            worth = f"worth {100 * chosen.mean():.1f}%"
            print(f"{num_models:2} models, judged on {judge:5}: {told}, {worth}")


def print_reached(name, hits):
    """Print the mean accuracy over models and its deviation: hits (models, signals)."""
    accuracies = 100 * hits.mean(axis=1)  # (models,)
    spread = f"{accuracies.mean():.1f}% ± {accuracies.std(ddof=1):.1f}"
    print(f"{name:25} | Fresh ACC: {spread}")


def print_fallen(name, hits):
    """Print how many models are right less than every other time: (models, signals)."""
    print(f"{name:17} | below 50%: {(hits.mean(axis=1) < 0.5).sum()} of {len(hits)}")


def print_rates(by_hand, library, places=(0, 32, 64, 288, 511)):
    """Print learning rates (num_steps,) of two schedules at some steps."""
    for step in places:
        print(f"Step {step}: by hand {by_hand[step]:.5f}, library {library[step]:.5f}")


def print_apart(name, one, two):
    """Print how far arrays are from others, as a share of the norm of the others."""
    one, two = (np.concatenate([np.ravel(x) for x in arrays]) for arrays in (one, two))
    apart = np.linalg.norm(one - two) / np.linalg.norm(two)
    print(f"{name}: {'equal' if apart < 1e-14 else f'{apart:.1%} apart'}")


# --8<-- [end:log]

if __name__ == "__main__":
    # --8<-- [start:run_data]
    signals, labels = make_mnist1d()
    X_train, X_valid, X_test = np.split(signals.astype(np.float64), [3200, 4000])
    y_train, y_valid, y_test = np.split(labels, [3200, 4000])
    more = [make_mnist1d(seed) for seed in (43, 44)]
    X_fresh = np.concatenate([x for x, _ in more]).astype(np.float64)
    y_fresh = np.concatenate([y for _, y in more])
    print(f"Train: {len(y_train):,}, valid: {len(y_valid)}, test: {len(y_test):,}")
    print(f"Fresh: {len(y_fresh):,}")
    # --8<-- [end:run_data]

    # --8<-- [start:run_stop]
    losses = [2.0, 1.5, 1.2, 1.3, 1.1, 1.2, 1.4, 1.3, 1.0]
    stopped, kept = stop_early(losses, patience=3)
    print(f"Stopped after epoch {stopped + 1}, kept epoch {kept + 1}")
    # --8<-- [end:run_stop]
