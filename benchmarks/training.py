"""What a training step takes, by formulas and by kernels: ``python -m benchmarks.training``.

Both train the same network on the same bytes, one thread each; the memory's logits are found in the same thread or, for
the kernels, in one of their own ahead of the step, as each does in a run.  The formulas are those of commit a42ac2c.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from likezip.blocks import coding
from likezip.memory.profiles import TEXT
from likezip.model import default_model
from likezip.prior.pipeline import prefetched
from likezip.training import fused, products
from likezip.training.mixture import SegmentsBesideMemory
from likezip.training.run import STEPS, Run
from likezip.training.segments import Batch, Feed
from likezip.training.step import WeightGradient
from likezip.training.twin import Shape, Twin, can_compile, compile_elementwise

ROWS = 32

KERNELS = {
    "embeddings": ("embed", "embed_backward", "adagrad"),
    "stream, forward": ("add_normalise",),
    "stream, backward": ("add_normalise_backward",),
    "recurrence, forward": ("recur",),
    "recurrence, backward": ("recur_backward",),
    "squares, forward": ("square",),
    "squares, backward": ("square_backward",),
    "loss, both ways": ("losses",),
    "weights to int8": ("round_weights",),
}


def _feed(path: Path) -> Iterator[Batch]:
    content = np.frombuffer(path.read_bytes(), np.uint8)
    model = default_model()
    segments = SegmentsBesideMemory(
        {"all": content}, {"all": 1.0}, 1, lambda: coding.trained_state_of(model, TEXT.name)
    )
    feed = Feed(segments, Shape().features, ROWS, STEPS)
    while True:
        yield feed.batch()


def _seconds(run: Run, batches: Iterator[Batch], steps: int) -> list[float]:
    """Of each step, its batch included."""
    states, found = run.twin.first_states(ROWS), []
    for _ in range(steps):
        begin = time.perf_counter()
        _, states = run.learn(next(batches), states)
        found.append(time.perf_counter() - begin)
    return found


@contextmanager
def _timed(times: dict[str, float]) -> Iterator[None]:
    """Count the seconds of the kernels and of the products."""

    def wrapped(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            begin = time.perf_counter()
            result = function(*arguments, **named)
            times[part] = times.get(part, 0.0) + time.perf_counter() - begin
            return result

        return call

    places: list[tuple[Any, str, str]] = [(fused, name, part) for part, names in KERNELS.items() for name in names]
    places += [(products.TiledWeight, name, "products of a layer") for name in ("prepare", "forward", "backward")]
    places += [(products.Weight, name, "products of a layer") for name in ("forward", "backward")]
    places.append((WeightGradient, "compute", "products of a weight's gradient"))
    before = [(place, name, getattr(place, name)) for place, name, _ in places]
    try:
        for place, name, part in places:
            setattr(place, name, wrapped(part, getattr(place, name)))
        yield
    finally:
        for place, name, function in before:
            setattr(place, name, function)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--steps", default=30, show_default=True, help="Steps of each, after some to warm up; in three turns.")
def main(file: Path, steps: int) -> None:
    """Time training on FILE (1 MB at least), and where the time of a step by kernels goes."""
    torch.set_num_threads(1)
    if can_compile():
        compile_elementwise()
    runs = {}
    for name in ("formulas", "kernels"):
        torch.manual_seed(1)
        runs[name] = Run(Twin(Shape()), torch.device("cpu"), 4e-3, 0.1, 0.1, by_kernels=name == "kernels")
        runs[name].set_rate(0.1)
    batches = {"formulas": _feed(file), "kernels": prefetched(_feed(file))}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(4):
        for name, run in runs.items():
            found = _seconds(run, batches[name], steps)
            times[name] += found if turn else []
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, median in medians.items():
        spread = sorted(times[name])
        low, high = spread[len(spread) // 10], spread[-len(spread) // 10]
        rate = ROWS * STEPS / median / 1e3
        click.echo(f"{name}: {1e3 * median:.0f} ms a step ({1e3 * low:.0f} to {1e3 * high:.0f}), {rate:.1f} KB/s")
    click.echo(f"kernels: {medians['formulas'] / medians['kernels']:.2f} times the speed")
    parts: dict[str, float] = {}
    with _timed(parts):
        total = sum(_seconds(runs["kernels"], batches["kernels"], steps))
    for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        click.echo(f"{part:32s} {1e3 * seconds / steps:6.1f} ms")
    click.echo(f"{'all else':32s} {1e3 * (total - sum(parts.values())) / steps:6.1f} ms")


if __name__ == "__main__":
    main()
