"""The command ``likezip train``."""

from __future__ import annotations

import math
from pathlib import Path

import click

from likezip.blocks import codec
from likezip.command.console import announce, failures, say
from likezip.command.names import output_path
from likezip.command.options import all_cores
from likezip.command.printable import printable
from likezip.errors import need_torch
from likezip.frames.outputs import FileError
from likezip.frames.workers import available_cores
from likezip.model import DEFAULT_NAME, default_model, load_model

SCRATCH = "scratch"
DIRECTORY = click.Path(path_type=Path, readable=False)
MODEL_FILE = click.Path(readable=False)


def _finite(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of minutes")
    return value


@click.command("train")
@click.argument("sources", nargs=-1, required=True, metavar="DIR...", type=DIRECTORY)
@click.option("-o", "--output", required=True, type=MODEL_FILE, help="Model file to write: NAME.safetensors.")
@click.option(
    "--from",
    "base",
    default=DEFAULT_NAME,
    metavar="MODEL",
    show_default=True,
    help="Model to begin with, a file or a name, or scratch.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0.01, 100_000),
    callback=_finite,
    default=10.0,
    show_default=True,
    help="How long to train, about and at most; it ends early once the files held out get no better.",
)
@click.option(
    "--seed", type=click.IntRange(0, (1 << 63) - 1), default=1, show_default=True, help="Seed of all random choices."
)
@click.option(
    "-T",
    "--threads",
    type=click.IntRange(0),
    callback=all_cores,
    default=available_cores,
    show_default="the cores",
    help="Threads of training; 0 for all cores.",
)
@click.option("-f", "--force", is_flag=True, help="Replace an existing output.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr.")
def train_command(
    sources: tuple[Path, ...],
    output: str,
    base: str,
    minutes: float,
    seed: int,
    threads: int,
    force: bool,
    quiet: bool,
) -> None:
    """Train a model on the files below DIRs, for files of the same kind.

    About a tenth of them is held out: they tell how well the model does on files that it has not seen, and whether it
    is worth going on. Every so often a table says the bits per byte of parts of the files trained on and of parts of
    those held out, and the gap between them. At first the gap shows which files are harder; its growth shows how much
    is learnt by heart. Left out are hidden files, links, copies, models, and what looks like noise. Files of likezip,
    gzip, xz, bzip2 and, with Python 3.14, zstd are read through; others that are compressed are left out.

    Training that was stopped (Ctrl-C) goes on when the same command is given again, if you like with other --minutes:
    until the model is written, a checkpoint of some 200 MB lies beside it.

    \b
    likezip train logs/2024 logs/2025 -o logs.safetensors
    likezip compress --model logs.safetensors today.log
    LIKEZIP_MODELS=. likezip decompress today.log.lz

    Whoever decompresses needs the model file: it is looked for by its id, which the compressed file names, in the
    directories of LIKEZIP_MODELS and in ~/.local/share/likezip/models. What the files say may be read out of a model to
    some degree, so keep it as private as them.
    """

    def tell(line: str) -> None:
        if not quiet:
            say(printable(line))

    with failures():
        for source in sources:
            if not source.exists():
                raise FileError(f"{source}: no such file or directory")
        place = output_path(output)
        if place.stem == DEFAULT_NAME:
            raise FileError(f"{output}: {DEFAULT_NAME} is the name of the model that comes with likezip")
        need_torch("training")
        model = None if base == SCRATCH else default_model() if base == DEFAULT_NAME else load_model(base)
        codec.prepare_kernels(None if quiet else announce, prior=True)
        from likezip.training.own import Task, train_model

        card = train_model(list(sources), place, Task(model, minutes, seed), threads=threads, force=force, say=tell)
        written = load_model(place)
        rates = card["held_out"]
        compared = "".join(f"{rates['before']:.3f} by {base}, " if "before" in rates else "")
        tell(f"files held out, each compressed: {compared}{rates['after']:.3f} bits per byte by this model")
        if rates.get("before", math.inf) <= rates["after"]:
            tell(f"nothing is gained by it: {base} is as good for such files")
        tell(f"{output}: model {written.id.hex()}, {written.size:,} bytes")
