"""The header of a block: how it is coded, its sizes, its checksum; FORMAT.md says the same in a table."""

from __future__ import annotations

import binascii
import io
import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from likezip.blocks.fields import MAX_NUMBER, Fields, Parser, pack_number, parse
from likezip.errors import CorruptError, UnsupportedError
from likezip.memory.number_layout import LAYOUT_BITS, NumberLayout

PARTS, STORED, MEMORY, MEMORY_PRIOR = 0, 1, 2, 3
MODES = PARTS, STORED, MEMORY, MEMORY_PRIOR
"""Numbers of the ways in which a block is coded; in PARTS each part is coded in one of the others, see ``parts``."""

UNMODELLED = PARTS, STORED
"""Those of a block that is no model's: its header says nothing of one, and has a checksum of the raw bytes."""

UNCHANGED, X86 = 0, 1
"""Transforms of a block before it is coded."""

TEXT_PROFILE, RECORDS_PROFILE, CODE_PROFILE, NUMBERS_PROFILE = 0, 1, 2, 3
"""Numbers of the profiles: the contexts that a block is modelled with."""

MAX_LANES = 1024

MAX_ROW = 65_535
"""Bytes of a row at most."""

MIN_TABLE_BITS, MAX_TABLE_BITS = 16, 28

MIN_PIECE_BITS, PIECE_BITS, MAX_PIECE_BITS = 10, 20, 30
"""log2 of the bytes of a piece: at least, by default, at most."""

TABLE_SHARE = 256
"""The most bytes of a hash table for each byte of its block; 2^MIN_TABLE_BITS bytes it may have in any case."""

PADDED_SHIFT = 18
"""A block has four bytes of payload for every 2^18 bytes of content, as ``least_payload`` says."""

SLACK = 2
"""The most bytes by which the payload of a coded block may be longer than if it were stored: the header of a stored
block has the 4 bytes of checksum that code words hold, and lacks the payload's size."""

MAX_SIZE = 1 + 4 + 4 + 3 + 4 + 4 + 4 + 4
"""Bytes that a header claims at most: its fields in order, numbers in their longest form."""

MODE, COPIES = 3, 4
"""Bits of a block's first byte: the mode, and that the block has copies."""
_PROFILE_SHIFT, _PROFILE, _PRIMED = 5, 3, 128
"""Of the same byte: the profile's place, its mask there, and that the predictor has learnt the context."""
_SHAPED = 8
"""The bit of a block's first byte that says that its shape follows, lanes, table bits and piece bits, since they are
not those by default."""
IN_PARTS = 8
"""The first byte of a block in parts, but for COPIES; nothing of the model follows.  0 is the end of a frame."""
_SHAPE, _LANES, _PIECED, _TABLE_SHIFT = struct.Struct("<H"), 1023, 1024, 11
"""Of a shape: lanes - 1, or 0 without a table; that another byte has the piece bits, which else are PIECE_BITS; table
bits."""
_CRC = struct.Struct("<I")


def default_lanes(size: int, mode: int) -> int:
    """The lanes of a block of ``size`` bytes.

    With the prior about one for 16 KiB up to 8, then 8 for each 512 KiB up to 32: the fewer lanes, the more each has
    seen, but the more steps there are, and each step reads all of the network's weights.  Without the prior one.
    """
    return max(1, min(8, size >> 14), min(32, size >> 19 << 3)) if mode == MEMORY_PRIOR else 1


def default_table_bits(size: int) -> int:
    """log2 of the bytes of the hash table for a block of ``size`` bytes: about 96 a byte, 64 KiB to 256 MiB."""
    return max(MIN_TABLE_BITS, min(MAX_TABLE_BITS, (size * 96 - 1).bit_length()))


def least_payload(raw_size: int) -> int:
    """Bytes that the payload of a block of ``raw_size`` bytes has at least, filled up with zeros.

    A block of zeros or of a copy needs next to no words, whatever its size: without this, 20 bytes could claim a
    gigabyte.
    """
    return raw_size >> PADDED_SHIFT << 2


def stored_payload(raw_size: int, coded_size: int) -> int:
    """Bytes of the payload of a stored block."""
    return max(coded_size, least_payload(raw_size))


def checksum(data: bytes | bytearray | memoryview) -> int:
    """CRC-32 as zlib and gzip compute it."""
    return zlib.crc32(data)


@dataclass(frozen=True)
class Sealing:
    """What the checksum of a block's header covers besides the header, and how long it is.

    In a frame of several blocks the block's number, and 4 bytes (CRC-32), so that a doubled, missing or moved block is
    noticed; in a frame of one the frame's header, and 2 bytes (CRC-16), as nothing else is to be found by it.
    """

    before: bytes
    short: bool = False

    @classmethod
    def numbered(cls, number: int) -> Sealing:
        return cls(struct.pack("<Q", number))

    @property
    def size(self) -> int:
        """Bytes of the checksum."""
        return 2 if self.short else 4

    def check(self, fields: bytes) -> bytes:
        """The checksum of a header's ``fields``."""
        if self.short:
            return binascii.crc_hqx(self.before + fields, 0xFFFF).to_bytes(2, "little")
        return _CRC.pack(checksum(self.before + fields))


class Whole(NamedTuple):
    """The raw size of a block in bytes, and the CRC-32 of its raw bytes."""

    size: int
    crc: int

    @classmethod
    def of(cls, raw: bytes) -> Whole:
        return cls(len(raw), checksum(raw))


@dataclass(frozen=True)
class BlockHeader:
    """The header of one block: mode, how it is modelled (all 0 if stored or in parts), sizes in bytes.

    At order zero lanes and table bits are 0.

    raw_crc: CRC-32 of the raw bytes, None if the block is coded as one and has no copies, as its code words hold it.
    spared: bytes by which the coded size is smaller than the raw size, 0 without copies (``likezip.blocks.copies``).
    primed: whether the predictor has learnt the frame's context before; piece_bits: log2 of the bytes of a piece.
    layout: how numbers lie, in profile numbers alone.
    """

    mode: int
    lanes: int
    transform: int
    profile: int
    row_length: int
    table_bits: int
    raw_size: int
    payload_size: int
    raw_crc: int | None
    spared: int = 0
    primed: bool = False
    piece_bits: int = PIECE_BITS
    layout: NumberLayout | None = None

    @classmethod
    def stored(cls, size: int, crc: int, spared: int = 0) -> BlockHeader:
        """The header of a block whose payload are its coded bytes."""
        return cls(STORED, 0, 0, 0, 0, 0, size, stored_payload(size, size - spared), crc, spared)

    @classmethod
    def in_parts(cls, whole: Whole, payload_size: int, spared: int = 0) -> BlockHeader:
        """The header of a block in parts."""
        return cls(PARTS, 0, 0, 0, 0, 0, whole.size, payload_size, whole.crc, spared)

    @property
    def has_copies(self) -> bool:
        """Whether parts of the block are copied."""
        return self.spared > 0

    @property
    def coded_size(self) -> int:
        """Bytes that are coded: those of the block, or if it has copies, what ``copies.pack`` makes of it."""
        return self.raw_size - self.spared

    @property
    def unsealed_size(self) -> int:
        """Bytes of the block in a frame, but for the checksum of its header."""
        return len(self.fields()) + self.payload_size

    def pack(self, sealing: Sealing) -> bytes:
        """The bytes of the header."""
        fields = self.fields()
        return fields + sealing.check(fields)

    def fields(self) -> bytes:
        """The bytes of the header but for its checksum."""
        shape = self.lanes, self.table_bits, self.piece_bits
        shaped = shape != _default_shape(self.mode, self.coded_size)
        kind = (self.mode or IN_PARTS) | COPIES * self.has_copies | _SHAPED * shaped
        fields = bytes([kind | self.transform << 4 | self.profile << _PROFILE_SHIFT | _PRIMED * self.primed])
        fields += pack_number(self.raw_size - 1)
        fields += pack_number(self.coded_size - 1) if self.has_copies else b""
        fields += _pack_shape(*shape) if shaped else b""
        fields += pack_number(self._rows()) if self.profile != TEXT_PROFILE else b""
        fields += pack_number(self.payload_size) if self.mode != STORED else b""
        return fields + (b"" if self.raw_crc is None else _CRC.pack(self.raw_crc))

    def _rows(self) -> int:
        """The row length as it is in the header: with the layout of numbers below it, if there is one."""
        return self.row_length << LAYOUT_BITS | self.layout.pack() if self.layout else self.row_length

    @classmethod
    def parser(cls, first: bytes, name: str, block_size: int, sealing: Sealing) -> Parser[BlockHeader]:
        """Parses a header behind its ``first`` byte; ``name`` is what messages call the block.

        Raises TruncatedError, CorruptError, and UnsupportedError, which is only for a header whose checksum fits.
        """
        fields = Fields(f"header of {name}", first)
        header = yield from cls._fields(fields)
        packed = fields.packed
        if (yield from fields.take(sealing.size)) != sealing.check(packed):
            raise CorruptError(f"the checksum of the header of {name} does not fit: damaged or out of place")
        return header._checked(packed, name, block_size)

    @classmethod
    def part_parser(cls, first: bytes, name: str) -> Parser[BlockHeader]:
        """Parses the header of a part of a block, which has no checksum, as ``parser``."""
        fields = Fields(f"header of {name}", first)
        header = yield from cls._fields(fields)
        if header.mode == PARTS or header.has_copies or header.primed:
            raise CorruptError(f"{name} is in parts itself, has copies, or is primed")
        return header._checked(fields.packed, name, MAX_NUMBER + 1)

    def _checked(self, packed: bytes, name: str, block_size: int) -> BlockHeader:
        """The header itself, which was read from ``packed``.  Raises CorruptError and UnsupportedError."""
        if self.mode == PARTS and packed[0] & ~COPIES != IN_PARTS:
            raise UnsupportedError(f"{name} has mode 0, which this likezip does not know")
        if self.fields() != packed or not self._within_limits() or self.raw_size > block_size:
            raise CorruptError(f"the header of {name} holds values outside their limits")
        return self

    @classmethod
    def _fields(cls, fields: Fields) -> Parser[BlockHeader]:
        """Parses a header behind its first byte, up to its checksum; of modes unknown as of those known today."""
        first = fields.packed[0]
        mode, transform, profile = first & MODE, first >> 4 & 1, first >> _PROFILE_SHIFT & _PROFILE
        raw_size = (yield from fields.number()) + 1
        coded_size = (yield from fields.number()) + 1 if first & COPIES else raw_size
        lanes, table_bits, piece_bits = _default_shape(mode, coded_size)
        if first & _SHAPED and mode != PARTS:
            lanes, table_bits, piece_bits = yield from _shape(fields)
        row_length, layout = (yield from fields.number()) if profile != TEXT_PROFILE else 0, None
        if profile == NUMBERS_PROFILE:
            layout = NumberLayout.unpack(row_length & ((1 << LAYOUT_BITS) - 1))
            row_length >>= LAYOUT_BITS
        payload_size = (yield from fields.number()) if mode != STORED else stored_payload(raw_size, coded_size)
        verified = mode in UNMODELLED or first & COPIES
        raw_crc = _CRC.unpack((yield from fields.take(_CRC.size)))[0] if verified else None
        modelled = mode, lanes, transform, profile, row_length, table_bits
        spared, primed = raw_size - coded_size, bool(first & _PRIMED)
        return cls(*modelled, raw_size, payload_size, raw_crc, spared, primed, piece_bits, layout)

    @classmethod
    def parted(cls, packed: bytes) -> tuple[bytes, int]:
        """The fields of the header at the beginning of ``packed``, and its checksum of 4 bytes, which may be wrong.

        Raises TruncatedError.
        """
        fields, read = Fields("header", packed[:1]), io.BytesIO(packed[1:]).read
        parse(cls._fields(fields), read)
        return fields.packed, _CRC.unpack(parse(Fields("header").take(_CRC.size), read))[0]

    def _within_limits(self) -> bool:
        if self.spared < 0:
            return False
        if self.mode in UNMODELLED:
            modelled = self.lanes, self.transform, self.profile, self.row_length, self.table_bits, self.primed
            unmodelled = not any(modelled) and self.piece_bits == PIECE_BITS
            return unmodelled and (self.mode == STORED or self._payload_within_limits())
        return (
            self._payload_within_limits()
            and self.row_length != 1
            and self.row_length <= MAX_ROW
            and (self.layout is None or self.layout.is_possible)
            and (self.mode == MEMORY or self.profile == TEXT_PROFILE)
            and (self._has_lanes_and_table() or self._is_order_zero())
            and MIN_PIECE_BITS <= self.piece_bits <= MAX_PIECE_BITS
            and (self.primed or 1 << self.table_bits <= max(1 << MIN_TABLE_BITS, TABLE_SHARE * self.coded_size))
            and (self.lanes == 1 or not self.primed)
        )

    def _has_lanes_and_table(self) -> bool:
        return 1 <= self.lanes <= MAX_LANES and MIN_TABLE_BITS <= self.table_bits <= MAX_TABLE_BITS

    def _is_order_zero(self) -> bool:
        """Whether the block has no lanes, and no table either."""
        unmodelled = self.lanes, self.table_bits, self.profile
        return self.mode == MEMORY and not any(unmodelled)

    def _payload_within_limits(self) -> bool:
        stored = stored_payload(self.raw_size, self.coded_size)
        return least_payload(self.raw_size) <= self.payload_size <= stored + SLACK


def _pack_shape(lanes: int, table_bits: int, piece_bits: int) -> bytes:
    pieced = piece_bits != PIECE_BITS
    shape = (lanes - 1 if table_bits else lanes) | _PIECED * pieced | table_bits << _TABLE_SHIFT
    return _SHAPE.pack(shape) + bytes([piece_bits] * pieced)


def _shape(fields: Fields) -> Parser[tuple[int, int, int]]:
    """Parses lanes, table bits and piece bits."""
    (shape,) = _SHAPE.unpack((yield from fields.take(_SHAPE.size)))
    table_bits = shape >> _TABLE_SHIFT
    lanes = (shape & _LANES) + (1 if table_bits else 0)
    piece_bits = (yield from fields.take(1))[0] if shape & _PIECED else PIECE_BITS
    return lanes, table_bits, piece_bits


def _default_shape(mode: int, size: int) -> tuple[int, int, int]:
    """Lanes, table bits and piece bits of a block whose header does not name them."""
    if mode in UNMODELLED:
        return 0, 0, PIECE_BITS
    return default_lanes(size, mode), default_table_bits(size), PIECE_BITS
