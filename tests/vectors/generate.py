"""Test vectors: sound files, damaged ones, and sound ones that need what this likezip does not have.

``python tests/vectors/generate.py`` writes them and README.md, a line for each, anew: files change only with a break of
the format or a new model.  With ``--reference`` it then has the reference decoder read the sound ones that take too
long for the tests.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import likezip
from likezip.blocks import block_header, entropy_coder, x86_transform
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.options import PriorChoice
from likezip.blocks.predictor import BlockShape, Predictor
from likezip.errors import (
    CorruptError,
    FormatError,
    LikezipError,
    TruncatedError,
    UnknownModelError,
    UnsupportedError,
)
from likezip.frames import container
from likezip.frames.container import FrameHeader
from likezip.memory.profiles import BESIDE_PRIOR, PROFILES
from likezip.memory.trained_state import TrainedState
from likezip.prior.network import Network
from likezip.prior.parallel import open_prior

PLACE = Path(__file__).parent
MOST_RAW = 4096
"""Bytes of the longest content that is kept beside its file."""

# What the files are put together from.

Block = tuple[BlockHeader, bytes]
"""A block's header and payload."""


def stored(raw: bytes, **fields: int) -> Block:
    """A stored block; ``fields`` of its header are replaced."""
    return replace(BlockHeader.stored(len(raw), block_header.checksum(raw)), **fields), raw


def zeros(size: int, payload: bytes | None = None, **fields: int) -> Block:
    """A coded block of zeros, which needs no words; ``fields`` of its header are replaced."""
    payload = block_header.pad_payload(b"", size) if payload is None else payload
    crc = block_header.checksum(bytes(size))
    header = BlockHeader(block_header.MEMORY, 1, 0, block_header.TEXT_PROFILE, 0, 16, size, len(payload), crc)
    return replace(header, **fields), payload


def coded(raw: bytes, **fields: int) -> Block:
    """A coded block in the way that ``fields`` of its header say, which need not be one that likezip chooses."""
    header, _ = zeros(len(raw), raw_crc=block_header.checksum(raw), **fields)
    with_prior = header.mode == block_header.MEMORY_PRIOR
    profile = BESIDE_PRIOR if with_prior else PROFILES[header.profile]
    shape = BlockShape(len(raw), header.lanes, header.table_bits, profile, header.row_length)
    start = TrainedState.of(_model().part(profile.name))
    known = np.frombuffer(x86_transform.to_absolute(raw) if header.transform else raw, np.uint8)
    if with_prior:
        with open_prior(Network.of(_model().part("prior")), len(raw), header.lanes) as network:
            decisions = Predictor(shape, start, network).run(known)
    else:
        decisions = Predictor(shape, start).run(known)
    payload = block_header.pad_payload(entropy_coder.encode(*decisions), len(raw))
    return replace(header, payload_size=len(payload)), payload


def frame(*blocks: Block, block_size: int = container.MIN_BLOCK) -> bytes:
    """A frame of these blocks; its index says what their headers say."""
    return head(block_size=block_size) + body(*blocks) + end(*blocks)


def head(at: int = 0, value: bytes = b"", *, block_size: int = container.MIN_BLOCK) -> bytes:
    """A frame header, with ``value`` at byte ``at`` and a checksum that fits it."""
    return sealed(put(FrameHeader(block_size, _model().id).pack()[:-4], at, value))


def body(*blocks: Block, first: int = 0) -> bytes:
    """Block headers and payloads, numbered from ``first``."""
    return b"".join(header.pack(first + i) + payload for i, (header, payload) in enumerate(blocks))


def end(*blocks: Block) -> bytes:
    """The end of a frame of these blocks."""
    return container.pack_end([(header.payload_size, header.raw_size) for header, _ in blocks])


def end_with(at: int, value: bytes, *blocks: Block) -> bytes:
    """The end of a frame of these blocks, with ``value`` at its byte ``at`` and a checksum that fits it."""
    return sealed(put(end(*blocks)[:-8], at, value)) + container.END_MAGIC


def sealed(fields: bytes) -> bytes:
    """Fields and their checksum."""
    return fields + struct.pack("<I", block_header.checksum(fields))


def put(data: bytes, at: int, value: bytes) -> bytes:
    """``data`` with ``value`` in place of what is at byte ``at``."""
    return data[:at] + value + data[at + len(value) :]


def flipped(data: bytes, at: int) -> bytes:
    """``data`` with the lowest bit of byte ``at`` flipped, from behind if that is negative."""
    at %= len(data)
    return put(data, at, bytes([data[at] ^ 1]))


def _model() -> likezip.Model:
    return likezip.load_model("likezip-1")


# Contents.

GOLDEN_TEXT = b"""Golden frames: the reference decoder reads them, and likezip still writes the same bytes.

``python tests/test_golden.py`` writes them anew, which is a break of the format or a new model.
"""
SHELLS = b"She sells sea shells by the sea shore; the shells she sells are sea shells. "
MANY_SHELLS = (SHELLS * 922)[:70000]
TIMES = b"It was the best of times, it was the worst of times, it was the age of wisdom."
NOISE = hashlib.sha256(b"noise").digest()
LOG = b"".join(b"12:%02d:%02d host app[%d]: request %x done\n" % (i // 60, i % 60, i % 7, i * i) for i in range(60))
ROWS = b"".join(i.to_bytes(2, "little") + (i * 37 % 1000).to_bytes(4, "big") + b"\xff\0" for i in range(300))


def _code() -> bytes:
    """Calls and jumps back and forth to eight functions, with something between them; at the end operands overlap."""
    code = bytearray(b"\x7fELF")
    for i in range(60):
        distance = (i * 3 % 8) * 50 - len(code)
        code += bytes([0x55 + i % 3, 0xE9 if i % 5 == 0 else 0xE8]) + distance.to_bytes(4, "little", signed=True)
    return bytes(code) + b"\xe8\xe8\x00\x00\x00\xff\x00\xe9\x01\x00\x00"


CODE = _code()

# Sound files.


@dataclass(frozen=True)
class Good:
    """A sound file: what it holds in words and bytes, and how it is built.

    slow: the reference decoder takes so long that only ``generate.py --reference`` has it read the file.
    """

    holds: str
    content: bytes
    build: Callable[[], bytes]
    slow: bool = False


def written(holds: str, content: bytes, lanes: int | None, prior: PriorChoice) -> Good:
    """A file as likezip writes it."""
    return Good(holds, content, lambda: likezip.compress(content, lanes=lanes, prior=prior))


def one_coded(holds: str, raw: bytes, **fields: int) -> Good:
    """A frame with one coded block, in a way that likezip does not choose by itself."""
    return Good(holds, raw, lambda: frame(coded(raw, **fields)))


def filled(data: bytes, size: int) -> bytes:
    """``data`` and zeros, ``size`` bytes together."""
    return data + bytes(size - len(data))


GOOD: dict[str, Good] = {
    # As likezip writes them.
    "empty": written("a frame without blocks", b"", 1, "off"),
    "one-byte": written("one byte, stored", b"x", 1, "off"),
    "stored": written("32 bytes of noise, stored", NOISE, 1, "off"),
    "text": written(
        "text and all 256 bytes, profile text",
        GOLDEN_TEXT * 2 + bytes(range(256)) + GOLDEN_TEXT.upper() * 3,
        1,
        "off",
    ),
    "text-in-lanes": written("a sentence 12 times in 5 lanes", SHELLS * 12, 5, "off"),
    "log-in-lanes": written("lines of a log in 7 lanes", LOG, 7, "off"),
    "records": written("records of 8 bytes in 3 lanes, profile records", ROWS, 3, "off"),
    "code": written("calls and jumps in 2 lanes, profile code, transform x86", CODE, 2, "off"),
    "zeros": written("1001 zeros in 4 lanes: the payload is empty", bytes(1001), 4, "off"),
    "an-empty-line-at-the-end": written(
        "lines of which the last is empty", b"some lines\nand others, more or less alike\nsome lines\n\n", 1, "off"
    ),
    "lanes-that-end-in-empty-lines": written("short lines in 4 lanes", b"\n\nabc\n\n" * 21, 4, "off"),
    "more-lanes-than-bytes": written("102 bytes in 1024 lanes", b"abc" * 34, 1024, "off"),
    "prior": written("a sentence with the prior", TIMES, 1, "on"),
    "prior-in-lanes": written(
        "kinds of bytes with the prior in 4 lanes",
        "Mógłby\n<a href='x'>1234, 5678</a>\n\0\xff int main(void) {".encode(),
        4,
        "on",
    ),
    "two-blocks": Good(
        "70,000 bytes in blocks of 65,536",
        MANY_SHELLS,
        lambda: likezip.compress(MANY_SHELLS, block_size=65536, prior="off"),
        slow=True,
    ),
    # Legal, but not what likezip writes.
    "two-frames": Good(
        "two frames, one after the other",
        NOISE + b"and " + bytes(20),
        lambda: frame(stored(NOISE)) + frame(stored(b"and "), zeros(20)),
    ),
    "empty-frames": Good(
        "empty frames before, between and behind two others",
        b"one, two",
        lambda: frame() + frame(stored(b"one, ")) + frame() + frame() + frame(stored(b"two")) + frame(),
    ),
    "trailing-zeros": Good("a frame and zeros to fill up a sector", NOISE, lambda: filled(frame(stored(NOISE)), 512)),
    "zeros-between-frames": Good(
        "two frames with 4 zeros behind each",
        NOISE + b"and",
        lambda: frame(stored(NOISE)) + bytes(4) + frame(stored(b"and")) + bytes(4),
    ),
    "blocks-of-different-sizes": Good(
        "five blocks of every mode, none as long as the block size",
        SHELLS + b"x" + bytes(7) + b"Once upon a time" + NOISE,
        lambda: frame(
            coded(SHELLS),
            stored(b"x"),
            zeros(7),
            coded(b"Once upon a time", mode=block_header.MEMORY_PRIOR),
            stored(NOISE),
        ),
    ),
    "block-size-2-30": Good(
        "the largest block size", NOISE, lambda: frame(stored(NOISE), block_size=container.MAX_BLOCK)
    ),
    "coded-byte": Good(
        "one byte in 1024 lanes, coded: the payload is empty", b"\0", lambda: frame(zeros(1, lanes=1024))
    ),
    "prior-more-lanes-than-bytes": one_coded(
        "16 bytes with the prior in 1024 lanes", b"Once upon a time", mode=block_header.MEMORY_PRIOR, lanes=1024
    ),
    "table-bits-16": one_coded("a table of 16 bits where likezip takes 18", LOG, table_bits=16),
    "table-bits-17": one_coded("512 bytes and a table of 17 bits, as large as may be", LOG[:512], table_bits=17),
    "table-bits-28": Good(
        "2^20 zeros and a table of 28 bits, as large as may be",
        bytes(1 << 20),
        lambda: frame(zeros(1 << 20, table_bits=28), block_size=1 << 20),
        slow=True,
    ),
    "padded": Good(
        "2^17 zeros and a table of 25 bits, as large as may be; a zero word as payload",
        bytes(1 << 17),
        lambda: frame(zeros(1 << 17, table_bits=25), block_size=1 << 17),
        slow=True,
    ),
    "padded-behind-a-word": Good(
        "2^18 bytes, of which the first is not zero, a word and a zero word as payload",
        b"a" + bytes((1 << 18) - 1),
        lambda: frame(coded(b"a" + bytes((1 << 18) - 1)), block_size=1 << 18),
        slow=True,
    ),
    "text-in-rows": one_coded("profile text with rows of 77 bytes", SHELLS * 4, row_length=77),
    "row-length-2": one_coded("rows of 2 bytes", ROWS[:400], profile=block_header.RECORDS_PROFILE, row_length=2),
    "row-length-65535": one_coded(
        "rows longer than the block", ROWS[:400], profile=block_header.RECORDS_PROFILE, row_length=65535
    ),
    "records-in-lines": one_coded(
        "profile records with lines as rows", LOG[:400], profile=block_header.RECORDS_PROFILE, lanes=2
    ),
    "code-without-transform": one_coded(
        "profile code, no transform", CODE, profile=block_header.CODE_PROFILE, row_length=6
    ),
    "text-with-transform": one_coded("profile text, transform x86", CODE, transform=block_header.X86),
    "prior-with-transform": one_coded(
        "the prior, transform x86, rows of 6 bytes, 3 lanes",
        CODE[-35:],
        mode=block_header.MEMORY_PRIOR,
        transform=block_header.X86,
        row_length=6,
        lanes=3,
    ),
}

# Checks, in the order in which they are made.


@dataclass(frozen=True)
class Check:
    """What refuses a file: its name, and the exception and its message, which may have places for numbers."""

    name: str
    error: type[LikezipError]
    message: str


EMPTY = Check("empty file", TruncatedError, "the input is empty, not even an empty frame")
MAGIC = Check("frame header: magic", FormatError, "not a likezip frame (wrong magic number)")
LZIP = Check("frame header: magic", FormatError, "this is a file of lzip, another compressor that uses the suffix .lz")
TRAILING = Check("frame header: magic", FormatError, "trailing data: what follows the frame is not a frame")
HEADER_LENGTH = Check("frame header: length", TruncatedError, "the data end within the frame header")
HEADER_CHECKSUM = Check("frame header: checksum", CorruptError, "the frame header's checksum does not fit")
VERSION = Check("frame header: version", UnsupportedError, "the frame has format version {}; this likezip reads 1")
FLAGS = Check("frame header: flags", UnsupportedError, "the frame has flags {:#04x} that this likezip does not know")
BLOCK_SIZE = Check("frame header: block size", CorruptError, "the frame's block size {} is outside 65536..1073741824")
MODEL = Check(
    "frame header: model id",
    UnknownModelError,
    "the frame was written with model {}, which is not among the models here; "
    "put its file into a directory named in LIKEZIP_MODELS or into ~/.local/share/likezip/models, or name it with "
    "--model",
)
BLOCK_LENGTH = Check("block header: length", TruncatedError, "the data end within the header of block {}")
BLOCK_CHECKSUM = Check(
    "block header: checksum",
    CorruptError,
    "the checksum of the header of block {} does not fit: damaged or out of place",
)
MODE = Check("block header: mode", UnsupportedError, "block 0 has mode {}, which this likezip does not know")
PROFILE = Check("block header: profile", UnsupportedError, "block 0 has profile {}, which this likezip does not know")
LIMITS = Check("block header: limits", CorruptError, "the header of block {} holds values outside their limits")
PAYLOAD_LENGTH = Check("payload: length", TruncatedError, "the data end within block {}")
TOP_WORD = Check("payload: last word", CorruptError, "block {}: the block's code words end in a zero word")
USED_UP = Check("payload: used up", CorruptError, "block {}: the block's code words are not used up by its bits")
RAW_CHECKSUM = Check("raw bytes: checksum", CorruptError, "block {}: the block's checksum does not fit its bytes")
INDEX_LENGTH = Check("end: length", TruncatedError, "the data end within the index")
END_MAGIC = Check("end: magic", CorruptError, "the frame's end magic number is wrong")
INDEX_CHECKSUM = Check("end: checksum", CorruptError, "the index's checksum does not fit")
INDEX_NUMBER = Check("end: number", CorruptError, "the index does not have the size that its number of blocks asks for")
INDEX_SIZES = Check("end: sizes", CorruptError, "the index does not fit the blocks")

# Made only where frames are found from behind, to list them.
LIST_EMPTY = Check("list: empty file", TruncatedError, "the file is empty")
LIST_SHORT = Check("list: length", TruncatedError, "the file is too short for a frame")
LIST_END = Check(
    "list: end magic",
    CorruptError,
    "the file does not end with a frame's end magic number: truncated or trailing data",
)
LIST_INDEX = Check("list: index", CorruptError, "the index claims to be longer than the file")
LIST_SIZES = Check("list: sizes", CorruptError, "the index claims more than the file holds")

# Files that are refused, and the sound ones that they come from.

SOME = bytes(100)
"""What the sound frame that most bad ones come from holds."""


def some_frame() -> bytes:
    """The sound frame that most bad ones come from: 22 bytes, a block header, no payload, and the end."""
    return frame(zeros(100))


BLOCK_AT = container.FRAME_HEADER_SIZE
"""Where the first block begins."""
PAYLOAD_AT = BLOCK_AT + block_header.BLOCK_HEADER_SIZE


def noise_frame() -> bytes:
    """A stored block."""
    return frame(stored(NOISE))


def two_frames() -> bytes:
    """Two frames; the second begins at byte 96, its block at 118."""
    return noise_frame() + noise_frame()


SECOND_AT = 96


@dataclass(frozen=True)
class Bad:
    """A file that is refused: which field is wrong and how, by which check, and how it is built.

    sound: builds what would be sound; the first byte that differs from it is the one that is wrong, unless ``at`` says
    which is, from behind if negative.  number: what the check's message has in its place.  content: what may have been
    written by then.  listing: the check that refuses to list the file, where that is another one.
    """

    field: str
    wrong: str
    check: Check
    build: Callable[[], bytes]
    sound: Callable[[], bytes] = some_frame
    number: Any = 0
    content: bytes = b""
    at: int | None = None
    listing: Check | None = None

    def message(self) -> str:
        """The whole message of the exception."""
        return self.check.message.format(self.number)

    def offset(self) -> int:
        """The byte that is wrong; for what is cut off, the first that is missing."""
        data, sound = self.build(), self.sound()
        if self.at is not None:
            return self.at % len(data)
        pairs = enumerate(zip(data, sound, strict=False))
        return next((i for i, (one, other) in pairs if one != other), min(len(data), len(sound)))


def bad_head(field: str, wrong: str, check: Check, at: int, value: bytes, number: Any = 0) -> Bad:
    """A frame whose header has ``value`` at byte ``at``, and a checksum that fits it."""
    return Bad(f"frame header, {field}", wrong, check, lambda: head(at, value) + some_frame()[BLOCK_AT:], number=number)


def bad_header(field: str, wrong: str, check: Check = LIMITS, number: Any = 0, **fields: int) -> Bad:
    """A frame with a coded block of 100 zeros whose header has these fields, and a checksum that fits them.

    The payload has the size that the header gives.
    """
    payload = bytes(fields.get("payload_size", 0))
    return Bad(f"block header, {field}", wrong, check, lambda: frame(zeros(100, payload, **fields)), number=number)


def bad_stored(field: str, wrong: str, check: Check = LIMITS, number: Any = 0, **fields: int) -> Bad:
    """The same with a stored block of noise."""
    return Bad(f"block header, {field}", wrong, check, lambda: frame(stored(NOISE, **fields)), noise_frame, number)


def misplaced(wrong: str, number: int, *order: int) -> Bad:
    """A frame of three stored blocks of 5 bytes in this order; the header at place ``number`` is another's."""
    blocks = [stored(bytes([65 + i]) * 5) for i in range(3)]

    def build() -> bytes:
        return head() + b"".join(body(blocks[i], first=i) for i in order) + end(*[blocks[i] for i in order])

    before = body(*blocks[:number])
    return Bad(
        "block header, number",
        wrong,
        BLOCK_CHECKSUM,
        build,
        number=number,
        content=b"".join(raw for _, raw in blocks[:number]),
        at=BLOCK_AT + len(before),
    )


def bad_payload(
    wrong: str, check: Check, raw: bytes, damage: Callable[[bytes], bytes], at: int | None = None, **fields: int
) -> Bad:
    """A frame with a coded block whose payload is damaged, the sizes and checksums of the header fitting that."""

    def build() -> bytes:
        header, payload = coded(raw, **fields)
        damaged = damage(payload)
        return frame((replace(header, payload_size=len(damaged)), damaged))

    return Bad("payload", wrong, check, build, lambda: frame(coded(raw, **fields)), at=at)


def bad_words(wrong: str, check: Check, payload: bytes) -> Bad:
    """A frame with a coded block of 100 zeros, which needs no words, and this payload."""
    return Bad("payload", wrong, check, lambda: frame(zeros(100, payload)), at=PAYLOAD_AT)


def bad_end(field: str, wrong: str, check: Check, at: int, value: bytes, listing: Check | None = None) -> Bad:
    """A frame with a coded block of 100 zeros and an end that has ``value`` at byte ``at``, and a fitting checksum."""

    def build() -> bytes:
        return some_frame()[:PAYLOAD_AT] + end_with(at, value, zeros(100))

    return Bad(f"end, {field}", wrong, check, build, content=SOME, listing=listing)


def cut(what: str, check: Check, size: int, sound: Callable[[], bytes] = some_frame, **others: Any) -> Bad:
    """A file that ends after ``size`` bytes."""
    return Bad(what, "missing from here on", check, lambda: sound()[:size], sound, **others)


def appended(wrong: str, check: Check, data: bytes, listing: Check | None = LIST_END) -> Bad:
    """A sound frame and something after it."""
    return Bad("after the frame", wrong, check, lambda: noise_frame() + data, noise_frame, 0, NOISE, listing=listing)


LZIP_FILE = bytes.fromhex("4c5a4950010c0083fffbffffc000000000000000000000000000000024") + bytes(7)
"""lzip's file for no bytes."""
GZIP_FILE = bytes.fromhex("1f8b08000000000000ff03000000000000000000")
"""gzip's file for no bytes."""

BAD: dict[str, Bad] = {
    # No frame.
    "empty-file": Bad("frame header, magic", "nothing there", EMPTY, bytes, listing=LIST_EMPTY),
    "text": Bad("frame header, magic", "text", MAGIC, lambda: SHELLS),
    "random-bytes": Bad("frame header, magic", "noise", MAGIC, lambda: NOISE * 4),
    "one-other-byte": Bad("frame header, magic", "one byte, not the magic's first", MAGIC, lambda: b"x"),
    "gzip-file": Bad("frame header, magic", "a file of gzip", MAGIC, lambda: GZIP_FILE),
    "lzip-file": Bad("frame header, magic", "a file of lzip", LZIP, lambda: LZIP_FILE),
    "magic": Bad("frame header, magic", "5B for 5A", MAGIC, lambda: flipped(some_frame(), 3)),
    # Frame header.
    "cut-in-magic": cut("frame header, magic", HEADER_LENGTH, 3),
    "cut-in-frame-header": cut("frame header, checksum", HEADER_LENGTH, 21),
    "frame-header-checksum": Bad(
        "frame header, checksum", "damaged", HEADER_CHECKSUM, lambda: flipped(some_frame(), 21)
    ),
    "version-damaged": Bad(
        "frame header, version", "2, behind a checksum of 1", HEADER_CHECKSUM, lambda: put(some_frame(), 4, b"\2")
    ),
    "flags-damaged": Bad(
        "frame header, flags", "1, behind a checksum of 0", HEADER_CHECKSUM, lambda: put(some_frame(), 5, b"\1")
    ),
    "model-id-damaged": Bad("frame header, model id", "damaged", HEADER_CHECKSUM, lambda: flipped(some_frame(), 10)),
    "block-size-0": bad_head("block size", "0", BLOCK_SIZE, 6, bytes(4), 0),
    "block-size-too-small": bad_head("block size", "65,535", BLOCK_SIZE, 6, struct.pack("<I", 65535), 65535),
    "block-size-too-large": bad_head(
        "block size", "2^30 + 1", BLOCK_SIZE, 6, struct.pack("<I", (1 << 30) + 1), (1 << 30) + 1
    ),
    # Block header.
    "cut-after-frame-header": cut("block header", BLOCK_LENGTH, BLOCK_AT, listing=LIST_SHORT),
    "cut-in-block-header": cut("block header, checksum", BLOCK_LENGTH, PAYLOAD_AT - 1),
    "block-header-checksum": Bad(
        "block header, checksum", "damaged", BLOCK_CHECKSUM, lambda: flipped(some_frame(), PAYLOAD_AT - 1)
    ),
    "mode-damaged": Bad(
        "block header, mode",
        "3, behind a checksum of 2",
        BLOCK_CHECKSUM,
        lambda: flipped(some_frame(), BLOCK_AT),
    ),
    "payload-size-damaged": Bad(
        "block header, payload size",
        "2^30 + 32, behind a checksum of 32",
        BLOCK_CHECKSUM,
        lambda: put(noise_frame(), BLOCK_AT + 12, b"\x40"),
        noise_frame,
    ),
    "block-moved": misplaced("blocks 1, 2, 0", 0, 1, 2, 0),
    "blocks-swapped": misplaced("blocks 0, 2, 1", 1, 0, 2, 1),
    "block-doubled": misplaced("blocks 0, 1, 1, 2", 2, 0, 1, 1, 2),
    "block-missing": misplaced("blocks 0, 2", 1, 0, 2),
    "end-missing-before-another-frame": Bad(
        "end",
        "a frame header instead",
        BLOCK_CHECKSUM,
        lambda: frame(stored(NOISE))[: PAYLOAD_AT + len(NOISE)] + noise_frame(),
        noise_frame,
        number=1,
        content=NOISE,
    ),
    "lanes-0": bad_header("lanes", "0", lanes=0),
    "lanes-1025": bad_header("lanes", "1025", lanes=1025),
    "row-length-1": bad_header("row length", "1", row_length=1),
    "table-bits-0": bad_header("table bits", "0", table_bits=0),
    "table-bits-15": bad_header("table bits", "15", table_bits=15),
    "table-bits-17-for-511-bytes": Bad(
        "block header, table bits",
        "17, of a raw size of 511",
        LIMITS,
        lambda: frame(zeros(511, table_bits=17)),
        lambda: frame(zeros(511)),
    ),
    "table-bits-29": Bad(
        "block header, table bits",
        "29, of a raw size of 2^21",
        LIMITS,
        lambda: frame(zeros(1 << 21, table_bits=29), block_size=1 << 21),
        lambda: frame(zeros(1 << 21, table_bits=28), block_size=1 << 21),
    ),
    "payload-larger-than-raw": bad_header("payload size", "104, of a raw size of 100", payload_size=104),
    "payload-not-of-words": bad_header("payload size", "2, no multiple of 4", payload_size=2),
    "payload-below-the-least": Bad(
        "block header, payload size",
        "0, of a raw size of 2^17",
        LIMITS,
        lambda: frame(zeros(1 << 17, b""), block_size=1 << 17),
        lambda: frame(zeros(1 << 17), block_size=1 << 17),
    ),
    "raw-size-0": bad_header("raw size", "0", raw_size=0),
    "raw-size-larger-than-block-size": Bad(
        "block header, raw size",
        "65,537, of a block size of 65,536",
        LIMITS,
        lambda: frame(zeros(65537)),
        lambda: frame(zeros(65536)),
    ),
    "stored-raw-size-0": Bad(
        "block header, raw size", "0, stored", LIMITS, lambda: frame(stored(b"")), noise_frame, at=BLOCK_AT + 5
    ),
    "stored-payload-smaller": Bad(
        "block header, payload size",
        "31, of a raw size of 32, stored",
        LIMITS,
        lambda: frame((replace(stored(NOISE)[0], payload_size=31), NOISE[:31])),
        noise_frame,
    ),
    "stored-payload-larger": Bad(
        "block header, payload size",
        "33, of a raw size of 32, stored",
        LIMITS,
        lambda: frame((replace(stored(NOISE)[0], payload_size=33), NOISE + b"x")),
        noise_frame,
    ),
    "stored-lanes": bad_stored("lanes", "1, stored", lanes=1),
    "stored-table-bits": bad_stored("table bits", "16, stored", table_bits=16),
    "stored-row-length": bad_stored("row length", "2, stored", row_length=2),
    "stored-transform": bad_stored("transform", "x86, stored", transform=block_header.X86),
    "stored-profile": bad_stored("profile", "code, stored", profile=block_header.CODE_PROFILE),
    "prior-profile-records": bad_header(
        "profile", "records, mode 3", mode=block_header.MEMORY_PRIOR, profile=block_header.RECORDS_PROFILE
    ),
    "prior-profile-code": bad_header(
        "profile", "code, mode 3", mode=block_header.MEMORY_PRIOR, profile=block_header.CODE_PROFILE
    ),
    "limits-of-the-second-block": Bad(
        "block header, lanes",
        "0",
        LIMITS,
        lambda: frame(stored(NOISE), zeros(100, lanes=0)),
        lambda: frame(stored(NOISE), zeros(100)),
        number=1,
        content=NOISE,
    ),
    # Payload.
    "cut-after-block-header": cut("payload", PAYLOAD_LENGTH, PAYLOAD_AT, noise_frame),
    "cut-in-payload": cut("payload", PAYLOAD_LENGTH, PAYLOAD_AT + 31, noise_frame),
    "stored-payload-flipped": Bad(
        "payload", "a flipped bit, stored", RAW_CHECKSUM, lambda: flipped(noise_frame(), PAYLOAD_AT + 9), noise_frame
    ),
    "raw-checksum": bad_header("CRC-32 of the raw bytes", "0", RAW_CHECKSUM, raw_crc=0),
    "stored-raw-checksum": bad_stored("CRC-32 of the raw bytes", "0", RAW_CHECKSUM, raw_crc=0),
    "payload-flipped": bad_payload("a flipped bit", USED_UP, SHELLS, lambda words: flipped(words, 20)),
    "payload-flipped-prior": bad_payload(
        "a flipped bit, mode 3", USED_UP, TIMES[:25], lambda words: flipped(words, 4), mode=block_header.MEMORY_PRIOR
    ),
    "payload-of-other-bytes": bad_payload(
        "one for other bytes, of the same size", RAW_CHECKSUM, b"\1" + bytes(9), lambda _: coded(b"\2" + bytes(9))[1]
    ),
    "payload-empty": bad_payload(
        "empty, for bytes that are not zeros", RAW_CHECKSUM, SHELLS, lambda _: b"", PAYLOAD_AT
    ),
    "payload-word-missing": bad_payload("the first word missing", USED_UP, SHELLS, lambda words: words[4:], PAYLOAD_AT),
    "payload-word-too-many": bad_words("a word 1 for zeros: the state left is 1", USED_UP, struct.pack("<I", 1)),
    "payload-words-left": bad_words("25 words for zeros: words are left", USED_UP, struct.pack("<I", 1) * 25),
    "payload-zero-word": bad_words("a zero word, and nothing to fill up", TOP_WORD, bytes(4)),
    "payload-zero-word-behind-others": bad_payload(
        "a zero word behind the others", TOP_WORD, SHELLS, lambda words: words + bytes(4), -container.end_size(1) - 4
    ),
    "payload-padded-too-far": Bad(
        "payload",
        "two zero words, of a raw size of 2^17",
        TOP_WORD,
        lambda: frame(zeros(1 << 17, bytes(8)), block_size=1 << 17),
        lambda: frame(zeros(1 << 17), block_size=1 << 17),
        at=PAYLOAD_AT + 4,
    ),
    # End.
    "cut-before-end": cut("end", BLOCK_LENGTH, PAYLOAD_AT, number=1, content=SOME),
    "cut-after-marker": cut("end, sizes", INDEX_LENGTH, PAYLOAD_AT + 1, content=SOME),
    "cut-in-end-magic": cut("end, magic", INDEX_LENGTH, PAYLOAD_AT + 20, content=SOME),
    "end-marker": Bad(
        "end, marker",
        "1, where the frame has no blocks: a block header",
        BLOCK_LENGTH,
        lambda: head() + end_with(0, b"\1"),
        frame,
        listing=INDEX_NUMBER,
    ),
    "end-magic": Bad(
        "end, magic",
        "damaged",
        END_MAGIC,
        lambda: flipped(some_frame(), -1),
        content=SOME,
        listing=LIST_END,
    ),
    "end-checksum": Bad("end, checksum", "damaged", INDEX_CHECKSUM, lambda: flipped(some_frame(), -5), content=SOME),
    "end-sizes-damaged": Bad(
        "end, sizes",
        "101, behind a checksum of 100",
        INDEX_CHECKSUM,
        lambda: flipped(some_frame(), PAYLOAD_AT + 5),
        content=SOME,
    ),
    "end-number-0": bad_end("number", "0", INDEX_NUMBER, 9, b"\0"),
    "end-number-2": bad_end("number", "2", INDEX_NUMBER, 9, b"\2"),
    "end-number-2-31": bad_end("number", "2^31 + 1", INDEX_NUMBER, 12, b"\x80", LIST_INDEX),
    "end-payload-size": bad_end("sizes", "a payload of 4 bytes instead of 0", INDEX_SIZES, 1, b"\4"),
    "end-raw-size": bad_end("sizes", "101 raw bytes instead of 100", INDEX_SIZES, 5, b"\x65"),
    "end-sizes-of-other-order": Bad(
        "end, sizes",
        "those of block 1 first",
        INDEX_SIZES,
        lambda: head() + body(stored(NOISE), zeros(100)) + end(zeros(100), stored(NOISE)),
        lambda: frame(stored(NOISE), zeros(100)),
        content=NOISE + SOME,
    ),
    "end-of-fewer-blocks": Bad(
        "end, sizes",
        "none, number 0",
        INDEX_LENGTH,
        lambda: some_frame()[:PAYLOAD_AT] + end(),
        content=SOME,
    ),
    "end-of-more-blocks": Bad(
        "end, sizes",
        "those of two blocks, number 2",
        END_MAGIC,
        lambda: some_frame()[:PAYLOAD_AT] + end(zeros(100), zeros(100)),
        content=SOME,
        at=PAYLOAD_AT + 9,
    ),
    # After a frame.
    "trailing-byte": appended("a byte 0", TRAILING, b"\0"),
    "trailing-zeros-and-one-more": appended("zeros to fill up a sector, and one more", TRAILING, bytes(513 - 96)),
    "trailing-zeros-and-text": appended("zeros to fill up a sector, and text", TRAILING, bytes(512 - 96) + SHELLS),
    "trailing-text": appended("text", TRAILING, SHELLS),
    "trailing-lzip-file": appended("a file of lzip", TRAILING, LZIP_FILE),
    "trailing-magic": appended("the magic without its last byte", HEADER_LENGTH, container.MAGIC[:3]),
    "second-frame-cut-in-header": cut("frame header", HEADER_LENGTH, SECOND_AT + 10, two_frames, content=NOISE),
    "second-frame-cut-after-header": cut("block header", BLOCK_LENGTH, SECOND_AT + 22, two_frames, content=NOISE),
    "second-frame-cut-in-payload": cut("payload", PAYLOAD_LENGTH, SECOND_AT + 50, two_frames, content=NOISE),
    "second-frame-cut-in-end": cut("end", INDEX_LENGTH, SECOND_AT + 90, two_frames, content=NOISE * 2),
    "second-frame-magic": Bad(
        "frame header, magic", "damaged", TRAILING, lambda: flipped(two_frames(), SECOND_AT), two_frames, content=NOISE
    ),
    "second-frame-checksum": Bad(
        "frame header, checksum",
        "damaged",
        HEADER_CHECKSUM,
        lambda: flipped(two_frames(), SECOND_AT + 21),
        two_frames,
        content=NOISE,
    ),
    # Claims.
    "claim-of-blocks-of-1-gb": Bad(
        "block header, payload size",
        "0, of raw sizes of 2^30, three times",
        LIMITS,
        lambda: frame(*[(replace(zeros(1)[0], raw_size=1 << 30), b"")] * 3, block_size=1 << 30),
        at=BLOCK_AT + 9,
    ),
    "claim-of-a-block-of-1-gb": Bad(
        "payload",
        "4 bytes of the 32,768 of a raw size of 2^30",
        PAYLOAD_LENGTH,
        lambda: frame((replace(zeros(1)[0], raw_size=1 << 30, payload_size=32768), bytes(4)), block_size=1 << 30)[:47],
        at=-1,
    ),
    "claim-of-a-payload-of-1-gb": Bad(
        "payload",
        "1 byte of the 2^30, stored",
        PAYLOAD_LENGTH,
        lambda: frame(stored(b"x", raw_size=1 << 30, payload_size=1 << 30), block_size=1 << 30)[:44],
        at=-1,
    ),
    "claim-of-an-index-of-4-gb": bad_end("sizes", "2^32 - 1 raw bytes instead of 100", INDEX_SIZES, 5, b"\xff" * 4),
    "claim-of-a-payload-in-the-index": bad_end(
        "sizes", "a payload of 2^32 - 1 bytes instead of 0", INDEX_SIZES, 1, b"\xff" * 4, LIST_SIZES
    ),
    "claim-of-1-tb": Bad(
        "end, sizes",
        "256 times 2^32 - 1 raw bytes, where the frame has no blocks",
        END_MAGIC,
        lambda: head(block_size=1 << 30) + end(*[(replace(zeros(1)[0], raw_size=(1 << 32) - 1), b"")] * 256),
        lambda: frame(block_size=1 << 30),
    ),
}


UNSUPPORTED: dict[str, Bad] = {
    "version-0": bad_head("version", "0", VERSION, 4, b"\0", 0),
    "version-2": bad_head("version", "2", VERSION, 4, b"\2", 2),
    "version-2-and-more": bad_head(
        "version", "2, and flags, block size and model id that there are not", VERSION, 4, b"\2\1" + bytes(12), 2
    ),
    "version-2-in-the-second-frame": Bad(
        "frame header, version",
        "2",
        VERSION,
        lambda: noise_frame() + head(4, b"\2") + noise_frame()[BLOCK_AT:],
        two_frames,
        number=2,
        content=NOISE,
    ),
    "flags-1": bad_head("flags", "1", FLAGS, 5, b"\1", 1),
    "flags-128": bad_head("flags", "128", FLAGS, 5, b"\x80", 128),
    "unknown-model": bad_head("model id", "of no model", MODEL, 10, b"no model", b"no model".hex()),
    "mode-0": bad_header("mode", "0, transform x86: not the end's marker", MODE, 0, mode=0, transform=block_header.X86),
    "mode-4": bad_header("mode", "4", MODE, 4, mode=4),
    "mode-15": bad_header("mode", "15", MODE, 15, mode=15),
    "mode-4-outside-limits": bad_header("mode", "4, and lanes and raw size 0", MODE, 4, mode=4, lanes=0, raw_size=0),
    "profile-3": bad_header("profile", "3", PROFILE, 3, profile=3),
    "profile-4": bad_header("profile", "4", PROFILE, 4, profile=4),
    "profile-5": bad_header("profile", "5", PROFILE, 5, profile=5),
    "profile-6": bad_header("profile", "6", PROFILE, 6, profile=6),
    "profile-7": bad_header("profile", "7", PROFILE, 7, profile=7),
    "stored-profile-3": bad_stored("profile", "3, stored", PROFILE, 3, profile=3),
    "prior-profile-3": bad_header("profile", "3, mode 3", PROFILE, 3, mode=block_header.MEMORY_PRIOR, profile=3),
}

# Files.


def files() -> dict[str, bytes]:
    """All that is written, by its path in this directory: the vectors, what the good ones hold, and README.md."""
    made = {f"good/{name}.lz": good.build() for name, good in GOOD.items()}
    made |= {f"good/{name}.raw": good.content for name, good in GOOD.items() if len(good.content) <= MOST_RAW}
    made |= {f"bad/{name}.lz": bad.build() for name, bad in BAD.items()}
    made |= {f"unsupported/{name}.lz": bad.build() for name, bad in UNSUPPORTED.items()}
    return made | {"README.md": _readme(made).encode()}


README = """# Test vectors

Files for testing a decoder of FORMAT.md, written by `generate.py`, which this table comes from too. Numbers are bytes.

A frame names the model that it was written with: {model}, id `{id}`.

## good

Sound: what `NAME.lz` holds is in `NAME.raw`, unless it is long. Those marked * are too slow for the reference decoder
in the tests; `generate.py --reference` has it read them, in a quarter of an hour.

| file | size | content | what it is |
|---|---|---|---|
{good}

## bad

Damaged. Each fails the check that is named and none before it: checksums before that are those of what is there. The
byte is the first that is wrong, or missing at the end of the file. What is before the damage may be written before it
is noticed, whole blocks only.

| file | size | byte | field: what is wrong | check | exception: message |
|---|---|---|---|---|---|
{bad}

To list frames, they are found from behind by their ends, and other checks come first:

| file | check | exception: message |
|---|---|---|
{listing}

## unsupported

Sound, as far as can be said, but of a version, mode, profile or model that likezip does not have.

| file | size | byte | field: what is wrong | check | exception: message |
|---|---|---|---|---|---|
{unsupported}
"""


def _readme(made: dict[str, bytes]) -> str:
    def good_row(name: str, good: Good) -> str:
        size = len(made[f"good/{name}.lz"])
        return f"| `{name}` | {size:,} | {len(good.content):,} | {good.holds}{' *' if good.slow else ''} |"

    def bad_row(kind: str, name: str, bad: Bad) -> str:
        size, offset = len(made[f"{kind}/{name}.lz"]), bad.offset()
        refused = f"{bad.check.name} | {bad.check.error.__name__}: {bad.message()}"
        return f"| `{name}` | {size:,} | {offset:,} | {bad.field}: {bad.wrong} | {refused} |"

    listed = [(name, bad.listing) for name, bad in BAD.items() if bad.listing is not None]
    return README.format(
        model=_model().path.name,
        id=_model().id.hex(),
        good="\n".join(good_row(*item) for item in GOOD.items()),
        bad="\n".join(bad_row("bad", *item) for item in BAD.items()),
        listing="\n".join(
            f"| `{name}` | {check.name} | {check.error.__name__}: {check.message} |" for name, check in listed
        ),
        unsupported="\n".join(bad_row("unsupported", *item) for item in UNSUPPORTED.items()),
    )


def write() -> None:
    """Write all files, and remove those of names that there are no more."""
    made = files()
    for path in PLACE.glob("*/*.*"):
        if path.suffix in (".lz", ".raw") and path.relative_to(PLACE).as_posix() not in made:
            path.unlink()
    for name, data in made.items():
        (PLACE / name).parent.mkdir(exist_ok=True)
        (PLACE / name).write_bytes(data)
    print(f"{len(made)} files, {sum(map(len, made.values())):,} bytes")


def read_slow_ones() -> None:
    """Have the reference decoder read the good files that take it long."""
    sys.path.insert(0, str(PLACE.parent))
    import reference_decoder

    models = {_model().id: reference_decoder.read_model(_model().path.read_bytes())}
    for name, good in GOOD.items():
        if good.slow:
            begun = time.monotonic()
            assert reference_decoder.decode_file((PLACE / f"good/{name}.lz").read_bytes(), models) == good.content
            print(f"{name}: {len(good.content):,} bytes read in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the test vectors and their table.")
    parser.add_argument("--reference", action="store_true", help="have the slow ones read by the reference decoder")
    arguments = parser.parse_args()
    write()
    if arguments.reference:
        read_slow_ones()
