"""Imports go only downward."""

import ast
from pathlib import Path

import likezip

ORDER = ["cli", "files", "stream", "codec", "predictor", "start", "memory", "mixer", "kernels", "history", "coder"]
ORDER += ["model", "container", "errors"]


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
                assert other != "training"
    assert seen > 10
    assert sorted(ORDER) == sorted(path.stem for path in package.glob("*.py") if not path.stem.startswith("__"))
