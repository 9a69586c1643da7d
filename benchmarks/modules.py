"""Compressors that are Python modules, as commands: ``python -P -m benchmarks.modules NAME compress < IN > OUT``.

They stand in for programs that are not installed.  Start-up of Python counts as that of a program does.
"""

from __future__ import annotations

import importlib
import platform
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType

Coder = Callable[[bytes], bytes]

BZIP3_BLOCK = 16 << 20
"""Bytes: the default of the program."""

ZSTD_WINDOW = 27
"""log2 of the bytes that zstd's --long=27 looks back."""


@dataclass(frozen=True)
class Module:
    """Both directions, for whole files, and what exactly runs: "module: brotli 1.2.0"."""

    compress: Coder
    decompress: Coder
    how: str


def _optional(module: str) -> ModuleType | None:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _gzip() -> Module:
    import gzip

    return Module(
        lambda data: gzip.compress(data, 9), gzip.decompress, f"module: gzip, zlib {zlib.ZLIB_RUNTIME_VERSION}"
    )


def _bzip2() -> Module:
    import bz2

    return Module(
        lambda data: bz2.compress(data, 9), bz2.decompress, f"module: bz2 of Python {platform.python_version()}"
    )


def _xz() -> Module:
    import lzma

    how = f"module: lzma of Python {platform.python_version()}"
    return Module(lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME), lzma.decompress, how)


def _zstd(level: int, long: bool) -> Module | None:
    """Python 3.14's own module, or the package zstandard."""
    if own := _optional("compression.zstd"):
        name = own.CompressionParameter
        options = {name.compression_level: level}
        if long:
            options |= {name.window_log: ZSTD_WINDOW, name.enable_long_distance_matching: 1}
        how = f"module: compression.zstd, zstd {own.zstd_version}"
        return Module(lambda data: bytes(own.compress(data, options=options)), own.decompress, how)
    if package := _optional("zstandard"):

        def pack(data: bytes) -> bytes:
            window = {"window_log": ZSTD_WINDOW, "enable_ldm": True} if long else {}
            parameters = package.ZstdCompressionParameters.from_level(level, source_size=len(data), **window)
            return bytes(package.ZstdCompressor(compression_params=parameters).compress(data))

        def unpack(data: bytes) -> bytes:
            return bytes(package.ZstdDecompressor().decompress(data))

        return Module(pack, unpack, f"module: zstandard {version('zstandard')}")
    return None


def _brotli() -> Module | None:
    if package := _optional("brotli"):
        how = f"module: brotli {version('brotli')}"
        return Module(lambda data: bytes(package.compress(data, quality=11, lgwin=24)), package.decompress, how)
    return None


def _bzip3() -> Module | None:
    """The package bzip3, whose module is bz3."""
    if package := _optional("bz3"):
        how = f"module: bzip3 {version('bzip3')}"
        return Module(lambda data: bytes(package.compress(data, BZIP3_BLOCK)), package.decompress, how)
    return None


MODULES: dict[str, Callable[[], Module | None]] = {
    "gzip": _gzip,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstd": lambda: _zstd(19, long=False),
    "zstd-22": lambda: _zstd(22, long=True),
    "brotli": _brotli,
    "bzip3": _bzip3,
}
"""What finds each module; None where it is not installed."""


def main() -> None:
    """Code standard input to standard output."""
    name, direction = sys.argv[1:]
    module = MODULES[name]()
    if module is None:
        raise SystemExit(f"there is no module for {name}")
    work = module.compress if direction == "compress" else module.decompress
    sys.stdout.buffer.write(work(sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
