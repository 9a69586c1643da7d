"""Items made in a thread ahead of their use."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

Item = TypeVar("Item")

AHEAD = 2
"""Items that are made, or being made, while one is in use."""


def made_ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """The same, made in a thread of its own while those before are in use; where none can begin, when needed.

    ``items`` is closed when this is.
    """
    made: SimpleQueue[Item | BaseException] = SimpleQueue()
    wanted, over = Semaphore(AHEAD), Event()

    def make() -> None:
        try:
            with closing(items):
                while wanted.acquire() and not over.is_set():
                    made.put(next(items))
        except BaseException as error:  # also that there is no other item
            made.put(error)

    thread = Thread(target=make, daemon=True)
    try:
        if not _begins(thread):
            yield from items
            return
        while not isinstance(found := made.get(), BaseException):
            wanted.release()
            yield found
        if not isinstance(found, StopIteration):
            raise found
    finally:
        over.set()
        wanted.release()
        if thread.ident is not None:
            thread.join()


def _begins(thread: Thread) -> bool:
    try:
        thread.start()
    except RuntimeError:
        return False
    return True
