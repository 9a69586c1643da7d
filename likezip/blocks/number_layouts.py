"""How numbers lie in a block: their width, order and channels, and the length of a row, found by what differences cost.

The cost of differences is about that of an adaptive Elias gamma code: the entropy of their signs and lengths in bits,
and the bits behind the first.  All is estimated on a few thousand numbers; and sums are of integers, as in ``cost``.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from likezip.blocks.cost import FRACTION_BITS, cost_table
from likezip.memory.number_layout import MOST_CHANNELS, WIDTHS, NumberLayout
from likezip.memory.numbers import LEAST_OF_ROW

EXAMINED = 1 << 14
"""Bytes in the middle of a block in which layouts are tried, and numbers in which lengths of rows are."""
EXAMINED_FOR_ROWS = 1 << 18
"""Bytes in the middle of a block in which rows are looked for."""
LONGEST_ROW = 1 << 14
"""Bytes of a row at most that is looked for."""
PLACES, WINDOW, BEST_ROWS = 8, 24, 16
"""For every length of a row so many windows of so many numbers are compared with what is above them; the lengths that
are best there are tried."""
ROWS_WORTH = 0.99
"""There are rows only if numbers cost less than this part of what they cost without."""
CHANNELS = 1, 2, 3, 4, 6, 8
"""Numbers of channels that are tried."""
WORTH = 0.95
"""Numbers are modelled as such only if their differences cost less than this part of bytes by themselves."""
AS_GOOD = 1.1
"""Layouts that cost at most so many times what the best one costs are likely too."""
MOST_LAYOUTS = 3
TEXT, BLANK = 0.98, 0.02
"""Bytes are text if so many are printable ASCII, and so many are spaces or ends of lines."""
LEAST_BYTES = 512
"""In a shorter block no layout is looked for."""


def likely_layouts(raw: bytes, records: int) -> list[tuple[NumberLayout, int]]:
    """The most likely layouts of a block, at most MOST_LAYOUTS of different widths, the likeliest first, each with the
    length of a row in bytes; none for a block that does not look like numbers.

    records: the length of a record, as ``row_length`` finds it.
    """
    code = np.frombuffer(raw, np.uint8)
    if code.size < LEAST_BYTES:
        return []
    first = max(0, (code.size - EXAMINED) // 2)
    middle = code[first : first + EXAMINED]
    if _is_text(middle):
        return []
    costs = [(_cost(middle, first, layout), layout) for layout in _candidates(records)]
    if min(cost for cost, _ in costs) >= WORTH * _bits_of_counts(np.bincount(middle)) / middle.size:
        return []
    tried = list[tuple[float, NumberLayout, int]]()
    for width in WIDTHS:
        for in_records in (False, True):
            same = [(c, known) for c, known in costs if known.width == width and _has_records(known) == in_records]
            if same:
                tried.append(_with_rows(code, *min(same, key=itemgetter(0))))
    tried.sort(key=itemgetter(0))
    return [(layout, row) for cost, layout, row in tried[:MOST_LAYOUTS] if cost <= AS_GOOD * tried[0][0]]


def _is_text(code: npt.NDArray[np.uint8]) -> bool:
    """Whether nearly all bytes are of ASCII's text, and some of them spaces or ends of lines."""
    counts = np.bincount(code, minlength=256)
    blank = int(counts[[32, 10]].sum())
    printable = int(counts[32:127].sum() + counts[[9, 10, 13]].sum())
    return printable >= TEXT * code.size and blank >= BLANK * code.size


def _has_records(layout: NumberLayout) -> bool:
    """Whether an item is a record, and not some channels."""
    return layout.channels > CHANNELS[-1]


def _candidates(records: int) -> Iterator[NumberLayout]:
    """Layouts to try, the simpler ones first."""
    for width in WIDTHS:
        in_records = records // width
        more = (in_records,) if CHANNELS[-1] < in_records <= MOST_CHANNELS and records % width == 0 else ()
        for channels in (*CHANNELS, *more):
            for big_endian in (False, True) if width > 1 else (False,):
                for phase in range(width):
                    yield NumberLayout(channels, width, phase, big_endian)
                    if width > 2:
                        yield NumberLayout(channels, width, phase, big_endian, is_float=True)


def _numbers(code: npt.NDArray[np.uint8], first: int, layout: NumberLayout) -> npt.NDArray[np.int64]:
    """The numbers in bytes that begin at the place ``first`` of a block."""
    width = layout.width
    begin = (layout.phase - first) % width
    whole = code[begin : begin + (code.size - begin) // width * width]
    if width == 1:
        return whole.astype(np.int64)
    numbers = whole.view(f"{'>' if layout.big_endian else '<'}i{width}").astype(np.int64)
    return numbers ^ ((numbers >> 63) & ((1 << (8 * width - 1)) - 1)) if layout.is_float else numbers


def _wrapped(numbers: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int64]:
    if width == 1:
        return numbers
    shift = 64 - 8 * width
    return (numbers << shift) >> shift


def _lengths(differences: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The bits of the magnitude of each difference."""
    return np.frexp(np.abs(differences.astype(np.float64)))[1].astype(np.int64)


def _cost(code: npt.NDArray[np.uint8], first: int, layout: NumberLayout) -> float:
    """Bits a byte of the cheaper differences: to the number before, or to the line through the last two."""
    numbers, step = _numbers(code, first, layout), layout.channels
    if numbers.size < 4 * step:
        return 8.0
    once, twice = _differences(numbers, step, layout.width)
    return min(_bits(once, step), _bits(twice, step)) / layout.width


def _differences(
    numbers: npt.NDArray[np.int64], step: int, width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of numbers and those ``step`` before, and of these differences."""
    once = _wrapped(numbers[step:] - numbers[:-step], width)
    return once, _wrapped(once[step:] - once[:-step], width)


def _bits(differences: npt.NDArray[np.int64], step: int) -> float:
    """Bits a difference, of ``step`` channels each by itself if they are few."""
    lengths = _lengths(differences)
    signed, channels = 2 * lengths + (differences < 0), step if step <= CHANNELS[-1] else 1
    bits = sum(_bits_of_counts(np.bincount(signed[channel::channels])) for channel in range(channels))
    return (bits + int(np.maximum(lengths - 1, 0).sum())) / max(differences.size, 1)


def _bits_of_counts(counts: npt.NDArray[np.int64]) -> float:
    """The bits of so many symbols of each kind by their own frequencies."""
    shares = (counts << 16) // max(int(counts.sum()), 1)
    return int((counts * cost_table()[np.maximum(shares, 1) - 1]).sum()) / (1 << FRACTION_BITS)


def _with_rows(code: npt.NDArray[np.uint8], cost: float, layout: NumberLayout) -> tuple[float, NumberLayout, int]:
    """The cost of a layout of the block ``code``, in bits a byte, which is ``cost`` without rows; the layout; and the
    bytes of a row, those of an item or 2 if the numbers have none."""
    first = max(0, (code.size - EXAMINED_FOR_ROWS) // 2)
    numbers = _numbers(code[first : first + EXAMINED_FOR_ROWS], first, layout)
    step, width, none = layout.channels, layout.width, max(2, layout.item)
    longest = min(LONGEST_ROW // width, numbers.size // 4)
    if longest <= LEAST_OF_ROW * step:
        return cost, layout, none
    apart = np.zeros(longest + 1, np.int64)
    for number in range(PLACES):
        place = longest + number * (numbers.size - WINDOW - longest) // (PLACES - 1)
        before = sliding_window_view(numbers[place - longest : place + WINDOW - 1], WINDOW)
        differences = _wrapped(before - numbers[place : place + WINDOW], width)
        apart[longest:0:-1] += _lengths(differences).sum(1)
    shortest = LEAST_OF_ROW * step
    rows = [shortest + int(row) for row in np.argsort(apart[shortest:], kind="stable")[:BEST_ROWS]]
    # the mean of two neighbours is about as good one number beside the row's length, so it has no say in that
    row = min(rows, key=lambda row: sum(_row_costs(numbers, row, step, width)[:2]))
    alone = min(_bits(differences, step) for differences in _differences(numbers[-EXAMINED:], step, width))
    in_rows = min(_row_costs(numbers, row, step, width))
    return (cost * in_rows / alone, layout, row * width) if in_rows < ROWS_WORTH * alone else (cost, layout, none)


def _row_costs(numbers: npt.NDArray[np.int64], row: int, step: int, width: int) -> tuple[float, float, float]:
    """Bits a number of the differences to the plane through three neighbours, to the number above, and to the mean of
    that and the number before."""
    numbers = numbers[-(EXAMINED + row + step) :]
    here, above = numbers[row + step :], numbers[step:-row]
    left, above_left = numbers[row:-step], numbers[: -row - step]
    plane = _wrapped(here - left - above + above_left, width)
    mean = _wrapped(here - left - (_wrapped(above - left, width) >> 1), width)
    return _bits(plane, step), _bits(_wrapped(here - above, width), step), _bits(mean, step)
