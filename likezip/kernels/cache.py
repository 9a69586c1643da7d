"""Compiled kernels on disk: where they are kept, and how nothing else is ever taken for a kernel.

A kernel is machine code that is run as it was read, so a file of the cache is used only if its checksum fits, and a
directory only if nobody else can write to it.  A kernel whose file is damaged is compiled again and replaced: numba's
own cache has no checksums, and raises whatever reading a cut file happens to raise.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

KERNEL_SUFFIX = ".kernel"
UNUSED = 30 * 24 * 3600
"""Seconds after which the kernels of another version are removed, if they were not used."""

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_directory(identity: str) -> Path | None:
    """The directory for the kernels of one version, made if need be in the first place that can be used; None if there
    is none, so that nothing is kept.

    These are ``NUMBA_CACHE_DIR``, ``likezip`` in ``XDG_CACHE_HOME`` or, where that is not set, in the system's
    directory for caches, on Linux ``~/.cache``, and ``likezip-UID`` in the directory for temporary files.  A directory
    that is a link, belongs to somebody else or can be written to by others is not used, but for the first: that need
    only keep others from replacing its files.
    """
    for place in _places():
        directory = place / f"kernels-{identity}"
        if _is_our_own(directory):
            return directory
    return None


def _places() -> Iterator[Path]:
    if (named := os.environ.get("NUMBA_CACHE_DIR")) and _keeps_what_is_ours(Path(named)):
        yield Path(named)
    with suppress(RuntimeError):  # who has no home has no cache there
        own = _own_cache()
        if not _is_somebody_elses_home(own.parent) and _is_our_own(own):
            yield own
    with suppress(FileNotFoundError):  # there may be no directory for temporary files
        place = Path(tempfile.gettempdir(), f"likezip-{_user()}")
        if _is_our_own(place):
            yield place


def _own_cache() -> Path:
    """likezip in XDG_CACHE_HOME, which counts only if it is absolute, or in the system's directory for caches; raises
    RuntimeError for a user without a home."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(home):
        return Path(home, "likezip")
    from platformdirs import user_cache_path

    return user_cache_path("likezip", appauthor=False)


def _user() -> int | str:
    return os.geteuid() if hasattr(os, "geteuid") else os.environ.get("USERNAME", "")


def _is_our_own(place: Path) -> bool:
    """Whether ``place`` is a directory, made if need be, to which we may write and nobody else."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = place.lstat()
    except OSError:
        return False
    ours = not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & OTHERS_WRITE)
    return ours and stat.S_ISDIR(status.st_mode) and os.access(place, os.W_OK)


def _keeps_what_is_ours(place: Path) -> bool:
    """Whether nobody else can replace a directory of ours in the directory ``place``, which is made if need be."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = place.stat()
    except OSError:
        return False
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid in (0, os.geteuid()) and (not status.st_mode & OTHERS_WRITE or bool(status.st_mode & 0o1000))


def _is_somebody_elses_home(home: Path) -> bool:
    """Whether root runs with another user's home, as sudo may leave it: that user could not use root's directories
    there."""
    if _user() != 0:
        return False
    there = next((place for place in (home, *home.parents) if place.exists()), None)
    return there is not None and there.stat().st_uid != 0


def load_kernel(directory: Path | None, name: str) -> bytes | None:
    """The machine code of a kernel, None if it is not there, or damaged."""
    if directory is None:
        return None
    _used.add(name)
    return _sound_content(directory / f"{name}{KERNEL_SUFFIX}")


def save_kernel(directory: Path | None, name: str, code: bytes) -> None:
    """Keep a kernel that was compiled; where that fails, it is compiled again next time."""
    if directory is not None:
        with suppress(OSError):
            _replace(directory / f"{name}{KERNEL_SUFFIX}", hashlib.sha256(code).digest() + code)


_used: set[str] = set()
"""The names of the kernels that this process has asked for."""


def _sound_content(path: Path) -> bytes | None:
    """The bytes behind a file's checksum, None if it does not fit them or there is no such file."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    content = data[hashlib.sha256().digest_size :]
    return content if content and data.startswith(hashlib.sha256(content).digest()) else None


def _replace(path: Path, data: bytes) -> None:
    """Give a file new content at once, so that another process sees the old one or the new."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if path.is_dir():  # whatever that is, it is no kernel
                shutil.rmtree(path)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


_compiled_here: set[tuple[Path | None, str]] = set()
"""The directory and name of each group of kernels that this process has found in the cache or compiled."""


def compile_once(
    directory: Path | None, wanted: dict[str, Callable[[], None]], announce: Callable[[], None] | None
) -> None:
    """Compile each group of kernels that the cache lacks or holds damaged.

    wanted: for the name of each group the function that compiles it; announce: called first if there is any.
    """
    new = [name for name in wanted if (directory, name) not in _compiled_here]
    missing = [name for name in new if directory is None or not _is_compiled(directory, name)]
    if missing and announce is not None:
        announce()
    made = dict[str, set[str]]()
    for name in missing:
        before = set(_used)
        _used.clear()
        wanted[name]()
        made[name] = set(_used)
        _used.update(before)
    _compiled_here.update((directory, name) for name in new)
    if missing and directory is not None:
        with suppress(OSError):  # where that can't be written, the next run only announces again
            for name, kernels in made.items():
                _replace(_mark(directory, name), "\n".join(sorted(kernels)).encode())
        _remove_unused(directory)


def _mark(directory: Path, name: str) -> Path:
    """The file that lists the kernels of the group ``name``, once they have been compiled."""
    return directory / f"{name}-compiled"


def _is_compiled(directory: Path, name: str) -> bool:
    """Whether all kernels of a group are in the cache, not damaged; notes that they are used."""
    try:
        listed = _mark(directory, name).read_text("ascii").split("\n")
        os.utime(_mark(directory, name))
    except (OSError, ValueError):
        return False
    return all(_sound_content(directory / f"{kernel}{KERNEL_SUFFIX}") is not None for kernel in listed)


def _remove_unused(directory: Path) -> None:
    """Remove the kernels of other versions, or of other machines with the same home, that nobody has used lately."""
    for other in directory.parent.glob("kernels-*"):
        if other != directory and re.fullmatch("kernels-[0-9a-f]{16}", other.name) and not other.is_symlink():
            with suppress(OSError):
                if _last_use(other) < time.time() - UNUSED:
                    shutil.rmtree(other)


def _last_use(directory: Path) -> float:
    """When a directory or any file in it was last read or written, in seconds since 1970."""
    times = [path.stat() for path in (directory, *directory.rglob("*"))]
    return max(max(status.st_mtime, status.st_atime if stat.S_ISREG(status.st_mode) else 0.0) for status in times)
