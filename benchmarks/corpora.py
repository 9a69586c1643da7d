"""Corpora that everyone knows: their files, their usual totals, and the sizes that others have published for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from benchmarks.inputs import Input
from benchmarks.schema import Published

PUBLISHED = Path(__file__).parent / "results" / "published.json"
"""Sizes that others have published, with their sources."""


@dataclass(frozen=True)
class Corpus:
    """A set of files by their names and sizes in bytes, in the order in which they are usually listed.

    subsets: the files of each total that is usually given besides that of all files, by the name of the total.
    """

    title: str
    files: Mapping[str, int]
    subsets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_CALGARY = {
    "bib": 111_261, "book1": 768_771, "book2": 610_856, "geo": 102_400, "news": 377_109, "obj1": 21_504,
    "obj2": 246_814, "paper1": 53_161, "paper2": 82_199, "pic": 513_216, "progc": 39_611, "progl": 71_646,
    "progp": 49_379, "trans": 93_695,
}  # fmt: skip
_CALGARY_REST = {"paper3": 46_526, "paper4": 13_286, "paper5": 11_954, "paper6": 38_105}

CORPORA = {
    "canterbury": Corpus(
        "The Canterbury corpus",
        {
            "alice29.txt": 152_089, "asyoulik.txt": 125_179, "cp.html": 24_603, "fields.c": 11_150,
            "grammar.lsp": 3_721, "kennedy.xls": 1_029_744, "lcet10.txt": 426_754, "plrabn12.txt": 481_861,
            "ptt5": 513_216, "sum": 38_240, "xargs.1": 4_227,
        },
    ),
    "calgary": Corpus(
        "The Calgary corpus", {**_CALGARY, **_CALGARY_REST}, {f"{len(_CALGARY)} files": tuple(_CALGARY)}
    ),
    "silesia": Corpus(
        "The Silesia corpus",
        {
            "dickens": 10_192_446, "mozilla": 51_220_480, "mr": 9_970_564, "nci": 33_553_445, "ooffice": 6_152_192,
            "osdb": 10_085_684, "reymont": 6_627_202, "samba": 21_606_400, "sao": 7_251_944, "webster": 41_458_703,
            "x-ray": 8_474_240, "xml": 5_345_280,
        },
    ),
    "enwik8": Corpus("enwik8", {"enwik8": 100_000_000}),
}  # fmt: skip


def corpus_inputs(name: str, directory: Path) -> Iterator[Input]:
    """The files of a corpus that lie in ``directory``, in the corpus's order.

    Raises ValueError if there is none, or one has another size than the corpus's.
    """
    corpus = CORPORA[name]
    there = [file for file in corpus.files if (directory / file).is_file()]
    if not there:
        raise ValueError(f"{directory} has no file of {corpus.title}: {', '.join(corpus.files)}")
    for file in there:
        size = (directory / file).stat().st_size
        if size != corpus.files[file]:
            raise ValueError(
                f"{directory / file} has {size:,} bytes; {corpus.title}'s {file} has {corpus.files[file]:,}"
            )
    for file in there:
        yield Input(file, (directory / file).read_bytes)


def missing_files(name: str, measured: set[str]) -> list[str]:
    """The files of a corpus that are not among ``measured``."""
    return [file for file in CORPORA[name].files if file not in measured]


def totals_of(name: str, measured: set[str]) -> dict[str, tuple[str, ...]]:
    """The files of each total that can be given, by the total's name; the total of all measured files comes last."""
    corpus = CORPORA[name]
    whole = {title: files for title, files in corpus.subsets.items() if measured.issuperset(files)}
    files = tuple(file for file in corpus.files if file in measured)
    return {**whole, f"{len(files)} files" if len(files) > 1 else files[0]: files}


def published(name: str) -> Published:
    """The sizes that others have published for the files of a corpus; without any, no sizes and no sources."""
    found = cast(Published, json.loads(PUBLISHED.read_text(encoding="utf-8")))
    sizes = found["bytes"].get(name, {})
    names = {by for of_file in sizes.values() for by in of_file}
    return Published(sources={by: of for by, of in found["sources"].items() if by in names}, bytes={name: sizes})
