"""`use g = f` in a cell: another instance with the weights of `f`, and states and masks of its own."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.compiler import model_of
from rnnc.diagnostics import Source

TIED = """
cell Noisy(units = 3) {
  input x[units]
  state h[units]
  d  = dropout(x, keep = 0.5)
  h' = tanh(linear(d, h))
  output h'
  layout tf(scope = "noisy") {
    "kernel" = [[h.d], [h.h]]
    "bias" = h.bias
    mask "input" = d
  }
}
cell Tied {
  input x[3]
  use f = Noisy
  use g = f
  LINES
  output y
  layout tf {
    scope f = "low"
    scope g = "high"
  }
}
cell Apart {
  input x[3]
  use f = Noisy
  use g = Noisy
  y = g(f(x))
  output y
}
network Twice {
  input x[3]
  use f = Noisy
  z = f(x)
  y = f(z)
  output y
  layout tf {
    scope f = "low"
  }
}
"""


def text(lines: str = "z = f(x)\n  y = g(z)") -> str:
    return TIED.replace("LINES", lines)


@pytest.mark.parametrize("lines", ["z = f(x)\n  y = g(z)", "y = g(z)\n  z = f(x)", "y = f(z)\n  z = g(x)"])
def test_one_set_of_weights_and_two_of_states(lines: str) -> None:
    model = model_of(Source("<test>", text(lines)), "Tied")
    assert {p.name for p in model.parameters} == {"f.h.d", "f.h.h", "f.h.bias"}
    assert sorted(state.name for state in model.states) == ["f.h", "g.h"]
    assert sorted(mask.name for mask in model.masks) == ["f.d", "g.d"]
    (layout,) = model.layouts
    assert [array.name for array in layout.arrays] == ["low/noisy/kernel", "low/noisy/bias"]
    assert layout.missing == ()
    assert sorted(layout.masks) == [("high/input", "g.d"), ("low/input", "f.d")]


def test_tied_cells_compute_what_untied_ones_do_with_equal_weights() -> None:
    tied, apart = (rnnc.compile(text(), name=name) for name in ("Tied", "Apart"))
    params = tied.init_params(seed=1, dtype="float64")
    both = {name.replace("f.", front, 1): array for name, array in params.items() for front in ("f.", "g.")}
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    (y, _, tape), (z, _, other) = tied.forward_train(params, x), apart.forward_train(both, x)
    np.testing.assert_allclose(y, z, rtol=0, atol=1e-12)
    ones = np.ones_like(y)
    found = tied.backward(params, tape, ones)["params"]
    expected = apart.backward(both, other, ones)["params"]
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient, expected[name] + expected[name.replace("f.", "g.", 1)], atol=1e-12)


def test_a_layer_that_runs_twice_has_masks_of_both_runs() -> None:
    model = model_of(Source("<test>", text()), "Twice")
    (layout,) = model.layouts
    assert [array.name for array in layout.arrays] == ["low/noisy/kernel", "low/noisy/bias"]
    assert layout.masks == (("low/input", "f.d"), ("low/input", "y.d"))
