"""Compiled kernels: what they are compiled for, how, and what they are made of beside numba's own.

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

PACKAGES = ("kernels", "memory", "prior", "blocks")
"""Whose modules kernels are made of, beside their own: constants are compiled in, whatever module they come from."""


def _instructions() -> str:
    """What this processor has for products of bytes: vnni512, vnni256, avx2 or nothing.

    LIKEZIP_INSTRUCTIONS names one of those to be used, if the processor has it; with any other word it is nothing.
    What the processor lacks must not be compiled: LLVM ends the process.  Nor is anything if numba was told to compile
    for another processor.
    """
    named, told = os.environ.get("LIKEZIP_INSTRUCTIONS"), (numba.config.CPU_NAME, numba.config.CPU_FEATURES)
    if any(told) or not numba.config.ENABLE_AVX:
        return ""
    usable = [name for name in supported_instructions() if named in (None, "", name)]
    return usable[0] if usable else ""


def supported_instructions() -> list[str]:
    """All that this processor has, the fastest first."""
    features = llvmlite.binding.get_host_cpu_features()
    has_256 = features.get("avxvnni") or (features.get("avx512vnni") and features.get("avx512vl"))
    found = {"vnni512": features.get("avx512vnni"), "vnni256": has_256, "avx2": features.get("avx2")}
    return [name for name, there in found.items() if there]


INSTRUCTIONS = _instructions()


def _identity() -> str:
    """Names exactly this code for exactly this machine: numba alone would not notice a change in another module."""
    digest = hashlib.sha256(sys.version.encode())
    machine = f"{llvmlite.binding.get_host_cpu_name()} {INSTRUCTIONS}"
    digest.update(f"{numba.__version__} {llvmlite.__version__} {machine}".encode())
    for package in PACKAGES:
        for path in sorted((Path(__file__).parents[1] / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


CACHE = cache_directory(_identity())
"""Where the kernels of exactly this code are kept, None if that is nowhere."""


def compiled(kernel: Callable[..., Any]) -> Any:
    """Decorates a kernel that Python calls; what it calls is compiled into it, and the result is kept.

    References are not counted in kernels: that is an atomic operation for each array, and cost more than the work.
    Nor do they hold Python's lock, so that two threads can share the work of a block.
    """
    return _compiled(kernel)


def compiled_for_training(kernel: Callable[..., Any]) -> Any:
    """The same for training, where sums of floats may be taken in any order."""
    return _compiled(kernel, fastmath=True)


def _compiled(kernel: Callable[..., Any], *, fastmath: bool = False) -> Any:
    dispatcher = numba.njit(nogil=True, _nrt=False, fastmath=fastmath)(kernel)
    dispatcher._cache = KernelCache(kernel, CACHE)
    return dispatcher


inlined = numba.njit(forceinline=True, _nrt=False)
"""Decorates what kernels call."""

inlined_for_training = numba.njit(forceinline=True, _nrt=False, fastmath=True)
"""Decorates what kernels of training call."""
