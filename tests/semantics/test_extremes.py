"""`max` and `min` have two forms without a word: whatever has one meaning keeps it, what has two is refused."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import DiagnosticError

X = np.random.default_rng(5).standard_normal((2, 3, 4))
N = np.random.default_rng(6).standard_normal((2, 3))
VALUES = {
    "an input": ("input x[n: d], n[]", ""),
    "one per row": ("input x[n: d], n[] per row", ""),
    "whole numbers": ("input x[n: d], n[]: int", ""),
    "with the axis": ("input x[n: d], n[n: d]", ""),
    "a state": ("input x[n: d]", "state n[]\n  n' = n + 1"),
    "a parameter": ("input x[n: d]", "param n[] = ones"),
    "an equation": ("input x[n: d]", "n = sum(x)"),
    "a number": ("input x[n: d]", "let n = 0.1"),
    "a size": ("input x[n: d]", "let n = 7"),
}
FUNCTIONS = """
fn handed(v, by) { return max(v, by) }
fn twice(v, by) {
  w = v
  return handed(w, by)
}
fn named(v, by) { return max(v, axis = by) }
fn pattern(v[k], n) { return max(v, k) + 0 * sum(n) }
fn own(v, rate) { return max(v, rate) }
fn local(v) {
  n = 0 * sum(v)
  return max(v, n)
}
"""


def compiled(inputs: str, rest: str, value: str) -> ModuleType:
    text = f"{FUNCTIONS}cell C(d = 4) {{\n  {inputs}\n  {rest}\n  y = {value}\n  output y\n}}"
    return rnnc.compile(text)


@pytest.mark.parametrize(("inputs", "rest"), VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("value", ["max(x, n)", "min(2 * x, n)", "handed(x, n)", "twice(x, n)"])
def test_what_is_a_value_and_an_axis_is_refused(inputs: str, rest: str, value: str) -> None:
    with pytest.raises(DiagnosticError) as error:
        compiled(inputs, rest, value)
    (found,) = error.value.diagnostics
    assert found.code == "E250"
    assert found.span.text in ("n", "by")
    assert "axis = " in str(found.fix)


@pytest.mark.parametrize(("inputs", "rest"), VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("value", ["max(x, axis = n)", "max(x, [n])", "named(x, n)", "max(n, x)", "pattern(x, n)"])
def test_both_remedies_say_which(inputs: str, rest: str, value: str) -> None:
    module = compiled(inputs, rest, value)
    assert module.SPEC["outputs"]["y"]["shape"] == ((4,) if value == "max(n, x)" else ())


@pytest.mark.parametrize(
    ("inputs", "value", "wanted"),
    [
        ("input x[n: d], s[]", "max(x, s)", lambda: np.maximum(X, N[..., None])),
        ("input x[n: d], s[]", "own(x, s)", lambda: np.maximum(X, N[..., None])),
        ("input x[rate: d], s[]", "own(x, 1 * s)", lambda: np.maximum(X, N[..., None])),
        ("input x[rate: d], s[]", "own(x, 0.5) + 0 * s", lambda: np.maximum(X, 0.5)),
        ("input x[n: d], s[]", "local(x) + 0 * s", lambda: np.maximum(X, 0)),
        ("input x[n: d], s[]", "max(x, d) + 0 * s", lambda: np.maximum(X, 4)),
        ("input x[d], s[]", "max(x, d) + 0 * s", lambda: X.max(-1)),
        ("input x[d: d], s[]", "max(concat(x, 2 * x, axis = d), d) + 0 * s", lambda: np.maximum(X, 2 * X).max(-1)),
    ],
)
def test_what_has_one_meaning_keeps_it(inputs: str, value: str, wanted: Callable[[], np.ndarray]) -> None:
    module = compiled(inputs, "", value)
    y, _ = module.forward({}, {"x": X, "s": N})
    np.testing.assert_allclose(y, wanted(), rtol=1e-12)


@pytest.mark.parametrize("time", ["time[]", "time[] per row"])
def test_the_steps_of_a_network_are_an_axis(time: str) -> None:
    text = f"network A(d = 4) {{\n  input x[d], {time}\n  a = RNN(d)(x)\n  output y: %s, z: mean(a, time)\n}}"
    with pytest.raises(DiagnosticError, match="`time` is both a value and an axis"):
        rnnc.compile(text % "max(a, time)")
    for value in ("max(a, axis = time)", "max(time, a)", "max(a, time + 1)"):
        assert rnnc.compile(text % value).SPEC["outputs"]["y"]["shape"] == (4,)


def test_axes_that_are_known_late_are_refused_too() -> None:
    text = "cell A(d = 4) {\n  input x[d], n[]\n  state h[n: d]\n  h' = max(z, n) + h\n  z = linear(x)\n  output h'\n}"
    with pytest.raises(DiagnosticError, match="`n` is both a value and an axis"):
        rnnc.compile(text)


@pytest.mark.parametrize("options", [{}, {"units": 5}])
@pytest.mark.parametrize(("second", "axes"), [("units", []), ("least", ["units"])])
def test_the_axes_of_the_first_may_not_be_known_yet(second: str, axes: list[str], options: dict[str, int]) -> None:
    """What an axis of the body is called by is the axis; any other number is one."""
    text = f"""
    cell C(units, least = 2) {{
      input x[input]
      state h[units], k[units] = 0.3
      a = tanh(linear(x, h))
      m = max(a, {second})
      k' = a * where(a == m, 1, 0.5)
      h' = k'
      output h', m
    }}
    """
    spec = rnnc.compile(text, **options).SPEC
    assert len(spec["outputs"]["m"]["axes"]) == len(axes)
