"""A fuzzer's bytes as choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Choices:
    """Takes bytes from the front; once they are used up every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, with zeros behind the last."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken.ljust(size, b"\0")

    def below(self, count: int) -> int:
        """A number in [0, count)."""
        return int.from_bytes(self.take(-(-(count - 1).bit_length() // 8)), "little") % count

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def rest(self) -> bytes:
        """All that is left."""
        rest = self._data[self._at :]
        self._at = len(self._data)
        return rest
