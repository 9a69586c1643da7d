"""The coder against its integer definition in FORMAT.md, written here in Python's own integers."""

import random

import constriction
import numpy as np
import pytest

from likezip.blocks.entropy_coder import Decoder, encode, next_bit
from likezip.errors import CorruptError

_BIT = constriction.stream.model.Bernoulli(perfect=False)


def _decode(words: list[int], ones: list[int]) -> list[int]:
    state = 0
    while words and state < 1 << 32:
        state = state << 32 | words.pop()
    bits = []
    for k in ones:
        split = ((65536 - k) * (2**24 - 2) >> 16) + 1
        low = state & 0xFFFFFF
        bit = int(low >= split)
        size, base = (2**24 - split, split) if bit else (split, 0)
        state = (state >> 24) * size + low - base
        if state < 1 << 32 and words:
            state = state << 32 | words.pop()
        bits.append(bit)
    assert state == 0
    assert not words
    return bits


def _read(decoder: Decoder, ones: list[int]) -> list[int]:
    return [next_bit(decoder.words, decoder.state, one) for one in ones]


@pytest.mark.parametrize("seed", range(20))
def test_against_plain_integers_and_constriction(seed: int) -> None:
    draw = random.Random(seed)
    ones = [draw.choice([1, 2, 65535, 32768, draw.randrange(1, 65536)]) for _ in range(2000)]
    bits = [int(draw.randrange(65536) < k) for k in ones]
    words = encode(np.array(ones, np.uint16), np.array(bits, np.uint8))
    assert _decode(np.frombuffer(words, "<u4").tolist(), ones) == bits
    decoder = Decoder(words)
    assert _read(decoder, ones) == bits
    decoder.finish()
    coder = constriction.stream.stack.AnsCoder(np.frombuffer(words, "<u4").astype(np.uint32))
    assert coder.decode(_BIT, np.array(ones) / 65536).tolist() == bits


def test_golden_words() -> None:
    ones = [(i * 7919) % 65535 + 1 for i in range(40)]
    bits = [i % 3 == 0 for i in range(40)]
    words = encode(np.array(ones, np.uint16), np.array(bits, np.uint8))
    assert np.frombuffer(words, "<u4").tolist() == GOLDEN


GOLDEN = [563510145, 603979570, 725490]
"""A change here is a change of the format."""


def test_words_left_over_are_noticed() -> None:
    words = encode(np.full(500, 32768, np.uint16), np.ones(500, np.uint8))
    decoder = Decoder(words)
    _read(decoder, [32768] * 100)
    with pytest.raises(CorruptError):
        decoder.finish()


def test_a_last_zero_word_is_corrupt() -> None:
    with pytest.raises(CorruptError):
        Decoder(bytes(8))
