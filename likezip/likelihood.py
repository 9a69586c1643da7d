"""What a model says of data, beside compressing them: what each byte costs, and samples.

The density p(data) is explicit: the product of the probabilities that the coder would be given, so -log2 p is a sum
over bytes, the surprise of each.  Here each byte comes after all that are before it, in one lane, while blocks are
compressed in several where the prior is used, so a file's bits are a little fewer than what it is compressed to.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from likezip import codec, container
from likezip.binary import Source, read_fully
from likezip.codec import PriorChoice
from likezip.model import Model, ModelLike, the_model
from likezip.workers import Queue, Workers

if TYPE_CHECKING:
    from likezip.predictor import Advance

OVERLAP = 1 << 18
"""Bytes of the block before that a block of a long file comes after, so that its beginning is no surprise."""

LONGEST_CONTEXT = 1 << 22
"""Bytes of a context, the last ones, that each block comes after."""

LONGEST_SAMPLE = container.MAX_BLOCK
"""Bytes of a sample and its prompt."""


def byte_costs(
    data: bytes | bytearray | memoryview,
    *,
    context: bytes | bytearray | memoryview = b"",
    model: ModelLike | None = None,
    prior: PriorChoice = "auto",
    threads: int | None = None,
    executor: Executor | None = None,
) -> npt.NDArray[np.float64]:
    """Bits of each byte of ``data``, (n,): -log2 of its probability after ``context`` and all bytes before it.

    context: data to learn from first, of which the last 4 MiB are used; other options as for ``compress_stream``.
    Of data longer than a block each block comes after the context and the last 256 KiB before it.
    Raises ValueError for options outside their ranges, UnsupportedError for a prior that the model does not have.
    """
    codec.checked(prior)
    source, context = io.BytesIO(memoryview(data)), bytes(context)
    size = container.default_block_size(memoryview(data).nbytes)
    with Workers(threads, executor) as workers:
        blocks = stream_costs(source, workers, the_model(model), context=context, prior=prior, block_size=size)
        found = [costs for _, costs in blocks]
    return np.concatenate(found) if found else np.zeros(0)


def stream_costs(
    source: Source,
    workers: Workers,
    model: Model,
    *,
    context: bytes = b"",
    prior: PriorChoice = "auto",
    block_size: int = container.DEFAULT_BLOCK,
    advance: Advance | None = None,
) -> Iterator[tuple[bytes, npt.NDArray[np.float64]]]:
    """The blocks of ``source`` and what each of their bytes costs, as ``byte_costs`` has it."""
    context = context[-LONGEST_CONTEXT:]
    begun: list[bytes] = []

    def blocks() -> Iterator[tuple[bytes, bytes, Model, PriorChoice]]:
        before = b""
        while raw := read_fully(source, block_size):
            begun.append(raw)
            yield raw, context + before, model, prior
            before = raw[-OVERLAP:]

    for costs in Queue(workers, _costs, advance).map(blocks()):
        yield begun.pop(0), costs


def _costs(
    threads: int, advance: Advance | None, raw: bytes, before: bytes, model: Model, prior: PriorChoice
) -> npt.NDArray[np.float64]:
    """What a worker does."""
    return codec.byte_costs(raw, model.here(), before=before, prior=prior, threads=threads, advance=advance)


def sample(
    size: int,
    *,
    prompt: bytes = b"",
    seed: int | None = None,
    model: ModelLike | None = None,
    prior: PriorChoice = "auto",
    threads: int | None = None,
    advance: Advance | None = None,
) -> bytes:
    """``size`` bytes drawn from the model, as it expects them behind ``prompt``, by decoding random bits.

    seed: the same one gives the same bytes on every machine, None others each time.
    prior: as for ``compress_stream``; "auto" without a prompt is "on", if the model has one.
    threads: more than one take in a prompt faster.  advance: told of the bytes drawn meanwhile.
    Raises ValueError for a size below 0, a seed below 0, no threads, or more bytes than a block may have, 2^30 with the
    prompt; UnsupportedError for a prior that the model does not have.
    """
    return drawn(size, prompt=prompt, seed=seed, model=model, prior=prior, threads=threads, advance=advance)[0]


def drawn(
    size: int,
    *,
    prompt: bytes = b"",
    seed: int | None = None,
    model: ModelLike | None = None,
    prior: PriorChoice = "auto",
    threads: int | None = None,
    advance: Advance | None = None,
) -> tuple[bytes, float]:
    """A ``sample``, and the random bits that it has used up: about what compressing it takes, in one lane."""
    from likezip.coder import RandomWords

    if not 0 <= size <= LONGEST_SAMPLE - len(prompt):
        raise ValueError(f"a sample and its prompt must have 0 to {LONGEST_SAMPLE} bytes, not {size + len(prompt)}")
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    codec.checked(prior)
    words = RandomWords(seed)

    def took(count: int) -> None:
        words.refill()
        if advance is not None:
            advance(count)

    if size == 0:
        return b"", 0.0
    data = codec.draw(size, words, the_model(model), prompt=prompt, prior=prior, threads=threads or 1, advance=took)
    return data, words.spent()
