"""A page as a program: expand it, split it by framework, run it, compare, record.

Read in this order: `expand` (a page with its includes resolved), `page` (its blocks,
outputs and programs), `run` (the process in which one program runs), `compare` (shown
against printed), `verify` (programs, cache and results together), `record` (rewrite
outputs), `data` (fill `data/`), `hook` (what MkDocs calls; nothing else knows MkDocs).
"""
