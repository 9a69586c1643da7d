"""Exact matrix products by a processor's own products of bytes, in a kernel of their own.

x86: the instruction vpdpbusd (VNNI) multiplies four unsigned by four signed bytes and adds the sum to an int32, for 8
or 16 outputs at once.  Activations are signed, so 128 is added to each, and every sum begins at -128 times the sum of
its weights.  Without VNNI, AVX2 does the same in three instructions; its vpmaddubsw adds two products in 16 bits, which
2 * 255 * 63 < 2^15 does not saturate.

64-bit ARM: SDOT (dotprod) does the same for 4 outputs, of signed bytes, so nothing is added.  SMMLA (i8mm) multiplies
eight bytes of each of two rows by eight of each of two outputs; of a single row it gets a copy for the second.  Without
either, NEON multiplies to 16 bits and adds pairs twice; the first time in 16 bits, where 2 * 127 * 63 < 2^15 is exact.

Why not only ``torch._int_mm``: importing torch takes longer than compressing 50 KB, and from here the network's step
needs no call into another library.  On x86 it is also a quarter faster with few rows.

A weight is packed in panels of PANEL outputs: their first sums (int32) where activations are shifted, then for every
GROUP columns the weights of each output.  A tile is some rows times one panel; its sums stay in registers over all
columns.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import llvmlite.ir
import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import INSTRUCTIONS, compiled, inlined, intrinsic
from likezip.kernels.deferred import Deferred
from likezip.kernels.intrinsics import call_function, spread
from likezip.kernels.processor import ARM_FEATURES

types, errors = Deferred("numba.core.types"), Deferred("numba.core.errors")

STRIP = 2 if INSTRUCTIONS == "i8mm" else 1
"""Rows of a vector of sums: of two rows times two outputs, or of a row."""

PANEL = 32 // STRIP
"""Outputs of a tile."""

GROUP = 4 * STRIP
"""Columns whose products are added at once."""

ACTIVATION_SHIFT = 0 if INSTRUCTIONS in ARM_FEATURES else 128
"""Added to activations, modulo 256."""

FIRST_SUMS = 4 if ACTIVATION_SHIFT else 0
"""Bytes of an output's first sum."""

WIDTH = 16 if INSTRUCTIONS == "vnni512" else 4 if INSTRUCTIONS in ARM_FEATURES else 8
"""Numbers of a vector of int32."""

TALL = {"vnni512": 8, "i8mm": 4}.get(INSTRUCTIONS, 2)
"""Rows of a tile, so that its sums fit into the registers: 32 of 512 bits, 16 of 256, or 32 of 128."""

INT8, INT16, INT32, INT64 = (llvmlite.ir.IntType(bits) for bits in (8, 16, 32, 64))
SUMS, BYTES = llvmlite.ir.VectorType(INT32, WIDTH), llvmlite.ir.VectorType(INT8, 4 * WIDTH)
PAIRS, HALVES = llvmlite.ir.VectorType(INT16, 2 * WIDTH), llvmlite.ir.VectorType(INT64, WIDTH // 2)


@inlined
def padded_columns(columns: int) -> int:
    """Columns up to whole groups."""
    return (columns + GROUP - 1) // GROUP * GROUP


def pack(weight: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Panels of ``weight`` (outputs, columns), with zeros up to whole panels and groups."""
    outputs, columns = weight.shape
    whole = np.zeros((-(-outputs // PANEL) * PANEL, padded_columns(columns)), np.int8)
    whole[:outputs, :columns] = weight
    panels = []
    for panel in whole.reshape(-1, PANEL, whole.shape[1]):
        if FIRST_SUMS:
            panels.append((-ACTIVATION_SHIFT * panel.astype(np.int32).sum(1)).astype("<i4").view(np.int8))
        panels.append(panel.reshape(PANEL, -1, GROUP).transpose(1, 0, 2).ravel())
    return np.concatenate(panels)


def _add_products(builder: Any, sums: Any, activations: Any, weights: Any) -> Any:
    """sums + activations times weights, over a group of columns.

    In strips of a row each of WIDTH outputs has its four weights, and all have the same four activations.  In strips of
    two there are eight activations of each row, eight weights of each of two outputs, and the sums of the first row,
    then of the second.
    """
    if INSTRUCTIONS == "i8mm":
        return call_function(builder, "llvm.aarch64.neon.smmla.v4i32.v16i8", SUMS, sums, activations, weights)
    if INSTRUCTIONS == "dotprod":
        return call_function(builder, "llvm.aarch64.neon.sdot.v4i32.v16i8", SUMS, sums, activations, weights)
    if INSTRUCTIONS == "neon":
        return _add_neon_products(builder, sums, activations, weights)
    if INSTRUCTIONS.startswith("vnni"):
        # LLVM once had the bytes as int32 here, and still takes them so.
        fours = [builder.bitcast(operand, SUMS) for operand in (activations, weights)]
        return call_function(builder, f"llvm.x86.avx512.vpdpbusd.{32 * WIDTH}", SUMS, sums, *fours)
    pairs = call_function(builder, "llvm.x86.avx2.pmadd.ub.sw", PAIRS, activations, weights)
    ones = llvmlite.ir.Constant(PAIRS, [1] * (2 * WIDTH))
    return builder.add(sums, call_function(builder, "llvm.x86.avx2.pmadd.wd", SUMS, pairs, ones))


def _add_neon_products(builder: Any, sums: Any, activations: Any, weights: Any) -> Any:
    """``_add_products`` by smull, smull2, addp and sadalp: each half's products, sums of two, sums of four."""
    nothing, products = llvmlite.ir.Constant(BYTES, llvmlite.ir.Undefined), []
    for first in (0, 8):
        chosen = llvmlite.ir.Constant(llvmlite.ir.VectorType(INT32, 8), list(range(first, first + 8)))
        half = [builder.shuffle_vector(operand, nothing, chosen) for operand in (activations, weights)]
        products.append(call_function(builder, "llvm.aarch64.neon.smull.v8i16", PAIRS, *half))
    twos = call_function(builder, "llvm.aarch64.neon.addp.v8i16", PAIRS, *products)
    return builder.add(sums, call_function(builder, "llvm.aarch64.neon.saddlp.v4i32.v8i16", SUMS, twos))


def _allow_instructions(function: Any) -> None:
    """Have LLVM compile a function that is being generated for ARM's instructions that it uses.

    numba compiles for what LLVM finds in the processor, which with some of LLVM's releases leaves these out.  LLVM's
    builder has no name for this attribute of functions, so it is put into the set of attributes as LLVM writes it.
    """
    if INSTRUCTIONS in ARM_FEATURES:
        try:
            found = llvmlite.binding.get_host_cpu_features().flatten()
        except RuntimeError:  # LLVM can't tell here
            found = ""
        features = ",".join(filter(None, [found, ARM_FEATURES[INSTRUCTIONS]]))
        set.add(function.attributes, f'"target-features"="{features}"')


def _tile(rows: int) -> Any:
    """An intrinsic: the sums of ``rows`` rows by one panel.

    It takes packed and where its panel begins; activations and where the first row begins; sums and where the first is
    to go; the distances between rows of activations and of sums; and how many groups of columns there are.
    """
    vectors = range(PANEL * GROUP // (4 * WIDTH))
    strips = [range(row, min(row + STRIP, rows)) for row in range(0, rows, STRIP)]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def element(array: int, index: Any, kind: Any) -> Any:
            data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
            return builder.gep(builder.bitcast(data, kind.as_pointer()), [index])

        def load(place: Any, distance: Any, kind: Any) -> Any:
            value = builder.load(builder.bitcast(builder.gep(place, [distance]), kind.as_pointer()))
            value.align = 1
            return value

        def store(value: Any, place: Any, distance: Any) -> None:
            builder.store(value, builder.bitcast(builder.gep(place, [distance]), value.type.as_pointer())).align = 1

        def row_of(row: int, stride: Any, further: Any) -> Any:
            return builder.add(builder.mul(INT64(row), stride), further)

        def load_activations(strip: range, column: Any) -> Any:
            first, *others = [row_of(row, activation_stride, column) for row in strip]
            if STRIP == 1:
                return builder.bitcast(spread(builder, load(activations, first, INT32), SUMS), BYTES)
            pair = spread(builder, load(activations, first, INT64), HALVES)
            for other in others:
                pair = builder.insert_element(pair, load(activations, other, INT64), INT32(1))
            return builder.bitcast(pair, BYTES)

        def store_sums(strip: range, vector: int, total: Any) -> None:
            if STRIP == 1:
                store(total, sums, row_of(strip[0], sum_stride, INT64(WIDTH * vector)))
                return
            halves = builder.bitcast(total, HALVES)
            for half, row in enumerate(strip):
                store(builder.extract_element(halves, INT32(half)), sums, row_of(row, sum_stride, INT64(2 * vector)))

        _allow_instructions(builder.function)
        panel, activations = element(0, arguments[1], INT8), element(2, arguments[3], INT8)
        sums = element(4, arguments[5], INT32)
        activation_stride, sum_stride, groups = arguments[6:]
        zero = llvmlite.ir.Constant(SUMS, [0] * WIDTH)
        begin = [load(panel, INT64(4 * WIDTH * v), SUMS) if FIRST_SUMS else zero for v in vectors]
        before, loop, done = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("done")
        builder.branch(loop)

        builder.position_at_end(loop)
        group = builder.phi(INT64)
        totals = [[builder.phi(SUMS) for _ in vectors] for _ in strips]
        following = builder.add(group, INT64(1))
        place = builder.add(builder.mul(group, INT64(GROUP * PANEL)), INT64(FIRST_SUMS * PANEL))
        weights = [load(panel, builder.add(place, INT64(4 * WIDTH * v)), BYTES) for v in vectors]
        added = []
        for strip, before_group in zip(strips, totals, strict=True):
            factor = load_activations(strip, builder.mul(group, INT64(GROUP)))
            added.append([_add_products(builder, before_group[v], factor, weights[v]) for v in vectors])
        group.add_incoming(INT64(0), before)
        group.add_incoming(following, loop)
        for before_group, behind_group in zip(totals, added, strict=True):
            for v in vectors:
                before_group[v].add_incoming(begin[v], before)
                before_group[v].add_incoming(behind_group[v], loop)
        builder.cbranch(builder.icmp_signed("<", following, groups), loop, done)

        builder.position_at_end(done)
        for strip, behind_group in zip(strips, added, strict=True):
            for v in vectors:
                store_sums(strip, v, behind_group[v])
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
        groups: Any,
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
    groups = width // GROUP
    for first in range(0, outputs, PANEL):
        panel = first * (width + FIRST_SUMS)
        whole = first + PANEL <= outputs
        out, stride = (first, outputs) if whole else (0, PANEL)
        target = sums if whole else rest
        row = 0
        while row < rows:
            if rows >= TALL:
                row = min(row, rows - TALL)  # the last tile does some rows again
                _tall(packed, panel, shifted, row * width, target, out + row * stride, width, stride, groups)
                row += TALL
            elif TALL > 4 and rows - row >= 4:
                _four(packed, panel, shifted, row * width, target, out + row * stride, width, stride, groups)
                row += 4
            elif TALL > 2 and rows - row >= 2:
                _two(packed, panel, shifted, row * width, target, out + row * stride, width, stride, groups)
                row += 2
            else:
                _one(packed, panel, shifted, row * width, target, out + row * stride, width, stride, groups)
                row += 1
        if not whole:
            for row in range(rows):
                for i in range(outputs - first):
                    sums[row, first + i] = rest[row, i]
