"""A frame written from its beginning to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from likezip import blocks
from likezip.blocks import codec, copies
from likezip.blocks.block_header import BlockHeader, Whole
from likezip.blocks.copies import Copy
from likezip.blocks.options import Advance, CodingOptions
from likezip.frames import container
from likezip.frames.container import Entry, FrameHeader, Index
from likezip.frames.context import PRIMER, Context
from likezip.frames.workers import Queue, Workers

if TYPE_CHECKING:
    from likezip.blocks import repeats


class Way(NamedTuple):
    """A way to code a block: the bytes that are coded, what the whole block is if they have copies, and what the
    predictor learns before."""

    coded: bytes
    whole: Whole | None
    primer: bytes


def _way(raw: bytes, found: list[Copy], context: int, primer: bytes) -> Way:
    return Way(copies.pack(found, raw, context), Whole.of(raw), primer) if found else Way(raw, None, primer)


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
        context: Context | None = None,
        window: int | None = None,
        advance: Advance | None = None,
        announce: Callable[[], None] | None = None,
    ) -> None:
        """window: bytes before a block in which repeats are looked for, see ``compress_stream``.  Raises ValueError for
        sizes outside their ranges."""
        if not container.MIN_BLOCK <= block_size <= container.MAX_BLOCK:
            raise ValueError(f"block_size must be {container.MIN_BLOCK} to {container.MAX_BLOCK}, not {block_size}")
        self.block_size = block_size
        self.raw_size = self.size = 0
        self._options, self._announce = options, announce
        self._window_bits = container.window_bits(container.DEFAULT_WINDOW if window is None else window)
        self._context = context
        self._finder: repeats.RepeatFinder | None = None
        self._given = 0  # bytes of the blocks that were added
        self._queue = Queue(workers, encode_in_worker, advance)
        self._begun = False
        self._header: FrameHeader
        self._first: tuple[BlockHeader, bytes] | None = None
        self._entries: list[Entry] = []

    def write_block(self, raw: bytes) -> Iterator[bytes]:
        """Add a block of 1 to ``block_size`` bytes, which need not be kept; yields the parts of the frame that are
        finished, once they are asked for."""
        codec.prepare_kernels(self._announce, prior=self._options.may_use_prior, repeats=_compile_repeats)
        self._begun = True
        return self._written(self._ways(raw))

    def _written(self, ways: list[Way]) -> Iterator[bytes]:
        for block in self._queue.give(ways, self._options):
            yield from self._finished(*block)

    def _ways(self, raw: bytes) -> list[Way]:
        """The ways to code a block: with all copies, and if there is a context that is not too long, primed by it: then
        without those short copies of it that the predictor knows as well.

        Whichever way is the best, later copies refer only to what is literal in both.
        """
        context = b"" if self._context is None else self._context.content
        if self._finder is None:
            self._finder = blocks.repeats.RepeatFinder(container.window_size(self._window_bits), context)
        begin, self._given = self._given, self._given + len(raw)
        found = self._finder.find(raw)
        ways = [_way(raw, found, len(context), b"")]
        self._finder.keep(ways[0].coded)
        if self._context is not None and len(context) <= PRIMER and self._options.effort != "fast":
            least = blocks.repeats.LEAST_INSIDE
            kept = [copy for copy in found if begin + copy.place >= copy.distance or copy.length >= least]
            ways.append(_way(raw, kept, len(context), self._context.primer))
        return ways

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
            self._header = self._frame_header(self.block_size)
            self.size = len(self._header.packed)
            yield self._header.packed
            if self._first is not None:
                yield self._packed(*self._first)

    def _packed(self, header: BlockHeader, payload: bytes) -> bytes:
        block = header.pack(self._header.sealing(len(self._entries))) + payload
        self._entries.append((len(block), header.raw_size))
        self.size += len(block)
        return block

    def _frame_header(self, block_size: int | None) -> FrameHeader:
        identity = b"" if self._context is None else self._context.id
        return FrameHeader.of(block_size, self._options.model.id, window_bits=self._window_bits, context_id=identity)

    def _single(self) -> bytes:
        """All of a frame of one block or none."""
        frame = self._frame_header(None)
        if self._first is None:
            marker = bytes([container.END])
            return frame.packed + marker + frame.sealing(0).check(marker)
        header, payload = self._first
        return frame.packed + header.pack(frame.sealing(0)) + payload


def encode_in_worker(
    threads: int, advance: Advance | None, ways: list[Way], options: CodingOptions
) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block, coded in the best way, computed by a worker."""
    here = replace(options, model=options.model.here(), threads=threads)
    found = list[tuple[BlockHeader, bytes]]()
    for coded, whole, primer in ways:
        heard = None if found else advance
        found.append(codec.encode_block(coded, here, heard, whole=whole, primer=primer))
    return min(found, key=lambda block: block[0].unsealed_size)


def _compile_repeats() -> None:
    blocks.repeats.compile_repeats()
