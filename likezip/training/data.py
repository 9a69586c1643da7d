"""Training data: files by class, from tar archives (one a class) or from directories."""

from __future__ import annotations

import hashlib
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt

from likezip.blocks.noise import repeats_nothing
from likezip.errors import LikezipError
from likezip.frames.raw_io import read_fully
from likezip.frames.through import LONGEST_MAGIC, compression_of, read_at_most, read_through
from likezip.model import MODEL_SUFFIX


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
    """The files of one class, without files that have any text of ``exclude`` in their path."""
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


def read_held_classes(sources: Sequence[Path], most: int = 1 << 16) -> dict[str, npt.NDArray[np.uint8]]:
    """Up to ``most`` bytes of each class of held-out files, the first component of their path below a source.

    Of several sources, files of each in turn, so that each has its part.
    """
    classes: dict[str, list[list[bytes]]] = {}
    for number, source in enumerate(sources):
        for path, content in _files(source):
            parts = classes.setdefault(path.parts[0], [[] for _ in sources])
            parts[number].append(content)
    joined = {
        name: b"".join(file for turn in zip_longest(*parts, fillvalue=b"") for file in turn)[:most]
        for name, parts in sorted(classes.items())
    }
    return {name: np.frombuffer(content, np.uint8) for name, content in joined.items()}


HELD_OUT_SHARE, LARGEST_HELD_OUT_SHARE = 0.1, 0.3
"""The share of all bytes that is held out: about HELD_OUT_SHARE, at most LARGEST_HELD_OUT_SHARE if there are several
files."""
LEAST_HELD_OUT = 1 << 14
MOST_BYTES = 1 << 30
"""The most bytes that are read; further files are left out."""


@dataclass(frozen=True)
class Collection:
    """A user's files: the files to train on, and the held-out files; left_out: the number of other files for each
    reason."""

    train: list[bytes]
    held: list[bytes]
    left_out: Counter[str] = field(default_factory=Counter)

    def joined(self, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """The training files and the held-out files, joined in random order."""
        random = np.random.default_rng(seed)
        parts = [b"".join(files[i] for i in random.permutation(len(files))) for files in (self.train, self.held)]
        return np.frombuffer(parts[0], np.uint8), np.frombuffer(parts[1], np.uint8)

    def digest(self) -> str:
        """A name for exactly these bytes, divided in this way."""
        parts = [hashlib.sha256(file).digest() for files in (self.train, self.held) for file in sorted(files)]
        return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def collect(sources: Sequence[Path], without: Sequence[Path] = ()) -> Collection:
    """The files, and all below the directories, divided by the hash of their names, so in the same way each time.

    A single file is divided, its end held out.  Left out are hidden files and directories, links, empty files, model
    files, the files ``without``, copies of other files, noise, files beyond MOST_BYTES, and compressed files that can't
    be read through.
    Raises ValueError for fewer than 64 KiB.
    """
    files, left_out, room = dict[bytes, tuple[bytes, bytes]](), Counter[str](), MOST_BYTES
    unwanted = {path.resolve() for path in without}
    for name, path in _own_files(sources):
        if path.resolve() in unwanted:
            continue
        if why := _unwanted(name, path):
            left_out[why] += 1
            continue
        if path.stat().st_size > room:
            left_out["too much"] += 1
            continue
        try:
            held = _content_of(path, room)
        except LikezipError:
            left_out["compressed"] += 1
            continue
        if not held:
            left_out["too much" if held is None else "empty"] += 1
            continue
        room -= len(held)
        digest = hashlib.sha256(held).digest()
        if digest in files:
            left_out["copies"] += 1
        elif len(held) > SMALL_FILE and repeats_nothing(held):
            left_out["noise"] += 1
        else:
            files[digest] = hashlib.sha256(name.encode(errors="surrogateescape")).digest(), held
    contents = [held for _, held in sorted(files.values())]
    total = sum(map(len, contents))
    if total < 4 * LEAST_HELD_OUT:
        names = ", ".join(map(str, sources))
        raise ValueError(
            f"{names}: there are {total} bytes to learn from, and at least {4 * LEAST_HELD_OUT} are needed"
        )
    return Collection(*_train_and_held_out(contents, total), left_out)


SMALL_FILE = 1 << 12
"""The most bytes of a file that is too small to be told from noise."""


def _content_of(path: Path, room: int) -> bytes | None:
    """The content of a file, None if it is more than ``room`` bytes; raises LikezipError for a compressed file that is
    damaged or can't be read through."""
    with path.open("rb") as file:
        compression = compression_of(read_fully(file, LONGEST_MAGIC))
        file.seek(0)
        if compression is None:
            return file.read()
        with read_through(file, compression) as opened:
            return read_at_most(opened, room)


def _own_files(sources: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The files of all sources, each with its name below the given directory."""
    for source in sources:
        if source.is_file():
            yield source.name, source
        for path in sorted(source.rglob("*")):
            if path.is_file():
                yield f"{source.name}/{path.relative_to(source).as_posix()}", path


def _unwanted(name: str, path: Path) -> str:
    """The reason why a file is left out whatever its content, "" if there is none."""
    below = name.split("/")[1:]
    if any(part.startswith(".") for part in below):
        return "hidden"
    if below and path.is_symlink():
        return "links"
    if path.suffix == MODEL_SUFFIX:
        return "models"
    return "" if path.stat().st_size else "empty"


def _train_and_held_out(files: list[bytes], total: int) -> tuple[list[bytes], list[bytes]]:
    """Divide files into files to train on and held-out files, at least LEAST_HELD_OUT bytes; none is in both."""
    wanted, held, train = max(LEAST_HELD_OUT, int(HELD_OUT_SHARE * total)), list[bytes](), list[bytes]()
    for content in files:
        size = sum(map(len, held))
        fits = size + len(content) <= max(LEAST_HELD_OUT, LARGEST_HELD_OUT_SHARE * total)
        (held if size < wanted and fits else train).append(content)
    while sum(map(len, held)) < LEAST_HELD_OUT and len(train) > 1:
        held.append(train.pop(min(range(len(train)), key=lambda place: len(train[place]))))
    missing = LEAST_HELD_OUT - sum(map(len, held))
    if missing > 0:
        cut = len(train[0]) - max(missing, int(HELD_OUT_SHARE * total))
        train, held = [train[0][:cut]], [*held, train[0][cut:]]
    return train, held
