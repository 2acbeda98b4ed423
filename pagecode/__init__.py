"""A page as a program. The rooms, in the order that a page passes through them:

`read`   a page with its snippets included: its blocks, outputs, pictures, programs.
`run`    a program in a process of its own; what its blocks do, held against the page.
`prove`  what a pass depends on, and the stamps that remember it, here and elsewhere.
`give`   what a reader takes away: scripts, notebooks, stand-alone programs, Markdown.
`site`   what MkDocs and Python-Markdown call, and the check of what they built.

Beside them: `book`, what is this book's own (data, tables, formulas, new chapters);
`frameworks`, the only place that knows the frameworks' names; `files` and `git`, which
every room may use; `__main__`, the commands. CONTRIBUTING has a picture.
"""

import sys

if sys.platform == "win32":
    sys.exit(
        "pagecode runs on Linux, macOS or, on Windows, WSL: it needs Unix's processes\n"
        "  to do     `wsl --install`, then clone and make there"
    )
