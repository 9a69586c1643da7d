"""Compression and decompression of any length, between files or in memory; memory is bounded by blocks and workers."""

from __future__ import annotations

import io
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from likezip.blocks import codec
from likezip.blocks.options import CodingOptions, Effort, PriorChoice
from likezip.frames import container, reader
from likezip.frames.context import Context
from likezip.frames.index import ContentIndex, read_frames
from likezip.frames.raw_io import Sink, Source, blocks_of, bytes_of, write_fully
from likezip.frames.reader import FoundBlock
from likezip.frames.workers import Queue, Workers
from likezip.frames.writer import FrameWriter
from likezip.model import Model, ModelLike, identify_ahead, resolve_model

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from typing_extensions import Buffer


class Given(NamedTuple):
    """What a caller gives to decompress with, None for what the frames name."""

    model: Model | None
    context: Context | None


Progress = Callable[[int, int], None]
"""Called with the bytes read and the bytes written so far, of unfinished blocks too; may raise to end the work."""


def compress_stream(
    source: Source,
    sink: Sink,
    *,
    model: ModelLike | None = None,
    context: bytes | None = None,
    block_size: int | None = None,
    window: int | None = None,
    threads: int | None = None,
    lanes: int | None = None,
    prior: PriorChoice = "auto",
    effort: Effort = "usual",
    executor: Executor | None = None,
    progress: Progress | None = None,
    announce: Callable[[], None] | None = None,
) -> None:
    """Read ``source`` to its end and write one frame; the bytes don't depend on ``threads`` or ``executor``.

    model: a model, its file or its name, None for the default.
    context: bytes that are needed to decompress, too: where the source is like them, it takes hardly any room.
    block_size: bytes that are coded independently of the rest, 65,536 to 2^30; None for 4 MiB, or 16 MiB with the
    effort "best".
    window: bytes before a block in which repeats of 128 bytes and more are looked for, 65,536 to 2^30, 0 for none, None
    for 256 MiB; both directions keep as many in memory.
    threads: worker processes, or for a single block, threads, None for 1.
    lanes: slices of a block coded in lockstep, 1 to 1024, None for 1 to 32 by the size with the prior, 1 without.
    prior: "on", "off", or "auto" for each block by a sample.
    effort: "fast", as the prior "off"; "usual"; or "best": every way is tried on all of a block, in one lane, which
    takes several times as long both ways.
    executor: any of ``concurrent.futures``, to code blocks in instead of our own processes, ``threads`` of them at a
    time, None for as many as there are cores here.
    announce: called before kernels are compiled.
    Raises ValueError for options outside their ranges.
    """
    coded = 0

    def advance(size: int) -> None:
        nonlocal coded
        coded += size
        if progress is not None:
            progress(max(coded, writer.raw_size), writer.size)

    if model is None:
        identify_ahead()
    codec.load()
    with Workers(threads, executor) as workers:
        options = CodingOptions(resolve_model(model), prior, lanes, effort=effort)
        heard, size = advance if progress else None, block_size or container.default_block_size(effort=effort)
        known = Context.of(context)
        writer = FrameWriter(
            workers, options, context=known, block_size=size, window=window, advance=heard, announce=announce
        )
        try:
            for part in _frame(writer, source):
                write_fully(sink, part)
                advance(0)
        finally:
            writer.give_up()


def _frame(writer: FrameWriter, source: Source) -> Iterator[bytes]:
    for parts in map(writer.write_block, blocks_of(source, writer.block_size)):
        yield from parts
    yield from writer.end()


def decompress_stream(
    source: Source,
    sink: Sink,
    *,
    model: ModelLike | None = None,
    context: bytes | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    announce: Callable[[], None] | None = None,
    max_size: int | None = None,
) -> None:
    """Read the frames of ``source`` and write their content, each piece of a block (1 MiB, or all of a block with
    copies or of several kinds) only once its checksum has been verified.

    model: used instead of looking for the frame's id, which it must have; context: what the frame was compressed with,
    if it was; threads, executor, announce: as for compress_stream.  max_size: bytes of content that are allowed; the
    header of the first block that goes beyond them raises LimitError, before its payload is read or anything is
    allocated for it.
    Raises LikezipError for bad data; all content written before is right.
    """
    begun: deque[tuple[int, int]] = deque()  # bytes of blocks and of their content
    read = written = coded = 0

    def advance(size: int) -> None:
        nonlocal coded
        coded += size
        if progress is not None:
            unfinished, raw = max(0, coded - written), sum(raw for _, raw in begun)
            progress(read + (unfinished * sum(size for size, _ in begun) // raw if raw else 0), written)

    def heard() -> Iterator[FoundBlock]:
        for found in reader.blocks(source, model, announce, max_size, context=Context.of(context)):
            begun.append((found.block.size, found.block.header.raw_size))
            yield found

    if model is None:
        identify_ahead()
    with Workers(threads, executor) as workers:
        queue = Queue(workers, reader.decode_in_worker, advance if progress else None, here=reader.decode_here)
        for pieces in reader.contents(heard(), queue.map):
            for piece in pieces:
                write_fully(sink, piece)
            size, raw = begun.popleft()
            read, written = read + size, written + raw
            advance(0)


def decompress_range(
    source: BinaryIO,
    sink: Sink,
    start: int,
    end: int | None,
    *,
    model: ModelLike | None = None,
    context: bytes | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    announce: Callable[[], None] | None = None,
) -> None:
    """Write bytes ``start`` to ``end`` of the content, counted as in Python's slices; None for all from ``start`` on.

    Only the blocks that hold them are decoded; of a file that can seek only these blocks and the index are read.
    Raises ValueError for a range that begins behind the end, or counts from the end of a source that can't seek.
    """
    given, parts = Given(None if model is None else resolve_model(model), Context.of(context)), deque[slice]()

    def noted() -> Iterator[FoundBlock]:
        for part, found in (_range_of_file if source.seekable() else _range_of_pipe)(source, start, end, given):
            reader.prepare_decoding(found.block.header, announce)
            parts.append(part)
            yield found

    with Workers(threads, executor) as workers:
        for pieces in reader.contents(noted(), Queue(workers, reader.decode_in_worker).map):
            write_fully(sink, b"".join(pieces)[parts.popleft()])


def _range_of_file(file: BinaryIO, start: int, end: int | None, given: Given) -> Iterator[tuple[slice, FoundBlock]]:
    """The blocks of a range, found by the index, each with the slice of it that is in the range."""
    places = ContentIndex(read_frames(file))
    if start > places.size:
        raise ValueError(f"the range begins behind the end: there are {places.size} bytes")
    first, last, _ = slice(start, end).indices(places.size)
    if first < last:
        place, begin = places.find(first)
        for found in places.read(file, given.model, given.context, place, places.find(last - 1)[0] + 1):
            yield slice(max(0, first - begin), last - begin), found
            begin += found.block.header.raw_size


def _range_of_pipe(pipe: Source, start: int, end: int | None, given: Given) -> Iterator[tuple[slice, FoundBlock]]:
    """The blocks of a range as ``_range_of_file``, found by reading up to them."""
    if start < 0 or (end is not None and end < 0):
        raise ValueError("a range that counts from the end needs a file that can seek")
    begin, last = 0, sys.maxsize if end is None else end
    passed = list[FoundBlock]()
    for found in reader.blocks(pipe, given.model, context=given.context):
        block = found.block
        passed = reader.within_window(passed, block)
        if max(start, begin) < min(last, begin + block.header.raw_size):
            yield slice(max(0, start - begin), last - begin), found._replace(load=reader.loader(passed))
        passed.append(found)
        begin += block.header.raw_size
        if begin >= last:
            return
    if start > begin:
        raise ValueError(f"the range begins behind the end: there are {begin} bytes")


def compress(
    data: Buffer,
    *,
    model: ModelLike | None = None,
    context: bytes | None = None,
    block_size: int | None = None,
    window: int | None = None,
    threads: int | None = None,
    lanes: int | None = None,
    prior: PriorChoice = "auto",
    effort: Effort = "usual",
    executor: Executor | None = None,
) -> bytes:
    """One frame that holds ``data``; options as for compress_stream, but without ``block_size`` blocks are equal.

    data: bytes, or anything with a contiguous buffer, such as an array of numbers, records or dates.
    """
    raw, sink = bytes_of(data), io.BytesIO()
    source = io.BytesIO(raw)
    size = container.default_block_size(raw.nbytes, effort) if block_size is None else block_size
    options: dict[str, Any] = {"model": model, "threads": threads, "lanes": lanes, "prior": prior, "executor": executor}
    compress_stream(source, sink, context=context, block_size=size, window=window, effort=effort, **options)
    return sink.getvalue()


def decompress(
    data: Buffer,
    *,
    model: ModelLike | None = None,
    context: bytes | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    max_size: int | None = None,
) -> bytes:
    """The content of the frames in ``data``; options as for decompress_stream.

    Raises LikezipError if they are damaged in any way, LimitError if they hold more than ``max_size`` bytes.
    """
    sink = io.BytesIO()
    options: dict[str, Any] = {"model": model, "threads": threads, "executor": executor, "max_size": max_size}
    decompress_stream(io.BytesIO(bytes_of(data)), sink, context=context, **options)
    return sink.getvalue()
