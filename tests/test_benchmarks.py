"""The benchmarks' own arithmetic, against values that are known."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import numpy as np
import pytest
from click.testing import CliRunner

sys.path.append(str(Path(__file__).parent.parent))  # last, so that the installed likezip is the one that is tested

from benchmarks import __main__ as command
from benchmarks import (
    contexts,
    entropy,
    inputs,
    measure,
    parts,
    peers,
    readme,
    report,
    scaling,
    schema,
    sources,
    timing,
)
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


def test_order2_entropy_finds_the_chain() -> None:
    sample = sources.markov_chain(200_000)
    assert entropy.empirical_entropy(sample.data, 2) * 200_000 == pytest.approx(sample.code_bits, rel=0.01)


@pytest.mark.parametrize("commands", [True, False])
def test_peers_come_back(commands: bool) -> None:
    found = peers.available_peers(commands=commands)
    assert {"gzip -9", "xz -9e"} <= {peer.name for peer in found}
    for peer in found:
        packed, run = measure.measure(b"some data " * 50, peer)
        assert len(packed) == run["bytes"] < 500
        assert peer.how.startswith(("command: ", "module: ") if commands else "module: ")


def test_peers_by_name() -> None:
    assert [peer.name for peer in peers.available_peers(["xz", "gzip"])] == ["xz -9e", "gzip -9"]
    with pytest.raises(ValueError, match="no peer lzip"):
        peers.available_peers(["xz", "lzip"])


class Package(ModuleType):
    """Stands for an optional package that may not be installed: copies, and keeps the options that it was given."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.options: list[object] = []

    def compress(self, data: bytes, *options: object, **named: object) -> bytes:
        self.options += [*options, *named.items()]
        return bytes(data)

    def decompress(self, data: bytes) -> bytes:
        return data


@pytest.mark.parametrize(
    ("peer", "module", "options"),
    [("bzip3", "bz3", [16 << 20]), ("brotli", "brotli", [("quality", 11), ("lgwin", 24)])],
)
def test_a_package_where_there_is_no_command(
    peer: str, module: str, options: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Package(module)
    monkeypatch.setitem(sys.modules, module, package)
    monkeypatch.setattr(peers, "version", lambda name: "1.2")
    (found,) = peers.available_peers([peer], commands=False)
    assert found.how == f"module: {peer} 1.2"
    assert measure.measure(b"copied", found)[0] == b"copied"
    assert package.options == options
    monkeypatch.setitem(sys.modules, module, None)
    assert peers.available_peers([peer], commands=False) == []


def test_medians_and_totals_of_times() -> None:
    times = [timing.Timing(1, 5), timing.Timing(3, 4), timing.Timing(9, 1)]
    assert timing.median(times) == timing.Timing(3, 4)
    assert timing.total(times) == timing.Timing(13, 10)


@pytest.mark.parametrize(
    ("size", "workers", "expected"),
    [(100, 1, 1.0), (100, 2, 1.0), (200, 2, 2.0), (300, 2, 1.5), (250, 2, 250 / 150), (201, 3, 2.01)],
)
def test_ideal_speedup(size: int, workers: int, expected: float) -> None:
    assert scaling.ideal_speedup(size, 100, workers) == pytest.approx(expected)


def test_a_peer_that_fails_or_lies_is_an_error() -> None:
    failing = peers.Command((sys.executable, "-c", "raise SystemExit('no such thing')"))
    with pytest.raises(RuntimeError, match="no such thing"):
        failing(b"")
    with pytest.raises(RuntimeError, match="changed"):
        measure.measure(b"data", peers.Peer("liar", lambda data: data, lambda data: data[:-1]))


def test_bound_adds_up() -> None:
    data = sources.markov_chain(5_000).data
    frame, _ = measure.measure(data, measure.likezip_peer(1))
    bound = measure.entropy_bound(data, frame)
    assert 0 <= bound["coder_overhead"] <= 40 + 0.0005 * bound["cross_entropy"]
    assert bound["cross_entropy"] + bound["coder_overhead"] + bound["container"] == pytest.approx(len(frame))
    empty = measure.entropy_bound(b"", measure.likezip_peer(1).compress(b""))
    assert (empty["cross_entropy"], empty["coder_overhead_percent"]) == (0, 0)


@pytest.fixture(scope="module")
def result() -> schema.Result:
    compressors = [measure.likezip_peer(1), *peers.available_peers(commands=False)]
    sample = sources.markov_chain(3_000)
    files = [
        report.file_result("text", b"what is measured here is short; " * 30, compressors, 1, None),
        report.file_result(sample.name, sample.data, compressors, 2, sample),
    ]
    return report.whole_result(files, compressors, 1, 1)


def test_json_schema(result: schema.Result, tmp_path: Path) -> None:
    place = tmp_path / "made" / "results.json"
    report.save(result, place)
    loaded = report.load(place)
    assert loaded == result
    assert command.default_output(loaded).parent == Path(command.__file__).parent / "results"
    assert set(loaded) == set(get_type_hints(schema.Result))
    assert set(loaded["circumstances"]) == set(get_type_hints(schema.Circumstances))
    for row in loaded["files"]:
        assert set(row) == set(get_type_hints(schema.FileResult))
        assert set(row["bound"]) == set(get_type_hints(schema.Bound))
        for run in row["runs"].values():
            assert set(run) == set(get_type_hints(schema.Run))
        assert row["runs"]["xz -9e"]["compress_vs_xz"] == 1
        assert set(row["runs"]) == set(loaded["compressors"])
    truth = loaded["files"][1]["truth"]
    assert truth is not None
    assert set(truth) == set(get_type_hints(schema.Truth))
    assert len(bytes.fromhex(loaded["circumstances"]["model"])) == 8


def test_totals(result: schema.Result) -> None:
    of_all = result["totals"]
    assert set(of_all) == set(get_type_hints(schema.Totals))
    assert of_all["bytes"] == 960 + 3_000
    for name, run in of_all["runs"].items():
        assert run["bytes"] == sum(row["runs"][name]["bytes"] for row in result["files"])
    own, bound = of_all["runs"]["likezip"], of_all["bound"]
    assert bound["cross_entropy"] + bound["coder_overhead"] + bound["container"] == pytest.approx(own["bytes"])


def test_readme_table_twice_is_the_same(result: schema.Result, tmp_path: Path) -> None:
    place = tmp_path / "README.md"
    place.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    readme.write_readme(place, result)
    once = place.read_text()
    readme.write_readme(place, result)
    assert place.read_text() == once
    assert once.startswith(f"before\n{readme.BEGIN}\n")
    assert once.endswith(f"{readme.END}\nafter\n")
    assert "| text " in once
    assert "| total " in once
    assert "old" not in once
    place.write_text(f"{readme.END}{readme.BEGIN}")
    with pytest.raises(ValueError, match="once each"):
        readme.write_readme(place, result)


def test_inputs(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").write_bytes(b"1")
    (tmp_path / "a").write_bytes(b"22")
    (tmp_path / "empty").touch()
    found = [(one.name, one.read()) for one in inputs.named_inputs((tmp_path,))]
    assert found == [(f"{tmp_path.name}/a", b"22"), (f"{tmp_path.name}/b/x", b"1")]
    anywhere = list(inputs.inputs_anywhere(2_000))
    assert [len(one.read()) for one in anywhere] == [2_000] * len(anywhere)
    assert [one.sample is not None for one in anywhere[-3:]] == [True] * 3


def test_command_line(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"a file to measure " * 20)
    (tmp_path / "two.txt").write_bytes(b"another")
    output = tmp_path / "results.json"
    options = [str(tmp_path), "--only", "ONE", "--no-peers", "--size", "300", "--repeat", "3", "--json", str(output)]
    done = CliRunner().invoke(command.main, options)
    assert done.exit_code == 0, done.output
    saved = report.load(output)
    assert [row["name"] for row in saved["files"]] == [f"{tmp_path.name}/one.txt"]
    assert saved["files"][0]["bytes"] == 300
    assert list(saved["files"][0]["runs"]) == ["likezip"]
    assert saved["files"][0]["runs"]["likezip"]["compress_vs_xz"] is None
    assert "| total " in done.output
    assert CliRunner().invoke(command.main, [str(tmp_path), "--only", "nothing"]).exit_code == 2
    assert CliRunner().invoke(command.main, [str(tmp_path), "--peers", "xz,lzip"]).exit_code == 2


def test_quick_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    (tmp_path / "one.txt").write_bytes(b"a file to measure " * 20)
    done = CliRunner().invoke(command.main, [str(tmp_path / "one.txt"), "--quick", "--peers", "xz"])
    assert done.exit_code == 0, done.output
    assert "\nxz -9e: " in done.output
    assert not (tmp_path / "results").exists()
    assert CliRunner().invoke(command.main, [str(tmp_path / "one.txt"), "--no-peers"]).exit_code == 0
    (written,) = (tmp_path / "results").iterdir()
    assert report.load(written)["files"][0]["name"] == "one.txt"


def test_parts_add_up_to_the_whole() -> None:
    for direction, seconds in parts.parts_of(b"a text of a few bytes, " * 50, default_model(), 1).items():
        assert list(seconds) == ["network", "memory", "coder", "rest"]
        assert all(seconds[part] > 0 for part in ("network", "memory", "rest"))
        assert (seconds["coder"] > 0) == (direction == "compress")


def test_parts_are_reported(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"some words and more words, " * 100)
    result = CliRunner().invoke(parts.main, [str(tmp_path / "text"), "--size", "2000"])
    assert result.exit_code == 0, result.output
    assert "2,000 bytes, 1 lanes" in result.output
    assert [line.split("|")[1].strip() for line in result.output.splitlines()[-2:]] == ["compress", "decompress"]


def test_contexts_are_reported(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"".join(b"line %d of a file with words in it\n" % i for i in range(60)))
    (tmp_path / "numbers").write_bytes(b"".join(i.to_bytes(4, "big") + b"\0\1\2\3" for i in range(0, 30000, 101)))
    output = tmp_path / "table.md"
    done = CliRunner().invoke(
        contexts.main, [str(tmp_path / "text"), str(tmp_path / "numbers"), "--size", "1500", "-o", str(output)]
    )
    assert done.exit_code == 0, done.output
    found = output.read_text()
    assert "### text: 1 files, 1,500 bytes" in found
    assert "### records: 1 files, 1,500 bytes" in found
    assert found.count("| order 1 ") == 2
