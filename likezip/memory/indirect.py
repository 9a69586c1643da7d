"""Indirect contexts: the bytes that followed the last byte, and the last two bytes, the last two times.

A direct context looks up what mostly followed it; the bytes that followed it last are a context in their turn, which
says where in a sequence of its own this occurrence is (the indirect model of paq8, Mahoney, 2006).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined
from likezip.memory.registers import HISTORY, INDIRECT

FOLLOWED = (1 << 8) + (1 << 16)
"""Entries of the table of followers: one for each byte, then one for each pair of bytes."""


@inlined
def _after_byte(history: np.uint64) -> np.uint64:
    """The entry for the last byte of ``history``."""
    return history & np.uint64(0xFF)


@inlined
def _after_pair(history: np.uint64) -> np.uint64:
    """The entry for the last two bytes of ``history``."""
    return np.uint64(1 << 8) + (history & np.uint64(0xFFFF))


@inlined
def enter_follower(registers: npt.NDArray[np.int64], followers: npt.NDArray[np.uint16]) -> None:
    """Have a lane's last byte follow those before it: ``followers`` (FOLLOWED,), of which each entry holds the last
    follower in its low byte and the one before in its high byte."""
    history = np.uint64(registers[HISTORY])
    byte, before = np.uint16(history & np.uint64(0xFF)), history >> np.uint64(8)
    for entry in (_after_byte(before), _after_pair(before)):
        followers[entry] = np.uint16(followers[entry] << 8) | byte


@inlined
def look_up_followers(registers: npt.NDArray[np.int64], followers: npt.NDArray[np.uint16]) -> None:
    """INDIRECT of a lane's coming byte."""
    history = np.uint64(registers[HISTORY])
    after_pair = np.int64(followers[_after_pair(history)])
    registers[INDIRECT] = np.int64(followers[_after_byte(history)]) | after_pair << 16
