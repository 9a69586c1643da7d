"""Frames of one block: how few bytes they take, where likezip writes them, and files that hold them beside others."""

import io
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from roundtrip import Pipe, block_headers

import likezip
from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader, Sealing
from likezip.frames import container
from likezip.frames.container import FrameHeader
from likezip.frames.index import read_frames
from likezip.frames.recovery import recover_stream
from likezip.frames.stream import decompress_range

ENGLISH = b"""It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in \
want of a wife. However little known the feelings or views of such a man may be on his first entering a neighbourhood, \
this truth is so well fixed in the minds of the surrounding families, that he is considered as the rightful property \
of some one or other of their daughters. "My dear Mr. Bennet," said his lady to him one day, "have you heard that \
Netherfield Park is let at last?" Mr. Bennet replied that he had not. "But it is," returned she; "for Mrs. Long has \
just been here, and she told me all about it." Mr. Bennet made no answer. "Do not you want to know who has taken it?" \
cried his wife impatiently. "You want to tell me, and I have no objection to hearing it." This was invitation enough. \
"Why, my dear, you must know, Mrs. Long says that Netherfield is taken by a young man of large fortune from the north \
of England; that he came down on Monday in a chaise and four to see the place, and was so much delighted with it that \
he agreed with Mr. Morris immediately."
"""
NOISE = random.Random(8).randbytes(500)
ALONE = FrameHeader.of(None, likezip.load_model("likezip-2").id)


def is_alone(frame: bytes) -> bool:
    """Whether a file is of one frame, of one block or none, which has no index."""
    (info,) = read_frames(io.BytesIO(frame))
    return info.header.block_size is None


@pytest.mark.parametrize(
    ("content", "most"),
    [
        (b"", 8),
        (b"x", 14),
        (b"ab", 15),
        (b"hello world", 18),
        (b"some words\n", 20),
        (ENGLISH[:100], 38),
        (ENGLISH[:1000], 230),
        (NOISE, 514),
        (bytes(1000), 17),
        pytest.param(bytes(1 << 22), 16 + 128, marks=pytest.mark.slow),  # with a copy, so with a coded size
    ],
    ids=lambda value: len(value) if isinstance(value, bytes) else value,
)
def test_sizes(content: bytes, most: int) -> None:
    frame = likezip.compress(content)
    assert is_alone(frame)
    assert len(frame) <= most
    assert likezip.decompress(frame) == content


@pytest.mark.parametrize("raw_size", [1, 64, 65, 1 << 14, (1 << 14) + 1, 1 << 20, (1 << 20) - 1, 1 << 22])
@pytest.mark.parametrize("mode", [block_header.MEMORY, block_header.MEMORY_PRIOR])
def test_at_most_14_bytes_beyond_the_code_words(raw_size: int, mode: int) -> None:
    lanes, table_bits = block_header.default_lanes(raw_size, mode), block_header.default_table_bits(raw_size)
    for payload_size in (block_header.least_payload(raw_size), raw_size // 4, raw_size - 1):
        header = BlockHeader(mode, lanes, 0, block_header.TEXT_PROFILE, 0, table_bits, raw_size, payload_size, None)
        assert 10 <= len(ALONE.packed + header.pack(ALONE.sealing(0))) <= 14
        assert 15 <= len(header.pack(Sealing.numbered(0))) + container.ENTRY_SIZE <= 19
    stored = BlockHeader.stored(raw_size, 7)
    assert len(ALONE.packed + stored.pack(ALONE.sealing(0))) <= 15


@pytest.mark.parametrize("prior", ["on", "off"])
def test_code_words_waste_two_bytes_at_most(prior: Any) -> None:
    """Beyond the four of the checksum and what the predictor says that the text costs."""
    wasted = []
    for size in (*range(20, 50), 100, 333, len(ENGLISH), 3000):
        content = (ENGLISH * 4)[:size]
        (header,) = block_headers(likezip.compress(content, prior=prior))
        assert header.mode != block_header.STORED and not header.has_copies
        wasted.append(header.payload_size - 4 - sum(likezip.byte_costs(content, prior=prior)) / 8)
    assert min(wasted) >= 0 and max(wasted) <= 2
    assert sum(wasted) / len(wasted) < 1


@pytest.mark.parametrize("prior", ["on", "off"])
def test_a_block_is_stored_where_that_is_no_longer(prior: Any) -> None:
    """Its header has the checksum that code words hold, and no size of a payload."""
    modes = set()
    for content in (b"", b"It is ", b"of a wife", b"which he ", b"\x93\xf2"):
        for size in range(12):
            raw = content + ENGLISH[:size]
            frame = likezip.compress(raw, prior=prior)
            (header,) = block_headers(frame) if raw else [BlockHeader.stored(1, 0)]
            modes.add(header.mode)
            assert len(frame) <= 13 + len(raw)
            if header.mode != block_header.STORED:
                assert len(frame) < 13 + len(raw) and header.payload_size < len(raw) + 3
            assert likezip.decompress(frame) == raw
    assert len(modes) == 2, "both ways are tried"


@pytest.mark.parametrize("prior", ["on", "off"])
def test_what_is_written_names_no_lanes_and_table_bits_by_default(prior: Any) -> None:
    for content in (ENGLISH[:200], ENGLISH * 20):
        frame = likezip.compress(content, prior=prior)
        (header,) = block_headers(frame)
        assert not frame[len(ALONE.packed)] & 8
        assert len(frame) - header.payload_size <= 14
        assert len(likezip.compress(content, prior=prior, lanes=5)) > len(frame)


@pytest.mark.slow
def test_one_byte_more_than_a_block_makes_a_frame_of_several() -> None:
    for size, alone in ((container.MIN_BLOCK, True), (container.MIN_BLOCK + 1, False)):
        content = random.Random(size).randbytes(size)
        frame = likezip.compress(content, block_size=container.MIN_BLOCK)
        assert is_alone(frame) == alone
        assert likezip.decompress(frame) == content
        compressor = likezip.LikezipCompressor(block_size=container.MIN_BLOCK)
        parts = [compressor.compress(content[:7]), compressor.compress(content[7:]), compressor.flush()]
        assert b"".join(parts) == frame
        assert parts[:2] == [b"", b""], "the first block waits for a second"


def test_a_flush_makes_a_frame_of_several() -> None:
    """What was flushed has to be readable before it is known whether another block follows."""
    for before, after in ((b"", ENGLISH), (ENGLISH, b""), (ENGLISH, ENGLISH), (b"", b"")):
        compressor = likezip.LikezipCompressor(prior="off")
        flushed = compressor.compress(before) + compressor.flush(compressor.FLUSH_BLOCK)
        frame = flushed + compressor.compress(after) + compressor.flush()
        assert is_alone(frame) == (before == b"")
        assert likezip.decompress(frame) == before + after
        assert (flushed == b"") == (before == b"")
        if before:
            assert likezip.LikezipDecompressor().decompress(flushed) == before


def test_text_is_closed_without_a_flush_of_its_block(tmp_path: Path) -> None:
    path, text = tmp_path / "text.lz", ENGLISH.decode()
    with likezip.open(path, "wt", prior="off") as file:
        file.write(text)
    assert path.read_bytes() == likezip.compress(ENGLISH, prior="off")
    file = likezip.open(path, "wt", prior="off")
    file.write(text)
    file.close()
    file.close()
    assert path.read_bytes() == likezip.compress(ENGLISH, prior="off")
    with likezip.open(path, "wt", prior="off") as file:
        print("a line", file=file, flush=True)
        file.write(text)
    assert not is_alone(path.read_bytes())
    assert likezip.decompress(path.read_bytes()) == b"a line\n" + ENGLISH


# Files that hold frames of both kinds.


def flushed(content: bytes) -> bytes:
    """A frame of several blocks."""
    compressor = likezip.LikezipCompressor(prior="off")
    half = compressor.compress(content[: len(content) // 2]) + compressor.flush(compressor.FLUSH_BLOCK)
    return half + compressor.compress(content[len(content) // 2 :]) + compressor.flush()


ONE, OTHER = likezip.compress(ENGLISH[:300], prior="off"), likezip.compress(NOISE, prior="off")
SEVERAL, NONE = flushed(ENGLISH[300:]), likezip.compress(b"")
HELD = {ONE: ENGLISH[:300], OTHER: NOISE, SEVERAL: ENGLISH[300:], NONE: b""}
FILE = likezip.compress(SEVERAL, prior="off")
"""A frame of one stored block that is a compressed file, so that it ends as that does."""
HELD[FILE] = SEVERAL


def in_pieces(data: bytes) -> bytes:
    found = b""
    while data:
        decompressor = likezip.LikezipDecompressor()
        while not decompressor.eof:
            found += decompressor.decompress(data[:3])
            data = data[3:]
        data = (decompressor.unused_data + data).lstrip(b"\0")
    return found


def from_the_end(data: bytes) -> bytes:
    with likezip.open(io.BytesIO(data)) as file:
        size = file.seek(0, os.SEEK_END)
        parts = []
        for begin in reversed(range(0, size, 400)):
            file.seek(begin)
            parts.append(file.read(min(400, size - begin)))
    return b"".join(reversed(parts))


def recovered(data: bytes) -> bytes:
    sink = io.BytesIO()
    with tempfile.TemporaryFile() as file:
        file.write(data)
        assert recover_stream(file, sink) == []
    return sink.getvalue()


def piped(data: bytes) -> bytes:
    sink = io.BytesIO()
    likezip.decompress_stream(Pipe(data, 5), sink)
    return sink.getvalue()


def by_ranges(data: bytes) -> bytes:
    size, sink = sum(frame.raw_size for frame in read_frames(io.BytesIO(data))), io.BytesIO()
    for begin in range(0, size, 250):
        decompress_range(io.BytesIO(data), sink, begin, begin + 250)
    return sink.getvalue()


WAYS: list[Callable[[bytes], bytes]] = [likezip.decompress, piped, in_pieces, from_the_end, by_ranges, recovered]


@pytest.mark.parametrize("padding", [0, 4, 512])
@pytest.mark.parametrize("way", WAYS)
def test_files_of_frames_of_both_kinds(way: Callable[[bytes], bytes], padding: int) -> None:
    for frames in (
        [ONE, OTHER],
        [ONE, SEVERAL],
        [SEVERAL, ONE],
        [ONE, SEVERAL, OTHER, NONE, SEVERAL, SEVERAL],
        [NONE, NONE, SEVERAL, NONE],
        [FILE],
        [FILE, SEVERAL],
        [SEVERAL, FILE],
        [ONE, FILE, FILE, NONE],
        [likezip.compress(ONE + FILE + SEVERAL, prior="off")],
    ):
        data = b"".join(frame + bytes(padding) for frame in frames)
        content = b"".join(HELD.get(frame, ONE + FILE + SEVERAL) for frame in frames)
        assert way(data) == content
        infos = read_frames(io.BytesIO(data))
        assert [info.size for info in infos] == [len(frame) for frame in frames]
        assert [info.offset for info in infos] == [
            sum(len(frame) + padding for frame in frames[:number]) for number in range(len(frames))
        ]


def test_reading_may_begin_behind_other_data() -> None:
    for data in (ONE + SEVERAL + OTHER, FILE, SEVERAL + FILE, SEVERAL):
        file = io.BytesIO(b"something else" + data)
        file.seek(14)
        content = likezip.decompress(data)
        with likezip.open(file) as opened:
            assert opened.seek(0, os.SEEK_END) == len(content)
            opened.seek(0)
            assert opened.read() == content


@pytest.mark.slow
def test_the_index_is_read_where_there_is_one_and_headers_elsewhere() -> None:
    """Few bytes are read of a file that is large."""

    class Counted(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            self.count += len(found)
            return found

    large = likezip.compress(random.Random(1).randbytes(1 << 18), block_size=container.MIN_BLOCK)
    assert len(read_frames(io.BytesIO(large))[0].blocks) == 4
    alone = likezip.compress(random.Random(2).randbytes(1 << 18))
    for data in (large, alone, alone + large, alone + alone, large + alone + large * 3):
        file = Counted(data)
        assert sum(frame.size for frame in read_frames(file)) == len(data)
        assert file.count < 1000


def test_the_checksum_of_a_small_header_covers_the_frame_header() -> None:
    """So that the block of one frame does not fit behind another's header."""
    named = FrameHeader.of(None, b"modelid8")
    header = BlockHeader.stored(5, 1)
    assert header.pack(named.sealing(0)) != header.pack(ALONE.sealing(0))
    assert header.pack(named.sealing(0))[:-2] == header.pack(Sealing.numbered(0))[:-4]
