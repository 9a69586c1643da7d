"""The texts for readers: their links lead somewhere, and the README is short."""

import re
from pathlib import Path

import pytest

import likezip

ROOT = Path(__file__).parent.parent
TEXTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "models/*.md", "benchmarks/results/*.md", "tests/vectors/*.md")
    for path in ROOT.glob(pattern)
)
MOST_WORDS = 900


def _anchors(text: str) -> set[str]:
    """The names that a heading can be linked to by, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        place, _, anchor = link.partition("#")
        target = (ROOT / name).parent / place if place else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target.read_text(encoding="utf-8")), link


def test_the_readme_is_for_a_first_visit() -> None:
    words = (ROOT / "README.md").read_text(encoding="utf-8").split()
    assert len(words) <= MOST_WORDS


@pytest.mark.parametrize("name", ["README.md", "docs/integrations.md"])
def test_the_first_lines_of_python_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, name, "exec"), {})
    (written,) = tmp_path.glob("*.txt.lz")
    assert likezip.decompress(written.read_bytes()).startswith(b"some text")


def test_every_page_is_in_an_index() -> None:
    for index in (ROOT / "docs" / "README.md", ROOT / "docs" / "experiments" / "README.md"):
        text = index.read_text(encoding="utf-8")
        for page in index.parent.glob("*.md"):
            assert page == index or f"({page.name})" in text, page.name


def test_the_modules_that_are_named_exist() -> None:
    text = (ROOT / "docs" / "internals.md").read_text(encoding="utf-8")
    named = re.findall(r"`(?!likezip/)([a-z0-9_]+/[a-z0-9_]+\.py)`", text)
    assert len(named) > 20
    places = ROOT / "likezip", ROOT
    assert [name for name in named if not any((place / name).is_file() for place in places)] == []
