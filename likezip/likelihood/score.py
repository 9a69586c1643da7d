"""Scores: how surprising parts of a file are to the model, lines, records or windows, the most surprising first.

What is common to a file is learnt from it and costs little; what costs more than the rest is out of place.  No feature
has to be chosen, as the density is that of the bytes themselves (C. M. Bishop, "Novelty detection and neural network
validation", 1994, takes the likelihood of what is seen as the measure of its novelty).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from likezip.frames.sizes import parse_size

Floats = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Division:
    """How a file is divided: kind is "line", "record" or "window", size that of a record or window in bytes.

    Records follow each other; each window begins half a window behind the one before, so that nothing lies between two.
    """

    kind: str
    size: int = 0

    @classmethod
    def of(cls, text: str) -> Division:
        """ "line", "record N" or "window N", N bytes or as 4K.  Raises ValueError for anything else, and for windows of
        an odd size."""
        found = re.fullmatch(r"(line)|(record|window)[ =:]*(.+)", text.strip())
        size = parse_size(found[3]) if found and found[3] else 0
        if found is None or size is None or (found[2] and not 1 <= size <= LARGEST_UNIT):
            raise ValueError(f"{text!r} is none of line, record N and window N, with N bytes")
        if found[2] == "window" and size % 2:
            raise ValueError(f"a window must have an even number of bytes, not {size}")
        return cls(found[1] or found[2], size)

    def ends(self, raw: bytes, offset: int) -> Offsets:
        """Behind which bytes of ``raw``, which has ``offset`` bytes before it, a line, a record or half a window ends,
        (n,)."""
        if self.kind == "line":
            return np.flatnonzero(np.frombuffer(raw, np.uint8) == ord("\n")) + 1
        step = self.size // 2 if self.kind == "window" else self.size
        return np.arange(step - offset % step, len(raw) + 1, step)


Measure = Literal["surprise", "bits", "rate"]
"""What units are ranked by: the root mean square of what their bytes cost, all bits, or bits per byte.

A line that is odd has a few bytes that cost a lot; one with random numbers has many that cost some, and a long one has
many bytes.  So the first finds lines in logs better than the others (``benchmarks.anomalies``).
"""


LARGEST_UNIT = 1 << 40
"""Bytes of a record or window."""

FILE_COLUMNS = ("bytes", "bits", "bits_per_byte")
UNIT_COLUMNS = ("unit", "offset", *FILE_COLUMNS, "surprise", "z")


@dataclass(frozen=True)
class Units:
    """Parts of a file, in its order: where they begin, their bytes, their bits and the sums of the squares of what
    their bytes cost (n,) each; what they are ranked by."""

    starts: Offsets
    sizes: Offsets
    bits: Floats
    squares: Floats
    measure: Measure = "surprise"

    @cached_property
    def rates(self) -> Floats:
        """Bits per byte (n,)."""
        return self.bits / self.sizes

    @cached_property
    def surprises(self) -> Floats:
        """The root mean square of the bits of each byte (n,)."""
        return np.sqrt(self.squares.clip(0) / self.sizes)

    @cached_property
    def values(self) -> Floats:
        """The measure of each (n,)."""
        return {"surprise": self.surprises, "bits": self.bits, "rate": self.rates}[self.measure]

    @cached_property
    def z_scores(self) -> Floats:
        """How many standard deviations each unit is above the mean of all, by the measure (n,); 0 where all are the
        same."""
        deviation = self.values.std() if self.values.size else 0.0
        return (self.values - self.values.mean()) / deviation if deviation > 0 else np.zeros_like(self.values)

    def ranking(self, top: int | None = None, above: float | None = None) -> Offsets:
        """Their numbers from 0, the highest first, of equal ones the first: at most ``top`` of them, and only those
        whose z-score is at least ``above``."""
        numbers = np.argsort(-self.values, kind="stable")[:top]
        return numbers if above is None else numbers[self.z_scores[numbers] >= above]

    def row(self, number: int) -> dict[str, int | float]:
        """A unit as a row of a table with UNIT_COLUMNS; there it is counted from 1."""
        whole = number + 1, self.starts[number], self.sizes[number]
        real = self.bits[number], self.rates[number], self.surprises[number], self.z_scores[number]
        return dict(zip(UNIT_COLUMNS, [*map(int, whole), *map(float, real)], strict=True))


@dataclass(frozen=True)
class Score:
    """A file: its size in bytes, its bits, and its parts if they were asked for."""

    size: int
    bits: float
    units: Units | None

    def summary(self) -> dict[str, int | float]:
        """The file as a row of a table with FILE_COLUMNS."""
        return dict(zip(FILE_COLUMNS, [self.size, self.bits, self.bits / max(1, self.size)], strict=True))


@dataclass
class _Cuts:
    """Where units end, and the bits, and their squares, of all bytes before."""

    size: int = 0
    sums: Floats = field(default_factory=lambda: np.zeros(2))
    ends: list[Offsets] = field(default_factory=lambda: [np.zeros(1, np.int64)])
    before: list[Floats] = field(default_factory=lambda: [np.zeros((2, 1))])

    def add(self, costs: Floats, ends: Offsets) -> None:
        """A block whose units end behind the bytes ``ends`` (n,) of it."""
        sums = np.zeros((2, costs.size + 1))
        np.cumsum([costs, costs * costs], 1, out=sums[:, 1:])
        self.ends.append(self.size + ends)
        self.before.append(self.sums[:, None] + sums[:, ends])
        self.size, self.sums = self.size + costs.size, self.sums + sums[:, -1]

    def units(self, span: int, measure: Measure) -> Units:
        """Units of ``span`` steps from cut to cut, one for each cut that has so many behind it, at least one."""
        ends, sums = np.concatenate(self.ends), np.concatenate(self.before, 1)
        if ends[-1] < self.size:
            ends, sums = np.append(ends, self.size), np.append(sums, self.sums[:, None], 1)
        span = max(1, min(span, ends.size - 1))
        bits, squares = sums[:, span:] - sums[:, :-span]
        return Units(ends[:-span], ends[span:] - ends[:-span], bits, squares, measure)


def score_blocks(
    blocks: Iterable[tuple[bytes, Floats]], division: Division | None = None, measure: Measure = "surprise"
) -> Score:
    """The score of a file from its blocks and what each of their bytes costs, as ``density.stream_costs`` has them.

    A line includes its end; the last unit may be shorter than the others.
    """
    cuts = _Cuts()
    for raw, costs in blocks:
        cuts.add(costs, np.zeros(0, np.int64) if division is None else division.ends(raw, cuts.size))
    span = 2 if division is not None and division.kind == "window" else 1
    return Score(cuts.size, float(cuts.sums[0]), None if division is None else cuts.units(span, measure))
