"""Modules that are imported when something of them is first used: numba, for code that is only run to compile."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Deferred:
    """Stands for a module that few runs need."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
