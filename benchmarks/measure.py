"""Data through compressors, each in a process of its own: sizes, times, memory, and that they come back."""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import runner
from benchmarks.peers import XZ, Peer, likezip_peer
from benchmarks.runner import Usage
from benchmarks.schema import Direction, Run, Spread, Startup
from likezip.prior import fixed_point

SENTENCE = b"A sentence of text, just long enough that every part of a compressor has something to do for it.\n"
"""What start-up is measured with."""


@dataclass(frozen=True)
class Trip:
    """One way there and back: the compressed bytes, and what each process took."""

    packed: bytes
    compress: Usage
    decompress: Usage


@dataclass(frozen=True)
class Measured:
    """The compressed bytes, and the run of all repetitions."""

    packed: bytes
    run: Run


def warm_up() -> None:
    """Have likezip's kernels compiled and kept, so that no process that is measured does it."""
    trip(b"warm " * fixed_point.SMALL_BLOCK, likezip_peer("likezip", "--prior", "on"))


def trip(data: bytes, peer: Peer) -> Trip:
    """Compress ``data`` and decompress it, with files in a directory that is then deleted.

    Raises RuntimeError if a command fails or writes no file, or the data don't come back.
    """
    with tempfile.TemporaryDirectory() as directory:
        raw, packed, back = (Path(directory, name) for name in ("raw", f"packed{peer.suffix}", "back"))
        raw.write_bytes(data)
        files = {"RAW": raw, "PACKED": packed, "BACK": back}
        compress = _coded(peer.compress, files, "RAW", "PACKED")
        decompress = _coded(peer.decompress, files, "PACKED", "BACK")
        if back.read_bytes() != data:
            raise RuntimeError(f"{peer.name}: a round trip changed the data")
        return Trip(packed.read_bytes(), compress, decompress)


def _coded(words: Sequence[str], files: dict[str, Path], given: str, made: str) -> Usage:
    named = [files[word].name if word in files else word for word in words]
    used = runner.run(named, files[given].parent, files[given], None if made in words else files[made])
    if not files[made].is_file():
        raise RuntimeError(f"{' '.join(named)} wrote no file")
    return used


def measure(data: bytes, peers: Sequence[Peer], repeat: int = 1) -> dict[str, Measured]:
    """Every peer ``repeat`` times, in turn, so that what a machine does meanwhile falls on all of them.

    Raises RuntimeError as ``trip`` does, ValueError for repeat < 1.
    """
    if repeat < 1:
        raise ValueError(f"repeat must be at least 1, not {repeat}")
    trips: dict[str, list[Trip]] = {peer.name: [] for peer in peers}
    for _, peer in itertools.product(range(repeat), peers):
        trips[peer.name].append(trip(data, peer))
    return {name: _measured(len(data), taken) for name, taken in trips.items()}


def _measured(size: int, trips: list[Trip]) -> Measured:
    packed = trips[-1].packed
    compress, decompress = [taken.compress for taken in trips], [taken.decompress for taken in trips]
    return Measured(packed, run_of(size, len(packed), compress, decompress))


def run_of(raw: int, packed: int, compress: Sequence[Usage], decompress: Sequence[Usage]) -> Run:
    """A run of ``raw`` bytes that became ``packed``, and all that follows; not yet beside xz."""
    return Run(
        bytes=packed,
        bits_per_byte=8 * packed / max(raw, 1),
        ratio=raw / max(packed, 1),
        compress=_direction(raw, compress),
        decompress=_direction(raw, decompress),
    )


def _direction(raw: int, usages: Sequence[Usage]) -> Direction:
    return Direction(
        seconds=[round(usage.wall, 6) for usage in usages],
        cpu_seconds=[round(usage.cpu, 6) for usage in usages],
        MB_s=spread([raw / 1e6 / usage.wall for usage in usages]),
        peak_MB=max(usage.peak_MB for usage in usages),
        vs_xz=None,
    )


def usages_of(direction: Direction) -> list[Usage]:
    """What each process of a direction took; the memory is that of the largest for all."""
    times = zip(direction["seconds"], direction["cpu_seconds"], strict=True)
    return [Usage(wall, cpu, direction["peak_MB"]) for wall, cpu in times]


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median=statistics.median(values), min=min(values), max=max(values))


def beside_xz(runs: dict[str, Run]) -> dict[str, Run]:
    """The same runs with their throughputs as ratios to xz's, if that is among them."""
    if xz := runs.get(XZ):
        for run in runs.values():
            for own, other in ((run["compress"], xz["compress"]), (run["decompress"], xz["decompress"])):
                own["vs_xz"] = own["MB_s"]["median"] / other["MB_s"]["median"]
    return runs


def startup(peer: Peer, repeat: int) -> Startup:
    """Median seconds that a process takes for a single sentence."""
    run = measure(SENTENCE, [peer], repeat)[peer.name].run
    return Startup(
        compress_seconds=statistics.median(run["compress"]["seconds"]),
        decompress_seconds=statistics.median(run["decompress"]["seconds"]),
    )
