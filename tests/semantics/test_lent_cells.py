"""`Wrapper(f)`: an instance in the place of a cell, which has the weights of `f`, and states and masks of its own."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.compiler import model_of
from rnnc.diagnostics import Source

CELLS = """
cell Plain(units = 3) {
  input x[units]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
  layout tf(scope = "plain") {
    "kernel" = [[h.x], [h.h]]
    "bias" = h.bias
  }
}
cell Adds(inner: cell) {
  use f = inner
  input x[inner.output.size]
  y = f(x)
  output x + y
  layout tf { scope f = "adds" }
}
network Twice(inner: cell) {
  use f = inner
  input x[inner.output.size]
  y = f(x)
  output y
}
"""
WEIGHTS = ["one.h.x", "one.h.h", "one.h.bias"]


def layers(word: str, lines: str) -> str:
    return f"{CELLS}{word} Layers {{\n  input x[3]\n  {lines}\n  output y\n}}\n"


@pytest.mark.parametrize(
    ("word", "lines", "states", "scope"),
    [
        ("network", "z = Adds(one)(x)\n  y = one(z)", ["z.f.h", "one.h"], "z/adds/plain"),
        ("network", "z = one(x)\n  y = Adds(one)(z)", ["one.h", "y.f.h"], "one/plain"),
        ("network", "z = residual(one)(x)\n  y = one(z)", ["z.f.h", "one.h"], "z/plain"),
        ("network", "y = stack([residual(one), one])(x)", ["y[0].f.h", "y[1].h"], "y[0]/plain"),
        (
            "network",
            "z = Adds(one)(x)\n  y = Twice(stack(one, 2))(z)",
            ["z.f.h", "y.f[0].h", "y.f[1].h"],
            "z/adds/plain",
        ),
        ("cell", "use a = Adds(one)\n  z = a(x)\n  y = one(z)", ["one.h", "a.f.h"], "a/adds/plain"),
        ("cell", "use a = Adds(one)\n  use b = Adds(a)\n  z = a(x)\n  y = b(z)", ["a.f.h", "b.f.f.h"], "a/adds/plain"),
    ],
)
def test_one_set_of_weights_which_has_its_place_where_it_runs_first(
    word: str, lines: str, states: list[str], scope: str
) -> None:
    model = model_of(Source("<text>", layers(word, f"use one = Plain\n  {lines}")), "Layers")
    assert [parameter.name for parameter in model.parameters] == WEIGHTS
    assert [state.name for state in model.states] == states
    (layout,) = model.layouts
    assert layout.missing == ()
    assert [array.name for array in layout.arrays] == [f"{scope}/kernel", f"{scope}/bias"]


def test_numbers_are_those_of_two_instances_of_one_cell() -> None:
    lent = rnnc.compile(layers("cell", "use one = Plain\n  use a = Adds(one)\n  z = a(x)\n  y = one(z)"), name="Layers")
    plain = rnnc.compile(
        layers("cell", "use one = Plain\n  use two = one\n  z = x + two(x)\n  y = one(z)"), name="Layers"
    )
    x = np.random.default_rng(0).standard_normal((2, 5, 3))
    params = lent.init_params(seed=1, dtype="float64")
    results = [m.forward_train(params, x) for m in (lent, plain)]
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=0, atol=1e-14)
    gradients = [m.backward(params, r[2], r[0])["params"] for m, r in zip((lent, plain), results, strict=True)]
    for name in WEIGHTS:
        np.testing.assert_allclose(gradients[0][name], gradients[1][name], rtol=0, atol=1e-12)


def test_an_instance_of_several_cells_is_lent_to_no_network() -> None:
    text = "use g = stack(GRU(3), 2)\n  y = residual(stack(GRU(3), backward(g)))(x)\n  output g(y)"
    [found] = [d for d in rnnc.check(f"network N {{\n  input x[3]\n  {text}\n}}\n") if d.severity == "error"]
    assert (found.code, found.message) == ("E239", "`inner` wants a cell, and `g` in it is an instance of several")
