"""What code imports, from which packages, what these require, what the project pins."""

import ast
import site
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pagecode.files import visible

IMPORTERS = {"import_module", "__import__"}
CATCHES = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def names_of(node: ast.AST) -> set[str]:
    """Return the names and attributes in code."""
    found = {getattr(x, "id", getattr(x, "attr", "")) for x in ast.walk(node)}
    return found - {""}


def goes_on(node: ast.AST) -> bool:
    """Whether the code goes on where no import in the body of this can be made."""
    if isinstance(node, ast.Try):
        caught = [x.type for x in node.handlers]
        return any(x is None or names_of(x) & CATCHES for x in caught)
    if isinstance(node, ast.With):
        calls = [names_of(x.context_expr) for x in node.items]
        return any("suppress" in x and x & CATCHES for x in calls)
    test = getattr(node, "test", None) if isinstance(node, ast.If) else None
    return isinstance(test, ast.Name | ast.Attribute) and (
        "TYPE_CHECKING" in names_of(test)
    )


def imports(node: Any, *, optional: bool = False) -> Iterator[tuple]:
    """Yield what is imported, the line, and whether the code goes on without it.

    What is imported from a module has its name behind the module's: `math.floor`.
    """
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [x.name for x in node.names]
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        names = [f"{module}.{x.name}" for x in node.names]
    elif isinstance(node, ast.Call) and node.args and names_of(node.func) & IMPORTERS:
        name = node.args[0]
        names = [str(name.value)] if isinstance(name, ast.Constant) else []
    yield from ((name, node.lineno, optional) for name in names)
    body = node.body if goes_on(node) else []
    for child in ast.iter_child_nodes(node):
        yield from imports(child, optional=optional or child in body)


def places() -> list[str]:
    """Return the folders of packages that a program sees: it gets no PYTHONPATH."""
    own = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return [*site.getsitepackages(), *own]


def distribution(name: str) -> Distribution | None:
    """Return the package of this name that a program would import."""
    return next(iter(distributions(name=name, path=places())), None)


def version(name: str) -> str | None:
    """Return the version of a package, None if it is not installed."""
    found = distribution(name)
    return found.version if found else None


def parsed(lines: Iterable[str]) -> Iterator[Requirement]:
    """Yield the requirements among these lines: not comments, or options of pip's."""
    for line in lines:
        with suppress(InvalidRequirement):
            yield Requirement(line.partition("#")[0].strip())


def requirements(root: Path) -> Iterator[Requirement]:
    """Yield what the project requires, in any of its environments."""
    for file in visible(root / "requirements", "*.txt"):
        yield from parsed(file.read_text(encoding="utf-8").splitlines())


def pins(root: Path) -> dict[str, set[str | None]]:
    """Return by package the versions that the project pins in any environment."""
    found: dict[str, set[str | None]] = {}
    for wanted in requirements(root):
        exact = {x.version for x in wanted.specifier if x.operator == "=="}
        found.setdefault(canonicalize_name(wanted.name), set()).update(exact)
    return {name: versions for name, versions in found.items() if versions}


@lru_cache
def providers(where: tuple[str, ...]) -> dict[str, set[str]]:
    """Return by module the packages in these folders that provide it."""
    found: dict[str, set[str]] = {}
    for package in distributions(path=list(where)):
        name = canonicalize_name(package.name or "")  # what pip left half removed
        modules = (package.read_text("top_level.txt") or "").split()
        for module in modules or {x.parts[0] for x in package.files or ()}:
            found.setdefault(module.removesuffix(".py"), set()).add(name)
    return found


@lru_cache
def needed(
    packages: frozenset[str], extras: frozenset[tuple[str, str]], _: tuple[str, ...]
) -> set[str]:
    """Return packages together with all that they require, here and as installed."""
    left, seen = [(name, "") for name in packages], set[tuple[str, str]]()
    while left:
        name, extra = pair = left.pop()
        if pair in seen:
            continue
        seen.add(pair)
        left += [x for x in extras if x[0] == name]
        found = distribution(name)
        for wanted in parsed((found and found.requires) or ()):
            if wanted.marker.evaluate({"extra": extra}) if wanted.marker else not extra:
                other = canonicalize_name(wanted.name)
                left += [(other, x) for x in ("", *wanted.extras)]
    return {name for name, _ in seen}


def versions(loaded: set[str], named: set[str], root: Path) -> dict[str, str | None]:
    """Return the packages of these modules, and those that they require.

    A module that is named, and that no package provides, may be provided one day.
    """
    known = providers(where := tuple(places()))
    names = {name for x in loaded | named for name in known.get(x, ())}
    absent = named - known.keys() - sys.stdlib_module_names
    names |= {canonicalize_name(x) for x in absent}
    extras = {
        (canonicalize_name(x.name), y) for x in requirements(root) for y in x.extras
    }
    found = needed(frozenset(names), frozenset(extras), where)
    return {name: version(name) for name in sorted(found)}
