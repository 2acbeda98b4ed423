"""What Git does not answer for is not committed."""

import os
import subprocess
from pathlib import Path

import pytest

from pagecode.git import State, state


def git(root: Path, *words: str) -> str:
    """Run Git as someone."""
    someone = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(
        ["git", *someone, *words], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(root: Path) -> None:
    """Make a repository of a folder, with all that is there in a commit."""
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with two files in its one commit."""
    root = tmp_path / "tree"
    (root / "more").mkdir(parents=True)
    (root / "page.md").write_text("a page")
    (root / "more" / "größe und form.md").write_text("another")
    commit(root)
    return root


def files(root: Path) -> list[Path]:
    return [root / "page.md", root / "more" / "größe und form.md"]


def test_tree_as_committed_is_clean(tree: Path) -> None:
    found = state(tree, files(tree))
    assert found == State(git(tree, "rev-parse", "HEAD"), "")
    assert len(found.commit) == 40


def change(root: Path) -> None:
    (root / "page.md").write_text("changed")


def add(root: Path) -> None:
    (root / "more" / "new.md").write_text("new")


def add_hidden_by_configuration(root: Path) -> None:
    git(root, "config", "status.showUntrackedFiles", "no")
    add(root)


def rename(root: Path) -> None:
    git(root, "mv", "page.md", "other.md")


def assume_unchanged(root: Path) -> None:
    git(root, "update-index", "--assume-unchanged", "page.md")
    change(root)


def check_out_a_part(root: Path) -> None:
    git(root, "sparse-checkout", "set", "--no-cone", "/page.md")


def ignore(root: Path) -> None:
    git(root, "rm", "-q", "--cached", "page.md")
    git(root, "commit", "-qm", "without it")
    (root / ".git" / "info" / "exclude").write_text("page.md")


def change_a_submodule(root: Path) -> None:
    other = root.parent / "other"
    other.mkdir()
    (other / "a").write_text("a")
    commit(other)
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other))
    git(root, "config", "-f", ".gitmodules", "submodule.other.ignore", "all")
    git(root, "add", ".")
    git(root, "commit", "-qm", "a submodule")
    assert state(root).changed == ""
    (root / "other" / "a").write_text("changed")


UNCLEAN = {
    change: "page.md is not committed",
    add: "more/new.md is not committed",
    add_hidden_by_configuration: "more/new.md is not committed",
    rename: "other.md is not committed",
    assume_unchanged: "Git is told not to look at page.md",
    check_out_a_part: "Git is told not to look at more/größe und form.md",
    ignore: "page.md is not committed",
    change_a_submodule: "other is not committed",
}


@pytest.mark.parametrize("spoil", UNCLEAN, ids=lambda x: x.__name__)
def test_tree_that_is_not_as_committed_is_told(tree: Path, spoil) -> None:
    spoil(tree)
    found = state(tree, files(tree))
    assert found.changed == UNCLEAN[spoil]
    assert found.commit == git(tree, "rev-parse", "HEAD")


def test_file_of_a_submodule_counts_as_committed(tree: Path) -> None:
    other = tree.parent / "other"
    other.mkdir()
    (other / "a").write_text("a")
    commit(other)
    git(tree, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other))
    git(tree, "commit", "-qm", "a submodule")
    assert state(tree, [tree / "other" / "a"]).changed == ""


def test_file_that_a_link_leads_out_to_is_not_committed(tree: Path) -> None:
    (tree.parent / "outside").write_text("x")
    (tree / "link").symlink_to(tree.parent / "outside")
    (tree / "inner").symlink_to("page.md")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "links")
    assert state(tree, [tree / "inner"]).changed == ""
    assert state(tree, [tree / "link"]).changed == "../outside is not committed"


def remove_git(root: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(root))


def leave_the_repository(root: Path, monkeypatch) -> None:
    (root / ".git").rename(root / "git")


def belong_to_another(root: Path, monkeypatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")


def be_bare(root: Path, monkeypatch) -> None:
    git(root, "config", "core.bare", "true")


def break_the_index(root: Path, monkeypatch) -> None:
    (root / ".git" / "index").write_bytes(b"DIRC")


SILENT = {
    remove_git: "git cannot be run (No such file or directory)",
    leave_the_repository: "git rev-parse says fatal: not a git repository",
    belong_to_another: "git rev-parse says fatal: detected dubious ownership",
    be_bare: "git status says fatal: this operation must be run in a work tree",
    break_the_index: "git status says fatal: .git/index: index file smaller",
}


@pytest.mark.parametrize("spoil", SILENT, ids=lambda x: x.__name__)
def test_git_that_does_not_answer_is_never_taken_for_clean(
    tree: Path, monkeypatch, spoil
) -> None:
    spoil(tree, monkeypatch)
    assert state(tree).changed.startswith(SILENT[spoil])


def test_repository_without_a_commit_is_not_clean(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    found = state(tmp_path)
    assert found.commit == ""
    assert found.changed


def test_project_inside_of_another_repository_is_not_committed(tree: Path) -> None:
    inside = tree / "project"
    inside.mkdir()
    (inside / "page.md").write_text("a page")
    (tree / ".git" / "info" / "exclude").write_text("project")
    assert state(inside, [inside / "page.md"]).changed == "page.md is not committed"


def test_shallow_clone_is_clean(tree: Path) -> None:
    (tree / "page.md").write_text("again")
    git(tree, "commit", "-qam", "again")
    clone = tree.parent / "clone"
    git(tree.parent, "clone", "-q", "--depth=1", f"file://{tree}", str(clone))
    assert state(clone, files(clone)) == state(tree, files(tree))


def test_hook_of_another_repository_does_not_mislead(tree: Path, monkeypatch) -> None:
    """Git tells its hooks by variables which index and repository they are of."""
    other = tree.parent / "hooked"
    other.mkdir()
    (other / "a").write_text("a")
    commit(other)
    before = state(tree)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert state(tree) == before
    assert os.environ["GIT_DIR"] == str(other / ".git")
