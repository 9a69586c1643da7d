"""A frame read from its beginning to its end, wherever its bytes come from.

``parse_frame`` asks for bytes and says what it found; it is driven by what pulls from a file (``pulled``) and by what
is handed pieces (``likezip.frames.incremental``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from likezip.blocks import block_header, codec
from likezip.blocks.block_header import BlockHeader
from likezip.errors import CorruptError, FormatError, LikezipError, LimitError, TruncatedError, UnknownModelError
from likezip.frames import container
from likezip.frames.container import Entry, FrameHeader
from likezip.frames.raw_io import PIECE, Ahead, Source, read_fully
from likezip.model import Model, ModelLike, find_model, the_model

if TYPE_CHECKING:
    from likezip.blocks.predictor import Advance


@dataclass(frozen=True)
class Block:
    """A block as it lies in a frame: its number from 0, its header and its payload."""

    number: int
    header: BlockHeader
    payload: bytes

    @property
    def size(self) -> int:
        """Bytes in the frame."""
        return block_header.BLOCK_HEADER_SIZE + len(self.payload)

    @property
    def entry(self) -> Entry:
        """What the index says of it."""
        return len(self.payload), self.header.raw_size


class Allowance:
    """How much content frames may have together, None for any; each block is asked for by its header, before its
    payload is read."""

    def __init__(self, max_size: int | None) -> None:
        """Raises ValueError for a size below 0."""
        if max_size is not None and max_size < 0:
            raise ValueError(f"max_size must be at least 0, not {max_size}")
        self.max_size, self._taken = max_size, 0

    def take(self, size: int, what: str) -> None:
        """``size`` bytes more; raises LimitError if they are too many."""
        self._taken += size
        if self.max_size is not None and self._taken > self.max_size:
            raise LimitError(f"{what}: the content has {self._taken} bytes or more, and {self.max_size} are allowed")


Parser = Generator[int | FrameHeader | Block, bytes, None]
"""Yields how many bytes it wants, to be sent next, fewer only if there are no more; and in between, what they hold."""


def parse_frame(allowance: Allowance | None = None) -> Parser:
    """The header of a frame, then its blocks; ends behind the frame.

    Raises LikezipError for whatever does not fit, with the block's number, LimitError for what is not allowed.
    """
    start = yield len(container.MAGIC)
    if start == container.MAGIC:
        start += yield container.FRAME_HEADER_SIZE - len(start)
    header = FrameHeader.parse(start)
    yield header
    entries: list[Entry] = []
    while (marker := (yield 1)) != bytes([container.END]):
        block = yield from _parse_block(marker, len(entries), header.block_size, allowance)
        yield block
        entries.append(block.entry)
    end = marker + (yield container.end_size(len(entries)) - 1)
    if len(end) < container.end_size(len(entries)):
        raise TruncatedError("the data end within the index")
    if container.parse_end(end) != entries:
        raise CorruptError("the index does not fit the blocks")


def _parse_block(
    marker: bytes, number: int, block_size: int, allowance: Allowance | None
) -> Generator[int, bytes, Block]:
    packed = marker + (yield block_header.BLOCK_HEADER_SIZE - 1)
    header = BlockHeader.parse(packed, number, block_size)
    if allowance is not None:
        allowance.take(header.raw_size, f"block {number}")
    payload = yield header.payload_size
    if len(payload) < header.payload_size:
        raise TruncatedError(f"the data end within block {number}")
    return Block(number, header, payload)


def pulled(source: Source, max_size: int | None = None) -> Iterator[FrameHeader | Block]:
    """The headers and blocks of all frames in ``source``, to its end.

    Raises TruncatedError for an empty source, FormatError for anything behind a frame that is neither a frame nor
    zeros, a multiple of 4, LimitError for more content than ``max_size``.
    """
    source, size, allowance = Ahead(source), 0, Allowance(max_size)
    start = read_fully(source, len(container.MAGIC))
    if not start:
        raise TruncatedError("the input is empty, not even an empty frame")
    while start:
        for found in _pulled_frame(start, source, allowance):
            size += found.header.raw_size if isinstance(found, Block) else 0
            yield found
        start = _behind_padding(source)
        if start != container.MAGIC[: len(start)]:
            error = FormatError("trailing data: what follows the frame is not a frame")
            error.add_note(f"{size} bytes of content come before it, in whole frames")
            raise error


def _behind_padding(source: Ahead) -> bytes:
    """As many bytes as a magic number has, or fewer at the end, of what comes behind the zeros that fill up."""
    size = container.PADDING
    while True:
        piece = read_fully(source, size)
        zeros = container.padding(piece)
        if zeros < len(piece) or not piece:
            source.unread(piece[zeros:])
            return read_fully(source, len(container.MAGIC))
        size = min(2 * size, PIECE)


def _pulled_frame(start: bytes, source: Source, allowance: Allowance) -> Iterator[FrameHeader | Block]:
    parser = parse_frame(allowance)
    next(parser)  # wants the magic number, which is ``start``
    with suppress(StopIteration):
        found = parser.send(start)
        while True:
            if isinstance(found, int):
                found = parser.send(read_fully(source, found))
            else:
                yield found
                found = next(parser)


def blocks(
    source: Source,
    model: ModelLike | None,
    announce: Callable[[], None] | None = None,
    max_size: int | None = None,
) -> Iterator[tuple[Block, Model]]:
    """The blocks of all frames in ``source``, each with the model that it was written with: what ``decode`` takes.

    model: used instead of looking for the frames' ids.  Raises UnknownModelError, and what ``pulled`` does.
    """
    given = None if model is None else the_model(model)
    for found in pulled(source, max_size):
        if isinstance(found, FrameHeader):
            used = model_for(found.model_id, given)
        else:
            prepare(found.header, announce)
            yield found, used


def prepare(header: BlockHeader, announce: Callable[[], None] | None) -> None:
    """Have the kernels compiled that the block needs, here rather than by each worker."""
    if header.mode != block_header.STORED:
        codec.prepare_kernels(announce, prior=header.mode == block_header.MEMORY_PRIOR)


def model_for(identity: bytes, model: Model | None) -> Model:
    """The model that a frame names, ``model`` if that is the one; raises UnknownModelError."""
    if model is None:
        return find_model(identity)
    if model.id != identity:
        raise UnknownModelError(f"the frame was written with model {identity.hex()}, not with {model.id.hex()}")
    return model


def decode(threads: int, advance: Advance | None, block: Block, model: Model) -> bytes:
    """The raw bytes of a block; what a worker does."""
    try:
        return codec.decode_block(block.header, block.payload, model.here(), threads=threads, advance=advance)
    except LikezipError as error:
        raise type(error)(f"block {block.number}: {error}") from error
