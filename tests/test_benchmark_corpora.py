"""Corpora that everyone knows: which files are measured, and the tables beside published figures."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import corpora, measure, pages, peers, report, results, schema, sections
from benchmarks.corpora import Corpus

TINY = Corpus(
    "The tiny corpus", {"first": 300, "second": 100, "absent": 7}, {"1 file": ("first",), "rest": ("absent",)}
)
RIVAL = report.RIVAL
FIGURES = {
    "sources": {
        RIVAL: {"source": "a page", "needs": "", "seconds": {"canterbury": 0.1}},
        "cmix v21": {"source": "another page", "needs": "a dictionary", "seconds": {}},
        "elsewhere": {"source": "a third page", "needs": "", "seconds": {}},
    },
    "bytes": {
        "canterbury": {"first": {RIVAL: 30, "cmix v21": 29}, "second": {RIVAL: 20}},
        "calgary": {"first": {"elsewhere": 1}},
    },
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with two of the three files of a corpus named canterbury, and figures published for it."""
    directory, figures = tmp_path / "corpus", tmp_path / "published.json"
    directory.mkdir()
    (directory / "second").write_bytes(b"0123456789" * 10)
    (directory / "first").write_bytes(b"abcdefghij" * 30)
    (directory / "of no corpus").write_bytes(b"not measured")
    figures.write_text(json.dumps(FIGURES))
    monkeypatch.setattr(corpora, "CORPORA", {"canterbury": TINY})
    monkeypatch.setattr(corpora, "PUBLISHED", figures)
    return directory


@pytest.fixture
def measured(place: Path, tmp_path: Path) -> tuple[Path, str]:
    """A results file of a real run, and what was printed."""
    output = tmp_path / "results" / "canterbury.json"
    options = ["--corpus", "canterbury", str(place), "--repeat", "1", "--peers", "xz,gzip", "--json", str(output)]
    done = CliRunner().invoke(command.main, options)
    assert done.exit_code == 0, done.output
    return output, done.output


def test_files_in_the_order_of_the_corpus(place: Path) -> None:
    found = list(corpora.corpus_inputs("canterbury", place))
    assert [(one.name, len(one.read())) for one in found] == [("first", 300), ("second", 100)]
    assert corpora.missing_files("canterbury", {"first", "second"}) == ["absent"]
    assert corpora.totals_of("canterbury", {"first", "second"}) == {
        "1 file": ("first",),
        "2 files": ("first", "second"),
    }
    assert corpora.totals_of("canterbury", {"second"}) == {"second": ("second",)}


def test_files_that_are_not_the_corpus(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no file of The tiny corpus: first, second, absent"):
        list(corpora.corpus_inputs("canterbury", tmp_path))
    (place / "absent").write_bytes(b"12345678")
    with pytest.raises(ValueError, match="has 8 bytes; The tiny corpus's absent has 7"):
        list(corpora.corpus_inputs("canterbury", place))
    done = CliRunner().invoke(command.main, ["--corpus", "canterbury", str(place)])
    assert (done.exit_code, "has 8 bytes" in done.output) == (2, True)


@pytest.mark.parametrize("options", [[], ["--size", "10"], ["--quick"]])
def test_wrong_use(options: list[str], place: Path) -> None:
    directories = [str(place)] if options else [str(place), str(place)]
    done = CliRunner().invoke(command.main, ["--corpus", "canterbury", *directories, *options])
    assert (done.exit_code, "needs one directory" in done.output) == (2, True)


@pytest.mark.slow
def test_a_corpus_is_measured(measured: tuple[Path, str]) -> None:
    output, printed = measured
    found = results.load(output)
    assert found["corpus"] == "canterbury"
    assert [(row["name"], row["bytes"]) for row in found["files"]] == [("first", 300), ("second", 100)]
    assert "not measured: absent" in printed
    assert f"| {RIVAL}, published " in printed


def cells(table: str, row: str) -> list[str]:
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {row} ")]
    return [cell.strip() for cell in line.split("|")[2:-1]]


def made_run(raw: int, packed: int) -> schema.Run:
    """A run that takes 2 s of the processor to compress, 1 s to decompress, and longer on the clock."""
    usages = [measure.Usage(9.0, seconds, 10.0) for seconds in (1.0, 2.0, 3.0)]
    return measure.run_of(raw, packed, usages, [measure.Usage(8.0, 1.0, 7.0)] * 3)


@pytest.fixture
def made(measured: tuple[Path, str]) -> schema.Result:
    """The results of the run with sizes and times that are known."""
    result = results.load(measured[0])
    for row, packed in zip(result["files"], (30, 20), strict=True):
        row["runs"] = {name: made_run(row["bytes"] * 10_000, packed) for name in (peers.LIKEZIP, peers.XZ)}
        row["bytes"] *= 10_000
    result["totals"] = results.totals(result["files"], 1000)
    result["circumstances"]["model_bytes"] = 1000
    return result


@pytest.mark.slow
def test_the_table_of_totals(made: schema.Result) -> None:
    totals = {"1 file": ("first",), "all": ("first", "second")}
    table = report.corpus_table(made, totals, corpora.published("canterbury"))
    rates = 8 * 30 / 3_000_000, 8 * 20 / 1_000_000
    expected = ["30", f"{rates[0]:.3f}", "50", f"{sum(rates) / 2:.3f}"]
    assert cells(table, "likezip") == ["1,000", *expected, "1.00", "2.00"]
    assert cells(table, "xz -9e")[0] == "0"
    assert cells(table, f"{RIVAL}, published") == ["0", *expected, "", ""]
    assert cells(table, "cmix v21, published") == ["a dictionary", "29", f"{8 * 29 / 3_000_000:.3f}", "", "", "", ""]
    assert "elsewhere" not in table  # it has published nothing of this corpus


@pytest.mark.slow
def test_the_sizes_by_file(made: schema.Result) -> None:
    table = report.sizes_table(made, corpora.published("canterbury"))
    assert cells(table, "first") == ["3,000,000", "30", "30", "30", "29"]
    assert cells(table, "second") == ["1,000,000", "20", "20", "20", ""]


@pytest.mark.slow
def test_the_readme_s_table(made: schema.Result, tmp_path: Path) -> None:
    made["circumstances"]["processor"] = "AMD EPYC"
    results.save(made, tmp_path / "results" / "canterbury.json")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{sections.BEGIN}\n{sections.END}\nafter\n")
    sections.write_texts(tmp_path, tmp_path / "results" / "canterbury.json")
    text = readme.read_text()
    assert cells(text, "**likezip**") == ["**50**", "**1.00**", "**2.00**"]
    assert cells(text, RIVAL) == ["50", "40.0", ""]
    assert "one thread of an AMD EPYC" in text
    assert "](results/canterbury.md)" in text
    page = (tmp_path / "results" / "canterbury.md").read_text()
    assert "Not measured, as these files were not at hand: absent." in page
    assert f"- {RIVAL}: a page; compressing the usual files took its authors about 0 s." in page
    assert "- cmix v21: another page." in page
    assert set((tmp_path / "results").iterdir()) == {
        tmp_path / "results" / f"canterbury{end}" for end in (".json", ".md")
    }


@pytest.mark.slow
def test_other_corpora_have_pages_only(made: schema.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(corpora.CORPORA, "calgary", TINY)
    made["corpus"] = "calgary"
    results.save(made, tmp_path / "calgary.json")
    sections.write_texts(tmp_path, tmp_path / "calgary.json")  # there is no README.md to be changed
    assert "| elsewhere, published " in (tmp_path / "calgary.md").read_text()


def test_what_is_kept() -> None:
    """The sizes that are published are of files of the corpora, each by a compressor with a source."""
    found = json.loads(corpora.PUBLISHED.read_text())
    for name, files in found["bytes"].items():
        assert set(files) <= set(corpora.CORPORA[name].files)
        for file, sizes in files.items():
            assert set(sizes) <= set(found["sources"])
            assert all(0 < size < corpora.CORPORA[name].files[file] for size in sizes.values())
    for name in corpora.CORPORA:
        kept = corpora.PUBLISHED.with_name(f"{name}.json")
        if kept.exists():
            page = pages.corpus_page(results.load(kept))
            assert page == kept.with_suffix(".md").read_text()
