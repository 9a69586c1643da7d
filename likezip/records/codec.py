"""Small records coded each by itself, at the least cost: log lines, messages, rows of a table."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.errors import CorruptError
from likezip.frames.locking import locked
from likezip.frames.raw_io import bytes_of
from likezip.model import ModelLike, resolve_model
from likezip.records import byte_coder, units
from likezip.records.learning import Context, learn, records_of
from likezip.records.units import UnitLanes

if TYPE_CHECKING:
    from typing_extensions import Buffer

LONGEST_RECORD = units.MOST
"""Bytes of a record at most."""


class RecordCodec:
    """Codes records each by itself, behind records of the same kind that it has learnt.

    A code is nothing but code words: no header, no checksum, nothing that says what it was coded with.  So a codec for
    decoding needs the same model, context and prior, which the same likezip turns into the same state on any machine;
    and whoever needs to notice damage adds a checksum.  The context is learnt once, and never changed afterwards:
    records may be read in any order.  Several threads may use one codec; each call ends before the next begins.
    """

    def __init__(
        self,
        *,
        model: ModelLike | None = None,
        context: Context = (),
        prior: PriorChoice = "auto",
        threads: int = 1,
    ) -> None:
        """context: the records to learn, in order, of which the last 4 MiB count: an iterable of them, or the bytes or
        the path of a file whose lines are records; paths among records too.

        model: a model, its file or its name, None for the default.  prior: "off" codes ten times as many records a
        second, in some more bytes; "on" and "auto" use the prior, "auto" if the model has one.  threads: of batches.
        Raises ValueError for options outside their ranges, UnsupportedError for a prior that the model does not have,
        OSError for files that can't be read.
        """
        self._lock = threading.RLock()
        options = CodingOptions(resolve_model(model), prior, lanes=1, threads=threads)
        self._model = learn(records_of(context), options)
        opened = ExitStack()
        self._alone = opened.enter_context(self._model.lanes(1))
        weakref.finalize(self, opened.close)

    @locked
    def encode(self, record: Buffer) -> bytes:
        """The code of a record of at most LONGEST_RECORD bytes; raises ValueError for a longer one."""
        return _encode(self._alone, [_checked(record)])[0]

    @locked
    def decode(self, code: Buffer) -> bytes:
        """The record of a code; raises CorruptError for bytes that can't be one."""
        return self._alone.decode([_unended(code)])[0]

    @locked
    def encode_batch(self, records: Iterable[Buffer]) -> list[bytes]:
        """The codes of records, each as ``encode`` gives it, in less time."""
        return self._model.map([_checked(record) for record in records], len, _encode)

    @locked
    def decode_batch(self, codes: Iterable[Buffer]) -> list[bytes]:
        """The records of codes, each as ``decode`` gives it, in less time."""
        return self._model.map([_unended(code) for code in codes], len, UnitLanes.decode, sys.maxsize)


def _encode(lanes: UnitLanes, records: list[bytes]) -> list[bytes]:
    """The codes of records that are not more than ``lanes``, the longest first."""
    return [byte_coder.encode(*decisions) for decisions in lanes.encode(records)]


def _unended(code: Buffer) -> bytes:
    """The bytes of a code; raises CorruptError if they end in a zero."""
    packed = bytes(bytes_of(code))
    if packed.endswith(b"\0"):
        raise CorruptError("a record's code ends in a zero")
    return packed


def _checked(record: Buffer) -> bytes:
    """The bytes of a record; raises ValueError if there are too many."""
    raw = bytes(bytes_of(record))
    if len(raw) > LONGEST_RECORD:
        raise ValueError(f"a record has at most {LONGEST_RECORD} bytes, not {len(raw)}")
    return raw
