"""The benchmarks of models beside each other and of models of one's own."""

import random
import shutil
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import models, own
from likezip.model import default_model


def _log(name: str, seed: int) -> list[bytes]:
    choose = random.Random(seed)
    kinds = [b"%s INFO started job %d", b"%s INFO finished job %d in time"]
    return [choose.choice(kinds) % (name.encode(), choose.randrange(100)) for _ in range(200)]


def test_models_beside_each_other(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    for number in range(3):
        (tmp_path / "words" / str(number)).write_bytes(b"some words number %d " % number * 50)
    with tarfile.open(tmp_path / "held.tar", "w") as archive:
        archive.add(tmp_path / "words", "words")
    assert models.classes_of([tmp_path / "words"], 1200)["words"] in {
        b"".join(b"some words number %d " % number * 50 for number in order)[:1200]
        for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    }
    words = ["likezip-2", "--training", str(tmp_path / "words"), "--unseen", str(tmp_path / "words")]
    done = CliRunner().invoke(models.main, [*words, "--validation", str(tmp_path / "held.tar"), "--most", "2000"])
    assert done.exit_code == 0, done.output
    assert "training, mean | validation, mean | unseen, mean" in done.stdout
    assert "1,327,104" in done.stdout
    assert models.products(default_model()) == 1_327_104
    assert CliRunner().invoke(models.main, ["likezip-2"]).exit_code == 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zstd") is None, reason="there is no zstd command")
def test_own_models_beside_dictionaries(tmp_path: Path) -> None:
    for half in ("train", "test"):
        (tmp_path / half).mkdir()
        for number in range(20):
            lines = _log("a", number + (100 if half == "test" else 0))
            (tmp_path / half / str(number)).write_bytes(b"\n".join(lines))
    done = CliRunner().invoke(own.main, [str(tmp_path / "train"), str(tmp_path / "test"), str(default_model().path)])
    assert done.exit_code == 0, done.output
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert [row[0].split(",")[0] for row in rows] == ["likezip", "likezip", "zstd -19", "zstd -19", "zstd -19"]
    assert rows[0][1:4] == rows[1][1:4]  # the same model
    assert float(rows[3][3]) > 0  # a dictionary saves something
    assert rows[2][4] == "0"
