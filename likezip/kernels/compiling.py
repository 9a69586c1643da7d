"""How kernels are compiled, for which processor, and which version of the code they belong to.

They are compiled at their first use and kept in a directory of the user's (``likezip.kernels.cache``), since an
installed package may be read-only.  Each version of the code has a directory of its own there.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from functools import cached_property, update_wrapper
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import Any

import llvmlite
import llvmlite.binding
import numpy.typing as npt

from likezip.kernels.cache import cache_directory, load_kernel, save_kernel
from likezip.kernels.deferred import Deferred
from likezip.kernels.machine_code import Arguments, Call, Entry, Kind
from likezip.kernels.processor import supported_instructions

generating: Any = Deferred("likezip.kernels.generating")

PACKAGES = ("kernels", "memory", "prior", "blocks", "records")
"""The packages whose modules any kernel may use: functions and constants are compiled in, whatever module they come
from."""


def _instructions() -> str:
    """The instructions for products of bytes that kernels use here (``processor``), or "" for none.

    LIKEZIP_INSTRUCTIONS names one of them, which is used if the processor has it; any other word means none.  Kernels
    must not use instructions that the processor lacks, at which LLVM ends the process; so there are none either if
    numba compiles for another processor than this.
    """
    named, other = os.environ.get("LIKEZIP_INSTRUCTIONS"), ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")
    if any(os.environ.get(name) for name in other) or os.environ.get("NUMBA_ENABLE_AVX", "1").strip() == "0":
        return ""
    usable = [name for name in supported_instructions() if named in (None, "", name)]
    return usable[0] if usable else ""


INSTRUCTIONS = _instructions()


def _numba_version() -> bytes:
    """What tells numba's version, without importing it: the file that holds it, or the name of its metadata."""
    specification = find_spec("numba")
    if specification is None or specification.origin is None:
        return b""
    try:
        return Path(specification.origin).with_name("_version.py").read_bytes()
    except OSError:
        from importlib.metadata import version

        return version("numba").encode()


def _identity() -> str:
    """A name for exactly this code on exactly this machine, for numba as the environment sets it up: numba alone would
    not notice a change in another module."""
    digest = hashlib.sha256(sys.version.encode() + _numba_version())
    digest.update(f"{llvmlite.__version__} {llvmlite.binding.get_host_cpu_name()} {INSTRUCTIONS}".encode())
    settings = {name: value for name, value in os.environ.items() if name.startswith("NUMBA_")}
    settings.pop("NUMBA_CACHE_DIR", None)
    digest.update(repr(sorted(settings.items())).encode())
    for package in PACKAGES:
        for path in sorted((Path(__file__).parents[1] / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


CACHE = cache_directory(_identity())
"""Where the kernels of exactly this code are kept, None if that is nowhere."""


class InKernels:
    """A function that kernels call.  numba, which asks for ``_numba_type_``, is only imported for that; Python can call
    it too, as the function that it is."""

    def __init__(self, function: Callable[..., Any], **options: bool) -> None:
        update_wrapper(self, function)
        self.py_func, self._options = function, options

    def __call__(self, *arguments: Any) -> Any:
        return self.py_func(*arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """numba's form of the function."""
        return generating.dispatcher(self.py_func, **self._options)

    @property
    def _numba_type_(self) -> Any:
        return self.dispatcher._numba_type_


_one_at_a_time = RLock()
"""Held while a kernel is loaded or compiled."""


class Kernel(InKernels):
    """A function that Python calls and that runs as machine code: compiled for each kind of arguments when it is first
    called with them, unless the cache has it.

    It may be called by other kernels too.  While it runs, other threads run Python: two can share the work of a block.
    """

    def __init__(self, function: Callable[..., Any], directory: Path | None, **options: bool) -> None:
        super().__init__(function, **options)
        self._directory = directory
        self._entries: dict[tuple[Kind, ...], Entry] = {}
        self._last: tuple[Entry, Arguments] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel; returns None, an integer, or a tuple of integers.

        Raises TypeError for arguments that kernels don't take, or of another number.
        """
        if self._last is not None:
            entry, known = self._last
            numbers = known.numbers_of(arguments)
            if numbers is not None:
                return entry(numbers)
        entry, given = self._last = self._entry(arguments)
        return entry(given.numbers)

    def call(self, *arguments: Any) -> Call:
        """A call with these arguments, none of them a float, for other kernels to make.  Raises TypeError as above."""
        return Call(*self._entry(arguments), arguments)

    def _entry(self, arguments: tuple[Any, ...]) -> tuple[Entry, Arguments]:
        """The machine code for these arguments, and their numbers."""
        if len(arguments) != self.py_func.__code__.co_argcount:
            raise TypeError(f"{self.py_func.__name__} takes {self.py_func.__code__.co_argcount} arguments")
        given = Arguments(arguments)
        with _one_at_a_time:
            if given.kinds not in self._entries:
                self._entries[given.kinds] = Entry(self._machine_code(given.kinds), given.kinds)
        return self._entries[given.kinds], given

    def _machine_code(self, kinds: tuple[Kind, ...]) -> bytes:
        """The machine code for arguments of these kinds, from the cache or from numba."""
        name = self._file_name(kinds)
        code = load_kernel(self._directory, name)
        if code is None:
            code = generating.object_code(self.dispatcher, kinds)
            save_kernel(self._directory, name, code)
        return code

    def _file_name(self, kinds: tuple[Kind, ...]) -> str:
        """The file in the cache; another one when the kernel's own module, which may be in any package, changes."""
        source = Path(self.py_func.__code__.co_filename).read_bytes()
        digest = hashlib.sha256(repr(kinds).encode() + source).hexdigest()[:16]
        return f"{self.py_func.__module__}.{self.py_func.__qualname__}-{digest}"


class Intrinsic:
    """A function that generates LLVM's code where a kernel calls it: it takes numba's typing context and the types of
    the arguments, and returns the signature and what generates the code."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        self._function = function

    @cached_property
    def _numba_type_(self) -> Any:
        return generating.type_of_intrinsic(self._function)


class Table:
    """A table of constants, which kernels hold once they are compiled: computed when it is first used."""

    def __init__(self, compute: Callable[[], npt.NDArray[Any]]) -> None:
        self._compute = compute

    @cached_property
    def array(self) -> npt.NDArray[Any]:
        """The table itself."""
        return self._compute()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.array, name)

    def __getitem__(self, index: Any) -> Any:
        return self.array[index]

    def __len__(self) -> int:
        return len(self.array)

    @property
    def _numba_type_(self) -> Any:
        return generating.type_of_constant(self.array)


def table(compute: Callable[[], npt.NDArray[Any]]) -> Any:
    """The table that a function computes, when it is needed."""
    return Table(compute)


def compiled(kernel: Callable[..., Any]) -> Kernel:
    """Decorates a kernel that Python calls; what it calls is compiled into it, and the result is kept."""
    return Kernel(kernel, CACHE)


def compiled_for_training(kernel: Callable[..., Any]) -> Kernel:
    """Decorates a kernel of training, which may add floats in any order; else as ``compiled``."""
    return Kernel(kernel, CACHE, fastmath=True)


def inlined(function: Callable[..., Any]) -> Any:
    """Decorates a function that kernels call."""
    return InKernels(function, forceinline=True)


def inlined_for_training(function: Callable[..., Any]) -> Any:
    """Decorates a function that kernels of training call."""
    return InKernels(function, forceinline=True, fastmath=True)


def intrinsic(function: Callable[..., Any]) -> Any:
    """Decorates a function that generates the code of an operation that numba lacks."""
    return Intrinsic(function)
