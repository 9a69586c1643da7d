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
from likezip.blocks.copies import Literals
from likezip.blocks.fields import parse
from likezip.errors import CorruptError, FormatError, LikezipError, TruncatedError
from likezip.frames import container, reader
from likezip.frames.container import Entry, FrameHeader, Index
from likezip.frames.context import Context, context_for
from likezip.frames.raw_io import PIECE, bytes_of, read_fully
from likezip.frames.reader import FoundBlock, PackedBlock
from likezip.model import Model

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
    def block_begins(self) -> tuple[int, ...]:
        """The place of each block's content in that of the frame, and then of its end."""
        return tuple(accumulate((raw for _, raw in self.blocks), initial=0))

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
    them is read from the beginning, from header to header; all of the file, if the two don't meet: then what seemed to
    be a frame is a part of one, such as a compressed file that is stored in another.
    Raises LikezipError if there is no frame, or if anything does not fit.
    """
    end = file.seek(0, os.SEEK_END)
    if end <= begin:
        raise TruncatedError("the file is empty")
    if indexed := _frames_before(file, end, begin):
        with suppress(LikezipError):
            return [*_frames_between(file, begin, indexed[0].offset), *indexed]
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
    place, size = end, container.FEW_ZEROS
    while place > begin:
        size = min(size, place - begin)
        file.seek(place - size)
        left = len(read_fully(file, size).rstrip(b"\0"))
        place -= size - left
        if left:
            break
        size = min(2 * size, PIECE)
    return end - place


def _frame_before(file: BinaryIO, end: int, begin: int) -> FrameInfo | None:
    """The frame with an index that ends at ``end`` and does not start before ``begin``; None if there is none, as far
    as its index and header tell."""
    if end - begin < container.FOOTER_SIZE:
        return None
    file.seek(end - container.FOOTER_SIZE)
    footer = read_fully(file, container.FOOTER_SIZE)
    index_size = container.end_size(container.footer_blocks(footer))
    if not footer.endswith(container.END_MAGIC) or index_size > end - begin:
        return None
    with suppress(LikezipError):
        file.seek(end - index_size)
        index = Index.parse(read_fully(file, index_size))
        offset = end - index.frame_size
        if offset >= begin:
            file.seek(offset)
            frame = FrameInfo(
                offset, index.frame_size, parse(FrameHeader.parser(), partial(read_fully, file)), index.entries
            )
            return frame if _fits(frame, index) else None
    return None


def _fits(frame: FrameInfo, index: Index) -> bool:
    """Whether the header of a frame, which was found by its index, and the index fit each other."""
    block_size, most = frame.header.block_size, block_header.MAX_SIZE
    if block_size is None or len(frame.header.packed) != index.header_size:
        return False
    return all(size <= raw + most and 1 <= raw <= block_size for size, raw in frame.blocks)


def _frames_between(file: BinaryIO, begin: int, end: int) -> Iterator[FrameInfo]:
    """The frames from ``begin`` to ``end``, read from header to header; raises what reading all of them would, as far
    as headers and ends tell."""
    place, size = begin, 0
    while place < end:
        try:
            frame = _frame_at(file, place, end)
        except FormatError:
            if place == begin:
                raise
            raise reader.trailing_data(size) from None
        yield frame
        place, size = frame.offset + frame.size, size + frame.raw_size
        place += _padding_behind(file, place, end)


def _frame_at(file: BinaryIO, place: int, end: int) -> FrameInfo:
    """The frame that begins at ``place``, and does not reach beyond ``end``."""

    def read(size: int) -> bytes:
        return read_fully(file, min(size, end - file.tell()))

    file.seek(place)
    header, entries = parse(FrameHeader.parser(), read), list[Entry]()
    while (marker := read(1)) != bytes([container.END]):
        block, size = parse(
            reader.parse_block_header(marker, len(entries), header.sealing(len(entries)), header.largest_block), read
        )
        entries.append((size, block.raw_size))
        if file.seek(block.payload_size, os.SEEK_CUR) > end:
            raise TruncatedError(f"the data end within block {len(entries) - 1}")
        if header.block_size is None:
            break
    else:
        parse(reader.parse_end(marker, header, entries), read)
    return FrameInfo(place, file.tell() - place, header, tuple(entries))


def _padding_behind(file: BinaryIO, place: int, end: int) -> int:
    """The number of padding zeros from ``place`` on, where ``file`` is."""
    zeros, size = 0, container.FEW_ZEROS
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
    return PackedBlock(
        number, header, payload, frame.blocks[number][0], frame.block_begins[number], frame.header.window
    )


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

    def read(
        self, file: BinaryIO, model: Model | None, context: Context | None, place: int, end: int | None = None
    ) -> Iterator[FoundBlock]:
        """The blocks from number ``place`` to ``end``; each is read when it is asked for, and what its copies refer to
        when they do.

        model: used instead of looking for the frames' ids; context: for frames that name one.  Raises
        UnknownModelError, UnknownContextError, and what ``read_block`` raises.
        """
        for frame, number in self._blocks[place:end]:
            yield _found(file, frame, number, model, context)


def _found(file: BinaryIO, frame: FrameInfo, number: int, model: Model | None, context: Context | None) -> FoundBlock:
    def load(position: int) -> tuple[int, Literals]:
        needed = _found(file, frame, bisect_right(frame.block_begins, position) - 1, model, context)
        return needed.block.begin, reader.literals_of(needed)

    used, known = reader.model_for(frame.model_id, model), context_for(frame.header.context_id, context)
    return FoundBlock(read_block(file, frame, number), used, known, load)
