"""The commands about the likelihood of data by the model: score, heatmap and sample."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import click

from likezip import likelihood
from likezip.blocks import codec
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.command.console import Counted, described, failures, print_line, range_option, say, size_option
from likezip.command.names import PIPE, output_path
from likezip.command.options import (
    A_PATH,
    arguments,
    block_size_option,
    common_options,
    each,
    lanes_option,
    open_source,
    prior_option,
    size_of,
    standard_output,
)
from likezip.command.printable import printable
from likezip.errors import LikezipError
from likezip.frames import container
from likezip.frames.outputs import complete_output, naming
from likezip.frames.through import seekable
from likezip.frames.workers import Workers
from likezip.model import resolve_model

raw_option = click.option("--raw", is_flag=True, help="Take compressed files as they are, instead of what they hold.")

SHOWN = 200
"""Bytes of a unit that are shown at most."""


def _division(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    try:
        return None if text is None else likelihood.score.Division.of(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("score")
@click.argument("files", nargs=-1, metavar="[FILE...]", type=A_PATH)
@click.option(
    "--by",
    "division",
    callback=_division,
    metavar="UNIT",
    help='Rank the parts of each file: line, "record N" or "window N", N bytes each; windows, of an even number, '
    "overlap by half.",
)
@click.option(
    "--context",
    "contexts",
    multiple=True,
    type=A_PATH,
    help="Learn from this file first, of which the last 4M count: yesterday's log, say. May be repeated.",
)
@click.option(
    "--rank",
    "measure",
    type=click.Choice(["surprise", "bits", "rate"]),
    show_default="surprise",
    help="What parts are ranked by: surprise, the root mean square of what their bytes cost, which finds a few odd "
    "bytes among many; all their bits; or bits per byte.",
)
@click.option("--top", type=click.IntRange(1), help="Only so many parts of each file, the most surprising ones.")
@click.option(
    "--above", type=float, metavar="Z", help="Only parts at least so many standard deviations above the mean."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON array with an object for each FILE, instead of TSV.")
@raw_option
@prior_option
@common_options
def score_command(
    files: tuple[str, ...],
    division: Any,
    contexts: tuple[str, ...],
    measure: Any,
    top: int | None,
    above: float | None,
    as_json: bool,
    raw: bool,
    prior: PriorChoice,
    **shown: Any,
) -> None:
    """How surprising FILEs are to the model: bits and bits per byte, of each file or, with --by, of its parts.

    Without FILE (or with -) standard input is scored. Every byte is predicted from all before it in the file, so a
    file's bits are about what it is compressed to, without some 70 bytes of headers. The most surprising parts come
    first. Files of likezip, gzip, xz, bzip2 and, with Python 3.14, zstd are read through, also as --context.

    \b
    unit            number of the part in the file, from 1
    offset, bytes   where it begins, from 0, and its size
    bits            what it costs; bits_per_byte: divided by its size
    surprise        root mean square of the bits of its bytes
    z               standard deviations of what parts are ranked by, above the mean of the file's parts
    text            its first 200 bytes, and ... if there are more; backslashes and what can't be shown are escaped

    \b
    likezip score *.log                              bits and bits per byte of each
    likezip score --by line --top 20 today.log       the 20 most surprising lines
    likezip score --by line --context yesterday.log --above 3 today.log
    likezip score --by "record 64" --json table.bin
    """
    if (top, above, measure) != (None, None, None) and division is None:
        raise click.UsageError("--top, --above and --rank need --by")
    if above is not None and math.isnan(above):
        raise click.UsageError("--above needs a number")
    if PIPE in contexts and PIPE in (files or (PIPE,)):
        raise click.UsageError("standard input can't be both --context and scored")
    results: list[dict[str, Any]] = []
    context = b"".join(_read_end(name, likelihood.density.LONGEST_CONTEXT, raw=raw) for name in contexts)
    options = context, division, prior, measure or "surprise", top, above, raw

    def work(name: str) -> None:
        try:
            results.append(_score(name, workers, *options, **shown))
        except (LikezipError, OSError) as error:
            results.append({"name": name, "error": described(error)})
            raise
        if not as_json:
            columns = likelihood.score.FILE_COLUMNS if division is None else (*likelihood.score.UNIT_COLUMNS, "text")
            first = all("error" in result for result in results[:-1])
            _print_rows(results[-1], ("name", *columns) if first else None)

    with Workers(shown["threads"]) as workers:
        failed = each(files or (PIPE,), work)
    with failures():
        if as_json:
            print_line(json.dumps(results, indent=1))
    sys.exit(failed)


def _score(
    name: str,
    workers: Workers,
    context: bytes,
    division: Any,
    prior: PriorChoice,
    measure: Any,
    top: int | None,
    above: float | None,
    raw: bool,
    **shown: Any,
) -> dict[str, Any]:
    """The result for one file."""
    began = time.monotonic()
    with _open_content(name, raw=raw) as file, arguments(size_of(file), **shown) as common:
        begin = file.tell()
        options, read = CodingOptions(resolve_model(common["model"]), prior, lanes=1), Counted(file, name)
        codec.prepare_kernels(common["announce"], prior=options.may_use_prior)
        size, advance = container.default_block_size(size_of(file)), common["progress"].advance
        blocks = likelihood.density.stream_costs(
            read, workers, options, context=context, block_size=size, advance=advance
        )
        scored = likelihood.score.score_blocks(blocks, division, measure)
        result: dict[str, Any] = {"name": name, **scored.summary()}
        if scored.units is not None:
            numbers = scored.units.ranking(top, above)
            result["units"] = [
                {**scored.units.row(number), "text": _text(file, begin, scored.units, number)} for number in numbers
            ]
    if shown["verbose"] and not shown["quiet"]:
        rate = f"{scored.size} bytes, {scored.bits:.0f} bits, {time.monotonic() - began:.1f} s"
        say(f"{printable(name)}: {rate}")
    return result


def _text(file: BinaryIO, begin: int, units: Any, number: int) -> str:
    """The first bytes of a unit, of content that begins at ``begin`` in the file; backslashes and characters that can't
    be shown are escaped, three dots stand for the rest."""
    file.seek(begin + int(units.starts[number]))
    raw = file.read(min(SHOWN + 2, int(units.sizes[number]))).rstrip(b"\r\n")
    text = raw[:SHOWN].replace(b"\\", b"\\\\").decode(errors="backslashreplace")
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return shown if len(raw) <= SHOWN else f"{shown}..."


def _read_end(name: str, most: int, *, raw: bool) -> bytes:
    """The last ``most`` bytes of the content of a file."""
    with failures(name), _open_content(name, raw=raw) as file:
        if (size_of(file) or 0) > most:
            file.seek(-most, os.SEEK_END)
        return (Counted(file, name).read(-1) or b"")[-most:]


def _content_of(source: BinaryIO, name: str) -> bytes:
    """All that an opened file holds, read through if it is compressed."""
    with failures(name), _content(source, name, raw=False) as file:
        return Counted(file, name).read(-1) or b""


@contextmanager
def _open_content(name: str, *, raw: bool) -> Iterator[BinaryIO]:
    """The content of a file, to be read more than once."""
    with open_source(name, binary=False) as source, _content(source, name, raw=raw) as file:
        yield file


@contextmanager
def _content(source: BinaryIO, name: str, *, raw: bool) -> Iterator[BinaryIO]:
    """The content of an opened file, to be read more than once."""
    with ExitStack() as stack:
        with naming(name):
            file = stack.enter_context(seekable(source, raw=raw))
        yield file


def _print_rows(result: dict[str, Any], head: tuple[str, ...] | None) -> None:
    """Print the row of a file, or the rows of its units, as TSV, below the head if there is one."""
    if head is not None:
        print_line("\t".join(head))
    name = printable(result["name"])
    for row in result.get("units", [result]):
        print_line("\t".join(map(_cell, ({"name": name} | row | {"name": name}).values())))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value).replace("\t", "\\t").replace("\n", "\\n")


@click.command("heatmap")
@click.argument("source", default=PIPE, metavar="[FILE]", type=A_PATH)
@click.option("-o", "--output", type=A_PATH, help="The page to write.", show_default="FILE.html")
@click.option("-f", "--force", is_flag=True, help="Replace an existing output.")
@click.option(
    "--range",
    "wanted",
    type=range_option,
    default="0:",
    metavar="START:END",
    help="The bytes that are shown one by one, at most 2M; the first ones unless set. The curve is of all of the file.",
)
@raw_option
@prior_option
@lanes_option
@block_size_option
@common_options
def heatmap_command(
    source: str,
    output: str | None,
    force: bool,
    wanted: tuple[int, int | None],
    raw: bool,
    prior: PriorChoice,
    lanes: int | None,
    block_size: int | None,
    **shown: Any,
) -> None:
    """Make a page for browsers that shows what each byte of FILE costs, and what was expected instead.

    Each byte is coloured by its bits; pointing at one shows those of the prior and of the memory alone, and the three
    likeliest bytes. The page is one file and loads nothing else. Compressed files are read through, as by score.

    \b
    likezip heatmap notes.txt                        to notes.txt.html
    likezip heatmap --range 2M:4M big.log -o part.html
    """
    if source == PIPE and output is None:
        raise click.UsageError("standard input needs --output")
    began = time.monotonic()
    with failures(source):
        place = output_path(output if output is not None else f"{source}.html")
        start, end = wanted
        with (
            open_source(source, binary=False) as opened,
            _content(opened, source, raw=raw) as file,
            arguments(size_of(file), **shown) as common,
        ):
            read = Counted(file, source)
            with _output(place, None if source == PIPE else opened, force) as written:
                options = CodingOptions(resolve_model(common["model"]), prior, lanes, common["threads"])
                made = likelihood.heatmap.page(
                    read,
                    source,
                    options,
                    size=size_of(file),
                    start=start,
                    end=end,
                    block_size=block_size,
                    raw=raw,
                    progress=common["progress"],
                    announce=common["announce"],
                )
                written.write(made)
        if shown["verbose"] and not shown["quiet"]:
            say(f"{printable(str(place))}: {len(made)} bytes, {time.monotonic() - began:.1f} s")


@click.command("sample")
@click.option(
    "-n", "--bytes", "size", required=True, type=size_option(1, 1 << 30), metavar="SIZE", help="Bytes to draw."
)
@click.option("--prompt", type=A_PATH, help="A file that the sample is to go on from.")
@click.option("--seed", type=click.IntRange(0), help="Draw the same bytes again.", show_default="another each time")
@click.option("-o", "--output", default=PIPE, type=A_PATH, help="Output file, instead of standard output.")
@click.option("-f", "--force", is_flag=True, help="Replace an existing output.")
@prior_option
@common_options
def sample_command(
    size: int, prompt: str | None, seed: int | None, output: str, force: bool, prior: PriorChoice, **shown: Any
) -> None:
    """Draw bytes from the model by decoding random bits, as if they were a compressed file.

    What comes out is what the model expects of files in general or, with --prompt, behind that one; to compress it
    takes about the random bits that it was drawn from, which -v says. The same seed gives the same bytes on every
    machine.

    \b
    likezip sample -n 2000 --prompt alice.txt
    likezip sample -n 1M --seed 7 -o sample.bin
    """
    with failures():
        began = time.monotonic()
        with (
            nullcontext() if prompt is None else open_source(prompt, binary=False) as opened,
            _output(output_path(output), None if prompt == PIPE else opened, force) as file,
            arguments(size, **shown) as common,
        ):
            prompt_bytes = b"" if opened is None or prompt is None else _content_of(opened, prompt)
            options = CodingOptions(resolve_model(common["model"]), prior, lanes=1, threads=common["threads"])
            codec.prepare_kernels(common["announce"], prior=options.may_use_prior)
            advance = common["progress"].advance
            data, bits = likelihood.density.sample_and_bits(
                size, options, prompt=prompt_bytes, seed=seed, advance=advance
            )
            file.write(data)
        if shown["verbose"] and not shown["quiet"]:
            say(f"{size} bytes from {bits / 8:.1f} random ones, {time.monotonic() - began:.1f} s")


@contextmanager
def _output(place: Path, source: BinaryIO | None, force: bool) -> Iterator[Any]:
    """Standard output for -, or a file that appears once it is complete, is not ``source``, and may be read by whoever
    may read ``source``."""
    if str(place) == PIPE:
        written = standard_output(binary=False)
        yield written
        written.flush()
        return
    with complete_output(place, source=source, force=force, derived=True) as file:
        yield file
