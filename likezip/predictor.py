"""One block's bit probabilities: prior, memory, match models and mixer behind one interface.

The lanes of a block are coded in lockstep: step t codes byte t of every lane, bit by bit from the highest, and the
bits of all lanes are predicted before any lane learns its own.  The encoder, which knows the block, and the decoder,
which sees it grow by one bit position at a time, run the same kernel, ``_advance``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from likezip import memory, mixer
from likezip.exact import logarithm
from likezip.history import NEXT_STATE, STATES
from likezip.kernels import aligned, compiled, inlined, prefetch
from likezip.start import (
    APM_BITS,
    APMS,
    BIAS,
    CONTEXTS,
    INPUTS,
    MODELS,
    PRIOR,
    SET_ROWS,
    SETS,
    TOP_INPUTS,
    Start,
    untrained_start,
)

SET_BASE = np.concatenate(([0], np.cumsum(SET_ROWS)))[:SETS].astype(np.int64)
NEXT = np.ascontiguousarray(NEXT_STATE.T)

# Learning rates, as shifts.
SHIFT, TOP_SHIFT = 16, 17
APM_RATE = 6

RUN_STEPS = 1024
"""Steps that the encoder takes in one call; between two of them Ctrl-C is heard."""


class State(NamedTuple):
    """All that changes while a block is coded; the last arrays hold a row for each lane."""

    raw: npt.NDArray[np.uint8]  # (size,), the bytes learnt so far
    table: npt.NDArray[np.uint8]  # (2^table_bits,)
    positions: npt.NDArray[np.int32]  # (match models, 2^bits)
    maps: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]
    apms: npt.NDArray[np.uint16]
    registers: npt.NDArray[np.int64]  # (lanes, REGISTERS)
    hashes: npt.NDArray[np.uint64]  # (lanes, contexts), of the byte
    homes: npt.NDArray[np.uint64]  # (lanes, contexts), of the nibble
    slots: npt.NDArray[np.uint32]  # (lanes, contexts), places of buckets in the table
    inputs: npt.NDArray[np.int32]  # (lanes, INPUTS)
    layer: npt.NDArray[np.int32]  # (lanes, TOP_INPUTS), logits of the weight sets
    rows: npt.NDArray[np.uint32]  # (lanes, SETS + APMS), in weights and apms
    logits: npt.NDArray[np.int32]  # (lanes,)
    ones: npt.NDArray[np.uint16]  # (lanes,), P(next bit = 1) in 1/65536
    bits: npt.NDArray[np.int32]  # (lanes,), the bit to learn


@inlined
def _node(partial, bit):
    """The node of a bucket before ``bit``: 1, 2..3, 4..7, 8..15 within the nibble."""
    return np.uint32(partial if bit < 4 else (partial & ((1 << (bit - 4)) - 1)) | (1 << (bit - 4)))


@inlined
def _apm_row(value):
    return ((value * 0x9E3779B1) & 0xFFFFFFFF) >> (32 - APM_BITS)


@inlined
def _gather_contexts(node, table, maps, slots, inputs):
    """Fill a lane's inputs from its contexts."""
    for i in range(CONTEXTS):
        state = table[slots[i] + node]
        inputs[i] = mixer.map_read(maps[np.uint64(i * STATES) + np.uint64(state)])


@inlined
def _gather_matches(bit, partial, raw, maps, registers, inputs):
    """Fill a lane's inputs from its matches; one that has expected another bit in this byte says nothing more."""
    for m in range(MODELS):
        logit = np.int64(0)
        length = registers[memory.MATCH_LENGTH + m]
        if length > 0:
            expected = np.int64(raw[np.uint64(registers[memory.MATCH_POINTER + m])]) | 256
            if expected >> (8 - bit) == partial:
                one = (expected >> (7 - bit)) & 1
                logit = np.int64(mixer.map_read(maps[np.uint64((CONTEXTS + m) * STATES + 2 * length + one)]))
                logit = logit if one else -logit
            else:
                registers[memory.MATCH_LENGTH + m] = -length
        inputs[CONTEXTS + m] = logit


@inlined
def _gather_prior(partial, tree, inputs):
    """The prior's logit, ln of the frequencies' sum where the next bit is 1 less ln of that where it is 0."""
    difference = logarithm(tree[2 * partial + 1]) - logarithm(tree[2 * partial])
    inputs[PRIOR] = mixer.clamp_logit(difference >> 8)


@inlined
def _choose_rows(registers, rows, apms):
    """The rows of the weight sets and APMs that a lane uses for this bit."""
    partial = registers[memory.PARTIAL]
    history = registers[memory.HISTORY]
    length = max(registers[memory.MATCH_LENGTH], registers[memory.MATCH_LENGTH + 1])
    strength = 0 if length <= 0 else 1 if length < 16 else 2
    rows[0] = partial + 256 * strength
    rows[1] = SET_BASE[1] + (history & 255)
    rows[2] = SET_BASE[2] + registers[memory.KNOWN]
    rows[3] = SET_BASE[3] + ((history >> 8) & 255)
    rows[4] = SET_BASE[4] + (((registers[memory.SHAPE] & 0xFFFFFF) * 0x9E3779B1 & 0xFFFFFFFF) >> 24)
    expected = registers[memory.EXPECTED] >> 6
    rows[SETS] = _apm_row(partial | (history & 255) << 8)
    rows[SETS + 1] = (1 << APM_BITS) + _apm_row(partial | (history & 0xFFFF) << 8)
    rows[SETS + 2] = (2 << APM_BITS) + _apm_row(partial | expected << 8 | (strength << 20))
    for a in range(APMS):
        prefetch(apms, np.uint64(rows[SETS + a]) * np.uint64(mixer.APM_COLUMNS) + np.uint64(12))


@inlined
def _predict(state, tree, lane, bit):
    """P(bit = 1) of a lane into ``ones``."""
    registers, inputs, layer, rows = state.registers[lane], state.inputs[lane], state.layer[lane], state.rows[lane]
    partial = registers[memory.PARTIAL]
    _gather_contexts(_node(partial, bit), state.table, state.maps, state.slots[lane], inputs)
    _gather_matches(bit, partial, state.raw, state.maps, registers, inputs)
    inputs[BIAS] = 256
    if tree.shape[0] > 0:
        _gather_prior(partial, tree[lane], inputs)
    _choose_rows(registers, rows, state.apms)
    for k in range(SETS):
        layer[k] = mixer.dot(inputs[:INPUTS], state.weights[np.uint64(rows[k])][:INPUTS])
    logit = mixer.dot(layer[:TOP_INPUTS], state.top[np.uint64(partial)][:TOP_INPUTS])
    total = np.int64(mixer.squash(logit))
    for a in range(APMS):
        total += mixer.apm_read(state.apms[np.uint64(rows[SETS + a])], logit)
    state.logits[lane] = logit
    state.ones[lane] = min(max((total + 2) >> 2, 1), 65535)


@inlined
def _learn_contexts(node, bit, table, maps, slots):
    following = NEXT[bit]
    for i in range(CONTEXTS):
        place = slots[i] + node
        state = np.uint64(table[place])
        cell = np.uint64(i * STATES) + state
        maps[cell] = mixer.map_learn(maps[cell], bit)
        table[place] = following[state]


@inlined
def _learn(state, lane, bit):
    """Teach a lane's bit to all that predicted it."""
    registers, inputs, layer, rows = state.registers[lane], state.inputs[lane], state.layer[lane], state.rows[lane]
    y = np.int64(state.bits[lane])
    partial = registers[memory.PARTIAL]
    _learn_contexts(_node(partial, bit), y, state.table, state.maps, state.slots[lane])
    for m in range(MODELS):
        length = registers[memory.MATCH_LENGTH + m]
        if length > 0:
            one = (np.int64(state.raw[np.uint64(registers[memory.MATCH_POINTER + m])]) >> (7 - bit)) & 1
            cell = np.uint64((CONTEXTS + m) * STATES + 2 * length + one)
            state.maps[cell] = mixer.map_learn(state.maps[cell], 1 if one == y else 0)
    target, rate = mixer.ONE * y, mixer.rate(registers[memory.POSITION] - registers[memory.START])
    for k in range(SETS):
        error = target - mixer.squash(layer[k])
        mixer.learn(inputs, state.weights[np.uint64(rows[k])], INPUTS, (error * rate) >> 4, SHIFT)
    logit = np.int64(state.logits[lane])
    mixer.learn(layer, state.top[np.uint64(partial)], TOP_INPUTS, target - mixer.squash(logit), TOP_SHIFT)
    for a in range(APMS):
        mixer.apm_learn(state.apms[np.uint64(rows[SETS + a])], logit, y, APM_RATE)
    registers[memory.PARTIAL] = 2 * partial + y


@inlined
def _end_byte(active, state):
    """Store the byte that every active lane has completed, and follow or find matches."""
    raw, lanes = state.raw, state.registers.shape[0]
    for lane in range(active):
        registers = state.registers[lane]
        byte = registers[memory.PARTIAL] & 255
        raw[registers[memory.POSITION]] = byte
        memory.remember_byte(byte, raw, registers)
        for m in range(MODELS):
            memory.expect_match(memory.MATCHES[m][0], memory.MATCHES[m][1], registers, state.positions[m])
    for m in range(MODELS):
        bits, minimum = memory.MATCHES[m]
        for lane in range(active):
            memory.follow_match(m, bits, minimum, lanes, raw, state.registers[lane], state.positions[m])
        for lane in range(active):
            memory.enter_match(bits, minimum, state.registers[lane], state.positions[m])
    for lane in range(active):
        memory.derive_registers(state.registers[lane], raw)


@inlined
def _begin_nibble(active, bit, state):
    """Find the buckets of every active lane before bits 0 and 4; all are on their way before the first is needed."""
    for lane in range(active):
        registers = state.registers[lane]
        if bit == 0:
            registers[memory.PARTIAL] = 1
            memory.hash_contexts(lane, registers, state.hashes[lane])
        memory.locate_buckets(registers[memory.PARTIAL], state.hashes[lane], state.homes[lane], state.table)
    for lane in range(active):
        known = memory.find_buckets(state.homes[lane], state.slots[lane], state.table)
        state.registers[lane, memory.KNOWN] = known


@inlined
def _advance(state, tree, bit, active, upcoming):
    """Learn ``bits`` of ``active`` lanes at position ``bit`` (none when it is -1: the block begins).

    Then predict the next bit of ``upcoming`` lanes: fewer, or none, once a step was the last of some.
    """
    following = (bit + 1) & 7
    if following & 3 == 0:
        if bit >= 0:
            for lane in range(active):
                _learn(state, lane, bit)
            if bit == 7:
                _end_byte(active, state)
        _begin_nibble(upcoming, following, state)
        for lane in range(upcoming):
            _predict(state, tree, lane, following)
    else:
        for lane in range(active):
            _learn(state, lane, bit)
            _predict(state, tree, lane, following)


@compiled
def _advance_decoder(state, tree, bit, active, upcoming, bits, odds):
    """Learn ``bits`` and predict; the predictions as float64 are multiples of 1/65536, so that is exact."""
    for lane in range(active):
        state.bits[lane] = bits[lane]
    _advance(state, tree, bit, active, upcoming)
    for lane in range(upcoming):
        odds[lane] = state.ones[lane] / 65536.0


@compiled
def _advance_encoder(state, trees, known, steps, active, upcoming, ones, bits):
    """Code ``steps`` bytes of every active lane of the block ``known``; fills ones and bits (steps, 8, active).

    upcoming: the lanes that have a byte in the step after these.
    """
    for step in range(steps):
        for bit in range(8):
            for lane in range(active):
                y = (known[state.registers[lane, memory.POSITION]] >> (7 - bit)) & 1
                ones[step, bit, lane] = state.ones[lane]
                bits[step, bit, lane] = y
                state.bits[lane] = y
            tree = trees[step + 1 if bit == 7 else step]
            _advance(state, tree, bit, active, upcoming if bit == 7 and step + 1 == steps else active)


def default_lanes(size: int) -> int:
    """About one lane for 16 KiB up to 8, then 8 for each 512 KiB, up to 32.

    The fewer, the more each has seen, but the more steps there are, and each reads all of the network's weights.
    """
    return max(1, min(8, size >> 14), min(32, size >> 19 << 3))


def default_table_bits(size: int) -> int:
    """log2 of the bytes of the hash table for a block of ``size`` bytes: about 96 a byte, 64 KiB to 64 MiB."""
    return max(16, min(26, (size * 96 - 1).bit_length()))


def cross_entropy(ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8]) -> float:
    """Bits: the sum of -log2 P over binary decisions with P(1) = ones / 65536 that came out as ``bits``, both (n,)."""
    counts = np.zeros(65536, np.int64)
    for part in range(0, ones.size, 1 << 20):  # a part at a time: the whole of it in int64 would be the peak of memory
        one, bit = ones[part : part + (1 << 20)].astype(np.int32), bits[part : part + (1 << 20)]
        counts += np.bincount(np.where(bit == 1, one, 65536 - one), minlength=65537)[1:]
    return float(-(counts * np.log2(np.arange(1, 65537) / 65536)).sum())


class Expecting(Protocol):
    """What a prior does for the predictor: ``likezip.prior.Prior``."""

    most_steps: int
    trees: npt.NDArray[np.int32]

    def expect(self, known: npt.NDArray[np.int16], at: int) -> None: ...


class Predictor:
    """The state of one block: ``run`` for the encoder, ``follow`` for the decoder.

    raw (size,) uint8 fills with the block's bytes as they are learnt.
    """

    def __init__(self, size: int, lanes: int, table_bits: int, start: Start, prior: Expecting | None = None) -> None:
        """``start`` and ``prior`` are used up: they adapt."""
        self.size, self.lanes, self._prior = size, lanes, prior
        self._state = _new_state(size, lanes, table_bits, start)
        self.raw, self._odds = self._state.raw, np.zeros(lanes)
        self._steps = prior.most_steps if prior else RUN_STEPS
        self._trees = prior.trees if prior else aligned((self._steps + 1, 0, 512), np.int32)
        if prior:
            prior.expect(np.full((1, lanes), -1, np.int16), 0)
        _advance_decoder(self._state, self._trees[0], -1, 0, self.active(0), np.zeros(0, np.int32), self._odds)

    def active(self, step: int) -> int:
        """How many lanes, the first ones, have a byte in ``step``."""
        steps, longer = divmod(self.size, self.lanes)
        return self.lanes if step < steps else longer if step == steps else 0

    def run(self, known: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
        """P(1) in 1/65536 and the bit of every binary decision of the block ``known``, in coding order, (8 size,)."""
        ones, bits = np.empty(8 * self.size, np.uint16), np.empty(8 * self.size, np.uint8)
        step = done = 0
        while active := self.active(step):
            steps = min(self.size // self.lanes - step, self._steps) if active == self.lanes else 1
            shape, end, upcoming = (steps, 8, active), done + 8 * steps * active, self.active(step + steps)
            if self._prior and active == self.lanes:
                places = self._state.registers[:, memory.POSITION] + np.arange(steps)[:, None]
                self._prior.expect(known[places].astype(np.int16), 1)
            parts = ones[done:end].reshape(shape), bits[done:end].reshape(shape)
            _advance_encoder(self._state, self._trees, known, steps, active, upcoming, *parts)
            self._trees[0] = self._trees[steps]
            step, done = step + steps, end
        return ones, bits

    def follow(self, decode: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.int32]]) -> None:
        """Learn a block that ``decode`` knows, into ``raw``.

        decode: takes P(1) of one bit of every active lane, (active,) float64, multiples of 1/65536, and returns those
        bits, (active,) int32.
        """
        # Straight to the machine code: finding it by the arguments' types takes a tenth of the time of a bit.
        (compilation,) = _advance_decoder.overloads.values()
        advance, state, tree, odds, step = compilation.entry_point, self._state, self._trees[0], self._odds, 0
        while active := self.active(step):
            step += 1
            known, upcoming = odds[:active], self.active(step)
            for bit in range(7):
                advance(state, tree, bit, active, active, decode(known), odds)
            last = decode(known)
            if self._prior and upcoming:
                completed = (2 * state.registers[:, memory.PARTIAL] + last) & 255
                self._prior.expect(completed.astype(np.int16)[None], 0)
            advance(state, tree, 7, active, upcoming, last, odds)


def _new_state(size: int, lanes: int, table_bits: int, start: Start) -> State:
    registers = aligned((lanes, memory.REGISTERS), np.int64)
    steps, longer = divmod(size, lanes)
    for column in (memory.START, memory.POSITION, memory.LINE, memory.LAST_LINE):
        registers[:, column] = np.arange(lanes) * steps + np.minimum(np.arange(lanes), longer)
    return State(
        raw=aligned(size, np.uint8),
        table=aligned(1 << table_bits, np.uint8),
        positions=aligned((MODELS, 1 << max(bits for bits, _ in memory.MATCHES)), np.int32),
        maps=start.maps,
        weights=start.weights,
        top=start.top,
        apms=start.apms,
        registers=registers,
        hashes=aligned((lanes, CONTEXTS), np.uint64),
        homes=aligned((lanes, CONTEXTS), np.uint64),
        slots=aligned((lanes, CONTEXTS), np.uint32),
        inputs=aligned((lanes, INPUTS), np.int32),
        layer=aligned((lanes, TOP_INPUTS), np.int32),
        rows=aligned((lanes, SETS + APMS), np.uint32),
        logits=aligned(lanes, np.int32),
        ones=aligned(lanes, np.uint16),
        bits=aligned(lanes, np.int32),
    )


def compile_kernels() -> None:
    """Compile both kernels by coding a byte."""
    Predictor(1, 1, 16, untrained_start()).run(np.frombuffer(b"\0", np.uint8))
