"""Objects that several threads may use at once: one call after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class Locked(Protocol):
    """Has a lock that the same thread may take again: closing an object calls what else it has."""

    _lock: threading.RLock


Owner = TypeVar("Owner", bound=Locked)
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def locked(
    method: Callable[Concatenate[Owner, Parameters], Result],
) -> Callable[Concatenate[Owner, Parameters], Result]:
    """Decorates a method that must not run in two threads at once, nor beside another such method of the object."""

    @wraps(method)
    def call(self: Owner, /, *arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        with self._lock:
            return method(self, *arguments, **named)

    return call
