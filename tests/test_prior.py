"""The integer network: one step and many steps, backends, bounds, and its differentiable twin."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations, pairwise

import numpy as np
import pytest
import reference_decoder
import torch

from likezip.blocks.predictor import group_size
from likezip.kernels.compiling import INSTRUCTIONS, compiled
from likezip.prior import fixed_point, parallel
from likezip.prior.forward import Prior, most_steps, stage_of
from likezip.prior.network import Network
from likezip.prior.ngrams import FIRST_FEATURES, Feature, count_rows
from likezip.prior.parallel import SharedPrior, layers_by_thread, open_prior
from likezip.training.export import integer_rates, tensors
from likezip.training.run import validate
from likezip.training.segments import embedding_rows
from likezip.training.twin import Shape, Twin

needs_dot_products = pytest.mark.skipif(not INSTRUCTIONS, reason="no kernel of dot products for this processor")

SHAPE = Shape(dimension=8, width=32, state=(24, 16), hidden=(40, 24))
TEXT = b"the first of the bytes that a lane knows is followed by the second, and so on. " * 500


def _twin() -> Twin:
    torch.manual_seed(3)
    twin = Twin(SHAPE)
    with torch.no_grad():
        for name, tensor in twin.named_parameters():
            if name != "embeddings.weight":
                tensor.mul_(2)
        twin.embeddings.weight.normal_(0, 0.5)
    return twin


@pytest.fixture(scope="module")
def found() -> dict[str, np.ndarray]:
    return tensors(_twin())


@pytest.fixture(scope="module")
def network(found: dict[str, np.ndarray]) -> Network:
    return Network.of(found)


def _known(lanes: int, steps: int) -> np.ndarray:
    random = np.random.default_rng(5)
    known = random.integers(0, 256, (steps, lanes)).astype(np.int16)
    known[: steps // 2] = np.frombuffer(TEXT, np.uint8)[: steps // 2 * lanes].reshape(-1, lanes)
    known[0] = -1
    return known


def _step_by_step(prior: Prior | SharedPrior, known: np.ndarray) -> np.ndarray:
    """What follows after ``known``, as if it came one byte of each lane at a time."""
    found = []
    for step in known:
        prior.trees[:, :, 1:] = -1
        prior.expect(step[None])
        found.append(prior.trees[:1].copy())
    return np.concatenate(found)


@compiled
def _take(known, steps, number, first, end, previous, trees, found):
    """The memory's turn with a group of lanes: keep the trees, and go on to the next known bytes."""
    step = steps[number]
    for lane in range(first, end):
        for i in range(trees.shape[2]):
            found[step, lane, i] = trees[0, lane, i]
        if step + 1 < known.shape[0]:
            previous[0, lane] = known[step + 1, lane]
    steps[number] += 1


def _groups(lanes: int) -> list[tuple[int, int]]:
    size = group_size(lanes)
    return [(first, min(first + size, lanes)) for first in range(0, lanes, size)]


def _in_turn(prior: Prior | SharedPrior, known: np.ndarray, parts: list[int]) -> np.ndarray:
    """What follows after ``known``, as a decoder asks for it, so many steps at a time."""
    lanes, steps = known.shape[1], np.zeros(2, np.int64)
    found, groups = np.zeros((len(known), lanes, 512), np.int32), _groups(lanes)
    prior.previous[:] = known[0]
    memory = [
        _take.call(known, steps, number, *group, prior.previous, prior.trees, found)
        for number, group in enumerate(groups)
    ]
    for part in parts:
        prior.take_turns(memory, groups, part)
    return found


def _at_once(prior: Prior | SharedPrior, known: np.ndarray, parts: list[int]) -> np.ndarray:
    """The same as known bytes, so many steps at a time, from the beginning of ``parts`` again and again."""
    ends, found = np.cumsum(np.resize(parts, len(known))), []
    for trees in prior.expectations(iter(np.split(known, ends[ends < len(known)]))):
        found.append(trees.copy())
        trees[:, :, 1:] = -1
    return np.concatenate(found)


def _wanted(network: Network, known: np.ndarray) -> np.ndarray:
    return _step_by_step(Prior(network, known.shape[1], "float32"), known)


def _trees(network: Network, known: np.ndarray, backend: str, parts: list[int]) -> np.ndarray:
    if backend == "dot":
        with SharedPrior(network, 1 << 20, known.shape[1], 1) as prior:
            return _at_once(prior, known, parts)
    return _at_once(Prior(network, known.shape[1], backend), known, parts)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 2, 17, 600])
def test_steps_and_backends_agree(network: Network, lanes: int) -> None:
    most = most_steps(lanes)
    known = _known(lanes, min(1300, 3 * most + 10))
    wanted = _wanted(network, known)
    assert len({tree.tobytes() for tree in wanted.reshape(-1, 512)}) > 60
    for backend in ("dot", "int8", "float32") if INSTRUCTIONS else ("int8", "float32"):
        for parts in ([1], [most], [1, most, max(1, most // 3)]):
            assert np.array_equal(_trees(network, known, backend, parts), wanted), (backend, parts)
        if backend != "dot":
            assert np.array_equal(_step_by_step(Prior(network, lanes, backend), known[:50]), wanted[:50])
    if INSTRUCTIONS:
        with SharedPrior(network, 1 << 20, lanes, 1) as prior:
            assert np.array_equal(_step_by_step(prior, known[:50]), wanted[:50])


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_matter(network: Network, threads: int) -> None:
    known, before = _known(64, 20), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert np.array_equal(_trees(network, known, "int8", [8]), _wanted(network, known))
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@needs_dot_products
@pytest.mark.parametrize(("lanes", "threads"), [(61, 2), (61, 3), (61, 9), (8, 2), (8, 1), (5, 4), (1, 2)])
def test_threads_share_the_lanes(network: Network, lanes: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bytes that come one at a time."""
    monkeypatch.setattr(parallel, "WAITING_CREDIT", 1 << 62)  # however busy this machine is
    known = _known(lanes, 400)
    with open_prior(network, 1 << 16, lanes, threads=threads) as prior:
        assert isinstance(prior, SharedPrior)
        assert np.array_equal(_in_turn(prior, known, [1, 99, 300]), _wanted(network, known))
        assert len(prior._followers) == (0 if lanes < 8 else min(threads - 1, 3, lanes // 2 // 4))


@pytest.fixture(autouse=True)
def _shares_of_a_test_are_its_own() -> Iterator[None]:
    """They are kept, also where their costs are changed."""
    layers_by_thread.cache_clear()
    yield
    layers_by_thread.cache_clear()


@pytest.fixture
def even_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread has layers, as the memory and what is between products take nothing."""
    monkeypatch.setattr(parallel, "MEMORY_COST", 0)
    monkeypatch.setattr(parallel, "BETWEEN_COST", 0)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["dot", "float32"] if INSTRUCTIONS else ["float32"])
@pytest.mark.parametrize("lanes", [1, 3, 600])
@pytest.mark.parametrize("threads", [2, 3, 9])
def test_threads_share_the_layers(
    network: Network, backend: str, lanes: int, threads: int, even_shares: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of bytes that are known; and what is carried over is then there for those that are not."""
    monkeypatch.setenv("LIKEZIP_BACKEND", backend)
    most = most_steps(lanes)
    known, before = _known(lanes, min(5 * most + 20, 2600)), threading.active_count()
    middle, end = len(known) // 2, len(known)
    wanted, begun, begin = _wanted(network, known), [], threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (begun.append(thread), begin(thread)))
    with open_prior(network, 1 << 16, lanes, threads=threads) as prior:
        for first, last in ((0, middle), (middle + 5, end - 5)):
            parts = iter(np.split(known[first:last], range(1, last - first, most)))
            for trees in prior.expectations(parts):
                begun.append(threading.active_count() - before)
                assert np.array_equal(trees, wanted[first : first + len(trees)])
                trees[:] = 0
                first += len(trees)
            assert first == last
            assert np.array_equal(_step_by_step(prior, known[last : last + 5]), wanted[last : last + 5])
    assert threading.active_count() == before


@needs_dot_products
def test_threads_at_any_pace(network: Network, even_shares: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is passed on is not written to before it was used."""
    random, take_stages = np.random.default_rng(1), parallel.take_stages

    def late(*arguments: object) -> None:
        time.sleep(random.choice([0, 0.001, 0.004]))
        take_stages(*arguments)

    monkeypatch.setattr(parallel, "take_stages", late)
    known = _known(3, 400)
    wanted = _wanted(network, known)
    with open_prior(network, 1 << 16, 3, threads=4) as prior:
        first = 0
        for trees in prior.expectations(iter(np.split(known, range(5, 400, 5)))):
            time.sleep(random.choice([0, 0.001, 0.004]))
            assert np.array_equal(trees, wanted[first : first + len(trees)])
            first += len(trees)
    assert first == 400


@needs_dot_products
@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_in_one_thread_ends_all(
    network: Network, failing: int, error: type[BaseException], even_shares: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, begins = threading.active_count(), [stage_of(begin, 99) for begin, _ in layers_by_thread(network, 3)]
    calls, take_stages = [], parallel.take_stages

    def take(begin: int, *others: object) -> None:
        calls.append(begin)
        if calls.count(begins[failing]) == 5:
            raise error("here")
        take_stages(begin, *others)

    monkeypatch.setattr(parallel, "take_stages", take)
    with pytest.raises(error, match="here"), open_prior(network, 1 << 16, 3, threads=3) as prior:
        _at_once(prior, _known(3, 400), [9])
    assert threading.active_count() == before


@needs_dot_products
def test_no_more_steps_than_there_is_room_for(network: Network) -> None:
    with open_prior(network, 1 << 16, 3, threads=2) as prior, pytest.raises(ValueError, match="broadcast"):
        list(prior.expectations(iter([_known(3, prior.most_steps + 1)])))


def test_shares_of_the_layers_are_even(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "BETWEEN_COST", 10)
    costs, layers = [layer.weight.size + 10 for layer in network.layers()], len(network.layers())
    assert layers_by_thread(network, 1) == [(0, layers)]
    for memory in (1, sum(costs[-2:]), sum(costs) // 2, sum(costs)):
        monkeypatch.setattr(parallel, "MEMORY_COST", memory)
        layers_by_thread.cache_clear()
        for threads in (2, 3, 4, 99):
            found = layers_by_thread(network, threads)
            assert [0, *(end for _, end in found)] == [*(begin for begin, _ in found), layers]

            def longest(cuts: list[int], memory: int = memory) -> int:
                times = [sum(costs[begin:end]) for begin, end in pairwise([0, *cuts, layers])]
                return max([*times[:-1], times[-1] + memory])

            all_cuts = [cuts for k in range(min(threads, 4)) for cuts in combinations(range(1, layers + 1), k)]
            assert longest([end for _, end in found[:-1]]) == min(map(longest, all_cuts))
            assert len(found) == min(len(cuts) + 1 for cuts in all_cuts if longest(cuts) == min(map(longest, all_cuts)))


def test_a_network_of_many_layers_is_soon_shared() -> None:
    network = Network.of(tensors(Twin(Shape(1, 8, (8,) * 64, (8,) * 64))))
    found = layers_by_thread(network, 4)
    assert (found[0][0], found[-1][1]) == (0, 258)


@needs_dot_products
def test_a_leader_that_waits_goes_alone_for_a_while(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MEASURED", 2 * 61)
    monkeypatch.setattr(parallel, "BYTES_ALONE", 3 * 61)
    known, steps, credits, lead, alternate = _known(61, 40), [], [5, -1, -1], parallel._lead, parallel._alternate

    def lead_with(orders: np.ndarray, words: np.ndarray, most: int, cycles: int, credit: int) -> tuple[int, int]:
        taken, _ = lead(orders, words, min(most, 4), cycles, 1 << 62)
        steps.append(("shared", taken))
        return taken, credits.pop(0) if credits else 1 << 60

    def alternate_with(network: np.ndarray, words: np.ndarray, most: int, ready: int) -> int:
        steps.append(("ready" if ready else "alone", most))
        return int(alternate(network, words, most, ready))

    monkeypatch.setattr(parallel, "_lead", lead_with)
    monkeypatch.setattr(parallel, "_alternate", alternate_with)
    with open_prior(network, 1 << 16, 61, threads=2) as prior:
        assert isinstance(prior, SharedPrior)
        trees = _in_turn(prior, known, [40])
    shared = ("shared", 4)
    assert steps == [("alone", 2), shared, shared, ("ready", 3), shared, ("ready", 6), *[shared] * 4, ("shared", 1)]
    assert np.array_equal(trees, _wanted(network, known))


@needs_dot_products
def test_threads_end_with_the_block(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "WAITING_CREDIT", 1 << 62)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), open_prior(network, 1 << 16, 61, threads=4) as prior:
        _in_turn(prior, _known(61, 30), [30])
        assert threading.active_count() == before + 3
        raise KeyboardInterrupt
    assert threading.active_count() == before


@needs_dot_products
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_thread_that_can_not_begin(
    network: Network, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block is coded without threads; but an interrupt is one, and leaves none behind."""
    before, begin, begun = threading.active_count(), threading.Thread.start, []

    def start(thread: threading.Thread) -> None:
        if begun:
            raise error
        begun.append(thread)
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    known = _known(61, 30)
    with suppress(KeyboardInterrupt), open_prior(network, 1 << 16, 61, threads=4) as prior:
        found = _in_turn(prior, known, [30])
        assert error is RuntimeError
        assert threading.active_count() == before
        assert np.array_equal(found, _wanted(network, known))
    assert len(begun) == 1
    assert threading.active_count() == before


@needs_dot_products
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("refused", [(0, 1), (0,), (1,)])
def test_threads_for_known_bytes_that_can_not_begin(
    network: Network,
    error: type[BaseException],
    refused: tuple[int, ...],
    even_shares: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, known, tried, begin = threading.active_count(), _known(3, 400), [], threading.Thread.start

    def start(thread: threading.Thread) -> None:
        tried.append(thread)
        if len(tried) - 1 in refused:
            raise error
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    wanted, told = _wanted(network, known), []
    try:
        with open_prior(network, 1 << 16, 3, threads=3) as prior:
            assert np.array_equal(_at_once(prior, known, [30]), wanted)
    except KeyboardInterrupt:
        told.append(KeyboardInterrupt)
    assert told == ([KeyboardInterrupt] if error is KeyboardInterrupt else [])
    assert threading.active_count() == before


def test_known_bytes_that_are_no_longer_wanted(network: Network, even_shares: None) -> None:
    before = threading.active_count()
    with open_prior(network, 1 << 16, 3, threads=3) as prior:
        expected = prior.expectations(iter(np.array_split(_known(3, 4000), 100)))
        next(expected)
        assert threading.active_count() > before
        expected.close()
        assert threading.active_count() == before


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with fixed_point.one_thread("int8"):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("sizes", [(1, 9, (5, 3), (7, 1)), (3, 33, (31,), (65,))])
def test_sizes_that_fill_no_vector(sizes: tuple[int, int, tuple[int, ...], tuple[int, ...]]) -> None:
    """Nor whole fours of columns, nor panels of outputs."""
    torch.manual_seed(4)
    network, known = Network.of(tensors(Twin(Shape(*sizes)))), _known(7, 60)
    wanted = _wanted(network, known)
    assert len({tree.tobytes() for tree in wanted.reshape(-1, 512)}) > 60
    assert np.array_equal(_trees(network, known, "float32", [9, 1, 2]), wanted)
    for threads in (1, 3) if INSTRUCTIONS else ():
        with SharedPrior(network, 1 << 20, 7, threads) as prior:
            assert np.array_equal(_at_once(prior, known, [9, 1, 2]), wanted)


def test_lanes_do_not_see_each_other(network: Network) -> None:
    known = _known(5, 40)
    together = _trees(network, known, "float32", [40])
    for lane in range(5):
        alone = _trees(network, np.ascontiguousarray(known[:, lane : lane + 1]), "float32", [40])
        assert np.array_equal(together[:, lane : lane + 1], alone)


def test_twin_and_integers_agree(network: Network) -> None:
    """In the expectations of every step, also where values are at the ends of their grids: the weights were doubled."""
    twin, raw = _twin(), np.concatenate((np.frombuffer(TEXT, np.uint8)[:400], _known(1, 800)[400:, 0].astype(np.uint8)))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits, _ = twin(torch.from_numpy(embedding_rows(raw[None], FIRST_FEATURES)), twin.first_states(1))
    expected = torch.log_softmax(logits[:, 0].float(), -1).numpy()
    known = np.concatenate(([-1], raw[:-1])).astype(np.int16)[:, None]
    found = np.log(_trees(network, known, "float32", [300])[:, 0, 256:] / (1 << fixed_point.FREQUENCY_BITS))
    likely = expected > -9
    assert np.abs(found - expected)[likely].mean() < 0.05 * np.abs(expected - expected.mean(1, keepdims=True)).mean()
    assert expected.std(0).mean() > 0.3  # what was seen matters


@pytest.mark.slow
def test_twin_and_integers_cost_the_same(network: Network) -> None:
    random = np.frombuffer(np.random.default_rng(1).bytes(40000), np.uint8)
    classes = {"text": np.frombuffer(TEXT, np.uint8), "noise": random}
    floats, integers = validate(_twin(), classes, torch.device("cpu")), integer_rates(network, classes)
    for name in classes:
        assert abs(integers[name] / floats[name] - 1) < 0.005, name


FEATURES = (
    FIRST_FEATURES,
    (Feature(0xFF, 9), Feature(0x5A, 1), Feature(0, 22, classes=0xFFFF), Feature(0x03, 15), Feature(0x03, 17)),
    (Feature(0, 12, words=3), Feature(0x80, 12, words=1, classes=0x8001), Feature(0x01, 7), Feature(0x01, 9)),
)


def _extreme(seed: int) -> dict[str, np.ndarray]:
    """Tensors at the ends of what a model file may hold."""
    random = np.random.default_rng(seed)
    blocks, width, state, hidden = seed % 3, 12, 8, 16
    features = FEATURES[seed % len(FEATURES)]
    shapes = {"enter": (width, 2 * len(features)), "head": (256, width)}
    for i in range(blocks):
        shapes |= {f"{i}.gates": (2 * state, width), f"{i}.out": (width, state)}
        shapes |= {f"{i}.up": (hidden, width), f"{i}.down": (width, hidden)}
    embeddings = random.choice([-127, 0, 127], (count_rows(features), 2)).astype(np.int8)
    found: dict[str, np.ndarray] = {"embeddings": embeddings}
    numbers = [(one.history, one.classes, one.words, one.bits) for one in features]
    found["features"] = np.array(numbers, np.int32)
    for name, (outputs, columns) in shapes.items():
        found[f"{name}.weight"] = random.choice([-63, 63, 5], (outputs, columns)).astype(np.int8)
        offsets = [0, 1 << 26, -(1 << 26)] if seed % 2 else [0, 999, -5000]
        found[f"{name}.offset"] = random.choice(offsets, outputs).astype(np.int32)
        found[f"{name}.shift"] = random.choice([0, 5, 15], outputs).astype(np.int32)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(9))
def test_extreme_networks_do_what_the_format_says(seed: int) -> None:
    """No wrap, no wrong cast: the reference decoder computes with Python's integers."""
    tensors = _extreme(seed)
    known = _known(2, 40)
    trees = _trees(Network.of(tensors), known, "dot" if INSTRUCTIONS else "int8", [40])
    rows = {name: tensor if tensor.ndim == 2 else tensor[None] for name, tensor in tensors.items()}
    model = {f"prior.{name}": [tuple(map(int, row)) for row in tensor] for name, tensor in rows.items()}
    for lane in range(2):
        reference = reference_decoder.Prior(model)
        for step, byte in enumerate(known[:, lane]):
            if byte >= 0:
                reference.remember(int(byte))
            assert reference.tree() == trees[step, lane].tolist(), (lane, step)


BREAKS = {
    "weights too large": ("0.up.weight", lambda t: np.full_like(t, 64)),
    "weights of the wrong shape": ("0.down.weight", lambda t: t[:-1]),
    "weights that are floats": ("head.weight", lambda t: t.astype(np.float32)),
    "shift too large": ("enter.shift", lambda t: t + 16),
    "shift negative": ("1.gates.shift", lambda t: t - 16),
    "offset too large": ("head.offset", lambda t: t + (1 << 27)),
    "offsets too few": ("head.offset", lambda t: t[:-1]),
    "a tensor of a layer that is none": ("0.gates.weight", lambda t: t[:, None]),
    "a tensor without dimensions": ("enter.weight", lambda t: np.int8(1)),
    "features too many": ("features", lambda t: np.repeat(t, 65, 0)),
    "none of them": ("features", lambda t: t[:0]),
    "features of the wrong type": ("features", lambda t: t.astype(np.int64)),
    "features of too few numbers": ("features", lambda t: t[:, :3]),
    "a table of one row": ("features", lambda t: t * np.array([1, 1, 1, 0], np.int32)),
    "a history of nine bytes": ("features", lambda t: t | np.array([256, 0, 0, 0], np.int32)),
    "four words": ("features", lambda t: t | np.array([0, 0, 4, 0], np.int32)),
    "classes of 17 bytes": ("features", lambda t: t | np.array([0, 1 << 16, 0, 0], np.int32)),
    "embeddings too few": ("embeddings", lambda t: t[:-1]),
    "embeddings of -128": ("embeddings", lambda t: np.full_like(t, -128)),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_network_that_breaks_a_bound_is_refused(name: str, found: dict[str, np.ndarray]) -> None:
    tensor, change = BREAKS[name]
    with pytest.raises(ValueError, match=tensor.rsplit(".", 1)[0][:7]):
        Network.of({**found, tensor: change(found[tensor])})


def test_missing_tensors_are_refused(found: dict[str, np.ndarray]) -> None:
    for missing in found:
        with pytest.raises(KeyError):
            Network.of({name: tensor for name, tensor in found.items() if name != missing})


def test_tensors_of_no_block_are_refused(found: dict[str, np.ndarray]) -> None:
    without = {name: tensor for name, tensor in found.items() if not name.startswith("0.")}
    for odd in (without, {**found, "more.weight": found["0.up.weight"]}):
        with pytest.raises(ValueError, match="is no layer of block"):
            Network.of(odd)
