"""Lists of copies: there and back, and that nothing but a right list is taken."""

import io
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

import likezip
from likezip.blocks import block_header, coding, copies
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.copies import Copy, Literals
from likezip.blocks.options import CodingOptions
from likezip.errors import CorruptError
from likezip.frames.container import FrameHeader, Index
from likezip.frames.recovery import recover_stream

ALONE = FrameHeader.of(None, likezip.load_model("likezip-2").id)


def nothing_before(distance: int, length: int) -> bytes:
    raise CorruptError("nothing is before")


def before(content: bytes) -> Callable[[int, int], bytes]:
    """The bytes before a block, all of them literals."""

    def take(distance: int, length: int) -> bytes:
        start = len(content) - distance
        if start < 0 or length > distance:
            raise CorruptError("not before the block")
        return content[start : start + length]

    return take


def drawn(draw: random.Random, content: bytes) -> tuple[list[Copy], bytes]:
    """A block behind ``content``, and copies in it, from before it and from itself, its copies included."""
    raw, found = bytearray(), list[Copy]()
    for _ in range(draw.randrange(1, 8)):
        raw += draw.randbytes(draw.choice([0, 1, 5, 200]) if raw else draw.randrange(1, 9))
        place, length = len(raw), draw.choice([12, 13, 50, 127, 128, 300])
        if len(content) >= 12 and draw.random() < 0.5:
            length = min(length, len(content))
            distance = place + draw.randrange(length, len(content) + 1)
            raw += content[len(content) + place - distance :][:length]
        else:
            source = draw.randrange(place)
            distance = place - source
            for i in range(length):
                raw.append(raw[source + i])
        found.append(Copy(place, length, distance))
    return found, bytes(raw) + draw.randbytes(draw.choice([0, 0, 1, 20]))


@pytest.mark.parametrize("seed", range(100))
def test_there_and_back(seed: int) -> None:
    draw = random.Random(seed)
    content, context = draw.randbytes(draw.choice([0, 1, 400, 70_000])), draw.choice([0, 1, 500, 1 << 30])
    found, raw = drawn(draw, content)
    coded = copies.pack(found, raw, context)
    listed, literals = copies.unpack(coded, len(raw), context)
    assert list(listed) == found
    assert copies.fill(listed, literals, before(content)) == raw
    assert coded.endswith(copies.pack(found, raw, context)[-(len(raw) - sum(copy.length for copy in found)) or None :])
    literal = set(range(len(raw))).difference(*(range(place, place + length) for place, length, _ in found))
    for _ in range(50):
        place, length = draw.randrange(len(raw)), draw.randrange(1, 60)
        if literal.issuperset(range(place, place + length)):
            assert literals.take(place, length) == raw[place : place + length]
        else:
            with pytest.raises(CorruptError, match="not all literals"):
                literals.take(place, length)


def test_bytes_of_a_list_are_those_of_the_format() -> None:
    """Written out by hand: a change here is a break of the format."""
    raw = b"0123456789" + b"0123456789" + b"-" + b"345" * 100
    found = [Copy(10, 10, 10), Copy(24, 297, 3)]
    assert copies.pack(found, raw) == bytes([10, 10, 20, 4, 0, 13]) + b"0123456789-345"
    assert copies.pack([Copy(10, 10, 10)], raw[:21], 200) == bytes([10, 10, 0xFB, 2]) + b"0123456789-"
    assert copies.pack([Copy(0, 300, 200)], bytes(301), 200) == bytes([0, 0xAC, 2, 0]) + b"\0"


@pytest.mark.parametrize(("length", "context"), [(3, 10), (4, 75), (5, 9000)])
def test_a_copy_is_longer_than_what_it_takes_in_the_list(length: int, context: int) -> None:
    raw = bytes(range(10)) * 2 + b"-"
    for longer in (0, 1):
        if longer:
            assert len(copies.pack([Copy(10, length + 1, 10)], raw, context)) == len(raw) - 1
        else:
            with pytest.raises(ValueError, match="not longer"):
                copies.pack([Copy(10, length, 10)], raw, context)


def test_a_block_without_copies_is_all_literals() -> None:
    literals = Literals.of(b"some bytes", 10)
    assert literals.take(0, 10) == b"some bytes" and literals.take(5, 5) == b"bytes"
    for place, length in ((0, 11), (9, 2), (10, 1), (-1, 1)):
        with pytest.raises(CorruptError):
            literals.take(place, length)


@pytest.mark.parametrize(
    ("coded", "size"),
    [
        (b"", 5),
        (b"\1", 5),
        (b"\2\3", 5),
        (b"\2\0\4", 6),  # literals are missing
        (b"\2\0\4ab", 2),  # a copy of nothing
        (b"\2\0\4abc", 7),  # one literal too many
        (b"\2\4\4ab", 6),  # all of the rest, by its length
        (b"\2\5\4ab", 6),
        (b"\2\0\0ab", 6),  # distance 0
        (b"\2\0\1ab", 6),  # distance -1
        (b"\x0b\0\4abcdef", 10),  # behind the end
        (b"\x82\0\0\4ab", 7),  # numbers that are too long
        (b"\2\0\x84\x80\0ab", 8),
        (b"\2\0\x84\x80\x80\x80\x80\x80\x80\1ab", 20),
        (b"\5\0\x0a\0\0\0", 16),  # behind a copy of all of the rest
        (b"\2\3\4\0\4\0ab", 9),  # of as many bytes as they take in the list, or fewer
        (b"\2\2\4\0\5\0ab", 9),
        (b"\2\4\4\0\2\0\0\6\0ab", 14),
        (b"\xff\xff\xff\xff\xff\xff\x7f", 8),
    ],
)
def test_a_list_that_is_not_right(coded: bytes, size: int) -> None:
    assert list(copies.unpack(b"\2\0\4ab", 6)[0]) == [Copy(2, 4, 2)]
    with pytest.raises(CorruptError, match=r"list of copies|block's copies"):
        copies.unpack(coded, size)


@pytest.mark.parametrize(
    ("coded", "raw"),
    [
        (b"\2\4\4\0\0\0ab", b"abababababab"),  # of a copy, again and again
        (b"\2\4\4\1\0\x0aabc", b"abababcababab"),  # of literals and a copy
        (b"\2\4\4\1\0\2abc", b"abababcabcabc"),  # of a copy and literals, again and again
    ],
)
def test_sources_in_the_block(coded: bytes, raw: bytes) -> None:
    listed, literals = copies.unpack(coded, len(raw))
    assert copies.fill(listed, literals, nothing_before) == raw


def test_a_source_before_the_block_that_is_not_there() -> None:
    with pytest.raises(CorruptError):
        copies.fill(*copies.unpack(b"\2\0\6ab", 6), nothing_before)


def _frame(raw: bytes, coded: bytes) -> bytes:
    """A frame of a stored block with copies."""
    header = BlockHeader.stored(len(raw), block_header.checksum(raw), len(raw) - len(coded))
    return ALONE.packed + header.pack(ALONE.sealing(0)) + coded


def _in_several(header: BlockHeader, payload: bytes) -> bytes:
    """A frame of several blocks, of this one."""
    head = FrameHeader.of(1 << 22, likezip.load_model("likezip-2").id)
    block = header.pack(head.sealing(0)) + payload
    return head.packed + block + Index(len(head.packed), ((len(block), header.raw_size),)).pack()


def _in_one(header: BlockHeader, payload: bytes) -> bytes:
    """A frame of one block, and another behind it."""
    return ALONE.packed + header.pack(ALONE.sealing(0)) + payload + likezip.compress(b"")


@pytest.mark.parametrize("frame", [_in_one, _in_several])
@pytest.mark.parametrize("units", [1, 2, 3, 8])
def test_few_coded_bytes_are_filled_up_with_zeros_and_nothing_else(
    units: int, frame: Callable[[BlockHeader, bytes], bytes]
) -> None:
    for size in (units << 18, (units << 18) + 1, ((units + 1) << 18) - 1):
        raw = (b"\xe5\1\0" * size)[:size]
        coded = copies.pack([Copy(3, size - 3, 3)], raw)
        header = BlockHeader.stored(size, block_header.checksum(raw), size - len(coded))
        assert (len(coded), header.payload_size) == (6, max(6, 4 * units))
        payload = coded + bytes(header.payload_size - 6)
        assert likezip.decompress(frame(header, payload)) == raw
        for place in range(8 * 6, 8 * len(payload)):
            damaged = bytearray(payload)
            damaged[place // 8] ^= 1 << place % 8
            with pytest.raises(CorruptError, match="fills up"):
                likezip.decompress(frame(header, bytes(damaged)))
            assert recovered(frame(header, bytes(damaged))) == b""
        for other in (payload[:-1], payload + b"\0"):
            if frame is _in_several or len(other) < len(payload):  # else it is behind the frame
                with pytest.raises(likezip.LikezipError):
                    likezip.decompress(frame(header, other))


@pytest.mark.parametrize("frame", [_in_one, _in_several])
def test_literals_that_get_shorter_are_filled_up_with_zeros_and_nothing_else(
    frame: Callable[[BlockHeader, bytes], bytes],
) -> None:
    """The payload of a coded block is longer than its words only if they are shorter than it may be."""
    literals = b"zebras and zebras and zebras and zebras and more zebras"
    raw = (literals * 40_000)[: 1 << 21]
    coded = copies.pack([Copy(len(literals), len(raw) - len(literals), len(literals))], raw)
    model, mode = likezip.load_model("likezip-2"), coding.BlockMode(block_header.TEXT_PROFILE, 0)
    coding_of_it = coding.BlockCoding(coded, CodingOptions(model, "off"), mode)
    payload = coding_of_it.payload(len(raw))
    words = payload.rstrip(b"\0")
    assert len(words) < len(payload) == block_header.least_payload(len(raw)) < len(coded)
    modelled = block_header.MEMORY, 1, 0, block_header.TEXT_PROFILE, 0, 16
    crc, spared = block_header.checksum(raw), len(raw) - len(coded)
    header = BlockHeader(*modelled, len(raw), len(payload), crc, spared)
    assert likezip.decompress(frame(header, payload)) == raw
    for place in range(8 * len(words), 8 * len(payload)):
        damaged = bytearray(payload)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(CorruptError):
            likezip.decompress(frame(header, bytes(damaged)))
    for longer in (payload + b"\0", payload + b"\0\0"):
        with pytest.raises(CorruptError, match="zero"):
            likezip.decompress(frame(replace(header, payload_size=len(longer)), longer))
    with pytest.raises(CorruptError, match="checksum"):  # of the content, as the words hold that of the coded bytes
        likezip.decompress(frame(replace(header, raw_crc=crc ^ 1), payload))
    wrong = coding.BlockCoding(coded, CodingOptions(model, "off"), mode, raw=raw[: len(coded)]).payload(len(raw))
    with pytest.raises(CorruptError, match="code words"):
        likezip.decompress(frame(header, wrong))


def recovered(frame: bytes) -> bytes:
    """What recovery finds, nothing if no block is intact."""
    sink = io.BytesIO()
    with suppress(CorruptError):
        recover_stream(io.BytesIO(frame), sink)
    return sink.getvalue()


@pytest.mark.parametrize("seed", range(6))
def test_no_damage_gives_other_bytes(seed: int) -> None:
    """Neither of a list alone, if the sizes still fit, nor of a frame."""
    draw, tried = random.Random(seed), 0
    found, raw = drawn(draw, b"")
    coded = copies.pack(found, raw)
    while len(coded) >= len(raw):
        found, raw = drawn(draw, b"")
        coded = copies.pack(found, raw)
    assert likezip.decompress(_frame(raw, coded)) == raw
    damaged = [coded[:size] for size in range(1, len(coded))]
    for place in range(8 * min(len(coded), 60)):
        changed = bytearray(coded)
        changed[place // 8] ^= 1 << place % 8
        damaged.append(bytes(changed))
    for change in damaged:
        tried += 1
        with suppress(CorruptError):
            assert likezip.decompress(_frame(raw, change)) == raw
    frame = _frame(raw, coded)
    for size in range(len(frame)):
        with pytest.raises(likezip.LikezipError):
            likezip.decompress(frame[:size])
    print(f"{tried} damaged lists")
    assert tried > 30
