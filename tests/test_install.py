"""The venv is made and grows, by uv or by pip, and a site needs little of it."""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.served import ROOT

INSTALL = ROOT / "requirements" / "install.py"
UV = Path(sys.executable).with_name("uv")
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"
WHEEL = (
    "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any"
)


def wheel(folder: Path, name: str, version: str) -> None:
    """Lay down a package with one module, which knows its version."""
    folder.mkdir(exist_ok=True)
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        about = f"{name}-{version}.dist-info"
        file.writestr(f"{name}.py", f"version = {version!r}\n")
        file.writestr(f"{about}/METADATA", METADATA.format(name, version))
        file.writestr(f"{about}/WHEEL", WHEEL)
        file.writestr(f"{about}/RECORD", "")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch) -> Path:
    """A folder that is all that pip is configured with; no GPU, and no uv."""
    for name in [x for x in os.environ if x.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "shelf"
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("GPU", raising=False)
    wheel(folder, "site_part", "1.0")
    wheel(folder, "site_part", "2.0")
    return folder


def with_uv(shelf: Path, monkeypatch) -> None:
    """Let uv be found."""
    assert UV.exists()
    (shelf.parent / "uv").symlink_to(UV)
    monkeypatch.setenv("PATH", f"{shelf.parent}:/usr/bin:/bin")


def install(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Install `part.txt` of a folder into the folder's venv."""
    command = [sys.executable, INSTALL, folder / "venv", folder / "part.txt", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def found(folder: Path, name: str) -> str:
    """Return the version of a module as the folder's venv has it, or nothing."""
    command = [
        folder / "venv/bin/python",
        "-c",
        f"import {name}; print({name}.version)",
    ]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("uv", [True, False], ids=["uv", "pip"])
def test_venv_is_made_and_grows(
    tmp_path: Path, shelf: Path, monkeypatch, uv: bool
) -> None:
    if uv:
        with_uv(shelf, monkeypatch)
    (tmp_path / "site.txt").write_text("site_part==1.0 # a pin, and why\n")
    (tmp_path / "part.txt").write_text("-r site.txt\n")
    done = install(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "is ready, after" in done.stdout
    assert found(tmp_path, "site_part") == "1.0"
    assert ("uv = " in (tmp_path / "venv/pyvenv.cfg").read_text()) == uv
    made = (tmp_path / "venv/pyvenv.cfg").stat().st_mtime_ns
    wheel(shelf, "torch", "3.0")
    wheel(shelf, "torch", "3.0+cpu")
    (tmp_path / "part.txt").write_text("-r site.txt\ntorch==3.0\n")
    assert install(tmp_path).returncode == 0
    assert (found(tmp_path, "torch"), found(tmp_path, "site_part")) == (
        "3.0+cpu",
        "1.0",
    )
    assert (tmp_path / "venv/pyvenv.cfg").stat().st_mtime_ns == made
    assert install(tmp_path, "--newest").returncode == 0
    assert found(tmp_path, "site_part") == "2.0"


def test_index_without_the_cpu_build_gives_the_ordinary_one(
    tmp_path: Path, shelf: Path, monkeypatch
) -> None:
    with_uv(shelf, monkeypatch)
    wheel(shelf, "torch", "3.0")
    wheel(shelf, "torch", "2.0+cpu")
    (tmp_path / "part.txt").write_text("torch==3.0\n")
    assert install(tmp_path).returncode == 0
    assert found(tmp_path, "torch") == "3.0"


@pytest.mark.parametrize("how", ["driver", "asked"])
def test_where_there_is_a_gpu_the_ordinary_build_is_taken(
    tmp_path: Path, shelf: Path, monkeypatch, how: str
) -> None:
    with_uv(shelf, monkeypatch)
    wheel(shelf, "torch", "3.0")
    wheel(shelf, "torch", "2.0+cpu")
    wheel(shelf, "torchvision", "1.0")
    wheel(shelf, "torchvision", "1.0+cpu")
    (tmp_path / "part.txt").write_text("torch==3.0\n")
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: A100 (UUID: GPU-1)'\n")
    if how == "driver":
        driver.chmod(0o755)
    else:
        monkeypatch.setenv("GPU", "1")
    assert install(tmp_path).returncode == 0
    assert found(tmp_path, "torch") == "3.0"


def test_pip_tries_where_uv_fails(tmp_path: Path, shelf: Path, monkeypatch) -> None:
    (shelf.parent / "uv").write_text("#!/bin/sh\nexit 3\n")
    (shelf.parent / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shelf.parent}:/usr/bin:/bin")
    (tmp_path / "part.txt").write_text("site_part\n")
    done = install(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "uv could not; pip tries:" in done.stdout
    assert found(tmp_path, "site_part") == "2.0"


def test_what_cannot_be_had_is_named(tmp_path: Path, shelf: Path, monkeypatch) -> None:
    (tmp_path / "part.txt").write_text("nowhere_to_be_had==1.0\n")
    with_uv(shelf, monkeypatch)
    done = install(tmp_path)
    assert done.returncode == 1
    assert "nowhere_to_be_had" in done.stderr
    assert "failed: " in done.stderr
    assert "is ready" not in done.stdout


def test_python_without_venv_is_told_what_to_install(
    tmp_path: Path, shelf: Path
) -> None:
    (tmp_path / "part.txt").write_text("site_part\n")
    code = (
        "import runpy, sys; sys.modules['ensurepip'] = None; sys.argv = sys.argv[1:]; "
    )
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    words = [INSTALL, tmp_path / "venv", tmp_path / "part.txt"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def brought(part: Path) -> set[str]:
    """Return the distributions of a requirements file, and what they bring."""
    left = [Requirement(x) for x in re.findall(r"(?m)^\w\S*==\S+", part.read_text())]
    asked: set[str] = set()
    while left:
        wanted = left.pop()
        try:
            needed = map(Requirement, distribution(wanted.name).requires or [])
        except PackageNotFoundError:  # of another platform
            continue
        if str(wanted) not in asked:
            asked.add(str(wanted))
            left += [
                x
                for x in needed
                for extra in ("", *wanted.extras)
                if not x.marker or x.marker.evaluate({"extra": extra})
            ]
    return {canonicalize_name(Requirement(x).name) for x in asked}


ALONE = """
import importlib.metadata, runpy, sys
from packaging.utils import canonicalize_name
allowed = set(sys.argv.pop(1).split())
for name, owners in importlib.metadata.packages_distributions().items():
    if not allowed & {canonicalize_name(x) for x in owners}:
        sys.modules[name] = None
runpy.run_module("mkdocs", run_name="__main__", alter_sys=True)
"""
BUILD = "build", "--quiet", "--strict", "--site-dir"


def test_site_is_built_with_what_its_requirements_bring(tmp_path: Path) -> None:
    allowed = brought(ROOT / "requirements" / "site.txt")
    assert not allowed & {"torch", "tensorflow", "numpy", "scikit-learn", "pytest"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, " ".join(allowed), *BUILD, tmp_path / "site"],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    assert (tmp_path / "site" / "index.html").exists()


def test_pagecode_says_on_windows_where_it_runs() -> None:
    code = "import sys; sys.platform = 'win32'; import pagecode"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "on Windows, WSL" in done.stderr
