"""A slice is handed out where it has run, and everything above the block where not."""

import contextlib
import io
import json

import pytest

from pagecode.give.proof import Proof, proofs_of, prove, report
from tests.conftest import CODE, PAGE, Site


def code(site: Site) -> str:
    """Return the code of the last block's program, without its head."""
    *_, last = site.exports()
    lines = last.text.splitlines()
    start = max(n for n, x in enumerate(lines[:20]) if x.startswith("#")) + 1
    return "\n".join(x for x in lines[start:] if x)


def prove_last(site: Site, *, use_cache: bool = True) -> Proof:
    """Prove the slices of the page's last block."""
    proofs = proofs_of(site.page().programs[0])[-1:]
    [proof] = prove(proofs, site.root, use_cache=use_cache)
    return proof


def test_until_a_slice_has_run_everything_above_is_handed_out(site: Site) -> None:
    site.add("x = [1]")
    site.add("y = [2]")
    site.add("print(y)", "[2]")
    assert code(site) == "x = [1]\ny = [2]\nprint(y)"
    proof = prove_last(site)
    assert (proof.ran, proof.failed, report(proof)) == (True, "", "")
    assert code(site) == "y = [2]\nprint(y)"
    assert not prove_last(site).ran  # it is known
    assert prove_last(site, use_cache=False).ran


def test_proof_holds_for_the_program_as_it_was_and_for_what_was_shown(
    site: Site,
) -> None:
    site.add("x = [1]")
    site.add("y = [2]")
    site.add("print(y)", "[2]")
    prove_last(site)
    text = site.text("snippets/code.py")
    site.write("snippets/code.py", text.replace("y = [2]", "y = [3]"))
    assert code(site) == "x = [1]\ny = [3]\nprint(y)"
    proof = prove_last(site)  # it prints [3], the page shows [2]
    assert "\n      shown     [2]" in report(proof)


def test_slice_that_shows_something_else_is_not_handed_out(site: Site) -> None:
    site.add("x = [3, 1]")
    site.add("y = x\nz = [1]")
    site.add("y.sort()")
    site.add("print(x)", "[1, 3]")
    proof = prove_last(site)
    said = report(proof)
    assert "gets everything above it" in said
    assert "\n      shown     [1, 3]" in said
    assert code(site) == "x = [3, 1]\ny = x\nz = [1]\ny.sort()\nprint(x)"


def test_slice_that_fails_is_not_handed_out(site: Site) -> None:
    site.add("n = [3]")
    site.add("exec('unseen = n[0]')")
    site.add("unused = [1]")
    site.add("print(vars()['unseen'])", "3")
    assert "error     KeyError: 'unseen'" in report(prove_last(site))
    assert "unused = [1]" in code(site)


@pytest.mark.parametrize(
    "block",
    [
        "print(vars().get('unseen', 1))",
        "print(vars()['unseen'])",
        "import os\n'unseen' in vars() or os._exit(3)\nprint(3)",
        "while 'unseen' not in vars():\n    pass\nprint(3)",
    ],
    ids=["prints something else", "fails", "ends the program", "hangs"],
)
def test_slice_that_fails_is_not_tried_again_until_something_changes(
    site: Site, block: str
) -> None:
    site.add("n = [3]")
    site.add("exec('unseen = n[0]')")
    site.add("unused = [1]")
    site.add(f"_ = open('data/words.txt').read()\n{block}", "3", info="limit=1")
    site.write("data/words.txt", "a")
    site.write("data/other.txt", "a")
    assert site.verify(use_cache=True) == {"pytorch": [""] * 4}
    first = prove_last(site)
    assert (bool(first.failed), first.ran) == (True, True)
    again = prove_last(site)
    assert (again.failed, again.ran) == (first.failed, False)
    assert "unused = [1]" in code(site)
    assert prove_last(site, use_cache=False).ran
    for path, old, new, ran in (
        (CODE, "[1]", "[2]", False),  # which no slice has
        ("data/other.txt", "a", "b", False),
        ("data/words.txt", "a", "b", True),
        (CODE, "_ = open", "_ = 1\n_ = open", True),
        (PAGE, "    3", "    3.0", True),
    ):
        site.write(path, site.text(path).replace(old, new))
        assert prove_last(site).ran == ran, path
        assert not prove_last(site).ran


def test_method_that_changes_and_returns_is_not_lost_without_a_word(
    site: Site,
) -> None:
    """As in lineapy#385: the block prints nothing that could tell."""
    site.add(
        "class Meter:\n    def __init__(self):\n        self.values = []\n\n"
        "    def record(self, x):\n        self.values.append(x)\n"
        "        return len(self.values)"
    )
    site.add("other = [1]\nmeter = Meter()")
    site.add("count = meter.record(0.5)")
    site.add("values = list(meter.values)")
    assert proofs_of(site.page().programs[0]) == []
    assert "count = meter.record(0.5)" in code(site)


def test_figure_of_a_slice_is_compared(site: Site) -> None:
    site.add("import matplotlib.pyplot as plt")
    site.add("values = [1, 2]\nother = values")
    site.add("other.append(5)")
    site.add("unused = [1]")
    site.add("plt.plot(values)")
    page = site.text("docs/page.md")
    site.write("docs/page.md", f"{page}\n    ![A](figures/p.svg)\n")
    site.record()
    assert "not the figure that the block draws" in prove_last(site).failed
    assert "other.append(5)" in code(site)


@pytest.mark.parametrize(
    ("block", "shown", "left"),
    [
        (
            "e = ValueError('bad')\ne.add_note('why')\nraise e",
            ["ValueError: bad"],
            "[7]",
        ),
        ("raise SystemExit('bye')", ["SystemExit: bye"], "[7]"),
        ("raise KeyboardInterrupt", ["KeyboardInterrupt"], "[7]"),
        ("raise ValueError('one\\ntwo')", ["ValueError: one"], "[7]"),
        (
            "raise ExceptionGroup('all', [ValueError('a')])",
            ["ExceptionGroup: all (1 sub-exception)"],
            "[7]",
        ),
        (
            "def change():\n    x = 2\n    global x",
            ["SyntaxError: name 'x' is assigned to before global declaration"],
            "[7]",
        ),
        ("print(x", ["SyntaxError: '(' was never closed"], "[7]"),
        (
            "error = '''a\n  b'''\nprint(error)\n1 / 0",
            ["a", "  b", "ZeroDivisionError: division by zero"],
            "a\n  b",
        ),
    ],
)
def test_error_is_the_same_on_the_page_and_in_what_is_handed_out(
    site: Site, block: str, shown: list[str], left: str
) -> None:
    """And what follows goes on, with what the block bound, and nothing else."""
    site.add("x = [1]\nerror = [7]")
    site.add("y = [2]")
    indented = "\n    ".join(shown)
    site.add(block, "\n".join(shown), "raises")
    site.add("print(error)", left)
    assert indented in f"    {site.text('docs/page.md')}"
    assert set(site.errors()) == {""}
    for proof in prove(proofs_of(site.page().programs[0]), site.root):
        assert not proof.failed, report(proof)
    script, notebook, *_, failing, last = site.exports()
    for export in (script, last):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(export.text, "program", "exec", dont_inherit=True), {})
        lines = out.getvalue().splitlines()
        assert lines[-len(left.splitlines()) :] == left.splitlines()
        if export is script:
            assert lines == [*shown, *left.splitlines()]
    cells = json.loads(notebook.text)["cells"]
    assert cells[-2]["outputs"][-1]["traceback"] == shown[-1:]
    assert failing.raises
