"""A site is built of what passed elsewhere, at the same commit, on real data."""

import json

import pytest

from pagecode.prove import keys, packages, store
from pagecode.prove.store import held
from pagecode.run import machine
from tests.conftest import CODE, PAGE, Site, run
from tests.prove.test_git import commit, git

READS = None  # everything: it looks at the project's own folder

STAMPS = "verified/pytorch.json"


@pytest.fixture
def passed(site: Site, monkeypatch) -> Site:
    """A committed page that passed on this machine; the stamps are written down."""
    site.add("print(1)", "1")
    site.write(".gitignore", ".cache/\ndata/\nverified/\n")
    commit(site.root)
    site.verify()
    monkeypatch.chdir(site.root)
    monkeypatch.setenv("FRAMEWORK", "pytorch")
    assert run(monkeypatch, "stamps") == 0
    return site


@pytest.fixture
def elsewhere(passed: Site, monkeypatch) -> Site:
    """The same project on another machine, which has the stamps and ran nothing."""
    monkeypatch.setenv("FRAMEWORK", "common")
    monkeypatch.setattr(machine, "processor", lambda: "another")
    monkeypatch.setattr(packages, "places", list)  # nothing is installed
    (passed.root / ".cache" / "verified.json").unlink()
    return passed


def handed(site: Site) -> dict:
    """Return the stamp that was handed over."""
    [stamp] = json.loads(site.text(STAMPS))["programs"].values()
    return stamp


def change_stamp(site: Site, **facts) -> None:
    programs = {"key": handed(site) | facts}
    facts = json.loads(site.text(STAMPS)) | {"programs": programs}
    site.write(STAMPS, json.dumps(facts))


def build(site: Site):
    return site.exports()


def test_stamps_are_taken_over_by_another_machine(elsewhere: Site, monkeypatch, capsys):
    assert store.stamps(elsewhere.root) == {}
    monkeypatch.setenv("VERIFIED_ONLY", "1")
    with pytest.raises(ValueError, match=r"pytorch/page\.md: not verified here yet"):
        build(elsewhere)
    assert run(monkeypatch, "admit") == 0
    assert capsys.readouterr().out.endswith("1 programs passed where they ran\n")
    [(key, found)] = store.stamps(elsewhere.root).items()
    [program] = elsewhere.page().programs
    assert key.startswith(keys.key(program, elsewhere.root))
    assert found == handed(elsewhere)
    assert "Verified: 20" in build(elsewhere)[0].text


def test_stamps_of_every_framework_make_one_site(elsewhere: Site, monkeypatch) -> None:
    content = handed(elsewhere)["content"]
    other = elsewhere.text(STAMPS).replace(content, "another program")
    elsewhere.write("verified/tensorflow.json", other)
    assert run(monkeypatch, "admit") == 0


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param(CODE, "print(1)", "print(1 * 1)", id="code"),
        pytest.param(PAGE, "    1\n", "    2\n", id="output"),
        pytest.param(PAGE, "```python", "```python limit=9", id="option"),
        pytest.param(PAGE, "PyTorch", "TensorFlow", id="framework"),
    ],
)
def test_program_that_reads_otherwise_is_not_admitted(
    elsewhere: Site, monkeypatch, capsys, file: str, old: str, new: str
) -> None:
    assert old in elsewhere.text(file)
    elsewhere.write(file, elsewhere.text(file).replace(old, new))
    assert run(monkeypatch, "admit") == 1
    assert "/page.md: has not passed\n  to do " in capsys.readouterr().err
    assert store.stamps(elsewhere.root) == {}


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"stand_ins": ["iris.data"]}, "ran on stand-ins for iris.data"),
        ({"dirty": True}, "ran on files that are not committed"),
        ({"commit": "000"}, "passed at commit 000, not here, at "),
        ({"commit": "fff"}, "passed at commit fff, not here, at "),
    ],
)
def test_stamp_that_is_not_good_enough_is_not_admitted(
    elsewhere: Site, monkeypatch, capsys, facts: dict, why: str
) -> None:
    change_stamp(elsewhere, **facts)
    assert run(monkeypatch, "admit") == 1
    assert f"pytorch/page.md: {why}" in capsys.readouterr().err
    assert store.stamps(elsewhere.root) == {}


def test_nothing_is_admitted_where_one_program_is_missing(
    elsewhere: Site, monkeypatch, capsys
) -> None:
    """A page more, at the same commit as it were: half a site is none."""
    elsewhere.write("docs/more.md", elsewhere.text().replace("PyTorch", "TensorFlow"))
    assert run(monkeypatch, "admit") == 1
    assert "tensorflow/more.md: has not passed" in capsys.readouterr().err
    assert store.stamps(elsewhere.root) == {}


def test_fault_on_a_page_stops_both(passed: Site, monkeypatch, capsys) -> None:
    passed.write("docs/more.md", '```python\n--8<-- "none.py:x"\n```\n')
    for command in ("stamps", "admit"):
        assert run(monkeypatch, command) == 1
        assert "docs/more.md:2: " in capsys.readouterr().err


def test_stamps_are_not_written_where_a_program_has_not_passed(
    passed: Site, monkeypatch, capsys
) -> None:
    (passed.root / STAMPS).unlink()
    passed.write(CODE, passed.text(CODE).replace("print(1)", "print(2)"))
    passed.verify()
    assert run(monkeypatch, "stamps") == 1
    assert "pytorch/page.md: has not passed" in capsys.readouterr().err
    assert not (passed.root / STAMPS).exists()


def test_stamps_are_of_the_chosen_framework(passed: Site, monkeypatch) -> None:
    monkeypatch.setenv("FRAMEWORK", "tensorflow")
    assert run(monkeypatch, "stamps") == 0
    assert json.loads(passed.text("verified/tensorflow.json"))["programs"] == {}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FRAMEWORK", "jax", "pytorch, tensorflow, both or common, not 'jax'"),
        ("SHARD", "5/4", "SHARD is as in 2/4, the second of four, not '5/4'"),
    ],
)
def test_unknown_choice_is_refused(
    passed: Site, monkeypatch, capsys, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, "stamps")
    assert said in capsys.readouterr().err


# --- Git


def leave_the_repository(site: Site, monkeypatch) -> None:
    (site.root / ".git").rename(site.root / "verified" / "git")


def belong_to_another(site: Site, monkeypatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")


def remove_git(site: Site, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")


def change(site: Site, monkeypatch) -> None:
    site.write("README.md", "new")


SILENT = {
    leave_the_repository: "not a git repository",
    belong_to_another: "detected dubious ownership",
    remove_git: "git cannot be run",
    change: "README.md is not committed",
}
by_silence = pytest.mark.parametrize("spoil", SILENT, ids=lambda x: x.__name__)


@by_silence
def test_nothing_is_handed_over_of_what_git_does_not_vouch_for(
    passed: Site, monkeypatch, capsys, spoil
) -> None:
    (passed.root / STAMPS).unlink()
    spoil(passed, monkeypatch)
    passed.verify()
    assert run(monkeypatch, "stamps") == 1
    said = capsys.readouterr().err
    assert "pytorch/page.md: ran on files that are not committed (" in said
    assert SILENT[spoil] in said
    assert not (passed.root / STAMPS).exists()


@by_silence
def test_nothing_is_admitted_where_git_does_not_vouch_for_the_project(
    elsewhere: Site, monkeypatch, capsys, spoil
) -> None:
    spoil(elsewhere, monkeypatch)
    assert run(monkeypatch, "admit") == 1
    said = capsys.readouterr().err
    assert "this project is not as it was committed: " in said
    assert SILENT[spoil] in said
    assert store.stamps(elsewhere.root) == {}


def test_stamp_without_a_commit_is_not_admitted(
    elsewhere: Site, monkeypatch, capsys
) -> None:
    """As an earlier version of this wrote where Git did not answer."""
    change_stamp(elsewhere, commit="", dirty=False)
    assert run(monkeypatch, "admit") == 1
    assert "not committed (no commit)" in capsys.readouterr().err


# --- packages and data


def test_stamp_of_another_version_is_not_admitted(
    elsewhere: Site, monkeypatch, capsys
) -> None:
    used = {"data": {}, "packages": {"torch": "2.15.0+cpu", "numpy": "2.4.6"}}
    change_stamp(elsewhere, used=used)
    elsewhere.write("requirements/all.txt", "torch==2.15.0\nnumpy==2.4.7\n")
    elsewhere.write(".gitignore", "*\n")
    assert run(monkeypatch, "admit") == 1
    said = "passed with numpy 2.4.6, which is not what requirements/ pins"
    assert said in capsys.readouterr().err
    elsewhere.write("requirements/all.txt", "torch==2.15.0\nnumpy==2.4.6\n")
    git(elsewhere.root, "checkout", "-q", ".gitignore")
    elsewhere.write(".git/info/exclude", "requirements/\n")
    assert run(monkeypatch, "admit") == 0


def test_site_is_built_without_the_data(elsewhere: Site, monkeypatch, capsys) -> None:
    change_stamp(elsewhere, used={"data": {"words.txt": "abc"}, "packages": {}})
    elsewhere.write("data/words.txt", "other words")
    assert run(monkeypatch, "admit") == 1
    assert "read another data/words.txt than is here" in capsys.readouterr().err
    (elsewhere.root / "data" / "words.txt").unlink()
    assert run(monkeypatch, "admit") == 0
    assert held([*elsewhere.page().programs], elsewhere.root)["pytorch/page.md"]


def test_proofs_of_slices_are_handed_over(passed: Site, monkeypatch) -> None:
    """What is handed out as a slice here is handed out so where nothing runs."""
    [program] = passed.page().programs
    key = keys.key(program, passed.root, modules=False, judge="as slices are")
    facts = handed(passed) | {"content": key.partition("-")[0]}
    store.keep(store.SLICES, {key: facts}, passed.root)
    later = {"content": "x", "dirty": True}
    store.keep(store.SLICES, {"x-y": facts | later}, passed.root)
    assert run(monkeypatch, "stamps") == 0
    for path in (passed.root / ".cache").iterdir():
        path.unlink()
    monkeypatch.setattr(machine, "processor", lambda: "another")
    assert run(monkeypatch, "admit") == 0
    known = store.Known(store.SLICES, passed.root)
    assert known.anywhere(key, ()) == [facts]
    assert known.anywhere("x-y", ()) == []


# --- shards


def share(site: Site, monkeypatch, *shards: str) -> None:
    """Write down what passed, in so many files."""
    (site.root / STAMPS).unlink(missing_ok=True)
    for said in shards:
        monkeypatch.setenv("SHARD", said)
        assert run(monkeypatch, "stamps") == 0
    monkeypatch.delenv("SHARD")


def test_shards_together_are_admitted(passed: Site, monkeypatch) -> None:
    share(passed, monkeypatch, "1/3", "2/3", "3/3")
    names = sorted(path.name for path in (passed.root / "verified").iterdir())
    assert names == [f"pytorch-{number}-of-3.json" for number in (1, 2, 3)]
    found = [json.loads(passed.text(f"verified/{name}"))["programs"] for name in names]
    assert [bool(x) for x in found] == [True, False, False]
    assert run(monkeypatch, "admit") == 0


@pytest.mark.parametrize(
    ("shards", "said"),
    [
        (["1/3", "3/3"], ["verified/pytorch-2-of-3.json: is missing"]),
        (["1/3"], ["verified/pytorch-2-of-3.json: is", "verified/pytorch-3-of-3.json"]),
        (
            ["1/2", "2/2", "1/3", "2/3", "3/3"],
            ["verified: pytorch was handed over in shards of 2 and of 3"],
        ),
        (
            ["1/1", "1/3", "2/3", "3/3"],
            ["verified: pytorch was handed over in shards of 1 and of 3"],
        ),
    ],
)
def test_set_of_shards_that_is_not_complete_is_not_admitted(
    passed: Site, monkeypatch, capsys, shards: list[str], said: list[str]
) -> None:
    share(passed, monkeypatch, *shards)
    assert run(monkeypatch, "admit") == 1
    told = capsys.readouterr().err
    for text in said:
        assert text in told


def test_shard_of_another_commit_is_not_admitted(
    passed: Site, monkeypatch, capsys
) -> None:
    """Not even one of which no program is left: its slices are of that commit, too."""
    share(passed, monkeypatch, "1/2", "2/2")
    file = "verified/pytorch-2-of-2.json"
    passed.write(file, json.dumps(json.loads(passed.text(file)) | {"commit": "fff"}))
    assert run(monkeypatch, "admit") == 1
    assert f"{file}: is of commit fff, not of " in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"programs": {}}', "\0"])
@pytest.mark.parametrize("name", ["pytorch.json", "pytorch-2-of-4.json", "a b.json"])
def test_file_that_was_not_handed_over_is_named(
    elsewhere: Site, monkeypatch, capsys, name: str, text: str
) -> None:
    elsewhere.write(f"verified/{name}", text)
    assert run(monkeypatch, "admit") == 1
    said = f"verified/{name}: is no file that `make verify` wrote"
    assert said in capsys.readouterr().err
