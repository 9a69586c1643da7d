"""Numbers of a fixed width, of several channels and in rows: what the numbers so far would go on to.

A block of profile numbers holds numbers of 1, 2, 4 or 8 bytes in one byte order, each ``item`` bytes behind the one
before of its channel: pixels, samples of sound, elements of arrays, fields of records.  Before each number several
predictions of it are made from numbers around it, the best by least squares, whose weights follow the data.  Before
each byte the byte that a prediction expects there, given the bytes of the number that are known, is a part of contexts
(registers NUMBERS_A to NUMBERS_C), and a distribution around the prediction by least squares, as wide as its last
errors, gives the mixer the logit of each bit.

Numbers are taken modulo 2^(8 width), their differences as signed; bytes (width 1) as they are, within 0 and 255.

    features     differences between numbers around, shifted so that they are at most FEATURE_LIMIT
    covariance   of features, and with the target (what is added to the number before), a mean that forgets, times 2^8
    weights      in 2^-16, |weight| <= WEIGHT_LIMIT
    errors       means of |error|, times 16, at most 2^40

Least squares by coordinate descent: for each number one sweep over the weights, each set to what is best with the
others as they are (Y. Zakharov et al., "Low-complexity RLS algorithms using dichotomous coordinate descent iterations",
2008, has the idea).

Why nothing overflows: a feature is at most 2^14, so a product at most 2^28, and the covariance, a mean of them times
2^8, at most 2^36; times a weight below 2^20 it is below 2^56, and POINTS of them are below 2^60.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined
from likezip.kernels.intrinsics import aligned, leading_zeros
from likezip.memory.number_layout import NumberLayout
from likezip.memory.registers import NUMBERS_A, NUMBERS_B, NUMBERS_C, POSITION, START
from likezip.prior.fixed_point import logarithm

CHANNELS = 8
FEATURES = 16
POINTS = 21
PREDICTIONS = 12
FEATURE_BITS, WEIGHT_BITS, FORGET = 14, 16, 6
WEIGHT_LIMIT = (1 << 20) - 1


# Columns of ``Numbers.layout``
ITEM, WIDTH, PHASE, BIG, FLOAT = range(5)

# points: W WW WWW W4 .. W9 | N NW NE NN NWW NEE NNE | P1 WP1 P2 WP2 NP1
W1 = 0
N_, NW, NE, NN, NWW, NEE, NNE = range(9, 16)
P1, WP1, P2, WP2, NP1 = range(16, 21)

_PAIRS_1D = [(W1 + k, W1 + k + 1) for k in range(8)] + [(P1, WP1), (P2, WP2)]
_PAIRS_2D = [
    (N_, NW), (NW, W1), (NE, N_), (W1, W1 + 1), (NN, N_), (NWW, NW), (NNE, NE), (P1, WP1), (P2, WP2), (P1, NP1),
    (NEE, NE), (W1 + 1, W1 + 2), (W1 + 2, W1 + 3),
]  # fmt: skip


class Numbers(NamedTuple):
    layout: npt.NDArray[np.int64]  # (5,)
    offsets: npt.NDArray[np.int64]  # (POINTS,)
    pairs: npt.NDArray[np.int64]  # (FEATURES, 2)
    values: npt.NDArray[np.int64]  # (lanes, POINTS)
    predictions: npt.NDArray[np.int64]  # (lanes, PREDICTIONS + 4)
    features: npt.NDArray[np.int64]  # (lanes, FEATURES)
    covariance: npt.NDArray[np.int64]  # (lanes, CHANNELS, FEATURES, FEATURES)
    target: npt.NDArray[np.int64]  # (lanes, CHANNELS, FEATURES)
    weights: npt.NDArray[np.int64]  # (lanes, CHANNELS, FEATURES)
    errors: npt.NDArray[np.int64]  # (lanes, CHANNELS, 4)
    odds: npt.NDArray[np.int64]  # (lanes, 8)

    @classmethod
    def of(cls, layout: NumberLayout | None, row: int, lanes: int) -> Numbers:
        used = int(layout is not None)
        n = lanes * used
        offsets, pairs = np.zeros(POINTS, np.int64), np.full((FEATURES, 2), -1, np.int64)
        if layout:
            i, w = layout.item, layout.width
            r = row or 2 * i
            offsets[:] = [i * k for k in range(1, 10)] + [
                r, r + i, r - i, 2 * r, r + 2 * i, r - 2 * i, 2 * r - i,
                w, w + i, 2 * w, 2 * w + i, r + w,
            ]  # fmt: skip
            chosen = _PAIRS_2D if row else _PAIRS_1D
            pairs[: len(chosen)] = chosen
        columns = [layout.item, layout.width, layout.phase, layout.big_endian, layout.is_float] if layout else [0] * 5
        import os
        columns += [int(x) for x in os.environ.get('TUNE', '6,8,8,3,5,3,6,0').split(',')]
        return cls(
            np.array(columns, np.int64), offsets, pairs,
            aligned((n, POINTS), np.int64), aligned((n, PREDICTIONS + 4), np.int64), aligned((n, FEATURES), np.int64),
            aligned((n, CHANNELS, FEATURES, FEATURES), np.int64), aligned((n, CHANNELS, FEATURES), np.int64),
            aligned((n, CHANNELS, FEATURES), np.int64), aligned((n, CHANNELS, 4), np.int64), aligned((n, 8), np.int64),
        )  # fmt: skip


CDF_BITS, CDF_STEPS, CDF_RANGE = 28, 64, 16 * 64


def _cdf() -> npt.NDArray[np.int64]:
    with localcontext() as context:
        context.prec = 50
        import os
        part, wide = map(int, os.environ.get('CDF', '0,1').split(','))
        upper = [
            int(((16-part) * (1 << CDF_BITS) / (1 + (Decimal(-x) / CDF_STEPS).exp())  + part* (1 << CDF_BITS) / (1 + (Decimal(-x) / CDF_STEPS/wide).exp()))/16+ Decimal("0.5")) for x in range(CDF_RANGE + 1)
        ]
    return np.array([(1 << CDF_BITS) - p for p in reversed(upper[1:])] + upper, np.int64)


CDF = _cdf()


@inlined
def bit_length(value):
    return np.int64(64) - leading_zeros(np.uint64(value))


@inlined
def _signed(value, width):
    shift = 64 - 8 * width
    return np.int64(value << shift) >> shift


@inlined
def _ordered(value, width):
    """signed value; float bits made monotone (and back)"""
    return value ^ (np.int64(value >> 63) & ((np.int64(1) << (8 * width - 1)) - 1))


@inlined
def _load(raw, place, layout):
    width = layout[WIDTH]
    value = np.int64(0)
    if layout[BIG]:
        for k in range(width):
            value = (value << 8) | np.int64(raw[place + k])
    else:
        for k in range(width):
            value |= np.int64(raw[place + k]) << (8 * k)
    if width == 1:
        return value
    value = _signed(value, width)
    return _ordered(value, width) if layout[FLOAT] else value


@inlined
def _difference(a, b, width):
    return a - b if width == 1 else _signed(np.int64(a - b), width)


@inlined
def _clamped(value, width):
    return min(max(value, np.int64(0)), np.int64(255)) if width == 1 else _signed(value, width)


@inlined
def _learn(actual, lane, n, channel):
    """Learn the number that was predicted."""
    predictions, features = n.predictions[lane], n.features[lane]
    width = n.layout[WIDTH]
    shift = predictions[PREDICTIONS + 1]
    error = abs(_difference(actual, predictions[0], width))
    error = min(error, np.int64(1) << 40) if error >= 0 else np.int64(1) << 40
    errors = n.errors[lane, channel]
    errors[0] += (16 * error - errors[0]) >> n.layout[8]
    errors[1] += (16 * error - errors[1]) >> n.layout[9]
    errors[2] = _difference(actual, predictions[0], width)
    goal = _difference(actual, predictions[1], width)
    size = abs(goal)
    errors[3] += (16 * min(size if size >= 0 else np.int64(1) << 40, np.int64(1) << 40) - errors[3]) >> 4
    limit = np.int64(1) << FEATURE_BITS
    goal = min(max(goal >> shift, -limit), limit)
    covariance, target, weights = n.covariance[lane, channel], n.target[lane, channel], n.weights[lane, channel]
    for i in range(FEATURES):
        f = features[i]
        for j in range(FEATURES):
            covariance[i, j] += ((f * features[j] << 8) - covariance[i, j]) >> n.layout[5]
        target[i] += ((f * goal << 8) - target[i]) >> n.layout[5]
    for i in range(FEATURES):
        rest = target[i] << WEIGHT_BITS
        for j in range(FEATURES):
            rest -= covariance[i, j] * weights[j]
        own = covariance[i, i]
        rest += own * weights[i]
        weights[i] = min(max(rest // (own + (own >> n.layout[6]) + (1 << n.layout[7])), np.int64(-WEIGHT_LIMIT)), np.int64(WEIGHT_LIMIT))


@inlined
def _predict(raw, registers, lane, n, channel):
    position, start, layout = registers[POSITION], registers[START], n.layout
    values, predictions, features = n.values[lane], n.predictions[lane], n.features[lane]
    width = layout[WIDTH]
    for k in range(POINTS):
        place = position - n.offsets[k]
        values[k] = _load(raw, place, layout) if place >= start and place + width <= position else np.int64(0)
    most = np.int64(0)
    for k in range(FEATURES):
        features[k] = 0
        if n.pairs[k, 0] >= 0:
            features[k] = _difference(values[n.pairs[k, 0]], values[n.pairs[k, 1]], width)
    errors = n.errors[lane, channel]
    shift = np.int64(0) if width == 1 else max(bit_length(errors[3] >> 4) - 11, np.int64(0))
    limit = np.int64(1) << FEATURE_BITS
    total = np.int64(0)
    for k in range(FEATURES):
        features[k] = min(max(features[k] >> shift, -limit), limit)
        total += features[k] * n.weights[lane, channel, k]
    w, ww, www, nn, north, nw, ne = values[0], values[1], values[2], values[NN], values[N_], values[NW], values[NE]
    p, wp, np1 = values[P1], values[WP1], values[NP1]
    fraction = ((total << shift) >> (WEIGHT_BITS - 3)) & 7 if width == 1 else np.int64(0)
    change = ((total + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS) << shift
    predictions[0] = _clamped(w + change, width)
    predictions[1] = w
    predictions[2] = north
    predictions[3] = _clamped(w + north - nw, width)
    predictions[4] = _clamped(2 * w - ww, width)
    predictions[5] = _clamped(w + p - wp, width)
    predictions[6] = _clamped(w + (_difference(north, w, width) >> 1), width)
    predictions[7] = _clamped(2 * north - nn, width)
    predictions[8] = _clamped(w + ne - north, width)
    predictions[9] = _clamped(north + p - np1, width)
    predictions[10] = _clamped(3 * w - 3 * ww + www, width)
    predictions[11] = ww
    predictions[PREDICTIONS] = 1
    predictions[PREDICTIONS + 1] = shift
    predictions[PREDICTIONS + 2] = fraction


@inlined
def _expected(prediction, known, place, layout):
    """The byte expected at ``place`` of the number, times 8, and three bits behind it; 2^11 and more: out of range."""
    width = layout[WIDTH]
    if width == 1:
        return prediction << 3
    if layout[FLOAT]:
        prediction = _ordered(prediction, width)
    if layout[BIG]:
        below = 8 * (width - 1 - place)
        apart = (known - np.int64(prediction >> (below + 8))) if place > 0 else np.int64(0)
        if place > 0:
            apart = _signed(apart, place)
        eighths = np.int64(prediction >> (below - 3)) if below > 0 else prediction << 3
        return eighths & 2047 if apart == 0 else (np.int64(0) if apart > 0 else np.int64(2047))
    if place == 0:
        return (prediction << 3) & 2047
    # the number nearest to the prediction with the known bytes
    away = _signed(np.int64(known - prediction), place)
    value = np.int64(prediction + away)
    behind = (np.int64(-away) >> (8 * place - 3)) & 7
    return ((value >> (8 * place)) & 255) << 3 | behind


@inlined
def _spread(known, place, lane, n, channel):
    """The distribution of the coming byte: z of its beginning and step for a byte, in 1/1024 scale."""
    layout, odds = n.layout, n.odds[lane]
    width = layout[WIDTH]
    prediction = n.predictions[lane, 0]
    if layout[FLOAT]:
        prediction = _ordered(prediction, width)
    errors = n.errors[lane, channel]
    scale = (errors[0] + errors[1]) * layout[10] // 8 + layout[11]  # in 1/16
    if layout[BIG]:
        unit_bits = 8 * (width - 1 - place)
        centre = np.int64(prediction - (known << (unit_bits + 8)))
        if width > 1:
            centre = _signed(centre, width)
        offset = np.int64(0)
        odds[2] = np.int64(1) if place == 0 and width > 1 else np.int64(0)
    else:
        unit_bits = 8 * place
        centre = _signed(np.int64(prediction - known), width) if width > 1 else prediction
        odds[2] = 1 if width > 1 else 0
        # modulo 256 units
        if place + 1 < width:
            centre &= (np.int64(1) << (unit_bits + 8)) - 1
    # z(a) = (a - centre) * 16384 / scale; half a unit below for little endian
    room = max(bit_length(scale), unit_bits + 8) - 30
    down = max(room, np.int64(0))
    scaled = max(scale >> down, np.int64(1))
    step = min((np.int64(1) << max(unit_bits + 14 - down, np.int64(0))) // scaled, np.int64(1) << 22)
    limit = np.int64(1) << 40
    c = min(max(centre >> down, -limit), limit)
    begin = -((c << 14) // scaled) if down == 0 or True else np.int64(0)
    half = np.int64(8192) // scaled if down == 0 else np.int64(0)
    if not layout[BIG]:
        half = step >> 1
    odds[0] = begin - half
    odds[1] = step
    odds[3] = _mass(np.int64(0), odds)
    odds[4] = _mass(np.int64(256), odds)


@inlined
def _mass(a, odds):
    """The distribution function before byte a, in 2^-CDF_BITS."""
    z = odds[0] + a * odds[1]
    total = np.int64(CDF[min(max(z >> 4, -CDF_RANGE), CDF_RANGE) + CDF_RANGE])
    if odds[2]:
        span = odds[1] << 8
        total += CDF[min(max((z - span) >> 4, -CDF_RANGE), CDF_RANGE) + CDF_RANGE]
        total += CDF[min(max((z + span) >> 4, -CDF_RANGE), CDF_RANGE) + CDF_RANGE]
    return total


@inlined
def next_logit(partial, bit, odds):
    """The logit, in 1/65536 nat, of the next bit."""
    size = np.int64(256) >> bit
    first = (partial << (8 - bit)) & 255
    low, high = _mass(first, odds), _mass(first + size, odds)
    middle = _mass(first + (size >> 1), odds)
    return logarithm(max(high - middle, np.int64(0)) + 16) - logarithm(max(middle - low, np.int64(0)) + 16)


@inlined
def follow(raw, registers, lane, n):
    layout = n.layout
    item, width = layout[ITEM], layout[WIDTH]
    inside = (registers[POSITION] + item - layout[PHASE]) % item
    place = inside % width
    channel = (inside // width) % CHANNELS
    if place == 0:
        if n.predictions[lane, PREDICTIONS]:
            before = ((inside + item - width) % item // width) % CHANNELS
            _learn(_load(raw, registers[POSITION] - width, layout), lane, n, before)
        _predict(raw, registers, lane, n, channel)
    known = np.int64(0)
    if place > 0 and registers[POSITION] - place >= registers[START]:
        begin = registers[POSITION] - place
        if layout[BIG]:
            for k in range(place):
                known = (known << 8) | np.int64(raw[begin + k])
        else:
            for k in range(place):
                known |= np.int64(raw[begin + k]) << (8 * k)
    errors, predictions = n.errors[lane, channel], n.predictions[lane]
    size = min(bit_length(errors[0] >> 1), np.int64(63))
    fine = size << 1
    if size > 1:
        fine |= ((errors[0] >> 1) >> (size - 2)) & 1
    column = min(inside, np.int64(255))
    a, b, c = column << 48, column << 48, column << 48
    for k in range(6):
        a |= (_expected(predictions[k], known, place, layout) >> 3) << (8 * k)
        b |= (_expected(predictions[k + 6], known, place, layout) >> 3) << (8 * k)
    best = _expected(predictions[0], known, place, layout)
    behind = predictions[PREDICTIONS + 2] if width == 1 else best & 7
    last = errors[2]
    sign = np.int64(0) if last == 0 else (np.int64(1) if last > 0 else np.int64(2))
    c |= (best >> 3) | behind << 8 | min(fine, np.int64(127)) << 16 | sign << 24
    c |= min(bit_length(abs(last)), np.int64(63)) << 32
    slow = min(bit_length(errors[1] >> 1), np.int64(63))
    c |= slow << 40
    registers[NUMBERS_A], registers[NUMBERS_B], registers[NUMBERS_C] = a, b, c
    _spread(known, place, lane, n, channel)
