"""The benchmark of several processes: what it counts, refuses, tells and draws."""

import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from benchmarks import scaling
from pagecode.frameworks import FRAMEWORKS, selected

ROOT = Path(__file__).parent.parent
READS = ["benchmarks", "pagecode", "snippets/beyond_one_process"]
KEYS = [(width, world) for width in (100, 500) for world in (1, 2, 4)]


def test_shapes_and_parameters() -> None:
    assert scaling.shapes(100) == [(40, 100), (100, 100), (100, 10)]
    assert scaling.parameters(100) == 15_210  # as the page says of its model
    weights, signals, labels = scaling.draw(100)
    assert [x.shape for x in weights] == scaling.shapes(100)
    assert signals.shape == (scaling.BATCH_SIZE, 40)
    assert {*labels} == {*range(10)}
    assert weights[1].std() == pytest.approx(0.1, rel=0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_bytes_sent_are_those_of_connections() -> None:
    before = scaling.sent()
    one, two = socket.socketpair()  # no connection over the network
    with one, two, socket.create_server(("127.0.0.1", 0)) as server:
        one.sendall(bytes(500))
        client = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        with client, other:
            client.sendall(bytes(12_345))
            other.sendall(bytes(55))
            assert scaling.sent() - before == 12_400


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_counting_bytes_leaves_no_file_open() -> None:
    """A copy of a pipe's end that stays open keeps whoever reads it from its end."""
    reads, writes = os.pipe()
    scaling.sent()
    os.close(writes)
    with open(reads, "rb") as pipe:
        assert select.select([pipe], [], [], 5)[0]
        assert pipe.read() == b""


def told(*losses: float) -> dict:
    return {"seconds": [0.1] * len(losses), "losses": [*losses], "sent": 8.0}


def test_other_losses_are_refused() -> None:
    alone, both = [told(2.0, 1.0)], [told(1.5, 0.25), told(0.5, 0.75)]
    scaling.require_same({(100, 1): alone, (100, 2): both})
    both[1]["losses"][1] = 0.7502
    with pytest.raises(ValueError, match=r"100 units, 2 processes: losses 2\.0e-04"):
        scaling.require_same({(100, 1): alone, (100, 2): both})
    both[1]["losses"][1] = float("nan")
    with pytest.raises(ValueError, match="nan off"):
        scaling.require_same({(100, 1): alone, (100, 2): both})


def found() -> dict:
    """Return what `measure` could find: twice as fast with two, slow with four."""
    seconds = {1: 0.4, 2: 0.2, 4: 0.8}
    each = {
        (width, world): (
            seconds[world] * np.array([1.5, 1.0, 2.0]),
            4 * scaling.parameters(width) * 2 * (world - 1) / world,
        )
        for width, world in KEYS
    }
    return dict.fromkeys(FRAMEWORKS.values(), each)


def test_rows_tell_all_and_mark_more_processes_than_cores() -> None:
    head, *rows = scaling.rows_of(found(), cores=2)
    assert head[3:] == [
        *["PyTorch, ms a step", "TensorFlow, ms a step"],
        *["PyTorch, MB sent", "TensorFlow, MB sent"],
    ]
    assert [x[2] for x in rows] == ["1", "2", "4 (on 2 cores)"] * 2
    assert rows[1][:2] == ["15,210", "0.061"]
    assert rows[1][3:] == [*["200 (300)"] * 2, *["0.061"] * 2]
    assert rows[0][5:] == ["0", "0"]
    assert rows[5][5:] == ["1.66", "1.66"]
    assert scaling.rows_of(found(), cores=4)[3][2] == "4"


def test_rows_against_one_process() -> None:
    gaps = {"pytorch": {1: 0.0, 2: 2.5e-7}, "tensorflow": {1: 1e-7, 2: 3e-7}}
    assert scaling.rows_against(gaps) == [
        ["processes", "PyTorch, weights apart", "TensorFlow, weights apart"],
        ["1", "0.0e+00", "1.0e-07"],
        ["2", "2.5e-07", "3.0e-07"],
    ]


def test_rows_of_recomputed_activations() -> None:
    each = {"kept": [0.02, 0.03, 0.04], "recomputed": [0.05, 0.04, 0.03]}
    assert scaling.rows_recomputed(dict.fromkeys(FRAMEWORKS.values(), each)) == [
        ["activations", "PyTorch, ms", "TensorFlow, ms"],
        ["kept", *["20.0 (30.0)"] * 2],
        ["recomputed", *["30.0 (40.0)"] * 2],
    ]


@pytest.mark.parametrize(
    "framework", [x for x in FRAMEWORKS.values() if x in selected()]
)
def test_gradients_are_timed_kept_and_recomputed(framework) -> None:
    found = scaling.recomputed(framework, 2)
    assert found.keys() == {"kept", "recomputed"}
    assert [len(x) for x in found.values()] == [2, 2]
    assert min(min(x) for x in found.values()) > 0


def test_what_is_measured_makes_it_stale() -> None:
    found = scaling.sources()
    assert all((ROOT / x).is_file() for x in found)
    names = "common", "pytorch_one", "pytorch_train", "tensorflow_launch"
    assert {f"snippets/beyond_one_process/{x}.py" for x in names} <= {*found}
    assert "benchmarks/scaling.py" in found
    assert "snippets/datasets/mnist1d.py" in found


def test_picture_keeps_what_is_computed_apart() -> None:
    left, right = scaling.picture(found()).axes
    lines = {x.get_label(): x for x in left.lines}
    assert lines["ring, computed"].get_linestyle() == "--"
    assert [*lines["ring, computed"].get_xdata()][-1] == 1024
    assert lines["ring, computed"].get_ydata()[:3] == pytest.approx([0, 1, 1.5])
    for name in FRAMEWORKS:
        line = lines[f"{name}, measured"]
        assert (line.get_linestyle(), [*line.get_xdata()]) == ("None", [1, 2, 4])
        assert line.get_ydata() == pytest.approx([0, 1, 1.5])
    computed, *measured = right.lines
    assert (computed.get_linestyle(), computed.get_ydata()[0]) == ("--", 2)
    assert all(x.get_ydata() == pytest.approx([2, 2]) for x in measured)
    plt.close("all")


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
@pytest.mark.parametrize(
    "framework", [x for x in FRAMEWORKS.values() if x in selected()]
)
def test_two_processes_send_the_gradient_and_have_the_losses_of_one(framework) -> None:
    runs = {(20, n): scaling.launch(framework, n, 3, [20]) for n in (1, 2)}
    runs = {key: [x["20"] for x in told] for key, told in runs.items()}
    scaling.require_same(runs)
    assert runs[20, 1][0]["sent"] < 100  # what torchrun is told
    size = 4 * scaling.parameters(20)
    for one in runs[20, 2]:
        assert len(one["seconds"]) == len(one["losses"]) == 3
        assert size <= one["sent"] < 2 * size  # and what the framework adds
    losses = np.sum([x["losses"] for x in runs[20, 2]], axis=0)
    assert losses[2] < losses[0]


def test_a_failure_is_told(monkeypatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "first\nlast words")
    monkeypatch.setattr(scaling.subprocess, "run", lambda *_, **__: failed)
    said = r"(?s)--nproc-per-node 2 .*: status 1.*last words"
    with pytest.raises(RuntimeError, match=said):
        scaling.launch("pytorch", 2, 3, [20])
