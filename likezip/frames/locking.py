"""Objects that several threads may use: calls at the same time are made one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class Locked(Protocol):
    """An object with a lock that one thread may take several times: its methods call each other."""

    _lock: threading.RLock


Owner = TypeVar("Owner", bound=Locked)
Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


def locked(
    method: Callable[Concatenate[Owner, Parameters], Returned],
) -> Callable[Concatenate[Owner, Parameters], Returned]:
    """Decorates a method that must not run in two threads at once, nor beside another such method of the object."""

    @wraps(method)
    def call(self: Owner, /, *arguments: Parameters.args, **named: Parameters.kwargs) -> Returned:
        with self._lock:
            return method(self, *arguments, **named)

    return call
