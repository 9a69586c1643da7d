"""Copies: parts of a block that are not coded, as they stand before it or in it already.

A block with copies is coded as the list of its copies, then its *literals*, the bytes that are no copies. The list is,
in numbers of 7 bits a byte from the lowest on, each byte but a number's last with bit 7 set (LEB128):

    for each copy: the literals since the copy before; its length, 0 for all of the rest; its distance, that of the copy
    before subtracted, and the difference zigzag coded (0, -1, 1, -2 ... as 0, 1, 2, 3 ...)

Before the first copy the distance is the size of the context, that of the same place there; 0 without a context.
Each copy is longer than what it takes in the list, which ends where the bytes left are as many as the literals.

A copy's source begins ``distance`` bytes before it. All of a source before the block are literals of one block, or of
the context, so whoever has the literals of earlier blocks fills in a copy in one step. A source in the block itself may
hold copies; and it may be nearer than the copy is long: the copy then repeats all from its beginning up to the copy.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from likezip.errors import CorruptError

LONGEST, FARTHEST = 42, 1 << 49
"""Bits before the last byte of a number, at most, and the distances that are too large."""

Before = Callable[[int, int], bytes]
"""The literals that begin so many bytes before the block, of such a length; raises CorruptError if they are none."""


class Copy(NamedTuple):
    """Place in the block, length, and distance from the beginning of the source to the place, all in bytes."""

    place: int
    length: int
    distance: int


def _number(value: int) -> bytes:
    packed = bytearray()
    while value > 127:
        packed.append(value & 127 | 128)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def pack(copies: Iterable[Copy], raw: bytes, context: int = 0) -> bytes:
    """What a block ``raw`` with ``copies``, in their order, is coded as; context: the context's size.

    Raises ValueError if a copy is not longer than what it takes in the list.
    """
    entries, literals, end, before = list[bytes](), list[memoryview](), 0, context
    content = memoryview(raw)
    for place, length, distance in copies:
        change = distance - before
        zigzag = 2 * change if change >= 0 else -2 * change - 1
        entry = _number(place - end) + _number(length if place + length < len(raw) else 0) + _number(zigzag)
        if length <= len(entry):
            raise ValueError(f"a copy of {length} bytes is not longer than the {len(entry)} that it takes in the list")
        entries.append(entry)
        literals.append(content[end:place])
        end, before = place + length, distance
    return b"".join([*entries, *literals, content[end:]])


class Literals:
    """The literals of a block of ``size`` bytes; 16 bytes for each run of them besides."""

    def __init__(self, size: int, content: bytes | memoryview, begins: array[int], offsets: array[int]) -> None:
        """content: the literals; begins, offsets: for each run of them its place in the block and in ``content``, in
        order, and at the end the sizes of both."""
        self.size, self._content = size, content
        self._begins, self._offsets = begins, offsets

    @classmethod
    def of(cls, coded: bytes, size: int, context: int = 0) -> Literals:
        """Those of a block of ``size`` bytes from its coded bytes, ``context`` being the context's size.

        Raises CorruptError.
        """
        if len(coded) < size:
            return unpack(coded, size, context)[1]
        return cls(size, coded, array("q", (0, size)), array("q", (0, size)))

    def take(self, place: int, length: int) -> bytes:
        """Bytes of the block; raises CorruptError if not all of them are literals."""
        number = bisect_right(self._begins, place, hi=len(self._begins) - 1) - 1
        begin = self._offsets[number] + place - self._begins[number]
        if number < 0 or begin + length > self._offsets[number + 1]:
            raise CorruptError("a copy's source is not all literals of one block")
        return bytes(self._content[begin : begin + length])


def _read(coded: bytes, place: int) -> tuple[int, int]:
    """The number at a place, and the place behind it.  Raises CorruptError."""
    value = shift = 0
    while place < len(coded) and shift <= LONGEST:
        byte = coded[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            if byte == 0 and shift > 7:
                break
            return value, place
    raise CorruptError("a number in the block's list of copies is cut off or too long")


class Copies:
    """Copies in their order, 24 bytes each."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def append(self, copy: Copy) -> None:
        self._numbers.extend(copy)

    def __iter__(self) -> Iterator[Copy]:
        numbers = iter(self._numbers)
        return map(Copy, numbers, numbers, numbers)


def unpack(coded: bytes, size: int, context: int = 0) -> tuple[Copies, Literals]:
    """The copies and the literals of a block of ``size`` bytes from what it was coded as; context: the context's size.
    Raises CorruptError."""
    copies, begins, offsets, at, end, offset, distance = Copies(), array("q"), array("q"), 0, 0, 0, context
    spared = size - len(coded)  # by the copies that are still to come
    while spared > 0:
        entry = at
        between, at = _read(coded, at)
        length, at = _read(coded, at)
        zigzag, at = _read(coded, at)
        distance += zigzag >> 1 if zigzag & 1 == 0 else -(zigzag >> 1) - 1
        place = end + between
        copy = Copy(place, length or size - place, distance)
        if not 1 <= distance < FARTHEST or copy.length < 1 or place + length >= size:
            raise CorruptError("the block's copies do not fit its size")
        if between:
            begins.append(end)
            offsets.append(offset)
        if copy.length <= at - entry:
            raise CorruptError("a copy is not longer than what it takes in the block's list of copies")
        copies.append(copy)
        spared -= copy.length - (at - entry)
        end, offset = copy.place + copy.length, offset + between
    if end < size:
        begins.append(end)
        offsets.append(offset)
    begins.append(size)
    offsets.append(offset + size - end)
    if spared < 0:
        raise CorruptError("the block's copies do not fit its size")
    return copies, Literals(size, memoryview(coded)[at:], begins, offsets)


def fill(copies: Iterable[Copy], literals: Literals, before: Before) -> bytearray:
    """The raw bytes of a block, filled in from its beginning on.  Raises CorruptError if a source before the block is
    not all literals of one block."""
    raw = bytearray()
    for place, length, distance in copies:
        if place > len(raw):
            raw += literals.take(len(raw), place - len(raw))
        if distance > place:
            raw += before(distance - place, length)
        else:
            source = raw[place - distance : place - distance + min(length, distance)]
            raw += source if length <= distance else (source * (length // distance + 1))[:length]
    if literals.size > len(raw):
        raw += literals.take(len(raw), literals.size - len(raw))
    return raw
