"""How likezip scales over worker processes: ``python -m benchmarks.scaling FILE``.

Every measurement runs in a process of its own, so that no earlier one adds to its memory.
"""

from __future__ import annotations

import functools
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from likezip import codec, container, stream

WORKERS = (1, 2)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Scaled:
    """Wall seconds, and the peak resident memory of a worker in MB (10^6 bytes)."""

    seconds: float
    worker_MB: float


def scale(raw: Path, packed: Path, threads: int, block_size: int, decompress: bool) -> Scaled:
    """Compress ``raw`` to ``packed``, or the way back to nowhere, with ``threads`` workers.

    With one worker the work is done in this process, so its own peak counts; else the largest child's.
    """
    codec.prepare(prior=True)
    began = time.perf_counter()
    if decompress:
        with packed.open("rb") as source, Path("/dev/null").open("wb") as sink:
            stream.decompress_stream(source, sink, threads=threads)
    else:
        with raw.open("rb") as source, packed.open("wb") as sink:
            stream.compress_stream(source, sink, threads=threads, block_size=block_size)
    seconds = time.perf_counter() - began
    return Scaled(seconds, peak_MB(resource.RUSAGE_SELF if threads == 1 else resource.RUSAGE_CHILDREN))


def peak_MB(who: int) -> float:
    """The peak resident memory of this process or of the largest of its ended children, in MB (10^6 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit / 1e6


def _alone(work: Callable[..., Result], *arguments: object) -> Result:
    """``work(*arguments)`` in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def ideal_speedup(size: int, block_size: int, workers: int) -> float:
    """How much faster ``workers`` can be at best: blocks are not split, and go in order to whoever is free."""
    whole, rest = divmod(size, block_size)
    busy = [0] * workers
    for block in [block_size] * whole + [rest]:
        busy[busy.index(min(busy))] += block
    return size / max(busy)


def _median(runs: list[Scaled]) -> Scaled:
    """The median time and the highest peak."""
    return Scaled(statistics.median(run.seconds for run in runs), max(run.worker_MB for run in runs))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--block-size", type=click.IntRange(container.MIN_BLOCK, container.MAX_BLOCK), help="Bytes of a block.")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="Times are medians of so many.")
def main(file: Path, block_size: int | None, repeat: int) -> None:
    """Time FILE, which must have two blocks or more, with one and with two workers, and weigh a worker."""
    size, block = file.stat().st_size, block_size or container.default_block_size(file.stat().st_size)
    if size <= block:
        raise click.UsageError(f"{file} is a single block; a larger file or a smaller --block-size is needed")
    _alone(functools.partial(codec.prepare, prior=True))
    with tempfile.TemporaryDirectory() as directory:
        packed = Path(directory, "packed")
        for direction, decompress in (("compress", False), ("decompress", True)):
            rounds = [
                [_alone(scale, file, packed, threads, block, decompress) for threads in WORKERS] for _ in range(repeat)
            ]
            runs = [_median([one[place] for one in rounds]) for place in range(len(WORKERS))]
            for threads, run in zip(WORKERS, runs, strict=True):
                speed = f"{size / 1e6 / run.seconds:.3f} MB/s, {runs[0].seconds / run.seconds:.2f} x one worker"
                click.echo(
                    f"{direction}, {threads} of {-(-size // block)} blocks at once: {speed} "
                    f"(at best {ideal_speedup(size, block, threads):.2f}), a worker's peak {run.worker_MB:.0f} MB"
                )


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.scaling")
