"""The hash table: the bit histories of each context in this block.

For every lane and byte each context of the profile is hashed to a cache line of the table, which is four buckets.  A
bucket serves one nibble: 16 bytes, a check byte and the bit-history states of the nibble's 15 nodes (node 1 before its
first bit, then 2..3, 4..7, 8..15).  The buckets of the lower nibbles are in the same line or in one of the fifteen
beside it: nearly as good as anywhere, and on a page of memory that has been used before.

A *global* context is shared by all lanes, a *local* one has the lane in its hash: the first learns volume, the second
keeps recency, and the mixer learns which to trust.

All arithmetic on hashes is on uint64 and wraps; everything else is int64 far from its limits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined
from likezip.kernels.hashing import MIX_A, MIX_B, MIX_C, MIX_D, scramble
from likezip.kernels.intrinsics import prefetch
from likezip.memory.registers import HISTORY, LANE

BUCKET, LINE_SIZE = 16, 64
SPREAD = np.uint64(15)
"""The bits of a line's number in which a lower nibble's line may differ from the line of its upper nibble."""


@inlined
def hash_contexts(
    registers: npt.NDArray[np.int64],
    contexts: npt.NDArray[np.uint64],
    hashes: npt.NDArray[np.uint64],
) -> None:
    """Hash every context of one lane at a byte boundary.

    registers (REGISTERS,); contexts, see ``Profile.table``; hashes (contexts,), one for each context.
    """
    history, lane = np.uint64(registers[HISTORY]), np.uint64(registers[LANE] + 1)
    for i in range(hashes.size):
        register = np.uint64(registers[contexts[i, 1]])
        value = (history & contexts[i, 0]) * MIX_B + (register & contexts[i, 2]) * MIX_C
        hashes[i] = scramble(value + np.uint64(i + 1) * MIX_D + contexts[i, 3] * lane * MIX_A)


@inlined
def choose_row(registers: npt.NDArray[np.int64], chooser: npt.NDArray[np.uint64]) -> int:
    """A number in [0, 255] from the register that ``chooser``, a row of ``Profile.table``, names."""
    value = np.uint64(registers[chooser[1]]) & chooser[2]
    return int(value * MIX_A >> np.uint64(56))


@inlined
def locate_buckets(
    partial: int, hashes: npt.NDArray[np.uint64], homes: npt.NDArray[np.uint64], table: npt.NDArray[np.uint8]
) -> None:
    """Find the lines of one lane's next nibble, and prefetch them.

    ``partial`` is 1 or 16 + the upper nibble; ``homes`` (contexts,) gets the line's number in its lower bits, of which
    there are at most 22, and the check byte in its upper bits.
    """
    last = np.uint64(table.size // LINE_SIZE - 1)
    for i in range(hashes.size):
        value, line = hashes[i], hashes[i]
        if partial > 1:
            value = scramble(hashes[i] + np.uint64(partial) * MIX_C)
            line ^= value & SPREAD
        line &= last
        homes[i] = line | (value >> np.uint64(56) << np.uint64(56))
        prefetch(table, line * np.uint64(LINE_SIZE))


@inlined
def find_buckets(homes: npt.NDArray[np.uint64], slots: npt.NDArray[np.uint32], table: npt.NDArray[np.uint8]) -> int:
    """Point ``slots`` (contexts,) at buckets of the lines located; returns how many contexts had a bucket already.

    A context takes the first bucket of its line whose check byte fits.  If there is none, it takes the bucket whose
    first node has the smallest state, the first of several, and empties it.
    """
    last = np.uint64(table.size // LINE_SIZE - 1)
    found = 0
    for i in range(homes.size):
        slots[i], known = claim_bucket(homes[i] & last, check_of(homes[i]), table)
        found += known
    return found


@inlined
def check_of(home: np.uint64) -> np.uint8:
    """The check byte of a context's bucket."""
    return np.uint8(home >> np.uint64(56))


@inlined
def claim_bucket(line: np.uint64, check: np.uint8, table: npt.NDArray[np.uint8]) -> tuple[np.uint64, int]:
    """The bucket in a line, by its number, for a context with the byte ``check``; and 1 if it was there, 0 if another
    was emptied for it."""
    begin, best = line * np.uint64(LINE_SIZE), 1 << 20
    for number in range(LINE_SIZE // BUCKET):
        bucket = begin + np.uint64(number * BUCKET)
        # The least wins: the first that fits (0), else the first of the smallest state.
        state = int(table[bucket + np.uint64(1)]) + 1
        best = min(best, 64 * (0 if table[bucket] == check else state) + number * BUCKET)
    bucket = begin + np.uint64(best & 63)
    kept = np.uint8(255 if best < 64 else 0)
    table[bucket] = check
    for node in range(1, BUCKET):
        table[bucket + np.uint64(node)] &= kept
    return bucket, int(best < 64)


@inlined
def look_up_bucket(line: np.uint64, check: np.uint8, table: npt.NDArray[np.uint8]) -> tuple[np.uint64, int]:
    """The bucket in a line, by its number, for a context with the byte ``check``, and 1; or anything and 0 if there is
    none."""
    begin = line * np.uint64(LINE_SIZE)
    for number in range(LINE_SIZE // BUCKET):
        bucket = begin + np.uint64(number * BUCKET)
        if table[bucket] == check:
            return bucket, 1
    return begin, 0
