"""A context: bytes that writer and reader have, to which a frame refers; another version of the same data, say.

Blocks may have copies of it, and their predictor may learn its last PRIMER bytes before.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from likezip.errors import UnknownContextError

ID_BYTES = 4
"""Bytes of a context's id: the first ones of its SHA-256. What passes for the context by chance is noticed by the
CRC-32 of the content."""

PRIMER = 1 << 22
"""Bytes of a context that a predictor learns, the last ones."""


@dataclass(frozen=True)
class Context:
    """The bytes of a context, at least one."""

    content: bytes

    @classmethod
    def of(cls, content: bytes | None) -> Context | None:
        """None for no bytes, which are no context."""
        return cls(content) if content else None

    @cached_property
    def id(self) -> bytes:
        """What a frame names it by."""
        return hashlib.sha256(self.content).digest()[:ID_BYTES]

    @property
    def primer(self) -> bytes:
        """What a predictor learns of it."""
        return self.content[-PRIMER:]


def size_of(context: Context | None) -> int:
    """Bytes of a context, 0 of none."""
    return 0 if context is None else len(context.content)


def context_for(identity: bytes, context: Context | None) -> Context | None:
    """The context with the id ``identity``, which a frame names, None if it names none; raises UnknownContextError if
    ``context`` is another."""
    if not identity:
        return None
    if context is None:
        raise UnknownContextError(
            f"the frame was compressed with a context of id {identity.hex()}, which has to be given (--context)"
        )
    if context.id != identity:
        raise UnknownContextError(
            f"the frame was compressed with a context of id {identity.hex()}, not with {context.id.hex()}"
        )
    return context


def read_files(paths: Iterable[str | os.PathLike[str]]) -> bytes:
    """The bytes of files, one after the other, those of a directory in the order of their paths below it; links in it
    are passed over.  Raises OSError."""
    return b"".join(file.read_bytes() for path in paths for file in _files(Path(path)))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        (found for found in path.rglob("*") if found.is_file() and not found.is_symlink()),
        key=lambda found: [os.fsencode(part) for part in found.relative_to(path).parts],
    )
