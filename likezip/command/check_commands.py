"""The commands that check compressed files: test and list."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click

from likezip.command import listing
from likezip.command.console import Counted, described, failures, moved, print_line, say
from likezip.command.options import (
    A_PATH,
    all_of,
    arguments,
    common_options,
    context_option,
    each,
    max_size_option,
    open_source,
    recursive_option,
    size_of,
)
from likezip.command.printable import printable
from likezip.errors import LikezipError
from likezip.frames import stream
from likezip.frames.outputs import FileError
from likezip.frames.raw_io import Nowhere


@click.command("test")
@click.argument("files", nargs=-1, metavar="[FILE...]", type=A_PATH)
@recursive_option
@max_size_option
@context_option
@common_options
def test_command(files: tuple[str, ...], recursive: bool, max_size: int | None, **shown: Any) -> None:
    """Decompress FILEs to nowhere and say if they are sound.

    Without FILE (or with -) standard input is tested.

    All are tested, whatever becomes of some; exits with 1 if any is not sound.
    """

    def check(name: str) -> None:
        began = time.monotonic()
        with open_source(name, binary=True) as source, arguments(size_of(source), **shown) as common:
            read, written = Counted(source, name), Counted(Nowhere(), name)
            stream.decompress_stream(read, written, max_size=max_size, **common)
        if shown["verbose"]:
            say(f"{printable(name)}: sound, {moved(read, written, began)}")
        elif not shown["quiet"]:
            say(f"{printable(name)}: sound")

    names, failed = all_of(files, recursive=recursive, packed=True)
    sys.exit(max(failed, each(names, check)))


@click.command("list", short_help="Show sizes, ratio and blocks of FILEs.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=A_PATH)
@recursive_option
@click.option("--json", "as_json", is_flag=True, help="A JSON array with an object for each FILE.")
def list_command(files: tuple[str, ...], recursive: bool, as_json: bool) -> None:
    """Show what FILEs hold, by their headers: sizes, ratio, blocks, check, model.

    Standard input (-) can be listed only if it is a file.

    \b
    coded: s blocks that are stored, m coded with the memory, p with memory and prior, x in parts of several kinds
    In JSON sizes are in bytes; a FILE that can't be listed has a name and an error only. A byte of a name that is no
    UTF-8 is escaped as Python does it, \\xe9 as \\udce9.
    """
    rows: list[dict[str, Any]] = []

    def read(name: str) -> None:
        try:
            with open_source(name, binary=True) as file:
                if not file.seekable():
                    raise FileError(f"{name}: a pipe can't be listed, only a file")
                rows.append(listing.row(name, file))
        except (LikezipError, OSError) as error:
            rows.append({"name": name, "error": getattr(error, "strerror", None) or described(error)})
            raise

    names, failed = all_of(files, recursive=recursive, packed=True)
    failed = max(failed, each(names, read))
    with failures():
        if as_json:
            print_line(json.dumps(rows, indent=2))
        else:
            listing.print_rows([row for row in rows if "error" not in row])
    sys.exit(failed)
