"""likezip and the other compressors as commands, on one thread: the program where it is installed, else a Python module
in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import likezip
from benchmarks import runner
from benchmarks.modules import MODULES

LIKEZIP, NO_PRIOR = "likezip", "likezip, no prior"
"""likezip with its defaults, and with its memory alone."""

XZ = "xz -9e"
"""The compressor whose throughputs the others' are divided by, and against which the model has to pay for itself."""


@dataclass(frozen=True)
class Peer:
    """A compressor by the name it has in the tables.

    compress, decompress: words of a command.  RAW, PACKED and BACK stand for its files: what is to be compressed, what
    is made of that, and what is made of that again; a file that is not named is standard input or output.
    how: what exactly runs, "command: xz (XZ Utils) 5.4.1" or "module: brotli 1.2.0".
    suffix: of the compressed file's name, where a program insists on one.
    """

    name: str
    compress: tuple[str, ...]
    decompress: tuple[str, ...]
    how: str
    suffix: str = ""


def likezip_peer(name: str, *options: str, threads: int = 1) -> Peer:
    """likezip with ``threads`` workers and these options of ``compress``."""
    start = (runner.PYTHON, "-P", "-m", "likezip")
    workers = ("-T", str(threads))
    how = f"command: likezip {likezip.__version__}"
    return Peer(name, (*start, "compress", *workers, *options), (*start, "decompress", *workers), how)


def own_peers(threads: int) -> list[Peer]:
    """likezip with its defaults, and without the prior."""
    return [likezip_peer(LIKEZIP, threads=threads), likezip_peer(NO_PRIOR, "--prior", "off", threads=threads)]


@dataclass(frozen=True)
class _Kind:
    """A compressor as the tables name it and as commands.

    slow: under 1 MB/s in both directions.  about: the argument that makes a program say its version, none for those
    that say it with how they are used.
    """

    name: str
    compress: str
    decompress: str
    slow: bool = False
    suffix: str = ""
    about: str = "--version"

    def find(self, short: str, commands: bool) -> Peer | None:
        pack, unpack = tuple(self.compress.split()), tuple(self.decompress.split())
        if commands and shutil.which(pack[0]) is not None:
            return Peer(self.name, pack, unpack, f"command: {program_version(pack[0], self.about)}", self.suffix)
        module = MODULES[short]() if short in MODULES else None
        if module is None:
            return None
        start = (runner.PYTHON, "-P", "-m", "benchmarks.modules", short)
        return Peer(self.name, (*start, "compress"), (*start, "decompress"), module.how)


_KINDS = {
    "gzip": _Kind("gzip -9", "gzip -9 -c", "gzip -d -c"),
    "bzip2": _Kind("bzip2 -9", "bzip2 -9 -c", "bzip2 -d -c"),
    "xz": _Kind(XZ, "xz -9e -T1 -c", "xz -d -T1 -c"),
    "zstd": _Kind(
        "zstd -19",
        "zstd -q -19 --single-thread RAW -o PACKED",
        "zstd -q -d --single-thread PACKED -o BACK",
    ),
    "zstd-22": _Kind(
        "zstd -22 --long=27",
        "zstd -q --ultra -22 --long=27 --single-thread RAW -o PACKED",
        "zstd -q -d --long=27 --single-thread PACKED -o BACK",
    ),
    "brotli": _Kind("brotli -q 11", "brotli -q 11 -w 24 RAW -o PACKED", "brotli -d PACKED -o BACK"),
    "bzip3": _Kind("bzip3", "bzip3 -e -b 16 -c", "bzip3 -d -c"),
    "7z": _Kind(
        "7z PPMd",
        "7z a -t7z -m0=PPMd:o=16:mem=28 -mmt=1 -bd PACKED RAW",
        "7z e -so -mmt=1 PACKED",
        suffix=".7z",
        about="",
    ),
    "lz4": _Kind("lz4 -9", "lz4 -9 -c", "lz4 -d -c"),
    "lpaq8": _Kind("lpaq8 9", "lpaq8 9 RAW PACKED", "lpaq8 d PACKED BACK", about=""),
    "zpaq": _Kind(
        "zpaq -m5",
        "zpaq add PACKED RAW -m5 -t1",
        "zpaq extract PACKED RAW -to BACK -t1",
        slow=True,
        suffix=".zpaq",
        about="",
    ),
    "paq8px": _Kind("paq8px -8", "paq8px -8 RAW PACKED", "paq8px -d PACKED BACK", slow=True, about=""),
    "cmix": _Kind("cmix", "cmix -c RAW PACKED", "cmix -d PACKED BACK", slow=True, about=""),
    "lstm-compress": _Kind(
        "lstm-compress",
        "lstm-compress -c RAW PACKED",
        "lstm-compress -d PACKED BACK",
        slow=True,
        about="",
    ),
}
PEERS = tuple(_KINDS)
"""The names that ``available_peers`` knows."""

SLOW = tuple(name for name, kind in _KINDS.items() if kind.slow)
"""Those that are under 1 MB/s in both directions."""

QUICK = tuple(name for name in PEERS if name not in SLOW)


def available_peers(names: Sequence[str] = QUICK, *, commands: bool = True) -> list[Peer]:
    """Those of ``names`` that this machine has, as programs where there are, else as modules.

    gzip, bzip2 and xz are in every Python.  commands False: modules only.  Raises ValueError for an unknown name.
    """
    if unknown := [name for name in names if name not in _KINDS]:
        raise ValueError(f"there is no peer {', '.join(unknown)}, only {', '.join(PEERS)}")
    return [peer for name in names if (peer := _KINDS[name].find(name, commands))]


def program_version(program: str, *about: str) -> str:
    """The first line of what a program says about itself, with these arguments."""
    done = subprocess.run(
        [program, *filter(None, about)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return lines[0].strip(" *") if lines else program
