"""One training step on the CPU: a batch's loss and all gradients, by products of int8 and the kernels of ``fused``.

The function is that of ``likezip.training.twin`` with the loss of ``likezip.training.mixture``, whose formulas say what
is computed; on a GPU they are what runs.  Here the lanes are divided into shards, which threads take, and each shard's
bytes are taken in chunks that a cache holds: forward through all layers, then backward in the opposite order.  Forward
products are those of the coded network; backward both factors are int8 too (``fused.quantise``), which halves their
time on processors with products of bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from likezip.kernels.intrinsics import aligned
from likezip.prior.fixed_point import WEIGHT_LIMIT
from likezip.training import fused
from likezip.training.mixture import OWN_SHARE, Mixture
from likezip.training.products import Int8s, Int32s, weight_of
from likezip.training.segments import Batch
from likezip.training.twin import (
    LARGEST_WEIGHT_UNIT,
    SMALLEST_MEAN,
    SMALLEST_WEIGHT_UNIT,
    STATE_UNIT,
    STREAM_UNIT,
    Block,
    GridLinear,
    Twin,
)

CHUNK = 512
"""Rows, about, that go through all layers together."""
SHARDS = 2
"""Shards for each thread, where there are several: what another thread has done meanwhile, here or of the memory, evens
out."""

WIDEST = np.float32(32)
"""For a weight's own gradient, int8 spans this many root mean squares of a row's gradients; larger ones are cut off."""
REMEMBERED = 0.9
"""Share of the old mean squares that a step keeps."""

STREAM_STEPS, STATE_STEPS = np.float32(1 / STREAM_UNIT), np.float32(1 / STATE_UNIT)
MEAN = np.float32(SMALLEST_MEAN)

Float32s = npt.NDArray[np.float32]


class Layer:
    """A product's weight as the kernels take it: of one linear layer, or of several of the same input."""

    def __init__(self, *linears: GridLinear) -> None:
        self._linears, self._input = linears, np.float32(linears[0].unit)
        self.columns, self.outputs = linears[0].in_features, sum(linear.out_features for linear in linears)
        self.weight = weight_of(self.outputs, self.columns)
        self.units, self.biases = (np.empty(self.outputs, np.float32) for _ in range(2))
        self.inverses, self._mean_squares = np.zeros(self.outputs, np.float32), np.zeros(self.outputs)
        self._steps = 0

    @torch.no_grad()
    def round(self) -> None:
        """Take the weights and biases of the linear layers as they now are."""
        first, steps = 0, self.weight.steps
        for linear in self._linears:
            part = slice(first, first + linear.out_features)
            fused.round_weights(
                linear.weight.numpy(),
                np.float32(SMALLEST_WEIGHT_UNIT),
                np.float32(LARGEST_WEIGHT_UNIT),
                np.float32(WEIGHT_LIMIT),
                self.units[part],
                steps[part],
            )
            self.biases[part] = 0 if linear.bias is None else linear.bias.numpy()
            first += linear.out_features
        self.units *= self._input
        self.weight.prepare()

    def measure(self, squares: npt.NDArray[np.float64]) -> None:
        """Set the scale of the next step's gradients by the mean squares of this one's and of those before."""
        kept = REMEMBERED if self._steps else 0.0
        self._mean_squares += (1 - kept) * (squares - self._mean_squares)
        self._steps += 1
        self.inverses[:] = fused.LIMIT / (WIDEST * np.sqrt(self._mean_squares + 1e-30))

    @property
    def is_measured(self) -> bool:
        return self._steps > 0

    @torch.no_grad()
    def give_gradients(self, sums: Tensor, totals: Float32s) -> None:
        """Set the gradients of the linear layers from what all shards found: sums (outputs, columns) of the weights,
        totals (outputs,) of the biases."""
        weights = sums.mul_(torch.from_numpy(self._input / self.inverses)[:, None])
        first = 0
        for linear in self._linears:
            part = slice(first, first + linear.out_features)
            linear.weight.grad = weights[part]
            if linear.bias is not None:
                linear.bias.grad = torch.from_numpy(totals[part].copy())
            first += linear.out_features


class Kept:
    """What a layer's forward pass leaves for its backward pass, and that for the weight's gradient: inputs (rows,
    columns) and gradients (rows, outputs) int8, on the grid."""

    def __init__(self, layer: Layer, inputs: Int8s, gradients: Int8s) -> None:
        self.layer, self.inputs, self.gradients = layer, inputs, gradients
        self.squares, self.totals = (np.zeros(layer.outputs, np.float32) for _ in range(2))

    def multiply(self, part: slice, room: Int32s) -> Int32s:
        """The layer's sums of a part of the rows, (rows, outputs)."""
        rows = part.stop - part.start
        sums = room[: rows * self.layer.outputs].reshape(rows, self.layer.outputs)
        self.layer.weight.forward(self.inputs[part], sums)
        return sums

    def back(self, by_row: Int8s, room: Int32s) -> Int32s:
        """The sums of the inputs' gradients (rows, columns) from ``by_row`` (rows, outputs)."""
        sums = room[: len(by_row) * self.layer.columns].reshape(len(by_row), self.layer.columns)
        self.layer.weight.backward(by_row, sums)
        return sums


class WeightGradient:
    """The gradient of a layer's weight, a product of what all shards keep."""

    def __init__(self, layer: Layer, rows: int) -> None:
        self._inputs, self._gradients = (aligned((rows, size), np.int8) for size in (layer.columns, layer.outputs))
        self.layer, self.sums = layer, torch.empty((layer.outputs, layer.columns), dtype=torch.int32)

    def kept(self, rows: slice) -> Kept:
        """The part of a shard."""
        return Kept(self.layer, self._inputs[rows], self._gradients[rows])

    def compute(self) -> None:
        """Set the sums of all rows."""
        torch._int_mm(torch.from_numpy(self._gradients).t(), torch.from_numpy(self._inputs), out=self.sums)


class _Recurrent:
    """What a recurrence leaves for its backward pass: gates, candidates and distances (rows, states)."""

    def __init__(self, rows: int, lanes: int, states: int) -> None:
        self.gates = aligned((rows, states), np.uint16)
        self.candidates, self.distances = (aligned((rows, states), np.int16) for _ in range(2))
        self.later = np.zeros((lanes, states), np.float32)


class Shard:
    """Some lanes, which go through the network together, and their buffers."""

    def __init__(self, twin: Twin, kept: Sequence[Kept], lanes: int, steps: int) -> None:
        self._twin, self._lanes, self._rows = twin, lanes, steps * lanes
        rows, width = self._rows, twin.shape.width
        self._chunk = max(1, CHUNK // lanes) * lanes
        self.kept, layers = kept, [part.layer for part in kept]
        self._scales = np.empty((2 * len(twin.blocks) + 1, rows), np.float32)
        self._recurrent = [_Recurrent(rows, lanes, state) for state in twin.shape.state]
        self._roots = [aligned((rows, hidden), np.uint16) for hidden in twin.shape.hidden]
        self.gradients = aligned((rows, self.kept[0].layer.columns), np.float32)
        self._head_rows, self._row_units = aligned((rows, 256), np.int8), np.empty(rows, np.float32)
        most = max(max(layer.outputs, layer.columns) for layer in layers)
        self._sums = aligned(self._chunk * most, np.int32)
        self._by_row = aligned(self._chunk * most, np.int8)
        self._x, self._change = (aligned((self._chunk, width), np.float32) for _ in range(2))
        self._room, self._bits = aligned(most, np.float32), aligned((4, 8), np.float32)
        self.nats, self.mixture = np.zeros(2), np.zeros((2, 8 * fused.LEVELS), np.float32)

    def _chunks(self) -> list[slice]:
        return [slice(first, min(first + self._chunk, self._rows)) for first in range(0, self._rows, self._chunk)]

    def run(
        self,
        rows: npt.NDArray[np.int32],
        states: list[Float32s],
        following: npt.NDArray[np.uint8],
        memory_logits: npt.NDArray[np.int16],
        mixture: Float32s,
        share: float,
        seed: int,
        penalty: float,
        learn: bool,
    ) -> None:
        """Forward and, to ``learn``, backward, but for the weights' gradients.

        rows (rows, features), following (rows,), memory_logits (rows, 8) or (rows, 0) as in ``Batch``; states: (lanes,
        states) of each block, which become those after; mixture: the mixture's weights; share: what a row counts.
        """
        fused.embed(rows, self._twin.embeddings.weight.detach().numpy(), self.kept[0].inputs)
        self.nats[:] = 0
        self.mixture[:] = 0
        for kept in self.kept:
            kept.squares[:] = 0
            kept.totals[:] = 0
        for part in self._chunks():
            self._forward(part, states)
            self._lose(part, following[part], memory_logits[part], mixture, np.float32(share), seed)
        if not learn:
            return
        for recurrent in self._recurrent:
            recurrent.later[:] = 0
        for part in reversed(self._chunks()):
            self._backward(part, seed, np.float32(penalty))

    def _normalise(self, number: int, part: slice, x: Float32s) -> None:
        """Add a layer's products to the stream, and normalise it into the next layer's inputs."""
        kept = self.kept[number]
        sums, q = kept.multiply(part, self._sums), self.kept[number + 1].inputs[part]
        scales = self._scales[number // 2, part]
        fused.add_normalise(sums, kept.layer.units, x, q, scales, MEAN, STREAM_STEPS)

    def _forward(self, part: slice, states: list[Float32s]) -> None:
        x = self._x[: part.stop - part.start]
        x[:] = 0
        self._normalise(0, part, x)
        for block, (recurrent, root, h) in enumerate(zip(self._recurrent, self._roots, states, strict=True)):
            gates, out, up, down = self.kept[4 * block + 1 : 4 * block + 5]
            sums, q = gates.multiply(part, self._sums), out.inputs[part]
            kept = recurrent.gates[part], recurrent.candidates[part], recurrent.distances[part]
            fused.recur(sums, gates.layer.units, gates.layer.biases, h, STATE_STEPS, q, *kept)
            self._normalise(4 * block + 2, part, x)
            sums, q = up.multiply(part, self._sums), down.inputs[part]
            fused.square(sums, up.layer.units, up.layer.biases, STREAM_STEPS, q, root[part])
            self._normalise(4 * block + 4, part, x)

    def _lose(
        self,
        part: slice,
        following: npt.NDArray[np.uint8],
        memory_logits: npt.NDArray[np.int16],
        mixture: Float32s,
        share: np.float32,
        seed: int,
    ) -> None:
        head = self.kept[-1]
        sums = head.multiply(part, self._sums)
        fused.losses(
            sums,
            head.layer.units,
            head.layer.biases,
            following,
            memory_logits,
            mixture,
            np.float32(OWN_SHARE),
            share,
            self._room[:256],
            self._bits,
            *self._quantised(head, part, seed, self._head_rows[part]),
            self.mixture,
            self.nats,
        )

    def _quantised(self, kept: Kept, part: slice, seed: int, by_row: Int8s) -> Any:
        """What ``fused.quantise`` needs besides the gradients, in the order of ``fused.losses``."""
        seeded = np.uint32((seed + part.start * kept.layer.outputs) % (1 << 32))
        columns = kept.gradients[part]
        return kept.layer.inverses, seeded, by_row, self._row_units[part], columns, kept.squares, kept.totals

    def _backward(self, part: slice, seed: int, penalty: np.float32) -> None:
        rows = part.stop - part.start
        change, units = self._change[:rows], self._row_units[part]
        change[:] = 0
        by_row = self._head_rows[part]
        for number in range(len(self.kept) - 1, -1, -1):
            sums = self.kept[number].back(by_row, self._sums)
            if number == 0:
                e = self.kept[0].inputs[part]
                fused.embed_backward(sums, units, e, self.gradients[part])
                return
            before, inputs = self.kept[number - 1], self.kept[number].inputs[part]
            by_row = self._by_row[: rows * before.layer.outputs].reshape(rows, before.layer.outputs)
            inverses, seeded, rows8, _, columns, squares, totals = self._quantised(before, part, seed, by_row)
            room, last = self._room[: before.layer.outputs], (squares, totals)
            to = before.layer.units, inverses, seeded, rows8, columns, *last
            block, kind = divmod(number - 1, 4)
            if kind == 1:
                recurrent = self._recurrent[block]
                kept = recurrent.gates[part], recurrent.candidates[part], recurrent.distances[part]
                fused.recur_backward(sums, units, STATE_STEPS, inputs, *kept, recurrent.later, room, *to)
            elif kind == 3:
                root = self._roots[block][part]
                fused.square_backward(sums, units, STREAM_STEPS, inputs, root, penalty, room, *to)
            else:
                scales = self._scales[(number - 1) // 2, part]
                fused.add_normalise_backward(sums, units, inputs, scales, STREAM_STEPS, change, room, *to)


class Step:
    """A training step of ``lanes`` lanes and ``steps`` bytes each, divided among ``threads``."""

    def __init__(self, twin: Twin, mixture: Mixture, lanes: int, steps: int, threads: int) -> None:
        self._twin, self._mixture, self._seed = twin, mixture, 0
        self._layers = _layers_of(twin)
        self._products = [WeightGradient(layer, lanes * steps) for layer in self._layers]
        threads = min(threads, lanes)
        bounds = np.linspace(0, lanes, min(lanes, threads * SHARDS if threads > 1 else 1) + 1).astype(int)
        self._parts = [slice(int(a), int(b)) for a, b in pairwise(bounds)]
        self._shards = []
        for part in self._parts:
            rows = slice(part.start * steps, part.stop * steps)
            kept = [product.kept(rows) for product in self._products]
            self._shards.append(Shard(twin, kept, part.stop - part.start, steps))
        self._pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
        self._threads = threads
        self._slots = np.zeros(len(twin.embeddings.weight), np.int32)
        self.rows: list[npt.NDArray[np.int32]] = []

    def run(self, batch: Batch, states: list[Tensor], penalty: float = 0.0) -> tuple[float, float, list[Tensor]]:
        """Nats per byte of the prior alone and mixed (0 without a memory), and the states after the batch.

        The gradients of all parameters but the embeddings' are then in their ``grad``.
        """
        numbers = [state.numpy() for state in states]
        measured = all(layer.is_measured for layer in self._layers)
        before = [] if measured else [state.copy() for state in numbers]
        found = self._work(batch, numbers, penalty, True)
        if not measured:  # the first time only to see how large gradients are
            self._measure(batch.following.size)
            for state, first in zip(numbers, before, strict=True):
                state[:] = first
            found = self._work(batch, numbers, penalty, True)
        self._give_gradients()
        self._measure(batch.following.size)
        self._seed = (self._seed + 0x3C6EF372) % (1 << 32)
        return *found, states

    def measure(self, batch: Batch, states: list[Tensor]) -> tuple[float, float]:
        """Nats per byte as ``run``, without gradients; the states become those after the batch."""
        return self._work(batch, [state.numpy() for state in states], 0.0, False)

    def _work(self, batch: Batch, numbers: list[Float32s], penalty: float, learn: bool) -> tuple[float, float]:
        for layer in self._layers:
            layer.round()
        following, share = batch.following.astype(np.uint8), 1 / batch.following.size
        self.rows = [_flat(batch.rows[:, part]) for part in self._parts]
        weights = self._mixture.weights.detach().numpy()

        def work(number: int) -> None:
            part = self._parts[number]
            self._shards[number].run(
                self.rows[number],
                [state[part] for state in numbers],
                _flat(following[:, part]),
                _flat(batch.memory_logits[:, part]),
                weights,
                share,
                self._seed + number * 0x51ED27,
                penalty * share,
                learn,
            )

        list(self._pool.map(work, range(len(self._parts))))
        if learn:
            list(self._pool.map(WeightGradient.compute, self._products))
        alone, mixed = np.sum([shard.nats for shard in self._shards], 0) / batch.following.size
        return float(alone), float(mixed)

    def _measure(self, rows: int) -> None:
        for number, layer in enumerate(self._layers):
            squares = [shard.kept[number].squares.astype(np.float64) for shard in self._shards]
            layer.measure(np.sum(squares, 0) / rows)

    def _give_gradients(self) -> None:
        for number, product in enumerate(self._products):
            totals = np.sum([shard.kept[number].totals for shard in self._shards], 0)
            product.layer.give_gradients(product.sums.float(), totals)
        self._mixture.weights.grad = torch.from_numpy(np.sum([shard.mixture for shard in self._shards], 0))

    def embedding_gradients(self) -> list[Float32s]:
        """The gradients of the embeddings of each shard's ``rows``: (rows, features * dimension)."""
        return [shard.gradients for shard in self._shards]

    def zeros(self) -> float:
        """The share of hidden values that were 0."""
        counts = [np.mean(kept.inputs == 0) for shard in self._shards for kept in shard.kept[4:-1:4]]
        return float(np.mean(counts))

    def learn_embeddings(self, totals: Tensor, rate: float, epsilon: float) -> None:
        """A step of Adagrad by row, with accumulators ``totals`` (rows,); features are divided among the threads."""
        table, dimension = self._twin.embeddings.weight.detach().numpy(), self._twin.shape.dimension
        features = self.rows[0].shape[1]
        bounds = np.linspace(0, features, self._threads + 1).astype(int)

        def work(number: int) -> None:
            part = slice(bounds[number], bounds[number + 1])
            rows = np.concatenate([rows[:, part].reshape(-1) for rows in self.rows])
            found = [shard.gradients.reshape(-1, features, dimension)[:, part] for shard in self._shards]
            gradients = np.concatenate([gradient.reshape(-1, dimension) for gradient in found])
            places, room = np.empty(rows.size, np.int32), np.empty_like(gradients)
            fused.adagrad(
                rows,
                gradients,
                table,
                totals.numpy(),
                self._slots,
                places,
                room,
                np.float32(rate),
                np.float32(epsilon),
            )

        list(self._pool.map(work, range(self._threads)))


def _flat(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(steps, lanes, ...) as (steps * lanes, ...), in C's order."""
    return np.ascontiguousarray(array).reshape(array.shape[0] * array.shape[1], *array.shape[2:])


def _layers_of(twin: Twin) -> list[Layer]:
    """Enter, then gates, out, up and down of each block, then head."""
    layers = [Layer(twin.enter)]
    for block in twin.blocks:
        assert isinstance(block, Block)
        layers += [Layer(block.gate, block.candidate), Layer(block.out), Layer(block.up), Layer(block.down)]
    return [*layers, Layer(twin.head)]
