"""A residual network in PyTorch, whole epochs with the gradient by hand."""

import torch

from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import draw_batches
from snippets.residual_network.pytorch_manual import norm_backward, normalize
from snippets.residual_network.pytorch_module import build_model, load_params, loss_fn
from snippets.residual_network.training import BATCH_SIZE, SEED, draw_params


# --8<-- [start:layer]
def windows(features, size, stride=1):
    """Return each place with its neighbours: (batch * places, size * channels)."""
    padded = torch.nn.functional.pad(features, (0, 0, 1, 1))  # (batch, length + 2, …)
    places = padded.unfold(1, size, stride)  # (batch, places, channels, size)
    return places.mT.reshape(-1, size * features.shape[2])


def convolve_forward(features, layer, stride=1):
    """Return a normalized convolution (batch, places, channels), and what it keeps."""
    kernel, gamma, beta = layer
    inputs = windows(features, len(kernel), stride)
    normalized, scale = normalize(inputs @ kernel.flatten(0, 1), axis=0)
    outputs = gamma * normalized + beta
    return outputs.view(len(features), -1, len(gamma)), (inputs, normalized, scale)


def convolve_backward(grads, layer, kept):
    """Return the gradients with respect to the sums, shaped as grads, and the layer."""
    (kernel, gamma, _), (inputs, normalized, scale) = layer, kept
    rows = grads.reshape(normalized.shape)
    grad_sums, *others = norm_backward(rows, normalized, scale, gamma, axis=0)
    grad_kernel = (inputs.T @ grad_sums).view(kernel.shape)
    return grad_sums.view(grads.shape), [grad_kernel, *others]


def grad_inputs(grad_sums, kernel):
    """Return the gradient with respect to a convolution's inputs."""
    backwards = kernel.flip(0).mT.flatten(0, 1)  # (size * outputs, inputs)
    return (windows(grad_sums, len(kernel)) @ backwards).view(grad_sums.shape)


# --8<-- [end:layer]


# --8<-- [start:gradients]
def loss_and_gradients(signals, targets, params):
    """Return the mean cross-entropy of a batch and its gradients, shaped as params."""
    *layers, (weights, bias) = [params[i : i + 3] for i in range(0, len(params), 3)]
    outputs, kept = convolve_forward(signals[:, :, None], layers[0], stride=2)
    hidden = [outputs.relu()]  # after each layer
    tape = [kept]
    for first, second in zip(layers[1::2], layers[2::2], strict=True):
        for layer, skip in [(first, 0), (second, hidden[-1])]:
            outputs, kept = convolve_forward(hidden[-1], layer)
            hidden.append((outputs + skip).relu())
            tape.append(kept)

    pooled = hidden[-1].mean(dim=1)  # (batch, num_channels)
    log_probas = torch.log_softmax(pooled @ weights + bias, dim=1)
    one_hot = torch.nn.functional.one_hot(targets, len(bias))
    loss = -(one_hot * log_probas).sum() / len(targets)
    grad_logits = (log_probas.exp() - one_hot) / len(targets)
    grads = [
        grad_logits.sum(dim=0),
        pooled.T @ grad_logits,
    ]  # from the last to the first
    length = hidden[-1].shape[1]
    grad = (grad_logits @ weights.T / length)[:, None].expand(hidden[-1].shape)

    for number in reversed(range(len(layers))):
        grad = grad * (hidden[number] > 0)
        if number and number % 2 == 0:
            through_skip = grad
        grad_sums, of_layer = convolve_backward(grad, layers[number], tape[number])
        grads += reversed(of_layer)
        if number:
            grad = grad_inputs(grad_sums, layers[number][0])
        if number % 2 == 1:
            grad = grad + through_skip
    return loss, grads[::-1]


# --8<-- [end:gradients]


# --8<-- [start:epoch]
@torch.inference_mode()  # records nothing
def run_epoch(signals, targets, batches, params, learning_rate):
    """Move the parameters in place, a step for each batch; return the mean loss."""
    losses = []
    for batch in batches:
        loss, grads = loss_and_gradients(signals[batch], targets[batch], params)
        for param, grad in zip(params, grads, strict=True):
            param.sub_(grad, alpha=learning_rate)
        losses.append(loss)
    return torch.stack(losses).mean().item()


# --8<-- [end:epoch]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, y_train = signals[:3200], labels[:3200]
    train_data = torch.from_numpy(X_train), torch.from_numpy(y_train)

    # --8<-- [start:run]
    epoch = next(draw_batches(len(y_train), 1, BATCH_SIZE, SEED))  # (steps, batch)
    params = [torch.from_numpy(x) for x in draw_params()]
    features, targets = (x[epoch[0]] for x in train_data)
    _, by_hand = loss_and_gradients(features, targets, params)

    model = build_model()
    load_params(model, draw_params())
    loss = loss_fn(model(features), targets)
    grads = torch.autograd.grad(loss, model.parameters())
    pairs = zip(by_hand, grads, strict=True)
    apart = max(abs(one.numpy() - two.numpy().T).max() for one, two in pairs)
    print(f"Gradients within 1e-05: {apart < 1e-5}")

    loss = run_epoch(*train_data, torch.from_numpy(epoch), params, 0.1)
    print(f"Training loss: {loss:.3f}")
    # --8<-- [end:run]
