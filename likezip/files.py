"""Outputs that appear only when complete, and sources that are never touched before that."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from likezip.errors import LikezipError

SUFFIX = ".lz"
LONGEST_BEGINNING = 200
"""Bytes of a name that its temporary name begins with; it may have 255."""


class FileError(LikezipError):
    """A file can't be used as asked: it exists, is missing, or has the wrong name."""


def compressed_name(source: Path) -> Path:
    """in.bin -> in.bin.lz; raises FileError for what has the suffix already."""
    if source.suffix == SUFFIX:
        raise FileError(f"{source}: already has the suffix {SUFFIX}; name the output to compress it again")
    return source.with_name(source.name + SUFFIX)


def decompressed_name(source: Path) -> Path:
    """in.bin.lz -> in.bin; raises FileError for another suffix."""
    if source.suffix != SUFFIX or source.name == SUFFIX:
        raise FileError(f"{source}: unknown suffix, expected {SUFFIX}; name the output")
    return source.with_suffix("")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Have an OSError say which file it is about, as those of open files don't."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or name
        raise


@contextmanager
def complete_output(target: Path, *, source: Path | None, force: bool, dressed: bool = True) -> Iterator[BinaryIO]:
    """A file to write to that gets the name ``target`` once the body has ended without an exception.

    Until then it has a temporary name in the same directory, and none at all after a failure.  Mode and time of
    change are ``source``'s, if it is to be ``dressed``.  Raises FileError if target exists and not ``force``, is the
    source itself, or is no regular file (a device would be replaced by the rename).
    """
    if source is not None and target.exists() and source.samefile(target):
        raise FileError(f"{target}: input and output are the same file")
    if target.is_dir():
        raise FileError(f"{target}: is a directory")
    if target.exists() and not target.is_file():
        raise FileError(f"{target}: is not a regular file; write to standard output instead")
    if target.exists() and not force:
        raise FileError(f"{target}: exists already; --force replaces it")
    try:
        beginning = os.fsdecode(os.fsencode(target.name)[:LONGEST_BEGINNING])
        descriptor, name = tempfile.mkstemp(prefix=f".{beginning}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise FileError(f"{target}: {error.strerror}") from error
    part = Path(name)
    try:
        with naming(str(target)), os.fdopen(descriptor, "wb") as file:  # closing may fail, too
            yield file
            file.flush()
            os.fsync(file.fileno())
        _dress(part, source if dressed else None)
        _publish(part, target, force)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _publish(part: Path, target: Path, force: bool) -> None:
    """Give the file its name; a link, unlike a rename, does not replace what another program has put there."""
    if force:
        os.replace(part, target)
        return
    try:
        os.link(part, target)
    except FileExistsError as error:
        raise FileError(f"{target}: exists already; --force replaces it") from error
    except OSError:  # no hard links here
        os.replace(part, target)
    else:
        part.unlink()


def _dress(part: Path, source: Path | None) -> None:
    if source is not None:
        with suppress(FileNotFoundError):  # it was deleted after it was opened
            shutil.copystat(source, part)
        return
    mask = os.umask(0)
    os.umask(mask)
    part.chmod(0o666 & ~mask)


def _sync_directory(directory: Path) -> None:
    """Make the new name last through a power cut, where directories can be opened and synced."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]

caught: int | None = None
"""The signal that has come, also one that could not be raised."""
_raised = False
"""Whether it was."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, but not while llvmlite loads a kernel: its callbacks print exceptions and drop them; and
    only once, so that a second one does not disturb the cleaning up after the first."""
    global caught
    caught = caught or number
    while frame is not None:
        if frame.f_code.co_filename.endswith("executionengine.py"):
            return
        frame = frame.f_back
    raise_if_interrupted()


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if an interrupt came that could not be raised; called now and then while a block is
    coded."""
    global _raised
    if caught and not _raised:
        _raised = True
        raise KeyboardInterrupt


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, so that they clean up as Ctrl-C does, and lose none."""
    global caught, _raised
    caught, _raised = None, False
    wanted = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
