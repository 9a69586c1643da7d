"""One block's bit probabilities: memory, match models and mixer behind one interface.

The lanes of a block are coded in lockstep: step t codes byte t of every lane, bit by bit from the highest, and a
bit of all lanes is predicted before any lane learns it.  So the encoder, which knows the block, and the decoder,
which sees it grow by one bit position at a time, run the same two kernels, ``_predict_bit`` and ``_learn_bit``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from likezip import memory, mixer
from likezip.history import NEXT_STATE, STATES, expected_one

CONTEXTS = len(memory.CONTEXTS)
MODELS = len(memory.MATCHES)
BIAS = 2 * (CONTEXTS + MODELS)
INPUTS = -(-(BIAS + 1) // 8) * 8
"""Two for each context and match model (logit and distance from even odds), the bias, padding; at most 64."""

SET_ROWS = (768, 256, 136, 32, 256)
"""Rows of each weight set: bits so far and match, last byte, match length and bit, known contexts, byte before."""
SETS = len(SET_ROWS)
SET_BASE = np.concatenate(([0], np.cumsum(SET_ROWS)))[:SETS].astype(np.int64)
TOP_INPUTS = 8
APMS = 3
APM_BITS = 14

COUNT_BITS = 10
"""A map entry is a uint32: probability in 1/2^22 above, how often it was updated below."""
RECIPROCAL = np.array([65536 * 2 // (2 * n + 3) for n in range(1 << COUNT_BITS)], np.int64)
"""65536 / (n + 1.5): the share of the n-th update."""

# Learning rates, as shifts and limits.
MAP_LIMIT = 255
SHIFT, TOP_SHIFT = 14, 16
APM_RATE = 6

LOGIT, PROBABILITY, KNOWN = range(3)  # columns of ``outcome``


@dataclass(frozen=True)
class Start:
    """What is adaptive and shared by the lanes: as trained in the model file, or as it is now.

    maps (contexts + match models, 256) uint32; weights (rows, INPUTS) int32; top (256, TOP_INPUTS) int32; apms
    (APMS * 2^APM_BITS, 25) uint16.
    """

    maps: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]
    apms: npt.NDArray[np.uint16]

    def copy(self) -> Start:
        return Start(self.maps.copy(), self.weights.copy(), self.top.copy(), self.apms.copy())


def untrained_start() -> Start:
    """The start of the training run: maps by counting, even weights, APMs that change nothing."""
    maps = np.zeros((CONTEXTS + MODELS, STATES), np.uint32)
    states = [int(expected_one(state) * (1 << 22)) << COUNT_BITS for state in range(STATES)]
    maps[:CONTEXTS] = states
    lengths = np.arange(STATES) // 2
    maps[CONTEXTS:] = ((lengths + 1) * (1 << 22) // (lengths + 2)) << COUNT_BITS
    weights = np.zeros((sum(SET_ROWS), INPUTS), np.int32)
    weights[:, : CONTEXTS + MODELS] = mixer.ONE // 4
    top = np.zeros((256, TOP_INPUTS), np.int32)
    top[:, :SETS] = mixer.ONE // SETS
    return Start(maps, weights, top, mixer.apm_start(APMS << APM_BITS))


@njit(inline="always")
def _apm_row(value: int) -> int:
    return ((value * 0x9E3779B1) & 0xFFFFFFFF) >> (32 - APM_BITS)


@njit
def _gather(lane, bit, table, maps, registers, slots, inputs, raw):  # type: ignore[no-untyped-def]
    """Fill the inputs of one lane; returns how many contexts have been seen before."""
    partial = registers[lane, memory.PARTIAL]
    node = partial if bit < 4 else (partial & ((1 << (bit - 4)) - 1)) | (1 << (bit - 4))
    known = 0
    for i in range(CONTEXTS):
        state = table[slots[lane, i] + node]
        p = np.int64(maps[i, state] >> np.uint32(16))
        known += state != 0
        inputs[lane, i] = mixer.STRETCH[p >> 4] if state != 0 else 0
        inputs[lane, CONTEXTS + MODELS + i] = (p - 32768) >> 5 if state != 0 else 0
    for m in range(MODELS):
        logit = confidence = 0
        length = registers[lane, memory.MATCH_LENGTH + m]
        if length > 0:
            expected = np.int64(raw[registers[lane, memory.MATCH_POINTER + m]]) | 256
            if expected >> (8 - bit) == partial:
                one = (expected >> (7 - bit)) & 1
                p = np.int64(maps[CONTEXTS + m, 2 * length + one] >> np.uint32(16))
                logit, confidence = np.int64(mixer.STRETCH[p >> 4]), (p - 32768) >> 5
                if one == 0:
                    logit, confidence = -logit, -confidence
            else:
                registers[lane, memory.MATCH_LENGTH + m] = 0
        inputs[lane, CONTEXTS + m] = logit
        inputs[lane, 2 * CONTEXTS + MODELS + m] = confidence
    inputs[lane, BIAS] = 256
    return known


@njit
def _predict_bit(bit, active, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome):  # type: ignore[no-untyped-def]
    """P(bit = 1) of every active lane, in 1/65536, into outcome[:, PROBABILITY]."""
    for lane in range(active):
        known = _gather(lane, bit, table, maps, registers, slots, inputs, raw)
        partial = registers[lane, memory.PARTIAL]
        history = registers[lane, memory.HISTORY]
        length = max(registers[lane, memory.MATCH_LENGTH], registers[lane, memory.MATCH_LENGTH + 1])
        strength = 0 if length == 0 else 1 if length < 16 else 2
        rows[lane, 0] = partial + 256 * strength
        rows[lane, 1] = SET_BASE[1] + (history & 255)
        rows[lane, 2] = SET_BASE[2] + (length >> 1) * 8 + bit
        rows[lane, 3] = SET_BASE[3] + known
        rows[lane, 4] = SET_BASE[4] + ((history >> 8) & 255)
        for k in range(SETS):
            layer[lane, k] = mixer.dot(inputs, lane, weights, rows[lane, k], INPUTS)
        logit = mixer.dot(layer, lane, top, partial, TOP_INPUTS)
        expected = registers[lane, memory.EXPECTED] >> 6
        rows[lane, SETS] = _apm_row(partial | (history & 255) << 8)
        rows[lane, SETS + 1] = (1 << APM_BITS) + _apm_row(partial | (history & 0xFFFF) << 8)
        rows[lane, SETS + 2] = (2 << APM_BITS) + _apm_row(partial | expected << 8 | (strength << 20))
        p = np.int64(mixer.SQUASH[logit + mixer.LOGIT_LIMIT])
        total = p
        for a in range(APMS):
            total += mixer.apm_read(apms, rows[lane, SETS + a], logit)
        outcome[lane, LOGIT] = logit
        outcome[lane, PROBABILITY] = min(max((total + 2) >> 2, 1), 65535)


@njit
def _learn_bit(bit, active, bits, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome):  # type: ignore[no-untyped-def]
    """Teach every active lane's bit, ``bits`` (lanes,) int32, to all that predicted it."""
    for lane in range(active):
        y = np.int64(bits[lane])
        partial = registers[lane, memory.PARTIAL]
        node = partial if bit < 4 else (partial & ((1 << (bit - 4)) - 1)) | (1 << (bit - 4))
        for i in range(CONTEXTS):
            place = slots[lane, i] + node
            state = table[place]
            _teach_map(maps, i, state, y)
            table[place] = NEXT_STATE[state, y]
        for m in range(MODELS):
            length = registers[lane, memory.MATCH_LENGTH + m]
            if length > 0:
                one = (np.int64(raw[registers[lane, memory.MATCH_POINTER + m]]) >> (7 - bit)) & 1
                _teach_map(maps, CONTEXTS + m, 2 * length + one, 1 if one == y else 0)
        logit = outcome[lane, LOGIT]
        target = mixer.ONE * y
        for k in range(SETS):
            error = target - mixer.SQUASH[layer[lane, k] + mixer.LOGIT_LIMIT]
            mixer.learn(inputs, lane, weights, rows[lane, k], INPUTS, error, SHIFT)
        error = target - mixer.SQUASH[logit + mixer.LOGIT_LIMIT]
        mixer.learn(layer, lane, top, partial, TOP_INPUTS, error, TOP_SHIFT)
        for a in range(APMS):
            mixer.apm_learn(apms, rows[lane, SETS + a], logit, y, APM_RATE)
        registers[lane, memory.PARTIAL] = 2 * partial + y


@njit(inline="always")
def _teach_map(maps, row, state, bit):  # type: ignore[no-untyped-def]
    """Move one map entry towards ``bit`` by the share of its count.  |distance| < 2^22, share < 2^16: int64 is ample."""
    entry = np.int64(maps[row, state])
    p, count = entry >> COUNT_BITS, entry & ((1 << COUNT_BITS) - 1)
    p += ((((bit << 22) - bit) - p) * RECIPROCAL[count]) >> 16
    maps[row, state] = np.uint32(p << COUNT_BITS | min(count + 1, MAP_LIMIT))


@njit
def _begin_nibble(active, bit, table, registers, hashes, slots):  # type: ignore[no-untyped-def]
    """Look up the buckets of every active lane before bits 0 and 4."""
    for lane in range(active):
        if bit == 0:
            registers[lane, memory.PARTIAL] = 1
            memory.hash_contexts(lane, registers[lane], hashes[lane])
        memory.find_buckets(registers[lane, memory.PARTIAL], hashes[lane], slots[lane], table)


@njit
def _end_byte(active, raw, registers, index):  # type: ignore[no-untyped-def]
    """Store the byte that every active lane has completed, and follow or find matches."""
    lanes = registers.shape[0]
    for lane in range(active):
        byte = registers[lane, memory.PARTIAL] & 255
        raw[registers[lane, memory.POSITION]] = byte
        memory.remember_byte(byte, raw, registers[lane])
    for m in range(MODELS):
        bits, minimum = memory.MATCHES[m]
        for lane in range(active):
            memory.follow_match(m, bits, minimum, lanes, raw, registers[lane], index[m])
        for lane in range(active):
            memory.enter_match(bits, minimum, registers[lane], index[m])
    for lane in range(active):
        memory.derive_registers(registers[lane], raw)


@njit(cache=True)
def _advance(bit, active, bits, raw, table, maps, weights, top, apms, registers, slots, hashes, inputs, layer, rows, outcome, index):  # type: ignore[no-untyped-def]
    """Learn ``bits`` at bit position ``bit`` (none when it is -1: the block begins) and predict the next one."""
    if bit >= 0:
        _learn_bit(bit, active, bits, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome)
        if bit == 7:
            _end_byte(active, raw, registers, index)
    following = (bit + 1) & 7
    if following & 3 == 0:
        _begin_nibble(active, following, table, registers, hashes, slots)
    _predict_bit(following, active, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome)


@njit(cache=True)
def _run(steps, active, known, raw, table, maps, weights, top, apms, registers, slots, hashes, inputs, layer, rows, outcome, index, probabilities):  # type: ignore[no-untyped-def]
    """Predict and learn ``steps`` bytes of every active lane of the block ``known``; probabilities (steps, 8, active)."""
    bits = np.empty(active, np.int32)
    for step in range(steps):
        for bit in range(8):
            if bit & 3 == 0:
                _begin_nibble(active, bit, table, registers, hashes, slots)
            _predict_bit(bit, active, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome)
            for lane in range(active):
                probabilities[step, bit, lane] = outcome[lane, PROBABILITY]
                bits[lane] = (known[registers[lane, memory.POSITION]] >> (7 - bit)) & 1
            _learn_bit(bit, active, bits, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome)
        _end_byte(active, raw, registers, index)
