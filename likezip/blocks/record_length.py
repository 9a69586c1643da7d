"""The length of a block's rows: bitmaps, tables of numbers and other records have one."""

from __future__ import annotations

import numpy as np

SHORTEST, LONGEST = 2, 1024
EXAMINED = 1 << 17
"""Bytes in the middle of a block that are examined."""

LEAST_SHARE = 0.02
"""The best length is used only if more than this share of bytes equal the byte above, beyond chance."""
USUAL = 4
"""The length if the best one is not used: the bytes of a number."""

AS_GOOD = 0.95
"""The shortest length is used whose share is at least this part of the best one's: multiples of a length are about as
good as the length itself."""


FEWEST_ROWS = 8
"""Rows in the examined bytes, at least: of fewer, too many bytes are equal by chance."""


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
