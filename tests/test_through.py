"""Compressed files are read through by what takes data, and refused by name where they can't be."""

import bz2
import gzip
import io
import json
import lzma
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import likezip
from likezip.command.main import main
from likezip.frames import through
from likezip.training.data import collect

YESTERDAY = "".join(f"job {i} done in {i % 7} s\n" for i in range(300)).encode()
TODAY = "".join(f"job {i} done in {i % 7} s\n" for i in range(300, 320)).encode() + b"job x exploded\n"


def lz(data: bytes) -> bytes:
    return likezip.compress(data, prior="off")


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "likezip": lz,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}
TWICE: dict[str, Callable[[bytes], bytes]] = {
    name: lambda data, packed=packed: packed(data[:50]) + packed(data[50:]) for name, packed in PACKED.items()
}
FOREIGN: dict[str, bytes] = {
    "zstd": b"\x28\xb5\x2f\xfd" + b"what",
    "lzip": b"LZIP\1" + b"what",
    "lz4": b"\x04\x22\x4d\x18" + b"what",
    "compress": b"\x1f\x9d\x90" + b"what",
    "lzop": b"\x89LZO\0\r\n\x1a\n" + b"what",
    "bzip3": b"BZ3v1" + b"what",
    "zip": b"PK\3\4" + b"what",
    "7z": b"7z\xbc\xaf\x27\x1c" + b"what",
    "rar": b"Rar!\x1a\7" + b"what",
}
if sys.version_info >= (3, 14):
    del FOREIGN["zstd"]


def held(data: bytes, **options: Any) -> bytes:
    with through.seekable(io.BytesIO(data), **options) as file:
        return file.read()


@pytest.mark.parametrize("packed", [*PACKED.values(), *TWICE.values()])
def test_what_is_held_is_read_to_its_end(packed: Callable[[bytes], bytes]) -> None:
    for content in (YESTERDAY, b"", b"x"):
        frame = packed(content)
        assert held(frame) == content
        assert held(frame, raw=True) == frame
    assert held(packed(packed(TODAY))) == packed(TODAY), "only once"


@pytest.mark.parametrize("name", PACKED)
def test_damage_is_told(name: str) -> None:
    packed = PACKED[name](YESTERDAY)
    flipped = packed[:40] + bytes([packed[40] ^ 255]) + packed[41:]
    for damaged in (packed[:-3], packed[: len(packed) // 2], flipped):
        with pytest.raises(likezip.CorruptError, match=f"^{name}: "):
            held(damaged)


@pytest.mark.parametrize("name", FOREIGN)
def test_what_can_not_be_read_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(likezip.UnsupportedError, match=f"compressed by {name}, which can't be read here"):
        held(FOREIGN[name])
    assert held(FOREIGN[name], raw=True) == FOREIGN[name]


@pytest.mark.parametrize("data", [b"", b"\x1f", b"PK", b"BZh is a word", b"LZIP is one, too", YESTERDAY])
def test_what_is_not_compressed_is_taken_as_it_is(data: bytes) -> None:
    assert held(data) == data


def test_zstd_where_python_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with this name in which zstd is gzip behind its own magic number."""
    zstd = types.ModuleType("compression.zstd")
    zstd.open = lambda file, mode: gzip.GzipFile(fileobj=io.BytesIO(file.read()[4:]))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "compression", types.ModuleType("compression"))
    monkeypatch.setitem(sys.modules, "compression.zstd", zstd)
    assert held(b"\x28\xb5\x2f\xfd" + gzip.compress(TODAY)) == TODAY


@pytest.mark.parametrize("name", PACKED)
def test_score_and_its_context(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name says nothing."""
    monkeypatch.chdir(tmp_path)
    for path, content in (("yesterday", YESTERDAY), ("today", TODAY)):
        Path(path).write_bytes(content)
        Path(f"{path}.packed").write_bytes(PACKED[name](content))

    def scored(*words: str, **options: Any) -> Any:
        command = ["score", "-T", "1", "-q", "--prior", "off", "--by", "line", "--top", "3", "--json", *words]
        done = CliRunner().invoke(main, command, **options)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)[0]["units"]

    right = scored("--context", "yesterday", "today")
    assert right[0]["text"] == "job x exploded"
    assert scored("--context", "yesterday.packed", "today.packed") == right
    assert scored("--context", "yesterday.packed", "-", input=Path("today.packed").read_bytes()) == right
    assert scored("--raw", "--context", "yesterday.packed", "today") != right


def test_heatmap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("today").write_bytes(TODAY)
    Path("today.gz").write_bytes(gzip.compress(TODAY))
    sizes = {}
    for name, words in (("plain", ["today"]), ("through", ["today.gz"]), ("raw", ["--raw", "today.gz"])):
        done = CliRunner().invoke(main, ["heatmap", "-q", "--prior", "off", *words, "-o", f"{name}.html"])
        assert done.exit_code == 0, done.output
        page = Path(f"{name}.html").read_text()
        sizes[name] = int(page.split('"size":')[1].split(",")[0])
    assert sizes == {"plain": len(TODAY), "through": len(TODAY), "raw": Path("today.gz").stat().st_size}


@pytest.mark.parametrize("words", [["score"], ["score", "--context"], ["heatmap"], ["sample", "-n", "5", "--prompt"]])
def test_commands_say_what_they_can_not_read(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.lz4").write_bytes(FOREIGN["lz4"])
    Path("y.gz").write_bytes(gzip.compress(TODAY)[:-5])
    for name, why in (("x.lz4", "compressed by lz4, which can't be read here"), ("y.gz", "damaged: gzip: ")):
        done = CliRunner().invoke(main, [*words, name, *(["today"] if "--context" in words else [])])
        assert done.exit_code == 1
        assert done.stderr.startswith(f"likezip: {name}: {why}") and done.stderr.count("\n") == 1


def test_training_reads_through(tmp_path: Path) -> None:
    content = YESTERDAY * 20
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "same.gz").write_bytes(gzip.compress(content))
    (tmp_path / "other.lz").write_bytes(lz(content[::-1]))
    (tmp_path / "empty.xz").write_bytes(lzma.compress(b""))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(content)[:-9])
    (tmp_path / "foreign.lz4").write_bytes(FOREIGN["lz4"])
    found = collect([tmp_path])
    assert found.left_out == {"copies": 1, "compressed": 2, "empty": 1}
    assert sorted([*found.train, *found.held]) == sorted([content, content[::-1]])


def test_training_takes_no_more_than_it_wants_of_a_file_that_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("likezip.training.data.MOST_BYTES", 300_000)
    (tmp_path / "a").write_bytes(YESTERDAY * 20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    assert collect([tmp_path]).left_out == {"too much": 1}
