"""Numbers and fields of headers: their bytes, and how they are asked for."""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from likezip.blocks.fields import MAX_NUMBER, Fields, Parser, pack_number, parse
from likezip.errors import TruncatedError


def _number(data: bytes) -> int:
    file = io.BytesIO(data)
    number = parse(Fields("header").number(), file.read)
    assert file.read() == b"", "something is left"
    return number


@pytest.mark.parametrize(
    ("number", "packed"),
    [
        (0, "00"),
        (1, "04"),
        (63, "fc"),
        (64, "01 01"),
        ((1 << 14) - 1, "fd ff"),
        (1 << 14, "02 00 01"),
        ((1 << 22) - 1, "fe ff ff"),
        (1 << 22, "03 00 00 01"),
        (MAX_NUMBER, "ff ff ff ff"),
    ],
)
def test_bytes_of_numbers_are_those_of_the_format(number: int, packed: str) -> None:
    assert pack_number(number).hex(" ") == packed
    assert _number(bytes.fromhex(packed)) == number


@given(st.integers(0, MAX_NUMBER) | st.integers(0, 1 << 15))
@example(MAX_NUMBER)
def test_numbers_there_and_back_in_as_few_bytes_as_can_be(number: int) -> None:
    packed = pack_number(number)
    assert _number(packed) == number
    assert len(packed) == 1 or packed[-1] != 0
    for size in range(len(packed) + 1, 5):
        assert _number((number << 2 | size - 1).to_bytes(size, "little")) == number, "for the caller to refuse"


def test_other_numbers_have_no_form() -> None:
    for number in (-1, MAX_NUMBER + 1, 1 << 40):
        with pytest.raises(OverflowError):
            pack_number(number)


@pytest.mark.parametrize("data", ["", "01", "02", "02 00", "03 00 00"])
def test_numbers_that_are_not_whole(data: str) -> None:
    with pytest.raises(TruncatedError, match="the data end within the header of something"):
        parse(Fields("header of something").number(), io.BytesIO(bytes.fromhex(data)).read)


def _three(fields: Fields) -> Parser[tuple[bytes, int, bytes]]:
    first = yield from fields.take(2)
    return first, (yield from fields.number()), (yield from fields.take(0))


def test_a_parser_asks_for_what_it_needs_and_keeps_it() -> None:
    fields, asked = Fields("header", b"begun"), list[int]()
    file = io.BytesIO(b"ab" + pack_number(70_000) + b"behind")

    def read(size: int) -> bytes:
        asked.append(size)
        return file.read(size)

    assert parse(_three(fields), read) == (b"ab", 70_000, b"")
    assert fields.packed == b"begunab" + pack_number(70_000)
    assert asked == [2, 1, 2], "no byte more, and never none"
    assert file.read() == b"behind"


def test_what_was_there_before_the_end_is_kept() -> None:
    fields = Fields("header")
    with pytest.raises(TruncatedError):
        parse(_three(fields), io.BytesIO(b"ab\3").read)
    assert fields.packed == b"ab\3"
