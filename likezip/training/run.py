"""A training run of the prior: its optimizers, its learning rate, its checkpoints.

Maximum likelihood: stochastic gradient descent on the cross-entropy of the next byte.  On the CPU by the kernels of
``step``, on a GPU, and where those can't run, by the formulas of ``twin``.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from likezip.frames.outputs import FileError, complete_output
from likezip.prior import fixed_point
from likezip.prior.ngrams import Feature
from likezip.training.mixture import OWN_SHARE, Mixture
from likezip.training.segments import SEGMENT, Batch, embedding_rows
from likezip.training.step import Step
from likezip.training.twin import Shape, Twin, can_compile, compile_elementwise

STEPS = 256
"""Bytes of each row that a training step sees; gradients end there, states go on."""

WARMUP = 200

EMBEDDINGS = "embeddings.weight"

SEEN = 1e-6
"""Accumulators of the embeddings of a network that was trained before, about as they were at its end, so that the first
steps of another run don't throw its rows about."""


class RowAdagrad(torch.optim.Optimizer):
    """Adagrad with one accumulator a row, for the sparse gradient of embeddings (J. Duchi et al., 2011).

    A row that is rarely seen takes larger steps; rows that are not seen are not touched.
    first: the initial value of the accumulators, as if such gradients had been seen before.
    """

    def __init__(self, embeddings: Tensor, lr: float, epsilon: float = 1e-8, first: float = 0.0) -> None:
        super().__init__([embeddings], {"lr": lr, "epsilon": epsilon, "first": first})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        (group,) = self.param_groups
        (parameter,) = group["params"]
        gradient = parameter.grad.coalesce()
        index, values = gradient.indices()[0], gradient.values()
        total = self.squares[index] + values.square().mean(1)
        self.squares[index] = total
        values = values * (-group["lr"] / (total.sqrt() + group["epsilon"]))[:, None]
        parameter.index_add_(0, index, values)

    def step_by_kernels(self, fused: Step) -> None:
        """The same step, with the gradients that ``fused`` has computed."""
        (group,) = self.param_groups
        fused.learn_embeddings(self.squares, group["lr"], group["epsilon"])

    @property
    def squares(self) -> Tensor:
        """The accumulators (rows,)."""
        (group,) = self.param_groups
        (parameter,) = group["params"]
        state = self.state[parameter]
        if not state:
            state["sum"] = parameter.new_full((parameter.shape[0],), group["first"])
        squares: Tensor = state["sum"]
        return squares


def learning_rate(progress: float, step: int, decay: float) -> float:
    """The share of the full rate: up during WARMUP steps, level, down to nothing over the last ``decay`` of the run."""
    return min(1.0, (step + 1) / WARMUP) * min(1.0, max(0.0, (1 - progress) / decay))


@torch.no_grad()
def validate(twin: Twin, classes: dict[str, npt.NDArray[np.uint8]], device: torch.device) -> dict[str, float]:
    """Bits per byte of each class, coded from nothing in lanes of SEGMENT bytes."""
    lanes, owners = held_lanes(classes)
    rows, states, nats = embedding_rows(lanes, twin.shape.features), twin.first_states(len(lanes)), np.zeros(len(lanes))
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
        except RuntimeError as error:  # torch turns an OSError into it
            raise FileError(f"{path}: the checkpoint could not be written (is there room?)") from error


class Run:
    """A training run: the twin, its optimizers, and its progress."""

    def __init__(
        self,
        twin: Twin,
        device: torch.device,
        lr: float,
        embedding_lr: float,
        decay: float,
        *,
        seen: float = 0.0,
        penalty: float = 0.0,
        threads: int = 1,
        by_kernels: bool | None = None,
    ) -> None:
        """decay: AdamW's weight decay, by the full rate; seen: squared gradients of the embeddings before this run.

        penalty: nats that each step of a hidden value costs, for sparsity; threads: of a CPU; by_kernels: True, False
        for the formulas, or None for kernels wherever they are exact.
        """
        self.twin, self.device, self.step = twin.to(device), device, 0
        self.curve: list[dict[str, Any]] = []
        dense = [tensor for name, tensor in self.twin.named_parameters() if name != EMBEDDINGS]
        self.embeddings_optimizer = RowAdagrad(self.twin.embeddings.weight, embedding_lr, first=seen)
        self.optimizers = [
            torch.optim.AdamW(dense, lr, betas=(0.9, 0.99), weight_decay=decay, fused=True),
            self.embeddings_optimizer,
        ]
        self._full = (lr, embedding_lr, lr)
        self._dense = dense
        self.mixture = Mixture().to(device)
        self.optimizers.append(torch.optim.Adam(self.mixture.parameters(), lr))
        self.penalty = penalty
        self._threads, self._fused = threads, dict[tuple[int, ...], Step]()
        self._kernels = by_kernels
        if by_kernels is None:
            self._kernels = self.device.type == "cpu" and fixed_point.is_right("int8")

    def set_rate(self, share: float) -> None:
        """Use ``share`` of the full learning rates."""
        for optimizer, full in zip(self.optimizers, self._full, strict=True):
            optimizer.param_groups[0]["lr"] = full * share

    def learn(self, batch: Batch, states: list[Tensor]) -> tuple[float, list[Tensor]]:
        """One step: the batch's bits per byte, with the memory if its logits are there, and the states after it."""
        keep = torch.from_numpy(~batch.fresh).to(self.device)[:, None]
        states = [state * keep for state in states]
        rate, states = (self._learn_by_kernels if self._kernels else self._learn_by_formulas)(batch, states)
        self.step += 1
        return rate / math.log(2), states

    @torch.no_grad()
    def measure(self, batch: Batch, states: list[Tensor]) -> tuple[tuple[float, float], list[Tensor]]:
        """Nats per byte of a batch by the network alone and together with the memory, and the states after it."""
        if self._kernels:
            states = [state.clone() for state in states]
            return self._fused_for(batch).measure(batch, states), states
        with torch.autocast(self.device.type, torch.bfloat16):
            logits, states = self.twin(torch.from_numpy(batch.rows).to(self.device), states)
        following, memory_logits = (
            torch.from_numpy(part).to(self.device) for part in (batch.following, batch.memory_logits)
        )
        alone, both = self.mixture(logits.float().flatten(0, 1), following.flatten(), memory_logits.flatten(0, 1))
        return (float(alone), float(both)), states

    def zeros_of(self, batch: Batch) -> float:
        """The share of hidden values that are 0 in a batch."""
        fused = self._fused_for(batch)
        fused.measure(batch, self.twin.first_states(batch.following.shape[1]))
        return fused.zeros()

    def _fused_for(self, batch: Batch) -> Step:
        """The kernels for batches of this size."""
        sizes = batch.following.shape
        if sizes not in self._fused:
            self._fused[sizes] = Step(self.twin, self.mixture, sizes[1], sizes[0], self._threads)
        return self._fused[sizes]

    def _learn_by_kernels(self, batch: Batch, states: list[Tensor]) -> tuple[float, list[Tensor]]:
        fused = self._fused_for(batch)
        alone, mixed, states = fused.run(batch, states, self.penalty)
        nn.utils.clip_grad_norm_(self._dense, 1.0)
        layers, _, mixture = self.optimizers
        layers.step()
        self.embeddings_optimizer.step_by_kernels(fused)
        if batch.memory_logits.shape[-1]:
            mixture.step()
        return mixed if batch.memory_logits.shape[-1] else alone, states

    def _learn_by_formulas(self, batch: Batch, states: list[Tensor]) -> tuple[float, list[Tensor]]:
        rows = torch.from_numpy(batch.rows).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            logits, states = self.twin(rows, states)
        logits, following = logits.float().flatten(0, 1), torch.from_numpy(batch.following).to(self.device).flatten()
        if batch.memory_logits.shape[-1]:
            memory_logits = torch.from_numpy(batch.memory_logits).to(self.device).flatten(0, 1)
            alone, rate = self.mixture(logits, following, memory_logits)
            (rate + OWN_SHARE * alone).backward()
        else:
            rate = functional.cross_entropy(logits, following)
            rate.backward()
        nn.utils.clip_grad_norm_(self._dense, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return float(rate.detach()), states

    def prepare(self, lanes: int) -> None:
        """Compile all that a step of ``lanes`` lanes runs, which takes up to a minute the first time.

        The kernels learn from an empty batch at a rate of 0; what lies between the formulas' products is compiled by
        torch, where that can be.
        """
        if not self._kernels:
            if can_compile():
                compile_elementwise()
            return
        rows = np.zeros((STEPS, lanes, len(self.twin.shape.features)), np.int32)
        nothing = np.zeros((STEPS, lanes), np.int64)
        batch = Batch(rows, nothing, np.zeros((STEPS, lanes, 8), np.int16), np.ones(lanes, np.bool_))
        fused = self._fused_for(batch)
        fused.run(batch, self.twin.first_states(lanes))
        fused.learn_embeddings(torch.ones(len(self.twin.embeddings.weight)), 0.0, 1.0)
        self._fused.clear()  # its gradient scale comes from the empty batch

    def content(self) -> dict[str, Any]:
        """The content of a checkpoint."""
        return {
            "shape": asdict(self.twin.shape),
            "step": self.step,
            "curve": self.curve,
            "twin": self.twin.state_dict(),
            "mixture": self.mixture.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def take(self, content: dict[str, Any]) -> None:
        """Go on from the content of a checkpoint."""
        self.step, self.curve = content["step"], content["curve"]
        self.twin.load_state_dict(content["twin"])
        self.mixture.load_state_dict(content["mixture"])
        for optimizer, state in zip(self.optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)


def shape_of(text: str) -> Shape:
    """The shape in a text NAME=SIZE,..., where state and hidden have a size for each block, SIZE+SIZE....  Raises
    click.UsageError."""
    sizes: dict[str, Any] = {}
    try:
        for name, value in (part.split("=") for part in text.split(",") if part):
            if name in ("state", "hidden"):
                sizes[name] = tuple(int(number) for number in value.split("+"))
            else:
                sizes[name] = tuple(map(Feature.named, value.split("+"))) if name == "features" else int(value)
        return Shape(**sizes)
    except (TypeError, ValueError) as error:
        raise click.UsageError(f"{text!r} is no shape ({error})") from error
