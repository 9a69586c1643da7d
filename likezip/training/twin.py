"""The prior's float twin: the same function as the integer network of ``likezip.prior``, but differentiable.

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

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from likezip.exact import ACTIVATION_LIMIT, WEIGHT_LIMIT
from likezip.ngrams import FEATURES, ROWS

SMALLEST_WEIGHT_UNIT = 2.0**-12
LARGEST_WEIGHT_UNIT = 2.0**-5
STREAM_UNIT = 2.0**-5
"""Of embeddings, of the normalised stream and of the MLP's hidden values: a grid of +-127/32."""
STATE_UNIT = 2.0**-7
"""Of the recurrent state, which lies in [-1, 1]."""
SMALLEST_MEAN = 2.0**-8
"""Added to the mean square of x."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a network."""

    dimension: int = 32
    width: int = 256
    state: int = 384
    hidden: int = 512
    blocks: int = 2

    def products(self) -> int:
        """Multiply-adds of a byte, outside of embedding look-ups."""
        block = 3 * self.width * self.state + 2 * self.width * self.hidden
        return self.dimension * len(FEATURES) * self.width + self.blocks * block + 256 * self.width


def _stop_at_limit(gradient: Tensor, rounded: Tensor) -> Tensor:
    """The gradient where ``rounded`` lies inside of the grid, 0 at its ends."""
    return torch.ops.aten.hardtanh_backward(gradient, rounded, 0.5 - ACTIVATION_LIMIT, ACTIVATION_LIMIT - 0.5)


class _Grid(torch.autograd.Function):
    """Round x / unit, at most ACTIVATION_LIMIT either way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, unit: float) -> Tensor:
        rounded = (x * (1 / unit)).round_().clamp_(-ACTIVATION_LIMIT, ACTIVATION_LIMIT).bfloat16()
        ctx.save_for_backward(rounded)
        ctx.unit = unit
        return rounded

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (rounded,) = ctx.saved_tensors
        return _stop_at_limit(gradient, rounded).float().mul_(1 / ctx.unit), None


class _Normalise(torch.autograd.Function):
    """x / rms(x) in steps of STREAM_UNIT."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().mul_(1 / x.shape[-1]).add_(SMALLEST_MEAN)
        scale = size.rsqrt_().mul_(1 / STREAM_UNIT)
        rounded = (x * scale).round_().clamp_(-ACTIVATION_LIMIT, ACTIVATION_LIMIT).bfloat16()
        ctx.save_for_backward(rounded, scale)
        return rounded

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        rounded, scale = ctx.saved_tensors
        inside = _stop_at_limit(gradient, rounded).float()
        normal = rounded.float().mul_(STREAM_UNIT)
        along = (inside * normal).mean(-1, keepdim=True)
        return inside.addcmul_(normal, along, value=-1).mul_(scale)


class _Hidden(torch.autograd.Function):
    """relu(a)^2 in steps of STREAM_UNIT."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        positive = a.float().clamp_(min=0)
        rounded = (positive * positive).mul_(1 / STREAM_UNIT).round_().clamp_(max=ACTIVATION_LIMIT).bfloat16()
        ctx.save_for_backward(rounded, a)
        return rounded

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        rounded, a = ctx.saved_tensors
        inside = _stop_at_limit(gradient, rounded)
        return inside.mul_(a.clamp(min=0)).mul_(2 / STREAM_UNIT)


class _Recurrence(torch.autograd.Function):
    """h[t] = h[t-1] + z[t] (c[t] - h[t-1]) with z, c the hard functions of their logits (steps, lanes, state).

    The logits come as products and biases (state,), which are added in float32: bfloat16 has too few steps where gates
    are nearly shut.
    """

    @staticmethod
    def forward(ctx: Any, z_sums: Tensor, z_bias: Tensor, c_sums: Tensor, c_bias: Tensor, first: Tensor) -> Tensor:
        z = (z_sums + z_bias).mul_(0.25).add_(0.5).clamp_(0, 1)
        c = (c_sums + c_bias).clamp_(-1, 1)
        h = torch.empty_like(z)
        before = first
        for now, gate, candidate in zip(h.unbind(0), z.unbind(0), c.unbind(0), strict=True):
            torch.lerp(before, candidate, gate, out=now)
            before = now
        ctx.save_for_backward(z, c, first, h)
        ctx.kind = z_sums.dtype
        return h

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        z, c, first, h = ctx.saved_tensors
        total = gradient.clone()
        later = torch.zeros_like(first)
        for now, gate in reversed(list(zip(total.unbind(0), z.unbind(0), strict=True))):
            now.add_(later)
            torch.addcmul(now, now, gate, value=-1, out=later)
        stop = torch.ops.aten.hardtanh_backward
        dc = stop(total * z, c, -1.0, 1.0)
        moved = torch.cat((c[:1] - first, c[1:] - h[:-1]))
        dz = stop(moved.mul_(total).mul_(0.25), z, 0.0, 1.0)
        biases = dz.sum((0, 1)), dc.sum((0, 1))
        return dz.to(ctx.kind), biases[0], dc.to(ctx.kind), biases[1], later


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
        """Without the bias."""
        return functional.linear(x, self._steps())

    def _steps(self) -> Tensor:
        return _WeightGrid.apply(self.weight) * self.unit


class Block(nn.Module):
    """A gated linear recurrence and a squared-ReLU MLP."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate = GridLinear(shape.width, shape.state, STREAM_UNIT)
        self.candidate = GridLinear(shape.width, shape.state, STREAM_UNIT)
        self.out = GridLinear(shape.state, shape.width, STATE_UNIT, bias=False)
        self.up = GridLinear(shape.width, shape.hidden, STREAM_UNIT)
        self.down = GridLinear(shape.hidden, shape.width, STREAM_UNIT, bias=False)
        with torch.no_grad():
            # Gates that start open between 1/2 and 1/64 of the way: memories of a few to many bytes.
            opening = torch.exp2(-torch.linspace(1, 6, shape.state))
            self.gate.bias.copy_(4 * (opening - 0.5))
            self.gate.weight.mul_(0.5)
            self.candidate.bias.zero_()
            self.up.bias.zero_()
            self.out.weight.mul_(0.5)
            self.down.weight.mul_(0.5)

    def forward(self, x: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        q = _Normalise.apply(x)
        gate, candidate = self.gate, self.candidate
        h = _Recurrence.apply(gate.products(q), gate.bias, candidate.products(q), candidate.bias, first)
        x = x + self.out(_Grid.apply(h, STATE_UNIT))
        x = x + self.down(_Hidden.apply(self.up(_Normalise.apply(x))))
        return x, h[-1].detach()


class Twin(nn.Module):
    """rows (steps, lanes, features) and states to logits (steps, lanes, 256) and states."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.Embedding(ROWS, shape.dimension, sparse=True)
        nn.init.zeros_(self.embeddings.weight)
        nn.init.normal_(
            self.embeddings.weight[: sum(1 << feature.bits for feature in FEATURES if 0 < feature.order < 4)], std=0.25
        )
        self.enter = GridLinear(len(FEATURES) * shape.dimension, shape.width, STREAM_UNIT, bias=False)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.blocks))
        self.head = GridLinear(shape.width, 256, STREAM_UNIT)

    def first_states(self, lanes: int) -> list[Tensor]:
        return [self.head.weight.new_zeros(lanes, self.shape.state) for _ in self.blocks]

    def forward(self, rows: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        x = self.enter(_Grid.apply(self.embeddings(rows).flatten(-2), STREAM_UNIT)).float()
        last = []
        for block, first in zip(self.blocks, states, strict=True):
            x, state = block(x, first)
            last.append(state)
        return self.head(_Normalise.apply(x)), last
