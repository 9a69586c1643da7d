"""The command line: arguments, messages and exit codes; no bytes are parsed here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

import likezip
from likezip.command.check_commands import list_command, test_command
from likezip.command.console import STANDARD_OUTPUT, failures, print_line
from likezip.command.likelihood_commands import heatmap_command, sample_command
from likezip.command.printable import printable
from likezip.command.score_command import score_command
from likezip.command.train_command import train_command
from likezip.command.transfer_commands import WITHOUT_COMMAND, compress_command, decompress_command
from likezip.command.warm_up_command import warm_up_command
from likezip.frames import container
from likezip.frames.outputs import naming
from likezip.model import all_models, default_model, load_model


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    with failures():
        model = default_model()
        print_line(f"likezip {likezip.__version__}, format {container.VERSION}, model {model.name} {model.id.hex()}")
    context.exit()


class Filter(click.Group):
    """The group of commands; a command line without one is taken as gzip, xz and zstd would."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take a command line without a command for one of ``compress``, which has all options."""
        if not ctx.resilient_parsing and self._is_without_command(args):
            args = ["compress", *args]
            ctx.meta[WITHOUT_COMMAND] = True
        if not args:
            return super().parse_args(ctx, args)  # which shows the help
        with _messages_printable():
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; raises UsageError for a name that is neither one nor a file."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            ctx.fail(f"{args[0]!r} is neither a command nor a file.")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors in its arguments are reported in one line."""
        with _messages_printable():
            return super().invoke(ctx)

    def _is_without_command(self, args: list[str]) -> bool:
        if not args:
            return not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout))
        own = {name for option in self.params for name in option.opts} | {"-h", "--help"}
        if args[0].startswith("-"):
            return args[0] not in own
        return args[0] not in self.commands and os.path.lexists(args[0])


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


@contextmanager
def _messages_printable() -> Iterator[None]:
    """Escape arguments in messages, which may be names of files, for the terminal."""
    try:
        yield
    except click.UsageError as error:
        raise click.UsageError(printable(error.format_message()), error.ctx) from error


@click.group(cls=Filter, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Program, format and model.",
)
def main() -> None:
    """Lossless compression by the likelihood of a trained model.

    \b
    likezip compress in.bin                 writes in.bin.lz and keeps in.bin
    likezip decompress in.bin.lz            and back
    likezip compress *.log; likezip decompress *.lz; likezip compress -r directory
    tar -I likezip -cf directory.tar.lz directory; tar -I likezip -xf directory.tar.lz
    likezip decompress --range 1M:2M in.bin.lz > part
    likezip test *.lz; likezip list --json *.lz

    Without a command it is a filter that compresses, with -d one that decompresses; and it takes files and the options
    -d, -t, -l, -c, -f, -k, -r and -o as gzip, xz and zstd do, but keeps its inputs.

    The model says more than how to compress: which lines are surprising, what each byte costs, what could follow; and
    it can be trained on files of your own.

    \b
    likezip score --by line --context yesterday.log today.log
    likezip heatmap in.bin                  writes in.bin.html
    likezip sample -n 1000 --prompt in.txt
    likezip train DIR -o my.safetensors; likezip compress --model my.safetensors in.bin

    An output appears under its name only once it is complete, and an input is never changed; --rm deletes it after the
    output was verified. Without IN, or with - for it, standard input goes to standard output. The bytes are the same
    on every machine and with any number of threads.

    \b
    Exit codes:
      0  all is well
      1  something failed: a line on standard error says what; its output file is not left, other
         inputs are worked on all the same; with --rm also: an input was kept, as it may have
         changed; with --recover: something was lost, all else has been written
      2  wrong usage
      Interrupted, by Ctrl-C, SIGTERM or SIGHUP, it cleans up and then ends by that signal, and
      where nobody reads its output any more, without a word by SIGPIPE.

    \b
    Environment:
      LIKEZIP_MODELS        directories to look for model files in, separated as in PATH, before
                            likezip/models in XDG_DATA_HOME or ~/.local/share
      LIKEZIP_BACKEND       dot, int8, float32 or cuda: how the network's products are computed,
                            instead of the fastest way that is exact here
      LIKEZIP_INSTRUCTIONS  the instructions that dot may use: vnni512, vnni256, avx2 (x86),
                            i8mm, dotprod, neon (64-bit ARM), or none
      NUMBA_CACHE_DIR       where compiled kernels are kept, instead of likezip in XDG_CACHE_HOME
                            or ~/.cache

    \b
    Completion for bash, and likewise for zsh and fish:
      eval "$(_LIKEZIP_COMPLETE=bash_source likezip)"
    """


@click.command("models")
@click.argument("name", required=False, metavar="[MODEL]")
def models_command(name: str | None) -> None:
    """Show the models that are found here, or what MODEL, a file, name or id, says of itself, as JSON.

    The model that a compressed file was written with, whose id `likezip list` shows, is looked for among these.
    """
    with failures():
        if name is None:
            for model in all_models():
                print_line(
                    f"{model.id.hex()}  {model.size:>12,} bytes  {printable(model.name)}  {printable(str(model.path))}"
                )
            return
        model = load_model(name)
        about = {"name": model.name, "id": model.id.hex(), "bytes": model.size, **dict(sorted(model.card().items()))}
        print_line(json.dumps(about, indent=1))


for command in (
    compress_command,
    decompress_command,
    test_command,
    list_command,
    train_command,
    score_command,
    heatmap_command,
    sample_command,
    models_command,
    warm_up_command,
):
    main.add_command(command)


def run() -> None:
    """Run the command line; commands answer their own errors, so those that are left are about --help."""
    with failures(), naming(STANDARD_OUTPUT):
        main()
