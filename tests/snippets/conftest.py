"""A snippet is tested where its framework is to be, torch before TensorFlow.

Imported the other way round, the two abort the process; so does triton, which torch
imports late, where TensorFlow is already there.
"""

from importlib import import_module
from importlib.util import find_spec

from pagecode.frameworks import FRAMEWORKS, selected

collect_ignore_glob = [
    f"*_{name}.py" for name in FRAMEWORKS.values() if name not in selected()
]

if "pytorch" in selected():
    import_module("torch")
    if find_spec("triton"):  # comes with CUDA
        import_module("triton")
