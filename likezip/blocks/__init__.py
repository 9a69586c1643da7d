"""One block of a file: how it is coded, and back.

Read ``options`` and ``codec`` first (a block to bytes and back), then ``coding``: it tries the modes of a block on a
sample, and decides.  ``predictor`` gives the probability of each bit, ``entropy_coder`` turns bits into words;
``x86_transform``, ``record_length`` and ``noise`` look at the bytes beforehand, ``cost`` counts bits, ``block_header``
says how a block was coded, in numbers that ``fields`` packs.  ``repeats`` finds long repeats of what came before,
which ``copies`` leaves out of what is coded.  ``kinds`` tells kinds of data in a block apart, which ``parts`` has coded
each by itself.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from likezip.blocks import coding as coding
    from likezip.blocks import repeats as repeats


def __getattr__(name: str) -> ModuleType:
    """``blocks.coding`` and ``blocks.repeats`` are loaded when they are first used, as they need numpy and numba."""
    if name not in ("coding", "repeats"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
