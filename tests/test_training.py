"""Training in the small: what a run reads, that it learns, and that it goes on where it stopped."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from likezip.training import curve, export, grow, prior
from likezip.training.segments import SEGMENT, Feed, Segments, embedding_rows

SHAPE = "dimension=4,width=16,state=16,hidden=16"


def _classes() -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    words = [bytes(random.integers(97, 123, random.integers(2, 9)).astype(np.uint8)) for _ in range(50)]
    text = b" ".join(words[i] for i in random.integers(0, 50, 40000))
    return {"text": np.frombuffer(text, np.uint8), "count": np.arange(100000).astype(np.uint32).view(np.uint8)}


def test_segments_follow_the_weights_and_cover_a_class() -> None:
    classes = _classes()
    segments = Segments(classes, {"text": 3, "count": 1}, 1)
    places = [segments.place() for _ in range(400)]
    assert abs(sum(chosen == 0 for chosen, _, _ in places) - 300) < 5
    starts = sorted(start for chosen, start, _ in places if chosen == 0)
    assert max(np.diff(starts)) < 3 * classes["text"].size / 300
    assert all(segments.read(place).size == SEGMENT for place in places)


def test_a_weight_without_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match="weights for classes that are not there: txet"):
        Segments(_classes(), {"txet": 1}, 1)


def test_a_class_of_one_segment_begins_anew() -> None:
    feed = Feed(Segments({"one": np.zeros(SEGMENT, np.uint8)}, {"one": 1}, 1), 1, SEGMENT // 4)
    assert [bool(feed.batch().fresh[0]) for _ in range(9)] == [True, False, False, False] * 2 + [True]


def test_a_class_without_a_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="class short has 10 bytes"):
        Segments({"short": np.zeros(10, np.uint8)}, {"short": 1}, 1)


def test_processes_share_a_run_and_a_run_resumes() -> None:
    def feed(rank: int, world: int) -> Feed:
        return Feed(Segments(_classes(), {"text": 1, "count": 1}, 1), 6, 512, rank, world)

    whole, parts, resumed = feed(0, 1), [feed(0, 2), feed(1, 2)], feed(0, 1)
    batches = [whole.batch() for _ in range(70)]
    halves = [[part.batch() for _ in range(70)] for part in parts]
    resumed.skip(69)
    for rank in (0, 1):
        assert all(np.array_equal(batches[i].following[:, rank::2], halves[rank][i].following) for i in range(70))
    assert np.array_equal(resumed.batch().rows, batches[69].rows)
    assert batches[0].rows.shape == (512, 6, 7)
    assert batches[0].fresh.all()
    assert 0 < sum(batch.fresh.sum() for batch in batches[1:]) <= 6 * 70 * 512 // SEGMENT + 6
    assert batches[0].following.shape == (512, 6)
    assert batches[0].expected.shape == (512, 6, 0)


def test_rows_depend_on_what_came_before_only() -> None:
    lanes = np.frombuffer(b"one two one two", np.uint8)[None].copy()
    before = embedding_rows(lanes)
    lanes[0, 8] = 65
    after = embedding_rows(lanes)
    assert np.array_equal(before[:9], after[:9])
    assert (before[9] != after[9]).all()


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    for name, content in _classes().items():
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "train" / name / "a").write_bytes(content.tobytes())
        (tmp_path / "held" / name).mkdir(parents=True)
        (tmp_path / "held" / name / "a").write_bytes(content[:40000].tobytes())
    return [str(tmp_path / "train" / name) for name in _classes()]


def _run(sources: list[str], output: Path, megabytes: float, *more: str, shape: str = SHAPE) -> str:
    held = str(Path(sources[0]).parents[1] / "held")
    arguments = [*sources, "-o", str(output), "--validation", held, "--rows", "4", "--shape", shape, "--no-compile"]
    result = CliRunner().invoke(prior.main, [*arguments, "--megabytes", str(megabytes), *more], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_training_learns_resumes_and_exports(sources: list[str], tmp_path: Path) -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    try:
        output = tmp_path / "run.pt"
        first = _run(sources, output, 0.15, "--decay", "0.01")
        second = _run(sources, output, 0.5)
    finally:
        torch.random.set_rng_state(before)
        torch.set_num_threads(threads)
    assert "steps from 0" in first
    assert f"from {int(0.15e6 / (4 * prior.STEPS))}" in second
    _, megabytes, points = export.load_twin(output)
    assert len(points) == 2
    assert megabytes == pytest.approx(0.5, abs=0.01)
    assert points[1]["text"] < points[0]["text"] < 8
    drawn = CliRunner().invoke(curve.main, [str(output), "-o", str(tmp_path / "curve.svg")], catch_exceptions=False)
    assert drawn.exit_code == 0, drawn.output
    assert "megabytes" not in (tmp_path / "curve.svg").read_text()
    held = str(tmp_path / "held")
    arguments = [str(output), "--validation", held, "-o", str(tmp_path / "network.safetensors")]
    result = CliRunner().invoke(export.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "network.safetensors").stat().st_size > 4 * 500000


def test_two_processes_learn_what_one_does(sources: list[str], tmp_path: Path) -> None:
    """The same rows, shared: the same steps but for the order of sums."""
    rates = []
    for world in (1, 2):
        output = tmp_path / f"{world}.pt"
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world)]
        command += ["-m", "likezip.training.prior", *sources, "-o", str(output), "--megabytes", "0.05", "--rows", "4"]
        command += ["--validation", str(tmp_path / "held"), "--shape", SHAPE, "--no-compile"]
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        rates.append(export.load_twin(output)[2][-1]["text"])
    assert rates[0] == pytest.approx(rates[1], abs=0.02)


def test_a_network_grows_and_learns_on(sources: list[str], tmp_path: Path) -> None:
    small, large, shape = tmp_path / "small.pt", tmp_path / "large.pt", "dimension=4,width=16,state=20+8,hidden=16+24"
    _run(sources, small, 0.1)
    result = CliRunner().invoke(grow.main, [str(small), "--shape", shape, "-o", str(large)], catch_exceptions=False)
    assert "state=(20, 8)" in result.output
    rows = torch.from_numpy(embedding_rows(_classes()["text"][None, :200]))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = [
            twin(rows, twin.first_states(1))[0] for twin in (export.load_twin(path)[0] for path in (small, large))
        ]
    assert torch.equal(*logits)
    _run(sources, large, 0.2, shape=shape)
    points, grown = export.load_twin(large)[2], export.load_twin(large)[0]
    assert points[1]["text"] < points[0]["text"]
    assert grown.blocks[1].down.weight.abs().min() > 0
    assert grown.blocks[0].out.weight[:, 16:].abs().min() > 0


@pytest.mark.parametrize(
    "shape", ["dimension=4,width=16,state=8,hidden=16", "dimension=4,width=8", "state=1", "stat=9", "x"]
)
def test_a_network_does_not_grow_smaller(sources: list[str], tmp_path: Path, shape: str) -> None:
    _run(sources, tmp_path / "run.pt", 0.01)
    arguments = [str(tmp_path / "run.pt"), "--shape", shape, "-o", str(tmp_path / "no.pt")]
    assert CliRunner().invoke(grow.main, arguments).exit_code == 2
    assert not (tmp_path / "no.pt").exists()
