"""`y = f(x, h = …)` in a cell: what a step of an inner cell finds in a state, instead of what the last one left."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from tests.semantics.support import cell, holds, model, run, states

DECAYED = """
cell Inside(units) {
  input x[input], dt[]
  use f = GRU(units)
  y = f(x, h = f.h * exp(-dt))
  output y, before: f.h
}
cell Plain(units) {
  input x[input], dt[]
  state f[units]
  d = f * exp(-dt)
  gate r = sigmoid(linear(x, d))
  gate u = sigmoid(linear(x, d))
  n  = tanh(linear(x, u: r * d))
  f' = u * d + (1 - u) * n
  output y: f', before: f
}
"""


def test_a_step_finds_what_it_is_given() -> None:
    inside = rnnc.compile(DECAYED, name="Inside", units=3)
    plain = rnnc.compile(DECAYED, name="Plain", units=3)
    params = inside.init_params(seed=1, dtype="float64", input=2)
    names = {"r.d": "f.r.h", "u.d": "f.u.h", "n.u": "f.n.h"}
    other = {n: params[names.get(n, f"f.{n}")] for n in plain.init_params(seed=1, dtype="float64", input=2)}
    random = np.random.default_rng(2)
    inputs = {"x": random.normal(size=(2, 5, 2)), "dt": random.uniform(size=(2, 5))}
    outputs, state = inside.forward(params, inputs)
    wanted, wanted_state = plain.forward(other, inputs)
    for name, array in wanted.items():
        np.testing.assert_allclose(outputs[name], array, atol=1e-12)
    np.testing.assert_allclose(state, wanted_state, atol=1e-12)


def test_steps_and_lengths_agree() -> None:
    holds(run(model(DECAYED, "Inside")))


NESTED = """
cell Two(units) {
  input x[units]
  for k in 0..2 {
    state h[k][units]
  }
  state count[]: int
  h'[0] = tanh(x + h[0])
  h'[1] = tanh(h'[0] + h[1])
  count' = count + 1
  output y: h'[0] + h'[1] + count
}
cell Around(units) {
  input x[units]
  use low = Two(units)
  y = low(x)
  output y
}
"""


def stepped(call: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One step of `Around(3)` from states of ones (and 1), with these states given."""
    text = f"cell Outer {{\n  input x[3]\n  use f = Around(3)\n  y = f({call})\n  output y\n}}\n"
    module = rnnc.compile(NESTED + text, name="Outer")
    state = {name: np.ones((1, 3)) for name in ("f.low.h[0]", "f.low.h[1]")}
    return module.step({}, np.zeros((1, 3)), {**state, "f.low.count": np.array([1], np.int32)})


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("x", np.tanh(1) + np.tanh(np.tanh(1) + 1) + 1),
        ("x, low.h[0] = zeros(3)", np.tanh(1) + 1),
        ("x, low.h[1] = zeros(3)", np.tanh(1) + np.tanh(np.tanh(1)) + 1),
        ("x, low.h[0] = zeros(3), low.h[1] = x", 1.0),
        ("x, low.count = 5", np.tanh(1) + np.tanh(np.tanh(1) + 1) + 5),
        ("x, low.h[0] = 2 * f.states[1]", np.tanh(2) + np.tanh(np.tanh(2) + 1) + 1),
    ],
)
def test_states_are_given_by_their_paths(call: str, wanted: float) -> None:
    y, state = stepped(call)
    np.testing.assert_allclose(y, np.full((1, 3), wanted), atol=1e-6)
    assert state["f.low.count"].dtype == np.int32


def test_a_number_stands_for_all_of_a_state() -> None:
    np.testing.assert_array_equal(stepped("x, low.h[0] = 0")[0], stepped("x, low.h[0] = zeros(3)")[0])


def test_a_state_that_no_step_reads_is_a_state_still() -> None:
    given = "  use f = GRU(units)\n  h' = f(x, h = h)"
    assert states(cell(given)) == {"h": "[units]", "f.h": "[units]"}


def test_what_is_carried_is_found_at_the_next_step_where_nothing_is_given() -> None:
    of = cell("  use f = GRU(units)\n  y = f(x, h = 0.5 * f.h)\n  carry f.h = f.h' + f.h\n  h' = y")
    holds(run(of))


def test_its_axes_come_from_the_state() -> None:
    of = cell("  use f = GRU(units)\n  h' = f(x, h = linear(h, bias = false))")
    assert {p.name for p in of.parameters} >= {"h.h", "f.r.h"}


def test_a_cell_in_a_network_finds_it_at_every_step() -> None:
    network = "network N(units = 3) {\n  input x[units], dt[]\n  y = Inside(units)(x, dt)\n  output y.y\n}\n"
    holds(run(model(DECAYED + network, "N")))
