"""The same bytes everywhere: ``python -m benchmarks.exactness -o TABLE.md``.

Fixed inputs (``exactness_probe``) are compressed in every environment (Pythons, the oldest and the newest packages that
pyproject.toml allows, and what is installed here), under every setting (instructions and backends), in one thread and
several, by one worker process and several.  The frames must be those that the first environment wrote, and those must
come back as the inputs.  An environment that can't be made is a row that says why.

With ``--machine aarch64`` or ``s390x`` they are those of that machine, which an emulator runs (``emulation`` says what
is needed), beside this one; what the tests' vectors, damaged ones and fuzz seeds give must be the same there, too.
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
from itertools import chain
from pathlib import Path

import click

from benchmarks import emulation, exactness_probe
from benchmarks.environments import LATER, Environment, inherited, wanted_environments, why_not
from benchmarks.exactness_probe import ANSWERS, PACKAGES, Facts, Outcome
from benchmarks.report import markdown
from benchmarks.results import circumstances

PROBE = Path(exactness_probe.__file__).resolve()
DISPATCHED = "all that numpy dispatches"
SETTINGS: dict[str, dict[str, str]] = {
    "default": {},
    "dot products of vnni256": {"LIKEZIP_BACKEND": "dot", "LIKEZIP_INSTRUCTIONS": "vnni256"},
    "dot products of avx2": {"LIKEZIP_BACKEND": "dot", "LIKEZIP_INSTRUCTIONS": "avx2"},
    "dot products of i8mm": {"LIKEZIP_BACKEND": "dot", "LIKEZIP_INSTRUCTIONS": "i8mm"},
    "dot products of dotprod": {"LIKEZIP_BACKEND": "dot", "LIKEZIP_INSTRUCTIONS": "dotprod"},
    "dot products of neon": {"LIKEZIP_BACKEND": "dot", "LIKEZIP_INSTRUCTIONS": "neon"},
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

MOST = 1 << 21
"""Bytes of content of the largest vectors that are read."""


@dataclass(frozen=True)
class Wanted:
    """What is tried in each environment: settings, inputs (names of cases, or of files), kinds of the tests' cases, and
    how many bytes of content these may have at most."""

    settings: tuple[str, ...]
    cases: tuple[str, ...]
    kinds: tuple[str, ...]
    most: int


@dataclass
class Tried:
    """What was found in an environment: of each setting the outcomes, or why it can't be had there; and of each kind of
    the tests' cases what each gave, or why none did.

    facts: None if there is no such environment, or likezip is ``broken`` in it.
    """

    environment: Environment
    facts: Facts | None = None
    broken: str = ""
    outcomes: dict[str, dict[str, Outcome] | str] = field(default_factory=dict)
    answers: dict[str, dict[str, str] | str] = field(default_factory=dict)


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


def tried(environment: Environment, wanted: Wanted, reference: Path) -> Tried:
    """All that is wanted in an environment, beside the frames in ``reference``, which the first one writes."""
    if environment.failure:
        return Tried(environment)
    done = _probe(environment, {}, "facts")
    if done.returncode:
        return Tried(environment, broken=why_not(done))
    found = Tried(environment, json.loads(done.stdout))
    assert found.facts is not None
    for setting in wanted.settings:
        if why := missing(SETTINGS[setting], found.facts):
            found.outcomes[setting] = why
            continue
        click.echo(f"{environment.name}: {setting}", err=True)
        done = _probe(environment, _variables(setting, found.facts), "frames", str(reference), *wanted.cases)
        failed = {"every input": Outcome(digest="", reads=False, error=why_not(done))}
        found.outcomes[setting] = failed if done.returncode else json.loads(done.stdout)
    for kind in wanted.kinds:
        click.echo(f"{environment.name}: {kind}", err=True)
        done = _probe(environment, {}, "answers", kind, str(wanted.most))
        found.answers[kind] = why_not(done) if done.returncode else json.loads(done.stdout)
    return found


def differences(outcomes: dict[str, Outcome], reference: Path) -> list[str]:
    """What is not as it was in the first environment."""
    found = []
    for name, one in outcomes.items():
        frame = reference / f"{name.rpartition(', ')[0].rpartition('/')[2]}.lz"
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
        case = exactness_probe.case_of(name)
        options = ", ".join(f"{option}={value}" for option, value in case.options.items())
        rows.append([name.rpartition("/")[2], f"{len(case.data()):,}", options, ", ".join(map(str, case.threads))])
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


def answers_table(all_tried: list[Tried], wanted: Wanted) -> tuple[str, list[str], int]:
    """A row for each environment, a column for each kind of the tests' cases; what differs from the first environment;
    and the number of comparisons."""
    ran = [one for one in all_tried if one.facts]
    rows, differing, compared = [], list[str](), 0
    for one in ran:
        cells = []
        for kind in wanted.kinds:
            expected, found = ran[0].answers[kind], one.answers[kind]
            if isinstance(expected, str) or isinstance(found, str):
                differing.append(f"{one.environment.name}, {kind}: {found}")
                cells.append("failed")
                continue
            other = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
            differing += [f"{one.environment.name}, {kind}: {name}: {found.get(name)}" for name in sorted(other)]
            compared += len(found) if one is not ran[0] else 0
            cells.append(f"{len(found)}: {len(other)} differ" if other else f"{len(found)}: same")
        rows.append([one.environment.name, *cells])
    return markdown(["environment", *wanted.kinds], rows), differing, compared


def command(wanted: Wanted, machines: tuple[str, ...]) -> str:
    """What makes the table, but for where environments are."""
    words = ["python", "-m", "benchmarks.exactness"]
    words += [word for machine in machines for word in ("--machine", machine)]
    files = tuple(case for case in wanted.cases if "/" in case)
    cases = tuple(case for case in wanted.cases if "/" not in case)
    for option, chosen, every in (("--setting", wanted.settings, SETTINGS), ("--input", cases, exactness_probe.CASES)):
        words += [word for name in chosen if len(chosen) < len(every) for word in (option, name)]
    words += [word for kind in wanted.kinds if len(wanted.kinds) < len(ANSWERS) for word in ("--answers", kind)]
    words += ["--most", str(wanted.most)] if wanted.kinds and wanted.most != MOST else []
    return shlex.join([*words, *(Path(file).name for file in files)])


def report(all_tried: list[Tried], wanted: Wanted, machines: tuple[str, ...], reference: Path) -> tuple[str, bool]:
    """The whole text, and whether all that ran gave the same bytes."""
    table, differing, compared = settings_table(all_tried, wanted.settings, reference)
    answers, others, more = answers_table(all_tried, wanted)
    differing, compared = differing + others, compared + more
    now = circumstances()
    where = f"commit {(now['commit'] or '?')[:12]}, model {now['model']}, {now['date']}, {now['processor']}"
    later = ", ".join(f"{name} {oldest} for Python {version}" for (name, version), oldest in LATER.items())
    differ = f"{len(differing) or 'none'} differ{'s' if len(differing) == 1 else ''}"
    verdict = f"Of {compared:,} comparisons (frames with the first environment's, what came back with inputs) {differ}."
    parts = [
        (__doc__ or "").strip(),
        f"{where}. {verdict}",
        f"To repeat: `{command(wanted, machines)}`.",
        f"### Environments\n\n{environments_table(all_tried)}",
        f"Oldest: pyproject.toml's lower bounds; where those have no wheel, the oldest that has: {later}.",
        f"### Inputs\n\n{inputs_table(wanted.cases)}",
        "Threads: worker processes where there are several blocks, threads that share a block where there is one.",
        f"### Settings\n\n{table}",
    ]
    if wanted.kinds:
        parts.append(f"### The tests' cases\n\n{answers}")
        parts.append(f"Vectors, and what is read of them with a bit flipped, up to {wanted.most:,} bytes of content.")
    if differing:
        parts.append("### What differs\n\n" + "\n".join(f"- {what}" for what in differing))
    return "\n\n".join(parts), not differing and compared > 0


@click.command()
@click.option("--python", "pythons", multiple=True, help="Pythons to make environments of, instead of those on PATH.")
@click.option("--packages", multiple=True, type=click.Choice(["here", "oldest", "newest"]), help="Default: all three.")
@click.option("--environment", "others", multiple=True, metavar="PYTHON", help="One more, taken as it is.")
@click.option("--setting", "settings", multiple=True, type=click.Choice(list(SETTINGS)), help="Default: all.")
@click.option("--input", "cases", multiple=True, type=click.Choice(list(exactness_probe.CASES)), help="Default: all.")
@click.option(
    "--machine",
    "machines",
    multiple=True,
    type=click.Choice(list(emulation.MACHINES)),
    help="Another machine, by an emulator; beside it then only what is here. A setting takes minutes there.",
)
@click.option(
    "--answers",
    "kinds",
    multiple=True,
    type=click.Choice(list(ANSWERS)),
    help="The tests' cases. Default: all with --machine, else none.",
)
@click.option("--most", type=click.IntRange(1), default=MOST, show_default=True, help="Bytes of a vector's content.")
@click.option("--keep", type=click.Path(path_type=Path), help="Make the environments there, and leave them.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the table there, too.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, resolve_path=True))
def main(
    pythons: tuple[str, ...],
    packages: tuple[str, ...],
    others: tuple[str, ...],
    settings: tuple[str, ...],
    cases: tuple[str, ...],
    machines: tuple[str, ...],
    kinds: tuple[str, ...],
    most: int,
    keep: Path | None,
    output: Path | None,
    files: tuple[str, ...],
) -> None:
    """Whether likezip writes the same bytes everywhere, and reads them back; exit code 1 if not. FILES are compressed
    beside the inputs.

    An environment takes up to 6 GB of disk (torch with what it needs on GPUs) and some 5 minutes on an idle machine.
    """
    packages = packages or (("here",) if machines else ("here", "oldest", "newest"))
    cases, kinds = cases or tuple(exactness_probe.CASES), kinds or (tuple(ANSWERS) if machines else ())
    wanted, found, good = Wanted(settings or tuple(SETTINGS), (*cases, *files), kinds, most), list[Tried](), False
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    place: AbstractContextManager[str] = nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory()
    with place as directory, tempfile.TemporaryDirectory() as reference:
        emulated = _emulated(machines, Path(directory))
        for environment in chain(wanted_environments(pythons, packages, others, Path(directory)), emulated):
            found.append(tried(environment, wanted, Path(reference)))
            text, good = report(found, wanted, machines, Path(reference))
            if output:  # what there is so far
                output.write_text(f"{text}\n", encoding="utf-8")
    click.echo(text)
    sys.exit(0 if good else 1)


def _emulated(machines: tuple[str, ...], directory: Path) -> list[Environment]:
    """The environments of other machines; raises ClickException where they can't be had."""
    found = []
    for machine in machines:
        click.echo(f"{machine}: unpacking", err=True)
        found += list(emulation.emulated(machine, directory))
    if why := "; ".join(f"{one.name}: {one.failure}" for one in found if one.failure):
        raise click.ClickException(f"{why}. {emulation.NEEDED}")
    return found


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.exactness")
