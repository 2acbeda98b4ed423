"""Save, check, stop and resume, in both frameworks; what a crash and a stranger do."""

import os
import pickle
import signal
import subprocess
import sys
import zipfile
from importlib import import_module
from io import BytesIO

import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected
from pagecode.read.page import read_pages
from snippets.stop_and_resume import checkpoint, crash
from snippets.stop_and_resume.files import HERE as MODULES
from snippets.stop_and_resume.files import NAMES, text_of, write_files
from snippets.stop_and_resume.resume import Stranger, flip_a_bit
from tests.served import ROOT

HERE = [x for x in FRAMEWORKS.values() if x in selected()]
PARTS = ["model", "optimizer", "schedule", "dropout", "shuffle", "place", "step"]


@pytest.fixture(params=HERE)
def train(request):
    """The script of one framework, imported."""
    return import_module(f"snippets.stop_and_resume.{request.param}_train")


@pytest.fixture
def archive(tmp_path):
    """An archive with two arrays."""
    path = tmp_path / "arrays.npz"
    np.savez(path, a=np.arange(1000), b=np.ones(3))
    return path


def saved(training, path):
    """Save a training; return its state as it is in the file."""
    checkpoint.save(path, training.write)
    return training.read(path)


# --- files ---------------------------------------------------------------------------


def test_what_is_saved_is_in_the_file_and_nothing_is_left_beside(tmp_path):
    path = tmp_path / "file"
    for content in (b"old", b"new and longer"):
        checkpoint.save(path, lambda file, content=content: file.write(content))
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["file"]


def test_a_name_without_a_folder_is_saved_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint.save("file", lambda file: file.write(b"x"))
    assert (tmp_path / "file").read_bytes() == b"x"


def test_content_is_on_the_disk_before_the_name_and_the_name_afterwards(
    tmp_path, monkeypatch
):
    done, sync, replace = [], os.fsync, os.replace
    kind = {True: "folder", False: "file"}

    def fsync(descriptor):
        done.append(kind[os.path.isdir(f"/proc/self/fd/{descriptor}")])
        sync(descriptor)

    def rename(*names):
        assert (tmp_path / "file.new").read_bytes() == b"x"  # no longer in a buffer
        done.append("rename")
        replace(*names)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    checkpoint.save(tmp_path / "file", lambda file: file.write(b"x"))
    assert done == ["file", "rename", "folder"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"ne")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        checkpoint.save(path, write)
    assert path.read_bytes() == b"old"
    checkpoint.save(path, lambda file: file.write(b"new"))  # over what is left beside
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("how", "left"), [("beside", b"old"), ("in-place", b"half of a checkpoint")]
)
def test_crash_ends_its_process_in_the_middle_of_a_save(tmp_path, how, left):
    write_files("pytorch", tmp_path)
    (tmp_path / "file").write_bytes(b"old")
    command = [sys.executable, "crash.py", "file", how]
    assert subprocess.run(command, cwd=tmp_path).returncode == -signal.SIGKILL
    assert (tmp_path / "file").read_bytes() == left
    assert callable(crash.main)


def test_whole_archive_passes(archive):
    assert checkpoint.check(archive) is None


def test_one_bit_is_noticed(archive):
    before = archive.read_bytes()
    flip_a_bit(archive)
    after = archive.read_bytes()
    changed = [a ^ b for a, b in zip(before, after, strict=True) if a != b]
    assert changed == [1]
    with pytest.raises(ValueError, match=r"arrays.npz is damaged: a checksum is wrong"):
        checkpoint.check(archive)


@pytest.mark.parametrize("size", [0, 10, 500, 8000])
def test_archive_that_is_cut_off_is_noticed(archive, size):
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"arrays.npz is cut off, or is no checkpoint"):
        checkpoint.check(archive)


def test_damage_at_the_start_of_an_array_is_noticed(archive):
    content = bytearray(archive.read_bytes())
    content[0] ^= 1  # the archive's own mark
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"arrays.npz"):
        checkpoint.check(archive)


def test_a_file_that_is_missing_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        checkpoint.check(tmp_path / "nothing")


def test_shapes_must_be_those_of_the_model():
    good = {"a": (2, 3), "b": ()}
    assert checkpoint.check_shapes("x", good, dict(reversed(good.items()))) is None
    for found, said in {
        ((2, 3), (1,)): r"x: b is \(1,\), but the model needs \(\)",
        ((3, 2), ()): r"x: a is \(3, 2\), but the model needs \(2, 3\)",
    }.items():
        with pytest.raises(ValueError, match=said):
            checkpoint.check_shapes("x", dict(zip("ab", found, strict=True)), good)
    with pytest.raises(ValueError, match="x: b is None, but the model needs"):
        checkpoint.check_shapes("x", {"a": (2, 3)}, good)
    with pytest.raises(ValueError, match=r"x: c is \(\), but the model needs None"):
        checkpoint.check_shapes("x", {**good, "c": ()}, good)


# --- what the page writes ------------------------------------------------------------


@pytest.mark.parametrize("framework", HERE)
def test_page_writes_the_files_that_are_tested(framework, tmp_path):
    [page] = [x for x in read_pages(ROOT) if x.stem == "stop-and-resume"]
    [program] = [x for x in page.programs if x.framework == framework]
    shown = {x.file: x for x in program.blocks if x.file}
    assert shown.keys() == NAMES.keys()
    write_files(framework, tmp_path)
    for name, module in NAMES.items():
        text = text_of(MODULES / f"{module.format(framework)}.py")
        assert (tmp_path / name).read_text() == text
        lines = [str(x) for x in shown[name].shown_lines if x.strip()]
        assert lines == [x for x in text.splitlines() if x.strip()]


# --- trainings -----------------------------------------------------------------------


def test_spirals_are_three_arms_from_the_middle_outwards(train):
    points, labels = train.make_spirals()
    assert (points.shape, points.dtype) == ((300, 2), np.float32)
    assert np.bincount(labels).tolist() == [100, 100, 100]
    for label in range(3):
        radius = np.linalg.norm(points[labels == label], axis=1)
        np.testing.assert_allclose(radius, np.linspace(0.1, 1, 100), rtol=1e-6)
    again, _ = train.make_spirals()
    np.testing.assert_array_equal(points, again)
    turn = np.arctan2(points[:, 1], points[:, 0]) - 4 * np.linalg.norm(points, axis=1)
    rest = (turn - 2 * np.pi / 3 * labels + np.pi) % (2 * np.pi) - np.pi
    assert 0.1 < rest.std() < 0.3  # the noise
    assert np.abs(rest).max() < 1


def test_twins_share_data_and_settings():
    modules = [import_module(f"snippets.stop_and_resume.{x}_train") for x in HERE]
    names = ("STEPS", "SAVE_EVERY", "BATCH_SIZE", "SEED")
    assert len({tuple(getattr(m, x) for x in names) for m in modules}) == 1
    batches = [m.Training().next_batch().tolist() for m in modules]
    assert all(x == batches[0] for x in batches)


def test_shapes_by_name(train):
    assert train.shapes({"a": np.zeros((2, 3)), "b": np.zeros(())}) == {
        "a": (2, 3),
        "b": (),
    }


def test_every_epoch_has_each_point_once_in_an_order_of_its_own(train):
    training = train.Training()
    epochs = [[training.next_batch() for _ in range(19)] for _ in range(2)]
    for batches in epochs:
        assert [len(x) for x in batches] == 18 * [16] + [12]
        assert sorted(np.concatenate(batches)) == list(range(300))
    assert not np.array_equal(*map(np.concatenate, epochs))


def test_training_learns_and_counts(train):
    training = train.Training()
    training.run(300)
    assert training.step == 300
    training.run(100)  # it is beyond
    assert training.step == 300
    features = np.asarray(training.features)
    if train.__name__.endswith("pytorch_train"):
        rate = training.schedule.get_last_lr()[0]
        logits = training.model.eval()(training.features).detach().numpy()
    else:
        rate = float(training.optimizer.learning_rate)
        logits = training.model(features).numpy()
    assert rate == pytest.approx(0.01 * (1 - 300 / train.STEPS), rel=1e-5)
    assert np.mean(logits.argmax(axis=1) == np.asarray(training.targets)) > 0.8
    assert training.weights().shape == (2 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3,)


def test_resumed_training_is_the_one_never_stopped(train, tmp_path):
    whole = train.Training()
    whole.run(25)
    state = saved(whole, tmp_path / "x.ckpt")
    assert {x.partition("/")[0] for x in state} == set(PARTS)
    whole.run(60)
    resumed = train.Training()
    resumed.load_state(state)
    assert resumed.step == 25
    resumed.run(60)
    np.testing.assert_array_equal(resumed.weights(), whole.weights())
    one, two = saved(whole, tmp_path / "1"), saved(resumed, tmp_path / "2")
    assert str(one) == str(two)


def test_a_state_can_be_loaded_twice(train, tmp_path):
    training = train.Training()
    training.run(3)
    state = saved(training, tmp_path / "x")
    ends = []
    for _ in "ab":
        resumed = train.Training()
        resumed.load_state(state)
        resumed.run(6)
        ends.append(resumed.weights())
    assert np.array_equal(*ends)


@pytest.mark.parametrize("part", [x for x in PARTS if x != "step"])
def test_each_part_matters(train, tmp_path, part):
    fresh = saved(train.Training(), tmp_path / "fresh")
    whole = train.Training()
    whole.run(25)
    middle = saved(whole, tmp_path / "middle")
    whole.run(60)
    resumed = train.Training()
    resumed.load_state(middle | {x: fresh[x] for x in fresh if x.startswith(part)})
    resumed.run(60)
    assert np.abs(resumed.weights() - whole.weights()).max() > 1e-3


def test_state_of_another_model_is_refused_by_name(train, tmp_path):
    saved(train.Training(), tmp_path / "wide.ckpt")
    said = r"wide.ckpt: \S+ is \(64,\), but the model needs \(32,\)"
    with pytest.raises(ValueError, match=said):
        train.Training(width=32).read(tmp_path / "wide.ckpt")


def test_damaged_checkpoint_is_refused_by_name(train, tmp_path):
    saved(train.Training(), tmp_path / "x.ckpt")
    flip_a_bit(tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"x.ckpt is damaged"):
        train.Training().read(tmp_path / "x.ckpt")


def test_checkpoint_with_code_is_refused(train, tmp_path, capsys):
    path = tmp_path / "stranger.ckpt"
    if train.__name__.endswith("pytorch_train"):
        import torch

        torch.save(Stranger(), path)
        expected = pickle.UnpicklingError
    else:
        with open(path, "wb") as file:
            np.savez(file, x=np.array(Stranger(), dtype=object))
        expected = ValueError
    with pytest.raises(expected):
        train.Training().read(path)
    assert capsys.readouterr().out == ""


def test_stranger_runs_code_when_it_is_unpickled(capsys):
    assert pickle.loads(pickle.dumps(Stranger())) is None
    assert capsys.readouterr().out == "This call came with the file.\n"


def test_checkpoint_is_an_archive_with_checksums(train):
    file = BytesIO()
    train.Training().write(file)
    with zipfile.ZipFile(file) as archive:
        assert all(x.CRC for x in archive.infolist() if x.file_size)


def test_started_again_main_goes_on(train, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "STEPS", 20)
    monkeypatch.setattr(train, "SAVE_EVERY", 10)
    train.main(tmp_path / "run")
    assert capsys.readouterr().out == "Saved at step 10\nSaved at step 20\n"
    monkeypatch.setattr(train, "STEPS", 30)
    train.main(tmp_path / "run")
    assert capsys.readouterr().out == "Resumed at step 20\nSaved at step 30\n"
    train.main(tmp_path / "run")
    assert capsys.readouterr().out == "Resumed at step 30\n"
    assert os.listdir(tmp_path / "run") == ["last.ckpt"]


@pytest.mark.parametrize("framework", HERE)
def test_files_run_beside_each_other(framework, tmp_path):
    write_files(framework, tmp_path)
    code = "import train; train.STEPS, train.SAVE_EVERY = 4, 2; train.main('run')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "Saved at step 2\nSaved at step 4\n", done.stderr
