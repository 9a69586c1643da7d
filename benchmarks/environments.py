"""Environments to run likezip in: Pythons with the oldest or the newest packages that pyproject.toml allows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

import likezip
from benchmarks.exactness_probe import PACKAGES

REPOSITORY = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13")

LATER: dict[tuple[str, str], str] = {
    ("numba", "3.13"): "0.61",
    ("numpy", "3.13"): "2.1",
    ("safetensors", "3.13"): "0.4.2",
}
"""The oldest version of a package that has a wheel for that Python, where pyproject.toml's lower bound has none."""

SET_ELSEWHERE = ("LIKEZIP_", "NUMBA_", "NPY_", "ONEDNN_", "ATEN_", "PYTHONPATH")
"""Variables of the environment that a probe must not inherit begin like this."""


@dataclass(frozen=True)
class Environment:
    """A Python with packages, the variables to run it with, or why there is none."""

    name: str
    python: Path
    variables: dict[str, str] = field(default_factory=dict)
    failure: str = ""


def requirements(packages: str, version: str) -> list[str]:
    """What pip is to install beside likezip: nothing for the newest, else lower bounds, for a Python's ``version``."""
    if packages == "newest":
        return []
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = [re.match(r"([\w-]+)>=([\d.]+)", dependency) for dependency in project["dependencies"]]
    pairs = [bound.groups() for bound in bounds if bound]
    return [f"{name}=={LATER.get((name, version), lowest)}" for name, lowest in pairs]


def interpreters(named: tuple[str, ...]) -> dict[str, Path | None]:
    """Pythons by version: those that are named, else this one and those of VERSIONS, None where there is none."""
    found: dict[str, Path | None] = {}
    for python in named or (sys.executable, *(f"python{version}" for version in VERSIONS)):
        place = shutil.which(python) or python
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            done = subprocess.run([place, "-c", code], capture_output=True, text=True, check=True)
            found.setdefault(done.stdout.strip(), Path(place))
        except (OSError, subprocess.CalledProcessError) as error:
            if named:
                raise click.UsageError(f"{python} is no Python that runs here") from error
            found.setdefault(python.removeprefix("python"), None)
    return dict(sorted(found.items(), key=lambda pair: [int(part) for part in pair[0].split(".")]))


def make(version: str, python: Path | None, packages: str, directory: Path) -> Environment:
    """A virtual environment with this checkout and its ``packages``, in a directory of its own."""
    name, place = f"{version} {packages}", directory / f"py{version}-{packages}"
    own = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    if python is None:
        return Environment(name, own, failure=f"there is no python{version} here")
    install = [str(own), "-m", "pip", "install", "--quiet", "--only-binary", ",".join(PACKAGES)]
    install += ["--upgrade", "--upgrade-strategy", "eager"] if packages == "newest" else []
    install += [str(REPOSITORY), *requirements(packages, version)]
    for command in ([str(python), "-m", "venv", str(place)], install):
        done = subprocess.run(command, env=inherited(), capture_output=True, text=True)
        if done.returncode:
            return Environment(name, own, failure=why_not(done))
    return Environment(name, own, {"XDG_CACHE_HOME": str(place / "cache")})


def existing(name: str, python: str) -> Environment:
    """An environment as it is, with the likezip that this process has imported."""
    return Environment(name, Path(python), {"PYTHONPATH": str(Path(likezip.__file__).parent.parent)})


def wanted_environments(
    pythons: tuple[str, ...], packages: tuple[str, ...], others: tuple[str, ...], directory: Path
) -> Iterator[Environment]:
    """All of them, each made when it is asked for; raises UsageError for a Python that does not run."""
    found = interpreters(pythons)
    if "here" in packages:
        yield existing("here", sys.executable)
    for other in others:
        yield existing(other, other)
    for which in ("oldest", "newest"):
        for version, python in found.items() if which in packages else ():
            click.echo(f"{version} {which}: installing", err=True)
            yield make(version, python, which, directory)


def inherited() -> dict[str, str]:
    """This process's variables, but for those that settings are made of."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SET_ELSEWHERE)}


def why_not(done: subprocess.CompletedProcess[str]) -> str:
    """The last error that a process printed, or how it ended."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    ended = f"ended by signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    return errors[-1].removeprefix("ERROR: ") if errors and done.returncode > 0 else ended
