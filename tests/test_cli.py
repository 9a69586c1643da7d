"""The command line as cases: arguments, exit code, what is printed, what is said, what is left."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import likezip
from likezip.command.console import Meter, failures
from likezip.command.main import main

TEXT = b"The command line compresses this text.\n" * 50
LIKEZIP = [sys.executable, "-P", "-m", "likezip"]
HEADING = "frames blocks    coded   compressed uncompressed   ratio check model             name\n"
ODD_NAME = os.fsdecode(b"odd \xff name.lz")  # no valid text


@pytest.fixture(scope="module")
def frame() -> bytes:
    return likezip.compress(TEXT)


def _with_an_index(content: bytes) -> bytes:
    """A frame of several blocks, though there is but one."""
    compressor = likezip.LikezipCompressor()
    return compressor.compress(content) + compressor.flush(compressor.FLUSH_BLOCK) + compressor.flush()


@pytest.fixture
def place(tmp_path: Path, frame: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with sound, damaged and foreign files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_bytes(TEXT)
    (tmp_path / "junk.lz").write_bytes(b"this is no frame, as one can see")
    (tmp_path / "lzip.lz").write_bytes(b"LZIP\x01 and the rest of it")
    (tmp_path / "there").write_bytes(b"precious")
    (tmp_path / "sound.lz").write_bytes(frame)
    (tmp_path / ODD_NAME).write_bytes(frame)
    (tmp_path / "cut.lz").write_bytes(_with_an_index(TEXT)[:-1])
    (tmp_path / "trailing.lz").write_bytes(frame + b"junk")
    (tmp_path / "empty.lz").write_bytes(b"")
    return tmp_path


def contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """In a process of its own; whatever happens, never a traceback."""
    result = subprocess.run([*LIKEZIP, *arguments], input=stdin, capture_output=True, check=False)
    assert b"Traceback" not in result.stderr
    assert b"Exception ignored" not in result.stderr
    return result


CASES = [
    # arguments, exit code, standard output or its beginning (...), what standard error holds
    (["--help"], 0, "Usage: ...", ""),
    (["-h"], 0, "Usage: ...", ""),
    (["compress", "--help"], 0, "Usage: ...", ""),
    (["--version"], 0, f"likezip {likezip.__version__}, format 1, model likezip-2 ...", ""),
    (["test", "sound.lz"], 0, "", "sound.lz: sound\n"),
    (["test", "-q", "sound.lz"], 0, "", ""),
    (["test", ODD_NAME], 0, "", "name.lz: sound\n"),
    (["test", "cut.lz"], 1, "", "likezip: cut.lz: damaged: the data end within the index\n"),
    (["test", "cut.lz", "sound.lz"], 1, "", "sound.lz: sound\n"),
    (["test", "trailing.lz"], 1, "", "trailing data"),
    (["test", "empty.lz"], 1, "", "empty.lz: damaged: the input is empty"),
    (["test", "missing", "junk.lz"], 1, "", "missing: No such file or directory\nlikezip: junk.lz: not a likezip"),
    (["list", "sound.lz"], 0, HEADING + "     1      1 ...", ""),
    (["list", ODD_NAME], 0, HEADING + "     1      1 ...", ""),
    (["list", "junk.lz", "sound.lz"], 1, HEADING + "     1      1 ...", "junk.lz: not a likezip frame"),
    (["list", "junk.lz"], 1, "", "magic"),
    (["list", "trailing.lz"], 1, "", "trailing.lz"),
    (["list", "--json", "junk.lz"], 1, '[\n  {\n    "name": "junk.lz",\n    "error": "not a ...', "magic"),
    (["compress", "in.txt", "-o", "there"], 1, "", "there: exists already"),
    (["compress", "in.txt", "-o", "in.txt"], 1, "", "same file"),
    (["compress", "-f", "in.txt", "-o", "in.txt"], 1, "", "same file"),
    (["compress", "-f", "in.txt", "/dev/null"], 1, "", "not a regular file"),
    (["compress", "-f", "in.txt", "."], 1, "", "name of a directory"),
    (["compress", "."], 1, "", "is a directory"),
    (["compress", "missing"], 1, "", "likezip: missing: No such file or directory\n"),
    (["compress", "in.txt", "no/such/place"], 1, "", "No such file"),
    (["compress", "sound.lz"], 1, "", "suffix"),
    (["compress", "--model", "nothing", "in.txt"], 1, "", "no model file"),
    (["compress", "--model", "junk.lz", "in.txt"], 1, "", "not a model file"),
    (["decompress", "--model", "in.txt", "-c", "sound.lz"], 1, "", "in.txt: not a model file"),
    (["test", "--model", "in.txt", "sound.lz"], 1, "", "in.txt: not a model file"),
    (["score", "--model", "in.txt", "in.txt"], 1, "", "in.txt: not a model file"),
    (["models", "in.txt"], 1, "", "in.txt: not a model file"),
    (["decompress", "in.txt"], 1, "", "unknown suffix"),
    (["decompress", "-c", "in.txt"], 1, "", "in.txt: not a likezip frame"),
    (["decompress", "lzip.lz"], 1, "", "lzip.lz: this is a file of lzip"),
    (["decompress", "cut.lz"], 1, "", "end within the index"),
    (["decompress", "--rm", "cut.lz"], 1, "", "end within the index"),
    (["decompress", "-c", "sound.lz"], 0, TEXT.decode(), ""),
    (["decompress", "-cv", "sound.lz"], 0, TEXT.decode(), f" -> {len(TEXT)} bytes, 0."),
    (["decompress", "sound.lz", "-"], 0, TEXT.decode(), ""),
    (["decompress"], 1, "", "the input is empty"),
    (["decompress", "--range", "0:20", "sound.lz"], 0, TEXT[:20].decode(), ""),
    (["decompress", "--range", "-20:", "sound.lz"], 0, TEXT[-20:].decode(), ""),
    (["decompress", "--range", "1K:", "sound.lz"], 0, TEXT[1024:].decode(), ""),
    (["decompress", "--range", ":-1KiB", "sound.lz"], 0, TEXT[:-1024].decode(), ""),
    (["decompress", "--range", "5:5", "sound.lz"], 0, "", ""),
    (["decompress", "--range", "5:-1940", "sound.lz"], 0, TEXT[5:10].decode(), ""),
    (["decompress", "--range", "5:3", "sound.lz"], 2, "", "5:3 begins behind its end"),
    (["decompress", "--range", "-3:-5", "sound.lz"], 2, "", "-3:-5 begins behind its end"),
    (["decompress", "--range", "10:99G", "sound.lz"], 0, TEXT[10:].decode(), ""),
    (["decompress", "--range", "1M:", "sound.lz"], 1, "", "behind the end: there are 1950 bytes"),
    (["list", "--json", "missing"], 1, '[\n  {\n    "name": "missing",\n    "error": "No such ...', "missing: No such"),
    (["compress", "in.txt", ""], 1, "", "is empty"),
    (["compress", "--model", "", "in.txt"], 1, "", "no model file"),
    (["decompress", "--range", "5", "sound.lz"], 2, "", "no range of bytes"),
    (["decompress", "--range", "a:5", "sound.lz"], 2, "", "no range of bytes"),
    (["decompress", "--range", "1:2", "--rm", "sound.lz"], 2, "", "would delete the rest"),
    (["decompress", "--range", "1:2", "cut.lz"], 1, "", "cut.lz: damaged: the data end within the index"),
    (["decompress", "--recover", "-c", "sound.lz"], 0, TEXT.decode(), ""),
    (["decompress", "--recover", "-c", "cut.lz"], 0, TEXT.decode(), "cut.lz: damaged, but nothing of the content is"),
    (["decompress", "--recover", "-c", "trailing.lz"], 1, TEXT.decode(), "an unknown number of bytes lost before"),
    (["decompress", "--recover", "-c", "junk.lz"], 1, "", "no block is intact (not a likezip frame"),
    (["decompress", "--recover", "-c", "empty.lz"], 1, "", "the file is empty"),
    (["decompress", "--recover", "-"], 2, "", "--recover needs an input file"),
    (["test"], 1, "", "-: damaged: the input is empty"),
    (["test", "-v", "sound.lz"], 0, "", "sound.lz: sound, "),
    (["-d"], 1, "", "the input is empty"),
    (["-dc", "sound.lz"], 0, TEXT.decode(), ""),
    (["-cd", "--prior", "off", "--block-size", "64k", "sound.lz"], 0, TEXT.decode(), ""),
    (["compress", "-d", "-c", "sound.lz"], 0, TEXT.decode(), ""),
    (["decompress", "-d", "-c", "sound.lz"], 0, TEXT.decode(), ""),
    (["-d", "--range", "0:20", "sound.lz"], 0, TEXT[:20].decode(), ""),
    (["-t", "sound.lz"], 0, "", "sound.lz: sound\n"),
    (["-tq", "sound.lz", "cut.lz"], 1, "", "cut.lz: damaged"),
    (["decompress", "-t", "sound.lz"], 0, "", "sound.lz: sound\n"),
    (["-l", "sound.lz"], 0, HEADING + "     1      1 ...", ""),
    (["-V"], 0, f"likezip {likezip.__version__}, ...", ""),
    (["-k", "in.txt", "--rm"], 2, "", "contradicts --keep"),
    (["--range", "0:20", "in.txt"], 2, "", "for decompressing"),
    (["-k"], 0, "...", ""),
    (["sound.lz"], 1, "", "already has the suffix"),
    (["missing"], 2, "", "is neither a command nor a file"),
    (["compress", "in.txt", "new/"], 1, "", "new/: is the name of a directory"),
    (["compress", "sound.lz", "cut.lz"], 1, "", "likezip: cut.lz: already has the suffix"),
    (["compress", "-o", "new", "in.txt", "there"], 2, "", "one IN"),
    (["decompress", "--range", "0:1", "sound.lz", "cut.lz"], 2, "", "for one IN"),
    (["decompress", "-c", "junk.lz", "sound.lz", "missing"], 1, TEXT.decode(), "missing: No such file"),
    (["test", "."], 1, "", "is a directory"),
    (["compress", "/dev/null"], 1, "", "not a regular file; name the output"),
    (["frobnicate"], 2, "", "is neither a command nor a file"),
    (["list"], 2, "", "Missing argument"),
    (["compress", "--frobnicate"], 2, "", "No such option"),
    (["compress", "--lanes", "0", "in.txt"], 2, "", "--lanes"),
    (["compress", "--lanes", "1025", "in.txt"], 2, "", "--lanes"),
    (["compress", "-T", "-1", "in.txt"], 2, "", "--threads"),
    (["compress", "--block-size", "65535", "in.txt"], 2, "", "is not in 65536 to"),
    (["compress", "--block-size", "64KB", "in.txt"], 2, "", "64K or 4MiB"),
    (["compress", "-c", "-o", "out", "in.txt"], 2, "", "give one of"),
    (["compress", "-o", "out", "in.txt", "out"], 2, "", "give one of"),
    (["compress", "--rm"], 2, "", "--rm"),
    (["compress", "--rm", "-c", "in.txt"], 2, "", "--rm"),
    (["compress", "--rm", "-k", "in.txt"], 2, "", "--rm"),
]


def check_case(code: int, out: str, said: str, got: tuple[int, bytes, bytes]) -> None:
    printed, heard = got[1].decode(errors="replace"), got[2].decode(errors="replace")
    assert got[0] == code, heard
    assert printed.startswith(out[:-3]) if out.endswith("...") else printed == out
    assert said in heard if said else heard == ""
    assert code != 1 or len(heard.splitlines()) <= 2


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code", "out", "said"), CASES)
def test_case(place: Path, arguments: list[str], code: int, out: str, said: str) -> None:
    """Each case as said, and no file comes, goes or changes."""
    before = contents(place)
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    check_case(code, out, said, (result.exit_code, result.stdout_bytes, result.stderr_bytes))
    assert contents(place) == before


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code", "out", "said"), CASES[::6])
def test_case_in_a_process(place: Path, arguments: list[str], code: int, out: str, said: str) -> None:
    result = run(*arguments)
    check_case(code, out, said, (result.returncode, result.stdout, result.stderr))


@pytest.mark.slow
def test_there_and_back(place: Path) -> None:
    source = place / "in.txt"
    source.chmod(0o640)
    os.utime(source, (1e9, 1e9))
    assert run("compress", "in.txt").returncode == 0
    assert source.exists()
    assert run("compress", "-f", "--rm", "--", "in.txt").returncode == 0
    assert not source.exists()
    assert run("decompress", "--rm", "in.txt.lz").returncode == 0
    assert not (place / "in.txt.lz").exists()
    assert source.read_bytes() == TEXT
    assert source.stat().st_mode & 0o777 == 0o640
    assert source.stat().st_mtime == 1e9


@pytest.mark.slow
def test_pipes(place: Path, frame: bytes) -> None:
    assert run("compress", stdin=TEXT).stdout == frame
    assert run("decompress", "-", stdin=frame).stdout == TEXT
    assert run("compress", "-", "-o", "new", stdin=TEXT).returncode == 0
    assert (place / "new").read_bytes() == frame
    assert run("decompress", "-f", "sound.lz", "there").returncode == 0
    assert (place / "there").read_bytes() == TEXT
    assert run("test", "-", stdin=frame).returncode == 0


@pytest.mark.slow
def test_range_of_a_pipe(place: Path, frame: bytes) -> None:
    assert run("decompress", "--range", "10:20", stdin=frame).stdout == TEXT[10:20]
    assert b"behind the end: there are 1950 bytes" in run("decompress", "--range", "2K:", stdin=frame).stderr
    assert b"needs a file that can seek" in run("decompress", "--range", "-5:", stdin=frame).stderr


@pytest.mark.slow
def test_a_long_name(place: Path) -> None:
    (place / ("ł" * 126)).write_bytes(TEXT)
    assert run("compress", "ł" * 126).returncode == 0
    assert (place / ("ł" * 126 + ".lz")).exists()


@pytest.mark.slow
def test_threads_and_lanes(place: Path) -> None:
    (place / "two").write_bytes(TEXT * 40)
    frames = [run("compress", "-c", "-T", n, "--block-size", "65536", "--lanes", "3", "two").stdout for n in "12"]
    assert frames[0] == frames[1] == likezip.compress(TEXT * 40, block_size=65536, lanes=3)
    assert run("decompress", "-T", "2", stdin=frames[0]).stdout == TEXT * 40


def test_rm_keeps_the_input_when_the_output_does_not_verify(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coder that writes rubbish, which is what the verification before --rm is for."""
    before = contents(place)
    monkeypatch.setattr("likezip.frames.stream.compress_stream", lambda source, sink, **options: sink.write(b"rubbish"))
    result = CliRunner().invoke(main, ["compress", "--rm", "in.txt"])
    assert result.exit_code == 1
    assert "not a likezip frame" in result.stderr
    assert contents(place) == before


@pytest.mark.slow
def test_list(place: Path, frame: bytes) -> None:
    assert b"sound.lz" in run("list", "sound.lz").stdout
    (place / "double.lz").write_bytes(frame * 2)
    one, two = json.loads(run("list", "--json", "sound.lz", "double.lz").stdout)
    assert one == {
        "name": "sound.lz",
        "frames": 1,
        "blocks": 1,
        "stored": 0,
        "in_parts": 0,
        "memory": 0,
        "memory_prior": 1,
        "largest_block": len(TEXT),
        "compressed": len(frame),
        "uncompressed": len(TEXT),
        "ratio": len(TEXT) / len(frame),
        "check": "crc32",
        "with_copies": 0,
        "window": 0,
        "contexts": [],
        "models": [likezip.load_model("likezip-2").id.hex()],
    }
    assert b"a pipe can't be listed" in run("list", "-", stdin=frame).stderr
    assert (two["frames"], two["blocks"], two["uncompressed"]) == (2, 2, 2 * len(TEXT))


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list", "sound.lz"], ["compress", "--help"]])
def test_light_commands_import_nothing_heavy(place: Path, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom likezip.command.main import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'numba', 'torch', 'numpy'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True)


@pytest.mark.slow
def test_without_the_prior_torch_is_not_imported(place: Path) -> None:
    code = (
        "import sys\nfrom likezip.command.main import main\n"
        "for arguments in (['compress', '--prior', 'off', 'in.txt'], ['decompress', 'in.txt.lz', 'back']):\n"
        "    try: main(arguments)\n    except SystemExit as end: assert not end.code\n"
        "assert 'numpy' in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize(("prior", "mode"), [("on", 3), ("off", 2), ("auto", 3)])
def test_prior(place: Path, prior: str, mode: int) -> None:
    (place / "words").write_bytes(b"What is written without effort is in general read without pleasure.")
    assert run("compress", "--prior", prior, "words").returncode == 0
    assert (place / "words.lz").read_bytes()[5] & 3 == mode
    assert run("decompress", "words.lz", "back").returncode == 0
    assert (place / "back").read_bytes() == (place / "words").read_bytes()


@pytest.mark.slow
def test_an_unknown_backend_is_said_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEZIP_BACKEND", "int9")
    result = run("compress", "--prior", "on", "in.txt")
    assert result.returncode == 1
    assert b"LIKEZIP_BACKEND is int9, which is none of dot, int8" in result.stderr
    assert not (place / "in.txt.lz").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_interrupted(place: Path, number: signal.Signals, threads: str) -> None:
    (place / "big").write_bytes(os.urandom(3_000_000))
    before = contents(place)
    command = [*LIKEZIP, "compress", "-T", threads, "--block-size", "65536", "big"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    while not list(place.glob(".big.lz.*")):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == -number, said.decode()
    assert said.endswith(b"likezip: interrupted\n")  # no complaint of leaked semaphores, too
    assert b"Traceback" not in said
    assert contents(place) == before


def test_interrupted_test_goes_to_no_further_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("likezip.frames.stream.decompress_stream", interrupted)
    result = CliRunner().invoke(main, ["test", "sound.lz", "sound.lz"])
    assert (result.exit_code, result.stderr) == (1, "likezip: interrupted\n")


@pytest.mark.slow
def test_file_too_large(place: Path) -> None:
    """As a full disk: the write fails in the middle, and nothing is left."""
    (place / "noise").write_bytes(os.urandom(100_000))
    before = contents(place)
    limit = "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
    code = limit + "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from likezip.command.main import main; main()"
    command = [sys.executable, "-P", "-c", code, "compress", "noise"]
    result = subprocess.run(command, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (1, b"likezip: noise.lz: File too large\n")
    assert contents(place) == before


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no /dev/full")
def test_full_standard_output(place: Path) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run([*LIKEZIP, "compress", "in.txt", "-c"], stdout=full, stderr=-1, check=False)
    assert (result.returncode, result.stderr) == (1, b"likezip: standard output: No space left on device\n")
    for arguments in (["list", "sound.lz"], ["--help"], ["list", "--json", "sound.lz"]):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([*LIKEZIP, *arguments], stdout=full, stderr=-1, check=False)
        assert (result.returncode, result.stderr) == (1, b"likezip: standard output: No space left on device\n")


@pytest.mark.slow
def test_broken_pipe_is_quiet(place: Path) -> None:
    """It ends as other programs do: tar takes any exit code of the program that it reads from for a failure."""
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([*LIKEZIP, "decompress", "-c", "sound.lz"], stdout=writer, stderr=-1, check=False)
    os.close(writer)
    assert (result.returncode, result.stderr) == (-signal.SIGPIPE, b"")


@pytest.mark.slow
def test_closed_streams(place: Path) -> None:
    command = f'"{sys.executable}" -P -m likezip test sound.lz 2>&-'
    assert subprocess.run(command, shell=True, check=False).returncode == 0
    for redirection, said in (("<&-", b"input is closed"), ("< sound.lz >&-", b"output is closed")):
        command = f'"{sys.executable}" -P -m likezip decompress {redirection}'
        result = subprocess.run(command, shell=True, stderr=subprocess.PIPE, check=False)
        assert result.returncode == 1
        assert result.stderr == b"likezip: standard " + said + b"\n"


def on_terminal(*arguments: str) -> tuple[int, bytes]:
    """Exit code and what a terminal shows that is standard input, output and error."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen([*LIKEZIP, *arguments], stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += (part := os.read(controller, 4096))
        except OSError:  # Linux: the other side is closed
            break
        if not part:
            break
    os.close(controller)
    return process.wait(), shown


def test_progress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with Meter(8_000_000, shown=True) as meter:
        for done, seconds in ((0, 3.0), (1_000_000, 0.05), (2_000_000, 2.0), (8_000_000, 2.0)):
            meter(done, done // 4)
            clock[0] += seconds
    lines = [line.strip() for line in capsys.readouterr().err.split("\r")]
    assert lines == [
        "",
        "0 %  0.0 MB -> 0.0 MB",
        "12 %  1.0 MB -> 0.2 MB, 0.33 MB/s, 21 s left",
        "100 %  8.0 MB -> 2.0 MB, 1.58 MB/s, 0 s left",
        "",
        "",
    ]


@pytest.mark.slow
def test_terminal(place: Path) -> None:
    code, shown = on_terminal("compress", "-c", "in.txt")
    assert code == 1 and shown.endswith(b"not written to a terminal; --force does\r\n")
    code, shown = on_terminal("decompress")
    assert code == 1 and shown.endswith(b"not read from a terminal; --force does\r\n")
    code, shown = on_terminal("compress", "in.txt")
    assert code == 0 and b"100 %" in shown and b"0.0 MB -> 0.0 MB" in shown
    for quiet in ("-q", "--no-progress"):
        assert on_terminal("compress", "-f", quiet, "in.txt") == (0, b"")
    assert on_terminal("decompress", "-c", "--no-progress", "sound.lz") == (0, TEXT.replace(b"\n", b"\r\n"))


def test_an_error_of_the_system_without_a_number_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for name, said in (("out", "likezip: out: no more of it\n"), (None, "likezip: in: no more of it\n")):
        with pytest.raises(SystemExit), failures("in"):
            error = OSError("no more of it")
            error.filename = name
            raise error
        assert capsys.readouterr().err == said
