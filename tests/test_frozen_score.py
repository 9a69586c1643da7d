"""Frozen scores: costs right after a context, measures, what is usual, and files that grow."""

import json
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import likezip
from likezip import AnomalyScorer
from likezip.command import score_command
from likezip.command.main import main
from likezip.likelihood.anomaly import Usual
from likezip.likelihood.follow import LONGEST_LINE, Lines, growing_lines, stream_lines
from likezip.likelihood.frozen import ByteCosts, moments
from likezip.likelihood.measures import measured, words_of
from likezip.likelihood.score import Division, score_blocks, score_frozen, units_of

FIELDS = np.random.default_rng(3).integers(0, (7, 30, 5, 200), (500, 4))
LINES = [f"{a} user{b} logged in from 10.0.{c}.{d} ok\n".encode() for a, b, c, d in FIELDS]
KNOWN, NEW = LINES[:400], LINES[400:]
ODD = b"kernel panic: not syncing\n"


@pytest.fixture(scope="module")
def scorer() -> AnomalyScorer:
    return AnomalyScorer(KNOWN, prior="off")


def test_costs_are_what_records_are_coded_in(scorer: AnomalyScorer) -> None:
    """A record's code has less than a byte more, or ends in zeros, and its end costs next to nothing here."""
    codes = likezip.RecordCodec(context=KNOWN, prior="off").encode_batch(NEW)
    more = [8 * len(code) - costs.bits.sum() for code, costs in zip(codes, scorer.byte_costs(NEW), strict=True)]
    assert min(more) > -9 and max(more) < 9 and 2 < np.mean(more) < 7


@pytest.mark.parametrize("prior", ["off", pytest.param("on", marks=pytest.mark.slow)])
def test_no_unit_changes_another(prior: likezip.PriorChoice) -> None:
    some = AnomalyScorer(KNOWN, prior=prior, threads=2)
    alone = [some.scores([unit])[0] for unit in (NEW[0], ODD)]
    together = some.scores([ODD, *NEW, ODD, b"", NEW[0]])
    assert together[0] == together[-3] == alone[1] and together[-1] == together[1] == alone[0]
    assert together[-2] == 0 and alone[1] > 3 * alone[0]


def test_expected_bits_and_variances_are_those_of_each_decision() -> None:
    mean, variance = moments()
    for one in (1, 7, 30_000, 32_768, 65_535):
        p = one / 65_536
        assert mean[one] == pytest.approx(-p * math.log2(p) - (1 - p) * math.log2(1 - p), abs=1e-5)
        assert variance[one] == pytest.approx(p * (1 - p) * math.log2(p / (1 - p)) ** 2, abs=1e-4)
    assert mean[32_768] == 1 and variance[32_768] == 0


def test_usual_units_cost_what_is_expected(scorer: AnomalyScorer) -> None:
    all_costs = scorer.byte_costs(NEW)
    excess = sum(costs.bits.sum() - costs.expected.sum() for costs in all_costs)
    assert abs(excess) < 0.1 * sum(costs.expected.sum() for costs in all_costs)
    (odd,) = scorer.byte_costs([ODD])
    assert odd.bits.sum() - odd.expected.sum() > 4 * np.sqrt(odd.variance.sum())


def test_long_units_are_scored_in_pieces(scorer: AnomalyScorer) -> None:
    unit = NEW[0] * 2_000
    (costs,) = scorer.byte_costs([unit])
    assert costs.bits.shape == costs.expected.shape == costs.variance.shape == (len(unit),)
    (first,) = scorer.byte_costs([unit[:LONGEST_LINE]])
    assert np.array_equal(costs.bits[:LONGEST_LINE], first.bits)


UNIT = b"id 7f3a ok\n"
COSTS = ByteCosts(np.arange(11.0), np.full(11, 2.0), np.full(11, 3.0))


def test_words_are_measured_by_their_shape() -> None:
    words = words_of(UNIT, COSTS)
    assert [UNIT[a : a + n] for a, n in zip(words.starts, words.sizes, strict=True)] == [
        b"id",
        b" ",
        b"7f3a",
        b" ",
        b"ok",
        b"\n",
    ]
    assert list(words.costs) == [1, 2, 8, 7, 17, 10]  # 7f3a: 18 bits less 8, at most 8
    assert words.marked().tolist() == [(8, 2, 17.0), (10, 1, 10.0), (0, 0, 0.0)]
    cheap = words_of(UNIT, COSTS._replace(expected=np.full(11, 9.0)))
    assert list(cheap.costs) == [1, 2, 0, 7, 17, 10]


def test_each_measure_is_its_formula() -> None:
    words = words_of(UNIT, COSTS)
    surprise, of_words = math.sqrt(385 / 11), math.sqrt((1 + 4 + 64 + 49 + 289 + 100) / 6)
    expected = {
        "surprise": surprise,
        "bits": 55,
        "rate": 5,
        "words": of_words,
        "blend": (surprise * 55 * of_words) ** (1 / 3),
        "excess": 33,
        "deviation": 33 / math.sqrt(34),
        "ratio": 5.5,
        "universal": 55 - 8 * 19,
    }
    found = {measure: measured(measure, UNIT, COSTS, words, 10.0) for measure in expected}  # type: ignore[arg-type]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("measure", ["blend", "surprise", "bits", "rate", "words", "excess", "deviation", "ratio"])
def test_every_measure_finds_an_odd_line(measure: str) -> None:
    some = AnomalyScorer(KNOWN, measure=measure, prior="off")  # type: ignore[arg-type]
    assert int(np.argmax(some.scores([*NEW[:20], ODD]))) == 20


def test_unknown_measures_and_contexts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="measure must be one of blend"):
        AnomalyScorer(KNOWN, measure="length")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        AnomalyScorer(tmp_path / "missing")
    with pytest.raises(ValueError, match="50 are needed"):
        _ = AnomalyScorer(KNOWN[:49], prior="off").usual


def test_a_threshold_keeps_the_expected_rate() -> None:
    usual = Usual(np.arange(99.0))
    assert usual.threshold(0.01) == 98 and usual.threshold(0.05) == 94
    with pytest.raises(ValueError, match="needs a context of 5000 units"):
        usual.threshold(0.001)
    with pytest.raises(ValueError, match="above 0 and below 1"):
        usual.threshold(1.0)
    assert usual.z_scores(np.array([49.0]))[0] == 0
    assert not Usual(np.ones(9)).z_scores(np.arange(3.0)).any()


def test_the_expected_rate_holds_for_usual_lines(scorer: AnomalyScorer) -> None:
    flagged = scorer.scores(NEW) > scorer.usual.threshold(0.1)
    assert flagged.mean() < 0.2
    assert scorer.scores([ODD])[0] > scorer.usual.threshold(0.02)


@pytest.mark.parametrize(
    "division", ["line", "record 4", "record 9", "record 100", "window 4", "window 2", "window 100"]
)
@pytest.mark.parametrize("cut", [9, 4, 1])
def test_units_are_those_of_adaptive_scores(division: str, cut: int) -> None:
    raw = b"ab\ncde\n\nf"
    blocks = [raw[i : i + cut] for i in range(0, len(raw), cut)]
    found = [unit for units in units_of(blocks, Division.of(division)) for unit in units]
    adaptive = score_blocks([(raw, np.zeros(9))], Division.of(division)).units
    assert adaptive is not None
    ends = adaptive.starts + adaptive.sizes
    assert found == [raw[start:end] for start, end in zip(adaptive.starts, ends, strict=True)]


@pytest.mark.parametrize("division", ["line", "record 16", "window 32"])
def test_frozen_scores_of_a_file(scorer: AnomalyScorer, division: str) -> None:
    raw = b"".join(NEW[:30])
    blocks = [raw[i : i + 100] for i in range(0, len(raw), 100)]
    found = score_frozen(blocks, Division.of(division), scorer)
    adaptive = score_blocks([(raw, np.zeros(len(raw)))], Division.of(division)).units
    assert found.units is not None and adaptive is not None and found.size == len(raw)
    assert np.array_equal(found.units.starts, adaptive.starts) and np.array_equal(found.units.sizes, adaptive.sizes)
    units = [raw[a : a + n] for a, n in zip(found.units.starts, found.units.sizes, strict=True)]
    assert list(found.units.values) == list(scorer.scores(units))
    apart = units[::2] if division.startswith("window") else units
    assert found.bits == pytest.approx(sum(float(costs.bits.sum()) for costs in scorer.byte_costs(apart)))


def test_nothing_is_scored(scorer: AnomalyScorer) -> None:
    found = score_frozen([], Division.of("line"), scorer)
    assert astuple(found)[:2] == (0, 0.0) and found.units is not None and found.units.ranking().size == 0


def run(*words: str, stdin: bytes | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["score", *words, "--prior", "off", "-T", "1"], input=stdin)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    yesterday, today = tmp_path / "yesterday", tmp_path / "today"
    yesterday.write_bytes(b"".join(KNOWN))
    today.write_bytes(b"".join([*NEW[:50], ODD, *NEW[50:], ODD]))
    return yesterday, today


def test_scores_behind_a_context_are_frozen(files: tuple[Path, Path]) -> None:
    """So what comes twice is as odd the second time."""
    words = ["--by", "line", "--context", str(files[0]), "--top", "2", str(files[1])]
    code, out, _ = run(*words)
    rows = [row.split("\t") for row in out.splitlines()[1:]]
    assert code == 0
    assert [row[1] for row in rows] == ["51", "102"] and rows[0][4:9] == rows[1][4:9]
    rows = [row.split("\t") for row in run(*words, "--adaptive")[1].splitlines()[1:]]
    assert rows[0][1] == "51" and float(rows[0][7]) > float(rows[1][7])
    assert float(rows[0][7]) == pytest.approx(float(rows[0][6]))  # adaptive scores are the surprise


def test_json_tells_the_dearest_words(files: tuple[Path, Path]) -> None:
    content = files[1].read_bytes()
    (found,) = json.loads(run("--by", "line", "--context", str(files[0]), "--json", "--top", "1", str(files[1]))[1])
    words = found["units"][0]["words"]
    texts = [content[word["offset"] : word["offset"] + word["bytes"]] for word in words]
    assert 1 <= len(words) <= 3 and all(text in (b"kernel", b"panic", b"not", b"syncing") for text in texts)
    assert all(word["bits"] > 10 for word in words)


def test_words_are_coloured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = score_command._text(b"a\\\xff bad w\xc3\xb6rd\n", [(4, 3, 9.0), (8, 5, 9.0)])
    assert text == "a\\\\\\xff \x1b[31m\x1b[1mbad\x1b[0m \x1b[31m\x1b[1mwörd\x1b[0m"
    assert score_command._text(b"x" * 202, [(201, 1, 9.0)]) == "x" * 200 + "..."


def test_an_expected_rate_is_a_limit(files: tuple[Path, Path]) -> None:
    words = ["--by", "line", "--context", str(files[0])]
    code, out, _ = run(*words, "--expected-rate", "0.02", str(files[1]))
    rows = [row.split("\t") for row in out.splitlines()[1:]]
    assert code == 0 and {row[1] for row in rows[:2]} == {"51", "102"} and len(rows) < 8
    (found,) = json.loads(run(*words, "--expected-rate", "0.02", "--json", str(files[1]))[1])
    assert len(found["units"]) == len(rows) and min(unit["score"] for unit in found["units"]) > found["threshold"] > 0
    code, out, err = run(*words, "--expected-rate", "0.001", str(files[1]))
    assert code == 1 and out == "" and "needs a context of 5000 units" in err


def test_records_behind_records(tmp_path: Path) -> None:
    rows = [np.array([n % 9, 3 * n % 50, 7], "<i4").tobytes() for n in range(400)]
    (tmp_path / "a").write_bytes(b"".join(rows))
    (tmp_path / "b").write_bytes(b"".join([*rows[:60], bytes(range(200, 212)), *rows[60:90]]))
    out = run("--by", "record 12", "--context", str(tmp_path / "a"), "--top", "1", str(tmp_path / "b"))[1]
    assert out.splitlines()[1].split("\t")[1:4] == ["61", "720", "12"]


def test_contexts_are_cut_where_records_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likezip.likelihood.density, "LONGEST_CONTEXT", 50)
    (tmp_path / "a").write_bytes(bytes(range(120)))
    options = {"top": None, "above": None, "expected_rate": None, "follow": False}
    options |= {"as_json": False, "times": False, "raw": False}
    asked = score_command.Asked.checked(
        ("f",), True, None, division=Division.of("record 12"), contexts=("a",), prior="off", **options
    )
    assert score_command._read_end(str(tmp_path / "a"), asked) == bytes(range(72, 120))


def test_a_pipe_is_followed(files: tuple[Path, Path]) -> None:
    words = ["--by", "line", "--context", str(files[0]), "--follow", "--expected-rate", "0.02"]
    lines = [*NEW[:50], ODD, *NEW[50:], ODD[:-1]]
    code, out, _ = run(*words, "-", stdin=b"".join(lines))
    rows = [row.split("\t") for row in out.splitlines()[1:]]
    assert code == 0 and [row[1] for row in rows if "panic" in row[9]] == ["51", "102"] and len(rows) < 8
    assert [int(row[1]) for row in rows] == sorted(int(row[1]) for row in rows)
    code, out, _ = run(*words, "--json", "-", stdin=b"".join(lines))
    found = [json.loads(line) for line in out.splitlines()]
    assert len(found) == len(rows) and all(row["name"] == "-" for row in found)
    for row in found:
        assert b"".join(lines)[row["offset"] :][: row["bytes"]] == lines[row["unit"] - 1]


def test_what_can_not_be_followed(files: tuple[Path, Path], tmp_path: Path) -> None:
    words = ["--by", "line", "--context", str(files[0]), "--follow"]
    assert run(*words, str(tmp_path / "missing")) == (
        1,
        "",
        f"likezip: {tmp_path}/missing: No such file or directory\n",
    )
    assert run(*words, str(tmp_path)) == (1, "", f"likezip: {tmp_path}: is a directory\n")
    (tmp_path / "few").write_bytes(b"".join(KNOWN[:9]))
    code, out, err = run("--by", "line", "--context", str(tmp_path / "few"), "--follow", str(files[1]))
    assert (code, out) == (1, "") and "a context of 9 units does not tell what is usual: 50 are needed" in err


def test_lines_of_a_stream() -> None:
    parts = iter([b"ab", b"c\nd\n\ne", b"\n", b"x" * (LONGEST_LINE + 1), b"y\nz", b""])
    found = list(stream_lines(lambda size: next(parts)))
    assert [line for lines in found for line in lines.lines] == [
        b"abc\n",
        b"d\n",
        b"\n",
        b"e\n",
        b"x" * (LONGEST_LINE + 1),
        b"y\n",
        b"z",
    ]
    assert [lines.offset for lines in found] == [0, 0, 7, 9, 9 + LONGEST_LINE + 1, 9 + LONGEST_LINE + 3]


def test_a_growing_file_is_followed_through_rotations(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")

    def grow() -> Iterator[None]:
        with path.open("ab") as file:
            file.write(b"o\nthr")
        yield
        path.rename(tmp_path / "log.1")
        yield
        with (tmp_path / "log.1").open("ab") as file:
            file.write(b"ee\nend")
        path.write_bytes(b"new\n")
        yield
        path.write_bytes(b"")
        path.write_bytes(b"x\n")
        yield
        yield

    growth = grow()
    lines = growing_lines(str(path), lambda seconds: next(growth, None))
    found: list[Lines] = []
    with closing(lines):
        while not found or found[-1].lines != [b"x\n"]:
            found.append(next(lines))
    assert [(some.offset, line) for some in found for line in some.lines] == [
        (0, b"one\n"),
        (4, b"two\n"),
        (8, b"three\n"),
        (14, b"end"),
        (0, b"new\n"),
        (0, b"x\n"),
    ]


@pytest.mark.slow
def test_a_file_is_followed_until_it_is_enough(files: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "likezip", "score", "--by", "line", "--prior", "off", "--context", str(files[0])]
    command += ["--follow", "--above", "6", str(files[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as following:
        timer = threading.Timer(300, following.kill)
        timer.start()
        assert following.stdout is not None
        rows = [following.stdout.readline() for _ in range(3)]  # the head and two
        with files[1].open("ab") as file:
            file.write(b"".join(NEW) + b"another panic: mars attacks\n")
        last = following.stdout.readline()
        timer.cancel()
        following.terminate()
    assert [b"panic" in row for row in rows] == [False, True, True]
    assert last.endswith(b"another panic: mars attacks\n")


def test_times_count_only_where_they_are_asked_for(tmp_path: Path) -> None:
    """Two lines that differ in nothing else score the same; records are no lines."""
    context, log = tmp_path / "context", tmp_path / "log"
    context.write_bytes(b"".join(b"Nov  1 09:%02d:00 cron: (root) CMD (run %d)\n" % (n, n % 3) for n in range(60)))
    log.write_bytes(b"Nov  1 09:30:00 cron: (root) CMD (run 1)\nDec 24 23:59:58 cron: (root) CMD (run 1)\n")
    words = ["--by", "line", "--context", str(context), "--json", str(log)]
    for times in (False, True):
        code, out, _ = run(*words, *["--times"] * times)
        first, second = (unit["score"] for unit in json.loads(out)[0]["units"])
        assert code == 0 and (first == second) is not times
    for wrong in (["--by", "line"], ["--by", "record 8", "--context", str(context)], ["--context", str(context)]):
        code, _, said = run(*wrong, "--times", str(log))
        assert code == 2 and "--times is for frozen scores by line" in said
