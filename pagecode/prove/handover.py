"""Hand stamps over from where programs ran to where their site is built.

A stamp's key names the machine and the packages that it holds for, so another machine
does not find it. `stamps` writes down what passed here; `admit`, elsewhere, takes over
a stamp for each program that reads the same to the letter, at the same commit. Nothing
that ran on stand-ins, or on files that were not committed, is handed over.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from pagecode.git import git
from pagecode.prove import keys, store
from pagecode.read.page import Page, programs_to_run

FOLDER = "verified"


def refusal(stamp: dict[str, Any] | None) -> str:
    """Return why a stamp is not good enough to publish; nothing where it is."""
    if not stamp:
        return "has not passed"
    if stamp["stand_ins"]:
        return f"ran on stand-ins for {', '.join(stamp['stand_ins'])}"
    return "ran on files that are not committed" if stamp["dirty"] else ""


def refuse(reasons: list[str], to_do: str) -> int:
    """Print why nothing is handed over; return the exit status."""
    for reason in reasons:
        print(reason, file=sys.stderr)
    if reasons:
        print(f"  to do     {to_do}", file=sys.stderr)
    return min(len(reasons), 1)


def stamps(pages: list[Page], root: Path) -> int:
    """Write FRAMEWORK's stamps into `verified/`; return 1 where one is missing."""
    known, around = store.stamps(root), keys.surroundings(root)
    found: list[dict[str, Any]] = []
    reasons = [str(fault) for page in pages for fault in page.faults]
    for program in programs_to_run(pages):
        stamp = known.get(keys.key(program, root, around))
        if why := refusal(stamp):
            reasons.append(f"{program.name}: {why}")
        elif stamp:
            found.append(stamp)
    if reasons:
        return refuse(reasons, "mend it, commit, and run `make verify` again")
    file = root / FOLDER / f"{os.environ.get('FRAMEWORK') or 'all'}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} programs passed: {file.relative_to(root)}")
    return 0


def admit(pages: list[Page], root: Path) -> int:
    """Take over every stamp from `verified/`; return 1 where one is missing."""
    handed: dict[str, dict[str, Any]] = {}
    for file in sorted((root / FOLDER).glob("*.json")):
        handed |= {x["content"]: x for x in json.loads(file.read_text("utf-8"))}
    commit, around = (
        git(root, "rev-parse", "--verify", "-q", "HEAD"),
        keys.surroundings(root),
    )
    reasons = [str(fault) for page in pages for fault in page.faults]
    admitted: dict[str, dict[str, Any]] = {}
    for program in (program for page in pages for program in page.programs):
        stamp = handed.get(keys.digest(keys.content(program, root)))
        why = refusal(stamp)
        if stamp and not why and stamp["commit"] != commit:
            why = f"passed at commit {stamp['commit']}, not here, at {commit}"
        if why:
            reasons.append(f"{program.name}: {why}")
        elif stamp:
            admitted[keys.key(program, root, around)] = stamp
    if reasons:
        return refuse(reasons, "let `make verify` pass for every framework first")
    for a_key, stamp in admitted.items():
        store.keep(a_key, stamp, root)
    print(f"{len(admitted)} programs passed where they ran")
    return 0
