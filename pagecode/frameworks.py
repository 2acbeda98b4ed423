"""The frameworks of the book. Nothing else in this project knows their names."""

import os

FRAMEWORKS = {"PyTorch": "pytorch", "TensorFlow": "tensorflow"}  # tab label: name
BOTH = "both"  # the framework of a program that needs both, because it compares them
COMMON = "common"  # the choice of an environment in which neither is installed
LABELS = {name: label for label, name in FRAMEWORKS.items()} | {
    BOTH: " and ".join(FRAMEWORKS)
}
PACKAGES = {"pytorch": ["torch", "torchvision"], "tensorflow": ["tensorflow", "keras"]}


def selected() -> list[str]:
    """Return whose programs run here: every framework's, or FRAMEWORK's alone.

    The environment variable decides, not what is installed: the programs of a
    framework that got lost would be left out without a word.
    """
    known, name = [*FRAMEWORKS.values(), BOTH], os.environ.get("FRAMEWORK", "")
    if name not in ("", COMMON, *known):
        raise ValueError(f"FRAMEWORK is {', '.join(known)} or {COMMON}, not {name!r}")
    return known if not name else [x for x in known if x == name]


def hidden_from(framework: str) -> list[str]:
    """Return the packages that a program of this framework must not import."""
    others = [
        names for name, names in PACKAGES.items() if framework not in (name, BOTH)
    ]
    return [package for names in others for package in names]
