"""How the scaling is measured, with a copy in place of likezip, and what is made of it."""

from pathlib import Path
from typing import get_type_hints

import pytest
from click.testing import CliRunner

from benchmarks import curves, measure, pages, peers, plots, report, results, scaling, schema
from benchmarks import inputs as sources_of_bytes
from benchmarks.peers import Peer
from benchmarks.runner import Usage


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What likezip would be given; a copy is measured."""
    given: list[tuple[str, ...]] = []

    def copy(name: str, *words: str, threads: int = 1) -> Peer:
        given.append((*words, "-T", str(threads)))
        return Peer(name, ("cat",), ("cat",), "")

    monkeypatch.setattr(scaling, "likezip_peer", copy)
    monkeypatch.setattr(scaling, "own_peers", lambda threads: [copy(peers.LIKEZIP), copy(peers.NO_PRIOR)])
    monkeypatch.setattr(scaling, "warm_up", lambda: None)
    monkeypatch.setattr(scaling, "available_cores", lambda: 2)
    return given


@pytest.mark.parametrize(
    ("size", "workers", "expected"),
    [(100, 1, 1.0), (100, 2, 1.0), (200, 2, 2.0), (300, 2, 1.5), (250, 2, 250 / 150), (201, 3, 2.01)],
)
def test_ideal_speedup(size: int, workers: int, expected: float) -> None:
    assert scaling.ideal_speedup(size, 100, workers) == pytest.approx(expected)


def test_places() -> None:
    assert scaling.LANES == (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
    assert (scaling.BLOCKS[0], scaling.BLOCKS[-1]) == (64 << 10, 16 << 20)
    assert scaling.SIZES[:4] == (1000, 3162, 10_000, 31_623)
    assert scaling.SIZES[-1] == 100_000_000
    assert [scaling.worker_counts(cores) for cores in (1, 2, 6, 8)] == [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8]]
    sizes = [64 << 10, 1 << 20, 1000, 3162, 31_623, 100_000_000]
    assert [curves.size_text(size) for size in sizes] == ["64 KiB", "1 MiB", "1 KB", "3.16 KB", "31.6 KB", "100 MB"]


@pytest.mark.slow
def test_all_curves(options: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "LANES", (1, 32, 1024))
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").write_bytes(bytes(range(256)) * 200)
    (data / "b").write_bytes(b"another file " * 2500)
    (data / "c").write_bytes(bytes(range(256)) * 200)  # as a, and so left out
    output = tmp_path / "results" / "scaling.json"
    done = CliRunner().invoke(scaling.main, [str(data), "--size", "200000", "--json", str(output)])
    assert done.exit_code == 0, done.output
    found = results.load_scaling(output)
    size = 200 * 256 + 13 * 2500
    assert list(found) == ["workers", "lanes", "blocks", "sizes"]
    for name, curve in found.items():
        assert set(curve) == set(get_type_hints(schema.Curve))
        assert curve["data"] == "data/a and 1 more"
        for series in curve["series"]:
            assert set(series) == set(get_type_hints(schema.Series))
            assert all(set(point) == set(get_type_hints(schema.Point)) for point in series["points"])
            assert all(name == "sizes" or point["bytes"] == size for point in series["points"])
    assert [point["at"] for point in found["workers"]["series"][0]["points"]] == [1, 2]
    assert found["workers"]["series"][0]["points"][1]["at_best"] == pytest.approx(size / 65536)
    assert [point["at"] for point in found["lanes"]["series"][1]["points"]] == list(scaling.LANES)
    assert [point["at"] for point in found["blocks"]["series"][0]["points"]] == [65536, 131072]
    sizes = found["sizes"]
    assert [point["bytes"] for point in sizes["series"][0]["points"]] == [1000, 3162, 10_000, 31_623]
    assert [series["name"] for series in sizes["series"]][:3] == ["likezip", "likezip, no prior", "xz -9e"]
    assert sizes["stopped"] == "The data end at 83.7 KB."
    for words in (
        ("--block-size", "65536", "-T", "2"),
        ("--block-size", str(size), "-T", "2"),
        ("--lanes", "1024", "--prior", "on", "--block-size", str(size), "-T", "1"),
        ("--lanes", "1", "--prior", "off", "--block-size", str(size), "-T", "1"),
        ("--block-size", "131072", "--prior", "off", "-T", "1"),
    ):
        assert words in options
    page = output.with_suffix(".md").read_text()
    for name in found:
        assert output.with_name(f"scaling-{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"](scaling-{name}.svg)" in page
        svg = output.with_name(f"scaling-{name}.svg").read_text()
        assert all(f">{series['name']}</text>" in svg for series in found[name]["series"])
    assert "The data end at 83.7 KB." in page
    once = {file.name: file.read_bytes() for file in output.parent.iterdir()}
    pages.write_scaling(output)
    assert {file.name: file.read_bytes() for file in output.parent.iterdir()} == once


@pytest.mark.slow
def test_other_curves_are_kept(options: list[tuple[str, ...]], tmp_path: Path) -> None:
    data, output = tmp_path / "data", tmp_path / "scaling.json"
    data.write_bytes(b"12" * 1000)
    assert CliRunner().invoke(scaling.main, [str(data), "--curves", "blocks", "--json", str(output)]).exit_code == 0
    assert results.load_scaling(output)["blocks"]["series"][0]["points"][0]["at"] == 65536
    options.clear()
    assert CliRunner().invoke(scaling.main, [str(data), "--curves", "workers", "--json", str(output)]).exit_code == 0
    assert list(results.load_scaling(output)) == ["blocks", "workers"]
    done = CliRunner().invoke(scaling.main, [str(data), "--curves", "laps", "--json", str(output)])
    assert (done.exit_code, "there is no laps" in done.output) == (2, True)
    (tmp_path / "empty").touch()
    assert CliRunner().invoke(scaling.main, [str(tmp_path / "empty"), "--json", str(output)]).exit_code == 2


def made_point(at: int, size: int, seconds: float) -> schema.Point:
    run = measure.run_of(size, size // 2, [Usage(seconds, seconds, 50)], [Usage(seconds, seconds, 50)])
    return schema.Point(at=at, bytes=size, run=run, at_best=None)


def test_a_line_ends_where_it_would_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    series = schema.Series(name="slow", points=[made_point(1, 1000, 3.0)], stopped=None)
    assert scaling.expected_seconds(series, 5000) == pytest.approx(30)
    assert scaling.expected_seconds(schema.Series(name="new", points=[], stopped=None), 5000) == 0
    seconds = {"slow": 0.01, "fast": 0.001}  # a byte, in each direction

    def measured(data: bytes, compressors: list[Peer], repeat: int) -> dict[str, measure.Measured]:
        points = {one.name: made_point(1, len(data), seconds[one.name] * len(data)) for one in compressors}
        return {name: measure.Measured(b"", point["run"]) for name, point in points.items()}

    def line(name: str) -> scaling.Line:
        return scaling.Line(name, lambda at: Peer(name, (), (), ""))

    monkeypatch.setattr(scaling, "measure", measured)
    slow, fast = scaling.series_of([line("slow"), line("fast")], [10, 90, 1000], lambda at: b"x" * at, 1, 2.1)
    assert [point["at"] for point in slow["points"]] == [10, 90]
    assert slow["stopped"] == "no further than this, as it would take 20 s or more"
    assert [point["at"] for point in fast["points"]] == [10, 90, 1000]
    assert fast["stopped"] is None


def test_tables_of_curves(tmp_path: Path) -> None:
    first, second = made_point(1, 1000, 3.0), made_point(2, 1000, 2.0)
    second["at_best"] = 1.9
    series = [schema.Series(name="several", points=[first, second], stopped="too slow")]
    curve = schema.Curve(
        circumstances=results.circumstances(), data="data", repeat=1, series=series, stopped="The data end."
    )
    last = report.curve_table("workers", curve).splitlines()[-1]
    assert [cell.strip() for cell in last.split("|")][-4:-1] == ["1.50", "1.50", "1.90"]
    assert report.stops(curve) == ["several: too slow", "The data end."]
    with plots.style():
        plots.save(plots.curve_figure("workers", curve), tmp_path / "curve")
    assert ">several</text>" in (tmp_path / "curve.svg").read_text()


def test_sources_without_files() -> None:
    found = sources_of_bytes.joined(sources_of_bytes.package_sources("numba"), 100_000)
    assert len(found.content) == 100_000
    assert found.name.startswith("numba/")
