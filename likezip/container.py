"""The frame: headers, index, limits and checksums; FORMAT.md says the same in tables.

    frame = frame header, (block header, payload)*, end
    end   = marker, index, number of blocks, checksum, end magic

The checksum is zlib's CRC-32: it is in every Python and runs at memory speed, finds every burst of up to 32 bits,
and as a damaged block decodes to noise, misses 2^-32 of the rest.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from likezip.errors import CorruptError, FormatError, TruncatedError, UnsupportedError

MAGIC = b"\xceLKZ"
END_MAGIC = b"ZKL\xce"
LZIP_MAGIC = b"LZIP"
VERSION = 1

STORED, MEMORY, MEMORY_PRIOR = 1, 2, 3
UNCHANGED, X86 = 0, 1
"""Transforms of a block before it is coded."""
TEXT, RECORDS, CODE = 0, 1, 2
"""Profiles: the contexts that it is modelled with."""
END = 0
MAX_LANES = 1024
MIN_BLOCK, MAX_BLOCK, DEFAULT_BLOCK = 1 << 16, 1 << 30, 1 << 22
MIN_TABLE_BITS, MAX_TABLE_BITS = 16, 28
TABLE_SHARE = 256
"""A hash table may have more than 2^MIN_TABLE_BITS bytes, but not more than so many for each byte of its block."""
PADDING = 4
"""Behind a frame zeros may follow, a multiple of so many bytes: what tapes and dd fill up with."""
PADDED_SHIFT = 17
"""A coded block has a word of payload for every 2^17 bytes, as ``least_payload`` says."""

_FRAME = struct.Struct("<4sBBI8s")
_BLOCK = struct.Struct("<BHHIII")
_TABLE_SHIFT = 11
_ENTRY = struct.Struct("<II")
_CRC = struct.Struct("<I")
_COUNT = struct.Struct("<I")

FRAME_HEADER_SIZE = _FRAME.size + _CRC.size
BLOCK_HEADER_SIZE = _BLOCK.size + _CRC.size
ENTRY_SIZE = _ENTRY.size
FOOTER_SIZE = _COUNT.size + _CRC.size + len(END_MAGIC)


def default_block_size(size: int | None) -> int:
    """DEFAULT_BLOCK; for data of known size, in bytes, that need more than one, an even number of equal blocks that are
    not longer: so that no core is left with a last block while another has nothing to do."""
    if size is None or size <= DEFAULT_BLOCK:
        return DEFAULT_BLOCK
    blocks = -(-size // DEFAULT_BLOCK)
    return -(-size // (blocks + blocks % 2))


def padding(data: bytes) -> int:
    """Bytes at the beginning of ``data`` that only fill up: zeros, a multiple of PADDING."""
    return (len(data) - len(data.lstrip(b"\0"))) // PADDING * PADDING


def least_payload(raw_size: int) -> int:
    """Bytes that the payload of a coded block has at least, filled up with zeros if its words are fewer.

    A block of zeros needs no words at all, whatever its size: without this, 64 bytes could claim a gigabyte.
    """
    return raw_size >> PADDED_SHIFT << 2


def padded(words: bytes, raw_size: int) -> bytes:
    """The payload for a coded block's words, whose last is not 0."""
    return words + bytes(max(0, least_payload(raw_size) - len(words)))


def unpadded(payload: bytes, raw_size: int) -> bytes:
    """The words in a coded block's payload; zeros at its end are only taken off where ``padded`` may have put them."""
    if len(payload) > least_payload(raw_size):
        return payload
    words = -(-len(payload.rstrip(b"\0")) // 4)
    return payload[: 4 * words]


def checksum(data: bytes | memoryview) -> int:
    """CRC-32 as zlib and gzip compute it."""
    return zlib.crc32(data)


@dataclass(frozen=True)
class FrameHeader:
    """What holds for the whole frame: block size in bytes and the model's id (8 bytes)."""

    block_size: int
    model_id: bytes

    def pack(self) -> bytes:
        fields = _FRAME.pack(MAGIC, VERSION, 0, self.block_size, self.model_id)
        return fields + _CRC.pack(checksum(fields))

    @classmethod
    def parse(cls, data: bytes) -> FrameHeader:
        """Read the 22 bytes of a frame header; its checksum is tested before version and flags."""
        if data[:4] != MAGIC[: len(data)]:
            raise FormatError(_foreign(data))
        if len(data) < FRAME_HEADER_SIZE:
            raise TruncatedError("the data end within the frame header")
        if _CRC.unpack_from(data, _FRAME.size)[0] != checksum(data[: _FRAME.size]):
            raise CorruptError("the frame header's checksum does not fit")
        _, version, flags, block_size, model_id = _FRAME.unpack_from(data)
        if version != VERSION:
            raise UnsupportedError(f"the frame has format version {version}; this likezip reads {VERSION}")
        if flags:
            raise UnsupportedError(f"the frame has flags {flags:#04x} that this likezip does not know")
        if not MIN_BLOCK <= block_size <= MAX_BLOCK:
            raise CorruptError(f"the frame's block size {block_size} is outside {MIN_BLOCK}..{MAX_BLOCK}")
        return cls(block_size, model_id)


def _foreign(data: bytes) -> str:
    if data[:4] == LZIP_MAGIC:
        return "this is a file of lzip, another compressor that uses the suffix .lz"
    return "not a likezip frame (wrong magic number)"


@dataclass(frozen=True)
class BlockHeader:
    """One block: mode, how it is modelled (0 if stored), sizes in bytes, CRC-32 of the raw bytes."""

    mode: int
    lanes: int
    transform: int
    profile: int
    row_length: int
    table_bits: int
    raw_size: int
    payload_size: int
    raw_crc: int

    @classmethod
    def stored(cls, size: int, crc: int) -> BlockHeader:
        """That of a block whose payload are its raw bytes."""
        return cls(STORED, 0, 0, 0, 0, 0, size, size, crc)

    def pack(self, number: int) -> bytes:
        """The 21 bytes of block ``number``; the number is not stored, but the checksum covers it."""
        way = self.mode | self.transform << 4 | self.profile << 5
        sizes = self.raw_size, self.payload_size, self.raw_crc
        fields = _BLOCK.pack(way, self.lanes | self.table_bits << _TABLE_SHIFT, self.row_length, *sizes)
        return fields + _CRC.pack(_numbered_checksum(fields, number))

    @classmethod
    def parse(cls, data: bytes, number: int, block_size: int) -> BlockHeader:
        """Read the header of block ``number``; a doubled, missing or moved block fails here."""
        if len(data) < BLOCK_HEADER_SIZE:
            raise TruncatedError(f"the data end within the header of block {number}")
        if _CRC.unpack_from(data, _BLOCK.size)[0] != _numbered_checksum(data[: _BLOCK.size], number):
            raise CorruptError(f"the checksum of the header of block {number} does not fit: damaged or out of place")
        way, tables, row_length, *sizes = _BLOCK.unpack_from(data)
        lanes, table_bits = tables & ((1 << _TABLE_SHIFT) - 1), tables >> _TABLE_SHIFT
        header = cls(way & 15, lanes, way >> 4 & 1, way >> 5, row_length, table_bits, *sizes)
        if header.mode not in (STORED, MEMORY, MEMORY_PRIOR):
            raise UnsupportedError(f"block {number} has mode {header.mode}, which this likezip does not know")
        if header.profile not in (TEXT, RECORDS, CODE):
            raise UnsupportedError(f"block {number} has profile {header.profile}, which this likezip does not know")
        header._check_limits(number, block_size)
        return header

    def _modelled(self) -> tuple[int, ...]:
        return self.lanes, self.transform, self.profile, self.row_length, self.table_bits

    def _check_limits(self, number: int, block_size: int) -> None:
        if self.mode == STORED:
            fits = not any(self._modelled()) and self.payload_size == self.raw_size
        else:
            fits = (
                1 <= self.lanes <= MAX_LANES
                and self.row_length != 1
                and (self.mode == MEMORY or self.profile == TEXT)
                and MIN_TABLE_BITS <= self.table_bits <= MAX_TABLE_BITS
                and 1 << self.table_bits <= max(1 << MIN_TABLE_BITS, TABLE_SHARE * self.raw_size)
                and least_payload(self.raw_size) <= self.payload_size <= self.raw_size
                and self.payload_size % 4 == 0
            )
        if not fits or not 1 <= self.raw_size <= block_size:
            raise CorruptError(f"the header of block {number} holds values outside their limits")


def _numbered_checksum(fields: bytes, number: int) -> int:
    return checksum(struct.pack("<Q", number) + fields)


Entry = tuple[int, int]
"""Payload size and raw size of a block, in bytes."""


def pack_end(entries: list[Entry]) -> bytes:
    """The end of a frame, its marker included."""
    index = bytes([END]) + b"".join(_ENTRY.pack(*entry) for entry in entries) + _COUNT.pack(len(entries))
    return index + _CRC.pack(checksum(index)) + END_MAGIC


def end_size(blocks: int) -> int:
    """Bytes of the end of a frame of that many blocks."""
    return 1 + blocks * ENTRY_SIZE + FOOTER_SIZE


def parse_end(data: bytes) -> list[Entry]:
    """The block sizes from the end of a frame, marker first; raises CorruptError or TruncatedError."""
    if len(data) < end_size(0):
        raise TruncatedError("the data end within the index")
    if data[-len(END_MAGIC) :] != END_MAGIC:
        raise CorruptError("the frame's end magic number is wrong")
    body = data[: -len(END_MAGIC) - _CRC.size]
    if _CRC.unpack_from(data, len(body))[0] != checksum(body):
        raise CorruptError("the index's checksum does not fit")
    count = _COUNT.unpack_from(body, len(body) - _COUNT.size)[0]
    if body[0] != END or len(data) != end_size(count):
        raise CorruptError("the index does not have the size that its number of blocks asks for")
    return [_ENTRY.unpack_from(body, 1 + i * ENTRY_SIZE) for i in range(count)]


def footer_blocks(footer: bytes) -> int:
    """The number of blocks from a frame's last 12 bytes, to find the index from behind."""
    if footer[-len(END_MAGIC) :] != END_MAGIC:
        raise CorruptError("the file does not end with a frame's end magic number: truncated or trailing data")
    count: int = _COUNT.unpack_from(footer)[0]
    return count
