"""The state of the memory that all lanes of a block share: maps, mixer weights and adaptive probability maps.

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
from likezip.memory.match_models import MATCHES
from likezip.memory.profiles import CONTEXTS

MODELS = len(MATCHES)
BIAS = CONTEXTS + MODELS
PRIOR = BIAS + 1
INPUTS = -(-(PRIOR + 1) // 8) * 8
"""The logits of contexts and match models, the bias, the prior's logit, and padding if need be; at most 64."""

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
    int32; apms (APMS * 2^APM_BITS, 25) uint16."""

    maps: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]
    apms: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, tensors: dict[str, npt.NDArray[Any]]) -> TrainedState:
        """A copy of ``tensors`` by name; if there are no APMs, with APMs that change nothing.

        Raises KeyError for any other missing tensor, ValueError for a wrong shape or dtype.
        """
        if "apms" not in tensors:
            tensors = {**tensors, "apms": mixer.neutral_apms(APMS << APM_BITS)}
        for name, (shape, dtype) in _SHAPES.items():
            if tensors[name].shape != shape or tensors[name].dtype != dtype:
                raise ValueError(f"{name} is {tensors[name].dtype} {tensors[name].shape}, not {dtype} {shape}")
        found = {name: aligned_copy(tensors[name]) for name in ("maps", "apms")}
        found |= {name: aligned_copy(tensors[name].astype(np.int32) * WEIGHT_STEP) for name in ("weights", "top")}
        return cls(**found)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name, as ``of`` takes them: weights as int16, in WEIGHT_STEP / 65536, rounded."""
        found: dict[str, npt.NDArray[Any]] = {"maps": self.maps, "apms": self.apms}
        for name, weights in (("weights", self.weights), ("top", self.top)):
            steps = (weights + WEIGHT_STEP // 2) // WEIGHT_STEP
            most = mixer.MIXER_WEIGHT_LIMIT // WEIGHT_STEP
            found[name] = steps.clip(-most, most).astype(np.int16)
        return found


WEIGHT_STEP = 16
"""Weights in model files are int16, in steps of WEIGHT_STEP / 65536: from -2^19 on, one less than a weight that was
learnt, and at most MIXER_WEIGHT_LIMIT; a product with an input stays below 2^31."""

_SHAPES: dict[str, tuple[tuple[int, ...], type]] = {
    "maps": (((CONTEXTS + MODELS) * STATES,), np.uint32),
    "weights": ((sum(SET_ROWS), INPUTS), np.int16),
    "top": ((256, TOP_INPUTS), np.int16),
    "apms": ((APMS << APM_BITS, mixer.APM_COLUMNS), np.uint16),
}


def untrained_state() -> TrainedState:
    """The state that training begins with: maps by counting, even weights, APMs that change nothing."""
    maps = np.zeros((CONTEXTS + MODELS, STATES), np.uint32)
    maps[:CONTEXTS] = [mixer.map_entry(expected_one(state)) for state in range(STATES)]
    maps[:CONTEXTS, 0] = mixer.NEVER_SEEN
    maps[CONTEXTS:] = [mixer.map_entry((state // 2 + 1) / (state // 2 + 2)) for state in range(STATES)]
    weights = np.zeros((sum(SET_ROWS), INPUTS), np.int32)
    weights[:, : CONTEXTS + MODELS] = mixer.PROBABILITY_ONE // 6
    weights[:, PRIOR] = mixer.PROBABILITY_ONE // 2
    top = np.zeros((256, TOP_INPUTS), np.int32)
    top[:, :SETS] = mixer.PROBABILITY_ONE // SETS
    return TrainedState(maps.reshape(-1), weights, top, mixer.neutral_apms(APMS << APM_BITS))
