"""The entropy bound of likezip's model, and what coder and container add to it."""

from __future__ import annotations

import io

from benchmarks.schema import Bound
from likezip.blocks import block_header, coding
from likezip.blocks.options import CodingOptions
from likezip.frames.index import read_block_header, read_frames
from likezip.model import default_model


def entropy_bound(data: bytes, frame: bytes) -> Bound:
    """The bound of ``data`` beside the ``frame`` that the default options made of it.

    The cross-entropy is that of exactly the probabilities coded.  A stored block counts as its own bound: its bytes.
    """
    model = default_model()
    file = io.BytesIO(frame)
    (info,) = read_frames(file)
    bound, start, payloads = 0.0, 0, 0
    for number, (_, raw) in enumerate(info.blocks):
        header = read_block_header(file, info, number)
        stored = header.mode == block_header.STORED
        bound += raw if stored else coding.cross_entropy(data[start : start + raw], CodingOptions(model)) / 8
        start, payloads = start + raw, payloads + header.payload_size
    return bound_of(bound, payloads, len(frame) - payloads)


def bound_of(cross_entropy: float, payloads: int, overhead: int) -> Bound:
    """A bound of ``cross_entropy`` bytes, payloads and the container's overhead in bytes."""
    adds = payloads - cross_entropy
    percent = 100 * adds / cross_entropy if cross_entropy > 0 else 0.0
    return Bound(cross_entropy=cross_entropy, coder_overhead=adds, coder_overhead_percent=percent, container=overhead)
