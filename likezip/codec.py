"""One block to code words and back; both directions share the predictor and the order (step, bit, lane)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from likezip import container
from likezip.container import BlockHeader
from likezip.errors import CorruptError, FormatError, UnsupportedError
from likezip.model import Model

if TYPE_CHECKING:
    from likezip.start import Start


def prepare(announce: Callable[[], None] | None = None) -> None:
    """Load the kernels, or compile them once; ``announce`` is called before a compilation, which takes a while."""
    from likezip import predictor

    predictor.prepare(announce)


def _start(model: Model) -> Start:
    """A fresh copy of the trained start in ``model``."""
    from likezip.start import Start

    tensors = model.tensors()
    try:
        return Start.of({name.removeprefix("memory."): tensors[name] for name in tensors})
    except (KeyError, ValueError) as error:
        raise FormatError(f"{model.path}: the model file lacks what this likezip needs ({error})") from error


def encode_block(raw: bytes, model: Model, *, lanes: int | None = None) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block of at least one byte; stored if coding would not make it smaller."""
    import numpy as np

    from likezip.coder import Encoder
    from likezip.predictor import Predictor, default_lanes, default_table_bits

    count = min(lanes or default_lanes(len(raw)), container.MAX_LANES)
    table_bits = default_table_bits(len(raw))
    predictor = Predictor(len(raw), count, table_bits, _start(model))
    payload = Encoder().encode(*predictor.run(np.frombuffer(raw, np.uint8)))
    crc = container.checksum(raw)
    if len(payload) >= len(raw):
        return BlockHeader(container.STORED, 0, 0, 0, len(raw), len(raw), crc), raw
    return BlockHeader(container.MEMORY, count, 0, table_bits, len(raw), len(payload), crc), payload


def decode_block(header: BlockHeader, payload: bytes, model: Model) -> bytes:
    """The raw bytes of a block.  Raises CorruptError if they don't fit the checksum, UnsupportedError for a prior."""
    if header.mode == container.MEMORY_PRIOR:
        raise UnsupportedError("the block was written with a prior, which this likezip does not have")
    raw = payload if header.mode == container.STORED else _decode_memory(header, payload, model)
    if container.checksum(raw) != header.raw_crc:
        raise CorruptError("the block's checksum does not fit its bytes")
    return raw


def _decode_memory(header: BlockHeader, payload: bytes, model: Model) -> bytes:
    from likezip.coder import Decoder
    from likezip.predictor import Predictor

    predictor = Predictor(header.raw_size, header.lanes, header.table_bits, _start(model))
    decoder = Decoder(payload)
    predictor.follow(decoder.decode)
    decoder.finish()
    return predictor.raw.tobytes()


def cross_entropy(raw: bytes, model: Model, *, lanes: int | None = None) -> float:
    """Bits: the sum of -log2 P over exactly the probabilities that a block of these bytes is coded with."""
    import numpy as np

    from likezip import predictor

    count = min(lanes or predictor.default_lanes(len(raw)), container.MAX_LANES)
    block = predictor.Predictor(len(raw), count, predictor.default_table_bits(len(raw)), _start(model))
    return predictor.cross_entropy(*block.run(np.frombuffer(raw, np.uint8)))
