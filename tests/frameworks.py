"""What the tests of a chapter need of each framework: the differences, in one place."""

from importlib import import_module
from types import SimpleNamespace

import pytest

from pagecode.frameworks import selected


def need(name):
    """Skip the test where FRAMEWORK leaves this framework out."""
    if name not in selected():
        pytest.skip(f"FRAMEWORK leaves {name} out")


def load(name):
    """Return a framework under one interface: its module, and its arrays in NumPy."""
    need(name)
    if name == "pytorch":
        torch = import_module("torch")
        return SimpleNamespace(
            name=name,
            module=torch,
            to_numpy=lambda x: x.detach().cpu().numpy() if hasattr(x, "detach") else x,
        )
    tf = import_module("tensorflow")
    return SimpleNamespace(
        name=name,
        module=tf,
        to_numpy=lambda x: x.numpy() if hasattr(x, "numpy") else x,
    )
