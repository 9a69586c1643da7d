"""The coder against its integer definition in FORMAT.md, written here in Python's own integers."""

import random
import zlib

import numpy as np
import pytest

from likezip.blocks import cost, entropy_coder
from likezip.blocks.entropy_coder import Decoder, encode, next_bit
from likezip.errors import CorruptError


def _decode(words: list[int], ones: list[int]) -> tuple[list[int], int]:
    """The bits, and the checksum behind them."""
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
    assert state >> 32 == 1
    assert not words
    return bits, state & 0xFFFFFFFF


def _read(decoder: Decoder, ones: list[int]) -> list[int]:
    return [next_bit(decoder.words, decoder.state, one) for one in ones]


def _drawn(seed: int, count: int, kinds: list[int]) -> tuple[list[int], list[int]]:
    """Probabilities in 1/65536, those of ``kinds`` or any, and bits that come as often as they say."""
    draw = random.Random(seed)
    ones = [draw.choice([*kinds, draw.randrange(1, 65536)]) for _ in range(count)]
    return ones, [int(draw.randrange(65536) < k) for k in ones]


def _encoded(ones: list[int], bits: list[int], checksum: int) -> bytes:
    return encode(np.array(ones, np.uint16), np.array(bits, np.uint8), checksum)


def _checksum(bits: list[int]) -> int:
    return zlib.crc32(np.packbits(np.array(bits, np.uint8)).tobytes())


@pytest.mark.parametrize("checksum", [0, 1, 0xFFFFFFFF, 0x12345678])
@pytest.mark.parametrize("seed", range(10))
def test_against_plain_integers(seed: int, checksum: int) -> None:
    ones, bits = _drawn(seed, 2000, [1, 2, 65535, 32768])
    words = _encoded(ones, bits, checksum)
    assert _decode(np.frombuffer(words, "<u4").tolist(), ones) == (bits, checksum)
    decoder = Decoder(words)
    assert _read(decoder, ones) == bits
    decoder.finish(checksum)


@pytest.mark.parametrize("kinds", [[], [1, 65535], [32768] * 9], ids=["any", "certain", "even"])
@pytest.mark.parametrize("count", [0, 1, 100, 2500])
def test_the_words_are_those_of_constriction(count: int, kinds: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entropy_coder, "_CHUNK", 100)
    pytest.importorskip("constriction")
    ones, bits = _drawn(count, count, kinds)
    words = _encoded(ones, bits, 0x12345678)
    monkeypatch.setattr(entropy_coder, "_is_installed", lambda: False)
    assert _encoded(ones, bits, 0x12345678) == words


def test_golden_words() -> None:
    ones = [(i * 7919) % 65535 + 1 for i in range(40)]
    bits = [int(i % 3 == 0) for i in range(40)]
    assert np.frombuffer(_encoded(ones, bits, 0x12345678), "<u4").tolist() == GOLDEN


GOLDEN = [1863194139, 583267082, 268435423, 1]
"""A change here is a change of the format."""


@pytest.mark.parametrize("kinds", [[], [1, 65535], [32768] * 9], ids=["any", "certain", "even"])
@pytest.mark.parametrize("count", [0, 1, 8, 50, 800, 8000])
def test_words_waste_two_bytes_at_most(count: int, kinds: list[int]) -> None:
    """Beyond the checksum and the bits' information; less than one on average."""
    wasted = []
    for seed in range(40 if count < 8000 else 5):
        ones, bits = _drawn(seed, count, kinds)
        information = cost.total_cost(np.array(ones, np.uint16), np.array(bits, np.uint8)) / 8
        words = _encoded(ones, bits, random.Random(seed).getrandbits(32)).rstrip(b"\0")
        wasted.append(len(words) - 4 - information)
    assert min(wasted) > 0 and max(wasted) < 2
    assert np.mean(wasted) <= 1


@pytest.mark.parametrize("count", [8, 48, 400])
def test_another_checksum_is_noticed(count: int) -> None:
    ones, bits = _drawn(count, count, [1, 65535])
    right = _checksum(bits)
    for place in range(32):
        decoder = Decoder(_encoded(ones, bits, right ^ 1 << place))
        assert _read(decoder, ones) == bits
        decoder.finish(right ^ 1 << place)
        with pytest.raises(CorruptError, match="checksum"):
            decoder.finish(right)


@pytest.mark.parametrize("count", [8, 48, 400])
def test_every_flipped_bit_of_words_is_noticed(count: int) -> None:
    ones, bits = _drawn(count, count, [1, 65535])
    words = _encoded(ones, bits, _checksum(bits))
    for place in range(8 * len(words)):
        damaged = bytearray(words)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(CorruptError):
            _finished(bytes(damaged), ones)
    assert _finished(words, ones) == bits


def _finished(words: bytes, ones: list[int]) -> list[int]:
    """The bits, whose checksum the words have to hold."""
    decoder = Decoder(words)
    bits = _read(decoder, ones)
    decoder.finish(_checksum(bits))
    return bits


def test_words_too_many_or_too_few_are_noticed() -> None:
    ones, bits = _drawn(7, 500, [32768])
    words = _encoded(ones, bits, _checksum(bits))
    for other in (b"", words[:4], words[4:], words[:-4], words[:8] + words[12:], bytes(4) + words, b"word" + words):
        with pytest.raises(CorruptError):
            _finished(other, ones)
    for count in (0, 1, 100, 499):  # words are left over, or what is left is no first state
        with pytest.raises(CorruptError):
            _finished(words, ones[:count])
    with pytest.raises(CorruptError, match="used up"):
        _finished(words, ones + ones)


@pytest.mark.parametrize("words", [b"", b"\1\0\0\0", b"\xff\xff\xff\xff"])
def test_words_too_few_for_a_state_are_refused_at_once(words: bytes) -> None:
    with pytest.raises(CorruptError, match="used up"):
        Decoder(words)
    Decoder(words[:4].ljust(4, b"\0") + b"\1\0\0\0").finish(int.from_bytes(words, "little"))


def test_a_last_zero_word_is_corrupt() -> None:
    with pytest.raises(CorruptError):
        Decoder(bytes(8))
