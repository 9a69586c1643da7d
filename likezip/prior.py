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
bytes are known, over many steps at once.

``_before`` does what comes before a layer's product, ``_after`` what follows the last one.  With the kernel of
products in ``dotproduct`` all of it is one kernel, which threads share: of a single step each takes a part of the
outputs of every layer, so that its weights stay in the cache of its core; of many steps at once a part of the lanes.
The other ways to multiply are called from Python, one layer after the other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from likezip import dotproduct, exact, handover
from likezip.kernels import aligned, aligned_copy, compiled, inlined, matrix, prefetch, shift_right
from likezip.network import Layer, Network
from likezip.ngrams import FEATURES, REGISTERS, ROWS, find_rows, remember

Int8s, Uint8s = npt.NDArray[np.int8], npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]

ROWS_AT_ONCE = 256
"""Bytes of all lanes that are taken together when they are known: enough for products, and sums that a cache holds."""

MOST_THREADS = 4
"""That share a block."""

CREDIT, ALONE = 30_000_000, 1 << 13
"""Cycles, some 10 ms, and bytes, some 100 ms; see ``SharedPrior``."""

STREAM_LIMIT = (1 << 20) - 1
SMALLEST_MEAN = 1 << 8
"""Added to the mean square of x, in 2^-16."""

OUTPUTS, COLUMNS, PACKED, OFFSETS, STATES, FIELDS = range(6)
"""Of a layer: its sizes, where its weight and its offsets begin, how many states of a lane come before it."""


class Weights(NamedTuple):
    """A network as the kernels take it, all layers in one."""

    embeddings: Int8s  # (rows, dimension)
    layout: npt.NDArray[np.int64]  # (layers, FIELDS)
    packed: Int8s  # weights as in dotproduct, or nothing
    offsets: Int32s  # (outputs of all layers,)
    shifts: Int32s  # (outputs of all layers,)


class Lanes(NamedTuple):
    """What is known of some lanes, and room for what is computed of some steps of them together: all (lanes, ...).

    A row is a step of a lane; the steps of a lane follow each other.
    """

    registers: npt.NDArray[np.uint64]  # REGISTERS
    states: Int32s  # of all blocks
    found: Int32s  # features, rows of embeddings
    stream: Int32s  # most steps * width
    even: Uint8s  # most steps * most columns in fours, activations of every other layer, SHIFT added
    odd: Uint8s  # and of those between
    sums: Int32s  # most steps * most outputs, what the last product gave
    rest: Int32s  # most steps * PANEL, for dotproduct
    logits: Int32s  # 256


@inlined
def _embed(known, base, first, last, lanes, embeddings, e):
    """Take the bytes ``known`` (steps, base + lanes), -1 before the first, and look up what then predicts the next byte.

    Of lanes from ``first`` to ``last``; e: the embeddings (rows, features * dimension) of the n-grams.
    """
    registers, rows, dimension = lanes.registers, lanes.found, embeddings.shape[1]
    steps = known.shape[0]
    for step in range(steps):
        for lane in range(first, last):
            if known[step, base + lane] >= 0:
                remember(known[step, base + lane], registers[lane])
            find_rows(registers[lane], rows[lane])
            for f in range(rows.shape[1]):
                prefetch(embeddings, np.uint64(rows[lane, f]) * np.uint64(dimension))
        for lane in range(first, last):
            place = e[lane * steps + step]
            for f in range(rows.shape[1]):
                row = embeddings[np.uint64(rows[lane, f])]
                for i in range(dimension):
                    place[f * dimension + i] = np.uint8(np.int32(row[i]) + np.int32(exact.SHIFT))


@inlined
def _add(sums, offset, shift, x, q):
    """x += sums, then q = x / rms(x): sums, x, q (rows, width)."""
    width = x.shape[1]
    for row in range(x.shape[0]):
        total = np.int64(0)
        for i in range(width):
            change = shift_right(np.int32(sums[row, i] + offset[i]), shift[i])
            value = min(max(np.int32(x[row, i] + change), np.int32(-STREAM_LIMIT)), np.int32(STREAM_LIMIT))
            x[row, i] = value
            total += np.int64(value) * np.int64(value)
        exact.normalise(x[row], total // width + SMALLEST_MEAN, q[row])


@inlined
def _recur(z_sums, z_offset, z_shift, c_sums, c_offset, c_shift, h, q):
    """h += z (c - h), and the states as activations: all (states,) of one step of a lane."""
    for i in range(q.size):
        z = shift_right(np.int32(z_sums[i] + z_offset[i]), z_shift[i])
        z = min(max(z, np.int32(0)), np.int32(4096))
        c = shift_right(np.int32(c_sums[i] + c_offset[i]), c_shift[i])
        c = min(max(c, np.int32(-1024)), np.int32(1024))
        distance = np.int32(c << np.int32(6)) - h[i]
        value = np.int32(h[i] + shift_right(np.int32(z * np.int32(distance) + np.int32(2048)), np.int32(12)))
        h[i] = value
        value = shift_right(np.int32(value + np.int32(256)), np.int32(9))
        q[i] = np.uint8(min(max(value, np.int32(-127)), np.int32(127)) + np.int32(exact.SHIFT))


@inlined
def _square(sums, offset, shift, q):
    """The squares of what is positive, all (hidden,) of one row."""
    for i in range(q.size):
        u = shift_right(np.int32(sums[i] + offset[i]), shift[i])
        u = min(max(u, np.int32(0)), np.int32(2048))
        u = shift_right(np.int32(np.int32(u * u) + np.int32(1 << 14)), np.int32(15))
        q[i] = np.uint8(min(u, np.int32(127)) + np.int32(exact.SHIFT))


@inlined
def _offsets_and_shifts(layer, weights):
    """What the sums of ``layer`` need, (outputs,) each."""
    begin = weights.layout[layer, OFFSETS]
    end = begin + weights.layout[layer, OUTPUTS]
    return weights.offsets[begin:end], weights.shifts[begin:end]


@inlined
def _share(whole, number, threads):
    """Which of ``whole`` things are those of a thread: from, to."""
    return whole * number // threads, whole * (number + 1) // threads


@inlined
def _meets(layer):
    """Whether what is before ``layer`` needs the sums of all threads: to normalise; the rest needs their own."""
    return layer % 2 == 1


@compiled
def _before(layer, known, base, number, threads, weights, lanes):
    """A thread's share of the activations of ``layer``: of the bytes ``known`` (steps, base + lanes) those of the first
    layer, else of the sums of the one before.

    Layers are enter, then gates, out, up and down of each block, then head.
    """
    steps, count = known.shape[0], lanes.registers.shape[0]
    rows, columns, width = steps * count, weights.layout[layer, COLUMNS], weights.layout[0, OUTPUTS]
    first, last = _share(count, number, threads)
    q = matrix(lanes.odd if layer % 2 else lanes.even, rows, dotproduct.padded(columns))
    x = matrix(lanes.stream, rows, width)[first * steps : last * steps]
    if layer == 0:
        _embed(known, base, first, last, lanes, weights.embeddings, q)
        x[:] = 0
        return
    offset, shift = _offsets_and_shifts(layer - 1, weights)
    sums = matrix(lanes.sums, rows, offset.size)
    if _meets(layer):
        _add(sums[first * steps : last * steps], offset, shift, x, q[first * steps : last * steps])
        return
    begin, end = _share(dotproduct.panels(columns), number, threads)
    begin, end = begin * dotproduct.PANEL, min(end * dotproduct.PANEL, columns)
    if layer % 4 == 2:
        z, c = slice(begin, end), slice(offset.size // 2 + begin, offset.size // 2 + end)
        state = weights.layout[layer, STATES]
        for row in range(rows):
            h = lanes.states[row // steps, state + begin : state + end]
            _recur(sums[row, z], offset[z], shift[z], sums[row, c], offset[c], shift[c], h, q[row, begin:end])
    else:
        for row in range(rows):
            _square(sums[row, begin:end], offset[begin:end], shift[begin:end], q[row, begin:end])


@compiled
def _after(base, number, threads, weights, lanes, trees):
    """A thread's share of the trees (steps, base + lanes, 512), from the sums of the last layer."""
    steps, count = trees.shape[0], lanes.registers.shape[0]
    first, last = _share(count, number, threads)
    offset, shift = _offsets_and_shifts(weights.layout.shape[0] - 1, weights)
    sums = matrix(lanes.sums, steps * count, 256)
    for lane in range(first, last):
        logits = lanes.logits[lane]
        for step in range(steps):
            row = lane * steps + step
            for symbol in range(256):
                logits[symbol] = shift_right(np.int32(sums[row, symbol] + offset[symbol]), shift[symbol])
            exact.frequencies(logits, trees[step, base + lane])


@inlined
def _all_layers(orders, number, threads, known, base, weights, lanes, trees):
    """A thread's share of all that leads from known to trees; returns the cycles for which it waited for others."""
    rows, waited = known.shape[0] * lanes.registers.shape[0], 0
    for layer in range(weights.layout.shape[0]):
        if threads > 1 and _meets(layer):
            waited += handover.meet(orders, number)
        _before(layer, known, base, number, threads, weights, lanes)
        if threads > 1:
            waited += handover.meet(orders, number)
        columns, outputs = weights.layout[layer, COLUMNS], weights.layout[layer, OUTPUTS]
        activations = matrix(lanes.odd if layer % 2 else lanes.even, rows, dotproduct.padded(columns))
        sums, rest = matrix(lanes.sums, rows, outputs), matrix(lanes.rest, rows, dotproduct.PANEL)
        packed, halves = weights.packed[weights.layout[layer, PACKED] :], 2 if layer % 4 == 1 else 1
        panels = dotproduct.panels(outputs) // halves
        begin, end = _share(panels, number, threads)
        for half in range(halves):
            dotproduct.multiply_panels(packed, activations, sums, rest, half * panels + begin, half * panels + end)
    if threads > 1:
        waited += handover.meet(orders, number)
    _after(base, number, threads, weights, lanes, trees)
    return waited


@inlined
def _part(lanes, first, last):
    """Some lanes for themselves."""
    return Lanes(
        lanes.registers[first:last],
        lanes.states[first:last],
        lanes.found[first:last],
        lanes.stream[first:last],
        lanes.even[first:last],
        lanes.odd[first:last],
        lanes.sums[first:last],
        lanes.rest[first:last],
        lanes.logits[first:last],
    )


@inlined
def _expect(orders, thread, known, weights, lanes, trees):
    """A thread's share of what follows: from known (steps, lanes) to trees (steps, lanes, 512).

    Returns the cycles for which it waited for others.
    """
    threads, (steps, count) = handover.threads(orders), known.shape
    number, parts, base = thread, threads, 0
    if steps > 1 and count % threads == 0:
        base, last = _share(count, thread, threads)
        number, parts, lanes = 0, 1, _part(lanes, base, last)
    waited = _all_layers(orders, number, parts, known, base, weights, lanes, trees)
    return waited + handover.meet(orders, thread)


@compiled
def _lead(orders, known, weights, lanes, steps, trees, at):
    """Take ``steps`` bytes of all lanes, together with the followers.

    Returns for how many cycles it worked longer than it waited for them.
    """
    begin = handover.cycles()
    handover.give(orders, steps, at)
    waited = _expect(orders, 0, known[:steps], weights, lanes, trees[at : at + steps])
    return handover.cycles() - begin - 2 * waited


@compiled
def _follow(orders, number, known, weights, lanes, trees):
    """Do what the leader orders until it says that nothing follows."""
    while True:
        steps, at = handover.take(orders, number)
        if steps == 0:
            return
        _expect(orders, number, known[:steps], weights, lanes, trees[at : at + steps])


def _in_halves(gates: Layer) -> Layer:
    """The layer with zeros behind z and behind c, up to whole panels each, so that a thread has both of a state."""
    states = len(gates.offset) // 2
    more = -states % dotproduct.PANEL

    def filled(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        halves = array.reshape(2, states, -1)
        return np.pad(halves, ((0, 0), (0, more), (0, 0))).reshape(2 * (states + more), *array.shape[1:])

    return Layer(filled(gates.weight), filled(gates.offset), filled(gates.shift))


def _layers(network: Network) -> list[Layer]:
    """All of them as the kernels take them."""
    blocks = [(_in_halves(gates), out, up, down) for gates, out, up, down in network.blocks]
    return [network.enter, *chain.from_iterable(blocks), network.head]


def _weights(network: Network, *, packed: bool) -> Weights:
    layers, parts = _layers(network), [np.zeros(0, np.int8)]
    layout, states = np.zeros((len(layers), FIELDS), np.int64), 0
    for number, layer in enumerate(layers):
        outputs, columns = layer.weight.shape
        place = sum(part.size for part in parts), sum(before.offset.size for before in layers[:number])
        layout[number] = outputs, columns, *place, states
        states += columns if number % 4 == 2 else 0
        if packed:
            parts.append(dotproduct.pack(layer.weight))
    offsets, shifts = (np.concatenate([getattr(layer, part) for layer in layers]) for part in ("offset", "shift"))
    arrays = network.embeddings, layout, np.concatenate(parts), offsets, shifts
    return Weights(*map(aligned_copy, arrays))


def _lanes(network: Network, count: int, steps: int) -> Lanes:
    layers = _layers(network)
    outputs, columns = (max(layer.weight.shape[axis] for layer in layers) for axis in (0, 1))
    return Lanes(
        registers=aligned((count, REGISTERS), np.uint64),
        states=aligned((count, sum(out.weight.shape[1] for _, out, _, _ in network.blocks)), np.int32),
        found=aligned((count, len(FEATURES)), np.int32),
        stream=aligned((count, steps * network.enter.weight.shape[0]), np.int32),
        even=aligned((count, steps * (columns + 3)), np.uint8),
        odd=aligned((count, steps * (columns + 3)), np.uint8),
        sums=aligned((count, steps * outputs), np.int32),
        rest=aligned((count, steps * dotproduct.PANEL), np.int32),
        logits=aligned((count, 256), np.int32),
    )


class Prior:
    """The prior of a block's lanes, with products by one of ``exact.BACKENDS``.

    trees (most steps + 1, lanes, 512) int32: what is expected, as in ``exact.frequencies``.
    """

    def __init__(self, network: Network, lanes: int, backend: str, most_steps: int = 1) -> None:
        """most_steps: how many bytes of each lane will be known at a time."""
        self.most_steps = most_steps
        self.trees = aligned((most_steps + 1, lanes, 512), np.int32)
        self._weights, self._lanes = _weights(network, packed=False), _lanes(network, lanes, most_steps)
        self._layers = [(layer.weight.shape, exact.BACKENDS[backend](layer.weight)) for layer in _layers(network)]
        self._bind(lanes * most_steps)

    def _bind(self, rows: int) -> None:
        """Have the products work on ``rows`` rows from now on."""
        self._rows, self._products = rows, []
        for number, ((outputs, columns), product) in enumerate(self._layers):
            width = (columns + 3) // 4 * 4
            room = self._lanes.odd if number % 2 else self._lanes.even
            shifted = room.reshape(-1)[: rows * width].reshape(rows, width)[:, :columns]
            activations, sums = np.zeros((rows, columns), np.int8), self._lanes.sums.reshape(-1)[: rows * outputs]
            self._products.append((shifted, activations, product(activations, sums.reshape(rows, outputs))))

    def expect(self, known: npt.NDArray[np.int16], at: int) -> None:
        """What follows after each of the bytes ``known`` (steps, lanes), -1 before the first, into trees[at] and on."""
        if known.size != self._rows:
            self._bind(known.size)
        for layer, (shifted, activations, multiply) in enumerate(self._products):
            _before(layer, known, 0, 0, 1, self._weights, self._lanes)
            np.bitwise_xor(shifted.view(np.int8), np.int8(-128), out=activations)  # what takes SHIFT away again
            multiply()
        _after(0, 0, 1, self._weights, self._lanes, self.trees[at : at + len(known)])


class SharedPrior:
    """The same in one kernel, with products by ``dotproduct``, which threads share.

    Where the processor is busy with other things, threads that wait for each other are slower than one.  So once the
    leader has waited CREDIT longer than it worked, it goes alone for a while, each time for longer.
    """

    def __init__(self, network: Network, lanes: int, most_steps: int, threads: int) -> None:
        self.most_steps, self._threads = most_steps, threads
        self.trees = aligned((most_steps + 1, lanes, 512), np.int32)
        self._known = np.zeros((most_steps, lanes), np.int16)
        self._weights, self._lanes = _weights(network, packed=True), _lanes(network, lanes, most_steps)
        self._orders, self._followers = handover.orders(1), list[Thread]()
        self._credit, self._alone, self._next_alone = CREDIT, 0, ALONE

    def __enter__(self) -> SharedPrior:
        if self._threads > 1:
            self._gather()
        return self

    def __exit__(self, *_: object) -> None:
        self._dismiss()

    def _gather(self) -> None:
        """Begin to share; where no thread can begin, never do."""
        self._orders, self._credit = handover.orders(self._threads), CREDIT
        shared = self._known, self._weights, self._lanes, self.trees
        handover.dismiss(self._orders)
        _follow(self._orders, 1, *shared)  # here, where it returns at once, it is loaded, or fails
        self._orders[:] = 0
        try:
            for number in range(1, self._threads):
                self._followers.append(Thread(target=_follow, args=(self._orders, number, *shared), daemon=True))
                self._followers[-1].start()
        except RuntimeError:
            self._dismiss()
            self._alone = sys.maxsize
        except BaseException:
            self._dismiss()
            raise

    def _dismiss(self) -> None:
        """Go alone from now on."""
        handover.dismiss(self._orders)
        while self._followers:
            follower = self._followers.pop()
            if follower.ident is not None:
                follower.join()
        self._orders = handover.orders(1)

    def expect(self, known: npt.NDArray[np.int16], at: int) -> None:
        """As ``Prior.expect``."""
        steps = len(known)
        self._known[:steps] = known
        gain = _lead(self._orders, self._known, self._weights, self._lanes, steps, self.trees, at)
        if self._followers:
            self._credit = min(self._credit + gain, CREDIT)
            if self._credit < 0:
                self._dismiss()
                self._alone, self._next_alone = self._next_alone, 2 * self._next_alone
        elif self._threads > 1:
            self._alone -= known.size
            if self._alone <= 0:
                self._gather()


@contextmanager
def ready(network: Network, size: int, lanes: int, *, known: bool, threads: int = 1) -> Iterator[Prior | SharedPrior]:
    """The prior of a block of ``size`` bytes by the best backend, in up to ``threads`` threads if that is dot.

    If the bytes are ``known``, it takes many steps at once.
    """
    backend, steps = exact.pick(size), max(1, ROWS_AT_ONCE // lanes) if known else 1
    if backend == "dot":
        with SharedPrior(network, lanes, steps, min(threads, MOST_THREADS)) as shared:
            yield shared
    else:
        with exact.one_thread(backend):
            yield Prior(network, lanes, backend, steps)


def compile_kernels() -> None:
    """Compile all kernels by a step of the smallest network."""

    def layer(outputs: int, columns: int) -> Layer:
        numbers = np.zeros(outputs, np.int32)
        return Layer(np.zeros((outputs, columns), np.int8), numbers, numbers)

    block = layer(16, 8), layer(8, 8), layer(8, 8), layer(8, 8)
    network = Network(np.zeros((ROWS, 1), np.int8), layer(8, len(FEATURES)), [block], layer(256, 8))
    exact.is_right("dot")
    with ready(network, exact.SMALL, 1, known=False, threads=2) as prior:
        prior.expect(np.full((1, 1), -1, np.int16), 0)
