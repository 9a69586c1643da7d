"""A page for browsers that shows the cost of each byte of a file: one HTML file, which loads nothing else.

``heatmap.html``, with its style and its script beside it, is the page without its contents.  The contents are a
description (JSON) of the whole file: the blocks and the curve; and planes, arrays with a number for each byte of a part
of the file: its cost, its cost by the prior or the memory alone or without the correction, and the expected bytes.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import likezip
from likezip.blocks import block_header, coding
from likezip.blocks.options import CodingOptions
from likezip.frames import container
from likezip.frames.raw_io import Source, blocks_of
from likezip.likelihood import lookahead
from likezip.likelihood.lookahead import BEST, BlockLookahead
from likezip.model import default_model

Bits = npt.NDArray[np.float64]
Planes = npt.NDArray[np.uint8]
"""(PLANES, n), in this order: the bytes; the XOR of each byte and the byte that is coded for it; BEST planes with the
XOR of the coded byte and an expected one, the likeliest first; then, as ``quantised`` bits, the costs, the costs by the
prior alone, by the memory alone, and without the correction, and BEST planes with -log2 of the expected bytes'
probabilities.  A byte's cost is subtracted, modulo 256, from those by the memory alone and without the correction and,
if the byte was an expected one, from that one's -log2: the rest is near 0 and packs well."""

PLANES = 2 + BEST + 4 + BEST

MOST_SHOWN = 1 << 21
"""Bytes that a page shows one by one."""

BINS = 2000
"""The most bins of the curve; there are at least half as many, if there are as many bytes."""

QUANTUM = 1 / 2048
"""A quantised byte q stands for q² times so many bits, so that small costs have small steps: 1/23 of a bit at 1, 1/8 at
8."""

NO_VALUE = 255
"""The quantised value of a cost or probability that does not exist."""


def quantised(bits: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Costs in bits, of any shape, as the page has them, at most 31.5; NO_VALUE for NaN and infinity."""
    finite = np.isfinite(bits)
    steps = np.sqrt(np.where(finite, bits, 0.0).clip(0) / QUANTUM).round().clip(0, NO_VALUE - 1)
    return np.where(finite, steps, NO_VALUE).astype(np.uint8)


def planes_of(block: BlockLookahead, part: slice) -> Planes:
    """The planes of a ``part`` of a block."""
    expectation = block.lookahead
    raw, coded = (np.frombuffer(data, np.uint8)[part] for data in (block.raw, block.coded))
    others = expectation.expected[part].T ^ coded
    bits = block.costs, expectation.prior, block.memory, expectation.mixed
    costs, prior, memory, mixed = quantised(np.stack([of_all[part] for of_all in bits]))
    with np.errstate(divide="ignore"):
        chances = quantised(-np.log2(expectation.chances[part].T))
    chances -= np.where(others == 0, costs, 0).astype(np.uint8)
    return np.stack([raw, raw ^ coded, *others, costs, prior, memory - costs, mixed - costs, *chances])


class Curve:
    """Sums of costs over parts of equal length, ``step``, which doubles so that there are at most BINS of them."""

    def __init__(self) -> None:
        self.step, self.size = 1, 0
        self.sums: Bits = np.zeros(0)

    def add(self, costs: Bits) -> None:
        """Add the costs of the next bytes, (n,) bits."""
        end = self.size + len(costs)
        while end > BINS * self.step:
            self.sums = np.append(self.sums, np.zeros(self.sums.size % 2)).reshape(-1, 2).sum(1)
            self.step *= 2
        sums = np.zeros(-(-end // self.step))
        sums[: self.sums.size] = self.sums
        places = np.arange(self.size, end) // self.step
        self.sums, self.size = sums + np.bincount(places, costs, sums.size), end


class BlockSummary(NamedTuple):
    """How a block is compressed: size in bytes; mode, profile and lanes as in ``BlockLookahead``."""

    size: int
    bits: float
    mode: int
    profile: str
    lanes: int


@dataclass
class Survey:
    """Collects the contents of a page, block by block: the costs of all bytes, and the planes of the bytes from
    ``start`` to ``end``."""

    options: CodingOptions
    start: int
    end: int
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        self.curve, self.blocks, self.parts = Curve(), list[BlockSummary](), list[Planes]()
        self._sums = np.zeros(4)
        self._coded = 0

    def add(self, raw: bytes) -> None:
        """Add the next block, of at least one byte."""
        begin, end = self.curve.size, self.curve.size + len(raw)
        part = slice(max(0, self.start - begin), max(0, self.end - begin))
        block, costs = self._show(raw, part) if part.start < min(part.stop, len(raw)) else self._measure(raw)
        self.blocks.append(block)
        self.curve.add(costs)
        self._advance(end - self._coded)

    def _advance(self, size: int) -> None:
        """Report that ``size`` more bytes are done, and the bytes to which the finished blocks are compressed."""
        self._coded += size
        if self.progress is not None:
            self.progress(self._coded, int(self.bits) // 8)

    def _show(self, raw: bytes, part: slice) -> tuple[BlockSummary, Bits]:
        """Take a block of which a part is shown."""
        block = lookahead.look_ahead(raw, self.options, self._advance)
        self.parts.append(planes_of(block, part))
        alone = block.costs if block.mode == block_header.STORED else block.lookahead.prior
        shown = block.costs, alone, block.memory, block.lookahead.mixed
        self._sums += [bits[part].sum(dtype=np.float64) for bits in shown]
        return BlockSummary(len(raw), float(block.costs.sum()), block.mode, block.profile, block.lanes), block.costs

    def _measure(self, raw: bytes) -> tuple[BlockSummary, Bits]:
        """Take a block of which only the costs are shown, which takes a fraction of the time."""
        plan = coding.plan(raw, self.options)
        found = plan.code(raw, self.options, self._advance, keep_costs=True)
        costs = plan.joined([block.byte_costs() for block in found])
        mode, best = found[0].header.mode if len(found) == 1 else block_header.PARTS, found[0].coding
        profile, lanes = (best.shape.profile.name, best.shape.lanes) if best and len(found) == 1 else ("", 1)
        return BlockSummary(len(raw), float(costs.sum()), mode, profile, lanes), costs

    @property
    def bits(self) -> float:
        """The bits of all blocks so far."""
        return sum(block.bits for block in self.blocks)

    @property
    def planes(self) -> Planes:
        """The planes of the part that is shown."""
        return np.concatenate([np.zeros((PLANES, 0), np.uint8), *self.parts], 1)

    def facts(self) -> dict[str, Any]:
        """The description for the page, but for the names of the file and the program."""
        together, prior, memory, mixed = (None if np.isnan(bits) else round(bits, 3) for bits in self._sums.tolist())
        shown = sum(part.shape[1] for part in self.parts)
        return {
            "size": self.curve.size,
            "bits": round(self.bits, 3),
            "curve": {"step": self.curve.step, "sums": [round(bits, 3) for bits in self.curve.sums.tolist()]},
            "blocks": [block._replace(bits=round(block.bits, 3)) for block in self.blocks],
            "part": {
                "start": self.start,
                "size": shown,
                "bits": together,
                "prior": prior,
                "memory": memory,
                "mixed": mixed,
            },
            "most": MOST_SHOWN,
        }


def page(
    source: Source,
    name: str,
    options: CodingOptions,
    *,
    size: int | None = None,
    start: int = 0,
    end: int | None = None,
    block_size: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    announce: Callable[[], None] | None = None,
    raw: bool = False,
) -> bytes:
    """The page for ``source``, which is read to its end: a curve of all of it, and the bytes from ``start`` to ``end``,
    counted as in Python's slices; MOST_SHOWN bytes if there is no end.

    name: of the file, as the operating system has it; size: its bytes, if known, needed for a range that counts from
    the end, and for blocks of equal size, like those of the compressor; raw: whether the command on the page, which
    shows another part, has ``--raw``.
    progress: called with the bytes done and their compressed size; announce: called before kernels are compiled;
    block_size: as for ``compress_stream``.
    Raises ValueError for a range that begins behind the end or is longer than MOST_SHOWN.
    """
    lookahead.prepare_lookahead(announce, prior=options.may_use_prior)
    survey = Survey(options, *_range(start, end, size), progress)
    for content in blocks_of(source, block_size or container.default_block_size(size)):
        survey.add(content)
    if survey.start > survey.curve.size:
        raise ValueError(_range_message(survey.curve.size))
    again = _command(name, options, block_size, raw=raw)
    about = {
        "name": _readable(name),
        "version": likezip.__version__,
        "model": [options.model.name, options.model.id.hex()],
    }
    planes = survey.planes
    return render({**about, **survey.facts(), "again": again, "text": is_text(planes[0].tobytes())}, planes)


def _range(start: int, end: int | None, size: int | None) -> tuple[int, int]:
    """The places where the shown part begins and ends, or would if the file were long enough."""
    if size is None and (start < 0 or (end is not None and end < 0)):
        raise ValueError("a range that counts from the end needs a file, not a pipe")
    if size is not None and start > size:
        raise ValueError(_range_message(size))
    if size is not None:
        start, stop, _ = slice(start, end).indices(size)
        end = None if end is None else max(start, stop)
    if end is not None and end - start > MOST_SHOWN:
        raise ValueError(f"the range has {end - start} bytes, and a page shows at most {MOST_SHOWN}")
    return start, start + MOST_SHOWN if end is None else max(start, end)


def _range_message(size: int) -> str:
    return f"the range begins behind the end: there are {size} bytes"


def _readable(name: str) -> str:
    """A file's name for a page; bytes that are no UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def _command(name: str, options: CodingOptions, block_size: int | None, *, raw: bool) -> str:
    """The beginning of a command that shows another part of the file with the same options."""
    words = ["likezip", "heatmap", f"./{name}" if name.startswith("-") and name != "-" else name]
    words += ["--raw"] if raw else []
    words += [] if options.prior == "auto" else ["--prior", options.prior]
    words += [] if options.lanes is None else ["--lanes", str(options.lanes)]
    words += [] if block_size is None else ["--block-size", str(block_size)]
    words += [] if options.model.id == default_model().id else ["--model", str(options.model.path)]
    return shlex.join(map(_readable, words))


_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\f\r\33") + b"\x7f"


def is_text(raw: bytes) -> bool:
    """Whether bytes are better read as text: at most 1 % are control bytes, 10 % no UTF-8."""
    controls = len(raw) - len(raw.translate(None, _CONTROLS))
    return 100 * controls <= len(raw) and 10 * raw.decode("utf-8", "replace").count("\ufffd") <= len(raw)


def render(facts: dict[str, Any], planes: Planes) -> bytes:
    """The page with its contents; equal contents give equal bytes."""
    packed = gzip.compress(planes.tobytes(), mtime=0)
    contents = {
        "TITLE": html.escape(facts["name"]),
        "FACTS": json.dumps(facts, separators=(",", ":")).replace("<", r"\u003c"),
        "PLANES": base64.b64encode(packed).decode(),
        "STYLE": _part("css"),
        "SCRIPT": _part("js"),
    }
    return re.sub("@@([A-Z]+)@@", lambda place: contents[place[1]], _part("html")).encode()


def _part(kind: str) -> str:
    """A file beside this module: the page, its style, its script."""
    return Path(__file__).with_name(f"heatmap.{kind}").read_text("utf-8").rstrip("\n")
