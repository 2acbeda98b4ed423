"""A picture is what its block draws: its numbers, not its fonts."""

import re

import pytest

from pagecode.run import record
from pagecode.run.process import Failure
from tests.conftest import PAGE, TWO_TABS, Site

PLOT = (
    "import matplotlib.pyplot as plt\n"
    "_, axes = plt.subplots()\n"
    "_ = axes.plot([0, 1, 2], [0.0, 50.0, 100.0])\n"
    "_ = axes.set_title('cost')"
)
PICTURE = "\n    ![A line that rises](figures/page-1.svg)\n"
SVG = "docs/figures/page-1.svg"


@pytest.fixture
def drawn(site: Site) -> Site:
    """A page with one recorded picture."""
    site.add(PLOT)
    site.write(PAGE, site.text() + PICTURE)
    assert record.record(site.root / PAGE, site.root) == 1
    return site


def test_recording_counts_outputs_and_pictures(site: Site) -> None:
    site.add(f"{PLOT}\nprint(2)", "1")
    site.write(PAGE, site.text() + PICTURE)
    assert record.record(site.root / PAGE, site.root) == 2


def change(site: Site, old: str, new: str) -> None:
    """Change the plotting code."""
    code = site.text("snippets/code.py")
    assert old in code
    site.write("snippets/code.py", code.replace(old, new))


def test_recorded_picture_passes(drawn: Site) -> None:
    assert drawn.errors() == [""]


def test_recording_again_changes_nothing(drawn: Site) -> None:
    before = (drawn.root / SVG).stat().st_ino
    assert record.record(drawn.root / PAGE, drawn.root) == 0
    assert (drawn.root / SVG).stat().st_ino == before


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("50.0", "51.0", "axes 1"),
        ("cost", "loss", "axes 1, text 16: its text (shown 'cost', drawn 'loss')"),
        ("plt.subplots()", "plt.subplots(1, 2)[0], plt.gcf().axes[0]", "axes 1"),
    ],
)
def test_changed_plot_is_refused(drawn: Site, old: str, new: str, differs: str) -> None:
    change(drawn, old, new)
    [error] = drawn.errors()
    assert error.startswith("docs/page.md:7: not the figure that the block draws")
    assert differs in error


def test_change_that_cannot_be_seen_passes_and_is_not_recorded(drawn: Site) -> None:
    before = drawn.text(SVG)
    change(drawn, "50.0", "50.05")
    assert drawn.errors() == [""]
    assert record.record(drawn.root / PAGE, drawn.root) == 0
    assert drawn.text(SVG) == before


def test_picture_that_was_edited_is_refused(drawn: Site) -> None:
    drawn.write(SVG, drawn.text(SVG).replace("cost", "gain"))
    [error] = drawn.errors()
    assert "its text (shown 'gain', drawn 'cost')" in error


@pytest.mark.parametrize(
    "content", [b"", b"<svg", b"\xff", b'<svg xmlns="http://www.w3.org/2000/svg"/>']
)
def test_picture_that_is_damaged_is_refused_and_drawn_anew(
    drawn: Site, content: bytes
) -> None:
    before = drawn.text(SVG)
    (drawn.root / SVG).write_bytes(content)
    [error] = drawn.errors()
    assert error.startswith("docs/page.md:7: not the figure that the block draws")
    assert record.record(drawn.root / PAGE, drawn.root) == 1
    assert drawn.text(SVG) == before


def test_picture_that_is_missing_is_refused(drawn: Site) -> None:
    (drawn.root / SVG).unlink()
    [error] = drawn.errors()
    assert "it was never recorded" in error


def test_figure_without_a_picture_is_refused(site: Site) -> None:
    site.add(PLOT)
    [error] = site.errors()
    assert error.startswith(
        "docs/page.md:3: this block draws 1 figures, but 0 pictures"
    )


def test_picture_that_nothing_draws_is_refused(site: Site) -> None:
    site.add("x = 1")
    site.write(PAGE, site.text() + PICTURE)
    [error] = site.errors()
    assert "this block draws 0 figures, but 1 pictures" in error


def test_picture_that_no_block_draws_is_refused(site: Site) -> None:
    site.write(PAGE, "Prose.\n\n![A line](figures/page-1.svg)\n")
    [fault] = site.page().faults
    assert str(fault) == "docs/page.md:3: no block of this page draws this picture"


def test_picture_can_be_shown_before_its_block_draws_it(drawn: Site) -> None:
    drawn.write(PAGE, f"![A preview](figures/page-1.svg)\n\n{drawn.text()}")
    assert drawn.faults() == []
    assert drawn.errors() == [""]
    change(drawn, "50.0", "60.0")
    [error] = drawn.errors()
    assert error.startswith("docs/page.md:9: not the figure that the block draws")


def test_picture_needs_alternative_text(site: Site) -> None:
    site.add(PLOT)
    site.write(PAGE, site.text() + PICTURE.replace("A line that rises", ""))
    [fault] = site.page().faults
    assert "no text that says what to see" in str(fault)


def test_frameworks_that_draw_differently_are_refused(site: Site) -> None:
    picture = f"\n{PICTURE.strip()}\n"
    site.add_tabs(PLOT, PLOT.replace("50.0", "60.0"), TWO_TABS + picture)
    with pytest.raises(Failure, match="draws for both"):
        record.record(site.root / PAGE, site.root)
    assert not (site.root / SVG).exists()


def test_picture_takes_the_colours_of_the_page(drawn: Site) -> None:
    svg = drawn.text(SVG)
    assert "currentColor" in svg
    assert not re.search("#000000|#ffffff", svg)
    assert not re.search(r"<svg[^>]*(width|height)=", svg)


def test_writing_on_an_image_keeps_its_colour(drawn: Site) -> None:
    image = "_ = axes.imshow([[0, 1]])\n_ = axes.text(0, 0, 'dark', color='black')\n"
    change(drawn, "plt.subplots()", f"plt.subplots()\n{image}")
    record.record(drawn.root / PAGE, drawn.root)
    assert re.search(r"#010101[^<]*>dark</text>", drawn.text(SVG))


def test_exponents_take_the_colour_of_the_page_too(drawn: Site) -> None:
    change(drawn, "'cost')", "'cost')\n_ = axes.set_xscale('log')")
    record.record(drawn.root / PAGE, drawn.root)
    svg = drawn.text(SVG)
    assert "<tspan" in svg  # an exponent is set apart
    assert not re.search(r'<text(?! fill="currentColor")', svg)
