"""Headers of blocks found anywhere in bytes, for recovery: by the numbers that their checksums fit.

A CRC is linear in the bits, so from the checksum of a header follows the number that it was made with: every place
gives one, below 2^32, but only that of a header gives one that a block may have.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader
from likezip.memory.number_layout import LAYOUT_BITS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Places = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint32]

MOST_BLOCKS = 1 << 26
"""Numbers of blocks that are looked for are below this: those of 4 TB in the smallest blocks."""


def number_of(packed: bytes) -> int:
    """The number, below 2^32, with which the checksum of a block's header fits; there is always exactly one.

    packed: at least the header.  Raises TruncatedError if it is less.
    """
    fields, stated = BlockHeader.parted(packed)
    part, number = stated ^ block_header.checksum(bytes(8) + fields), 0
    for table in _numbers_by_part(len(fields)):
        number ^= table[part & 255]
        part >>= 8
    return number


def plausible_places(data: bytes, count: int) -> list[int]:
    """The places among the first ``count`` of ``data`` where block headers may begin: their fields are within most of
    their limits, and their checksum fits a number that a block may have."""
    import numpy as np

    content = np.frombuffer(data + bytes(block_header.MAX_SIZE), np.uint8)
    places, sizes = _fields(content, _begun(content[:count]))
    found = [np.empty(0, np.int64)]
    for size in np.unique(sizes):
        chosen = places[sizes == size]
        found.append(chosen[_numbers(content, chosen, int(size)) < MOST_BLOCKS])
    return [int(place) for place in np.sort(np.concatenate(found))]


def _begun(first: npt.NDArray[np.uint8]) -> Places:
    """The places of bytes that a header may begin with: of a mode and a profile that go together."""
    import numpy as np

    mode, profile = first & block_header.MODE, first >> 5 & 3
    found = (mode == block_header.MEMORY) | (mode == block_header.MEMORY_PRIOR) & (profile == block_header.TEXT_PROFILE)
    found |= np.isin(first & (255 - block_header.COPIES), (block_header.STORED, block_header.IN_PARTS))
    return np.flatnonzero(found)


def _fields(content: npt.NDArray[np.uint8], places: Places) -> tuple[Places, Places]:
    """Of these places those where sizes are within their limits, and the bytes of the header before its checksum."""
    import numpy as np

    first = content[places]
    raw, behind_raw = _number_at(content, places + 1)
    coded, behind = _number_at(content, behind_raw)
    copied = first & block_header.COPIES != 0
    coded, behind = np.where(copied, coded, raw), np.where(copied, behind, behind_raw)
    verified = np.isin(first & block_header.MODE, block_header.UNMODELLED)
    shaped = (first >> 3 & 1 == 1) & (first & block_header.MODE != block_header.PARTS)
    shape = content[behind].astype(np.int64) | content[behind + 1].astype(np.int64) << 8
    table_bits = np.where(shaped, shape >> 11, block_header.MIN_TABLE_BITS)
    lanes = np.where(shaped, (shape & 1023) + (table_bits > 0), 1)
    pieced = shaped & (shape & 1024 != 0)
    piece_bits = np.where(pieced, content[behind + 2], block_header.PIECE_BITS)
    behind = behind + 2 * shaped + pieced
    row, behind_row = _number_at(content, behind)
    profile = first >> 5 & 3
    rowed = profile != block_header.TEXT_PROFILE
    row = np.where(rowed, row >> np.where(profile == block_header.NUMBERS_PROFILE, LAYOUT_BITS, 0), 0)
    behind = np.where(rowed, behind_row, behind)
    payload, behind_payload = _number_at(content, behind)
    stored = first & block_header.MODE == block_header.STORED
    least = (raw + 1) >> block_header.PADDED_SHIFT << 2
    fits = stored | (payload >= least) & (payload <= np.maximum(least, coded + 1) + block_header.SLACK)
    fits &= (coded < raw) | ~copied
    modelled = (lanes >= 1) & (lanes <= np.where(first >> 7 == 1, 1, block_header.MAX_LANES))
    modelled &= (table_bits >= block_header.MIN_TABLE_BITS) & (table_bits <= block_header.MAX_TABLE_BITS)
    fits &= modelled | (lanes == 0) & (table_bits == 0)
    fits &= (piece_bits >= block_header.MIN_PIECE_BITS) & (piece_bits <= block_header.MAX_PIECE_BITS)
    fits &= (row != 1) & (row <= block_header.MAX_ROW)
    sizes = np.where(stored, behind, behind_payload) + 4 * (verified | copied) - places
    return places[fits], sizes[fits]


def _number_at(content: npt.NDArray[np.uint8], places: Places) -> tuple[Places, Places]:
    """The numbers of variable length at these places, and where they end."""
    import numpy as np

    size = (content[places] & 3).astype(np.int64) + 1
    numbers = sum(content[places + i].astype(np.int64) << 8 * i for i in range(4))
    return (numbers & ((1 << 8 * size) - 1)) >> 2, places + size


def _numbers(content: npt.NDArray[np.uint8], places: Places, size: int) -> Words:
    """``number_of`` for headers of ``size`` bytes before their checksums at these places."""
    import numpy as np

    table = np.array(_crc_table(), np.uint32)
    crc = np.full(places.shape, block_header.checksum(bytes(8)) ^ 0xFFFFFFFF, np.uint32)
    for i in range(size):
        crc = table[(crc ^ content[places + i]) & 255] ^ crc >> 8
    stated = sum(content[places + size + i].astype(np.uint32) << np.uint32(8 * i) for i in range(4))
    part, number = ~crc ^ stated, np.zeros(places.shape, np.uint32)
    for i, numbers in enumerate(_numbers_by_part(size)):
        number ^= np.array(numbers, np.uint32)[part >> np.uint32(8 * i) & np.uint32(255)]
    return number


@lru_cache(maxsize=1)
def _crc_table() -> list[int]:
    """What each byte makes of a CRC-32."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0xEDB88320 * (byte & 1)
        table.append(byte)
    return table


@lru_cache(maxsize=block_header.MAX_SIZE)
def _numbers_by_part(size: int) -> list[list[int]]:
    """(4, 256) numbers, by which a block's number is found from the part of a checksum that comes from it: for each of
    the four bytes of a part, a number for each value; the XOR of the four numbers of a part is the block's number.

    size: bytes of the header before its checksum.
    """
    rest = bytes(size)
    nothing = block_header.checksum(bytes(8) + rest)
    rows = [(block_header.checksum(struct.pack("<Q", 1 << bit) + rest) ^ nothing, 1 << bit) for bit in range(32)]
    for bit in range(32):  # Gauss's elimination, of bits: row ``bit`` comes to have this bit alone in its part
        pivot = next(row for row in range(bit, 32) if rows[row][0] >> bit & 1)
        rows[bit], rows[pivot] = rows[pivot], rows[bit]
        part, number = rows[bit]
        rows = [(p ^ part, n ^ number) if p >> bit & 1 and row != bit else (p, n) for row, (p, n) in enumerate(rows)]
    tables = []
    for first in range(0, 32, 8):
        table = [0]
        for bit in range(8):
            table += [number ^ rows[first + bit][1] for number in table]
        tables.append(table)
    return tables
