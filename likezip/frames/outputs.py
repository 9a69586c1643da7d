"""Outputs that get their names only when complete."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from likezip.errors import LikezipError
from likezip.frames.rights import copy_metadata, copy_rights_to_derived

LONGEST_BEGINNING = 200
"""The most bytes of an output's name that its temporary name begins with; a name may have 255."""
MOST_LINKS = 40
"""Links that may lead from one to the next, as in Linux."""


class FileError(LikezipError):
    """A file can't be used as asked: it exists, is missing, or has the wrong name."""


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Add a file's name to an OSError that has none, as errors of open files have not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or name
        raise


@contextmanager
def complete_output(target: Path, *, source: BinaryIO | None, force: bool, derived: bool = False) -> Iterator[BinaryIO]:
    """A file to write to that gets the name ``target`` once the body has ended without an exception.

    Until then it has a temporary name in the same directory; after a failure it is removed.  Owner, group, rights and
    time of change are copied from the open file ``source``, if there is one; if the output is ``derived``, another
    document and not the source in another form, only owner, group and rights without those to run it.
    Raises FileError if target exists and not ``force``, if it is the source itself, and if it is no regular file nor a
    link to one (a device would be replaced by the rename).
    """
    before = None if source is None else os.fstat(source.fileno())
    _check_target(target, before)
    if os.path.lexists(target) and not force:
        raise FileError(f"{target}: exists already; --force replaces it")
    try:
        file, part = _new_file(target, 0o666 if source is None else 0o600)
    except OSError as error:
        raise FileError(f"{target}: {error.strerror}") from error
    try:
        with naming(str(target)), file:  # closing may fail, too
            yield file
            file.flush()
            if source is not None and before is not None:
                (copy_rights_to_derived if derived else copy_metadata)(file.fileno(), source.fileno(), before)
            os.fsync(file.fileno())
        _check_target(target, before)
        _publish(part, target, force)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _check_target(target: Path, source: os.stat_result | None) -> None:
    try:
        status = target.stat()
    except (FileNotFoundError, NotADirectoryError):  # the latter is reported when a file is made beside it
        return
    except OSError as error:
        raise FileError(f"{target}: {error.strerror}") from error
    if source is not None and os.path.samestat(source, status):
        raise FileError(f"{target}: input and output are the same file")
    if stat.S_ISDIR(status.st_mode):
        raise FileError(f"{target}: is a directory")
    if not stat.S_ISREG(status.st_mode) or _leads_to_open_file(target):
        raise FileError(f"{target}: is not a regular file; write to standard output instead")


def _leads_to_open_file(name: Path) -> bool:
    """Whether a name, or a link in the chain that begins with it, stands for a file that a process has open, as
    /dev/stdout does; that file may be a regular one."""
    place = os.fspath(name)
    for _ in range(MOST_LINKS):
        directory = os.path.realpath(os.path.dirname(place))
        if directory.startswith(("/proc/", "/dev/fd")):
            return True
        try:
            place = os.path.join(directory, os.readlink(os.path.join(directory, os.path.basename(place))))
        except OSError:  # no link
            return False
    return True


def is_regular_file(name: str) -> bool:
    """Whether ``name`` is a regular file or a link to one, and not a name for a file that a process has open."""
    return os.path.isfile(name) and not _leads_to_open_file(Path(name))


def _new_file(target: Path, mode: int) -> tuple[BinaryIO, Path]:
    """A new file beside ``target`` and its path, with the rights ``mode`` as far as the umask allows."""
    beginning = os.fsdecode(os.fsencode(target.name)[:LONGEST_BEGINNING])
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        part = target.parent / f".{beginning}.{os.urandom(4).hex()}.part"
        with suppress(FileExistsError):
            return os.fdopen(os.open(part, flags, mode), "wb"), part


def _publish(part: Path, target: Path, force: bool) -> None:
    """Give the file its name; a hard link, unlike a rename, does not replace a file that another program makes at the
    same moment."""
    if force:
        os.replace(part, target)
        return
    try:
        os.link(part, target)
    except FileExistsError as error:
        raise FileError(f"{target}: exists already; --force replaces it") from error
    except OSError as error:  # no hard links here
        if os.path.lexists(target):
            raise FileError(f"{target}: exists already; --force replaces it") from error
        os.replace(part, target)
    else:
        part.unlink()


def _sync_directory(directory: Path) -> None:
    """Make the new name last through a power cut, where directories can be opened and synced."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
