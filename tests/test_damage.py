"""Every truncation and every flipped bit of small frames: always an error, never wrong bytes."""

import random

import pytest

import likezip
from likezip import container, stream

CASES = {"stored": random.Random(1).randbytes(40), "memory": b"to be or not to be, " * 8}
MODES = {"stored": container.STORED, "memory": container.MEMORY}


@pytest.mark.parametrize("name", CASES)
def test_damage(name: str) -> None:
    frame = likezip.compress(CASES[name])
    assert frame[container.FRAME_HEADER_SIZE] == MODES[name]
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
    assert tried == 9 * len(frame)


def test_list_sees_damage_too() -> None:
    import io

    frame = likezip.compress(b"something")
    for size in range(len(frame)):
        with pytest.raises(likezip.LikezipError):
            stream.read_frames(io.BytesIO(frame[:size]))
