"""Models of one's own: what is held out, that training learns, stops, resumes, and that its model file is used."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.numpy import save_file

import likezip
from likezip.command.main import main
from likezip.model import default_model
from likezip.prior.network import Network
from likezip.training import data, finetune, own
from likezip.training.data import LEAST_HELD_OUT, collect
from likezip.training.export import tensors
from likezip.training.restore import twin_of
from likezip.training.run import Run
from likezip.training.segments import Batch
from likezip.training.twin import Shape

WORDS = [
    b"likelihood",
    b"entropy",
    b"mixer",
    b"context",
    b"symbol",
    b"history",
    b"stretch",
    b"squash",
    b"lane",
    b"block",
]


def text(size: int, seed: int) -> bytes:
    choose = random.Random(seed)
    return b" ".join(b"%s=%d" % (choose.choice(WORDS), choose.randrange(50)) for _ in range(size // 6))[:size]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """150 KB in fifteen files."""
    place = tmp_path / "files"
    (place / "below").mkdir(parents=True)
    for number in range(15):
        (place / ("below" if number % 2 else ".") / f"{number}.txt").write_bytes(text(10_000, number))
    return place


@pytest.fixture
def _torch_as_before() -> Iterator[None]:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    yield
    torch.random.set_rng_state(state)
    torch.set_num_threads(threads)


def test_the_twin_of_a_model_file_is_exported_as_it_was() -> None:
    part = default_model().part("prior")
    back = tensors(twin_of(Network.of(part)))
    assert back.keys() - {"features"} == part.keys() - {"features"}
    assert all(np.array_equal(back[name], part[name]) for name in part)


def test_files_are_divided_in_the_same_way_each_time(files: Path) -> None:
    found, again = collect([files]), collect([files])
    assert (found.train, found.held, found.digest()) == (again.train, again.held, again.digest())
    assert sorted(found.train + found.held) == sorted(path.read_bytes() for path in files.rglob("*.txt"))
    assert LEAST_HELD_OUT <= sum(map(len, found.held)) <= 0.3 * 150_000
    (files / "0.txt").write_bytes(b"changed" * 2000)
    assert collect([files]).digest() != found.digest()


def test_a_single_file_is_divided(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(text(100_000, 1))
    for source in (tmp_path, tmp_path / "one"):
        found = collect([source])
        assert found.train[0] + found.held[0] == text(100_000, 1)
        assert len(found.held[0]) == LEAST_HELD_OUT


def test_what_can_not_be_learnt_from_is_left_out(files: Path) -> None:
    (files / "noise").write_bytes(random.Random(1).randbytes(50_000))
    (files / "empty").touch()
    (files / "link").symlink_to(files / "0.txt")
    (files / "again").write_bytes(
        (files / "1.txt" if (files / "1.txt").exists() else files / "below" / "1.txt").read_bytes()
    )
    (files / "model.safetensors").write_bytes(b"some words " * 5000)
    (files / "my.checkpoint").write_bytes(b"other words " * 5000)
    (files / ".git").mkdir()
    (files / ".git" / "config").write_bytes(b"no words of these " * 5000)
    (files / ".hidden").write_bytes(b"nor of these " * 5000)
    found = collect([files, files / "below"], without=[files / "my.checkpoint"])
    assert found.left_out == {"noise": 1, "copies": 1 + 7, "links": 1, "empty": 1, "models": 1, "hidden": 2}
    assert len(found.train) + len(found.held) == 15


def test_enough_is_held_out_of_small_files(tmp_path: Path) -> None:
    """Once the cut was negative, and training ended by dividing by zero."""
    for sizes in ([15_384] + [6_270] * 8, [16_000, 50_000], [33_000, 33_000], [1_000] * 70):
        place = tmp_path / str(len(sizes)) / str(sizes[0])
        place.mkdir(parents=True)
        for number, size in enumerate(sizes):
            (place / str(number)).write_bytes(text(size, number))
        found = collect([place])
        train, held = (sum(map(len, part)) for part in (found.train, found.held))
        assert train + held == sum(sizes)
        assert held >= LEAST_HELD_OUT and train >= LEAST_HELD_OUT


def test_what_is_too_much_is_left_out(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "MOST_BYTES", 85_000)
    found = collect([files])
    assert found.left_out == {"too much": 7}


def test_too_little_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(text(60_000, 1))
    with pytest.raises(ValueError, match="there are 60000 bytes to learn from, and at least 65536 are needed"):
        collect([tmp_path])


def _tuning(files: Path, minutes: float = 0.1) -> finetune.Tuning:
    run, starts = own.Task(None, minutes, 1).begin(threads=1)
    run.prepare(finetune.ROWS)
    return finetune.Tuning(run, collect([files]), lambda: own._copy(starts["text"]), minutes, 1)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "Shape", lambda: Shape(4, 16, (16,), (16,)))


@pytest.mark.usefixtures("_torch_as_before", "_small")
def test_training_ends_when_held_out_files_get_no_better(files: Path) -> None:
    tuning = _tuning(files)
    rates = [2.0, 1.5, 1.6, 1.7, 1.5, 1.8]
    tuning.run.curve = [{"train": 1.0, "validation": rate} for rate in rates[:5]]
    assert not tuning.is_over()
    tuning.run.curve.append({"train": 1.0, "validation": rates[5]})
    assert tuning.is_over()


@pytest.mark.slow
@pytest.mark.usefixtures("_torch_as_before", "_small")
def test_training_goes_back_before_it_ends(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the best network, at a lower rate, once two measurements were no better."""
    tuning, said, networks = _tuning(files, 10.0), list[str](), list[torch.Tensor]()

    def spoil(share: float) -> None:
        networks.append(tuning.run.twin.head.weight.detach().clone())
        with torch.no_grad():
            tuning.run.twin.head.weight.add_(1.0 * torch.randn_like(tuning.run.twin.head.weight))

    monkeypatch.setattr(tuning, "learn", spoil)
    tuning.finish(tmp_path / "checkpoint", {}, said.append)
    assert len(networks) == finetune.PATIENCE
    assert [torch.equal(network, networks[0]) for network in networks] == [True, False, True, False]
    assert sum("back to the best network" in line for line in said) == 1
    assert tuning._rate == finetune.SLOWER
    assert torch.equal(tuning.run.twin.head.weight, networks[0])


@pytest.mark.slow
@pytest.mark.usefixtures("_torch_as_before", "_small")
def test_the_best_network_is_kept(files: Path) -> None:
    tuning = _tuning(files)
    first = tuning.measure()
    tuning.learn(0.2)
    assert tuning.run.step > 0
    second = tuning.measure()
    assert second["validation"] < first["validation"]
    best = {name: tensor.clone() for name, tensor in tuning.run.twin.state_dict().items()}
    with torch.no_grad():
        tuning.run.twin.head.weight.mul_(-1)
    assert tuning.measure()["validation"] > second["validation"]
    assert all(torch.equal(tuning.best[name], tensor) for name, tensor in best.items())


@pytest.mark.slow
@pytest.mark.usefixtures("_torch_as_before", "_small")
def test_a_run_that_was_stopped_goes_on(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle of a step, with what is written lying among the files."""
    output, checkpoint, learn = files / "own.safetensors", files / "own.checkpoint", Run.learn
    words = ["train", str(files), "-o", str(output), "--from", "scratch", "--minutes", "0.2", "-T", "1"]
    steps: list[int] = []

    def counted(run: Run, batch: Batch, states: list[torch.Tensor]) -> tuple[float, list[torch.Tensor]]:
        if len(steps) == 7:
            steps.append(-1)
            raise KeyboardInterrupt
        steps.append(run.step)
        return learn(run, batch, states)

    monkeypatch.setattr(Run, "learn", counted)
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert checkpoint.exists() and not output.exists()
    assert sorted(path.name for path in files.iterdir() if path.suffix not in (".txt", "")) == ["own.checkpoint"]
    assert f"what was learnt is kept in {checkpoint}" in done.stderr
    other = CliRunner().invoke(main, [*words, "--seed", "2"])
    assert other.exit_code == 1
    assert "is of another run, with other files or options: delete it" in other.stderr
    done = CliRunner().invoke(main, [*words, "--minutes", "0.21"])
    assert done.exit_code == 0, done.stderr
    assert f"goes on from {checkpoint}" in done.stderr
    assert steps[:9] == [0, 1, 2, 3, 4, 5, 6, -1, 7]
    assert output.exists() and not checkpoint.exists()
    with safe_open(output, "numpy") as opened:
        card = json.loads(opened.metadata()["card"])
    assert card["base"] == "scratch"
    assert [point["megabytes"] for point in card["curve"]] == sorted(point["megabytes"] for point in card["curve"])
    assert len(card["curve"]) > 2
    assert card["held_out"].keys() == {"after"}
    assert likezip.decompress(likezip.compress(b"x" * 500, model=output), model=output) == b"x" * 500


@pytest.mark.slow
@pytest.mark.usefixtures("_torch_as_before", "_small")
def test_a_resumed_run_reads_on_where_it_stopped(files: Path, tmp_path: Path) -> None:
    tuning, resumed = _tuning(files), _tuning(files)
    tuning.measure()
    for _ in range(3):
        tuning._states = tuning.run.learn(tuning._feed.batch(), tuning._states)[1]
    tuning._save(tmp_path / "here", {"files": "these"})
    resumed._resume(tmp_path / "here", {"files": "these"}, lambda _: None)
    assert (resumed.run.step, resumed.run.curve) == (3, tuning.run.curve)
    assert np.array_equal(resumed._feed.batch().rows, tuning._feed.batch().rows)
    assert all(torch.equal(a, b) for a, b in zip(resumed.best.values(), tuning.best.values(), strict=True))
    moments = [run.optimizers[0].state_dict()["state"][0]["exp_avg"] for run in (tuning.run, resumed.run)]
    assert torch.equal(*moments)


@pytest.mark.usefixtures("_torch_as_before", "_small")
def test_a_damaged_checkpoint_is_refused(files: Path, tmp_path: Path) -> None:
    torch.save({"something": "else"}, tmp_path / "other")
    (tmp_path / "damaged").write_bytes(b"no checkpoint")
    for name in ("other", "damaged"):
        with pytest.raises(ValueError, match=f"{name} is no checkpoint of this command: delete it"):
            _tuning(files)._resume(tmp_path / name, {}, lambda _: None)


@pytest.mark.slow
@pytest.mark.usefixtures("_torch_as_before")
def test_a_model_of_ones_own(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the files to a model that compresses others of their kind better, and is found by its id."""
    output, data, packed = tmp_path / "models" / "own.safetensors", tmp_path / "new.txt", tmp_path / "new.txt.lz"
    output.parent.mkdir()
    data.write_bytes(text(20_000, 99))
    done = CliRunner().invoke(main, ["train", str(files), "-o", str(output), "--minutes", "0.2", "-T", "1"])
    assert done.exit_code == 0, done.stderr
    model = likezip.load_model(output)
    assert model.id.hex() in done.stderr
    with safe_open(output, "numpy") as opened:
        card = json.loads(opened.metadata()["card"])
    assert card["base"] == f"likezip-2 {default_model().id.hex()}"
    assert card["held_out"]["after"] < card["held_out"]["before"]
    assert card["generalisation_gap"] == pytest.approx(
        card["network"]["validation"] - card["network"]["train"], abs=2e-4
    )
    assert card["files"]["held_out"] + card["files"]["train"] == 15
    before, after = (len(likezip.compress(data.read_bytes(), model=used)) for used in (None, output))
    assert after < 0.99 * before
    packing = CliRunner().invoke(main, ["compress", "--model", str(output), str(data), str(packed)])
    assert packing.exit_code == 0, packing.stderr
    lost = CliRunner().invoke(main, ["decompress", str(packed), "-c"])
    assert lost.exit_code == 1
    assert f"written with model {model.id.hex()}, which is not among the models here" in lost.stderr
    monkeypatch.setenv("LIKEZIP_MODELS", str(output.parent))
    assert CliRunner().invoke(main, ["decompress", str(packed), "-c"]).stdout_bytes == data.read_bytes()
    monkeypatch.delenv("LIKEZIP_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "likezip").mkdir(parents=True)
    output.parent.rename(tmp_path / "home" / "likezip" / "models")
    assert CliRunner().invoke(main, ["decompress", str(packed), "-c"]).stdout_bytes == data.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing", "-o", "x.safetensors"], "likezip: missing: no such file or directory"),
        ([".", "-o", "x.bin"], "must end in .safetensors"),
        ([".", "-o", "x.safetensors", "--from", "nothing"], "no model file nothing"),
        ([".", "-o", "there.safetensors"], "exists already; --force replaces it"),
        ([".", "-o", "x.safetensors"], "there are 0 bytes to learn from"),
        ([".", "-o", "nowhere/x.safetensors"], "nowhere/x.safetensors: No such file or directory"),
    ],
)
def test_what_is_refused(words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.safetensors").touch()
    done = CliRunner().invoke(main, ["train", *words])
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr


@pytest.mark.parametrize("words", [["--minutes", "nan"], ["--minutes", "inf"], ["--seed", "-1"]])
def test_options_out_of_range_are_refused(words: list[str]) -> None:
    assert CliRunner().invoke(main, ["train", ".", "-o", "x.safetensors", *words]).exit_code == 2


def test_a_base_that_lacks_something_is_refused(files: Path, tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in default_model().tensors().items() if name != "prior.head.weight"}
    save_file(tensors, tmp_path / "less.safetensors")
    base = str(tmp_path / "less.safetensors")
    done = CliRunner().invoke(main, ["train", str(files), "-o", str(tmp_path / "x.safetensors"), "--from", base])
    assert done.exit_code == 1
    assert "prior is not what this likezip needs" in done.stderr


def test_the_name_of_the_shipped_model_is_kept(files: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["train", str(files), "-o", str(tmp_path / "likezip-2.safetensors")])
    assert done.exit_code == 1
    assert "likezip-2 is the name of the model that comes with likezip" in done.stderr


def test_the_default_is_the_shipped_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has its name and is found before it."""
    shipped = default_model()
    (tmp_path / "likezip-2.safetensors").write_bytes(b"of another one")
    monkeypatch.setenv("LIKEZIP_MODELS", str(tmp_path))
    assert default_model() == shipped
    assert likezip.load_model("likezip-2") != shipped
    assert likezip.load_model(shipped.id.hex()) == shipped
    with pytest.raises(likezip.UnknownModelError, match="no model file 00ff00ff00ff00ff, nor one of that name or id"):
        likezip.load_model("00ff00ff00ff00ff")


def test_the_command_line_does_not_load_torch() -> None:
    code = (
        "import sys, likezip.command.main; sys.exit(any(name in sys.modules for name in ('torch', 'numba', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_models_and_their_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEZIP_MODELS", str(tmp_path))
    (tmp_path / "again.safetensors").write_bytes(default_model().path.read_bytes())
    listed = CliRunner().invoke(main, ["models"]).stdout.splitlines()
    assert [line.split()[::4] for line in listed[:1]] == [
        [default_model().id.hex(), str(tmp_path / "again.safetensors")]
    ]
    assert any("likezip-2" in line for line in listed[1:])
    found = json.loads(CliRunner().invoke(main, ["models", "again"]).stdout)
    assert found["bytes"] == default_model().size and found["training"] == "1,460 MB read"
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    done = CliRunner().invoke(main, ["models", "bad"])
    assert done.exit_code == 1 and "not a model file" in done.stderr
