"""Results: the figures of each file and of all, where they come from, and their JSON."""

from __future__ import annotations

import functools
import json
import operator
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from benchmarks.bound import bound_of, entropy_bound
from benchmarks.entropy import empirical_entropy
from benchmarks.measure import beside_xz, measure, run_of, startup, usages_of
from benchmarks.payback import payback
from benchmarks.peers import LIKEZIP, Peer
from benchmarks.runner import Usage
from benchmarks.schema import (
    Circumstances,
    Compressor,
    Direction,
    FileResult,
    Result,
    Scaling,
    Totals,
    Truth,
)
from benchmarks.sources import Sample
from likezip.model import default_model


def file_result(name: str, data: bytes, peers: Sequence[Peer], repeat: int, sample: Sample | None) -> FileResult:
    """All figures of one file.  peers: likezip is among them; sample: the synthetic one that ``data`` is, if any."""
    measured = measure(data, peers, repeat)
    runs = beside_xz({by: one.run for by, one in measured.items()})
    known = None if sample is None else Truth(entropy_bits=sample.entropy_bits, code_bits=sample.code_bits)
    return FileResult(
        name=name,
        bytes=len(data),
        runs=runs,
        bound=entropy_bound(data, measured[LIKEZIP].packed),
        order0=empirical_entropy(data, 0),
        order2=empirical_entropy(data, 2),
        truth=known,
        payback=payback(len(data), runs, default_model().size),
    )


def whole_result(
    files: list[FileResult], peers: Sequence[Peer], threads: int, repeat: int, corpus: str | None = None
) -> Result:
    """The files' results with their totals and circumstances; measures the compressors' start-up.

    corpus: the name of the corpus that the files are of, if they are of one.
    """
    said = circumstances()
    return Result(
        circumstances=said,
        corpus=corpus,
        threads=threads,
        repeat=repeat,
        compressors={peer.name: _compressor(peer, repeat) for peer in peers},
        files=files,
        totals=totals(files, said["model_bytes"]),
    )


def _compressor(peer: Peer, repeat: int) -> Compressor:
    return Compressor(
        how=peer.how,
        compress=" ".join(peer.compress),
        decompress=" ".join(peer.decompress),
        startup=startup(peer, repeat),
    )


def totals(files: list[FileResult], model_bytes: int) -> Totals:
    """Sums over all files, of which there is one at least; throughputs are all bytes over all seconds, run by run."""
    size = sum(row["bytes"] for row in files)
    runs = {}
    for name in files[0]["runs"]:
        of_all = [row["runs"][name] for row in files]
        compress, decompress = [run["compress"] for run in of_all], [run["decompress"] for run in of_all]
        runs[name] = run_of(size, sum(run["bytes"] for run in of_all), _sums(compress), _sums(decompress))
    cross_entropy = sum(row["bound"]["cross_entropy"] for row in files)
    adds = sum(row["bound"]["coder_overhead"] for row in files)
    container = sum(row["bound"]["container"] for row in files)
    return Totals(
        bytes=size,
        runs=beside_xz(runs),
        bound=bound_of(cross_entropy, round(cross_entropy + adds), container),
        payback=payback(size, runs, model_bytes),
    )


def _sums(directions: Sequence[Direction]) -> list[Usage]:
    """Of the first run of every file, of the second, and so on."""
    by_run = zip(*(usages_of(direction) for direction in directions), strict=True)
    return [functools.reduce(operator.add, usages) for usages in by_run]


def circumstances() -> Circumstances:
    """What the figures depend on, as it is now."""
    model = default_model()
    return Circumstances(
        commit=commit_of(Path(__file__).parent),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        numba=version("numba"),
        model=model.id.hex(),
        model_bytes=model.size,
    )


def commit_of(place: Path) -> str | None:
    """Of the checkout that holds ``place``; with -dirty where tracked files were changed, other than the results, which
    a measurement itself writes."""
    changes = ["status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)benchmarks/results"]
    try:
        return _git(place, "rev-parse", "HEAD") + ("-dirty" if _git(place, *changes) else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(place: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=place, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def save(result: Result | Scaling, path: Path) -> None:
    """Write the JSON; directories are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Result:
    """Read a ``Result`` that ``save`` wrote; raises ValueError for anything else."""
    found = _read(path)
    for part, kind in ((found, Result), (found.get("totals", {}), Totals)):
        if set(part) != set(kind.__annotations__):
            raise ValueError(f"{path} has no results of these benchmarks, or of another version of them")
    return cast(Result, found)


def load_scaling(path: Path) -> Scaling:
    """Read a ``Scaling`` that ``save`` wrote."""
    return cast(Scaling, _read(path))


def _read(path: Path) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
