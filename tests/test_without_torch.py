"""Without torch: all but training works, and what needs it says what to install."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from likezip import errors

PLACE = Path(__file__).parent
ROOT = PLACE.parent

ABSENT = "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')"
"""A module torch that is found before the one that is installed, in worker processes too, and is as if it were not."""

MAIN_PATHS = (
    "test_cli_transfer.py",
    "test_container.py",
    "test_file.py",
    "test_heatmap.py",
    "test_likelihood.py",
    "test_score.py",
    "test_stream.py",
    "test_threads.py",
    "test_vectors.py",
)


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process for which torch is not installed."""
    place = tmp_path_factory.mktemp("absent")
    (place / "torch.py").write_text(ABSENT)
    before = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(place), *before])}
    environment.pop("LIKEZIP_BACKEND", None)
    return environment


def _run(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", *map(str, words)]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def _works(environment: dict[str, str], *words: object) -> str:
    ran = _run(environment, "likezip", *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text long enough for the prior, and for torch to be worth its import."""
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_bytes((ROOT / "README.md").read_bytes()[:6000])
    return path


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["dot", pytest.param("float32", marks=pytest.mark.slow)])
def test_files_come_back(backend: str, without_torch: dict[str, str], text: Path, tmp_path: Path) -> None:
    """By the kernel for byte products, and where the processor has none."""
    instructions = {} if backend == "dot" else {"LIKEZIP_INSTRUCTIONS": "none"}
    compressed, back = tmp_path / "text.lz", tmp_path / "text"
    _works(without_torch | instructions, "compress", "--prior", "on", text, compressed)
    _works(without_torch, "decompress", compressed, back)
    assert back.read_bytes() == text.read_bytes()


@pytest.mark.slow
def test_the_model_is_asked(without_torch: dict[str, str], text: Path, tmp_path: Path) -> None:
    assert _works(without_torch, "score", "--by", "line", text).startswith("name\tunit\t")
    assert len(_works(without_torch, "sample", "-n", 20, "--prompt", text).encode()) >= 20
    _works(without_torch, "heatmap", text, "-o", tmp_path / "map.html")
    assert "<html" in (tmp_path / "map.html").read_text("utf-8")


INSTALL = f"pip install '{errors.TORCH}'\n"


def test_training_says_what_to_install(without_torch: dict[str, str], text: Path, tmp_path: Path) -> None:
    ran = _run(without_torch, "likezip", "train", text.parent, "-o", tmp_path / "model.safetensors")
    assert ran.returncode == 1
    assert ran.stderr == f"likezip: training needs torch, which is not installed: {INSTALL}"
    assert list(tmp_path.iterdir()) == []


def test_making_a_model_says_what_to_install(without_torch: dict[str, str], text: Path, tmp_path: Path) -> None:
    words = (text.parent, "-o", tmp_path / "model.safetensors", "--work", tmp_path / "work")
    ran = _run(without_torch, "likezip.training.release", *words)
    assert ran.returncode == 1
    assert ran.stderr == f"likezip: making a model needs torch, which is not installed: {INSTALL}"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["int8", "cuda"])
def test_a_backend_of_torch_says_what_to_install(
    backend: str, without_torch: dict[str, str], text: Path, tmp_path: Path
) -> None:
    words = ("compress", "--prior", "on", text, "-o", tmp_path / "text.lz")
    ran = _run(without_torch | {"LIKEZIP_BACKEND": backend}, "likezip", *words)
    assert (ran.returncode, list(tmp_path.iterdir())) == (1, [])
    assert ran.stderr == f"likezip: {text}: LIKEZIP_BACKEND={backend} needs torch, which is not installed: {INSTALL}"


@pytest.mark.slow
@pytest.mark.parametrize("name", MAIN_PATHS)
def test_the_main_paths_pass_their_tests(name: str, without_torch: dict[str, str]) -> None:
    without_reference = ("-k", "not reference")  # it is slow, and uses nothing of likezip's
    ran = _run(without_torch, "pytest", "-q", "-p", "no:cacheprovider", *without_reference, PLACE / name)
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"\d\d passed", ran.stdout)


def test_torch_is_absent_there(without_torch: dict[str, str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-c", "import torch"], env=without_torch, capture_output=True, text=True, check=False
    )
    assert ran.stderr.endswith("ModuleNotFoundError: No module named 'torch'\n")


def test_the_commands_of_the_light_installation_install_all_other_dependencies() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert errors.TORCH in dependencies
    commands = re.search(r"```sh\n(.*?)```", (ROOT / "docs" / "install.md").read_text("utf-8"), re.DOTALL)
    assert commands
    named = re.findall(r"'([^']+)'", commands[1].splitlines()[0])
    assert sorted(named) == sorted(dependency.partition(";")[0] for dependency in set(dependencies) - {errors.TORCH})
