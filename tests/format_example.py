"""The worked example of FORMAT.md: ``python tests/format_example.py`` writes it anew.

That is needed after a break of the format, or with another model.

The frame is likezip's; the coder's steps are those of the reference decoder as it decodes this frame.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from unittest import mock

import reference_decoder

import likezip
from likezip.model import Model

PLACE = Path(__file__).parent.parent / "FORMAT.md"
BEGIN, END = "<!-- worked example: begin -->", "<!-- worked example: end -->"

MODEL = "likezip-2"
CONTENT = b"to be or not to be, that is\n"
BITS = 8
"""The first bits of the content, whose decoding is shown."""

Steps = list[tuple[int, int, int, int, int, int]]


def example(model: Model) -> str:
    """The text between the markers: each byte of the frame, and the coder's first steps."""
    frame = likezip.compress(CONTENT, model=model, prior="off", lanes=1)
    return f"{BEGIN}\n\n{_introduction(model, frame)}\n\n{_fields(frame)}\n\n{_coding(frame, model)}\n\n{END}"


def _introduction(model: Model, frame: bytes) -> str:
    return (
        f"The {len(CONTENT)} bytes of the line `{CONTENT.decode().rstrip()}`, its line feed included, become this "
        f"frame of {len(frame)} bytes with\nthe model {model.name}, without the prior and in one lane:"
    )


def _fields(frame: bytes) -> str:
    """A row for each field of a frame of one coded block, as FORMAT.md has them."""
    header, payload, raw_at = frame[4], _payload(frame), 6
    raw_number, raw_size = _number(frame, raw_at)
    payload_number, payload_size = _number(frame, raw_at + raw_size)
    sizes = [
        (4, "magic"),
        (
            1,
            f"0x{header:02X}: version {header & 7}; a frame of one block; no context; number of the model "
            f"{header >> 6}",
        ),
        (
            1,
            f"mode {frame[5] & 3}, memory; no copies; 1 lane, 16 table bits and 20 piece bits, not named; transform 0, "
            "none; profile 0, text; not primed",
        ),
        (raw_size, f"{raw_number}, a number of {raw_size} byte: raw size {raw_number + 1}"),
        (payload_size, f"{payload_number}, a number of {payload_size} byte: payload size {payload_number}"),
        (2, f"CRC-16 of bytes 0 to {frame.index(payload) - 3}"),
        (len(payload), "payload, the code words"),
    ]
    rows, at = ["| offset | bytes | field |", "|---|---|---|"], 0
    for size, text in sizes:
        rows.append(f"| {at} | `{frame[at : at + size].hex(' ').upper()}` | {text} |")
        at += size
    if at != len(frame) or header != 0x41 or frame[5] != 2:
        raise ValueError("the example is to be a frame of one coded block, of likezip-2, with nothing unusual")
    return "\n".join(rows)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number and its size."""
    size = (data[at] & 3) + 1
    return int.from_bytes(data[at : at + size], "little") >> 2, size


def _payload(frame: bytes) -> bytes:
    raw_size = _number(frame, 6)[1]
    payload, size = _number(frame, 6 + raw_size)
    begin = 6 + raw_size + size + 2
    return frame[begin : begin + payload]


def _coding(frame: bytes, model: Model) -> str:
    """The first steps of the coder."""
    steps = _steps(frame, model)
    payload = _payload(frame)
    count = -(-len(payload) // 4)
    words = struct.unpack(f"<{count}I", payload.ljust(4 * count, b"\0"))
    rows = ["| bit | k | split | low | bit is | ans after |", "|---|---|---|---|---|---|"]
    for number, (chance, split, low, bit, state, _) in enumerate(steps[:BITS]):
        rows.append(f"| {number} | {chance:,} | {split:,} | {low:,} | {bit} | `{state:X}` |")
    first = "".join(str(step[3]) for step in steps[:8])
    missing = 4 * count - len(payload)
    return (
        (f"With {missing} zeros behind it the payload is the words " if missing else "The payload is the words ")
        + f"{', '.join(f'`{word:08X}`' for word in words)}.\nThe last is on top, so `ans` is "
        f"`{steps[0][5]:X}` before the first bit. The first {BITS} bits are the first byte, {int(first, 2):02X}:\n\n"
        + "\n".join(rows)
        + f"\n\nAfter the last of the {len(steps)} bits no word is left and `ans` is `{steps[-1][4]:X}`: 2^32 + "
        f"`{zlib.crc32(CONTENT):08X}`,\nthe CRC-32 of the content."
    )


def _steps(frame: bytes, model: Model) -> Steps:
    """k, split, low, bit, ans after and ans before of each bit that the reference decoder decodes."""
    steps: Steps = []
    decode_bit = reference_decoder.decode_bit

    def noted(block: reference_decoder.Block, chance: int) -> int:
        before = block.ans
        split, low = ((65536 - chance) * (2**24 - 2) >> 16) + 1, before % 2**24
        bit = decode_bit(block, chance)
        steps.append((chance, split, low, bit, block.ans, before))
        return bit

    with mock.patch.object(reference_decoder, "decode_bit", noted):
        content = reference_decoder.decode_file(
            frame, {model.id: reference_decoder.read_model(model.path.read_bytes())}
        )
    if content != CONTENT:
        raise ValueError("the reference decoder does not read the example")
    return steps


def main() -> None:
    """Write the example into FORMAT.md."""
    text = PLACE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PLACE.write_text(f"{before}{example(likezip.load_model(MODEL))}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
