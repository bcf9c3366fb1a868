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
    ("diagnostics", "codes", "resources", "version", "torch", "keras"),
    ("syntax", "ir", "render"),
    ("autodiff",),
    ("semantics",),
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
    """Neither when they are imported, nor later, nor for types."""
    graph = {name: {i for i, _ in imports(path, at_import_time=False)} - {name} for name, path in NAMES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


# Folders of parts, likewise. What stands beside the folders of a part may import them all, or be imported by them.
FOLDERS = {
    "backends.cuda": ("analysis", "kernels", "spelling", "straight", "teams", "loops"),
    "backends.numpy": ("lowering", "spelling"),
    "backends.tensorflow": ("spelling",),
    "cli": ("commands",),
    "importing": ("python", "formulas", "pieces", "texts", "behind", "libraries"),
    "ir": ("operations",),
    "passes": ("analysis", "rewrites", "folding"),
    "pictures": ("equations", "placement", "drawing"),
    "semantics": ("shapes", "scopes", "bodies", "expressions", "functions", "layouts", "definitions"),
    "syntax": ("spelling", "errors", "printing"),
    "verify": ("running", "proving", "records", "live"),
    "weights": ("containers",),
}


def inside(part: str) -> dict[str, str]:
    """Modules of a part by their names, each with the folder that it is in, or its own name."""
    base = f"rnnc.{part}."
    return {name: name.removeprefix(base).split(".")[0] for name in NAMES if name.startswith(base)}


def test_every_folder_has_a_place() -> None:
    folders: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("__init__.py"):
        *above, name = path.parent.relative_to(PACKAGE.parent).parts
        part = ".".join(above[1:])
        if part and part not in ("backends", "semantics.shapes"):
            folders.setdefault(part, set()).add(name)
    assert folders == {part: set(names) for part, names in FOLDERS.items()}


@pytest.mark.parametrize("part", FOLDERS)
def test_folders_of_a_part_import_in_one_direction(part: str) -> None:
    found, ranks = inside(part), {folder: rank for rank, folder in enumerate(FOLDERS[part])}
    wrong = [
        f"{name}:{line} imports {imported}"
        for name, folder in found.items()
        if folder in ranks
        for imported, line in imports(NAMES[name], at_import_time=False)
        if ranks.get(found.get(imported, ""), 0) > ranks[folder]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", FOLDERS)
def test_what_stands_beside_folders_is_above_or_below_them(part: str) -> None:
    graph: dict[str, set[str]] = {}
    found = inside(part)
    for name, folder in found.items():
        others = {found[i] for i, _ in imports(NAMES[name], at_import_time=False) if i in found}
        graph.setdefault(folder, set()).update(others - {folder})
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


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
