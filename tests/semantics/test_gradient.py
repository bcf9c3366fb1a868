"""`gradient(number, v)` in a cell is the slope of the number, wherever it comes from; a row's is its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import model_of, unit_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.ir.program import Op, walk

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


# Every activation of one value, and other functions of pieces whose second derivative is zero.
ACTIVATIONS = [
    "tanh", "sigmoid", "relu", "softplus", "log_sigmoid", "softsign", "hard_sigmoid", "hard_tanh", "relu6",
    "leaky_relu", "elu", "selu", "silu", "swish", "mish", "gelu", "gelu_tanh", "celu", "hard_silu", "squareplus",
    "hard_shrink", "soft_shrink", "tanh_shrink", "sparse_plus", "sparse_sigmoid", "identity", "abs", "sign",
    "floor", "round", "square", "stop_gradient",
]  # fmt: skip


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_first_and_second_derivatives_of_every_activation(act: str) -> None:
    module = rnnc.compile("""
cell Curved(units, act: fn) {
  input x[units]
  state h[units]
  e = sum(act(x))
  g = gradient(e, x)
  c = gradient(sum(g), x)
  p = gradient(sum(g * g), x)
  h' = 0.5 * h + p
  output e, g, c, p
}""", units=4, act=act)  # fmt: skip
    x = np.random.default_rng(5).normal(size=(3, 4))
    found = outputs(module, {}, x)
    if act != "stop_gradient":  # whose differences are those of what it holds
        np.testing.assert_allclose(found["g"], slopes(module, {}, x, "e"), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(
        found["c"], slopes(module, {}, x, "g") / np.where(found["g"], 2 * found["g"], 1), atol=1e-6
    )
    np.testing.assert_allclose(found["p"], slopes(module, {}, x, "g"), rtol=1e-7, atol=1e-7)


NOT_DIFFERENTIABLE = [
    ("sum(x * x)", "x[units = 0]", "`gradient(number, x)[units = 0]` is the gradient by this part"),
    ("sum(q[0])", "q[0][units = 1:]", "`gradient(number, q[0])[units = 1:]` is the gradient by this part"),
    ("sum(x * x)", "2 * x", "`u = 2 * x`, make the number of `u`"),
    ("sum(x * x)", "tanh(x)", "`u = tanh(x)`, make the number of `u`"),
    ("sum(x * k)", "k", "declared `: int`"),
    ("k * k", "k", "declared `: int`"),
    ("argmax(x)", "x", "declared `: int`"),
    ("sum(x)", "h", "a state, an input or an equation"),
]


@pytest.mark.parametrize(("number", "by", "remedy"), NOT_DIFFERENTIABLE)
def test_what_it_does_not_go_by_is_told_with_a_remedy(number: str, by: str, remedy: str) -> None:
    [found] = rnnc.check(f"""
cell A(units) {{
  input x[units], k[]: int
  state h[units]
  q[0] = x * k
  h' = h + q[0]
  output h', g: gradient({number}, {by})
}}""")
    assert found.code == "E310"
    assert remedy in (found.fix or "")


def test_the_number_itself_is_computed_for_whoever_reads_it_only() -> None:
    def operations(*more: str) -> Counter[str]:
        text = f"""
cell Fast(units) {{
  input x[units]
  state W[o: units, i: units]
  loss = sum((W @ x - x) ** 2)
  W' = W - 0.01 * gradient(loss, W)
  output {", ".join(("y: W' @ x", *more))}
}}
"""
        source = Source("<text>", text)
        unit, _ = unit_of(source, model_of(source, None, {"units": 3}))
        return Counter(node.name for node in walk(unit.forward.nodes) if isinstance(node, Op))

    assert operations("loss") - operations() == Counter(["square", "reduce_sum"])
    assert operations() - operations("loss") == Counter()
