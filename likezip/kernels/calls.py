"""Calls of kernels by kernels that were compiled before: where Python would call two in turn for microseconds each, a
kernel does."""

from __future__ import annotations

from typing import Any

import llvmlite.ir
import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import intrinsic
from likezip.kernels.deferred import Deferred
from likezip.kernels.machine_code import MOST_RESULTS, Call

types, errors = Deferred("numba.core.types"), Deferred("numba.core.errors")

WORD = llvmlite.ir.IntType(64)
WORDS = WORD.as_pointer()


def words_of(calls: list[Call]) -> npt.NDArray[np.int64]:
    """Calls for kernels to make, (calls, most words); they have to live as long as these are used."""
    words = np.zeros((len(calls), max(call.words.size for call in calls)), np.int64)
    for row, call in zip(words, calls, strict=True):
        row[: call.words.size] = call.words
    return words


@intrinsic
def make_call(typing: Any, words: Any) -> Any:
    """Make the call that is in ``words``, see ``machine_code.Call``; returns 0, or 1 if it raised an exception."""
    if words.dtype != types.int64 or words.layout != "C":
        raise errors.TypingError(f"{words} is not of int64 in C's order")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        function = builder.inttoptr(builder.load(data), llvmlite.ir.FunctionType(WORD, [WORDS, WORDS]).as_pointer())
        results, numbers = (builder.gep(data, [WORD(place)]) for place in (1, 1 + MOST_RESULTS))
        return builder.call(function, [results, numbers])

    return types.int64(words), generate
