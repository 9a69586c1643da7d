"""Training data: files by class, from tar archives (one a class) or from directories."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np


def read_class(source: Path) -> list[bytes]:
    """The files of one class: the members of a tar archive, or all files below a directory."""
    if source.is_dir():
        return [path.read_bytes() for path in sorted(source.rglob("*")) if path.is_file()]
    files = []
    with tarfile.open(source) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                files.append(content.read())
    return files


def draw_block(files: list[bytes], size: int, random: np.random.Generator) -> bytes:
    """Whole files of one class in random order, joined and cut to ``size`` bytes."""
    parts: list[bytes] = []
    missing = size
    while missing > 0:
        part = files[random.integers(len(files))]
        parts.append(part[:missing])
        missing -= len(part)
    return b"".join(parts)
