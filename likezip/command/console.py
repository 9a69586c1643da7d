"""Messages of the command line: failures in one line, progress, sizes; nothing is said twice."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from likezip.command.printable import printable
from likezip.errors import CorruptError, LikezipError
from likezip.frames import signals
from likezip.frames.outputs import FileError, naming
from likezip.frames.signals import raise_if_interrupted, terminable
from likezip.frames.sizes import parse_size

STANDARD_OUTPUT = "standard output"
"""The name of standard output in errors."""

_LINE = 72  # characters of a progress line
_PAUSE = 0.1  # seconds between two drawings of it
_FIRST = 1.0  # seconds until a rate can be told


@contextmanager
def failures(name: str | None = None) -> Iterator[None]:
    """Turn exceptions into a line that says what went wrong with which file, and exit with 1."""
    prefix = "" if name is None else f"{name}: "
    try:
        with terminable():
            yield
    except FileError as error:
        fail(str(error))
    except (LikezipError, ValueError) as error:
        fail(f"{prefix}{described(error)}")
    except BrokenPipeError:
        _forget_output()
        signals.caught = getattr(signal, "SIGPIPE", None)
        sys.exit(1)
    except OSError as error:
        if error.filename == STANDARD_OUTPUT:
            _forget_output()
        said = error.strerror or "; ".join(map(str, error.args)) or type(error).__name__
        fail(f"{error.filename}: {said}" if error.filename else f"{prefix}{said}")
    except MemoryError:
        fail(f"{prefix}out of memory")
    except KeyboardInterrupt:
        say("likezip: interrupted")
        sys.exit(1)


def described(error: Exception) -> str:
    """The message of an error and its notes; errors of damaged data begin with "damaged: "."""
    damage = "damaged: " if isinstance(error, CorruptError) else ""
    return damage + "; ".join([str(error), *getattr(error, "__notes__", [])])


class Failed(SystemExit):
    """Exit because a file could not be processed, of which the user has been told."""


def fail(message: str) -> NoReturn:
    """Print a message on standard error, and exit with 1."""
    warn(message)
    raise Failed(1)


def warn(message: str) -> None:
    """Print a message in one line on standard error."""
    say(f"likezip: {printable(message)}")


def say(line: str) -> None:
    """Print a line on standard error, if anything can be printed there: what is to be done is done all the same."""
    with suppress(OSError):
        click.echo(line, err=True)


def _forget_output() -> None:
    """Discard the bytes that standard output still buffers: Python would fail to write them once more as it ends."""
    with suppress(OSError, AttributeError):  # not a real file, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_line(line: str) -> None:
    """Print a line on standard output; an OSError gets its name, and FileError is raised if it is closed."""
    if sys.stdout is None:
        raise FileError("standard output is closed")
    with naming(STANDARD_OUTPUT):
        click.echo(line)


def announce() -> None:
    """Say that kernels are about to be compiled."""
    say("likezip: compiling its kernels for this processor (once, 10 to 15 s)...")


@dataclass
class Meter:
    """A progress line on stderr: bytes; and once a second has passed since the first call, the rate and, if the total
    is known, the remaining time."""

    total: int | None
    shown: bool
    drawn: float = 0.0
    began: float = 0.0
    done: int = 0

    def advance(self, size: int) -> None:
        """Note ``size`` bytes more, of work that writes nothing."""
        self.done += size
        self(self.done, None)

    def __call__(self, done: int, written: int | None) -> None:
        raise_if_interrupted()
        now = time.monotonic()
        self.began = self.began or now
        if not self.shown or (now - self.drawn < _PAUSE and done != self.total):
            return
        line = f"{done / 1e6:.1f} MB" + ("" if written is None else f" -> {written / 1e6:.1f} MB")
        if self.total:
            line = f"{100 * done / self.total:3.0f} %  {line}"
        if done and now - self.began > _FIRST:
            rate = done / (now - self.began)
            line += f", {rate / 1e6:.2f} MB/s" + (f", {(self.total - done) / rate:.0f} s left" if self.total else "")
        click.echo(f"\r{line:<{_LINE}}", err=True, nl=False)
        self.drawn = now

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe the line, so that messages stand alone."""
        if self.drawn:
            click.echo(f"\r{'':<{_LINE}}\r", err=True, nl=False)


class Counted:
    """A file that counts the bytes that pass, has its name in errors, and otherwise behaves as ``file``."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name = file, name
        self.size = 0

    def read(self, size: int, /) -> bytes | None:
        with naming(self._name):
            data: bytes | None = self._file.read(size)
        self.size += len(data or b"")
        return data

    def write(self, data: bytes, /) -> int | None:
        with naming(self._name):
            taken: int | None = self._file.write(data)
        self.size += len(data) if taken is None else taken
        return taken

    def flush(self) -> None:
        with naming(self._name):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def moved(read: Counted, written: Counted, began: float) -> str:
    """A message with the bytes read and written, and the seconds since ``began`` on the monotonic clock."""
    return f"{read.size} -> {written.size} bytes, {time.monotonic() - began:.1f} s"


def size_option(least: int, most: int) -> Callable[[str], int]:
    """The type of an option: a number of bytes from ``least`` to ``most``."""

    def convert(text: str) -> int:
        size = parse_size(text)
        if size is None or not least <= size <= most:
            raise click.BadParameter(f"{text} is not in {least} to {most} bytes, such as 65536, 64K or 4MiB")
        return size

    return convert


def range_option(text: str) -> tuple[int, int | None]:
    """The type of an option: START:END in bytes, the beginning or end if left out, from the end if negative."""
    start, colon, end = (part.strip() for part in text.partition(":"))
    numbers = [parse_size(part) if part else None for part in (start, end)]
    if not colon or any(number is None and part for number, part in zip(numbers, (start, end), strict=True)):
        raise click.BadParameter(f"{text} is no range of bytes, such as 1000:2000, :64K or -1M:")
    begin, stop = numbers[0] or 0, numbers[1]
    if stop is not None and (begin < 0) == (stop < 0) and begin > stop:
        raise click.BadParameter(f"{text} begins behind its end")
    return begin, stop
