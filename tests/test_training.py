"""Training in the small: what a run reads, that it learns, and that it goes on where it stopped."""

import shutil
import tarfile
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import load_file

import likezip
from likezip.model import default_model, load_model
from likezip.prior.ngrams import FIRST_FEATURES
from likezip.training import curve, export, grow, recipe, release, states
from likezip.training.restore import squares_of
from likezip.training.segments import SEGMENT, Feed, Segments, embedding_rows
from likezip.training.twin import Shape

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
    for number, content in enumerate(classes.values()):
        starts = [start for chosen, start, _ in places if chosen == number]
        first_pass = starts[: -(-content.size // SEGMENT)]
        read = np.zeros(content.size, int)
        for start in first_pass:
            read[start : start + SEGMENT] += 1
        assert read.min() == 1 and read.sum() < content.size + 2 * SEGMENT
        assert sorted(first_pass) != first_pass
    assert all(segments.read(place).size == SEGMENT for place in places)


def test_a_weight_without_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match="weights for classes that are not there: txet"):
        Segments(_classes(), {"txet": 1}, 1)


def test_a_class_of_one_segment_begins_anew() -> None:
    feed = Feed(Segments({"one": np.zeros(SEGMENT, np.uint8)}, {"one": 1}, 1), FIRST_FEATURES, 1, SEGMENT // 4)
    assert [bool(feed.batch().fresh[0]) for _ in range(9)] == [True, False, False, False] * 2 + [True]


def test_a_class_without_a_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="class short has 10 bytes"):
        Segments({"short": np.zeros(10, np.uint8)}, {"short": 1}, 1)


def test_a_feed_resumes_and_reads_each_lane_on() -> None:
    def feed() -> Feed:
        return Feed(Segments(_classes(), {"text": 1, "count": 1}, 1), FIRST_FEATURES, 6, 512)

    whole, resumed = feed(), feed()
    batches = [whole.batch() for _ in range(70)]
    resumed.skip(69)
    assert np.array_equal(resumed.batch().rows, batches[69].rows)
    assert batches[0].rows.shape == (512, 6, 7)
    assert batches[0].fresh.all()
    assert 0 < sum(batch.fresh.sum() for batch in batches[1:]) <= 6 * 70 * 512 // SEGMENT + 6
    assert batches[0].following.shape == (512, 6)
    assert batches[0].memory_logits.shape == (512, 6, 0)


def test_rows_depend_on_what_came_before_only() -> None:
    lanes = np.frombuffer(b"one two one two", np.uint8)[None].copy()
    before = embedding_rows(lanes, FIRST_FEATURES)
    lanes[0, 8] = 65
    after = embedding_rows(lanes, FIRST_FEATURES)
    assert np.array_equal(before[:9], after[:9])
    assert (before[9] != after[9]).all()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, one of them in two parts and an archive, and what is held out."""
    place = tmp_path_factory.mktemp("data")
    for name, content in _classes().items():
        raw = content.tobytes() * 3
        parts = {f"{name}": raw[: len(raw) // 2], f"{name}-2": raw[len(raw) // 2 :], f"validation/{name}": raw[:40000]}
        for folder, part in parts.items():
            (place / folder).mkdir(parents=True)
            (place / folder / "a").write_bytes(part)
    with tarfile.open(place / "text-3.tar.xz", "w:xz") as archive:
        archive.add(place / "text" / "a", "b/a")
    return place


def _release(data: Path, output: Path, megabytes: float, *more: str, shape: str = SHAPE) -> str:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    work = str(output.with_suffix(""))
    arguments = [str(data), "-o", str(output), "--work", work, "--states", str(default_model().path), "--shape", shape]
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(states, "LARGEST_BLOCK", 1 << 14)
            patch.setattr(release, "HELD_LANES", 2)
            patch.setitem(
                recipe.RECIPES, "small", recipe.Recipe(Shape(), 1.0, state_megabytes=0.2, beside_megabytes=0.1, rows=4)
            )
            choices = next(option for option in release.main.params if option.name == "name")
            patch.setattr(choices, "type", click.Choice(["small"]))
            arguments += ["--recipe", "small", "--megabytes", str(megabytes), *more]
            result = CliRunner().invoke(release.main, arguments, catch_exceptions=False)
    finally:
        torch.random.set_rng_state(before)
        torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def begun(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a release that has seen 0.1 MB."""
    output = tmp_path_factory.mktemp("begun") / "small.safetensors"
    _release(data, output, 0.1)
    return output.with_suffix("") / "network.pt"


@pytest.mark.slow
def test_a_release_learns_resumes_and_makes_a_model(data: Path, tmp_path: Path) -> None:
    output, copy = tmp_path / "made.safetensors", tmp_path / "copy"
    _release(data, output, 0.15, "--copy", str(copy))
    (tmp_path / "made" / "network.pt").write_bytes(b"cut off")  # the other copy is taken
    second = _release(data, output, 0.5, "--copy", str(copy), "--threads", "2")
    assert "is not whole" in second
    assert "goes on from" in second
    model = load_model(output)
    card = model.card()["card"]
    assert [point["megabytes"] for point in card["curve"]] == pytest.approx([0.15, 0.5], abs=0.01)
    for part in ("train", "validation"):
        assert card["curve"][1][part]["text"][0] < card["curve"][0][part]["text"][0] < 8
    assert card["bytes"]["text"] > 1.4 * 3 * _classes()["text"].size
    raw = _classes()["text"].tobytes()[:30000]
    assert likezip.decompress(likezip.compress(raw, model=model, prior="on"), model=model) == raw
    drawn = CliRunner().invoke(curve.main, [str(output), "-o", str(tmp_path / "curve.svg")], catch_exceptions=False)
    assert drawn.exit_code == 0, drawn.output
    assert "mean, validation" in (tmp_path / "curve.svg").read_text()


@pytest.mark.slow
def test_a_release_can_be_made_of_a_run_as_it_is(data: Path, begun: Path, tmp_path: Path) -> None:
    output = tmp_path / "made.safetensors"
    (tmp_path / "made").mkdir()
    shutil.copy(begun, tmp_path / "made")
    assert "goes on" in _release(data, output, 0.5, "--as-it-is")
    assert load_model(output).card()["card"]["curve"][-1]["megabytes"] < 0.2
    squares = torch.load(begun, weights_only=True)["optimizers"][1]["state"][0]["sum"].numpy()
    left = tmp_path / "made" / release.SQUARES_FILE
    coded = load_file(left)[release.SQUARES]
    assert np.allclose(squares_of(coded), squares, rtol=0.08, atol=2.0**-55)

    further = tmp_path / "further.safetensors"  # without the checkpoint
    assert "goes on from" in _release(data, further, 0.2, "--go-on", str(output), str(left))
    first, second = load_model(further).card()["card"]["curve"]
    assert first == load_model(output).card()["card"]["curve"][0]
    assert second["megabytes"] == pytest.approx(0.2, abs=0.01)
    assert second["validation"]["text"][0] < first["validation"]["text"][0]


def test_data_without_a_class_or_validation_is_refused(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "text", tmp_path / "text")
    with pytest.raises(ValueError, match="there is no validation data"):
        release.Data.read(tmp_path, ())
    with pytest.raises(ValueError, match="there is no class of files"):
        release.Data.read(tmp_path / "text", ())


@pytest.mark.slow
def test_a_network_grows_and_learns_on(data: Path, begun: Path, tmp_path: Path) -> None:
    shape = "dimension=4,width=16,state=20+8,hidden=16+24"
    checkpoints = [begun, tmp_path / "large" / "network.pt"]
    checkpoints[1].parent.mkdir()
    arguments = [str(checkpoints[0]), "--shape", shape, "-o", str(checkpoints[1])]
    result = CliRunner().invoke(grow.main, arguments, catch_exceptions=False)
    assert "state=(20, 8)" in result.output
    rows = torch.from_numpy(embedding_rows(_classes()["text"][None, :200], FIRST_FEATURES))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = [twin(rows, twin.first_states(1))[0] for twin in map(export.load_twin, checkpoints)]
    assert torch.equal(*logits)
    _release(data, tmp_path / "large.safetensors", 0.2, shape=shape)
    grown = export.load_twin(checkpoints[1])
    assert grown.blocks[1].down.weight.abs().min() > 0
    assert grown.blocks[0].out.weight[:, 16:].abs().min() > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape",
    ["dimension=4,width=16,state=8,hidden=16", "dimension=4,width=8", "state=1", "stat=9", "x", "features=q1/8"],
)
def test_a_network_does_not_grow_smaller(begun: Path, tmp_path: Path, shape: str) -> None:
    arguments = [str(begun), "--shape", shape, "-o", str(tmp_path / "no.pt")]
    assert CliRunner().invoke(grow.main, arguments).exit_code == 2
    assert not (tmp_path / "no.pt").exists()
