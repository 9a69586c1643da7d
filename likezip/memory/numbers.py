"""What the numbers so far would go on to: predictions of the coming number, and what they say of the coming byte.

A block of profile numbers holds numbers of one width, in several channels and perhaps in rows (``number_layout``):
pixels, samples of sound, elements of arrays, fields of records.  Before a number begins, it is predicted from numbers
around: by sums and differences of some, and by least squares, whose weights follow the data.  Before each of its bytes

- each prediction expects a byte, given the bytes of the number that are known; these bytes are parts of contexts, in
  the registers NUMBERS, MORE_NUMBERS and BEST_NUMBER;
- a logistic distribution around the prediction by least squares, as wide as the last errors, says how likely each bit
  is, which is the mixer's input for a prior.

Least squares.  What a number adds to the one before it is a sum of differences between numbers around, the *features*,
with weights.  For every channel two estimators, one of which forgets faster, keep the means of the products of all
features, and of them with the right answer; after each number each weight in turn is set to what is best with the
others as they are, one step of coordinate descent on the normal equations (compare Y. Zakharov, G. White and J. Liu,
"Low-complexity RLS algorithms using dichotomous coordinate descent iterations", 2008).

Numbers of 2 bytes and more are taken modulo 2^(8 width), their differences as signed, so it does not matter whether
they are; numbers of a byte are 0 to 255, and so are their predictions.

    value        a number of a byte in 0..255, any other signed; a negative float's magnitude is turned round
    feature      a difference shifted right until the usual ones have 11 bits, |feature| <= 2^14
    weight       in 2^-16, |weight| < 2^20
    products     means of feature x feature x 2^8, <= 2^36
    errors       means of |error| <= 2^40, in 1/16
    place in the distribution   in 1/1024 of its scale

Why nothing overflows: a sum of FEATURES products x weights is below 2^(36 + 20 + 4), the products with the answer are
shifted to 2^(36 + 16).  A prediction's feature x weight is below 2^34, the sum of 16 below 2^38, times a share of 256
below 2^46; shifted right by 16 and left by a shift of at most 30 it is below 2^53.  In the distribution centres are
at most 2^46 and shifted left by 14, and the step for a byte is at most 2^36, so 256 of them are 2^44.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined, table
from likezip.kernels.intrinsics import aligned, leading_zeros
from likezip.memory.number_layout import NumberLayout
from likezip.memory.registers import BEST_NUMBER, MORE_NUMBERS, NUMBERS, POSITION, START

ITEM, WIDTH, PHASE, BIG_ENDIAN, IS_FLOAT = range(5)
"""The places in ``Numbers.layout``."""

# Numbers around the coming one, by their places in ``Numbers.values``: W the ones before it of its channel, W + 1 being
# two items before; N the one a row above and NW, NE .. its neighbours; P the one before it of any channel, Q the one
# before that, WP and NP the same beside W and N.
W, N, NW, NE, NN, NWW, NEE, NNW, NNE, P, WP, WWP, NP, Q, WQ, NQ = 0, *range(14, 29)
POINTS = 29

FEATURES = 16
ALONG = tuple((W + k, W + k + 1) for k in range(13))
"""The features of numbers that have no rows: differences of the last numbers."""
AROUND = (
    *((N, NW), (NW, W), (NE, N), (NN, N), (NNW, NW), (NNE, NE), (NWW, NW), (NEE, NE)),
    *((W, W + 1), (W + 1, W + 2), (W + 2, W + 3), (W + 3, W + 4)),
)
"""The features of numbers in rows."""
ALONG_CHANNELS = ((P, WP), (WP, WWP)), ((Q, WQ),)
AROUND_CHANNELS = ((P, WP), (P, NP)), ((Q, WQ), (Q, NQ))
"""More features for at least two and at least three channels."""

LEAST_OF_ROW = 8
"""Numbers are in rows if a row has at least so many items."""
CHANNELS = 8
"""Channels that are told apart; the next ones share with the first again."""

PREDICTIONS = 12
"""Predictions of the coming number; the first is that by least squares."""
SHIFT, EIGHTHS, ESTIMATES, PREDICTED = PREDICTIONS, PREDICTIONS + 1, PREDICTIONS + 2, PREDICTIONS + 4
"""Behind them: the shift of features, the next three bits of the first prediction of a byte, the predictions of the
estimators, and whether there is any."""

FORGETS = 5, 8
"""Of its means an estimator forgets 1 / 2^FORGETS a number."""
FEATURE_LIMIT, FEATURE_BITS = 1 << 14, 11
WEIGHT_BITS, WEIGHT_LIMIT = 16, (1 << 20) - 1
ERROR_LIMIT = 1 << 40

FAST, SLOW, LAST, CHANGE, OF_ESTIMATES = 0, 1, 2, 3, 4
"""The places in ``Numbers.errors``: means of the error over about 8 and 32 numbers, the last error, the mean of what a
number adds to the one before over about 16, and the means of the errors of both estimators over as many."""
RATES = 3, 5, 4

BEGIN, STEP, REPEATS, SCALE = range(4)
"""The places in ``Numbers.distribution``: of the beginning of byte 0, and from there to byte 1, both in 1/1024 scale; 1
if byte 255 goes on to byte 0; and the scale, in 1/16."""

SHARE_BITS, PLACES, FARTHEST, LEAST_SHARE = 28, 64, 16, 16


def _shares() -> npt.NDArray[np.int64]:
    """2^SHARE_BITS / (1 + exp(-x / PLACES)), rounded, for |x| <= FARTHEST PLACES; computed as ``mixer.SQUASH``."""
    with localcontext() as context:
        context.prec = 50
        step, power, upper = (Decimal(-1) / PLACES).exp(), Decimal(1), list[int]()
        for _ in range(FARTHEST * PLACES + 1):
            upper.append(int((1 << SHARE_BITS) / (1 + power) + Decimal("0.5")))
            power *= step
    return np.array([(1 << SHARE_BITS) - share for share in reversed(upper[1:])] + upper)


SHARES: npt.NDArray[np.int64] = table(_shares)
"""(2 FARTHEST PLACES + 1,) int64: the logistic distribution function."""


class Numbers(NamedTuple):
    """The numbers of a block; the last arrays hold a row for each lane, but none in a block of another profile."""

    layout: npt.NDArray[np.int64]  # (5,), item 0 in a block of another profile
    offsets: npt.NDArray[np.int64]  # (POINTS,), bytes from a number back to those around
    pairs: npt.NDArray[np.int64]  # (FEATURES, 2), points whose difference is a feature; -1 for none
    values: npt.NDArray[np.int64]  # (lanes, POINTS)
    features: npt.NDArray[np.int64]  # (lanes, FEATURES)
    predictions: npt.NDArray[np.int64]  # (lanes, PREDICTED + 1)
    products: npt.NDArray[np.int64]  # (lanes, CHANNELS, 2, FEATURES, FEATURES), of features
    answers: npt.NDArray[np.int64]  # (lanes, CHANNELS, 2, FEATURES), products of features and answer
    weights: npt.NDArray[np.int64]  # (lanes, CHANNELS, 2, FEATURES)
    errors: npt.NDArray[np.int64]  # (lanes, CHANNELS, OF_ESTIMATES + 2)
    distribution: npt.NDArray[np.int64]  # (lanes, 4)

    @classmethod
    def of(cls, layout: NumberLayout | None, row: int, lanes: int) -> Numbers:
        """Those of a block before its first byte; row: bytes of a row."""
        return cls._of(layout, row, lanes) if layout else _none()

    @classmethod
    def _of(cls, known: NumberLayout, row: int, lanes: int) -> Numbers:
        return cls(
            layout=np.array([known.item, known.width, known.phase, known.big_endian, known.is_float], np.int64),
            offsets=np.array(_offsets(known.item, known.width, row), np.int64),
            pairs=np.array(_pairs(known.item, known.width, row), np.int64),
            values=aligned((lanes, POINTS), np.int64),
            features=aligned((lanes, FEATURES), np.int64),
            predictions=aligned((lanes, PREDICTED + 1), np.int64),
            products=aligned((lanes, CHANNELS, 2, FEATURES, FEATURES), np.int64),
            answers=aligned((lanes, CHANNELS, 2, FEATURES), np.int64),
            weights=aligned((lanes, CHANNELS, 2, FEATURES), np.int64),
            errors=aligned((lanes, CHANNELS, OF_ESTIMATES + 2), np.int64),
            distribution=aligned((lanes, 4), np.int64),
        )


@lru_cache(maxsize=1)
def _none() -> Numbers:
    """Those of any block of another profile, which nobody writes to: nothing is used of them but an item of 0."""
    return Numbers._of(NumberLayout(0, 1), 0, 0)


def _offsets(item: int, width: int, row: int) -> list[int]:
    """``Numbers.offsets``; those that are not positive, or lead to what is not there, give 0."""
    rows = [row, row + item, row - item, 2 * row, row + 2 * item, row - 2 * item, 2 * row + item, 2 * row - item]
    before = [width, width + item, width + 2 * item, width + row]
    return [item * k for k in range(1, 15)] + rows + before + [2 * width, 2 * width + item, 2 * width + row]


def _pairs(item: int, width: int, row: int) -> list[tuple[int, int]]:
    """``Numbers.pairs``."""
    in_rows = row >= LEAST_OF_ROW * item
    pairs = list(AROUND if in_rows else ALONG)
    for number, more in enumerate(AROUND_CHANNELS if in_rows else ALONG_CHANNELS):
        pairs += more if item >= (number + 2) * width else ()
    return pairs + [(-1, -1)] * (FEATURES - len(pairs))


@inlined
def _bit_length(value):
    return np.int64(64) - leading_zeros(np.uint64(value))


@inlined
def _signed(value, size):
    """The lowest ``size`` bytes of a value, at least one, as a signed number."""
    shift = 64 - 8 * size
    return np.int64(value << shift) >> shift


@inlined
def _turned(value, layout):
    """A float's bits as a number that grows with the float, and the other way round; any other number as it is."""
    return value ^ ((value >> 63) & ((layout[IS_FLOAT] << (8 * layout[WIDTH] - 1)) - layout[IS_FLOAT]))


@inlined
def _bytes(raw, place, size, big_endian):
    """The number in ``size`` bytes at ``place``."""
    value = np.int64(0)
    for k in range(size):
        at = place + k if big_endian else place + size - 1 - k
        value = np.int64(value << 8) | np.int64(raw[at])
    return value


@inlined
def _value(raw, place, layout):
    """The number at ``place``."""
    width = layout[WIDTH]
    value = _bytes(raw, place, width, layout[BIG_ENDIAN])
    return value if width == 1 else _turned(_signed(value, width), layout)


@inlined
def _wrapped(value, width):
    """A sum as a value: a byte limited, any other modulo 2^(8 width)."""
    return min(max(value, np.int64(0)), np.int64(255)) if width == 1 else _signed(value, width)


@inlined
def _difference(a, b, width):
    return a - b if width == 1 else _signed(a - b, width)


@inlined
def _magnitude(difference):
    """|difference|, at most ERROR_LIMIT."""
    return min(abs(max(difference, np.int64(-ERROR_LIMIT))), np.int64(ERROR_LIMIT))


@inlined
def _limited(feature):
    return min(max(feature, np.int64(-FEATURE_LIMIT)), np.int64(FEATURE_LIMIT))


@inlined
def _learn(actual, numbers, lane, channel):
    """Learn the number that was predicted."""
    width, predictions, features = numbers.layout[WIDTH], numbers.predictions[lane], numbers.features[lane]
    errors = numbers.errors[lane, channel]
    errors[LAST] = _difference(actual, predictions[0], width)
    size = 16 * _magnitude(errors[LAST])
    change = _difference(actual, predictions[1], width)
    errors[FAST] += (size - errors[FAST]) >> RATES[0]
    errors[SLOW] += (size - errors[SLOW]) >> RATES[1]
    errors[CHANGE] += (16 * _magnitude(change) - errors[CHANGE]) >> RATES[2]
    answer = _limited(change >> predictions[SHIFT])
    for e in range(2):
        size = 16 * _magnitude(_difference(actual, predictions[ESTIMATES + e], width))
        errors[OF_ESTIMATES + e] += (size - errors[OF_ESTIMATES + e]) >> RATES[2]
        answers, products = numbers.answers[lane, channel, e], numbers.products[lane, channel, e]
        weights, forget = numbers.weights[lane, channel, e], FORGETS[0] if e == 0 else FORGETS[1]
        for i in range(FEATURES):
            for j in range(FEATURES):
                products[i, j] += (((features[i] * features[j]) << 8) - products[i, j]) >> forget
            answers[i] += (((features[i] * answer) << 8) - answers[i]) >> forget
        for i in range(FEATURES):
            rest = answers[i] << WEIGHT_BITS
            for j in range(FEATURES):
                rest -= products[i, j] * weights[j]
            own = products[i, i]
            best = (rest + own * weights[i]) // (own + (own >> 8) + 256)
            weights[i] = min(max(best, np.int64(-WEIGHT_LIMIT)), np.int64(WEIGHT_LIMIT))


@inlined
def _predict(raw, registers, numbers, lane, channel):
    """Predict the number that begins."""
    position, start, layout = registers[POSITION], registers[START], numbers.layout
    width, v, features = layout[WIDTH], numbers.values[lane], numbers.features[lane]
    errors, weights = numbers.errors[lane, channel], numbers.weights[lane, channel]
    for k in range(POINTS):
        place = position - numbers.offsets[k]
        v[k] = _value(raw, place, layout) if place >= start and place + width <= position else np.int64(0)
    shift = np.int64(0) if width == 1 else max(_bit_length(errors[CHANGE] >> 4) - FEATURE_BITS, np.int64(0))
    first, second = np.int64(0), np.int64(0)
    for k in range(FEATURES):
        pair = numbers.pairs[k]
        features[k] = _limited(_difference(v[pair[0]], v[pair[1]], width) >> shift) if pair[0] >= 0 else 0
        first += features[k] * weights[0, k]
        second += features[k] * weights[1, k]
    # Both estimators, each with a share that falls with the square of its error.
    down = max(_bit_length(max(errors[OF_ESTIMATES], errors[OF_ESTIMATES + 1])) - 12, np.int64(0))
    one, other = (errors[OF_ESTIMATES] >> down) + 1, (errors[OF_ESTIMATES + 1] >> down) + 1
    share = 256 * other * other // (one * one + other * other)
    both = (first * share + second * (256 - share)) >> 8
    half = np.int64(1 << (WEIGHT_BITS - 1))
    p = numbers.predictions[lane]
    p[0] = _wrapped(v[W] + (((both + half) >> WEIGHT_BITS) << shift), width)
    p[1] = v[W]
    p[2] = v[N]
    p[3] = _wrapped(v[W] + v[N] - v[NW], width)
    p[4] = _wrapped(2 * v[W] - v[W + 1], width)
    p[5] = _wrapped(v[W] + v[P] - v[WP], width)
    p[6] = _wrapped(v[W] + (_difference(v[N], v[W], width) >> 1), width)
    p[7] = _wrapped(2 * v[N] - v[NN], width)
    p[8] = _wrapped(v[W] + v[NE] - v[N], width)
    p[9] = _wrapped(v[N] + v[P] - v[NP], width)
    p[10] = _wrapped(3 * v[W] - 3 * v[W + 1] + v[W + 2], width)
    p[ESTIMATES] = _wrapped(v[W] + (((first + half) >> WEIGHT_BITS) << shift), width)
    p[ESTIMATES + 1] = _wrapped(v[W] + (((second + half) >> WEIGHT_BITS) << shift), width)
    p[11] = p[ESTIMATES + 1]
    p[SHIFT], p[EIGHTHS], p[PREDICTED] = shift, (both >> (WEIGHT_BITS - 3)) & 7, 1


@inlined
def _expected(prediction, known, place, layout):
    """The byte that a prediction expects at ``place`` of a number whose bytes before are the number ``known``, times 8,
    and the three bits behind it.

    Big endian: of the numbers that begin so the one nearest to the prediction; little endian: of those that end so.
    """
    width = layout[WIDTH]
    if width == 1:
        return prediction << 3
    prediction = _turned(prediction, layout)
    if layout[BIG_ENDIAN]:
        below = 8 * (width - 1 - place)
        here = (prediction >> (below - 3) if below > 0 else prediction << 3) & 2047
        above = _signed(known - (prediction >> below >> 8), place) if place > 0 else np.int64(0)
        return here if above == 0 else np.int64(0) if above > 0 else np.int64(2047)
    if place == 0:
        return (prediction << 3) & 2047
    above = _signed(known - prediction, place)
    return ((np.int64(prediction + above) >> (8 * place)) & 255) << 3 | (-above >> (8 * place - 3)) & 7


@inlined
def _spread(known, place, numbers, lane, channel):
    """Lay the distribution around the prediction over the values of the coming byte."""
    layout, errors, distribution = numbers.layout, numbers.errors[lane, channel], numbers.distribution[lane]
    width = layout[WIDTH]
    prediction = _turned(numbers.predictions[lane, 0], layout)
    scale = (errors[FAST] + errors[SLOW] >> 2) + 6
    unit, centre = 8 * place, prediction - known
    if layout[BIG_ENDIAN]:
        unit = 8 * (width - 1 - place)
        centre = prediction - np.int64(known << unit << 8)
    if width > 1:
        centre = _signed(centre, width)
    if not layout[BIG_ENDIAN] and place + 1 < width:
        centre &= (np.int64(1) << (unit + 8)) - 1
    down = max(max(_bit_length(scale), unit + 8) - 30, np.int64(0))
    scaled = max(scale >> down, np.int64(1))
    limit = np.int64(1 << 46)
    step = (np.int64(1) << (unit + 14 - down)) // scaled
    begin = -((min(max(centre >> down, -limit), limit) << 14) // scaled)
    # The higher bytes come first: byte b is all from b to b + 1; else it is b, and all nearer to b than to others.
    distribution[BEGIN] = begin if layout[BIG_ENDIAN] else begin - (step >> 1)
    distribution[STEP], distribution[SCALE] = step, scale
    distribution[REPEATS] = width > 1 and (place == 0 or not layout[BIG_ENDIAN])


@inlined
def _share_before(byte, distribution):
    """The distribution function before ``byte``, of which only differences count, in 2^-SHARE_BITS."""
    place, farthest = distribution[BEGIN] + byte * distribution[STEP], np.int64(FARTHEST * PLACES)
    share = SHARES[min(max(place >> 4, -farthest), farthest) + farthest]
    if distribution[REPEATS]:
        span = distribution[STEP] << 8
        share += SHARES[min(max((place - span) >> 4, -farthest), farthest) + farthest]
        share += SHARES[min(max((place + span) >> 4, -farthest), farthest) + farthest]
    return share


@inlined
def bit_shares(partial, bit, distribution):
    """The shares of a lane's distribution in which ``bit`` is 1 and 0, in 2^-SHARE_BITS, LEAST_SHARE added to both, so
    from that to below 2^30; partial: the bits so far."""
    size = np.int64(256) >> bit
    first = (partial << (8 - bit)) & 255
    low, high = _share_before(first, distribution), _share_before(first + size, distribution)
    middle = _share_before(first + (size >> 1), distribution)
    return high - middle + LEAST_SHARE, middle - low + LEAST_SHARE


@inlined
def follow_numbers(raw, registers, numbers, lane):
    """Learn the number that a lane has completed, if it has, predict the one that begins, and derive what is expected
    of the coming byte."""
    layout, position = numbers.layout, registers[POSITION]
    item, width = layout[ITEM], layout[WIDTH]
    inside = (position + item - layout[PHASE]) % item
    place, channel = inside % width, (inside // width) % CHANNELS
    predictions = numbers.predictions[lane]
    if place == 0:
        if predictions[PREDICTED]:
            before = ((inside + item - width) % item // width) % CHANNELS
            _learn(_value(raw, position - width, layout), numbers, lane, before)
        _predict(raw, registers, numbers, lane, channel)
    size = place if position - place >= registers[START] else np.int64(0)
    known = _bytes(raw, position - size, size, layout[BIG_ENDIAN])
    _spread(known, place, numbers, lane, channel)
    best, column = _expected(predictions[0], known, place, layout), min(inside, np.int64(255)) << 48
    first, second = column, column
    for k in range(6):
        first |= _expected(predictions[k], known, place, layout) >> 3 << (8 * k)
        second |= _expected(predictions[k + 6], known, place, layout) >> 3 << (8 * k)
    registers[NUMBERS], registers[MORE_NUMBERS] = first, second
    eighths, last = predictions[EIGHTHS] if width == 1 else best & 7, numbers.errors[lane, channel, LAST]
    scale = numbers.distribution[lane, SCALE]
    level = _bit_length(scale) << 1 | (scale >> (_bit_length(scale) - 2)) & 1
    sign = np.int64(0) if last == 0 else np.int64(1) if last > 0 else np.int64(2)
    slow = _bit_length(numbers.errors[lane, channel, SLOW] >> 1)
    sizes = sign << 24 | _bit_length(_magnitude(last)) << 32 | slow << 40
    registers[BEST_NUMBER] = column | best >> 3 | eighths << 8 | level << 16 | sizes


@inlined
def leave_number(registers, numbers, lane):
    """Expect nothing of a lane that goes on at another place, and learn nothing of the number before it."""
    registers[NUMBERS] = registers[MORE_NUMBERS] = registers[BEST_NUMBER] = 0
    numbers.predictions[lane, PREDICTED] = 0
    numbers.distribution[lane] = 0
