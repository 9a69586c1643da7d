"""Binary decisions to bytes and back, for codes so short that their ends count.

Blocks are coded by ``entropy_coder``, whose first state costs 3 bytes more than the information.  This is a range
coder with carries (G. N. N. Martin, "Range encoding", 1979): a code is the shortest number in the last range, so it
costs less than a byte more.

Exactness: the range is at least 2^56 before each decision, so with 1 <= one <= 65535 the part of a one,
(range >> 16) one, is at least 2^40 and less than the range.  What rounding costs is below 2^-39 bits a decision.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import compiled, inlined

LEAST = np.uint64(1 << 56)
"""The least range before a decision."""
ALL = np.uint64((1 << 64) - 1)
BYTE = np.uint64(8)
TOP = np.uint64(56)

LOW, RANGE, WRITTEN = range(3)
"""State of an encoder, uint64: the lower end of the range behind the bytes written, the range, and their number."""
VALUE, READ = 0, 2
"""State of a decoder, uint64: the code less the lower end of the range, the range, and the bytes read."""


def encode(ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8]) -> bytes:
    """The code of ``bits`` (n,), 0 or 1, with P(1) = ones / 65536 (n,), in [1, 65535]; it ends in no zero byte."""
    code = np.zeros(2 * bits.size + 16, np.uint8)
    size = _encode(ones, bits, code)
    return code[:size].tobytes().rstrip(b"\0")


@compiled
def _encode(ones, bits, code):
    """Fill ``code``, of at least 2 n + 16 bytes, since a decision costs at most 16 bits; returns the bytes used."""
    low, width, size = np.uint64(0), ALL, 0
    for i in range(bits.size):
        part = (width >> np.uint64(16)) * np.uint64(ones[i])
        if bits[i]:
            width = part
        else:
            low, width = low + part, width - part
            if low < part:
                _carry(code, size)
        while width < LEAST:
            code[size] = np.uint8(low >> TOP)
            size, low, width = size + 1, low << BYTE, width << BYTE
    return _end(low, width, code, size)


@inlined
def _carry(code, size):
    """Add 1 to the number that ``size`` bytes are."""
    place = size - 1
    while code[place] == 255:
        code[place] = 0
        place -= 1
    code[place] += np.uint8(1)


@inlined
def _end(low, width, code, size):
    """Write the number in [low, low + width) that has the most zeros at its end; returns the bytes used."""
    if low == 0:
        return size
    kept, number = 1, np.uint64(0)
    while kept <= 8:
        unit = np.uint64(1) << np.uint64(64 - 8 * kept)
        number = (low + (unit - np.uint64(1))) & ~(unit - np.uint64(1))
        if number - low < width:
            break
        kept += 1
    if number < low:
        _carry(code, size)
    for i in range(kept):
        code[size + i] = np.uint8((number >> np.uint64(56 - 8 * i)) & np.uint64(255))
    return size + kept


@inlined
def begin_decoding(code, state):
    """Begin to decode ``code``, behind which there are zeros without end."""
    state[VALUE], state[RANGE], state[READ] = 0, ALL, 0
    for _ in range(8):
        state[VALUE] = state[VALUE] << BYTE | _next_byte(code, state)


@inlined
def _next_byte(code, state):
    place = np.int64(state[READ])
    state[READ] += np.uint64(1)
    return np.uint64(code[place]) if place < code.size else np.uint64(0)


@inlined
def next_bit(code, state, one):
    """The next bit, whose P(1) was one / 65536."""
    value, width = state[VALUE], state[RANGE]
    part = (width >> np.uint64(16)) * np.uint64(one)
    bit = value < part
    if bit:
        width = part
    else:
        value, width = value - part, width - part
    state[VALUE] = value
    while width < LEAST:
        width <<= BYTE
        state[VALUE] = state[VALUE] << BYTE | _next_byte(code, state)
    state[RANGE] = width
    return int(bit)
