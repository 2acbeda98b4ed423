"""LeNet-5 in TensorFlow, by hand: convolution as a matrix product, and its gradient."""

# --8<-- [start:imports]
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.convolutional_network.correlation import correlate, shortest_time
from snippets.convolutional_network.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    LENET_SHAPES,
    SEED,
    draw_params,
    print_log,
    to_channels_last,
)
from snippets.multilayer_perceptron.training import draw_batches
from snippets.softmax_regression.data import read_mnist


# --8<-- [start:conv]
def extract_patches(images, size):
    """Return each window as a row: (batch, rows, columns, size * size * channels)."""
    window, each = [1, size, size, 1], [1, 1, 1, 1]
    return tf.image.extract_patches(images, window, each, each, "VALID")


def conv2d(images, kernels):
    """Return the cross-correlation with each kernel: (batch, rows, columns, out).

    Images are (batch, height, width, in), kernels (size, size, in, out).
    """
    size, _, _, num_outputs = kernels.shape
    patches = extract_patches(images, size)  # (batch, rows, columns, size * size * in)
    return patches @ tf.reshape(kernels, (-1, num_outputs))


# --8<-- [end:conv]


# --8<-- [start:conv_backward]
def grad_of_kernels(grad, images, size):
    """Return the gradient with respect to the kernels: (size, size, in, out).

    `grad` is the one with respect to the maps: (batch, rows, columns, out).
    """
    patches, shape = extract_patches(images, size), (size, size, images.shape[3], -1)
    products = tf.tensordot(patches, grad, [[0, 1, 2], [0, 1, 2]])  # over all windows
    return tf.reshape(products, shape)


def grad_of_images(grad, kernels):
    """Return the gradient with respect to the images: (batch, height, width, in)."""
    border = kernels.shape[0] - 1
    turned = tf.transpose(kernels[::-1, ::-1], (0, 1, 3, 2))  # (size, size, out, in)
    return conv2d(tf.pad(grad, [[0, 0], 2 * [border], 2 * [border], [0, 0]]), turned)


# --8<-- [end:conv_backward]


# --8<-- [start:pool]
def split_windows(images):
    """Return the windows of 2 x 2 pixels: (batch, rows, 2, columns, 2, channels)."""
    batch, height, width, channels = images.shape
    return tf.reshape(images, (batch, height // 2, 2, width // 2, 2, channels))


def avg_pool(images):
    """Return the mean of each window: height and width are halved."""
    return tf.reduce_mean(split_windows(images), axis=(2, 4))


def avg_pool_backward(grad):
    """Return a quarter of the gradient for each pixel of its window."""
    return tf.repeat(tf.repeat(grad, 2, axis=1), 2, axis=2) / 4


def max_pool(images):
    """Return the largest pixel of each window."""
    return tf.reduce_max(split_windows(images), axis=(2, 4))


def max_pool_backward(grad, images):
    """Return the gradient for the largest pixel of each window, zero for the others."""
    windows = split_windows(images)
    largest = windows == tf.reduce_max(windows, axis=(2, 4), keepdims=True)
    spread = grad[:, :, None, :, None] * tf.cast(largest, grad.dtype)
    return tf.reshape(spread, images.shape)


# --8<-- [end:pool]


# --8<-- [start:forward]
def forward(images, params):
    """Return the logits (batch, 10), and the layers that the way back needs."""
    K1, c1, K3, c3, W5, b5, W6, b6, W7, b7 = params
    X = tf.pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]])  # (batch, 32, 32, 1)
    C1 = tf.tanh(conv2d(X, K1) + c1)  # (batch, 28, 28, 6)
    S2 = avg_pool(C1)  # (batch, 14, 14, 6)
    C3 = tf.tanh(conv2d(S2, K3) + c3)  # (batch, 10, 10, 16)
    S4 = tf.reshape(avg_pool(C3), (len(images), -1))  # (batch, 5 * 5 * 16)
    C5 = tf.tanh(S4 @ W5 + b5)  # (batch, 120)
    F6 = tf.tanh(C5 @ W6 + b6)  # (batch, 84)
    return F6 @ W7 + b7, (X, C1, S2, C3, S4, C5, F6)


def cross_entropy(logits, targets):
    """Return the mean over the batch of -log(probability of the target's class)."""
    log_probas = tf.nn.log_softmax(logits, axis=1)  # (batch, 10)
    return -tf.reduce_mean(tf.gather(log_probas, targets, batch_dims=1))


# --8<-- [end:forward]


# --8<-- [start:backward]
def backward(images, targets, params):
    """Return the gradients of the mean cross-entropy, shaped as the parameters."""
    _, _, K3, _, W5, _, W6, _, W7, _ = params
    logits, (X, C1, S2, C3, S4, C5, F6) = forward(images, params)
    one_hot = tf.one_hot(targets, 10, dtype=logits.dtype)
    grad = (tf.nn.softmax(logits, axis=1) - one_hot) / len(targets)
    grads = [tf.transpose(F6) @ grad, tf.reduce_sum(grad, axis=0)]  # W7, b7
    grad = grad @ tf.transpose(W7) * (1 - F6**2)  # the slope of tanh is 1 - tanh²
    grads = [tf.transpose(C5) @ grad, tf.reduce_sum(grad, axis=0), *grads]  # W6, b6
    grad = grad @ tf.transpose(W6) * (1 - C5**2)
    grads = [tf.transpose(S4) @ grad, tf.reduce_sum(grad, axis=0), *grads]  # W5, b5
    grad = tf.reshape(grad @ tf.transpose(W5), (-1, 5, 5, 16))
    grad = avg_pool_backward(grad) * (1 - C3**2)
    bias_grad = tf.reduce_sum(grad, axis=(0, 1, 2))
    grads = [grad_of_kernels(grad, S2, 5), bias_grad, *grads]  # K3, c3
    grad = avg_pool_backward(grad_of_images(grad, K3)) * (1 - C1**2)
    bias_grad = tf.reduce_sum(grad, axis=(0, 1, 2))
    return [grad_of_kernels(grad, X, 5), bias_grad, *grads]  # K1, c1


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(images, targets, params):
    """Return the same gradients, derived by TensorFlow."""
    with tf.GradientTape() as tape:
        tape.watch(params)
        loss = cross_entropy(forward(images, params)[0], targets)
    return tape.gradient(loss, params)


# --8<-- [end:autograd]


# --8<-- [start:differences]
def finite_difference(images, targets, params, number, epsilon=1e-6):
    """Return the gradient for the first entry of a parameter, from two losses."""
    losses = []
    for sign in [1, -1]:
        moved = [p.numpy() for p in params]
        moved[number].flat[0] += sign * epsilon
        losses.append(float(cross_entropy(forward(images, moved)[0], targets)))
    return (losses[0] - losses[1]) / (2 * epsilon)


# --8<-- [end:differences]


# --8<-- [start:train]
def evaluate(images, targets, params):
    """Return the mean loss and the accuracy, as floats."""
    logits, _ = forward(images, params)
    hits = tf.cast(tf.argmax(logits, axis=1) == targets, tf.float64)
    return float(cross_entropy(logits, targets)), float(tf.reduce_mean(hits))


def train(params, train_data, batches):
    """Move the parameters in place, a step for each batch of indices."""
    images, targets = train_data
    for batch in batches:
        grads = backward(tf.gather(images, batch), tf.gather(targets, batch), params)
        for param, grad in zip(params, grads, strict=True):
            param.assign_sub(LEARNING_RATE * grad)


# --8<-- [end:train]


if __name__ == "__main__":
    train_images, y_digits, test_images, y_test_digits = read_mnist()

    # --8<-- [start:run_conv]
    few = train_images[:5] / 255  # (5, 28, 28)
    kernels = np.random.default_rng(1).standard_normal((6, 5, 5))
    loops = np.array([[correlate(x, kernel) for kernel in kernels] for x in few])
    kernels_last = np.moveaxis(kernels, 0, -1)[:, :, None]  # (5, 5, 1, 6)
    channels_last = tf.constant(few)[..., None], tf.constant(kernels_last)
    maps = tf.transpose(conv2d(*channels_last), (0, 3, 1, 2))  # (5, 6, 24, 24)
    print("Maps:", tuple(maps.shape))
    print("The same numbers:", abs(maps.numpy() - loops).max() < 1e-12)
    # --8<-- [end:run_conv]

    # --8<-- [start:run_race]
    slow = shortest_time(lambda: [correlate(x, k) for x in few for k in kernels], 1)
    quick = shortest_time(lambda: conv2d(*channels_last), 20)
    own = shortest_time(lambda: tf.nn.conv2d(*channels_last, 1, "VALID"), 20)
    print(f"Loops {1000 * slow:.0f} ms, product {1000 * quick:.2f} ms")
    print(f"TensorFlow's own {1000 * own:.2f} ms")
    # --8<-- [end:run_race]

    # --8<-- [start:run_pool]
    image = tf.constant([[1.0, 2.0, 0.0, 5.0], [4.0, 3.0, 1.0, 0.0]])[None, ..., None]
    grad = tf.constant([[8.0, 12.0]])[None, ..., None]
    print("Average:", avg_pool(image).numpy().ravel().tolist())
    print("Maximum:", max_pool(image).numpy().ravel().tolist())
    print("Its gradient:", max_pool_backward(grad, image).numpy().ravel().tolist())
    # --8<-- [end:run_pool]

    # --8<-- [start:data]
    pixels = tf.constant(train_images[..., None] / np.float32(255))
    train_data = pixels[:55_000], tf.constant(y_digits[:55_000])
    valid_data = pixels[55_000:], tf.constant(y_digits[55_000:])
    # --8<-- [end:data]

    # --8<-- [start:check]
    start = to_channels_last(draw_params(LENET_SHAPES, SEED))
    doubles = [tf.constant(p, tf.float64) for p in start]
    few = tf.cast(train_data[0][:20], tf.float64), train_data[1][:20]
    by_hand = backward(*few, doubles)
    pairs = zip(by_hand, backward_autograd(*few, doubles), strict=True)
    apart = max(float(tf.reduce_max(abs(one - two))) for one, two in pairs)
    print(f"autograd: within 1e-14: {apart < 1e-14}")
    apart = max(
        abs(grad.numpy().flat[0] - finite_difference(*few, doubles, number))
        for number, grad in enumerate(by_hand)
    )
    print(f"finite differences: within 1e-08: {apart < 1e-8}")
    # --8<-- [end:check]

    # --8<-- [start:run]
    rounds = next(draw_batches(55_000, 1, BATCH_SIZE, SEED)).reshape(5, 110, BATCH_SIZE)
    params = [tf.Variable(p) for p in to_channels_last(draw_params(LENET_SHAPES, SEED))]
    train(params, train_data, rounds[0])
    print_log([evaluate(*valid_data, params)], num_steps=110)
    # --8<-- [end:run]
