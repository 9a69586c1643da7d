"""Many files, blocks and chunks coded by the workers of a Dask cluster, beside one process.

``python -m benchmarks.machines FILE... [--workers 2]`` prints a table: bytes, and seconds in and out, of each way; all
is brought back.  It needs ``pip install '.[dask,zarr]'``.  The workers are processes of this machine, which are given
their work as those of other machines are, through sockets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import click
import numpy as np

import likezip

CHUNK = 1 << 20
"""Bytes of a chunk of the Zarr array."""


class Way(NamedTuple):
    """One way of coding the same bytes: compressed bytes, seconds in and out."""

    name: str
    compressed: int
    seconds_in: float
    seconds_out: float


def measured(name: str, encode: Callable[[], Any], decode: Callable[[Any], list[bytes]], raw: list[bytes]) -> Way:
    """Run ``encode`` and ``decode``, which takes the frames or what else ``encode`` returns; raises AssertionError if
    that does not bring back ``raw``."""
    begin = perf_counter()
    frames = encode()
    middle = perf_counter()
    back = decode(frames)
    end = perf_counter()
    assert back == raw, f"{name}: other bytes came back"
    return Way(name, sum(map(size_of, frames)), middle - begin, end - middle)


def size_of(coded: bytes | Path) -> int:
    """The bytes of a frame, or of all files below a directory."""
    if isinstance(coded, bytes):
        return len(coded)
    return sum(file.stat().st_size for file in coded.rglob("*") if file.is_file())


def files_by(name: str, each: Callable[..., Any], files: list[bytes]) -> Way:
    """Each file by itself; each: maps a function over its arguments."""
    return measured(
        name,
        lambda: each(likezip.compress, files),
        lambda frames: each(likezip.decompress, frames),
        files,
    )


def blocks_by(name: str, whole: bytes, block_size: int, **how: Any) -> Way:
    """The blocks of one file; how: the options that say who works on them."""
    return measured(
        name,
        lambda: [likezip.compress(whole, block_size=block_size, **how)],
        lambda frames: [likezip.decompress(frame, **how) for frame in frames],
        [whole],
    )


def _array(place: Path) -> Any:
    import zarr

    return zarr.open_array(str(place), mode="r+")


def _write_chunk(place: Path, begin: int, content: bytes) -> None:
    _array(place)[begin : begin + len(content)] = np.frombuffer(content, np.uint8)


def _read_chunk(place: Path, begin: int, end: int) -> bytes:
    return np.asarray(_array(place)[begin:end]).tobytes()


def chunks_by(name: str, each: Callable[..., Any], whole: bytes, place: Path) -> Way:
    """The chunks of a Zarr array in the directory ``place``; each: maps a function over its arguments."""
    import zarr

    from likezip.hooks.zarr import Likezip

    begins = range(0, len(whole), CHUNK)
    ends = [min(begin + CHUNK, len(whole)) for begin in begins]

    def encode() -> list[Path]:
        codec = Likezip()
        zarr.create_array(str(place), shape=(len(whole),), chunks=(CHUNK,), dtype="u1", compressors=codec)
        each(_write_chunk, [place] * len(ends), begins, [whole[b:e] for b, e in zip(begins, ends, strict=True)])
        return [place]

    def decode(places: list[Path]) -> list[bytes]:
        return [b"".join(each(_read_chunk, places * len(ends), begins, ends))]

    return measured(name, encode, decode, [whole])


@contextmanager
def cluster_of(workers: int) -> Iterator[Any]:
    """A Dask client of so many worker processes, which have coded something already."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, memory_limit=0)
    with cluster, Client(cluster) as client:
        client.run(_warm_up)
        yield client


def _warm_up() -> None:
    content = Path(__file__).read_bytes()
    assert likezip.decompress(likezip.compress(content)) == content


def ways(files: list[bytes], workers: int, block_size: int) -> Iterator[Way]:
    """All ways, one after the other."""
    whole = b"".join(files)
    _warm_up()
    with cluster_of(workers) as client, tempfile.TemporaryDirectory() as room:

        def here(function: Callable[..., Any], *arguments: Sequence[Any]) -> Any:
            return list(map(function, *arguments))

        def each(function: Callable[..., Any], *arguments: Sequence[Any]) -> Any:
            return client.gather(client.map(function, *arguments, pure=False))

        yield files_by("files, one process", here, files)
        yield files_by(f"files, {workers} workers of Dask's", each, files)
        yield blocks_by("blocks, one process", whole, block_size, threads=1)
        yield blocks_by(f"blocks, -T {workers}", whole, block_size, threads=workers)
        yield blocks_by(
            f"blocks, {workers} workers of Dask's", whole, block_size, executor=client.get_executor(), threads=workers
        )
        yield chunks_by("Zarr chunks, one process", here, whole, Path(room) / "here.zarr")
        yield chunks_by(f"Zarr chunks, {workers} workers of Dask's", each, whole, Path(room) / "there.zarr")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--block-size", type=click.IntRange(1 << 16, 1 << 30), default=1 << 20, show_default=True)
def main(files: tuple[Path, ...], workers: int, block_size: int) -> None:
    """Measure all ways on FILES, and print a table."""
    contents = [file.read_bytes() for file in files]
    click.echo(f"{len(contents)} files, {sum(map(len, contents)):,} bytes\n\n| | bytes | s in | s out |")
    click.echo("|---|---:|---:|---:|")
    for way in ways(contents, workers, block_size):
        click.echo(f"| {way.name} | {way.compressed:,} | {way.seconds_in:.1f} | {way.seconds_out:.1f} |")


if __name__ == "__main__":
    main()
