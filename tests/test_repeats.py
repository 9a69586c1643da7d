"""Repeats that are found: each is one, of literals, within the window, and those that are worth it are found."""

import io
import random
from typing import Any

import pytest
from roundtrip import block_headers

import likezip
from likezip.blocks import copies, repeats
from likezip.blocks.copies import Copy, Literals
from likezip.blocks.repeats import RepeatFinder
from likezip.frames.recovery import recover_stream

NOISE = random.Random(2).randbytes(1 << 18)
BLOCK = 1 << 16


def checked(blocks: list[bytes], window: int, context: bytes = b"") -> list[list[Copy]]:
    """What is found in blocks, after a slow look at each copy: of what is equal, of literals of one block or of the
    context, and not before the window."""
    finder = RepeatFinder(window, context)
    content, owner, all_found = bytearray(context), [0] * len(context), []  # the literals' block, -1 of copies
    for number, raw in enumerate(blocks, 1):
        begin, end, found = len(content), 0, finder.find(raw)
        coded = copies.pack(found, raw, len(context))
        finder.keep(coded)
        content += raw
        owner += [number] * len(raw)
        for place, length, _ in found:
            assert end <= place and length > 0 and place + length <= len(raw)
            end = place + length
            owner[begin + place : begin + end] = [-1] * length
        for place, length, distance in found:
            source = begin + place - distance
            behind = min(source + length, begin + place)
            assert 0 <= source < len(context) or max(len(context), begin - window) <= source
            inside = source >= begin
            assert inside or set(owner[source:behind]) == {0 if source < len(context) else owner[source]} != {-1}
            assert inside or source + length <= begin
            assert content[source : source + length] == content[begin + place : begin + place + length]
            assert length >= (repeats.LEAST_OF_MANY[0][0] if inside else repeats.LEAST_BEFORE)
        lengths = [length for place, length, distance in found if distance <= place]
        if lengths and min(lengths) < repeats.LEAST_INSIDE:
            allowed = [many for many in repeats.LEAST_OF_MANY if min(lengths) >= many[0]]
            assert any(sum(lengths) >= max(share * len(raw), mean * len(lengths)) for _, share, mean in allowed)
        if found:
            listed, literals = copies.unpack(coded, len(raw), len(context))
            earlier = Literals.of(bytes(content[:begin]), begin)
            assert copies.fill(listed, literals, lambda d, n, e=earlier: e.take(e.size - d, n)) == raw  # type: ignore[misc]
        all_found.append(found)
    return all_found


def _cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_found_is_right(seed: int) -> None:
    draw, parts = random.Random(seed), [NOISE[:2000]]
    for _ in range(60):
        kind, past = draw.randrange(5), b"".join(parts)
        start = draw.randrange(len(past))
        if kind < 2:
            parts.append(past[start : start + draw.choice([20, 100, 130, 1000, 30_000])])
        else:
            parts.append(
                [draw.randbytes(300), bytes(draw.choice([10, 500, 20_000])), b"ab\n" * draw.randrange(900)][kind - 2]
            )
    blocks = _cut(b"".join(parts), draw.choice([100, 1000, 5000, BLOCK]))
    context = draw.choice([b"", NOISE[500:1500], bytes(100), NOISE[:70]])
    found = checked(blocks, draw.choice([0, BLOCK, 1 << 28]), context)
    print(sum(map(len, found)), "copies in", len(blocks), "blocks")


def test_noise_twice_is_found_whole() -> None:
    found = checked(_cut(NOISE[:BLOCK] * 2, BLOCK), 1 << 28)
    assert found == [[], [Copy(0, BLOCK, BLOCK)]]
    (inside,) = checked([NOISE * 2], 0)
    assert [(copy.length, copy.distance) for copy in inside] == [(len(NOISE), len(NOISE))]


def test_a_regular_block_is_made_of_copies_from_itself() -> None:
    """Each Fibonacci word is the one before and the one before that."""
    word, following = b"a", b"ab"
    while len(following) < 300_000:
        word, following = following, following + word
    found = checked([following[:300_000]], 0)[0]
    assert sum(length for _, length, _ in found) > 0.99 * 300_000
    sources = [
        (copy.place - copy.distance, min(copy.place - copy.distance + copy.length, copy.place)) for copy in found
    ]
    assert any(begin < copy.place + copy.length and copy.place < end for begin, end in sources for copy in found)
    assert len(likezip.compress(following, prior="off")) < 200


def test_short_copies_from_the_block_count_where_they_are_many() -> None:
    part = NOISE[: 2 * repeats.LEAST_OF_MANY[1][0]]
    few, many = part + NOISE[10_000:20_000] + part, part * 2 + NOISE[10_000:20_000] + part * 12
    few, many = (block + NOISE[20_000 : 20_000 + repeats.LEAST_INSIDE] for block in (few, many))
    assert checked([few], 0) == [[]]
    assert checked([many], 0) == [[]]
    assert sum(copy.length for copy in checked([many + part * 100], 0)[0]) >= 100 * len(part)


def test_shorter_copies_from_the_block_count_where_they_are_nearly_all() -> None:
    """And if they are long in the mean; what consists of many short ones is left to the predictor."""
    thue_morse = bytes(place.bit_count() & 1 for place in range(300_000))
    found = checked([thue_morse], 0)[0]
    assert min(copy.length for copy in found) < repeats.LEAST_OF_MANY[1][0]
    assert sum(copy.length for copy in found) > 0.99 * 300_000
    assert checked([thue_morse + NOISE[:7000]], 0) == [[]]
    parts = [NOISE[size : size + 100] for size in range(1000, 2000, 100)] * 300
    random.Random(1).shuffle(parts)
    assert checked([b"".join(parts)], 0) == [[]]


def test_zeros_and_periods() -> None:
    for period in (b"\0", b"ab", NOISE[:31], NOISE[:33], NOISE[:1000]):
        (found,) = checked([(period * (200_000 // len(period) + 1))[:200_000]], 0)
        assert sum(copy.length for copy in found) > 190_000
        blocks = checked(_cut((period * 300_000)[:300_000], 100_000), BLOCK)
        assert sum(copy.length for found in blocks for copy in found) > 290_000


def test_nothing_is_found_where_nothing_repeats() -> None:
    assert checked(_cut(NOISE, 20_000), 1 << 28, NOISE[:0]) == [[]] * 14
    assert checked([NOISE[1000:]], 1 << 28, NOISE[:1000]) == [[]]
    assert checked([b"", b"x", NOISE[:31], NOISE[:32]], 1 << 28) == [[]] * 4


@pytest.mark.parametrize("window", [0, BLOCK, 2 * BLOCK])
def test_nothing_is_found_before_the_window(window: int) -> None:
    """The third block is the first once more, the fourth the second."""
    found = checked(_cut(NOISE[: 2 * BLOCK] * 2, BLOCK), window)
    assert [len(copies) > 0 for copies in found] == [False, False, *[window == 2 * BLOCK] * 2]


def test_a_part_of_a_source_may_be_before_the_window() -> None:
    """Of a repeat that begins before the window, what is in it."""
    first, second = NOISE[:BLOCK], NOISE[BLOCK : BLOCK + 1000]
    found = checked([first, second, first], BLOCK)
    ((copy,),) = found[2:]
    assert (copy.place + copy.length, copy.distance) == (BLOCK, BLOCK + 1000)
    assert BLOCK - 1000 - 64 <= copy.length <= BLOCK


def test_repeats_from_128_bytes_on_are_found_wherever_they_are() -> None:
    for offset in range(40):
        for length, expected in ((repeats.LEAST_BEFORE - 1, 0), (repeats.LEAST_BEFORE, 1)):
            repeat = NOISE[1000 + offset : 1000 + offset + length]
            found = checked([NOISE[:2000], NOISE[3000:3005] + repeat + NOISE[4000:4100]], BLOCK)
            assert len(found[1]) == expected


def test_the_table_grows() -> None:
    """What was entered before is found after."""
    blocks = [*_cut(NOISE, 1 << 12), *_cut(NOISE, 1 << 12)]
    found = checked(blocks, 1 << 28)
    assert all(not found[i] for i in range(64))
    assert all(sum(copy.length for copy in one) == 1 << 12 for one in found[64:])


def test_a_context_is_found_at_once() -> None:
    context = NOISE[: BLOCK + 77]
    found = checked([context[500:5000], context, NOISE[-200:] + context[:300]], 0, context)
    assert found[0] == [Copy(0, 4500, len(context) - 500)]
    assert found[1] == [Copy(0, len(context), 4500 + len(context))]
    assert [copy.length for copy in found[2]] == [300]


def test_a_window_that_slides_over_much() -> None:
    """More content than the window is kept, and runs of literals are given up."""
    draw = random.Random(3)
    blocks = [NOISE[start : start + 3000] + draw.randbytes(50) for start in draw.choices(range(40_000), k=250)]
    found = checked(blocks, BLOCK)
    assert sum(map(len, found)) > 50


TEXT = b"user=alice&id=1&id=2&id=3; user=bob&id=1&id=2&id=3; " * 5
PIECES = [
    *[b"abcdefghi"[:period] for period in range(1, 10)],
    *[NOISE[:period] for period in (2, 5, 9, 23, 24, 25, 33, 120, 300)],
    *[TEXT[:period] for period in (33, 100, 250)],
]
"""What is left of their repetitions: fewer bytes than the payload of a large block has at least, as many, more."""


@pytest.mark.parametrize("piece", PIECES, ids=len)
@pytest.mark.parametrize("units", [1, 2, 3, 8])
def test_what_is_repeated_all_the_time_comes_back(piece: bytes, units: int) -> None:
    """A block of a few literals and a copy, which once could not be written if these were noise."""
    for size in ((units << 18) - 1, units << 18, (units << 18) + 1):
        raw = (piece * (size // len(piece) + 1))[:size]
        frame = likezip.compress(raw, prior="off")
        assert likezip.decompress(frame) == raw
        (header,) = block_headers(frame)
        assert header.has_copies and header.payload_size >= size >> 18 << 2
        assert len(frame) <= 28 + max(header.coded_size, size >> 18 << 2) and header.coded_size <= len(piece) + 12


@pytest.mark.parametrize("prior", ["auto", "on"])
@pytest.mark.parametrize("piece", PIECES[::4], ids=len)
def test_what_is_repeated_comes_back_with_the_prior(piece: bytes, prior: Any) -> None:
    raw = (piece * 300_000)[:300_000]
    assert likezip.decompress(likezip.compress(raw, prior=prior)) == raw
    assert likezip.decompress(likezip.compress(raw, prior=prior, effort="best")) == raw


@pytest.mark.parametrize("piece", PIECES[::3], ids=len)
@pytest.mark.parametrize("window", [0, None])
def test_many_blocks_of_what_is_repeated_come_back(piece: bytes, window: int | None) -> None:
    """Each is a copy of itself, or of the one before."""
    raw = (piece * 800_000)[:800_000]
    frame = likezip.compress(raw, prior="off", block_size=1 << 18, window=window)
    assert all(header.has_copies for header in block_headers(frame)[:3])
    assert likezip.decompress(frame) == raw
    for damaged, count in ((frame, 0), (frame[:-1], 1)):  # found by the index, and by headers
        sink = io.BytesIO()
        assert len(recover_stream(io.BytesIO(damaged), sink)) == count
        assert sink.getvalue() == raw


def test_what_is_all_of_a_context_comes_back() -> None:
    """A large block without a literal."""
    noise = random.Random(4).randbytes(1 << 19)
    for raw in (noise, noise[: 3 << 17]):
        frame = likezip.compress(raw, context=raw, effort="fast")
        assert len(frame) == 20 + (len(raw) >> 18 << 2)
        assert likezip.decompress(frame, context=raw) == raw


def test_noise_twice_costs_what_noise_costs_once() -> None:
    once = likezip.compress(NOISE, prior="off", block_size=BLOCK)
    twice = likezip.compress(NOISE * 2, prior="off", block_size=BLOCK)
    assert len(twice) <= 1.001 * len(once)
    assert likezip.decompress(twice) == NOISE * 2
    sink = io.BytesIO()
    likezip.compress_stream(io.BytesIO(NOISE * 2), sink, prior="off", block_size=BLOCK, window=0)
    assert len(sink.getvalue()) > 1.99 * len(once)
