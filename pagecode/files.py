"""Write a file whole or not at all; hash one; list those that somebody wrote."""

import hashlib
import tempfile
from pathlib import Path


def write(target: Path, content: bytes | str) -> None:
    """Write the file beside its place, then rename it: whole or not at all.

    A link stays a link, and a file keeps who may read and write it.
    """
    target = target.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    content = content.encode() if isinstance(content, str) else content
    target.parent.mkdir(parents=True, exist_ok=True)
    # What a killed run leaves: Git ignores its end, and MkDocs its beginning.
    descriptor, name = tempfile.mkstemp(".new", f".{target.name}.", target.parent)
    beside = Path(name)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        beside.chmod(mode)
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


def visible(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the files below a folder, in order, without hidden ones (editors')."""
    found = (x for x in folder.rglob(pattern) if x.is_file())
    return sorted(x for x in found if "/." not in f"/{x.relative_to(folder)}")
