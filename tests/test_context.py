"""Frames with a context: every way to write and read them, and what is said if it is missing or another."""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from roundtrip import Pipe, block_headers

import likezip
from likezip.blocks.options import CodingOptions
from likezip.frames import container, context
from likezip.frames.context import Context
from likezip.frames.index import read_frames
from likezip.frames.recovery import recover_stream
from likezip.frames.stream import decompress_range
from likezip.frames.workers import Workers
from likezip.frames.writer import FrameWriter

NOISE = random.Random(9).randbytes(3000)
RECORDS = b"".join(b"user %d: name-%d, %d visits\n" % (i, i * 7919 % 1000, i * i % 97) for i in range(60))
CONTEXT = RECORDS + NOISE[:1000]
LIKE = NOISE[200:700] + b"then something new, " + NOISE[100:400]
"""Mostly copies of the context."""
SIMILAR = b"".join(b"user %d: name-%d, %d visits\n" % (i, i * 7927 % 1000, i * i % 89) for i in range(40))
"""No copies of it, but of the same kind."""


def framed(*blocks: bytes, **options: Any) -> bytes:
    """A frame of these blocks."""
    with Workers() as workers:
        coding = CodingOptions(likezip.load_model("likezip-2"), "off")
        options = {"block_size": container.MIN_BLOCK, "context": Context(CONTEXT), **options}
        writer = FrameWriter(workers, coding, **options)
        return b"".join([*(part for block in blocks for part in writer.write_block(block)), *writer.end()])


def whole(frame: bytes, given: bytes | None) -> bytes:
    return likezip.decompress(frame, context=given)


def streamed(frame: bytes, given: bytes | None) -> bytes:
    sink = io.BytesIO()
    likezip.decompress_stream(Pipe(frame, 100), sink, context=given)
    return sink.getvalue()


def as_a_file(frame: bytes, given: bytes | None) -> bytes:
    with likezip.open(io.BytesIO(frame), context=given) as file:
        return file.read()


def from_the_middle(frame: bytes, given: bytes | None) -> bytes:
    with likezip.open(io.BytesIO(frame), context=given) as file:
        middle = file.seek(0, io.SEEK_END) // 2
        file.seek(middle)
        behind = file.read()
        file.seek(0)
        return file.read(middle) + behind


def in_pieces(frame: bytes, given: bytes | None) -> bytes:
    decompressor = likezip.LikezipDecompressor(context=given)
    found = b"".join(decompressor.decompress(frame[start : start + 11]) for start in range(0, len(frame), 11))
    if not decompressor.eof:
        raise likezip.TruncatedError("not ended")
    return found


def in_a_range(frame: bytes, given: bytes | None) -> bytes:
    sink = io.BytesIO()
    decompress_range(io.BytesIO(frame), sink, 0, None, context=given)
    return sink.getvalue()


WAYS: list[Callable[[bytes, bytes | None], bytes]] = [whole, streamed, as_a_file, from_the_middle, in_pieces]
WAYS += [in_a_range]

COPYING = likezip.compress(LIKE, context=CONTEXT, effort="fast")
PRIMED = likezip.compress(SIMILAR, context=CONTEXT, prior="off")
SEVERAL = framed(LIKE, SIMILAR, LIKE[300:] + NOISE[2000:2100], NOISE[2000:2300], SIMILAR + NOISE[2100:2300])
SEVERAL_CONTENT = LIKE + SIMILAR + LIKE[300:] + NOISE[2000:2100] + NOISE[2000:2300] + SIMILAR + NOISE[2100:2300]
FRAMES = {COPYING: LIKE, PRIMED: SIMILAR, SEVERAL: SEVERAL_CONTENT}


def test_frames_are_what_they_are_to_be() -> None:
    (copying,), (primed,) = block_headers(COPYING), block_headers(PRIMED)
    assert copying.has_copies and not copying.primed and len(COPYING) < 120
    assert primed.primed and not primed.has_copies
    for frame in FRAMES:
        assert read_frames(io.BytesIO(frame))[0].header.context_id == Context(CONTEXT).id


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_read(way: Callable[[bytes, bytes | None], bytes]) -> None:
    for frame, content in FRAMES.items():
        assert way(frame, CONTEXT) == content


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_or_another_context_is_said(way: Callable[[bytes, bytes | None], bytes]) -> None:
    for frame in FRAMES:
        for given in (None, b""):
            with pytest.raises(likezip.UnknownContextError, match=Context(CONTEXT).id.hex()):
                way(frame, given)
        for given in (CONTEXT[1:], CONTEXT[:-1], CONTEXT + b"x", b"x"):
            with pytest.raises(
                likezip.UnknownContextError, match=f"{Context(CONTEXT).id.hex()}.*{Context(given).id.hex()}"
            ):
                way(frame, given)


@pytest.mark.parametrize("way", WAYS)
def test_a_context_that_no_frame_names_is_not_minded(way: Callable[[bytes, bytes | None], bytes]) -> None:
    assert way(likezip.compress(SIMILAR, prior="off"), CONTEXT) == SIMILAR


def test_frames_with_one_and_without() -> None:
    both = COPYING + likezip.compress(b"more", prior="off") + PRIMED
    for way in (whole, streamed, as_a_file, from_the_middle, in_a_range):
        assert way(both, CONTEXT) == LIKE + b"more" + SIMILAR


@pytest.mark.parametrize("lanes", [1, 3, 1024])
def test_a_primed_block_has_one_lane(lanes: int) -> None:
    frame = likezip.compress(SIMILAR, context=CONTEXT, prior="off", lanes=lanes)
    assert [header.lanes for header in block_headers(frame)] == [1]
    assert likezip.decompress(frame, context=CONTEXT) == SIMILAR


@pytest.mark.slow
@pytest.mark.parametrize("effort", ["fast", "usual", "best"])
def test_every_way_to_write(effort: Any) -> None:
    content = LIKE + SIMILAR + LIKE
    options: dict[str, Any] = {"context": CONTEXT, "prior": "off", "effort": effort}
    frame = likezip.compress(content, **options)
    sink = io.BytesIO()
    likezip.compress_stream(Pipe(content), sink, threads=2, **options)
    assert sink.getvalue() == frame
    compressor = likezip.LikezipCompressor(**options)
    assert compressor.compress(content[:100]) + compressor.compress(content[100:]) + compressor.flush() == frame
    file = io.BytesIO()
    with likezip.open(file, "wb", **options) as writing:
        writing.write(content)
    assert file.getvalue() == frame
    with likezip.open(file, "ab", **options) as writing:
        writing.write(b"more")
    assert likezip.decompress(file.getvalue(), context=CONTEXT) == content + b"more"


def test_any_blocks_with_a_context_come_back() -> None:
    """Each is coded in the way that is shorter, with copies of the context or primed by it, and later ones copy from
    what these are."""
    draw, pieces = random.Random(10), [NOISE[:200], NOISE[300:900], SIMILAR[:300], RECORDS[:500], NOISE[1500:1900]]
    for number in range(12):
        blocks = [b"".join(draw.choices([*pieces, draw.randbytes(60)], k=draw.randrange(1, 4))) for _ in range(5)]
        window = draw.choice([None, 0, 1 << 16])
        assert likezip.decompress(framed(*blocks, window=window), context=CONTEXT) == b"".join(blocks), number


def test_a_long_block_with_a_context_comes_back() -> None:
    """The first block has copies of the context, or is primed; the second copies from the first."""
    noise = random.Random(11).randbytes(3000)
    blocks = [NOISE[:300] + noise, noise, NOISE[:1000], NOISE[:300] + noise[:500]]
    assert likezip.decompress(framed(*blocks), context=CONTEXT) == b"".join(blocks)


def test_primed_blocks_are_smaller() -> None:
    assert len(PRIMED) < 0.9 * len(likezip.compress(SIMILAR, prior="off"))


def test_what_is_the_context_takes_hardly_any_room() -> None:
    for content in (CONTEXT, NOISE[:1000], CONTEXT[50:2000]):
        frame = likezip.compress(content, context=CONTEXT)
        assert len(frame) < 40
        assert likezip.decompress(frame, context=CONTEXT) == content


@pytest.mark.slow
def test_a_context_that_is_longer_than_what_a_predictor_learns() -> None:
    long = random.Random(12).randbytes(context.PRIMER) + SIMILAR
    content = long[:5000] + long[-9000:]
    frame = likezip.compress(content, context=long)
    assert len(frame) < 60 and not any(header.primed for header in block_headers(frame))
    assert likezip.decompress(frame, context=long) == content


def test_an_empty_context_is_none() -> None:
    for content in (b"", SIMILAR):
        assert likezip.compress(content, context=b"", prior="off") == likezip.compress(content, prior="off")
    assert Context.of(b"") is None and Context.of(None) is None


def test_nothing_with_a_context() -> None:
    frame = likezip.compress(b"", context=CONTEXT)
    for way in (whole, streamed, as_a_file, in_pieces, in_a_range):
        assert way(frame, CONTEXT) == b""
        with pytest.raises(likezip.UnknownContextError):
            likezip.decompress(frame)


def test_recovery() -> None:
    for frame, content in FRAMES.items():
        sink = io.BytesIO()
        assert recover_stream(io.BytesIO(frame), sink, context=CONTEXT) == []
        assert sink.getvalue() == content
    sink, damaged = io.BytesIO(), bytearray(SEVERAL)
    damaged[-9] ^= 1
    assert len(recover_stream(io.BytesIO(damaged), sink, context=CONTEXT)) == 1
    assert sink.getvalue() == SEVERAL_CONTENT
    damaged[7] ^= 1  # of the context's id
    sink = io.BytesIO()
    assert len(recover_stream(io.BytesIO(damaged), sink, context=CONTEXT)) == 2
    assert sink.getvalue() == SEVERAL_CONTENT


def test_recovery_of_frames_that_name_no_context() -> None:
    """One that is given is for the others; it once was taken for theirs."""
    frame, sink = framed(NOISE[:600], NOISE[100:500], context=None), io.BytesIO()
    assert [header.has_copies for header in block_headers(frame)] == [False, True]
    assert recover_stream(io.BytesIO(SEVERAL + frame), sink, context=CONTEXT) == []
    assert sink.getvalue() == SEVERAL_CONTENT + NOISE[:600] + NOISE[100:500]


@pytest.mark.parametrize("at", [3, -5], ids=["header", "payload"])
def test_recovery_of_a_frame_behind_another_whose_first_block_is_lost(at: int) -> None:
    """The others may still refer to the context."""
    frame, sink = framed(NOISE[2000:2600], LIKE, window=0), io.BytesIO()
    places = likezip.get_frame_info(frame).block_offsets
    damaged = bytearray(frame)
    damaged[places[at < 0] + at] ^= 1
    losses = recover_stream(io.BytesIO(frame + damaged), sink, context=CONTEXT)
    assert [loss.raw_size for loss in losses] == [600]
    assert sink.getvalue() == NOISE[2000:2600] + LIKE * 2


@pytest.mark.parametrize("given", [None, NOISE])
def test_recovery_without_the_context(given: bytes | None) -> None:
    """Blocks without copies come out, as their lists begin with the context's size; if nothing does, that is said."""
    frame, sink = framed(NOISE[2000:2600], LIKE, NOISE[2500:2600] + NOISE[2000:2400], NOISE[2600:]), io.BytesIO()
    assert [(header.has_copies, header.primed) for header in block_headers(frame)] == [
        (False, False),
        (True, False),
        (True, False),
        (False, False),
    ]
    losses = recover_stream(io.BytesIO(frame), sink, context=given)
    assert [loss.raw_size for loss in losses] == [len(LIKE), 500]
    assert sink.getvalue() == NOISE[2000:]
    for alone in (COPYING, PRIMED):
        with pytest.raises(likezip.LikezipError):
            recover_stream(io.BytesIO(alone), io.BytesIO(), context=given)


def _bytes_or_error(way: Callable[[bytes, bytes | None], bytes], damaged: bytes, content: bytes) -> None:
    """Of a sound frame with a bit or some bytes less, it is always an error."""
    with pytest.raises(likezip.LikezipError):
        assert way(damaged, CONTEXT) == content, "wrong bytes"


@pytest.mark.parametrize("frame", [COPYING, pytest.param(PRIMED, marks=pytest.mark.slow)], ids=["copying", "primed"])
def test_no_damage_gives_other_bytes(frame: bytes) -> None:
    for place in range(8 * len(frame)):
        damaged = bytearray(frame)
        damaged[place // 8] ^= 1 << place % 8
        _bytes_or_error(whole, bytes(damaged), FRAMES[frame])
    for size in range(len(frame)):
        _bytes_or_error(whole, frame[:size], FRAMES[frame])


def test_some_damage_of_a_primed_frame() -> None:
    for place in [*range(30), *range(30, len(PRIMED), 40)]:
        damaged = bytearray(PRIMED)
        damaged[place] ^= 1 << place % 8
        _bytes_or_error(in_pieces, bytes(damaged), SIMILAR)


def test_a_block_that_needs_a_context_where_none_is_named() -> None:
    """Forged: the frame's header is another, and the block's checksum fits it."""
    header, (block,) = container.FrameHeader.of(None, likezip.load_model("likezip-2").id), block_headers(PRIMED)
    payload = PRIMED[-block.payload_size :]
    forged = header.packed + block.pack(header.sealing(0)) + payload
    for given in (None, CONTEXT):
        for way in WAYS:
            with pytest.raises(likezip.CorruptError):
                way(forged, given)


def test_the_files_of_a_directory_in_order(tmp_path: Path) -> None:
    files = {"b": b"2", "a/z": b"1", "a/b/c": b"0", "c.txt": b"5", "b.d/e": b"3", "b.e": b"4"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "c.txt")
    assert context.read_files([tmp_path]) == b"012345"
    assert context.read_files([tmp_path / "b.e", tmp_path / "a", str(tmp_path / "b")]) == b"4012"
    assert context.read_files([]) == b""
    with pytest.raises(OSError):
        context.read_files([tmp_path / "missing"])
