"""Which inputs and outputs a command line means."""

import os
from pathlib import Path

import pytest

from likezip.command.names import Job, compressed_name, decompressed_name, jobs, output_path, without_directories
from likezip.frames.outputs import FileError


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "a.lz", "b.lz"):
        (tmp_path / name).touch()
    os.mkfifo("pipe")
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "directory").mkdir()
    return tmp_path


def test_suffix() -> None:
    assert compressed_name(Path("a/b.bin")) == Path("a/b.bin.lz")
    assert decompressed_name(Path("a/b.bin.lz")) == Path("a/b.bin")
    for name in ("b.bin", ".lz", "b.gz"):
        with pytest.raises(FileError, match="suffix"):
            decompressed_name(Path(name))
    with pytest.raises(FileError, match="suffix"):
        compressed_name(Path("b.lz"))


@pytest.mark.parametrize(
    ("names", "compressing", "decompressing"),
    [  # whether two names are an input and its output
        ("a new", True, True),
        ("a new.lz", True, True),
        ("a.lz new", True, True),
        ("a b", False, False),
        ("a a", False, False),
        ("a link", False, False),
        ("a b.lz", True, False),
        ("a.lz b", False, True),
        ("a.lz b.lz", False, False),
        ("missing b", False, False),
        ("a -", True, True),
        ("- new", True, True),
        ("- b", False, False),
        ("a pipe", True, True),
        ("a directory", True, True),
        ("a /dev/null", True, True),
        ("a new/", True, True),
    ],
)
def test_two_names(names: str, compressing: bool, decompressing: bool) -> None:
    first, second = names.split()
    for direction, together in ((False, compressing), (True, decompressing)):
        got = jobs([first, second], decompressing=direction, output=None, to_stdout=False, only_inputs=False)
        own = [Job(name, "-" if name == "-" else None) for name in (first, second)]
        assert got == ([Job(first, second)] if together else own)


def test_other_numbers_of_names() -> None:
    def meant(*names: str, output: str | None = None, to_stdout: bool = False, only_inputs: bool = False) -> list[Job]:
        return jobs(list(names), decompressing=False, output=output, to_stdout=to_stdout, only_inputs=only_inputs)

    assert meant("-") == [Job("-", "-")]
    assert meant("a") == [Job("a", None)]
    assert meant("a", "b", "new") == [Job("a", None), Job("b", None), Job("new", None)]
    assert meant("a", output="b") == [Job("a", "b")]
    assert meant("-", output="b") == [Job("-", "b")]
    assert meant("a", "new", to_stdout=True) == [Job("a", "-"), Job("new", "-")]
    assert meant("a", "new", only_inputs=True) == [Job("a", None), Job("new", None)]


def test_places() -> None:
    assert Job("a", "new").place(False) == Path("new")
    assert Job("a", None).place(False) == Path("a.lz")
    assert Job("a.lz", None).place(True) == Path("a")
    for name in ("pipe", "/dev/null"):
        with pytest.raises(FileError, match=r"not a regular file; name the output"):
            Job(name, None).place(False)
    with pytest.raises(FileError, match="directory: is a directory"):
        Job("directory", None).place(False)
    with pytest.raises(FileNotFoundError):
        Job("missing", None).place(False)


@pytest.mark.parametrize("name", ["new/", "directory/", "a/", "a/.", "..", "."])
def test_names_of_directories_are_no_outputs(name: str) -> None:
    with pytest.raises(FileError, match="name of a directory"):
        output_path(name)


def test_an_empty_name() -> None:
    with pytest.raises(FileError, match="empty"):
        output_path("")


def test_files_below_directories(place: Path) -> None:
    for name in ("z", "deep/y", "deep/y.lz", "deep/.hidden"):
        path = place / "directory" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    os.mkfifo("directory/pipe")
    (place / "directory/link").symlink_to("z")
    (place / "directory/loop").symlink_to("..")
    failures: list[OSError] = []
    raw = list(without_directories(("a", "directory"), packed=False, failures=failures))
    assert raw == ["a", "directory/z", "directory/deep/.hidden", "directory/deep/y"]
    assert list(without_directories(("directory",), packed=True, failures=failures)) == ["directory/deep/y.lz"]
    assert failures == []


def test_a_file_that_can_t_be_looked_at_is_an_input(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory that may be listed but not entered; opening it says why."""
    (place / "directory").mkdir(exist_ok=True)
    (place / "directory" / "shut").touch()

    def refuse(name: str) -> None:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(os, "lstat", refuse)
    assert "directory/shut" in list(without_directories(("directory",), packed=False, failures=[]))


def test_a_directory_that_can_t_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(os, "scandir", refuse)
    failures: list[OSError] = []
    assert list(without_directories(("directory", "a"), packed=False, failures=failures)) == ["a"]
    assert [error.filename for error in failures] == ["directory"]
