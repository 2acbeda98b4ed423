"""Run one program, statement by statement: a process of its own, without any library.

Called as `python child.py PROGRAM EVENTS`: PROGRAM is a JSON file that names the
program's file and its blocks; EVENTS is the descriptor of a socket that takes one JSON
object a line. `process` is at the other end.

The program behaves as `python FILE` does: it is the module `__main__`, its lines are
those of its file, and what it starts by multiprocessing imports that file. Standard
output is another file for each block: what a process prints that outlives the block
that started it is found there. Processes are started by spawning, as on macOS and on
Windows: what works so, works by forking too, but not the other way round.
"""

import __future__

import ast
import builtins
import contextlib
import ctypes
import faulthandler
import importlib.machinery
import importlib.util
import io
import json
import os
import resource
import signal
import sys
import threading
import traceback
import types
import warnings
from json import dumps as json_text  # a block may change what the module has
from multiprocessing import context, spawn
from typing import Any

# Our own: a block may change Python's.
globals()["__builtins__"] = dict(vars(builtins))
FUTURES = sum(
    getattr(__future__, x).compiler_flag for x in __future__.all_feature_names
)
Statements = list[tuple[int, types.CodeType]]  # each with the number of its line


def parse(block: dict[str, Any], path: str, flags: int) -> tuple[Statements, int]:
    """Compile a block's statements; return them and the `__future__` flags below it.

    All of them, and the block as a whole, for some errors are found only then.
    """
    tree = ast.parse("\n" * (block["first"] - 1) + block["text"], path)
    whole = compile(tree, path, "exec", flags, dont_inherit=True)
    flags |= whole.co_flags & FUTURES
    statements = []
    with warnings.catch_warnings(action="ignore"):  # the compiler has warned already
        for node in tree.body:
            text = getattr(node, "value", None) if isinstance(node, ast.Expr) else None
            if isinstance(text, ast.Constant) and not block["opens"]:
                continue  # it does nothing, and would become the program's `__doc__`
            block["opens"] = False
            body = ast.Module([node], [])
            code = compile(body, path, "exec", flags, dont_inherit=True)
            statements.append((node.lineno, code))
    return statements, flags


def alone(block: dict[str, Any], flags: int, path: str) -> Exception | None:
    """Return the error of a block that must fail, its message told of the block alone.

    It may say a line, and in each file that is handed out that would be another.
    """
    try:
        if block["raises"]:
            compile(block["text"], path, "exec", flags, dont_inherit=True)
    except Exception as error:  # or it is nested too deeply
        if isinstance(error, SyntaxError):
            error.lineno = (error.lineno or 1) + block["first"] - 1
        return error
    return None


def parse_all(program: dict[str, Any]) -> list[Statements | Exception]:
    """Compile every block before the first one runs, as Python does with a script.

    In place of what does not compile stands its error.
    """
    path, flags = program["path"], 0
    found: list[Statements | Exception] = []
    for number, block in enumerate(program["blocks"]):
        block["opens"] = number == 0
        try:
            statements, flags = parse(block, path, flags)
            found.append(statements)
        except Exception as error:  # a SyntaxError, or that it is nested too deeply
            found.append(alone(block, flags, path) or error)
    pairs = zip(found, program["blocks"], strict=True)
    if all(block["raises"] or isinstance(x, list) for x, block in pairs):
        try:  # what is right in itself may be wrong below the others
            with open(path, "rb") as file, warnings.catch_warnings(action="ignore"):
                compile(file.read(), path, "exec", dont_inherit=True)
        except SyntaxError as error:
            firsts = [block["first"] for block in program["blocks"]]
            found[sum(x <= (error.lineno or 1) for x in firsts) - 1] = error
    return found


def error_line(error: BaseException) -> str:
    """Return the line that names an error: its type as Python prints it, its message.

    It is the first line that Python prints of the error and does not indent. Notes,
    causes, the errors of a group and the rest of a long message come after it, the
    place of a syntax error before it.
    """
    lines = "".join(traceback.format_exception_only(error)).splitlines()
    return next(line.rstrip() for line in lines if line[:1].strip())


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


def trace(error: BaseException, path: str) -> list[int]:
    """Return the lines of a file in which the error arose, innermost last."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return [error.lineno or 1]
    frames = traceback.extract_tb(error.__traceback__)
    return [x.lineno for x in frames if x.filename == path and x.lineno]


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


class Output(io.FileIO):
    """Standard output, where a thread prints to the file of the block it is from."""

    def __init__(self, path: str) -> None:
        super().__init__(1, "w", closefd=False)
        self.name = "<stdout>"
        self.path, self.file = path, os.fstat(1)
        self.born: dict[threading.Thread, str] = {}  # threads of earlier blocks
        stream = sys.stdout
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(self),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=True,
        )
        sys.stdout.mode = "w"  # type: ignore[misc]
        vars(sys)["__stdout__"] = sys.stdout
        self.libc = ctypes.CDLL(None)
        name = "__stdoutp" if sys.platform == "darwin" else "stdout"
        line_buffered = 1
        stdout = ctypes.c_void_p.in_dll(self.libc, name)
        self.libc.setvbuf(stdout, None, line_buffered, ctypes.c_size_t(0))

    def write(self, data: Any) -> int:
        """Write to the file of the block, or of that which started this thread."""
        path = self.born and self.born.get(threading.current_thread())
        if not path:
            return super().write(data) or 0
        with open(path, "ab", buffering=0) as file:
            return file.write(data)

    def flush_all(self) -> int:
        """Write what is still in memory, C's too; return how much the block printed."""
        for stream in {sys.stdout, sys.__stdout__}:
            with contextlib.suppress(Exception):  # it may be anything, or be closed
                stream.flush()  # type: ignore[union-attr]
        self.libc.fflush(None)
        return os.stat(self.path).st_size

    def turn(self, path: str) -> None:
        """Let standard output be another file, unless the program has redirected it."""
        self.threads()
        with contextlib.suppress(OSError), open(path, "ab") as file:
            for descriptor in map(int, os.listdir("/dev/fd")):  # and copies of it
                with contextlib.suppress(OSError):
                    if os.path.samestat(os.fstat(descriptor), self.file):
                        inherited = os.get_inheritable(descriptor)
                        os.dup2(file.fileno(), descriptor, inherited)
            self.path, self.file = path, os.fstat(file.fileno())

    def threads(self) -> list[str]:
        """Return the files of those blocks whose threads keep the program running."""
        threads = [x for x in threading.enumerate() if x is not threading.main_thread()]
        for thread in threads:
            self.born.setdefault(thread, self.path)
        return [self.born[x] for x in threads if not x.daemon]


def main_module(path: str) -> types.ModuleType:
    """Become what Python makes of itself when it runs a script: return `__main__`."""
    module = types.ModuleType("__main__")  # pickle and dataclasses look classes up here
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    module.__dict__.update(
        __annotations__={},
        __builtins__=builtins,
        __cached__=None,
        __file__=path,
        __loader__=loader,
    )
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module  # as workers say
    sys.argv = [os.path.basename(path)]
    sys.path[0] = os.path.dirname(path)
    return module


WORKER = """\
import importlib.util, json
spec = importlib.util.spec_from_file_location("_child", {child!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
with open({program!r}, encoding="utf-8") as file:
    program = json.load(file)
child.import_program(program, globals())
"""


def set_workers(program: dict[str, Any], file: str) -> None:
    """Let processes that are spawned import the program as it is run here."""
    worker = f"{file}.worker.py"
    with open(worker, "w", encoding="utf-8") as opened:
        opened.write(WORKER.format(child=os.path.abspath(__file__), program=file))
    context._default_context._default_context = (  # type: ignore[attr-defined]
        context._concrete_contexts["spawn"]  # type: ignore[attr-defined]
    )
    prepare = spawn.get_preparation_data

    def with_worker(name: str) -> dict[str, Any]:
        data = prepare(name)
        if data.get("init_main_from_path") == program["path"]:
            data["init_main_from_path"] = worker
        return data

    spawn.get_preparation_data = with_worker


def import_program(program: dict[str, Any], names: dict[str, Any]) -> None:
    """Import the program in a process that it has spawned."""
    kept = {name: names[name] for name in names if name.startswith("__")}
    names.clear()
    names.update(kept, __file__=program["path"])
    hide(program["hidden"])
    watch_stand_ins(program["stand_ins"])
    with open(program["path"], "rb") as file:
        code = compile(file.read(), program["path"], "exec", dont_inherit=True)
    exec(code, names)


def run(file: str, events: int) -> None:
    """Run the blocks in order, and tell what happens as it happens."""
    with open(file, encoding="utf-8") as opened:
        program = json.load(opened)
    path, owner = program["path"], os.getpid()
    module = main_module(path)
    set_workers(program, file)
    hide(program["hidden"])
    used = watch_stand_ins(program["stand_ins"])
    output = Output(program["output"])
    faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)

    def tell(event: str, **facts: Any) -> None:
        if os.getpid() != owner:
            return  # a fork of the program goes on with it, and tells nothing
        facts |= {"event": event, "printed": output.flush_all()}
        text = json_text(facts).encode() + b"\n"
        while text:
            text = text[os.write(events, text) :]

    for number, parsed in enumerate(parse_all(program)):
        line = program["blocks"][number]["first"]
        facts: dict[str, Any] = {"error": None, "trace": [], "figures": []}
        if os.getpid() == owner:
            output.turn(f"{program['output']}.{number}")
        tell("block", block=number)
        try:
            if isinstance(parsed, Exception):
                raise parsed
            for line, code in parsed:
                tell("statement", line=line)
                exec(code, module.__dict__)
            facts["figures"] = draw_figures()
        except BaseException as error:
            if os.getpid() != owner:
                raise
            facts |= {"error": error_line(error), "trace": trace(error, path) or [line]}
        facts["stand_ins"] = sorted(set(used))
        facts["peak"] = peak()
        tell("end", facts=facts)
        if facts["error"] and not program["blocks"][number]["raises"]:
            break
    loaded = {name.partition(".")[0] for name in sys.modules}
    ends = {"device": device(), "modules": sorted(loaded - sys.stdlib_module_names)}
    tell("done", facts=ends, threads=output.threads())
    with contextlib.suppress(OSError):
        os.read(events, 1)  # until it is known what this process leaves running


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
