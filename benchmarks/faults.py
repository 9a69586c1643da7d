"""Faults in the middle: whatever happens to a running likezip, no half output, no lost input, no other file touched.

    python -m benchmarks.faults --trials 50 -o benchmarks/results/faults.md

Every trial runs one command in a process, does something bad to it at a random moment, and checks: nothing is there
under the output's name unless it is whole; the source is as it was, or gone with --rm once all of it is in the output;
files that came in between are untouched; no traceback; exit code and message are right.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import likezip
from benchmarks.damaged_cache import damaged_cache

BLOCK = 1 << 16
LIKEZIP = [sys.executable, "-P", "-m", "likezip"]
STARTING = 0.5
"""Seconds until a command is ready to answer signals."""
INTERPRETER = 0.1
"""Seconds that Python itself takes to start, in which it answers Ctrl-C with a traceback."""
PATIENCE = 300
"""Seconds that a command and its workers have to end."""
PRECIOUS = b"another's file"
MORE = b"what is added to a source"
Process = subprocess.Popen[bytes]


@dataclass
class Trial:
    """One command and what happens to it: file names in a directory of its own, source first."""

    direction: str
    threads: int
    moment: float  # from 0 to 1, of what the command usually takes
    usual: float  # seconds
    place: Path
    limit: int | None = None  # bytes that a file may have
    pipe: bool = False
    environment: dict[str, str] | None = None
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.source, self.target = self.place / "source", self.place / "target"
        self.moved, self.other = self.place / "moved away", self.place / "other"

    @property
    def delay(self) -> float:
        """Seconds until something happens."""
        return self.moment * self.usual

    def begin(self) -> Process:
        command = [*LIKEZIP, self.direction, "-T", str(self.threads), *self.options, str(self.source)]
        command += ["-c"] if self.pipe else ["-o", str(self.target)]
        if self.direction == "compress":
            command += ["--block-size", str(BLOCK), "--prior", "off"]
        pipes = {"stdout": subprocess.PIPE if self.pipe else None, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            command, **pipes, env=self.environment, start_new_session=True, preexec_fn=self._limited
        )

    def _limited(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what a shell begins in the background ignores it
        if self.limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, self.limit))


@dataclass
class Fault:
    """Something bad: what is done to a running command, and the exit codes and messages that are right then.

    Every command that ends before it happens is a success, which is right too.
    """

    name: str
    strike: Callable[[Trial, Process], None]
    codes: tuple[int, ...]
    message: str
    parts: bool = False  # whether a temporary file may be left
    limits: bool = False  # whether the size of files is limited
    pipe: bool = False  # whether the output is one
    cache: bool = False  # whether that of kernels is damaged
    options: tuple[str, ...] = ()  # of the command
    before: Callable[[Trial], None] = lambda trial: None  # what is done before the command begins


def _send(number: signal.Signals) -> Callable[[Trial, Process], None]:
    return lambda trial, process: process.send_signal(number)


def _send_to_all(number: signal.Signals) -> Callable[[Trial, Process], None]:
    """As a terminal does: to the workers, too."""
    return lambda trial, process: os.killpg(process.pid, number)


def _twice(trial: Trial, process: Process) -> None:
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(trial.delay / 50)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)


def _kill_a_worker(trial: Trial, process: Process) -> None:
    for child in _workers(process.pid)[-1:]:
        os.kill(child, signal.SIGKILL)


def _workers(parent: int) -> list[int]:
    """Process ids of a command's workers."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _delete_the_source(trial: Trial, process: Process) -> None:
    trial.source.rename(trial.moved)


def _rotate_the_source(trial: Trial, process: Process) -> None:
    trial.source.rename(trial.moved)
    trial.source.write_bytes(PRECIOUS)


def _add_to_the_source(trial: Trial, process: Process) -> None:
    file = os.open(trial.source, os.O_WRONLY | os.O_APPEND)
    os.write(file, MORE)
    os.close(file)


def _have_a_file(trial: Trial, process: Process) -> None:
    with trial.target.open("xb") as file:
        file.write(PRECIOUS)


def _have_a_link(trial: Trial, process: Process) -> None:
    trial.target.symlink_to("other")


def _have_a_pipe(trial: Trial, process: Process) -> None:
    os.mkfifo(trial.target)


def _close_the_pipe(trial: Trial, process: Process) -> None:
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None


def _nothing(trial: Trial, process: Process) -> None:
    """What was done before it began does it: a limit on the file's size, a damaged cache."""


INTERRUPTED = "interrupted"
FAULTS = [
    Fault("SIGINT", _send(signal.SIGINT), (-2,), INTERRUPTED),
    Fault("SIGTERM", _send(signal.SIGTERM), (-15,), INTERRUPTED),
    Fault("SIGHUP", _send(signal.SIGHUP), (-1,), INTERRUPTED),
    Fault("SIGINT to the process group", _send_to_all(signal.SIGINT), (-2,), INTERRUPTED),
    Fault("SIGTERM to the process group", _send_to_all(signal.SIGTERM), (-15,), INTERRUPTED),
    Fault("SIGINT twice", _twice, (-2,), INTERRUPTED),
    Fault("SIGKILL", _send(signal.SIGKILL), (-9,), "", parts=True),
    Fault("a worker killed", _kill_a_worker, (1,), "a worker process died"),
    Fault("the source renamed", _delete_the_source, (1,), "No such file"),
    Fault("the source rotated, --rm", _rotate_the_source, (1,), "", options=("--rm",)),
    Fault("the source grows, --rm", _add_to_the_source, (1,), "", options=("--rm",)),
    Fault("the source grows", _add_to_the_source, (1,), "trailing data"),
    Fault("a file gets the output's name", _have_a_file, (1,), "exists already"),
    Fault("a link gets the output's name", _have_a_link, (1,), "exists already"),
    Fault("a pipe gets the output's name, -f", _have_a_pipe, (1,), "not a regular file", options=("-f",)),
    Fault(
        "the output a link, -f",
        _nothing,
        (),
        "",
        options=("-f",),
        before=lambda trial: trial.target.symlink_to("other"),
    ),
    Fault(
        "the output a link to an open file, -f",
        _nothing,
        (1,),
        "not a regular file",
        options=("-f",),
        before=lambda trial: trial.target.symlink_to("/proc/self/fd/2"),
    ),
    Fault("no room", _nothing, (1,), "target: File too large", limits=True),
    Fault("a damaged kernel cache", _nothing, (0,), "", cache=True),
    Fault("the pipe closed", _close_the_pipe, (-signal.SIGPIPE,), "", pipe=True),
]


@dataclass
class Count:
    """What came of the trials with one fault."""

    trials: int = 0
    struck: int = 0
    wrong: list[str] = field(default_factory=list)


def run(fault: Fault, trial: Trial, right: bytes) -> tuple[bool, list[str]]:
    """Whether the command failed by the fault, and all that is not as it should be; ``right`` is a whole output."""
    source = trial.source.read_bytes()
    if fault.limits:
        trial.limit = int(len(right) * 1.1 * trial.moment)
    trial.pipe, trial.options = fault.pipe, fault.options
    trial.other.write_bytes(PRECIOUS)
    if fault.cache:
        trial.environment = damaged_cache(trial.place, trial.moment)
    fault.before(trial)
    with trial.begin() as process:
        time.sleep(trial.delay)
        with suppress(ProcessLookupError, FileNotFoundError, FileExistsError):  # it has ended
            fault.strike(trial, process)
        try:
            said = process.communicate(timeout=PATIENCE)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return True, [f"processes are left after {PATIENCE} s"]
    return process.returncode != 0, list(_wrong(fault, trial, right, source, process.returncode, said))


OUTPUT, INPUT, OTHER = "an output is lost", "an input is lost", "a file of others was touched"
"""What must not be, by which the wrong is counted."""


def _wrong(fault: Fault, trial: Trial, right: bytes, source: bytes, code: int, said: str) -> Iterator[str]:
    names = sorted(path.name for path in trial.place.iterdir())
    yield from _losses(fault, trial, right, source, code)
    if any(name.endswith(".part") for name in names) and not fault.parts:
        yield f"a temporary file is left: {names}"
    if code not in (0, *fault.codes):
        yield f"exit code {code}"
    told = "Traceback" in said or "Error" in said or "Exception" in said
    if told and trial.delay > INTERPRETER:
        yield f"a traceback: {said[-300:]!r}"
    ended = trial.target.is_file() and code in (-2, -15, -1)
    silent = trial.delay < STARTING or ended  # signals end it without a word before and after its work
    if code in fault.codes and fault.message not in said and not silent:
        yield f"said {said[-300:]!r}"


def _losses(fault: Fault, trial: Trial, right: bytes, source: bytes, code: int) -> Iterator[str]:
    """What is not there any more, or not whole."""
    kept = trial.moved if trial.moved.exists() else trial.source
    grown = source + MORE if fault.strike is _add_to_the_source else source
    made = trial.target.read_bytes() if trial.target.is_file() and not trial.target.is_symlink() else None
    if made == PRECIOUS:
        made = None
    if trial.other.exists() and trial.other.read_bytes() != PRECIOUS:
        yield f"{OTHER}: it has changed"
    if kept is trial.moved and trial.source.exists() and trial.source.read_bytes() != PRECIOUS:
        yield f"{OTHER}: the one with the source's name has changed"
    if made is not None and made != right and not (trial.direction == "compress" and _holds(made, grown)):
        yield f"{OUTPUT}: half of it is left"
    if made is None and code == 0 and not fault.pipe:
        yield f"{OUTPUT}: success without it"
    if kept.exists():
        if kept.read_bytes() not in (source, grown):
            yield f"{INPUT}: it has changed"
    elif "--rm" not in fault.options or made is None or code != 0:
        yield f"{INPUT}: it is gone"
    if fault.strike is _rotate_the_source and kept is trial.moved and not trial.source.exists():
        yield f"{OTHER}: the one with the source's name is gone"
    if fault.strike in (_have_a_link, _have_a_pipe, _have_a_file) and code != 0 and not os.path.lexists(trial.target):
        yield f"{OTHER}: the one with the output's name is gone"


def _holds(frame: bytes, content: bytes) -> bool:
    try:
        return likezip.decompress(frame) == content
    except likezip.LikezipError:
        return False


def campaign(trials: int, seed: int = 1, faults: list[Fault] = FAULTS) -> dict[str, Count]:
    """So many trials with each fault, both directions, one thread and two, at random moments."""
    generator, counts = random.Random(seed), {fault.name: Count() for fault in faults}
    content = generator.randbytes(2 * BLOCK) + b"some text, again and again. " * 8_000
    frame = likezip.compress(content, block_size=BLOCK, prior="off")
    usual = _seconds(content)
    for shift, fault in enumerate(faults):
        for number in range(shift, shift + trials):
            direction, threads = ("compress", "decompress")[number % 2], 1 + number // 2 % 2
            if fault.message.startswith("a worker"):
                threads = 2
            given, right = (content, frame) if direction == "compress" else (frame, content)
            with tempfile.TemporaryDirectory() as place:
                trial = Trial(direction, threads, generator.random(), usual, Path(place))
                trial.source.write_bytes(given)
                struck, wrong = run(fault, trial, right)
            count = counts[fault.name]
            count.trials, count.struck = count.trials + 1, count.struck + struck
            count.wrong += [f"{direction} -T {threads} after {trial.delay:.3f} s: {text}" for text in wrong]
    return counts


def _seconds(content: bytes) -> float:
    """How long a command takes without any fault."""
    with tempfile.TemporaryDirectory() as place:
        trial = Trial("compress", 1, 0, 0, Path(place))
        trial.source.write_bytes(content)
        trial.begin().communicate()  # compiles the kernels, if need be
        trial.target.unlink()
        began = time.monotonic()
        trial.begin().communicate()
        return time.monotonic() - began


def table(counts: dict[str, Count]) -> str:
    """The counts in Markdown."""
    rows = [f"| {name} | {count.trials} | {count.struck} | {len(count.wrong)} |" for name, count in counts.items()]
    trials, struck = sum(count.trials for count in counts.values()), sum(count.struck for count in counts.values())
    wrong = sum(len(count.wrong) for count in counts.values())
    texts = [text for count in counts.values() for text in count.wrong]
    lost = ", ".join(
        f"{name} {sum(kind in text for text in texts)}"
        for name, kind in (("outputs lost", OUTPUT), ("inputs lost", INPUT), ("files of others touched", OTHER))
    )
    return "\n".join(
        [
            "| fault | trials | commands that failed by it | not as it should be |",
            "|---|---:|---:|---:|",
            *rows,
            f"| all | {trials} | {struck} | {wrong} |",
            "",
            f"{lost}.".capitalize(),
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20, help="of each fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, help="Markdown to write")
    options = parser.parse_args()
    counts = campaign(options.trials, options.seed)
    found = f"# Faults in the middle\n\n{table(counts)}\n\n"
    found += f"(`python -m benchmarks.faults --trials {options.trials} --seed {options.seed}`, likezip "
    found += f"{likezip.__version__}, Python {sys.version.split()[0]}. A command that failed has left no output.)\n"
    print(found)
    for count in counts.values():
        print("\n".join(count.wrong))
    if options.output:
        options.output.write_text(found)
    return 1 if any(count.wrong for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
