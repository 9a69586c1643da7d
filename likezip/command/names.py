"""The inputs and outputs that a command line names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from likezip.frames.outputs import FileError, is_regular_file

PIPE = "-"
"""Standard input or output."""
COMPRESSED_SUFFIX = ".lz"


def compressed_name(source: Path) -> Path:
    """in.bin -> in.bin.lz; raises FileError for a name that has the suffix already."""
    if source.suffix == COMPRESSED_SUFFIX:
        raise FileError(f"{source}: already has the suffix {COMPRESSED_SUFFIX}; name the output to compress it again")
    return source.with_name(source.name + COMPRESSED_SUFFIX)


def decompressed_name(source: Path) -> Path:
    """in.bin.lz -> in.bin; raises FileError for another suffix."""
    if source.suffix != COMPRESSED_SUFFIX or source.name == COMPRESSED_SUFFIX:
        raise FileError(f"{source}: unknown suffix, expected {COMPRESSED_SUFFIX}; name the output")
    return source.with_suffix("")


def output_path(name: str) -> Path:
    """The path of an output; raises FileError for an empty name, and the name of a directory, such as one that ends in
    a slash."""
    if not name:
        raise FileError("the name of the output is empty")
    if os.path.basename(name) in ("", os.curdir, os.pardir):
        raise FileError(f"{name}: is the name of a directory, not of a file")
    return Path(name)


@dataclass(frozen=True)
class Job:
    """The names of an input and an output, - for standard input and output; target None to name it after the input."""

    source: str
    target: str | None

    def place(self, decompressing: bool) -> Path:
        """The path of the output; raises FileError if it has no name or a wrong one, OSError if there is no input to
        name it after."""
        if self.target is not None:
            return output_path(self.target)
        if stat.S_ISDIR(os.stat(self.source).st_mode):
            raise FileError(f"{self.source}: is a directory")
        if not is_regular_file(self.source):
            raise FileError(f"{self.source}: is not a regular file; name the output, or use --stdout")
        return (decompressed_name if decompressing else compressed_name)(Path(self.source))


def jobs(names: list[str], *, decompressing: bool, output: str | None, to_stdout: bool, only_inputs: bool) -> list[Job]:
    """The jobs of the names of a command line.

    Unless all are ``only_inputs``, two names are an input and its output if they can be meant so; else each is an input
    with an output of its own.
    """
    if to_stdout:
        output = PIPE
    elif (
        output is None
        and len(names) == 2
        and not only_inputs
        and _are_input_and_output(names[0], names[1], decompressing)
    ):
        names, output = names[:1], names[1]
    return [Job(name, PIPE if output is None and name == PIPE else output) for name in names]


def _are_input_and_output(source: str, target: str, decompressing: bool) -> bool:
    """Whether the second of two names is an output, not a second input from a shell's pattern."""
    if target == PIPE or not is_regular_file(target):
        return True
    if decompressing:
        return source.endswith(COMPRESSED_SUFFIX) and not target.endswith(COMPRESSED_SUFFIX)
    return target.endswith(COMPRESSED_SUFFIX) and not source.endswith(COMPRESSED_SUFFIX)


def without_directories(names: tuple[str, ...], *, packed: bool, failures: list[OSError]) -> Iterator[str]:
    """The names, and instead of a directory the files below it: files with the suffix or, if not ``packed``, all
    others.  Links, devices and pipes in directories are passed over; ``failures`` gets the errors of unreadable
    directories."""
    for name in names:
        if not os.path.isdir(name):
            yield name
            continue
        for directory, subdirectories, files in os.walk(name, onerror=failures.append):
            subdirectories.sort()
            for file in sorted(files):
                path = os.path.join(directory, file)
                if file.endswith(COMPRESSED_SUFFIX) == packed and _may_be_regular(path):
                    yield path


def _may_be_regular(path: str) -> bool:
    """Whether ``path`` is a regular file, not a link to one, or can't be looked at, which opening it will tell."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return True
