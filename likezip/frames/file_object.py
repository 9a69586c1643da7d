"""Compressed files as Python's file objects, with random access by the index."""

from __future__ import annotations

import atexit
import io
import os
import threading
from builtins import open as open_file
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO, TypedDict, Unpack, cast, overload
from weakref import WeakSet

from likezip.blocks.options import Effort, PriorChoice
from likezip.errors import LikezipError
from likezip.frames import reader
from likezip.frames.context import Context
from likezip.frames.incremental import LikezipCompressor
from likezip.frames.index import ContentIndex, read_frames
from likezip.frames.locking import locked
from likezip.frames.raw_io import PIECE, Sink, Source, bytes_of, write_fully
from likezip.frames.reader import FoundBlock, Work
from likezip.frames.workers import Queue, Workers
from likezip.model import ModelLike, resolve_model

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from typing_extensions import Buffer


class WritingOptions(TypedDict, total=False):
    """Options for writing, see ``compress_stream``."""

    block_size: int
    window: int | None
    lanes: int | None
    prior: PriorChoice
    effort: Effort


class OpenOptions(WritingOptions, total=False):
    """Options for reading and writing, see ``LikezipFile``."""

    context: bytes | None
    threads: int | None
    executor: Executor | None
    max_size: int | None


class _Content(io.RawIOBase):
    """The content of the frames in a file, from its current position on; keeps the block that was read last."""

    def __init__(
        self,
        file: BinaryIO,
        model: ModelLike | None,
        context: Context | None,
        workers: Workers,
        max_size: int | None,
    ) -> None:
        self._file, self._workers, self._max_size, self._context = file, workers, max_size, context
        found = reader.blocks(file, model, max_size=max_size, context=context)
        self._blocks = reader.contents(found, self._decoded)
        self._model = None if model is None else resolve_model(model)
        self._begin = file.tell() if self.seekable() else 0
        self._places: ContentIndex | None = None
        self._position = self._block_begin = 0
        self._block = b""
        self._failure: LikezipError | None = None
        self._interrupted = False  # by Ctrl-C or the like: the blocks being decoded are lost, but seek finds them again

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        seekable = getattr(self._file, "seekable", None)
        return seekable is not None and bool(seekable())

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill ``buffer`` with the rest of a block at most."""
        part = self._rest_of_block()[: len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def readall(self) -> bytes:
        parts = []
        while part := self._rest_of_block():
            parts.append(bytes(part))
            self._position += len(part)
        return b"".join(parts)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Set the position; nothing is decoded before the next read, which begins with the block that it needs."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        if base is None and whence != io.SEEK_END:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence}")
        target = max(0, offset + (self._index().size if base is None else base))
        if self._interrupted or not self._block_begin <= target <= self._block_begin + len(self._block):
            self._go_to(target)
        self._position = target
        return target

    def close(self) -> None:
        self._blocks.close()
        super().close()

    def _rest_of_block(self) -> memoryview:
        """The content from the position to the end of its block; empty only at the end of the file."""
        while self._position >= self._block_begin + len(self._block):
            if self._failure is not None:
                raise self._failure
            if self._interrupted:
                raise ValueError("reading was interrupted before; seek to go on")
            try:
                following = next(self._blocks, None)
                content = b"" if following is None else b"".join(following)
            except LikezipError as error:
                self._failure = error
                raise
            except BaseException:
                self._interrupted = True
                raise
            if following is None:
                return memoryview(b"")
            self._block_begin, self._block = self._block_begin + len(self._block), content
        return memoryview(self._block)[self._position - self._block_begin :]

    def _decoded(self, blocks: Iterator[Work]) -> Generator[Iterable[bytes | memoryview], None, None]:
        """The coded bytes of blocks; the first is decoded before another is read, as no other may be wanted."""
        for work in islice(blocks, 1):
            yield reader.decode_in_worker(self._workers.threads, None, *work)
        yield from Queue(self._workers, reader.decode_in_worker).map(blocks)

    def _index(self) -> ContentIndex:
        """The index, read when it is first needed; that moves the file, so later blocks are found by the index."""
        if self._places is None:
            here = self._file.tell()
            try:
                places = ContentIndex(read_frames(self._file, self._begin))
                reader.ContentLimit(self._max_size).take(places.size, "the index")
            except BaseException:
                self._file.seek(here)
                raise
            self._continue(places, places.find(self._block_begin + len(self._block))[0])
            self._places = places
        return self._places

    def _go_to(self, position: int) -> None:
        """Decode the block that holds a position next."""
        places = self._index()
        place, self._block_begin = places.find(position)
        self._block, self._failure, self._interrupted = b"", None, False
        self._continue(places, place)

    def _continue(self, places: ContentIndex, place: int) -> None:
        self._blocks.close()
        self._blocks = reader.contents(self._blocks_from(places, place), self._decoded)

    def _blocks_from(self, places: ContentIndex, place: int) -> Iterator[FoundBlock]:
        for found in places.read(self._file, self._model, self._context, place):
            reader.prepare_decoding(found.block.header, None)
            yield found


class LikezipFile(io.BufferedIOBase):
    """A compressed file, read and written as if it were not compressed.

    Reading: all methods of ``io.BufferedReader``; ``seek`` finds the needed block by the index, and only that block is
    decoded (in a file that can seek; a pipe is read from its beginning to its end).  Damage is a LikezipError, raised
    once all content before it was read.  Writing: ``write``; the file is complete when closed.  If a ``with`` statement
    ends by an exception, the frame is left without its end, which every reader notices.  Several threads may use one
    file: each call ends before the next begins, so the bytes of each call stay together.
    """

    def __init__(
        self,
        file: File,
        mode: str = "r",
        *,
        model: ModelLike | None = None,
        context: bytes | None = None,
        threads: int | None = None,
        executor: Executor | None = None,
        max_size: int | None = None,
        **coding: Unpack[WritingOptions],
    ) -> None:
        """file: a path, or a binary file object, which is not closed.  mode: "r" to read, "w" to write, "x" to write a
        file that must not exist, "a" to add a frame to one; with or without "b".

        context, threads, executor and for writing block_size, window, lanes, prior and effort: as for
        LikezipCompressor.
        max_size: for reading, bytes of content that are allowed: reading or seeking raises LimitError if there are
        more, before anything is allocated for them.
        Raises ValueError for another mode and options outside their ranges, OSError where the file can't be opened.
        """
        self._lock = threading.RLock()
        self._reader: io.BufferedReader | None = None
        self._compressor: LikezipCompressor | None = None
        self._owned: BinaryIO | None = None
        self._closing = False  # whether the frame ends next, so that no block of it has to
        self._workers = Workers()  # all this for close(), whatever fails below
        kind = mode.replace("b", "", 1)
        if kind not in ("r", "w", "x", "a"):
            raise ValueError(f"mode must be r, w, x or a, with or without b, not {mode!r}")
        if kind == "r" and coding:
            raise ValueError(f"{', '.join(coding)}: only for writing")
        if kind != "r" and max_size is not None:
            raise ValueError("max_size: only for reading")
        reader.ContentLimit(max_size)  # checks it
        self._workers = Workers(threads, executor)
        self._written = 0
        model = resolve_model(model) if model is not None or kind != "r" else None
        writer = None
        if kind != "r":
            writer = LikezipCompressor(model=model, context=context, threads=threads, executor=executor, **coding)
        if not hasattr(file, "read") and not hasattr(file, "write"):
            file = self._owned = cast(BinaryIO, open_file(cast(str, file), f"{kind}b"))  # noqa: SIM115
        self._file = cast(BinaryIO, file)
        if kind == "r":
            self._reader = io.BufferedReader(
                _Content(self._file, model, Context.of(context), self._workers, max_size), PIECE
            )
        else:
            self._compressor = writer
            _being_written.add(self)

    @property
    def name(self) -> Any:
        """The path as given, or the name of the file object."""
        return self._file.name

    @property
    def mode(self) -> str:
        """rb or wb, as for files of the standard library."""
        return "rb" if self._reader is not None else "wb"

    def readable(self) -> bool:
        self._check_open()
        return self._reader is not None

    def writable(self) -> bool:
        self._check_open()
        return self._reader is None

    def seekable(self) -> bool:
        self._check_open()
        return self._reader is not None and self._reader.seekable()

    def fileno(self) -> int:
        """The descriptor of the compressed file."""
        self._check_open()
        return self._file.fileno()

    @locked
    def read(self, size: int | None = -1, /) -> bytes:
        return self._reading().read(size)

    @locked
    def read1(self, size: int = -1, /) -> bytes:
        return self._reading().read1(size)

    @locked
    def readinto(self, buffer: Any, /) -> int:
        return self._reading().readinto(buffer)

    @locked
    def readinto1(self, buffer: Any, /) -> int:
        return self._reading().readinto1(buffer)

    @locked
    def readline(self, size: int | None = -1, /) -> bytes:
        return self._reading().readline(-1 if size is None else size)

    @locked
    def peek(self, size: int = 0, /) -> bytes:
        """Some of the next bytes, at least one before the end, without moving on."""
        return self._reading().peek(size)

    @locked
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._reading().seek(offset, whence)

    @locked
    def tell(self) -> int:
        """The position of reading or writing, in bytes of content."""
        self._check_open()
        return self._reader.tell() if self._reader is not None else self._written

    @locked
    def write(self, data: Buffer, /) -> int:
        """Take all of ``data``; blocks are written when they are full."""
        compressor, content = self._writing(), bytes_of(data)
        try:
            write_fully(self._file, compressor.compress(content))
        except BaseException:
            self._give_up()
            raise
        self._written += len(content)
        return len(content)

    @locked
    def flush(self) -> None:
        """Write all data taken so far: they can then be read, and survive the end of this process.

        That ends the block, and the next block knows nothing of the data before it, so do it seldom: a block of a line
        of text takes more bytes than the line.
        """
        self._check_open()
        if self._compressor is None or self._closing:  # reading, or the frame has ended
            return
        try:
            write_fully(self._file, self._compressor.flush(LikezipCompressor.FLUSH_BLOCK))
        except BaseException:
            self._give_up()
            raise
        if hasattr(self._file, "flush"):
            self._file.flush()

    @locked
    def close(self) -> None:
        """End the frame, if one is being written, and close the file, if it was opened here."""
        if self.closed:
            return
        _being_written.discard(self)
        compressor, self._compressor = self._compressor, None
        try:
            if compressor is not None:
                write_fully(self._file, compressor.flush())
            if self._reader is not None:
                self._reader.close()
        finally:
            self._workers.close(at_once=True)
            if self._owned is not None:
                self._owned.close()
            super().close()

    @locked
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._give_up()
        self.close()

    def _give_up(self) -> None:
        """Leave the frame that is being written without its end."""
        if self._compressor is not None:
            self._compressor.close()
            self._compressor = None

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the file is closed")

    def _reading(self) -> io.BufferedReader:
        self._check_open()
        if self._reader is None:
            raise io.UnsupportedOperation("the file is open for writing")
        return self._reader

    def _writing(self) -> LikezipCompressor:
        self._check_open()
        if self._reader is not None:
            raise io.UnsupportedOperation("the file is open for reading")
        if self._compressor is None:
            raise ValueError("writing has failed before; the frame is incomplete")
        return self._compressor


_being_written: WeakSet[LikezipFile] = WeakSet()


@atexit.register
def _end_frames() -> None:
    """Close the files that a script did not close, while Python still has everything that closing takes."""
    with ExitStack() as closing:  # which goes on after an exception
        for file in list(_being_written):
            closing.callback(file.close)


class _Text(io.TextIOWrapper):
    """Text over a LikezipFile, which is told of exceptions."""

    def close(self) -> None:
        """Close both; the text still to be written is not flushed into a block of its own."""
        cast(LikezipFile, self.buffer)._closing = True
        super().close()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.close()
        finally:
            cast(LikezipFile, self.buffer).__exit__(kind, value, trace)


File = str | os.PathLike[str] | Source | Sink
"""A path, or a binary file object."""
BinaryMode = Literal["r", "rb", "br", "w", "wb", "bw", "x", "xb", "bx", "a", "ab", "ba"]
TextMode = Literal["rt", "tr", "wt", "tw", "xt", "tx", "at", "ta"]


@overload
def open(
    file: File, mode: BinaryMode = "rb", *, model: ModelLike | None = None, **options: Unpack[OpenOptions]
) -> LikezipFile: ...


@overload
def open(
    file: File,
    mode: TextMode,
    *,
    model: ModelLike | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[OpenOptions],
) -> TextIO: ...


@overload
def open(
    file: File,
    mode: str,
    *,
    model: ModelLike | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[OpenOptions],
) -> LikezipFile | TextIO: ...


def open(
    file: File,
    mode: str = "rb",
    *,
    model: ModelLike | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[OpenOptions],
) -> LikezipFile | TextIO:
    """Open a compressed file as Python's ``open`` does: binary as a LikezipFile, or with "t" in ``mode`` as text.

    options: threads, executor, for reading max_size and for writing block_size, window, lanes, prior, effort, as for
    LikezipFile.
    """
    if "t" not in mode:
        if (encoding, errors, newline) != (None, None, None):
            raise ValueError("encoding, errors and newline are for text: give a mode with t")
        return LikezipFile(file, mode, model=model, **options)
    if "b" in mode:
        raise ValueError(f"mode must have one of t and b, not {mode!r}")
    binary = LikezipFile(file, mode.replace("t", "", 1), model=model, **options)
    return _Text(binary, encoding, errors, newline)
