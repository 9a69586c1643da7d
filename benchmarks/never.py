"""Never larger than others: ``python -m benchmarks.never [--small] [FILE...] -o OUT``.

Regular, drawn and mixed inputs that any machine can make, or small ones, then FILEs, each beside ``xz -9e``, ``bzip2
-9``, ``zstd --ultra -22 --long=27``, ``brotli -q 11 --large_window=27`` and ``gzip -9``, and brought back.  The last
column is by how many bytes likezip is larger than the smallest of the others.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import click
import numpy as np

import likezip
from benchmarks.inputs import joined, package_sources
from benchmarks.report import markdown
from benchmarks.small_inputs import small_inputs

HEAD = "", "bytes", "likezip", "s in, out", "xz", "bzip2", "zstd", "brotli", "gzip", "larger by"
SLACK, SMALL_SLACK = (24, 0.001), (16, 0.0)
"""By so much likezip may be larger than the smallest of the others, on small inputs by the second: bytes, and a share
of that."""


def fibonacci_word(size: int) -> bytes:
    """Each word is the one before and the one before that."""
    word, following = b"a", b"ab"
    while len(following) < size:
        word, following = following, following + word
    return following[:size]


def thue_morse(size: int) -> bytes:
    """The parity of each number's ones."""
    return (np.bitwise_count(np.arange(size, dtype=np.uint32)) & 1).astype(np.uint8).tobytes()


def chess_board(size: int) -> bytes:
    """A picture of 1,024 pixels in a row, in squares of 8."""
    places = np.arange(size)
    return (255 * ((places % 1024 // 8 + places // 8192) % 2)).astype(np.uint8).tobytes()


def sierpinski(size: int) -> bytes:
    """Where the bits of column and row have nothing in common, in rows of 1,024."""
    places = np.arange(size)
    return ((places % 1024 & places // 1024) == 0).astype(np.uint8).tobytes()


def rule_90(size: int) -> bytes:
    """Each cell is the sum of its neighbours in the row above, modulo 2; rows of 1,024, the first with a single one."""
    rows = np.zeros((-(-size // 1024), 1024), np.uint8)
    rows[0, 512] = 1
    for above, row in pairwise(rows):
        row[:] = np.roll(above, 1) ^ np.roll(above, -1)
    return rows.tobytes()[:size]


def drawn_inputs(size: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """A name and a way to the bytes, ``size`` of each or a few less."""
    noise = np.random.default_rng(1).bytes(size)
    text = joined(package_sources("numba"), size).content
    line = b"the same line once more, of a length that is not a power of two\n"
    places = np.arange(size // 4)
    yield "zeros", lambda: bytes(size)
    yield "one line", lambda: (line * (size // len(line) + 1))[:size]
    yield "256 bytes in turn", lambda: (bytes(range(256)) * (size // 256 + 1))[:size]
    yield "Fibonacci word", lambda: fibonacci_word(size)
    yield "Thue-Morse sequence", lambda: thue_morse(size)
    yield "chess board", lambda: chess_board(size)
    yield "Sierpinski's triangle", lambda: sierpinski(size)
    yield "rule 90", lambda: rule_90(size)
    yield "numbers in decimals, by line", lambda: b"".join(b"%d\n" % i for i in range(size // 7))
    yield "numbers of 32 bits", lambda: places.astype("<u4").tobytes()
    yield "squares of 32 bits", lambda: (places.astype(np.uint32) ** 2).astype("<u4").tobytes()
    yield "a sine of 16 bits", lambda: np.rint(9999 * np.sin(np.arange(size // 2) / 50)).astype("<i2").tobytes()
    yield "numbered lines", lambda: b"".join(b"line %06d: nothing to see here\n" % i for i in range(size // 35))
    yield "noise", lambda: noise
    yield "noise twice", lambda: noise[: size // 2] * 2
    yield "noise in hexadecimals", lambda: noise[: size // 2].hex().encode()
    yield "noise in base64", lambda: base64.encodebytes(noise[: size * 3 // 4])
    yield "random bits as bytes", lambda: (np.frombuffer(noise, np.uint8) & 1).tobytes()
    yield "sources", lambda: text
    yield "sources in UTF-16", lambda: text[: size // 2].decode("latin-1").encode("utf-16-le")
    yield "sources in UTF-32", lambda: text[: size // 4].decode("latin-1").encode("utf-32-le")
    yield "sources in one line", lambda: text.replace(b"\n", b" ")
    yield (
        "sources, noise, zeros in turn",
        lambda: b"".join(
            part[i : i + 20_000] for i in range(0, size // 3, 20_000) for part in (text, noise, bytes(size))
        ),
    )


def row(name: str, content: bytes, slack: tuple[int, float]) -> tuple[list[str], float]:
    """The row of an input, and by how many bytes likezip is larger than ``slack`` allows; raises ValueError if it does
    not come back."""
    begin = time.perf_counter()
    packed = likezip.compress(content)
    middle = time.perf_counter()
    if likezip.decompress(packed) != content:
        raise ValueError(f"{name} came back changed")
    end = time.perf_counter()
    others = [
        len(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)),
        len(bz2.compress(content)),
        _size(["zstd", "-q", "-c", "--ultra", "-22", "--long=27"], content),
        _size(["brotli", "-c", "-q", "11", "--large_window=27"], content),
        len(gzip.compress(content, 9)),
    ]
    larger, least = len(packed) - min(others), min(others)
    times = f"{middle - begin:.1f}, {end - middle:.1f}"
    cells = [name, f"{len(content):,}", f"{len(packed):,}", times, *(f"{size:,}" for size in others)]
    return [*cells, f"{larger:,}" if larger > 0 else ""], larger - slack[0] - slack[1] * least


def _size(command: list[str], content: bytes) -> int:
    return len(subprocess.run(command, input=content, stdout=subprocess.PIPE, check=True).stdout)


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--size", default=1_000_000, show_default=True, help="Bytes of each input that is drawn.")
@click.option("--small", is_flag=True, help="Small inputs of 1 byte to 64 KB instead of those.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The table, in Markdown.")
def main(files: tuple[Path, ...], size: int, small: bool, output: Path) -> None:
    """Compress drawn inputs and FILES by likezip and others."""
    rows, too_large = list[list[str]](), list[str]()
    slack, drawn = (SMALL_SLACK, small_inputs()) if small else (SLACK, drawn_inputs(size))
    for name, read in [*drawn, *((file.name, file.read_bytes) for file in files)]:
        cells, excess = row(name, read(), slack)
        rows.append(cells)
        click.echo(" | ".join(cells))
        too_large += [name] if excess > 0 else []
    share = f" and {slack[1]:.1%}" if slack[1] else ""
    found = f"Larger than the smallest by more than {slack[0]} bytes{share}: {len(too_large)}"
    found += f" of {len(rows)}" + (f" ({', '.join(too_large)})." if too_large else ".")
    head = (__doc__ or "").strip()
    output.write_text(f"{head}\n\n{markdown(list(HEAD), rows)}\n\n{found}\n", encoding="utf-8")
    click.echo(found)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.never")
