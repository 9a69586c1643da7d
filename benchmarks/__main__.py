"""The command line of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.inputs import inputs_anywhere, named_inputs
from benchmarks.measure import likezip_peer, warm_up
from benchmarks.peers import available_peers
from benchmarks.readme import write_readme
from benchmarks.report import bounds_table, file_result, load, runs_table, save, truth_table, whole_result
from benchmarks.schema import Result


def run(paths: tuple[Path, ...], only: tuple[str, ...], threads: int, repeat: int, peers: bool, size: int) -> Result:
    """Measure; says on standard error what it is at."""
    warm_up()
    compressors = [likezip_peer(threads), *(available_peers() if peers else [])]
    files = []
    for wanted in named_inputs(paths) if paths else inputs_anywhere(size):
        if only and not any(text.lower() in wanted.name.lower() for text in only):
            continue
        data = wanted.read()
        click.echo(f"{wanted.name}: {len(data):,} bytes", err=True)
        files.append(file_result(wanted.name, data, compressors, repeat, wanted.sample))
    if not files:
        raise click.UsageError("there is no file to measure")
    return whole_result(files, threads, repeat)


@click.command()
@click.argument("paths", nargs=-1, metavar="[FILE_OR_DIR]...", type=click.Path(exists=True, path_type=Path))
@click.option("-T", "--threads", type=click.IntRange(1), default=1, show_default=True, help="likezip's workers.")
@click.option("--only", multiple=True, metavar="TEXT", help="Only files whose name contains TEXT; may be repeated.")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="Times are medians of so many.")
@click.option("--no-peers", is_flag=True, help="likezip alone, without the other compressors.")
@click.option(
    "--size", type=click.IntRange(1), default=1_000_000, show_default=True, help="Bytes of each if no file is named."
)
@click.option("--json", "output", type=click.Path(path_type=Path), help="Also write the results to this file.")
@click.option(
    "--readme",
    "results",
    type=click.Path(exists=True, path_type=Path),
    help="Measure nothing: make ./README.md's table from this results file.",
)
def main(
    paths: tuple[Path, ...],
    threads: int,
    only: tuple[str, ...],
    repeat: int,
    no_peers: bool,
    size: int,
    output: Path | None,
    results: Path | None,
) -> None:
    """Measure likezip and other compressors on files, or on what any machine has and on synthetic sources."""
    if results is not None:
        try:
            write_readme(Path("README.md"), load(results))
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        return
    result = run(paths, only, threads, repeat, not no_peers, size)
    tables = [runs_table(result), bounds_table(result), truth_table(result)]
    click.echo("\n\n".join(table for table in tables if table))
    if output is not None:
        save(result, output)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
