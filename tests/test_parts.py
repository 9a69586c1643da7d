"""Blocks in parts: lists of parts there and back, kinds of data told apart, and that no damage gives other bytes."""

import io
import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from click.testing import CliRunner
from roundtrip import Pipe, block_headers, flipped

import likezip
from likezip.blocks import block_header, codec, coding, copies, kinds, parts
from likezip.blocks.block_header import BlockHeader, Whole
from likezip.blocks.copies import Copy
from likezip.blocks.fields import pack_number
from likezip.blocks.options import CodingOptions
from likezip.blocks.parts import LEAST_STRETCH, MOST_PARTS, Part, Stretch
from likezip.command.main import main
from likezip.frames import container
from likezip.frames.container import FrameHeader, Index
from likezip.frames.recovery import recover_stream
from likezip.model import default_model

Block = tuple[BlockHeader, bytes]

TEXT = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("test_c*.py")))


def records(size: int, seed: int = 1) -> bytes:
    """Binary records of 8 bytes."""
    draw = random.Random(seed)
    rows = ((7 * i % 1000).to_bytes(4, "big") + draw.randbytes(1) + b"\0\0\xff" for i in range(-(-size // 8)))
    return b"".join(rows)[:size]


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def numbers(size: int, seed: int = 1) -> bytes:
    """Digits and spaces."""
    draw = random.Random(seed)
    return b"".join(b"%09d " % draw.randrange(10**9) for _ in range(-(-size // 10)))[:size]


# The list of parts.


def stored(content: bytes) -> Part:
    return Part(BlockHeader.stored(len(content), block_header.checksum(content)), content)


def drawn(draw: random.Random) -> tuple[list[Part], list[Stretch], bytes]:
    """A block's parts, some of them with a header of a coded block and a payload that is none, its stretches and its
    bytes."""
    count = draw.choice([2, 2, 3, 5, MOST_PARTS])
    order = [0, *draw.sample(range(1, count), count - 1)]
    for _ in range(draw.choice([0, 1, 5, 40])):
        order.append((order[-1] + draw.randrange(1, count)) % count)
    stretches, end = list[Stretch](), 0
    for part in order:
        begin, end = end, end + LEAST_STRETCH + draw.choice([0, 1, 63, 64, 3000])
        stretches.append(Stretch(part, begin, end))
    end = stretches[-1].begin + draw.choice([1, 5, 1023, 3000])
    stretches[-1] = stretches[-1]._replace(end=end)
    raw = draw.randbytes(end)
    found = [stored(parts.bytes_of_part(raw, stretches, part)) for part in range(count)]
    for part in draw.sample(range(count), draw.randrange(count)):
        size = found[part].header.raw_size
        payload, usual = draw.randbytes(draw.randrange(min(20, size + 2))), block_header.default_table_bits(size)
        modelled = draw.choice([(3, 1, 2, 24, 16), (1, 0, 0, 0, usual), (9, 1, 1, 0, 17 if size >= 512 else 16)])
        found[part] = Part(BlockHeader(block_header.MEMORY, *modelled, size, len(payload), None), payload)
    return found, stretches, raw


@pytest.mark.parametrize("seed", range(50))
def test_there_and_back(seed: int) -> None:
    draw = random.Random(seed)
    found, stretches, raw = drawn(draw)
    raw_size = draw.choice([len(raw), len(raw) + 1, 1 << 27, 1 << 30])
    payload = parts.pack(found, stretches, raw_size)
    assert len(payload) >= block_header.least_payload(raw_size)
    assert parts.unpack(payload, len(raw), raw_size) == (found, stretches)
    contents = [parts.bytes_of_part(raw, stretches, part) for part in range(len(found))]
    assert sum(map(len, contents)) == len(raw)
    assert [len(content) for content in contents] == [part.header.raw_size for part in found]
    assert b"".join(parts.pieces(contents, stretches)) == raw
    arrays = [np.frombuffer(content, np.uint8) for content in contents]
    assert np.concatenate(list(parts.pieces(arrays, stretches))).tobytes() == raw


WORDS, MORE_WORDS = b"WORDS", b"wxyz"
WRITTEN_RAW = b"a" * 1024 + b"b" * 1100 + b"a" * 1025 + b"ccc"
WRITTEN = [Stretch(0, 0, 1024), Stretch(1, 1024, 2124), Stretch(0, 2124, 3149), Stretch(2, 3149, 3152)]
WRITTEN_PARTS = [
    Part(BlockHeader(block_header.MEMORY, 1, 0, block_header.TEXT_PROFILE, 0, 18, 2049, 5, None), WORDS),
    Part(BlockHeader(block_header.MEMORY, 3, 0, block_header.RECORDS_PROFILE, 8, 17, 1100, 4, None), MORE_WORDS),
    stored(b"ccc"),
]
HEADERS = [
    b"\x02\x01\x20\x14",
    b"\x2a\x2d\x11\x02\x88\x20\x10",
    b"\x01\x08" + zlib.crc32(b"ccc").to_bytes(4, "little"),
]
NUMBERS = [b"\0", b"\0\x31\1", b"\4\4"]
"""The first stretch's length; part and length of the second and the third."""


def test_bytes_of_a_list_are_those_of_the_format() -> None:
    """Written out by hand: a change here is a break of the format."""
    payload = parts.pack(WRITTEN_PARTS, WRITTEN, len(WRITTEN_RAW))
    assert payload == b"\4" + b"".join([*HEADERS, *NUMBERS]) + WORDS + MORE_WORDS + b"ccc"
    assert parts.pack(WRITTEN_PARTS, WRITTEN, 1 << 22) == payload + bytes(64 - len(payload))
    two = [Stretch(0, 0, 1024), Stretch(1, 1024, 1027)]
    assert parts.pack([stored(b"a" * 1024), stored(b"ccc")], two, 1027) == b"".join(
        [b"\0\1\xfd\x0f", zlib.crc32(b"a" * 1024).to_bytes(4, "little"), HEADERS[2], b"\0", b"a" * 1024, b"ccc"]
    )


def listed(
    count: bytes = b"\4",
    headers: list[bytes] = HEADERS,
    numbers: list[bytes] = NUMBERS,
    behind: bytes = WORDS + MORE_WORDS + b"ccc",
) -> bytes:
    return count + b"".join(headers) + b"".join(numbers) + behind


def long(number: int) -> bytes:
    """A number in 4 bytes."""
    return (number << 2 | 3).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "cut off"),
        (pack_number(15) + bytes(500), "17 parts"),
        (pack_number((1 << 30) - 1), "1073741825 parts"),
        (listed(long(1)), "longer than it has to be"),
        (listed(b"\0"), "size"),  # only the first two of the three
        (listed(headers=[b"\2\1\x20\x14", *HEADERS[:2]]), "limits|size"),
        (listed(headers=[b"\2" + long(2048) + b"\x14", *HEADERS[1:]]), "part 0 holds values outside"),
        (listed(headers=[*HEADERS[:2], b"\x05\x08\x04" + HEADERS[2][2:]]), "has copies"),
        (listed(headers=[b"\x82" + HEADERS[0][1:], *HEADERS[1:]]), "part 0 is .* primed"),
        (listed(headers=[*HEADERS[:2], b"\x08\x08\x0c" + HEADERS[2][2:]]), "part 2 is in parts"),
        (listed(headers=[*HEADERS[:2], b"\x11" + HEADERS[2][1:]]), "part 2 holds values outside"),
        (listed(headers=[*HEADERS[:2], b"\1\4" + HEADERS[2][2:]]), "do not fit its size"),
        (listed(headers=[*HEADERS[:2], b"\1\x0c" + HEADERS[2][2:]]), "do not fit its size"),
        (listed(numbers=[long(0), *NUMBERS[1:]]), "longer than it has to be"),
        (listed(numbers=[NUMBERS[0], long(0) + NUMBERS[1][1:], NUMBERS[2]]), "longer than it has to be"),
        (listed(numbers=[NUMBERS[0], b"\0" + long(76), NUMBERS[2]]), "longer than it has to be"),
        (listed(numbers=[pack_number(1026), *NUMBERS[1:]]), "do not fit its size"),
        (listed(numbers=[*NUMBERS[:2], b"\4\x08"]), "do not fit its size"),
        (listed(numbers=[*NUMBERS[:2], b"\x08\4"]), "do not fit its size"),  # the same part again
        (listed(numbers=[*NUMBERS[:2], b"\x0c\4"]), "do not fit its size"),  # one that there is not
        (listed(numbers=[*NUMBERS[:2], b"\0\0"]), "do not fit its size"),  # of part 2, which has 3 bytes
        (listed(behind=WORDS + MORE_WORDS + b"cc"), "do not fit its payload"),
        (listed(behind=b""), "do not fit its payload"),
        (listed(behind=WORDS + MORE_WORDS + b"ccc\0"), "fills up"),
        (listed(behind=WORDS + MORE_WORDS + b"cccc"), "fills up"),
    ],
)
def test_a_list_that_is_not_right(payload: bytes, message: str) -> None:
    size = len(WRITTEN_RAW)
    assert parts.unpack(listed(), size, size) == (WRITTEN_PARTS, WRITTEN)
    with pytest.raises(likezip.CorruptError, match=message):
        parts.unpack(payload, size, size)


def test_parts_of_impossible_numbers_are_corrupt() -> None:
    """Of a byte with phase 1, and stored."""
    for headers in ([b"\x62\1\x20\x40\x14", *HEADERS[1:]], [*HEADERS[:2], b"\x61\x08\0" + HEADERS[2][2:]]):
        with pytest.raises(likezip.CorruptError, match="limits"):
            parts.unpack(listed(headers=headers), len(WRITTEN_RAW), len(WRITTEN_RAW))


def test_a_list_that_is_cut_off() -> None:
    size, payload = len(WRITTEN_RAW), listed()
    behind = len(WORDS + MORE_WORDS + b"ccc")
    for kept in range(len(payload)):
        with pytest.raises(
            likezip.CorruptError, match="cut off" if kept < len(payload) - behind else "fit its payload"
        ):
            parts.unpack(payload[:kept], size, size)


@pytest.mark.parametrize("spare", [1, 2, 40])
def test_few_bytes_are_filled_up_with_zeros_and_nothing_else(spare: int) -> None:
    size, payload = len(WRITTEN_RAW), listed()
    raw_size = (len(payload) + spare + 3) // 4 << block_header.PADDED_SHIFT
    filled = parts.pack(WRITTEN_PARTS, WRITTEN, raw_size)
    assert len(filled) == block_header.least_payload(raw_size) > len(payload)
    assert parts.unpack(filled, size, raw_size) == (WRITTEN_PARTS, WRITTEN)
    for place in range(8 * len(payload), 8 * len(filled)):
        damaged = bytearray(filled)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(likezip.CorruptError, match="fills up"):
            parts.unpack(bytes(damaged), size, raw_size)
    for longer in (filled + b"\0", filled + bytes(4)):
        with pytest.raises(likezip.CorruptError, match="fills up"):
            parts.unpack(longer, size, raw_size)


# Frames with a block in parts.


@cache
def options() -> CodingOptions:
    return CodingOptions(default_model(), "off")


@cache
def calls_and_noise() -> Block:
    """A block of calls, coded, and of noise, stored: nearly as small as one in parts can be.  A transform would make
    something else of the calls."""
    raw = SMALL
    calls = coding.code_block(raw[:LEAST_STRETCH], options())
    stretches = [Stretch(0, 0, LEAST_STRETCH), Stretch(1, LEAST_STRETCH, len(raw))]
    payload = parts.pack([Part(calls.header, calls.payload), stored(raw[LEAST_STRETCH:])], stretches, len(raw))
    return BlockHeader.in_parts(Whole.of(raw), len(payload)), payload


SMALL = (b"\xe8\0\0\0\0" * LEAST_STRETCH)[:LEAST_STRETCH] + noise(4)


def alone(block: Block) -> bytes:
    """A frame of one block."""
    start = FrameHeader.of(None, default_model().id)
    return start.packed + block[0].pack(start.sealing(0)) + block[1]


def several(*blocks: Block, window: int = 0) -> bytes:
    """A frame of several blocks; window: its log2."""
    start = FrameHeader.of(container.MIN_BLOCK, default_model().id, window_bits=window)
    packed = [header.pack(start.sealing(number)) + payload for number, (header, payload) in enumerate(blocks)]
    entries = ((len(block), header.raw_size) for block, (header, _) in zip(packed, blocks, strict=True))
    return start.packed + b"".join(packed) + Index(len(start.packed), tuple(entries)).pack()


def refused(frame: bytes) -> None:
    with pytest.raises(likezip.LikezipError):
        likezip.decompress(frame)


@pytest.mark.slow
@pytest.mark.parametrize("framed", [alone, several])
def test_every_damage_is_noticed(framed: type) -> None:
    frame, tried = framed(calls_and_noise()), 0
    assert likezip.decompress(frame) == SMALL
    for size in range(len(frame)):
        refused(frame[:size])
        refused(frame[:size] + frame[size + 1 :])
        refused(frame[: size + 1] + frame[size:])
        tried += 3
    for place in range(8 * len(frame)):
        damaged = bytearray(frame)
        damaged[place // 8] ^= 1 << place % 8
        refused(bytes(damaged))
        tried += 1
    print(f"{tried} damaged frames, each refused")
    assert tried == 11 * len(frame) > 300


def test_damage_in_a_part_is_said() -> None:
    header, payload = calls_and_noise()
    with pytest.raises(likezip.CorruptError, match=r"^part 0: the block's code words"):
        codec.decode_block(header, flipped(payload, len(payload) - 5), default_model())
    with pytest.raises(likezip.CorruptError, match=r"^part 1: the block's checksum"):
        codec.decode_block(header, flipped(payload, len(payload) - 1), default_model())


def test_right_parts_in_other_stretches_are_refused() -> None:
    """Each part fits its checksum, but not the block the one in its header."""
    ones, zeros = b"\1" * 1200, bytes(2100)
    found = [coding.code_block(content, options()) for content in (zeros, ones)]
    packed = [Part(block.header, block.payload) for block in found]

    def block(first: int) -> Block:
        stretches = [Stretch(0, 0, first), Stretch(1, first, first + 1200), Stretch(0, first + 1200, 3300)]
        raw = b"".join(parts.pieces([zeros, ones], stretches))
        payload = parts.pack(packed, stretches, len(raw))
        return BlockHeader.in_parts(Whole.of(raw), len(payload)), payload

    (header, payload), (_, other) = block(1030), block(1031)
    assert codec.decode_block(header, payload, default_model()) == zeros[:1030] + ones + zeros[1030:]
    with pytest.raises(likezip.CorruptError, match=r"^the block's checksum"):
        codec.decode_block(header, other, default_model())


def test_parts_of_another_size_than_the_block_are_refused() -> None:
    header, payload = calls_and_noise()
    for size in (len(SMALL) - 1, len(SMALL) + 1):
        with pytest.raises(likezip.CorruptError, match="do not fit its size"):
            codec.decode_block(replace(header, raw_size=size), payload, default_model())


BEFORE, BEHIND = TEXT[:500], TEXT[500:900]
WHOLE = BEFORE + SMALL + BEHIND


def three_blocks() -> list[Block]:
    return [codec.encode_block(BEFORE, options()), calls_and_noise(), codec.encode_block(BEHIND, options())]


def recovered(frame: bytes) -> tuple[bytes, int]:
    """What comes back, and how many losses are told."""
    sink = io.BytesIO()
    losses = recover_stream(io.BytesIO(frame), sink)
    return sink.getvalue(), len(losses)


def test_recovery_of_a_block_in_parts_among_others() -> None:
    frame = several(*three_blocks())
    places = likezip.get_frame_info(frame).block_offsets
    index = places[3] + 4
    assert recovered(frame) == (WHOLE, 0)
    assert recovered(flipped(frame, places[0] + 30)) == (SMALL + BEHIND, 1)
    assert recovered(flipped(frame, places[0] + 1, index)) == (SMALL + BEHIND, 2)
    assert recovered(flipped(frame, places[2] + 1, index)) == (BEFORE + SMALL, 1)  # one after the other
    assert recovered(frame[: places[2] + 30]) == (BEFORE + SMALL, 1)
    assert recovered(frame[: places[0] + 20] + frame[places[0] + 25 :]) == (SMALL + BEHIND, 1)
    for place in (places[1] + 1, places[1] + 20, places[2] - 1):
        assert recovered(flipped(frame, place)) == (BEFORE + BEHIND, 1)
        assert recovered(flipped(frame, place, index)) == (BEFORE + BEHIND, 2)


def with_copies() -> list[Block]:
    """A stored block, one in parts that has a copy of it and of its own bytes, and one with a copy of the second's
    literals."""
    first = noise(300)
    raw = first[40:240] + bytes(1100) + b"literal" * 9 + first[:100] + bytes(1100)[:700] + b"."
    found = [Copy(0, 200, 260), Copy(1363, 100, 1663), Copy(1463, 700, 1263)]
    assert [raw[place : place + 3] for place, _, _ in found] == [first[40:43], first[:3], bytes(3)]
    coded = copies.pack(found, raw)
    stretches = [Stretch(0, 0, LEAST_STRETCH), Stretch(1, LEAST_STRETCH, len(coded))]
    zeros = coding.code_block(coded[:LEAST_STRETCH], options())
    rest = coding.code_block(coded[LEAST_STRETCH:], options())
    payload = parts.pack([Part(*zeros[:2]), Part(*rest[:2])], stretches, len(raw))
    header = BlockHeader.in_parts(Whole.of(raw), len(payload), len(raw) - len(coded))
    assert header.has_copies
    third = b"literal" * 8 + b"!"
    last = copies.pack([Copy(0, 56, len(raw) - 1300)], third)
    stored_last = BlockHeader.stored(len(third), block_header.checksum(third), len(third) - len(last))
    stored_first = BlockHeader.stored(len(first), block_header.checksum(first))
    return [(stored_first, first), (header, payload), (stored_last, last)]


def contents_with_copies() -> list[bytes]:
    first = noise(300)
    middle = first[40:240] + bytes(1100) + b"literal" * 9 + first[:100] + bytes(700) + b"."
    return [first, middle, b"literal" * 8 + b"!"]


def test_a_block_in_parts_with_copies() -> None:
    frame, contents = several(*with_copies(), window=16), contents_with_copies()
    assert likezip.decompress(frame) == b"".join(contents)
    places = likezip.get_frame_info(frame).block_offsets
    assert recovered(frame) == (b"".join(contents), 0)
    assert recovered(flipped(frame, places[3] + 4)) == (b"".join(contents), 1)
    assert recovered(flipped(frame, places[2] - 1)) == (contents[0], 2)  # the third has a copy of the second
    assert recovered(flipped(frame, places[0] + 50)) == (contents[2], 2)  # as it needs the second's literals alone
    header, payload = with_copies()[1]
    wrong = (replace(header, raw_crc=1), payload)
    with pytest.raises(likezip.CorruptError, match="block 1: the block's checksum"):
        likezip.decompress(several(with_copies()[0], wrong, window=16))


def test_every_place_of_blocks_in_parts_is_found() -> None:
    for frame, content in (
        (alone(calls_and_noise()), SMALL),
        (several(*three_blocks()), WHOLE),
        (several(*with_copies(), window=16), b"".join(contents_with_copies())),
    ):
        with likezip.open(io.BytesIO(frame)) as file:
            for place in [*range(len(content) - 1, 0, -97), 0, len(content) - 1]:
                file.seek(place)
                assert file.read(40) == content[place : place + 40]
        sink = io.BytesIO()
        likezip.decompress_stream(Pipe(frame, 7), sink)
        assert sink.getvalue() == content


def test_list_counts_blocks_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "some.lz"
    path.write_bytes(several(*three_blocks()) + alone(calls_and_noise()))
    listed = CliRunner().invoke(main, ["list", "--json", str(path)])
    (row,) = json.loads(listed.stdout)
    assert (row["blocks"], row["in_parts"], row["memory"], row["stored"]) == (4, 2, 2, 0)
    assert row["uncompressed"] == len(WHOLE + SMALL)
    table = CliRunner().invoke(main, ["list", str(path)]).stdout
    assert "2m 2x" in table.splitlines()[1]


# Kinds of data, and blocks that likezip writes in parts.


def check_kinds(raw: bytes) -> list[Stretch]:
    """The kinds of data in a block; AssertionError for what they must never be."""
    found = kinds.kinds_of(raw)
    assert found[0].begin == 0 and found[-1].end == len(raw)
    assert all(one.end == other.begin and one.part != other.part for one, other in pairwise(found))
    assert all(stretch.end - stretch.begin >= LEAST_STRETCH for stretch in found[:-1])
    assert found[-1].end > found[-1].begin
    numbered = list(dict.fromkeys(stretch.part for stretch in found))
    assert numbered == list(range(len(numbered))) and len(numbered) <= kinds.MOST_KINDS
    return found


NEAR = 64
"""Bytes by which a border may be misplaced: a few bytes are as likely in the kind on the other side."""


@pytest.mark.parametrize("shift", [0, 1, 300, 700, 3000, 4096, 5000, 7700, 8191])
def test_borders_of_kinds_are_found(shift: int) -> None:
    size = kinds.LEAST + 2 * kinds.WINDOW
    text, more = TEXT[: size + shift], TEXT[size + shift :][: size + 50]
    for pieces, order in (
        ([text, noise(size), more], [0, 1, 0]),
        ([noise(size + shift), numbers(size - 100), text, numbers(20_000)], [0, 1, 2, 1]),
        ([records(size + shift), text, records(size, 2), noise(size)], [0, 1, 0, 2]),
    ):
        found = check_kinds(b"".join(pieces))
        assert [stretch.part for stretch in found] == order
        begin = 0
        for piece, stretch in zip(pieces, found, strict=True):
            assert abs(stretch.begin - begin) <= NEAR
            begin += len(piece)


@pytest.mark.parametrize("make", [noise, records, numbers, bytes, lambda size: (TEXT * 3)[:size]])
def test_uniform_data_are_one_kind(make: type) -> None:
    for size in (3 * kinds.LEAST, 10 * kinds.LEAST + 5001):
        assert check_kinds(make(size)) == [Stretch(0, 0, size)]


def test_short_data_are_one_kind() -> None:
    half = kinds.LEAST - 1
    for raw in (b"x", TEXT[:100], TEXT[:half] + noise(half), TEXT[:half] + noise(half + 1)):
        assert check_kinds(raw) == [Stretch(0, 0, len(raw))]


def test_a_kind_of_which_there_is_little_is_none() -> None:
    raw = TEXT[: 2 * kinds.LEAST] + noise(kinds.LEAST // 4) + TEXT[: kinds.LEAST]
    assert check_kinds(raw) == [Stretch(0, 0, len(raw))]


def test_there_are_no_more_kinds_than_may_be() -> None:
    """Twelve, but the last are given to those that there are."""
    raw = b"".join(bytes(range(20 * i, 20 * i + 8)) * (kinds.WINDOW // 4) for i in range(12))
    with patch.object(kinds, "LEAST", kinds.WINDOW):
        assert len({stretch.part for stretch in check_kinds(raw)}) == kinds.MOST_KINDS


@pytest.mark.parametrize("seed", range(12))
def test_kinds_of_any_data(seed: int) -> None:
    draw, pieces = random.Random(seed), list[bytes]()
    for _ in range(draw.randrange(1, 12)):
        size = draw.choice([1, 500, 5000, 8192, 20_000, 40_000])
        make = draw.choice([noise, records, numbers, lambda size, _: TEXT[:size], lambda size, _: bytes(size)])
        pieces.append(make(size, draw.randrange(99)))
    with patch.multiple(kinds, LEAST=draw.choice([kinds.LEAST, kinds.WINDOW])):
        check_kinds(b"".join(pieces))


@pytest.fixture
def small_kinds() -> Iterator[None]:
    """Kinds are told apart in fewer bytes than usual, as coding those takes a while."""
    with patch.multiple(kinds, WINDOW=1 << 11, LEAST=1 << 11):
        yield


MIXED = TEXT[:4500] + noise(3500) + records(4500) + TEXT[4500:8600]


def test_a_mixed_block_is_smaller_in_parts(small_kinds: None) -> None:
    stretches, sampled = coding.plan(MIXED, options())[:2]
    assert [stretch.part for stretch in stretches] == [0, 1, 2, 0] and len(sampled) == 3
    header, payload = codec.encode_block(MIXED, options())
    whole = coding.code_block(MIXED, options())
    assert header.mode == block_header.PARTS and header.payload_size == len(payload)
    assert header.unsealed_size < 0.98 * whole.header.unsealed_size
    found, placed = parts.unpack(payload, len(MIXED), len(MIXED))
    assert placed == stretches
    assert [part.header.mode for part in found] == [block_header.MEMORY, block_header.STORED, block_header.MEMORY]
    assert {part.header.profile for part in found} == {block_header.TEXT_PROFILE, block_header.NUMBERS_PROFILE}
    assert codec.decode_block(header, payload, default_model()) == MIXED


def test_kinds_that_want_the_same_mode_are_one_block(small_kinds: None) -> None:
    for raw in (TEXT[:5000] + noise(3000)[:10] + TEXT[5000:8000], TEXT[:4500] + TEXT[4500:6500].swapcase()):
        header, payload = codec.encode_block(raw, options())
        assert header.mode == block_header.MEMORY
        assert (header, payload) == coding.code_block(raw, options())[:2]


def test_noise_of_two_kinds_is_stored_as_one_block(small_kinds: None) -> None:
    raw = noise(5000) + bytes(byte & 127 for byte in noise(0))
    header, payload = codec.encode_block(raw, options())
    assert (header.mode, payload) == (block_header.STORED, raw)


def test_a_mixed_block_with_copies_is_in_parts(small_kinds: None) -> None:
    raw = MIXED + MIXED[100:4000]
    coded = copies.pack([Copy(len(MIXED), 3900, len(MIXED) - 100)], raw)
    header, payload = codec.encode_block(coded, options(), whole=Whole.of(raw))
    assert header.mode == block_header.PARTS and header.has_copies
    assert codec.decode_block(header, payload, default_model()) == coded
    assert likezip.decompress(alone((header, payload))) == raw


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["off", "auto"])
def test_what_likezip_writes_in_parts_comes_back(prior: str) -> None:
    """As it is, in no smaller pieces."""
    size = kinds.LEAST + 100
    raw = TEXT[:size] + records(size)
    frames = [likezip.compress(raw, prior=prior, threads=threads) for threads in (1, 2)]
    assert frames[0] == frames[1]
    (header,) = block_headers(frames[0])
    assert header.mode == block_header.PARTS
    for threads in (1, 2):
        assert likezip.decompress(frames[0], threads=threads) == raw
