"""Other compressors, on one thread: the command-line tool where it is installed, else Python's own module."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Peer:
    """A compressor by the name it has in the tables; both functions take and give whole files."""

    name: str
    compress: Coder
    decompress: Coder


def _gzip_module() -> Peer:
    return Peer("gzip -9", lambda data: gzip.compress(data, 9), gzip.decompress)


def _xz_module() -> Peer:
    return Peer(XZ, lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME), lzma.decompress)


_COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("gzip -9", "gzip -9 -c", "gzip -d -c"),
    (XZ, "xz -9e -T1 -c", "xz -d -T1 -c"),
    ("zstd -19", "zstd -q -19 --single-thread -c", "zstd -q -d -c"),
    ("bzip3", "bzip3 -e -c", "bzip3 -d -c"),
    ("brotli -q 11", "brotli -q 11 -w 24 -c", "brotli -d -c"),
)
_MODULES = {"gzip -9": _gzip_module, XZ: _xz_module}


def available_peers(*, commands: bool = True) -> list[Peer]:
    """gzip and xz always, the others where their command is; ``commands`` False: Python's own modules only."""
    peers = []
    for name, pack, unpack in _COMMANDS:
        packer, unpacker = Command(tuple(pack.split())), Command(tuple(unpack.split()))
        if commands and packer.installed():
            peers.append(Peer(name, packer, unpacker))
        elif name in _MODULES:
            peers.append(_MODULES[name]())
    return peers
