"""The frame: headers, index, limits and checksums; FORMAT.md says the same in tables.

    frame = frame header, (block header, payload)*, end
    end   = marker, index, number of blocks, checksum, end magic

The checksum is zlib's CRC-32: it is in every Python and runs at memory speed, finds every burst of up to 32 bits,
and as a damaged block decodes to noise, misses 2^-32 of the rest.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from likezip.blocks.block_header import checksum
from likezip.errors import CorruptError, FormatError, TruncatedError, UnsupportedError

MAGIC = b"\xceLKZ"
END_MAGIC = b"ZKL\xce"
LZIP_MAGIC = b"LZIP"
VERSION = 1

END = 0
MIN_BLOCK, MAX_BLOCK, DEFAULT_BLOCK = 1 << 16, 1 << 30, 1 << 22
PADDING = 4
"""Zeros may follow a frame, as tapes and dd pad records; their number is a multiple of PADDING."""

_FRAME = struct.Struct("<4sBBI8s")
_ENTRY = struct.Struct("<II")
_CRC = struct.Struct("<I")
_COUNT = struct.Struct("<I")

FRAME_HEADER_SIZE = _FRAME.size + _CRC.size
ENTRY_SIZE = _ENTRY.size
FOOTER_SIZE = _COUNT.size + _CRC.size + len(END_MAGIC)


def default_block_size(size: int | None) -> int:
    """The block size for data of ``size`` bytes, None if that is unknown: DEFAULT_BLOCK, or less, so that data of
    several blocks are an even number of equal blocks, and no core works on a last block while others have nothing to
    do."""
    if size is None or size <= DEFAULT_BLOCK:
        return DEFAULT_BLOCK
    blocks = -(-size // DEFAULT_BLOCK)
    return -(-size // (blocks + blocks % 2))


def padding(data: bytes) -> int:
    """The number of padding bytes at the beginning of ``data``: zeros, a multiple of PADDING."""
    return (len(data) - len(data.lstrip(b"\0"))) // PADDING * PADDING


@dataclass(frozen=True)
class FrameHeader:
    """The header of a frame: block size in bytes, and the model's id (8 bytes)."""

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
