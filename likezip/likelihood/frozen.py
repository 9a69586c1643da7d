"""Frozen scoring: the cost of each unit right after a context, as if no other unit had come.

What a file shows does not change what is expected of its later units, so what comes twice is as surprising the second
time; and units may be scored in any order.  The model is that of ``likezip.records``: nothing is copied, and units go
through lanes in lockstep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.blocks.cost import FRACTION_BITS, cost_table
from likezip.blocks.options import Advance, CodingOptions
from likezip.records import units
from likezip.records.learning import learn
from likezip.records.units import UnitLanes

Floats = npt.NDArray[np.float64]


class ByteCosts(NamedTuple):
    """Of each byte of a unit, (n,) each: its bits, -log2 of its probability; the bits that the model expected, summed
    over its eight binary decisions; and the variance of the bits about these, in bits squared.

    The bits less the expected ones are a martingale: their mean is 0 if the model is right, and their variance is the
    sum of the variances (P. Hall, C. C. Heyde, "Martingale Limit Theory and its Application", 1980).
    """

    bits: Floats
    expected: Floats
    variance: Floats


class Moments(NamedTuple):
    """Of a binary decision with P(1) = index / 65536, (65536,) each: mean and variance of its cost, in bits."""

    mean: Floats
    variance: Floats


@lru_cache(maxsize=1)
def moments() -> Moments:
    """The moments for each probability that a decision may have; at index 0, which none has, they are 0."""
    one = np.arange(1, 65_536)
    p, costs = one / 65_536, cost_table() / (1 << FRACTION_BITS)
    cost_of_one, cost_of_zero = costs[one - 1], costs[65_535 - one]
    mean = p * cost_of_one + (1 - p) * cost_of_zero
    variance = p * (1 - p) * (cost_of_one - cost_of_zero) ** 2
    return Moments(np.append(0.0, mean), np.append(0.0, variance))


class FrozenModel:
    """A model behind the units of a context, which scoring never changes."""

    def __init__(
        self, context: Iterable[bytes], options: CodingOptions, announce: Callable[[], None] | None = None
    ) -> None:
        """context: units, in order, of which the last 4 MiB are learnt.  announce: called if kernels are compiled.

        Raises UnsupportedError for a prior that the model does not have.
        """
        pieces = [piece for unit in context for piece in _pieces(unit)]
        self._model = learn(pieces, options, announce)

    def costs(self, parts: Sequence[bytes], advance: Advance | None = None) -> list[ByteCosts]:
        """The costs of the bytes of each unit, right after the context.

        A unit of more than 64,512 bytes is scored in pieces, each right after the context.
        advance: called with the numbers of bytes scored meanwhile.
        """
        pieces = [piece for part in parts for piece in _pieces(part)]

        def work(lanes: UnitLanes, group: list[bytes]) -> list[ByteCosts]:
            found = _costs(lanes, group)
            if advance is not None:
                advance(sum(map(len, group)))
            return found

        found = iter(self._model.map(pieces, len, work))
        return [_joined([next(found) for _ in _pieces(part)]) for part in parts]


def _pieces(unit: bytes) -> list[bytes]:
    """A unit, or parts of a long one."""
    return [unit[first : first + units.MOST] for first in range(0, max(1, len(unit)), units.MOST)]


def _joined(pieces: list[ByteCosts]) -> ByteCosts:
    return pieces[0] if len(pieces) == 1 else ByteCosts(*map(np.concatenate, zip(*pieces, strict=True)))


def _costs(lanes: UnitLanes, group: list[bytes]) -> list[ByteCosts]:
    """The costs of the units of a group, the longest first."""
    decisions = list(lanes.decisions(group))
    ones = np.concatenate([ones[:, :8] for ones, _ in decisions]).astype(np.int64)
    bits = np.concatenate([bits[:, :8] for _, bits in decisions])
    costs = cost_table()[np.where(bits == 1, ones, 65_536 - ones) - 1].sum(1) / (1 << FRACTION_BITS)
    expected, variance = (table[ones].sum(1) for table in moments())
    ends = np.cumsum([len(unit) for unit in group])[:-1]
    return [ByteCosts(*parts) for parts in zip(*(np.split(x, ends) for x in (costs, expected, variance)), strict=True)]
