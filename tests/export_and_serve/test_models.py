"""The exported network against NumPy; the files that run and serve a model."""

import json
import subprocess
import sys
import threading
from http.client import HTTPConnection
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pagecode.frameworks import FRAMEWORKS, selected
from pagecode.read.page import read_pages
from snippets.export_and_serve import predict, serve
from snippets.export_and_serve.files import HERE as MODULES
from snippets.export_and_serve.files import NAMES, write_files
from snippets.export_and_serve.serving import ask, cost
from snippets.export_and_serve.training import (
    BATCH_SIZE,
    SHAPES,
    apart,
    draw_batches,
    draw_weights,
)
from snippets.stop_and_resume.files import text_of
from tests.served import ROOT

HERE = [x for x in FRAMEWORKS.values() if x in selected()]
WEIGHTS = np.random.default_rng(0).standard_normal((40, 10), np.float32)


class Adapter:
    """One framework's module, with arrays in and arrays out."""

    def __init__(self, name):
        self.name = name
        framework = import_module({"pytorch": "torch"}.get(name, name))
        self.module = import_module(f"snippets.export_and_serve.{name}_export")
        self.tensor = framework.from_numpy if name == "pytorch" else framework.constant

    def build(self):
        names = vars(self.module)
        model = names.get("Classifier", names.get("build_classifier"))()
        self.module.start(model)
        return model

    def logits(self, model, signals):
        logits = model(self.tensor(signals))
        return logits.detach().numpy() if self.name == "pytorch" else logits.numpy()

    def fit(self, model, signals, labels, batches):
        self.module.fit(model, self.tensor(signals), self.tensor(labels), batches)


@pytest.fixture(params=HERE)
def adapter(request):
    return Adapter(request.param)


def convolve(x, kernel, stride=2):
    """Return a convolution without padding: (batch, places, channels)."""
    width = len(kernel)
    places = range(0, x.shape[1] - width + 1, stride)
    windows = np.stack([x[:, at : at + width] for at in places], axis=1)
    return np.tensordot(windows, kernel, axes=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a linear model of signals (batch, 40), and what it computes."""
    given = helper.make_tensor_value_info("signals", TensorProto.FLOAT, ["batch", 40])
    made = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    product = helper.make_node("MatMul", ["signals", "weights"], ["logits"])
    weights = numpy_helper.from_array(WEIGHTS, "weights")
    graph = helper.make_graph([product], "linear", [given], [made], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "model.onnx")
    signals = np.random.default_rng(1).standard_normal((1000, 40), np.float32)
    np.savez(tmp_path / "expected.npz", signals=signals, logits=signals @ WEIGHTS / 100)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(folder):
    """A server of this model, which runs."""
    server = serve.make_server("model.onnx")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


# --- the network ---------------------------------------------------------------------


def test_weights_have_the_scale_of_their_inputs():
    weights = draw_weights([(5, 100, 30), (1000, 10)], seed=3)
    assert [x.shape for x in weights] == [(5, 100, 30), (1000, 10)]
    assert all(x.dtype == np.float32 for x in weights)
    assert weights[0].std() == pytest.approx(500**-0.5, rel=0.05)
    assert weights[1].std() == pytest.approx(1000**-0.5, rel=0.05)
    np.testing.assert_array_equal(draw_weights()[2], draw_weights()[2])
    assert [x.shape for x in draw_weights()] == SHAPES
    assert not np.array_equal(draw_weights(seed=1)[0], draw_weights(seed=2)[0])


@pytest.mark.parametrize("function", [apart, predict.apart])
def test_distance_is_a_share_of_the_largest_logit(function):
    expected = np.array([[1.0, -4.0], [2.0, 0.0]])
    assert function(expected, expected) == 0
    other = np.array([[1.0, -4.0], [2.0, -0.1]])
    assert function(other, expected) == pytest.approx(0.025)


def test_batches_have_each_index_once_an_epoch():
    batches = draw_batches(size=300, num_epochs=2, seed=5)
    assert batches.shape == (6, BATCH_SIZE)
    one, two = batches[:3].ravel(), batches[3:].ravel()
    assert sorted(one) == sorted(two) == list(range(300))
    assert not np.array_equal(one, two)


def test_logits_are_those_of_numpy(adapter):
    signals = np.random.default_rng(2).standard_normal((4, 40), np.float32)
    first, second, last = draw_weights()
    x = np.tanh(convolve(signals[:, :, None], first))
    x = np.tanh(convolve(x, second))
    assert x.shape == (4, 7, 24)
    logits = adapter.logits(adapter.build(), signals)
    assert logits.shape == (4, 10)
    np.testing.assert_allclose(logits, x.mean(axis=1) @ last, atol=1e-5)


def test_training_step_is_momentum(adapter):
    """The bias of the last layer after two steps, from its gradients by hand."""
    rng = np.random.default_rng(3)
    signals, labels = rng.standard_normal((8, 40), np.float32), np.arange(8) % 10
    batches = np.array([[0, 1, 2, 3], [4, 5, 6, 7]])

    def gradient(model, batch):
        logits = adapter.logits(model, signals[batch]).astype(np.float64)
        probas = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return (probas - np.eye(10)[labels[batch]]).mean(axis=0)

    model = adapter.build()
    first = gradient(model, batches[0])
    adapter.fit(model, signals, labels, batches[:1])
    second = gradient(model, batches[1])
    model = adapter.build()
    adapter.fit(model, signals, labels, batches)
    expected = -0.1 * (first + 0.9 * first + second)
    if adapter.name == "pytorch":
        bias = model.to_logits.bias.detach().numpy()
    else:
        bias = model.trainable_variables[-1].numpy()
    np.testing.assert_allclose(bias, expected, atol=1e-5)


# --- what the page writes ------------------------------------------------------------


@pytest.mark.parametrize("framework", HERE)
def test_page_writes_the_files_that_are_tested(framework, tmp_path):
    [page] = [x for x in read_pages(ROOT) if x.stem == "export-and-serve"]
    [program] = [x for x in page.programs if x.framework == framework]
    shown = {x.file: x for x in program.blocks if x.file}
    assert sorted(shown) == NAMES
    write_files(tmp_path)
    for name in NAMES:
        assert (tmp_path / name).read_text() == text_of(MODULES / name)
        lines = [str(x) for x in shown[name].shown_lines if x.strip()]
        assert lines == [x for x in text_of(MODULES / name).splitlines() if x.strip()]


def test_predict_compares_batches_of_three_sizes(folder, capsys):
    signals = np.load("expected.npz")["signals"]
    predict.main()  # what is expected is a hundredth of what the model computes
    wrong = capsys.readouterr().out
    assert wrong.count("within 1e-6: False") == 3
    [expected] = serve.onnxruntime.InferenceSession("model.onnx").run(
        None, {"signals": signals}
    )
    np.savez("expected.npz", signals=signals, logits=expected * np.float32(1 + 5e-7))
    predict.main()
    first, *lines, wrong, _ = capsys.readouterr().out.splitlines()
    assert first == "Input 'signals': tensor(float), 40 numbers a signal"
    assert wrong == "39 numbers a signal: index: 1 Got: 39 Expected: 40"
    assert lines == [
        f"{size:4} signals: logits ({size}, 10), within 1e-6: True"
        for size in (1000, 1, 7)
    ]


def test_predict_names_the_frameworks_that_are_loaded(folder):
    for before, said in {"": "none", "sys.modules['torch'] = sys; ": "torch"}.items():
        code = f"import sys; {before}import predict; predict.main()"
        write_files()
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == f"Frameworks loaded: {said}"


def test_server_answers_with_classes(server, folder):
    signals = np.load("expected.npz")["signals"]
    for size in (1, 5):
        answer = ask(server.server_port, signals[:size].tolist())
        expected = (signals[:size] @ WEIGHTS).argmax(axis=1).tolist()
        assert answer == {"classes": expected}
    connection = HTTPConnection("127.0.0.1", server.server_port)
    connection.request("POST", "/", json.dumps(signals[:1].tolist()))
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros((2, 39)).tolist(), "need signals of shape (batch, 40), not (2, 39)"),
        (np.zeros(40).tolist(), "need signals of shape (batch, 40), not (40,)"),
        (np.zeros((1, 1, 40)).tolist(), "of shape (batch, 40), not (1, 1, 40)"),
        ("hello", "could not convert string to float"),
        ([[1, 2], [3]], "inhomogeneous shape"),
        ({"a": 1}, "float() argument"),
        (np.zeros((9000, 40)).tolist(), "more than 1,000,000 bytes"),
        ("long" * 5_000_000, "more than 1,000,000 bytes"),
    ],
)
def test_server_refuses_what_is_wrong_and_goes_on(server, wrong, said):
    answer = ask(server.server_port, wrong)
    assert answer["status"] == 400
    assert said in answer["error"]
    assert ask(server.server_port, np.zeros((1, 40)).tolist()) == {"classes": [0]}


@pytest.mark.parametrize("content", [b"[[1, 2", b"\xff", b""])
def test_server_refuses_what_is_no_json(server, content):
    connection = HTTPConnection("127.0.0.1", server.server_port)
    connection.request("POST", "/", content)
    answer = connection.getresponse()
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/json"
    assert json.load(answer)["error"]
    connection.close()


@pytest.mark.parametrize("length", [None, "much", "-1"])
def test_server_refuses_a_request_without_a_length(server, length):
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.putrequest("POST", "/")
    if length:
        connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_server_is_for_posts_from_this_machine(server):
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(HTTPError, match="501"):
        urlopen(f"http://127.0.0.1:{server.server_port}")


def test_asking_nobody_fails(server):
    port = server.server_port
    server.shutdown()
    server.server_close()
    with pytest.raises(URLError):
        ask(port, [])


def test_serve_prints_its_port_and_ends_when_it_is_told(folder):
    write_files()
    command = [sys.executable, "serve.py"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with process:
        port = int(process.stdout.readline().removeprefix("Port: "))
        assert ask(port, np.zeros((1, 40)).tolist()) == {"classes": [0]}
        process.terminate()
    assert process.returncode < 0


def test_cost_of_a_package():
    seconds, size = cost("numpy")
    assert 0.01 < seconds < 300
    assert 5 < size < 500
    with pytest.raises(PackageNotFoundError):
        cost("no_such_package")
