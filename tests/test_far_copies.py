"""Frames whose blocks copy from those before: every way to read them, and what becomes of damage."""

import io
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from roundtrip import Pipe, block_headers, flipped

import likezip
from likezip.blocks.options import CodingOptions
from likezip.frames import container, reader
from likezip.frames.index import read_frames
from likezip.frames.raw_io import blocks_of
from likezip.frames.recovery import Loss, recover_stream
from likezip.frames.stream import decompress_range
from likezip.frames.workers import Workers
from likezip.frames.writer import FrameWriter

NOISE = random.Random(4).randbytes(4000)
A, B, C = NOISE[:600], NOISE[600:1200], NOISE[1200:1900]
TEXT = b"".join(b"line %d of %d, some of them once more\n" % (i, i * i) for i in range(20))
PARTS = [A, B, b"once more: " + A, C + TEXT, B[:300] + b" and " + A[200:] + B[400:], TEXT[100:] + C, NOISE[3000:3500]]
NEEDS = {0: [], 1: [], 2: [0], 3: [], 4: [0, 1], 5: [3], 6: []}
"""The blocks that each block's copies refer to."""
CONTENT = b"".join(PARTS)
BEGINS = [sum(map(len, PARTS[:number])) for number in range(len(PARTS))]


def framed(*blocks: bytes, window: int | None = None) -> bytes:
    """A frame of these blocks."""
    with Workers() as workers:
        model = likezip.load_model("likezip-2")
        options = CodingOptions(model, "off")
        writer = FrameWriter(workers, options, block_size=container.MIN_BLOCK, window=window)
        return b"".join([*(part for block in blocks for part in writer.write_block(block)), *writer.end()])


FRAME = framed(*PARTS)
PLACES = likezip.get_frame_info(FRAME).block_offsets
HEADER = PLACES[0]


def streamed(frame: bytes, threads: int = 1) -> bytes:
    sink = io.BytesIO()
    likezip.decompress_stream(Pipe(frame, 100), sink, threads=threads)
    return sink.getvalue()


def as_a_file(frame: bytes, threads: int = 1) -> bytes:
    with likezip.open(io.BytesIO(frame), threads=threads) as file:
        return file.read()


def from_a_pipe(frame: bytes, threads: int = 1) -> bytes:
    with likezip.LikezipFile(Pipe(frame, 50), threads=threads) as file:
        return file.read()


def in_pieces(frame: bytes, threads: int = 1) -> bytes:
    found, rest = bytearray(), frame
    while rest:
        decompressor = likezip.LikezipDecompressor()
        for start in range(0, len(rest), 37):
            found += decompressor.decompress(rest[start : start + 37])
            if decompressor.eof:
                rest = decompressor.unused_data + rest[start + 37 :]
                break
        else:
            raise likezip.TruncatedError("not ended")
    return bytes(found)


def recovered(frame: bytes, threads: int = 1) -> bytes:
    content, losses = recover(frame, threads)
    assert losses == []
    return content


def recover(frame: bytes, threads: int = 1) -> tuple[bytes, list[Loss]]:
    sink = io.BytesIO()
    losses = recover_stream(io.BytesIO(frame), sink, threads=threads)
    return sink.getvalue(), losses


def in_a_range(frame: bytes, threads: int = 1) -> bytes:
    sink = io.BytesIO()
    decompress_range(io.BytesIO(frame), sink, 0, None, threads=threads)
    return sink.getvalue()


WAYS: list[Callable[..., bytes]] = [likezip.decompress, streamed, as_a_file, from_a_pipe, in_pieces]
WAYS += [recovered, in_a_range]


class NoSeek(Pipe):
    def seekable(self) -> bool:
        return False


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of the blocks that are decoded in this process."""
    numbers, decode = list[int](), reader.decode_here

    def counting(threads: int, advance: Any, block: reader.PackedBlock, *others: Any) -> Iterator[bytes]:
        numbers.append(block.number)
        return decode(threads, advance, block, *others)

    monkeypatch.setattr(reader, "decode_here", counting)
    yield numbers


def without(*numbers: int) -> bytes:
    return b"".join(part for number, part in enumerate(PARTS) if number not in numbers)


def test_copies_are_where_they_are_expected() -> None:
    assert [header.has_copies for header in block_headers(FRAME)] == [bool(needed) for needed in NEEDS.values()]
    assert len(FRAME) < 600 + 600 + 700 + 500 + len(TEXT) + 500


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_read(way: Callable[..., bytes]) -> None:
    assert way(FRAME) == CONTENT
    assert way(FRAME + FRAME) == CONTENT * 2
    assert way(framed(*reversed(PARTS)) + FRAME) == b"".join(reversed(PARTS)) + CONTENT


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_read_in_two_workers(way: Callable[..., bytes]) -> None:
    assert way(FRAME, threads=2) == CONTENT
    assert way(FRAME + FRAME, threads=2) == CONTENT * 2


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_there_and_back(threads: int) -> None:
    """By all of the options of those who compress."""
    content = random.Random(5).randbytes(100_000) * 2 + TEXT * 9
    frame = likezip.compress(content, block_size=1 << 16, prior="off", threads=threads)
    assert len(frame) < 103_000
    assert likezip.decompress(frame, threads=threads) == content
    sink = io.BytesIO()
    likezip.compress_stream(Pipe(content), sink, block_size=1 << 16, prior="off", threads=3 - threads)
    assert sink.getvalue() == frame
    compressor = likezip.LikezipCompressor(block_size=1 << 16, prior="off", threads=threads)
    parts = [compressor.compress(content[start : start + 777]) for start in range(0, len(content), 777)]
    assert b"".join([*parts, compressor.flush()]) == frame
    file = io.BytesIO()
    with likezip.open(file, "wb", block_size=1 << 16, prior="off") as writing:
        writing.write(content)
    assert file.getvalue() == frame


def test_a_flush_does_not_end_copies() -> None:
    compressor = likezip.LikezipCompressor(block_size=1 << 16, prior="off")
    parts = [compressor.compress(A), compressor.flush(compressor.FLUSH_BLOCK), compressor.compress(A)]
    frame = b"".join([*parts, compressor.flush()])
    assert [header.has_copies for header in block_headers(frame)] == [False, True]
    assert likezip.decompress(frame) == A + A


def test_seeking_decodes_what_is_needed_and_no_more(decoded: list[int]) -> None:
    with likezip.open(io.BytesIO(FRAME)) as file:
        for number in (4, 2, 6, 5, 0, 4, 1, 5, 3):
            decoded.clear()
            file.seek(BEGINS[number] + 3)
            assert file.read(20) == PARTS[number][3:23]
            assert sorted(decoded) == sorted([number, *NEEDS[number]])
        file.seek(BEGINS[2])
        decoded.clear()
        assert file.read() == CONTENT[BEGINS[2] :]
        assert set(decoded) == set(range(7)) and len(decoded) <= 8
        file.seek(-1, io.SEEK_CUR)
        assert file.read() == CONTENT[-1:]


def test_reading_on_after_a_seek_in_frames_behind_each_other() -> None:
    content = CONTENT * 2
    with likezip.open(io.BytesIO(FRAME + FRAME)) as file:
        for place in [*sorted(random.Random(6).sample(range(len(content)), 30)), *range(len(content) - 1, 0, -517)]:
            file.seek(place)
            assert file.read(1000) == content[place : place + 1000]


@pytest.mark.parametrize("source", [io.BytesIO, lambda frame: NoSeek(frame, 64)])
def test_ranges(source: Callable[[bytes], Any], decoded: list[int]) -> None:
    for number, needed in NEEDS.items():
        decoded.clear()
        sink, begin = io.BytesIO(), BEGINS[number]
        decompress_range(source(FRAME), sink, begin + 1, begin + 400)
        assert sink.getvalue() == CONTENT[begin + 1 : begin + 400]
        assert sorted(decoded) == sorted([number, *needed])
    draw = random.Random(7)
    for _ in range(20):
        start, end = sorted(draw.choices(range(len(CONTENT) + 1), k=2))
        sink = io.BytesIO()
        decompress_range(source(FRAME), sink, start, end)
        assert sink.getvalue() == CONTENT[start:end]


def test_nothing_is_looked_for_without_a_window() -> None:
    frame = framed(*PARTS, window=0)
    assert not any(header.has_copies for header in block_headers(frame))
    assert read_frames(io.BytesIO(frame))[0].header.window == 0
    for way in WAYS:
        assert way(frame) == CONTENT


@pytest.mark.parametrize("way", [likezip.decompress, streamed, as_a_file, from_a_pipe, in_pieces, recovered])
def test_copies_of_the_very_beginning_of_the_window(way: Callable[..., bytes]) -> None:
    """They begin a whole window before a block, which a reader forgot at the end of that block, before it filled it
    in."""
    draw = random.Random(7)
    parts = [draw.randbytes(container.MIN_BLOCK) for _ in range(3)]
    for blocks, window in (
        ([*parts[:1] * 2], 1 << 16),
        ([*parts[:2] * 2], 1 << 17),
        ([*parts, *parts[1::-1]], 1 << 18),
    ):
        frame = framed(*blocks, window=window)
        assert [header.has_copies for header in block_headers(frame)][-1]
        assert way(frame) == b"".join(blocks)


def test_windows() -> None:
    for window in (container.MIN_BLOCK, (1 << 16) + 1, 1 << 30):
        frame = framed(*PARTS, window=window)
        (info,) = read_frames(io.BytesIO(frame))
        assert window <= info.header.window < 2 * window
        assert likezip.decompress(frame) == CONTENT
    for window in (-1, 1, 65535, (1 << 30) + 1):
        with pytest.raises(ValueError, match="window"):
            likezip.compress(A, window=window)


def dependents(number: int) -> list[int]:
    """A block, and those that need it."""
    return [other for other, needed in NEEDS.items() if other == number or number in needed]


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("number", NEEDS)
def test_those_that_need_a_lost_block_are_lost_and_named(number: int, threads: int) -> None:
    damaged, lost = flipped(FRAME, PLACES[number + 1] - 3), dependents(number)
    content, losses = recover(damaged, threads)
    assert content == without(*lost)
    assert [(loss.begin, loss.end, loss.raw_size) for loss in losses] == [
        (PLACES[one], PLACES[one + 1], len(PARTS[one])) for one in lost
    ]
    assert [loss.position for loss in losses] == [len(without(*lost, *range(one, 7))) for one in lost]
    for loss, one in zip(losses, lost, strict=True):
        assert f"block {one}: " in loss.reason


@pytest.mark.parametrize("number", NEEDS)
def test_the_index_lost_as_well(number: int) -> None:
    damaged, lost = flipped(FRAME, PLACES[number + 1] - 3, len(FRAME) - 9), dependents(number)
    content, losses = recover(damaged)
    assert content == without(*lost)
    assert len(losses) == len(lost) + 1


@pytest.mark.parametrize("number", NEEDS)
def test_a_header_lost(number: int) -> None:
    """The index says how long the block was; without it, nothing before it may be referred to."""
    damaged = flipped(FRAME, PLACES[number] + 3)
    assert recover(damaged)[0] == without(*dependents(number))
    lost = {number, *(one for one, needed in NEEDS.items() if any(other <= number < one for other in needed))}
    assert recover(flipped(damaged, len(FRAME) - 9))[0] == without(*lost)


def test_the_frame_header_lost() -> None:
    content, losses = recover(flipped(FRAME, 7))
    assert content == CONTENT and len(losses) == 1
    content, losses = recover(FRAME[HEADER:])
    assert content == CONTENT
    content, losses = recover(FRAME + flipped(FRAME, 7))
    assert content == CONTENT * 2
    content, losses = recover(flipped(FRAME, 7, len(FRAME) - 9, PLACES[2] - 3))
    assert content == without(1, 4)
    content, losses = recover(FRAME[PLACES[1] :])  # the first block with it
    assert content == without(0, 2, 4)
    alone = likezip.compress(b"a frame of one block, which has no window")
    content, losses = recover(alone + flipped(FRAME, 7))
    assert content == b"a frame of one block, which has no window" + CONTENT and len(losses) == 1


@pytest.mark.parametrize("number", NEEDS)
def test_bytes_missing_in_a_block(number: int) -> None:
    """What is behind them is found, although the block seems to reach into it."""
    content, _ = recover(FRAME[: PLACES[number + 1] - 5] + FRAME[PLACES[number + 1] :])
    assert content == without(*dependents(number))


def test_a_block_moved_or_missing() -> None:
    content, _ = recover(FRAME[: PLACES[1]] + FRAME[PLACES[2] :])
    assert content in (without(1, 2, 4), without(1, 4))
    content, _ = recover(FRAME[: PLACES[5]] + FRAME[PLACES[4] :])
    assert content == without(5), "what may be missing before a block, it may not refer to"


@pytest.mark.parametrize("way", [likezip.decompress, streamed, as_a_file, in_pieces, in_a_range])
def test_damage_is_never_other_bytes(way: Callable[..., bytes]) -> None:
    tried = 0
    for place in range(0, len(FRAME), 13):
        with pytest.raises(likezip.LikezipError):
            way(flipped(FRAME, place))
        tried += 1
    for size in range(1, len(FRAME), 61):
        with pytest.raises(likezip.LikezipError):
            way(FRAME[:size])
    print(f"{tried} flipped bits, each refused")


def test_damage_of_a_source_is_never_other_bytes() -> None:
    """Whatever is read at once; a part that does not need it is read."""
    for number, needed in NEEDS.items():
        for place in range(PLACES[number], PLACES[number + 1], 29):
            damaged = flipped(FRAME, place)
            for other in NEEDS:
                sink = io.BytesIO()
                with suppress(likezip.LikezipError):
                    decompress_range(io.BytesIO(damaged), sink, BEGINS[other], BEGINS[other] + len(PARTS[other]))
                assert sink.getvalue() in (b"", PARTS[other])
                assert sink.getvalue() or other in dependents(number), f"block {other} does not need {number}: {needed}"


@pytest.mark.slow
def test_recovery_gives_out_nothing_else() -> None:
    draw, tried = random.Random(8), 0
    for _ in range(150):
        damaged = bytearray(FRAME + FRAME)
        for _ in range(draw.randrange(1, 5)):
            place = draw.randrange(len(damaged))
            if draw.randrange(2):
                damaged[place] ^= 1 << draw.randrange(8)
            else:
                del damaged[place : place + draw.randrange(100)]
        with suppress(likezip.CorruptError):
            content, tried = recover(bytes(damaged))[0], tried + 1
            while content:
                part = next(part for part in PARTS if content.startswith(part))
                content = content[len(part) :]
    print(f"{tried} recovered")
    assert tried > 100


def test_a_block_is_not_kept_beside_its_literals() -> None:
    """Neither by what reads it nor by what looks for repeats, and they are not copied before another block follows."""
    noise = random.Random(6).randbytes(1 << 17)
    given = blocks_of(io.BytesIO(noise * 2 + NOISE), 1 << 18)
    with Workers() as workers:
        options = CodingOptions(likezip.load_model("likezip-2"), "off")
        writer = FrameWriter(workers, options, block_size=1 << 18)
        raw = next(given)
        coming = writer.write_block(raw)
        assert raw == noise * 2
        assert sys.getrefcount(raw) == 2, "this name, and the question itself"
        frame = b"".join([*coming, *(part for block in given for part in writer.write_block(block)), *writer.end()])
    assert len(frame) < 1.1 * len(noise)
    assert likezip.decompress(frame) == noise * 2 + NOISE
