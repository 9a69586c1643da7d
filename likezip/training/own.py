"""``likezip train``: from a user's files to a model file with its card."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save

from likezip.blocks import coding
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.frames.outputs import complete_output
from likezip.memory.profiles import BESIDE_PRIOR, PROFILES, TEXT
from likezip.memory.trained_state import TrainedState, untrained_state
from likezip.model import MODEL_SUFFIX, Model, load_model
from likezip.prior.network import Network
from likezip.training.data import Collection, collect
from likezip.training.export import Tensors
from likezip.training.finetune import EMBEDDING_LR, LR, ROWS, WEIGHT_DECAY, Tuning, tuned_states
from likezip.training.restore import twin_of
from likezip.training.run import SEEN, Run
from likezip.training.states import Say, state_tensors
from likezip.training.twin import Shape, Twin

SCRATCH_LR, SCRATCH_EMBEDDING_LR = 4e-3, 0.1
"""Learning rates of a network that begins untrained, as the shipped network did."""

NETWORK_SHARE, STARTS_RATE = 0.8, 0.6
"""The network's share of the time; and for each minute, the megabytes that each state of the memory is trained on."""

MOST_COMPRESSED = 1 << 19
"""Bytes of held-out files, at least one file, that are coded to compare models."""

PARTS = (*PROFILES, BESIDE_PRIOR)


@dataclass(frozen=True)
class Task:
    """The task of ``train_model``: the model to begin with, None for an untrained one; about how many minutes to
    train."""

    base: Model | None
    minutes: float
    seed: int

    def begin(self, threads: int) -> tuple[Run, dict[str, TrainedState]]:
        """The run of the network, in so many threads of a CPU, and the memory's trained states by profile."""
        torch.manual_seed(self.seed)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.base is None:
            run = Run(Twin(Shape()), device, SCRATCH_LR, SCRATCH_EMBEDDING_LR, WEIGHT_DECAY, threads=threads)
            return run, {profile.name: untrained_state() for profile in PARTS}
        if not self.base.has_prior():
            raise ValueError(f"{self.base.path}: the model has no prior to begin with")
        run = Run(
            twin_of(coding.network_of(self.base)), device, LR, EMBEDDING_LR, WEIGHT_DECAY, seen=SEEN, threads=threads
        )
        return run, {profile.name: coding.trained_state_of(self.base, profile.name) for profile in PARTS}

    def described(self) -> dict[str, Any]:
        """The task as the card records it."""
        return {**self.identity(), "minutes": self.minutes}

    def identity(self) -> dict[str, Any]:
        """The parts of the task that a checkpoint must have in common with it."""
        base = "scratch" if self.base is None else f"{self.base.name} {self.base.id.hex()}"
        return {"base": base, "seed": self.seed}


def train_model(
    sources: list[Path], output: Path, task: Task, *, threads: int = 1, force: bool = False, say: Say
) -> dict[str, Any]:
    """Train on the files below ``sources``, write the model file ``output``, and return its card.

    A run that was stopped goes on from its checkpoint, which lies beside ``output`` until that is complete, when it is
    called again with the same arguments, but for the minutes.
    Raises ValueError for fewer than 64 KiB of files, a base without a prior, and a checkpoint of another run.
    """
    if output.suffix != MODEL_SUFFIX:
        raise ValueError(f"{output}: the name of a model file must end in {MODEL_SUFFIX}")
    checkpoint = output.with_suffix(".checkpoint")
    with complete_output(output, source=None, force=force) as file:
        files = collect(sources, without=[output, checkpoint])
        say(_counted(files))
        torch.set_num_threads(threads)
        card, content = _trained(files, task, checkpoint, threads, say)
        file.write(content)
    checkpoint.unlink(missing_ok=True)
    return card


def _trained(files: Collection, task: Task, checkpoint: Path, threads: int, say: Say) -> tuple[dict[str, Any], bytes]:
    """The card and the content of the model file."""
    run, trained_states = task.begin(threads)
    run.prepare(ROWS)
    tuning = Tuning(run, files, lambda: _copy(trained_states[TEXT.name]), NETWORK_SHARE * task.minutes, task.seed)
    tuning.finish(checkpoint, {**task.identity(), "files": files.digest()}, say)
    network = tuning.network()
    megabytes = min(2e-6 * sum(map(len, files.train)), STARTS_RATE * task.minutes)
    copies = {name: _copy(trained) for name, trained in trained_states.items()}
    tuned = tuned_states(copies, Network.of(network), files, megabytes, task.seed, say)
    tensors = {f"prior.{name}": tensor for name, tensor in network.items()}
    tensors |= _better_states(tensors, trained_states, tuned, files.held)
    card = {**task.described(), **_card(tuning, files), "held_out": _compared(task.base, tensors, files.held)}
    metadata = {"format": "likezip model 1", "training": "likezip train", "card": json.dumps(card)}
    return card, save(tensors, metadata)


def _counted(files: Collection) -> str:
    parts = [
        f"{len(part)} {'file' if len(part) == 1 else 'files'}, {sum(map(len, part)):,} bytes"
        for part in (files.train, files.held)
    ]
    left_out = "".join(f"; left out: {count} ({why})" for why, count in files.left_out.items())
    return f"to train on: {parts[0]}; held out: {parts[1]}{left_out}"


def _copy(trained: TrainedState) -> TrainedState:
    """A copy of ``trained``, rounded as in a model file."""
    return TrainedState.of(trained.tensors())


def _better_states(
    network: Tensors, before: dict[str, TrainedState], after: dict[str, TrainedState], held: list[bytes]
) -> Tensors:
    """The trained states without the prior, all from before or all from after training, and likewise the one beside the
    prior: whichever makes the held-out files smaller."""
    tensors: Tensors = {}
    choices: list[tuple[PriorChoice, list[str]]] = [("off", [p.name for p in PROFILES]), ("on", [BESIDE_PRIOR.name])]
    for prior, names in choices:
        candidates = [state_tensors({**before, **{name: given[name] for name in names}}) for given in (before, after)]
        best = min(candidates, key=lambda candidate: _rate_of({**network, **candidate}, held, prior))
        tensors |= {key: tensor for key, tensor in best.items() if key.split(".")[0] in names}
    return tensors


def _rate_of(tensors: Tensors, held: list[bytes], prior: PriorChoice) -> float:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, f"model{MODEL_SUFFIX}")
        path.write_bytes(save(tensors))
        return compressed_rate(load_model(path), held, prior)


def compressed_rate(model: Model, files: list[bytes], prior: PriorChoice = "auto") -> float:
    """Bits per byte of the first MOST_COMPRESSED bytes of ``files``, each by itself."""
    bits, size = 0.0, 0
    for content in files:
        part = content[: MOST_COMPRESSED - size]
        if part:
            bits, size = bits + coding.cross_entropy(part, CodingOptions(model, prior)), size + len(part)
    return bits / size


def _compared(base: Model | None, tensors: Tensors, held: list[bytes]) -> dict[str, float]:
    """Bits per byte of the held-out files by the model that training began with, if any, and by the new model."""
    before = {} if base is None else {"before": round(compressed_rate(base, held), 4)}
    return {**before, "after": round(_rate_of(tensors, held, "auto"), 4)}


def _card(tuning: Tuning, files: Collection) -> dict[str, Any]:
    """The part of the card about the files, and the measurements."""
    best = min(tuning.run.curve, key=lambda point: point["validation"])
    sizes = {"train": sum(map(len, files.train)), "held_out": sum(map(len, files.held))}
    return {
        "files": {"train": len(files.train), "held_out": len(files.held), "digest": files.digest()},
        "bytes": sizes,
        "network": {name: round(value, 4) for name, value in best.items()},
        "generalisation_gap": round(best["validation"] - best["train"], 4),
        "curve": [{name: round(value, 4) for name, value in point.items()} for point in tuning.run.curve],
    }
