"""The worked example of FORMAT.md: ``python tests/format_example.py`` writes it anew.

That is needed after a break of the format, or with another model.

The frame is likezip's; the coder's steps are those of the reference decoder as it decodes this frame.
"""

from __future__ import annotations

import struct
from pathlib import Path
from unittest import mock

import reference_decoder

import likezip
from likezip.model import Model

PLACE = Path(__file__).parent.parent / "FORMAT.md"
BEGIN, END = "<!-- worked example: begin -->", "<!-- worked example: end -->"

MODEL = "likezip-1"
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
    """A row for each field of a frame of one block."""
    payload = struct.unpack_from("<I", frame, 22 + 9)[0]
    mode, tables, row, raw = struct.unpack_from("<BHHI", frame, 22)
    model_id, words = frame[10:18].hex(), payload // 4
    sizes = [
        (4, "magic"), (1, "version 1"), (1, "flags, none"),
        (4, f"block size {struct.unpack_from('<I', frame, 6)[0]:,}"),
        (8, f"model id {model_id}"), (4, "CRC-32 of bytes 0 to 17"),
        (1, f"mode {mode & 15}, memory; transform {mode >> 4 & 1}, none; profile {mode >> 5}, text"),
        (2, f"{tables:#06x}: {tables & 2047} lane, {tables >> 11} table bits"),
        (2, f"row length {row}: rows are lines"),
        (4, f"raw size {raw}"), (4, f"payload size {payload}: {words} words"), (4, "CRC-32 of the content"),
        (4, "CRC-32 of the block's number, 0, as 8 bytes, and bytes 22 to 38"), (payload, "payload, the code words"),
        (1, "the end's marker"), (8, f"sizes of block 0: payload {payload}, raw {raw}"), (4, "number of blocks 1"),
        (4, f"CRC-32 of bytes {43 + payload} to {43 + payload + 12}"), (4, "end magic"),
    ]  # fmt: skip
    rows, at = ["| offset | bytes | field |", "|---|---|---|"], 0
    for size, text in sizes:
        rows.append(f"| {at} | `{frame[at : at + size].hex(' ').upper()}` | {text} |")
        at += size
    if at != len(frame):
        raise ValueError("the example is to be a frame of one coded block")
    return "\n".join(rows)


def _coding(frame: bytes, model: Model) -> str:
    """The first steps of the coder."""
    steps = _steps(frame, model)
    words = struct.unpack_from(f"<{struct.unpack_from('<I', frame, 31)[0] // 4}I", frame, 43)
    rows = ["| bit | k | split | low | bit is | ans after |", "|---|---|---|---|---|---|"]
    for number, (chance, split, low, bit, state, _) in enumerate(steps[:BITS]):
        rows.append(f"| {number} | {chance:,} | {split:,} | {low:,} | {bit} | `{state:X}` |")
    first = "".join(str(step[3]) for step in steps[:8])
    return (
        f"The payload's words are {', '.join(f'`{word:08X}`' for word in words)}. The\nlast is on top, so `ans` is "
        f"`{steps[0][5]:X}` before the first bit. The first {BITS} bits are the first byte, {int(first, 2):02X}:\n\n"
        + "\n".join(rows)
        + f"\n\nAfter the last of the {len(steps)} bits `ans` is {steps[-1][4]} and no word is left."
    )


def _steps(frame: bytes, model: Model) -> Steps:
    """k, split, low, bit, ans after and ans before of each bit that the reference decoder decodes."""
    steps: Steps = []
    decode_bit = reference_decoder.Block.decode_bit

    def noted(block: reference_decoder.Block, chance: int) -> int:
        before = block.ans
        split, low = ((65536 - chance) * (2**24 - 2) >> 16) + 1, before % 2**24
        bit = decode_bit(block, chance)
        steps.append((chance, split, low, bit, block.ans, before))
        return bit

    with mock.patch.object(reference_decoder.Block, "decode_bit", noted):
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
