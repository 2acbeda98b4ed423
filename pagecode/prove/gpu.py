"""Say whether a framework computes on a GPU; one that does not see it stays silent."""

import os
import subprocess
import sys
from pathlib import Path

from pagecode.run.machine import environment

COMPUTE = {  # fails, or runs on the CPU, where there is no GPU
    "pytorch": "import torch\ntorch.ones(2, device='cuda').sum().item()",
    "tensorflow": "import tensorflow as tf\n"
    "with tf.device('GPU:0'): tf.reduce_sum(tf.ones(2)).numpy()",
}
NAME = "\nfrom pagecode.run.child import device\nprint(device())"  # as in a stamp


def look(root: Path) -> int:
    """Compute a sum on the GPU with FRAMEWORK, in the environment of its programs.

    Returns 1, and says why, where that is not possible.
    """
    name = os.environ.get("FRAMEWORK", "")
    if name not in COMPUTE:
        print("GPU: say which framework is to see it: FRAMEWORK=", file=sys.stderr)
        return 1
    done = subprocess.run(
        [sys.executable, "-c", COMPUTE[name] + NAME],
        cwd=Path(__file__).parents[2],
        env=environment(root),
        capture_output=True,
        text=True,
    )
    seen = done.stdout.strip()
    if done.returncode or seen == "CPU":
        last = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        print(
            f"GPU: {name} does not see one\n"
            f"  error     {(last or ['it computes on the CPU'])[0]}\n"
            "  to do     mend the driver or the packages, or verify without GPU=1",
            file=sys.stderr,
        )
        return 1
    print(f"{name} computes on {seen}")
    return 0
