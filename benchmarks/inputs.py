"""What is measured: named files and directories, or what any machine with Python has."""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.sources import Sample, all_samples


@dataclass(frozen=True)
class Input:
    """A name for the tables, a way to the bytes, and the synthetic sample if they are one."""

    name: str
    read: Callable[[], bytes]
    sample: Sample | None = None


def named_inputs(paths: tuple[Path, ...]) -> Iterator[Input]:
    """The files, and all files below the directories in order; links and empty files are left out."""
    for path in paths:
        if not path.is_dir():
            yield Input(path.name, path.read_bytes)
            continue
        for file in sorted(path.rglob("*")):
            if file.is_file() and not file.is_symlink() and file.stat().st_size:
                yield Input(file.relative_to(path.parent).as_posix(), file.read_bytes)


def inputs_anywhere(size: int) -> Iterator[Input]:
    """numba's sources, Python's largest shared objects and the synthetic sources, at most ``size`` bytes each.

    Neither is in the training data; Python's own sources are.
    """
    yield Input("numba's sources", lambda: joined(package_sources("numba"), size).content)
    modules = sysconfig.get_config_var("DESTSHARED") or str(Path(sysconfig.get_path("stdlib")) / "lib-dynload")
    shared = sorted(Path(modules).glob("*.so"), key=lambda file: (-file.stat().st_size, file.name))
    if shared:
        yield Input("Python's shared objects", lambda: joined(named_inputs(tuple(shared)), size).content)
    for sample in all_samples(size):
        yield _synthetic(sample)


def package_sources(name: str) -> Iterator[Input]:
    """The sources of an installed package that are not empty, in order."""
    place = _package(name)
    for file in sorted(place.rglob("*.py")):
        if file.stat().st_size:
            yield Input(file.relative_to(place.parent).as_posix(), file.read_bytes)


def _package(name: str) -> Path:
    """Where an installed package is, without importing it."""
    found = find_spec(name)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"{name} is not installed")
    return Path(found.origin).parent


def _synthetic(sample: Sample) -> Input:
    return Input(sample.name, lambda: sample.data, sample)


@dataclass(frozen=True)
class Joined:
    """The bytes of several files, and which they are."""

    name: str
    content: bytes


def joined(inputs: Iterable[Input], size: int) -> Joined:
    """The files one after another, up to ``size`` bytes; one whose bytes were there before is left out, as what is
    repeated compresses to nothing."""
    content, names, seen = bytearray(), [], set()
    for one in inputs:
        if len(content) >= size:
            break
        data = one.read()
        digest = hashlib.sha256(data).digest()
        if digest not in seen:
            seen.add(digest)
            names.append(one.name)
            content += data
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return Joined(f"{names[0]}{more}" if names else "", bytes(content[:size]))
