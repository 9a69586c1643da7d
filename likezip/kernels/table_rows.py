"""Vectors of table rows in int16: their sum, and moving each of them, with the sums kept in processor registers.

numba would load and store the sum for every row, since it can't know that the arrays don't overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import llvmlite.ir

from likezip.kernels.compiling import intrinsic
from likezip.kernels.deferred import Deferred
from likezip.kernels.intrinsics import call_function, spread

types, errors = Deferred("numba.core.types"), Deferred("numba.core.errors")

INT16, INT32, INT64 = (llvmlite.ir.IntType(bits) for bits in (16, 32, 64))
PART = 16
"""Numbers of a row that one vector holds; LLVM divides it where the processor's vectors are shorter."""
GROUP = 4
"""Rows that are added in 16 bits, saturated."""
NARROW, WIDE = llvmlite.ir.VectorType(INT16, PART), llvmlite.ir.VectorType(INT32, PART)


def _data(context: Any, builder: Any, signature: Any, arguments: Any, number: int) -> Any:
    return context.make_array(signature.args[number])(context, builder, arguments[number]).data


def _load(builder: Any, pointer: Any, index: Any, kind: Any) -> Any:
    value = builder.load(builder.bitcast(builder.gep(pointer, [index]), kind.as_pointer()))
    value.align = 2
    return value


def _store(builder: Any, value: Any, pointer: Any, index: Any) -> None:
    builder.store(value, builder.bitcast(builder.gep(pointer, [index]), value.type.as_pointer())).align = 2


def _check(*arrays: tuple[Any, Any]) -> None:
    for array, dtype in arrays:
        if array.dtype != dtype or array.layout != "C":
            raise errors.TypingError(f"{array} is not of {dtype} in C's order")


def _rows(builder: Any, cells: Any, count: int, width: int) -> Iterator[tuple[int, Any]]:
    """The number of each row, and the index of its first element in the table."""
    for number in range(count):
        cell = builder.zext(builder.load(builder.gep(cells, [INT64(number)])), INT64)
        yield number, builder.mul(cell, INT64(width))


def _add_saturated(builder: Any, numbers: Any, others: Any) -> Any:
    return call_function(builder, f"llvm.sadd.sat.v{PART}i16", NARROW, numbers, others)


def row_sum(count: int, width: int) -> Callable[..., None]:
    """An intrinsic (table, cells, sums): sums (width,) int32 = the sum of the rows table[cells[0]] to
    table[cells[count - 1]].

    GROUP rows at a time are added in 16 bits, each addition saturated.
    table (rows, width) int16; cells uint32; width is a multiple of PART, count of GROUP.
    """
    parts = range(0, width, PART)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, cells, sums = (_data(context, builder, signature, arguments, number) for number in range(3))
        totals = [llvmlite.ir.Constant(WIDE, [0] * PART) for _ in parts]
        groups = [llvmlite.ir.Constant(NARROW, [0] * PART) for _ in parts]
        for number, begin in _rows(builder, cells, count, width):
            for k, part in enumerate(parts):
                row = _load(builder, table, builder.add(begin, INT64(part)), NARROW)
                groups[k] = _add_saturated(builder, groups[k], row) if number % GROUP else row
                if number % GROUP == GROUP - 1:
                    totals[k] = builder.add(totals[k], builder.sext(groups[k], WIDE))
        for total, part in zip(totals, parts, strict=True):
            _store(builder, total, sums, INT64(part))
        return context.get_dummy_value()

    @intrinsic
    def add_rows(typing: Any, table: Any, cells: Any, sums: Any) -> Any:
        _check((table, types.int16), (cells, types.uint32), (sums, types.int32))
        return types.void(table, cells, sums), generate

    return add_rows


def row_step(count: int, width: int, turn: int) -> Callable[..., None]:
    """An intrinsic (table, cells, steps, moves, dither): each row table[cells[n]] += moves * steps[n] / 2^16,
    saturated.

    table (rows, width) int16; cells uint32; steps int16, at least 0; moves (width,) int16; dither (width,) uint16.
    A product is rounded down after the addition of dither + n * turn, modulo 2^16: if that takes all values equally
    often, small moves are not lost, but made as often as they should be.
    """
    parts = range(0, width, PART)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, cells, steps, moves, dither = (
            _data(context, builder, signature, arguments, number) for number in range(5)
        )
        moved = [_load(builder, moves, INT64(part), NARROW) for part in parts]
        dithers = [_load(builder, dither, INT64(part), NARROW) for part in parts]
        shift, turned = llvmlite.ir.Constant(WIDE, [16] * PART), llvmlite.ir.Constant(NARROW, [turn] * PART)
        for number, begin in _rows(builder, cells, count, width):
            factor = spread(builder, builder.load(builder.gep(steps, [INT64(number)])), NARROW)
            for k, part in enumerate(parts):
                product = builder.mul(builder.sext(moved[k], WIDE), builder.sext(factor, WIDE))
                upper, lower = builder.trunc(builder.ashr(product, shift), NARROW), builder.mul(moved[k], factor)
                carry = builder.icmp_unsigned("<", builder.add(lower, dithers[k]), dithers[k])
                move = builder.sub(upper, builder.sext(carry, NARROW))
                place = builder.add(begin, INT64(part))
                row = _add_saturated(builder, _load(builder, table, place, NARROW), move)
                _store(builder, row, table, place)
                dithers[k] = builder.add(dithers[k], turned)
        return context.get_dummy_value()

    @intrinsic
    def move_rows(typing: Any, table: Any, cells: Any, steps: Any, moves: Any, dither: Any) -> Any:
        _check(
            (table, types.int16),
            (cells, types.uint32),
            (steps, types.int16),
            (moves, types.int16),
            (dither, types.uint16),
        )
        return types.void(table, cells, steps, moves, dither), generate

    return move_rows
