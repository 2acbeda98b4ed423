"""A formula is shown as MathML, or refused with its page and its line."""

import re
from html import unescape

import pytest

from pagecode.give.parts import parts
from pagecode.site.formulas import mathml
from tests.conftest import PAGE, Site, set_up
from tests.served import build

SET = [  # after latex2mathml#256 and its like: what it left raw, or no browser showed
    r"\operatorname*{argmin}_\theta L(\theta)",
    r"\underbrace{a + b}_{\text{the sum}}",
    r"f(x) = \begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
    r"\boldsymbol{\theta}^{\top} \mathbf{x}",
    r"\mathbb{1}[y = k]",
    r"\lVert w \rVert_2",
    r"\left\{ x \right.",
    r"\mathbb{E}_{x \sim p}\left[ \log p(x) \right]",
    r"\hat{y}, \tilde{y}, \bar{y}, \vec{y}, \dot{y}",
    r"x^{(i)}_{j}",
    "x''",
    r"\sum\limits_{i=1}^n",
    r"\argmax_k",
    r"\bm{x}",
    r"a \coloneqq b",
    r"\dfrac{1}{2} \tfrac12",
    r"\xrightarrow{f}",
    r"\overset{!}{=}",
    r"\stackrel{d}{=}",
    r"a \,\big|\, b",
    r"\mathrm{ReLU}(x)",
    r"\textbf{W}",
    r"\texttt{nn.GRU}",
    r"\mathcal{N}(0, 1)",
    r"10\%",
    r"\{a\}",
    r"\textcolor{red}{x}",
    "a < b",
    r"W \in \mathbb{R}^{m \times n}",
    r"\mathop{\mathrm{softmax}}",
    "\\begin{align}\na &= b \\\\\n  &= c\n\\end{align}",
    "\\begin{aligned}\na &= b \\\\\n  &= c\n\\end{aligned}",
    r"\begin{bmatrix} 1 & 0 \\ 0 & 1 \end{bmatrix}",
    r"\begin{array}{c|c} 1 & 2 \\ \hline 3 & 4 \end{array}",
]
REFUSED = [
    (r"\softmax", r'Unknown command "\softmax"'),
    (r"\label{eq}", "may only appear in a numbered equation"),
    (r"\eqref{eq}", "no equation above it has this label"),
    (r"\tag{1}", "may only appear in a numbered equation"),
    ("a & b", "may only appear in a table-like environment"),
    (r"\text{a $x$ b}", "Math mode within text mode"),
    (r"\frac{a}{b", 'Expected closing token "}"'),
    (r"\left( x", r'Expected closing token "\right"'),
    (r"x \right)", r'Unmatched closing token: "\right"'),
    ("}", 'Unmatched closing token: "}"'),
    ("x^2^3", "Duplicate subscript or superscript"),
    (r"\begin{foo} x \end{foo}", 'Unknown environment "foo"'),
    (r"\cancel{x}", "no browser"),
    (r"\boxed{x}", "no browser"),
    (r"a \\ b", "a line ends outside"),
    ("10% of x", r"write \%"),
]


@pytest.mark.parametrize("tex", SET)
def test_formula_is_set(tex: str) -> None:
    made = mathml(tex, display=True)
    text = unescape(re.sub("<[^>]*>", "", made))
    assert made.startswith("<math")
    assert not re.search(r"\\[A-Za-z]|\$", text)
    known = "math mrow mi mn mo mtext mspace mfrac msub msup msubsup munder mover"
    known += " b code munderover mtable mtr mtd mstyle mpadded mphantom msqrt mroot"
    assert {*re.findall(r"<(\w+)", made)} <= {*known.split()}  # browsers know no other
    assert not re.search(r"mathvariant|columnalign", made)  # nor these


@pytest.mark.parametrize(("tex", "why"), REFUSED)
def test_formula_is_refused(tex: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        mathml(tex, display=False)


@pytest.fixture
def site(site: Site) -> Site:
    return set_up(site)


@pytest.mark.parametrize(
    ("text", "where", "told"),
    [
        ("Words, $a$ and $\\softmax$.", 3, r"\softmax cannot be set: Unknown command"),
        ("## Part $\\softmax$", 3, r"\softmax cannot be set"),
        ("- a\n\n    $$\n    a \\label{x}\n    b\n    $$", 6, r"\label"),
        (
            "See\n\\begin{align} a \\end{align} there.",
            4,
            r"\begin is shown as it",
        ),
        ("Here $$x$$ stands in a line.", 3, "a $ is left beside it"),
    ],
)
def test_build_names_page_line_and_formula(
    site: Site, tmp_path, text: str, where: int, told: str
) -> None:
    site.write(PAGE, f"# Title\n\n{text}\n")
    done = build(site.root, tmp_path / "built")
    assert done.returncode == 1
    assert f"docs/page.md:{where}: " in done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


PROSE = "A card costs $5 and its power $6 a day, or \\$7 and $ 8 $ in all; $5-$6.\n"


def test_dollars_of_prose_stay_prose_everywhere(site: Site, tmp_path) -> None:
    """After scikit-learn-mooc#189."""
    code = '```python\n--8<-- "code.py:a"\n```\n'
    site.write(
        PAGE, f"# Title $x^2$\n\n{PROSE}\n## Part $y_1$\n\n`$z$` $a|b$\n\n{code}"
    )
    done = build(site.root, tmp_path / "built")
    assert done.returncode == 0, done.stderr
    counts = {"page/index.html": 3, "notebooks/page.pytorch/index.html": 4}  # a title
    for name, count in counts.items():
        html = (tmp_path / "built" / name).read_text(encoding="utf-8")
        contents, _, article = html.partition("<article")
        text = re.sub(r"<math.*?</math>", "FORMULA", article, flags=re.DOTALL)
        text = " ".join(unescape(re.sub("<[^>]*>", "", text)).split())
        assert "costs $5 and its power $6 a day, or $7 and $ 8 $ in all; $5-$6." in text
        assert "Part FORMULA" in text
        assert "$z$ FORMULA" in text
        assert article.count("<math") == count
        assert "<math" in contents.rpartition('href="#part-')[2]
    text = (tmp_path / "built/page.md").read_text(encoding="utf-8")
    for said in (
        text,
        "\n".join(map(str, parts(site.page(), "pytorch", site.root, ""))),
    ):
        assert (
            r"costs \$5 and its power \$6 a day, or \$7 and \$ 8 \$ in all; \$5-\$6."
            in said
        )
        assert "# Title $x^2$\n" in said
        assert "`$z$` $a|b$\n" in said


def test_own_commands_are_spelt_out_for_other_readers(site: Site) -> None:
    site.write(PAGE, "# Title\n\nThe $\\argmax_k z_k$ and $\\bmod$.\n")
    (text,) = parts(site.page(), "pytorch", site.root, "")
    assert r"$\operatorname*{arg\,max}_k z_k$ and $\bmod$." in text


def test_equations_are_counted_from_the_top_of_each_page(site: Site, tmp_path) -> None:
    one, other = (
        f"$$\n\\begin{{align}} {x} &= 1 {y} \\end{{align}}\n$$\n"
        for x, y in [("a", ""), ("b", "\\label{b}")]
    )
    text = f"# Title\n\n{one}\n{other}\nBy $\\eqref{{b}}$.\n"
    code = '```python\n--8<-- "code.py:a"\n```\n'
    for name in ("docs/a.md", "docs/b.md"):
        site.write(name, f"{text}\n{code}")
    done = build(site.root, tmp_path / "built", "--strict")
    assert done.returncode == 0, done.stderr
    for name in ("a", "b", "notebooks/a.pytorch"):
        html = (tmp_path / "built" / name / "index.html").read_text(encoding="utf-8")
        assert re.findall(r"\((?:\d|\?\?)\)(?=</)", html) == ["(1)", "(2)", "(2)"]
