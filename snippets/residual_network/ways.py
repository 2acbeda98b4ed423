"""The chapter's ways to train: timed by `make bench`, compared by `make parity`.

Its head table is trained by `make results`.
"""

from functools import partial

import numpy as np

from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import draw_batches
from snippets.residual_network.training import (
    BATCH_SIZE,
    DEEP,
    NUM_BLOCKS,
    NUM_CHANNELS,
    NUM_EPOCHS,
    SEED,
    draw_params,
)

SPEED = {
    "title": "Residual network",
    "unit": "ms per epoch",
    "scale": 1e3,  # of a run's seconds, to that unit
    "baseline": "layers and optimizer",  # each framework's own
    "rounds": {1: 3},  # by the number of threads
    "chapter": (  # in its own table
        "layers and optimizer",
        "fast",
        "the products alone",
    ),
    "memory": False,
}
BOUNDS = {"twenty layers, float64": 1e-9}  # on the losses, at any step
PARTING = "twenty layers, float32"  # has no bound: it is drawn
ROW = "residual network, three blocks of 32 channels"
TWENTY = {  # row name -> name in DEEP
    "twenty layers of 16 channels, plain, 4 epochs": "plain",
    "the same with skips and batch norm": "with skips and batch norm",
}
HE = "https://arxiv.org/abs/1512.03385"
YARDSTICKS = [
    "[94 ± 2 %](https://arxiv.org/abs/2011.14439), a CNN",
    f"[71.5 %]({HE}), 34 layers on ImageNet",
    f"[75.0 %]({HE}), 34 layers on ImageNet",
]
RESULTS = {  # of the head table
    row: {"seeds": 3, "unit": "%", "digits": 1, "yardstick": yardstick}
    for row, yardstick in zip([ROW, *TWENTY], YARDSTICKS, strict=True)
}


def split(dtype=np.float32):
    """Return the training set, the validation set and the test set."""
    signals, labels = make_mnist1d()
    parts = (
        np.split(signals.astype(dtype), [3200, 4000]),
        np.split(labels, [3200, 4000]),
    )
    return list(zip(*parts, strict=True))


def layers_of(framework):
    """Return a framework's module of layers, its plain SGD, and what makes its data."""
    if framework == "pytorch":
        import torch

        from snippets.residual_network import pytorch_module as layers

        def sgd(model, rate=0.1):
            return torch.optim.SGD(model.parameters(), lr=rate)

        return layers, sgd, lambda pair: tuple(map(torch.from_numpy, pair))
    import keras

    from snippets.residual_network import tensorflow_keras as layers

    def sgd(_, rate=0.1):
        return keras.optimizers.SGD(rate)

    return layers, sgd, lambda pair: pair


def tell(_, loss):
    """Say the mean training loss of the epoch."""
    return {"training loss": [f"{float(np.ravel(loss)[0]):.2f}"]}  # in float32


def races(framework, _):
    """Return by its name the preparation of each way of one epoch."""
    train_set, valid_set, _ = split()
    batches = next(draw_batches(len(train_set[1]), 1, BATCH_SIZE, SEED))
    if framework == "numpy":
        return {"speed": {"the products alone": partial(products_alone, len(batches))}}
    layers, sgd, to_data = layers_of(framework)

    def with_layers():
        model = layers.build_model()
        few = to_data([x[:BATCH_SIZE] for x in valid_set])

        def run():
            layers.load_params(model, draw_params())  # each run starts anew
            return layers.fit(model, sgd(model), to_data(train_set), few, 1)

        return run, tell

    def fast():
        if framework == "pytorch":
            import torch

            from snippets.residual_network import pytorch_fast as module

            to_tensor = torch.from_numpy
        else:
            import tensorflow as tf

            from snippets.residual_network import tensorflow_fast as module

            to_tensor = tf.constant
        data = [to_tensor(x) for x in (*train_set, batches)]

        def run():
            params = [to_tensor(x) for x in draw_params()]
            found = module.run_epoch(*data, params, 0.1)
            return found if framework == "pytorch" else float(found[1])

        return run, tell

    return {"speed": {"layers and optimizer": with_layers, "fast": fast}}


def products_alone(num_steps):
    """Prepare the matrix products of an epoch's convolutions, three for each."""
    rows, size = 20 * BATCH_SIZE, 3 * NUM_CHANNELS
    inputs, kernel = np.zeros((rows, size), np.float32), np.zeros((size, NUM_CHANNELS))
    kernel, sums = kernel.astype(np.float32), np.zeros((rows, NUM_CHANNELS), np.float32)

    def run():
        for _ in range(num_steps * 2 * NUM_BLOCKS):
            inputs @ kernel
            inputs.T @ sums
            inputs @ kernel

    return run, None  # it trains nothing: there is nothing to compare


def train(framework):
    """Return by name the losses and the last weights of what is compared."""
    layers, sgd, to_data = layers_of(framework)

    def run(dtype):
        features, targets = split(dtype)[0]
        if framework == "pytorch":
            model = layers.build_model(9, num_channels=16).to(
                getattr(layers.torch, dtype)
            )
        else:
            layers.keras.config.set_floatx(dtype)
            layers.keras.config.set_dtype_policy(dtype)
            model = layers.build_model(9, num_channels=16)
        layers.load_params(model, draw_params(9, num_channels=16))
        optimizer, losses = sgd(model), []
        if framework == "tensorflow":  # made in this precision
            losses_of = layers.keras.losses
            loss_fn = losses_of.SparseCategoricalCrossentropy(from_logits=True)

        def step_in_pytorch(*batch):
            loss = layers.loss_fn(model(batch[0]), batch[1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        def step_in_tensorflow(X, y):
            with layers.tf.GradientTape() as tape:
                loss = loss_fn(y, model(X, training=True))
            variables = model.trainable_variables
            optimizer.apply_gradients(
                zip(tape.gradient(loss, variables), variables, strict=True)
            )
            return loss

        step = step_in_pytorch
        if framework == "tensorflow":
            step = layers.tf.function(step_in_tensorflow)
        epochs = draw_batches(len(targets), 4, BATCH_SIZE, SEED)
        for batch in np.concatenate(list(epochs)):
            loss = step(*to_data([features[batch], targets[batch]]))
            losses.append(loss.item() if framework == "pytorch" else float(loss))
        if framework == "pytorch":
            weights = [x.detach().numpy().T for x in model.parameters()]
        else:
            weights = [x.numpy() for x in model.trainable_variables]
        return np.array(losses), weights

    return {name: run(name.split(", ")[1]) for name in [*BOUNDS, PARTING]}


def draw(pytorch, tensorflow):
    """Draw how far the losses of both frameworks are apart at each step."""
    from snippets.same_numbers.compare import differences, plot_gaps

    names = {"float32": PARTING, "float64": next(iter(BOUNDS))}
    gaps = {x: differences(pytorch[y], tensorflow[y])[0] for x, y in names.items()}
    plot_gaps(gaps, floor=1e-17, window=1)


def results(framework):
    """Return for each row of the head table how it is trained, given a seed.

    Each returns its number of parameters, and the accuracy on the test set in percent.
    """
    layers, sgd, to_data = layers_of(framework)
    train_set, valid_set, test_set = map(to_data, split())

    def reached(model, params):
        if framework == "pytorch":
            accuracy = layers.evaluate(model, *test_set)[1]
        else:
            accuracy = model.evaluate(*test_set, verbose=0)[1]
        return sum(x.size for x in params), 100 * accuracy

    def reach(seed):
        model, params = layers.build_model(), draw_params(seed=seed)
        layers.load_params(model, params)
        num_steps = NUM_EPOCHS * len(train_set[1]) // BATCH_SIZE
        options = {"num_epochs": NUM_EPOCHS, "seed": seed}
        if framework == "pytorch":
            optimizer, options["schedule"] = layers.new_optimizer(model, num_steps)
        else:
            optimizer = layers.new_optimizer(num_steps)
        layers.fit(model, optimizer, train_set, valid_set, **options)
        return reached(model, params)

    def reach_deep(name, seed):
        skip, norm, rate = DEEP[name]
        model = layers.build_model(9, skip, norm, num_channels=16)
        params = draw_params(9, norm, num_channels=16, seed=seed)
        layers.load_params(model, params)
        layers.fit(model, sgd(model, rate), train_set, valid_set, 4, seed=seed)
        return reached(model, params)

    deep = {row: partial(reach_deep, name) for row, name in TWENTY.items()}
    return {ROW: reach} | deep
