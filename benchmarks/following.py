"""Memory and delay of ``likezip score --follow``: ``python -m benchmarks.following [--megabytes 200] -o FILE.md``.

A log of made lines grows as fast as it is followed, with an odd line at every 64th part of it; its memory and when each
odd line was reported are noted.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.loads import resident
from benchmarks.report import markdown

PARTS = 64
CONTEXT = 4_000
"""Lines of the context."""
KINDS = [
    b"%(clock)s host sshd[%(n)d]: Accepted publickey for user%(d)d from 10.0.%(d)d.%(m)d port %(n)d ssh2\n",
    b"%(clock)s host sshd[%(n)d]: Connection closed by 10.0.%(d)d.%(m)d port %(n)d [preauth]\n",
    b"%(clock)s host kernel: eth%(d)d: link up, %(m)d Mbps, full duplex, id %(h)08x\n",
    b"%(clock)s host cron[%(n)d]: (user%(d)d) CMD (/usr/local/bin/collect --slot %(m)d)\n",
]


def made_lines(seed: int) -> Iterator[bytes]:
    """Usual lines, without end."""
    choose, clock = random.Random(seed), 1_700_000_000
    while True:
        clock += choose.randrange(3)
        shown = time.strftime("%b %d %H:%M:%S", time.gmtime(clock)).encode()
        numbers = {b"n": choose.randrange(1_000, 60_000), b"d": choose.randrange(9), b"m": choose.randrange(250)}
        yield choose.choice(KINDS) % {b"clock": shown, b"h": choose.getrandbits(32), **numbers}


@dataclass
class Followed:
    """What following took: bytes of the log, seconds, the delays (parts,) of odd lines in seconds, the memory at the
    end of each part in bytes, and how many lines were reported that were not odd."""

    size: int
    seconds: float
    delays: list[float]
    memory: list[int]
    others: int


def followed(size: int, prior: str = "off") -> Followed:
    """Follow a log up to ``size`` bytes."""
    with tempfile.TemporaryDirectory() as directory:
        context, log = Path(directory, "context"), Path(directory, "log")
        lines = made_lines(1)
        context.write_bytes(b"".join(next(lines) for _ in range(CONTEXT)))
        log.touch()
        words = ["score", "--by", "line", "--context", str(context), "--expected-rate", "0.002", "--follow", "--json"]
        command = [sys.executable, "-P", "-m", "likezip", *words, "--prior", prior, "-T", "1", str(log)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                return _grow(log, lines, size, process)
            finally:
                process.terminate()


def _grow(log: Path, lines: Iterator[bytes], size: int, process: subprocess.Popen[bytes]) -> Followed:
    assert process.stdout is not None
    began, found = time.perf_counter(), Followed(0, 0.0, [], [], 0)
    for part in range(PARTS):
        written = bytearray()
        while len(written) < size // PARTS:
            written += next(lines)
        odd = b"%d: oops, the reactor melts down\n" % part
        with log.open("ab") as file:
            file.write(written + odd)
        found.size += len(written) + len(odd)
        wrote = time.perf_counter()
        while json.loads(process.stdout.readline())["text"] != odd.decode().strip():
            found.others += 1
        found.delays.append(time.perf_counter() - wrote)
        found.memory.append(resident(process.pid))
    found.seconds = time.perf_counter() - began
    return found


def report(found: Followed) -> str:
    """A table of the memory along the log."""
    rows = [
        [f"{found.size * (part + 1) / PARTS / 1e6:.0f}", f"{found.memory[part] / 1e6:.0f}"]
        for part in (0, PARTS // 4 - 1, PARTS // 2 - 1, PARTS - 1)
    ]
    rate = found.size / 1e3 / found.seconds
    said = f"{found.size / 1e6:.0f} MB in {found.seconds:.0f} s, {rate:.0f} KB/s; all {PARTS} odd lines were reported, "
    return said + f"and {found.others} others.\n\n" + markdown(["MB followed", "MB of memory"], rows)


@click.command()
@click.option("--megabytes", type=click.FloatRange(0.01), default=200.0, show_default=True)
@click.option("--prior", type=click.Choice(["on", "off"]), default="off", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it there too, as Markdown.")
def main(megabytes: float, prior: str, output: Path | None) -> None:
    """Follow a growing log, and say what that takes."""
    text = report(followed(int(megabytes * 1e6), prior))
    click.echo(text)
    if output is not None:
        about = (__doc__ or "").replace("``", "`")
        output.write_text(f"# A log that grows\n\n{about}\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.following")
