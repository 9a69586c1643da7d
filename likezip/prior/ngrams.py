"""Contexts of the prior's embeddings: which row of each table stands for the bytes before a position.

A table's context is made of some of the last eight bytes, of the classes of the last 16 (letters, digits, line ends
...), and of the words that they form: the one under way and the two before.  The last byte, or the last two, index
their tables directly; other contexts are hashed.  A row is chosen by integers alone, so training and coding agree on
every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import compiled, inlined
from likezip.kernels.hashing import MIX_A, MIX_B, MIX_C, MIX_D, folded_letter, scramble

LARGEST_BITS = 22
"""Log2 of a table's rows, at most."""


@dataclass(frozen=True)
class Feature:
    """A table: the parts of its context, and log2 of its rows.

    history: a bit for each of the last eight bytes that is part of the context, the lowest for the last byte; classes:
    likewise for the classes of the last 16 bytes; words: the number of words, from the current one back (0 to 3).
    """

    history: int
    bits: int
    words: int = 0
    classes: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.history < 256 and 0 <= self.classes < 1 << 16 and 0 <= self.words <= 3):
            raise ValueError(f"features: {self} is no context")
        if not 1 <= self.bits <= LARGEST_BITS:
            raise ValueError(f"features: a table has 2^1 to 2^{LARGEST_BITS} rows, not 2^{self.bits}")

    @classmethod
    def named(cls, text: str) -> Feature:
        """From parts joined by dots, h (history) and c (classes) in hexadecimal, w (words), then a slash and bits:
        h7/16 is order 3 in 2^16 rows, h1.w2/17 the last byte and two words.  Raises ValueError for anything else."""
        parts, _, bits = text.partition("/")
        names, sizes = {"h": "history", "c": "classes", "w": "words"}, {"history": 0}
        for part in parts.split("."):
            if part[:1] not in names:
                raise ValueError(f"{text!r} is no context")
            sizes[names[part[0]]] = int(part[1:], 16)
        return cls(**sizes, bits=int(bits))

    @property
    def is_direct(self) -> bool:
        """Whether each context has a row of its own."""
        orders = {0x1: 8, 0x3: 16}
        return self.words == self.classes == 0 and self.bits >= orders.get(self.history, LARGEST_BITS + 1)


FIRST_FEATURES = (
    Feature(0x01, 8),
    Feature(0x03, 16),
    Feature(0x07, 16),
    Feature(0x0F, 17),
    Feature(0x3F, 17),
    Feature(0x01, 17, words=1),
    Feature(0x01, 17, words=2),
)
"""Orders 1, 2, 3, 4 and 6, the word, and the word with the word before it: enough for a small network."""


def count_rows(features: Sequence[Feature]) -> int:
    """Rows of all tables, which lie one after the other."""
    return sum(1 << feature.bits for feature in features)


LAST_BYTES, LAST_CLASSES, CURRENT_WORD, PREVIOUS_WORD, WORD_BEFORE_PREVIOUS = range(5)
NGRAM_REGISTERS = 5
"""A lane's registers (5,) uint64: its last eight bytes, the classes of its last 16 bytes, the hashes of the current
word and of the two words before."""

HISTORY_MASK, CLASS_MASK, WORDS, ROW_SHIFT, BASE, TABLE_COLUMNS = range(6)
"""Columns of ``feature_table``: masks of the bytes and classes in the context, the number of words, 64 - log2 of the
table's rows (0 where contexts are rows themselves), and its first row."""


def feature_table(features: Sequence[Feature]) -> npt.NDArray[np.uint64]:
    """The features for kernels, (features, TABLE_COLUMNS)."""
    table, base = np.zeros((len(features), TABLE_COLUMNS), np.uint64), 0
    for row, feature in zip(table, features, strict=True):
        row[HISTORY_MASK] = sum(0xFF << 8 * i for i in range(8) if feature.history >> i & 1)
        row[CLASS_MASK] = sum(0xF << 4 * i for i in range(16) if feature.classes >> i & 1)
        row[WORDS], row[ROW_SHIFT], row[BASE] = feature.words, 0 if feature.is_direct else 64 - feature.bits, base
        base += 1 << feature.bits
    return table


def _classes() -> npt.NDArray[np.uint64]:
    """The class of each byte, 0 to 15."""
    classes = np.zeros(256, np.uint64)
    groups = ("0123456789", "", "", "\t ", "\n\r", ".,;:", "\"'`", "()", "[]{}", "<>", "=+-*", "/\\|", "_$@#%&!?^~")
    for number, group in enumerate(groups, 1):
        for letter in group:
            classes[ord(letter)] = number
    classes[ord("a") : ord("z") + 1], classes[ord("A") : ord("Z") + 1] = 2, 3
    classes[128:192], classes[192:] = 14, 15  # UTF-8 continuation bytes, and lead bytes
    return classes


CLASS_OF_BYTE = _classes()
"""(256,) uint64: digits, small letters, capitals, blanks, line ends, then kinds of punctuation, bytes of UTF-8; 0 for
control characters."""


@inlined
def remember(byte: int, registers: npt.NDArray[np.uint64]) -> None:
    """Take a lane's next byte into its ``registers`` (5,)."""
    registers[LAST_BYTES] = (registers[LAST_BYTES] << np.uint64(8)) | np.uint64(byte)
    registers[LAST_CLASSES] = (registers[LAST_CLASSES] << np.uint64(4)) | CLASS_OF_BYTE[byte]
    letter = folded_letter(byte)
    if letter > 0:
        registers[CURRENT_WORD] = (registers[CURRENT_WORD] + np.uint64(letter)) * MIX_B
    elif registers[CURRENT_WORD] != np.uint64(0):
        registers[WORD_BEFORE_PREVIOUS] = registers[PREVIOUS_WORD]
        registers[PREVIOUS_WORD] = registers[CURRENT_WORD]
        registers[CURRENT_WORD] = np.uint64(0)


@inlined
def find_rows(registers: npt.NDArray[np.uint64], table: npt.NDArray[np.uint64], rows: npt.NDArray[np.int32]) -> None:
    """The row of each feature, counted over all tables, for a lane's next byte: ``rows`` (features,)."""
    for f in range(rows.size):
        key = registers[LAST_BYTES] & table[f, HISTORY_MASK]
        if table[f, CLASS_MASK] != np.uint64(0):
            key = key * MIX_C ^ (registers[LAST_CLASSES] & table[f, CLASS_MASK]) * MIX_D
        if table[f, WORDS] > np.uint64(0):
            key = registers[CURRENT_WORD] ^ key * MIX_C
        if table[f, WORDS] > np.uint64(1):
            key += registers[PREVIOUS_WORD] * MIX_C
        if table[f, WORDS] > np.uint64(2):
            key += registers[WORD_BEFORE_PREVIOUS] * MIX_D
        shift = table[f, ROW_SHIFT]
        rows[f] = table[f, BASE] + (key if shift == np.uint64(0) else scramble(key) * MIX_A >> shift)


@compiled
def find_all_rows(
    lanes: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint64],
    registers: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.int32],
) -> None:
    """The rows that predict each byte of ``lanes`` (lanes, steps), into ``rows`` (steps, lanes, features);
    ``registers`` (lanes, 5) hold the bytes before the first step."""
    for lane in range(lanes.shape[0]):
        for step in range(lanes.shape[1]):
            find_rows(registers[lane], table, rows[step, lane])
            remember(lanes[lane, step], registers[lane])
