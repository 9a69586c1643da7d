"""An output appears complete or not at all, and a source is never touched."""

import errno
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

import likezip
from likezip.frames import signals
from likezip.frames.outputs import FileError, complete_output
from likezip.frames.signals import terminable

CONTENT = bytes(range(256)) * 300


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "in"
    path.write_bytes(CONTENT)
    path.chmod(0o640)
    os.utime(path, ns=(10**18 + 1000, 10**18 + 1000))
    before = path.stat()
    yield path
    after = path.stat()
    assert path.read_bytes() == CONTENT
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)


@contextmanager
def output(target: Path, *, source: Path | None, force: bool) -> Iterator[Any]:
    """``complete_output`` with the source opened first."""
    with (
        nullcontext() if source is None else source.open("rb") as opened,
        complete_output(target, source=opened, force=force) as file,
    ):
        yield file


class FullDisk:
    """A sink with room for a number of bytes only."""

    def __init__(self, sink: Any, room: int) -> None:
        self._sink, self._room = sink, room

    def write(self, data: bytes, /) -> int:
        if len(data) > self._room:
            self._sink.write(data[: self._room])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._room -= len(data)
        return int(self._sink.write(data))


def test_output_is_complete_with_mode_and_time_of_its_source(source: Path) -> None:
    target = source.with_name("out")
    with output(target, source=source, force=False) as file:
        file.write(b"first, ")
        assert not target.exists()
        file.write(b"second")
    assert target.read_bytes() == b"first, second"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert sorted(os.listdir(target.parent)) == ["in", "out"]


def test_output_without_a_source_gets_the_usual_mode(tmp_path: Path) -> None:
    with output(tmp_path / "out", source=None, force=False) as file:
        file.write(b"x")
    (tmp_path / "plain").touch()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("there", [False, True])
def test_a_failure_leaves_nothing_new(source: Path, error: type[BaseException], there: bool) -> None:
    target = source.with_name("out")
    if there:
        target.write_bytes(b"precious")
    before = sorted(os.listdir(source.parent))
    with pytest.raises(error), output(target, source=source, force=True) as file:
        file.write(b"half of it")
        file.flush()
        raise error
    assert sorted(os.listdir(source.parent)) == before
    assert not there or target.read_bytes() == b"precious"


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 21, 22, 30, 60])
def test_a_full_disk_leaves_no_output(source: Path, room: int) -> None:
    target = source.with_name("out")
    with (
        pytest.raises(OSError, match="No space left"),
        source.open("rb") as data,
        output(target, source=source, force=False) as file,
    ):
        likezip.compress_stream(data, FullDisk(file, room))
    assert os.listdir(source.parent) == ["in"]


def test_an_interrupt_between_blocks_leaves_no_output(source: Path) -> None:
    target = source.with_name("out")

    def interrupt(read: int, written: int) -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        source.open("rb") as data,
        output(target, source=source, force=False) as file,
    ):
        likezip.compress_stream(data, file, block_size=1 << 16, threads=2, progress=interrupt)
    assert os.listdir(source.parent) == ["in"]


@pytest.mark.slow
def test_a_damaged_frame_leaves_no_output(source: Path) -> None:
    frame = source.with_name("in.lz")
    frame.write_bytes(likezip.compress(CONTENT)[:-1])
    with (
        pytest.raises(likezip.TruncatedError),
        frame.open("rb") as data,
        output(source.with_name("out"), source=frame, force=False) as file,
    ):
        likezip.decompress_stream(data, file)
    assert sorted(os.listdir(source.parent)) == ["in", "in.lz"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("way", ["itself", "symlink", "hard link"])
def test_the_source_is_no_target(source: Path, way: str, force: bool) -> None:
    target = source if way == "itself" else source.with_name("other")
    if way == "symlink":
        target.symlink_to(source)
    elif way == "hard link":
        os.link(source, target)
    with pytest.raises(FileError, match="same file"), output(target, source=source, force=force):
        raise AssertionError("the body must not run")


def test_an_existing_target_needs_force(source: Path) -> None:
    target = source.with_name("out")
    target.write_bytes(b"precious")
    with pytest.raises(FileError, match="exists"), output(target, source=source, force=False):
        raise AssertionError("the body must not run")
    assert target.read_bytes() == b"precious"
    with output(target, source=source, force=True) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


def test_a_target_that_appears_meanwhile_is_kept_without_force(source: Path) -> None:
    target = source.with_name("out")
    for force, content in ((False, b"precious"), (True, b"new")):
        target.unlink(missing_ok=True)
        try:
            with output(target, source=source, force=force) as file:
                file.write(b"new")
                target.write_bytes(b"precious")
        except FileError as error:
            assert "exists already" in str(error)
        assert target.read_bytes() == content
        assert sorted(os.listdir(source.parent)) == ["in", "out"]


def test_where_there_are_no_hard_links(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    with output(source.with_name("out"), source=source, force=False) as file:
        file.write(b"new")
    assert source.with_name("out").read_bytes() == b"new"
    assert sorted(os.listdir(source.parent)) == ["in", "out"]


def test_where_there_are_no_hard_links_what_came_meanwhile_is_kept(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    target = source.with_name("out")
    with pytest.raises(FileError, match="exists already"), output(target, source=source, force=False) as file:
        file.write(b"new")
        target.write_bytes(b"precious")
    assert target.read_bytes() == b"precious"
    assert sorted(os.listdir(source.parent)) == ["in", "out"]


def test_a_source_that_vanishes(tmp_path: Path) -> None:
    """It was read to its end through the open file, so the output is whole, and has what the file had."""
    source = tmp_path / "in"
    source.write_bytes(CONTENT)
    source.chmod(0o640)
    with source.open("rb") as data, output(tmp_path / "out", source=source, force=False) as file:
        source.unlink()
        file.write(data.read())
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


@pytest.mark.parametrize("force", [False, True])
def test_only_regular_files_are_replaced(source: Path, force: bool) -> None:
    """A rename onto a pipe or a device such as /dev/null would replace the node itself."""
    target = source.with_name("pipe")
    os.mkfifo(target)
    with (
        pytest.raises(FileError, match="not a regular file"),
        output(target, source=source, force=force),
    ):
        raise AssertionError("the body must not run")
    assert stat.S_ISFIFO(target.stat().st_mode)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="has no /proc")
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("links", [0, 1, 2])
def test_a_name_of_an_open_file_is_not_replaced(source: Path, force: bool, links: int) -> None:
    """As /dev/stdout is one: what it leads to may be a regular file, which is not what would be replaced."""
    with source.with_name("opened").open("wb") as opened:
        target = Path(f"/proc/self/fd/{opened.fileno()}")
        for number in range(links):
            link = source.with_name(f"link{number}")
            link.symlink_to(target)
            target = link
        assert target.is_file()
        with pytest.raises(FileError, match="not a regular file"), output(target, source=source, force=force):
            raise AssertionError("the body must not run")
        assert not links or target.is_symlink()


def test_a_link_to_a_file_is_replaced_and_the_file_kept(source: Path) -> None:
    """As by gzip, xz and zstd."""
    target, other = source.with_name("link"), source.with_name("other")
    other.write_bytes(b"precious")
    target.symlink_to("other")
    with pytest.raises(FileError, match="exists"), output(target, source=source, force=False):
        raise AssertionError("the body must not run")
    with output(target, source=source, force=True) as file:
        file.write(b"new")
    assert (target.is_symlink(), target.read_bytes(), other.read_bytes()) == (False, b"new", b"precious")


@pytest.mark.parametrize("force", [False, True])
def test_a_pipe_that_appears_meanwhile_is_kept(source: Path, force: bool) -> None:
    target = source.with_name("out")
    with pytest.raises(FileError, match="not a regular file"), output(target, source=source, force=force) as file:
        file.write(b"new")
        os.mkfifo(target)
    assert stat.S_ISFIFO(target.stat().st_mode)
    assert sorted(os.listdir(source.parent)) == ["in", "out"]


def test_a_link_that_leads_nowhere(source: Path) -> None:
    target = source.with_name("link")
    target.symlink_to("nowhere")
    with pytest.raises(FileError, match="exists"), output(target, source=source, force=False):
        raise AssertionError("the body must not run")
    assert target.is_symlink()


def test_a_target_in_no_directory(source: Path) -> None:
    with (
        pytest.raises(FileError, match="No such file"),
        output(source.with_name("no") / "where", source=source, force=False),
    ):
        raise AssertionError("the body must not run")


def test_a_directory_that_can_t_be_written_to(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.raises(FileError, match=r"out: Permission denied"),
        output(source.with_name("out"), source=source, force=False),
    ):
        raise AssertionError("the body must not run")


def test_termination_is_an_interrupt() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminable():
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("not reached")
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_that_python_drops_is_not_lost() -> None:
    """Exceptions in callbacks from C are printed and dropped; those of llvmlite load the kernels."""
    drop = compile("import signal; signal.raise_signal(signal.SIGINT)", "llvmlite/executionengine.py", "exec")
    with signals.terminable():
        exec(drop)
        with pytest.raises(KeyboardInterrupt):
            signals.raise_if_interrupted()
    for number in (signal.SIGINT, signal.SIGTERM):
        with signals.terminable():
            signals.raise_if_interrupted()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
            signal.raise_signal(number)  # a second one does not disturb the cleaning up
            signals.raise_if_interrupted()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
