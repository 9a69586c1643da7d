"""Kinds of data in a block, told apart by how often each byte occurs in them.

Archives, programs and documents hold text, code, tables, pictures and noise in turn.  Windows of a block that are alike
are put together: each joins the kind that it costs least to describe it by, in the sense of a code by the frequencies
of the kind with it and without it, or begins a new one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from likezip.blocks.parts import LEAST_STRETCH, Stretch

WINDOW = 1 << 13
"""Bytes that are looked at together; a border between kinds is then placed to the byte."""

LEAST = 1 << 15
"""Bytes of a kind at least."""

MOST_KINDS = 8

DIFFERENT, LOYALTY = 1.0, 0.1
"""Bits a byte that a window may cost more in a kind than by itself; and bits a byte that it has to save for a change
of kind."""

Counts = npt.NDArray[np.float64]


def kinds_of(raw: bytes) -> list[Stretch]:
    """The stretches of a block, of one kind each, in order; the kinds are numbered by their first stretches.  One
    stretch if all is of a kind."""
    content = np.frombuffer(raw, np.uint8)
    windows = len(raw) // WINDOW
    if len(raw) < 2 * LEAST:
        return [Stretch(0, 0, len(raw))]
    counts = np.empty((windows, 256))
    for number, window in enumerate(content[: windows * WINDOW].reshape(windows, WINDOW)):
        counts[number] = np.bincount(window, minlength=256)
    members, kinds = _without_small_kinds(counts, *_members(counts))
    members = _without_short_runs(counts, members, kinds)
    return _stretches(content, members, kinds)


def _cost(counts: Counts) -> Counts:
    """The bits of (..., 256) counted bytes by their own frequencies, (...,)."""
    totals = counts.sum(-1)
    costs: Counts = totals * np.log2(np.maximum(totals, 1)) - (counts * np.log2(np.maximum(counts, 1))).sum(-1)
    return costs


def _losses(kinds: Counts, own: Counts) -> Counts:
    """The bits by which each of the kinds (kinds, 256) costs more with a window of ``own`` counts (256,)."""
    return _cost(kinds + own) - _cost(kinds)


def _members(counts: Counts) -> tuple[npt.NDArray[np.int64], Counts]:
    """The kind of each window, and the counts of each kind (kinds, 256); counts: of each window (windows, 256)."""
    members, kinds = np.zeros(len(counts), np.int64), counts[:1].copy()
    for window in range(1, len(counts)):
        own = counts[window]
        losses = (_losses(kinds, own) - _cost(own)) / WINDOW
        losses[members[window - 1]] -= LOYALTY
        member = int(losses.argmin())
        if losses[member] > DIFFERENT and len(kinds) < MOST_KINDS:
            member, kinds = len(kinds), np.concatenate([kinds, np.zeros((1, 256))])
        kinds[member] += own
        members[window] = member
    return members, kinds


def _without_small_kinds(
    counts: Counts, members: npt.NDArray[np.int64], kinds: Counts
) -> tuple[npt.NDArray[np.int64], Counts]:
    """The same, windows of kinds that are too small being given to the most similar others."""
    large = kinds.sum(1) >= LEAST
    if large.all():
        return members, kinds
    if not large.any():
        return np.zeros_like(members), kinds.sum(0, keepdims=True)
    kept = kinds[large]
    found = (np.cumsum(large) - 1)[members]
    for window in np.flatnonzero(~large[members]):
        found[window] = _losses(kept, counts[window]).argmin()
    return found, kept


def _without_short_runs(counts: Counts, members: npt.NDArray[np.int64], kinds: Counts) -> npt.NDArray[np.int64]:
    """The kind of each window, those that are alone between others being given to the kind on one side: what lies
    around a border is like neither."""
    members = members.copy()
    for window in range(1, len(members) - 1):
        sides = members[[window - 1, window + 1]]
        if members[window] not in sides:
            members[window] = sides[_losses(kinds[sides], counts[window]).argmin()]
    return members


def _stretches(content: npt.NDArray[np.uint8], members: npt.NDArray[np.int64], kinds: Counts) -> list[Stretch]:
    lengths = np.log2(kinds.sum(1, keepdims=True) + 128) - np.log2(kinds + 0.5)
    borders = [*(np.flatnonzero(np.diff(members)) + 1).tolist(), len(members)]
    stretches, begin, numbers = list[Stretch](), 0, dict[int, int]()
    for number, border in enumerate(borders):
        member, end = int(members[border - 1]), content.size
        if border < len(members):
            first = max(begin + LEAST_STRETCH, (border - 1) * WINDOW)
            last = min(border + 1, borders[number + 1]) * WINDOW - LEAST_STRETCH
            end = first + _border(content[first:last], lengths[member] - lengths[members[border]])
        stretches.append(Stretch(numbers.setdefault(member, len(numbers)), begin, end))
        begin = end
    return stretches


def _border(content: npt.NDArray[np.uint8], change: Counts) -> int:
    """The best place for a border in ``content``; change (256,): bits by which the kind before it is worse for each
    byte than the kind behind it."""
    return int(np.concatenate([[0.0], np.cumsum(change[content])]).argmin())
