"""likezip: a lossless compressor that turns the likelihood of a model into bits saved.

The public names are loaded when they are first used; importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from likezip import errors
    from likezip.errors import (
        CorruptError,
        FormatError,
        LikezipError,
        TruncatedError,
        UnknownModelError,
        UnsupportedError,
        WorkerError,
    )
    from likezip.model import Model, load_model
    from likezip.stream import compress, compress_stream, decompress, decompress_stream

__version__ = "0.1.0"

__all__ = [
    "CorruptError",
    "FormatError",
    "LikezipError",
    "Model",
    "TruncatedError",
    "UnknownModelError",
    "UnsupportedError",
    "WorkerError",
    "compress",
    "compress_stream",
    "decompress",
    "decompress_stream",
    "errors",
    "load_model",
]

_PLACES = {"Model": "model", "load_model": "model"}
_PLACES |= dict.fromkeys(["compress", "compress_stream", "decompress", "decompress_stream"], "stream")


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "errors":
        return import_module("likezip.errors")
    value = getattr(import_module(f"likezip.{_PLACES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
