"""Golden frames: the reference decoder reads them, and likezip still writes the same bytes.

``python tests/test_golden.py`` writes them anew, which is a break of the format or a new model.
"""

import hashlib
from pathlib import Path

import pytest
import reference_decoder

import likezip
from likezip import container
from likezip.codec import PriorChoice

PLACE = Path(__file__).parent / "golden"


def _log() -> bytes:
    return b"".join(
        b"12:%02d:%02d host app[%d]: request %x done\n" % (i // 60, i % 60, i % 7, i * i) for i in range(60)
    )


def _records() -> bytes:
    return b"".join(i.to_bytes(2, "little") + (i * 37 % 1000).to_bytes(4, "big") + b"\xff\0" for i in range(300))


def _code() -> bytes:
    """Calls and jumps back and forth to eight functions, with something between them; at the end operands overlap."""
    code = bytearray(b"\x7fELF")
    for i in range(60):
        distance = (i * 3 % 8) * 50 - len(code)
        code += bytes([0x55 + i % 3, 0xE9 if i % 5 == 0 else 0xE8]) + distance.to_bytes(4, "little", signed=True)
    return bytes(code) + b"\xe8\xe8\x00\x00\x00\xff\x00\xe9\x01\x00\x00"


CASES: dict[str, tuple[bytes, int, PriorChoice]] = {
    "empty": (b"", 1, "off"),
    "one byte": (b"x", 1, "off"),
    "stored": (hashlib.sha256(b"noise").digest(), 1, "off"),
    "text": ((__doc__ or "").encode() * 2 + bytes(range(256)) + (__doc__ or "").upper().encode() * 3, 1, "off"),
    "text in lanes": (b"She sells sea shells by the sea shore; the shells she sells are sea shells. " * 12, 5, "off"),
    "log in lanes": (_log(), 7, "off"),
    "records": (_records(), 3, "off"),
    "code": (_code(), 2, "off"),
    "zeros": (bytes(1001), 4, "off"),
    "an empty line at the end": (b"some lines\nand others, more or less alike\nsome lines\n\n", 1, "off"),
    "lanes that end in empty lines": (b"\n\nabc\n\n" * 21, 4, "off"),
    "more lanes than bytes": (b"abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc" * 2, 1024, "off"),
    "prior": (b"It was the best of times, it was the worst of times, it was the age of wisdom.", 1, "on"),
    "prior in lanes": ("Mógłby\n<a href='x'>1234, 5678</a>\n\0\xff int main(void) {".encode(), 4, "on"),
}


@pytest.fixture(scope="module")
def model() -> dict[str, list[tuple[int, ...]]]:
    tensors: dict[str, list[tuple[int, ...]]] = reference_decoder.read_model(
        likezip.load_model("likezip-1").path.read_bytes()
    )
    return tensors


def _frame(name: str) -> bytes:
    data, lanes, prior = CASES[name]
    return likezip.compress(data, lanes=lanes, prior=prior)


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, model: dict[str, list[tuple[int, ...]]]) -> None:
    frame = (PLACE / f"{name.replace(' ', '-')}.lz").read_bytes()
    content = (PLACE / f"{name.replace(' ', '-')}.raw").read_bytes()
    assert reference_decoder.decode_frame(frame, model) == content
    assert likezip.decompress(frame) == content
    assert _frame(name) == frame


def test_every_way_has_a_golden_frame() -> None:
    frames = [path.read_bytes() for path in PLACE.glob("*.lz")]
    headers = [
        container.BlockHeader.parse(frame[container.FRAME_HEADER_SIZE :], 0, container.DEFAULT_BLOCK)
        for frame in frames
        if frame[container.FRAME_HEADER_SIZE] != container.END
    ]
    assert {header.profile for header in headers} == {container.TEXT, container.RECORDS, container.CODE}
    assert {header.mode for header in headers} == {container.STORED, container.MEMORY, container.MEMORY_PRIOR}
    assert {header.transform for header in headers} == {container.UNCHANGED, container.X86}
    assert len({header.row_length for header in headers}) > 2
    assert len({header.lanes for header in headers}) > 4


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    for case in CASES:
        (PLACE / f"{case.replace(' ', '-')}.lz").write_bytes(_frame(case))
        (PLACE / f"{case.replace(' ', '-')}.raw").write_bytes(CASES[case][0])
