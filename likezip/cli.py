"""The command line: arguments, messages and exit codes; no bytes are parsed here."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

import click

import likezip
from likezip import codec, container, stream
from likezip.errors import LikezipError
from likezip.files import (
    FileError,
    complete_output,
    compressed_name,
    decompressed_name,
    raise_if_interrupted,
    terminable,
)
from likezip.model import default_model, load_model

PIPE = "-"
_LINE = 72  # characters of a progress line
Command = TypeVar("Command", bound=Callable[..., Any])


@contextmanager
def _failures(name: str | None = None) -> Iterator[None]:
    """Say what went wrong, and with which file, in one line and exit with 1."""
    prefix = "" if name is None else f"{_printable(name)}: "
    try:
        with terminable():
            yield
    except FileError as error:
        _fail(str(error))
    except LikezipError as error:
        _fail(f"{prefix}{error}")
    except BrokenPipeError:
        _forget_output()
        sys.exit(1)
    except OSError as error:
        _forget_output()
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    except MemoryError:
        _fail(f"{prefix}out of memory")
    except KeyboardInterrupt:
        click.echo("likezip: interrupted", err=True)
        sys.exit(1)


class _Failed(SystemExit):
    """One file could not be dealt with; said so already."""


def _fail(message: str) -> NoReturn:
    click.echo(f"likezip: {_printable(message)}", err=True)
    raise _Failed(1)


def _printable(name: str) -> str:
    """A file name that any stream takes, also one that is no valid text."""
    return click.format_filename(name)


def _forget_output() -> None:
    """Let what standard output still buffers go nowhere, or the interpreter's end would complain about it again."""
    with suppress(OSError, AttributeError):  # not a real file, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _announce() -> None:
    click.echo("likezip: compiling its kernels for this processor (once, 10 to 15 s)...", err=True)


@dataclass
class _Meter:
    """Progress on stderr: bytes, rate and, if the total is known, the remaining time."""

    total: int | None
    shown: bool
    drawn: bool = False

    def __post_init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, done: int, written: int) -> None:
        raise_if_interrupted()
        if not self.shown:
            return
        rate = max(done, 1) / max(time.monotonic() - self._began, 1e-9)
        line = f"{done / 1e6:.1f} MB -> {written / 1e6:.1f} MB, {rate / 1e6:.2f} MB/s"
        if self.total:
            line = f"{100 * done / self.total:3.0f} %  {line}, {(self.total - done) / rate:.0f} s left"
        click.echo(f"\r{line:<{_LINE}}", err=True, nl=False)
        self.drawn = True

    def __enter__(self) -> _Meter:
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe the line, so that messages stand alone."""
        if self.drawn:
            click.echo(f"\r{'':<{_LINE}}\r", err=True, nl=False)


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    with _failures():
        model = default_model()
        click.echo(f"likezip {likezip.__version__}, format {container.VERSION}, model {model.name} {model.id.hex()}")
    context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Program, format and model."
)
def main() -> None:
    """Lossless compression by the likelihood of a model.

    Exit codes: 0 all is well, 1 something failed (one line on stderr says what; no output file is left), 2 wrong
    usage.
    """


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator for several options, listed in this order by --help."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_common_options = _options(
    click.option(
        "-T",
        "--threads",
        type=click.IntRange(1),
        default=_cores,
        help="Worker processes, or threads.",
        show_default="the cores",
    ),
    click.option("--model", "model_name", help="Model file or name, instead of the default or the frame's."),
    click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr."),
    click.option("-v", "--verbose", is_flag=True, help="Say what was done."),
    click.option("--no-progress", is_flag=True, help="No progress line (there is one only on a terminal)."),
)
_transfer_options = _options(
    click.argument("source", default=PIPE, metavar="[IN]"),
    click.argument("target", required=False, metavar="[OUT]"),
    click.option("-o", "--output", help="Output file, instead of the argument."),
    click.option("-c", "--stdout", "to_stdout", is_flag=True, help="Write to standard output."),
    click.option("-f", "--force", is_flag=True, help="Replace an existing output; use a terminal for binary data."),
    click.option("--rm", "remove", is_flag=True, help="Delete the input once the output is complete and verified."),
    click.option("-k", "--keep", is_flag=True, help="Keep the input (the default)."),
    _common_options,
)


Work = Callable[[BinaryIO, BinaryIO, dict[str, Any]], None]


@main.command()
@_transfer_options
@click.option(
    "--block-size",
    type=click.IntRange(container.MIN_BLOCK, container.MAX_BLOCK),
    help="Bytes coded independently of the rest.",
    show_default="4 MiB at most, all equal for an input of known size",
)
@click.option(
    "--lanes",
    type=click.IntRange(1, container.MAX_LANES),
    help="Slices of a block coded in lockstep.",
    show_default="1 to 32 by the size with the prior, 1 without",
)
@click.option(
    "--prior",
    type=click.Choice(["auto", "on", "off"]),
    default="auto",
    show_default=True,
    help="Use the trained network beside the memory: auto where a sample shows that it saves 1 %.",
)
def compress(block_size: int | None, lanes: int | None, prior: codec.PriorChoice, **options: Any) -> None:
    """Compress IN to OUT.

    Without OUT to IN.lz, without IN (or with -) from standard input to standard output.
    """

    def work(source: BinaryIO, sink: BinaryIO, common: dict[str, Any]) -> None:
        size = block_size or container.default_block_size(_size(source))
        stream.compress_stream(source, sink, block_size=size, lanes=lanes, prior=prior, **common)

    _transfer(work, compressed_name, binary_in=False, **options)


@main.command()
@_transfer_options
def decompress(**options: Any) -> None:
    """Decompress IN to OUT.

    Without OUT from X.lz to X, without IN (or with -) from standard input to standard output.
    """

    def work(source: BinaryIO, sink: BinaryIO, common: dict[str, Any]) -> None:
        stream.decompress_stream(source, sink, **common)

    _transfer(work, decompressed_name, binary_in=True, **options)


def _transfer(
    work: Work,
    name: Callable[[Path], Path],
    *,
    binary_in: bool,
    source: str,
    target: str | None,
    output: str | None,
    to_stdout: bool,
    force: bool,
    remove: bool,
    keep: bool,
    **shown: Any,
) -> None:
    """Open both ends, do the work, and only then let the output appear and the input go."""
    if sum((target is not None, output is not None, to_stdout)) > 1:
        raise click.UsageError("give one of OUT, --output and --stdout")
    wanted = target or output or (PIPE if to_stdout or source == PIPE else None)
    if remove and (keep or PIPE in (source, wanted)):
        raise click.UsageError("--rm needs an input and an output file and contradicts --keep")
    with _failures(source):
        with _open_source(source, binary=binary_in and not force) as opened, _common(opened, **shown) as common:
            if wanted == PIPE:
                sink = _standard_output(binary=not binary_in and not force)
                work(opened, sink, common)
                sink.flush()
            else:
                place = Path(wanted) if wanted else name(Path(source))
                origin = None if source == PIPE else Path(source)
                with complete_output(place, source=origin, force=force) as sink:
                    work(opened, sink, common)
                    if remove and not binary_in:
                        _verify(sink, common)
        if remove:
            Path(source).unlink()
        if shown["verbose"] and not shown["quiet"]:
            click.echo(f"{_printable(source)}: done", err=True)


@contextmanager
def _common(
    source: BinaryIO, *, threads: int, model_name: str | None, quiet: bool, verbose: bool, no_progress: bool
) -> Iterator[dict[str, Any]]:
    """The arguments that both directions take; the progress line is wiped at the end."""
    with _Meter(_size(source), sys.stderr.isatty() and not (quiet or no_progress)) as meter:
        yield {
            "model": load_model(model_name) if model_name else None,
            "threads": threads,
            "progress": meter,
            "announce": None if quiet else _announce,
        }


def _size(source: BinaryIO) -> int | None:
    """Bytes of a regular file; None for anything else."""
    try:
        status = os.fstat(source.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def _open_source(name: str, *, binary: bool) -> Iterator[BinaryIO]:
    """A file, or standard input for -, which may not be a terminal for ``binary`` data."""
    if name != PIPE:
        if Path(name).is_dir():
            raise FileError(f"{name}: is a directory")
        with Path(name).open("rb") as file:
            yield file
        return
    if sys.stdin is None:
        raise FileError("standard input is closed")
    if binary and sys.stdin.isatty():
        raise FileError("compressed data are not read from a terminal; --force does")
    yield sys.stdin.buffer


def _standard_output(*, binary: bool) -> BinaryIO:
    if sys.stdout is None:
        raise FileError("standard output is closed")
    if binary and sys.stdout.isatty():
        raise FileError("compressed data are not written to a terminal; --force does")
    return sys.stdout.buffer


def _verify(written: BinaryIO, common: dict[str, Any]) -> None:
    """Read back and decompress all that was written, before the input may go."""
    written.flush()
    with os.fdopen(os.dup(written.fileno()), "rb") as file:
        file.seek(0)
        stream.decompress_stream(file, _Nowhere(), **{**common, "progress": None})


class _Nowhere:
    """A sink for what is only checked."""

    def write(self, data: bytes, /) -> int:
        return len(data)


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_common_options
def test(files: tuple[str, ...], **shown: Any) -> None:
    """Decompress FILEs to nowhere and say whether they are sound."""

    def check(name: str) -> None:
        with _open_source(name, binary=True) as source, _common(source, **shown) as common:
            stream.decompress_stream(source, _Nowhere(), **common)
        if not shown["quiet"]:
            click.echo(f"{_printable(name)}: sound", err=True)

    sys.exit(_each(files, check))


def _each(names: tuple[str, ...], work: Callable[[str], None]) -> int:
    """Do all, whatever becomes of some; the exit code.  Ctrl-C ends it at once."""
    failed = 0
    for name in names:
        try:
            with _failures(name):
                work(name)
        except _Failed:
            failed = 1
    return failed


@main.command(name="list")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_(files: tuple[str, ...], as_json: bool) -> None:
    """Show sizes, ratio, check and model of FILEs; reads headers only."""
    rows: list[dict[str, Any]] = []

    def read(name: str) -> None:
        with _open_source(name, binary=True) as file:
            if not file.seekable():
                raise FileError(f"{name}: a pipe can't be listed, only a file")
            rows.append(_row(name, stream.read_frames(file)))

    failed = _each(files, read)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        click.echo(
            f"{'frames':>6} {'blocks':>6} {'compressed':>12} {'uncompressed':>12} {'ratio':>7} "
            f"check model             name"
        )
        for row in rows:
            click.echo(
                f"{row['frames']:6} {row['blocks']:6} {row['compressed']:12} {row['uncompressed']:12} "
                f"{row['ratio']:7.3f} {row['check']} {','.join(row['models'])}  {_printable(row['name'])}"
            )
    sys.exit(failed)


def _row(name: str, frames: list[stream.FrameInfo]) -> dict[str, Any]:
    compressed, uncompressed = sum(frame.size for frame in frames), sum(frame.raw_size for frame in frames)
    return {
        "name": name,
        "frames": len(frames),
        "blocks": sum(len(frame.blocks) for frame in frames),
        "compressed": compressed,
        "uncompressed": uncompressed,
        "ratio": uncompressed / compressed,
        "check": "crc32",
        "models": sorted({frame.header.model_id.hex() for frame in frames}),
    }
