"""Programs as the NumPy target writes them, run directly: without the contract around them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnc.backends.escape import identifier
from rnnc.backends.numpy.program import write_program
from rnnc.ir.binding import bind
from rnnc.ir.program import Program
from rnnc.resources import resource_text

Key = tuple[str, str]
Arrays = Mapping[Key, Any]

_HELPERS: dict[str, Any] = {"np": np, "os": os}
exec(compile(resource_text("templates/numpy/helpers.py"), "helpers.py", "exec"), _HELPERS)


def text_of(program: Program, sizes: tuple[str, ...] = (), nullable: frozenset[Key] = frozenset()) -> str:
    """Both functions of a program."""
    written = write_program(program, sizes, nullable=nullable)
    return "\n".join([*written.pack, *written.run])


def run(
    program: Program, arrays: Arrays, dtype: str = "float64", sizes: Mapping[str, int] | None = None
) -> dict[Key, Any]:
    """The outputs of a program; ports without arrays are absent. No argument is changed by the run."""
    given = {(p.role, p.name): _prepared(arrays.get((p.role, p.name)), dtype) for p in program.inputs}
    numbers = dict(sizes or {})
    bound = bind([(p, a) for p in program.inputs if (a := given[p.role, p.name]) is not None], numbers)
    space = dict(_HELPERS)
    absent = frozenset(key for key, array in given.items() if array is None)
    exec(compile(text_of(program, tuple(numbers), absent), program.name, "exec"), space)
    name, values = identifier(program.name), tuple(numbers.values())
    parameters = {p.name: given[p.role, p.name] for p in program.inputs_of("param", "fixed")}
    before = {key: None if array is None else array.copy() for key, array in given.items()}
    with np.errstate(all="ignore"):
        packed = space[f"_pack_{name}"](parameters, values, np.dtype(dtype))
        others = {f"{role}:{port}": array for (role, port), array in given.items()}
        found = space[f"_run_{name}"](packed, values, bound.time, bound.batch, np.dtype(dtype), others)
    for key, array in given.items():
        assert array is None or np.array_equal(array, before[key], equal_nan=True), f"{key} was changed"
    return {tuple(key.split(":", 1)): array for key, array in found.items()}  # type: ignore[misc]


def agree(found: Arrays, expected: Arrays, tolerance: float) -> None:
    """Same keys, shapes, dtypes' kinds and numbers. `tolerance` is relative to the largest number, at least to 1."""
    assert set(found) == set(expected)
    for key, reference in expected.items():
        array = found[key]
        assert np.shape(array) == reference.shape, key
        assert np.asarray(array).dtype.kind == reference.dtype.kind, key
        if reference.dtype.kind != "f":
            assert np.array_equal(array, reference), key
            continue
        scale = max(1.0, float(np.abs(reference[np.isfinite(reference)]).max(initial=0.0)))
        np.testing.assert_allclose(array, reference, rtol=0, atol=tolerance * scale, err_msg=str(key))


def alone(found: Arrays) -> None:
    """No result but the tape's shares memory with another."""
    arrays = [array for (role, _), array in found.items() if role != "tape" and array is not None]
    for position, array in enumerate(arrays):
        for other in arrays[position + 1 :]:
            assert not np.shares_memory(array, other)


def _prepared(array: Any, dtype: str) -> Any:
    if array is None:
        return None
    array = np.asarray(array)
    return np.array(array, dtype if array.dtype.kind == "f" else array.dtype, order="C")


EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
