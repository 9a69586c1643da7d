"""Recipes of models: everything from the shape of the network to the shares of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from likezip.prior.ngrams import Feature
from likezip.training.twin import Shape

SHARES = {
    "prose": 0.32,
    "source": 0.18,
    "tables": 0.1,
    "markup": 0.09,
    "languages": 0.083,
    "techdoc": 0.07,
    "logs": 0.067,
    "binaries": 0.065,
    "science": 0.025,
}
"""The share of each class in the bytes that the network reads; see docs/training.md on how they were chosen."""


@dataclass(frozen=True)
class Recipe:
    """The recipe of a release.

    megabytes: read by the network in all; state_megabytes: read to train each of the memory's states without the prior;
    beside_megabytes: read to train its state beside the prior; decay: the last share of the run, in which the rates go
    down; rows: segments read at a time; lr and embedding_lr: the full rates of AdamW and of Adagrad; penalty: as for
    ``Run``; shares: of the classes, for those that are there; seed: of all random choices.
    """

    shape: Shape
    megabytes: float
    state_megabytes: float = 60.0
    beside_megabytes: float = 120.0
    lr: float = 4e-3
    embedding_lr: float = 0.1
    weight_decay: float = 0.1
    decay: float = 0.4
    rows: int = 32
    penalty: float = 0.0
    seed: int = 1
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)

    def shares_of(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """The shares of the classes in ``sizes``, name to bytes: their sizes, if any of them has no share."""
        shares = {name: self.shares[name] for name in sizes if name in self.shares}
        return shares if len(shares) == len(sizes) else {name: float(size) for name, size in sizes.items()}


def _features(text: str) -> tuple[Feature, ...]:
    return tuple(map(Feature.named, text.split()))


RECIPES = {
    "likezip-2": Recipe(
        Shape(
            dimension=16,
            features=_features(
                "h1/8 h3/16 h7/18 hf/19 h1f/18 h3f/18 h7f/17 hff/17 h6/16 hc/16 h5/16 hf0/17 "
                "h1.w1/19 h1.w2/19 h1.w3/17 h3.w1/17 h3c/17 h1.cfff/17 h3.cff0/17 h0.cffff/17"
            ),
        ),
        megabytes=1460.0,
    ),
    "likezip-2-small": Recipe(
        Shape(
            dimension=8,
            width=128,
            state=(128,),
            hidden=(160,),
            features=_features("h1/8 h3/16 h7/15 hf/16 h1f/15 h1.w1/16 h1.w2/15"),
        ),
        megabytes=430.0,
        beside_megabytes=30.0,
    ),
}
"""Recipes by name."""
