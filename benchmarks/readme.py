"""The README's table, generated from a results file."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from benchmarks.report import RUN_HEAD, bounds_table, markdown, run_cells, truth_table
from benchmarks.schema import Result

BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"


def write_readme(readme: Path, result: Result) -> None:
    """Replace what stands between the two markers.  Raises ValueError if they are not there once each, in order."""
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{readme} must have {BEGIN} and {END} once each, in this order")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    readme.write_text(f"{before}{BEGIN}\n\n{section(result)}\n\n{after}", encoding="utf-8")


def section(result: Result) -> str:
    """All tables: compressed bytes by file, all files together, the entropy bound, the synthetic sources."""
    parts = [
        fill(f"Compressed bytes, {_about(result)}:", 120),
        _sizes(result),
        f"All of them together, MB/s of raw bytes, likezip with {_workers(result['threads'])}, the others one thread:",
        markdown(["by", *RUN_HEAD], [[by, *run_cells(run)] for by, run in result["totals"]["runs"].items()]),
        fill(
            "The entropy bound: the model's cross-entropy of exactly the probabilities coded, what coder and container "
            "add to it; and the empirical entropies, which ignore what their own model would cost:",
            120,
        ),
        bounds_table(result),
    ]
    if truths := truth_table(result):
        parts += ["Above the true entropy of synthetic sources:", truths]
    return "\n\n".join(parts)


def _workers(threads: int) -> str:
    return "one worker" if threads == 1 else f"{threads} workers"


def _about(result: Result) -> str:
    said = result["circumstances"]
    commit = (said["commit"] or "unknown")[:12]
    model = f"model {said['model']} ({said['model_bytes']:,} bytes, not counted)"
    versions = f"Python {said['python']}, numba {said['numba']}, constriction {said['constriction']}"
    return f"{model}, commit {commit}, {said['date']}, {said['processor']}, {versions}"


def _sizes(result: Result) -> str:
    names = list(result["totals"]["runs"])
    rows = [
        [row["name"], f"{row['bytes']:,}", *(f"{row['runs'][name]['bytes']:,}" for name in names)]
        for row in result["files"]
    ]
    of_all = result["totals"]
    rows.append(["total", f"{of_all['bytes']:,}", *(f"{of_all['runs'][name]['bytes']:,}" for name in names)])
    return markdown(["file", "bytes", *names], rows)
