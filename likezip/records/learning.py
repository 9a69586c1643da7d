"""Learning a context of records: which of them count, and in which mode."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from likezip.blocks import block_header, codec, coding
from likezip.blocks.coding import BlockMode
from likezip.blocks.options import CodingOptions
from likezip.model import resolve_model
from likezip.records import byte_coder, units
from likezip.records.units import UnitModel

LONGEST_CONTEXT = 1 << 22
"""Bytes of records that are learnt, the last ones."""

Bytes = bytes | bytearray | memoryview
Context = Bytes | os.PathLike[str] | Iterable[Bytes | os.PathLike[str]]
"""Records: the bytes or the path of a file, whose lines they are; or an iterable of records and of paths."""


def records_of(context: Context) -> Iterator[bytes]:
    """The records of a context; raises OSError for files that can't be read."""
    if isinstance(context, bytes | bytearray | memoryview):
        yield from _lines(bytes(context))
    elif isinstance(context, os.PathLike):
        yield from _lines(Path(context).read_bytes())
    else:
        for part in context:
            yield from records_of(part) if isinstance(part, os.PathLike) else (bytes(part),)


def _lines(content: bytes) -> list[bytes]:
    """The lines of ``content``, each with its line feed."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def learn(records: Iterable[bytes], options: CodingOptions, announce: Callable[[], None] | None = None) -> UnitModel:
    """The model behind the last ``records``, with lanes for ``options.threads``; announce: called if kernels have to be
    compiled first."""
    codec.prepare_kernels(announce, prior=_prior_is_used(options), records=compile_records)
    known = last_records(records)
    return UnitModel(options, _mode(known, options), known, options.threads)


def compile_records() -> None:
    """Compile the kernels by coding a record, there and back."""
    options = CodingOptions(resolve_model(None), "off", lanes=1)
    with UnitModel(options, BlockMode(block_header.TEXT_PROFILE, 0), [b"record"], 1).lanes(1) as lanes:
        lanes.decode([byte_coder.encode(*decisions) for decisions in lanes.encode([b"record"])])


def _prior_is_used(options: CodingOptions) -> bool:
    return options.prior == "on" or options.may_use_prior


def _mode(records: Sequence[bytes], options: CodingOptions) -> BlockMode:
    """The way to code records: with the prior if that is allowed, else in the profile that suits them."""
    if _prior_is_used(options):
        return coding.prior_mode(options.model)
    known = b"".join(records)
    return coding.profile_mode(known, options) if known else BlockMode(block_header.TEXT_PROFILE, 0)


def last_records(records: Iterable[bytes]) -> list[bytes]:
    """The last LONGEST_CONTEXT bytes of records, whole ones of at most ``units.MOST`` bytes."""
    kept, size = [], 0
    for record in reversed([record for record in records if len(record) <= units.MOST]):
        size += len(record)
        if size > LONGEST_CONTEXT:
            break
        kept.append(record)
    return kept[::-1]
