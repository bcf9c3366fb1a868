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


def rows(factor: float) -> list[Row]:
    """What is said of float32 arithmetic that is wrong by a factor."""
    compiled = compile_source(Source("c.rnn", CANCELS))
    model, sizes = compiled.unit.model, {"units": 5}
    judge = InterpretedRunner(model, sizes)
    initial = ModuleRunner(model, load_module(compiled.text, "C")).init_params(0, "float64", sizes)
    judged = Judged(judge, Draw(model, sizes, 0).sample(judge, initial, 6, 4), FLOAT32, "float32")

    def rounding(array: Array) -> Array:
        return (factor * array).astype(np.float32).astype(np.float64)

    return list(judged.rows(judge.with_rounding(rounding)))


def test_what_roundings_of_operations_lose_is_allowed() -> None:
    (backward,) = [row for row in rows(1.0) if row.name.endswith("backward")]
    assert backward.passed
    assert "roundings to float32" in backward.detail, "the gradient is off by more than the plain tolerance"


def test_wrong_numbers_fail_there_too() -> None:
    assert [row.passed for row in rows(1.0 + 1e-3)] == [False] * 3
