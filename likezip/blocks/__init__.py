"""One block of a file: how it is coded, and back.

Read ``options`` and ``codec`` first (a block to bytes and back), then ``coding``: it tries the modes of a block on a
sample, and decides.  ``predictor`` gives the probability of each bit, ``entropy_coder`` turns bits into words;
``x86_transform``, ``record_length`` and ``noise`` look at the bytes beforehand, ``cost`` counts bits, ``block_header``
says how a block was coded, in numbers that ``fields`` packs.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from likezip.blocks import coding as coding


def __getattr__(name: str) -> ModuleType:
    """``blocks.coding`` is loaded when it is first used, as it needs numpy and numba."""
    if name != "coding":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
