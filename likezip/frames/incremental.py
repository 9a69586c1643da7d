"""Compression and decompression of data that come in pieces, as in Python's lzma and compression.zstd."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, cast

from likezip.blocks.options import CodingOptions, Effort, PriorChoice
from likezip.errors import LikezipError
from likezip.frames import container, reader
from likezip.frames.container import FrameHeader
from likezip.frames.context import Context, context_for
from likezip.frames.history import History
from likezip.frames.locking import locked
from likezip.frames.raw_io import bytes_of
from likezip.frames.reader import FoundBlock, PackedBlock
from likezip.frames.workers import Workers
from likezip.frames.writer import FrameWriter
from likezip.model import Model, ModelLike, resolve_model

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from typing_extensions import Buffer


class LikezipCompressor:
    """Makes one frame of all data given to ``compress``; ``flush`` ends it.

    Several threads may use one: each call ends before the next begins, so the data of each call stay together.
    """

    FLUSH_BLOCK: Final = 1
    FLUSH_FRAME: Final = 2

    def __init__(
        self,
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
    ) -> None:
        """options: see ``compress_stream``.  Raises ValueError for an option outside its range."""
        self._lock = threading.RLock()
        self._workers = Workers(threads, executor)
        options = CodingOptions(resolve_model(model), prior, lanes, effort=effort)
        size = block_size or container.default_block_size(effort=effort)
        self._writer: FrameWriter | None = FrameWriter(
            self._workers, options, context=Context.of(context), block_size=size, window=window
        )
        self._buffer = bytearray()

    @locked
    def compress(self, data: Buffer) -> bytes:
        """Take more data; returns the finished parts of the frame, often nothing.

        Raises ValueError behind the end of the frame, and after a failure: the frame can't be ended then.
        """
        writer = self._open()
        self._buffer += bytes_of(data)
        parts: list[bytes] = []
        while len(self._buffer) >= writer.block_size:
            try:
                parts += writer.write_block(self._taken(writer.block_size))
            except BaseException:  # the block is lost, and what follows must not become a whole frame
                self.close()
                raise
        return b"".join(parts)

    def _taken(self, size: int) -> bytes:
        """The first ``size`` bytes of the buffer, which is without them then."""
        block = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return block

    @locked
    def flush(self, mode: int = FLUSH_FRAME) -> bytes:
        """End the frame; returns the rest of it, after which the compressor can't be used any more.

        With FLUSH_BLOCK only the block ends: all data given so far can then be decompressed, and the frame goes on.
        The next block knows nothing of the data before it, so do it seldom.  Raises ValueError for another mode, and as
        ``compress``.
        """
        if mode not in (self.FLUSH_BLOCK, self.FLUSH_FRAME):
            raise ValueError(f"mode must be FLUSH_BLOCK or FLUSH_FRAME, not {mode}")
        writer = self._open()
        try:
            parts = [*(writer.write_block(self._taken(len(self._buffer))) if self._buffer else ())]
            parts += writer.flush() if mode == self.FLUSH_BLOCK else writer.end()
        except BaseException:
            self.close()
            raise
        if mode == self.FLUSH_FRAME:
            self._writer = None
            self._workers.close()
        return b"".join(parts)

    @locked
    def close(self) -> None:
        """Give up the frame, and end its worker processes."""
        if self._writer is not None:
            self._writer.give_up()
            self._writer = None
        self._workers.close(at_once=True)

    def _open(self) -> FrameWriter:
        if self._writer is None:
            raise ValueError("the compressor's frame has been ended")
        return self._writer


class LikezipDecompressor:
    """Decompresses one frame, which ``decompress`` is given in pieces of any size.

    eof: whether the end of the frame was reached; unused_data: the data behind it.  Several threads may use one, as
    with LikezipCompressor.  model: a model, its file or its name, None for the model that the frame names; context:
    what the frame was compressed with, if it was.
    """

    def __init__(self, *, model: ModelLike | None = None, context: bytes | None = None) -> None:
        self._lock = threading.RLock()
        self.eof = False
        self.unused_data = b""
        self._given = None if model is None else resolve_model(model)
        self._model: Model | None = None
        self._given_context = Context.of(context)
        self._context: Context | None = None
        self._history = History(0)
        self._parser = reader.parse_frame()
        self._wanted = cast(int, next(self._parser))
        self._failure: Exception | None = None
        self._input, self._output = bytearray(), bytearray()

    @property
    def needs_input(self) -> bool:
        """Whether ``decompress`` has to be given more data to return any."""
        return not (self.eof or self._output or self._failure or len(self._input) >= self._wanted)

    @locked
    def decompress(self, data: Buffer, max_length: int = -1) -> bytes:
        """Take more data; returns at most ``max_length`` bytes of content, -1 for all there are.

        Raises EOFError behind the end of the frame; LikezipError for data that are no frame or damaged, once all
        content before the damage, which is right, has been returned; every further call raises the same error.
        """
        if self.eof:
            raise EOFError("the end of the frame has been reached")
        self._input += bytes_of(data)
        if self._failure is None:
            try:
                self._decode(max_length)
            except LikezipError as error:
                self._failure = error
            except BaseException:  # the block is lost
                self._failure = ValueError("decompressing was interrupted before")
                raise
        if self._failure is not None and not self._output:
            raise self._failure
        return self._returned(max_length)

    def _decode(self, enough: int) -> None:
        """Go on until there is ``enough`` output, or too little input."""
        while not self.eof and len(self._input) >= self._wanted and (enough < 0 or len(self._output) < enough):
            data = bytes(memoryview(self._input)[: self._wanted])
            del self._input[: self._wanted]
            try:
                part = self._parser.send(data)
                while not isinstance(part, int):
                    self._take(part)
                    part = next(self._parser)
                self._wanted = part
            except StopIteration:
                self.eof, self.unused_data = True, bytes(self._input)
                self._input.clear()

    def _take(self, part: FrameHeader | PackedBlock) -> None:
        if isinstance(part, FrameHeader):
            self._model = reader.model_for(part.model_id, self._given)
            self._context = context_for(part.context_id, self._given_context)
        else:
            assert self._model is not None
            if part.number == 0:
                self._history = History(part.window, context=self._context)
            coded = reader.decode_in_worker(1, None, *FoundBlock(part, self._model, self._context).work)
            with reader.named(part):
                for piece in self._history.complete(part.header, coded):
                    self._output += piece

    def _returned(self, most: int) -> bytes:
        size = len(self._output) if most < 0 else min(most, len(self._output))
        part = bytes(memoryview(self._output)[:size])
        del self._output[:size]
        return part
