"""Time and size of compress --fast, the usual and --best: ``python -m benchmarks.efforts FILE... -o OUT``.

Each file is compressed and decompressed by commands in processes of their own; the fastest of several runs counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.report import markdown

EFFORTS = {"--fast": ("--fast",), "usual": (), "--best": ("--best",)}


def seconds(words: list[str]) -> float:
    """How long a command of likezip takes."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "likezip", *words], check=True)
    return time.perf_counter() - begin


def row(path: Path, threads: int, runs: int) -> list[str]:
    """The row of a file: bytes, seconds in and out, of each effort."""
    cells = [path.name, f"{path.stat().st_size:,}"]
    with tempfile.TemporaryDirectory() as directory:
        packed, back, given = Path(directory, "packed"), Path(directory, "back"), ["-q", "-f", "-T", str(threads)]
        for options in EFFORTS.values():
            compress = ["compress", *given, *options, "-o", str(packed), str(path)]
            there = min(seconds(compress) for _ in range(runs))
            again = min(seconds(["decompress", *given, "-o", str(back), str(packed)]) for _ in range(runs))
            if back.read_bytes() != path.read_bytes():
                raise ValueError(f"{path} came back changed")
            cells += [f"{packed.stat().st_size:,}", f"{there:.1f}, {again:.1f}"]
    return cells


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-T", "--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--runs", type=click.IntRange(1), default=2, show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The table, in Markdown.")
def main(files: tuple[Path, ...], threads: int, runs: int, output: Path) -> None:
    """Time and size by how much time compressing may take."""
    head = ["", "bytes", *(cell for name in EFFORTS for cell in (name, "s in, out"))]
    table = markdown(head, [row(path, threads, runs) for path in files])
    click.echo(table)
    output.write_text(f"{(__doc__ or '').strip()}\n\n{threads} threads.\n\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.efforts")
