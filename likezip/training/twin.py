"""The prior's float twin: the same function as the integer network of ``likezip.prior.forward``, but differentiable.

Every value that enters a matrix product is rounded to the grid that the integers have (fake quantisation), with
gradients passed straight through the rounding (Y. Bengio et al., "Estimating or propagating gradients through
stochastic neurons", 2013) and stopped where the grid ends.  Grid values, up to 127 steps, are exact in bfloat16.

    x      the lane's stream, width values           x0 = W e, e the embeddings of the n-grams before the byte
    block  q = grid(x / rms(x));  z = hard sigmoid(Wz q + bz);  c = clamp(Wc q + bc, -1, 1)
           h = (1 - z) h + z c;  x += Wo grid(h)
           q = grid(x / rms(x));  x += W2 grid(relu(W1 q + b1)^2)
    logits W grid(x / rms(x)) + b

A linear recurrence whose gates see only the layer's input (J. Martin and C. Cundy, "Parallelizing linear recurrent
neural nets over sequence length", 2018; L. Feng et al., "Were RNNs all we needed?", 2024) lets training run all
products over many steps at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from likezip.prior.fixed_point import ACTIVATION_LIMIT, WEIGHT_LIMIT
from likezip.prior.ngrams import FIRST_FEATURES, Feature, count_rows

SMALLEST_WEIGHT_UNIT = 2.0**-12
LARGEST_WEIGHT_UNIT = 2.0**-5
STREAM_UNIT = 2.0**-5
"""The unit of embeddings, of the normalised stream and of the MLP's hidden values: a grid of +-127/32."""
STATE_UNIT = 2.0**-7
"""The unit of the recurrent state, which lies in [-1, 1]."""
SMALLEST_MEAN = 2.0**-8
"""Added to the mean square of x."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a network: states and hidden values of each block, and what its embeddings are of."""

    dimension: int = 32
    width: int = 256
    state: tuple[int, ...] = (512, 256)
    hidden: tuple[int, ...] = (768, 384)
    features: tuple[Feature, ...] = FIRST_FEATURES

    def __post_init__(self) -> None:
        if len(self.state) != len(self.hidden):
            raise ValueError(f"states of {len(self.state)} blocks, hidden values of {len(self.hidden)}")

    @classmethod
    def of(cls, sizes: Mapping[str, Any]) -> Shape:
        """The shape in a dict made by ``dataclasses.asdict``."""
        features = [Feature(**feature) for feature in sizes["features"]]
        return cls(**{**sizes, "features": tuple(features)})

    def products(self) -> int:
        """Multiply-adds of a byte, outside of embedding look-ups."""
        blocks = self.width * (3 * sum(self.state) + 2 * sum(self.hidden))
        return self.dimension * len(self.features) * self.width + blocks + 256 * self.width


def _stop_at_limit(gradient: Tensor, rounded: Tensor) -> Tensor:
    """The gradient (float32) where ``rounded`` lies inside of the grid, 0 at its ends."""
    return torch.where(rounded.abs() < ACTIVATION_LIMIT, gradient.float(), 0.0)


def _round(x: Tensor, unit: float) -> Tensor:
    return (x * (1 / unit)).round().clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT).bfloat16()


def _round_backward(gradient: Tensor, rounded: Tensor, unit: float) -> Tensor:
    return _stop_at_limit(gradient, rounded) * (1 / unit)


class _Grid(torch.autograd.Function):
    """Round x / unit, at most ACTIVATION_LIMIT either way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, unit: float) -> Tensor:
        rounded = _round(x, unit)
        ctx.save_for_backward(rounded)
        ctx.unit = unit
        return rounded

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (rounded,) = ctx.saved_tensors
        return _round_backward(gradient, rounded, ctx.unit), None


def _add_normalise(x: Tensor, change: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    total = x + change
    scale = ((total * total).mean(-1, keepdim=True) + SMALLEST_MEAN).rsqrt() * (1 / STREAM_UNIT)
    return total, (total * scale).round().clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT).bfloat16(), scale


def _add_normalise_backward(
    past: Tensor, gradient: Tensor, rounded: Tensor, scale: Tensor, kind: torch.dtype
) -> tuple[Tensor, Tensor]:
    inside, normal = _stop_at_limit(gradient, rounded), rounded.float() * STREAM_UNIT
    total = past + (inside - normal * (inside * normal).mean(-1, keepdim=True)) * scale
    return total, total.to(kind)


class _AddNormalise(torch.autograd.Function):
    """x + change, and that divided by its root mean square in steps of STREAM_UNIT."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        total, rounded, scale = _add_normalise(x, change)
        ctx.save_for_backward(rounded, scale)
        ctx.kind = change.dtype
        return total, rounded

    @staticmethod
    def backward(ctx: Any, past: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        rounded, scale = ctx.saved_tensors
        return _add_normalise_backward(past, gradient, rounded, scale, ctx.kind)


def _square(a: Tensor) -> Tensor:
    positive = a.float().clamp(min=0)
    return (positive * positive * (1 / STREAM_UNIT)).round().clamp(max=ACTIVATION_LIMIT).bfloat16()


def _square_backward(gradient: Tensor, rounded: Tensor, a: Tensor) -> Tensor:
    return (_stop_at_limit(gradient, rounded) * a.float().clamp(min=0) * (2 / STREAM_UNIT)).to(a.dtype)


class _Hidden(torch.autograd.Function):
    """relu(a)^2 in steps of STREAM_UNIT."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        rounded = _square(a)
        ctx.save_for_backward(rounded, a)
        return rounded

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        rounded, a = ctx.saved_tensors
        return _square_backward(gradient, rounded, a)


def _gates(z_sums: Tensor, z_bias: Tensor, c_sums: Tensor, c_bias: Tensor) -> tuple[Tensor, Tensor]:
    return ((z_sums + z_bias) * 0.25 + 0.5).clamp(0, 1), (c_sums + c_bias).clamp(-1, 1)


def _gates_backward(
    total: Tensor, z: Tensor, c: Tensor, before: Tensor, kind: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dc = torch.where(c.abs() < 1, total * z, 0.0)
    dz = torch.where((z > 0) & (z < 1), (c - before) * total * 0.25, 0.0)
    return dz.to(kind), dz.sum((0, 1)), dc.to(kind), dc.sum((0, 1))


class _Recurrence(torch.autograd.Function):
    """h[t] = h[t-1] + z[t] (c[t] - h[t-1]) with z, c the hard functions of their logits (steps, lanes, state).

    The logits come as products and biases (state,), which are added in float32: bfloat16 has too few steps where gates
    are nearly shut.
    """

    @staticmethod
    def forward(ctx: Any, z_sums: Tensor, z_bias: Tensor, c_sums: Tensor, c_bias: Tensor, first: Tensor) -> Tensor:
        z, c = _gates(z_sums, z_bias, c_sums, c_bias)
        states = z.new_empty((len(z) + 1, *z.shape[1:]))
        states[0] = first
        parts = states.unbind(0)
        for before, now, gate, candidate in zip(parts[:-1], parts[1:], z.unbind(0), c.unbind(0), strict=True):
            torch.lerp(before, candidate, gate, out=now)
        ctx.save_for_backward(z, c, states)
        ctx.kind = z_sums.dtype
        return states[1:]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        z, c, states = ctx.saved_tensors
        total = gradient.clone()
        later = torch.zeros_like(states[0])
        for now, gate in reversed(list(zip(total.unbind(0), z.unbind(0), strict=True))):
            now.add_(later)
            torch.addcmul(now, now, gate, value=-1, out=later)
        return *_gates_backward(total, z, c, states[:-1], ctx.kind), later


def can_compile() -> bool:
    """Whether torch can compile here: that takes a C++ compiler and Python's headers."""
    try:
        return bool(torch.compile(torch.neg)(torch.ones(1)) == -1)
    except Exception:  # whatever stands in the way
        return False


def compile_elementwise() -> None:
    """Replace the element-wise functions by compiled ones; takes half a minute and a C++ compiler."""
    for name in ("_round", "_add_normalise", "_square", "_gates"):
        for part in (name, f"{name}_backward"):
            globals()[part] = torch.compile(globals()[part], dynamic=False)


class _WeightGrid(torch.autograd.Function):
    """Round each row to 63 steps of a power of two, the smallest that holds it."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        unit = weight_units(weight)
        return (weight / unit).round_().clamp_(-WEIGHT_LIMIT, WEIGHT_LIMIT) * unit

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def weight_units(weight: Tensor) -> Tensor:
    """The step of each row of ``weight`` (rows, columns): (rows, 1)."""
    largest = weight.abs().amax(1, keepdim=True) / (WEIGHT_LIMIT + 0.5)
    return torch.exp2(torch.log2(largest.clamp(min=1e-9)).ceil()).clamp(SMALLEST_WEIGHT_UNIT, LARGEST_WEIGHT_UNIT)


class GridLinear(nn.Linear):
    """A linear layer with rounded weights, of inputs in steps of ``unit``."""

    def __init__(self, columns: int, rows: int, unit: float, bias: bool = True) -> None:
        super().__init__(columns, rows, bias)
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self._steps(), self.bias)

    def products(self, x: Tensor) -> Tensor:
        """The products, without the bias."""
        return functional.linear(x, self._steps())

    def _steps(self) -> Tensor:
        return _WeightGrid.apply(self.weight) * self.unit


class Block(nn.Module):
    """A gated linear recurrence and a squared-ReLU MLP."""

    def __init__(self, width: int, state: int, hidden: int) -> None:
        super().__init__()
        self.gate = GridLinear(width, state, STREAM_UNIT)
        self.candidate = GridLinear(width, state, STREAM_UNIT)
        self.out = GridLinear(state, width, STATE_UNIT, bias=False)
        self.up = GridLinear(width, hidden, STREAM_UNIT)
        self.down = GridLinear(hidden, width, STREAM_UNIT, bias=False)
        with torch.no_grad():
            # Gates that start open between 1/2 and 1/64 of the way: memories of a few to many bytes.
            opening = torch.exp2(-torch.linspace(1, 6, state))
            self.gate.bias.copy_(4 * (opening - 0.5))
            self.gate.weight.mul_(0.5)
            self.candidate.bias.zero_()
            self.up.bias.zero_()
            self.out.weight.mul_(0.5)
            self.down.weight.mul_(0.5)

    def forward(self, x: Tensor, change: Tensor, first: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Takes the stream and the change still to be added; returns both behind the block, and the last state."""
        x, q = _AddNormalise.apply(x, change)
        gate, candidate = self.gate, self.candidate
        h = _Recurrence.apply(gate.products(q), gate.bias, candidate.products(q), candidate.bias, first)
        x, q = _AddNormalise.apply(x, self.out(_Grid.apply(h, STATE_UNIT)))
        return x, self.down(_Hidden.apply(self.up(q))), h[-1].detach()


class Twin(nn.Module):
    """rows (steps, lanes, features) and states to logits (steps, lanes, 256) and states."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.Embedding(count_rows(shape.features), shape.dimension, sparse=True)
        nn.init.zeros_(self.embeddings.weight)
        first = 0
        for feature in shape.features:  # random where contexts are short, so that each is often seen
            if feature.words == 0 and (feature.history | feature.classes) < 8:
                nn.init.normal_(self.embeddings.weight[first : first + (1 << feature.bits)], std=0.25)
            first += 1 << feature.bits
        self.enter = GridLinear(len(shape.features) * shape.dimension, shape.width, STREAM_UNIT, bias=False)
        self.blocks = nn.ModuleList(Block(shape.width, *sizes) for sizes in zip(shape.state, shape.hidden, strict=True))
        self.head = GridLinear(shape.width, 256, STREAM_UNIT)

    def first_states(self, lanes: int) -> list[Tensor]:
        return [self.head.weight.new_zeros(lanes, state) for state in self.shape.state]

    def forward(self, rows: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        change = self.enter(_Grid.apply(self.embeddings(rows).flatten(-2), STREAM_UNIT))
        x, last = torch.zeros_like(change, dtype=torch.float32), []
        for block, first in zip(self.blocks, states, strict=True):
            x, change, state = block(x, change, first)
            last.append(state)
        return self.head(_AddNormalise.apply(x, change)[1]), last
