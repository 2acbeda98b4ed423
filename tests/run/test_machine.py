"""The machine is named by its GPU and its kind of CPU."""

import os
import platform
from pathlib import Path

import pytest

from pagecode.run import machine


@pytest.mark.parametrize(
    ("says", "name"),
    [
        ("GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-1)", "NVIDIA H100 80GB HBM3"),
        ("GPU 0: A (UUID: GPU-1)\n  MIG 1g Device 0: (UUID: MIG-1)", "A"),
        ("GPU 0: A (UUID: GPU-1)\nGPU 1: B (UUID: GPU-2)", "A, B"),
        ("Failed to initialize NVML: Driver/library version mismatch", "CPU"),
        ("No devices found.", "CPU"),
        ("", "CPU"),
    ],
)
def test_machines_device_is_named(tmp_path, monkeypatch, says: str, name: str) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\ncat << E\n{says}\nE\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert machine.device.__wrapped__() == name


def test_machine_without_the_command_has_a_cpu(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.device.__wrapped__() == "CPU"


def test_machines_processor_is_named_without_linux(monkeypatch) -> None:
    def gone(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", gone)
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert machine.processor.__wrapped__() == "arm"
