"""What the tests of a chapter need of each framework: the differences, in one place.

A test that takes `framework` runs once for each, and is skipped where FRAMEWORK leaves
it out. Nothing is imported before it is asked for.
"""

from importlib import import_module

import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected


def need(name):
    """Skip the test where FRAMEWORK leaves this framework out."""
    if name not in selected():
        pytest.skip(f"FRAMEWORK leaves {name} out")


class PyTorch:
    """PyTorch under the names that both have here."""

    name = "pytorch"

    def __init__(self):
        self.torch = import_module("torch")
        self.device = self.torch.device("cpu")
        if self.torch.accelerator.is_available():
            self.device = self.torch.accelerator.current_accelerator()

    def tensor(self, array, dtype="float32"):
        """Return an array, or numbers, as a tensor."""
        kind = getattr(self.torch, dtype)
        return self.torch.tensor(np.asarray(array), dtype=kind, device=self.device)

    def numpy(self, tensor):
        """Return a tensor's numbers."""
        return tensor.detach().cpu().numpy()

    def slopes(self, function, arrays):
        """Return the gradients of a function of tensors, as autograd finds them."""
        tensors = [
            self.tensor(x, str(np.asarray(x).dtype)).requires_grad_() for x in arrays
        ]
        found = self.torch.autograd.grad(function(*tensors), tensors)
        return [self.numpy(x) for x in found]


class TensorFlow:
    """TensorFlow under the names that both have here."""

    name = "tensorflow"

    def __init__(self):
        self.tf = import_module("tensorflow")

    def tensor(self, array, dtype="float32"):
        """Return an array, or numbers, as a tensor."""
        return self.tf.constant(np.asarray(array), dtype=dtype)

    def numpy(self, tensor):
        """Return a tensor's numbers."""
        return np.asarray(tensor)

    def slopes(self, function, arrays):
        """Return the gradients of a function of tensors, as a tape finds them."""
        tensors = [self.tensor(x, str(np.asarray(x).dtype)) for x in arrays]
        with self.tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        return [x.numpy() for x in tape.gradient(value, tensors)]


KINDS = dict(zip(FRAMEWORKS.values(), (PyTorch, TensorFlow), strict=True))


def load(name):
    """Return a framework under one interface; skip the test where it is left out."""
    need(name)
    return KINDS[name]()


def twins(in_pytorch, in_tensorflow):
    """Return fixtures for a chapter's adapters: `chapter`, `pytorch`, `tensorflow`.

    The first runs a test in one framework and then in the other; the others are for
    what only one of them has.
    """
    kinds = dict(zip(KINDS, (in_pytorch, in_tensorflow), strict=True))

    def adapter(name):
        need(name)
        return kinds[name]()

    @pytest.fixture(scope="module", params=KINDS)
    def chapter(request):
        return adapter(request.param)

    def only(name):
        return pytest.fixture(lambda: adapter(name), name=name)

    return chapter, *map(only, KINDS)
