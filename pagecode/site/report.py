"""The address at which a reader reports a block: an issue, with what is known of it."""

from pathlib import Path
from urllib.parse import urlencode

from pagecode.read.page import Block

QUESTION = "What did you do, what did you expect, and what happened instead?"


def issue(
    repository: str, page: str, block: Block, root: Path, programs: dict[str, str]
) -> str:
    """Return the address of a new issue at a repository that is on GitHub or like it.

    `page` is the page's own address; `programs` says of each of the block's stand-alone
    programs with what it was verified.
    """
    first = next(line for line in block.shown_lines if line.strip())
    facts = {
        "Page": f"{page} ({block.where})",
        "Code": first.place(root),
        **{f"Verified, {path}": said for path, said in programs.items()},
    }
    body = "\n".join(f"{name}: {said}" for name, said in facts.items())
    words = {"title": f"Block at {block.where}", "body": f"{body}\n\n{QUESTION}\n"}
    return f"{repository}/issues/new?{urlencode(words)}"
