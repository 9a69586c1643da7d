"""Train the prior: ``python -m likezip.training.prior SOURCE... --validation DIRECTORY -o CHECKPOINT``.

Maximum likelihood: stochastic gradient descent on the cross-entropy of the next byte.  Works on the CPU, on one GPU,
and under ``torchrun --nproc-per-node N -m likezip.training.prior ...`` on several.  A run that was stopped goes on
from its checkpoint when the same command is given again; only the recurrent states begin anew.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from likezip.files import FileError, complete_output
from likezip.training.data import read_classes, read_validation
from likezip.training.mixture import OWN_SHARE, Mixture, SegmentsBesideMemory, start_of
from likezip.training.segments import SEGMENT, Batch, Feed, Segments, embedding_rows
from likezip.training.twin import Shape, Twin, compile_elementwise

STEPS = 256
"""Bytes of each row that a training step sees; gradients end there, states go on."""

WARMUP = 200

EMBEDDINGS = "embeddings.weight"

SEEN = 1e-6
"""Of a network that was trained before: about what its embeddings' accumulators had come to, so that its rows are not
thrown about by the first steps of another run."""


class RowAdagrad(torch.optim.Optimizer):
    """Adagrad with one accumulator a row, for sparse gradients of embeddings (J. Duchi et al., 2011).

    A row that is rarely seen takes larger steps; rows that are not seen are not touched.
    first: what accumulators begin with, as if so much had been seen before.
    """

    def __init__(self, parameters: list[Tensor], lr: float, epsilon: float = 1e-8, first: float = 0.0) -> None:
        super().__init__(parameters, {"lr": lr, "epsilon": epsilon, "first": first})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if not state:
                    state["sum"] = parameter.new_full((parameter.shape[0],), group["first"])
                gradient = parameter.grad.coalesce()
                index, values = gradient.indices()[0], gradient.values()
                total = state["sum"][index] + values.square().mean(1)
                state["sum"][index] = total
                values = values * (-group["lr"] / (total.sqrt() + group["epsilon"]))[:, None]
                parameter.index_add_(0, index, values)


def learning_rate(progress: float, step: int, decay: float) -> float:
    """The share of the full rate: up during WARMUP steps, level, down to nothing over the last ``decay`` of the run."""
    return min(1.0, (step + 1) / WARMUP) * min(1.0, max(0.0, (1 - progress) / decay))


@torch.no_grad()
def validate(twin: Twin, classes: dict[str, npt.NDArray[np.uint8]], device: torch.device) -> dict[str, float]:
    """Bits per byte of each class, coded from nothing in lanes of SEGMENT bytes."""
    lanes, owners = held_lanes(classes)
    rows, states, nats = embedding_rows(lanes), twin.first_states(len(lanes)), np.zeros(len(lanes))
    for first in range(0, SEGMENT, STEPS):
        part = slice(first, first + STEPS)
        with torch.autocast(device.type, torch.bfloat16):
            logits, states = twin(torch.from_numpy(rows[part]).to(device), states)
        following = torch.from_numpy(lanes[:, part].T.astype(np.int64)).to(device)
        losses = functional.cross_entropy(logits.float().flatten(0, 1), following.flatten(), reduction="none")
        nats += losses.reshape(following.shape).sum(0).cpu().numpy()
    return mean_rates(nats / math.log(2) / SEGMENT, owners)


def held_lanes(classes: dict[str, npt.NDArray[np.uint8]]) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """All whole lanes (lanes, SEGMENT) of the classes together, and the class of each."""
    lanes = {name: content[: content.size // SEGMENT * SEGMENT] for name, content in classes.items()}
    owners = [name for name, content in lanes.items() for _ in range(content.size // SEGMENT)]
    return np.concatenate(list(lanes.values())).reshape(-1, SEGMENT), owners


def mean_rates(rates: npt.NDArray[np.float64], owners: list[str]) -> dict[str, float]:
    """The mean of each class's lanes."""
    return {name: float(rates[[owner == name for owner in owners]].mean()) for name in dict.fromkeys(owners)}


def save_checkpoint(content: dict[str, Any], path: Path) -> None:
    """Write ``content`` to ``path``, all of it or nothing.  Raises FileError if it can't be written."""
    with complete_output(path, source=None, force=True) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # what torch makes of an OSError
            raise FileError(f"{path}: the checkpoint could not be written (is there room?)") from error


class Run:
    """A training run: the twin, its optimizers, and where it stands."""

    def __init__(
        self, twin: Twin, device: torch.device, lr: float, embedding_lr: float, decay: float, seen: float = 0.0
    ) -> None:
        """decay: AdamW's weight decay, by the full rate; seen: squared gradients of the embeddings before this run."""
        self.twin, self.device, self.step = twin.to(device), device, 0
        self.curve: list[dict[str, float]] = []
        dense = [tensor for name, tensor in self.twin.named_parameters() if name != EMBEDDINGS]
        self.optimizers = [
            torch.optim.AdamW(dense, lr, betas=(0.9, 0.99), weight_decay=decay, fused=True),
            RowAdagrad([self.twin.embeddings.weight], embedding_lr, first=seen),
        ]
        self._full = (lr, embedding_lr, lr)
        self._dense = dense
        self.mixture = Mixture().to(device)
        self.optimizers.append(torch.optim.Adam(self.mixture.parameters(), lr))
        self._network: nn.Module = self.twin
        self._mixture: nn.Module = self.mixture
        if distributed.is_initialized():
            self._network = DistributedDataParallel(self.twin)
            self._mixture = DistributedDataParallel(self.mixture)

    def set_rate(self, share: float) -> None:
        """Use ``share`` of the full learning rates."""
        for optimizer, full in zip(self.optimizers, self._full, strict=True):
            optimizer.param_groups[0]["lr"] = full * share

    def learn(self, batch: Batch, states: list[Tensor]) -> tuple[float, list[Tensor]]:
        """One step: the batch's bits per byte, with the memory if its logits are there, and the states after it."""
        keep = torch.from_numpy(~batch.fresh).to(self.device)[:, None]
        rows = torch.from_numpy(batch.rows).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            logits, states = self._network(rows, [state * keep for state in states])
        logits, following = logits.float().flatten(0, 1), torch.from_numpy(batch.following).to(self.device).flatten()
        if batch.expected.shape[-1]:
            expected = torch.from_numpy(batch.expected).to(self.device).flatten(0, 1)
            alone, rate = self._mixture(logits, following, expected)
            (rate + OWN_SHARE * alone).backward()
        else:
            rate = functional.cross_entropy(logits, following)
            rate.backward()
        nn.utils.clip_grad_norm_(self._dense, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        return float(rate.detach()) / math.log(2), states

    def content(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "shape": asdict(self.twin.shape),
            "step": self.step,
            "curve": self.curve,
            "twin": self.twin.state_dict(),
            "mixture": self.mixture.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def save(self, path: Path) -> None:
        save_checkpoint(self.content(), path)

    def load(self, path: Path) -> None:
        self.take(torch.load(path, map_location=self.device, weights_only=True))

    def take(self, content: dict[str, Any]) -> None:
        """Go on from the content of a checkpoint."""
        self.step, self.curve = content["step"], content["curve"]
        self.twin.load_state_dict(content["twin"])
        self.mixture.load_state_dict(content["mixture"])
        for optimizer, state in zip(self.optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)


def _numbers(text: str) -> dict[str, float]:
    """NAME=NUMBER,... as a dictionary."""
    return {name: float(value) for name, value in (part.split("=") for part in text.split(",") if part)}


def shape_of(text: str) -> Shape:
    """A shape by NAME=SIZE,..., of state and hidden by SIZE+SIZE... for each block.  Raises click.UsageError."""
    sizes: dict[str, Any] = {}
    try:
        for name, value in (part.split("=") for part in text.split(",") if part):
            numbers = tuple(int(number) for number in value.split("+"))
            sizes[name] = numbers if name in ("state", "hidden") else int(value)
        return Shape(**sizes)
    except (TypeError, ValueError) as error:
        raise click.UsageError(f"{text!r} is no shape ({error})") from error


def _begin_process(threads: int, seed: int) -> tuple[torch.device, int, int]:
    """The device of this process, its rank and the number of processes; joins them under torchrun."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if gpu else torch.device("cpu")
    if gpu:
        torch.cuda.set_device(device)
    if world > 1:
        distributed.init_process_group("gloo")  # also for GPUs: NCCL can't add up the embeddings' sparse gradients
    return device, rank, world


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Checkpoint to write and resume.")
@click.option("--validation", required=True, type=click.Path(exists=True, path_type=Path), help="Directory or archive.")
@click.option("--weights", default="", help="Shares of the classes, NAME=SHARE,...; by default their sizes.")
@click.option("--exclude", multiple=True, metavar="TEXT", help="Leave out files with TEXT in their path.")
@click.option(
    "--beside",
    type=click.Path(exists=True, path_type=Path),
    help="Minimise the bits of the prior and of this model's memory together, not of the prior alone.",
)
@click.option("--megabytes", default=100.0, show_default=True, help="Bytes to see in the whole run.")
@click.option(
    "--decay",
    type=click.FloatRange(0.001, 1),
    default=0.3,
    show_default=True,
    help="Last share of the run, in which the rates go down.",
)
@click.option("--rows", default=32, show_default=True, help="Segments read at a time, of all processes.")
@click.option("--lr", default=2e-3, show_default=True, help="AdamW's rate, for the layers.")
@click.option("--embedding-lr", default=0.05, show_default=True, help="Adagrad's rate, for the embeddings.")
@click.option("--weight-decay", default=0.01, show_default=True, help="AdamW's, for the layers.")
@click.option("--shape", default="", help="Sizes of the network: state=SIZE+SIZE,...")
@click.option("--every", default=300.0, show_default=True, help="Seconds between validations and checkpoints.")
@click.option("--compile/--no-compile", "compiled", default=True, show_default=True, help="What lies between products.")
@click.option("--seed", default=1, show_default=True)
@click.option("--threads", default=1, show_default=True, help="Of each process.")
def main(
    sources: tuple[Path, ...],
    output: Path,
    validation: Path,
    weights: str,
    exclude: tuple[str, ...],
    beside: Path | None,
    megabytes: float,
    decay: float,
    rows: int,
    lr: float,
    embedding_lr: float,
    weight_decay: float,
    shape: str,
    every: float,
    compiled: bool,
    seed: int,
    threads: int,
) -> None:
    """Train on SOURCES, tar archives or directories, one a class."""
    device, rank, world = _begin_process(threads, seed)
    if compiled:
        compile_elementwise()
    classes = read_classes(sources, exclude, seed)
    shares = _numbers(weights) or {name: float(content.size) for name, content in classes.items()}
    held = read_validation(validation)
    if rows % world:
        raise click.UsageError(f"{rows} rows can't be shared evenly by {world} processes")
    run = Run(Twin(shape_of(shape)), device, lr, embedding_lr, weight_decay)
    if output.exists():
        run.load(output)
    if beside:
        segments: Segments = SegmentsBesideMemory(classes, shares, seed, start_of(beside), rank, world)
        feed = Feed(segments, rows // world, STEPS)
    else:
        feed = Feed(Segments(classes, shares, seed), rows, STEPS, rank, world)
    total = int(megabytes * 1e6 / (rows * STEPS))
    feed.skip(run.step)
    if rank == 0:
        click.echo(f"{run.twin.shape}, {run.twin.shape.products()} multiply-adds a byte, {total} steps from {run.step}")
    states, recent, saved, since = run.twin.first_states(len(range(rank, rows, world))), 0.0, time.time(), run.step
    while run.step < total:
        run.set_rate(learning_rate(run.step / total, run.step, decay))
        rate, states = run.learn(feed.batch(), states)
        recent += (0.02 if recent else 1.0) * (rate - recent)
        if rank == 0 and (time.time() - saved > every or run.step == total):
            seen, speed = run.step * rows * STEPS, (run.step - since) * rows * STEPS / (time.time() - saved)
            rates = validate(run.twin, held, device)
            run.curve.append({"megabytes": seen / 1e6, "train": recent, **rates})
            parts = [f"{name} {value:.4f}" for name, value in {"train": recent, **rates}.items()]
            click.echo(f"{seen / 1e6:8.2f} MB  {speed / 1e3:5.1f} KB/s  {'  '.join(parts)}")
            run.save(output)
            saved, since = time.time(), run.step
    if world > 1:
        distributed.barrier()  # nobody leaves while the first still validates and saves
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
