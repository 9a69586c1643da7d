"""One block to its header and payload, and back.

Every command imports this module, so it imports neither numpy nor numba: ``blocks.coding``, which does the work, is
loaded once a block has to be coded.
"""

from __future__ import annotations

from collections.abc import Callable

from likezip import blocks
from likezip.blocks import block_header
from likezip.blocks.block_header import BlockHeader
from likezip.blocks.options import Advance, CodingOptions
from likezip.errors import CorruptError
from likezip.model import Model


def prepare_kernels(announce: Callable[[], None] | None = None, *, prior: bool, **more: Callable[[], None]) -> None:
    """Compile the kernels that the cache lacks: the memory's, with ``prior`` the prior's, and the groups ``more``, each
    given as the function that compiles it.  ``announce`` is called first if any has to be compiled."""
    blocks.coding.compile_block_kernels(announce, prior=prior, more=more)


def encode_block(raw: bytes, options: CodingOptions, advance: Advance | None = None) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block of at least one byte; stored if coding would not make it smaller.

    advance: called with the number of bytes coded meanwhile.
    Raises UnsupportedError if the prior is to be on and the model has none.
    """
    coded = blocks.coding.code_block(raw, options, advance)
    return coded.header, coded.payload


def decode_block(
    header: BlockHeader, payload: bytes, model: Model, *, threads: int = 1, advance: Advance | None = None
) -> bytes:
    """The raw bytes of a block; ``threads`` may share the prior's work, ``advance`` is called with the number of bytes
    decoded meanwhile.

    Raises CorruptError if they don't fit the checksum, UnsupportedError for a prior that the model does not have.
    """
    if header.mode == block_header.STORED:
        raw = payload
    else:
        raw = blocks.coding.decode_payload(header, payload, CodingOptions(model, threads=threads), advance)
    if block_header.checksum(raw) != header.raw_crc:
        raise CorruptError("the block's checksum does not fit its bytes")
    return raw
