"""Begin a chapter: a page, twin modules, tests and its place in the navigation.

`template/` is a small chapter that verifies, called "My model"; a new one is its copy
under another name. Its author fills it.
"""

import keyword
import re
import shutil
import sys
from pathlib import Path

from pagecode.files import write

TEMPLATE = Path(__file__).with_name("template")
LONGEST = 30  # of a name, and of a title: lines of the template stay below 88 columns
ENTRY = re.compile(r"^( *- ).*: models/.+\.md *$", re.MULTILINE)


def begin(name: str, title: str, root: Path) -> int:
    """Write the chapter and say what to do next; or say what is wrong, and return 1."""
    page = name.replace("_", "-")
    try:
        check(name, title, root)
        files, navigation = made(name, title), entered(page, title, root)
    except ValueError as error:
        print(f"no chapter was begun: {error}", file=sys.stderr)
        return 1
    folders = [root / x for x in places(name)]
    try:
        for path, content in files.items():
            write(root / path, content)
        write(root / "mkdocs.yml", navigation)
    except BaseException:
        for place in folders:
            place.unlink() if place.is_file() else shutil.rmtree(place, True)
        raise
    print("\n".join(f"  {path}" for path in [*sorted(files), "mkdocs.yml"]))
    print(f"next: fill docs/models/{page}.md and its snippets, then run")
    print(f"  make record PAGE=models/{page}.md")
    return 0


def places(name: str) -> list[str]:
    """Return all that a chapter owns: its page and its folders."""
    page = f"docs/models/{name.replace('_', '-')}"
    return [f"{page}.md", page, f"snippets/{name}", f"tests/{name}"]


def check(name: str, title: str, root: Path) -> None:
    """Raise ValueError unless the names can be used, and are used by nothing."""
    plain = re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name, re.ASCII)
    if not plain or keyword.iskeyword(name) or len(name) > LONGEST:
        raise ValueError(
            f"NAME is {name!r}, must be small letters, digits and single _ between "
            f"them, as in my_model: {LONGEST} at most, and no word of Python's own"
        )
    if not re.fullmatch(r"\w[\w ,.'()+/–-]*", title) or len(title) > LONGEST:
        raise ValueError(
            f"TITLE is {title!r}, must be words, as in 'My model': {LONGEST} letters "
            "at most, and of other signs only , . ' ( ) + / -"
        )
    if used := [x for x in places(name) if (root / x).exists()]:
        raise ValueError(f"{used[0]} exists: choose another NAME, or remove it first")


def made(name: str, title: str) -> dict[str, str]:
    """Return the chapter's files by their paths."""
    page = name.replace("_", "-")
    found = {}
    for source in sorted(TEMPLATE.iterdir()):
        folder = f"tests/{name}" if source.name == "test_models.py" else ""
        if source.suffix == ".svg":
            folder = f"docs/models/{page}/figures"
        path = f"{folder or f'snippets/{name}'}/{source.name}"
        if source.suffix == ".md":
            path = f"docs/models/{page}.md"
        text = source.read_text(encoding="utf-8")
        named = {"my_model": name, "my-model": page, "My model": title}
        named |= {"my model": title.lower()}
        for old, new in named.items():
            path, text = path.replace(old, new), text.replace(old, new)
        found[path] = text
    return found


def entered(page: str, title: str, root: Path) -> str:
    """Return mkdocs.yml with the page below the last chapter of the navigation."""
    text = (root / "mkdocs.yml").read_text(encoding="utf-8")
    entries = list(ENTRY.finditer(text))
    if not entries:
        raise ValueError("mkdocs.yml: its nav has no line such as - X: models/x.md")
    line = f"\n{entries[-1][1]}{title!r}: models/{page}.md"
    if re.fullmatch(r"[A-Za-z][\w ()/-]*", title):
        line = line.replace(repr(title), title)
    return text[: entries[-1].end()] + line + text[entries[-1].end() :]
