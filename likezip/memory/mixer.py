"""Gated logistic mixing and adaptive probability maps, in integers.

Each expert gives a probability; the mixer adds their logits with weights chosen by a small context and learns the
weights online, one gradient step a bit (M. Mahoney, "Adaptive weighing of context models for lossless data
compression", 2005; the two layers follow the PAQ8 family: several weight sets see the same inputs, a second mixer
sees their outputs).

    probability  p   0 < p < 65536, in 1/65536, of the bit being 1
    logit        x   -LOGIT_LIMIT <= x <= LOGIT_LIMIT, ln(p / (1 - p)) in 1/256 nat
    weight       w   -MIXER_WEIGHT_LIMIT <= w <= MIXER_WEIGHT_LIMIT, in 1/65536

Why nothing overflows: an input is at most 2840 < 2^12 and a weight less than 2^19, so a product is below 2^31; it is
shifted right by 6 before it is added, so a sum of up to 64 of them is below 2^31 as well.  A weight's step is
input x error with |error| < 2^16, times a rate of at most 76/16, so below 2840 x 4.75 x 2^16 < 2^31.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined, table

LOGIT_LIMIT = 2840
MIXER_WEIGHT_LIMIT = (1 << 19) - 1
PROBABILITY_ONE = 1 << 16
SMALLEST_ERROR = 100
"""In 1/65536, times the rate; a bit that was predicted with a smaller error is not learnt from."""
APM_COLUMNS = 25
APM_OFFSET = 3072


def _squash_table() -> npt.NDArray[np.int32]:
    """65536 / (1 + exp(-x / 256)), rounded, within [1, 65535]; entry x + LOGIT_LIMIT.

    Computed in 50 decimal digits, so it is the same on every machine, which floats don't promise.
    """
    with localcontext() as context:
        context.prec = 50
        step, power, upper = (Decimal(-1) / 256).exp(), Decimal(1), []
        for _ in range(LOGIT_LIMIT + 1):
            upper.append(min(65535, int(PROBABILITY_ONE / (1 + power) + Decimal("0.5"))))
            power *= step
    return np.array([PROBABILITY_ONE - p for p in reversed(upper[1:])] + upper, np.int32)


SQUASH: npt.NDArray[np.int32] = table(_squash_table)
"""(5681,) int32: the probability of logit x at index x + LOGIT_LIMIT."""


def _stretch_table() -> npt.NDArray[np.int16]:
    logits = np.searchsorted(SQUASH, np.arange(4096) * 16 + 8).clip(0, 2 * LOGIT_LIMIT) - LOGIT_LIMIT
    return logits.astype(np.int16)


STRETCH: npt.NDArray[np.int16] = table(_stretch_table)
"""(4096,) int16: the smallest logit whose probability is at least 16 i + 8, for probabilities in [16 i, 16 i + 16)."""


COUNT_BITS = 10
"""A map entry is a uint32: a probability in 1/2^22 in its upper bits, the number of its updates in the lower."""
MAP_LIMIT = (1 << COUNT_BITS) - 2
FROZEN = MAP_LIMIT + 1
"""A map entry with this count never changes."""
SHARE = np.array([65536 * 2 // (2 * n + 3) for n in range(FROZEN)] + [0], np.uint16)
"""(1024,) uint16: 65536 / (n + 1.5), the share of the n-th update; 0 for FROZEN."""

NEVER_SEEN = np.uint32((32767 << 6 | 32) << COUNT_BITS | FROZEN)
"""The entry of contexts that have seen nothing: even odds, whose logit is 0, and frozen."""


def map_entry(probability: float) -> np.uint32:
    """The entry of a ``probability``, without updates."""
    return np.uint32(int(probability * (1 << 22)) << COUNT_BITS)


@inlined
def map_read(entry: np.uint32) -> int:
    """The logit of an entry's probability."""
    return int(STRETCH[entry >> np.uint32(20)])


@inlined
def map_learn(entry: np.uint32, bit: int) -> np.uint32:
    """The entry moved towards ``bit`` by its share: distance < 2^22, share < 2^16, product < 2^38."""
    distance = np.int64((bit << 22) - bit) - np.int64(entry >> np.uint32(COUNT_BITS))
    count = entry & np.uint32((1 << COUNT_BITS) - 1)
    moved = (distance * np.int64(SHARE[count])) >> 16
    return np.uint32(np.int64(entry) + (moved << COUNT_BITS) + np.int64(count < np.uint32(MAP_LIMIT)))


@inlined
def clamp_logit(x: int) -> int:
    return min(max(x, -LOGIT_LIMIT), LOGIT_LIMIT)


@inlined
def clamp_probability(p: int) -> int:
    return min(max(p, 1), PROBABILITY_ONE - 1)


@inlined
def squash(logit: int) -> int:
    """The probability of ``logit``, in [1, 65535]."""
    return int(SQUASH[np.uint64(logit + LOGIT_LIMIT)])


@inlined
def rate(step: int, lanes: int) -> int:
    """The first layer's rate in a lane's step, in 1/16: at first 76 in one lane, 39 in eight, in the end 12 and 3.

    Weights that have seen little of a block move fast, later they are averages of many bits.  The moves of all lanes in
    a step add up.
    """
    first = np.uint64((1 << 17) + (1 << 17) // lanes)
    return int(np.int64(first // np.uint64(step + 4096) + np.uint64(2 + 10 // lanes)))


@inlined
def learn(inputs: npt.NDArray[np.int32], weights: npt.NDArray[np.int32], size: int, error: int, shift: int) -> None:
    """One gradient step: weights += inputs * error / 2^shift, rounded; ``error`` is 65536 bit - p, times a rate.

    Only the first ``size`` of each take part; it is a constant, so the loop is unrolled.
    """
    if abs(error) < SMALLEST_ERROR:
        return
    half = np.int32(1 << (shift - 1))
    step = np.int32(error)
    for i in range(size):
        moved = weights[i] + (np.int32(np.int32(inputs[i] * step) + half) >> np.int32(shift))
        weights[i] = min(max(np.int32(moved), np.int32(-MIXER_WEIGHT_LIMIT)), np.int32(MIXER_WEIGHT_LIMIT))


@inlined
def apm_read(row: npt.NDArray[np.uint16], logit: int) -> int:
    """The refined probability: linear between the two columns of ``row`` (25,) around ``logit``."""
    place = logit + APM_OFFSET
    column, part = np.uint64(place >> 8), np.int64(place & 255)
    return int(np.int64(row[column]) * (256 - part) + np.int64(row[column + np.uint64(1)]) * part) >> 8


@inlined
def apm_learn(row: npt.NDArray[np.uint16], logit: int, bit: int, rate: int) -> None:
    """Move the nearer column of ``row`` (25,) towards ``bit`` by 1/2^rate of the distance."""
    column = np.uint64((logit + APM_OFFSET + 128) >> 8)
    row[column] += (65535 * bit - np.int64(row[column])) >> rate


def neutral_apms(rows: int) -> npt.NDArray[np.uint16]:
    """Maps that change nothing yet, (rows, 25) uint16."""
    logits = (np.arange(APM_COLUMNS) * 256 - APM_OFFSET).clip(-LOGIT_LIMIT, LOGIT_LIMIT)
    return np.tile(SQUASH[logits + LOGIT_LIMIT].astype(np.uint16), (rows, 1))
