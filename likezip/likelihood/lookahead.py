"""Lookahead: the likeliest bytes before each byte of a block, by the model.

The mixer gives the probability of one bit after another, so the probability of a byte is the product of eight; all 256
bytes would take 255 predictions.  The upper nibbles take 15; the lower nibbles of an upper one take 15 more, and are
looked at only if the upper nibble is likelier than the least likely of the best bytes so far.  Nothing is changed by
looking ahead: the mixer writes to registers of its own, and buckets that a lookup of contexts empties are restored.

Probabilities are floats here, since no bit that is written depends on them.  They are those before the byte: learning
its first bits changes the prediction of the others a little, so a byte's cost is not quite -log2 of its probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.blocks import block_header, codec, coding, parts
from likezip.blocks.coding import BlockCoding
from likezip.blocks.options import Advance, CodingOptions
from likezip.blocks.predictor import (
    BlockShape,
    Predictor,
    State,
    Stretch,
    advance_lanes,
    by_lane,
    group_size,
    predict_bit,
)
from likezip.kernels.compiling import compiled, inlined
from likezip.kernels.intrinsics import aligned, aligned_copy
from likezip.memory import hash_table
from likezip.memory.mixer import squash
from likezip.memory.profiles import CONTEXTS, PROFILES
from likezip.memory.registers import KNOWN_CONTEXTS, MATCH_LENGTH, PARTIAL, POSITION, REGISTERS, START
from likezip.memory.trained_state import MATCH_MODELS, untrained_state
from likezip.prior.fixed_point import FREQUENCY_BITS

BEST = 3
"""The number of likeliest bytes that are looked for."""


class LookaheadBuffers(NamedTuple):
    """Buffers for looking ahead in one lane at a time."""

    lines: npt.NDArray[np.uint8]  # (CONTEXTS, LINE_SIZE), copies of the table's lines
    reach: npt.NDArray[np.float64]  # (32,), the probabilities of a nibble's nodes and, from 16 on, values
    high: npt.NDArray[np.float64]  # (16,), the probabilities of upper nibbles
    best: npt.NDArray[np.float64]  # (BEST,), the probabilities of the likeliest bytes
    bytes: npt.NDArray[np.int64]  # (BEST,)


@inlined
def _nibble_probabilities(state, view, tree, lane, begin, first_bit, reach):
    """The probabilities of the 16 values of a nibble into reach[16:]; ``begin``: 1, or 16 + the upper nibble."""
    registers = view.registers[lane]
    reach[1] = 1.0
    for bit in range(4):
        for node in range(1 << bit, 2 << bit):
            for m in range(MATCH_MODELS):  # predicting a bit that the match has not expected makes them negative
                registers[MATCH_LENGTH + m] = state.registers[lane, MATCH_LENGTH + m]
            registers[PARTIAL] = begin << bit | node - (1 << bit)
            predict_bit(view, tree, lane, first_bit + bit)
            one = view.ones[lane] / 65536.0
            reach[2 * node] = reach[node] * (1.0 - one)
            reach[2 * node + 1] = reach[node] * one


@inlined
def _byte_probabilities(state, view, tree, lane, nibble, buffers):
    """The probabilities of the lower nibbles, given an upper one, into reach[16:]."""
    begin, table = 16 + nibble, view.table
    hash_table.locate_buckets(begin, view.hashes[lane], view.homes[lane], table)
    last = np.uint64(table.size // hash_table.LINE_SIZE - 1)
    for i in range(CONTEXTS):
        line = (view.homes[lane, i] & last) * np.uint64(hash_table.LINE_SIZE)
        for k in range(hash_table.LINE_SIZE):
            buffers.lines[i, k] = table[line + np.uint64(k)]
    view.registers[lane, KNOWN_CONTEXTS] = hash_table.find_buckets(view.homes[lane], view.slots[lane], table)
    _nibble_probabilities(state, view, tree, lane, begin, 4, buffers.reach)
    for i in range(CONTEXTS):  # if two contexts share a line, both copies hold it as it was
        line = (view.homes[lane, i] & last) * np.uint64(hash_table.LINE_SIZE)
        for k in range(hash_table.LINE_SIZE):
            table[line + np.uint64(k)] = buffers.lines[i, k]


@inlined
def _find_best(state, view, tree, lane, buffers, expected, chances):
    """The likeliest bytes of a lane at a byte's beginning, and their probabilities, into expected and chances (BEST,),
    the likeliest first."""
    for i in range(REGISTERS):
        view.registers[lane, i] = state.registers[lane, i]
    for i in range(CONTEXTS):
        view.slots[lane, i] = state.slots[lane, i]
    _nibble_probabilities(state, view, tree, lane, 1, 0, buffers.reach)
    for i in range(16):
        buffers.high[i] = buffers.reach[16 + i]
    buffers.best[:] = 0.0
    buffers.bytes[:] = 0
    for _ in range(16):
        nibble = 0
        for i in range(1, 16):
            nibble = i if buffers.high[i] > buffers.high[nibble] else nibble
        likely = buffers.high[nibble]
        if likely <= buffers.best[BEST - 1]:
            break
        buffers.high[nibble] = -1.0
        _byte_probabilities(state, view, tree, lane, nibble, buffers)
        for low in range(16):
            _enter_best(likely * buffers.reach[16 + low], 16 * nibble + low, buffers.best, buffers.bytes)
    for k in range(BEST):
        expected[k], chances[k] = buffers.bytes[k], buffers.best[k]


@inlined
def _enter_best(chance, byte, best, numbers):
    """Enter a byte into the list of the best, if it is likely enough."""
    for k in range(BEST):
        if chance > best[k]:
            for later in range(BEST - 1, k, -1):
                best[later], numbers[later] = best[later - 1], numbers[later - 1]
            best[k], numbers[k] = chance, byte
            return


@compiled
def _encode_with_lookahead(state, trees, steps, learning, active, ones, bits, view, buffers, expected, chances, mixed):
    """As ``predictor._take_steps``; and before each byte fill expected and chances (steps, active, BEST), and for all
    bits their probabilities without the correction, mixed (steps, 8 active)."""
    size = group_size(state.registers.shape[0])
    for step in range(steps):
        for first in range(0, active, size):
            learnt, end, place = min(first + size, active if step else learning), min(first + size, active), 8 * first
            for bit in range(8):
                advance_lanes(state, trees[step], bit, first, end if bit else learnt, end)
                for lane in range(first, end):
                    if bit == 0:
                        _find_best(state, view, trees[step], lane, buffers, expected[step, lane], chances[step, lane])
                    y = (state.raw[state.registers[lane, POSITION]] >> (7 - bit)) & 1
                    ones[step, place] = state.ones[lane]
                    mixed[step, place] = squash(np.int64(state.mixed[lane]))
                    bits[step, place] = y
                    state.bits[lane] = y
                    place += 1


class Lookahead(NamedTuple):
    """Of each byte of a block: prior (n,) its bits by the prior alone, NaN without one; mixed (n,) its bits by prior
    and memory without the correction; expected (n, BEST) uint8, the likeliest bytes; chances (n, BEST), the
    probabilities of those."""

    prior: npt.NDArray[np.float32]
    mixed: npt.NDArray[np.float32]
    expected: npt.NDArray[np.uint8]
    chances: npt.NDArray[np.float32]

    @classmethod
    def nothing(cls, size: int) -> Lookahead:
        """The lookahead of a block of which nothing is expected."""
        prior, mixed = np.full(size, np.nan, np.float32), np.full(size, 8, np.float32)
        return cls(prior, mixed, np.zeros((size, BEST), np.uint8), np.zeros((size, BEST), np.float32))


_WRITTEN = ("registers", "homes", "slots", "inputs", "layer", "rows", "logits", "mixed", "ones")
"""The arrays of a predictor's state that looking ahead writes to."""


class LookaheadEncoder:
    """Takes the stretches of a block, as ``predictor.encode_stretch``, and fills ``lookahead`` meanwhile."""

    def __init__(self, size: int) -> None:
        """size: bytes of the block."""
        self.lookahead = Lookahead.nothing(size)
        self._buffers = LookaheadBuffers(
            aligned((CONTEXTS, hash_table.LINE_SIZE), np.uint8),
            np.zeros(32),
            np.zeros(16),
            np.zeros(BEST),
            np.zeros(BEST, np.int64),
        )
        self._view: State | None = None

    def __call__(
        self,
        predictor: Predictor,
        stretch: Stretch,
        trees: npt.NDArray[np.int32],
        ones: npt.NDArray[np.uint16],
        bits: npt.NDArray[np.uint8],
    ) -> None:
        state, (first, steps, learning, active) = predictor.state, stretch
        if self._view is None:
            written: dict[str, Any] = {name: aligned_copy(getattr(state, name)) for name in _WRITTEN}
            corrected = {name: aligned_copy(getattr(state.correction, name)) for name in ("cells", "hidden")}
            self._view = state._replace(**written, correction=state.correction._replace(**corrected))
        expected, chances = np.empty((steps, active, BEST), np.uint8), np.empty((steps, active, BEST), np.float32)
        mixed = np.empty((steps, 8 * active), np.uint16)
        room = self._view, self._buffers, expected, chances, mixed
        _encode_with_lookahead(state, trees, steps, learning, active, ones, bits, *room)
        places = state.registers[:active, START] + np.arange(first, first + steps)[:, None]
        self.lookahead.expected[places], self.lookahead.chances[places] = expected, chances
        surprisals = -np.log2(np.where(bits == 1, mixed, 65536.0 - mixed) / 65536)
        self.lookahead.mixed[places] = by_lane(surprisals, len(state.registers)).sum(1)
        if trees.shape[1]:
            leaves = np.take_along_axis(trees[:steps, :active], 256 + state.raw[places][:, :, None].astype(np.int64), 2)
            self.lookahead.prior[places] = FREQUENCY_BITS - np.log2(leaves[:, :, 0])


@dataclass(frozen=True)
class BlockLookahead:
    """How a block is coded, what its bytes cost, and what was expected.

    mode, lanes, profile: as in its header, the profile by name, but 1 and none if it is in parts; coded: the bytes as
    they are coded, which differ from ``raw`` where targets of x86 code were made absolute; costs (n,): bits of each
    byte; memory (n,): bits of each byte by the memory alone, in the best mode without the prior.  Of a stored block all
    costs are 8, and nothing is expected: all chances are 0.
    """

    raw: bytes
    coded: bytes
    mode: int
    lanes: int
    profile: str
    costs: npt.NDArray[np.float64]
    memory: npt.NDArray[np.float64]
    lookahead: Lookahead


def look_ahead(raw: bytes, options: CodingOptions, advance: Advance | None = None) -> BlockLookahead:
    """A block of at least one byte as ``codec.encode_block`` codes it, with the same options."""
    plan = coding.plan(raw, options)
    found = [_look_ahead(content, options, advance, known) for content, known in plan.parts_of(raw)]
    if len(found) == 1:
        return found[0]
    coded = b"".join(parts.pieces([part.coded for part in found], plan.stretches))
    costs, memory = plan.joined([part.costs for part in found]), plan.joined([part.memory for part in found])
    lookahead = Lookahead(
        *(plan.joined(list(arrays)) for arrays in zip(*(part.lookahead for part in found), strict=True))
    )
    return BlockLookahead(raw, coded, block_header.PARTS, 1, "", costs, memory, lookahead)


def _look_ahead(
    raw: bytes, options: CodingOptions, advance: Advance | None, sampled: BlockCoding | None
) -> BlockLookahead:
    """A block or a part of one, as ``coding.code_block`` codes it."""
    encoder = LookaheadEncoder(len(raw))
    coded = coding.code_block(raw, options, advance, encoder, sampled=sampled, keep_costs=True)
    best = coded.coding
    if best is None:
        eight = np.full(len(raw), 8.0)
        return BlockLookahead(raw, raw, block_header.STORED, 1, "", eight, eight, Lookahead.nothing(len(raw)))
    costs = memory = best.byte_costs()
    if best.mode.prior:
        without = coding.sampled_codings(coded.transformed, replace(options, prior="off"))[0].mode
        memory = BlockCoding(coded.transformed, replace(options, lanes=None), without, keep_costs=True).byte_costs()
    shape = best.shape
    return BlockLookahead(
        raw, coded.transformed, best.mode.number, shape.lanes, shape.profile.name, costs, memory, encoder.lookahead
    )


def prepare_lookahead(announce: Callable[[], None] | None = None, *, prior: bool) -> None:
    """Compile the kernels once, as ``codec.prepare_kernels``, and the kernel of looking ahead."""
    codec.prepare_kernels(announce, prior=prior, lookahead=compile_lookahead)


def compile_lookahead() -> None:
    """Compile the kernel by looking ahead at one byte."""
    predictor = Predictor(BlockShape(1, 1, 16, PROFILES[0]), untrained_state())
    predictor.run(np.frombuffer(b"\0", np.uint8), encode=LookaheadEncoder(1))
