"""The lines of a file that others append to, as they come, in bounded memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from likezip.records import units

MOST_READ = 1 << 18
"""Bytes that are read at once."""
PAUSE = 0.25
"""Seconds between two looks at a file that has not grown."""
LONGEST_LINE = units.MOST
"""Bytes of a line; a longer one is taken as several."""


class Lines(NamedTuple):
    """Complete lines, and where the first of them begins in its file."""

    offset: int
    lines: list[bytes]


class _Cutter:
    """Cuts what is read into lines."""

    def __init__(self) -> None:
        self._rest, self._offset = b"", 0

    def take(self, data: bytes) -> Lines:
        """The lines that are complete with ``data``."""
        pieces = (self._rest + data).split(b"\n")
        lines, self._rest = [piece + b"\n" for piece in pieces[:-1]], pieces[-1]
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        return self._given(lines)

    def end(self) -> Lines:
        """The line without an end, if there is one; another file begins."""
        found = self._given([self._rest] if self._rest else [])
        self._rest, self._offset = b"", 0
        return found

    def _given(self, lines: list[bytes]) -> Lines:
        begin, self._offset = self._offset, self._offset + sum(map(len, lines))
        return Lines(begin, lines)


def stream_lines(read: Callable[[int], bytes]) -> Iterator[Lines]:
    """The lines of a stream, as they come, up to its end; read: gives what is there, at most so many bytes, and b"" at
    the end."""
    cutter = _Cutter()
    while data := read(MOST_READ):
        yield cutter.take(data)
    yield cutter.end()


def growing_lines(path: str, wait: Callable[[float], object] = time.sleep) -> Generator[Lines, None, None]:
    """The lines of a file from its beginning, and what is appended as it comes, without end.

    A file that replaces it under its name, as when logs are rotated, is read from its beginning, and so is the file
    itself if it was cut.  wait: called with seconds when there is nothing new.  Raises OSError.
    """
    cutter = _Cutter()
    while True:
        with open(path, "rb", buffering=0) as file:
            while data := _next(file.fileno(), path, wait):
                yield cutter.take(data)
        yield cutter.end()


def _next(descriptor: int, path: str, wait: Callable[[float], object]) -> bytes:
    """The next bytes of an open file, once there are any; none if another file has its name, or if it was cut."""
    while not (data := os.read(descriptor, MOST_READ)):
        here = os.fstat(descriptor)
        try:
            named = os.stat(path)
        except FileNotFoundError:  # between a rotation and the first line of the next file
            wait(PAUSE)
            continue
        if (named.st_dev, named.st_ino) != (here.st_dev, here.st_ino):
            return os.read(descriptor, MOST_READ)  # what came in between, once; then none
        if named.st_size < os.lseek(descriptor, 0, os.SEEK_CUR):
            return b""
        wait(PAUSE)
    return data
