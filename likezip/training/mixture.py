"""Training the prior beside the memory: the loss is the bits of both together.

What the memory finds in the file itself the prior need not know.  So the memory codes the training data first, in
blocks of lanes, by the text profile, which is near enough to what is beside the network in use, and the network is
trained on the cross-entropy of a mixture of both: of each bit, the sum of their logits by weights, as in the mixer,
which depend on the bit's number and on how sure the memory is.  These weights are trained along with the network and
left behind: the mixer learns its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from likezip.blocks import block_header, coding
from likezip.blocks.predictor import BlockShape, Predictor, by_lane
from likezip.memory.mixer import LOGIT_LIMIT, SQUASH
from likezip.memory.profiles import TEXT
from likezip.memory.trained_state import TrainedState
from likezip.training.fused import LEVELS, REST, SMALLEST
from likezip.training.segments import SEGMENT, Place, Segments

LANES = 16
"""Segments of a block that the memory codes together."""

BLOCKS = 24
"""Blocks whose segments are shuffled together: 6 MiB and 96 MiB of logits; the previous group is kept too."""

LOGIT_UNIT = 2.0**-8

OWN_SHARE = 0.1
"""The weight of the prior's own cross-entropy in the loss, so that it stays a model by itself."""

Int16s = npt.NDArray[np.int16]


class SegmentsBesideMemory(Segments):
    """Segments in an order that shuffles those of BLOCKS blocks, with the memory's logits."""

    logits = 8

    def __init__(
        self,
        classes: dict[str, npt.NDArray[np.uint8]],
        weights: dict[str, float],
        seed: int,
        trained: Callable[[], TrainedState],
        lanes: int = LANES,
    ) -> None:
        """trained: makes copies of the memory's trained state; lanes: segments of a block."""
        super().__init__(classes, weights, seed, lanes * SEGMENT)
        self._lanes, self._trained = lanes, trained
        self._random = np.random.default_rng(seed)
        self._waiting: deque[Place] = deque()
        self._coded: dict[tuple[int, int], tuple[npt.NDArray[np.uint8], Int16s]] = {}
        self._next_blocks, self._read_segments = self._draw_blocks(), 0

    def _draw_blocks(self) -> list[Place]:
        """The next blocks whose segments are shuffled together."""
        return [super(SegmentsBesideMemory, self).place() for _ in range(BLOCKS)]

    def place(self) -> Place:
        if not self._waiting:
            places = [(*block[:2], lane) for block in self._next_blocks for lane in range(self._lanes)]
            self._waiting.extend(places[i] for i in self._random.permutation(len(places)))
            self._next_blocks = self._draw_blocks()
        return self._waiting.popleft()

    def _code_ahead(self) -> None:
        """Code one of the next blocks, each time that a block's worth of segments is read: else many of them would
        have to be coded at once when their turn comes, while training waits."""
        self._read_segments += 1
        if self._read_segments % self._lanes == 0:
            for block in self._next_blocks:
                if block[:2] not in self._coded:
                    self._block(block)
                    return

    def _block(self, place: Place) -> tuple[npt.NDArray[np.uint8], Int16s]:
        """The transformed bytes of the block of a place, and the memory's logits of it."""
        chosen, start, _ = place
        if (chosen, start) not in self._coded:
            if len(self._coded) == 2 * BLOCKS:  # all segments of the oldest have been taken, or begun
                del self._coded[next(iter(self._coded))]
            raw = self._contents[chosen][start : start + self._size].tobytes()
            coded = np.frombuffer(coding.transformed(raw)[1], np.uint8)
            self._coded[chosen, start] = coded, run_memory(coded, self._lanes, self._trained())
        return self._coded[chosen, start]

    def read(self, place: Place) -> npt.NDArray[np.uint8]:
        """The bytes (SEGMENT,) at a place, as they are in the transformed block."""
        lane = place[2]
        return self._block(place)[0][lane * SEGMENT : (lane + 1) * SEGMENT]

    def memory_logits(self, place: Place) -> Int16s:
        found = self._block(place)[1][place[2]]
        self._code_ahead()
        return found


_LOGITS = (np.searchsorted(SQUASH, np.arange(1 << 16)).clip(0, 2 * LOGIT_LIMIT) - LOGIT_LIMIT).astype(np.int16)
"""(65536,): the logit of each probability."""


def run_memory(raw: npt.NDArray[np.uint8], lanes: int, trained: TrainedState) -> Int16s:
    """The memory's logits (lanes, SEGMENT, 8) of each bit being 1, in 1/256 nat, in a block of ``lanes`` segments."""
    shape = BlockShape(raw.size, lanes, block_header.default_table_bits(raw.size), TEXT)
    ones, _ = Predictor(shape, trained).run(raw)
    return np.ascontiguousarray(by_lane(_LOGITS[ones].reshape(SEGMENT, -1), lanes).transpose(2, 0, 1))


def log_odds(logits: Tensor, following: Tensor) -> Tensor:
    """The log-odds (n, 8), in nats, that ``logits`` (n, 256) give to the actual bits of the bytes ``following`` (n,).

    As in coding, every byte has a probability of 2^-20 at least.
    """
    sums, found = torch.softmax(logits, -1) * float(REST) + float(SMALLEST), []
    for bit in range(7, -1, -1):
        right = (following >> (7 - bit))[:, None]
        found.append((sums.gather(1, right) / sums.gather(1, right ^ 1)).log())
        sums = sums.unflatten(1, (-1, 2)).sum(2)
    return torch.cat(found[::-1], 1)


class Mixture(nn.Module):
    """Nats per byte of the prior alone, and of the prior and the memory together."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.full((2, 8 * LEVELS), 0.6))

    def forward(self, logits: Tensor, following: Tensor, memory_logits: Tensor) -> tuple[Tensor, Tensor]:
        """logits (n, 256), the bytes ``following`` (n,), the memory's logits (n, 8) of their bits being 1, in 1/256
        nat."""
        prior, ones = log_odds(logits, following), memory_logits.float() * LOGIT_UNIT
        places = torch.arange(8, device=ones.device)
        memory = torch.where((following[:, None] >> (7 - places)) & 1 == 1, ones, -ones)
        row = memory.abs().long().clamp(max=LEVELS - 1) + LEVELS * places
        both = prior * self.weights[0, row] + memory * self.weights[1, row]
        return functional.cross_entropy(logits, following), functional.softplus(-both).sum(1).mean()
