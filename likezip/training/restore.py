"""From the integer network of a model file back to its float twin, the inverse of ``likezip.training.export``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from likezip.prior.network import IntegerLayer, Network
from likezip.training.export import (
    CANDIDATE_UNIT,
    GATE_UNIT,
    HEAD_UNIT,
    HIDDEN_UNIT,
    SQUARES_FIRST,
    SQUARES_STEPS,
    SUM_UNIT,
)
from likezip.training.twin import STREAM_UNIT, Block, GridLinear, Shape, Twin


def _restore(linear: GridLinear, layer: IntegerLayer, unit: float, scale: float = 1.0, constant: float = 0.0) -> None:
    """Give ``linear`` the weights and biases whose export is ``layer``, see ``export._layer``."""
    step = unit / np.exp2(layer.shift.astype(np.float64))
    weight = layer.weight.astype(np.float64) * (step / (linear.unit * scale))[:, None]
    linear.weight.copy_(torch.from_numpy(weight))
    if linear.bias is not None:
        half = np.where(layer.shift > 0, np.exp2(layer.shift - 1.0), 0.0)
        linear.bias.copy_(torch.from_numpy(((layer.offset - half) * step - constant) / scale))


def _parts(layer: IntegerLayer) -> tuple[IntegerLayer, IntegerLayer]:
    """The gates and the candidates, of a layer that holds both."""
    halves = [np.array_split(part, 2) for part in (layer.weight, layer.offset, layer.shift)]
    gate, candidate = zip(*halves, strict=True)
    return IntegerLayer(*gate), IntegerLayer(*candidate)


def squares_of(octaves: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The inverse of ``export.squares_in_octaves``, within 7 %."""
    squares = np.exp2(SQUARES_FIRST + (octaves.astype(np.float32) - 1) / SQUARES_STEPS)
    return np.where(octaves > 0, squares, 0).astype(np.float32)


@torch.no_grad()
def twin_of(network: Network) -> Twin:
    """The twin of a model file's network; it computes the same as the integers, but for the rounding of logits."""
    states = tuple(out.weight.shape[1] for _, out, _, _ in network.blocks)
    hidden = tuple(down.weight.shape[1] for _, _, _, down in network.blocks)
    twin = Twin(Shape(network.embeddings.shape[1], network.enter.weight.shape[0], states, hidden, network.features))
    twin.embeddings.weight.copy_(torch.from_numpy(network.embeddings * np.float32(STREAM_UNIT)))
    _restore(twin.enter, network.enter, SUM_UNIT)
    _restore(twin.head, network.head, HEAD_UNIT)
    for block, (gates, out, up, down) in zip(twin.blocks, network.blocks, strict=True):
        assert isinstance(block, Block)
        gate, candidate = _parts(gates)
        _restore(block.gate, gate, GATE_UNIT, 0.25, 0.5)
        _restore(block.candidate, candidate, CANDIDATE_UNIT)
        _restore(block.out, out, SUM_UNIT)
        _restore(block.up, up, HIDDEN_UNIT)
        _restore(block.down, down, SUM_UNIT)
    return twin
