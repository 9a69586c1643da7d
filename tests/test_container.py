"""Headers and index: their bytes, their limits, and which error comes first."""

import binascii
import io
from dataclasses import replace

import pytest
import reference_decoder
from hypothesis import given
from hypothesis import strategies as st
from roundtrip import parsed_whole

from likezip import model
from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader, Sealing, Whole
from likezip.blocks.fields import MAX_NUMBER, Parser, pack_number, parse
from likezip.errors import CorruptError, FormatError, LikezipError, TruncatedError, UnknownModelError, UnsupportedError
from likezip.frames import container, reader, stream
from likezip.frames.container import FrameHeader, Index
from likezip.frames.index import read_frames
from likezip.memory.number_layout import NumberLayout

NAMED = FrameHeader.of(container.MIN_BLOCK, b"modelid8")
"""Of a frame of several blocks, of a model without a number."""
SEVERAL = FrameHeader.of(container.MIN_BLOCK, model.NUMBERED[1])
ALONE = FrameHeader.of(None, model.NUMBERED[1])
NAMED_ALONE = FrameHeader.of(None, b"modelid8")
WINDOWED = FrameHeader.of(container.MIN_BLOCK, model.NUMBERED[1], window_bits=28)
FULL = FrameHeader.of(container.MIN_BLOCK, b"modelid8", window_bits=16, context_id=b"text")
CONTEXT_ALONE = FrameHeader.of(None, model.NUMBERED[1], context_id=b"text")
HEADERS = SEVERAL, NAMED, ALONE, NAMED_ALONE, WINDOWED, FULL, CONTEXT_ALONE

STORED = BlockHeader.stored(1000, 0x12345678)
MEMORY = BlockHeader(block_header.MEMORY, 64, 0, block_header.RECORDS_PROFILE, 24, 16, 1000, 400, None)
USUAL = BlockHeader(block_header.MEMORY, 1, 0, block_header.TEXT_PROFILE, 0, 17, 1000, 401, None)
NUMBERS = replace(
    USUAL, profile=block_header.NUMBERS_PROFILE, row_length=400, layout=NumberLayout(2, 2, 1, big_endian=True)
)
PRIOR = BlockHeader(
    block_header.MEMORY_PRIOR, 3, block_header.X86, block_header.TEXT_PROFILE, 0, 23, 60_000, 20_000, None
)
COPIED = replace(MEMORY, raw_size=50_000, raw_crc=0x12345678, spared=49_000)
STORED_COPIED = BlockHeader.stored(50_000, 0x12345678, 49_000)
PRIMED = BlockHeader(
    block_header.MEMORY, 1, 0, block_header.CODE_PROFILE, 0, 26, 50_000, 10, 0x12345678, 49_000, primed=True
)
PRIMED_ALONE = replace(PRIMED, raw_size=1000, raw_crc=None, spared=0)
IN_PARTS = BlockHeader.in_parts(Whole(1000, 0x12345678), 400)
IN_PARTS_COPIED = BlockHeader.in_parts(Whole(50_000, 0x12345678), 400, 49_000)
BLOCKS = STORED, MEMORY, USUAL, NUMBERS, PRIOR, COPIED, STORED_COPIED, PRIMED, PRIMED_ALONE, IN_PARTS, IN_PARTS_COPIED
SEALINGS = Sealing.numbered(5), ALONE.sealing(0), NAMED_ALONE.sealing(0), CONTEXT_ALONE.sealing(0)


def _sealed(fields: bytes, before: bytes = b"") -> bytes:
    return fields + block_header.checksum(before + fields).to_bytes(4, "little")


def frame_header(data: bytes) -> FrameHeader:
    return parsed_whole(FrameHeader.parser(), data)


def read_block_header(data: bytes, sealing: Sealing, most: int = container.MAX_BLOCK) -> BlockHeader:
    return parsed_whole(BlockHeader.parser(data[:1], "block 0", most, sealing), data[1:])


@pytest.mark.parametrize(
    ("size", "block", "blocks"),
    [
        (None, 1 << 22, None),
        (0, 1 << 22, 0),
        (1 << 22, 1 << 22, 1),
        ((1 << 22) + 1, (1 << 21) + 1, 2),
        (10_192_446, 2_548_112, 4),
        (1 << 24, 1 << 22, 4),
        (10**9, -(-(10**9) // 240), 240),
    ],
)
def test_default_block_size(size: int | None, block: int, blocks: int | None) -> None:
    assert container.default_block_size(size) == block
    assert blocks is None or -(-(size or 0) // block) == blocks


def test_bytes_of_a_frame_are_those_of_the_format() -> None:
    """Written out by hand: a change here is a break of the format."""
    assert SEVERAL.packed.hex(" ") == "ce 4c 4b 5a 49 fe ff 03 01 5d f2 cd"
    assert NAMED.packed.hex(" ") == "ce 4c 4b 5a 09 6d 6f 64 65 6c 69 64 38 fe ff 03 d4 a2 d6 3c"
    assert ALONE.packed.hex(" ") == "ce 4c 4b 5a 41"
    assert NAMED_ALONE.packed.hex(" ") == "ce 4c 4b 5a 01 6d 6f 64 65 6c 69 64 38"
    assert WINDOWED.packed[:-4].hex(" ") == "ce 4c 4b 5a 69 fe ff 03 1c"
    assert FULL.packed[:-4].hex(" ") == "ce 4c 4b 5a 39 6d 6f 64 65 6c 69 64 38 74 65 78 74 fe ff 03 10"
    assert CONTEXT_ALONE.packed.hex(" ") == "ce 4c 4b 5a 51 74 65 78 74"
    for header in (WINDOWED, FULL):
        assert header.packed == _sealed(header.packed[:-4])
    several, alone = Sealing.numbered(3), ALONE.sealing(0)
    assert MEMORY.pack(several).hex(" ") == "2a 9d 0f 3f 80 60 41 06 2d ad 72 54"
    assert MEMORY.pack(alone).hex(" ") == "2a 9d 0f 3f 80 60 41 06 87 f8"
    assert USUAL.pack(alone).hex(" ") == "02 9d 0f 45 06 68 b7"
    assert NUMBERS.pack(alone)[:-2].hex(" ") == "62 9d 0f 57 02 90 01 45 06"
    assert STORED.pack(alone).hex(" ") == "01 9d 0f 78 56 34 12 35 02"
    assert COPIED.pack(alone)[:-2].hex(" ") == "2e 3e 0d 03 9d 0f 3f 80 60 41 06 78 56 34 12"
    assert STORED_COPIED.pack(alone)[:-2].hex(" ") == "05 3e 0d 03 9d 0f 78 56 34 12"
    assert PRIMED.pack(alone)[:-2].hex(" ") == "ce 3e 0d 03 9d 0f 00 d0 00 28 78 56 34 12"
    assert PRIMED_ALONE.pack(alone)[:-2].hex(" ") == "ca 9d 0f 00 d0 00 28"
    assert IN_PARTS.pack(alone)[:-2].hex(" ") == "08 9d 0f 41 06 78 56 34 12"
    assert IN_PARTS_COPIED.pack(alone)[:-2].hex(" ") == "0c 3e 0d 03 9d 0f 41 06 78 56 34 12"
    assert Index(12, ()).pack().hex(" ") == "00 00 00 00 00 0c 88 ed 74 b8 5a 4b 4c ce"
    assert Index(12, ((416, 1000),)).pack()[:14].hex(" ") == "00 a0 01 00 00 e8 03 00 00 01 00 00 00 0c"
    assert (container.end_size(0), container.end_size(1)) == (14, 22)


def test_checksums_are_those_of_the_format() -> None:
    assert Sealing(b"1234", short=True).check(b"56789") == bytes.fromhex("b129")
    assert Sealing(b"1234").check(b"56789") == bytes.fromhex("2639f4cb")
    assert reference_decoder.crc16(b"some bytes") == binascii.crc_hqx(b"some bytes", 0xFFFF)
    assert SEVERAL.sealing(7).before == (7).to_bytes(8, "little") and SEVERAL.sealing(7).size == 4
    assert ALONE.sealing(0).before == ALONE.packed and ALONE.sealing(0).size == 2


def test_the_longest_headers() -> None:
    longest = FrameHeader.of(container.MAX_BLOCK, b"modelid8", window_bits=30, context_id=b"text")
    assert len(longest.packed) == container.MAX_HEADER_SIZE == 26
    raw = container.MAX_BLOCK
    all_fields = BlockHeader(
        block_header.MEMORY, 2, 1, block_header.CODE_PROFILE, 65535, 28, raw, raw - 1, 1, 1, piece_bits=21
    )
    packed = all_fields.pack(Sealing.numbered(0))
    assert len(packed) == 27
    assert read_block_header(packed, Sealing.numbered(0)) == all_fields
    of_numbers = replace(all_fields, profile=block_header.NUMBERS_PROFILE, layout=NumberLayout(128, 8, 7, True, True))
    packed = of_numbers.pack(Sealing.numbered(0))
    assert len(packed) == 28 == block_header.MAX_SIZE
    assert read_block_header(packed, Sealing.numbered(0)) == of_numbers
    shortest = BlockHeader.stored(1, 7).pack(ALONE.sealing(0))
    assert len(ALONE.packed + shortest + b"x") == container.MIN_FRAME_SIZE == 14
    coded = BlockHeader(block_header.MEMORY, 1, 0, block_header.TEXT_PROFILE, 0, 16, 4, 5, None)
    assert [len(coded.pack(sealing)) for sealing in (ALONE.sealing(0), Sealing.numbered(0))] == [5, 7]


@given(
    st.none() | st.integers(container.MIN_BLOCK, container.MAX_BLOCK),
    st.binary(min_size=8, max_size=8) | st.just(model.NUMBERED[1]),
    st.just(0) | st.integers(container.MIN_WINDOW_BITS, container.MAX_WINDOW_BITS),
    st.just(b"") | st.binary(min_size=4, max_size=4),
)
def test_frame_header_there_and_back(
    block_size: int | None, model_id: bytes, window_bits: int, context_id: bytes
) -> None:
    header = FrameHeader.of(block_size, model_id, window_bits=window_bits, context_id=context_id)
    assert frame_header(header.packed) == header
    assert (header.block_size, header.model_id, header.context_id) == (block_size, model_id, context_id)
    assert header.window_bits == (0 if block_size is None else window_bits), "a single block has nothing before it"
    assert header.window == (1 << header.window_bits if header.window_bits else 0)


@pytest.mark.parametrize(
    ("window", "bits"),
    [
        (0, 0),
        (1 << 16, 16),
        ((1 << 16) + 1, 17),
        ((1 << 17) - 1, 17),
        (1 << 28, 28),
        ((1 << 29) + 1, 30),
        (1 << 30, 30),
    ],
)
def test_window_bits(window: int, bits: int) -> None:
    assert container.window_bits(window) == bits


@pytest.mark.parametrize("window", [-1, 1, (1 << 16) - 1, (1 << 30) + 1])
def test_windows_outside_their_limits(window: int) -> None:
    with pytest.raises(ValueError, match="window"):
        container.window_bits(window)


def test_a_model_with_a_number_may_be_named_by_its_id() -> None:
    packed = container.MAGIC + b"\1" + model.NUMBERED[1]
    assert frame_header(packed) == FrameHeader(None, model.NUMBERED[1], packed)


@given(
    st.sampled_from([block_header.MEMORY, block_header.MEMORY_PRIOR]),
    st.integers(1, block_header.MAX_LANES) | st.none(),
    st.integers(block_header.MIN_TABLE_BITS, block_header.MAX_TABLE_BITS) | st.none(),
    st.integers(1, container.MAX_BLOCK) | st.integers(1, 1 << 16),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.just(0) | st.integers(0, container.MAX_BLOCK),
    st.booleans(),
    st.just(block_header.PIECE_BITS) | st.integers(block_header.MIN_PIECE_BITS, block_header.MAX_PIECE_BITS),
)
def test_block_header_there_and_back(
    mode: int,
    lanes: int | None,
    bits: int | None,
    raw: int,
    share: float,
    crc: int,
    number: int,
    spared: int,
    primed: bool,
    piece_bits: int,
) -> None:
    """raw: of the bytes that are coded."""
    if bits is not None:
        bits = min(bits, max(block_header.MIN_TABLE_BITS, (block_header.TABLE_SHARE * raw).bit_length() - 1))
    lanes, bits = lanes or block_header.default_lanes(raw, mode), bits or block_header.default_table_bits(raw)
    spared, lanes = min(spared, container.MAX_BLOCK - raw), 1 if primed else lanes
    whole = raw + spared
    payload_size = min(max(block_header.least_payload(whole), int(raw * share)), MAX_NUMBER)
    modelled, verified = (mode, lanes, 0, block_header.TEXT_PROFILE, 0, bits), crc if spared else None
    header = BlockHeader(*modelled, whole, payload_size, verified, spared, primed, piece_bits)
    usual = block_header.default_lanes(raw, mode), block_header.default_table_bits(raw), block_header.PIECE_BITS
    assert header.fields()[0] >> 3 & 1 == ((lanes, bits, piece_bits) != usual)
    assert (header.coded_size, header.has_copies) == (raw, spared > 0)
    sealing = Sealing.numbered(number)
    assert read_block_header(header.pack(sealing), sealing) == header
    with pytest.raises(CorruptError, match="out of place"):
        read_block_header(header.pack(sealing), Sealing.numbered(number ^ 1))
    assert read_block_header(header.pack(ALONE.sealing(0)), ALONE.sealing(0)) == header
    with pytest.raises(CorruptError, match="out of place"):
        read_block_header(header.pack(ALONE.sealing(0)), NAMED_ALONE.sealing(0))


@given(
    st.integers(1, container.MAX_BLOCK) | st.integers(1, 1 << 16),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.just(0) | st.integers(0, container.MAX_BLOCK),
)
def test_header_of_a_block_in_parts_there_and_back(raw: int, share: float, crc: int, number: int, spared: int) -> None:
    """raw: of the bytes that are coded."""
    whole = Whole(raw + min(spared, container.MAX_BLOCK - raw), crc)
    payload_size = min(max(block_header.least_payload(whole.size), int(raw * share)), MAX_NUMBER)
    header = BlockHeader.in_parts(whole, payload_size, whole.size - raw)
    assert (header.coded_size, header.has_copies) == (raw, whole.size > raw)
    several, alone = Sealing.numbered(number), ALONE.sealing(0)
    assert read_block_header(header.pack(several), several) == read_block_header(header.pack(alone), alone) == header
    for sealing, other in ((several, Sealing.numbered(number ^ 1)), (alone, NAMED_ALONE.sealing(0))):
        with pytest.raises(CorruptError, match="out of place"):
            read_block_header(header.pack(sealing), other)


@given(st.integers(1, container.MAX_BLOCK) | st.integers(1, 1 << 20))
def test_lanes_and_tables_by_default(size: int) -> None:
    bits = block_header.default_table_bits(size)
    assert bits == min(28, max(16, next(bits for bits in range(40) if 1 << bits >= 96 * size)))
    assert 1 << bits <= max(1 << 16, 256 * size)
    for mode in (block_header.MEMORY, block_header.MEMORY_PRIOR):
        assert block_header.default_lanes(size, mode) == reference_decoder.usual_lanes(mode, size)
    steps = [(1 << 14) - 1, 1 << 14, 1 << 15, (1 << 17) - 1, 1 << 17, (1 << 20) - 1, 1 << 20, 3 << 19, 1 << 21, 1 << 30]
    lanes = [block_header.default_lanes(step, block_header.MEMORY_PRIOR) for step in steps]
    assert lanes == [1, 1, 2, 7, 8, 8, 16, 24, 32, 32]


@pytest.mark.parametrize("spared", [0, 5, 400])
def test_a_header_of_a_coded_block_holds_a_checksum_only_with_copies(spared: int) -> None:
    """The code words hold that of the coded bytes; what is copied is verified by the header."""
    sealing = Sealing.numbered(0)
    wrong = 0x12345678 if spared == 0 else None
    header = replace(USUAL, raw_size=1000 + spared, spared=spared, raw_crc=None if spared == 0 else 0x12345678)
    assert read_block_header(header.pack(sealing), sealing) == header
    assert abs(len(header.pack(sealing)) - len(replace(header, raw_crc=wrong).pack(sealing))) == 4
    with pytest.raises(CorruptError):
        read_block_header(replace(header, raw_crc=wrong).pack(sealing), sealing)


@pytest.mark.parametrize("sealing", SEALINGS)
@pytest.mark.parametrize(
    ("raw_size", "spared", "most"),
    [
        (1, 0, 3),
        (1000, 0, 1002),
        (1000, 990, 12),
        ((1 << 18) - 1, (1 << 18) - 3, 4),
        (1 << 18, (1 << 18) - 2, 6),  # of 4 bytes at least
        (1 << 21, (1 << 21) - 31, 34),
        (1 << 21, (1 << 21) - 33, 35),
    ],
)
def test_a_payload_is_hardly_longer_than_if_it_were_stored(
    raw_size: int, spared: int, most: int, sealing: Sealing
) -> None:
    stored = BlockHeader.stored(raw_size, 7, spared)
    assert stored.payload_size + block_header.SLACK == most
    assert read_block_header(stored.pack(sealing), sealing) == stored
    header = BlockHeader(block_header.MEMORY, 1, 0, 0, 0, 16, raw_size, most, 7 if spared else None, spared)
    in_parts = BlockHeader.in_parts(Whole(raw_size, 7), most, spared)
    for longest in (header, in_parts):
        assert read_block_header(longest.pack(sealing), sealing) == longest
        with pytest.raises(CorruptError, match="limits"):
            read_block_header(replace(longest, payload_size=most + 1).pack(sealing), sealing)


def test_a_small_payload_claims_no_large_block() -> None:
    large, sealing = replace(MEMORY, raw_size=1 << 30, table_bits=28, payload_size=1 << 14), Sealing.numbered(0)
    assert read_block_header(large.pack(sealing), sealing) == large
    with pytest.raises(CorruptError, match="limits"):
        read_block_header(replace(large, payload_size=(1 << 14) - 1).pack(sealing), sealing)


@given(
    st.integers(0, 255),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=50),
)
def test_end_there_and_back(header_size: int, entries: list[container.Entry]) -> None:
    index = Index(header_size, tuple(entries))
    end = index.pack()
    assert Index.parse(end) == index
    assert len(end) == container.end_size(len(entries))
    assert container.footer_blocks(end[-container.FOOTER_SIZE :]) == len(entries)
    assert index.frame_size == header_size + sum(size for size, _ in entries) + len(end)


def _with_kind(header: FrameHeader, kind: int) -> bytes:
    """The header with another byte behind the magic, and a checksum that fits it, if it has one."""
    changed = header.packed[:4] + bytes([kind]) + header.packed[5:]
    return changed if header.block_size is None else _sealed(changed[:-4])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        *[(header.packed[:size], TruncatedError) for header in HEADERS for size in range(1, len(header.packed))],
        (b"x", FormatError),
        (b"", TruncatedError),
        (b"LZIP" + bytes(30), FormatError),
        *[(b"x" + header.packed[1:], FormatError) for header in HEADERS],
        *[(header.packed[:3] + b"x" + header.packed[4:], FormatError) for header in HEADERS],
        (SEVERAL.packed[:-1] + b"x", CorruptError),
        (NAMED.packed[:-1] + b"x", CorruptError),
        *[(header.packed[:4] + b"\x02", UnsupportedError) for header in HEADERS],  # a version comes before all others
        *[(_with_kind(header, header.packed[4] & ~7), UnsupportedError) for header in HEADERS],
        *[
            (_with_kind(header, header.packed[4] | 0x20), UnsupportedError)
            for header in (ALONE, NAMED_ALONE, CONTEXT_ALONE)
        ],
        *[(_with_kind(header, header.packed[4] | 0x10), TruncatedError) for header in (ALONE, SEVERAL)],
        (_with_kind(SEVERAL, SEVERAL.packed[4] | 0x20), TruncatedError),
        *[(_sealed(WINDOWED.packed[:-5] + bytes([bits])), CorruptError) for bits in (0, 15, 31, 255)],
        *[(_sealed(FULL.packed[:-5] + bytes([bits])), CorruptError) for bits in (0, 15, 31, 255)],
        (WINDOWED.packed[:-1] + b"x", CorruptError),
        (_with_kind(WINDOWED, WINDOWED.packed[4] ^ 0xC0), UnsupportedError),  # a model comes before sizes
        (_sealed(_with_kind(WINDOWED, WINDOWED.packed[4] ^ 0xC0)[:-5] + b"\0"), UnsupportedError),
        (SEVERAL.packed[:4] + b"\xc9" + SEVERAL.packed[5:], CorruptError),
        (_with_kind(SEVERAL, 0x89), UnsupportedError),
        (_with_kind(SEVERAL, 0xC9), UnsupportedError),
        (_with_kind(ALONE, 0x81), UnsupportedError),
        (_with_kind(ALONE, 0xC1), UnsupportedError),
        (FrameHeader.of(container.MIN_BLOCK - 1, bytes(8)).packed, CorruptError),
        (FrameHeader.of(1, bytes(8)).packed, CorruptError),
        (_sealed(SEVERAL.packed[:5] + (container.MIN_BLOCK - 1 << 2 | 3).to_bytes(4, "little")), CorruptError),
    ],
)
def test_frame_header_check_order(data: bytes, error: type[LikezipError]) -> None:
    with pytest.raises(error) as caught:
        parse(FrameHeader.parser(), io.BytesIO(data).read)
    assert caught.type is error


@pytest.mark.parametrize("sealing", SEALINGS)
@pytest.mark.parametrize(
    ("header", "error"),
    [
        *[(replace(IN_PARTS, profile=profile), UnsupportedError) for profile in (1, 2, 3)],
        (replace(IN_PARTS, transform=block_header.X86), UnsupportedError),
        (replace(IN_PARTS, primed=True), UnsupportedError),
        (replace(IN_PARTS_COPIED, profile=block_header.CODE_PROFILE, row_length=1), UnsupportedError),
        (replace(MEMORY, row_length=1), CorruptError),
        (replace(MEMORY, row_length=65536), CorruptError),
        (replace(NUMBERS, row_length=1), CorruptError),
        (replace(NUMBERS, layout=NumberLayout(2, 2, 2)), CorruptError),
        (replace(NUMBERS, layout=NumberLayout(1, 1, 1)), CorruptError),
        (replace(NUMBERS, layout=NumberLayout(1, 1, big_endian=True)), CorruptError),
        (replace(NUMBERS, layout=NumberLayout(1, 2, is_float=True)), CorruptError),
        (replace(NUMBERS, mode=block_header.MEMORY_PRIOR), CorruptError),
        (replace(MEMORY, lanes=1, table_bits=0), CorruptError),
        (replace(MEMORY, lanes=2, table_bits=0, profile=block_header.CODE_PROFILE), CorruptError),
        (replace(MEMORY, table_bits=block_header.MIN_TABLE_BITS - 1), CorruptError),
        (replace(MEMORY, table_bits=block_header.MAX_TABLE_BITS + 1), CorruptError),
        (replace(MEMORY, raw_size=1023, table_bits=18), CorruptError),
        (replace(MEMORY, payload_size=1003), CorruptError),
        (replace(MEMORY, raw_size=container.MIN_BLOCK + 1), CorruptError),
        (replace(MEMORY, mode=block_header.MEMORY_PRIOR), CorruptError),
        (replace(STORED, lanes=1), CorruptError),
        (replace(STORED, transform=block_header.X86), CorruptError),
        (replace(STORED, profile=block_header.CODE_PROFILE), CorruptError),
        (replace(STORED, profile=block_header.CODE_PROFILE, row_length=2), CorruptError),
        (replace(STORED, profile=block_header.NUMBERS_PROFILE, layout=NumberLayout(1, 1)), CorruptError),
        (replace(STORED, lanes=1, table_bits=16), CorruptError),
        (replace(STORED, primed=True), CorruptError),
        (replace(STORED_COPIED, primed=True), CorruptError),
        (replace(STORED_COPIED, lanes=1), CorruptError),
        (replace(COPIED, payload_size=1003), CorruptError),  # of what is coded, not of the block
        (replace(COPIED, raw_size=1023 + 49_000, spared=49_000, table_bits=18), CorruptError),
        (replace(COPIED, raw_size=container.MIN_BLOCK + 1, spared=49_000), CorruptError),
        (replace(IN_PARTS, payload_size=1003), CorruptError),
        (replace(IN_PARTS, raw_size=container.MIN_BLOCK + 1), CorruptError),
        (replace(IN_PARTS_COPIED, payload_size=1003), CorruptError),
        (replace(PRIMED, lanes=2), CorruptError),
        (replace(PRIMED, table_bits=29), CorruptError),
    ],
)
def test_block_header_limits(header: BlockHeader, error: type[LikezipError], sealing: Sealing) -> None:
    packed = header.pack(sealing)
    with pytest.raises(error) as caught:
        read_block_header(packed, sealing, container.MIN_BLOCK)
    assert caught.type is error
    with pytest.raises(CorruptError, match="checksum"):  # which comes before all that
        read_block_header(packed[:-1] + bytes([packed[-1] ^ 1]), sealing, container.MIN_BLOCK)


CRC = bytes.fromhex("78 56 34 12")
"""That of all headers that have one."""


@pytest.mark.parametrize("sealing", SEALINGS)
def test_mode_0_with_other_bits_is_unknown(sealing: Sealing) -> None:
    """Whatever else is wrong; but the fields are there that the bits say, so that the checksum is checked."""
    tried = 0
    for first in range(4, 256, 4):
        fields = bytes([first]) + pack_number(999) + (pack_number(999) if first & 4 else b"")
        fields += (pack_number(1) if first >> 5 & 3 else b"") + pack_number(5000) + CRC
        packed = fields + sealing.check(fields)
        with pytest.raises(CorruptError if first in (8, 12) else UnsupportedError, match=r"mode 0|limits"):
            read_block_header(packed, sealing)
        with pytest.raises(CorruptError, match="checksum"):
            read_block_header(packed[:-1] + bytes([packed[-1] ^ 1]), sealing)
        tried += 1
    assert tried == 63


@pytest.mark.parametrize("sealing", SEALINGS)
@pytest.mark.parametrize(
    ("fields", "twin"),
    [
        (b"\x02" + (999 << 2 | 2).to_bytes(3, "little") + pack_number(401), USUAL),
        (b"\x02" + pack_number(999) + (401 << 2 | 3).to_bytes(4, "little"), USUAL),
        (b"\x0a" + pack_number(999) + (17 << 11).to_bytes(2, "little") + pack_number(401), USUAL),
        (
            b"\x2a" + pack_number(999) + (63 | 16 << 11).to_bytes(2, "little") + b"\x61\0" + pack_number(400),
            MEMORY,
        ),
        (
            b"\x2a"
            + pack_number(999)
            + (63 | 1024 | 16 << 11 | 20 << 16).to_bytes(3, "little")
            + b"\x60"
            + pack_number(400),
            MEMORY,
        ),
        (
            b"\x1b" + pack_number(59_999) + (2 | 23 << 11).to_bytes(2, "little") + pack_number(20_000),
            PRIOR,
        ),
        (b"\x01" + (999 << 2 | 2).to_bytes(3, "little") + CRC, STORED),
        (b"\x09" + pack_number(999) + bytes(2) + CRC, STORED),
        (b"\x05" + pack_number(999) + pack_number(999) + CRC, STORED),  # copies that spare nothing
        (b"\x05" + pack_number(999) + pack_number(1000) + CRC, STORED),
        (b"\x06" + pack_number(999) + pack_number(999) + pack_number(401) + CRC, USUAL),
        (b"\x06" + pack_number(999) + pack_number(1000) + pack_number(401) + CRC, USUAL),
        (b"\x05" + pack_number(49_999) + (999 << 2 | 2).to_bytes(3, "little") + CRC, STORED_COPIED),
        (b"\x08" + (999 << 2 | 2).to_bytes(3, "little") + pack_number(400) + CRC, IN_PARTS),
        (b"\x08" + pack_number(999) + (400 << 2 | 2).to_bytes(3, "little") + CRC, IN_PARTS),
        (b"\x0c" + pack_number(999) + pack_number(999) + pack_number(400) + CRC, IN_PARTS),
        (
            b"\x0c" + pack_number(49_999) + (999 << 2 | 3).to_bytes(4, "little") + pack_number(400) + CRC,
            IN_PARTS_COPIED,
        ),
    ],
)
def test_a_header_has_one_form(fields: bytes, twin: BlockHeader, sealing: Sealing) -> None:
    """What says the same as another header, but in more bytes, is corrupt."""
    assert len(fields) > len(twin.pack(sealing)) - sealing.size
    with pytest.raises(CorruptError, match="limits"):
        read_block_header(fields + sealing.check(fields), sealing)
    assert read_block_header(twin.pack(sealing), sealing) == twin


@pytest.mark.parametrize("sealing", SEALINGS)
@pytest.mark.parametrize("header", BLOCKS)
def test_a_header_that_is_not_whole_is_truncated(header: BlockHeader, sealing: Sealing) -> None:
    packed = header.pack(sealing)
    for size in range(1, len(packed)):
        with pytest.raises(TruncatedError, match="within the header of block 0"):
            read_block_header(packed[:size], sealing)


def _parts(header: FrameHeader, block: BlockHeader | None) -> tuple[bytes, bytes, bytes]:
    """A frame of a block, or of none: what is before the payload, the payload, and what is behind it."""
    if block is None:
        marker = bytes([container.END])
        behind = (
            marker + header.sealing(0).check(marker)
            if header.block_size is None
            else Index(len(header.packed), ()).pack()
        )
        return header.packed, b"", behind
    head, payload = block.pack(header.sealing(0)), bytes(block.payload_size)
    index = Index(len(header.packed), ((len(head + payload), block.raw_size),))
    return header.packed + head, payload, b"" if header.block_size is None else index.pack()


def _read(data: bytes, model_id: bytes) -> None:
    """Read frames of one model as far as payloads are not looked into."""
    for part in reader.frames_of(io.BytesIO(data)):
        if isinstance(part, FrameHeader) and part.model_id != model_id:
            raise UnknownModelError(part.model_id.hex())


@pytest.mark.parametrize("header", [SEVERAL, ALONE, NAMED_ALONE, WINDOWED, FULL, CONTEXT_ALONE])
@pytest.mark.parametrize("block", [*BLOCKS, None])
def test_every_flipped_bit_of_headers_and_ends_is_noticed(header: FrameHeader, block: BlockHeader | None) -> None:
    before, payload, behind = _parts(header, block)
    _read(before + payload + behind, header.model_id)
    places = [*range(len(before)), *range(-len(behind), 0)]
    tried = 0
    for place in range(8 * len(places)):
        damaged = bytearray(before + payload + behind)
        damaged[places[place // 8]] ^= 1 << place % 8
        with pytest.raises(LikezipError):
            _read(bytes(damaged), header.model_id)
        tried += 1
    print(f"{tried} flipped bits, each refused")
    assert tried == 8 * len(before + behind) >= 8 * 8


@pytest.mark.parametrize("header", BLOCKS)
@pytest.mark.parametrize("sealing", SEALINGS)
def test_every_flipped_bit_of_a_block_header_is_noticed(header: BlockHeader, sealing: Sealing) -> None:
    """But those of the first byte, which say how long it is, only with a chance of 2^-16 or less not to be."""
    packed, tried = header.pack(sealing), 0
    for place in range(8 * len(packed)):
        damaged = bytearray(packed)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(LikezipError):
            parse(_block_parser(sealing), io.BytesIO(damaged).read)
        tried += 1
    assert tried == 8 * len(packed) >= 8 * 7


def _block_parser(sealing: Sealing) -> Parser[BlockHeader]:
    """Of a header with its first byte."""
    first = yield 1
    return (yield from BlockHeader.parser(first, "block 0", container.MIN_BLOCK, sealing))


def test_end_refuses_what_does_not_fit() -> None:
    end = Index(12, ((416, 1000),)).pack()
    with pytest.raises(TruncatedError):
        Index.parse(end[:13])
    with pytest.raises(CorruptError, match="end magic"):
        Index.parse(end[:-1])
    two_claimed = _sealed(end[:9] + (2).to_bytes(4, "little") + end[13:14]) + container.END_MAGIC
    with pytest.raises(CorruptError, match="number of blocks"):
        Index.parse(two_claimed)
    other_marker = _sealed(b"\1" + end[1:14]) + container.END_MAGIC
    with pytest.raises(CorruptError, match="number of blocks"):
        Index.parse(other_marker)


@pytest.mark.parametrize(
    ("header_size", "entries"),
    [
        (12, [(1011, 1001)]),
        (12, [(1012, 1000)]),
        (12, []),
        (12, [(1011, 1000)] * 2),
        (13, [(1011, 1000)]),
        (11, [(1011, 1000)]),
        (13, [(1010, 1000)]),
    ],
)
def test_an_index_that_is_not_of_the_blocks_is_refused(header_size: int, entries: list[container.Entry]) -> None:
    """Each index is sound by itself; a stored block of 1000 bytes precedes it."""
    payload = bytes(1000)
    block = replace(STORED, raw_crc=block_header.checksum(payload))
    head = SEVERAL.packed + block.pack(SEVERAL.sealing(0)) + payload
    sound = head + Index(12, ((1011, 1000),)).pack()
    assert stream.decompress(sound) == payload
    assert [frame.blocks for frame in read_frames(io.BytesIO(sound))] == [((1011, 1000),)]
    forged = head + Index(header_size, tuple(entries)).pack()
    for read in (stream.decompress, lambda data: read_frames(io.BytesIO(data))):
        if read is stream.decompress or entries != [(1011, 1001)]:  # only the block's header knows its raw size
            with pytest.raises(LikezipError):
                read(forged)


def test_list_refuses_an_index_that_claims_more_than_there_is() -> None:
    for claimed in (1 << 31, 1 << 20, 1):
        frame = SEVERAL.packed + Index(12, ((claimed, 1 << 15),)).pack()
        with pytest.raises(CorruptError, match="end magic"):
            read_frames(io.BytesIO(frame))
    many = _sealed(b"\0" + (1 << 31).to_bytes(4, "little") + b"\x0c") + container.END_MAGIC
    with pytest.raises(CorruptError, match="number of blocks"):
        read_frames(io.BytesIO(SEVERAL.packed + many))
