"""A page as a program: expand it, split it by framework, run it, compare, record.

Read in this order: `expand` (a page with its includes resolved), `page` (its blocks,
outputs, pictures and programs), `run` and `figure` (what happens in the process of one
program), `process` (the other end of that process), `compare` (shown against made),
`verify` (programs judged block by block), `cache` (what a pass stands on), `record`
(rewrite outputs and pictures), `data` (fill `data/`). What is handed out: `standalone`
(a block and what it needs), `parts` (a page as plain Markdown and blocks), `notebook`,
`export` (all files), `prove` (run one of them), `plain` (a page as one Markdown file).
`stamps` says in words what was verified; `report` makes the address at which a block
is reported; `rosetta` makes a table of functions, `measured` keeps what a benchmark
found and makes tables of it. For servers: `gpu` (does the framework see one),
`handover` (stamps to another machine), `repeat` (are the outputs the same each time,
and does nothing grow). Last `hook`: what MkDocs calls; nothing else knows MkDocs.
"""

import sys

if sys.platform == "win32":
    sys.exit(
        "pagecode runs on Linux, macOS or, on Windows, WSL: it needs Unix's processes\n"
        "  to do     `wsl --install`, then clone and make there"
    )
