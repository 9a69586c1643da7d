"""The benchmarks of what the model says: odd lines in logs, models beside each other, models of one's own."""

import random
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import anomalies, models, own
from likezip.model import default_model


def test_what_is_found() -> None:
    odd = np.array([True, False, True, False, False, False])
    assert anomalies.found(np.array([9.0, 1, 8, 2, 3, 4]), odd) == (1.0, 1.0)
    assert anomalies.found(np.array([1.0, 9, 8, 2, 3, 4]), odd) == (0.5, 0.5)
    assert anomalies.found(np.array([2.0, 9, 3, 1, 1, 4]), odd) == (0.0, 1.0)
    assert anomalies.found(np.zeros(6), odd) == pytest.approx((2 / 6, 4 / 6))  # all orders are as good
    assert anomalies.found(np.array([5.0, 5, 5, 1, 1, 1]), odd) == pytest.approx((2 / 3, 1.0))


def _log(name: str, seed: int) -> list[bytes]:
    choose = random.Random(seed)
    kinds = [b"%s INFO started job %d", b"%s INFO finished job %d in time"]
    lines = [choose.choice(kinds) % (name.encode(), choose.randrange(100)) for _ in range(200)]
    for place in range(5, 200, 21):
        lines[place] = b"%s ERROR lost job %d" % (name.encode(), place)
    return lines


def test_cases() -> None:
    logs = {"a": _log("a", 1), "b": _log("b", 2)}
    found = {(case.log, case.kind): case for case in anomalies.cases(logs, 0)}
    assert set(found) == {(log, kind) for log in "ab" for kind in ("foreign", "altered", "severe")}
    foreign = found["a", "foreign"]
    assert foreign.odd.sum() == anomalies.PUT_IN == len(foreign.today) - 100
    assert all(line.startswith(b"b ") == odd for line, odd in zip(foreign.today, foreign.odd, strict=True))
    assert [line for line, odd in zip(foreign.today, foreign.odd, strict=True) if not odd] == logs["a"][100:]
    severe = found["a", "severe"]
    assert [b"lost" in line for line in severe.today] == list(severe.odd)
    assert not any(b"ERROR" in line or b"INFO" in line for line in severe.today + severe.yesterday)
    again = {(case.log, case.kind): case.today for case in anomalies.cases(logs, 0)}
    assert all(again[key] == case.today for key, case in found.items())


def test_detectors_number_every_line() -> None:
    (case, *_) = anomalies.cases({"a": _log("a", 1), "b": [line[::-1] for line in _log("b", 2)]}, 0)
    for name, detector in anomalies.DETECTORS.items():
        numbers = detector(case)
        assert numbers.shape == (len(case.today),), name
        if name != "length":
            assert anomalies.found(numbers, case.odd)[0] > 0.3, name


@pytest.mark.slow
def test_odd_lines_are_reported(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.log").write_bytes(b"\n".join(_log(name, seed)))
    words = [str(tmp_path / "a.log"), str(tmp_path / "b.log"), "--seeds", "1", "-o", str(tmp_path / "out.md")]
    done = CliRunner().invoke(anomalies.main, words)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out.md").read_text()
    assert all(f"## {kind}\n" in text for kind in ("foreign", "altered", "severe"))
    assert all(text.count(f"| {name} ") == 3 for name in anomalies.DETECTORS)


def test_models_beside_each_other(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    for number in range(3):
        (tmp_path / "words" / str(number)).write_bytes(b"some words number %d " % number * 50)
    with tarfile.open(tmp_path / "held.tar", "w") as archive:
        archive.add(tmp_path / "words", "words")
    assert models.classes_of([tmp_path / "words"], 1200)["words"] in {
        b"".join(b"some words number %d " % number * 50 for number in order)[:1200]
        for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    }
    words = ["likezip-2", "--training", str(tmp_path / "words"), "--unseen", str(tmp_path / "words")]
    done = CliRunner().invoke(models.main, [*words, "--validation", str(tmp_path / "held.tar"), "--most", "2000"])
    assert done.exit_code == 0, done.output
    assert "training, mean | validation, mean | unseen, mean" in done.stdout
    assert "1,327,104" in done.stdout
    assert models.products(default_model()) == 1_327_104
    assert CliRunner().invoke(models.main, ["likezip-2"]).exit_code == 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zstd") is None, reason="there is no zstd command")
def test_own_models_beside_dictionaries(tmp_path: Path) -> None:
    for half in ("train", "test"):
        (tmp_path / half).mkdir()
        for number in range(20):
            lines = _log("a", number + (100 if half == "test" else 0))
            (tmp_path / half / str(number)).write_bytes(b"\n".join(lines))
    done = CliRunner().invoke(own.main, [str(tmp_path / "train"), str(tmp_path / "test"), str(default_model().path)])
    assert done.exit_code == 0, done.output
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert [row[0].split(",")[0] for row in rows] == ["likezip", "likezip", "zstd -19", "zstd -19", "zstd -19"]
    assert rows[0][1:4] == rows[1][1:4]  # the same model
    assert float(rows[3][3]) > 0  # a dictionary saves something
    assert rows[2][4] == "0"
