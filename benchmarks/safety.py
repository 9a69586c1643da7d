"""What is on disk afterwards: rights, --rm, outputs and several inputs, beside gzip, xz and zstd.

    python -m benchmarks.safety --user nobody -o benchmarks/results/safety.md

Each case is a directory made anew, a command line for each program, and what is then found: the exit code, whether a
word was said, and all files with their mode, owner and group and whose content they have. As root every case is run
twice, as root and as the ordinary user, who must be able to read Python and likezip.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import likezip

ROOT = "root"
STRANGER, OTHER_GROUP = 4321, 1234
TEXTS = {"a": b"What a holds.\n" * 500, "b": b"And this is b's.\n" * 500, "precious": b"precious\n"}
PATIENCE = 400
"""Seconds that a command may take."""


@dataclass(frozen=True)
class Program:
    """A compressor: its commands without and with options, and its suffix."""

    name: str
    compress: tuple[str, ...]
    decompress: tuple[str, ...]
    suffix: str
    keep: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    output: tuple[str, ...] | None = None  # what comes before the name of an output, None if it takes none


LIKEZIP = (sys.executable, "-P", "-m", "likezip")
PROGRAMS = [
    Program("likezip", (*LIKEZIP, "compress"), (*LIKEZIP, "decompress"), ".lz", remove=("--rm",), output=("-o",)),
    Program("gzip", ("gzip",), ("gzip", "-d"), ".gz", keep=("-k",)),
    Program("xz", ("xz",), ("xz", "-d"), ".xz", keep=("-k",)),
    Program("zstd", ("zstd", "-q"), ("zstd", "-qd"), ".zst", remove=("--rm",), output=("-o",)),
]


@dataclass(frozen=True)
class Case:
    """What is there, what is asked for; prepare: makes the files, arguments: what the program is called with, None if
    it has no such option; patience: seconds until it is taken to wait for ever."""

    group: str
    name: str
    prepare: Callable[[Program], None]
    arguments: Callable[[Program], list[str] | None]
    needs_root: bool = False  # to prepare
    patience: float = PATIENCE


def compressing(*names: str, remove: bool = False, force: bool = False) -> Callable[[Program], list[str] | None]:
    def arguments(program: Program) -> list[str] | None:
        options = list(program.remove if remove else program.keep) + ["-f"] * force
        return [*program.compress, *options, *(name.replace("SUFFIX", program.suffix) for name in names)]

    return arguments


def decompressing(*names: str) -> Callable[[Program], list[str] | None]:
    def arguments(program: Program) -> list[str] | None:
        return [*program.decompress, *program.keep, *(name.replace("SUFFIX", program.suffix) for name in names)]

    return arguments


def to(output: str, *names: str, force: bool = False) -> Callable[[Program], list[str] | None]:
    def arguments(program: Program) -> list[str] | None:
        if program.output is None:
            return None
        return [*program.compress, *["-f"] * force, *names, *program.output, output]

    return arguments


def texts(*names: str, mode: int = 0o644) -> Callable[[Program], None]:
    def prepare(_: Program) -> None:
        for name in names:
            Path(name).write_bytes(TEXTS[name])
            Path(name).chmod(mode)

    return prepare


def owned(user: int, group: int, mode: int, packed: bool = False) -> Callable[[Program], None]:
    """The file a, or what it is compressed to, of another owner and group."""

    def prepare(program: Program) -> None:
        texts("a")(program)
        if packed:
            _packed(program, "a")
        name = "a" + program.suffix * packed
        os.chown(name, user, group)
        Path(name).chmod(mode)

    return prepare


def _packed(program: Program, *names: str) -> None:
    subprocess.run([*program.compress, *program.keep, *names], check=True, capture_output=True)
    for name in names:
        Path(name).unlink(missing_ok=True)


def packed(*names: str) -> Callable[[Program], None]:
    def prepare(program: Program) -> None:
        texts(*names)(program)
        _packed(program, *names)

    return prepare


def _with(make: Callable[[], object], *names: str) -> Callable[[Program], None]:
    def prepare(program: Program) -> None:
        texts(*names)(program)
        make()

    return prepare


def _damaged_second(program: Program) -> None:
    packed("a", "b")(program)
    place = Path("a" + program.suffix)
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 0x55
    place.write_bytes(content)


def _existing(program: Program) -> None:
    texts("a", "b")(program)
    Path("a" + program.suffix).write_bytes(TEXTS["precious"])


def _directories() -> None:
    Path("d/e").mkdir(parents=True)
    Path("d/a").write_bytes(TEXTS["a"])
    Path("d/e/b").write_bytes(TEXTS["b"])
    Path("d/link").symlink_to("a")


CASES = [
    Case("rights", "setuid and setgid, one's own", texts("a", mode=0o6755), compressing("a", force=True)),
    Case(
        "rights",
        "setuid of a stranger, unpacked",
        owned(STRANGER, OTHER_GROUP, 0o6755, packed=True),
        decompressing("aSUFFIX"),
        True,
    ),
    Case("rights", "mode 0600", texts("a", mode=0o600), compressing("a")),
    Case("rights", "another's, 0664", owned(STRANGER, OTHER_GROUP, 0o664), compressing("a"), True),
    Case("rights", "another's, 0604", owned(STRANGER, OTHER_GROUP, 0o604), compressing("a"), True),
    Case("--rm", "a regular file", texts("a"), compressing("a", remove=True)),
    Case("--rm", "a link", _with(lambda: Path("l").symlink_to("a"), "a"), compressing("l", remove=True)),
    Case(
        "--rm",
        "a link, forced",
        _with(lambda: Path("l").symlink_to("a"), "a"),
        compressing("l", remove=True, force=True),
    ),
    Case("--rm", "one of two hard links", _with(lambda: os.link("a", "h"), "a"), compressing("a", remove=True)),
    Case("outputs", "exists", _existing, compressing("a")),
    Case("outputs", "exists, forced", _existing, compressing("a", force=True)),
    Case("outputs", "a name with a slash", texts("a"), to("d/", "a")),
    Case(
        "outputs",
        "a link to a file, forced",
        _with(lambda: Path("l").symlink_to("b"), "a", "b"),
        to("l", "a", force=True),
    ),
    Case(
        "outputs",
        "a link to /proc/self/fd/2, forced",
        _with(lambda: Path("l").symlink_to("/proc/self/fd/2"), "a"),
        to("l", "a", force=True),
    ),
    Case(
        "outputs",
        "a pipe that nobody reads, forced",
        _with(lambda: os.mkfifo("p"), "a"),
        to("p", "a", force=True),
        patience=30,
    ),
    Case("several", "two files", texts("a", "b"), compressing("a", "b")),
    Case("several", "two files, forced", texts("a", "b"), compressing("a", "b", force=True)),
    Case("several", "a missing one first", texts("a", "b"), compressing("missing", "a", "b")),
    Case("several", "an output exists", _existing, compressing("a", "b")),
    Case("several", "two back, one damaged", _damaged_second, decompressing("aSUFFIX", "bSUFFIX")),
    Case("several", "a directory", _with(_directories), compressing("d")),
    Case("several", "a directory with -r", _with(_directories), compressing("-r", "d")),
]


def run(case: Case, program: Program, user: str, cache: Path) -> str:
    """The exit code and what is found afterwards, as a cell."""
    account = pwd.getpwnam(user)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        try:
            case.prepare(program)
            if case.needs_root:
                os.chown(place, account.pw_uid, account.pw_gid)
            elif user != ROOT and os.geteuid() == 0:
                _give(account)
            command = case.arguments(program)
            if command is None:
                return "no such option"
            return f"{_exit(command, account, cache, case.patience)}: {'; '.join(sorted(_found(program)))}"
        finally:
            os.chdir(before)


def _give(account: pwd.struct_passwd) -> None:
    """Have all files here be a user's, with the modes that they have."""
    for path in [Path(), *Path().rglob("*")]:
        mode = path.lstat().st_mode
        os.lchown(path, account.pw_uid, account.pw_gid)
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(mode))


def _exit(command: list[str], account: pwd.struct_passwd, cache: Path, patience: float) -> str:
    """The exit code, with a mark if nothing was said of a failure."""
    change = {} if os.geteuid() else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=patience,
            check=False,
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "HOME": str(cache)},
            **change,  # type: ignore[call-overload]
        )
    except subprocess.TimeoutExpired:
        return "waits for ever"
    said = bool(result.stderr)
    return f"{result.returncode}{' with a word' if said and not result.returncode else ''}" + (
        " without a word" if result.returncode and not said else ""
    )


def _found(program: Program) -> Iterator[str]:
    """All files with what they are."""
    for path in Path().rglob("*"):
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            continue
        kind = "" if not path.is_symlink() else f" -> {os.readlink(path)}"
        mode = "" if path.is_symlink() else f" {stat.filemode(status.st_mode)} {_name(status.st_uid)}:{status.st_gid}"
        content = _content(path, program) if stat.S_ISREG(status.st_mode) else ""
        yield f"{path}{kind}{mode}{content}".replace("|", "\\|")


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _content(path: Path, program: Program) -> str:
    """Whose text a file holds."""
    content = path.read_bytes()
    for name, text in TEXTS.items():
        if content == text:
            return f" ={name}"
    unpacked = subprocess.run([*program.decompress, "-c"], input=content, capture_output=True, check=False)
    for name, text in TEXTS.items():
        if unpacked.returncode == 0 and unpacked.stdout == text:
            return f" =packed {name}"
    return " =?"


def table(user: str, cache: Path, say: Callable[[str], None]) -> str:
    """The cases as one user, in Markdown."""
    present = [program for program in PROGRAMS if program.name == "likezip" or shutil.which(program.name)]
    rows = []
    run(CASES[0], PROGRAMS[0], user, cache)  # compiles the kernels
    for case in CASES:
        if case.needs_root and os.geteuid():
            continue
        say(f"{user}: {case.group}, {case.name}")
        for program in present:
            command = case.arguments(program)
            shown = "" if command is None else " ".join(command).replace(" ".join(LIKEZIP), "likezip")
            rows.append(f"| {case.group}: {case.name} | `{shown}` | {run(case, program, user, cache)} |")
    return "\n".join(["| case | command | exit code: what is there afterwards |", "|---|---|---|", *rows])


def versions() -> str:
    """Of all programs, as they call themselves."""
    lines = [f"likezip {likezip.__version__}"]
    for program in PROGRAMS[1:]:
        if shutil.which(program.name):
            said = subprocess.run([program.name, "--version"], capture_output=True, text=True, check=False).stdout
            lines.append(said.splitlines()[0].strip("* "))
    return ", ".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--user", default="nobody", help="the ordinary user, where this is run by root")
    parser.add_argument("-o", "--output", type=Path, help="Markdown to write")
    options = parser.parse_args()
    users = [ROOT, options.user] if os.geteuid() == 0 else [pwd.getpwuid(os.geteuid()).pw_name]
    parts = ["# What is on disk afterwards", f"({versions()}; umask {_umask()})"]
    for user in users:
        with tempfile.TemporaryDirectory() as cache:
            if os.geteuid() == 0:
                os.chown(cache, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
            parts += [f"## As {user}", table(user, Path(cache), lambda line: print(line, file=sys.stderr))]
    found = "\n\n".join(parts) + "\n"
    print(found)
    if options.output:
        options.output.write_text(found)
    return 0


def _umask() -> str:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "new")
        path.touch()
        return f"{0o666 & ~path.stat().st_mode:04o}"


if __name__ == "__main__":
    sys.exit(main())
