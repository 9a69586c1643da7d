"""A frame written from its beginning to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from likezip.blocks import codec
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.options import Advance, CodingOptions
from likezip.frames import container
from likezip.frames.container import Entry, FrameHeader
from likezip.frames.workers import Queue, Workers


class FrameWriter:
    """Writes one frame, block by block.

    raw_size and size: raw bytes of the blocks finished so far, and bytes of the frame.
    """

    def __init__(
        self,
        workers: Workers,
        options: CodingOptions,
        *,
        block_size: int,
        advance: Advance | None = None,
        announce: Callable[[], None] | None = None,
    ) -> None:
        """Raises ValueError for a block size outside its range."""
        if not container.MIN_BLOCK <= block_size <= container.MAX_BLOCK:
            raise ValueError(f"block_size must be {container.MIN_BLOCK} to {container.MAX_BLOCK}, not {block_size}")
        self.block_size = block_size
        self.raw_size = self.size = 0
        self._options, self._announce = options, announce
        self._queue = Queue(workers, encode_in_worker, advance)
        self._entries: list[Entry] = []

    def write_block(self, raw: bytes) -> Iterator[bytes]:
        """Add a block of 1 to ``block_size`` bytes; yields the parts of the frame that are finished."""
        codec.prepare_kernels(self._announce, prior=self._options.may_use_prior)
        yield from self._begin()
        for block in self._queue.give(raw, self._options):
            yield self._finished(*block)

    def flush(self) -> Iterator[bytes]:
        """Yields the missing parts of the blocks that were added."""
        yield from self._begin()
        for block in self._queue.rest():
            yield self._finished(*block)

    def end(self) -> Iterator[bytes]:
        """Yields the missing parts of the frame."""
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
            yield FrameHeader(self.block_size, self._options.model.id).pack()

    def _finished(self, header: BlockHeader, payload: bytes) -> bytes:
        block = header.pack(len(self._entries)) + payload
        self._entries.append((header.payload_size, header.raw_size))
        self.raw_size, self.size = self.raw_size + header.raw_size, self.size + len(block)
        return block


def encode_in_worker(
    threads: int, advance: Advance | None, raw: bytes, options: CodingOptions
) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block, computed by a worker."""
    return codec.encode_block(raw, replace(options, model=options.model.here(), threads=threads), advance)
