"""Modules of snippets can be imported; what they print is for when they are started."""

import subprocess
import sys
from pathlib import Path

import pytest

from pagecode.frameworks import FRAMEWORKS, selected

ROOT = Path(__file__).parent.parent
NAMES = sorted(
    x.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for x in ROOT.glob("snippets/*/*.py")
)
WITHOUT = {"snippets.beyond_one_process.pytorch_ray"}  # by hand, with Ray
IMPORT = """import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def needs(name: str) -> str:
    """Return the framework that a module is for, or nothing."""
    found = [x for x in FRAMEWORKS.values() if name.rpartition(".")[2].startswith(x)]
    return found[0] if found else ""


@pytest.mark.parametrize("framework", ["", *FRAMEWORKS.values()])
def test_importing_prints_nothing(framework: str) -> None:
    if framework and framework not in selected():
        pytest.skip(f"FRAMEWORK leaves {framework} out")
    chosen = [x for x in NAMES if needs(x) == framework and x not in WITHOUT]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, *chosen],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert chosen
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
