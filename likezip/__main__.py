"""The program.  Until the command line is loaded, Ctrl-C ends it without a word; then ``console.failures`` handles it.

After an interrupt has been handled, the program ends by that signal, so that a shell that runs it in a loop ends too;
and if nobody reads its output any more, by SIGPIPE, which tar, for one, takes for no failure.
"""

import atexit
import os
import signal
import sys


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _open_standard_files()
    atexit.register(_end_by_signal)  # the first function registered is called last
    from likezip.command.main import run

    run()


def _open_standard_files() -> None:
    """Open the null device in place of closed standard files: else another file would take their numbers, and the
    output of libraries would get into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _end_by_signal() -> None:
    from likezip.frames import signals

    if signals.caught is not None and os.name == "posix":
        if sys.stderr is not None:
            sys.stderr.flush()
        signal.signal(signals.caught, signal.SIG_DFL)
        os.kill(os.getpid(), signals.caught)


if __name__ == "__main__":
    main()
