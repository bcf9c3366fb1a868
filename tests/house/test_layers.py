"""The direction of dependencies: every part of rnnc imports parts of lower layers only, and no circle is closed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "rnnc"

# From the bottom up. Parts of one layer do not know each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("diagnostics", "codes", "resources", "version", "torch"),
    ("syntax", "ir", "render"),
    ("semantics", "autodiff"),
    ("passes",),
    ("backends",),
    ("compiler",),
    ("runtime", "simulator", "pictures"),
    ("verify", "api", "importing"),
    ("weights",),
    ("cli",),
    ("notebook",),
)
ENTRANCES = {"__init__", "__main__"}  # they open upper layers, on demand
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(name: str) -> str:
    """`rnnc.syntax.parse` is of the part `syntax`, `rnnc` itself is `__init__`."""
    return [*name.split("."), "__init__"][1]


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    parts = ("rnnc", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


def imports(path: Path, *, at_import_time: bool) -> Iterator[tuple[str, int]]:
    """Modules of rnnc that a module imports, each with its line; the members of a package one by one."""
    for node in walk(ast.parse(path.read_text(encoding="utf-8")), at_import_time=at_import_time):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name.split(".")[0] == "rnnc")
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module.split(".")[0] == "rnnc":
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                yield (member if member in NAMES else node.module), node.lineno


def walk(node: ast.AST, *, at_import_time: bool) -> Iterator[ast.AST]:
    """All nodes; at import time no bodies of functions and nothing under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if at_import_time and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if at_import_time and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from walk(child, at_import_time=at_import_time)


def test_every_part_has_a_layer() -> None:
    parts = {part_of(name) for name in NAMES} - ENTRANCES
    assert parts <= RANK.keys(), f"new parts of rnnc need a place in LAYERS: {sorted(parts - RANK.keys())}"


@pytest.mark.parametrize("name", [name for name in NAMES if part_of(name) not in ENTRANCES])
def test_imports_go_down(name: str) -> None:
    part = part_of(name)
    wrong = [
        f"{NAMES[name].relative_to(PACKAGE.parent)}:{line} imports {imported}"
        for imported, line in imports(NAMES[name], at_import_time=False)
        if part_of(imported) != part and RANK.get(part_of(imported), len(LAYERS)) >= RANK[part]
    ]
    assert not wrong, "\n".join(wrong)


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {name: {i for i, _ in imports(path, at_import_time=True)} - {name} for name, path in NAMES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


# Folders of the CUDA target, likewise; its files beside them may import all.
CUDA = ("analysis", "kernels", "spelling", "straight", "teams", "loops")


def test_folders_of_the_cuda_target_import_in_one_direction() -> None:
    base = "rnnc.backends.cuda."
    ranks = {folder: rank for rank, folder in enumerate(CUDA)}
    found = {name: name.removeprefix(base).split(".")[0] for name in NAMES if name.startswith(base)}
    folders = {path.name for path in (PACKAGE / "backends" / "cuda").iterdir() if (path / "__init__.py").exists()}
    assert folders == set(CUDA)
    wrong = [
        f"{name}:{line} imports {imported}"
        for name, folder in found.items()
        if folder in ranks
        for imported, line in imports(NAMES[name], at_import_time=False)
        if imported.startswith("rnnc.backends.cuda") and ranks.get(found.get(imported, ""), len(CUDA)) > ranks[folder]
    ]
    assert not wrong, "\n".join(wrong)


ALONE = "torch"  # it stands beside generated modules, where there may be no compiler


def test_what_runs_beside_generated_modules_stands_alone() -> None:
    own = NAMES[f"rnnc.{ALONE}"]
    assert not list(imports(own, at_import_time=False))
    users = [
        name for name, path in NAMES.items() if f"rnnc.{ALONE}" in {i for i, _ in imports(path, at_import_time=False)}
    ]
    assert not users


COMPILES = """
import sys
from rnnc.cli.app import run
status = run(["compile", sys.argv[1], "--target", "numpy", "-o", sys.argv[2]])
slow = sorted({"numpy", "rich", "tensorflow", "cupy", "torch", "scipy"} & {name.split(".")[0] for name in sys.modules})
sys.exit(f"status {status}" if status else f"imports {slow}" if slow else 0)
"""


def test_compiling_imports_no_array_library(tmp_path: Path) -> None:
    example = PACKAGE.parent / "examples" / "lstm.rnn"
    command = [sys.executable, "-c", COMPILES, str(example), str(tmp_path / "lstm.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
