"""Hand over what passed from where it ran to where its site is built.

A key names the machine and a stamp the packages that it holds for, so another machine
does not find it. `stamps` writes down what passed here; `admit`, elsewhere, takes over
a stamp for each program that reads the same to the letter, at the same commit, and the
proofs of what is handed out. Nothing that ran on stand-ins, or on files that were not
committed, is handed over.
"""

import json
import re
import sys
from pathlib import Path

from pagecode import git
from pagecode.files import write
from pagecode.prove import keys, store
from pagecode.prove.inputs import Here, code_of
from pagecode.prove.shard import leg, mine
from pagecode.prove.store import SLICES, STAMPS, Facts, Known
from pagecode.read.page import Page, programs_to_run

FOLDER = "verified"
FILE = re.compile(r"^([a-z]+)(?:-(\d+)-of-(\d+))?\.json$")


def refusal(stamp: Facts | None) -> str:
    """Return why a stamp is not good enough to publish; nothing where it is."""
    if not stamp:
        return "has not passed"
    if stamp["stand_ins"]:
        return f"ran on stand-ins for {', '.join(stamp['stand_ins'])}"
    if stamp["dirty"] or not stamp["commit"]:
        return (
            f"ran on files that are not committed ({stamp['changed'] or 'no commit'})"
        )
    return ""


def refuse(reasons: list[str], to_do: str) -> int:
    """Print why nothing is handed over; return the exit status."""
    for reason in reasons:
        print(reason, file=sys.stderr)
    print(f"  to do     {to_do}", file=sys.stderr)
    return 1


def stamps(pages: list[Page], root: Path) -> int:
    """Write what passed here, of FRAMEWORK and SHARD, into `verified/`.

    Returns 1 where a program has not passed.
    """
    known, passed = Known(STAMPS, root), dict[str, Facts]()
    reasons = [str(fault) for page in pages for fault in page.faults]
    for program in mine(programs_to_run(pages)):
        key = keys.key(program, root)
        stamp = known.find(key, code_of(program))
        if why := refusal(stamp):
            reasons.append(f"{program.name}: {why}")
        elif stamp:
            passed[key] = stamp
    if reasons:
        return refuse(reasons, "mend it, commit, and run `make verify` again")
    slices = {x: y for x, y in Known(SLICES, root).holding().items() if not refusal(y)}
    facts = {"commit": git.state(root).commit, "programs": passed}
    file = root / FOLDER / f"{leg()}.json"
    write(file, json.dumps(facts | {"slices": slices}, indent=1) + "\n")
    print(f"{len(passed)} programs passed: {file.relative_to(root)}")
    return 0


def handed_over(
    root: Path, commit: str
) -> tuple[dict[str, dict[str, Facts]], list[str]]:
    """Return what is in `verified/`, and what is wrong with its files."""
    found: dict[str, dict[str, Facts]] = {"programs": {}, "slices": {}}
    shards, wrong = dict[str, set[tuple[int, int]]](), list[str]()
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            _, name, number, count, _ = FILE.split(path.name)
            facts = json.loads(path.read_text("utf-8"))
            of = facts["commit"]
            for kind, stamps in found.items():
                stamps |= facts[kind]
        except (AttributeError, KeyError, TypeError, ValueError):
            wrong.append(f"{FOLDER}/{path.name}: is no file that `make verify` wrote")
        else:
            shards.setdefault(name, set()).add((int(number or 1), int(count or 1)))
            if of != commit:
                said = f"is of commit {of}, not of {commit}, which is here"
                wrong.append(f"{FOLDER}/{path.name}: {said}")
    for name, there in shards.items():
        counts = sorted({count for _, count in there})
        if len(counts) > 1:
            several = " and of ".join(map(str, counts))
            wrong.append(f"{FOLDER}: {name} was handed over in shards of {several}")
        missing = sorted({(x, counts[-1]) for x in range(1, counts[-1] + 1)} - there)
        wrong += [f"{FOLDER}/{name}-{x}-of-{y}.json: is missing" for x, y in missing]
    return found, wrong


def contradiction(stamp: Facts, commit: str, here: Here) -> str:
    """Return in what this project is not as the run had it; nothing where it is.

    Data that are not here contradict nothing: a site is built without any.
    """
    if stamp["commit"] != commit:
        return f"passed at commit {stamp['commit']}, not here, at {commit}"
    if unlike := here.unlike(stamp["used"]):
        return f"passed with {unlike}, which is not what requirements/ pins"
    data = stamp["used"]["data"].items()
    others = (name for name, was in data if here.data(name) not in (None, was))
    return next((f"read another data/{name} than is here" for name in others), "")


def bound(stamps: dict[str, Facts], here: Here) -> dict[str, Facts]:
    """Return stamps as of runs on this machine, with the data as they are here."""
    found = {}
    for key, stamp in stamps.items():
        data = {name: here.data(name) for name in stamp["used"]["data"]}
        used = stamp["used"] | {"data": data}
        found[f"{key}-{keys.digest(used)}"] = stamp | {"used": used}
    return found


def admit(pages: list[Page], root: Path) -> int:
    """Take over what passed from `verified/`; return 1 where something is missing."""
    programs = [program for page in pages for program in page.programs]
    now = git.state(root, {x for program in programs for x in keys.files(program)})
    handed, reasons = handed_over(root, now.commit)
    reasons += [str(fault) for page in pages for fault in page.faults]
    if now.changed:
        reasons.append(f"this project is not as it was committed: {now.changed}")
    here, admitted = Here(root), dict[str, Facts]()
    by_content = {x["content"]: x for x in handed["programs"].values()}
    for program in programs:
        key = keys.key(program, root)
        stamp = by_content.get(key.partition("-")[0])
        why = refusal(stamp)
        if stamp and not (why := why or contradiction(stamp, now.commit, here)):
            admitted[key] = stamp
        else:
            reasons.append(f"{program.name}: {why}")
    if reasons:
        return refuse(reasons, "let `make verify` pass for every framework first")
    slices = {
        f"{x['content']}-": x
        for x in handed["slices"].values()
        if not (refusal(x) or contradiction(x, now.commit, here))
    }
    store.keep(STAMPS, bound(admitted, here), root)
    store.keep(SLICES, bound(slices, here), root)
    print(f"{len(admitted)} programs passed where they ran")
    return 0
