"""Numbers of bytes as people write them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(-?\d{1,18})\s*(?:([KMGT])(?:iB)?)?", re.IGNORECASE)


def parse_size(text: str) -> int | None:
    """65536, 64K, 64k, 64KiB; powers of 1024.  None for anything else."""
    match = _SIZE.fullmatch(text.strip())
    return int(match[1]) * _UNITS[(match[2] or "").upper()] if match else None
