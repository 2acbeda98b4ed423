"""A GPU that is asked for is one that the framework computes on."""

import pytest

from pagecode.prove import gpu
from tests.conftest import Site, run

READS = None  # everything: it starts Python in the project

SEEN = """import sys, types
cuda = types.SimpleNamespace(is_available=lambda: True, get_device_name=lambda: "H100")
sys.modules["torch"] = types.SimpleNamespace(cuda=cuda)"""


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        (SEEN, 0, "pytorch computes on H100\n"),
        ("print", 1, "error     it computes on the CPU\n"),
        ("raise OSError('no driver')", 1, "error     OSError: no driver\n"),
        ("import os; os._exit(1)", 1, "GPU: pytorch does not see one\n"),
    ],
)
def test_framework_must_compute_on_the_gpu(
    site: Site, monkeypatch, capsys, code: str, status: int, said: str
) -> None:
    monkeypatch.setenv("FRAMEWORK", "pytorch")
    monkeypatch.chdir(site.root)
    monkeypatch.setitem(gpu.COMPUTE, "pytorch", code)
    assert run(monkeypatch, "gpu") == status
    out, err = capsys.readouterr()
    assert said in out + err


@pytest.mark.parametrize("name", ["", "both", "common"])
def test_gpu_is_asked_for_by_one_framework(
    site: Site, monkeypatch, capsys, name: str
) -> None:
    monkeypatch.setenv("FRAMEWORK", name)
    monkeypatch.chdir(site.root)
    assert run(monkeypatch, "gpu") == 1
    assert "FRAMEWORK=" in capsys.readouterr().err


@pytest.mark.parametrize("name", gpu.COMPUTE)
def test_code_that_computes_is_python(name: str) -> None:
    assert compile(gpu.COMPUTE[name] + gpu.NAME, "gpu", "exec")
