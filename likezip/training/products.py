"""Products of int8 matrices with sums in int32, as a training step needs them: by AMX's tiles where the processor has
them, else by torch.

A tile is up to 16 rows of 64 bytes: of the left factor 16 rows and 64 columns, of the right one 16 columns and 64 rows,
of which four lie side by side, of the product 16 rows of 16 int32.  Below, a panel of a right-hand factor is 16 of its
columns, and a square is 32 rows and 32 columns of a product, in tiles 0 to 3.  (Intel 64 and IA-32 Architectures
Software Developer's Manual, volume 1, chapter 18.)
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

import llvmlite.binding
import llvmlite.ir
import numpy as np
import numpy.typing as npt
import torch
from numba.core import cgutils, types
from numba.extending import intrinsic

from likezip.kernels.compiling import INSTRUCTIONS, compiled_for_training
from likezip.kernels.intrinsics import aligned, call_function

TILE, DEPTH, SQUARE = 16, 64, 32
"""Rows of a tile, and its bytes in a row; rows of a square."""

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]


def _tiles_allowed() -> bool:
    """Whether the processor has tiles of int8, and the operating system lets this process use them."""
    if not INSTRUCTIONS or sys.platform != "linux":  # of other systems LLVM may not tell the features
        return False
    features = llvmlite.binding.get_host_cpu_features()
    if not (features.get("amx-int8") and features.get("amx-tile")):
        return False
    arch_prctl, request_permission, tile_data = 158, 0x1023, 18
    return ctypes.CDLL(None).syscall(arch_prctl, request_permission, tile_data) == 0


HAS_TILES = _tiles_allowed()


def _number(value: Any) -> Any:
    return llvmlite.ir.Constant(llvmlite.ir.IntType(8), value)


def _address(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """Of array[place], an array in C's order taken as flat."""
    struct = context.make_array(kind)(context, builder, array)
    return builder.bitcast(builder.gep(struct.data, [place]), cgutils.voidptr_t)


@intrinsic
def _configure(typing: Any, configuration: Any) -> Any:
    """Take the tiles' sizes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = llvmlite.ir.Constant(llvmlite.ir.IntType(64), 0)
        pointer = _address(context, builder, signature.args[0], arguments[0], place)
        call_function(builder, "llvm.x86.ldtilecfg", llvmlite.ir.VoidType(), pointer)
        return context.get_dummy_value()

    return types.void(configuration), generate


@intrinsic
def _release(typing: Any) -> Any:
    """Give the tiles back."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        call_function(builder, "llvm.x86.tilerelease", llvmlite.ir.VoidType())
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _add_tiles(typing: Any, left: Any, place: Any, stride: Any, right: Any, begin: Any, count: Any, depth: Any) -> Any:
    """Add to the square the product of 32 rows of the left and two panels of the right factor, ``count`` tiles of
    ``depth`` each.

    The rows begin at left[place], ``stride`` bytes apart, the panels at right[begin] and right[begin + 16 * stride].
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lefts, place, stride, rights, begin, count, depth = arguments
        word, nothing = llvmlite.ir.IntType(64), llvmlite.ir.VoidType()
        sixteen, row = (llvmlite.ir.Constant(word, number) for number in (TILE, DEPTH))
        second = builder.mul(stride, sixteen)
        with cgutils.for_range(builder, count) as loop:
            across = builder.mul(loop.index, depth)
            a, b = builder.add(place, across), builder.add(begin, builder.mul(across, sixteen))
            for tile, (x, y) in enumerate(((a, b), (builder.add(a, second), builder.add(b, second)))):
                pointer = _address(context, builder, signature.args[0], lefts, x)
                call_function(builder, "llvm.x86.tileloadd64", nothing, _number(4 + tile), pointer, stride)
                pointer = _address(context, builder, signature.args[3], rights, y)
                call_function(builder, "llvm.x86.tileloadd64", nothing, _number(6 + tile), pointer, row)
            for tile in range(4):
                factors = _number(4 + tile // 2), _number(6 + tile % 2)
                call_function(builder, "llvm.x86.tdpbssd", nothing, _number(tile), *factors)
        return context.get_dummy_value()

    numbers = types.int64
    return types.void(left, numbers, numbers, right, numbers, numbers, numbers), generate


@intrinsic
def _clear_square(typing: Any) -> Any:
    """Set the square to 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for tile in range(4):
            call_function(builder, "llvm.x86.tilezero", llvmlite.ir.VoidType(), _number(tile))
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _store_square(typing: Any, sums: Any, place: Any, columns: Any) -> Any:
    """Write the square to sums[place], rows of ``columns`` int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, place, columns = arguments
        word = llvmlite.ir.IntType(64)
        stride = builder.mul(columns, llvmlite.ir.Constant(word, 4))
        for tile in range(4):
            down = builder.mul(columns, llvmlite.ir.Constant(word, tile // 2 * TILE))
            there = builder.add(builder.add(place, down), llvmlite.ir.Constant(word, tile % 2 * TILE))
            pointer = _address(context, builder, signature.args[0], array, there)
            call_function(builder, "llvm.x86.tilestored64", llvmlite.ir.VoidType(), _number(tile), pointer, stride)
        return context.get_dummy_value()

    return types.void(sums, types.int64, types.int64), generate


@compiled_for_training
def _multiply(configuration, left, right, count, sums):
    """sums (n, m) int32 = left (n, k) int8 right (k, m), n and m at least 32, m a multiple of 16.

    right: its panels (m / 16, 16 k) int8; count: tiles in k.  Where 32 do not divide n or m, the last square covers a
    part of the one before.
    """
    (rows, columns), terms = sums.shape, left.shape[1]
    _configure(configuration)
    for n in range(0, rows, SQUARE):
        upper = min(n, rows - SQUARE)
        for m in range(0, columns, SQUARE):
            first = min(m, columns - SQUARE)
            _clear_square()
            _add_tiles(left, upper * terms, terms, right, first * terms, count, terms // count)
            _store_square(sums, upper * columns + first, columns)
    _release()


@compiled_for_training
def _to_panels(matrix, panels):
    """matrix (k, m) int8, k a multiple of 4, as panels (m / 16, k / 4, 16) int32, of four rows side by side."""
    for four in range(matrix.shape[0] // 4):
        n, line = np.uint64(4 * four), np.uint64(four)
        for panel in range(matrix.shape[1] // TILE):
            begin = np.uint64(panel * TILE)
            for i in range(TILE):
                column, word = begin + np.uint64(i), np.uint32(0)
                for row in range(4):
                    byte = np.uint32(np.uint8(matrix[n + np.uint64(row), column]))
                    word = np.uint32(word | np.uint32(byte << np.uint32(8 * row)))
                panels[np.uint64(panel), line, np.uint64(i)] = np.int32(word)


@cache
def _configuration(depth: int) -> npt.NDArray[np.uint8]:
    """What LDTILECFG reads: four tiles of the product, two left-hand ones of ``depth`` columns, two right-hand ones."""
    configuration = aligned(64, np.uint8)
    configuration[0] = 1
    configuration[16:32].view(np.uint16)[:8] = [DEPTH] * 4 + [depth] * 2 + [DEPTH] * 2
    configuration[48:56] = [TILE] * 6 + [depth // 4] * 2
    return configuration


def _tiles(terms: int) -> int:
    """The least number of equal tiles of whole fours that cover ``terms``, a multiple of 16."""
    return next(count for count in range(-(-terms // DEPTH), terms) if terms % (4 * count) == 0)


class Weight:
    """A layer's weight (outputs, columns) int8, and its products with many rows, by torch."""

    def __init__(self, outputs: int, columns: int) -> None:
        self.steps = aligned((outputs, columns), np.int8)

    def prepare(self) -> None:
        """Take ``steps`` as they now are."""

    def forward(self, inputs: Int8s, sums: Int32s) -> None:
        """sums (rows, outputs) of inputs (rows, columns)."""
        torch._int_mm(torch.from_numpy(inputs), torch.from_numpy(self.steps).t(), out=torch.from_numpy(sums))

    def backward(self, gradients: Int8s, sums: Int32s) -> None:
        """sums (rows, columns) of gradients (rows, outputs)."""
        torch._int_mm(torch.from_numpy(gradients), torch.from_numpy(self.steps), out=torch.from_numpy(sums))


class TiledWeight(Weight):
    """A weight whose products are computed by tiles."""

    def __init__(self, outputs: int, columns: int) -> None:
        super().__init__(outputs, columns)
        self._forward = aligned((outputs // TILE, columns // 4, TILE), np.int32)
        self._backward = aligned((columns // TILE, outputs // 4, TILE), np.int32)

    def prepare(self) -> None:
        outputs, columns = self.steps.shape
        words = self.steps.view(np.int32).reshape(outputs // TILE, TILE, columns // 4)
        self._forward[:] = words.transpose(0, 2, 1)
        _to_panels(self.steps, self._backward)

    def forward(self, inputs: Int8s, sums: Int32s) -> None:
        if len(inputs) < SQUARE:
            super().forward(inputs, sums)
        else:
            _multiply_rows(inputs, self._forward, sums)

    def backward(self, gradients: Int8s, sums: Int32s) -> None:
        if len(gradients) < SQUARE:
            super().backward(gradients, sums)
        else:
            _multiply_rows(gradients, self._backward, sums)


def _multiply_rows(rows: Int8s, panels: Int32s, sums: Int32s) -> None:
    count = _tiles(rows.shape[1])
    _multiply(_configuration(rows.shape[1] // count), rows, panels.view(np.int8), count, sums)


def weight_of(outputs: int, columns: int) -> Weight:
    """A weight (outputs, columns) with the fastest products that there are here."""
    fits = min(outputs, columns) >= SQUARE and not (outputs % TILE or columns % TILE)
    return (TiledWeight if HAS_TILES and fits else Weight)(outputs, columns)
