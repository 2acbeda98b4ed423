"""Stop a training and resume it, in either framework: what belongs to both.

    python -m snippets.stop_and_resume.resume pytorch

It works in the folder in which it is started, as the page's program does.
"""

# --8<-- [start:imports]
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

# --8<-- [end:imports]
from snippets.stop_and_resume.files import write_files


# --8<-- [start:flip]
def flip_a_bit(path):
    """Change one bit in the middle of an archive's largest array."""
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda x: x.file_size)
    content = bytearray(Path(path).read_bytes())
    content[largest.header_offset + largest.file_size // 2] ^= 1
    Path(path).write_bytes(content)


# --8<-- [end:flip]


# --8<-- [start:stranger]
class Stranger:
    """An object that asks pickle to call a function when it is loaded."""

    def __reduce__(self):
        return print, ("This call came with the file.",)


# --8<-- [end:stranger]

if __name__ == "__main__":
    write_files(sys.argv[1])
    whole = [sys.executable, "train.py", "whole"]
    subprocess.run(whole, check=True, stdout=subprocess.DEVNULL)
    # --8<-- [start:import_checkpoint]
    import checkpoint

    # --8<-- [end:import_checkpoint]
    # --8<-- [start:from_train]
    from train import BATCH_SIZE, SEED, STEPS, Training

    # --8<-- [end:from_train]
    # --8<-- [start:kill]
    process = subprocess.Popen(
        [sys.executable, "train.py", "killed"], stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line == "Saved at step 200\n":
            process.kill()
            break
    process.wait()

    step = int(Training().read("killed/last.ckpt")["step"])
    print("Exit status:", process.returncode)
    print("Killed in the middle:", 200 <= step < STEPS)
    # --8<-- [end:kill]
    killed = [sys.executable, "train.py", "killed"]
    subprocess.run(killed, check=True, stdout=subprocess.DEVNULL)

    # --8<-- [start:compare]
    never_stopped, resumed = Training(), Training()
    never_stopped.load_state(never_stopped.read("whole/last.ckpt"))
    resumed.load_state(resumed.read("killed/last.ckpt"))
    same = np.array_equal(never_stopped.weights(), resumed.weights())
    print(f"{len(resumed.weights()):,} weights, the same bit for bit: {same}")
    # --8<-- [end:compare]

    # --8<-- [start:crash]
    shutil.copy("whole/last.ckpt", "good.ckpt")
    for how in ("beside", "in-place"):
        shutil.copy("good.ckpt", "crashed.ckpt")
        crash = [sys.executable, "crash.py", "crashed.ckpt", how]
        status = subprocess.run(crash).returncode
        try:
            checkpoint.check("crashed.ckpt")
            print(f"{how}: exit status {status}, the old checkpoint still loads")
        except ValueError as error:
            print(f"{how}: exit status {status}, {error}")
    # --8<-- [end:crash]

    # --8<-- [start:left_out]
    checkpoint.save("fresh.ckpt", Training().write)
    whole = Training()
    whole.run(250)
    checkpoint.save("middle.ckpt", whole.write)
    whole.run(STEPS)

    fresh, middle = whole.read("fresh.ckpt"), whole.read("middle.ckpt")
    parts = ["model", "optimizer", "schedule", "dropout", "shuffle", "place"]
    for part in ["nothing", *parts]:
        mixed = {
            name: fresh[name] if name.startswith(part) else middle[name]
            for name in middle
        }
        resumed = Training()
        resumed.load_state(mixed)
        resumed.run(STEPS)
        apart = np.abs(resumed.weights() - whole.weights()).max()
        print(f"Left out: {part:9} | weights apart by {apart:.2f}")
    # --8<-- [end:left_out]

    # --8<-- [start:run_flip]
    shutil.copy("good.ckpt", "flipped.ckpt")
    flip_a_bit("flipped.ckpt")
    # --8<-- [end:run_flip]
    try:
        # --8<-- [start:flipped]
        Training().read("flipped.ckpt")
        # --8<-- [end:flipped]
    except ValueError as error:
        print("ValueError:", error)
    try:
        # --8<-- [start:cut]
        Path("cut.ckpt").write_bytes(Path("good.ckpt").read_bytes()[:30_000])
        Training().read("cut.ckpt")
        # --8<-- [end:cut]
    except ValueError as error:
        print("ValueError:", error)
    try:
        # --8<-- [start:shape]
        Training(width=32).read("good.ckpt")
        # --8<-- [end:shape]
    except ValueError as error:
        print("ValueError:", error)

    # --8<-- [start:unpickle]
    data = pickle.dumps(Stranger())
    pickle.loads(data)
    # --8<-- [end:unpickle]

    # --8<-- [start:epochs]
    class Stateless(Training):
        """A training whose order follows from the seed and the step alone."""

        def next_batch(self):
            """Return the indices of the next batch."""
            batches = -(-len(self.targets) // BATCH_SIZE)  # of an epoch, rounded up
            epoch, place = divmod(self.step, batches)
            rng = np.random.default_rng([SEED, epoch])
            order = rng.permutation(len(self.targets))
            return order[BATCH_SIZE * place : BATCH_SIZE * (place + 1)]

    whole = Stateless()
    whole.run(250)
    checkpoint.save("stateless.ckpt", whole.write)
    whole.run(STEPS)

    state = whole.read("stateless.ckpt")
    kept = {x: state[x] for x in state if not x.startswith(("shuffle", "place"))}
    resumed = Stateless()
    resumed.load_state(fresh | kept)
    resumed.run(STEPS)
    print("Same weights:", np.array_equal(resumed.weights(), whole.weights()))
    # --8<-- [end:epochs]

    # --8<-- [start:interval]
    save_seconds, crash_hours = 30, 24
    interval = (2 * save_seconds * 3600 * crash_hours) ** 0.5
    lost = save_seconds / interval + interval / 2 / (3600 * crash_hours)
    print(f"Save every {interval / 60:.0f} minutes; that costs {100 * lost:.1f}%")
    # --8<-- [end:interval]
