"""Runs one command and prints what it took: ``python -I -S spawn.py IN OUT WORD...``.

It is a process of its own and imports next to nothing, as the kernel counts into the peak memory of a process what the
one that it was forked from had.  Some 7 MB of that are left: no command is seen to take less.
"""

from __future__ import annotations

import os
import sys
import time

NOT_STARTED = 127
"""The exit status where there is no such program, as of shells."""


def main() -> None:
    """Print exit status (of a signal, its number negative), wall and processor seconds, and peak memory as getrusage
    has it; what the command prints on standard error, and with OUT ``-`` on standard output, goes to our standard
    error."""
    source, sink, *words = sys.argv[1:]
    given = os.open(source, os.O_RDONLY)
    taken = 2 if sink == "-" else os.open(sink, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    began = time.perf_counter()
    process = os.fork()
    if process == 0:
        _become(words, given, taken)
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - began
    print(os.waitstatus_to_exitcode(status), wall, used.ru_utime + used.ru_stime, used.ru_maxrss)


def _become(words: list[str], given: int, taken: int) -> None:
    try:
        os.dup2(given, 0)
        os.dup2(taken, 1)
        os.execvp(words[0], words)
    except OSError as error:
        os.write(2, f"{words[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(NOT_STARTED)


if __name__ == "__main__":
    main()
