"""Say whether a framework computes on a GPU; one that does not see it stays silent."""

import os
import subprocess
import sys
from pathlib import Path

from pagecode.frameworks import BOTH, COMMON
from pagecode.run.machine import device, environment

SEEN = {  # ends with status 0 where a number comes back from the GPU
    "pytorch": "import torch; print(torch.ones(2, device='cuda').sum().item())",
    "tensorflow": "import tensorflow as tf\n"
    "with tf.device('GPU:0'): print(float(tf.reduce_sum(tf.ones(2))))\n"
    "assert tf.config.list_physical_devices('GPU'), 'no GPU'",
}


def look(root: Path) -> int:
    """Compute a sum on the GPU with FRAMEWORK, in the environment of its programs.

    Returns 1, and says why, where that is not possible.
    """
    name = os.environ.get("FRAMEWORK", "")
    if name in ("", BOTH, COMMON):
        print("GPU: say which framework is to see it: FRAMEWORK=", file=sys.stderr)
        return 1
    done = subprocess.run(
        [sys.executable, "-c", SEEN[name]],
        env=environment(root),
        capture_output=True,
        text=True,
    )
    if done.returncode or device() == "CPU":
        said = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        print(
            f"GPU: {name} does not see one\n"
            f"  error     {(said or ['nvidia-smi lists none'])[0]}\n"
            "  to do     mend the driver or the packages, or verify without GPU=1",
            file=sys.stderr,
        )
        return 1
    print(f"{name} computes on {device()}")
    return 0
