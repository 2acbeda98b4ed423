"""The chapter's ways to train: timed by `make bench`, compared by `make parity`."""

from functools import partial

import numpy as np

from snippets.convolutional_network.training import (
    LEARNING_RATE,
    LENET_SHAPES,
    SEED,
    SIGNAL_SHAPES,
    add_shifted,
    draw_params,
    to_channels_last,
)
from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import draw_batches
from snippets.softmax_regression.data import read_mnist

NUM_STEPS = 20  # of a run that is timed
SPEED = {
    "title": "Convolutional network",
    "unit": "ms per step",
    "scale": 1e3 / NUM_STEPS,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 3},  # by the number of threads
    "chapter": ("by hand", "layers", "the products alone"),  # in its own table
    "memory": False,
}
SMOOTH, KINKED = "LeNet-5, tanh and average pooling", "LeNet-5, ReLU and max pooling"
BOUNDS = {  # on the losses, at any step
    f"{SMOOTH}, float32": 5e-6,
    f"{KINKED}, float64": 1e-10,
}
PARTING = f"{KINKED}, float32"  # has no bound: it is drawn
RASCHKA = (
    "https://github.com/rasbt/deeplearning-models/blob/master/"
    "pytorch_ipynb/cnn/cnn-lenet5-mnist.ipynb"
)
CHANNELS = "3 x 25 channels on MNIST-1D"
RESULTS = {  # row name -> what is said of it
    f"{SMOOTH} (1998), on MNIST": {
        "seeds": 3,
        "unit": "%",
        "digits": 2,
        "yardstick": "[99.05](https://doi.org/10.1109/5.726791), 20 epochs",
    },
    f"{KINKED}, on MNIST": {
        "seeds": 3,
        "unit": "%",
        "digits": 2,
        "yardstick": f"[98.93]({RASCHKA}), 10 epochs",
    },
    CHANNELS: {
        "seeds": 3,
        "unit": "%",
        "digits": 1,
        "yardstick": "[94 ± 2](https://arxiv.org/abs/2011.14439)",
    },
}
EPOCHS = {SMOOTH: 4, KINKED: 4, CHANNELS: 15}


def digits(dtype="float32"):
    """Return MNIST's training and test set: images (n, 28, 28), labels (n,)."""
    train_images, y_train, test_images, y_test = read_mnist()
    scaled = [x / np.dtype(dtype).type(255) for x in (train_images, test_images)]
    return (scaled[0], y_train), (scaled[1], y_test)


def tell(_, history):
    """Say the loss after the last step."""
    return {"loss at the end": [f"{history[-1][0]:.3f}"]}


def modules(framework):
    """Return the framework's modules: by hand, and from layers."""
    if framework == "pytorch":
        from snippets.convolutional_network import pytorch_manual as manual
        from snippets.convolutional_network import pytorch_module as layers
    else:
        from snippets.convolutional_network import tensorflow_keras as layers
        from snippets.convolutional_network import tensorflow_manual as manual
    return manual, layers


def add_channel(framework, features, targets):
    """Return examples as tensors of a framework, with an axis of one channel."""
    if framework == "pytorch":
        import torch

        return torch.from_numpy(features[:, None]), torch.from_numpy(targets)
    import tensorflow as tf

    return tf.constant(features[..., None]), tf.constant(targets)


def build_kinked(framework, layers):
    """Return LeNet-5 with ReLU and max pooling."""
    if framework == "pytorch":
        return layers.build_lenet5(layers.nn.ReLU, layers.nn.MaxPool2d)
    return layers.build_lenet5("relu", layers.layers.MaxPooling2D)


def results(framework):
    """Return by a row's name what trains a seed: parameters, and test accuracy in %.

    Everything was chosen by the validation set, so the whole training set is used.
    """
    _, layers = modules(framework)
    X, y = make_mnist1d()
    signal_sets = add_shifted(X[:4000], y[:4000], reach=4), (X[4000:], y[4000:])
    digit_sets = digits()

    def trained(sets, model, shapes, gain, rate, num_epochs, seed):
        train_set, test_set = (add_channel(framework, *x) for x in sets)
        layers.load_params(model, draw_params(shapes, seed, gain))
        size = len(sets[0][1])
        epochs = np.stack(list(draw_batches(size, num_epochs, 100, seed)))
        rounds = epochs.reshape(1, -1, 100)  # one, so that the test set is used once
        _, accuracy = layers.fit_decaying(model, rate, train_set, test_set, rounds)[-1]
        arrays = model.parameters() if framework == "pytorch" else model.weights
        return sum(np.prod(x.shape) for x in arrays), 100 * accuracy

    def smooth(seed):
        model = layers.build_lenet5()
        shapes, epochs = LENET_SHAPES, EPOCHS[SMOOTH]
        return trained(digit_sets, model, shapes, 1.0, 0.003, epochs, seed)

    def kinked(seed):
        model = build_kinked(framework, layers)
        shapes, epochs = LENET_SHAPES, EPOCHS[KINKED]
        return trained(digit_sets, model, shapes, 2.0, 0.005, epochs, seed)

    def signals(seed):
        model, epochs = layers.build_signal_net(), EPOCHS[CHANNELS]
        return trained(signal_sets, model, SIGNAL_SHAPES, 2.0, 0.01, epochs, seed)

    return dict(zip(RESULTS, [smooth, kinked, signals], strict=True))


def races(framework, _):
    """Return by its name the preparation of each way of twenty steps."""
    if framework == "numpy":
        return {"speed": {"the products alone": products_alone}}
    manual, layers = modules(framework)
    (images, targets), _ = digits()
    count = NUM_STEPS * 100
    data = add_channel(framework, images[:count], targets[:count])
    valid_data = data[0][:500], data[1][:500]
    rounds = next(draw_batches(count, 1, 100, SEED))[None]
    start = draw_params(LENET_SHAPES, SEED)

    def built():
        model = layers.build_lenet5()
        layers.load_params(model, start)
        return model

    if framework == "pytorch":
        import torch

        def by_hand():
            params = [torch.tensor(p) for p in start]
            manual.train(params, data, rounds[0])
            return [manual.evaluate(*valid_data, params)]

        def from_layers(layout=torch.contiguous_format):
            model = built().to(memory_format=layout)
            optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE)
            moved = [(x.to(memory_format=layout), y) for x, y in (data, valid_data)]
            return layers.fit(model, optimizer, *moved, rounds)

        last = partial(from_layers, torch.channels_last)
        ways = {"by hand": by_hand, "layers": from_layers, "channels last": last}
    else:
        import keras
        import tensorflow as tf

        def by_hand():
            params = [tf.Variable(p) for p in to_channels_last(start)]
            manual.train(params, data, rounds[0])
            return [manual.evaluate(*valid_data, params)]

        def from_layers():
            optimizer = keras.optimizers.SGD(LEARNING_RATE)
            return layers.fit(built(), optimizer, data, valid_data, rounds)

        def compiled(jit_compile):
            model = built()

            @tf.function(jit_compile=jit_compile)
            def run(batches):
                for batch in batches:
                    X, y = (tf.gather(x, batch) for x in data)
                    with tf.GradientTape() as tape:
                        loss = layers.loss_fn(y, model(X, training=True))
                    variables = model.trainable_variables
                    grads = tape.gradient(loss, variables)
                    for variable, grad in zip(variables, grads, strict=True):
                        variable.assign_sub(LEARNING_RATE * grad)
                return layers.loss_fn(valid_data[1], model(valid_data[0]))

            def again():
                layers.load_params(model, start)
                return [(float(run(tf.constant(rounds[0]))), None)]

            return again

        ways = {
            "by hand": by_hand,
            "layers": from_layers,
            "whole run compiled": compiled(False),
            "with XLA": compiled(True),
        }

    def prepare(way):
        return way, tell

    return {"speed": {name: partial(prepare, way) for name, way in ways.items()}}


def products_alone():
    """Prepare the matrix products of so many steps, on numbers drawn once."""
    rng = np.random.default_rng(SEED)
    sizes = [(78_400, 25, 6), (10_000, 150, 16), (100, 400, 120), (100, 120, 84)]
    layers = [
        tuple(rng.random(shape, np.float32) for shape in [(n, i), (i, o), (n, o)])
        for n, i, o in [*sizes, (100, 84, 10)]
    ]

    def run():
        for _ in range(NUM_STEPS):
            for number, (inputs, weights, grad) in enumerate(layers):
                inputs @ weights
                inputs.T @ grad
                if number:  # nothing needs the gradient of the images
                    grad @ weights.T

    return run, None  # it trains nothing: there is nothing to compare


def train(framework):
    """Return by name the losses of an epoch and the last weights: smooth and kinked."""
    _, layers = modules(framework)
    runs = {}
    for name in [*BOUNDS, PARTING]:
        dtype, smooth = name.split(", ")[-1], name.startswith(SMOOTH)
        (images, targets), _ = digits(dtype)
        data = add_channel(framework, images[:55_000], targets[:55_000])
        batches = next(draw_batches(55_000, 1, 100, SEED))
        shapes_of = partial(draw_params, LENET_SHAPES, SEED, 1.0 if smooth else 2.0)
        options = (LEARNING_RATE, 0.0) if smooth else (0.05, 7 / 8)
        build = layers.build_lenet5
        if not smooth:
            build = partial(build_kinked, framework, layers)
        run = pytorch_run if framework == "pytorch" else tensorflow_run
        runs[name] = run(layers, build, shapes_of(), data, batches, options, dtype)
    return runs


def pytorch_run(layers, build, start, data, batches, options, dtype):
    """Return the loss of each step, and the last weights with the channels last."""
    import torch

    torch.set_default_dtype(getattr(torch, dtype))
    model = build()
    layers.load_params(model, start)
    rate, momentum = options
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=momentum)
    losses = []
    for batch in torch.from_numpy(batches):
        loss = layers.loss_fn(model(data[0][batch]), data[1][batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    weights = [p.detach().numpy() for p in model.parameters()]
    weights = [p.T if p.ndim == 2 else p for p in weights]
    return np.array(losses), to_channels_last(weights)


def tensorflow_run(layers, build, start, data, batches, options, dtype):
    """Return the loss of each step, and the last weights."""
    import keras
    import tensorflow as tf

    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    model = build()
    layers.load_params(model, start)
    rate, momentum = options
    optimizer = keras.optimizers.SGD(rate, momentum=momentum)
    optimizer.build(model.trainable_variables)
    loss_fn = type(layers.loss_fn)(from_logits=True)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            logits = model(tf.gather(data[0], batch), training=True)
            loss = loss_fn(tf.gather(data[1], batch), logits)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
        return loss

    losses = [float(step(batch)) for batch in tf.constant(batches)]
    return np.array(losses), model.get_weights()


def draw(pytorch, tensorflow):
    """Draw how far the losses of both frameworks are apart at each step."""
    from snippets.same_numbers.compare import differences, plot_gaps

    names = [f"{SMOOTH}, float32", PARTING, f"{KINKED}, float64"]
    labels = [x.removeprefix("LeNet-5, ") for x in names]
    gaps = [differences(pytorch[x], tensorflow[x])[0] for x in names]
    plot_gaps(dict(zip(labels, gaps, strict=True)), floor=1e-17)
