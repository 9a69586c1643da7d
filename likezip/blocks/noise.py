"""Data that nothing makes smaller, as they are random, encrypted or compressed already."""

from __future__ import annotations

import numpy as np

PART = 1 << 22
"""Bytes examined at a time: of the strings of four bytes in so many random bytes, one in 2000 repeats another."""

NEW = 0.99
"""The least number of different strings of four bytes in noise, as a share of the places where one begins."""


def repeats_nothing(raw: bytes) -> bool:
    """Whether hardly any four bytes in a row come twice in any part of the data, so that no match or context helps.

    The count is exact, so it is the same everywhere, unlike the size that another compressor would give.
    """
    content = np.frombuffer(raw, np.uint8)
    return all(_is_new(content[start : start + PART]) for start in range(0, len(raw), PART))


def _is_new(part: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> bool:
    places = max(0, part.size - 3)
    strings = np.zeros(places, np.uint32)
    for i in range(4):
        strings |= part[i : i + places].astype(np.uint32) << np.uint32(8 * i)
    strings.sort()  # numpy's own unique takes ten times as long
    return int((strings[1:] != strings[:-1]).sum()) + 1 >= NEW * places
