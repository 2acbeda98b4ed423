"""The commands behind the Makefile: `python -m pagecode verify | record | data`."""

import argparse
import os
import sys
import time
from concurrent.futures import wait
from pathlib import Path

from pagecode import data
from pagecode.page import Page, Program, read_pages
from pagecode.record import record
from pagecode.verify import NOT_RUN, Failure, Verifier, report


def follow(program: Program) -> None:
    """On a terminal, show which block of a program runs, and for how long."""
    if not sys.stdout.isatty() or os.environ.get("CI"):
        return
    for number, (block, future) in enumerate(program.results.items(), 1):
        started = time.monotonic()
        while not wait([future], timeout=0.5).done:
            said = f"  {program.framework}, block {number} of {len(program.results)}, "
            said += f"{block.where}: {time.monotonic() - started:.0f} s"
            print(f"\r\033[K{said}", end="", flush=True)
    print("\r\033[K", end="")


def verify(pages: list[Page], root: Path, *, use_cache: bool) -> int:
    """Verify every program of the pages; print one line each; return what failed."""
    faults = [fault for page in pages for fault in page.faults]
    for fault in faults:
        print(fault, file=sys.stderr)
    failed = len(faults)
    programs = [program for page in pages for program in page.programs()]
    with Verifier(root, use_cache=use_cache) as verifier:
        verifier.start(programs)
        for program in programs:
            follow(program)
            errors = [e for f in program.results.values() if (e := f.exception())]
            for error in errors:
                if not str(error).startswith(NOT_RUN):
                    print(error, file=sys.stderr)
            failed += len(errors)
            print(f"  {report(program)}", flush=True)
    return failed


def main() -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m pagecode", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "verify": "run every page's programs and compare their outputs",
        "record": "run them and rewrite the outputs that differ",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("page", nargs="*", help="as in models/x.md; else all")
        if name == "verify":
            command.add_argument("--all", action="store_true", help="ignore the cache")
    commands.add_parser("data", help="fill data/", description=data.__doc__)
    arguments = parser.parse_args()
    root = Path.cwd()
    if arguments.command == "data":
        return data.fill(root)
    pages = read_pages(root)
    if unknown := set(arguments.page) - {page.name for page in pages}:
        known = "\n  ".join(page.name for page in pages)
        print(f"no page docs/{min(unknown)}; there are\n  {known}", file=sys.stderr)
        return 2
    pages = [page for page in pages if page.name in (arguments.page or [page.name])]
    if arguments.command == "verify":
        return min(verify(pages, root, use_cache=not arguments.all), 1)
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
