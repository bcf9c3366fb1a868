"""Exposed equations of networks: of each run of a shared layer, and of what no output reads."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc

CELL = """
cell Plain(units) {
  input x[input]
  state h[units]
  gate g = sigmoid(linear(x))
  h' = g * tanh(linear(x, h))
  output h'
}
"""
TWICE = f"""{CELL}
network Twice {{
  input x[units: 3]
  use r = Plain(3)
  a = r(x)
  b = r(2 * a)
  output b
}}
"""
UNREAD = f"""{CELL}
network Unread {{
  input x[n]
  a = Plain(3)(x)
  e = exp(last(a))
  c = Plain(2)(x)
  output a
}}
"""


def test_every_run_of_a_shared_layer_has_its_own() -> None:
    """Under the names that its states have."""
    module = rnnc.compile(TWICE, name="Twice", expose=("b.g", "r.h", "b.h", "a", "r.g"))
    assert list(module.SPEC["exposed"]) == ["b.g", "r.h", "b.h", "a", "r.g"]
    assert list(module.SPEC["states"]) == ["r.h", "b.h"]
    params = module.init_params(seed=3, dtype="float64")
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    outputs, state = module.forward(params, x)
    np.testing.assert_array_equal(outputs["r.h"], outputs["a"])
    np.testing.assert_array_equal(outputs["b.h"], outputs["b"])
    np.testing.assert_array_equal(outputs["r.h"][:, -1], state["r.h"])
    gates = [x @ params["r.g.x"] + params["r.g.bias"], 2 * outputs["a"] @ params["r.g.x"] + params["r.g.bias"]]
    for name, gate in zip(("r.g", "b.g"), gates, strict=True):
        np.testing.assert_allclose(outputs[name], 1 / (1 + np.exp(-gate)), rtol=0, atol=1e-12)


def test_both_directions_of_a_shared_layer() -> None:
    text = TWICE.replace("  a = r(x)\n  b = r(2 * a)\n", "  b = bidirectional(r)(x)\n")
    module = rnnc.compile(text, name="Twice", expose=("b.forward.h", "b.backward.h"))
    params = module.init_params(seed=3, dtype="float64")
    outputs, _ = module.forward(params, np.random.default_rng(0).standard_normal((2, 4, 3)))
    both = np.concatenate([outputs["b.forward.h"], outputs["b.backward.h"]], axis=-1)
    np.testing.assert_array_equal(both, outputs["b"])


def test_what_no_output_reads() -> None:
    """An equation of whole sequences, and one of a layer that would not be there otherwise."""
    assert list(rnnc.compile(UNREAD, name="Unread").SPEC["states"]) == ["a.h"]
    module = rnnc.compile(UNREAD, name="Unread", expose=("e", "c.g"))
    params = module.init_params(seed=3, dtype="float64", n=2)
    x = np.random.default_rng(0).standard_normal((2, 4, 2))
    outputs, _ = module.forward(params, x, lengths=[4, 2])
    np.testing.assert_allclose(outputs["e"], np.exp(outputs["a"][[0, 1], [3, 1]]), rtol=0, atol=1e-12)
    gate = 1 / (1 + np.exp(-(x @ params["c.g.x"] + params["c.g.bias"])))
    np.testing.assert_allclose(outputs["c.g"][0], gate[0], rtol=0, atol=1e-12)
    assert not outputs["c.g"][1, 2:].any()


def test_names_as_one_text() -> None:
    module = rnnc.compile(TWICE, name="Twice", expose="r.h, b.h", no_passes="fuse")
    assert list(module.SPEC["exposed"]) == ["r.h", "b.h"]
    with pytest.raises(rnnc.DiagnosticError, match="there is no equation `go`"):
        rnnc.compile(TWICE, name="Twice", expose="go")
