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

BEGIN, END = 3, 4
"""Where a lane's code begins and ends in all codes, behind the state of its decoder in ``byte_coder``."""

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
        end_byte(state, np.int64(0), np.int64(1))


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
def _advance_units(state, tree, bit, lanes, places):
    """Learn the bits of ``lanes`` at the position before ``bit``, unless it is a unit's first, and predict ``bit``:
    ``predictor.advance_lanes`` for units."""
    for lane in lanes:
        if state.registers[lane, PARTIAL] > 0:
            _learn_own_bit(state, lane, (bit - 1) & 7, places.learnt)
            if bit == 0:
                _end_unit_byte(state, lane, places.end)
    if bit & 3 == 0:
        _begin_nibble(state, bit, lanes, places.learnt, places.own, False)
    for lane in lanes:
        predict_bit(state, tree, lane, bit)


@compiled
def _begin_lane(state, beginning, lane, places):
    """Have a lane begin a unit, with the registers ``beginning`` and in an empty table."""
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
def _encode_units(state, trees, units, sizes, first, steps, places, ends, lanes, ones, bits):
    """Take ``steps`` bytes of the lanes from step ``first`` on: units (lanes, most), sizes (lanes,), falling; fills
    ones and bits (lanes, most, 9), of which the last is the end."""
    count = sizes.size
    for step in range(first, first + steps):
        while count > 0 and sizes[count - 1] <= step:
            count -= 1
        going = lanes[:count]
        for bit in range(8):
            _advance_units(state, trees[step - first], bit, going, places)
            for lane in going:
                y = (units[lane, step] >> (7 - bit)) & 1
                ones[lane, step, bit], bits[lane, step, bit] = state.ones[lane], y
                state.bits[lane] = y
        for lane in going:
            before = np.int64(units[lane, step - 1]) if step else 0
            key = end_key(step + 1, np.int64(units[lane, step]), before, ends.by_length)
            ones[lane, step, 8], bits[lane, step, 8] = ends.ones[key], np.uint8(step + 1 == sizes[lane])


@compiled
def _decode_units(state, trees, steps, places, ends, lanes, codes, coders, previous):
    """Decode up to ``steps`` bytes of ``lanes``, and of each lane no more than its unit: codes (bytes,) and coders
    (lanes, END + 1).

    The bytes go into raw, and the last of each lane into previous (1, lanes).  The lanes whose units go on come first
    in ``lanes`` afterwards; returns how many they are, or -1 if a unit has no end where it must have one.
    """
    going = lanes.size
    for step in range(steps):
        left = lanes[:going]
        for bit in range(8):
            _advance_units(state, trees[step], bit, left, places)
            for lane in left:
                state.bits[lane] = _next_bit(codes, coders[lane], np.int64(state.ones[lane]))
        for k in range(going - 1, -1, -1):
            lane = lanes[k]
            registers = state.registers[lane]
            byte, place = (2 * registers[PARTIAL] + state.bits[lane]) & 255, registers[POSITION]
            state.raw[place] = previous[0, lane] = byte
            before = registers[HISTORY] & 255 if place > registers[START] else np.int64(0)
            one = ends.ones[end_key(place + 1 - registers[START], byte, before, ends.by_length)]
            if _next_bit(codes, coders[lane], one):
                registers[POSITION] += 1
                going -= 1
                lanes[k], lanes[going] = lanes[going], lane
            elif place + 1 - registers[START] == MOST:
                return -1
        if going == 0:
            break
    return going


@inlined
def _next_bit(codes, coder, one):
    """The next bit of a lane's code, whose P(1) was one / 65536."""
    return next_bit(codes[np.int64(coder[BEGIN]) : np.int64(coder[END])], coder, one)


@compiled
def _begin_code(codes, coder, one):
    """Begin to decode the code from BEGIN to END; returns whether its unit is empty."""
    begin_decoding(codes[np.int64(coder[BEGIN]) : np.int64(coder[END])], coder)
    return _next_bit(codes, coder, one)


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
    """The lanes of a thread, in which units are coded together."""

    def __init__(self, model: UnitModel, state: State, places: Places, prior: PriorOfBlock | None) -> None:
        """prior: of as many lanes as ``state`` has."""
        self._model, self._state, self._places, self._prior = model, state, places, prior
        self.lanes = len(state.registers)
        self._all = np.arange(self.lanes)
        self._nothing = aligned((RUN_BYTES, 0, 512), np.int32)

    def _begin(self, lane: int) -> None:
        _begin_lane(self._state, self._model.beginning, lane, self._places)
        if self._prior is not None:
            for own, learnt in zip(self._prior.recurrent_state, self._model.recurrent_state, strict=True):
                own[lane] = learnt[0]

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
        for lane, unit in enumerate(units):
            content[lane, : len(unit)] = np.frombuffer(unit, np.uint8)
            self._begin(lane)
        ones, bits = np.empty((len(units), most, 9), np.uint16), np.empty((len(units), most, 9), np.uint8)
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
        """The units of any number of codes; with the prior a lane takes the next code as soon as its unit ends.

        Raises CorruptError for a code that no unit has.
        """
        packed, bounds = np.frombuffer(b"".join(codes), np.uint8), np.cumsum([0, *map(len, codes)])
        coders, numbers = np.zeros((self.lanes, END + 1), np.uint64), [-1] * self.lanes
        previous, lanes, going = np.full((1, self.lanes), self._model.last, np.int16), self._all.copy(), 0
        units, later = [b""] * len(codes), iter(range(len(codes)))
        trees, steps = (self._prior.trees, 1) if self._prior is not None else (self._nothing, RUN_BYTES)
        fixed = self._places, self._model.ends
        while True:
            for lane in map(int, lanes[going:].copy()):
                if numbers[lane] >= 0:
                    units[numbers[lane]] = self._ended(coders[lane], lane)
                number = self._begin_code(packed, bounds, coders[lane], later)
                if number is not None:
                    numbers[lane], previous[0, lane], lanes[going] = number, self._model.last, lane
                    self._begin(lane)
                    going += 1
            if going == 0:
                return units
            lanes = lanes[:going]
            if self._prior is not None:
                self._prior.expect(previous)
            going = _decode_units(self._state, trees, steps, *fixed, lanes, packed, coders, previous)
            if going < 0:
                raise _no_code()

    def _begin_code(
        self,
        packed: npt.NDArray[np.uint8],
        bounds: npt.NDArray[np.int64],
        coder: npt.NDArray[np.uint64],
        later: Iterator[int],
    ) -> int | None:
        """Begin the first of the ``later`` codes whose unit is not empty; returns its number, None if there is none."""
        for number in later:
            coder[BEGIN], coder[END] = bounds[number : number + 2]
            if not _begin_code(packed, coder, int(self._model.ends.ones[EMPTY])):
                return number
            _check_end(coder)
        return None

    def _ended(self, coder: npt.NDArray[np.uint64], lane: int) -> bytes:
        """The unit that a lane has decoded."""
        _check_end(coder)
        start, end = self._state.registers[lane, [START, POSITION]]
        return self._state.raw[start:end].tobytes()


def _check_end(coder: npt.NDArray[np.uint64]) -> None:
    """Raise CorruptError if there are bytes of the code that the coder has not read."""
    if coder[END] - coder[BEGIN] > coder[READ]:
        raise _no_code()


def _no_code() -> CorruptError:
    return CorruptError("a record's code is not one of this codec")


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
        self,
        parts: Sequence[Part],
        length: Callable[[Part], int],
        work: Callable[[UnitLanes, list[Part]], list[Made]],
        most: int = LANES,
    ) -> list[Made]:
        """What ``work`` makes of parts, in their order; it is given lanes and at most ``most`` parts at once, the
        longest first.  Parts are dealt out to the threads in turn."""
        order = sorted(range(len(parts)), key=lambda number: -length(parts[number]))
        shares = [order[thread :: self._threads] for thread in range(min(self._threads, len(order)))]
        made: dict[int, Made] = {}

        def take_share(thread: int) -> None:
            share = shares[thread]
            with self.lanes(min(len(share), LANES), thread) as lanes:
                for group in (share[first : first + most] for first in range(0, len(share), most)):
                    made.update(zip(group, work(lanes, [parts[number] for number in group]), strict=True))

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(take_share, range(len(shares))))  # which raises what a thread has raised
        return [made[number] for number in range(len(parts))]
