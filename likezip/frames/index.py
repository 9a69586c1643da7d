"""Frames found by their headers and indexes, and blocks read from anywhere in them."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.fields import parse
from likezip.errors import CorruptError, LikezipError, TruncatedError
from likezip.frames import container, reader
from likezip.frames.container import Entry, FrameHeader, Index
from likezip.frames.raw_io import PIECE, bytes_of, read_fully
from likezip.frames.reader import PackedBlock

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True)
class FrameInfo:
    """A frame as its header and index describe it; sizes and offsets in bytes.

    offset: of the frame in its file; header: the frame's; blocks: size in the frame and raw size of each.
    """

    offset: int
    size: int
    header: FrameHeader
    blocks: tuple[Entry, ...]

    @property
    def block_size(self) -> int:
        """Bytes of a block at most; of a frame that does not say so, the size of its only block."""
        return self.header.block_size or self.raw_size

    @property
    def model_id(self) -> bytes:
        """The id (8 bytes) of the model that the frame was written with."""
        return self.header.model_id

    @property
    def raw_size(self) -> int:
        """Bytes of its content."""
        return sum(raw for _, raw in self.blocks)

    @cached_property
    def block_offsets(self) -> tuple[int, ...]:
        """The place of each block's header in the file, and then of what follows the blocks."""
        return tuple(accumulate((size for size, _ in self.blocks), initial=self.offset + len(self.header.packed)))


def get_frame_info(data: Buffer) -> FrameInfo:
    """The header and index of the first frame in ``data``; nothing is decompressed.

    Raises LikezipError if the data are anything but whole frames, as far as headers and indexes tell.
    """
    with io.BytesIO(bytes_of(data)) as file:
        return read_frames(file)[0]


def read_frames(file: BinaryIO, begin: int = 0) -> list[FrameInfo]:
    """The frames of a seekable file from ``begin`` on, in order, by their headers and indexes only; padding zeros
    behind them are skipped.

    Frames of several blocks have an index at their end, so they are found from the end of the file.  What is before
    them is read from the beginning, from header to header; all of the file, if both don't meet.
    Raises LikezipError if there is no frame, or if anything does not fit.
    """
    end = file.seek(0, os.SEEK_END)
    if end <= begin:
        raise TruncatedError("the file is empty")
    with suppress(LikezipError):
        indexed = _frames_before(file, end, begin)
        return [*_frames_between(file, begin, indexed[0].offset if indexed else end), *indexed]
    return list(_frames_between(file, begin, end))


def _frames_before(file: BinaryIO, end: int, begin: int) -> list[FrameInfo]:
    """The last frames before ``end``, as long as each ends like one with an index."""
    frames: deque[FrameInfo] = deque()
    while end > begin and (frame := _frame_before(file, end - _padding_before(file, end, begin), begin)) is not None:
        frames.appendleft(frame)
        end = frame.offset
    return list(frames)


def _padding_before(file: BinaryIO, end: int, begin: int) -> int:
    """The number of padding zeros before ``end``; a frame with an index does not end in a zero."""
    place, size = end, container.PADDING
    while place > begin:
        size = min(size, place - begin)
        file.seek(place - size)
        left = len(read_fully(file, size).rstrip(b"\0"))
        place -= size - left
        if left:
            break
        size = min(2 * size, PIECE)
    return (end - place) // container.PADDING * container.PADDING


def _frame_before(file: BinaryIO, end: int, begin: int) -> FrameInfo | None:
    """The frame with an index that ends at ``end`` and does not start before ``begin``; None if there is none."""
    if end - begin < container.FOOTER_SIZE:
        return None
    file.seek(end - container.FOOTER_SIZE)
    footer = read_fully(file, container.FOOTER_SIZE)
    if not footer.endswith(container.END_MAGIC):
        return None
    index_size = container.end_size(container.footer_blocks(footer))
    if index_size > end - begin:
        raise CorruptError("the index claims to be longer than the file")
    file.seek(end - index_size)
    index = Index.parse(read_fully(file, index_size))
    if index.frame_size > end - begin:
        raise CorruptError("the index claims more than the file holds")
    file.seek(end - index.frame_size)
    header = parse(FrameHeader.parser(), partial(read_fully, file))
    return _checked(FrameInfo(end - index.frame_size, index.frame_size, header, index.entries))


def _checked(frame: FrameInfo) -> FrameInfo:
    """A frame that was found by its index, if its header and the index fit each other; raises CorruptError."""
    block_size, end = frame.header.block_size, frame.offset + frame.size
    if block_size is None or frame.block_offsets[-1] + container.end_size(len(frame.blocks)) != end:
        raise CorruptError("the index does not fit the frame's header")
    if any(size > raw + block_header.MAX_SIZE or not 1 <= raw <= block_size for size, raw in frame.blocks):
        raise CorruptError("the index holds sizes outside their limits")
    return frame


def _frames_between(file: BinaryIO, begin: int, end: int) -> Iterator[FrameInfo]:
    """The frames from ``begin`` to ``end``, read from header to header."""
    while begin < end:
        frame = _frame_at(file, begin)
        begin = frame.offset + frame.size
        if begin > end:
            raise TruncatedError("the data end within a frame")
        yield frame
        begin += _padding_behind(file, begin, end)


def _frame_at(file: BinaryIO, place: int) -> FrameInfo:
    """The frame that begins at ``place``."""
    read = partial(read_fully, file)
    file.seek(place)
    header, entries = parse(FrameHeader.parser(), read), list[Entry]()
    while (marker := read(1)) != bytes([container.END]):
        block, size = parse(
            reader.parse_block_header(marker, len(entries), header.sealing(len(entries)), header.largest_block), read
        )
        entries.append((size, block.raw_size))
        file.seek(block.payload_size, os.SEEK_CUR)
        if header.block_size is None:
            break
    else:
        parse(reader.parse_end(marker, header, entries), read)
    return FrameInfo(place, file.tell() - place, header, tuple(entries))


def _padding_behind(file: BinaryIO, place: int, end: int) -> int:
    """The number of padding zeros from ``place`` on, where ``file`` is."""
    zeros, size = 0, container.PADDING
    while piece := read_fully(file, min(size, end - place - zeros)):
        found = container.padding(piece)
        zeros, size = zeros + found, min(2 * size, PIECE)
        if found < len(piece):
            break
    return zeros


def read_block_header(file: BinaryIO, frame: FrameInfo, number: int) -> BlockHeader:
    """The header of a block, which has to fit the index; leaves ``file`` before the payload."""
    file.seek(frame.block_offsets[number])
    read = partial(read_fully, file)
    header, size = parse(
        reader.parse_block_header(read(1), number, frame.header.sealing(number), frame.header.largest_block), read
    )
    if (size, header.raw_size) != frame.blocks[number]:
        raise CorruptError("the index does not fit the blocks")
    return header


def read_block(file: BinaryIO, frame: FrameInfo, number: int) -> PackedBlock:
    """A block, whose header has to fit the index."""
    header = read_block_header(file, frame, number)
    payload = read_fully(file, header.payload_size)
    if len(payload) < header.payload_size:
        raise TruncatedError(f"the data end within block {number}")
    return PackedBlock(number, header, payload, frame.blocks[number][0])


class ContentIndex:
    """The places in the content of frames at which their blocks begin.

    size: bytes of the content of all frames.
    """

    def __init__(self, frames: list[FrameInfo]) -> None:
        self._blocks = [(frame, number) for frame in frames for number in range(len(frame.blocks))]
        self._begins = [0, *accumulate(frame.blocks[number][1] for frame, number in self._blocks)]
        self.size = self._begins[-1]

    def find(self, position: int) -> tuple[int, int]:
        """The number of the block, counted through all frames, that holds a byte of the content, and the place where
        its content begins; behind the content, the number of blocks and ``size``."""
        place = min(bisect_right(self._begins, position) - 1, len(self._blocks))
        return place, self._begins[place]

    def read(self, file: BinaryIO, place: int, end: int | None = None) -> Iterator[tuple[FrameInfo, PackedBlock]]:
        """The blocks from number ``place`` to ``end``, each with its frame; each is read when it is asked for."""
        for frame, number in self._blocks[place:end]:
            yield frame, read_block(file, frame, number)
