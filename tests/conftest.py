"""What holds for all tests."""

import signal
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent))  # for benchmarks; last, so that the installed likezip is tested


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """Programs that a shell begins in the background ignore Ctrl-C, those of ``nohup`` the end of their terminal, and
    so do programs that they begin, such as these tests."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
