"""The same bytes whatever instructions, threads and backends the products run on, and each reads the others' frames."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import likezip
from likezip.kernels import processor
from likezip.prior import forward

SETTINGS: dict[str, dict[str, str]] = {
    "default": {},
    "no dot products": {"LIKEZIP_INSTRUCTIONS": "none"},
    "int8": {"LIKEZIP_BACKEND": "int8"},
    "float32": {"LIKEZIP_BACKEND": "float32"},
    "oneDNN with AVX-512, no VNNI": {"LIKEZIP_BACKEND": "int8", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "oneDNN with AVX2": {"LIKEZIP_BACKEND": "int8", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "oneDNN with SSE4.1": {"LIKEZIP_BACKEND": "int8", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "ATen with AVX2": {"LIKEZIP_BACKEND": "int8", "ATEN_CPU_CAPABILITY": "avx2"},
    "ATen without vectors": {"LIKEZIP_BACKEND": "int8", "ATEN_CPU_CAPABILITY": "default"},
    "BLAS with two threads": {"LIKEZIP_BACKEND": "float32", "OPENBLAS_NUM_THREADS": "2"},
}

SETTINGS |= {
    f"dot products of {name}": {"LIKEZIP_BACKEND": "dot", "LIKEZIP_INSTRUCTIONS": name}
    for name in processor.supported_instructions()
}

CODE = """
import sys, likezip
text = open(sys.argv[1], "rb").read()
frame = likezip.compress(text, prior="on", lanes=5)
open(sys.argv[2], "wb").write(frame)
assert likezip.decompress(open(sys.argv[3], "rb").read()) == text

"""


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A text, and the frame that this process makes of it."""
    place = tmp_path_factory.mktemp("determinism")
    content = b"".join(path.read_bytes() for path in sorted(Path(likezip.__file__).parent.glob("*.py")))[:12000]
    (place / "text").write_bytes(content)
    (place / "frame").write_bytes(likezip.compress(content, prior="on", lanes=5))
    return place / "text", place / "frame"


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_bytes(name: str, text: tuple[Path, Path], tmp_path: Path) -> None:
    place, frame = text
    found = tmp_path / "frame"
    environment = {**os.environ, **SETTINGS[name]}
    subprocess.run([sys.executable, "-c", CODE, place, found, frame], env=environment, check=True)
    assert found.read_bytes() == frame.read_bytes()


@pytest.mark.slow
def test_step_by_step_and_many_steps(text: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    place, frame = text
    for rows in (1, 64, 100000):
        monkeypatch.setattr(forward, "ROWS_AT_ONCE", rows)
        assert likezip.compress(place.read_bytes(), prior="on", lanes=5) == frame.read_bytes()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_and_a_cpu_read_each_other(text: tuple[Path, Path], tmp_path: Path) -> None:
    place, frame = text
    environment = {**os.environ, "LIKEZIP_BACKEND": "cuda"}
    subprocess.run([sys.executable, "-c", CODE, place, tmp_path / "frame", frame], env=environment, check=True)
    assert (tmp_path / "frame").read_bytes() == frame.read_bytes()
