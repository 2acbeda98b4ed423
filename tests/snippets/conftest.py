"""A snippet is tested where its framework is installed, torch before TensorFlow.

Imported the other way round, the two abort the process; so does triton, which torch
imports late, where TensorFlow is already there.
"""

from importlib import import_module
from importlib.util import find_spec

collect_ignore_glob = []

if find_spec("torch"):
    for name in filter(find_spec, ["torch", "triton"]):
        import_module(name)
else:
    collect_ignore_glob.append("*_pytorch.py")
if not find_spec("tensorflow"):
    collect_ignore_glob.append("*_tensorflow.py")
