"""Detectors of anomalies that people use, beside likezip's: each gives every unit of a case a number."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from benchmarks.anomaly_cases import Case

Floats = npt.NDArray[np.float64]

WORD = re.compile(rb"[^\s,;=&?/\"'()\[\]]+")
NUMBER = re.compile(rb"0x[0-9a-f]+|[0-9a-f]*\d[0-9a-f.:_-]*", re.IGNORECASE)


def _words(unit: bytes, masked: bool) -> list[bytes]:
    return WORD.findall(NUMBER.sub(b"*", unit) if masked else unit)


def rarity(case: Case, of_words: Callable[[list[float]], float], *, masked: bool = False) -> Floats:
    """The mean, say, of the inverse document frequencies of a unit's words in the context, ln((n + 1) / (d + 1));
    masked: numbers are one word."""
    counts = Counter(word for unit in case.context for word in set(_words(unit, masked)))
    size = len(case.context) + 1
    rare = [[math.log(size / (counts[word] + 1)) for word in _words(unit, masked)] for unit in case.units]
    return np.array([of_words(of_unit or [0.0]) for of_unit in rare])


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def zlib_length(case: Case) -> Floats:
    """Bytes of each unit packed by zlib with the last 32 KiB of the context as its dictionary."""
    known = b"".join(case.context)[-(1 << 15) :]
    sizes = []
    for unit in case.units:
        coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=known)
        sizes.append(len(coder.compress(unit) + coder.flush()))
    return np.array(sizes, float)


def zstd_length(case: Case) -> Floats:
    """Bytes of each unit packed by zstd -19 with the context as its dictionary."""
    import zstandard

    known = zstandard.ZstdCompressionDict(b"".join(case.context), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    known.precompute_compress(level=19)
    coder = zstandard.ZstdCompressor(dict_data=known, write_content_size=False, write_checksum=False)
    return np.array([len(coder.compress(unit)) for unit in case.units], float)


def template_novelty(case: Case) -> Floats:
    """How few lines of the context have the template of each unit, by Drain (P. He et al., 2017) as drain3 has it, with
    its defaults; numbers are masked before, as its users do."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    miner = TemplateMiner(config=TemplateMinerConfig())

    def text(unit: bytes) -> str:
        return NUMBER.sub(b"<*>", unit).decode("latin-1").strip()

    for unit in case.context:
        miner.add_log_message(text(unit))
    matches = [miner.match(text(unit)) for unit in case.units]
    return np.array([-math.log1p(match.size if match is not None else 0) for match in matches])


def isolation(case: Case, *, together: bool) -> Floats:
    """An isolation forest (F. T. Liu et al., 2008) over the tf-idf of n-grams of 2 to 4 characters, by scikit-learn;
    together: learnt from the context and the units, instead of the context alone."""
    from sklearn.ensemble import IsolationForest
    from sklearn.feature_extraction.text import TfidfVectorizer

    learnt = [*case.context, *case.units] if together else case.context
    features = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), max_features=2000, lowercase=False)
    known = features.fit_transform([unit.decode("latin-1") for unit in learnt])
    forest = IsolationForest(n_estimators=200, random_state=0).fit(known)
    found = forest.score_samples(features.transform([unit.decode("latin-1") for unit in case.units]))
    return np.asarray(-found, np.float64)


def length(case: Case) -> Floats:
    """Bytes of each unit."""
    return np.array([len(unit) for unit in case.units], float)


BASELINES: dict[str, tuple[str | None, Callable[[Case], Floats]]] = {
    "mean rarity of words": (None, lambda case: rarity(case, mean)),
    "highest rarity of words": (None, lambda case: rarity(case, max)),
    "mean rarity of words, numbers masked": (None, lambda case: rarity(case, mean, masked=True)),
    "highest rarity of words, numbers masked": (None, lambda case: rarity(case, max, masked=True)),
    "template novelty, Drain": ("drain3", template_novelty),
    "zlib length": (None, zlib_length),
    "zstd length": ("zstandard", zstd_length),
    "isolation forest, n-grams": ("sklearn", lambda case: isolation(case, together=False)),
    "isolation forest, n-grams, of all units": ("sklearn", lambda case: isolation(case, together=True)),
    "length": (None, length),
}
"""Baselines by name, with the package that they need, of the extra ``anomalies``."""


def available() -> dict[str, Callable[[Case], Floats]]:
    """The baselines whose packages are installed."""
    return {name: run for name, (package, run) in BASELINES.items() if package is None or find_spec(package)}
