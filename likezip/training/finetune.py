"""Fine-tuning: the network, memory and mixer trained on the user's files, some of which are held out.

Maximum likelihood: the loss is the bits of both network and memory together, as in ``likezip.training.mixture``.
Every so often the loss is measured, without learning, on a part of the training files and on a part of the held-out
files.  The difference is the generalisation gap, an estimate of how far the distribution of the training files is from
the distribution of all files of their kind.  The learning rate falls with the time that is given, or with the passes
over the files if they are few.  Once the loss of the held-out files has not fallen for a while, training goes on from
the best network at a lower rate, and if that does not help either, it ends early.  The best network measured is taken.

Then the memory's trained states are trained on, for the profiles that suit the files and for use beside the network.
"""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from likezip.memory.profiles import BESIDE_PRIOR, PROFILES, TEXT
from likezip.memory.trained_state import TrainedState
from likezip.prior.network import Network
from likezip.training import states
from likezip.training.data import Collection
from likezip.training.export import tensors as exported
from likezip.training.held import MeasuredSegments
from likezip.training.mixture import LANES, SegmentsBesideMemory
from likezip.training.run import STEPS, Run, learning_rate, save_checkpoint
from likezip.training.segments import SEGMENT, Feed
from likezip.training.states import Say

ROWS = 16
"""Segments read at a time."""
LR, EMBEDDING_LR, WEIGHT_DECAY = 3e-3, 0.2, 0.01
DECAY = 0.7
"""The last share of the time, in which the rates go down."""
MEASURED = SEGMENT // 2
"""The most bytes that are measured of each of ROWS segments of the training files, and of the held-out files."""
MEASUREMENTS = 12
"""Measurements in a whole run."""
MOST_PASSES = 4.0
"""The most passes over the training files: each further pass learns more that holds for these files alone."""
PATIENCE, BACK = 4, 2
"""Measurements in a row without improvement until training ends, and until it goes back to the best network."""
SLOWER = 0.4
"""The rate is multiplied by this after going back to the best network, which improves further at a lower rate."""


class Tuning:
    """Training of the network: its progress, its measurements, the best network.

    The run's curve has a point for each measurement: minutes, megabytes seen, and bits per byte of both parts.
    ``_given_time``: the point at which the minutes were changed, from which on PATIENCE counts anew; 0 if they were
    not.
    """

    def __init__(
        self, run: Run, files: Collection, trained: Callable[[], TrainedState], minutes: float, seed: int
    ) -> None:
        """trained: makes copies of the memory's trained state for blocks of text without the prior."""
        self.run, self._minutes, self._seconds = run, minutes, 0.0
        train, held = files.joined(seed)
        self._size = train.size
        lanes = min(LANES, train.size // SEGMENT)
        segments = SegmentsBesideMemory({"files": train}, {"files": 1.0}, seed, trained, lanes=lanes)
        self._feed = Feed(segments, run.twin.shape.features, ROWS, STEPS)
        self._states: list[Tensor] = run.twin.first_states(ROWS)
        few = min(ROWS, held.size // SEGMENT, lanes)
        self._seen, self._held = MeasuredSegments.of(train, few, trained()), MeasuredSegments.of(held, few, trained())
        self.best: dict[str, Tensor] = {}
        self._given_time, self._rate = 0, 1.0

    @contextmanager
    def _clock(self) -> Iterator[None]:
        """Count the time that the body takes as training time."""
        began = time.monotonic()
        yield
        self._seconds += time.monotonic() - began

    def measure(self) -> dict[str, float]:
        """Measure and add a point to the curve; the best network so far is kept."""
        with self._clock():
            rates = {
                name: held.rates(self.run, MEASURED)[1]
                for name, held in (("train", self._seen), ("validation", self._held))
            }
        point = {"minutes": self._seconds / 60, "megabytes": self.run.step * ROWS * STEPS / 1e6, **rates}
        if point["validation"] < min((past["validation"] for past in self.run.curve), default=math.inf):
            self.best = {name: tensor.detach().clone() for name, tensor in self.run.twin.state_dict().items()}
        self.run.curve.append(point)
        return point

    def progress(self) -> float:
        """The share of the run that is done, by its time or by the passes over the files."""
        return max(self._seconds / (60 * self._minutes), self.run.step * ROWS * STEPS / (MOST_PASSES * self._size))

    def is_over(self) -> bool:
        """Whether the run is done, or the last PATIENCE measurements were no better than one before them."""
        return self.progress() >= 1 or self._since_best() >= PATIENCE

    def _since_best(self) -> int:
        """Measurements since the best one."""
        rates = [point["validation"] for point in self.run.curve]
        return len(rates) - 1 - max(int(np.argmin(rates)), self._given_time)

    def _go_back(self) -> None:
        """Begin again from the best network, at a lower rate."""
        self.run.twin.load_state_dict(self.best)
        self._rate *= SLOWER

    def learn(self, share: float) -> None:
        """Train for a ``share`` of the run."""
        end = min(1.0, self.progress() + share)
        while self.progress() < end:
            with self._clock():
                self.run.set_rate(self._rate * learning_rate(self.progress(), self.run.step, DECAY))
                _, self._states = self.run.learn(self._feed.batch(), self._states)

    def finish(self, checkpoint: Path, identity: dict[str, Any], say: Say) -> None:
        """Train to the end, and leave the best network in the run's twin.

        Progress is kept in ``checkpoint``, from which training goes on if it exists and has the same ``identity``;
        raises ValueError if it has another.
        """
        self._resume(checkpoint, identity, say)
        say("bits per byte of parts of the files trained on and of parts of those held out:")
        say(f"{'minutes':>8} {'MB seen':>8} {'train':>8} {'held out':>8} {'gap':>8}")
        for point in self.run.curve or [self.measure()]:
            say(_line(point))
        try:
            while not self.is_over():
                self.learn(1 / MEASUREMENTS)
                say(_line(self.measure()))
                if self._since_best() == BACK and not self.is_over():
                    self._go_back()
                    say(f"{'':>8} no better for a while: back to the best network, and on at a lower rate")
                self._save(checkpoint, identity)
        except KeyboardInterrupt:
            self._save(checkpoint, identity)
            say(f"what was learnt is kept in {checkpoint}, from where the same command goes on")
            raise
        self.run.twin.load_state_dict(self.best)

    def _save(self, checkpoint: Path, identity: dict[str, Any]) -> None:
        state = {
            "run": self.run.content(),
            "seconds": self._seconds,
            "best": self.best,
            "minutes": self._minutes,
            "given_time": self._given_time,
            "rate": self._rate,
        }
        save_checkpoint({"identity": identity, **state}, checkpoint)

    def _resume(self, checkpoint: Path, identity: dict[str, Any], say: Say) -> None:
        if not checkpoint.exists():
            return
        try:
            content = torch.load(checkpoint, map_location=self.run.device, weights_only=True)
            other, same_time = content["identity"] != identity, content["minutes"] == self._minutes
        except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, TypeError) as error:
            raise ValueError(f"{checkpoint} is no checkpoint of this command: delete it to begin anew") from error
        if other:
            raise ValueError(f"{checkpoint} is of another run, with other files or options: delete it to begin anew")
        self.run.take(content["run"])
        self._seconds, self.best = content["seconds"], content["best"]
        self._rate = content["rate"] if same_time else 1.0
        self._given_time = content["given_time"] if same_time else len(self.run.curve) - 1
        self._feed.skip(self.run.step)
        say(f"goes on from {checkpoint}")

    def network(self) -> dict[str, npt.NDArray[Any]]:
        """The tensors of the integer network, by name as ``Network.of`` takes them."""
        return exported(self.run.twin.cpu())


def _line(point: dict[str, float]) -> str:
    gap = point["validation"] - point["train"]
    numbers = point["minutes"], point["megabytes"], point["train"], point["validation"], gap
    return " ".join(f"{number:8.{digits}f}" for number, digits in zip(numbers, (1, 1, 4, 4, 4), strict=True))


def tuned_states(
    trained_states: dict[str, TrainedState], network: Network, files: Collection, megabytes: float, seed: int, say: Say
) -> dict[str, TrainedState]:
    """The trained states by profile, of which those for text, for blocks with the prior, and for profiles that suit the
    files are trained further, on ``megabytes`` of the files each.  The arrays of ``trained_states`` are changed."""
    wanted = [TEXT, *(profile for profile in PROFILES[1:] if states.share_suited(files.train, profile, seed) > 0.1)]
    tuned = dict(trained_states)
    for profile in [*wanted, BESIDE_PRIOR]:
        kind = "beside the network" if profile is BESIDE_PRIOR else f"by itself, for {profile.name}"
        say(f"the memory's trained state {kind}: training on {megabytes:.1f} MB")
        beside = network if profile is BESIDE_PRIOR else None
        classes, trained = {"files": files.train}, trained_states[profile.name]
        tuned[profile.name] = states.train(
            classes, profile, megabytes, seed, states.CONFIDENCE, beside, given=trained, say=lambda _: None
        )
    return tuned
