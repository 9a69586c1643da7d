"""What lies beside a results file, made of it: RESULTS.md with all tables, and plots as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from benchmarks import corpora, plots, report
from benchmarks.curves import KINDS
from benchmarks.results import load, load_scaling
from benchmarks.schema import Circumstances, PublishedBy, Result

SPEED, BARS = "-speed", "-bars"
"""What the names of the plots have after the results file's."""


def beside(results: Path, ending: str) -> Path:
    """RESULTS and ``ending`` instead of RESULTS.json."""
    return results.with_name(results.stem + ending)


def write_results(results: Path) -> Result:
    """RESULTS.md beside RESULTS.json, which is returned; RESULTS-speed and RESULTS-bars too, unless it is a corpus's,
    whose files are too many for them."""
    result = load(results)
    if result["corpus"] is not None:
        beside(results, ".md").write_text(corpus_page(result), encoding="utf-8")
        return result
    with plots.style():
        plots.save(plots.speed_figure(result), beside(results, SPEED))
        plots.save(plots.bars_figure(result), beside(results, BARS))
    beside(results, ".md").write_text(results_page(result, results.stem), encoding="utf-8")
    return result


def results_page(result: Result, stem: str) -> str:
    """All tables, with the plots that lie beside them."""
    parts = [
        "# Benchmark results",
        paragraph(f"With {about(result['circumstances'])}. {how(result)}."),
        f"![Ratio against throughput, of all files together]({stem}{SPEED}.svg)",
        f"![Bits a byte by file]({stem}{BARS}.svg)",
        "## Sizes, throughputs, memory",
        paragraph(
            "MB are 10^6 bytes; MB/s those of raw data, the median and in brackets the slowest and the fastest run. "
            "Memory is the most resident memory of one process; none is seen to take less than some 7 MB."
        ),
        report.runs_table(result),
        "## The model's size",
    ]
    if table := report.payback_table(result):
        size = f"{result['circumstances']['model_bytes']:,} bytes"
        parts += [
            paragraph(
                f"The model, {size}, is not in the compressed files. How many files of each kind have to be compressed "
                "until it is paid for, and how many whole sets:"
            ),
            table,
        ]
    else:
        parts.append("xz was not run.")
    parts += [
        "## Start-up",
        paragraph(
            "What a process takes for a single sentence, and the throughputs if that is taken off for each file (empty "
            "where hardly any time is left):"
        ),
        report.startup_table(result),
        "## Entropy",
        paragraph(ENTROPY),
        report.entropy_table(result),
        paragraph(
            "What coder and container add to the cross-entropy; and the empirical entropies of the files, which ignore "
            "what their own model would cost:"
        ),
        report.bounds_table(result),
    ]
    if sources := report.sources_table(result):
        parts += [
            paragraph(
                "Bytes written above the entropy of synthetic sources, %; last above what the source itself makes of "
                "these very bytes, which differs from the entropy by chance:"
            ),
            sources,
        ]
    parts += ["## Compressors", report.compressors_table(result)]
    return "\n\n".join(parts) + "\n"


def corpus_page(result: Result) -> str:
    """The totals of a corpus as they are usually given, and the size of each file, beside published figures."""
    name = result["corpus"] or ""
    measured = {row["name"] for row in result["files"]}
    corpus, published = corpora.CORPORA[name], corpora.published(name)
    missing = corpora.missing_files(name, measured)
    parts = [
        f"# {corpus.title}",
        paragraph(f"With {about(result['circumstances'])}. {how(result)}."),
        paragraph(
            "Each file is compressed by itself. Speeds are MB (10^6 bytes) of raw data for each second of processor "
            "time, over all files, the start of a process for each file included. The model or dictionary that a "
            "decoder needs besides is not in the sizes; it has a column of its own."
        ),
    ]
    if missing:
        parts.append(paragraph(f"Not measured, as these files were not at hand: {', '.join(missing)}."))
    parts += [
        report.corpus_table(result, corpora.totals_of(name, measured), published),
        "## By file",
        report.sizes_table(result, published),
    ]
    if sources := published["sources"]:
        parts += ["## Sources", "\n".join(f"- {by}: {_source(of, name)}" for by, of in sources.items())]
    parts += ["## Compressors", report.compressors_table(result)]
    return "\n\n".join(parts) + "\n"


def _source(by: PublishedBy, corpus: str) -> str:
    seconds = by["seconds"].get(corpus)
    took = "" if seconds is None else f"; compressing the usual files took its authors about {seconds:,.0f} s"
    return f"{by['source']}{took}."


ENTROPY = (
    "From the entropy to the file: the true entropy of the synthetic sources, the cross-entropy of exactly the "
    "probabilities that likezip coded with, and the bytes that it wrote:"
)


def about(circumstances: Circumstances) -> str:
    """What the figures depend on."""
    said = circumstances
    commit = (said["commit"] or "unknown")[:12]
    model = f"model {said['model']} ({said['model_bytes']:,} bytes, not counted)"
    machine = f"{said['processor']}, {said['cores']} cores"
    versions = f"Python {said['python']}, numba {said['numba']}"
    versions += f", constriction {said['constriction']}" if "constriction" in said else ""
    return f"{model}, commit {commit}, {said['date']}, {machine}, {versions}"


def how(result: Result) -> str:
    """How the times came about."""
    workers = "one worker" if result["threads"] == 1 else f"{result['threads']} workers"
    runs = "one run" if result["repeat"] == 1 else f"{result['repeat']} runs"
    return f"Every compressor in a process of its own, {runs}; likezip with {workers}, the others with one thread"


def paragraph(text: str) -> str:
    """Lines of at most 120 characters."""
    return fill(text, 120, break_long_words=False, break_on_hyphens=False)


def write_scaling(results: Path) -> None:
    """RESULTS.md and a plot for each curve beside RESULTS.json."""
    found = load_scaling(results)
    parts = ["# Scaling", paragraph("MB are 10^6 bytes, those a second are of raw data; whole processes are timed.")]
    for name, kind in KINDS.items():
        if name not in found:
            continue
        curve, ending = found[name], f"-{name}"
        with plots.style():
            plots.save(plots.curve_figure(name, curve), beside(results, ending))
        runs = "one run" if curve["repeat"] == 1 else f"{curve['repeat']} runs"
        parts += [
            f"## {kind.title}",
            paragraph(f"Of {curve['data']}, {runs}; {about(curve['circumstances'])}."),
            f"![{kind.title}: bits a byte and throughputs]({results.stem}{ending}.svg)",
            report.curve_table(name, curve),
            *report.stops(curve),
        ]
    beside(results, ".md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
