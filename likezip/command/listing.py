"""The headers and indexes of a file as a row of a table."""

from __future__ import annotations

from collections import Counter
from typing import Any, BinaryIO

from likezip.blocks import block_header
from likezip.command.console import print_line
from likezip.command.printable import printable
from likezip.frames import index


def row(name: str, file: BinaryIO) -> dict[str, Any]:
    """The row of a file by its headers; raises LikezipError if any does not fit."""
    frames = index.read_frames(file)
    headers = [index.read_block_header(file, frame, n) for frame in frames for n in range(len(frame.blocks))]
    compressed, uncompressed = sum(frame.size for frame in frames), sum(frame.raw_size for frame in frames)
    modes = Counter(header.mode for header in headers)
    return {
        "name": name,
        "frames": len(frames),
        "blocks": len(headers),
        "stored": modes[block_header.STORED],
        "in_parts": modes[block_header.PARTS],
        "memory": modes[block_header.MEMORY],
        "memory_prior": modes[block_header.MEMORY_PRIOR],
        "largest_block": max((header.raw_size for header in headers), default=0),
        "compressed": compressed,
        "uncompressed": uncompressed,
        "ratio": uncompressed / compressed,
        "check": "crc32",
        "with_copies": sum(header.has_copies for header in headers),
        "window": max((frame.header.window for frame in frames), default=0),
        "contexts": sorted({frame.header.context_id.hex() for frame in frames if frame.header.context_id}),
        "models": sorted({frame.model_id.hex() for frame in frames}),
    }


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print a table of the rows, if there are any."""
    if rows:
        print_line(
            f"{'frames':>6} {'blocks':>6} {'coded':>8} {'compressed':>12} {'uncompressed':>12} {'ratio':>7} "
            f"check {'model':16}  name"
        )
    for row in rows:
        counts = {"s": row["stored"], "m": row["memory"], "p": row["memory_prior"], "x": row["in_parts"]}
        coded = " ".join(f"{count}{letter}" for letter, count in counts.items() if count)
        print_line(
            f"{row['frames']:6} {row['blocks']:6} {coded:>8} {row['compressed']:12} {row['uncompressed']:12} "
            f"{row['ratio']:7.3f} {row['check']} {','.join(row['models'])}  {printable(row['name'])}"
        )
