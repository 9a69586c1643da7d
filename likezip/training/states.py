"""Training of the memory's trained states: maps, mixer weights, APMs and the correction.

Blocks of many sizes are drawn from the classes and coded one after the other.  The hash table and the match index
begin empty with each, as they do in use; all else carries over.  The means over the second half, for the correction
the values at the end, are the trained state.  That is online maximum likelihood: every update is a step down the
cross-entropy, by the same rule as in use, so what is trained is what adapts best.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from likezip.blocks import block_header, coding
from likezip.blocks.coding import SAMPLE_SIZE
from likezip.blocks.cost import total_cost
from likezip.blocks.number_layouts import likely_layouts
from likezip.blocks.predictor import BlockShape, Predictor
from likezip.blocks.record_length import row_length
from likezip.memory import mixer
from likezip.memory.profiles import ARRAYS, BESIDE_PRIOR, PROFILES, TEXT, Profile
from likezip.memory.trained_state import TrainedState, untrained_state
from likezip.prior.network import Network
from likezip.prior.parallel import open_prior
from likezip.training.data import draw_block

Say = Callable[[str], None]
"""Prints a line of progress."""

SMALLEST_BLOCK, LARGEST_BLOCK = 1 << 11, 1 << 20

CONFIDENCE = 30
"""The most updates that a trained map entry counts for."""

CORRECTION_SEEN = 250_000
"""The bits for which a trained correction's sums of squares count."""

MOST_REFUSED = 100
"""Blocks in a row that are refused because the profile does not suit them; the next block counts all the same."""

_TEXTS = ("languages", "logs", "markup", "prose", "source", "tables", "techdoc")
CLASSES_OF_PROFILE = {
    "text": _TEXTS,
    "both": _TEXTS,
    "records": ("binaries", "science", "tables"),
    "code": ("binaries",),
    "numbers": ("binaries", "science", "tables"),
}
"""The classes from which the blocks of each profile are drawn; if the data have none of them, from all classes."""


def _bits_of(raw: bytes, profile: Profile, state: TrainedState, network: Network | None = None) -> float:
    """Code one block, which trains ``state`` in place; its cross-entropy in bits, which is infinite in the profile for
    numbers if it does not look like numbers."""
    lanes = block_header.default_lanes(len(raw), block_header.MEMORY_PRIOR if network else block_header.MEMORY)
    rows, layout = 0 if profile in (TEXT, BESIDE_PRIOR) else row_length(raw), None
    if profile is ARRAYS:
        likely = likely_layouts(raw, rows)
        if not likely:
            return math.inf
        layout, rows = likely[0]
    shape = BlockShape(len(raw), lanes, block_header.default_table_bits(len(raw)), profile, rows, layout=layout)
    with open_prior(network, len(raw), lanes) if network else nullcontext() as prior:
        return total_cost(*Predictor(shape, state, prior).run(np.frombuffer(raw, np.uint8)))


def _suits(raw: bytes, profile: Profile) -> bool:
    """Whether the beginning of a block is smallest with ``profile``, with all profiles untrained; for numbers the block
    has to look like some too."""
    if profile is ARRAYS and not likely_layouts(raw, row_length(raw)):
        return False
    cost = _bits_of(raw[:SAMPLE_SIZE], profile, untrained_state())
    others = (other for other in PROFILES if other is not profile)
    return math.isfinite(cost) and all(cost < _bits_of(raw[:SAMPLE_SIZE], o, untrained_state()) for o in others)


def share_suited(files: list[bytes], profile: Profile, seed: int, blocks: int = 10) -> float:
    """The share of blocks drawn from ``files`` that the profile suits."""
    random = np.random.default_rng(seed)
    drawn = [draw_block(files, SAMPLE_SIZE, random) for _ in range(blocks)]
    return sum(_suits(coding.transformed(raw)[1], profile) for raw in drawn) / blocks


def trust(state: TrainedState, confidence: int, seen: int) -> TrainedState:
    """The state as shipped, so that it still adapts: no map entry counts as updated more than ``confidence`` times, and
    the correction's sums of squares are those of CORRECTION_SEEN bits, if it has ``seen`` more."""
    counts = state.maps & np.uint32(mixer.FROZEN)
    trusted = np.where(counts == mixer.FROZEN, counts, np.minimum(counts, np.uint32(confidence)))
    maps = (state.maps & ~np.uint32(mixer.FROZEN)) | trusted
    share = min(1.0, CORRECTION_SEEN / seen)
    sums = {name: getattr(state.correction, name) for name in ("squares", "output_squares")}
    scaled = {name: (squares * share).astype(np.uint32) for name, squares in sums.items()}
    return replace(state, maps=maps, correction=state.correction._replace(**scaled))


class Mean:
    """The means of weights, maps and APMs after several blocks: each block leaves its mark on them, which is no use to
    the next."""

    def __init__(self) -> None:
        self._sums: list[npt.NDArray[np.int64]] = []
        self._blocks = 0

    def add(self, state: TrainedState) -> None:
        """Add what ``state`` has now."""
        parts = *self._plain(state), state.maps >> np.uint32(mixer.COUNT_BITS)
        now = [part.astype(np.int64) for part in parts]
        self._sums = [a + b for a, b in zip(self._sums, now, strict=True)] if self._blocks else now
        self._blocks += 1

    @staticmethod
    def _plain(state: TrainedState) -> list[npt.NDArray[Any]]:
        """The arrays that hold nothing else."""
        return [state.weights, state.top, state.apms]

    def write(self, state: TrainedState) -> None:
        """Give ``state`` the means; the counts of its maps stay what they are."""
        *weights, maps = (np.rint(total / self._blocks).astype(np.int64) for total in self._sums)
        for part, mean in zip(self._plain(state), weights, strict=True):
            part[...] = mean
        counts = state.maps & np.uint32((1 << mixer.COUNT_BITS) - 1)
        state.maps[...] = maps.astype(np.uint32) << np.uint32(mixer.COUNT_BITS) | counts


def train(
    classes: dict[str, list[bytes]],
    profile: Profile,
    megabytes: float,
    seed: int,
    confidence: int,
    network: Network | None = None,
    given: TrainedState | None = None,
    say: Say = click.echo,
) -> TrainedState:
    """Train the state ``given``, or an untrained state, on blocks of ``megabytes`` in all, with an equal share of each
    class; all but the correction becomes the mean over the blocks of the second half.

    For all profiles but that of text only blocks count that the profile suits, unless MOST_REFUSED in a row don't.
    """
    random = np.random.default_rng(seed)
    names = [name for name in classes if name in CLASSES_OF_PROFILE[profile.name]] or list(classes)
    state, coded, recent, refused = given or untrained_state(), 0, dict.fromkeys(names, 0.0), 0
    mean = Mean()
    while coded < megabytes * 1e6:
        name = names[random.integers(len(names))]
        size = int(np.exp(random.uniform(np.log(SMALLEST_BLOCK), np.log(LARGEST_BLOCK))))
        raw = coding.transformed(draw_block(classes[name], size, random))[1]
        if profile not in (TEXT, BESIDE_PRIOR) and refused < MOST_REFUSED and not _suits(raw, profile):
            refused += 1
            continue
        refused = 0
        coded += len(raw)
        rate = _bits_of(raw, profile, state, network) / len(raw)
        if coded > megabytes * 1e6 / 2:
            mean.add(state)
        recent[name] += (0.1 if recent[name] else 1.0) * (rate - recent[name])
        say(f"{coded / 1e6:8.2f} MB  " + "  ".join(f"{key} {value:.3f}" for key, value in recent.items()))
    mean.write(state)
    return trust(state, confidence, 8 * coded + (CORRECTION_SEEN if given else 0))


def state_tensors(states: dict[str, TrainedState]) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a model file for trained states by profile; there are APMs for text alone."""
    return {
        f"{part}.{name}": tensor
        for part, state in states.items()
        for name, tensor in state.tensors().items()
        if name != "apms" or part == TEXT.name
    }
