"""Items prefetched: made in a thread ahead of their use."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

Item = TypeVar("Item")

QUEUE_LENGTH = 2
"""The most items that are ready, or being made, while one is in use."""


def prefetched(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """The same items, made in a thread of their own while earlier ones are in use; if no thread can be started, each
    when it is asked for.

    ``items`` is closed when this is.
    """
    made: SimpleQueue[Item | BaseException] = SimpleQueue()
    wanted, over = Semaphore(QUEUE_LENGTH), Event()

    def make() -> None:
        try:
            with closing(items):
                while wanted.acquire() and not over.is_set():
                    made.put(next(items))
        except BaseException as error:  # StopIteration too
            made.put(error)

    thread = Thread(target=make, daemon=True)
    try:
        if not _begins(thread):
            yield from items
            return
        while not isinstance(item := made.get(), BaseException):
            wanted.release()
            yield item
        if not isinstance(item, StopIteration):
            raise item
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
