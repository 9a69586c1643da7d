"""The command line: arguments, messages and exit codes; no bytes are parsed here."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

import likezip
from likezip import container, stream
from likezip.errors import LikezipError
from likezip.files import FileError, complete_output, compressed_name, decompressed_name, terminable
from likezip.model import default_model, load_model

PIPE = "-"
Command = TypeVar("Command", bound=Callable[..., Any])


@contextmanager
def _failures() -> Iterator[None]:
    """Say what went wrong in one line and exit with 1."""
    try:
        with terminable():
            yield
    except LikezipError as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads what is still buffered
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    except KeyboardInterrupt:
        _fail("interrupted")
    except MemoryError:
        _fail("out of memory")


def _fail(message: str) -> None:
    click.echo(f"likezip: {message}", err=True)
    sys.exit(1)


def _announce() -> None:
    click.echo("likezip: compiling its kernels for this processor (once, about 30 s)...", err=True)


@dataclass
class _Meter:
    """Progress on stderr: bytes, rate and, if the total is known, the remaining time."""

    total: int | None
    shown: bool

    def __post_init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, done: int, written: int) -> None:
        if not self.shown:
            return
        rate = done / max(time.monotonic() - self._began, 1e-9)
        line = f"{done / 1e6:.1f} MB -> {written / 1e6:.1f} MB, {rate / 1e6:.2f} MB/s"
        if self.total:
            line = f"{100 * done / self.total:3.0f} %  {line}, {(self.total - done) / rate:.0f} s left"
        click.echo(f"\r{line:<70}", err=True, nl=False)

    def end(self) -> None:
        if self.shown:
            click.echo(f"\r{'':<70}\r", err=True, nl=False)


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


def _transfer_options(command: Command) -> Command:
    options = [
        click.argument("source", default=PIPE, metavar="[IN]"),
        click.argument("target", required=False, metavar="[OUT]"),
        click.option("-o", "--output", help="Output file, instead of the argument."),
        click.option("-c", "--stdout", "to_stdout", is_flag=True, help="Write to standard output."),
        click.option("-f", "--force", is_flag=True, help="Replace an existing output; use a terminal for binary data."),
        click.option("--rm", "remove", is_flag=True, help="Delete the input once the output is complete."),
        click.option("-k", "--keep", is_flag=True, help="Keep the input (the default)."),
        click.option(
            "-T",
            "--threads",
            type=click.IntRange(1),
            default=os.cpu_count() or 1,
            help="Worker processes.",
            show_default="the cores",
        ),
        click.option("--model", "model_name", help="Model file or name, instead of the default or the frame's."),
        click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr."),
        click.option("-v", "--verbose", is_flag=True, help="Say what was done."),
        click.option("--no-progress", is_flag=True, help="No progress line."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@_transfer_options
@click.option(
    "--block-size",
    type=click.IntRange(container.MIN_BLOCK, container.MAX_BLOCK),
    default=container.DEFAULT_BLOCK,
    show_default=True,
    help="Bytes coded independently of the rest.",
)
@click.option("--lanes", type=click.IntRange(1, container.MAX_LANES), help="Slices of a block coded in lockstep.")
def compress(block_size: int, lanes: int | None, **options: Any) -> None:
    """Compress IN to OUT.

    Without OUT to IN.lz, without IN (or with -) from standard input to standard output.
    """

    def work(source: BinaryIO, sink: BinaryIO, common: dict[str, Any]) -> None:
        stream.compress_stream(source, sink, block_size=block_size, lanes=lanes, **common)

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
    work: Callable[[BinaryIO, BinaryIO, dict[str, Any]], None],
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
    threads: int,
    model_name: str | None,
    quiet: bool,
    verbose: bool,
    no_progress: bool,
) -> None:
    """Open both ends, do the work, and only then let the output appear and the input go."""
    if sum((target is not None, output is not None, to_stdout)) > 1:
        raise click.UsageError("give one of OUT, --output and --stdout")
    if remove and (keep or source == PIPE):
        raise click.UsageError("--rm needs an input file and contradicts --keep")
    with _failures():
        path = None if source == PIPE else Path(source)
        wanted = target or output or (PIPE if to_stdout or path is None else None)
        if path is None and binary_in and sys.stdin.isatty() and not force:
            raise FileError("compressed data are not read from a terminal; --force does")
        meter = _Meter(path.stat().st_size if path else None, sys.stderr.isatty() and not (quiet or no_progress))
        common = {
            "model": load_model(model_name) if model_name else None,
            "threads": threads,
            "progress": meter,
            "announce": None if quiet else _announce,
        }
        with _open_source(path) as opened:
            if wanted == PIPE:
                sink = _standard_output(force=force or binary_in)
                work(opened, sink, common)
                sink.flush()
            else:
                assert path is not None or wanted is not None
                place = Path(wanted) if wanted is not None else name(Path(source))
                with complete_output(place, source=path, force=force) as sink:
                    work(opened, sink, common)
        meter.end()
        if remove and path is not None:
            path.unlink()
        if verbose and not quiet:
            click.echo(f"{source}: done", err=True)


@contextmanager
def _open_source(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdin.buffer
        return
    if path.is_dir():
        raise FileError(f"{path}: is a directory")
    with path.open("rb") as file:
        yield file


def _standard_output(*, force: bool) -> BinaryIO:
    if sys.stdout.isatty() and not force:
        raise FileError("compressed data are not written to a terminal; --force does")
    return sys.stdout.buffer


class _Nowhere:
    """A sink for what is only checked."""

    def write(self, data: bytes, /) -> int:
        return len(data)


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("-T", "--threads", type=click.IntRange(1), default=os.cpu_count() or 1, help="Worker processes.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr.")
def test(files: tuple[str, ...], threads: int, quiet: bool) -> None:
    """Decompress FILES to nowhere and say whether they are sound."""
    failed = False
    for name in files:
        try:
            with _failures(), _open_source(None if name == PIPE else Path(name)) as source:
                announce = None if quiet else _announce
                stream.decompress_stream(source, _Nowhere(), threads=threads, announce=announce)
            if not quiet:
                click.echo(f"{name}: sound", err=True)
        except SystemExit:
            click.echo(f"{name}: failed the test", err=True)
            failed = True
    sys.exit(1 if failed else 0)


@main.command(name="list")
@click.argument("files", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_(files: tuple[str, ...], as_json: bool) -> None:
    """Show sizes, ratio, check and model of FILES; reads headers only."""
    rows = []
    with _failures():
        for name in files:
            with _open_source(Path(name)) as file:
                try:
                    rows.append(_row(name, stream.read_frames(file)))
                except LikezipError as error:
                    raise type(error)(f"{name}: {error}") from error
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(
        f"{'frames':>6} {'blocks':>6} {'compressed':>12} {'uncompressed':>12} {'ratio':>7} check model             name"
    )
    for row in rows:
        click.echo(
            f"{row['frames']:6} {row['blocks']:6} {row['compressed']:12} {row['uncompressed']:12} "
            f"{row['ratio']:7.3f} {row['check']} {','.join(row['models'])}  {row['name']}"
        )


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
