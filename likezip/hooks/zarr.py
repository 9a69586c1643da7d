"""A codec for the chunks of Zarr arrays of format 3.

    zarr.create_array(store, shape=..., chunks=..., dtype=..., compressors=Likezip())

Whoever reads such an array needs likezip installed and nothing else: Zarr finds it by its entry point.  Other
implementations of Zarr don't know it.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from zarr.abc.codec import BytesBytesCodec

from likezip import PriorChoice, compress, decompress

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

NAME = "likezip"


@dataclass(frozen=True)
class Likezip(BytesBytesCodec):
    """Every chunk, or with sharding every inner one, is one frame, with its checksums.

    The options are those of ``likezip.compress``; they stand in the array's metadata, but reading ignores them.  Any
    outside their ranges are a ValueError once a chunk is written, a damaged chunk is a LikezipError once it is read.
    """

    prior: PriorChoice = "auto"
    block_size: int | None = None
    lanes: int | None = None

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The codec that the metadata of an array describe."""
        return cls(**data.get("configuration", {}))

    def to_dict(self) -> dict[str, Any]:
        """The codec's entry in the metadata of an array."""
        return {"name": NAME, "configuration": asdict(self)}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("how small it becomes is known only once it is compressed")

    async def _encode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        options = asdict(self)
        frame = await asyncio.to_thread(compress, chunk_data.to_bytes(), **options)
        return chunk_spec.prototype.buffer.from_bytes(frame)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        raw = await asyncio.to_thread(decompress, chunk_data.to_bytes())
        return chunk_spec.prototype.buffer.from_bytes(raw)
