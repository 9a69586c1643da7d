"""A frame written from its beginning to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from likezip.blocks import block_header, codec
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.codec import PriorChoice
from likezip.frames import container
from likezip.frames.container import Entry, FrameHeader
from likezip.frames.workers import Queue, Workers
from likezip.model import Model

if TYPE_CHECKING:
    from likezip.blocks.predictor import Advance


class FrameWriter:
    """The bytes of a frame, as blocks are put into it.

    raw_size and size: raw bytes of the blocks finished so far, and bytes of the frame.
    """

    def __init__(
        self,
        workers: Workers,
        model: Model,
        *,
        block_size: int,
        lanes: int | None,
        prior: PriorChoice,
        advance: Advance | None = None,
        announce: Callable[[], None] | None = None,
    ) -> None:
        """Raises ValueError for options outside their ranges."""
        _check_options(block_size, lanes, prior)
        self.block_size = block_size
        self.raw_size = self.size = 0
        self._model, self._lanes, self._prior, self._announce = model, lanes, prior, announce
        self._queue = Queue(workers, encode, advance)
        self._entries: list[Entry] = []

    def put(self, raw: bytes) -> Iterator[bytes]:
        """Add a block of 1 to ``block_size`` bytes; yields what is finished of the frame."""
        codec.prepare(self._announce, prior=self._prior != "off" and self._model.has_prior())
        yield from self._begin()
        for block in self._queue.give(raw, self._model, self._lanes, self._prior):
            yield self._finished(*block)

    def flush(self) -> Iterator[bytes]:
        """Yields what is missing of the blocks that were put."""
        yield from self._begin()
        for block in self._queue.rest():
            yield self._finished(*block)

    def end(self) -> Iterator[bytes]:
        """Yields what is missing of the frame."""
        yield from self.flush()
        end = container.pack_end(self._entries)
        self.size += len(end)
        yield end

    def give_up(self) -> None:
        """Forget blocks that were begun, if the frame is not to be ended."""
        self._queue.give_up()

    def _begin(self) -> Iterator[bytes]:
        if self.size == 0:
            self.size = container.FRAME_HEADER_SIZE
            yield FrameHeader(self.block_size, self._model.id).pack()

    def _finished(self, header: BlockHeader, payload: bytes) -> bytes:
        block = header.pack(len(self._entries)) + payload
        self._entries.append((header.payload_size, header.raw_size))
        self.raw_size, self.size = self.raw_size + header.raw_size, self.size + len(block)
        return block


def encode(
    threads: int, advance: Advance | None, raw: bytes, model: Model, lanes: int | None, prior: PriorChoice
) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block; what a worker does."""
    return codec.encode_block(raw, model.here(), lanes=lanes, prior=prior, threads=threads, advance=advance)


def _check_options(block_size: int, lanes: int | None, prior: PriorChoice) -> None:
    if not container.MIN_BLOCK <= block_size <= container.MAX_BLOCK:
        raise ValueError(f"block_size must be {container.MIN_BLOCK} to {container.MAX_BLOCK}, not {block_size}")
    if lanes is not None and not 1 <= lanes <= block_header.MAX_LANES:
        raise ValueError(f"lanes must be 1 to {block_header.MAX_LANES}, not {lanes}")
    codec.checked(prior)
