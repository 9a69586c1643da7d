"""The transform of x86 code."""

import platform
from pathlib import Path

import numpy as np
import pytest
import reference_decoder
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import _umath_linalg

from likezip.blocks import block_header, codec, coding, x86_transform
from likezip.blocks.options import CodingOptions
from likezip.model import default_model

LIKELY = st.sampled_from([0xE8, 0xE9, 0x00, 0xFF, 0x0F, 0x7F, 0x80, 0x01])


@settings(deadline=None, max_examples=300)
@given(st.lists(LIKELY | st.integers(0, 255), max_size=60).map(bytes))
def test_it_goes_there_and_back(raw: bytes) -> None:
    """Operands that overlap, and opcodes in operands, too."""
    code = x86_transform.to_absolute(raw)
    assert len(code) == len(raw)
    assert b"".join(x86_transform.to_relative([code])) == raw
    assert reference_decoder.relative(code) == raw


def test_calls_of_one_function_become_alike() -> None:
    place, raw = 1_000_000, bytearray(1_100_000)
    for call in (20, 999_000, 1_099_000):
        raw[call : call + 5] = b"\xe8" + (place - call - 5).to_bytes(4, "little", signed=True)
    code = x86_transform.to_absolute(bytes(raw))
    assert all(code[call : call + 5] == b"\xe8" + place.to_bytes(4, "little") for call in (20, 999_000, 1_099_000))
    assert b"".join(x86_transform.to_relative([code])) == raw


def _calls(targets: list[int], places: int) -> bytes:
    random, code = np.random.default_rng(3), bytearray()
    for call in range(places):
        code += random.bytes(20).replace(b"\xe8", b"\x90").replace(b"\xe9", b"\x90") + b"\xe8"
        distance = targets[call % len(targets)] - len(code) - 4
        code += distance.to_bytes(4, "little", signed=True)
    return bytes(code)


def test_code_is_found_by_targets_that_come_again() -> None:
    assert x86_transform.is_code(_calls([100, -5000, 70000], 200))
    assert not x86_transform.is_code(_calls([100, -5000, 70000], x86_transform.FEWEST_PLACES - 2))
    assert not x86_transform.is_code(_calls(list(range(0, 90000, 9)), 200))  # each function is called once
    assert not x86_transform.is_code(b"\xe8\x07\x00\x00\x00 and so on" * 1000)  # distances come again, not the targets
    assert not x86_transform.is_code(np.random.default_rng(1).bytes(1_000_000))
    assert not any(x86_transform.is_code(b"\xe8\0\0\0\0"[:size]) for size in range(6))


def test_a_block_of_code_is_transformed_and_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    raw, model = _calls([100, -5000, 70000, 5, 1 << 20], 600), default_model()
    header, payload = codec.encode_block(raw, CodingOptions(model, "off"))
    assert header.transform == block_header.X86
    assert codec.decode_block(header, payload, model) == raw
    assert 0 <= len(payload) - coding.cross_entropy(raw, CodingOptions(model, "off")) / 8 < 12
    monkeypatch.setattr(x86_transform, "is_code", lambda _: False)
    assert len(payload) < 0.97 * len(codec.encode_block(raw, CodingOptions(model, "off"))[1])


def test_a_block_of_code_that_is_stored_is_stored_as_it_is() -> None:
    """That what is stored can be read without the transform."""
    noise = bytearray(np.random.default_rng(2).bytes(300_000))
    for place in range(0, 300_000, 5000):
        noise[place : place + 5] = b"\xe8" + (100_000 - place).to_bytes(4, "little", signed=True)
    assert x86_transform.is_code(bytes(noise))
    header, payload = codec.encode_block(bytes(noise), CodingOptions(default_model(), "off"))
    assert (header.mode, header.transform, payload) == (block_header.STORED, block_header.UNCHANGED, bytes(noise))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="executables here are of another processor")
def test_executables_are_found() -> None:
    raw = Path(_umath_linalg.__file__).read_bytes()
    assert x86_transform.is_code(raw)
    assert b"".join(x86_transform.to_relative([x86_transform.to_absolute(raw)])) == raw
