"""Wall-clock and processor seconds of one piece of work."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds: ``wall`` as on the clock, ``cpu`` as this process and the children that it waited for used them.

    On a machine that others use as well, wall time is noisy and cpu time is much less so.
    """

    wall: float
    cpu: float


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(work: Callable[[bytes], bytes], data: bytes) -> tuple[bytes, Timing]:
    """What ``work(data)`` returns, and how long it took."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    result = work(data)
    wall = time.perf_counter() - wall
    return result, Timing(wall, _cpu_seconds() - cpu)


def total(timings: Sequence[Timing]) -> Timing:
    """The sums of wall and of cpu."""
    return Timing(sum(t.wall for t in timings), sum(t.cpu for t in timings))


def median(timings: Sequence[Timing]) -> Timing:
    """The medians of wall and cpu, each for itself."""
    return Timing(statistics.median(t.wall for t in timings), statistics.median(t.cpu for t in timings))
