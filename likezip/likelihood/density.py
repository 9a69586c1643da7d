"""What a model says of data, beside compressing them: what each byte costs, and samples.

The density p(data) is explicit: the product of the probabilities that the coder would be given, so -log2 p is a sum
over bytes, the surprise of each.  Here each byte comes after all that are before it, in one lane, while blocks are
compressed in several where the prior is used, so a file's bits are a little fewer than what it is compressed to.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from likezip.blocks import codec, cost
from likezip.blocks.codec import PriorChoice, Way
from likezip.frames import container
from likezip.frames.raw_io import Source, bytes_of, read_fully
from likezip.frames.workers import Queue, Workers
from likezip.model import Model, ModelLike, the_model

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from likezip.blocks.predictor import Advance, Learnt

OVERLAP = 1 << 18
"""Bytes of the block before that a block of a long file comes after, so that its beginning is no surprise."""

LONGEST_CONTEXT = 1 << 22
"""Bytes of a context, the last ones, that each block comes after; a process learns them once for all blocks that are
coded in one way."""

LONGEST_SAMPLE = container.MAX_BLOCK
"""Bytes of a sample and its prompt."""


def byte_costs(
    data: Buffer,
    *,
    context: Buffer = b"",
    model: ModelLike | None = None,
    prior: PriorChoice = "auto",
    threads: int | None = None,
    executor: Executor | None = None,
) -> npt.NDArray[np.float64]:
    """Bits of each byte of ``data``, (n,): -log2 of its probability after ``context`` and all bytes before it.

    data and context: bytes, or anything with a contiguous buffer.
    context: data to learn from first, of which the last 4 MiB are used; what was learnt, 73 MB, is kept for the next
    call, and learnt once if several threads call at the same time.  Other options as for ``compress_stream``.
    Of data longer than a block each block comes after the context and the last 256 KiB before it.
    Raises ValueError for options outside their ranges, UnsupportedError for a prior that the model does not have.
    """
    codec.checked(prior)
    raw = bytes_of(data)
    source, context, size = io.BytesIO(raw), bytes(bytes_of(context)), container.default_block_size(raw.nbytes)
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

    def blocks() -> Iterator[tuple[bytes, bytes, bytes, Model, PriorChoice]]:
        before = b""
        while raw := read_fully(source, block_size):
            begun.append(raw)
            yield raw, before, context, model, prior
            before = raw[-OVERLAP:]

    for costs in Queue(workers, _block_costs, advance).map(blocks()):
        yield begun.pop(0), costs


def _block_costs(
    threads: int, advance: Advance | None, raw: bytes, before: bytes, context: bytes, model: Model, prior: PriorChoice
) -> npt.NDArray[np.float64]:
    """Bits of each byte of a block after ``context`` and ``before``, in one lane; 8 of noise with nothing before it."""
    model, converted = model.here(), codec.transformed(before + raw)[1]
    block = converted[len(before) :]
    best = codec.sampled_codings(block, model, 1, prior, threads)[0]
    if not (context or before) and codec.is_noise(block, best):
        return np.full(len(raw), 8.0)
    told = advance and _behind(len(before), advance)
    if context:
        return _costs_behind(context, converted, model, best.way, threads, told)[len(before) :]
    if best.shape.size < len(converted):
        best = codec.Coding(converted, model, best.way, 1, threads, told)
    return best.byte_costs()[len(before) :]


def _behind(skipped: int, advance: Advance) -> Advance:
    """What tells ``advance`` only of bytes behind the first ``skipped``."""
    left = skipped

    def told(size: int) -> None:
        nonlocal left
        skip = min(left, size)
        left -= skip
        advance(size - skip)

    return told


def _costs_behind(
    context: bytes, raw: bytes, model: Model, way: Way, threads: int, advance: Advance | None
) -> npt.NDArray[np.float64]:
    """Bits of each byte of ``raw`` in one way, behind the context."""
    learnt = _learnt(context, model, way, threads, advance)
    known = np.frombuffer(learnt.state.raw.tobytes() + raw, np.uint8)
    shape = way.shape(known.size, 1, learnt.table_bits)
    with codec.open_predictor(shape, model, prior=way.prior, threads=threads) as predictor:
        predictor.go_on(learnt)
        return cost.byte_costs(*predictor.run(known, advance), len(raw), 1)


class _Kept:
    """What was learnt of one context, by the first thread that asked; others wait for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._learnt: Learnt | None = None

    def learnt(self, learn: Callable[[], Learnt]) -> Learnt:
        with self._lock:
            if self._learnt is None:
                self._learnt = learn()
            return self._learnt


_kept: dict[tuple[bytes, Model, Way], _Kept] = {}
"""What was learnt of the last contexts, 73 MB each."""
_keeping = Lock()
"""Held while ``_kept`` is looked at or changed."""
MOST_KEPT = 2


def _learnt(context: bytes, model: Model, way: Way, threads: int, advance: Advance | None) -> Learnt:
    """What is known behind ``context``, with a table that is large enough for a block more; learnt now, if it was not
    before, while ``advance`` hears of no bytes."""
    key = context, model, way
    with _keeping:
        if key not in _kept:
            while len(_kept) >= MOST_KEPT:
                del _kept[next(iter(_kept))]
            _kept[key] = _Kept()
        kept = _kept[key]
    return kept.learnt(lambda: _learn(context, model, way, threads, advance and (lambda _: advance(0))))


def _learn(context: bytes, model: Model, way: Way, threads: int, advance: Advance | None) -> Learnt:
    from likezip.blocks.predictor import default_table_bits

    known = np.frombuffer(codec.transformed(context)[1], np.uint8)
    shape = way.shape(known.size, 1, default_table_bits(known.size + container.DEFAULT_BLOCK))
    with codec.open_predictor(shape, model, prior=way.prior, threads=threads) as predictor:
        predictor.run(known, advance)
        return predictor.learnt()


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
    from likezip.blocks.coder import RandomWords

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
