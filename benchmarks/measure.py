"""One file through one compressor: sizes, times, and that it comes back."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass

import likezip
from likezip import codec, container, stream
from likezip.model import default_model


@dataclass(frozen=True)
class Run:
    """Bytes in and out, seconds each way."""

    raw: int
    packed: int
    compress_seconds: float
    decompress_seconds: float

    def as_json(self) -> dict[str, float]:
        return {
            "bytes": self.packed,
            "bits_per_byte": 8 * self.packed / max(self.raw, 1),
            "ratio": self.raw / self.packed,
            "compress_MB_s": self.raw / 1e6 / self.compress_seconds,
            "decompress_MB_s": self.raw / 1e6 / self.decompress_seconds,
        }


def measure(data: bytes, pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes]) -> Run:
    """Time both directions once; raises RuntimeError if the data don't come back."""
    began = time.perf_counter()
    packed = pack(data)
    between = time.perf_counter()
    if unpack(packed) != data:
        raise RuntimeError("a round trip changed the data")
    return Run(len(data), len(packed), between - began, time.perf_counter() - between)


def measure_likezip(data: bytes, threads: int) -> Run:
    """likezip with its defaults; kernels are ready before the clock starts."""
    codec.prepare()
    return measure(
        data,
        lambda raw: likezip.compress(raw, threads=threads),
        lambda packed: likezip.decompress(packed, threads=threads),
    )


def entropy_bound(data: bytes) -> dict[str, float]:
    """Bytes: cross-entropy of exactly the coded probabilities, the coder's overhead over it, and the container.

    A stored block counts as its own bound: its bytes.
    """
    model = default_model()
    frame = likezip.compress(data)
    (info,) = stream.read_frames(io.BytesIO(frame))
    bound = 0.0
    for i, (payload, raw) in enumerate(info.blocks):
        block = data[i * container.DEFAULT_BLOCK :][:raw]
        bound += payload if payload == raw else codec.cross_entropy(block, model) / 8
    payloads = sum(payload for payload, _ in info.blocks)
    return {"cross_entropy": bound, "coder_overhead": payloads - bound, "container": len(frame) - payloads}
