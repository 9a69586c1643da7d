"""Where records end: a binary decision behind each byte, by how often records that were learnt ended there.

*There* is behind the same two bytes, or at the same length, whichever tells more about the learnt records: lines end
behind a line feed, rows of a table of numbers at their length.  The decision before the first byte says whether a
record is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined
from likezip.kernels.machine_code import packed_once

KEYS = 1 << 16
EMPTY = KEYS
"""The key of the decision before the first byte."""


@packed_once
class Ends(NamedTuple):
    """ones (KEYS + 1,) int64: P(a record ends) in 1/65536, by key, in [1, 65535]; by_length: what the keys are."""

    ones: npt.NDArray[np.int64]
    by_length: bool


@inlined
def end_key(length, last, before, by_length):
    """The key of the decision behind byte number ``length``, the bytes ``before`` and ``last``."""
    return min(length, KEYS - 1) if by_length else last | before << 8


def learn_ends(records: Sequence[bytes]) -> Ends:
    """Learn where ``records`` end."""
    known = np.frombuffer(b"".join(records), np.uint8).astype(np.int64)
    lengths = np.array([len(record) for record in records if record], np.int64)
    last = np.cumsum(lengths) - 1
    first = last + 1 - lengths
    before = np.concatenate(([0], known[:-1]))[: known.size]
    before[first] = 0
    length = np.arange(known.size) + 1 - np.repeat(first, lengths)
    empty = len(records) - lengths.size, len(records)
    candidates = [_counted(key, last, empty) for key in (known | before << 8, np.minimum(length, KEYS - 1))]
    costs = [cost for _, cost in candidates]
    by_length = costs[1] < costs[0]
    return Ends(candidates[by_length][0], by_length)


def _counted(
    keys: npt.NDArray[np.int64], last: npt.NDArray[np.int64], empty: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], float]:
    """P(end) by key, for bytes with these keys of which those at ``last`` end a record; and the bits that the ends cost
    by it.

    A key that never occurred has the mean of all: (ends + mean) / (times + 1).
    """
    times, ends = np.bincount(keys, minlength=KEYS), np.bincount(keys[last], minlength=KEYS)
    all_ends, all_times = last.size + 1, keys.size + 2
    ones = ((ends * all_times + all_ends) << 16) // ((times + 1) * all_times)
    ones = np.append(ones, ((2 * empty[0] + 1) << 16) // (2 * empty[1] + 2)).clip(1, 65_535)
    chances = ones[:KEYS] / 65_536
    return ones, float(-(ends * np.log2(chances) + (times - ends) * np.log2(1 - chances)).sum())
