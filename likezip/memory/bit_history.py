"""Bit histories: one byte that sums up the bits seen so far in a context.

A slot of the context memory holds no counts but a *state*, a number in [0, 255] for the bits seen: up to
``EXACT_BITS`` bits the exact sequence, after that the pair (zeros, ones) and, while the pair is small, the last bit.
The probability of the next bit after a state is not fixed here: it comes from an adaptive map for each context, trained
beforehand (indirect modelling; M. Mahoney, "Adaptive weighing of context models for lossless data compression",
2005, and the ICM component of the ZPAQ specification).  The machine below is generated from the bounds, not copied.

States are numbered by the count of bits behind them, so a smaller state is the better one to evict; state 0 has
seen nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import table

EXACT_BITS = 4
"""Histories of at most this many bits are kept whole."""

LONGEST_RUN = {0: 44, 1: 30, 2: 13, 3: 8, 4: 6, 5: 5}
"""Largest count of one bit while the other has been seen ``key`` times."""

LAST_BIT_TOTAL = 12
"""Pairs that sum to at most this also remember the last bit."""

STATES = 256


@dataclass(frozen=True, order=True)
class History:
    """Counts of zeros and ones, and the last bits (oldest first) as far as they are kept."""

    zeros: int
    ones: int
    recent: tuple[int, ...]

    @property
    def total(self) -> int:
        return self.zeros + self.ones


def _discounted(count: int) -> int:
    """The count of one bit after the other bit was seen: old evidence fades."""
    return count if count < 3 else min(3 + (count - 3) // 2, 5)


def _bounded(zeros: int, ones: int) -> tuple[int, int]:
    """The nearest allowed pair that is not larger."""
    while True:
        few, many = sorted((zeros, ones))
        if few in LONGEST_RUN and many <= LONGEST_RUN[few]:
            return zeros, ones
        if zeros > ones:
            zeros -= 1
        elif ones > zeros:
            ones -= 1
        else:
            zeros, ones = zeros - 1, ones - 1


def _after(history: History, bit: int) -> History:
    """The history after one more ``bit``."""
    if history.total < EXACT_BITS:
        recent = (*history.recent, bit)
        return History(recent.count(0), recent.count(1), recent)
    if bit:
        zeros, ones = _bounded(_discounted(history.zeros), history.ones + 1)
    else:
        zeros, ones = _bounded(history.zeros + 1, _discounted(history.ones))
    keeps_last = min(zeros, ones) > 0 and zeros + ones <= LAST_BIT_TOTAL
    if zeros + ones <= EXACT_BITS:
        # A short pair that came from a longer history re-enters the exact states, old bits first.
        old = (1 - bit,) * (ones if bit == 0 else zeros) + (bit,) * (zeros if bit == 0 else ones)
        return History(zeros, ones, old)
    return History(zeros, ones, (bit,) if keeps_last else ())


@lru_cache(maxsize=1)
def _machine() -> tuple[list[History], npt.NDArray[np.uint8]]:
    """All histories that can be reached, by total, and for each the next state after bit 0 and bit 1."""
    start = History(0, 0, ())
    reached, frontier = {start}, [start]
    while frontier:
        grown = [_after(history, bit) for history in frontier for bit in (0, 1)]
        frontier = [history for history in dict.fromkeys(grown) if history not in reached]
        reached.update(frontier)
    histories = sorted(reached, key=lambda history: (history.total, history))
    if len(histories) > STATES:
        raise AssertionError(f"{len(histories)} bit histories don't fit into a byte")
    number = {history: state for state, history in enumerate(histories)}
    following = np.zeros((STATES, 2), np.uint8)
    for history, state in number.items():
        following[state] = [number[_after(history, bit)] for bit in (0, 1)]
    return histories, following


NEXT_STATE: npt.NDArray[np.uint8] = table(lambda: _machine()[1])
"""(256, 2) uint8: the state after a 0 and after a 1."""


def expected_one(state: int) -> float:
    """P(next bit = 1) after ``state`` in an untrained map: as Krichevsky and Trofimov's, with 0.4 instead of 0.5."""
    histories = _machine()[0]
    history = histories[state] if state < len(histories) else histories[0]
    return (history.ones + 0.4) / (history.total + 0.8)
