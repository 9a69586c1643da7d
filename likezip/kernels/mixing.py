"""The two layers of a mixer, of inputs that were stored one by one just before.

A processor hands what is on its way to memory on to a read of the same or a smaller size.  A vector that lies in many
small writes has to wait until all of them are in the cache, which took a twelfth of the memory's time.  So inputs are
read one by one, as they were written, and become a vector in a register.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.ir

from likezip.kernels.compiling import intrinsic
from likezip.kernels.deferred import Deferred
from likezip.kernels.intrinsics import call_function

types, errors = Deferred("numba.core.types"), Deferred("numba.core.errors")

INT32, INT64 = llvmlite.ir.IntType(32), llvmlite.ir.IntType(64)

PRODUCT_SHIFT, SUM_SHIFT = 6, 10
"""A product is shifted right before it is added, and the sum after."""


def _dot(builder: Any, inputs: Any, weights: Any, limit: int) -> Any:
    """Generate the sum of products of two vectors of int32, shifted, between -limit and limit."""
    shift = llvmlite.ir.Constant(inputs.type, [PRODUCT_SHIFT] * inputs.type.count)
    products = builder.ashr(builder.mul(inputs, weights), shift)
    total = call_function(builder, f"llvm.vector.reduce.add.v{inputs.type.count}i32", INT32, products)
    total = builder.ashr(total, INT32(SUM_SHIFT))
    for side, bound in (("<", -limit), (">", limit)):
        total = builder.select(builder.icmp_signed(side, total, INT32(bound)), INT32(bound), total)
    return total


def _load_weights(builder: Any, pointer: Any, kind: Any) -> Any:
    value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    value.align = 4
    return value


def two_layers(count: int, sets: int, width: int, limit: int) -> Callable[..., int]:
    """An intrinsic (inputs, weights, rows, layer, last): the mixed logit as int64, at most ``limit`` either way.

    inputs (count,); weights (rows, count); rows (sets or more,) uint32, a row of each set; layer (width,), of which the
    first ``sets`` are filled with their logits, the others are 0; last (width,), the weights of the second layer; all
    others int32.  No sum may reach 2^31, see ``memory.mixer``.
    """
    first, second = llvmlite.ir.VectorType(INT32, count), llvmlite.ir.VectorType(INT32, width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        inputs, weights, rows, layer, last = (
            context.make_array(signature.args[number])(context, builder, arguments[number]).data for number in range(5)
        )
        values = llvmlite.ir.Constant(first, llvmlite.ir.Undefined)
        for i in range(count):  # atomic loads, so that LLVM does not make a vector of them
            value = builder.load_atomic(builder.gep(inputs, [INT64(i)]), "monotonic", 4)
            values = builder.insert_element(values, value, INT32(i))
        logits = llvmlite.ir.Constant(second, [0] * width)
        for k in range(sets):
            row = builder.zext(builder.load(builder.gep(rows, [INT64(k)])), INT64)
            chosen = _load_weights(builder, builder.gep(weights, [builder.mul(row, INT64(count))]), first)
            logit = _dot(builder, values, chosen, limit)
            builder.store(logit, builder.gep(layer, [INT64(k)]))
            logits = builder.insert_element(logits, logit, INT32(k))
        return builder.sext(_dot(builder, logits, _load_weights(builder, last, second), limit), INT64)

    @intrinsic
    def mix(typing: Any, inputs: Any, weights: Any, rows: Any, layer: Any, last: Any) -> Any:
        for array, dtype in zip((inputs, weights, layer, last, rows), (*[types.int32] * 4, types.uint32), strict=True):
            if array.dtype != dtype or array.layout != "C":
                raise errors.TypingError(f"{array} is not of {dtype} in C's order")
        return types.int64(inputs, weights, rows, layer, last), generate

    return mix
