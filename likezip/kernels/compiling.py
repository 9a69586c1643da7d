"""How kernels are compiled, for which processor, and which version of the code they belong to.

They are compiled at their first use and kept in a directory of the user's (``likezip.kernels.cache``), since an
installed package may be read-only.  Each version of the code has a directory of its own there.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import llvmlite.ir
import numba

from likezip.kernels.cache import KernelCache, cache_directory
from likezip.kernels.processor import supported_instructions

PACKAGES = ("kernels", "memory", "prior", "blocks", "records")
"""The packages whose modules any kernel may use: functions and constants are compiled in, whatever module they come
from."""


def _instructions() -> str:
    """The instructions for products of bytes that kernels use here (``processor``), or "" for none.

    LIKEZIP_INSTRUCTIONS names one of them, which is used if the processor has it; any other word means none.  Kernels
    must not use instructions that the processor lacks, at which LLVM ends the process; so there are none either if
    numba compiles for another processor than this.
    """
    named, other = os.environ.get("LIKEZIP_INSTRUCTIONS"), (numba.config.CPU_NAME, numba.config.CPU_FEATURES)
    if any(other) or not numba.config.ENABLE_AVX:
        return ""
    usable = [name for name in supported_instructions() if named in (None, "", name)]
    return usable[0] if usable else ""


INSTRUCTIONS = _instructions()


def _identity() -> str:
    """A name for exactly this code on exactly this machine: numba alone would not notice a change in another module."""
    digest = hashlib.sha256(sys.version.encode())
    machine = f"{llvmlite.binding.get_host_cpu_name()} {INSTRUCTIONS} {numba.config.BOUNDSCHECK}"
    digest.update(f"{numba.__version__} {llvmlite.__version__} {machine}".encode())
    for package in PACKAGES:
        for path in sorted((Path(__file__).parents[1] / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


CACHE = cache_directory(_identity())
"""Where the kernels of exactly this code are kept, None if that is nowhere."""


def compiled(kernel: Callable[..., Any]) -> Any:
    """Decorates a kernel that Python calls; the functions that it calls are compiled into it, and the result is kept.

    References are not counted in kernels: that is an atomic operation for each array, and cost more than the work.
    Kernels don't hold Python's lock, so that two threads can share the work of a block.
    """
    return _compiled(kernel)


def compiled_for_training(kernel: Callable[..., Any]) -> Any:
    """Decorates a kernel of training, which may add floats in any order; else as ``compiled``."""
    return _compiled(kernel, fastmath=True)


def _compiled(kernel: Callable[..., Any], *, fastmath: bool = False) -> Any:
    dispatcher = numba.njit(nogil=True, _nrt=False, fastmath=fastmath)(kernel)
    dispatcher._cache = KernelCache(kernel, CACHE)
    return dispatcher


inlined = numba.njit(forceinline=True, _nrt=False)
"""Decorates a function that kernels call."""

inlined_for_training = numba.njit(forceinline=True, _nrt=False, fastmath=True)
"""Decorates a function that kernels of training call."""
