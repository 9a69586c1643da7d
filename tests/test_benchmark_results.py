"""Results as JSON, tables, plots, and the sections of README.md and docs/benchmarks.md that come from them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_type_hints

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import measure, pages, payback, peers, plots, report, results, schema, sections
from benchmarks.runner import Usage

NAMES = (peers.LIKEZIP, peers.NO_PRIOR, peers.XZ, "zstd -22 --long=27", "gzip -9")


def made_run(raw: int, packed: int, seconds: Sequence[float]) -> schema.Run:
    usages = [Usage(one, one / 2, 10 * one) for one in seconds]
    return measure.run_of(raw, packed, usages, [Usage(one.wall / 8, one.cpu / 8, 7) for one in usages])


def made_file(name: str, sizes: Sequence[int], truth: schema.Truth | None) -> schema.FileResult:
    """10,000 bytes that each of NAMES compressed to one of ``sizes``, in as many seconds as it is smaller."""
    runs = {
        by: made_run(10_000, size, [100 / size, 90 / size, 120 / size]) for by, size in zip(NAMES, sizes, strict=True)
    }
    bound = schema.Bound(
        cross_entropy=sizes[0] - 70.0, coder_overhead=6.0, coder_overhead_percent=600 / (sizes[0] - 70), container=64
    )
    paid = payback.payback(10_000, runs, 1_000_000)
    return schema.FileResult(
        name=name,
        bytes=10_000,
        runs=measure.beside_xz(runs),
        bound=bound,
        order0=5,
        order2=2,
        truth=truth,
        payback=paid,
    )


@pytest.fixture
def made() -> schema.Result:
    """Results of no measurement: their tables and plots must always be the same."""
    files = [
        made_file("text", [1000, 1500, 2000, 2001, 2500], None),
        made_file("chain", [2600, 2600, 2600, 2700, 3000], schema.Truth(entropy_bits=20_000.0, code_bits=20_100.0)),
    ]
    startup = schema.Startup(compress_seconds=0.01, decompress_seconds=0.0001)
    compressors = {
        name: schema.Compressor(how=f"command: {name} 1.0", compress="c -c", decompress="d -c", startup=startup)
        for name in NAMES
    }
    circumstances = schema.Circumstances(
        commit="0123456789abcdef",
        date="2026-01-02",
        processor="a processor",
        cores=2,
        python="3.11.7",
        numba="0.60.0",
        model="0123456789abcdef",
        model_bytes=1_000_000,
    )
    return schema.Result(
        circumstances=circumstances,
        corpus=None,
        threads=1,
        repeat=3,
        compressors=compressors,
        files=files,
        totals=results.totals(files, 1_000_000),
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A results file of a real run, and what was printed."""
    output = tmp_path_factory.mktemp("results") / "made" / "run.json"
    options = ["--only", "ORDER-2", "--only", "absent", "--size", "1500", "--repeat", "1", "--peers", "xz,gzip"]
    done = CliRunner().invoke(command.main, [*options, "--json", str(output)])
    assert done.exit_code == 0, done.output
    return output, done.output


@pytest.mark.slow
def test_a_real_run_and_its_schema(measured: tuple[Path, str]) -> None:
    place, printed = measured
    loaded = results.load(place)
    assert command.default_output(loaded).parent == Path(command.__file__).parent / "results"
    assert set(loaded) == set(get_type_hints(schema.Result))
    assert set(loaded["circumstances"]) == set(get_type_hints(schema.Circumstances))
    assert [row["name"] for row in loaded["files"]] == ["order-2 Markov chain"]
    assert list(loaded["compressors"]) == ["likezip", "likezip, no prior", "xz -9e", "gzip -9"]
    for of in loaded["compressors"].values():
        assert set(of) == set(get_type_hints(schema.Compressor))
        assert set(of["startup"]) == set(get_type_hints(schema.Startup))
    assert loaded["compressors"]["likezip"]["compress"] == "python -P -m likezip compress -T 1"
    assert loaded["compressors"]["likezip, no prior"]["compress"].endswith("--prior off")
    for row in loaded["files"]:
        assert set(row) == set(get_type_hints(schema.FileResult))
        assert set(row["bound"]) == set(get_type_hints(schema.Bound))
        for run in row["runs"].values():
            assert set(run) == set(get_type_hints(schema.Run))
            assert set(run["compress"]) == set(run["decompress"]) == set(get_type_hints(schema.Direction))
            assert set(run["compress"]["MB_s"]) == set(get_type_hints(schema.Spread))
        assert row["runs"]["xz -9e"]["compress"]["vs_xz"] == 1
        assert set(row["runs"]) == set(loaded["compressors"])
    chain = loaded["files"][0]
    assert chain["truth"] is not None
    assert set(chain["truth"]) == set(get_type_hints(schema.Truth))
    assert chain["payback"] is not None
    assert set(chain["payback"]) == set(get_type_hints(schema.Payback))
    assert len(bytes.fromhex(loaded["circumstances"]["model"])) == 8
    for part in ("| total ", "\nxz -9e: ", "\nlikezip: command: likezip "):
        assert part in printed


def test_totals_of_a_real_run(measured: tuple[Path, str]) -> None:
    loaded = results.load(measured[0])
    of_all = loaded["totals"]
    assert set(of_all) == set(get_type_hints(schema.Totals))
    assert of_all["bytes"] == 1_500
    for name, run in of_all["runs"].items():
        assert run["bytes"] == sum(row["runs"][name]["bytes"] for row in loaded["files"])
    own, bound = of_all["runs"]["likezip"], of_all["bound"]
    assert bound["cross_entropy"] + bound["coder_overhead"] + bound["container"] == pytest.approx(own["bytes"])


def test_totals_add_run_to_run() -> None:
    first, second = (made_file(name, [1000] * 5, None) for name in "ab")
    for row, seconds in ((first, [1.0, 5.0, 3.0]), (second, [7.0, 1.0, 2.0])):
        row["runs"]["gzip -9"] = made_run(10_000, 1000, seconds)
    of_all = results.totals([first, second], 1_000_000)["runs"]["gzip -9"]["compress"]
    assert of_all["seconds"] == [8, 6, 5]
    assert of_all["MB_s"] == {"median": 0.02 / 6, "min": 0.02 / 8, "max": 0.02 / 5}
    assert of_all["peak_MB"] == 70


@pytest.mark.parametrize(
    ("likezip", "xz", "files", "raw"),
    [(900, 1000, 10_000, 500.0), (997, 1000, 333_334, 1e6 / 3 * 0.05), (1000, 1000, None, None), (2, 1, None, None)],
)
def test_when_the_model_is_paid_for(likezip: int, xz: int, files: int | None, raw: float | None) -> None:
    runs = {peers.LIKEZIP: made_run(50_000, likezip, [1]), peers.XZ: made_run(50_000, xz, [1])}
    found = payback.payback(50_000, runs, 1_000_000)
    assert found == {"saved": xz - likezip, "files": files, "raw_MB": None if raw is None else pytest.approx(raw)}
    assert report.payback_cell(found) == ("never" if files is None else f"{files:,}")
    assert payback.payback(50_000, {peers.LIKEZIP: runs[peers.LIKEZIP]}, 1_000_000) is None
    assert report.payback_cell(None) == ""


def cells(table: str, row: str) -> list[str]:
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {row} ")]
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_the_main_table(made: schema.Result) -> None:
    table = report.main_table(made)
    assert cells(table, "bytes of")[:3] == ["text", "chain", "all"]
    assert cells(table, "likezip")[:4] == ["1,000", "2,600", "3,600", "1.440"]
    assert cells(table, "model paid for after")[:3] == ["1,000", "never", "1,000"]
    speed = cells(table, "zstd -22 --long=27")[4]
    assert re.fullmatch(r"[\d.]+ \([\d.]+-[\d.]+\)", speed)
    median, low, high = (float(value) for value in re.findall(r"[\d.]+", speed))
    assert low < median < high
    many = {**made, "files": [made["files"][0]] * (report.MOST_FILES + 1)}
    assert cells(report.main_table(schema.Result(**many)), "bytes of")[0] == "all"


def test_spread_cells() -> None:
    assert report.spread_cell(schema.Spread(median=0.1742, min=0.1688, max=0.1801)) == "0.174 (0.169-0.180)"
    assert report.spread_cell(schema.Spread(median=1234.5, min=1234.5, max=1234.5)) == "1,234"
    assert [report.number(value) for value in (0.002, 3.0, 99.94, 99.96)] == ["0.00200", "3.00", "99.9", "100"]


def test_the_entropy_table(made: schema.Result) -> None:
    table = report.entropy_table(made)
    assert cells(table, "chain") == ["2.0000", "2,500.0", "2,530.0", "1.20", "2,600", "2.767", "4.00"]
    assert cells(table, "text") == ["", "", "930.0", "", "1,000", "7.527", ""]
    sources = report.sources_table(made)
    assert cells(sources, "gzip -9") == ["20.00"]
    assert cells(sources, "likezip above these bytes' own code") == [f"{100 * (20_800 / 20_100 - 1):.2f}"]
    made["files"].pop()
    assert report.sources_table(made) == ""


def test_what_start_up_takes(made: schema.Result) -> None:
    row = cells(report.startup_table(made), "xz -9e")
    seconds = 100 / 2000 + 100 / 2600
    assert row[:2] == ["0.010", "0.000"]
    assert row[2] == report.number(0.02 / (seconds - 2 * 0.01))
    for of in made["compressors"].values():
        of["startup"]["compress_seconds"] = 5.0
    assert cells(report.startup_table(made), "xz -9e")[2] == ""


def test_without_xz(made: schema.Result) -> None:
    for part in [*made["files"], made["totals"]]:
        del part["runs"][peers.XZ]
        part["payback"] = None
    assert report.payback_table(made) == ""
    assert "model paid for" not in report.main_table(made)
    assert "xz was not run" in pages.results_page(made, "run")


def document_of(place: Path, made: schema.Result) -> tuple[Path, Path]:
    """A docs/benchmarks.md with a section, and a results file in another directory."""
    file, source = place / sections.DOCUMENT, place / "results" / "run.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"before\n{sections.BEGIN}\nold\n{sections.END}\nafter\n")
    results.save(made, source)
    return file, source


def contents(place: Path) -> dict[str, bytes]:
    return {str(file.relative_to(place)): file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}


@pytest.mark.slow
def test_the_section_twice_is_the_same(made: schema.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _ = document_of(tmp_path, made)
    monkeypatch.chdir(tmp_path)
    options = ["--write", "results/run.json"]
    assert CliRunner().invoke(command.main, options).exit_code == 0
    once = contents(tmp_path)
    beside = {
        f"results/run{ending}" for ending in (".json", ".md", "-speed.png", "-speed.svg", "-bars.png", "-bars.svg")
    }
    assert set(once) == {"docs/benchmarks.md", *beside}
    assert CliRunner().invoke(command.main, options).exit_code == 0
    assert contents(tmp_path) == once
    text = file.read_text()
    assert text.startswith(f"before\n{sections.BEGIN}\n")
    assert text.endswith(f"{sections.END}\nafter\n")
    assert "old" not in text
    links = set(re.findall(r"\]\(([^)]+)\)", text))
    assert links == {f"../results/run{ending}" for ending in ("-speed.png", "-speed.svg", ".md", "-bars.png")}
    assert max(len(line) for line in text.splitlines() if not line.startswith(("|", "["))) <= 120
    page = (tmp_path / "results" / "run.md").read_text()
    for name in NAMES:
        assert f"| {name} " in text
        assert page.count(f"{name} |") + page.count(f"| {name} ") >= 5


@pytest.mark.slow
def test_the_section_links_to_the_scaling(made: schema.Result, tmp_path: Path) -> None:
    file, source = document_of(tmp_path, made)
    sections.write_texts(tmp_path, source)
    assert "scaling" not in file.read_text()
    results.save({}, source.with_name(sections.SCALING))
    sections.write_texts(tmp_path, source)
    assert "](../results/scaling.md)" in file.read_text()
    assert source.with_name("scaling.md").exists()


@pytest.mark.slow
def test_figures_hold_every_name(made: schema.Result, tmp_path: Path) -> None:
    for number in range(12):  # many at nearly the same place
        made["totals"]["runs"][f"peer {number}"] = made_run(20_000, 4000 + number, [0.1])
        for row in made["files"]:
            row["runs"][f"peer {number}"] = made_run(10_000, 2000 + number, [0.05])
    for name, draw in (("speed", plots.speed_figure), ("bars", plots.bars_figure)):
        written = []
        for stem in (tmp_path / name, tmp_path / f"{name}-again"):
            with plots.style():
                plots.save(draw(made), stem)
            written.append([Path(f"{stem}.png").read_bytes(), Path(f"{stem}.svg").read_bytes()])
        assert written[0] == written[1]
        png, svg = written[0]
        assert png.startswith(b"\x89PNG")
        text = svg.decode()
        assert "<dc:date>" not in text
        for by in made["totals"]["runs"]:
            assert f">{by}</text>" in text
    for title in ("text", "chain", "all"):
        assert f">{title}</text>" in text


@pytest.mark.slow
def test_figures_ignore_the_users_settings(made: schema.Result, tmp_path: Path) -> None:
    import matplotlib

    drawn = []
    for size in (9.0, 30.0):
        with matplotlib.rc_context({"font.size": size, "svg.hashsalt": None}):
            with plots.style():
                plots.save(plots.speed_figure(made), tmp_path / "speed")
            assert matplotlib.rcParams["font.size"] == size
        drawn.append((tmp_path / "speed.svg").read_bytes())
    assert drawn[0] == drawn[1]


@pytest.mark.slow
def test_sections_refuse(made: schema.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, source = document_of(tmp_path, made)
    monkeypatch.chdir(tmp_path)
    file.write_text(f"{sections.END}{sections.BEGIN}")
    done = CliRunner().invoke(command.main, ["--write", str(source)])
    assert (done.exit_code, "once each" in done.output) == (1, True)
    source.write_text('{"files": []}')
    with pytest.raises(ValueError, match="another version"):
        results.load(source)
    file, source = document_of(tmp_path, made)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    done = CliRunner().invoke(command.main, ["--write", str(source)])
    assert (done.exit_code, r"pip install '.[plot]'" in done.output) == (1, True)


@pytest.fixture
def asked(made: schema.Result, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[object, ...]]:
    """What the command line asks for, in place of measuring it."""
    found: list[tuple[object, ...]] = []

    def run(*arguments: object) -> schema.Result:
        found.append(arguments)
        return made

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    return found


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], peers.QUICK),
        (["--peers", "all"], peers.PEERS),
        (["--peers"], peers.PEERS),
        (["--peers", "--repeat", "2"], peers.PEERS),
        (["--peers", "zpaq,xz"], ("zpaq", "xz")),
        (["--no-peers"], ()),
    ],
)
def test_which_peers(options: list[str], wanted: tuple[str, ...], asked: list[tuple[object, ...]]) -> None:
    assert CliRunner().invoke(command.main, ["--quick", *options]).exit_code == 0
    assert asked[0][4:] == (wanted, command.QUICK_SIZE, None)
    done = CliRunner().invoke(command.main, ["--peers", "xz,lzip"])
    assert (done.exit_code, "there is no lzip" in done.output) == (2, True)


def test_quick_leaves_no_file(asked: list[tuple[object, ...]], tmp_path: Path) -> None:
    assert CliRunner().invoke(command.main, ["--quick"]).exit_code == 0
    assert not (tmp_path / "results").exists()
    assert CliRunner().invoke(command.main, []).exit_code == 0
    (written,) = (tmp_path / "results").iterdir()
    assert written.name == "2026-01-02-0123456789ab.json"
    assert results.load(written)["files"][0]["name"] == "text"


def test_nothing_to_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "warm_up", lambda: None)
    (tmp_path / "one.txt").write_bytes(b"a file to measure")
    assert CliRunner().invoke(command.main, [str(tmp_path), "--only", "absent", "--quick"]).exit_code == 2


def test_a_commit_is_dirty_where_anything_but_results_was_changed(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        return subprocess.run(["git", *author, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    place, code = tmp_path / "benchmarks", tmp_path / "code.py"
    (place / "results").mkdir(parents=True)
    assert results.commit_of(place) is None
    for file in (code, place / "results" / "figures.json"):
        file.write_text("before")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "all")
    commit = git("rev-parse", "HEAD").strip()
    (place / "results" / "figures.json").write_text("after")
    (tmp_path / "new").write_text("not tracked")
    assert results.commit_of(place) == commit
    code.write_text("after")
    assert results.commit_of(place) == f"{commit}-dirty"
