"""Make a trained network larger: ``python -m likezip.training.grow CHECKPOINT --shape state=... -o LARGER``.

At first the larger network computes the same function as the smaller one: new columns of ``out`` and ``down`` are zero,
so new units add nothing to the stream until they have learnt something (as in T. Chen et al., "Net2Net: accelerating
learning via knowledge transfer", 2016).  Training goes on from there with ``likezip.training.release``.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from likezip.blocks import coding
from likezip.model import MODEL_SUFFIX, load_model
from likezip.training.restore import twin_of
from likezip.training.run import EMBEDDINGS, SEEN, Run, save_checkpoint, shape_of
from likezip.training.twin import Shape, Twin

SILENT = re.compile(r"blocks\.\d+\.(out|down)\.weight")
"""Weights of the layers that add to the stream."""


def grow_twin(twin: Twin, shape: Shape) -> Twin:
    """A twin of a larger shape that computes the same as ``twin``.  Raises ValueError if the shape is smaller, or
    differs in the stream."""
    old = twin.shape
    sizes = zip(
        (*old.state, *old.hidden), (*shape.state[: len(old.state)], *shape.hidden[: len(old.state)]), strict=True
    )
    if (old.dimension, old.width) != (shape.dimension, shape.width) or any(before > now for before, now in sizes):
        raise ValueError(f"{shape} does not hold {old}")
    larger, smaller = Twin(shape), twin.state_dict()
    with torch.no_grad():
        for name, tensor in larger.named_parameters():
            if SILENT.fullmatch(name):
                tensor.zero_()
            if name in smaller:
                _first_part(tensor, smaller[name]).copy_(smaller[name])
    return larger


def _first_part(larger: Tensor, smaller: Tensor) -> Tensor:
    return larger[tuple(slice(0, size) for size in smaller.shape)]


def _grow_moments(moments: dict[str, Any], old: Twin, new: Twin) -> dict[str, Any]:
    """AdamW's moments for the layers of ``new``, zero for new weights."""
    if not moments["state"]:  # of a run that has not begun
        return moments
    old_moments = dict(zip(_layers(old), moments["state"].values(), strict=True))
    state: dict[int, dict[str, Tensor]] = {}
    for number, name in enumerate(_layers(new)):
        shape = new.get_parameter(name).shape
        state[number] = {"step": torch.tensor(0.0), "exp_avg": torch.zeros(shape), "exp_avg_sq": torch.zeros(shape)}
        if name in old_moments:
            state[number]["step"] = old_moments[name]["step"]
            for moment in ("exp_avg", "exp_avg_sq"):
                _first_part(state[number][moment], old_moments[name][moment]).copy_(old_moments[name][moment])
    return {"state": state, "param_groups": [{**moments["param_groups"][0], "params": list(state)}]}


def _layers(twin: Twin) -> list[str]:
    return [name for name, _ in twin.named_parameters() if name != EMBEDDINGS]


def _run_of(path: Path) -> Run:
    """The run in a checkpoint, or a new run that begins with the network of a model file."""
    if path.suffix == MODEL_SUFFIX:
        twin = twin_of(coding.network_of(load_model(path)))
        return Run(twin, torch.device("cpu"), 0.0, 0.0, 0.0, seen=SEEN)
    content = torch.load(path, map_location="cpu", weights_only=True)
    run = Run(Twin(Shape.of(content["shape"])), torch.device("cpu"), 0.0, 0.0, 0.0)
    run.take(content)
    return run


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, path_type=Path))
@click.option("--shape", required=True, help="Sizes of the larger network: state=SIZE+SIZE,...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Checkpoint to write.")
@click.option("--seed", default=1, show_default=True, help="Seed of the new weights.")
def main(checkpoint: Path, shape: str, output: Path, seed: int) -> None:
    """Write CHECKPOINT, or the network of a model file, with a larger network that still does the same."""
    torch.manual_seed(seed)
    run = _run_of(checkpoint)
    content = run.content()
    try:
        larger = grow_twin(run.twin, shape_of(shape))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    content["optimizers"][0] = _grow_moments(content["optimizers"][0], run.twin, larger)
    content |= {"shape": asdict(larger.shape), "twin": larger.state_dict()}
    save_checkpoint(content, output)
    click.echo(f"{larger.shape}, {larger.shape.products()} multiply-adds a byte")


if __name__ == "__main__":
    main()
