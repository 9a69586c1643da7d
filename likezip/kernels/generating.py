"""Machine code by numba: the one module that imports it.  See ``likezip.kernels.machine_code`` for the arguments."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding
import llvmlite.ir
import numba
import numpy as np
import numpy.typing as npt
from numba.core import cgutils, registry, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.types.containers import BaseTuple
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

from likezip.errors import UnsupportedError
from likezip.kernels.machine_code import FLOAT, INTEGER, MOST_RESULTS, Kind

WORD = llvmlite.ir.IntType(64)

WITHOUT_WRAPPERS = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options of numba's: references are not counted, which is an atomic operation for each array and cost more than the
work; and nothing is generated for calls from Python, which takes as long as the rest."""


def dispatcher(function: Callable[..., Any], **options: bool) -> Any:
    """numba's form of a function that kernels call, or that is one."""
    return numba.njit(**WITHOUT_WRAPPERS, **options)(function)


def type_of_intrinsic(function: Callable[..., Any]) -> Any:
    """numba's type for a function that generates LLVM's code."""
    made, typing = numba.extending.intrinsic(function), registry.cpu_target.typing_context
    typing.refresh()
    return typing.resolve_value_type(made)


def type_of_constant(array: npt.NDArray[Any]) -> Any:
    """numba's type for an array that kernels hold."""
    return numba.typeof(array).copy(readonly=True)


def object_code(function: Any, kinds: tuple[Kind, ...]) -> bytes:
    """The kernel of a dispatcher for arguments of these kinds, as ``machine_code.load`` takes it.

    Raises TypeError for a kernel that returns anything but integers, UnsupportedError where numba is set up otherwise
    than the environment says, as its instructions may then be none of this processor's.
    """
    if (numba.config.CPU_NAME or "", numba.config.CPU_FEATURES or "") != environment():
        raise UnsupportedError("numba is set up for another processor: use NUMBA_CPU_NAME and NUMBA_CPU_FEATURES")
    given = tuple(map(_type, kinds))
    with global_compiler_lock, _without_executables(), _without_collections():
        function.compile(given)
        compiled = function.overloads[given]
        compiled.library._ensure_finalized()
        JITCodeLibrary._optimize_final_module(compiled.library)
        results = _results(compiled.signature.return_type)
        module = compiled.library._final_module.clone()  # optimised
        module.link_in(llvmlite.binding.parse_assembly(str(_entry(compiled, given, results))))
        return bytes([results]) + compiled.library.codegen._tm.emit_object(module)


class LinkedLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The code of a function and of all that it calls, but for numba's first passes neither optimised nor compiled:
    that is done once for all of a kernel.  numba does it for each function with all that this calls."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._verify_declare_only_symbols()
        self._finalized = True


@contextmanager
def _without_executables() -> Iterator[None]:
    """Have numba generate LLVM's code, but neither optimise all of it nor make machine code of it."""
    context = registry.cpu_target.target_context
    context.refresh()  # with the library of numba's own, which others in this process need as machine code
    generator = context.codegen()

    def nothing_to_execute(library: Any, description: Any, environment: Any) -> Callable[[Any], None]:
        return list[Any]().append  # a function of C, and another one each time, as it tells functions apart

    try:
        context.get_executable = nothing_to_execute
        generator._library_class = LinkedLibrary
        yield
    finally:
        vars(context).pop("get_executable", None)
        vars(generator).pop("_library_class", None)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Have Python not look for garbage in the many objects that numba makes, which takes a sixth of the time; in all
    threads of the process."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def environment() -> tuple[str, str]:
    """The processor and the features that numba compiles for, "" for those of this one."""
    return os.environ.get("NUMBA_CPU_NAME", ""), os.environ.get("NUMBA_CPU_FEATURES", "")


def _type(kind: Kind) -> Any:
    """numba's type of arguments of a kind."""
    if kind == INTEGER:
        return types.int64
    if kind == FLOAT:
        return types.float64
    if isinstance(kind[0], str):
        return types.Array(from_dtype(np.dtype(kind[0])), kind[1], "C")
    return BaseTuple.from_types([_type(inner) for inner in kind[1:]], kind[0])


def _results(returned: Any) -> int:
    """How many integers a kernel of this type returns."""
    each = [] if returned == types.none else list(returned) if isinstance(returned, BaseTuple) else [returned]
    if len(each) > MOST_RESULTS or any(not isinstance(one, types.Integer | types.Boolean) for one in each):
        raise TypeError(f"a kernel returns at most {MOST_RESULTS} integers, not {returned}")
    return len(each)


def _entry(compiled: Any, given: tuple[Any, ...], results: int) -> llvmlite.ir.Module:
    """A module with the function ``entry``: it takes where the results go and the numbers of the arguments, calls the
    kernel, and returns 0, or 1 if that raises an exception; and with ``entry_of_words``, which takes the address of the
    numbers instead, each as 8 bytes."""
    context, name = compiled.target_context, compiled.fndesc.llvm_func_name
    module = context.codegen()._create_empty_module("entry")
    kinds = [kind for each in given for kind in _numbers(context, each)]
    entry = llvmlite.ir.Function(module, llvmlite.ir.FunctionType(WORD, [WORD.as_pointer(), *kinds]), "entry")
    builder = llvmlite.ir.IRBuilder(entry.append_basic_block())
    numbers = iter(entry.args[1:])
    arguments = [_argument(context, builder, each, numbers) for each in given]
    returned = compiled.signature.return_type
    kernel = cgutils.get_or_insert_function(module, context.call_conv.get_function_type(returned, given), name)
    status, value = context.call_conv.call_function(builder, kernel, returned, given, arguments)
    with builder.if_then(status.is_error, likely=False):
        builder.ret(WORD(1))
    parts = [(returned, value)] if results == 1 else []
    if results > 1:
        parts = list(zip(returned, cgutils.unpack_tuple(builder, value), strict=True))
    for number, (kind, part) in enumerate(parts):
        builder.store(context.cast(builder, part, kind, types.int64), builder.gep(entry.args[0], [WORD(number)]))
    builder.ret(WORD(0))
    _add_entry_of_words(module, entry, kinds)
    return module


def _add_entry_of_words(module: llvmlite.ir.Module, entry: Any, kinds: list[llvmlite.ir.Type]) -> None:
    pointer = WORD.as_pointer()
    function = llvmlite.ir.Function(module, llvmlite.ir.FunctionType(WORD, [pointer, pointer]), "entry_of_words")
    builder = llvmlite.ir.IRBuilder(function.append_basic_block())
    words = [builder.load(builder.gep(function.args[1], [WORD(number)])) for number in range(len(kinds))]
    numbers = [builder.bitcast(word, kind) for word, kind in zip(words, kinds, strict=True)]
    builder.ret(builder.call(entry, [function.args[0], *numbers]))


def _numbers(context: Any, given: Any) -> list[llvmlite.ir.Type]:
    """LLVM's types of an argument's numbers."""
    if isinstance(given, BaseTuple):
        return [WORD]
    return [WORD] * (1 + given.ndim) if isinstance(given, types.Array) else [context.get_value_type(given)]


def _argument(context: Any, builder: Any, given: Any, numbers: Any) -> Any:
    """An argument as kernels take it, from the next of its numbers."""
    if isinstance(given, BaseTuple):
        return _tuple(context, builder, given, builder.inttoptr(next(numbers), WORD.as_pointer()), 0)[0]
    if isinstance(given, types.Array):
        return _array(context, builder, given, next(numbers), [next(numbers) for _ in range(given.ndim)])
    return next(numbers)


def _tuple(context: Any, builder: Any, given: Any, words: Any, begin: int) -> tuple[Any, int]:
    """A NamedTuple from the numbers in memory from number ``begin`` on; and the number behind its last."""
    fields, place = [], begin

    def following() -> Any:
        nonlocal place
        place += 1
        return builder.load(builder.gep(words, [WORD(place - 1)]))

    for kind in given:
        if isinstance(kind, BaseTuple):
            field, place = _tuple(context, builder, kind, words, place)
        elif isinstance(kind, types.Array):
            field = _array(context, builder, kind, following(), [following() for _ in range(kind.ndim)])
        else:
            field = following()
        fields.append(field)
    return context.make_tuple(builder, given, fields), place


def _array(context: Any, builder: Any, given: Any, address: Any, shape: list[Any]) -> Any:
    """An array in C's order, without an owner."""
    size = context.get_abi_sizeof(context.get_data_type(given.dtype))
    strides = [WORD(size)]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    array = context.make_array(given)(context, builder)
    data = builder.inttoptr(address, context.get_data_type(given.dtype).as_pointer())
    populate_array(array, data, shape, strides, WORD(size), None)
    return array._getvalue()
