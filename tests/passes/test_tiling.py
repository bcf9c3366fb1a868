"""Slices that make up a value are a split of it: which ones, and with the same numbers."""

from __future__ import annotations

import pytest

from rnnc.compiler import model_of
from rnnc.ir.program import Op, Program, walk
from rnnc.passes.cse import cse
from rnnc.passes.dce import dce
from rnnc.passes.fold import fold
from rnnc.passes.fuse import fuse
from rnnc.syntax.source import source_from_text
from tests.passes.pipeline import assert_same_gradients, assert_same_results, checked, optimised

CELL = """
cell Joint(units = 2) {{
  input x[input: 3]
  state h[units]
  z  = linear(x, h, out = [all: 3 * units])
  h' = {equation}
  output h'
}}
"""


def _program(equation: str) -> Program:
    return model_of(source_from_text("<test>", CELL.format(equation=equation))).forward


def _count(program: Program, name: str) -> int:
    return sum(isinstance(node, Op) and node.name == name for node in walk(program.nodes))


@pytest.mark.parametrize(
    ("equation", "slices", "splits"),
    [
        # In any order, read once or more often.
        ("sigmoid(z[all = 2 * units:]) * h + tanh(z[all = :units]) * sigmoid(z[all = units:2 * units])", 0, 1),
        ("z[all = :units] * h + z[all = :units] * z[all = units:2 * units] + z[all = 2 * units:]", 0, 1),
        # A gap; an overlap; two that begin alike.
        ("tanh(z[all = :units]) + h * z[all = 2 * units:]", 2, 0),
        ("z[all = :units] * z[all = 1:units + 1] + h * z[all = units:2 * units] * z[all = 2 * units:]", 4, 0),
        ("z[all = :units] * z[all = 2 * units:] * sum(z[all = :2 * units])", 3, 0),
        # Pieces of pieces.
        ("tanh(z[all = :2 * units][all = :units]) * z[all = :2 * units][all = units:] + z[all = 2 * units:]", 0, 1),
    ],
)
def test_slices_that_make_up_a_value_are_a_split(equation: str, slices: int, splits: int) -> None:
    program = _program(equation)
    result = checked(program, [fold, cse, dce, fuse]).program
    assert (_count(result, "slice"), _count(result, "split")) == (slices, splits)
    assert_same_results(program, result)
    assert_same_gradients(program, optimised(program).both)
