"""Measures of how anomalous a unit is, from the costs of its bytes right after a context.

Of a unit of n bytes: b, the bits of each byte; B, their sum; H, the bits that the model expected, and V, their
variance (``frozen.ByteCosts``).  Words are runs of letters, digits, bytes above 127 and _, of white space, and of other
characters.  The cost c of a word is the sum of its bits; but that of a word with a digit, as a number, a hexadecimal
one or an identifier, is its bits less the expected ones, from 0 to 8: its shape is measured, not its value.

    surprise    root of the mean of b²
    bits        B
    rate        B / n
    words       root of the mean of c² over all words
    blend       cube root of surprise · bits · words
    excess      B - H (a martingale: its mean is 0 where the model is right)
    deviation   (B - H) / root of (V + 1)
    ratio       B / B₀, where B₀ are the bits without the context (after the likelihood ratio of J. Ren et al.,
                "Likelihood ratios for out-of-distribution detection", 2019)
    universal   B - 8 · bytes of the unit packed by zlib (after J. Serrà et al., "Input complexity and
                out-of-distribution detection with likelihood-based generative models", 2020)

Which of them finds what: ``benchmarks.anomalies``.
"""

from __future__ import annotations

import re
import zlib
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.likelihood.frozen import ByteCosts, Floats

Measure = Literal["blend", "surprise", "bits", "rate", "words", "excess", "deviation", "ratio", "universal"]

WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+|\s+|[^0-9A-Za-z_\s\x80-\xff]+")
MOST_OF_SHAPE = 8.0
"""Bits that a word with a digit costs at most."""

MARKS = 3
"""Words of a unit that are marked at most, the dearest."""
MARK = np.dtype([("start", np.int32), ("size", np.int32), ("bits", np.float32)])
"""A marked word: where it begins in its unit, its bytes, and its cost; 0 bytes for none."""
LEAST_OF_DEAREST = 0.5
"""Words are marked that cost at least this share of what the dearest one costs."""


class Words(NamedTuple):
    """The words of a unit, (words,) each: where they begin, their sizes in bytes, and their costs in bits."""

    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    costs: Floats

    def marked(self) -> npt.NDArray[np.void]:
        """The dearest words, in their order, (MARKS,) of MARK."""
        dearest = np.argsort(-self.costs, kind="stable")[:MARKS]
        limit = LEAST_OF_DEAREST * self.costs[dearest[:1]].sum()
        kept = np.sort(dearest[(self.costs[dearest] >= limit) & (self.costs[dearest] > 0)])
        marks = np.zeros(MARKS, MARK)
        for name, column in zip(("start", "size", "bits"), self, strict=True):
            marks[name][: kept.size] = column[kept]
        return marks


def words_of(unit: bytes, costs: ByteCosts) -> Words:
    """The words of a unit of at least one byte."""
    starts = np.array([found.start() for found in WORD.finditer(unit)], np.int64)
    raw = np.frombuffer(unit, np.uint8)
    with_digit = np.logical_or.reduceat((raw >= ord("0")) & (raw <= ord("9")), starts)
    bits, expected = np.add.reduceat(costs.bits, starts), np.add.reduceat(costs.expected, starts)
    shapes = (bits - expected).clip(0, MOST_OF_SHAPE)
    return Words(starts, np.diff(starts, append=len(unit)), np.where(with_digit, shapes, bits))


def measured(measure: Measure, unit: bytes, costs: ByteCosts, words: Words, without: float = 0.0) -> float:
    """The measure of a unit of at least one byte; without: its bits without the context, for ``ratio`` alone."""
    bits = float(costs.bits.sum())
    surprise = float(np.sqrt(np.mean(costs.bits**2)))
    match measure:
        case "surprise":
            return surprise
        case "bits":
            return bits
        case "rate":
            return bits / len(unit)
        case "words":
            return _of_words(words)
        case "blend":
            return float(np.cbrt(surprise * bits * _of_words(words)))
        case "excess":
            return bits - float(costs.expected.sum())
        case "deviation":
            return float((bits - costs.expected.sum()) / np.sqrt(costs.variance.sum() + 1))
        case "ratio":
            return bits / without
        case "universal":
            return bits - 8 * len(zlib.compress(unit, 9))


def _of_words(words: Words) -> float:
    return float(np.sqrt(np.mean(words.costs**2)))
