"""Binary files, pipes and sockets, read and written completely however few bytes one call moves."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

PIECE = 1 << 20
"""The most bytes read by one call, so that memory follows the bytes that exist, not the size that a file claims."""


def bytes_of(data: Buffer) -> memoryview:
    """The memory of ``data``, any object with a contiguous buffer, as bytes: numbers, records, dates.

    Raises TypeError for an object without a buffer, for one with gaps or in Fortran's order, and for arrays of objects.
    """
    if getattr(getattr(data, "dtype", None), "hasobject", False):
        raise TypeError("an array of Python objects has no bytes of its own")
    try:
        view = memoryview(data)
    except ValueError:  # numpy does not describe dates to others, but gives their bytes
        return memoryview(_buffer_bytes(data))
    if not view.c_contiguous:
        raise TypeError("the bytes of an array must follow each other, in C's order")
    return PickleBuffer(data).raw()


def _buffer_bytes(data: Any) -> bytes:
    try:
        return b"".join((data,))
    except ValueError as error:
        raise TypeError(str(error)) from error


class Source(Protocol):
    """A file object to read bytes from, pipes included."""

    def read(self, size: int, /) -> bytes | None: ...


class Sink(Protocol):
    """A file object to write bytes to."""

    def write(self, data: bytes, /) -> object: ...


class Nowhere:
    """A sink that drops all data, for files that are only checked."""

    def write(self, data: bytes, /) -> int:
        return len(data)


def read_fully(source: Source, size: int) -> bytes:
    """``size`` bytes of a source, fewer only at its end; never asks for more than PIECE at once.

    Raises BlockingIOError for a source that has no bytes yet (a pipe that doesn't block), which is not its end.
    """
    taken = io.BytesIO()  # which gives its bytes without copying them
    while size > 0 and (part := source.read(min(size, PIECE))) != b"":
        if part is None:
            raise BlockingIOError(errno.EAGAIN, "the source has no bytes yet; open it so that reading waits")
        taken.write(part)
        size -= len(part)
    return taken.getvalue()


class PushbackSource:
    """A source that takes bytes back, to be read again."""

    def __init__(self, source: Source) -> None:
        self._source, self._back, self._place = source, b"", 0

    def read(self, size: int, /) -> bytes | None:
        if self._place == len(self._back):
            return self._source.read(size)
        part = self._back[self._place : self._place + size]
        self._place += len(part)
        return part

    def unread(self, data: bytes) -> None:
        """Put ``data`` before the bytes still to be read."""
        self._back, self._place = data + self._back[self._place :], 0


class Beginning:
    """The first ``size`` bytes of a source."""

    def __init__(self, source: Source, size: int) -> None:
        self._source, self._left = source, size

    def read(self, size: int, /) -> bytes | None:
        data = self._source.read(min(size, self._left))
        self._left -= len(data or b"")
        return data


def blocks_of(source: Source, size: int) -> Iterator[bytes]:
    """The blocks of ``size`` bytes of a source; a shorter one is the last, even if a file grows behind it."""
    while raw := read_fully(source, size):
        last = len(raw) < size
        given = [raw]
        del raw
        yield given.pop()  # a large block is not kept here while it is used
        if last:
            return


def write_fully(sink: Sink, data: bytes) -> None:
    """Write all of ``data``, also to a sink that takes less at once and says how much (unbuffered files, sockets).

    Raises BlockingIOError for an unbuffered sink that takes no bytes now.
    """
    while data:
        taken = sink.write(data)
        if taken == 0 or (taken is None and isinstance(sink, io.RawIOBase)):
            raise BlockingIOError(errno.EAGAIN, "the sink takes no bytes now; open it so that writing waits")
        data = data[taken:] if isinstance(taken, int) else b""
