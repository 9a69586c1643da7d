"""What is expected of numbers, against the reference decoder; their layouts as one number, and found in blocks."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest
import reference_decoder

from likezip.blocks import block_header, codec, coding, number_layouts
from likezip.blocks.options import CodingOptions
from likezip.kernels.compiling import compiled
from likezip.memory import numbers
from likezip.memory.number_layout import LAYOUT_BITS, MOST_CHANNELS, WIDTHS, NumberLayout
from likezip.memory.numbers import Numbers, bit_shares, follow_numbers
from likezip.memory.registers import BEST_NUMBER, MORE_NUMBERS, NUMBERS, POSITION, REGISTERS, START
from likezip.model import default_model

LAYOUTS = [
    (NumberLayout(1, 1), 2),
    (NumberLayout(1, 1), 20),
    (NumberLayout(3, 1), 33),
    (NumberLayout(5, 1), 5),
    (NumberLayout(1, 2), 2),
    (NumberLayout(2, 2, 1), 4),
    (NumberLayout(1, 2, 1, big_endian=True), 26),
    (NumberLayout(1, 4), 4),
    (NumberLayout(3, 4, 3, is_float=True), 12),
    (NumberLayout(1, 4, 2, big_endian=True, is_float=True), 40),
    (NumberLayout(1, 8, 5), 80),
    (NumberLayout(2, 8, 0, big_endian=True), 16),
    (NumberLayout(1, 8, 7, is_float=True), 8),
    (NumberLayout(1, 2), 65535),
]


@compiled
def _follow(raw, registers, fast):  # type: ignore[no-untyped-def]
    follow_numbers(raw, registers, fast, 0)


@compiled
def _shares(partial, bit, distribution):  # type: ignore[no-untyped-def]
    return bit_shares(partial, bit, distribution)


def _walk(layout: NumberLayout, draw: random.Random) -> bytes:
    """Numbers that follow from those before but for a little."""
    walk, size = bytearray(draw.randbytes(layout.phase)), 8 * layout.width
    before = [draw.getrandbits(size) for _ in range(layout.channels)]
    while len(walk) < 250:
        for channel in range(layout.channels):
            most = 1 << draw.choice((1, 2, size // 2))
            before[channel] = (before[channel] + draw.randrange(-most, most + 1)) % (1 << size)
            walk += before[channel].to_bytes(layout.width, "big" if layout.big_endian else "little")
    return bytes(walk)


def _extremes(layout: NumberLayout, draw: random.Random) -> bytes:
    """Numbers that differ as much as they can."""
    width = layout.width
    ends = [bytes(width), b"\xff" * width, b"\x80" + bytes(width - 1), draw.randbytes(width)]
    ends += [end[::-1] for end in ends]
    return b"".join(draw.choice(ends) for _ in range(250 // layout.width))


@pytest.mark.parametrize(("layout", "row"), LAYOUTS)
@pytest.mark.parametrize("content", [_walk, _extremes])
def test_registers_and_distribution_are_those_of_the_reference(layout: NumberLayout, row: int, content: object) -> None:
    draw = random.Random(1)
    raw = content(layout, draw)  # type: ignore[operator]
    start = draw.choice((0, 1, 9))
    known, lane = np.frombuffer(raw, np.uint8).copy(), reference_decoder.Lane(0)
    lane.go_to(start, len(raw) - start)
    registers = np.zeros(REGISTERS, np.int64)
    registers[[START, POSITION]] = start
    fast, slow = Numbers.of(layout, row, 1), reference_decoder.Numbers(layout.pack(), row)
    seen = set()
    for position in range(start + 1, len(raw)):
        registers[POSITION] = lane.position = position
        _follow(known, registers, fast)
        slow.follow(raw, lane)
        names = {"numbers": NUMBERS, "more numbers": MORE_NUMBERS, "best number": BEST_NUMBER}
        assert {name: registers[column] for name, column in names.items()} == {name: lane.named[name] for name in names}
        for bit in range(8):
            partial = (256 | raw[position]) >> (8 - bit)
            shares = _shares(partial, bit, fast.distribution[0])
            ones, zeros = map(reference_decoder.log, shares)
            assert reference_decoder.clamp((ones - zeros) >> 8) == slow.logit(partial, bit)
            seen.add(shares)
    assert len(seen) > 30
    assert max(map(max, seen)) < 1 << 30
    assert np.abs(fast.weights).max() > 0 and np.abs(fast.products).max() <= 1 << 36


def test_numbers_of_a_line_are_expected_exactly() -> None:
    """By the line through the last two, and after some numbers by least squares."""
    layout = NumberLayout(1, 2)
    raw = np.arange(0, 60_000, 300).astype("<u2").view(np.uint8)
    registers, fast = np.zeros(REGISTERS, np.int64), Numbers.of(layout, 2, 1)
    for position in range(1, raw.size - 1):
        registers[POSITION] = position
        _follow(raw, registers, fast)
        if position > 6:
            assert (registers[NUMBERS] >> 32) & 255 == raw[position]
        if position > raw.size // 2:
            assert registers[BEST_NUMBER] & 255 == raw[position]
            for bit in range(8):
                one, zero = _shares((256 | int(raw[position])) >> (8 - bit), bit, fast.distribution[0])
                assert (one > zero) == bool(raw[position] >> (7 - bit) & 1)


def test_a_block_of_another_profile_has_no_numbers() -> None:
    nothing = Numbers.of(None, 5, 3)
    assert nothing.layout[numbers.ITEM] == 0
    assert nothing.values.size == nothing.products.size == nothing.distribution.size == 0


def test_layouts_as_numbers() -> None:
    possible = set()
    for channels, width, phase, big_endian, is_float in itertools.product(
        (1, 2, MOST_CHANNELS), WIDTHS, range(8), (False, True), (False, True)
    ):
        layout = NumberLayout(channels, width, phase, big_endian, is_float)
        packed = layout.pack()
        assert packed < 1 << LAYOUT_BITS
        assert NumberLayout.unpack(packed) == layout
        wide_enough = width >= (4 if is_float else 2 if big_endian else 1)
        assert layout.is_possible == (phase < width and wide_enough)
        possible.add(packed)
    assert len(possible) == 3 * 4 * 8 * 4
    assert not NumberLayout(0, 1).is_possible and not NumberLayout(MOST_CHANNELS + 1, 1).is_possible
    assert NumberLayout(3, 4, 3).behind(6) == NumberLayout(3, 4, 1)


def _pixels(width: int, height: int, channels: int) -> bytes:
    """Patches of 5 x 5 pixels of about the same colours."""
    random = np.random.default_rng(0)
    patches = random.integers(40, 200, (height // 5, width // 5, channels)).repeat(5, 0).repeat(5, 1)
    return (patches + random.integers(-6, 7, patches.shape)).astype(np.uint8).tobytes()


def _walks(dtype: str, channels: int) -> bytes:
    """Numbers of several channels that go up and down, on the whole by less than their highest bytes can tell."""
    changes = np.random.default_rng(1).normal(0, 1 << 9, (6000 // channels, channels)).cumsum(0).cumsum(0)
    return changes.astype(dtype).tobytes()


@pytest.mark.parametrize(
    ("raw", "layout", "row"),
    [
        (_pixels(180, 90, 1), NumberLayout(1, 1), 180),
        (_pixels(120, 90, 3), NumberLayout(3, 1), 360),
        (_pixels(110, 90, 4), NumberLayout(4, 1), 440),
        (b"x" + _walks("<i4", 1), NumberLayout(1, 4, 1), None),
        (b"xyz" + _walks(">i4", 2), NumberLayout(2, 4, 3, big_endian=True), None),
        (b"x" + _walks(">i2", 1), NumberLayout(1, 2, 1, big_endian=True), None),
        (_walks("<i8", 1), NumberLayout(1, 8), None),
        (_walks("<f4", 1), NumberLayout(1, 4), None),
    ],
)
def test_likely_layouts(raw: bytes, layout: NumberLayout, row: int | None) -> None:
    """Whether numbers are floats is told by those below 0 alone."""
    found = {replace(layout, is_float=False): row for layout, row in number_layouts.likely_layouts(raw, 4)}
    assert layout in found
    assert row in (None, found[layout])


def test_a_picture_is_coded_as_numbers() -> None:
    """Also behind a context, from whose beginning numbers are counted."""
    raw, options = b"12" + _walks(">i4", 2)[:6000], CodingOptions(default_model(), "off")
    header, payload = codec.encode_block(raw, options)
    assert header.profile == block_header.NUMBERS_PROFILE and header.layout == NumberLayout(2, 4, 2, big_endian=True)
    records = coding.BlockCoding(raw, options, coding.BlockMode(block_header.RECORDS_PROFILE, 8))
    assert 8 * len(payload) < 0.9 * records.bits
    assert codec.decode_block(header, payload, default_model()) == raw
    primed = coding.code_block(raw, options, primer=raw[:4001])
    assert primed.header.layout == NumberLayout(2, 4, 3, big_endian=True)
    assert b"".join(coding.decode_pieces(primed.header, primed.payload, options, None, primer=raw[:4001])) == raw


@pytest.mark.parametrize("size", [511, 512, 513, 600, 700, 1000])
def test_a_layout_of_any_few_bytes(size: int) -> None:
    for draw in map(random.Random, range(5)):
        level, raw = 100, bytearray()
        while len(raw) < size:
            level = (level + draw.choice((-1, 0, 0, 1))) % 256
            raw += bytes([level, draw.randrange(4)])
        assert all(
            layout.is_possible and row > 1 for layout, row in number_layouts.likely_layouts(bytes(raw[:size]), 4)
        )


@pytest.mark.parametrize("raw", [b"", b"a", bytes(600), random.Random(4).randbytes(20_000), __doc__.encode() * 30])
def test_what_does_not_look_like_numbers_has_no_layout(raw: bytes) -> None:
    assert number_layouts.likely_layouts(raw, 4) == []
