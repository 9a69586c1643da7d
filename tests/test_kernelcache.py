"""Kernels on disk: what is damaged, foreign or open to others is compiled again, and the old ones go."""

import os
import random
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from likezip.kernels import cache, compiling
from likezip.kernels.cache import cache_directory, compile_once, load_kernel
from likezip.kernels.compiling import Kernel
from likezip.kernels.machine_code import INTEGER
from likezip.model import user_directory

IDENTITY = "0123456789abcdef"


def twice_and_one(number: int) -> int:
    return 2 * number + 1


def used(directory: Path | None) -> bool:
    """Run a small kernel of this directory, and say whether it came from the cache."""
    kernel = Kernel(twice_and_one, directory)
    was_there = load_kernel(directory, kernel._file_name((INTEGER,))) is not None
    assert kernel(4) == 9
    return was_there


def the_file(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


def test_a_kernel_is_compiled_once(tmp_path: Path) -> None:
    assert not used(tmp_path)
    assert the_file(tmp_path).stat().st_mode & 0o077 == 0
    assert used(tmp_path)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "only the checksum": lambda data: data[:32],
    "cut in the checksum": lambda data: data[:7],
    "a bit flipped in the machine code": lambda data: data[:300] + bytes([data[300] ^ 4]) + data[301:],
    "zeros, as after a power cut": lambda data: bytes(len(data)),
    "foreign": lambda data: random.Random(1).randbytes(5000),
    "more behind it": lambda data: data + b"\0",
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_is_compiled_again_and_replaced(name: str, tmp_path: Path) -> None:
    used(tmp_path)
    the_file(tmp_path).write_bytes(DAMAGES[name](the_file(tmp_path).read_bytes()))
    assert not used(tmp_path)
    assert used(tmp_path)


def test_what_is_no_file_is_replaced_too(tmp_path: Path) -> None:
    used(tmp_path)
    path = the_file(tmp_path)
    path.unlink()
    (path / "in it").mkdir(parents=True)
    assert not used(tmp_path)
    assert used(tmp_path)
    assert path.is_file()


def test_where_nothing_can_be_kept_kernels_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not used(None)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_replace", full)
    assert not used(tmp_path)
    assert not used(tmp_path)


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert not used(tmp_path)
    assert list(tmp_path.iterdir()) == []


class Once:
    """Calls of ``compile_once`` as if each were another process."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.told = directory, 0

    def __call__(self) -> bool:
        """Whether it was told before that something is compiled."""
        before = self.told
        cache._compiled_here.clear()
        compile_once(self.directory, {"one": lambda: bool(used(self.directory))}, self._tell)
        return self.told > before

    def _tell(self) -> None:
        self.told += 1


def test_it_is_said_before_anything_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_compiled_here", set())
    once = Once(tmp_path)
    assert once()
    assert not once()
    (kernel,) = tmp_path.glob("*.kernel")
    for change in (
        lambda: kernel.write_bytes(kernel.read_bytes()[:-1]),
        kernel.unlink,
        lambda: (tmp_path / "one-compiled").write_bytes(b"\xff\0"),
        lambda: (tmp_path / "one-compiled").write_bytes(b""),
        lambda: (tmp_path / "one-compiled").unlink(),
    ):
        change()
        assert once()
        assert not once()
    (tmp_path / "another.kernel").write_bytes(b"no kernel of ours")
    assert not once(), "a foreign file that nobody needs is none of our business"


def test_kernels_of_other_versions_go_when_nobody_uses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_compiled_here", set())
    long_ago, lately = time.time() - 31 * 24 * 3600, time.time() - 29 * 24 * 3600
    names = {"kernels-" + "a" * 16: long_ago, "kernels-" + "b" * 16: lately, "kernels-of-mine": long_ago}
    for name, when in names.items():
        (tmp_path / name / "below").mkdir(parents=True)
        for path in (tmp_path / name / "below" / "file.nbi", tmp_path / name / "predictor-compiled"):
            path.touch()
            os.utime(path, (when, when))
        os.utime(tmp_path / name / "below", (when, when))
        os.utime(tmp_path / name, (when, when))
    (tmp_path / "kernels-cccccccccccccccc").symlink_to(tmp_path / "kernels-of-mine")
    once = Once(tmp_path / f"kernels-{IDENTITY}")
    assert once()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"kernels-{IDENTITY}",
        "kernels-bbbbbbbbbbbbbbbb",
        "kernels-cccccccccccccccc",
        "kernels-of-mine",
    ]


def test_using_kernels_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_compiled_here", set())
    once = Once(tmp_path)
    once()
    for path in (*tmp_path.iterdir(), tmp_path):
        os.utime(path, (1, 1))
    assert not once()
    assert cache._last_use(tmp_path) > time.time() - 3600


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a directory for temporary files of its own."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path


posix = pytest.mark.skipif(os.name != "posix", reason="owners and rights are POSIX's")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other directories")
def test_where_no_directory_is_set_the_system_has_some(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(places))
    monkeypatch.setenv("XDG_DATA_HOME", str(places / "data"))
    assert next(cache._places()) == places / "home" / "likezip"
    assert user_directory() == places / "data" / "likezip" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert next(cache._places()) == places / ".cache" / "likezip"
    assert user_directory() == places / ".local" / "share" / "likezip" / "models"


@posix
@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_a_directory_that_is_made_is_for_its_owner_only(places: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        found = cache_directory(IDENTITY)
    finally:
        os.umask(before)
    assert found == places / "home" / "likezip" / f"kernels-{IDENTITY}"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (found, found.parent)] == [0o700, 0o700]


def _linked(place: Path) -> None:
    (place.parent / "elsewhere").mkdir()
    place.symlink_to(place.parent / "elsewhere")


def _open_to(rights: int) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        place.mkdir()
        place.chmod(rights)

    return make


def _somebody_elses(place: Path) -> None:
    place.mkdir(mode=0o755)
    os.chown(place, 12345, 12345)


UNSAFE: dict[str, Callable[[Path], Any]] = {
    "a link": _linked,
    "a broken link": lambda place: place.symlink_to("nowhere"),
    "open to its group": _open_to(0o770),
    "open to all": _open_to(0o777),
    "sticky": _open_to(0o1777),
    "a file": Path.touch,
    "somebody else's": _somebody_elses,
}


@posix
@pytest.mark.parametrize("below", [False, True], ids=["likezip", "kernels"])
@pytest.mark.parametrize("name", UNSAFE)
def test_a_directory_that_others_may_write_to_is_not_used(name: str, below: bool, places: Path) -> None:
    if name == "somebody else's" and os.geteuid() != 0:
        pytest.skip("only root gives directories away")
    place = places / "home" / "likezip" / (f"kernels-{IDENTITY}" if below else "")
    place.parent.mkdir(mode=0o700, parents=True)
    if below:
        place.parent.chmod(0o700)
    UNSAFE[name](place)
    assert cache_directory(IDENTITY) == places / "tmp" / f"likezip-{os.geteuid()}" / f"kernels-{IDENTITY}"
    if place.is_dir():
        assert list(place.iterdir()) == []
    fallback = places / "tmp" / f"likezip-{os.geteuid()}"
    shutil.rmtree(fallback)
    UNSAFE[name](fallback)
    assert cache_directory(IDENTITY) is None


@posix
def test_a_named_directory_only_has_to_keep_what_is_ours(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = places / "named"
    named.mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(places / "link"))
    (places / "link").symlink_to(named)
    for rights, is_used in ((0o700, True), (0o755, True), (0o1777, True), (0o777, False), (0o775, False)):
        named.chmod(rights)
        found = cache_directory(IDENTITY)
        assert found is not None
        assert (found == places / "link" / f"kernels-{IDENTITY}") == is_used, oct(rights)
    (named / f"kernels-{IDENTITY}").chmod(0o777)
    named.chmod(0o700)
    assert cache_directory(IDENTITY) == places / "home" / "likezip" / f"kernels-{IDENTITY}"


@posix
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can be in the wrong home")
def test_root_makes_nothing_in_the_home_of_a_user(places: Path) -> None:
    (places / "home").mkdir()
    os.chown(places / "home", 12345, 12345)
    assert cache_directory(IDENTITY) == places / "tmp" / "likezip-0" / f"kernels-{IDENTITY}"
    assert list((places / "home").iterdir()) == []


@posix
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_home_that_can_not_even_be_looked_at(places: Path) -> None:
    """As it is when root's rights were given up, but not its environment."""
    for place in (places, *places.parents[:-2]):
        place.chmod(place.stat().st_mode | 0o011)
    (places / "home").mkdir(mode=0o700)
    (places / "tmp").chmod(0o1777)
    code = """
import os, sys, tempfile
tempfile.tempdir = sys.argv[1]
from likezip.kernels.cache import cache_directory
os.setgid(65534), os.setuid(65534)
os.environ["XDG_CACHE_HOME"] = sys.argv[2]
print(cache_directory(sys.argv[3]))
"""
    words = [str(places / "tmp"), str(places / "home" / "below"), IDENTITY]
    done = subprocess.run([sys.executable, "-P", "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout == f"{places}/tmp/likezip-65534/kernels-{IDENTITY}\n"


def test_this_processs_own_is_safe() -> None:
    if compiling.CACHE is not None and os.name == "posix":
        assert compiling.CACHE.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a directory in which nobody can make any")
def test_likezip_works_without_any_cache() -> None:
    """Only a block that is stored, as everything else would have to be compiled here."""
    code = """
import tempfile; tempfile.tempdir = "/proc/self"
import likezip
from likezip.blocks.block_header import BlockHeader, checksum
from likezip.frames.container import FrameHeader
from likezip.kernels import compiling
assert compiling.CACHE is None
header = FrameHeader.of(None, likezip.load_model("likezip-2").id)
block = BlockHeader.stored(4, checksum(b"data")).pack(header.sealing(0)) + b"data"
assert likezip.decompress(header.packed + block) == b"data"
"""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["XDG_CACHE_HOME"] = "/proc/self"
    subprocess.run([sys.executable, "-P", "-c", code], env=environment, check=True)


THEIRS = """
import numba
import numpy as np
from numba.core.codegen import JITCodeLibrary
from numba.core.runtime.nrt import rtsys

from likezip.kernels.compiling import Kernel


def kernel(array):
    array[0] += 1


@numba.njit
def theirs(n):
    found = [n]
    found.append(2 * n)
    return found


array = np.zeros(1, np.int64)
Kernel(kernel, None)(array)
assert array[0] == 1 and type(rtsys.library) is JITCodeLibrary
assert theirs(3) == [3, 6]
"""


def test_numba_is_left_as_it_was(tmp_path: Path) -> None:
    """What others in the process compile is not compiled as kernels are, nor is what numba needs for it."""
    script = tmp_path / "theirs.py"
    script.write_text(THEIRS)
    subprocess.run([sys.executable, "-P", str(script)], check=True)
