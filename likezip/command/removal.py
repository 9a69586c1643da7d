"""Deletion of inputs, only if they have not changed since they were opened."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from likezip.frames.outputs import FileError


def status_of(file: BinaryIO) -> os.stat_result | None:
    """The status of an open file; None for a file object without a descriptor."""
    try:
        return os.fstat(file.fileno())
    except OSError:
        return None


def has_changed(file: BinaryIO, before: os.stat_result | None) -> bool:
    """Whether an open regular file has another size or time of change than before."""
    now = status_of(file)
    if before is None or now is None or not stat.S_ISREG(before.st_mode):
        return False
    return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)


def remove(name: str, before: os.stat_result | None) -> None:
    """Delete the regular file that was opened under ``name`` when its status was ``before``.

    Raises FileError for a link, a device, a pipe, another file that has the name now, and a file that has changed in
    any way, its rights and other names included.
    """
    if before is None or not stat.S_ISREG(before.st_mode):
        raise FileError(f"{name}: is not a regular file, so it is kept")
    try:
        now = os.lstat(name)
        if stat.S_ISLNK(now.st_mode):
            raise FileError(f"{name}: is a link, so it is kept")
        if _identity_of_file(now) != _identity_of_file(before):
            raise FileError(f"{name}: is not the file any more that was read, or has changed since, so it is kept")
        os.unlink(name)
    except OSError as error:
        raise FileError(f"{name}: can't be deleted: {error.strerror}") from error


def _identity_of_file(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
