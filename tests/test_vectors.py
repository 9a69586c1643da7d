"""Test vectors: likezip still writes the sound ones, both decoders read them, and all others are refused as their table
says."""

import io
import re
from pathlib import Path

import pytest
import reference_decoder
from roundtrip import Pipe, block_headers, check_every_way
from vectors import generate
from vectors.generate import BAD, GOOD, UNSUPPORTED, Check

import likezip
from likezip.blocks import block_header
from likezip.frames import container
from likezip.frames.index import FrameInfo, read_frames

REFUSED = {f"bad/{name}": bad for name, bad in BAD.items()}
REFUSED |= {f"unsupported/{name}": bad for name, bad in UNSUPPORTED.items()}

NOT_LISTED = generate.TOP_WORD, generate.USED_UP, generate.RAW_CHECKSUM, generate.MODEL
"""Checks that are not made for listing."""

Models = dict[bytes, dict[str, list[tuple[int, ...]]]]


@pytest.fixture(scope="module")
def models() -> Models:
    model = likezip.load_model("likezip-1")
    return {model.id: reference_decoder.read_model(model.path.read_bytes())}


def _read(name: str) -> bytes:
    return (generate.PLACE / f"{name}.lz").read_bytes()


@pytest.mark.slow
def test_the_files_are_those_that_likezip_writes() -> None:
    made = generate.files()
    assert {name for name, data in made.items() if (generate.PLACE / name).read_bytes() != data} == set()


def test_each_file_has_a_row_and_each_row_a_file() -> None:
    readme = (generate.PLACE / "README.md").read_text()
    sections = re.split(r"^## (\w+)$", readme, flags=re.MULTILINE)[1:]
    rows = [
        f"{kind}/{name}.lz"
        for kind, text in zip(sections[::2], sections[1::2], strict=True)
        for name in re.findall(r"^\| `(.+?)` \| [\d,]+ \|", text, re.MULTILINE)
    ]
    files = [path.relative_to(generate.PLACE) for path in generate.PLACE.glob("*/*.*")]
    assert sorted(rows) == sorted(path.as_posix() for path in files if path.suffix == ".lz")
    contents = {path.with_suffix(".lz").as_posix() for path in files if path.suffix == ".raw"}
    assert contents == {f"good/{name}.lz" for name, good in GOOD.items() if len(good.content) <= generate.MOST_RAW}
    assert {path.suffix for path in files} - {".pyc"} == {".lz", ".raw"}


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    data, content, sink = _read(f"good/{name}"), GOOD[name].content, io.BytesIO()
    likezip.decompress_stream(Pipe(data, 5), sink)
    assert sink.getvalue() == content
    assert GOOD[name].slow or likezip.decompress(data) == content
    assert sum(frame.raw_size for frame in read_frames(io.BytesIO(data))) == len(content)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, good in GOOD.items() if not good.slow])
def test_the_reference_decoder_reads_the_good(name: str, models: Models) -> None:
    content = (generate.PLACE / f"good/{name}.raw").read_bytes()
    assert reference_decoder.decode_file(_read(f"good/{name}"), models) == content


@pytest.mark.parametrize("name", REFUSED)
def test_bad(name: str) -> None:
    data, bad, sink = _read(name), REFUSED[name], io.BytesIO()
    with pytest.raises(likezip.LikezipError) as caught:
        likezip.decompress(data)
    assert (caught.type, str(caught.value)) == (bad.check.error, bad.message())
    with pytest.raises(likezip.LikezipError) as caught:
        likezip.decompress_stream(Pipe(data, 5), sink)
    assert (caught.type, str(caught.value)) == (bad.check.error, bad.message())
    assert bad.content.startswith(sink.getvalue())


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_the_reference_decoder_refuses_the_bad(name: str, models: Models) -> None:
    with pytest.raises(AssertionError):
        reference_decoder.decode_file(_read(name), models)


@pytest.mark.parametrize("name", REFUSED)
def test_listing_bad_ones(name: str) -> None:
    """Headers and ends tell of all damage but of payloads and unknown models, and it is refused as by reading."""
    bad = REFUSED[name]
    try:
        block_headers(_read(name))
    except likezip.LikezipError as error:
        right = (bad.check.error, bad.message()) if bad.listing is None else (bad.listing.error, bad.listing.message)
        assert (type(error), str(error)) == right
        assert bad.check not in NOT_LISTED
    else:
        assert bad.check in NOT_LISTED


def test_every_check_refuses_a_file() -> None:
    checks = {value for value in vars(generate).values() if isinstance(value, Check)}
    refusing: set[Check | None] = {check for bad in REFUSED.values() for check in (bad.check, bad.listing)}
    assert checks == refusing - {None}


def test_every_way_has_a_good_frame() -> None:
    headers = [header for path in generate.PLACE.glob("good/*.lz") for header in block_headers(path.read_bytes())]
    check_every_way(headers)
    assert {1, block_header.MAX_LANES} < {header.lanes for header in headers}
    assert {block_header.MIN_TABLE_BITS, block_header.MAX_TABLE_BITS} < {header.table_bits for header in headers}
    assert {0, 2, 65535} < {header.row_length for header in headers}
    coded = {header.payload_size % 4 for header in headers if header.mode != block_header.STORED}
    assert coded == {0, 1, 2, 3}
    sizes = [frame.header.block_size for path in generate.PLACE.glob("good/*.lz") for frame in _frames(path)]
    assert {None, container.MIN_BLOCK, container.MAX_BLOCK} < set(sizes)


def _frames(path: Path) -> list[FrameInfo]:
    with path.open("rb") as file:
        return read_frames(file)
