"""What holds for all tests."""

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """What a shell begins in the background ignores Ctrl-C, and so does what that begins: these tests, for one."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
