"""The header of a block: how it is coded, its sizes, its checksum; FORMAT.md says the same in a table."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from likezip.errors import CorruptError, TruncatedError, UnsupportedError

STORED, MEMORY, MEMORY_PRIOR = 1, 2, 3
MODES = STORED, MEMORY, MEMORY_PRIOR


UNCHANGED, X86 = 0, 1
"""Transforms of a block before it is coded."""


TEXT_PROFILE, RECORDS_PROFILE, CODE_PROFILE = 0, 1, 2
"""Numbers of the profiles: the contexts that a block is modelled with."""


MAX_LANES = 1024


MIN_TABLE_BITS, MAX_TABLE_BITS = 16, 28


TABLE_SHARE = 256
"""The most bytes of a hash table for each byte of its block; 2^MIN_TABLE_BITS bytes it may have in any case."""


PADDED_SHIFT = 17
"""A coded block has a word of payload for every 2^17 bytes, as ``least_payload`` says."""


_BLOCK = struct.Struct("<BHHIII")
_CHECKSUM = struct.Struct("<I")


_TABLE_SHIFT = 11


BLOCK_HEADER_SIZE = _BLOCK.size + _CHECKSUM.size


def least_payload(raw_size: int) -> int:
    """Bytes that the payload of a coded block has at least, filled up with zeros if its words are fewer.

    A block of zeros needs no words at all, whatever its size: without this, 64 bytes could claim a gigabyte.
    """
    return raw_size >> PADDED_SHIFT << 2


def pad_payload(words: bytes, raw_size: int) -> bytes:
    """The payload for a coded block's words, whose last is not 0."""
    return words + bytes(max(0, least_payload(raw_size) - len(words)))


def unpad_payload(payload: bytes, raw_size: int) -> bytes:
    """The words in a coded block's payload; zeros at its end are taken off only where ``pad_payload`` may have added
    them."""
    if len(payload) > least_payload(raw_size):
        return payload
    words = -(-len(payload.rstrip(b"\0")) // 4)
    return payload[: 4 * words]


def checksum(data: bytes | memoryview) -> int:
    """CRC-32 as zlib and gzip compute it."""
    return zlib.crc32(data)


@dataclass(frozen=True)
class BlockHeader:
    """The header of one block: mode, how it is modelled (all 0 if stored), sizes in bytes, CRC-32 of the raw bytes."""

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
        """The header of a block whose payload are its raw bytes."""
        return cls(STORED, 0, 0, 0, 0, 0, size, size, crc)

    def pack(self, number: int) -> bytes:
        """The 21 bytes of block ``number``; the number is not stored, but the checksum covers it."""
        mode = self.mode | self.transform << 4 | self.profile << 5
        sizes = self.raw_size, self.payload_size, self.raw_crc
        fields = _BLOCK.pack(mode, self.lanes | self.table_bits << _TABLE_SHIFT, self.row_length, *sizes)
        return fields + _CHECKSUM.pack(_numbered_checksum(fields, number))

    @classmethod
    def parse(cls, data: bytes, number: int, block_size: int) -> BlockHeader:
        """Read the header of block ``number``; a doubled, missing or moved block fails here."""
        if len(data) < BLOCK_HEADER_SIZE:
            raise TruncatedError(f"the data end within the header of block {number}")
        if _CHECKSUM.unpack_from(data, _BLOCK.size)[0] != _numbered_checksum(data[: _BLOCK.size], number):
            raise CorruptError(f"the checksum of the header of block {number} does not fit: damaged or out of place")
        modes, tables, row_length, *sizes = _BLOCK.unpack_from(data)
        lanes, table_bits = tables & ((1 << _TABLE_SHIFT) - 1), tables >> _TABLE_SHIFT
        header = cls(modes & 15, lanes, modes >> 4 & 1, modes >> 5, row_length, table_bits, *sizes)
        if header.mode not in MODES:
            raise UnsupportedError(f"block {number} has mode {header.mode}, which this likezip does not know")
        if header.profile not in (TEXT_PROFILE, RECORDS_PROFILE, CODE_PROFILE):
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
                and (self.mode == MEMORY or self.profile == TEXT_PROFILE)
                and MIN_TABLE_BITS <= self.table_bits <= MAX_TABLE_BITS
                and 1 << self.table_bits <= max(1 << MIN_TABLE_BITS, TABLE_SHARE * self.raw_size)
                and least_payload(self.raw_size) <= self.payload_size <= self.raw_size
                and self.payload_size % 4 == 0
            )
        if not fits or not 1 <= self.raw_size <= block_size:
            raise CorruptError(f"the header of block {number} holds values outside their limits")


def _numbered_checksum(fields: bytes, number: int) -> int:
    return checksum(struct.pack("<Q", number) + fields)
