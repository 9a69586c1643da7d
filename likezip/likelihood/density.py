"""The density of data by a model: the cost of each byte, and samples.

The density p(data) is explicit: the product of the probabilities that the coder would be given, so -log2 p is a sum
over bytes of the surprise of each.  Here each byte comes after all bytes before it, in one lane, while blocks with the
prior are compressed in several lanes; so a file's bits are a little fewer than the bits of its compressed form.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from likezip.blocks import block_header, coding, cost
from likezip.blocks.coding import BlockCoding, BlockMode
from likezip.blocks.entropy_coder import RandomWords
from likezip.blocks.options import Advance, CodingOptions, PriorChoice
from likezip.blocks.predictor import Learnt
from likezip.frames import container
from likezip.frames.raw_io import Source, blocks_of, bytes_of
from likezip.frames.workers import Queue, Workers
from likezip.model import Model, ModelLike, resolve_model

if TYPE_CHECKING:
    from typing_extensions import Buffer

OVERLAP = 1 << 18
"""Later blocks of a long file are predicted behind this many bytes of the block before, so that their beginnings are no
surprise."""

LONGEST_CONTEXT = 1 << 22
"""Bytes of a context that count, the last ones; learnt once per mode and process."""

LONGEST_SAMPLE = container.MAX_BLOCK
"""The most bytes of a sample and its prompt together."""


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
    context: data to learn from first, of which the last 4 MiB are used; the learnt state, 73 MB, is kept for the next
    call, and learnt once if several threads call at the same time.  Other options as for ``compress_stream``.
    Of data longer than a block each block comes after the context and the last 256 KiB before it.
    Raises ValueError for options outside their ranges, UnsupportedError for a prior that the model does not have.
    """
    options, raw = CodingOptions(resolve_model(model), prior, lanes=1), bytes_of(data)
    source, context, size = io.BytesIO(raw), bytes(bytes_of(context)), container.default_block_size(raw.nbytes)
    with Workers(threads, executor) as workers:
        blocks = stream_costs(source, workers, options, context=context, block_size=size)
        costs_of_blocks = [costs for _, costs in blocks]
    return np.concatenate(costs_of_blocks) if costs_of_blocks else np.zeros(0)


def stream_costs(
    source: Source,
    workers: Workers,
    options: CodingOptions,
    *,
    context: bytes = b"",
    block_size: int = container.DEFAULT_BLOCK,
    advance: Advance | None = None,
) -> Iterator[tuple[bytes, npt.NDArray[np.float64]]]:
    """The blocks of ``source`` and the cost of each of their bytes, (n,) bits, in one lane; see ``byte_costs``."""
    context = context[-LONGEST_CONTEXT:]
    begun: list[bytes] = []

    def blocks() -> Iterator[tuple[bytes, bytes, bytes, CodingOptions]]:
        before = b""
        for raw in blocks_of(source, block_size):
            begun.append(raw)
            yield raw, before, context, options
            before = raw[-OVERLAP:]

    for costs in Queue(workers, _block_costs, advance).map(blocks()):
        yield begun.pop(0), costs


def _block_costs(
    threads: int, advance: Advance | None, raw: bytes, before: bytes, context: bytes, options: CodingOptions
) -> npt.NDArray[np.float64]:
    """Bits of each byte of a block after ``context`` and ``before``, in one lane; 8 bits for each byte of noise that
    nothing precedes."""
    options = replace(options, model=options.model.here(), lanes=1, threads=threads)
    converted = coding.transformed(before + raw)[1]
    block = converted[len(before) :]
    best = coding.sampled_codings(block, options)[0]
    if not (context or before) and coding.is_noise(block, best):
        return np.full(len(raw), 8.0)
    heard = advance and _advance_behind(len(before), advance)
    if context:
        return _costs_behind(context, converted, options, best.mode, heard)[len(before) :]
    if best.size < len(converted):
        best = BlockCoding(converted, options, best.mode, heard, keep_costs=True)
    return best.byte_costs()[len(before) :]


def _advance_behind(skipped: int, advance: Advance) -> Advance:
    """A function that calls ``advance`` with the number of bytes coded, but for the first ``skipped`` of them."""
    left = skipped

    def advance_behind(size: int) -> None:
        nonlocal left
        skip = min(left, size)
        left -= skip
        advance(size - skip)

    return advance_behind


def _costs_behind(
    context: bytes, raw: bytes, options: CodingOptions, mode: BlockMode, advance: Advance | None
) -> npt.NDArray[np.float64]:
    """Bits of each byte of ``raw`` in one mode, behind the context."""
    learnt = _learnt(context, options, mode, advance)
    content = np.frombuffer(learnt.state.raw.tobytes() + raw, np.uint8)
    shape = mode.shape(content.size, 1, learnt.table_bits)
    with coding.open_predictor(shape, options, prior=mode.prior) as predictor:
        predictor.go_on(learnt)
        return cost.cost_of_each_byte(*predictor.run(content, advance), len(raw), 1)


class _LearntOnce:
    """The state learnt from one context, by the first thread that asks for it; others wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._learnt: Learnt | None = None

    def learnt(self, learn: Callable[[], Learnt]) -> Learnt:
        with self._lock:
            if self._learnt is None:
                self._learnt = learn()
            return self._learnt


_learnt_contexts: dict[tuple[bytes, Model, BlockMode], _LearntOnce] = {}
"""The states learnt from the last contexts, 73 MB each."""
_learnt_contexts_lock = Lock()
"""Held while ``_learnt_contexts`` is read or changed."""
MOST_CONTEXTS = 2


def _learnt(context: bytes, options: CodingOptions, mode: BlockMode, advance: Advance | None) -> Learnt:
    """The state behind ``context``, with a table large enough for another block; learnt now, if it was not before,
    while ``advance`` is called with 0 bytes."""
    key = context, options.model, mode
    with _learnt_contexts_lock:
        if key not in _learnt_contexts:
            while len(_learnt_contexts) >= MOST_CONTEXTS:
                del _learnt_contexts[next(iter(_learnt_contexts))]
            _learnt_contexts[key] = _LearntOnce()
        kept = _learnt_contexts[key]
    return kept.learnt(lambda: _learn(context, options, mode, advance and (lambda _: advance(0))))


def _learn(context: bytes, options: CodingOptions, mode: BlockMode, advance: Advance | None) -> Learnt:
    content = np.frombuffer(coding.transformed(context)[1], np.uint8)
    shape = mode.shape(content.size, 1, block_header.default_table_bits(content.size + container.DEFAULT_BLOCK))
    with coding.open_predictor(shape, options, prior=mode.prior) as predictor:
        predictor.run(content, advance)
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
    threads: more than one take in a prompt faster.  advance: called with the number of bytes drawn meanwhile.
    Raises ValueError for a size below 0, a seed below 0, no threads, or more bytes than a block may have, 2^30 with the
    prompt; UnsupportedError for a prior that the model does not have.
    """
    options = CodingOptions(resolve_model(model), prior, lanes=1, threads=1 if threads is None else threads)
    return sample_and_bits(size, options, prompt=prompt, seed=seed, advance=advance)[0]


def sample_and_bits(
    size: int, options: CodingOptions, *, prompt: bytes = b"", seed: int | None = None, advance: Advance | None = None
) -> tuple[bytes, float]:
    """A ``sample``, and the random bits that it has used up: about the bits that it would be compressed to in one
    lane."""
    if not 0 <= size <= LONGEST_SAMPLE - len(prompt):
        raise ValueError(f"a sample and its prompt must have 0 to {LONGEST_SAMPLE} bytes, not {size + len(prompt)}")
    words = RandomWords(seed)

    def took(count: int) -> None:
        words.refill()
        if advance is not None:
            advance(count)

    if size == 0:
        return b"", 0.0
    data = coding.draw_bytes(size, words, options, prompt=prompt, advance=took)
    return data, words.spent()
