"""Kernels as machine code: how arguments of Python's reach it, and how it is loaded without numba.

numba takes longer to import than everything else together, so it is imported only to compile a kernel
(``likezip.kernels.generating``).  What it makes is an object file with a function ``entry``, which LLVM links into the
process; ctypes calls it.  Kernels that are already compiled can be called by other kernels through ``entry_of_words``
(``Call``), where a call by Python takes a good part of the time.

A kernel takes integers, floats, arrays of numpy's in C's order, and NamedTuples of these.  Whatever they are called
with, their kinds choose the machine code, as with numba: an array's kind are its dtype and dimensions.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any, TypeVar
from weakref import ref

import llvmlite.binding
import numpy as np

Kind = Any
"""INTEGER, FLOAT, (dtype, dimensions) of an array, or the class of a NamedTuple and the kinds of its fields."""

INTEGER, FLOAT = "int", "float"

Numbers = list[Any]
"""What a kernel is given for its arguments: integers and floats as they are; the address and the shape of an array; the
address of a NamedTuple's numbers, each as 8 bytes."""

Tuple = TypeVar("Tuple", bound=type)


def packed_once(fields: Tuple) -> Tuple:
    """Decorates a NamedTuple that kernels often take: an instance keeps its kind and its numbers once they are known.

    They are not copied or pickled with it, since addresses are valid in one process only.
    """
    own = {
        "__doc__": fields.__doc__,
        "__module__": fields.__module__,
        "__getstate__": lambda self: None,
        "packed": None,
    }
    return type(fields.__name__, (fields,), own)  # type: ignore[return-value]


class Packed:
    """The kind of a NamedTuple, and its numbers in memory."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        kinds, numbers = _fields(arguments)
        self.kind = (type(arguments), *kinds)
        self._room = (ctypes.c_int64 * len(numbers))(*numbers)
        self.address = ctypes.addressof(self._room)

    @classmethod
    def of(cls, argument: Any) -> Packed:
        """What is known of a NamedTuple, or is found out now; one that is ``packed_once`` keeps it."""
        known: Packed | None = getattr(argument, "packed", None)
        if known is not None or not hasattr(argument, "__dict__"):
            return known or cls(argument)
        found: Packed = argument.__dict__.setdefault("packed", cls(argument))
        return found


def _fields(arguments: tuple[Any, ...]) -> tuple[list[Kind], Numbers]:
    """The kinds and the numbers of the fields of a NamedTuple, those of a NamedTuple in it too.  Raises TypeError."""
    kinds, numbers = list[Kind](), Numbers()
    for argument in arguments:
        if isinstance(argument, tuple):
            inner, more = _fields(argument)
            kinds.append((type(argument), *inner))
        else:
            kind, more = _described(argument)
            if kind == FLOAT:
                raise TypeError("a NamedTuple for kernels holds integers and arrays")
            kinds.append(kind)
        numbers += more
    return kinds, numbers


def _address(array: Any) -> int:
    """Where the numbers of an array in C's order begin.  Raises TypeError for an array in another order."""
    flags = array.flags
    if flags.carray and array.size:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # in a sixth of the time
    if not flags.c_contiguous:
        raise TypeError("an array for a kernel is in C's order")
    address: int = array.ctypes.data
    return address


def _described(argument: Any) -> tuple[Kind, Numbers]:
    """The kind and the numbers of an array, an integer or a float.  Raises TypeError for anything else."""
    if isinstance(argument, np.ndarray):
        return (argument.dtype.str, argument.ndim), [_address(argument), *argument.shape]
    if isinstance(argument, int | np.integer | np.bool_):
        return INTEGER, [int(argument)]
    if isinstance(argument, float | np.floating):
        return FLOAT, [float(argument)]
    raise TypeError(f"kernels take no {type(argument).__name__}")


class Arguments:
    """The arguments of a call of a kernel: their kinds and numbers.

    Another call is mostly with the same kinds, and with many of the same arrays and NamedTuples, whose numbers would
    take longer to find again than a short kernel runs.  They are recognised by what belongs to one object only: a weak
    reference, which ends with the array, or the ``Packed`` that a NamedTuple keeps.  (Arrays are never reshaped or
    resized in place.)
    """

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        """Raises TypeError for arguments that kernels don't take."""
        kinds, self.numbers = list[Kind](), Numbers()
        self._known = list[tuple[Any, Any, Numbers]]()  # what tells the object, what tells the kind, the numbers
        for argument in arguments:
            if isinstance(argument, tuple):
                packed = Packed.of(argument)
                kind, numbers = packed.kind, [packed.address]
                self._known.append((packed, None, numbers))
            else:
                kind, numbers = _described(argument)
                if isinstance(argument, np.ndarray):
                    self._known.append((ref(argument), (argument.dtype, argument.ndim), numbers))
                else:
                    self._known.append((type(argument), None, numbers))
            kinds.append(kind)
            self.numbers += numbers
        self.kinds = tuple(kinds)

    def numbers_of(self, arguments: tuple[Any, ...]) -> Numbers | None:
        """The numbers of other arguments, None if they may be of other kinds."""
        numbers = Numbers()
        if len(arguments) != len(self._known):
            return None
        for argument, (known, kind, its) in zip(arguments, self._known, strict=True):
            if known is int:
                if type(argument) is not int:
                    return None
                numbers.append(argument)
            elif kind is not None:
                if known() is argument:
                    numbers += its
                elif type(argument) is np.ndarray and argument.dtype is kind[0] and argument.ndim == kind[1]:
                    numbers.append(_address(argument))
                    numbers += argument.shape
                else:
                    return None
            elif getattr(argument, "packed", None) is known:
                numbers += its
            else:
                return None
        return numbers


MOST_RESULTS = 4
"""The most integers that a kernel returns."""

FAILED = "a kernel has raised an exception, and none should"


class Entry:
    """A kernel's machine code for arguments of certain kinds, in memory."""

    def __init__(self, code: bytes, kinds: tuple[Kind, ...]) -> None:
        """code: the kernel's object file, behind a byte that says how many integers it returns."""
        _initialise()
        machine = llvmlite.binding.Target.from_default_triple().create_target_machine(jit=True)
        self._engine = llvmlite.binding.create_mcjit_compiler(llvmlite.binding.parse_assembly(""), machine)
        self._engine.add_object_file(llvmlite.binding.ObjectFileRef.from_data(code[1:]))
        self._engine.finalize_object()
        given = [number for kind in kinds for number in _types_of(kind)]
        form = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *given)
        self._function, self._count = form(self._engine.get_function_address("entry")), code[0]
        self.address = self._engine.get_function_address("entry_of_words")

    def __call__(self, numbers: Numbers) -> Any:
        """Run the kernel with numbers as ``described`` has them; returns the integer that it returns, a tuple of
        several, or None."""
        results = (ctypes.c_int64 * self._count)() if self._count else None
        if self._function(results, *numbers):
            raise AssertionError(FAILED)
        return None if results is None else results[0] if self._count == 1 else tuple(results)


class Call:
    """A call that is made any number of times, by Python or by other kernels (``kernels.calls``).

    words (1 + MOST_RESULTS + numbers,) int64: the address of the machine code, room for results, and the numbers.
    """

    def __init__(self, entry: Entry, arguments: Arguments, kept: tuple[Any, ...]) -> None:
        """kept: the arguments themselves, which have to live as long as the call."""
        self.words = np.array([entry.address, *[0] * MOST_RESULTS, *arguments.numbers], np.int64)
        self._entry, self._arguments, self._kept = entry, arguments, kept

    def __call__(self) -> Any:
        """Run the kernel; returns what it returns."""
        return self._entry(self._arguments.numbers)


def _types_of(kind: Kind) -> list[Any]:
    """The types of the numbers for an argument."""
    if kind == INTEGER:
        return [ctypes.c_int64]
    if kind == FLOAT:
        return [ctypes.c_double]
    if isinstance(kind[0], str):
        return [ctypes.c_int64] * (1 + kind[1])
    return [ctypes.c_int64]


@lru_cache(maxsize=1)
def _initialise() -> None:
    """Have LLVM know this processor; once in a process."""
    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
