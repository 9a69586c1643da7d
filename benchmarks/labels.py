"""Names written beside the points of a plot, where they hide least."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_DISTANCES = (7, 16, 28, 42)
"""Points of 1/72 inch from a marker to its name; from the second on with a thin line between them."""

_MARKER = 8
"""Points that a marker is high and wide, with some room."""

_OUTSIDE = 20
"""How much worse it is to be outside the axes than to hide something."""


@dataclass(frozen=True)
class Name:
    """A text for the point (x, y), and how it is written."""

    text: str
    x: float
    y: float
    style: dict[str, Any]


@dataclass(frozen=True)
class _Box:
    """Centre and size in pixels."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: _Box) -> float:
        """Square pixels."""
        width = (self.width + other.width) / 2 - abs(self.x - other.x)
        height = (self.height + other.height) / 2 - abs(self.y - other.y)
        return min(max(width, 0.0), self.width, other.width) * min(max(height, 0.0), self.height, other.height)


@dataclass(frozen=True)
class _Place:
    """Where a name could be: its box, the way there from the point in points of 1/72 inch, and whether it is far."""

    box: _Box
    offset: tuple[float, float]
    far: bool
    cost: float


def write_names(axes: Axes, names: Sequence[Name], lines: Sequence[Sequence[tuple[float, float]]] = ()) -> None:
    """Write them in this order, each where it hides the least: other names, their markers, and ``lines`` of points.

    The layout has to be final.
    """
    figure, extent = axes.get_figure(root=True), axes.get_window_extent()
    assert figure is not None
    scale = figure.dpi / 72
    inside = _Box((extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2, extent.width, extent.height)
    centres = [axes.transData.transform((name.x, name.y)) for name in names]
    markers = [_Box(x, y, _MARKER * scale, _MARKER * scale) for x, y in centres]
    written = [box for line in lines for box in _along(axes.transData.transform(line).tolist(), _MARKER * scale / 2)]
    for number, name in enumerate(names):
        width, height = _text_size(axes, name)
        others = [*markers[:number], *markers[number + 1 :], *written]
        places = _places(markers[number], width, height, scale, others, inside)
        best = min(places, key=lambda place: place.cost)
        written.append(best.box)
        line = {"arrowstyle": "-", "color": "#9AA5B1", "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4}
        axes.annotate(
            name.text,
            (name.x, name.y),
            best.offset,
            textcoords="offset points",
            ha="center",
            va="center",
            arrowprops=line if best.far else None,
            zorder=5,
            **name.style,
        )


def _along(line: Sequence[Sequence[float]], size: float) -> Iterator[_Box]:
    """Boxes of that size along a line of pixels, one beside the other."""
    for (x, y), (right, up) in itertools.pairwise(line):
        steps = max(1, math.ceil(math.hypot(right - x, up - y) / size))
        for step in range(steps + 1):
            yield _Box(x + (right - x) * step / steps, y + (up - y) * step / steps, size, size)


def _text_size(axes: Axes, name: Name) -> tuple[float, float]:
    """Pixels."""
    text = axes.text(name.x, name.y, name.text, **name.style)
    extent = text.get_window_extent()
    text.remove()
    return extent.width, extent.height


def _places(
    marker: _Box, width: float, height: float, scale: float, others: Sequence[_Box], inside: _Box
) -> Iterator[_Place]:
    for distance, (right, up) in itertools.product(_DISTANCES, _SIDES):
        x, y = right * (distance * scale + width / 2), up * (distance * scale + height / 2)
        if right and up:
            x, y = x - right * 0.4 * distance * scale, y - up * 0.4 * distance * scale
        box = _Box(marker.x + x, marker.y + y, width, height)
        hidden = sum(box.overlap(other) for other in others)
        outside = width * height - box.overlap(inside)
        cost = hidden + _OUTSIDE * outside + distance * scale
        yield _Place(box, (x / scale, y / scale), distance > _DISTANCES[0], cost)
