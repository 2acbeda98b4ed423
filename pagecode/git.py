"""Ask Git about the project."""

import subprocess
from pathlib import Path


def git(root: Path, *words: str) -> str:
    """Return what git says, or nothing where there is no repository."""
    try:
        said = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return said.stdout.strip()
