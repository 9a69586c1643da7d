"""Probabilities and bits to 32-bit words and back, by constriction's ANS coder; its only importer.

The coder is a stack (rANS, J. Duda 2013): the encoder pushes the bits of a block in reverse, so that the decoder pops
them in order and the model can follow.  constriction's queue coder would need no reversal, but its truncated range
loses about 1.7e-4 bits with every binary decision, however certain, which on redundant files is per cents; ANS
loses nothing that can be measured (5 bytes a block).

Exactness: the model gives k, P(bit = 1) = k / 65536 with 1 <= k <= 65535.  constriction takes a float64 p = k / 65536,
which is exact, and gives a zero the 24-bit interval [0, b) and a one [b, 2^24) with b = floor((1 - p) (2^24 - 2)) + 1.
1 - p has 16 bits and 2^24 - 2 has 24, their product 40, all below the 53 of a float64: b is
((65536 - k) (2^24 - 2) >> 16) + 1 exactly, on every machine.
"""

from __future__ import annotations

import constriction
import numpy as np
import numpy.typing as npt

from likezip.errors import CorruptError

_BIT = constriction.stream.model.Bernoulli(perfect=False)
_CHUNK = 1 << 20


class Encoder:
    """A block's words, made in one go once all its probabilities are known."""

    def encode(self, probabilities: npt.NDArray[np.uint16], bits: npt.NDArray[np.uint8]) -> bytes:
        """Code ``bits`` (n,), 0 or 1, with P(1) = probabilities / 65536 (n,), in [1, 65535]; returns the words."""
        coder = constriction.stream.stack.AnsCoder()
        for end in range(bits.size, 0, -_CHUNK):
            part = slice(max(0, end - _CHUNK), end)
            coder.encode_reverse(bits[part].astype(np.int32), _BIT, probabilities[part] / 65536.0)
        words: bytes = coder.get_compressed().astype("<u4").tobytes()
        return words


class Decoder:
    """Reads a block's words; ``decode`` must be asked for the bits in the order of encoding."""

    def __init__(self, words: bytes) -> None:
        try:
            self._coder = constriction.stream.stack.AnsCoder(np.frombuffer(words, "<u4").astype(np.uint32))
        except (ValueError, AssertionError) as error:
            raise CorruptError("the block's code words end in a zero word") from error

    def decode(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        """The next bits, (n,) int32, whose P(1) were ``probabilities`` (n,) float64, multiples of 1/65536."""
        bits: npt.NDArray[np.int32] = self._coder.decode(_BIT, probabilities)
        return bits

    def finish(self) -> None:
        """Raise CorruptError if words are left: a sound block's are used up exactly."""
        if not self._coder.is_empty():
            raise CorruptError("the block's code words are not used up by its bits")
