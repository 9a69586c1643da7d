"""A codec of numcodecs, for the chunks of Zarr arrays of format 2.

    zarr.create_array(store, shape=..., chunks=..., dtype=..., zarr_format=2, compressors=Likezip())

Whoever reads such an array needs likezip installed and nothing else: numcodecs finds it by its entry point.
"""

from __future__ import annotations

from typing import Any

from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from likezip import PriorChoice, compress, decompress


class Likezip(Codec):
    """Every chunk is one frame, with its checksums.

    A chunk knows nothing of the others, so they should not be small: from some 100 KB on, better 1 MB.
    """

    codec_id = "likezip"

    def __init__(self, prior: PriorChoice = "auto", block_size: int | None = None, lanes: int | None = None) -> None:
        """The options are those of ``likezip.compress``; they stand in the array's metadata, but reading ignores them.

        Any outside their ranges are a ValueError once a chunk is written.
        """
        self.prior = prior
        self.block_size = block_size
        self.lanes = lanes

    def encode(self, buf: Any) -> bytes:
        """A frame that holds the bytes of ``buf``, any object with a contiguous buffer."""
        raw = memoryview(ensure_contiguous_ndarray(buf).view("u1"))
        return compress(raw, prior=self.prior, block_size=self.block_size, lanes=self.lanes)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The bytes in a frame; if ``out``, a writable buffer of their size, is given, it holds them and is returned.

        Raises LikezipError for a damaged frame, ValueError if the bytes don't fit ``out``; that is then unchanged.
        """
        raw = decompress(memoryview(ensure_contiguous_ndarray(buf).view("u1")))
        return ndarray_copy(raw, out)
