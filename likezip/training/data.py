"""Training data: files by class, from tar archives (one a class) or from directories."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np


def read_class(source: Path, exclude: tuple[str, ...] = ()) -> list[bytes]:
    """The files of one class: the members of a tar archive, or all files below a directory.

    exclude: files with any of these texts in their path are left out.
    """

    def wanted(path: str) -> bool:
        return not any(text in path for text in exclude)

    if source.is_dir():
        paths = [path for path in sorted(source.rglob("*")) if path.is_file()]
        return [path.read_bytes() for path in paths if wanted(path.as_posix())]
    files = []
    with tarfile.open(source) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() and wanted(member.name) else None
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
