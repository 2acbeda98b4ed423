"""LeNet-5 in PyTorch, by hand: convolution as a matrix product, and its gradient."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch.nn.functional import one_hot, pad

# --8<-- [end:imports]
from snippets.convolutional_network.correlation import correlate, shortest_time
from snippets.convolutional_network.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    LENET_SHAPES,
    SEED,
    draw_params,
    print_log,
)
from snippets.multilayer_perceptron.training import draw_batches
from snippets.softmax_regression.data import read_mnist


# --8<-- [start:conv]
def extract_patches(images, size):
    """Return each window as a column: (batch, channels * size * size, windows)."""
    windows = images.unfold(2, size, 1).unfold(3, size, 1)  # a view: nothing is copied
    return windows.permute(0, 1, 4, 5, 2, 3).flatten(4).flatten(1, 3)


def conv2d(images, kernels):
    """Return the cross-correlation with each kernel: (batch, out, rows, columns).

    Images are (batch, in, height, width), kernels (out, in, size, size).
    """
    size = kernels.shape[-1]
    maps = kernels.flatten(1) @ extract_patches(images, size)  # (batch, out, windows)
    return maps.unflatten(2, (-1, images.shape[3] - size + 1))


# --8<-- [end:conv]


# --8<-- [start:conv_backward]
def grad_of_kernels(grad, images, size):
    """Return the gradient with respect to the kernels: (out, in, size, size).

    `grad` is the one with respect to the maps: (batch, out, rows, columns).
    """
    products = grad.flatten(2) @ extract_patches(images, size).mT  # one for each image
    return products.sum(dim=0).unflatten(1, (-1, size, size))


def grad_of_images(grad, kernels):
    """Return the gradient with respect to the images: (batch, in, height, width)."""
    border = kernels.shape[-1] - 1
    turned = kernels.flip(2, 3).transpose(0, 1)  # (in, out, size, size)
    return conv2d(pad(grad, [border] * 4), turned)


# --8<-- [end:conv_backward]


# --8<-- [start:pool]
def split_windows(images):
    """Return the windows of 2 x 2 pixels: (batch, channels, rows, 2, columns, 2)."""
    return images.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))


def avg_pool(images):
    """Return the mean of each window: height and width are halved."""
    return split_windows(images).mean(dim=(3, 5))


def avg_pool_backward(grad):
    """Return a quarter of the gradient for each pixel of its window."""
    return grad.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) / 4


def max_pool(images):
    """Return the largest pixel of each window."""
    return split_windows(images).amax(dim=(3, 5))


def max_pool_backward(grad, images):
    """Return the gradient for the largest pixel of each window, zero for the others."""
    windows = split_windows(images)
    largest = windows == windows.amax(dim=(3, 5), keepdim=True)
    return (largest * grad[:, :, :, None, :, None]).reshape(images.shape)


# --8<-- [end:pool]


# --8<-- [start:forward]
def forward(images, params):
    """Return the logits (batch, 10), and the layers that the way back needs."""
    K1, c1, K3, c3, W5, b5, W6, b6, W7, b7 = params
    X = pad(images, [2] * 4)  # (batch, 1, 32, 32)
    C1 = torch.tanh(conv2d(X, K1) + c1[:, None, None])  # (batch, 6, 28, 28)
    S2 = avg_pool(C1)  # (batch, 6, 14, 14)
    C3 = torch.tanh(conv2d(S2, K3) + c3[:, None, None])  # (batch, 16, 10, 10)
    S4 = avg_pool(C3).flatten(1)  # (batch, 16 * 5 * 5)
    C5 = torch.tanh(S4 @ W5 + b5)  # (batch, 120)
    F6 = torch.tanh(C5 @ W6 + b6)  # (batch, 84)
    return F6 @ W7 + b7, (X, C1, S2, C3, S4, C5, F6)


def cross_entropy(logits, targets):
    """Return the mean over the batch of -log(probability of the target's class)."""
    log_probas = torch.log_softmax(logits, dim=1)  # (batch, 10)
    return -log_probas.gather(1, targets[:, None]).mean()


# --8<-- [end:forward]


# --8<-- [start:backward]
def backward(images, targets, params):
    """Return the gradients of the mean cross-entropy, shaped as the parameters."""
    _, _, K3, _, W5, _, W6, _, W7, _ = params
    logits, (X, C1, S2, C3, S4, C5, F6) = forward(images, params)
    grad = (torch.softmax(logits, dim=1) - one_hot(targets, 10)) / len(targets)
    grads = [F6.T @ grad, grad.sum(dim=0)]  # W7, b7
    grad = grad @ W7.T * (1 - F6**2)  # the slope of tanh is 1 - tanh²
    grads = [C5.T @ grad, grad.sum(dim=0), *grads]  # W6, b6
    grad = grad @ W6.T * (1 - C5**2)
    grads = [S4.T @ grad, grad.sum(dim=0), *grads]  # W5, b5
    grad = (grad @ W5.T).unflatten(1, (16, 5, 5))
    grad = avg_pool_backward(grad) * (1 - C3**2)
    grads = [grad_of_kernels(grad, S2, 5), grad.sum(dim=(0, 2, 3)), *grads]  # K3, c3
    grad = avg_pool_backward(grad_of_images(grad, K3)) * (1 - C1**2)
    return [grad_of_kernels(grad, X, 5), grad.sum(dim=(0, 2, 3)), *grads]  # K1, c1


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(images, targets, params):
    """Return the same gradients, derived by PyTorch."""
    params = [p.detach().requires_grad_() for p in params]
    loss = cross_entropy(forward(images, params)[0], targets)
    return torch.autograd.grad(loss, params)


# --8<-- [end:autograd]


# --8<-- [start:differences]
def finite_difference(images, targets, params, number, epsilon=1e-6):
    """Return the gradient for the first entry of a parameter, from two losses."""
    losses = []
    for sign in [1, -1]:
        moved = [p.clone() for p in params]
        moved[number].view(-1)[0] += sign * epsilon
        losses.append(cross_entropy(forward(images, moved)[0], targets).item())
    return (losses[0] - losses[1]) / (2 * epsilon)


# --8<-- [end:differences]


# --8<-- [start:train]
@torch.inference_mode()
def evaluate(images, targets, params):
    """Return the mean loss and the accuracy, as floats."""
    logits, _ = forward(images, params)
    hits = logits.argmax(dim=1) == targets
    return cross_entropy(logits, targets).item(), hits.double().mean().item()


def train(params, train_data, batches):
    """Move the parameters in place, a step for each batch of indices."""
    images, targets = train_data
    for batch in torch.from_numpy(batches):
        grads = backward(images[batch], targets[batch], params)
        for param, grad in zip(params, grads, strict=True):
            param -= LEARNING_RATE * grad


# --8<-- [end:train]


if __name__ == "__main__":
    train_images, y_digits, test_images, y_test_digits = read_mnist()

    # --8<-- [start:run_conv]
    few = train_images[:5] / 255  # (5, 28, 28)
    kernels = np.random.default_rng(1).standard_normal((6, 5, 5))
    loops = np.array([[correlate(x, kernel) for kernel in kernels] for x in few])
    channels_first = torch.from_numpy(few)[:, None], torch.from_numpy(kernels)[:, None]
    maps = conv2d(*channels_first)  # (5, 6, 24, 24)
    print("Maps:", tuple(maps.shape))
    print("The same numbers:", abs(maps.numpy() - loops).max() < 1e-12)
    # --8<-- [end:run_conv]

    # --8<-- [start:run_race]
    slow = shortest_time(lambda: [correlate(x, k) for x in few for k in kernels], 1)
    quick = shortest_time(lambda: conv2d(*channels_first), 20)
    own = shortest_time(lambda: torch.nn.functional.conv2d(*channels_first), 20)
    print(f"Loops {1000 * slow:.0f} ms, product {1000 * quick:.2f} ms")
    print(f"PyTorch's own {1000 * own:.2f} ms")
    # --8<-- [end:run_race]

    # --8<-- [start:run_ratio]
    print("More than 100 times faster:", slow > 100 * quick)
    # --8<-- [end:run_ratio]

    # --8<-- [start:run_pool]
    image = torch.tensor([[1.0, 2.0, 0.0, 5.0], [4.0, 3.0, 1.0, 0.0]])[None, None]
    grad = torch.tensor([[8.0, 12.0]])[None, None]
    print("Average:", avg_pool(image).flatten().tolist())
    print("Maximum:", max_pool(image).flatten().tolist())
    print("Its gradient:", max_pool_backward(grad, image).flatten().tolist())
    # --8<-- [end:run_pool]

    # --8<-- [start:data]
    pixels = torch.from_numpy(train_images[:, None] / np.float32(255))
    train_data = pixels[:55_000], torch.from_numpy(y_digits[:55_000])
    valid_data = pixels[55_000:], torch.from_numpy(y_digits[55_000:])
    # --8<-- [end:data]

    # --8<-- [start:check]
    start = draw_params(LENET_SHAPES, SEED)
    doubles = [torch.from_numpy(p).double() for p in start]
    few = train_data[0][:20].double(), train_data[1][:20]
    by_hand = backward(*few, doubles)
    pairs = zip(by_hand, backward_autograd(*few, doubles), strict=True)
    apart = max((one - two).abs().max().item() for one, two in pairs)
    print(f"autograd: within 1e-14: {apart < 1e-14}")
    apart = max(
        abs(grad.flatten()[0].item() - finite_difference(*few, doubles, number))
        for number, grad in enumerate(by_hand)
    )
    print(f"finite differences: within 1e-08: {apart < 1e-8}")
    # --8<-- [end:check]

    # --8<-- [start:run]
    rounds = next(draw_batches(55_000, 1, BATCH_SIZE, SEED)).reshape(5, 110, BATCH_SIZE)
    params = [torch.tensor(p) for p in draw_params(LENET_SHAPES, SEED)]
    train(params, train_data, rounds[0])
    print_log([evaluate(*valid_data, params)], num_steps=110)
    # --8<-- [end:run]
