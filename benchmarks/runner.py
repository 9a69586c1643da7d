"""One command as a process of its own: its time and its memory."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import likezip
from benchmarks import spawn

OPTION_VARIABLES = {
    "BZIP", "BZIP2", "BZIP3", "GZIP", "LZ4_CLEVEL", "LZ4_NBWORKERS", "XZ_DEFAULTS", "XZ_OPT", "ZSTD_CLEVEL",
    "ZSTD_NBTHREADS",
}  # fmt: skip
"""Variables of the environment that change what a compressor does."""

PYTHON = "python"
"""As a command's first word, the Python that runs the benchmarks, with this likezip and these benchmarks."""


@dataclass(frozen=True)
class Usage:
    """Of one process, or the sum of several: seconds on the clock (start-up included) and of the processor, and the
    peak resident memory of the largest process in MB (10^6 bytes).

    cpu: with the children that it waited for; on a machine that others use as well, much less noisy than wall.
    """

    wall: float
    cpu: float
    peak_MB: float

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.wall + other.wall, self.cpu + other.cpu, max(self.peak_MB, other.peak_MB))


def run(words: Sequence[str], directory: Path, source: Path, sink: Path | None) -> Usage:
    """Run a command in ``directory`` with these files as standard input and output, None for no output that counts.

    Raises RuntimeError with what it said if it fails.
    """
    actual = [sys.executable, *words[1:]] if words[0] == PYTHON else list(words)
    start = [sys.executable, "-I", "-S", spawn.__file__, str(source), str(sink or "-"), *actual]
    done = subprocess.run(start, cwd=directory, env=environment(), capture_output=True, check=False)
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: the process that starts it failed: {said}")
    code, wall, cpu, peak = done.stdout.split()
    if int(code) != 0:
        raise RuntimeError(f"{' '.join(words)} failed ({int(code)}): {said}")
    return Usage(float(wall), float(cpu), int(peak) * (1 if sys.platform == "darwin" else 1024) / 1e6)


def environment() -> dict[str, str]:
    """This process's variables, without those that change a compressor's options, and with the likezip and the
    benchmarks that it has imported."""
    kept = {name: value for name, value in os.environ.items() if name not in OPTION_VARIABLES}
    places = [str(Path(str(module.__file__)).resolve().parent.parent) for module in (likezip, spawn)]
    found_anyway = site.getsitepackages()
    paths = [place for place in dict.fromkeys(places) if place not in found_anyway]
    return kept | {"PYTHONPATH": os.pathsep.join([*paths, *filter(None, [kept.get("PYTHONPATH")])])}
