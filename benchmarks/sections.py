"""The texts that come from results files: the README's table, the section in docs/benchmarks.md, and the pages."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import corpora, pages, report
from benchmarks.pages import paragraph
from benchmarks.peers import LIKEZIP, XZ
from benchmarks.report import number
from benchmarks.schema import Result

README, DOCUMENT = Path("README.md"), Path("docs") / "benchmarks.md"
"""Where the sections are, from the root of a checkout."""

BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"

README_CORPUS = "canterbury"
"""The corpus whose results make the README's table."""

SCALING = "scaling.json"
"""The results file of the scaling, linked to if it lies beside the other."""


def write_texts(root: Path, results: Path) -> None:
    """Write the pages and plots beside a results file, and the section below ``root`` that shows it, if there is one.

    Raises ValueError if the two markers are not in the section's file once each, in order, or ``results`` is no results
    file.
    """
    result = pages.write_results(results)
    if result["corpus"] is None:
        scaling = results.with_name(SCALING)
        if scaling.exists():
            pages.write_scaling(scaling)
        base = Path(os.path.relpath(results, root / DOCUMENT.parent))
        _replace(root / DOCUMENT, document_section(result, base, scaling=scaling.exists()))
    elif result["corpus"] == README_CORPUS:
        page = pages.beside(Path(os.path.relpath(results, root / README.parent)), ".md").as_posix()
        _replace(root / README, readme_section(result, page))


def _replace(place: Path, section: str) -> None:
    """Put ``section`` between the markers of a file."""
    text = place.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{place} must have {BEGIN} and {END} once each, in this order")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    place.write_text(f"{before}{BEGIN}\n\n{section}\n\n{after}", encoding="utf-8")


def readme_section(result: Result, page: str) -> str:
    """The table of a few compressors on all files of a corpus; ``page``: the page of all figures, as links name it."""
    said, corpus = result["circumstances"], corpora.CORPORA[result["corpus"] or README_CORPUS]
    return "\n\n".join(
        [
            report.readme_table(result, corpora.published(result["corpus"] or README_CORPUS)),
            paragraph(
                f"{corpus.title}, {len(result['files'])} files, each compressed by itself; one thread of "
                f"{_with_article(said['processor'])}, MB of raw data a second of processor time. The start of a "
                f"process for each file is counted; likezip's model of {said['model_bytes'] / 1e6:.1f} MB, which comes "
                f"with it, is not. paq8px's figures are its authors'; the speed is of v210 on their machine. "
                f"[All figures]({page})."
            ),
        ]
    )


def _with_article(processor: str) -> str:
    """A processor's name behind an article."""
    return f"{'an' if processor[:1] in 'AEIO' else 'a'} {processor}"


def document_section(result: Result, results: Path, *, scaling: bool) -> str:
    """The main plot, the main table and the entropies; ``results`` as the document's links name it."""
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
