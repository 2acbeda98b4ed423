"""Run one program, statement by statement: a process of its own, without any library.

Called as `python child.py PROGRAM EVENTS`: PROGRAM is a JSON file with the blocks, each
a list of [text, file, number, indent] lines; EVENTS is a file descriptor that takes one
JSON object a line. Standard output is the program's. `process` is at the other end.
"""

import ast
import importlib.machinery
import importlib.util
import json
import os
import resource
import sys
import traceback
import types
from typing import Any

IMPORTING = "<frozen importlib._bootstrap>"
Lines = list[tuple[str, str, int, int]]  # text, file, number in it, dedented columns


def at_origin(tree: ast.AST, lines: Lines) -> None:
    """Move every node to the file position that its text came from."""
    for node in ast.walk(tree):
        for line, column in (
            ("lineno", "col_offset"),
            ("end_lineno", "end_col_offset"),
        ):
            if getattr(node, line, None):
                _, _, number, indent = lines[getattr(node, line) - 1]
                setattr(node, line, number)
                setattr(node, column, getattr(node, column) + max(indent, 0))


def parse(lines: Lines) -> list[tuple[str, ast.stmt]]:
    """Return the block's statements, each with its file and at its place there."""
    try:
        tree = ast.parse("\n".join(text for text, *_ in lines))
    except SyntaxError as error:
        row = min(error.lineno or 1, len(lines)) - 1
        error.filename, error.lineno = lines[row][1], lines[row][2]
        raise
    statements = []
    for statement in tree.body:
        file = lines[statement.lineno - 1][1]
        at_origin(statement, lines)
        statements.append((file, statement))
    return statements


def last_line(error: BaseException) -> str:
    """The line that Python prints last of this error."""
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]


def hide(packages: list[str]) -> None:
    """Make these packages look as if they were not installed."""

    class Finder(importlib.machinery.PathFinder):
        @classmethod
        def find_spec(cls, fullname: str, *args: Any) -> Any:
            hidden = fullname.partition(".")[0] in packages
            return None if hidden else super().find_spec(fullname, *args)

    stock = importlib.machinery.PathFinder
    sys.meta_path = [Finder if finder is stock else finder for finder in sys.meta_path]


def watch_stand_ins(paths: list[str]) -> list[str]:
    """Let pooch hand out these stand-ins unchecked; return the list of those used."""
    used: list[str] = []
    if not paths:
        return used
    import pooch

    retrieve = pooch.retrieve

    def retrieve_any(
        url: str,
        known_hash: Any,
        fname: Any = None,
        path: Any = None,
        *rest: Any,
        **options: Any,
    ) -> str:
        file = os.path.join(path or "", fname or "")
        name = os.path.relpath(file, "data")
        if name not in paths:
            return retrieve(url, known_hash, fname, path, *rest, **options)
        used.append(name)
        return file

    pooch.retrieve = retrieve_any
    return used


def draw_figures() -> list[Any]:
    """Draw and close the figures that are open, if the program draws at all."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if not pyplot or not pyplot.get_fignums():
        return []
    place = os.path.join(os.path.dirname(__file__), "figure.py")
    spec = importlib.util.spec_from_file_location("_figure", place)
    if not spec or not spec.loader:
        raise ImportError(place)
    figure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figure)
    drawn = [figure.draw(pyplot.figure(number)) for number in pyplot.get_fignums()]
    pyplot.close("all")
    return drawn


def trace(error: BaseException, files: set[str]) -> list[tuple[str, int | None]]:
    """Return where in these files the error arose, innermost last."""
    if isinstance(error, SyntaxError) and error.filename in files:
        return [(error.filename, error.lineno)]
    frames = traceback.extract_tb(error.__traceback__)
    return [(x.filename, x.lineno) for x in frames if x.filename in files]


def peak() -> int:
    """Return how many bytes of memory this process held at most.

    Linux counts in ru_maxrss what the process that started this one held, too.
    """
    try:
        with open("/proc/self/status", "rb") as status:  # text would import its codec
            found = [line.split()[1] for line in status if line.startswith(b"VmHWM:")]
        return 1024 * int(found[0])
    except (FileNotFoundError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def device() -> str:
    """Name the GPU that the program's framework sees, or `CPU`."""
    torch, tensorflow = sys.modules.get("torch"), sys.modules.get("tensorflow")
    if torch and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    if torch and torch.backends.mps.is_available():
        return "Apple GPU"
    if tensorflow and (gpus := tensorflow.config.list_physical_devices("GPU")):
        details = tensorflow.config.experimental.get_device_details(gpus[0])
        return details.get("device_name", "GPU")
    return "CPU"


STARTS = (  # what Python reports of the starting of a process
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
    "subprocess.Popen",
)


def watch_starts() -> list[str]:
    """Return a list to which the starting of any process is added.

    What a library starts while it is imported hangs on that library alone.
    """
    started: list[str] = []

    def hook(event: str, _: Any) -> None:
        if event in STARTS:
            frames = traceback.walk_stack(None)
            if not any(x.f_code.co_filename == IMPORTING for x, _ in frames):
                started.append(event)

    sys.addaudithook(hook)
    return started


def run(program: dict[str, Any], events: int) -> None:
    """Run the blocks in order, and tell what happens as it happens."""
    module = types.ModuleType("__main__")  # pickle and dataclasses look classes up here
    sys.modules["__main__"] = module
    sys.argv = [""]
    hide(program["hidden"])
    used = watch_stand_ins(program["stand_ins"])
    started = watch_starts()
    files = {file for block in program["blocks"] for _, file, *_ in block["lines"]}

    def tell(event: str, **facts: Any) -> None:
        if sys.__stdout__:
            sys.__stdout__.flush()
        facts |= {"event": event, "printed": os.lseek(1, 0, os.SEEK_CUR)}
        with open(events, "w", encoding="utf-8", closefd=False) as pipe:
            pipe.write(json.dumps(facts) + "\n")

    for number, block in enumerate(program["blocks"]):
        facts: dict[str, Any] = {"error": None, "trace": [], "figures": []}
        tell("block", block=number)
        try:
            for file, statement in parse(block["lines"]):
                tell("statement", file=file, line=statement.lineno)
                body = ast.Module([statement], [])
                exec(compile(body, file, "exec", dont_inherit=True), module.__dict__)
            facts["figures"] = draw_figures()
        except BaseException as error:
            facts |= {"error": last_line(error), "trace": trace(error, files)}
        facts["stand_ins"] = sorted(set(used))
        facts["peak"] = peak()
        tell("end", facts=facts)
        if facts["error"] and not block["raises"]:
            break
    loaded = {name.partition(".")[0] for name in sys.modules}
    ends = {"device": device(), "modules": sorted(loaded - sys.stdlib_module_names)}
    # multiprocessing imports what it starts processes with when it starts one.
    spawned = any(name.startswith("multiprocessing.popen_") for name in sys.modules)
    tell("done", facts=ends | {"spawned": bool(started) or spawned})


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as opened:
        run(json.load(opened), int(sys.argv[2]))
