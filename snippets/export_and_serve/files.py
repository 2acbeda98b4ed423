"""The files that the page writes, as it writes them: for tests, and for the modules."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from runpy import run_module

from snippets.stop_and_resume.files import text_of

HERE = Path(__file__).parent
NAMES = ["predict.py", "serve.py"]


def write_files(folder="."):
    """Write the files into a folder."""
    for name in NAMES:
        (Path(folder) / name).write_text(text_of(HERE / name), encoding="utf-8")


def export(framework):
    """Export a framework's model here, and print nothing; return the module's names."""
    with redirect_stdout(io.StringIO()):
        return run_module(
            f"snippets.export_and_serve.{framework}_export", run_name="__main__"
        )
