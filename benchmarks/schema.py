"""What a results file in benchmarks/results/ holds, as JSON."""

from __future__ import annotations

from typing import TypedDict


class Run(TypedDict):
    """One compressor on one file: bytes, bits per byte, raw / compressed, median seconds, 10^6 raw bytes a second.

    The ``cpu`` seconds are those of all processes that took part, less noisy than the clock's on a shared machine.  The
    two ``vs_xz`` are throughputs divided by xz -9e's in the same run, null where xz did not run.
    """

    bytes: int
    bits_per_byte: float
    ratio: float
    compress_seconds: float
    decompress_seconds: float
    compress_cpu_seconds: float
    decompress_cpu_seconds: float
    compress_MB_s: float
    decompress_MB_s: float
    compress_vs_xz: float | None
    decompress_vs_xz: float | None


class Bound(TypedDict):
    """Bytes: cross-entropy of the coded probabilities, what the coder adds to it, headers and index of the frame."""

    cross_entropy: float
    coder_overhead: float
    coder_overhead_percent: float
    container: int


class Truth(TypedDict):
    """What is known of a synthetic source, and how far above it likezip's frame is.

    entropy_bits: the source's entropy for that many bytes; code_bits: -log2 of the source's own probability of the
    very bytes drawn, which differs from it by chance only.
    """

    entropy_bits: float
    code_bits: float
    above_entropy_percent: float
    above_code_percent: float


class FileResult(TypedDict):
    """One file; ``order0`` and ``order2`` are empirical entropies in bits per byte; ``truth`` is for synthetic ones."""

    name: str
    bytes: int
    runs: dict[str, Run]
    bound: Bound
    order0: float
    order2: float
    truth: Truth | None


class Totals(TypedDict):
    """All files together: sums of bytes and seconds, and what follows from them."""

    bytes: int
    runs: dict[str, Run]
    bound: Bound


class Circumstances(TypedDict):
    """What the figures depend on; commit is null outside a checkout and ends in -dirty where files were changed."""

    commit: str | None
    date: str
    processor: str
    python: str
    numba: str
    constriction: str
    model: str
    model_bytes: int


class Result(TypedDict):
    """A whole run; ``threads`` are likezip's worker processes, the other compressors have one thread.

    ``compressors`` says what stood behind each name: a command or a Python module, and its version.
    """

    circumstances: Circumstances
    threads: int
    repeat: int
    compressors: dict[str, str]
    files: list[FileResult]
    totals: Totals
