"""The files that the page writes, as it writes them: for tests, and for the modules."""

import re
from pathlib import Path

HERE = Path(__file__).parent
IMPORT = re.compile(r"^from snippets\.\w+ import", re.MULTILINE)
NAMES = {"checkpoint.py": "checkpoint", "train.py": "{}_train", "crash.py": "crash"}


def text_of(path):
    """Return a module as a page shows it: it imports what lies beside it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = "\n".join(x for x in lines if "# --8<-- [" not in x) + "\n"
    return IMPORT.sub("import", kept)


def write_files(framework, folder="."):
    """Write the files of a framework into a folder."""
    for name, module in NAMES.items():
        text = text_of(HERE / f"{module.format(framework)}.py")
        (Path(folder) / name).write_text(text, encoding="utf-8")
