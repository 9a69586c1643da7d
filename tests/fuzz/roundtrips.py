"""Round trips: what is compressed comes back, whatever the bytes and the options, and compresses to the same again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import permutations
from random import Random
from typing import Any
from unittest.mock import patch

from roundtrip import check_roundtrip

import likezip
from fuzz import drivers, frames
from fuzz.choices import Choices
from fuzz.memory import allocations_at_most
from likezip.blocks import block_header, coding, copies, kinds
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.coding import BlockMode
from likezip.blocks.copies import Copy
from likezip.frames.container import FrameHeader, Index
from likezip.frames.context import Context
from likezip.memory.number_layout import LAYOUT_BITS, NumberLayout
from likezip.memory.profiles import PROFILES
from likezip.model import default_model

LANES = (None, 1, 2, 3, 4, 7, 8, 31, 32, 33, 219, 1023, 1024)
PRIORS = ("off", "auto", "on")
EFFORTS = ("usual", "fast")
PIECE_BITS = (block_header.PIECE_BITS, 10, 11, 30)
ROW_LENGTHS = (0, 2, 3, 4, 7, 1024, 65535)

MIXED = 254
"""The shape of content of several kinds; the one behind it takes two blocks."""

LONGEST = 3000
"""Bytes that are compressed, unless they take two blocks or are of several kinds."""

MOST_PIECES = 2700
"""Bytes that are coded with a header of any kind at most, three pieces of the least size."""

LEAST_KIND = 1 << 12
"""Bytes of a kind of data at least; likezip's own would take a minute."""

MOST_MEMORY = 64 << 20
"""Bytes that may be allocated for that: a table takes 256 for each byte at most, the indexes of matches 8 MiB."""


def run(data: bytes) -> None:
    """Compress what ``data`` describes with the options that it describes, and decompress it."""
    choices = Choices(data)
    if choices.below(4) == 3:
        check_any_header(choices)
    else:
        options: dict[str, Any] = {"lanes": choices.pick(LANES), "prior": choices.pick(PRIORS)}
        options |= {"block_size": choices.pick([1 << 16, (1 << 16) + 1, 1 << 22, 1 << 30])}
        options |= {"threads": 2} if choices.below(8) == 7 else {}
        content = _content(choices, LONGEST)
        options |= {"window": choices.pick([None, 0, 1 << 16, (1 << 16) + 1, 1 << 30])}
        options |= {"context": frames.CONTEXT, "effort": choices.pick(EFFORTS)} if choices.below(4) == 1 else {}
        check_options(content, options)


def seeds() -> list[bytes]:
    """All lanes, choices of the prior, block sizes and shapes of content at least once."""
    text = b"It was the best of times, it was the worst of times, it was the age of wisdom.\n"
    found = []
    for number in range(len(LANES) * 2):
        options = bytes([0, number % len(LANES), number % len(PRIORS), number % 4, number % 8, number % len(SHAPES)])
        found.append(options + bytes([number, number]) + text)
        way = bytes([3, number % 3, number % len(LANES), number % 8, number % 2, number // 2, number % len(PIECE_BITS)])
        found += [way + options + text, way + bytes([1, 78]) + text + bytes([63])]  # the second of several pieces
    two_blocks = [bytes([0, lanes, 0, 0, 0, 255, 5]) + text for lanes in (0, 6)]
    mixed = [bytes([0, lanes, 0, 2, 0, MIXED, lanes]) + text for lanes in (0, 3)]
    for number in range(8):  # behind all that the content takes, which is then the part alone
        options = bytes([0, number, number % 3, 0, 0, 3, 9]) + text[:10] + bytes([5])
        found.append(options + bytes([number % 5, 1, number % 2]))
        found.append(
            bytes([3, number % 3, number, number, 0, 0, number % 4, 2, 9])
            + text[:10]
            + bytes([number, number, 1, number])
        )
    return [*found, *two_blocks, *mixed, bytes([0, 0, 1, 0, 0, 0]), bytes(6) + b"\0"]


def _plain(part: bytes, choices: Choices) -> bytes:
    return part


def _repeated(part: bytes, choices: Choices) -> bytes:
    return part * (1 + choices.below(64))


def _counted(part: bytes, choices: Choices) -> bytes:
    """Rows that differ in a number."""
    return b"".join(part[:100] + b"%d" % (i * i) + b"\n" for i in range(1 + choices.below(64)))


def _records(part: bytes, choices: Choices) -> bytes:
    """Binary numbers of one length."""
    size = 2 + choices.below(30)
    return b"".join((part[i % 7 : i % 7 + size].ljust(size, b"\0")[:-1] + bytes([i])) for i in range(100))


def _calls(part: bytes, choices: Choices) -> bytes:
    """Machine code, more or less: calls of a few places, with something in between."""
    code, target = bytearray(part[:8]), choices.below(1 << 16)
    for i in range(48):
        distance = (target + i % 5 * 64 - len(code)) % (1 << 32)
        code += b"\xe8" + distance.to_bytes(4, "little") + part[i : i + 1 + i % 3]
    return bytes(code)


def _overlapping(part: bytes, choices: Choices) -> bytes:
    """Operands that lie in each other."""
    return b"".join(bytes([0xE8 + (byte & 1)]) + bytes([0, 255][byte >> 1 & 1 :]) for byte in part[:400])


SHAPES = (_plain, _repeated, _counted, _records, _calls, _overlapping)


def _mixed(part: bytes, order: int) -> bytes:
    """Several kinds of data in turn, that want different modes: numbered lines, noise and binary records."""
    size = LEAST_KIND + 37 * order
    draw = Random(part)
    records = b"".join(draw.randbytes(2) + (7 * i).to_bytes(6, "big") for i in range(size // 8))
    of_each = [b"".join(b"%d: %s\n" % (i * i, part[i % 7 :]) for i in range(size // 8))[:size], draw.randbytes(size)]
    first, second = list(permutations([*of_each, records], 2))[order % 6]
    return first + second + first[: size // 2][::-1]


def _content(choices: Choices, most: int) -> bytes:
    """Bytes to compress: at most ``most``, or rarely more than a block of 2^16, which takes some seconds."""
    shape, more = choices.below(256), choices.below(256)
    part = choices.take(1 + more % 80)
    if shape == MIXED:
        return _mixed(part, more)
    if shape < MIXED:
        return (SHAPES[shape % len(SHAPES)](part, choices) + choices.rest())[:most]
    size = (1 << 16) + more
    return (part * (size // len(part) + 1))[:size]


def check_options(content: bytes, options: dict[str, Any]) -> None:
    """All that ``check_roundtrip`` looks at, and that the frame is as FORMAT.md has it."""
    context = options.get("context")
    if len(content) > LONGEST:
        options |= {"prior": "off", "threads": 1}  # quick enough, and without processes
    _warm_up()  # model and network are loaded, which is no case's memory
    with parts_of_few_bytes(), allocations_at_most(MOST_MEMORY + 1024 * len(content)):
        frame = check_roundtrip(content, **options)
        assert likezip.decompress(frame, context=context, threads=options.get("threads", 1)) == content
    frames.check_content(frame, content, complete=True)


@lru_cache(maxsize=1)
def _warm_up() -> None:
    drivers.warm_up()


@contextmanager
def parts_of_few_bytes() -> Iterator[None]:
    """Kinds of data may be shorter than usual, and need not be smaller in parts."""
    smaller = patch.multiple(kinds, WINDOW=LEAST_KIND // 2, LEAST=LEAST_KIND)
    with smaller, patch.object(coding, "LEAST_OF_PARTS", -1.0):
        yield


def check_any_header(choices: Choices) -> None:
    """What is coded with any header that a block may have decodes, also with those that likezip does not write."""
    number, lanes = choices.below(len(PROFILES)), choices.pick(LANES) or 5
    row_length, transform = choices.pick(ROW_LENGTHS), choices.pick([block_header.UNCHANGED, block_header.X86])
    row_length = row_length if number != block_header.TEXT_PROFILE else 0  # which has none
    packed = choices.below(1 << LAYOUT_BITS)
    layout = NumberLayout.unpack(packed) if number == block_header.NUMBERS_PROFILE else None
    if layout and not layout.is_possible:
        return
    block_size = choices.pick([1 << 16, None])
    piece_bits = choices.pick(PIECE_BITS)
    raw = _content(choices, MOST_PIECES)[:MOST_PIECES] or b"\0"
    content, context = raw, choices.pick([b"", frames.CONTEXT])
    primer = context if choices.below(2) else b""
    if choices.below(2):  # all of it once more, as far as the block may be long
        content = (raw * 100)[: choices.pick([2 * len(raw), 2 * len(raw) + 1, 5 * len(raw)])]
        raw = copies.pack([Copy(len(raw), len(content) - len(raw), len(raw))], content, len(context))
        if len(raw) >= len(content):
            return  # that would spare nothing
    if choices.below(2) and context:
        content = context[:300] + content
        raw = copies.pack([Copy(0, 300, len(context))], content, len(context))
        if len(raw) >= len(content):
            return
    lanes = 1 if primer else lanes
    table_bits = 16 + choices.below(max(1 << 16, 256 * len(raw)).bit_length() - 16)
    order_zero = number == block_header.TEXT_PROFILE and not primer and choices.below(4) == 1
    lanes, table_bits = (0, 0) if order_zero else (lanes, table_bits)
    way = BlockMode(number, row_length, False, layout, order_zero), transform, lanes, table_bits, piece_bits
    payload = frames.payload_of(*way, raw, primer, len(content))
    if len(payload) > len(raw) + block_header.SLACK:
        return  # such a block has to be stored
    modelled, spared = (lanes, transform, number, row_length, table_bits), len(content) - len(raw)
    sizes = len(content), len(payload), block_header.checksum(content) if spared else None, spared
    header = BlockHeader(
        block_header.MEMORY, *modelled, *sizes, primed=bool(primer), piece_bits=piece_bits, layout=layout
    )
    identity = Context(context).id if context else b""
    start = FrameHeader.of(block_size, default_model().id, context_id=identity)
    block = header.pack(start.sealing(0)) + payload
    end = b"" if block_size is None else Index(len(start.packed), ((len(block), len(content)),)).pack()
    frames.check(start.packed + block + end, wanted=content)
