"""Change the code on purpose, a little at a time, and see whether a test notices.

    python -m tests.mutants                 all mutants; hours. What was tested stays so
    python -m tests.mutants --sample 300    some of them: --seed, or the day, chooses
    python -m tests.mutants --only PATTERN  those of the files whose path contains it

A mutant is the committed code with one operator, comparison, number, condition, loop or
handler changed. Cosmic Ray makes it, keeps what was found in sessions, and gives it to
`--ask` in a clone of the project. This runs the tests that reach the changed line, as
pytest-cov's contexts tell, and the pages that show it. A mutant is killed if one fails
or hangs. Otherwise it is alive: a test is missing, or the change changes nothing, which
`tests/equivalent.toml` then says, and why.
"""

import argparse
import ast
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections import defaultdict
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
KEPT = ROOT / ".cache" / "mutants"  # sessions, and which tests reach what
TOOLS = ROOT / ".cache" / "tools"  # Cosmic Ray and pytest-cov, with what they bring
CODE = ("pagecode", "snippets")
SEED = 123
ENOUGH = 0.95  # of the mutants that change something, killed
BUDGET = 240  # seconds of tests that a mutant is given to
LIMIT = 1200  # seconds after which what still runs has noticed
SAMPLE = 200  # of the snippets that are not gradients or cells
GROUPS = {
    "pagecode": "the machinery, `pagecode/`",
    "by hand": "gradients and cells by hand",
    "snippets": "a sample of the other snippets",
}
BY_HAND = ("_manual.py", "_model.py", "_more.py")  # levels, cells, fast ways
# Tests of all pages, and what begins others: they would notice all, or take minutes.
SLOW = ("pages", "programs", "browser", "reading", "memory", "install", "workflows")
PASSED = (0, 5)  # of pytest's statuses; 5: there was nothing to run
QUIET = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=line"]


def ask(reach_file: str) -> int:
    """Run the tests that could notice what is changed here; return 1 if one did.

    Nothing of the project is imported: it may be what is broken.
    """
    command = ["git", "diff", "--unified=0", "--", *CODE]
    changed = subprocess.run(command, capture_output=True, text=True).stdout
    path = re.findall(r"(?m)^\+\+\+ b/(.*)$", changed)[0]
    line = int(re.findall(r"(?m)^@@ -(\d+)", changed)[0])
    reach = json.loads(Path(reach_file).read_text(encoding="utf-8"))
    tests, longest = chosen(path, line, reach)
    hangs = f"faulthandler_timeout={60 + 2 * longest:.0f}"
    options = ["-x", "-o", hangs, "-o", "faulthandler_exit_on_timeout=true"]
    status = run("pytest", *QUIET, *options, *tests) if tests else 0
    if status == 4:  # a test that was asked for is not there: their whole files
        files = sorted({x.partition("::")[0] for x in tests})
        status = run("pytest", *QUIET, *options, *files)
    if status in PASSED and (pages := showing(path)):
        status = run("pagecode", "verify", *pages)
    return int(status not in PASSED)


def run(*words: str, root: Path | None = None, path: str = "") -> int:
    """Run a module in a clone, with the project and no other tools on its path."""
    root = root or Path.cwd()
    env = os.environ | {"PYTHONPATH": f"{root}{path}", "COVERAGE_CORE": "ctrace"}
    return subprocess.run([sys.executable, "-m", *words], cwd=root, env=env).returncode


def chosen(path: str, line: int, reach: dict) -> tuple[list[str], float]:
    """Return the tests that reach a line, its own first, and the slowest's seconds.

    Where coverage saw none (an import, another process, `tf.function`), all that reach
    the file; and where there is none, those of its room or chapter.
    """
    by_line, seconds = reach["lines"].get(path, {}), reach["seconds"]
    spans = [(line, line)]
    for x in ast.walk(ast.parse(Path(path).read_bytes())):
        if isinstance(x, ast.stmt):  # of one with a body, its head
            last = x.body[0].lineno - 1 if hasattr(x, "body") else x.end_lineno
            if x.lineno <= line <= max(last, x.lineno):
                spans.append((x.lineno, max(last, x.lineno)))
    first, last = min(spans[1:] or spans, key=lambda span: span[1] - span[0])
    tests = {x for n in range(first, last + 1) for x in by_line.get(str(n), ())}
    tests = tests or {x for found in by_line.values() for x in found}
    own = re.compile(
        rf"tests/({Path(path).parent.name}/|(.*/)?test_{Path(path).stem}\.)"
    )
    tests = tests or {x for x in seconds if own.match(x)}
    given, spent = [], 0.0
    for test in sorted(tests, key=lambda x: (not own.match(x), seconds.get(x, 1), x)):
        spent += seconds.get(test, 1)
        if given and spent > BUDGET:
            break
        given.append(test)
    return given, max((seconds.get(x, 1) for x in given), default=0)


def showing(path: str) -> list[str]:
    """Return the pages that show a part of a snippet."""
    said = f'"{path.removeprefix("snippets/")}:'
    pages = sorted(Path("docs").rglob("*.md")) if path.startswith("snippets/") else []
    shown = (x for x in pages if said in x.read_text(encoding="utf-8"))
    return [x.relative_to("docs").as_posix() for x in shown]


def clone(folder: Path) -> Path:
    """Return a clone of what is committed, with the data and what is known of pages.

    Its measured tables may be stale: they would be so for every mutant.
    """
    subprocess.run(["git", "clone", "-q", "--shared", ROOT, folder], check=True)
    for name in ("data", ".cache"):
        if (ROOT / name).exists():
            ignore = shutil.ignore_patterns("mutants", "tools", "lock")
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for path in folder.glob("docs/**/measured/*.json"):
        facts = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(facts | {"lasting": True}), encoding="utf-8")
    return folder


def find_reach(root: Path, workers: int) -> Path:
    """Return the file of what each test reaches, and of its seconds; by running them.

    One that fails as it is would notice every mutant: it is named, and not asked.
    """
    trees = ["git", "rev-parse", *(f"HEAD:{x}" for x in (*CODE, "tests"))]
    state = hashlib.sha256(subprocess.check_output(trees, cwd=ROOT)).hexdigest()[:16]
    kept = KEPT / f"reach-{state}.json"
    if kept.exists():
        return kept
    found = sorted((root / "tests").rglob("test_*.py"))
    files = [str(x.relative_to(root)) for x in found if x.stem[5:] not in SLOW]
    told = root / "tests.xml"
    options = ["--continue-on-collection-errors", f"--numprocesses={workers}"]
    options += ["--dist=loadfile", f"--junitxml={told}", "-o", "junit_family=xunit1"]
    options += [f"--cov={x}" for x in CODE] + ["--cov-context=test", "--cov-report="]
    run("pytest", *QUIET, *options, *files, root=root, path=f":{TOOLS}")
    from coverage import CoverageData

    seconds, failed = {}, set()
    for case in ET.parse(told).iter("testcase"):
        test = f"{case.get('file')}::{case.get('name')}"
        seconds[test] = float(case.get("time") or 0)
        if case.find("failure") is not None or case.find("error") is not None:
            print(f"fails as it is, and is not asked: {test}")
            failed.add(test)
    noted = CoverageData(str(root / ".coverage"))
    noted.read()
    lines: dict[str, dict] = {}
    for name in noted.measured_files():
        of_file = lines.setdefault(Path(name).relative_to(root).as_posix(), {})
        for line, said in noted.contexts_by_lineno(name).items():
            if tests := {x.rpartition("|")[0] for x in said} - failed - {""}:
                of_file[line] = sorted(tests)
    seconds = {test: took for test, took in seconds.items() if test not in failed}
    kept.write_text(json.dumps({"seconds": seconds, "lines": lines}))
    return kept


def group(path: str) -> str:
    """Return which of the table's rows counts a file's mutants."""
    if path.startswith("pagecode/"):
        return "pagecode"
    return "by hand" if path.endswith(BY_HAND) else "snippets"


def files() -> list[Path]:
    """Return the files of the code; a chapter's template is no chapter yet."""
    found = (x.relative_to(ROOT) for y in CODE for x in Path(ROOT, y).rglob("*.py"))
    return sorted(x for x in found if "template" not in x.parts)


def all_mutants(only: str) -> list:
    """Return a work item for each place and kind of change: all of pagecode and of what
    is by hand, and a sample of the rest.
    """
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import use_db

    choices = defaultdict(list)
    with TemporaryDirectory() as name, use_db(Path(name) / "all.sqlite") as found:
        init([x for x in files() if only in str(x)], found, {})
        for item in found.work_items:
            (made,) = item.mutations
            lines, spared = text_of(str(made.module_path))
            line = lines[made.start_pos[0] - 1]
            # Annotations compute nothing, and an exception with a dot is not replaced.
            if any(a <= made.start_pos and made.end_pos <= b for a, b in spared):
                continue
            if re.search(r"\bexcept\b.*\w\.\w", line):
                continue
            family = made.operator_name.split("_")[0]
            if "Variable" not in family:
                place = str(made.module_path), made.start_pos, made.end_pos, family
                choices[place].append(item)
    chosen, rest = [], []
    for place, items in sorted(choices.items()):
        items.sort(key=lambda x: x.mutations[0].operator_name)
        one = random.Random(f"{SEED} {place}").choice(items)
        (rest if group(place[0]) == "snippets" else chosen).append(one)
    return chosen + random.Random(SEED).sample(rest, min(SAMPLE, len(rest)))


@cache
def text_of(path: str) -> tuple[list[str], list[tuple]]:
    """Return a file's lines, and from where to where its annotations are."""
    text = (ROOT / path).read_text(encoding="utf-8")
    nodes = [
        getattr(node, name, None)
        for node in ast.walk(ast.parse(text))
        for name in ("annotation", "returns")
    ]
    return text.splitlines(), [
        ((x.lineno, x.col_offset), (x.end_lineno, x.end_col_offset)) for x in nodes if x
    ]


def test_all(items: list, workers: int) -> list[tuple[str, str, str, bool]]:
    """Test the mutants; return of each its file, line before and after, and if killed.

    Each worker has a session, which a second call takes up where the first one ended.
    """
    from cosmic_ray.work_db import use_db

    told = "\n".join(f"{x.mutations}" for x in items)
    code = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=ROOT, text=True)
    name = hashlib.sha256(f"{code}{told}{workers}".encode()).hexdigest()[:16]
    with TemporaryDirectory(prefix="mutants-") as folder:
        clones = [clone(Path(folder) / str(n)) for n in range(workers)]
        reach = find_reach(clones[0], workers)
        paths = {str(x.mutations[0].module_path) for x in items}
        if any(map(showing, paths)) and run("pagecode", "verify", root=clones[0]):
            sys.exit("a page fails as it is: it would notice every mutant")
        running, sessions = [], []
        for number, root in enumerate(clones):
            sessions.append(KEPT / f"{name}-{number}.sqlite")
            if not sessions[-1].exists():
                with use_db(sessions[-1]) as session:
                    session.add_work_items(items[number::workers])
            settings = Path(folder) / f"{number}.toml"
            command = f"{sys.executable} -m tests.mutants --ask {reach}"
            settings.write_text(
                f'[cosmic-ray]\ntimeout = {LIMIT}\ntest-command = "{command}"\n'
                '[cosmic-ray.distributor]\nname = "local"\n'
            )
            words = [
                sys.executable,
                "-m",
                "cosmic_ray.cli",
                "exec",
                settings,
                sessions[-1],
            ]
            env = os.environ | {"PYTHONPATH": f"{root}:{TOOLS}"}
            running.append(subprocess.Popen(words, cwd=root, env=env))
        for process in running:
            process.wait()
    found = []
    for path in sessions:
        with use_db(path) as session:
            found += session.completed_work_items
    return [
        (str(item.mutations[0].module_path), *difference(result.diff), result.is_killed)
        for item, result in found
        if result.worker_outcome == "normal"
    ]


def difference(diff: str) -> tuple[str, str]:
    """Return the first line that a change changes, before and after."""
    before, after = (
        [
            x[1:].strip()
            for x in diff.splitlines()
            if re.match(rf"[{sign}](?![{sign}])", x)
        ]
        for sign in ("-", "+")
    )
    return (before or [""])[0], (after or [""])[0]


def read_equivalent() -> set[tuple[str, str, str]]:
    """Return those that change nothing; name the entries whose line is gone."""
    listed = tomllib.loads((ROOT / "tests/equivalent.toml").read_text("utf-8"))[
        "mutant"
    ]
    for x in listed:
        path = ROOT / x["path"]
        if not path.exists() or x["before"] not in path.read_text("utf-8"):
            print(f"tests/equivalent.toml: {x['path']} no longer has: {x['before']}")
    return {(x["path"], x["before"], x["after"]) for x in listed}


def tell(made: dict[str, int], found: list, equivalent: set) -> tuple[list, bool]:
    """Print who is alive; return the rows of the table, and whether a score is low."""
    rows, low = [], False
    alive = [x[:3] for x in found if not x[3] and x[:3] not in equivalent]
    for path, before, after in alive:
        print(f"alive: {path}\n  - {before}\n  + {after}")
    for name, label in GROUPS.items():
        of = [x for x in found if group(x[0]) == name]
        same = sum(not x[3] and x[:3] in equivalent for x in of)
        killed = sum(x[3] for x in of)
        if meant := len(of) - same:
            low |= killed / meant < ENOUGH
            number = (
                f"{len(of):,}"
                if len(of) == made[name]
                else f"{len(of):,} of {made[name]:,}"
            )
            counts = (same, killed, meant - killed)
            rows.append(
                [label, number, *(f"{x:,}" for x in counts), f"{killed / meant:.1%}"]
            )
    return rows, low


def main() -> int:
    """Test the mutants, tell which are alive, and keep the score of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, help="how many of them, chosen by a seed")
    # Fresh, so that no test was written for these.
    day = date.today().toordinal()
    parser.add_argument("--seed", type=int, default=day, help="by default the day")
    parser.add_argument("--only", default="", help="a part of their file's path")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        return ask(given.ask)
    sys.path.append(str(TOOLS))
    from importlib.metadata import version

    from pagecode.book import measured

    equivalent = read_equivalent()
    items = all_mutants(given.only)
    made = dict.fromkeys(GROUPS, 0)
    for item in items:
        made[group(str(item.mutations[0].module_path))] += 1
    if given.sample:
        print(f"chosen by --seed {given.seed}")
        count = min(given.sample, len(items))
        items = random.Random(given.seed).sample(items, count)
    print(f"{len(items)} mutants of {sum(made.values())}", flush=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    found = test_all(items, int(os.environ.get("JOBS") or min(os.cpu_count() or 1, 4)))
    rows, low = tell(made, found, equivalent)
    changed = f"changed by Cosmic Ray {version('cosmic-ray')}"
    head = [changed, "mutants", "equivalent", "killed", "alive", "score"]
    print(measured.table([head, *rows]))
    if not given.only:
        path = measured.place("about/how-it-is-verified.md", "mutants")
        tables, again = {"score": [head, *rows]}, "make mutants"
        measured.keep(path, tables, map(str, files()), ROOT, again=again, lasting=True)
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
