"""What is handed out runs as it is handed out, and prints what its page shows.

A sample of the blocks' programs, and the cheap notebooks; with ALL=1 every slice and
every notebook. What has passed as it is now is not run again, but for ALL=1.
"""

import ast
import os
import random
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from pagecode.book.data import stand_ins
from pagecode.frameworks import selected
from pagecode.give import kernel
from pagecode.give.export import NOT_VERIFIED, Export, export_page
from pagecode.give.proof import Proof, proofs_of, prove
from pagecode.give.slices import Slicer
from pagecode.prove.shard import mine
from pagecode.prove.store import dated, held
from pagecode.read.page import Block, Page, Program, read_pages
from pagecode.run import sandbox
from pagecode.run.compare import same_line
from pagecode.run.process import Failure
from pagecode.run.script import script
from tests.conftest import PROVED, SITE_URL, start_of

ROOT = Path(__file__).parent.parent
ALL = bool(os.environ.get("ALL"))
SAMPLE = 16
SPAWN = """import runpy, sys
from multiprocessing import context
# As on macOS and Windows, unless the program itself says how it starts processes.
context._default_context._default_context = context._concrete_contexts["spawn"]
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
MODULE = """import runpy, sys
sys.path.insert(0, {root!r})
sys.argv[1:] = [{framework!r}]  # for those that train in either
runpy.run_module({name!r}, run_name="__main__")
"""
PAGES = [page for page in read_pages(ROOT) if page.blocks and not page.faults]
PROGRAMS = [x for page in PAGES for x in page.programs]
HERE = [x for x in PROGRAMS if x.framework in selected()]
on_real_data = pytest.mark.skipif(
    bool(stand_ins(ROOT)), reason="stand-ins are in use: numbers do not count"
)


def fits(promised: list[str | None], printed: list[str], atol: str | None) -> bool:
    """Whether these lines were printed; None stands for any others."""
    groups = [list(x) for _, x in groupby(promised, lambda x: x is None)]
    place, loose = 0, False
    for group in groups:
        if group[0] is None:
            loose = True
            continue
        last = len(printed) - len(group)  # where it fits at the latest
        starts = [last] if group is groups[-1] else range(place, last + 1)
        starts = [x for x in starts if x == place or (loose and x > place)]
        for start in starts:
            pairs = zip(group, printed[start:], strict=False)
            if all(same_line(str(x), y, atol) for x, y in pairs):
                place, loose = start + len(group), False
                break
        else:
            return False
    return loose or place == len(printed)


@pytest.mark.parametrize(
    ("promised", "printed", "expected"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        (["a"], ["a", "b"], False),
        ([], ["a"], False),
        ([], [], True),
        ([None, "b"], ["a", "b"], True),
        ([None, "b"], ["b", "a"], False),
        ([None, "b"], [], False),
        (["a", None, "c"], ["a", "x", "y", "c"], True),
        (["a", None, "c"], ["a", "x"], False),
        (["a", None], ["a", "x", "y"], True),
        ([None], ["x"], True),
        ([None, "a", None], ["x", "a"], True),
        (["1.25"], ["1.26"], True),
        (["1.25"], ["1.27"], False),
        ([None, "a", None, "b"], ["b", "a", "a", "b"], True),
        ([None, "b", None, "a"], ["x", "b", "y", "a"], True),
    ],
)
def test_lines_are_held_against_the_promise(
    promised: list, printed: list, expected: bool
) -> None:
    assert fits(promised, printed, None) == expected


def run(export: Export, root: Path) -> None:
    """Run a file as Python does where processes are spawned; hold what it prints."""
    name = Path(export.path).name
    files = {name: export.text, "start.py": SPAWN}
    ended = sandbox.run(root, files, "start.py", name, limit=600)
    told = f"{export.path}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
    promised = list(export.output)
    if export.raises:
        error = promised.pop()
        assert ended.status, f"does not fail: {told}"
        assert error in map(str.strip, ended.stderr.splitlines()), told
    else:
        assert not ended.status, told
    printed = [x.rstrip() for x in ended.stdout.rstrip().splitlines()]
    assert fits(promised, printed, export.atol), f"{promised}\n{told}"


def exports_of(page: Page, root: Path) -> list[Export]:
    """Return what a page hands out, as far as it is proven now."""
    return list(export_page(page, root, SITE_URL, held(page.programs, root)))


def prove_and_run(proof: Proof) -> None:
    """Prove a block's slice; then run the file that is handed out of it."""
    list(prove([proof], ROOT, use_cache=not ALL))
    ends = f".{proof.program.framework}.{proof.number + 1}.py"
    found = exports_of(proof.program.page, ROOT)
    [export] = [x for x in found if x.path.endswith(ends)]
    run(export, ROOT)


def run_module(export: Export) -> None:
    """Start a module of snippets; hold what it prints."""
    ended = sandbox.run(ROOT, {"start.py": export.text}, "start.py", limit=600)
    printed = [x.rstrip() for x in ended.stdout.rstrip().splitlines()]
    assert not ended.status, f"{export.path}\n{ended.stderr[-2000:]}"
    assert fits(export.output, printed, export.atol), f"{export.path}\n{ended.stdout}"


def modules() -> list[Export]:
    """Return what each module of snippets is to print when it is started.

    The outputs of the blocks that show what it does then, in its own order: that of
    their last lines, as a block may begin with what another one needs, too.
    """
    shown: dict[Path, dict[int, tuple[int, Block, str]]] = {}
    for program in PROGRAMS:
        for block in program.blocks:
            if block.file:  # commands on the page start it, with what it needs
                continue
            for line in block.lines:
                if line.number > start_of(line.file):
                    found = shown.setdefault(line.file, {})
                    place = int(block.where.rpartition(":")[2])
                    first = found.get(place, (0, block, program.framework))
                    found[place] = (max(first[0], line.number), *first[1:])
    exports = []
    for file, blocks in sorted(shown.items()):
        of = [block for _, block, _ in sorted(blocks.values(), key=lambda x: x[0])]
        outputs = [x.output for x in of if x.output]
        path = file.relative_to(ROOT).as_posix()
        name = path.removesuffix(".py").replace("/", ".")
        framework = next(iter(blocks.values()))[2]
        exports.append(
            Export(
                page=of[0].where.rpartition(":")[0].removeprefix("docs/"),
                framework=framework,
                kind="module",
                path=path,
                output=[y for x in outputs for y in ([None] if x.varies else x.lines)],
                atol=next((x.atol for x in outputs if x.atol), None),
                raises=False,
                text=MODULE.format(root=str(ROOT), name=name, framework=framework),
            )
        )
    return [x for x in exports if x.framework in selected()]


def sample(work: list, size: int, seed: int) -> list:
    """Return some of the work, or with ALL=1 all of it; of that, this shard's share."""
    return mine(work if ALL else random.Random(seed).sample(work, min(size, len(work))))


def took(program: Program) -> float | None:
    """Return the seconds that a page's programs took when they last ran."""
    seconds = [x["seconds"] for x in dated(ROOT) if x["page"] == program.page.name]
    return max(seconds, default=None)


ALL_PROOFS = [x for program in HERE for x in proofs_of(program)]
SOME = random.Random(4).sample(ALL_PROOFS, min(SAMPLE, len(ALL_PROOFS)))
NOTEBOOKS = mine([x for x in HERE if kernel.can_run(x)])
MODULES = sample(modules(), 4, 5)
WORK = {f"{x.path}": partial(run_module, x) for x in MODULES}
WORK |= {f"{x.where}": partial(prove_and_run, x) for x in mine(SOME)}


def run_notebook(program: Program) -> None:
    """Run a program's notebook, if that takes little."""
    if not ALL and (took(program) or kernel.CHEAP + 1) > kernel.CHEAP:
        pytest.skip("a notebook that takes long runs with ALL=1")
    seconds = took(program) or 300
    kernel.prove_notebook(program, ROOT, seconds=seconds, use_cache=not ALL)


WORK |= {f"notebook {x.name}": partial(run_notebook, x) for x in NOTEBOOKS}


@pytest.fixture(scope="session")
def proofs(request: pytest.FixtureRequest) -> Iterator[dict[str, Future]]:
    """Run what the chosen tests ask for side by side, on what others leave idle."""
    items = [x for x in request.session.items if "proofs" in x.fixturenames]
    names = [x.callspec.params["name"] for x in items]
    request.config.stash[PROVED] = f"{len(SOME)} of {len(ALL_PROOFS)} programs"
    with ThreadPoolExecutor(
        os.cpu_count(), initializer=os.nice, initargs=(19,)
    ) as pool:
        yield {name: pool.submit(WORK[name]) for name in names}
        pool.shutdown(cancel_futures=True)


@on_real_data
@pytest.mark.parametrize("name", WORK)
def test_what_is_handed_out_prints_what_its_page_shows(
    proofs: dict[str, Future], name: str
) -> None:
    failure = proofs[name].exception()
    if isinstance(failure, pytest.skip.Exception):
        pytest.skip(str(failure))
    if isinstance(failure, Failure):
        pytest.fail(str(failure), pytrace=False)
    if failure:
        raise failure


@on_real_data
@pytest.mark.skipif(not ALL, reason="every slice is proven with ALL=1")
def test_every_slice_is_proven_and_most_are_right() -> None:
    done = list(prove(mine(ALL_PROOFS), ROOT, use_cache=False))
    assert sum(bool(x.failed) for x in done) <= 0.1 * len(done)


def test_programs_of_single_blocks_are_short() -> None:
    """When all slices are proven, a program has 60 % of what is above, on average.

    All lines together are 66 %, for a long chapter's last blocks need its trainings.
    """
    lengths = []
    for program in PROGRAMS:
        slicer = Slicer(program)
        for number in range(len(program.blocks)):
            shorter, everything = slicer.alone(number)
            lines = sum(len(x.lines) for x in (shorter or everything).blocks)
            lengths.append((lines, sum(len(x.lines) for x in everything.blocks)))
    assert sum(lines / above for lines, above in lengths) <= 0.6 * len(lengths)
    assert sum(lines for lines, _ in lengths) <= 0.66 * sum(x for _, x in lengths)


@pytest.fixture(scope="session")
def exports() -> list[Export]:
    """Return all that the project hands out."""
    return [export for page in PAGES for export in exports_of(page, ROOT)]


def program_of(export: Export) -> Program:
    """Return the program that a file was made of."""
    [found] = [
        x
        for x in PROGRAMS
        if (x.page.name, x.framework) == (export.page, export.framework)
    ]
    return found


def test_scripts_are_the_programs_that_the_pages_run(exports: list[Export]) -> None:
    for export in (x for x in exports if x.kind == "script"):
        expected = ast.dump(ast.parse(script(program_of(export)).text))
        assert ast.dump(ast.parse(export.text)) == expected, export.path


def test_a_blocks_program_ends_with_the_block(exports: list[Export]) -> None:
    for export in (x for x in exports if x.kind == "block"):
        block = program_of(export).blocks[int(export.path.split(".")[-2]) - 1]
        assert export.text.rstrip().endswith(block.text.strip("\n").rstrip())
        assert export.raises == block.raises, export.path
        above = export.text.rstrip().removesuffix(block.text.strip("\n").rstrip())
        compile(above, export.path, "exec", dont_inherit=True)


def test_files_say_where_they_come_from(exports: list[Export]) -> None:
    for export in exports:
        page = program_of(export).page.address
        for said in (f"Page: {SITE_URL}{page}", f"This file: {SITE_URL}{export.path}"):
            assert said in export.text, export.path
        if export.kind == "block":
            number = export.path.split(".")[-2]
            assert f", block {number}\n" in export.text.split("Page: ")[0], export.path
        assert "Licence: MIT" in export.text, export.path
        said = rf"Verified: (\d{{4}}-\d\d-\d\d, |{re.escape(NOT_VERIFIED)})"
        assert re.search(said, export.text), export.path


def test_metadata_pins_what_is_imported(exports: list[Export]) -> None:
    for export in (x for x in exports if x.kind != "notebook"):
        head, _, rest = export.text.partition("# ///\n\n")
        assert head.startswith("# /// script\n"), export.path
        listed = re.findall(r'^#     "([\w.-]+)==[\w.]+",$', head, re.MULTILINE)
        assert '# requires-python = ">=3.11,<3.14"\n' in head, export.path
        other = {"pytorch": "tensorflow", "tensorflow": "torch"}.get(export.framework)
        assert other not in listed, export.path
        for name in ("numpy", "torch", "tensorflow", "pooch", "matplotlib"):
            if re.search(rf"(?m)^(import|from) {name}\b", rest):
                assert name in listed, export.path
