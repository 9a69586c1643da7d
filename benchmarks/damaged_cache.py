"""A fault for ``benchmarks.faults``: files of the kernel cache are damaged before a command begins."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from likezip.kernels import compiling

DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda data: b"",
    lambda data: data[: len(data) // 2],
    lambda data: bytes(len(data)),
    lambda data: data[: len(data) // 3] + bytes([data[len(data) // 3] ^ 1]) + data[len(data) // 3 + 1 :],
    lambda data: random.Random(len(data)).randbytes(len(data)),
]
"""What power cuts, full disks and tired memory make of a file."""


def damaged_cache(place: Path, moment: float) -> dict[str, str]:
    """A copy of this version's kernels below ``place`` with three damaged files, which ones and how by ``moment``; the
    environment of a command that uses it."""
    assert compiling.CACHE is not None, "nothing is kept here"
    cache = place / "cache" / "likezip" / compiling.CACHE.name
    cache.parent.mkdir(mode=0o700, parents=True)
    shutil.copytree(compiling.CACHE, cache)
    generator = random.Random(moment)
    for path in generator.sample(sorted(cache.iterdir()), 3):
        path.write_bytes(generator.choice(DAMAGES)(path.read_bytes()))
    others = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    return {**others, "XDG_CACHE_HOME": str(place / "cache")}
