"""Exact matrix products by the dot-product instructions of x86 processors, in a kernel of their own.

The instruction vpdpbusd (VNNI) multiplies four unsigned by four signed bytes and adds the sum to an int32, for 8 or 16
outputs at once.  Activations are signed, so 128 is added to each, and every sum begins at -128 times the sum of its
weights.  Without VNNI, AVX2 does the same in three instructions; its vpmaddubsw adds two products in 16 bits, which
2 * 255 * 63 < 2^15 does not saturate.

Why not only ``torch._int_mm``: importing torch takes longer than compressing 50 KB, and from here the network's step
needs no call into another library.  It is also a quarter faster with few rows.

A weight is packed in panels of PANEL outputs: their first sums (int32), then for every four columns the four weights
of each output.  A tile is some rows times one panel; its sums stay in registers over all columns.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir
import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import INSTRUCTIONS, compiled, inlined, intrinsic
from likezip.kernels.deferred import Deferred
from likezip.kernels.intrinsics import call_function, spread

types, errors = Deferred("numba.core.types"), Deferred("numba.core.errors")

PANEL = 32
"""Outputs of a tile."""

ACTIVATION_SHIFT = 128
"""Added to activations."""

WIDTH = 16 if INSTRUCTIONS == "vnni512" else 8
"""Outputs of a vector of int32."""

TALL = 8 if INSTRUCTIONS == "vnni512" else 2
"""Rows of a tile, so that its sums fit into the registers: 32 of 512 bits, or 16 of 256."""

INT8, INT16, INT32, INT64 = (llvmlite.ir.IntType(bits) for bits in (8, 16, 32, 64))
SUMS, BYTES = llvmlite.ir.VectorType(INT32, WIDTH), llvmlite.ir.VectorType(INT8, 4 * WIDTH)
PAIRS = llvmlite.ir.VectorType(INT16, 2 * WIDTH)


@inlined
def padded_columns(columns: int) -> int:
    """Columns up to whole fours."""
    return (columns + 3) // 4 * 4


def pack(weight: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Panels of ``weight`` (outputs, columns), with zeros up to whole panels and fours."""
    outputs, columns = weight.shape
    whole = np.zeros((-(-outputs // PANEL) * PANEL, padded_columns(columns)), np.int8)
    whole[:outputs, :columns] = weight
    panels = []
    for panel in whole.reshape(-1, PANEL, whole.shape[1]):
        panels.append((-ACTIVATION_SHIFT * panel.astype(np.int32).sum(1)).astype("<i4").view(np.int8))
        panels.append(panel.reshape(PANEL, -1, 4).transpose(1, 0, 2).ravel())
    return np.concatenate(panels)


def _add_products(builder: Any, sums: Any, activations: Any, weights: Any) -> Any:
    """sums (WIDTH int32) + four activations (unsigned, the same for all) times each output's four weights."""
    if INSTRUCTIONS.startswith("vnni"):
        # LLVM once had the bytes as int32 here, and still takes them so.
        fours = [builder.bitcast(operand, SUMS) for operand in (activations, weights)]
        return call_function(builder, f"llvm.x86.avx512.vpdpbusd.{32 * WIDTH}", SUMS, sums, *fours)
    pairs = call_function(builder, "llvm.x86.avx2.pmadd.ub.sw", PAIRS, activations, weights)
    ones = llvmlite.ir.Constant(PAIRS, [1] * (2 * WIDTH))
    return builder.add(sums, call_function(builder, "llvm.x86.avx2.pmadd.wd", SUMS, pairs, ones))


def _tile(rows: int) -> Any:
    """An intrinsic: the sums of ``rows`` rows by one panel.

    It takes packed and where its panel begins; activations (unsigned) and where the first row begins; sums and where
    the first is to go; the distances between rows of activations and of sums; and how many fours of columns there are.
    """
    vectors = range(PANEL // WIDTH)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def element(array: int, index: Any, kind: Any) -> Any:
            data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
            return builder.gep(builder.bitcast(data, kind.as_pointer()), [index])

        def load(place: Any, distance: Any, kind: Any) -> Any:
            value = builder.load(builder.bitcast(builder.gep(place, [distance]), kind.as_pointer()))
            value.align = 1
            return value

        def row_of(row: int, stride: Any, further: Any) -> Any:
            return builder.add(builder.mul(INT64(row), stride), further)

        panel, activations = element(0, arguments[1], INT8), element(2, arguments[3], INT8)
        sums = element(4, arguments[5], INT32)
        activation_stride, sum_stride, fours = arguments[6:]
        begin = [load(panel, INT64(4 * WIDTH * v), SUMS) for v in vectors]
        before, loop, done = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("done")
        builder.branch(loop)

        builder.position_at_end(loop)
        four = builder.phi(INT64)
        totals = [[builder.phi(SUMS) for _ in vectors] for _ in range(rows)]
        following = builder.add(four, INT64(1))
        quad = builder.mul(following, INT64(4 * PANEL))  # behind the first sums, which take as much
        weights = [load(panel, builder.add(quad, INT64(4 * WIDTH * v)), BYTES) for v in vectors]
        added = []
        for row in range(rows):
            four_of_row = load(activations, row_of(row, activation_stride, builder.mul(four, INT64(4))), INT32)
            four_everywhere = builder.bitcast(spread(builder, four_of_row, SUMS), BYTES)
            added.append([_add_products(builder, totals[row][v], four_everywhere, weights[v]) for v in vectors])
        four.add_incoming(INT64(0), before)
        four.add_incoming(following, loop)
        for row in range(rows):
            for v in vectors:
                totals[row][v].add_incoming(begin[v], before)
                totals[row][v].add_incoming(added[row][v], loop)
        builder.cbranch(builder.icmp_signed("<", following, fours), loop, done)

        builder.position_at_end(done)
        for row in range(rows):
            for v in vectors:
                place = builder.gep(sums, [row_of(row, sum_stride, INT64(WIDTH * v))])
                builder.store(added[row][v], builder.bitcast(place, SUMS.as_pointer())).align = 1
        return context.get_dummy_value()

    @intrinsic
    def tile(
        typing: Any,
        packed: Any,
        panel: Any,
        activations: Any,
        first: Any,
        sums: Any,
        out: Any,
        activation_stride: Any,
        sum_stride: Any,
        fours: Any,
    ) -> Any:
        if any(array.layout != "C" for array in (packed, activations, sums)):
            raise errors.TypingError("products are of arrays in C's order")
        number = types.int64
        return types.void(packed, number, activations, number, sums, number, number, number, number), generate

    return tile


_tall, _four, _two, _one = _tile(TALL), _tile(4), _tile(2), _tile(1)


@compiled
def multiply(packed, shifted, sums, rest):
    """sums (rows, outputs) int32 = activations times the packed weight.

    shifted (rows, padded columns) uint8: the activations with ACTIVATION_SHIFT added.  The values in padding columns do
    not matter: their weights are 0.  A panel of fewer outputs goes through ``rest`` (rows, PANEL) int32.
    """
    rows, outputs, width = shifted.shape[0], sums.shape[1], shifted.shape[1]
    fours = width // 4
    for first in range(0, outputs, PANEL):
        panel = first * (width + 4)
        whole = first + PANEL <= outputs
        out, stride = (first, outputs) if whole else (0, PANEL)
        target = sums if whole else rest
        row = 0
        while row < rows:
            if rows >= TALL:
                row = min(row, rows - TALL)  # the last tile does some rows again
                _tall(packed, panel, shifted, row * width, target, out + row * stride, width, stride, fours)
                row += TALL
            elif TALL > 4 and rows - row >= 4:
                _four(packed, panel, shifted, row * width, target, out + row * stride, width, stride, fours)
                row += 4
            elif TALL > 2 and rows - row >= 2:
                _two(packed, panel, shifted, row * width, target, out + row * stride, width, stride, fours)
                row += 2
            else:
                _one(packed, panel, shifted, row * width, target, out + row * stride, width, stride, fours)
                row += 1
        if not whole:
            for row in range(rows):
                for i in range(outputs - first):
                    sums[row, first + i] = rest[row, i]
