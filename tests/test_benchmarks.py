"""The benchmarks' own arithmetic, against values that are known."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent.parent))  # last, so that the installed likezip is the one that is tested

from benchmarks import entropy, measure, peers, report, sources


def test_empirical_entropies() -> None:
    assert entropy.empirical_entropy(b"", 0) == 0
    assert entropy.empirical_entropy(b"aaaa", 0) == 0
    assert entropy.empirical_entropy(b"ab" * 8, 0) == pytest.approx(1)
    assert entropy.empirical_entropy(b"ab" * 8, 2) == pytest.approx(0)
    assert entropy.empirical_entropy(bytes(range(256)), 0) == pytest.approx(8)
    assert entropy.empirical_entropy(b"aab", 0) == pytest.approx(math.log2(3) - 2 / 3)


def test_chain_rate() -> None:
    assert sources.chain_rate(np.full((16, 4), 0.25)) == pytest.approx(2)
    one_of_two = np.zeros((4, 2))
    one_of_two[:] = [0.1, 0.9]
    assert sources.chain_rate(one_of_two) == pytest.approx(-0.1 * math.log2(0.1) - 0.9 * math.log2(0.9))
    assert sources.chain_rate(np.eye(2)[[0, 1, 0, 1]]) == pytest.approx(0)


def test_code_length_of_independent_symbols() -> None:
    moves, emit = np.full((2, 2), 0.5), np.array([[0.25, 0.75], [0.25, 0.75]])
    symbols = np.array([0, 1, 1, 0])
    assert sources.code_length(symbols, moves, emit, 0) == pytest.approx(-2 * math.log2(0.25) - 2 * math.log2(0.75))


def test_entropy_of_the_coin() -> None:
    coin = sources.biased_coin(50_000)
    ones = np.unpackbits(np.frombuffer(coin.data, np.uint8)).mean()
    assert ones == pytest.approx(0.1, abs=0.005)
    assert coin.true_bits / 8 / 50_000 == pytest.approx(0.4689956)


def test_peers_come_back() -> None:
    for peer in peers.installed_peers():
        assert measure.measure(b"some data " * 50, peer.compress, peer.decompress).packed < 500


def test_bound_and_readme(tmp_path: Path) -> None:
    data = b"the bound of this text is what its probabilities say; " * 30
    bound = measure.entropy_bound(data)
    assert 0 < bound["coder_overhead"] < 40 + 0.0005 * bound["cross_entropy"]
    row = {"name": "x", "bytes": len(data), "true_bits": None, "bound": bound, "order0": 1.0, "order2": 0.5}
    row["runs"] = {"likezip": measure.measure_likezip(data, 1).as_json()}
    result = {"circumstances": report.circumstances(), "files": [row]}
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_readme(readme, result)
    once = readme.read_text()
    report.write_readme(readme, result)
    assert readme.read_text() == once
    assert once.startswith("before\n")
    assert "| x |" in once
    assert "old" not in once
