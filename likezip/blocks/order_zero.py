"""Order zero: bytes predicted by nothing but how often each bit has followed the bits before it in its byte.

Random digits and letters, such as encrypted data in hexadecimals, have no memory: whatever contexts expect of them is
chance, and costs some thousandths.  Here each of the 255 places in a byte has one adaptive probability
(``mixer.map_learn``), which is nearly as good as knowing the frequencies, and a hundred times as fast as the predictor.
It has another one where the line before ended, since base64 is written in lines of a length.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from likezip.blocks.entropy_coder import Decoder, next_bit
from likezip.blocks.options import Advance
from likezip.blocks.predictor import Decisions, Encode
from likezip.kernels.compiling import compiled, inlined
from likezip.memory import mixer

LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""Those of base64, which a block is expected to be of until it is known."""

LETTER, NEWLINE = 17, 11_520
"""How much more often such a letter is expected than any other byte; and where the line before ended, a newline: as
often as nine times all bytes together."""

LINE, COLUMN, LENGTH = range(3)
"""Of the place (3,) int64: 1 where the line before ended, else 0; bytes since the last newline; bytes of the line
before, -1 if there is none."""


@lru_cache(maxsize=1)
def _first_maps() -> npt.NDArray[np.uint32]:
    """The entries (2, 256) before the first byte: [place 0 or 1, the bits of the byte so far behind a one]."""
    weights = np.ones((2, 256), np.int64)
    weights[:, list(LETTERS)] = LETTER
    weights[1, ord("\n")] = NEWLINE
    maps = np.zeros((2, 256), np.uint32)
    for known in range(8):
        zeros, ones = np.moveaxis(weights.reshape(2, 1 << known, 2, -1).sum(-1), 2, 0)
        maps[:, 1 << known : 2 << known] = ((ones << 22) // (zeros + ones) << mixer.COUNT_BITS) + 1
    return maps


@inlined
def _probability(entry):
    """P(1) in 1/65536, in [1, 65535], from an entry's in 1/2^22."""
    return mixer.clamp_probability(np.int64(entry >> np.uint32(mixer.COUNT_BITS + 6)))


@inlined
def _end_byte(byte, place):
    """Go on to the place behind ``byte``."""
    if byte == 10:
        place[LENGTH] = place[COLUMN]
        place[COLUMN] = 0
    else:
        place[COLUMN] += 1
    place[LINE] = place[COLUMN] == place[LENGTH]


@compiled
def _encode_bytes(content, maps, place, ones, bits):
    """Fill ones and bits (n, 8) from ``content`` (n,)."""
    for i in range(content.size):
        row, partial = maps[place[LINE]], 1
        for bit in range(8):
            ones[i, bit] = _probability(row[partial])
            y = int(content[i] >> (7 - bit)) & 1
            bits[i, bit] = y
            row[partial] = mixer.map_learn(row[partial], y)
            partial = 2 * partial + y
        _end_byte(partial & 255, place)


@compiled
def _decode_bytes(content, maps, place, words, coder):
    """Fill ``content`` (n,) from a decoder's words and state."""
    for i in range(content.size):
        row, partial = maps[place[LINE]], 1
        for _ in range(8):
            y = next_bit(words, coder, _probability(row[partial]))
            row[partial] = mixer.map_learn(row[partial], y)
            partial = 2 * partial + y
        _end_byte(partial & 255, place)
        content[i] = partial & 255


class OrderZero:
    """A block's predictor of order zero, as ``likezip.blocks.predictor.Predictor``.

    raw (size,) uint8 fills with the block's bytes as they are decoded.
    """

    def __init__(self, size: int) -> None:
        self.raw, self._done = np.zeros(size, np.uint8), 0
        self._maps, self._place = _first_maps().copy(), np.array([0, 0, -1])

    def run(
        self, content: npt.NDArray[np.uint8], advance: Advance | None = None, encode: Encode | None = None
    ) -> Decisions:
        """The binary decisions of all bytes of ``content``, the block up to any byte, that were not coded before, (8
        n,).  encode: there are no stretches for it to take."""
        part = content[self._done :]
        ones, bits = np.empty((part.size, 8), np.uint16), np.empty((part.size, 8), np.uint8)
        _encode_bytes(part, self._maps, self._place, ones, bits)
        self._done = content.size
        if advance is not None:
            advance(part.size)
        return ones.reshape(-1), bits.reshape(-1)

    def follow(self, decoder: Decoder, advance: Advance | None, end: int) -> None:
        """Decode the block up to ``end`` into ``raw``."""
        _decode_bytes(self.raw[self._done : end], self._maps, self._place, decoder.words, decoder.state)
        if advance is not None:
            advance(end - self._done)
        self._done = end


def compile_order_zero() -> None:
    """Compile both kernels by coding a byte and decoding one from the fewest words."""
    OrderZero(1).run(np.zeros(1, np.uint8))
    OrderZero(1).follow(Decoder(bytes([0, 0, 0, 0, 1, 0, 0, 0])), None, 1)
