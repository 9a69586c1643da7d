"""Learning a context of records: which of them count, and in which mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from likezip.blocks import block_header, codec, coding
from likezip.blocks.coding import BlockMode
from likezip.blocks.options import CodingOptions
from likezip.records import units
from likezip.records.units import UnitModel

LONGEST_CONTEXT = 1 << 22
"""Bytes of records that are learnt, the last ones."""


def learn(records: Iterable[bytes], options: CodingOptions, announce: Callable[[], None] | None = None) -> UnitModel:
    """The model behind the last ``records``, with lanes for ``options.threads``; announce: called if kernels have to be
    compiled first."""
    known = _last(records)
    mode = _mode(known, options)
    codec.prepare_kernels(announce, prior=mode.prior)
    return UnitModel(options, mode, known, options.threads)


def _mode(records: Sequence[bytes], options: CodingOptions) -> BlockMode:
    """The way to code records: with the prior if that is allowed, else in the profile that suits them."""
    if options.prior == "on" or options.may_use_prior:
        return coding.prior_mode(options.model)
    known = b"".join(records)
    return coding.profile_mode(known, options) if known else BlockMode(block_header.TEXT_PROFILE, 0)


def _last(records: Iterable[bytes]) -> list[bytes]:
    """The last LONGEST_CONTEXT bytes of records, whole ones of at most ``units.MOST`` bytes."""
    kept, size = [], 0
    for record in reversed([record for record in records if len(record) <= units.MOST]):
        size += len(record)
        if size > LONGEST_CONTEXT:
            break
        kept.append(record)
    return kept[::-1]
