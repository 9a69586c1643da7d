"""The options that blocks are coded with, checked once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from likezip.blocks import block_header
from likezip.model import Model

PriorChoice = Literal["auto", "on", "off"]
"""Whether blocks are coded with the prior: where it gains, always, never."""

Effort = Literal["fast", "usual", "best"]
"""How much time compressing may take: the prior never; what a sample says; every way tried on the whole of each block,
in one lane."""


Advance = Callable[[int], None]
"""Called with the number of bytes that were coded since its last call."""


@dataclass(frozen=True)
class CodingOptions:
    """How blocks are coded.

    lanes: slices of a piece that are coded in lockstep, None for the usual number; threads: how many may share the work
    of one block, which changes no byte; piece_bits: log2 of the bytes of a piece of a block.
    Raises ValueError for values outside their ranges, and for the prior together with the effort "fast".
    """

    model: Model
    prior: PriorChoice = "auto"
    lanes: int | None = None
    threads: int = 1
    effort: Effort = "usual"
    piece_bits: int = block_header.PIECE_BITS

    def __post_init__(self) -> None:
        if self.lanes is not None and not 1 <= self.lanes <= block_header.MAX_LANES:
            raise ValueError(f"lanes must be 1 to {block_header.MAX_LANES}, not {self.lanes}")
        if self.prior not in get_args(PriorChoice):
            raise ValueError(f"prior must be one of {', '.join(get_args(PriorChoice))}, not {self.prior}")
        if self.effort not in get_args(Effort):
            raise ValueError(f"effort must be one of {', '.join(get_args(Effort))}, not {self.effort}")
        if self.effort == "fast" and self.prior == "on":
            raise ValueError("with the effort fast the prior is not used")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, not {self.threads}")
        least, most = block_header.MIN_PIECE_BITS, block_header.MAX_PIECE_BITS
        if not least <= self.piece_bits <= most:
            raise ValueError(f"piece_bits must be {least} to {most}, not {self.piece_bits}")

    @property
    def may_use_prior(self) -> bool:
        """Whether any block can be coded with the prior."""
        return self.prior != "off" and self.effort != "fast" and self.model.has_prior()
