"""What the tests of this room read beside what they import (tests/memory.py)."""

READS = ["pagecode", "mkdocs.yml"]
