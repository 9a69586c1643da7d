"""A frame written from its beginning to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from likezip.blocks import codec
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.options import Advance, CodingOptions
from likezip.frames import container
from likezip.frames.container import Entry, FrameHeader, Index
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
        self._begun = False
        self._header: FrameHeader
        self._first: tuple[BlockHeader, bytes] | None = None
        self._entries: list[Entry] = []

    def write_block(self, raw: bytes) -> Iterator[bytes]:
        """Add a block of 1 to ``block_size`` bytes; yields the parts of the frame that are finished."""
        codec.prepare_kernels(self._announce, prior=self._options.may_use_prior)
        self._begun = True
        for block in self._queue.give(raw, self._options):
            yield from self._finished(*block)

    def flush(self) -> Iterator[bytes]:
        """Yields the missing parts of the blocks that were added; if there are any, the frame is one of several."""
        if self._begun:
            yield from self._several()
        for block in self._queue.rest():
            yield from self._finished(*block)

    def end(self) -> Iterator[bytes]:
        """Yields the missing parts of the frame."""
        for block in self._queue.rest():
            yield from self._finished(*block)
        end = Index(len(self._header.packed), tuple(self._entries)).pack() if self.size else self._single()
        self.size += len(end)
        yield end

    def give_up(self) -> None:
        """Forget blocks that were begun, if the frame is not to be ended."""
        self._queue.give_up()

    def _finished(self, header: BlockHeader, payload: bytes) -> Iterator[bytes]:
        """Yields a block, but keeps the first until there is a second, as a frame of one block is written otherwise."""
        self.raw_size += header.raw_size
        if self.size == 0 and self._first is None:
            self._first = header, payload
        else:
            yield from self._several()
            yield self._packed(header, payload)

    def _several(self) -> Iterator[bytes]:
        """Begin a frame of several blocks, unless that is done."""
        if self.size == 0:
            self._header = FrameHeader.of(self.block_size, self._options.model.id)
            self.size = len(self._header.packed)
            yield self._header.packed
            if self._first is not None:
                yield self._packed(*self._first)

    def _packed(self, header: BlockHeader, payload: bytes) -> bytes:
        block = header.pack(self._header.sealing(len(self._entries))) + payload
        self._entries.append((len(block), header.raw_size))
        self.size += len(block)
        return block

    def _single(self) -> bytes:
        """All of a frame of one block or none."""
        frame = FrameHeader.of(None, self._options.model.id)
        if self._first is None:
            marker = bytes([container.END])
            return frame.packed + marker + frame.sealing(0).check(marker)
        header, payload = self._first
        return frame.packed + header.pack(frame.sealing(0)) + payload


def encode_in_worker(
    threads: int, advance: Advance | None, raw: bytes, options: CodingOptions
) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block, computed by a worker."""
    return codec.encode_block(raw, replace(options, model=options.model.here(), threads=threads), advance)
