"""Records, each coded by itself: every way gives the same codes, and the records back."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import likezip
from likezip import RecordCodec
from likezip.errors import CorruptError
from likezip.kernels.compiling import compiled
from likezip.records import byte_coder, codec, learning, units
from likezip.records.ends import EMPTY, learn_ends

FIELDS = np.random.default_rng(7).integers(0, (7, 30, 5, 200), (500, 4))  # 17.7 bits a line
LINES = [f"{a} user{b} logged in from 10.0.{c}.{d} ok\n".encode() for a, b, c, d in FIELDS]
KNOWN, NEW = LINES[:400], LINES[400:]
AWKWARD = [
    b"",
    b"\n",
    b"\0",
    b"\0" * 300,
    bytes(range(256)),
    b"no line feed",
    b"two\nlines\n",
    NEW[0] * 20,
    b"\xff" * 7,
]


@pytest.fixture(scope="module", params=["off", pytest.param("on", marks=pytest.mark.slow)])
def records(request: pytest.FixtureRequest) -> Iterator[RecordCodec]:
    yield RecordCodec(context=KNOWN, prior=request.param, threads=2)


def test_records_come_back_from_few_bytes(records: RecordCodec) -> None:
    codes = records.encode_batch(NEW)
    assert records.decode_batch(codes) == NEW
    assert 8 * sum(map(len, codes)) < 1.5 * 17.7 * len(NEW)


def test_a_batch_is_what_each_record_is_by_itself(records: RecordCodec) -> None:
    wanted = [*AWKWARD, *NEW[:40]]
    alone = [records.encode(record) for record in wanted]
    assert records.encode_batch(wanted) == alone
    assert records.encode_batch(wanted[::-1]) == alone[::-1]
    assert [records.decode(code) for code in alone] == wanted
    assert records.decode_batch(alone[::-1]) == wanted[::-1]


def test_lanes_take_the_next_code_when_a_record_ends(records: RecordCodec) -> None:
    """Records of all lengths, many more than lanes, with empty ones between them."""
    parts = np.random.default_rng(3).integers(0, 7, 150)
    wanted = [b"".join(NEW[first : first + count]) for first, count in enumerate(parts.tolist(), -60)]
    codes = records.encode_batch(wanted)
    assert records.decode_batch(codes) == wanted
    assert wanted.count(b"") > 10 and records.decode_batch(codes[:3]) == wanted[:3]
    with pytest.raises(CorruptError):
        records.decode_batch([*codes, np.random.default_rng(1).bytes(2000)])


def test_nothing_is_learnt_from_records(records: RecordCodec) -> None:
    before = records.encode(NEW[3])
    records.encode_batch(NEW * 3)
    records.decode_batch(records.encode_batch(AWKWARD))
    assert records.encode(NEW[3]) == before


def test_another_codec_of_the_same_context_reads_them() -> None:
    codes = RecordCodec(context=KNOWN, prior="off", threads=2).encode_batch(NEW)
    assert (
        RecordCodec(context=iter(KNOWN), prior="off", model=likezip.load_model("likezip-2")).decode_batch(codes) == NEW
    )


def test_contexts_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"".join(KNOWN))
    contexts = [KNOWN, b"".join(KNOWN), path, [path], [*KNOWN[:10], memoryview(b"".join(KNOWN[10:11])), *KNOWN[11:]]]
    codes = {tuple(RecordCodec(context=context, prior="off").encode_batch(NEW[:5])) for context in contexts}
    assert len(codes) == 1


@pytest.mark.parametrize("prior", ["off", pytest.param("on", marks=pytest.mark.slow)])
def test_without_a_context(prior: likezip.PriorChoice) -> None:
    empty = RecordCodec(prior=prior)
    assert empty.decode_batch(empty.encode_batch(AWKWARD)) == AWKWARD


def test_a_context_of_empty_records() -> None:
    empty = RecordCodec(context=[b"", b"", b""], prior="off")
    assert empty.decode_batch(empty.encode_batch(AWKWARD)) == AWKWARD
    assert empty.encode(b"") == b""


def test_nothing_to_do() -> None:
    some = RecordCodec(context=KNOWN, prior="off")
    assert some.encode_batch([]) == some.decode_batch([]) == []


def test_binary_rows() -> None:
    random = np.random.default_rng(0)
    table = np.zeros(500, [("a", "<i4"), ("b", "<f4"), ("c", "u1", 6)])
    table["a"], table["b"] = np.arange(500) * 3, random.integers(0, 50, 500) / 4
    rows = [row.tobytes() for row in table]
    coder = RecordCodec(context=rows[:400], prior="off")
    codes = coder.encode_batch(rows[400:])
    assert coder.decode_batch(codes) == rows[400:]
    assert sum(map(len, codes)) < 0.45 * 14 * 100


def test_too_long_a_record() -> None:
    some = RecordCodec(context=KNOWN, prior="off")
    longest = bytes(codec.LONGEST_RECORD)
    assert some.decode(some.encode(longest)) == longest
    with pytest.raises(ValueError, match="at most"):
        some.encode(longest + b"\0")
    assert some.encode_batch(NEW) == RecordCodec(context=[*KNOWN, longest + b"\0"], prior="off").encode_batch(NEW)


def test_the_last_records_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "LONGEST_CONTEXT", 2000)
    kept = learning.last_records(KNOWN)
    assert kept == KNOWN[-len(kept) :]
    assert 2000 - len(KNOWN[0]) < sum(map(len, kept)) <= 2000


CHANCES = st.one_of(st.integers(1, 65_535), st.sampled_from([1, 2, 65_534, 65_535]))


@settings(deadline=None)
@given(st.lists(st.tuples(CHANCES, st.booleans()), max_size=200))
def test_a_code_is_the_shortest_number_of_its_range(decisions: list[tuple[int, bool]]) -> None:
    """Beside the same arithmetic in fractions, where nothing is rounded but the parts."""
    ones, bits = np.array([one for one, _ in decisions], np.uint16), np.array([bit for _, bit in decisions], np.uint8)
    code = byte_coder.encode(ones, bits)
    assert decoded(code, ones) == bits.tolist()
    assert not code.endswith(b"\0")
    information = -np.log2(np.where(bits, ones / 65_536, 1 - ones / 65_536)).sum()
    assert information - 8 * len(code) <= 65 or not code  # zeros at the end of a long code may be left off
    assert 8 * len(code) <= information + 8


@settings(deadline=None)
@given(st.binary(max_size=30), st.lists(CHANCES, max_size=300))
def test_any_bytes_can_be_decoded(code: bytes, chances: list[int]) -> None:
    ones = np.array(chances, np.uint16)
    bits = np.array(decoded(code, ones), np.uint8)
    assert len(bits) == len(ones)
    assert decoded(byte_coder.encode(ones, bits), ones) == bits.tolist()


def test_a_carry_goes_far() -> None:
    """Zeros that move the lower end to just below a power of two, and one more behind it."""
    ones, bits = np.full(400, 65_535, np.uint16), np.zeros(400, np.uint8)
    for changed in range(0, 400, 7):
        bits[changed:] = 1 - bits[changed:]
        assert decoded(byte_coder.encode(ones, bits), ones) == bits.tolist()


def decoded(code: bytes, ones: np.ndarray) -> list[int]:
    bits = np.zeros(ones.size, np.uint8)
    decode(np.frombuffer(code, np.uint8), np.zeros(3, np.uint64), ones, bits)
    return bits.tolist()


@compiled
def decode(code, state, ones, bits):
    byte_coder.begin_decoding(code, state)
    for i in range(ones.size):
        bits[i] = byte_coder.next_bit(code, state, np.int64(ones[i]))


@pytest.mark.parametrize("prior", ["off", pytest.param("on", marks=pytest.mark.slow)])
def test_damaged_codes_are_errors_or_records(prior: likezip.PriorChoice) -> None:
    """There is no checksum, so most are records, but nothing else happens."""
    some, random = RecordCodec(context=KNOWN, prior=prior), np.random.default_rng(1)
    code, others = some.encode(NEW[0] + NEW[1]), 0
    for _ in range(40):
        damaged = bytearray(code)
        damaged[random.integers(len(code))] ^= 1 << random.integers(8)
        with suppress(CorruptError):
            others += some.decode(bytes(damaged)) != NEW[0] + NEW[1]
    assert others > 20
    for noise in (b"\0", b"\1\0", random.bytes(2000)):
        with pytest.raises(CorruptError):
            some.decode(noise)


def test_a_long_last_record_is_no_line_above() -> None:
    known = [*KNOWN, b"x" * (units.TAIL + 1) + b"\n"]
    some = RecordCodec(context=known, prior="off")
    assert some.decode_batch(some.encode_batch(NEW)) == NEW


def test_ends_are_known_by_bytes_or_by_length() -> None:
    assert not learn_ends(KNOWN).by_length
    assert learn_ends([bytes([n, n * 3 % 256, n * 5 % 256, n % 4]) for n in range(200)]).by_length
    ends = learn_ends(KNOWN)
    behind_line = ends.ones[10 | ord("k") << 8]
    assert behind_line > 65_000 and ends.ones[ord("k") | ord("o") << 8] < 100 and ends.ones[EMPTY] < 200


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_ends_of_any_records(some: list[bytes]) -> None:
    ends = learn_ends(some)
    assert ends.ones.shape == (EMPTY + 1,) and ends.ones.min() >= 1 and ends.ones.max() <= 65_535
