"""The process of one framework in a benchmark: it runs what it is told to, and waits.

    python -m benchmarks.worker speed CHAPTER FRAMEWORK ROWS
    python -m benchmarks.worker parity CHAPTER FRAMEWORK

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

from benchmarks import ROOT, declared


def clock(run, loops):
    """Return the seconds that one of so many runs took, and what the last returned."""
    start = time.perf_counter()
    for _ in range(loops):
        returned = run()
    return (time.perf_counter() - start) / loops, returned


def clock_on_gpu(run, loops):
    """Return what clock does, timed by the GPU's own events: for PyTorch's runs."""
    import torch

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    for _ in range(loops):
        returned = run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1000 / loops, returned


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
    found = (getattr(x, "__file__", None) for x in list(sys.modules.values()))
    paths = (Path(x).relative_to(ROOT) for x in found if x and ROOT in Path(x).parents)
    return sorted(
        x.as_posix() for x in paths if x.parts[0] in ("benchmarks", "snippets")
    )


def serve(races, measure=clock):
    """Tell what there is to run; then answer each line of standard input.

    A line is `{"race": …, "variant": …, "loops": …}`. `races[race][variant]` prepares a
    variant and returns two functions. The first is run, so many times, and timed. The
    second takes the lines that one run printed, and what it returned; it says what was
    computed, as lists of lines by their name. It is None where nothing was.
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
        lines = lines[: len(lines) // asked["loops"]]
        result = tell(lines, returned) if tell else None
        told = {"seconds": seconds, "result": result, "peak": peak_bytes()}
        print(json.dumps(told), flush=True)


def main(task, chapter, framework, rows="0"):
    """Do what the command line says."""
    ways = declared(chapter)
    if task == "speed":
        races = ways.races(framework, int(rows))
        torch = sys.modules.get("torch")
        serve(races, clock_on_gpu if torch and torch.cuda.is_available() else clock)
    else:
        from snippets.same_numbers.compare import save_runs

        with redirect_stdout(sys.stderr):
            save_runs("runs.npz", ways.train(framework))
        print(json.dumps(own_files()))


if __name__ == "__main__":
    main(*sys.argv[1:])
