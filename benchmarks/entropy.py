"""Empirical entropies of bytes.

The order-k empirical entropy is what an ideal code would need that is told all the conditional counts for nothing.  It
ignores the cost of the model, so for short files and k = 2 it is far below what any compressor can reach: it is no
bound for a compressor, only a measure of how much of a file its last k bytes explain.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_PIECE = 1 << 22


def empirical_entropy(data: bytes, order: int) -> float:
    """Bits per byte: H(byte | the ``order`` bytes before it) under the file's own counts; order is 0, 1 or 2.

    The first ``order`` bytes have no full context and are left out.  Raises ValueError for another order.
    """
    if order not in (0, 1, 2):
        raise ValueError(f"order must be 0, 1 or 2, not {order}")
    if len(data) <= order:
        return 0.0
    joint = _counts(data, order)
    surprise = _weighted_logs(joint.reshape(-1, 256).sum(axis=1)) - _weighted_logs(joint)
    return max(surprise, 0.0) / (len(data) - order)


def _counts(data: bytes, order: int) -> npt.NDArray[np.int64]:
    """How often each (``order`` bytes, next byte) occurs, (256^(order + 1),), the next byte least significant."""
    symbols = np.frombuffer(data, np.uint8)
    counts = np.zeros(256 ** (order + 1), np.int64)
    for start in range(order, symbols.size, _PIECE):
        piece = np.zeros(min(_PIECE, symbols.size - start), np.int64)
        for back in range(order, -1, -1):
            piece = piece * 256 + symbols[start - back : start - back + piece.size]
        counts += np.bincount(piece, minlength=counts.size)
    return counts


def _weighted_logs(counts: npt.NDArray[np.int64]) -> float:
    """The sum of count * log2(count)."""
    present = counts[counts > 0]
    return float((present * np.log2(present)).sum())
