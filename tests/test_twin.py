"""The twin's hand-written gradients against automatic differentiation of the same functions without rounding."""

import pytest
import torch
from torch import Tensor

from likezip.training import twin


def _gradients(function, inputs: list[Tensor], weight: Tensor) -> list[Tensor]:
    inputs = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    (function(*inputs).float() * weight).sum().backward()
    return [tensor.grad for tensor in inputs]


def _alike(found: list[Tensor], wanted: list[Tensor], tolerance: float) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        assert (one - other).norm() <= tolerance * other.norm()
        assert other.norm() > 0


def test_recurrence() -> None:
    torch.manual_seed(1)
    steps, lanes, states = 9, 3, 5
    inputs = [torch.randn(steps, lanes, states) * 1.5, torch.randn(states), torch.randn(steps, lanes, states)]
    inputs += [torch.randn(states) * 0.3, torch.rand(lanes, states)]

    def plain(z: Tensor, z_bias: Tensor, c: Tensor, c_bias: Tensor, first: Tensor) -> Tensor:
        gate, candidate = ((z + z_bias) / 4 + 0.5).clamp(0, 1), (c + c_bias).clamp(-1, 1)
        h, out = first, []
        for t in range(steps):
            h = h + gate[t] * (candidate[t] - h)
            out.append(h)
        return torch.stack(out)

    weight = torch.randn(steps, lanes, states)
    assert torch.allclose(twin._Recurrence.apply(*inputs), plain(*inputs), atol=1e-6)
    _alike(_gradients(twin._Recurrence.apply, inputs, weight), _gradients(plain, inputs, weight), 1e-5)


def test_add_and_normalise() -> None:
    torch.manual_seed(2)
    x, change, weight = torch.randn(40, 64) * 6, torch.randn(40, 64) * 3, torch.randn(40, 64)
    x[0, 0] = 300  # beyond the grid: no gradient of its own, but in the length

    def plain(x: Tensor, change: Tensor) -> Tensor:
        x = x + change
        y = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + twin.SMALLEST_MEAN) / twin.STREAM_UNIT
        return 0.1 * x + y.clamp(-127, 127)

    def rounded(x: Tensor, change: Tensor) -> Tensor:
        total, q = twin._AddNormalise.apply(x, change)
        assert torch.equal(total, x + change)
        return 0.1 * total + q.float()

    assert (rounded(x, change) - plain(x, change)).abs().max() <= 0.51
    _alike(_gradients(rounded, [x, change], weight), _gradients(plain, [x, change], weight), 0.05)


def test_hidden() -> None:
    torch.manual_seed(3)
    a, weight = torch.randn(50, 64), torch.randn(50, 64)

    def plain(a: Tensor) -> Tensor:
        return (a.clamp(min=0).square() / twin.STREAM_UNIT).clamp(max=127)

    assert (twin._Hidden.apply(a).float() - plain(a)).abs().max() <= 0.51
    _alike(_gradients(twin._Hidden.apply, [a], weight), _gradients(plain, [a], weight), 0.06)


@pytest.mark.parametrize("unit", [twin.STREAM_UNIT, twin.STATE_UNIT])
def test_grid(unit: float) -> None:
    torch.manual_seed(4)
    x = torch.randn(2000) * 60 * unit
    assert (twin._Grid.apply(x, unit).float() - (x / unit).clamp(-127, 127)).abs().max() <= 0.5
    (gradient,) = _gradients(lambda x: twin._Grid.apply(x, unit), [x], torch.ones(2000))
    inside = (x / unit).abs() < 126
    assert torch.equal(gradient[inside], torch.full_like(gradient[inside], 1 / unit))
    assert (gradient[(x / unit).abs() > 127] == 0).all()


def test_weights_are_63_steps_of_a_power_of_two() -> None:
    torch.manual_seed(5)
    weight = torch.randn(30, 50) * torch.logspace(-4, 1, 30)[:, None]
    unit = twin.weight_units(weight)
    assert torch.equal(unit, torch.exp2(torch.log2(unit).round()))
    steps = twin._WeightGrid.apply(weight) / unit
    assert torch.equal(steps, steps.round())
    assert steps.abs().max() == 63
    fits = weight.abs().amax(1) < 63 * twin.LARGEST_WEIGHT_UNIT
    assert ((steps * unit - weight).abs() <= 0.5001 * unit)[fits].all()
    assert fits.sum() > 20
