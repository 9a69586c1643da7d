"""What the results files in benchmarks/results/ hold, as JSON: a ``Result``, of the scaling a ``Scaling``, and in
published.json a ``Published``.

MB are 10^6 bytes.  Times are those of whole processes, start-up included.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Spread(TypedDict):
    """Of several runs."""

    median: float
    min: float
    max: float


class Direction(TypedDict):
    """Compressing or decompressing, several times: each run's seconds on the clock and of all its processes' work.

    The ``cpu`` seconds are less noisy than the clock's on a shared machine.  MB_s: raw bytes.  peak_MB: the most
    resident memory of one process, its workers counted each for itself; none is seen to take less than some 7 MB.
    vs_xz: throughput divided by xz -9e's in the same run, null where xz did not run.
    """

    seconds: list[float]
    cpu_seconds: list[float]
    MB_s: Spread
    peak_MB: float
    vs_xz: float | None


class Run(TypedDict):
    """One compressor on one file: compressed bytes, compressed bits for each raw byte, raw / compressed."""

    bytes: int
    bits_per_byte: float
    ratio: float
    compress: Direction
    decompress: Direction


class Bound(TypedDict):
    """Bytes: cross-entropy of the coded probabilities, what the coder adds to it, headers and index of the frame."""

    cross_entropy: float
    coder_overhead: float
    coder_overhead_percent: float
    container: int


class Truth(TypedDict):
    """What is known of a synthetic source.

    entropy_bits: the source's entropy for that many bytes; code_bits: -log2 of the source's own probability of the
    very bytes drawn, which differs from it by chance only.
    """

    entropy_bits: float
    code_bits: float


class Payback(TypedDict):
    """The model's size against what likezip saves: ``saved`` are the bytes that it is smaller than xz -9e.

    files: as many of this kind, compressed, save as much as the model has; raw_MB: what those have before.  Both are
    null where likezip saves nothing.
    """

    saved: int
    files: int | None
    raw_MB: float | None


class FileResult(TypedDict):
    """One file; ``order0`` and ``order2`` are empirical entropies in bits per byte.

    truth: of synthetic ones, else null; payback: null where xz did not run.
    """

    name: str
    bytes: int
    runs: dict[str, Run]
    bound: Bound
    order0: float
    order2: float
    truth: Truth | None
    payback: Payback | None


class Totals(TypedDict):
    """All files together: sums of bytes and seconds, and what follows from them; the payback counts whole sets."""

    bytes: int
    runs: dict[str, Run]
    bound: Bound
    payback: Payback | None


class Startup(TypedDict):
    """Median seconds that a compressor's process takes for a single sentence."""

    compress_seconds: float
    decompress_seconds: float


class Compressor(TypedDict):
    """What stood behind a name: a program or a Python module with its version, and the words of its commands."""

    how: str
    compress: str
    decompress: str
    startup: Startup


class Circumstances(TypedDict):
    """What the figures depend on; commit is null outside a checkout, and ends in -dirty where files other than the
    results were changed."""

    commit: str | None
    date: str
    processor: str
    cores: int
    python: str
    numba: str
    constriction: NotRequired[str]  # which coded until likezip had an entropy coder of its own
    model: str
    model_bytes: int


class Result(TypedDict):
    """A whole run; ``threads`` are likezip's worker processes, the other compressors have one thread.

    corpus: the name of the corpus that the files are of, null where they are other files.
    """

    circumstances: Circumstances
    corpus: str | None
    threads: int
    repeat: int
    compressors: dict[str, Compressor]
    files: list[FileResult]
    totals: Totals


class PublishedBy(TypedDict):
    """A compressor whose sizes others have published.

    needs: the model or dictionary that a decoder needs and the sizes leave out, "" for none; seconds: roughly what it
    takes to compress the usual files of a corpus, on the machine of those who published it.
    """

    source: str
    needs: str
    seconds: dict[str, float]


class Published(TypedDict):
    """Sizes that others have published: ``bytes`` by corpus, file and compressor, ``sources`` by compressor."""

    sources: dict[str, PublishedBy]
    bytes: dict[str, dict[str, dict[str, int]]]


class Point(TypedDict):
    """One place of a curve.

    bytes: of the data; at_best: how many times the throughput of one worker so many can have, as blocks are not split,
    null where that is not known.
    """

    at: int
    bytes: int
    run: Run
    at_best: float | None


class Series(TypedDict):
    """One line of a curve; ``stopped`` says why it ends early, if it does."""

    name: str
    points: list[Point]
    stopped: str | None


class Curve(TypedDict):
    """How something changes sizes and throughputs: ``data`` says of what, ``stopped`` why there are no further places,
    if there could be."""

    circumstances: Circumstances
    data: str
    repeat: int
    series: list[Series]
    stopped: str | None


Scaling = dict[str, Curve]
"""By the name of what changes: workers, lanes, blocks (bytes of a block), sizes (bytes of the file)."""
