"""The judge of float32, by the interpreter alone: honest arithmetic passes where a description itself loses digits."""

from __future__ import annotations

import numpy as np

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from rnnc.verify.arrays import Array
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.judged import FLOAT32, Judged
from rnnc.verify.proving.sample import Draw
from rnnc.verify.report import Row
from rnnc.verify.running.runner import ModuleRunner

# The terms of the gradient of `b` are large and cancel: softmax does not care what is added to all places.
CANCELS = """
cell C(units) {
  input x[units]
  param b[] = 0.1
  p = softmax(linear(x, bias = false) + b)
  y = 1000 * p * x
  output y
}
"""

# Which of two numbers is larger: to float32 they are the same.
DECIDES = """
cell C(units) {
  input x[units]
  first = where(x + 1e9 - 1e9 > 0.3 * x + 1e9 - 1e9, 1.0, 0.0)
  output first, other: 3 * x
}
"""


def judged(factor: float, text: str) -> tuple[list[Row], tuple[str, ...]]:
    """What is said of float32 arithmetic that is wrong by a factor, and what is not judged."""
    compiled = compile_source(Source("c.rnn", text))
    model, sizes = compiled.unit.model, {"units": 5}
    judge = InterpretedRunner(model, sizes)
    initial = ModuleRunner(model, load_module(compiled.text, "C")).init_params(0, "float64", sizes)
    found = Judged(judge, Draw(model, sizes, 0).sample(judge, initial, 6, 4), FLOAT32, "float32")

    def rounding(array: Array) -> Array:
        return (factor * array).astype(np.float32).astype(np.float64)

    return list(found.rows(judge.with_rounding(rounding))), found.notes


def rows(factor: float) -> list[Row]:
    """Of a gradient whose terms cancel."""
    return judged(factor, CANCELS)[0]


def test_what_roundings_of_operations_lose_is_allowed() -> None:
    (backward,) = [row for row in rows(1.0) if row.name.endswith("backward")]
    assert backward.passed
    assert "roundings to float32" in backward.detail, "the gradient is off by more than the plain tolerance"


def test_wrong_numbers_fail_there_too() -> None:
    assert [row.passed for row in rows(1.0 + 1e-3)] == [False] * 3


def test_what_float32_decides_otherwise_is_not_compared() -> None:
    """All else is."""
    found, notes = judged(1.0, DECIDES)
    assert all(row.passed for row in found)
    assert notes == ("float32: arithmetic in float32 leaves no digit of output first, which is not compared",)
    found, notes = judged(1.0 + 1e-3, DECIDES)
    assert [row.passed for row in found] == [False] * 3
    assert all("other" in row.detail or "input x" in row.detail for row in found)
