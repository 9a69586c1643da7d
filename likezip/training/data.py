"""Training data: files by class, from tar archives (one a class) or from directories."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt


def _files(source: Path, exclude: tuple[str, ...] = ()) -> Iterator[tuple[Path, bytes]]:
    """The members of a tar archive, or all files below a directory in order: path below ``source``, content.

    exclude: files with any of these texts in their path are left out.
    """

    def wanted(path: str) -> bool:
        return not any(text in path for text in exclude)

    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file() and wanted(path.as_posix()):
                yield path.relative_to(source), path.read_bytes()
        return
    with tarfile.open(source) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() and wanted(member.name) else None
            if content is not None:
                yield Path(member.name), content.read()


def read_class(source: Path, exclude: tuple[str, ...] = ()) -> list[bytes]:
    """The files of one class, but for those with any text of ``exclude`` in their path."""
    return [content for _, content in _files(source, exclude)]


def draw_block(files: list[bytes], size: int, random: np.random.Generator) -> bytes:
    """Whole files of one class in random order, joined and cut to ``size`` bytes."""
    parts: list[bytes] = []
    missing = size
    while missing > 0:
        part = files[random.integers(len(files))]
        parts.append(part[:missing])
        missing -= len(part)
    return b"".join(parts)


def read_classes(sources: Sequence[Path], exclude: tuple[str, ...], seed: int) -> dict[str, npt.NDArray[np.uint8]]:
    """The files of each class in random order, joined: name to bytes (n,)."""
    random, classes = np.random.default_rng(seed), {}
    for source in sources:
        files = read_class(source, exclude)
        order = random.permutation(len(files))
        classes[source.name.split(".")[0]] = np.frombuffer(b"".join(files[place] for place in order), np.uint8)
    return classes


def read_validation(source: Path, most: int = 1 << 16) -> dict[str, npt.NDArray[np.uint8]]:
    """Up to ``most`` bytes of each class of held-out files, the first component of their path below ``source``."""
    classes: dict[str, list[bytes]] = {}
    for path, content in _files(source):
        classes.setdefault(path.parts[0], []).append(content)
    return {name: np.frombuffer(b"".join(files)[:most], np.uint8) for name, files in sorted(classes.items())}
