"""The process of one framework in a benchmark: it runs what it is told to, and waits.

While one framework's process runs, the others sleep: variants of all frameworks take
turns in one session, each as undisturbed as if it were alone.
"""

import gc
import io
import json
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path


def clock(run, loops):
    """Return the seconds that one of so many runs took, and what the last returned."""
    start = time.perf_counter()
    for _ in range(loops):
        returned = run()
    return (time.perf_counter() - start) / loops, returned


def peak_bytes():
    """Return the most memory that this process has held at a time; None if unknown.

    Not `getrusage`, which begins with the memory of the process that started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        return None
    return 1024 * int(next(x.split()[1] for x in lines if x.startswith("VmHWM")))


def own_files():
    """Return the project's own files that were imported: what is being measured."""
    root = Path(__file__).parent.parent
    found = (getattr(x, "__file__", None) for x in list(sys.modules.values()))
    paths = (Path(x).relative_to(root) for x in found if x and root in Path(x).parents)
    return sorted(
        x.as_posix() for x in paths if x.parts[0] in ("benchmarks", "snippets")
    )


def serve(races, measure=clock):
    """Tell what there is to run; then answer each line of standard input.

    A line is `{"race": …, "variant": …, "loops": …}`. `races[race][variant]` prepares a
    variant and returns two functions. The first is run, so many times, and timed. The
    second takes the lines that one run printed, and what it returned; it says what was
    computed, as lists of lines by their name.
    """
    listed = {race: list(variants) for race, variants in races.items()}
    print(json.dumps({"races": listed, "files": own_files()}), flush=True)
    prepared = {}
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked["race"], asked["variant"]
        if name not in prepared:
            prepared[name] = races[name[0]][name[1]]()
        run, tell = prepared[name]
        gc.collect()
        gc.disable()
        with redirect_stdout(io.StringIO()) as printed:
            seconds, returned = measure(run, asked["loops"])
        gc.enable()
        lines = printed.getvalue().splitlines()
        result = tell(lines[: len(lines) // asked["loops"]], returned)
        told = {"seconds": seconds, "result": result, "peak": peak_bytes()}
        print(json.dumps(told), flush=True)
