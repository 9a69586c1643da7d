"""Scores: how surprising parts of a file are to the model, lines, records or windows, the most surprising first.

Adaptive scores (``score_blocks``) are of what each part costs behind all before it: patterns common in a file are
learnt from it and cost little, and parts that cost more than the rest are out of place.  Frozen scores
(``score_frozen``) are of what each part costs right after a context.  No feature has to be chosen, as the density is
one of the bytes themselves (C. M. Bishop, "Novelty detection and neural network validation", 1994, takes the likelihood
of data as the measure of their novelty).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from likezip.blocks.options import Advance
from likezip.frames.sizes import parse_size
from likezip.likelihood.anomaly import AnomalyScorer, Scored, Usual
from likezip.likelihood.measures import Measure

Floats = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Division:
    """How a file is divided: kind is "line", "record" or "window"; size: bytes of a record or window.

    Records follow each other; each window begins half a window behind the window before, so that a place at the
    end of one is in the middle of the next.
    """

    kind: str
    size: int = 0

    @classmethod
    def of(cls, text: str) -> Division:
        """ "line", "record N" or "window N", N bytes or as 4K.  Raises ValueError for anything else, and for windows of
        an odd size."""
        match = re.fullmatch(r"(line)|(record|window)[ =:]*(.+)", text.strip())
        size = parse_size(match[3]) if match and match[3] else 0
        if match is None or size is None or (match[2] and not 1 <= size <= LARGEST_UNIT):
            raise ValueError(f"{text!r} is none of line, record N and window N, with N bytes")
        if match[2] == "window" and size % 2:
            raise ValueError(f"a window must have an even number of bytes, not {size}")
        return cls(match[1] or match[2], size)

    def ends(self, raw: bytes, offset: int) -> Offsets:
        """The places (n,) in ``raw`` where a line, record or half window ends; ``offset``: bytes of the file before
        ``raw``."""
        if self.kind == "line":
            return np.flatnonzero(np.frombuffer(raw, np.uint8) == ord("\n")) + 1
        step = self.size // self.span
        return np.arange(step - offset % step, len(raw) + 1, step)

    @property
    def span(self) -> int:
        """The pieces, between two of ``ends``, that a unit consists of: the first of them begins each next unit."""
        return 2 if self.kind == "window" else 1

    def units_of_context(self, raw: bytes) -> Iterator[bytes]:
        """The units of a context, which do not overlap."""
        apart = Division("record", self.size) if self.kind == "window" else self
        ends = [0, *apart.ends(raw, 0), len(raw)]
        return (raw[start:end] for start, end in pairwise(ends) if end > start)


ADAPTIVE_MEASURES: tuple[Measure, ...] = ("surprise", "bits", "rate")
"""The measures of adaptive scores, the default first: the others need what frozen scoring knows."""


LARGEST_UNIT = 1 << 40
"""The most bytes of a record or window."""

FILE_COLUMNS = ("bytes", "bits", "bits_per_byte")
UNIT_COLUMNS = ("unit", "offset", *FILE_COLUMNS, "surprise", "score", "z")


@dataclass(frozen=True)
class Units:
    """Parts of a file, in its order, (n,) each: where they begin, their sizes in bytes, their bits, and the sums of
    the squares of their bytes' costs; and the measure by which they are ranked.

    Of frozen scores also: what they measure, (n,); the dearest words of each, (n, MARKS) of MARK; and what is usual, if
    that is known.
    """

    starts: Offsets
    sizes: Offsets
    bits: Floats
    squares: Floats
    measure: Measure = "surprise"
    measured: Floats | None = None
    marks: npt.NDArray[np.void] | None = None
    usual: Usual | None = None

    @classmethod
    def of(
        cls, scored: Scored, steps: npt.ArrayLike, measure: Measure, usual: Usual | None = None, offset: int = 0
    ) -> Units:
        """Units with frozen scores; steps (n,): bytes from the beginning of each to that of the next; offset: where the
        first begins."""
        starts = offset + np.cumsum(np.append(0, steps), dtype=np.int64)[:-1]
        return cls(starts, scored.sizes, scored.bits, scored.squares, measure, scored.values, scored.marks, usual)

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
        """The measure of each unit (n,)."""
        if self.measured is not None:
            return self.measured
        return {"surprise": self.surprises, "bits": self.bits, "rate": self.rates}[self.measure]

    @cached_property
    def z_scores(self) -> Floats:
        """How many standard deviations each unit is above the mean, by the measure (n,): of what is usual, or if that
        is not known, of all units; 0 where those are all the same."""
        if self.usual is not None:
            return self.usual.z_scores(self.values)
        deviation = self.values.std() if self.values.size else 0.0
        return (self.values - self.values.mean()) / deviation if deviation > 0 else np.zeros_like(self.values)

    def passing(self, above: float | None = None, threshold: float | None = None) -> npt.NDArray[np.bool_]:
        """Whether the z-score of each unit is at least ``above`` and its measure above ``threshold`` (n,)."""
        passing = np.ones(self.sizes.size, np.bool_)
        if above is not None:
            passing &= self.z_scores >= above
        if threshold is not None:
            passing &= self.values > threshold
        return passing

    def ranking(self, top: int | None = None, above: float | None = None, threshold: float | None = None) -> Offsets:
        """The numbers of units, from 0, the highest measure first, equal ones in the order of the file: at most ``top``
        units, and only those that are ``passing``."""
        numbers = np.argsort(-self.values, kind="stable")[:top]
        return numbers[self.passing(above, threshold)[numbers]]

    def row(self, number: int) -> dict[str, int | float]:
        """A unit as a row of a table with UNIT_COLUMNS, where it is counted from 1."""
        whole = number + 1, self.starts[number], self.sizes[number]
        real = (column[number] for column in (self.bits, self.rates, self.surprises, self.values, self.z_scores))
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
    """The places where units end, and the sums of the costs, and of their squares, of all bytes before each."""

    size: int = 0
    sums: Floats = field(default_factory=lambda: np.zeros(2))
    ends: list[Offsets] = field(default_factory=lambda: [np.zeros(1, np.int64)])
    before: list[Floats] = field(default_factory=lambda: [np.zeros((2, 1))])

    def add(self, costs: Floats, ends: Offsets) -> None:
        """Add a block with the costs of its bytes, and the places ``ends`` (n,) in it where units end."""
        sums = np.zeros((2, costs.size + 1))
        np.cumsum([costs, costs * costs], 1, out=sums[:, 1:])
        self.ends.append(self.size + ends)
        self.before.append(self.sums[:, None] + sums[:, ends])
        self.size, self.sums = self.size + costs.size, self.sums + sums[:, -1]

    def units(self, span: int, measure: Measure) -> Units:
        """The units from each cut to the cut ``span`` cuts later; at least one unit."""
        ends, sums = np.concatenate(self.ends), np.concatenate(self.before, 1)
        if ends[-1] < self.size:
            ends, sums = np.append(ends, self.size), np.append(sums, self.sums[:, None], 1)
        span = max(1, min(span, ends.size - 1))
        bits, squares = sums[:, span:] - sums[:, :-span]
        return Units(ends[:-span], ends[span:] - ends[:-span], bits, squares, measure)


def score_blocks(
    blocks: Iterable[tuple[bytes, Floats]], division: Division | None = None, measure: Measure = "surprise"
) -> Score:
    """The score of a file from its blocks and the costs of their bytes, which ``density.stream_costs`` yields.

    A line includes its end; the last unit may be shorter than the others.
    """
    cuts = _Cuts()
    for raw, costs in blocks:
        cuts.add(costs, np.zeros(0, np.int64) if division is None else division.ends(raw, cuts.size))
    if division is None:
        return Score(cuts.size, float(cuts.sums[0]), None)
    return Score(cuts.size, float(cuts.sums[0]), cuts.units(division.span, measure))


def units_of(blocks: Iterable[bytes], division: Division) -> Iterator[list[bytes]]:
    """The units of a file from its blocks, some at a time, in order; the last may be shorter than the others."""
    rest, offset, last = b"", 0, b""
    for block in blocks:
        raw = rest + block
        ends = [0, *division.ends(raw, offset)]
        pieces = [raw[start:end] for start, end in pairwise(ends)]
        rest, offset = raw[ends[-1] :], offset + ends[-1]
        if division.span == 2:
            pieces, last = (
                [first + second for first, second in pairwise([last, *pieces]) if first],
                (pieces or [last])[-1],
            )
        yield pieces
    if rest or (last and offset == len(last)):
        yield [last + rest]


def score_frozen(
    blocks: Iterable[bytes],
    division: Division,
    scorer: AnomalyScorer,
    usual: Usual | None = None,
    advance: Advance | None = None,
) -> Score:
    """The score of a file from its blocks, each unit right after the scorer's context.

    A file's bits are those of its units; of windows, which overlap, those of every other one.
    usual: what z-scores compare with, instead of all units.  advance: called with numbers of bytes scored.
    """
    parts = [scorer.scored(units, advance) for units in units_of(blocks, division)]
    found = Scored(*map(np.concatenate, zip(*[*parts, Scored.empty(0)], strict=True)))
    steps = found.sizes if division.span == 1 else np.full(found.sizes.size, division.size // 2)
    units = Units.of(found, steps, scorer.measure, usual)
    size = int(units.starts[-1] + units.sizes[-1]) if units.sizes.size else 0
    return Score(size, float(units.bits[:: division.span].sum()), units)
