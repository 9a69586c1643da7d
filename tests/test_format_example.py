"""The worked example of FORMAT.md: exactly the bytes that it shows are decoded, by both decoders."""

import re

import format_example
import pytest
import reference_decoder

import likezip
from likezip.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return likezip.load_model(format_example.MODEL)


@pytest.fixture(scope="module")
def shown() -> str:
    """The section of FORMAT.md."""
    text = format_example.PLACE.read_text(encoding="utf-8")
    return text[text.index(format_example.BEGIN) : text.index(format_example.END) + len(format_example.END)]


@pytest.fixture(scope="module")
def frame(shown: str) -> bytes:
    """The bytes of the table, in the order of their offsets, which leave no gap."""
    found = b""
    for offset, digits in re.findall(r"^\| (\d+) \| `([0-9A-F ]+)` \|", shown, re.MULTILINE):
        assert int(offset) == len(found)
        found += bytes.fromhex(digits)
    return found


def test_likezip_decodes_the_bytes_shown(frame: bytes) -> None:
    assert likezip.decompress(frame) == format_example.CONTENT


@pytest.mark.slow
def test_the_reference_decoder_decodes_the_bytes_shown(frame: bytes, model: Model) -> None:
    tensors = reference_decoder.read_model(model.path.read_bytes())
    assert reference_decoder.decode_file(frame, {model.id: tensors}) == format_example.CONTENT


@pytest.mark.slow
def test_the_text_is_made_of_them(shown: str, model: Model) -> None:
    assert shown == format_example.example(model)
