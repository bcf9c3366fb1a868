"""Wrappers that treat every state of any inner cell alike: skipped updates, copies of a cell that take turns."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import DiagnosticError

CELLS = """
cell Plain(units) {
  input x[input]
  state c[units], h[units]
  c' = 0.5 * c + tanh(linear(x, h))
  h' = tanh(c')
  output h'
}

cell Outer(units) {
  input x[input]
  state h[units]
  use memory = Plain(units)
  y = memory(linear(x, h, out = units) as xin)
  h' = 0.5 * h + y
  output h'
}

cell Family(units) {
  input x[input]
  for k in 0..2 {
    state h[k][units]
    h'[k] = tanh(linear(x, h[k]))
  }
  output y: h'[0] + h'[1]
}

cell Held(inner: cell, period = 2) {
  input x[input]
  use f = inner
  before = concat(f.states)
  for k in 0..len(f.states) {
    carry f.states[k] = where(step % period == 0, f.states'[k], f.states[k])
  }
  y = f(x)
  output y, before
}

cell Turns(inner: cell) {
  input x[input]
  for k in 0..2 {
    use f[k] = inner
    y[k] = f[k](x)
    carry f[k].h = where(step % 2 == k, f[k].h', f[k].h)
  }
  output y: where(step % 2 == 0, y[0], y[1])
}
"""


def run(name: str, inner: str, steps: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    module = rnnc.compile(CELLS, name=name, inner=inner)
    params = module.init_params(seed=1, dtype="float64", input=3)
    x = np.random.default_rng(2).normal(size=(2, steps, 3))
    return module.forward(params, x)


@pytest.mark.parametrize(
    ("inner", "states"),
    [
        ("Plain(2)", ["f.c", "f.h"]),
        ("Outer(2)", ["f.h", "f.memory.c", "f.memory.h"]),
        ("Family(2)", ["f.h[0]", "f.h[1]"]),
    ],
)
def test_every_state_is_carried_those_of_inner_cells_too(inner: str, states: list[str]) -> None:
    outputs, _ = run("Held", inner, 3)
    _, after_one = run("Held", inner, 3)
    module = rnnc.compile(CELLS, name="Held", inner=inner)
    params = module.init_params(seed=1, dtype="float64", input=3)
    x = np.random.default_rng(2).normal(size=(2, 3, 3))
    _, one = module.forward(params, x[:, :1])
    _, two = module.forward(params, x[:, :2])
    assert [name for name in one if name != "step"] == states
    for name in states:
        assert np.any(one[name] != 0)
        np.testing.assert_array_equal(one[name], two[name])  # the second step is skipped
        assert np.any(after_one[name] != two[name])
    joined = np.concatenate([one[name] for name in states], axis=-1)
    np.testing.assert_array_equal(outputs["before"][:, 1], joined)


def test_a_state_of_a_member_of_a_family_of_cells_is_carried() -> None:
    _, one = run("Turns", "Plain(2)", 1)
    assert np.any(one["f[0].h"] != 0)
    assert not np.any(one["f[1].h"])


@pytest.mark.parametrize(
    ("carried", "code", "told"),
    [
        ("f.states[2]", "E244", "its states: `f.c`, `f.h`"),
        ("f.c[0]", "E244", "its states: `f.c`, `f.h`"),
        ("g.c", "E201", "there are f"),
        ("f[0].c", "E201", "there are f"),
    ],
)
def test_what_cannot_be_carried(carried: str, code: str, told: str) -> None:
    with pytest.raises(DiagnosticError) as error:
        rnnc.compile(CELLS + f"cell W(inner: cell) {{\n input x[n]\n use f = inner\n carry {carried} = f.c\n"
                     " y = f(x)\n output y\n}", name="W", inner="Plain(2)")  # fmt: skip
    (found,) = error.value.diagnostics
    assert found.code == code
    assert found.fix == told


def test_a_state_is_carried_once() -> None:
    text = CELLS + "cell W(inner: cell) {\n input x[n]\n use f = inner\n carry f.c = f.c\n carry f.states[0] = f.c'\n"
    with pytest.raises(DiagnosticError, match="carried twice"):
        rnnc.compile(text + " y = f(x)\n output y\n}", name="W", inner="Plain(2)")


def test_a_state_of_whole_numbers_stays_one_where_its_equation_is_a_number() -> None:
    text = "cell C {\n  input x[2]\n  state n[]: int\n  n' = 7\n  output y: x + n\n}\n"
    module = rnnc.compile(text)
    x = np.ones((3, 4, 2))
    _, after = module.forward({}, x)
    assert after.dtype == np.int32
    assert after.tolist() == [7, 7, 7]
    _, after = module.step({}, x[:, 0], after)
    assert after.dtype == np.int32
