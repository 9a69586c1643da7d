"""Results as tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.curves import KINDS
from benchmarks.peers import LIKEZIP, NO_PRIOR, XZ
from benchmarks.schema import (
    Bound,
    Curve,
    Direction,
    FileResult,
    Payback,
    Point,
    Published,
    Result,
    Run,
    Spread,
    Truth,
)

MOST_FILES = 8
"""Files that have a column each in the main table; of more, only the totals are there."""


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


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}"


def spread_cell(spread: Spread) -> str:
    """The median, and if there are several runs, the smallest and the largest."""
    median, low, high = (number(spread[name]) for name in ("median", "min", "max"))
    return median if low == high else f"{median} ({low}-{high})"


def payback_cell(found: Payback | None) -> str:
    """After how many files the model is paid for."""
    if found is None:
        return ""
    return "never" if found["files"] is None else f"{found['files']:,}"


def main_table(result: Result) -> str:
    """A row for each compressor: bytes of each file, unless there are more than MOST_FILES, and of all, throughputs,
    memory; and a row that says how many files of each kind it takes until the model's bytes are saved."""
    files, of_all = result["files"], result["totals"]
    shown = files if len(files) <= MOST_FILES else []
    head = ["bytes of", *(row["name"] for row in shown), "all", "bits/byte", "MB/s in", "MB/s out", "MB of memory"]
    rows = [["not compressed", *(f"{row['bytes']:,}" for row in shown), f"{of_all['bytes']:,}", "8.000", "", "", ""]]
    for name, run in of_all["runs"].items():
        sizes = [f"{row['runs'][name]['bytes']:,}" for row in shown]
        speeds = [spread_cell(run["compress"]["MB_s"]), spread_cell(run["decompress"]["MB_s"])]
        rows.append([name, *sizes, f"{run['bytes']:,}", f"{run['bits_per_byte']:.3f}", *speeds, _memory(run)])
    if of_all["payback"] is not None:
        cells = [payback_cell(row["payback"]) for row in [*shown, of_all]]
        rows.append(["model paid for after", *cells, "", "", "", ""])
    return markdown(head, rows)


def _memory(run: Run) -> str:
    """Of the larger of both directions."""
    return f"{max(run['compress']['peak_MB'], run['decompress']['peak_MB']):,.0f}"


RUN_HEAD = (
    "compressed", "bits/byte", "ratio", "MB/s in", "MB/s out", "in / xz's", "out / xz's", "MB of memory in", "and out",
)  # fmt: skip


def run_cells(run: Run) -> list[str]:
    """The cells under RUN_HEAD."""
    ways = run["compress"], run["decompress"]
    return [
        f"{run['bytes']:,}",
        f"{run['bits_per_byte']:.3f}",
        f"{run['ratio']:.2f}",
        *(spread_cell(way["MB_s"]) for way in ways),
        *("" if way["vs_xz"] is None else number(way["vs_xz"]) for way in ways),
        *(f"{way['peak_MB']:,.0f}" for way in ways),
    ]


def runs_table(result: Result) -> str:
    """A row for each file and compressor, and the totals."""
    of_all = result["totals"]
    named = [(row["name"], row["bytes"], row["runs"]) for row in result["files"]]
    named.append(("total", of_all["bytes"], of_all["runs"]))
    rows = [[name, f"{size:,}", by, *run_cells(run)] for name, size, runs in named for by, run in runs.items()]
    return markdown(["file", "bytes", "by", *RUN_HEAD], rows)


def payback_table(result: Result) -> str:
    """For each file and all of them what likezip saves against xz, and when that is as much as the model; empty where
    xz was not run."""
    named = [(row["name"], row["payback"]) for row in result["files"]] + [("total", result["totals"]["payback"])]
    head = ["file", f"{LIKEZIP} saves against {XZ}, bytes", "files until the model is paid for", "MB of raw data"]
    rows = [
        [name, f"{found['saved']:,}", payback_cell(found), "" if found["raw_MB"] is None else number(found["raw_MB"])]
        for name, found in named
        if found is not None
    ]
    return markdown(head, rows) if rows else ""


def startup_table(result: Result) -> str:
    """What a process of each compressor takes at least, and the throughputs of all files together without that."""
    files, size = len(result["files"]), result["totals"]["bytes"]
    head = ["by", "start-up in, s", "start-up out, s", "MB/s in without it", "MB/s out without it"]
    rows = []
    for name, run in result["totals"]["runs"].items():
        least = result["compressors"][name]["startup"]
        starts = least["compress_seconds"], least["decompress_seconds"]
        speeds = [
            _without(size, way["MB_s"]["median"], files * start)
            for way, start in zip((run["compress"], run["decompress"]), starts, strict=True)
        ]
        rows.append([name, *(f"{start:.3f}" for start in starts), *speeds])
    return markdown(head, rows)


def _without(size: int, speed: float, starts: float) -> str:
    """The throughput of ``size`` bytes without ``starts`` seconds; empty if a tenth of the time or less is left."""
    seconds = size / 1e6 / speed
    return number(size / 1e6 / (seconds - starts)) if seconds - starts > 0.1 * seconds else ""


def entropy_table(result: Result) -> str:
    """From the entropy to the file: what a source's entropy is, if that is known, the model's cross-entropy, and the
    bytes written, each with what it is above the one before."""
    head = [
        "file",
        "entropy, bits/byte",
        "entropy, bytes",
        "cross-entropy, bytes",
        "above entropy, %",
        "written, bytes",
        "above cross-entropy, %",
        "above entropy, %",
    ]
    rows = [
        [row["name"], *_entropy_cells(row["bytes"], row["truth"], row["bound"], row["runs"][LIKEZIP]["bytes"])]
        for row in result["files"]
    ]
    of_all = result["totals"]
    rows.append(["total", *_entropy_cells(of_all["bytes"], None, of_all["bound"], of_all["runs"][LIKEZIP]["bytes"])])
    return markdown(head, rows)


def _entropy_cells(size: int, truth: Truth | None, bound: Bound, written: int) -> list[str]:
    known = None if truth is None else truth["entropy_bits"]
    model = bound["cross_entropy"]
    return [
        "" if known is None else f"{known / size:.4f}",
        "" if known is None else f"{known / 8:,.1f}",
        f"{model:,.1f}",
        "" if known is None else f"{_percent(8 * model, known):.2f}",
        f"{written:,}",
        f"{_percent(written, model):.3f}",
        "" if known is None else f"{_percent(8 * written, known):.2f}",
    ]


def _percent(value: float, reference: float) -> float:
    """How far above the reference, which may be 0."""
    return 100 * (value / reference - 1) if reference else 0.0


def bounds_table(result: Result) -> str:
    """For each file what coder and container add to the cross-entropy, and the empirical entropies; the totals."""
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


def sources_table(result: Result) -> str:
    """How far above the entropy of synthetic sources every compressor is, in %, and likezip above the code length that
    the source itself gives these bytes; empty if there is no such source."""
    known = [(row, row["truth"]) for row in result["files"] if row["truth"] is not None]
    if not known:
        return ""
    rows = [[by, *(_above(row, by, truth["entropy_bits"]) for row, truth in known)] for by in result["totals"]["runs"]]
    own = [_above(row, LIKEZIP, truth["code_bits"]) for row, truth in known]
    return markdown(["%", *(row["name"] for row, _ in known)], [*rows, ["likezip above these bytes' own code", *own]])


def _above(row: FileResult, by: str, bits: float) -> str:
    return f"{_percent(8 * row['runs'][by]['bytes'], bits):.2f}"


def compressors_table(result: Result) -> str:
    """What stood behind each name."""
    rows = [
        [name, of["how"], f"`{of['compress']}`", f"`{of['decompress']}`"] for name, of in result["compressors"].items()
    ]
    return markdown(["by", "what it is", "compress", "decompress"], rows)


SHORT_LIST = ("gzip -9", "zstd -19", XZ, LIKEZIP, "zpaq -m5")
"""The compressors of the README's table, which likezip's best-known rival, as published, follows."""

RIVAL = "paq8px v216 -12L"


def processor_speed(raw: int, direction: Direction) -> float:
    """MB of ``raw`` bytes for each second of processor time, the median of all runs."""
    return raw / 1e6 / statistics.median(direction["cpu_seconds"])


def _processor_speeds(raw: int, run: Run) -> list[str]:
    return [number(processor_speed(raw, run[way])) for way in ("compress", "decompress")]


def readme_table(result: Result, published: Published) -> str:
    """A row for each compressor of SHORT_LIST that was run, and one for RIVAL if all files' sizes are published."""
    of_all = result["totals"]
    rows = []
    for name in SHORT_LIST:
        if name in of_all["runs"]:
            run = of_all["runs"][name]
            rows.append([name, f"{run['bytes']:,}", *_processor_speeds(of_all["bytes"], run)])
    corpus = result["corpus"] or ""
    sizes = [published["bytes"].get(corpus, {}).get(row["name"], {}).get(RIVAL) for row in result["files"]]
    if None not in sizes:
        seconds = published["sources"][RIVAL]["seconds"].get(corpus)
        speed = "" if seconds is None else number(of_all["bytes"] / 1e6 / seconds)
        rows.append([RIVAL, f"{sum(size or 0 for size in sizes):,}", speed, ""])
    head = ["", f"bytes of {of_all['bytes']:,}", "MB/s compressing", "MB/s decompressing"]
    return markdown(head, [[f"**{cell}**" if row[0] == LIKEZIP else cell for cell in row] for row in rows])


def corpus_table(result: Result, totals: Mapping[str, Sequence[str]], published: Published) -> str:
    """A row for each compressor, measured or published: the model that is needed besides, the bytes of each of
    ``totals``, the mean of its files' bits per byte, and the speeds of all files, by the processor's time."""
    files = {row["name"]: row for row in result["files"]}
    sizes = published["bytes"].get(result["corpus"] or "", {})
    head = ["by", "needs besides, bytes", *(text for of in totals for text in (of, "mean bits/byte")), "MB/s in", "out"]
    rows = []
    for name, run in result["totals"]["runs"].items():
        needs = f"{result['circumstances']['model_bytes']:,}" if name in (LIKEZIP, NO_PRIOR) else "0"
        found = {file: row["runs"][name]["bytes"] for file, row in files.items()}
        speeds = _processor_speeds(result["totals"]["bytes"], run)
        rows.append([name, needs, *_total_cells(files, totals, found), *speeds])
    for name, by in published["sources"].items():
        found = {file: sizes[file][name] for file in files if name in sizes.get(file, {})}
        rows.append([f"{name}, published", by["needs"] or "0", *_total_cells(files, totals, found), "", ""])
    return markdown(head, rows)


def _total_cells(
    files: Mapping[str, FileResult], totals: Mapping[str, Sequence[str]], found: Mapping[str, int]
) -> list[str]:
    """The bytes and the mean of the bits per byte of each total; empty where a file of it is not ``found``."""
    cells = []
    for names in totals.values():
        if any(name not in found for name in names):
            cells += ["", ""]
            continue
        rates = [8 * found[name] / files[name]["bytes"] for name in names]
        cells += [f"{sum(found[name] for name in names):,}", f"{statistics.mean(rates):.3f}"]
    return cells


def sizes_table(result: Result, published: Published) -> str:
    """A row for each file: its bytes, and those that each compressor, measured or published, makes of it."""
    sizes = published["bytes"].get(result["corpus"] or "", {})
    measured, others = list(result["totals"]["runs"]), list(published["sources"])
    rows = []
    for row in result["files"]:
        theirs = sizes.get(row["name"], {})
        cells = [f"{theirs[name]:,}" if name in theirs else "" for name in others]
        rows.append(
            [row["name"], f"{row['bytes']:,}", *(f"{row['runs'][name]['bytes']:,}" for name in measured), *cells]
        )
    return markdown(["file", "bytes", *measured, *(f"{name}, published" for name in others)], rows)


CURVE_HEAD = ("compressed", "bits/byte", "MB/s in", "MB/s out", "MB of memory in", "and out")


def curve_table(name: str, curve: Curve) -> str:
    """A row for each point; of workers also how many times the throughput of one they have, and could have at best."""
    kind, rows = KINDS[name], []
    gains = any(point["at_best"] is not None for series in curve["series"] for point in series["points"])
    for series in curve["series"]:
        for point in series["points"]:
            row = [series["name"], kind.written(point["at"]), f"{point['bytes']:,}", *_curve_cells(point["run"])]
            rows.append(row + (_gain_cells(point, series["points"][0]) if gains else []))
    head = ["", kind.axis, "bytes", *CURVE_HEAD]
    return markdown(head + (["times one in", "times one out", "at best"] if gains else []), rows)


def _curve_cells(run: Run) -> list[str]:
    ways = run["compress"], run["decompress"]
    speeds, memory = (spread_cell(way["MB_s"]) for way in ways), (f"{way['peak_MB']:,.0f}" for way in ways)
    return [f"{run['bytes']:,}", f"{run['bits_per_byte']:.3f}", *speeds, *memory]


def _gain_cells(point: Point, first: Point) -> list[str]:
    own, one = point["run"], first["run"]
    gains = [own[way]["MB_s"]["median"] / one[way]["MB_s"]["median"] for way in ("compress", "decompress")]
    return [*(f"{gain:.2f}" for gain in gains), "" if point["at_best"] is None else f"{point['at_best']:.2f}"]


def stops(curve: Curve) -> list[str]:
    """Why the curve and its lines end where they do, a sentence each."""
    said = [f"{series['name']}: {series['stopped']}" for series in curve["series"] if series["stopped"]]
    return said + ([curve["stopped"]] if curve["stopped"] else [])
