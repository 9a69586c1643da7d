"""Compiled kernels: where numba keeps them, and whether they are there yet.

Kernels are compiled at their first use and kept in a cache directory of the user's, since an installed package may be
read-only: ``NUMBA_CACHE_DIR`` if set, else ``likezip`` in ``XDG_CACHE_HOME`` or ``~/.cache``, else in the directory
for temporary files.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import llvmlite
import llvmlite.binding
import numba


def _usable(place: Path) -> bool:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(place, os.W_OK)


def _cache_directory() -> Path:
    """The first place that can be written to; made if need be."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    place = Path(home, "likezip")
    if not _usable(place):
        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        place = Path(tempfile.gettempdir(), f"likezip-{user}")
        place.mkdir(mode=0o700, exist_ok=True)
    return place


if not numba.config.CACHE_DIR:
    numba.config.CACHE_DIR = str(_cache_directory())

compiled = numba.njit(cache=True)
"""Decorates a kernel that Python calls; what it calls is compiled into it."""


class Marker:
    """A file in the cache that says that exactly this code was compiled for exactly this machine."""

    def __init__(self, sources: list[str]) -> None:
        digest = hashlib.sha256()
        for name in sources:
            source = Path(__file__).with_name(f"{name}.py")
            status = source.stat()
            digest.update(f"{source} {status.st_mtime_ns} {status.st_size}".encode())
        processor = llvmlite.binding.get_host_cpu_name()
        digest.update(f"{sys.version} {numba.__version__} {llvmlite.__version__} {processor}".encode())
        self._path = Path(numba.config.CACHE_DIR, f"compiled-{digest.hexdigest()[:16]}")

    def __bool__(self) -> bool:
        return self._path.exists()

    def set(self) -> None:
        """Note that the kernels are compiled; where that can't be written, the next run only announces again."""
        try:
            self._path.touch()
        except OSError:
            return
