"""A second decoder, written from FORMAT.md in Python's own integers; imports nothing of likezip, numpy or constriction.

It is slow: about a kilobyte a second, with the prior 20 bytes a second.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from decimal import Decimal, getcontext
from fractions import Fraction
from functools import cache
from math import isqrt
from operator import add, mul

U64 = (1 << 64) - 1
A, B, C, D = 0x9E3779B97F4A7C15, 0x6A09E667F3BCC909, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B
PROFILES = [
    (
        [
            (0xFF, "", 0, 0),
            (0xFFFF, "", 0, 0),
            (0xFFFFFF, "", 0, 0),
            (0xFFFFFFFF, "", 0, 0),
            (0xFFFFFFFFFFFF, "", 0, 0),
            (U64, "", 0, 0),
            (0, "word", U64, 0),
            (0, "pair", U64, 0),
            (0, "triple", U64, 0),
            (0xFF0000, "word", U64, 0),
            (0, "shape", U64, 0),
            (0xFF, "shape", U64, 0),
            (0, "shape", 0xFFFFFFFFFF, 0),
            (0xFFFF, "shape", 0xFFFFFF, 0),
            (0, "template", U64, 0),
            (0, "expected", U64, 0),
            (0xFF, "expected", U64, 0),
            (0, "indirect", 0xFFFF0000, 0),
            (0xFF, "indirect", 0xFF, 0),
            (0, "neighbours", 0x100FFFF000000FF, 0),
            (0xFF, "neighbours", 0x10000000000FFFF, 0),
            (0, "neighbours", 0xFF000000, 0),
            (0xFFFF, "neighbours", 0xFF000000, 0),
            (0xFFFFFF, "neighbours", 0xFF000000, 0),
            (0, "neighbours", 0xFFFFFF000000, 0),
            (0xFF00, "", 0, 0),
            (0xF0F0F0F0, "", 0, 0),
            (0xE0E0E0FF, "", 0, 0),
        ],
        [
            (0xFF, "", 0, 0),
            (0xFFFF, "", 0, 0),
            (0xFFFFFF, "", 0, 0),
            (0, "word", U64, 0),
            (0, "expected", 0x7FC0, 0),
            (0, "shape", 0xFFFFFF, 0),
            (0, "neighbours", 0xFFFF00000000, 0),
        ],
        [("shape", 0xFFFFFF), ("run", U64)],
    ),
    (
        [
            (0xFF, "", 0, 0),
            (0xFFFFFF, "", 0, 0),
            (0xFFFFFFFFFFFF, "", 0, 0),
            (0xFF, "indirect", 0xFFFF0000, 0),
            (0, "expected", U64, 0),
            (0xFF, "expected", U64, 0),
            (0xFFFF, "neighbours", 0x1000000000000FF, 0),
            (0, "neighbours", 0xFFFF00000000, 0),
            (0xFF, "neighbours", 0xFFFF00000000, 0),
            (0, "neighbours", 0x100FFFF000000FF, 0),
            (0, "neighbours", 0x100FFFF0000FFFF, 0),
            (0, "neighbours", 0x100FFFFFF0000FF, 0),
            (0, "neighbours", 0x1FF0000000000FF, 0),
            (0xF0F0F0F0, "", 0, 0),
            (0xFF00FF00, "", 0, 0),
            (0xF0F0F0, "", 0, 0),
            (0, "word", U64, 0),
            (0, "indirect", 0xFF00FF, 0),
            (0, "shape", U64, 0),
            (0xFFFF, "expected", U64, 0),
            (0, "neighbours", 0x1000000FF0000FF, 0),
            (0xFFFF000000, "neighbours", 0xFFFF00000000, 0),
            (0xF0000000F0000000, "neighbours", 0xFFFF00000000, 0),
            (0xFF00, "", 0, 0),
            (0xFF00000000000000, "", 0, 0),
            (0xFFFF0000, "", 0, 0),
            (0xFFFF0000FFFF0000, "", 0, 0),
            (0xFFFF000000FF, "", 0, 0),
        ],
        [
            (0xFF, "", 0, 0),
            (0xFFFF, "", 0, 0),
            (0, "neighbours", 0xFF, 0),
            (0, "neighbours", 0xFF000000, 0),
            (0, "neighbours", 0xFFFF00000000, 0),
            (0xFF000000, "", 0, 0),
            (0, "expected", 0x7FC0, 0),
        ],
        [("shape", 0xFFFFFF), ("neighbours", 0xFFFF00000000)],
    ),
    (
        [
            (0xFF, "", 0, 0),
            (0xFFFF, "", 0, 0),
            (0xFFFFFF, "", 0, 0),
            (0xFF00FF00, "", 0, 0),
            (0, "word", U64, 0),
            (0xF8F8F8, "", 0, 0),
            (0, "instruction", 0x7FFFFF, 0),
            (0xFF, "instruction", 0x7FFFFF, 0),
            (0, "instruction", 0x7FDF, 0),
            (0, "indirect", 0xFFFF0000, 0),
            (0xFF, "instruction", 0xFFFF80001F, 0),
            (0xFF, "expected", U64, 0),
            (0xFF, "neighbours", 0x1000000000000FF, 0),
            (0, "neighbours", 0x1000000FF0000FF, 0),
            (0xF0F0F0F0, "", 0, 0),
            (0xFFFF0000FFFF0000, "", 0, 0),
            (0xFFFFFFFFFFFF, "", 0, 0),
            (0, "pair", U64, 0),
            (0, "shape", U64, 0),
            (0, "instruction", 0x1FF00FFFFFFFF, 0),
            (0, "expected", U64, 0),
            (0xFFFF, "expected", U64, 0),
            (0xFF, "neighbours", 0xFFFF00000000, 0),
            (0, "neighbours", 0x100FFFF000000FF, 0),
            (0, "indirect", 0xFF00FF, 0),
            (0xFF00, "", 0, 0),
            (0xFF0000, "", 0, 0),
            (0xFFFF000000FF, "", 0, 0),
        ],
        [
            (0xFF, "", 0, 0),
            (0xFFFF, "", 0, 0),
            (0, "instruction", 0x7FFFFF, 0),
            (0, "instruction", 0xFFFFFFFF, 0),
            (0xFF, "instruction", 0x1F, 0),
            (0, "expected", 0x7FC0, 0),
            (0, "shape", 0xFFFFFF, 0),
        ],
        [("instruction", 0x7FDF), ("shape", 0xFFFFFF)],
    ),
    (
        [
            (0xFF, "", 0, 0),
            (0xFFFFFF, "", 0, 0),
            (0xFFFFFFFFFFFF, "", 0, 0),
            (0, "best number", 0xFF0000000000FF, 0),
            (0xFF, "best number", 0xFF0000000000FF, 0),
            (0xFF, "expected", U64, 0),
            (0xFFFF, "neighbours", 0x1000000000000FF, 0),
            (0, "neighbours", 0xFFFF00000000, 0),
            (0xFF, "neighbours", 0xFFFF00000000, 0),
            (0, "neighbours", 0x100FFFF000000FF, 0),
            (0, "numbers", 0xFF0000FFFFFF00, 0),
            (0, "numbers", 0xFFFF00FF000000, 0),
            (0, "numbers", 0xFF0000FF000000, 0),
            (0, "numbers", 0xFF00FF00000000, 0),
            (0, "numbers", 0xFFFF0000000000, 0),
            (0, "more numbers", 0xFF0000000000FF, 0),
            (0, "more numbers", 0xFF00FF00000000, 0),
            (0, "more numbers", 0xFF000000FF00FF, 0),
            (0, "more numbers", 0xFF0000FF0000FF, 0),
            (0, "indirect", 0xFFFF, 0),
            (0, "neighbours", 0x1000000FF0000FF, 0),
            (0, "numbers", 0xFF0000FF0000FF, 0),
            (0, "more numbers", 0xFF0000FF000000, 0),
            (0, "more numbers", 0xFF00000000FF00, 0),
            (0xFF, "numbers", 0xFF00000000FF00, 0),
            (0, "more numbers", 0xFFFF00000000FF, 0),
            (0xFFFF, "numbers", 0xFF000000000000, 0),
            (0, "numbers", 0xFFFF00000000FF, 0),
        ],
        [
            (0, "best number", 0xFF0000000000FF, 0),
            (0, "best number", 0xFF000000FF0700, 0),
            (0, "numbers", 0xFF00000000FF00, 0),
            (0, "numbers", 0xFF000000FF0000, 0),
            (0, "neighbours", 0xFFFF00000000, 0),
            (0, "numbers", 0xFF0000FF000000, 0),
            (0, "expected", 0x7FC0, 0),
        ],
        [("best number", 0xFF000000FF0000), ("best number", 0xFF)],
    ),
    (
        [
            (0xFFFF, "", 0, 0),
            (0xFFFFFF, "", 0, 0),
            (0xFFFFFFFF, "", 0, 0),
            (0, "word", U64, 0),
            (0, "triple", U64, 0),
            (0xFF, "shape", U64, 0),
            (0, "template", U64, 0),
            (0xFFFF0000, "", 0, 0),
            (0xF0F0F0F0, "", 0, 0),
            (0xFFFF, "", 0, 1),
            (0xFFFFFFFF, "", 0, 1),
            (0xFFFFFFFFFFFF, "", 0, 1),
            (0, "word", U64, 1),
            (0, "pair", U64, 1),
            (0, "shape", U64, 1),
            (0xFF00, "", 0, 1),
            (0xFF, "", 0, 0),
            (0xFFFF, "neighbours", 0xFF000000, 0),
            (0, "pair", U64, 0),
            (0xFF, "neighbours", 0x1000000000000FF, 0),
            (0, "neighbours", 0x100FFFF000000FF, 0),
            (0xFF, "expected", U64, 0),
            (0xFFFF, "expected", U64, 0),
            (0, "indirect", 0xFFFF0000, 0),
            (0xFF, "template", U64, 0),
            (0, "neighbours", 0xFFFFFF000000, 0),
            (0xFF, "", 0, 1),
            (0xFF00FF00, "", 0, 1),
        ],
        [
            (0xFF, "", 0, 0),
            (0xFFFF, "", 0, 0),
            (0, "word", U64, 0),
            (0, "neighbours", 0xFF, 0),
            (0, "expected", 0x7FC0, 0),
            (0, "shape", 0xFFFFFF, 0),
            (0, "neighbours", 0xFFFF00000000, 0),
        ],
        [("shape", 0xFFFFFF), ("lane", U64)],
    ),
]
"""Contexts, and paired contexts: kept of the history, register, mask, local; and the choices: register, mask."""
MINIMA = 11, 5
"""The minimum length of each match model."""
LIMIT = 2840


WIDTH = 32


def squash_table() -> list[int]:
    getcontext().prec = 60
    upper = [min(65535, int(65536 / (1 + (Decimal(-x) / 256).exp()) + Decimal("0.5"))) for x in range(LIMIT + 1)]
    return [65536 - p for p in upper[:0:-1]] + upper


SQUASH = squash_table()
STRETCH = [next((x for x, p in enumerate(SQUASH) if p >= 16 * i + 8), 2 * LIMIT) - LIMIT for i in range(4096)]


def clamp(x: int) -> int:
    return max(-LIMIT, min(LIMIT, x))


FRESH_APMS = [[SQUASH[clamp(256 * j - 3072) + LIMIT] for j in range(25)]] * 12288


def after(state: tuple, b: int) -> tuple:
    zeros, ones, recent = state
    if zeros + ones < 4:
        recent = (*recent, b)
        return (recent.count(0), recent.count(1), recent)
    count = [zeros, ones]
    count[b] += 1
    if count[1 - b] >= 3:
        count[1 - b] = min(3 + (count[1 - b] - 3) // 2, 5)
    while min(count) > 5 or max(count) > (44, 30, 13, 8, 6, 5)[min(count)]:
        larger = max(count)
        count = [n - (n == larger) for n in count]
    if sum(count) <= 4:
        return (*count, (1 - b,) * count[1 - b] + (b,) * count[b])
    return (*count, (b,) if min(count) > 0 and sum(count) <= 12 else ())


@cache
def next_states() -> list[tuple[int, int]]:
    found, todo = {(0, 0, ())}, [(0, 0, ())]
    while todo:
        state = todo.pop()
        for b in (0, 1):
            if (following := after(state, b)) not in found:
                found.add(following)
                todo.append(following)
    order = sorted(found, key=lambda s: (s[0] + s[1], *s))
    number = {state: i for i, state in enumerate(order)}
    return [(number[after(s, 0)], number[after(s, 1)]) for s in order]


def kind_of(v: int) -> int:
    return 1 if 97 <= v <= 122 or v >= 128 else 2 if 65 <= v <= 90 else 3 if 48 <= v <= 57 else v


def scramble(v: int) -> int:
    v &= U64
    v = ((v ^ (v >> 32)) * A) & U64
    return v ^ (v >> 29)


POWER = [int(2**15 * (Decimal(-d) / 256).exp() + Decimal("0.5")) if d < 2880 else 0 for d in range(4096)]
LOG = [0] + [int(65536 * Decimal(m).ln() + Decimal("0.5")) for m in range(1, 1024)]


def log(v: int) -> int:
    k = max(v.bit_length() - 10, 0)
    return LOG[v >> k] + 45426 * k


def limit(v: int, a: int, b: int) -> int:
    return max(a, min(b, v))


CLASSES = ["0123456789", None, None, "\t ", "\n\r", ".,;:", "\"'`", "()", "[]{}", "<>", "=+-*", "/\\|", "_$@#%&!?^~"]


def class_of(v: int) -> int:
    if v >= 128:
        return 14 if v < 192 else 15
    letter = 2 * (97 <= v <= 122) or 3 * (65 <= v <= 90)
    return letter or next((i for i, group in enumerate(CLASSES, 1) if group and chr(v) in group), 0)


class Prior:
    """The network's expectations of one lane."""

    def __init__(self, model: dict) -> None:
        self.model = model
        self.history = self.classes = self.word = self.last_word = self.word_before = 0
        self.features = model["prior.features"]
        self.cells = []
        while f"prior.{len(self.cells)}.out.weight" in model:
            self.cells.append([0] * len(model[f"prior.{len(self.cells)}.out.weight"][0]))

    def remember(self, v: int) -> None:
        self.history = (self.history << 8 | v) & U64
        self.classes = (self.classes << 4 | class_of(v)) & U64
        if 97 <= v | 32 <= 122 or v >= 128:
            self.word = (self.word + (v | 32 if v < 128 else v)) * B & U64
        elif self.word:
            self.word_before, self.last_word, self.word = self.last_word, self.word, 0

    def embeddings(self) -> list[int]:
        def hashed(key: int, bits: int) -> int:
            key = (key ^ key >> 32) * A & U64
            return ((key ^ key >> 29) * A & U64) >> (64 - bits)

        found, first = [], 0
        for history, classes, words, bits in self.features:
            k = sum(self.history & 0xFF << 8 * i for i in range(8) if history >> i & 1)
            if classes:
                k = k * C & U64 ^ sum(self.classes & 0xF << 4 * i for i in range(16) if classes >> i & 1) * D & U64
            if words > 0:
                k = self.word ^ k * C & U64
            k += self.last_word * C * (words > 1) + self.word_before * D * (words > 2)
            direct = words == classes == 0 and ((history, bits >= 8) == (1, True) or (history, bits >= 16) == (3, True))
            found += self.model["prior.embeddings"][first + (k if direct else hashed(k & U64, bits))]
            first += 1 << bits
        return found

    def layer(self, name: str, q: list[int]) -> list[int]:
        weight, (offset,), (shift,) = (self.model[f"prior.{name}.{part}"] for part in ("weight", "offset", "shift"))
        return [(sum(map(mul, row, q)) + o) >> s for row, o, s in zip(weight, offset, shift, strict=True)]

    @staticmethod
    def norm(x: list[int]) -> list[int]:
        m = sum(v * v for v in x) // len(x) + 256
        p = next(p for p in range(-9, 40) if 2**10 <= Fraction(m) / Fraction(4) ** p < 2**12)
        s = m // 4**p if p >= 0 else m * 4**-p
        root = isqrt(2**40 // s)
        d = max(p - 4, 0)
        kept = [limit((v + (1 << d >> 1)) >> d, -8192, 8192) for v in x]
        return [limit((v * root + (1 << (14 + p - d))) >> (15 + p - d), -127, 127) for v in kept]

    def tree(self) -> list[int]:
        """The frequencies of the next byte at 256..511, their sums below."""

        def add(x: list[int], change: list[int]) -> list[int]:
            return [limit(v + c, -1048575, 1048575) for v, c in zip(x, change, strict=True)]

        x = [limit(v, -1048575, 1048575) for v in self.layer("enter", self.embeddings())]
        for i, h in enumerate(self.cells):
            g = self.layer(f"{i}.gates", self.norm(x))
            for j, (gate, candidate) in enumerate(zip(g[: len(h)], g[len(h) :], strict=True)):
                h[j] += (limit(gate, 0, 4096) * (64 * limit(candidate, -1024, 1024) - h[j]) + 2048) >> 12
            x = add(x, self.layer(f"{i}.out", [limit((v + 256) >> 9, -127, 127) for v in h]))
            u = [limit(v, 0, 2048) for v in self.layer(f"{i}.up", self.norm(x))]
            x = add(x, self.layer(f"{i}.down", [min((v * v + 16384) >> 15, 127) for v in u]))
        logits = self.layer("head", self.norm(x))
        weights = [POWER[min(max(logits) - v, 4095)] for v in logits]
        scale = (2**20 - 256) * 2**15 // sum(weights)
        tree = [0] * 256 + [1 + (w * scale >> 15) for w in weights]
        tree[256 + logits.index(max(logits))] += 2**20 - sum(tree)
        for n in range(255, 0, -1):
            tree[n] = tree[2 * n] + tree[2 * n + 1]
        return tree


class Instructions:
    """x86 instructions, told apart as a lane's bytes come."""

    def __init__(self) -> None:
        self.opcode = self.modrm = self.short = 0
        self.phase, self.left = "start", 0
        self.before = [(0, 0)] * 3

    def remember(self, v: int) -> int:
        """Take a byte; the register INSTRUCTION after it."""
        self.take(v)
        phase = {"start": 0, "second": 1, "modrm": 2, "sib": 3, "displacement": 8, "immediate": 16}[self.phase]
        (op1, modrm1), (op2, modrm2), (op3, _) = self.before
        return (
            (phase + self.left) | self.short << 5 | self.opcode << 6 | self.modrm << 15
            | op1 << 23 | modrm1 << 32 | op2 << 40 | op3 << 49 | modrm2 >> 2 << 58
        )  # fmt: skip

    def take(self, v: int) -> None:
        if self.phase == "start" and v in PREFIXES:
            self.short |= v == 0x66
        elif self.phase == "start" and v == 0x0F:
            self.phase = "second"
        elif self.phase in ("start", "second"):
            self.opcode = v + 256 * (self.phase == "second")
            if self.opcode in WITH_MODRM:
                self.phase = "modrm"
            else:
                self.operands(0)
        elif self.phase == "modrm":
            self.modrm = v
            if v < 0xC0 and v % 8 == 4:
                self.phase = "sib"
            else:
                self.operands(displacement(v, v % 8))
        elif self.phase == "sib":
            self.operands(displacement(self.modrm, v % 8))
        else:
            self.left -= 1
            if self.left == 0 and self.phase == "displacement":
                self.operands(0)
            elif self.left == 0:
                self.complete()

    def operands(self, displacement: int) -> None:
        size = 2 if self.short else 4
        immediate = (self.opcode in IMMEDIATE_1) + 2 * (self.opcode in IMMEDIATE_2)
        immediate += size * (self.opcode in IMMEDIATE_SIZED) + 4 * (self.opcode in IMMEDIATE_4)
        if self.opcode in (0xF6, 0xF7) and self.modrm & 0x30 == 0:
            immediate += 1 if self.opcode == 0xF6 else size
        if displacement:
            self.phase, self.left = "displacement", displacement
        elif immediate:
            self.phase, self.left = "immediate", immediate
        else:
            self.complete()

    def complete(self) -> None:
        self.before = [(self.opcode, self.modrm), *self.before[:2]]
        self.opcode = self.modrm = self.short = self.left = 0
        self.phase = "start"


def displacement(modrm: int, base: int) -> int:
    return {0: 4 * (base == 5), 1: 1, 2: 4, 3: 0}[modrm >> 6]


def codes(text: str) -> set[int]:
    """Numbers and ranges in hexadecimal."""
    ranges = [[int(end, 16) for end in part.split("-")] for part in text.split()]
    return {code for ends in ranges for code in range(ends[0], ends[-1] + 1)}


PREFIXES = codes("26 2E 36 3E 40-4F 64-67 F0 F2 F3")
WITH_MODRM = codes("0-3 8-B 10-13 18-1B 20-23 28-2B 30-33 38-3B 62 63 69 6B 80-8F C0 C1 C4-C7 D0-D3 D8-DF F6 F7 FE FF")
WITH_MODRM |= codes("100-1FF") - codes("105-10B 130-137 177 180-18F 1A0-1A2 1A8-1AA 1C8-1CF")
IMMEDIATE_1 = codes("4 C 14 1C 24 2C 34 3C 6A 6B 70-80 82 83 A8 B0-B7 C0 C1 C6 C8 CD D4 D5 E0-E7 EB")
IMMEDIATE_1 |= codes("170-173 1A4 1AC 1BA 1C2 1C4-1C6")
IMMEDIATE_2 = codes("9A C2 C8 CA EA")
IMMEDIATE_SIZED = codes("5 D 15 1D 25 2D 35 3D 68 69 81 A9 B8-BF C7")
IMMEDIATE_4 = codes("9A A0-A3 E8-EA 180-18F")


class Lane:
    def __init__(self, number: int) -> None:
        self.number, self.learnt = number, 0
        self.last_word = self.word_before = 0
        self.partial, self.ended = 1, False
        self.named = dict.fromkeys(
            (
                "",
                "history",
                "word",
                "pair",
                "triple",
                "neighbours",
                "shape",
                "template",
                "instruction",
                "expected",
                "run",
                "numbers",
                "more numbers",
                "best number",
                "indirect",
            ),
            0,
        )
        self.named["lane"] = number
        self.numbers = None
        self.instructions = Instructions()
        self.pointer = [0, 0]
        self.asleep = False

    def go_to(self, start: int, size: int) -> None:
        """Begin there in a piece, without an expectation."""
        self.start, self.size = start, size
        self.position = self.line = self.last_line = self.aligned_at = start
        self.named["neighbours"] = self.named["expected"] = 0
        self.length, self.spare = [0, 0], [0, 0]
        if self.numbers:
            for name in ("numbers", "more numbers", "best number"):
                self.named[name] = 0
            self.numbers.predicted, self.numbers.begin, self.numbers.step, self.numbers.repeats = False, 0, 0, 0

    def hashes_of(self, contexts: list[tuple]) -> list[int]:
        return [
            scramble(
                (self.named["history"] & kept) * B
                + (self.named[name] & mask) * C
                + (i + 1) * D
                + local * (self.number + 1) * A
            )
            for i, (kept, name, mask, local) in enumerate(contexts)
        ]


def logistic() -> list[int]:
    getcontext().prec = 60
    upper = [int(2**28 / (1 + (Decimal(-x) / 64).exp()) + Decimal("0.5")) for x in range(1025)]
    return [2**28 - share for share in upper[:0:-1]] + upper


SHARES = logistic()


def signed(v: int, size: int) -> int:
    """The lowest ``size`` bytes of v as a signed number."""
    half = 1 << (8 * size - 1)
    return (v + half) % (2 * half) - half


class Numbers:
    """What the numbers of a lane so far would go on to."""

    def __init__(self, layout: int, row: int) -> None:
        self.width, self.big, self.floats = 1 << layout % 4, layout >> 2 & 1, layout >> 3 & 1
        self.phase, self.item = layout >> 4 & 7, ((layout >> 7) + 1) * self.width
        w, i, r = self.width, self.item, row
        self.offsets = {f"W{k}": k * i for k in range(1, 15)}
        self.offsets |= {"N": r, "NW": r + i, "NE": r - i, "NN": 2 * r, "NWW": r + 2 * i, "NEE": r - 2 * i}
        self.offsets |= {"NNW": 2 * r + i, "NNE": 2 * r - i, "P": w, "WP": w + i, "WWP": w + 2 * i, "NP": w + r}
        self.offsets |= {"Q": 2 * w, "WQ": 2 * w + i, "NQ": 2 * w + r}
        if r >= 8 * i:
            pairs = "N-NW NW-W1 NE-N NN-N NNW-NW NNE-NE NWW-NW NEE-NE W1-W2 W2-W3 W3-W4 W4-W5"
            more = "P-WP P-NP", "Q-WQ Q-NQ"
        else:
            pairs = " ".join(f"W{k}-W{k + 1}" for k in range(1, 14))
            more = "P-WP WP-WWP", "Q-WQ"
        pairs = " ".join([pairs, *more[: max(0, min(2, i // w - 1))]])
        self.pairs = [pair.split("-") for pair in pairs.split()]
        self.channels = [self.channel() for _ in range(8)]
        self.predictions, self.estimates = [0] * 12, [0, 0]
        self.shift = self.eighths = 0
        self.predicted, self.features = False, []
        self.begin = self.step = self.repeats = 0

    def channel(self) -> dict:
        size = len(self.pairs)
        return {
            "fast": 0, "slow": 0, "last": 0, "change": 0, "of": [0, 0],
            "products": [[[0] * size for _ in range(size)] for _ in range(2)],
            "answers": [[0] * size, [0] * size], "weights": [[0] * size, [0] * size],
        }  # fmt: skip

    def turned(self, v: int) -> int:
        return v ^ ((1 << (8 * self.width - 1)) - 1) if self.floats and v < 0 else v

    def joined(self, data: bytes) -> int:
        return int.from_bytes(data, "big" if self.big else "little")

    def value(self, raw: bytes, place: int) -> int:
        v = self.joined(raw[place : place + self.width])
        return v if self.width == 1 else self.turned(signed(v, self.width))

    def wrapped(self, v: int) -> int:
        return limit(v, 0, 255) if self.width == 1 else signed(v, self.width)

    def difference(self, a: int, b: int) -> int:
        return a - b if self.width == 1 else signed(a - b, self.width)

    def follow(self, raw: bytes, lane: Lane) -> None:
        """After a byte of a lane: its registers."""
        inside = (lane.position - self.phase) % self.item
        place, number = inside % self.width, inside // self.width
        channel = self.channels[number % 8]
        if place == 0:
            if self.predicted:
                before = (inside - self.width) % self.item // self.width % 8
                self.learn(self.value(raw, lane.position - self.width), self.channels[before])
            self.predict(raw, lane, channel)
        begun = lane.position - place
        known = self.joined(raw[begun : lane.position]) if begun >= lane.start else 0
        scale = ((channel["fast"] + channel["slow"]) >> 2) + 6
        self.spread(known, place, scale)
        e = [self.expected(p, known, place) for p in self.predictions]
        column = min(inside, 255) << 48
        lane.named["numbers"] = column | sum(byte >> 3 << 8 * k for k, byte in enumerate(e[:6]))
        lane.named["more numbers"] = column | sum(byte >> 3 << 8 * k for k, byte in enumerate(e[6:]))
        level = 2 * scale.bit_length() + (scale >> (scale.bit_length() - 2) & 1)
        last = channel["last"]
        lane.named["best number"] = (
            column | e[0] >> 3 | (self.eighths if self.width == 1 else e[0] & 7) << 8 | level << 16
            | ((last > 0) + 2 * (last < 0)) << 24 | min(abs(last), 2**40).bit_length() << 32
            | (channel["slow"] >> 1).bit_length() << 40
        )  # fmt: skip

    def learn(self, actual: int, channel: dict) -> None:
        channel["last"] = self.difference(actual, self.predictions[0])
        change = self.difference(actual, self.predictions[1])
        size = 16 * min(abs(channel["last"]), 2**40)
        channel["fast"] += (size - channel["fast"]) >> 3
        channel["slow"] += (size - channel["slow"]) >> 5
        channel["change"] += (16 * min(abs(change), 2**40) - channel["change"]) >> 4
        answer = limit(change >> self.shift, -(2**14), 2**14)
        for e, forget in enumerate((5, 8)):
            size = 16 * min(abs(self.difference(actual, self.estimates[e])), 2**40)
            channel["of"][e] += (size - channel["of"][e]) >> 4
            products, answers, weights = (channel[name][e] for name in ("products", "answers", "weights"))
            for i, f in enumerate(self.features):
                fresh = [256 * f * g for g in self.features]
                products[i] = [p + ((new - p) >> forget) for p, new in zip(products[i], fresh, strict=True)]
                answers[i] += (256 * f * answer - answers[i]) >> forget
            for i, row in enumerate(products):
                rest = 2**16 * answers[i] - sum(map(mul, row, weights)) + row[i] * weights[i]
                weights[i] = limit(rest // (row[i] + (row[i] >> 8) + 256), -(2**20 - 1), 2**20 - 1)

    def predict(self, raw: bytes, lane: Lane, channel: dict) -> None:
        def there(offset: int) -> bool:
            return offset >= self.width and lane.position - offset >= lane.start

        v = {n: self.value(raw, lane.position - o) if there(o) else 0 for n, o in self.offsets.items()}
        self.shift = 0 if self.width == 1 else max((channel["change"] >> 4).bit_length() - 11, 0)
        differences = [self.difference(v[a], v[b]) for a, b in self.pairs]
        self.features = [limit(d >> self.shift, -(2**14), 2**14) for d in differences]
        sums = [sum(map(mul, self.features, weights)) for weights in channel["weights"]]
        down = max(max(channel["of"]).bit_length() - 12, 0)
        one, other = ((error >> down) + 1 for error in channel["of"])
        share = 256 * other * other // (one * one + other * other)
        both = (sums[0] * share + sums[1] * (256 - share)) >> 8
        best, *self.estimates = (v["W1"] + ((s + 2**15) >> 16 << self.shift) for s in (both, *sums))
        self.estimates = [self.wrapped(e) for e in self.estimates]
        w, ww, www, n, p, wp = v["W1"], v["W2"], v["W3"], v["N"], v["P"], v["WP"]
        self.predictions = [
            self.wrapped(value)
            for value in (
                best, w, n, w + n - v["NW"], 2 * w - ww, w + p - wp, w + (self.difference(n, w) >> 1), 2 * n - v["NN"],
                w + v["NE"] - n, n + p - v["NP"], 3 * w - 3 * ww + www, self.estimates[1],
            )
        ]  # fmt: skip
        self.eighths, self.predicted = both >> 13 & 7, True

    def expected(self, prediction: int, known: int, place: int) -> int:
        """The byte that is expected at a place, times 8, and the three bits behind it."""
        if self.width == 1:
            return 8 * prediction
        prediction = self.turned(prediction)
        if self.big:
            below = 8 * (self.width - 1 - place)
            above = signed(known - (prediction >> below >> 8), place) if place else 0
            return (8 * prediction >> below) % 2048 if above == 0 else 0 if above > 0 else 2047
        if place == 0:
            return 8 * prediction % 2048
        above = signed(known - prediction, place)
        return ((prediction + above) >> 8 * place) % 256 * 8 + (-above >> (8 * place - 3)) % 8

    def spread(self, known: int, place: int, scale: int) -> None:
        prediction, unit = self.turned(self.predictions[0]), 8 * place
        if self.big:
            unit = 8 * (self.width - 1 - place)
            known <<= unit + 8
        centre = prediction - known if self.width == 1 else signed(prediction - known, self.width)
        if not self.big and place + 1 < self.width:
            centre %= 1 << (unit + 8)
        down = max(scale.bit_length() - 30, unit - 22, 0)
        scaled = max(scale >> down, 1)
        self.step = (1 << (unit + 14 - down)) // scaled
        self.begin = -((limit(centre >> down, -(2**46), 2**46) << 14) // scaled)
        if not self.big:
            self.begin -= self.step >> 1
        self.repeats = self.width > 1 and (place == 0 or not self.big)

    def logit(self, partial: int, bit: int) -> int:
        def before(byte: int) -> int:
            place, span = self.begin + byte * self.step, 256 * self.step
            places = (place, place - span, place + span) if self.repeats else (place,)
            return sum(SHARES[limit(at >> 4, -1024, 1024) + 1024] for at in places)

        size = 256 >> bit
        first = partial * size % 256
        low, middle, high = (before(first + part) for part in (0, size // 2, size))
        return clamp((log(high - middle + 16) - log(middle - low + 16)) >> 8)


def begin_words(block: Block | OrderZero, words: list[int]) -> None:
    """Begin to decode a piece with these words."""
    block.words, block.ans = words, 0
    while block.words and block.ans < 1 << 32:
        block.ans = block.ans << 32 | block.words.pop()


def decode_bit(block: Block | OrderZero, k: int) -> int:
    split = ((65536 - k) * (2**24 - 2) >> 16) + 1
    low = block.ans % 2**24
    bit = int(low >= split)
    block.ans = (block.ans >> 24) * (2**24 - split if bit else split) + low - (split if bit else 0)
    if block.words and block.ans < 1 << 32:
        block.ans = block.ans << 32 | block.words.pop()
    return bit


def teach(row: list[int], place: int, b: int) -> None:
    """Have an entry of a row learn a bit."""
    p, n = divmod(row[place], 1024)
    if n < 1023:
        p += (b * (2**22 - 1) - p) * (131072 // (2 * n + 3)) >> 16
        row[place] = p * 1024 + min(n + 1, 1022)


class Block:
    """Decodes one block of mode 2 or 3, piece by piece; primer: what is learnt before it, in the same lane."""

    def __init__(self, header: dict, model: dict, primer: bytes = b"") -> None:
        mode, lanes, rows = (header[name] for name in ("mode", "lanes", "row_length"))
        size, self.primer = len(primer) + header["coded"], primer
        profile = 4 if mode == 3 else header["profile"]
        self.row_length = rows >> 14 if profile == 3 else rows
        self.contexts, self.paired, self.choices = PROFILES[profile]
        self.lasting = 16 if profile in (0, 4) else 5
        start = ("text", "records", "code", "numbers", "both")[profile]
        if f"{start}.maps" not in model:
            start = "records"
        self.lanes = [Lane(i) for i in range(lanes)]
        self.size, self.words, self.ans = size, [], 0
        self.raw = bytearray(size)
        self.table = bytearray(1 << header["bits"])
        self.index, self.index_bits = [{}, {}], header["bits"] - 6
        self.followers = [0] * (256 + 65536)
        for lane in self.lanes:
            lane.prior = Prior(model) if mode == 3 else None
            lane.numbers = Numbers(rows % 2**14, self.row_length) if profile == 3 else None
        self.maps, self.weights, self.top, self.apms = (
            [list(row) for row in model.get(f"{start}.{name}", FRESH_APMS)]
            for name in ("maps", "weights", "top", "apms")
        )
        self.weights, self.top = ([[16 * w for w in row] for row in rows] for rows in (self.weights, self.top))
        self.maps = [self.maps[0][i * 256 : i * 256 + 256] for i in range(30)]
        self.rows, (self.squares,), self.outputs, (self.output_squares,) = (
            [list(row) for row in model[f"{start}.correction.{name}"]]
            for name in ("rows", "squares", "outputs", "output_squares")
        )
        self.rows = [[256 * number for number in row] for row in self.rows]
        first_half = lanes if lanes < 8 else (lanes + 1) // 2
        self.groups = [group for group in (self.lanes[:first_half], self.lanes[first_half:]) if group]
        if lanes == 1:
            self.divide(0, size)
            for t, v in enumerate(primer):
                self.advance(t, lambda lane, bit, v=v: v >> (7 - bit) & 1)

    def divide(self, begin: int, end: int) -> None:
        """Have the lanes begin in the piece that is there."""
        self.begin, self.end = begin, end
        q, r = divmod(end - begin, len(self.lanes))
        for i, lane in enumerate(self.lanes):
            lane.go_to(begin + i * q + min(i, r), q + (i < r))

    def decode(self, begin: int, end: int, words: list[int]) -> bytes:
        """The next piece, from ``begin`` to ``end`` of the coded bytes."""
        begin, end = begin + len(self.primer), end + len(self.primer)
        begin_words(self, words)
        if len(self.lanes) > 1:
            self.end_byte(self.lanes)
            self.divide(begin, end)
            steps = range(max(lane.size for lane in self.lanes))
        else:
            steps = range(begin, end)
        for t in steps:
            self.advance(t, lambda lane, bit: decode_bit(self, lane.k))
        assert not self.words, "no word may be left"
        return bytes(self.raw[begin:end])

    def advance(self, t: int, bit_of: Callable[[Lane, int], int]) -> None:
        for group in self.groups:
            active = [lane for lane in group if lane.size > t]
            if active:
                self.end_byte(group)
                self.begin_nibble(0, active)
            for bit in range(8):
                for lane in active:
                    lane.bit = bit_of(lane, bit)
                if bit == 3:
                    for lane in active:
                        self.learn(lane, bit, lane.bit)
                    self.begin_nibble(4, active)
                elif bit < 7:
                    for lane in active:
                        self.learn(lane, bit, lane.bit)
                        self.predict(lane, bit + 1)
            for lane in active:
                lane.ended = True
                self.raw[lane.position] = (2 * lane.partial + lane.bit) & 255

    def begin_nibble(self, bit: int, lanes: list[Lane]) -> None:
        for lane in lanes:
            self.look_up(lane, bit)
        for lane in lanes:
            self.predict(lane, bit)

    def look_up(self, lane: Lane, bit: int) -> None:
        if bit == 0:
            lane.partial = 1
            lane.tree = lane.prior.tree() if lane.prior else None
            lane.hashes, lane.paired = lane.hashes_of(self.contexts), lane.hashes_of(self.paired)
            lane.chosen = [((lane.named[name] & mask) * A & U64) >> 56 for name, mask in self.choices]
        lane.buckets, lane.known_contexts = [], 0
        for value in lane.hashes:
            v = scramble((value + lane.partial * C) & U64) if bit == 4 else value
            line = 64 * ((value ^ (v & 15 if bit == 4 else 0)) % (len(self.table) // 64))
            ways = range(line, line + 64, 16)
            fitting = [place for place in ways if self.table[place] == v >> 56]
            lane.known_contexts += bool(fitting)
            place = fitting[0] if fitting else min(ways, key=lambda place: self.table[place + 1])
            if not fitting:
                self.table[place : place + 16] = bytes([v >> 56]) + bytes(15)
            lane.buckets.append(place)

    def predict(self, lane: Lane, bit: int) -> None:
        node = lane.partial if bit < 4 else lane.partial % (1 << (bit - 4)) + (1 << (bit - 4))
        x = lane.inputs = [0] * 32
        lane.states = [bucket + node for bucket in lane.buckets]
        for i, place in enumerate(lane.states):
            x[i] = STRETCH[self.maps[i][self.table[place]] >> 20]
        lane.expected = [None, None]
        for m in (0, 1):
            if lane.length[m] > 0:
                e = 256 + self.raw[lane.pointer[m]]
                if e >> (8 - bit) != lane.partial:
                    lane.length[m] = -lane.length[m]
                    continue
                o = lane.expected[m] = e >> (7 - bit) & 1
                x[28 + m] = STRETCH[self.maps[28 + m][2 * lane.length[m] + o] >> 20] * (1 if o else -1)
        x[30] = 256
        if lane.tree and not lane.asleep:
            x[31] = clamp((log(lane.tree[2 * lane.partial + 1]) - log(lane.tree[2 * lane.partial])) >> 8)
        if lane.numbers:
            x[31] = lane.numbers.logit(lane.partial, bit)
        c1, c2 = lane.named["history"] & 255, lane.named["history"] >> 8 & 255
        longest = max(lane.length)
        strength = 0 if longest <= 0 else 1 if longest < 16 else 2
        rows = (lane.partial + 256 * strength, 768 + c1, 1024 + lane.known_contexts, 1056 + c2)
        rows += (1312 + lane.chosen[0], 1568 + lane.chosen[1])
        lane.rows = [self.weights[row] for row in rows]
        lane.layer = [self.mix(x, row) for row in lane.rows]
        lane.logit = self.mix(lane.layer, self.top[lane.partial])
        keys = (lane.partial + 256 * c1, lane.partial + 256 * (c1 + 256 * c2))
        keys += (lane.partial | lane.named["expected"] >> 6 << 8 | strength << 20,)
        lane.apms = [self.apms[a * 4096 + (key * 0x9E3779B1 % 2**32 >> 20)] for a, key in enumerate(keys)]
        j, w = divmod(lane.logit + 3072, 256)
        total = SQUASH[lane.logit + LIMIT]
        total += sum((apm[j] * (256 - w) + apm[j + 1] * w) >> 8 for apm in lane.apms)
        self.correct(lane, bit, max(1, min(65535, (total + 2) >> 2)))

    def correct(self, lane: Lane, bit: int, k: int) -> None:
        """The probability that the correction makes of ``k``."""
        values = [self.table[place] for place in lane.states[:16]]
        values += [0 if o is None else 2 * lane.length[m] + o for m, o in enumerate(lane.expected)]
        history = lane.named["history"]
        values += [lane.partial, history & 255, history >> 8 & 255, history >> 16 & 255]
        values += [32 * bit + lane.known_contexts, *((logit + LIMIT) >> 5 for logit in (lane.logit, lane.inputs[31]))]
        lane.cells = [256 * f + value for f, value in enumerate(values)]
        pairs = [((hashed + lane.partial * C) * A & U64) >> 53 for hashed in lane.paired]
        lane.cells += [6400 + 2048 * i + pair for i, pair in enumerate(pairs)]
        lane.k = SQUASH[self.corrected(lane, clamp((log(k) - log(65536 - k)) >> 8)) + LIMIT]

    def corrected(self, lane: Lane, mixed: int) -> int:
        lane.hidden = [0] * WIDTH
        for f in range(0, len(lane.cells), 4):
            fours = self.rows[lane.cells[f]]
            for cell in lane.cells[f + 1 : f + 4]:
                fours = list(map(add, fours, self.rows[cell]))
                if max(fours) > 32767 or min(fours) < -32768:
                    fours = [limit(four, -32768, 32767) for four in fours]
            lane.hidden = list(map(add, lane.hidden, fours))
        lane.active = [min(max(h, 0) >> 2, 32767) for h in lane.hidden]
        outputs = self.outputs[lane.partial]
        total = sum(a * (w >> 6) >> 6 for a, w in zip(lane.active, outputs, strict=True))
        return clamp(mixed + (total >> 12))

    def learn_error(self, lane: Lane, visit: int, error: int) -> None:
        share = 8 if abs(error) < 512 else 4 if abs(error) < 4096 else 1
        if (visit * 0x9E3779B1 % 2**32 >> 29) % share:
            return
        error *= share
        outputs = self.outputs[lane.partial]
        moves = [error * (w >> 6) >> 16 if h > 0 else 0 for w, h in zip(outputs, lane.hidden, strict=True)]
        output_moves = [error * a >> 16 for a in lane.active]
        step = self.step(self.output_squares, lane.partial, sum(g * g >> 6 for g in output_moves) >> 1)
        for j, g in enumerate(output_moves):
            outputs[j] = limit(outputs[j] + ((g * step + 128) >> 8), -(2**21 - 1), 2**21 - 1)
        square = sum(g * g >> 6 for g in moves) >> 5
        moved = [(j, g) for j, g in enumerate(moves) if g]
        for f, cell in enumerate(lane.cells):
            step, row = self.step(self.squares, cell, square), self.rows[cell]
            for j, g in moved:
                dither = (25033 * j + 40503 * (visit + f)) % 65536
                row[j] = limit(row[j] + ((g * step + dither) >> 16), -32768, 32767)

    @staticmethod
    def step(squares: list[int], place: int, square: int) -> int:
        squares[place] = min(squares[place] + square, 2**32 - 1)
        octave = max(squares[place].bit_length() - 1, 0)
        odd = 2 * (8 | (squares[place] << 3 >> octave) & 7) + 1
        return min(isqrt(2**58 // (odd * 625 << octave)), 32767)

    @staticmethod
    def mix(inputs: list[int], row: list[int]) -> int:
        return clamp(sum(x * w >> 6 for x, w in zip(inputs, row, strict=False)) >> 10)

    def learn(self, lane: Lane, bit: int, b: int) -> None:
        for i, place in enumerate(lane.states):
            teach(self.maps[i], self.table[place], b)
            self.table[place] = next_states()[self.table[place]][b]
        for m in (0, 1):
            o = lane.expected[m]
            if o is not None:
                teach(self.maps[28 + m], 2 * lane.length[m] + o, int(o == b))
        rate = (2**17 + 2**17 // len(self.lanes)) // (lane.learnt + 4096) + 2 + 10 // len(self.lanes)
        for row, y in zip(lane.rows, lane.layer, strict=True):
            self.adjust(lane.inputs, row, (65536 * b - SQUASH[y + LIMIT]) * rate >> 4, 16)
        self.adjust(lane.layer, self.top[lane.partial], 65536 * b - SQUASH[lane.logit + LIMIT], 18)
        column = (lane.logit + 3072 + 128) >> 8
        for apm in lane.apms:
            apm[column] += (65535 * b - apm[column]) >> 6
        self.learn_error(lane, 8 * lane.position + bit, 65536 * b - lane.k)
        lane.partial = 2 * lane.partial + b

    @staticmethod
    def adjust(inputs: list[int], row: list[int], error: int, shift: int) -> None:
        if abs(error) < 100:
            return
        for i, x in enumerate(inputs):
            row[i] = max(-524287, min(524287, row[i] + ((x * error + (1 << (shift - 1))) >> shift)))

    def end_byte(self, lanes: list[Lane]) -> None:
        """End the byte of each of the lanes that has had its last bit."""
        active = [lane for lane in lanes if lane.ended]
        for lane in active:
            lane.ended = False
            self.learn(lane, 7, lane.bit)
        for lane in active:
            self.remember(lane, lane.partial & 255)
        for m, minimum in enumerate(MINIMA):
            for lane in active:
                self.follow(lane, m, minimum)
            for lane in active:
                if lane.position - lane.start >= minimum:
                    self.index[m][self.key(lane, minimum)] = lane.position
        for lane in active:
            named = lane.named
            last = 0 if named["word"] else lane.named["history"] & 255
            named["pair"] = (lane.last_word * D + named["word"] + last) & U64
            named["triple"] = (named["pair"] + lane.word_before * B) & U64
            named["expected"] = 0
            for m in (1, 0):
                if lane.length[m] > 0:
                    named["expected"] = 64 * (self.raw[lane.pointer[m]] + 1) + min(lane.length[m], 16)
            if lane.numbers:
                lane.numbers.follow(self.raw, lane)

    def remember(self, lane: Lane, v: int) -> None:
        self.raw[lane.position] = v
        lane.asleep = len(self.lanes) == 1 and any(
            lane.length[m] >= 32 and self.raw[lane.pointer[m]] == v for m in (0, 1)
        )
        if lane.prior:
            lane.prior.remember(v)
        lane.named["history"] = (lane.named["history"] << 8 | v) & U64
        lane.position += 1
        lane.learnt += 1
        if 97 <= v | 32 <= 122 or v >= 128:
            lane.named["word"] = (lane.named["word"] + (v | 32 if v < 128 else v) + 1) * A & U64
        elif lane.named["word"]:
            lane.word_before, lane.last_word, lane.named["word"] = lane.last_word, lane.named["word"], 0
        kind = kind_of(v)
        same = lane.named["run"] % 256 == kind
        lane.named["run"] = min(lane.named["run"] + 256, 31 * 256 + kind) if same else kind
        if kind == v or kind != lane.named["shape"] & 255:
            lane.named["shape"] = (lane.named["shape"] << 8 | kind) & U64
        if v == 10:
            lane.last_line = lane.aligned_at = lane.line
            lane.line, lane.named["template"] = lane.position, 0
        elif kind != 3:
            lane.named["template"] = (lane.named["template"] + v + 1) * A & U64
        if v != 10:
            self.align(lane, v)
        lane.named["instruction"] = lane.instructions.remember(v)
        lane.named["neighbours"] = self.neighbours(lane)
        lane.named["indirect"] = self.follow_last(lane.named["history"])

    def align(self, lane: Lane, v: int) -> None:
        end = min(lane.line - 1, lane.aligned_at + 64)
        if lane.aligned_at >= end:
            return
        if kind_of(v) != v:
            there = self.raw[lane.aligned_at]
            lane.aligned_at += kind_of(there) != there
        elif v in self.raw[lane.aligned_at : end]:
            lane.aligned_at = self.raw.index(v, lane.aligned_at, end) + 1

    def neighbours(self, lane: Lane) -> int:
        """The register NEIGHBOURS."""
        length, column, second = self.row_length, lane.position - lane.line, 0
        above = lane.position - length if length else lane.last_line + column
        if length and above - length >= lane.start:
            second = self.raw[above - length]
        if not length and lane.aligned_at < lane.line:
            second = self.raw[lane.aligned_at]
        if not (above >= lane.start if length else lane.last_line < lane.line and above < lane.line):
            return second << 24
        left = self.raw[above - 1] if above > lane.start else 0
        column = lane.position % length if length else min(column, 255)
        slope = (self.raw[above] + lane.named["history"] - left) % 256
        right = self.raw[above + 1] if above + 1 < lane.position else 0
        parts = self.raw[above], right, 0, second, column % 256, column // 256, slope, 1
        return int.from_bytes(bytes(parts), "little")

    def follow_last(self, history: int) -> int:
        """Enter the last byte behind those before it; the register INDIRECT."""
        for entry in (history >> 8) % 256, 256 + (history >> 8) % 65536:
            self.followers[entry] = self.followers[entry] % 256 << 8 | history % 256
        return self.followers[history % 256] | self.followers[256 + history % 65536] << 16

    def key(self, lane: Lane, minimum: int) -> int:
        kept = lane.named["history"] << 8 * (8 - min(minimum, 8)) & U64
        return (kept * B & U64) >> (64 - self.index_bits)

    def follow(self, lane: Lane, m: int, minimum: int) -> None:
        pointer = lane.pointer[m]
        lane.length[m] = abs(lane.length[m])
        if lane.length[m] > 0 and self.raw[pointer] == self.raw[lane.position - 1] and pointer + 1 < self.end:
            lane.pointer[m] += 1
            lane.length[m] = min(lane.length[m] + 1, 127)
            return
        if lane.length[m] >= self.lasting:
            lane.spare[m] = 4
        if lane.length[m] > 0 and lane.spare[m] > 0 and pointer + 1 < self.end:
            lane.pointer[m], lane.length[m], lane.spare[m] = pointer + 1, 1, lane.spare[m] - 1
        else:
            lane.length[m] = 0
        candidate = self.index[m].get(self.key(lane, minimum), 0)
        if lane.position - lane.start < minimum or not 0 < candidate < self.end:
            return
        starts = [other.start for other in self.lanes if other.start < candidate] if candidate > self.begin else []
        home = max(starts, default=0)
        limit, length = min(lane.position - lane.start, candidate - home, 127), 0
        while length < limit and self.raw[lane.position - 1 - length] == self.raw[candidate - 1 - length]:
            length += 1
        if length >= minimum:
            lane.pointer[m], lane.length[m], lane.spare[m] = candidate, length, 0


def read_model(content: bytes) -> dict:
    """The tensors of a safetensors file as lists of rows."""
    (size,) = struct.unpack_from("<Q", content)
    tensors = {}
    for name, entry in json.loads(content[8 : 8 + size]).items():
        if name != "__metadata__":
            rows, columns = [1, *entry["shape"]][-2:]
            code = {"U32": "I", "I32": "i", "U16": "H", "I16": "h", "I8": "b"}[entry["dtype"]]
            begin, end = entry["data_offsets"]
            flat = struct.unpack(f"<{rows * columns}{code}", content[8 + size + begin : 8 + size + end])
            tensors[name] = [flat[i * columns : (i + 1) * columns] for i in range(rows)]
    return tensors


def move(data: bytes, places: range, sign: int) -> bytes:
    """Data in which the operands of calls and jumps at these places, in this order, are changed by where they are."""
    c = bytearray(data)
    for p in places:
        if c[p] in (0xE8, 0xE9) and c[p + 4] in (0, 255):
            v = (int.from_bytes(c[p + 1 : p + 5], "little") + sign * (p + 5)) % 2**25
            c[p + 1 : p + 5] = (v % 2**24).to_bytes(3, "little") + (b"\xff" if v >= 2**24 else b"\0")
    return bytes(c)


def relative(code: bytes) -> bytes:
    """What a block of transform 1 is made of."""
    return move(code, range(len(code) - 4), -1)


def absolute(raw: bytes) -> bytes:
    """What transform 1 makes of bytes."""
    return move(raw, range(len(raw) - 5, -1, -1), 1)


def decode_file(data: bytes, models: dict[bytes, dict], context: bytes | None = None) -> bytes:
    """The content of all frames of a file, each with the model of its id; any damage is an AssertionError.

    context: that of the frames that name one.
    """
    assert data, "a file has a frame"
    contents, at = [], 0
    try:
        while at < len(data):
            content, at = read_frame(data, at, models, context)
            contents.append(content)
            while data[at : at + 1] == b"\0":
                at += 1
    except (IndexError, struct.error) as error:
        raise AssertionError("the data end too early") from error
    return b"".join(contents)


NUMBERED = {1: bytes.fromhex("ae6c7900a4fcc117")}
"""Models that have a number."""


def crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 & 0xFFFF ^ 0x1021 * (crc >> 15)
    return crc


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """A number, which has to be in its shortest form, and where it ends."""
    size = data[at] % 4 + 1
    packed = data[at : at + size]
    assert len(packed) == size, "the data end too early"
    assert size == 1 or packed[-1] != 0
    return int.from_bytes(packed, "little") >> 2, at + size


class Frame:
    """What the blocks of a frame need: the model, the context, and what came before in the frame."""

    def __init__(self, model: dict, context: bytes) -> None:
        self.model, self.context = model, context
        self.window = self.position = 0
        self.blocks = []
        """For each block its position and its bytes, None for those that are copied."""

    def complete(self, coded: bytes, size: int) -> bytes:
        """The raw bytes of the next block, of ``size`` bytes, whose coded bytes are these."""
        copies, at = self.read_copies(coded, size) if len(coded) < size else ([], 0)
        known, literals = [], coded[at:]
        for place, length, _ in copies:
            between = place - len(known)
            known += [*literals[:between], *[None] * length]
            literals = literals[between:]
        known += literals
        assert len(known) == size
        raw = bytearray()
        for place, length, distance in copies:
            raw += bytes(known[len(raw) : place])
            if distance > place:
                source = self.before(distance - place, length)
                assert None not in source, "a source before the block is literals"
            else:
                source = raw[place - distance :][: min(length, distance)]
            raw += bytes((source * (length // distance + 1))[:length])
        raw += bytes(known[len(raw) :])
        self.blocks.append((self.position, known))
        self.position += size
        return bytes(raw)

    def read_copies(self, coded: bytes, size: int) -> tuple[list[tuple[int, int, int]], int]:
        """The place, length and distance of each copy in a block, and where the list of them ends."""
        copies, at, end, literals, distance = [], 0, 0, size, len(self.context)
        while len(coded) - at < literals:
            entry = at
            between, at = read_long_number(coded, at)
            length, at = read_long_number(coded, at)
            change, at = read_long_number(coded, at)
            place, distance = end + between, distance + (-(change + 1) // 2 if change % 2 else change // 2)
            assert 0 < distance < 2**49 and place + length < size
            copies.append((place, length or size - place, distance))
            end = place + copies[-1][1]
            literals -= copies[-1][1]
            assert copies[-1][1] > at - entry
        return copies, at

    def before(self, distance: int, length: int) -> list[int | None]:
        """The bytes that begin so far before the block, None for those that are copied."""
        position = self.position - distance
        if position < 0 and self.context:
            position += len(self.context)
            assert 0 <= position <= len(self.context) - length
            return list(self.context[position : position + length])
        assert position >= 0 and distance <= self.window
        begin, known = next(block for block in reversed(self.blocks) if block[0] <= position)
        assert position + length <= begin + len(known), "a source is in one block"
        return known[position - begin :][:length]


def read_long_number(coded: bytes, at: int) -> tuple[int, int]:
    """A number in a list of copies, and where it ends."""
    for size in range(1, 8):
        assert at + size <= len(coded)
        if coded[at + size - 1] < 128:
            assert size == 1 or coded[at + size - 1] > 0
            return sum((coded[at + i] & 127) << 7 * i for i in range(size)), at + size
    raise AssertionError("the number is too long")


def read_frame(data: bytes, start: int, models: dict[bytes, dict], context: bytes | None) -> tuple[bytes, int]:
    """The content of the frame that begins at ``start``, and where it ends.

    Damage is an AssertionError, or an IndexError or struct.error where the data end too early.
    """
    assert data[start : start + 4] == b"\xceLKZ"
    kind, at = data[start + 4], start + 5
    assert kind % 8 == 1 and (kind & 0x28) != 0x20
    if kind >> 6:
        model_id = NUMBERED.get(kind >> 6)
    else:
        model_id, at = data[at : at + 8], at + 8
    assert model_id in models, "of no model here"
    if kind & 0x10:
        assert context and data[at : at + 4] == hashlib.sha256(context).digest()[:4], "of another context"
        at += 4
    frame = Frame(models[model_id], context if kind & 0x10 else b"")
    if kind & 8:
        return read_blocks(data, start, at, frame)
    before = data[start:at]
    if data[at] == 0:
        assert struct.unpack_from("<H", data, at + 1)[0] == crc16(before + b"\0")
        return b"", at + 3
    return read_block(data, at, 2**30, frame, lambda fields: struct.pack("<H", crc16(before + fields)))


def read_blocks(data: bytes, start: int, at: int, frame: Frame) -> tuple[bytes, int]:
    """The same for a frame of several blocks, whose block size is at ``at``."""
    block_size, at = read_number(data, at)
    block_size += 1
    if data[start + 4] & 0x20:
        assert 16 <= data[at] <= 30
        frame.window, at = 1 << data[at], at + 1
    assert struct.unpack_from("<I", data, at)[0] == zlib.crc32(data[start:at])
    assert 2**16 <= block_size <= 2**30
    at += 4
    header_size, contents, entries = at - start, [], []
    while data[at]:
        number = struct.pack("<Q", len(entries))
        content, end = read_block(
            data, at, block_size, frame, lambda fields, number=number: struct.pack("<I", zlib.crc32(number + fields))
        )
        contents.append(content)
        entries.append((end - at, len(content)))
        at = end
    index = b"\0" + b"".join(struct.pack("<II", *entry) for entry in entries)
    index += struct.pack("<IB", len(entries), header_size)
    end = index + struct.pack("<I", zlib.crc32(index)) + b"ZKL\xce"
    assert data[at : at + len(end)] == end
    return b"".join(contents), at + len(end)


def read_block(
    data: bytes, start: int, block_size: int, frame: Frame, check: Callable[[bytes], bytes]
) -> tuple[bytes, int]:
    """The content of the block whose header is at ``start``, and where it ends; check: the header's checksum, of the
    bytes before it."""
    h, at = read_header(data, start)
    expected = check(data[start:at])
    assert data[at : at + len(expected)] == expected
    check_fields(h)
    assert h["size"] <= block_size
    at += len(expected)
    payload = data[at : at + h["payload"]]
    assert len(payload) == h["payload"]
    assert frame.context or not h["primed"]
    content = frame.complete(coded_bytes(h, payload, frame), h["size"])
    assert "raw_crc" not in h or zlib.crc32(content) == h["raw_crc"]
    return content, at + len(payload)


def check_fields(h: dict) -> None:
    """That the fields of a block's header, or a part's, are within their limits; fills in those that follow from
    others."""
    assert h["mode"] > 0 or h["first"] in (8, 12)
    assert h["profile"] == 0 or h["mode"] == 2
    rows = h["row_length"]
    if h["profile"] == 3:
        check_layout(rows % 2**14)
        rows >>= 14
    assert rows != 1 and rows < 2**16
    assert h["coded"] < h["size"] or not h["copies"]
    usual = usual_lanes(h["mode"], h["coded"]), min(max(16, (96 * h["coded"] - 1).bit_length()), 28), 20
    least = h["size"] >> 18 << 2
    if h["mode"] == 1:
        assert h["first"] in (1, 5)
        h["payload"] = max(least, h["coded"])
    elif h["mode"] > 1:
        named = h["lanes"], h["bits"], h["piece_bits"]
        assert not h["shaped"] or named != usual
        h["lanes"], h["bits"], h["piece_bits"] = named if h["shaped"] else usual
        at_order_zero = h["mode"] == 2 and h["profile"] == h["lanes"] == h["bits"] == 0
        assert at_order_zero or (1 <= h["lanes"] <= 1024 and 16 <= h["bits"] <= 28)
        assert 10 <= h["piece_bits"] <= 30
        assert not (h["pieced"] and h["piece_bits"] == 20)
        if h["primed"]:
            assert h["lanes"] == 1
        else:
            assert 1 << h["bits"] <= max(1 << 16, 256 * h["coded"])
    assert least <= h["payload"] <= max(least, h["coded"]) + 2


def check_layout(layout: int) -> None:
    """That numbers may lie so."""
    width = 1 << layout % 4
    assert layout >> 4 & 7 < width
    assert width > 1 or not layout & 4
    assert width > 2 or not layout & 8


def coded_bytes(h: dict, payload: bytes, frame: Frame) -> bytes:
    """The coded bytes of a block whose header is ``h``."""
    return (joined, unfilled, decoded, decoded)[h["mode"]](h, payload, frame)


def joined(h: dict, payload: bytes, frame: Frame) -> bytes:
    """The coded bytes of a block in parts."""
    parts, at = read_parts(h, payload)
    stretches, at = read_stretches(payload, at, [part["size"] for part in parts])
    contents = []
    for part in parts:
        packed = payload[at : at + part["payload"]]
        assert len(packed) == part["payload"]
        contents.append(coded_bytes(part, packed, frame))
        assert "raw_crc" not in part or zlib.crc32(contents[-1]) == part["raw_crc"]
        at += len(packed)
    assert len(payload) == max(at, h["size"] >> 18 << 2) and not any(payload[at:]), "a block is filled up with zeros"
    found, places = [], [0] * len(parts)
    for number, size in stretches:
        found.append(contents[number][places[number] :][:size])
        places[number] += size
    return b"".join(found)


def read_parts(h: dict, payload: bytes) -> tuple[list[dict], int]:
    """The headers of the parts of a block, and where the list of their stretches is."""
    more, at = read_number(payload, 0)
    assert more + 2 <= 16
    parts = []
    for _ in range(more + 2):
        part, at = read_header(payload, at)
        assert part["mode"] > 0 and not part["copies"] and not part["primed"]
        check_fields(part)
        parts.append(part)
    assert sum(part["size"] for part in parts) == h["coded"]
    return parts, at


def read_stretches(payload: bytes, at: int, left: list[int]) -> tuple[list[tuple[int, int]], int]:
    """The part and the size of each stretch, and where the list of them ends; left: bytes of each part."""
    stretches, number, left = [], 0, list(left)
    while sum(size > 0 for size in left) > 1:
        if stretches:
            further, at = read_number(payload, at) if len(left) > 2 else (0, at)
            assert further <= len(left) - 2
            number = (number + 1 + further) % len(left)
        size, at = read_number(payload, at)
        stretches.append((number, size + 1024))
        left[number] -= size + 1024
        assert left[number] >= 0
    rest = next(number for number, size in enumerate(left) if size > 0)
    return [*stretches, (rest, left[rest])], at


def unfilled(h: dict, payload: bytes, frame: Frame) -> bytes:
    """The coded bytes of a stored block."""
    assert not any(payload[h["coded"] :]), "a block is filled up with zeros"
    return payload[: h["coded"]]


class OrderZero:
    """Decodes a block of no lanes as ``Block``."""

    def __init__(self) -> None:
        self.words, self.ans, self.rows, self.line, self.before = [], 0, [first_row(1), first_row(11520)], 0, None

    def decode(self, begin: int, end: int, words: list[int]) -> bytes:
        begin_words(self, words)
        found = []
        for _ in range(end - begin):
            row, partial = self.rows[self.line == self.before], 1
            while partial < 256:
                bit = decode_bit(self, limit(row[partial] >> 16, 1, 65535))
                teach(row, partial, bit)
                partial = 2 * partial + bit
            found.append(partial - 256)
            self.line += 1
            if found[-1] == 0x0A:
                self.line, self.before = 0, self.line - 1
        assert not self.words, "no word may be left"
        return bytes(found)


def first_row(newline: int) -> list[int]:
    """The entries of order zero before the first byte, by the weight of a newline."""
    weights = [17 if (chr(v).isalnum() and v < 128) or v in b"+/" else 1 for v in range(256)]
    weights[0x0A] = newline
    row = [0]
    for partial in range(1, 256):
        zeros, ones = [
            sum(w for v, w in enumerate(weights) if bin(256 + v)[3:].startswith(bin(partial)[3:] + bit)) for bit in "01"
        ]
        row.append((ones << 22) // (zeros + ones) * 1024 + 1)
    return row


def decoded(h: dict, payload: bytes, frame: Frame) -> bytes:
    """The coded bytes of a block of mode 2 or 3."""
    ends = ends_of_pieces(h)
    words, begin, code, checksums = read_words(h, payload, len(ends)), 0, b"", []
    primer = frame.context[-(2**22) :] if h["primed"] else b""
    block = Block(h, frame.model, absolute(primer) if h["transform"] else primer) if h["lanes"] else OrderZero()
    for end, words_of_piece in zip(ends, words, strict=True):
        code += block.decode(begin, end, words_of_piece)
        checksums.append((begin, end, block.ans))
        begin = end
    coded = relative(code) if h["transform"] else code
    for begin, end, ans in checksums:
        assert ans == 2**32 + zlib.crc32(coded[begin:end]), "ans must hold the checksum at the end of a piece"
    return coded


def ends_of_pieces(h: dict) -> list[int]:
    """Where each piece of the coded bytes ends."""
    lanes = max(h["lanes"], 1)
    whole = 2 ** h["piece_bits"] // lanes * lanes
    ends, left = [], h["coded"]
    while left >= whole + whole // 2:
        ends.append(h["coded"] - left + whole)
        left -= whole
    return [*ends, h["coded"]]


def read_words(h: dict, payload: bytes, pieces: int) -> list[list[int]]:
    """The code words of each piece."""
    at, found = 0, []
    for _ in range(pieces - 1):
        size, at = read_number(payload, at)
        assert at + size <= len(payload)
        found.append(payload[at : at + size])
        at += size
    found.append(payload[at:])
    if len(payload) == h["size"] >> 18 << 2:
        found[-1] = found[-1].rstrip(b"\0")
    assert not any(packed.endswith(b"\0") for packed in found), "words end in no zero"
    assert min(map(len, found)) > 4, "words hold a checksum"
    return [[*struct.unpack(f"<{(len(w) + 3) // 4}I", w + bytes(-len(w) % 4))] for w in found]


def read_header(data: bytes, start: int) -> tuple[dict, int]:
    """The fields of the header of a block, or of a part, at ``start``, and where its checksum is, if it has one."""
    first, at = data[start], start + 1
    h = {"first": first, "mode": first % 4, "copies": first >> 2 & 1, "shaped": first >> 3 & 1}
    h |= {"transform": first >> 4 & 1, "profile": first >> 5 & 3, "primed": first >> 7}
    h |= {"row_length": 0, "lanes": 0, "bits": 0, "pieced": 0, "piece_bits": 20}
    size, at = read_number(data, at)
    coded, at = read_number(data, at) if h["copies"] else (size, at)
    h["size"], h["coded"] = size + 1, coded + 1
    if h["shaped"] and h["mode"] > 0:
        shape, at = struct.unpack_from("<H", data, at)[0], at + 2
        h["bits"], h["pieced"] = shape >> 11, shape >> 10 & 1
        h["lanes"] = shape % 1024 + (h["bits"] > 0)
        if h["pieced"]:
            h["piece_bits"], at = data[at], at + 1
    if h["profile"]:
        h["row_length"], at = read_number(data, at)
    if h["mode"] != 1:
        h["payload"], at = read_number(data, at)
    if h["mode"] <= 1 or h["copies"]:
        h["raw_crc"], at = struct.unpack_from("<I", data, at)[0], at + 4
    return h, at


def usual_lanes(mode: int, size: int) -> int:
    return max(1, min(8, size // 2**14), min(32, size // 2**19 * 8)) if mode == 3 else 1
