"""LikezipFile and open: as Python's own compressed files, and random access by the index."""

import io
import pickle
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from roundtrip import Pipe

import likezip
from likezip.blocks import block_header
from likezip.blocks.options import CodingOptions
from likezip.frames import container, reader
from likezip.frames.recovery import recover_stream
from likezip.frames.stream import decompress_range
from likezip.frames.workers import Workers
from likezip.frames.writer import FrameWriter

BLOCK = 2000
"""Bytes of a block in FRAME; likezip would only make larger ones, but reads any."""
TEXT = b"".join(b"line %d of a file, one of many: %d\n" % (i, i * i % 1009) for i in range(500))
BLOCKS = -(-len(TEXT) // BLOCK)


def framed(content: bytes) -> bytes:
    """A frame of small blocks."""
    with Workers() as workers:
        model = likezip.load_model("likezip-2")
        writer = FrameWriter(workers, CodingOptions(model, "off"), block_size=container.MIN_BLOCK)
        parts = [
            part
            for start in range(0, len(content), BLOCK)
            for part in writer.write_block(content[start : start + BLOCK])
        ]
        return b"".join([*parts, *writer.end()])


FRAME = framed(TEXT)


class Decoded:
    """Counts the blocks that are decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.numbers: list[int] = []
        decode = reader.decode_in_worker

        def counting(threads: int, advance: Any, block: reader.PackedBlock, *others: Any) -> Iterable[bytes]:
            self.numbers.append(block.number)
            return decode(threads, advance, block, *others)

        monkeypatch.setattr(reader, "decode_in_worker", counting)


def test_reading_as_any_file() -> None:
    with likezip.open(io.BytesIO(FRAME)) as file:
        assert file.readable() and file.seekable() and not file.writable()
        assert file.read(0) == b""
        assert file.peek(1)[:1] == TEXT[:1]
        assert file.read(5) == TEXT[:5]
        assert file.tell() == 5
        assert len(file.read1(1 << 30)) == BLOCK - 5
        buffer = bytearray(10)
        before = file.tell()
        assert file.readinto(buffer) == 10
        assert buffer == TEXT[before : before + 10]
        file.seek(before)
        assert file.readinto1(buffer) == 10
        file.seek(0)
        assert file.readline() == TEXT[: TEXT.index(b"\n") + 1]
        assert file.readline(3) == b"lin"
        file.seek(0)
        assert list(file) == TEXT.splitlines(keepends=True)
        assert file.read() == file.read(10) == file.peek() == b""
        file.seek(0)
        assert file.read() == TEXT
    assert file.closed
    with pytest.raises(ValueError, match="closed"):
        file.read()
    file.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(-10, len(TEXT) + 10), st.integers(0, 2), st.integers(0, 3 * BLOCK)), max_size=8))
def test_seek_and_read_as_of_the_content(moves: list[tuple[int, int, int]]) -> None:
    with likezip.open(io.BytesIO(FRAME * 2)) as file, io.BytesIO(TEXT * 2) as content:
        for offset, whence, size in moves:
            if whence == io.SEEK_SET:
                offset = abs(offset)
            elif whence == io.SEEK_END:
                offset = -offset
            place = max(0, {0: 0, 1: content.tell(), 2: 2 * len(TEXT)}[whence] + offset)
            assert file.seek(offset, whence) == place
            content.seek(place)
            assert file.tell() == place
            assert file.read(size) == content.read(size)


def test_a_part_from_the_middle_decodes_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = Decoded(monkeypatch)
    with likezip.open(io.BytesIO(FRAME)) as file:
        file.seek(2 * BLOCK + 100)
        assert file.read1(1000) == TEXT[2 * BLOCK + 100 :][:1000]
        assert decoded.numbers == [2]
        file.seek(2 * BLOCK)
        assert file.read(1000) == TEXT[2 * BLOCK :][:1000]
        assert decoded.numbers == [2]
        file.seek(-10, io.SEEK_END)
        assert file.read(100) == TEXT[-10:]
        assert decoded.numbers == [2, BLOCKS - 1]
        assert file.seek(0, io.SEEK_END) == file.tell() == len(TEXT)
        assert decoded.numbers == [2, BLOCKS - 1]


def test_asking_for_the_size_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is read in the middle of reading on; nothing is decoded twice or left out."""
    decoded = Decoded(monkeypatch)
    with likezip.open(io.BytesIO(FRAME)) as file:
        assert file.read(10) == TEXT[:10]
        here = file.tell()
        assert file.seek(0, io.SEEK_END) == len(TEXT)
        file.seek(here)
        assert file.read() == TEXT[10:]
    assert decoded.numbers == [0, 0, *range(1, BLOCKS)]


def test_from_where_the_file_stands() -> None:
    file = io.BytesIO(b"something before" + FRAME)
    file.seek(16)
    with likezip.open(file) as content:
        assert content.read(7) == TEXT[:7]
        content.seek(-7, io.SEEK_END)
        assert content.read() == TEXT[-7:]
        content.seek(0)
        assert content.read() == TEXT
    assert not file.closed


class PipeFile(Pipe):
    """A pipe as a file object."""

    def seekable(self) -> bool:
        return False


def test_reading_a_pipe() -> None:
    with likezip.open(PipeFile(FRAME)) as file:  # type: ignore[arg-type]
        assert not file.seekable()
        assert file.read(10) == TEXT[:10]
        with pytest.raises(io.UnsupportedOperation):
            file.seek(5)
        assert file.read() == TEXT[10:]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_writing(tmp_path: Path, threads: int) -> None:
    path, content = tmp_path / "out.lz", TEXT * 8
    options: dict[str, Any] = {"block_size": container.MIN_BLOCK, "prior": "off"}
    with likezip.open(path, "wb", threads=threads, **options) as file:
        assert file.writable() and not file.readable() and not file.seekable()
        assert file.name == str(path)
        for start in range(0, len(content), 70_001):
            part = memoryview(content)[start : start + 70_001]
            assert file.write(part) == len(part)
        assert file.tell() == len(content)
        with pytest.raises(io.UnsupportedOperation):
            file.read()
    assert path.read_bytes() == likezip.compress(content, **options)
    with likezip.open(path, threads=threads) as file:
        assert file.read() == content
        file.seek(70_000)
        assert file.read(5) == content[70_000:70_005]
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")


def test_modes(tmp_path: Path) -> None:
    path = tmp_path / "out.lz"
    with likezip.LikezipFile(path, "x") as file:
        file.write(b"first\n")
    with pytest.raises(FileExistsError):
        likezip.open(path, "xb")
    with likezip.open(path, "a") as file:
        file.write(b"second\n")
    assert path.read_bytes() == likezip.compress(b"first\n") + likezip.compress(b"second\n")
    with likezip.open(path) as file:
        assert list(file) == [b"first\n", b"second\n"]
    with likezip.open(path, "w"):
        pass
    assert path.read_bytes() == likezip.compress(b"")
    for wrong in ("", "rw", "r+", "z", "bb", "wt+"):
        with pytest.raises(ValueError, match="mode"):
            likezip.open(path, wrong)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="only for writing"):
        likezip.open(path, "r", block_size=1 << 20)
    with pytest.raises(ValueError, match="must be"):
        likezip.open(path, "w", lanes=0)
    assert path.read_bytes() == likezip.compress(b"")  # a wrong option does not empty a file


def test_text(tmp_path: Path) -> None:
    path = tmp_path / "out.lz"
    with likezip.open(path, "wt", encoding="iso8859-2", newline="\r\n") as file:
        file.write("zażółć\ngęślą\n")
    assert likezip.decompress(path.read_bytes()) == "zażółć\r\ngęślą\r\n".encode("iso8859-2")
    with likezip.open(path, "rt", encoding="iso8859-2") as file:
        assert file.readlines() == ["zażółć\n", "gęślą\n"]
    with pytest.raises(ValueError, match="for text"):
        likezip.open(path, "rb", encoding="ascii")  # type: ignore[call-overload]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["wb", "wt"])
def test_an_exception_leaves_no_whole_frame(tmp_path: Path, mode: Any) -> None:
    """Half of a file must not look like all of it."""
    path = tmp_path / "out.lz"
    content: Any = TEXT * 4 if mode == "wb" else TEXT.decode() * 4
    with (
        pytest.raises(ZeroDivisionError),
        likezip.open(path, mode, block_size=container.MIN_BLOCK, prior="off") as file,
    ):
        file.write(content)
        raise ZeroDivisionError
    with pytest.raises(likezip.TruncatedError), likezip.open(path) as damaged:
        damaged.read()


class FullDisk(io.BytesIO):
    """Takes a frame header, and then nothing."""

    def write(self, data: Any, /) -> int:
        if len(data) > container.MAX_HEADER_SIZE:
            raise OSError(28, "No space left on device")
        return super().write(data)


@pytest.mark.slow
def test_a_full_disk() -> None:
    file = likezip.open(FullDisk(), "wb", block_size=container.MIN_BLOCK, prior="off", threads=1)
    with pytest.raises(OSError, match="No space"):
        file.write(TEXT * 12)  # several blocks, as the first waits for the second
    with pytest.raises(ValueError, match="failed before"):
        file.write(TEXT)
    file.close()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_damage_is_an_error_every_time_after_what_is_right(threads: int) -> None:
    info = likezip.get_frame_info(FRAME)
    damaged = bytearray(FRAME)
    damaged[info.block_offsets[2] + block_header.MAX_SIZE + 5] ^= 1
    with likezip.open(io.BytesIO(damaged), threads=threads) as file:
        assert file.read(2 * BLOCK) == TEXT[: 2 * BLOCK]
        for _ in range(3):
            with pytest.raises(likezip.CorruptError, match="block 2"):
                file.read(1)
        file.seek(3 * BLOCK)
        assert file.read() == TEXT[3 * BLOCK :]
        file.seek(-1, io.SEEK_CUR)
        assert file.read() == TEXT[-1:]


def test_truncation_gives_what_is_there() -> None:
    cut = FRAME[: likezip.get_frame_info(FRAME).block_offsets[2] + 40]
    with likezip.open(io.BytesIO(cut)) as file:
        assert file.read(2 * BLOCK) == TEXT[: 2 * BLOCK]
        with pytest.raises(likezip.TruncatedError):
            file.read(1)
        with pytest.raises(likezip.CorruptError):
            file.seek(0)
    for wrong, error in ((b"", likezip.TruncatedError), (FRAME + b"junk", likezip.FormatError)):
        with likezip.open(io.BytesIO(wrong)) as file, pytest.raises(error):
            file.read()


def test_a_block_that_the_index_does_not_know_is_not_read() -> None:
    """Bytes of one file with the index of another: each sound by itself."""
    random_frame = framed(random.Random(5).randbytes(len(TEXT)))
    info, other = likezip.get_frame_info(FRAME), likezip.get_frame_info(random_frame)
    mixed = random_frame[: other.block_offsets[-1]] + FRAME[info.block_offsets[-1] :]
    with likezip.open(io.BytesIO(mixed)) as file, pytest.raises(likezip.LikezipError):
        file.seek(BLOCK)
        file.read(1)


def test_frame_info() -> None:
    info = likezip.get_frame_info(FRAME)
    assert (info.offset, info.size, info.raw_size, info.block_size) == (0, len(FRAME), len(TEXT), container.MIN_BLOCK)
    assert info.model_id == likezip.load_model("likezip-2").id
    assert len(info.blocks) == BLOCKS
    assert [raw for _, raw in info.blocks[:-1]] == [BLOCK] * (BLOCKS - 1)
    assert info.block_offsets[0] == len(info.header.packed) == 13
    assert info.block_offsets[-1] == len(FRAME) - container.end_size(BLOCKS)
    assert likezip.get_frame_info(FRAME + likezip.compress(b"x")) == info
    for wrong in (b"", FRAME[:-1], FRAME[1:], FRAME + b"x"):
        with pytest.raises(likezip.LikezipError):
            likezip.get_frame_info(wrong)
    assert pickle.loads(pickle.dumps(info)) == info


@pytest.mark.slow
def test_every_flipped_bit_by_seeking() -> None:
    """Right bytes or an error, also when reading goes on after a seek that failed; the second frame is sound."""
    both, content = FRAME[: likezip.get_frame_info(FRAME).size] + framed(TEXT[:50]), TEXT + TEXT[:50]
    right = refused = 0
    for place in range(0, len(FRAME), 7):
        damaged = bytearray(both)
        damaged[place] ^= 1 << place % 8
        with likezip.open(io.BytesIO(damaged)) as file:
            for wanted in (5000, 0, len(TEXT)):
                where = 0
                try:
                    where = file.seek(wanted)
                    found = file.read(100)
                except likezip.LikezipError:
                    refused += 1
                    continue
                assert found == content[where : where + 100]
                right += 1
    print(f"{right} reads were right, {refused} refused")
    assert right > 100 and refused > 50


def test_reading_on_after_a_seek_that_failed() -> None:
    """It once went on where the search for the index had ended: at the beginning of the next frame."""
    damaged = bytearray(FRAME)
    damaged[-10] ^= 1
    with likezip.open(io.BytesIO(bytes(damaged) + framed(b"another"))) as file:
        with pytest.raises(likezip.CorruptError):
            file.seek(5)
        assert file.read(5) == TEXT[:5]


def test_reading_on_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """It once was the end of the file."""
    decode = reader.decode_in_worker

    def interrupted(threads: int, advance: Any, block: reader.PackedBlock, *others: Any) -> Iterable[bytes]:
        if block.number == 2:
            raise KeyboardInterrupt
        return decode(threads, advance, block, *others)

    with likezip.open(io.BytesIO(FRAME)) as file:
        with monkeypatch.context() as patch:
            patch.setattr(reader, "decode_in_worker", interrupted)
            with pytest.raises(KeyboardInterrupt):
                file.read()
        with pytest.raises(ValueError, match="interrupted"):
            file.read()
        file.seek(10)
        assert file.read() == TEXT[10:]


def test_a_file_that_gives_a_few_bytes_at_a_time() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(100 if size is None or size < 0 else min(size, 100))

    with likezip.open(Slow(FRAME)) as file:
        file.seek(2 * BLOCK)
        assert file.read() == TEXT[2 * BLOCK :]


def test_a_forged_index_is_refused_by_its_sizes() -> None:
    info = likezip.get_frame_info(FRAME)
    size = info.blocks[0][0]
    for wrong in (size - block_header.MAX_SIZE - 1, 0, container.MIN_BLOCK + 1):
        index = container.Index(len(info.header.packed), ((size, wrong), *info.blocks[1:]))
        with pytest.raises(likezip.CorruptError, match="the index does not fit the blocks"):
            likezip.get_frame_info(FRAME[: info.block_offsets[-1]] + index.pack())


@pytest.mark.parametrize("threads", [1, 2])
def test_ranges_decode_the_blocks_that_hold_them(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    decoded = Decoded(monkeypatch)
    for start, end, blocks in (
        (0, 10, [0]),
        (BLOCK, 2 * BLOCK, [1]),
        (BLOCK - 1, BLOCK + 1, [0, 1]),
        (-10, None, [BLOCKS - 1]),
        (5, 5, []),
        (9, 3, []),
        (len(TEXT), None, []),
    ):
        for source in (io.BytesIO(FRAME), PipeFile(FRAME)):
            if start < 0 and isinstance(source, PipeFile):
                continue
            sink = io.BytesIO()
            decoded.numbers.clear()
            decompress_range(source, sink, start, end, threads=threads if len(blocks) == 1 else 1)  # type: ignore[arg-type]
            assert sink.getvalue() == TEXT[start:end]
            assert decoded.numbers == blocks
    with pytest.raises(ValueError, match="behind the end"):
        decompress_range(io.BytesIO(FRAME), io.BytesIO(), len(TEXT) + 1, None)


def test_a_seek_decodes_one_block_first_with_workers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = Decoded(monkeypatch)
    with likezip.open(io.BytesIO(FRAME), threads=2) as file:
        file.seek(2 * BLOCK + 5)
        assert file.read(10) == TEXT[2 * BLOCK + 5 :][:10]
    assert decoded.numbers == [2]


def test_arrays_are_written_as_their_bytes(tmp_path: Path) -> None:
    numbers = np.arange(100, dtype=np.int32)
    with likezip.open(tmp_path / "out.lz", "wb") as file:
        assert file.write(numbers) == 400
        with pytest.raises(TypeError):
            file.write("text")
        with pytest.raises(TypeError):
            file.write(numbers[::2])
    assert likezip.decompress((tmp_path / "out.lz").read_bytes()) == numbers.tobytes()


@pytest.mark.parametrize(
    "array",
    [
        np.array(["2024-02-29", "NaT"], "M8[s]"),
        np.array([1, -2], "m8[ns]"),
        np.array([(1, 2.5, b"ab", "2024-02-29")], [("n", ">i2"), ("x", "<f8"), ("s", "S3"), ("d", "M8[D]")]),
        np.arange(3, dtype=">i4"),
        np.array(["text"], "U5"),
        np.array([1 + 2j]),
        np.array([True, False]),
        np.zeros((0, 3)),
        np.zeros(0, "M8[s]"),
        np.array(5.5),
        np.float32(1.5),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}".replace(" ", ""),
)
def test_arrays_of_all_kinds(array: Any) -> None:
    raw = array.tobytes()
    frame = likezip.compress(array, prior="off")
    assert likezip.decompress(np.frombuffer(frame, np.uint8)) == raw
    sink = io.BytesIO()
    with likezip.open(sink, "wb", prior="off") as file:
        assert file.write(array) == len(raw)
    assert likezip.decompress(sink.getvalue()) == raw
    compressor = likezip.LikezipCompressor(prior="off")
    assert likezip.decompress(compressor.compress(array) + compressor.flush()) == raw
    assert len(likezip.byte_costs(array, context=array, prior="off")) == len(raw)


@pytest.mark.parametrize(
    "array",
    [np.zeros(8)[::2], np.zeros((2, 3)).T, np.zeros(8, "M8[s]")[::2], np.array([None]), np.zeros(1, [("o", "O")])],
    ids=["gaps", "Fortran", "gaps in dates", "objects", "records with objects"],
)
def test_arrays_without_bytes_that_follow_each_other(array: Any) -> None:
    """Those of objects are addresses, which mean nothing once they are decompressed."""
    with likezip.open(io.BytesIO(), "wb") as file:
        for work in (likezip.compress, file.write, likezip.byte_costs):
            with pytest.raises(TypeError):
                work(array)


def test_what_was_flushed_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "growing.lz"
    with likezip.open(path, "wt", prior="off") as file:
        assert path.stat().st_size == 0
        for number in range(3):
            print("line", number, file=file, flush=True)
            with likezip.open(path) as growing:
                assert [growing.readline() for _ in range(number + 1)] == [b"line %d\n" % i for i in range(number + 1)]
                with pytest.raises(likezip.TruncatedError):
                    growing.readline()
    content = "".join(f"line {number}\n" for number in range(3)).encode()
    assert likezip.decompress(path.read_bytes()) == content
    assert [raw for _, raw in likezip.get_frame_info(path.read_bytes()).blocks] == [7, 7, 7]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_flushing_costs_nothing_where_there_is_nothing_new(threads: int) -> None:
    frames = []
    for flushes in (0, 2):
        sink = io.BytesIO()
        with likezip.open(sink, "wb", block_size=container.MIN_BLOCK, prior="off", threads=threads) as file:
            for part in (TEXT * 4, TEXT[:100]):
                file.write(part)
            for _ in range(flushes):
                file.flush()
        frames.append(sink.getvalue())
    assert frames[0] == frames[1]
    for flushes in (0, 2):
        sink = io.BytesIO()
        with likezip.open(sink, "wb", prior="off", threads=threads) as file:
            for _ in range(flushes):
                file.flush()
            file.write(TEXT[:100])
        assert sink.getvalue() == likezip.compress(TEXT[:100], prior="off")
    with likezip.open(io.BytesIO(frames[0])) as file:
        file.flush()
        assert file.read() == TEXT * 4 + TEXT[:100]
    with pytest.raises(ValueError, match="closed"):
        file.flush()


@pytest.mark.slow
def test_what_was_flushed_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "killed.lz"
    code = (
        "import likezip, os, sys; file = likezip.open(sys.argv[1], 'wt', prior='off'); print('hello', file=file);"
        "file.flush(); print('not flushed', file=file); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code, path], check=False).returncode == -9
    sink = io.BytesIO()
    with path.open("rb") as file:
        recover_stream(file, sink)
    assert sink.getvalue() == b"hello\n"


def test_a_flush_that_fails_ends_the_frame() -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "No space left on device")

    file = likezip.open(Full(), "wb", prior="off")
    file.write(b"some bytes")
    with pytest.raises(OSError, match="space"):
        file.flush()
    with pytest.raises(ValueError, match="failed before"):
        file.write(b"more")
    file.close()


@pytest.mark.parametrize("empty", [b"", bytearray(), memoryview(b"")])
def test_an_empty_buffer_is_an_error_and_no_endless_loop(empty: Any) -> None:
    uses: list[Any] = [
        io.TextIOWrapper,
        lambda f: f.read1(),
        lambda f: f.readinto1(bytearray(5)),
        lambda f: f.readline(),
    ]
    for use in uses:
        with pytest.raises(likezip.TruncatedError):
            list(use(likezip.open(io.BytesIO(empty))))
    decompressor = likezip.LikezipDecompressor()
    assert decompressor.decompress(empty) == b"" and decompressor.needs_input and not decompressor.eof


def test_several_objects_in_one_file() -> None:
    file = io.BytesIO()
    for mode, objects in (("wb", [1, list(range(999))]), ("ab", ["three"])):
        with likezip.open(file, mode, prior="off") as written:
            for one in objects:
                pickle.dump(one, written)
    file.seek(0)
    with likezip.open(file) as read:
        assert [pickle.load(read) for _ in range(3)] == [1, list(range(999)), "three"]
        with pytest.raises(EOFError):
            pickle.load(read)


def test_going_forward_keeps_nothing_of_what_is_passed_over() -> None:
    with likezip.open(io.BytesIO(FRAME)) as file:
        assert file._reader is not None
        while file.read(1):
            assert len(file._reader.raw._block) <= BLOCK  # type: ignore[attr-defined]
            file.seek(3000, io.SEEK_CUR)


@pytest.mark.slow
def test_a_file_that_goes_with_its_buffer_says_nothing() -> None:
    code = "import io, likezip; likezip.open(io.BytesIO(), 'wb', prior='off').write(b'x')"
    assert subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True).stderr == b""


@pytest.mark.slow
def test_a_file_that_a_script_forgets_to_close_is_whole(tmp_path: Path) -> None:
    code = "import likezip, sys; file = likezip.open(sys.argv[1], 'wb'); file.write(b'all of it')"
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code, tmp_path / "out.lz"], capture_output=True, check=True
    )
    assert result.stderr == b""
    assert likezip.decompress((tmp_path / "out.lz").read_bytes()) == b"all of it"


def test_a_file_that_can_t_be_opened(tmp_path: Path) -> None:
    code = f"import likezip\ntry: likezip.open({str(tmp_path / 'no' / 'where')!r}, 'wb')\nexcept OSError: pass"
    assert subprocess.run([sys.executable, "-X", "dev", "-c", code], capture_output=True, check=True).stderr == b""
    with pytest.raises(likezip.UnknownModelError):
        likezip.open(tmp_path / "out", "wb", model="nothing")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_tar(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    with likezip.open(tmp_path / "t.tar.lz", "wb") as file, tarfile.open(fileobj=file, mode="w|") as archive:
        archive.add(tmp_path / "a", "a")
    with likezip.open(tmp_path / "t.tar.lz") as file, tarfile.open(fileobj=file) as archive:
        member = archive.extractfile("a")
        assert member is not None and member.read() == TEXT


def test_a_file_that_can_t_be_ended_at_exit_takes_no_others_with_it(tmp_path: Path) -> None:
    code = (
        "import likezip, sys\n"
        "class Full:\n"
        "    def write(self, data): raise OSError(28, 'No space left on device')\n"
        "files = [likezip.open(f'{sys.argv[1]}/{n}.lz', 'wb', prior='off') for n in range(3)]\n"
        "files.insert(1, likezip.open(Full(), 'wb', prior='off'))\n"
        "for file in files: file.write(b'some bytes')\n"
    )
    ended = subprocess.run([sys.executable, "-P", "-c", code, tmp_path], check=False, capture_output=True)
    assert b"No space left" in ended.stderr
    for number in range(3):
        assert likezip.decompress((tmp_path / f"{number}.lz").read_bytes()) == b"some bytes"
