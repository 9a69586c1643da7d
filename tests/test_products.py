"""Products of int8 of a training step: those by tiles give the sums of those by torch."""

import numpy as np
import pytest

from likezip.training.products import HAS_TILES, TiledWeight, Weight, weight_of


def _random(shape: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-127, 128, shape).astype(np.int8)


@pytest.mark.skipif(not HAS_TILES, reason="the processor has no tiles")
@pytest.mark.parametrize("rows", [1, 31, 32, 33, 512, 1000])
@pytest.mark.parametrize(
    ("outputs", "columns"), [(512, 320), (1024, 256), (256, 1024), (112, 96), (80, 112), (272, 48)]
)
def test_products_by_tiles_are_those_of_torch(rows: int, outputs: int, columns: int) -> None:
    tiled, plain = weight_of(outputs, columns), Weight(outputs, columns)
    assert isinstance(tiled, TiledWeight)
    for weight in (tiled, plain):
        weight.steps[:] = _random((outputs, columns), 1)
        weight.prepare()
    for name, terms, results in (("forward", columns, outputs), ("backward", outputs, columns)):
        factors, found = _random((rows, terms), 2), np.ones((rows, results), np.int32)
        getattr(tiled, name)(factors, found)
        wanted = np.zeros_like(found)
        getattr(plain, name)(factors, wanted)
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize(("outputs", "columns"), [(40, 64), (64, 24), (16, 64), (256, 16)])
def test_tiles_are_left_alone_where_they_do_not_fit(outputs: int, columns: int) -> None:
    assert type(weight_of(outputs, columns)) is Weight


def test_products_of_torch_are_those_of_numpy() -> None:
    weight, inputs, gradients = Weight(48, 64), _random((20, 64), 3), _random((20, 48), 4)
    weight.steps[:] = _random((48, 64), 5)
    forward, backward = np.empty((20, 48), np.int32), np.empty((20, 64), np.int32)
    weight.forward(inputs, forward)
    weight.backward(gradients, backward)
    steps = weight.steps.astype(np.int32)
    assert np.array_equal(forward, inputs @ steps.T)
    assert np.array_equal(backward, gradients @ steps)
