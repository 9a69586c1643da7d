"""The commands about the likelihood of data by the model, but for score: heatmap and sample."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import click

from likezip import likelihood
from likezip.blocks import codec
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.command.console import Counted, failures, range_option, say, size_option
from likezip.command.contents import content, content_of, raw_option
from likezip.command.names import PIPE, output_path
from likezip.command.options import (
    A_PATH,
    arguments,
    block_size_option,
    common_options,
    lanes_option,
    open_source,
    prior_option,
    size_of,
    standard_output,
)
from likezip.command.printable import printable
from likezip.frames.outputs import complete_output
from likezip.model import resolve_model


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
            content(opened, source, raw=raw) as file,
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
            prompt_bytes = b"" if opened is None or prompt is None else content_of(opened, prompt)
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
