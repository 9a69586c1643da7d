"""Hashes of contexts and letters of words, on uint64, which wraps."""

from __future__ import annotations

import numpy as np

from likezip.kernels.compiling import inlined

# Odd multipliers: the fractional parts of the golden ratio and of square roots, as 64-bit fixed point.
MIX_A = np.uint64(0x9E3779B97F4A7C15)
MIX_B = np.uint64(0x6A09E667F3BCC909)
MIX_C = np.uint64(0xBB67AE8584CAA73B)
MIX_D = np.uint64(0x3C6EF372FE94F82B)


@inlined
def scramble(value: np.uint64) -> np.uint64:
    """Spread ``value`` over 64 bits."""
    value = (value ^ (value >> np.uint64(32))) * MIX_A
    return value ^ (value >> np.uint64(29))


@inlined
def folded_letter(byte: int) -> int:
    """The byte of a letter, capitals of ASCII as small letters; 0 for a byte that is no letter.  All bytes from 128 on
    count as letters."""
    folded = byte | 32 if byte < 128 else byte
    return folded if 97 <= folded <= 122 or byte >= 128 else 0
