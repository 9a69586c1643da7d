"""Pieces of long blocks: coded one after the other, each with words and a checksum of its own."""

from __future__ import annotations

import io
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
import reference_decoder
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from roundtrip import flipped

import likezip
from likezip.blocks import block_header, code_words, codec, coding, x86_transform
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.coding import BlockCoding, BlockMode
from likezip.blocks.entropy_coder import Decoder
from likezip.blocks.fields import pack_number
from likezip.blocks.options import CodingOptions
from likezip.blocks.predictor import Predictor, pieces_of
from likezip.errors import CorruptError
from likezip.frames.container import FrameHeader
from likezip.model import default_model

LEAST = block_header.MIN_PIECE_BITS
TEXT = BlockMode(block_header.TEXT_PROFILE, 0)
ORDER_ZERO = BlockMode(block_header.TEXT_PROFILE, 0, order_zero=True)
RECORDS, CODE = BlockMode(block_header.RECORDS_PROFILE, 7), BlockMode(block_header.CODE_PROFILE, 0)
PRIOR = BlockMode(block_header.TEXT_PROFILE, 0, prior=True)

LINES = b"".join(b"%d: %x is the square of %d\n" % (i, i * i, i) for i in range(1000))
CALLS = b"".join(b"\x90" * (i % 3) + b"\xe8" + (90_000 - 7 * i).to_bytes(4, "little") + b"\xc3" for i in range(600))
ALIKE = b"the same line again and again\n" * 90
"""Of three pieces of the least size in one lane, and few code words."""

Block = tuple[BlockHeader, bytes]


def options(lanes: int, piece_bits: int = LEAST, threads: int = 1) -> CodingOptions:
    return CodingOptions(default_model(), lanes=lanes, threads=threads, piece_bits=piece_bits)


def coded(raw: bytes, chosen: CodingOptions, mode: BlockMode, transform: int = 0, primer: bytes = b"") -> BlockCoding:
    change = x86_transform.to_absolute if transform else bytes
    learnt = change(primer) if primer else b""
    return BlockCoding(change(raw), chosen, mode, raw=raw, primer=learnt, keep_costs=True)


def block(raw: bytes, chosen: CodingOptions, mode: BlockMode, transform: int = 0, primer: bytes = b"") -> Block:
    """The header and payload of a block that is coded in this way."""
    coding_of_it = coded(raw, chosen, mode, transform, primer)
    shape, payload = coding_of_it.shape, coding_of_it.payload()
    modelled = mode.number, shape.lanes, transform, mode.profile, mode.row_length, shape.table_bits
    sizes = len(raw), len(payload), None, 0
    return BlockHeader(*modelled, *sizes, primed=bool(primer), piece_bits=shape.piece_bits), payload


def pieces(header: BlockHeader, raw: bytes) -> list[bytes]:
    """The pieces of the block ``raw``, several."""
    ends = pieces_of(header.coded_size, header.lanes, header.piece_bits)
    assert len(ends) > 1
    return [raw[begin:end] for begin, end in ends]


def decoded(header: BlockHeader, payload: bytes, **others: Any) -> tuple[list[bytes], bool]:
    """The pieces that come out, and whether all do."""
    found = list[bytes]()
    try:
        for piece in codec.decode_pieces(header, payload, default_model(), **others):
            found.append(piece)
    except CorruptError:
        return found, False
    return found, True


# Where they are.


@given(
    st.integers(1, 1 << 14) | st.integers(1, 1 << 22),
    st.integers(0, 4) | st.integers(1, block_header.MAX_LANES),
    st.integers(LEAST, 13) | st.integers(LEAST, block_header.MAX_PIECE_BITS),
)
def test_pieces_follow_one_another_and_are_as_long_as_lanes_allow(size: int, lanes: int, bits: int) -> None:
    found = pieces_of(size, lanes, bits)
    assert found[0][0] == 0 and found[-1][1] == size
    assert all(one[1] == other[0] for one, other in pairwise(found))
    header = {"lanes": lanes, "piece_bits": bits, "coded": size}
    assert [end for _, end in found] == reference_decoder.ends_of_pieces(header)
    *sizes, last = [end - begin for begin, end in found]
    lanes = max(lanes, 1)
    whole = next(part for part in range(1 << bits, 0, -1) if part % lanes == 0)
    assert set(sizes) <= {whole}
    assert whole // 2 <= last or not sizes
    assert last < whole + whole // 2


def test_usual_blocks_are_of_one_piece_or_of_mebibytes() -> None:
    assert pieces_of(1 << 20, 8, block_header.PIECE_BITS) == [(0, 1 << 20)]
    assert pieces_of(4 << 20, 8, block_header.PIECE_BITS) == [(i << 20, (i + 1) << 20) for i in range(4)]
    assert pieces_of(3 << 19, 3, block_header.PIECE_BITS) == [(0, (1 << 20) - 1), ((1 << 20) - 1, 3 << 19)]
    assert pieces_of(5, 8, LEAST) == [(0, 5)]


# There and back.


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([LINES, CALLS, ALIKE, bytes(9000), b"ab" * 4000]),
    st.lists(st.integers(0, 255), max_size=50).map(bytes),
    st.integers(1536, 5000),
    st.sampled_from([1, 1, 2, 3, 7, 64, 341, 513, 600, 1000, 1024]),
    st.sampled_from([LEAST, LEAST, LEAST + 1]),
    st.sampled_from([TEXT, RECORDS, CODE]),
    st.integers(0, 1),
    st.sampled_from([0, 1, 700]),
)
def test_there_and_back(
    some: bytes, more: bytes, size: int, lanes: int, bits: int, mode: BlockMode, transform: int, primer: int
) -> None:
    raw = (some[: size // 2] + more + some)[:size]
    lanes = 1 if primer else lanes
    header, payload = block(raw, options(lanes, bits), mode, transform, some[:primer])
    wanted = [raw[begin:end] for begin, end in pieces_of(size, lanes, bits)]
    assert decoded(header, payload, primer=some[:primer]) == (wanted, True)


@pytest.mark.parametrize(("lanes", "size"), [(1, 2700), (2, 2700), (5, 1600), (513, 769), (600, 910)])
def test_there_and_back_with_the_prior(lanes: int, size: int) -> None:
    """The last are of pieces in which some lanes have no byte."""
    raw = (LINES[:900] + LINES)[:size]
    header, payload = block(raw, options(lanes), PRIOR)
    assert decoded(header, payload) == (pieces(header, raw), True)


@pytest.mark.parametrize("transform", [block_header.UNCHANGED, block_header.X86])
@pytest.mark.parametrize("size", [1, 1535, 1536, 3300])
def test_there_and_back_at_order_zero(size: int, transform: int) -> None:
    header, payload = block(CALLS[:size], options(1), ORDER_ZERO, transform)
    assert (header.lanes, header.table_bits) == (0, 0)
    wanted = [CALLS[begin:end] for begin, end in pieces_of(size, 0, LEAST)]
    assert decoded(header, payload) == (wanted, True)
    found, whole = decoded(header, flipped(payload, len(payload) - 2))
    assert not whole and found in (wanted[:-1], wanted[: -1 - transform])  # an operand at the end of a piece needs more


@pytest.mark.parametrize("lanes", [1, 3])
def test_threads_change_nothing(lanes: int) -> None:
    raw = LINES[:2000]
    header, payload = block(raw, options(lanes), PRIOR)
    assert block(raw, options(lanes, threads=2), PRIOR) == (header, payload)
    assert decoded(header, payload, threads=2) == (pieces(header, raw), True)


@pytest.mark.parametrize("lanes", [1, 3, 600])
def test_encoder_and_decoder_have_learnt_the_same(lanes: int) -> None:
    raw, chosen = LINES[:2900], options(lanes)
    coding_of_it, content = coded(raw, chosen, TEXT), np.frombuffer(raw, np.uint8)
    ends = pieces_of(len(raw), lanes, LEAST)
    words = code_words.unpack_words(coding_of_it.payload(), len(raw), len(ends))
    with (
        coding.open_predictor(coding_of_it.shape, chosen, prior=False) as encoder,
        coding.open_predictor(coding_of_it.shape, chosen, prior=False) as decoder,
    ):
        for (_, end), words_of_piece in zip(ends, words, strict=True):
            encoder.run(content[:end])
            decoder.follow(Decoder(words_of_piece), end=end)
            assert np.array_equal(decoder.raw[:end], content[:end])
            for name in ("table", "positions", "maps", "weights", "top", "apms", "registers", "ones", "piece"):
                assert np.array_equal(getattr(encoder.state, name), getattr(decoder.state, name)), name
            for ours, theirs in zip(encoder.state.correction, decoder.state.correction, strict=True):
                assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("mode", [TEXT, PRIOR])
def test_one_lane_predicts_as_if_there_were_no_pieces(mode: BlockMode) -> None:
    raw = LINES[:2600]
    assert np.array_equal(
        coded(raw, options(1), mode).byte_costs(), coded(raw, options(1, block_header.PIECE_BITS), mode).byte_costs()
    )


@pytest.mark.parametrize("mode", [TEXT, PRIOR])
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_piece_does_not_depend_on_what_is_behind_it(lanes: int, mode: BlockMode) -> None:
    first = 1024 // lanes * lanes
    one, other = LINES[:1600], LINES[:first] + ALIKE[: 1600 - first]
    payloads = [block(raw, options(lanes), mode)[1] for raw in (one, other)]
    begins = [pack_number(len(words)) + words for words in (_first_words(payload) for payload in payloads)]
    assert begins[0] == begins[1] and payloads[0] != payloads[1]


def _first_words(payload: bytes) -> bytes:
    size, at = reference_decoder.read_number(payload, 0)
    return payload[at : at + size]


def test_what_was_learnt_is_kept() -> None:
    """Lines that come again in another piece, and in another lane, cost next to nothing."""
    raw = LINES[:1000] * 4
    for lanes in (1, 4):
        coding_of_it = coded(raw, options(lanes), TEXT)
        costs = coding_of_it.byte_costs()
        assert costs[:1000].sum() > 4 * costs[2100:3100].sum()


@pytest.mark.parametrize("mode", [TEXT, CODE, PRIOR, ORDER_ZERO])
@pytest.mark.parametrize("lanes", [1, 3])
def test_costs_of_bytes_add_up(lanes: int, mode: BlockMode) -> None:
    raw = LINES[:2700]
    coding_of_it = coded(raw, options(lanes), mode)
    costs = coding_of_it.byte_costs()
    assert costs.shape == (2700,)
    assert costs.sum() == coding_of_it.bits
    pieces_at = pieces_of(2700, coding_of_it.shape.lanes, LEAST)
    words = code_words.unpack_words(coding_of_it.payload(), 2700, len(pieces_at))
    for (begin, end), words_of_piece in zip(pieces_at, words, strict=True):
        assert 0 <= len(words_of_piece) - costs[begin:end].sum() / 8 - 4 < 5  # a whole word is the coarsest


# One after the other.


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The ends of the pieces that were decoded."""
    ends, follow = list[int | None](), Predictor.follow

    def noted(predictor: Predictor, decoder: Decoder, advance: Any = None, end: int | None = None) -> None:
        ends.append(end)
        follow(predictor, decoder, advance, end)

    monkeypatch.setattr(Predictor, "follow", noted)
    return ends


@pytest.mark.parametrize(("transform", "ahead"), [(block_header.UNCHANGED, 0), (block_header.X86, 1)])
@pytest.mark.parametrize("lanes", [1, 2])
def test_a_piece_is_given_before_the_next_is_decoded(
    lanes: int, transform: int, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the transform once the next is there, as an operand may end in it."""
    header, payload = block(CALLS[:3300], options(lanes), CODE, transform)
    parts, ends = pieces(header, CALLS[:3300]), counted(monkeypatch)
    coming = codec.decode_pieces(header, payload, default_model())
    assert len(parts) == 3 and ends == []
    for number, part in enumerate(parts, 1):
        assert next(coming) == part
        assert len(ends) == min(number + ahead, 3)
    assert next(coming, None) is None


@pytest.mark.parametrize("transform", [block_header.UNCHANGED, block_header.X86])
@pytest.mark.parametrize("lanes", [1, 2])
def test_what_is_before_a_damaged_piece_comes_out(lanes: int, transform: int) -> None:
    header, payload = block(CALLS[:3300], options(lanes), CODE, transform)
    parts, at = pieces(header, CALLS[:3300]), 0
    for number in range(2):
        size, at = reference_decoder.read_number(payload, at)
        assert decoded(header, flipped(payload, at + 1)) == (parts[:number], False)
        at += size
    assert decoded(header, flipped(payload, at + 1)) == (parts[:2], False)


def test_words_of_other_pieces_do_not_fit() -> None:
    header, payload = block(ALIKE, options(1), TEXT)
    words = code_words.unpack_words(payload, len(ALIKE), 3)
    for order in [(1, 0, 2), (0, 2, 1), (2, 1, 0), (0, 0, 2), (0, 1, 1), (1, 1, 2)]:
        damaged = code_words.pack_words([words[number] for number in order], len(ALIKE))
        found, whole = decoded(header, damaged)
        assert not whole and len(found) <= (0 if order[0] else 1 if order[1] != 1 else 2)
        assert b"".join(found) == ALIKE[: len(b"".join(found))]


@pytest.mark.parametrize(("lanes", "transform"), [(1, block_header.UNCHANGED), (2, block_header.X86)])
def test_no_damage_of_a_payload_gives_wrong_bytes(lanes: int, transform: int) -> None:
    header, payload = block(ALIKE, options(lanes), TEXT, transform)
    parts, tried = pieces(header, ALIKE), 0
    damages = [flipped(payload, place) for place in range(len(payload))]
    damages += [bytes([*payload[:place], payload[place] ^ 1, *payload[place + 1 :]]) for place in range(len(payload))]
    damages += [payload[:size] for size in range(len(payload))]
    damages += [payload[:place] + payload[place + 1 :] for place in range(len(payload))]
    damages += [payload[:place] + b"\0" + payload[place:] for place in range(len(payload) + 1)]
    for damaged in set(damages) - {payload}:
        found, whole = decoded(header, damaged)
        assert not whole and found == parts[: len(found)]
        tried += 1
    assert tried > 4 * len(payload) - 10


def test_another_number_of_piece_bits_is_refused() -> None:
    """What is decoded is verified, whatever the header says."""
    header, payload = block(ALIKE, options(1), TEXT)
    for bits in (LEAST + 1, block_header.PIECE_BITS):
        other = BlockHeader(*_modelled(header), len(ALIKE), len(payload), None, piece_bits=bits)
        assert decoded(other, payload) == ([], False)


def _modelled(header: BlockHeader) -> tuple[int, int, int, int, int, int]:
    return header.mode, header.lanes, header.transform, header.profile, header.row_length, header.table_bits


def framed(header: BlockHeader, payload: bytes) -> bytes:
    """A frame of this block."""
    start = FrameHeader.of(None, default_model().id)
    return start.packed + header.pack(start.sealing(0)) + payload


@pytest.mark.parametrize("mode", [TEXT, PRIOR])
def test_a_stream_gives_each_piece_and_nothing_of_a_damaged_one(mode: BlockMode) -> None:
    raw = LINES[:1600]
    header, payload = block(raw, options(2), mode)
    frame, parts = framed(header, payload), pieces(header, raw)
    assert likezip.decompress(frame) == raw
    for damaged, wanted in (
        (flipped(frame, len(frame) - 2), parts[0]),
        (flipped(frame, len(frame) - len(payload)), b""),
    ):
        sink = io.BytesIO()
        with pytest.raises(CorruptError, match="block 0: "):
            likezip.decompress_stream(io.BytesIO(damaged), sink, threads=1)
        assert sink.getvalue() == wanted
        with pytest.raises(CorruptError, match="block 0: "):
            likezip.decompress(damaged)
        with pytest.raises(CorruptError, match="block 0: "):
            likezip.LikezipDecompressor().decompress(damaged)


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_frame_is_read_in_every_way(lanes: int) -> None:
    raw = CALLS[:2500]
    frame = framed(*block(raw, options(lanes), CODE, block_header.X86))
    decompressor = likezip.LikezipDecompressor()
    assert b"".join(decompressor.decompress(frame[place : place + 1]) for place in range(len(frame))) == raw
    assert decompressor.eof
    with likezip.open(io.BytesIO(frame)) as file:
        file.seek(1500)
        assert file.read(20) == raw[1500:1520]
        file.seek(0)
        assert file.read() == raw


@pytest.mark.parametrize("bits", [LEAST - 1, block_header.MAX_PIECE_BITS + 1])
def test_impossible_piece_bits(bits: int) -> None:
    with pytest.raises(ValueError, match="piece_bits must be 10 to 30"):
        options(1, bits)


# The transform, undone piece by piece.


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([0xE8, 0xE9, 0x00, 0xFF, 0x7F, 0x01]) | st.integers(0, 255), max_size=60).map(bytes),
    st.lists(st.integers(x86_transform.OPERAND, 12), max_size=8),
)
def test_the_transform_is_undone_in_pieces_of_any_size(raw: bytes, sizes: list[int]) -> None:
    code = x86_transform.to_absolute(raw)
    cuts = [place for place in accumulate([0, *sizes]) if place <= len(code)]
    parts = [code[begin:end] for begin, end in pairwise([*cuts, len(code)])]
    found = list(x86_transform.to_relative(iter(parts)))
    assert b"".join(found) == reference_decoder.relative(code) == raw
    assert [len(part) for part in found if part] == [len(part) for part in parts if part]


def test_an_operand_in_two_pieces_becomes_what_it_was() -> None:
    """A cut at each of its places."""
    raw = b"\x90" * 20 + b"\xe8\x10\x20\x30\x00" + b"\x90" * 20
    code = x86_transform.to_absolute(raw)
    assert code[20:25] == b"\xe8\x29\x20\x30\x00"
    for cut in range(4, 45):
        assert b"".join(x86_transform.to_relative([code[:cut], code[cut:]])) == raw


# Their words in the payload.

WORDS = st.lists(st.sampled_from([b"\0", b"\1", b"\5", b"xyz"]) | st.binary(max_size=90), max_size=4).map(b"".join)


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(1, 40 << block_header.PADDED_SHIFT))
def test_words_there_and_back(words: list[bytes], raw_size: int) -> None:
    words = [each.rstrip(b"\0") for each in words]
    words = [each + bytes(-len(each) % 4) for each in words]
    payload = code_words.pack_words(words, raw_size)
    assert len(payload) >= block_header.least_payload(raw_size)
    assert code_words.unpack_words(payload, raw_size, len(words)) == words


@settings(max_examples=500)
@given(WORDS, st.integers(1, 5), st.integers(0, 3))
def test_there_is_one_payload_for_words(payload: bytes, pieces: int, least: int) -> None:
    """What is not refused is written in the same way."""
    raw_size = max(1, least << block_header.PADDED_SHIFT)
    assume(len(payload) >= 4 * least)
    try:
        words = code_words.unpack_words(payload, raw_size, pieces)
    except CorruptError:
        return
    assert len(words) == pieces and all(len(each) % 4 == 0 for each in words)
    assert code_words.pack_words(words, raw_size) == payload


@pytest.mark.parametrize(
    ("payload", "least", "message"),
    [
        (b"", 0, "cut off"),
        (b"\x01", 0, "cut off"),  # of a number of two bytes
        (pack_number(3) + b"ab", 0, "cut off"),
        (pack_number(2) + b"ab" + pack_number(3) + b"ab", 0, "cut off"),
        (pack_number((1 << 30) - 1) + b"ab", 0, "cut off"),
        (b"\x09\0ab\0\0", 0, "longer than it has to be"),  # 2 in two bytes
        (b"\x0b\0\0\0ab\x04c", 0, "longer than it has to be"),
        (pack_number(3) + b"ab\0" + pack_number(1) + b"cde", 0, "end in a zero"),
        (pack_number(2) + b"ab" + pack_number(3) + b"cd\0e", 0, "end in a zero"),
        (pack_number(2) + b"ab" + pack_number(1) + b"cde\0", 0, "end in a zero"),
        (pack_number(2) + b"ab" + pack_number(1) + b"cd\0\0\0", 1, "end in a zero"),  # of 4 bytes at least
        (pack_number(2) + b"a\0" + pack_number(1) + b"cde", 2, "end in a zero"),  # not the last words
    ],
)
def test_other_forms_of_three_words_are_refused(payload: bytes, least: int, message: str) -> None:
    with pytest.raises(CorruptError, match=message):
        code_words.unpack_words(payload, max(1, least << block_header.PADDED_SHIFT), 3)


def test_only_zeros_up_to_the_least_size_are_taken_off() -> None:
    raw_size = 3 << block_header.PADDED_SHIFT
    assert block_header.least_payload(raw_size) == 12
    for payload, words in [
        (bytes(12), b""),
        (b"\1" + bytes(11), b"\1\0\0\0"),
        (bytes(9) + b"\1\0\0", bytes(9) + b"\1\0\0"),
        (bytes(12) + b"\1", bytes(12) + b"\1\0\0\0"),
    ]:
        assert code_words.unpack_words(payload, raw_size, 1) == [words]
    for payload in (b"word" + bytes(12), b"word" * 3 + b"\0", bytes(13)):
        with pytest.raises(CorruptError, match="end in a zero"):
            code_words.unpack_words(payload, raw_size, 1)
    for payload in (b"\0", b"word\0", bytes(4)):
        with pytest.raises(CorruptError, match="end in a zero"):
            code_words.unpack_words(payload, 100, 1)
    assert code_words.unpack_words(b"\x04a" + bytes(10), raw_size, 2) == [b"a\0\0\0", b""]
