"""How much memory a case may take."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def allocations_at_most(size: int) -> Iterator[None]:
    """AssertionError if Python and numpy together ask for more than ``size`` bytes at a time, used or not."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= size, f"{peak} bytes were allocated, more than {size}"
