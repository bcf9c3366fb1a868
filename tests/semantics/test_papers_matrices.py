"""Matrices as papers write them: inverses, and axes of a state in whatever order."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import DiagnosticError

INVERSE = """
cell Inverse(n, m = n) {
  input x[i: n, j: m]
  output y: inverse(x)
}"""


@pytest.mark.parametrize("n", [1, 2, 5])
def test_inverse_of_a_matrix(n: int) -> None:
    module = rnnc.compile(INVERSE, n=n)
    a = np.random.default_rng(n).standard_normal((2, 3, n, n)) + 3 * np.eye(n)
    y, _ = module.forward({}, a)
    np.testing.assert_allclose(y @ a, np.broadcast_to(np.eye(n), a.shape), atol=1e-12)


def test_gradient_of_an_inverse() -> None:
    module = rnnc.compile(INVERSE, n=3)
    rng = np.random.default_rng(0)
    a, d = rng.standard_normal((1, 1, 3, 3)) + 3 * np.eye(3), rng.standard_normal((1, 1, 3, 3))
    y, _, tape = module.forward_train({}, a)
    found = module.backward({}, tape, d, None)["x"]
    turned = y.swapaxes(-1, -2)
    np.testing.assert_allclose(found, -turned @ d @ turned, atol=1e-12)


def test_an_inverse_is_of_a_square_matrix_with_a_number_of_rows() -> None:
    for given, code in (({"n": 3, "m": 2}, "E308"), ({}, "E207")):
        with pytest.raises(DiagnosticError) as error:
            rnnc.compile(INVERSE, **given)
        assert {d.code for d in error.value.diagnostics} == {code}


def test_axes_of_a_state_in_another_order() -> None:
    text = """
    cell Pairs(n = 3, m = 2) {
      input x[n], y[m]
      state S[i: n, j: m]
      S' = 0.5 * S + outer(relabel(x, i: n), relabel(y, j: m))
      output S'
    }"""
    swapped = text.replace("0.5 * S + outer(relabel(x, i: n), relabel(y, j: m))",
                           "outer(relabel(y, j: m), relabel(x, i: n)) + 0.5 * S")  # fmt: skip
    assert swapped != text
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 4, 3)), rng.standard_normal((2, 4, 2))
    (one, last), (other, after) = (rnnc.compile(t).forward({}, {"x": x, "y": y}) for t in (text, swapped))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(last, after)


def test_merged_axes_have_a_name_and_states_their_own() -> None:
    text = """
    cell Named(heads = 2, d = 3) {
      input x[input]
      let units = heads * d
      state h[units]
      q  = linear(x, bias = false, out = [head: heads, key: d])
      h' = merge(q, wide: [head, key])
      output sum(h'[units = 0:2] * merge(q, wide: [head, key])[wide = 2:4])
    }"""
    module = rnnc.compile(text)
    params = module.init_params(seed=0, dtype="float64", input=4)
    x = np.random.default_rng(0).standard_normal((1, 1, 4))
    q = (x[0, 0] @ params["q.x"].reshape(4, 6)).ravel()
    y, h = module.forward(params, x)
    np.testing.assert_allclose(y.ravel(), q[0] * q[2] + q[1] * q[3])
    np.testing.assert_allclose(h.ravel(), q)


def test_a_square_matrix_needs_no_names() -> None:
    text = """
    cell Square(n = 3) {
      input x[n]
      state P[n, n] = start
      fixed start[n, n] = identity, I[n, n] = identity
      param A[n, n] = normal(0, 0.5)
      S  = A - transpose(A)
      F  = inverse(I + S) @ (I - S)
      P' = F @ P @ transpose(F) + outer(x, relabel(x, other: n))
      output S: merge(S), F: merge(F), P: merge(P')
    }"""
    module = rnnc.compile(text)
    params = module.init_params(seed=0, dtype="float64")
    x = np.random.default_rng(0).standard_normal((1, 1, 3))
    found, _ = module.forward(params, x)
    s = params["A"] - params["A"].T
    f = np.linalg.solve(np.eye(3) + s, np.eye(3) - s)
    np.testing.assert_allclose(found["S"].reshape(3, 3), s, rtol=1e-12)
    np.testing.assert_allclose(found["F"].reshape(3, 3), f, atol=1e-12)
    np.testing.assert_allclose(found["P"].reshape(3, 3), f @ f.T + np.outer(x, x), atol=1e-12)


def test_a_function_knows_the_axes_of_a_state_after_the_step() -> None:
    text = """
    cell Conceptor(n = 3) {
      input x[n]
      state R[n, n]
      fixed I[n, n] = identity
      C  = inverse(R' + I)
      R' = 0.9 * R + outer(x, relabel(x, other: n))
      output merge(C)
    }"""
    x = np.random.default_rng(0).standard_normal(3)
    module = rnnc.compile(text)
    y, _ = module.forward(module.init_params(seed=0, dtype="float64"), x[None, None])
    np.testing.assert_allclose(y.reshape(3, 3), np.linalg.inv(np.outer(x, x) + np.eye(3)), atol=1e-12)


def test_new_names_are_known_before_the_value_that_gets_them() -> None:
    """`relabel` says all axes, so what is stated further down may have a structure that depends on them."""
    text = """
    cell Below(n = 2) {
      input x[n]
      y = inverse(relabel(A, i: 2, j: 2))[i = 0]
      A = outer(relabel(x, a: n), relabel(x, b: n)) + where(expand(places(a: n), b: n) == places(b: n), 3, 0)
      output y
    }"""
    x = np.random.default_rng(0).standard_normal((1, 1, 2))
    y, _ = rnnc.compile(text).forward({}, x)
    np.testing.assert_allclose(y[0, 0], np.linalg.inv(np.outer(x, x) + 3 * np.eye(2))[0], atol=1e-12)


def test_new_names_of_a_value_below_have_its_sizes() -> None:
    text = "cell Below(n = 2) {\n  input x[n]\n  y = relabel(A, i: 3)\n  A = 2 * x\n  output y\n}"
    with pytest.raises(DiagnosticError) as error:
        rnnc.compile(text)
    assert {d.code for d in error.value.diagnostics} == {"E308"}


def test_an_inverse_is_of_a_matrix_with_one_label_twice_too() -> None:
    text = "cell Twice() {\n  input x[m: 2, m: 2]\n  y = inverse(x)\n  output y\n}"
    a = np.random.default_rng(0).standard_normal((1, 1, 2, 2)) + 3 * np.eye(2)
    y, _ = rnnc.compile(text).forward({}, a)
    np.testing.assert_allclose(y @ a, np.eye(2)[None, None], atol=1e-12)


def test_one_written_name_is_of_one_axis() -> None:
    text = "cell Once() {\n  input x[a: 2, b: 2]\n  y = relabel(x, m: 2, m: 2)\n  output y\n}"
    with pytest.raises(DiagnosticError, match=r"would call two axes of .* `m`"):
        rnnc.compile(text)
