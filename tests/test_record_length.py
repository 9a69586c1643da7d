"""The length of a block's rows."""

import random

import pytest

from likezip.blocks import record_length


@pytest.mark.parametrize("length", [2, 3, 24, 216, 600])
def test_records_of_one_length(length: int) -> None:
    draw = random.Random(length)
    fixed = draw.randbytes(length)
    records = [bytearray(fixed) for _ in range(40_000 // length)]
    for record in records:
        record[draw.randrange(length)] = draw.randrange(256)
    assert record_length.row_length(b"".join(records)) == length


def test_a_bitmap() -> None:
    draw = random.Random(1)
    image, row = bytearray(), bytearray(100)
    for _ in range(300):
        for _ in range(8):
            row[draw.randrange(100)] ^= 1 << draw.randrange(8)
        image += row
    assert record_length.row_length(bytes(image)) == 100


@pytest.mark.parametrize(
    "raw", [b"", b"a", b"ab", b"abc", bytes(5000), *map(random.Random(3).randbytes, (40, 300, 1000, 5000))]
)
def test_without_rows_it_is_the_usual(raw: bytes) -> None:
    assert record_length.row_length(raw) == record_length.USUAL
