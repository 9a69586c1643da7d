"""From the float twin to the integer network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from likezip.prior import fixed_point
from likezip.prior.network import LARGEST_OFFSET, Network
from likezip.prior.parallel import open_prior
from likezip.training.run import held_lanes, mean_rates, validate
from likezip.training.segments import SEGMENT
from likezip.training.twin import STREAM_UNIT, Block, GridLinear, Shape, Twin, weight_units

LARGEST_DIFFERENCE = 0.005
"""The largest relative difference between the bits per byte of twin and integers, over all classes."""

GATE_UNIT, CANDIDATE_UNIT, HIDDEN_UNIT, SUM_UNIT, HEAD_UNIT = 2.0**-12, 2.0**-10, 2.0**-10, 2.0**-8, 2.0**-8

SQUARES_STEPS, SQUARES_FIRST = 5, -55.0
"""Adagrad's sums of squares are exported in SQUARES_STEPS steps an octave, from 2^SQUARES_FIRST on."""

Tensors = dict[str, npt.NDArray[Any]]


def _layer(linear: GridLinear, unit: float, scale: float = 1.0, constant: float = 0.0) -> Tensors:
    """Weights as integers, and the offsets and shifts that turn their sums into ``scale`` * value + ``constant`` in
    steps of ``unit``."""
    weight = linear.weight.detach().double()
    steps = weight_units(weight)
    step = steps[:, 0].numpy() * linear.unit * scale
    shift = np.log2(unit / step).round().astype(np.int32)
    bias = np.zeros(len(step)) if linear.bias is None else linear.bias.detach().double().numpy()
    offset = np.rint((bias * scale + constant) / step) + np.where(shift > 0, 2.0 ** (shift - 1), 0)
    if np.abs(offset).max() > LARGEST_OFFSET:
        raise ValueError("an offset is out of bounds")
    limited = (
        (weight / steps).round().clamp(-fixed_point.WEIGHT_LIMIT, fixed_point.WEIGHT_LIMIT).numpy().astype(np.int8)
    )
    return {"weight": limited, "offset": offset.astype(np.int32), "shift": shift}


def tensors(twin: Twin) -> Tensors:
    """The integer network; raises ValueError if it breaks a bound of ``likezip.prior.network``."""
    embeddings = (
        (twin.embeddings.weight.detach() / STREAM_UNIT)
        .round()
        .clamp(-fixed_point.ACTIVATION_LIMIT, fixed_point.ACTIVATION_LIMIT)
    )
    layers = {"enter": _layer(twin.enter, SUM_UNIT), "head": _layer(twin.head, HEAD_UNIT)}
    for number, block in enumerate(twin.blocks):
        assert isinstance(block, Block)
        gate, candidate = _layer(block.gate, GATE_UNIT, 0.25, 0.5), _layer(block.candidate, CANDIDATE_UNIT)
        layers[f"{number}.gates"] = {part: np.concatenate((gate[part], candidate[part])) for part in gate}
        layers[f"{number}.out"] = _layer(block.out, SUM_UNIT)
        layers[f"{number}.up"] = _layer(block.up, HIDDEN_UNIT)
        layers[f"{number}.down"] = _layer(block.down, SUM_UNIT)
    features = [(one.history, one.classes, one.words, one.bits) for one in twin.shape.features]
    tensors_by_name: Tensors = {
        "features": np.array(features, np.int32),
        "embeddings": embeddings.numpy().astype(np.int8),
    }
    tensors_by_name |= {f"{name}.{part}": tensor for name, layer in layers.items() for part, tensor in layer.items()}
    Network.of(tensors_by_name)
    return tensors_by_name


def squares_in_octaves(squares: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Adagrad's sums of squares (rows,) in a byte each: 0, or from 1 their logarithm in steps of 1/SQUARES_STEPS."""
    octaves = np.log2(np.maximum(squares, np.float32(2.0**SQUARES_FIRST))) - SQUARES_FIRST
    return np.where(squares > 0, 1 + np.rint(octaves * SQUARES_STEPS).clip(0, 254), 0).astype(np.uint8)


def load_twin(checkpoint: Path) -> Twin:
    """The twin in a checkpoint."""
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    twin = Twin(Shape.of(content["shape"]))
    twin.load_state_dict(content["twin"])
    return twin


def integer_rates(network: Network, classes: dict[str, npt.NDArray[np.uint8]]) -> dict[str, float]:
    """Bits per byte of each class by the integers, in the lanes that ``validate`` takes for the twin."""
    lanes, owners = held_lanes(classes)
    before = np.concatenate((np.full((1, len(lanes)), -1, np.int16), lanes.T[:-1]))
    previous: npt.NDArray[np.int16] = np.ascontiguousarray(before)
    bits = np.zeros(len(lanes))
    with open_prior(network, lanes.size, len(lanes)) as prior:
        begins = range(0, SEGMENT, prior.most_steps)
        parts = (previous[begin : begin + prior.most_steps] for begin in begins)
        for begin, trees in zip(begins, prior.expectations(parts), strict=True):
            following = 256 + lanes.T[begin : begin + len(trees), :, None].astype(np.int64)
            bits -= np.log2(np.take_along_axis(trees, following, 2)[:, :, 0] / (1 << fixed_point.FREQUENCY_BITS)).sum(0)
    return mean_rates(bits / SEGMENT, owners)


def checked_tensors(twin: Twin, classes: dict[str, npt.NDArray[np.uint8]], say: Callable[[str], None]) -> Tensors:
    """The integer network as in a model file.

    Raises ValueError if its bits per byte of ``classes`` differ from the twin's.
    """
    tensors_by_name = tensors(twin)
    floats, integers = validate(twin, classes, torch.device("cpu")), integer_rates(Network.of(tensors_by_name), classes)
    for name in floats:
        say(f"{name:12s} twin {floats[name]:.4f}  integers {integers[name]:.4f} bits per byte")
    difference = sum(integers.values()) / sum(floats.values()) - 1
    say(f"integers {difference:+.3%}; {twin.shape.products()} multiply-adds a byte")
    if not abs(difference) <= LARGEST_DIFFERENCE:
        raise ValueError("the integers do not do what the twin does")
    return {f"prior.{name}": tensor for name, tensor in tensors_by_name.items()}
