"""One block to code words and back; both directions share the predictor and the order (step, bit, lane)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader
from likezip.errors import CorruptError, FormatError, UnsupportedError
from likezip.model import Model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from likezip.blocks.coder import Decoder
    from likezip.blocks.predictor import Advance, Decisions, Predictor, Shape
    from likezip.memory.trained_state import Start
    from likezip.prior.network import Network

PriorChoice = Literal["auto", "on", "off"]
"""Whether blocks are coded with the prior: where it gains, always, never."""

SAMPLE = 1 << 15
"""Bytes of a block that are coded in every way, each profile and the prior, to see which is best; of a shorter block
all."""

LEAST_GAIN = 0.01
"""Share of the bits that the prior has to save, as it costs several times the time.

A sample shows more than the block will gain, as the memory has not learnt much after so little: 3 to 10 times as much
with eleven files of 100 KB to 1 MB.  So the share grows by as much for every doubling from the sample to the block.
What another profile than text saves grows instead (from 6 to 10 % in shared objects), so it counts twice.
"""

REDUNDANT, FEWEST_LANES = 1.0, 4
"""A block with the prior whose sample takes less than so many bits a byte gets half as many lanes as others, but not
less than FEWEST_LANES: 1 MB of XML is 1.6 % smaller in 4 lanes than in 8 and takes half as long again to decode, prose
would be 0.3 % smaller."""


def prepare(announce: Callable[[], None] | None = None, *, prior: bool, **more: Callable[[], None]) -> None:
    """Compile the kernels once, the prior's too if asked, and ``more`` by name what compiles them; ``announce`` is
    called before, as it takes a while."""
    from likezip.blocks import predictor, x86_transform
    from likezip.kernels import cache, compiling

    wanted = {"predictor": predictor.compile_kernels, "x86": x86_transform.compile_kernels, **more}
    if prior:
        from likezip.prior import parallel

        wanted["prior"] = parallel.compile_kernels
    cache.compile_once(compiling.CACHE, wanted, announce)


@lru_cache(maxsize=2)
def network_of(model: Model) -> Network:
    """The prior's network in ``model``, its bounds checked.  Raises FormatError."""
    from likezip.prior.network import Network

    try:
        return Network.of(model.part("prior"))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{model.path}: the model file's prior is not what this likezip needs ({error})") from error


def start_of(model: Model, part: str) -> Start:
    """A copy of the trained start for a profile, by its name.  Raises FormatError."""
    from likezip.memory.trained_state import Start

    try:
        return Start.of(model.part(part))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{model.path}: the model's {part} is not what this likezip needs ({error})") from error


@contextmanager
def open_predictor(shape: Shape, model: Model, *, prior: bool, threads: int = 1) -> Iterator[Predictor]:
    """The predictor of a block; ``threads`` may share the prior's work."""
    from likezip.blocks.predictor import Predictor

    start = start_of(model, shape.profile.name)
    if not prior:
        yield Predictor(shape, start)
        return
    from likezip.prior.parallel import ready

    with ready(network_of(model), shape.size, shape.used_lanes, threads=threads) as network:
        yield Predictor(shape, start, network)


@dataclass(frozen=True)
class Way:
    """One way to code a block: a profile by its number, the length of a row, and whether with the prior."""

    profile: int
    row_length: int
    prior: bool = False

    def default_lanes(self, size: int) -> int:
        """Of a block of ``size`` bytes."""
        from likezip.blocks.predictor import default_lanes

        return default_lanes(size) if self.prior else 1

    def shape(self, size: int, lanes: int, table_bits: int | None = None) -> Shape:
        """Of a block of ``size`` bytes; its table as usual, unless it is to be another."""
        from likezip.blocks.predictor import Shape, default_table_bits
        from likezip.memory.profiles import BOTH, PROFILES

        profile = BOTH if self.prior else PROFILES[self.profile]
        return Shape(size, lanes, table_bits or default_table_bits(size), profile, self.row_length)


class Coding:
    """A block being coded in one way: its probabilities and bits."""

    def __init__(
        self,
        raw: bytes,
        model: Model,
        way: Way,
        lanes: int | None,
        threads: int,
        advance: Advance | None = None,
    ) -> None:
        import numpy as np

        self.way = way
        self.shape = way.shape(len(raw), min(lanes or way.default_lanes(len(raw)), block_header.MAX_LANES))
        with open_predictor(self.shape, model, prior=way.prior, threads=threads) as block:
            self.decisions = self._run(block, np.frombuffer(raw, np.uint8), advance)

    def _run(self, block: Predictor, known: npt.NDArray[np.uint8], advance: Advance | None) -> Decisions:
        return block.run(known, advance)

    @cached_property
    def bits(self) -> float:
        """What it costs, by its probabilities."""
        from likezip.blocks.cost import cross_entropy

        return cross_entropy(*self.decisions)

    def payload(self) -> bytes:
        """What it is in a frame, unless that is no shorter than the block, which then is stored."""
        from likezip.blocks.coder import encode

        return block_header.padded(encode(*self.decisions), self.shape.size)

    def byte_costs(self) -> npt.NDArray[np.float64]:
        """What each byte costs, (size,) bits."""
        from likezip.blocks.cost import byte_costs

        return byte_costs(*self.decisions, self.shape.size, self.shape.lanes)


KindOfCoding = TypeVar("KindOfCoding", bound=Coding)


def _ways(raw: bytes, model: Model, prior: PriorChoice) -> list[Way]:
    """The ways to code a block that ``prior`` allows, the prior last."""
    from likezip.blocks.record_length import row_length

    text = Way(block_header.TEXT, 0)
    if prior == "on":
        return [_prior_way(model)]
    rows = row_length(raw)
    ways = [text, Way(block_header.RECORDS, rows), Way(block_header.CODE, rows)]
    return [*ways, replace(text, prior=True)] if prior == "auto" and model.has_prior() else ways


def _prior_way(model: Model) -> Way:
    """The way with the prior; raises UnsupportedError if there is none."""
    if not model.has_prior():
        raise UnsupportedError(f"{model.path}: the model has no prior")
    return Way(block_header.TEXT, 0, prior=True)


def checked(prior: PriorChoice) -> PriorChoice:
    """The choice, if it is one; else raises ValueError."""
    if prior not in get_args(PriorChoice):
        raise ValueError(f"prior must be one of {', '.join(get_args(PriorChoice))}, not {prior}")
    return prior


def best_coding(
    raw: bytes,
    model: Model,
    lanes: int | None,
    prior: PriorChoice,
    threads: int = 1,
    advance: Advance | None = None,
    kind: type[KindOfCoding] = Coding,  # type: ignore[assignment]
) -> KindOfCoding | None:
    """Code a block in the best way that ``prior`` allows; None for noise: a sample gets no smaller in any way, and the
    block repeats nothing."""
    best = sampled_codings(raw, model, lanes, prior, threads)[0]
    size, bits = best.shape.size, best.bits
    if size == len(raw):
        return best if isinstance(best, kind) else kind(raw, model, best.way, lanes, threads, advance)
    if is_noise(raw, best):
        return None
    if lanes is None and best.way.prior and bits < REDUNDANT * size:
        usual = best.way.default_lanes(len(raw))
        lanes = min(usual, max(FEWEST_LANES, usual // 2))
    return kind(raw, model, best.way, lanes, threads, advance)


def is_noise(raw: bytes, sampled: Coding) -> bool:
    """Whether a block is stored without more ado, by how its sample was coded best."""
    from likezip.blocks.noise import repeats_nothing

    return sampled.bits >= 8 * sampled.shape.size and repeats_nothing(raw)


def sampled_codings(raw: bytes, model: Model, lanes: int | None, prior: PriorChoice, threads: int = 1) -> list[Coding]:
    """A sample of a block, or all of a short one, coded in the ways that ``prior`` allows: the best, which the block
    is to be coded in, and the best without the prior, if that is another."""
    sample = raw if len(raw) <= SAMPLE else _sample(raw)
    sample_lanes = lanes and max(1, lanes * len(sample) // len(raw))
    codings = [Coding(sample, model, way, sample_lanes, threads) for way in _ways(raw, model, prior)]
    without = sorted((coding for coding in codings if not coding.way.prior), key=attrgetter("bits"))[:1]
    if not codings[-1].way.prior:
        return without
    if not without:
        return codings
    doublings = (len(raw) // len(sample)).bit_length()
    profile_gain = codings[0].bits / without[0].bits if doublings > 1 else 1.0
    pays = codings[-1].bits * profile_gain <= (1 - LEAST_GAIN * doublings) * without[0].bits
    return [codings[-1], *without] if pays else without


def _sample(raw: bytes) -> bytes:
    """Four parts of a block, SAMPLE bytes together, evenly spread."""
    size = SAMPLE // 4
    starts = [(len(raw) - size) * part // 3 for part in range(4)]
    return b"".join(raw[start : start + size] for start in starts)


def transformed(raw: bytes) -> tuple[int, bytes]:
    """Which transform suits a block, and what it makes of it."""
    from likezip.blocks import x86_transform

    return (
        (block_header.X86, x86_transform.to_absolute(raw))
        if x86_transform.is_code(raw)
        else (block_header.UNCHANGED, raw)
    )


def encode_block(
    raw: bytes,
    model: Model,
    *,
    lanes: int | None = None,
    prior: PriorChoice = "auto",
    threads: int = 1,
    advance: Advance | None = None,
) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block of at least one byte; stored if coding would not make it smaller.

    threads: how many may share the prior's work; the bytes are the same.  advance: told of the bytes coded meanwhile.
    Raises UnsupportedError if the prior is to be on and the model has none.
    """
    transform, converted = transformed(raw)
    coding = best_coding(converted, model, lanes, prior, threads, advance)
    payload = raw if coding is None else coding.payload()
    crc = block_header.checksum(raw)
    if coding is None or len(payload) >= len(raw):
        return BlockHeader.stored(len(raw), crc), raw
    way = coding.way
    mode = block_header.MEMORY_PRIOR if way.prior else block_header.MEMORY
    modelled = coding.shape.lanes, transform, way.profile, way.row_length, coding.shape.table_bits
    return BlockHeader(mode, *modelled, len(raw), len(payload), crc), payload


def decode_block(
    header: BlockHeader, payload: bytes, model: Model, *, threads: int = 1, advance: Advance | None = None
) -> bytes:
    """The raw bytes of a block; ``threads`` may share the prior's work, ``advance`` is told of the bytes decoded.

    Raises CorruptError if they don't fit the checksum, UnsupportedError for a prior that the model does not have.
    """
    raw = payload if header.mode == block_header.STORED else _decode(header, payload, model, threads, advance)
    if block_header.checksum(raw) != header.raw_crc:
        raise CorruptError("the block's checksum does not fit its bytes")
    return raw


def _decode(header: BlockHeader, payload: bytes, model: Model, threads: int, advance: Advance | None) -> bytes:
    from likezip.blocks import x86_transform
    from likezip.blocks.coder import Decoder

    prior = header.mode == block_header.MEMORY_PRIOR
    if prior and not model.has_prior():
        raise UnsupportedError(f"the block was written with a prior, which {model.path} does not have")
    words = block_header.unpadded(payload, header.raw_size)
    if not words:  # every bit of them is a zero, whatever is expected: no block costs hours whose file is nothing
        if advance is not None:
            advance(header.raw_size)
        return bytes(header.raw_size)
    decoder, way = Decoder(words), Way(header.profile, header.row_length, prior)
    shape = way.shape(header.raw_size, header.lanes, header.table_bits)
    with open_predictor(shape, model, prior=prior, threads=threads) as block:
        block.follow(decoder, advance)
    decoder.finish()
    converted: bytes = block.raw.tobytes()
    return x86_transform.to_relative(converted) if header.transform == block_header.X86 else converted


def draw(
    size: int,
    decoder: Decoder,
    model: Model,
    *,
    prompt: bytes = b"",
    prior: PriorChoice = "auto",
    threads: int = 1,
    advance: Advance | None = None,
) -> bytes:
    """``size`` bytes, at least one, that ``decoder``'s words mean behind ``prompt``, in one lane.

    They are coded as the prompt is best coded; without one by the profile of text, and with the prior if there is one.
    """
    import numpy as np

    from likezip.blocks import x86_transform

    transform, known = transformed(prompt)
    if prompt:
        way = sampled_codings(known, model, 1, prior, threads)[0].way
    else:
        way = (
            _prior_way(model) if prior == "on" or (prior == "auto" and model.has_prior()) else Way(block_header.TEXT, 0)
        )
    shape = way.shape(len(prompt) + size, 1)
    with open_predictor(shape, model, prior=way.prior, threads=threads) as block:
        if prompt:
            block.run(np.frombuffer(known, np.uint8))
        block.follow(decoder, advance)
    converted: bytes = block.raw.tobytes()
    return (x86_transform.to_relative(converted) if transform == block_header.X86 else converted)[len(prompt) :]


def cross_entropy(raw: bytes, model: Model, *, lanes: int | None = None, prior: PriorChoice = "auto") -> float:
    """Bits: the sum of -log2 P over exactly the probabilities that a block of these bytes is coded with; 8 for each
    byte of noise, which is stored."""
    coding = best_coding(transformed(raw)[1], model, lanes, prior)
    return 8.0 * len(raw) if coding is None else coding.bits
