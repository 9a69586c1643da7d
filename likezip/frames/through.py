"""Compressed inputs, whose content is read in their place; they are recognised by their first bytes, not by names.

Files of likezip and of all compressors in this Python's standard library are read; files of some others are recognised
to be refused, rather than taken for uncompressed data.
"""

from __future__ import annotations

import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO, cast

from likezip.errors import CorruptError, LikezipError, UnsupportedError
from likezip.frames import container
from likezip.frames.file_object import LikezipFile
from likezip.frames.raw_io import PIECE, Source, read_fully


@dataclass(frozen=True)
class Compression:
    """A kind of compressed file: its first bytes, and the module of the standard library that opens it, None if there
    is none."""

    name: str
    magic: bytes
    module: str | None = None


COMPRESSIONS = (
    Compression("likezip", container.MAGIC),
    Compression("gzip", b"\x1f\x8b\x08", "gzip"),
    Compression("xz", b"\xfd7zXZ\0", "lzma"),
    *(Compression("bzip2", b"BZh%d1AY&SY" % level, "bz2") for level in range(1, 10)),
    *(Compression("bzip2", b"BZh%d\x17\x72\x45\x38\x50\x90" % level, "bz2") for level in range(1, 10)),  # of nothing
    Compression("zstd", b"\x28\xb5\x2f\xfd", "compression.zstd"),
    Compression("lzip", container.LZIP_MAGIC + b"\1"),
    Compression("lz4", b"\x04\x22\x4d\x18"),
    Compression("compress", b"\x1f\x9d\x90"),
    Compression("lzop", b"\x89LZO\0\r\n\x1a\n"),
    Compression("bzip3", b"BZ3v1"),
    Compression("zip", b"PK\3\4"),
    Compression("7z", b"7z\xbc\xaf\x27\x1c"),
    Compression("rar", b"Rar!\x1a\7"),
)
LONGEST_MAGIC = max(len(compression.magic) for compression in COMPRESSIONS)


def compression_of(begin: bytes) -> Compression | None:
    """The compression of a file by its first LONGEST_MAGIC bytes; None if it is not compressed, or by none of
    COMPRESSIONS."""
    return next((compression for compression in COMPRESSIONS if begin.startswith(compression.magic)), None)


@contextmanager
def read_through(file: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    """The content of a compressed file, to be read once from its beginning.

    Raises UnsupportedError for a compression that this Python can't read, and while it is read, CorruptError for
    damage.
    """
    with _opened(file, compression) as opened, _damage_as_corrupt_error(compression):
        yield opened


def _opened(file: BinaryIO, compression: Compression) -> BinaryIO:
    if compression.magic == container.MAGIC:
        return cast(BinaryIO, LikezipFile(file))
    try:
        module = import_module(compression.module or "")
    except (ImportError, ValueError) as error:
        raise UnsupportedError(f"compressed by {compression.name}, which can't be read here: decompress it") from error
    opened: BinaryIO = module.open(file, "rb")
    return opened


@contextmanager
def _damage_as_corrupt_error(compression: Compression) -> Iterator[None]:
    """Turn the exceptions that modules have for damage into CorruptError; errors of the operating system, which have a
    number, are raised as they are."""
    try:
        yield
    except LikezipError as error:
        raise type(error)(f"{compression.name}: {error}") from error
    except (EOFError, zlib.error) as error:
        raise CorruptError(f"{compression.name}: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise CorruptError(f"{compression.name}: {error}") from error
    except Exception as error:
        if type(error).__name__ not in ("LZMAError", "ZstdError"):  # not imported where they are not needed
            raise
        raise CorruptError(f"{compression.name}: {error}") from error


@contextmanager
def seekable(file: BinaryIO, *, raw: bool = False) -> Iterator[BinaryIO]:
    """The content of a file, to be read as often as need be: the file itself, or a temporary copy of a file that can't
    seek, or that is compressed and not to be taken ``raw``."""
    with ExitStack() as stack:
        if not file.seekable():
            file = _seekable_copy(file, stack.enter_context(tempfile.TemporaryFile()))
        begin = file.tell()
        compression = None if raw else compression_of(read_fully(file, LONGEST_MAGIC))
        file.seek(begin)
        if compression is not None:
            held = stack.enter_context(tempfile.TemporaryFile())
            with read_through(file, compression) as opened:
                file = _seekable_copy(opened, held)
        yield file


def _seekable_copy(file: BinaryIO, copy: BinaryIO) -> BinaryIO:
    shutil.copyfileobj(file, copy, PIECE)
    copy.seek(0)
    return copy


def read_at_most(source: Source, size: int) -> bytes | None:
    """The rest of a source, or None if it has more than ``size`` bytes, of which no more are read."""
    data = read_fully(source, size + 1)
    return None if len(data) > size else data
