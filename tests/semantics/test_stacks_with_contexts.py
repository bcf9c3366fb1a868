"""What comes once per row is given to every layer of a stack that takes it; sequences go from layer to layer."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from tests.semantics.support import Run, holds, model, run

CELLS = """
cell Ctx(units) {
  input x[input], c[ctx] per row
  state h[units]
  h' = tanh(linear(x, h, c))
  output h'
}
cell First(units) {
  input c[ctx] per row, x[input]
  state h[units]
  h' = tanh(linear(x, h, c))
  output h'
}
cell Two(units) {
  input x[input], u[other]
  state h[units]
  h' = tanh(linear(x, h, u))
  output h'
}
network Net(units) {
  input x[input], c[ctx] per row
  y = Ctx(units)(x, c)
  output RNN(units)(y) as z
}
"""


def network(*lines: str) -> Run:
    text = "".join(f"  {line}\n" for line in lines)
    return run(model(f"{CELLS}network N {{\n  input x[3], c[2] per row\n{text}}}\n", "N"))


@pytest.mark.parametrize(
    ("stack", "one_by_one"),
    [
        ("stack(Ctx(3), 2)(x, c)", ["Ctx(3)(x, c)", "Ctx(3)(a, c)"]),
        ("stack(Ctx(3), 2, residual = true)(x, c)", ["Ctx(3)(x, c) + x", "Ctx(3)(a, c) + a"]),
        ("stack(First(4), 2)(c, x)", ["First(4)(c, x)", "First(4)(c, a)"]),
        ("stack(Ctx(3), GRU(4))(x, c)", ["Ctx(3)(x, c)", "GRU(4)(a)"]),
        ("stack(GRU(4), First(3))(c, x)", ["GRU(4)(x)", "First(3)(c, a)"]),
        ("stack(Ctx(3), First(4))(x, c)", ["Ctx(3)(x, c)", "First(4)(c, a)"]),
        ("stack(bidirectional(Ctx(2)), GRU(3))(x, c)", ["bidirectional(Ctx(2))(x, c)", "GRU(3)(a)"]),
        ("stack(Net(3), stack(Ctx(4), 2))(x, c)", ["Net(3)(x, c)", "stack(Ctx(4), 2)(a, c)"]),
    ],
)  # fmt: skip
def test_a_stack_gives_all_its_layers_what_comes_per_row(stack: str, one_by_one: list[str]) -> None:
    case = network(f"y = {stack}", "output y")
    holds(case)
    other = network(f"a = {one_by_one[0]}", f"b = {one_by_one[1]}", "output b")
    for role, name in list(other.arrays):
        layer = {"a": "y[0]", "b": "y[1]"}.get(name[:1])
        if role != "input" and layer is not None:
            other.arrays[role, name] = case.arrays[role, layer + name[1:]]
    np.testing.assert_allclose(other.output(), case.output(), rtol=1e-12)


@pytest.mark.parametrize("layers", ["Two(3), 2", "Ctx(3), Two(4)"])
def test_one_sequence_goes_from_layer_to_layer(layers: str) -> None:
    inputs = "x[3], u[2]" + " per row" * ("Ctx" in layers)
    [found] = rnnc.check(f"{CELLS}network N {{\n  input {inputs}\n  output y: stack({layers})(x, u)\n}}\n")
    assert found.code == "E223"
    assert "`a = f(x, u)`, `b = g(a, u)`" in (found.fix or "")
    by_hand = "use f = Two(3)\n  use g = Two(3)\n  a = f(x, u)\n  b = g(a, u)\n  output b"
    assert rnnc.check(f"{CELLS}network N {{\n  input x[3], u[2]\n  {by_hand}\n}}\n") == []
