"""A picture is compared by what can be seen in it, whatever artist draws it."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt

from pagecode.run.figure import draw
from pagecode.run.picture import difference

X = np.linspace(0, 6, 20)
GRID = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 12))
TALL = np.linspace(1.0, 4.0, 7)
DRAWN = np.random.default_rng(0).normal(size=(100, 3))


def surface(v: float) -> np.ndarray:
    """Return heights over the grid; one is moved by v."""
    heights = np.sin(2 * GRID[0]) + GRID[1] ** 2
    heights[5, 4] += v
    return heights


def moved(values: np.ndarray, v: float) -> np.ndarray:
    """Return the values with one in the middle moved by v."""
    values = np.array(values, float)
    values[len(values) // 2] += v
    return values


def triangles(axes, v, kind, **options):
    """Draw heights over scattered points."""
    x, y = DRAWN[:40, 0], DRAWN[:40, 1]
    return getattr(axes, kind)(x, y, moved(np.sin(x) + y, v), **options)


# What draws, and how: `v` is 0, and another number when one datum has changed.
PLOTS = {
    "acorr": lambda a, v: a.acorr(moved(TALL, v), maxlags=4),
    "angle_spectrum": lambda a, v: a.angle_spectrum(moved(DRAWN[:, 0], v)),
    "annotate": lambda a, v: a.annotate("here", (1, 1 + v), (2, 2), arrowprops={}),
    "arrow": lambda a, v: a.arrow(0, 0, 1, 1 + v, head_width=0.1),
    "axhline": lambda a, v: (a.plot(X), a.axhline(1 + v, 0.1, 0.8)),
    "axhspan": lambda a, v: (a.plot(X), a.axhspan(1, 2 + v)),
    "axline": lambda a, v: (a.plot(X), a.axline((0, 0), slope=1 + v)),
    "axvline": lambda a, v: (a.plot(X), a.axvline(1 + v)),
    "axvspan": lambda a, v: (a.plot(X), a.axvspan(1, 2 + v)),
    "bar": lambda a, v: a.bar(range(7), moved(TALL, v)),
    "bar_label": lambda a, v: a.bar_label(
        a.bar(range(3), TALL[:3]), [1, f"{2 + v:.1f}", 3]
    ),
    "barbs": lambda a, v: a.barbs(TALL, TALL, moved(9 * TALL, 50 * v), TALL),
    "barh": lambda a, v: a.barh(range(7), moved(TALL, v)),
    "boxplot": lambda a, v: a.boxplot([moved(TALL[:3], v), TALL]),
    "broken_barh": lambda a, v: a.broken_barh([(0, 1), (2, 1 + v)], (0, 1)),
    "bxp": lambda a, v: a.bxp(
        [{"med": 2 + v, "q1": 1, "q3": 4, "whislo": 0, "whishi": 6, "fliers": [7]}]
    ),
    "clabel": lambda a, v: a.clabel(a.contour(*GRID, surface(0), [0, 1 + v])),
    "cohere": lambda a, v: a.cohere(moved(DRAWN[:, 0], 9 * v), DRAWN[:, 1], NFFT=32),
    "colorbar": lambda a, v: plt.colorbar(a.scatter(X, X, c=moved(X, 9 * v))),
    "clip_on": lambda a, v: (a.plot([0, 2], clip_on=v < 0.5), a.set_ylim(0, 1)),
    "contour": lambda a, v: a.contour(*GRID, surface(v)),
    "contourf": lambda a, v: a.contourf(*GRID, surface(v)),
    "csd": lambda a, v: a.csd(moved(DRAWN[:, 0], 9 * v), DRAWN[:, 1], NFFT=32),
    "ecdf": lambda a, v: a.ecdf(moved(TALL, v)),
    "errorbar": lambda a, v: a.errorbar(X[:7], TALL, moved(TALL / 9, v)),
    "errorbar with limits": lambda a, v: a.errorbar(
        X[:7], TALL, moved(TALL / 9, v), uplims=True
    ),
    "eventplot": lambda a, v: a.eventplot([X, moved(X, v / 2)]),
    "fill": lambda a, v: a.fill([0, 1, 1 + v, 0], [0, 0, 1, 2]),
    "fill_between": lambda a, v: a.fill_between(X[:7], TALL, moved(-TALL, v)),
    "fill_betweenx": lambda a, v: a.fill_betweenx(X[:7], TALL, moved(-TALL, v)),
    "grouped_bar": lambda a, v: a.grouped_bar([TALL, moved(TALL, v)]),
    "hexbin": lambda a, v: a.hexbin(*(moved(x, v) for x in DRAWN.T[:2]), gridsize=8),
    "hist": lambda a, v: a.hist(moved(X, 3 * v), bins=10),
    "hist2d": lambda a, v: a.hist2d(moved(X, 3 * v), X, bins=10),
    "hist, only its outline": lambda a, v: a.hist(
        moved(X, 3 * v), bins=10, histtype="step"
    ),
    "hlines": lambda a, v: a.hlines(moved(TALL, v), 0, 1),
    "imshow": lambda a, v: a.imshow(surface(v)),
    "imshow, interpolated": lambda a, v: a.imshow(surface(v), interpolation="bicubic"),
    "imshow, in colours": lambda a, v: a.imshow(DRAWN.reshape(10, 10, 3) * 0 + v),
    "imshow, extent": lambda a, v: (
        a.imshow(surface(0), extent=(0, 1 + v, 0, 1)),
        a.set(xlim=(0, 2), ylim=(0, 2)),
    ),
    "legend": lambda a, v: (a.plot(X, label=f"a {v:.1f}"), a.legend()),
    "legend's place": lambda a, v: (a.plot(X, label="a"), a.legend(loc=2 + (v > 0.1))),
    "loglog": lambda a, v: a.loglog(TALL, moved(TALL, v)),
    "magnitude_spectrum": lambda a, v: a.magnitude_spectrum(moved(DRAWN[:, 0], v)),
    "matshow": lambda a, v: a.matshow(surface(v)),
    "pcolor": lambda a, v: a.pcolor(*GRID, surface(v)),
    "pcolorfast": lambda a, v: a.pcolorfast(surface(v)),
    "pcolormesh": lambda a, v: a.pcolormesh(*GRID, surface(v)),
    "pcolormesh, gouraud": lambda a, v: a.pcolormesh(
        *GRID, surface(v), shading="gouraud"
    ),
    "phase_spectrum": lambda a, v: a.phase_spectrum(moved(DRAWN[:, 0], v)),
    "pie": lambda a, v: a.pie(moved(TALL, v)),
    "plot": lambda a, v: a.plot(X, moved(np.sin(X), v)),
    "plot, many points": lambda a, v: a.plot(moved(np.sin(np.arange(5000) / 9), 3 * v)),
    "plot, markers": lambda a, v: a.plot(X, moved(np.sin(X), v), "o"),
    "plot, dates": lambda a, v: a.plot(
        np.array(["2026-11-01", "2026-11-29"], "M8[D]"), [1, 2 + v]
    ),
    "plot, names": lambda a, v: a.plot(["a", "b" if v > 0.1 else "c"], [1, 2]),
    "psd": lambda a, v: a.psd(moved(DRAWN[:, 0], 9 * v), NFFT=32),
    "quiver": lambda a, v: a.quiver(X[:7], TALL, moved(TALL, v), TALL),
    "quiver's colours": lambda a, v: a.quiver(TALL, TALL, TALL, TALL, moved(TALL, v)),
    "quiverkey": lambda a, v: a.quiverkey(
        a.quiver(X, X, X, X), 0.5, 0.9, 2 + 9 * v, "v"
    ),
    "scatter": lambda a, v: a.scatter(X, moved(X, v)),
    "scatter's colours": lambda a, v: a.scatter(X, X, c=moved(X, v)),
    "scatter's sizes": lambda a, v: a.scatter(X, X, s=moved(9 * X, 30 * v)),
    "secondary_xaxis": lambda a, v: a.secondary_xaxis(
        "top", functions=(lambda x: x * (2 + v), lambda x: x / (2 + v))
    ),
    "semilogx": lambda a, v: a.semilogx(TALL, moved(TALL, v)),
    "semilogy": lambda a, v: a.semilogy(TALL, moved(TALL, v)),
    "specgram": lambda a, v: a.specgram(moved(DRAWN[:, 0], 9 * v), NFFT=16, noverlap=8),
    "spy": lambda a, v: a.spy(surface(0) > 0.5 + v),
    "spy, markers": lambda a, v: a.spy(surface(0) > 0.5 + v, marker="."),
    "stackplot": lambda a, v: a.stackplot(X[:7], TALL, moved(TALL, v)),
    "stairs": lambda a, v: a.stairs(moved(TALL, v)),
    "stem": lambda a, v: a.stem(moved(TALL, v)),
    "step": lambda a, v: a.step(X[:7], moved(TALL, v)),
    "streamplot": lambda a, v: a.streamplot(
        *GRID, surface(9 * v), surface(0), density=0.5
    ),
    "table": lambda a, v: a.table([["1", f"{2 + v:.1f}"]], loc="center"),
    "text": lambda a, v: a.text(0.5, 0.5, f"loss {v:.1f}"),
    "text's place": lambda a, v: a.text(0.5, 0.5 + v / 9, "loss"),
    "text's direction": lambda a, v: a.text(0.5, 0.5, "loss", rotation=30 + 9 * v),
    "text, mathematics": lambda a, v: a.text(0.5, 0.5, f"$x^{{{2 + v:.1f}}}$"),
    "tricontour": lambda a, v: triangles(a, v, "tricontour"),
    "tricontourf": lambda a, v: triangles(a, v, "tricontourf"),
    "tripcolor": lambda a, v: triangles(a, v, "tripcolor"),
    "tripcolor, gouraud": lambda a, v: triangles(a, v, "tripcolor", shading="gouraud"),
    "triplot": lambda a, v: a.triplot(moved(DRAWN[:20, 0], v), DRAWN[:20, 1]),
    "violin": lambda a, v: a.violinplot([moved(TALL, v), TALL]),
    "vlines": lambda a, v: a.vlines(moved(TALL, v), 0, 1),
    "xcorr": lambda a, v: a.xcorr(moved(TALL, v), TALL, maxlags=4),
    # What is no function that draws.
    "limits": lambda a, v: (a.plot(X), a.set(xlim=(0, 9.3 + v))),
    "scale": lambda a, v: (a.plot(TALL), a.set(yscale="log" if v > 0.1 else "linear")),
    "ticks": lambda a, v: a.set(xticks=[0, 0.5, 0.6 + v / 9]),
    "one unit of the ticks": lambda a, v: a.plot([0, 1], [v > 0.1, 4 + (v > 0.1)]),
    "title": lambda a, v: a.set(title=f"{v:.1f} title"),
    "label": lambda a, v: a.set(ylabel=f"{v:.1f} label"),
    "colour": lambda a, v: a.plot(X, color="C1" if v > 0.1 else "C0"),
    "colour of a bar": lambda a, v: a.bar(
        [1, 2], 1, color=["k", "C1" if v > 0.1 else "C0"]
    ),
    "width of a line": lambda a, v: a.plot(X, linewidth=2 + v),
    "dashes": lambda a, v: a.plot(X, linestyle="--" if v > 0.1 else "-"),
    "opacity": lambda a, v: a.plot(X, alpha=0.5 + v / 9),
    "marker": lambda a, v: a.plot(X, marker="s" if v > 0.1 else "o"),
    "hatch": lambda a, v: a.bar([1], [1], hatch="x" if v > 0.1 else "/"),
    "order": lambda a, v: [
        a.plot(X, zorder=3 + i * (0.5 - v), color=f"C{i}") for i in (0, 1)
    ],
    "twin axes": lambda a, v: (a.plot(X), a.twinx().plot(moved(TALL, v))),
    "inset axes": lambda a, v: a.inset_axes((0.5, 0.5, 0.3, 0.3)).plot(moved(TALL, v)),
    "a line of two panels": lambda a, v: (
        plt.gcf().add_subplot(7, 7, 9).plot([1, 2 + v])
    ),
    "title of the figure": lambda a, v: plt.suptitle(f"{v:.1f} all"),
    "legend of the figure": lambda a, v: (
        a.plot(X, label=f"a {v:.1f}"),
        plt.gcf().legend(),
    ),
    "image of the figure": lambda a, v: plt.figimage(surface(v) * 9),
}
PROJECTED = {
    "polar": lambda a, v: a.plot(X, moved(TALL.mean() + X, v)),
    "3d line": lambda a, v: a.plot(X, X, moved(X, v)),
    "3d points": lambda a, v: a.scatter(X, X, moved(X, v)),
    "3d surface": lambda a, v: a.plot_surface(*GRID, surface(v)),
    "3d wires": lambda a, v: a.plot_wireframe(*GRID, surface(v)),
    "3d bars": lambda a, v: a.bar3d(TALL, TALL, 0, 0.5, 0.5, moved(TALL, v)),
    "3d contour": lambda a, v: a.contour(*GRID, surface(v)),
}
ALL = {name: (None, plot) for name, plot in PLOTS.items()} | {
    name: (name.partition(" ")[0], plot) for name, plot in PROJECTED.items()
}


def drawn(name: str, v: float) -> str:
    """Draw one of the plots."""
    projection, plot = ALL[name]
    figure, axes = plt.subplots(subplot_kw={"projection": projection})
    plot(axes, v)
    svg = draw(figure)
    plt.close(figure)
    return svg


def lines(*drawn: tuple[str, float], text: str = "") -> str:
    """Draw lines of these colours and heights, and a text."""
    figure, axes = plt.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10), xticks=[], yticks=[])
    for colour, height in drawn:
        axes.plot([0, 10], [0, height], colour)
    axes.text(1, 1, text)
    svg = draw(figure)
    plt.close(figure)
    return svg


@pytest.mark.parametrize("name", ALL)
def test_a_changed_datum_is_seen_whatever_draws_it(name: str) -> None:
    """And what another processor's arithmetic changes is not."""
    shown, near, changed = (drawn(name, v) for v in (0, 1e-6, 0.7))
    assert difference(shown, near) is None
    assert difference(shown, changed)
    assert difference(changed, shown)


def test_a_number_in_a_text_has_room_for_its_last_digit() -> None:
    one, near, other = (lines(("r", 1.0), text=f"loss {x}") for x in (0.51, 0.52, 0.53))
    assert difference(one, near) is None
    assert "its text (shown 'loss 0.51', drawn 'loss 0.53')" in difference(one, other)


@pytest.mark.parametrize(
    ("drawn", "told"),
    [
        ([("#ff0000", 5.0)], None),
        ([("#ff0000", 5.02)], None),
        ([("#fe0202", 5.0)], None),
        ([("#ff0000", 5.2)], "axes 1, line2d 1: its place or its shape"),
        ([("#f60000", 5.0)], "its stroke (shown #ff0000, drawn #f60000)"),
        ([("#ff0000", 5.0)] * 2, "axes 1, line2d 2 instead of axes 1, patch 3"),
        ([], "axes 1, patch 3 instead of axes 1, line2d 1"),
    ],
)
def test_the_room_is_less_than_the_width_of_a_line(drawn, told) -> None:
    shown, now = lines(("#ff0000", 5.0)), lines(*drawn)
    assert told in difference(shown, now) if told else difference(shown, now) is None


def test_what_is_outside_of_the_axes_is_not_seen() -> None:
    def reaching(height: float) -> str:
        figure, axes = plt.subplots()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.plot([0, 1, 1], [0, 1, height])
        axes.axhspan(0.5, height)
        svg = draw(figure)
        plt.close(figure)
        return svg

    assert difference(reaching(20), reaching(30)) is None
    assert difference(reaching(20), reaching(0.9))


def test_an_area_that_covers_all_differs_from_one_that_covers_nothing() -> None:
    def covered(left: float) -> str:
        figure, axes = plt.subplots()
        axes.fill([left, left + 40, left + 40, left], [-9, -9, 9, 9])
        axes.set(xlim=(0, 1), ylim=(0, 1))
        svg = draw(figure)
        plt.close(figure)
        return svg

    assert difference(covered(-20), covered(-19)) is None
    assert difference(covered(-20), covered(20))


def test_the_points_on_a_line_do_not_matter() -> None:
    """Matplotlib leaves out points that change nothing, by the last bits of others."""
    figures = []
    for x in (np.linspace(0, 6, 400), np.linspace(0, 6, 500)):
        figure, axes = plt.subplots()
        axes.plot(x, np.sin(x))
        figures.append(draw(figure))
        plt.close(figure)
    assert difference(*figures) is None


@pytest.mark.parametrize("k", [0.6, -0.5])
def test_a_boundary_that_turns_is_seen(k: float) -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21))
    found = []
    for slope in (0.5, k):
        figure, axes = plt.subplots()
        axes.contourf(x, y, y > slope * x, levels=[-0.5, 0.5, 1.5])
        found.append(draw(figure))
        plt.close(figure)
    assert difference(*found) == "axes 1, QuadContourSet 1: its place or its shape"
