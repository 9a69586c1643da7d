"""Probabilities and bits to 32-bit words by constriction's ANS coder, and back, bit by bit, inside of kernels.

The coder is a stack (rANS, J. Duda 2013): the encoder pushes the bits of a block in reverse, so that the decoder pops
them in order and the model can follow.  constriction's queue coder would need no reversal, but its truncated range
loses about 1.7e-4 bits with every binary decision, however certain, which is several per cent of a redundant file; ANS
loses nothing that can be measured.

The encoder's first state is 2^32 more than a checksum, and as decoding undoes encoding step by step, a decoder ends in
that state: words hold 32 bits of checksum at a cost of 33 bits.  A first state of 0 would not be cheaper by as much, as
the first decision moves any state below 2^24 to a place in its interval of 24 bits.

A decoder needs each bit before it can predict the next, and with few lanes calling constriction from Python for every
step took longer than the memory.  So constriction only encodes, a piece of a block in one call; ``next_bit`` decodes
its words inside the kernel that predicts.  constriction has no wheels for Linux on ARM: where it is not installed,
``_push`` encodes, and gives the same words.

Exactness: the model gives k, P(bit = 1) = k / 65536 with 1 <= k <= 65535.  constriction takes a float64 p = k / 65536,
which is exact, and gives a zero the 24-bit interval [0, b) and a one [b, 2^24) with b = floor((1 - p) (2^24 - 2)) + 1.
1 - p has 16 bits and 2^24 - 2 has 24, their product 40, all below the 53 of a float64: b is
((65536 - k) (2^24 - 2) >> 16) + 1 exactly, on every machine.
"""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from likezip.errors import CorruptError
from likezip.kernels.compiling import compiled, inlined

_CHUNK = 1 << 20
"""Bits that are encoded at a time."""

_RANGE_BITS = np.uint64(24)
_RANGE = 1 << 24
_LOWEST = np.uint64(1 << 32)
"""The smallest state while words are left."""
_WORD_BITS = np.uint64(32)


def encode(ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8], checksum: int) -> bytes:
    """The words for ``checksum``, below 2^32, and ``bits`` (n,), 0 or 1, with P(1) = ones / 65536 (n,), in
    [1, 65535]."""
    return (_encode if _is_installed() else _encode_here)(ones, bits, checksum)


@lru_cache(maxsize=1)
def _is_installed() -> bool:
    """Whether constriction is."""
    return find_spec("constriction") is not None


def _encode(ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8], checksum: int) -> bytes:
    """``encode`` by constriction."""
    from constriction import stream

    coder, model = stream.stack.AnsCoder(np.array([checksum, 1], np.uint32)), stream.model.Bernoulli(perfect=False)
    for end in range(bits.size, 0, -_CHUNK):
        part = slice(max(0, end - _CHUNK), end)
        coder.encode_reverse(bits[part].astype(np.int32), model, ones[part] / 65536.0)
    words: bytes = coder.get_compressed().astype("<u4").tobytes()
    return words


def _encode_here(ones: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8], checksum: int) -> bytes:
    """``encode`` by ``_push``."""
    state, room = np.array([1 << 32 | checksum], np.uint64), np.zeros(min(_CHUNK, bits.size), np.uint32)
    words = []
    for end in range(bits.size, 0, -_CHUNK):
        part = slice(max(0, end - _CHUNK), end)
        count = _push(ones[part], bits[part], state, room)
        words.append(room[:count].astype("<u4").tobytes())
    return b"".join([*words, int(state[0]).to_bytes(8, "little")])


@compiled
def _push(ones, bits, state, words):
    """Encode ``bits`` from the last to the first into state (1,) uint64; words, of at least as many, takes what leaves
    it: at most one for each bit.  Returns the number of words.

    A state of at least size 2^40 gives up 32 bits first, so that it is below size 2^40, size < 2^24: its quotient by
    size is below 2^40, and the next state below 2^64.
    """
    now, count = state[0], 0
    for i in range(bits.size - 1, -1, -1):
        split = _split(ones[i])
        size, base = (np.uint64(_RANGE) - split, split) if bits[i] else (split, np.uint64(0))
        if now >> (np.uint64(64) - _RANGE_BITS) >= size:
            words[count] = np.uint32(now & np.uint64(0xFFFFFFFF))
            count, now = count + 1, now >> _WORD_BITS
        now = (now // size << _RANGE_BITS) + now % size + base
    state[0] = now
    return count


@inlined
def _split(one: int) -> np.uint64:
    """Where the interval of a one, whose probability is one / 65536, begins in [0, 2^24)."""
    return np.uint64((((65536 - one) * (_RANGE - 2)) >> 16) + 1)


class Decoder:
    """A block's words for kernels: words (n,) uint32; state (2,) uint64, the coder's state and the number of words
    left."""

    def __init__(self, words: bytes) -> None:
        """Raises CorruptError if the last word is 0, which no encoder writes, or the words are too few for a state."""
        self.words = np.frombuffer(words, "<u4").astype(np.uint32)
        if self.words.size and self.words[-1] == 0:
            raise CorruptError("the block's code words end in a zero word")
        self.state, left = np.zeros(2, np.uint64), self.words.size
        while left and self.state[0] < _LOWEST:
            left -= 1
            self.state[0] = self.state[0] << _WORD_BITS | self.words[left]
        self.state[1] = left
        if self.state[0] < _LOWEST:
            raise CorruptError("the block's code words are not used up by its bits")

    def finish(self, checksum: int) -> None:
        """Raise CorruptError unless all words are used up, and the state is that in which the encoder of bits with this
        checksum began."""
        state, left = map(int, self.state)
        if left or state >> 32 != 1:
            raise CorruptError("the block's code words are not used up by its bits")
        if state & 0xFFFFFFFF != checksum:
            raise CorruptError("the checksum in the block's code words does not fit its bytes")


class RandomWords(Decoder):
    """Random words without an end, from which samples are decoded; the same for the same seed on every machine.

    They are the raw output of PCG64, which numpy promises never to change.
    """

    ROOM = 1 << 17
    """Words at hand at most; after ``refill`` there are at least half as many, enough for 2^15 bytes at their highest
    cost."""

    def __init__(self, seed: int | None = None) -> None:
        """seed: at least 0, None for another seed each time.  Raises ValueError for a seed below 0."""
        self._source = np.random.PCG64(seed)
        self._taken = self.ROOM
        super().__init__(self._random(self.ROOM).tobytes())

    def _random(self, count: int) -> npt.NDArray[np.uint32]:
        return self._source.random_raw(count // 2).astype("<u8").view("<u4").astype(np.uint32)

    def refill(self) -> None:
        """Add words behind the words left, if these are few."""
        left = int(self.state[1])
        if left < self.ROOM // 2:
            fresh = self._random((self.ROOM - left) // 2 * 2)
            self.words = np.concatenate((fresh, self.words[:left]))
            self.state[1] = self.words.size
            self._taken += fresh.size

    def spent(self) -> float:
        """Random bits that have been used up so far."""
        return 32.0 * (self._taken - int(self.state[1])) - math.log2(int(self.state[0]))


@inlined
def next_bit(words: npt.NDArray[np.uint32], state: npt.NDArray[np.uint64], one: int) -> int:
    """The next bit, whose P(1) was one / 65536, from a decoder's words and state.

    A state is below 2^64, so the next one, its upper 40 bits times a size below 2^24 and less than that size, is below
    2^64 too.
    """
    split = _split(one)
    low = state[0] & np.uint64(_RANGE - 1)
    bit = low >= split
    size, base = (np.uint64(_RANGE) - split, split) if bit else (split, np.uint64(0))
    following = (state[0] >> _RANGE_BITS) * size + low - base
    if following < _LOWEST and state[1] > np.uint64(0):
        state[1] -= np.uint64(1)
        following = following << _WORD_BITS | np.uint64(words[state[1]])
    state[0] = following
    return int(bit)
