"""Scores as a detector of odd lines in logs, beside simple ones: ``python -m benchmarks.anomalies LOG... -o FILE.md``.

The first half of each log is yesterday's and known to be good, the second is today's.  What has to be found there:

    foreign   lines of the other logs, put in at random places
    altered   lines of this log, in which two words were exchanged for words of another one
    severe    lines that the program itself called a warning or worse, where such are few; that word is taken out of all

Each detector gives every line of today a number.  With n lines to be found, precision at n is the share of them among
the n highest, which is also their recall; recall at 2 n is the share found among twice as many.
"""

from __future__ import annotations

import math
import random
import re
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

import likezip
from benchmarks.report import markdown
from likezip.likelihood.score import Division, Measure, score_blocks

Floats = npt.NDArray[np.float64]
Lines = list[bytes]

PUT_IN = 20
"""Lines of a case that have to be found."""

LEVEL = re.compile(rb"\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|CRITICAL| [VDIWEF] )\b", re.IGNORECASE)
SEVERE = {b"warn", b"warning", b"error", b"severe", b"fatal", b"critical", b"w", b"e", b"f"}
LEAST_SEVERE, MOST_SEVERE = 5, 0.2
"""Lines, and share of a day's."""


@dataclass(frozen=True)
class Case:
    """A day of a log: what is known to be good, today's lines, and which of them (n,) have to be found."""

    log: str
    kind: str
    yesterday: Lines
    today: Lines
    odd: npt.NDArray[np.bool_]


def cases(logs: dict[str, Lines], seed: int) -> Iterator[Case]:
    """All cases of all logs, by name."""
    for name, lines in logs.items():
        choose = random.Random(f"{seed} {name}")
        yesterday, today = lines[: len(lines) // 2], lines[len(lines) // 2 :]
        others = [line for other, theirs in logs.items() if other != name for line in theirs]
        if others:
            yield _put_in(name, "foreign", yesterday, today, choose.sample(others, PUT_IN), choose)
        altered = [_altered(choose.choice(today), choose.choice(today), choose) for _ in range(PUT_IN)]
        yield _put_in(name, "altered", yesterday, today, altered, choose)
        severe = np.array([_is_severe(line) for line in today])
        if LEAST_SEVERE <= severe.sum() <= MOST_SEVERE * len(today):
            masked = [[LEVEL.sub(b"-", line, count=1) for line in day] for day in (yesterday, today)]
            yield Case(name, "severe", masked[0], masked[1], severe)


def _put_in(name: str, kind: str, yesterday: Lines, today: Lines, odd: Lines, choose: random.Random) -> Case:
    places = set(choose.sample(range(len(today) + len(odd)), len(odd)))
    given, usual = iter(odd), iter(today)
    lines = [next(given if place in places else usual) for place in range(len(today) + len(odd))]
    return Case(name, kind, yesterday, lines, np.array([place in places for place in range(len(lines))]))


def _altered(line: bytes, other: bytes, choose: random.Random) -> bytes:
    """A line with two of its words, not the first, exchanged for words of another."""
    words, theirs = line.split(b" "), other.split(b" ")
    for _ in range(2):
        words[choose.randrange(min(1, len(words) - 1), len(words))] = choose.choice(theirs)
    return b" ".join(words)


def _is_severe(line: bytes) -> bool:
    found = LEVEL.search(line)
    return found is not None and found[1].strip().lower() in SEVERE


def _joined(lines: Lines) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def likezip_units(case: Case, measure: Measure, context: bool = True) -> Floats:
    """likezip's measure of each line, after yesterday's or without them."""
    content = _joined(case.today)
    costs = likezip.byte_costs(content, context=_joined(case.yesterday) if context else b"")
    units = score_blocks([(content, costs)], Division.of("line"), measure).units
    assert units is not None and len(units.bits) == len(case.today)
    return units.values


def zlib_length(case: Case) -> Floats:
    """Bytes of each line compressed by zlib with the last 32 KiB of yesterday as its dictionary."""
    known, sizes = _joined(case.yesterday)[-(1 << 15) :], []
    for line in case.today:
        coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=known)
        sizes.append(len(coder.compress(line) + coder.flush()))
    return np.array(sizes, float)


def line_length(case: Case) -> Floats:
    """Bytes of each line: long lines are odd ones."""
    return np.array([len(line) for line in case.today], float)


TOKEN = re.compile(rb"0x[0-9a-f]+|[0-9a-f]*\d[0-9a-f.:]*|/\S+", re.IGNORECASE)


def template_rarity(case: Case) -> Floats:
    """-log2 of how often each line's template comes in both days; a template is a line without numbers and paths."""
    templates = [TOKEN.sub(b"*", line) for line in (*case.yesterday, *case.today)]
    counts = Counter(templates)
    return np.array([-math.log2(counts[found] / len(templates)) for found in templates[len(case.yesterday) :]])


def word_rarity(case: Case) -> Floats:
    """The sum over a line's words of -log2 of how often each comes in both days."""
    lines = [TOKEN.sub(b"*", line).split() for line in (*case.yesterday, *case.today)]
    counts = Counter(word for line in lines for word in set(line))
    return np.array(
        [sum(-math.log2(counts[word] / len(lines)) for word in set(line)) for line in lines[len(case.yesterday) :]]
    )


DETECTORS: dict[str, Callable[[Case], Floats]] = {
    "likezip, surprise, after yesterday": lambda case: likezip_units(case, "surprise"),
    "likezip, surprise": lambda case: likezip_units(case, "surprise", context=False),
    "likezip, bits per byte, after yesterday": lambda case: likezip_units(case, "rate"),
    "likezip, bits, after yesterday": lambda case: likezip_units(case, "bits"),
    "zlib length, after yesterday": zlib_length,
    "rarity of templates": template_rarity,
    "rarity of words": word_rarity,
    "length": line_length,
}


def found(numbers: Floats, odd: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Precision at n and recall at 2 n of ``odd``'s n lines by their numbers; of equal ones, the mean of all orders."""
    n = int(odd.sum())
    return _among(numbers, odd, n) / n, _among(numbers, odd, 2 * n) / n


def _among(numbers: Floats, odd: npt.NDArray[np.bool_], top: int) -> float:
    """How many of ``odd`` are among the ``top`` highest."""
    least = np.sort(numbers)[::-1][min(top, numbers.size) - 1]
    above, equal = numbers > least, numbers == least
    share = (top - above.sum()) / equal.sum()
    return float((odd & above).sum() + min(share, 1.0) * (odd & equal).sum())


def read_logs(paths: Sequence[Path]) -> dict[str, Lines]:
    """Lines of log files by name."""
    return {path.stem: path.read_bytes().splitlines() for path in paths}


def speeds(logs: dict[str, Lines]) -> tuple[float, float]:
    """Raw KB a second of scoring and of compressing each log, in this process and one thread."""
    contents = [_joined(lines) for lines in logs.values()]
    likezip.byte_costs(contents[0][:1000])
    likezip.compress(contents[0][:1000])
    found = []
    for work in (likezip.byte_costs, likezip.compress):
        began = time.perf_counter()
        for content in contents:
            work(content)
        found.append(sum(map(len, contents)) / 1e3 / (time.perf_counter() - began))
    return found[0], found[1]


@click.command()
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Draws of each case.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the tables there too, as Markdown.")
def main(logs: tuple[Path, ...], seeds: int, output: Path | None) -> None:
    """Find odd lines in LOGS by several detectors."""
    contents = read_logs(logs)
    rows: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = {}
    for seed in range(seeds):
        for case in cases(contents, seed):
            if seed and case.kind == "severe":
                continue  # always the same
            of_case = rows.setdefault((case.kind, case.log), {})
            for name, detector in DETECTORS.items():
                of_case.setdefault(name, []).append(found(detector(case), case.odd))
            click.echo(f"{seed} {case.kind} {case.log}: {case.odd.sum()} of {len(case.today)} lines", err=True)
    scoring, compressing = speeds(contents)
    text = "\n\n".join(
        [
            *(_table(kind, rows) for kind in dict.fromkeys(kind for kind, _ in rows)),
            f"Scoring: {scoring:.0f} KB/s, compressing: {compressing:.0f} KB/s, one thread, in the same run.",
        ]
    )
    click.echo(text)
    if output is not None:
        about = (__doc__ or "").replace("``", "`")
        output.write_text(f"# Odd lines in logs\n\n{about}\n{text}\n", encoding="utf-8")


def _table(kind: str, rows: dict[tuple[str, str], dict[str, list[tuple[float, float]]]]) -> str:
    logs = [log for of_kind, log in rows if of_kind == kind]
    table = []
    for name in DETECTORS:
        means = [np.mean(rows[kind, log][name], 0) for log in logs]
        first, second = np.mean(means, 0)
        table.append([name, f"{first:.2f}", f"{second:.2f}", *(f"{mean[0]:.2f}" for mean in means)])
    return f"## {kind}\n\n" + markdown(["detector", "precision at n", "recall at 2 n", *logs], table)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.anomalies")
