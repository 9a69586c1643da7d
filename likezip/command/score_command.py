"""The command score: how surprising files and their parts are."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import click

from likezip import likelihood
from likezip.blocks import codec
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.command.console import Counted, described, failures, print_line, say
from likezip.command.contents import open_content, raw_option
from likezip.command.names import PIPE
from likezip.command.options import A_PATH, arguments, common_options, each, open_source, prior_option, size_of
from likezip.command.printable import printable
from likezip.errors import LikezipError
from likezip.frames import container
from likezip.frames.raw_io import blocks_of
from likezip.frames.workers import Workers
from likezip.model import resolve_model

SHOWN = 200
"""Bytes of a unit that are shown at most."""
FROZEN_BLOCK = 1 << 20
"""Bytes of a file whose units are scored together."""


def _division(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    try:
        return None if text is None else likelihood.score.Division.of(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@dataclass(frozen=True)
class Asked:
    """What the command was asked for: see its options."""

    division: Any
    contexts: tuple[str, ...]
    frozen: bool
    measure: Any
    top: int | None
    above: float | None
    expected_rate: float | None
    follow: bool
    as_json: bool
    times: bool
    raw: bool
    prior: PriorChoice

    @classmethod
    def checked(cls, files: tuple[str, ...], frozen: bool | None, measure: Any, **options: Any) -> Asked:
        """The options with their defaults; raises UsageError for those that do not go together."""
        division, contexts, follow = options["division"], options["contexts"], options["follow"]
        chosen = bool(contexts) and division is not None if frozen is None else frozen
        default = "blend" if chosen else likelihood.score.ADAPTIVE_MEASURES[0]
        asked = cls(frozen=chosen, measure=measure or default, **options)
        by_part = options["top"], options["above"], options["expected_rate"], measure
        if division is None and (frozen or any(option is not None for option in by_part)):
            raise click.UsageError("--frozen, --top, --above, --expected-rate and --rank need --by")
        if asked.above is not None and math.isnan(asked.above):
            raise click.UsageError("--above needs a number")
        if PIPE in contexts and PIPE in (files or (PIPE,)):
            raise click.UsageError("standard input can't be both --context and scored")
        if not chosen and asked.measure not in likelihood.score.ADAPTIVE_MEASURES:
            raise click.UsageError(f"--rank {asked.measure} needs --frozen")
        if (asked.expected_rate is not None or follow) and not (chosen and contexts):
            raise click.UsageError("--expected-rate and --follow need --context and frozen scores")
        if options["times"] and not (chosen and division is not None and division.kind == "line"):
            raise click.UsageError("--times is for frozen scores by line: all others count times")
        if follow and (division is None or division.kind != "line" or len(files) > 1 or asked.top is not None):
            raise click.UsageError("--follow needs --by line and one FILE, and can't rank: no --top")
        return asked


@click.command("score")
@click.argument("files", nargs=-1, metavar="[FILE...]", type=A_PATH)
@click.option(
    "--by",
    "division",
    callback=_division,
    metavar="UNIT",
    help='Rank the parts of each file: line, "record N" or "window N", N bytes each; windows, of an even number, '
    "overlap by half.",
)
@click.option(
    "--context",
    "contexts",
    multiple=True,
    type=A_PATH,
    help="Learn from this file first, of which the last 4M count: yesterday's log, say. May be repeated.",
)
@click.option(
    "--frozen/--adaptive",
    "frozen",
    default=None,
    show_default="frozen with --context",
    help="Score each part right after the context, as if no other had come; or behind all before it in the file.",
)
@click.option(
    "--rank",
    "measure",
    type=click.Choice(["blend", "surprise", "bits", "rate", "words", "excess", "deviation", "ratio", "universal"]),
    show_default="blend, adaptive: surprise",
    help="What parts are ranked by. Adaptive: surprise, the root mean square of what their bytes cost, which finds a "
    "few odd bytes among many; all their bits; or the rate, bits per byte. Frozen: those, and words, which counts a "
    "random number once; blend of surprise, bits and words; excess over what was expected, and its deviation; ratio "
    "to the bits without the context; universal, bits above those of zlib.",
)
@click.option(
    "--times",
    is_flag=True,
    help="Frozen scores of lines count dates and times of day, too, which are otherwise all taken for the same.",
)
@click.option("--top", type=click.IntRange(1), help="Only so many parts of each file, the most surprising ones.")
@click.option(
    "--above", type=float, metavar="Z", help="Only parts at least so many standard deviations above the mean."
)
@click.option(
    "--expected-rate",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Only parts above what all but this share of usual parts score, such as 0.001: the last fifth of the context "
    "tells, once the rest is learnt. z then compares with that fifth, too.",
)
@click.option(
    "--follow", is_flag=True, help="Score the lines of a growing file as they come, in its order, and wait for more."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="A JSON array with an object for each FILE, instead of TSV; with --follow an object in a line for each part.",
)
@raw_option
@prior_option
@common_options
def score_command(
    files: tuple[str, ...],
    division: Any,
    contexts: tuple[str, ...],
    frozen: bool | None,
    measure: Any,
    times: bool,
    top: int | None,
    above: float | None,
    expected_rate: float | None,
    follow: bool,
    as_json: bool,
    raw: bool,
    prior: PriorChoice,
    **shown: Any,
) -> None:
    """How surprising FILEs are to the model: bits and bits per byte, of each file or, with --by, of its parts.

    Without FILE (or with -) standard input is scored. Adaptive scores, the default without --context: every byte is
    predicted from all before it in the file, so a file's bits are about what it is compressed to, without some 70
    bytes of headers. Frozen scores: from the context and the bytes of its part alone. The most surprising parts come
    first. Files of likezip, gzip, xz, bzip2 and, with Python 3.14, zstd are read through, also as --context.

    \b
    unit            number of the part in the file, from 1
    offset, bytes   where it begins, from 0, and its size
    bits            what it costs; bits_per_byte: divided by its size
    surprise        root mean square of the bits of its bytes
    score           what parts are ranked by
    z               standard deviations of the score above the mean of the file's parts; with --follow and
                    --expected-rate, of the context's last fifth
    text            its first 200 bytes, and ... if there are more; backslashes and what can't be shown are escaped;
                    on a terminal the dearest words of frozen scores are coloured, and JSON tells their offsets

    \b
    likezip score *.log                              bits and bits per byte of each
    likezip score --by line --top 20 today.log       the 20 most surprising lines
    likezip score --by line --context yesterday.log --above 3 today.log
    likezip score --by line --context yesterday.log --expected-rate 0.001 --follow today.log
    likezip score --by "record 64" --json table.bin
    """
    asked = Asked.checked(
        files,
        frozen,
        measure,
        division=division,
        contexts=contexts,
        top=top,
        above=above,
        expected_rate=expected_rate,
        follow=follow,
        as_json=as_json,
        times=times,
        raw=raw,
        prior=prior,
    )
    context = [_read_end(name, asked) for name in contexts]
    with Workers(shown["threads"]) as workers:
        scoring = _Frozen(asked, context) if asked.frozen else _Adaptive(asked, b"".join(context), workers)
        if isinstance(scoring, _Frozen) and follow:
            sys.exit(each(files or (PIPE,), lambda name: scoring.follow(name, **shown)))
        sys.exit(_score_all(files or (PIPE,), scoring, asked, **shown))


class _Adaptive:
    """Scores each part of a file behind all before it."""

    threshold: float | None = None

    def __init__(self, asked: Asked, context: bytes, workers: Workers) -> None:
        self._asked, self._context, self._workers = asked, context, workers

    def score(self, file: Counted, size: int | None, common: dict[str, Any]) -> Any:
        """The score of a file of ``size`` bytes, if that is known."""
        options = CodingOptions(resolve_model(common["model"]), self._asked.prior, lanes=1)
        codec.prepare_kernels(common["announce"], prior=options.may_use_prior)
        blocks = likelihood.density.stream_costs(
            file,
            self._workers,
            options,
            context=self._context,
            block_size=container.default_block_size(size),
            advance=common["progress"].advance,
        )
        return likelihood.score.score_blocks(blocks, self._asked.division, self._asked.measure)


class _Frozen:
    """Scores each part of a file right after the context, which is learnt when the first file is scored."""

    def __init__(self, asked: Asked, context: list[bytes]) -> None:
        self._asked = asked
        self._scorer: Any = None
        self._usual: Any = None
        self._context = [unit for content in context for unit in asked.division.units_of_context(content)]
        self.threshold: float | None = None

    def _prepare(self, common: dict[str, Any]) -> Any:
        if self._scorer is None:
            scorer = likelihood.anomaly.AnomalyScorer(
                self._context,
                measure=self._asked.measure,
                times=self._asked.times or self._asked.division.kind != "line",
                model=common["model"],
                prior=self._asked.prior,
                threads=common["threads"],
                announce=common["announce"],
            )
            if self._asked.follow or self._asked.expected_rate is not None:
                self._usual = scorer.usual
            if self._asked.expected_rate is not None:
                self.threshold = scorer.usual.threshold(self._asked.expected_rate)
            self._scorer = scorer
        return self._scorer

    def score(self, file: Counted, size: int | None, common: dict[str, Any]) -> Any:
        """The score of a file."""
        scorer, advance = self._prepare(common), common["progress"].advance
        blocks = blocks_of(file, FROZEN_BLOCK)
        return likelihood.score.score_frozen(blocks, self._asked.division, scorer, self._usual, advance)

    def follow(self, name: str, **shown: Any) -> None:
        """Score the lines of a file as they come, and print those that were asked for."""
        with open_source(name, binary=False), arguments(None, **{**shown, "no_progress": True}) as common:
            scorer, count = self._prepare(common), 0
            if not self._asked.as_json:
                print_line("\t".join(_head(self._asked)))
            for offset, lines in _lines_of(name):
                scored = scorer.scored(lines)
                units = likelihood.score.Units.of(scored, scored.sizes, self._asked.measure, self._usual, offset)
                for number, passing in enumerate(units.passing(self._asked.above, self.threshold)):
                    if passing:
                        row = {"name": name, **_row(units, number, lines[number][: SHOWN + 2], self._asked)}
                        _print_row({**row, "unit": row["unit"] + count}, self._asked)
                count += len(lines)


def _lines_of(name: str) -> Iterator[Any]:
    """The lines of a file that grows, or of a pipe, as they come."""
    if name != PIPE and os.path.isfile(name):
        yield from likelihood.follow.growing_lines(name)
        return
    with open_source(name, binary=False) as source:
        yield from likelihood.follow.stream_lines(source.read1)  # type: ignore[attr-defined]


def _score_all(names: tuple[str, ...], scoring: _Adaptive | _Frozen, asked: Asked, **shown: Any) -> int:
    """Score files and print the results; returns the exit code."""
    results: list[dict[str, Any]] = []

    def work(name: str) -> None:
        try:
            results.append(_score(name, scoring, asked, **shown))
        except (LikezipError, OSError, ValueError) as error:
            results.append({"name": name, "error": described(error)})
            raise
        if not asked.as_json:
            if all("error" in result for result in results[:-1]):
                print_line("\t".join(_head(asked)))
            for row in results[-1].get("units", [results[-1]]):
                _print_row({"name": name, **row, **{"name": name}}, asked)

    failed = each(names, work)
    with failures():
        if asked.as_json:
            print_line(json.dumps(results, indent=1))
    return failed


def _score(name: str, scoring: _Adaptive | _Frozen, asked: Asked, **shown: Any) -> dict[str, Any]:
    """The result for one file."""
    began = time.monotonic()
    with open_content(name, raw=asked.raw) as file, arguments(size_of(file), **shown) as common:
        begin = file.tell()
        scored = scoring.score(Counted(file, name), size_of(file), common)
        result: dict[str, Any] = {"name": name, **scored.summary()}
        if scoring.threshold is not None:
            result["threshold"] = scoring.threshold
        if scored.units is not None:
            numbers = scored.units.ranking(asked.top, asked.above, scoring.threshold)
            beginnings = (_beginning(file, begin, scored.units, int(number)) for number in numbers)
            result["units"] = [
                _row(scored.units, int(number), beginning, asked)
                for number, beginning in zip(numbers, beginnings, strict=True)
            ]
    if shown["verbose"] and not shown["quiet"]:
        rate = f"{scored.size} bytes, {scored.bits:.0f} bits, {time.monotonic() - began:.1f} s"
        say(f"{printable(name)}: {rate}")
    return result


def _beginning(file: BinaryIO, begin: int, units: Any, number: int) -> bytes:
    """The first bytes of a unit, of content that begins at ``begin`` in the file: more than are shown, if there are."""
    file.seek(begin + int(units.starts[number]))
    return file.read(min(SHOWN + 2, int(units.sizes[number])))


def _row(units: Any, number: int, beginning: bytes, asked: Asked) -> dict[str, Any]:
    """A unit as a row of the output; beginning: its first bytes, more than are shown, if there are."""
    marks = [] if units.marks is None else [mark for mark in units.marks[number].tolist() if mark[1]]
    row = {**units.row(number), "text": _text(beginning, marks if _coloured(asked) else [])}
    if asked.as_json and units.marks is not None:
        start = int(units.starts[number])
        row["words"] = [{"offset": start + at, "bytes": size, "bits": bits} for at, size, bits in marks]
    return row


def _coloured(asked: Asked) -> bool:
    """Whether standard output is a terminal that may show colours (https://no-color.org)."""
    return not asked.as_json and sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _text(beginning: bytes, marks: list[Any]) -> str:
    """The first bytes of a unit, three dots for the rest; backslashes and characters that can't be shown are escaped,
    ``marks``, words by begin and size, coloured."""
    raw = beginning.rstrip(b"\r\n")
    shown, end, text = raw[:SHOWN], 0, ""
    for start, size, _ in marks:
        word = shown[start : start + size]
        text += _escaped(shown[end:start]) + (click.style(_escaped(word), fg="red", bold=True) if word else "")
        end = max(end, start + size)
    text += _escaped(shown[end:])
    return text if len(raw) <= SHOWN else f"{text}..."


def _escaped(raw: bytes) -> str:
    text = raw.replace(b"\\", b"\\\\").decode(errors="backslashreplace")
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _read_end(name: str, asked: Asked) -> bytes:
    """The last bytes of the content of a file that can count as context; of records, whole ones."""
    most = likelihood.density.LONGEST_CONTEXT
    step = max(1, asked.division.size) if asked.frozen else 1

    def skipped(size: int) -> int:
        return max(0, -(-(size - most) // step) * step)

    with failures(name), open_content(name, raw=asked.raw) as file:
        if (size_of(file) or 0) > most:
            file.seek(skipped(size_of(file) or 0))
        content = Counted(file, name).read(-1) or b""
        return content[skipped(len(content)) :]


def _head(asked: Asked) -> tuple[str, ...]:
    if asked.division is None:
        return ("name", *likelihood.score.FILE_COLUMNS)
    return ("name", *likelihood.score.UNIT_COLUMNS, "text")


def _print_row(row: dict[str, Any], asked: Asked) -> None:
    """Print a row as TSV, or as JSON in a line."""
    if asked.as_json:
        print_line(json.dumps(row))
    else:
        print_line("\t".join(map(_cell, {**row, "name": printable(row["name"])}.values())))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value).replace("\t", "\\t").replace("\n", "\\n")
