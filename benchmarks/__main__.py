"""The command line of the benchmarks."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path
from typing import Any

import click

from benchmarks.entropy import empirical_entropy
from benchmarks.measure import entropy_bound, measure, measure_likezip
from benchmarks.peers import installed_peers
from benchmarks.report import bounds, circumstances, load, table, write_readme
from benchmarks.sources import all_samples

Named = tuple[str, bytes, float | None]


def _files(paths: tuple[Path, ...]) -> list[Named]:
    found = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return [(file.name, file.read_bytes(), None) for file in found if file.is_file()]


def _anywhere(size: int) -> list[Named]:
    """Files that every machine with Python has, and the synthetic sources; at most ``size`` bytes each."""
    library = Path(sysconfig.get_path("stdlib"))
    sources = b"".join(path.read_bytes() for path in sorted(library.glob("*.py")))[:size]
    shared = sorted((library / "lib-dynload").glob("*.so"), key=lambda path: path.stat().st_size)
    named: list[Named] = [("Python sources", sources, None)]
    named += [(path.name, path.read_bytes()[:size], None) for path in shared[-1:]]
    return named + [(sample.name, sample.data, sample.true_bits) for sample in all_samples(size)]


def _row(name: str, data: bytes, true_bits: float | None, threads: int, peers: bool) -> dict[str, Any]:
    runs = {"likezip": measure_likezip(data, threads).as_json()}
    for peer in installed_peers() if peers else []:
        runs[peer.name] = measure(data, peer.compress, peer.decompress).as_json()
    return {
        "name": name,
        "bytes": len(data),
        "true_bits": true_bits,
        "runs": runs,
        "bound": entropy_bound(data),
        "order0": empirical_entropy(data, 0),
        "order2": empirical_entropy(data, 2),
    }


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("-T", "--threads", default=1, show_default=True, help="likezip's worker processes.")
@click.option("--peers/--no-peers", default=True, help="Run the other compressors too.")
@click.option("--size", default=1_000_000, show_default=True, help="Bytes of each file when none is named.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Where the results go.")
@click.option(
    "--readme", type=click.Path(exists=True, path_type=Path), help="Make README's table from this JSON, only."
)
def main(
    paths: tuple[Path, ...], threads: int, peers: bool, size: int, output: Path | None, readme: Path | None
) -> None:
    """Measure likezip and other compressors on PATHS, or on files that any machine has."""
    if readme is not None:
        write_readme(Path("README.md"), load(readme))
        return
    rows = [_row(*named, threads, peers) for named in (_files(paths) if paths else _anywhere(size)) if named[1]]
    result = {"circumstances": circumstances(), "threads": threads, "files": rows}
    click.echo(table(result) + "\n\n" + bounds(result))
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
