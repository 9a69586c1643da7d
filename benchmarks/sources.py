"""Synthetic sources whose entropy is known, so that the distance to it can be measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Sample:
    """Bytes drawn from a source, and the bits that the source itself assigns them or their expectation."""

    name: str
    data: bytes
    true_bits: float


def biased_coin(size: int, p: float = 0.1, seed: int = 1) -> Sample:
    """Bytes of eight independent bits that are 1 with probability ``p``; the expected bits, 8 size H(p)."""
    bits = np.random.default_rng(seed).random(8 * size) < p
    rate = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    return Sample(f"biased coin {p}", np.packbits(bits).tobytes(), 8 * size * float(rate))


def markov_chain(size: int, letters: int = 12, seed: int = 2) -> Sample:
    """An order-2 Markov chain over ``letters`` symbols; the expected bits by its stationary distribution."""
    random = np.random.default_rng(seed)
    table = random.dirichlet(np.full(letters, 0.2), letters * letters)  # (pair, next)
    sums = table.cumsum(axis=1)
    draws = random.random(size)
    pair, out = 0, np.empty(size, np.uint8)
    for i in range(size):
        letter = min(int(np.searchsorted(sums[pair], draws[i])), letters - 1)
        out[i] = 97 + letter
        pair = pair % letters * letters + letter
    return Sample("order-2 Markov chain", out.tobytes(), size * chain_rate(table))


def chain_rate(table: npt.NDArray[np.float64]) -> float:
    """Bits a symbol of the order-2 chain with (letters^2, letters) conditional probabilities ``table``."""
    letters = table.shape[1]
    stationary = np.full(letters * letters, letters**-2.0)
    for _ in range(2000):
        flow = stationary[:, None] * table  # (first * letters + second, third)
        stationary = flow.reshape(letters, letters, letters).sum(axis=0).reshape(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.where(table > 0, -table * np.log2(table), 0.0).sum(axis=1)
    return float(stationary @ surprise)


def hidden_markov(size: int, seed: int = 3) -> Sample:
    """English-like: hidden states (vowel, consonant, cluster, space) emit letters.

    The entropy rate of a hidden Markov source has no closed form.  What is given is the *true code length*, -log2 of
    the source's own probability of this very sequence by the forward algorithm; by the Shannon-McMillan-Breiman
    theorem it converges to the rate.
    """
    moves = np.array([[0.05, 0.65, 0.1, 0.2], [0.6, 0.1, 0.1, 0.2], [0.8, 0.05, 0.05, 0.1], [0.4, 0.45, 0.15, 0.0]])
    alphabet = b"aeiou bcdfghjklmnpqrstvwxyz.,"
    random = np.random.default_rng(seed)
    emit = np.zeros((4, len(alphabet)))
    for state, letters in enumerate((b"aeiou", b"bcdfghjklmnpqrstvwxyz", b"trnsl", b" .,")):
        places = [alphabet.index(letter) for letter in letters]
        emit[state, places] = random.dirichlet(np.full(len(places), 1.0))
    hidden, out = 3, np.empty(size, np.int64)
    choices = random.random((size, 2))
    for i in range(size):
        hidden = min(int(np.searchsorted(moves[hidden].cumsum(), choices[i, 0])), 3)
        out[i] = min(int(np.searchsorted(emit[hidden].cumsum(), choices[i, 1])), len(alphabet) - 1)
    data = np.frombuffer(alphabet, np.uint8)[out].tobytes()
    return Sample("hidden Markov, English-like", data, code_length(out, moves, emit, first=3))


def code_length(
    symbols: npt.NDArray[np.int64], moves: npt.NDArray[np.float64], emit: npt.NDArray[np.float64], first: int
) -> float:
    """-log2 of the probability of ``symbols`` when the state before the first was ``first`` (forward algorithm)."""
    belief = np.zeros(moves.shape[0])
    belief[first] = 1.0
    bits = 0.0
    for symbol in symbols:
        joint = (belief @ moves) * emit[:, symbol]
        total = joint.sum()
        bits -= np.log2(total)
        belief = joint / total
    return float(bits)


def all_samples(size: int) -> list[Sample]:
    """One sample of ``size`` bytes of each source."""
    return [biased_coin(size), markov_chain(size), hidden_markov(size)]
