"""Logistic regression in PyTorch: mini-batches, fast, towards NaN, used."""

from contextlib import redirect_stdout

import numpy as np
import torch
from torch import nn

# --8<-- [start:loader_imports]
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:loader_imports]
from snippets.logistic_regression.data import (
    draw_minibatches,
    iterate_post_minibatches,
    load_iris,
    print_minibatch_epoch,
    print_post_epoch,
)
from snippets.logistic_regression.pytorch_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    cross_entropy,
    device,
    gradients,
    predict_logits,
    print_epoch,
)
from snippets.logistic_regression.pytorch_module import (
    LogisticRegression,
    evaluate,
    loss_fn,
    train_module,
)


# --8<-- [start:minibatch_train]
def train_on_minibatches(model, optimizer, batches):
    """Update the model after each NumPy batch; return the batches' costs."""
    model.train()
    costs = []
    for X_batch, y_batch in batches:
        features = torch.tensor(X_batch, dtype=torch.float32, device=device)
        targets = torch.tensor(y_batch, dtype=torch.float32, device=device)  # (batch,)
        loss = loss_fn(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        costs.append(loss.item())
    return costs


# --8<-- [end:minibatch_train]


# --8<-- [start:penalty]
def descend_with_penalty(features, targets, num_steps, learning_rate, penalty):
    """Minimize the summed cross-entropy + penalty / 2 * |weights|^2, from zero.

    Returns weights (num_features,), bias and the cross-entropy, which is without the
    penalty. The bias is not penalized.
    """
    weights = torch.zeros(features.shape[1], device=features.device)
    bias = torch.zeros((), device=features.device)
    for _ in range(num_steps):
        logits = predict_logits(features, weights, bias)
        grad_weights, grad_bias = gradients(features, targets, logits)
        weights -= learning_rate * (grad_weights + penalty * weights)
        bias -= learning_rate * grad_bias
    logits = predict_logits(features, weights, bias)
    return weights, bias, cross_entropy(logits, targets).item()


# --8<-- [end:penalty]


# --8<-- [start:signed]
def signed_rows(features, targets):
    """Return a row (features, 1) per example, negated where its target is 1.

    Takes features (batch, num_features) and targets (batch,), returns (batch,
    num_features + 1). Raises ValueError if a target is not 0 or 1, or is missing, or
    if there is none.
    """
    if features.shape[:1] != targets.shape or not len(targets):
        raise ValueError(f"{len(features)} features, targets {tuple(targets.shape)}")
    if not torch.equal(targets * targets, targets):
        raise ValueError("a target is neither 0 nor 1")
    signs = (1 - 2 * targets)[:, None]  # (batch, 1)
    return torch.cat([signs * features, signs], dim=1)


# --8<-- [end:signed]


# --8<-- [start:descend]
@torch.inference_mode()  # records nothing
def descend(rows, num_epochs, learning_rate):
    """Descend the gradient from zero, on signed rows (batch, num_features + 1).

    Returns weights and bias in one row, before training and after each epoch:
    (num_epochs + 1, num_features + 1).
    """
    parameters = rows.new_zeros(num_epochs + 1, rows.shape[1])
    probas, columns = rows.new_empty(len(rows)), rows.T
    before, *later = parameters.unbind()
    for after in later:
        torch.mv(rows, before, out=probas)
        probas.sigmoid_()  # the probability of the class that is wrong: (batch,)
        torch.addmv(before, columns, probas, alpha=-learning_rate, out=after)
        before = after
    return parameters


# --8<-- [end:descend]


# --8<-- [start:measure]
@torch.inference_mode()
def measure(parameters, rows):
    """Return accuracy and cost (num_epochs,) of each of parameters' rows."""
    wrong_logits, signs = parameters @ rows.T, rows[:, -1]  # (num_epochs, batch)
    hits = (signs * wrong_logits > 0) == (signs < 0)  # as for logits and targets
    costs = torch.nn.functional.softplus(wrong_logits).sum(dim=1)
    return hits.mean(dim=1, dtype=rows.dtype), costs


# --8<-- [end:measure]


# --8<-- [start:fast_train]
def train_fast(rows, num_epochs, learning_rate):
    """Train on signed rows first; measure and print all epochs afterwards.

    Returns weights, bias and the costs.
    """
    parameters = descend(rows, num_epochs, learning_rate)
    accuracies, costs = (x.tolist() for x in measure(parameters[1:], rows))
    for epoch in range(num_epochs):
        print_epoch(epoch + 1, accuracies[epoch], costs[epoch])
    return parameters[-1, :-1], parameters[-1, -1], costs


# --8<-- [end:fast_train]


# --8<-- [start:unstable_loss]
def cross_entropy_from_probas(logits, targets):
    """Return the cross-entropy of 0/1 targets in the textbook's form: do not use.

    From a logit of about 17 on, float32 rounds the probability to 1, and the second
    term becomes 0 * log(0), which is NaN.
    """
    probas = torch.sigmoid(logits)  # (batch,)
    losses = -targets * torch.log(probas) - (1 - targets) * torch.log(1 - probas)
    return losses.sum()


# --8<-- [end:unstable_loss]


# --8<-- [start:unstable_train]
def meets_nan(cost_fn, features, targets, num_epochs, learning_rate):
    """Return whether training with cost_fn meets a cost of NaN within num_epochs."""
    weights = torch.zeros(features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros((), device=features.device, requires_grad=True)
    for _ in range(num_epochs):
        cost = cost_fn(predict_logits(features, weights, bias), targets)
        if cost.isnan():
            return True
        grad_weights, grad_bias = torch.autograd.grad(cost, [weights, bias])
        with torch.no_grad():
            weights -= learning_rate * grad_weights
            bias -= learning_rate * grad_bias
    return False


# --8<-- [end:unstable_train]


# --8<-- [start:predict]
@torch.inference_mode()
def predict_species(model, sepals, mean, std):
    """Return the likelier species of one flower, and its probability.

    The sepal's length and width, mean and std are all in cm.
    """
    model.eval()
    features = torch.tensor((sepals - mean) / std, dtype=torch.float32, device=device)
    proba = torch.sigmoid(model(features[None, :])).item()  # of versicolor
    if proba > 0.5:
        return "Iris versicolor", proba
    return "Iris setosa", 1 - proba


# --8<-- [end:predict]


# --8<-- [start:mean]
mean_loss_fn = nn.BCEWithLogitsLoss()


def fit_mean(features, targets, num_epochs, learning_rate):
    """Return a model that has descended the gradient of the mean cross-entropy."""
    model = LogisticRegression(features.shape[1]).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    for _ in range(num_epochs):
        loss = mean_loss_fn(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


# --8<-- [end:mean]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)
    test_features = torch.tensor(X_test, dtype=torch.float32, device=device)
    test_targets = torch.tensor(y_test, dtype=torch.float32, device=device)

    # --8<-- [start:run_minibatch]
    rng = np.random.default_rng(1)  # one for all epochs: each has its own order
    minibatch_model = LogisticRegression(num_features=2).to(device)
    optimizer = torch.optim.SGD(minibatch_model.parameters(), lr=0.05)
    for epoch in range(1, 6):
        batches = draw_minibatches(X_train, y_train, batch_size=10, rng=rng)
        costs = train_on_minibatches(minibatch_model, optimizer, batches)
        train_accuracy, _ = evaluate(minibatch_model, features, targets)
        print_minibatch_epoch(epoch, costs, train_accuracy)
    # --8<-- [end:run_minibatch]

    # --8<-- [start:run_loader]
    loader = DataLoader(
        TensorDataset(features, targets),
        batch_size=10,
        shuffle=True,  # anew in each epoch
        generator=torch.Generator().manual_seed(1),
    )
    loader_model = LogisticRegression(num_features=2).to(device)
    optimizer = torch.optim.SGD(loader_model.parameters(), lr=0.05)
    for _ in range(5):
        loader_model.train()
        for batch_features, batch_targets in loader:
            loss = loss_fn(loader_model(batch_features), batch_targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    test_accuracy, _ = evaluate(loader_model, test_features, test_targets)
    print(f"Test: {round(25 * test_accuracy)} of 25 flowers are right")
    # --8<-- [end:run_loader]

    # --8<-- [start:run_penalty]
    for penalty in (0.0, 1.0):
        print(f"Penalty {penalty}:")
        for num_steps in (10, 100, 1000):
            weights, bias, cost = descend_with_penalty(
                features, targets, num_steps, 0.05, penalty
            )
            size = weights.norm().item()
            print(f"{num_steps:5d} steps | Size: {size:.2f} | Cost: {cost:.3f}")
    # --8<-- [end:run_penalty]

    # --8<-- [start:exercise_penalty]
    for penalty in (0.1, 10.0):
        weights, _, cost = descend_with_penalty(features, targets, 1000, 0.05, penalty)
        size = weights.norm().item()
        print(f"Penalty {penalty} | Size: {size:.2f} | Cost: {cost:.3f}")
    # --8<-- [end:exercise_penalty]

    # --8<-- [start:run_post]
    post_model = LogisticRegression(num_features=2).to(device)
    optimizer = torch.optim.SGD(post_model.parameters(), lr=0.05)
    costs, divisor = [], 1
    for epoch in range(15):
        train_accuracy, _ = evaluate(post_model, features, targets)
        test_accuracy, _ = evaluate(post_model, test_features, test_targets)
        print_post_epoch(epoch, costs, divisor, train_accuracy, test_accuracy)
        batches = iterate_post_minibatches(X_train, y_train, batch_size=10, seed=123)
        costs = train_on_minibatches(post_model, optimizer, batches)
        divisor += len(costs)
    print("Weights: {:.4f} {:.4f}".format(*post_model.linear.weight[0].tolist()))
    print(f"Bias: {post_model.linear.bias.item():.4f}")
    # --8<-- [end:run_post]

    # --8<-- [start:run_fast]
    rows = signed_rows(features, targets)  # (75, 3)
    fast_weights, fast_bias, fast_costs = train_fast(rows, NUM_EPOCHS, LEARNING_RATE)
    test_logits = predict_logits(test_features, fast_weights, fast_bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*fast_weights.tolist()))
    print(f"Bias: {fast_bias.item():.4f}")
    correct = round(len(test_targets) * accuracy(test_logits, test_targets))
    print(f"Test: {correct} of {len(test_targets)} flowers are right")
    # --8<-- [end:run_fast]

    # --8<-- [start:run_unstable]
    cost_fns = {"probabilities": cross_entropy_from_probas, "logits": cross_entropy}
    for form, cost_fn in cost_fns.items():
        found = meets_nan(cost_fn, features, targets, 100, LEARNING_RATE)
        print(f"Cost from {form}: {'NaN' if found else 'no NaN'} before epoch 100")
    # --8<-- [end:run_unstable]

    model = LogisticRegression(num_features=2).to(device)
    with redirect_stdout(None):
        train_module(model, features, targets, NUM_EPOCHS, LEARNING_RATE)

    # --8<-- [start:run_predict]
    sepals = [5.8, 2.7]
    species, proba = predict_species(model, sepals, mean, std)
    print(f"{species}, probability {proba:.3f}")
    # --8<-- [end:run_predict]

    # --8<-- [start:save]
    torch.save(model.state_dict(), "iris.pt")
    reloaded = LogisticRegression(num_features=2).to(device)
    state = torch.load("iris.pt", map_location=device, weights_only=True)
    reloaded.load_state_dict(state)
    same = predict_species(reloaded, sepals, mean, std) == (species, proba)
    print("Reloaded, the same probability:", same)
    # --8<-- [end:save]

    # --8<-- [start:run_mean]
    for num_epochs in (9, 10):
        mean_model = fit_mean(features, targets, num_epochs, 75 * LEARNING_RATE)
        logits = mean_model(features).detach()  # (75,)
        mean_cost = mean_loss_fn(logits, targets).item()
        print_epoch(num_epochs, accuracy(logits, targets), 75 * mean_cost)
    # --8<-- [end:run_mean]

    # --8<-- [start:arrays]
    learned_weights = model.linear.weight[0].detach().cpu().numpy()  # (2,)
    learned_bias = model.linear.bias.item()
    # --8<-- [end:arrays]
