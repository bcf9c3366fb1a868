"""Shapes that nobody wrote: from states, from neighbours, from patterns; conditions, absent terms and families."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.diagnostics import DiagnosticError
from tests.semantics.support import cell, holds, model, outputs, parameters, run


@pytest.mark.parametrize(
    ("body", "shapes"),
    [
        # backwards from the state
        ("  h' = tanh(linear(x))", {"h.x": "[input, units]", "h.bias": "[units]"}),
        ("  z = linear(x)\n  y = tanh(z)\n  h' = y", {"z.x": "[input, units]", "z.bias": "[units]"}),
        ("  h' = softsign(linear(x, bias = false))", {"h.x": "[input, units]"}),
        # through a function with axes of its own
        ("  h' = rms_norm(linear(x, bias = false))", {"h.x": "[input, units]", "h.rms_norm.gain": "[units]"}),
        # a mean over all axes is a number, whatever these are: `z` is known later
        ("  param p[k: 3, units]\n  h' = max(rms_norm(p * mean(z), axis = units), k) + z\n  z = linear(x)",
         {"p": "[3, units]", "h.rms_norm.gain": "[units]", "z.x": "[input, units]", "z.bias": "[units]"}),
        # from a neighbour in a sum
        ("  z = linear(x, bias = false) + h\n  h' = tanh(h) * sum(z)", {"z.x": "[input, units]"}),
        # from a state of one number, whose equation has no axes anywhere
        ("  state s[]\n  s' = sigmoid(s * linear(x, bias = false))\n  h' = s * linear(h, bias = false)",
         {"s.x": "[input]", "h.h": "[units, units]"}),
        # from what is stated
        ("  z = linear(x, bias = false, out = 5)\n  h' = linear(z, bias = false)",
         {"z.x": "[input, 5]", "h.z": "[5, units]"}),
        ("  z = linear(x, bias = false, out = 2 * units)\n  h' = linear(z, bias = false)",
         {"z.x": "[input, 2 * units]", "h.z": "[2 * units, units]"}),
        # forwards through slices, concatenation, reductions
        ("  z = concat(x, h, x)\n  h' = linear(z, bias = false)", {"h.z": "[units + 2 * input, units]"}),
        ("  h' = linear(a: x[input = 1:], bias = false)", {"h.a": "[input - 1, units]"}),
        ("  h' = linear(a: x[input = :-1], bias = false)", {"h.a": "[input - 1, units]"}),
        ("  s = sum(x)\n  h' = linear(h, s, bias = false)", {"h.h": "[units, units]", "h.s": "[units]"}),
        # backwards through what joins values: a new row of a buffer, parts of which one is unknown
        (("  state b[row: 3, units]\n  z = linear(x, bias = false)\n  h' = b[row = 0]\n"
          "  b' = concat(b[row = 1:], expand(tanh(z), row), axis = row)"),
         {"z.x": "[input, units]"}),
        (("  state b[row: 2, units]\n  h' = b[row = 0]\n  u = linear(h, bias = false)\n"
          "  b' = stack_axis(linear(x, bias = false), u, axis = row)"),
         {"u.h": "[units, units]", "b.x": "[input, units]"}),
        ("  h' = concat(h[units = 0:1], linear(x, bias = false))", {"h.x": "[input, units - 1]"}),
        # backwards through a product without weights, and what keeps the axes
        ("  param P[place: 5, units]\n  h' = softmax(linear(x, bias = false)) @ P",
         {"P": "[5, units]", "h.x": "[input, 5]"}),
        ("  param P[units, place: 5]\n  h' = P @ cumsum(linear(x, bias = false))",
         {"P": "[units, 5]", "h.x": "[input, 5]"}),
        # backwards past what is made of it, before its neighbours are looked at
        ("  param C[code: 5, units]\n  z = linear(x, bias = false)\n  h' = z + sum(C - z, code) + sum((C - z) ** 2)",
         {"C": "[5, units]", "z.x": "[input, units]"}),
        # in any order
        ("  h' = y\n  y = tanh(z)\n  z = linear(x, bias = false)", {"z.x": "[input, units]"}),
    ],
)  # fmt: skip
def test_shapes_of_weights(body: str, shapes: dict[str, str]) -> None:
    of = cell(body)
    holds(run(of))
    assert parameters(of) == shapes


def test_axes_are_paired_by_their_labels() -> None:
    """What stands in another order is transposed, what lacks an axis broadcasts."""
    of = model(
        "cell C {\n  input x[a: 2, b: 3], y[b: 3, a: 2], z[b: 3]\n  u = x + y * z\n  output u\n}\n",
    )
    case = run(of)
    holds(case)
    x, y, z = (case.arrays["input", n] for n in "xyz")
    np.testing.assert_allclose(case.output(), x + np.swapaxes(y * z[..., None], -1, -2), rtol=1e-14)
    assert outputs(of) == {"u": "[2, 3]"}


def test_a_transposed_matrix_meets_the_matrix_by_places_once_it_is_relabelled() -> None:
    of = model("cell C {\n  input W[a: 3, b: 3]\n  y = W - relabel(transpose(W), a: 3, b: 3)\n  output y\n}\n")
    case = run(of)
    holds(case)
    W = case.arrays["input", "W"]
    np.testing.assert_allclose(case.output(), W - np.swapaxes(W, -1, -2), rtol=1e-14)
    weak = model("cell C(n) {\n  input x[n]\n  param W[n, n]\n  y = x @ (W - transpose(W))\n  output y\n}\n")
    case = run(weak)
    W = case.arrays["param", "W"]
    np.testing.assert_allclose(case.output(), case.arrays["input", "x"] @ (W - W.T), rtol=1e-12)


@pytest.mark.parametrize(
    "step",
    [
        "h' = f(linear(x, h), h)",
        "h' = f(sigmoid(linear(x, h) as i) * tanh(linear(x, h) as j), h)",
        "y = tanh(linear(x))\n  h' = f(y, h)",
    ],
)
def test_shapes_come_from_the_inputs_of_an_inner_cell(step: str) -> None:
    of = model(
        "cell Inner(d) {\n  input u[slot: d], v[d]\n  state s[d]\n  s' = s + relabel(u, d: d) * v\n  output s'\n}\n"
        "cell C(units) {\n  input x[input]\n  state h[units]\n  use f = Inner(units)\n"
        f"  {step}\n  output h'\n}}\n",
        "C",
    )
    holds(run(of))
    assert {shape for name, shape in parameters(of).items() if name.endswith("bias")} == {"[units]"}


def test_a_number_fills_a_state() -> None:
    of = cell("  state m[units] = 2\n  m' = 0.5\n  h' = m + linear(x)")
    case = run(of)
    found = holds(case)
    assert (found["state", "m"] == 0.5).all()


@pytest.mark.parametrize(
    ("gates", "terms"),
    [
        ("", "tanh(linear(x, h))"),
        ("a = true", "tanh(linear(x, h)) + h"),
        ("b = true", "tanh(linear(x, h)) * 2"),
        ("a = true, b = true", "tanh(linear(x, h)) * 2 + h"),
    ],
)
def test_absent_terms_and_factors(gates: str, terms: str) -> None:
    options = dict(part.split(" = ") for part in gates.split(", ") if part)
    text = "cell C(units, a = false, b = false) {{\n  input x[input]\n  state h[units]\n  h' = {}\n  output h'\n}}\n"
    with_conditions = run(model(text.format("tanh(linear(x, h)) * (2 if b) + (h if a)"), **options))
    plain = run(model(text.format(terms)))
    np.testing.assert_array_equal(with_conditions.output(), plain.output())


def test_or_tests_none_only() -> None:
    text = (
        "cell C(units, proj = none) {\n  input x[input]\n  state h[proj or units]\n  h' = linear(x)\n  output h'\n}\n"
    )
    assert parameters(model(text))["h.x"] == "[input, units]"
    assert parameters(model(text, proj=3))["h.x"] == "[input, 3]"
    with pytest.raises(DiagnosticError, match="E208"):
        model(text, proj=0)


def test_families_with_members_of_different_shapes() -> None:
    of = cell("  q[-1] = x\n  q[0] = h\n  for k in 1..4 { q[k] = tanh(linear(q: q[k - 1])) * q[k - 2] }\n  h' = q[2]")
    holds(run(of))
    assert parameters(of)["q[1].q"] == "[units, input]"
    assert parameters(of)["q[2].q"] == "[input, units]"


def test_comprehensions_gather() -> None:
    of = cell(
        "  let n = 3\n  for k in 0..n { z[k] = k * x }\n  y = concat(z[k] for k in 0..n if k != 1)\n  h' = linear(y)"
    )
    case = run(of)
    holds(case)
    assert parameters(of)["h.y"] == "[2 * input, units]"


def test_lets_in_any_order_and_ifs_around_statements() -> None:
    of = cell("  let b = a + 1\n  let a = 2\n  if b == 3 { h' = linear(x) * b } else { foo = bar }")
    holds(run(of))


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("A @ v", lambda A, v: A @ v),
        ("v @ transpose(A)", lambda A, v: A @ v),
        ("sum(A * v, col)", lambda A, v: A @ v),
        ("contract(A, v, over = col)", lambda A, v: A @ v),
        ("max(A, col) + min(A, col)", lambda A, v: A.max(1) + A.min(1)),
        ("A[col = 1] - A[col = -1]", lambda A, v: A[:, 1] - A[:, -1]),
        ("sum(softmax(A, row) * v, col)", lambda A, v: np.exp(A) / np.exp(A).sum(0) @ v),
        ("sum(cumsum(A, row, reverse = true), col)", lambda A, v: A[::-1].cumsum(0)[::-1].sum(1)),
        ("flip(A, row) @ v", lambda A, v: A[::-1] @ v),
        ("relabel(merge(A, [row, col]), m: 12)[m = 0:2]", lambda A, v: A.ravel()[:2]),
        ("split(v, col, a: 2, b: 2)[a = 1]", lambda A, v: v[2:]),
        ("repeat(v, col, 2)[col = 0:3]", lambda A, v: v[[0, 0, 1]]),
        ("tile(v, col, 2)[col = 3:6]", lambda A, v: v[[3, 0, 1]]),
        ("pad(v, col, 1, 2)[col = 0:3]", lambda A, v: np.array([0, v[0], v[1]])),
        ("sum(outer(v, relabel(v, other: 4)), other)", lambda A, v: v * v.sum()),
        ("stack_axis(v, 2 * v, axis = slot)[slot = 1]", lambda A, v: 2 * v),
        ("sum(expand(v, slot: 3), slot)", lambda A, v: 3 * v),
        ("mean(where(v > 0, v, 0))", lambda A, v: np.maximum(v, 0).mean()),
    ],
)  # fmt: skip
def test_operations_on_named_axes(expression: str, wanted: object) -> None:
    of = model(f"cell C {{\n  input A[row: 3, col: 4], v[col: 4]\n  y = {expression}\n  output y\n}}\n")
    case = run(of, steps=1, batch=1)
    A, v = (case.arrays["input", n][0, 0] for n in ("A", "v"))
    np.testing.assert_allclose(case.output()[0, 0], wanted(A, v), rtol=1e-12)  # type: ignore[operator]


def test_a_new_axis_may_be_read_in_another_place() -> None:
    """What `expand` and `stack_axis` make has the new axis first, however the state that it is wanted for has its axes,
    also behind a name and a function, and before the text that makes it."""
    of = model(
        "cell C(n = 2, times = 3) {\n  input x[input]\n"
        "  state A[neuron: n, time: times], B[neuron: n, time: times]\n"
        "  A' = concat(A[time = 1:], stack_axis(linear(x, bias = false) as a, axis = time), axis = time)\n"
        "  B' = B + t * m[flat = 3]\n  m = merge(e, flat: [time, neuron])\n  t = tanh(e)\n"
        "  e  = expand(b, time: times)\n  b = linear(x, bias = false)\n  output A', B', e\n}\n"
    )
    assert parameters(of) == {"A.a.x": "[input, 2]", "b.x": "[input, 2]"}
    assert outputs(of) == {"A": "[2, 3]", "B": "[2, 3]", "e": "[3, 2]"}
    case = run(of)
    found = holds(case)
    b = case.arrays["input", "x"][0] @ case.arrays["param", "b.x"]  # of the first step
    np.testing.assert_allclose(found["output", "e"][0], np.stack([b, b, b], axis=1))
    added = np.stack([np.tanh(b)] * 3, axis=2) * b[:, 1, None, None]
    np.testing.assert_allclose(found["output", "B"][0], case.arrays["state", "B"] + added)
