"""The length of a block's rows: bitmaps, tables of numbers and other records have one."""

from __future__ import annotations

import numpy as np

SHORTEST, LONGEST = 2, 1024
EXAMINED = 1 << 17
"""Bytes in the middle of a block that are looked at."""

LEAST_SHARE = 0.02
"""The least share that the best length must explain, of the bytes that don't equal the byte above by chance."""
USUAL = 4
"""The length if no length explains that much: the bytes of a number."""

AS_GOOD = 0.95
"""The shortest length is taken that explains this share of the bytes that the best explains: multiples of a length
explain about as much as the length itself."""


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
