"""How sizes and throughputs change with workers, lanes, the size of a block and of the file.

``python -m benchmarks.scaling FILE_OR_DIR...`` writes JSON, and tables and plots beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import pages
from benchmarks.curves import KINDS, size_text
from benchmarks.inputs import Joined, joined, named_inputs, package_sources
from benchmarks.measure import measure, warm_up
from benchmarks.peers import LIKEZIP, NO_PRIOR, Peer, available_peers, likezip_peer, own_peers
from benchmarks.report import curve_table, stops
from benchmarks.results import circumstances, load_scaling, save
from benchmarks.schema import Curve, Point, Run, Scaling, Series
from likezip.frames import container
from likezip.frames.workers import available_cores

RESULTS = Path(__file__).parent / "results" / "scaling.json"
LANES = tuple(1 << power for power in range(11))
BLOCKS = tuple(1 << power for power in range(16, 25))
SIZES = tuple(round(1000 * 10 ** (half / 2)) for half in range(11))
"""1 KB to 100 MB, two for each power of ten."""

DEFAULT_SIZES = {"workers": 8 << 20, "lanes": 1 << 20, "blocks": 16 << 20}
"""Bytes that curves of likezip's options are measured on, unless --size says otherwise."""


def ideal_speedup(size: int, block_size: int, workers: int) -> float:
    """How much faster ``workers`` can be at best: blocks are not split, and go in order to whoever is free."""
    whole, rest = divmod(size, block_size)
    busy = [0] * workers
    for block in [block_size] * whole + [rest]:
        busy[busy.index(min(busy))] += block
    return size / max(busy)


@dataclass(frozen=True)
class Line:
    """One line of a curve: what is measured at a place, by the line's name, and how many times faster than one worker
    it can be."""

    name: str
    peer: Callable[[int], Peer]
    at_best: Callable[[int], float | None] = lambda at: None


def series_of(
    lines: Sequence[Line], places: Sequence[int], data: Callable[[int], bytes], repeat: int, limit: float
) -> list[Series]:
    """Measure all lines at one place after the other, in turn.

    A line ends before a place where it would take more than ``limit`` seconds by its throughput at the one before.
    """
    found = [Series(name=line.name, points=[], stopped=None) for line in lines]
    for at in places:
        content, peers = data(at), {}
        for line, series in zip(lines, found, strict=True):
            expected = expected_seconds(series, len(content))
            if series["stopped"] is None and expected > limit:
                series["stopped"] = f"no further than this, as it would take {expected:,.0f} s or more"
            if series["stopped"] is None:
                peers[line.name] = line.peer(at)
        click.echo(f"{at:,}: {', '.join(peers) or 'nothing'}", err=True)
        measured = measure(content, list(peers.values()), repeat)
        for line, series in zip(lines, found, strict=True):
            if line.name in measured:
                run, at_best = measured[line.name].run, line.at_best(at)
                series["points"].append(Point(at=at, bytes=len(content), run=run, at_best=at_best))
    return found


def expected_seconds(series: Series, size: int) -> float:
    """What ``size`` bytes will take at the throughput of the series' last point, all its runs; 0 without one."""
    if not series["points"]:
        return 0.0
    last = series["points"][-1]
    return run_seconds(last["run"]) * size / max(last["bytes"], 1)


def run_seconds(run: Run) -> float:
    """Of all repetitions, there and back."""
    return sum(run["compress"]["seconds"]) + sum(run["decompress"]["seconds"])


def worker_counts(cores: int) -> list[int]:
    """1, 2, 4 and so on, and the number of cores."""
    return sorted({1 << power for power in range(cores.bit_length())} | {cores})


def _one_block(size: int) -> tuple[str, str]:
    return "--block-size", str(max(size, container.MIN_BLOCK))


def _workers(size: int) -> tuple[list[Line], list[int]]:
    cores = available_cores()
    block = max(container.MIN_BLOCK, min(container.default_block_size(size), -(-size // cores)))

    def several(workers: int) -> Peer:
        return likezip_peer("several blocks", "--block-size", str(block), threads=workers)

    def single(workers: int) -> Peer:
        return likezip_peer("one block", *_one_block(size), threads=workers)

    lines = [Line("several blocks", several, lambda workers: ideal_speedup(size, block, workers))]
    return [*lines, Line("one block", single)], worker_counts(cores)


def _lanes(size: int) -> tuple[list[Line], list[int]]:
    def line(prior: str) -> Line:
        name, options = f"prior {prior}", ("--prior", prior, *_one_block(size))
        return Line(name, lambda at: likezip_peer(name, "--lanes", str(at), *options))

    return [line("on"), line("off")], list(LANES)


def _blocks(size: int) -> tuple[list[Line], list[int]]:
    def line(name: str, *options: str) -> Line:
        return Line(name, lambda at: likezip_peer(name, "--block-size", str(at), *options))

    return [line(LIKEZIP), line(NO_PRIOR, "--prior", "off")], [at for at in BLOCKS if at < 2 * size] or [BLOCKS[0]]


def _sizes(_: int) -> tuple[list[Line], list[int]]:
    def line(peer: Peer) -> Line:
        return Line(peer.name, lambda at: peer)

    return [line(peer) for peer in [*own_peers(threads=1), *available_peers(["xz", "zstd"])]], list(SIZES)


LINES = {"workers": _workers, "lanes": _lanes, "blocks": _blocks, "sizes": _sizes}
"""Of each curve its lines and places, for so many bytes."""


def curve(name: str, data: Joined, repeat: int, limit: float) -> Curve:
    """Measure a curve.  The places of file sizes end where the data do."""
    lines, places = LINES[name](len(data.content))
    stopped = None
    if name == "sizes":
        reached = [at for at in places if at <= len(data.content)]
        if len(reached) < len(places):
            stopped = f"The data end at {size_text(len(data.content))}."
        found = series_of(lines, reached, lambda at: data.content[:at], repeat, limit)
    else:
        found = series_of(lines, places, lambda _: data.content, repeat, limit)
    return Curve(circumstances=circumstances(), data=data.name, repeat=repeat, series=found, stopped=stopped)


def _curve_names(_: click.Context, __: click.Parameter, given: str) -> tuple[str, ...]:
    names = tuple(name for name in given.split(",") if name)
    if unknown := [name for name in names if name not in KINDS]:
        raise click.BadParameter(f"there is no {', '.join(unknown)}, only {', '.join(KINDS)}")
    return names


@click.command()
@click.argument("paths", nargs=-1, metavar="[FILE_OR_DIR]...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--curves",
    "names",
    default=",".join(KINDS),
    show_default=True,
    callback=_curve_names,
    metavar="NAME,...",
    help="Measure these; others that are in the results file already are kept.",
)
@click.option(
    "--size",
    type=click.IntRange(1),
    help="Bytes to measure workers, lanes and blocks on; of file sizes, the largest.",
    show_default=", ".join(f"{name} {size_text(size)}" for name, size in DEFAULT_SIZES.items()) + ", sizes 100 MB",
)
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="Runs of each point.")
@click.option(
    "--time-limit",
    type=click.FloatRange(0),
    default=600.0,
    show_default=True,
    help="Seconds: a line ends where a point would take longer, with all its runs, there and back.",
)
@click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path),
    default=RESULTS,
    help="Results file.",
    show_default=RESULTS.name,
)
def main(
    paths: tuple[Path, ...],
    names: tuple[str, ...],
    size: int | None,
    repeat: int,
    time_limit: float,
    output: Path,
) -> None:
    """Measure on the files, one after another as far as they are needed; without any, on numba's sources."""
    warm_up()
    found: Scaling = load_scaling(output) if output.exists() else {}
    for name in names:
        wanted = size or DEFAULT_SIZES.get(name, SIZES[-1])
        data = joined(named_inputs(paths) if paths else package_sources("numba"), wanted)
        if not data.content:
            raise click.UsageError("there is no file to measure")
        click.echo(f"{name}: {len(data.content):,} bytes of {data.name}", err=True)
        found[name] = curve(name, data, repeat, time_limit)
        save(found, output)
        click.echo("\n\n".join([curve_table(name, found[name]), *stops(found[name])]) + "\n")
    pages.write_scaling(output)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.scaling")
