"""Make a virtual environment, or add to the one that is there.

    python requirements/install.py VENV PART       with the exact versions of a file
    python requirements/install.py VENV PART --newest    with the newest releases

uv does it where it is installed, in seconds; else Python's own venv and pip do. uv is
told what pip is configured with, and where it fails, pip tries.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

WHERE = {"global": 0, "install": 1, ":env:": 2}  # pip's settings; the last holds
SHARED = ("index-url", "extra-index-url", "find-links")  # options of both
SWITCHES = {"no-index": "--no-index", "no-cache-dir": "--no-cache"}  # uv's names
TORCH = re.compile(r"(?m)^(torch\w*==[\d.]+)")


def lines(part: Path) -> Iterator[str]:
    """Yield what a requirements file names, and the files that it takes in name."""
    for line in part.read_text(encoding="utf-8").splitlines():
        said = line.partition("#")[0].strip()
        if said.startswith("-r "):
            yield from lines(part.parent / said[3:])
        elif said and said[0] != "-":
            yield said


def pip_settings() -> dict[str, str]:
    """Return what pip is configured with, by its files and the environment."""
    listed = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(listed, capture_output=True, text=True).stdout
    found = re.findall(r"(?m)^(global|install|:env:)\.([\w-]+)=(['\"])(.*)\3$", said)
    found.sort(key=lambda setting: WHERE[setting[0]])
    return {name: value.replace("\\n", " ") for _, name, _, value in found}


def with_uv(uv: str, venv: Path) -> tuple[list[str], dict[str, str]]:
    """Return uv's command that installs into the venv, and the environment for it."""
    command = [uv, "pip", "install", "--python", str(venv / "bin" / "python")]
    command += ["--index-strategy", "unsafe-best-match"]  # as pip chooses
    settings, added = pip_settings(), {}
    for name in SHARED:
        for value in settings.get(name, "").split():
            command += [f"--{name}", value]
    if "cert" in settings:
        added["SSL_CERT_FILE"] = settings["cert"]
    for name, switch in SWITCHES.items():
        if settings.get(name, "0").lower() not in ("", "0", "false", "no", "off"):
            command.append(switch)
    return command, os.environ | added


def with_pip(venv: Path) -> tuple[list[str], dict[str, str]]:
    """Return pip's command that installs into the venv, and the environment for it."""
    python = str(venv / "bin" / "python")
    if subprocess.run([python, "-c", "import pip"], capture_output=True).returncode:
        subprocess.run([python, "-m", "ensurepip"], check=True)  # uv made this venv
    words = [python, "-m", "pip", "install", "--no-compile"]
    words.append("--disable-pip-version-check")
    return words, dict(os.environ)


def cpu_builds(part: Path, command: list[str], env: dict[str, str]) -> list[str]:
    """Return PyTorch's packages as built without CUDA, 2.4 GB smaller, or nothing.

    They are taken where there is no GPU and a configured index has them.
    """
    names = [f"{x}+cpu" for x in TORCH.findall("\n".join(lines(part)))]
    if not names or sys.platform != "linux" or env.get("GPU") or has_gpu():
        return []
    asked = [*command, "--dry-run", "--no-deps", *names]
    return (
        [] if subprocess.run(asked, env=env, capture_output=True).returncode else names
    )


def has_gpu() -> bool:
    """Return whether a driver names a GPU of this machine."""
    if not shutil.which("nvidia-smi"):
        return False
    said = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    return "GPU 0" in said


def make_venv(venv: Path, uv: str | None) -> None:
    """Make the venv; one whose Python still runs stays as it is."""
    python = venv / "bin" / "python"
    if os.access(python, os.X_OK):
        return
    again = ["--clear"] if (venv / "pyvenv.cfg").exists() else []  # its Python is gone
    if uv:
        made = [uv, "venv", "--quiet", "--no-project", "--python", sys.executable]
        if not subprocess.run(
            [*made, *(again or ["--allow-existing"]), venv]
        ).returncode:
            return
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit(
            f"'{sys.executable}' lacks the venv module: on Debian, "
            "apt install python3-venv; or install uv"
        )
    subprocess.run([sys.executable, "-m", "venv", *again, venv], check=True)


def install(venv: Path, part: Path, *, newest: bool) -> None:
    """Install what a requirements file names; CalledProcessError where that fails."""
    uv = shutil.which("uv")
    make_venv(venv, uv)
    wanted = ["--requirement", str(part)]
    if newest:
        named = [re.sub(r"==.*", "", line) for line in lines(part)]
        wanted = ["--upgrade", *dict.fromkeys(named)]
    if uv:
        command, env = with_uv(uv, venv)
        added = [] if newest else cpu_builds(part, command, env)
        if not subprocess.run([*command, *wanted, *added], env=env).returncode:
            return
        print("uv could not; pip tries:", flush=True)
    command, env = with_pip(venv)
    added = [] if newest else cpu_builds(part, command, env)
    subprocess.run([*command, *wanted, *added], env=env, check=True)


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("venv", type=Path)
    parser.add_argument("part", type=Path, help="a requirements file")
    parser.add_argument("--newest", action="store_true", help="whatever is pinned")
    given = parser.parse_args()
    start = time.monotonic()
    try:
        install(given.venv, given.part, newest=given.newest)
    except subprocess.CalledProcessError as error:
        print(f"failed: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    print(f"{given.venv} is ready, after {time.monotonic() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
