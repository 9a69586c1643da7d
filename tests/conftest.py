"""What holds for all tests."""

import signal
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent))  # for benchmarks; last, so that the installed likezip is tested


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """What a shell begins in the background ignores Ctrl-C, and so does what that begins: these tests, for one."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
