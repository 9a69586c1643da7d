"""Profiles: which contexts a block is modelled with.  A context is one line of a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from likezip.memory.registers import (
    ABOVE,
    ACROSS,
    ACROSS_ABOVE,
    AFTER_BYTE,
    AFTER_PAIR,
    ALIGNED,
    BEFORE,
    BEST_NUMBER,
    BYTE_ABOVE,
    COLUMN,
    CURVE,
    EIGHTHS,
    EXPECTED,
    EXPECTED_BYTE,
    FIRST,
    INDIRECT,
    INSTRUCTION,
    IS_ABOVE,
    LANE,
    LATEST,
    LINE_ABOVE,
    LINE_ON,
    MORE_NUMBERS,
    NEIGHBOURS,
    NO_REGISTER,
    NUMBERS,
    PLACE,
    PLANE,
    RIGHT,
    RUN,
    SCALE,
    SECOND,
    SHAPE,
    SLOPE,
    SLOPE_ABOVE,
    SLOW_ESTIMATE,
    TEMPLATE,
    WORD,
    WORD_PAIR,
    WORD_TRIPLE,
)
from likezip.memory.x86_state import BEFORE_MODRM, BEFORE_OPCODE, BEFORE_OPCODE_2, NOW, OPCODE, OPCODE_AT, PHASE

CONTEXTS = 28
"""The number of contexts of each profile."""
TOLD = 16
"""The first contexts of a profile, whose bit histories the correction is told."""
PAIRED = 7
"""The number of paired contexts of each profile."""
ALL = (1 << 64) - 1


@dataclass(frozen=True)
class Context:
    """A context: the bits of the last eight bytes that ``history`` masks, the bits of a register that ``mask`` masks,
    and if it is ``local`` the lane."""

    name: str
    history: int
    register: int = NO_REGISTER
    mask: int = ALL
    local: bool = False


@dataclass(frozen=True)
class Profile:
    """CONTEXTS contexts; paired: PAIRED contexts that the correction is told together with the bits so far; choices: a
    register and a mask of its bits for each of the two weight sets whose rows the profile chooses; lasting: the length
    from which on a match survives wrong bytes."""

    name: str
    contexts: tuple[Context, ...]
    paired: tuple[Context, ...]
    choices: tuple[tuple[int, int], tuple[int, int]]
    lasting: int

    @cached_property
    def table(self) -> npt.NDArray[np.uint64]:
        """(CONTEXTS + PAIRED + 2, 4) uint64 for kernels, which only read it: history, register, mask, local of each
        context and paired context; the last two rows are the choices."""
        rows = [(c.history, c.register, c.mask, c.local) for c in self.contexts + self.paired]
        return np.array([*rows, *((0, register, mask, 0) for register, mask in self.choices)], np.uint64)


ROW = IS_ABOVE | BYTE_ABOVE

TEXT = Profile(
    "text",
    (
        Context("order 1", 0xFF),
        Context("order 2", 0xFFFF),
        Context("order 3", 0xFFFFFF),
        Context("order 4", 0xFFFFFFFF),
        Context("order 6", 0xFFFFFFFFFFFF),
        Context("order 8", 0xFFFFFFFFFFFFFFFF),
        Context("word", 0x0, WORD),
        Context("word pair", 0x0, WORD_PAIR),
        Context("word triple", 0x0, WORD_TRIPLE),
        Context("word and last but two", 0xFF0000, WORD),
        Context("shape of 8", 0x0, SHAPE),
        Context("shape of 8 and last", 0xFF, SHAPE),
        Context("shape of 5", 0x0, SHAPE, 0xFFFFFFFFFF),
        Context("shape of 3 and last two", 0xFFFF, SHAPE, 0xFFFFFF),
        Context("template", 0x0, TEMPLATE),
        Context("expected byte", 0x0, EXPECTED),
        Context("expected byte and last", 0xFF, EXPECTED),
        Context("followers of two", 0x0, INDIRECT, AFTER_PAIR),
        Context("last and its follower", 0xFF, INDIRECT, AFTER_BYTE & LATEST),
        Context("field above", 0x0, NEIGHBOURS, ROW | COLUMN),
        Context("above, its right and last", 0xFF, NEIGHBOURS, ROW | RIGHT),
        Context("aligned byte", 0x0, NEIGHBOURS, ALIGNED),
        Context("aligned byte and last two", 0xFFFF, NEIGHBOURS, ALIGNED),
        Context("aligned byte and order 3", 0xFFFFFF, NEIGHBOURS, ALIGNED),
        Context("aligned byte and column", 0x0, NEIGHBOURS, ALIGNED | COLUMN),
        Context("distance 2", 0xFF00),
        Context("high nibbles", 0xF0F0F0F0),
        Context("last and three bits of three before", 0xE0E0E0FF),
    ),
    (
        Context("last byte", 0xFF),
        Context("last two bytes", 0xFFFF),
        Context("last three bytes", 0xFFFFFF),
        Context("word", 0x0, WORD),
        Context("expected byte", 0x0, EXPECTED, EXPECTED_BYTE),
        Context("shape of 3", 0x0, SHAPE, 0xFFFFFF),
        Context("column", 0x0, NEIGHBOURS, COLUMN),
    ),
    ((SHAPE, 0xFFFFFF), (RUN, ALL)),
    lasting=16,
)

RECORDS = Profile(
    "records",
    (
        Context("order 1", 0xFF),
        Context("order 3", 0xFFFFFF),
        Context("order 6", 0xFFFFFFFFFFFF),
        Context("last and followers of two", 0xFF, INDIRECT, AFTER_PAIR),
        Context("expected byte", 0x0, EXPECTED),
        Context("expected byte and last", 0xFF, EXPECTED),
        Context("above and last two", 0xFFFF, NEIGHBOURS, ROW),
        Context("column", 0x0, NEIGHBOURS, COLUMN),
        Context("column and last", 0xFF, NEIGHBOURS, COLUMN),
        Context("column and above", 0x0, NEIGHBOURS, ROW | COLUMN),
        Context("column, above and its right", 0x0, NEIGHBOURS, ROW | RIGHT | COLUMN),
        Context("column and two above", 0x0, NEIGHBOURS, ROW | SECOND | COLUMN),
        Context("slope and above", 0x0, NEIGHBOURS, SLOPE | ROW),
        Context("high nibbles", 0xF0F0F0F0),
        Context("distances 2 and 4", 0xFF00FF00),
        Context("high nibbles of three", 0xF0F0F0),
        Context("word", 0x0, WORD),
        Context("latest followers", 0x0, INDIRECT, LATEST),
        Context("shape", 0x0, SHAPE),
        Context("expected byte and order 2", 0xFFFF, EXPECTED),
        Context("two above", 0x0, NEIGHBOURS, ROW | SECOND),
        Context("column, distances 4 and 5", 0xFFFF000000, NEIGHBOURS, COLUMN),
        Context("column, high nibbles of distances 4 and 8", 0xF0000000F0000000, NEIGHBOURS, COLUMN),
        Context("distance 2", 0xFF00),
        Context("distance 8", 0xFF00000000000000),
        Context("skip 2", 0xFFFF0000),
        Context("skip 2 and 6", 0xFFFF0000FFFF0000),
        Context("last, distances 5 and 6", 0xFFFF000000FF),
    ),
    (
        Context("last byte", 0xFF),
        Context("last two bytes", 0xFFFF),
        Context("byte above", 0x0, NEIGHBOURS, BYTE_ABOVE),
        Context("byte two above", 0x0, NEIGHBOURS, SECOND),
        Context("column", 0x0, NEIGHBOURS, COLUMN),
        Context("distance 4", 0xFF000000),
        Context("expected byte", 0x0, EXPECTED, EXPECTED_BYTE),
    ),
    ((SHAPE, 0xFFFFFF), (NEIGHBOURS, COLUMN)),
    lasting=5,
)

CODES = Profile(
    "code",
    (
        Context("order 1", 0xFF),
        Context("order 2", 0xFFFF),
        Context("order 3", 0xFFFFFF),
        Context("distances 2 and 4", 0xFF00FF00),
        Context("word", 0x0, WORD),
        Context("upper five bits of three", 0xF8F8F8),
        Context("instruction", 0x0, INSTRUCTION, NOW),
        Context("instruction and last", 0xFF, INSTRUCTION, NOW),
        Context("opcode", 0x0, INSTRUCTION, PHASE | OPCODE << OPCODE_AT),
        Context("followers of two", 0x0, INDIRECT, AFTER_PAIR),
        Context("phase, last and instruction before", 0xFF, INSTRUCTION, PHASE | BEFORE_OPCODE | BEFORE_MODRM),
        Context("expected byte and last", 0xFF, EXPECTED),
        Context("above and last", 0xFF, NEIGHBOURS, ROW),
        Context("two above", 0x0, NEIGHBOURS, ROW | SECOND),
        Context("high nibbles", 0xF0F0F0F0),
        Context("skip 2 and 6", 0xFFFF0000FFFF0000),
        Context("order 6", 0xFFFFFFFFFFFF),
        Context("word pair", 0x0, WORD_PAIR),
        Context("shape", 0x0, SHAPE),
        Context("instruction, two opcodes before", 0x0, INSTRUCTION, NOW | BEFORE_OPCODE | BEFORE_OPCODE_2),
        Context("expected byte", 0x0, EXPECTED),
        Context("expected byte and order 2", 0xFFFF, EXPECTED),
        Context("column and last", 0xFF, NEIGHBOURS, COLUMN),
        Context("column and above", 0x0, NEIGHBOURS, ROW | COLUMN),
        Context("latest followers", 0x0, INDIRECT, LATEST),
        Context("distance 2", 0xFF00),
        Context("distance 3", 0xFF0000),
        Context("last, distances 5 and 6", 0xFFFF000000FF),
    ),
    (
        Context("last byte", 0xFF),
        Context("last two bytes", 0xFFFF),
        Context("instruction", 0x0, INSTRUCTION, NOW),
        Context("instruction, opcode before", 0x0, INSTRUCTION, NOW | BEFORE_OPCODE),
        Context("phase and last", 0xFF, INSTRUCTION, PHASE),
        Context("expected byte", 0x0, EXPECTED, EXPECTED_BYTE),
        Context("shape of 3", 0x0, SHAPE, 0xFFFFFF),
    ),
    ((INSTRUCTION, PHASE | OPCODE << OPCODE_AT), (SHAPE, 0xFFFFFF)),
    lasting=5,
)

BESIDE_PRIOR = Profile(
    "both",
    (
        Context("order 2", 0xFFFF),
        Context("order 3", 0xFFFFFF),
        Context("order 4", 0xFFFFFFFF),
        Context("word", 0x0, WORD),
        Context("word triple", 0x0, WORD_TRIPLE),
        Context("shape and last", 0xFF, SHAPE),
        Context("template", 0x0, TEMPLATE),
        Context("skip 2", 0xFFFF0000),
        Context("high nibbles", 0xF0F0F0F0),
        Context("local order 2", 0xFFFF, local=True),
        Context("local order 4", 0xFFFFFFFF, local=True),
        Context("local order 6", 0xFFFFFFFFFFFF, local=True),
        Context("local word", 0x0, WORD, local=True),
        Context("local word pair", 0x0, WORD_PAIR, local=True),
        Context("local shape", 0x0, SHAPE, local=True),
        Context("local distance 2", 0xFF00, local=True),
        Context("order 1", 0xFF),
        Context("aligned byte and last two", 0xFFFF, NEIGHBOURS, ALIGNED),
        Context("word pair", 0x0, WORD_PAIR),
        Context("above and last", 0xFF, NEIGHBOURS, ROW),
        Context("field above", 0x0, NEIGHBOURS, ROW | COLUMN),
        Context("expected byte and last", 0xFF, EXPECTED),
        Context("expected byte and order 2", 0xFFFF, EXPECTED),
        Context("followers of two", 0x0, INDIRECT, AFTER_PAIR),
        Context("template and last", 0xFF, TEMPLATE),
        Context("aligned byte and column", 0x0, NEIGHBOURS, ALIGNED | COLUMN),
        Context("local order 1", 0xFF, local=True),
        Context("local distance 4", 0xFF00FF00, local=True),
    ),
    (
        Context("last byte", 0xFF),
        Context("last two bytes", 0xFFFF),
        Context("word", 0x0, WORD),
        Context("byte above", 0x0, NEIGHBOURS, BYTE_ABOVE),
        Context("expected byte", 0x0, EXPECTED, EXPECTED_BYTE),
        Context("shape of 3", 0x0, SHAPE, 0xFFFFFF),
        Context("column", 0x0, NEIGHBOURS, COLUMN),
    ),
    ((SHAPE, 0xFFFFFF), (LANE, ALL)),
    lasting=16,
)
"""The profile of all blocks with the prior, which have many lanes: that of text, with a third of the contexts local to
the lane."""

ARRAYS = Profile(
    "numbers",
    (
        Context("order 1", 0xFF),
        Context("order 3", 0xFFFFFF),
        Context("order 6", 0xFFFFFFFFFFFF),
        Context("least squares", 0x0, BEST_NUMBER, FIRST | PLACE),
        Context("least squares and last", 0xFF, BEST_NUMBER, FIRST | PLACE),
        Context("expected byte and last", 0xFF, EXPECTED),
        Context("above and last two", 0xFFFF, NEIGHBOURS, ROW),
        Context("column", 0x0, NEIGHBOURS, COLUMN),
        Context("column and last", 0xFF, NEIGHBOURS, COLUMN),
        Context("column and above", 0x0, NEIGHBOURS, ROW | COLUMN),
        Context("before, above and plane", 0x0, NUMBERS, BEFORE | ABOVE | PLANE | PLACE),
        Context("plane and across", 0x0, NUMBERS, PLANE | ACROSS | PLACE),
        Context("plane", 0x0, NUMBERS, PLANE | PLACE),
        Context("line", 0x0, NUMBERS, LINE_ON | PLACE),
        Context("across", 0x0, NUMBERS, ACROSS | PLACE),
        Context("mean", 0x0, MORE_NUMBERS, FIRST | PLACE),
        Context("curve", 0x0, MORE_NUMBERS, CURVE | PLACE),
        Context("mean and slope above", 0x0, MORE_NUMBERS, FIRST | SLOPE_ABOVE | PLACE),
        Context("mean and across above", 0x0, MORE_NUMBERS, FIRST | ACROSS_ABOVE | PLACE),
        Context("followers of one", 0x0, INDIRECT, AFTER_BYTE),
        Context("two above", 0x0, NEIGHBOURS, ROW | SECOND),
        Context("least squares and plane", 0x0, NUMBERS, FIRST | PLANE | PLACE),
        Context("across above", 0x0, MORE_NUMBERS, ACROSS_ABOVE | PLACE),
        Context("line above", 0x0, MORE_NUMBERS, LINE_ABOVE | PLACE),
        Context("before and last", 0xFF, NUMBERS, BEFORE | PLACE),
        Context("mean and slow least squares", 0x0, MORE_NUMBERS, FIRST | SLOW_ESTIMATE | PLACE),
        Context("place and order 2", 0xFFFF, NUMBERS, PLACE),
        Context("least squares and across", 0x0, NUMBERS, FIRST | ACROSS | PLACE),
    ),
    (
        Context("least squares", 0x0, BEST_NUMBER, FIRST | PLACE),
        Context("fraction and scale", 0x0, BEST_NUMBER, EIGHTHS | SCALE | PLACE),
        Context("before", 0x0, NUMBERS, BEFORE | PLACE),
        Context("above", 0x0, NUMBERS, ABOVE | PLACE),
        Context("column", 0x0, NEIGHBOURS, COLUMN),
        Context("plane", 0x0, NUMBERS, PLANE | PLACE),
        Context("expected byte", 0x0, EXPECTED, EXPECTED_BYTE),
    ),
    ((BEST_NUMBER, SCALE | PLACE), (BEST_NUMBER, FIRST)),
    lasting=5,
)
"""The profile of numbers, as ``number_layout`` has them."""

PROFILES = (TEXT, RECORDS, CODES, ARRAYS)
"""The profiles of blocks without the prior, which have one lane, by their numbers in block headers."""
