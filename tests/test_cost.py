"""The cost of decisions: integers that are the same everywhere, next to the logarithm."""

import hashlib
from math import log2

import numpy as np
import pytest

from likezip.blocks.cost import FRACTION_BITS, cost_table, total_cost


def test_costs_are_integers_next_to_the_logarithm() -> None:
    scale = 1 << FRACTION_BITS
    errors = [int(cost) / scale + log2((place + 1) / 65536) for place, cost in enumerate(cost_table())]
    assert min(errors) >= 0 and max(errors) < 2 / scale
    assert cost_table()[[-1, 0, 32767, 16383]].tolist() == [0, 16 * scale, scale, 2 * scale]


def test_costs_are_these_everywhere() -> None:
    digest = hashlib.sha256(cost_table().astype("<i8").tobytes()).hexdigest()
    assert digest == "5ccde75f3e7e32732a5b8ff62beab6c248f5b2dd26b11c2d8f09a2443051f3e8"


def test_cross_entropy() -> None:
    random = np.random.default_rng(1)
    ones = random.integers(1, 65536, 3_000_000).astype(np.uint16)
    bits = random.integers(0, 2, ones.size).astype(np.uint8)
    chances = np.where(bits == 1, ones, 65536 - ones.astype(np.int64)) / 65536
    assert total_cost(ones, bits) == pytest.approx(float(-np.log2(chances).sum()), rel=1e-6)
    assert total_cost(ones[:0], bits[:0]) == 0
    assert total_cost(np.array([32768] * 5, np.uint16), np.array([0, 1, 0, 1, 1], np.uint8)) == 5.0
