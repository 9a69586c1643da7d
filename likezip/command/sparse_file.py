"""Files in which runs of zeros take no room on disk."""

from __future__ import annotations

from typing import BinaryIO

PAGE = 4096
"""Bytes that are left out together, if all are zeros; they begin at a multiple of PAGE."""
ZEROS = bytes(PAGE)


class SparseWriter:
    """Writes to a new file that can seek; pages of zeros are left out, and ``flush`` gives the file its size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0

    def write(self, data: bytes, /) -> int:
        """Take all of ``data``."""
        view, begin, place = memoryview(data), 0, -self._size % PAGE
        while place + PAGE <= len(view):
            if view[place : place + PAGE] == ZEROS:
                self._put(view[begin:place])
                begin = place + PAGE
                self._size += PAGE
            place += PAGE
        self._put(view[begin:])
        return len(view)

    def flush(self) -> None:
        """Write all buffered data, and extend the file by zeros at the end that were left out."""
        self._file.flush()
        self._file.truncate(self._size)

    def _put(self, part: memoryview) -> None:
        if part:
            self._file.seek(self._size)
            self._file.write(part)
            self._size += len(part)
