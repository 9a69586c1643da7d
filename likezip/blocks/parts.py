"""Parts: a block that holds data of several kinds in turn, of which each kind is coded by itself.

A *stretch* is a piece of the block that belongs to one part; a part is its stretches one behind the other, coded as a
block of its own.  The payload of a block in parts is, with the numbers of ``likezip.blocks.fields``:

    the number of parts, less 2; the header of each part, as that of a block, without a checksum
    for each stretch, until all that is left belongs to one part: if there are more than two parts and it is not the
    first stretch, its part, counted from that behind the part of the stretch before, the first being behind the last;
    its length, less LEAST_STRETCH
    the payload of each part; zeros up to the least size

The first stretch belongs to the first part; no stretch belongs to the part of the stretch before.  The last stretch is
not in the list.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.fields import Fields, Parser, pack_number, parse, shortest_number
from likezip.errors import CorruptError, TruncatedError

if TYPE_CHECKING:
    import numpy.typing as npt

Sequence = TypeVar("Sequence", bytes, "npt.NDArray[Any]")

MOST_PARTS = 16
LEAST_STRETCH = 1 << 10
"""Bytes of a stretch, at least, but for the last: so that a list of stretches takes little memory."""


class Stretch(NamedTuple):
    """The number of the part, and the places in the block of the first byte and of the end."""

    part: int
    begin: int
    end: int


class Part(NamedTuple):
    """A part as it is in the payload of its block."""

    header: BlockHeader
    payload: bytes


def bytes_of_part(raw: bytes, stretches: list[Stretch], part: int) -> bytes:
    """The bytes of a part of the block ``raw``."""
    return b"".join(raw[begin:end] for number, begin, end in stretches if number == part)


def pieces(parts: list[Sequence], stretches: list[Stretch]) -> Iterator[Sequence]:
    """What belongs to each stretch, in their order, of what belongs to each part."""
    places = [0] * len(parts)
    for part, begin, end in stretches:
        place = places[part]
        places[part] += end - begin
        yield parts[part][place : places[part]]


def pack(parts: list[Part], stretches: list[Stretch], raw_size: int) -> bytes:
    """The payload of a block of ``raw_size`` bytes; 2 to MOST_PARTS parts in the order of their first stretches."""
    packed = _packed_list([part.header for part in parts], stretches) + b"".join(part.payload for part in parts)
    return packed.ljust(block_header.least_payload(raw_size), b"\0")


def _packed_list(headers: list[BlockHeader], stretches: list[Stretch]) -> bytes:
    """The payload up to the payloads of the parts."""
    packed = [pack_number(len(headers) - 2), *(header.fields() for header in headers)]
    left, before = [header.raw_size for header in headers], -1
    for part, begin, end in stretches:
        if sum(map(bool, left)) == 1:
            break
        if before >= 0 and len(headers) > 2:
            packed.append(pack_number((part - before - 1) % len(headers)))
        packed.append(pack_number(end - begin - LEAST_STRETCH))
        left[part] -= end - begin
        before = part
    return b"".join(packed)


def unpack(payload: bytes, coded_size: int, raw_size: int) -> tuple[list[Part], list[Stretch]]:
    """The parts and stretches of a block of ``raw_size`` bytes, ``coded_size`` of which are coded.

    Raises CorruptError, and UnsupportedError for parts that this likezip does not know.
    """
    file = io.BytesIO(payload)
    try:
        headers, stretches = parse(_parser(coded_size), file.read)
    except TruncatedError:
        raise CorruptError("the block's list of parts is cut off") from None
    parts = [Part(header, file.read(header.payload_size)) for header in headers]
    if any(len(part.payload) < part.header.payload_size for part in parts):
        raise CorruptError("the block's parts do not fit its payload")
    filling = file.read()
    if any(filling) or (filling and len(payload) > block_header.least_payload(raw_size)):
        raise CorruptError("what fills up the payload is not zeros")
    return parts, stretches


def _parser(size: int) -> Parser[tuple[list[BlockHeader], list[Stretch]]]:
    """Parses the payload of a block of which ``size`` bytes are coded, up to the payloads of its parts."""
    count = (yield from _number()) + 2
    if count > MOST_PARTS:
        raise CorruptError(f"the block has {count} parts, more than {MOST_PARTS}")
    headers = list[BlockHeader]()
    for number in range(count):
        first = yield from Fields("block's list of parts").take(1)
        headers.append((yield from BlockHeader.part_parser(first, f"part {number}")))
    if sum(header.raw_size for header in headers) != size:
        raise CorruptError("the block's parts do not fit its size")
    return headers, (yield from _stretches([header.raw_size for header in headers]))


def _number() -> Parser[int]:
    return (yield from shortest_number("block's list of parts", "a number in the block's list of parts"))


def _stretches(left: list[int]) -> Parser[list[Stretch]]:
    """Parses the stretches; left: bytes of each part."""
    stretches, part, place, count = list[Stretch](), 0, 0, len(left)
    while sum(map(bool, left)) > 1:
        if stretches:
            further = (yield from _number()) if count > 2 else 0
            part = (part + 1 + further) % count if further < count - 1 else part
        length = (yield from _number()) + LEAST_STRETCH
        if length > left[part] or (stretches and stretches[-1].part == part):
            raise CorruptError("the block's parts do not fit its size")
        stretches.append(Stretch(part, place, place + length))
        left[part] -= length
        place += length
    rest = next(number for number, size in enumerate(left) if size)
    return [*stretches, Stretch(rest, place, place + left[rest])]
