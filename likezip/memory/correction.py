"""The correction: a small network over bit histories, trained beforehand, that goes on learning while it codes.

It is the last stage of a prediction.  Each feature of a bit - the state of a context, what a match expects, the bits so
far, the last bytes, the logit of the mixer, a context with the bits so far - chooses a row of a table; the sum of the
rows, through a rectifier and weights for the bits so far, corrects the mixed logit:

    hidden = sum over features f of rows[f, value of f]
    logit  = mixed + outputs[bits so far] . max(hidden, 0)

Only rows are added, as in the efficiently updated networks of chess engines (Y. Nasu, "Efficiently updatable
neural-network-based evaluation functions for computer shogi", 2018).  Every bit that was expected badly, and a share of
the others, moves rows and outputs down the gradient of its cost, by a step that falls with the root of the sum of
squared gradients of that row (J. Duchi et al., "Adaptive subgradient methods", 2011).

    rows     int16   in 2^-14, |row| <= 2
    hidden   int32   in 2^-14
    outputs  int32   in 2^-20, |output| < 2
    moves            gradients: of the hidden numbers in 2^-14, of the outputs in 2^-12, below 2^15
    squares  uint32  sums of squared gradients, in 2^-22

Why nothing overflows: rows are added four at a time, saturated to 16 bits, and the eight sums to at most 2^18.  An
activation, in 2^-12, is kept below 2^15, and an output shifted right by 6 is below 2^15, so their product is below
2^30, and WIDTH of them shifted right by 6 sum to less than 2^29.  An error is below 2^16, so error x output and error x
activation are below 2^31; shifted right by 16 they are moves below 2^15, whose squares shifted right by 6 sum to less
than 2^29.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined, table
from likezip.kernels.hashing import MIX_A, MIX_C
from likezip.kernels.intrinsics import aligned, leading_zeros, prefetch, shift_right
from likezip.kernels.table_rows import row_step, row_sum
from likezip.memory import mixer
from likezip.memory.match_models import MINIMA
from likezip.memory.profiles import PAIRED, TOLD
from likezip.memory.registers import HISTORY, KNOWN_CONTEXTS, PARTIAL

WIDTH = 32
"""Numbers of a row."""

HISTORIES = TOLD + len(MINIMA)
"""The first features are the states of the profile's first TOLD contexts, and what the matches expect."""
BITS_SO_FAR, LAST_BYTE, BYTE_BEFORE, THIRD_BYTE, KNOWN, MIXED, PRIOR_LOGIT = range(HISTORIES, HISTORIES + 7)
PAIRS = HISTORIES + 7
"""The features from here on are the profile's paired contexts, each hashed with the bits so far."""
FEATURES = PAIRS + PAIRED
VALUES = 256
"""Values of a feature before PAIRS."""
PAIR_BITS = 11
"""log2 of the rows of a feature from PAIRS on."""
ROWS = PAIRS * VALUES + (PAIRED << PAIR_BITS)
FIRST_ROW = np.array([VALUES * min(f, PAIRS) + (max(f - PAIRS, 0) << PAIR_BITS) for f in range(FEATURES + 1)])
"""(FEATURES + 1,): where the rows of each feature begin, and where the last ones end."""

OUTPUT_LIMIT = (1 << 21) - 1
SMALL_ERROR, RARELY, FAIR_ERROR, SOMETIMES = 512, 8, 4096, 4
"""Of the bits with an error below SMALL_ERROR / 65536 one of RARELY is learnt, RARELY times as much; of the others
below FAIR_ERROR / 65536 one of SOMETIMES, SOMETIMES times as much."""
LOGIT_SHIFT = 5
"""A logit is a feature in steps of 2^LOGIT_SHIFT / 256 nat, of which there are 178."""

RATE_INVERSE = 25
"""The first step of a row is about 1 / RATE_INVERSE, whatever the gradient."""
MANTISSA_BITS = 3
"""Bits of a sum of squares that count, behind the first."""

TURN = 40503
"""The dither of a row differs by so much from that of the row before, that of a bit from that of the bit before: 2^16
by the golden ratio, so that what follows each other is spread evenly."""
LANE_TURNS = (np.arange(WIDTH) * 25033 % 65536).astype(np.uint16)
"""(WIDTH,): where the dither of each number of a row begins; one from the next by 2^16 by the golden ratio squared."""


def _steps() -> npt.NDArray[np.int16]:
    """1 / (RATE_INVERSE sqrt(squares)), times 2^27, rounded down, at most 32767, by octave and mantissa of the squares.

    A step times a move, shifted right by 16, is in 2^-14: 27 = 16 + 22 / 2.
    """
    octaves = [octave for octave in range(32) for _ in range(1 << MANTISSA_BITS)]
    odds = [2 * (8 | number & 7) + 1 for number in range(32 << MANTISSA_BITS)]  # middles, in 1/16
    roots = [isqrt((1 << 58) // (RATE_INVERSE**2 * odd << octave)) for odd, octave in zip(odds, octaves, strict=True)]
    return np.array(roots).clip(0, 32767).astype(np.int16)


STEPS: npt.NDArray[np.int16] = table(_steps)
"""(256,) int16."""

_add_rows, _move_rows = row_sum(FEATURES, WIDTH), row_step(FEATURES, WIDTH, TURN)


TABLES: dict[str, tuple[tuple[int, ...], type]] = {
    "rows": ((ROWS, WIDTH), np.int16),
    "squares": ((ROWS,), np.uint32),
    "outputs": ((VALUES, WIDTH), np.int32),
    "output_squares": ((VALUES,), np.uint32),
}
"""Shape and dtype of each of ``CorrectionTables``."""


class CorrectionTables(NamedTuple):
    """What is trained beforehand, and goes on learning; the arrays as ``Correction`` has them."""

    rows: npt.NDArray[np.int16]
    squares: npt.NDArray[np.uint32]
    outputs: npt.NDArray[np.int32]
    output_squares: npt.NDArray[np.uint32]

    @classmethod
    def nothing(cls) -> CorrectionTables:
        """A correction that corrects nothing, and learns nothing."""
        return cls(*(aligned(shape, dtype) for shape, dtype in TABLES.values()))

    @classmethod
    def untrained(cls) -> CorrectionTables:
        """What training begins with: small random numbers, since equal ones would stay equal."""
        learnt, random = cls.nothing(), np.random.default_rng(0)
        learnt.rows[...] = np.rint(random.standard_normal(learnt.rows.shape) * 0.05 * (1 << 14))
        learnt.rows[BITS_SO_FAR * VALUES : LAST_BYTE * VALUES] += int(0.1 * (1 << 14))
        learnt.outputs[...] = np.rint(random.standard_normal(learnt.outputs.shape) * 0.1 * (1 << 20))
        return learnt


class Correction(NamedTuple):
    """What a block's correction has learnt, and buffers; hashes, cells and hidden have a row for each lane."""

    rows: npt.NDArray[np.int16]  # (ROWS, WIDTH)
    squares: npt.NDArray[np.uint32]  # (ROWS,)
    outputs: npt.NDArray[np.int32]  # (256, WIDTH)
    output_squares: npt.NDArray[np.uint32]  # (256,)
    hashes: npt.NDArray[np.uint64]  # (lanes, PAIRED), of the paired contexts
    cells: npt.NDArray[np.uint32]  # (lanes, FEATURES), the rows that a lane's features choose
    hidden: npt.NDArray[np.int32]  # (lanes, WIDTH)
    steps: npt.NDArray[np.int16]  # (FEATURES,)
    moves: npt.NDArray[np.int16]  # (WIDTH,)
    dither: npt.NDArray[np.uint16]  # (WIDTH,)

    @classmethod
    def of(cls, learnt: CorrectionTables, lanes: int) -> Correction:
        """The correction of a block in ``lanes`` lanes, which changes the arrays of ``learnt``."""
        return cls(
            *learnt,
            hashes=aligned((lanes, PAIRED), np.uint64),
            cells=aligned((lanes, FEATURES), np.uint32),
            hidden=aligned((lanes, WIDTH), np.int32),
            steps=aligned(FEATURES, np.int16),
            moves=aligned(WIDTH, np.int16),
            dither=aligned(WIDTH, np.uint16),
        )


@inlined
def choose_pairs(partial, network, lane):
    """Choose the rows of a lane's paired contexts with the bits so far, and prefetch them."""
    cells, hashes = network.cells[lane], network.hashes[lane]
    for k in range(PAIRED):
        value = (hashes[k] + np.uint64(partial) * MIX_C) * MIX_A
        cell = np.uint64(PAIRS * VALUES + (k << PAIR_BITS)) + (value >> np.uint64(64 - PAIR_BITS))
        cells[PAIRS + k] = cell
        expect_row(network.rows, cell)


@inlined
def choose_cells(registers, bit, mixed, prior, cells):
    """Choose the rows of the features between histories and pairs for ``bit``; mixed, prior: logits."""
    history = registers[HISTORY]
    cells[BITS_SO_FAR] = BITS_SO_FAR * VALUES + registers[PARTIAL]
    cells[LAST_BYTE] = LAST_BYTE * VALUES + (history & 255)
    cells[BYTE_BEFORE] = BYTE_BEFORE * VALUES + ((history >> 8) & 255)
    cells[THIRD_BYTE] = THIRD_BYTE * VALUES + ((history >> 16) & 255)
    cells[KNOWN] = KNOWN * VALUES + 32 * bit + registers[KNOWN_CONTEXTS]
    cells[MIXED] = MIXED * VALUES + _logit_value(mixed)
    cells[PRIOR_LOGIT] = PRIOR_LOGIT * VALUES + _logit_value(prior)


@inlined
def expect_row(rows, cell):
    """Prefetch a row that ``correct`` will read."""
    prefetch(rows, np.uint64(cell) * np.uint64(WIDTH))


@inlined
def _logit_value(logit: int) -> int:
    """The value of a logit as a feature."""
    return (logit + mixer.LOGIT_LIMIT) >> LOGIT_SHIFT


@inlined
def correct(mixed, partial, network, lane):
    """The corrected logit of a lane, whose ``cells`` are chosen; partial: the bits so far."""
    hidden, outputs = network.hidden[lane], network.outputs[np.uint64(partial)]
    _add_rows(network.rows, network.cells[lane], hidden)
    total = np.int32(0)
    for j in range(WIDTH):
        product = np.int32(_activation(hidden[j]) * shift_right(outputs[j], np.int32(6)))
        total = np.int32(total + shift_right(product, np.int32(6)))
    return mixer.clamp_logit(mixed + (np.int64(total) >> 12))


@inlined
def _activation(hidden):
    return min(shift_right(max(hidden, np.int32(0)), np.int32(2)), np.int32(32767))


@inlined
def _output_move(error, hidden):
    """The gradient of an output."""
    return shift_right(np.int32(error * _activation(hidden)), np.int32(16))


@inlined
def _step(squares, place, square):
    """Add ``square`` to the sum at ``place``, which stays below 2^32; the step for it."""
    total = np.uint64(min(np.int64(squares[place]) + square, np.int64(0xFFFFFFFF)))
    squares[place] = total
    octave = np.uint64(63) - np.uint64(leading_zeros(total | np.uint64(1)))
    mantissa = ((total << np.uint64(MANTISSA_BITS)) >> octave) & np.uint64((1 << MANTISSA_BITS) - 1)
    return STEPS[(octave << np.uint64(MANTISSA_BITS)) + mantissa]


@inlined
def learn(visit, error, partial, network, lane):
    """One gradient step.  visit: the bit's place in the block, in bits; error: 65536 bit - p; partial: the bits so
    far."""
    share = RARELY if abs(error) < SMALL_ERROR else SOMETIMES if abs(error) < FAIR_ERROR else 1
    if ((visit * 0x9E3779B1) & 0xFFFFFFFF) >> 29 & (share - 1):
        return
    error *= share
    hidden, cells, outputs = network.hidden[lane], network.cells[lane], network.outputs[np.uint64(partial)]
    moves, error, turn = network.moves, np.int32(error), np.uint16(visit * TURN)
    row_square, output_square = np.int32(0), np.int32(0)
    for j in range(WIDTH):
        move = shift_right(np.int32(error * shift_right(outputs[j], np.int32(6))), np.int32(16))
        move = move if hidden[j] > 0 else np.int32(0)
        moves[j] = move
        output_move = _output_move(error, hidden[j])
        row_square = np.int32(row_square + shift_right(np.int32(move * move), np.int32(6)))
        output_square = np.int32(output_square + shift_right(np.int32(output_move * output_move), np.int32(6)))
        network.dither[j] = LANE_TURNS[j] + turn
    step = np.int32(_step(network.output_squares, np.uint64(partial), output_square >> 1))
    for j in range(WIDTH):
        move = shift_right(np.int32(np.int32(_output_move(error, hidden[j]) * step) + np.int32(128)), np.int32(8))
        outputs[j] = min(max(np.int32(outputs[j] + move), np.int32(-OUTPUT_LIMIT)), np.int32(OUTPUT_LIMIT))
    for f in range(FEATURES):
        network.steps[f] = _step(network.squares, np.uint64(cells[f]), row_square >> 5)
    _move_rows(network.rows, cells, network.steps, moves, network.dither)
