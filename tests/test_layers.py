"""Imports go only downward."""

import ast
from pathlib import Path

import likezip
from likezip import kernels

ORDER = [
    "cli",
    "cli_likelihood",
    "options",
    "score",
    "heatmap",
    "listing",
    "through",
    "console",
    "file",
    "incremental",
    "recovery",
    "stream",
    "writer",
    "index",
    "reader",
    "likelihood",
    "workers",
    "files",
    "binary",
    "locking",
    "foresight",
    "codec",
    "cost",
    "noise",
    "rows",
    "sharing",
    "prior",
    "network",
    "predictor",
    "x86",
    "start",
    "memory",
    "match",
    "profiles",
    "registers",
    "instructions",
    "mixer",
    "ngrams",
    "hashing",
]
ORDER += [
    "exact",
    "dotproduct",
    "handover",
    "ahead",
    "coder",
    "kernels",
    "kernelcache",
    "history",
    "model",
    "container",
    "sizes",
    "errors",
]


def _imports(name: str) -> set[str]:
    """The modules of likezip that one of them imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((Path(likezip.__file__).parent / f"{name}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("likezip"):
            module = (node.module or "").removeprefix("likezip").removeprefix(".")
            found.update([module] if module else [alias.name for alias in node.names])
    return found & set(ORDER)


def test_kernels_are_compiled_anew_when_any_of_their_sources_changes() -> None:
    """numba looks only at the module of the outermost function: a constant changed elsewhere gave stale kernels."""
    reached, todo = set(), {"predictor", "sharing", "x86"}
    while todo:
        reached |= todo
        todo = set().union(*map(_imports, todo)) - reached
    assert reached == set(kernels.SOURCES) - {"training/fused"}


def test_imports_go_only_downward() -> None:
    package = Path(likezip.__file__).parent
    seen = 0
    for place, name in enumerate(ORDER):
        for node in ast.walk(ast.parse((package / f"{name}.py").read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            used = names if module == "likezip" else [module.removeprefix("likezip.")]
            for other in used:
                if module.startswith("likezip") and other in ORDER:
                    seen += 1
                    assert ORDER.index(other) > place, f"{name} imports {other}"
                assert not other.startswith("training") or name == "cli"
    assert seen > 10
    assert sorted(ORDER) == sorted(path.stem for path in package.glob("*.py") if not path.stem.startswith("__"))
