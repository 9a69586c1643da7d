"""Detectors of anomalies beside each other: ``python -m benchmarks.anomalies [LOG...] -o FILE.md``.

The cases are those of ``benchmarks.anomaly_cases``; of logs, labelled logs, messages and attacks those that are given,
the others are made.  Every detector learns from the context alone, which holds nothing that has to be found, and gives
each unit a number.  AUC is the probability that a unit that has to be found has a higher number than another one;
precision at k is the share of units to be found among the k highest, k being as many as there are.  A kind's figure is
the mean of its cases; in brackets the 2.5 and 97.5 % quantiles of 200 bootstrap draws of each case's units.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import click
import numpy as np
import numpy.typing as npt

import likezip
from benchmarks.anomaly_baselines import available
from benchmarks.anomaly_cases import (
    Case,
    Units,
    alert_case,
    lines_of,
    log_cases,
    made_alert_case,
    record_cases,
    request_case,
    spam_case,
    table_cases,
)
from benchmarks.report import markdown
from likezip.likelihood.density import byte_costs
from likezip.likelihood.frozen import ByteCosts, Floats
from likezip.likelihood.measures import Measure, measured, words_of

Labels = npt.NDArray[np.bool_]

DRAWS = 200
"""Bootstrap draws."""


@dataclass(frozen=True)
class Sources:
    """What cases are made from, beside what is generated."""

    logs: dict[str, Units] = field(default_factory=dict)
    labelled: dict[str, Units] = field(default_factory=dict)
    messages: bytes | None = None
    attacks: Path | None = None
    tables: dict[str, Units] = field(default_factory=dict)

    def cases(self, seed: int) -> Iterator[Case]:
        """All cases, kind by kind within each source."""
        yield from log_cases(self.logs, seed)
        yield made_alert_case(seed)
        yield from (alert_case(name, lines) for name, lines in self.labelled.items())
        if self.messages is not None:
            yield spam_case(self.messages)
        yield request_case(self.attacks, seed)
        yield from table_cases(self.tables, seed)
        yield from record_cases(seed)


def frozen_measures(case: Case, prior: likezip.PriorChoice) -> dict[str, Floats]:
    """All measures of likezip's frozen scores."""
    scorer, without = (likezip.AnomalyScorer(context, prior=prior) for context in (case.context, []))
    costs, plain = scorer.byte_costs(case.units), without.byte_costs(case.units)
    words = [words_of(*of_unit) for of_unit in zip(case.units, costs, strict=True)]

    def measure(name: Measure) -> Floats:
        of_units = zip(case.units, costs, words, plain, strict=True)
        return np.array([measured(name, *of_unit[:3], float(of_unit[3].bits.sum())) for of_unit in of_units])

    return {name: measure(name) for name in get_args(Measure)} | {"words, whole costs": _whole_words(case.units, costs)}


def _whole_words(units: Units, all_costs: list[ByteCosts]) -> Floats:
    """As the measure words, but words with digits cost all their bits."""
    found = []
    for unit, costs in zip(units, all_costs, strict=True):
        bits = np.add.reduceat(costs.bits, words_of(unit, costs).starts)
        found.append(np.sqrt(np.mean(bits**2)))
    return np.array(found)


def adaptive_surprise(case: Case, context: bool = True) -> Floats:
    """The surprise of each unit behind all before it, after the context or without it."""
    costs = byte_costs(b"".join(case.units), context=b"".join(case.context) if context else b"")
    ends = np.cumsum([len(unit) for unit in case.units])[:-1]
    return np.array([np.sqrt(np.mean(part**2)) for part in np.split(costs, ends)])


def detect(case: Case, only: str = "") -> dict[str, Floats]:
    """The numbers (units,) of all detectors, or those whose name has ``only`` in it, by name."""
    found = _by_likezip(case) if not only or "likezip" in only else {}
    found |= {name: run(case) for name, run in available().items() if only in name}
    return {name: numbers for name, numbers in found.items() if only in name}


def _by_likezip(case: Case) -> dict[str, Floats]:
    found = {f"likezip, {name}": values for name, values in frozen_measures(case, "auto").items()}
    without = frozen_measures(case, "off")
    found["likezip, blend, without prior"] = without["blend"]
    found["likezip, adaptive surprise"] = adaptive_surprise(case)
    found["likezip, adaptive surprise, no context"] = adaptive_surprise(case, context=False)
    return found


def auc(numbers: Floats, odd: Labels) -> float:
    """The area under the curve of true by false positives; ties count half."""
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    positive, negative = odd.sum(), (~odd).sum()
    return float((ranks[odd].sum() - positive * (positive + 1) / 2) / (positive * negative))


def precision(numbers: Floats, odd: Labels) -> float:
    """The share of ``odd``'s k units among the k highest numbers; of equal numbers, the mean of all orders."""
    k = int(odd.sum())
    least = np.sort(numbers)[::-1][k - 1]
    above, equal = numbers > least, numbers == least
    share = (k - above.sum()) / equal.sum()
    return float(((odd & above).sum() + share * (odd & equal).sum()) / k)


@dataclass
class Found:
    """Of a detector: AUC and precision of each case of a kind, and the AUC of each bootstrap draw."""

    aucs: list[float] = field(default_factory=list)
    precisions: list[float] = field(default_factory=list)
    draws: list[Floats] = field(default_factory=list)

    def add(self, numbers: Floats, odd: Labels, seed: int) -> None:
        """Add a case; the same draws for every detector."""
        choose, draws = np.random.default_rng(seed), []
        while len(draws) < DRAWS:
            drawn = choose.integers(0, odd.size, odd.size)
            if 0 < odd[drawn].sum() < odd.size:
                draws.append(auc(numbers[drawn], odd[drawn]))
        self.aucs.append(auc(numbers, odd))
        self.precisions.append(precision(numbers, odd))
        self.draws.append(np.array(draws))

    @property
    def mean(self) -> float:
        return float(np.mean(self.aucs))

    def cells(self) -> list[str]:
        """The AUC with its interval, and the precision."""
        low, high = np.quantile(np.mean(self.draws, 0), [0.025, 0.975])
        return [f"{self.mean:.3f} ({low:.3f}-{high:.3f})", f"{np.mean(self.precisions):.2f}"]


Results = dict[str, dict[str, Found]]
"""By kind and detector."""


def speeds(case: Case) -> list[list[str]]:
    """Rows of KB a second of scoring and of compressing a case's units, in one thread, and the seconds of learning."""
    content, rows = b"".join(case.units), []
    priors: tuple[likezip.PriorChoice, ...] = ("on", "off")
    for prior in priors:
        began = time.perf_counter()
        scorer = likezip.AnomalyScorer(case.context, prior=prior)
        learning = time.perf_counter() - began
        work: list[Callable[[], object]] = [
            lambda scorer=scorer: scorer.scores(case.units),  # type: ignore[misc]
            lambda prior=prior: byte_costs(content, prior=prior),  # type: ignore[misc]
            lambda prior=prior: likezip.compress(content, prior=prior),  # type: ignore[misc]
        ]
        best = [min(_seconds(run) for _ in range(3)) for run in work]
        rows.append([prior, *(f"{len(content) / 1e3 / seconds:.0f}" for seconds in best), f"{learning:.1f}"])
    return rows


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def report(results: Results, names: dict[str, list[str]]) -> str:
    """Tables of all kinds, the mean of all kinds first."""
    kinds, detectors = list(results), list(next(iter(results.values())))
    means = {name: [results[kind][name].mean for kind in kinds] for name in detectors}
    ranked = sorted(detectors, key=lambda name: -float(np.mean(means[name])))
    rows = [[name, f"{np.mean(means[name]):.3f}", *(f"{value:.3f}" for value in means[name])] for name in ranked]
    parts = ["## AUC of all kinds\n\n" + markdown(["detector", "mean", *kinds], rows)]
    for kind in kinds:
        of_kind = results[kind]
        rows = [[name, *of_kind[name].cells(), *(f"{value:.3f}" for value in of_kind[name].aucs)] for name in detectors]
        parts.append(f"## {kind}\n\n" + markdown(["detector", "AUC", "precision at k", *names[kind]], rows))
    return "\n\n".join(parts)


def _shipped_tables() -> dict[str, Units]:
    """Tables that scikit-learn brings, if it is installed."""
    specification = find_spec("sklearn")
    if specification is None or specification.origin is None:
        return {}
    path = Path(specification.origin).parent / "datasets/data/breast_cancer.csv"
    return {"breast cancer": lines_of(path)} if path.exists() else {}


A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("logs", nargs=-1, type=A_FILE)
@click.option(
    "--labelled", multiple=True, type=A_FILE, help='A log whose lines begin with "-" or the name of an alert.'
)
@click.option("--messages", type=A_FILE, help="Lines of ham or spam, a tab, and a message.")
@click.option("--attacks", type=click.Path(exists=True, file_okay=False, path_type=Path), help="wfuzz's Injections.")
@click.option("--table", "tables", multiple=True, type=A_FILE, help="A CSV file with a head.")
@click.option("--only", default="", metavar="TEXT", help="Detectors whose name has this in it; no speeds.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of all draws.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the tables there too, as Markdown.")
def main(
    logs: tuple[Path, ...],
    labelled: tuple[Path, ...],
    messages: Path | None,
    attacks: Path | None,
    tables: tuple[Path, ...],
    only: str,
    seed: int,
    output: Path | None,
) -> None:
    """Find anomalies in LOGS and in what else is given or made, by several detectors."""
    given = [{path.stem: lines_of(path) for path in paths} for paths in (logs, labelled, tables)]
    sources = Sources(given[0], given[1], messages and messages.read_bytes(), attacks, _shipped_tables() | given[2])
    results: Results = {}
    names: dict[str, list[str]] = {}
    last = None
    for case in sources.cases(seed):
        began = time.perf_counter()
        of_kind = results.setdefault(case.kind, {})
        for name, numbers in detect(case, only).items():
            of_kind.setdefault(name, Found()).add(numbers, case.odd, seed)
        names.setdefault(case.kind, []).append(f"{case.name}: {case.odd.sum()} of {len(case.units)}")
        click.echo(f"{case.kind} {case.name}: {time.perf_counter() - began:.0f} s", err=True)
        last = case if case.kind == "alerts" else last
    assert last is not None
    head = ["prior", "frozen", "adaptive", "compress", "learning the context, s"]
    text = report(results, names)
    if not only:
        text += f"\n\n## KB a second, one thread\n\n{markdown(head, speeds(last))}"
    click.echo(text)
    if output is not None:
        cases = (Path(__file__).parent / "anomaly_cases.py").read_text("utf-8").split('"""')[1]
        about = re.sub("``", "`", f"{__doc__}\n{cases}")
        output.write_text(f"# Anomalies\n\n{about}\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.anomalies")
