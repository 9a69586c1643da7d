"""Operations that numba lacks: arrays at cache lines, prefetching, shifts of int32; and what generates LLVM's code."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import llvmlite.ir
import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import intrinsic
from likezip.kernels.deferred import Deferred

cgutils, types, errors = (Deferred(f"numba.core.{name}") for name in ("cgutils", "types", "errors"))
arrayobj, imputils = Deferred("numba.np.arrayobj"), Deferred("numba.core.imputils")

CACHE_LINE = 64
"""Bytes."""


def aligned(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros that begin at a cache line, as numpy's do by chance only.

    A table line across two cache lines costs two fetches: a quarter of the memory's time.
    """
    return _aligned(np.zeros, shape, dtype)


def aligned_copy(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers from the beginning of a cache line on."""
    copy = _aligned(np.empty, array.shape, array.dtype)
    copy[...] = array
    return copy


def _aligned(
    allocate: Callable[..., npt.NDArray[Any]], shape: int | tuple[int, ...], dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    size = math.prod(shape) if isinstance(shape, tuple) else shape
    size *= np.dtype(dtype).itemsize
    room: Any = allocate(size + CACHE_LINE, np.uint8)
    begin = -ctypes.addressof(ctypes.c_char.from_buffer(room)) % CACHE_LINE  # faster than room.ctypes.data
    return np.ndarray(shape, dtype, room, begin)


def spread(builder: Any, value: Any, vector: Any) -> Any:
    """Generate a vector of the LLVM type ``vector`` that holds ``value`` everywhere."""
    nothing = llvmlite.ir.Constant(vector, llvmlite.ir.Undefined)
    first = llvmlite.ir.Constant(llvmlite.ir.VectorType(llvmlite.ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(builder.insert_element(nothing, value, llvmlite.ir.IntType(32)(0)), nothing, first)


def call_function(builder: Any, name: str, result: Any, *operands: Any) -> Any:
    """Generate a call of the function ``name`` of LLVM's, which gives the LLVM type ``result``."""
    kind = llvmlite.ir.FunctionType(result, [operand.type for operand in operands])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), operands)


@intrinsic
def prefetch(typing: Any, array: Any, index: Any) -> Any:
    """Have the cache line of array[index] fetched: a hint, without which everything is the same but slower."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        pointer = builder.bitcast(builder.gep(struct.data, [arguments[1]]), cgutils.voidptr_t)
        kind = llvmlite.ir.FunctionType(llvmlite.ir.VoidType(), [cgutils.voidptr_t, *[llvmlite.ir.IntType(32)] * 3])
        hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(hint, [pointer, *(llvmlite.ir.Constant(llvmlite.ir.IntType(32), n) for n in (0, 2, 1))])
        return context.get_dummy_value()

    return types.void(array, types.uint64), generate


@intrinsic
def leading_zeros(typing: Any, value: Any) -> Any:
    """How many of the upper bits of a uint64 are zero, int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], llvmlite.ir.Constant(llvmlite.ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def matrix(typing: Any, room: Any, rows: Any, columns: Any) -> Any:
    """The beginning of ``room``, any array in C's order, as (rows, columns); without numba's checks, which cost more
    than the work on a small matrix."""
    if room.layout != "C":
        raise errors.TypingError(f"{room} is not in C's order")
    view = types.Array(room.dtype, 2, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(room.dtype)))
        result = context.make_array(view)(context, builder)
        shape, stride = arguments[1:], builder.mul(arguments[2], size)
        arrayobj.populate_array(result, array.data, shape, [stride, size], size, array.meminfo, array.parent)
        return imputils.impl_ret_borrowed(context, builder, signature.return_type, result._getvalue())

    return view(room, types.intp, types.intp), generate


@intrinsic
def shift_right(typing: Any, value: Any, bits: Any) -> Any:
    """value >> bits of two int32, 0 <= bits < 32, as int32; numba's own is of int64, with half as many at a time."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ashr(*arguments)

    return types.int32(types.int32, types.int32), generate
