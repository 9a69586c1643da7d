"""The same bytes everywhere: ``python -m benchmarks.exactness -o TABLE.md``.

Fixed inputs (``exactness_probe``) are compressed in every environment (Pythons, the oldest and the newest packages that
pyproject.toml allows, and what is installed here), under every setting (instructions and backends), in one thread and
several, by one worker process and several.  The frames must be those that the first environment wrote, and those must
come back as the inputs.  An environment that can't be made is a row that says why.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks import exactness_probe
from benchmarks.environments import LATER, Environment, inherited, wanted_environments, why_not
from benchmarks.exactness_probe import PACKAGES, Facts, Outcome
from benchmarks.report import markdown
from benchmarks.results import circumstances

PROBE = Path(exactness_probe.__file__).resolve()
DISPATCHED = "all that numpy dispatches"
SETTINGS: dict[str, dict[str, str]] = {
    "default": {},
    "dot products of vnni256": {"LIKEZIP_BACKEND": "dot", "LIKEZIP_INSTRUCTIONS": "vnni256"},
    "dot products of avx2": {"LIKEZIP_BACKEND": "dot", "LIKEZIP_INSTRUCTIONS": "avx2"},
    "no dot products": {"LIKEZIP_INSTRUCTIONS": "none"},
    "int8": {"LIKEZIP_BACKEND": "int8"},
    "int8 with AVX-512, no VNNI": {"LIKEZIP_BACKEND": "int8", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "int8 with AVX2": {"LIKEZIP_BACKEND": "int8", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "int8 with SSE4.1": {"LIKEZIP_BACKEND": "int8", "ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
    "float32": {"LIKEZIP_BACKEND": "float32", "OPENBLAS_NUM_THREADS": "1"},
    "numpy and kernels for any processor": {
        "LIKEZIP_BACKEND": "float32",
        "NUMBA_CPU_NAME": "generic",
        "NPY_DISABLE_CPU_FEATURES": DISPATCHED,
        "OPENBLAS_NUM_THREADS": "1",
    },
}
"""The default is dot products of the first of an environment's instructions."""


@dataclass
class Tried:
    """What was found in an environment: of each setting the outcomes, or why it can't be had there.

    facts: None if there is no such environment, or likezip is ``broken`` in it.
    """

    environment: Environment
    facts: Facts | None = None
    broken: str = ""
    outcomes: dict[str, dict[str, Outcome] | str] = field(default_factory=dict)


# Probes


def _probe(environment: Environment, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(environment.python), "-P", str(PROBE), *arguments]
    with tempfile.TemporaryDirectory() as elsewhere:
        used = {**inherited(), **environment.variables, **variables}
        return subprocess.run(command, env=used, cwd=elsewhere, capture_output=True, text=True)


def missing(variables: dict[str, str], facts: Facts) -> str:
    """Why a setting can't be had in an environment; "" if it can."""
    instructions = variables.get("LIKEZIP_INSTRUCTIONS", "none")
    if instructions != "none" and instructions not in facts["instructions"]:
        return "not this processor"
    return "no torch" if variables.get("LIKEZIP_BACKEND") == "int8" and not facts["torch_works"] else ""


def _variables(setting: str, facts: Facts) -> dict[str, str]:
    found = dict(SETTINGS[setting])
    if found.get("NPY_DISABLE_CPU_FEATURES") == DISPATCHED:
        found["NPY_DISABLE_CPU_FEATURES"] = " ".join(facts["numpy_features"])
    return found


def tried(environment: Environment, settings: tuple[str, ...], cases: tuple[str, ...], reference: Path) -> Tried:
    """All settings in an environment, beside the frames in ``reference``, which the first one writes."""
    if environment.failure:
        return Tried(environment)
    done = _probe(environment, {}, "facts")
    if done.returncode:
        return Tried(environment, broken=why_not(done))
    found = Tried(environment, json.loads(done.stdout))
    assert found.facts is not None
    for setting in settings:
        if why := missing(SETTINGS[setting], found.facts):
            found.outcomes[setting] = why
            continue
        click.echo(f"{environment.name}: {setting}", err=True)
        done = _probe(environment, _variables(setting, found.facts), "frames", str(reference), *cases)
        failed = {"every input": Outcome(digest="", reads=False, error=why_not(done))}
        found.outcomes[setting] = failed if done.returncode else json.loads(done.stdout)
    return found


def differences(outcomes: dict[str, Outcome], reference: Path) -> list[str]:
    """What is not as it was in the first environment."""
    found = []
    for name, one in outcomes.items():
        frame = reference / f"{name.rpartition(', ')[0]}.lz"
        if one["error"]:
            found.append(f"{name}: {one['error']}")
            continue
        if one["digest"] != hashlib.sha256(frame.read_bytes()).hexdigest():
            found.append(f"{name}: another frame")
        if not one["reads"]:
            found.append(f"{name}: the first environment's frame came back as other bytes")
    return found


# The table


def environments_table(all_tried: list[Tried]) -> str:
    """A row for each environment, those that could not be made too."""
    rows = []
    for one in all_tried:
        facts = one.facts
        versions = [facts["packages"][name] or "-" for name in PACKAGES] if facts else ["-"] * len(PACKAGES)
        python = facts["python"] if facts else "-"
        instructions = " ".join(facts["instructions"]) if facts else "-"
        rows.append(
            [one.environment.name, python, *versions, instructions, one.environment.failure or one.broken or "ran"]
        )
    return markdown(["environment", "Python", *PACKAGES, "instructions", ""], rows)


def inputs_table(cases: tuple[str, ...]) -> str:
    """What is compressed, and how."""
    rows = []
    for name in cases:
        case = exactness_probe.CASES[name]
        options = ", ".join(f"{option}={value}" for option, value in case.options.items())
        rows.append([name, f"{len(case.data()):,}", options, ", ".join(map(str, case.threads))])
    return markdown(["input", "bytes", "options", "threads"], rows)


def settings_table(all_tried: list[Tried], settings: tuple[str, ...], reference: Path) -> tuple[str, list[str], int]:
    """A row for each setting, a column for each environment; what differs; and the number of comparisons.

    The frames in ``reference`` are not counted as compared with themselves.
    """
    ran, written = [one for one in all_tried if one.facts], list(reference.glob("*.lz"))
    differing = [f"{one.environment.name}: {one.broken}" for one in all_tried if one.broken]
    rows, compared = [], 0
    for setting in settings:
        cells = []
        for one in ran:
            outcomes = one.outcomes[setting]
            if isinstance(outcomes, str):
                cells.append(outcomes)
                continue
            found = differences(outcomes, reference)
            differing += [f"{one.environment.name}, {setting}: {what}" for what in found]
            compared += 2 * len(outcomes)
            cells.append(f"{len(found)} differ" if found else "same")
        variables = " ".join(f"{name}={value}" for name, value in SETTINGS[setting].items())
        rows.append([setting, variables, *cells])
    table = markdown(["setting", "variables", *(one.environment.name for one in ran)], rows)
    return table, differing, max(0, compared - len(written))


def command(settings: tuple[str, ...], cases: tuple[str, ...]) -> str:
    """What makes the table, but for where environments are."""
    words = ["python", "-m", "benchmarks.exactness"]
    for option, chosen, every in (("--setting", settings, SETTINGS), ("--input", cases, exactness_probe.CASES)):
        words += [word for name in chosen if len(chosen) < len(every) for word in (option, name)]
    return shlex.join(words)


def report(
    all_tried: list[Tried], settings: tuple[str, ...], cases: tuple[str, ...], reference: Path
) -> tuple[str, bool]:
    """The whole text, and whether all that ran gave the same bytes."""
    table, differing, compared = settings_table(all_tried, settings, reference)
    now = circumstances()
    where = f"commit {(now['commit'] or '?')[:12]}, model {now['model']}, {now['date']}, {now['processor']}"
    later = ", ".join(f"{name} {oldest} for Python {version}" for (name, version), oldest in LATER.items())
    differ = f"{len(differing) or 'none'} differ{'s' if len(differing) == 1 else ''}"
    verdict = f"Of {compared:,} comparisons (frames with the first environment's, what came back with inputs) {differ}."
    parts = [
        (__doc__ or "").strip(),
        f"{where}. {verdict}",
        f"To repeat: `{command(settings, cases)}`.",
        f"### Environments\n\n{environments_table(all_tried)}",
        f"Oldest: pyproject.toml's lower bounds; where those have no wheel, the oldest that has: {later}.",
        f"### Inputs\n\n{inputs_table(cases)}",
        "Threads: worker processes where there are several blocks, threads that share a block where there is one.",
        f"### Settings\n\n{table}",
    ]
    if differing:
        parts.append("### What differs\n\n" + "\n".join(f"- {what}" for what in differing))
    return "\n\n".join(parts), not differing and compared > 0


@click.command()
@click.option("--python", "pythons", multiple=True, help="Pythons to make environments of, instead of those on PATH.")
@click.option("--packages", multiple=True, type=click.Choice(["here", "oldest", "newest"]), help="Default: all three.")
@click.option("--environment", "others", multiple=True, metavar="PYTHON", help="One more, taken as it is.")
@click.option("--setting", "settings", multiple=True, type=click.Choice(list(SETTINGS)), help="Default: all.")
@click.option("--input", "cases", multiple=True, type=click.Choice(list(exactness_probe.CASES)), help="Default: all.")
@click.option("--keep", type=click.Path(path_type=Path), help="Make the environments there, and leave them.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the table there, too.")
def main(
    pythons: tuple[str, ...],
    packages: tuple[str, ...],
    others: tuple[str, ...],
    settings: tuple[str, ...],
    cases: tuple[str, ...],
    keep: Path | None,
    output: Path | None,
) -> None:
    """Whether likezip writes the same bytes everywhere, and reads them back; exit code 1 if not.

    An environment takes up to 6 GB of disk (torch with what it needs on GPUs) and some 5 minutes on an idle machine.
    """
    packages, settings = packages or ("here", "oldest", "newest"), settings or tuple(SETTINGS)
    cases, found, good = cases or tuple(exactness_probe.CASES), [], False
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    place: AbstractContextManager[str] = nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory()
    with place as directory, tempfile.TemporaryDirectory() as reference:
        for environment in wanted_environments(pythons, packages, others, Path(directory)):
            found.append(tried(environment, settings, cases, Path(reference)))
            text, good = report(found, settings, cases, Path(reference))
            if output:  # what there is so far
                output.write_text(f"{text}\n", encoding="utf-8")
    click.echo(text)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.exactness")
