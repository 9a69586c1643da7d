"""Which instructions kernels may use: on a processor as the system describes it, and on others by an emulator."""

import ctypes
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import emulation, environments
from likezip.kernels import processor


def _on(monkeypatch: pytest.MonkeyPatch, machine: str, system: str, library: object) -> list[str]:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    return processor.supported_instructions()


@pytest.mark.parametrize(
    ("hwcap", "hwcap2", "expected"),
    [
        (0x8FF, 0, ["neon"]),
        (1 << 20, 1 << 12, ["dotprod", "neon"]),
        (1 << 20 | 3, 1 << 13, ["i8mm", "dotprod", "neon"]),
    ],
)
def test_arm_on_linux(hwcap: int, hwcap2: int, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def getauxval(entry: int) -> int:
        return {16: hwcap, 26: hwcap2}[entry]

    assert _on(monkeypatch, "aarch64", "linux", SimpleNamespace(getauxval=getauxval)) == expected


@pytest.mark.parametrize("answer", [0, -1])
def test_arm_on_macos(answer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its system knows a feature, or has no such name."""

    def sysctlbyname(name: bytes, value: object, size: object, new: None, new_size: int) -> int:
        value._obj.value = int(name == b"hw.optional.arm.FEAT_DotProd")  # type: ignore[attr-defined]
        return answer

    expected = ["neon"] if answer else ["dotprod", "neon"]
    assert _on(monkeypatch, "arm64", "darwin", SimpleNamespace(sysctlbyname=sysctlbyname)) == expected


def test_other_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _on(monkeypatch, "ARM64", "win32", None) == ["neon"]
    assert _on(monkeypatch, "s390x", "linux", None) == []
    assert _on(monkeypatch, "armv7l", "linux", None) == []


def test_what_an_emulator_needs_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    (found,) = emulation.emulated("aarch64", tmp_path)
    assert found.failure == "there is no qemu-aarch64, apt-get, dpkg-deb here"


CODE = """
import sys, threading
import numpy as np
from likezip.kernels.compiling import INSTRUCTIONS, compiled
from likezip.prior import fixed_point, lockstep

@compiled
def lead(orders, found):
    for order in range(300):
        lockstep.give(orders, order + 1)
        lockstep.wait_for_followers(orders, 0)
        if found[0] != order:
            return order
    return -1

@compiled
def follow(orders, found):
    while True:
        order = lockstep.take(orders, 0) - 1
        if order < 0:
            return
        found[0] = order
        lockstep.report(orders, 0)

assert fixed_point.is_right("dot") and fixed_point.is_right("float32")
orders, found = lockstep.order_counts(1), np.full(8, -1)
follower = threading.Thread(target=follow, args=(orders, found))
follower.start()
assert lead(orders, found) == -1
lockstep.dismiss(orders)
follower.join()
print(INSTRUCTIONS)
"""


@pytest.mark.slow
def test_kernels_on_emulated_arm(tmp_path: Path) -> None:
    """Products, and orders between threads; compiling more takes an emulator minutes (benchmarks.exactness does)."""
    script, found = tmp_path / "script.py", {}
    script.write_text(CODE)
    for environment in emulation.emulated("aarch64", tmp_path):
        if environment.failure:
            pytest.skip(f"no emulated aarch64: {environment.failure}")
        variables = environments.inherited() | environment.variables
        done = subprocess.run([environment.python, "-P", script], env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found[environment.name] = done.stdout.strip()
    assert found == {"aarch64 max": "i8mm", "aarch64 cortex-a76": "dotprod", "aarch64 cortex-a72": "neon"}
