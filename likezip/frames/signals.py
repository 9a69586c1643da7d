"""Signals that end a command: KeyboardInterrupt, once, so that everything cleans up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]

caught: int | None = None
"""The first signal that came, even if KeyboardInterrupt could not be raised for it."""
_raised = False
"""Whether KeyboardInterrupt has been raised."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal: raise KeyboardInterrupt, but not while llvmlite loads a kernel, whose callbacks print exceptions
    and drop them; and only once, so that a second signal does not disturb the cleaning up after the first."""
    global caught
    caught = caught or number
    while frame is not None:
        if frame.f_code.co_filename.endswith("executionengine.py"):
            return
        frame = frame.f_back
    raise_if_interrupted()


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt for a signal that came while it could not be raised; called now and then while a block is
    coded."""
    global _raised
    if caught and not _raised:
        _raised = True
        raise KeyboardInterrupt


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt, so that all clean up as Ctrl-C does, and none is lost."""
    global caught, _raised
    caught, _raised = None, False
    wanted = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
