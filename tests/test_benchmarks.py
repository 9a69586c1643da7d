"""The benchmarks' own arithmetic, against values that are known."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import contexts, correction, entropy, exactness_probe, inputs, parts, sources
from likezip.memory.correction import FEATURES, FIRST_ROW, CorrectionTables
from likezip.model import default_model


def coin(p: float) -> float:
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


@pytest.mark.parametrize(
    ("data", "order", "expected"),
    [
        (b"", 0, 0.0),
        (b"aa", 2, 0.0),
        (b"aaaa", 0, 0.0),
        (b"aab", 0, coin(1 / 3)),
        (bytes(range(256)), 0, 8.0),
        (b"ab" * 8, 0, 1.0),
        (b"ab" * 8, 1, 0.0),
        (b"ab" * 8, 2, 0.0),
        (b"aabab", 1, 3 / 4 * coin(1 / 3)),  # after a: a, b, b; after b: a
        (b"aaabaabb", 2, (3 * coin(1 / 3) + 2 * 1 + 0) / 6),  # after aa: a, b, b; after ab: a, b; after ba: a
    ],
)
def test_empirical_entropy_by_hand(data: bytes, order: int, expected: float) -> None:
    assert entropy.empirical_entropy(data, order) == pytest.approx(expected)


def test_empirical_entropy_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(i * i % 251 for i in range(1000))
    whole = entropy.empirical_entropy(data, 1)
    monkeypatch.setattr(entropy, "_PIECE", 7)
    assert entropy.empirical_entropy(data, 1) == pytest.approx(whole)
    with pytest.raises(ValueError, match="order"):
        entropy.empirical_entropy(data, 3)


def test_chain_rate_closed_forms() -> None:
    assert sources.chain_rate(np.full((16, 4), 0.25)) == pytest.approx(2)
    assert sources.chain_rate(np.tile([0.1, 0.9], (4, 1))) == pytest.approx(coin(0.1))
    assert sources.chain_rate(np.eye(2)[[0, 1, 1, 0]]) == pytest.approx(0)
    a, b = 0.3, 0.05  # an order-1 chain: 0 -> 1 with a, 1 -> 0 with b; stationary (b, a) / (a + b)
    table = np.array([[1 - a, a], [b, 1 - b]] * 2)
    assert sources.chain_rate(table) == pytest.approx((b * coin(a) + a * coin(b)) / (a + b))


def test_code_length_of_independent_symbols() -> None:
    moves, emit = np.full((2, 2), 0.5), np.array([[0.25, 0.75], [0.25, 0.75]])
    symbols = np.array([0, 1, 1, 0] * 9)
    expected = -18 * math.log2(0.25) - 18 * math.log2(0.75)
    assert sources.code_length(symbols, moves, emit, 0) == pytest.approx(expected)


def test_code_length_sums_over_all_paths() -> None:
    moves, emit = np.array([[0.7, 0.3], [0.2, 0.8]]), np.array([[0.9, 0.1], [0.4, 0.6]])
    paths = [(i, j) for i in (0, 1) for j in (0, 1)]
    probability = sum(moves[0, i] * emit[i, 0] * moves[i, j] * emit[j, 1] for i, j in paths)
    assert sources.code_length(np.array([0, 1]), moves, emit, 0) == pytest.approx(-math.log2(probability))


@pytest.mark.slow
@pytest.mark.parametrize("draw", [sources.biased_coin, sources.markov_chain, sources.hidden_markov])
def test_samples(draw: Callable[[int], sources.Sample]) -> None:
    sample = draw(50_000)
    assert len(sample.data) == 50_000
    assert draw(50_000) == sample
    assert sample.code_bits == pytest.approx(sample.entropy_bits, rel=0.02)
    assert 0 < sample.code_bits / 50_000 < entropy.empirical_entropy(sample.data, 0) + 0.01


def test_entropy_of_the_coin() -> None:
    sample = sources.biased_coin(50_000)
    assert np.unpackbits(np.frombuffer(sample.data, np.uint8)).mean() == pytest.approx(0.1, abs=0.005)
    assert sample.entropy_bits / 8 / 50_000 == pytest.approx(0.4689956)


@pytest.mark.slow
def test_order2_entropy_finds_the_chain() -> None:
    sample = sources.markov_chain(200_000)
    assert entropy.empirical_entropy(sample.data, 2) * 200_000 == pytest.approx(sample.code_bits, rel=0.01)


@pytest.mark.slow
def test_inputs(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").write_bytes(b"1")
    (tmp_path / "a").write_bytes(b"22")
    (tmp_path / "empty").touch()
    found = [(one.name, one.read()) for one in inputs.named_inputs((tmp_path,))]
    assert found == [(f"{tmp_path.name}/a", b"22"), (f"{tmp_path.name}/b/x", b"1")]
    again = inputs.joined([*inputs.named_inputs((tmp_path,)), *inputs.named_inputs((tmp_path,))], 100)
    assert (again.content, again.name) == (b"221", f"{tmp_path.name}/a and 1 more")  # nothing is repeated
    assert inputs.joined(inputs.named_inputs((tmp_path,)), 1).content == b"2"
    assert inputs.joined([], 1).content == b""
    assert all(one.name.startswith("numba/") and one.read() for one in inputs.package_sources("numba"))
    anywhere = list(inputs.inputs_anywhere(2_000))
    assert [len(one.read()) for one in anywhere] == [2_000] * len(anywhere)
    assert [one.sample is not None for one in anywhere[-3:]] == [True] * 3


def test_parts_add_up_to_the_whole() -> None:
    for direction, seconds in parts.parts_of(b"a text of a few bytes, " * 50, default_model(), 1).items():
        assert list(seconds) == ["network", "memory", "coder", "rest"]
        assert all(seconds[part] > 0 for part in ("network", "rest"))
        assert seconds["memory"] > 0 and (seconds["coder"] > 0) == (direction == "compress")


def test_parts_are_reported(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"some words and more words, " * 100)
    result = CliRunner().invoke(parts.main, [str(tmp_path / "text"), "--size", "2000"])
    assert result.exit_code == 0, result.output
    assert "2,000 bytes, 1 lanes" in result.output
    assert [line.split("|")[1].strip() for line in result.output.splitlines()[-2:]] == ["compress", "decompress"]


@pytest.mark.slow
def test_contexts_are_reported(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"".join(b"line %d of a file with words in it\n" % i for i in range(60)))
    (tmp_path / "places").write_bytes(exactness_probe.places(400))
    output = tmp_path / "table.md"
    done = CliRunner().invoke(
        contexts.main, [str(tmp_path / "text"), str(tmp_path / "places"), "--size", "1500", "-o", str(output)]
    )
    assert done.exit_code == 0, done.output
    found = output.read_text()
    assert "### text: 1 files, 1,500 bytes" in found
    assert "### records: 1 files, 1,500 bytes" in found
    assert found.count("| order 1 ") == 2


@pytest.mark.parametrize("feature", [3, FEATURES - 1])
def test_a_feature_that_says_nothing(feature: int) -> None:
    learnt = CorrectionTables.untrained()
    learnt.squares[:] = np.arange(learnt.squares.size)
    silent = correction.without_feature(learnt, feature)
    part = slice(*FIRST_ROW[feature : feature + 2])
    weights = np.arange(part.start, part.stop) + 1.0
    mean = np.rint(np.average(learnt.rows[part], axis=0, weights=weights))
    assert (silent.rows[part] == mean).all() and (silent.squares[part] == (1 << 32) - 1).all()
    for array, before in zip(silent, learnt, strict=True):
        assert np.array_equal(array[: part.start], before[: part.start])
        assert np.array_equal(array[part.stop :], before[part.stop :])


@pytest.mark.slow
def test_what_features_are_worth(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "text").write_bytes(Path(__file__).read_bytes()[:1500])
    stem = tmp_path / "worth"
    done = CliRunner().invoke(
        correction.main, [str(tmp_path / "one"), str(tmp_path / "other"), "--prior", "off", "-o", str(stem)]
    )
    assert done.exit_code == 0, done.output
    rows = [line for line in stem.with_suffix(".md").read_text().splitlines() if line.startswith("|")]
    assert len(rows) == FEATURES + 3 and "all of it" in rows[2]
    assert stem.with_suffix(".png").stat().st_size > 1000 and stem.with_suffix(".svg").stat().st_size > 1000
