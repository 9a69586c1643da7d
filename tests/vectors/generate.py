"""Test vectors: sound files, damaged ones, and sound ones that need what this likezip does not have.

``python tests/vectors/generate.py`` writes them and README.md, a line for each, anew: files change only with a break of
the format or a new model.  With ``--reference`` it then has the reference decoder read the sound ones that take too
long for the tests.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import likezip
from likezip.blocks import block_header, code_words, coding, copies, entropy_coder, x86_transform
from likezip.blocks.block_header import BlockHeader, Sealing, Whole
from likezip.blocks.copies import Copy
from likezip.blocks.fields import pack_number
from likezip.blocks.options import PriorChoice
from likezip.blocks.order_zero import OrderZero
from likezip.blocks.parts import LEAST_STRETCH, Part, Stretch
from likezip.blocks.parts import pack as pack_parts
from likezip.blocks.predictor import BlockShape, Decisions, Predictor, pieces_of
from likezip.errors import (
    CorruptError,
    FormatError,
    LikezipError,
    TruncatedError,
    UnknownContextError,
    UnknownModelError,
    UnsupportedError,
)
from likezip.frames import container
from likezip.frames.container import FrameHeader, Index
from likezip.memory.number_layout import NumberLayout
from likezip.memory.profiles import BESIDE_PRIOR, PROFILES
from likezip.prior.network import Network
from likezip.prior.parallel import open_prior

PLACE = Path(__file__).parent
MOST_RAW = 4096
"""Bytes of the longest content that is kept beside its file."""

# What the files are put together from.

Block = tuple[BlockHeader, bytes]
"""A block's header and payload."""


def stored(raw: bytes, **fields: Any) -> Block:
    """A stored block; ``fields`` of its header are replaced."""
    return replace(BlockHeader.stored(len(raw), block_header.checksum(raw)), **fields), raw


def claim(size: int, payload: bytes | None = None, **fields: Any) -> Block:
    """A coded block that claims to have ``size`` zeros, of which only the header is sound; ``fields`` of that are
    replaced.  payload: zeros, as few as there may be, if none is given."""
    payload = bytes(block_header.least_payload(size)) if payload is None else payload
    modelled = 1, 0, block_header.TEXT_PROFILE, 0, block_header.default_table_bits(size - fields.get("spared", 0))
    header = replace(BlockHeader(block_header.MEMORY, *modelled, size, len(payload), None), **fields)
    return replace(header, raw_crc=block_header.checksum(bytes(size)) if header.has_copies else None), payload


def numbers(layout: NumberLayout, row_length: int) -> dict[str, Any]:
    """Fields of the header of a block of numbers."""
    return {"profile": block_header.NUMBERS_PROFILE, "row_length": row_length, "layout": layout}


def coded(
    raw: bytes,
    whole: bytes | None = None,
    primer: bytes = b"",
    endings: tuple[int, ...] | None = None,
    change: Callable[[list[bytes]], bytes] | None = None,
    **fields: Any,
) -> Block:
    """A coded block in the way that ``fields`` of its header say, which need not be one that likezip chooses.

    raw: what is coded; whole: the block's raw bytes, if it has copies; primer: what the predictor learns before;
    endings: the states that a decoder ends in, for each piece ``ending_of`` its bytes if none are given; change: makes
    the payload of the words of the pieces, without the zeros at their ends, in another way than likezip.
    """
    header, _ = claim(len(raw), **fields)
    with_prior, size = header.mode == block_header.MEMORY_PRIOR, len(primer) + len(raw)
    profile = BESIDE_PRIOR if with_prior else PROFILES[header.profile]
    rows = header.row_length, header.piece_bits, header.layout
    shape = BlockShape(size, header.lanes, header.table_bits, profile, *rows)
    start = coding.trained_state_of(_model(), profile.name)
    parts = [x86_transform.to_absolute(part) if header.transform and part else part for part in (primer, raw)]
    known = np.frombuffer(b"".join(parts), np.uint8)
    pieces = pieces_of(len(raw), header.lanes, header.piece_bits)
    if with_prior:
        with open_prior(Network.of(_model().part("prior")), size, shape.used_lanes) as network:
            decisions = _decisions(Predictor(shape, start, network), known, len(primer), pieces)
    elif header.lanes == 0:
        decisions = _decisions(OrderZero(size), known, 0, pieces)
    else:
        decisions = _decisions(Predictor(shape, start), known, len(primer), pieces)
    words = list[bytes]()
    for number, (begin, end) in enumerate(pieces):
        if endings is None:
            words.append(entropy_coder.encode(*decisions[number], block_header.checksum(raw[begin:end])))
        else:
            ones, bits = decisions[number]
            words.append(words_with_ending(ones.tolist(), bits.tolist(), endings[number]))
    size, crc = (len(raw), None) if whole is None else (len(whole), block_header.checksum(whole))
    words = [each.rstrip(b"\0") for each in words]
    payload = change(words) if change else code_words.pack_words(words, size)
    header = replace(header, raw_size=size, raw_crc=crc, payload_size=len(payload))
    return replace(header, spared=size - len(raw), primed=bool(primer)), payload


def _decisions(
    predictor: Predictor | OrderZero, known: npt.NDArray[np.uint8], primed: int, pieces: list[tuple[int, int]]
) -> list[Decisions]:
    """The decisions of each piece of a block behind its primer, ``primed`` bytes."""
    if primed:
        predictor.run(known[:primed])
    return [predictor.run(known[: primed + end]) for _, end in pieces]


def ending_of(raw: bytes) -> int:
    """The state that a decoder of these bytes has to end in."""
    return (1 << 32) + block_header.checksum(raw)


def words_with_ending(ones: list[int], bits: list[int], state: int) -> bytes:
    """The words of bits, with P(1) = ones / 65536, from which a decoder ends in any ``state``, as FORMAT.md says."""
    words = []
    for one, bit in zip(reversed(ones), reversed(bits), strict=True):
        split = ((65536 - one) * (2**24 - 2) >> 16) + 1
        base, size = (split, 2**24 - split) if bit else (0, split)
        if state >> 40 >= size:
            words.append(state % 2**32)
            state >>= 32
        state = (state // size << 24) + state % size + base
    return struct.pack(f"<{len(words)}I", *words) + state.to_bytes(8, "little")


Parts = tuple[bytes | tuple[int, int], ...]
"""What a block with copies is made of: literals; and for each copy, where its source begins, counted from the beginning
of the block and so negative before it, and its length."""


def filled_in(parts: Parts, before: bytes = b"") -> bytes:
    """The raw bytes of a block of these parts; before: the context, and the content of the blocks before."""
    raw = bytearray(before)
    for part in parts:
        if isinstance(part, bytes):
            raw += part
        else:
            for place in range(len(before) + part[0], len(before) + sum(part)):
                raw.append(raw[place])
    return bytes(raw[len(before) :])


def copying(parts: Parts, before: bytes = b"", *, context: bytes = b"", **others: Any) -> Block:
    """A block of these parts, stored, or coded in the way that ``others`` say; before: the content of the blocks
    before."""
    raw, place, found = filled_in(parts, context + before), 0, []
    for part in parts:
        if isinstance(part, tuple):
            found.append(Copy(place, part[1], place - part[0]))
        place += len(part) if isinstance(part, bytes) else part[1]
    return with_list(copies.pack(found, raw, len(context)), raw, **others)


def with_list(what: bytes, raw: bytes, **others: Any) -> Block:
    """A block with copies that is coded as a list of them and literals, ``what``; the same otherwise."""
    if len(what) >= len(raw):
        raise ValueError("a block with copies has to be smaller by them")
    if others:
        return coded(what, raw, **others)
    header = BlockHeader.stored(len(raw), block_header.checksum(raw), len(raw) - len(what))
    return header, filled(what, header.payload_size)


def listed(*numbers: int) -> bytes:
    """A list of copies, of which there are three numbers each."""
    return b"".join(map(long_number, numbers))


def long_number(value: int, size: int = 1) -> bytes:
    """A number of such a list, in ``size`` bytes at least."""
    size = max(size, -(-value.bit_length() // 7))
    return bytes(value >> 7 * i & 127 | 128 * (i < size - 1) for i in range(size))


Stretches = tuple[tuple[int, bytes], ...]
"""What a block in parts is made of: for each stretch its part and its bytes."""
Way = dict[str, Any] | None
"""How a part is coded: fields of its header, as ``coded`` takes them, or None if it is stored."""


def joined(stretches: Stretches) -> bytes:
    """The coded bytes of a block of these stretches."""
    return b"".join(piece for _, piece in stretches)


def in_parts(stretches: Stretches, *ways: Way, whole: bytes | None = None) -> Block:
    """A block of these stretches, whose parts are coded in these ways; whole: its raw bytes, if it has copies."""
    contents = [joined(tuple(one for one in stretches if one[0] == part)) for part in range(len(ways))]
    found = [stored(raw) if way is None else coded(raw, **way) for raw, way in zip(contents, ways, strict=True)]
    places, begin = [], 0
    for part, piece in stretches:
        places.append(Stretch(part, begin, begin + len(piece)))
        begin += len(piece)
    whole = joined(stretches) if whole is None else whole
    return of_parts(pack_parts([Part(*block) for block in found], places, len(whole)), whole, len(whole) - begin)


def of_parts(payload: bytes, whole: bytes, spared: int = 0) -> Block:
    """A block in parts with this payload."""
    return BlockHeader.in_parts(Whole.of(whole), len(payload), spared), payload


def copying_in_parts(parts: Parts, *ways: Way, before: bytes = b"") -> Block:
    """A block of ``parts``, literals and copies, that is coded in two parts, of which the first has 1024 bytes; before:
    the content of the blocks before."""
    return in_two_parts(copying(parts, before)[1], filled_in(parts, before), *ways)


def in_two_parts(what: bytes, whole: bytes, *ways: Way) -> Block:
    """A block of ``whole`` that is coded as ``what``, in two parts, of which the first has 1024 bytes."""
    return in_parts(((0, what[:LEAST_STRETCH]), (1, what[LEAST_STRETCH:])), *ways, whole=whole)


def frame(*blocks: Block, **start: Any) -> bytes:
    """A frame of several blocks, which are these; its index says what their headers say.  start: as for ``head``."""
    return head(**start) + body(*blocks) + end(*blocks, **start)


def head(
    at: int = 0, value: bytes = b"", *, block_size: int = container.MIN_BLOCK, window: int = 0, context: bytes = b""
) -> bytes:
    """The header of a frame of several blocks, with ``value`` at byte ``at`` and a checksum that fits it; window: its
    log2."""
    header = FrameHeader.of(block_size, _model().id, window_bits=window, context_id=_id(context))
    return sealed(put(header.packed[:-4], at, value))


def _id(context: bytes) -> bytes:
    """The id of a context, nothing for none."""
    return hashlib.sha256(context).digest()[:4] if context else b""


def body(*blocks: Block, first: int = 0) -> bytes:
    """Headers and payloads of blocks of a frame of several, numbered from ``first``."""
    return b"".join(header.pack(Sealing.numbered(first + i)) + payload for i, (header, payload) in enumerate(blocks))


def end(*blocks: Block, **start: Any) -> bytes:
    """The end of a frame of these blocks; start: as for ``head``."""
    entries = [(len(header.pack(Sealing.numbered(0))) + header.payload_size, header.raw_size) for header, _ in blocks]
    return Index(len(head(**start)), tuple(entries)).pack()


def end_with(at: int, value: bytes, *blocks: Block) -> bytes:
    """The end of a frame of these blocks, with ``value`` at its byte ``at`` and a checksum that fits it."""
    return sealed(put(end(*blocks)[:-8], at, value)) + container.END_MAGIC


def alone(*blocks: Block, start: bytes | None = None, context: bytes = b"") -> bytes:
    """A frame of one block, or of none; start: its frame header."""
    start = _start(context) if start is None else start
    if not blocks:
        return start + sealed_shortly(b"\0", start)
    header, payload = blocks[0]
    return start + header.pack(Sealing(start, short=True)) + payload


def sealed(fields: bytes, before: bytes = b"") -> bytes:
    """Fields and their checksum, CRC-32, which covers something before them, too."""
    return fields + struct.pack("<I", block_header.checksum(before + fields))


def sealed_shortly(fields: bytes, before: bytes) -> bytes:
    """Fields and their checksum, CRC-16."""
    return fields + Sealing(before, short=True).check(fields)


def forged(fields: bytes, payload: bytes = b"", **start: Any) -> bytes:
    """A frame of several blocks, of one whose header has these fields and a checksum that fits them; start: as for
    ``head``."""
    block = sealed(fields, bytes(8)) + payload
    return head(**start) + block + Index(len(head(**start)), ((len(block), 1),)).pack()


def forged_alone(fields: bytes, payload: bytes = b"") -> bytes:
    """The same in a frame of one block."""
    return _start() + sealed_shortly(fields, _start()) + payload


def number(value: int, size: int = 0) -> bytes:
    """A number in its shortest form, or in ``size`` bytes."""
    return (value << 2 | size - 1).to_bytes(size, "little") if size else pack_number(value)


def packed_shape(lanes: int, table_bits: int, piece_bits: int = block_header.PIECE_BITS) -> bytes:
    """The field that says so."""
    pieced = piece_bits != block_header.PIECE_BITS
    shape = lanes - (table_bits > 0) | pieced << 10 | table_bits << 11
    return struct.pack("<H", shape) + bytes([piece_bits] * pieced)


def filled(data: bytes, size: int) -> bytes:
    """``data`` and zeros, at least ``size`` bytes together."""
    return data + bytes(max(0, size - len(data)))


def put(data: bytes, at: int, value: bytes) -> bytes:
    """``data`` with ``value`` in place of what is at byte ``at``."""
    return data[:at] + value + data[at + len(value) :]


def flipped(data: bytes, at: int) -> bytes:
    """``data`` with the lowest bit of byte ``at`` flipped, from behind if that is negative."""
    at %= len(data)
    return put(data, at, bytes([data[at] ^ 1]))


def _start(context: bytes = b"") -> bytes:
    """The header of a frame of one block or none."""
    return FrameHeader.of(None, _model().id, context_id=_id(context)).packed


def _model() -> likezip.Model:
    return likezip.load_model("likezip-2")


# Contents.

GOLDEN_TEXT = b"""Golden frames: the reference decoder reads them, and likezip still writes the same bytes.

``python tests/test_golden.py`` writes them anew, which is a break of the format or a new model.
"""
LONG_NOISE = b"".join(hashlib.sha256(b"noise %d" % i).digest() for i in range(19))
SHELLS = b"She sells sea shells by the sea shore; the shells she sells are sea shells. "
MANY_SHELLS = (SHELLS * 922)[:70000]
TIMES = b"It was the best of times, it was the worst of times, it was the age of wisdom."
NOISE = hashlib.sha256(b"noise").digest()
LOG = b"".join(b"12:%02d:%02d host app[%d]: request %x done\n" % (i // 60, i % 60, i % 7, i * i) for i in range(60))
ROWS = b"".join(i.to_bytes(2, "little") + (i * 37 % 1000).to_bytes(4, "big") + b"\xff\0" for i in range(300))
IN_LANES = (GOLDEN_TEXT + SHELLS * 4 + GOLDEN_TEXT.upper() + TIMES + LOG[:300] + GOLDEN_TEXT * 3)[:1600]


ENDINGS = SHELLS[:40], SHELLS[:22], SHELLS[:15], SHELLS[:12]
"""Their last code words have 1, 2, 3 and 4 bytes."""


def _code() -> bytes:
    """Calls and jumps back and forth to eight functions, with something between them; at the end operands overlap."""
    code = bytearray(b"\x7fELF")
    for i in range(60):
        distance = (i * 3 % 8) * 50 - len(code)
        code += bytes([0x55 + i % 3, 0xE9 if i % 5 == 0 else 0xE8]) + distance.to_bytes(4, "little", signed=True)
    return bytes(code) + b"\xe8\xe8\x00\x00\x00\xff\x00\xe9\x01\x00\x00"


CODE = _code()
PIXELS = bytes(
    (60 + 5 * x + 4 * y + 30 * colour + (x * y * 31 + colour * 17 >> 4) % 5) % 256
    for y in range(12)
    for x in range(20)
    for colour in range(3)
)


def wave(dtype: str, count: int) -> bytes:
    """Numbers that go up and down, half of them below 0."""
    steps = np.arange(count)
    return ((abs(steps * 7 % 120 - 60) - 30) * 16 + steps % 3).astype(dtype).tobytes()


THIRD: Parts = (b"First ", (3 - 108, 28), (42 - 108, 50), b", then ", (-108, 20), (32 - 108, 76), b"!")
"""A block behind NOISE and SHELLS; copies stand side by side."""
FOURTH: Parts = ((84 - 188, 7), b"; the end: ", (-188, 6))
"""A block behind THIRD, of 188 bytes, with copies of its literals."""
RUNS: Parts = (b"<ab", (1, 501), b"=", (504, 40), b">12345", (545, 6), b"cdefgh", (557, 6))
"""Runs: of two bytes and of one; and copies that are not, but nearly."""
TWICE: Parts = (SHELLS, b"Once more: ", (0, 76), b"and ", (4, 8), b"!")
CODE_TWICE: Parts = (CODE, (100, 200), CODE[:50], (0, 90))
COPIED: Parts = (NOISE + b"-", (0, 32), b"+")
"""The block that most with a wrong list of copies come from: listed(33, 32, 66) and 34 literals."""
BEFORE_ALL: Parts = ((-20, 20), b"; ", (0 - 78, 30), b"!", (-78, 78))
"""A block with copies of TIMES as context, which is 78 bytes long: of its end, its beginning, and all of it."""
AFTER_NOISE: Parts = (b"(", (-30, 30), (8 - 110, 70), b"and", (-110, 10), (-32, 31), b")")
"""A block with copies of TIMES as context and of NOISE before it."""
PRIMED: Parts = (b"They say it was the worst, ", (-108, 40), b"and she ", (-30, 29), b" twice.")
"""The same of TIMES and 30 bytes."""
FIRST: Parts = (NOISE, (0, 65536 - 32))
"""A block of 65,536 bytes, of which the first 32 are literals."""
LONG_COPY: Parts = (b"abc", (0, (1 << 19) - 3))
"""A block of 2^19 bytes whose list and literals have 6 bytes, where the payload has at least 8."""
ZERO_AT_THE_END: Parts = (b"abc\0", (0, (1 << 19) - 4))
"""The same of 7 bytes, of which the last is a zero."""
FULL: Parts = (b"abcde", (0, (1 << 19) - 5))
"""The same of 8 bytes."""

PIECE_BITS = block_header.MIN_PIECE_BITS
IN_PIECES = bytes(1536)
"""The fewest bytes that are two pieces of 10 piece bits in one lane."""
E = (b" e" * 385)[:769]
"""The fewest bytes that are two pieces in any lanes, so alike that even 513 of them code it in fewer bytes."""
CODE_IN_PIECES = b"ab" + CODE * 5
"""With an operand that begins in the first piece, of 1024 bytes, and ends in the second."""
COPIED_IN_PIECES: Parts = (LOG[:1600], (40, 500), b"end")
LONG_COPY_IN_PIECES: Parts = (IN_PIECES, (0, (1 << 22) - 1536))
"""A block of 2^22 bytes whose payload has 64 bytes at least; the words of its two pieces are fewer."""

ZEROS = bytes(LEAST_STRETCH)
TWO: Stretches = ((0, ZEROS), (1, NOISE))
"""What most blocks in parts are made of: zeros, coded, and noise, stored."""
THREE: Stretches = ((0, ZEROS), (1, b"\1" * 1100), (0, ZEROS + b"\2"), (1, b"\3" * 1024), (2, NOISE))
"""The same, but three parts, of which two come twice."""
SIXTEEN: Stretches = (*((i * 5 % 16, bytes([i]) * LEAST_STRETCH) for i in range(15)), (11, b"last"))
"""Stretches of 16 parts, each of another byte; the last is stored."""
COPIES_IN_PARTS: Parts = (ZEROS, NOISE, (LEAST_STRETCH, 32), b"+", (0, 700))
"""A block with copies that is coded in two parts: the list of copies and most of the zeros, and the other literals."""
AFTER_NOISE_IN_PARTS: Parts = ((-32, 32), ZEROS, NOISE)
"""The same, of which the first bytes are those of NOISE before it."""
LONG_COPY_IN_PARTS: Parts = (ZEROS, b"abc", (LEAST_STRETCH, (1 << 21) - LEAST_STRETCH - 3))
"""A block of 2^21 bytes whose payload in parts has less than 32 bytes, as many as it has at least."""

# Sound files.


@dataclass(frozen=True)
class Good:
    """A sound file: what it holds in words and bytes, and how it is built.

    slow: the reference decoder takes so long that only ``generate.py --reference`` has it read the file.  context: of
    its frames that name one.
    """

    holds: str
    content: bytes
    build: Callable[[], bytes]
    slow: bool = False
    context: bytes = b""


def written(holds: str, content: bytes, lanes: int | None, prior: PriorChoice) -> Good:
    """A file as likezip writes it."""
    return Good(holds, content, lambda: likezip.compress(content, lanes=lanes, prior=prior))


def one_coded(holds: str, raw: bytes, **fields: Any) -> Good:
    """A frame with one coded block, in a way that likezip does not choose by itself."""
    return Good(holds, raw, lambda: alone(coded(raw, **fields)))


def one_primed(holds: str, raw: bytes, context: bytes, **fields: Any) -> Good:
    """A frame with one primed block."""
    return Good(holds, raw, lambda: alone(coded(raw, primer=context, **fields), context=context), context=context)


def one_copying(holds: str, parts: Parts, **others: Any) -> Good:
    """A frame with one block of these parts."""
    return Good(holds, filled_in(parts), lambda: alone(copying(parts, **others)))


def one_in_parts(holds: str, stretches: Stretches, *ways: Way) -> Good:
    """A frame with one block of these stretches."""
    return Good(holds, joined(stretches), lambda: alone(in_parts(stretches, *ways)))


def _copies_of_parts() -> bytes:
    """Three blocks, of which the second is in parts and begins with a copy of the first, and the third is a copy of the
    second's last stretch."""
    before = NOISE + filled_in(AFTER_NOISE_IN_PARTS, NOISE)
    middle = copying_in_parts(AFTER_NOISE_IN_PARTS, {}, None, before=NOISE)
    return frame(stored(NOISE), middle, copying(((-32, 32),), before), window=16)


def _copies_of_earlier_blocks() -> bytes:
    before = NOISE + SHELLS
    third = copying(THIRD, before)
    before += filled_in(THIRD, before)
    return frame(stored(NOISE), coded(SHELLS), third, copying(FOURTH, before), window=16)


def _with_fourth(before: bytes) -> bytes:
    before += filled_in(THIRD, before)
    return before + filled_in(FOURTH, before)


def two_frames() -> bytes:
    """Two frames of several blocks, of a stored one each; the second begins at SECOND_AT."""
    return noise_frame() + noise_frame()


def noise_frame() -> bytes:
    """A frame of several blocks, of a stored one."""
    return frame(stored(NOISE))


def _named() -> bytes:
    """The header of a frame of one block or none that has the model's id."""
    return put(_start(), 4, bytes([container.VERSION])) + _model().id


def _named_frame(*blocks: Block) -> bytes:
    """A frame of several blocks that has the model's id."""
    fields = head()[:BLOCK_SIZE_AT]
    start = sealed(put(fields, 4, bytes([fields[4] & 15])) + _model().id + pack_number(container.MIN_BLOCK - 1))
    entries = Index.parse(end(*blocks)).entries
    return start + body(*blocks) + Index(len(start), entries).pack()


def _named_with(context: bytes) -> bytes:
    """The header of a frame of one block or none that has the ids of the model and of a context."""
    return put(_start(), 4, bytes([container.VERSION | 0x10])) + _model().id + _id(context)


def _flushed() -> bytes:
    compressor = likezip.LikezipCompressor(block_size=container.MIN_BLOCK, prior="off")
    return compressor.compress(NOISE) + compressor.flush(compressor.FLUSH_BLOCK) + compressor.flush()


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
    "numbers-in-lanes": written("records of 8 bytes in 3 lanes, profile numbers", ROWS, 3, "off"),
    "code": written("calls and jumps in 2 lanes, profile code, transform x86", CODE, 2, "off"),
    "numbers": written("a picture of 20 x 12 pixels of 3 bytes, profile numbers", PIXELS, 1, "off"),
    "zeros": written("1001 zeros in 4 lanes", bytes(1001), 4, "off"),
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
        "70,000 bytes in blocks of 65,536, a frame of several",
        MANY_SHELLS,
        lambda: likezip.compress(MANY_SHELLS, block_size=65536, prior="off"),
        slow=True,
    ),
    "repeats": Good(
        "70,000 bytes in a frame of one block, most of them a copy",
        MANY_SHELLS,
        lambda: likezip.compress(MANY_SHELLS, prior="off"),
    ),
    "a-long-run": Good(
        "2^19 bytes, all but two of them a copy; two zeros behind the 6 stored",
        b"ab" * (1 << 18),
        lambda: likezip.compress(b"ab" * (1 << 18), prior="off"),
    ),
    "with-a-context": Good(
        "a text that has a line more than the context",
        GOLDEN_TEXT + SHELLS + GOLDEN_TEXT,
        lambda: likezip.compress(GOLDEN_TEXT + SHELLS + GOLDEN_TEXT, prior="off", context=GOLDEN_TEXT * 2),
        context=GOLDEN_TEXT * 2,
    ),
    "noise-with-a-context": Good(
        "600 bytes of noise, of which the context has all but one in the middle",
        LONG_NOISE[:299] + b"x" + LONG_NOISE[300:600],
        lambda: likezip.compress(LONG_NOISE[:299] + b"x" + LONG_NOISE[300:600], prior="off", context=LONG_NOISE[:600]),
        context=LONG_NOISE[:600],
    ),
    "flushed": Good("32 bytes of noise, flushed, and nothing behind: one block in a frame of several", NOISE, _flushed),
    # Legal, but not what likezip writes.
    "no-blocks-of-several": Good("a frame of several blocks, of which there is none", b"", frame),
    "model-id": Good(
        "a frame of one block with the id of likezip-2 instead of its number",
        NOISE,
        lambda: alone(stored(NOISE), start=_named()),
    ),
    "model-id-of-several": Good(
        "a frame of several blocks with the id of likezip-2 instead of its number",
        NOISE + bytes(20),
        lambda: _named_frame(stored(NOISE), coded(bytes(20))),
    ),
    "two-frames": Good(
        "two frames of several blocks, one after the other",
        NOISE + b"and " + bytes(20),
        lambda: frame(stored(NOISE)) + frame(stored(b"and "), coded(bytes(20))),
    ),
    "frames-of-one-and-of-several-blocks": Good(
        "frames of one block, of several, of one, of none, of several and of one",
        b"one, " + NOISE + bytes(20) + b"two, " + NOISE + b"three",
        lambda: b"".join(
            [
                alone(stored(b"one, ")),
                frame(stored(NOISE), coded(bytes(20))),
                alone(stored(b"two, ")),
                alone(),
                frame(stored(NOISE)),
                alone(stored(b"three")),
            ]
        ),
    ),
    "empty-frames": Good(
        "frames without blocks before, between and behind two others",
        b"one, two",
        lambda: alone() + frame(stored(b"one, ")) + frame() + alone() + alone(stored(b"two")) + frame() + alone(),
    ),
    "a-file-in-a-file": Good(
        "a stored block that is a whole file of a frame of several blocks",
        two_frames(),
        lambda: alone(stored(two_frames())),
    ),
    "trailing-zeros": Good(
        "a frame and zeros to fill up a sector", NOISE[:31], lambda: filled(alone(stored(NOISE[:31])), 512)
    ),
    "trailing-zero": Good("a frame and a zero", NOISE[:31], lambda: alone(stored(NOISE[:31])) + b"\0"),
    "trailing-zeros-behind-several": Good(
        "a frame of several blocks and zeros to fill up a sector", NOISE, lambda: filled(frame(stored(NOISE)), 512)
    ),
    "zeros-between-frames": Good(
        "frames of one block and of several, each with zeros behind it",
        NOISE + b"and" + b"zeros\0\0\0\0" + b"behind",
        lambda: b"".join(
            [
                frame(stored(NOISE)) + bytes(3),
                alone(stored(b"and")) + bytes(4),
                alone(stored(b"zeros\0\0\0\0")) + bytes(4),
                frame(stored(b"behind")) + bytes(4),
            ]
        ),
    ),
    "blocks-of-different-sizes": Good(
        "five blocks of every mode, none as long as the block size",
        SHELLS + b"x" + bytes(7) + b"Once upon a time" + NOISE,
        lambda: frame(
            coded(SHELLS),
            stored(b"x"),
            coded(bytes(7)),
            coded(b"Once upon a time", mode=block_header.MEMORY_PRIOR),
            stored(NOISE),
        ),
    ),
    "records-in-a-frame-of-several": Good(
        "all fields of a block's header, in a frame of several blocks",
        ROWS[:400],
        lambda: frame(coded(ROWS[:400], profile=block_header.RECORDS_PROFILE, row_length=8, lanes=3, transform=1)),
    ),
    "block-size-2-30": Good(
        "the largest block size, of several", NOISE, lambda: frame(stored(NOISE), block_size=container.MAX_BLOCK)
    ),
    "prior-asleep": one_coded(
        "a sentence more than twice with the prior, which sleeps through most of what repeats",
        TIMES * 2 + TIMES[:40] + b"; but never the best of times",
        mode=block_header.MEMORY_PRIOR,
    ),
    "prior-more-lanes-than-bytes": one_coded(
        "16 bytes with the prior in 1024 lanes", b"Once upon a time", mode=block_header.MEMORY_PRIOR, lanes=1024
    ),
    "table-bits-16": one_coded("a table of 16 bits where likezip takes 18", LOG, table_bits=16),
    "table-bits-17": one_coded("512 bytes and a table of 17 bits, as large as may be", LOG[:512], table_bits=17),
    "table-bits-28": Good(
        "2^20 zeros and a table of 28 bits, as large as may be; zeros behind the words",
        bytes(1 << 20),
        lambda: alone(coded(bytes(1 << 20), table_bits=28)),
        slow=True,
    ),
    "table-bits-25": Good(
        "2^17 zeros and a table of 25 bits, as large as may be",
        bytes(1 << 17),
        lambda: alone(coded(bytes(1 << 17), table_bits=25)),
        slow=True,
    ),
    "prior-lanes-not-named": Good(
        "2^15 zeros with the prior; lanes and table bits are not named: 2 and 22",
        bytes(1 << 15),
        lambda: alone(coded(bytes(1 << 15), mode=block_header.MEMORY_PRIOR, lanes=2)),
        slow=True,
    ),
    "payloads-of-every-length": Good(
        "blocks of which the last words have 1, 2, 3 and 4 bytes",
        b"".join(ENDINGS),
        lambda: frame(*map(coded, ENDINGS)),
    ),
    "payload-as-long-as-raw": one_coded("11 bytes that could be stored as well, coded", SHELLS[:11]),
    "payload-2-longer-than-raw": one_coded("9 bytes whose code words have 11, as many as may be", SHELLS[:9]),
    "payload-2-longer-than-line-ends": one_coded(
        "4 ends of lines whose code words have 6; fewer can't be coded", b"\n" * 4
    ),
    "records": one_coded(
        "records of 8 bytes in 3 lanes, profile records",
        ROWS,
        profile=block_header.RECORDS_PROFILE,
        row_length=8,
        lanes=3,
    ),
    "row-length-2": one_coded("rows of 2 bytes", ROWS[:400], profile=block_header.RECORDS_PROFILE, row_length=2),
    "row-length-64": one_coded("rows of 64 bytes", LOG[:400], profile=block_header.RECORDS_PROFILE, row_length=64),
    "row-length-65535": one_coded(
        "rows longer than the block", ROWS[:400], profile=block_header.RECORDS_PROFILE, row_length=65535
    ),
    "records-in-lines": one_coded(
        "profile records with lines as rows", LOG[:400], profile=block_header.RECORDS_PROFILE, lanes=2
    ),
    "code-without-transform": one_coded(
        "profile code, no transform", CODE, profile=block_header.CODE_PROFILE, row_length=6
    ),
    "numbers-in-rows": one_coded(
        "profile numbers, of a byte, rows of 20 bytes, 3 lanes", PIXELS[::3], **numbers(NumberLayout(1, 1), 20), lanes=3
    ),
    "numbers-2-big-endian": one_coded(
        "numbers of 2 bytes, big endian, in 2 channels, after 1 byte",
        b"x" + wave(">i2", 160),
        **numbers(NumberLayout(2, 2, 1, big_endian=True), 4),
    ),
    "numbers-4-float": one_coded(
        "floats of 4 bytes in rows of 44 bytes",
        wave("<f4", 110),
        **numbers(NumberLayout(1, 4, is_float=True), 44),
    ),
    "numbers-4-float-big-endian": one_coded(
        "floats of 4 bytes, big endian, in 3 channels, after 2 bytes",
        b"xy" + wave(">f4", 90),
        **numbers(NumberLayout(3, 4, 2, big_endian=True, is_float=True), 12),
    ),
    "numbers-8": one_coded(
        "numbers of 8 bytes after 5", b"12345" + wave("<i8", 40), **numbers(NumberLayout(1, 8, 5), 8)
    ),
    "numbers-8-big-endian": one_coded(
        "numbers of 8 bytes, big endian, rows of 80 bytes",
        wave(">i8", 40),
        **numbers(NumberLayout(1, 8, big_endian=True), 80),
    ),
    "numbers-128-channels": one_coded(
        "floats of 8 bytes in as many channels as may be, rows longer than the block, transform x86",
        CODE,
        **numbers(NumberLayout(128, 8, 7, big_endian=True, is_float=True), 65535),
        transform=block_header.X86,
    ),
    "numbers-in-lines": one_coded("numbers of a byte, lines as rows", LOG[:300], **numbers(NumberLayout(2, 1), 0)),
    "text-with-transform": one_coded("profile text, transform x86", CODE, transform=block_header.X86),
    "prior-with-transform": one_coded(
        "the prior, transform x86, 3 lanes",
        CODE[-35:],
        mode=block_header.MEMORY_PRIOR,
        transform=block_header.X86,
        lanes=3,
    ),
    # Pieces.
    "pieces": one_coded("three pieces of lines in one lane", LOG + LOG[:300], piece_bits=PIECE_BITS),
    "pieces-in-lanes": one_coded(
        "two pieces of text in 3 lanes, the first of 1,023 bytes", IN_LANES, lanes=3, piece_bits=PIECE_BITS
    ),
    "pieces-of-records": one_coded(
        "two pieces of records in 2 lanes", (ROWS * 2)[:3072], profile=1, row_length=8, lanes=2, piece_bits=11
    ),
    "pieces-with-fewer-bytes-than-lanes": one_coded(
        "two pieces in 513 lanes, the second of 256 bytes", E, lanes=513, piece_bits=PIECE_BITS
    ),
    "pieces-with-transform": one_coded(
        "two pieces of code in 2 lanes, transform x86; an operand is in both",
        CODE_IN_PIECES,
        profile=block_header.CODE_PROFILE,
        transform=block_header.X86,
        lanes=2,
        piece_bits=PIECE_BITS,
    ),
    "pieces-with-the-prior": one_coded(
        "two pieces with the prior in 513 lanes, the second of 256 bytes",
        E,
        mode=block_header.MEMORY_PRIOR,
        lanes=513,
        piece_bits=PIECE_BITS,
    ),
    "pieces-with-the-prior-in-2-lanes": Good(
        "two pieces of text with the prior in 2 lanes",
        IN_LANES[:1540],
        lambda: alone(
            coded(IN_LANES[:1540], mode=block_header.MEMORY_PRIOR, lanes=2, table_bits=18, piece_bits=PIECE_BITS)
        ),
        slow=True,
    ),
    "pieces-primed": one_primed(
        "two pieces of a primed block, counted from behind the context", LOG[600:2200], LOG[:700], piece_bits=PIECE_BITS
    ),
    "pieces-with-copies": one_copying("copies, coded in two pieces", COPIED_IN_PIECES, piece_bits=PIECE_BITS),
    "pieces-filled-up": one_copying(
        "2^22 bytes, most of them a copy, coded in two pieces; zeros behind the words of the second",
        LONG_COPY_IN_PIECES,
        piece_bits=PIECE_BITS,
    ),
    "pieces-of-parts": one_in_parts(
        "two parts: lines in two pieces and 2 lanes, and noise, stored",
        ((0, LOG[:1600]), (1, NOISE)),
        {"lanes": 2, "piece_bits": PIECE_BITS},
        None,
    ),
    "piece-bits-30": one_coded("a sentence, pieces of 2^30 bytes", SHELLS, piece_bits=block_header.MAX_PIECE_BITS),
    # Order zero.
    "order-zero": written("600 random hexadecimal digits, at order zero", LONG_NOISE[:300].hex().encode(), None, "off"),
    "order-zero-in-pieces": one_coded(
        "two pieces at order zero", LONG_NOISE.hex().encode() * 2, lanes=0, table_bits=0, piece_bits=PIECE_BITS
    ),
    "order-zero-in-lines": written(
        "300 random bytes in base64, in lines, at order zero", base64.encodebytes(LONG_NOISE[:300]), None, "off"
    ),
    "order-zero-in-empty-lines": one_coded(
        "newlines, then letters, at order zero", b"\n\n\nab\n\ncd\n" * 9, lanes=0, table_bits=0
    ),
    "order-zero-with-transform": one_coded(
        "order zero, transform x86", CODE, lanes=0, table_bits=0, transform=block_header.X86
    ),
    "order-zero-with-copies": one_copying(
        "copies, at order zero", (SHELLS[:70], (5, 60), b"end"), lanes=0, table_bits=0
    ),
    # Copies.
    "copies-of-earlier-blocks": Good(
        "four blocks; the last two, stored, have copies of those before, side by side, and to the end",
        _with_fourth(NOISE + SHELLS),
        _copies_of_earlier_blocks,
    ),
    "copies-within-a-block": one_copying("copies of bytes of the same block, stored", TWICE),
    "copies-that-repeat": one_copying("copies that repeat themselves, stored", RUNS),
    "copies-side-by-side": one_copying("a block that ends in three copies, stored", (NOISE, (9, 20), (0, 32), (8, 9))),
    "copy-of-all-the-rest": Good(
        "a block that is one copy of the block before",
        NOISE * 2,
        lambda: frame(stored(NOISE), copying(((-32, 32),), NOISE), window=16),
    ),
    "copies-coded": one_copying("copies of bytes of the same block, coded", TWICE, mode=block_header.MEMORY),
    "copies-coded-in-lanes": one_copying("the same in 3 lanes", TWICE, lanes=3),
    "copies-coded-with-the-prior": one_copying(
        "copies, coded with the prior", (TIMES[:40], (10, 20), b"end"), mode=block_header.MEMORY_PRIOR
    ),
    "copies-coded-with-transform": one_copying(
        "copies, profile code, transform x86",
        CODE_TWICE,
        profile=block_header.CODE_PROFILE,
        transform=block_header.X86,
    ),
    "copies-coded-as-zeros": one_copying(
        "511 bytes, coded as 58 zeros and a list of copies, and a table of 16 bits, as large as may be",
        (bytes(58), (0, 453)),
        table_bits=16,
        lanes=2,
    ),
    "copies-padded": one_copying(
        "2^21 bytes, most of them a copy, coded; zeros behind the words",
        (TIMES[:40], (0, (1 << 21) - 40)),
        mode=block_header.MEMORY,
    ),
    "copies-padded-by-a-byte": one_copying(
        "6 2^18 bytes, the same, but one zero behind the words",
        (TIMES[:40], (0, (6 << 18) - 40)),
        mode=block_header.MEMORY,
    ),
    "copies-payload-2-longer-than-the-least": one_copying(
        "2^21 bytes, coded as 24 in 34: 2 more than the least, as many as may be",
        (NOISE[:21], (0, (1 << 21) - 21)),
        mode=block_header.MEMORY,
    ),
    "source-a-copy": one_copying("a copy of all of the copy before", (NOISE + b"-", (0, 32), b"+", (33, 32))),
    "source-into-a-copy": one_copying(
        "a copy of literals and bytes of another", (NOISE + b"-", (0, 32), b"+", (20, 20))
    ),
    "source-out-of-a-copy": one_copying(
        "a copy of bytes of another and literals", (NOISE + b"-", (0, 9), b"plus", (40, 5))
    ),
    "source-around-a-copy": one_copying(
        "a copy of another and of literals around it", (NOISE, (0, 9), b"plus", (30, 14))
    ),
    "source-all-before-with-a-copy": one_copying(
        "a copy that repeats all up to itself, another copy included", (NOISE + b"-", (0, 9), b"plus", (20, 60))
    ),
    "source-a-run-of-a-copy": one_copying("a copy that repeats the last byte of another", (NOISE, (0, 9), (40, 60))),
    "source-first-a-copy": Good(
        "two blocks; the second begins with a copy of the first, and has a copy of that",
        NOISE + filled_in(((-32, 20), b"+", (0, 9)), NOISE),
        lambda: frame(stored(NOISE), copying(((-32, 20), b"+", (0, 9)), NOISE), window=16),
    ),
    "copies-stored-filled-up": one_copying("2^19 bytes, most of them a copy; two zeros behind the 6 stored", LONG_COPY),
    "copies-stored-filled-up-of-several": Good(
        "the same in a frame of several blocks, and twice",
        filled_in(LONG_COPY) * 2,
        lambda: frame(copying(LONG_COPY), copying(LONG_COPY), block_size=1 << 19),
    ),
    "copies-stored-zero-at-the-end": one_copying(
        "the same, one zero behind 7 stored, of which the last is a zero, too", ZERO_AT_THE_END
    ),
    "copies-stored-with-nothing-to-fill": one_copying("the same with 8 stored and nothing behind them", FULL),
    "copy-at-the-edge-of-the-window": Good(
        "a block of 65,536 bytes, and one that is a copy of its first 32; the window has 65,536",
        filled_in(FIRST) + NOISE,
        lambda: frame(copying(FIRST), copying(((-65536, 32),), filled_in(FIRST)), window=16),
    ),
    "window-2-30": Good(
        "the largest window", NOISE * 2, lambda: frame(stored(NOISE), copying(((-32, 32),), NOISE), window=30)
    ),
    # Contexts.
    "context-copies": Good(
        "copies of the context, in a frame of one block",
        filled_in(BEFORE_ALL, TIMES),
        lambda: alone(copying(BEFORE_ALL, context=TIMES), context=TIMES),
        context=TIMES,
    ),
    "context-copies-of-several": Good(
        "copies of the context and of the block before, in a frame of several",
        NOISE + filled_in(AFTER_NOISE, TIMES + NOISE),
        lambda: frame(stored(NOISE), copying(AFTER_NOISE, NOISE, context=TIMES), context=TIMES, window=16),
        context=TIMES,
    ),
    "context-copies-without-a-window": Good(
        "copies of the context, in the second block of a frame without a window",
        NOISE + TIMES + b"!",
        lambda: frame(stored(NOISE), copying(((-110, 78), b"!"), NOISE, context=TIMES), context=TIMES),
        context=TIMES,
    ),
    "context-behind-a-model-id": Good(
        "a frame of one block with the id of likezip-2 and one of a context, of which it needs nothing",
        NOISE,
        lambda: alone(stored(NOISE), start=_named_with(TIMES)),
        context=TIMES,
    ),
    "context-of-no-block": Good(
        "frames of no block with a context",
        b"",
        lambda: alone(context=TIMES) + frame(context=TIMES),
        context=TIMES,
    ),
    "context-of-one-of-two-frames": Good(
        "two frames, of which the second has a context",
        NOISE + TIMES,
        lambda: alone(stored(NOISE)) + alone(copying(((-78, 78),), context=TIMES), context=TIMES),
        context=TIMES,
    ),
    "primed": one_primed("a block whose predictor knows the context", SHELLS[5:60], SHELLS),
    "primed-records": one_primed(
        "the same with records, rows of 8 bytes counted from the beginning of the context",
        ROWS[400:600],
        ROWS[3:397],
        profile=block_header.RECORDS_PROFILE,
        row_length=8,
    ),
    "primed-numbers": one_primed(
        "the same with numbers of 2 bytes, counted from the beginning of the context",
        wave("<i2", 130)[60:],
        wave("<i2", 130)[1:60],
        **numbers(NumberLayout(1, 2, 1), 2),
    ),
    "primed-with-transform": one_primed(
        "the same with code, transform x86, of the context by itself",
        CODE[150:250],
        CODE[:153],
        profile=block_header.CODE_PROFILE,
        transform=block_header.X86,
    ),
    "primed-with-the-prior": one_primed(
        "the same with the prior", TIMES[26:60], TIMES[:50], mode=block_header.MEMORY_PRIOR
    ),
    "primed-with-a-large-table": one_primed(
        "the same with a table of 22 bits, larger than it may be otherwise", SHELLS[5:30], SHELLS, table_bits=22
    ),
    "primed-with-copies": Good(
        "a primed block among several, with copies of the context and of a block before",
        SHELLS[:30] + filled_in(PRIMED, TIMES + SHELLS[:30]),
        lambda: frame(
            stored(SHELLS[:30]),
            copying(PRIMED, SHELLS[:30], context=TIMES, primer=TIMES),
            context=TIMES,
            window=16,
        ),
        context=TIMES,
    ),
    # Parts.
    "parts": one_in_parts("two parts: 1024 zeros, coded, and 32 bytes of noise, stored", TWO, {}, None),
    "parts-stored-first": one_in_parts(
        "two parts: 1024 bytes of noise, stored, and a sentence, coded",
        ((0, (LONG_NOISE * 2)[:LEAST_STRETCH]), (1, SHELLS)),
        None,
        {},
    ),
    "parts-with-the-prior": one_in_parts(
        "two parts: 1024 zeros, and half a sentence with the prior",
        ((0, ZEROS), (1, TIMES[:30])),
        {},
        {"mode": block_header.MEMORY_PRIOR},
    ),
    "parts-with-profiles": one_in_parts(
        "two parts: profile records, rows of 8 bytes, 3 lanes and table bits 17; profile code, transform x86",
        ((0, ROWS[:LEAST_STRETCH]), (1, CODE)),
        {"profile": block_header.RECORDS_PROFILE, "row_length": 8, "lanes": 3, "table_bits": 17},
        {"profile": block_header.CODE_PROFILE, "transform": block_header.X86},
    ),
    "parts-with-numbers": one_in_parts(
        "two parts: 1024 zeros, and a picture in profile numbers, rows of 60 bytes",
        ((0, ZEROS), (1, PIXELS)),
        {},
        numbers(NumberLayout(3, 1), 60),
    ),
    "parts-of-one-mode": one_in_parts(
        "two parts of the same mode; the last stretch of one byte, and of the first part",
        ((0, ZEROS), (1, b"\1" * 1088), (0, b"\2")),
        {},
        {},
    ),
    "parts-three": one_in_parts("three parts: stretches to and fro, the last of the third", THREE, {}, {}, None),
    "parts-in-another-order": one_in_parts(
        "three parts, of which the third comes before the second",
        ((0, ZEROS), (2, b"\1" * LEAST_STRETCH), (0, ZEROS), (1, NOISE)),
        {},
        None,
        {},
    ),
    "parts-16": Good(
        "16 parts, as many as may be, of 1024 bytes, but for the last stretch; in another order",
        joined(SIXTEEN),
        lambda: alone(in_parts(SIXTEEN, *[{}] * 11, None, *[{}] * 4)),
        slow=True,
    ),
    "parts-of-a-long-stretch": Good(
        "two parts: 20,000 zeros and a byte, stored",
        bytes(20_000) + b"x",
        lambda: alone(in_parts(((0, bytes(20_000)), (1, b"x")), {}, None)),
        slow=True,
    ),
    "parts-in-a-frame-of-several": Good(
        "three blocks, of which the second is in parts",
        NOISE + joined(TWO) + SHELLS,
        lambda: frame(stored(NOISE), in_parts(TWO, {}, None), coded(SHELLS)),
    ),
    "parts-with-copies": Good(
        "a block with copies, in two parts: the first of the list of copies and zeros",
        filled_in(COPIES_IN_PARTS),
        lambda: alone(copying_in_parts(COPIES_IN_PARTS, {}, None)),
    ),
    "parts-with-copies-of-earlier-blocks": Good(
        "the same with a copy of the block before, and the end with a copy of its literals",
        NOISE + filled_in(AFTER_NOISE_IN_PARTS, NOISE) + NOISE,
        _copies_of_parts,
    ),
    "parts-filled-up": Good(
        "2^21 bytes, most of them a copy, in two parts; zeros behind the second",
        filled_in(LONG_COPY_IN_PARTS),
        lambda: alone(copying_in_parts(LONG_COPY_IN_PARTS, {}, None)),
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
VERSION = Check("frame header: version", UnsupportedError, "the frame has format version {}; this likezip reads 1")
HEADER_CHECKSUM = Check("frame header: checksum", CorruptError, "the frame header's checksum does not fit")
FLAGS = Check("frame header: flags", UnsupportedError, "the frame has a flag 0x20 that this likezip does not know")
MODEL_NUMBER = Check(
    "frame header: number of the model",
    UnsupportedError,
    "the frame was written with model number {}, which this likezip lacks",
)
BLOCK_SIZE = Check("frame header: block size", CorruptError, "the frame's block size {} is outside 65536..1073741824")
BLOCK_SIZE_FORM = Check(
    "frame header: block size", CorruptError, "the frame's block size takes more bytes than it needs"
)
WINDOW = Check("frame header: window", CorruptError, "the frame's window of 2^{} bytes is outside its limits")
MODEL = Check(
    "frame header: model id",
    UnknownModelError,
    "the frame was written with model {}, which is not among the models here; "
    "put its file into a directory named in LIKEZIP_MODELS or into ~/.local/share/likezip/models, or name it with "
    "--model",
)
NO_CONTEXT = Check(
    "frame header: context id",
    UnknownContextError,
    "the frame was compressed with a context of id {}, which has to be given (--context)",
)
OTHER_CONTEXT = Check(
    "frame header: context id",
    UnknownContextError,
    "the frame was compressed with a context of id {}, not with {}",
)
BLOCK_LENGTH = Check("block header: length", TruncatedError, "the data end within the header of block {}")
BLOCK_CHECKSUM = Check(
    "block header: checksum",
    CorruptError,
    "the checksum of the header of block {} does not fit: damaged or out of place",
)
MODE = Check("block header: mode", UnsupportedError, "block 0 has mode {}, which this likezip does not know")
LIMITS = Check("block header: limits", CorruptError, "the header of block {} holds values outside their limits")
PAYLOAD_LENGTH = Check("payload: length", TruncatedError, "the data end within block {}")
PRIMED_BY_NOTHING = Check("payload: context", CorruptError, "block {} needs a context, and its frame names none")
FILLED_UP = Check("payload: filled up", CorruptError, "block {}: what fills up the payload is not zeros")
TOP_WORD = Check("payload: last word", CorruptError, "block {}: the block's code words end in a zero")
USED_UP = Check("payload: used up", CorruptError, "block {}: the block's code words are not used up by its bits")
CODED_CHECKSUM = Check(
    "payload: checksum", CorruptError, "block {}: the checksum in the block's code words does not fit its bytes"
)
WORDS_CUT = Check("payload: words", CorruptError, "block {}: the block's code words are cut off")
WORDS_NUMBERS = Check(
    "payload: words", CorruptError, "block {}: the size of a piece's code words is longer than it has to be"
)
LIST_OF_PARTS = Check("parts: length", CorruptError, "block {}: the block's list of parts is cut off")
TOO_MANY_PARTS = Check("parts: number", CorruptError, "block {}: the block has {} parts, more than 16")
PART_LIMITS = Check("parts: limits", CorruptError, "block {}: the header of part {} holds values outside their limits")
PART_WAY = Check("parts: limits", CorruptError, "block {}: part {} is in parts itself, has copies, or is primed")
PARTS_SIZES = Check("parts: sizes", CorruptError, "block {}: the block's parts do not fit its size")
PARTS_NUMBERS = Check(
    "parts: numbers", CorruptError, "block {}: a number in the block's list of parts is longer than it has to be"
)
PARTS_PAYLOADS = Check("parts: payloads", CorruptError, "block {}: the block's parts do not fit its payload")
PART_TOP_WORD = Check("part: last word", CorruptError, "block {}: part {}: the block's code words end in a zero")
PART_USED_UP = Check(
    "part: used up", CorruptError, "block {}: part {}: the block's code words are not used up by its bits"
)
PART_CODED_CHECKSUM = Check(
    "part: checksum",
    CorruptError,
    "block {}: part {}: the checksum in the block's code words does not fit its bytes",
)
PART_RAW_CHECKSUM = Check(
    "part: checksum", CorruptError, "block {}: part {}: the block's checksum does not fit its bytes"
)
LIST_NUMBER = Check(
    "copies: numbers",
    CorruptError,
    "block {}: a number in the block's list of copies is cut off or too long",
)
LIST_SIZES = Check("copies: sizes", CorruptError, "block {}: the block's copies do not fit its size")
LIST_LENGTHS = Check(
    "copies: lengths",
    CorruptError,
    "block {}: a copy is not longer than what it takes in the block's list of copies",
)
WINDOW_BEGIN = Check("copies: window", CorruptError, "block {}: a copy refers to bytes before the window")
FRAME_BEGIN = Check(
    "copies: beginning of the frame",
    CorruptError,
    "block {}: a copy refers to bytes before the frame, or that are lost",
)
LITERALS = Check("copies: literals", CorruptError, "block {}: a copy's source is not all literals of one block")
RAW_CHECKSUM = Check("raw bytes: checksum", CorruptError, "block {}: the block's checksum does not fit its bytes")
EMPTY_LENGTH = Check("frame of no block: length", TruncatedError, "the data end within the end of the frame")
EMPTY_CHECKSUM = Check("frame of no block: checksum", CorruptError, "the checksum of an empty frame does not fit")
INDEX_LENGTH = Check("end: length", TruncatedError, "the data end within the index")
END_MAGIC = Check("end: magic", CorruptError, "the frame's end magic number is wrong")
INDEX_CHECKSUM = Check("end: checksum", CorruptError, "the index's checksum does not fit")
INDEX_NUMBER = Check("end: number", CorruptError, "the index does not have the size that its number of blocks asks for")
INDEX_SIZES = Check("end: sizes", CorruptError, "the index does not fit the blocks")

# Made only where the frames of a file are listed.
LIST_EMPTY = Check("list: empty file", TruncatedError, "the file is empty")

# Files that are refused, and the sound ones that they come from.

SOME = bytes(100)
"""What the sound frames that most bad ones come from hold."""
BLOCK_SIZE_AT = 5
"""Where the block size of a frame of several blocks of likezip-2 begins."""
BLOCK_AT = 12
"""Where the first block of a frame of several with the least block size begins, and where its payload does, if it is
NOISE, stored, or SOME, coded."""
STORED_AT, SOME_AT = BLOCK_AT + 10, BLOCK_AT + 8
ALONE_AT = 5
"""The same of a frame of one block."""
STORED_ALONE_AT, SOME_ALONE_AT = ALONE_AT + 8, ALONE_AT + 6
SECOND_AT = STORED_AT + len(NOISE) + container.end_size(1)
END_AT = -container.end_size(1)
"""Where the end of a frame of several begins, which has one block, from behind."""
SOME_WORDS = 6
"""Bytes of the code words of SOME."""


@cache
def some_block() -> Block:
    """A coded block of 100 zeros."""
    header, payload = coded(SOME)
    assert len(payload) == SOME_WORDS
    return header, payload


def noise_block() -> Block:
    return stored(NOISE)


def some_frame() -> bytes:
    """The sound frame of several blocks that most bad ones come from, of one coded block."""
    return frame(some_block())


def some_alone() -> bytes:
    """The sound frame of one block that most bad ones come from, which is coded."""
    return alone(some_block())


def noise_alone() -> bytes:
    """A frame of one block, stored."""
    return alone(noise_block())


def two_alone() -> bytes:
    """Two frames of one stored block each."""
    return noise_alone() + noise_alone()


@dataclass(frozen=True)
class Bad:
    """A file that is refused: which field is wrong and how, by which check, and how it is built.

    sound: builds what would be sound; the first byte that differs from it is the one that is wrong, unless ``at`` says
    which is, from behind if negative.  number: what the check's message has in its place.  content: what may have been
    written by then.  listing: the check that refuses to list the file, where that is another one.  context: what is
    given as context.
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
    context: bytes = b""

    def message(self) -> str:
        """The whole message of the exception."""
        return self.check.message.format(*self.number if isinstance(self.number, tuple) else (self.number,))

    def offset(self) -> int:
        """The byte that is wrong; for what is cut off, the first that is missing."""
        data, sound = self.build(), self.sound()
        if self.at is not None:
            return self.at % len(data)
        pairs = enumerate(zip(data, sound, strict=False))
        return next((i for i, (one, other) in pairs if one != other), min(len(data), len(sound)))


def both(
    name: str,
    field: str,
    wrong: str,
    block: Callable[[], Block],
    sound: Callable[[], Block] = some_block,
    check: Check = LIMITS,
    number: Any = 0,
    block_size: int = container.MIN_BLOCK,
    at: int | None = None,
    context: bytes = b"",
    content: bytes = b"",
) -> dict[str, Bad]:
    """Two files, a frame of several blocks and one of one, of a block that is refused, checksums and sizes fitting it.

    at: of the byte that is wrong, from the end of the block if it is negative, else the first that differs; content:
    what may have been written by then.
    """

    def several(some: Block) -> bytes:
        return frame(some, block_size=block_size, context=context)

    behind = None if at is None else at - container.end_size(1)
    return {
        name: Bad(
            field,
            wrong,
            check,
            lambda: several(block()),
            lambda: several(sound()),
            number,
            content,
            at=behind,
            context=context,
        ),
        f"{name}-alone": Bad(
            field,
            f"{wrong}; one block",
            check,
            lambda: alone(block(), context=context),
            lambda: alone(sound(), context=context),
            number,
            content,
            at=at,
            context=context,
        ),
    }


def bad_list(
    name: str, wrong: str, check: Check, what: bytes, at: int, raw: bytes | None = None, **others: Any
) -> dict[str, Bad]:
    """Two files with a stored block with copies, coded as ``what``, in which byte ``at`` is wrong; the checksum is that
    of ``raw``, or of what they would be made of if nothing were wrong."""
    raw = filled_in(COPIED) if raw is None else raw
    return both(
        name,
        "list of copies",
        wrong,
        lambda: with_list(what, raw),
        lambda: copying(COPIED),
        check,
        at=at - len(what),
        **others,
    )


def zeros_header(**fields: Any) -> bytes:
    """The header of the part of zeros in TWO; ``fields`` of it are replaced."""
    return replace(_zeros()[0], **fields).fields()


def noise_header(**fields: Any) -> bytes:
    """The same of the part of noise."""
    return stored(NOISE, **fields)[0].fields()


ZEROS_WORDS = 6
"""Bytes of the code words of ZEROS."""
TWO_SIZE = 44 + ZEROS_WORDS
"""Bytes of the payload of TWO."""


@cache
def _zeros() -> Block:
    """The part of zeros."""
    header, payload = coded(ZEROS)
    assert len(payload) == ZEROS_WORDS
    return header, payload


def two_parts(
    count: bytes | None = None,
    first: bytes | None = None,
    second: bytes | None = None,
    lengths: bytes | None = None,
    payloads: bytes | None = None,
) -> bytes:
    """The payload of TWO, or one that has something else as number of parts, as their headers, as length of the first
    stretch, or as payloads."""
    usual = (number(0), zeros_header(), noise_header(), number(0), _zeros()[1] + NOISE)
    others = (count, first, second, lengths, payloads)
    return b"".join(one if other is None else other for one, other in zip(usual, others, strict=True))


THREE_NUMBERS = 0, 0, 76, 1, 1, 0, 0
"""Of the stretches of THREE, but for the last: the length of the first, the part and the length of each other one."""
THREE_PAYLOADS = 49
"""Bytes of the payloads of the parts of THREE, which follow those numbers."""


def three_parts(*numbers: int | bytes) -> bytes:
    """The payload of THREE, or one with other stretches; THREE_NUMBERS for those, or bytes in place of a number."""
    payload = in_parts(THREE, {}, {}, None)[1]
    usual = b"".join(map(number, THREE_NUMBERS))
    place = len(payload) - THREE_PAYLOADS - len(usual)
    assert payload[place:].startswith(usual)
    packed = b"".join(one if isinstance(one, bytes) else number(one) for one in numbers or THREE_NUMBERS)
    return payload[:place] + packed + payload[place + len(usual) :]


def bad_parts(
    name: str,
    field: str,
    wrong: str,
    check: Check,
    payload: Callable[[], bytes],
    sound: Callable[[], bytes] = two_parts,
    *,
    part: int | None = None,
    whole: bytes | None = None,
    at: int | None = None,
) -> dict[str, Bad]:
    """Two files with a block in parts that has this payload; part: its number, which the check's message has; whole:
    the raw bytes, if they are not those of TWO or THREE; at: the byte of the payload that is wrong, from behind."""
    usual = joined(TWO if sound is two_parts else THREE)
    return both(
        name,
        field,
        wrong,
        lambda: of_parts(payload(), usual if whole is None else whole),
        lambda: of_parts(sound(), usual),
        check,
        0 if part is None else (0, part),
        at=at,
    )


def bad_part(name: str, field: str, wrong: str, at: int, check: Check = PART_LIMITS, **fields: Any) -> dict[str, Bad]:
    """Two files with a block of two parts, of which the first has these fields in its header."""

    def payload() -> bytes:
        return two_parts(first=zeros_header(**fields))

    return bad_parts(name, f"part 0, {field}", wrong, check, payload, part=0, at=at)


def bad_second_part(
    name: str, field: str, wrong: str, check: Check, header: Callable[[], bytes], at: int | None = -46
) -> dict[str, Bad]:
    """Two files with a block of two parts, of which the second has this header."""
    return bad_parts(name, f"part 1, {field}", wrong, check, lambda: two_parts(second=header()), part=1, at=at)


def bad_source(
    name: str, wrong: str, check: Check, parts: Parts, context: bytes = b"", before: bytes = b""
) -> dict[str, Bad]:
    """Two files with a stored block of these parts, of which the last copy has a source that is not allowed; before:
    what that would be, if it begins before the block and the context."""
    return both(
        name,
        "list of copies, distance",
        wrong,
        lambda: copying(parts, before, context=context),
        lambda: copying(COPIED, context=context),
        check,
        at=-1 - sum(len(part) for part in parts if isinstance(part, bytes)),
        context=context,
    )


def bad_among(
    wrong: str,
    check: Check,
    parts: Parts,
    *blocks: Block,
    window: int = 16,
    context: bytes = b"",
    given: bytes = b"",
    before: bytes = b"",
) -> Bad:
    """A frame of several blocks, of which the last is stored and of these parts, and its last copy has a source that is
    not allowed.  given: the context that is given, though the frame names none.  before: what comes before the frame.
    """
    content = b"".join(filled_in(FIRST) if header.raw_size == 1 << 16 else raw for header, raw in blocks)

    def build() -> bytes:
        last = copying(parts, before + content, context=context)
        return frame(*blocks, last, window=window, context=context)

    return Bad(
        "list of copies, distance",
        wrong,
        check,
        build,
        number=len(blocks),
        content=content,
        at=-1 - sum(len(part) for part in parts if isinstance(part, bytes)) - container.end_size(len(blocks) + 1),
        context=context or given,
    )


def bad_kind(name: str, field: str, wrong: str, check: Check, bits: int, number: Any) -> dict[str, Bad]:
    """Two files with these bits in the byte behind the magic, and checksums that fit them; bit 3 says which of the two
    it is."""
    several, one = bytes([bits | 8]), bytes([bits])
    return {
        name: Bad(
            f"frame header, {field}", wrong, check, lambda: head(4, several) + some_frame()[BLOCK_AT:], number=number
        ),
        f"{name}-alone": Bad(
            f"frame header, {field}",
            f"{wrong}; one block",
            check,
            lambda: alone(some_block(), start=put(_start(), 4, one)),
            some_alone,
            number,
        ),
    }


def bad_header(
    name: str, field: str, wrong: str, check: Check = LIMITS, number: Any = 0, **fields: Any
) -> dict[str, Bad]:
    """Two files with a coded block of 100 zeros whose header has these fields, and a checksum that fits them.

    The payload has the size that the header gives.
    """

    def wrong_block() -> Block:
        header, payload = some_block()
        header = replace(header, **fields)
        return header, filled(payload, header.payload_size)

    return both(name, f"block header, {field}", wrong, wrong_block, check=check, number=number)


def bad_stored(
    name: str, field: str, wrong: str, check: Check = LIMITS, number: Any = 0, **fields: Any
) -> dict[str, Bad]:
    """The same with a stored block of noise."""
    return both(name, f"block header, {field}", wrong, lambda: stored(NOISE, **fields), noise_block, check, number)


def bad_fields(
    name: str,
    field: str,
    wrong: str,
    fields: bytes,
    sound: Callable[[], Block],
    check: Check = LIMITS,
    block_size: int = container.MIN_BLOCK,
) -> dict[str, Bad]:
    """Two files with a block whose header has these bytes, and a checksum that fits them; the rest is as in a sound
    one."""
    return {
        name: Bad(
            f"block header, {field}",
            wrong,
            check,
            lambda: forged(fields, sound()[1], block_size=block_size),
            lambda: frame(sound(), block_size=block_size),
        ),
        f"{name}-alone": Bad(
            f"block header, {field}",
            f"{wrong}; one block",
            check,
            lambda: forged_alone(fields, sound()[1]),
            lambda: alone(sound()),
        ),
    }


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
    name: str,
    wrong: str,
    check: Check,
    raw: bytes,
    damage: Callable[[bytes], bytes],
    at: int | None = None,
    **fields: Any,
) -> dict[str, Bad]:
    """Two files with a coded block whose payload is damaged, the sizes and checksums of the header fitting that."""

    def damaged() -> Block:
        header, payload = coded(raw, **fields)
        payload = damage(payload)
        return replace(header, payload_size=len(payload)), payload

    return both(name, "payload", wrong, damaged, lambda: coded(raw, **fields), check, at=at)


def _primed_and_damaged(context: bytes) -> bytes:
    """A frame of one block, primed, with a bit of its payload flipped."""
    header, payload = coded(SHELLS[5:60], primer=context)
    return alone((header, flipped(payload, len(payload) - 2)), context=context)


def without_context(name: str, wrong: str, given: bytes) -> dict[str, Bad]:
    """Two files of frames with the context TIMES, where another or none is given."""
    check, number = (OTHER_CONTEXT, (_id(TIMES).hex(), _id(given).hex())) if given else (NO_CONTEXT, _id(TIMES).hex())
    field, block = "frame header, context id", some_block()

    def several() -> bytes:
        return frame(block, context=TIMES)

    def one() -> bytes:
        return alone(block, context=TIMES)

    return {
        name: Bad(field, wrong, check, several, several, number, at=5, context=given),
        f"{name}-alone": Bad(field, f"{wrong}; one block", check, one, one, number, at=5, context=given),
    }


def bad_words(name: str, wrong: str, check: Check, payload: bytes) -> dict[str, Bad]:
    """Two files with a coded block of 100 zeros and this payload instead of its own."""
    return both(name, "payload", wrong, lambda: claim(100, payload), check=check, at=-len(payload) if payload else None)


def bad_ending(
    name: str,
    wrong: str,
    check: Check,
    change: Callable[[int], int],
    raw: bytes = SHELLS,
    *,
    context: bytes = b"",
    **fields: Any,
) -> dict[str, Bad]:
    """Two files with a coded block whose words end in another state than they have to; context: its primer."""
    return both(
        name,
        "payload",
        wrong,
        lambda: coded(raw, primer=context, endings=(change(ending_of(raw)),), **fields),
        lambda: coded(raw, primer=context, **fields),
        check,
        context=context,
    )


def bad_pieces(
    name: str, wrong: str, check: Check, change: Callable[[list[bytes]], bytes], at: int, content: bytes = b""
) -> dict[str, Bad]:
    """Two files with a block of two pieces, of whose words ``change`` makes the payload; at: the byte of it that is
    wrong, from behind; content: what may have been written by then."""
    return _bad_payload_of_pieces(name, wrong, check, at, content, change=change)


def bad_ending_of_piece(name: str, wrong: str, *changes: int, content: bytes) -> dict[str, Bad]:
    """Two files with a block of two pieces whose words hold the checksums and these numbers more."""
    endings = ending_of(IN_PIECES[:1024]) + changes[0], ending_of(IN_PIECES[1024:]) + changes[1]
    return _bad_payload_of_pieces(name, wrong, CODED_CHECKSUM, None, content, endings=endings)


def _bad_payload_of_pieces(
    name: str, wrong: str, check: Check, at: int | None, content: bytes, **made: Any
) -> dict[str, Bad]:
    """Two files with a block of two pieces whose payload is ``made`` in another way, as ``coded`` takes it."""
    return both(
        name,
        "payload",
        wrong,
        lambda: coded(IN_PIECES, piece_bits=PIECE_BITS, **made),
        lambda: coded(IN_PIECES, piece_bits=PIECE_BITS),
        check,
        at=at,
        content=content,
    )


def bad_end(field: str, wrong: str, check: Check, at: int, value: bytes) -> Bad:
    """A frame with a coded block of 100 zeros and an end that has ``value`` at byte ``at``, and a fitting checksum."""

    def build() -> bytes:
        return some_frame()[:END_AT] + end_with(at, value, some_block())

    return Bad(f"end, {field}", wrong, check, build, content=SOME)


def cut(what: str, check: Check, size: int, sound: Callable[[], bytes] = some_frame, **others: Any) -> Bad:
    """A file that ends after ``size`` bytes, or lacks as many as that is below 0."""
    return Bad(what, "missing from here on", check, lambda: sound()[:size], sound, **others)


def appended(name: str, wrong: str, check: Check, data: bytes) -> dict[str, Bad]:
    """Two files, a sound frame of several blocks and one of one, each with something behind it."""
    return {
        name: Bad("after the frame", wrong, check, lambda: noise_frame() + data, noise_frame, content=NOISE),
        f"{name}-alone": Bad(
            "after the frame", f"{wrong}; one block", check, lambda: noise_alone() + data, noise_alone, content=NOISE
        ),
    }


def _large_frame(header: BlockHeader, payload: bytes) -> bytes:
    """A frame of several blocks of up to 2^30 bytes, cut in the payload of the first."""
    return head(block_size=1 << 30) + body((header, payload))


def two_block() -> Block:
    """A block in parts, which is TWO."""
    return of_parts(two_parts(), joined(TWO))


@cache
def long_copy_in_parts() -> Block:
    """A block in parts whose payload is filled up."""
    return copying_in_parts(LONG_COPY_IN_PARTS, {}, None)


def _changed_payload(block: Block, change: Callable[[bytes], bytes]) -> Block:
    payload = change(block[1])
    return replace(block[0], payload_size=len(payload)), payload


def _copies_in_parts_with(copied: bytes) -> Block:
    """A block with copies in two parts: this list of one copy of 32 bytes and ZEROS, and what is left of them, NOISE
    and a byte."""
    return in_two_parts(copied + ZEROS + NOISE + b"+", ZEROS + NOISE + NOISE[-32:] + b"+", {}, None)


def _filled_with(fill: bytes) -> Block:
    """The stored block of LONG_COPY, filled up with these two bytes."""
    header, payload = copying(LONG_COPY)
    return header, payload[:-2] + fill


def _without_checksum(block: Block) -> Block:
    return replace(block[0], raw_crc=0), block[1]


LZIP_FILE = bytes.fromhex("4c5a4950010c0083fffbffffc000000000000000000000000000000024") + bytes(7)
"""lzip's file for no bytes."""
GZIP_FILE = bytes.fromhex("1f8b08000000000000ff03000000000000000000")
"""gzip's file for no bytes."""
COPIED_LITERALS = NOISE + b"-+"
SHELLS_AT_0 = listed(76, 76, 0) + SHELLS
"""A list of a copy of the distance 0, and literals."""
CRC_OF_SOME = struct.pack("<I", block_header.checksum(SOME))
CRC_OF_NOISE = struct.pack("<I", block_header.checksum(NOISE))
CRC_OF_TWO = struct.pack("<I", block_header.checksum(joined(TWO)))

BAD: dict[str, Bad] = {
    # No frame.
    "empty-file": Bad("frame header, magic", "nothing there", EMPTY, bytes, listing=LIST_EMPTY),
    "text": Bad("frame header, magic", "text", MAGIC, lambda: SHELLS),
    "random-bytes": Bad("frame header, magic", "noise", MAGIC, lambda: NOISE * 4),
    "one-other-byte": Bad("frame header, magic", "one byte, not the magic's first", MAGIC, lambda: b"x"),
    "gzip-file": Bad("frame header, magic", "a file of gzip", MAGIC, lambda: GZIP_FILE),
    "lzip-file": Bad("frame header, magic", "a file of lzip", LZIP, lambda: LZIP_FILE),
    "magic": Bad("frame header, magic", "5B for 5A", MAGIC, lambda: flipped(some_frame(), 3)),
    "magic-alone": Bad(
        "frame header, magic", "5B for 5A; one block", MAGIC, lambda: flipped(some_alone(), 3), some_alone
    ),
    # Frame header.
    "cut-in-magic": cut("frame header, magic", HEADER_LENGTH, 3),
    "cut-after-magic": cut("frame header, version", HEADER_LENGTH, 4),
    "cut-in-block-size": cut("frame header, block size", HEADER_LENGTH, BLOCK_SIZE_AT + 1),
    "cut-in-frame-header": cut("frame header, checksum", HEADER_LENGTH, BLOCK_AT - 1),
    "cut-in-model-id-alone": cut(
        "frame header, model id", HEADER_LENGTH, 12, lambda: alone(noise_block(), start=_named())
    ),
    "frame-header-checksum": Bad(
        "frame header, checksum", "damaged", HEADER_CHECKSUM, lambda: flipped(some_frame(), BLOCK_AT - 1)
    ),
    "flags-damaged": Bad(
        "frame header, flags", "1, behind a checksum of 0", HEADER_CHECKSUM, lambda: put(some_frame(), 4, b"\x59")
    ),
    "model-number-damaged": Bad(
        "frame header, number of the model",
        "3, behind a checksum of 1",
        HEADER_CHECKSUM,
        lambda: put(some_frame(), 4, b"\xc9"),
    ),
    "model-id-damaged": Bad(
        "frame header, model id",
        "damaged",
        HEADER_CHECKSUM,
        lambda: flipped(_named_frame(some_block()), 5),
        lambda: _named_frame(some_block()),
    ),
    "block-size-damaged": Bad(
        "frame header, block size", "damaged", HEADER_CHECKSUM, lambda: put(some_frame(), BLOCK_SIZE_AT + 2, b"\4")
    ),
    "block-size-1": Bad(
        "frame header, block size",
        "1",
        BLOCK_SIZE,
        lambda: sealed(head()[:BLOCK_SIZE_AT] + number(0)) + some_frame()[BLOCK_AT:],
        number=1,
    ),
    "block-size-too-small": Bad(
        "frame header, block size",
        "65,535",
        BLOCK_SIZE,
        lambda: head(BLOCK_SIZE_AT, number(65534)) + some_frame()[BLOCK_AT:],
        number=65535,
    ),
    "block-size-in-4-bytes": Bad(
        "frame header, block size",
        "65,536, in 4 bytes where 3 are enough",
        BLOCK_SIZE_FORM,
        lambda: sealed(head()[:BLOCK_SIZE_AT] + number(65535, 4)) + some_frame()[BLOCK_AT:],
    ),
    "cut-in-context-id": cut(
        "frame header, context id", HEADER_LENGTH, 8, lambda: frame(some_block(), context=TIMES), context=TIMES
    ),
    "cut-in-context-id-alone": cut(
        "frame header, context id", HEADER_LENGTH, 8, lambda: alone(some_block(), context=TIMES), context=TIMES
    ),
    "cut-before-window": cut("frame header, window", HEADER_LENGTH, 8, lambda: frame(some_block(), window=16)),
    "context-id-damaged": Bad(
        "frame header, context id",
        "damaged",
        HEADER_CHECKSUM,
        lambda: flipped(frame(some_block(), context=TIMES), 5),
        lambda: frame(some_block(), context=TIMES),
        context=TIMES,
    ),
    "window-damaged": Bad(
        "frame header, window",
        "2^17, behind a checksum of 2^16",
        HEADER_CHECKSUM,
        lambda: flipped(frame(some_block(), window=16), 8),
        lambda: frame(some_block(), window=16),
    ),
    **{
        f"window-2-{bits}": Bad(
            "frame header, window",
            f"2^{bits}",
            WINDOW,
            lambda bits=bits: frame(some_block(), window=bits),
            lambda: frame(some_block(), window=16),
            number=bits,
        )
        for bits in (15, 31, 255)
    },
    "window-0": Bad(
        "frame header, window",
        "2^0",
        WINDOW,
        lambda: head(8, b"\0", window=16) + body(some_block()) + end(some_block(), window=16),
        lambda: frame(some_block(), window=16),
    ),
    "block-size-and-window": Bad(
        "frame header, block size",
        "65,535; the window is 2^15",
        BLOCK_SIZE,
        lambda: head(BLOCK_SIZE_AT, number(65534), window=15) + body(some_block()) + end(some_block(), window=15),
        lambda: frame(some_block(), window=16),
        number=65535,
    ),
    # Block header.
    "cut-after-frame-header": cut("block header", BLOCK_LENGTH, BLOCK_AT),
    "cut-after-frame-header-alone": cut("block header", BLOCK_LENGTH, ALONE_AT, some_alone),
    "cut-in-raw-size": cut("block header, raw size", BLOCK_LENGTH, BLOCK_AT + 2),
    "cut-in-raw-size-alone": cut("block header, raw size", BLOCK_LENGTH, ALONE_AT + 2, some_alone),
    "cut-in-block-header": cut("block header, checksum", BLOCK_LENGTH, SOME_AT - 1),
    "cut-in-block-header-alone": cut("block header, checksum", BLOCK_LENGTH, SOME_ALONE_AT - 1, some_alone),
    "block-header-checksum": Bad(
        "block header, checksum", "damaged", BLOCK_CHECKSUM, lambda: flipped(some_frame(), SOME_AT - 1)
    ),
    "block-header-checksum-alone": Bad(
        "block header, checksum",
        "damaged; one block",
        BLOCK_CHECKSUM,
        lambda: flipped(some_alone(), SOME_ALONE_AT - 1),
        some_alone,
    ),
    "frame-header-damaged-alone": Bad(
        "frame header, model id",
        "there, but not in the checksum; one block",
        BLOCK_CHECKSUM,
        lambda: _named() + some_alone()[ALONE_AT:],
        lambda: alone(some_block(), start=_named()),
    ),
    "mode-damaged": Bad(
        "block header, mode", "3, behind a checksum of 2", BLOCK_CHECKSUM, lambda: flipped(some_frame(), BLOCK_AT)
    ),
    "mode-damaged-alone": Bad(
        "block header, mode",
        "3, behind a checksum of 2; one block",
        BLOCK_CHECKSUM,
        lambda: flipped(some_alone(), ALONE_AT),
        some_alone,
    ),
    "raw-size-damaged": Bad(
        "block header, raw size",
        "2^22 or more, behind a checksum of 32",
        BLOCK_CHECKSUM,
        lambda: put(noise_frame(), BLOCK_AT + 1, b"\x7f"),
        noise_frame,
    ),
    "raw-size-damaged-alone": Bad(
        "block header, raw size",
        "2^22 or more, behind a checksum of 32; one block",
        BLOCK_CHECKSUM,
        lambda: put(noise_alone(), ALONE_AT + 1, b"\x7f"),
        noise_alone,
    ),
    "block-moved": misplaced("blocks 1, 2, 0", 0, 1, 2, 0),
    "blocks-swapped": misplaced("blocks 0, 2, 1", 1, 0, 2, 1),
    "block-doubled": misplaced("blocks 0, 1, 1, 2", 2, 0, 1, 1, 2),
    "block-missing": misplaced("blocks 0, 2", 1, 0, 2),
    "end-missing-before-another-frame": Bad(
        "end",
        "a frame header instead",
        BLOCK_CHECKSUM,
        lambda: noise_frame()[: STORED_AT + len(NOISE)] + noise_frame(),
        noise_frame,
        number=1,
        content=NOISE,
    ),
    "block-of-one-among-several": Bad(
        "block header, checksum",
        "that of a frame of one block",
        BLOCK_CHECKSUM,
        lambda: head() + noise_alone()[ALONE_AT:] + end(noise_block()),
        noise_frame,
    ),
    "block-of-several-alone": Bad(
        "block header, checksum",
        "that of a frame of several blocks",
        BLOCK_CHECKSUM,
        lambda: _start() + body(noise_block()),
        noise_alone,
    ),
    **bad_header("lanes-1-without-a-table", "lanes", "1, without a table", lanes=1, table_bits=0),
    **bad_header("row-length-1", "row length", "1", profile=block_header.RECORDS_PROFILE, row_length=1),
    **bad_header("row-length-65536", "row length", "65,536", profile=block_header.RECORDS_PROFILE, row_length=65536),
    **bad_header("numbers-row-length-1", "row length", "1, of numbers", **numbers(NumberLayout(1, 1), 1)),
    **bad_header("numbers-1-phase", "row length", "a byte's phase 1", **numbers(NumberLayout(1, 1, 1), 2)),
    **bad_header("numbers-4-phase", "row length", "4 bytes' phase 4", **numbers(NumberLayout(1, 4, 4), 4)),
    **bad_header("numbers-1-big-endian", "row length", "a byte, big endian", **numbers(NumberLayout(1, 1, 0, True), 2)),
    **bad_header(
        "numbers-2-float", "row length", "a float of 2 bytes", **numbers(NumberLayout(1, 2, 0, False, True), 2)
    ),
    **bad_header("lanes-0-and-table-bits-0-of-records", "lanes", "0", lanes=0, table_bits=0, profile=1, row_length=2),
    **bad_header("lanes-0-and-table-bits-0-of-the-prior", "lanes", "0", lanes=0, table_bits=0, mode=3),
    **bad_header("lanes-0-and-table-bits-0-primed", "lanes", "0", lanes=0, table_bits=0, primed=True),
    **bad_header("table-bits-15", "table bits", "15", table_bits=15),
    **bad_header("piece-bits-0", "piece bits", "0", piece_bits=0),
    **bad_header("piece-bits-9", "piece bits", "9", piece_bits=9),
    **bad_header("piece-bits-31", "piece bits", "31", piece_bits=31),
    **bad_fields(
        "piece-bits-20-named",
        "piece bits",
        "20, where they are not to be named",
        b"\x0a" + number(99) + struct.pack("<HB", 2 - 1 | 1 << 10 | 16 << 11, 20) + number(SOME_WORDS),
        lambda: claim(100, some_block()[1], lanes=2),
    ),
    **both(
        "table-bits-17-for-511-bytes",
        "block header, table bits",
        "17, of a raw size of 511",
        lambda: claim(511, table_bits=17),
        lambda: claim(511),
    ),
    **both(
        "table-bits-29",
        "block header, table bits",
        "29, of a raw size of 2^21",
        lambda: claim(1 << 21, table_bits=29),
        lambda: claim(1 << 21, table_bits=28),
        block_size=1 << 21,
    ),
    **bad_fields(
        "shape-as-without",
        "lanes, table bits and piece bits",
        "1, 16 and 20, which 100 bytes have without them",
        b"\x0a" + number(99) + packed_shape(1, 16) + number(SOME_WORDS),
        some_block,
    ),
    **bad_fields(
        "shape-of-the-prior-as-without",
        "lanes, table bits and piece bits",
        "3, 23 and 20, which 60,000 bytes with the prior have without them",
        b"\x0b" + number(59_999) + packed_shape(3, 23) + number(0),
        lambda: claim(60_000, mode=block_header.MEMORY_PRIOR, lanes=3),
    ),
    **bad_fields(
        "most-shape-of-the-prior-as-without",
        "lanes, table bits and piece bits",
        "32, 28 and 20, which 2^22 + 1 bytes with the prior have without them",
        b"\x0b" + number(1 << 22) + packed_shape(32, 28) + number(64),
        lambda: claim((1 << 22) + 1, mode=block_header.MEMORY_PRIOR, lanes=32),
        block_size=1 << 23,
    ),
    **bad_header("payload-3-longer-than-raw", "payload size", "103, of a raw size of 100", payload_size=103),
    **both(
        "code-words-3-longer-than-raw",
        "block header, payload size",
        "8, of a raw size of 5; the code words are sound",
        lambda: coded(SHELLS[:5]),
        lambda: claim(5, bytes(7)),
    ),
    **both(
        "payload-3-longer-than-the-least",
        "block header, payload size",
        "35, of a coded size of 24, of a raw size of 2^21",
        lambda: claim(1 << 21, bytes(35), spared=(1 << 21) - 24),
        lambda: claim(1 << 21, bytes(34), spared=(1 << 21) - 24),
        block_size=1 << 21,
    ),
    **both(
        "payload-below-the-least",
        "block header, payload size",
        "3, of a raw size of 2^18",
        lambda: claim(1 << 18, bytes(3)),
        lambda: claim(1 << 18),
        block_size=1 << 18,
    ),
    "raw-size-larger-than-block-size": Bad(
        "block header, raw size",
        "65,537, of a block size of 65,536",
        LIMITS,
        lambda: frame(claim(65537)),
        lambda: frame(claim(65536)),
    ),
    **bad_fields(
        "raw-size-in-3-bytes",
        "raw size",
        "100, in 3 bytes where 2 are enough",
        b"\x02" + number(99, 3) + number(SOME_WORDS),
        some_block,
    ),
    **bad_fields(
        "payload-size-in-2-bytes",
        "payload size",
        "6, in 2 bytes where 1 is enough",
        b"\x02" + number(99) + number(SOME_WORDS, 2),
        some_block,
    ),
    **bad_fields(
        "row-length-in-2-bytes",
        "row length",
        "8, in 2 bytes where 1 is enough",
        b"\x22" + number(99) + number(8, 2) + number(0),
        lambda: claim(100, profile=block_header.RECORDS_PROFILE, row_length=8),
    ),
    **bad_fields(
        "coded-size-as-raw-size",
        "coded size",
        "32, of a raw size of 32",
        b"\x05" + number(31) + number(31) + CRC_OF_NOISE,
        noise_block,
    ),
    **bad_fields(
        "coded-size-larger-than-raw-size",
        "coded size",
        "33, of a raw size of 32",
        b"\x05" + number(31) + number(32) + CRC_OF_NOISE,
        noise_block,
    ),
    **bad_fields(
        "coded-size-in-2-bytes",
        "coded size",
        "31, in 2 bytes where 1 is enough",
        b"\x05" + number(31) + number(30, 2) + CRC_OF_NOISE,
        noise_block,
    ),
    **both(
        "payload-3-longer-than-coded",
        "block header, payload size",
        "63, of a coded size of 60, of a raw size of 100",
        lambda: claim(100, bytes(63), spared=40),
        lambda: claim(100, bytes(62), spared=40),
    ),
    **both(
        "table-bits-17-for-511-coded-bytes",
        "block header, table bits",
        "17, of a coded size of 511, of a raw size of 600",
        lambda: claim(600, spared=89, table_bits=17),
        lambda: claim(600, spared=88, table_bits=17),
    ),
    **bad_fields(
        "raw-checksum-without-copies",
        "CRC-32 of the raw bytes",
        "there, coded and without copies, and so taken for the checksum",
        b"\x02" + number(99) + number(SOME_WORDS) + CRC_OF_SOME,
        some_block,
        BLOCK_CHECKSUM,
    ),
    **bad_fields(
        "raw-checksum-missing-with-copies",
        "CRC-32 of the raw bytes",
        "missing, coded and with copies, and so the checksum is taken for it",
        b"\x06" + number(99) + number(59) + number(40),
        lambda: claim(100, bytes(40), spared=40),
        BLOCK_CHECKSUM,
    ),
    **bad_stored("stored-primed", "primed", "1, stored", primed=True),
    **both(
        "primed-lanes-2",
        "block header, lanes",
        "2, primed",
        lambda: claim(100, primed=True, lanes=2),
        lambda: claim(100, primed=True),
        context=TIMES,
    ),
    **both(
        "primed-table-bits-29",
        "block header, table bits",
        "29, primed",
        lambda: claim(100, primed=True, table_bits=29),
        lambda: claim(100, primed=True, table_bits=28),
        context=TIMES,
    ),
    **both(
        "primed-with-the-prior-in-2-lanes",
        "block header, lanes",
        "not named and so 2, primed, with the prior",
        lambda: claim(1 << 15, mode=block_header.MEMORY_PRIOR, primed=True, lanes=2, table_bits=22),
        lambda: claim(1 << 15, mode=block_header.MEMORY_PRIOR, primed=True, lanes=1, table_bits=22),
        context=TIMES,
    ),
    **bad_stored("stored-lanes", "lanes", "1, stored", lanes=1),
    **bad_stored("stored-table-bits", "table bits", "16, stored", lanes=1, table_bits=16),
    **bad_stored("stored-transform", "transform", "x86, stored", transform=block_header.X86),
    **bad_stored("stored-profile", "profile", "code, stored", profile=block_header.CODE_PROFILE),
    **bad_stored("stored-numbers", "profile", "numbers, stored", **numbers(NumberLayout(1, 1), 2)),
    **bad_stored("stored-row-length", "row length", "2, stored", profile=block_header.CODE_PROFILE, row_length=2),
    **bad_fields(
        "stored-shape-0",
        "lanes, table bits and piece bits",
        "0, stored",
        b"\x09" + number(31) + bytes(2) + CRC_OF_NOISE,
        noise_block,
    ),
    **bad_header(
        "prior-profile-records",
        "profile",
        "records, mode 3",
        mode=block_header.MEMORY_PRIOR,
        profile=block_header.RECORDS_PROFILE,
    ),
    **bad_header(
        "prior-profile-code",
        "profile",
        "code, mode 3",
        mode=block_header.MEMORY_PRIOR,
        profile=block_header.CODE_PROFILE,
    ),
    **bad_header(
        "prior-profile-numbers",
        "profile",
        "numbers, mode 3",
        mode=block_header.MEMORY_PRIOR,
        **numbers(NumberLayout(1, 1), 2),
    ),
    "limits-of-the-second-block": Bad(
        "block header, table bits",
        "15",
        LIMITS,
        lambda: frame(noise_block(), claim(100, some_block()[1], table_bits=15)),
        lambda: frame(noise_block(), some_block()),
        number=1,
        content=NOISE,
    ),
    # Payload.
    "cut-after-block-header": cut("payload", PAYLOAD_LENGTH, STORED_AT, noise_frame),
    "cut-after-block-header-alone": cut("payload", PAYLOAD_LENGTH, STORED_ALONE_AT, noise_alone),
    "cut-in-payload": cut("payload", PAYLOAD_LENGTH, STORED_AT + 31, noise_frame),
    "cut-in-payload-alone": cut("payload", PAYLOAD_LENGTH, STORED_ALONE_AT + 31, noise_alone),
    "cut-in-code-words-alone": cut("payload", PAYLOAD_LENGTH, -1, lambda: alone(coded(SHELLS))),
    "stored-payload-flipped": Bad(
        "payload", "a flipped bit, stored", RAW_CHECKSUM, lambda: flipped(noise_frame(), STORED_AT + 9), noise_frame
    ),
    "stored-payload-flipped-alone": Bad(
        "payload", "a flipped bit, stored; one block", RAW_CHECKSUM, lambda: flipped(noise_alone(), -9), noise_alone
    ),
    **bad_stored("stored-raw-checksum", "CRC-32 of the raw bytes", "0", RAW_CHECKSUM, raw_crc=0),
    **bad_payload("payload-flipped", "a flipped bit", USED_UP, SHELLS, lambda words: flipped(words, 20)),
    **bad_payload(
        "payload-flipped-prior",
        "a flipped bit, mode 3",
        USED_UP,
        TIMES[:25],
        lambda words: flipped(words, 4),
        mode=block_header.MEMORY_PRIOR,
    ),
    **bad_payload("payload-empty", "empty, for bytes that are not zeros", USED_UP, SHELLS, lambda _: b""),
    **bad_words("payload-empty-for-zeros", "empty, for zeros", USED_UP, b""),
    **both(
        "payload-of-3-bytes",
        "payload",
        "3 bytes, as many as there may be for one",
        lambda: claim(1, b"\1\2\3"),
        lambda: claim(1),
        USED_UP,
        at=-3,
    ),
    **bad_words("payload-of-4-bytes", "4 bytes, less than any code words have", USED_UP, b"\1\2\3\4"),
    **both(
        "payload-of-zeros-only",
        "payload",
        "zeros to fill up, and no words",
        lambda: claim(1 << 18, spared=(1 << 18) - 20),
        lambda: claim(1 << 18, b"word", spared=(1 << 18) - 20),
        USED_UP,
        block_size=1 << 18,
    ),
    **bad_payload("payload-word-missing", "the first word missing", USED_UP, SHELLS, lambda words: words[4:]),
    **bad_payload("payload-byte-missing", "the first byte missing", USED_UP, SHELLS, lambda words: words[1:]),
    **bad_payload(
        "payload-word-too-many",
        "a word before the others: it is left",
        USED_UP,
        SHELLS,
        lambda words: b"\1\2\3\4" + words,
    ),
    **bad_payload(
        "payload-zero-word-too-many",
        "a zero word before the others: it is left",
        USED_UP,
        SHELLS,
        lambda words: bytes(4) + words,
    ),
    **bad_payload(
        "payload-words-left",
        "ten words before the others: they are left",
        USED_UP,
        SHELLS,
        lambda words: b"\1\0\0\0" * 10 + words,
    ),
    **bad_ending("payload-ending-0", "words that end in 0", USED_UP, lambda _: 0),
    **bad_ending("payload-ending-1", "words that end in 1, for zeros", USED_UP, lambda _: 1, SOME),
    **bad_ending(
        "payload-ending-below-2-32",
        "words that end in the checksum without 2^32",
        USED_UP,
        lambda ending: ending - (1 << 32),
    ),
    **bad_ending(
        "payload-ending-2-32-more", "words that end in 2^33 + the checksum", USED_UP, lambda ending: ending + (1 << 32)
    ),
    **bad_ending(
        "payload-ending-2-63-more",
        "words that end in 2^63 + 2^32 + the checksum",
        USED_UP,
        lambda ending: ending + (1 << 63),
    ),
    **bad_ending(
        "payload-ending-2-32-more-prior",
        "words that end in 2^33 + the checksum, mode 3",
        USED_UP,
        lambda ending: ending + (1 << 32),
        TIMES[:25],
        mode=block_header.MEMORY_PRIOR,
    ),
    **bad_ending("payload-checksum", "words that hold the checksum + 1", CODED_CHECKSUM, lambda ending: ending + 1),
    **bad_ending(
        "payload-checksum-bit-31",
        "words that hold a checksum whose highest bit is another, for zeros",
        CODED_CHECKSUM,
        lambda ending: ending ^ 1 << 31,
        SOME,
    ),
    **bad_ending("payload-checksum-0", "words that hold 0 instead of the checksum", CODED_CHECKSUM, lambda _: 1 << 32),
    **bad_ending(
        "payload-checksum-prior",
        "words that hold the checksum + 1, mode 3",
        CODED_CHECKSUM,
        lambda ending: ending + 1,
        TIMES[:25],
        mode=block_header.MEMORY_PRIOR,
    ),
    **bad_ending(
        "payload-checksum-of-code",
        "words that hold the checksum of what the transform makes of the bytes",
        CODED_CHECKSUM,
        lambda _: ending_of(x86_transform.to_absolute(CODE)),
        CODE,
        profile=block_header.CODE_PROFILE,
        transform=block_header.X86,
    ),
    **bad_ending(
        "payload-checksum-of-the-primer-too",
        "words that hold the checksum of the primer and the bytes",
        CODED_CHECKSUM,
        lambda _: ending_of(SHELLS[:50] + SHELLS[5:60]),
        SHELLS[5:60],
        context=SHELLS[:50],
    ),
    **bad_words("payload-zero", "a zero, and nothing to fill up", TOP_WORD, b"\0"),
    **bad_words("payload-zero-word", "a zero word, and nothing to fill up", TOP_WORD, bytes(4)),
    **bad_payload(
        "payload-zero-behind-others",
        "a zero behind the others, in their last word",
        TOP_WORD,
        ENDINGS[0],
        lambda words: words + b"\0",
        at=-1,
    ),
    **bad_payload(
        "payload-zero-word-behind-others",
        "zeros behind the others, which are a word more",
        TOP_WORD,
        ENDINGS[0],
        lambda words: words + bytes(7),
        at=-7,
    ),
    **both(
        "payload-padded-too-far",
        "payload",
        "five zeros, of a raw size of 2^18",
        lambda: claim(1 << 18, bytes(5)),
        lambda: claim(1 << 18),
        TOP_WORD,
        block_size=1 << 18,
        at=-1,
    ),
    # Pieces.
    **bad_pieces("words-missing", "nothing there: the payload is empty", WORDS_CUT, lambda words: b"", -1),
    **bad_pieces(
        "words-cut-in-number", "the size of the first words is cut off", WORDS_CUT, lambda words: number(64)[:1], -1
    ),
    **bad_pieces(
        "words-cut",
        "the first words have a byte more than is there",
        WORDS_CUT,
        lambda words: number(1 + len(words[0]) + len(words[1])) + words[0] + words[1],
        -12,
    ),
    **bad_pieces(
        "words-of-2-30-bytes",
        "the first words have 2^30 - 1 bytes",
        WORDS_CUT,
        lambda words: number((1 << 30) - 1) + words[0] + words[1],
        -15,
    ),
    **bad_pieces(
        "words-number-in-2-bytes",
        "the size of the first words in 2 bytes where 1 is enough",
        WORDS_NUMBERS,
        lambda words: number(len(words[0]), 2) + words[0] + words[1],
        -12,
    ),
    **bad_pieces(
        "words-zero-behind-the-first",
        "a zero behind the first words, in their last word",
        TOP_WORD,
        lambda words: number(len(words[0]) + 1) + words[0] + b"\0" + words[1],
        -6,
    ),
    **bad_pieces(
        "words-of-the-second-missing",
        "nothing behind the first words",
        USED_UP,
        lambda words: number(len(words[0])) + words[0],
        -1,
        IN_PIECES[:1024],
    ),
    **bad_pieces(
        "words-of-the-first-empty",
        "no words of the first piece",
        USED_UP,
        lambda words: number(0) + words[1],
        -6,
    ),
    **bad_pieces(
        "words-of-one-piece",
        "words of the second piece instead of the first, too",
        USED_UP,
        lambda words: number(len(words[1])) + words[1] + words[1],
        -11,
    ),
    **bad_ending_of_piece("words-checksum-of-the-first", "the first words hold the checksum + 1", 1, 0, content=b""),
    **bad_ending_of_piece(
        "words-checksum-of-the-second", "the second words hold the checksum + 1", 0, 1, content=IN_PIECES[:1024]
    ),
    **both(
        "primed-without-a-context",
        "block header, primed",
        "1, in a frame without a context",
        lambda: coded(SHELLS[5:60], primer=SHELLS),
        lambda: coded(SHELLS[5:60]),
        PRIMED_BY_NOTHING,
    ),
    "payload-flipped-primed": Bad(
        "payload",
        "a flipped bit, primed",
        USED_UP,
        lambda: _primed_and_damaged(SHELLS[:50]),
        lambda: alone(coded(SHELLS[5:60], primer=SHELLS[:50]), context=SHELLS[:50]),
        context=SHELLS[:50],
    ),
    **both(
        "stored-filled-up-with-a-byte",
        "payload",
        "a zero and a byte 1 behind the 6 stored, to fill up",
        lambda: _filled_with(b"\0\1"),
        lambda: copying(LONG_COPY),
        FILLED_UP,
        block_size=1 << 19,
    ),
    **both(
        "stored-filled-up-with-bytes",
        "payload",
        "bytes behind the 6 stored, to fill up",
        lambda: _filled_with(b"cd"),
        lambda: copying(LONG_COPY),
        FILLED_UP,
        block_size=1 << 19,
    ),
    **both(
        "stored-filled-up-and-raw-checksum",
        "payload",
        "a byte behind the 6 stored, to fill up; the CRC-32 of the raw bytes is 0",
        lambda: _without_checksum(_filled_with(b"\1\0")),
        lambda: _without_checksum(copying(LONG_COPY)),
        FILLED_UP,
        block_size=1 << 19,
    ),
    "cut-in-what-fills-up": cut(
        "payload", PAYLOAD_LENGTH, END_AT - 1, lambda: frame(copying(LONG_COPY), block_size=1 << 19)
    ),
    "cut-in-what-fills-up-alone": cut("payload", PAYLOAD_LENGTH, -2, lambda: alone(copying(LONG_COPY))),
    "cut-in-payload-with-copies": cut("payload", PAYLOAD_LENGTH, BLOCK_AT + 11 + 37, lambda: frame(copying(COPIED))),
    "cut-in-payload-with-copies-alone": cut("payload", PAYLOAD_LENGTH, -1, lambda: alone(copying(COPIED))),
    # Copies.
    **bad_list("copies-number-cut", "the first number is cut off", LIST_NUMBER, b"\xa1", 0),
    **bad_list("copies-cut", "the list ends in a copy", LIST_NUMBER, listed(33, 32, 66)[:-1], 2),
    **bad_list("copies-fewer", "one copy, and neither literals nor another one", LIST_NUMBER, listed(33, 32, 66), 2),
    **bad_list(
        "copies-number-in-2-bytes",
        "literals before the copy, 33, in 2 bytes where 1 is enough",
        LIST_NUMBER,
        long_number(33, 2) + listed(32, 66) + COPIED_LITERALS,
        1,
    ),
    **bad_list(
        "copies-length-in-2-bytes",
        "length, 32, in 2 bytes where 1 is enough",
        LIST_NUMBER,
        long_number(33) + long_number(32, 2) + long_number(66) + COPIED_LITERALS,
        2,
    ),
    **bad_list(
        "copies-number-of-50-bits",
        "length, 2^49",
        LIST_NUMBER,
        listed(33, 1 << 49, 66) + COPIED_LITERALS,
        8,
    ),
    **bad_list(
        "copies-number-of-49-bits",
        "length, 2^49 - 1",
        LIST_SIZES,
        listed(33, (1 << 49) - 1, 66) + COPIED_LITERALS,
        7,
    ),
    **bad_list("copies-distance-0", "distance, 0", LIST_SIZES, listed(33, 32, 0) + COPIED_LITERALS, 2),
    **bad_list(
        "copies-distance-too-large",
        "distance, 3 (2^48 - 1), by changes of 2^48 - 1",
        LIST_SIZES,
        listed(33, 30, (1 << 49) - 2, 0, 30, (1 << 49) - 2, 0, 30, (1 << 49) - 2) + COPIED_LITERALS,
        26,
        COPIED_LITERALS[:33] + bytes(90) + b"+",
    ),
    **bad_list("copies-distance-negative", "distance, -1", LIST_SIZES, listed(33, 32, 1) + COPIED_LITERALS, 2),
    **bad_list(
        "copies-second-distance-0",
        "distance, 33 and then 33 less",
        LIST_SIZES,
        listed(33, 16, 66, 0, 16, 65) + COPIED_LITERALS,
        5,
    ),
    **bad_list(
        "copies-length-to-the-end",
        "length, 33, which is all of the rest and so 0",
        LIST_SIZES,
        listed(33, 33, 66) + COPIED_LITERALS[:33],
        1,
        COPIED_LITERALS[:33] * 2,
    ),
    **bad_list("copies-length-beyond-the-end", "length, 34", LIST_SIZES, listed(33, 34, 66) + COPIED_LITERALS[:33], 1),
    **bad_list(
        "copies-at-the-end",
        "literals, all up to the end of the block, and no byte to copy",
        LIST_SIZES,
        listed(33, 0, 66, 0, 0, 0) + COPIED_LITERALS[:20],
        3,
        COPIED_LITERALS[:33] * 2,
    ),
    **bad_list(
        "copies-behind-the-end",
        "literals, more than there are up to the end of the block",
        LIST_SIZES,
        listed(67, 0, 66) + COPIED_LITERALS,
        0,
    ),
    **bad_list(
        "copy-of-3",
        "length, 3, as many bytes as the copy takes in the list",
        LIST_LENGTHS,
        listed(33, 3, 66) + COPIED_LITERALS,
        1,
    ),
    **bad_list(
        "literals-too-few",
        "the last literal missing, so that another copy has to be there",
        LIST_SIZES,
        listed(33, 32, 66) + COPIED_LITERALS[:-1],
        3,
    ),
    **bad_list("literals-too-many", "a literal too many", LIST_SIZES, listed(33, 32, 66) + COPIED_LITERALS + b"+", 37),
    **both(
        "copies-coded-distance-0",
        "list of copies",
        "distance, 0; coded",
        lambda: with_list(SHELLS_AT_0, filled_in(TWICE), mode=block_header.MEMORY),
        lambda: copying(TWICE, mode=block_header.MEMORY),
        LIST_SIZES,
    ),
    **both(
        "copies-coded-distance-0-and-checksum",
        "payload",
        "words that hold the checksum + 1, of a list of copies with the distance 0",
        lambda: with_list(SHELLS_AT_0, filled_in(TWICE), endings=(ending_of(SHELLS_AT_0) + 1,)),
        lambda: with_list(SHELLS_AT_0, filled_in(TWICE), mode=block_header.MEMORY),
        CODED_CHECKSUM,
    ),
    **both(
        "copies-coded-checksum-of-raw-bytes",
        "payload",
        "words that hold the checksum of the raw bytes instead of the coded ones",
        lambda: copying(TWICE, endings=(ending_of(filled_in(TWICE)),)),
        lambda: copying(TWICE, mode=block_header.MEMORY),
        CODED_CHECKSUM,
    ),
    **bad_source(
        "source-from-context-into-block",
        "the context's last bytes and the block's first",
        LITERALS,
        (NOISE + b"-", (-4, 8)),
        TIMES,
    ),
    **bad_source(
        "source-from-before-the-context",
        "bytes before the context and its first",
        LITERALS,
        (NOISE + b"-", (-82, 8)),
        TIMES,
        b"????",
    ),
    **bad_source(
        "source-before-the-context",
        "bytes before the context",
        LITERALS,
        (NOISE + b"-", (-88, 8)),
        TIMES,
        b"before all",
    ),
    "source-before-the-frame-alone": Bad(
        "list of copies, distance",
        "beyond the frame; one block",
        WINDOW_BEGIN,
        lambda: alone(copying((NOISE + b"-", (-5, 5)), b"12345")),
        at=-34,
    ),
    "source-without-a-window": bad_among(
        "to the block before, without a window", WINDOW_BEGIN, (b"-", (-32, 31)), stored(NOISE), window=0
    ),
    "source-before-the-window": bad_among(
        "65,537 before the block", WINDOW_BEGIN, (b"-", (-65537, 12)), copying(FIRST), stored(b"x")
    ),
    "source-before-the-frame": bad_among(
        "bytes before the frame and its first", FRAME_BEGIN, (b"-", (-36, 8)), stored(NOISE), before=b"????"
    ),
    "source-in-a-context-not-named": bad_among(
        "into a context, which is given, but not named by the frame",
        FRAME_BEGIN,
        (b"-", (-100, 40)),
        stored(NOISE),
        before=TIMES,
        given=TIMES,
    ),
    "source-from-context-into-frame": bad_among(
        "the context's last bytes and the frame's first", LITERALS, (b"-", (-36, 8)), stored(NOISE), context=TIMES
    ),
    "source-before-the-context-of-several": bad_among(
        "bytes before the context", LITERALS, (b"-", (-120, 8)), stored(NOISE), context=TIMES, before=b"before all"
    ),
    "source-of-two-blocks": bad_among(
        "the end of a block and the beginning of the next", LITERALS, (b"-", (-10, 9)), stored(NOISE), stored(b"NEXT")
    ),
    "source-from-block-into-block": bad_among(
        "the end of the block before and the beginning of this", LITERALS, (b"+-+-", (-4, 8)), stored(NOISE)
    ),
    "source-a-copy-in-a-block-before": bad_among(
        "a copy in the block before", LITERALS, (b"-", (-20, 12)), copying(FIRST)
    ),
    "source-into-a-copy-in-a-block-before": bad_among(
        "literals and a copy in the block before", LITERALS, (b"-", (-65508, 12)), copying(FIRST)
    ),
    **both(
        "raw-checksum-with-copies",
        "block header, CRC-32 of the raw bytes",
        "0, with copies",
        lambda: _without_checksum(copying(COPIED)),
        lambda: copying(COPIED),
        RAW_CHECKSUM,
    ),
    **both(
        "raw-checksum-with-copies-coded",
        "block header, CRC-32 of the raw bytes",
        "0, with copies, coded",
        lambda: _without_checksum(copying(TWICE, mode=block_header.MEMORY)),
        lambda: copying(TWICE, mode=block_header.MEMORY),
        RAW_CHECKSUM,
    ),
    **both(
        "copies-coded-of-other-bytes",
        "payload",
        "one of another literal, which is copied, and the checksum in the words fits it",
        lambda: with_list(flipped(copying(TWICE)[1], 20), filled_in(TWICE), mode=block_header.MEMORY),
        lambda: copying(TWICE, mode=block_header.MEMORY),
        RAW_CHECKSUM,
    ),
    **both(
        "copies-of-other-bytes",
        "payload",
        "a literal that is copied, and the checksum is of another",
        lambda: with_list(listed(33, 32, 66) + b"x" + COPIED_LITERALS[1:], filled_in(COPIED)),
        lambda: copying(COPIED),
        RAW_CHECKSUM,
    ),
    # Parts.
    **both(
        "parts-payload-3-longer-than-raw",
        "block header, payload size",
        "103, of a raw size of 100, in parts",
        lambda: of_parts(bytes(103), SOME),
        lambda: of_parts(bytes(102), SOME),
    ),
    **both(
        "parts-payload-below-the-least",
        "block header, payload size",
        "3, of a raw size of 2^18, in parts",
        lambda: of_parts(bytes(3), bytes(1 << 18)),
        lambda: of_parts(bytes(4), bytes(1 << 18)),
        block_size=1 << 18,
    ),
    **bad_fields(
        "parts-raw-size-in-3-bytes",
        "raw size",
        "1056, in 3 bytes where 2 are enough, in parts",
        b"\x08" + number(1055, 3) + number(TWO_SIZE) + CRC_OF_TWO,
        two_block,
    ),
    **bad_fields(
        "parts-coded-size-as-raw-size",
        "coded size",
        "1056, of a raw size of 1056, in parts",
        b"\x0c" + number(1055) * 2 + number(TWO_SIZE) + CRC_OF_TWO,
        two_block,
    ),
    **bad_fields(
        "parts-without-a-raw-checksum",
        "CRC-32 of the raw bytes",
        "missing, in parts, and so the checksum is taken for it",
        b"\x08" + number(1055) + number(TWO_SIZE),
        two_block,
        BLOCK_CHECKSUM,
    ),
    "cut-in-parts": cut("payload", PAYLOAD_LENGTH, END_AT - 1, lambda: frame(two_block())),
    "cut-in-parts-alone": cut("payload", PAYLOAD_LENGTH, -1, lambda: alone(two_block())),
    **bad_parts("parts-none", "number of parts", "nothing there: the payload is empty", LIST_OF_PARTS, bytes),
    **bad_parts("parts-17", "number of parts", "17", TOO_MANY_PARTS, lambda: two_parts(number(15)), part=17),
    **bad_parts(
        "parts-2-30",
        "number of parts",
        "2^30 + 1",
        TOO_MANY_PARTS,
        lambda: two_parts(number((1 << 30) - 1)),
        part=(1 << 30) + 1,
        at=-53,
    ),
    **bad_parts(
        "parts-number-in-2-bytes",
        "number of parts",
        "2, in 2 bytes where 1 is enough",
        PARTS_NUMBERS,
        lambda: two_parts(number(0, 2)),
        at=-51,
    ),
    **{
        key: bad
        for size, what in [(1, "part 0"), (3, "part 0, raw size"), (5, "part 1"), (10, "part 1, CRC-32")]
        for key, bad in bad_parts(
            f"parts-cut-after-{size}",
            what,
            "missing from here on: the end of the payload",
            LIST_OF_PARTS,
            lambda size=size: two_parts()[:size],
            at=-1,
        ).items()
    },
    **bad_parts(
        "parts-cut-before-lengths",
        "stretches, length",
        "missing: the end of the payload",
        LIST_OF_PARTS,
        lambda: two_parts(lengths=b"", payloads=b""),
        at=-1,
    ),
    **bad_part("part-table-bits-15", "table bits", "15", -47, table_bits=15),
    **bad_part("part-table-bits-19", "table bits", "19, of a part of 1024 bytes", -47, table_bits=19),
    **bad_second_part(
        "part-table-bits-of-the-block",
        "table bits",
        "17, of a part of 32 bytes and a block of 1056",
        PART_LIMITS,
        lambda: coded(NOISE[:1] * 32, table_bits=17)[0].fields(),
        -41,
    ),
    **bad_parts(
        "part-shape-as-without",
        "part 0, lanes, table bits and piece bits",
        "1, 17 and 20, which 1024 bytes have without them",
        PART_LIMITS,
        lambda: two_parts(first=b"\x0a" + number(1023) + packed_shape(1, 17) + number(ZEROS_WORDS)),
        part=0,
        at=-48,
    ),
    **bad_part("part-row-length-1", "row length", "1", -47, profile=block_header.CODE_PROFILE, row_length=1),
    **bad_part(
        "part-prior-profile-records",
        "profile",
        "records, mode 3",
        -50,
        mode=block_header.MEMORY_PRIOR,
        profile=block_header.RECORDS_PROFILE,
    ),
    **bad_part("part-numbers-phase", "row length", "2 bytes' phase 2", -47, **numbers(NumberLayout(1, 2, 2), 2)),
    **bad_part("part-payload-3-longer-than-raw", "payload size", "1027, of 1024 bytes", -47, payload_size=1027),
    **bad_parts(
        "part-raw-size-in-3-bytes",
        "part 0, raw size",
        "1024, in 3 bytes where 2 are enough",
        PART_LIMITS,
        lambda: two_parts(first=b"\x02" + number(1023, 3) + number(ZEROS_WORDS)),
        part=0,
        at=-49,
    ),
    **bad_second_part(
        "part-stored-transform",
        "transform",
        "x86, stored",
        PART_LIMITS,
        lambda: noise_header(transform=block_header.X86),
        None,
    ),
    **bad_second_part(
        "part-stored-shape-0",
        "lanes, table bits and piece bits",
        "0, stored",
        PART_LIMITS,
        lambda: b"\x09" + number(31) + bytes(2) + CRC_OF_NOISE,
        -47,
    ),
    **bad_second_part(
        "part-coded-size-as-raw-size",
        "coded size",
        "32, of 32 bytes",
        PART_LIMITS,
        lambda: b"\x05" + number(31) * 2 + CRC_OF_NOISE,
    ),
    **bad_second_part(
        "part-with-copies",
        "copies",
        "1, and a coded size of 31 of 32 bytes",
        PART_WAY,
        lambda: noise_header(spared=1, payload_size=31),
    ),
    **bad_second_part(
        "part-mode-0", "mode", "0, not in parts", PART_WAY, lambda: b"\0" + number(31) + number(32) + CRC_OF_NOISE
    ),
    **bad_part("part-primed", "primed", "1", -49, PART_WAY, primed=True),
    **bad_second_part("part-in-parts", "mode", "0, in parts", PART_WAY, lambda: of_parts(NOISE, NOISE)[0].fields()),
    **bad_parts(
        "parts-1-byte-too-few",
        "part 1, raw size",
        "31, and the block has 1056 bytes",
        PARTS_SIZES,
        lambda: two_parts(second=stored(NOISE[:31])[0].fields()),
    ),
    **bad_parts(
        "parts-1-byte-too-many",
        "part 0, raw size",
        "1025, and the block has 1056 bytes",
        PARTS_SIZES,
        lambda: two_parts(first=zeros_header(raw_size=1025)),
    ),
    **bad_parts(
        "parts-of-2-30",
        "part 0, raw size",
        "2^30, and the block has 1056 bytes",
        PARTS_SIZES,
        lambda: two_parts(first=zeros_header(raw_size=1 << 30, payload_size=1 << 15)),
        at=-54,
    ),
    **bad_parts(
        "stretch-longer-than-its-part",
        "stretches, length",
        "1025, of a part of 1024 bytes",
        PARTS_SIZES,
        lambda: two_parts(lengths=number(1)),
    ),
    **bad_parts(
        "stretch-longer-than-the-rest-of-its-part",
        "stretches, length",
        "1026, where the part has 1025 bytes left",
        PARTS_SIZES,
        lambda: three_parts(0, 0, 76, 1, 2, 0, 0),
        three_parts,
    ),
    **bad_parts(
        "stretch-of-the-same-part",
        "stretches, part",
        "2, which is the part of the stretch before",
        PARTS_SIZES,
        lambda: three_parts(0, 2, 76, 1, 1, 0, 0),
        three_parts,
    ),
    **bad_parts(
        "stretch-of-a-part-that-there-is-not",
        "stretches, part",
        "3, of three parts",
        PARTS_SIZES,
        lambda: three_parts(0, 3, 76, 1, 1, 0, 0),
        three_parts,
    ),
    **bad_parts(
        "stretch-of-a-part-without-bytes",
        "stretches, part",
        "0, which is part 1, and has no bytes left",
        PARTS_SIZES,
        lambda: three_parts(0, 0, 1100, 1, 0, 0, 0),
        three_parts,
        at=-51,
    ),
    **bad_parts(
        "stretch-length-in-2-bytes",
        "stretches, length",
        "1024, in 2 bytes where 1 is enough",
        PARTS_NUMBERS,
        lambda: two_parts(lengths=number(0, 2)),
        at=-40,
    ),
    **bad_parts(
        "stretch-part-in-2-bytes",
        "stretches, part",
        "0, in 2 bytes where 1 is enough",
        PARTS_NUMBERS,
        lambda: three_parts(0, number(0, 2), 76, 1, 1, 0, 0),
        three_parts,
        at=-57,
    ),
    **bad_parts(
        "parts-cut-in-stretches",
        "stretches, part",
        "missing: the end of the payload",
        LIST_OF_PARTS,
        lambda: three_parts()[: -THREE_PAYLOADS - 2],
        three_parts,
        at=-1,
    ),
    **bad_parts(
        "parts-payload-cut",
        "payloads",
        "the last byte missing",
        PARTS_PAYLOADS,
        lambda: two_parts()[:-1],
        at=-1,
    ),
    **bad_parts(
        "parts-payload-missing",
        "payloads",
        "that of part 1 missing",
        PARTS_PAYLOADS,
        lambda: two_parts(payloads=_zeros()[1]),
        at=-1,
    ),
    **bad_parts(
        "parts-payload-behind",
        "payloads",
        "a byte behind them",
        FILLED_UP,
        lambda: two_parts() + b"\1",
        at=-1,
    ),
    **bad_parts(
        "parts-padded-too-far",
        "payloads",
        "a zero behind them, where nothing has to be filled up",
        FILLED_UP,
        lambda: two_parts() + b"\0",
        at=-1,
    ),
    **both(
        "parts-filled-up-with-a-byte",
        "payload",
        "a byte 1 at the end, to fill up",
        lambda: _changed_payload(long_copy_in_parts(), lambda payload: payload[:-1] + b"\1"),
        long_copy_in_parts,
        FILLED_UP,
        block_size=1 << 21,
    ),
    **both(
        "parts-filled-up-too-far",
        "payload",
        "a zero too many at the end, to fill up",
        lambda: _changed_payload(long_copy_in_parts(), lambda payload: payload + b"\0"),
        long_copy_in_parts,
        FILLED_UP,
        block_size=1 << 21,
        at=-1,
    ),
    **bad_parts(
        "part-stored-flipped",
        "payload of part 1",
        "a flipped bit, stored",
        PART_RAW_CHECKSUM,
        lambda: flipped(two_parts(), -9),
        part=1,
    ),
    **bad_second_part(
        "part-stored-checksum", "CRC-32 of the raw bytes", "0", PART_RAW_CHECKSUM, lambda: noise_header(raw_crc=0), None
    ),
    **bad_parts(
        "part-flipped",
        "payload of part 0",
        "a flipped bit",
        PART_USED_UP,
        lambda: flipped(two_parts(), -33),
        part=0,
    ),
    **bad_parts(
        "part-zero-behind-words",
        "payload of part 0",
        "a zero behind its words",
        PART_TOP_WORD,
        lambda: two_parts(first=zeros_header(payload_size=ZEROS_WORDS + 1), payloads=_zeros()[1] + b"\0" + NOISE),
        part=0,
        at=-33,
    ),
    **bad_parts(
        "part-words-checksum",
        "payload of part 0",
        "words that hold the checksum + 1",
        PART_CODED_CHECKSUM,
        lambda: two_parts(payloads=coded(ZEROS, endings=(ending_of(ZEROS) + 1,))[1] + NOISE),
        part=0,
    ),
    **bad_parts(
        "parts-two-damaged",
        "payloads",
        "a flipped bit of each part: that of the first is noticed",
        PART_USED_UP,
        lambda: flipped(flipped(two_parts(), -33), -9),
        part=0,
    ),
    **bad_parts(
        "parts-of-other-stretches",
        "stretches, length",
        "1025, and 1024 of the third instead of 1025: the parts are right, but not the block",
        RAW_CHECKSUM,
        lambda: three_parts(1, 0, 76, 1, 0, 0, 0),
        three_parts,
    ),
    **bad_parts(
        "parts-of-other-bytes",
        "block header, CRC-32 of the raw bytes",
        "that of other bytes",
        RAW_CHECKSUM,
        two_parts,
        whole=ZEROS + NOISE[::-1],
    ),
    **both(
        "parts-copies-distance-0",
        "list of copies",
        "distance, 0; in parts",
        lambda: _copies_in_parts_with(listed(LEAST_STRETCH + 32, 32, 0)),
        lambda: _copies_in_parts_with(listed(LEAST_STRETCH + 32, 32, 64)),
        LIST_SIZES,
    ),
    **both(
        "parts-copies-raw-checksum",
        "block header, CRC-32 of the raw bytes",
        "0, in parts and with copies",
        lambda: _without_checksum(copying_in_parts(COPIES_IN_PARTS, {}, None)),
        lambda: copying_in_parts(COPIES_IN_PARTS, {}, None),
        RAW_CHECKSUM,
    ),
    # A frame of no block.
    "cut-after-marker-alone": cut("marker", EMPTY_LENGTH, ALONE_AT + 1, alone),
    "cut-in-checksum-of-no-block": cut("checksum", EMPTY_LENGTH, ALONE_AT + 2, alone),
    "checksum-of-no-block": Bad("checksum", "damaged; no block", EMPTY_CHECKSUM, lambda: flipped(alone(), -1), alone),
    "frame-header-damaged-of-no-block": Bad(
        "frame header, model id",
        "there, but not in the checksum; no block",
        EMPTY_CHECKSUM,
        lambda: _named() + alone()[ALONE_AT:],
        lambda: alone(start=_named()),
    ),
    # End.
    "cut-before-end": cut("end", BLOCK_LENGTH, END_AT, number=1, content=SOME),
    "cut-after-marker": cut("end, sizes", INDEX_LENGTH, END_AT + 1, content=SOME),
    "cut-in-end-magic": cut("end, magic", INDEX_LENGTH, END_AT + 21, content=SOME),
    "end-marker": Bad(
        "end, marker",
        "1, where the frame has no blocks: a block header",
        BLOCK_CHECKSUM,
        lambda: head() + end_with(0, b"\1"),
        frame,
    ),
    "end-magic": Bad("end, magic", "damaged", END_MAGIC, lambda: flipped(some_frame(), -1), content=SOME),
    "end-checksum": Bad("end, checksum", "damaged", INDEX_CHECKSUM, lambda: flipped(some_frame(), -5), content=SOME),
    "end-sizes-damaged": Bad(
        "end, sizes",
        "101, behind a checksum of 100",
        INDEX_CHECKSUM,
        lambda: flipped(some_frame(), END_AT + 5),
        content=SOME,
    ),
    "end-number-0": bad_end("number", "0", INDEX_NUMBER, 9, b"\0"),
    "end-number-2": bad_end("number", "2", INDEX_NUMBER, 9, b"\2"),
    "end-number-2-31": bad_end("number", "2^31 + 1", INDEX_NUMBER, 12, b"\x80"),
    "end-size": bad_end("sizes", "a block of 15 bytes instead of 14", INDEX_SIZES, 1, b"\x0f"),
    "end-raw-size": bad_end("sizes", "101 raw bytes instead of 100", INDEX_SIZES, 5, b"\x65"),
    "end-size-of-the-header": bad_end("size of the frame header", "13 instead of 12", INDEX_SIZES, 13, b"\x0d"),
    "end-sizes-of-other-order": Bad(
        "end, sizes",
        "those of block 1 first",
        INDEX_SIZES,
        lambda: head() + body(noise_block(), some_block()) + end(some_block(), noise_block()),
        lambda: frame(noise_block(), some_block()),
        content=NOISE + SOME,
    ),
    "end-of-fewer-blocks": Bad(
        "end, sizes", "none, number 0", INDEX_LENGTH, lambda: some_frame()[:END_AT] + end(), content=SOME
    ),
    "end-of-more-blocks": Bad(
        "end, sizes",
        "those of two blocks, number 2",
        END_MAGIC,
        lambda: some_frame()[:END_AT] + end(some_block(), some_block()),
        content=SOME,
        at=9 - container.end_size(2),
    ),
    "end-behind-one-block": Bad(
        "after the frame",
        "the end of a frame of several blocks; one block",
        TRAILING,
        lambda: noise_alone() + end(noise_block()),
        noise_alone,
        content=NOISE,
    ),
    # After a frame.
    **appended("trailing-byte", "a byte 1", TRAILING, b"\1"),
    **appended("trailing-zeros-and-text", "zeros to fill up, and text", TRAILING, bytes(408) + SHELLS),
    **appended("trailing-text", "text", TRAILING, SHELLS),
    **appended("trailing-lzip-file", "a file of lzip", TRAILING, LZIP_FILE),
    **appended("trailing-magic", "the magic without its last byte", HEADER_LENGTH, container.MAGIC[:3]),
    "second-frame-cut-in-header": cut("frame header", HEADER_LENGTH, SECOND_AT + 10, two_frames, content=NOISE),
    "second-frame-cut-after-header": cut("block header", BLOCK_LENGTH, SECOND_AT + BLOCK_AT, two_frames, content=NOISE),
    "second-frame-cut-in-payload": cut("payload", PAYLOAD_LENGTH, SECOND_AT + 50, two_frames, content=NOISE),
    "second-frame-cut-in-end": cut("end", INDEX_LENGTH, SECOND_AT + 70, two_frames, content=NOISE * 2),
    "second-frame-cut-in-header-alone": cut("frame header", HEADER_LENGTH, 45 + 4, two_alone, content=NOISE),
    "second-frame-cut-in-payload-alone": cut("payload", PAYLOAD_LENGTH, -1, two_alone, content=NOISE),
    "second-frame-magic": Bad(
        "frame header, magic", "damaged", TRAILING, lambda: flipped(two_frames(), SECOND_AT), two_frames, content=NOISE
    ),
    "second-frame-magic-alone": Bad(
        "frame header, magic",
        "damaged; one block",
        TRAILING,
        lambda: flipped(two_alone(), 45),
        two_alone,
        content=NOISE,
    ),
    "second-frame-checksum": Bad(
        "frame header, checksum",
        "damaged",
        HEADER_CHECKSUM,
        lambda: flipped(two_frames(), SECOND_AT + BLOCK_AT - 1),
        two_frames,
        content=NOISE,
    ),
    "one-then-several-checksum": Bad(
        "frame header, checksum",
        "damaged, in a frame of several blocks behind one of one",
        HEADER_CHECKSUM,
        lambda: noise_alone() + flipped(noise_frame(), BLOCK_AT - 1),
        lambda: noise_alone() + noise_frame(),
        content=NOISE,
    ),
    # Claims.
    "claim-of-blocks-of-1-gb": Bad(
        "block header, payload size",
        "0, of raw sizes of 2^30, three times",
        LIMITS,
        lambda: frame(*[(replace(claim(1)[0], raw_size=1 << 30), b"")] * 3, block_size=1 << 30),
        at=BLOCK_AT + 8,
    ),
    "claim-of-a-block-of-1-gb": Bad(
        "payload",
        "4 bytes of the 32,768 of a raw size of 2^30",
        PAYLOAD_LENGTH,
        lambda: _large_frame(claim(1, raw_size=1 << 30, payload_size=32768)[0], bytes(4)),
        at=-1,
    ),
    "claim-of-a-payload-of-1-gb": Bad(
        "payload",
        "1 byte of the 2^30, stored",
        PAYLOAD_LENGTH,
        lambda: _large_frame(stored(b"x", raw_size=1 << 30, payload_size=1 << 30)[0], b"x"),
        at=-1,
    ),
    "claim-of-a-block-of-1-gb-alone": Bad(
        "payload",
        "4 bytes of the 32,768 of a raw size of 2^30; one block",
        PAYLOAD_LENGTH,
        lambda: alone((claim(1, raw_size=1 << 30, payload_size=32768)[0], bytes(4))),
        at=-1,
    ),
    "claim-of-a-payload-of-1-gb-alone": Bad(
        "payload",
        "1 byte of the 2^30, stored; one block",
        PAYLOAD_LENGTH,
        lambda: alone(stored(b"x", raw_size=1 << 30, payload_size=1 << 30)),
        at=-1,
    ),
    "claim-of-an-index-of-4-gb": bad_end("sizes", "2^32 - 1 raw bytes instead of 100", INDEX_SIZES, 5, b"\xff" * 4),
    "claim-of-a-payload-in-the-index": bad_end(
        "sizes", "a block of 2^32 - 1 bytes instead of 14", INDEX_SIZES, 1, b"\xff" * 4
    ),
    "claim-of-1-tb": Bad(
        "end, sizes",
        "256 times 2^32 - 1 raw bytes, where the frame has no blocks",
        END_MAGIC,
        lambda: head(block_size=1 << 30) + Index(13, ((18, (1 << 32) - 1),) * 256).pack(),
        lambda: frame(block_size=1 << 30),
    ),
}


UNSUPPORTED: dict[str, Bad] = {
    **bad_kind("version-0", "version", "0", VERSION, 0x40, 0),
    **bad_kind("version-2", "version", "2", VERSION, 0x42, 2),
    **bad_kind("version-7", "version", "7, and flags and a number of the model that there are not", VERSION, 0xF7, 7),
    "version-2-and-no-more": Bad(
        "frame header, version", "2, the last byte of the file", VERSION, lambda: container.MAGIC + b"\2", number=2
    ),
    "version-2-without-a-checksum": Bad(
        "frame header, version",
        "2, behind a checksum of 1",
        VERSION,
        lambda: put(some_frame(), 4, b"\x4a"),
        number=2,
    ),
    "version-2-in-the-second-frame": Bad(
        "frame header, version",
        "2",
        VERSION,
        lambda: noise_frame() + head(4, b"\x4a") + noise_frame()[BLOCK_AT:],
        two_frames,
        number=2,
        content=NOISE,
    ),
    "window-alone": Bad(
        "frame header, window",
        "there; one block",
        FLAGS,
        lambda: alone(some_block(), start=put(_start(), 4, b"\x61")),
        some_alone,
    ),
    "window-alone-and-model-number-3": Bad(
        "frame header, window",
        "there, and number of the model 3; one block",
        FLAGS,
        lambda: alone(some_block(), start=put(_start(), 4, b"\xe1")),
        some_alone,
    ),
    **bad_kind("model-number-2", "number of the model", "2", MODEL_NUMBER, 0x81, 2),
    **bad_kind("model-number-3", "number of the model", "3", MODEL_NUMBER, 0xC1, 3),
    "unknown-model": Bad(
        "frame header, model id",
        "of no model",
        MODEL,
        lambda: sealed(put(_named_frame(some_block())[:16], 5, b"no model")) + _named_frame(some_block())[20:],
        lambda: _named_frame(some_block()),
        b"no model".hex(),
    ),
    "unknown-model-alone": Bad(
        "frame header, model id",
        "of no model; one block",
        MODEL,
        lambda: alone(some_block(), start=_named()[:5] + b"no model"),
        lambda: alone(some_block(), start=_named()),
        b"no model".hex(),
    ),
    **{
        key: bad
        for name, wrong, kind, numbers in [
            ("mode-0", "0, transform x86: not the end's marker", 0x10, ()),
            ("mode-0-copies", "0, copies", 0x04, (49,)),
            ("mode-0-primed", "0, primed", 0x80, ()),
            ("mode-0-profile-3", "0, profile 3, rows of 1 byte", 0x60, (1,)),
            ("mode-0-all", "0, and all other bits, rows of 1 byte", 0xFC, (49, 1)),
            ("parts-transform", "0, in parts, transform x86", 0x18, ()),
            ("parts-primed", "0, in parts, primed", 0x88, ()),
            ("parts-profile-code", "0, in parts, profile code, rows are lines", 0x48, (0,)),
        ]
        for key, bad in bad_fields(
            name,
            "mode",
            wrong,
            bytes([kind]) + number(99) + b"".join(map(number, numbers)) + number(SOME_WORDS) + CRC_OF_SOME,
            some_block,
            MODE,
        ).items()
    },
    **without_context("no-context", "of a context that is not given", b""),
    **without_context("other-context", "of another context than is given", SHELLS),
}

# Files.


def files() -> dict[str, bytes]:
    """All that is written, by its path in this directory: the vectors, what the good ones hold, and README.md."""
    made = {f"good/{name}.lz": good.build() for name, good in GOOD.items()}
    made |= {f"good/{name}.raw": good.content for name, good in GOOD.items() if len(good.content) <= MOST_RAW}
    made |= {f"bad/{name}.lz": bad.build() for name, bad in BAD.items()}
    made |= {f"unsupported/{name}.lz": bad.build() for name, bad in UNSUPPORTED.items()}
    for kind, vectors in (("good", GOOD), ("bad", BAD), ("unsupported", UNSUPPORTED)):
        made |= {f"{kind}/{name}.context": one.context for name, one in vectors.items() if one.context}
    return made | {"README.md": _readme(made).encode()}


README = """# Test vectors

Files for testing a decoder of FORMAT.md, written by `generate.py`, which this table comes from too. Numbers are bytes.

A frame names the model that it was written with: {model}, id `{id}`. The context to
read NAME.lz with is `NAME.context`; where there is no such file, none is to be given.

## good

Sound: what `NAME.lz` holds is in `NAME.raw`, unless it is long. Those marked * are too slow for the reference decoder
in the tests; `generate.py --reference` has it read them, in an hour or two. A frame is of one block, or none,
where nothing else is said.

| file | size | content | what it is |
|---|---|---|---|
{good}

## bad

Damaged. Each fails the check that is named and none before it: checksums before that are those of what is there. The
byte is the first that is wrong, or missing at the end of the file. Most are of both kinds of frames: NAME of several
blocks, NAME-alone of one. What is before the damage may be written before it
is noticed, whole pieces only.

| file | size | byte | field: what is wrong | check | exception: message |
|---|---|---|---|---|---|
{bad}

Listing frames reads headers and ends only. What it notices it refuses by the same check, but for this:

| file | check | exception: message |
|---|---|---|
{listing}

## unsupported

Sound, as far as can be said, but of a version, mode or model that likezip does not have, or with another
context than in `NAME.context`.

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
        if path.suffix in (".lz", ".raw", ".context") and path.relative_to(PLACE).as_posix() not in made:
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
            data = (PLACE / f"good/{name}.lz").read_bytes()
            assert reference_decoder.decode_file(data, models, good.context) == good.content
            print(f"{name}: {len(good.content):,} bytes read in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the test vectors and their table.")
    parser.add_argument("--reference", action="store_true", help="have the slow ones read by the reference decoder")
    arguments = parser.parse_args()
    write()
    if arguments.reference:
        read_slow_ones()
