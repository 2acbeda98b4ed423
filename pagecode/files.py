"""Write a file whole or not at all; hash one."""

import hashlib
import tempfile
from pathlib import Path


def write(target: Path, content: bytes | str) -> None:
    """Write the file beside its place, then rename it: whole or not at all."""
    content = content.encode() if isinstance(content, str) else content
    target.parent.mkdir(parents=True, exist_ok=True)
    # What a killed run leaves: Git ignores its end, and MkDocs its beginning.
    descriptor, name = tempfile.mkstemp(".new", f".{target.name}.", target.parent)
    beside = Path(name)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        beside.chmod(0o644)
        beside.replace(target)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError):  # writing does not say where
            error.filename = error.filename or str(target)
        raise


def sha256(path: Path) -> str:
    """Return the file's hash."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
