"""Units behind a learnt context, each coded by itself: many small records of one kind.

A context is learnt once, unit after unit, as a block is in one lane.  From then on nothing that it has left is changed:
not the table, not the maps and weights.  What a unit itself shows goes into a small table of its lane's own, which is
empty when the unit begins:

    a context that is in the learnt table     its bit history there, as it is
    all others, and those that are local      a bit history in the lane's own table

So no state is copied, and units may be coded in any order, together or alone: each has the same words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from likezip.blocks import coding
from likezip.blocks.coding import BlockMode
from likezip.blocks.options import CodingOptions
from likezip.blocks.predictor import (
    NEXT,
    RUN_BYTES,
    Decisions,
    PriorOfBlock,
    State,
    arrays_of_lanes,
    begin_byte,
    end_byte,
    learn_bit,
    new_state,
    node_of,
    predict_bit,
    take_bit,
)
from likezip.errors import CorruptError
from likezip.kernels.compiling import compiled, inlined
from likezip.kernels.intrinsics import aligned
from likezip.kernels.machine_code import packed_once
from likezip.memory import hash_table, match_models
from likezip.memory.indirect import look_up_followers
from likezip.memory.profiles import CONTEXTS
from likezip.memory.registers import (
    ALIGNED_AT,
    BEGAN,
    HISTORY,
    KNOWN_CONTEXTS,
    LAST_LINE,
    LASTING,
    LINE,
    NEIGHBOURS,
    PARTIAL,
    POSITION,
    REGISTERS,
    ROW_LENGTH,
    START,
    derive_registers,
    look_up,
    remember_byte,
)
from likezip.prior.parallel import open_prior
from likezip.records.byte_coder import READ, begin_decoding, next_bit
from likezip.records.ends import EMPTY, end_key, learn_ends

OWN_BITS = 16
"""log2 of the bytes of a lane's own table."""
OWN_SIZE = 1 << OWN_BITS
OWN_LAST = np.uint64(OWN_SIZE // hash_table.LINE_SIZE - 1)
"""The number of its last line."""

LANES = 32
"""Units that a thread codes in lockstep."""

TAIL = 1024
"""Bytes before a unit that are those of the last unit learnt, so that it has a line above; if that is longer, it has
none."""
MOST = (1 << 16) - TAIL
"""Bytes of a unit at most."""
ROOM = TAIL + MOST
"""Bytes of a lane's part of raw."""

Part = TypeVar("Part")
Made = TypeVar("Made")


@inlined
def _begin_unit(raw, registers):
    """Have a lane begin a unit at POSITION: in a new line, and as if nothing had come before but the lines above."""
    position, line, start, row = registers[POSITION], registers[LINE], registers[START], registers[ROW_LENGTH]
    lasting = registers[LASTING]
    above = line if line < position else registers[LAST_LINE]
    registers[:] = 0
    registers[START], registers[BEGAN], registers[POSITION], registers[LINE] = start, start, position, position
    registers[ROW_LENGTH], registers[LASTING] = row, lasting
    registers[LAST_LINE] = registers[ALIGNED_AT] = above
    registers[NEIGHBOURS] = look_up(raw, registers)
    derive_registers(raw, registers)


@inlined
def _find_buckets(homes, slots, contexts, table, learnt, own, learning):
    """Point ``slots`` at the buckets of a lane's contexts; returns how many contexts had one already.

    table: the learnt table of ``learnt`` bytes, and behind it those of the lanes, the lane's from ``own`` on.
    """
    last, first_own = np.uint64(learnt // hash_table.LINE_SIZE - 1), np.uint64(own // hash_table.LINE_SIZE)
    found = 0
    for i in range(CONTEXTS):
        check, known = hash_table.check_of(homes[i]), 0
        if contexts[i, 3] == 0:
            if learning:
                slots[i], known = hash_table.claim_bucket(homes[i] & last, check, table)
                found += known
                continue
            slots[i], known = hash_table.look_up_bucket(homes[i] & last, check, table)
        if not known:
            slots[i], known = hash_table.claim_bucket(first_own + (homes[i] & OWN_LAST), check, table)
        found += known
    return found


@inlined
def _begin_nibble(state, bit, lanes, learnt, own, learning):
    """Find the buckets of ``lanes`` before bits 0 and 4; the lanes' own tables begin at ``own``."""
    table = state.table[:learnt]
    for lane in lanes:
        if bit == 0:
            begin_byte(state, lane)
        hash_table.locate_buckets(state.registers[lane, PARTIAL], state.hashes[lane], state.homes[lane], table)
    for lane in lanes:
        place = own + lane * OWN_SIZE
        state.registers[lane, KNOWN_CONTEXTS] = _find_buckets(
            state.homes[lane], state.slots[lane], state.contexts, state.table, learnt, place, learning
        )


@compiled
def _learn_units(state, trees, begins, learnt, steps):
    """Learn ``steps`` bytes of the one lane, whose raw bytes are there already.

    trees (steps, lanes, 512), of the prior; begins: whether a unit begins, of each byte.
    """
    registers = state.registers[0]
    for step in range(steps):
        position = registers[POSITION]
        byte = np.int64(state.raw[position])
        if begins[position]:
            state.table[learnt : learnt + OWN_SIZE] = 0
            _begin_unit(state.raw, registers)
        for bit in range(8):
            if bit & 3 == 0:
                _begin_nibble(state, bit, range(1), learnt, learnt, True)
            predict_bit(state, trees[step], 0, bit)
            state.bits[0] = (byte >> (7 - bit)) & 1
            take_bit(state, 0)
            learn_bit(state, 0)
        end_byte(state, 0, 1)


@compiled
def _end_context(state):
    """Have the lane that has learnt the context begin a unit behind it."""
    _begin_unit(state.raw, state.registers[0])


@inlined
def _learn_own_bit(state, lane, bit, learnt):
    """Teach a lane's bit to the bit histories in its own table."""
    registers, slots = state.registers[lane], state.slots[lane]
    node, following = node_of(registers[PARTIAL], bit), NEXT[state.bits[lane]]
    for i in range(CONTEXTS):
        place = np.int64(slots[i] + node)
        if place >= learnt:
            state.table[place] = following[state.table[place]]
    take_bit(state, lane)


@inlined
def _end_unit_byte(state, lane, end):
    """Store the byte that a lane has completed, and follow or find matches in the first ``end`` bytes, the learnt
    ones."""
    registers = state.registers[lane]
    byte = registers[PARTIAL] & 255
    state.raw[registers[POSITION]] = byte
    remember_byte(byte, state.raw, registers)
    look_up_followers(registers, state.followers)
    for m in range(len(match_models.MINIMA)):
        match_models.follow_match(m, match_models.MINIMA[m], 1, 0, end, state.raw, registers, state.positions[m])
    derive_registers(state.raw, registers)


@inlined
def _advance_units(state, tree, bit, lanes, learning, places):
    """Learn the bits of ``lanes`` at the position before ``bit``, unless it is the first, and predict ``bit``:
    ``predictor.advance_lanes`` for units."""
    for lane in lanes:
        if learning:
            _learn_own_bit(state, lane, (bit - 1) & 7, places.learnt)
            if bit == 0:
                _end_unit_byte(state, lane, places.end)
    if bit & 3 == 0:
        _begin_nibble(state, bit, lanes, places.learnt, places.own, False)
    for lane in lanes:
        predict_bit(state, tree, lane, bit)


@compiled
def _begin_units(state, beginning, active, places):
    """Have ``active`` lanes begin their units, each with the registers ``beginning`` and in an empty table."""
    for lane in range(active):
        state.table[places.own + lane * OWN_SIZE : places.own + (lane + 1) * OWN_SIZE] = 0
        registers, place = state.registers[lane], places.raw + lane * places.room + TAIL
        tail = min(TAIL, places.end)
        for i in range(-tail, 0):
            state.raw[place + i] = state.raw[places.end + i]
        for column in range(REGISTERS):
            registers[column] = beginning[column]
        for column in (START, BEGAN, POSITION, LINE):
            registers[column] = place
        above = place - (beginning[LINE] - beginning[LAST_LINE])
        registers[LAST_LINE] = registers[ALIGNED_AT] = above if above >= place - TAIL else place
        registers[NEIGHBOURS] = look_up(state.raw, registers)


@compiled
def _encode_units(state, trees, units, sizes, first, steps, places, ends, alive, ones, bits):
    """Take ``steps`` bytes of the lanes from step ``first`` on: units (lanes, most), sizes (lanes,), falling; fills
    ones and bits (lanes, most, 9), of which the last is the end."""
    count = sizes.size
    for step in range(first, first + steps):
        while count > 0 and sizes[count - 1] <= step:
            count -= 1
        lanes = alive[:count]
        for bit in range(8):
            _advance_units(state, trees[step - first], bit, lanes, step > 0 or bit > 0, places)
            for lane in lanes:
                y = (units[lane, step] >> (7 - bit)) & 1
                ones[lane, step, bit], bits[lane, step, bit] = state.ones[lane], y
                state.bits[lane] = y
        for lane in lanes:
            before = np.int64(units[lane, step - 1]) if step else 0
            key = end_key(step + 1, np.int64(units[lane, step]), before, ends.by_length)
            ones[lane, step, 8], bits[lane, step, 8] = ends.ones[key], np.uint8(step + 1 == sizes[lane])


@compiled
def _decode_units(state, trees, count, first, steps, places, ends, alive, codes, coders, previous):
    """Decode ``steps`` bytes of the ``count`` lanes that are ``alive``, from step ``first`` on, with their codes
    (lanes, most bytes) and coders (lanes, 3).

    The bytes go into raw, and the last of each lane into previous (1, lanes).  Returns how many lanes are alive still.
    """
    for step in range(first, first + steps):
        lanes = alive[:count]
        for bit in range(8):
            _advance_units(state, trees[step - first], bit, lanes, step > 0 or bit > 0, places)
            for lane in lanes:
                state.bits[lane] = next_bit(codes[lane], coders[lane], np.int64(state.ones[lane]))
        left = 0
        for k in range(count):
            lane = alive[k]
            registers = state.registers[lane]
            byte = (2 * registers[PARTIAL] + state.bits[lane]) & 255
            state.raw[registers[POSITION]] = previous[0, lane] = byte
            before = registers[HISTORY] & 255 if step else np.int64(0)
            one = ends.ones[end_key(step + 1, byte, before, ends.by_length)]
            if next_bit(codes[lane], coders[lane], one) == 0:
                alive[left] = lane
                left += 1
            else:
                registers[POSITION] += 1
        count = left
    return count


@compiled
def _begin_codes(codes, coders, one, alive):
    """Begin to decode each lane's code, by whether its unit is empty; fills ``alive`` with the others, and returns
    their number."""
    count = 0
    for lane in range(len(codes)):
        begin_decoding(codes[lane], coders[lane])
        if next_bit(codes[lane], coders[lane], one) == 0:
            alive[count] = lane
            count += 1
    return count


@packed_once
class Places(NamedTuple):
    """Where the parts of a thread's lanes are: learnt, bytes of the learnt table, and own, where the lanes' tables
    begin behind it; end, the learnt bytes of raw, and raw, where those of the lanes begin behind them, ``room`` for
    each."""

    learnt: int
    own: int
    end: int
    raw: int
    room: int


class UnitLanes:
    """The lanes of a thread, in which LANES units at most are coded together."""

    def __init__(self, model: UnitModel, state: State, places: Places, prior: PriorOfBlock | None) -> None:
        """prior: of as many lanes as ``state`` has."""
        self._model, self._state, self._places, self._prior = model, state, places, prior
        self.lanes = len(state.registers)
        self._all = np.arange(self.lanes)
        self._nothing = aligned((RUN_BYTES, 0, 512), np.int32)

    def _begin(self, count: int) -> None:
        _begin_units(self._state, self._model.beginning, count, self._places)
        if self._prior is not None:
            for own, learnt in zip(self._prior.recurrent_state, self._model.recurrent_state, strict=True):
                own[:] = learnt

    def encode(self, units: list[bytes]) -> Iterator[Decisions]:
        """The decisions of each of the units, of which there are at most ``lanes``, the longest first."""
        empty = self._model.ends.ones[EMPTY].astype(np.uint16)
        for (ones, bits), unit in zip(self.decisions(units), units, strict=True):
            yield np.append(empty, ones), np.append(np.uint8(not unit), bits)

    def decisions(self, units: list[bytes]) -> Iterator[Decisions]:
        """The decisions about the bytes of each unit, (bytes, 9): the bits of a byte, from the highest, and whether it
        is the last; of units as ``encode`` takes them."""
        sizes, ends = np.array([len(unit) for unit in units], np.int64), self._model.ends
        most = int(sizes[0])
        content = np.zeros((len(units), most), np.uint8)
        for row, unit in zip(content, units, strict=True):
            row[: len(unit)] = np.frombuffer(unit, np.uint8)
        ones, bits = np.empty((len(units), most, 9), np.uint16), np.empty((len(units), most, 9), np.uint8)
        self._begin(len(units))
        first = 0
        with closing(self._expectations(content)) as expected:
            for trees in expected:
                steps = min(len(trees), most - first)
                places = self._places, ends, self._all
                _encode_units(self._state, trees, content, sizes, first, steps, *places, ones, bits)
                first += steps
        for lane, size in enumerate(sizes):
            yield ones[lane, :size], bits[lane, :size]

    def _expectations(self, content: npt.NDArray[np.uint8]) -> Generator[npt.NDArray[np.int32], None, None]:
        """The prior's trees for known units (lanes, most), or none, for all steps in turn."""
        most = content.shape[1]
        if self._prior is None:
            yield from (self._nothing for _ in range(0, most, RUN_BYTES))
            return
        previous = np.full((most, self.lanes), self._model.last, np.int16)
        previous[1:, : len(content)] = content[:, :-1].T
        parts = (previous[first : first + self._prior.most_steps] for first in range(0, most, self._prior.most_steps))
        with closing(self._prior.expectations(parts)) as trees:
            yield from trees

    def decode(self, codes: list[bytes]) -> list[bytes]:
        """The units of codes, at most ``lanes``; raises CorruptError for a code that no unit has."""
        padded = np.zeros((len(codes), max(map(len, codes)) + 1), np.uint8)
        for row, code in zip(padded, codes, strict=True):
            row[: len(code)] = np.frombuffer(code, np.uint8)
        coders, alive, ends = np.zeros((len(codes), 3), np.uint64), self._all.copy(), self._model.ends
        self._begin(len(codes))
        count = _begin_codes(padded, coders, int(ends.ones[EMPTY]), alive)
        previous = np.full((1, self.lanes), self._model.last, np.int16)
        trees, at_once = (self._prior.trees, 1) if self._prior is not None else (self._nothing, RUN_BYTES)
        for first in range(0, MOST, at_once):
            if count == 0:
                break
            if self._prior is not None:
                self._prior.expect(previous)
            steps = min(at_once, MOST - first)
            given = self._places, ends, alive, padded, coders, previous
            count = _decode_units(self._state, trees, count, first, steps, *given)
        if count or any(len(code) > read for code, read in zip(codes, coders[:, READ], strict=True)):
            raise CorruptError("a record's code is not one of this codec")
        ends_of = self._state.registers[: len(codes), [START, POSITION]]
        return [self._state.raw[start:end].tobytes() for start, end in ends_of]


class UnitModel:
    """A model behind a context that it has learnt.

    beginning: the registers with which each unit begins; recurrent_state: of the prior; last: the byte before, -1 if
    there is none.
    """

    def __init__(self, options: CodingOptions, mode: BlockMode, context: Sequence[bytes], threads: int) -> None:
        """context: the units to learn, in order; threads: for how many there will be lanes."""
        self._options, self.mode, self._threads = options, mode, threads
        known = np.frombuffer(b"".join(context), np.uint8)
        shape = mode.shape(known.size, 1)
        self._trained = coding.trained_state_of(options.model, shape.profile.name)
        state, self._learnt = new_state(shape, self._trained), 1 << shape.table_bits
        self._state = state._replace(
            raw=aligned(known.size + threads * LANES * ROOM, np.uint8),
            table=aligned(self._learnt + threads * LANES * OWN_SIZE, np.uint8),
        )
        self._state.raw[: known.size] = known
        self.ends = learn_ends(context)
        self._end, self.last = known.size, int(known[-1]) if known.size else -1
        begins = np.zeros(known.size + 1, np.bool_)
        begins[np.cumsum([0, *(len(unit) for unit in context)])] = True
        with self._open_prior(1) as prior:
            self._learn(begins, prior)
            self.recurrent_state = [state.copy() for state in prior.recurrent_state] if prior is not None else []
        self.beginning = self._state.registers[0]

    def _open_prior(self, lanes: int) -> AbstractContextManager[PriorOfBlock | None]:
        if not self.mode.prior:
            return nullcontext()
        return open_prior(coding.network_of(self._options.model), sys.maxsize, lanes)

    def _learn(self, begins: npt.NDArray[np.bool_], prior: PriorOfBlock | None) -> None:
        known, learnt = self._state.raw[: self._end], self._learnt
        if prior is None:
            _learn_units(self._state, np.zeros((known.size, 0, 512), np.int32), begins, learnt, known.size)
        else:
            before = np.concatenate(([-1], known[:-1].astype(np.int16)))[: known.size, None].astype(np.int16)
            parts = (before[first : first + prior.most_steps] for first in range(0, known.size, prior.most_steps))
            with closing(prior.expectations(parts)) as expected:
                for trees in expected:
                    _learn_units(self._state, trees, begins, learnt, len(trees))
        _end_context(self._state)

    @contextmanager
    def lanes(self, count: int, thread: int = 0) -> Iterator[UnitLanes]:
        """``count`` lanes for a thread."""
        first = thread * LANES
        places = Places(self._learnt, self._learnt + first * OWN_SIZE, self._end, self._end + first * ROOM, ROOM)
        state = self._state._replace(**arrays_of_lanes(count, self._trained))
        with self._open_prior(count) as prior:
            yield UnitLanes(self, state, places, prior)

    def map(
        self, parts: Sequence[Part], length: Callable[[Part], int], work: Callable[[UnitLanes, list[Part]], list[Made]]
    ) -> list[Made]:
        """What ``work`` makes of parts, in their order; it is given groups of parts of about equal length, the longest
        first, and lanes for them.  Groups are dealt out to the threads in turn."""
        order = sorted(range(len(parts)), key=lambda number: -length(parts[number]))
        groups = [order[first : first + LANES] for first in range(0, len(order), LANES)]
        shares = [groups[thread :: self._threads] for thread in range(min(self._threads, len(groups)))]
        made: dict[int, Made] = {}

        def take_groups(thread: int) -> None:
            with self.lanes(len(shares[thread][0]), thread) as lanes:
                for group in shares[thread]:
                    made.update(zip(group, work(lanes, [parts[number] for number in group]), strict=True))

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(take_groups, range(len(shares))))  # which raises what a thread has raised
        return [made[number] for number in range(len(parts))]
