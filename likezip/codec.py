"""One block to code words and back; both directions share the predictor and the order (step, bit, lane)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from likezip import container
from likezip.container import BlockHeader
from likezip.errors import CorruptError, FormatError, UnsupportedError
from likezip.model import Model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from likezip.predictor import Predictor, Start


def prepare(announce: Callable[[], None] | None = None) -> None:
    """Load the kernels, or compile them once; ``announce`` is called before a compilation, which takes a while."""
    from likezip import predictor

    predictor.prepare(announce)


def _start(model: Model) -> Start:
    """A fresh copy of the trained start in ``model``."""
    from likezip.predictor import Start

    tensors = model.tensors()
    try:
        return Start.of({name.removeprefix("memory."): tensors[name] for name in tensors})
    except (KeyError, ValueError) as error:
        raise FormatError(f"{model.path}: the model file lacks what this likezip needs ({error})") from error


def _probabilities(raw: bytes, predictor: Predictor) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """P(1) and the bit of every binary decision of the block, in coding order, each (8 size,)."""
    import numpy as np

    known = np.frombuffer(raw, np.uint8)
    probabilities, bits, done = [], [], 0
    for steps, active in predictor.phases():
        probabilities.append(predictor.run(known, steps, active).reshape(-1))
        steps_of = predictor.starts[:active] + np.arange(done, done + steps)[:, None]
        bits.append(np.unpackbits(known[steps_of][:, None, :], axis=1).reshape(-1))
        done += steps
    return np.concatenate(probabilities), np.concatenate(bits)


def encode_block(raw: bytes, model: Model, *, lanes: int | None = None) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block of at least one byte; stored if coding would not make it smaller."""
    from likezip.coder import Encoder
    from likezip.predictor import Predictor, default_lanes, default_table_bits

    count = min(lanes or default_lanes(len(raw)), container.MAX_LANES)
    table_bits = default_table_bits(len(raw))
    predictor = Predictor(len(raw), count, table_bits, _start(model))
    payload = Encoder().encode(*_probabilities(raw, predictor))
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
    probabilities, step = predictor.predict(), 0
    while predictor.active(step):
        for bit in range(8):
            probabilities = predictor.learn(step, bit, decoder.decode(probabilities))
        step += 1
    decoder.finish()
    return predictor.raw.tobytes()


def cross_entropy(raw: bytes, model: Model, *, lanes: int | None = None) -> float:
    """Bits: the sum of -log2 P over exactly the probabilities that a block of these bytes is coded with."""
    import numpy as np

    from likezip.predictor import Predictor, default_lanes, default_table_bits

    count = min(lanes or default_lanes(len(raw)), container.MAX_LANES)
    predictor = Predictor(len(raw), count, default_table_bits(len(raw)), _start(model))
    ones, bits = _probabilities(raw, predictor)
    taken = np.where(bits == 1, ones.astype(np.int64), 65536 - ones.astype(np.int64))
    counts = np.bincount(taken, minlength=65537)[1:]
    return float(-(counts * np.log2(np.arange(1, 65537) / 65536)).sum())
