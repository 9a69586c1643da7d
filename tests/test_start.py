"""What a run imports, loads and reads: nothing that it does not need."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from likezip.command.main import main
from likezip.kernels import compiling
from likezip.kernels.compiling import Kernel
from likezip.model import default_model

MODULES = """
import sys
from likezip.command.main import main
try: main(sys.argv[1:])
except SystemExit as end: assert not end.code
print(*sys.modules)
"""


def modules_of(*words: str | Path) -> set[str]:
    """The modules that are imported when a command has ended."""
    command = [sys.executable, "-P", "-c", MODULES, *map(str, words)]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.skipif(compiling.CACHE is None, reason="kernels are compiled in every process here")
def test_a_small_file_needs_neither_numba_nor_processes(tmp_path: Path) -> None:
    text, compressed, back = tmp_path / "text", tmp_path / "text.lz", tmp_path / "back"
    text.write_bytes(Path(__file__).read_bytes()[:1000])
    ways = [("compress", "-f", text, compressed), ("decompress", "-f", compressed, back)]
    for way in ways:
        modules_of(*way)  # compiles what is missing
    for way in ways:
        imported = modules_of(*way)
        assert "numpy" in imported and "llvmlite.binding" in imported
        unneeded = {"numba", "torch", "numpy.random", "multiprocessing", "concurrent.futures", "importlib.metadata"}
        assert not imported & unneeded
        assert "likezip.frames.recovery" not in imported
    assert back.read_bytes() == text.read_bytes()


LOADED = """
import sys
import likezip
from likezip.kernels import compiling
loaded = []
machine_code = compiling.Kernel._machine_code
compiling.Kernel._machine_code = lambda kernel, kinds: loaded.append(kernel.__name__) or machine_code(kernel, kinds)
data = open(sys.argv[1], "rb").read()
loaded.clear()
(likezip.compress if sys.argv[2] == "compress" else likezip.decompress)(data)
print(*loaded)
"""


@pytest.mark.skipif(compiling.CACHE is None, reason="kernels are compiled in every process here")
def test_only_the_kernels_of_a_direction_are_loaded(tmp_path: Path) -> None:
    import likezip

    text, frame = tmp_path / "text", tmp_path / "frame"
    text.write_bytes(Path(__file__).read_bytes()[:1000])
    frame.write_bytes(likezip.compress(text.read_bytes()))
    assert likezip.decompress(frame.read_bytes()) == text.read_bytes()
    loaded = {}
    for way, path in (("compress", text), ("decompress", frame)):
        command = [sys.executable, "-P", "-c", LOADED, str(path), way]
        loaded[way] = set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert "_take_steps" in loaded["compress"] & loaded["decompress"]
    only = loaded["compress"] - loaded["decompress"]
    assert only - {"_push"} == {"_encode_bytes"}  # _push where constriction is missing
    assert not {"_decode_bytes", "_convert", "_go_to_piece", "_lead", "_follow"} & loaded["compress"]


def test_the_model_is_mapped() -> None:
    embeddings = default_model().part("prior")["embeddings"]
    assert not embeddings.flags.owndata and not embeddings.flags.writeable


def test_a_model_whose_bytes_have_changed_is_another(tmp_path: Path) -> None:
    """Even if its size and its times are the same: a bit that a disk has lost leaves no trace in them."""
    sound, path = default_model(), tmp_path / "model.safetensors"
    content = bytearray(sound.path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    before = sound.path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    from likezip.model import load_model

    assert load_model(path).id != sound.id


def sums(numbers: np.ndarray, rows: np.ndarray, factor: int) -> tuple[int, int]:
    total = 0
    for i in range(numbers.size):
        total += factor * numbers[i]
    return total, rows.shape[0]


def test_arguments_are_found_again_and_never_mistaken() -> None:
    """A kernel's last call is remembered by its arrays, which end, and whose places others take."""
    kernel, rows = Kernel(sums, None), np.zeros((3, 2), np.uint8)
    for size in (1, 5, 5, 2, 0):
        numbers = np.arange(size)
        assert kernel(numbers, rows, 2) == (size * (size - 1), 3)
        assert kernel(numbers, rows[:1], 3) == (3 * size * (size - 1) // 2, 1)
    numbers = np.arange(4)
    numbers.flags.writeable = False
    assert kernel(numbers, rows, 1) == (6, 3)
    assert kernel(numbers.astype(np.uint16), rows, 1) == (6, 3)
    assert kernel(numbers, rows, np.int64(2)) == (12, 3)
    with pytest.raises(TypeError, match="C's order"):
        kernel(np.arange(8)[::2], rows, 1)
    with pytest.raises(TypeError, match="take no str"):
        kernel(numbers, rows, "1")
    with pytest.raises(TypeError):
        kernel(numbers, rows)


@pytest.mark.slow
def test_warm_up_leaves_nothing_to_compile(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["XDG_CACHE_HOME"] = str(tmp_path)

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "likezip", *map(str, words)]
        return subprocess.run(command, check=True, env=environment, capture_output=True, text=True)

    first = run("warm-up")
    assert "compiling" in first.stderr
    assert first.stdout.startswith(f"kernels are in {tmp_path}/likezip/kernels-")
    again = run("warm-up")
    assert (again.stdout, again.stderr) == (first.stdout, "")
    kernels = sorted(path.name for path in tmp_path.rglob("*.kernel"))
    for words in (
        ("compress", "-f", __file__, tmp_path / "x.lz"),
        ("decompress", "-f", tmp_path / "x.lz"),
        ("heatmap", __file__, "-o", tmp_path / "x.html"),
    ):
        assert run(*words).stderr == ""
    assert sorted(path.name for path in tmp_path.rglob("*.kernel")) == kernels


def test_warm_up_says_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "CACHE", None)
    done = CliRunner().invoke(main, ["warm-up"])
    assert done.exit_code == 1
    assert "no directory for kernels" in done.output
