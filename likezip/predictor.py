"""One block's bit probabilities: memory, match models and mixer behind one interface.

The lanes of a block are coded in lockstep: step t codes byte t of every lane, bit by bit from the highest, and a
bit of all lanes is predicted before any lane learns it.  So the encoder, which knows the block, and the decoder,
which sees it grow by one bit position at a time, run the same two kernels, ``_predict_bit`` and ``_learn_bit``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from likezip import memory, mixer
from likezip.history import NEXT_STATE, STATES, expected_one
from likezip.kernels import Marker, compiled

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
MAP_LIMIT = 1023
SHIFT, TOP_SHIFT = 16, 17
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

    @classmethod
    def of(cls, tensors: dict[str, npt.NDArray[Any]]) -> Start:
        """A copy of ``tensors`` by name.  Raises KeyError for a missing one, ValueError for a wrong shape or dtype."""
        shapes = _start_shapes()
        for name, (shape, dtype) in shapes.items():
            if tensors[name].shape != shape or tensors[name].dtype != dtype:
                raise ValueError(f"{name} is {tensors[name].dtype} {tensors[name].shape}, not {dtype} {shape}")
        return cls(**{name: tensors[name].copy() for name in shapes})

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name, as ``of`` takes them."""
        return {name: getattr(self, name) for name in _start_shapes()}


def _start_shapes() -> dict[str, tuple[tuple[int, ...], type]]:
    return {
        "maps": ((CONTEXTS + MODELS, STATES), np.uint32),
        "weights": ((sum(SET_ROWS), INPUTS), np.int32),
        "top": ((256, TOP_INPUTS), np.int32),
        "apms": ((APMS << APM_BITS, mixer.APM_COLUMNS), np.uint16),
    }


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
def _gather(lane, bit, table, maps, registers, slots, inputs, raw):
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
                logit, confidence = int(mixer.STRETCH[p >> 4]), int(p - 32768) >> 5
                if one == 0:
                    logit, confidence = -logit, -confidence
            else:
                registers[lane, memory.MATCH_LENGTH + m] = 0
        inputs[lane, CONTEXTS + m] = logit
        inputs[lane, 2 * CONTEXTS + MODELS + m] = confidence
    inputs[lane, BIAS] = 256
    return known


@njit
def _predict_bit(bit, active, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome):
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
def _learn_bit(bit, active, bits, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome):
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
def _teach_map(maps, row, state, bit):
    """Move one map entry towards ``bit`` by the share of its count: distance < 2^22, share < 2^16, product < 2^38."""
    entry = np.int64(maps[row, state])
    p, count = entry >> COUNT_BITS, entry & ((1 << COUNT_BITS) - 1)
    p += ((((bit << 22) - bit) - p) * RECIPROCAL[count]) >> 16
    maps[row, state] = np.uint32(p << COUNT_BITS | min(count + 1, MAP_LIMIT))


@njit
def _begin_nibble(active, bit, table, registers, hashes, slots):
    """Look up the buckets of every active lane before bits 0 and 4."""
    for lane in range(active):
        if bit == 0:
            registers[lane, memory.PARTIAL] = 1
            memory.hash_contexts(lane, registers[lane], hashes[lane])
        memory.find_buckets(registers[lane, memory.PARTIAL], hashes[lane], slots[lane], table)


@njit
def _end_byte(active, raw, registers, index):
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


@compiled
def _advance(
    bit,
    active,
    upcoming,
    bits,
    raw,
    table,
    maps,
    weights,
    top,
    apms,
    registers,
    slots,
    hashes,
    inputs,
    layer,
    rows,
    outcome,
    index,
):
    """Learn ``bits`` of ``active`` lanes at position ``bit`` (none when it is -1: the block begins).

    Then predict the next bit of ``upcoming`` lanes: fewer, or none, once a step was the last of some.
    """
    if bit >= 0:
        _learn_bit(
            bit, active, bits, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome
        )
        if bit == 7:
            _end_byte(active, raw, registers, index)
    following = (bit + 1) & 7
    if following & 3 == 0:
        _begin_nibble(upcoming, following, table, registers, hashes, slots)
    _predict_bit(
        following, upcoming, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome
    )


@compiled
def _run(
    steps,
    active,
    known,
    raw,
    table,
    maps,
    weights,
    top,
    apms,
    registers,
    slots,
    hashes,
    inputs,
    layer,
    rows,
    outcome,
    index,
    probabilities,
):
    """Code ``steps`` bytes of every active lane of the block ``known``; fills probabilities (steps, 8, active)."""
    bits = np.empty(active, np.int32)
    for step in range(steps):
        for bit in range(8):
            if bit & 3 == 0:
                _begin_nibble(active, bit, table, registers, hashes, slots)
            _predict_bit(
                bit, active, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome
            )
            for lane in range(active):
                probabilities[step, bit, lane] = outcome[lane, PROBABILITY]
                bits[lane] = (known[registers[lane, memory.POSITION]] >> (7 - bit)) & 1
            _learn_bit(
                bit, active, bits, raw, table, maps, weights, top, apms, registers, slots, inputs, layer, rows, outcome
            )
        _end_byte(active, raw, registers, index)


def default_lanes(size: int) -> int:
    """About one lane for 16 KiB, at least 1 and at most 64."""
    return max(1, min(64, size >> 14))


def default_table_bits(size: int) -> int:
    """log2 of the bytes of the hash table for a block of ``size`` bytes: about 192 a byte, 64 KiB to 128 MiB."""
    return max(16, min(27, (size * 192 - 1).bit_length()))


class Predictor:
    """The state of one block: ``run`` for the encoder, ``predict`` and ``learn`` for the decoder.

    ``raw`` (size,) uint8 fills with the block's bytes as they are learnt.
    """

    def __init__(self, size: int, lanes: int, table_bits: int, start: Start) -> None:
        """``start`` is used up: it adapts."""
        self.size, self.lanes = size, lanes
        self.raw = np.zeros(size, np.uint8)
        steps, longer = divmod(size, lanes)
        self.starts = np.arange(lanes) * steps + np.minimum(np.arange(lanes), longer)
        registers = np.zeros((lanes, memory.REGISTERS), np.int64)
        for column in (memory.START, memory.POSITION, memory.LINE, memory.LAST_LINE):
            registers[:, column] = self.starts
        self._state = (
            self.raw,
            np.zeros(1 << table_bits, np.uint8),
            start.maps,
            start.weights,
            start.top,
            start.apms,
            registers,
            np.zeros((lanes, CONTEXTS), np.int32),
            np.zeros((lanes, CONTEXTS), np.uint64),
            np.zeros((lanes, INPUTS), np.int32),
            np.zeros((lanes, TOP_INPUTS), np.int32),
            np.zeros((lanes, SETS + APMS), np.int64),
            np.zeros((lanes, 2), np.int64),
            np.zeros((MODELS, 1 << max(bits for bits, _ in memory.MATCHES)), np.int32),
        )
        self._outcome = self._state[12]

    def phases(self) -> list[tuple[int, int]]:
        """(steps, active lanes): all lanes for the steps they have in common, then the longer ones for one more."""
        steps, longer = divmod(self.size, self.lanes)
        return [(count, active) for count, active in ((steps, self.lanes), (1, longer)) if count and active]

    def run(self, known: npt.NDArray[np.uint8], steps: int, active: int) -> npt.NDArray[np.uint16]:
        """Predict and learn the next ``steps`` bytes of the block ``known``; (steps, 8, active) uint16, in 1/65536."""
        probabilities = np.empty((steps, 8, active), np.uint16)
        _run(steps, active, known, *self._state, probabilities)
        return probabilities

    def active(self, step: int) -> int:
        """How many lanes, the first ones, have a byte in ``step``."""
        steps, longer = divmod(self.size, self.lanes)
        return self.lanes if step < steps else longer if step == steps else 0

    def predict(self) -> npt.NDArray[np.float64]:
        """P(1) of the block's first bit in every lane, multiples of 1/65536; what ``learn`` gives for the others."""
        return self._advance(-1, np.zeros(0, np.int32), self.active(0))

    def learn(self, step: int, bit: int, bits: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Learn the active lanes' bits at position ``bit`` of ``step`` and predict the next, (active,) float64."""
        return self._advance(bit, bits, self.active(step + (bit == 7)))

    def _advance(self, bit: int, bits: npt.NDArray[np.int32], upcoming: int) -> npt.NDArray[np.float64]:
        _advance(bit, bits.size, upcoming, bits, *self._state)
        return self._outcome[:upcoming, PROBABILITY] / 65536.0


def prepare(announce: Callable[[], None] | None) -> None:
    """Load both kernels, or compile them, calling ``announce`` first."""
    marker = Marker(["history", "memory", "mixer", "predictor"])
    if not marker and announce is not None:
        announce()
    if not marker:
        Predictor(1, 1, 16, untrained_start()).run(np.zeros(1, np.uint8), 1, 1)
        Predictor(1, 1, 16, untrained_start()).predict()
        marker.set()
