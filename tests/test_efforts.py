"""How much time compressing may take: fast, usual, best."""

import random
from pathlib import Path

import pytest
from click.testing import CliRunner

import likezip
from likezip.blocks import block_header, codec, coding
from likezip.blocks.coding import BlockCoding
from likezip.blocks.options import CodingOptions
from likezip.command.main import main
from likezip.frames import container
from likezip.model import default_model

TEXT = Path(__file__).read_bytes()
RECORDS = b"".join(bytes([i % 250, 0, 0, 7, random.Random(i).randrange(4)]) for i in range(600))


def test_fast_has_no_prior() -> None:
    assert codec.encode_block(TEXT, CodingOptions(default_model(), effort="fast"))[0].mode == block_header.MEMORY
    assert likezip.compress(TEXT, effort="fast") == likezip.compress(TEXT, prior="off")


@pytest.mark.slow
@pytest.mark.parametrize("raw", [TEXT, RECORDS])
def test_best_is_the_smallest_of_all_ways(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "SAMPLE_SIZE", 512)  # which would mislead
    options = CodingOptions(default_model(), effort="best")
    header, payload = codec.encode_block(raw, options)
    ways = [BlockCoding(raw, CodingOptions(default_model(), lanes=1), mode) for mode in coding._modes(raw, options)]
    assert len(payload) == min(len(way.payload()) for way in ways) and header.lanes == 1
    assert len({way.mode.profile for way in ways}) == 3 and ways[-1].mode.prior
    assert codec.decode_block(header, payload, default_model()) == raw


@pytest.mark.slow
def test_best_with_more_lanes_and_without_the_prior() -> None:
    assert codec.encode_block(TEXT, CodingOptions(default_model(), lanes=3, effort="best"))[0].lanes == 3
    assert codec.encode_block(TEXT, CodingOptions(default_model(), "off", effort="best"))[0].mode == block_header.MEMORY


def test_best_stores_noise() -> None:
    header, payload = codec.encode_block(
        random.Random(3).randbytes(3000), CodingOptions(default_model(), effort="best")
    )
    assert header.mode == block_header.STORED and len(payload) == 3000


@pytest.mark.slow
def test_progress_of_best_ends_at_the_size() -> None:
    heard: list[int] = []
    codec.encode_block(TEXT, CodingOptions(default_model(), effort="best"), heard.append)
    assert sum(heard) == len(TEXT) and min(heard) >= 0


def test_blocks_of_best_are_larger() -> None:
    assert container.default_block_size(None) == container.default_block_size(3) == 1 << 22
    assert container.default_block_size(None, "best") == container.default_block_size(1 << 24, "best") == 1 << 24
    assert container.default_block_size((1 << 24) + 1, "best") == (1 << 23) + 1


def test_writers_take_an_effort() -> None:
    wanted = likezip.compress(RECORDS, effort="fast")
    compressor = likezip.LikezipCompressor(effort="fast")
    assert compressor.compress(RECORDS) + compressor.flush() == wanted


def test_impossible_efforts() -> None:
    with pytest.raises(ValueError, match="effort must be one of"):
        likezip.compress(b"", effort="much")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fast"):
        likezip.compress(b"", effort="fast", prior="on")
    done = CliRunner().invoke(main, ["compress", "--fast", "--prior", "on", "-c", __file__])
    assert done.exit_code == 2 and "contradict" in done.output


@pytest.mark.parametrize("option", ["--fast", "-1", pytest.param("--best", marks=pytest.mark.slow)])
def test_on_the_command_line(option: str, tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(RECORDS)
    done = CliRunner().invoke(main, ["compress", "-q", option, str(path)])
    assert done.exit_code == 0, done.output
    effort: likezip.Effort = "best" if option == "--best" else "fast"
    assert path.with_name("records.lz").read_bytes() == likezip.compress(RECORDS, effort=effort)
    assert CliRunner().invoke(main, [option, "-c", str(path)]).exit_code == 0
