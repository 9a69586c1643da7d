"""What training on one's own files saves on others of their kind: ``python -m benchmarks.own TRAIN TEST MODEL``.

Every file of TEST is compressed by itself: by likezip with the shipped model and with MODEL, which was trained on
TRAIN, and by zstd without a dictionary and with one that ``zstd --train`` made of TRAIN.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import click

import likezip
from benchmarks.report import markdown
from likezip.model import Model, default_model, load_model

DICTIONARIES = (112_640, 1 << 20)
"""Bytes: zstd's default, and a large one."""


def _files(directory: Path) -> list[Path]:
    return [path for path in sorted(directory.rglob("*")) if path.is_file() and path.stat().st_size]


def likezip_bytes(files: list[Path], model: Model, threads: int) -> int:
    """All files compressed, each by itself."""
    return sum(len(likezip.compress(path.read_bytes(), model=model, threads=threads)) for path in files)


def zstd_bytes(files: list[Path], dictionary: Path | None, *options: str) -> int:
    """The same by ``zstd -19``, with more of its options."""
    words = ["zstd", "-q", "-19", "-c", *options, *(["-D", str(dictionary)] if dictionary else [])]
    return sum(len(subprocess.run([*words, str(path)], capture_output=True, check=True).stdout) for path in files)


def zstd_dictionary(files: list[Path], size: int, place: Path) -> Path:
    """A dictionary of at most ``size`` bytes, trained on ``files``."""
    words = ["zstd", "-q", "--train", *map(str, files), f"--maxdict={size}", "-o", str(place)]
    subprocess.run(words, capture_output=True, check=True)
    return place


def compare(train: Path, test: Path, model: Model, threads: int = 1) -> list[tuple[str, int, int]]:
    """Rows: what it is, bytes of all test files compressed, bytes of what decompressing needs besides."""
    known, files = _files(train), _files(test)
    shipped = default_model()
    rows = [
        (f"likezip, {shipped.name}", likezip_bytes(files, shipped, threads), shipped.size),
        ("likezip, own model", likezip_bytes(files, model, threads), model.size),
        ("zstd -19", zstd_bytes(files, None), 0),
    ]
    with tempfile.TemporaryDirectory() as directory:
        for size in DICTIONARIES:
            place = zstd_dictionary(known, size, Path(directory, str(size)))
            rows.append((f"zstd -19, dictionary of {size:,}", zstd_bytes(files, place), place.stat().st_size))
    return rows


@click.command()
@click.argument("train", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("test", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-T", "--threads", default=1, show_default=True)
def main(train: Path, test: Path, model: Path, threads: int) -> None:
    """Compare MODEL, trained on TRAIN, with the shipped one on TEST."""
    raw = sum(path.stat().st_size for path in _files(test))
    rows, table = compare(train, test, load_model(model), threads), []
    for name, size, besides in rows:
        before = rows[0][1] if name.startswith("likezip") else rows[2][1]
        saved = f"{100 * (1 - size / before):.1f}"
        table.append([name, f"{size:,}", f"{8 * size / raw:.3f}", saved, f"{besides:,}"])
    head = [f"{len(_files(test))} files, {raw:,} bytes", "compressed", "bits/byte", "saved, %", "needs besides, bytes"]
    click.echo(markdown(head, table))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.own")
