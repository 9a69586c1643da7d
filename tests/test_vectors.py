"""Test vectors: likezip still writes the sound ones, both decoders read them, and all others are refused as their table
says."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import reference_decoder
from roundtrip import Pipe, block_headers, check_every_way
from vectors import generate
from vectors.generate import BAD, GOOD, UNSUPPORTED, Check

import likezip
from likezip.blocks import block_header, parts
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.predictor import pieces_of
from likezip.frames import container
from likezip.frames.index import FrameInfo, read_frames
from likezip.frames.reader import PackedBlock, frames_of

REFUSED = {f"bad/{name}": bad for name, bad in BAD.items()}
REFUSED |= {f"unsupported/{name}": bad for name, bad in UNSUPPORTED.items()}

NOT_LISTED = {generate.MODEL, generate.NO_CONTEXT, generate.OTHER_CONTEXT, generate.PRIMED_BY_NOTHING}
NOT_LISTED |= {generate.FILLED_UP, generate.TOP_WORD, generate.USED_UP, generate.CODED_CHECKSUM, generate.RAW_CHECKSUM}
NOT_LISTED |= {generate.LIST_NUMBER, generate.LIST_SIZES, generate.WINDOW_BEGIN, generate.FRAME_BEGIN}
NOT_LISTED |= {generate.LITERALS, generate.LIST_LENGTHS, generate.WORDS_CUT, generate.WORDS_NUMBERS}
NOT_LISTED |= {generate.LIST_OF_PARTS, generate.TOO_MANY_PARTS, generate.PART_LIMITS}
NOT_LISTED |= {generate.PART_WAY, generate.PARTS_SIZES, generate.PARTS_NUMBERS, generate.PARTS_PAYLOADS}
NOT_LISTED |= {generate.PART_TOP_WORD, generate.PART_USED_UP, generate.PART_CODED_CHECKSUM, generate.PART_RAW_CHECKSUM}
"""Checks that are not made for listing."""

Models = dict[bytes, dict[str, list[tuple[int, ...]]]]


@pytest.fixture(scope="module")
def models() -> Models:
    model = likezip.load_model("likezip-2")
    return {model.id: reference_decoder.read_model(model.path.read_bytes())}


def _read(name: str) -> bytes:
    return (generate.PLACE / f"{name}.lz").read_bytes()


def _context(name: str) -> bytes | None:
    """What is given as context; None for none."""
    path = generate.PLACE / f"{name}.context"
    return path.read_bytes() if path.exists() else None


def _by_decompressor(data: bytes, context: bytes | None) -> Iterator[bytes]:
    """The content of all frames."""
    while data:
        decompressor = likezip.LikezipDecompressor(context=context)
        yield decompressor.decompress(data)
        assert decompressor.eof
        data = decompressor.unused_data.lstrip(b"\0")


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
    vectors = {"good": GOOD, "bad": BAD, "unsupported": UNSUPPORTED}
    contexts = {f"{kind}/{name}.context" for kind, some in vectors.items() for name, one in some.items() if one.context}
    assert contexts == {path.as_posix() for path in files if path.suffix == ".context"}
    assert {path.suffix for path in files} - {".pyc"} == {".lz", ".raw", ".context"}


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    data, content, sink = _read(f"good/{name}"), GOOD[name].content, io.BytesIO()
    context = _context(f"good/{name}")
    likezip.decompress_stream(Pipe(data, 5), sink, context=context)
    assert sink.getvalue() == content
    if not GOOD[name].slow:
        assert likezip.decompress(data, context=context) == content
        assert b"".join(_by_decompressor(data, context)) == content
    assert sum(frame.raw_size for frame in read_frames(io.BytesIO(data))) == len(content)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, good in GOOD.items() if not good.slow])
def test_the_reference_decoder_reads_the_good(name: str, models: Models) -> None:
    content = reference_decoder.decode_file(_read(f"good/{name}"), models, _context(f"good/{name}"))
    assert content == GOOD[name].content
    if len(content) <= generate.MOST_RAW:
        assert content == (generate.PLACE / f"good/{name}.raw").read_bytes()


@pytest.mark.parametrize("name", [name for name, good in GOOD.items() if not good.slow and good.content])
def test_every_byte_of_the_good_is_found(name: str) -> None:
    """From behind, so that copies refer to blocks that were not read before."""
    data, content = _read(f"good/{name}"), GOOD[name].content
    with likezip.open(io.BytesIO(data), context=_context(f"good/{name}")) as file:
        for place in sorted({*range(0, len(content), 1 + len(content) // 9), len(content) - 1}, reverse=True):
            file.seek(place)
            assert file.read(3) == content[place : place + 3]


@pytest.mark.parametrize("name", REFUSED)
def test_bad(name: str) -> None:
    data, bad, sink, context = _read(name), REFUSED[name], io.BytesIO(), _context(name)
    with pytest.raises(likezip.LikezipError) as caught:
        likezip.decompress(data, context=context)
    assert (caught.type, str(caught.value)) == (bad.check.error, bad.message())
    with pytest.raises(likezip.LikezipError) as caught:
        likezip.decompress_stream(Pipe(data, 5), sink, context=context)
    assert (caught.type, str(caught.value)) == (bad.check.error, bad.message())
    assert bad.content.startswith(sink.getvalue())


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_the_reference_decoder_refuses_the_bad(name: str, models: Models) -> None:
    with pytest.raises(AssertionError):
        reference_decoder.decode_file(_read(name), models, _context(name))


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


def test_the_words_of_wrong_endings_are_made_as_likezip_makes_those_of_right_ones() -> None:
    for raw in (generate.SOME, generate.SHELLS, generate.NOISE):
        assert generate.coded(raw, endings=(generate.ending_of(raw),)) == generate.coded(raw)


def test_every_way_has_a_good_frame() -> None:
    headers = [header for path in generate.PLACE.glob("good/*.lz") for header in block_headers(path.read_bytes())]
    check_every_way(headers)
    coded = [header for header in headers if header.mode not in block_header.UNMODELLED]
    assert {0, 1, block_header.MAX_LANES} < {header.lanes for header in coded}
    assert {block_header.MIN_TABLE_BITS, block_header.MAX_TABLE_BITS} < {header.table_bits for header in headers}
    assert {0, 2, 65535} < {header.row_length for header in headers}
    assert {10, 11, 20, 30} == {header.piece_bits for header in headers}
    assert {header.payload_size % 4 for header in coded} == {0, 1, 2, 3}
    longer = {(_longer(header), header.has_copies) for header in coded}
    assert {(0, False), (block_header.SLACK, False), (block_header.SLACK, True)} < longer
    fill = {header.payload_size - header.coded_size for header in headers if header.mode == block_header.STORED}
    assert {0, 1, 2, 3} == fill
    assert {True, False} == {header.has_copies for header in headers if header.mode == block_header.STORED}
    modes = {header.mode for header in headers if header.has_copies and not header.primed}
    assert modes == set(block_header.MODES)
    assert {header.mode for header in headers if header.primed} == {block_header.MEMORY, block_header.MEMORY_PRIOR}
    assert {header.transform for header in headers if header.primed} == {block_header.UNCHANGED, block_header.X86}
    windows = {frame.header.window_bits for path in generate.PLACE.glob("good/*.lz") for frame in _frames(path)}
    assert {0, container.MIN_WINDOW_BITS, container.MAX_WINDOW_BITS} < windows
    sizes = [frame.header.block_size for path in generate.PLACE.glob("good/*.lz") for frame in _frames(path)]
    assert {None, container.MIN_BLOCK, container.MAX_BLOCK} < set(sizes)


def test_every_kind_of_block_in_pieces_is_in_a_good_frame() -> None:
    headers = [header for path in generate.PLACE.glob("good/*.lz") for header in block_headers(path.read_bytes())]
    parted = [block for path in generate.PLACE.glob("good/*.lz") for block in _blocks_in_parts(path)]
    unpacked = [parts.unpack(block.payload, block.header.coded_size, block.header.raw_size)[0] for block in parted]
    of_parts = [part.header for those in unpacked for part in those if _pieces(part.header) > 1]
    found = [header for header in headers if _pieces(header) > 1] + of_parts
    assert of_parts
    assert {2, 3} <= set(map(_pieces, found))
    assert {(2, 0), (2, 1), (2, 2), (2, 3), (2, 513), (3, 2), (3, 513)} <= {(one.mode, one.lanes) for one in found}
    assert {header.transform for header in found} == {block_header.UNCHANGED, block_header.X86}
    assert {header.primed for header in found} == {header.has_copies for header in found} == {True, False}
    assert any(header.payload_size == block_header.least_payload(header.raw_size) for header in found)


def _pieces(header: BlockHeader) -> int:
    if header.mode in block_header.UNMODELLED:
        return 1
    return len(pieces_of(header.coded_size, header.lanes, header.piece_bits))


def test_every_kind_of_parts_is_in_a_good_frame() -> None:
    found = [block for path in generate.PLACE.glob("good/*.lz") for block in _blocks_in_parts(path)]
    unpacked = [parts.unpack(block.payload, block.header.coded_size, block.header.raw_size) for block in found]
    headers = [part.header for those, _ in unpacked for part in those]
    check_every_way(headers)
    assert {1, 3} < {header.lanes for header in headers}
    assert {0, 8} <= {header.row_length for header in headers}
    assert {2, 3, parts.MOST_PARTS} <= {len(those) for those, _ in unpacked}
    orders = [[part for part, _, _ in stretches] for _, stretches in unpacked]
    assert {(0, 1), (0, 1, 0), (0, 1, 0, 1, 2)} < set(map(tuple, orders))
    assert any(list(dict.fromkeys(order)) != sorted(set(order)) for order in orders)
    sizes = [end - begin for _, stretches in unpacked for _, begin, end in stretches[:-1]]
    assert min(sizes) == parts.LEAST_STRETCH and max(sizes) >= parts.LEAST_STRETCH + (1 << 14)
    assert 1 in {stretches[-1].end - stretches[-1].begin for _, stretches in unpacked}
    assert {True, False} == {block.header.has_copies for block in found}
    filled = [
        block for block in found if block.header.payload_size == block_header.least_payload(block.header.raw_size)
    ]
    assert any(block.payload.endswith(bytes(2)) for block in filled)
    assert {0} < {block.number for block in found}


def _blocks_in_parts(path: Path) -> Iterator[PackedBlock]:
    for part in frames_of(io.BytesIO(path.read_bytes())):
        if isinstance(part, PackedBlock) and part.header.mode == block_header.PARTS:
            yield part


def _longer(header: BlockHeader) -> int:
    """Bytes by which a coded block's payload is longer than if it were stored."""
    return header.payload_size - block_header.stored_payload(header.raw_size, header.coded_size)


def _frames(path: Path) -> list[FrameInfo]:
    with path.open("rb") as file:
        return read_frames(file)
