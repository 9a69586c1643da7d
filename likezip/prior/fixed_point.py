"""Fixed-point arithmetic for networks: exact matrix products, normalisation, frequencies.

A product takes activations in [-127, 127] (int8) and weights in [-63, 63] (int8) to int32 sums.  Why not the whole of
int8: x86 processors without VNNI add two products of 8 bits in 16 bits and saturate, silently (the instruction
vpmaddubsw, as oneDNN uses it); 2 * 255 * 63 < 2^15 cannot.  Four ways to multiply give the same integers:

    dot       a kernel of our own (``byte_products``), for x86 and 64-bit ARM processors, without torch
    int8      torch._int_mm
    float32   numpy with floats that hold integers: every partial sum is below 127 * 63 * 2096 < 2^24, where float32 is
              exact in any order of summation
    cuda      torch._int_mm on a GPU, for many rows at once

``pick`` tries them on products that would show saturation or rounding, and takes dot if it is right, else the fastest
that is.  Torch is imported only where it is used, and where it is not installed its ways are passed over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, localcontext
from functools import lru_cache
from math import isqrt

import numpy as np
import numpy.typing as npt

from likezip.errors import UnsupportedError, need_torch
from likezip.kernels.compiling import INSTRUCTIONS, inlined, table
from likezip.kernels.deferred import Deferred
from likezip.kernels.intrinsics import leading_zeros, shift_right
from likezip.prior import byte_products

errors = Deferred("numba.core.errors")

ACTIVATION_LIMIT, WEIGHT_LIMIT = 127, 63
LARGEST_COLUMNS = 2096
"""Columns of a weight matrix: 127 * 63 * 2096 = 16,770,096 < 2^24."""

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Product = Callable[[Int8s, Int32s], Callable[[], None]]
"""Takes activations (rows, columns) int8 and sums (rows, outputs) int32, and returns a function: each call of it fills
the sums with the product of a weight and the activations as they are when it is called."""

SMALL_BLOCK = 1 << 12
"""Blocks of at most so many bytes do without torch, whose import would cost more than it saves."""


def _dot(weight: Int8s) -> Product:
    if not INSTRUCTIONS:
        raise UnsupportedError("there is no kernel of dot products for this processor")
    packed = byte_products.pack(weight)

    def bind(activations: Int8s, sums: Int32s) -> Callable[[], None]:
        rows, columns = activations.shape
        shifted = np.zeros((rows, byte_products.padded_columns(columns)), np.uint8)
        rest = np.zeros((rows, byte_products.PANEL), np.int32)

        def multiply() -> None:
            shifted[:, :columns] = activations.view(np.uint8) + np.uint8(byte_products.ACTIVATION_SHIFT)
            byte_products.multiply(packed, shifted, sums, rest)

        return multiply

    return bind


def _int8(weight: Int8s) -> Product:
    import torch

    columns_first = torch.from_numpy(np.ascontiguousarray(weight.T))

    def bind(activations: Int8s, sums: Int32s) -> Callable[[], None]:
        factor, out = torch.from_numpy(activations), torch.from_numpy(sums)

        def multiply() -> None:
            torch._int_mm(factor, columns_first, out=out)

        return multiply

    return bind


def _float32(weight: Int8s) -> Product:
    columns_first = np.ascontiguousarray(weight.T.astype(np.float32))

    def bind(activations: Int8s, sums: Int32s) -> Callable[[], None]:
        def multiply() -> None:
            sums[:] = activations.astype(np.float32) @ columns_first

        return multiply

    return bind


GPU = "cuda"
"""The device of torch's that the backend cuda multiplies on."""


def _cuda(weight: Int8s) -> Product:
    import torch

    outputs, columns = weight.shape
    whole = np.zeros((_in_eights(outputs), _in_eights(columns)), np.int8)
    whole[:outputs, :columns] = weight
    columns_first = torch.from_numpy(whole).to(GPU).t()

    def bind(activations: Int8s, sums: Int32s) -> Callable[[], None]:
        rows = len(activations)
        factor, out = torch.from_numpy(activations), torch.from_numpy(sums)
        padded = torch.zeros(max(32, _in_eights(rows)), whole.shape[1], dtype=torch.int8, device=GPU)

        def multiply() -> None:
            padded[:rows, :columns].copy_(factor)
            out.copy_(torch._int_mm(padded, columns_first)[:rows, :outputs])

        return multiply

    return bind


def _in_eights(size: int) -> int:
    """``size`` up to a multiple of 8: a GPU multiplies no other matrices, and none of 16 rows or fewer."""
    return -(-size // 8) * 8


BACKENDS: dict[str, Callable[[Int8s], Product]] = {"dot": _dot, "int8": _int8, "float32": _float32, "cuda": _cuda}
OF_TORCH = ("int8", "cuda")
"""The backends that import torch, and can't run without it."""
ON_PROCESSORS = ("dot", "int8", "float32")
"""The backends that are tried where none is named."""


TRIALS = ((1, 224, 256), (3, 230, 40), (9, 384, 256), (17, 512, 256), (16, LARGEST_COLUMNS, 64), (40, 256, 96))
"""Rows, columns and outputs of products that a backend has to get right."""
TRIALS_OF_LIBRARIES = ((64, 512, 256), (300, 256, 96))
"""More of them, for libraries, which may multiply many rows in another way."""


def _trial(rows: int, columns: int, outputs: int) -> tuple[Int8s, Int8s]:
    """Activations and a weight whose product is wrong where sums saturate or round, or rows or columns are left out."""
    activations, weight = _spread((rows, columns), ACTIVATION_LIMIT), _spread((outputs, columns), WEIGHT_LIMIT)
    # The largest sums of pairs, quadruples and whole rows, of both signs.
    activations[0], weight[: outputs // 2] = ACTIVATION_LIMIT, WEIGHT_LIMIT
    weight[outputs // 4 : outputs // 2] = -WEIGHT_LIMIT
    activations[-1] = -ACTIVATION_LIMIT if rows > 1 else ACTIVATION_LIMIT
    return activations, weight


def _spread(shape: tuple[int, int], limit: int) -> Int8s:
    """Integers from -limit to limit without a pattern that a product could hide: the upper bits of multiples of 2^32 by
    the golden ratio.  (numpy's random numbers would be all that a run needs of a large module.)"""
    multiples = np.arange(1, 1 + shape[0] * shape[1], dtype=np.uint32) * np.uint32(0x9E3779B1)
    return ((multiples >> np.uint32(8)) % np.uint32(2 * limit + 1)).astype(np.int8).reshape(shape) - np.int8(limit)


def is_right(backend: str) -> bool:
    """Whether a backend gives exactly the integers that numpy's int64 gives; False too where it can't run."""
    try:
        with one_thread(backend):
            for shape in TRIALS if backend == "dot" else TRIALS + TRIALS_OF_LIBRARIES:
                activations, weight = _trial(*shape)
                expected = activations.astype(np.int64) @ weight.T.astype(np.int64)
                found = np.full(expected.shape, -1, np.int32)
                BACKENDS[backend](weight)(activations, found)()
                if not np.array_equal(found, expected):
                    return False
    except (RuntimeError, NotImplementedError, AssertionError, ImportError, UnsupportedError, errors.NumbaError):
        return False
    return True


def _seconds(backend: str) -> float:
    activations, weight = _trial(64, 512, 256)
    multiply, times = BACKENDS[backend](weight)(activations, np.zeros((64, 256), np.int32)), []
    with one_thread(backend):
        for _ in range(20):
            begin = time.perf_counter()
            multiply()
            times.append(time.perf_counter() - begin)
    return min(times)


@lru_cache(maxsize=4)
def _fastest(candidates: tuple[str, ...]) -> str:
    if "dot" in candidates and is_right("dot"):
        return "dot"  # no need to compare, which would import torch
    right = [backend for backend in candidates if backend in BACKENDS and is_right(backend)]
    if not right:
        raise UnsupportedError(f"no exact matrix product here: {', '.join(candidates)} can't run or gave wrong sums")
    return right[0] if len(right) == 1 else min(right, key=_seconds)


def pick(size: int) -> str:
    """The backend for a block of ``size`` bytes: the one that LIKEZIP_BACKEND names, else dot, else the fastest that is
    right.

    Raises UnsupportedError if no backend is right here, or the named one is not, does not exist, or is one of torch and
    torch is not installed.
    """
    if named := os.environ.get("LIKEZIP_BACKEND"):
        if named not in BACKENDS:
            raise UnsupportedError(f"LIKEZIP_BACKEND is {named}, which is none of {', '.join(BACKENDS)}")
        if named in OF_TORCH:
            need_torch(f"LIKEZIP_BACKEND={named}")
        return _fastest((named,))
    return _fastest(tuple(name for name in ON_PROCESSORS if size > SMALL_BLOCK or name not in OF_TORCH))


@contextmanager
def one_thread(backend: str) -> Iterator[None]:
    """Multiply in one thread: torch's threads wait for each other in every product, for long where a core is busy."""
    if backend not in OF_TORCH:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _root_table() -> npt.NDArray[np.int32]:
    """2^20 / sqrt(m), rounded down, of m in [2^10, 2^12): the integer square root of 2^40 / m, itself rounded down."""
    return np.array([isqrt((1 << 40) // m) if m >= 1024 else 0 for m in range(4096)], np.int32)


RECIPROCAL_ROOT: npt.NDArray[np.int32] = table(_root_table)
"""(4096,) int32: 2^20 / sqrt(m), in (2^14, 2^15]."""


LARGEST_KEPT = 1 << 13


@inlined
def normalise(x: npt.NDArray[np.int32], mean: int, q: npt.NDArray[np.uint8]) -> None:
    """q = 32 x / sqrt(mean), rounded, in [-127, 127], plus ``byte_products.ACTIVATION_SHIFT``.

    x (n,), |x| < 2^20; 1 <= mean <= 2^40; q (n,).

    The mean is brought into [2^10, 2^12) by a power of 4, so -5 <= power <= 15.  So many low bits of x are dropped that
    sqrt(mean) is below 2^10; a kept value beyond 2^13 would give more than 127 and is cut off.  A kept value times the
    root is at most 2^28, and half of the divisor, added to round, at most 2^18.
    """
    power = (np.int64(53) - leading_zeros(np.uint64(mean))) >> 1
    scaled = mean >> (2 * power) if power >= 0 else mean << (-2 * power)
    root = RECIPROCAL_ROOT[np.uint64(scaled)]
    dropped = np.int32(max(power - 4, 0))
    up = np.int32(np.int32(1 << dropped) >> 1)
    shift = np.int32(15 + power - dropped)
    half = np.int32(1) << np.int32(shift - 1)
    for i in range(x.size):
        kept = shift_right(np.int32(x[i] + up), dropped)
        kept = min(max(kept, np.int32(-LARGEST_KEPT)), np.int32(LARGEST_KEPT))
        value = shift_right(np.int32(np.int32(kept * root) + half), shift)
        value = min(max(value, np.int32(-ACTIVATION_LIMIT)), np.int32(ACTIVATION_LIMIT))
        q[i] = np.uint8(value + np.int32(byte_products.ACTIVATION_SHIFT))


FREQUENCY_BITS = 20
"""The 256 frequencies of a step sum to 2^20."""


def _power_table() -> npt.NDArray[np.int32]:
    """2^15 exp(-d / 256), rounded: the weight of a logit d / 256 below the largest."""
    with localcontext() as context:
        context.prec = 50
        step, power, table = (Decimal(-1) / 256).exp(), Decimal(1 << 15), []
        for _ in range(2880):
            table.append(int(power + Decimal("0.5")))
            power *= step
    return np.array([*table, *[0] * (4096 - len(table))], np.int32)


POWER: npt.NDArray[np.int32] = table(_power_table)
"""(4096,) int32; 0 from 2840 on."""

MANTISSA_BITS, LOGARITHM_BITS = 10, 120


def _logarithm_table() -> npt.NDArray[np.int32]:
    """ln(m) in 1/65536 nat, rounded, of m in [1, 2^10).

    ln(m) - ln(m - 1) = 2 artanh(1 / (2m - 1)) = 2 sum of 1 / ((2k + 1) (2m - 1)^(2k + 1)), in steps of 2^-120, each
    term rounded down: fewer than 2^17 of them, so a sum is off by less than 2^-103, and none is that near to a half.
    """
    logarithm, table = 0, [0, 0]
    for m in range(2, 1 << MANTISSA_BITS):
        base, term, k = (2 * m - 1) ** 2, (2 << LOGARITHM_BITS) // (2 * m - 1), 1
        while term:
            logarithm += term // k
            term, k = term // base, k + 2
        table.append((logarithm + (1 << (LOGARITHM_BITS - 17))) >> (LOGARITHM_BITS - 16))
    return np.array(table, np.int32)


LOGARITHM: npt.NDArray[np.int32] = table(_logarithm_table)
"""(1024,) int32."""

LN2 = 45426
"""ln(2) in 1/65536 nat, rounded."""


@inlined
def logarithm(value: int) -> int:
    """ln(value) in 1/65536 nat of 1 <= value < 2^31, within 2^-9 nat: 10 bits of the mantissa count."""
    shift = max(np.int64(64 - MANTISSA_BITS) - leading_zeros(np.uint64(value)), np.int64(0))
    return np.int64(LOGARITHM[np.uint64(value >> shift)]) + shift * LN2


@inlined
def frequencies(logits: npt.NDArray[np.int32], tree: npt.NDArray[np.int32]) -> None:
    """Turn logits (256,) int32 in 1/256 nat into frequencies of sum 2^20, each at least 1, and their partial sums.

    ``tree`` (512,) int32: the frequencies are its leaves 256..511, node n is the sum of nodes 2n and 2n + 1, so
    P(next bit = 1) after the bits that lead to n is tree[2n + 1] / tree[n].

    A weight is at most 2^15 and the largest is 2^15, so their sum is in [2^15, 2^23], the scale at most 2^20, a product
    at most 2^35.  The remainder that rounding down leaves goes to the first of the likeliest symbols.
    """
    largest = logits[0]
    for symbol in range(256):
        largest = max(largest, logits[symbol])
    total = np.int32(0)
    for symbol in range(256):
        weight = POWER[min(np.int32(largest - logits[symbol]), np.int32(4095))]
        tree[256 + symbol] = weight
        total += weight
    scale = np.int64((((1 << FREQUENCY_BITS) - 256) << 15) // np.int64(total))
    given = np.int32(0)
    for symbol in range(256):
        frequency = np.int32(1 + ((np.int64(tree[256 + symbol]) * scale) >> 15))
        tree[256 + symbol] = frequency
        given += frequency
    likeliest = 0
    while logits[likeliest] != largest:
        likeliest += 1
    tree[256 + likeliest] += (1 << FREQUENCY_BITS) - given
    for level in range(7, -1, -1):
        for node in range(1 << level, 2 << level):
            tree[node] = tree[2 * node] + tree[2 * node + 1]
