"""Gated logistic mixing and adaptive probability maps, in integers.

Each expert gives a probability; the mixer adds their logits with weights chosen by a small context and learns the
weights online, one gradient step a bit (M. Mahoney, "Adaptive weighing of context models for lossless data
compression", 2005; the two layers follow the PAQ8 family: several weight sets see the same inputs, a second mixer
sees their outputs).

    probability  p   0 < p < 65536, in 1/65536, of the bit being 1
    logit        x   -LOGIT_LIMIT <= x <= LOGIT_LIMIT, ln(p / (1 - p)) in 1/256 nat
    weight       w   -WEIGHT_LIMIT <= w <= WEIGHT_LIMIT, in 1/65536

Why nothing overflows: an input is at most 2840 < 2^12 and a weight less than 2^19, so a product is below 2^31; it is
shifted right by 6 before it is added, so a sum of up to 64 of them is below 2^31 as well.  A weight's step is
input x error with |error| < 2^16, below 2^28.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt
from numba import njit

LOGIT_LIMIT = 2840
WEIGHT_LIMIT = (1 << 19) - 1
ONE = 1 << 16
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
            upper.append(min(65535, int(ONE / (1 + power) + Decimal("0.5"))))
            power *= step
    return np.array([ONE - p for p in reversed(upper[1:])] + upper, np.int32)


SQUASH = _squash_table()
"""(5681,) int32: the probability of logit x at index x + LOGIT_LIMIT."""

STRETCH = (np.searchsorted(SQUASH, np.arange(4096) * 16 + 8).clip(0, 2 * LOGIT_LIMIT) - LOGIT_LIMIT).astype(np.int32)
"""(4096,) int32: the smallest logit whose probability is at least 16 i + 8, for probabilities in [16 i, 16 i + 16)."""


@njit(inline="always")
def clamp_logit(x: int) -> int:
    return min(max(x, -LOGIT_LIMIT), LOGIT_LIMIT)


@njit(inline="always")
def dot(inputs: npt.NDArray[np.int32], lane: int, weights: npt.NDArray[np.int32], row: int, size: int) -> int:
    """The logit that weights[row] give to inputs[lane], ``size`` <= 64 int32 each."""
    total = np.int32(0)
    for i in range(size):
        product = np.int32(inputs[lane, i] * weights[row, i])
        total = np.int32(total + np.int32(product >> np.int32(6)))
    return clamp_logit(int(total) >> 10)


@njit(inline="always")
def learn(
    inputs: npt.NDArray[np.int32],
    lane: int,
    weights: npt.NDArray[np.int32],
    row: int,
    size: int,
    error: int,
    shift: int,
) -> None:
    """One gradient step: weights[row] += inputs[lane] * error / 2^shift, rounded; ``error`` is 65536 bit - p."""
    half = np.int32(1 << (shift - 1))
    step = np.int32(error)
    for i in range(size):
        moved = np.int32(np.int32(np.int32(inputs[lane, i] * step) + half) >> np.int32(shift))
        moved = np.int32(weights[row, i] + moved)
        weights[row, i] = min(max(moved, np.int32(-WEIGHT_LIMIT)), np.int32(WEIGHT_LIMIT))


@njit(inline="always")
def apm_read(apm: npt.NDArray[np.uint16], row: int, logit: int) -> int:
    """The refined probability: linear between the two columns of apm[row] around ``logit``; (rows, 25) uint16."""
    place = logit + APM_OFFSET
    column, part = place >> 8, place & 255
    return int(np.int64(apm[row, column]) * (256 - part) + np.int64(apm[row, column + 1]) * part) >> 8


@njit(inline="always")
def apm_learn(apm: npt.NDArray[np.uint16], row: int, logit: int, bit: int, rate: int) -> None:
    """Move the nearer column towards ``bit`` by 1/2^rate of the distance."""
    column = (logit + APM_OFFSET + 128) >> 8
    target = 65535 * bit
    apm[row, column] += (target - np.int64(apm[row, column])) >> rate


def apm_start(rows: int) -> npt.NDArray[np.uint16]:
    """Maps that change nothing yet, (rows, 25) uint16."""
    logits = (np.arange(APM_COLUMNS) * 256 - APM_OFFSET).clip(-LOGIT_LIMIT, LOGIT_LIMIT)
    return np.tile(SQUASH[logits + LOGIT_LIMIT].astype(np.uint16), (rows, 1))
