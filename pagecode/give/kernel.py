"""Run a page's notebook in a kernel, as its reader does.

A kernel is no script: an event loop runs in it already, and workers that are spawned
find no functions in it. So a page whose script is right may have a notebook that fails.
"""

from multiprocessing import get_all_start_methods
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from pagecode.give.export import Exporter, is_guarded
from pagecode.give.needs import Needs
from pagecode.prove import keys, store
from pagecode.prove.inputs import code_of
from pagecode.prove.packages import versions
from pagecode.read.page import Block, Program
from pagecode.run import sandbox
from pagecode.run.compare import first_difference, seen
from pagecode.run.process import Failure

CHEAP = 10.0  # seconds of a program whose notebook always runs
PATIENCE = 60.0, 4  # seconds for the kernel, and times a program's own seconds
NOTEBOOKS = "notebooks.json"  # in the store
MARK = "--- the notebook ---"
EXECUTE = f"""
import os, sys, nbformat, nbclient
del os.environ["MPLBACKEND"]  # the kernel draws into the notebook
book = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(book, timeout=None, allow_errors=True).execute()
print("{MARK}" + nbformat.writes(book))
"""


def can_run(program: Program) -> bool:
    """Whether a program's notebook runs here: where it starts processes, forks."""
    return not is_guarded(program) or get_all_start_methods()[0] == "fork"


def prove_notebook(
    program: Program, root: Path, *, seconds: float, use_cache: bool = True
) -> bool:
    """Run a program's notebook; return False where it has run as it is now.

    `seconds` is what the program itself took. Raises Failure where a cell does not
    print and draw what its block's page shows.
    """
    text = Exporter(program, root, "", {}).notebook().text
    cells = nbformat.reads(text, as_version=4).cells
    shown = keys.content(program, root, modules=False), keys.code("give/kernel.py")
    content = keys.digest([[x for x in cells if x.cell_type == "code"], shown])
    key = f"{content}-{keys.digest(keys.around())}"
    known = store.Known(NOTEBOOKS, root)
    if use_cache and known.find(key, code_of(program)):
        return False
    files, limit = {"page.ipynb": text}, PATIENCE[0] + PATIENCE[1] * seconds
    try:
        ended = sandbox.run(root, files, "-c", EXECUTE, "page.ipynb", limit=limit)
    except (TimeoutError, sandbox.TooMuch) as error:
        raise Failure(f"docs/{program.page.name}: its notebook {error}") from None
    if ended.status:
        said = "\n            ".join(ended.stderr.strip().splitlines()[-5:])
        what = f"its notebook cannot be run\n  error     {said}"
        raise Failure(f"docs/{program.page.name}: {what}")
    book = nbformat.reads(ended.stdout.partition(MARK)[2], as_version=4)
    install, *ran = [cell for cell in book.cells if cell.cell_type == "code"]
    if install.outputs:
        raise Failure(f"docs/{program.page.name}: its notebook lacks packages here")
    for block, cell in zip(program.blocks, ran, strict=True):
        compare(block, cell)
    loaded = {*Needs(program.blocks, root).of(program.blocks), "ipykernel", "nbclient"}
    data = {name: known.here.data(name) for name in ended.read}
    used = {"data": data, "packages": versions(loaded, set(), root)}
    stamp = {"content": content, "used": used, "notebook": program.name}
    store.keep(NOTEBOOKS, {f"{key}-{keys.digest(used)}": stamp}, root)
    return True


def compare(block: Block, cell: NotebookNode) -> None:
    """Raise Failure unless a cell printed and drew what its block does."""
    printed = "".join(x.text for x in cell.outputs if x.get("name") == "stdout")
    lines = seen(printed)
    errors = [x for x in cell.outputs if x.output_type == "error"]
    drawn = sum(x.output_type == "display_data" for x in cell.outputs)
    shown = [*map(str, block.output.lines)] if block.output else []
    told = "".join(x.text for x in cell.outputs if x.get("name") == "stderr")
    words = [x.lstrip(" |") for x in told.splitlines()]  # so IPython tells a group
    said = ""
    if block.raises and not errors and shown and shown[-1] in words:
        shown.pop()
    elif block.raises and errors:
        # IPython leaves out the module of an error's type, and says the place of a
        # syntax error in its message.
        *shown, named = shown or [""]
        kind = named.partition(":")[0].rpartition(".")[2]
        if errors[0].ename != kind:
            said = f"fails with {errors[0].ename}, not {kind}"
    elif errors:
        said = f"fails: {errors[0].ename}: {errors[0].evalue}".partition("\n")[0]
    elif drawn != len(block.pictures):
        said = f"draws {drawn} figures, not {len(block.pictures)}"
    if not said and not (block.output and block.output.varies):
        atol = block.output.atol if block.output else None
        if difference := first_difference(shown, lines, atol):
            said = "prints {2!r}, not {1!r}".format(*difference)
    if said:
        raise Failure(
            f"{block.where}: in a notebook this block {said}\n"
            "  to do     write it so that it runs in a script and in a notebook"
        )
