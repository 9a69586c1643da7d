"""The command line of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from benchmarks.corpora import CORPORA, corpus_inputs, missing_files, published, totals_of
from benchmarks.inputs import Input, inputs_anywhere, named_inputs
from benchmarks.measure import warm_up
from benchmarks.peers import PEERS, QUICK, SLOW, available_peers, own_peers
from benchmarks.report import corpus_table, entropy_table, payback_table, runs_table, sources_table
from benchmarks.results import file_result, save, whole_result
from benchmarks.schema import Result
from benchmarks.sections import write_texts

RESULTS = Path(__file__).parent / "results"
DEFAULT_SIZE, QUICK_SIZE = 1_000_000, 100_000
ALL = "all"


def run(
    paths: tuple[Path, ...],
    only: tuple[str, ...],
    threads: int,
    repeat: int,
    peers: tuple[str, ...],
    size: int | None,
    corpus: str | None = None,
) -> Result:
    """Measure; says on standard error what it is at.

    size: bytes, named files are cut to it, if any; corpus: the name of the corpus whose files lie in the one directory
    of ``paths``.  Raises click.UsageError if there is nothing to measure.
    """
    try:
        inputs = list(_inputs(paths, size, corpus))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    warm_up()
    compressors = [*own_peers(threads), *available_peers(peers)]
    files = []
    for wanted in inputs:
        if only and not any(text.lower() in wanted.name.lower() for text in only):
            continue
        data = wanted.read()[:size]
        click.echo(f"{wanted.name}: {len(data):,} bytes", err=True)
        files.append(file_result(wanted.name, data, compressors, repeat, wanted.sample))
    if not files:
        raise click.UsageError("there is no file to measure")
    if corpus is not None and (missing := missing_files(corpus, {row["name"] for row in files})):
        click.echo(f"not measured: {', '.join(missing)}", err=True)
    return whole_result(files, compressors, threads, repeat, corpus)


def _inputs(paths: tuple[Path, ...], size: int | None, corpus: str | None) -> Iterable[Input]:
    if corpus is not None:
        return corpus_inputs(corpus, paths[0])
    return named_inputs(paths) if paths else inputs_anywhere(size or DEFAULT_SIZE)


def _shown(result: Result) -> str:
    """The tables that are printed."""
    if (corpus := result["corpus"]) is not None:
        totals = totals_of(corpus, {row["name"] for row in result["files"]})
        return "\n\n".join([runs_table(result), corpus_table(result, totals, published(corpus))])
    tables = [runs_table(result), payback_table(result), entropy_table(result), sources_table(result)]
    return "\n\n".join(table for table in tables if table)


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
@click.option(
    "--corpus",
    type=click.Choice(list(CORPORA)),
    help="Measure the files of this corpus that lie in the one DIR given, whole, and show totals as they are usually "
    "given, beside figures that others have published.",
)
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
    "--write",
    "results",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure nothing: write the texts that come from this results file: beside it a page with all tables, its "
    "plots and those of a scaling.json there; and the table in ./README.md (from the Canterbury corpus) or the section "
    "in ./docs/benchmarks.md (from files that any machine has).",
)
def main(
    paths: tuple[Path, ...],
    corpus: str | None,
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
            write_texts(Path(), results)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        return
    if corpus is not None and (len(paths) != 1 or not paths[0].is_dir() or size is not None or quick):
        raise click.UsageError("--corpus needs one directory, and measures files whole: no --size, no --quick")
    result = run(paths, only, threads, repeat, () if no_peers else peers, QUICK_SIZE if quick else size, corpus)
    click.echo(_shown(result))
    for name, compressor in result["compressors"].items():
        click.echo(f"{name}: {compressor['how']}")
    if output is not None or not quick:
        save(result, output or default_output(result))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
