"""Draw the curve of a training run: ``python -m likezip.training.curve CHECKPOINT -o CURVE.svg``; needs matplotlib."""

from __future__ import annotations

from pathlib import Path

import click
import matplotlib
from matplotlib import pyplot

from likezip.training.export import load_twin


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Picture; its suffix says which kind."
)
def main(checkpoint: Path, output: Path) -> None:
    """Bits per byte of the classes against the megabytes seen, as CHECKPOINT records them."""
    matplotlib.use("agg")
    _, _, curve = load_twin(checkpoint)
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for name in curve[0]:
        if name != "megabytes":
            style = {"color": "black", "linewidth": 2} if name == "train" else {}
            axes.plot([point["megabytes"] for point in curve], [point[name] for point in curve], label=name, **style)
    axes.set(
        xlabel="MB seen", ylabel="bits per byte", xscale="log", title=f"{checkpoint.stem}: training and validation"
    )
    axes.legend(ncols=2, fontsize="small")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
