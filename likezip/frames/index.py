"""Frames found from the end of a file by their indexes, and blocks read from anywhere in them."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader
from likezip.errors import CorruptError, TruncatedError
from likezip.frames import container
from likezip.frames.container import Entry, FrameHeader
from likezip.frames.raw_io import PIECE, bytes_of, read_fully
from likezip.frames.reader import PackedBlock

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True)
class FrameInfo:
    """A frame as its header and index describe it; sizes and offsets in bytes.

    offset: of the frame in its file; blocks: payload size and raw size of each; model_id: 8 bytes.
    """

    offset: int
    size: int
    block_size: int
    model_id: bytes
    blocks: tuple[Entry, ...]

    @property
    def raw_size(self) -> int:
        """Bytes of its content."""
        return sum(raw for _, raw in self.blocks)

    @cached_property
    def block_offsets(self) -> tuple[int, ...]:
        """The place of each block's header in the file, and then of the index."""
        sizes = (block_header.BLOCK_HEADER_SIZE + payload for payload, _ in self.blocks)
        return tuple(accumulate(sizes, initial=self.offset + container.FRAME_HEADER_SIZE))


def get_frame_info(data: Buffer) -> FrameInfo:
    """The header and index of the first frame in ``data``; nothing is decompressed.

    Raises LikezipError if the data are anything but whole frames, as far as headers and indexes tell.
    """
    with io.BytesIO(bytes_of(data)) as file:
        return read_frames(file)[0]


def read_frames(file: BinaryIO, begin: int = 0) -> list[FrameInfo]:
    """The frames of a seekable file from ``begin`` on, in order, by their headers and indexes only; padding zeros
    behind them are skipped.

    Raises LikezipError if there is no frame, or if anything does not fit.
    """
    end = file.seek(0, os.SEEK_END)
    if end <= begin:
        raise TruncatedError("the file is empty")
    file.seek(begin)
    FrameHeader.parse(read_fully(file, container.FRAME_HEADER_SIZE))
    frames: list[FrameInfo] = []
    while end > begin:
        frames.append(_frame_before(file, end - _padding_before(file, end, begin), begin))
        end = frames[-1].offset
    return frames[::-1]


def _padding_before(file: BinaryIO, end: int, begin: int) -> int:
    """The number of padding zeros before ``end``; a frame does not end in a zero."""
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


def _frame_before(file: BinaryIO, end: int, begin: int) -> FrameInfo:
    """The frame that ends at ``end`` and does not start before ``begin``."""
    if end - begin < container.FRAME_HEADER_SIZE + container.end_size(0):
        raise TruncatedError("the file is too short for a frame")
    file.seek(end - container.FOOTER_SIZE)
    index_size = container.end_size(container.footer_blocks(read_fully(file, container.FOOTER_SIZE)))
    if index_size > end - begin - container.FRAME_HEADER_SIZE:
        raise CorruptError("the index claims to be longer than the file")
    file.seek(end - index_size)
    entries = container.parse_end(read_fully(file, index_size))
    size = container.FRAME_HEADER_SIZE + index_size
    size += sum(block_header.BLOCK_HEADER_SIZE + payload for payload, _ in entries)
    if size > end - begin:
        raise CorruptError("the index claims more than the file holds")
    file.seek(end - size)
    header = FrameHeader.parse(read_fully(file, container.FRAME_HEADER_SIZE))
    if any(payload > raw or not 1 <= raw <= header.block_size for payload, raw in entries):
        raise CorruptError("the index holds sizes outside their limits")
    return FrameInfo(end - size, size, header.block_size, header.model_id, tuple(entries))


def read_block_header(file: BinaryIO, frame: FrameInfo, number: int) -> BlockHeader:
    """The header of a block, which has to fit the index; leaves ``file`` before the payload."""
    file.seek(frame.block_offsets[number])
    header = BlockHeader.parse(read_fully(file, block_header.BLOCK_HEADER_SIZE), number, frame.block_size)
    if (header.payload_size, header.raw_size) != frame.blocks[number]:
        raise CorruptError("the index does not fit the blocks")
    return header


def read_block(file: BinaryIO, frame: FrameInfo, number: int) -> PackedBlock:
    """A block, whose header has to fit the index."""
    header = read_block_header(file, frame, number)
    payload = read_fully(file, header.payload_size)
    if len(payload) < header.payload_size:
        raise TruncatedError(f"the data end within block {number}")
    return PackedBlock(number, header, payload)


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
