"""Another machine's Python, run by an emulator on this one.

NEEDED says what that needs.  Nothing is installed on this machine: the other's interpreter and libraries are unpacked
in a directory of their own, beside its wheels.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import REPOSITORY, Environment, inherited, why_not

NEEDED = (
    "Needed are QEMU's user emulation (Debian: apt-get install qemu-user), apt-get and dpkg-deb with sources that have "
    "the machine's packages, as Debian's have, and pip."
)


@dataclass(frozen=True)
class Machine:
    """architecture: Debian's name of it; packages: of Debian's; wheels: of that machine; processors: QEMU's names of
    those that differ in what likezip uses."""

    architecture: str
    packages: tuple[str, ...]
    wheels: tuple[str, ...]
    processors: tuple[str, ...]


MACHINES = {
    "aarch64": Machine(
        "arm64",
        ("python3", "libstdc++6"),
        ("click", "llvmlite", "numba", "numpy", "platformdirs", "safetensors"),
        ("max", "cortex-a76", "cortex-a72"),
    ),
    "s390x": Machine("s390x", ("python3-numba",), ("click", "platformdirs", "safetensors"), ("max",)),
}
"""aarch64: max has SMMLA, cortex-a76 has SDOT, cortex-a72 neither.  s390x is big-endian; there are no wheels of numba
and numpy, so Debian's packages are taken, where they are there (they are older than pyproject.toml's bounds)."""

STARTED_ANEW = """import os, sys
sys.executable = os.environ.get("EMULATED_PYTHON", sys.executable)
"""
"""The module sitecustomize of an emulated Python, so that it starts others by the emulator too."""


def emulated(name: str, directory: Path) -> Iterator[Environment]:
    """The environments of the machine ``name``, one for each processor, made in ``directory`` if they are not there;
    a single one that says why if they can't be made."""
    machine, place = MACHINES[name], directory.resolve() / name
    emulator = shutil.which(f"qemu-{name}") or shutil.which(f"qemu-{name}-static")
    failure = _lacking(name, emulator) or _made(machine, name, place)
    if failure:
        yield Environment(name, place / "python", failure=failure)
        return
    variables = {"PYTHONPATH": f"{REPOSITORY}:{place / 'site'}"}
    for processor in machine.processors:
        python = place / f"python-{processor}"
        python.write_text(
            f'#!/bin/sh\nEMULATED_PYTHON="{python}" exec "{emulator}" -cpu {processor} -L "{place / "root"}" '
            f'"{_interpreter(place)}" "$@"\n'
        )
        python.chmod(0o700)
        yield Environment(f"{name} {processor}", python, {**variables, "XDG_CACHE_HOME": str(place / "cache")})


def _lacking(name: str, emulator: str | None) -> str:
    """Which program is missing; "" if none is."""
    programs = {f"qemu-{name}": emulator, **{program: shutil.which(program) for program in ("apt-get", "dpkg-deb")}}
    missing = [program for program, found in programs.items() if not found]
    return f"there is no {', '.join(missing)} here" if missing else ""


def _interpreter(place: Path) -> Path:
    """The Python of a machine unpacked in ``place``."""
    return next(path for path in sorted((place / "root/usr/bin").glob("python3.*")) if path.suffix[1:].isdigit())


def _made(machine: Machine, name: str, place: Path) -> str:
    """Unpack the machine's packages and wheels in ``place``; returns why that failed, "" if it did not."""
    done = place / "complete"
    if done.exists():
        return ""
    if failure := _unpack_packages(machine, place) or _install_wheels(machine, name, place):
        return failure
    (place / "site/sitecustomize.py").write_text(STARTED_ANEW)
    done.touch()
    return ""


def _unpack_packages(machine: Machine, place: Path) -> str:
    """Fetch Debian's packages with all that they need, and unpack them in place/root."""
    for part in ("apt/lists/partial", "apt/cache/archives/partial", "root"):
        (place / part).mkdir(parents=True, exist_ok=True)
    (place / "apt/status").touch()
    settings = {
        "APT::Architecture": machine.architecture,
        "APT::Architectures::": machine.architecture,
        "APT::Sandbox::User": "",
        "Dir::State": place / "apt",
        "Dir::State::Lists": place / "apt/lists",
        "Dir::State::status": place / "apt/status",
        "Dir::Cache": place / "apt/cache",
    }
    apt = ["apt-get", "-qq", *(word for key, value in settings.items() for word in ("-o", f"{key}={value}"))]
    fetch = ["install", "--yes", "--no-install-recommends", "--download-only", *machine.packages]
    if failure := _failure([*apt, "update"]) or _failure([*apt, *fetch]):
        return failure
    for package in sorted((place / "apt/cache/archives").glob("*.deb")):
        if failure := _failure(["dpkg-deb", "-x", str(package), str(place / "root")]):
            return failure
    for library in (place / "root/usr/lib").glob("*/*/lib*.so.3"):
        if library.parent.name in ("blas", "lapack"):  # what installing these packages would choose among
            (library.parent.parent / library.name).symlink_to(library.relative_to(library.parent.parent))
    return ""


def _install_wheels(machine: Machine, name: str, place: Path) -> str:
    """Unpack the newest wheels for the machine in place/site."""
    version = _interpreter(place).name.removeprefix("python")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--target", str(place / "site"), "--python-version", version, "--implementation", "cp"]
    for platform in ("manylinux2014", "manylinux_2_28"):
        command += ["--platform", f"{platform}_{name}"]
    return _failure([*command, *machine.wheels])


def _failure(command: list[str]) -> str:
    """Run a command; returns why it failed, "" if it did not."""
    done = subprocess.run(command, env=inherited(), capture_output=True, text=True)
    return why_not(done) if done.returncode else ""
