"""Bits per byte of validation classes by prior, memory and both: ``python -m likezip.training.evaluate MODEL``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from likezip.blocks import coding
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.model import Model, load_model
from likezip.prior.network import Network
from likezip.training.data import read_held_classes
from likezip.training.export import integer_rates
from likezip.training.segments import SEGMENT


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--validation", required=True, type=click.Path(exists=True, path_type=Path), help="Directory or archive.")
@click.option("--most", default=1 << 18, show_default=True, help="Bytes of each class.")
def main(model: Path, validation: Path, most: int) -> None:
    """A table in Markdown: each class is one block; the prior alone sees it in lanes of 16 KiB."""
    loaded, found = load_model(model), read_held_classes([validation], most)
    classes = {name: content[: content.size // SEGMENT * SEGMENT] for name, content in found.items()}
    alone = integer_rates(Network.of(loaded.part("prior")), classes)
    rates = {name: [alone[name], *_block_rates(content.tobytes(), loaded)] for name, content in classes.items()}
    rates["mean of classes"] = list(np.mean(list(rates.values()), 0))
    click.echo("| class | bytes | prior | memory | both |\n|---|---|---|---|---|")
    for name, values in rates.items():
        size = f"{classes[name].size:,}" if name in classes else ""
        click.echo(f"| {name} | {size} | " + " | ".join(f"{value:.3f}" for value in values) + " |")


def _block_rates(raw: bytes, model: Model) -> list[float]:
    """Bits per byte without the prior and with it."""
    choices: tuple[PriorChoice, ...] = ("off", "on")
    return [coding.cross_entropy(raw, CodingOptions(model, choice)) / len(raw) for choice in choices]


if __name__ == "__main__":
    main()
