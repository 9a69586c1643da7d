"""Frames, sound and damaged: every way to read them gives the right bytes or a LikezipError.

What is right is what ``layout`` reads: the content of sound blocks, by the checksums in their headers, or where code
words hold it, by encoding the content once more; of the test vectors' blocks, byte by byte.
"""

from __future__ import annotations

import io
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from random import Random

import numpy as np
from roundtrip import Pipe, parsed_whole

import likezip
from fuzz import layout
from fuzz.choices import Choices
from fuzz.layout import Part
from fuzz.memory import allocations_at_most
from likezip.blocks import block_header, code_words, coding, x86_transform
from likezip.blocks.block_header import MAX_TABLE_BITS, BlockHeader, Sealing
from likezip.blocks.coding import BlockMode
from likezip.blocks.entropy_coder import encode
from likezip.blocks.options import CodingOptions
from likezip.blocks.predictor import pieces_of
from likezip.frames import reader
from likezip.frames.container import FrameHeader, Index
from likezip.frames.context import Context
from likezip.frames.index import read_frames
from likezip.frames.recovery import recover_stream
from likezip.frames.workers import Workers
from likezip.frames.writer import FrameWriter
from likezip.memory.number_layout import LAYOUT_BITS, NumberLayout
from likezip.model import default_model

VECTORS = Path(__file__).parents[1] / "vectors"

LONGEST = 1 << 14
"""Bytes of content of blocks that are to be decoded; frames that ask for more, and may, are only read by the index."""

QUICKER = 64
"""How many times as many bytes are copied in the time in which one is decoded, or more."""

LONGEST_FRAME = 3000

MOST_MEMORY = (1 << MAX_TABLE_BITS) + (48 << 20)
"""Bytes that may be allocated for so little: the largest table; the two indexes of matches take 8 MiB, 1024 lanes and
the prior 16."""

RAW, BEHIND_A_HEADER, EDITED, EDITED_AND_REPAIRED, COPYING, IN_PARTS = range(6)

NOISE = Random(5).randbytes(300)
CONTEXT = NOISE[:200] + b"".join(b"line %d of a context, of which frames may have copies\n" % i for i in range(9))
FILLER = Random(6).randbytes(1 << 16)
"""A block, so that what is before it may be out of the window."""


def run(data: bytes) -> None:
    """Read the frames that ``data`` describes."""
    choices = Choices(data)
    kind = choices.below(6)
    if kind == RAW:
        check(choices.rest())
    elif kind == BEHIND_A_HEADER:
        closed, header = choices.below(2) == 1, _header(choices)
        check(layout.repaired(header + choices.rest(), closed=closed))
    elif kind == COPYING:
        check(_copying(choices))
    elif kind == IN_PARTS:
        frame, content = _in_parts(choices)
        check(frame, wanted=content)
    else:
        picked = [choices.pick(vectors()) for _ in range(1 + choices.below(3))]
        sound, content = b"".join(frame for frame, _ in picked), b"".join(raw for _, raw in picked)
        edited = sound
        for _ in range(choices.below(8)):
            edited = choices.pick(EDITS)(edited, choices)
        if kind == EDITED_AND_REPAIRED:
            edited = layout.repaired(edited, closed=choices.below(2) == 1)
        check(edited, wanted=content if edited == sound else None)


def seeds() -> list[bytes]:
    """Every test vector as it is, the blocks of the sound ones behind a header, and each edit of them."""
    paths = sorted(VECTORS.glob("*/*.lz"))
    found = [bytes([RAW]) + path.read_bytes() for path in paths if path.stat().st_size <= LONGEST_FRAME]
    for frame, _ in vectors():
        first = next(layout.parts(frame))
        found.append(bytes([BEHIND_A_HEADER, 1, 3 if first.alone else 0, 1]) + frame[len(first.fields) :])
    for kind in (EDITED, EDITED_AND_REPAIRED):
        for number in range(len(vectors())):
            found.append(bytes([kind, 0, number]))
            found += [bytes([kind, 0, number, 1, edit, 5 * number % 256, 0, 9, 0, 1, 1]) for edit in range(len(EDITS))]
    draw = Random(7)
    found += [bytes([COPYING]) + bytes(draw.choices(range(40), k=120)) for _ in range(40)]
    for number in range(8):  # filled up, with zeros or something else
        piece = bytes([COPYING, number % 2, 0, 0, 1, number]) + b"some letters"[: number + 1]
        found += [piece + bytes([1, 2, 1]), piece + bytes([0, 1, 2])]
    found += [bytes([IN_PARTS]) + bytes(draw.choices(range(40), k=60)) for _ in range(40)]
    several, two_parts = bytes([IN_PARTS, 1, 1]), bytes([1, 0, 0, 1, 2, 3, 4, 0, 0, 0])
    for number in range(16):  # sound
        found.append(several + bytes([number % 8, number % 4, number // 8, number % 4, *range(number, 30), 0, 0, 0]))
    for number in range(2 * len(WRONG)):  # with something wrong
        found.append(bytes([IN_PARTS, 0, 0]) + two_parts + bytes([8 + number // 2, *range(number, 20)]))
    found += [bytes([IN_PARTS, 0, 0]) + two_parts + bytes([8, place, 0, 1]) for place in (0, 3)]  # 0 in 4 bytes
    return found


@lru_cache
def vectors() -> list[tuple[bytes, bytes]]:
    """Sound frames of a few bytes, and what they hold."""
    paths = [path for path in sorted(VECTORS.glob("good/*.lz")) if path.with_suffix(".raw").exists()]
    found = [(path.read_bytes(), path.with_suffix(".raw").read_bytes()) for path in paths]
    found = [(frame, raw) for frame, raw in found if len(frame) <= LONGEST_FRAME and len(raw) <= LONGEST // 3]
    return found + _written()


def _written() -> list[tuple[bytes, bytes]]:
    """Frames with copies, and with a context, as likezip writes them, and what they hold."""
    like = CONTEXT[:190] + b"something else" + CONTEXT[210:400]
    options = CodingOptions(default_model(), "off")
    found = [(likezip.compress(raw, context=CONTEXT), raw) for raw in (like, CONTEXT, CONTEXT[300:500], b"", b"x")]
    found += [(likezip.compress(like, context=CONTEXT, effort="fast"), like)]
    for context, window in [(None, 1 << 16), (Context(CONTEXT), 1 << 30), (Context(CONTEXT), 0)]:
        with Workers() as workers:
            writer = FrameWriter(workers, options, block_size=1 << 16, context=context, window=window)
            blocks = [NOISE, b"some text, " + NOISE[50:] + NOISE[:150], like * 2, NOISE[:200]]
            parts = [part for block in blocks for part in writer.write_block(block)]
            found.append((b"".join([*parts, *writer.end()]), b"".join(blocks)))
    return found


@lru_cache
def _contexts() -> dict[bytes, bytes]:
    """All contexts by their ids."""
    found = [CONTEXT, *(path.read_bytes() for path in sorted(VECTORS.glob("*/*.context")))]
    return {layout.context_id(context): context for context in found}


def context_of(frame: bytes) -> bytes:
    """What is given as context to read frames: that of the first which names one, nothing if it is unknown."""
    named = [layout.named_context(part) for part in layout.parts(frame) if part.kind == "frame"]
    return next((_contexts().get(identity, b"") for identity in named if identity), b"")


def _has_its_context(frame: bytes) -> bool:
    """Whether what is given as context is that of all frames that name one."""
    named = {layout.named_context(part) for part in layout.parts(frame) if part.kind == "frame"} - {b""}
    return named <= {layout.context_id(context_of(frame))}


def _copying(choices: Choices) -> bytes:
    """A frame of stored blocks with copies, of which many are not allowed; all checksums are right."""
    context, window = choices.pick([b"", CONTEXT]), choices.pick([0, 16, 17, 30])
    several = choices.below(4) > 0
    header = layout.frame_header(1 << 16 if several else None, layout.LIKEZIP_2, 1, window, context)
    frame, entries, content = header, layout.Entries(), bytearray(context)
    if not several and choices.below(4) == 1:
        raw, coded = _repeating(context, choices)
        filling = choices.pick([b"\0", b"\0", b"\1"])
        return frame + layout.stored_block(len(raw), zlib.crc32(raw), coded, header, 0, filling)
    for number in range(1 + choices.below(4) if several else 1):
        if choices.below(16) == 1:
            raw = coded = FILLER[: (1 << 16) - choices.below(300)]
            block = BlockHeader.stored(len(raw), zlib.crc32(raw)).pack(FrameHeader(1 << 16, b"", b"").sealing(number))
            block += coded
        else:
            raw, coded = _with_copies(bytes(content), context, choices)
            block = layout.stored_block(len(raw), zlib.crc32(raw), coded, header, number)
        content += raw
        frame += block
        entries.append((len(block), len(raw)))
    return frame + (layout.packed_end(header, entries) if several else b"")


def _repeating(context: bytes, choices: Choices) -> tuple[bytes, bytes]:
    """A block that is the same again and again, raw, and as it is coded: in so few bytes that they are filled up."""
    piece = choices.take(1 + choices.below(12))
    size = (2 + choices.below(2) << 18) + choices.below(3) - 1
    coded = layout.packed_list([(len(piece), 0, len(piece))], len(context)) + piece
    return (piece * (size // len(piece) + 1))[:size], coded


def _with_copies(before: bytes, context: bytes, choices: Choices) -> tuple[bytes, bytes]:
    """A block behind other bytes, the context among them: raw, and as it is coded."""
    raw, literals, copies = bytearray(), b"", list[tuple[int, int, int]]()
    for _ in range(1 + choices.below(4)):
        between = choices.below(40)
        some = choices.take(between)
        raw += some
        literals += some
        length, distance = choices.pick([1, 2, 20, 40, 130, 600]), 1 + choices.below(60)
        origin = choices.below(4)
        if origin:  # from the beginning of the block, of all, or of what is behind the context
            distance = len(raw) + (len(before) - (len(context) if origin == 3 else 0) if origin > 1 else 0)
            distance = max(1, distance - choices.below(60))
        copies.append((between, length, distance))
        source = len(before) + len(raw) - distance
        for i in range(length):
            whole = before[source + i] if 0 <= source + i < len(before) else 0
            raw.append(raw[source + i - len(before)] if source + i >= len(before) else whole)
    rest = choices.take(choices.below(20))
    if not rest and choices.below(16) != 1:
        copies[-1] = (copies[-1][0], 0, copies[-1][2])
    return bytes(raw + rest), layout.packed_list(copies, len(context)) + literals + rest


def _in_parts(choices: Choices) -> tuple[bytes, bytes | None]:
    """A frame of blocks in parts, the first coded and the others stored, of which many are wrong in some detail, and
    what it holds, None if it is wrong; all checksums are right."""
    several = choices.below(2) == 1
    header = layout.frame_header(1 << 19 if several else None, layout.LIKEZIP_2, 1)
    frame, entries, content, sound = header, layout.Entries(), b"", True
    for number in range(1 + choices.below(2) if several else 1):
        sizes, raw, coded = _stretched(choices)
        larger, wrong = choices.below(16) == 1, choices.below(16) - 8
        pieces = _parts(sizes, coded, modelled=not larger)  # than if the block were stored, if no part is coded
        if wrong >= 0:
            pieces = WRONG[wrong % len(WRONG)](pieces, choices)
        packed, copied = b"".join(pieces), len(coded) if coded != raw else None
        block = layout.block_in_parts(len(raw), zlib.crc32(raw), packed, header, number, copied)
        sound = sound and wrong < 0 and not larger
        content += raw
        frame += block
        entries.append((len(block), len(raw)))
    return frame + (layout.packed_end(header, entries) if several else b""), content if sound else None


def _stretched(choices: Choices) -> tuple[list[tuple[int, int]], bytes, bytes]:
    """The part and size of each stretch of a block, raw, and as it is coded: sometimes with a copy behind all."""
    count = choices.pick([2, 2, 3, 4, 2, 3, 5, 16])
    order = list(range(count)) if choices.below(4) else [0, *range(count - 1, 0, -1)]
    for _ in range(choices.below(3)):
        order.append((order[-1] + 1 + choices.below(count - 1)) % count)
    sizes = [(part, layout.LEAST_STRETCH + choices.pick([0, 1, 63, 64])) for part in order[:-1]]
    sizes.append((order[-1], 1 + choices.below(80)))
    coded = b"".join((choices.take(2) * size)[:size] for _, size in sizes)
    if choices.below(4) != 1:
        return sizes, coded, coded
    length = choices.pick([20, 3000, 1 << 18])
    lists = (layout.packed_list([(size, 0, size)], 0) for size in range(len(coded) - 9, len(coded)))
    listed = next(listed for size, listed in enumerate(lists, len(coded) - 9) if size + len(listed) == len(coded))
    literals = coded[len(listed) :]
    raw = (literals * (2 + length // len(literals)))[: len(literals) + length]
    return sizes, raw, listed + literals


def _parts(sizes: list[tuple[int, int]], coded: bytes, *, modelled: bool) -> list[bytes]:
    """The payload of a block in parts: number of parts, their headers, the numbers of the stretches, the payloads;
    modelled: whether the first part is coded."""
    contents, at = [b""] * (1 + max(part for part, _ in sizes)), 0
    for part, size in sizes:
        contents[part] += coded[at : at + size]
        at += size
    numbers = list[int]()
    for place, (part, size) in enumerate(sizes[: _last_listed(sizes, [len(content) for content in contents])]):
        if place and len(contents) > 2:
            numbers.append((part - sizes[place - 1][0] - 1) % len(contents))
        numbers.append(size - layout.LEAST_STRETCH)
    headers, payloads = list[bytes](), list[bytes]()
    for content in contents:
        raw_size = layout.packed_number(len(content) - 1)
        headers.append(bytes([layout.STORED]) + raw_size + zlib.crc32(content).to_bytes(4, "little"))
        payloads.append(content)
    if modelled:
        content = contents[0]
        shape = 1, block_header.default_table_bits(len(content)), block_header.PIECE_BITS
        payloads[0] = payload_of(BlockMode(block_header.TEXT_PROFILE, 0), 0, *shape, content, b"")
        headers[0] = bytes([layout.MEMORY]) + layout.packed_number(len(content) - 1)
        headers[0] += layout.packed_number(len(payloads[0]))
    return [layout.packed_number(len(contents) - 2), *headers, *map(layout.packed_number, numbers), *payloads]


def _last_listed(sizes: list[tuple[int, int]], left: list[int]) -> int:
    """How many stretches are listed: until only one part has bytes left."""
    left = list(left)
    for place, (part, size) in enumerate(sizes):
        if left.count(0) == len(left) - 1:
            return place
        left[part] -= size
    return len(sizes)


# What can be wrong in such a payload.


def _with_another_number(pieces: list[bytes], choices: Choices) -> list[bytes]:
    """In place of a number of the list, or of a header, another one, or the same in more bytes."""
    place, number = choices.below(len(pieces)), choices.pick([0, 1, 2, 13, 14, 15, 63, 64, 1023, (1 << 30) - 1])
    longer = (number << 2 | 3).to_bytes(4, "little")
    return [*pieces[:place], choices.pick([layout.packed_number(number), longer]), *pieces[place + 1 :]]


def _with_one_more_or_less(pieces: list[bytes], choices: Choices) -> list[bytes]:
    """A byte of a piece is one more or one less, or four, as in numbers."""
    place = choices.below(len(pieces))
    changed = bytearray(pieces[place])
    at = choices.below(min(len(changed), 12))
    changed[at] = (changed[at] + choices.pick([4, -4, 1, -1, 128, 8])) % 256
    return [*pieces[:place], bytes(changed), *pieces[place + 1 :]]


def _without_a_piece(pieces: list[bytes], choices: Choices) -> list[bytes]:
    place = choices.below(len(pieces))
    return pieces[:place] + pieces[place + 1 :]


def _with_a_piece_twice(pieces: list[bytes], choices: Choices) -> list[bytes]:
    place, other = choices.below(len(pieces)), choices.below(len(pieces))
    return [*pieces[:place], pieces[other], *pieces[place:]]


def _with_pieces_exchanged(pieces: list[bytes], choices: Choices) -> list[bytes]:
    one, other = choices.below(len(pieces)), choices.below(len(pieces))
    changed = list(pieces)
    changed[one], changed[other] = changed[other], changed[one]
    return changed


def _cut_short(pieces: list[bytes], choices: Choices) -> list[bytes]:
    packed = b"".join(pieces)
    return [packed[: -1 - choices.below(len(packed))]]


def _with_filling(pieces: list[bytes], choices: Choices) -> list[bytes]:
    return [*pieces, choices.pick([b"\0", b"\1", bytes(4)])]


WRONG: tuple[Callable[[list[bytes], Choices], list[bytes]], ...] = (
    _with_another_number,
    _with_one_more_or_less,
    _without_a_piece,
    _with_a_piece_twice,
    _with_pieces_exchanged,
    _cut_short,
    _with_filling,
)


@lru_cache
def _known_blocks() -> dict[bytes, bytes]:
    """The content of the vectors' blocks by what they are in the file, but for the checksums of their headers."""
    found = {}
    for frame, raw in vectors():
        at = 0
        for block in layout.sound_blocks(frame):
            size = block.values["raw size"]
            found[_written_as(block, frame)] = raw[at : at + size]
            at += size
    return found


def _written_as(block: Part, frame: bytes) -> bytes:
    return block.fields[: -len(block.checksum)] + layout.payload(block, frame)


@lru_cache(maxsize=64)
def _words(
    mode: BlockMode,
    transform: int,
    lanes: int,
    table_bits: int,
    piece_bits: int,
    size: int,
    coded: bytes,
    primer: bytes,
) -> list[bytes]:
    """The words of each piece of a block of ``size`` coded bytes that begins with these, which are whole pieces; each
    holds the checksum of its piece, too."""
    change = x86_transform.to_absolute if transform == block_header.X86 else bytes
    learnt, words = change(primer) if primer else b"", list[bytes]()
    known, shape = learnt + change(coded), mode.shape(len(learnt) + size, lanes, table_bits, piece_bits)
    with coding.open_coder(shape, CodingOptions(default_model()), prior=mode.prior) as opened:
        if learnt:
            opened.run(np.frombuffer(learnt, np.uint8))
        for begin, end in pieces_of(size, lanes, piece_bits):
            if end <= len(coded):
                ones, bits = opened.run(np.frombuffer(known[: len(learnt) + end], np.uint8))
                words.append(encode(ones, bits, zlib.crc32(coded[begin:end])))
    return words


def payload_of(
    mode: BlockMode,
    transform: int,
    lanes: int,
    table_bits: int,
    piece_bits: int,
    coded: bytes,
    primer: bytes,
    raw_size: int | None = None,
) -> bytes:
    """The payload for the coded bytes of a block; raw_size: if it has copies."""
    words = _words(mode, transform, lanes, table_bits, piece_bits, len(coded), coded, primer)
    return code_words.pack_words(words, raw_size or len(coded))


def _encoded_again(block: Part, content: bytes, context: bytes) -> bytes:
    """The payload of a coded block without copies for this content, which is the only one that decodes to it."""
    return payload_of(*_way(block), content, context if block.values["way"] & 128 else b"")


def _way(block: Part) -> tuple[BlockMode, int, int, int, int]:
    """How a coded block is coded: its mode, transform and shape."""
    values = block.values
    profile, packed = values["profile"], values["rows"] % (1 << LAYOUT_BITS)
    numbers = NumberLayout.unpack(packed) if profile == layout.OF_NUMBERS else None
    prior, lanes = values["mode"] == layout.MEMORY_PRIOR, block.shape[0]
    mode = BlockMode(profile, values["row length"], prior, numbers, lanes == 0)
    return mode, values["way"] >> 4 & 1, *block.shape


def _begin_fits(block: Part, content: bytes, frame: bytes) -> bool:
    """Whether content that ends within a block is whole pieces of it, in which the payload begins."""
    values, way, shape = block.values, block.values["way"], block.shape
    if values["mode"] not in (layout.MEMORY, layout.MEMORY_PRIOR) or way & 4:
        return False
    ends = [end for _, end in pieces_of(values["coded size"], shape[0], shape[2])]
    if len(content) not in ends[:-1]:
        return False
    if way >> 4 & 1:
        return True  # operands at the end of the content depend on what is behind it
    words = _words(*_way(block), values["coded size"], content, context_of(frame) if way & 128 else b"")
    stripped = [each.rstrip(b"\0") for each in words]
    begin = b"".join(layout.packed_number(len(each)) + each for each in stripped)
    return layout.payload(block, frame).startswith(begin)


def _parts_fit(block: Part, content: bytes, frame: bytes) -> bool:
    """Whether the payload of a block in parts is one for this content, as far as that is known: it may have copies.

    Raises layout.Unsound for one that can't be for any content.
    """
    divided = layout.divided(block, frame)
    if block.values["way"] & 4:
        return True
    for part, raw, payload in zip(divided.parts, divided.contents(content), divided.payloads, strict=True):
        if payload != (raw if part.values["mode"] == layout.STORED else _encoded_again(part, raw, b"")):
            return False
    return True


def _header(choices: Choices) -> bytes:
    """A sound frame header, for several blocks of a size to choose, or one block, with the model's number or its id,
    with a window and a context or not."""
    size, number = choices.pick([1 << 16, 1 << 17, 1 << 30, None]), choices.below(8)
    window, context = [0, 0, 16, 30][number >> 1], [b"", CONTEXT][number >> 2]
    return layout.frame_header(size, layout.LIKEZIP_2, number & 1, window, context)


# What can be done to a frame.


def _flip(frame: bytes, choices: Choices) -> bytes:
    place = choices.below(8 * len(frame) + 1)
    edited = bytearray(frame + b"\0")
    edited[place // 8] ^= 1 << place % 8
    return bytes(edited[: len(frame)])


def _write(frame: bytes, choices: Choices) -> bytes:
    place, written = choices.below(len(frame) + 1), choices.take(1 + choices.below(8))
    return frame[:place] + written + frame[place + len(written) :]


def _insert(frame: bytes, choices: Choices) -> bytes:
    place, inserted = choices.below(len(frame) + 1), choices.take(1 + choices.below(40))
    return frame[:place] + inserted + frame[place:]


def _delete(frame: bytes, choices: Choices) -> bytes:
    place, size = choices.below(len(frame) + 1), 1 + choices.below(64)
    return frame[:place] + frame[place + size :]


def _cut(frame: bytes, choices: Choices) -> bytes:
    return frame[: choices.below(len(frame) + 1)]


def _repeat_part(frame: bytes, choices: Choices) -> bytes:
    """A block with its payload, a frame header or an end once more, somewhere between parts."""
    parts = [part for part in layout.parts(frame) if part.behind <= len(frame)]
    if not parts:
        return frame
    part, place = choices.pick(parts), choices.pick(parts).at
    return frame[:place] + frame[part.at : part.behind] + frame[place:]


def _drop_part(frame: bytes, choices: Choices) -> bytes:
    parts = list(layout.parts(frame))
    if not parts:
        return frame
    part = choices.pick(parts)
    return frame[: part.at] + frame[part.behind :]


LIMITS = sorted(
    {0, 1, 2, 255, 1023, 1024, 2047, (1 << 16) - 1, 1 << 16, 1 << 17, 1 << 30, (1 << 31) - 1, (1 << 32) - 1}
)


def _set_field(frame: bytes, choices: Choices) -> bytes:
    """A field of a header becomes another number, often one at a limit."""
    parts = [part for part in layout.parts(frame) if part.kind != "end"]
    if not parts:
        return frame
    part = choices.pick(parts)
    offset, size = choices.pick([place for name, place in part.places.items() if name != "checksum"])
    place, number = part.at + offset, choices.pick(LIMITS)
    if choices.below(2):
        number = int.from_bytes(choices.take(size), "little")
    return frame[:place] + (number % (1 << 8 * size)).to_bytes(size, "little") + frame[place + size :]


def _set_number(frame: bytes, choices: Choices) -> bytes:
    """A field of variable length becomes another number, which moves all behind it; sometimes in a longer form."""
    fields = [(part.at + at, size) for part in layout.parts(frame) for at, size in _numbers(part)]
    if not fields:
        return frame
    place, size = choices.pick(fields)
    number, longer = choices.pick(LIMITS) % (1 << 30), choices.below(4)
    packed = layout.packed_number(number)
    if longer == 3 and len(packed) < 4:
        packed = (number << 2 | len(packed)).to_bytes(len(packed) + 1, "little")
    return frame[:place] + packed + frame[place + size :]


def _numbers(part: Part) -> list[tuple[int, int]]:
    """The fields of variable length of a part."""
    return [place for name, place in part.places.items() if name in layout.NUMBERS]


EDITS: tuple[Callable[[bytes, Choices], bytes], ...] = (
    _flip,
    _write,
    _insert,
    _delete,
    _cut,
    _repeat_part,
    _drop_part,
    _set_field,
    _set_number,
)


# What has to be true of whatever it has become.


@lru_cache(maxsize=1)
def _warm_up() -> None:
    """Have the model and the kernels loaded, which a process does once, whatever it decodes."""
    for frame, raw in vectors():
        assert likezip.decompress(frame, context=context_of(frame)) == raw


def check(frame: bytes, *, wanted: bytes | None = None) -> None:
    """AssertionError, or whatever exception it was, if likezip reads ``frame`` in any other way than it should.

    wanted: what it has to be read as, unless it names a context that is not given, None if that is not known.
    To save time it is read from a pipe and in one way more, which its checksum picks.
    """
    check_headers(frame)
    _warm_up()
    with allocations_at_most(MOST_MEMORY):
        indexed = _indexed(frame)
    if asked_for(frame) > LONGEST:
        return
    with allocations_at_most(MOST_MEMORY):
        content, complete = _piped(frame)
    written = content
    content = written[: check_content(frame, written, complete=complete)]  # whole blocks, which every way gives
    assert not complete or indexed == len(content), "the frames can be read, but their index can't"
    check_stored(frame, content, complete=complete)
    assert complete or wanted is None or not _has_its_context(frame), "a sound frame was refused"
    assert not complete or wanted in (None, content), "another content came out than went in"
    another = zlib.crc32(frame) % (len(OTHER_WAYS) + 1)
    with allocations_at_most(MOST_MEMORY):
        if another == len(OTHER_WAYS):
            check_recovery(frame, content, complete=complete, by_index=indexed is not None)
        else:
            assert OTHER_WAYS[another](frame, content) == complete, "read in one way, refused in another"


def check_headers(frame: bytes) -> None:
    """likezip refuses exactly those headers and ends that are not sound."""
    for part in layout.parts(frame):
        assert _is_accepted(part) == layout.is_sound(part), (part.kind, part.fields)


def _is_accepted(part: Part) -> bool:
    try:
        if part.kind == "frame":
            parsed_whole(FrameHeader.parser(), part.fields)
        elif part.kind == "block":
            sealing = Sealing(part.header, short=True) if part.alone else Sealing.numbered(len(part.entries) - 1)
            parsed_whole(BlockHeader.parser(part.fields[:1], "a block", part.block_size, sealing), part.fields[1:])
        elif part.alone:
            parsed_whole(reader.parse_end(part.fields[:1], FrameHeader(None, b"", part.header), []), part.fields[1:])
        else:
            return Index.parse(part.fields) == Index(len(part.header), tuple(part.entries))
    except likezip.LikezipError:
        return False
    return True


def asked_for(frame: bytes) -> int:
    """Bytes of content that may have to be decoded, also behind what is damaged."""
    headers = [part for part in layout.parts(frame) if part.kind == "block" and layout.is_sound(part)]
    coded = sum(part.entries[-1][1] for part in headers if part.values["mode"] not in (layout.PARTS, layout.STORED))
    coded += sum(part.values["coded size"] for part in headers if part.values["mode"] == layout.PARTS)
    copied = sum(part.entries[-1][1] for part in headers if part.values["way"] in (layout.STORED | 4, 8 | 4))
    return coded + copied // QUICKER


def check_content(frame: bytes, content: bytes, *, complete: bool) -> int:
    """What was given out is that of sound blocks: if ``complete`` of all, and then the frames have to be sound; else
    perhaps also the first pieces of one that is not.  Returns the bytes of whole blocks."""
    at, sound, part = 0, True, b""
    try:
        for block in layout.sound_blocks(frame):
            raw_size = block.values["raw size"]
            part = content[at : at + raw_size]
            if len(part) < raw_size:
                sound = False
                assert not part or _begin_fits(block, part, frame), f"the block at {block.at} began wrong"
                break
            fits = zlib.crc32(part) == block.values.get("raw crc", zlib.crc32(part))
            if "raw crc" not in block.values:
                fits = _encoded_again(block, part, context_of(frame)) == layout.payload(block, frame)
            elif block.values["mode"] == layout.PARTS:
                fits = fits and _parts_fit(block, part, frame)
            assert fits, f"the block at {block.at} came out wrong"
            assert part == _known_blocks().get(_written_as(block, frame), part)
            at, part = at + raw_size, b""
    except layout.Unsound:
        sound = False
    assert at == len(content) - len(part), "bytes that are in no sound block came out"
    assert sound or not complete, "a frame that is not sound was read as if it were"
    return at


def check_stored(frame: bytes, content: bytes, *, complete: bool) -> None:
    """Frames of this model in which nothing is coded are read if they are sound, with their copies, and not else."""
    frames, at = [part for part in layout.parts(frame) if part.kind == "frame"], 0
    try:
        for part in layout.stored_contents(frame, context_of(frame)):
            if part is None:
                return
            assert content[at : at + len(part)] == part[: len(content) - at], "another content came out"
            at += len(part)
    except layout.Unsound:
        assert not complete, "copies that are not allowed were filled in"
        assert len(content) <= at, "what is behind copies that are not allowed came out"
    else:
        known = all(layout.model_id(part) == layout.LIKEZIP_2 for part in frames)
        assert complete == known, "a sound frame was refused, or one of another model was not"


def check_recovery(frame: bytes, content: bytes, *, complete: bool, by_index: bool) -> None:
    """What is intact at the beginning is recovered, and what is said to be lost lies in the file.

    by_index: whether the indexes say where the blocks are, which they do not do rightly if they were made up.
    """
    if not frame:
        return
    sink = io.BytesIO()
    with tempfile.TemporaryFile() as file:
        file.write(frame)
        file.flush()
        try:
            losses = recover_stream(file, sink, context=context_of(frame))
        except (likezip.UnknownModelError, likezip.UnknownContextError):
            assert by_index or not content, "blocks that can be read were not recovered"
            return
        except likezip.CorruptError as error:
            assert str(error).startswith("no block is intact"), "recovery gave up where it should have gone on"
            assert by_index or not content, "blocks that can be read were not recovered"
            return
    assert not complete or (sink.getvalue() == content and not losses), "a sound frame was not recovered whole"
    assert by_index or sink.getvalue().startswith(content), "blocks that can be read were not recovered"
    assert all(0 <= loss.begin <= loss.end <= len(frame) for loss in losses)


# The ways to read.  Each returns whether the frames were found to be sound to their end; what comes out is what came
# out of a pipe.


def _piped(frame: bytes) -> tuple[bytes, bool]:
    """What comes out, too."""
    sink = io.BytesIO()
    try:
        likezip.decompress_stream(Pipe(frame, 7), sink, context=context_of(frame))
    except likezip.LikezipError:
        return sink.getvalue(), False
    return sink.getvalue(), True


def _whole(frame: bytes, content: bytes) -> bool:
    try:
        assert likezip.decompress(frame, context=context_of(frame)) == content
    except likezip.LikezipError:
        return False
    return True


def _in_pieces(frame: bytes, content: bytes) -> bool:
    """Byte by byte, frame after frame, without the zeros that fill up."""
    context = context_of(frame)
    found, decompressor, at = bytearray(), likezip.LikezipDecompressor(context=context), 0
    try:
        while at < len(frame):
            if decompressor.eof and (padded := layout.behind_padding(frame, at)) > at:
                at = padded
                continue
            if decompressor.eof:
                decompressor = likezip.LikezipDecompressor(context=context)
            found += decompressor.decompress(frame[at : at + 1])
            at += 1
    except likezip.LikezipError:
        assert found == content
        return False
    assert found == content
    return decompressor.eof


def _as_a_file(frame: bytes, content: bytes) -> bool:
    """In parts of 50 bytes; what is sound to its end, once more from the middle."""
    found = bytearray()
    with likezip.open(io.BytesIO(frame), context=context_of(frame)) as file:
        try:
            while part := file.read1(50):
                found += part
        except likezip.LikezipError:
            assert found == content
            return False
        for place in (len(content) // 2, len(content) // 4):
            file.seek(place)
            assert file.read() == content[place:]
    assert found == content
    return True


def _with_a_limit(frame: bytes, content: bytes) -> bool:
    """One byte less than there is, which is refused, and then exactly what there is."""
    if content:
        sink = io.BytesIO()
        with suppress(likezip.LikezipError):
            likezip.decompress_stream(io.BytesIO(frame), sink, context=context_of(frame), max_size=len(content) - 1)
            raise AssertionError("more came out than is allowed")
        assert len(sink.getvalue()) < len(content) and content.startswith(sink.getvalue())
    try:
        assert likezip.decompress(frame, context=context_of(frame), max_size=len(content)) == content
    except likezip.LikezipError:
        return False
    return True


OTHER_WAYS: tuple[Callable[[bytes, bytes], bool], ...] = (_whole, _in_pieces, _as_a_file, _with_a_limit)


def _indexed(frame: bytes) -> int | None:
    """The size of the content by the index alone, None if that is refused."""
    try:
        infos = read_frames(io.BytesIO(frame))
    except likezip.LikezipError:
        return None
    ends = [layout.behind_padding(frame, info.offset + info.size) for info in infos]
    assert [info.offset for info in infos] == [0, *ends[:-1]], "the frames don't follow one another"
    assert ends[-1] == len(frame), "something is left over"
    return sum(info.raw_size for info in infos)
