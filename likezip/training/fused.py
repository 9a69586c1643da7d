"""The kernels of a training step on the CPU: what lies between its products, forward and backward side by side.

Each goes over some rows once.  A row is a byte of a lane; rows are in the order (steps, lanes).  Products are of int8
both ways (``likezip.training.step``): forward the integers of the coded network, backward gradients that are rounded
to int8 twice, see ``quantise``.  What is kept from forward to backward is kept in int8 and int16.

The formulas are those of ``likezip.training.twin``, where they stand as differentiable functions.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir
import numpy as np
from numba.core import types
from numba.extending import intrinsic

from likezip.kernels.compiling import compiled_for_training as compiled
from likezip.kernels.compiling import inlined_for_training as inlined
from likezip.kernels.intrinsics import prefetch

LIMIT = np.float32(127)
"""The limit of int8 values, forward (``fixed_point.ACTIVATION_LIMIT``) and backward."""
ZERO, ONE, HALF, QUARTER = np.float32(0), np.float32(1), np.float32(0.5), np.float32(0.25)
ABOVE = np.float32(127.5)

GATE_STEPS, CANDIDATE_STEPS, DISTANCE_STEPS, SQUARE_STEPS = (
    np.float32(65535),
    np.float32(32767),
    np.float32(16383),
    np.float32(16384),
)
"""Steps of 1 in which gates, candidates, their distance from the state and hidden values are kept for the backward
pass, in 16 bits each."""

RANDOM_STEP, RANDOM_FACTOR, RANDOM_UNIT = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.float32(2.0**-16)

WITHOUT_SIGN, SMALLEST_BITS = np.int32(0x7FFFFFFF), np.int32(0x0DA24260)
"""The mask of all bits of a float32 but its sign; the bits of 1e-30."""

LOG2_E, MINUS_126 = np.float32(1.4426950408889634), np.float32(-126)
POWERS = tuple(np.float32(c) for c in (0.9999999, 0.69315462, 0.24014077, 0.05586328, 0.00894621, 0.00189511))
"""Coefficients of a polynomial that is 2^t within 2e-7 of it, t in [0, 1] (a least-squares fit at Chebyshev nodes)."""


@intrinsic
def _float_of_bits(typing: Any, bits: Any) -> Any:
    """The float32 that an int32 is the representation of."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], llvmlite.ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def _bits_of_float(typing: Any, value: Any) -> Any:
    """The int32 that represents a float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], llvmlite.ir.IntType(32))

    return types.int32(types.float32), generate


@inlined
def _exp(x):
    """e^x of float32 x <= 0."""
    t = max(x * LOG2_E, MINUS_126)
    whole = np.int32(t - ONE)  # toward zero: t - 1 < 0, so this is at most one below t, and never above
    f = t - np.float32(whole)  # in [0, 1]
    p = POWERS[4] + f * POWERS[5]
    p = POWERS[3] + f * p
    p = POWERS[2] + f * p
    p = POWERS[1] + f * p
    p = POWERS[0] + f * p
    return p * _float_of_bits(np.int32((whole + np.int32(127)) << np.int32(23)))


@inlined
def _nearest(x):
    """float32 in [-127, 127] to the nearest int8."""
    return np.int8(np.int32(x + ABOVE) - np.int32(127))


@inlined
def _random(seed):
    """A float32 in [127, 128) by a number."""
    bits = np.uint32(seed * RANDOM_STEP)
    bits = np.uint32(np.uint32(bits ^ (bits >> np.uint32(15))) * RANDOM_FACTOR)
    return np.float32(np.int32(bits >> np.uint32(16))) * RANDOM_UNIT + LIMIT


@inlined
def _nearest_or_next(x, random):
    """float32 in [-127, 127] to one of the two int8 beside it, by ``random`` so that the mean is x."""
    return np.int8(np.int32(x + random) - np.int32(127))


@inlined
def _clamped(x, low, high):
    return min(max(x, low), high)


@inlined
def quantise(gradients, units, inverses, seed, by_row, by_column, squares, totals):
    """Round a row's gradients (outputs,) float32 to int8 twice, at random up or down so that the mean is right, and
    return the unit of the first.

    by_row: gradient * unit, ``units`` (outputs,) of the weight's rows, in 127 steps of the row's largest; goes back
    through the layer.
    by_column: gradient * inverse, ``inverses`` (outputs,); makes the weight's own gradient, a sum over rows, out of
    which a unit of each row could not be taken.
    Both are rounded by the same random numbers: each mean is right by itself.
    squares, totals (outputs,) float32: the sums of gradients and of their squares.
    (8-bit gradients with a scale by row: M. Wortsman et al., "Stable and low-precision training for large-scale
    vision-language models", 2023; stochastic rounding: S. Gupta et al., "Deep learning with limited numerical
    precision", 2015.)
    """
    largest = SMALLEST_BITS  # of floats without their sign, the largest is that of the largest bits
    for i in range(gradients.size):
        largest = max(largest, np.int32(_bits_of_float(gradients[i] * units[i]) & WITHOUT_SIGN))
    scale = LIMIT / _float_of_bits(largest)
    for i in range(gradients.size):
        random = _random(np.uint32(np.uint32(i) + seed))
        by_row[i] = _nearest_or_next(gradients[i] * units[i] * scale, random)
        by_column[i] = _nearest_or_next(_clamped(gradients[i] * inverses[i], -LIMIT, LIMIT), random)
    for i in range(gradients.size):
        squares[i] += gradients[i] * gradients[i]
    for i in range(gradients.size):
        totals[i] += gradients[i]
    return ONE / scale


@compiled
def embed(rows, table, e):
    """The embeddings of n-grams on the grid: rows (n, features) int32, table (rows, dimension) float32 in units of
    grid steps * STREAM_UNIT, e (n, features * dimension) int8."""
    features, dimension = rows.shape[1], table.shape[1]
    steps = np.float32(32)
    for n in range(rows.shape[0]):
        if n + 8 < rows.shape[0]:
            for f in range(features):
                prefetch(table, np.uint64(rows[n + 8, f]) * np.uint64(dimension))
                if dimension > 16:
                    prefetch(table, np.uint64(rows[n + 8, f]) * np.uint64(dimension) + np.uint64(16))
        for f in range(features):
            row, place = table[np.uint64(rows[n, f])], e[n, f * dimension : (f + 1) * dimension]
            for i in range(dimension):
                place[i] = _nearest(_clamped(row[i] * steps, -LIMIT, LIMIT))


@compiled
def embed_backward(sums, units, e, gradients):
    """gradients (n, columns) float32 of the embeddings from sums (n, columns) int32 in ``units`` (n,)."""
    steps = np.float32(32)
    for n in range(sums.shape[0]):
        unit = units[n] * steps
        for i in range(sums.shape[1]):
            value, gradient = np.int32(e[n, i]), np.float32(sums[n, i]) * unit
            gradients[n, i] = gradient if (value < 127) & (value > -127) else ZERO


@compiled
def add_normalise(sums, units, x, q, scales, smallest, steps):
    """x += sums * units, then q = x / rms(x) in ``steps`` of 1: sums (n, width) int32, x (n, width) float32, q (n,
    width) int8, scales (n,) float32: q / x."""
    width = x.shape[1]
    share = ONE / np.float32(width)
    for n in range(sums.shape[0]):
        total = ZERO
        for i in range(width):
            value = x[n, i] + np.float32(sums[n, i]) * units[i]
            x[n, i] = value
            total += value * value
        scale = steps / np.float32(np.sqrt(total * share + smallest))
        scales[n] = scale
        for i in range(width):
            q[n, i] = _nearest(_clamped(x[n, i] * scale, -LIMIT, LIMIT))


@compiled
def add_normalise_backward(
    sums, row_units, q, scales, steps, gradient, room, units, inverses, seed, by_row, by_column, squares, totals
):
    """The backward pass of ``add_normalise``.

    In: the gradient of q, sums (n, width) int32 times row_units (n,).
    Out: the gradient of what was added, as ``quantise`` leaves it.
    In place: gradient (n, width) float32, of x after the addition, then of x before it; row_units, then of by_row.
    """
    width = q.shape[1]
    share, unit = ONE / np.float32(width), ONE / steps
    for n in range(sums.shape[0]):
        along, unit_of_row, scale = ZERO, row_units[n], scales[n]
        for i in range(width):
            value, inside = np.int32(q[n, i]), np.float32(sums[n, i]) * unit_of_row
            inside = inside if (value < 127) & (value > -127) else ZERO
            room[i] = inside
            along += inside * np.float32(value)
        along *= share * unit * unit
        for i in range(width):
            value = gradient[n, i] + (room[i] - np.float32(q[n, i]) * along) * scale
            gradient[n, i] = value
            room[i] = value
        row_units[n] = quantise(
            room, units, inverses, seed + np.uint32(n * width), by_row[n], by_column[n], squares, totals
        )


@compiled
def recur(sums, units, biases, h, steps, q, gates, candidates, distances):
    """h += z (c - h), step by step, of all lanes.

    sums (n, 2 states) int32 times units, and biases (2 states,): the logits of gates, then of candidates; h (lanes,
    states) float32; q (n, states) int8: the state in ``steps`` of 1; gates uint16, candidates, distances int16 (n,
    states): z, c and c - h before, as the backward pass needs them.
    """
    lanes, states = h.shape
    for n in range(sums.shape[0]):
        state = h[n % lanes]
        for i in range(states):
            z = (np.float32(sums[n, i]) * units[i] + biases[i]) * QUARTER + HALF
            z = _clamped(z, ZERO, ONE)
            c = np.float32(sums[n, states + i]) * units[states + i] + biases[states + i]
            c = _clamped(c, -ONE, ONE)
            distance = c - state[i]
            value = state[i] + z * distance
            state[i] = value
            q[n, i] = _nearest(_clamped(value * steps, -LIMIT, LIMIT))
            gates[n, i] = np.uint16(np.int32(z * GATE_STEPS + HALF))
            candidates[n, i] = np.int16(np.int32(c * CANDIDATE_STEPS))
            distances[n, i] = np.int16(np.int32(distance * DISTANCE_STEPS))


# Each works on one row and few arrays, so that its loop is vectorised.


@inlined
def _masked(sums, q, after, unit, total):
    """The state's gradient: that of the steps after, and that of its rounded form inside of the grid."""
    for i in range(total.size):
        value, gradient = np.int32(q[i]), np.float32(sums[i]) * unit
        total[i] = after[i] + (gradient if (value < 127) & (value > -127) else ZERO)


@inlined
def _divided(gates, total, of_candidates, before):
    """The state's gradient goes to the candidate as far as the gate is open, and else to the state before."""
    for i in range(total.size):
        z = np.float32(np.int32(gates[i])) * (ONE / GATE_STEPS)
        of_candidates[i] = total[i] * z
        before[i] = total[i] * (ONE - z)


@inlined
def _candidates_backward(candidates, gradients):
    for i in range(gradients.size):
        candidate = np.int32(candidates[i])
        gradients[i] = gradients[i] if (candidate < 32767) & (candidate > -32767) else ZERO


@inlined
def _gates_backward(gates, distances, gradients):
    for i in range(gradients.size):
        gate, distance = np.int32(gates[i]), np.float32(np.int32(distances[i])) * (QUARTER / DISTANCE_STEPS)
        gradients[i] = gradients[i] * distance if (gate > 0) & (gate < 65535) else ZERO


@compiled
def recur_backward(
    sums,
    row_units,
    steps,
    q,
    gates,
    candidates,
    distances,
    later,
    room,
    units,
    inverses,
    seed,
    by_row,
    by_column,
    squares,
    totals,
):
    """The backward pass of ``recur``, from the last step to the first.

    In: the gradient of q, sums (n, states) int32 times row_units (n,).
    Out: the gradient of the logits (n, 2 states), as ``quantise`` leaves it.
    In place: later (lanes, states) float32, the gradient of the state after these steps, then before them; row_units,
    then of by_row.
    """
    lanes, states = later.shape
    for back in range(sums.shape[0]):
        n = sums.shape[0] - 1 - back
        after = later[n % lanes]
        of_gates, of_candidates = room[:states], room[states:]
        _masked(sums[n], q[n], after, row_units[n] * steps, of_gates)
        _divided(gates[n], of_gates, of_candidates, after)
        _candidates_backward(candidates[n], of_candidates)
        _gates_backward(gates[n], distances[n], of_gates)
        row_units[n] = quantise(
            room, units, inverses, seed + np.uint32(n * 2 * states), by_row[n], by_column[n], squares, totals
        )


@compiled
def square(sums, units, biases, steps, q, kept):
    """q (n, hidden) int8 = relu(sums * units + biases)^2 in ``steps`` of 1; kept uint16: the root, in 1/16384."""
    most = np.float32(65535)
    for n in range(sums.shape[0]):
        for i in range(sums.shape[1]):
            a = max(np.float32(sums[n, i]) * units[i] + biases[i], ZERO)
            q[n, i] = _nearest(min(a * a * steps, LIMIT))
            kept[n, i] = np.uint16(np.int32(min(a * SQUARE_STEPS, most)))


@compiled
def square_backward(
    sums, row_units, steps, q, kept, penalty, room, units, inverses, seed, by_row, by_column, squares, totals
):
    """The backward pass of ``square``.

    In: the gradient of q, sums (n, hidden) int32 times row_units (n,), to which penalty is added, the gradient of a
    cost of each step of q (an L1 norm).
    Out: the gradient of what is squared, as ``quantise`` leaves it.
    In place: row_units, then of by_row.
    """
    slope = (steps + steps) / SQUARE_STEPS
    for n in range(sums.shape[0]):
        unit = row_units[n]
        for i in range(sums.shape[1]):
            value = (np.float32(sums[n, i]) * unit + penalty) * np.float32(np.int32(kept[n, i])) * slope
            room[i] = value if np.int32(q[n, i]) < 127 else ZERO
        row_units[n] = quantise(
            room, units, inverses, seed + np.uint32(n * sums.shape[1]), by_row[n], by_column[n], squares, totals
        )


LEVELS = 12
"""Levels of the memory's certainty in the mixture: one for each nat."""

SMALLEST, REST = np.float32(2.0**-20), np.float32(1 - 2.0**-12)
"""As in coding, every byte has a probability of at least SMALLEST; REST, all but 256 times that, goes by the logits."""


@compiled
def losses(
    sums,
    units,
    biases,
    following,
    memory_logits,
    weights,
    own,
    share,
    room,
    bits,
    inverses,
    seed,
    by_row,
    row_units,
    by_column,
    squares,
    totals,
    weight_gradients,
    found,
):
    """Cross-entropy of bytes by the prior alone, and by its mixture with the memory, and the gradients of both.

    sums (n, 256) int32 times units (256,), and biases: the logits; following (n,) uint8: the bytes; memory_logits (n,
    8) int16: the memory's logits of each bit being 1, in 1/256 nat, or (n, 0): the loss is then of the prior alone.
    weights (2, 8 * LEVELS) float32: those of prior and memory by bit and certainty; own: what the prior's own
    cross-entropy counts in the loss; share: what a row counts in the mean.  bits (4, 8), room (256,): to work in.
    found (2,) float64: sums of nats, alone and mixed.  The rest as in ``quantise``.
    """
    mixed = memory_logits.shape[1] > 0
    for n in range(sums.shape[0]):
        largest = np.float32(-1e30)
        for i in range(256):
            value = np.float32(sums[n, i]) * units[i] + biases[i]
            room[i] = value
            largest = max(largest, value)
        byte = np.int32(following[n])
        logit = room[byte] - largest
        total = ZERO
        for i in range(256):
            value = _exp(room[i] - largest)
            room[i] = value
            total += value
        found[0] += np.log(total) - logit
        over = ONE / total
        for i in range(256):
            room[i] *= over
        if mixed:
            found[1] += _mixed(byte, memory_logits[n], weights, own, share, room, bits, weight_gradients)
        else:
            for i in range(256):
                room[i] *= share
            room[byte] -= share
        row_units[n] = quantise(
            room, units, inverses, seed + np.uint32(n * 256), by_row[n], by_column[n], squares, totals
        )


@inlined
def _mixed(byte, memory_logits, weights, own, share, p, bits, weight_gradients):
    """Nats of a byte by the mixture; p (256,) becomes the gradient of logits whose softmax it was.

    Each bit decides between two halves of the symbols that the bits before have left, the right one and a wrong one.
    """
    right, wrong, to_right, to_wrong = bits
    inside = p[byte] * REST + SMALLEST
    for back in range(8):
        bit = 7 - back
        size = np.int32(1) << np.int32(back)
        first = ((byte >> back) ^ 1) << back
        mass = ZERO
        for i in range(size):
            mass += p[first + i]
        wrong[bit] = mass * REST + np.float32(size) * SMALLEST
        right[bit] = inside
        inside += wrong[bit]
    nats = 0.0
    for bit in range(8):
        memory = np.float32(memory_logits[bit]) * np.float32(1 / 256)
        if (byte >> (7 - bit)) & 1 == 0:
            memory = -memory
        row = min(np.int32(abs(memory)), np.int32(LEVELS - 1)) + LEVELS * bit
        prior = np.log(right[bit] / wrong[bit])
        both = weights[0, row] * prior + weights[1, row] * memory
        odds = np.exp(-abs(both))
        nats += max(-both, ZERO) + np.log1p(odds)
        slope = -(odds if both >= ZERO else ONE) / (ONE + odds) * share
        weight_gradients[0, row] += slope * prior
        weight_gradients[1, row] += slope * memory
        slope *= weights[0, row] * REST
        to_right[bit], to_wrong[bit] = slope / right[bit], -slope / wrong[bit]
    # The gradient of each symbol's probability: that of the bits before it parts from the byte, and of the one there.
    before, mean = ZERO, ZERO
    for bit in range(8):
        mean += (before + to_wrong[bit]) * (wrong[bit] - np.float32(1 << (7 - bit)) * SMALLEST) / REST
        wrong[bit] = before + to_wrong[bit]
        before += to_right[bit]
    mean += before * p[byte]
    kept, extra = p[byte], own * share
    for back in range(8):
        size, first = np.int32(1) << np.int32(back), ((byte >> back) ^ 1) << back
        factor = wrong[7 - back] - mean + extra
        for i in range(size):
            p[first + i] *= factor
    p[byte] = kept * (before - mean + extra) - extra
    return nats


@compiled
def round_weights(weight, smallest, largest, limit, units, steps):
    """Each row of weight (outputs, columns) float32 in ``limit`` steps int8 of a power of two, the smallest that holds
    it, from ``smallest`` to ``largest``; units (outputs,) float32: those powers."""
    for row in range(weight.shape[0]):
        most = ZERO
        for i in range(weight.shape[1]):
            most = max(most, abs(weight[row, i]))
        unit = smallest
        while unit < largest and (limit + HALF) * unit < most:
            unit += unit
        units[row] = unit
        over = ONE / unit
        for i in range(weight.shape[1]):
            steps[row, i] = _nearest(_clamped(weight[row, i] * over, -limit, limit))


@compiled
def adagrad(rows, gradients, table, totals, slots, places, room, rate, epsilon):
    """Adagrad with one accumulator a row (``run.RowAdagrad``), of the rows that occur.

    rows (n,) int32, gradients (n, dimension) float32, which are added up for each row; table (rows, dimension), totals
    (rows,) float32; slots (rows,) int32: 0 everywhere before and after; places (n,) int32, room (n, dimension) float32:
    to work in.
    """
    dimension, count = table.shape[1], np.int32(0)
    for n in range(rows.size):
        row = np.uint64(rows[n])
        if n + 16 < rows.size:
            prefetch(slots, np.uint64(rows[n + 16]))
        slot = slots[row] - np.int32(1)
        if slot < 0:
            slot = count
            places[slot] = rows[n]
            count += np.int32(1)
            slots[row] = count
            for i in range(dimension):
                room[slot, i] = gradients[n, i]
        else:
            for i in range(dimension):
                room[slot, i] += gradients[n, i]
    over = ONE / np.float32(dimension)
    for slot in range(count):
        if slot + 8 < count:
            ahead = np.uint64(places[slot + 8])
            prefetch(totals, ahead)
            prefetch(table, ahead * np.uint64(dimension))
            if dimension > 16:
                prefetch(table, ahead * np.uint64(dimension) + np.uint64(16))
        row = np.uint64(places[slot])
        slots[row] = np.int32(0)
        mean = ZERO
        for i in range(dimension):
            mean += room[slot, i] * room[slot, i]
        total = totals[row] + mean * over
        totals[row] = total
        change = rate / (np.float32(np.sqrt(total)) + epsilon)
        for i in range(dimension):
            table[row, i] -= room[slot, i] * change
