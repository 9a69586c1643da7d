"""Frames as FORMAT.md has them: read a second time, to be compared with likezip's reading, and repaired."""

from __future__ import annotations

import binascii
import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

MAGIC, END_MAGIC = b"\xceLKZ", b"ZKL\xce"
PARTS, STORED, MEMORY, MEMORY_PRIOR = 0, 1, 2, 3
OF_NUMBERS, LAYOUT_BITS = 3, 14
"""The profile for numbers; and the lower bits of the field of row length that say there how they lie."""
LARGEST = 1 << 30
LIKEZIP_2 = bytes.fromhex("ae6c7900a4fcc117")
"""The id of the model with the number 1."""
NUMBERS = "block size", "raw size", "coded size", "row length", "payload size"
"""Fields of variable length."""
SLACK = 2
"""Bytes by which the payload of a coded block may be longer than if it were stored."""
MOST_PARTS, LEAST_STRETCH = 16, 1024

Entries = list[tuple[int, int]]


class Unsound(Exception):
    """A frame that a decoder has to refuse."""


@dataclass(frozen=True)
class Part:
    """A frame header, a block header or the end of a frame: what is at ``at`` if all sizes before it are right; or the
    header of a part of a block.

    kind: "frame", "block", "end" or "part".  header: the bytes of the frame's header.  entries: size in the frame and
    raw size of the blocks of the frame so far, of a block itself too.  places: place and size of each field in
    ``fields``.  values: of a block or part, what its fields say.
    """

    kind: str
    at: int
    fields: bytes
    header: bytes
    entries: Entries
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether the frame is of one block or none."""
        return not self.header[4] & 8

    @property
    def block_size(self) -> int:
        """Bytes of a block at most, if the frame says rightly."""
        return LARGEST if self.alone else _block_size(self.header)

    @property
    def payload_size(self) -> int:
        """Bytes behind the header of a block; of a part, the bytes of its payload."""
        return self.stored_size if self.values["mode"] == STORED else self.values["payload size"]

    @property
    def stored_size(self) -> int:
        """Bytes behind the header of a block if it is stored, or were."""
        return max(self.values["coded size"], least_payload(self.values["raw size"]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Lanes, table bits and piece bits of a coded block or part."""
        if self.values["way"] & 8:
            shape, table_bits = self.values["shape"], self.values["shape"] >> 11
            return (shape & 1023) + (table_bits > 0), table_bits, self.values["piece bits"]
        return _usual_shape(self.values["mode"], self.values["coded size"])

    @property
    def behind(self) -> int:
        """Where the next part begins: behind the payload of a block."""
        return self.at + len(self.fields) + (self.payload_size if self.kind == "block" else 0)

    @property
    def checksum(self) -> bytes:
        """What the last bytes of a header have to be; none for the header of a frame of one block."""
        if self.kind == "frame":
            return b"" if self.alone else struct.pack("<I", zlib.crc32(self.fields[:-4]))
        if self.alone:
            return struct.pack("<H", binascii.crc_hqx(self.header + self.fields[:-2], 0xFFFF))
        return struct.pack("<I", zlib.crc32(struct.pack("<Q", len(self.entries) - 1) + self.fields[:-4]))


class _Fields:
    """Takes fields from data, and notes where they are."""

    def __init__(self, data: bytes | bytearray, at: int) -> None:
        self.data, self.at, self.start = data, at, at
        self.places: dict[str, tuple[int, int]] = {}

    def take(self, name: str, size: int) -> int:
        """The next ``size`` bytes as a number; raises EOFError if there are fewer."""
        if self.at + size > len(self.data):
            raise EOFError
        self.places[name] = self.at - self.start, size
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "little")

    def number(self, name: str) -> int:
        """A number of variable length, in its shortest form or not."""
        size = 1 + (self.data[self.at] & 3 if self.at < len(self.data) else 0)
        return self.take(name, size) >> 2

    def packed(self) -> bytes:
        return bytes(self.data[self.start : self.at])


def parts(data: bytes | bytearray) -> Iterator[Part]:
    """The parts of all frames as far as they are whole, whatever is in them but what says how long they are."""
    at = 0
    try:
        while at < len(data):
            frame = _frame_header(data, at)
            yield frame
            entries, at = Entries(), frame.behind
            while at < len(data) and data[at] != 0:
                block = _block_header(data, at, frame, entries)
                entries.append((len(block.fields) + block.payload_size, block.values["raw size"]))
                yield replace(block, entries=list(entries))
                at = block.behind
                if frame.alone:
                    break
            else:
                end = _end(data, at, frame, entries)
                yield end
                at = end.behind
            at = behind_padding(data, at)
    except EOFError:
        return


def _frame_header(data: bytes | bytearray, at: int) -> Part:
    fields = _Fields(data, at)
    fields.take("magic", 4)
    kind = fields.take("kind", 1)
    if kind >> 6 == 0:
        fields.take("model id", 8)
    if kind & 16:
        fields.take("context id", 4)
    if kind & 8:
        fields.number("block size")
        if kind & 32:
            fields.take("window", 1)
        fields.take("checksum", 4)
    packed = fields.packed()
    return Part("frame", at, packed, packed, [], fields.places)


def _block_header(data: bytes | bytearray, at: int, frame: Part, entries: Entries) -> Part:
    fields = _Fields(data, at)
    values = _take_values(fields)
    fields.take("checksum", 2 if frame.alone else 4)
    return Part("block", at, fields.packed(), frame.header, entries, fields.places, values)


def _take_values(fields: _Fields) -> dict[str, int]:
    """What the fields of the header of a block or part say, but for its checksum."""
    way = fields.take("way", 1)
    values = {"way": way, "mode": way & 3, "profile": way >> 5 & 3, "raw size": fields.number("raw size") + 1}
    values["coded size"] = fields.number("coded size") + 1 if way & 4 else values["raw size"]
    values |= {"rows": 0, "payload size": 0, "shape": 0, "piece bits": 20}
    if way & 8 and values["mode"] != PARTS:
        values["shape"] = fields.take("shape", 2)
    if values["shape"] & 1024:
        values["piece bits"] = fields.take("piece bits", 1)
    if values["profile"]:
        values["rows"] = fields.number("row length")
    values["row length"] = values["rows"] >> (LAYOUT_BITS if values["profile"] == OF_NUMBERS else 0)
    if values["mode"] != STORED:
        values["payload size"] = fields.number("payload size")
    if values["mode"] in (PARTS, STORED) or way & 4:
        values["raw crc"] = fields.take("raw crc", 4)
    return values


def _end(data: bytes | bytearray, at: int, frame: Part, entries: Entries) -> Part:
    fields = _Fields(data, at)
    fields.take("end", 3 if frame.alone else 14 + 8 * len(entries))
    return Part("end", at, fields.packed(), frame.header, list(entries), fields.places)


def behind_padding(data: bytes | bytearray, at: int) -> int:
    """Where zeros behind the end of a frame end, of which there may be any number."""
    rest = data[at:]
    return at + len(rest) - len(rest.lstrip(b"\0"))


def least_payload(raw_size: int) -> int:
    """Bytes behind the header of a block of so many raw bytes at least."""
    return (raw_size >> 18) * 4


def packed_number(number: int) -> bytes:
    """A number in its shortest form."""
    size = next(size for size in (1, 2, 3, 4) if number < 1 << (8 * size - 2))
    return (number << 2 | size - 1).to_bytes(size, "little")


def context_id(context: bytes) -> bytes:
    """What a frame names a context by."""
    return hashlib.sha256(context).digest()[:4]


def frame_header(
    block_size: int | None, model_id: bytes, number: int = 0, window: int = 0, context: bytes = b""
) -> bytes:
    """The header of a frame, of several blocks if there is a block size, of a model with a number or an id; window: its
    log2."""
    several = 0 if block_size is None else 8 | (32 if window else 0)
    fields = MAGIC + bytes([1 | several | (16 if context else 0) | number << 6]) + (b"" if number else model_id)
    fields += context_id(context) if context else b""
    if block_size is None:
        return fields
    fields += packed_number(block_size - 1) + (bytes([window]) if window else b"")
    return fields + struct.pack("<I", zlib.crc32(fields))


def packed_end(header: bytes, entries: Entries) -> bytes:
    """The end of a frame, whose marker is all but a checksum if it is of no block alone."""
    if not header[4] & 8:
        return b"\0" + struct.pack("<H", binascii.crc_hqx(header + b"\0", 0xFFFF))
    index = b"\0" + b"".join(struct.pack("<II", *entry) for entry in entries)
    index += struct.pack("<IB", len(entries), len(header))
    return index + struct.pack("<I", zlib.crc32(index)) + END_MAGIC


def model_id(part: Part) -> bytes:
    """The id of the model of a sound frame header."""
    return LIKEZIP_2 if part.fields[4] >> 6 else part.fields[5:13]


def named_context(part: Part) -> bytes:
    """The id of the context that a frame header names, nothing if it names none."""
    place, size = part.places.get("context id", (0, 0))
    return part.fields[place : place + size]


def is_sound(part: Part) -> bool:
    """Whether a decoder may go on behind this part."""
    if part.kind == "frame":
        return _frame_is_sound(part)
    if part.kind == "end":
        return part.fields == packed_end(part.header, part.entries)
    return (
        part.fields.endswith(part.checksum) and part.values["raw size"] <= part.block_size and _values_are_sound(part)
    )


def _block_size(header: bytes) -> int:
    place = (5 if header[4] >> 6 else 13) + (4 if header[4] & 16 else 0)
    return (int.from_bytes(header[place : place + 1 + (header[place] & 3)], "little") >> 2) + 1


def _window(header: bytes) -> int:
    """Bytes before a block that copies may refer to, of a sound header."""
    return 1 << header[-5] if header[4] & 40 == 40 else 0


def _frame_is_sound(part: Part) -> bool:
    kind = part.fields[4]
    if (
        part.fields[:4] != MAGIC
        or kind & 7 != 1
        or kind >> 6 > 1
        or kind & 40 == 32
        or not part.fields.endswith(part.checksum)
    ):
        return False
    place, size = part.places.get("block size", (0, 0))
    shortest = part.alone or part.fields[place : place + size] == packed_number(part.block_size - 1)
    place = part.places.get("window", (0, 0))[0]
    windowed = not place or 16 <= part.fields[place] <= 30
    return shortest and windowed and 1 << 16 <= part.block_size <= LARGEST


def _values_are_sound(part: Part) -> bool:
    """Whether the fields of a block or part are within their limits."""
    values, way, raw_size, size = part.values, part.values["way"], part.values["raw size"], part.values["coded size"]
    numbers = {
        "raw size": raw_size - 1,
        "coded size": size - 1,
        "row length": values["rows"],
        "payload size": values["payload size"],
    }
    if any(part.places[name][1] > len(packed_number(numbers[name])) for name in numbers if name in part.places):
        return False
    if way & 4 and size >= raw_size:
        return False
    if values["mode"] == STORED:
        return way & ~4 == STORED
    payload_fits = least_payload(raw_size) <= values["payload size"] <= part.stored_size + SLACK
    if values["mode"] == PARTS:
        return way & ~4 == 8 and payload_fits
    primed, (lanes, table_bits, piece_bits) = way & 128 > 0, part.shape
    fits = values["mode"] == MEMORY or values["profile"] == 0
    fits = fits and (values["profile"] != OF_NUMBERS or _numbers_may_lie_so(values["rows"]))
    fits = fits and values["row length"] != 1 and values["row length"] < 65536
    order_zero = values["mode"] == MEMORY and values["profile"] == lanes == table_bits == 0
    fits = fits and (order_zero or (1 <= lanes <= 1024 and 16 <= table_bits <= 28))
    fits = fits and (primed or 1 << table_bits <= max(1 << 16, 256 * size))
    fits = fits and (not primed or lanes == 1)
    fits = fits and 10 <= piece_bits <= 30
    fits = fits and (not way & 8 or part.shape != _usual_shape(values["mode"], size))
    fits = fits and (not values["shape"] & 1024 or piece_bits != 20)
    return fits and payload_fits


def _numbers_may_lie_so(rows: int) -> bool:
    """Whether the layout of numbers in the field of row length is possible."""
    width, phase = 1 << (rows & 3), rows >> 4 & 7
    return phase < width and not (width == 1 and rows & 4) and not (width <= 2 and rows & 8)


def _usual_shape(mode: int, size: int) -> tuple[int, int, int]:
    """Lanes, table bits and piece bits of a block of so many coded bytes that does not name them."""
    lanes = max(1, min(8, size // 16384), min(32, size // 524288 * 8)) if mode == MEMORY_PRIOR else 1
    return lanes, next(bits for bits in range(16, 29) if 1 << bits >= 96 * size or bits == 28), 20


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
    whole = part is not None and (part.kind == "end" or (part.kind == "block" and part.alone))
    if part is None or not whole or behind_padding(data, part.behind) != len(data):
        raise Unsound("something is missing or left over")


def payload(part: Part, data: bytes) -> bytes:
    return data[part.at + len(part.fields) : part.behind]


def stored_bytes(part: Part, data: bytes) -> bytes:
    """The coded bytes of a stored block; raises Unsound if something else than zeros fills them up."""
    size, found = part.values["coded size"], payload(part, data)
    if found[size:].strip(b"\0"):
        raise Unsound(f"what fills up the block at {part.at}")
    return found[:size]


@dataclass(frozen=True)
class Divided:
    """A block in parts: its parts, their payloads, and for each stretch its part and its bytes."""

    parts: list[Part]
    payloads: list[bytes]
    stretches: list[tuple[int, int]]

    def contents(self, coded: bytes) -> list[bytes]:
        """The bytes of each part, of the coded bytes of the block."""
        found = [b""] * len(self.parts)
        for number, size in self.stretches:
            found[number] += coded[:size]
            coded = coded[size:]
        return found


def divided(block: Part, data: bytes) -> Divided:
    """What the payload of a block in parts says; raises Unsound if that is not allowed, or a stored part not right."""
    packed = payload(block, data)
    fields = _Fields(packed, 0)
    try:
        count = 2 + _shortest(fields)
        if count > MOST_PARTS:
            raise Unsound("too many parts")
        headers = [_part_header(fields) for _ in range(count)]
        if sum(part.values["raw size"] for part in headers) != block.values["coded size"]:
            raise Unsound("the sizes of the parts are not that of the block")
        stretches = _stretches(fields, [part.values["raw size"] for part in headers])
    except EOFError:
        raise Unsound("the list of parts is cut off") from None
    at, payloads = fields.at, list[bytes]()
    for part in headers:
        payloads.append(packed[at : at + part.payload_size])
        at += part.payload_size
        if part.values["mode"] == STORED and zlib.crc32(payloads[-1]) != part.values["raw crc"]:
            raise Unsound("the content of a part")
    if at > len(packed) or packed[at:].strip(b"\0"):
        raise Unsound("the payloads of the parts are not what the block has")
    if len(packed) != max(at, least_payload(block.values["raw size"])):
        raise Unsound("the payload is filled up too far")
    return Divided(headers, payloads, stretches)


def _part_header(fields: _Fields) -> Part:
    own = _Fields(fields.data, fields.at)
    values = _take_values(own)
    part = Part("part", own.start, own.packed(), b"", [], own.places, values)
    fields.at = own.at
    if values["mode"] == PARTS or values["way"] & 132 or not _values_are_sound(part):
        raise Unsound("the header of a part")
    return part


def _stretches(fields: _Fields, left: list[int]) -> list[tuple[int, int]]:
    """The part and the bytes of each stretch; left: of each part."""
    stretches, number, left = list[tuple[int, int]](), 0, list(left)
    while left.count(0) < len(left) - 1:
        if stretches:
            further = 1 + (_shortest(fields) if len(left) > 2 else 0)
            if further >= len(left):
                raise Unsound("a stretch of the same part as the one before")
            number = (number + further) % len(left)
        size = LEAST_STRETCH + _shortest(fields)
        if size > left[number]:
            raise Unsound("a stretch that is longer than its part")
        left[number] -= size
        stretches.append((number, size))
    rest = max(range(len(left)), key=left.__getitem__)
    return [*stretches, (rest, left[rest])]


def _shortest(fields: _Fields) -> int:
    """A number of variable length, which has to be in its shortest form."""
    begin, number = fields.at, fields.number("number")
    if fields.at - begin != len(packed_number(number)):
        raise Unsound("a number is longer than it has to be")
    return number


class Filling:
    """The content of a frame, byte by byte, and which bytes of it are literals, and of which block; first the context,
    which is of a block of its own."""

    def __init__(self, header: bytes, context: bytes = b"") -> None:
        self._window, self._context = _window(header), len(context)
        self._content, self._block = bytearray(context), [0] * len(context)  # 0 for a copy's bytes, behind the context
        self._number = 0

    def add(self, part: Part, coded: bytes) -> bytes:
        """The raw bytes of the next block, from what is coded; raises Unsound for copies that are not allowed."""
        begin, size = len(self._content), part.values["raw size"]
        self._number += 1
        if not part.values["way"] & 4:
            self._content += coded
            self._block += [self._number] * size
            return coded
        copies, literals = _copies(coded, size, self._context)
        at = 0
        for place, length, distance in copies:
            between = begin + place - len(self._content)
            self._content += literals[at : at + between]
            self._block += [self._number] * between
            at += between
            self._copy(begin, length, distance)
        self._content += literals[at:]
        self._block += [self._number] * (len(literals) - at)
        if len(self._content) != begin + size:
            raise Unsound("the literals do not fill up the block")
        return bytes(self._content[begin:])

    def _copy(self, begin: int, length: int, distance: int) -> None:
        place = len(self._content)
        source = place - distance
        if source < (0 if self._context else max(0, begin - self._window)):
            raise Unsound("a copy refers to what is out of reach")
        if self._context <= source < begin - self._window:
            raise Unsound("a copy refers to what is before the window")
        if source < begin:
            needed = self._block[source : min(source + length, begin)]
            owner = 0 if source < self._context else self._block[source]
            literal = source < self._context or owner > 0
            if len(needed) < length or not literal or any(number != owner for number in needed):
                raise Unsound("a copy's source is not all literals of one block")
        if source < self._context < source + length:
            raise Unsound("a copy's source is not all of the context")
        for i in range(length):
            self._content.append(self._content[source + i])
        self._block += [0] * length


def _copies(coded: bytes, size: int, context: int) -> tuple[list[tuple[int, int, int]], bytes]:
    """Place, length and distance of each copy of a block, and its literals."""
    copies, at, end, distance = list[tuple[int, int, int]](), 0, 0, context
    while len(coded) - at < size - sum(length for _, length, _ in copies):
        begin, numbers = at, list[int]()
        for _ in range(3):
            number, at = _long_number(coded, at)
            numbers.append(number)
        between, length, change = numbers
        place = end + between
        if length == 0:
            length = size - place
        elif place + length == size:
            raise Unsound("a copy of all of the rest says how long it is")
        distance += -(change + 1) // 2 if change % 2 else change // 2
        if length < 1 or distance < 1 or place + length > size:
            raise Unsound("copies that do not fit the block")
        if length <= at - begin:
            raise Unsound("a copy that spares nothing")
        copies.append((place, length, distance))
        end = place + length
    if not copies or len(coded) - at != size - sum(length for _, length, _ in copies):
        raise Unsound("copies that do not fit the block")
    return copies, coded[at:]


def _long_number(coded: bytes, at: int) -> tuple[int, int]:
    """A number in a list of copies, and the place behind it."""
    value, bytes_of_it = 0, 0
    while True:
        if at == len(coded) or bytes_of_it == 7:
            raise Unsound("a number is cut off or too long")
        value += (coded[at] % 128) * 128**bytes_of_it
        at, bytes_of_it = at + 1, bytes_of_it + 1
        if coded[at - 1] < 128:
            break
    if bytes_of_it > 1 and coded[at - 1] == 0:
        raise Unsound("a number is longer than it has to be")
    return value, at


def packed_list(copies: list[tuple[int, int, int]], context: int) -> bytes:
    """A list of copies from the bytes between them, their lengths, 0 for all of the rest, and their distances."""
    numbers, before = list[int](), context
    for between, length, distance in copies:
        change = distance - before
        numbers += [between, length, 2 * change if change >= 0 else -2 * change - 1]
        before = distance
    packed = bytearray()
    for number in numbers:
        while number > 127:
            packed.append(number % 128 + 128)
            number //= 128
        packed.append(number)
    return bytes(packed)


def stored_block(
    raw_size: int, raw_crc: int, coded: bytes, header: bytes, number: int, filling: bytes = b"\0"
) -> bytes:
    """A stored block with copies, of a frame with this header; filling: a byte that fills up its payload."""
    fields = bytes([STORED | 4]) + packed_number(raw_size - 1) + packed_number(len(coded) - 1)
    return _sealed(fields + struct.pack("<I", raw_crc), header, number) + coded.ljust(least_payload(raw_size), filling)


def block_in_parts(
    raw_size: int, raw_crc: int, packed: bytes, header: bytes, number: int, coded_size: int | None = None
) -> bytes:
    """A block in parts with this payload, of a frame with this header; coded_size: if it has copies."""
    fields = bytes([8 if coded_size is None else 12]) + packed_number(raw_size - 1)
    fields += b"" if coded_size is None else packed_number(coded_size - 1)
    fields += packed_number(len(packed)) + struct.pack("<I", raw_crc)
    return _sealed(fields, header, number) + packed


def _sealed(fields: bytes, header: bytes, number: int) -> bytes:
    """The header of a block with its checksum."""
    if not header[4] & 8:
        return fields + struct.pack("<H", binascii.crc_hqx(header + fields, 0xFFFF))
    return fields + struct.pack("<I", zlib.crc32(struct.pack("<Q", number) + fields))


def stored_contents(data: bytes, context: bytes = b"") -> Iterator[bytes | None]:
    """The content of each block of sound frames that are stored; None from another block to the end of its frame.

    context: of the frames that name one, which has to be this one.  Raises Unsound where the frames are not sound.
    """
    filling: Filling | None = None
    for part in parts(data):
        if not is_sound(part) or part.behind > len(data):
            raise Unsound(f"the {part.kind} at {part.at}")
        if part.kind == "frame":
            named = named_context(part)
            if named and (not context or named != context_id(context)):
                raise Unsound("another context")
            filling = Filling(part.fields, context if named else b"")
        elif part.kind == "block":
            if part.values["mode"] == PARTS:
                divided(part, data)
            filling = None if part.values["mode"] != STORED else filling
            content = None if filling is None else filling.add(part, stored_bytes(part, data))
            if content is not None and zlib.crc32(content) != part.values["raw crc"]:
                raise Unsound(f"the content of the block at {part.at}")
            yield content
    for _ in sound_blocks(data):
        pass


def repaired(frame: bytes, *, closed: bool) -> bytes:
    """The frames with the magic number and all checksums put right, or if ``closed`` the whole of their ends."""
    data, header = bytearray(frame), b""
    whole: Part | None = None
    for part in parts(data):
        fields = part.fields
        if part.kind == "frame":
            fields = MAGIC + fields[4:]
            header = fields = fields[: len(fields) - len(part.checksum)] + replace(part, fields=fields).checksum
        elif part.kind == "block":
            fields = fields[: -len(part.checksum)] + replace(part, header=header).checksum
        elif closed or part.alone:
            fields = packed_end(header, part.entries)
        else:
            fields = fields[:-8] + struct.pack("<I", zlib.crc32(fields[:-8])) + END_MAGIC
        data[part.at : part.at + len(fields)] = fields
        whole = part if part.behind <= len(data) else whole
    if closed and whole is not None and whole.kind != "end" and not whole.alone:
        del data[whole.behind :]
        data += packed_end(header, whole.entries)
    return bytes(data)
