"""The command warm-up, for images and installers: what the first run would otherwise wait for."""

from __future__ import annotations

import click

from likezip.blocks import codec
from likezip.command.console import announce, fail, failures, print_line
from likezip.command.printable import printable


@click.command("warm-up", short_help="Compile all kernels now, for the runs to come.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr, and nothing on standard output.")
def warm_up_command(quiet: bool) -> None:
    """Compile all kernels for this processor, those of training excepted, and say where they are kept.

    Else the first run of each command does so. They serve only this user, on processors of this kind, with this
    version of likezip, Python and numba, as long as NUMBA_CACHE_DIR and XDG_CACHE_HOME are the same.

    Exits with 1 if there is no place where kernels can be kept.
    """
    with failures():
        from likezip.blocks import repeats
        from likezip.kernels import compiling
        from likezip.likelihood import lookahead
        from likezip.records.learning import compile_records

        if compiling.CACHE is None:
            fail("there is no directory for kernels that is this user's own; NUMBA_CACHE_DIR names one")
        more = {
            "repeats": repeats.compile_repeats,
            "lookahead": lookahead.compile_lookahead,
            "records": compile_records,
        }
        codec.prepare_kernels(None if quiet else announce, prior=True, **more)
        if not quiet:
            print_line(f"kernels are in {printable(str(compiling.CACHE))}")
