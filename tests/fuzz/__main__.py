"""``python -m fuzz TARGET``: fuzz one target for some minutes, and say what came of it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click

from fuzz.drivers import DRIVERS, TARGETS, load

PATTERNS = {
    "cases": re.compile(r"^(?:#|stat::number_of_executed_units: )(\d+)"),
    "branches": re.compile(r"\bcov: (\d+)"),
    "lines": re.compile(r"\blines: (\d+ of \d+)"),
    "finding": re.compile(r"Test unit written to (\S+)"),
}
"""What is looked for in the lines that a driver prints; the last of each counts."""


@dataclass
class Campaign:
    """One target, from which inputs it begins and where failing ones go."""

    target: str
    corpus: Path
    findings: Path
    rooms: Path
    """For temporary files."""

    def run(self, driver: str, seconds: float) -> tuple[int, dict[str, str]]:
        """Run a driver in a process of its own: its exit code, and what it printed of PATTERNS."""
        places = [str(self.corpus), str(self.findings)]
        command = [sys.executable, "-m", "fuzz.drivers", driver, self.target, *places, str(seconds)]
        environment = {**os.environ, "TMPDIR": str(self.rooms), "PYTHONUNBUFFERED": "1"}
        place = Path(__file__).parents[1]
        found: dict[str, str] = {}
        with subprocess.Popen(
            command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                found |= {name: match[1] for name, pattern in PATTERNS.items() if (match := pattern.search(line))}
        running = self.findings / f"{self.target}-running"
        if running.exists():  # the process was ended before the case was
            digest = hashlib.sha1(running.read_bytes()).hexdigest()
            found["finding"] = str(running.rename(self.findings / f"{self.target}-crash-{digest}"))
        return process.returncode, found


def _plant(corpus: Path, target: str) -> None:
    """Put the target's seeds into the corpus."""
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in load(target).seeds():
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


@click.command(help="Fuzz a target: frames, models or roundtrips.")
@click.argument("target", type=click.Choice(TARGETS))
@click.option("--minutes", default=1.0, show_default=True, help="How long.")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, resolve_path=True),
    help="Directory of inputs to go on from, and to keep new ones in; with --driver files also a single file.",
)
@click.option(
    "--findings",
    type=click.Path(path_type=Path, resolve_path=True, exists=True),
    default=Path(),
    show_default="here",
    help="Directory for inputs that fail.",
)
@click.option(
    "--driver",
    type=click.Choice(["auto", *DRIVERS]),
    default="auto",
    show_default=True,
    help="auto: atheris if it is installed, else hypothesis; files: what is in the corpus, once.",
)
def main(target: str, minutes: float, corpus: Path | None, findings: Path, driver: str) -> None:
    if driver == "auto":
        driver = "atheris" if find_spec("atheris") else "hypothesis"
    with tempfile.TemporaryDirectory(prefix="fuzz-") as rooms:
        campaign = Campaign(target, corpus or Path(rooms, "corpus"), findings, Path(rooms))
        if driver != "files":
            _plant(campaign.corpus, target)
        code, found = campaign.run(driver, 60 * minutes)
        if driver == "atheris" and code == 0:  # which lines its branches are in
            code, reached = campaign.run("files", 0)
            found |= {name: reached[name] for name in ("lines", "finding") if name in reached}
    print(f"\n{target}, by {driver}: {found.get('cases', 0)} cases", end="")
    print(f", {found['branches']} branches" if "branches" in found else "", end="")
    print(f", {found['lines']} lines of the parsers" if "lines" in found else "", end="")
    print(f"; a finding: {found['finding']}" if "finding" in found else "; 0 findings")
    if code != 0 or "finding" in found:
        print(f"The driver ended with {code}.")
        sys.exit(1)


if __name__ == "__main__":
    main()
