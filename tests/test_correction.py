"""The correction: its kernels beside the formulas in Python's integers, and that it learns."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import reference_decoder
from reference_decoder import Block

from likezip.blocks import predictor
from likezip.blocks.cost import total_cost
from likezip.blocks.predictor import BlockShape, Predictor
from likezip.kernels.compiling import compiled
from likezip.memory import correction, mixer
from likezip.memory.correction import (
    FEATURES,
    FIRST_ROW,
    OUTPUT_LIMIT,
    ROWS,
    STEPS,
    VALUES,
    WIDTH,
    Correction,
    CorrectionTables,
)
from likezip.memory.profiles import PROFILES
from likezip.memory.trained_state import TrainedState, untrained_state

HIGHEST = (1 << 15) - 1


@compiled
def correct(mixed, partial, network):
    return correction.correct(mixed, partial, network, 0)


@compiled
def learn(visit, error, partial, network):
    correction.learn(visit, error, partial, network, 0)


def drawn(random: np.random.Generator, size: float) -> CorrectionTables:
    """Random arrays; size: of their numbers, 1 for all that is allowed."""
    rows = random.integers(-HIGHEST - 1, HIGHEST + 1, (ROWS, WIDTH)) * size
    outputs = random.integers(-OUTPUT_LIMIT, OUTPUT_LIMIT + 1, (VALUES, WIDTH)) * size
    squares, output_squares = ((2 ** random.uniform(0, 32, count)).astype(np.uint32) for count in (ROWS, VALUES))
    return CorrectionTables(rows.astype(np.int16), squares, outputs.astype(np.int32), output_squares)


class InPython:
    """The reference decoder's formulas on the same numbers."""

    def __init__(self, learnt: CorrectionTables, cells: npt.NDArray[np.int64]) -> None:
        rows, squares, outputs, output_squares = (array.tolist() for array in learnt)
        self.block: Any = SimpleNamespace(step=Block.step, rows=rows, squares=squares, outputs=outputs)
        self.block.output_squares = output_squares
        self.lane: Any = SimpleNamespace(cells=cells.tolist(), partial=0, hidden=[], active=[])

    def correct(self, mixed: int, partial: int) -> int:
        self.lane.partial = partial
        return int(Block.corrected(self.block, self.lane, mixed))

    def learn(self, visit: int, error: int) -> None:
        Block.learn_error(self.block, self.lane, visit, error)

    def arrays(self) -> list[list[Any]]:
        block = self.block
        return [block.rows, block.squares, block.outputs, block.output_squares]


@pytest.mark.parametrize("size", [1, 0.1, 0.01])
def test_kernels_do_what_the_formulas_say(size: float) -> None:
    random = np.random.default_rng(int(100 * size))
    learnt = drawn(random, size)
    network = Correction.of(learnt, 1)
    for visit in range(40):
        cells = FIRST_ROW[:-1] + random.integers(0, 3, FEATURES)
        network.cells[0] = cells
        partial, mixed = int(random.integers(1, 4)), int(random.integers(-2840, 2841))
        error = int(random.choice([-65535, 65535, 511, -511, 512, 4095, -4096, 12, *random.integers(-65535, 65536, 3)]))
        expected = InPython(learnt, cells)
        assert correct(mixed, partial, network) == expected.correct(mixed, partial)
        assert network.hidden[0].tolist() == expected.lane.hidden
        expected.learn(visit, error)
        learn(visit, error, partial, network)
        for found, wanted in zip(learnt, expected.arrays(), strict=True):
            assert found.tolist() == wanted


def test_small_moves_are_not_lost() -> None:
    """A row that should move by an eightieth of a unit moves by two hundred in 16,000 steps."""
    learnt = CorrectionTables.nothing()
    learnt.rows[:, :] = 100
    network = Correction.of(learnt, 1)
    network.cells[0] = FIRST_ROW[:-1]
    moved, wanted = np.zeros(WIDTH), 0.0
    for visit in range(16_000):
        learnt.squares[:], learnt.outputs[1] = 1 << 31, 1 << 15
        before = learnt.rows[0].astype(np.int64)
        correct(0, 1, network)
        learn(visit, 5000, 1, network)
        moved += learnt.rows[0] - before
        wanted += (5000 * 512 >> 16) * int(STEPS[31 << 3]) / 65536
    assert 800 < wanted < 1200
    assert np.abs(moved - wanted).max() <= 0.05 * wanted


def test_steps_fall_with_the_root_of_the_squares() -> None:
    octaves = STEPS.reshape(32, 8)[:, 0].astype(float)
    assert STEPS.min() > 0 and octaves[0] == HIGHEST
    falling = octaves[16:]
    assert np.allclose(falling[:-2] / falling[2:], 2, rtol=0.03)


def test_it_makes_a_file_smaller_though_it_begins_untrained() -> None:
    raw = np.frombuffer(Path(predictor.__file__).read_bytes(), np.uint8)
    shape = BlockShape(raw.size, 1, 16, PROFILES[0])
    with_it, without = (
        total_cost(*Predictor(shape, replace(untrained_state(), correction=learnt)).run(raw))
        for learnt in (CorrectionTables.untrained(), CorrectionTables.nothing())
    )
    assert with_it < 0.99 * without


def test_an_output_beyond_its_limit_is_refused() -> None:
    tensors = untrained_state().tensors()
    TrainedState.of(tensors)
    for limit in (OUTPUT_LIMIT + 1, -OUTPUT_LIMIT - 1, -(1 << 31)):
        outputs = tensors["correction.outputs"].copy()
        outputs[3, 5] = limit
        with pytest.raises(ValueError, match="output of the correction"):
            TrainedState.of({**tensors, "correction.outputs": outputs})
    del tensors["correction.rows"]
    with pytest.raises(KeyError):
        TrainedState.of(tensors)


def test_constants_are_those_of_the_format() -> None:
    assert reference_decoder.WIDTH == WIDTH
    assert FEATURES % 4 == 0
    assert (2 * mixer.LOGIT_LIMIT) >> correction.LOGIT_SHIFT < VALUES
