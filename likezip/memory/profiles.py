"""Profiles: which contexts a block is modelled with.  A context is one line of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from likezip.memory.registers import (
    ABOVE,
    ALIGNED,
    CODE,
    COLUMN,
    EXPECTED,
    IS_ABOVE,
    LANE,
    RIGHT,
    ROWS,
    RUN,
    SECOND,
    SHAPE,
    SLOPE,
    TEMPLATE,
    WORD,
    WORD_PAIR,
    WORD_TRIPLE,
    ZERO,
)
from likezip.memory.x86_state import BEFORE_MODRM, BEFORE_OPCODE, BEFORE_OPCODE_2, NOW, OPCODE, OPCODE_AT, PHASE

CONTEXTS = 28
"""Of each profile."""
ALL = (1 << 64) - 1


@dataclass(frozen=True)
class Context:
    """What a context sees: the bits of the last eight bytes in ``history``, those of a register in ``mask``, and if it
    is ``local`` the lane."""

    name: str
    history: int
    register: int = ZERO
    mask: int = ALL
    local: bool = False


@dataclass(frozen=True)
class Profile:
    """CONTEXTS contexts, and of which registers which bits choose the rows of two weight sets."""

    name: str
    contexts: tuple[Context, ...]
    choices: tuple[tuple[int, int], tuple[int, int]]

    def table(self) -> npt.NDArray[np.uint64]:
        """(CONTEXTS + 2, 4) uint64 as kernels read it: history, register, mask, local; the last two choose weights."""
        rows = [(c.history, c.register, c.mask, c.local) for c in self.contexts]
        return np.array([*rows, *((0, register, mask, 0) for register, mask in self.choices)], np.uint64)


ROW = IS_ABOVE | ABOVE

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
        Context("expected byte and order 2", 0xFFFF, EXPECTED),
        Context("expected byte and order 3", 0xFFFFFF, EXPECTED),
        Context("field above", 0x0, ROWS, ROW | COLUMN),
        Context("above, its right and last", 0xFF, ROWS, ROW | RIGHT),
        Context("aligned byte", 0x0, ROWS, ALIGNED),
        Context("aligned byte and last two", 0xFFFF, ROWS, ALIGNED),
        Context("aligned byte and order 3", 0xFFFFFF, ROWS, ALIGNED),
        Context("aligned byte and column", 0x0, ROWS, ALIGNED | COLUMN),
        Context("distance 2", 0xFF00),
        Context("high nibbles", 0xF0F0F0F0),
        Context("last and three bits of three before", 0xE0E0E0FF),
    ),
    ((SHAPE, 0xFFFFFF), (RUN, ALL)),
)

RECORDS = Profile(
    "records",
    (
        Context("order 1", 0xFF),
        Context("order 3", 0xFFFFFF),
        Context("order 6", 0xFFFFFFFFFFFF),
        Context("column and order 2", 0xFFFF, ROWS, COLUMN),
        Context("word", 0x0, WORD),
        Context("word pair", 0x0, WORD_PAIR),
        Context("shape", 0x0, SHAPE),
        Context("expected byte", 0x0, EXPECTED),
        Context("expected byte and last", 0xFF, EXPECTED),
        Context("expected byte and order 2", 0xFFFF, EXPECTED),
        Context("above and last two", 0xFFFF, ROWS, ROW),
        Context("two above", 0x0, ROWS, ROW | SECOND),
        Context("column", 0x0, ROWS, COLUMN),
        Context("column and last", 0xFF, ROWS, COLUMN),
        Context("column, distances 4 and 5", 0xFFFF000000, ROWS, COLUMN),
        Context("column and above", 0x0, ROWS, ROW | COLUMN),
        Context("column, above and its right", 0x0, ROWS, ROW | RIGHT | COLUMN),
        Context("column and two above", 0x0, ROWS, ROW | SECOND | COLUMN),
        Context("column, high nibbles of distances 4 and 8", 0xF0000000F0000000, ROWS, COLUMN),
        Context("slope and above", 0x0, ROWS, SLOPE | ROW),
        Context("high nibbles", 0xF0F0F0F0),
        Context("distance 2", 0xFF00),
        Context("distances 2 and 4", 0xFF00FF00),
        Context("distances 4 and 8", 0xFF000000FF000000),
        Context("distance 8", 0xFF00000000000000),
        Context("skip 2", 0xFFFF0000),
        Context("skip 2 and 6", 0xFFFF0000FFFF0000),
        Context("last, distances 5 and 6", 0xFFFF000000FF),
    ),
    ((SHAPE, 0xFFFFFF), (ROWS, COLUMN)),
)

CODES = Profile(
    "code",
    (
        Context("order 1", 0xFF),
        Context("order 2", 0xFFFF),
        Context("order 3", 0xFFFFFF),
        Context("order 4", 0xFFFFFFFF),
        Context("order 6", 0xFFFFFFFFFFFF),
        Context("word", 0x0, WORD),
        Context("word pair", 0x0, WORD_PAIR),
        Context("shape", 0x0, SHAPE),
        Context("shape and last", 0xFF, SHAPE),
        Context("instruction", 0x0, CODE, NOW),
        Context("instruction and last", 0xFF, CODE, NOW),
        Context("instruction, opcode before", 0x0, CODE, NOW | BEFORE_OPCODE),
        Context("instruction, two opcodes before", 0x0, CODE, NOW | BEFORE_OPCODE | BEFORE_OPCODE_2),
        Context("all of instructions", 0x0, CODE),
        Context("phase, last and instruction before", 0xFF, CODE, PHASE | BEFORE_OPCODE | BEFORE_MODRM),
        Context("expected byte", 0x0, EXPECTED),
        Context("expected byte and last", 0xFF, EXPECTED),
        Context("expected byte and order 2", 0xFFFF, EXPECTED),
        Context("above and last", 0xFF, ROWS, ROW),
        Context("two above", 0x0, ROWS, ROW | SECOND),
        Context("column and last", 0xFF, ROWS, COLUMN),
        Context("column and above", 0x0, ROWS, ROW | COLUMN),
        Context("column and two above", 0x0, ROWS, ROW | SECOND | COLUMN),
        Context("high nibbles", 0xF0F0F0F0),
        Context("distance 2", 0xFF00),
        Context("distance 3", 0xFF0000),
        Context("skip 2 and 6", 0xFFFF0000FFFF0000),
        Context("last, distances 5 and 6", 0xFFFF000000FF),
    ),
    ((CODE, PHASE | OPCODE << OPCODE_AT), (SHAPE, 0xFFFFFF)),
)

BOTH = Profile(
    "both",
    (
        Context("order 1", 0xFF),
        Context("order 2", 0xFFFF),
        Context("order 3", 0xFFFFFF),
        Context("order 4", 0xFFFFFFFF),
        Context("aligned byte and last two", 0xFFFF, ROWS, ALIGNED),
        Context("word", 0x0, WORD),
        Context("word pair", 0x0, WORD_PAIR),
        Context("word triple", 0x0, WORD_TRIPLE),
        Context("above and last", 0xFF, ROWS, ROW),
        Context("field above", 0x0, ROWS, ROW | COLUMN),
        Context("shape and last", 0xFF, SHAPE),
        Context("template", 0x0, TEMPLATE),
        Context("expected byte and last", 0xFF, EXPECTED),
        Context("expected byte and order 2", 0xFFFF, EXPECTED),
        Context("skip 2", 0xFFFF0000),
        Context("high nibbles", 0xF0F0F0F0),
        Context("above and last two", 0xFFFF, ROWS, ROW),
        Context("template and last", 0xFF, TEMPLATE),
        Context("aligned byte and column", 0x0, ROWS, ALIGNED | COLUMN),
        Context("local order 1", 0xFF, local=True),
        Context("local order 2", 0xFFFF, local=True),
        Context("local order 4", 0xFFFFFFFF, local=True),
        Context("local order 6", 0xFFFFFFFFFFFF, local=True),
        Context("local word", 0x0, WORD, local=True),
        Context("local word pair", 0x0, WORD_PAIR, local=True),
        Context("local shape", 0x0, SHAPE, local=True),
        Context("local distance 2", 0xFF00, local=True),
        Context("local distance 4", 0xFF00FF00, local=True),
    ),
    ((SHAPE, 0xFFFFFF), (LANE, ALL)),
)
"""Of all blocks with the prior, whatever they hold, in many lanes: text, a third of its contexts local to the lane."""

PROFILES = (TEXT, RECORDS, CODES)
"""Without the prior, by their numbers in block headers; for one lane."""
