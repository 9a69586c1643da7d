"""Other compressors, on one thread: the command-line tool where it is installed, else Python's own module."""

from __future__ import annotations

import functools
import gzip
import importlib
import lzma
import os
import platform
import shutil
import subprocess
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType

XZ = "xz -9e"
"""The compressor whose throughputs the others' are divided by."""

_OPTION_VARIABLES = {"GZIP", "XZ_OPT", "XZ_DEFAULTS", "ZSTD_CLEVEL", "ZSTD_NBTHREADS", "BZIP3"}

Coder = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Command:
    """A program that reads standard input and writes standard output; RuntimeError with its message if it fails."""

    words: tuple[str, ...]

    def installed(self) -> bool:
        return shutil.which(self.words[0]) is not None

    def __call__(self, data: bytes) -> bytes:
        environment = {name: value for name, value in os.environ.items() if name not in _OPTION_VARIABLES}
        done = subprocess.run(self.words, input=data, capture_output=True, check=False, env=environment)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise RuntimeError(f"{' '.join(self.words)} failed ({done.returncode}): {said}")
        return done.stdout

    def version(self) -> str:
        """The first line of what the program says about its version."""
        words = [self.words[0], "--version"]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        return lines[0].strip(" *") if lines else self.words[0]


@dataclass(frozen=True)
class Peer:
    """A compressor by the name it has in the tables; both functions take and give whole files.

    how: what exactly runs, "command: xz (XZ Utils) 5.4.1" or "module: brotli 1.2.0".
    """

    name: str
    compress: Coder
    decompress: Coder
    how: str = ""


def _optional(module: str) -> ModuleType | None:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _gzip_module() -> Peer:
    how = f"module: gzip, zlib {zlib.ZLIB_RUNTIME_VERSION}"
    return Peer("gzip -9", lambda data: gzip.compress(data, 9), gzip.decompress, how)


def _xz_module() -> Peer:
    how = f"module: lzma of Python {platform.python_version()}"
    return Peer(XZ, lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME), lzma.decompress, how)


def _zstd_module() -> Peer | None:
    """Python 3.14's own module, or the package zstandard."""
    if own := _optional("compression.zstd"):
        how = f"module: compression.zstd, zstd {own.zstd_version}"
        return Peer("zstd -19", lambda data: bytes(own.compress(data, 19)), own.decompress, how)
    if package := _optional("zstandard"):
        how = f"module: zstandard {version('zstandard')}"
        unpack = package.ZstdDecompressor().decompress
        return Peer("zstd -19", package.ZstdCompressor(level=19).compress, unpack, how)
    return None


_BZIP3_BLOCK = 16 << 20
"""Bytes: the default of the command."""


def _bzip3_module() -> Peer | None:
    """The package bzip3, whose module is bz3."""
    if package := _optional("bz3"):
        how = f"module: bzip3 {version('bzip3')}"
        return Peer("bzip3", lambda data: bytes(package.compress(data, _BZIP3_BLOCK)), package.decompress, how)
    return None


def _brotli_module() -> Peer | None:
    """The package brotli."""
    if package := _optional("brotli"):
        how = f"module: brotli {version('brotli')}"
        pack = functools.partial(package.compress, quality=11, lgwin=24)
        return Peer("brotli -q 11", pack, package.decompress, how)
    return None


@dataclass(frozen=True)
class _Kind:
    """A compressor as the tables name it, as commands, and as a module."""

    name: str
    pack: str
    unpack: str
    module: Callable[[], Peer | None]

    def find(self, commands: bool) -> Peer | None:
        pack, unpack = Command(tuple(self.pack.split())), Command(tuple(self.unpack.split()))
        if commands and pack.installed():
            return Peer(self.name, pack, unpack, f"command: {pack.version()}")
        return self.module()


_KINDS = {
    "gzip": _Kind("gzip -9", "gzip -9 -c", "gzip -d -c", _gzip_module),
    "xz": _Kind(XZ, "xz -9e -T1 -c", "xz -d -T1 -c", _xz_module),
    "zstd": _Kind("zstd -19", "zstd -q -19 --single-thread -c", "zstd -q -d --single-thread -c", _zstd_module),
    "bzip3": _Kind("bzip3", "bzip3 -e -c", "bzip3 -d -c", _bzip3_module),
    "brotli": _Kind("brotli -q 11", "brotli -q 11 -w 24 -c", "brotli -d -c", _brotli_module),
}
PEERS = tuple(_KINDS)
"""The names that ``available_peers`` knows."""


def available_peers(names: Sequence[str] = PEERS, *, commands: bool = True) -> list[Peer]:
    """Those of ``names`` that this machine has, as commands where there are, else as modules.

    gzip and xz are in every Python.  commands False: modules only.  Raises ValueError for an unknown name.
    """
    if unknown := [name for name in names if name not in _KINDS]:
        raise ValueError(f"there is no peer {', '.join(unknown)}, only {', '.join(PEERS)}")
    return [peer for name in names if (peer := _KINDS[name].find(commands))]
