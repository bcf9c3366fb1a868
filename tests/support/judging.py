"""A target's results beside the interpreter's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rnnc.ir.interpreter import evaluate
from rnnc.ir.program import Program
from tests.numpy.support import agree

Arrays = dict[tuple[str, str], Any]


def judged(program: Program, arrays: Mapping[tuple[str, str], Any], run: Callable[[Arrays], Arrays]) -> Arrays:
    """The results of a program, after comparison. Ports without arrays are absent; what a tape holds is free."""
    given = {key: arrays.get(key) for key in ((p.role, p.name) for p in program.inputs)}
    found = run(given)
    expected = evaluate(program, given)
    agree(
        {key: array for key, array in found.items() if array is not None and key[0] != "tape"},
        {key: array for key, array in expected.items() if key[0] != "tape"},
        1e-10,
    )
    return found
