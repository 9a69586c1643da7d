"""Results as figures: PNG and SVG, the same bytes from the same results and the same matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.curves import KINDS
from benchmarks.labels import Name, write_names
from benchmarks.peers import LIKEZIP, NO_PRIOR
from benchmarks.schema import Curve, Direction, FileResult, Result, Run, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "likezip",
    "svg.fonttype": "none",
}
_DOTS = 144
"""Of PNG, for an inch."""

_OWN = {LIKEZIP: "#D55E00", NO_PRIOR: "#E69F00"}
"""Colours of likezip's own.  With all others in grey they are told apart with any kind of colour vision."""

_OTHERS = "#5F7285"

_LINES = (("#D55E00", "D"), ("#E69F00", "s"), ("#0072B2", "o"), ("#009E73", "^"), ("#CC79A7", "v"), ("#000000", "P"))
"""Colours (Okabe and Ito's) and markers of a curve's lines, in order."""


@contextmanager
def style() -> Iterator[None]:
    """The same settings whatever the user's are.  Raises ClickException where matplotlib is not installed."""
    try:
        import matplotlib.style
    except ModuleNotFoundError as error:
        raise click.ClickException(f"plots need pip install '.[plot]' ({error})") from error

    with matplotlib.style.context("default", after_reset=True), matplotlib.rc_context(_SETTINGS):
        yield


def save(figure: Figure, stem: Path) -> None:
    """Write ``stem``.png and .svg, which say nothing of date or versions."""
    figure.savefig(f"{stem}.png", dpi=_DOTS, facecolor="white", metadata={"Software": None})
    figure.savefig(f"{stem}.svg", facecolor="white", metadata={"Date": None, "Creator": None})


def _figure(width: float, height: float) -> Figure:
    """Inches; drawn without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def speed_figure(result: Result) -> Figure:
    """Ratio against throughput, of all files together: compressing on the left, decompressing on the right."""
    figure, runs = _figure(10, 4.8), result["totals"]["runs"]
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, title in ((left, "Compressing"), (right, "Decompressing")):
        for name, run in runs.items():
            _point(axes, name, run["ratio"], _way(run, axes is left))
        axes.set_xscale("log")
        _plain_numbers(axes.xaxis)
        axes.margins(x=0.1, y=0.1)
        axes.set_title(title)
        axes.set_xlabel("MB/s of raw data (start of the process included)")
        axes.grid(True)
    left.set_ylabel("ratio: raw bytes / compressed bytes")
    _fix_layout(figure)
    for axes in (left, right):
        write_names(axes, [_named(name, run["ratio"], _way(run, axes is left)) for name, run in runs.items()])
    return figure


def _way(run: Run, compress: bool) -> Direction:
    return run["compress"] if compress else run["decompress"]


def _point(axes: Axes, name: str, ratio: float, way: Direction) -> None:
    """A marker at the median, a line from the slowest run to the fastest."""
    speed = way["MB_s"]
    axes.plot([speed["min"], speed["max"]], [ratio, ratio], color=_OWN.get(name, _OTHERS), linewidth=1.2)
    marker, size = ("D", 7) if name in _OWN else ("o", 5)
    axes.plot([speed["median"]], [ratio], marker, color=_OWN.get(name, _OTHERS), markersize=size)


def _named(name: str, ratio: float, way: Direction) -> Name:
    style = {"color": "#222222", "fontweight": "bold" if name in _OWN else "normal"}
    return Name(name, way["MB_s"]["median"], ratio, style)


def _plain_numbers(axis: Any) -> None:
    """0.1, 1, 10 instead of powers of ten, at tens only."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _fix_layout(figure: Figure) -> None:
    """Lay the figure out as it is, and no more: names that are written later move nothing."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


_COLUMNS = 3
"""Panels side by side in the bars by file."""


def bars_figure(result: Result) -> Figure:
    """Bits a byte of every compressor, a panel for each file and one for all; where the entropy is known, a line."""
    panels = [(row["name"], row["runs"], _entropy(row)) for row in result["files"]]
    panels.append(("all", result["totals"]["runs"], None))
    names = sorted(result["totals"]["runs"], key=lambda name: result["totals"]["runs"][name]["bytes"])
    rows = -(-len(panels) // _COLUMNS)
    figure = _figure(10, rows * (0.19 * len(names) + 0.75))
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for number, (title, runs, entropy) in enumerate(panels):
        axes = grid.flat[number]
        _bars(axes, names, [runs[name]["bits_per_byte"] for name in names])
        axes.set_title(title)
        if number % _COLUMNS:
            axes.set_yticklabels([])
        if entropy is not None:
            axes.axvline(entropy, color="black", linewidth=1, linestyle=(0, (4, 2)))
    known = any(entropy is not None for *_, entropy in panels)
    figure.supxlabel("bits/byte" + ("; dashed: the entropy of a synthetic source" if known else ""), fontsize=9)
    return figure


def _entropy(row: FileResult) -> float | None:
    """Bits a byte, where it is known."""
    return None if row["truth"] is None else row["truth"]["entropy_bits"] / row["bytes"]


def _bars(axes: Axes, names: Sequence[str], values: Sequence[float]) -> None:
    """The first on top, each with its value."""
    places = range(len(names))
    bars = axes.barh(places, values, height=0.72, color=[_OWN.get(name, "#A9B6C2") for name in names])
    axes.bar_label(bars, fmt="%.3f", padding=3, fontsize=7.5)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.18, y=0.02)


_PANELS = ("bits/byte", "MB/s in", "MB/s out")


def curve_figure(name: str, curve: Curve) -> Figure:
    """Three panels: bits a byte, and throughput in both directions."""
    figure, kind = _figure(10, 3.8), KINDS[name]
    panels = figure.subplots(1, len(_PANELS))
    places = sorted({point["at"] for series in curve["series"] for point in series["points"]})
    written = [kind.written(place) for place in places]
    for axes, title in zip(panels, _PANELS, strict=True):
        for series, (colour, marker) in zip(curve["series"], _LINES, strict=False):
            axes.plot(
                *zip(*_line(series, title), strict=True), color=colour, marker=marker, markersize=4, linewidth=1.4
            )
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(places, written, rotation=90 if max(map(len, written)) > 3 else 0, fontsize=8)
        _scale_heights(axes, [height for series in curve["series"] for _, height in _line(series, title)])
        axes.margins(x=0.12)
        axes.set_title(title)
        axes.set_xlabel(kind.axis)
        axes.grid(True)
    _fix_layout(figure)
    for axes, title in zip(panels, _PANELS, strict=True):
        lines = [_line(series, title) for series in curve["series"]]
        named = zip(curve["series"], lines, _LINES, strict=False)
        names = [
            Name(of["name"], *line[-1], {"color": colour, "fontsize": 8}) for of, line, (colour, _) in named if line
        ]
        write_names(axes, sorted(names, key=lambda name: -name.y), [line for line in lines if line])
    return figure


def _line(series: Series, title: str) -> list[tuple[float, float]]:
    """Its points in the panel of that title."""
    return [(point["at"], _value(point["run"], title)) for point in series["points"]]


def _value(run: Run, title: str) -> float:
    return run["bits_per_byte"] if title == _PANELS[0] else _way(run, title == _PANELS[1])["MB_s"]["median"]


_WIDE = 8
"""Heights are on a log axis where the largest is so many times the smallest."""


def _scale_heights(axes: Axes, heights: Sequence[float]) -> None:
    from matplotlib.ticker import LogLocator

    if not heights:
        return
    if max(heights) > _WIDE * min(heights):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.set_ylim(min(heights) / 2, 4 * max(heights))  # room for names
        _plain_numbers(axes.yaxis)
    else:
        axes.set_ylim(0, 1.2 * max(heights))
