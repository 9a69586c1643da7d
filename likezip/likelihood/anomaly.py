"""A scorer of anomalies: units are measured right after a context, and compared with what the context calls usual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from likezip.blocks.options import Advance, CodingOptions, PriorChoice
from likezip.frames.raw_io import bytes_of
from likezip.likelihood.frozen import ByteCosts, Floats, FrozenModel
from likezip.likelihood.measures import MARK, MARKS, Measure, measured, words_of
from likezip.likelihood.times import without_times
from likezip.model import ModelLike, resolve_model
from likezip.records.learning import Context, last_records, records_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

HELD_OUT = 5
"""One part in so many of a context, its last units, tells what is usual."""
LEAST_HELD_OUT = 10
"""Units that have to be held out, at least."""


class Scored(NamedTuple):
    """Units as they were scored: sizes in bytes, bits, sums of the squares of their bytes' bits, and measures, (n,)
    each; and their dearest words, (n, MARKS) of MARK."""

    sizes: npt.NDArray[np.int64]
    bits: Floats
    squares: Floats
    values: Floats
    marks: npt.NDArray[np.void]

    @classmethod
    def empty(cls, size: int) -> Scored:
        """Room for ``size`` units."""
        bits, squares, values = np.zeros((3, size))
        return cls(np.zeros(size, np.int64), bits, squares, values, np.zeros((size, MARKS), MARK))


@dataclass(frozen=True)
class Usual:
    """The measures (n,) of the part of a context that was held out, when the rest had been learnt."""

    values: Floats

    def z_scores(self, values: Floats) -> Floats:
        """How many standard deviations of the held-out units values are above their mean; 0 if those are all equal."""
        deviation = self.values.std()
        return (values - self.values.mean()) / deviation if deviation > 0 else np.zeros_like(values)

    def threshold(self, expected_rate: float) -> float:
        """The measure that at most a share ``expected_rate`` of usual units exceeds, if they come as those of the
        context did.

        The k-th highest of n held-out measures, with k = rate (n + 1) rounded down, which is a bound for units that are
        exchangeable with them (R. Laxhammar, G. Falkman, "Conformal prediction for distribution-independent anomaly
        detection", 2010).  Raises ValueError for a rate not above 0 and below 1, or so low that no k is left.
        """
        if not 0 < expected_rate < 1:
            raise ValueError(f"an expected rate must be above 0 and below 1, not {expected_rate}")
        rank = int(expected_rate * (self.values.size + 1))
        if rank < 1:
            least = HELD_OUT * int(np.ceil(1 / expected_rate))
            raise ValueError(
                f"an expected rate of {expected_rate:g} needs a context of {least} units, as one in 5 tells"
            )
        return float(np.sort(self.values)[-rank])


class AnomalyScorer:
    """Measures how anomalous units are, lines or records, right after a context that it has learnt.

    No unit changes what the next one costs.  A scorer may be used by one thread at a time.
    """

    def __init__(
        self,
        context: Context = (),
        *,
        measure: Measure = "blend",
        times: bool = False,
        model: ModelLike | None = None,
        prior: PriorChoice = "auto",
        threads: int = 1,
        announce: Callable[[], None] | None = None,
    ) -> None:
        """context: the units to learn, in order, of which the last 4 MiB count: an iterable of them, or the bytes or
        the path of a file whose lines are units; paths among units too.  measure: see ``likezip.likelihood.measures``.
        times: whether dates and times of day in units count; if not, all of them are taken for the same
        (``likezip.likelihood.times``), as they go on while everything else stays.

        model, prior, threads: as for ``RecordCodec``.  announce: called if kernels have to be compiled.
        Raises ValueError for an unknown measure or options outside their ranges, UnsupportedError for a prior that the
        model does not have, OSError for files that can't be read.
        """
        if measure not in get_args(Measure):
            raise ValueError(f"measure must be one of {', '.join(get_args(Measure))}, not {measure}")
        self.measure, self._announce = measure, announce
        self._times = times
        self._options = CodingOptions(resolve_model(model), prior, lanes=1, threads=threads)
        self._context = [self._taken(unit) for unit in last_records(records_of(context))]
        self._model = self._behind(self._context)

    def _behind(self, context: Sequence[bytes]) -> FrozenModel:
        return FrozenModel(context, self._options, self._announce)

    def _taken(self, unit: Buffer) -> bytes:
        """A unit as it is learnt and scored: as long as it was."""
        raw = bytes(bytes_of(unit))
        return raw if self._times else without_times(raw)

    @cached_property
    def _without(self) -> FrozenModel:
        """The model behind nothing."""
        return self._behind([])

    def byte_costs(self, units: Iterable[Buffer], advance: Advance | None = None) -> list[ByteCosts]:
        """The costs of the bytes of each unit, right after the context.  advance: called with numbers of bytes."""
        return self._model.costs([self._taken(unit) for unit in units], advance)

    def scores(self, units: Iterable[Buffer]) -> Floats:
        """The measure of each unit, (n,)."""
        return self.scored(units).values

    def scored(self, units: Iterable[Buffer], advance: Advance | None = None) -> Scored:
        """All about each unit.  advance: called with numbers of bytes."""
        return self._scored([self._taken(unit) for unit in units], self._model, advance)

    def _scored(self, units: list[bytes], model: FrozenModel, advance: Advance | None = None) -> Scored:
        all_costs = model.costs(units, advance)
        without = [0.0] * len(units)
        if self.measure == "ratio":
            without = [float(costs.bits.sum()) for costs in self._without.costs(units)]
        found = Scored.empty(len(units))
        for number, (unit, costs, plain) in enumerate(zip(units, all_costs, without, strict=True)):
            if unit:
                words = words_of(unit, costs)
                value = measured(self.measure, unit, costs, words, plain)
                of_unit = len(unit), costs.bits.sum(), np.sum(costs.bits**2), value, words.marked()
                for column, of_column in zip(found, of_unit, strict=True):
                    column[number] = of_column
        return found

    @cached_property
    def usual(self) -> Usual:
        """What is usual: the last fifth of the context's units is held out, the others are learnt once more.

        Raises ValueError if fewer than 10 units can be held out.
        """
        held = len(self._context) // HELD_OUT
        if held < LEAST_HELD_OUT:
            least = HELD_OUT * LEAST_HELD_OUT
            raise ValueError(f"a context of {len(self._context)} units does not tell what is usual: {least} are needed")
        known, rest = self._context[:-held], self._context[-held:]
        return Usual(self._scored(rest, self._behind(known)).values)
