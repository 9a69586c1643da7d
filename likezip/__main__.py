"""The program.  Until the command line is loaded, Ctrl-C ends it without a word; then ``console.failures`` answers."""

import signal


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from likezip.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
