"""One file through the compressors: sizes, times, and that it comes back."""

from __future__ import annotations

import io

import likezip
from benchmarks.peers import XZ, Peer
from benchmarks.schema import Bound, Run
from benchmarks.timing import Timing, median, timed
from likezip import codec, exact
from likezip.index import read_frames
from likezip.model import default_model


def warm_up() -> None:
    """Compile or load likezip's kernels and torch, so that no clock counts that."""
    codec.prepare(prior=True)
    likezip.decompress(likezip.compress(b"warm " * exact.SMALL, prior="on"))


def likezip_peer(threads: int) -> Peer:
    """likezip with its defaults and ``threads`` worker processes."""

    def pack(data: bytes) -> bytes:
        return likezip.compress(data, threads=threads)

    def unpack(data: bytes) -> bytes:
        return likezip.decompress(data, threads=threads)

    return Peer("likezip", pack, unpack, f"likezip {likezip.__version__}")


def measure(data: bytes, peer: Peer, repeat: int = 1) -> tuple[bytes, Run]:
    """What ``data`` is packed to, and the run, with median times of ``repeat`` round trips.

    Raises RuntimeError if the data don't come back, ValueError for repeat < 1.
    """
    if repeat < 1:
        raise ValueError(f"repeat must be at least 1, not {repeat}")
    compress, decompress = [], []
    packed = b""
    for _ in range(repeat):
        packed, compress_time = timed(peer.compress, data)
        back, decompress_time = timed(peer.decompress, packed)
        if back != data:
            raise RuntimeError(f"{peer.name}: a round trip changed the data")
        compress.append(compress_time)
        decompress.append(decompress_time)
    return packed, run_of(len(data), len(packed), median(compress), median(decompress))


def run_of(raw: int, packed: int, compress: Timing, decompress: Timing) -> Run:
    """A run of ``raw`` bytes that became ``packed``, and all that follows; not yet beside xz."""
    return Run(
        bytes=packed,
        bits_per_byte=8 * packed / max(raw, 1),
        ratio=raw / max(packed, 1),
        compress_seconds=compress.wall,
        decompress_seconds=decompress.wall,
        compress_cpu_seconds=compress.cpu,
        decompress_cpu_seconds=decompress.cpu,
        compress_MB_s=raw / 1e6 / max(compress.wall, 1e-9),
        decompress_MB_s=raw / 1e6 / max(decompress.wall, 1e-9),
        compress_vs_xz=None,
        decompress_vs_xz=None,
    )


def beside_xz(runs: dict[str, Run]) -> dict[str, Run]:
    """The same runs with their throughputs as ratios to xz's, if that is among them."""
    xz = runs.get(XZ)
    if xz is not None:
        for run in runs.values():
            run["compress_vs_xz"] = run["compress_MB_s"] / xz["compress_MB_s"]
            run["decompress_vs_xz"] = run["decompress_MB_s"] / xz["decompress_MB_s"]
    return runs


def entropy_bound(data: bytes, frame: bytes) -> Bound:
    """The bound of ``data`` beside the ``frame`` that the default options made of it.

    The cross-entropy is that of exactly the probabilities coded.  A stored block counts as its own bound: its bytes.
    """
    model = default_model()
    (info,) = read_frames(io.BytesIO(frame))
    bound, start = 0.0, 0
    for payload, raw in info.blocks:
        stored = payload == raw
        bound += payload if stored else codec.cross_entropy(data[start : start + raw], model) / 8
        start += raw
    payloads = sum(payload for payload, _ in info.blocks)
    return bound_of(bound, payloads, len(frame) - payloads)


def bound_of(cross_entropy: float, payloads: int, overhead: int) -> Bound:
    """A bound of ``cross_entropy`` bytes, payloads and the container's overhead in bytes."""
    adds = payloads - cross_entropy
    percent = 100 * adds / cross_entropy if cross_entropy > 0 else 0.0
    return Bound(cross_entropy=cross_entropy, coder_overhead=adds, coder_overhead_percent=percent, container=overhead)
