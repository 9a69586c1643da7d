"""The exactness matrix: what it asks pip for, that it reports what differs, and a small run of it."""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from roundtrip import block_headers, check_every_way

from benchmarks import environments, exactness, exactness_probe
from benchmarks.environments import Environment
from benchmarks.exactness_probe import CASES, PACKAGES, Facts, Outcome

FACTS = Facts(
    python="3.12.1",
    packages=dict.fromkeys(PACKAGES, "1.0"),
    torch_works=False,
    instructions=["avx2"],
    numpy_features=["AVX2", "FMA3"],
)
Answer = Callable[[Environment, dict[str, str], str], str]


def test_the_oldest_are_the_lower_bounds() -> None:
    content = (environments.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    wanted = environments.requirements("oldest", "3.11")
    for dependency, requirement in zip(tomllib.loads(content)["project"]["dependencies"], wanted, strict=True):
        assert dependency.split(",")[0].replace(">=", "==") == requirement
    later = set(environments.requirements("oldest", "3.13")) - set(wanted)
    assert later == {f"{name}=={oldest}" for (name, version), oldest in environments.LATER.items() if version == "3.13"}
    assert environments.requirements("newest", "3.11") == []


def test_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert environments.interpreters((sys.executable, sys.executable)) == {here: Path(sys.executable)}
    monkeypatch.setattr(environments, "VERSIONS", ("3.999",))
    assert environments.interpreters(()) == {here: Path(sys.executable), "3.999": None}
    with pytest.raises(click.UsageError, match="no-such-python"):
        environments.interpreters(("no-such-python",))


def test_an_environment_that_cannot_be_made(tmp_path: Path) -> None:
    assert environments.make("3.999", None, "oldest", tmp_path).failure == "there is no python3.999 here"
    fails = tmp_path / "python"
    fails.write_text(f"#!{sys.executable}\nraise SystemExit('before\\nERROR: no wheel\\nafter')\n")
    fails.chmod(0o700)
    assert environments.make("3.999", fails, "oldest", tmp_path).failure == "no wheel"


def test_what_an_environment_lacks() -> None:
    found = {name: exactness.missing(variables, FACTS) for name, variables in exactness.SETTINGS.items()}
    assert found["dot products of vnni256"] == "not this processor"
    assert found["int8"] == "no torch"
    assert not any(found[name] for name in ("default", "dot products of avx2", "no dot products", "float32"))


def test_differences(tmp_path: Path) -> None:
    (tmp_path / "a, b.lz").write_bytes(b"frame")
    good, other = (hashlib.sha256(frame).hexdigest() for frame in (b"frame", b"other"))
    for digest, reads, error, expected in (
        (good, True, "", []),
        (other, True, "", ["a, b, 2: another frame"]),
        (good, False, "", ["a, b, 2: the first environment's frame came back as other bytes"]),
        ("", False, "ValueError: why", ["a, b, 2: ValueError: why"]),
    ):
        outcomes = {"a, b, 2": Outcome(digest=digest, reads=reads, error=error)}
        assert exactness.differences(outcomes, tmp_path) == expected


def _run(monkeypatch: pytest.MonkeyPatch, answer: Answer, *arguments: str) -> tuple[int, str]:
    """Exit code and output of the command, with ``answer`` for what a probe of frames would print."""

    def probe(
        environment: Environment, variables: dict[str, str], what: str, *further: str
    ) -> subprocess.CompletedProcess[str]:
        printed = json.dumps(FACTS) if what == "facts" else answer(environment, variables, further[0])
        return subprocess.CompletedProcess([], 0 if printed else -9, printed, "")

    monkeypatch.setattr(exactness, "_probe", probe)
    done = CliRunner().invoke(exactness.main, ["--packages", "here", "--input", "code", *arguments])
    return done.exit_code, done.stdout


def _frame(content: bytes, directory: str) -> str:
    reference = Path(directory, "code.lz")
    if not reference.exists():
        reference.write_bytes(content)
    return json.dumps({"code, 1": Outcome(digest=hashlib.sha256(content).hexdigest(), reads=True, error="")})


def test_the_same_frames(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def answer(_: Environment, variables: dict[str, str], directory: str) -> str:
        assert variables.get("NPY_DISABLE_CPU_FEATURES", "AVX2 FMA3") == "AVX2 FMA3"
        return _frame(b"frame", directory)

    monkeypatch.setattr(environments, "interpreters", lambda _: {"3.999": None})
    code, printed = _run(monkeypatch, answer, "--packages", "oldest", "-o", str(tmp_path / "table.md"))
    assert code == 0 and "none differ" in printed and "What differs" not in printed
    assert "no torch" in printed and "not this processor" in printed  # said, though not counted
    assert "| 3.999 oldest " in printed and "there is no python3.999 here" in printed
    assert (tmp_path / "table.md").read_text() in printed


@pytest.mark.slow
def test_another_frame_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(environment: Environment, variables: dict[str, str], directory: str) -> str:
        return _frame(b"other" if environment.name == "it" and not variables else b"frame", directory)

    code, printed = _run(monkeypatch, answer, "--environment", "it")
    assert code == 1 and "1 differs" in printed
    assert "### What differs\n\n- it, default: code, 1: another frame\n" in printed


def test_other_answers_are_reported() -> None:
    def tried(name: str, answers: dict[str, str] | str) -> exactness.Tried:
        return exactness.Tried(Environment(name, Path(name)), FACTS, answers={"vectors": answers})

    wanted = exactness.Wanted((), (), ("vectors",), 100)
    here, same = tried("here", {"a": "content", "b": "CorruptError: why"}), {"b": "CorruptError: why", "a": "content"}
    other = tried("other", {"a": "content", "b": "content"})
    table, differing, compared = exactness.answers_table([here, tried("same", same), other], wanted)
    assert "2: same" in table and "2: 1 differ" in table
    assert (differing, compared) == (["other, vectors: b: content"], 4)
    _, differing, compared = exactness.answers_table([here, tried("dead", "ended by signal 4")], wanted)
    assert (differing, compared) == (["dead, vectors: ended by signal 4"], 0)


def test_a_machine_that_is_not_here_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    done = CliRunner().invoke(exactness.main, ["--machine", "s390x"])
    assert done.exit_code == 1
    assert "Error: s390x: there is no qemu-s390x, apt-get, dpkg-deb here. Needed are QEMU's" in done.output


@pytest.mark.slow
def test_each_kind_of_answers_has_cases() -> None:
    """The reference decoder's and the vectors' few smallest."""
    for kind in ("vectors", "damaged"):
        found = exactness_probe.ANSWERS[kind](1)
        assert len(found) > 100 and any(answer.startswith("CorruptError") for answer in found.values())
    assert any(re.fullmatch("[0-9a-f]{64}", answer) for answer in exactness_probe.ANSWERS["reference"](8).values())


@pytest.mark.slow
def test_a_probe_that_dies_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(environment: Environment, variables: dict[str, str], directory: str) -> str:
        return "" if "NUMBA_CPU_NAME" in variables else _frame(b"frame", directory)

    code, printed = _run(monkeypatch, answer)
    assert code == 1 and "numpy and kernels for any processor: every input: ended by signal 9" in printed


@pytest.mark.slow
def test_a_likezip_that_does_not_run_is_reported(tmp_path: Path) -> None:
    fails = tmp_path / "python"
    fails.write_text(f"#!{sys.executable}\nraise SystemExit('ImportError: no such name')\n")
    fails.chmod(0o700)
    done = CliRunner().invoke(
        exactness.main,
        ["--packages", "here", "--setting", "default", "--input", "nothing", "--environment", str(fails)],
    )
    assert done.exit_code == 1 and f"- {fails}: ImportError: no such name" in done.stdout


@pytest.mark.slow
def test_nothing_compared_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    code, printed = _run(monkeypatch, lambda *_: "", "--setting", "int8")
    assert code == 1 and "0 comparisons" in printed


@pytest.mark.slow
def test_the_inputs_have_every_profile_and_mode(tmp_path: Path) -> None:
    headers = []
    for name, case in CASES.items():
        if name in ("command", "prior in two blocks"):
            continue
        assert exactness_probe.outcome(case, 1, tmp_path / name)["reads"]
        headers += block_headers((tmp_path / name).read_bytes())
    check_every_way(headers)


@pytest.mark.slow
def test_here() -> None:
    arguments = ["--packages", "here", "--setting", "default", "--setting", "float32"]
    for name in ("text in lanes", "prior in lanes", "command"):
        arguments += ["--input", name]
    done = CliRunner().invoke(exactness.main, arguments)
    assert done.exit_code == 0, done.output
    assert "Of 17 comparisons" in done.stdout and ") none differ." in done.stdout
