"""Versions of files behind those before: ``python -m benchmarks.versions OLD NEW [OLD NEW...] -o OUT``.

Each NEW is compressed with its OLD as the context, by ``likezip compress --context OLD``, by ``zstd --ultra -22
--long=27 --patch-from=OLD`` and by ``xdelta3 -9 -S lzma -s OLD``, and brought back; without OLD by likezip alone too.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.efforts import seconds
from benchmarks.report import markdown

HEAD = "", "bytes", "likezip alone", "--context", "s in, out", "zstd --patch-from", "xdelta3"


def row(old: Path, new: Path) -> list[str]:
    """The row of a pair.  Raises ValueError if it does not come back."""
    with tempfile.TemporaryDirectory() as directory:
        packed, back, given = Path(directory, "packed"), Path(directory, "back"), ["-q", "-f"]
        subprocess.run([sys.executable, "-m", "likezip", "compress", *given, "-o", packed, new], check=True)
        alone, context = packed.stat().st_size, ["--context", str(old)]
        there = seconds(["compress", *given, *context, "-o", str(packed), str(new)])
        again = seconds(["decompress", *given, *context, "-o", str(back), str(packed)])
        if back.read_bytes() != new.read_bytes():
            raise ValueError(f"{new} came back changed")
        sizes = alone, packed.stat().st_size
        zstd = ["zstd", "-q", "-f", "--ultra", "-22", "--long=27", f"--patch-from={old}", new, "-o", packed]
        peers = [
            _size(zstd, packed),
            _size(["xdelta3", "-9", "-S", "lzma", "-f", "-e", "-s", old, new, packed], packed),
        ]
    cells = [f"{size:,}" for size in (new.stat().st_size, *sizes)]
    return [new.name, *cells, f"{there:.1f}, {again:.1f}", *(f"{size:,}" for size in peers)]


def _size(command: list[str | Path], packed: Path) -> int:
    subprocess.run(command, check=True)
    return packed.stat().st_size


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The table, in Markdown.")
def main(files: tuple[Path, ...], output: Path) -> None:
    """Compress each NEW behind its OLD."""
    if len(files) % 2:
        raise click.UsageError("give pairs of files, OLD and NEW")
    table = markdown(list(HEAD), [row(old, new) for old, new in zip(files[::2], files[1::2], strict=True)])
    click.echo(table)
    output.write_text(f"{(__doc__ or '').strip()}\n\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.versions")
