"""What is handed out runs as it is handed out, and prints what its page shows.

A seeded sample of the stand-alone programs, and the first chapter's notebooks; with
ALL=1 all of them. One that has passed as it is now is not run again, but for ALL=1.
"""

import ast
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
import pytest

from pagecode.book.data import stand_ins
from pagecode.frameworks import selected
from pagecode.give.export import NOT_VERIFIED, Export, export_all, write_all
from pagecode.give.parts import address
from pagecode.give.proof import mismatch, prove
from pagecode.prove.shard import mine
from pagecode.read.page import Block, Program, read_pages
from pagecode.run import machine
from pagecode.run.compare import first_difference
from pagecode.run.process import Failure
from tests.conftest import PROVED, Site, start_of

ROOT = Path(__file__).parent.parent
SITE_URL = "https://book.example/"
ALL = bool(os.environ.get("ALL"))
SAMPLE = 16
START = """import runpy, sys
sys.path.insert(0, {root!r})
sys.argv[1:] = [{framework!r}]  # for those that train in either
runpy.run_module({name!r}, run_name="__main__")
"""
PAGES = [page for page in read_pages(ROOT) if page.blocks and not page.faults]
EXPORTS = export_all(PAGES, ROOT, SITE_URL)
BLOCKS = [x for x in EXPORTS if x.kind == "block"]
SCRIPTS = [x for x in EXPORTS if x.kind == "script"]
NOTEBOOKS = [x for x in EXPORTS if x.kind == "notebook"]
PROGRAMS = {(p.page.name, p.framework): p for page in PAGES for p in page.programs}
on_real_data = pytest.mark.skipif(
    bool(stand_ins(ROOT)), reason="stand-ins are in use: numbers do not count"
)


def chosen() -> list[Export]:
    """Return the programs to run: all, or a sample; each text once."""
    texts = {x.text[x.text.index("# ///\n\n") :]: x for x in BLOCKS}
    # A script whose statements are its page's is that program, which has run already.
    failing = [x for x in SCRIPTS if any(b.raises for b in program_of(x).blocks)]
    found = [x for x in [*texts.values(), *failing] if x.framework in selected()]
    chosen = random.Random(4).sample(found, min(SAMPLE, len(found)))
    return mine(found if ALL else chosen)


def modules() -> list[Export]:
    """Return what each module of snippets is to print when it is started.

    The outputs of the blocks that show what it does then, in its own order.
    """
    shown: dict[Path, dict[int, tuple[int, Block, str]]] = {}
    for program in PROGRAMS.values():
        for block in program.blocks:
            for line in block.lines:
                if line.number > start_of(line.file):
                    found = shown.setdefault(line.file, {})
                    place = int(block.where.rpartition(":")[2])
                    found.setdefault(place, (line.number, block, program.framework))
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
                text=START.format(root=str(ROOT), name=name, framework=framework),
            )
        )
    found = [x for x in exports if x.framework in selected()]
    return mine(found if ALL else random.Random(5).sample(found, min(4, len(found))))


def program_of(export: Export):
    """Return the program that a file was made of."""
    return PROGRAMS[export.page, export.framework]


by_path = pytest.mark.parametrize("export", EXPORTS, ids=lambda x: x.path)
CHOSEN = chosen()
MODULES = modules()


@pytest.fixture(scope="session")
def proofs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future]]:
    """Run what the chosen tests ask for side by side, on what others leave idle."""
    items = [x for x in request.session.items if "proofs" in x.fixturenames]
    exports = [x.callspec.params["export"] for x in items]
    of = sum(x.framework in selected() for x in BLOCKS)
    said = f"{sum(x.kind == 'block' for x in exports)} of {of} stand-alone programs"
    request.config.stash[PROVED] = said
    with ThreadPoolExecutor(
        os.cpu_count(), initializer=os.nice, initargs=(19,)
    ) as pool:
        found = {}
        for export in exports:
            if export.kind == "notebook":
                folder = tmp_path_factory.mktemp("notebook")
                work = partial(run_notebook, export, program_of(export), folder)
            else:
                known = not ALL and export.kind != "module"  # whose code lies elsewhere
                work = partial(prove, export, ROOT, use_cache=known)
            found[export.path] = pool.submit(work)
        yield found
        pool.shutdown(cancel_futures=True)


@on_real_data
@pytest.mark.parametrize("export", CHOSEN, ids=lambda x: x.path)
def test_program_prints_what_its_page_shows(
    proofs: dict[str, Future], export: Export
) -> None:
    hold(proofs[export.path])


@on_real_data
@pytest.mark.parametrize("export", MODULES, ids=lambda x: x.path)
def test_module_that_is_started_shows_the_same(
    proofs: dict[str, Future], export: Export
) -> None:
    hold(proofs[export.path])


def hold(run: Future) -> None:
    """Wait for a run; fail as it failed, without what pytest adds."""
    failure = run.exception()
    if isinstance(failure, Failure):
        pytest.fail(str(failure), pytrace=False)
    assert failure is None


@pytest.mark.parametrize("export", SCRIPTS, ids=lambda x: x.path)
def test_script_is_its_pages_program(export: Export) -> None:
    """Its statements are those that the pages' test runs; the rest are comments."""
    blocks = [x for x in program_of(export).blocks if not x.raises]
    expected = ast.parse("\n\n".join(x.text for x in blocks)).body
    found = [x for x in ast.parse(export.text).body if not isinstance(x, ast.Try)]
    found = [x for x in found if ast.unparse(x) != "import traceback"]
    expected = [x for x in expected if not isinstance(x, ast.Try)]
    assert list(map(ast.dump, found)) == list(map(ast.dump, expected))


@pytest.mark.parametrize("export", BLOCKS, ids=lambda x: x.path)
def test_program_ends_with_its_block(export: Export) -> None:
    number = int(export.path.split(".")[-2])
    block = program_of(export).blocks[number - 1]
    assert export.text.rstrip().endswith(block.text.strip("\n").rstrip())
    assert export.raises == block.raises


@by_path
def test_file_says_where_it_comes_from(export: Export) -> None:
    text = export.text
    page = address(export.page)
    for said in (f"Page: {SITE_URL}{page}", f"This file: {SITE_URL}{export.path}"):
        assert said in text
    if export.kind == "block":
        assert f", block {export.path.split('.')[-2]}\n" in text.split("Page: ")[0]
    assert re.search(r"Licence: MIT", text)
    assert re.search(
        rf"Verified: (\d{{4}}-\d\d-\d\d, |{re.escape(NOT_VERIFIED)})", text
    )


@pytest.mark.parametrize("export", [*SCRIPTS, *BLOCKS], ids=lambda x: x.path)
def test_metadata_pins_what_is_imported(export: Export) -> None:
    lines = re.search(r"(?s)^# /// script\n(.*?)^# ///$", export.text, re.MULTILINE)[1]
    listed = re.findall(r'^#     "([\w.-]+)==[\w.]+",$', lines, re.MULTILINE)
    assert '# requires-python = ">=3.11,<3.14"\n' in lines
    other = {"pytorch": "tensorflow", "tensorflow": "torch"}.get(export.framework)
    assert other not in listed
    for name in ("numpy", "torch", "tensorflow", "pooch", "matplotlib"):
        if re.search(rf"(?m)^(import|from) {name}\b", export.text):
            assert name in listed


RUN = [x for x in NOTEBOOKS if x.framework in selected()]
RUN = mine(RUN if ALL else [x for x in RUN if "logistic" in x.path])


def run_notebook(export: Export, program: Program, folder: Path) -> None:
    """Run a notebook in a fresh kernel; hold its cells against the page's blocks.

    It has a process for itself: several at once, and the environment of the programs.
    """
    (folder / "data").symlink_to(ROOT / "data", target_is_directory=True)
    book = nbformat.reads(export.text, as_version=4)
    shown = [cell for cell in book.cells if cell.cell_type == "code"][1:]
    promised = [[dict(x) for x in cell.outputs] for cell in shown]
    file = folder / Path(export.path).name
    file.write_text(export.text, encoding="utf-8")
    environment = machine.environment(ROOT)
    del environment["MPLBACKEND"]  # the kernel draws into the notebook
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", file.name]
    done = subprocess.run(
        [*command, "--timeout=600"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise AssertionError(f"{export.path}: {done.stderr[-3000:]}")
    book = nbformat.read(file, as_version=4)
    ran = [cell for cell in book.cells if cell.cell_type == "code"]
    assert ran[0].outputs == []  # all was installed
    for block, before, cell in zip(program.blocks, promised, ran[1:], strict=True):
        printed = "".join(x.text for x in cell.outputs if x.get("name") == "stdout")
        lines = [x.rstrip() for x in printed.rstrip().splitlines()]
        errors = [x for x in cell.outputs if x.output_type == "error"]
        lines += [f"{x.ename}: {x.evalue}".splitlines()[0] for x in errors]
        # IPython says the place of a syntax error in the line of its message.
        lines = [
            re.sub(r"^(SyntaxError: .*) \(\S+, line \d+\)$", r"\1", x) for x in lines
        ]
        said = block.output
        if said and not said.varies:
            assert first_difference(said.lines, lines, said.atol) is None, block.where
        drawn = [x for x in cell.outputs if x.output_type == "display_data"]
        assert len(drawn) == len(block.pictures), block.where
        assert sum(x["output_type"] == "display_data" for x in before) == len(drawn)


@on_real_data
@pytest.mark.parametrize("export", RUN, ids=lambda x: x.path)
def test_notebook_prints_what_its_page_shows(
    proofs: dict[str, Future], export: Export
) -> None:
    proofs[export.path].result()


@pytest.mark.parametrize(
    ("code", "told"),
    [("1 / 0", "ZeroDivisionError"), ("print(2)", r"docs/page\.md:11")],
)
def test_notebook_that_fails_is_refused(
    site: Site, tmp_path: Path, code: str, told: str
) -> None:
    site.add("print(1)", "1")
    site.add(code, "3")
    page = site.page()
    [export] = [x for x in export_all([page], site.root, "") if x.kind == "notebook"]
    with pytest.raises(AssertionError, match=told):
        run_notebook(export, page.programs[0], tmp_path)


def test_list_names_every_file(tmp_path: Path) -> None:
    write_all(EXPORTS, tmp_path)
    listed = json.loads((tmp_path / "programs.json").read_text(encoding="utf-8"))
    files = {x.relative_to(tmp_path).as_posix() for x in tmp_path.rglob("programs/*")}
    assert {x["path"] for x in listed} == files
    keys = {"page", "framework", "kind", "path", "output", "atol", "raises"}
    assert all(set(x) == keys for x in listed)
    assert len(files) == len(EXPORTS)


def made(site: Site, **facts) -> Export:
    """Return the page's last block's file, changed as told."""
    *_, last = export_all([site.page()], site.root, SITE_URL)
    return Export(**(last.__dict__ | facts))


def test_failing_block_hands_out_a_program_that_fails(site: Site) -> None:
    site.add("x = [1]")
    site.add("print(x)\nx[5]", "[1]\nIndexError: list index out of range", "raises")
    export = made(site)
    said = export.text.replace("\n# ", " ")
    assert "It fails as the page shows, and is meant to." in said
    assert prove(export, site.root)
    assert not prove(export, site.root)  # it has run as it is
    with pytest.raises(Failure, match="IndexError: list index"):
        prove(made(site, output=[None, "[1]", "IndexError: other"]), site.root)
    with pytest.raises(Failure, match=r"exit status 1\n  error (.*\n)+.*list index"):
        prove(made(site, raises=False), site.root)


def test_last_five_lines_of_a_failing_program_are_told(site: Site) -> None:
    code = "import sys\nfor n in range(7):\n    print(f'line {n}', file=sys.stderr)\n"
    site.add(f"{code}sys.exit(3)")
    with pytest.raises(Failure) as told:
        prove(made(site), site.root)
    lines = [x.split()[-1] for x in str(told.value).splitlines() if "line " in x]
    assert lines == list("23456")


def test_program_that_prints_something_else_is_told(site: Site) -> None:
    site.add("print(1.25)", "1.25")
    assert prove(made(site), site.root)
    with pytest.raises(Failure) as told:
        prove(made(site, output=[None, "1.75"]), site.root)
    first, *rest = str(told.value).split("\n")
    assert first == "programs/page.pytorch.1.py: does not print what docs/page.md shows"
    assert rest == ["  expected  1.75", "  printed   1.25"]


def test_script_goes_on_after_a_block_that_fails(site: Site) -> None:
    site.add("1 / 0", "ZeroDivisionError: division by zero", "raises")
    site.add("print(2)", "2")
    script = next(
        x for x in export_all([site.page()], site.root, SITE_URL) if x.kind == "script"
    )
    assert script.output == ["ZeroDivisionError: division by zero", "2"]
    assert prove(script, site.root)


@pytest.mark.parametrize(
    ("promised", "printed", "fits"),
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
    site: Site, promised: list, printed: list, fits: bool
) -> None:
    site.add("x = 1")
    assert (mismatch(made(site, output=promised), printed) is None) == fits


@pytest.mark.parametrize(
    ("promised", "printed", "expected", "was"),
    [
        (["a", "b", "c"], ["a", "x", "c"], "b", "x"),
        ([None, "b", "c"], ["a", "b", "x"], "c", "x"),
        ([None, "b", "c"], ["c"], "b", "c"),
        ([None, "b", None], ["a"], "b", "a"),
        (["a", "b"], ["a"], "b", "None"),
        (["a", "b", "c"], ["a", "b"], "c", "None"),
        (["a", "b", None, "a", "b"], ["a", "b"], "a", "None"),
    ],
)
def test_first_line_that_differs_is_told(
    site: Site, promised: list, printed: list, expected: str, was: str
) -> None:
    site.add("x = 1")
    said = f"  expected  {expected}\n  printed   {was}"
    assert mismatch(made(site, output=promised), printed) == said


def test_two_pages_of_one_name_are_refused(site: Site) -> None:
    site.add("x = 1")
    page = site.page()
    site.write("docs/more/page.md", site.text())
    pages = [page, *[x for x in read_pages(site.root) if x.name != page.name]]
    with pytest.raises(ValueError, match=r"docs/more/page\.md: docs/page\.md has the"):
        export_all(pages, site.root, SITE_URL)
