"""Make a model from data: ``python -m likezip.training.release DATA -o MODEL --work DIRECTORY``.

DATA holds a tar archive or a directory for each class of files, CLASS or in several parts CLASS-2, CLASS-3 ..., and one
named validation, whose directories are classes too.  The stages, each of which leaves its result in the work directory,
so that a command given again goes on where it was stopped:

    states     the memory's trained state for each profile, without the prior    states.safetensors
    network    the prior, beside the memory                                       network.pt, a checkpoint
    export     its integers, which have to do what the twin does                  network.safetensors
    both       the memory's trained state beside the prior, and the card          MODEL

Maximum likelihood: stochastic gradient descent on the cross-entropy of the next byte, of prior and memory together
(``mixture``).  Works on the CPU, in threads, and on a GPU.
"""

from __future__ import annotations

import json
import pickle
import platform
import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from likezip.errors import UnsupportedError, need_torch

try:
    need_torch("making a model")
except UnsupportedError as error:
    if __name__ == "__main__":
        raise SystemExit(f"likezip: {error}") from None
    raise

import torch

from likezip.blocks import coding
from likezip.memory.correction import CorrectionTables
from likezip.memory.profiles import BESIDE_PRIOR, PROFILES, TEXT
from likezip.memory.trained_state import TrainedState
from likezip.model import Model, load_model
from likezip.prior.network import Network
from likezip.prior.pipeline import prefetched
from likezip.training import states
from likezip.training.data import read_class, read_held_classes
from likezip.training.export import checked_tensors, squares_in_octaves
from likezip.training.held import MeasuredSegments
from likezip.training.mixture import SegmentsBesideMemory
from likezip.training.recipe import RECIPES, Recipe
from likezip.training.restore import squares_of, twin_of
from likezip.training.run import STEPS, Run, learning_rate, save_checkpoint, shape_of
from likezip.training.segments import SEGMENT, Feed
from likezip.training.states import Say
from likezip.training.twin import Shape, Twin

STATES_FILE = "states.safetensors"
"""The file in the work directory with the memory's trained states without the prior."""

HELD_LANES = 8
"""Segments of each class whose bits are measured, of the training data and of the validation data."""

SQUARES, SQUARES_FILE = "squares", "squares.safetensors"
"""The tensor of Adagrad's sums of squares, and the file in the work directory with it, to go on from beside a model."""

Classes = dict[str, npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Data:
    """The files of each class, and the held-out files of each class, joined."""

    files: dict[str, list[bytes]]
    held: Classes

    @classmethod
    def read(cls, place: Path, exclude: tuple[str, ...]) -> Data:
        """Raises ValueError if there is no class, or nothing is held out."""
        files: dict[str, list[bytes]] = {}
        held: list[Path] = []
        for source in sorted(place.iterdir()):
            name = re.sub(r"-\d+$", "", source.name.split(".")[0])
            if not source.is_dir() and ".tar" not in source.suffixes:
                continue
            if name == "validation":
                held.append(source)
            else:
                files.setdefault(name, []).extend(read_class(source, exclude))
        if not files or not held:
            raise ValueError(f"{place}: there is no {'class of files' if not files else 'validation data'}")
        return cls(files, read_held_classes(held, HELD_LANES * SEGMENT))

    def joined(self, seed: int) -> Classes:
        """The files of each class in random order."""
        random, classes = np.random.default_rng(seed), {}
        for name, files in self.files.items():
            order = random.permutation(len(files))
            classes[name] = np.frombuffer(b"".join(files[place] for place in order), np.uint8)
        return classes


def _machine_name() -> str:
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, torch {torch.__version__}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


class NetworkStage:
    """The run of the network: its checkpoints, and the record of all that was measured."""

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        trained: Callable[[], TrainedState],
        checkpoints: list[Path],
        threads: int,
        say: Say,
        go_on: tuple[Path, Path] | None = None,
    ) -> None:
        """checkpoints: the paths where copies of the run are kept; it goes on from the newest that is whole.

        go_on: a model and the squares that such a run has left, from which it goes on if there is no checkpoint.
        Raises ValueError if either is of a network of another shape.
        """
        torch.manual_seed(recipe.seed)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.run = Run(
            Twin(recipe.shape),
            device,
            recipe.lr,
            recipe.embedding_lr,
            recipe.weight_decay,
            penalty=recipe.penalty,
            threads=threads,
        )
        self._recipe, self._checkpoints, self._say, self._threads = recipe, checkpoints, say, threads
        classes = data.joined(recipe.seed)
        shares = recipe.shares_of({name: content.size for name, content in classes.items()})
        segments = SegmentsBesideMemory(classes, shares, recipe.seed, trained)
        self._feed = Feed(segments, recipe.shape.features, recipe.rows, STEPS)
        self._measured = {
            "train": {name: MeasuredSegments.of(content, HELD_LANES, trained()) for name, content in classes.items()},
            "validation": {
                name: MeasuredSegments.of(content, content.size // SEGMENT, trained())
                for name, content in data.held.items()
            },
        }
        self._total = int(recipe.megabytes * 1e6 / (recipe.rows * STEPS))
        self._warm_since = 0
        if not self._resume() and go_on is not None:
            self._take_model(load_model(go_on[0]), load_file(go_on[1])[SQUARES])
            self._say(f"goes on from {go_on[0]}, {self._megabytes():.1f} MB")
        self._feed.skip(self.run.step)

    def _resume(self) -> bool:
        for path in sorted(filter(Path.exists, self._checkpoints), key=lambda path: -path.stat().st_mtime):
            try:
                content = torch.load(path, map_location=self.run.device, weights_only=True)
            except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
                self._say(f"{path} is not whole ({error})")
                continue
            if Shape.of(content["shape"]) != self._recipe.shape:
                raise ValueError(f"{path} is of a network of another shape")
            self.run.take(content)
            self._say(f"goes on from {path}, {self._megabytes():.1f} MB")
            return True
        return False

    def _take_model(self, model: Model, squares: npt.NDArray[np.uint8]) -> None:
        """Go on from the network of a model; AdamW's moments and the mixture begin anew, with a warm-up."""
        twin = twin_of(coding.network_of(model))
        if twin.shape != self._recipe.shape:
            raise ValueError(f"{model.path} is of a network of another shape")
        self.run.twin.load_state_dict(twin.state_dict())
        self.run.curve = model.card()["card"]["curve"]
        self.run.step = self._warm_since = round(self.run.curve[-1]["megabytes"] * 1e6 / (self._recipe.rows * STEPS))
        self.run.embeddings_optimizer.squares.copy_(torch.from_numpy(squares_of(squares)))

    def _megabytes(self) -> float:
        return self.run.step * self._recipe.rows * STEPS / 1e6

    def train(self, every: float) -> None:
        """Train to the end; measure and save every ``every`` seconds."""
        states, recent = self.run.twin.first_states(self._recipe.rows), 0.0
        began, first = time.time(), self.run.step
        with closing(prefetched(self._batches())) as batches:
            while self.run.step < self._total:
                self.run.set_rate(self._rate())
                rate, states = self.run.learn(next(batches), states)
                recent += (0.02 if recent else 1.0) * (rate - recent)
                if time.time() - began > every or self.run.step == self._total:
                    speed = (self.run.step - first) * self._recipe.rows * STEPS / (time.time() - began)
                    self._record(recent, speed)
                    began, first = time.time(), self.run.step

    def _rate(self) -> float:
        return learning_rate(self.run.step / self._total, self.run.step - self._warm_since, self._recipe.decay)

    def _batches(self) -> Any:
        while True:
            yield self._feed.batch()

    def _record(self, recent: float, speed: float) -> None:
        rates = {
            part: {name: held.rates(self.run) for name, held in classes.items()}
            for part, classes in self._measured.items()
        }
        point = {
            "megabytes": self._megabytes(),
            "rate": self._rate(),
            "bytes_per_second": speed,
            "threads": self._threads,
            "machine": _machine_name(),
            "recent": recent,
            **{part: {name: list(rate) for name, rate in classes.items()} for part, classes in rates.items()},
        }
        self.run.curve.append(point)
        means = {part: np.mean(list(classes.values()), 0) for part, classes in rates.items()}
        classes = "  ".join(f"{name} {rate[1]:.4f}" for name, rate in rates["validation"].items())
        self._say(
            f"{self._megabytes():8.2f} MB  {speed / 1e3:5.1f} KB/s  recent {recent:.4f}  "
            f"train {means['train'][1]:.4f}  validation {means['validation'][1]:.4f}:  {classes}"
        )
        for path in self._checkpoints:
            save_checkpoint(self.run.content(), path)


def trained_states_file(data: Data, recipe: Recipe, work: Path, say: Say) -> Path:
    """The file in ``work`` with the memory's trained states for profiles without the prior, made if it is missing."""
    path = work / STATES_FILE
    if not path.exists():
        trained = {}
        for profile in PROFILES:
            say(f"the memory's trained state for {profile.name}")
            trained[profile.name] = states.train(
                data.files, profile, recipe.state_megabytes, recipe.seed, states.CONFIDENCE, say=lambda _: None
            )
        save_file(states.state_tensors(trained), path)
    return path


def _text_state_in(path: Path) -> Callable[[], TrainedState]:
    """A function that makes copies of the text profile's trained state in a model file."""
    loaded = load_model(path)
    return lambda: coding.trained_state_of(loaded, TEXT.name)


def _assemble(
    data: Data, recipe: Recipe, trained: Path, network: Path, output: Path, curve: list[dict[str, Any]], say: Say
) -> None:
    """Write the model to ``output``: the network, the memory's trained states, and the card."""
    with safe_open(network, "numpy") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    prior = Network.of({name.removeprefix("prior."): tensor for name, tensor in tensors.items()})
    say("the memory's trained state beside the network")
    loaded = load_model(trained)
    by_profile = {profile.name: coding.trained_state_of(loaded, profile.name) for profile in PROFILES}
    beside = states.train(
        data.files,
        BESIDE_PRIOR,
        recipe.beside_megabytes,
        recipe.seed,
        states.CONFIDENCE,
        prior,
        replace(coding.trained_state_of(loaded, TEXT.name), correction=CorrectionTables.untrained()),
        say=lambda _: None,
    )
    tensors |= states.state_tensors({**by_profile, BESIDE_PRIOR.name: beside})
    read = f"{curve[-1]['megabytes'] if curve else 0:,.0f} MB read"
    card = {"recipe": asdict(recipe), "curve": curve, "bytes": {n: sum(map(len, f)) for n, f in data.files.items()}}
    save_file(tensors, output, {"format": "likezip model 1", "training": read, "card": json.dumps(card)})


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Model file to write.")
@click.option(
    "--work",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for the stages' results.",
)
@click.option("--copy", type=click.Path(file_okay=False, path_type=Path), help="Directory for copies of checkpoints.")
@click.option("--recipe", "name", type=click.Choice(list(RECIPES)), default="likezip-2", show_default=True)
@click.option("--shape", help="Another network: state=SIZE+SIZE,features=h1/8+h3/16,...")
@click.option("--megabytes", type=click.FloatRange(0.01), help="Megabytes to read, instead of the recipe's.")
@click.option(
    "--states", "trained", type=click.Path(exists=True, path_type=Path), help="Model whose trained states are taken."
)
@click.option("--exclude", multiple=True, metavar="TEXT", help="Leave out files with TEXT in their path.")
@click.option("--every", default=600.0, show_default=True, help="Seconds between checkpoints.")
@click.option("--threads", default=1, show_default=True)
@click.option("--as-it-is", is_flag=True, help="Make the model from the network as far as it is trained.")
@click.option(
    "--go-on",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    nargs=2,
    metavar="MODEL SQUARES",
    help="Model and squares.safetensors that a run has left; go on from them if there is no checkpoint.",
)
def main(
    data: Path,
    output: Path,
    work: Path,
    copy: Path | None,
    name: str,
    shape: str | None,
    megabytes: float | None,
    trained: Path | None,
    exclude: tuple[str, ...],
    every: float,
    threads: int,
    as_it_is: bool,
    go_on: tuple[Path, Path] | None,
) -> None:
    """Make a model from DATA, or go on with making it."""
    recipe = RECIPES[name]
    recipe = replace(recipe, shape=shape_of(shape) if shape else recipe.shape, megabytes=megabytes or recipe.megabytes)
    torch.set_num_threads(1)  # the run has threads of its own
    work.mkdir(parents=True, exist_ok=True)
    read = Data.read(data, exclude)
    trained = trained or trained_states_file(read, recipe, work, click.echo)
    checkpoints = [place / "network.pt" for place in (work, copy) if place]
    for path in checkpoints:
        path.parent.mkdir(parents=True, exist_ok=True)
    stage = NetworkStage(recipe, read, _text_state_in(trained), checkpoints, threads, click.echo, go_on)
    if not as_it_is:
        stage.train(every)
    network = work / "network.safetensors"
    exported = checked_tensors(stage.run.twin, read.held, click.echo)
    save_file(exported, network)
    save_file({SQUARES: squares_in_octaves(stage.run.embeddings_optimizer.squares.numpy())}, work / SQUARES_FILE)
    _assemble(read, recipe, trained, network, output, stage.run.curve, click.echo)


if __name__ == "__main__":
    main()
