# --8<-- [start:checkpoint]
"""Save a file so that a crash loses nothing; refuse one that is damaged or unfit."""

import os
import zipfile


def save(path, write):
    """Let `write(file)` write a new file, then put it in the place of the old one.

    Whoever opens the path finds the whole old file or the whole new one.
    """
    beside = f"{path}.new"
    with open(beside, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())  # wait until the disk has it
    os.replace(beside, path)
    if os.name == "posix":  # the new name is an entry of the folder: save that, too
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def check(path):
    """Raise ValueError unless the file is a whole archive with the right checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # reads all of it
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is cut off, or is no checkpoint") from error
    if damaged:
        raise ValueError(f"{path} is damaged: a checksum is wrong")


def check_shapes(path, found, wanted):
    """Raise ValueError unless arrays, {name: shape}, are those that a model needs."""
    for name in sorted(found.keys() | wanted.keys()):
        has, needs = found.get(name), wanted.get(name)
        if has != needs:
            raise ValueError(f"{path}: {name} is {has}, but the model needs {needs}")


# --8<-- [end:checkpoint]
