"""Threads in lockstep inside of kernels: a leader gives orders, followers carry them out.

A step of a decoder takes about a tenth of a millisecond, and so does waking a thread by Python's locks.  So threads
spin: they look at a number in memory again and again, and give way to other threads every now and then.

orders[0] counts the orders; orders[1] is the order itself; orders[COUNT_SPACING (number + 2)] counts the orders that
follower ``number`` has carried out.

A leader may give an order while earlier ones are still carried out, as long as what they read and write is left alone
until then.

Each count has one writer, which adds 1 after it wrote everything that the count tells of: the order and its bytes, or
what a follower computed.  A processor such as ARM's may let others see later writes before earlier ones, and read ahead
of earlier reads.  So others' counts are only read, and one's own only written, by atomic, sequentially consistent
accesses (LDAR and STLR on ARM, plain moves and XCHG on x86): whoever reads a count sees everything that was written
before it, and reads nothing of that any earlier.  All orders are the same number but the last, which is 0; it may
come instead of those before it that are not begun, and ends the follower as well.
"""

from __future__ import annotations

import os
from typing import Any

import llvmlite.ir
import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import INSTRUCTIONS, compiled, inlined, intrinsic
from likezip.kernels.deferred import Deferred
from likezip.kernels.intrinsics import aligned, call_function
from likezip.kernels.processor import ARM_FEATURES

cgutils, types = Deferred("numba.core.cgutils"), Deferred("numba.core.types")

Int64s = npt.NDArray[np.int64]

COUNT_SPACING = 8
"""int64s from one count to the next: each has a cache line of its own."""

LOOKS_BEFORE_YIELDING = 64
"""Looks at a count before a thread gives way to others."""


def order_counts(followers: int) -> Int64s:
    """The orders array for so many followers."""
    return aligned(COUNT_SPACING * (followers + 2), np.int64)


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


def _calls(name: str, result: llvmlite.ir.Type, *operands: Any) -> Any:
    """An intrinsic that calls ``name`` with constant operands, or does nothing without a name."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if name:
            call_function(builder, name, result, *operands)
        return context.get_dummy_value()

    @intrinsic
    def call(typing: Any) -> Any:
        return types.void(), generate

    return call


INT32, INT64 = llvmlite.ir.IntType(32), llvmlite.ir.IntType(64)
ON_ARM = INSTRUCTIONS in ARM_FEATURES

if ON_ARM:
    _pause = _calls("llvm.aarch64.hint", llvmlite.ir.VoidType(), INT32(1))  # YIELD
else:
    _pause = _calls("llvm.x86.sse2.pause" if INSTRUCTIONS else "", llvmlite.ir.VoidType())
"""Tells the processor that this thread waits."""
_give_way = _calls("sched_yield" if hasattr(os, "sched_yield") else "", INT32)
"""Tells the operating system that this thread waits."""

USUAL_FREQUENCY = 3_000_000_000
"""Cycles a second, where a clock does not count cycles."""


def _register(builder: Any, name: str) -> Any:
    """Generate the reading of a register of the system's (MRS on ARM), as int64."""
    named = builder.module.add_metadata([llvmlite.ir.MetaDataString(builder.module, name)])
    return call_function(builder, "llvm.read_volatile_register.i64", INT64, named)


@intrinsic
def cycles(typing: Any) -> Any:
    """A clock of the processor's, which counts cycles, or something of about that frequency.

    ARM's counter of cycles is the system's alone, and reading it ends the process.  Its timer may be read; that has a
    frequency of its own, from 1 MHz to 1 GHz.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not ON_ARM:
            return call_function(builder, "llvm.readcyclecounter", INT64)
        ticks, frequency = (_register(builder, name) for name in ("cntvct_el0", "cntfrq_el0"))
        return builder.mul(ticks, builder.udiv(INT64(USUAL_FREQUENCY), frequency))

    return types.int64(), generate


@inlined
def _wait_while(orders: Int64s, index: int, value: int) -> int:
    """Wait until orders[index] is not ``value``; returns what it then is."""
    looks = 0
    now = _load(orders, index)
    while now == value:
        looks += 1
        if looks % LOOKS_BEFORE_YIELDING == 0:
            _give_way()
        else:
            _pause()
        now = _load(orders, index)
    return now


@inlined
def give(orders: Int64s, order: int) -> None:
    """Give an order, which is not 0."""
    orders[1] = order
    _store(orders, 0, orders[0] + 1)


@inlined
def wait_for_followers(orders: Int64s, outstanding: int) -> None:
    """Wait until all followers have carried out all orders but the last ``outstanding``."""
    for follower in range(2 * COUNT_SPACING, orders.size, COUNT_SPACING):
        for carried_out in range(_load(orders, follower), orders[0] - outstanding):
            _wait_while(orders, follower, carried_out)


@inlined
def taken(orders: Int64s, number: int) -> int:
    """How many orders follower ``number``, which asks, has carried out."""
    return int(orders[COUNT_SPACING * (number + 2)])


@inlined
def take(orders: Int64s, number: int) -> int:
    """Wait for the next order of follower ``number`` and return it; 0 if it is dismissed."""
    _wait_while(orders, 0, taken(orders, number))
    return orders[1]


@inlined
def report(orders: Int64s, number: int) -> None:
    """Note that follower ``number`` has carried out an order."""
    place = COUNT_SPACING * (number + 2)
    _store(orders, place, orders[place] + 1)


@compiled
def order(orders: Int64s) -> None:
    """Give an order, from Python."""
    give(orders, 1)


@compiled
def finish(orders: Int64s) -> None:
    """Wait until all followers have carried out all orders."""
    wait_for_followers(orders, 0)


@compiled
def dismiss(orders: Int64s) -> None:
    """End all followers, without waiting for them."""
    give(orders, 0)
