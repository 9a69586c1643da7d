"""The costs of binary decisions, in bits, computed with integers, since they decide in which mode a block is coded.

A logarithm of numpy's differs in its last bit from one version and one processor to the next; so the decision could
differ, and with it the bytes that the encoder writes.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count

import numpy as np
import numpy.typing as npt

from likezip.blocks.predictor import by_lane, lane_starts

FRACTION_BITS = 20
"""Costs are in 1/2^20 bits."""


def surprisals(p: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """-log2(p / 65536) of p from 1 to 65536, rounded up, in 1/2^20 bits: at most 2^24, and off by 2^-19 bits at most.

    Each squaring of the mantissa gives a bit of the logarithm.  A mantissa has 32 bits, so its square is below 2^64,
    and a square of 2^32 or more is halved.
    """
    logarithm: npt.NDArray[np.uint64] = np.zeros(p.shape, np.uint64)
    for power in range(1, 17):
        logarithm += p >> np.uint64(power) > 0
    mantissa = p << (np.uint64(31) - logarithm)
    for _ in range(FRACTION_BITS):
        mantissa = mantissa * mantissa >> np.uint64(31)
        carry = mantissa >> np.uint64(32)
        mantissa, logarithm = mantissa >> carry, logarithm << np.uint64(1) | carry
    return (16 << FRACTION_BITS) - logarithm.astype(np.int64)


@lru_cache(maxsize=1)
def cost_table() -> npt.NDArray[np.int64]:
    """(65536,) int64: the cost of an event of probability (index + 1) / 65536, as ``surprisals``."""
    return surprisals(np.arange(1, 65537, dtype=np.uint64))


FEW, FEW_CALLS = 1 << 14, 50
"""Fewer costs than FEW take less time to compute than the table, in the first FEW_CALLS calls of a process."""
CALLS = count()
"""The calls for fewer in this process."""


def cost_of_each_byte(
    ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8], size: int, lanes: int
) -> npt.NDArray[np.float64]:
    """The cost of each byte of a piece of ``size`` bytes, (size,) bits, from its decisions in the order in which they
    are coded: ones and bits (8 size,).

    Multiples of 2^-20, so sums of fewer than 2^29 of them are exact, in any order.
    """
    steps, longer = divmod(size, lanes)
    first = lane_starts(0, size, lanes)
    costs = np.empty(size)
    for step in range(0, steps, _STEPS):
        count = min(_STEPS, steps - step)
        part = slice(8 * lanes * step, 8 * lanes * (step + count))
        places = first + np.arange(step, step + count)[:, None]
        costs[places] = by_lane(_costs_of(ones[part], bits[part]).reshape(count, -1), lanes).sum(1)
    if longer:
        rest = slice(8 * lanes * steps, None)
        costs[first[:longer] + steps] = by_lane(_costs_of(ones[rest], bits[rest])[None], lanes)[0].sum(0)
    costs /= 1 << FRACTION_BITS
    return costs


_STEPS = 1 << 12
"""Steps whose costs are looked up together."""


def _costs_of(ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The cost of each decision, in 1/2^20 bits."""
    one = ones.astype(np.int32)
    p = np.where(bits == 1, one, 65536 - one)
    few = p.size < FEW and next(CALLS) < FEW_CALLS
    return surprisals(p.astype(np.uint64)) if few else cost_table()[p - 1]


def total_cost(ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8]) -> float:
    """The sum of -log2 P, in bits, over the decisions ``bits`` (n,) with P(1) = ``ones`` (n,) / 65536.

    The sum is an integer below 2^63 for n < 2^39; dividing it by 2^20 is rounded in one way everywhere.
    """
    total = 0
    for part in range(0, ones.size, 1 << 18):  # a part at a time: the whole of it in int64 would be the peak of memory
        total += int(_costs_of(ones[part : part + (1 << 18)], bits[part : part + (1 << 18)]).sum())
    return total / (1 << FRACTION_BITS)
