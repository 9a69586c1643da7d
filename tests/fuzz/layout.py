"""Frames as FORMAT.md has them: read a second time, to be compared with likezip's reading, and repaired."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC, END_MAGIC = b"\xceLKZ", b"ZKL\xce"
FRAME, BLOCK = struct.Struct("<4sBBI8sI"), struct.Struct("<BHHIIII")
STORED, MEMORY, MEMORY_PRIOR = 1, 2, 3

FIELDS = {
    "frame": ((0, 4), (4, 1), (5, 1), (6, 4), (10, 8)),
    "block": ((0, 1), (1, 2), (3, 2), (5, 4), (9, 4), (13, 4)),
}
"""Places and sizes of the fields of headers, without their checksums."""

Entries = list[tuple[int, int]]


@dataclass(frozen=True)
class Part:
    """A frame header, a block header or the end of a frame: what is at ``at`` if all sizes before it are right."""

    kind: str
    at: int
    fields: bytes
    block_size: int
    entries: Entries
    """Payload size and raw size of the blocks of the frame so far, of a block itself too."""

    @property
    def behind(self) -> int:
        """Where the next part begins: behind the payload of a block."""
        return self.at + len(self.fields) + (self.entries[-1][0] if self.kind == "block" else 0)


class Unsound(Exception):
    """A frame that a decoder has to refuse."""


def parts(data: bytes | bytearray) -> Iterator[Part]:
    """The parts of all frames as far as they are whole, whatever is in them but their sizes."""
    at = 0
    while len(header := bytes(data[at : at + FRAME.size])) == FRAME.size:
        block_size, entries = FRAME.unpack(header)[3], Entries()
        yield Part("frame", at, header, block_size, [])
        at += FRAME.size
        while at < len(data) and data[at] != 0:
            header = bytes(data[at : at + BLOCK.size])
            if len(header) < BLOCK.size:
                return
            raw_size, payload_size = BLOCK.unpack(header)[3:5]
            entries.append((payload_size, raw_size))
            yield Part("block", at, header, block_size, list(entries))
            at += BLOCK.size + payload_size
        end = bytes(data[at : at + 13 + 8 * len(entries)])
        if len(end) < 13 + 8 * len(entries):
            return
        yield Part("end", at, end, block_size, entries)
        at = behind_padding(data, at + len(end))


def behind_padding(data: bytes | bytearray, at: int) -> int:
    """Where zeros behind the end of a frame end, of which there may be a multiple of 4."""
    rest = data[at:]
    return at + (len(rest) - len(rest.lstrip(b"\0"))) // 4 * 4


def packed_end(entries: Entries) -> bytes:
    index = b"\0" + b"".join(struct.pack("<II", *entry) for entry in entries) + struct.pack("<I", len(entries))
    return index + struct.pack("<I", zlib.crc32(index)) + END_MAGIC


def block_checksum(fields: bytes, number: int) -> int:
    return zlib.crc32(struct.pack("<Q", number) + fields[:-4])


def is_sound(part: Part) -> bool:
    """Whether a decoder may go on behind this part."""
    if part.kind == "frame":
        magic, version, flags, block_size, _, crc = FRAME.unpack(part.fields)
        intact = magic == MAGIC and crc == zlib.crc32(part.fields[:-4])
        return bool(intact) and (version, flags) == (1, 0) and 1 << 16 <= block_size <= 1 << 30
    if part.kind == "end":
        return part.fields == packed_end(part.entries)
    return _block_is_sound(part)


def _block_is_sound(part: Part) -> bool:
    way, tables, row_length, raw_size, payload_size, _, crc = BLOCK.unpack(part.fields)
    mode, profile, lanes, table_bits = way & 15, way >> 5, tables & 2047, tables >> 11
    if crc != block_checksum(part.fields, len(part.entries) - 1) or not 1 <= raw_size <= part.block_size:
        return False
    if mode == STORED:
        return way == STORED and tables == row_length == 0 and payload_size == raw_size
    fits = profile <= 2 if mode == MEMORY else profile == 0 and mode == MEMORY_PRIOR
    fits = fits and 1 <= lanes <= 1024 and row_length != 1 and 16 <= table_bits <= 28
    fits = fits and 1 << table_bits <= max(1 << 16, 256 * raw_size)
    return fits and (raw_size >> 17) * 4 <= payload_size <= raw_size and payload_size % 4 == 0


def sound_blocks(data: bytes) -> Iterator[Part]:
    """The blocks up to the first part that is not sound, where it raises Unsound: at the end too, if one is missing."""
    part = None
    for part in parts(data):
        if not is_sound(part):
            raise Unsound(f"the {part.kind} at {part.at}")
        if part.behind > len(data):
            raise Unsound(f"the payload behind {part.at} is not whole")
        if part.kind == "block":
            yield part
    if part is None or part.kind != "end" or behind_padding(data, part.behind) != len(data):
        raise Unsound("something is missing or left over")


def payload(part: Part, data: bytes) -> bytes:
    return data[part.at + BLOCK.size : part.behind]


def repaired(frame: bytes, *, closed: bool) -> bytes:
    """The frames with the magic number and all checksums put right, or if ``closed`` the whole of their ends."""
    data = bytearray(frame)
    whole: Part | None = None
    for part in parts(data):
        if part.kind == "frame":
            fields = MAGIC + part.fields[4:-4]
            fields += struct.pack("<I", zlib.crc32(fields))
        elif part.kind == "block":
            fields = part.fields[:-4] + struct.pack("<I", block_checksum(part.fields, len(part.entries) - 1))
        elif closed:
            fields = packed_end(part.entries)
        else:
            fields = part.fields[:-8] + struct.pack("<I", zlib.crc32(part.fields[:-8])) + END_MAGIC
        data[part.at : part.at + len(fields)] = fields
        whole = part if part.behind <= len(data) else whole
    if closed and whole is not None and whole.kind != "end":
        del data[whole.behind :]
        data += packed_end(whole.entries)
    return bytes(data)
