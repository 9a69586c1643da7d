"""Draw how a model was trained: ``python -m likezip.training.curve MODEL -o CURVE.svg``; needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import matplotlib
import numpy as np
from matplotlib import pyplot

from likezip.model import load_model


def draw_curve(title: str, curve: list[dict[str, Any]], output: Path) -> None:
    """Bits per byte of network and memory together against the megabytes read, from a model card's ``curve``."""
    matplotlib.use("agg")
    figure, axes = pyplot.subplots(figsize=(8, 5))
    seen = [point["megabytes"] for point in curve]
    for name in curve[0]["validation"]:
        axes.plot(seen, [point["validation"][name][1] for point in curve], label=name)
    for part, style in (("validation", "-"), ("train", ":")):
        means = [np.mean([rates[1] for rates in point[part].values()]) for point in curve]
        axes.plot(seen, means, style, color="black", linewidth=2, label=f"mean, {part}")
    axes.set(xlabel="MB read", ylabel="bits per byte, network and memory", title=title)
    axes.legend(ncols=2, fontsize="small")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Picture; its suffix says which kind."
)
def main(model: Path, output: Path) -> None:
    """Bits per byte of the classes against the megabytes read, as the card of MODEL records them."""
    loaded = load_model(model)
    draw_curve(f"{loaded.name}: training and validation", loaded.card()["card"]["curve"], output)


if __name__ == "__main__":
    main()
