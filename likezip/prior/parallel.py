"""How threads share the work of a prior whose products are those of ``byte_products``.

Where bytes come one at a time, each thread takes a part of the lanes (``lockstep``).  Where they are known, each takes
a part of the layers, for many steps at once, while the thread behind it takes the steps before: the last of them is
that of the memory.  So a block of one lane is shared too, and no thread waits for another at every step.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import cycle, pairwise
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import compiled
from likezip.kernels.intrinsics import aligned
from likezip.prior import fixed_point, lockstep
from likezip.prior.forward import Int32s, Lanes, Prior, Uint8s, lanes_of, most_steps, take_layers, weights_of
from likezip.prior.network import Layer, Network
from likezip.prior.ngrams import Feature
from likezip.prior.pipeline import AHEAD, made_ahead

MOST_THREADS, FEWEST_LANES = 4, 4
"""Of a block, and of a thread that takes a step at a time."""

FIRST = np.int64(0)
"""Layer; a literal 0 would have kernels compiled a second time."""

CREDIT, ALONE = 30_000_000, 1 << 13
"""Cycles, some 10 ms, and bytes, some 100 ms; see ``SharedPrior``."""

MEMORY, BETWEEN = 1_100_000, 57_000
"""What a byte takes beside the products, in multiply-adds of these: the memory with the trees, and what is between two
products.  Measured; where it is otherwise, threads have to wait for one another."""


@compiled
def _lead(orders, known, first, weights, lanes, trees):
    """Take a byte of the lanes from ``first`` on, while followers, if there are any, take the others'.

    Returns for how many cycles it worked longer than it waited for them.
    """
    begin = lockstep.cycles()
    lockstep.give(orders, 1)
    take_layers(FIRST, weights.layout.shape[0], known, first, weights, lanes, trees)
    done = lockstep.cycles()
    lockstep.wait_for_followers(orders)
    return done - begin - (lockstep.cycles() - done)


@compiled
def _follow(orders, number, known, first, weights, lanes, trees):
    """Do for the lanes from ``first`` on what the leader orders, until it says that nothing follows."""
    while lockstep.take(orders, number):
        take_layers(FIRST, weights.layout.shape[0], known, first, weights, lanes, trees)
        lockstep.report(orders, number)


def shares(network: Network, threads: int) -> list[tuple[int, int]]:
    """The layers that each of so many threads, or fewer, takes of known bytes, from one to the one before the other.

    The longest share is as short as can be; the last thread has the memory too, and perhaps no layers.
    """
    costs = [layer.weight.size + BETWEEN for layer in network.layers()]
    most = min(threads, MOST_THREADS)
    limits = range(max(MEMORY, *costs), MEMORY + sum(costs))
    shortest = bisect_left(limits, True, key=lambda limit: len(_shares_within(limit, costs)) <= most)
    return _shares_within(limits.start + shortest, costs)


def _shares_within(limit: int, costs: list[int]) -> list[tuple[int, int]]:
    """As few shares as there can be of which none takes longer: from the last back, each as many layers as it can."""
    cuts, time = [len(costs)], MEMORY
    for layer in reversed(range(len(costs))):
        if time + costs[layer] > limit:
            cuts.append(layer + 1)
            time = 0
        time += costs[layer]
    return list(pairwise([0, *reversed(cuts)]))


class Passing(NamedTuple):
    """What threads pass on to one another of some steps: the bytes, what is computed of them so far, and the trees."""

    known: npt.NDArray[np.int16]  # (most steps, lanes)
    stream: Int32s  # as in Lanes
    activations: Uint8s
    trees: Int32s  # (most steps, lanes, 512)


Passed = Generator[tuple[int, Passing], None, None]
"""One after the other, and how many steps each has."""


class SharedPrior:
    """The prior of a block's lanes, as ``Prior``, shared by threads.

    Where the processor is busy with other things, threads that wait for each other at every step are slower than one.
    So once the leader has waited CREDIT longer than it worked, it goes alone for a while, each time for longer.
    """

    def __init__(self, network: Network, lanes: int, threads: int) -> None:
        """threads: at most; of more than MOST_THREADS no use is made."""
        self.most_steps = most_steps(lanes)
        self.trees = aligned((1, lanes, 512), np.int32)
        self._network, self._weights, self._threads = network, weights_of(network, packed=True), threads
        self._known = np.zeros((1, lanes), np.int16)
        all_lanes = lanes_of(network, lanes, 0)
        self._registers, self._states = all_lanes.registers, all_lanes.states
        parts = max(1, min(threads, MOST_THREADS, lanes // FEWEST_LANES))
        ends = [-(-lanes * part // parts) for part in range(parts + 1)]
        self._parts = [(first, self._room(first, end, 1)) for first, end in pairwise(ends)]
        self._nobody, self._followers = lockstep.orders(0), list[Thread]()
        self._orders = self._nobody
        self._credit, self._alone, self._next_alone = CREDIT, 0, ALONE

    @property
    def carried(self) -> list[npt.NDArray[Any]]:
        """What one step hands to the next."""
        return [self._registers, self._states]

    def _room(self, first: int, end: int, steps: int) -> Lanes:
        """The lanes from ``first`` to ``end``, with room of their own for ``steps`` steps."""
        registers, states = (array[first:end] for array in self.carried)
        return lanes_of(self._network, end - first, steps)._replace(registers=registers, states=states)

    def __enter__(self) -> SharedPrior:
        return self

    def __exit__(self, *_: object) -> None:
        self._dismiss()

    def _gather(self) -> None:
        """Begin to share the lanes; where no thread can begin, never do."""
        self._orders, self._credit = lockstep.orders(len(self._parts) - 1), CREDIT
        given = [
            (self._orders, number, self._known, first, self._weights, lanes, self.trees)
            for number, (first, lanes) in enumerate(self._parts[1:])
        ]
        lockstep.dismiss(self._orders)
        _follow(*given[0])  # here, where it returns at once, it is loaded, or fails
        self._orders[:] = 0
        try:
            for arguments in given:
                self._followers.append(Thread(target=_follow, args=arguments, daemon=True))
                self._followers[-1].start()
        except RuntimeError:
            self._dismiss()
            self._alone = sys.maxsize
        except BaseException:
            self._dismiss()
            raise

    def _dismiss(self) -> None:
        """Go alone from now on."""
        lockstep.dismiss(self._orders)
        while self._followers:
            follower = self._followers.pop()
            if follower.ident is not None:
                follower.join()
        self._orders = self._nobody

    def expect(self, known: npt.NDArray[np.int16]) -> None:
        """What follows after the bytes ``known`` (1, lanes), -1 before the first, into ``trees``."""
        self._known[:] = known
        if len(self._parts) > 1 and not self._followers:
            self._alone -= known.size
            if self._alone < 0:
                self._gather()
        for first, lanes in self._parts[:1] if self._followers else self._parts:
            gain = _lead(self._orders, self._known, first, self._weights, lanes, self.trees)
        if self._followers:
            self._credit = min(self._credit + gain, CREDIT)
            if self._credit < 0:
                self._dismiss()
                self._alone, self._next_alone = self._next_alone, 2 * self._next_alone

    def expectations(self, known: Iterable[npt.NDArray[np.int16]]) -> Generator[Int32s, None, None]:
        """The trees (steps, lanes, 512) of each of ``known`` (steps, lanes), with up to ``most_steps``, each good until
        the next."""
        layers = shares(self._network, self._threads)
        under_way = cycle([self._passing() for _ in range(1 + AHEAD * (len(layers) - 1))])
        passed = _entered(known, under_way)
        for share in layers[:-1]:
            passed = made_ahead(self._take(share, passed))
        with closing(self._take(layers[-1], passed)) as taken:
            for steps, passing in taken:
                yield passing.trees[:steps]

    def _passing(self) -> Passing:
        lanes, steps = self._known.size, self.most_steps
        room = lanes_of(self._network, lanes, steps)
        trees = aligned((steps, lanes, 512), np.int32)
        return Passing(aligned((steps, lanes), np.int16), room.stream, room.activations, trees)

    def _take(self, share: tuple[int, int], passed: Passed) -> Passed:
        """Pass on, once these layers are computed, what the thread before has passed on."""
        own = self._room(0, self._known.size, self.most_steps)
        with closing(passed):
            for steps, passing in passed:
                lanes = own._replace(stream=passing.stream, activations=passing.activations)
                take_layers(*share, passing.known[:steps], 0, self._weights, lanes, passing.trees[:steps])
                yield steps, passing


def _entered(known: Iterable[npt.NDArray[np.int16]], under_way: Iterator[Passing]) -> Passed:
    """The bytes in what is passed on, and how many steps they are."""
    for steps, passing in zip(known, under_way, strict=False):
        passing.known[: len(steps)] = steps
        yield len(steps), passing


@contextmanager
def ready(network: Network, size: int, lanes: int, *, threads: int = 1) -> Iterator[Prior | SharedPrior]:
    """The prior of a block of ``size`` bytes by the best backend, in up to ``threads`` threads."""
    backend = fixed_point.pick(size)
    if backend == "dot":
        with SharedPrior(network, lanes, threads) as shared:
            yield shared
    else:
        with fixed_point.one_thread(backend):
            yield Prior(network, lanes, backend, ahead=threads > 1)


def compile_kernels() -> None:
    """Compile all kernels by a step of the smallest network."""

    def layer(outputs: int, columns: int) -> Layer:
        numbers = np.zeros(outputs, np.int32)
        return Layer(np.zeros((outputs, columns), np.int8), numbers, numbers)

    block = layer(16, 8), layer(8, 8), layer(8, 8), layer(8, 8)
    network = Network((Feature(1, 8),), np.zeros((256, 1), np.int8), layer(8, 1), [block], layer(256, 8))
    fixed_point.is_right("dot")
    with ready(network, fixed_point.SMALL, 2 * FEWEST_LANES, threads=2) as prior:
        known = np.full((1, 2 * FEWEST_LANES), -1, np.int16)
        prior.expect(known)
        list(prior.expectations([known]))
