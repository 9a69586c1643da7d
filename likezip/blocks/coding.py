"""Decides on a sample how a block is coded; codes and decodes it.

Both directions share the predictor and the order (step, bit, lane).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from likezip.blocks import block_header, code_words, cost, entropy_coder, parts, predictor, x86_transform
from likezip.blocks.block_header import BlockHeader, Whole
from likezip.blocks.entropy_coder import Decoder
from likezip.blocks.kinds import kinds_of
from likezip.blocks.noise import repeats_nothing
from likezip.blocks.number_layouts import likely_layouts
from likezip.blocks.options import Advance, CodingOptions
from likezip.blocks.order_zero import OrderZero, compile_order_zero
from likezip.blocks.parts import Stretch
from likezip.blocks.predictor import BlockShape, Encode, Predictor, encode_stretch, pieces_of
from likezip.blocks.record_length import row_length
from likezip.errors import FormatError, UnsupportedError
from likezip.kernels import cache, compiling
from likezip.memory.number_layout import NumberLayout
from likezip.memory.profiles import ARRAYS, BESIDE_PRIOR, PROFILES, RECORDS
from likezip.memory.trained_state import TrainedState
from likezip.model import Model
from likezip.prior import parallel
from likezip.prior.network import Network

SAMPLE_SIZE = 1 << 15
"""Bytes of the sample that is coded with each profile and with the prior to find the best mode; a shorter block is its
own sample."""

ALIGNMENT = 192
"""The least common multiple of the bytes of an item of 1, 2, 3, 4, 6 or 8 numbers of any width."""

LEAST_GAIN = 0.01
"""The least share of the sample's bits that the prior must save, as it costs several times the time.

A sample shows more than the block will gain, as the memory has not learnt much after so little: 3 to 10 times as much
with eleven files of 100 KB to 1 MB.  So the share grows by as much for every doubling from the sample to the block, to
8 % at 4 MiB.  The saving of another profile than text grows with the block (from 6 to 10 % in shared objects), so it is
applied twice.
"""

CLEARLY = 2 / 3
"""If a sample costs less than CLEARLY with the prior of what it costs with the profile of text, it is text, and no
other profile is tried."""

SHORT, CHEAP, ASCII_TEXT = 256, 3.0, bytes([*b"\t\n\r", *range(0x20, 0x7F)])
"""A block of at most SHORT bytes, all of ASCII_TEXT, that costs less than CHEAP bits a byte with the prior is coded in
no other mode: that would take half as long again, and save a byte now and then."""

NEARLY = 0.01
"""The share by which a sample may be larger at order zero than the block in its best mode, for all of it to be tried at
order zero, too."""

LEAST_OF_PARTS = 0.01
"""The least share of a block's bits that it must save to code kinds of data apart, by their samples: a kind knows
nothing of the others then."""

INSTEAD = {ARRAYS.name: RECORDS.name}
"""Models without a trained state for a profile, which is newer than they are: the profile whose state is taken."""

REDUNDANT, VERY_REDUNDANT, FEWEST_LANES = 1.0, 0.35, 4
"""Bits a byte of the sample with the prior.  A block that costs less than REDUNDANT gets half the usual lanes, but at
least FEWEST_LANES: 1 MB of XML is 1.6 % smaller in 4 lanes than in 8, and takes half as long again to decode; prose
would be only 0.3 % smaller.  One that costs less than VERY_REDUNDANT gets a quarter, and one lane if 8 are usual: logs
of 200 KB are 3 to 9 % smaller than in 4 lanes, and the prior sleeps through most of them."""


def compile_block_kernels(
    announce: Callable[[], None] | None, *, prior: bool, more: dict[str, Callable[[], None]]
) -> None:
    """Compile the kernels that the cache lacks, see ``codec.prepare_kernels``."""
    wanted = {
        "predictor": predictor.compile_predictor,
        "order zero": compile_order_zero,
        "x86": x86_transform.compile_x86_transform,
        **more,
    }
    if prior:
        wanted["prior"] = parallel.compile_prior
    cache.compile_once(compiling.CACHE, wanted, announce)


@lru_cache(maxsize=2)
def network_of(model: Model) -> Network:
    """The prior's network in ``model``, its bounds checked.  Raises FormatError."""
    try:
        return Network.of(model.part("prior"))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{model.path}: the model file's prior is not what this likezip needs ({error})") from error


def trained_state_of(model: Model, part: str) -> TrainedState:
    """A copy of the trained state for a profile, by its name.  Raises FormatError."""
    return _trained_state(model, part).copy()


@lru_cache(maxsize=8)
def _trained_state(model: Model, part: str) -> TrainedState:
    tensors = model.part(part) or model.part(INSTEAD.get(part, part))
    if not tensors:
        raise FormatError(f"{model.path}: not a model of likezip, as it has no trained state for {part!r}")
    try:
        return TrainedState.of(tensors)
    except (KeyError, ValueError) as error:
        raise FormatError(f"{model.path}: the model's {part} is not what this likezip needs ({error})") from error


@contextmanager
def open_predictor(shape: BlockShape, options: CodingOptions, *, prior: bool) -> Iterator[Predictor]:
    """The predictor of a block, with the prior or without it."""
    trained = trained_state_of(options.model, shape.profile.name)
    if not prior:
        yield Predictor(shape, trained)
        return
    network = network_of(options.model)
    with parallel.open_prior(network, shape.size, shape.used_lanes, threads=options.threads) as ready:
        yield Predictor(shape, trained, ready)


@contextmanager
def open_coder(shape: BlockShape, options: CodingOptions, *, prior: bool) -> Iterator[Predictor | OrderZero]:
    """The predictor of a block, or that of order zero for one without lanes."""
    if shape.lanes == 0:
        yield OrderZero(shape.size)
    else:
        with open_predictor(shape, options, prior=prior) as opened:
            yield opened


@dataclass(frozen=True)
class BlockMode:
    """One way to code a block: a profile by its number, the length of a row, whether with the prior, and in profile
    numbers how they lie; or at order zero."""

    profile: int
    row_length: int
    prior: bool = False
    layout: NumberLayout | None = None
    order_zero: bool = False

    @property
    def number(self) -> int:
        """The mode in the block's header."""
        return block_header.MEMORY_PRIOR if self.prior else block_header.MEMORY

    def default_lanes(self, size: int) -> int:
        """The number of lanes of a block of ``size`` bytes, 0 at order zero."""
        return 0 if self.order_zero else block_header.default_lanes(size, self.number)

    def shape(
        self, size: int, lanes: int, table_bits: int | None = None, piece_bits: int = block_header.PIECE_BITS
    ) -> BlockShape:
        """The shape of a block of ``size`` bytes; ``table_bits`` None for the usual hash table."""
        profile = BESIDE_PRIOR if self.prior else PROFILES[self.profile]
        table_bits = 0 if self.order_zero else table_bits or block_header.default_table_bits(size)
        return BlockShape(size, lanes, table_bits, profile, self.row_length, piece_bits, self.layout)

    def behind(self, size: int) -> BlockMode:
        """The same mode for a block that ``size`` bytes are learnt before."""
        return replace(self, layout=self.layout.behind(size)) if self.layout else self


class BlockCoding:
    """A block coded in one mode: its probabilities and bits, of which only those of the last piece are kept."""

    def __init__(
        self,
        converted: bytes,
        options: CodingOptions,
        mode: BlockMode,
        advance: Advance | None = None,
        encode: Encode = encode_stretch,
        *,
        raw: bytes | None = None,
        primer: bytes = b"",
        keep_costs: bool = False,
    ) -> None:
        """converted: what is coded; raw: what it was before its transform, None if that is the same.

        encode: takes each stretch of the block, see ``Predictor.run``; primer: bytes that are learnt before, in one
        lane; keep_costs: whether ``byte_costs`` will be asked for.
        """
        self.mode, self.size = mode, len(converted)
        lanes = mode.default_lanes(self.size)
        if primer:
            lanes = 1
        elif options.lanes is not None and not mode.order_zero:
            lanes = min(options.lanes, block_header.MAX_LANES)
        self.shape = mode.shape(len(primer) + self.size, lanes, piece_bits=options.piece_bits)
        self._raw, self._keep_costs = converted if raw is None else raw, keep_costs
        self._words, self._bits, self._costs = list[bytes](), 0.0, list[npt.NDArray[np.float64]]()
        content, self._begin, self._end = np.frombuffer(primer + converted, np.uint8), 0, 0
        with open_coder(self.shape, options, prior=mode.prior) as opened:
            if primer:
                opened.run(content[: len(primer)], advance, encode)
            for begin, end in pieces_of(self.size, lanes, options.piece_bits):
                if begin:
                    self._leave_piece()
                self._begin, self._end = begin, end
                self.decisions = opened.run(content[: len(primer) + end], advance, encode)

    def _leave_piece(self) -> None:
        """Keep what the decisions of a piece come to, instead of them: they take 24 times as much memory as its
        bytes."""
        self._bits += cost.total_cost(*self.decisions)
        self._words.append(self._words_of_piece())
        if self._keep_costs:
            self._costs.append(self._costs_of_piece())

    def _words_of_piece(self) -> bytes:
        return entropy_coder.encode(*self.decisions, block_header.checksum(self._raw[self._begin : self._end]))

    def _costs_of_piece(self) -> npt.NDArray[np.float64]:
        return cost.cost_of_each_byte(*self.decisions, self._end - self._begin, max(1, self.shape.lanes))

    @cached_property
    def bits(self) -> float:
        """The cost of the block in bits, by its probabilities."""
        return self._bits + cost.total_cost(*self.decisions)

    def payload(self, raw_size: int | None = None) -> bytes:
        """The payload as a frame holds it; ``code_block`` stores the block if that is no longer, where it may.

        raw_size: of the block, None if it has no copies.
        """
        return code_words.pack_words([*self._words, self._words_of_piece()], raw_size or self.size)

    def byte_costs(self) -> npt.NDArray[np.float64]:
        """The cost of each byte, (size,) bits."""
        return np.concatenate([*self._costs, self._costs_of_piece()])


def _modes(raw: bytes, options: CodingOptions) -> list[BlockMode]:
    """The modes that ``options`` allow for a block, that of text first and the prior last."""
    modes = _modes_of_text(options)
    return modes if options.prior == "on" else [modes[0], *_modes_of_data(raw), *modes[1:]]


def _modes_of_text(options: CodingOptions) -> list[BlockMode]:
    """The modes that ``options`` allow for any block: the profile of text, and the prior."""
    if options.prior == "on":
        return [prior_mode(options.model)]
    text = BlockMode(block_header.TEXT_PROFILE, 0)
    return [text, replace(text, prior=True)] if options.may_use_prior else [text]


def _modes_of_data(raw: bytes) -> list[BlockMode]:
    """The modes without the prior that depend on what rows a block has, and on how numbers lie in it."""
    rows = row_length(raw)
    modes = [BlockMode(block_header.RECORDS_PROFILE, rows), BlockMode(block_header.CODE_PROFILE, rows)]
    numbers = block_header.NUMBERS_PROFILE
    return modes + [BlockMode(numbers, row, layout=layout) for layout, row in likely_layouts(raw, rows)]


def prior_mode(model: Model) -> BlockMode:
    """The mode with the prior; raises UnsupportedError if the model has none."""
    if not model.has_prior():
        raise UnsupportedError(f"{model.path}: the model has no prior")
    return BlockMode(block_header.TEXT_PROFILE, 0, prior=True)


def best_coding(
    converted: bytes,
    options: CodingOptions,
    advance: Advance | None = None,
    encode: Encode = encode_stretch,
    *,
    raw: bytes | None = None,
    sampled: BlockCoding | None = None,
    keep_costs: bool = False,
) -> BlockCoding | None:
    """Code a block in the best mode that ``options`` allow; None for noise: a sample gets no smaller in any mode, and
    the block repeats nothing.  sampled: the best coding of a sample, if that is known; raw, keep_costs: see
    ``BlockCoding``.  A block is not coded at order zero if another ``encode`` is to see how it is predicted."""
    coding = _best_predicted(converted, options, advance, encode, raw, sampled, keep_costs)
    if coding is None or options.prior == "on" or encode is not encode_stretch:
        return coding
    sample = _sample_of(converted)
    at_order_zero = cost.total_cost(*OrderZero(len(sample)).run(np.frombuffer(sample, np.uint8)))
    if at_order_zero / len(sample) > (1 + NEARLY) * coding.bits / coding.size:
        return coding
    mode = BlockMode(block_header.TEXT_PROFILE, 0, order_zero=True)
    return min(coding, BlockCoding(converted, options, mode, raw=raw, keep_costs=keep_costs), key=attrgetter("bits"))


def _best_predicted(
    converted: bytes,
    options: CodingOptions,
    advance: Advance | None,
    encode: Encode,
    raw: bytes | None,
    sampled: BlockCoding | None,
    keep_costs: bool,
) -> BlockCoding | None:
    """``best_coding`` but for order zero."""

    def coding_in(mode: BlockMode, lanes: int | None) -> BlockCoding:
        given = replace(options, lanes=lanes)
        return BlockCoding(converted, given, mode, advance, encode, raw=raw, keep_costs=keep_costs)

    if options.effort == "best":
        best = _smallest_coding(converted, options, advance, raw, keep_costs)
        if is_noise(converted, best):
            return None
        return best if encode is encode_stretch else coding_in(best.mode, best.shape.lanes)
    best = sampled or sampled_codings(converted, options, raw)[0]
    if best.size == len(converted):
        return best if encode is encode_stretch else coding_in(best.mode, options.lanes)
    if is_noise(converted, best):
        return None
    if options.lanes is None and best.mode.prior:
        return coding_in(best.mode, _lanes(best.mode.default_lanes(len(converted)), best.bits / best.size))
    return coding_in(best.mode, options.lanes)


def _lanes(usual: int, rate: float) -> int:
    """The lanes of a block that usually has so many, of which a sample has ``rate`` bits a byte with the prior."""
    if rate < VERY_REDUNDANT:
        return 1 if usual <= 8 else usual // 4
    if rate < REDUNDANT:
        return min(usual, max(FEWEST_LANES, usual // 2))
    return usual


def _smallest_coding(
    converted: bytes, options: CodingOptions, advance: Advance | None, raw: bytes | None, keep_costs: bool
) -> BlockCoding:
    """Code all of a block in every mode, in one lane unless ``options`` say how many; the smallest coding."""
    modes, options = _modes(converted, options), replace(options, lanes=options.lanes or 1)
    heard = advance and _a_share_of(advance, len(modes))
    codings = (BlockCoding(converted, options, mode, heard, raw=raw, keep_costs=keep_costs) for mode in modes)
    return min(codings, key=attrgetter("bits"))


def _a_share_of(advance: Advance, parts: int) -> Advance:
    """A function that calls ``advance`` with the number of bytes that it was called with, divided by ``parts``."""
    heard = 0

    def advance_by_a_share(size: int) -> None:
        nonlocal heard
        before, heard = heard, heard + size
        advance(heard // parts - before // parts)

    return advance_by_a_share


def is_noise(raw: bytes, sampled: BlockCoding) -> bool:
    """Whether a block is noise, which is stored without being coded; sampled: the best coding of its sample."""
    return sampled.bits >= 8 * sampled.size and repeats_nothing(raw)


def sampled_codings(converted: bytes, options: CodingOptions, raw: bytes | None = None) -> list[BlockCoding]:
    """A sample of a block, or all of a short one, coded in the modes that ``options`` allow: first in the best mode,
    which the block is to be coded in, then in the best mode without the prior, if that is another; raw: see
    ``BlockCoding``."""
    return _best_first(_codings_of_sample(converted, options, raw), len(converted))


def profile_mode(raw: bytes, options: CodingOptions) -> BlockMode:
    """The best mode without the prior, by a sample, for bytes that are no block; not as numbers, whose places count."""
    codings = _codings_of_sample(raw, replace(options, prior="off"))
    return min((coding for coding in codings if coding.mode.layout is None), key=attrgetter("bits")).mode


def _best_first(codings: list[BlockCoding], size: int) -> list[BlockCoding]:
    """``sampled_codings`` of a block of ``size`` bytes from all codings of its sample."""
    without = sorted((coding for coding in codings if not coding.mode.prior), key=attrgetter("bits"))[:1]
    if not codings[-1].mode.prior:
        return without
    if not without:
        return codings
    doublings = (size // codings[0].size).bit_length()
    profile_gain = codings[0].bits / without[0].bits if doublings > 1 else 1.0
    pays = codings[-1].bits * profile_gain <= (1 - LEAST_GAIN * doublings) * without[0].bits
    return [codings[-1], *without] if pays else without


def _codings_of_sample(converted: bytes, options: CodingOptions, raw: bytes | None = None) -> list[BlockCoding]:
    """A sample of a block coded in the modes that ``options`` allow, as ``_modes``; only in those of text, if the prior
    costs less than CLEARLY of what the profile of text costs: then rows and layouts are not looked for."""
    sample, options = _sample(converted, options)
    whole = raw if len(sample) == len(converted) else None
    *without, last = _modes_of_text(options)
    of_text = BlockCoding(sample, options, last, raw=whole)
    short = len(sample) <= SHORT and not sample.translate(None, ASCII_TEXT)
    if short and last.prior and of_text.bits < CHEAP * len(sample):
        return [of_text]
    codings = [*(BlockCoding(sample, options, mode, raw=whole) for mode in without), of_text]
    if options.prior == "on" or (codings[-1].mode.prior and codings[-1].bits < CLEARLY * codings[0].bits):
        return codings
    others = [BlockCoding(sample, options, mode, raw=whole) for mode in _modes_of_data(converted)]
    return [codings[0], *others, *codings[1:]]


def _sample(raw: bytes, options: CodingOptions) -> tuple[bytes, CodingOptions]:
    """A sample of a block, and the options that it is to be coded with."""
    lanes = options.lanes and max(1, options.lanes * min(SAMPLE_SIZE, len(raw)) // len(raw))
    return _sample_of(raw), replace(options, lanes=lanes)


def _sample_of(raw: bytes) -> bytes:
    """All of a short block, or four parts of a longer one, SAMPLE_SIZE bytes together, about evenly spread.  The places
    of bytes in it are those in the block, modulo ALIGNMENT."""
    if len(raw) <= SAMPLE_SIZE:
        return raw
    size = SAMPLE_SIZE // 4
    even = [(len(raw) - size) * part // 3 for part in range(4)]
    starts = [start - (start - size * part) % ALIGNMENT for part, start in enumerate(even)]
    return b"".join(raw[start : start + size] for start in starts)


def transformed(raw: bytes) -> tuple[int, bytes]:
    """The number of the transform that suits a block, and the bytes that it makes of the block."""
    transform = block_header.X86 if x86_transform.is_code(raw) else block_header.UNCHANGED
    return transform, _changed(raw, transform)


class CodedBlock(NamedTuple):
    """A block as it is in a frame, or a part of one.

    transformed: the bytes that were coded, those of the block itself if it is stored; coding: None if it is stored.
    """

    header: BlockHeader
    payload: bytes
    transformed: bytes
    coding: BlockCoding | None

    def byte_costs(self) -> npt.NDArray[np.float64]:
        """The cost of each byte, (size,) bits."""
        return np.full(len(self.transformed), 8.0) if self.coding is None else self.coding.byte_costs()


class Plan(NamedTuple):
    """How a block is coded: its stretches, and for each part the best coding of a sample of it, None if there is only
    one part, of which no sample was coded."""

    stretches: list[Stretch]
    sampled: list[BlockCoding | None]

    def code(
        self, raw: bytes, options: CodingOptions, advance: Advance | None = None, *, keep_costs: bool = False
    ) -> list[CodedBlock]:
        """Each part of the block ``raw``, coded, as ``code_block``."""
        return [
            code_block(content, options, advance, sampled=known, keep_costs=keep_costs)
            for content, known in self.parts_of(raw)
        ]

    def joined(self, of_parts: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """What belongs to each byte of the block, (size, ...), from what belongs to those of each part."""
        return np.concatenate(list(parts.pieces(of_parts, self.stretches)))

    def parts_of(self, raw: bytes) -> Iterator[tuple[bytes, BlockCoding | None]]:
        """The bytes of each part of the block ``raw``, and what is known of it."""
        for number, known in enumerate(self.sampled):
            yield parts.bytes_of_part(raw, self.stretches, number), known


def plan(raw: bytes, options: CodingOptions) -> Plan:
    """The parts that a block is to be coded in: kinds of data that want the same mode are one part; and all of them
    are, if samples of the kinds cost nearly as little in the mode that is the best for all."""
    kinds = kinds_of(raw)
    if len(kinds) == 1:
        return Plan(kinds, [None])
    usual = sampled_codings(transformed(raw)[1], options, raw)[0]
    costs = saved = 0.0
    chosen, part_of = dict[BlockMode | None, BlockCoding | None](), list[int]()
    for kind in range(1 + max(stretch.part for stretch in kinds)):
        part = parts.bytes_of_part(raw, kinds, kind)
        content = transformed(part)[1]
        codings = _codings_of_sample(content, options, part)
        best = _best_first(codings, len(content))[0]
        mode = None if is_noise(content, best) else best.mode
        share = len(content) / best.size
        costs += share * best.bits
        if mode != usual.mode:
            tried = [coding for coding in codings if coding.mode == usual.mode]
            as_usual = tried[0] if tried else BlockCoding(*_sample(content, options), usual.mode)
            saved += share * (as_usual.bits - best.bits)
        chosen.setdefault(mode, best)
        part_of.append(list(chosen).index(mode))
    if len(chosen) == 1 or saved < LEAST_OF_PARTS * costs:
        return Plan([Stretch(0, 0, len(raw))], [usual])
    return Plan(_merged(kinds, part_of), list(chosen.values()))


def _merged(kinds: list[Stretch], part_of: list[int]) -> list[Stretch]:
    """The stretches of parts from those of kinds, of which each belongs to a part."""
    stretches = list[Stretch]()
    for kind, begin, end in kinds:
        if stretches and stretches[-1].part == part_of[kind]:
            begin = stretches.pop().begin
        stretches.append(Stretch(part_of[kind], begin, end))
    return stretches


def code_block(
    coded: bytes,
    options: CodingOptions,
    advance: Advance | None = None,
    encode: Encode = encode_stretch,
    *,
    sampled: BlockCoding | None = None,
    whole: Whole | None = None,
    primer: bytes = b"",
    keep_costs: bool = False,
) -> CodedBlock:
    """Decide how a block of at least one byte, or a part of one, is coded, and whether it is stored: if coding makes it
    no smaller.

    coded: the block's bytes, or if it has copies, what ``copies.pack`` makes of them; then whole says what they were.
    sampled: the best coding of a sample of it, if that is known.
    primer: bytes that the predictor learns before; the block is then coded without the prior.
    encode: takes each stretch of the block, see ``Predictor.run``; keep_costs: whether the costs of the bytes will be
    asked for.
    Raises UnsupportedError if the prior is to be on and the model has none.
    """
    transform, converted = transformed(coded)
    coding: BlockCoding | None
    if primer:
        mode = sampled_codings(converted, replace(options, prior="off"))[0].mode.behind(len(primer))
        learnt = _changed(primer, transform)
        coding = BlockCoding(converted, options, mode, advance, encode, raw=coded, primer=learnt)
    else:
        coding = best_coding(converted, options, advance, encode, raw=coded, sampled=sampled, keep_costs=keep_costs)
    size, crc = known = whole or Whole.of(coded)
    stored = stored_block(coded, known)
    if coding is None:
        return stored
    mode, shape, payload = coding.mode, coding.shape, coding.payload(size)
    modelled = shape.lanes, transform, mode.profile, mode.row_length, shape.table_bits
    verified = (crc if whole else None), size - len(coded), bool(primer), shape.piece_bits, mode.layout
    header = BlockHeader(mode.number, *modelled, size, len(payload), *verified)
    found = CodedBlock(header, payload, converted, coding)
    return stored if stored.header.unsealed_size <= header.unsealed_size else found


def stored_block(coded: bytes, whole: Whole) -> CodedBlock:
    """A block whose payload are its coded bytes, filled up with zeros to the least size."""
    header = BlockHeader.stored(*whole, whole.size - len(coded))
    return CodedBlock(header, coded.ljust(header.payload_size, b"\0"), coded, None)


def decode_pieces(
    header: BlockHeader, payload: bytes, options: CodingOptions, advance: Advance | None, *, primer: bytes = b""
) -> Iterator[bytes | memoryview]:
    """The coded bytes of a block that is not stored, piece by piece, each once it is verified; not copied from where
    they were decoded, so all of them together take no more memory than that.

    primer: what the predictor learns before, if the block is primed.
    Raises CorruptError if the code words do not fit, UnsupportedError for a prior that the model does not have.
    """
    prior, model = header.mode == block_header.MEMORY_PRIOR, options.model
    if prior and not model.has_prior():
        raise UnsupportedError(f"the block was written with a prior, which {model.path} does not have")
    pieces = pieces_of(header.coded_size, header.lanes, header.piece_bits)
    decoders = list(map(Decoder, code_words.unpack_words(payload, header.raw_size, len(pieces))))
    mode = BlockMode(header.profile, header.row_length, prior, header.layout, header.lanes == 0)
    learnt = _changed(primer, header.transform) if header.primed else b""
    shape = mode.shape(len(learnt) + header.coded_size, header.lanes, header.table_bits, header.piece_bits)

    def decoded() -> Iterator[memoryview]:
        if learnt:
            opened.run(np.frombuffer(learnt, np.uint8))
        for (begin, end), decoder in zip(pieces, decoders, strict=True):
            opened.follow(decoder, advance, len(learnt) + end)
            yield opened.raw.data[len(learnt) + begin : len(learnt) + end]

    with open_coder(shape, options, prior=prior) as opened:
        for piece, decoder in zip(_restored(decoded(), header.transform), decoders, strict=True):
            decoder.finish(block_header.checksum(piece))
            yield piece


def _changed(raw: bytes, transform: int) -> bytes:
    """The bytes that a transform makes of others."""
    return x86_transform.to_absolute(raw) if transform == block_header.X86 else raw


def _restored(converted: Iterator[memoryview], transform: int) -> Iterator[bytes | memoryview]:
    """The pieces of a block as they were before their transform."""
    yield from x86_transform.to_relative(converted) if transform == block_header.X86 else converted


def draw_bytes(
    size: int, decoder: Decoder, options: CodingOptions, *, prompt: bytes = b"", advance: Advance | None = None
) -> bytes:
    """Decode ``size`` bytes, at least one, from ``decoder`` as a continuation of ``prompt``, in one lane.

    The mode is the best one for the prompt; without a prompt the profile of text, and the prior if there is one.
    """
    transform, converted = transformed(prompt)
    if prompt:
        mode = sampled_codings(converted, replace(options, lanes=1))[0].mode
    elif options.prior == "on" or options.may_use_prior:
        mode = prior_mode(options.model)
    else:
        mode = BlockMode(block_header.TEXT_PROFILE, 0)
    shape = mode.shape(len(prompt) + size, 1)
    with open_predictor(shape, options, prior=mode.prior) as opened:
        if prompt:
            opened.run(np.frombuffer(converted, np.uint8))
        opened.follow(decoder, advance)
    return b"".join(_restored(iter([opened.raw.data]), transform))[len(prompt) :]


def cross_entropy(raw: bytes, options: CodingOptions) -> float:
    """The sum of -log2 P, in bits, over exactly the probabilities that a block of these bytes is coded with; 8 for each
    byte of noise, which is stored."""
    cost_of_all = 0.0
    for content, known in plan(raw, options).parts_of(raw):
        coding = best_coding(transformed(content)[1], options, sampled=known)
        cost_of_all += 8.0 * len(content) if coding is None else coding.bits
    return cost_of_all
