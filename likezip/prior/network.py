"""The network of a prior: its tensors in a model file, and their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from likezip.prior import fixed_point
from likezip.prior.fixed_point import Int8s, Int32s
from likezip.prior.ngrams import Feature, count_rows

LARGEST_OFFSET = 1 << 26
LARGEST_SHIFT = 15
MOST_BLOCKS, MOST_STATES = 64, 1 << 14
"""The most blocks and states of a network, so that a model file can't ask too much of a decoder: with 1024 lanes, 64
MiB of states."""
MOST_FEATURES = 64


@dataclass(frozen=True)
class IntegerLayer:
    """A product, with the offset and the shift of each sum: weight (outputs, columns) int8, offset and shift (outputs,)
    int32."""

    weight: Int8s
    offset: Int32s
    shift: Int32s

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[Any]], name: str, outputs: int, columns: int) -> IntegerLayer:
        """The layer ``name`` of a model file.  Raises KeyError if it is missing, ValueError if it breaks a bound."""
        weight, offset, shift = (tensors[f"{name}.{part}"] for part in ("weight", "offset", "shift"))
        if weight.shape != (outputs, columns) or weight.dtype != np.int8:
            raise ValueError(f"{name} is {weight.dtype} {weight.shape}, not int8 {(outputs, columns)}")
        if not 0 < columns <= fixed_point.LARGEST_COLUMNS or outputs == 0:
            raise ValueError(
                f"{name} has {columns} columns and {outputs} outputs, not 1 to {fixed_point.LARGEST_COLUMNS}"
            )
        if any(part.shape != (outputs,) or part.dtype != np.int32 for part in (offset, shift)):
            raise ValueError(f"{name}: offsets and shifts are not int32 {(outputs,)}")
        if np.abs(weight.astype(np.int32)).max() > fixed_point.WEIGHT_LIMIT:
            raise ValueError(f"{name} has weights outside of [-{fixed_point.WEIGHT_LIMIT}, {fixed_point.WEIGHT_LIMIT}]")
        if np.abs(offset.astype(np.int64)).max() > LARGEST_OFFSET or shift.min() < 0 or shift.max() > LARGEST_SHIFT:
            raise ValueError(f"{name} has offsets or shifts out of bounds")
        return cls(weight, offset, shift)


@dataclass(frozen=True, eq=False)
class Network:
    """The tensors of a prior: the contexts of its embeddings, embeddings (rows, dimension) int8, and the layers; equal
    only to itself."""

    features: tuple[Feature, ...]
    embeddings: Int8s
    enter: IntegerLayer
    blocks: list[tuple[IntegerLayer, IntegerLayer, IntegerLayer, IntegerLayer]]  # gates, out, up, down
    head: IntegerLayer

    def layers(self) -> list[IntegerLayer]:
        """All layers, in the order in which they are used."""
        return [self.enter, *(layer for block in self.blocks for layer in block), self.head]

    @cached_property
    def most(self) -> tuple[int, int]:
        """The most outputs and the most columns of a layer."""
        shapes = [layer.weight.shape for layer in self.layers()]
        return max(outputs for outputs, _ in shapes), max(columns for _, columns in shapes)

    @cached_property
    def cells(self) -> int:
        """The cells of all blocks together."""
        return sum(out.weight.shape[1] for _, out, _, _ in self.blocks)

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[Any]]) -> Network:
        """The network of ``tensors`` by name.  Raises KeyError for a missing tensor, ValueError for one that breaks a
        bound."""
        features, embeddings = _features_of(tensors), tensors["embeddings"]
        rows = count_rows(features)
        if embeddings.ndim != 2 or embeddings.shape[0] != rows or embeddings.dtype != np.int8:
            raise ValueError(f"embeddings are {embeddings.dtype} {embeddings.shape}, not int8 of {rows} rows")
        if embeddings.size and embeddings.min() < -fixed_point.ACTIVATION_LIMIT:
            raise ValueError("embeddings hold -128")
        width, columns = _rows_of(tensors, "enter"), len(features) * embeddings.shape[1]
        enter, head = IntegerLayer.of(tensors, "enter", width, columns), IntegerLayer.of(tensors, "head", 256, width)
        blocks: list[tuple[IntegerLayer, IntegerLayer, IntegerLayer, IntegerLayer]] = []
        for name in sorted(
            {name.split(".")[0] for name in tensors} - {"features", "embeddings", "enter", "head"}, key=_order
        ):
            if name != str(len(blocks)):
                raise ValueError(f"{name} is no layer of block {len(blocks)}")
            state, hidden = _rows_of(tensors, f"{name}.gates") // 2, _rows_of(tensors, f"{name}.up")
            gates = IntegerLayer.of(tensors, f"{name}.gates", 2 * state, width)
            out = IntegerLayer.of(tensors, f"{name}.out", width, state)
            up = IntegerLayer.of(tensors, f"{name}.up", hidden, width)
            blocks.append((gates, out, up, IntegerLayer.of(tensors, f"{name}.down", width, hidden)))
        network = cls(features, embeddings, enter, blocks, head)
        if len(blocks) > MOST_BLOCKS or network.cells > MOST_STATES:
            raise ValueError(f"there are more than {MOST_BLOCKS} blocks or {MOST_STATES} states")
        return network


def _features_of(tensors: Mapping[str, npt.NDArray[Any]]) -> tuple[Feature, ...]:
    """The contexts in the tensor ``features`` (features, 4) int32: history, classes, words and bits of each."""
    numbers = tensors["features"]
    if numbers.ndim != 2 or numbers.shape[1] != 4 or numbers.dtype != np.int32:
        raise ValueError(f"features are {numbers.dtype} {numbers.shape}, not int32 (features, 4)")
    if not 1 <= len(numbers) <= MOST_FEATURES:
        raise ValueError(f"there are {len(numbers)} features, not 1 to {MOST_FEATURES}")
    return tuple(Feature(history, bits, words, classes) for history, classes, words, bits in numbers.tolist())


def _order(name: str) -> tuple[int, str]:
    return len(name), name


def _rows_of(tensors: Mapping[str, npt.NDArray[Any]], name: str) -> int:
    weight = tensors[f"{name}.weight"]
    if weight.ndim != 2:
        raise ValueError(f"{name} has a weight of {weight.ndim} dimensions")
    return len(weight)
