"""The benchmark of files, blocks and chunks in several processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("distributed")
pytest.importorskip("zarr")
from benchmarks import machines


@pytest.mark.slow
def test_all_ways_bring_everything_back(tmp_path: Path) -> None:
    names = [tmp_path / "long", tmp_path / "short"]
    names[0].write_bytes(b"one line and another\n" * 3500)
    names[1].write_bytes(b"a short file\n")
    result = CliRunner().invoke(machines.main, ["--workers", "1", "--block-size", "65536", *map(str, names)])
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if line.startswith("| ")][1:]
    sizes = [int(row.split("|")[2].replace(",", "")) for row in rows]
    assert len(rows) == 7 and sizes[0] == sizes[1] and sizes[2] == sizes[3] == sizes[4] and sizes[5] == sizes[6]


def test_other_bytes_are_an_error() -> None:
    with pytest.raises(AssertionError, match="other bytes"):
        machines.measured("a way", lambda: [b""], lambda frames: [b"b"], [b"a"])
