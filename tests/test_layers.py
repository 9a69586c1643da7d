"""Packages import only from those below them, and the cache of kernels knows what they are made of."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import likezip
from likezip.kernels import compiling

PLACE = Path(likezip.__file__).parent

ORDER = [
    "command",
    "training",
    "likelihood",
    "records",
    "frames",
    "blocks",
    "prior",
    "memory",
    "kernels",
    "model",
    "errors",
]
"""From the top down.  ``hooks`` use the public interface alone."""


def _modules() -> list[Path]:
    return [path for name in ORDER for path in (sorted((PLACE / name).rglob("*.py")) or [PLACE / f"{name}.py"])]


def _imports(path: Path) -> set[str]:
    """The modules of likezip that a module imports, in functions too, with their packages: blocks.codec."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "likezip":
            module = (node.module or "").partition(".")[2]
            for alias in node.names:
                inner = f"{module}.{alias.name}".strip(".")
                is_module = (PLACE / f"{inner.replace('.', '/')}.py").is_file() or (
                    PLACE / inner.replace(".", "/")
                ).is_dir()
                found.add(inner if is_module else module)
    return found


def test_packages_import_only_downward() -> None:
    seen = 0
    for path in _modules():
        mine = path.relative_to(PLACE).parts[0].removesuffix(".py")
        for other in _imports(path):
            theirs = other.split(".")[0]
            if theirs and theirs != mine:
                seen += 1
                assert ORDER.index(theirs) > ORDER.index(mine), f"{path.relative_to(PLACE)} imports {other}"
    assert seen > 100


def test_hooks_use_the_public_interface_alone() -> None:
    hooks = sorted((PLACE / "hooks").glob("*.py"))
    assert len(hooks) == 5
    for path in hooks:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("likezip."), f"{path.relative_to(PLACE)} imports {name}"


def test_modules_of_a_package_import_each_other_in_one_direction() -> None:
    graph = {}
    for path in _modules():
        name = ".".join(path.relative_to(PLACE).with_suffix("").parts)
        graph[name] = {other for other in _imports(path) if other != name}
    while graph:
        bottom = {name for name, used in graph.items() if not used & graph.keys()}
        assert bottom, f"there is a circle among {sorted(graph)}"
        graph = {name: used for name, used in graph.items() if name not in bottom}


def test_every_package_is_in_the_order_and_says_what_is_in_it() -> None:
    names = {path.stem for path in PLACE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert names - {"__init__", "__main__", "hooks"} == set(ORDER)
    for path in PLACE.glob("*/__init__.py"):
        lines = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()
        assert 3 <= len(lines) <= 8, path


def test_kernels_are_compiled_anew_when_any_of_their_sources_changes() -> None:
    """numba looks only at the module of the outermost function: a constant changed elsewhere gave stale kernels."""
    having = [path for path in _modules() if "@compiled" in path.read_text("utf-8")]
    assert len(having) > 8
    for path in having:
        for other in _imports(path):
            package = other.split(".")[0]
            assert package in (*compiling.PACKAGES, "model", "errors") or not _is_compiled_in(path, other), (
                path,
                other,
            )


def _is_compiled_in(path: Path, other: str) -> bool:
    """Whether kernels of a module may use what it imports from another: what is imported at its top."""
    tree = ast.parse(path.read_text("utf-8"))
    top = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    return any(f"likezip.{other}".startswith(module) for module in top if module.startswith("likezip."))


@pytest.mark.parametrize("module", ["likezip", "likezip.command.main"])
def test_light_modules_load_neither_numpy_nor_numba(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in ('torch', 'numba', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
