"""Every truncation and every flipped bit of small frames: always an error, never wrong bytes."""

import io
import itertools
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from roundtrip import block_headers

import likezip
from likezip.blocks import block_header, codec, coding
from likezip.blocks.options import CodingOptions
from likezip.frames import container, reader
from likezip.frames.index import read_frames
from likezip.memory.number_layout import NumberLayout

CASES = {"stored": random.Random(1).randbytes(40), "memory": b"to be or not to be, " * 8}
CASES["prior"] = b"It was a bright cold day."
MODES = {"stored": block_header.STORED, "memory": block_header.MEMORY, "prior": block_header.MEMORY_PRIOR}


KINDS = "one block", "several"


def _frame(name: str, kind: str = "one block") -> bytes:
    """A frame of one block, or of several: of one that was flushed."""
    options: dict[str, Any] = {"prior": "on" if name == "prior" else "off", "block_size": container.MIN_BLOCK}
    if kind == "one block":
        return likezip.compress(CASES[name], **options)
    compressor = likezip.LikezipCompressor(**options)
    flushed = compressor.compress(CASES[name]) + compressor.flush(compressor.FLUSH_BLOCK)
    return flushed + compressor.flush()


def _is_of(frame: bytes, name: str, kind: str) -> bool:
    """Whether the frame is of one block of this mode, and of this kind."""
    (header,) = block_headers(frame)
    return header.mode == MODES[name] and bool(frame[4] & 8) == (kind == "several")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_damage(name: str, kind: str) -> None:
    frame = _frame(name, kind)
    assert _is_of(frame, name, kind)
    tried = 0
    for size in range(len(frame)):
        with pytest.raises(likezip.LikezipError):
            likezip.decompress(frame[:size])
        tried += 1
    for place in range(8 * len(frame)):
        damaged = bytearray(frame)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(likezip.LikezipError):
            likezip.decompress(bytes(damaged))
        tried += 1
    print(f"{name}: {tried} damaged frames, each refused")
    assert tried == 9 * len(frame) > 0


def test_damage_of_frames_of_no_block() -> None:
    several = container.FrameHeader.of(container.MIN_BLOCK, likezip.load_model("likezip-2").id).packed
    several += container.Index(len(several), ()).pack()
    for frame, size in ((likezip.compress(b""), 8), (several, 26)):
        assert likezip.decompress(frame) == b"" and len(frame) == size
        for place in range(8 * size):
            damaged = bytearray(frame)
            damaged[place // 8] ^= 1 << place % 8
            for refused in (bytes(damaged), frame[: place // 8]):
                with pytest.raises(likezip.LikezipError):
                    likezip.decompress(refused)
                with pytest.raises(likezip.LikezipError):
                    read_frames(io.BytesIO(refused))
                    reader.model_for(read_frames(io.BytesIO(refused))[0].model_id, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_list_sees_damage_too(name: str, kind: str) -> None:
    """Whatever is cut off, and what is flipped in headers and ends; only the payload of a block is not looked at, and
    in a frame of several its header."""
    frame = _frame(name, kind)
    (info,), (header,) = read_frames(io.BytesIO(frame)), block_headers(frame)
    for size in range(len(frame)):
        with pytest.raises(likezip.LikezipError):
            read_frames(io.BytesIO(frame[:size]))
    payload = range(info.block_offsets[1] - header.payload_size, info.block_offsets[1])
    unseen = payload if kind == "one block" else range(*info.block_offsets)
    for place in set(range(len(frame))) - set(unseen):
        for bit in range(8):
            damaged = bytearray(frame)
            damaged[place] ^= 1 << bit
            with pytest.raises(likezip.LikezipError):
                reader.model_for(read_frames(io.BytesIO(damaged))[0].model_id, None)
    for place in range(*info.block_offsets):
        if place not in payload:
            damaged = bytearray(frame)
            damaged[place] ^= 1
            with pytest.raises(likezip.LikezipError):
                block_headers(bytes(damaged))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_bytes_cut_out_or_put_in(name: str, kind: str) -> None:
    frame = _frame(name, kind)
    tried = 0
    for place in range(len(frame)):
        for damaged in (frame[:place] + frame[place + 1 :], frame[: place + 1] + frame[place:]):
            with pytest.raises(likezip.LikezipError):
                likezip.decompress(damaged)
            tried += 1
    print(f"{name}: {tried} frames with a byte too few or too many, each refused")
    assert tried == 2 * len(frame) > 0


@pytest.mark.parametrize("prior", ["on", "off"])
@pytest.mark.parametrize("raw", [bytes(9), b"the t", b"that the", b"hello hello hello", b"a,b\n1,2\n3,4\n" * 3])
def test_every_flipped_bit_and_byte_too_few_or_too_many_of_short_code_words(raw: bytes, prior: Any) -> None:
    """There is no checksum of what is coded but theirs, so whatever they decode to has to fit it."""
    model = likezip.load_model("likezip-2")
    header, payload = codec.encode_block(raw, CodingOptions(model, prior))
    assert header.mode != block_header.STORED and header.raw_crc is None
    assert codec.decode_block(header, payload, model) == raw
    damaged = [payload[:size] for size in range(len(payload))]
    damaged += [payload + bytes([last]) for last in (1, 128, 255)] + [payload + bytes(3) + b"\1", bytes(4) + payload]
    for place in range(8 * len(payload)):
        changed = bytearray(payload)
        changed[place // 8] ^= 1 << place % 8
        damaged.append(bytes(changed))
    for other in damaged:
        with pytest.raises(likezip.CorruptError):
            codec.decode_block(header, other, model)


@pytest.mark.parametrize(
    "other",
    [
        {"lanes": 2},
        {"profile": block_header.CODE_PROFILE, "row_length": 2},
        {"profile": block_header.NUMBERS_PROFILE, "row_length": 2, "layout": NumberLayout(1, 1)},
        {"transform": block_header.X86},
        {"raw_size": 56},
        {"raw_size": 54},
        {"mode": block_header.MEMORY_PRIOR},
    ],
    ids=str,
)
def test_code_words_do_not_fit_another_header(other: dict[str, Any]) -> None:
    """How a block is coded is not in its words, but what they decode to in another way is something else."""
    model, raw = likezip.load_model("likezip-2"), b"\xe8\0\0\0\0 is a call, and the call is a call, as each is one"
    coded = coding.BlockCoding(raw, CodingOptions(model, "off"), coding.BlockMode(block_header.TEXT_PROFILE, 0))
    payload = coded.payload()
    header = block_header.BlockHeader(block_header.MEMORY, 1, 0, 0, 0, 16, len(raw), len(payload), None)
    assert codec.decode_block(header, payload, model) == raw
    with pytest.raises(likezip.CorruptError):
        codec.decode_block(replace(header, **other), payload, model)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_a_frame(data: bytes) -> None:
    """Also behind a sound frame header, where the block headers and the index begin."""
    identity = likezip.load_model("likezip-2").id
    heads = [container.FrameHeader.of(size, identity).packed for size in (container.MIN_BLOCK, None)]
    for damaged in (data, *(head + data for head in heads)):
        with pytest.raises(likezip.LikezipError):
            likezip.decompress(damaged)


def _blocks() -> list[tuple[block_header.BlockHeader, bytes]]:
    """A block of each mode."""
    model = likezip.load_model("likezip-2")
    return [codec.encode_block(CASES[name], CodingOptions(model, "on" if name == "prior" else "off")) for name in CASES]


def _put_together(blocks: list[tuple[block_header.BlockHeader, bytes]], numbers: tuple[int, ...], end: bytes) -> bytes:
    """A frame of blocks that keep the numbers they had; ``end`` is the index."""
    head = container.FrameHeader.of(container.MIN_BLOCK, likezip.load_model("likezip-2").id)
    packed = (blocks[number][0].pack(head.sealing(number)) + blocks[number][1] for number in numbers)
    return b"".join([head.packed, *packed, end])


def _end(entries: list[container.Entry]) -> bytes:
    """The index of blocks of a frame whose header has 12 bytes."""
    return container.Index(12, tuple(entries)).pack()


@pytest.mark.slow
def test_doubled_missing_and_swapped_blocks_of_every_mode() -> None:
    """All rows of up to four of three blocks, with the right index and with one of the blocks that are there."""
    blocks, tried = _blocks(), 0
    sealing = block_header.Sealing.numbered(0)
    sizes = [(len(header.pack(sealing)) + header.payload_size, header.raw_size) for header, _ in blocks]
    assert likezip.decompress(_put_together(blocks, (0, 1, 2), _end(sizes))) == b"".join(CASES.values())
    for count in range(5):
        for numbers in itertools.product(range(3), repeat=count):
            for end in (_end(sizes), _end([sizes[number] for number in numbers])):
                damaged = _put_together(blocks, numbers, end)
                fits = numbers == (0, 1, 2)[: len(numbers)] and end == _end(sizes[: len(numbers)])
                if fits:
                    assert likezip.decompress(damaged) == b"".join([*CASES.values()][: len(numbers)])
                    continue
                with pytest.raises(likezip.CorruptError):
                    likezip.decompress(damaged)
                tried += 1
    print(f"{tried} rows of blocks, each refused")
    assert tried > 200


REPORTING = """
import atexit
from likezip.__main__ import main
status = open("/proc/self/status")
atexit.register(lambda: print("most memory, KiB:", status.read().split("VmHWM:")[1].split()[0]))
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["claim-of-blocks-of-1-gb", "claim-of-1-tb"])
@pytest.mark.parametrize("command", ["test", "list", "decompress"])
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="can't tell a process's memory")
def test_a_small_file_that_claims_a_large_content_costs_nothing(name: str, command: str) -> None:
    path = str(Path(__file__).parent / "vectors" / "bad" / f"{name}.lz")
    arguments = [sys.executable, "-P", "-c", REPORTING, command, path, *(["-c"] if command == "decompress" else [])]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(f"likezip: {path}: ")
    assert int(result.stdout.split()[-1]) < 100 << 10
