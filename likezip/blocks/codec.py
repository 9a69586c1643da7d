"""One block to its header and payload, and back.

Every command imports this module, so it imports neither numpy nor numba: ``blocks.coding``, which does the work, is
loaded once a block has to be coded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from likezip import blocks
from likezip.blocks import block_header, parts
from likezip.blocks.block_header import BlockHeader, Whole
from likezip.blocks.options import Advance, CodingOptions
from likezip.blocks.parts import Part
from likezip.errors import CorruptError, LikezipError
from likezip.model import Model


def load() -> None:
    """Import what codes blocks, now rather than when the first has to be coded."""
    _ = blocks.coding


def prepare_kernels(announce: Callable[[], None] | None = None, *, prior: bool, **more: Callable[[], None]) -> None:
    """Compile the kernels that the cache lacks: the memory's, with ``prior`` the prior's, and the groups ``more``, each
    given as the function that compiles it.  ``announce`` is called first if any has to be compiled."""
    blocks.coding.compile_block_kernels(announce, prior=prior, more=more)


def encode_block(
    coded: bytes,
    options: CodingOptions,
    advance: Advance | None = None,
    *,
    whole: Whole | None = None,
    primer: bytes = b"",
) -> tuple[BlockHeader, bytes]:
    """The header and payload of a block of at least one byte; stored if coding would not make it smaller.

    coded: the block's bytes, or if it has copies, what ``copies.pack`` makes of them; then whole says what they were.
    primer: bytes that the predictor learns before.  advance: called with the number of bytes coded meanwhile.
    Raises UnsupportedError if the prior is to be on and the model has none.
    """
    plan = None if primer else blocks.coding.plan(coded, options)
    if plan is None or len(plan.sampled) == 1:
        sampled = plan.sampled[0] if plan else None
        block = blocks.coding.code_block(coded, options, advance, sampled=sampled, whole=whole, primer=primer)
        return block.header, block.payload
    whole = whole or Whole.of(coded)
    found = [Part(part.header, part.payload) for part in plan.code(coded, options, advance)]
    payload, stored = parts.pack(found, plan.stretches, whole.size), blocks.coding.stored_block(coded, whole)
    header = BlockHeader.in_parts(whole, len(payload), stored.header.spared)
    if stored.header.unsealed_size <= header.unsealed_size:
        return stored.header, stored.payload
    return header, payload


def decode_block(
    header: BlockHeader,
    payload: bytes,
    model: Model,
    *,
    primer: bytes = b"",
    threads: int = 1,
    advance: Advance | None = None,
) -> bytes:
    """The coded bytes of a block: if it has no copies its raw bytes; else ``copies.unpack`` takes them.

    They are verified, but for those of a block with copies that is stored or in parts.

    primer: what a primed block's predictor learns before; threads: may share the prior's work; advance: called with the
    number of bytes decoded meanwhile.
    Raises CorruptError if the bytes don't fit the checksum, UnsupportedError for a prior that the model does not have.
    """
    return b"".join(decode_pieces(header, payload, model, primer=primer, threads=threads, advance=advance))


def decode_pieces(
    header: BlockHeader,
    payload: bytes,
    model: Model,
    *,
    primer: bytes = b"",
    threads: int = 1,
    advance: Advance | None = None,
) -> Iterator[bytes | memoryview]:
    """What ``decode_block`` returns, piece by piece, each once it is verified; memory for the payload, the content and
    a table is needed, but not for the content twice, even if all pieces are kept."""
    if header.mode in (block_header.MEMORY, block_header.MEMORY_PRIOR):
        options = CodingOptions(model, threads=threads)
        yield from blocks.coding.decode_pieces(header, payload, options, advance, primer=primer)
        return
    if header.mode == block_header.PARTS:
        coded = _decode_parts(header, payload, model, threads=threads, advance=advance)
    else:
        coded = payload[: header.coded_size]
        if any(payload[header.coded_size :]):
            raise CorruptError("what fills up the payload is not zeros")
    if not header.has_copies:
        verify(header, coded)
    yield coded


def _decode_parts(header: BlockHeader, payload: bytes, model: Model, *, threads: int, advance: Advance | None) -> bytes:
    """The coded bytes of a block in parts, as ``decode_block``."""
    found, stretches = parts.unpack(payload, header.coded_size, header.raw_size)
    contents = list[bytes]()
    for number, part in enumerate(found):
        try:
            contents.append(decode_block(part.header, part.payload, model, threads=threads, advance=advance))
        except LikezipError as error:
            raise type(error)(f"part {number}: {error}") from error
    return b"".join(parts.pieces(contents, stretches))


def verify(header: BlockHeader, raw: bytes | bytearray) -> None:
    """Raises CorruptError if raw bytes don't fit the checksum in the header of their block."""
    if block_header.checksum(raw) != header.raw_crc:
        raise CorruptError("the block's checksum does not fit its bytes")
