"""The commands behind the Makefile: `python -m pagecode verify | record | data | …`."""

import argparse
import os
import sys
import time
from concurrent.futures import wait
from pathlib import Path

from pagecode.book import data, new
from pagecode.frameworks import selected
from pagecode.give import kernel, needs, proof
from pagecode.prove import gpu, handover
from pagecode.prove.shard import mine, shard
from pagecode.prove.verify import Verifier, report
from pagecode.read.page import Page, programs_to_run, read_pages
from pagecode.run import repeat
from pagecode.run.process import Failure
from pagecode.run.record import record
from pagecode.run.runner import ROOM, Run


def follow(run: Run) -> None:
    """On a terminal, show which block of a program runs, and for how long."""
    if not sys.stdout.isatty() or os.environ.get("CI"):
        return
    for number, (block, future) in enumerate(run.results.items(), 1):
        started = time.monotonic()
        while not wait([future], timeout=0.5).done:
            said = f"  {run.program.framework}, block {number} of {len(run.results)}, "
            said += f"{block.where}: {time.monotonic() - started:.0f} s"
            print(f"\r\033[K{said}", end="", flush=True)
    print("\r\033[K", end="")


def verify(pages: list[Page], root: Path, *, use_cache: bool) -> int:
    """Verify every program of the pages; print one line each; return what failed."""
    faults = [fault for page in pages for fault in page.faults]
    faults += [fault for page in pages for fault in needs.faults(page, root)]
    for fault in faults:
        print(fault, file=sys.stderr)
    failed = len(faults)
    programs = programs_to_run(pages)
    with Verifier(root, use_cache=use_cache) as verifier:
        for run in verifier.start(programs):
            follow(run)
            for error in run.failures:
                print(error, file=sys.stderr)
            failed += len(run.failures)
            print(f"  {report(run)}", flush=True)
            failed += bool(run.stamp) and not notebook_runs(run, root, use_cache)
    return failed


def notebook_runs(run: Run, root: Path, use_cache: bool) -> bool:
    """Whether the notebook of a program runs, too; what takes long is not tried.

    Without the cache, it is.
    """
    program, seconds = run.program, run.stamp["seconds"]
    if use_cache and seconds > kernel.CHEAP:
        return True
    if not kernel.can_run(program):
        print(f"  {program.name}: its notebook is not run, for it starts processes")
        return True
    how = {"seconds": seconds, "use_cache": use_cache}
    try:
        if kernel.prove_notebook(program, root, **how):
            print(f"  {program.name}: its notebook ran", flush=True)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return False
    return True


def finish_site(root: Path, folder: str | None) -> int:
    """Write what is beside a site that was built; say what is wrong with it."""
    from pagecode.site import beside, book, check  # what no other command needs

    try:
        shown = book.book(root)
        site = root / (folder or shown.config.site_dir)
        if not (site / "index.html").is_file():
            raise ValueError(f"there is no site in {site}: build it first")
        beside.write_beside(shown, site)
        faults = shown.faults or check.check(shown, site)
    except ValueError as error:
        faults = [str(error)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return min(len(faults), 1)


def prove(pages: list[Page], root: Path, *, use_cache: bool) -> int:
    """Prove the slices of the pages; print what fell back; return 0.

    A slice that fails is no fault: its block's reader gets everything above it.
    """
    programs = programs_to_run(pages)
    proofs = mine([x for program in programs for x in proof.proofs_of(program)])
    ran = fell = 0
    for found in proof.prove(proofs, root, use_cache=use_cache):
        ran, fell = ran + found.ran, fell + bool(found.failed)
        if said := proof.report(found):
            print(f"  {said}", flush=True)
    short, of = len(proofs) - fell, len(proofs)
    print(f"  {short} of {of} blocks run with less than all above them; {ran} ran now")
    return 0


def main() -> int:
    """Run one command; return its exit status: 130 where it was interrupted."""
    try:
        return command()
    except OSError as error:
        what = f"cannot be read or written ({error.strerror})"
        print(f"{error.filename}: {what}" if error.filename else error, file=sys.stderr)
        print(f"  to do     {ROOM}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "interrupted: every file is as it was, or as it is to be", file=sys.stderr
        )
        return 130


def command() -> int:
    """Read the command line, and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m pagecode", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "verify": "run every page's programs and compare their outputs",
        "prove": "run what is handed out of single blocks; remember what is right",
        "record": "run them and rewrite the outputs that differ",
        "determinism": "run them with one and two threads; all must print the same",
        "soak": "run them many times in one go, and watch what grows or stays",
    }.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("page", nargs="*", help="as in models/x.md; else all")
        if name in ("verify", "prove"):
            sub.add_argument("--all", action="store_true", help="ignore the cache")
        if name == "soak":
            sub.add_argument("--times", type=int, default=10, help="10 by default")
    sub = commands.add_parser("data", help="fill data/", description=data.__doc__)
    sub.add_argument("--real", action="store_true", help="refuse stand-ins")
    text = "begin a chapter that verifies at once, for its author to fill"
    sub = commands.add_parser("chapter", help=text, description=text)
    sub.add_argument("name", help="of its folders, as in my_model")
    sub.add_argument("title", help="as in 'My model'")
    text = "write what is beside a built site, and hold the site against the book"
    sub = commands.add_parser("site", help=text, description=text)
    sub.add_argument("folder", nargs="?", help="where it was built; else mkdocs.yml's")
    for name, text in {
        "gpu": "fail unless the framework sees a GPU",
        "stamps": "write down what passed here, for `admit`",
        "admit": "take over what passed elsewhere",
    }.items():
        commands.add_parser(name, help=text, description=text)
    arguments = parser.parse_args()
    try:
        selected(), shard()
    except ValueError as error:
        parser.error(str(error))
    root = Path.cwd()
    if arguments.command == "data":
        return data.fill(root, real=arguments.real)
    if arguments.command == "chapter":
        return new.begin(arguments.name, arguments.title, root)
    if arguments.command == "gpu":
        return gpu.look(root)
    if arguments.command == "site":
        return finish_site(root, arguments.folder)
    try:
        pages = read_pages(root)
    except ValueError as error:  # in mkdocs.yml
        print(error, file=sys.stderr)
        return 1
    if arguments.command in ("stamps", "admit"):
        return getattr(handover, arguments.command)(pages, root)
    if unknown := set(arguments.page) - {page.name for page in pages}:
        known = "\n  ".join(page.name for page in pages)
        print(f"no page docs/{min(unknown)}; there are\n  {known}", file=sys.stderr)
        return 2
    pages = [page for page in pages if page.name in (arguments.page or [page.name])]
    if arguments.command == "verify":
        return min(verify(pages, root, use_cache=not arguments.all), 1)
    if arguments.command == "prove":
        return prove(pages, root, use_cache=not arguments.all)
    if arguments.command == "determinism":
        return repeat.determinism(arguments.page, root)
    if arguments.command == "soak":
        return repeat.soak(arguments.page, root, arguments.times)
    failed = 0
    for page in pages:
        try:
            print(f"  {record(page.path, root)} outputs rewritten in docs/{page.name}")
        except Failure as failure:
            print(failure, file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
