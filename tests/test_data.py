"""`data/` is filled from what can be had, and never with a damaged file."""

import gzip
import hashlib
import io
import os
import string
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

import numpy as np
import pooch
import pytest
import requests

import pagecode.files
from pagecode.book import data, made
from tests.conftest import PAGE, Site
from tests.conftest import run as command

ROOT = Path(__file__).parent.parent
IRIS_SHA256 = "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0"
CONTENT = b"1,2,3\n" * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Host(BaseHTTPRequestHandler):
    """Serves what the last part of the address asks for."""

    def do_GET(self) -> None:
        how = self.path.rpartition("/")[2]
        self.send_response(404 if how == "gone" else 200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if how == "whole":
            self.wfile.write(CONTENT)
        elif how == "other":
            self.wfile.write(CONTENT.replace(b"3", b"4"))
        elif how == "cut":
            self.wfile.write(CONTENT[: len(CONTENT) // 2])
        elif how == "slow":
            self.wfile.write(CONTENT[: len(CONTENT) // 2])
            self.wfile.flush()
            self.server.stop.wait(10)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """A host on this machine; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        server.stop = threading.Event()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.stop.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_other_host(monkeypatch) -> None:
    """Nothing can be reached but this machine, and nothing is cached."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "DATA_CACHE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(data, "TIMEOUT", 1)
    declare(monkeypatch, {"iris.data": IRIS_SHA256})


def declare(monkeypatch, files: dict[str, str], host="http://127.0.0.1:9") -> None:
    """Let the snippets of any project fetch these files, by path and hash."""

    def declared(root: Path) -> pooch.Pooch:
        urls = {path: f"{host}/{Path(path).name}" for path in files}
        return pooch.create(root / "data", "", registry=files, urls=urls)

    monkeypatch.setattr(data, "declared", declared)


def stand_in(monkeypatch, content: bytes = b"5.1\n", path: str = "iris.data") -> None:
    """Let this be made in place of a file, and never be that very file."""
    monkeypatch.setitem(data.MADE, path, (lambda: content, "scikit-learn's iris"))


@pytest.fixture
def hosted(host: str, monkeypatch):
    """Return a function that makes a hosted file the only one that is fetched."""

    def only(how: str) -> None:
        def declared(root: Path) -> pooch.Pooch:
            urls, known = {"a.csv": f"{host}/{how}"}, {"a.csv": SHA256}
            return pooch.create(root / "data", "", registry=known, urls=urls)

        monkeypatch.setattr(data, "declared", declared)
        monkeypatch.setitem(data.MADE, "a.csv", (lambda: CONTENT, "thin air"))

    return only


def files(root: Path) -> dict[str, bytes]:
    """Return every file under the root's `data`."""
    return {x.name: x.read_bytes() for x in (root / "data").rglob("*") if x.is_file()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_iris_is_made_where_nothing_can_be_had(tmp_path: Path, capsys) -> None:
    assert data.fill(tmp_path) == 0
    assert sha256(files(tmp_path)["iris.data"]) == IRIS_SHA256
    said = capsys.readouterr().out
    assert "asking 127.0.0.1:9 … not to be had" in said
    assert "made of scikit-learn's iris, byte for byte the same" in said


def test_file_and_host_are_told_before_the_host_is_asked(
    tmp_path: Path, monkeypatch
) -> None:
    out, told = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), []

    def ask(*_: object, **__: object) -> None:
        told.append(out.buffer.getvalue().decode())
        raise requests.ConnectionError

    monkeypatch.setattr(data.pooch.Pooch, "fetch", ask)
    monkeypatch.setattr(sys, "stdout", out)
    assert data.fill(tmp_path) == 0
    assert told == ["  iris.data: asking 127.0.0.1:9 … "]


def test_made_iris_is_the_published_file(tmp_path: Path) -> None:
    content = made.make_iris()
    assert sha256(content) == IRIS_SHA256
    assert content.split(b"\n")[37] == b"4.9,3.1,1.5,0.1,Iris-setosa"


def test_second_run_finds_everything_there(tmp_path: Path, capsys) -> None:
    data.fill(tmp_path)
    before = (tmp_path / "data/iris.data").stat()
    capsys.readouterr()
    assert data.fill(tmp_path) == 0
    assert capsys.readouterr().out == "  iris.data: there\n"
    after = (tmp_path / "data/iris.data").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("absolute", [True, False])
def test_file_is_copied_from_the_cache(tmp_path, monkeypatch, capsys, absolute: bool):
    root, cache = tmp_path / "project", tmp_path / "cache"
    cache.mkdir()
    (cache / "iris.data").write_bytes(made.make_iris())
    monkeypatch.setenv("DATA_CACHE", str(cache) if absolute else "../cache")
    assert data.fill(root) == 0
    assert sha256(files(root)["iris.data"]) == IRIS_SHA256
    assert "copied from" in capsys.readouterr().out


def test_file_that_the_cache_lacks_comes_from_elsewhere(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DATA_CACHE", str(tmp_path / "nowhere"))
    assert data.fill(tmp_path) == 0
    assert list(files(tmp_path)) == ["iris.data"]


DAMAGES = {
    "truncated": lambda content: content[:-100],
    "one byte changed": lambda content: content.replace(b"5.1", b"5.2", 1),
    "empty": lambda content: b"",
    "of another kind of line": lambda content: content.replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_is_refused_and_kept(tmp_path: Path, capsys, damage) -> None:
    damaged = damage(made.make_iris())
    path = tmp_path / "data/iris.data"
    path.parent.mkdir()
    path.write_bytes(damaged)
    assert data.fill(tmp_path) == 1
    said = capsys.readouterr().err
    for part in (path, IRIS_SHA256, sha256(damaged), f"{len(damaged)} bytes", "to do"):
        assert str(part) in said
    assert files(tmp_path) == {"iris.data": damaged}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_in_the_cache_is_refused_and_kept(
    tmp_path: Path, monkeypatch, capsys, damage
) -> None:
    damaged = damage(made.make_iris())
    path = tmp_path / "cache/iris.data"
    path.parent.mkdir()
    path.write_bytes(damaged)
    monkeypatch.setenv("DATA_CACHE", "cache")
    assert data.fill(tmp_path) == 1
    said = capsys.readouterr().err
    for part in (path, IRIS_SHA256, sha256(damaged), "DATA_CACHE"):
        assert str(part) in said
    assert files(tmp_path) == {}
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("how", ["file in place of the folder", "file in a parent's"])
def test_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys, how: str):
    root = tmp_path / "project"
    if how == "file in a parent's":
        root.write_text("mine")
    else:
        root.mkdir()
        (root / "data").write_text("mine")
    assert data.fill(root) == 1
    said = capsys.readouterr().err
    assert f"{root / 'data/iris.data'}: cannot be read or written" in said
    assert "to do" in said


def test_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch, capsys) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data.os, "replace", full)
    assert data.fill(tmp_path) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert files(tmp_path) == {}


def test_file_that_cannot_be_written_whole_is_named(tmp_path: Path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(pagecode.files, "open", lambda *_: Full(), raising=False)
    with pytest.raises(OSError, match="No space left") as caught:
        pagecode.files.write(tmp_path / "a.csv", CONTENT)
    assert caught.value.filename == str(tmp_path / "a.csv")
    assert files(tmp_path) == {}


def test_file_is_fetched(tmp_path: Path, hosted, capsys) -> None:
    hosted("whole")
    assert data.fill(tmp_path) == 0
    assert files(tmp_path) == {"a.csv": CONTENT}
    said = capsys.readouterr().out
    assert said.startswith("  a.csv: asking 127.0.0.1")
    assert said.endswith("… fetched\n")


def test_a_placed_file_can_be_read_by_all(tmp_path: Path) -> None:
    pagecode.files.write(tmp_path / "a.csv", CONTENT)
    (found,) = tmp_path.iterdir()
    assert found.read_bytes() == CONTENT
    assert found.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("how", ["cut", "slow", "gone"])
def test_download_that_breaks_off_leaves_nothing(
    tmp_path: Path, hosted, monkeypatch, how: str
) -> None:
    def nothing() -> bytes:
        found.update(files(tmp_path))
        return CONTENT

    hosted(how)
    found: dict[str, bytes] = {}
    monkeypatch.setitem(data.MADE, "a.csv", (nothing, "thin air"))
    assert data.fill(tmp_path) == 0
    assert found == {}
    assert files(tmp_path) == {"a.csv": CONTENT}


def test_other_content_from_the_host_is_refused(tmp_path: Path, hosted, capsys) -> None:
    hosted("other")
    assert data.fill(tmp_path) == 1
    said = capsys.readouterr().err
    for part in ("/other", SHA256, sha256(CONTENT.replace(b"3", b"4")), "to do"):
        assert part in said
    assert files(tmp_path) == {}


def test_stand_in_that_is_not_the_file_is_kept_apart(tmp_path, monkeypatch, capsys):
    stand_in(monkeypatch)
    assert data.fill(tmp_path) == 0
    assert "A STAND-IN made of scikit-learn's iris" in capsys.readouterr().out
    assert files(tmp_path) == {}
    assert data.stand_ins(tmp_path) == ["iris.data"]
    assert (tmp_path / data.STAND_INS / "iris.data").read_bytes() == b"5.1\n"


def test_stand_ins_may_share_a_folder(tmp_path: Path, monkeypatch) -> None:
    names = ("MNIST/a", "MNIST/b")
    for name in names:
        stand_in(monkeypatch, path=name)
    declare(monkeypatch, dict.fromkeys(names, IRIS_SHA256))
    assert data.fill(tmp_path) == 0
    assert data.stand_ins(tmp_path) == [*names]


def test_stand_in_is_refused_where_real_data_are_asked_for(
    site: Site, monkeypatch, capsys
) -> None:
    stand_in(monkeypatch)
    assert run(site, monkeypatch, "data", "--real") == 1
    assert "only stand-ins are to be had for iris.data" in capsys.readouterr().err
    site.write("data/iris.data", made.make_iris().decode())
    assert run(site, monkeypatch, "data", "--real") == 0


def test_stand_in_goes_when_the_file_comes(tmp_path, monkeypatch) -> None:
    stand_in(monkeypatch)
    assert data.fill(tmp_path) == 0
    (tmp_path / "data" / "iris.data").write_bytes(made.make_iris())
    assert data.fill(tmp_path) == 0
    assert data.stand_ins(tmp_path) == []


def test_digits_stand_in_for_mnist_in_its_format() -> None:
    content = gzip.decompress(made.make_digits("images", 1500, 1797, 10_000))
    assert content[:16] == bytes([0, 0, 8, 3]) + struct.pack(">3I", 10_000, 28, 28)
    images = np.frombuffer(content, np.uint8, offset=16).reshape(10_000, 28, 28)
    np.testing.assert_array_equal(images[297], images[0])
    assert images.max() == 240
    assert not images[:, :2].any()
    labels = gzip.decompress(made.make_digits("labels", 1500, 1797, 10_000))
    assert labels[:8] == bytes([0, 0, 8, 1]) + struct.pack(">I", 10_000)
    assert set(labels[8:]) == set(range(10))


@pytest.mark.parametrize(
    ("name", "first", "last", "count"),
    [("train", 0, 1500, 60_000), ("t10k", 1500, 1797, 10_000)],
)
def test_digits_stand_in_is_tested_with_what_it_was_not_trained_on(
    name: str, first: int, last: int, count: int
) -> None:
    from sklearn.datasets import load_digits

    images = gzip.decompress(made.MADE[f"MNIST/raw/{name}-images-idx3-ubyte.gz"][0]())
    labels = gzip.decompress(made.MADE[f"MNIST/raw/{name}-labels-idx1-ubyte.gz"][0]())
    assert images[:16] == bytes([0, 0, 8, 3]) + struct.pack(">3I", count, 28, 28)
    assert labels[:8] == bytes([0, 0, 8, 1]) + struct.pack(">I", count)
    digits, chosen = load_digits(), np.resize(np.arange(first, last), count)
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(count, 28, 28)
    np.testing.assert_array_equal(pixels[:, 3:26:3, 3:26:3], 15 * digits.images[chosen])
    np.testing.assert_array_equal([*labels[8:]], digits.target[chosen])


def test_text_stand_in_is_printable_and_long_enough() -> None:
    text = made.make_text().decode()
    assert set(text) <= set(string.printable)
    assert len(text) > 100_000


@pytest.mark.parametrize("damaged", [b"damaged", b"labe", b"\xff" * 6])
def test_archives_are_unpacked_beside_themselves(
    tmp_path, monkeypatch, damaged: bytes
) -> None:
    folder = tmp_path / "data" / "MNIST"
    folder.mkdir(parents=True)
    files = {"a.gz": gzip.compress(b"digits"), "b.gz": gzip.compress(b"labels")}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {f"MNIST/{name}": sha256(content) for name, content in files.items()}
    declare(monkeypatch, hashes)
    (folder / "b").write_bytes(damaged)
    (folder / "mine.gz").write_bytes(b"no archive")
    assert data.fill(tmp_path) == 0
    assert (folder / "a").read_bytes() == b"digits"
    assert (folder / "b").read_bytes() == b"labels"


# --- the commands


def run(site: Site, monkeypatch, *words: str) -> int:
    """Run `python -m pagecode` in this process; return its exit status."""
    monkeypatch.chdir(site.root)
    return command(monkeypatch, *words)


def test_data_command_fills_the_folder(site: Site, monkeypatch) -> None:
    assert run(site, monkeypatch, "data") == 0
    assert list(files(site.root)) == ["iris.data"]


def test_data_command_fails_on_a_damaged_file(site: Site, monkeypatch) -> None:
    site.write("data/iris.data", "5.1\n")
    assert run(site, monkeypatch, "data") == 1


@pytest.mark.parametrize("command", ["verify", "record"])
def test_unknown_page_is_refused_with_the_known_ones(
    site: Site, monkeypatch, capsys, command: str
) -> None:
    site.write("docs/models/a.md", "# A\n")
    site.add("1 / 0")
    assert run(site, monkeypatch, command, "models/b.md") == 2
    said = capsys.readouterr().err
    for part in ("docs/models/b.md", "  models/a.md", "  page.md"):
        assert part in said


def test_verify_command_tells_what_passed(site: Site, monkeypatch, capsys) -> None:
    site.add("print(1)", "1")
    assert run(site, monkeypatch, "verify") == 0
    assert "pytorch/page.md: 1 blocks, 1 outputs, ran" in capsys.readouterr().out
    assert run(site, monkeypatch, "verify", "page.md") == 0
    assert "unchanged" in capsys.readouterr().out
    assert run(site, monkeypatch, "verify", "--all") == 0
    assert " ran in " in capsys.readouterr().out


def test_verify_command_names_every_wrong_output(site: Site, monkeypatch, capsys):
    site.add("print(1)", "2")
    site.add("print(3)", "3")
    site.add("print(4)", "5")
    assert run(site, monkeypatch, "verify") == 1
    said = capsys.readouterr()
    assert "docs/page.md:8: " in said.err
    assert "docs/page.md:24: " in said.err
    assert "pytorch/page.md: FAILED" in said.out


def test_verify_command_fails_on_a_fault(site: Site, monkeypatch, capsys) -> None:
    site.write(PAGE, '# Title\n\n--8<-- "none.py:x"\n')
    assert run(site, monkeypatch, "verify") == 1
    assert "docs/page.md:3: " in capsys.readouterr().err


def test_record_command_rewrites_and_tells(site: Site, monkeypatch, capsys) -> None:
    site.add("print(1)", "2")
    assert run(site, monkeypatch, "record", "page.md") == 0
    assert "1 outputs rewritten in docs/page.md" in capsys.readouterr().out
    assert run(site, monkeypatch, "verify") == 0


def test_record_command_fails_on_a_failing_block(site: Site, monkeypatch, capsys):
    site.add("1 / 0")
    assert run(site, monkeypatch, "record") == 1
    assert "docs/page.md:3: " in capsys.readouterr().err


def test_command_ends_with_its_exit_status(site: Site) -> None:
    site.add("print(1)", "2")
    done = subprocess.run(
        [sys.executable, "-m", "pagecode", "verify"],
        cwd=site.root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "docs/page.md:8: not what the block prints" in done.stderr


def test_pages_fetch_the_files_that_make_data_fetches(monkeypatch) -> None:
    monkeypatch.undo()
    iris = import_module("snippets.logistic_regression.data")
    mnist = import_module("snippets.softmax_regression.data")
    corpus = import_module("snippets.character_rnn.data")
    fetched = {
        "iris.data": (iris.IRIS_URL, iris.IRIS_SHA256),
        "tinyshakespeare.txt": (corpus.CORPUS_URL, corpus.CORPUS_SHA256),
    } | {
        f"MNIST/raw/{name}": (mnist.MNIST_URL + name, sha256)
        for name, sha256 in mnist.MNIST_SHA256.items()
    }
    files = data.declared(ROOT)
    found = {x: (files.get_url(x), files.registry[x][7:]) for x in files.registry}
    assert found == fetched
    assert found["iris.data"][0].startswith("https://archive.ics.uci.edu/")
    assert found.keys() == made.MADE.keys()


# --- what is fetched is read off the snippets


HEAD = """import pooch
import a_package_that_is_not_there

URL = "https://example.org/"
HASHES = {"a.gz": 64 * "a", "b.gz": 64 * "b"}
READ = a_package_that_is_not_there.read(URL)
"""
A, B = (("raw/a.gz", 64 * "a"), ("raw/b.gz", 64 * "b"))
ONE = "pooch.retrieve(URL + 'a.gz', HASHES['a.gz'], 'a.gz', path='data/raw')"


MANY = "pooch.retrieve(URL + name, known_hash=f'sha256:{HASHES[name]}', fname=name, "
MANY += "path=f'{folder}/raw')"
AT_START = f"""
if __name__ == "__main__":
    path = {ONE}
"""
IN_A_FUNCTION = f"""
def fetch():
    return LATER + {ONE}
LATER = "x"
"""
COMPREHENSION = f"""
def fetch(folder="data"):
    return [{MANY} for name in HASHES]
"""
LOOP = f"""
def fetch(x, *, folder="data"):
    paths = []
    for name in HASHES:
        paths.append({MANY})
    return x, paths
"""
IMPORTED = "from pooch import retrieve as get\n" + ONE.replace("pooch.retrieve", "get")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"path = {ONE}", [A]),
        (AT_START, [A]),
        (IN_A_FUNCTION, [A]),
        (COMPREHENSION, [A, B]),
        (LOOP, [A, B]),
        (IMPORTED, [A]),
        ("import pooch as p\n" + ONE.replace("pooch.", "p."), [A]),
        ("print('said')", []),
    ],
)
def test_what_a_snippet_fetches_is_read_and_not_imported(
    tmp_path: Path, code: str, expected: list
) -> None:
    file = tmp_path / "data.py"
    file.write_text(f"{HEAD}\n{code}\n")
    found = data.fetched(file)
    assert [(path, known) for path, known, _ in found] == expected
    assert all(url.startswith("https://example.org/") for _, _, url in found)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (ONE.replace("'data/raw'", "READ"), "NameError: name 'READ' is not defined"),
        (ONE.replace("data/raw", "raw"), "ValueError: raw/a.gz is not in data/"),
        (ONE.replace("data/raw", "data/../.."), "is not in data/"),
        (ONE.replace("HASHES['a.gz']", "None"), "TypeError: "),
        (ONE.replace("HASHES['a.gz']", "'md5:' + HASHES['a.gz']"), "no sha256: md5:a"),
        (ONE.replace("HASHES['a.gz']", "'abc'"), "no sha256: abc"),
        ("pooch.retrieve(URL, HASHES['a.gz'])", "'fname' and 'path'"),
        ("pooch.create(path='data', base_url=URL)", "no attribute 'create'"),
        (f"for x in {ONE}:\n    READ", "NameError: name 'READ' is not defined"),
    ],
)
def test_what_cannot_be_read_off_a_snippet_is_refused(
    tmp_path: Path, capsys, monkeypatch, code: str, said: str
) -> None:
    monkeypatch.undo()
    file = tmp_path / "snippets/x/data.py"
    file.parent.mkdir(parents=True)
    file.write_text(f"{HEAD}\n{code}\n")
    assert data.fill(tmp_path) == 1
    error = capsys.readouterr().err
    assert f"{file}:8: what it fetches is not plain to see" in error
    assert said in error
    assert "to do" in error


def test_a_snippet_that_is_no_python_is_named(tmp_path: Path) -> None:
    file = tmp_path / "data.py"
    file.write_text(f"{HEAD}\ndef f(:\n")
    with pytest.raises(data.DataError, match=r"data\.py:8: "):
        data.fetched(file)


def test_one_file_declared_twice_must_be_the_same(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.undo()
    for name, code in {"one": ONE, "same": ONE, "zero": ONE}.items():
        file = tmp_path / f"snippets/{name}/data.py"
        file.parent.mkdir(parents=True)
        file.write_text(f"{HEAD}\n{code}\n")
    assert data.declared(tmp_path).registry == {"raw/a.gz": f"sha256:{64 * 'a'}"}
    other = ONE.replace("HASHES['a.gz']", "HASHES['b.gz']")
    file.write_text(f"{HEAD}\n{other}\n")
    with pytest.raises(data.DataError, match=r"zero/data\.py: another snippet"):
        data.declared(tmp_path)


def test_file_for_which_nothing_can_be_made_is_refused(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    declare(monkeypatch, {"new.csv": SHA256})
    assert data.fill(tmp_path) == 1
    said = capsys.readouterr().err
    for part in ("http://127.0.0.1:9/new.csv: not to be had", "nothing", "DATA_CACHE"):
        assert part in said
    assert files(tmp_path) == {}
