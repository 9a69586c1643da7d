"""Empirical entropies of bytes.

The order-k empirical entropy is what an ideal code would need that is told all the conditional counts for nothing.  It
ignores the cost of the model, so for short files and k = 2 it is far below what any compressor can reach.
"""

from __future__ import annotations

import numpy as np


def empirical_entropy(data: bytes, order: int) -> float:
    """Bits per byte: H(byte | the ``order`` bytes before it) under the file's own counts; order is 0, 1 or 2."""
    if len(data) <= order:
        return 0.0
    symbols = np.frombuffer(data, np.uint8).astype(np.int64)
    contexts = np.zeros(symbols.size - order, np.int64)
    for back in range(order, 0, -1):
        contexts = contexts * 256 + symbols[order - back : symbols.size - back]
    joint = contexts * 256 + symbols[order:]
    total = joint.size
    return (_surprise(joint) - _surprise(contexts)) / total


def _surprise(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """Bits of all ``values`` under their own frequencies."""
    counts = np.unique(values, return_counts=True)[1]
    return float(-(counts * np.log2(counts / values.size)).sum())
