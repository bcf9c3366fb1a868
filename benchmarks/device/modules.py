"""Generated modules in a folder, which can be carried to where there are a device and CuPy, but no rnnc."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.device.rows import Row

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
INDEX = "index.json"
MODULES = Path("build") / "gpu_modules"
TARGETS = ("cuda", "numpy")


def generate(rows: Iterable[Row], folder: Path) -> list[str]:
    """Write the module of each row for CUDA, and that of NumPy, which judges it. Needs rnnc."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row.module, row)
    for name, row in found.items():
        for target in TARGETS:
            (folder / f"{name}_{target}.py").write_text(_text(row, target), encoding="utf-8")
    index = {name: asdict(row) for name, row in found.items()}
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return list(found)


def generate_checks(cells: Mapping[str, str], strategies: Sequence[str], folder: Path) -> None:
    """The modules of `checks.py`: each cell under each strategy, and NumPy's. Needs rnnc."""
    from rnnc.compiler import compile_source
    from rnnc.syntax.source import Source

    folder.mkdir(parents=True, exist_ok=True)
    for cell, text in cells.items():
        for strategy in (*strategies, "numpy"):
            target, options = ("numpy", {}) if strategy == "numpy" else ("cuda", {"strategy": strategy})
            compiled = compile_source(Source(f"{cell}.rnn", text), None, options, target=target)
            (folder / f"check_{cell}_{strategy}.py").write_text(compiled.text, encoding="utf-8")


def _text(row: Row, target: str) -> str:
    from rnnc.compiler import compile_source
    from rnnc.syntax.source import Source

    cell = row.about
    file, _, name = cell.file.partition(":")
    options = {"input": row.input, **dict(cell.values), "units": row.units}
    if row.layers > 1 or row.both:
        call = cell.call.replace("H", str(row.units))
        kind = "StackedBidirectional" if row.both else "Multi"
        file, name = ("bidirectional.rnn", kind) if row.both else ("multi.rnn", kind)
        calls = f"[{', '.join([call] * row.layers)}]"
        options = {"input": row.input, **({"fw": calls, "bw": calls} if row.both else {"cells": calls})}
    source = Source(f"{row.about.name}.rnn", cell.text) if cell.text else _example(file)
    return compile_source(source, name or None, options, target=target).text


def _example(file: str) -> Any:
    from rnnc.syntax.source import read_source

    return read_source(EXAMPLES / file)


@lru_cache(maxsize=8)
def load(folder: Path, name: str) -> ModuleType:
    """A module of the folder."""
    path = folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"carried_{name}", path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f"{path} is missing: python -m benchmarks.gpu generate {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def parameters(module: ModuleType, row: Row, dtype: str) -> dict[str, Any]:
    """Its parameters as arrays of NumPy; sizes that are left open are those of the row."""
    sizes = {"input": row.input, "units": row.units}
    return module.init_params(seed=0, dtype=dtype, **{name: sizes[name] for name in module.SPEC["sizes"]})
