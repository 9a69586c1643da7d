"""What ``benchmarks.exactness`` runs in every environment: fixed inputs to frames, and the reference's frames back.

A script that needs nothing but likezip, and for the tests' cases a checkout:

    exactness_probe.py facts                          which versions there are, and what this processor has
    exactness_probe.py frames DIRECTORY [CASE...]     the SHA-256 of every frame, and whether the frame in DIRECTORY,
                                                      which is written there if it is missing, is read back; a case
                                                      with a slash is a file
    exactness_probe.py answers KIND BYTES             what is read of each of the tests' cases of at most so many
                                                      bytes of content, see ANSWERS

All as JSON.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypedDict

PACKAGES = ("torch", "numba", "llvmlite", "numpy", "safetensors", "click")


class Facts(TypedDict):
    """An environment: versions by package, "" where it is missing; what processor and numpy have to be switched off."""

    python: str
    packages: dict[str, str]
    torch_works: bool
    instructions: list[str]
    numpy_features: list[str]


class Outcome(TypedDict):
    """Of one input by so many threads: the frame's SHA-256, whether the reference's frame came back; or what failed."""

    digest: str
    reads: bool
    error: str


def _numbers(count: int) -> list[int]:
    """Pseudo-random 16-bit numbers, the same everywhere."""
    found, state = [], 1
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        found.append(state >> 48)
    return found


ENGLISH = b"""It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of
foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season
of Darkness, it was the spring of hope, it was the winter of despair.
"""


def text(size: int) -> bytes:
    """Lines of words, some of them often."""
    words = [bytes(97 + letter % 26 for letter in _numbers(90)[n : n + 2 + n % 7]) for n in range(80)]
    chosen = ((words[number % 80 * (number >> 8) // 256], number % 11) for number in _numbers(size // 3))
    return b"".join(word + (b" " if then else b".\n") for word, then in chosen)[:size]


def places(count: int) -> bytes:
    """Records of 12 bytes: a name, two small numbers, and what all have."""
    names, drawn = (b"north", b"south", b"east", b"west", b"centre"), iter(_numbers(3 * count))
    return b"".join(
        names[next(drawn) % 5].ljust(7, b"\0") + bytes([next(drawn) % 3, 200 + next(drawn) % 2, 255, 254, i % 5])
        for i in range(count)
    )


def records(count: int) -> bytes:
    """Rows of eight bytes."""
    return b"".join(i.to_bytes(2, "little") + (i * 37 % 1000).to_bytes(4, "big") + b"\xff\0" for i in range(count))


def code(count: int) -> bytes:
    """Calls and jumps to eight functions, with another instruction before each."""
    others, found = (b"\x55", b"\x89\xe5", b"\x83\xec\x08", b"\x8b\x45\xfc", b"\x0f\xb6\xc0"), bytearray(b"\x7fELF")
    for number in _numbers(count):
        distance = number % 8 * 50 - len(found)
        found += others[number % 5] + (b"\xe9" if number % 3 == 0 else b"\xe8")
        found += distance.to_bytes(4, "little", signed=True)
    return bytes(found)


def noise(size: int) -> bytes:
    """What can't be made smaller."""
    return b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(size // 32 + 1))[:size]


@dataclass(frozen=True)
class Case:
    """An input, the options it is compressed with, and by how many threads: workers where there are several blocks."""

    data: Callable[[], bytes]
    options: dict[str, Any] = field(default_factory=dict)
    threads: tuple[int, ...] = (1,)
    command: bool = False  # through the command line, which reads a pipe and writes one


CASES: dict[str, Case] = {
    "nothing": Case(lambda: b""),
    "noise, stored": Case(lambda: noise(2000), {"prior": "off"}),
    "text in three blocks": Case(lambda: text(150_000), {"prior": "off", "block_size": 65536}),
    "text in lanes": Case(lambda: text(9000), {"prior": "off", "lanes": 5}),
    "records": Case(lambda: places(400), {"prior": "off"}),
    "numbers": Case(lambda: records(600), {"prior": "off"}),
    "code": Case(lambda: code(500), {"prior": "off"}),
    "prior": Case(lambda: text(400), {"prior": "on"}, (1, 2)),
    "prior in lanes": Case(lambda: text(4000), {"prior": "on", "lanes": 13}, (1, 2, 3)),
    "prior in two blocks": Case(lambda: text(70_000), {"prior": "on", "lanes": 64, "block_size": 65536}, (1, 2)),
    "prior where it gains": Case(lambda: ENGLISH, {}, (1, 2)),
    "command": Case(lambda: text(3000), {"prior": "off"}, command=True),
}


def _by_command(data: bytes, *arguments: str) -> bytes:
    command = [sys.executable, "-P", "-m", "likezip", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def _compress(case: Case, threads: int) -> bytes:
    import likezip

    if case.command:
        options = [f"--{name.replace('_', '-')}={value}" for name, value in case.options.items()]
        return _by_command(case.data(), "compress", f"-T{threads}", *options)
    return likezip.compress(case.data(), threads=threads, **case.options)


def _decompress(case: Case, frame: bytes, threads: int) -> bytes:
    import likezip

    if case.command:
        return _by_command(frame, "decompress", f"-T{threads}")
    return likezip.decompress(frame, threads=threads)


def outcome(case: Case, threads: int, reference: Path) -> Outcome:
    """Compress, and decompress the frame in ``reference``, which is this one if there is none yet."""
    try:
        frame = _compress(case, threads)
        if not reference.exists():
            reference.write_bytes(frame)
        reads = _decompress(case, reference.read_bytes(), threads) == case.data()
    except Exception as error:
        why = (getattr(error, "stderr", b"") or b"").decode().strip().splitlines()[-1:] or [f"{error}"]
        return Outcome(digest="", reads=False, error=f"{type(error).__name__}: {why[0]}")
    return Outcome(digest=hashlib.sha256(frame).hexdigest(), reads=reads, error="")


def case_of(name: str) -> Case:
    """One of CASES, or of a file: its name has a slash."""
    return Case(Path(name).read_bytes) if "/" in name else CASES[name]


def frames(directory: Path, names: list[str]) -> dict[str, Outcome]:
    """The outcome of each of the named cases, all if none is named, by each number of threads; a name with a slash is
    that of a file."""
    cases = {name: case_of(name) for name in names or CASES}
    return {
        f"{name}, {threads}": outcome(case, threads, directory / f"{name.rpartition('/')[2]}.lz")
        for name, case in cases.items()
        for threads in case.threads
    }


# The tests' cases

TESTS = Path(__file__).resolve().parent.parent / "tests"
DAMAGED_TO = 1 << 10
"""Vectors of at most so many bytes are damaged."""
CHANGES = 4
"""Bits that are flipped in each, one at a time."""
SEEDS_APART = {"frames": 16, "roundtrips": 2, "models": 4}
"""Of the seeds of a fuzz target, each one of so many is run."""
QUICK = 100
"""The reference decoder reads vectors of at most so many bytes of content, which no network predicts."""


def _answer(read: Callable[[], bytes]) -> str:
    """The SHA-256 of what is read, or the error: its class and what it says."""
    from likezip import LikezipError

    try:
        return hashlib.sha256(read()).hexdigest()
    except (LikezipError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"


def _vectors() -> dict[str, tuple[bytes, bytes | None]]:
    """The vectors, sound and others, and their contexts."""
    paths = sorted((TESTS / "vectors").glob("*/*.lz"), key=lambda path: (path.stat().st_size, path.name))
    contexts = {path: path.with_suffix(".context") for path in paths}
    return {
        f"{path.parent.name}/{path.stem}": (path.read_bytes(), context.read_bytes() if context.exists() else None)
        for path, context in contexts.items()
    }


def vectors(most: int) -> dict[str, str]:
    """What each vector holds, or how it is refused, but for those of more bytes of content."""
    import likezip

    found = {}
    for name, (data, context) in _vectors().items():
        found[name] = _answer(lambda d=data, c=context: likezip.decompress(d, context=c, max_size=most))  # type: ignore[misc]
    return {name: answer for name, answer in found.items() if not answer.startswith("LimitError")}


def damaged(most: int) -> dict[str, str]:
    """What small sound vectors hold with a bit flipped, CHANGES bits of each; those of more bytes are refused."""
    import likezip

    found = {}
    for name, (data, context) in _vectors().items():
        if not name.startswith("good/") or len(data) > DAMAGED_TO:
            continue
        for number in _numbers(CHANGES):
            place = number * 8 * len(data) >> 16
            changed = bytearray(data)
            changed[place // 8] ^= 1 << place % 8
            found[f"{name}, bit {place}"] = _answer(
                lambda d=bytes(changed), c=context: likezip.decompress(d, context=c, max_size=most)  # type: ignore[misc]
            )
    return found


def fuzz(most: int) -> dict[str, str]:
    """Whether seeds of each fuzz target pass; they compare what is read with what was written, each way to read."""
    sys.path.insert(0, str(TESTS))
    drivers: Any = import_module("fuzz.drivers")
    found = {}
    for name, apart in SEEDS_APART.items():
        target = drivers.load(name)
        for number, seed in enumerate(target.seeds()[::apart]):
            answer = _answer(lambda t=target, s=seed: t.run(s) or b"")  # type: ignore[misc]
            found[f"{name}, seed {apart * number}"] = answer
    return found


def reference(most: int) -> dict[str, str]:
    """What sound vectors without a network hold by the reference decoder, which imports nothing of likezip."""
    path = TESTS / "reference_decoder.py"
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None
    decoder: Any = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(decoder)
    models = {}
    for model in sorted(TESTS.parent.glob("models/*.safetensors")):
        content = model.read_bytes()
        models[hashlib.sha256(content).digest()[:8]] = decoder.read_model(_without_network(content))
    found = {}
    for name, (data, context) in _vectors().items():
        raw = TESTS / f"vectors/{name}.raw"
        if raw.exists() and raw.stat().st_size <= min(most, QUICK) and "prior" not in name:
            content = decoder.decode_file(data, models, context)
            assert content == raw.read_bytes(), name
            found[name] = hashlib.sha256(content).hexdigest()
    return found


def _without_network(model: bytes) -> bytes:
    """A model file that does not list the network's tensors, which take the reference decoder long to read."""
    size = int.from_bytes(model[:8], "little")
    listed = {name: about for name, about in json.loads(model[8 : 8 + size]).items() if not name.startswith("prior.")}
    header = json.dumps(listed).encode()
    return len(header).to_bytes(8, "little") + header + model[8 + size :]


ANSWERS: dict[str, Callable[[int], dict[str, str]]] = {
    "vectors": vectors,
    "damaged": damaged,
    "fuzz": fuzz,
    "reference": reference,
}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _torch_works() -> bool:
    try:
        import torch
    except (ImportError, OSError):
        return False
    return bool(torch.__version__)


def _numpy_features() -> list[str]:
    """What numpy has kernels for, and this processor has."""
    import numpy

    core: Any = import_module("numpy.core" if numpy.__version__.startswith("1.") else "numpy._core")
    umath = core._multiarray_umath
    return [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]


def facts() -> Facts:
    """What this environment is."""
    from likezip.kernels import processor

    return Facts(
        python=platform.python_version(),
        packages={package: _version(package) for package in PACKAGES},
        torch_works=_torch_works(),
        instructions=processor.supported_instructions(),
        numpy_features=_numpy_features(),
    )


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "facts":
        found: Any = facts()
    else:
        found = (
            ANSWERS[arguments[0]](int(arguments[1])) if what == "answers" else frames(Path(arguments[0]), arguments[1:])
        )
    print(json.dumps(found))
