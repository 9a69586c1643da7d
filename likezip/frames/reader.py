"""A frame read from its beginning to its end, wherever its bytes come from.

``parse_frame`` asks for bytes and yields headers and blocks.  Two drive it: ``frames_of``, which reads a file, and
``likezip.frames.incremental``, which is given the data in pieces.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from likezip.blocks import block_header, codec
from likezip.blocks.block_header import BlockHeader, Sealing
from likezip.blocks.copies import Literals
from likezip.blocks.fields import Fields, Parser
from likezip.blocks.options import Advance
from likezip.errors import CorruptError, FormatError, LikezipError, LimitError, TruncatedError, UnknownModelError
from likezip.frames import container
from likezip.frames.container import Entry, FrameHeader, Index
from likezip.frames.context import Context, context_for, size_of
from likezip.frames.history import History, Load
from likezip.frames.raw_io import PIECE, PushbackSource, Source, read_fully
from likezip.model import Model, ModelLike, find_model, resolve_model


@dataclass(frozen=True)
class PackedBlock:
    """A block as it lies in a frame: its number from 0, its header and its payload.

    size: bytes in the frame; begin: the place of its content in that of the frame; window: the frame's.
    """

    number: int
    header: BlockHeader
    payload: bytes
    size: int
    begin: int
    window: int

    @property
    def entry(self) -> Entry:
        """The block's entry in the index."""
        return self.size, self.header.raw_size


class ContentLimit:
    """A limit to the content of frames together, None for no limit; each block is counted by its header, before its
    payload is read."""

    def __init__(self, max_size: int | None) -> None:
        """Raises ValueError for a size below 0."""
        if max_size is not None and max_size < 0:
            raise ValueError(f"max_size must be at least 0, not {max_size}")
        self.max_size, self._taken = max_size, 0

    def take(self, size: int, part: str) -> None:
        """Count ``size`` bytes more, of a ``part`` that messages name; raises LimitError if that is too many."""
        self._taken += size
        if self.max_size is not None and self._taken > self.max_size:
            raise LimitError(f"{part}: the content has {self._taken} bytes or more, and {self.max_size} are allowed")


FrameParser = Generator[int | FrameHeader | PackedBlock, bytes, None]
"""Yields the number of bytes that are to be sent next, fewer only at the end of the data; and in between, the headers
and blocks found."""


def parse_frame(allowance: ContentLimit | None = None) -> FrameParser:
    """Parse a frame: yields its header, then its blocks; ends behind the frame.

    Raises LikezipError, with the block's number, for data that don't fit, LimitError for content beyond the limit.
    """
    header = yield from FrameHeader.parser()
    yield header
    entries, begin = list[Entry](), 0
    while (marker := (yield 1)) != bytes([container.END]):
        block = yield from _parse_block(marker, len(entries), begin, header, allowance)
        yield block
        if header.block_size is None:
            return
        entries.append(block.entry)
        begin += block.header.raw_size
    yield from parse_end(marker, header, entries)


def _parse_block(
    marker: bytes, number: int, begin: int, frame: FrameHeader, allowance: ContentLimit | None
) -> Parser[PackedBlock]:
    header, size = yield from parse_block_header(marker, number, frame.sealing(number), frame.largest_block)
    if allowance is not None:
        allowance.take(header.raw_size, f"block {number}")
    payload = yield header.payload_size
    if len(payload) < header.payload_size:
        raise TruncatedError(f"the data end within block {number}")
    return PackedBlock(number, header, payload, size, begin, frame.window)


def parse_block_header(marker: bytes, number: int, sealing: Sealing, most: int) -> Parser[tuple[BlockHeader, int]]:
    """Parses the header of block ``number``, of at most ``most`` bytes, behind its first byte; also the block's size in
    the frame."""
    if not marker:
        raise TruncatedError(f"the data end within the header of block {number}")
    header = yield from BlockHeader.parser(marker, f"block {number}", most, sealing)
    return header, header.unsealed_size + sealing.size


def parse_end(marker: bytes, frame: FrameHeader, entries: list[Entry]) -> Parser[None]:
    """Parses what follows the marker behind the last block."""
    if frame.block_size is None:
        sealing = frame.sealing(0)
        if (yield from Fields("end of the frame").take(sealing.size)) != sealing.check(marker):
            raise CorruptError("the checksum of an empty frame does not fit")
        return
    end = marker + (yield container.end_size(len(entries)) - 1)
    if len(end) < container.end_size(len(entries)):
        raise TruncatedError("the data end within the index")
    if Index.parse(end) != Index(len(frame.packed), tuple(entries)):
        raise CorruptError("the index does not fit the blocks")


def frames_of(source: Source, max_size: int | None = None) -> Iterator[FrameHeader | PackedBlock]:
    """The headers and blocks of all frames in ``source``, to its end.

    Raises TruncatedError for an empty source, FormatError for anything behind a frame that is neither a frame nor
    zeros, LimitError for more content than ``max_size``.
    """
    source, size, allowance = PushbackSource(source), 0, ContentLimit(max_size)
    start = read_fully(source, len(container.MAGIC))
    if not start:
        raise TruncatedError("the input is empty, not even an empty frame")
    while start:
        for part in _parts_of_frame(start, source, allowance):
            size += part.header.raw_size if isinstance(part, PackedBlock) else 0
            yield part
        start = _behind_padding(source)
        if start != container.MAGIC[: len(start)]:
            raise trailing_data(size)


def trailing_data(size: int) -> FormatError:
    """The error for what is neither a frame nor zeros behind frames of ``size`` bytes of content."""
    error = FormatError("trailing data: what follows the frame is not a frame")
    error.add_note(f"{size} bytes of content come before it, in whole frames")
    return error


def _behind_padding(source: PushbackSource) -> bytes:
    """Skip padding zeros; returns the bytes behind them, as many as a magic number has, fewer at the end."""
    size = container.FEW_ZEROS
    while True:
        piece = read_fully(source, size)
        zeros = container.padding(piece)
        if zeros < len(piece) or not piece:
            source.unread(piece[zeros:])
            return read_fully(source, len(container.MAGIC))
        size = min(2 * size, PIECE)


def _parts_of_frame(start: bytes, source: Source, allowance: ContentLimit) -> Iterator[FrameHeader | PackedBlock]:
    parser = parse_frame(allowance)
    next(parser)  # wants the magic number, which is ``start``
    with suppress(StopIteration):
        part = parser.send(start)
        while True:
            if isinstance(part, int):
                part = parser.send(read_fully(source, part))
            else:
                yield part
                part = next(parser)


class FoundBlock(NamedTuple):
    """A block, the model and the context that it was written with, and what gives the blocks before it, None if all of
    them come."""

    block: PackedBlock
    model: Model
    context: Context | None
    load: Load | None = None

    @property
    def work(self) -> Work:
        """What ``decode_in_worker`` needs.  Raises CorruptError for a context that is needed and is not named."""
        if not self.block.header.primed:
            return self.block, self.model, b""
        if self.context is None:
            raise CorruptError(f"block {self.block.number} needs a context, and its frame names none")
        return self.block, self.model, self.context.primer


Work = tuple[PackedBlock, Model, bytes]
"""A block, its model, and what its predictor learns before."""


def blocks(
    source: Source,
    model: ModelLike | None,
    announce: Callable[[], None] | None = None,
    max_size: int | None = None,
    *,
    context: Context | None = None,
) -> Iterator[FoundBlock]:
    """The blocks of all frames in ``source``, for ``contents``.

    model: used instead of looking for the frames' ids; context: for frames that name one.  Raises UnknownModelError,
    UnknownContextError, and all that ``frames_of`` raises.
    """
    given = None if model is None else resolve_model(model)
    for part in frames_of(source, max_size):
        if isinstance(part, FrameHeader):
            codec.load()  # meanwhile another thread may hash the model
            used, known = model_for(part.model_id, given), context_for(part.context_id, context)
        else:
            prepare_decoding(part.header, announce)
            yield FoundBlock(part, used, known)


def prepare_decoding(header: BlockHeader, announce: Callable[[], None] | None) -> None:
    """Compile the kernels that the block needs, here rather than in each worker."""
    if header.mode != block_header.STORED:
        codec.prepare_kernels(announce, prior=header.mode in (block_header.MEMORY_PRIOR, block_header.PARTS))


def model_for(identity: bytes, model: Model | None) -> Model:
    """The model with the id ``identity``, which a frame names: ``model``, if it is given; raises UnknownModelError if
    there is none, or that is another."""
    if model is None:
        return find_model(identity)
    if model.id != identity:
        raise UnknownModelError(f"the frame was written with model {identity.hex()}, not with {model.id.hex()}")
    return model


def decode_in_worker(
    threads: int, advance: Advance | None, block: PackedBlock, model: Model, primer: bytes
) -> Iterable[bytes]:
    """The coded bytes of a block, in pieces, computed by a worker; primer: what its predictor learns before, if it is
    primed."""
    with named(block):
        return list(map(bytes, decode_here(threads, advance, block, model, primer)))


def decode_here(
    threads: int, advance: Advance | None, block: PackedBlock, model: Model, primer: bytes
) -> Iterator[bytes | memoryview]:
    """As ``decode_in_worker``, each piece as soon as it is verified; errors don't say which block they are about."""
    here = model.here()
    return codec.decode_pieces(block.header, block.payload, here, primer=primer, threads=threads, advance=advance)


@contextmanager
def named(block: PackedBlock) -> Iterator[None]:
    """Say in an error which block it is about."""
    try:
        yield
    except LikezipError as error:
        raise type(error)(f"block {block.number}: {error}") from error


def contents(
    found: Iterator[FoundBlock], decode: Callable[[Iterator[Work]], Generator[Iterable[bytes | memoryview], None, None]]
) -> Generator[Iterator[bytes], None, None]:
    """The raw bytes of blocks, with their copies, in pieces, which are to be used up before the next block is asked
    for; decode: gives the coded bytes of each, in pieces, in order."""
    begun = deque[FoundBlock]()

    def noted() -> Iterator[Work]:
        for one in found:
            work = one.work
            begun.append(one)
            yield work

    history = None
    with closing(decode(noted())) as decoded:
        for coded in decoded:
            block, _, context, load = begun.popleft()
            if history is None or block.number == 0:
                history = History(block.window, block.begin, load, context)
            yield _named_pieces(block, history.complete(block.header, coded))


def _named_pieces(block: PackedBlock, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces themselves; errors say which block they are about."""
    with named(block):
        yield from pieces


def literals_of(found: FoundBlock) -> Literals:
    """The literals of a block, decoded here.  Raises LikezipError; those of a stored block with copies are not
    verified."""
    block = found.block
    prepare_decoding(block.header, None)
    with named(block):
        coded = b"".join(decode_here(1, None, *found.work))
        return Literals.of(coded, block.header.raw_size, size_of(found.context))


def within_window(passed: list[FoundBlock], block: PackedBlock) -> list[FoundBlock]:
    """Those of the blocks that were passed over, to which the copies of the next may refer."""
    if block.number == 0:
        return []
    oldest = block.begin - block.window
    return [one for one in passed if one.block.begin + one.block.header.raw_size > oldest]


def loader(passed: list[FoundBlock]) -> Load:
    """What gives the literals of one of the blocks that were passed over."""

    def load(position: int) -> tuple[int, Literals]:
        number = bisect_right(passed, position, key=lambda one: one.block.begin) - 1
        if number < 0:
            raise CorruptError("a copy refers to bytes before the window")
        return passed[number].block.begin, literals_of(passed[number])

    return load
