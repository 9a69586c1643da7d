"""The scaling curves: what changes in each, and how its values are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def size_text(size: int) -> str:
    """64 KiB, 1 MiB, 3.16 KB or 100 MB."""
    if size % 1024 == 0:
        return f"{size >> 20} MiB" if size >> 20 else f"{size >> 10} KiB"
    return f"{size / 1e6:.3g} MB" if size >= 1e6 else f"{size / 1e3:.3g} KB"


@dataclass(frozen=True)
class Kind:
    """A heading, the name of the axis, and how a place on it is written."""

    title: str
    axis: str
    written: Callable[[int], str]


KINDS = {
    "workers": Kind("Workers", "workers", str),
    "lanes": Kind("Lanes", "lanes", str),
    "blocks": Kind("Size of a block", "size of a block", size_text),
    "sizes": Kind("Size of the file", "size of the file", size_text),
}
