"""What makes the bytes that targets are run on: atheris, hypothesis, or files from an earlier run.

    python -m fuzz.drivers DRIVER TARGET CORPUS FINDINGS SECONDS

runs one of them in this process, which a finding may end; ``python -m fuzz`` starts it.  An input that failed is kept
in the directory FINDINGS, and a line like libFuzzer's says where.
"""

from __future__ import annotations

import faulthandler
import hashlib
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

TARGETS = ("frames", "models", "roundtrips")

PARSERS = [
    f"likezip.{name}"
    for name in (
        "frames.raw_io",
        "blocks.block_header",
        "blocks.fields",
        "blocks.codec",
        "blocks.coding",
        "blocks.copies",
        "blocks.options",
        "blocks.parts",
        "frames.container",
        "frames.context",
        "frames.file_object",
        "frames.incremental",
        "frames.header_search",
        "frames.history",
        "frames.index",
        "model",
        "prior.network",
        "frames.reader",
        "frames.recovery",
        "memory.trained_state",
        "frames.stream",
    )
]
"""Modules that read what may be damaged, and in which coverage counts: in Python, without kernels."""

LONGEST_INPUT = 1 << 12
SLOWEST = 60
"""Seconds after which a case hangs; one takes a tenth of a second at most, but the machine may be busy."""
MOST_MEMORY = 4096
"""MiB of the whole process."""


class Target(Protocol):
    """A module of this package: ``run`` raises if likezip does what it should not with the bytes."""

    def run(self, data: bytes) -> None: ...

    def seeds(self) -> list[bytes]: ...


def load(name: str) -> Target:
    target: Any = import_module(f"fuzz.{name}")
    return target  # type: ignore[no-any-return]


def warm_up() -> None:
    """Have all kernels compiled and the model read, so that no case is slow or large because it is the first."""
    import likezip

    for prior in ("on", "off"):
        content = b"some bytes " * 9
        assert likezip.decompress(likezip.compress(content, prior=prior)) == content


# atheris


def run_atheris(name: str, corpus: Path, findings: Path, seconds: float) -> None:
    """Ends the process."""
    import atheris

    _import_instrumented(atheris)
    warm_up()
    options: dict[str, object] = {
        "max_total_time": int(seconds),
        "max_len": LONGEST_INPUT,
        "timeout": SLOWEST,
        "rss_limit_mb": MOST_MEMORY,
    }
    options |= {"len_control": 0, "artifact_prefix": findings / f"{name}-", "print_final_stats": 1}
    arguments = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup(["fuzz", *arguments, str(corpus)], load(name).run)
    atheris.Fuzz()


def _import_instrumented(atheris: Any) -> None:
    """Import likezip and the targets so that atheris sees the branches taken in PARSERS and targets, and no others."""
    place = Path(import_module("likezip").__file__ or "").parent
    modules = (".".join(path.relative_to(place.parent).with_suffix("").parts) for path in place.rglob("*.py"))
    others = {module.removesuffix(".__init__") for module in modules} - {"likezip", *PARSERS}
    import_module("numba")
    with atheris.instrument_imports(include=["likezip", "fuzz"], exclude=sorted(others)):
        for module in (*PARSERS, "likezip.prior.forward", *(f"fuzz.{target}" for target in TARGETS)):
            import_module(module)


# hypothesis, and files


@dataclass
class Coverage:
    """The lines of PARSERS' functions, and which of them were run."""

    lines: dict[str, set[int]] = field(default_factory=lambda: dict(_lines_of_parsers()))
    reached: set[tuple[str, int]] = field(default_factory=set)

    @contextmanager
    def seen(self) -> Iterator[None]:
        """Note the lines that are run meanwhile."""
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(None)

    def _called(self, frame: types.FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        return self._line if frame.f_code.co_filename in self.lines else None

    def _line(self, frame: types.FrameType, event: str, argument: object) -> Callable[..., Any]:
        if event == "line" and frame.f_lineno in self.lines[frame.f_code.co_filename]:
            self.reached.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def __str__(self) -> str:
        return f"lines: {len(self.reached)} of {sum(map(len, self.lines.values()))}"


def _lines_of_parsers() -> Iterator[tuple[str, set[int]]]:
    for module in PARSERS:
        if (spec := find_spec(module)) and spec.origin:
            yield spec.origin, _lines(compile(Path(spec.origin).read_bytes(), spec.origin, "exec"))


def _lines(code: types.CodeType) -> set[int]:
    """Of the functions in ``code``, without those that begin them."""
    found: set[int] = set()
    if code.co_flags & 1:  # optimised: a function, neither a module nor a class
        found = {line for _, _, line in code.co_lines() if line is not None and line != code.co_firstlineno}
    return found.union(*(_lines(inner) for inner in code.co_consts if isinstance(inner, types.CodeType)))


@dataclass
class Trial:
    """Runs a target on inputs; one that fails is kept, and so is one that ends the process."""

    name: str
    findings: Path
    cases: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    failed: bytes | None = None

    def run(self, data: bytes) -> None:
        self.cases += 1
        running = self.findings / f"{self.name}-running"
        running.write_bytes(data)
        faulthandler.dump_traceback_later(SLOWEST, exit=True, file=sys.__stderr__ or sys.stderr)
        try:
            with self.coverage.seen():
                load(self.name).run(data)
        except Exception:
            self.failed = data
            raise
        finally:
            faulthandler.cancel_dump_traceback_later()
            running.unlink()

    def keep(self) -> None:
        """Write down the last input that failed, which hypothesis has made the smallest."""
        if self.failed is not None:
            place = self.findings / f"{self.name}-crash-{hashlib.sha1(self.failed).hexdigest()}"
            place.write_bytes(self.failed)
            print(f"Test unit written to {place}")


def try_cases(
    run: Callable[[bytes], None], seeds: list[bytes], cases: int, seed: int, *, smallest: bool = True
) -> None:
    """Run on so many inputs that hypothesis makes, the same ones for the same seed.

    Raises what ``run`` raises, last of all for the ``smallest`` input that fails.
    """
    import hypothesis
    from hypothesis import strategies as st

    seeded = st.tuples(st.sampled_from(seeds), st.integers(1, 12), st.binary(max_size=40))
    inputs = st.one_of(
        seeded.map(lambda parts: parts[0][: parts[1]] + parts[2]),
        seeded.map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]),
        st.sampled_from(seeds),
        st.binary(max_size=200),
    )

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if smallest else [])],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(inputs)
    def case(data: bytes) -> None:
        run(data)

    case()


def run_hypothesis(name: str, corpus: Path, findings: Path, seconds: float) -> None:
    """Try the corpus, then other inputs until the time is over, 500 from a seed."""
    warm_up()
    trial, target, end, round_ = Trial(name, findings), load(name), time.monotonic() + seconds, 0
    try:
        for path in sorted(corpus.iterdir()):
            trial.run(path.read_bytes())
        while time.monotonic() < end:
            try_cases(trial.run, target.seeds(), 500, round_)
            round_ += 1
            print(f"#{trial.cases} {trial.coverage}", flush=True)
    finally:
        trial.keep()
        print(f"#{trial.cases} DONE {trial.coverage}", flush=True)


def run_files(name: str, corpus: Path, findings: Path, seconds: float) -> None:
    """Try what is in the corpus, once."""
    warm_up()
    trial = Trial(name, findings)
    for path in sorted(corpus.iterdir()) if corpus.is_dir() else [corpus]:
        trial.run(path.read_bytes())
    print(f"#{trial.cases} DONE {trial.coverage}", flush=True)


DRIVERS = {"atheris": run_atheris, "hypothesis": run_hypothesis, "files": run_files}

if __name__ == "__main__":
    faulthandler.enable()
    driver, name, corpus, findings, seconds = sys.argv[1:]
    DRIVERS[driver](name, Path(corpus), Path(findings), float(seconds))
