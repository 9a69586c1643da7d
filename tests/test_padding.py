"""Zeros behind a frame, as tapes and dd fill up with, are passed over; anything else there is an error."""

import io
import os
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from roundtrip import Pipe

import likezip
from likezip.command.main import main
from likezip.frames.index import read_frames
from likezip.frames.raw_io import PIECE
from likezip.frames.recovery import recover_stream
from likezip.frames.stream import decompress_range

CONTENT = random.Random(7).randbytes(500)
ALONE = likezip.compress(CONTENT)


def _several() -> bytes:
    """A frame of several blocks, of one."""
    compressor = likezip.LikezipCompressor()
    flushed = compressor.compress(CONTENT) + compressor.flush(compressor.FLUSH_BLOCK)
    return flushed + compressor.flush()


SEVERAL = _several()
KINDS = pytest.mark.parametrize("frame", [ALONE, SEVERAL], ids=["one block", "several"])
SIZES = [1, 2, 3, 4, 5, 12, 511, 512, 10_240, PIECE - 4, PIECE + 1, 4 * PIECE]


def recovered(data: bytes, place: Path) -> tuple[bytes, int]:
    """What --recover finds, and how many losses it tells."""
    (place / "in.lz").write_bytes(data)
    sink = io.BytesIO()
    with (place / "in.lz").open("rb") as file:
        losses = recover_stream(file, sink)
    return sink.getvalue(), len(losses)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [1, 3])
@KINDS
def test_padding_is_passed_over(frame: bytes, size: int, count: int, tmp_path: Path) -> None:
    data, content = (frame + bytes(size)) * count, CONTENT * count
    assert likezip.decompress(data) == content
    for source in (Pipe(data), Pipe(data, 3)) if size < PIECE // 2 else (Pipe(data),):
        sink = io.BytesIO()
        likezip.decompress_stream(source, sink)
        assert sink.getvalue() == content
    infos = read_frames(io.BytesIO(data))
    assert [info.offset for info in infos] == [number * (len(frame) + size) for number in range(count)]
    with likezip.open(io.BytesIO(data)) as file:
        assert file.seek(-3, os.SEEK_END) == len(content) - 3
        assert file.read() == content[-3:]
        file.seek(0)
        assert file.read() == content
    sink = io.BytesIO()
    decompress_range(io.BytesIO(data), sink, -10, None)
    assert sink.getvalue() == content[-10:]
    assert recovered(data, tmp_path) == (content, 0)


@pytest.mark.parametrize("size", SIZES)
@KINDS
def test_padding_is_no_loss_where_something_else_is_damaged(frame: bytes, size: int, tmp_path: Path) -> None:
    """Where an index or a header is not sound, the file is walked through."""
    assert recovered(frame + bytes(size) + SEVERAL[:-1], tmp_path) == (CONTENT * 2, 1)
    assert recovered(frame + bytes(size) + ALONE[:-1], tmp_path) == (CONTENT, 1)
    assert recovered(frame + bytes(size) + frame + bytes(size) + b"junk", tmp_path) == (CONTENT * 2, 1)
    damaged = ALONE[:6] + b"\xff" + ALONE[7:]
    assert recovered(frame + bytes(size) + damaged + bytes(size) + frame, tmp_path) == (CONTENT * 2, 1)


@KINDS
def test_zeros_alone_are_no_frame(frame: bytes) -> None:
    for data in (bytes(512), bytes(512) + frame):
        with pytest.raises(likezip.FormatError, match="wrong magic number"):
            likezip.decompress(data)


@KINDS
def test_a_truncated_frame_is_not_padded(frame: bytes) -> None:
    """But where zeros fill up the payload of a frame of one block, its headers are sound."""
    for size in (len(frame) - 1, len(frame) - 12, len(frame) // 2, 5):
        with pytest.raises(likezip.LikezipError):
            likezip.decompress(frame[:size] + bytes(512))
        if frame == SEVERAL or size == 5:
            with pytest.raises(likezip.LikezipError):
                read_frames(io.BytesIO(frame[:size] + bytes(512)))


@pytest.mark.slow
@pytest.mark.parametrize("trailing", [b"junk", bytes(512) + b"junk", b"\0\1"])
@KINDS
def test_what_is_whole_before_trailing_data_is_said(frame: bytes, trailing: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.lz").write_bytes(frame * 2 + trailing)
    for arguments in (["test"], ["list"], ["decompress", "-o", str(tmp_path / "out")]):
        result = CliRunner().invoke(main, [*arguments, str(tmp_path / "in.lz")])
        assert result.exit_code == 1
        assert result.stderr.endswith(
            "trailing data: what follows the frame is not a frame; 1000 bytes of content come before it, "
            "in whole frames\n"
        )
    assert not (tmp_path / "out").exists()


@KINDS
def test_padding_is_left_to_whoever_reads_one_frame(frame: bytes) -> None:
    decompressor = likezip.LikezipDecompressor()
    assert decompressor.decompress(frame + bytes(8)) == CONTENT
    assert (decompressor.eof, decompressor.unused_data) == (True, bytes(8))


@KINDS
def test_list_and_test_of_a_padded_file(frame: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.lz").write_bytes(frame + bytes(512))
    result = CliRunner().invoke(main, ["list", str(tmp_path / "in.lz")])
    assert result.exit_code == 0 and f" {len(frame)} " in result.stdout
    assert CliRunner().invoke(main, ["test", str(tmp_path / "in.lz")]).stderr.endswith("in.lz: sound\n")
