"""The README's section, generated from a results file, and what it links to."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import pages, report
from benchmarks.pages import paragraph
from benchmarks.peers import LIKEZIP, XZ
from benchmarks.report import number
from benchmarks.schema import Result

BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"

SCALING = "scaling.json"
"""The results file of the scaling, linked to if it lies beside the other."""


def write_readme(readme: Path, results: Path) -> None:
    """Replace what stands between the two markers, and write the pages and plots beside the results files.

    Raises ValueError if the markers are not there once each, in order, or the results are no such file.
    """
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{readme} must have {BEGIN} and {END} once each, in this order")
    result, scaling = pages.write_results(results), results.with_name(SCALING)
    if scaling.exists():
        pages.write_scaling(scaling)
    base = Path(os.path.relpath(results, readme.parent))
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    section = readme_section(result, base, scaling=scaling.exists())
    readme.write_text(f"{before}{BEGIN}\n\n{section}\n\n{after}", encoding="utf-8")


def readme_section(result: Result, results: Path, *, scaling: bool) -> str:
    """The main plot, the main table and the entropies; ``results`` as the README's links name it."""
    speed, bars, page = (pages.beside(results, ending).as_posix() for ending in (pages.SPEED, pages.BARS, ".md"))
    more = f"[scaling]({results.with_name(SCALING).with_suffix('.md').as_posix()})"
    others = f"[bars by file]({bars}.png)" + (f", {more} over workers, lanes, blocks and file sizes" if scaling else "")
    return "\n\n".join(
        [
            f"[![Ratio against throughput of all files together]({speed}.png)]({speed}.svg)",
            paragraph(f"Compressed bytes; {pages.about(result['circumstances'])}:"),
            report.main_table(result),
            paragraph(f"{pages.how(result)}. {_explained(result)}"),
            paragraph(pages.ENTROPY),
            report.entropy_table(result),
            paragraph(f"[All figures]({page}), {others}."),
        ]
    )


def _explained(result: Result) -> str:
    """What the main table's columns hold, and what start-up does to them."""
    spread = ", the median (slowest-fastest)" if result["repeat"] > 1 else ""
    startup = result["compressors"][LIKEZIP]["startup"]
    starts = f"{startup['compress_seconds']:.1f} s in and {startup['decompress_seconds']:.1f} s out"
    mean = result["totals"]["bytes"] / len(result["files"]) / 1e6
    return (
        f"MB/s are those of raw data{spread}, of all files together; memory is a process's peak, of both directions "
        f"the larger. {_paid(result)}The start of a process is counted, and with files of {mean:.2g} MB weighs much: "
        f"likezip's is {starts}, for each file."
    )


def _paid(result: Result) -> str:
    """What the last row is, if it is there."""
    found = result["totals"]["payback"]
    if found is None:
        return ""
    row = f"The last row: so many such files it takes until likezip has saved the model's bytes against {XZ}"
    if found["files"] is None or found["raw_MB"] is None:
        return f"{row}. "
    return f"{row}; of all together {found['files']:,} sets, {number(found['raw_MB'])} MB of raw data. "
