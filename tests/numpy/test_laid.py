"""Weights as products of many steps want them: laid in the order in which they are read, and in parts."""

from __future__ import annotations

import inspect

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


@pytest.mark.parametrize(
    ("threads", "steps", "shape", "parts"),
    [
        (8, 16, (8, 128, 512), 1),  # small
        (8, 16, (16, 128, 512), 2),
        (8, 15, (16, 128, 512), 1),  # for so few steps a copy does not pay
        (8, 16, (1, 1024, 4096), 1),  # a vector
        (8, 16, (32, 256, 512), 1),  # several threads are as fast
        (2, 16, (32, 256, 512), 1),
        (2, 16, (16, 256, 1024), 8),
        (1, 16, (32, 256, 512), 8),
        (1, 16, (64, 1024, 4096), 1),  # large
        (1, 16, (64, 2000, 63), 1),  # cannot be parted
        (8, 16, (0, 128, 512), 1),
    ],
)
def test_products_that_are_a_little_too_large_are_done_in_parts(
    threads: int, steps: int, shape: tuple[int, int, int], parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = rnnc.compile(ACROSS, units=3)
    monkeypatch.setattr(module, "_THREADS", threads)
    rows, inner, columns = shape
    random = np.random.default_rng(0)
    x, weight, out = (random.standard_normal(sizes) for sizes in ((rows, inner), (inner, columns), (rows, columns)))
    for matrix in (weight, np.asfortranarray(weight)):
        out.fill(np.nan)
        function, operand, goal = module._product(matrix, out, steps)
        assert operand.shape == ((parts, inner, columns // parts) if parts > 1 else weight.shape)
        function(x, operand, goal)
        np.testing.assert_allclose(out, x @ weight, rtol=0, atol=1e-12 * inner)


def test_gradients_are_right_with_products_in_parts() -> None:
    """One step in a call is done whole: the same numbers, and the same gradients, as of all steps at once."""
    module = rnnc.compile(ACROSS, units=256)
    params = module.init_params(seed=1, dtype="float64", input=2)
    random = np.random.default_rng(0)
    x, weight = random.standard_normal((16, 20, 2)), random.standard_normal((16, 20, 256))
    outputs, _, tape = module.forward_train(params, x)
    found = module.backward(params, tape, weight)
    state, parts, tapes = None, [], []
    for step in range(20):
        part, state, tape = module.forward_train(params, x[:, step : step + 1], state)
        parts.append(part)
        tapes.append(tape)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), outputs, rtol=0, atol=1e-12)
    d_state = None
    for step in reversed(range(20)):
        last = module.backward(params, tapes[step], weight[:, step : step + 1], d_state)
        d_state = last["state"]
        np.testing.assert_allclose(last["x"], found["x"][:, step : step + 1], rtol=0, atol=1e-11)


def test_an_axis_between_those_of_a_stack_is_not_copied_together() -> None:
    source = """
    cell Between(units) {
      input q[head: 2, unit: units]
      state S[part: 3, head: 2, pair: 2, unit: units]
      S' = S + 1
      output y: sum(S' * q, unit)
    }
    """
    module = rnnc.compile(source, units=8)
    assert "ordered" not in inspect.getsource(module._run_forward)
    random = np.random.default_rng(0)
    q, state = random.standard_normal((4, 1, 2, 8)), random.standard_normal((4, 3, 2, 2, 8))
    y, _ = module.forward({}, q, state)
    np.testing.assert_allclose(y[:, 0], np.einsum("bphqu,bhu->bphq", state + 1, q[:, 0]), rtol=0, atol=1e-13)
