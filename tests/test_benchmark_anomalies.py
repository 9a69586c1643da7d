"""The benchmark of anomaly detectors: its cases, its baselines and its figures."""

import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import anomalies, anomaly_baselines, anomaly_cases, following
from benchmarks.anomaly_cases import PUT_IN, Case


def test_the_area_under_the_curve() -> None:
    odd = np.array([True, False, True, False, False, False])
    assert anomalies.auc(np.array([9.0, 1, 8, 2, 3, 4]), odd) == 1
    assert anomalies.auc(np.array([0.0, 1, 0, 2, 3, 4]), odd) == 0
    assert anomalies.auc(np.array([3.0, 1, 2, 2, 2, 9]), odd) == pytest.approx((3 + 1 + 2 * 0.5) / 8)
    assert anomalies.auc(np.zeros(6), odd) == 0.5


def test_precision_at_k() -> None:
    odd = np.array([True, False, True, False, False, False])
    assert anomalies.precision(np.array([9.0, 1, 8, 2, 3, 4]), odd) == 1
    assert anomalies.precision(np.array([1.0, 9, 8, 2, 3, 4]), odd) == 0.5
    assert anomalies.precision(np.zeros(6), odd) == pytest.approx(2 / 6)  # all orders are as good
    assert anomalies.precision(np.array([5.0, 5, 5, 1, 1, 1]), odd) == pytest.approx(2 / 3)


def _log(name: str, seed: int) -> list[bytes]:
    choose = random.Random(seed)
    kinds = [b"%s INFO started job %d\n", b"%s INFO finished job %d in time\n"]
    lines = [choose.choice(kinds) % (name.encode(), choose.randrange(100)) for _ in range(200)]
    for place in range(5, 200, 21):
        lines[place] = b"%s ERROR lost job %d\n" % (name.encode(), place)
    return lines


def _usual(case: Case) -> list[bytes]:
    return [unit for unit, odd in zip(case.units, case.odd, strict=True) if not odd]


def _odd(case: Case) -> list[bytes]:
    return [unit for unit, odd in zip(case.units, case.odd, strict=True) if odd]


def test_cases_of_logs() -> None:
    logs = {"a": _log("a", 1), "b": _log("b", 2)}
    found = {(case.name, case.kind): case for case in anomaly_cases.log_cases(logs, 0)}
    assert set(found) == {(log, kind) for log in "ab" for kind in ("foreign", "altered", "rare", "severe")}
    foreign = found["a", "foreign"]
    assert all(line.startswith(b"b ") for line in _odd(foreign)) and len(_odd(foreign)) == PUT_IN
    assert foreign.context == logs["a"][:100] and _usual(foreign) == logs["a"][100:]
    severe = found["a", "severe"]
    assert all(b"lost" in line for line in _odd(severe)) and not any(b"lost" in line for line in severe.context)
    assert not any(b"ERROR" in line or b"INFO" in line for line in severe.units + severe.context)
    rare = found["a", "rare"]
    assert len(_odd(rare)) == 10 and all(b"lost" in line for line in _odd(rare))
    assert not any(b"lost" in line for line in rare.context)
    again = {(case.name, case.kind): case.units for case in anomaly_cases.log_cases(logs, 0)}
    assert all(again[key] == case.units for key, case in found.items())


def test_labelled_logs_and_messages() -> None:
    lines = [b"- usual %d\n" % n if n % 5 else b"KERN alert %d\n" % n for n in range(100)]
    case = anomaly_cases.alert_case("x", lines)
    assert len(case.context) == 40 and not any(b"alert" in line for line in case.context)
    assert all(line.startswith(b"alert") for line in _odd(case)) and len(case.units) == 50
    text = b"ham\thello\nspam\tbuy\nwhatever\nham\tnoon?\nspam\tfree\n"
    case = anomaly_cases.spam_case(text)
    assert (case.context, case.units, list(case.odd)) == ([b"hello\n"], [b"noon?\n", b"free\n"], [False, True])


def test_made_cases(tmp_path: Path) -> None:
    (tmp_path / "SQL.txt").write_bytes(b"x\nselect * from all_secrets\n")
    made = [anomaly_cases.made_alert_case(0), anomaly_cases.request_case(tmp_path, 0), *anomaly_cases.record_cases(0)]
    table = [b"a,b,c\n", *(b"%d,%d,word\n" % (n, n % 7) for n in range(1000))]
    made += anomaly_cases.table_cases({"t": table}, 0)
    for case in made:
        assert 10 <= case.odd.sum() <= 0.3 * len(case.units), case.name
        assert len(case.context) >= 400 and len(case.units) == len(case.odd)
        assert not set(_odd(case)) & set(case.context), case.name
    assert any(b"all_secrets" in request for request in _odd(made[1]))
    assert not any(b"all_secrets" in request for request in _usual(made[1]))
    sizes = [{len(record) for record in [*case.context, *case.units]} for case in made if case.kind == "records"]
    assert all(len(of_case) == 1 for of_case in sizes)


@pytest.mark.parametrize("name", anomaly_baselines.BASELINES)
def test_baselines_number_every_unit(name: str) -> None:
    if name not in anomaly_baselines.available():
        pytest.skip("its package is not installed")
    logs = {"a": _log("a", 1), "b": [line[:-1][::-1] + b"\n" for line in _log("b", 2)]}
    case = next(anomaly_cases.log_cases(logs, 0))
    numbers = anomaly_baselines.BASELINES[name][1](case)
    assert numbers.shape == (len(case.units),)
    if "rarity" in name:  # the others may be no better than chance
        assert anomalies.auc(numbers, case.odd) > 0.8


@pytest.mark.slow
def test_detectors_and_their_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def cases(sources: anomalies.Sources, seed: int) -> list[Case]:
        logs = {"a": _log("a", 1), "b": [line[:-1][::-1] + b"\n" for line in _log("b", 2)]}
        foreign = next(anomaly_cases.log_cases(logs, seed))
        return [foreign, Case("alerts", "some", foreign.context, foreign.units, foreign.odd)]

    monkeypatch.setattr(anomalies.Sources, "cases", cases)
    done = CliRunner().invoke(anomalies.main, ["-o", str(tmp_path / "out.md")])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out.md").read_text()
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| likezip, blend ")]
    assert len(rows) == 3 and float(rows[0][2]) > 0.9
    assert "## foreign" in text and "a: 50 of 150" in text and "## KB a second" in text


@pytest.mark.slow
def test_a_growing_log_is_followed(tmp_path: Path) -> None:
    done = CliRunner().invoke(following.main, ["--megabytes", "0.2", "-o", str(tmp_path / "out.md")])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out.md").read_text()
    assert "all 64 odd lines were reported" in text and text.count("\n| ") == 6
