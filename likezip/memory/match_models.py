"""The match models: they find where the last bytes occurred before in the block, and expect the byte that followed
there.  Each has an index with an entry for every line of the block's hash table, so it grows with the block."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined
from likezip.kernels.hashing import MIX_B
from likezip.kernels.intrinsics import prefetch
from likezip.memory.registers import (
    HISTORY,
    LASTING,
    MATCH_LENGTH,
    MATCH_POINTER,
    MATCH_SPARE,
    POSITION,
    START,
)

MINIMA = (11, 5)
"""Minimum length of each match model."""

LONGEST_MATCH = 127
"""Bytes up to which candidates are verified and lengths counted: a cell, twice the length and the expected bit, is one
of 256."""

SURE_MATCH = 32
"""The length from which on a match lets the prior sleep."""

MISSES = 4
"""Wrong bytes that a match survives which is long enough, until it is that long again."""

STRONG_MATCH = 16
"""The length from which on a match counts as strong where weights and APMs are chosen."""


@inlined
def _lane_start(position: int, begin: int, end: int, lanes: int) -> int:
    """Where the lane of the piece that holds ``position`` begins; 0 for a place before the piece, as all that is before
    it is known."""
    if position < begin:
        return 0
    position, short, longer = position - begin, (end - begin) // lanes, (end - begin) % lanes
    if position < longer * (short + 1):
        return begin + position // (short + 1) * (short + 1)
    return begin + longer * (short + 1) + (position - longer * (short + 1)) // short * short


@inlined
def _match_key(history: np.uint64, minimum: int, entries: int) -> int:
    """Which of the ``entries`` of an index, a power of two below 2^32, is for the last ``minimum`` bytes; of more than
    eight, eight are looked up, and the others verified."""
    kept = history << np.uint64(8 * (8 - min(minimum, 8)))
    return int((((kept * MIX_B) >> np.uint64(32)) * np.uint64(entries)) >> np.uint64(32))


@inlined
def _agreement(raw: npt.NDArray[np.uint8], ours: int, theirs: int, limit: int) -> int:
    """The number of equal bytes before the places ``ours`` and ``theirs``, at most ``limit``."""
    length = 0
    while length < limit and raw[ours - 1 - length] == raw[theirs - 1 - length]:
        length += 1
    return length


@inlined
def expect_match(minimum: int, registers: npt.NDArray[np.int64], index: npt.NDArray[np.int32]) -> None:
    """Prefetch the index entry that ``follow_match`` and ``enter_match`` will use."""
    prefetch(index, np.uint64(_match_key(np.uint64(registers[HISTORY]), minimum, index.size)))


@inlined
def follow_match(
    model: int,
    minimum: int,
    lanes: int,
    begin: int,
    end: int,
    raw: npt.NDArray[np.uint8],
    registers: npt.NDArray[np.int64],
    index: npt.NDArray[np.int32],
) -> None:
    """Advance one lane's match over the byte just coded, or look for a new one, within the first ``end`` bytes, of
    which those from ``begin`` on are divided into ``lanes``.

    The length of a match that has expected a wrong bit is negative. A match that has reached the length LASTING
    survives MISSES wrong bytes, and as many again once it has reached that length again: where lines or records are
    alike but for a number, it goes on behind the number. Its length is then 1 again. A candidate was entered in an
    earlier step, or in this one by the group before, so the byte after it is coded, whatever lane it is in; from there
    the match and the lane advance by one byte a step, and a pointer that leaves its lane enters the next one, whose
    beginning is coded.
    """
    position = registers[POSITION]
    pointer, length = registers[MATCH_POINTER + model], abs(registers[MATCH_LENGTH + model])
    if length > 0 and raw[pointer] == raw[position - 1] and pointer + 1 < end:
        registers[MATCH_POINTER + model] = pointer + 1
        registers[MATCH_LENGTH + model] = min(length + 1, LONGEST_MATCH)
        return
    registers[MATCH_LENGTH + model] = 0
    if length >= registers[LASTING]:
        registers[MATCH_SPARE + model] = MISSES
    if length > 0 and registers[MATCH_SPARE + model] > 0 and pointer + 1 < end:
        registers[MATCH_SPARE + model] -= 1
        registers[MATCH_POINTER + model] = pointer + 1
        registers[MATCH_LENGTH + model] = 1
    done = position - registers[START]
    if done < minimum:
        return
    candidate = np.int64(index[_match_key(np.uint64(registers[HISTORY]), minimum, index.size)])
    if candidate == 0 or candidate >= end:
        return
    limit = min(done, candidate - _lane_start(candidate - 1, begin, end, lanes), LONGEST_MATCH)
    length = _agreement(raw, position, candidate, limit)
    if length >= minimum:
        registers[MATCH_POINTER + model] = candidate
        registers[MATCH_LENGTH + model] = length
        registers[MATCH_SPARE + model] = 0


@inlined
def enter_match(minimum: int, registers: npt.NDArray[np.int64], index: npt.NDArray[np.int32]) -> None:
    """Enter the end of the last ``minimum`` bytes of one lane into the index; called once every lane of its group
    has looked there."""
    if registers[POSITION] - registers[START] >= minimum:
        index[_match_key(np.uint64(registers[HISTORY]), minimum, index.size)] = registers[POSITION]
