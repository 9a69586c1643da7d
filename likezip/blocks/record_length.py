"""How long the rows of a block are: bitmaps, tables of numbers and other records of one length."""

from __future__ import annotations

import numpy as np

SHORTEST, LONGEST = 2, 1024
EXAMINED = 1 << 17
"""Bytes in the middle of a block that are looked at."""

LEAST_SHARE = 0.02
"""What the best length must explain: of the bytes that don't equal the one above by chance, so many do."""
USUAL = 4
"""The length where none explains that much: that of a number."""

AS_GOOD = 0.95
"""The shortest length is taken that explains so much of what the best does: multiples of a length do about as much."""


FEWEST_ROWS = 8
"""In what is looked at: of a few, too many bytes are equal by chance."""


def row_length(raw: bytes) -> int:
    """Bytes of a row, between SHORTEST and LONGEST."""
    code = np.frombuffer(raw, np.uint8)
    middle = max(0, (code.size - EXAMINED) // 2)
    code = code[middle : middle + EXAMINED]
    lengths = np.arange(SHORTEST, min(LONGEST, code.size // FEWEST_ROWS) + 1)
    if lengths.size == 0:
        return USUAL
    chance = int((np.bincount(code).astype(np.int64) ** 2).sum()) / code.size**2  # exact but for the division
    equal = np.array([np.count_nonzero(code[length:] == code[:-length]) for length in lengths])
    shares = (equal / (code.size - lengths) - chance) / max(1 - chance, 1e-9)
    best = shares.max()
    return int(lengths[shares >= AS_GOOD * best][0]) if best > LEAST_SHARE else USUAL
