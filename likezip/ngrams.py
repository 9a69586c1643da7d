"""Contexts of the prior's embeddings: which row of each table stands for the bytes before a position.

The last one and two bytes index their tables directly; longer n-grams, the current word and the current word with
the one before are hashed.  A row is chosen by integers alone, so training and coding agree on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from likezip.hashing import MIX_A, MIX_B, MIX_C, folded_letter, scramble
from likezip.kernels import compiled, inlined


@dataclass(frozen=True)
class Feature:
    """A table: the bytes of the history that count (0: the word, -1: the word and the one before), log2 of its rows."""

    name: str
    order: int
    bits: int


FEATURES = (
    Feature("order 1", 1, 8),
    Feature("order 2", 2, 16),
    Feature("order 3", 3, 16),
    Feature("order 4", 4, 17),
    Feature("order 6", 6, 17),
    Feature("word", 0, 17),
    Feature("word pair", -1, 17),
)

ROWS = sum(1 << feature.bits for feature in FEATURES)
"""Rows of all tables, which lie one after the other."""

HISTORY, WORD, LAST_WORD = range(3)
REGISTERS = 3
"""What a lane knows: its last eight bytes, the hash of the word that it is in, of the word before; (3,) uint64."""

BASES = np.cumsum([0] + [1 << feature.bits for feature in FEATURES[:-1]]).astype(np.uint64)
ORDERS = np.array([feature.order for feature in FEATURES], np.int64)
SHIFTS = np.array([64 - feature.bits for feature in FEATURES], np.uint64)
MASKS = np.array([(1 << 8 * max(feature.order, 0)) - 1 for feature in FEATURES], np.uint64)


@inlined
def remember(byte: int, registers: npt.NDArray[np.uint64]) -> None:
    """Take a lane's next byte into its ``registers`` (3,)."""
    registers[HISTORY] = (registers[HISTORY] << np.uint64(8)) | np.uint64(byte)
    letter = folded_letter(byte)
    if letter > 0:
        registers[WORD] = (registers[WORD] + np.uint64(letter)) * MIX_B
    elif registers[WORD] != np.uint64(0):
        registers[LAST_WORD] = registers[WORD]
        registers[WORD] = np.uint64(0)


@inlined
def find_rows(registers: npt.NDArray[np.uint64], rows: npt.NDArray[np.int32]) -> None:
    """The row of each feature, counted over all tables, for a lane's next byte: ``rows`` (features,)."""
    for f in range(ORDERS.size):
        if ORDERS[f] > 0:
            key = registers[HISTORY] & MASKS[f]
        else:
            key = registers[WORD] ^ (registers[HISTORY] & np.uint64(255)) * MIX_C
            if ORDERS[f] < 0:
                key += registers[LAST_WORD] * MIX_C
        direct = ORDERS[f] == 1 or ORDERS[f] == 2
        rows[f] = BASES[f] + (key if direct else scramble(key) * MIX_A >> SHIFTS[f])


@compiled
def find_all_rows(lanes: npt.NDArray[np.uint8], registers: npt.NDArray[np.uint64], rows: npt.NDArray[np.int32]) -> None:
    """The rows that predict each byte of ``lanes`` (lanes, steps), of which ``registers`` (lanes, 3) know what came
    before, into ``rows`` (steps, lanes, features)."""
    for lane in range(lanes.shape[0]):
        for step in range(lanes.shape[1]):
            find_rows(registers[lane], rows[step, lane])
            remember(lanes[lane, step], registers[lane])
