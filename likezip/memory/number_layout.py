"""How numbers lie in a block."""

from __future__ import annotations

from dataclasses import dataclass, replace

WIDTHS = 1, 2, 4, 8
"""Bytes that a number may have."""


@dataclass(frozen=True)
class NumberLayout:
    """Numbers of ``width`` bytes, each ``item`` bytes behind the one before of its channel.

    item: a multiple of width, 65,535 at most; phase: the place in the block, below width, of the first number that
    begins there; big_endian: whether a number's highest byte comes first, False for those of a byte; is_float: whether
    the highest bit of a number of 4 or 8 bytes is its sign, and the others its magnitude.
    """

    item: int
    width: int
    phase: int = 0
    big_endian: bool = False
    is_float: bool = False

    def behind(self, size: int) -> NumberLayout:
        """The same numbers in a block that begins ``size`` bytes before."""
        return replace(self, phase=(self.phase + size) % self.width)
