"""Items made in a thread ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")


AHEAD = 2
"""Items that are made, or being made, while one is in use."""


def made_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same, made in a thread of its own while those before are in use; where none can begin, when needed."""
    from concurrent.futures import ThreadPoolExecutor  # which can't be imported while the interpreter ends

    with ThreadPoolExecutor(1) as thread:
        try:
            coming = deque([thread.submit(next, items, None) for _ in range(AHEAD)])
        except RuntimeError:
            yield from items
            return
        while (found := coming.popleft().result()) is not None:
            coming.append(thread.submit(next, items, None))
            yield found
