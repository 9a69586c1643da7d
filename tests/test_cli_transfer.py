"""Several inputs, as a filter, --rm, and what is found on disk afterwards."""

import gzip
import io
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import likezip
from likezip.command.main import main
from likezip.command.sparse_file import PAGE, SparseWriter
from likezip.frames.sizes import parse_size

TEXTS = {name: f"{name} is what this text is about.\n".encode() * 40 for name in ("a", "b", "c")}
LIKEZIP = [sys.executable, "-P", "-m", "likezip"]
ROOT = os.name == "posix" and os.geteuid() == 0


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with some texts."""
    monkeypatch.chdir(tmp_path)
    for name, text in TEXTS.items():
        (tmp_path / name).write_bytes(text)
    return tmp_path


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def names(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if not path.is_dir())


def test_each_input_has_an_output_of_its_own(place: Path) -> None:
    run("compress", "a", "b", "c")
    assert names(place) == ["a", "a.lz", "b", "b.lz", "c", "c.lz"]
    for name, text in TEXTS.items():
        assert likezip.decompress((place / f"{name}.lz").read_bytes()) == text
        (place / name).unlink()
    run("decompress", "a.lz", "b.lz", "c.lz")
    assert {name: (place / name).read_bytes() for name in TEXTS} == TEXTS


@pytest.mark.parametrize("force", [[], ["-f"]])
def test_the_second_of_two_files_is_no_output(place: Path, force: list[str]) -> None:
    run("compress", *force, "a", "b")
    assert (place / "b").read_bytes() == TEXTS["b"]
    assert names(place) == ["a", "a.lz", "b", "b.lz", "c"]
    before = {name: (place / name).read_bytes() for name in names(place)}
    run("compress", *force, "a.lz", "b.lz", code=1)
    run("decompress", *force, "a", "b", code=1)
    assert {name: (place / name).read_bytes() for name in names(place)} == before
    run("compress", "-f", "-o", "b", "a")
    assert likezip.decompress((place / "b").read_bytes()) == TEXTS["a"]


def test_a_failure_does_not_stop_the_rest(place: Path) -> None:
    (place / "b.lz").write_bytes(b"precious")
    said = run("compress", "missing", "a", "b", "c", code=1).stderr
    assert said == ("likezip: missing: No such file or directory\nlikezip: b.lz: exists already; --force replaces it\n")
    assert names(place) == ["a", "a.lz", "b", "b.lz", "c", "c.lz"]
    assert (place / "b.lz").read_bytes() == b"precious"
    assert "b.lz: not a likezip frame" in run("decompress", "-f", "a.lz", "b.lz", "c.lz", code=1).stderr
    run("decompress", "--rm", "-f", "a.lz", "c.lz")
    assert names(place) == ["a", "b", "b.lz", "c"]


@pytest.mark.slow
def test_all_to_standard_output(place: Path) -> None:
    (place / "all.lz").write_bytes(run("compress", "-c", "a", "b").stdout_bytes)
    assert run("decompress", "-c", "all.lz", "all.lz").stdout_bytes == 2 * (TEXTS["a"] + TEXTS["b"])


@pytest.mark.slow
def test_directories(place: Path) -> None:
    (place / "d" / "e").mkdir(parents=True)
    for name in ("d/x", "d/e/y"):
        (place / name).write_bytes(TEXTS["a"])
    os.mkfifo("d/pipe")
    (place / "d" / "link").symlink_to("x")
    assert "is a directory" in run("compress", "d", code=1).stderr
    run("compress", "-r", "d", "a")
    assert names(place) == ["a", "a.lz", "b", "c", "d/e/y", "d/e/y.lz", "d/link", "d/pipe", "d/x", "d/x.lz"]
    run("compress", "-r", "d", code=1)  # what exists is kept
    assert run("test", "-r", "d").stderr == "d/x.lz: sound\nd/e/y.lz: sound\n"
    assert run("-tr", "d").stderr == run("test", "-r", "d").stderr
    assert len(run("list", "-r", "d").stdout.splitlines()) == 3
    run("-drf", "--rm", "d")
    assert names(place) == ["a", "a.lz", "b", "c", "d/e/y", "d/link", "d/pipe", "d/x"]


@pytest.mark.slow
def test_as_a_filter(place: Path) -> None:
    packed = subprocess.run(LIKEZIP, input=TEXTS["a"], capture_output=True, check=True).stdout
    assert likezip.decompress(packed) == TEXTS["a"]
    assert subprocess.run([*LIKEZIP, "-d"], input=packed, capture_output=True, check=True).stdout == TEXTS["a"]
    subprocess.run([*LIKEZIP, "a"], check=True)
    assert (place / "a.lz").read_bytes() == packed


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tar") is None, reason="has no tar")
@pytest.mark.parametrize("options", ["", " compress", " decompress --prior off -T 1"])
def test_tar(place: Path, options: str) -> None:
    """As GNU tar runs it: with -d to extract, whatever options it was given to create."""
    if "GNU" not in subprocess.run(["tar", "--version"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("it is not GNU's")
    (place / "large").write_bytes(random.Random(1).randbytes(300_000))  # stored, so that it takes no time
    program = place / "program"
    program.write_text(f'#!/bin/sh\nexec {" ".join(LIKEZIP)} "$@"\n')
    program.chmod(0o755)
    packing = options.replace(" decompress", " compress")
    subprocess.run(["tar", "-I", f"{program}{packing}", "-cf", "x.tar.lz", "a", "b", "large"], check=True)
    assert (place / "x.tar.lz").read_bytes()[:4] == b"\xceLKZ"
    os.mkdir("back")
    subprocess.run(["tar", "-I", f"{program}{options}", "-C", "back", "-xf", "x.tar.lz"], check=True)
    assert (place / "back" / "b").read_bytes() == TEXTS["b"]
    early = ["tar", "-I", f"{program}{options}", "--occurrence=1", "-C", "back", "-xf", "x.tar.lz", "a"]
    assert subprocess.run(early, capture_output=True, check=True).stderr == b""  # it reads no further than to the file


def test_rm_of_several(place: Path) -> None:
    run("compress", "--rm", "a", "b", "missing", code=1)
    assert names(place) == ["a.lz", "b.lz", "c"]


Change = Callable[[Path], object]


def rotated(path: Path) -> None:
    path.rename("moved")
    path.write_bytes(b"precious")


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewritten(path: Path) -> None:
    """With the size and the time of change of before."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def linked(path: Path) -> None:
    path.rename("moved")
    path.symlink_to("moved")


def exchanged_for_a_copy(path: Path) -> None:
    shutil.copy2(path, "copy")
    Path("copy").rename(path)


@pytest.mark.slow
@pytest.mark.parametrize("change", [rotated, grown, rewritten, linked, exchanged_for_a_copy])
@pytest.mark.parametrize("direction", ["compress", "decompress"])
def test_rm_keeps_what_is_not_what_was_read(
    place: Path, direction: str, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("compress", "a")
    work = getattr(likezip.frames.stream, f"{direction}_stream")
    source, target = ("b", "b.lz") if direction == "compress" else ("a.lz", "back")
    seen: dict[str, Any] = {}

    def changing(opened: Any, sink: Any, **options: Any) -> None:
        work(opened, sink, **options)
        if not seen:
            change(Path(source))
            seen.update(content=Path(source).read_bytes(), status=os.lstat(source))

    with monkeypatch.context() as patched:
        patched.setattr(f"likezip.frames.stream.{direction}_stream", changing)
        said = run(direction, "--rm", source, target, code=1).stderr
    assert said.startswith(f"likezip: {source}: ") and said.endswith("so it is kept\n") and said.count("\n") == 1
    assert (Path(source).read_bytes(), os.lstat(source).st_ino) == (seen["content"], seen["status"].st_ino)
    if direction == "compress":
        assert likezip.decompress((place / target).read_bytes()) == TEXTS["b"]


def test_what_grows_while_it_is_read_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compress = likezip.frames.stream.compress_stream

    def growing(source: Any, sink: Any, **options: Any) -> None:
        compress(source, sink, **options)
        grown(Path("a"))

    with monkeypatch.context() as patched:
        patched.setattr("likezip.frames.stream.compress_stream", growing)
        assert run("compress", "a").stderr == "likezip: a: changed while it was read\n"
        assert run("compress", "-qf", "a").stderr == ""
    assert run("compress", "b").stderr == ""


def test_rm_of_what_is_no_regular_file(place: Path) -> None:
    os.mkfifo("pipe")
    writer = subprocess.Popen(["sh", "-c", "cat a > pipe"])
    assert "pipe: is not a regular file, so it is kept" in run("compress", "--rm", "pipe", "out.lz", code=1).stderr
    writer.wait()
    assert stat.S_ISFIFO(os.lstat("pipe").st_mode)
    assert likezip.decompress((place / "out.lz").read_bytes()) == TEXTS["a"]
    (place / "link").symlink_to("a")
    assert "link: is a link, so it is kept" in run("compress", "--rm", "link", code=1).stderr
    assert (place / "link").is_symlink() and (place / "a").exists()


def test_a_pipe_without_a_name_for_its_output_is_not_waited_for(place: Path) -> None:
    os.mkfifo("pipe")
    assert "pipe: is not a regular file; name the output" in run("compress", "pipe", "a", "b", code=1).stderr
    assert names(place) == ["a", "a.lz", "b", "b.lz", "c", "pipe"]


@pytest.mark.skipif(not ROOT, reason="only root may make devices")
def test_rm_of_a_device(place: Path) -> None:
    try:
        os.mknod("device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        Path("device").read_bytes()
    except OSError:
        pytest.skip("no devices here")
    run("compress", "--rm", "device", "out.lz", code=1)
    assert stat.S_ISCHR(os.lstat("device").st_mode)


def test_the_name_that_stands_for_standard_output_is_kept(place: Path) -> None:
    """Even where standard output is a file, and with --force."""
    (place / "out").symlink_to("/proc/self/fd/1")
    for command in (
        ["compress", "-f", "a", "out"],
        ["heatmap", "-f", "a", "-o", "out"],
        ["sample", "-fn1", "-o", "out"],
    ):
        with open("got", "wb") as got:
            result = subprocess.run([*LIKEZIP, *command], stdout=got, stderr=subprocess.PIPE, check=False)
        assert (result.returncode, result.stderr.count(b"not a regular file")) == (1, 1)
        assert (os.readlink("out"), (place / "got").read_bytes()) == ("/proc/self/fd/1", b"")


def test_a_page_of_a_private_file_is_private(place: Path) -> None:
    (place / "a").chmod(0o600)
    run("heatmap", "--prior", "off", "a")
    assert stat.S_IMODE((place / "a.html").stat().st_mode) == 0o600


@pytest.mark.parametrize("command", ["heatmap a -o page/", "sample -n 1 -o page/", "train . -o page/"])
def test_a_slash_at_the_end(place: Path, command: str) -> None:
    assert "page/: is the name of a directory" in run(*command.split(), code=1).stderr
    assert names(place) == ["a", "b", "c"]


def test_an_input_with_a_slash_at_the_end(place: Path) -> None:
    assert "a/: Not a directory" in run("compress", "a/", code=1).stderr


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_files_are_not_taken_for_others(place: Path, closed: str) -> None:
    command = " ".join(LIKEZIP)
    script = f"{command} compress --prior off -v a {closed}; {command} decompress -v a.lz back {closed}"
    assert subprocess.run(script, shell=True, capture_output=True, check=True).stdout == b""
    assert (place / "back").read_bytes() == TEXTS["a"]


@pytest.mark.parametrize("seconds", [-2_147_000_000.25, 7_258_118_400.5])
def test_times_before_1970_and_after_2106(place: Path, seconds: float) -> None:
    os.utime("a", (seconds, seconds))
    run("compress", "--prior", "off", "--rm", "a")
    run("decompress", "--rm", "a.lz")
    assert (place / "a").stat().st_mtime == seconds


def test_a_name_that_is_too_long_for_its_suffix(place: Path) -> None:
    long = "x" * 254
    (place / long).write_bytes(b"x")
    before = names(place)
    assert run("compress", long, code=1).stderr == f"likezip: {long}.lz: File name too long\n"
    assert names(place) == before


@pytest.mark.parametrize("name", ["|\n;touch pwned\n#", "$(touch pwned)", "--rm", "-", " ", "'\"`touch pwned`"])
def test_names_are_only_names(place: Path, name: str) -> None:
    (place / name).write_bytes(TEXTS["a"])
    path = name if name != "-" else "./-"
    run("compress", "--prior", "off", "--", path)
    (place / name).unlink()
    run("decompress", "--", f"{path}.lz")
    assert names(place) == sorted(["a", "b", "c", name, f"{name}.lz"])


HOLES = bytes(1 << 16) + b"something" + bytes(1 << 16) + b"more" + bytes((1 << 16) + 5)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--sparse"], ["--no-sparse"], ["--recover"]])
def test_sparse_outputs(place: Path, options: list[str]) -> None:
    (place / "holes").write_bytes(HOLES)
    run("compress", "--prior", "off", "holes", "holes.lz")
    run("decompress", *options, "holes.lz", "back")
    assert (place / "back").read_bytes() == HOLES
    blocks = (place / "back").stat().st_blocks * 512
    assert blocks >= len(HOLES) if "--no-sparse" in options else blocks <= len(HOLES) // 10


def test_sparse_outputs_are_those_of_any_writes(place: Path) -> None:
    for step in (1 << 16, PAGE, 1000, 3 * PAGE + 1):
        with open("back", "w+b") as file:
            sink = SparseWriter(file)
            for begin in range(0, len(HOLES), step):
                assert sink.write(HOLES[begin : begin + step]) == len(HOLES[begin : begin + step])
            sink.flush()
        assert (place / "back").read_bytes() == HOLES


ODD = "new\nline \x1b[31mred \x9b1m \u202eback"
SHOWN = r"new\nline \x1b[31mred \x9b1m \u202eback"


def test_names_never_reach_a_terminal_raw(place: Path) -> None:
    shutil.copy("a", ODD)
    assert run("compress", "-v", ODD).stderr.startswith(f"{SHOWN}: 1200 -> ")
    packed, shown = f"{ODD}.lz", f"{SHOWN}.lz"
    assert run("test", packed).stderr == f"{shown}: sound\n"
    assert run("list", packed).stdout.splitlines()[1].endswith(f"  {shown}")
    assert run("compress", ODD, code=1).stderr == f"likezip: {shown}: exists already; --force replaces it\n"
    assert SHOWN in run("score", "--prior", "off", ODD).stdout
    for arguments in ([f"--{ODD}"], ["compress", f"--{ODD}"], ["compress", "--lanes", ODD], [ODD[:3] + "\x1b"]):
        said = run(*arguments, code=2).stderr
        assert "\x1b" not in said and "\x9b" not in said and "\u202e" not in said
    for command in ("compress", "test", "list", "score", "heatmap", "train -o m.safetensors"):
        said = run(*command.split(), f"no{ODD}", code=1).stderr
        assert said == f"likezip: no{SHOWN}: No such file or directory\n".replace(
            "No", "no" if "tr" in command else "No"
        )


def test_json_has_the_names_as_they_are(place: Path) -> None:
    import json

    shutil.copy("a", ODD)
    run("compress", ODD)
    assert json.loads(run("list", "--json", f"{ODD}.lz").stdout)[0]["name"] == f"{ODD}.lz"
    assert json.loads(run("score", "--prior", "off", "--json", ODD).stdout)[0]["name"] == ODD


@pytest.mark.parametrize("size", ["64k", "64K", "64KiB", "64kib", "65536"])
def test_sizes(size: str) -> None:
    assert parse_size(size) == 65536
    assert parse_size(f"-{size}") == -65536
    assert parse_size(f"{size}b") is None


def test_a_size_in_small_letters(place: Path) -> None:
    run("compress", "--prior", "off", "--block-size", "64k", "a")
    assert run("decompress", "--range", ":1k", "a.lz").stdout_bytes == TEXTS["a"][:1024]


def test_without_a_command_all_names_are_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of gzip, xz and zstd: a mistyped second name is no output."""
    monkeypatch.chdir(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    Path("here").write_bytes(b"some text")
    done = CliRunner().invoke(main, ["--prior", "off", "here", "mistyped"])
    assert done.exit_code == 1
    assert "mistyped: No such file" in done.stderr
    assert {"here", "here.lz"} == {path.name for path in tmp_path.iterdir()} - before
    done = CliRunner().invoke(main, ["-d", "-f", "here.lz", "mistyped"])
    assert done.exit_code == 1
    assert {"here", "here.lz"} == {path.name for path in tmp_path.iterdir()} - before


def test_no_threads_are_all_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").write_bytes(b"some text")
    assert CliRunner().invoke(main, ["compress", "-T0", "--prior", "off", "here"]).exit_code == 0
    assert CliRunner().invoke(main, ["compress", "-T", "-1", "here"]).exit_code == 2


@pytest.mark.slow
def test_a_file_that_is_added_to_is_not_followed(place: Path) -> None:
    """It would never end where the output is the input, or a program writes faster than likezip reads."""
    subprocess.run(f"{' '.join(LIKEZIP)} compress -q -c a >> a", shell=True, check=True, cwd=place, timeout=100)
    grown = (place / "a").read_bytes()
    assert grown.startswith(TEXTS["a"])
    assert likezip.decompress(grown[len(TEXTS["a"]) :]) == TEXTS["a"]


def test_a_source_is_at_its_end_where_it_says_so() -> None:
    class Growing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            content = super().read(size)
            if not content:
                self.write(b"more of it")
                self.seek(-10, os.SEEK_CUR)
            return content

    sink = io.BytesIO()
    likezip.compress_stream(Growing(TEXTS["a"]), sink, threads=1)
    assert likezip.decompress(sink.getvalue()) == TEXTS["a"]


def test_the_page_of_a_compressed_file_is_not_put_in_its_place(place: Path) -> None:
    """What is shown is a copy of its content, but the input is the file."""
    (place / "a.gz").write_bytes(gzip.compress(TEXTS["a"]))
    (place / "a.gz").chmod(0o640)
    before = (place / "a.gz").read_bytes()
    assert "are the same file" in run("heatmap", "-f", "--prior", "off", "-o", "a.gz", "a.gz", code=1).stderr
    assert (place / "a.gz").read_bytes() == before
    run("heatmap", "--prior", "off", "-o", "page", "a.gz")
    assert stat.S_IMODE((place / "page").stat().st_mode) == 0o640


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_messages_that_can_t_be_written_stop_nothing(place: Path) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run([*LIKEZIP, "compress", "-v", "missing", "a"], check=False, stderr=full, cwd=place)
    assert ended.returncode == 1
    assert likezip.decompress((place / "a.lz").read_bytes()) == TEXTS["a"]


def test_a_table_that_nobody_gets_is_an_error(place: Path) -> None:
    (place / "a.lz").write_bytes(likezip.compress(TEXTS["a"], prior="off"))
    command = f"{' '.join(LIKEZIP)} list a.lz >&-"
    ended = subprocess.run(command, shell=True, check=False, capture_output=True, cwd=place)
    assert (ended.returncode, ended.stderr) == (1, b"likezip: standard output is closed\n")


@pytest.mark.skipif(not ROOT, reason="only root can be somebody without a name")
def test_a_user_without_a_home_or_a_name(place: Path) -> None:
    (place / "a.lz").write_bytes(likezip.compress(TEXTS["a"], prior="off"))
    code = "import os, sys; os.setgid(12345); os.setuid(12345); from likezip.command.main import run; run()"
    command = [sys.executable, "-P", "-c", f"{code}", "decompress", "-c"]
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    environment = {**environment, "XDG_DATA_HOME": "", "NUMBA_CACHE_DIR": str(place / "nowhere" / "at all")}
    with open("a.lz", "rb") as file:
        ended = subprocess.run(command, check=False, stdin=file, capture_output=True, env=environment)
    if b"ModuleNotFoundError" in ended.stderr or b"PermissionError" in ended.stderr:
        pytest.skip("that user may not read likezip")
    assert (ended.returncode, ended.stdout) == (0, TEXTS["a"]), ended.stderr
