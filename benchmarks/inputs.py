"""What is measured: named files and directories, or what any machine with Python has."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable, Iterator
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
    yield Input("numba's sources", lambda: _joined(sorted(_package("numba").rglob("*.py")), size))
    modules = sysconfig.get_config_var("DESTSHARED") or str(Path(sysconfig.get_path("stdlib")) / "lib-dynload")
    shared = sorted(Path(modules).glob("*.so"), key=lambda file: (-file.stat().st_size, file.name))
    if shared:
        yield Input("Python's shared objects", lambda: _joined(shared, size))
    for sample in all_samples(size):
        yield _synthetic(sample)


def _package(name: str) -> Path:
    """Where an installed package is, without importing it."""
    found = find_spec(name)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"{name} is not installed")
    return Path(found.origin).parent


def _synthetic(sample: Sample) -> Input:
    return Input(sample.name, lambda: sample.data, sample)


def _joined(files: list[Path], size: int) -> bytes:
    """The files one after another, up to ``size`` bytes."""
    data = bytearray()
    for file in files:
        if len(data) >= size:
            break
        data += file.read_bytes()
    return bytes(data[:size])
