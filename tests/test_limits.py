"""Files of strangers: no more content than is allowed, and no model file that is absurd."""

import io
import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from roundtrip import Pipe

import likezip
from likezip import model as models
from likezip.blocks import block_header, codec, coding, predictor
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.options import CodingOptions
from likezip.command.main import main
from likezip.frames import container, reader
from likezip.frames.container import FrameHeader, Index
from likezip.model import Model, default_model

BLOCK = container.MIN_BLOCK
TEXT = b"".join(b"line %d of what a stranger sent\n" % i for i in range(6000))[: 2 * BLOCK + 1000]
FRAME = likezip.compress(TEXT, block_size=BLOCK, prior="off")


def framed(*blocks: tuple[BlockHeader, bytes]) -> bytes:
    """A frame of several blocks of these headers and payloads."""
    head = FrameHeader.of(container.MAX_BLOCK, default_model().id)
    parts = [header.pack(head.sealing(number)) + payload for number, (header, payload) in enumerate(blocks)]
    entries = [(len(part), header.raw_size) for part, (header, _) in zip(parts, blocks, strict=True)]
    return b"".join([head.packed, *parts, Index(len(head.packed), tuple(entries)).pack()])


def alone(block: tuple[BlockHeader, bytes]) -> bytes:
    """A frame of one block."""
    head, (header, payload) = FrameHeader.of(None, default_model().id), block
    return head.packed + header.pack(head.sealing(0)) + payload


def streamed(frame: bytes, **options: Any) -> bytes:
    sink = io.BytesIO()
    likezip.decompress_stream(Pipe(frame, 1000), sink, **options)
    return sink.getvalue()


def as_a_file(frame: bytes, **options: Any) -> bytes:
    with likezip.open(io.BytesIO(frame), **options) as file:
        return file.read()


def by_seeking(frame: bytes, **options: Any) -> bytes:
    with likezip.open(io.BytesIO(frame), **options) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        return file.read(size)


WAYS: list[Callable[..., bytes]] = [likezip.decompress, streamed, as_a_file, by_seeking]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_allowed_is_read_and_no_byte_more(way: Callable[..., bytes], threads: int) -> None:
    assert way(FRAME, max_size=len(TEXT), threads=threads) == TEXT
    for allowed in (len(TEXT) - 1, BLOCK, 0):
        with pytest.raises(likezip.LimitError, match=f"{allowed} are allowed"):
            way(FRAME, max_size=allowed, threads=threads)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_all_frames_count_together(way: Callable[..., bytes]) -> None:
    both = FRAME + likezip.compress(b"more", prior="off")
    assert way(both, max_size=len(TEXT) + 4) == TEXT + b"more"
    with pytest.raises(likezip.LimitError):
        way(both, max_size=len(TEXT) + 3)
    assert way(likezip.compress(b""), max_size=0) == b""
    two = likezip.compress(b"one, ", prior="off") + likezip.compress(b"two", prior="off")
    assert way(two, max_size=8) == b"one, two"
    with pytest.raises(likezip.LimitError):
        way(two, max_size=7)


@pytest.mark.parametrize("way", [likezip.decompress, streamed, as_a_file])
def test_a_block_that_is_too_large_is_not_even_read(way: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that claims a gigabyte, of which nothing follows."""
    small = BlockHeader.stored(4, block_header.checksum(b"some")), b"some"
    large = BlockHeader(block_header.MEMORY, 1, 0, 0, 0, 28, 1 << 30, 1 << 29, None)
    decoded: list[int] = []
    decode = reader.decode_here

    def noted(threads: int, advance: Any, block: reader.PackedBlock, model: Model, primer: bytes) -> Iterator[bytes]:
        decoded.append(block.number)
        return decode(threads, advance, block, model, primer)

    monkeypatch.setattr(reader, "decode_here", noted)
    cut = framed(small, (large, b""))[: -container.end_size(2)]
    with pytest.raises(likezip.LimitError, match="block 1"):
        way(cut, max_size=1000)
    assert decoded == [0]
    with pytest.raises(likezip.TruncatedError):
        way(cut)
    with pytest.raises(likezip.LimitError, match="block 0"):
        way(alone(small) + alone((large, b"")), max_size=1000)
    assert decoded == [0, 0, 0]
    with pytest.raises(likezip.TruncatedError):
        way(alone(small) + alone((large, b"")))


def test_what_was_read_before_is_right() -> None:
    with likezip.open(io.BytesIO(FRAME), max_size=2 * BLOCK) as file:
        assert file.read(2 * BLOCK) == TEXT[: 2 * BLOCK]
        for _ in range(2):
            with pytest.raises(likezip.LimitError):
                file.read(1)


def test_limits_that_make_no_sense() -> None:
    for way in WAYS:
        with pytest.raises(ValueError, match="max_size"):
            way(FRAME, max_size=-1)
    with pytest.raises(ValueError, match="only for reading"):
        likezip.open(io.BytesIO(), "wb", max_size=5)


@pytest.mark.slow
def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sent.lz").write_bytes(FRAME)
    for command in ("test", "decompress"):
        done = CliRunner().invoke(main, [command, "--max-size", "128K", "sent.lz"])
        assert done.exit_code == 1
        assert done.stderr == (
            f"likezip: sent.lz: block 2: the content has {len(TEXT)} bytes or more, and 131072 are allowed\n"
        )
        assert sorted(os.listdir()) == ["sent.lz"]
    for more in (["--recover"], ["--range", "0:5"]):
        assert CliRunner().invoke(main, ["decompress", "--max-size", "1", *more, "sent.lz"]).exit_code == 2
    assert CliRunner().invoke(main, ["decompress", "-q", "--max-size", "1M", "sent.lz"]).exit_code == 0
    assert Path("sent").read_bytes() == TEXT


@pytest.mark.parametrize("mode", [block_header.MEMORY, block_header.MEMORY_PRIOR])
@pytest.mark.parametrize(
    ("raw_size", "coded_size", "payload"),
    [
        (1, 1, b""),
        ((1 << block_header.PADDED_SHIFT) - 1, (1 << block_header.PADDED_SHIFT) - 1, b""),
        ((1 << block_header.PADDED_SHIFT) - 1, (1 << block_header.PADDED_SHIFT) - 1, b"\1\2\3\4"),
        (9 << block_header.PADDED_SHIFT, 9 << block_header.PADDED_SHIFT, bytes(36)),
        (9 << block_header.PADDED_SHIFT, 9 << block_header.PADDED_SHIFT, b"word" + bytes(32)),
        (9 << block_header.PADDED_SHIFT, 7, bytes(36)),
    ],
)
def test_words_too_few_for_a_checksum_are_refused_at_once(
    raw_size: int, coded_size: int, payload: bytes, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of zeros, too; a thousand blocks are some 14 bytes each and would take minutes to be predicted."""
    spared = raw_size - coded_size
    crc = block_header.checksum(bytes(raw_size)) if spared else None
    header = BlockHeader(mode, 1, 0, 0, 0, 16, raw_size, len(payload), crc, spared)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("something was predicted")

    monkeypatch.setattr(coding, "open_predictor", never)
    for way in WAYS:
        for frame in (framed((header, payload)), alone((header, payload))):
            with pytest.raises(likezip.CorruptError, match=r"used up|cut off"):  # of the first of two pieces
                way(frame)


@pytest.mark.parametrize("mode", [block_header.MEMORY, block_header.MEMORY_PRIOR])
def test_the_fewest_words_are_those_of_no_bytes(mode: int) -> None:
    payload = b"\0\0\0\0\1"
    header = BlockHeader(mode, 1, 0, 0, 0, 16, 3, len(payload), None)
    for way in WAYS:
        for frame in (framed((header, payload)), alone((header, payload))):
            with pytest.raises(likezip.CorruptError, match="used up"):
                way(frame)


def test_lanes_without_a_byte_cost_nothing_with_the_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 bytes in 1024 lanes took the time of a kilobyte."""
    opened: list[int] = []
    predict = predictor.Predictor.__init__

    def noted(self: Any, shape: Any, start: Any, prior: Any = None) -> None:
        opened.append(prior.trees.shape[1])
        predict(self, shape, start, prior)

    monkeypatch.setattr(predictor.Predictor, "__init__", noted)
    options, mode = CodingOptions(default_model(), lanes=1024), coding.BlockMode(block_header.TEXT_PROFILE, 0, True)
    coded = coding.BlockCoding(b"sixteen letters.", options, mode)
    payload = coded.payload()
    header = BlockHeader(block_header.MEMORY_PRIOR, 1024, 0, 0, 0, coded.shape.table_bits, 16, len(payload), None)
    assert codec.decode_block(header, payload, default_model()) == b"sixteen letters."
    assert opened == [16, 16]


# Model files.


def model_file(header: Any, behind: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + behind


def with_card(card: str) -> bytes:
    return model_file({"__metadata__": {"card": card}})


ABSURD: dict[str, bytes] = {
    "nothing": b"",
    "a few bytes": b"abc",
    "a header of 2^63 bytes": struct.pack("<Q", 1 << 63),
    "a header of 2^40 bytes": struct.pack("<Q", 1 << 40) + b"{}",
    "a header nested deep": model_file(b'{"__metadata__":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
    "a header of brackets": model_file(b"[" * 1_000_000),
    "a tensor of 2^60 numbers": model_file({"text.maps": {"dtype": "U8", "shape": [1 << 60], "data_offsets": [0, 9]}}),
    "a tensor that overflows": model_file(
        {"text.maps": {"dtype": "U8", "shape": [1 << 63, 4], "data_offsets": [0, 0]}}
    ),
}
CARDS: dict[str, bytes] = {
    "a card nested deep": with_card("[" * 200_000 + "]" * 200_000),
    "a card nested too deep to be shown": with_card("[" * 900 + "]" * 900),
    "objects nested": with_card('{"a":' * 500 + "1" + "}" * 500),
    "a huge number": with_card("9" * 5000),
    "a huge card": with_card('"' + "x" * (1 << 20) + '"'),
    "no JSON": with_card("what"),
}


@pytest.mark.parametrize("name", [*ABSURD, *CARDS])
def test_absurd_models_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "absurd.safetensors"
    path.write_bytes({**ABSURD, **CARDS}[name])
    done = CliRunner().invoke(main, ["models", str(path)])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"likezip: {path}: not a model file (") and done.stderr.count("\n") == 1
    (tmp_path / "data").write_bytes(b"some data " * 50)
    done = CliRunner().invoke(main, ["compress", "--model", str(path), str(tmp_path / "data")])
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1 and "model" in done.stderr


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    """A file of a terabyte, most of it a hole, that begins as a model does."""
    path = tmp_path / "huge.safetensors"
    path.write_bytes(model_file({"text.maps": {"dtype": "U8", "shape": [1 << 40], "data_offsets": [0, 1 << 40]}}))
    try:
        os.truncate(path, 1 << 40)
    except OSError:
        pytest.skip("no large files here")
    return path


def test_a_huge_model_is_refused_before_it_is_read(huge: Path) -> None:
    with pytest.raises(likezip.FormatError, match="1099511627776 bytes"):
        likezip.load_model(huge)
    done = CliRunner().invoke(main, ["models", str(huge)])
    assert done.exit_code == 1 and done.stderr.startswith(f"likezip: {huge}: not a model file (1099511627776 bytes")


def test_foreign_files_do_not_slow_a_look_up(huge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are larger than a model's description, and none is read further than that."""
    monkeypatch.setenv("LIKEZIP_MODELS", str(tmp_path))
    weights = {"model.embed": {"dtype": "U8", "shape": [1 << 29], "data_offsets": [0, 1 << 29]}}
    (tmp_path / "weights.safetensors").write_bytes(model_file(weights))
    os.truncate(tmp_path / "weights.safetensors", 1 << 29)
    (tmp_path / "noise.safetensors").write_bytes(b"\xff" * 100)
    (tmp_path / "directory.safetensors").mkdir()
    (tmp_path / "nowhere.safetensors").symlink_to("nothing")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "mine.safetensors").write_bytes(default_model().path.read_bytes() + b" " * 0)
    read: list[Path] = []
    hashed = models._hashed.__wrapped__

    def noted(path: Path, *of_the_file: int) -> Model:
        read.append(path)
        return hashed(path, *of_the_file)

    monkeypatch.setattr(models, "_hashed", noted)
    assert [model.path for model in models.all_models()][:1] == [tmp_path / "mine.safetensors"]
    assert {path.name for path in read if path.parent == tmp_path} == {"mine.safetensors", "huge.safetensors"}
    assert models.find_model(default_model().id).id == default_model().id


def test_a_directory_that_leads_nowhere_stops_no_look_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    places = [tmp_path / "loop", tmp_path / "file", tmp_path / ("x" * 300), tmp_path / "nothing"]
    monkeypatch.setenv("LIKEZIP_MODELS", os.pathsep.join(map(str, places)))
    assert models.find_model(default_model().id).id == default_model().id
    assert likezip.load_model("likezip-2").id == default_model().id


def test_many_frames_look_for_their_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, looked = likezip.compress(b"", prior="off"), []
    model_with = models._model_with
    monkeypatch.setattr(models, "_last_found", {})
    monkeypatch.setattr(models, "_model_with", lambda identity: looked.append(1) or model_with(identity))
    assert likezip.decompress(frame * 50, max_size=0) == b""
    assert looked == [1]
