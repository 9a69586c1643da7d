"""What the tests give to workers: in a module of its own, as another process imports it."""

import os


def negative(number: int, *, threads: int) -> int:
    assert threads >= 1
    return -number


def die(code: int, *, threads: int) -> None:
    os._exit(code)
