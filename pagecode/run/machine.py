"""The machine that a program runs on: its environment, its GPU, its CPU."""

import os
import platform
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path


def settings() -> dict[str, str]:
    """Return the part of a program's environment that could change its numbers."""
    threads = os.environ.get("THREADS", "1")  # programs run side by side: one each
    passed = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
    found = {name: os.environ[name] for name in passed if name in os.environ}
    return found | {
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "KERAS_BACKEND": "tensorflow",
        "MPLBACKEND": "agg",
        "PYTHONUTF8": "1",
    }


def environment(root: Path) -> dict[str, str]:
    """Return a program's whole environment: the settings, and where things are."""
    passed = {x: os.environ[x] for x in ("HOME", "TMPDIR") if x in os.environ}
    own = os.path.dirname(sys.executable)  # its `python` is the one that runs this
    passed["PATH"] = os.pathsep.join([own, os.environ.get("PATH", os.defpath)])
    ours = root / ".cache"  # not the user's own choices for these libraries
    homes = {
        "KERAS_HOME": str(ours / "keras"),
        "MPLCONFIGDIR": str(ours / "matplotlib"),
    }
    return settings() | passed | homes


@lru_cache
def device() -> str:
    """Name the GPU of this machine, or `CPU`; a program may see less of it."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    except FileNotFoundError:
        return "CPU"
    # A driver that is broken says so in the same place.
    names = re.findall(r"(?m)^GPU \d+: (.+?) \(UUID", listed.stdout)
    return ", ".join(names) or "CPU"


@lru_cache
def processor() -> str:
    """Name the kind of CPU: its vector instructions decide the last bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    found = [x for x in lines if x.startswith(("model name", "flags", "Features"))]
    return " ".join(sorted(set(found)))


def jobs() -> int:
    """Return how many programs run side by side: JOBS, or one for each processor.

    Only those count that this process may use, by its affinity and its container's
    quota.
    """
    if wanted := os.environ.get("JOBS"):
        if not wanted.isdecimal() or not int(wanted):
            sys.exit(f"JOBS is how many programs run side by side, not {wanted!r}")
        return int(wanted)
    from joblib import cpu_count  # what only a run needs

    return cpu_count()
