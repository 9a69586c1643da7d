"""What came before in a frame, as far as its window reaches: the copies of later blocks are filled in from it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from likezip.blocks import codec, copies
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.copies import Literals
from likezip.errors import CorruptError
from likezip.frames.context import Context, size_of

Load = Callable[[int], tuple[int, Literals]]
"""Gives for a position in a frame's content the position at which its block begins, and the block's literals; raises
LikezipError if there are none."""


FILLED = 1 << 20
"""Bytes of a piece of a block with copies."""


class History:
    """The literals of a frame's blocks, and the position in its content at which the next block begins."""

    def __init__(
        self, window: int, position: int = 0, load: Load | None = None, context: Context | None = None
    ) -> None:
        """window: bytes; position: of the first block that is given; load: gives those before it, None if they are not
        to be had."""
        self.position = position
        self._window, self._load = window, load
        self._context = None if context is None else Literals.of(context.content, len(context.content))
        self._context_size = size_of(context)
        self._begins, self._blocks = list[int](), list[Literals]()  # in order

    def complete(self, header: BlockHeader, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
        """The raw bytes of the next block, from its coded bytes, both piece by piece; they are verified.

        Raises CorruptError, and what ``pieces`` raises.
        """
        begin = self.position
        self.position += header.raw_size
        if not header.has_copies and self._window == 0:
            for piece in pieces:
                yield bytes(piece)
        elif not header.has_copies:
            kept = list[bytes | memoryview]()
            for piece in pieces:
                kept.append(piece)
                yield bytes(piece)
            self._note(begin, Literals.of(b"".join(kept), header.raw_size))
        else:
            raw = self._filled(header, begin, b"".join(pieces))
            for start in range(0, len(raw), FILLED):
                yield bytes(raw[start : start + FILLED])

    def _filled(self, header: BlockHeader, begin: int, coded: bytes) -> bytearray:
        """The raw bytes of a block with copies, which begins there."""
        listed, literals = copies.unpack(coded, header.raw_size, self._context_size)
        try:
            raw = copies.fill(listed, literals, lambda distance, length: self._find(begin, distance, length))
        finally:  # what came before is needed until then; the literals are right, even if a copy of what is lost is not
            self._note(begin, literals)
        codec.verify(header, raw)
        return raw

    def skip(self, size: int | None) -> None:
        """Pass over a block that is lost, None for an unknown number of bytes: all that came before is then out of
        reach."""
        if size is None:
            self._begins.clear()
            self._blocks.clear()
            self.position, self._load, self._context = 0, None, None
        else:
            self.position += size

    def _note(self, begin: int, literals: Literals) -> None:
        """Keep the literals of the last block, and of those before no more than the next one may refer to."""
        if self._window == 0:
            return
        self._begins.append(begin)
        self._blocks.append(literals)
        oldest = max(0, bisect_right(self._begins, self.position - self._window) - 1)
        del self._begins[:oldest], self._blocks[:oldest]

    def _find(self, begin: int, distance: int, length: int) -> bytes:
        """The literals that begin ``distance`` bytes before the block at ``begin``."""
        position = begin - distance
        if position < 0 and self._context is not None:
            return self._context.take(position + self._context.size, length)
        if distance > self._window:
            raise CorruptError("a copy refers to bytes before the window")
        if position < 0:
            raise CorruptError("a copy refers to bytes before the frame, or that are lost")
        number = bisect_right(self._begins, position) - 1
        if number < 0 or position >= self._begins[number] + self._blocks[number].size:
            number = self._insert(position)
        return self._blocks[number].take(position - self._begins[number], length)

    def _insert(self, position: int) -> int:
        """Load the block that has a position; returns its number."""
        if self._load is None:
            raise CorruptError("a copy refers to bytes that are lost")
        begin, literals = self._load(position)
        number = bisect_right(self._begins, begin)
        self._begins.insert(number, begin)
        self._blocks.insert(number, literals)
        return number
