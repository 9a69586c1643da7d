"""Data in pieces of any size: the same frame, the same content."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import likezip
from likezip.blocks import codec
from likezip.frames import container

BLOCK = container.MIN_BLOCK
TEXT = b"".join(b"piece %d of the data, %d\n" % (i, i * 7 % 1013) for i in range(11_000))
FRAME = likezip.compress(TEXT, block_size=BLOCK, prior="off")


def pieces(data: bytes, seed: int) -> list[bytes]:
    """Data cut at random, empty pieces among them."""
    cuts = sorted(random.Random(seed).choices(range(len(data)), k=20))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_compressor(threads: int, seed: int) -> None:
    compressor = likezip.LikezipCompressor(block_size=BLOCK, threads=threads, prior="off")
    parts = [compressor.compress(piece) for piece in pieces(TEXT, seed)]
    assert any(parts), "nothing comes before the end"
    assert b"".join(parts) + compressor.flush() == FRAME
    for use in (compressor.flush, lambda: compressor.compress(b"x")):
        with pytest.raises(ValueError, match="ended"):
            use()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_flush_of_a_block_lets_it_be_decompressed(threads: int) -> None:
    compressor = likezip.LikezipCompressor(block_size=BLOCK, threads=threads, prior="off")
    decompressor = likezip.LikezipDecompressor()
    for size in (10, 3 * BLOCK, 0, 100):
        part = compressor.compress(TEXT[:size]) + compressor.flush(compressor.FLUSH_BLOCK)
        assert decompressor.decompress(part) == TEXT[:size]
        assert not decompressor.eof
    assert decompressor.decompress(compressor.flush()) == b""
    assert decompressor.eof
    with pytest.raises(ValueError, match="ended"):
        compressor.flush(compressor.FLUSH_BLOCK)
    with pytest.raises(ValueError, match="mode"):
        likezip.LikezipCompressor().flush(0)


def test_nothing_is_an_empty_frame() -> None:
    compressor = likezip.LikezipCompressor()
    assert compressor.compress(b"") == b""
    assert compressor.flush() == likezip.compress(b"")


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.integers(1, 1 << 30), st.integers(1, 100_000), st.integers(0, 100))
def test_decompressor(seed: int, most: int, more: int) -> None:
    """Pieces of any size in, at most so much out, until all is there; what is behind the frame is given back."""
    behind = random.Random(seed).randbytes(more)
    decompressor = likezip.LikezipDecompressor()
    waiting, found = pieces(FRAME + behind, seed), b""
    while len(found) < len(TEXT) or not decompressor.eof:
        piece = waiting.pop(0) if decompressor.needs_input else b""
        part = decompressor.decompress(piece, most)
        assert len(part) <= most
        found += part
    assert found == TEXT
    assert decompressor.unused_data + b"".join(waiting) == behind
    with pytest.raises(EOFError):
        decompressor.decompress(b"")


def test_a_block_comes_out_as_soon_as_it_is_there() -> None:
    end = likezip.get_frame_info(FRAME).block_offsets[1]
    decompressor = likezip.LikezipDecompressor()
    assert decompressor.decompress(FRAME[: end - 1]) == b""
    assert decompressor.needs_input
    assert decompressor.decompress(FRAME[end - 1 : end]) == TEXT[:BLOCK]
    assert decompressor.needs_input and not decompressor.eof


def test_max_length_zero_takes_only() -> None:
    decompressor = likezip.LikezipDecompressor()
    assert decompressor.decompress(FRAME, 0) == b""
    assert not decompressor.needs_input
    assert decompressor.decompress(b"", 7) == TEXT[:7]
    assert decompressor.decompress(b"") == TEXT[7:]
    assert decompressor.eof


def test_damage_is_an_error_every_time() -> None:
    damaged = bytearray(FRAME)
    damaged[likezip.get_frame_info(FRAME).block_offsets[1] + 30] ^= 1
    decompressor = likezip.LikezipDecompressor()
    assert decompressor.decompress(damaged[: BLOCK // 4], 100) == TEXT[:100]
    assert decompressor.decompress(damaged[BLOCK // 4 :]) == TEXT[100:BLOCK]
    for _ in range(3):
        assert not decompressor.needs_input
        with pytest.raises(likezip.CorruptError, match="block 1"):
            decompressor.decompress(b"")
        assert not decompressor.eof
    with pytest.raises(likezip.FormatError):
        likezip.LikezipDecompressor().decompress(b"this")


def test_a_given_model(tmp_path: object) -> None:
    model = likezip.load_model("likezip-2")
    assert likezip.LikezipDecompressor(model=model).decompress(FRAME) == TEXT
    for named in (model, "likezip-2", model.path, str(model.path)):
        assert likezip.decompress(likezip.compress(b"abc", model=named), model=named) == b"abc"
    with pytest.raises(likezip.UnknownModelError):
        likezip.compress(b"abc", model="nothing")


@pytest.mark.parametrize("wrong", [None, "text", 5, ["list"]])
def test_only_bytes(wrong: object) -> None:
    for work in (likezip.compress, likezip.decompress, likezip.get_frame_info):
        with pytest.raises(TypeError):
            work(wrong)  # type: ignore[operator]
    with pytest.raises(TypeError):
        likezip.LikezipCompressor().compress(wrong)  # type: ignore[arg-type]


def test_all_kinds_of_bytes() -> None:
    for data in (bytearray(TEXT[:99]), memoryview(TEXT)[:99], memoryview(TEXT[:96]).cast("I")):
        assert likezip.decompress(bytearray(likezip.compress(data))) == bytes(data)


def test_no_whole_frame_after_a_block_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever catches a MemoryError and goes on once got a sound frame without the block."""
    compressor, encode = likezip.LikezipCompressor(block_size=BLOCK, prior="off"), codec.encode_block
    compressor.compress(TEXT[:BLOCK])

    def failing(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(codec, "encode_block", failing)
    with pytest.raises(MemoryError):
        compressor.compress(TEXT[BLOCK : 2 * BLOCK])
    monkeypatch.setattr(codec, "encode_block", encode)
    with pytest.raises(ValueError, match="ended"):
        compressor.flush()


def test_giving_up_takes_back_what_an_executor_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as executor:
        hold = threading.Event()
        executor.submit(hold.wait)
        compressor = likezip.LikezipCompressor(block_size=BLOCK, prior="off", executor=executor, threads=8)
        compressor.compress(bytes(4 * BLOCK))
        assert executor._work_queue.qsize() == 4
        compressor.close()
        coded: list[object] = []
        monkeypatch.setattr(codec, "encode_block", lambda *_, **__: coded.append(1))
        hold.set()
    assert coded == []
