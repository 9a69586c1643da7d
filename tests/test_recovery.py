"""Damaged files: all that is intact comes back, in order, nothing else, and what is lost is said."""

import io
import os
import random
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from roundtrip import flipped

import likezip
from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader, Sealing, Whole
from likezip.blocks.options import CodingOptions
from likezip.command.main import main
from likezip.frames import container, header_search, recovery
from likezip.frames.container import FrameHeader
from likezip.frames.index import read_frames
from likezip.frames.recovery import Loss, recover_stream
from likezip.frames.workers import Workers
from likezip.frames.writer import FrameWriter
from likezip.memory.number_layout import NumberLayout

if TYPE_CHECKING:
    from typing_extensions import Buffer

BLOCK = 600
BLOCKS = 6
TEXT = b"".join(b"line %d of %d, some of them damaged\n" % (i, i * i) for i in range(200))[: BLOCK * BLOCKS]
NOISE = random.Random(4).randbytes(BLOCK)


def framed(*blocks: bytes) -> bytes:
    """A frame of these blocks."""
    with Workers() as workers:
        model = likezip.load_model("likezip-2")
        writer = FrameWriter(workers, CodingOptions(model, "off"), block_size=container.MIN_BLOCK)
        return b"".join([*(part for block in blocks for part in writer.write_block(block)), *writer.end()])


PARTS = [TEXT[i * BLOCK : (i + 1) * BLOCK] for i in range(BLOCKS)]
PARTS[3] = NOISE  # stored
FRAME = framed(*PARTS)
PLACES = likezip.get_frame_info(FRAME).block_offsets


def recovered(data: bytes, place: Path, threads: int = 1) -> tuple[bytes, list[Loss]]:
    (place / "damaged.lz").write_bytes(data)
    sink = io.BytesIO()
    with (place / "damaged.lz").open("rb") as file:
        losses = recover_stream(file, sink, threads=threads)
    return sink.getvalue(), losses


def without(*numbers: int) -> bytes:
    return b"".join(part for number, part in enumerate(PARTS) if number not in numbers)


END = PLACES[-1]
CASES: dict[str, tuple[bytes, bytes, int]] = {
    # the damaged file, what comes back, how many losses are told
    "sound": (FRAME, without(), 0),
    "two sound frames": (FRAME + framed(b"more"), without() + b"more", 0),
    "a payload": (flipped(FRAME, PLACES[2] + 30), without(2), 1),
    "a stored payload": (flipped(FRAME, PLACES[3] + 300), without(3), 1),
    "the first header": (flipped(FRAME, PLACES[0] + 5), without(0), 1),
    "a header": (flipped(FRAME, PLACES[2] + 5), without(2), 1),
    "the last header": (flipped(FRAME, PLACES[5] + 5), without(5), 1),
    "two headers in a row": (flipped(FRAME, PLACES[2] + 5, PLACES[3]), without(2, 3), 2),
    "two payloads": (flipped(FRAME, PLACES[1] + 30, PLACES[4] + 30), without(1, 4), 2),
    "the frame header": (flipped(FRAME, 7), without(), 1),
    "the index": (flipped(FRAME, END + 3), without(), 1),
    "the end": (FRAME[:-1], without(), 1),
    "all of the index": (FRAME[:END], without(), 1),
    "index and a payload": (flipped(FRAME, END + 3, PLACES[2] + 30), without(2), 2),
    "index and a header": (flipped(FRAME, END + 3, PLACES[2] + 5), without(2), 2),
    "index and the frame header": (flipped(FRAME, 3, END + 3), without(), 2),
    "cut in a payload": (FRAME[: PLACES[4] + 40], without(4, 5), 1),
    "cut in a header": (FRAME[: PLACES[4] + 10], without(4, 5), 1),
    "bytes missing in a payload": (FRAME[: PLACES[2] + 40] + FRAME[PLACES[2] + 47 :], without(2), 1),
    "bytes more in a payload": (FRAME[: PLACES[2] + 40] + b"more" + FRAME[PLACES[2] + 40 :], without(2), 2),
    "a block missing": (FRAME[: PLACES[2]] + FRAME[PLACES[3] :], without(2), 1),
    "a block twice": (FRAME[: PLACES[3]] + FRAME[PLACES[2] :], without(), 1),
    "trailing junk": (FRAME + b"junk", without(), 1),
    "junk before": (b"some junk" + FRAME, without(), 1),
    "junk between frames": (FRAME + b"junk" * 9 + framed(b"more"), without() + b"more", 1),
    "the first of two frames cut": (FRAME[:END] + framed(b"more"), without() + b"more", 1),
    "the second of two frames cut": (framed(b"more") + FRAME[: PLACES[5]], b"more" + without(5), 1),
    "a hole of zeros": (
        FRAME[: PLACES[1] + 9] + bytes(PLACES[3] - PLACES[1]) + FRAME[PLACES[3] + 9 :],
        without(1, 2, 3),
        3,
    ),
}


CODED, MORE = framed(TEXT[:300]), framed(b"more")
STORED = framed(NOISE)
FRAMES = CODED, FRAME, STORED, framed(), MORE
"""Frames of one block, of several, of one that is stored, of none, and of one of a few bytes."""
HELD = TEXT[:300], without(), NOISE, b"", b"more"
MIXED = b"".join(FRAMES)
BEGINS = [sum(map(len, FRAMES[:number])) for number in range(5)]


def held_without(*numbers: int) -> bytes:
    return b"".join(part for number, part in enumerate(HELD) if number not in numbers)


CASES |= {
    "mixed frames": (MIXED, held_without(), 0),
    "padded mixed frames": (b"".join(frame + bytes(8) for frame in FRAMES), held_without(), 0),
    "the payload of a frame of one block": (flipped(MIXED, 40), held_without(0), 1),
    "the payload of the last of one block": (flipped(MIXED, len(MIXED) - 2), held_without(4), 1),
    "a stored payload of a frame of one block": (flipped(MIXED, BEGINS[2] + 300), held_without(2), 1),
    "the header of a frame of one block": (flipped(MIXED, BEGINS[2] + 4), held_without(2), 1),
    "the header of the first of one block": (flipped(MIXED, 4), held_without(0), 1),
    "the magic of a frame of one block": (flipped(MIXED, BEGINS[2] + 1), held_without(2), 1),
    "the block header in a frame of one block": (flipped(MIXED, BEGINS[2] + 6), held_without(2), 1),
    "the block header in the last of one block": (flipped(MIXED, BEGINS[4] + 6), held_without(4), 1),
    "its checksum": (flipped(MIXED, BEGINS[2] + 13), held_without(2), 1),
    "a frame without a block": (flipped(MIXED, BEGINS[3] + 6), held_without(), 1),
    "the index between frames of one block": (flipped(MIXED, BEGINS[2] - 9), held_without(), 1),
    "the header of several between frames of one": (flipped(MIXED, BEGINS[1] + 7), held_without(), 1),
    "a block between frames of one block": (
        flipped(MIXED, BEGINS[1] + PLACES[2] + 5),
        TEXT[:300] + without(2) + NOISE + b"more",
        1,
    ),
    "the first and the last of mixed frames": (flipped(MIXED, 7, BEGINS[4] + 2), held_without(0, 4), 2),
    "bytes missing in a frame of one block": (MIXED[:30] + MIXED[34:], held_without(0), 1),
    "bytes more in a frame of one block": (MIXED[:30] + b"more" + MIXED[30:], held_without(0), 2),
    "a frame of one block missing its end": (CODED[:-20] + STORED + MORE, NOISE + b"more", 1),
    "the last byte of several missing before a frame": (
        FRAME[:-1] + MORE + FRAME[:-1] + FRAME,
        without() + b"more" + without() * 2,
        2,
    ),
    "the last of one block cut": (MIXED[:-2], held_without(4), 1),
    "cut in the header of the last of one block": (MIXED[: BEGINS[4] + 7], held_without(4), 1),
    "a frame of one block twice": (CODED + CODED + STORED, TEXT[:300] * 2 + NOISE, 0),
    "padded frames, one of them damaged": (
        CODED + bytes(8) + flipped(STORED, 7) + bytes(8) + MORE + bytes(8),
        TEXT[:300] + b"more",
        1,
    ),
    "junk between frames of one block": (CODED + b"junk" * 9 + MORE, TEXT[:300] + b"more", 1),
    "a compressed file in a frame, sound": (framed(MIXED) + CODED, MIXED + TEXT[:300], 0),
    "a compressed file in a frame, damaged in it": (
        CODED + flipped(framed(MIXED), 20 + PLACES[2]) + CODED,
        TEXT[:300] * 2,
        1,
    ),
    "a compressed file in the last frame, damaged in it": (CODED + flipped(framed(FRAME), 40), TEXT[:300], 1),
}


@pytest.mark.parametrize("name", CASES)
def test_recovery(name: str, tmp_path: Path) -> None:
    damaged, right, count = CASES[name]
    content, losses = recovered(damaged, tmp_path)
    assert content == right
    assert len(losses) == count, [str(loss) for loss in losses]


def test_losses_say_what_and_where(tmp_path: Path) -> None:
    _, losses = recovered(flipped(FRAME, PLACES[2] + 30, PLACES[4] + 5), tmp_path)
    assert [(loss.begin, loss.end, loss.raw_size, loss.position) for loss in losses] == [
        (PLACES[2], PLACES[3], BLOCK, 2 * BLOCK),
        (PLACES[4], PLACES[5], BLOCK, 3 * BLOCK),
    ]
    assert "block 2: " in losses[0].reason and "header of block 4" in losses[1].reason
    assert str(losses[0]).startswith(f"{BLOCK} bytes lost before byte {2 * BLOCK} of the output (block 2: the block")


@pytest.mark.parametrize("name", ["the frame header", "the end", "junk before", "the first header"])
def test_a_loss_of_nothing_is_told_apart(name: str, tmp_path: Path) -> None:
    _, (loss,) = recovered(CASES[name][0], tmp_path)
    assert (loss.raw_size == 0) == ("nothing of the content is lost" in str(loss)) == (name != "the first header")


@pytest.mark.parametrize(
    ("place", "begin", "end", "size", "position"),
    [
        (40, 5, BEGINS[1], 300, 0),
        (BEGINS[2] + 300, BEGINS[2] + 5, BEGINS[3], BLOCK, 300 + BLOCKS * BLOCK),
        (BEGINS[2] + 6, BEGINS[2], BEGINS[3], None, 300 + BLOCKS * BLOCK),
        (BEGINS[2] + 2, BEGINS[2], BEGINS[3], None, 300 + BLOCKS * BLOCK),
        (BEGINS[4] + 6, BEGINS[4], len(MIXED), None, 300 + BLOCKS * BLOCK + BLOCK),
    ],
)
def test_losses_of_frames_of_one_block(
    place: int, begin: int, end: int, size: int | None, position: int, tmp_path: Path
) -> None:
    """What a damaged header says is lost is not known; that it is nothing is never said."""
    _, (loss,) = recovered(flipped(MIXED, place), tmp_path)
    assert (loss.begin, loss.end, loss.raw_size, loss.position) == (begin, end, size, position)


def test_junk_is_a_loss_of_nothing_only_if_it_can_not_have_been_a_frame(tmp_path: Path) -> None:
    for junk, size in ((b"j", 0), (b"j" * 13, 0), (b"j" * 14, None), (b"junk" * 9, None), (MORE[:9], None)):
        for frame in (FRAME, CODED, framed()):
            for data in (junk + frame + MORE, MORE + junk + frame):
                content, (loss,) = recovered(data, tmp_path)
                assert content in (
                    b"more" + b"".join(HELD[:2]),
                    TEXT[:300] + b"more",
                    without() + b"more",
                    b"more",
                ) or (content in (b"more" + without(), b"more" + TEXT[:300]))
                assert loss.raw_size == size


@pytest.mark.slow
def test_every_flipped_byte_of_mixed_frames_costs_one_block_at_most(tmp_path: Path) -> None:
    tried = 0
    singly = [held_without(number) for number in (0, 2, 4)]
    singly += [TEXT[:300] + without(number) + NOISE + b"more" for number in range(BLOCKS)]
    for place in range(0, len(MIXED), 2):
        content, losses = recovered(flipped(MIXED, place), tmp_path)
        assert content in [held_without(), *singly], place
        assert len(losses) == 1, (place, [str(loss) for loss in losses])
        tried += 1
    print(f"{tried} damaged files, all but one block of each recovered")
    assert tried == -(-len(MIXED) // 2)


def test_a_file_in_a_stored_block_is_not_taken_for_frames(tmp_path: Path) -> None:
    """Whatever ends like a frame of several blocks, as the held file does."""
    for inner in (FRAME, FRAME + FRAME, FRAME + CODED + FRAME, FRAME + bytes(12), MIXED + FRAME, NOISE + FRAME):
        for before in (b"", CODED, FRAME, CODED + bytes(4) + FRAME + bytes(4)):
            outer = framed(NOISE + inner)  # stored
            frames = read_frames(io.BytesIO(before + outer))
            assert frames[-1].offset == len(before)
            assert (frames[-1].size, frames[-1].raw_size) == (len(outer), len(NOISE + inner))
            assert likezip.decompress(before + outer).endswith(NOISE + inner)
            assert recovered(before + outer, tmp_path)[1] == []


@pytest.mark.slow
def test_workers_do_not_change_what_comes_back(tmp_path: Path) -> None:
    damaged = flipped(FRAME, PLACES[2] + 30, END + 3)
    assert recovered(damaged, tmp_path, threads=2) == recovered(damaged, tmp_path)


def test_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(likezip.TruncatedError):
        recovered(b"", tmp_path)
    for junk in (b"junk", b"junk " * 1000, NOISE * 200, flipped(framed(b"x"), -1)):
        with pytest.raises(likezip.CorruptError, match="no block is intact"):
            recovered(junk, tmp_path)


def test_a_frame_of_an_unknown_model_is_lost_and_the_others_are_not(tmp_path: Path) -> None:
    header, info = FrameHeader.of(container.MIN_BLOCK, b"unknown!").packed, likezip.get_frame_info(FRAME)
    index = container.Index(len(header), info.blocks).pack()
    unknown = header + FRAME[len(info.header.packed) : info.block_offsets[-1]] + index
    for damaged in (unknown + framed(b"more"), unknown[:-1] + framed(b"more")):
        content, losses = recovered(damaged, tmp_path)
        assert content == b"more"
        assert sum("756e6b6e6f776e21" in loss.reason for loss in losses) == BLOCKS
    with pytest.raises(likezip.UnknownModelError, match="756e6b6e6f776e21"):
        recovered(unknown, tmp_path)


@pytest.mark.slow
def test_every_flipped_byte_costs_one_block_at_most(tmp_path: Path) -> None:
    tried = 0
    for place in range(0, len(FRAME), 3):
        content, losses = recovered(flipped(FRAME, place), tmp_path)
        assert content in [without(), *(without(number) for number in range(BLOCKS))], place
        assert len(losses) == 1
        tried += 1
    print(f"{tried} damaged files, all but one block of each recovered")
    assert tried == -(-len(FRAME) // 3)


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_never_gives_wrong_bytes(seed: int, tmp_path: Path) -> None:
    """Cut, doubled, overwritten: what comes back are whole blocks."""
    generator = random.Random(seed)
    damaged = FRAME * 2
    for _ in range(generator.randrange(1, 5)):
        a, b = sorted(generator.choices(range(len(damaged)), k=2))
        change: Callable[[], bytes] = generator.choice(
            [
                lambda a=a, b=b, data=damaged: data[:a] + data[a + (b - a) // 8 :],
                lambda a=a, b=b, data=damaged: data[:b] + data[a:],
                lambda a=a, data=damaged: data[:a] + generator.randbytes(20) + data[a + 20 :],
                lambda a=a, data=damaged: flipped(data, a),
            ]
        )
        damaged = change()
    try:
        content, _ = recovered(damaged, tmp_path)
    except likezip.CorruptError:
        return
    while content:
        assert any(content.startswith(part) for part in PARTS)
        content = content[BLOCK:]


@pytest.mark.slow
def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("damaged.lz").write_bytes(flipped(FRAME, PLACES[2] + 30))
    result = CliRunner().invoke(main, ["decompress", "--recover", "damaged.lz"])
    assert result.exit_code == 1
    assert Path("damaged").read_bytes() == without(2)
    assert result.stderr.startswith("likezip: damaged.lz: 600 bytes lost before byte 1200 of the output (block 2: ")
    Path("junk.lz").write_bytes(b"junk")
    assert CliRunner().invoke(main, ["decompress", "--recover", "junk.lz"]).exit_code == 1
    assert not Path("junk").exists()


class Work:
    """Counts the bytes that recovery takes checksums of or looks through for headers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        checksum, plausible = block_header.checksum, recovery.plausible_places

        def counted_checksum(data: bytes | memoryview) -> int:
            self.done += len(data)
            return checksum(data)

        def counted_plausible(data: bytes, count: int) -> list[int]:
            self.done += len(data)
            return plausible(data, count)

        monkeypatch.setattr(container, "checksum", counted_checksum)
        monkeypatch.setattr(block_header, "checksum", counted_checksum)
        monkeypatch.setattr(recovery, "plausible_places", counted_plausible)

    def of(self, data: bytes, place: Path) -> int:
        """How much there is to do for a file of which nothing, or little, can be recovered."""
        self.done = 0
        with suppress(likezip.CorruptError):
            recovered(data, place)
        return self.done


HEAD = FrameHeader.of(1 << 20, likezip.load_model("likezip-2").id).packed
HEAD_ALONE = FrameHeader.of(None, likezip.load_model("likezip-2").id)


def header_of(size: int, number: int, crc: int = 1) -> bytes:
    """The header of a stored block of a frame of several."""
    return BlockHeader.stored(size, crc).pack(Sealing.numbered(number))


def frame_of(size: int, crc: int = 1) -> bytes:
    """A frame of one stored block, without its payload."""
    return HEAD_ALONE.packed + BlockHeader.stored(size, crc).pack(HEAD_ALONE.sealing(0))


X = block_header.checksum(b"x")


def overlapping_headers(count: int) -> bytes:
    """Stored blocks that all claim to reach to the last byte of the file, where nothing is."""
    found = b".?"
    for number in reversed(range(count)):
        found = header_of(len(found) - 1, number) + found
    return HEAD + found


def overlapping_headers_then_zeros(count: int) -> bytes:
    """The same, but each ends a little before the one before it."""
    found = b""
    for number in range(count):
        left = 40 * count - 12 * number - len(found)
        packed = (header_of(left - size, number) for size in (10, 11, 12))
        found += next(header for size, header in zip((10, 11, 12), packed, strict=True) if len(header) == size)
    return HEAD + found + bytes(40 * count - len(found))


def overlapping_frames(count: int) -> bytes:
    """Frames of one block that all claim to reach to the last byte of the file."""
    found = b".?"
    for _ in range(count):
        found = frame_of(len(found) - 1) + found
    return found


def overlapping_ends(count: int) -> bytes:
    """Footers that each claim an index from another place near the beginning on."""
    footers, begin = [], len(HEAD) + container.ENTRY_SIZE * count
    for number in range(count):
        size = begin + (number + 1) * container.FOOTER_SIZE - container.end_size(0) - len(HEAD)
        blocks = size // container.ENTRY_SIZE - number
        footers.append(struct.pack("<IBI", blocks, 12, 7) + container.END_MAGIC)
    return HEAD + bytes(container.ENTRY_SIZE * count) + b"".join(footers)


def every_other_header_damaged(count: int) -> bytes:
    """Small blocks, which are found one after the other by searching."""
    parts = [header_of(1, number, X) + b"x" for number in range(count)]
    return HEAD + b"".join(part if number % 2 else b"?" + part[1:] for number, part in enumerate(parts))


def every_other_frame_damaged(count: int) -> bytes:
    """The same with frames of one block."""
    part = frame_of(1, X) + b"x"
    return b"".join(part if number % 2 else part[:7] + b"?" + part[8:] for number in range(count))


def indexes_of_all_blocks_so_far(count: int) -> bytes:
    """Behind each block something that begins as the index would."""
    entry = struct.pack("<BII", 0, 11, 1)
    return HEAD + b"".join(header_of(1, number, X) + b"x" + entry + b"?" for number in range(count))


def far_numbers(count: int) -> bytes:
    """Blocks that are each as far from the one before as is believed."""
    return HEAD + b"".join(header_of(1, number * 4000, X) + b"x" for number in range(count))


FORGED = [
    overlapping_headers,
    overlapping_headers_then_zeros,
    overlapping_frames,
    overlapping_ends,
    every_other_header_damaged,
    every_other_frame_damaged,
    indexes_of_all_blocks_so_far,
    far_numbers,
]


@pytest.mark.slow
@pytest.mark.parametrize("forged", FORGED, ids=lambda forged: forged.__name__)
def test_work_is_proportional_to_the_file(
    forged: Callable[[int], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, small, large = Work(monkeypatch), forged(500), forged(4000)
    for data in (small, large):
        assert work.of(data, tmp_path) < 20 * len(data)


def numbers_header(row_length: int, raw_size: int, payload_size: int) -> BlockHeader:
    """The header of a block of numbers."""
    modelled, layout = (1, 0, block_header.NUMBERS_PROFILE, row_length, 16), NumberLayout(128, 8, 7, True, True)
    return BlockHeader(block_header.MEMORY, *modelled, raw_size, payload_size, None, layout=layout)


def test_a_number_is_found_from_the_checksum() -> None:
    for number in (0, 1, 255, 256, 4095, 123_456_789, (1 << 32) - 1):
        for header in (
            BlockHeader.stored(77, 5),
            BlockHeader.stored(1 << 20, 5, (1 << 20) - 3),
            BlockHeader.in_parts(Whole(1 << 20, 5), 77),
            BlockHeader.in_parts(Whole(1 << 20, 5), 77, (1 << 20) - 3000),
            BlockHeader(block_header.MEMORY, 2, 1, block_header.CODE_PROFILE, 999, 17, 1 << 22, 1 << 20, None),
            BlockHeader(block_header.MEMORY, 2, 1, block_header.CODE_PROFILE, 999, 17, 1 << 22, 1 << 20, 5, 9),
            numbers_header(9999, 1 << 22, 1 << 20),
        ):
            assert header_search.number_of(header.pack(Sealing.numbered(number)) + b"behind") == number


def test_headers_are_found_wherever_they_are() -> None:
    """Every one, at any place, whatever is around it, and little else."""
    generator = random.Random(12)

    longer = 1 << 20

    def least(raw: int) -> int:
        return block_header.least_payload(raw + longer)

    kinds = [
        lambda raw: BlockHeader.stored(raw, generator.getrandbits(32)),
        lambda raw: BlockHeader(
            block_header.MEMORY, 1, 0, 0, 0, block_header.default_table_bits(raw), raw, raw // 2, None
        ),
        lambda raw: BlockHeader(block_header.MEMORY, 7, 1, block_header.CODE_PROFILE, 24, 16, raw, raw - 1, None),
        lambda raw: BlockHeader(block_header.MEMORY, 9, 0, block_header.RECORDS_PROFILE, 9999, 16, raw, raw + 2, None),
        lambda raw: numbers_header(65535, raw, raw + 1),
        lambda raw: BlockHeader(block_header.MEMORY_PRIOR, 1024, 1, 0, 0, 17, raw, raw // 3 + 1, None),
        lambda raw: BlockHeader.stored(raw + 500, generator.getrandbits(32), 500),
        lambda raw: BlockHeader.stored(raw + longer, generator.getrandbits(32), raw + longer - 3),
        lambda raw: BlockHeader(block_header.MEMORY, 1, 0, 0, 0, 16, raw + longer, least(raw) + 2, 7, raw + longer - 3),
        lambda raw: BlockHeader(block_header.MEMORY, 3, 1, block_header.CODE_PROFILE, 24, 16, raw + 1, raw - 1, 5, 1),
        lambda raw: BlockHeader(block_header.MEMORY, 1, 0, 0, 0, 20, 2 * raw, raw // 2, 5, raw, primed=True),
        lambda raw: BlockHeader.in_parts(Whole(raw, generator.getrandbits(32)), raw - raw // 7),
        lambda raw: BlockHeader.in_parts(Whole(raw + longer, generator.getrandbits(32)), least(raw) + 2, longer),
    ]
    content, places = b"", []
    for size in (1, 2, 64, 65, 1000, 1 << 14, (1 << 14) + 1, 1 << 16, (1 << 22) + 1, 1 << 29):
        for kind in kinds:
            content += generator.randbytes(generator.randrange(2000))
            places.append(len(content))
            number = generator.choice([0, 1, generator.randrange(4096), header_search.MOST_BLOCKS - 1])
            packed = kind(size).pack(Sealing.numbered(number))
            assert header_search.number_of(packed) == number
            content += packed
    found = header_search.plausible_places(content, len(content))
    assert set(places) <= set(found) and len(found) < 2 * len(places)
    for place in found:
        with suppress(likezip.TruncatedError):
            assert header_search.number_of(content[place:]) < header_search.MOST_BLOCKS
    assert header_search.plausible_places(content, places[3]) == [place for place in found if place < places[3]]
    assert header_search.plausible_places(b"", 0) == header_search.plausible_places(b"\1", 1) == []


@pytest.mark.parametrize("kept", [0, 100, len(FRAME) // 2])
def test_a_file_that_shrinks_is_an_error(kept: int, tmp_path: Path) -> None:
    """Not a signal that ends the process, as where it is mapped into memory."""
    path = tmp_path / "damaged.lz"
    path.write_bytes(flipped(FRAME, PLACES[2] + 30, len(FRAME) - 3))

    class Shrinking(io.BytesIO):
        def write(self, data: "Buffer") -> int:
            os.truncate(path, kept)
            return super().write(data)

    with path.open("rb", buffering=0) as file, pytest.raises(OSError, match="shorter"):
        recover_stream(file, Shrinking(), threads=1)
