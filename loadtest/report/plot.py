"""Plots as inline SVG: axes with units, lines, steps, reference marks, and what a pointer is told.

Owns the drawing. Must not know what is plotted: it is handed series, axes and words that are ready
for HTML. Colours and fonts are the style sheet's, by class, so that a plot is dark where the page
is.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from loadtest.report.scale import Scale
from loadtest.report.writer import Writer

WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 22, 34
"""The frame's distances from the edges: room for the numbers at the axes."""


class Axis(Struct, frozen=True, kw_only=True):
    """A scale with its name (with unit) and the values it names."""

    label: str
    scale: Scale
    ticks: Sequence[tuple[float, str]]


class Series(Struct, frozen=True, kw_only=True):
    """One line. `look`: a class of the style sheet; a point without y is a gap.

    `figure`: what stands beside its name in the legend.
    """

    name: str
    look: str
    points: Sequence[tuple[float, float | None]]
    figure: str = ""
    form: Literal["line", "dots", "area"] = "line"


class Mark(Struct, frozen=True, kw_only=True):
    """A reference line across the plot."""

    at: float
    label: str
    vertical: bool = False


class Hover(Struct, frozen=True, kw_only=True):
    """What is told while the pointer is between two places of the x axis."""

    first: float
    last: float
    text: str


class Plot(Struct, frozen=True, kw_only=True):
    """A figure of the report. `note` says what a reader can't see."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    marks: Sequence[Mark] = ()
    hovers: Sequence[Hover] = ()
    note: str = ""


def draw(plot: Plot, writer: Writer) -> str:
    """Give the figure as HTML: title, legend, the plot itself, note."""
    legend = "".join(
        f'<li><i class="key {series.look}"></i>{series.name}'
        + (f" <b>{series.figure}</b>" if series.figure else "")
        + "</li>"
        for series in plot.series
    )
    note = f'<p class="note">{plot.note}</p>' if plot.note else ""
    return (
        f'<figure class="plot"><figcaption><h3>{plot.title}</h3>'
        f'<ul class="legend">{legend}</ul></figcaption>{_svg(plot, writer)}{note}</figure>\n'
    )


def _svg(plot: Plot, writer: Writer) -> str:
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{plot.title}">'
        ),
        *_grid(plot, writer),
        *(_series(series, plot) for series in plot.series),
        *(_mark(mark, plot, writer) for mark in plot.marks),
        *_hovers(plot),
        "</svg>",
    ]
    return "".join(parts)


def _grid(plot: Plot, writer: Writer) -> Iterable[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for value, label in plot.y.ticks:
        y = _y(value, plot)
        yield f'<path class="grid" d="M{LEFT} {y}H{right}"/>'
        yield f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    for value, label in plot.x.ticks:
        x = _x(value, plot)
        yield f'<path class="nick" d="M{x} {bottom}v4"/>'
        yield f'<text class="tick" x="{x}" y="{bottom + 16}" text-anchor="middle">{label}</text>'
    yield f'<path class="axis" d="M{LEFT} {bottom}H{right}"/>'
    yield (
        f'<text class="unit" x="{right}" y="{HEIGHT - 4}" text-anchor="end">'
        f"{writer.in_plot(plot.x.label)}</text>"
    )
    yield f'<text class="unit" x="{LEFT}" y="9">{writer.in_plot(plot.y.label)}</text>'


def _series(series: Series, plot: Plot) -> str:
    stretches = _stretches(series, plot)
    if series.form == "dots":
        dots = "".join(
            f'<circle cx="{x}" cy="{y}" r="3"/>' for stretch in stretches for x, y in stretch
        )
        return f'<g class="dots {series.look}">{dots}</g>' + _path(stretches, series.look)
    if series.form == "area":
        bottom = HEIGHT - BOTTOM
        filled = "".join(
            f"M{stretch[0][0]} {bottom}"
            + "".join(f"L{x} {y}" for x, y in stretch)
            + f"L{stretch[-1][0]} {bottom}Z"
            for stretch in stretches
        )
        return f'<path class="area {series.look}" d="{filled}"/>' + _path(stretches, series.look)
    return _path(stretches, series.look)


def _path(stretches: list[list[tuple[float, float]]], look: str) -> str:
    drawn = "".join(
        f"M{stretch[0][0]} {stretch[0][1]}"
        + "".join(f"L{x} {y}" for x, y in stretch[1:])
        # A point alone is a line of no length with round ends: a dot.
        + ("h0" if len(stretch) == 1 else "")
        for stretch in stretches
    )
    return f'<path class="line {look}" d="{drawn}"/>' if drawn else ""


def _stretches(series: Series, plot: Plot) -> list[list[tuple[float, float]]]:
    """The places of a series, cut where a value is missing or has no place on a log axis."""
    stretches: list[list[tuple[float, float]]] = [[]]
    for x, y in series.points:
        if y is None or (plot.y.scale.log and y <= 0):
            stretches.append([])
        else:
            stretches[-1].append((_x(x, plot), _y(y, plot)))
    return [stretch for stretch in stretches if stretch]


def _mark(mark: Mark, plot: Plot, writer: Writer) -> str:
    label = writer.in_plot(mark.label)
    if mark.vertical:
        x = _x(mark.at, plot)
        beyond = x > WIDTH * 0.7
        anchor, aside = ("end", x - 5) if beyond else ("start", x + 5)
        return (
            f'<path class="mark" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>'
            f'<text class="marked" x="{aside}" y="{HEIGHT - BOTTOM - 6}" text-anchor="{anchor}">'
            f"{label}</text>"
        )
    y = _y(mark.at, plot)
    return (
        f'<path class="mark" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        f'<text class="marked" x="{LEFT + 5}" y="{y - 4:.1f}">{label}</text>'
    )


def _hovers(plot: Plot) -> Iterable[str]:
    for hover in plot.hovers:
        x = _x(hover.first, plot)
        width = max(1.0, _x(hover.last, plot) - x)
        yield (
            f'<rect class="hover" x="{x}" y="{TOP}" width="{width:.1f}" '
            f'height="{HEIGHT - BOTTOM - TOP}"><title>{hover.text}</title></rect>'
        )


def _x(value: float, plot: Plot) -> float:
    return round(LEFT + plot.x.scale.place(value) * (WIDTH - LEFT - RIGHT), 1)


def _y(value: float, plot: Plot) -> float:
    return round(HEIGHT - BOTTOM - plot.y.scale.place(value) * (HEIGHT - BOTTOM - TOP), 1)
