"""An output is open to those who may open its input, and to nobody else, at no time."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from likezip.frames import outputs, rights
from likezip.frames.outputs import complete_output

ROOT = os.name == "posix" and os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root may give files away")
STRANGER = 65534
ACCESS_LIST = bytes.fromhex(
    "02000000 01000600ffffffff 02000400feff0000 04000000ffffffff 10000400ffffffff 20000000ffffffff"
)
"""rw- for the owner, r-- for user 65534, nothing for the group and others."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.write_bytes(b"private")
    path.chmod(0o640)
    return path


def made(source: Path, *, derived: bool = False, inside: Callable[[Path], None] = lambda part: None) -> os.stat_result:
    """The status of an output; ``inside`` is given it while it has its temporary name."""
    target = source.with_name("out")
    target.unlink(missing_ok=True)
    with source.open("rb") as opened, complete_output(target, source=opened, force=False, derived=derived) as file:
        file.write(b"new")
        file.flush()
        inside(next(target.parent.glob(".out.*.part")))
    return target.stat()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755, 0o700, 0o444])
def test_rights_are_those_of_the_source(source: Path, mode: int) -> None:
    source.chmod(mode)
    seen: list[int] = []
    assert stat.S_IMODE(made(source, inside=lambda part: seen.append(part.stat().st_mode)).st_mode) == mode
    assert [stat.S_IMODE(one) for one in seen] == [0o600]


@pytest.mark.parametrize("special", [stat.S_ISUID, stat.S_ISGID, stat.S_ISVTX, 0o7000])
def test_special_bits_are_never_copied(source: Path, special: int) -> None:
    source.chmod(0o755 | special)
    assert stat.S_IMODE(source.stat().st_mode) == 0o755 | special
    assert stat.S_IMODE(made(source).st_mode) == 0o755


def test_the_source_is_the_open_file(source: Path) -> None:
    """Not what has its name at the end, which may be anybody's."""
    source.chmod(0o600)

    def exchange(part: Path) -> None:
        source.rename(source.with_name("moved"))
        source.write_bytes(b"another")
        source.chmod(0o777)

    assert stat.S_IMODE(made(source, inside=exchange).st_mode) == 0o600


def test_what_takes_the_place_of_the_temporary_file_keeps_its_rights(source: Path) -> None:
    """Whoever may write to the directory can exchange it; compressors have changed the rights of another file then."""
    other = source.with_name("other")
    other.write_bytes(b"another's")
    other.chmod(0o600)
    source.chmod(0o666)

    def exchange(part: Path) -> None:
        part.unlink()
        os.link(other, part)

    made(source, inside=exchange)
    assert stat.S_IMODE(other.stat().st_mode) == 0o600


@as_root
def test_owner_and_group_are_kept(source: Path) -> None:
    os.chown(source, STRANGER, 1234)
    source.chmod(0o660)
    status = made(source)
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (STRANGER, 1234, 0o660)


@pytest.mark.parametrize(
    ("mode", "left"), [(0o660, 0o600), (0o664, 0o644), (0o775, 0o755), (0o606, 0o600), (0o604, 0o600), (0o750, 0o700)]
)
def test_where_the_group_is_another_it_gets_no_more(
    source: Path, mode: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do others, among whom is now who was in the group and had fewer rights."""
    source.chmod(mode)
    monkeypatch.setattr(rights, "_keeps_group", lambda file, status: False)
    assert stat.S_IMODE(made(source).st_mode) == left


@pytest.fixture
def stranger() -> Iterator[Callable[[], None]]:
    """Become an ordinary user who is in no group but his own."""
    user, group, groups = os.geteuid(), os.getegid(), os.getgroups()

    def become() -> None:
        os.setgroups([])
        os.setegid(STRANGER)
        os.seteuid(STRANGER)

    yield become
    os.seteuid(user)
    os.setegid(group)
    os.setgroups(groups)


@as_root
def test_an_ordinary_user_gives_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stranger: Callable[[], None]
) -> None:
    monkeypatch.chdir(tmp_path)  # as it is reached through directories that are root's only
    source, target = Path("in"), Path("out")
    source.write_bytes(b"x")
    os.chown(source, 4321, 1234)
    source.chmod(0o6674)
    os.chown(".", STRANGER, STRANGER)
    with source.open("rb") as opened:
        before = os.fstat(opened.fileno())
        stranger()
        with complete_output(target, source=opened, force=False) as file:
            file.write(b"new")
    status = target.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (STRANGER, STRANGER, 0o644)
    assert status.st_mtime_ns == before.st_mtime_ns


def test_what_tells_of_a_private_file_is_private(source: Path) -> None:
    source.chmod(0o750)
    os.utime(source, (1e9, 1e9))
    status = made(source, derived=True)
    assert (stat.S_IMODE(status.st_mode), status.st_mtime != 1e9) == (0o640, True)


def test_without_a_source_the_umask_says(tmp_path: Path) -> None:
    """And nobody changes it, not even for a moment, in which another thread may make a file."""
    code = (
        "import os, sys; from pathlib import Path; from likezip.frames.outputs import complete_output\n"
        "os.umask(0o027); os.umask = None\n"
        "with complete_output(Path('out'), source=None, force=False) as file: file.write(b'new')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


def _can_have_lists(place: Path) -> bool:
    try:
        os.setxattr(place, rights.ACCESS_LIST, ACCESS_LIST)
    except (OSError, AttributeError):
        return False
    os.removexattr(place, rights.ACCESS_LIST)
    return True


@pytest.mark.parametrize("kept", [True, False])
def test_an_access_control_list_is_kept_or_its_rights_are_dropped(
    source: Path, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one, the group's bits of the mode say what its users have: given to the group they would be another's."""
    if not _can_have_lists(source):
        pytest.skip("the file system has no access control lists")
    os.setxattr(source, rights.ACCESS_LIST, ACCESS_LIST)
    assert stat.S_IMODE(source.stat().st_mode) == 0o640
    if not kept:

        def refuse(*_: Any) -> None:
            raise OSError

        monkeypatch.setattr(os, "setxattr", refuse)
    status = made(source)
    assert stat.S_IMODE(status.st_mode) == (0o640 if kept else 0o600)
    assert (rights.ACCESS_LIST in os.listxattr(source.with_name("out"))) == kept


def test_a_list_that_the_directory_gives_opens_nothing(source: Path) -> None:
    if not _can_have_lists(source):
        pytest.skip("the file system has no access control lists")
    os.setxattr(source.parent, "system.posix_acl_default", ACCESS_LIST)
    made(source)
    assert rights.ACCESS_LIST not in os.listxattr(source.with_name("out"))


@as_root
def test_capabilities_are_not_copied(source: Path) -> None:
    """To run as another, as setuid: a file of a stranger must not become one that may do what root may."""
    try:
        os.setxattr(source, "security.capability", bytes.fromhex("0000000200040000000000000000000000000000"))
        os.setxattr(source, "user.comment", b"kept")
    except OSError:
        pytest.skip("the file system has no capabilities")
    made(source)
    assert os.listxattr(source.with_name("out")) == ["user.comment"]


def test_where_nothing_can_be_given(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without owners and rights: the output is there all the same."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError

    for name in ("fchmod", "fchown"):
        monkeypatch.setattr(outputs.os, name, refuse)
    assert stat.S_IMODE(made(source).st_mode) == 0o600
