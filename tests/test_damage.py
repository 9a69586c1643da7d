"""Every truncation and every flipped bit of small frames: always an error, never wrong bytes."""

import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import likezip
from likezip import container
from likezip.index import read_frames

CASES = {"stored": random.Random(1).randbytes(40), "memory": b"to be or not to be, " * 8}
CASES["prior"] = b"It was a bright cold day."
MODES = {"stored": container.STORED, "memory": container.MEMORY, "prior": container.MEMORY_PRIOR}


def _frame(name: str) -> bytes:
    return likezip.compress(CASES[name], prior="on" if name == "prior" else "off")


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
