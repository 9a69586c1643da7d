"""Segments of which the bits per byte are measured, without learning from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from likezip.blocks import coding
from likezip.memory.trained_state import TrainedState
from likezip.training.mixture import run_memory
from likezip.training.run import STEPS, Run
from likezip.training.segments import SEGMENT, Batch, embedding_rows


@dataclass(frozen=True)
class MeasuredSegments:
    """Segments as lanes (lanes, SEGMENT) uint8, and the memory's logits of their bits (lanes, SEGMENT, 8) int16."""

    lanes: npt.NDArray[np.uint8]
    logits: npt.NDArray[np.int16]

    @classmethod
    def of(cls, content: npt.NDArray[np.uint8], lanes: int, trained: TrainedState) -> MeasuredSegments:
        """Segments from the beginning of ``content``, coded as a block of ``lanes`` lanes."""
        part = np.frombuffer(coding.transformed(content[: lanes * SEGMENT].tobytes())[1], np.uint8)
        return cls(part.reshape(lanes, SEGMENT), run_memory(part, lanes, trained))

    def rates(self, run: Run, most: int = SEGMENT) -> tuple[float, float]:
        """Bits per byte by the network alone, and by network and memory together, of ``most`` bytes of each lane."""
        rows, states = embedding_rows(self.lanes, run.twin.shape.features), run.twin.first_states(len(self.lanes))
        nats, logits = np.zeros(2), np.ascontiguousarray(self.logits.transpose(1, 0, 2))
        fresh = np.zeros(len(self.lanes), np.bool_)
        for first in range(0, most, STEPS):
            part = slice(first, first + STEPS)
            batch = Batch(rows[part], self.lanes[:, part].T.astype(np.int64), logits[part], fresh)
            found, states = run.measure(batch, states)
            nats += np.array(found) * STEPS
        alone, both = nats / most / math.log(2)
        return float(alone), float(both)
