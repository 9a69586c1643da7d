"""The command line of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.inputs import inputs_anywhere, named_inputs
from benchmarks.measure import warm_up
from benchmarks.peers import PEERS, QUICK, SLOW, available_peers, own_peers
from benchmarks.readme import write_readme
from benchmarks.report import entropy_table, payback_table, runs_table, sources_table
from benchmarks.results import file_result, save, whole_result
from benchmarks.schema import Result

RESULTS = Path(__file__).parent / "results"
DEFAULT_SIZE, QUICK_SIZE = 1_000_000, 100_000
ALL = "all"


def run(
    paths: tuple[Path, ...], only: tuple[str, ...], threads: int, repeat: int, peers: tuple[str, ...], size: int | None
) -> Result:
    """Measure; says on standard error what it is at.  size: bytes, named files are cut to it, if any."""
    warm_up()
    compressors = [*own_peers(threads), *available_peers(peers)]
    files = []
    for wanted in named_inputs(paths) if paths else inputs_anywhere(size or DEFAULT_SIZE):
        if only and not any(text.lower() in wanted.name.lower() for text in only):
            continue
        data = wanted.read()[:size]
        click.echo(f"{wanted.name}: {len(data):,} bytes", err=True)
        files.append(file_result(wanted.name, data, compressors, repeat, wanted.sample))
    if not files:
        raise click.UsageError("there is no file to measure")
    return whole_result(files, compressors, threads, repeat)


def default_output(result: Result) -> Path:
    """The results file of this day and commit."""
    said = result["circumstances"]
    commit, dash, dirty = (said["commit"] or "unknown").partition("-")
    return RESULTS / f"{said['date']}-{commit[:12]}{dash}{dirty}.json"


def _peer_names(_: click.Context, __: click.Parameter, given: str | None) -> tuple[str, ...]:
    if given is None:
        return QUICK
    if given == ALL:
        return PEERS
    names = tuple(name for name in given.split(",") if name)
    if unknown := [name for name in names if name not in PEERS]:
        raise click.BadParameter(f"there is no {', '.join(unknown)}, only {', '.join(PEERS)}")
    return names


@click.command()
@click.argument("paths", nargs=-1, metavar="[FILE_OR_DIR]...", type=click.Path(exists=True, path_type=Path))
@click.option("-T", "--threads", type=click.IntRange(1), default=1, show_default=True, help="likezip's workers.")
@click.option("--only", multiple=True, metavar="TEXT", help="Only files whose name contains TEXT; may be repeated.")
@click.option("--repeat", type=click.IntRange(1), default=3, show_default=True, help="Runs of every compressor.")
@click.option(
    "--peers",
    is_flag=False,
    flag_value=ALL,
    callback=_peer_names,
    metavar="[NAME,...]",
    help=f"Of {', '.join(PEERS)} only these; alone, or with {ALL}, every one that is installed. Before a file write "
    f"--peers={ALL}.",
    show_default=f"all but the slow ones, which are under 1 MB/s in both directions: {', '.join(SLOW)}",
)
@click.option("--no-peers", is_flag=True, help="likezip alone, with and without its prior.")
@click.option(
    "--size",
    type=click.IntRange(1),
    help="Measure only so many bytes of each file.",
    show_default=f"all of a named file, else {DEFAULT_SIZE}",
)
@click.option("--quick", is_flag=True, help=f"--size {QUICK_SIZE}, and no results file unless --json names one.")
@click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path),
    help="Write the results there.",
    show_default="benchmarks/results/DATE-COMMIT.json",
)
@click.option(
    "--readme",
    "results",
    type=click.Path(exists=True, path_type=Path),
    help="Measure nothing: make ./README.md's section from this results file, and beside the file its plots and a page "
    "with all tables; of a scaling.json there, too.",
)
def main(
    paths: tuple[Path, ...],
    threads: int,
    only: tuple[str, ...],
    repeat: int,
    peers: tuple[str, ...],
    no_peers: bool,
    size: int | None,
    quick: bool,
    output: Path | None,
    results: Path | None,
) -> None:
    """Measure likezip and other compressors on files, or on what any machine has and on synthetic sources."""
    if results is not None:
        try:
            write_readme(Path("README.md"), results)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        return
    result = run(paths, only, threads, repeat, () if no_peers else peers, QUICK_SIZE if quick else size)
    tables = [runs_table(result), payback_table(result), entropy_table(result), sources_table(result)]
    click.echo("\n\n".join(table for table in tables if table))
    for name, compressor in result["compressors"].items():
        click.echo(f"{name}: {compressor['how']}")
    if output is not None or not quick:
        save(result, output or default_output(result))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
