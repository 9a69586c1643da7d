"""The payload of a coded block: the code words of its pieces.

    for each piece but the last: the bytes of its words, as a number of ``likezip.blocks.fields``, and its words
    the words of the last piece
    zeros up to the least size

Words are written without the zeros at their end, and have them again up to a multiple of four bytes when they are read.
"""

from __future__ import annotations

import io

from likezip.blocks.block_header import least_payload
from likezip.blocks.fields import pack_number, parse, shortest_number
from likezip.errors import CorruptError, TruncatedError


def pack_words(words: list[bytes], raw_size: int) -> bytes:
    """The payload of a block of ``raw_size`` bytes that holds the words of each of its pieces, at least one."""
    stripped = [each.rstrip(b"\0") for each in words]
    payload = b"".join(pack_number(len(each)) + each for each in stripped[:-1]) + stripped[-1]
    return payload + bytes(max(0, least_payload(raw_size) - len(payload)))


def unpack_words(payload: bytes, raw_size: int, pieces: int) -> list[bytes]:
    """The words of each of the ``pieces`` of a block of ``raw_size`` bytes.

    Raises CorruptError if they are not as ``pack_words`` writes them.
    """
    file, words = io.BytesIO(payload), list[bytes]()
    for _ in range(pieces - 1):
        size = _read_size(file)
        words.append(file.read(size))
        if len(words[-1]) < size:
            raise CorruptError("the block's code words are cut off")
    words.append(file.read())
    if len(payload) == least_payload(raw_size):
        words[-1] = words[-1].rstrip(b"\0")
    if any(each.endswith(b"\0") for each in words):
        raise CorruptError("the block's code words end in a zero")
    return [each + bytes(-len(each) % 4) for each in words]


def _read_size(file: io.BytesIO) -> int:
    """The size of a piece's words."""
    try:
        return parse(shortest_number("code words", "the size of a piece's code words"), file.read)
    except TruncatedError:
        raise CorruptError("the block's code words are cut off") from None
