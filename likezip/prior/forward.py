"""The prior's forward pass: a trained network's probabilities of the next byte, computed in integers.

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

A product's sum is below 127 * 63 * 2096 < 2^24 (``fixed_point``); with an offset of at most 2^26 (b, and a half to
round the shift to the nearest) it is below 2^27.  Every shift is from 0 to 15.  Products run over all lanes and, when
the bytes are known, over many steps at once.

``_enter_layer`` computes a layer's activations from the sums of the layer before, ``_leave_network`` the trees from the
sums of the last layer.  With the products of ``byte_products`` all layers are one kernel, ``take_stages``, which
threads share (``parallel``).  ``Prior`` is for the other ways to multiply, which Python calls layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import compiled, inlined
from likezip.kernels.intrinsics import aligned, aligned_copy, matrix, prefetch, shift_right
from likezip.kernels.machine_code import Call, packed_once
from likezip.prior import byte_products, fixed_point
from likezip.prior.fixed_point import Int8s, Int32s
from likezip.prior.network import Network
from likezip.prior.ngrams import NGRAM_REGISTERS, feature_table, find_rows, remember
from likezip.prior.pipeline import prefetched

Uint8s = npt.NDArray[np.uint8]

ROWS_AT_ONCE = 512
"""Bytes of all lanes that are taken together, if they are known: so many that products are fast and calls from Python
cost little, so few that a cache holds the sums."""

STREAM_LIMIT = (1 << 20) - 1
LEAST_MEAN_SQUARE = 1 << 8
"""Added to the mean square of x, in 2^-16."""

WORTH_A_COPY = 1 << 16
"""Bytes of a block for which all embeddings are copied: a copy has large pages, and no row of it is in two lines of the
cache."""

OUTPUTS, COLUMNS, PACKED, OFFSETS, STATE_OFFSET, FIELDS = range(6)
"""Columns of ``Weights.layout``: a layer's sizes, where its weight and its offsets begin, and how many states of a lane
belong to the layers before it."""


@packed_once
class Weights(NamedTuple):
    """A network as the kernels take it, all layers in one."""

    features: npt.NDArray[np.uint64]  # (features, ngrams.TABLE_COLUMNS)
    embeddings: Int8s  # (rows, dimension)
    layout: npt.NDArray[np.int64]  # (layers, FIELDS)
    packed: Int8s  # weights as ``byte_products`` packs them, or nothing
    offsets: Int32s  # (outputs of all layers,)
    shifts: Int32s  # (outputs of all layers,)


@packed_once
class LaneBuffers(NamedTuple):
    """The recurrent state of some lanes, and room to compute some steps of them together: all (lanes, ...).

    A row is a step of a lane; the steps of a lane follow each other.
    """

    registers: npt.NDArray[np.uint64]  # NGRAM_REGISTERS
    states: Int32s  # of all blocks
    embedding_rows: Int32s  # features
    stream: Int32s  # most steps * width
    activations: Uint8s  # most steps * most columns in groups, of the next product, ACTIVATION_SHIFT added
    sums: Int32s  # most steps * most outputs, of the last product
    rest: Int32s  # most steps * PANEL, for ``byte_products``
    logits: Int32s  # 256


@inlined
def _embed(previous, first, lanes, features, embeddings, e):
    """Take the bytes ``previous`` (steps, all lanes), -1 before the first, and look up the embeddings of the n-grams
    that end with them, e (rows, features * dimension).

    lanes: the buffers of the lanes from ``first`` on; features: as in ``ngrams.feature_table``.
    """
    registers, rows, dimension = lanes.registers, lanes.embedding_rows, embeddings.shape[1]
    steps, count = previous.shape[0], registers.shape[0]
    for step in range(steps):
        for lane in range(count):
            if previous[step, first + lane] >= 0:
                remember(previous[step, first + lane], registers[lane])
            find_rows(registers[lane], features, rows[lane])
            for f in range(rows.shape[1]):
                prefetch(embeddings, np.uint64(rows[lane, f]) * np.uint64(dimension))
        for lane in range(count):
            place = e[lane * steps + step]
            for f in range(rows.shape[1]):
                row = embeddings[np.uint64(rows[lane, f])]
                for i in range(dimension):
                    place[f * dimension + i] = np.uint8(np.int32(row[i]) + np.int32(byte_products.ACTIVATION_SHIFT))


@inlined
def _add_to_stream(sums, offset, shift, x, q):
    """x += sums, then q = x / rms(x): sums, x, q (rows, width)."""
    width = x.shape[1]
    for row in range(x.shape[0]):
        total = np.int64(0)
        for i in range(width):
            change = shift_right(np.int32(sums[row, i] + offset[i]), shift[i])
            value = min(max(np.int32(x[row, i] + change), np.int32(-STREAM_LIMIT)), np.int32(STREAM_LIMIT))
            x[row, i] = value
            total += np.int64(value) * np.int64(value)
        fixed_point.normalise(x[row], total // width + LEAST_MEAN_SQUARE, q[row])


@inlined
def _recur(sums, offset, shift, h, q):
    """h += z (c - h) step by step, and the states as activations, of one lane: sums (steps, 2 states), h (states,), q
    (steps, states)."""
    states = h.size
    for step in range(q.shape[0]):
        for i in range(states):
            z = shift_right(np.int32(sums[step, i] + offset[i]), shift[i])
            z = min(max(z, np.int32(0)), np.int32(4096))
            c = shift_right(np.int32(sums[step, states + i] + offset[states + i]), shift[states + i])
            c = min(max(c, np.int32(-1024)), np.int32(1024))
            distance = np.int32(c << np.int32(6)) - h[i]
            value = np.int32(h[i] + shift_right(np.int32(z * np.int32(distance) + np.int32(2048)), np.int32(12)))
            h[i] = value
            value = shift_right(np.int32(value + np.int32(256)), np.int32(9))
            q[step, i] = np.uint8(
                min(max(value, np.int32(-127)), np.int32(127)) + np.int32(byte_products.ACTIVATION_SHIFT)
            )


@inlined
def _square_hidden(sums, offset, shift, q):
    """The squares of the positive hidden values: sums, q (rows, hidden)."""
    for row in range(q.shape[0]):
        for i in range(sums.shape[1]):
            u = shift_right(np.int32(sums[row, i] + offset[i]), shift[i])
            u = min(max(u, np.int32(0)), np.int32(2048))
            u = shift_right(np.int32(np.int32(u * u) + np.int32(1 << 14)), np.int32(15))
            q[row, i] = np.uint8(min(u, np.int32(127)) + np.int32(byte_products.ACTIVATION_SHIFT))


@inlined
def _offsets_and_shifts(layer, weights):
    """The offsets and shifts of the sums of ``layer``, (outputs,) each."""
    begin = weights.layout[layer, OFFSETS]
    end = begin + weights.layout[layer, OUTPUTS]
    return weights.offsets[begin:end], weights.shifts[begin:end]


@compiled
def _enter_layer(layer, previous, first, weights, lanes):
    """The activations of ``layer`` for the lanes from ``first`` on: of the first layer from the bytes ``previous``
    (steps, all lanes), of every other from the sums of the layer before.

    Layers are enter, then gates, out, up and down of each block, then head.
    """
    steps, count = previous.shape[0], lanes.registers.shape[0]
    rows, columns, width = steps * count, weights.layout[layer, COLUMNS], weights.layout[0, OUTPUTS]
    q, x = matrix(lanes.activations, rows, byte_products.padded_columns(columns)), matrix(lanes.stream, rows, width)
    if layer == 0:
        _embed(previous, first, lanes, weights.features, weights.embeddings, q)
        x[:] = 0
        return
    offset, shift = _offsets_and_shifts(layer - 1, weights)
    sums = matrix(lanes.sums, rows, offset.size)
    if layer % 4 == 2:
        state = weights.layout[layer, STATE_OFFSET]
        for lane in range(count):
            h, row = lanes.states[lane, state : state + columns], lane * steps
            _recur(sums[row : row + steps], offset, shift, h, q[row : row + steps])
    elif layer % 4 == 0:
        _square_hidden(sums, offset, shift, q)
    else:
        _add_to_stream(sums, offset, shift, x, q)


@compiled
def _leave_network(first, weights, lanes, trees):
    """The trees (steps, all lanes, 512) of the lanes from ``first`` on, from the sums of the last layer."""
    steps, count = trees.shape[0], lanes.registers.shape[0]
    offset, shift = _offsets_and_shifts(weights.layout.shape[0] - 1, weights)
    sums = matrix(lanes.sums, steps * count, 256)
    for lane in range(count):
        logits = lanes.logits[lane]
        for step in range(steps):
            row = lane * steps + step
            for symbol in range(256):
                logits[symbol] = shift_right(np.int32(sums[row, symbol] + offset[symbol]), shift[symbol])
            fixed_point.frequencies(logits, trees[step, first + lane])


@inlined
def multiply_layer(layer, rows, weights, lanes):
    """The sums of ``layer`` from its activations, for so many rows."""
    columns, outputs = weights.layout[layer, COLUMNS], weights.layout[layer, OUTPUTS]
    activations = matrix(lanes.activations, rows, byte_products.padded_columns(columns))
    packed = weights.packed[weights.layout[layer, PACKED] :]
    sums, rest = matrix(lanes.sums, rows, outputs), matrix(lanes.rest, rows, byte_products.PANEL)
    byte_products.multiply(packed, activations, sums, rest)


@compiled
def take_stages(begin, end, previous, first, weights, lanes, trees):
    """Take stages ``begin`` to ``end`` of the lanes from ``first`` on.

    Stage 0 makes the activations of layer 0 from ``previous`` (steps, all lanes); stage n, of as many as there are
    layers, multiplies by layer n - 1 and makes the activations of layer n, if there is one; the last stage makes
    ``trees`` (steps, all lanes, 512) from the last sums.
    """
    layers, rows = weights.layout.shape[0], previous.shape[0] * lanes.registers.shape[0]
    for stage in range(begin, end):
        if 0 < stage <= layers:
            multiply_layer(stage - 1, rows, weights, lanes)
        if stage < layers:
            _enter_layer(stage, previous, first, weights, lanes)
        elif stage > layers:
            _leave_network(first, weights, lanes, trees)


def stage_of(layer: int, layers: int) -> int:
    """Where the stages of ``layer`` begin, of so many ``layers``; behind the last one all stages end."""
    return layer + (layer > 0) + (layer == layers)


@lru_cache(maxsize=2)
def weights_of(network: Network, *, packed: bool, copied: bool = True) -> Weights:
    """All layers of a network.

    packed: with their weights, as ``byte_products`` takes them.  copied: with the embeddings in memory of our own, else
    as they lie in the model file: for WORTH_A_COPY bytes and more the copy is worth its time.
    """
    layers, parts = network.layers(), [np.zeros(0, np.int8)]
    layout, states = np.zeros((len(layers), FIELDS), np.int64), 0
    for number, layer in enumerate(layers):
        outputs, columns = layer.weight.shape
        place = sum(part.size for part in parts), sum(before.offset.size for before in layers[:number])
        layout[number] = outputs, columns, *place, states
        states += columns if number % 4 == 2 else 0
        if packed:
            parts.append(byte_products.pack(layer.weight))
    offsets, shifts = (np.concatenate([getattr(layer, part) for layer in layers]) for part in ("offset", "shift"))
    embeddings = aligned_copy(network.embeddings) if copied else network.embeddings
    arrays = layout, np.concatenate(parts), offsets, shifts
    return Weights(feature_table(network.features), embeddings, *(aligned_copy(array) for array in arrays))


def most_steps(lanes: int) -> int:
    """Steps computed together for ``lanes`` lanes when the bytes are known."""
    return max(1, ROWS_AT_ONCE // lanes)


def new_flow(network: Network, count: int, steps: int) -> tuple[Int32s, Uint8s]:
    """Stream and activations of ``LaneBuffers``, all that goes from a layer to the next."""
    stream, columns = steps * network.enter.weight.shape[0], byte_products.padded_columns(network.most[1])
    return aligned((count, stream), np.int32), aligned((count, steps * columns), np.uint8)


def new_lane_buffers(network: Network, count: int, steps: int) -> LaneBuffers:
    """The buffers of ``count`` lanes before their first byte, with room for ``steps`` steps."""
    stream, activations = new_flow(network, count, steps)
    return LaneBuffers(
        registers=aligned((count, NGRAM_REGISTERS), np.uint64),
        states=aligned((count, network.cells), np.int32),
        embedding_rows=aligned((count, len(network.features)), np.int32),
        stream=stream,
        activations=activations,
        sums=aligned((count, steps * network.most[0]), np.int32),
        rest=aligned((count, steps * byte_products.PANEL), np.int32),
        logits=aligned((count, 256), np.int32),
    )


class Prior:
    """The prior of a block's lanes, with products by one of ``fixed_point.BACKENDS``.

    trees (most_steps, lanes, 512) int32: the probability trees of ``fixed_point.frequencies``.
    """

    def __init__(self, network: Network, lanes: int, backend: str, *, prefetch: bool = False) -> None:
        """prefetch: whether the trees of known bytes are computed in a thread ahead of their use."""
        self.most_steps, self._backend, self._prefetch = most_steps(lanes), backend, prefetch
        self.trees = aligned((self.most_steps, lanes, 512), np.int32)
        self.previous = np.full((1, lanes), -1, np.int16)
        self._weights, self._lanes = (
            weights_of(network, packed=False),
            new_lane_buffers(network, lanes, self.most_steps),
        )
        self._layers = [(layer.weight.shape, fixed_point.BACKENDS[backend](layer.weight)) for layer in network.layers()]
        self._rows, self._products = 0, list[tuple[Uint8s, Int8s, Callable[[], None]]]()

    def _bind(self, rows: int) -> None:
        """Have the products work on ``rows`` rows from now on."""
        self._rows = rows
        self._products.clear()
        for (outputs, columns), product in self._layers:
            width = byte_products.padded_columns(columns)
            shifted = self._lanes.activations.reshape(-1)[: rows * width].reshape(rows, width)[:, :columns]
            activations, sums = np.zeros((rows, columns), np.int8), self._lanes.sums.reshape(-1)[: rows * outputs]
            self._products.append((shifted, activations, product(activations, sums.reshape(rows, outputs))))

    @property
    def recurrent_state(self) -> list[npt.NDArray[Any]]:
        """The registers and states of all lanes, all that one step leaves to the next."""
        return [self._lanes.registers, self._lanes.states]

    def take_turns(self, memory: list[Call], groups: list[tuple[int, int]], steps: int) -> None:
        """As ``SharedPrior.take_turns``."""
        for _ in range(steps):
            self.expect(self.previous)
            for call in memory:
                call()

    def expect(self, previous: npt.NDArray[np.int16]) -> None:
        """Fill ``trees`` with the predictions behind each of the bytes ``previous`` (steps, lanes), -1 before the
        first."""
        if previous.size != self._rows:
            self._bind(previous.size)
        for layer, (shifted, activations, multiply) in enumerate(self._products):
            _enter_layer(layer, previous, 0, self._weights, self._lanes)
            np.subtract(shifted, byte_products.ACTIVATION_SHIFT, out=activations, dtype=np.int16, casting="unsafe")
            multiply()
        _leave_network(0, self._weights, self._lanes, self.trees[: len(previous)])

    def catch_up(self, known: npt.NDArray[np.int16], guesses: npt.NDArray[np.int16]) -> Int32s:
        """The trees (1 + guesses, 1, 512) of the only lane behind the last of the bytes ``known`` (n,), and behind each
        of a few ``guesses`` of what follows.  The recurrent state is then that behind all of them."""
        behind = max(0, known.size + guesses.size - self.most_steps)
        for first in range(0, behind, self.most_steps):
            self.expect(known[first : min(first + self.most_steps, behind), None])
        part = np.concatenate((known[behind:], guesses))[:, None]
        self.expect(part)
        return self.trees[part.size - 1 - guesses.size : part.size]

    def expectations(self, previous: Iterable[npt.NDArray[np.int16]]) -> Generator[Int32s, None, None]:
        """The trees (steps, lanes, 512) for each array of ``previous`` bytes (steps, lanes), of up to ``most_steps``
        steps; valid until the next are asked for."""
        return prefetched(self._copies(previous)) if self._prefetch else self._expected(previous)

    def _expected(self, previous: Iterable[npt.NDArray[np.int16]]) -> Generator[Int32s, None, None]:
        for steps in previous:
            self.expect(steps)
            yield self.trees[: len(steps)]

    def _copies(self, previous: Iterable[npt.NDArray[np.int16]]) -> Generator[Int32s, None, None]:
        with fixed_point.one_thread(self._backend):  # torch asks each thread
            for trees in self._expected(previous):
                yield trees.copy()
