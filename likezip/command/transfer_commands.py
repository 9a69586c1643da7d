"""The commands compress and decompress; one of them also runs if likezip is called without a command, as gzip, xz and
zstd are."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from likezip.blocks.options import Effort, PriorChoice
from likezip.command.check_commands import list_command, test_command
from likezip.command.console import Counted, Failed, moved, range_option, say, warn
from likezip.command.names import PIPE, Job, jobs
from likezip.command.options import (
    A_PATH,
    all_of,
    arguments,
    block_size_option,
    common_options,
    context_option,
    effort_option,
    in_order,
    lanes_option,
    max_size_option,
    open_source,
    prior_option,
    recursive_option,
    size_of,
    standard_output,
    tried,
    window_option,
)
from likezip.command.printable import printable
from likezip.command.removal import has_changed, remove, status_of
from likezip.command.sparse_file import SparseWriter
from likezip.frames import container, stream
from likezip.frames.outputs import complete_output
from likezip.frames.raw_io import Beginning, Nowhere, Sink

if TYPE_CHECKING:
    from likezip.frames import recovery

Operation = Callable[[Any, Sink, dict[str, Any]], list["recovery.Loss"]]
"""Reads from one file and writes to another, with the keyword arguments of ``options.arguments``; returns what recovery
has lost."""

WITHOUT_COMMAND = "likezip.without_command"
"""In click's ``meta``, that no command was named: then all names are inputs, as of gzip, xz and zstd."""


def _unseen(option: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same option, not listed by --help."""

    def decorate(command: Any) -> Any:
        command = option(command)
        command.__click_params__[-1].hidden = True
        return command

    return decorate


def _operation(*names: str) -> Callable[[Any], Any]:
    return _unseen(click.option(*names, "operation", flag_value=names[1].removeprefix("--")))


_transfer_options = in_order(
    click.argument("names", nargs=-1, metavar="[IN [OUT] | IN...]", type=A_PATH),
    click.option("-o", "--output", type=A_PATH, help="Output file, of a single IN."),
    click.option("-c", "--stdout", "to_stdout", is_flag=True, help="Write to standard output, for all INs."),
    click.option("-f", "--force", is_flag=True, help="Replace an existing output; use a terminal for binary data."),
    click.option("--rm", "removed", is_flag=True, help="Delete the input once the output is complete and verified."),
    click.option("-k", "--keep", is_flag=True, help="Keep the input (the default)."),
    recursive_option,
    context_option,
    _operation("-z", "--compress"),
    _operation("-d", "--decompress"),
    _operation("-t", "--test"),
    _operation("-l", "--list"),
    common_options,
)
_coding_options = (effort_option, block_size_option, window_option, lanes_option, prior_option)
_decoding_options = (
    click.option(
        "--range",
        "wanted",
        type=range_option,
        metavar="START:END",
        help="Only these bytes of the content, to standard output unless OUT is given: 0:1000, 64K:, or -1M: for the "
        "last. Only the blocks that hold them are read and decoded; a pipe is read up to them.",
    ),
    click.option(
        "--recover",
        is_flag=True,
        help="Write all blocks of a damaged IN that are intact, and say what is lost; exits with 1 if anything is.",
    ),
    click.option(
        "--sparse/--no-sparse",
        default=True,
        show_default=True,
        help="Leave pages of zeros out of the output file, so that they take no room on disk.",
    ),
    max_size_option,
)


@click.command("compress")
@_transfer_options
@in_order(*_coding_options, *map(_unseen, _decoding_options))
def compress_command(operation: str | None, **options: Any) -> None:
    """Compress IN to OUT, or each of several INs to IN.lz.

    Without OUT to IN.lz, without IN (or with -) from standard input to standard output. Two names are IN and OUT if
    there is no file OUT yet, or OUT ends in .lz and IN does not; else both are INs, and only -o names the output.

    \b
    likezip compress notes.txt                 to notes.txt.lz
    likezip compress *.txt                     each to its own
    likezip compress --rm -v notes.txt         and delete notes.txt
    likezip compress --fast big.log            several times as fast
    likezip compress --context v1.txt v2.txt   only what is new; decompress needs v1.txt
    likezip compress -c notes.txt > elsewhere
    """
    _run(operation or "compress", **options)


@click.command("decompress")
@_transfer_options
@in_order(*_decoding_options, *map(_unseen, _coding_options))
def decompress_command(operation: str | None, **options: Any) -> None:
    """Decompress IN to OUT, or each of several INs X.lz to X.

    Without OUT from X.lz to X, without IN (or with -) from standard input to standard output. Two names are IN and OUT
    if there is no file OUT yet, or IN ends in .lz and OUT does not; else both are INs, and only -o names the output.

    \b
    likezip decompress notes.txt.lz            to notes.txt
    likezip decompress *.lz                    each to its own
    likezip decompress --range -1K: big.log.lz
    likezip decompress --recover damaged.lz what-is-left
    """
    _run(operation or "decompress", **options)


def _run(
    operation: str,
    *,
    names: tuple[str, ...],
    output: str | None,
    to_stdout: bool,
    force: bool,
    removed: bool,
    keep: bool,
    recursive: bool,
    block_size: int | None,
    window: int | None,
    lanes: int | None,
    prior: PriorChoice,
    effort: Effort | None,
    wanted: tuple[int, int | None] | None,
    recover: bool,
    sparse: bool,
    max_size: int | None,
    **shown: Any,
) -> None:
    """Run the operation that the options ask for, and exit."""
    context = click.get_current_context()
    if operation == "test":
        context.invoke(test_command, files=names, recursive=recursive, max_size=max_size, **shown)
        return
    if operation == "list":
        context.invoke(list_command, files=names or (PIPE,), recursive=recursive, as_json=False)
        return
    decompressing = operation == "decompress"
    if not decompressing and (wanted or recover):
        raise click.UsageError("--range and --recover are for decompressing")
    if max_size is not None and (not decompressing or recover or wanted):
        raise click.UsageError("--max-size is for decompressing whole files, without --recover and --range")
    inputs, failed = all_of(names, recursive=recursive, packed=decompressing)
    if (output is not None) + to_stdout > 1 or (output is not None and len(inputs) != 1):
        raise click.UsageError("give one of OUT, --output and --stdout, and with --output one IN")
    only_inputs = recursive or context.meta.get(WITHOUT_COMMAND, False)
    to_do = jobs(inputs, decompressing=decompressing, output=output, to_stdout=to_stdout, only_inputs=only_inputs)
    if wanted:
        to_do = [Job(job.source, job.target or PIPE) for job in to_do]
    _check(to_do, wanted=wanted is not None, recover=recover, removed=removed, keep=keep)
    work: Operation
    if recover:
        work = _recover
    elif wanted:
        work = partial(_decompress_range, *wanted)
    elif decompressing:
        work = partial(_decompress, max_size)
    else:
        if effort == "fast" and prior == "on":
            raise click.UsageError("--fast and --prior on contradict each other")
        options = {"window": window, "lanes": lanes, "prior": prior, "effort": effort or "usual"}
        work = partial(_compress, options, block_size)
    transfer = Transfer(work, decompressing, force=force, removed=removed, sparse=sparse, shown=shown)
    for job in to_do:
        failed |= tried(job.source, transfer.do, job)
    sys.exit(failed)


def _check(given: list[Job], *, wanted: bool, recover: bool, removed: bool, keep: bool) -> None:
    """Raise UsageError for options that contradict each other or the jobs."""
    if wanted and len(given) > 1:
        raise click.UsageError("--range is for one IN; -o names the output")
    if wanted and removed:
        raise click.UsageError("--rm with --range would delete the rest")
    if recover and (wanted or removed or any(job.source == PIPE for job in given)):
        raise click.UsageError("--recover needs an input file, and no --range and no --rm")
    if removed and (keep or any(PIPE in (job.source, job.target) for job in given)):
        raise click.UsageError("--rm needs an input and an output file and contradicts --keep")


def _compress(
    options: dict[str, Any], block_size: int | None, source: Any, sink: Sink, common: dict[str, Any]
) -> list[recovery.Loss]:
    size = size_of(source)
    content = Beginning(source, size) if size else source  # a file that grows meanwhile would be followed for ever
    used = block_size or container.default_block_size(size, options["effort"])
    stream.compress_stream(content, sink, block_size=used, **options, **common)
    return []


def _decompress(max_size: int | None, source: Any, sink: Sink, common: dict[str, Any]) -> list[recovery.Loss]:
    stream.decompress_stream(source, sink, max_size=max_size, **common)
    return []


def _decompress_range(
    start: int, end: int | None, source: Any, sink: Sink, common: dict[str, Any]
) -> list[recovery.Loss]:
    stream.decompress_range(source, sink, start, end, **{key: common[key] for key in common if key != "progress"})
    return []


def _recover(source: Any, sink: Sink, common: dict[str, Any]) -> list[recovery.Loss]:
    from likezip.frames import recovery

    losses = recovery.recover_stream(source, sink, **common)
    source.size = size_of(source) or 0  # recovery reads it in ways that are not counted
    return losses


@dataclass(frozen=True)
class Transfer:
    """How inputs become outputs.

    decompressing: whether inputs are decompressed; force: outputs may replace files; removed: inputs are deleted;
    sparse: pages of zeros are left out of files; shown: options that all commands take.
    """

    work: Operation
    decompressing: bool
    force: bool
    removed: bool
    sparse: bool
    shown: dict[str, Any]

    def do(self, job: Job) -> None:
        """Open input and output and run the operation; only then does the output appear, and is the input deleted."""
        began = time.monotonic()
        place = None if job.target == PIPE else job.place(self.decompressing)
        with (
            open_source(job.source, binary=self.decompressing and not self.force) as opened,
            arguments(size_of(opened), **self.shown) as common,
        ):
            before = status_of(opened)
            read = Counted(opened, job.source)
            if place is None:
                written = standard_output(binary=not self.decompressing and not self.force)
                losses = self.work(read, written, common)
                written.flush()
            else:
                written, losses = self._to_file(place, None if job.source == PIPE else opened, read, common)
            changed = has_changed(opened, before)
        for loss in losses:
            warn(f"{job.source}: {loss}")
        if self.removed:
            remove(job.source, before)
        elif changed and not self.shown["quiet"]:
            warn(f"{job.source}: changed while it was read")
        if self.shown["verbose"] and not self.shown["quiet"]:
            say(f"{printable(job.source)}: {moved(read, written, began)}")
        if any(loss.raw_size != 0 for loss in losses):
            raise Failed(1)

    def _to_file(
        self, place: Path, source: BinaryIO | None, read: Counted, common: dict[str, Any]
    ) -> tuple[Counted, list[recovery.Loss]]:
        """Write the output, which then has its name; it is read back first, if the input is to be deleted."""
        with complete_output(place, source=source, force=self.force) as file:
            sparse = self.sparse and self.decompressing
            written = Counted(SparseWriter(file) if sparse else file, str(place))
            losses = self.work(read, written, common)
            written.flush()
            if self.removed and not self.decompressing:
                _verify(file, common)
        return written, losses


def _verify(written: BinaryIO, common: dict[str, Any]) -> None:
    """Read back and decompress all that was written."""
    with os.fdopen(os.dup(written.fileno()), "rb") as file:
        file.seek(0)
        stream.decompress_stream(file, Nowhere(), **{**common, "progress": None})
