"""The fuzz targets for a moment, on inputs that hypothesis makes, and that they find what is wrong if something is."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fuzz import drivers, frames, models, roundtrips
from roundtrip import block_headers

import likezip
from likezip.blocks import block_header, codec, entropy_coder, parts
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.fields import Fields, Parser
from likezip.prior import fixed_point, network


@pytest.mark.slow
@pytest.mark.parametrize("name", drivers.TARGETS)
def test_some_cases(name: str) -> None:
    target, tried = drivers.load(name), 0

    def run(data: bytes) -> None:
        nonlocal tried
        target.run(data)
        tried += 1

    drivers.try_cases(run, target.seeds(), 60, 0)
    print(f"{name}: {tried} cases")
    assert tried > 30


@pytest.mark.slow
@pytest.mark.parametrize("name", drivers.TARGETS)
def test_seeds(name: str) -> None:
    """Some of them; the fuzzer begins with all."""
    target = drivers.load(name)
    for seed in target.seeds()[::7]:
        target.run(seed)
    target.run(b"")


def _finds(target: drivers.Target) -> None:
    with pytest.raises(AssertionError):
        drivers.try_cases(target.run, target.seeds(), 500, 0, smallest=False)


def test_a_checksum_that_is_not_looked_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    decompress = likezip.decompress_stream

    def without_checksums(source: Any, sink: Any, **options: Any) -> None:
        try:
            decompress(source, sink, **options)
        except likezip.CorruptError as error:
            if "does not fit its bytes" in str(error):
                sink.write(b"other bytes")
            raise

    monkeypatch.setattr(likezip, "decompress_stream", without_checksums)
    _finds(frames)


def test_code_words_that_need_not_end_as_they_have_to_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entropy_coder.Decoder, "finish", lambda *_: None)
    _finds(frames)


def test_a_filling_that_is_not_looked_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = codec.decode_pieces

    def careless(header: BlockHeader, payload: bytes, *others: Any, **options: Any) -> Iterator[bytes]:
        return decode(header, payload[: header.coded_size].ljust(len(payload), b"\0"), *others, **options)

    monkeypatch.setattr(codec, "decode_pieces", careless)
    with pytest.raises(AssertionError, match=r"filled in|came out"):
        for seed in frames.seeds():
            if seed[0] == frames.COPYING:
                frames.run(seed)


def test_a_filling_behind_parts_that_is_not_looked_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    unpack = parts.unpack

    def careless(payload: bytes, *sizes: int) -> Any:
        while True:
            try:
                return unpack(payload, *sizes)
            except likezip.CorruptError as error:
                if "fills up" not in str(error):
                    raise
            payload = payload[:-1]

    _finds_in_parts(monkeypatch, "unpack", careless)


def test_numbers_of_parts_in_any_length_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(within: str, what: str) -> Parser[int]:
        return (yield from Fields(within).number())

    _finds_in_parts(monkeypatch, "shortest_number", careless)


def _finds_in_parts(monkeypatch: pytest.MonkeyPatch, name: str, careless: Callable[..., Any]) -> None:
    seeds = [seed for seed in frames.seeds() if seed[0] == frames.IN_PARTS]
    monkeypatch.setattr(parts, name, careless)
    with pytest.raises(AssertionError, match=r"not sound|came out"):
        for seed in seeds:
            frames.run(seed)


def test_mixed_content_of_round_trips_is_in_parts() -> None:
    content = roundtrips._mixed(b"some words of a text", 0)
    with roundtrips.parts_of_few_bytes():
        (header,) = block_headers(likezip.compress(content, prior="off"))
    assert header.mode == block_header.PARTS


def test_damage_that_is_not_noticed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    decompress = likezip.decompress_stream

    def patient(source: Any, sink: Any, **options: Any) -> None:
        with suppress(likezip.TruncatedError):
            decompress(source, sink, **options)

    monkeypatch.setattr(likezip, "decompress_stream", patient)
    _finds(frames)


def test_any_other_exception_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*_: Any, **__: Any) -> bytes:
        raise KeyError("block")

    monkeypatch.setattr(likezip, "decompress_stream", careless)
    with pytest.raises(KeyError):
        drivers.try_cases(frames.run, frames.seeds(), 50, 0, smallest=False)


@pytest.mark.slow
def test_a_bound_that_is_not_checked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_point, "WEIGHT_LIMIT", 127)
    monkeypatch.setattr(network, "LARGEST_SHIFT", 31)
    _finds(models)


@pytest.mark.slow
def test_a_round_trip_that_is_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    decompress = likezip.decompress

    def forgetful(data: bytes, **options: Any) -> bytes:
        return decompress(data, **options)[:500]

    monkeypatch.setattr(likezip, "decompress", forgetful)
    _finds(roundtrips)


class Fails:
    """A target that does not like a byte."""

    @staticmethod
    def run(data: bytes) -> None:
        if b"\7" in data:
            raise RuntimeError("seven")

    @staticmethod
    def seeds() -> list[bytes]:
        return [b"some", b"bytes"]


def test_the_smallest_input_that_fails_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drivers, "load", lambda _: Fails)
    corpus, findings = tmp_path / "corpus", tmp_path / "findings"
    corpus.mkdir()
    findings.mkdir()
    with pytest.raises(RuntimeError, match="seven"):
        drivers.run_hypothesis("frames", corpus, findings, 60)
    (kept,) = findings.iterdir()
    assert len(kept.read_bytes()) < 20
    assert b"\7" in kept.read_bytes()
    assert f"Test unit written to {kept}" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="seven"):
        drivers.run_files("frames", kept, findings, 0)


@pytest.mark.slow
def test_the_command_says_what_it_found(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fuzz", "models", "--driver", "hypothesis", "--minutes", "0.01"]
    place = Path(__file__).parent
    ran = subprocess.run([*command, "--findings", tmp_path], cwd=place, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"\d+ cases, \d+ of \d+ lines of the parsers; 0 findings$", ran.stdout.strip())
    assert not list(tmp_path.iterdir())
