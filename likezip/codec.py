"""One block to code words and back; both directions share the predictor and the order (step, bit, lane)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from likezip import container
from likezip.container import BlockHeader
from likezip.errors import CorruptError, FormatError, UnsupportedError
from likezip.model import Model

if TYPE_CHECKING:
    from likezip.network import Network
    from likezip.predictor import Predictor

PriorChoice = Literal["auto", "on", "off"]
"""Whether blocks are coded with the prior: where it gains, always, never."""

SAMPLE = 1 << 15
"""Bytes of a block that are coded both ways to see what the prior gains; of a shorter block all."""

LEAST_GAIN = 0.01
"""Share of the bits that the prior has to save, as it costs several times the time.

A sample shows more than the block will gain, as the memory has not learnt much after so little: 3 to 10 times as much
with eleven files of 100 KB to 1 MB.  So the share grows by as much for every doubling from the sample to the block.
"""


def prepare(announce: Callable[[], None] | None = None, *, prior: bool) -> None:
    """Compile the kernels once, the prior's too if asked; ``announce`` is called before, as it takes a while."""
    from likezip import kernels, predictor, x86

    wanted = {"predictor": predictor.compile_kernels, "x86": x86.compile_kernels}
    if prior:
        from likezip import prior as network

        wanted["prior"] = network.compile_kernels
    kernels.compile_once(wanted, announce)


@lru_cache(maxsize=2)
def _network(model: Model) -> Network:
    """The prior's network in ``model``, its bounds checked."""
    from likezip.network import Network

    try:
        return Network.of(model.part("prior"))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{model.path}: the model file's prior is not what this likezip needs ({error})") from error


@contextmanager
def _predictor(
    size: int, lanes: int, table_bits: int, model: Model, *, prior: bool, known: bool = False, threads: int = 1
) -> Iterator[Predictor]:
    """The predictor of a block of ``size`` bytes, ``known`` or not; ``threads`` may share the prior's work."""
    from likezip.predictor import Predictor
    from likezip.start import Start

    part = "both" if prior else "memory"
    try:
        start = Start.of(model.part(part))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{model.path}: the model's {part} is not what this likezip needs ({error})") from error
    if not prior:
        yield Predictor(size, lanes, table_bits, start)
        return
    from likezip.prior import ready

    with ready(_network(model), size, lanes, known=known, threads=threads) as network:
        yield Predictor(size, lanes, table_bits, start, network)


class _Coding:
    """A block being coded: its probabilities and bits, with the prior or without."""

    def __init__(self, raw: bytes, model: Model, lanes: int | None, threads: int, *, prior: bool) -> None:
        import numpy as np

        from likezip import predictor

        self.prior, self.lanes = prior, min(lanes or predictor.default_lanes(len(raw)), container.MAX_LANES)
        self.table_bits = predictor.default_table_bits(len(raw))
        sizes = len(raw), self.lanes, self.table_bits
        with _predictor(*sizes, model, prior=prior, known=True, threads=threads) as block:
            self.decisions = block.run(np.frombuffer(raw, np.uint8))

    def bits(self) -> float:
        """What it costs, by its probabilities."""
        from likezip.predictor import cross_entropy

        return cross_entropy(*self.decisions)


def _code(raw: bytes, model: Model, lanes: int | None, prior: PriorChoice, threads: int = 1) -> _Coding:
    """Code a block as ``prior`` says; with "auto" a sample, or all of a short block, decides."""
    if prior == "on" and not model.has_prior():
        raise UnsupportedError(f"{model.path}: the model has no prior")
    if prior != "auto" or not model.has_prior():
        return _Coding(raw, model, lanes, threads, prior=prior == "on")
    sample = raw if len(raw) <= SAMPLE else _sample(raw)
    sample_lanes = lanes and max(1, lanes * len(sample) // len(raw))
    without, both = (_Coding(sample, model, sample_lanes, threads, prior=prior) for prior in (False, True))
    least_gain = LEAST_GAIN * (len(raw) // len(sample)).bit_length()
    better = both if both.bits() <= (1 - least_gain) * without.bits() else without
    return better if sample is raw else _Coding(raw, model, lanes, threads, prior=better.prior)


def _sample(raw: bytes) -> bytes:
    """Four parts of a block, SAMPLE bytes together, evenly spread."""
    size = SAMPLE // 4
    starts = [(len(raw) - size) * part // 3 for part in range(4)]
    return b"".join(raw[start : start + size] for start in starts)


def _transformed(raw: bytes) -> tuple[int, bytes]:
    """Which transform suits a block, and what it makes of it."""
    from likezip import x86

    return (container.X86, x86.to_absolute(raw)) if x86.is_code(raw) else (container.UNCHANGED, raw)


def encode_block(
    raw: bytes, model: Model, *, lanes: int | None = None, prior: PriorChoice = "auto", threads: int = 1
) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block of at least one byte; stored if coding would not make it smaller.

    threads: how many may share the prior's work; the bytes are the same.
    Raises UnsupportedError if the prior is to be on and the model has none.
    """
    from likezip.coder import Encoder

    transform, code = _transformed(raw)
    coding = _code(code, model, lanes, prior, threads)
    payload, crc = Encoder().encode(*coding.decisions), container.checksum(raw)
    if len(payload) >= len(raw):
        return BlockHeader(container.STORED, 0, 0, 0, len(raw), len(raw), crc), raw
    mode = container.MEMORY_PRIOR if coding.prior else container.MEMORY
    return BlockHeader(mode, coding.lanes, transform, coding.table_bits, len(raw), len(payload), crc), payload


def decode_block(header: BlockHeader, payload: bytes, model: Model, *, threads: int = 1) -> bytes:
    """The raw bytes of a block; ``threads`` may share the prior's work.

    Raises CorruptError if they don't fit the checksum, UnsupportedError for a prior that the model does not have.
    """
    raw = payload if header.mode == container.STORED else _decode(header, payload, model, threads)
    if container.checksum(raw) != header.raw_crc:
        raise CorruptError("the block's checksum does not fit its bytes")
    return raw


def _decode(header: BlockHeader, payload: bytes, model: Model, threads: int) -> bytes:
    from likezip import x86
    from likezip.coder import Decoder

    prior = header.mode == container.MEMORY_PRIOR
    if prior and not model.has_prior():
        raise UnsupportedError(f"the block was written with a prior, which {model.path} does not have")
    decoder, sizes = Decoder(payload), (header.raw_size, header.lanes, header.table_bits)
    with _predictor(*sizes, model, prior=prior, threads=threads) as block:
        block.follow(decoder.decode)
    decoder.finish()
    code: bytes = block.raw.tobytes()
    return x86.to_relative(code) if header.transform == container.X86 else code


def cross_entropy(raw: bytes, model: Model, *, lanes: int | None = None, prior: PriorChoice = "auto") -> float:
    """Bits: the sum of -log2 P over exactly the probabilities that a block of these bytes is coded with."""
    return _code(_transformed(raw)[1], model, lanes, prior).bits()
