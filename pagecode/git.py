"""Ask Git about the project. What it does not answer for is not committed."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path


class GitError(Exception):
    """Git is missing, or refuses to answer; says why."""


@dataclass(frozen=True)
class State:
    """The commit that is checked out, and why the files are not those of it."""

    commit: str  # "" where Git names none
    changed: str  # "" where each file is as committed


def ask(root: Path, *words: str, outer: Iterable[str] = ()) -> str:
    """Return what Git says at `root`; GitError where it fails.

    The variables `outer` of the environment are kept from it.
    """
    environment = {x: y for x, y in os.environ.items() if x not in outer}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    command = ["git", "-c", "core.fsmonitor=false", *words]
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True)
    except OSError as error:
        raise GitError(f"git cannot be run ({error.strerror})") from error
    if done.returncode:
        said = os.fsdecode(done.stderr).strip().splitlines() or ["nothing"]
        raise GitError(f"git {words[0]} says {said[0]}")
    return os.fsdecode(done.stdout).strip("\n")


def state(root: Path, files: Iterable[Path] = ()) -> State:
    """Return the commit, and whether all is committed, these files among it.

    A failure of Git is never taken for "clean", whatever its configuration hides.
    """
    commit = ""
    try:
        # Inside a hook of Git, its variables name another index or repository.
        names = ask(root, "rev-parse", "--local-env-vars").split()
        here = partial(ask, root, outer=[x for x in names if "CONFIG" not in x])
        commit = here("rev-parse", "--verify", "HEAD^{commit}")
        options = "--porcelain", "-z", "--untracked-files", "--ignore-submodules=none"
        if changes := here("status", *options):
            return State(commit, f"{changes.split(chr(0))[0][3:]} is not committed")
        listed = here("ls-files", "-v", "-z", "--recurse-submodules").split("\0")
        # A lower-case letter or an S: Git does not look whether it has changed.
        tracked = {
            path: tag for tag, _, path in (x.partition(" ") for x in listed if x)
        }
        if unseen := [x for x, tag in tracked.items() if tag != "H"]:
            return State(commit, f"Git is told not to look at {unseen[0]}")
        real = root.resolve()
        paths = [os.path.relpath(x.resolve(), real).replace(os.sep, "/") for x in files]
        if ignored := [x for x in paths if x not in tracked]:
            return State(commit, f"{ignored[0]} is not committed")
    except GitError as error:
        return State(commit, str(error))
    return State(commit, "")
