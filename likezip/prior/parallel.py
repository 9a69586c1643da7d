"""How threads share the work of a prior that multiplies by ``byte_products``.

A decoder's bytes come one at a time. While the memory works for one group of lanes, other threads compute the trees of
the other group, in ``lockstep``, each of a part of its lanes; a single one leaves embeddings and frequencies to the
thread of the memory. An encoder's bytes are known: each thread takes a part of the layers, for many steps at once, and
hands the steps on to the next thread, as in a ``pipeline``, whose last thread also runs the memory. So a block of one
lane is shared too, and no thread waits for another at every step.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cached_property, lru_cache
from itertools import cycle, pairwise
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.kernels.calls import make_call, words_of
from likezip.kernels.compiling import compiled
from likezip.kernels.intrinsics import aligned
from likezip.kernels.machine_code import FAILED, Call
from likezip.prior import byte_products, fixed_point, lockstep
from likezip.prior.fixed_point import Int32s
from likezip.prior.forward import (
    COLUMNS,
    WORTH_A_COPY,
    LaneBuffers,
    Prior,
    Uint8s,
    most_steps,
    new_flow,
    new_lane_buffers,
    stage_of,
    take_stages,
    weights_of,
)
from likezip.prior.network import IntegerLayer, Network
from likezip.prior.ngrams import Feature
from likezip.prior.pipeline import QUEUE_LENGTH, prefetched

MOST_THREADS, FEWEST_LANES_OF_A_THREAD = 4, 4
"""The most threads of a block, and the fewest lanes of each thread in lockstep."""

WAITING_CREDIT, MEASURED, BYTES_ALONE = 30_000_000, 1 << 9, 1 << 13
"""WAITING_CREDIT is in cycles, some 10 ms; MEASURED and BYTES_ALONE are in bytes, some 5 and 100 ms.  See
``SharedPrior``."""

MEMORY_COST, BETWEEN_COST = 1_500_000, 57_000
"""The time of a byte in multiply-adds, as many as products do in it.  MEMORY_COST is that of the memory and the trees,
BETWEEN_COST that of the work between two products.  Where it is different, threads wait for one another."""


@compiled
def _alternate(network, memories, steps, ready):
    """Take ``steps`` steps: the network's call for all lanes, unless the trees are ``ready`` for the first step, then
    those of the memory for each group, memories (groups, words).

    Returns the cycles that it took, or -1 if a call failed.
    """
    begin = lockstep.cycles()
    for step in range(steps):
        if (step or not ready) and make_call(network):
            return -1
        for group in range(memories.shape[0]):
            if make_call(memories[group]):
                return -1
    return max(lockstep.cycles() - begin, 0)  # a clock may go back when the thread moves to another core


@compiled
def _lead(orders, own, steps, cycles, credit):
    """Take up to ``steps`` steps: the calls ``own`` (groups, calls, words) for each group, once the followers have done
    what is theirs for its lanes, and then an order to do that for the next step.

    Ends early when it has taken more than ``credit`` cycles beyond ``cycles`` for each step.  Returns the steps taken
    and the credit that is left, or -1 and anything if a call failed.
    """
    begin, groups, left = lockstep.cycles(), own.shape[0], credit
    for step in range(steps):
        for group in range(groups):
            lockstep.wait_for_followers(orders, groups - 1)
            for call in range(own.shape[1]):
                if make_call(own[group, call]):
                    return -1, 0
            lockstep.give(orders, 1)
        left = credit + (step + 1) * cycles - (lockstep.cycles() - begin)
        if left < 0:
            return step + 1, left
    return steps, left


@compiled
def _follow(orders, number, networks):
    """Make the network's call for lanes of one group at the first order of the leader, of the other group at the
    second, and so on, until it dismisses the followers: networks (groups, words)."""
    while lockstep.take(orders, number):
        if make_call(networks[lockstep.taken(orders, number) % networks.shape[0]]):
            return -1
        lockstep.report(orders, number)
    return 0


def _work(orders: npt.NDArray[np.int64], number: int, calls: list[Call]) -> None:
    """Follow with ``calls``, one for each group, which live as long as that takes."""
    if _follow(orders, number, words_of(calls)):
        raise AssertionError(FAILED)


def _parts(first: int, end: int, count: int) -> list[tuple[int, int]]:
    """The lanes from ``first`` to ``end`` in so many parts, nearly equal ones."""
    ends = [first + -(-(end - first) * part // count) for part in range(count + 1)]
    return list(pairwise(ends))


@lru_cache(maxsize=2)
def layers_by_thread(network: Network, threads: int) -> list[tuple[int, int]]:
    """The layers of each thread in a pipeline of at most ``threads``, as (begin, end).

    They are divided so that the slowest thread is as fast as can be; the last thread also has the memory, and perhaps
    no layers.
    """
    costs = [layer.weight.size + BETWEEN_COST for layer in network.layers()]
    most = min(threads, MOST_THREADS)
    limits = range(max(MEMORY_COST, *costs), MEMORY_COST + sum(costs))
    shortest = bisect_left(limits, True, key=lambda limit: len(_layers_within(limit, costs)) <= most)
    return _layers_within(limits.start + shortest, costs)


def _layers_within(limit: int, costs: list[int]) -> list[tuple[int, int]]:
    """The layers of each thread, for as few threads as can be if none may take longer than ``limit``: from the last
    thread back, each gets as many layers as fit."""
    cuts, time = [len(costs)], MEMORY_COST
    for layer in reversed(range(len(costs))):
        if time + costs[layer] > limit:
            cuts.append(layer + 1)
            time = 0
        time += costs[layer]
    return list(pairwise([0, *reversed(cuts)]))


class StepBatch(NamedTuple):
    """Some steps on their way through the pipeline: their bytes, the values computed so far, and the trees."""

    previous: npt.NDArray[np.int16]  # (most steps, lanes)
    stream: Int32s  # as in LaneBuffers
    activations: Uint8s
    trees: Int32s  # (most steps, lanes, 512)


StepBatches = Generator[tuple[int, StepBatch], None, None]
"""Batches in the order of the block, each with its number of steps."""


class SharedPrior:
    """The prior of a block's lanes, as ``Prior``, shared by threads.

    Where the processor is busy with other things, threads that wait for each other at every step are slower than one.
    So it is measured how long a step takes one thread alone, and once steps with followers have taken WAITING_CREDIT
    longer than that, the leader works alone for BYTES_ALONE bytes, and for twice as many each time that this happens
    again.
    """

    def __init__(self, network: Network, size: int, lanes: int, threads: int) -> None:
        """size: of the block, in bytes; threads: the most that are used, up to MOST_THREADS."""
        self.most_steps = min(most_steps(lanes), -(-size // lanes))
        self.trees = aligned((1, lanes, 512), np.int32)
        self.previous = np.full((1, lanes), -1, np.int16)
        self._network, self._weights, self._threads = (
            network,
            weights_of(network, packed=True, copied=size >= WORTH_A_COPY),
            min(threads, MOST_THREADS),
        )
        all_lanes = new_lane_buffers(network, lanes, 0)
        self._registers, self._states = all_lanes.registers, all_lanes.states
        self._orders, self._followers = lockstep.order_counts(0), list[Thread]()
        self._calls = list[list[Call]]()  # of each follower, for each group
        self._cut = list[list[Call]]()  # of each group, if the leader takes the first and the last stage
        self._credit, self._alone, self._next_alone = WAITING_CREDIT, MEASURED, BYTES_ALONE
        self._cycles, self._ready = sys.maxsize, False

    @property
    def recurrent_state(self) -> list[npt.NDArray[Any]]:
        """The registers and states of all lanes, all that one step leaves to the next."""
        return [self._registers, self._states]

    def _room(self, first: int, end: int, steps: int) -> LaneBuffers:
        """The buffers of the lanes from ``first`` to ``end``, with room for ``steps`` steps; their recurrent state is
        shared with ``self``."""
        registers, states = self._registers[first:end], self._states[first:end]
        return new_lane_buffers(self._network, end - first, steps)._replace(registers=registers, states=states)

    def _network_calls(self, first: int, end: int, *cuts: int) -> list[Call]:
        """The network's calls for a step of the lanes from ``first`` to ``end``: its stages, cut into parts."""
        given = self.previous, first, self._weights, self._room(first, end, 1), self.trees
        stages = pairwise([0, *cuts, len(self._weights.layout) + 2])
        return [take_stages.call(*part, *given) for part in stages]

    @cached_property
    def _call_for_all(self) -> Call:
        """The network's call for all lanes."""
        return self._network_calls(0, self.previous.size)[0]

    def __enter__(self) -> SharedPrior:
        return self

    def __exit__(self, *_: object) -> None:
        self._dismiss()

    def _helpers(self, groups: list[tuple[int, int]]) -> int:
        """How many followers there may be: each has FEWEST_LANES_OF_A_THREAD of each group, and one group waits for
        nobody."""
        smallest = min(end - first for first, end in groups)
        return min(self._threads - 1, smallest // FEWEST_LANES_OF_A_THREAD) if len(groups) > 1 else 0

    def _gather(self, groups: list[tuple[int, int]], helpers: int) -> None:
        """Start so many followers, each with a part of the lanes of each group, and order the first trees; if no thread
        can be started, work alone for ever.

        No trees are ready: there was a step alone since the last followers were dismissed.
        """
        self._orders, self._credit = lockstep.order_counts(helpers), WAITING_CREDIT
        self._share_stages(groups, helpers)
        given = [(self._orders, number, calls) for number, calls in enumerate(self._calls)]
        lockstep.dismiss(self._orders)
        _work(*given[0])  # returns at once: the kernel is loaded, or fails, in this thread
        self._orders[:] = 0
        try:
            for arguments in given:
                self._followers.append(Thread(target=_work, args=arguments, daemon=True))
                self._followers[-1].start()
        except RuntimeError:
            self._dismiss()
            self._alone = sys.maxsize
            return
        except BaseException:
            self._dismiss()
            raise
        for begin, _, _ in self._cut:
            begin()
        for _ in groups:
            lockstep.order(self._orders)

    def _share_stages(self, groups: list[tuple[int, int]], helpers: int) -> None:
        """Divide the stages of the network: a follower alone leaves the first and the last stage to the leader, who has
        less to do than it; several take all stages of their lanes."""
        self._cut = []
        if helpers == 1:
            self._cut = [self._network_calls(*group, 1, len(self._weights.layout) + 1) for group in groups]
            self._calls = [[middle for _, middle, _ in self._cut]]
            return
        parts = [_parts(first, end, helpers) for first, end in groups]
        self._calls = [[self._network_calls(*part[number])[0] for part in parts] for number in range(helpers)]

    def _dismiss(self) -> None:
        """End the followers, if there are any, and work alone from now on."""
        if self._followers:
            lockstep.dismiss(self._orders)
        while self._followers:
            follower = self._followers.pop()
            if follower.ident is not None:
                follower.join()

    def expect(self, previous: npt.NDArray[np.int16]) -> None:
        """Fill ``trees`` with the predictions behind the bytes ``previous`` (1, lanes), -1 before the first."""
        self.previous[:] = previous
        self._call_for_all()

    def take_turns(self, memory: list[Call], groups: list[tuple[int, int]], steps: int) -> None:
        """Take ``steps`` steps: the trees behind ``previous``, then the calls of ``memory``, one for each of ``groups``
        (first, end) of lanes, which read their lanes' trees and write their bytes into ``previous``.

        The network may be a step ahead afterwards, so nothing else may be asked of this prior then.  Only the last call
        may be with fewer groups.
        """
        helpers = self._helpers(groups)
        while steps > 0:
            if helpers and self._alone <= 0 and not self._followers:
                self._gather(groups, helpers)
            if self._followers:
                steps -= self._take_with_followers(memory, steps)
            else:
                alone = -(-self._alone // self.previous.size) if helpers else steps
                steps -= self._take_alone(memory, min(steps, alone))

    def _take_alone(self, memory: list[Call], steps: int) -> int:
        """Take ``steps`` steps without followers; returns how many."""
        cycles = _alternate(self._call_for_all.words, words_of(memory), steps, int(self._ready))
        if cycles < 0:
            raise AssertionError(FAILED)
        if not self._ready:  # then a step has all that steps have
            self._cycles = min(self._cycles, cycles // steps)
        self._ready = False
        self._alone -= steps * self.previous.size
        return steps

    def _take_with_followers(self, memory: list[Call], steps: int) -> int:
        """Take up to ``steps`` steps, fewer if the followers cost more time than they save; returns how many."""
        own = [[call] for call in memory]
        for calls, (begin, _, end) in zip(own, self._cut, strict=False):
            calls[:] = end, *calls, begin
        words = np.stack([words_of(calls) for calls in own])
        taken, left = _lead(self._orders, words, steps, self._cycles, self._credit)
        if taken < 0:
            raise AssertionError(FAILED)
        self._credit = min(left, WAITING_CREDIT)
        if self._credit < 0:
            lockstep.finish(self._orders)
            for _, _, end in self._cut:
                end()
            self._ready = True  # for all lanes, as their orders were given
            self._dismiss()
            self._alone, self._next_alone = self._next_alone, 2 * self._next_alone
        return int(taken)

    def catch_up(self, known: npt.NDArray[np.int16], guesses: npt.NDArray[np.int16]) -> Int32s:
        """The trees (1 + guesses, 1, 512) of the only lane behind the last of the bytes ``known`` (n,), and behind each
        of a few ``guesses`` of what follows.  The recurrent state is then that behind all of them."""
        room, layers, wanted = self._room_of_one, self._weights.layout.shape[0], 1 + guesses.size
        behind = max(0, known.size + guesses.size - self.most_steps)  # what does not fit with the guesses
        for first in range(0, behind, self.most_steps):
            part = known[first : min(first + self.most_steps, behind), None]
            take_stages(0, layers, part, 0, self._weights, room, self.trees)
        part = np.concatenate((known[behind:], guesses))[:, None]
        take_stages(0, layers, part, 0, self._weights, room, self.trees)
        columns = byte_products.padded_columns(self._weights.layout[-1, COLUMNS])
        activations = room.activations[0, : part.size * columns].reshape(part.size, columns)
        activations[:wanted] = activations[part.size - wanted :].copy()  # the last layer is for these alone
        take_stages(layers, layers + 2, part[-wanted:], 0, self._weights, room, self._trees_of_one[:wanted])
        return self._trees_of_one[:wanted]

    @cached_property
    def _room_of_one(self) -> LaneBuffers:
        """The buffers of the only lane, for the most steps."""
        return self._room(0, 1, self.most_steps)

    @cached_property
    def _trees_of_one(self) -> Int32s:
        """Room for the trees of the only lane, for the most steps."""
        return aligned((self.most_steps, 1, 512), np.int32)

    def expectations(self, previous: Iterable[npt.NDArray[np.int16]]) -> Generator[Int32s, None, None]:
        """The trees (steps, lanes, 512) for each array of ``previous`` bytes (steps, lanes), of up to ``most_steps``
        steps; valid until the next are asked for."""
        parts = layers_by_thread(self._network, self._threads)
        buffers = cycle([self._new_batch() for _ in range(1 + QUEUE_LENGTH * (len(parts) - 1))])
        batches = _batches_of(previous, buffers)
        for layers in parts[:-1]:
            batches = prefetched(self._compute(layers, batches))
        with closing(self._compute(parts[-1], batches)) as taken:
            for steps, batch in taken:
                yield batch.trees[:steps]

    def _new_batch(self) -> StepBatch:
        lanes, steps = self.previous.size, self.most_steps
        trees = aligned((steps, lanes, 512), np.int32)
        return StepBatch(aligned((steps, lanes), np.int16), *new_flow(self._network, lanes, steps), trees)

    def _compute(self, layers: tuple[int, int], batches: StepBatches) -> StepBatches:
        """Compute ``layers`` of each batch, and yield the batch."""
        own = self._room(0, self.previous.size, self.most_steps)
        stages = [stage_of(layer, len(self._weights.layout)) for layer in layers]
        with closing(batches):
            for steps, batch in batches:
                lanes = own._replace(stream=batch.stream, activations=batch.activations)
                take_stages(*stages, batch.previous[:steps], 0, self._weights, lanes, batch.trees[:steps])
                yield steps, batch


def _batches_of(previous: Iterable[npt.NDArray[np.int16]], buffers: Iterator[StepBatch]) -> StepBatches:
    """Batches with the bytes ``previous``, in free buffers."""
    for steps, batch in zip(previous, buffers, strict=False):
        batch.previous[: len(steps)] = steps
        yield len(steps), batch


@contextmanager
def open_prior(network: Network, size: int, lanes: int, *, threads: int = 1) -> Iterator[Prior | SharedPrior]:
    """The prior of a block of ``size`` bytes, by the best backend, in up to ``threads`` threads."""
    backend = fixed_point.pick(size)
    if backend == "dot":
        with SharedPrior(network, size, lanes, threads) as shared:
            yield shared
    else:
        with fixed_point.one_thread(backend):
            yield Prior(network, lanes, backend, prefetch=threads > 1)


def compile_prior() -> None:
    """Compile all kernels by a step of the smallest network."""

    def layer(outputs: int, columns: int) -> IntegerLayer:
        numbers = np.zeros(outputs, np.int32)
        return IntegerLayer(np.zeros((outputs, columns), np.int8), numbers, numbers)

    block = layer(16, 8), layer(8, 8), layer(8, 8), layer(8, 8)
    network = Network((Feature(1, 8),), np.zeros((256, 1), np.int8), layer(8, 1), [block], layer(256, 8))
    fixed_point.is_right("dot")
    lanes = 2 * FEWEST_LANES_OF_A_THREAD
    with open_prior(network, fixed_point.SMALL_BLOCK, lanes, threads=2) as prior:
        prior.expect(prior.previous)
        list(prior.expectations([prior.previous]))
        nothing = [lockstep.order.call(lockstep.order_counts(0))] * 2
        groups = [(0, FEWEST_LANES_OF_A_THREAD), (FEWEST_LANES_OF_A_THREAD, lanes)]
        prior.take_turns(nothing, groups, MEASURED // lanes + 1)
        lockstep.finish(lockstep.order_counts(0))
