"""A trial with each fault, and small loads; ``python -m benchmarks.faults`` and ``loads`` make many and large ones."""

import os
import signal
from pathlib import Path

import pytest

from benchmarks import faults, loads

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks at processes in /proc")


@pytest.mark.slow
def test_nothing_is_left_by_any_fault() -> None:
    counts = faults.campaign(trials=1, seed=5)
    assert [text for count in counts.values() for text in count.wrong] == []
    assert all(count.trials == 1 for count in counts.values())
    assert sum(count.struck for count in counts.values()) > 3, "hardly anything happened to any command"


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """The checks themselves: with outputs, messages and codes that are none of those that are right."""
    fault = faults.Fault("none", faults._nothing, (1,), "a word")
    trial = faults.Trial("compress", 1, 1, 1, tmp_path)
    trial.source.write_bytes(b"changed")
    trial.target.write_bytes(b"half")
    (tmp_path / ".target.x.part").write_bytes(b"")
    found = list(faults._wrong(fault, trial, b"whole", b"as it was", -9, "Traceback"))
    assert [text.split(": /")[0].split(": [")[0].split(": '")[0] for text in found] == [
        "an output is lost: half of it is left",
        "an input is lost: it has changed",
        "a temporary file is left",
        "exit code -9",
        "a traceback",
    ]
    trial.target.unlink()
    assert "an output is lost: success without it" in list(faults._wrong(fault, trial, b"", b"changed", 0, ""))
    assert any(text.startswith("said") for text in faults._wrong(fault, trial, b"", b"changed", 1, "another word"))


def test_lost_files_are_found(tmp_path: Path) -> None:
    rotated = next(fault for fault in faults.FAULTS if fault.name == "the source rotated, --rm")
    trial = faults.Trial("compress", 1, 1, 1, tmp_path)
    trial.moved.write_bytes(b"as it was")
    trial.other.write_bytes(b"changed")
    losses = list(faults._losses(rotated, trial, b"whole", b"as it was", 1))
    assert losses == [f"{faults.OTHER}: it has changed", f"{faults.OTHER}: the one with the source's name is gone"]
    trial.moved.unlink()
    assert f"{faults.INPUT}: it is gone" in list(faults._losses(rotated, trial, b"whole", b"as it was", 1))


@pytest.mark.slow
def test_workers_end_with_a_killed_command(tmp_path: Path) -> None:
    """They once waited for ever for the next block, 200 MB each."""
    trial = faults.Trial("compress", 2, 0, 0, tmp_path)
    trial.source.write_bytes(os.urandom(10 * faults.BLOCK))
    workers: list[int] = []
    with trial.begin() as process:
        while len(workers) < 2:
            assert process.poll() is None
            workers = faults._workers(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)  # its standard error is closed by the last of them


@pytest.mark.slow
def test_small_loads() -> None:
    small = loads.small_files(40)
    assert small.wrong == 0
    assert small.open_files[-1] <= small.open_files[1]
    pipes = loads.piped(200_000, threads=1)
    assert pipes.same and pipes.compressed < pipes.size
    report = loads.report(pipes, small)
    assert "the same bytes" in report and "40 files" in report
