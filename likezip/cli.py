"""The command line: arguments, messages and exit codes; no bytes are parsed here."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click

import likezip
from likezip import binary, codec, container, listing, recovery, stream
from likezip.cli_likelihood import heatmap, sample, score
from likezip.console import Counted, failures, moved, printable, put, range_option
from likezip.errors import LikezipError
from likezip.files import FileError, complete_output, compressed_name, decompressed_name
from likezip.model import all_models, default_model, load_model
from likezip.options import (
    A_PATH,
    PIPE,
    arguments,
    block_size_option,
    common_options,
    each,
    in_order,
    lanes_option,
    max_size_option,
    open_source,
    prior_option,
    size_of,
    standard_output,
)
from likezip.training.command import train


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    with failures():
        model = default_model()
        put(f"likezip {likezip.__version__}, format {container.VERSION}, model {model.name} {model.id.hex()}")
    context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Program, format and model."
)
def main() -> None:
    """Lossless compression by the likelihood of a trained model.

    \b
    likezip compress in.bin                 writes in.bin.lz and keeps in.bin
    likezip decompress in.bin.lz            and back
    tar c directory | likezip compress > directory.tar.lz
    likezip decompress --range 1M:2M in.bin.lz > part
    likezip test *.lz; likezip list --json *.lz

    The model says more than how to compress: which lines are surprising, what each byte costs, what could follow; and
    it can be trained on files of your own.

    \b
    likezip score --by line --context yesterday.log today.log
    likezip heatmap in.bin                  writes in.bin.html
    likezip sample -n 1000 --prompt in.txt
    likezip train DIR -o my.safetensors; likezip compress --model my.safetensors in.bin

    An output appears under its name only once it is complete, and an input is never changed; --rm deletes it after the
    output was verified. Without IN, or with - for it, standard input goes to standard output. The bytes are the same
    on every machine and with any number of threads.

    \b
    Exit codes:
      0  all is well
      1  something failed: a line on standard error says what (but for a closed pipe), and no
         output file is left; with --recover: something was lost, all else has been written
      2  wrong usage
      Interrupted, by Ctrl-C, SIGTERM or SIGHUP, it cleans up and then ends by that signal.

    \b
    Environment:
      LIKEZIP_MODELS        directories to look for model files in, separated as in PATH, before
                            likezip/models in XDG_DATA_HOME or ~/.local/share
      LIKEZIP_BACKEND       dot, int8, float32 or cuda: what multiplies, instead of the fastest that is exact here
      LIKEZIP_INSTRUCTIONS  vnni512, vnni256, avx2 or none: what the first of those uses
      NUMBA_CACHE_DIR       where compiled kernels are kept, instead of likezip in XDG_CACHE_HOME
                            or ~/.cache

    \b
    Completion for bash, and likewise for zsh and fish:
      eval "$(_LIKEZIP_COMPLETE=bash_source likezip)"
    """


_transfer_options = in_order(
    click.argument("source", default=PIPE, metavar="[IN]", type=A_PATH),
    click.argument("target", required=False, metavar="[OUT]", type=A_PATH),
    click.option("-o", "--output", type=A_PATH, help="Output file, instead of the argument."),
    click.option("-c", "--stdout", "to_stdout", is_flag=True, help="Write to standard output."),
    click.option("-f", "--force", is_flag=True, help="Replace an existing output; use a terminal for binary data."),
    click.option("--rm", "remove", is_flag=True, help="Delete the input once the output is complete and verified."),
    click.option("-k", "--keep", is_flag=True, help="Keep the input (the default)."),
    common_options,
)


Work = Callable[[Any, Any, dict[str, Any]], None]
"""Reads from one file and writes to another, with the arguments that all directions take."""


@main.command()
@_transfer_options
@block_size_option
@lanes_option
@prior_option
def compress(block_size: int | None, lanes: int | None, prior: codec.PriorChoice, **options: Any) -> None:
    """Compress IN to OUT.

    Without OUT to IN.lz, without IN (or with -) from standard input to standard output.

    \b
    likezip compress notes.txt                 to notes.txt.lz
    likezip compress --rm -v notes.txt         and delete notes.txt
    likezip compress --prior off big.log       several times as fast
    likezip compress -c notes.txt > elsewhere
    """

    def work(source: Any, sink: binary.Sink, common: dict[str, Any]) -> None:
        size = block_size or container.default_block_size(size_of(source))
        stream.compress_stream(source, sink, block_size=size, lanes=lanes, prior=prior, **common)

    _transfer(work, compressed_name, binary_in=False, **options)


@main.command()
@_transfer_options
@click.option(
    "--range",
    "wanted",
    type=range_option,
    metavar="START:END",
    help="Only these bytes of the content, to standard output unless OUT is given: 0:1000, 64K:, or -1M: for the last. "
    "Only the blocks that hold them are read and decoded; a pipe is read up to them.",
)
@click.option(
    "--recover",
    is_flag=True,
    help="Write all blocks of a damaged IN that are intact, and say what is lost; exits with 1 if anything is.",
)
@max_size_option
def decompress(wanted: tuple[int, int | None] | None, recover: bool, max_size: int | None, **options: Any) -> None:
    """Decompress IN to OUT.

    Without OUT from X.lz to X, without IN (or with -) from standard input to standard output.

    \b
    likezip decompress notes.txt.lz            to notes.txt
    likezip decompress --range -1K: big.log.lz
    likezip decompress --recover damaged.lz what-is-left
    """
    if recover and (wanted or options["remove"] or options["source"] == PIPE):
        raise click.UsageError("--recover needs an input file, and no --range and no --rm")
    if wanted and options["remove"]:
        raise click.UsageError("--rm with --range would delete the rest")
    if max_size is not None and (recover or wanted):
        raise click.UsageError("--max-size is for whole files, without --recover and --range")
    losses: list[recovery.Loss] = []

    def work(source: Any, sink: binary.Sink, common: dict[str, Any]) -> None:
        if recover:
            losses.extend(recovery.recover_stream(source, sink, **common))
            source.size = size_of(source) or 0  # which it has not counted
        elif wanted:
            del common["progress"]
            stream.decompress_range(source, sink, *wanted, **common)
        else:
            stream.decompress_stream(source, sink, max_size=max_size, **common)

    if wanted and options["target"] is None and options["output"] is None:
        options["to_stdout"] = True
    _transfer(work, decompressed_name, binary_in=True, **options)
    for loss in losses:
        click.echo(f"likezip: {printable(options['source'])}: {loss}", err=True)
    sys.exit(1 if any(loss.raw_size != 0 for loss in losses) else 0)


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
    wanted = next(
        (name for name in (target, output) if name is not None), PIPE if to_stdout or source == PIPE else None
    )
    if remove and (keep or PIPE in (source, wanted)):
        raise click.UsageError("--rm needs an input and an output file and contradicts --keep")
    began = time.monotonic()
    with failures(source):
        with (
            open_source(source, binary=binary_in and not force) as opened,
            arguments(size_of(opened), **shown) as common,
        ):
            read = Counted(opened, source)
            if wanted == PIPE:
                written = standard_output(binary=not binary_in and not force)
                work(read, written, common)
                written.flush()
            else:
                place = name(Path(source)) if wanted is None else Path(wanted)
                origin = Path(source) if Path(source).is_file() else None
                with complete_output(place, source=origin, force=force) as file:
                    written = Counted(file, str(place))
                    work(read, written, common)
                    if remove and not binary_in:
                        _verify(file, common)
        if remove:
            Path(source).unlink()
        if shown["verbose"] and not shown["quiet"]:
            click.echo(f"{printable(source)}: {moved(read, written, began)}", err=True)


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
@click.argument("files", nargs=-1, metavar="[FILE...]", type=A_PATH)
@max_size_option
@common_options
def test(files: tuple[str, ...], max_size: int | None, **shown: Any) -> None:
    """Decompress FILEs to nowhere and say if they are sound.

    Without FILE (or with -) standard input is tested.

    All are tested, whatever becomes of some; exits with 1 if any is not sound.
    """

    def check(name: str) -> None:
        began = time.monotonic()
        with open_source(name, binary=True) as source, arguments(size_of(source), **shown) as common:
            read, written = Counted(source, name), Counted(_Nowhere(), name)
            stream.decompress_stream(read, written, max_size=max_size, **common)
        if shown["verbose"]:
            click.echo(f"{printable(name)}: sound, {moved(read, written, began)}", err=True)
        elif not shown["quiet"]:
            click.echo(f"{printable(name)}: sound", err=True)

    sys.exit(each(files or (PIPE,), check))


@main.command(name="list", short_help="Show sizes, ratio and blocks of FILEs.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=A_PATH)
@click.option("--json", "as_json", is_flag=True, help="A JSON array with an object for each FILE.")
def list_(files: tuple[str, ...], as_json: bool) -> None:
    """Show what FILEs hold, by their headers: sizes, ratio, blocks, check, model.

    Standard input (-) can be listed only if it is a file.

    \b
    coded: s blocks that are stored, m coded with the memory, p with memory and prior
    In JSON sizes are in bytes; a FILE that can't be listed has a name and an error only.
    """
    rows: list[dict[str, Any]] = []

    def read(name: str) -> None:
        try:
            with open_source(name, binary=True) as file:
                if not file.seekable():
                    raise FileError(f"{name}: a pipe can't be listed, only a file")
                rows.append(listing.row(printable(name), file))
        except (LikezipError, OSError) as error:
            rows.append({"name": printable(name), "error": getattr(error, "strerror", None) or str(error)})
            raise

    failed = each(files, read)
    with failures():
        if as_json:
            put(json.dumps(rows, indent=2))
        else:
            listing.print_rows([row for row in rows if "error" not in row])
    sys.exit(failed)


@main.command()
@click.argument("name", required=False, metavar="[MODEL]")
def models(name: str | None) -> None:
    """Show the models that are found here, or what MODEL, a file, name or id, says of itself, as JSON.

    What a compressed file was written with, which `likezip list` tells, is looked for by its id among these.
    """
    with failures():
        if name is None:
            for model in all_models():
                put(f"{model.id.hex()}  {model.size:>12,} bytes  {model.name}  {printable(str(model.path))}")
            return
        model = load_model(name)
        about = {"name": model.name, "id": model.id.hex(), "bytes": model.size, **dict(sorted(model.card().items()))}
        put(json.dumps(about, indent=1))


for command in (train, score, heatmap, sample):
    main.add_command(command)
