"""Axes that a function declares and its caller names: by a label, in a list, with their sizes."""

from __future__ import annotations

import pytest

from tests.semantics.support import holds, model, parameters, run

TEXT = """
fn made(v[node, part], out) {
  param W[part, out]
  return contract(v, W, over = part)
}
fn gained(v, axes) {
  fixed g[axes] = 2
  return v * g + sum(g, axes)
}
cell N(units = 5, heads = 2) {
  input x[node, feature]
  state h[node, unit: units]
  y  = %s
  h' = h
  output h', y
}
"""


@pytest.mark.parametrize(
    ("call", "name", "axes"),
    [
        ("made(x, unit)", "y.made.W", "[feature, 5]"),
        ("made(x, [unit])", "y.made.W", "[feature, 5]"),
        ("made(x, units)", "y.made.W", "[feature, 5]"),
        ("made(x, [head: heads, dim: 3])", "y.made.W", "[feature, 2, 3]"),
        ("made(x, [node, unit])", "y.made.W", "[feature, node, 5]"),
        ("gained(h, unit)", "y.gained.g", "[5]"),
        ("gained(h, [node, unit])", "y.gained.g", "[node, 5]"),
    ],
)
def test_axes_that_the_caller_names(call: str, name: str, axes: str) -> None:
    if call == "made(x, [node, unit])":
        call = "made(relabel(x, place: node, feature: feature), [node, unit])"
    of = model(TEXT % call)
    assert parameters(of)[name] == axes
    holds(run(of))
