"""Round trips of all sizes and options, frames after one another, and what must be refused."""

import gc
import io
import multiprocessing.queues
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roundtrip import Pipe, check_roundtrip

import likezip
from likezip.blocks import block_header
from likezip.frames import container
from likezip.frames.index import read_frames
from likezip.frames.workers import Queue, Workers
from likezip.prior import parallel

BLOCK = container.MIN_BLOCK
TEXT = b"".join(b"line %d of the text, which repeats itself, %d\n" % (i, i * i % 97) for i in range(4000))


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1, 2, 3, 100, BLOCK - 1, BLOCK, BLOCK + 1])
def test_sizes(size: int) -> None:
    check_roundtrip(TEXT[:size], block_size=BLOCK)


@pytest.mark.slow
def test_zeros_become_almost_nothing() -> None:
    assert len(check_roundtrip(bytes(1_000_000))) < 500


@pytest.mark.slow
def test_random_bytes_are_stored() -> None:
    data = random.Random(1).randbytes(200_000)
    frame = check_roundtrip(data, block_size=BLOCK)
    assert len(frame) <= len(data) * 1.001 + 64
    one = random.Random(2).randbytes(1000)
    assert len(check_roundtrip(one)) == 1014


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=3000), st.integers(1, 40))
def test_any_bytes_any_lanes(data: bytes, lanes: int) -> None:
    check_roundtrip(data, lanes=lanes)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(BLOCK, 3 * BLOCK), st.integers(1, 1024))
def test_any_options(size: int, block_size: int, lanes: int) -> None:
    data = TEXT[:size]
    frame = likezip.compress(data, block_size=block_size, lanes=lanes)
    assert likezip.decompress(frame) == data


@pytest.mark.slow
def test_lanes_that_end_one_step_earlier_touch_nothing() -> None:
    """The decoder once predicted the step after a lane's last, which evicted buckets that others still used."""
    for size in (8694, 8700, 30_001):
        check_roundtrip(TEXT[:size], lanes=219)


@pytest.mark.slow
def test_workers_do_not_change_the_bytes() -> None:
    one = check_roundtrip(TEXT, block_size=BLOCK)
    assert likezip.compress(TEXT, block_size=BLOCK, threads=2) == one
    assert likezip.decompress(one, threads=2) == TEXT


def test_threads_of_a_single_block_do_not_change_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, ready = [], parallel.open_prior

    def watched(*arguments: Any, threads: int, **others: Any) -> Any:
        asked.append(threads)
        return ready(*arguments, threads=threads, **others)

    monkeypatch.setattr(parallel, "open_prior", watched)
    one = likezip.compress(TEXT[:5000], lanes=8, prior="on")
    assert likezip.compress(TEXT[:5000], lanes=8, prior="on", threads=2) == one
    assert likezip.decompress(one, threads=2) == likezip.decompress(one) == TEXT[:5000]
    assert asked == [1, 2, 2, 1]


@pytest.mark.slow
def test_threads_while_the_interpreter_ends() -> None:
    script = """if True:
        import atexit, threading, likezip
        text = b"a line of text, and another. " * 100
        one = likezip.compress(text, prior="on", lanes=4)
        def late():
            print(likezip.compress(text, prior="on", lanes=4, threads=2) == one)
        atexit.register(late)
        threading.Thread(target=lambda: [threading.main_thread().join(), late()]).start()
    """
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("True\nTrue\n", "")


def test_frames_after_one_another() -> None:
    both = likezip.compress(TEXT[:500]) + likezip.compress(b"") + likezip.compress(TEXT[500:900])
    assert likezip.decompress(both) == TEXT[:900]
    sink = io.BytesIO()
    likezip.decompress_stream(Pipe(both, 7), sink)
    assert sink.getvalue() == TEXT[:900]
    assert [frame.raw_size for frame in read_frames(io.BytesIO(both))] == [500, 0, 400]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", likezip.TruncatedError, "empty"),
        (b"LZIP\x01and so on, of another program", likezip.FormatError, "lzip"),
        (b"plain text that is no frame at all", likezip.FormatError, "magic"),
        (container.MAGIC, likezip.TruncatedError, "header"),
        (likezip.compress(b"x") + b"junk", likezip.FormatError, "trailing"),
        (container.FrameHeader.of(BLOCK, bytes(8)).packed, likezip.UnknownModelError, "0000000000000000"),
        (container.FrameHeader.of(None, bytes(8)).packed, likezip.UnknownModelError, "0000000000000000"),
    ],
)
def test_refused(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        likezip.decompress(data)


def _with_checksum(fields: bytes) -> bytes:
    return fields + block_header.checksum(fields).to_bytes(4, "little")


def test_later_versions_and_flags_are_unsupported_not_corrupt() -> None:
    frame = likezip.compress(b"some bytes")
    header = container.FrameHeader.of(BLOCK, likezip.load_model("likezip-2").id).packed[:-4]
    for bits in (0x4A, 0x4F, 0x89, 0xC9):
        with pytest.raises(likezip.UnsupportedError):
            likezip.decompress(_with_checksum(header[:4] + bytes([bits]) + header[5:]))
    for bits in (0x4A, 0x4F, 0x61, 0x71, 0x89, 0xC9):  # a window in a frame of one block among them
        with pytest.raises(likezip.UnsupportedError):
            likezip.decompress(frame[:4] + bytes([bits & ~8]) + frame[5:])


@pytest.mark.slow
def test_moved_missing_and_doubled_blocks() -> None:
    frame = likezip.compress(random.Random(3).randbytes(3 * BLOCK), block_size=BLOCK)
    first, second, third, behind = likezip.get_frame_info(frame).block_offsets
    head, tail = frame[:first], frame[behind:]
    a, b, c = frame[first:second], frame[second:third], frame[third:behind]
    assert head + a + b + c + tail == frame
    for damaged in (head + b + a + c + tail, head + a + c + tail, head + a + a + b + c + tail, head + a + b + tail):
        with pytest.raises(likezip.CorruptError):
            likezip.decompress(damaged)


def test_a_forged_size_allocates_nothing() -> None:
    for block_size in (container.MAX_BLOCK, None):
        header = container.FrameHeader.of(block_size, likezip.load_model("likezip-2").id)
        block = block_header.BlockHeader.stored(1 << 30, 0).pack(header.sealing(0))
        with pytest.raises(likezip.TruncatedError):
            likezip.decompress(header.packed + block + b"some bytes")


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_what_was_written_before_damage_is_right(threads: int) -> None:
    """A bit in the payload of each block in turn: the blocks before it come out, and nothing else."""
    data = TEXT[: BLOCK + 5000]
    frame = likezip.compress(data, block_size=BLOCK)
    (info,) = read_frames(io.BytesIO(frame))
    assert len(info.blocks) == 2
    for number, (size, _) in enumerate(info.blocks):
        damaged, sink = bytearray(frame), io.BytesIO()
        damaged[info.block_offsets[number] + size // 2] ^= 1
        with pytest.raises(likezip.CorruptError, match=f"block {number}"):
            likezip.decompress_stream(io.BytesIO(damaged), sink, threads=threads)
        assert sink.getvalue() == data[: number * BLOCK]


def test_wrong_options() -> None:
    wrong: list[dict[str, Any]] = [{"block_size": 1}, {"lanes": 0}, {"lanes": 1025}, {"threads": 0}]
    for options in [*wrong, {"block_size": container.MAX_BLOCK + 1}]:
        with pytest.raises(ValueError, match="must be"):
            likezip.compress(b"x", **options)
    with pytest.raises(TypeError):
        likezip.compress("text")  # type: ignore[arg-type]


def test_another_model_than_the_frame_s_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"another model")
    with pytest.raises(likezip.UnknownModelError, match="not with"):
        likezip.decompress(likezip.compress(b"x" * 99), model=likezip.load_model(other))


class SlowSink(io.RawIOBase):
    """An unbuffered file that takes at most ``most`` bytes at once, or nothing for now (None)."""

    def __init__(self, most: int | None) -> None:
        self.taken, self._most = b"", most

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int | None:
        if self._most is None:
            return None
        self.taken += bytes(data[: self._most])
        return len(data[: self._most])


def test_sinks_that_take_less_than_offered() -> None:
    frame, slow = likezip.compress(TEXT[:500]), SlowSink(7)
    likezip.compress_stream(Pipe(TEXT[:500]), slow)
    assert slow.taken == frame
    slow = SlowSink(7)
    likezip.decompress_stream(Pipe(frame), slow)
    assert slow.taken == TEXT[:500]
    for most in (0, None):
        with pytest.raises(BlockingIOError):
            likezip.decompress_stream(Pipe(frame), SlowSink(most))


def test_pipes_of_the_system() -> None:
    """Both ends unbuffered; a pipe that has nothing yet and doesn't wait is an error, not the end of the data."""
    frame = likezip.compress(TEXT[:5000])
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as source, open(writer, "wb", buffering=0) as sink:
        likezip.compress_stream(Pipe(TEXT[:5000]), sink)
        sink.close()
        assert likezip.decompress(source.read() or b"") == TEXT[:5000]
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with open(reader, "rb", buffering=0) as source, open(writer, "wb", buffering=0) as sink:
        sink.write(frame[:50])
        for work in (likezip.decompress_stream, likezip.compress_stream):
            with pytest.raises(BlockingIOError):
                work(source, io.BytesIO())


def die(threads: int, advance: object) -> None:
    os._exit(threads)


def add(threads: int, advance: object, number: int) -> int:
    return threads + number


def die_while_sending(threads: int, advance: object) -> None:
    """As SIGKILL may hit it: of 1000 bytes that the parent waits for, it gets four."""
    for queue in gc.get_objects():
        if isinstance(queue, multiprocessing.queues.SimpleQueue):
            os.write(queue._writer.fileno(), struct.pack("!i", 1000) + b"part")  # type: ignore[attr-defined]
    os._exit(1)


@pytest.mark.slow
def test_a_worker_that_dies_while_it_sends_a_result() -> None:
    """The pool then waits for the rest of it, and the parent once did so for ever."""
    with pytest.raises(likezip.WorkerError, match="died"), Workers(2) as workers:
        list(Queue(workers, die_while_sending).map([(), (), ()]))


@pytest.mark.slow
@pytest.mark.parametrize("pause", [0, 2])
def test_a_dying_worker_is_an_error(pause: float) -> None:
    """Noticed when a result is asked for, or when more work is given."""

    def calls() -> Iterator[tuple[object, ...]]:
        yield from [(), ()]
        time.sleep(pause)
        yield from [(), ()]

    with pytest.raises(likezip.WorkerError, match="died"), Workers(2) as workers:
        list(Queue(workers, die).map(calls()))


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    """Its workers run it again, and may not begin others; what they say of that comes when it comes."""
    script = tmp_path / "script.py"
    script.write_text("import likezip\nlikezip.compress(bytes(200_000), block_size=65536, threads=2)")
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    said = [line for line in result.stderr.splitlines() if line.startswith("likezip.errors.WorkerError: ")]
    assert len(said) == 1 and 'under if __name__ == "__main__":' in said[0]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_blocks_in_flight_are_few_and_in_order(threads: int, count: int) -> None:
    given = taken = most = 0

    def calls() -> Iterator[tuple[object, ...]]:
        nonlocal given, most
        for number in range(count):
            given += 1
            most = max(most, given - taken)
            yield (number,)

    with Workers(threads) as workers:
        for result in Queue(workers, add).map(calls()):
            assert result == taken + (1 if count > 1 else threads)  # a single block has all threads
            taken += 1
        assert (workers._own is not None) == (threads > 1 and count > 1)
    assert taken == count
    assert most <= (threads + 1 if threads > 1 else 1)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import likezip, sys; likezip.compress; assert not {'numpy', 'numba', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(likezip.__all__) <= set(dir(likezip))
    assert all(getattr(likezip, name) is not None for name in likezip.__all__)
