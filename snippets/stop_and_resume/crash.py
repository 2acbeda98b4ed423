# --8<-- [start:imports]
"""Begin to save a checkpoint, and be killed in the middle.

python crash.py PATH beside|in-place
"""

import os
import signal
import sys

# --8<-- [end:imports]
from snippets.stop_and_resume import checkpoint


# --8<-- [start:crash]
def write(file):
    """Write half of a checkpoint; then this process is gone."""
    file.write(b"half of a checkpoint")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def main(path, how):
    """Save as `checkpoint.save` does, or into the old file."""
    if how == "beside":
        checkpoint.save(path, write)
    else:
        with open(path, "wb") as file:
            write(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
# --8<-- [end:crash]
