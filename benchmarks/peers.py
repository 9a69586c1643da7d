"""Other compressors: each a name and two commands, used if it is installed, on one thread."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """A command-line compressor that reads standard input and writes standard output."""

    name: str
    pack: tuple[str, ...]
    unpack: tuple[str, ...]

    def installed(self) -> bool:
        return shutil.which(self.pack[0]) is not None

    def compress(self, data: bytes) -> bytes:
        return subprocess.run(self.pack, input=data, capture_output=True, check=True).stdout

    def decompress(self, data: bytes) -> bytes:
        return subprocess.run(self.unpack, input=data, capture_output=True, check=True).stdout


PEERS = (
    Peer("gzip -9", ("gzip", "-9c"), ("gzip", "-dc")),
    Peer("xz -9e", ("xz", "-9e", "-T1", "-c"), ("xz", "-dc")),
    Peer("zstd -19", ("zstd", "-19", "--single-thread", "-c"), ("zstd", "-dc")),
    Peer("bzip3", ("bzip3", "-e", "-c"), ("bzip3", "-d", "-c")),
    Peer("brotli", ("brotli", "-q", "11", "-w", "24", "-c"), ("brotli", "-d", "-c")),
)


def installed_peers() -> list[Peer]:
    return [peer for peer in PEERS if peer.installed()]
