"""Recipes: what a model is trained with, from the shape of its network to the shares of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from likezip.ngrams import Feature
from likezip.training.twin import Shape

SHARES = {
    "prose": 0.26,
    "source": 0.20,
    "tables": 0.105,
    "markup": 0.10,
    "languages": 0.085,
    "techdoc": 0.075,
    "logs": 0.075,
    "binaries": 0.07,
    "science": 0.03,
}
"""Of the bytes that the network reads, those of each class; see docs/training.md on how they were chosen."""


@dataclass(frozen=True)
class Recipe:
    """What a release is made with.

    megabytes: what the network reads in all, starts: what each start of the memory is trained on; decay: the last share
    of the run, in which the rates go down; rows: segments read at a time; lr and embedding_lr: the full rates of AdamW
    and of Adagrad; shares: of the classes, for those that are there; seed: of all that is drawn.
    """

    shape: Shape
    megabytes: float
    starts: float = 30.0
    lr: float = 4e-3
    embedding_lr: float = 0.1
    weight_decay: float = 0.1
    decay: float = 0.4
    rows: int = 32
    penalty: float = 0.0
    seed: int = 1
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)

    def shares_of(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """The shares of classes of so many bytes each: as their sizes where none of them has one."""
        known = {name: self.shares[name] for name in sizes if name in self.shares}
        return known if len(known) == len(sizes) else {name: float(size) for name, size in sizes.items()}


def _features(text: str) -> tuple[Feature, ...]:
    return tuple(map(Feature.named, text.split()))


RECIPES = {
    "likezip-2": Recipe(Shape(), 1200.0),
}
