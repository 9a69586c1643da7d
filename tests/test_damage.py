"""Every truncation and every flipped bit of small frames: always an error, never wrong bytes."""

import io
import itertools
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import likezip
from likezip.blocks import block_header, codec
from likezip.blocks.options import CodingOptions
from likezip.frames import container
from likezip.frames.index import read_frames

CASES = {"stored": random.Random(1).randbytes(40), "memory": b"to be or not to be, " * 8}
CASES["prior"] = b"It was a bright cold day."
MODES = {"stored": block_header.STORED, "memory": block_header.MEMORY, "prior": block_header.MEMORY_PRIOR}


def _frame(name: str) -> bytes:
    return likezip.compress(CASES[name], prior="on" if name == "prior" else "off")


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_damage(name: str) -> None:
    frame = _frame(name)
    assert frame[container.FRAME_HEADER_SIZE] & 15 == MODES[name]
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


def test_list_sees_damage_too() -> None:
    frame = likezip.compress(b"something")
    for size in range(len(frame)):
        with pytest.raises(likezip.LikezipError):
            read_frames(io.BytesIO(frame[:size]))


@pytest.mark.parametrize("name", CASES)
def test_bytes_cut_out_or_put_in(name: str) -> None:
    frame = _frame(name)
    tried = 0
    for place in range(len(frame)):
        for damaged in (frame[:place] + frame[place + 1 :], frame[: place + 1] + frame[place:]):
            with pytest.raises(likezip.LikezipError):
                likezip.decompress(damaged)
            tried += 1
    print(f"{name}: {tried} frames with a byte too few or too many, each refused")
    assert tried == 2 * len(frame) > 0


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_a_frame(data: bytes) -> None:
    """Also behind a sound frame header, where the block headers and the index begin."""
    head = likezip.compress(b"")[: container.FRAME_HEADER_SIZE]
    for damaged in (data, head + data):
        with pytest.raises(likezip.LikezipError):
            likezip.decompress(damaged)


def _blocks() -> list[tuple[block_header.BlockHeader, bytes]]:
    """A block of each mode."""
    model = likezip.load_model("likezip-1")
    return [codec.encode_block(CASES[name], CodingOptions(model, "on" if name == "prior" else "off")) for name in CASES]


def _put_together(blocks: list[tuple[block_header.BlockHeader, bytes]], numbers: tuple[int, ...], end: bytes) -> bytes:
    """A frame of blocks that keep the numbers they had; ``end`` is the index."""
    head = container.FrameHeader(container.MIN_BLOCK, likezip.load_model("likezip-1").id).pack()
    return b"".join([head, *(blocks[number][0].pack(number) + blocks[number][1] for number in numbers), end])


@pytest.mark.slow
def test_doubled_missing_and_swapped_blocks_of_every_mode() -> None:
    """All rows of up to four of three blocks, with the right index and with one of the blocks that are there."""
    blocks, tried = _blocks(), 0
    sizes = [(header.payload_size, header.raw_size) for header, _ in blocks]
    assert likezip.decompress(_put_together(blocks, (0, 1, 2), container.pack_end(sizes))) == b"".join(CASES.values())
    for count in range(5):
        for numbers in itertools.product(range(3), repeat=count):
            for end in (container.pack_end(sizes), container.pack_end([sizes[number] for number in numbers])):
                damaged = _put_together(blocks, numbers, end)
                fits = numbers == (0, 1, 2)[: len(numbers)] and end == container.pack_end(sizes[: len(numbers)])
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
