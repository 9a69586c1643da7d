"""The memory: what this block has shown so far in each context, and the match model.

For every lane and byte each context of ``CONTEXTS`` is hashed to a cache line of the table, which is four buckets.  A
bucket serves one nibble: 16 bytes, a check byte and the bit-history states of the nibble's 15 nodes (node 1 before its
first bit, then 2..3, 4..7, 8..15).  The buckets of the lower nibbles are in the same line or in one of the fifteen
beside it: nearly as good as anywhere, and on a page of memory that is known already.

A *global* context is shared by all lanes, a *local* one has the lane in its hash: the first learns volume, the second
keeps recency, and the mixer learns which to trust.

All arithmetic on hashes is on uint64 and wraps; everything else is int64 far from its limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from likezip.hashing import MIX_A, MIX_B, MIX_C, MIX_D, folded_letter, scramble
from likezip.kernels import inlined, prefetch

# What a lane knows at a byte boundary, the columns of the (lanes, REGISTERS) int64 array.
ZERO, WORD, WORD_PAIR, WORD_TRIPLE, ABOVE, EXPECTED, FIELD, SHAPE, TEMPLATE = range(9)  # what a context may name
HISTORY, START, POSITION, PARTIAL, LINE, LAST_LINE, LAST_WORD, WORD_BEFORE = range(9, 17)
KNOWN = 17  # contexts whose bucket was there already
MATCH_POINTER, MATCH_LENGTH, MATCH_SPARE = 18, 20, 22  # two columns each, one for each match model
REGISTERS = 24

MATCHES = ((20, 11), (18, 5))
"""(log2 of the index's entries, minimum length) of each match model."""

LONGEST_MATCH = 32
"""Candidates are verified and lengths counted up to here."""

LASTING_MATCH, SPARE_MISSES = 16, 8
"""A match that has reached this length survives so many wrong bytes, until it has reached it again: where lines or
records are alike but for a number, it goes on behind the number."""

BUCKET, LINE_SIZE = 16, 64
SPREAD = np.uint64(15)
"""The bits of its line's number in which a lower nibble's line differs from its byte's."""


@dataclass(frozen=True)
class Context:
    """One line of the table: the bits of the last eight bytes that count, a register, and whether lanes share it."""

    name: str
    mask: int
    register: int = ZERO
    local: bool = False


CONTEXTS = (
    Context("order 1", 0xFF),
    Context("order 2", 0xFFFF),
    Context("order 3", 0xFFFFFF),
    Context("order 4", 0xFFFFFFFF),
    Context("word", 0x0, WORD),
    Context("word pair", 0x0, WORD_PAIR),
    Context("word triple", 0x0, WORD_TRIPLE),
    Context("byte above and last", 0xFF, ABOVE),
    Context("field above", 0x0, FIELD),
    Context("shape and last", 0xFF, SHAPE),
    Context("template", 0x0, TEMPLATE),
    Context("expected byte and last", 0xFF, EXPECTED),
    Context("skip 2", 0xFFFF0000),
    Context("high nibbles", 0xF0F0F0F0),
    Context("local order 1", 0xFF, local=True),
    Context("local order 2", 0xFFFF, local=True),
    Context("local order 6", 0xFFFFFFFFFFFF, local=True),
    Context("local word", 0x0, WORD, local=True),
    Context("local distance 2", 0xFF00, local=True),
    Context("local distance 4", 0xFF00FF00, local=True),
)

MASKS = np.array([context.mask for context in CONTEXTS], np.uint64)
NAMED = np.array([context.register for context in CONTEXTS], np.int64)
IS_LOCAL = np.array([context.local for context in CONTEXTS], np.uint64)


@inlined
def hash_contexts(lane: int, registers: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64]) -> None:
    """Hash every context of one lane at a byte boundary: ``registers`` (REGISTERS,), ``hashes`` (contexts,)."""
    history = np.uint64(registers[HISTORY])
    for i in range(MASKS.size):
        value = (history & MASKS[i]) * MIX_B + np.uint64(registers[NAMED[i]]) * MIX_C
        value += np.uint64(i + 1) * MIX_D + IS_LOCAL[i] * np.uint64(lane + 1) * MIX_A
        hashes[i] = scramble(value)


@inlined
def locate_buckets(
    partial: int, hashes: npt.NDArray[np.uint64], homes: npt.NDArray[np.uint64], table: npt.NDArray[np.uint8]
) -> None:
    """Find the lines of one lane's coming nibble, and have them brought into the cache.

    ``partial`` is 1 or 16 + the upper nibble; ``homes`` (contexts,) gets the line's number below, the check byte above
    (a table has at most 2^22 lines).
    """
    last = np.uint64(table.size // LINE_SIZE - 1)
    for i in range(hashes.size):
        value, line = hashes[i], hashes[i]
        if partial > 1:
            value = scramble(hashes[i] + np.uint64(partial) * MIX_C)
            line ^= value & SPREAD
        line &= last
        homes[i] = line | (value >> np.uint64(56) << np.uint64(56))
        prefetch(table, line * np.uint64(LINE_SIZE))


@inlined
def find_buckets(homes: npt.NDArray[np.uint64], slots: npt.NDArray[np.uint32], table: npt.NDArray[np.uint8]) -> int:
    """Point ``slots`` (contexts,) at buckets of the lines located; returns how many of them were there already.

    Taken is the first bucket of the line whose check byte fits.  Without one, the first of those whose first node has
    the smallest state is emptied and taken.
    """
    last = np.uint64(table.size // LINE_SIZE - 1)
    known = 0
    for i in range(homes.size):
        check = np.uint8(homes[i] >> np.uint64(56))
        line = (homes[i] & last) * np.uint64(LINE_SIZE)
        best = 1 << 20
        for way in range(LINE_SIZE // BUCKET):
            bucket = line + np.uint64(way * BUCKET)
            # The least wins: the first that fits (0), else the first of the smallest state.
            state = int(table[bucket + np.uint64(1)]) + 1
            best = min(best, 64 * (0 if table[bucket] == check else state) + way * BUCKET)
        bucket = line + np.uint64(best & 63)
        kept = np.uint8(255 if best < 64 else 0)
        known += int(best < 64)
        table[bucket] = check
        for node in range(1, BUCKET):
            table[bucket + np.uint64(node)] &= kept
        slots[i] = bucket
    return known


@inlined
def _lane_start(position: int, size: int, lanes: int) -> int:
    """Where the lane that holds ``position`` begins."""
    short, longer = size // lanes, size % lanes
    if position < longer * (short + 1):
        return position // (short + 1) * (short + 1)
    return longer * (short + 1) + (position - longer * (short + 1)) // short * short


@inlined
def _match_key(history: np.uint64, minimum: int, bits: int) -> int:
    """The index entry for the last ``minimum`` bytes; more than eight are looked up by eight and verified."""
    kept = history << np.uint64(8 * (8 - min(minimum, 8)))
    return int((kept * MIX_B) >> np.uint64(64 - bits))


@inlined
def _agreement(raw: npt.NDArray[np.uint8], ours: int, theirs: int, limit: int) -> int:
    """How many bytes before ``ours`` and before ``theirs`` are equal, at most ``limit``."""
    length = 0
    while length < limit and raw[ours - 1 - length] == raw[theirs - 1 - length]:
        length += 1
    return length


@inlined
def expect_match(bits: int, minimum: int, registers: npt.NDArray[np.int64], index: npt.NDArray[np.int32]) -> None:
    """Have the entry brought into the cache that ``follow_match`` and ``enter_match`` will use."""
    prefetch(index, np.uint64(_match_key(np.uint64(registers[HISTORY]), minimum, bits)))


@inlined
def follow_match(
    model: int,
    bits: int,
    minimum: int,
    lanes: int,
    raw: npt.NDArray[np.uint8],
    registers: npt.NDArray[np.int64],
    index: npt.NDArray[np.int32],
) -> None:
    """Advance one lane's match over the byte just coded, or look for a new one.

    The length of a match that has expected a wrong bit is negative.  One that survives that has length 1 again.  A
    candidate was entered in an earlier step, so the byte after it is coded in every lane; from there both sides
    advance by one a step, and a pointer that leaves a lane enters the next one, whose beginning is known.
    """
    position = registers[POSITION]
    pointer, length = registers[MATCH_POINTER + model], abs(registers[MATCH_LENGTH + model])
    if length > 0 and raw[pointer] == raw[position - 1] and pointer + 1 < raw.size:
        registers[MATCH_POINTER + model] = pointer + 1
        registers[MATCH_LENGTH + model] = min(length + 1, LONGEST_MATCH)
        return
    registers[MATCH_LENGTH + model] = 0
    if length >= LASTING_MATCH:
        registers[MATCH_SPARE + model] = SPARE_MISSES
    if length > 0 and registers[MATCH_SPARE + model] > 0 and pointer + 1 < raw.size:
        registers[MATCH_SPARE + model] -= 1
        registers[MATCH_POINTER + model] = pointer + 1
        registers[MATCH_LENGTH + model] = 1
    done = position - registers[START]
    if done < minimum:
        return
    candidate = np.int64(index[_match_key(np.uint64(registers[HISTORY]), minimum, bits)])
    if candidate == 0 or candidate >= raw.size:
        return
    limit = min(done, candidate - _lane_start(candidate - 1, raw.size, lanes), LONGEST_MATCH)
    length = _agreement(raw, position, candidate, limit)
    if length >= minimum:
        registers[MATCH_POINTER + model] = candidate
        registers[MATCH_LENGTH + model] = length
        registers[MATCH_SPARE + model] = 0


@inlined
def enter_match(bits: int, minimum: int, registers: npt.NDArray[np.int64], index: npt.NDArray[np.int32]) -> None:
    """Note where the last ``minimum`` bytes of one lane ended; called after every lane has looked."""
    if registers[POSITION] - registers[START] >= minimum:
        index[_match_key(np.uint64(registers[HISTORY]), minimum, bits)] = registers[POSITION]


SMALL_LETTER, CAPITAL, DIGIT = 1, 2, 3


@inlined
def _kind(byte: int) -> int:
    """What a byte is in a shape: letters beyond ASCII count as small ones."""
    if 97 <= byte <= 122 or byte >= 128:
        return SMALL_LETTER
    if 65 <= byte <= 90:
        return CAPITAL
    return DIGIT if 48 <= byte <= 57 else byte


@inlined
def remember_byte(byte: int, raw: npt.NDArray[np.uint8], registers: npt.NDArray[np.int64]) -> None:
    """Bring the registers of one lane from before ``byte`` to after it."""
    registers[HISTORY] = np.int64((np.uint64(registers[HISTORY]) << np.uint64(8)) | np.uint64(byte))
    registers[POSITION] += 1
    position = registers[POSITION]
    letter = folded_letter(byte)
    if letter > 0:
        registers[WORD] = np.int64((np.uint64(registers[WORD]) + np.uint64(letter + 1)) * MIX_A)
    elif registers[WORD] != 0:
        registers[WORD_BEFORE] = registers[LAST_WORD]
        registers[LAST_WORD] = registers[WORD]
        registers[WORD] = 0
    # The shape: letters, capitals and digits as one byte each, and a run of them as one.
    kind = _kind(byte)
    if kind == byte or kind != registers[SHAPE] & 255:
        registers[SHAPE] = np.int64((np.uint64(registers[SHAPE]) << np.uint64(8)) | np.uint64(kind))
    if byte == 10:
        registers[LAST_LINE] = registers[LINE]
        registers[LINE] = position
        registers[TEMPLATE] = 0
    elif kind != DIGIT:
        registers[TEMPLATE] = np.int64((np.uint64(registers[TEMPLATE]) + np.uint64(byte + 1)) * MIX_A)
    # The byte above: same column of the line before, or zero where that line was shorter.
    above = registers[LAST_LINE] + position - registers[LINE]
    inside = registers[LAST_LINE] < registers[LINE] and above < registers[LINE]
    registers[ABOVE] = np.int64(raw[above]) + 1 if inside else 0


@inlined
def derive_registers(registers: npt.NDArray[np.int64], raw: npt.NDArray[np.uint8]) -> None:
    """The registers that follow from others once the match is known."""
    last = registers[HISTORY] & 255
    registers[FIELD] = registers[ABOVE] * 256 + min(registers[POSITION] - registers[LINE], 255)
    pair = np.uint64(registers[LAST_WORD]) * MIX_D + np.uint64(registers[WORD])
    registers[WORD_PAIR] = np.int64(pair + np.uint64(last if registers[WORD] == 0 else 0))
    before = np.uint64(registers[WORD_BEFORE]) * MIX_B
    registers[WORD_TRIPLE] = np.int64(np.uint64(registers[WORD_PAIR]) + before)
    longest = 0 if registers[MATCH_LENGTH] > 0 else 1
    length = registers[MATCH_LENGTH + longest]
    registers[EXPECTED] = 0
    if length > 0:
        registers[EXPECTED] = (np.int64(raw[registers[MATCH_POINTER + longest]]) + 1) * 64 + min(length, 16)
