"""The command line as cases: arguments, exit code, what is said, what is left."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TEXT = b"The command line compresses this text.\n" * 50
LIKEZIP = [sys.executable, "-P", "-m", "likezip"]


def run(place: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    result = subprocess.run([*LIKEZIP, *arguments], cwd=place, input=stdin, capture_output=True, check=False)
    assert b"Traceback" not in result.stderr
    return result


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in.txt").write_bytes(TEXT)
    (tmp_path / "junk.lz").write_bytes(b"this is no frame, as one can see")
    (tmp_path / "lzip.lz").write_bytes(b"LZIP\x01 and the rest of it")
    (tmp_path / "there").write_bytes(b"precious")
    assert run(tmp_path, "compress", "-q", "in.txt", "sound.lz").returncode == 0
    (tmp_path / "cut.lz").write_bytes((tmp_path / "sound.lz").read_bytes()[:-1])
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, ""),
        (["compress", "--help"], 0, ""),
        (["test", "sound.lz"], 0, "sound"),
        (["test", "cut.lz"], 1, "end within the index"),
        (["test", "cut.lz", "sound.lz", "junk.lz"], 1, "magic"),
        (["compress", "in.txt", "there"], 1, "exists already"),
        (["compress", "in.txt", "in.txt"], 1, "same file"),
        (["compress", "-f", "in.txt", "in.txt"], 1, "same file"),
        (["compress", "missing"], 1, "No such file"),
        (["compress", "sound.lz"], 1, "suffix"),
        (["decompress", "in.txt"], 1, "unknown suffix"),
        (["decompress", "lzip.lz"], 1, "of lzip"),
        (["decompress", "cut.lz"], 1, "end within the index"),
        (["compress", "."], 1, "is a directory"),
        (["compress", "in.txt", "no/such/place"], 1, "No such file"),
        (["compress", "--model", "nothing", "in.txt"], 1, "no model file"),
        (["compress", "--lanes", "0", "in.txt"], 2, "--lanes"),
        (["compress", "-c", "in.txt", "out"], 2, "give one"),
        (["compress", "--rm"], 2, "--rm"),
        (["frobnicate"], 2, "No such command"),
        (["list", "junk.lz"], 1, "magic"),
    ],
)
def test_case(place: Path, arguments: list[str], code: int, said: str) -> None:
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    result = run(place, *arguments)
    assert result.returncode == code, result.stderr
    assert said in result.stderr.decode()
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_there_and_back(place: Path) -> None:
    source = place / "in.txt"
    source.chmod(0o640)
    os.utime(source, (1e9, 1e9))
    assert run(place, "compress", "--rm", "in.txt").returncode == 0
    assert not source.exists()
    assert run(place, "decompress", "in.txt.lz").returncode == 0
    assert source.read_bytes() == TEXT
    assert source.stat().st_mode & 0o777 == 0o640
    assert source.stat().st_mtime == 1e9


def test_pipes(place: Path) -> None:
    frame = run(place, "compress", stdin=TEXT).stdout
    assert frame == (place / "sound.lz").read_bytes()
    assert run(place, "decompress", "-", stdin=frame).stdout == TEXT
    assert run(place, "decompress", "-c", "sound.lz").stdout == TEXT
    assert run(place, "decompress", "-f", "sound.lz", "there").returncode == 0
    assert (place / "there").read_bytes() == TEXT


def test_list(place: Path) -> None:
    assert b"sound.lz" in run(place, "list", "sound.lz").stdout
    (row,) = json.loads(run(place, "list", "--json", "sound.lz").stdout)
    assert row["uncompressed"] == len(TEXT)
    assert row["compressed"] == (place / "sound.lz").stat().st_size


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list", "sound.lz"]])
def test_light_commands_import_nothing_heavy(place: Path, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom likezip.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'numba', 'torch', 'numpy'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-P", "-c", code], cwd=place, check=True, capture_output=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(place: Path, number: signal.Signals) -> None:
    (place / "big").write_bytes(os.urandom(3_000_000))
    process = subprocess.Popen(
        [*LIKEZIP, "compress", "-T", "2", "--block-size", "65536", "big"], cwd=place, stderr=subprocess.PIPE
    )
    while not list(place.glob(".big.lz.*")):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == 1
    assert said.endswith(b"likezip: interrupted\n")
    assert not [path.name for path in place.iterdir() if "big" in path.name and path.name != "big"]


def test_full_disk(place: Path) -> None:
    (place / "noise").write_bytes(os.urandom(100_000))
    limit = "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
    code = limit + "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from likezip.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-P", "-c", code, "compress", "noise"], cwd=place, capture_output=True, check=False
    )
    assert result.returncode == 1
    assert b"Traceback" not in result.stderr
    assert not [path.name for path in place.iterdir() if "noise" in path.name and path.name != "noise"]
