"""Segments of the training data: which 16 KiB a row of the batch reads next.

Segment k of a run is a function of k alone, so a resumed run reads on where it stopped.  Classes follow the
golden-ratio sequence, so each soon has its share.  A class is read block by block in random order, all of it once
before any block comes again; then the blocks begin elsewhere and have another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from likezip.prior.ngrams import NGRAM_REGISTERS, Feature, feature_table, find_all_rows

SEGMENT = 1 << 14
"""Bytes that are read without a break."""

GOLDEN = 0.6180339887498949

Place = tuple[int, int, int]
"""Of a segment: its class, where its block begins, its lane in the block (0: the block is the segment)."""


class Segments:
    """Segments of ``classes``, name to bytes (n,) uint8, by ``weights``, name to share."""

    logits = 0
    """How many logits of a memory come with each byte."""

    def __init__(
        self, classes: dict[str, npt.NDArray[np.uint8]], weights: dict[str, float], seed: int, size: int = SEGMENT
    ) -> None:
        """size: bytes of a block.  Raises ValueError for a class shorter than a block, and a weight without a class."""
        if unknown := set(weights) - set(classes):
            raise ValueError(f"weights for classes that are not there: {', '.join(sorted(unknown))}")
        for name, content in classes.items():
            if content.size < size:
                raise ValueError(f"class {name} has {content.size} bytes, fewer than a block of {size}")
        self._contents = list(classes.values())
        shares = np.array([weights.get(name, 0.0) for name in classes])
        self._ends = np.cumsum(shares / shares.sum())
        self._phase = np.random.default_rng(seed).random()
        self._seed, self._size, self._next = seed, size, 0
        self._passes = [0] * len(classes)
        self._begins: list[list[int]] = [[] for _ in classes]

    def place(self) -> Place:
        """Where the next segment is."""
        chosen = int(np.searchsorted(self._ends, (self._phase + self._next * GOLDEN) % 1.0, "right"))
        chosen = min(chosen, len(self._contents) - 1)
        self._next += 1
        if not self._begins[chosen]:
            self._begins[chosen] = self._pass(chosen)
        return chosen, self._begins[chosen].pop(), 0

    def _pass(self, chosen: int) -> list[int]:
        """Beginnings, in random order, of blocks that together cover a class; the last two may overlap."""
        random = np.random.default_rng((self._seed, chosen, self._passes[chosen]))
        last = self._contents[chosen].size - self._size
        first = int(random.integers(self._size)) if self._passes[chosen] else 0
        self._passes[chosen] += 1
        starts = {0, last, *range(min(first, last), last, self._size)}
        return [int(start) for start in random.permutation(sorted(starts))]

    def read(self, place: Place) -> npt.NDArray[np.uint8]:
        """The bytes (SEGMENT,) at a place."""
        chosen, start, lane = place
        return self._contents[chosen][start + lane * SEGMENT : start + (lane + 1) * SEGMENT]

    def memory_logits(self, place: Place) -> npt.NDArray[np.int16]:
        """The memory's logits for the bits of a place, (SEGMENT, logits)."""
        return np.zeros((SEGMENT, 0), np.int16)


@dataclass(frozen=True)
class Batch:
    """Pieces of ``steps`` bytes of some lanes."""

    rows: npt.NDArray[np.int32]  # (steps, lanes, features) of the embeddings
    following: npt.NDArray[np.int64]  # (steps, lanes), the bytes that they are to predict
    memory_logits: npt.NDArray[np.int16]  # (steps, lanes, logits of the memory)
    fresh: npt.NDArray[np.bool_]  # (lanes,), whether a segment begins


class Feed:
    """Batches of a run: each of ``rows`` lanes reads its segments in pieces of ``steps`` bytes."""

    def __init__(
        self,
        segments: Segments,
        features: Sequence[Feature],
        rows: int,
        steps: int,
    ) -> None:
        """features: the contexts of the embeddings."""
        self._segments, self._steps, self._pieces, self._step = segments, steps, SEGMENT // steps, 0
        self._of = tuple(features)
        self._offsets = [row * self._pieces // rows for row in range(rows)]
        self._places: list[Place] = [(0, 0, 0)] * rows
        self._numbers = [0] * rows
        self._bytes = np.zeros((rows, SEGMENT), np.uint8)
        self._features = [np.zeros((SEGMENT, len(features)), np.int32)] * rows
        self._logits = [np.zeros((SEGMENT, segments.logits), np.int16)] * rows
        self._loaded = [0] * rows

    def _pieces_now(self) -> list[int]:
        return [(self._step + offset) % self._pieces for offset in self._offsets]

    def _move(self) -> None:
        for lane, piece in enumerate(self._pieces_now()):
            if piece == 0 or self._step == 0:
                self._places[lane] = self._segments.place()
                self._numbers[lane] += 1

    def skip(self, steps: int) -> None:
        """Pass over the batches of ``steps`` steps."""
        for _ in range(steps):
            self._move()
            self._step += 1

    def batch(self) -> Batch:
        self._move()
        pieces, lanes = self._pieces_now(), len(self._numbers)
        batch = Batch(
            np.empty((self._steps, lanes, len(self._of)), np.int32),
            np.empty((self._steps, lanes), np.int64),
            np.empty((self._steps, lanes, self._segments.logits), np.int16),
            np.zeros(lanes, np.bool_),
        )
        for lane in range(lanes):
            if self._loaded[lane] != self._numbers[lane]:
                self._load(lane, self._places[lane])
                self._loaded[lane], batch.fresh[lane] = self._numbers[lane], True
            part = slice(pieces[lane] * self._steps, (pieces[lane] + 1) * self._steps)
            batch.rows[:, lane], batch.following[:, lane] = self._features[lane][part], self._bytes[lane, part]
            batch.memory_logits[:, lane] = self._logits[lane][part]
        self._step += 1
        return batch

    def _load(self, lane: int, place: Place) -> None:
        self._bytes[lane] = self._segments.read(place)
        self._features[lane] = embedding_rows(self._bytes[lane : lane + 1], self._of)[:, 0]
        self._logits[lane] = self._segments.memory_logits(place)


def embedding_rows(lanes: npt.NDArray[np.uint8], features: Sequence[Feature]) -> npt.NDArray[np.int32]:
    """The rows (bytes, lanes, features) that predict each byte of ``lanes`` (lanes, bytes)."""
    rows = np.empty((lanes.shape[1], lanes.shape[0], len(features)), np.int32)
    find_all_rows(lanes, feature_table(features), np.zeros((lanes.shape[0], NGRAM_REGISTERS), np.uint64), rows)
    return rows
