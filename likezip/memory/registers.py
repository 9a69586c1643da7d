"""The registers of a lane at a byte boundary: the int64s that contexts and match models are made from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined
from likezip.kernels.hashing import MIX_A, MIX_B, MIX_D, folded_letter
from likezip.memory import x86_state

# The columns of the (lanes, REGISTERS) int64 array; a context may name the first ones.
NO_REGISTER, HISTORY, WORD, WORD_PAIR, WORD_TRIPLE, NEIGHBOURS, EXPECTED, SHAPE, TEMPLATE, INSTRUCTION, LANE, RUN = (
    range(12)
)
START, POSITION, PARTIAL, ROW_LENGTH, LINE, LAST_LINE, LAST_WORD, WORD_BEFORE = range(12, 20)
KNOWN_CONTEXTS = 20  # the number of contexts that had a bucket already
MATCH_POINTER, MATCH_LENGTH, MATCH_SPARE = 21, 23, 25  # two columns each, one for each match model
ALIGNED_AT = 27  # the place in the last line that the coming byte is aligned with
CHOICE = 28  # two columns, the rows of the weight sets that the profile chooses
ASLEEP = 30  # 1 while the prior is not asked
BEGAN = 31  # POSITION less the number of bytes that the lane has learnt
NUMBERS, MORE_NUMBERS, BEST_NUMBER = 32, 33, 34  # of the profile for numbers alone
INDIRECT = 35  # the followers of the last byte and of the last two bytes
VISIT, PREDICTED = 36, 37  # of the bit predicted last: 8 POSITION + its number, and the bits before it
LASTING = 38  # the profile's length from which on a match survives wrong bytes
REGISTERS = 40  # whole cache lines

# The bytes of NEIGHBOURS, if there is a row above: the byte above, its right neighbour, and the byte two rows above.
BYTE_ABOVE, RIGHT, SECOND = 0xFF, 0xFF << 8, 0xFF << 24
COLUMN, SLOPE, IS_ABOVE = 0xFFFF << 32, 0xFF << 48, 1 << 56
ALIGNED = SECOND  # if rows are lines: the byte at ALIGNED_AT

# The bytes of NUMBERS, MORE_NUMBERS and BEST_NUMBER.  Of the first two: the bytes that the predictions of ``numbers``
# expect, in their order.  Of the last: the byte by least squares, the three bits behind it, and the scale of errors.
# PLACE is that in the item, 255 at most.
FIRST, PLACE = 0xFF, 0xFF << 48
BEFORE, ABOVE, PLANE, LINE_ON, ACROSS = 0xFF << 8, 0xFF << 16, 0xFF << 24, 0xFF << 32, 0xFF << 40
LINE_ABOVE, SLOPE_ABOVE, ACROSS_ABOVE, CURVE, SLOW_ESTIMATE = 0xFF << 8, 0xFF << 16, 0xFF << 24, 0xFF << 32, 0xFF << 40
EIGHTHS, SCALE = 7 << 8, 0xFF << 16

# The bytes of INDIRECT: the last two bytes that followed the last byte, and those that followed the last two bytes;
# the latest is the lower of two.
AFTER_BYTE, AFTER_PAIR, LATEST = 0xFFFF, 0xFFFF << 16, 0xFF00FF

EXPECTED_BYTE = 0x7FC0
"""The bits of EXPECTED that say which byte a match expects, if there is one, without the match's length."""

LONGEST_SHAPE_RUN = 31
"""Bytes of one kind that are counted at most."""

NEAR = 64
"""Bytes of the last line that are searched for a byte."""

SMALL_LETTER, CAPITAL, DIGIT = 1, 2, 3


@inlined
def _kind(byte: int) -> int:
    """The kind of a byte in a shape: letters beyond ASCII count as small letters."""
    if 97 <= byte <= 122 or byte >= 128:
        return SMALL_LETTER
    if 65 <= byte <= 90:
        return CAPITAL
    return DIGIT if 48 <= byte <= 57 else byte


@inlined
def _remember_text(byte: int, registers: npt.NDArray[np.int64]) -> None:
    """Update words, shape, lines and template after ``byte``."""
    letter, kind = folded_letter(byte), _kind(byte)
    if letter > 0:
        registers[WORD] = np.int64((np.uint64(registers[WORD]) + np.uint64(letter + 1)) * MIX_A)
    elif registers[WORD] != 0:
        registers[WORD_BEFORE] = registers[LAST_WORD]
        registers[LAST_WORD] = registers[WORD]
        registers[WORD] = 0
    # The shape: letters, capitals and digits as one byte each, and a run of them as one.
    registers[RUN] = min(registers[RUN] + 256, LONGEST_SHAPE_RUN << 8 | kind) if kind == registers[RUN] & 255 else kind
    if kind == byte or kind != registers[SHAPE] & 255:
        registers[SHAPE] = np.int64((np.uint64(registers[SHAPE]) << np.uint64(8)) | np.uint64(kind))
    if byte == 10:
        registers[LAST_LINE] = registers[ALIGNED_AT] = registers[LINE]
        registers[LINE] = registers[POSITION]
        registers[TEMPLATE] = 0
    elif kind != DIGIT:
        registers[TEMPLATE] = np.int64((np.uint64(registers[TEMPLATE]) + np.uint64(byte + 1)) * MIX_A)


@inlined
def _align(byte: int, raw: npt.NDArray[np.uint8], registers: npt.NDArray[np.int64]) -> None:
    """Move ALIGNED_AT along the last line: by one byte within letters and digits; after any other byte behind the next
    equal byte there, if it is near.
    """
    at = registers[ALIGNED_AT]
    end = min(registers[LINE] - 1, at + NEAR)
    if byte == 10 or at >= end:
        return
    if _kind(byte) != byte:
        registers[ALIGNED_AT] += int(_kind(np.int64(raw[at])) != raw[at])
        return
    while at < end and raw[at] != byte:
        at += 1
    if at < end:
        registers[ALIGNED_AT] = at + 1


@inlined
def look_up(raw: npt.NDArray[np.uint8], registers: npt.NDArray[np.int64]) -> int:
    """NEIGHBOURS of the coming byte: the bytes around it in the rows above, and its column.

    Rows are ROW_LENGTH bytes long; if that is 0, they are lines.
    """
    position, row, start = registers[POSITION], registers[ROW_LENGTH], registers[START]
    line, last_line, aligned, second = registers[LINE], registers[LAST_LINE], registers[ALIGNED_AT], np.int64(0)
    if row > 0:
        above, column = position - row, np.int64(np.uint64(position) % np.uint64(row))
        inside = above >= start
        if above - row >= start:
            second = np.int64(raw[above - row])
    else:
        above, column = last_line + position - line, min(position - line, np.int64(255))
        inside = last_line < line and above < line
        if aligned < line:
            second = np.int64(raw[aligned])
    if not inside:
        return int(second << 24)
    up, right, left = np.int64(raw[above]), np.int64(0), np.int64(0)
    if above + 1 < position:
        right = np.int64(raw[above + 1])
    if above > start:
        left = np.int64(raw[above - 1])
    slope = (up + registers[HISTORY] - left) & 255
    return int(up | right << 8 | second << 24 | column << 32 | slope << 48 | IS_ABOVE)


@inlined
def remember_byte(byte: int, raw: npt.NDArray[np.uint8], registers: npt.NDArray[np.int64]) -> None:
    """Update the registers of one lane after ``byte``."""
    registers[HISTORY] = np.int64((np.uint64(registers[HISTORY]) << np.uint64(8)) | np.uint64(byte))
    registers[POSITION] += 1
    _remember_text(byte, registers)
    _align(byte, raw, registers)
    registers[INSTRUCTION] = x86_state.take_apart(registers[INSTRUCTION], byte)
    registers[NEIGHBOURS] = look_up(raw, registers)


@inlined
def derive_registers(raw: npt.NDArray[np.uint8], registers: npt.NDArray[np.int64]) -> None:
    """The registers that follow from others once the match is known."""
    last = registers[HISTORY] & 255
    pair = np.uint64(registers[LAST_WORD]) * MIX_D + np.uint64(registers[WORD])
    registers[WORD_PAIR] = np.int64(pair + np.uint64(last if registers[WORD] == 0 else 0))
    before = np.uint64(registers[WORD_BEFORE]) * MIX_B
    registers[WORD_TRIPLE] = np.int64(np.uint64(registers[WORD_PAIR]) + before)
    model = 0 if registers[MATCH_LENGTH] > 0 else 1
    length = registers[MATCH_LENGTH + model]
    registers[EXPECTED] = 0
    if length > 0:
        registers[EXPECTED] = (np.int64(raw[registers[MATCH_POINTER + model]]) + 1) * 64 + min(length, 16)
