"""Frames over binary files: compress and decompress of any length, in memory bounded by blocks and workers."""

from __future__ import annotations

import errno
import io
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, TypeVar, get_args

from likezip import codec, container
from likezip.codec import PriorChoice
from likezip.container import BlockHeader, Entry, FrameHeader
from likezip.errors import CorruptError, FormatError, LikezipError, TruncatedError, UnknownModelError, WorkerError
from likezip.model import Model, default_model, find_model, load_model

Progress = Callable[[int, int], None]
"""Called with the bytes read and the bytes written so far."""


class Source(Protocol):
    """What is read from: any binary file object, pipes included."""

    def read(self, size: int, /) -> bytes | None: ...


class Sink(Protocol):
    """What is written to."""

    def write(self, data: bytes, /) -> object: ...


def read_fully(source: Source, size: int) -> bytes:
    """``size`` bytes, or fewer at the end only; never asks for more than 1 MiB at once, whatever ``size`` claims.

    Raises BlockingIOError for a source that has nothing yet (a pipe that doesn't block), which is not its end.
    """
    parts: list[bytes] = []
    while size > 0 and (part := source.read(min(size, 1 << 20))) != b"":
        if part is None:
            raise BlockingIOError(errno.EAGAIN, "the source has no bytes yet; open it so that reading waits")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write_fully(sink: Sink, data: bytes) -> None:
    """Write all of ``data``, also to a sink that takes less at once and says how much (unbuffered files, sockets).

    Raises BlockingIOError for an unbuffered one that takes nothing for now.
    """
    while data:
        taken = sink.write(data)
        if taken == 0 or (taken is None and isinstance(sink, io.RawIOBase)):
            raise BlockingIOError(errno.EAGAIN, "the sink takes no bytes now; open it so that writing waits")
        data = data[taken:] if isinstance(taken, int) else b""


# What a worker does with one block, in so many threads if it can be shared.


def _encode(threads: int, raw: bytes, path: Path, lanes: int | None, prior: PriorChoice) -> tuple[BlockHeader, bytes]:
    return codec.encode_block(raw, load_model(path), lanes=lanes, prior=prior, threads=threads)


def _decode(threads: int, header: BlockHeader, payload: bytes, path: Path, number: int) -> bytes:
    try:
        return codec.decode_block(header, payload, load_model(path), threads=threads)
    except LikezipError as error:
        raise type(error)(f"block {number}: {error}") from error


def _leave_interrupts_to_parent() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent is to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


Result = TypeVar("Result")


class _Workers(AbstractContextManager["_Workers"]):
    """Runs blocks in order: in ``threads`` worker processes, a single one here, in threads if it can be shared."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool: ProcessPoolExecutor | None = None

    def map(self, work: Callable[..., Result], calls: Iterable[tuple[object, ...]]) -> Iterator[Result]:
        """The results of ``work(threads, *call)`` in order, with at most threads + 1 blocks in flight."""
        waiting: deque[Future[Result]] = deque()
        calls = iter(calls)
        first, second = next(calls, None), next(calls, None) if self._threads > 1 else None
        if first is None or second is None:
            for call in calls if first is None else chain([first], calls):
                yield work(self._threads, *call)
            return
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self._threads, spawn, initializer=_leave_interrupts_to_parent)
        for call in chain([first, second], calls):
            waiting.append(self._submit(work, call))
            if len(waiting) > self._threads:
                yield self._result(waiting.popleft())
        while waiting:
            yield self._result(waiting.popleft())

    def _submit(self, work: Callable[..., Result], call: tuple[object, ...]) -> Future[Result]:
        assert self._pool is not None
        with _deaths_reported():
            return self._pool.submit(work, 1, *call)

    def _result(self, future: Future[Result]) -> Result:
        with _deaths_reported():
            return future.result()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is None:
            return
        if kind is not None:
            for process in list((self._pool._processes or {}).values()):
                process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaths_reported() -> Iterator[None]:
    """A pool notices a death when it is next asked for anything, new work included."""
    try:
        yield
    except BrokenProcessPool as error:
        raise WorkerError("a worker process died (was it killed, or out of memory?)") from error


def compress_stream(
    source: Source,
    sink: Sink,
    *,
    model: Model | None = None,
    block_size: int = container.DEFAULT_BLOCK,
    threads: int = 1,
    lanes: int | None = None,
    prior: PriorChoice = "auto",
    progress: Progress | None = None,
    announce: Callable[[], None] | None = None,
) -> None:
    """Read ``source`` to its end and write one frame; the bytes don't depend on ``threads``.

    block_size: bytes, 65,536 to 2^30; lanes: 1 to 1024, None for 1 to 32 by the size with the prior, 1 without; prior:
    "on", "off", or "auto" for each block by a sample; threads: worker processes, or for a single block, threads.
    Raises ValueError for options outside their ranges.
    """
    _check_options(block_size, threads, lanes, prior)
    model = model or default_model()
    write_fully(sink, FrameHeader(block_size, model.id).pack())
    entries: list[Entry] = []
    read = written = 0

    def blocks() -> Iterator[tuple[object, ...]]:
        while raw := read_fully(source, block_size):
            codec.prepare(announce, prior=prior != "off" and model.has_prior())
            yield raw, model.path, lanes, prior

    with _Workers(threads) as workers:
        for header, payload in workers.map(_encode, blocks()):
            write_fully(sink, header.pack(len(entries)) + payload)
            entries.append((header.payload_size, header.raw_size))
            read, written = read + header.raw_size, written + container.BLOCK_HEADER_SIZE + header.payload_size
            if progress is not None:
                progress(read, written)
    write_fully(sink, container.pack_end(entries))


def _check_options(block_size: int, threads: int, lanes: int | None, prior: str) -> None:
    if not container.MIN_BLOCK <= block_size <= container.MAX_BLOCK:
        raise ValueError(f"block_size must be {container.MIN_BLOCK} to {container.MAX_BLOCK}, not {block_size}")
    if lanes is not None and not 1 <= lanes <= container.MAX_LANES:
        raise ValueError(f"lanes must be 1 to {container.MAX_LANES}, not {lanes}")
    if prior not in get_args(PriorChoice):
        raise ValueError(f"prior must be one of {', '.join(get_args(PriorChoice))}, not {prior}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")


def decompress_stream(
    source: Source,
    sink: Sink,
    *,
    model: Model | None = None,
    threads: int = 1,
    progress: Progress | None = None,
    announce: Callable[[], None] | None = None,
) -> None:
    """Read the frames of ``source`` and write what they hold, each block only once its checksum has been verified.

    model: used instead of looking for the frame's id, which it must have.  Raises LikezipError for bad data.
    """
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    read = written = 0
    start = read_fully(source, container.FRAME_HEADER_SIZE)
    if not start:
        raise TruncatedError("the input is empty, not even an empty frame")
    while start:
        header = FrameHeader.parse(start)
        used = _model_for(header, model)
        with _Workers(threads) as workers:
            blocks = _BlockReader(source, header, used, announce)
            for raw in workers.map(_decode, blocks):
                write_fully(sink, raw)
                written += len(raw)
                if progress is not None:
                    progress(read + blocks.read, written)
        read += blocks.read
        start = read_fully(source, container.FRAME_HEADER_SIZE)
        if start and start[:4] != container.MAGIC[: len(start)]:
            raise FormatError("trailing data: what follows the frame is not a frame")


def _model_for(header: FrameHeader, model: Model | None) -> Model:
    if model is None:
        return find_model(header.model_id)
    if model.id != header.model_id:
        raise UnknownModelError(f"the frame was written with model {header.model_id.hex()}, not with {model.id.hex()}")
    return model


class _BlockReader:
    """Iterates over the blocks of one frame and checks its index; ``read`` counts the frame's bytes so far."""

    def __init__(self, source: Source, header: FrameHeader, model: Model, announce: Callable[[], None] | None) -> None:
        self._source, self._header, self._model, self._announce = source, header, model, announce
        self._entries: list[Entry] = []
        self.read = container.FRAME_HEADER_SIZE

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        while (marker := self._take(1)) != bytes([container.END]):
            number = len(self._entries)
            packed = marker + self._take(container.BLOCK_HEADER_SIZE - 1)
            header = BlockHeader.parse(packed, number, self._header.block_size)
            payload = self._take(header.payload_size)
            if len(payload) < header.payload_size:
                raise TruncatedError(f"the data end within block {number}")
            self._entries.append((header.payload_size, header.raw_size))
            if header.mode != container.STORED:
                codec.prepare(self._announce, prior=header.mode == container.MEMORY_PRIOR)
            yield header, payload, self._model.path, number
        end = marker + self._take(container.end_size(len(self._entries)) - 1)
        if len(end) < container.end_size(len(self._entries)):
            raise TruncatedError("the data end within the index")
        if container.parse_end(end) != self._entries:
            raise CorruptError("the index does not fit the blocks")

    def _take(self, size: int) -> bytes:
        data = read_fully(self._source, size)
        self.read += len(data)
        return data


def compress(
    data: bytes,
    *,
    model: Model | None = None,
    block_size: int | None = None,
    threads: int = 1,
    lanes: int | None = None,
    prior: PriorChoice = "auto",
) -> bytes:
    """One frame that holds ``data``; options as for compress_stream, but without ``block_size`` blocks are equal."""
    source, sink, size = io.BytesIO(data), io.BytesIO(), block_size or container.default_block_size(len(data))
    compress_stream(source, sink, model=model, block_size=size, threads=threads, lanes=lanes, prior=prior)
    return sink.getvalue()


def decompress(data: bytes, *, model: Model | None = None, threads: int = 1) -> bytes:
    """What the frames in ``data`` hold; raises LikezipError if they are damaged in any way."""
    sink = io.BytesIO()
    decompress_stream(io.BytesIO(data), sink, model=model, threads=threads)
    return sink.getvalue()


@dataclass(frozen=True)
class FrameInfo:
    """A frame as its header and index describe it; sizes in bytes."""

    offset: int
    size: int
    header: FrameHeader
    blocks: tuple[Entry, ...]

    @property
    def raw_size(self) -> int:
        return sum(raw for _, raw in self.blocks)


def read_frames(file: BinaryIO) -> list[FrameInfo]:
    """The frames of a seekable file in order, from their headers and indexes only, found from behind."""
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        raise TruncatedError("the file is empty")
    file.seek(0)
    FrameHeader.parse(file.read(container.FRAME_HEADER_SIZE))
    frames: list[FrameInfo] = []
    while end > 0:
        frames.append(_frame_before(file, end))
        end = frames[-1].offset
    return frames[::-1]


def _frame_before(file: BinaryIO, end: int) -> FrameInfo:
    """The frame that ends at ``end``."""
    if end < container.FRAME_HEADER_SIZE + container.end_size(0):
        raise TruncatedError("the file is too short for a frame")
    file.seek(end - container.FOOTER_SIZE)
    index_size = container.end_size(container.footer_blocks(file.read(container.FOOTER_SIZE)))
    if index_size > end - container.FRAME_HEADER_SIZE:
        raise CorruptError("the index claims to be longer than the file")
    file.seek(end - index_size)
    entries = container.parse_end(file.read(index_size))
    size = container.FRAME_HEADER_SIZE + index_size
    size += sum(container.BLOCK_HEADER_SIZE + payload for payload, _ in entries)
    if size > end:
        raise CorruptError("the index claims more than the file holds")
    file.seek(end - size)
    header = FrameHeader.parse(file.read(container.FRAME_HEADER_SIZE))
    return FrameInfo(end - size, size, header, tuple(entries))
