"""Scores: units, z-scores, rankings and the command line."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import likezip
from likezip.command.main import main
from likezip.likelihood.score import UNIT_COLUMNS, Division, Units, score_blocks

RAW, COSTS = b"ab\ncde\n\nf", np.arange(9.0)


@pytest.mark.parametrize(
    ("text", "starts", "sizes", "bits"),
    [
        ("line", [0, 3, 7, 8], [3, 4, 1, 1], [3, 18, 7, 8]),
        ("record 4", [0, 4, 8], [4, 4, 1], [6, 22, 8]),
        ("record 9", [0], [9], [36]),
        ("window 4", [0, 2, 4, 6], [4, 4, 4, 3], [6, 14, 22, 21]),
        ("window=2", [0, 1, 2, 3, 4, 5, 6, 7], [2] * 8, [1, 3, 5, 7, 9, 11, 13, 15]),
        ("window 100", [0], [9], [36]),
        ("record 1K", [0], [9], [36]),
    ],
)
@pytest.mark.parametrize("cut", [9, 4, 1])
def test_units(text: str, starts: list[int], sizes: list[int], bits: list[int], cut: int) -> None:
    """They are the same wherever blocks end."""
    blocks = [(RAW[i : i + cut], COSTS[i : i + cut]) for i in range(0, len(RAW), cut)]
    found = score_blocks(blocks, Division.of(text))
    assert (found.size, found.bits) == (9, 36.0)
    assert found.units is not None
    assert [list(part) for part in (found.units.starts, found.units.sizes, found.units.bits)] == [starts, sizes, bits]


def test_nothing_has_no_units() -> None:
    for text in ("line", "record 3", "window 4"):
        found = score_blocks([], Division.of(text))
        assert found.units is not None and found.units.ranking().size == found.units.z_scores.size == 0
        assert found.summary() == {"bytes": 0, "bits": 0.0, "bits_per_byte": 0.0}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lines",
        "record",
        "record 0",
        "record -1",
        "record 10000000000000000",
        "window 3",
        "window x",
        "byte",
        "record 2T",
    ],
)
def test_divisions_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        Division.of(text)


def test_z_scores_and_ranking() -> None:
    bits = np.array([1.0, 9.0, 1.0, 5.0, 9.0])
    units = Units(np.arange(5), np.full(5, 2), bits, bits**2, "bits")
    assert units.z_scores == pytest.approx((bits - 5) / np.std(bits))
    assert list(units.ranking()) == [1, 4, 3, 0, 2]
    assert list(units.ranking(top=1)) == [1]
    assert list(units.ranking(above=0.0)) == [1, 4, 3]
    assert units.row(3) == {
        "unit": 4,
        "offset": 3,
        "bytes": 2,
        "bits": 5.0,
        "bits_per_byte": 2.5,
        "surprise": 12.5**0.5,
        "score": 5.0,
        "z": 0.0,
    }
    assert not Units(np.arange(2), np.ones(2, np.int64), np.ones(2), np.ones(2)).z_scores.any()


def test_measures() -> None:
    """One line is long, one dear by the byte, and one has a single dear byte."""
    raw = b"a" * 99 + b"\n" + b"b" * 4 + b"\n" + b"c" * 30 + b"\n"
    costs = np.concatenate([np.full(100, 1.0), np.full(5, 4.0), np.full(31, 0.1)])
    costs[110] = 30.0
    firsts = {}
    for measure in ("bits", "rate", "surprise"):
        units = score_blocks([(raw, costs)], Division.of("line"), measure).units
        assert units is not None
        firsts[measure] = int(units.ranking(top=1)[0])
        assert units.surprises == pytest.approx([1.0, 4.0, ((30 * 0.01 + 900) / 31) ** 0.5])
    assert firsts == {"bits": 0, "rate": 1, "surprise": 2}


def log(lines: int, odd: dict[int, str], seed: int = 1) -> bytes:
    """A log of two kinds of lines, with other ones at some places."""
    choose = random.Random(seed)
    kinds = ["connection from 10.0.{}.{} closed", "session {} opened for user u{}"]
    made = [
        f"Jun {1 + i // 100:2} host srv: " + choose.choice(kinds).format(choose.randrange(9), i % 50)
        for i in range(lines)
    ]
    return "\n".join(odd.get(i, line) for i, line in enumerate(made)).encode() + b"\n"


ODD = {150: "panic: dma parity error at 0xdeadbeef", 260: "Jun 3 host srv: connection from mars closed by wizards"}


def run(*words: str, stdin: bytes | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [*words, "-T", "1"], input=stdin)
    return done.exit_code, done.stdout, done.stderr


def test_odd_lines_are_on_top(tmp_path: Path) -> None:
    path = tmp_path / "today.log"
    path.write_bytes(log(300, ODD))
    code, out, _ = run("score", "--by", "line", "--top", "5", str(path))
    head, *rows = (row.split("\t") for row in out.splitlines())
    assert code == 0
    assert head == ["name", "unit", "offset", "bytes", "bits", "bits_per_byte", "surprise", "score", "z", "text"]
    assert len(rows) == 5
    assert {int(row[1]) - 1 for row in rows[:4]} >= set(ODD)  # the first two lines are news as well
    assert {row[9] for row in rows} >= set(ODD.values())
    content = path.read_bytes()
    for row in rows:
        assert content[int(row[2]) :][: int(row[3])].decode().rstrip("\n") == row[9]
        assert float(row[8]) > 2 or row[9] not in ODD.values()


@pytest.mark.slow
def test_a_context_leaves_only_what_is_new(tmp_path: Path) -> None:
    yesterday, today = tmp_path / "yesterday", tmp_path / "today"
    yesterday.write_bytes(log(300, {}, seed=2))
    today.write_bytes(log(300, ODD, seed=3))
    code, out, _ = run("score", "--by", "line", "--context", str(yesterday), "--above", "5", str(today))
    assert code == 0
    assert {int(row.split("\t")[1]) - 1 for row in out.splitlines()[1:]} == set(ODD)


def test_files_without_units(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"some text " * 50)
    (tmp_path / "b\tc").write_bytes(b"")
    code, out, _ = run("score", str(tmp_path / "a"), str(tmp_path / "b\tc"))
    assert code == 0
    first, second = (row.split("\t") for row in out.splitlines()[1:])
    assert first[1] == "500" and float(first[3]) == pytest.approx(float(first[2]) / 500, abs=1e-3)
    assert float(first[2]) == pytest.approx(likezip.byte_costs(b"some text " * 50).sum(), abs=1e-3)
    assert second == [str(tmp_path / "b\\tc"), "0", "0.000", "0.000"]


def test_json_and_standard_input() -> None:
    data = log(50, {}) + b"\x00\xff\ttab\n"
    code, out, _ = run("score", "--by", "line", "--json", stdin=data)
    (found,) = json.loads(out)
    assert code == 0
    assert found["name"] == "-" and found["bytes"] == len(data)
    assert len(found["units"]) == 51
    assert sum(unit["bits"] for unit in found["units"]) == pytest.approx(found["bits"])
    surprises = [unit["surprise"] for unit in found["units"]]
    assert surprises == sorted(surprises, reverse=True)
    assert "\\x00\\xff\\ttab" in {unit["text"] for unit in found["units"]}


@pytest.mark.slow
def test_a_pipe_is_scored(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "likezip", "score", "--by", "record 100", "--top", "1", "--prior", "off"]
    done = subprocess.run(command, input=log(20, {}), capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[1].split("\t")[:4] == ["-", "1", "0", "100"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["score", "--by", "lines"], 2, "is none of line, record N and window N"),
        (["score", "--top", "3"], 2, "--expected-rate and --rank need --by"),
        (["score", "--rank", "bits"], 2, "--expected-rate and --rank need --by"),
        (["score", "--frozen"], 2, "--expected-rate and --rank need --by"),
        (["score", "--by", "line", "--rank", "words"], 2, "--rank words needs --frozen"),
        (["score", "--by", "line", "--expected-rate", "0.1"], 2, "need --context and frozen scores"),
        (["score", "--by", "line", "--frozen", "--follow"], 2, "need --context and frozen scores"),
        (["score", "--by", "line", "--expected-rate", "0"], 2, "not in the range"),
        (["score", "--by", "record 4", "--context", "x", "--follow"], 2, "--follow needs --by line and one FILE"),
        (["score", "--by", "line", "--context", "x", "--follow", "--top", "3"], 2, "can't rank"),
        (["score", "--by", "line", "--above", "nan"], 2, "--above needs a number"),
        (["score", "missing"], 1, "likezip: missing: No such file"),
        (["score", "--context", "missing", "-"], 1, "likezip: missing: No such file"),
        (["score", "."], 1, "is a directory"),
        (["score", "--context", "-", "-"], 2, "can't be both"),
        (["sample"], 2, "Missing option"),
        (["sample", "-n", "0"], 2, "is not in 1 to"),
        (["sample", "-n", "5", "--prompt", "missing"], 1, "likezip: missing: No such file"),
        (["sample", "-n", "5", "--model", "missing"], 1, "no model file missing"),
    ],
)
def test_what_is_refused(words: list[str], code: int, said: str) -> None:
    found, out, err = run(*words, stdin=b"x")
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_one_file_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"text")
    code, out, err = run("score", str(tmp_path / "bad"), str(tmp_path / "good"))
    assert code == 1
    assert str(tmp_path / "bad") in err
    rows = json.loads(run("score", "--json", str(tmp_path / "bad"), str(tmp_path / "good"))[1])
    assert [sorted(row) for row in rows] == [["error", "name"], ["bits", "bits_per_byte", "bytes", "name"]]
    assert out.splitlines()[1].startswith(str(tmp_path / "good"))


@pytest.mark.slow
def test_one_file_that_fails_silences_nothing(tmp_path: Path) -> None:
    """Once standard output was done with after any error of the system; which shows only in a process of its own."""
    (tmp_path / "good").write_bytes(b"text\nand more\n" * 9)
    (tmp_path / "good.lz").write_bytes(likezip.compress(b"text" * 100))
    (tmp_path / "secret").write_bytes(b"text")
    (tmp_path / "secret").chmod(0)
    names = ["missing", "good", "secret"]
    for words, shown in (
        (["score", "--prior", "off", *names], ["name\tbytes", "good\t126"]),
        (["score", "--prior", "off", "--json", *names], ['"good"', '"bytes": 126']),
        (["score", "--prior", "off", "--by", "line", *names], ["name\tunit", "good\t"]),
        (["list", "missing", "good.lz", "secret"], ["frames", "good.lz"]),
        (["list", "--json", "missing", "good.lz"], ['"good.lz"', '"uncompressed": 400']),
    ):
        command = [sys.executable, "-m", "likezip", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr.startswith("likezip: missing: No such file or directory\n"), done.stderr
        assert all(part in done.stdout for part in shown), done.stdout


def test_the_head_comes_once_whatever_has_rows(tmp_path: Path) -> None:
    for name, content in (("one", b"a line\n"), ("empty", b""), ("more", log(30, ODD))):
        (tmp_path / name).write_bytes(content)
    names = [str(tmp_path / name) for name in ("missing", "one", "empty", "more")]
    for words, rows in ((["--above", "100"], 0), (["--top", "2"], 3)):
        out = run("score", "--prior", "off", "--by", "line", *words, *names)[1].splitlines()
        assert out[0].split("\t") == ["name", *UNIT_COLUMNS, "text"]
        assert len(out) == 1 + rows and not any(row.startswith("name\t") for row in out[1:])
    assert run("score", names[0])[1] == ""


@pytest.mark.slow
def test_an_error_of_standard_output_names_it() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    for words in (["score", "--prior", "off", "-"], ["score", "--json", "--prior", "off", "-"], ["models"]):
        with Path("/dev/full").open("wb") as full:
            command = [sys.executable, "-m", "likezip", *words]
            done = subprocess.run(command, input=b"text", stdout=full, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (1, b"likezip: standard output: No space left on device\n")


def test_long_parts_are_cut_and_what_was_done_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 300 + b"\nshort\n" + b"y" * 200 + b"\r\n")
    _, out, err = run("score", "-v", "--prior", "off", "--by", "line", "--json", str(tmp_path / "a"))
    assert sorted(unit["text"] for unit in json.loads(out)[0]["units"]) == [
        "short",
        "x" * 200 + "...",
        "y" * 200,
    ]
    assert "a: 509 bytes, " in err


def test_no_output_replaces_its_input(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(log(30, {}))
    for words in (["heatmap", str(path)], ["sample", "-n", "9", "--prompt", str(path)]):
        found, _, err = run(*words, "-f", "-o", str(path))
        assert found == 1 and "input and output are the same file" in err
    assert path.read_bytes() == log(30, {})


def test_a_page_goes_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(log(30, {}))
    assert run("heatmap", str(path))[:2] == (0, "")
    page = Path(f"{path}.html").read_bytes()
    assert b"<!doctype html>" in page[:100].lower()
    assert CliRunner().invoke(main, ["heatmap", str(path), "-o", "-"]).stdout_bytes == page
    assert run("heatmap", str(path))[0] == 1
    assert run("heatmap", stdin=b"x")[0] == 2


@pytest.mark.slow
def test_standard_input_in_the_middle_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"skipped\nfirst line\nsecond line\n")
    with (tmp_path / "text").open("rb") as file:
        file.seek(8)
        os.lseek(file.fileno(), 8, os.SEEK_SET)
        command = [sys.executable, "-m", "likezip", "score", "--by", "line", "--json"]
        (found,) = json.loads(subprocess.run(command, stdin=file, capture_output=True, check=True).stdout)
    assert {(unit["offset"], unit["text"]) for unit in found["units"]} == {(0, "first line"), (11, "second line")}


def test_samples_by_command(tmp_path: Path) -> None:
    prompt, output = tmp_path / "prompt", tmp_path / "drawn"
    prompt.write_bytes(log(100, {}))
    words = ["sample", "-n", "1K", "--seed", "4", "--prompt", str(prompt)]
    done = CliRunner().invoke(main, [*words, "-v"])
    assert done.exit_code == 0
    assert "1024 bytes from " in done.stderr
    assert done.stdout_bytes == likezip.sample(1024, seed=4, prompt=prompt.read_bytes())
    assert CliRunner().invoke(main, [*words, "-o", str(output)]).exit_code == 0
    assert output.read_bytes() == done.stdout_bytes
    refused = CliRunner().invoke(main, [*words, "-o", str(output)])
    assert refused.exit_code == 1 and "exists already" in refused.stderr
    assert CliRunner().invoke(main, [*words, "-f", "-o", str(output)]).exit_code == 0
