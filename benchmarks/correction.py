"""What each feature of the correction is worth: ``python -m benchmarks.correction DIR... -o STEM``.

Each directory is a class of files, which are joined and cut.  Each class is coded as a block in the mode that likezip
takes for it, whole, without the correction, and with each feature in turn saying nothing: all its values have the mean
of their rows, weighted by how much they have learnt, and hardly learn any more.  What the bytes grow by is what the
feature is worth beside all others.  STEM.md is the table, STEM.png and STEM.svg are a picture of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from benchmarks import plots
from benchmarks.inputs import named_inputs
from benchmarks.report import markdown
from likezip.blocks import codec, coding
from likezip.blocks.coding import BlockCoding
from likezip.blocks.cost import total_cost
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.blocks.predictor import BlockShape, Predictor
from likezip.memory.correction import FEATURES, FIRST_ROW, CorrectionTables
from likezip.memory.match_models import MINIMA
from likezip.memory.profiles import TOLD, Profile
from likezip.model import default_model
from likezip.prior.parallel import open_prior

BEHIND = (
    "bits so far",
    "last byte",
    "byte before",
    "third last byte",
    "known contexts",
    "mixed logit",
    "prior's logit",
)
MOST_ROWS = 20
"""Features in the picture."""


def feature_names(profile: Profile) -> list[str]:
    """The features of a profile's correction, in order."""
    told = [context.name for context in profile.contexts[:TOLD]]
    matches = [f"match {number + 1}" for number in range(len(MINIMA))]
    return [*told, *matches, *BEHIND, *(f"{context.name}, bits so far" for context in profile.paired)]


def without_feature(learnt: CorrectionTables, feature: int) -> CorrectionTables:
    """The correction in which a feature says nothing."""
    part = slice(*FIRST_ROW[feature : feature + 2])
    rows, squares = learnt.rows.copy(), learnt.squares.copy()
    weights = squares[part, None].astype(np.float64) + 1
    rows[part] = np.rint((rows[part] * weights).sum(0) / weights.sum())
    squares[part] = (1 << 32) - 1
    return learnt._replace(rows=rows, squares=squares)


@dataclass
class Block:
    """The beginning of a class, and how likezip models it."""

    name: str
    raw: npt.NDArray[np.uint8]
    coding: BlockCoding

    @property
    def shape(self) -> BlockShape:
        return self.coding.shape

    @classmethod
    def of(cls, name: str, raw: bytes, prior: PriorChoice) -> Block:
        """Raises ClickException for noise."""
        _, code = coding.transformed(raw)
        best = coding.best_coding(code, CodingOptions(default_model(), prior))
        if best is None:
            raise click.ClickException(f"{name} is noise")
        return cls(name, np.frombuffer(code, np.uint8), best)

    def cost(self, changed: Callable[[CorrectionTables], CorrectionTables]) -> float:
        """Bytes with the correction changed."""
        trained = coding.trained_state_of(default_model(), self.shape.profile.name)
        trained = replace(trained, correction=changed(trained.correction))
        network = coding.network_of(default_model()) if self.coding.mode.prior else None
        with open_prior(network, self.raw.size, self.shape.used_lanes) if network else nullcontext() as prior:
            return total_cost(*Predictor(self.shape, trained, prior).run(self.raw)) / 8


@dataclass
class Worth:
    """Blocks of one profile: bytes without the correction and with it; growth (features, blocks), in per cent of the
    bytes with it."""

    profile: Profile
    blocks: list[Block]
    before: list[float]
    after: list[float]
    growth: npt.NDArray[np.float64]

    @classmethod
    def of(cls, blocks: list[Block]) -> Worth:
        """Measure it; raises ValueError for no block."""
        before = [block.cost(lambda _: CorrectionTables.nothing()) for block in blocks]
        after = [block.coding.bits / 8 for block in blocks]
        silent = [partial(without_feature, feature=feature) for feature in range(FEATURES)]
        growth = [
            [100 * (block.cost(changed) / whole - 1) for block, whole in zip(blocks, after, strict=True)]
            for changed in silent
        ]
        return cls(blocks[0].shape.profile, blocks, before, after, np.array(growth))

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """The features, the most valuable first."""
        return np.argsort(-self.growth.mean(1), kind="stable")

    def table(self) -> str:
        """A row for each feature, the most valuable first."""
        names = feature_names(self.profile)
        saved = [f"{100 * (a / b - 1):.2f}" for a, b in zip(self.after, self.before, strict=True)]
        rows = [["all of it, as a change of the bytes", "", *saved]]
        rows += [
            [names[f], f"{self.growth[f].mean():.3f}", *(f"{growth:.3f}" for growth in self.growth[f])]
            for f in self.order
        ]
        head = ["left out, growth in %", "mean", *(block.name for block in self.blocks)]
        return f"### {self.profile.name}\n\n{markdown(head, rows)}"


def draw(worth: Worth, stem: Path) -> None:
    """A picture of the most valuable features by class."""
    with plots.style():
        from matplotlib.figure import Figure

        order = worth.order[:MOST_ROWS]
        shown = worth.growth[order]
        figure = Figure((2.2 + 0.75 * len(worth.blocks), 0.6 + 0.24 * len(order)), layout="constrained")
        axes = figure.add_subplot()
        axes.imshow(np.sqrt(shown.clip(0)), cmap="Oranges", aspect="auto")
        axes.set_xticks(range(len(worth.blocks)), [block.name for block in worth.blocks])
        names = feature_names(worth.profile)
        axes.set_yticks(range(len(order)), [names[feature] for feature in order])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        for (row, column), growth in np.ndenumerate(shown):
            colour = "white" if growth > 0.5 * shown.max() else "black"
            axes.text(column, row, f"{growth:.2f}", ha="center", va="center", color=colour, fontsize=8)
        plots.save(figure, stem)


@click.command()
@click.argument("classes", nargs=-1, required=True, metavar="DIR...", type=click.Path(exists=True, path_type=Path))
@click.option("--prior", type=click.Choice(["auto", "on", "off"]), default="auto", show_default=True)
@click.option("--size", type=click.IntRange(1), default=100_000, show_default=True, help="Bytes of each class.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="STEM of what is written.")
def main(classes: tuple[Path, ...], prior: PriorChoice, size: int, output: Path) -> None:
    """Bytes that each feature of the correction saves, by class."""
    codec.prepare_kernels(prior=prior != "off")
    blocks = []
    for place in classes:
        raw = b"".join(wanted.read() for wanted in named_inputs((place,)))[:size]
        if raw:
            blocks.append(Block.of(place.name, raw, prior))
    if not blocks:
        raise click.UsageError("there is no file to measure")
    parts = []
    for profile in dict.fromkeys(block.shape.profile for block in blocks):
        worth = Worth.of([block for block in blocks if block.shape.profile is profile])
        parts.append(worth.table())
        if len(parts) == 1:
            draw(worth, output)
    click.echo("\n\n".join(parts))
    output.with_suffix(".md").write_text(f"{(__doc__ or '').strip()}\n\n" + "\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.correction")
