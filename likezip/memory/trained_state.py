"""The state of the memory that all lanes of a block share: maps, mixer weights, adaptive probability maps and the
correction.

It is trained beforehand and lies in the model file; every block starts from a fresh copy, and learns from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from likezip.kernels.intrinsics import aligned_copy
from likezip.memory import mixer
from likezip.memory.bit_history import STATES, expected_one
from likezip.memory.correction import OUTPUT_LIMIT, TABLES, CorrectionTables
from likezip.memory.match_models import MINIMA
from likezip.memory.profiles import CONTEXTS

MATCH_MODELS = len(MINIMA)
BIAS_INPUT = CONTEXTS + MATCH_MODELS
PRIOR_INPUT = BIAS_INPUT + 1
INPUTS = -(-(PRIOR_INPUT + 1) // 8) * 8
"""The number of inputs: contexts, match models, bias, prior, padded to a multiple of 8, at most 64."""

SET_ROWS = (768, 256, 32, 256, 256, 256)
"""Rows of each weight set, which are chosen by: bits so far and match, last byte, known contexts, byte before, the
profile's two choices."""
SETS = len(SET_ROWS)
TOP_INPUTS = 8
APMS = 3
APM_BITS = 12


@dataclass(frozen=True)
class TrainedState:
    """The arrays: maps ((contexts + match models) * 256,) uint32; weights (rows, INPUTS) int32; top (256, TOP_INPUTS)
    int32; apms (APMS * 2^APM_BITS, 25) uint16; and the correction."""

    maps: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]
    apms: npt.NDArray[np.uint16]
    correction: CorrectionTables

    @classmethod
    def of(cls, tensors: dict[str, npt.NDArray[Any]]) -> TrainedState:
        """A copy of ``tensors`` by name; if there are no APMs, with APMs that change nothing.

        Raises KeyError for any other missing tensor, ValueError for a wrong shape or dtype, and for an output of the
        correction beyond its limit.
        """
        if "apms" not in tensors:
            tensors = {**tensors, "apms": mixer.neutral_apms(APMS << APM_BITS)}
        for name, (shape, dtype) in _SHAPES.items():
            if tensors[name].shape != shape or tensors[name].dtype != dtype:
                raise ValueError(f"{name} is {tensors[name].dtype} {tensors[name].shape}, not {dtype} {shape}")
        arrays = {name: aligned_copy(tensors[name]) for name in ("maps", "apms")}
        arrays |= {name: aligned_copy(tensors[name].astype(np.int32) * WEIGHT_STEP) for name in ("weights", "top")}
        correction = {name: tensors[f"correction.{name}"] for name in CorrectionTables._fields}
        correction["rows"] = correction["rows"].astype(np.int16) * ROW_STEP
        learnt = CorrectionTables(*map(aligned_copy, correction.values()))
        if np.abs(learnt.outputs.astype(np.int64)).max() > OUTPUT_LIMIT:
            raise ValueError(f"an output of the correction is beyond {OUTPUT_LIMIT}")
        return cls(**arrays, correction=learnt)

    def copy(self) -> TrainedState:
        """The same numbers in arrays of their own."""
        maps, weights, top, apms = (aligned_copy(array) for array in (self.maps, self.weights, self.top, self.apms))
        learnt = CorrectionTables(*(aligned_copy(array) for array in self.correction))
        return TrainedState(maps, weights, top, apms, learnt)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name, as ``of`` takes them, rounded: weights as int16, in WEIGHT_STEP / 65536; rows of the
        correction as int8, in ROW_STEP / 2^14."""
        tensors: dict[str, npt.NDArray[Any]] = {"maps": self.maps, "apms": self.apms}
        tensors |= {f"correction.{name}": array for name, array in self.correction._asdict().items()}
        for name, weights in (("weights", self.weights), ("top", self.top)):
            steps = (weights + WEIGHT_STEP // 2) // WEIGHT_STEP
            most = mixer.MIXER_WEIGHT_LIMIT // WEIGHT_STEP
            tensors[name] = steps.clip(-most, most).astype(np.int16)
        rows = (self.correction.rows.astype(np.int32) + ROW_STEP // 2) // ROW_STEP
        return {**tensors, "correction.rows": rows.clip(-128, 127).astype(np.int8)}


WEIGHT_STEP = 16
"""Weights in model files are int16, in steps of WEIGHT_STEP / 65536.  An int16 of -2^15 is -2^19, one below the least
learnt weight; its products with inputs still fit."""

ROW_STEP = 256
"""Rows of the correction in model files are int8, in steps of ROW_STEP / 2^14, so all of them are int16."""

_SHAPES: dict[str, tuple[tuple[int, ...], type]] = {
    "maps": (((CONTEXTS + MATCH_MODELS) * STATES,), np.uint32),
    "weights": ((sum(SET_ROWS), INPUTS), np.int16),
    "top": ((256, TOP_INPUTS), np.int16),
    "apms": ((APMS << APM_BITS, mixer.APM_COLUMNS), np.uint16),
    **{f"correction.{name}": form for name, form in TABLES.items()},
    "correction.rows": (TABLES["rows"][0], np.int8),
}


def untrained_state() -> TrainedState:
    """The state that training begins with: maps by counting, even weights, APMs that change nothing."""
    maps = np.zeros((CONTEXTS + MATCH_MODELS, STATES), np.uint32)
    maps[:CONTEXTS] = [mixer.map_entry(expected_one(state)) for state in range(STATES)]
    maps[:CONTEXTS, 0] = mixer.NEVER_SEEN
    maps[CONTEXTS:] = [mixer.map_entry((state // 2 + 1) / (state // 2 + 2)) for state in range(STATES)]
    weights = np.zeros((sum(SET_ROWS), INPUTS), np.int32)
    weights[:, : CONTEXTS + MATCH_MODELS] = mixer.PROBABILITY_ONE // 6
    weights[:, PRIOR_INPUT] = mixer.PROBABILITY_ONE // 2
    top = np.zeros((256, TOP_INPUTS), np.int32)
    top[:, :SETS] = mixer.PROBABILITY_ONE // SETS
    return TrainedState(
        maps.reshape(-1), weights, top, mixer.neutral_apms(APMS << APM_BITS), CorrectionTables.untrained()
    )
