"""The frame: headers, index, limits and checksums; FORMAT.md says the same in tables.

    frame = frame header, block header, payload                 of one block
          | frame header, block header                          of none, whose mode is END
          | frame header, (block header, payload)*, end         of several blocks
    end   = marker, index, number of blocks, size of the frame header, checksum, end magic

The checksum of content is zlib's CRC-32: it is in every Python and runs at memory speed, finds every burst of up to 32
bits, and as a damaged block decodes to noise, misses 2^-32 of the rest.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from likezip.blocks.block_header import Sealing, checksum
from likezip.blocks.fields import Fields, Parser, pack_number
from likezip.blocks.options import Effort
from likezip.errors import CorruptError, FormatError, TruncatedError, UnsupportedError
from likezip.frames import context
from likezip.model import ID_BYTES, NUMBERED

MAGIC = b"\xceLKZ"
END_MAGIC = b"ZKL\xce"
LZIP_MAGIC = b"LZIP"
VERSION = 1

END = 0
MIN_BLOCK, MAX_BLOCK = 1 << 16, 1 << 30
DEFAULT_BLOCK, BEST_BLOCK = 1 << 22, 1 << 24
"""Bytes of a block unless another size is asked for, usually and with the effort "best"."""
FEW_ZEROS = 4
"""Zeros may follow a frame, any number of them, as tapes and dd pad records; so many bytes are looked at for them
first."""

DEFAULT_WINDOW = 1 << 28
"""Bytes before a block that its copies may refer to, unless another number is asked for."""
MIN_WINDOW_BITS, MAX_WINDOW_BITS = 16, 30

_SEVERAL, _CONTEXT, _WINDOWED, _MODEL_SHIFT = 8, 0x10, 0x20, 6
"""Bits of the byte behind the magic number: several blocks, whether there is a context, whether blocks may have copies
of those before, and the number of the model."""

_ENTRY = struct.Struct("<II")
_CRC = struct.Struct("<I")
_FOOTER = struct.Struct("<IB")

MAX_HEADER_SIZE = len(MAGIC) + 1 + ID_BYTES + context.ID_BYTES + 4 + 1 + _CRC.size
"""Bytes of a frame's header at most."""
MIN_FRAME_SIZE = len(MAGIC) + 1 + 9
"""Bytes of a frame with content at least: a stored block has 9, a header of 8 and a byte, and a coded one 10, a header
of 5 and 5 of code words."""

ENTRY_SIZE = _ENTRY.size
FOOTER_SIZE = _FOOTER.size + _CRC.size + len(END_MAGIC)


def default_block_size(size: int | None = None, effort: Effort = "usual") -> int:
    """The block size for data of ``size`` bytes, None if that is unknown: DEFAULT_BLOCK or BEST_BLOCK, or less, so that
    data of several blocks are an even number of equal blocks, and no core works on a last block while others have
    nothing to do."""
    largest = BEST_BLOCK if effort == "best" else DEFAULT_BLOCK
    if size is None or size <= largest:
        return largest
    blocks = -(-size // largest)
    return -(-size // (blocks + blocks % 2))


def window_bits(window: int) -> int:
    """log2 of the window for ``window`` bytes, of which there may be fewer than in the window; 0 for none.

    Raises ValueError for sizes outside their range.
    """
    if window and not 1 << MIN_WINDOW_BITS <= window <= 1 << MAX_WINDOW_BITS:
        raise ValueError(f"window must be 0 or {1 << MIN_WINDOW_BITS} to {1 << MAX_WINDOW_BITS}, not {window}")
    return (window - 1).bit_length() if window else 0


def window_size(bits: int) -> int:
    """Bytes of the window of so many bits, the inverse of ``window_bits``."""
    return 1 << bits if bits else 0


def padding(data: bytes) -> int:
    """The number of padding bytes at the beginning of ``data``: zeros."""
    return len(data) - len(data.lstrip(b"\0"))


@dataclass(frozen=True)
class FrameHeader:
    """The header of a frame: block size in bytes, None for a frame of at most one block; the model's id (8 bytes); its
    bytes in the frame; log2 of its window, the bytes before a block that its copies may refer to, 0 for none; and the
    id of its context, empty for none."""

    block_size: int | None
    model_id: bytes
    packed: bytes
    window_bits: int = 0
    context_id: bytes = b""

    @classmethod
    def of(
        cls, block_size: int | None, model_id: bytes, *, window_bits: int = 0, context_id: bytes = b""
    ) -> FrameHeader:
        """The header of a frame that is to be written."""
        number = next((number for number, identity in NUMBERED.items() if identity == model_id), 0)
        kind = VERSION | number << _MODEL_SHIFT | (_CONTEXT if context_id else 0)
        ids = (b"" if number else model_id) + context_id
        if block_size is None:  # the block's header has a checksum, which covers this one
            return cls(block_size, model_id, MAGIC + bytes([kind]) + ids, context_id=context_id)
        kind |= _SEVERAL | (_WINDOWED if window_bits else 0)
        packed = MAGIC + bytes([kind]) + ids + pack_number(block_size - 1)
        packed += bytes([window_bits]) if window_bits else b""
        return cls(block_size, model_id, packed + _CRC.pack(checksum(packed)), window_bits, context_id)

    @classmethod
    def parser(cls) -> Parser[FrameHeader]:
        """Parses the header of a frame.

        Raises FormatError for anything else, TruncatedError, UnsupportedError for another version, and CorruptError; if
        the frame has several blocks UnsupportedError for flags and models only if the checksum fits.
        """
        magic = yield len(MAGIC)
        if magic != MAGIC[: len(magic)]:
            raise FormatError(_foreign(magic))
        fields = Fields("frame header", MAGIC[: len(magic)])
        yield from fields.take(len(MAGIC) - len(magic))
        kind = (yield from fields.take(1))[0]
        if kind & 7 != VERSION:
            raise UnsupportedError(f"the frame has format version {kind & 7}; this likezip reads {VERSION}")
        number = kind >> _MODEL_SHIFT
        model_id = (yield from fields.take(ID_BYTES)) if number == 0 else NUMBERED.get(number, b"")
        context_id = (yield from fields.take(context.ID_BYTES)) if kind & _CONTEXT else b""
        block_size = (yield from fields.number()) + 1 if kind & _SEVERAL else None
        sizes = len(fields.packed)
        windowed = kind & _SEVERAL and kind & _WINDOWED
        window_bits = (yield from fields.take(1))[0] if windowed else 0
        if block_size is not None:
            packed = fields.packed
            if (yield from fields.take(_CRC.size)) != _CRC.pack(checksum(packed)):
                raise CorruptError("the frame header's checksum does not fit")
        if kind & _WINDOWED and not kind & _SEVERAL:
            raise UnsupportedError(f"the frame has a flag {_WINDOWED:#04x} that this likezip does not know")
        if not model_id:
            raise UnsupportedError(f"the frame was written with model number {number}, which this likezip lacks")
        if block_size is not None and not MIN_BLOCK <= block_size <= MAX_BLOCK:
            raise CorruptError(f"the frame's block size {block_size} is outside {MIN_BLOCK}..{MAX_BLOCK}")
        if block_size is not None and not packed[:sizes].endswith(pack_number(block_size - 1)):
            raise CorruptError("the frame's block size takes more bytes than it needs")
        if windowed and not MIN_WINDOW_BITS <= window_bits <= MAX_WINDOW_BITS:
            raise CorruptError(f"the frame's window of 2^{window_bits} bytes is outside its limits")
        return cls(block_size, model_id, fields.packed, window_bits, context_id)

    @property
    def window(self) -> int:
        """Bytes before a block that its copies may refer to."""
        return window_size(self.window_bits)

    @property
    def largest_block(self) -> int:
        """Bytes of a block at most."""
        return MAX_BLOCK if self.block_size is None else self.block_size

    def sealing(self, number: int) -> Sealing:
        """How the header of block ``number`` is sealed."""
        return Sealing.numbered(number) if self.block_size is not None else Sealing(self.packed, short=True)


def _foreign(data: bytes) -> str:
    if data[:4] == LZIP_MAGIC:
        return "this is a file of lzip, another compressor that uses the suffix .lz"
    return "not a likezip frame (wrong magic number)"


Entry = tuple[int, int]
"""Size of a block in the frame, its header included, and its raw size, in bytes."""


def pack_entry(entry: Entry) -> bytes:
    """An entry as it stands in the index."""
    return _ENTRY.pack(*entry)


@dataclass(frozen=True)
class Index:
    """The index at the end of a frame of several blocks: bytes of the frame's header, and the entries of its
    blocks."""

    header_size: int
    entries: tuple[Entry, ...]

    def pack(self) -> bytes:
        """The end of a frame, its marker included."""
        packed = bytes([END]) + b"".join(map(pack_entry, self.entries))
        packed += _FOOTER.pack(len(self.entries), self.header_size)
        return packed + _CRC.pack(checksum(packed)) + END_MAGIC

    @property
    def frame_size(self) -> int:
        """Bytes of the frame."""
        return self.header_size + sum(size for size, _ in self.entries) + end_size(len(self.entries))

    @classmethod
    def parse(cls, data: bytes) -> Index:
        """The index from the end of a frame, marker first; raises CorruptError or TruncatedError."""
        if len(data) < end_size(0):
            raise TruncatedError("the data end within the index")
        if data[-len(END_MAGIC) :] != END_MAGIC:
            raise CorruptError("the frame's end magic number is wrong")
        body = data[: -len(END_MAGIC) - _CRC.size]
        if _CRC.unpack_from(data, len(body))[0] != checksum(body):
            raise CorruptError("the index's checksum does not fit")
        count, header_size = _FOOTER.unpack_from(body, len(body) - _FOOTER.size)
        if body[0] != END or len(data) != end_size(count):
            raise CorruptError("the index does not have the size that its number of blocks asks for")
        return cls(header_size, tuple(_ENTRY.unpack_from(body, 1 + i * ENTRY_SIZE) for i in range(count)))


def end_size(blocks: int) -> int:
    """Bytes of the end of a frame of that many blocks."""
    return 1 + blocks * ENTRY_SIZE + FOOTER_SIZE


def footer_blocks(footer: bytes) -> int:
    """The number of blocks from the last FOOTER_SIZE bytes of a frame, to find the index from behind."""
    count: int = _FOOTER.unpack_from(footer)[0]
    return count
