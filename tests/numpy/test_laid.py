"""Matrices that lie across: copied for products of several rows at many steps, read as they are otherwise."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc

ACROSS = """
cell Across(units) {
  input x[input]
  state h[units]
  state m[head: 2, unit: units]
  param W[units, input]
  param U[units, units]
  h' = tanh(W @ x + U @ h + sum(m, head))
  m' = 0.5 * m + linear(m, each = head) + 0.1 * linear(m, per = head, out = [head, unit]) as own
  output h'
}
"""


@pytest.mark.parametrize(("steps", "rows", "copied"), [(16, 2, True), (15, 2, False), (16, 1, False), (0, 5, False)])
def test_a_copy_is_made_where_it_pays(steps: int, rows: int, copied: bool) -> None:
    module = rnnc.compile(ACROSS, units=3)
    matrix = np.arange(2 * 70.0 * 3).reshape(2, 70, 3).swapaxes(1, 2)
    found = module._laid(matrix, steps, rows)
    np.testing.assert_array_equal(found, matrix)
    assert found.flags.c_contiguous == copied
    assert np.shares_memory(found, matrix) != copied


@pytest.mark.parametrize("rows", [1, 3])
def test_both_compute_the_same(rows: int) -> None:
    """Steps at once, which copy, and one by one, which do not; backward too."""
    module = rnnc.compile(ACROSS, units=3)
    params = module.init_params(seed=1, dtype="float64", input=2)
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, 20, 2))
    weight = random.standard_normal((rows, 20, 3))
    outputs, _, tape = module.forward_train(params, x)
    whole = module.backward(params, tape, weight)
    state, found, tapes = None, [], []
    for start in (0, 10):
        part, state, tape = module.forward_train(params, x[:, start : start + 10], state)
        found.append(part)
        tapes.append(tape)
    np.testing.assert_allclose(np.concatenate(found, axis=1), outputs, rtol=0, atol=1e-13)
    last = module.backward(params, tapes[1], weight[:, 10:])
    first = module.backward(params, tapes[0], weight[:, :10], last["state"])
    for name, gradient in whole["params"].items():
        np.testing.assert_allclose(first["params"][name] + last["params"][name], gradient, rtol=0, atol=1e-11)
