"""The prior: what a trained network expects of the next byte, computed in integers.

A recurrent network over bytes; ``likezip.training.twin`` is the differentiable form of the same function.  Values
and their units, all integers (k is the power of the weights' step, of each row):

    e   embeddings of the n-grams before the byte        int8, 1/32
    x   the lane's stream                                int32, |x| < 2^20, 1/256
    q   x / rms(x), what enters a product                int8, [-127, 127], 1/32
    w   weights                                          int8, [-63, 63], 2^-k, 5 <= k <= 12
    z   how far a gate opens                             int32, [0, 2^12], 1/4096
    c   candidate of the state                           int32, [-2^10, 2^10], 1/1024
    h   state                                            int32, [-2^16, 2^16], 1/65536; int8, 1/128, in a product
    u   the MLP's hidden values before squaring          int32, [0, 2^11], 1/1024; the squares int8, [0, 127], 1/32
    l   logits                                           int32, 1/256 nat

    x = W e
    block  q = x / rms(x);  z, c = W q + b;  h += z (c - h);  x += W h
           q = x / rms(x);  u = max(0, W q + b);  x += W u^2
    l = W x / rms(x) + b

A product's sum is below 127 * 63 * 2096 < 2^24 (``exact``); with an offset of at most 2^26 (b, and a half to round
the shift to the nearest) it is below 2^27.  Every shift is from 0 to 15.  Products run over all lanes and, when the
bytes are known, over many steps at once; what lies between two products is one kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from likezip import exact
from likezip.kernels import compiled, prefetch
from likezip.ngrams import FEATURES, REGISTERS, ROWS, find_rows, remember

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]

ROWS_AT_ONCE = 2048
"""Bytes of all lanes that are taken together when they are known."""

MOST_THREADS, FEWEST_LANES = 4, 8
"""Of a block, and of a thread.  Only what is known can be shared: handing over a single step takes longer than it."""

STREAM_LIMIT = (1 << 20) - 1
LARGEST_OFFSET = 1 << 26
LARGEST_SHIFT = 15
SMALLEST_MEAN = 1 << 8
"""Added to the mean square of x, in 2^-16."""


@dataclass(frozen=True)
class Layer:
    """A product and what its sums need: weight (outputs, columns) int8, offset and shift (outputs,) int32."""

    weight: Int8s
    offset: Int32s
    shift: Int32s

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[Any]], name: str, outputs: int, columns: int) -> Layer:
        """The layer ``name`` of a model file.  Raises KeyError if it is missing, ValueError if it breaks a bound."""
        weight, offset, shift = (tensors[f"{name}.{part}"] for part in ("weight", "offset", "shift"))
        if weight.shape != (outputs, columns) or weight.dtype != np.int8:
            raise ValueError(f"{name} is {weight.dtype} {weight.shape}, not int8 {(outputs, columns)}")
        if not 0 < columns <= exact.LARGEST_COLUMNS or outputs == 0:
            raise ValueError(f"{name} has {columns} columns and {outputs} outputs, not 1 to {exact.LARGEST_COLUMNS}")
        if any(part.shape != (outputs,) or part.dtype != np.int32 for part in (offset, shift)):
            raise ValueError(f"{name}: offsets and shifts are not int32 {(outputs,)}")
        if np.abs(weight.astype(np.int32)).max() > exact.WEIGHT_LIMIT:
            raise ValueError(f"{name} has weights outside of [-{exact.WEIGHT_LIMIT}, {exact.WEIGHT_LIMIT}]")
        if np.abs(offset.astype(np.int64)).max() > LARGEST_OFFSET or shift.min() < 0 or shift.max() > LARGEST_SHIFT:
            raise ValueError(f"{name} has offsets or shifts out of bounds")
        return cls(weight, offset, shift)


@dataclass(frozen=True)
class Network:
    """The tensors of a prior: embeddings (rows, dimension) int8 and the layers."""

    embeddings: Int8s
    enter: Layer
    blocks: list[tuple[Layer, Layer, Layer, Layer]]  # gates, out, up, down
    head: Layer

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[Any]]) -> Network:
        """From the tensors by name.  Raises KeyError for a missing one, ValueError for one that breaks a bound."""
        embeddings = tensors["embeddings"]
        if embeddings.ndim != 2 or embeddings.shape[0] != ROWS or embeddings.dtype != np.int8:
            raise ValueError(f"embeddings are {embeddings.dtype} {embeddings.shape}, not int8 of {ROWS} rows")
        if embeddings.size and embeddings.min() < -exact.ACTIVATION_LIMIT:
            raise ValueError("embeddings hold -128")
        width, columns = _rows_of(tensors, "enter"), len(FEATURES) * embeddings.shape[1]
        enter, head = Layer.of(tensors, "enter", width, columns), Layer.of(tensors, "head", 256, width)
        blocks: list[tuple[Layer, Layer, Layer, Layer]] = []
        for name in sorted({name.split(".")[0] for name in tensors} - {"embeddings", "enter", "head"}, key=_order):
            if name != str(len(blocks)):
                raise ValueError(f"{name} is no layer of block {len(blocks)}")
            state, hidden = _rows_of(tensors, f"{name}.gates") // 2, _rows_of(tensors, f"{name}.up")
            gates = Layer.of(tensors, f"{name}.gates", 2 * state, width)
            out = Layer.of(tensors, f"{name}.out", width, state)
            up = Layer.of(tensors, f"{name}.up", hidden, width)
            blocks.append((gates, out, up, Layer.of(tensors, f"{name}.down", width, hidden)))
        return cls(embeddings, enter, blocks, head)


def _order(name: str) -> tuple[int, str]:
    return len(name), name


def _rows_of(tensors: Mapping[str, npt.NDArray[Any]], name: str) -> int:
    weight = tensors[f"{name}.weight"]
    if weight.ndim != 2:
        raise ValueError(f"{name} has a weight of {weight.ndim} dimensions")
    return len(weight)


@compiled
def _embed(known, first, registers, rows, embeddings, e):
    """Take the bytes ``known`` (steps, all lanes), -1 before the first, and look up what then predicts the next byte.

    Of the lanes from ``first`` on that have registers; e: the embeddings (steps * lanes, features * dimension) of the
    n-grams.
    """
    lanes, dimension = registers.shape[0], embeddings.shape[1]
    for step in range(known.shape[0]):
        for lane in range(lanes):
            if known[step, first + lane] >= 0:
                remember(known[step, first + lane], registers[lane])
            find_rows(registers[lane], rows[lane])
            for f in range(rows.shape[1]):
                prefetch(embeddings, np.uint64(rows[lane, f]) * np.uint64(dimension))
        for lane in range(lanes):
            place = e[step * lanes + lane]
            for f in range(rows.shape[1]):
                row = embeddings[np.uint64(rows[lane, f])]
                for i in range(dimension):
                    place[f * dimension + i] = row[i]


@compiled
def _add(sums, offset, shift, x, q):
    """x += sums, then q = x / rms(x): sums, x, q (rows, width)."""
    width = x.shape[1]
    for row in range(x.shape[0]):
        total = np.int64(0)
        for i in range(width):
            change = np.int32(sums[row, i] + offset[i]) >> shift[i]
            value = min(max(np.int32(x[row, i] + change), np.int32(-STREAM_LIMIT)), np.int32(STREAM_LIMIT))
            x[row, i] = value
            total += np.int64(value) * np.int64(value)
        exact.normalise(x[row], total // width + SMALLEST_MEAN, q[row])


@compiled
def _recur(sums, offset, shift, h, q):
    """h += z (c - h) step by step, and the states as activations: sums (steps * lanes, 2 states), h (lanes, states), q
    (steps * lanes, states)."""
    lanes, states = h.shape
    for row in range(q.shape[0]):
        lane = np.uint64(row) % np.uint64(lanes)
        for i in range(states):
            z = np.int32(sums[row, i] + offset[i]) >> shift[i]
            z = min(max(z, np.int32(0)), np.int32(4096))
            c = np.int32(sums[row, states + i] + offset[states + i]) >> shift[states + i]
            c = min(max(c, np.int32(-1024)), np.int32(1024))
            distance = np.int32(c << np.int32(6)) - h[lane, i]
            value = np.int32(h[lane, i] + (np.int32(z * np.int32(distance) + np.int32(2048)) >> np.int32(12)))
            h[lane, i] = value
            value = np.int32(value + np.int32(256)) >> np.int32(9)
            q[row, i] = min(max(value, np.int32(-127)), np.int32(127))


@compiled
def _square(sums, offset, shift, q):
    """The squares of what is positive: sums, q (rows, hidden)."""
    for row in range(q.shape[0]):
        for i in range(q.shape[1]):
            u = np.int32(sums[row, i] + offset[i]) >> shift[i]
            u = min(max(u, np.int32(0)), np.int32(2048))
            q[row, i] = min(np.int32(np.int32(u * u) + np.int32(1 << 14)) >> np.int32(15), np.int32(127))


@compiled
def _expect(sums, offset, shift, logits, trees, first):
    """The trees (steps, all lanes, 512) of the lanes from ``first`` on.

    sums (steps * lanes, 256); logits (256,) is room for those of a row.
    """
    lanes = sums.shape[0] // trees.shape[0]
    for row in range(sums.shape[0]):
        for symbol in range(256):
            logits[symbol] = np.int32(sums[row, symbol] + offset[symbol]) >> shift[symbol]
        exact.frequencies(logits, trees[row // lanes, first + row % lanes])


class _Product:
    """A layer ready to multiply: up to ``capacity`` rows of activations into sums that kernels read."""

    def __init__(self, layer: Layer, backend: str, capacity: int) -> None:
        self._product = exact.BACKENDS[backend](layer.weight)
        outputs, columns = layer.weight.shape
        self.offset, self.shift = layer.offset, layer.shift
        self._all = np.zeros((capacity, columns), np.int8), np.zeros((capacity, outputs), np.int32)
        self.use(capacity)

    def use(self, rows: int) -> None:
        """Work on the first ``rows`` rows from now on: q (rows, columns) int8, sums (rows, outputs) int32."""
        self.q, self.sums = self._all[0][:rows], self._all[1][:rows]
        self._multiply = self._product(self.q, self.sums)

    def run(self) -> tuple[Int32s, Int32s, Int32s]:
        """Multiply what is in ``q``: sums (rows, outputs), offset and shift (outputs,)."""
        self._multiply()
        return self.sums, self.offset, self.shift


class Prior:
    """The prior of a block's lanes, or of those from ``first`` on."""

    def __init__(self, network: Network, lanes: int, backend: str, most_steps: int = 1, first: int = 0) -> None:
        """most_steps: how many bytes of each lane will be known at a time."""
        capacity = lanes * most_steps

        def product(layer: Layer) -> _Product:
            return _Product(layer, backend, capacity)

        self.most_steps, self._rows_used, self._lanes, self._first = most_steps, capacity, lanes, first
        self._embeddings = network.embeddings
        self._registers = np.zeros((lanes, REGISTERS), np.uint64)
        self._found = np.zeros((lanes, len(FEATURES)), np.int32)
        self._enter, self._head = product(network.enter), product(network.head)
        self._blocks = [tuple(product(layer) for layer in block) for block in network.blocks]
        self._states = [np.zeros((lanes, out.weight.shape[1]), np.int32) for _, out, _, _ in network.blocks]
        self._stream = np.zeros((capacity, network.enter.weight.shape[0]), np.int32)
        self._logits = np.zeros(256, np.int32)

    def _use(self, rows: int) -> None:
        for product in (self._enter, *[product for block in self._blocks for product in block], self._head):
            product.use(rows)
        self._rows_used = rows

    def expect(self, known: npt.NDArray[np.int16], trees: Int32s) -> None:
        """What follows after each of the bytes ``known`` (steps, lanes), -1 before the first, into ``trees`` (steps,
        lanes, 512) as in ``exact.frequencies``; both have all lanes of the block."""
        rows = len(known) * self._lanes
        if rows != self._rows_used:
            self._use(rows)
        _embed(known, self._first, self._registers, self._found, self._embeddings, self._enter.q)
        x = self._stream[:rows]
        x[:] = 0
        sums = self._enter.run()
        for (gates, out, up, down), h in zip(self._blocks, self._states, strict=True):
            _add(*sums, x, gates.q)
            _recur(*gates.run(), h, out.q)
            _add(*out.run(), x, up.q)
            _square(*up.run(), down.q)
            sums = down.run()
        _add(*sums, x, self._head.q)
        _expect(*self._head.run(), self._logits, trees, self._first)


class SharedPrior:
    """The prior of a block's lanes, of which several threads have a part each: lanes know nothing of each other."""

    def __init__(self, parts: list[Prior], pool: ThreadPoolExecutor) -> None:
        self.most_steps = parts[0].most_steps
        (self._own, *self._others), self._pool = parts, pool

    def expect(self, known: npt.NDArray[np.int16], trees: Int32s) -> None:
        """As ``Prior.expect``."""
        waiting = [self._pool.submit(part.expect, known, trees) for part in self._others]
        self._own.expect(known, trees)
        for part in waiting:
            part.result()


@contextmanager
def ready(network: Network, size: int, lanes: int, *, known: bool, threads: int = 1) -> Iterator[Prior | SharedPrior]:
    """The prior of a block of ``size`` bytes by the best backend.

    If the bytes are ``known``, it takes many steps at once, in up to ``threads`` threads.
    """
    backend, steps = exact.pick(size), max(1, ROWS_AT_ONCE // lanes) if known else 1
    parts = min(threads, MOST_THREADS, lanes // FEWEST_LANES) if backend == "dot" and known else 1
    with exact.one_thread(backend):
        if parts <= 1:
            yield Prior(network, lanes, backend, steps)
            return
        ends = [lanes * part // parts for part in range(parts + 1)]
        shares = [Prior(network, end - first, backend, steps, first) for first, end in pairwise(ends)]
        with ThreadPoolExecutor(parts - 1) as pool:
            yield SharedPrior(shares, pool)


def compile_kernels() -> None:
    """Compile all kernels by a step of the smallest network."""

    def layer(outputs: int, columns: int) -> Layer:
        numbers = np.zeros(outputs, np.int32)
        return Layer(np.zeros((outputs, columns), np.int8), numbers, numbers)

    block = layer(16, 8), layer(8, 8), layer(8, 8), layer(8, 8)
    network = Network(np.zeros((ROWS, 1), np.int8), layer(8, len(FEATURES)), [block], layer(256, 8))
    exact.is_right("dot")
    with ready(network, exact.SMALL, 1, known=False) as prior:
        prior.expect(np.full((1, 1), -1, np.int16), np.zeros((1, 1, 512), np.int32))
