"""How numbers lie in a block."""

from __future__ import annotations

from dataclasses import dataclass, replace

WIDTHS = 1, 2, 4, 8
"""Bytes that a number may have."""
MOST_CHANNELS = 128

_BIG_ENDIAN, _FLOAT, _PHASE, _CHANNELS = 2, 3, 4, 7
"""The bits of a layout as one number, of which the first two are log2 of the width."""
LAYOUT_BITS = 14
"""Bits of a layout as one number."""


@dataclass(frozen=True)
class NumberLayout:
    """Numbers of ``width`` bytes, one of WIDTHS, of ``channels`` by turns, MOST_CHANNELS at most.

    phase: the place in the block, below width, of the first number that begins there; big_endian: whether a number's
    highest byte comes first, False for numbers of a byte; is_float: whether the highest bit of numbers of 4 or 8 bytes
    is a sign, and the others a magnitude.
    """

    channels: int
    width: int
    phase: int = 0
    big_endian: bool = False
    is_float: bool = False

    @property
    def item(self) -> int:
        """Bytes from a number to the one before of its channel."""
        return self.channels * self.width

    @property
    def is_possible(self) -> bool:
        """Whether all is within its limits."""
        if not 1 <= self.channels <= MOST_CHANNELS or self.phase >= self.width:
            return False
        return self.width >= (4 if self.is_float else 2 if self.big_endian else 1)

    def behind(self, size: int) -> NumberLayout:
        """The same numbers in a block that begins ``size`` bytes before."""
        return replace(self, phase=(self.phase + size) % self.width)

    def pack(self) -> int:
        """The layout as one number."""
        order = self.big_endian << _BIG_ENDIAN | self.is_float << _FLOAT | self.phase << _PHASE
        return WIDTHS.index(self.width) | order | (self.channels - 1) << _CHANNELS

    @classmethod
    def unpack(cls, packed: int) -> NumberLayout:
        """The layout that was packed to a number below 2^LAYOUT_BITS; it may not be possible."""
        order = packed >> _PHASE & 7, bool(packed >> _BIG_ENDIAN & 1), bool(packed >> _FLOAT & 1)
        return cls((packed >> _CHANNELS) + 1, WIDTHS[packed & 3], *order)
