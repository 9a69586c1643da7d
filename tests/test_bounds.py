"""Kernels with bounds checking: no index is out of bounds, whatever a file or a model says.

Without it, as they always run, an index that is out of bounds reads or writes other memory.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PLACE = Path(__file__).parent


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process whose kernels check bounds; they are kept apart from all others."""
    return {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("kernels"))}


@pytest.mark.slow
def test_bounds_are_checked(checked: dict[str, str]) -> None:
    """Or the test below would show nothing."""
    code = """
import numpy
from likezip.kernels.compiling import compiled, inlined

@inlined
def number(numbers, place):
    return numbers[place]

@compiled
def first_behind(numbers):
    return number(numbers, numbers.size)

try:
    first_behind(numpy.zeros(3, numpy.int32))
except AssertionError as error:
    print(error)
"""
    script = Path(checked["NUMBA_CACHE_DIR"]) / "script.py"
    script.write_text(code)
    ran = subprocess.run([sys.executable, "-P", script], env=checked, capture_output=True, text=True, check=False)
    assert ran.stdout == "a kernel has raised an exception, and none should\n", ran.stderr


@pytest.mark.slow
def test_no_index_is_out_of_bounds(checked: dict[str, str]) -> None:
    """In all vectors, good and bad, forged frames and forged models."""
    tests = ["test_vectors.py", "test_fuzz.py::test_some_cases", "test_fuzz.py::test_seeds"]
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not reference"]
    command += [str(PLACE / name) for name in tests]
    ran = subprocess.run(command, env=checked, cwd=PLACE.parent, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-5000:]
    assert re.search(r"[1-9]\d\d passed", ran.stdout)
