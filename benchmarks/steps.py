"""Where a decoder's step goes: ``python -m benchmarks.steps FILE... -o OUT``.

A step is a byte of every lane with the prior.  Its network is taken apart by a clock of the processor's, in a process
that does nothing else: embeddings, each product, and what lies between two products; the fastest of several runs over
the first bytes of the first FILE.  All of a step is measured by decoding the FILEs' first bytes as one block; what the
network leaves of that is the memory, the mixing and the coder's.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np

from benchmarks.report import markdown
from likezip.blocks import codec, coding
from likezip.blocks.options import CodingOptions
from likezip.kernels.compiling import INSTRUCTIONS, compiled
from likezip.kernels.intrinsics import aligned
from likezip.model import Model, default_model
from likezip.prior import lockstep
from likezip.prior.forward import _enter_layer, _leave_network, multiply_layer, new_lane_buffers, weights_of

LANES = 1, 4, 8, 32
STEPS, RUNS = 300, 7
SIZE = 500_000
"""Bytes of a file that are decoded."""


@compiled
def _timed_step(previous, weights, lanes, trees, spent):  # type: ignore[no-untyped-def]
    """``forward.take_stages`` of all stages, which adds the cycles of each part to spent (1 + 2 layers,)."""
    rows, then = lanes.registers.shape[0], lockstep.cycles()
    _enter_layer(0, previous, 0, weights, lanes)
    now = lockstep.cycles()
    spent[0] += now - then
    for layer in range(weights.layout.shape[0]):
        then = now
        multiply_layer(layer, rows, weights, lanes)
        now = lockstep.cycles()
        spent[1 + 2 * layer] += now - then
        then = now
        if layer + 1 < weights.layout.shape[0]:
            _enter_layer(layer + 1, previous, 0, weights, lanes)
        else:
            _leave_network(0, weights, lanes, trees)
        now = lockstep.cycles()
        spent[2 + 2 * layer] += now - then


@compiled
def _now():  # type: ignore[no-untyped-def]
    return lockstep.cycles()


def _frequency() -> float:
    """Cycles of the clock in a microsecond."""
    begin, first = time.perf_counter(), _now()
    time.sleep(0.2)
    return float(_now() - first) / (time.perf_counter() - begin) / 1e6


def network_parts(model: Model, raw: bytes, lanes: int) -> np.ndarray:
    """Microseconds of each part of the network's step: the embeddings, then for each layer its product and what follows
    it."""
    network = coding.network_of(model)
    weights = weights_of(network, packed=True)
    buffers, trees = new_lane_buffers(network, lanes, 1), aligned((1, lanes, 512), np.int32)
    known = np.frombuffer(raw, np.uint8)[: STEPS * lanes].reshape(lanes, -1).T.astype(np.int16)
    runs = []
    for _ in range(RUNS):
        spent = np.zeros(1 + 2 * len(weights.layout), np.int64)
        for step in range(len(known)):
            _timed_step(np.ascontiguousarray(known[step : step + 1]), weights, buffers, trees, spent)
        runs.append(spent / len(known))
    return min(runs, key=lambda spent: float(spent.sum())) / _frequency()


def steps_of(model: Model, raw: bytes, lanes: int) -> list[float]:
    """Microseconds of a step of decoding ``raw`` as one block with the prior, with one thread and with two, the fastest
    of three."""
    header, payload = codec.encode_block(raw, CodingOptions(model, "on", lanes=lanes, threads=2))
    fastest = []
    for threads in (1, 2):
        times = []
        for _ in range(3):
            began = time.perf_counter()
            if codec.decode_block(header, payload, model, threads=threads) != raw:
                raise ValueError("the block did not come back as it was")
            times.append(time.perf_counter() - began)
        fastest.append(min(times) / (len(raw) / lanes) * 1e6)
    return fastest


def network_table(model: Model, raw: bytes) -> str:
    """The parts of the network's step, and how fast its products are."""
    parts = {lanes: network_parts(model, raw, lanes) for lanes in LANES}
    sizes = [layer.weight.shape for layer in coding.network_of(model).layers()]
    names = ["embeddings"]
    for outputs, columns in sizes:
        names += [f"product, {outputs} x {columns}", "behind it"]
    rows = [[name, *(f"{parts[lanes][place]:.2f}" for lanes in LANES)] for place, name in enumerate(names)]
    products = {lanes: float(parts[lanes][1::2].sum()) for lanes in LANES}
    adds = sum(outputs * columns for outputs, columns in sizes)
    rows += [
        ["all", *(f"{parts[lanes].sum():.1f}" for lanes in LANES)],
        ["all products", *(f"{products[lanes]:.1f}" for lanes in LANES)],
        ["their multiply-adds, 10^9 a second", *(f"{lanes * adds / products[lanes] / 1e3:.0f}" for lanes in LANES)],
        ["their weights, 10^9 bytes a second", *(f"{adds / products[lanes] / 1e3:.0f}" for lanes in LANES)],
    ]
    return markdown(["microseconds", *(f"{lanes} lanes" if lanes > 1 else "1 lane" for lanes in LANES)], rows)


def step_row(model: Model, file: Path, lanes: int) -> list[str]:
    """All of a step with one thread and with two."""
    with file.open("rb") as source:
        raw = source.read(SIZE)
    network = float(network_parts(model, raw, lanes).sum())
    one, two = steps_of(model, raw, lanes)
    speeds = (f"{lanes / step * 1e3:.0f}" for step in (one, two))
    return [file.name, str(lanes), f"{network:.1f}", f"{one - network:.1f}", f"{one:.1f}", f"{two:.1f}", *speeds]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Table to write.")
def main(files: tuple[Path, ...], output: Path) -> None:
    """Where a decoder's step goes."""
    if not INSTRUCTIONS:
        raise click.ClickException("there is no kernel of dot products for this processor")
    codec.prepare_kernels(prior=True)
    model = default_model()
    table = network_table(model, files[0].read_bytes())
    head = ["", "lanes", "network", "the rest", "one thread", "two", "KB/s, one", "two"]
    steps = markdown(head, [step_row(model, file, lanes) for file in files for lanes in LANES])
    assert __doc__
    output.write_text(f"{__doc__}\nProducts by {INSTRUCTIONS}.\n\n{table}\n\nMicroseconds of a step:\n\n{steps}\n")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.steps")
