"""One block's bit probabilities: prior, memory, match models and mixer behind one interface.

The lanes of a block are coded in lockstep: step t codes byte t of every lane.  Many lanes are two *groups*, of which
one takes its byte after the other, so that a decoder's prior can work for one group while the memory works for the
other.  The lanes of a group go bit by bit from the highest, and the bits of all of them are predicted before any of
these lanes learns its own.  The encoder, which knows the block, and the decoder, which sees it grow by one bit position
at a time, run the same kernel, ``advance_lanes``.

A long block is coded in *pieces*, one after the other: the lanes divide each piece, so that its bytes are all known
before the next one begins.  Everything that was learnt is kept from piece to piece.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from likezip.blocks import entropy_coder
from likezip.blocks.block_header import PIECE_BITS
from likezip.blocks.entropy_coder import Decoder, next_bit
from likezip.blocks.options import Advance
from likezip.kernels.compiling import compiled, inlined, table
from likezip.kernels.intrinsics import aligned, prefetch
from likezip.kernels.machine_code import Call, packed_once
from likezip.kernels.mixing import two_layers
from likezip.memory import correction, hash_table, match_models, mixer
from likezip.memory.bit_history import NEXT_STATE, STATES
from likezip.memory.correction import Correction
from likezip.memory.indirect import FOLLOWED, enter_follower, look_up_followers
from likezip.memory.number_layout import NumberLayout
from likezip.memory.numbers import ITEM, Numbers, bit_shares, follow_numbers, leave_number
from likezip.memory.profiles import CONTEXTS, PAIRED, PROFILES, TOLD, Profile
from likezip.memory.registers import (
    ALIGNED_AT,
    ASLEEP,
    BEGAN,
    CHOICE,
    EXPECTED,
    HISTORY,
    KNOWN_CONTEXTS,
    LANE,
    LAST_LINE,
    LASTING,
    LINE,
    MATCH_LENGTH,
    MATCH_POINTER,
    MATCH_SPARE,
    NEIGHBOURS,
    PARTIAL,
    POSITION,
    PREDICTED,
    REGISTERS,
    ROW_LENGTH,
    START,
    VISIT,
    derive_registers,
    remember_byte,
)
from likezip.memory.trained_state import (
    APM_BITS,
    APMS,
    BIAS_INPUT,
    INPUTS,
    MATCH_MODELS,
    PRIOR_INPUT,
    SET_ROWS,
    SETS,
    TOP_INPUTS,
    TrainedState,
    untrained_state,
)
from likezip.prior.fixed_point import logarithm

SET_BASE = np.concatenate(([0], np.cumsum(SET_ROWS)))[:SETS].astype(np.int64)
NEXT: npt.NDArray[np.uint8] = table(lambda: np.ascontiguousarray(NEXT_STATE.T))

_mix = two_layers(INPUTS, SETS, TOP_INPUTS, mixer.LOGIT_LIMIT)

UNTOLD = (CONTEXTS - TOLD) * STATES
"""By so much the row of a match in ``maps`` is further than its row in the correction's."""

# Learning rates, as shifts.
SET_RATE_SHIFT, TOP_RATE_SHIFT = 16, 18
APM_RATE = 6

RUN_BYTES = 1 << 13
"""Bytes, about, that are coded in one call without a prior, or decoded with one; between two calls Ctrl-C is
answered."""


GROUPED = 8
"""The fewest lanes that are divided into two groups."""

MOST_GUESSES = 7
"""Bytes that the decoder of one lane guesses at most."""
NO_GUESSES, NO_BYTE = np.zeros(0, np.int16), np.full(1, -1, np.int16)
"""What is guessed where nothing is, and what comes before the first byte."""
NO_DECISIONS = np.zeros((0, 0), np.uint16), np.zeros((0, 0), np.uint8)
"""The ones and bits of a decoder."""
NO_DECODER = np.zeros(0, np.uint32), np.zeros(0, np.uint64), np.zeros((0, 0), np.int16)
"""The words, the coder's state and the bytes decoded of an encoder."""

Decisions = tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]
"""Binary decisions in the order in which they are coded: P(1) in 1/65536 and the bit, (n,) both."""


@packed_once
class State(NamedTuple):
    """All that changes while a block is coded; the last arrays hold a row for each lane."""

    raw: npt.NDArray[np.uint8]  # (size,), the bytes learnt so far, and perhaps others, which are not looked at
    piece: npt.NDArray[np.int64]  # (2,), where the piece that the lanes divide begins and ends
    table: npt.NDArray[np.uint8]  # (2^table_bits,)
    positions: npt.NDArray[np.int32]  # (match models, lines of the table)
    maps: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]
    apms: npt.NDArray[np.uint16]
    followers: npt.NDArray[np.uint16]  # (FOLLOWED,)
    contexts: npt.NDArray[np.uint64]  # (CONTEXTS + PAIRED + 2, 4), of the profile
    registers: npt.NDArray[np.int64]  # (lanes, REGISTERS)
    hashes: npt.NDArray[np.uint64]  # (lanes, contexts), of the byte
    homes: npt.NDArray[np.uint64]  # (lanes, contexts), of the nibble
    slots: npt.NDArray[np.uint32]  # (lanes, contexts), places of buckets in the table
    inputs: npt.NDArray[np.int32]  # (lanes, INPUTS)
    layer: npt.NDArray[np.int32]  # (lanes, TOP_INPUTS), logits of the weight sets
    rows: npt.NDArray[np.uint32]  # (lanes, SETS + APMS), in weights and apms
    logits: npt.NDArray[np.int32]  # (lanes,), of the mixer
    mixed: npt.NDArray[np.int32]  # (lanes,), logits of mixer and APMs, without the correction
    ones: npt.NDArray[np.uint16]  # (lanes,), P(next bit = 1) in 1/65536
    bits: npt.NDArray[np.int32]  # (lanes,), the bit to learn
    correction: Correction
    numbers: Numbers


@inlined
def node_of(partial, bit):
    """The node of a bucket before ``bit``: 1, 2..3, 4..7, 8..15 within the nibble."""
    return np.uint32(partial if bit < 4 else (partial & ((1 << (bit - 4)) - 1)) | (1 << (bit - 4)))


@inlined
def _apm_row(value):
    return ((value * 0x9E3779B1) & 0xFFFFFFFF) >> (32 - APM_BITS)


@inlined
def _gather_contexts(node, table, maps, slots, inputs, cells, rows):
    """Fill a lane's inputs from its contexts; choose the cells of the states that the correction is told, and prefetch
    their rows."""
    for i in range(CONTEXTS):
        cell = np.uint64(i * STATES) + np.uint64(table[slots[i] + node])
        if i < TOLD:
            cells[i] = cell
            correction.expect_row(rows, cell)
        inputs[i] = mixer.map_read(maps[cell])


@inlined
def _gather_matches(bit, partial, raw, maps, registers, inputs, cells):
    """Fill a lane's inputs from its matches, and choose their cells; a match that has expected a wrong bit in this byte
    gives 0 and has the first cell, as if there were none."""
    for m in range(MATCH_MODELS):
        logit, cell = np.int64(0), np.int64((CONTEXTS + m) * STATES)
        length = registers[MATCH_LENGTH + m]
        if length > 0:
            expected = np.int64(raw[np.uint64(registers[MATCH_POINTER + m])]) | 256
            if expected >> (8 - bit) == partial:
                one = (expected >> (7 - bit)) & 1
                cell += 2 * length + one
                logit = np.int64(mixer.map_read(maps[np.uint64(cell)]))
                logit = logit if one else -logit
            else:
                registers[MATCH_LENGTH + m] = -length
        inputs[CONTEXTS + m] = logit
        cells[TOLD + m] = cell - UNTOLD


@inlined
def _log_odds(ones, zeros):
    """The logit of a 1 that is ``ones`` times as likely as a 0 that is ``zeros`` times."""
    return mixer.clamp_logit((logarithm(ones) - logarithm(zeros)) >> 8)


@inlined
def _gather_prior(partial, tree, inputs):
    """Fill a lane's input from the prior: ln of the sum of frequencies where the next bit is 1, less ln of the sum
    where it is 0."""
    inputs[PRIOR_INPUT] = _log_odds(tree[2 * partial + 1], tree[2 * partial])


@inlined
def _choose_rows(registers, rows, apms):
    """Choose the rows of the weight sets and APMs that a lane uses for this bit."""
    partial = registers[PARTIAL]
    history = registers[HISTORY]
    length = max(registers[MATCH_LENGTH], registers[MATCH_LENGTH + 1])
    strength = 0 if length <= 0 else 1 if length < match_models.STRONG_MATCH else 2
    rows[0] = partial + 256 * strength
    rows[1] = SET_BASE[1] + (history & 255)
    rows[2] = SET_BASE[2] + registers[KNOWN_CONTEXTS]
    rows[3] = SET_BASE[3] + ((history >> 8) & 255)
    rows[4] = SET_BASE[4] + registers[CHOICE]
    rows[5] = SET_BASE[5] + registers[CHOICE + 1]
    expected = registers[EXPECTED] >> 6
    rows[SETS] = _apm_row(partial | (history & 255) << 8)
    rows[SETS + 1] = (1 << APM_BITS) + _apm_row(partial | (history & 0xFFFF) << 8)
    rows[SETS + 2] = (2 << APM_BITS) + _apm_row(partial | expected << 8 | (strength << 20))
    for a in range(APMS):
        prefetch(apms, np.uint64(rows[SETS + a]) * np.uint64(mixer.APM_COLUMNS) + np.uint64(12))


@inlined
def predict_bit(state, tree, lane, bit):
    """Predict a lane's next bit: P(1) into ``ones``."""
    registers, inputs, layer, rows = state.registers[lane], state.inputs[lane], state.layer[lane], state.rows[lane]
    partial, cells = registers[PARTIAL], state.correction.cells[lane]
    registers[VISIT], registers[PREDICTED] = 8 * registers[POSITION] + bit, partial
    correction.choose_pairs(partial, state.correction, lane)
    buckets = state.table, state.maps, state.slots[lane]
    _gather_contexts(node_of(partial, bit), *buckets, inputs, cells, state.correction.rows)
    _gather_matches(bit, partial, state.raw, state.maps, registers, inputs, cells)
    inputs[BIAS_INPUT] = 256
    if tree.shape[0] > 0 and registers[ASLEEP] == 0:
        _gather_prior(partial, tree[lane], inputs)
    elif state.numbers.layout[ITEM] > 0:
        ones, zeros = bit_shares(partial, bit, state.numbers.distribution[lane])
        inputs[PRIOR_INPUT] = _log_odds(ones, zeros)
    else:
        inputs[PRIOR_INPUT] = 0
    _choose_rows(registers, rows, state.apms)
    logit = _mix(inputs, state.weights, rows, layer, state.top[np.uint64(partial)])
    total = np.int64(mixer.squash(logit))
    for a in range(APMS):
        total += mixer.apm_read(state.apms[np.uint64(rows[SETS + a])], logit)
    state.logits[lane] = logit
    correction.choose_cells(registers, bit, logit, np.int64(inputs[PRIOR_INPUT]), cells)
    one = mixer.clamp_probability(int(total + 2) >> 2)
    mixed = _log_odds(one, mixer.PROBABILITY_ONE - one)
    state.mixed[lane] = mixed
    state.ones[lane] = mixer.squash(correction.correct(mixed, partial, state.correction, lane))


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
def take_bit(state, lane):
    """Add a lane's bit to the bits so far."""
    registers = state.registers[lane]
    registers[PARTIAL] = 2 * registers[PARTIAL] + np.int64(state.bits[lane])


@inlined
def learn_bit(state, lane):
    """Teach a lane's bit to the maps, weights and APMs that predicted it.

    Nothing of the bytes themselves is needed, so the byte may have ended by now.
    """
    registers, inputs, layer, rows = state.registers[lane], state.inputs[lane], state.layer[lane], state.rows[lane]
    y = np.int64(state.bits[lane])
    visit, partial = registers[VISIT], registers[PREDICTED]
    _learn_contexts(node_of(partial, visit & 7), y, state.table, state.maps, state.slots[lane])
    for m in range(MATCH_MODELS):
        cell = np.uint64(state.correction.cells[lane, TOLD + m] + UNTOLD)
        if cell != np.uint64((CONTEXTS + m) * STATES):
            expected = np.int64(cell & np.uint64(1))
            state.maps[cell] = mixer.map_learn(state.maps[cell], 1 if expected == y else 0)
    target, rate = mixer.PROBABILITY_ONE * y, mixer.rate((visit >> 3) - registers[BEGAN], state.registers.shape[0])
    for k in range(SETS):
        error = target - mixer.squash(layer[k])
        mixer.learn(inputs, state.weights[np.uint64(rows[k])], INPUTS, (error * rate) >> 4, SET_RATE_SHIFT)
    logit = np.int64(state.logits[lane])
    mixer.learn(layer, state.top[np.uint64(partial)], TOP_INPUTS, target - mixer.squash(logit), TOP_RATE_SHIFT)
    for a in range(APMS):
        mixer.apm_learn(state.apms[np.uint64(rows[SETS + a])], logit, y, APM_RATE)
    correction.learn(visit, target - np.int64(state.ones[lane]), partial, state.correction, lane)


@inlined
def end_byte(state, first, end):
    """Learn the byte that each lane from ``first`` to ``end`` has completed, which is in ``raw``, and follow or find
    matches."""
    raw, lanes, piece_begin, piece_end = state.raw, state.registers.shape[0], state.piece[0], state.piece[1]
    for lane in range(first, end):
        registers = state.registers[lane]
        remember_byte(registers[PARTIAL] & 255, raw, registers)
        enter_follower(registers, state.followers)
        look_up_followers(registers, state.followers)
        for m in range(MATCH_MODELS):
            match_models.expect_match(match_models.MINIMA[m], registers, state.positions[m])
    for m in range(MATCH_MODELS):
        minimum, within, index = match_models.MINIMA[m], (lanes, piece_begin, piece_end), state.positions[m]
        for lane in range(first, end):
            match_models.follow_match(m, minimum, *within, raw, state.registers[lane], index)
        for lane in range(first, end):
            match_models.enter_match(minimum, state.registers[lane], index)
    for lane in range(first, end):
        derive_registers(raw, state.registers[lane])
    if state.numbers.layout[ITEM] > 0:
        for lane in range(first, end):
            follow_numbers(raw, state.registers[lane], state.numbers, lane)


@inlined
def begin_byte(state, lane):
    """Hash a lane's contexts, and choose what the profile chooses, before its next byte."""
    registers = state.registers[lane]
    registers[PARTIAL] = 1
    hash_table.hash_contexts(registers, state.contexts, state.hashes[lane])
    hash_table.hash_contexts(registers, state.contexts[CONTEXTS:], state.correction.hashes[lane])
    for k in range(2):
        registers[CHOICE + k] = hash_table.choose_row(registers, state.contexts[CONTEXTS + PAIRED + k])


@inlined
def _expect_nibble(state, bit, first, end):
    """Find the lines of the lanes from ``first`` to ``end`` before bits 0 and 4, and prefetch them."""
    for lane in range(first, end):
        if bit == 0:
            begin_byte(state, lane)
        hash_table.locate_buckets(state.registers[lane, PARTIAL], state.hashes[lane], state.homes[lane], state.table)


@inlined
def _begin_nibble(state, first, end):
    """Find the buckets of the lanes from ``first`` to ``end`` in the lines that were prefetched."""
    for lane in range(first, end):
        contexts = hash_table.find_buckets(state.homes[lane], state.slots[lane], state.table)
        state.registers[lane, KNOWN_CONTEXTS] = contexts


@inlined
def _prior_sleeps(byte, raw, registers):
    """Whether the prior is not asked for the byte behind ``byte``, which is not learnt yet, in a block of one lane: a
    match of the length SURE_MATCH or more has expected ``byte``, and goes on."""
    sleeps = np.int64(0)
    for m in range(MATCH_MODELS):
        if registers[MATCH_LENGTH + m] >= match_models.SURE_MATCH and raw[registers[MATCH_POINTER + m]] == byte:
            sleeps = np.int64(1)
    return sleeps


@inlined
def group_size(lanes):
    """The lanes of a group, of which the last one may be smaller."""
    return lanes if lanes < GROUPED else (lanes + 1) // 2


@inlined
def advance_lanes(state, tree, bit, first, learning, active):
    """Learn the bits of the lanes of a group, from ``first`` to ``learning``, at the position before ``bit``; then
    predict ``bit`` of its lanes from ``first`` to ``active``.

    Before bit 0 the lanes of the last step learn, which may be more: some lanes end a step before the others.  Before
    the first step none learns.
    """
    if bit & 3 == 0:
        for lane in range(first, learning):
            take_bit(state, lane)
        if bit == 0:
            sleeps = np.int64(0)
            if learning == 1 and state.registers.shape[0] == 1:
                sleeps = _prior_sleeps(state.registers[0, PARTIAL] & 255, state.raw, state.registers[0])
            end_byte(state, first, learning)
            state.registers[0, ASLEEP] = sleeps
        _expect_nibble(state, bit, first, active)
        for lane in range(first, learning):  # while the lines come
            learn_bit(state, lane)
        _begin_nibble(state, first, active)
        for lane in range(first, active):
            predict_bit(state, tree, lane, bit)
    else:
        for lane in range(first, active):
            take_bit(state, lane)
            learn_bit(state, lane)
            predict_bit(state, tree, lane, bit)


@compiled
def _go_to_piece(state, begin, end, starts):
    """Have each lane, all of which have learnt the last bits of a piece, go on in the next one, which begins and ends
    there, at its place ``starts`` (lanes,): it knows nothing of the bytes before that place, and expects nothing."""
    state.piece[0], state.piece[1] = begin, end
    for lane in range(state.registers.shape[0]):
        registers = state.registers[lane]
        registers[BEGAN] += starts[lane] - registers[POSITION]
        registers[START] = registers[POSITION] = starts[lane]
        registers[LINE] = registers[LAST_LINE] = registers[ALIGNED_AT] = starts[lane]
        registers[NEIGHBOURS] = registers[EXPECTED] = 0
        for m in range(MATCH_MODELS):
            registers[MATCH_LENGTH + m] = registers[MATCH_SPARE + m] = 0
        if state.numbers.layout[ITEM] > 0:
            leave_number(registers, state.numbers, lane)


@inlined
def _take_byte(state, tree, step, first, learning, end, ones, bits, words, coder):
    """Take a byte of each lane of a group, from ``first`` to ``end``: a decoder reads each bit, an encoder knows it and
    fills ones and bits.  If there is none, the lanes only learn their last bits."""
    place = 8 * first
    for bit in range(8 if end > first else 1):
        advance_lanes(state, tree, bit, first, end if bit else learning, end)
        for lane in range(first, end):
            if coder.size > 0:
                state.bits[lane] = next_bit(words, coder, np.int64(state.ones[lane]))
            else:
                y = (state.raw[state.registers[lane, POSITION]] >> (7 - bit)) & 1
                ones[step, place], bits[step, place] = state.ones[lane], y
                state.bits[lane] = y
                place += 1


@inlined
def _store_byte(state, previous, first, end):
    """Store the byte that each lane from ``first`` to ``end`` has decoded, in ``previous`` (lanes,) too.

    That is done at once, as the last bytes of a block are never learnt; no lane of the group reads it in this step.
    """
    for lane in range(first, end):
        byte = (2 * state.registers[lane, PARTIAL] + state.bits[lane]) & 255
        state.raw[state.registers[lane, POSITION]] = byte
        previous[lane] = byte


@compiled
def _take_steps(state, trees, steps, first, learning, active, ones, bits, words, coder, previous, asleep, guesses):
    """Take ``steps`` bytes of the lanes from ``first``, where a group begins, to ``active``; returns how many.

    learning: the number of lanes of the step before, whose last bits are still to be learnt.  If no lane is active,
    they are learnt, by all lanes as one group.

    An encoder knows the block, all of which is in ``raw``, and fills ones and bits (steps, 8 active).  A decoder reads
    it by its words and the state ``coder``, which is empty for an encoder, into ``previous`` (steps, lanes).  With one
    lane it ends early: if ``asleep``, before the first byte for which the prior does not sleep; and behind the first
    byte that is not as in guesses (n,).
    """
    lanes = state.registers.shape[0]
    size = group_size(lanes) if active else lanes
    for step in range(steps):
        if asleep:
            following = np.int64(state.raw[state.registers[0, POSITION]])
            if _prior_sleeps(following, state.raw, state.registers[0]) == 0:
                return step
        for begin in range(first, active if active else lanes, size):
            learnt, end = min(begin + size, active if step else learning), min(begin + size, active)
            _take_byte(state, trees[step], step, begin, learnt, end, ones, bits, words, coder)
            if coder.size > 0:
                _store_byte(state, previous[step], begin, end)
        if step < guesses.size and previous[step, 0] != guesses[step]:
            return step + 1
    return steps


def by_lane(decisions: npt.NDArray[Any], lanes: int) -> npt.NDArray[Any]:
    """What belongs to decisions (steps, 8 active), in the order in which they are coded, as (steps, 8, active)."""
    steps, size = len(decisions), 8 * group_size(lanes)
    groups = [decisions[:, first : first + size] for first in range(0, decisions.shape[1], size)]
    return np.concatenate([group.reshape(steps, 8, -1) for group in groups], axis=2)


@dataclass(frozen=True)
class BlockShape:
    """All that decides how a block of ``size`` bytes is modelled, but for the trained state.

    table_bits: log2 of the bytes of the hash table; row_length: bytes of a row, 0 if rows are lines, or numbers have
    none; piece_bits: log2 of the bytes of a piece; layout: how numbers lie, in profile numbers alone.
    """

    size: int
    lanes: int
    table_bits: int
    profile: Profile
    row_length: int = 0
    piece_bits: int = PIECE_BITS
    layout: NumberLayout | None = None

    @property
    def used_lanes(self) -> int:
        """The lanes that have a byte."""
        return min(self.lanes, self.size)

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """Where the pieces that the lanes divide begin and end: one lane goes through the block in one go."""
        return pieces_of(self.size, self.lanes, self.piece_bits) if self.lanes > 1 else [(0, self.size)]


class Stretch(NamedTuple):
    """Steps that are taken in one call: the number of the first in its piece; how many; how many lanes the step before
    had (learning), 0 if there is none or it has been learnt, and how many these have (active)."""

    first: int
    steps: int
    learning: int
    active: int


Expectations = Generator[tuple[Stretch, npt.NDArray[np.int32]], None, None]
"""Stretches, each with the prior's trees (steps, lanes, 512)."""


class Encode(Protocol):
    """Takes a stretch of the block, all of which is in the predictor's state, with its trees, and fills its ones and
    bits (steps, 8 active)."""

    def __call__(
        self,
        predictor: Predictor,
        stretch: Stretch,
        trees: npt.NDArray[np.int32],
        ones: npt.NDArray[np.uint16],
        bits: npt.NDArray[np.uint8],
    ) -> None: ...


def encode_stretch(
    predictor: Predictor,
    stretch: Stretch,
    trees: npt.NDArray[np.int32],
    ones: npt.NDArray[np.uint16],
    bits: npt.NDArray[np.uint8],
) -> None:
    """Take a stretch as every encoder does."""
    _take_steps(predictor.state, trees, stretch.steps, 0, *stretch[2:], ones, bits, *NO_DECODER, 0, NO_GUESSES)


class PriorOfBlock(Protocol):
    """A prior as the predictor uses it: ``likezip.prior.forward.Prior`` or ``likezip.prior.parallel.SharedPrior``."""

    most_steps: int
    trees: npt.NDArray[np.int32]
    previous: npt.NDArray[np.int16]

    @property
    def recurrent_state(self) -> list[npt.NDArray[Any]]: ...

    def expect(self, previous: npt.NDArray[np.int16]) -> None: ...

    def take_turns(self, memory: list[Call], groups: list[tuple[int, int]], steps: int) -> None: ...

    def catch_up(self, known: npt.NDArray[np.int16], guesses: npt.NDArray[np.int16]) -> npt.NDArray[np.int32]: ...

    def expectations(
        self, previous: Iterable[npt.NDArray[np.int16]]
    ) -> Generator[npt.NDArray[np.int32], None, None]: ...


class Learnt(NamedTuple):
    """The state of a predictor of one lane, and of its prior, behind the bytes ``state.raw``."""

    state: State
    prior: list[npt.NDArray[Any]]

    @property
    def arrays(self) -> list[npt.NDArray[Any]]:
        """All arrays; ``raw`` is the first."""
        arrays: list[Any] = list(self.state[:-2])
        return [*arrays, *self.state.correction, *self.state.numbers, *self.prior]

    @property
    def table_bits(self) -> int:
        """log2 of the bytes of the hash table."""
        return self.state.table.size.bit_length() - 1


class Predictor:
    """The state of one block: ``run`` for the encoder, ``follow`` for the decoder, piece by piece.

    raw (size,) uint8 fills with the block's bytes as they are decoded.
    """

    def __init__(self, shape: BlockShape, trained: TrainedState, prior: PriorOfBlock | None = None) -> None:
        """``trained`` and ``prior`` are changed in place: neither can serve another block."""
        self.size, self.lanes, self._prior, self._step = shape.size, shape.lanes, prior, 0
        self._prior_lanes = prior.trees.shape[1] if prior else 0  # all, or those that have a byte
        self._previous = np.full(self._prior_lanes or shape.lanes, -1, np.int16)  # the last byte of each lane
        self._later = deque(shape.pieces[1:])
        self._coded, self._given = 0, -1  # bytes, and of these the first that the prior does not know
        self.state = new_state(shape, trained)
        self.raw, self._known = self.state.raw, np.zeros(0, np.uint8)
        self._most_steps = prior.most_steps if prior else max(1, RUN_BYTES // shape.lanes)
        self._nothing = aligned((self._most_steps, 0, 512), np.int32)

    def learnt(self) -> Learnt:
        """The state behind all bytes of a block in one lane: the arrays themselves, not copies."""
        self._store_known()
        return Learnt(self.state, self._prior.recurrent_state if self._prior else [])

    def go_on(self, learnt: Learnt) -> None:
        """Start behind the bytes that the predictor of a shorter block has learnt; shape, trained state and prior of
        that block have to be the same otherwise."""
        for own, learnt_array in zip(self.learnt().arrays, learnt.arrays, strict=True):
            if own is not self.state.piece:  # that of the whole block
                own[: len(learnt_array)] = learnt_array
        self._step = self._coded = learnt.state.raw.size
        self._given = self._coded - 1

    def _store_known(self) -> None:
        """Have the bytes that ``run`` knew in ``raw``, so that others can follow."""
        self.raw[: self._known.size] = self._known
        self.state, self._known = self.state._replace(raw=self.raw), self._known[:0]

    def _stretches(self, end: int, most_steps: int) -> Iterator[Stretch]:
        """The stretches up to byte ``end`` of the block, of at most ``most_steps`` steps each.

        If that is behind the piece at hand, the next one begins.
        """
        if end > self.state.piece[1]:
            self._begin_piece()
        steps, longer = divmod(end - int(self.state.piece[0]), self.lanes)
        while self._step < steps:
            learning = self.lanes if self._step else 0
            stretch = Stretch(self._step, min(steps - self._step, most_steps), learning, self.lanes)
            self._step += stretch.steps
            yield stretch
        if longer:
            yield Stretch(steps, 1, self.lanes if steps else 0, longer)

    def _begin_piece(self) -> None:
        begin, end = self._later.popleft()
        nothing = *NO_DECISIONS, *NO_DECODER, 0, NO_GUESSES
        _take_steps(self.state, self._nothing, 1, 0, self.lanes, 0, *nothing)
        _go_to_piece(self.state, begin, end, lane_starts(begin, end, self.lanes))
        self._step = 0

    def expectations(self, content: npt.NDArray[np.uint8]) -> Expectations:
        """The stretches of what is still to be coded of ``content``, the block up to the end of a piece or in one lane
        up to any byte, each with the prior's trees, which are valid until the next stretch."""
        stretches = list(self._stretches(content.size, self._most_steps))
        if self._prior is None:
            yield from ((stretch, self._nothing) for stretch in stretches)
            return
        starts = self.state.registers[: self._prior_lanes, START].copy()

        def before(stretch: Stretch) -> npt.NDArray[np.int16]:
            steps = np.arange(stretch.first - 1, stretch.first - 1 + stretch.steps)[:, None]
            places = np.minimum(starts + np.maximum(steps, 0), content.size - 1)  # there may be lanes without a byte
            return np.where(steps < 0, self._previous, content[places].astype(np.int16))

        with closing(self._prior.expectations(map(before, stretches))) as trees:
            yield from zip(stretches, trees, strict=True)
        if self._later:
            self._previous = content[starts + stretches[-1].first + stretches[-1].steps - 1].astype(np.int16)

    def run(
        self, content: npt.NDArray[np.uint8], advance: Advance | None = None, encode: Encode = encode_stretch
    ) -> Decisions:
        """The binary decisions of all bytes of ``content`` that were not coded before, (8 n,).

        content: the block up to the end of a piece, or in one lane at least one byte of it, after which ``follow`` may
        go on; it is not copied, and must not change as long as the predictor is used.
        encode: takes each stretch, and may look at the predictor before and after.
        """
        size, end = 8 * (content.size - self._coded), 0
        ones, bits = np.empty(size, np.uint16), np.empty(size, np.uint8)
        self._known = content
        self.state = self.state._replace(raw=self._known)
        with closing(self.expectations(content)) as expected:
            for stretch, trees in expected:
                shape, begin = (stretch.steps, 8 * stretch.active), end
                end += 8 * stretch.steps * stretch.active
                encode(self, stretch, trees, ones[begin:end].reshape(shape), bits[begin:end].reshape(shape))
                if advance is not None:
                    advance(stretch.steps * stretch.active)
        self._coded, self._given = content.size, content.size - 1
        return ones, bits

    def follow(self, decoder: Decoder, advance: Advance | None = None, end: int | None = None) -> None:
        """Decode the block up to the ``end`` of a piece, None for all of it, into ``raw``."""
        end = self.size if end is None else end
        self._store_known()
        if self._prior is not None and self.lanes == 1:
            self._follow_by_guesses(self._prior, decoder, advance, end)
            return
        if self._prior is not None:
            self._follow_in_turn(self._prior, decoder, advance, end)
            return
        previous = np.tile(self._previous, (self._most_steps, 1))
        for _, steps, learning, active in self._stretches(end, self._most_steps):
            source = *NO_DECISIONS, decoder.words, decoder.state, previous
            _take_steps(self.state, self._nothing, steps, 0, learning, active, *source, 0, NO_GUESSES)
            if advance is not None:
                advance(steps * active)

    def _follow_in_turn(self, prior: PriorOfBlock, decoder: Decoder, advance: Advance | None, end: int) -> None:
        """Decode the lanes group by group, each step of a group behind the prior's for the same lanes."""
        prior.previous[:] = self._previous
        size = group_size(self.lanes)

        def take(steps: int, learning: int, active: int) -> None:
            groups = [(first, min(first + size, active)) for first in range(0, active, size)]
            source = *NO_DECISIONS, decoder.words, decoder.state, prior.previous
            fixed, more = (self.state, prior.trees, 1), (*source, 0, NO_GUESSES)
            memory = [_take_steps.call(*fixed, first, learning, last, *more) for first, last in groups]
            prior.take_turns(memory, groups, steps)

        for _, steps, learning, active in self._stretches(end, max(1, RUN_BYTES // self.lanes)):
            alike = steps if learning == active else steps - 1
            if alike < steps:
                take(1, learning, active)
            if alike:
                take(alike, active, active)
            if advance is not None:
                advance(steps * active)
        self._previous = prior.previous[0].copy()

    def _follow_by_guesses(self, prior: PriorOfBlock, decoder: Decoder, advance: Advance | None, end: int) -> None:
        """Decode the only lane: several bytes that a match expects are guessed, as the prior takes them in one go
        nearly as fast as one byte, and what came while it slept it learns in one go, before it is asked again.

        (Speculative decoding: Leviathan et al., 2022.)
        """
        nothing, previous = aligned((RUN_BYTES, 0, 512), np.int32), np.full((RUN_BYTES, 1), -1, np.int16)
        while self._step < end:
            source = *NO_DECISIONS, decoder.words, decoder.state, previous  # words of a sampler change in ``advance``
            begin, before = self._step, [array.copy() for array in prior.recurrent_state]
            known = self.raw[self._given : begin].astype(np.int16) if begin else NO_BYTE
            guesses = self._guesses(min(MOST_GUESSES, end - begin - 1))
            trees = prior.catch_up(known, guesses)
            self._step += _take_steps(self.state, trees, len(trees), 0, min(begin, 1), 1, *source, 0, guesses)
            if self._step - begin == len(trees):
                self._given = self._step - 1
            else:  # the prior knows a wrong guess
                for array, known_before in zip(prior.recurrent_state, before, strict=True):
                    array[:] = known_before
            slept = most = RUN_BYTES
            while slept == most and self._step < end:
                most = min(RUN_BYTES, end - self._step)
                slept = _take_steps(self.state, nothing, most, 0, 1, 1, *source, 1, NO_GUESSES)
                self._step += slept
            if advance is not None:
                advance(self._step - begin)

    def _guesses(self, most: int) -> npt.NDArray[np.int16]:
        """The next bytes, at most so many, as the longest match expects them."""
        registers = self.state.registers[0]
        for model in range(MATCH_MODELS):  # they have not learnt the last byte yet
            pointer = int(registers[MATCH_POINTER + model])
            if registers[MATCH_LENGTH + model] > 0 and self.raw[pointer] == self.raw[self._step - 1]:
                return self.raw[pointer + 1 : min(pointer + 1 + most, self._step)].astype(np.int16)
        return NO_GUESSES


def pieces_of(size: int, lanes: int, bits: int) -> list[tuple[int, int]]:
    """Where each piece of a block of ``size`` bytes begins and ends.

    A piece has 2^bits bytes, or as many fewer as give all lanes the same number; the last one half to one and a half
    times as many, and the only one less than that.  At order zero there are no lanes, but the same pieces as of one.
    """
    whole = (1 << bits) - (1 << bits) % max(1, lanes)
    begins = range(0, max(1, size - whole // 2 + 1), whole)
    return list(pairwise([*begins, size]))


def lane_starts(begin: int, end: int, lanes: int) -> npt.NDArray[np.int64]:
    """The places (lanes,) where the lanes of a piece begin; the first ones may be a byte longer."""
    steps, longer = divmod(end - begin, lanes)
    return begin + np.arange(lanes) * steps + np.minimum(np.arange(lanes), longer)


def new_state(shape: BlockShape, trained: TrainedState) -> State:
    """The state before a block's first byte; the arrays of ``trained`` are a part of it."""
    size, lanes = shape.size, shape.lanes
    first = shape.pieces[0]
    state = State(
        raw=aligned(size, np.uint8),
        piece=np.array(first, np.int64),
        table=aligned(1 << shape.table_bits, np.uint8),
        positions=aligned((MATCH_MODELS, (1 << shape.table_bits) // hash_table.LINE_SIZE), np.int32),
        maps=trained.maps,
        weights=trained.weights,
        top=trained.top,
        apms=trained.apms,
        followers=aligned(FOLLOWED, np.uint16),
        contexts=shape.profile.table,
        **arrays_of_lanes(lanes, trained),
        numbers=Numbers.of(shape.layout, shape.row_length, lanes),
    )
    starts = lane_starts(*first, lanes)
    for column in (START, BEGAN, POSITION, LINE, LAST_LINE, ALIGNED_AT):
        state.registers[:, column] = starts
    state.registers[:, LANE], state.registers[:, ROW_LENGTH] = np.arange(lanes), shape.row_length
    state.registers[:, LASTING] = shape.profile.lasting
    return state


def arrays_of_lanes(lanes: int, trained: TrainedState) -> dict[str, Any]:
    """The arrays of a state that hold a row for each lane, all 0, and the correction."""
    return {
        "registers": aligned((lanes, REGISTERS), np.int64),
        "hashes": aligned((lanes, CONTEXTS), np.uint64),
        "homes": aligned((lanes, CONTEXTS), np.uint64),
        "slots": aligned((lanes, CONTEXTS), np.uint32),
        "inputs": aligned((lanes, INPUTS), np.int32),
        "layer": aligned((lanes, TOP_INPUTS), np.int32),
        "rows": aligned((lanes, SETS + APMS), np.uint32),
        "logits": aligned(lanes, np.int32),
        "mixed": aligned(lanes, np.int32),
        "ones": aligned(lanes, np.uint16),
        "bits": aligned(lanes, np.int32),
        "correction": Correction.of(trained.correction, lanes),
    }


def compile_predictor() -> None:
    """Compile the kernels by coding a byte, going on behind it, and decoding one from the fewest words."""
    shape = BlockShape(1, 1, 16, PROFILES[0])
    predictor = Predictor(shape, untrained_state())
    entropy_coder.encode(*predictor.run(np.frombuffer(b"\0", np.uint8)), 0)
    _go_to_piece(predictor.state, 0, 1, lane_starts(0, 1, 1))
    Predictor(shape, untrained_state()).follow(Decoder(bytes([0, 0, 0, 0, 1, 0, 0, 0])))
