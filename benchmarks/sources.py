"""Synthetic sources whose entropy is known, so that the distance to it can be measured."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Bytes drawn from a source; ``entropy_bits``: the source's entropy rate times their number, in bits.

    ``code_bits``: -log2 of the source's own probability of these very bytes, which no code beats but by chance.
    """

    name: str
    data: bytes
    entropy_bits: float
    code_bits: float


def biased_coin(size: int, p: float = 0.1, seed: int = 1) -> Sample:
    """Bytes of eight independent bits that are 1 with probability ``p``, 0 < p < 1: 8 H(p) bits a byte."""
    bits = np.random.default_rng(seed).random(8 * size) < p
    ones = int(bits.sum())
    entropy = -8 * size * float(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    code = -float(ones * np.log2(p) + (8 * size - ones) * np.log2(1 - p))
    return Sample(f"biased coin, p = {p}", np.packbits(bits).tobytes(), entropy, code)


def markov_chain(size: int, letters: int = 12, seed: int = 2) -> Sample:
    """An order-2 Markov chain over ``letters`` symbols, with the exact rate of its stationary distribution."""
    random = np.random.default_rng(seed)
    table = random.dirichlet(np.full(letters, 0.2), letters * letters)  # (first * letters + second, third)
    sums, pair, code = table.cumsum(axis=1).tolist(), 0, 0.0
    out, logs = bytearray(size), np.log2(np.maximum(table, 1e-300)).tolist()
    for i, draw in enumerate(random.random(size).tolist()):
        letter = min(bisect(sums[pair], draw), letters - 1)
        out[i] = ord("a") + letter
        code -= logs[pair][letter]
        pair = pair % letters * letters + letter
    return Sample("order-2 Markov chain", bytes(out), size * chain_rate(table), code)


def chain_rate(table: Floats) -> float:
    """Bits a symbol: H(third | first, second) where pairs have the chain's stationary distribution.

    table: P(third | first, second), (letters^2, letters).  The stationary distribution solves q P = q, sum q = 1.
    """
    pairs, letters = table.shape
    moves = np.zeros((pairs, pairs))
    for pair in range(pairs):
        start = pair % letters * letters
        moves[pair, start : start + letters] = table[pair]
    equations = np.vstack([moves.T - np.eye(pairs), np.ones(pairs)])
    stationary = np.linalg.lstsq(equations, np.append(np.zeros(pairs), 1.0))[0]
    surprise = -(table * np.log2(np.where(table > 0, table, 1.0))).sum(axis=1)
    return float(stationary @ surprise)


_ALPHABET = b"abcdefghijklmnopqrstuvwxyz ,."
_FREQUENCIES = (82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24, 2, 20, 1)
_WEIGHTS = (*_FREQUENCIES, 870, 80, 50)
_BREAK = 3
_LETTERS_OF = (b"aeiouy", b"bcdfghjklmnpqrstvwxyz", b"hrlntsd", b" ,.")
_MOVES = np.array([[0.09, 0.55, 0.12, 0.24], [0.62, 0.04, 0.18, 0.16], [0.7, 0.06, 0.04, 0.2], [0.3, 0.7, 0.0, 0.0]])


def hidden_markov(size: int, seed: int = 3) -> Sample:
    """English-like: hidden vowels, consonants, second consonants and breaks emit letters at English frequencies.

    As some letters come from several states, the state cannot be seen, and the entropy rate has no closed form.  Both
    of the sample's figures are the *true code length* of these very bytes by the forward algorithm; a byte's share of
    it converges to the rate (Shannon, McMillan, Breiman).
    """
    random = np.random.default_rng(seed)
    emit = np.zeros((len(_LETTERS_OF), len(_ALPHABET)))
    for state, letters in enumerate(_LETTERS_OF):
        for letter in letters:
            emit[state, _ALPHABET.index(letter)] = _WEIGHTS[_ALPHABET.index(letter)]
    emit /= emit.sum(axis=1, keepdims=True)
    symbols = draw_hidden(_MOVES, emit, _BREAK, random.random((size, 2)))
    code = code_length(symbols, _MOVES, emit, first=_BREAK)
    return Sample("hidden Markov, English-like", np.frombuffer(_ALPHABET, np.uint8)[symbols].tobytes(), code, code)


def draw_hidden(moves: Floats, emit: Floats, first: int, draws: Floats) -> npt.NDArray[np.int64]:
    """Symbols of a hidden Markov source, one for each row of ``draws`` (n, 2), which are uniform in [0, 1)."""
    move_sums, emit_sums = moves.cumsum(axis=1).tolist(), emit.cumsum(axis=1).tolist()
    last_state, last_symbol = moves.shape[0] - 1, emit.shape[1] - 1
    state, out = first, np.empty(len(draws), np.int64)
    for i, (move, emission) in enumerate(draws.tolist()):
        state = min(bisect(move_sums[state], move), last_state)
        out[i] = min(bisect(emit_sums[state], emission), last_symbol)
    return out


_STEPS_UNSCALED = 16
"""Steps between two scalings: with probabilities above 1e-15 their product stays a normal float."""


def code_length(symbols: npt.NDArray[np.int64], moves: Floats, emit: Floats, first: int) -> float:
    """Bits: -log2 of the probability of ``symbols`` if the state before them was ``first`` (forward algorithm)."""
    steps = [moves * emit[:, symbol] for symbol in range(emit.shape[1])]
    belief, bits = np.eye(moves.shape[0])[first], 0.0
    for i, symbol in enumerate(symbols.tolist(), start=1):
        belief = belief @ steps[symbol]
        if i % _STEPS_UNSCALED == 0:
            total = belief.sum()
            bits -= float(np.log2(total))
            belief = belief / total
    return bits - float(np.log2(belief.sum()))


def all_samples(size: int) -> list[Sample]:
    """One sample of ``size`` bytes of each source; the same bytes every time."""
    return [biased_coin(size), markov_chain(size), hidden_markov(size)]
