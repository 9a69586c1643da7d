"""Loads: a long stream through pipes, and many small files in a row; memory must not grow with either.

python -m benchmarks.loads --gigabytes 2 --files 10000 -o benchmarks/results/loads.md
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import likezip

LIKEZIP = [sys.executable, "-P", "-m", "likezip"]
PIECE = 1 << 22
TEXT_EVERY = 32
"""Pieces: one of so many is text, the others are noise, which is stored."""


def stream(size: int, seed: int = 1) -> Iterator[bytes]:
    """``size`` bytes, a piece at a time, always the same."""
    generator, number = random.Random(seed), 0
    while size > 0:
        piece = generator.randbytes(PIECE) if number % TEXT_EVERY else _text(generator)
        yield piece[:size]
        size, number = size - len(piece), number + 1


def _text(generator: random.Random) -> bytes:
    words = [generator.randbytes(generator.randint(2, 5)).hex().encode() for _ in range(2000)]
    return b" ".join(generator.choices(words, k=PIECE // 6))[:PIECE]


def resident(process: int) -> int:
    """Bytes of memory that a process and its children have, shared pages counted for each."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE") + sum(resident(int(child)) for child in children)


@dataclass
class Piped:
    """What a stream through ``compress | decompress`` took.

    memory: of each command with its workers, bytes, a list of (share of the stream, bytes).
    """

    size: int
    compressed: int = 0
    seconds: float = 0.0
    same: bool = False
    memory: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def peak(self, name: str, begin: float = 0.0, end: float = 1.0) -> int:
        """Most memory of a command while that part of the stream passed."""
        return max((used for share, used in self.memory[name] if begin <= share <= end), default=0)


class _Passing(threading.Thread):
    """Copies one pipe to another and counts the bytes."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._source, self._sink = source, sink
        self.size = 0

    def run(self) -> None:
        while part := self._source.read(1 << 16):
            self._sink.write(part)
            self.size += len(part)
        self._sink.close()


def piped(size: int, threads: int) -> Piped:
    """Pass ``size`` bytes through compress and decompress at once."""
    found, began = Piped(size), time.monotonic()
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    compress = subprocess.Popen([*LIKEZIP, "compress", "-T", str(threads)], **pipe)
    decompress = subprocess.Popen([*LIKEZIP, "decompress", "-T", str(threads)], **pipe)
    commands = {"compress": compress, "decompress": decompress}
    found.memory = {name: [] for name in commands}
    assert compress.stdin and compress.stdout and decompress.stdin and decompress.stdout
    given, wanted = hashlib.sha256(), hashlib.sha256()

    def give(sink: IO[bytes]) -> None:
        for piece in stream(size):
            given.update(piece)
            sink.write(piece)
        sink.close()

    between = _Passing(compress.stdout, decompress.stdin)
    between.start()
    threading.Thread(target=give, args=[compress.stdin], daemon=True).start()
    done = 0
    while part := decompress.stdout.read(1 << 20):
        wanted.update(part)
        done += len(part)
        for name, command in commands.items():
            found.memory[name].append((done / size, resident(command.pid)))
    between.join()
    compress.stdout.close()
    decompress.stdout.close()
    codes = compress.wait(), decompress.wait()
    found.compressed, found.seconds = between.size, time.monotonic() - began
    found.same = codes == (0, 0) and done == size and given.digest() == wanted.digest()
    return found


@dataclass
class Small:
    """What many small files in a row took: memory in bytes and open files of this process, seconds."""

    files: int
    seconds: float = 0.0
    memory: list[int] = field(default_factory=list)
    open_files: list[int] = field(default_factory=list)
    wrong: int = 0


def small_files(count: int) -> Small:
    """Compress and decompress files of 0 to 1000 bytes, in memory, in pieces and by file objects in turn."""
    found, generator = Small(count), random.Random(1)
    words = [generator.randbytes(3).hex().encode() for _ in range(100)]
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        for number in range(count):
            if number % max(1, count // 10) == 0:
                found.memory.append(resident(os.getpid()))
                found.open_files.append(len(os.listdir("/proc/self/fd")))
            data = b" ".join(generator.choices(words, k=generator.randrange(140)))
            found.wrong += WAYS[number % len(WAYS)](data, Path(place)) != data
        found.seconds = time.monotonic() - began
    found.memory.append(resident(os.getpid()))
    found.open_files.append(len(os.listdir("/proc/self/fd")))
    return found


def _whole(data: bytes, place: Path) -> bytes:
    return likezip.decompress(likezip.compress(data))


def _in_pieces(data: bytes, place: Path) -> bytes:
    compressor, decompressor = likezip.LikezipCompressor(), likezip.LikezipDecompressor()
    return decompressor.decompress(compressor.compress(data) + compressor.flush())


def _by_files(data: bytes, place: Path) -> bytes:
    with likezip.open(place / "file.lz", "wb") as file:
        file.write(data)
    with likezip.open(place / "file.lz") as file:
        return file.read()


def _by_streams(data: bytes, place: Path) -> bytes:
    frame, content = io.BytesIO(), io.BytesIO()
    likezip.compress_stream(io.BytesIO(data), frame)
    frame.seek(0)
    likezip.decompress_stream(frame, content)
    return content.getvalue()


WAYS = (_whole, _in_pieces, _by_files, _by_streams)


def report(pipes: Piped, small: Small) -> str:
    """Both in Markdown."""
    mega = 1e6
    lines = [
        "# Loads\n",
        f"{pipes.size / 1e9:.2f} GB through `likezip compress | likezip decompress`, one piece of 4 MiB in "
        f"{TEXT_EVERY} text, the others noise: {pipes.compressed / 1e9:.2f} GB between them, {pipes.seconds:.0f} s, "
        f"{'the same bytes' if pipes.same else 'NOT the same bytes'}.\n",
        "| memory of a command and its workers, MB | first tenth | to the half | second half |",
        "|---|---:|---:|---:|",
    ]
    for name in pipes.memory:
        parts = [pipes.peak(name, 0, 0.1), pipes.peak(name, 0.1, 0.5), pipes.peak(name, 0.5)]
        lines.append(f"| {name} | {' | '.join(f'{part / mega:.0f}' for part in parts)} |")
    lines += [
        "",
        f"{small.files} files of up to 1000 bytes, in four ways, by one process: {small.seconds:.0f} s, "
        f"{1000 * small.seconds / max(1, small.files):.1f} ms each there and back, {small.wrong} wrong.\n",
        "| after files | " + " | ".join(f"{i * 10} %" for i in range(len(small.memory))) + " |",
        "|---|" + "---:|" * len(small.memory),
        "| memory, MB | " + " | ".join(f"{used / mega:.0f}" for used in small.memory) + " |",
        "| open files | " + " | ".join(str(count) for count in small.open_files) + " |",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=0.1)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("-T", "--threads", type=int, default=2, help="of each of both commands")
    parser.add_argument("-o", "--output", type=Path, help="Markdown to write")
    options = parser.parse_args()
    small = small_files(options.files)
    pipes = piped(int(options.gigabytes * 1e9), options.threads)
    repeat = f"python -m benchmarks.loads --gigabytes {options.gigabytes} --files {options.files} -T {options.threads}"
    found = f"{report(pipes, small)}\n\n(`{repeat}`, likezip {likezip.__version__}.)\n"
    print(found)
    if options.output:
        options.output.write_text(found)
    return 0 if pipes.same and not small.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
