"""Results: the figures of each file and of all, where they come from, as tables and as JSON."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import cast

from benchmarks.entropy import empirical_entropy
from benchmarks.measure import beside_xz, bound_of, entropy_bound, measure, run_of
from benchmarks.peers import Peer
from benchmarks.schema import Bound, Circumstances, FileResult, Result, Run, Totals, Truth
from benchmarks.sources import Sample
from benchmarks.timing import Timing, total
from likezip.model import default_model


def file_result(name: str, data: bytes, peers: Sequence[Peer], repeat: int, sample: Sample | None) -> FileResult:
    """All figures of one file.  peers: likezip first; sample: the synthetic one that ``data`` is, if any."""
    frame, own = measure(data, peers[0], repeat)
    runs = {peers[0].name: own} | {peer.name: measure(data, peer, repeat)[1] for peer in peers[1:]}
    return FileResult(
        name=name,
        bytes=len(data),
        runs=beside_xz(runs),
        bound=entropy_bound(data, frame),
        order0=empirical_entropy(data, 0),
        order2=empirical_entropy(data, 2),
        truth=_truth(sample, 8 * len(frame)) if sample is not None else None,
    )


def _truth(sample: Sample, bits: int) -> Truth:
    return Truth(
        entropy_bits=sample.entropy_bits,
        code_bits=sample.code_bits,
        above_entropy_percent=100 * (bits / sample.entropy_bits - 1),
        above_code_percent=100 * (bits / sample.code_bits - 1),
    )


def whole_result(files: list[FileResult], peers: Sequence[Peer], threads: int, repeat: int) -> Result:
    """The files' results with their totals and circumstances."""
    return Result(
        circumstances=circumstances(),
        threads=threads,
        repeat=repeat,
        compressors={peer.name: peer.how for peer in peers},
        files=files,
        totals=totals(files),
    )


def totals(files: list[FileResult]) -> Totals:
    """Sums over all files; throughputs are all bytes over all seconds."""
    size = sum(row["bytes"] for row in files)
    runs = {}
    for name in files[0]["runs"] if files else {}:
        of_all = [row["runs"][name] for row in files]
        compress = total([Timing(run["compress_seconds"], run["compress_cpu_seconds"]) for run in of_all])
        decompress = total([Timing(run["decompress_seconds"], run["decompress_cpu_seconds"]) for run in of_all])
        runs[name] = run_of(size, sum(run["bytes"] for run in of_all), compress, decompress)
    cross_entropy = sum(row["bound"]["cross_entropy"] for row in files)
    adds = sum(row["bound"]["coder_overhead"] for row in files)
    container = sum(row["bound"]["container"] for row in files)
    bound = bound_of(cross_entropy, round(cross_entropy + adds), container)
    return Totals(bytes=size, runs=beside_xz(runs), bound=bound)


def circumstances() -> Circumstances:
    """What the figures depend on, as it is now."""
    model = default_model()
    return Circumstances(
        commit=_commit(),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        processor=_processor(),
        python=platform.python_version(),
        numba=version("numba"),
        constriction=version("constriction"),
        model=model.id.hex(),
        model_bytes=model.size,
    )


def _commit() -> str | None:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, columns aligned; the first column to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    marks = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    lines = [_aligned(head, widths), "| " + " | ".join(marks) + " |"]
    return "\n".join(lines + [_aligned(row, widths) for row in rows])


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = cells[0].ljust(widths[0])
    others = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return "| " + " | ".join([first, *others]) + " |"


RUN_HEAD = ("compressed", "bits/byte", "ratio", "MB/s in", "MB/s out", "in / xz's", "out / xz's")


def run_cells(run: Run) -> list[str]:
    """The cells under RUN_HEAD."""
    speeds = [f"{run['compress_MB_s']:.2f}", f"{run['decompress_MB_s']:.2f}"]
    ratios = [_ratio(run["compress_vs_xz"]), _ratio(run["decompress_vs_xz"])]
    return [f"{run['bytes']:,}", f"{run['bits_per_byte']:.3f}", f"{run['ratio']:.2f}", *speeds, *ratios]


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def runs_table(result: Result) -> str:
    """A row for each file and compressor, and the totals."""
    of_all = result["totals"]
    named = [(row["name"], row["bytes"], row["runs"]) for row in result["files"]]
    named.append(("total", of_all["bytes"], of_all["runs"]))
    rows = [[name, f"{size:,}", by, *run_cells(run)] for name, size, runs in named for by, run in runs.items()]
    return markdown(["file", "bytes", "by", *RUN_HEAD], rows)


def bounds_table(result: Result) -> str:
    """For each file likezip's entropy bound, what coder and container add, the empirical entropies; the totals."""
    head = ["file", "cross-entropy, bytes", "coder adds, bytes", "coder adds, %", "container adds, bytes"]
    rows = [
        [row["name"], *_bound_cells(row["bound"]), f"{row['order0']:.3f}", f"{row['order2']:.3f}"]
        for row in result["files"]
    ]
    rows.append(["total", *_bound_cells(result["totals"]["bound"]), "", ""])
    return markdown([*head, "order-0, bits/byte", "order-2, bits/byte"], rows)


def _bound_cells(bound: Bound) -> list[str]:
    adds = [f"{bound['coder_overhead']:.1f}", f"{bound['coder_overhead_percent']:.4f}"]
    return [f"{bound['cross_entropy']:,.1f}", *adds, str(bound["container"])]


def truth_table(result: Result) -> str:
    """For each synthetic source its true entropy, how far above likezip is, and the others; empty if there is none.

    All but one of the percentages are above the entropy; "above these bytes' code" is above the source's own code.
    """
    head = ["source", "entropy, bits/byte", "likezip, bits/byte", "above the entropy, %", "above these bytes' code, %"]
    others = [name for name in result["totals"]["runs"] if name != "likezip"]
    rows = []
    for row in result["files"]:
        if truth := row["truth"]:
            rate, coded = truth["entropy_bits"] / row["bytes"], row["runs"]["likezip"]["bits_per_byte"]
            above = [f"{truth['above_entropy_percent']:.2f}", f"{truth['above_code_percent']:.2f}"]
            theirs = [f"{100 * (row['runs'][name]['bits_per_byte'] / rate - 1):.1f}" for name in others]
            rows.append([row["name"], f"{rate:.4f}", f"{coded:.4f}", *above, *theirs])
    return markdown([*head, *(f"{name}, %" for name in others)], rows) if rows else ""


def save(result: Result, path: Path) -> None:
    """Write the JSON; directories are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Result:
    """Read what ``save`` wrote."""
    return cast(Result, json.loads(path.read_text(encoding="utf-8")))
