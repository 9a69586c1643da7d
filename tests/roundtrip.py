"""The one checker of all round trips, and of what files have to show together."""

import io
from typing import Any

import likezip
from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.fields import Parser, Result, parse
from likezip.frames.index import read_block_header, read_frames


class Pipe:
    """A source that can't seek and gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int = 4093) -> None:
        self._file, self._step = io.BytesIO(data), step

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._step))


def flipped(data: bytes, *places: int) -> bytes:
    """The data with a bit flipped in the bytes at these places."""
    damaged = bytearray(data)
    for place in places:
        damaged[place] ^= 0x10
    return bytes(damaged)


def check_roundtrip(data: bytes, **options: Any) -> bytes:
    """Compress twice and decompress, whole and through pipes; returns the frame."""
    frame = likezip.compress(data, **options)
    sink = io.BytesIO()
    likezip.compress_stream(Pipe(data), sink, **options)
    assert sink.getvalue() == frame
    assert likezip.decompress(frame, context=options.get("context")) == data
    blocks, ids = -(-len(data) // options.get("block_size", 1 << 22)), 8 if options.get("model") else 0
    ids += 4 if options.get("context") else 0
    assert len(frame) <= len(data) + ids + (16 if blocks <= 1 else 27 + 30 * blocks)
    return frame


def parsed_whole(parser: Parser[Result], data: bytes) -> Result:
    """What a parser makes of all of the data; nothing may be left."""
    file = io.BytesIO(data)
    found = parse(parser, file.read)
    assert file.read() == b"", "something is left"
    return found


def block_headers(data: bytes) -> list[BlockHeader]:
    """The headers of all blocks of a file."""
    file = io.BytesIO(data)
    return [
        read_block_header(file, frame, number) for frame in read_frames(file) for number in range(len(frame.blocks))
    ]


def check_every_way(headers: list[BlockHeader]) -> None:
    """Blocks with these headers have every profile, transform, and mode; some may be in parts."""
    assert {header.profile for header in headers} == {
        block_header.TEXT_PROFILE,
        block_header.RECORDS_PROFILE,
        block_header.CODE_PROFILE,
        block_header.NUMBERS_PROFILE,
    }
    assert {header.mode for header in headers} | {block_header.PARTS} == set(block_header.MODES)
    assert {header.transform for header in headers} == {block_header.UNCHANGED, block_header.X86}
