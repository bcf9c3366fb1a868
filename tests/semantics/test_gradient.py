"""`gradient(number, v)` in a cell is the slope of the number, wherever it comes from; a row's is its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import DiagnosticError

ENERGY = """
fn energy(q[d]) {
  u = tanh(linear(q, out = 5))
  return sum(linear(u, out = 3) ** 2) + 0.5 * sum(q * q)
}

cell Force(units) {
  input x[units]
  state h[units]
  e  = energy(x) + sum(x * h)
  f  = gradient(e, x)
  ff = gradient(sum(f * f), x)
  h' = 0.5 * h
  output e, f, ff
}
"""


def outputs(module: Any, params: dict[str, np.ndarray], x: np.ndarray) -> dict[str, np.ndarray]:
    return module.step(params, x, 0.3 * np.ones((len(x), 4)))[0]


def slopes(module: Any, params: dict[str, np.ndarray], x: np.ndarray, name: str) -> np.ndarray:
    """Of the sum of squares of an output (of a number: of itself), by central differences, for every row."""
    found = np.zeros_like(x)
    for k in range(x.shape[1]):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[:, k] += sign * 1e-5
            value = outputs(module, params, moved)[name]
            ends.append(value if value.ndim == 1 else np.sum(value**2, 1))
        found[:, k] = (ends[0] - ends[1]) / 2e-5
    return found


def test_it_is_the_slope_and_may_stand_in_another() -> None:
    module = rnnc.compile(ENERGY, units=4)
    params = module.init_params(seed=3, dtype="float64")
    x = np.random.default_rng(0).normal(size=(3, 4))
    found = outputs(module, params, x)
    np.testing.assert_allclose(found["f"], slopes(module, params, x, "e"), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found["ff"], slopes(module, params, x, "f"), rtol=1e-7, atol=1e-7)


def test_of_an_equation_it_is_what_flows_through_that_alone() -> None:
    """And nothing flows to the last step: h' is what the next one finds."""
    module = rnnc.compile("""
cell A(units) {
  input x[units]
  state h[units]
  u  = 2 * x
  e  = sum(u * u * x) + sum(h)
  h' = gradient(e, u)
  output h'
}""")
    x = np.array([[1.0, -2.0]])
    np.testing.assert_allclose(module.step(module.init_params(units=2, dtype="float64"), x)[0], 4 * x * x)


def test_states_of_cells_inside() -> None:
    module = rnnc.compile("""
cell Outer(units) {
  input x[input]
  use f = RNN(units)
  y = f(x)
  g = gradient(sum(square(y)), f.h)
  output g
}""", name="Outer", units=3)  # fmt: skip
    params = module.init_params(seed=1, dtype="float64", input=2)
    rng = np.random.default_rng(1)
    x, h = rng.normal(size=(2, 2)), rng.normal(size=(2, 3))
    y = np.tanh(x @ params["f.h.x"] + h @ params["f.h.h"] + params["f.h.bias"])
    wanted = (2 * y * (1 - y * y)) @ params["f.h.h"].T
    np.testing.assert_allclose(module.step(params, x, h)[0], wanted, atol=1e-12)


def test_it_does_not_go_through_layers() -> None:
    with pytest.raises(DiagnosticError, match="E310"):
        rnnc.compile("""
network N(units) {
  input x[input], c[input] per row
  u = tanh(linear(c, out = input))
  y = RNN(units)(x + u)
  z = gradient(sum(last(y)), u)
  output z
}""", units=2)  # fmt: skip
