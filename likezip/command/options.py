"""Options that commands share, and how inputs are opened."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar

import click

from likezip.blocks import block_header
from likezip.command.console import STANDARD_OUTPUT, Counted, Failed, Meter, announce, failures, size_option
from likezip.command.names import PIPE, without_directories
from likezip.frames import container
from likezip.frames.context import read_files
from likezip.frames.outputs import FileError
from likezip.frames.workers import available_cores
from likezip.model import Model, load_model

A_PATH = click.Path(allow_dash=True, readable=False)
"""A file, or - for standard input or output; whether it can be read is found out when it is opened."""

Command = TypeVar("Command", bound=Callable[..., Any])
Argument = TypeVar("Argument")


def in_order(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator for several options, listed in this order by --help."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def all_cores(context: click.Context, parameter: click.Parameter, threads: int) -> int:
    """Take 0 for as many threads as there are cores, as xz and zstd do."""
    return threads or available_cores()


common_options = in_order(
    click.option(
        "-T",
        "--threads",
        type=click.IntRange(0),
        callback=all_cores,
        default=available_cores,
        help="Worker processes for several blocks, threads for a single one; 0 for all cores.",
        show_default="the cores",
    ),
    click.option(
        "--model",
        "model_name",
        help="Model instead of the default: file, name or id; to decompress it must be the frame's, wherever it lies.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr."),
    click.option("-v", "--verbose", is_flag=True, help="Say what was done."),
    click.option("--no-progress", is_flag=True, help="No progress line (there is one only on a terminal)."),
)


@contextmanager
def arguments(
    size: int | None,
    *,
    threads: int,
    model_name: str | None,
    quiet: bool,
    verbose: bool,
    no_progress: bool,
    **more: Any,
) -> Iterator[dict[str, Any]]:
    """The keyword arguments for functions, from the common options and ``more``; ``size``: bytes to read, if known.
    The progress line is wiped at the end."""
    with Meter(size, sys.stderr is not None and sys.stderr.isatty() and not (quiet or no_progress)) as meter:
        yield {
            "model": None if model_name is None else _model(model_name),
            "threads": threads,
            "progress": meter,
            "announce": None if quiet else announce,
            **more,
        }


def _read_context(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> bytes | None:
    """The bytes of all paths together, None if there are no paths."""
    if not paths:
        return None
    try:
        with failures():
            content = read_files(paths)
            if not content:
                raise FileError(f"{paths[0]}: the context is empty")
            return content
    except Failed as failed:
        sys.exit(failed.code)


def _model(name: str) -> Model:
    """The model of that name; raises UnknownModelError, and FormatError for a file that is no model."""
    model = load_model(name)
    model.card()
    return model


def size_of(source: BinaryIO) -> int | None:
    """Bytes of a regular file; None for anything else."""
    try:
        status = os.fstat(source.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def open_source(name: str, *, binary: bool) -> Iterator[BinaryIO]:
    """A file, or standard input for -, which may not be a terminal for ``binary`` data."""
    if name != PIPE:
        if os.path.isdir(name):
            raise FileError(f"{name}: is a directory")
        with open(name, "rb") as file:
            yield file
        return
    if sys.stdin is None:
        raise FileError("standard input is closed")
    if binary and sys.stdin.isatty():
        raise FileError("compressed data are not read from a terminal; --force does")
    yield sys.stdin.buffer


def standard_output(*, binary: bool) -> Counted:
    """Standard output, which may not be a terminal for ``binary`` data."""
    if sys.stdout is None:
        raise FileError("standard output is closed")
    if binary and sys.stdout.isatty():
        raise FileError("compressed data are not written to a terminal; --force does")
    return Counted(sys.stdout.buffer, STANDARD_OUTPUT)


def each(names: Iterable[str], work: Callable[[str], None]) -> int:
    """Do ``work`` for all names, even if it fails for some; returns the exit code.  Ctrl-C ends it at once."""
    failed = 0
    for name in names:
        failed |= tried(name, work, name)
    return failed


def tried(name: str, work: Callable[[Argument], None], item: Argument) -> int:
    """Do ``work`` with ``item``, and report a failure under ``name``; returns the exit code."""
    try:
        with failures(name):
            work(item)
    except Failed:
        return 1
    return 0


def all_of(names: tuple[str, ...], *, recursive: bool, packed: bool) -> tuple[list[str], int]:
    """The inputs named, ``-`` if none, and an exit code.

    With ``recursive`` the files below a directory stand for it, those that are ``packed`` or those that are not; an
    unreadable directory is reported and makes the code 1.
    """
    if not recursive:
        return list(names or (PIPE,)), 0
    unread: list[OSError] = []
    found = list(without_directories(names or (PIPE,), packed=packed, failures=unread))

    def fail(error: OSError) -> None:
        raise error

    return found, max((tried(str(error.filename), fail, error) for error in unread), default=0)


recursive_option = click.option(
    "-r", "--recursive", is_flag=True, help="Instead of a directory, all files below it; links in it are passed over."
)
prior_option = click.option(
    "--prior",
    type=click.Choice(["auto", "on", "off"]),
    default="auto",
    show_default=True,
    help="Use the trained network beside the memory, which takes several times as long: auto where it saves enough of "
    "a sample, 1 % for a block of 32K, 8 % for one of 4M.",
)
effort_option = in_order(
    click.option("--fast", "-1", "effort", flag_value="fast", help="Without the prior: several times as fast."),
    click.option(
        "--best",
        "-9",
        "effort",
        flag_value="best",
        help="Every way tried on all of a block, blocks of 16M in one lane: smaller, and several times as slow both "
        "ways.",
    ),
)
block_size_option = click.option(
    "--block-size",
    type=size_option(container.MIN_BLOCK, container.MAX_BLOCK),
    metavar="SIZE",
    help="Bytes coded independently of the rest, 64K to 1G: larger ones compress better and use more memory, smaller "
    "ones are quicker to reach with --range.",
    show_default="4M at most, all equal for an input of known size",
)
lanes_option = click.option(
    "--lanes",
    type=click.IntRange(1, block_header.MAX_LANES),
    help="Slices of a block coded in lockstep: more are faster to decode with the prior, and compress less.",
    show_default="1 to 32 by the size with the prior, 1 without",
)
window_option = click.option(
    "--window",
    type=size_option(0, 1 << container.MAX_WINDOW_BITS),
    metavar="SIZE",
    help="Bytes before a block in which long repeats are looked for, 64K to 1G, 0 for none; both ways keep as many in "
    "memory.",
    show_default="256M",
)
context_option = click.option(
    "--context",
    "context",
    multiple=True,
    type=click.Path(),
    metavar="PATH",
    callback=_read_context,
    help="A file, or all files below a directory, that whoever decompresses has too, such as the last version: what IN "
    "has in common with it takes hardly any room, and decompressing needs it. May be given several times.",
)
max_size_option = click.option(
    "--max-size",
    type=size_option(0, 1 << 62),
    metavar="SIZE",
    help="Refuse content of more bytes, before room or time is taken for them: for files of strangers.",
    show_default="any",
)
