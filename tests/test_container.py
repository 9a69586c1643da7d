"""Headers and index: their bytes, their limits, and which error comes first."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likezip import model
from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader
from likezip.errors import CorruptError, FormatError, LikezipError, TruncatedError, UnsupportedError
from likezip.frames import container, stream
from likezip.frames.container import FrameHeader
from likezip.frames.index import read_frames

FRAME = FrameHeader(container.MIN_BLOCK, b"modelid8")
STORED = BlockHeader.stored(1000, 0x12345678)
MEMORY = BlockHeader(block_header.MEMORY, 64, 0, block_header.RECORDS_PROFILE, 24, 17, 1000, 400, 0x12345678)


def _sealed(fields: bytes, before: bytes = b"") -> bytes:
    return fields + block_header.checksum(before + fields).to_bytes(4, "little")


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
    assert FRAME.pack().hex(" ") == "ce 4c 4b 5a 01 00 00 00 01 00 6d 6f 64 65 6c 69 64 38 95 1a b2 a6"
    assert MEMORY.pack(3).hex(" ") == "22 40 88 18 00 e8 03 00 00 90 01 00 00 78 56 34 12 e1 06 83 0c"
    assert container.pack_end([]).hex(" ") == "00 00 00 00 00 1d f7 22 c6 5a 4b 4c ce"
    assert container.pack_end([(400, 1000)])[:13].hex(" ") == "00 90 01 00 00 e8 03 00 00 01 00 00 00"
    assert (container.FRAME_HEADER_SIZE, block_header.BLOCK_HEADER_SIZE, container.end_size(1)) == (22, 21, 21)


@given(st.integers(container.MIN_BLOCK, container.MAX_BLOCK), st.binary(min_size=8, max_size=8))
def test_frame_header_there_and_back(block_size: int, model_id: bytes) -> None:
    header = FrameHeader(block_size, model_id)
    assert FrameHeader.parse(header.pack()) == header


@given(
    st.integers(1, block_header.MAX_LANES),
    st.integers(block_header.MIN_TABLE_BITS, block_header.MAX_TABLE_BITS),
    st.integers(1, container.MAX_BLOCK),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
)
def test_block_header_there_and_back(lanes: int, bits: int, raw: int, share: float, crc: int, number: int) -> None:
    payload_size = max(block_header.least_payload(raw), int(raw * share) // 4 * 4)
    bits = min(bits, max(block_header.MIN_TABLE_BITS, (block_header.TABLE_SHARE * raw).bit_length() - 1))
    header = BlockHeader(block_header.MEMORY, lanes, 0, block_header.TEXT_PROFILE, 0, bits, raw, payload_size, crc)
    assert BlockHeader.parse(header.pack(number), number, container.MAX_BLOCK) == header
    with pytest.raises(CorruptError, match="out of place"):
        BlockHeader.parse(header.pack(number), number ^ 1, container.MAX_BLOCK)


@given(st.binary(max_size=40), st.integers(0, 6 << block_header.PADDED_SHIFT))
def test_padding_there_and_back(content: bytes, raw_size: int) -> None:
    words = content[: len(content) // 4 * 4]
    words = words[:-1] + b"x" if words else words
    payload = block_header.pad_payload(words, raw_size)
    assert len(payload) == max(len(words), block_header.least_payload(raw_size))
    assert block_header.unpad_payload(payload, raw_size) == words


def test_a_small_payload_claims_no_large_block() -> None:
    large = replace(MEMORY, raw_size=1 << 30, table_bits=28, payload_size=1 << 15)
    assert BlockHeader.parse(large.pack(0), 0, container.MAX_BLOCK) == large
    with pytest.raises(CorruptError, match="limits"):
        BlockHeader.parse(replace(large, payload_size=(1 << 15) - 4).pack(0), 0, container.MAX_BLOCK)


def test_only_what_may_be_padding_is_taken_off() -> None:
    assert block_header.least_payload(3 << block_header.PADDED_SHIFT) == 12
    assert block_header.unpad_payload(bytes(12), 3 << block_header.PADDED_SHIFT) == b""
    assert block_header.unpad_payload(b"word" + bytes(12), 3 << block_header.PADDED_SHIFT) == b"word" + bytes(12)
    assert block_header.unpad_payload(b"\1\0\0\0" + bytes(8), 3 << block_header.PADDED_SHIFT) == b"\1\0\0\0"


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=50))
def test_end_there_and_back(entries: list[container.Entry]) -> None:
    end = container.pack_end(entries)
    assert container.parse_end(end) == entries
    assert len(end) == container.end_size(len(entries))
    assert container.footer_blocks(end[-container.FOOTER_SIZE :]) == len(entries)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (FRAME.pack()[:3], TruncatedError),
        (FRAME.pack()[:-1], TruncatedError),
        (b"x", FormatError),
        (b"LZIP" + bytes(30), FormatError),
        (b"x" + FRAME.pack()[1:], FormatError),
        (FRAME.pack()[:-1] + b"x", CorruptError),
        (FRAME.pack()[:4] + b"\x02" + FRAME.pack()[5:], CorruptError),  # the checksum comes before the version
        (_sealed(FRAME.pack()[:4] + b"\x02" + FRAME.pack()[5:18]), UnsupportedError),
        (_sealed(FRAME.pack()[:5] + b"\x01" + FRAME.pack()[6:18]), UnsupportedError),
        (FrameHeader(container.MIN_BLOCK - 1, bytes(8)).pack(), CorruptError),
        (FrameHeader(container.MAX_BLOCK + 1, bytes(8)).pack(), CorruptError),
    ],
)
def test_frame_header_check_order(data: bytes, error: type[LikezipError]) -> None:
    with pytest.raises(error) as caught:
        FrameHeader.parse(data)
    assert caught.type is error


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (replace(MEMORY, mode=container.END), UnsupportedError),
        (replace(MEMORY, mode=4), UnsupportedError),
        (replace(MEMORY, profile=3), UnsupportedError),
        (replace(MEMORY, row_length=1), CorruptError),
        (replace(MEMORY, lanes=0), CorruptError),
        (replace(MEMORY, lanes=block_header.MAX_LANES + 1), CorruptError),
        (replace(MEMORY, table_bits=block_header.MIN_TABLE_BITS - 1), CorruptError),
        (replace(MEMORY, table_bits=block_header.MAX_TABLE_BITS + 1), CorruptError),
        (replace(MEMORY, raw_size=1023, table_bits=18), CorruptError),
        (replace(MEMORY, payload_size=402), CorruptError),
        (replace(MEMORY, payload_size=1004), CorruptError),
        (replace(MEMORY, raw_size=container.MIN_BLOCK + 1), CorruptError),
        (replace(STORED, raw_size=0, payload_size=0), CorruptError),
        (replace(STORED, payload_size=999), CorruptError),
        (replace(STORED, lanes=1), CorruptError),
        (replace(STORED, transform=block_header.X86), CorruptError),
        (replace(STORED, profile=block_header.CODE_PROFILE), CorruptError),
        (replace(STORED, row_length=2), CorruptError),
        (replace(STORED, table_bits=16), CorruptError),
    ],
)
def test_block_header_limits(header: BlockHeader, error: type[LikezipError]) -> None:
    with pytest.raises(error) as caught:
        BlockHeader.parse(header.pack(0), 0, container.MIN_BLOCK)
    assert caught.type is error


@pytest.mark.parametrize("header", [MEMORY, STORED])
def test_every_flipped_bit_of_a_header_is_noticed(header: BlockHeader) -> None:
    tried = 0
    for packed, parse in (
        (FRAME.pack(), FrameHeader.parse),
        (header.pack(5), lambda data: BlockHeader.parse(data, 5, container.MIN_BLOCK)),
        (container.pack_end([(400, 1000)]), container.parse_end),
    ):
        for place in range(8 * len(packed)):
            damaged = bytearray(packed)
            damaged[place // 8] ^= 1 << place % 8
            with pytest.raises(LikezipError):
                parse(bytes(damaged))
            tried += 1
    print(f"{tried} flipped bits, each refused")
    assert tried == 8 * (22 + 21 + 21)


def test_end_refuses_what_does_not_fit() -> None:
    end = container.pack_end([(400, 1000)])
    with pytest.raises(TruncatedError):
        container.parse_end(end[:12])
    with pytest.raises(CorruptError, match="end magic"):
        container.footer_blocks(end[-13:-1])
    two_claimed = _sealed(end[:9] + (2).to_bytes(4, "little")) + container.END_MAGIC
    with pytest.raises(CorruptError, match="number of blocks"):
        container.parse_end(two_claimed)


@pytest.mark.parametrize("entries", [[(400, 1001)], [(404, 1000)], [], [(400, 1000)] * 2])
def test_an_index_that_is_not_of_the_blocks_is_refused(entries: list[container.Entry]) -> None:
    """Each index is sound by itself; a stored block of 1000 bytes precedes it."""
    payload = bytes(1000)
    block = replace(STORED, raw_crc=block_header.checksum(payload))
    model_id = model.default_model().id
    head = FrameHeader(container.MIN_BLOCK, model_id).pack() + block.pack(0) + payload
    assert stream.decompress(head + container.pack_end([(1000, 1000)])) == payload
    with pytest.raises(LikezipError):
        stream.decompress(head + container.pack_end(entries))


def test_list_refuses_an_index_that_claims_more_than_there_is() -> None:
    frame = FRAME.pack() + container.pack_end([(1 << 31, 1 << 31)])
    with pytest.raises(CorruptError, match="more than the file holds"):
        read_frames(io.BytesIO(frame))
    many = _sealed(b"\0" + (1 << 31).to_bytes(4, "little")) + container.END_MAGIC
    with pytest.raises(CorruptError, match="longer than the file"):
        read_frames(io.BytesIO(FRAME.pack() + many))
