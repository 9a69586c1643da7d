"""Records coded each by itself, beside zstd with a dictionary: ``python -m benchmarks.records FILE... -o OUT``.

The lines of a file are its records.  The first half of them is what ``likezip.RecordCodec`` learns and what ``zstd
--train`` makes its dictionary of, the best of several sizes; the others, 1,000 at most, are coded each by itself.
brotli has a dictionary of its own.  Codes of zstd are without checksum and dictionary number.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.own import zstd_bytes, zstd_dictionary
from benchmarks.report import markdown
from likezip import PriorChoice, RecordCodec

MOST = 1_000
"""Records that are coded."""
DICTIONARIES = (8_192, 32_768, 112_640)
"""Bytes of zstd's dictionaries; the last is its default."""


@dataclass
class Coded:
    """What coding records took: bytes; records a second in a batch and seconds of one alone, both ways."""

    size: int
    batch: tuple[float, float]
    alone: tuple[float, float]


def coded_by_likezip(known: list[bytes], records: list[bytes], prior: PriorChoice, threads: int) -> Coded:
    """By likezip; raises ValueError if a record does not come back."""
    codec = RecordCodec(context=known, prior=prior, threads=threads)
    codec.decode_batch(codec.encode_batch(records[:2]))
    codes, encoding = _timed(lambda: codec.encode_batch(records))
    back, decoding = _timed(lambda: codec.decode_batch(codes))
    if back != records:
        raise ValueError("records came back changed")
    some = records[:: max(1, len(records) // 20)]
    codes_alone, encoding_alone = _timed(lambda: [codec.encode(record) for record in some])
    _, decoding_alone = _timed(lambda: [codec.decode(code) for code in codes_alone])
    batch, alone = (len(records) / encoding, len(records) / decoding), (encoding_alone, decoding_alone)
    return Coded(sum(map(len, codes)), batch, (alone[0] / len(some), alone[1] / len(some)))


def _timed(work: Callable[[], list[bytes]]) -> tuple[list[bytes], float]:
    begin = time.perf_counter()
    return work(), time.perf_counter() - begin


def coded_by_zstd(known: list[bytes], records: list[bytes]) -> int:
    """Bytes by ``zstd -19`` with its best dictionary."""
    with tempfile.TemporaryDirectory() as directory:
        learnt, files = (_written(part, Path(directory, name)) for part, name in ((known, "known"), (records, "new")))
        sizes = []
        for size in DICTIONARIES:
            try:
                dictionary = zstd_dictionary(learnt, size, Path(directory, str(size)))
            except subprocess.CalledProcessError:
                continue  # too few records for a dictionary of this size
            sizes.append(zstd_bytes(files, dictionary, "--no-check", "--no-dictID"))
    return min(sizes)


def coded_by_brotli(records: list[bytes]) -> int:
    """Bytes by ``brotli -q 11``."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "records")
        paths = _written(records, place)
        for first in range(0, len(paths), 500):
            subprocess.run(["brotli", "-q", "11", *paths[first : first + 500]], check=True)
        return sum(path.stat().st_size for path in place.glob("*.br"))


def _written(records: list[bytes], place: Path) -> list[Path]:
    """A file for each record."""
    place.mkdir()
    paths = [place / f"{number:06d}" for number in range(len(records))]
    for path, record in zip(paths, records, strict=True):
        path.write_bytes(record)
    return paths


def row(path: Path, threads: int) -> list[str]:
    """The row of a file."""
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if line.strip()]
    half = len(lines) // 2
    known, records = lines[:half], lines[half:][:MOST]
    priors: tuple[PriorChoice, ...] = ("on", "off")
    own = [coded_by_likezip(known, records, prior, threads) for prior in priors]
    others = coded_by_zstd(known, records), coded_by_brotli(records)
    cells = [path.name, f"{sum(map(len, records)) / len(records):.0f}"]
    cells += [f"{size / len(records):.1f}" for size in (*(coded.size for coded in own), *others)]
    cells.append(f"{100 * (1 - own[0].size / others[0]):.0f}, {100 * (1 - own[1].size / others[0]):.0f}")
    for coded in own:
        cells.append(f"{coded.batch[0]:,.0f}, {coded.batch[1]:,.0f}")
        cells.append(f"{1e6 * coded.alone[0]:,.0f}, {1e6 * coded.alone[1]:,.0f}")
    return cells


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-T", "--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The table, in Markdown.")
def main(files: tuple[Path, ...], threads: int, output: Path) -> None:
    """Bytes and time of records that are coded each by itself."""
    head = ["records", "bytes", "likezip", "without prior", "zstd -19, dictionary", "brotli -q 11", "below zstd, %"]
    head += ["a second in a batch, in and out", "us alone, in and out"]
    head += ["without prior: a second", "us alone"]
    table = markdown(head, [row(path, threads) for path in files])
    click.echo(table)
    text = f"{(__doc__ or '').strip()}\n\nBytes of a record on average; {threads} threads.\n\n{table}\n"
    output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.records")
