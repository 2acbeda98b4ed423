"""The scripts of Beyond one process: in this process, and in several on loopback."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from math import erf, pi
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import psutil
import pytest
import yaml

from pagecode.frameworks import FRAMEWORKS, selected
from pagecode.run.machine import settings
from snippets.beyond_one_process import common
from snippets.beyond_one_process import tensorflow_launch as launch

ROOT = Path(__file__).parents[2]
READS = ["snippets/beyond_one_process", "docs/practice/beyond-one-process.md"]
PAGE = ROOT / "docs/practice/beyond-one-process.md"
SCRIPT = re.compile(r"# --8<-- \[start:script\]\n(.*)# --8<-- \[end:script\]", re.S)
LIMIT = 600  # seconds for a launch; it needs about ten where nothing else runs
ANEW = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # addresses in each attempt
START = {
    "pytorch": ["torch.distributed.run", "--standalone", "--nproc-per-node"],
    "tensorflow": ["launch"],  # the page's launcher, in the folder
}


def script(name: str) -> str:
    """Return the file that the page makes of a module's section."""
    path = ROOT / f"snippets/beyond_one_process/{name}.py"
    found = SCRIPT.search(path.read_text())
    assert found
    return found[1]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """What all processes start from."""
    path = tmp_path_factory.mktemp("start") / "start.npz"
    common.write_start(path)
    with np.load(path) as file:
        return dict(file)


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def framework(request):
    return request.param


def module(framework: str, name: str):
    return import_module(f"snippets.beyond_one_process.{framework}_{name}")


def left(folder: Path) -> list[str]:
    """Return the commands of processes that run in a folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            gone = process.status() == psutil.STATUS_ZOMBIE
            if not gone and Path(process.cwd()).is_relative_to(folder):
                found.append(" ".join(process.cmdline()))
    return found


def begin(folder: Path, *command: str) -> subprocess.Popen:
    """Start Python in a folder, in a session of its own."""
    own = Path(sys.executable).parent
    found = {x: os.environ[x] for x in ("HOME", "TMPDIR") if x in os.environ}
    path = os.pathsep.join([str(own), os.environ.get("PATH", os.defpath)])
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=settings() | found | {"PATH": path} | ANEW,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(started: subprocess.Popen, limit: float = LIMIT) -> tuple[int, str, str]:
    """Wait for its end, or end all of its session; return status and output."""
    try:
        out, err = started.communicate(timeout=limit)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
    return started.returncode, out, err


def prepare(folder: Path, framework: str, start: dict[str, np.ndarray]) -> Path:
    """Write the page's files into a folder."""
    folder.mkdir(exist_ok=True)
    np.savez(folder / "start.npz", **start)
    for path in ROOT.glob(f"snippets/beyond_one_process/{framework}_*.py"):
        if "start:script" in path.read_text():
            name = path.stem.removeprefix(f"{framework}_")
            (folder / f"{name}.py").write_text(script(path.stem))
    return folder


def command(framework: str, number: int, name: str, restarts: int = 0) -> list[str]:
    """Return what starts a script in so many processes, as on the page."""
    head = ["-m", *START[framework], str(number)]
    if framework == "tensorflow":
        return [*head, str(restarts), name]
    return [*head, "--max-restarts", str(restarts), name]


# What all runs start from, and how they are compared.


def test_start_weights_are_scaled_by_their_inputs():
    weights = common.draw_weights()
    assert [x.shape for x in weights] == [(40, 100), (100, 100), (100, 10)]
    assert {x.dtype for x in weights} == {np.dtype("float32")}
    for weight in weights:
        assert weight.std() == pytest.approx(np.sqrt(2 / len(weight)), rel=0.1)
    again, other = common.draw_weights(), common.draw_weights(seed=2)
    assert all(map(np.array_equal, weights, again))
    assert not np.array_equal(weights[0], other[0])


def test_apart_is_the_largest_difference():
    one = [np.zeros((2, 3)), np.array([1.0, 2.0])]
    assert common.apart(one, one) == 0
    assert common.apart(one, [np.full((2, 3), -0.5), np.array([1.0, 2.25])]) == 0.5
    with pytest.raises(ValueError, match="shorter"):
        common.apart(one, one[:1])


def test_weights_are_read_in_their_order(tmp_path):
    arrays = [np.full(n, n) for n in range(1, 13)]  # arr_10 comes after arr_9
    np.savez(tmp_path / "x.npz", *arrays)
    found = common.read_weights(tmp_path / "x.npz")
    assert all(map(np.array_equal, arrays, found))


def test_ring():
    assert common.ring_bytes(600, 1) == 0
    assert common.ring_bytes(600, 2) == 600
    assert common.ring_bytes(600, 3) == 800
    # 4 rounds of 0.5 s, and 800 bytes at 100 a second
    assert common.ring_seconds(600, 3, bandwidth=100, latency=0.5) == 10
    assert common.server_seconds(600, 3, bandwidth=100, latency=0.5) == 37


def test_plot_of_the_ring():
    common.plot_scaling([8, 16], {"ring": [0.5, 1.5], "server": [2, 4]}, compute=0.5)
    seconds, share = plt.gcf().axes
    assert [list(x.get_ydata()) for x in seconds.lines] == [[0.5, 1.5], [2, 4]]
    assert list(share.lines[0].get_ydata()) == [0.5, 0.25]
    plt.close("all")


# One process.


def gelu(x):
    """Return GELU and its slope."""
    below = 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))
    return x * below, below + x * np.exp(-(x**2) / 2) / np.sqrt(2 * pi)


def train_in_numpy(start, batch_size, rate, num_steps):
    """Return the losses of SGD with momentum, gradient by hand, in float64."""
    weights = [start[x].astype(np.float64) for x in ["w0", "w1", "w2"]]
    params = [p for w in weights for p in (w, np.zeros(w.shape[1]))]
    velocity, losses = [np.zeros_like(p) for p in params], []
    rng = np.random.default_rng(1)
    for _ in range(num_steps):
        rows = rng.choice(4000, batch_size, replace=False)
        x, y = start["signals"][rows].astype(np.float64), start["labels"][rows]
        one, slope_one = gelu(x @ params[0] + params[1])
        two, slope_two = gelu(one @ params[2] + params[3])
        logits = two @ params[4] + params[5]
        probas = np.exp(logits - logits.max(1, keepdims=True))
        probas /= probas.sum(1, keepdims=True)
        losses.append(-np.log(probas[range(len(y)), y]).mean())
        grad = (probas - np.eye(10)[y]) / len(y)
        grads = [two.T @ grad, grad.sum(0)]
        grad = grad @ params[4].T * slope_two
        grads = [one.T @ grad, grad.sum(0), *grads]
        grad = grad @ params[2].T * slope_one
        grads = [x.T @ grad, grad.sum(0), *grads]
        for p, v, g in zip(params, velocity, grads, strict=True):
            v *= 0.9
            v += g
            p -= rate * v
    return losses


def test_one_process_trains_as_numpy_does(framework, start):
    for options in [(64, 0.05, 20), (32, 0.2, 10)]:
        _, losses = module(framework, "one").train(start, *options)
        assert np.allclose(losses, train_in_numpy(start, *options), rtol=1e-4)


@pytest.mark.parametrize("name", ["one", "train"])
def test_model_starts_with_the_file_s_weights(framework, start, name):
    model = module(framework, name).build_model(start)
    if framework == "pytorch":
        found = [x.detach().numpy().T for x in model.parameters()]
    else:
        found = model.get_weights()
    keys = ["w0", "w1", "w2"]
    assert len(found) == 6
    for weight, bias, key in zip(found[::2], found[1::2], keys, strict=True):
        assert bias.shape == weight.shape[1:]
        assert np.array_equal(weight, start[key])
        assert not bias.any()


def test_recomputing_gives_the_same_gradients(framework):
    one = module(framework, "one")
    if framework == "pytorch":
        torch = import_module("torch")
        blocks = torch.nn.ModuleList(
            torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.GELU()) for _ in "abc"
        )
        features = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    else:
        layers = import_module("keras").layers
        blocks = [layers.Dense(4, "gelu") for _ in "abc"]
        for block in blocks:
            block.build((5, 4))
        features = import_module("tensorflow").random.stateless_normal((5, 4), [1, 2])
    grads, runs, *kept = one.gradients(blocks, features, recompute=False)
    again, more, *less = one.gradients(blocks, features, recompute=True)
    assert (runs, more) == (3, 6)
    assert len(grads) == 6
    assert all(map(np.array_equal, grads, again))
    assert all(x.any() for x in grads)
    if framework == "pytorch":
        # Of 5 x 4 float32: two for a block and one for the loss; one for each.
        assert (kept, less) == ([80 * 7], [80 * 4])


# The pitfalls, and checkpoints.


def test_gradient_of_the_pitfalls(framework):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(6, 40)).astype(np.float32)
    weight = rng.normal(size=(40, 10)).astype(np.float32)
    targets = np.array([1, 0, 9, 3, 3, 2])
    arrays = features, targets, weight
    if framework == "pytorch":
        arrays = map(import_module("torch").from_numpy, arrays)
    found = np.asarray(module(framework, "pitfalls").gradient(*arrays, 3))
    probas = np.exp(features @ weight)
    probas /= probas.sum(1, keepdims=True)
    expected = features.T @ (probas - np.eye(10)[targets]) / 3
    assert np.allclose(found, expected, atol=1e-4)


def parts_of_a_checkpoint(framework):
    """Return what `save` and `load` take, after one step of training, and arrays."""
    if framework == "pytorch":
        torch = import_module("torch")
        model = torch.nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()

        def arrays():
            state = [optimizer.state[x]["momentum_buffer"] for x in model.parameters()]
            return [x.detach().numpy().copy() for x in [*model.parameters(), *state]]

        return (model, optimizer), arrays
    keras = import_module("keras")
    model, optimizer = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), 0
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(model.trainable_variables)
    optimizer.apply([keras.ops.ones(x.shape) for x in model.trainable_variables])
    variables = [*model.variables, *optimizer.variables]
    return (variables,), lambda: [x.numpy() for x in variables]


def test_checkpoint_holds_weights_momentum_and_step(framework, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    survive = module(framework, "survive")
    parts, arrays = parts_of_a_checkpoint(framework)
    assert survive.load(*parts) == 0  # there is none yet
    saved = arrays()
    survive.save(7, *parts)
    others, arrays_of_others = parts_of_a_checkpoint(framework)
    assert survive.load(*others) == 7
    assert all(map(np.array_equal, saved, arrays_of_others()))
    assert [x.name for x in tmp_path.iterdir()] == [survive.PATH]

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        survive.save(8, *parts)
    assert survive.load(*others) == 7  # the old one is whole


# The launcher.


def test_free_ports_differ_and_can_be_used():
    ports = launch.free_ports(20)
    assert len(set(ports)) == 20
    with launch.socket.create_server(("127.0.0.1", ports[0])):
        pass


def write_launcher(folder: Path, text: str) -> None:
    (folder / "launch.py").write_text(script("tensorflow_launch"))
    (folder / "worker.py").write_text(text)


TELLS = """
import os
print(os.environ["TF_CONFIG"], flush=True)
"""
DIES = """
import json, os, sys, time
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
print(os.environ["RESTARTS"], index, flush=True)
if index == 1 and os.environ["RESTARTS"] < sys.argv[1]:
    sys.exit(3)
time.sleep(120 if index != 1 and os.environ["RESTARTS"] < sys.argv[1] else 0)
"""


def test_launcher_tells_workers_of_one_another(tmp_path):
    write_launcher(tmp_path, TELLS)
    status, out, err = end(begin(tmp_path, "launch.py", "3", "0", "worker.py"))
    assert (status, err) == (0, "")
    told = [json.loads(line) for line in out.splitlines()]
    assert sorted(x["task"]["index"] for x in told) == [0, 1, 2]
    assert {x["task"]["type"] for x in told} == {"worker"}
    workers = told[0]["cluster"]["worker"]
    assert all(x["cluster"] == {"worker": workers} for x in told)
    assert len(set(workers)) == 3
    assert all(x.startswith("127.0.0.1:") for x in workers)


@pytest.mark.parametrize(("restarts", "status"), [(0, 1), (1, 1), (2, 0), (3, 0)])
def test_launcher_ends_all_when_one_dies_and_starts_again(tmp_path, restarts, status):
    write_launcher(tmp_path, DIES)
    begun = time.monotonic()
    arguments = "launch.py", "3", str(restarts), "worker.py", "2"
    found, out, _ = end(begin(tmp_path, *arguments))
    assert found == status
    assert time.monotonic() - begun < 60  # nobody waited for the sleepers
    attempts = sorted({line.split()[0] for line in out.splitlines()})
    assert attempts == [str(x) for x in range(min(restarts, 2) + 1)]
    assert left(tmp_path) == []


def test_launcher_that_is_stopped_ends_its_workers(tmp_path):
    write_launcher(tmp_path, "import time\nprint(1, flush=True)\ntime.sleep(120)")
    started = begin(tmp_path, "launch.py", "2", "0", "worker.py")
    assert started.stdout
    assert [started.stdout.readline() for _ in "ab"] == ["1\n", "1\n"]
    started.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 30
    while left(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left(tmp_path) == []
    end(started)


# Several processes.


def test_two_launches_at_once_compute_what_one_process_does(framework, start, tmp_path):
    folders = [prepare(tmp_path / x, framework, start) for x in ("a", "b")]
    started = [begin(x, *command(framework, 2, "train.py")) for x in folders]
    model, losses = module(framework, "one").train(start)
    if framework == "pytorch":
        weights = [x.detach().numpy().T for x in model.parameters()]
    else:
        weights = model.get_weights()
    for folder, process in zip(folders, started, strict=True):
        status, out, err = end(process)
        assert status == 0, err
        printed = [f"2 | Step: {n:03d} | Loss: " for n in (50, 100, 150, 200)]
        lines = out.splitlines()
        assert [line[: len(printed[0])] for line in lines] == printed
        found = [float(line.rpartition(" ")[2]) for line in lines]
        assert np.allclose(found, losses[49::50], atol=1e-4)
        found = common.read_weights(folder / "weights-2.npz")
        assert common.apart(found, weights) < 1e-6
        assert left(folder) == []


def test_fails_when_a_worker_dies_too_often(framework, start, tmp_path):
    folder = prepare(tmp_path / "x", framework, start)
    status, out, _ = end(begin(folder, *command(framework, 2, "survive.py")))
    assert status != 0
    assert out == "Attempt 1 begins after step 0\n"
    assert left(folder) == []
    found = [x.name for x in folder.glob("checkpoint.*")]
    assert found == [module(framework, "survive").PATH]
    assert not (folder / "weights-survived.npz").exists()


# Many machines: as far as one machine can tell.


def shown(language: str) -> list[str]:
    """Return the page's fences of a language."""
    found = re.findall(rf"( *)```{language}\n(.*?)```", PAGE.read_text(), re.S)
    return [re.sub(rf"(?m)^{indent}", "", text) for indent, text in found]


def torchrun_words(text: str) -> list[list[str]]:
    """Return the words after each torchrun of a text, its lines joined."""
    lines = text.replace("\\\n", " ").splitlines()
    return [x.partition("torchrun ")[2].split() for x in lines if "torchrun " in x]


needs_pytorch = pytest.mark.skipif("pytorch" not in selected(), reason="PyTorch's own")


@needs_pytorch
def test_two_launchers_meet_and_compute_what_one_process_does(start, tmp_path):
    [words] = [x for text in shown("sh")[:1] for x in torchrun_words(text)]
    here = {"4": "2", "8": "1", "host0:29500": f"127.0.0.1:{launch.free_ports(1)[0]}"}
    words = [here.get(x, x) for x in words]
    folder = prepare(tmp_path / "x", "pytorch", start)
    # Two hosts of one name would be one to torchrun: each is told its own address.
    started = [
        begin(
            folder, "-m", "torch.distributed.run", "--local-addr", "127.0.0.1", *words
        )
        for _ in "ab"
    ]
    outputs = []
    for process in started:
        status, out, err = end(process)
        assert status == 0, err
        outputs.append(out)
    assert sorted(map(bool, outputs)) == [False, True]  # rank 0 alone prints
    model, _ = module("pytorch", "one").train(start)
    weights = [x.detach().numpy().T for x in model.parameters()]
    found = common.read_weights(folder / "weights-2.npz")
    assert common.apart(found, weights) < 1e-6
    assert left(folder) == []


@needs_pytorch
def test_torchrun_knows_the_options_of_every_command():
    parser = import_module("torch.distributed.run").get_args_parser()
    commands = [x for text in shown("sh") for x in torchrun_words(text)]
    assert len(commands) == 2
    for words in commands:
        known = parser.parse_args([x.strip('"') for x in words])
        assert known.training_script == "train.py"
        assert (known.nproc_per_node, known.rdzv_backend) == ("8", "c10d")


def test_shell_and_yaml_can_be_read(tmp_path):
    for text in shown("sh"):
        subprocess.run(["bash", "-n"], input=text, text=True, check=True, cwd=tmp_path)
    [text] = shown("yaml")
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    worker = job["spec"]["pytorchReplicaSpecs"]["Worker"]
    [container] = worker["template"]["spec"]["containers"]
    assert (container["name"], worker["replicas"]) == ("pytorch", 4)
    assert container["command"] == ["torchrun", "train.py"]


@needs_pytorch
def test_script_takes_the_process_group_that_there_is(start, tmp_path, monkeypatch):
    dist = import_module("torch.distributed")
    folder = prepare(tmp_path / "x", "pytorch", start)
    monkeypatch.chdir(folder)
    store = f"file://{tmp_path}/store"
    dist.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    module("pytorch", "train").main()
    assert not dist.is_initialized()
    assert (folder / "weights-1.npz").exists()


def test_ray_is_told_to_start_the_script_in_its_folder(tmp_path, monkeypatch):
    told, called = [], []

    class Trainer:
        def __init__(self, worker, **options):
            told.append((worker, options))

        def fit(self):
            worker, options = told[0]
            monkeypatch.chdir("/")  # as Ray does
            worker(options["train_loop_config"])

    parts = {
        "train": SimpleNamespace(main=lambda: called.append(Path.cwd())),
        "ray": SimpleNamespace(),
        "ray.train": SimpleNamespace(ScalingConfig=dict),
        "ray.train.torch": SimpleNamespace(TorchConfig=dict, TorchTrainer=Trainer),
    }
    for name, part in parts.items():
        monkeypatch.setitem(sys.modules, name, part)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "with_ray.py"
    path.write_text(script("pytorch_ray"))
    run_path(str(path), run_name="__main__")
    assert called == [tmp_path]
    _, options = told[0]
    assert options["torch_config"] == {"backend": "gloo"}
    assert options["scaling_config"] == {"num_workers": 2}
