"""Long repeats of what came before, in a block or before it, found by hashes of strings at regular places.

The string of STRIDE bytes at every place that is a multiple of STRIDE is entered in a table by its hash, and looked for
at every place; a hit is extended in both directions.  (The idea of A. Tridgell's rsync, 1996, and of the long distance
matching of zstd.)  What is found is exact: the bytes are compared, the hash only says where.

A copy's source before the block is bytes that are no copies themselves, *literals*: so a reader that has the literals
of the blocks before needs one step to fill in a copy.  Strings of literals alone are entered, so no other source before
the block can be found, and nothing else of earlier blocks is kept; a source in the block begins with literals, and may
go on over copies.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from likezip.blocks.copies import Copy, pack
from likezip.kernels.compiling import compiled, inlined
from likezip.kernels.hashing import scramble

STRIDE = 32
"""Bytes of the strings that are hashed, and between the places of those that are entered."""

BASE = np.uint64(0xD6E8FEB86659FD93)
"""The hash of a string is the polynomial of its bytes + 1 at this odd number, modulo 2^64."""
OLDEST = np.uint64(pow(int(BASE), STRIDE, 1 << 64))
"""BASE^STRIDE."""

LEAST_BEFORE, LEAST_INSIDE = 128, 1 << 16
"""Bytes of a copy, at least, if its source is before the block or in it: what it costs the list, some 6 bytes, has to
be less than what the predictor would take, which knows the block itself."""

LEAST_OF_MANY = (64, 0.99, 1 << 12), (1 << 10, 0.5, 1 << 10)
"""Copies from the block itself may be shorter, of so many bytes, if they are such a share of the block or more, and of
so many bytes or more in the mean: then it is so regular that a list of copies is smaller than what its bytes cost, each
as little as can be, and faster by far."""

SPARE = 8
"""There is room for this part of the window besides it, so that it is moved only now and then."""
AT_ONCE = 1 << 25
"""Room of so many bytes or more is that for the whole window: it takes no memory before it is used, and is not copied
while it grows."""
NOTHING = np.zeros(0, np.uint8)

Bytes = npt.NDArray[np.uint8]


@inlined
def _hash(content, place):
    """Of the string at a place."""
    value = np.uint64(0)
    for i in range(STRIDE):
        value = value * BASE + np.uint64(content[place + i]) + np.uint64(1)
    return value


@inlined
def _segment(begins, count, position):
    """The last of ``count`` segments that begins at a position or before it, -1 for none."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if begins[middle] <= position:
            low = middle + 1
        else:
            high = middle
    return low - 1


@compiled
def _find(before, kept, forgotten, content, begin, limit, table, shift, entered, segments, count, total, least, copies):
    """Find the copies in a block, enter its strings, and note its literals.

    before (n,) uint8: bytes at the positions -n to -1; content (m,) uint8: the block, whose position is ``begin``;
    limit: the first position that may be referred to, besides those of ``before``.
    kept uint8: literals of earlier blocks, without the first ``forgotten`` of them; total: how many there were.
    table (2^k,) uint64: in the upper half the upper half of a mixed hash, in the lower half the number of the string,
    counted from 1, its position being STRIDE times that minus ``entered``; shift: 64 - k.
    Strings of the block may have been entered before, also those behind the place that is looked at.
    segments (3, more) int64: begins and ends of the segments of literals, and the literals before each; count: how many
    there are.
    least: the least lengths of a copy, of what came before the block and of the block itself; copies (more, 3) int64.
    Returns the number of copies and of segments.
    """
    begins, ends, numbers = segments
    size, found = begin + content.size, 0
    place = literal = 0  # in ``content``
    allowed = place  # the next place at which a string is looked for
    value = _hash(content, place) if place + STRIDE <= content.size else np.uint64(0)
    while place + STRIDE <= content.size:
        mixed = scramble(value)
        slot = mixed >> shift
        entry = table[slot]
        copied = 0
        if place >= allowed and entry != 0 and entry >> np.uint64(32) == mixed >> np.uint64(32):
            source = np.int64(entry & np.uint64(0xFFFFFFFF)) * STRIDE - entered
            inside = source >= begin
            segment = -1 if inside else _segment(begins, count, source)
            lowest = begin if inside else begins[max(segment, 0)]
            highest = size if inside else ends[max(segment, 0)]
            if (source < begin + place if inside else segment >= 0 and source < highest) and (
                source < 0 or source >= limit
            ):
                origin, offset = content, source - begin
                if source < 0 and not inside:
                    origin, offset = before, source + before.size
                elif not inside:
                    origin, offset = kept, numbers[segment] - forgotten + source - begins[segment]
                back, most = 0, min(place - literal, source - (lowest if source < 0 else max(lowest, limit)))
                while back < most and content[place - back - 1] == origin[offset - back - 1]:
                    back += 1
                ahead, most = 0, min(content.size - place, highest - source)
                while ahead < most and content[place + ahead] == origin[offset + ahead]:
                    ahead += 1
                if back + ahead >= least[1 if inside else 0]:
                    copied = back + ahead
                    at = place - back
                    copies[found, 0], copies[found, 1] = at, copied
                    copies[found, 2] = begin + place - source
                    found += 1
                    if at > literal:
                        begins[count], ends[count], numbers[count] = begin + literal, begin + at, total
                        total += at - literal
                        count += 1
                    place = literal = allowed = at + copied
                    if place + STRIDE <= content.size:
                        value = _hash(content, place)
                else:
                    allowed = place + max(ahead, 1)
        if copied:
            continue
        if (begin + place + entered) % STRIDE == 0:
            number = np.uint64((begin + place + entered) // STRIDE) & np.uint64(0xFFFFFFFF)
            table[slot] = (mixed >> np.uint64(32)) << np.uint64(32) | number
        if place + STRIDE < content.size:
            value = value * BASE + np.uint64(content[place + STRIDE]) + np.uint64(1)
            value -= OLDEST * (np.uint64(content[place]) + np.uint64(1))
        place += 1
    if content.size > literal:
        begins[count], ends[count], numbers[count] = begin + literal, size, total
        count += 1
    return found, count


class RepeatFinder:
    """Finds the copies in the blocks of a frame, which are given in order.

    Of earlier blocks only literals are kept, one behind the other, and which segments of the content they are.
    """

    def __init__(self, window: int, context: bytes = b"") -> None:
        """window: bytes before a block that its copies may refer to; context: what else they may refer to, as if it
        stood before the first block."""
        self._window, self._context = window, np.frombuffer(context, np.uint8)
        self._entered = STRIDE * (1 + -(-len(context) // STRIDE))
        self._table = np.zeros(1 << 10, np.uint64)
        self._segments, self._runs = np.zeros((3, 16), np.int64), 0
        self._kept, self._forgotten = NOTHING, 0  # literals, with room behind them; the number of the first
        self._last, self._last_size = NOTHING, 0  # the literals of the last block, and how many they are
        self._end = self._total = 0  # the position of the next block, and the number of its first literal
        self._unseen = b""
        if context:
            self._enter_context()

    def find(self, raw: bytes) -> list[Copy]:
        """The copies in the next block; ``keep`` is to be called before the block behind it is given."""
        first = self._end == 0 and not self._unseen and self._context.size == 0
        if first and len(raw) < LEAST_INSIDE:
            self._unseen = raw  # has no copies, and is looked at if another block follows
            return []
        unseen, self._unseen = self._unseen, b""
        if unseen:
            self.keep(pack(self._search(unseen), unseen))
        return self._search(raw)

    def keep(self, coded: bytes) -> None:
        """Keep the literals of the last block, which are the end of what it is coded as with the copies found.  They
        are copied once another block follows: so the block itself need not be kept."""
        if not self._unseen:
            self._last = np.frombuffer(coded, np.uint8)[len(coded) - self._last_size :]

    def _search(self, raw: bytes) -> list[Copy]:
        limit = max(0, self._end - self._window)
        self._take_last(self._first_from(limit))
        self._grow_table(self._context.size + self._end - limit + len(raw))
        most = len(raw) // LEAST_OF_MANY[0][0] + 1
        self._make_room_for_runs(most + 1, limit)
        runs = self._runs
        for least, share, mean in (*LEAST_OF_MANY, (LEAST_INSIDE, 0.0, 0)):
            self._runs = runs
            found = self._found(self._context, np.frombuffer(raw, np.uint8), self._end, limit, least, most)
            inside = [copy.length for copy in found if copy.distance <= copy.place]
            if not inside or min(inside) >= LEAST_INSIDE:
                break
            if sum(inside) >= max(share * len(raw), mean * len(inside)):
                break
        self._last_size = len(raw) - sum(copy.length for copy in found)
        self._end, self._total = self._end + len(raw), self._total + self._last_size
        return found

    def _enter_context(self) -> None:
        size = self._context.size
        self._grow_table(size)
        self._found(NOTHING, self._context, -size, -size, size + 1, 1)

    def _found(self, before: Bytes, content: Bytes, begin: int, limit: int, inside: int, most: int) -> list[Copy]:
        """The copies in a block; inside: bytes of a copy from the block itself, at least."""
        least = np.array((LEAST_BEFORE, inside))
        copies, shift = np.empty((most, 3), np.int64), np.uint64(65 - self._table.size.bit_length())
        earlier, table = (before, self._kept, self._forgotten), (self._table, shift, self._entered)
        noted = self._segments, self._runs, self._total
        found, self._runs = _find(*earlier, content, begin, limit, *table, *noted, least, copies)
        return [Copy(*map(int, copy)) for copy in copies[:found]]

    def _first_from(self, limit: int) -> int:
        """The number of the first literal at position ``limit`` or behind it."""
        begins, ends, numbers = self._segments[:, : self._runs]
        segment = int(np.searchsorted(ends, limit, "right"))
        return int(numbers[segment] + max(0, limit - begins[segment])) if segment < self._runs else self._total

    def _take_last(self, first: int) -> None:
        """Append the literals of the last block to those before it, of which those before number ``first`` may go, but
        go only if there is no room."""
        last, self._last = self._last, NOTHING
        begin = self._total - last.size
        if first >= begin:  # no others are kept, and these need not be copied unless another block follows
            self._kept, self._forgotten = last[first - begin :], first
            return
        if begin - self._forgotten + last.size > self._kept.size or not self._kept.flags.writeable:
            self._make_room(first, begin, last.size)
        place = begin - self._forgotten
        self._kept[place : place + last.size] = last

    def _make_room(self, first: int, end: int, more: int) -> None:
        """Have room for ``more`` behind the literals that are kept, those from number ``first`` to ``end``."""
        old, begin, count = self._kept, first - self._forgotten, end - first
        most = self._window + self._window // SPARE + 2 * more
        if not old.flags.writeable or count + more > old.size or begin < old.size // (2 * SPARE):
            size = 2 * (count + more)
            self._kept = np.empty(min(size if size < AT_ONCE else most, most), np.uint8)
        piece = count if self._kept is not old else begin  # in place no piece may overlap with where it goes
        for start in range(0, count, max(piece, 1)):
            part = slice(start, min(start + piece, count))
            self._kept[part] = old[begin + part.start : begin + part.stop]
        self._forgotten = first

    def _grow_table(self, size: int) -> None:
        """Have an entry for each string that ``size`` bytes enter."""
        bits = (size // STRIDE * 4 // 5).bit_length()
        if 1 << bits > self._table.size:
            entries = self._table[self._table != 0]
            self._table = np.zeros(1 << bits, np.uint64)
            self._table[entries >> np.uint64(64 - bits)] = entries

    def _make_room_for_runs(self, more: int, limit: int) -> None:
        if self._runs + more > self._segments.shape[1]:
            old = int(np.searchsorted(self._segments[1, : self._runs], limit, "right"))
            of_context = min(old, int(self._context.size > 0))  # the first segment, which stays
            kept = np.delete(self._segments[:, : self._runs], np.s_[of_context:old], 1)
            self._segments = np.empty((3, 2 * (kept.shape[1] + more)), np.int64)
            self._segments[:, : kept.shape[1]] = kept
            self._runs = kept.shape[1]


def compile_repeats() -> None:
    """Compile the kernel."""
    RepeatFinder(0)._search(b"")
