"""Recovery of damaged files: every block whose header, payload and content still fit their checksums.

If the indexes of all frames are sound, they say where each block lies.  Otherwise the file is walked through from its
beginning, and wherever nothing fits, searched for the next header that does.  The time is proportional to the size of
the file, whatever it holds: parts have to be read again where blocks may lie inside of others, but no more than
MOST_REREADS times the file together.
"""

from __future__ import annotations

import errno
import io
import os
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from likezip.blocks import block_header
from likezip.blocks.block_header import Sealing
from likezip.blocks.fields import parse
from likezip.blocks.options import Advance
from likezip.errors import (
    CorruptError,
    LikezipError,
    TruncatedError,
    UnknownContextError,
    UnknownModelError,
    UnsupportedError,
)
from likezip.frames import container, reader
from likezip.frames.container import FrameHeader, Index
from likezip.frames.context import Context, context_for
from likezip.frames.header_search import number_of, plausible_places
from likezip.frames.history import History
from likezip.frames.index import FrameInfo, read_block, read_frames
from likezip.frames.raw_io import PIECE, Sink, read_fully, write_fully
from likezip.frames.reader import PackedBlock
from likezip.frames.workers import Queue, Workers
from likezip.model import Model, ModelLike, default_model, resolve_model

if TYPE_CHECKING:
    from likezip.frames.stream import Progress

LARGEST_GAP = 4096
"""The number of a block found by searching must be less than this above the expected one; a small limit makes chance
hits rarer."""
MAX_WINDOW = 1 << container.MAX_WINDOW_BITS
"""Bytes of the window of a frame whose header is lost."""
MOST_REREADS = 4
"""How many times the file's size may be read again: damage needs 1, forged files any number."""
WINDOW = 1 << 20
"""Bytes that are searched at once."""
PADDING_WINDOW = 1 << 16
"""Bytes that are looked through for zeros at once."""


@dataclass(frozen=True)
class Loss:
    """Something that was not recovered.

    begin, end: places in the file; position: the place in the output where content is missing; raw_size: its bytes,
    None if unknown, 0 for a header or an index; reason: why it was not recovered.
    """

    begin: int
    end: int
    raw_size: int | None
    reason: str
    position: int = 0

    def __str__(self) -> str:
        place = f"bytes {self.begin} to {self.end} of the file"
        if self.raw_size == 0:
            return f"damaged, but nothing of the content is lost ({self.reason}; {place})"
        size = "an unknown number of bytes" if self.raw_size is None else f"{self.raw_size} bytes"
        return f"{size} lost before byte {self.position} of the output ({self.reason}; {place})"


@dataclass(frozen=True)
class _FoundBlock:
    """A block that was found, its place in the file, and the model id of its frame, None if unknown; if it is ``alone``
    in its frame, the place of the frame, and the id of its context."""

    begin: int
    end: int
    block: PackedBlock
    model_id: bytes | None
    alone: bool = False
    context_id: bytes | None = None


def recover_stream(
    file: BinaryIO,
    sink: Sink,
    *,
    model: ModelLike | None = None,
    context: bytes | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    announce: Callable[[], None] | None = None,
) -> list[Loss]:
    """Write the content of all intact blocks of a file that can seek, in order; returns all losses.

    model: for blocks of a frame whose header is lost, None for the default; context: of all frames.
    Raises TruncatedError for an empty file, UnknownModelError, UnknownContextError or CorruptError if nothing is
    recovered.
    """
    given, known = None if model is None else resolve_model(model), Context.of(context)
    losses, unknown, begun = list[Loss](), list[LikezipError](), deque[tuple[_Frame, _FoundBlock | Loss]]()

    def noted() -> Iterator[tuple[_FoundBlock | Loss, Model | None, bytes]]:
        for frame, found in _found(file, given, known):
            one, used = _with_model(found, frame, given, known, announce, unknown)
            begun.append((frame, one))
            primed = isinstance(one, _FoundBlock) and one.block.header.primed
            yield one, used, known.primer if primed and known is not None else b""

    read, written, last = 0, 0, _Frame(-1, None, 0)
    history = History(0)
    with Workers(threads) as workers:
        for result in Queue(workers, _attempt).map(noted()):
            frame, one = begun.popleft()
            if frame != last:
                history = History(frame.window, context=frame.context(known))
                last = frame
            completed = _completed(one, result, history)
            if isinstance(completed, Loss):
                losses.append(replace(completed, position=written))
            else:
                write_fully(sink, completed)
                written += len(completed)
            read = max(read, one.end)
            if progress is not None:
                progress(read, written)
    if unknown and not written:
        raise unknown[0]
    if losses and not written:
        raise CorruptError(f"no block is intact ({losses[0].reason})")
    return losses


def _attempt(
    threads: int, advance: Advance | None, found: _FoundBlock | Loss, model: Model | None, primer: bytes
) -> bytes | Loss:
    """The coded bytes of a block, or the reason why there are none; run by a worker."""
    if isinstance(found, Loss) or model is None:
        assert isinstance(found, Loss)
        return found
    try:
        return b"".join(reader.decode_in_worker(threads, advance, found.block, model, primer))
    except (CorruptError, UnsupportedError) as error:
        return _loss_of(found, error)


def _completed(found: _FoundBlock | Loss, result: bytes | Loss, history: History) -> bytes | Loss:
    """The content of a block from its coded bytes, or the reason why there is none."""
    if isinstance(result, Loss):
        history.skip(result.raw_size)
        return result
    assert isinstance(found, _FoundBlock)
    try:
        with reader.named(found.block):
            return b"".join(history.complete(found.block.header, [result]))
    except CorruptError as error:
        return _loss_of(found, error)


def _loss_of(found: _FoundBlock, error: LikezipError) -> Loss:
    return Loss(found.begin, found.end, found.block.header.raw_size, str(error))


def _with_model(
    found: _FoundBlock | Loss,
    frame: _Frame,
    given: Model | None,
    context: Context | None,
    announce: Callable[[], None] | None,
    unknown: list[LikezipError],
) -> tuple[_FoundBlock | Loss, Model | None]:
    """A block and its model; or its loss, as model or context are not here, which is noted in ``unknown``."""
    if isinstance(found, Loss):
        return found, None
    header = found.block.header
    reader.prepare_decoding(header, announce)
    try:
        if frame.context_id and (header.has_copies or header.primed):
            context_for(frame.context_id, context)
        return found, _model_of(found, given)
    except (UnknownModelError, UnknownContextError) as error:
        unknown.append(error)
        return _loss_of(found, error), None


def _model_of(held: _FoundBlock, given: Model | None) -> Model:
    """The model to decode a block with; raises UnknownModelError."""
    return reader.model_for(held.model_id, given) if held.model_id else given or default_model()


@dataclass(frozen=True)
class _Frame:
    """A frame that blocks are of: its place in the file, or of what was found before it, if its header is lost; the id
    of its context, None if that is unknown; bytes of its window."""

    begin: int
    context_id: bytes | None
    window: int

    def context(self, given: Context | None) -> Context | None:
        """The frame's context, if ``given`` is it or may be it."""
        fits = given is not None and self.context_id in (None, given.id)
        return given if fits else None


def _found(file: BinaryIO, given: Model | None, context: Context | None) -> Iterator[tuple[_Frame, _FoundBlock | Loss]]:
    """Blocks and the losses between them, in the order of the file, each with its frame."""
    try:
        frames = read_frames(file)
    except LikezipError:
        if file.seek(0, os.SEEK_END) == 0:
            raise
        yield from _Walk(_Content(file), given, context).blocks()
    else:
        for info in frames:
            frame = _Frame(info.offset, info.header.context_id, info.header.window)
            for found in _indexed(file, info):
                yield frame, found


class _Content:
    """The content of a file, read part by part: mapped into memory, a file that shrinks meanwhile, or that a disk
    can not read, would end the process by a signal."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._size = file, file.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        """Raises OSError if the file has become shorter."""
        start, stop, _ = part.indices(self._size)
        self._file.seek(start)
        content = read_fully(self._file, stop - start)
        if len(content) < stop - start:
            raise OSError(errno.EIO, "the file became shorter while it was read")
        return content

    def byte(self, place: int) -> int:
        return self[place : place + 1][0]

    def occurrences(self, wanted: bytes) -> Iterator[int]:
        """The places where ``wanted`` begins, in order."""
        for window in range(0, self._size, PIECE):
            content = self[window : window + PIECE + len(wanted) - 1]
            place = content.find(wanted)
            while place >= 0:
                yield window + place
                place = content.find(wanted, place + 1)


def _indexed(file: BinaryIO, frame: FrameInfo) -> Iterator[_FoundBlock | Loss]:
    """The blocks of a frame whose index is sound."""
    for number, begin in enumerate(frame.block_offsets[:-1]):
        try:
            block = read_block(file, frame, number)
        except LikezipError as error:
            yield Loss(begin, frame.block_offsets[number + 1], frame.blocks[number][1], str(error))
        else:
            yield _FoundBlock(begin, begin + block.size, block, frame.model_id)


@dataclass(frozen=True)
class _FoundHeader:
    """A frame header that was found."""

    begin: int
    end: int
    header: FrameHeader


@dataclass(frozen=True)
class _FoundEnd:
    """The end of a frame that was found, or if it is ``alone``, all of a frame without a block."""

    begin: int
    end: int
    alone: bool = False


class _Walk:
    """A walk through a file, from each header, block or end of a frame that fits to the next.

    A stored block may hold a compressed file; if the block's header is lost, and the index where there is one, that
    file's blocks are found instead.
    """

    def __init__(self, data: _Content, given: Model | None, context: Context | None) -> None:
        self._data, self._given, self._context = data, given, context
        self._where = _Frame(0, None, MAX_WINDOW)  # the frame of the next block
        self._ends = dict(_ends(data))
        self._sound_ends: dict[int, bool] = {}  # by place, whether they are sound, once that was tested
        self._places = sorted([*data.occurrences(container.MAGIC), *self._ends])  # of frame headers and ends
        self._window, self._candidates = -1, list[int]()  # of the part that was searched last
        self._again = MOST_REREADS * len(data)  # bytes that may still be read again
        self._frame: FrameHeader | None = None  # None if its header is lost
        self._inside = False  # whether the walk is in a frame, behind its header
        self._number = 0  # of the next block
        self._index = bytearray()  # entries of the blocks that were found in this frame

    def blocks(self) -> Iterator[tuple[_Frame, _FoundBlock | Loss]]:
        place, block = 0, None
        while (place := self._behind_padding(place)) < len(self._data):
            try:
                found = self._expected(place)
            except LikezipError as error:
                following = self._search(self._begin_of_search(place, block))
                end = len(self._data) if following is None else following.begin
                if end >= place or block is None:  # else the block that did not fit was yielded, and is the loss
                    place = min(place, end)
                    yield self._where, Loss(place, end, self._lost(place, following), str(error))
                if following is None:
                    return
                found = following
            block = found if isinstance(found, _FoundBlock) else None
            self._pass(found)
            if block is not None:
                yield self._where, block
            place = found.end
        if self._inside:
            yield self._where, Loss(place, place, None, "the data end within the frame")

    def _may_look_again(self, size: int) -> bool:
        """Whether ``size`` bytes may be read that were read before, or may be later."""
        if size > self._again:
            return False
        self._again -= size
        return True

    def _behind_padding(self, place: int) -> int:
        """The next place: behind padding zeros, if a frame has ended at ``place``."""
        while not self._inside and place and (zeros := container.padding(self._data[place : place + PADDING_WINDOW])):
            place += zeros
        return place

    def _lost(self, place: int, following: _FoundHeader | _FoundBlock | _FoundEnd | None) -> int | None:
        """Bytes of content that are missing at ``place``: 0 if it is only a header, an index, or what can't have been a
        frame, None if that is unknown."""
        if not self._inside:
            return 0 if following is not None and self._is_no_frame(place, following) else None
        if not self._index or self._data.byte(place) != container.END or not self._may_look_again(len(self._index)):
            return None
        return 0 if self._data[place + 1 : place + 1 + len(self._index)] == self._index else None

    def _is_no_frame(self, place: int, following: _FoundHeader | _FoundBlock | _FoundEnd) -> bool:
        """Whether no frame with content can have been from ``place``, outside of a frame, to ``following``: if that is
        a frame, too few bytes for one, else no more than the header of a frame that goes on there."""
        size = following.begin - place
        if isinstance(following, _FoundHeader) or following.alone:
            return size < container.MIN_FRAME_SIZE and not self._data[place : following.begin].startswith(
                container.MAGIC
            )
        first = isinstance(following, _FoundBlock) and following.block.number == 0
        return first and size <= container.MAX_HEADER_SIZE

    def _pass(self, found: _FoundHeader | _FoundBlock | _FoundEnd) -> None:
        """Note the header, block or end that was found, and so what comes next."""
        if not self._inside:  # if this is a block of several, the header of its frame is lost
            self._where = _Frame(found.begin, None, MAX_WINDOW)
        self._inside = isinstance(found, _FoundHeader) or (isinstance(found, _FoundBlock) and not found.alone)
        if isinstance(found, _FoundBlock) and not found.alone:
            self._number = found.block.number + 1
            self._index += container.pack_entry(found.block.entry)
        else:
            self._index.clear()
            self._number, self._frame = 0, found.header if isinstance(found, _FoundHeader) else None
            if isinstance(found, _FoundHeader):
                self._where = _Frame(found.begin, found.header.context_id, found.header.window)
            elif isinstance(found, _FoundBlock):
                self._where = _Frame(found.begin, found.context_id, 0)

    def _expected(self, place: int) -> _FoundHeader | _FoundBlock | _FoundEnd:
        """The header, block or end that has to be at ``place``; raises LikezipError if it is not there."""
        if not self._inside:
            return self._start(place)
        if self._data.byte(place) == container.END:
            return self._end(place)
        return self._block(place, self._number)

    def _start(self, place: int) -> _FoundHeader | _FoundBlock | _FoundEnd:
        """The header of a frame of several blocks at ``place``, or all of a frame of one block or none."""
        header = parse(FrameHeader.parser(), self._reader(place))
        begin = place + len(header.packed)
        if header.block_size is not None:
            return _FoundHeader(place, begin, header)
        if self._data[begin : begin + 1] == bytes([container.END]):
            parse(reader.parse_end(bytes([container.END]), header, []), self._reader(begin + 1))
            return _FoundEnd(place, begin + 1 + header.sealing(0).size, alone=True)
        block = self._packed_block(begin, 0, header.sealing(0), container.MAX_BLOCK, header.window)
        return _FoundBlock(place, begin + block.size, block, header.model_id, True, header.context_id)

    def _block(self, place: int, number: int) -> _FoundBlock:
        """Block ``number`` of a frame of several blocks at ``place``."""
        frame = self._frame
        most = container.MAX_BLOCK if frame is None else frame.largest_block
        window = MAX_WINDOW if frame is None else frame.window
        block = self._packed_block(place, number, Sealing.numbered(number), most, window)
        return _FoundBlock(place, place + block.size, block, None if frame is None else frame.model_id)

    def _packed_block(self, place: int, number: int, sealing: Sealing, most: int, window: int) -> PackedBlock:
        """The block at ``place``, of at most ``most`` bytes; where its content begins in that of the frame is unknown,
        if anything is lost."""
        marker, read = self._data[place : place + 1], self._reader(place + 1)
        header, size = parse(reader.parse_block_header(marker, number, sealing, most), read)
        if place + size > len(self._data):
            raise TruncatedError(f"the data end within block {number}")
        payload = self._data[place + size - header.payload_size : place + size]
        return PackedBlock(number, header, payload, size, 0, window)

    def _reader(self, place: int) -> Callable[[int], bytes]:
        """Reads the header at ``place``."""
        return io.BytesIO(self._data[place : place + block_header.MAX_SIZE]).read

    def _end(self, place: int) -> _FoundEnd:
        """The end of a frame at ``place``; raises CorruptError if it is damaged, or of an impossible number of
        blocks."""
        end = self._ends.get(place, place)
        count = (end - place - container.end_size(0)) // container.ENTRY_SIZE
        if not self._number <= count < self._number + LARGEST_GAP or not self._is_end(place):
            raise CorruptError("the index is damaged")
        return _FoundEnd(place, end)

    def _is_end(self, place: int) -> bool:
        """Whether the end of a frame at ``place`` is sound; bytes that look like ends may overlap."""
        if place not in self._sound_ends:
            end = self._ends[place]
            self._sound_ends[place] = self._may_look_again(end - place) and _is_sound_end(self._data[place:end])
        return self._sound_ends[place]

    def _begin_of_search(self, place: int, block: _FoundBlock | None) -> int:
        """Where something that fits may begin, if nothing does at ``place``, behind a block or something else."""
        if block is not None and not self._hides_nothing(block):
            return block.begin + 1
        if place and self._data[place - 1 : place - 1 + len(container.MAGIC)] == container.MAGIC:
            return place - 1  # the last byte of an end is missing, and this frame's first byte is the same
        return place

    def _hides_nothing(self, held: _FoundBlock) -> bool:
        """Whether a block is intact: if bytes are missing in it, the next header may lie within it."""
        if not self._may_look_again(held.block.size):
            return True
        header = held.block.header
        if header.has_copies and header.mode in block_header.UNMODELLED:  # what it holds can't be verified here
            return False
        primer = self._context.primer if header.primed and self._context is not None else b""
        try:
            return not isinstance(_attempt(1, None, held, _model_of(held, self._given), primer), Loss)
        except UnknownModelError:
            return True

    def _search(self, begin: int) -> _FoundHeader | _FoundBlock | _FoundEnd | None:
        """The first frame header, block or end of a frame from ``begin`` on that fits its checksum."""
        for window in range(begin - begin % WINDOW, len(self._data), WINDOW):
            candidates = self._candidates_in(window)
            for number in range(bisect_left(candidates, begin), len(candidates)):
                with suppress(LikezipError):
                    if (found := self._found_at(candidates[number])) is not None:
                        return found
        return None

    def _candidates_in(self, window: int) -> list[int]:
        """The places in a part of the file where a header, block or end may begin, in order."""
        if window != self._window:
            limit = window + WINDOW
            places = set(self._places[bisect_left(self._places, window) : bisect_left(self._places, limit)])
            data = self._data[window : limit + block_header.MAX_SIZE - 1]
            places.update(window + place for place in plausible_places(data, min(WINDOW, len(data))))
            self._window, self._candidates = window, sorted(places)
        return self._candidates

    def _found_at(self, place: int) -> _FoundHeader | _FoundBlock | _FoundEnd | None:
        """The header, block or end that begins at a place; returns None or raises LikezipError if there is none."""
        if self._data.byte(place) == container.MAGIC[0]:
            return self._start(place)
        if self._data.byte(place) == container.END:
            return _FoundEnd(place, self._ends[place]) if self._is_end(place) else None
        number = number_of(self._data[place : place + block_header.MAX_SIZE])
        return self._block(place, number) if self._number <= number < self._number + LARGEST_GAP else None


def _is_sound_end(data: bytes) -> bool:
    try:
        Index.parse(data)
    except CorruptError:
        return False
    return True


def _ends(data: _Content) -> Iterator[tuple[int, int]]:
    """The places where ends of frames begin and end, as far as their last 12 bytes tell."""
    for place in data.occurrences(container.END_MAGIC):
        end = place + len(container.END_MAGIC)
        if end >= container.FOOTER_SIZE:
            start = end - container.end_size(container.footer_blocks(data[end - container.FOOTER_SIZE : end]))
            if start >= 0 and data.byte(start) == container.END:
                yield start, end
