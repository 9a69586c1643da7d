"""likezip: a lossless compressor that turns the likelihood of a model into bits saved.

The public names are loaded when they are first used; importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from likezip import errors
    from likezip.blocks.options import Effort, PriorChoice
    from likezip.errors import (
        CorruptError,
        FormatError,
        LikezipError,
        LimitError,
        TruncatedError,
        UnknownContextError,
        UnknownModelError,
        UnsupportedError,
        WorkerError,
    )
    from likezip.frames.file_object import LikezipFile, open
    from likezip.frames.incremental import LikezipCompressor, LikezipDecompressor
    from likezip.frames.index import FrameInfo, get_frame_info
    from likezip.frames.stream import compress, compress_stream, decompress, decompress_stream
    from likezip.likelihood.anomaly import AnomalyScorer
    from likezip.likelihood.density import byte_costs, sample
    from likezip.model import Model, load_model
    from likezip.records.codec import RecordCodec

__version__ = "0.1.0"

_PLACES = {
    "blocks.options": ("Effort", "PriorChoice"),
    "errors": (
        "CorruptError",
        "FormatError",
        "LikezipError",
        "LimitError",
        "TruncatedError",
        "UnknownContextError",
        "UnknownModelError",
        "UnsupportedError",
        "WorkerError",
    ),
    "frames.file_object": ("LikezipFile", "open"),
    "frames.incremental": ("LikezipCompressor", "LikezipDecompressor"),
    "frames.index": ("FrameInfo", "get_frame_info"),
    "likelihood.anomaly": ("AnomalyScorer",),
    "likelihood.density": ("byte_costs", "sample"),
    "model": ("Model", "load_model"),
    "records.codec": ("RecordCodec",),
    "frames.stream": ("compress", "compress_stream", "decompress", "decompress_stream"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "AnomalyScorer",
    "CorruptError",
    "Effort",
    "FormatError",
    "FrameInfo",
    "LikezipCompressor",
    "LikezipDecompressor",
    "LikezipError",
    "LikezipFile",
    "LimitError",
    "Model",
    "PriorChoice",
    "RecordCodec",
    "TruncatedError",
    "UnknownContextError",
    "UnknownModelError",
    "UnsupportedError",
    "WorkerError",
    "byte_costs",
    "compress",
    "compress_stream",
    "decompress",
    "decompress_stream",
    "errors",
    "get_frame_info",
    "load_model",
    "open",
    "sample",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "errors":
        return import_module("likezip.errors")
    value = getattr(import_module(f"likezip.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(["__version__", *__all__])
