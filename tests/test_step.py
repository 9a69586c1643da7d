"""The kernels of a training step against the formulas: values, gradients, updates."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from likezip.kernels.compiling import compiled_for_training
from likezip.prior.ngrams import Feature
from likezip.training import fused
from likezip.training.mixture import OWN_SHARE, Mixture
from likezip.training.run import EMBEDDINGS, RowAdagrad, Run
from likezip.training.segments import Batch, embedding_rows
from likezip.training.step import Step
from likezip.training.twin import GridLinear, Shape, Twin

LANES, STEPS = 8, 128
FEATURES = (Feature(0x01, 8), Feature(0x03, 16), Feature(0x0F, 10), Feature(0x01, 9, words=2))
SHAPE = Shape(dimension=8, width=48, state=(40, 24), hidden=(64, 32), features=FEATURES)


@pytest.fixture
def batch() -> Batch:
    random = np.random.default_rng(1)
    words = [bytes(random.integers(97, 123, random.integers(2, 9)).astype(np.uint8)) for _ in range(50)]
    text = np.frombuffer(b" ".join(words[i] for i in random.integers(0, 50, 2000)), np.uint8)
    lanes = text[: LANES * STEPS].reshape(LANES, STEPS).copy()
    memory_logits = (random.standard_normal((STEPS, LANES, 8)) * 700).astype(np.int16)
    return Batch(embedding_rows(lanes, FEATURES), lanes.T.astype(np.int64), memory_logits, np.zeros(LANES, np.bool_))


@pytest.fixture
def networks() -> tuple[Twin, Mixture]:
    torch.manual_seed(3)
    twin, mixture = Twin(SHAPE), Mixture()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(1.5)
        mixture.weights.add_(torch.randn_like(mixture.weights) * 0.1)
    return twin, mixture


def _states(twin: Twin) -> list[Tensor]:
    return [state + 0.1 for state in twin.first_states(LANES)]


@pytest.fixture
def exact_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """The formulas' products in float32, where sums of grid values are exact."""

    def exact(self: GridLinear, x: Tensor) -> Tensor:
        return functional.linear(x.float(), self._steps(), self.bias)

    def without_bias(self: GridLinear, x: Tensor) -> Tensor:
        return functional.linear(x.float(), self._steps())

    monkeypatch.setattr(GridLinear, "forward", exact)
    monkeypatch.setattr(GridLinear, "products", without_bias)


def _by_formulas(twin: Twin, mixture: Mixture, batch: Batch) -> tuple[float, float, dict[str, Tensor]]:
    """Nats alone and mixed, and the gradients."""
    logits, _ = twin(torch.from_numpy(batch.rows), _states(twin))
    following = torch.from_numpy(batch.following).flatten()
    if batch.memory_logits.shape[-1]:
        alone, mixed = mixture(logits.flatten(0, 1), following, torch.from_numpy(batch.memory_logits).flatten(0, 1))
        (mixed + OWN_SHARE * alone).backward()
    else:
        alone = functional.cross_entropy(logits.flatten(0, 1), following)
        alone.backward()
        mixed = torch.zeros(())
    parameters = [*twin.named_parameters(), *mixture.named_parameters()]
    found = {name: tensor.grad.to_dense() for name, tensor in parameters if tensor.grad is not None}
    twin.zero_grad()
    mixture.zero_grad()
    return float(alone.detach()), float(mixed.detach()), found


def _by_kernels(twin: Twin, mixture: Mixture, batch: Batch, threads: int, draws: int) -> tuple[float, float, dict]:
    """The same, the gradients as the mean of several draws of how they are rounded."""
    step, sums = Step(twin, mixture, LANES, STEPS, threads), dict[str, Tensor]()
    for _ in range(draws):
        alone, mixed, _ = step.run(batch, _states(twin))
        embeddings = np.zeros(twin.embeddings.weight.shape, np.float32)
        for rows, gradients in zip(step.rows, step.embedding_gradients(), strict=True):
            np.add.at(embeddings, rows.reshape(-1), gradients.reshape(-1, SHAPE.dimension))
        found = {name: tensor.grad for name, tensor in twin.named_parameters() if tensor.grad is not None}
        found |= {"weights": mixture.weights.grad, EMBEDDINGS: torch.from_numpy(embeddings)}
        for name, gradient in found.items():
            sums[name] = sums.get(name, 0) + gradient / draws
    return alone, mixed, sums


@pytest.mark.slow
@pytest.mark.usefixtures("exact_products")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("with_memory", [True, False])
def test_a_step_has_the_formulas_loss_and_gradients(
    networks: tuple[Twin, Mixture], batch: Batch, threads: int, with_memory: bool
) -> None:
    if not with_memory:
        batch = Batch(batch.rows, batch.following, batch.memory_logits[..., :0], batch.fresh)
    alone, mixed, wanted = _by_formulas(*networks, batch)
    found_alone, found_mixed, found = _by_kernels(*networks, batch, threads, 40)
    assert found_alone == pytest.approx(alone, rel=1e-4)
    assert found_mixed == pytest.approx(mixed, rel=1e-4)
    for name, gradient in wanted.items():
        assert gradient.norm() > 0, name
        difference = float((found[name] - gradient).norm() / gradient.norm())
        assert difference < 0.03, (name, difference)


@pytest.mark.usefixtures("exact_products")
def test_states_go_on(networks: tuple[Twin, Mixture], batch: Batch) -> None:
    twin, mixture = networks
    with torch.no_grad():
        _, wanted = twin(torch.from_numpy(batch.rows), _states(twin))
    for threads in (1, 2):
        states = _states(twin)
        Step(twin, mixture, LANES, STEPS, threads).measure(batch, states)
        for state, other in zip(states, wanted, strict=True):
            assert (state - other).abs().max() < 0.002


@compiled_for_training
def _quantise(gradients, units, inverses, seed, row, column, squares, totals, found):  # type: ignore[no-untyped-def]
    found[0] = fused.quantise(gradients, units, inverses, np.uint32(seed), row, column, squares, totals)


@pytest.mark.slow
def test_rounding_at_random_keeps_the_mean() -> None:
    random = np.random.default_rng(5)
    gradients = (random.standard_normal(64) * 3).astype(np.float32)
    units, inverses = np.full(64, 0.25, np.float32), np.full(64, 20, np.float32)
    squares, totals = np.zeros(64, np.float32), np.zeros(64, np.float32)
    rows, columns = np.zeros((2, 20000, 64), np.int8)
    found = np.zeros(len(rows), np.float32)
    for n in range(len(rows)):
        _quantise(gradients, units, inverses, 64 * n, rows[n], columns[n], squares, totals, found[n:])
    step = np.abs(gradients * units).max() / 127
    assert found == pytest.approx(step)
    assert np.abs(rows).max() == 127
    assert np.abs(rows.mean(0) * step - gradients * units).max() < 0.02 * step
    within = np.abs(gradients * inverses) < 127
    assert within.sum() > 40
    assert np.abs(columns.mean(0) / inverses - gradients)[within].max() < 0.02 / 20
    assert (np.abs(columns[:, ~within]) == 127).all()
    assert totals == pytest.approx(len(rows) * gradients, rel=1e-3)
    assert squares == pytest.approx(len(rows) * gradients**2, rel=1e-3)


def test_weights_are_rounded_as_the_formulas_do() -> None:
    torch.manual_seed(5)
    linear = GridLinear(50, 30, 1.0)
    with torch.no_grad():
        linear.weight.mul_(torch.logspace(-3, 2, 30)[:, None])
    units, steps = np.zeros(30, np.float32), np.zeros((30, 50), np.int8)
    arguments = (np.float32(2.0**-12), np.float32(2.0**-5), np.float32(63))
    fused.round_weights(linear.weight.detach().numpy(), *arguments, units, steps)
    wanted = linear._steps().detach().numpy()
    assert np.abs(steps * units[:, None] - wanted).max() <= units.max()
    assert (steps * units[:, None] == wanted).mean() > 0.99
    assert np.abs(steps).max() == 63


@pytest.mark.slow
def test_adagrad_by_kernel_is_adagrad() -> None:
    """Rows that occur several times have their gradients added up first."""
    random = np.random.default_rng(7)
    rows = random.integers(0, 40, 300).astype(np.int32)
    gradients = random.standard_normal((300, 8)).astype(np.float32)
    table, totals = random.standard_normal((50, 8)).astype(np.float32), random.random(50).astype(np.float32)
    parameter = torch.nn.Parameter(torch.from_numpy(table.copy()))
    optimizer = RowAdagrad(parameter, 0.1, 1e-8)
    optimizer.state[parameter]["sum"] = torch.from_numpy(totals.copy())
    parameter.grad = torch.sparse_coo_tensor(
        torch.from_numpy(rows[None].astype(np.int64)), torch.from_numpy(gradients), (50, 8), check_invariants=True
    )
    optimizer.step()
    slots, places, room = np.zeros(50, np.int32), np.zeros(300, np.int32), np.zeros_like(gradients)
    fused.adagrad(rows, gradients, table, totals, slots, places, room, np.float32(0.1), np.float32(1e-8))
    assert np.abs(table - parameter.detach().numpy()).max() < 1e-5
    assert totals == pytest.approx(optimizer.state[parameter]["sum"].numpy(), rel=1e-4)
    assert not slots.any()


@pytest.mark.slow
def test_a_penalty_makes_hidden_values_zero(batch: Batch) -> None:
    zeros = []
    for penalty in (0.0, 0.02):
        torch.manual_seed(3)
        run = Run(Twin(SHAPE), torch.device("cpu"), 3e-3, 0.1, 0.0, penalty=penalty)
        run.set_rate(1.0)
        for _ in range(60):
            run.learn(batch, run.twin.first_states(LANES))
        zeros.append(run.zeros_of(batch))
    assert zeros[0] < zeros[1] - 0.1
