"""Training in practice in PyTorch: many perceptrons at once."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.training_in_practice.figures import plot_promises, plot_rates
from snippets.training_in_practice.training import (
    ACCUMULATIONS,
    BATCH_SIZE,
    MOMENTUM,
    NUM_CLASSES,
    NUM_HIDDEN,
    NUM_STEPS,
    cosine_rates,
    draw_batches,
    draw_params,
    print_apart,
    print_fallen,
    print_kept,
    print_promises,
    print_rates,
    print_reached,
)


# --8<-- [start:tensors]
def to_tensors(arrays):
    """Return NumPy arrays as tensors of their own that share no memory."""
    return [torch.tensor(array) for array in arrays]


# --8<-- [end:tensors]


# --8<-- [start:forward]
def forward(features, params):
    """Return logits (models, batch, classes) for features (batch, 40)."""
    W1, b1, W2, b2 = params
    hidden = torch.relu(features @ W1 + b1)  # (models, batch, hidden)
    return hidden @ W2 + b2


def cross_entropy(features, targets, params):
    """Return the mean loss of each model: (models,)."""
    log_probas = torch.log_softmax(forward(features, params), dim=2)
    rows = torch.arange(len(targets))
    return -log_probas[:, rows, targets].mean(dim=1)


def hits(features, targets, params):
    """Return which model is right where: an array (models, batch) of 0 and 1."""
    with torch.inference_mode():
        logits = forward(features, params)
    return (logits.argmax(dim=2) == targets).double().numpy()


# --8<-- [end:forward]


# --8<-- [start:clip]
def clip_gradients(grads, max_norm):
    """Scale each model's gradient so that its norm is at most max_norm.

    Returns the gradients, shaped as before, and the norms that they had (models,).
    """
    squares = sum((grad**2).sum(dim=(1, 2)) for grad in grads)
    norms = torch.sqrt(squares)  # (models,), of all parameters together
    scales = torch.clamp(max_norm / norms, max=1)[:, None, None]
    return [scales * grad for grad in grads], norms


# --8<-- [end:clip]


# --8<-- [start:average]
def update_averages(averages, params, decay):
    """Move the averages in place towards the parameters, by a share of 1 - decay."""
    for average, param in zip(averages, params, strict=True):
        average.mul_(decay).add_((1 - decay) * param)


# --8<-- [end:average]


# --8<-- [start:fit]
def gradients(features, targets, params):
    """Return the losses (models,) and their gradients, shaped as the parameters."""
    params = [param.detach().requires_grad_() for param in params]
    losses = cross_entropy(features, targets, params)
    return losses.detach(), torch.autograd.grad(losses.sum(), params)


def fit(params, rates, train_data, valid_data, max_norm=np.inf, decay=0.99):
    """Train models by SGD with momentum, all on the same batches.

    Takes rates (num_steps, num_models). Returns for each epoch the mean loss of its
    batches and the validation loss after it, (num_epochs, 2, num_models), and three
    kinds of weights: the last, those of the epoch with the lowest validation loss, and
    the moving average.
    """
    features, targets = train_data
    epoch_steps = len(targets) // BATCH_SIZE
    batches = draw_batches(len(targets), len(rates) // epoch_steps)
    batches = torch.from_numpy(batches)  # (num_steps, batch)
    rates = torch.from_numpy(rates)[:, :, None, None]
    params = [param.clone() for param in params]
    velocities = [torch.zeros_like(param) for param in params]
    best, averages = ([param.clone() for param in params] for _ in range(2))
    history, losses = [], []
    lowest = torch.full_like(rates[0], np.inf)  # (models, 1, 1)
    for step, (batch, rate) in enumerate(zip(batches, rates, strict=True), 1):
        loss, grads = gradients(features[batch], targets[batch], params)
        grads, _ = clip_gradients(grads, max_norm)
        for param, velocity, grad in zip(params, velocities, grads, strict=True):
            velocity.mul_(MOMENTUM).add_(grad)
            param.sub_(rate * velocity)
        update_averages(averages, params, decay)
        losses.append(loss)
        if step % epoch_steps == 0:
            valid_loss = cross_entropy(*valid_data, params)  # (models,)
            history.append([torch.stack(losses).mean(dim=0), valid_loss])
            is_best = valid_loss[:, None, None] < lowest
            lowest = torch.where(is_best, valid_loss[:, None, None], lowest)
            for kept, param in zip(best, params, strict=True):
                kept.copy_(torch.where(is_best, param, kept))
            losses = []
    history = np.array([[x.numpy() for x in row] for row in history])
    return history, {"last": params, "best": best, "average": averages}


# --8<-- [end:fit]


# --8<-- [start:accumulate]
NORMS = {"none": nn.Identity, "layer": nn.LayerNorm, "batch": nn.BatchNorm1d}


def build_model(norm="none"):
    """Return one of the perceptrons from layers, in float64."""
    layers = [nn.Linear(40, NUM_HIDDEN), NORMS[norm](NUM_HIDDEN), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(NUM_HIDDEN, NUM_CLASSES)).double()
    W1, b1, W2, b2 = (torch.from_numpy(array[0]) for array in draw_params(1))
    with torch.no_grad():
        for layer, weight, bias in [(model[0], W1, b1), (model[3], W2, b2)]:
            layer.weight.copy_(weight.T)
            layer.bias.copy_(bias[0])
    return model


def accumulate(model, features, targets, sizes, weighted=True):
    """Return the gradient of the mean loss, computed in parts of these sizes.

    Each part's mean loss is weighted by its share of the batch, or all alike.
    """
    model.zero_grad()
    parts = zip(features.split(sizes), targets.split(sizes), strict=True)
    for X, y in parts:
        weight = len(y) / len(targets) if weighted else 1 / len(sizes)
        loss = nn.functional.cross_entropy(model(X), y)
        (weight * loss).backward()  # adds to the gradient that is there
    return [param.grad.numpy().copy() for param in model.parameters()]


# --8<-- [end:accumulate]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid, X_test = np.split(signals.astype(np.float64), [3200, 4000])
    y_train, y_valid, y_test = np.split(labels, [3200, 4000])
    more = [make_mnist1d(seed) for seed in (43, 44)]
    X_fresh = np.concatenate([x for x, _ in more]).astype(np.float64)
    y_fresh = np.concatenate([y for _, y in more])

    # --8<-- [start:run_fit]
    train_data = to_tensors([X_train, y_train])
    valid_data = to_tensors([X_valid, y_valid])
    test_data = to_tensors([X_test, y_test])
    fresh_data = to_tensors([X_fresh, y_fresh])
    learning_rates = np.repeat([0.1, 0.2, 0.4], 8)  # eight models for each
    rates = np.tile(learning_rates, (NUM_STEPS, 1))  # (num_steps, 24)
    params = to_tensors(draw_params(24))
    few_data = [x[:1600] for x in train_data]
    history, weights = fit(params, rates, few_data, valid_data)
    losses = {
        kind: cross_entropy(*fresh_data, weights[kind]).numpy()
        for kind in ["best", "last"]
    }
    right = {kind: hits(*fresh_data, weights[kind]) for kind in ["best", "last"]}
    kept = {kind: (losses[kind], right[kind]) for kind in losses}
    print_kept(learning_rates, history, kept)
    # --8<-- [end:run_fit]

    # --8<-- [start:run_choose]
    fresh_hits = right["last"]  # (24, 10000)
    valid_accuracies = hits(*valid_data, weights["last"]).mean(axis=1)
    chosen = valid_accuracies.argmax()
    test_accuracy = hits(*test_data, weights["last"])[chosen].mean()
    print(f"Chosen: model {chosen}, with the rate {learning_rates[chosen]}")
    print(f"Valid ACC: {100 * valid_accuracies[chosen]:.1f}%")
    print(f"Test ACC: {100 * test_accuracy:.1f}%")
    print(f"Fresh ACC: {100 * fresh_hits[chosen].mean():.1f}%")
    # --8<-- [end:run_choose]

    # --8<-- [start:run_promises]
    print_promises(fresh_hits, num_signals=100)
    # --8<-- [end:run_promises]

    # --8<-- [start:plot_promises]
    plot_promises(fresh_hits, num_signals=100)
    # --8<-- [end:plot_promises]

    # --8<-- [start:run_rates]
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.4)  # of any model
    schedule = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 1 / 65, total_iters=64),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, NUM_STEPS - 64),
        ],
        milestones=[64],
    )
    rates = []
    for _ in range(NUM_STEPS):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    print_rates(cosine_rates(0.4, warm_up=64), rates)
    # --8<-- [end:run_rates]

    # --8<-- [start:run_schedule]
    start = to_tensors(draw_params(8))
    schedules = {
        "constant, 0.4": np.full(NUM_STEPS, 0.4),
        "cosine, 0.4": cosine_rates(0.4, warm_up=0),
        "warm-up and cosine, 0.4": cosine_rates(0.4, warm_up=64),
        "cosine, 0.8": cosine_rates(0.8, warm_up=0),
        "warm-up and cosine, 0.8": cosine_rates(0.8, warm_up=64),
    }
    trained = {}
    for name, rates in schedules.items():
        rates = np.tile(rates[:, None], 8)  # (num_steps, 8)
        _, trained[name] = fit(start, rates, train_data, valid_data)
        print_reached(name, hits(*fresh_data, trained[name]["last"]))
    # --8<-- [end:run_schedule]

    # --8<-- [start:plot_rates]
    plot_rates(schedules)
    # --8<-- [end:plot_rates]

    # --8<-- [start:run_clip]
    batch = [x[:100] for x in train_data]
    _, grads = gradients(*batch, start)
    clipped, norms = clip_gradients(grads, max_norm=1.0)
    first = [nn.Parameter(param[0]) for param in start]  # the first model's
    for param, grad in zip(first, grads, strict=True):
        param.grad = grad[0].clone()
    norm = nn.utils.clip_grad_norm_(first, max_norm=1.0)
    print(f"Norm: by hand {norms[0]:.4f}, library {norm:.4f}")
    pairs = zip(clipped, first, strict=True)
    apart = max((x[0] - y.grad).abs().max().item() for x, y in pairs)
    print(f"Clipped: within 1e-06: {apart < 1e-6}")
    # --8<-- [end:run_clip]

    # --8<-- [start:run_broken]
    X_broken = X_train.copy()
    X_broken[7] *= 1000
    broken_data = to_tensors([X_broken, y_train])
    rates = np.tile(cosine_rates(0.2, warm_up=0)[:, None], 8)
    for name, data, max_norm in [
        ("no broken signal", train_data, np.inf),
        ("one broken signal", broken_data, np.inf),
        ("the same, clipped", broken_data, 1.0),
    ]:
        _, weights = fit(start, rates, data, valid_data, max_norm)
        print_fallen(name, hits(*fresh_data, weights["last"]))
    # --8<-- [end:run_broken]

    # --8<-- [start:run_accumulate]
    batch = [x[:100] for x in train_data]
    for name, norm, sizes, weighted in ACCUMULATIONS:
        model = build_model(norm)
        grads = accumulate(model, *batch, sizes, weighted)
        print_apart(name, grads, accumulate(model, *batch, [100]))
    # --8<-- [end:run_accumulate]

    # --8<-- [start:run_steps]
    whole, parts = build_model(), build_model()
    for model, sizes in [(whole, [100]), (parts, [25, 25, 25, 25])]:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        accumulate(model, *batch, sizes)
        optimizer.step()
    weights = [[x.detach().numpy() for x in m.parameters()] for m in (parts, whole)]
    print_apart("Weights after a step", *weights)
    # --8<-- [end:run_steps]

    # --8<-- [start:run_ema]
    model = build_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=MOMENTUM)
    ema = get_ema_multi_avg_fn(decay=0.9)
    averaged = AveragedModel(model, multi_avg_fn=ema)
    for step in range(20):
        accumulate(model, *batch, [100])
        optimizer.step()
        averaged.update_parameters(model)
        params = [param.detach() for param in model.parameters()]
        if step == 0:
            averages = [param.clone() for param in params]
        update_averages(averages, params, decay=0.9)
    library = [param.detach().numpy() for param in averaged.parameters()]
    print_apart("Averages", [x.numpy() for x in averages], library)
    # --8<-- [end:run_ema]

    # --8<-- [start:run_average]
    for name in ["constant, 0.4", "cosine, 0.4"]:
        for kind in ["last", "average"]:
            print_reached(f"{name}: {kind}", hits(*fresh_data, trained[name][kind]))
    # --8<-- [end:run_average]

    # --8<-- [start:exercise_size]
    print_promises(fresh_hits, num_signals=1000)
    # --8<-- [end:exercise_size]

    # --8<-- [start:exercise_clip]
    rates = np.tile(schedules["cosine, 0.8"][:, None], 8)
    _, weights = fit(start, rates, train_data, valid_data, max_norm=1.0)
    print_reached("cosine, 0.8, clipped", hits(*fresh_data, weights["last"]))
    # --8<-- [end:exercise_clip]

    # --8<-- [start:exercise_decay]
    rates = np.full((NUM_STEPS, 8), 0.4)
    for decay in [0.9, 0.999]:
        _, weights = fit(start, rates, train_data, valid_data, decay=decay)
        print_reached(f"decay {decay}", hits(*fresh_data, weights["average"]))
    # --8<-- [end:exercise_decay]
