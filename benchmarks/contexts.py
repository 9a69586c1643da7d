"""What each context is worth, and what it costs: ``python -m benchmarks.contexts FILE_OR_DIR... -o TABLE.md``.

Every file, cut to its beginning, is coded without the prior in the profile that likezip takes for it, whole and with
each context left out in turn: it then sees nothing, and its bucket is always the same.  What the bytes grow by is what
the context is worth beside all others.  What the time shrinks by is its look-ups; what is left of it, the arithmetic of
an input, is the same for all, and measured by kernels for fewer contexts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from benchmarks.inputs import named_inputs
from benchmarks.report import markdown
from likezip.blocks import codec, coding
from likezip.blocks.cost import total_cost
from likezip.blocks.options import CodingOptions
from likezip.blocks.predictor import BlockShape, Predictor
from likezip.memory.profiles import CONTEXTS, PROFILES, Context, Profile
from likezip.model import default_model

NOTHING = Context("nothing", 0, mask=0)
FEWER = 20
"""Contexts of the kernels that show what an input costs."""

_TIME_OF = """
import dataclasses, sys, time
import numpy as np
from likezip.memory import profiles
profiles.CONTEXTS = int(sys.argv[1])
from likezip.blocks.predictor import BlockShape, Predictor
from likezip.memory.trained_state import untrained_state
raw = np.frombuffer(open(sys.argv[2], "rb").read(), np.uint8)
profile = profiles.PROFILES[0]
profile = dataclasses.replace(profile, contexts=profile.contexts[: profiles.CONTEXTS])
best = float("inf")
for _ in range(5):
    predictor = Predictor(BlockShape(raw.size, 1, 26, profile), untrained_state())
    began = time.perf_counter()
    predictor.run(raw)
    best = min(best, time.perf_counter() - began)
print(best / raw.size * 1e9)
"""


@dataclass
class Sample:
    """The beginning of a file, and how likezip models it."""

    raw: np.ndarray
    shape: BlockShape

    def cost(self, profile: Profile) -> tuple[float, float]:
        """Bytes and seconds."""
        start = coding.trained_state_of(default_model(), profile.name)
        predictor = Predictor(replace(self.shape, profile=profile), start)
        began = time.perf_counter()
        decisions = predictor.run(self.raw)
        return total_cost(*decisions) / 8, time.perf_counter() - began


def _sample(raw: bytes) -> Sample:
    _, code = coding.transformed(raw)
    best = coding.best_coding(code, CodingOptions(default_model(), "off"))
    assert best is not None, "noise has no contexts"
    return Sample(np.frombuffer(code, np.uint8), best.shape)


def _without(profile: Profile, left_out: int) -> Profile:
    contexts = list(profile.contexts)
    contexts[left_out] = NOTHING
    return replace(profile, contexts=tuple(contexts))


def table_of(profile: Profile, samples: list[Sample], repeat: int) -> str:
    """A row for each context, the most valuable first."""

    def total(one: Profile) -> tuple[float, float]:
        costs = [[sample.cost(one) for sample in samples] for _ in range(repeat)]
        return sum(cost for cost, _ in costs[0]), min(sum(seconds for _, seconds in run) for run in costs)

    size = sum(sample.raw.size for sample in samples)
    whole, seconds = total(profile)
    rows = []
    for number, context in enumerate(profile.contexts):
        bytes_without, seconds_without = total(_without(profile, number))
        grown, saved = bytes_without - whole, (seconds - seconds_without) / size * 1e9
        rows.append((grown, [context.name, f"{grown:,.0f}", f"{grown / whole:.3%}", f"{saved:.0f}"]))
    about = (
        f"{profile.name}: {len(samples)} files, {size:,} bytes to {whole:,.0f}, {seconds / size * 1e9:,.0f} ns a byte"
    )
    rows.sort(key=lambda row: -row[0])
    head = ["left out", "bytes more", "of all", "look-ups, ns a byte"]
    return f"### {about}\n\n{markdown(head, [row for _, row in rows])}"


def input_cost(raw: bytes) -> float:
    """ns a byte of an input's arithmetic: the difference between kernels for CONTEXTS and for FEWER contexts."""
    with tempfile.TemporaryDirectory() as place:
        Path(place, "raw").write_bytes(raw)
        times = [
            float(
                subprocess.run(
                    [sys.executable, "-c", _TIME_OF, str(count), str(Path(place, "raw"))],
                    env={**os.environ, "NUMBA_CACHE_DIR": str(Path(place, str(count)))},
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for count in (CONTEXTS, FEWER)
        ]
    return (times[0] - times[1]) / (CONTEXTS - FEWER)


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, metavar="FILE_OR_DIR...", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--size", type=click.IntRange(1), default=100_000, show_default=True, help="Bytes of each file, its first."
)
@click.option("--repeat", type=click.IntRange(1), default=2, show_default=True, help="Times are the best of so many.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the tables there, too.")
def main(paths: tuple[Path, ...], size: int, repeat: int, output: Path | None) -> None:
    """Bytes that each context of each profile saves, and the time it takes."""
    codec.prepare_kernels(prior=False)
    raws = [raw for raw in (wanted.read()[:size] for wanted in named_inputs(paths)) if raw]
    if not raws:
        raise click.UsageError("there is no file to measure")
    samples = [_sample(raw) for raw in raws]
    arithmetic = input_cost(max(raws, key=len))
    parts = [f"Each context's arithmetic, the same for all: {arithmetic:.0f} ns a byte."]
    for profile in PROFILES:
        if chosen := [sample for sample in samples if sample.shape.profile is profile]:
            click.echo(f"{profile.name}: {len(chosen)} files", err=True)
            parts.append(table_of(profile, chosen, repeat))
    click.echo("\n\n".join(parts))
    if output:
        output.write_text(f"{(__doc__ or '').strip()}\n\n" + "\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.contexts")
