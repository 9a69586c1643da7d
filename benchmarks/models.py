"""Small, fast, expressive, generalisable: models beside each other, ``python -m benchmarks.models MODEL...``.

Small is the size on disk and the multiply-adds of a byte, fast how many bytes a second are coded with the prior,
expressive how few bits a byte of the training classes takes, generalisable how few those of files that were held out,
and of classes that no training file was like.  Each class is one block of at most ``--most`` bytes, coded as
``compress`` codes it by default.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

import likezip
from benchmarks.report import markdown
from likezip.blocks import coding
from likezip.blocks.options import CodingOptions
from likezip.model import Model, load_model
from likezip.training.data import read_class, read_held_classes

Classes = dict[str, bytes]


def classes_of(sources: Sequence[Path], most: int, exclude: tuple[str, ...] = ()) -> Classes:
    """A block of each class, of its files in random order: directories or tar archives."""
    found = {}
    for source in sources:
        files = read_class(source, exclude)
        order = np.random.default_rng(1).permutation(len(files))
        found[source.name.split(".")[0]] = b"".join(files[place] for place in order)[:most]
    return found


def rates(model: Model, classes: Classes) -> dict[str, float]:
    """Bits per byte of each class."""
    return {name: coding.cross_entropy(raw, CodingOptions(model)) / len(raw) for name, raw in classes.items()}


def speeds(model: Model, raw: bytes) -> tuple[float, float]:
    """KB (10^3 bytes) a second of ``raw`` to compress and to decompress with the prior, in one thread."""
    likezip.decompress(likezip.compress(raw[:1000], model=model, prior="on"), model=model)
    began = time.perf_counter()
    frame = likezip.compress(raw, model=model, prior="on")
    packed = time.perf_counter()
    likezip.decompress(frame, model=model)
    return len(raw) / 1e3 / (packed - began), len(raw) / 1e3 / (time.perf_counter() - packed)


def products(model: Model) -> int:
    """Multiply-adds of a byte in the prior's layers."""
    return sum(layer.weight.size for layer in coding.network_of(model).layers())


def table(models: Sequence[Model], kinds: dict[str, Classes], raw: bytes) -> str:
    """A row for each model, the means of the kinds of classes and each class; speeds by coding ``raw``."""
    head = ["model", "MB", "multiply-adds", "KB/s in", "KB/s out", *(f"{kind}, mean" for kind in kinds)]
    rows, details = [], []
    for model in models:
        found = {kind: rates(model, classes) for kind, classes in kinds.items()}
        means = [f"{np.mean(list(of_kind.values())):.3f}" for of_kind in found.values()]
        fast = [f"{speed:.0f}" for speed in speeds(model, raw)]
        rows.append([model.name, f"{model.size / 1e6:.1f}", f"{products(model):,}", *fast, *means])
        details.append([model.name, *(f"{rate:.3f}" for of_kind in found.values() for rate in of_kind.values())])
        click.echo(f"{model.name}: {' '.join(means)}", err=True)
    names = [f"{name} ({kind})" for kind, classes in kinds.items() for name in classes]
    by_class = [[name, *(row[1 + place] for row in details)] for place, name in enumerate(names)]
    return f"{markdown(head, rows)}\n\n{markdown(['class', *(model.name for model in models)], by_class)}"


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--training", multiple=True, type=click.Path(exists=True, path_type=Path), help="A class; repeated.")
@click.option("--validation", type=click.Path(exists=True, path_type=Path), help="Held-out files of these classes.")
@click.option("--unseen", multiple=True, type=click.Path(exists=True, path_type=Path), help="Another class; repeated.")
@click.option("--exclude", multiple=True, metavar="TEXT", help="Leave out training files with TEXT in their path.")
@click.option("--most", default=1 << 17, show_default=True, help="Bytes of each class.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the tables there too, as Markdown.")
def main(
    models: tuple[str, ...],
    training: tuple[Path, ...],
    validation: Path | None,
    unseen: tuple[Path, ...],
    exclude: tuple[str, ...],
    most: int,
    output: Path | None,
) -> None:
    """Compare MODELS, files or names."""
    kinds = {"training": classes_of(training, most, exclude), "unseen": classes_of(unseen, most)}
    if validation is not None:
        held = {name: content.tobytes() for name, content in read_held_classes([validation], most).items()}
        kinds = {"training": kinds["training"], "validation": held, "unseen": kinds["unseen"]}
    kinds = {kind: classes for kind, classes in kinds.items() if classes}
    if not kinds:
        raise click.UsageError("there is no class to measure")
    raw = b"".join(raw for classes in kinds.values() for raw in classes.values())[: 4 * most]
    text = table([load_model(name) for name in models], kinds, raw)
    click.echo(text)
    if output is not None:
        output.write_text(f"# Models\n\n{__doc__}\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.models")
