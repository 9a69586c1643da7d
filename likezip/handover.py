"""Work that threads share inside of kernels: a leader gives orders, all carry them out and meet between the parts.

A step of a decoder takes some 40 microseconds, in which threads meet 20 times, and a hand-over by Python's locks takes
longer than that.  So threads wait by looking: at a number in memory, giving way to other threads every now and then.

orders[0] and orders[1] say what is to be done, orders[LINE (number + 1)] counts the meetings at which thread
``number`` has arrived; the leader is number 0.  The counts are written, and those of others read, by atomic and
sequentially consistent accesses: what was written before a count is seen once that is.
"""

from __future__ import annotations

import os
from typing import Any

import llvmlite.ir
import numpy as np
import numpy.typing as npt
from numba.core import cgutils, types
from numba.extending import intrinsic

from likezip.kernels import INSTRUCTIONS, aligned, compiled, inlined

Int64s = npt.NDArray[np.int64]

LINE = 8
"""int64s of a cache line: a follower's count has one of its own."""

PATIENCE = 64
"""Looks between giving way."""


def orders(threads: int) -> Int64s:
    """Room for the orders to so many threads, the leader among them, and for their counts."""
    return aligned(LINE * (threads + 1), np.int64)


@intrinsic
def _load(typing: Any, array: Any, index: Any) -> Any:
    """array[index] of int64s as it now is in memory."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "seq_cst", 8)

    return types.int64(array, types.int64), generate


@intrinsic
def _store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index] = value, for all threads to see."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        builder.store_atomic(arguments[2], builder.gep(data, [arguments[1]]), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


def _calls(name: str, result: llvmlite.ir.Type) -> Any:
    """An intrinsic that calls ``name``, or does nothing without a name."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if name:
            kind = llvmlite.ir.FunctionType(result, [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    @intrinsic
    def call(typing: Any) -> Any:
        return types.void(), generate

    return call


_pause = _calls("llvm.x86.sse2.pause" if INSTRUCTIONS else "", llvmlite.ir.VoidType())
"""Tells the processor that this thread waits."""
_give_way = _calls("sched_yield" if hasattr(os, "sched_yield") else "", llvmlite.ir.IntType(32))
"""Tells the system so."""


@intrinsic
def cycles(typing: Any) -> Any:
    """A clock of the processor's."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = llvmlite.ir.FunctionType(llvmlite.ir.IntType(64), [])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.readcyclecounter"), [])

    return types.int64(), generate


@inlined
def threads(orders: Int64s) -> int:
    """How many there are."""
    return orders.size // LINE - 1


@inlined
def _arrive(orders: Int64s, number: int) -> int:
    """Count one meeting more, and return how many that is."""
    place = LINE * (number + 1)
    count = orders[place] + 1
    _store(orders, place, count)
    return count


@inlined
def _wait_for(orders: Int64s, number: int, count: int) -> int:
    """Until thread ``number`` has arrived at so many meetings; returns the cycles that it took."""
    place = LINE * (number + 1)
    if _load(orders, place) >= count:
        return 0
    begin, looks = cycles(), 0
    while _load(orders, place) < count:
        looks += 1
        if looks % PATIENCE == 0:
            _give_way()
        else:
            _pause()
    return cycles() - begin


@inlined
def give(orders: Int64s, steps: int, at: int) -> None:
    """The leader's next order: ``steps`` > 0, and where.  All who take it have met the leader before."""
    orders[0], orders[1] = steps, at
    _arrive(orders, 0)


@inlined
def take(orders: Int64s, number: int) -> tuple[int, int]:
    """Wait for the next order: its steps, 0 if none will come, and where."""
    _wait_for(orders, 0, _arrive(orders, number))
    return orders[0], orders[1]


@inlined
def meet(orders: Int64s, number: int) -> int:
    """Wait until all threads are here; returns the cycles that it took."""
    count, waited = _arrive(orders, number), 0
    for other in range(threads(orders)):
        waited += _wait_for(orders, other, count)
    return waited


@compiled
def dismiss(orders: Int64s) -> None:
    """Say that no order will follow; waits for nobody, as some threads may not have begun."""
    give(orders, 0, 0)
