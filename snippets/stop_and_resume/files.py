"""The files that the page writes, as it writes them: for tests, and for the modules."""

from pathlib import Path

HERE = Path(__file__).parent
IMPORT = "from snippets.stop_and_resume import"
NAMES = {"checkpoint.py": "checkpoint", "train.py": "{}_train", "crash.py": "crash"}


def text_of(module):
    """Return a module as the page shows it: it imports what lies beside it."""
    lines = (HERE / f"{module}.py").read_text(encoding="utf-8").splitlines()
    kept = [x.replace(IMPORT, "import") for x in lines if "# --8<-- [" not in x]
    return "\n".join(kept) + "\n"


def write_files(framework, folder="."):
    """Write the files of a framework into a folder."""
    for name, module in NAMES.items():
        text = text_of(module.format(framework))
        (Path(folder) / name).write_text(text, encoding="utf-8")
