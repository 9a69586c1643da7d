"""Exact products, and the integer functions between them, against exact arithmetic."""

import math
import subprocess
import sys
from decimal import Decimal, localcontext

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from likezip.errors import UnsupportedError
from likezip.kernels.compiling import INSTRUCTIONS
from likezip.kernels.intrinsics import CACHE_LINE, aligned, aligned_copy, matrix, shift_right
from likezip.prior import byte_products, fixed_point

_logarithm = numba.njit(lambda value: fixed_point.logarithm(value))
_normalise = numba.njit(lambda x, mean, q: fixed_point.normalise(x, mean, q))
_frequencies = numba.njit(lambda logits, tree: fixed_point.frequencies(logits, tree))


_shift_right = numba.njit(lambda value, bits: shift_right(value, bits))
_matrix_sums = numba.njit(lambda room, rows, columns: matrix(room, rows, columns).sum(1))


@settings(deadline=None)
@given(st.integers(-(1 << 31), (1 << 31) - 1), st.integers(0, 31))
def test_shifts(value: int, bits: int) -> None:
    assert _shift_right(np.int32(value), np.int32(bits)) == value >> bits


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 7), st.integers(0, 7))
def test_a_matrix_is_the_beginning_of_its_room(rows: int, columns: int) -> None:
    room = np.arange(56, dtype=np.int32).reshape(7, 8)
    wanted = room.ravel()[: rows * columns].reshape(rows, columns).sum(1)
    assert np.array_equal(_matrix_sums(room, rows, columns), wanted)


def test_a_matrix_of_a_room_with_gaps_is_refused() -> None:
    """It would be of other numbers, silently."""
    with pytest.raises(numba.core.errors.TypingError, match="C's order"):
        _matrix_sums(np.zeros((7, 8), np.int32)[:, ::2], 2, 2)


@pytest.mark.parametrize("shape", [1, 1000, (3, 5, 7)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
def test_arrays_begin_at_a_cache_line(shape: int | tuple[int, ...], dtype: type) -> None:
    arrays = [aligned(shape, dtype) for _ in range(20)]
    assert all(array.ctypes.data % CACHE_LINE == 0 for array in arrays)
    assert all(array.dtype == dtype and array.flags.c_contiguous for array in arrays)
    assert np.array_equal(arrays[0], np.zeros(shape, dtype))
    assert aligned((0, 4), dtype).shape == (0, 4)
    counts = np.arange(arrays[0].size, dtype=dtype).reshape(shape)
    copy = aligned_copy(counts)
    assert copy.ctypes.data % CACHE_LINE == 0
    assert np.array_equal(copy, counts)
    assert copy.dtype == dtype


@pytest.mark.parametrize("backend", ["dot", "int8", "float32"])
def test_backends_are_right_here(backend: str) -> None:
    assert fixed_point.is_right(backend) or (backend == "dot" and not INSTRUCTIONS)


def test_the_backend_of_gpus_by_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sums of all shapes; that a GPU takes the same calls only a GPU can show."""
    monkeypatch.setattr(fixed_point, "GPU", "cpu")
    assert fixed_point.is_right("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_backend_of_gpus_is_right_on_one() -> None:
    assert fixed_point.is_right("cuda")


@pytest.mark.skipif(not INSTRUCTIONS, reason="no kernel of dot products for this processor")
@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 70), st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_dot_products_of_any_shape(rows: int, columns: int, outputs: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    activations = random.integers(-127, 128, (rows, columns)).astype(np.int8)
    weight = random.integers(-63, 64, (outputs, columns)).astype(np.int8)
    sums = np.full((rows, outputs), -1, np.int32)
    fixed_point.BACKENDS["dot"](weight)(activations, sums)()
    assert np.array_equal(sums, activations.astype(np.int64) @ weight.T.astype(np.int64))


@pytest.mark.slow
@pytest.mark.skipif(not INSTRUCTIONS, reason="no kernel of dot products for this processor")
def test_with_dot_products_torch_is_not_imported() -> None:
    code = "import likezip, sys; a = likezip.compress(b'text ' * 2000, prior='on'); likezip.decompress(a)"
    subprocess.run([sys.executable, "-c", code + "; assert 'torch' not in sys.modules"], check=True)


def test_without_dot_products_the_others_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_point, "INSTRUCTIONS", "")
    fixed_point._fastest.cache_clear()
    try:
        assert fixed_point.pick(fixed_point.SMALL_BLOCK + 1) in ("int8", "float32")
    finally:
        fixed_point._fastest.cache_clear()


def _faulty(change):
    def backend(weight):
        def bind(activations, sums):
            def multiply():
                sums[:] = change(activations.astype(np.int64), weight.T.astype(np.int64))

            return multiply

        return bind

    return backend


def _saturating(activations, weight):
    """Unsigned activations, as x86 has it, and sums of four products in 16 bits: 255 * 63 * 4 does not fit."""
    products = (activations + 128)[:, :, None] * weight[None]
    return products.reshape(len(activations), -1, 4, weight.shape[1]).sum(2).clip(-32768, 32767).sum(
        1
    ) - 128 * weight.sum(0)


FAULTS = {
    "saturates sums of four at 16 bits": _saturating,
    "saturates sums at 22 bits": lambda a, w: (a @ w).clip(-(1 << 21), (1 << 21) - 1),
    "keeps 8 bits of sums, as bfloat16": lambda a, w: (a @ w) >> 16 << 16,
    "rounds sums to 23 bits": lambda a, w: (a @ w) & ~1,
    "leaves out the last columns": lambda a, w: a[:, :-1] @ w[:-1],
    "leaves out the last row": lambda a, w: np.concatenate((a[:-1] @ w, np.zeros((1, w.shape[1]), np.int64))),
    "takes activations as unsigned": lambda a, w: (a & 255) @ w,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_backend_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fixed_point.BACKENDS, "faulty", _faulty(FAULTS[name]))
    assert not fixed_point.is_right("faulty")
    monkeypatch.setenv("LIKEZIP_BACKEND", "faulty")
    with pytest.raises(UnsupportedError, match="faulty can't run or gave wrong sums"):
        fixed_point.pick(1)


def test_the_trials_pass_what_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fixed_point.BACKENDS, "plain", _faulty(lambda a, w: a @ w))
    assert fixed_point.is_right("plain")


def test_small_blocks_do_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKEZIP_BACKEND", raising=False)
    assert fixed_point.pick(fixed_point.SMALL_BLOCK) == ("dot" if INSTRUCTIONS else "float32")


@settings(deadline=None)
@given(st.integers(1, (1 << 31) - 1))
def test_logarithm(value: int) -> None:
    assert abs(_logarithm(value) / 65536 - math.log(value)) < 2**-9
    assert value < 1024 or _logarithm(value) >= _logarithm(value // 2)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.integers(-(2**20) + 1, 2**20 - 1), min_size=1, max_size=64), st.data())
def test_normalise(values: list[int], data: st.DataObject) -> None:
    mean = data.draw(st.integers(1, 1 << 40))
    shifted = np.zeros(len(values), np.uint8)
    _normalise(np.array(values, np.int32), mean, shifted)
    q = (shifted - np.uint8(byte_products.ACTIVATION_SHIFT)).view(np.int8).astype(int)
    with localcontext() as context:
        context.prec = 40
        true = [min(max(32 * Decimal(value) / Decimal(mean).sqrt(), Decimal(-127)), Decimal(127)) for value in values]
    assert max(abs(int(found) - wanted) for found, wanted in zip(q, true, strict=True)) < Decimal("0.65")


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.integers(-(1 << 20), 1 << 20), min_size=256, max_size=256), st.integers(0, 14))
def test_frequencies(values: list[int], narrow: int) -> None:
    logits, tree = np.array(values, np.int32) >> narrow, np.full(512, -1, np.int32)
    _frequencies(logits, tree)
    leaves, total = tree[256:].astype(np.int64), 1 << fixed_point.FREQUENCY_BITS
    assert leaves.min() >= 1
    assert leaves.sum() == tree[1] == total
    assert all(tree[node] == tree[2 * node] + tree[2 * node + 1] for node in range(1, 256))
    assert leaves[logits.argmax()] == leaves.max()
    weights = np.exp((logits.astype(np.float64) - logits.max()) / 256)
    # A weight is rounded to 2^-15 of the largest, and what 255 of them are too large is taken from that.
    assert np.abs(leaves / total - weights / weights.sum()).max() < 255 / 2**16 + 1e-3


def test_tables_are_rounded_right() -> None:
    """Against decimal arithmetic of 50 digits."""
    with localcontext() as context:
        context.prec = 50
        half = Decimal("0.5")
        logarithms = [0] + [int(Decimal(m).ln() * 65536 + half) for m in range(1, 1024)]
        roots = [int((Decimal(1 << 40) / m).sqrt()) for m in range(1024, 4096)]
    assert fixed_point.LOGARITHM.tolist() == logarithms
    assert fixed_point.RECIPROCAL_ROOT.tolist() == [0] * 1024 + roots
