"""Where the time of a block goes: ``python -m benchmarks.parts FILE``.

Memory: coding bit by bit, contexts, matches and mixer.  Network: what the prior expects; where threads share it, the
time that the memory waits; in decompressing, where both take turns inside of one kernel, memory and coder too
(``benchmarks.steps`` tells them apart).  Coder: of compressing.  Rest: tables to be allocated, trained states to be
copied, checksums.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click

from benchmarks.report import markdown
from likezip.blocks import block_header, codec, entropy_coder, predictor
from likezip.blocks.options import CodingOptions
from likezip.frames import container
from likezip.model import Model, default_model

PARTS = {
    "memory": ((predictor, "_take_steps"),),
    "coder": ((entropy_coder, "encode"),),
    "bits": ((predictor.Predictor, "run"), (predictor.Predictor, "follow")),
}
"""Of each part the functions that do it; bits are memory and network, in decompressing the coder too.  A decoder of
several lanes calls the memory from a kernel, so there it counts as network."""


@dataclass
class Clock:
    """Seconds spent in each of PARTS."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))

    def _timed(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            result = method(*arguments, **named)
            self.seconds[part] += time.perf_counter() - began
            return result

        timed.call = getattr(method, "call", None)  # type: ignore[attr-defined]  # what other kernels call is not timed
        return timed

    def time(self, work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
        """What ``work`` returns, and the seconds of network, memory, coder and rest."""
        with ExitStack() as patches:
            for part, methods in PARTS.items():
                for owner, name in methods:
                    patches.enter_context(patch.object(owner, name, self._timed(part, getattr(owner, name))))
            began = time.perf_counter()
            result = work()
            whole = time.perf_counter() - began
        return result, self._shares(whole)

    def _shares(self, whole: float) -> dict[str, float]:
        memory, bits, code = self.seconds["memory"], self.seconds["bits"], self.seconds["coder"]
        return {"network": bits - memory, "memory": memory, "coder": code, "rest": whole - bits - code}


def parts_of(raw: bytes, model: Model, threads: int) -> dict[str, dict[str, float]]:
    """Seconds of each part of compressing ``raw`` as one block with the prior, and of decompressing it."""
    options = CodingOptions(model, "on", threads=threads)
    (header, payload), compress = Clock().time(lambda: codec.encode_block(raw, options))
    decoded, decompress = Clock().time(lambda: codec.decode_block(header, payload, model, threads=threads))
    if decoded != raw:
        raise ValueError("the block did not come back as it was")
    return {"compress": compress, "decompress": decompress}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--size",
    type=click.IntRange(1, container.MAX_BLOCK),
    default=1_000_000,
    show_default=True,
    help="Bytes of FILE, its first.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads that share the block.")
def main(file: Path, size: int, threads: int) -> None:
    """Microseconds a byte of each part, FILE as one block with the prior."""
    codec.prepare_kernels(prior=True)
    with file.open("rb") as source:
        raw = source.read(size)
    found = parts_of(raw, default_model(), threads)
    rows = [
        [direction, *(f"{seconds / len(raw) * 1e6:.2f}" for seconds in [*parts.values(), sum(parts.values())])]
        for direction, parts in found.items()
    ]
    lanes = block_header.default_lanes(len(raw), block_header.MEMORY_PRIOR)
    click.echo(f"{len(raw):,} bytes, {lanes} lanes, threads: {threads}; microseconds a byte\n")
    click.echo(markdown(["", "network", "memory", "coder", "rest", "all"], rows))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.parts")
