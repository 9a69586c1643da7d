"""Fields of headers, as they come: a parser asks for bytes by yielding their number, and is sent them.

Sizes are written in as many bytes as they need:

    bits 0 and 1 of the first byte   bytes behind the first, 0 to 3
    the other bits, little endian    the number, below 2^30
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from likezip.errors import CorruptError, TruncatedError

Result = TypeVar("Result")
Parser = Generator[int, bytes, Result]
"""Yields the number of bytes that are to be sent next, fewer only at the end of the data; returns what they say."""

MAX_NUMBER = (1 << 30) - 1


def pack_number(number: int) -> bytes:
    """A number in [0, MAX_NUMBER] in the bytes it needs; raises OverflowError for others."""
    if not 0 <= number <= MAX_NUMBER:
        raise OverflowError(f"{number} is not in [0, {MAX_NUMBER}]")
    size = (number.bit_length() + 9) // 8
    return (number << 2 | size - 1).to_bytes(size, "little")


class Fields:
    """The bytes of a header so far, ``packed``."""

    def __init__(self, name: str, begun: bytes = b"") -> None:
        """name: what messages call the header; begun: its first bytes, which are there already."""
        self.packed, self._name = begun, name

    def take(self, size: int) -> Parser[bytes]:
        """The next ``size`` bytes; raises TruncatedError if there are fewer."""
        part = (yield size) if size else b""
        if len(part) < size:
            raise TruncatedError(f"the data end within the {self._name}")
        self.packed += part
        return part

    def number(self) -> Parser[int]:
        """A number as ``pack_number`` writes it, or in more bytes than it needs, which is for the caller to refuse."""
        first = yield from self.take(1)
        packed = first + (yield from self.take(first[0] & 3))
        return int.from_bytes(packed, "little") >> 2


def shortest_number(within: str, what: str) -> Parser[int]:
    """Parses a number as ``pack_number`` writes it.

    Raises TruncatedError if the data end ``within``, CorruptError for ``what`` in more bytes than it needs.
    """
    fields = Fields(within)
    number = yield from fields.number()
    if pack_number(number) != fields.packed:
        raise CorruptError(f"{what} is longer than it has to be")
    return number


def parse(parser: Parser[Result], read: Callable[[int], bytes]) -> Result:
    """What a parser makes of the bytes that ``read`` gives, as many as it is asked for, fewer only at their end."""
    try:
        wanted = next(parser)
        while True:
            wanted = parser.send(read(wanted))
    except StopIteration as end:
        result: Result = end.value
        return result
