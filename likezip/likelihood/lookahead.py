"""What the model expects of each byte before it sees it: the likeliest bytes, beside what the byte costs.

The mixer gives the probability of one bit after another, so that of a byte is the product of eight; all 256 would
take 255 predictions.  The upper nibbles take 15, and of the lower ones only those are worth their 15 whose upper nibble
is likelier than the least of the bytes found so far.  Nothing is changed by looking: what the mixer writes goes to
registers of its own, and what looking up contexts empties in the table is put back.

Chances are floats, since no bit that is written depends on them.  They are those before the byte: what the mixer learns
from its first bits changes what it says of the others a little, so a byte's chance and its cost are not quite the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.blocks import block_header, codec
from likezip.blocks.codec import PriorChoice
from likezip.blocks.cost import byte_costs
from likezip.blocks.predictor import Advance, Decisions, Predictor, Shape, Stretch, advance_lanes, predict_bit
from likezip.kernels.compiling import compiled, inlined
from likezip.kernels.intrinsics import aligned, aligned_copy
from likezip.memory import hash_table
from likezip.memory.profiles import CONTEXTS, PROFILES
from likezip.memory.registers import KNOWN, MATCH_LENGTH, PARTIAL, POSITION, REGISTERS, START
from likezip.memory.trained_state import MODELS, untrained_start
from likezip.model import Model
from likezip.prior.fixed_point import FREQUENCY_BITS

BEST = 3
"""Bytes that are looked for."""


class Looking(NamedTuple):
    """Room for a look of one lane at a time."""

    lines: npt.NDArray[np.uint8]  # (CONTEXTS, LINE_SIZE), of the table
    reach: npt.NDArray[np.float64]  # (32,), the chances of a nibble's nodes and, from 16 on, values
    high: npt.NDArray[np.float64]  # (16,), the chances of upper nibbles
    best: npt.NDArray[np.float64]  # (BEST,)
    bytes: npt.NDArray[np.int64]  # (BEST,)


@inlined
def _reach_nibble(state, view, tree, lane, begin, first_bit, reach):
    """The chances of the 16 values of a nibble into reach[16:]; ``begin``: 1, or 16 + the upper nibble."""
    registers = view.registers[lane]
    reach[1] = 1.0
    for bit in range(4):
        for node in range(1 << bit, 2 << bit):
            for m in range(MODELS):  # which a bit that the match has not expected makes negative
                registers[MATCH_LENGTH + m] = state.registers[lane, MATCH_LENGTH + m]
            registers[PARTIAL] = begin << bit | node - (1 << bit)
            predict_bit(view, tree, lane, first_bit + bit)
            one = view.ones[lane] / 65536.0
            reach[2 * node] = reach[node] * (1.0 - one)
            reach[2 * node + 1] = reach[node] * one


@inlined
def _reach_bytes(state, view, tree, lane, nibble, looking):
    """The chances of the bytes with an upper nibble, given that, into reach[16:]."""
    begin, table = 16 + nibble, view.table
    hash_table.locate_buckets(begin, view.hashes[lane], view.homes[lane], table)
    last = np.uint64(table.size // hash_table.LINE_SIZE - 1)
    for i in range(CONTEXTS):
        line = (view.homes[lane, i] & last) * np.uint64(hash_table.LINE_SIZE)
        for k in range(hash_table.LINE_SIZE):
            looking.lines[i, k] = table[line + np.uint64(k)]
    view.registers[lane, KNOWN] = hash_table.find_buckets(view.homes[lane], view.slots[lane], table)
    _reach_nibble(state, view, tree, lane, begin, 4, looking.reach)
    for i in range(CONTEXTS):  # two may be in one line, of which both copies are from before
        line = (view.homes[lane, i] & last) * np.uint64(hash_table.LINE_SIZE)
        for k in range(hash_table.LINE_SIZE):
            table[line + np.uint64(k)] = looking.lines[i, k]


@inlined
def _look(state, view, tree, lane, looking, expected, chances):
    """The likeliest bytes of a lane at a byte's beginning, the likeliest first, into expected and chances (BEST,)."""
    for i in range(REGISTERS):
        view.registers[lane, i] = state.registers[lane, i]
    for i in range(CONTEXTS):
        view.slots[lane, i] = state.slots[lane, i]
    _reach_nibble(state, view, tree, lane, 1, 0, looking.reach)
    for i in range(16):
        looking.high[i] = looking.reach[16 + i]
    looking.best[:] = 0.0
    looking.bytes[:] = 0
    for _ in range(16):
        nibble = 0
        for i in range(1, 16):
            nibble = i if looking.high[i] > looking.high[nibble] else nibble
        likely = looking.high[nibble]
        if likely <= looking.best[BEST - 1]:
            break
        looking.high[nibble] = -1.0
        _reach_bytes(state, view, tree, lane, nibble, looking)
        for low in range(16):
            _enter(likely * looking.reach[16 + low], 16 * nibble + low, looking.best, looking.bytes)
    for k in range(BEST):
        expected[k], chances[k] = looking.bytes[k], looking.best[k]


@inlined
def _enter(chance, byte, best, numbers):
    """Put a byte among the best, if it is one of them."""
    for k in range(BEST):
        if chance > best[k]:
            for later in range(BEST - 1, k, -1):
                best[later], numbers[later] = best[later - 1], numbers[later - 1]
            best[k], numbers[k] = chance, byte
            return


@compiled
def _encode_looking(state, trees, known, steps, learning, active, ones, bits, view, looking, expected, chances):
    """As the predictor's ``_encode``, and before each byte a look at what is expected: (steps, active, BEST)."""
    for step in range(steps):
        for bit in range(8):
            advance_lanes(state, trees[step], bit, active if bit or step else learning, active)
            for lane in range(active):
                if bit == 0:
                    _look(state, view, trees[step], lane, looking, expected[step, lane], chances[step, lane])
                y = (known[state.registers[lane, POSITION]] >> (7 - bit)) & 1
                ones[step, bit, lane] = state.ones[lane]
                bits[step, bit, lane] = y
                state.bits[lane] = y


class Foresight(NamedTuple):
    """Of each byte of a block: costs (n,) bits, prior (n,) bits by the prior alone, NaN without one; expected (n, BEST)
    uint8, the likeliest bytes, and their chances (n, BEST)."""

    costs: npt.NDArray[np.float64]
    prior: npt.NDArray[np.float32]
    expected: npt.NDArray[np.uint8]
    chances: npt.NDArray[np.float32]


_OWN = ("registers", "homes", "slots", "inputs", "layer", "rows", "logits", "ones")
"""What a look writes to, of the state."""


def foresee(
    predictor: Predictor, known: npt.NDArray[np.uint8], advance: Advance | None = None
) -> tuple[Foresight, Decisions]:
    """Take all of the block ``known``, as ``Predictor.run`` does, and note what was expected of each byte."""
    state, size, lanes = predictor.state, known.size, predictor.lanes
    view = state._replace(**{name: aligned_copy(getattr(state, name)) for name in _OWN})
    looking = Looking(
        aligned((CONTEXTS, hash_table.LINE_SIZE), np.uint8),
        np.zeros(32),
        np.zeros(16),
        np.zeros(BEST),
        np.zeros(BEST, np.int64),
    )
    starts = state.registers[:, START].copy()
    found = Foresight(
        np.zeros(0),
        np.full(size, np.nan, np.float32),
        np.empty((size, BEST), np.uint8),
        np.empty((size, BEST), np.float32),
    )

    def encode(
        stretch: Stretch, trees: npt.NDArray[np.int32], ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8]
    ) -> None:
        first, steps, learning, active = stretch
        expected, chances = np.empty((steps, active, BEST), np.uint8), np.empty((steps, active, BEST), np.float32)
        _encode_looking(state, trees, known, steps, learning, active, ones, bits, view, looking, expected, chances)
        places = starts[:active] + np.arange(first, first + steps)[:, None]
        found.expected[places], found.chances[places] = expected, chances
        if trees.shape[1]:
            leaves = np.take_along_axis(trees[:steps, :active], 256 + known[places][:, :, None].astype(np.int64), 2)
            found.prior[places] = FREQUENCY_BITS - np.log2(leaves[:, :, 0])

    decisions = predictor.run(known, advance, encode)
    return found._replace(costs=byte_costs(*decisions, size, lanes)), decisions


class LookingCoding(codec.Coding):
    """A block being coded, and what was expected of each byte."""

    def _run(self, block: Predictor, known: npt.NDArray[np.uint8], advance: Advance | None) -> Decisions:
        self.foresight, decisions = foresee(block, known, advance)
        return decisions


@dataclass(frozen=True)
class Sight:
    """What a block is for the model that it is compressed with.

    mode, lanes, profile: as in its header, the profile by name; coded: the bytes as they are coded, which differ from
    ``raw`` where targets of x86 code were made absolute; memory (n,): bits of each byte by the memory alone, in the
    best way without the prior.  Of a stored block all costs are 8, and nothing is expected: all chances are 0.
    """

    raw: bytes
    coded: bytes
    mode: int
    lanes: int
    profile: str
    memory: npt.NDArray[np.float64]
    foresight: Foresight


def look_at_block(
    raw: bytes,
    model: Model,
    *,
    lanes: int | None = None,
    prior: PriorChoice = "auto",
    threads: int = 1,
    advance: Advance | None = None,
) -> Sight:
    """A block of at least one byte as ``codec.encode_block`` codes it, with the same options."""
    coded = codec.transformed(raw)[1]
    best = codec.best_coding(coded, model, lanes, prior, threads, advance, LookingCoding)
    if best is None or len(best.payload()) >= len(raw):
        size, eight = len(raw), np.full(len(raw), 8.0)
        nothing = Foresight(eight, np.full(size, np.nan, np.float32), *np.zeros((2, size, BEST), np.float32))
        nothing = nothing._replace(expected=np.zeros((size, BEST), np.uint8))
        return Sight(raw, raw, block_header.STORED, 1, "", eight, nothing)
    memory = best.foresight.costs
    if best.way.prior:
        without = codec.sampled_codings(coded, model, lanes, "off", threads)[0].way
        memory = codec.Coding(coded, model, without, None, threads).byte_costs()
    mode = block_header.MEMORY_PRIOR if best.way.prior else block_header.MEMORY
    return Sight(raw, coded, mode, best.shape.lanes, best.shape.profile.name, memory, best.foresight)


def prepare(announce: Callable[[], None] | None = None, *, prior: bool) -> None:
    """Compile the kernels once, as ``codec.prepare``, and that of looking."""
    codec.prepare(announce, prior=prior, foresight=compile_kernels)


def compile_kernels() -> None:
    """Compile the kernel by looking at a byte."""
    foresee(Predictor(Shape(1, 1, 16, PROFILES[0]), untrained_start()), np.frombuffer(b"\0", np.uint8))
