"""likezip: a lossless compressor that turns the likelihood of a model into bits saved."""

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
    "load_model",
]
