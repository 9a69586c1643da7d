"""Compiled kernels: what they are compiled for, how, and what they are made of beside numba's own.

They are compiled at their first use and kept in a directory of the user's (``likezip.kernelcache``), since an installed
package may be read-only.  Each version of the code has a directory of its own there.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import llvmlite.ir
import numba
import numpy as np
import numpy.typing as npt
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from likezip.kernelcache import KernelCache, cache_directory

SOURCES = (
    "ahead",
    "coder",
    "dotproduct",
    "errors",
    "exact",
    "handover",
    "hashing",
    "history",
    "instructions",
    "kernelcache",
    "kernels",
    "match",
    "memory",
    "mixer",
    "network",
    "ngrams",
    "predictor",
    "prior",
    "profiles",
    "registers",
    "sharing",
    "start",
    "training/fused",
    "x86",
)
"""The modules that kernels are made of, whose constants are compiled in, and what those import."""


def _instructions() -> str:
    """What this processor has for products of bytes: vnni512, vnni256, avx2 or nothing.

    LIKEZIP_INSTRUCTIONS names one of those to be used, if the processor has it; with any other word it is nothing.
    What the processor lacks must not be compiled: LLVM ends the process.  Nor is anything if numba was told to compile
    for another processor.
    """
    named, told = os.environ.get("LIKEZIP_INSTRUCTIONS"), (numba.config.CPU_NAME, numba.config.CPU_FEATURES)
    if any(told) or not numba.config.ENABLE_AVX:
        return ""
    usable = [name for name in supported_instructions() if named in (None, "", name)]
    return usable[0] if usable else ""


def supported_instructions() -> list[str]:
    """All that this processor has, the fastest first."""
    features = llvmlite.binding.get_host_cpu_features()
    has_256 = features.get("avxvnni") or (features.get("avx512vnni") and features.get("avx512vl"))
    found = {"vnni512": features.get("avx512vnni"), "vnni256": has_256, "avx2": features.get("avx2")}
    return [name for name, there in found.items() if there]


INSTRUCTIONS = _instructions()


def _identity() -> str:
    """Names exactly this code for exactly this machine: numba alone would not notice a change in another module."""
    digest = hashlib.sha256(sys.version.encode())
    machine = f"{llvmlite.binding.get_host_cpu_name()} {INSTRUCTIONS}"
    digest.update(f"{numba.__version__} {llvmlite.__version__} {machine}".encode())
    for name in SOURCES:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


CACHE = cache_directory(_identity())
"""Where the kernels of exactly this code are kept, None if that is nowhere."""


def compiled(kernel: Callable[..., Any]) -> Any:
    """Decorates a kernel that Python calls; what it calls is compiled into it, and the result is kept.

    References are not counted in kernels: that is an atomic operation for each array, and cost more than the work.
    Nor do they hold Python's lock, so that two threads can share the work of a block.
    """
    return _compiled(kernel)


def compiled_for_training(kernel: Callable[..., Any]) -> Any:
    """The same for training, where sums of floats may be taken in any order."""
    return _compiled(kernel, fastmath=True)


def _compiled(kernel: Callable[..., Any], *, fastmath: bool = False) -> Any:
    dispatcher = numba.njit(nogil=True, _nrt=False, fastmath=fastmath)(kernel)
    dispatcher._cache = KernelCache(kernel, CACHE)
    return dispatcher


inlined = numba.njit(forceinline=True, _nrt=False)
"""Decorates what kernels call."""

inlined_for_training = numba.njit(forceinline=True, _nrt=False, fastmath=True)
"""Decorates what kernels of training call."""


CACHE_LINE = 64
"""Bytes."""


def aligned(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros that begin at a cache line, as numpy's do by chance only.

    Of a table whose lines are two of the cache's each, every look-up fetches two: a quarter of the memory's time.
    """
    size = math.prod(shape) if isinstance(shape, tuple) else shape
    size *= np.dtype(dtype).itemsize
    room = np.zeros(size + CACHE_LINE, np.uint8)
    begin = -room.ctypes.data % CACHE_LINE
    return room[begin : begin + size].view(dtype).reshape(shape)


def aligned_copy(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers from the beginning of a cache line on."""
    copy = aligned(array.shape, array.dtype)
    copy[...] = array
    return copy


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
    than what is done with it."""
    if room.layout != "C":
        raise TypingError(f"{room} is not in C's order")
    view = types.Array(room.dtype, 2, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(room.dtype)))
        found = context.make_array(view)(context, builder)
        shape, stride = arguments[1:], builder.mul(arguments[2], size)
        populate_array(found, array.data, shape, [stride, size], size, array.meminfo, array.parent)
        return impl_ret_borrowed(context, builder, signature.return_type, found._getvalue())

    return view(room, types.intp, types.intp), generate


@intrinsic
def shift_right(typing: Any, value: Any, bits: Any) -> Any:
    """value >> bits of two int32, 0 <= bits < 32, as int32; numba's own is of int64, with half as many at a time."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ashr(*arguments)

    return types.int32(types.int32, types.int32), generate
