"""Labels in functions: what a function calls an axis is its own business, whatever its caller calls it."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.diagnostics import DiagnosticError
from tests.semantics.support import Run, holds, model, parameters, run

CALLER = """
cell Caller(units) {
  input x[%s: input]
  state h[units]
  h' = tanh(linear(x, h)) + f(x)
  output h'
}
"""
FUNCTIONS = {
    "a parameter": "fn f(v[d]) {\n  param p[k: 3, d]\n  return mean(sum(p * v, k))\n}",
    "an axis of a result": (
        "fn f(v[d]) {\n  y = linear(v, out = [k: 3, unit: 2]) as w\n  return mean(sum(y * y, [k, unit]))\n}"
    ),
    "zeros": "fn f(v[d]) {\n  return sum(zeros(k: 2) + sum(v), k)\n}",
    "a new axis": "fn f(v[d]) {\n  return sum(zeros(k: 1) + expand(sum(v), k), k)\n}",
    "a stack": "fn f(v[d]) {\n  return sum(concat(stack_axis(sum(v), max(v), axis = k), zeros(k: 3), axis = k), k)\n}",
    "a slice": "fn f(v[d]) {\n  param p[k: 3, d]\n  return mean(p[k = 0:2] @ v)\n}",
    "a split": "fn f(v[d]) {\n  u = linear(v, out = 6) as w\n  return sum(max(split(u, 6, k: 2, part: 3), k))\n}",
    "labels of a pattern": "fn f(v[k: n]) {\n  return sum(softmax(v, k) * v, k)\n}",
    "a function in it": (
        "fn g(v[d]) {\n  param p[k: 2, d]\n  return sum(p @ v, k)\n}\n"
        "fn f(v[d]) {\n  param p[k: 3, d]\n  return sum(p * v * g(v), [k, d])\n}"
    ),
}


def caller(function: str, label: str) -> Run:
    return run(model(FUNCTIONS[function] + CALLER % label, "Caller"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_caller_may_call_its_axis_what_the_function_calls_another(function: str) -> None:
    """The same numbers come of it as under a label that the function does not use."""
    same, other = caller(function, "k"), caller(function, "of_its_own")
    assert {key: array.shape for key, array in same.arrays.items()} == {k: a.shape for k, a in other.arrays.items()}
    holds(same)
    other.arrays = same.arrays
    for key, array in same.forward().items():
        np.testing.assert_array_equal(array, other.forward()[key])


def test_an_axis_of_the_caller_under_the_label_that_the_pattern_gives_it() -> None:
    """`k` is the argument's axis there, and `p` shares it."""
    of = model("fn f(v[k: n]) {\n  param p[k: n]\n  return sum(p * v)\n}" + CALLER % "other", "Caller")
    assert parameters(of)["h.f.p"] == "[input]"
    holds(run(of))


def test_a_list_of_axes_is_as_good_as_several() -> None:
    body = "cell M {\n  input x[units]\n  state m[row: 2, column: units]\n  m' = m + mean(x)\n  output y: %s\n}"
    runs = [
        run(model(body % text))
        for text in ("mean(m', [row, column])", "mean(m', row, column)", "mean(m', axis = [row, column])")
    ]
    for key, array in runs[0].forward().items():
        for other in runs[1:]:
            other.arrays = runs[0].arrays
            np.testing.assert_array_equal(array, other.forward()[key])


def test_each_of_several_arguments_may_lack_axes_of_one() -> None:
    """`where` of a mask of slots, a row and a matrix: the matrix has the axes of all."""
    body = "cell M {\n  input x[unit: 2], gate[slot: 3]\n  state m[slot: 3, unit: 2]\n  m' = %s\n  output m'\n}"
    short = run(model(body % "where(gate > 0, x, m)", "M"))
    holds(short)
    long = run(model(body % "where(outer(gate, ones(unit: 2)) > 0, expand(x, slot: 3), m)", "M"))
    long.arrays = short.arrays
    for key, array in short.forward().items():
        np.testing.assert_array_equal(array, long.forward()[key])


def test_an_embedding_of_several_tokens() -> None:
    several = run(model("cell E {\n  input w[place: 3]: int\n  e = embedding(w % 4, 4, 2)\n  output e\n}", "E"))
    holds(several)
    (table,) = [a for a in several.arrays.values() if a.shape == (4, 2)]
    (tokens,) = [a for a in several.arrays.values() if a.ndim == 3]
    (shown,) = [a for a in several.forward().values() if a.ndim == 4]
    np.testing.assert_array_equal(shown, table[tokens % 4])


def test_the_least_whole_number_is_one() -> None:
    least = run(
        model("cell L {\n  input x[]: int\n  state m[]: int = -2147483648\n  m' = max(m, x)\n  output m'\n}", "L")
    )
    holds(least)


def test_several_axes_at_once() -> None:
    """A list of axes goes through functions; softmax over them is that of their merged places."""
    body = "cell M {\n  input x[row: 2, column: 3]\n  y = %s\n  output y\n}"
    whole = run(model(body % "split(softmax(merge(x, [row, column])), 6, row: 2, column: 3)", "M"))
    for text in ("softmax(x, [row, column])", "softmax(x, row, column)", "exp(log_softmax(x, [row, column]))"):
        other = run(model(body % text, "M"))
        holds(other)
        other.arrays = whole.arrays
        for key, array in whole.forward().items():
            np.testing.assert_allclose(array, other.forward()[key], atol=1e-12)


TWO_WEIGHTS = """
fn f(v[d], n) {
  param p[d, k: n], q[d, k: n]
  return v @ p - 2 * (v @ q)
}
cell Caller {
  input x[%s: 3]
  state h[k: 3]
  h' = tanh(f(x, 3) as a + f(h, 3) as b)
  output h'
}
"""


@pytest.mark.parametrize("label", ["k", "other"])
def test_what_a_function_declares_twice_under_its_callers_label_is_one_axis(label: str) -> None:
    """And the result has the function's name of it, whoever calls: `h` has an axis `k`, too."""
    of = model(TWO_WEIGHTS % label, "Caller")
    assert parameters(of) == dict.fromkeys(("h.a.p", "h.a.q", "h.b.p", "h.b.q"), "[3, 3]")
    holds(run(of))


def test_a_result_with_the_callers_axis_and_its_own_keeps_them_apart() -> None:
    text = "fn f(v[d]) {\n  param p[k: 3]\n  return outer(p, v)\n}\n" + CALLER.replace("f(x)", "sum(f(x))") % "k"
    holds(run(model(text, "Caller")))


MAKERS = {
    "a split": "s = split(x, ch, k: 2, n: 2)",
    "an option": "s = linear(x, out = [k: 2])",
    "a split in an output": None,
    "a new axis": "s = expand(x, k: 2)",
    "new names": "s = relabel(x, a: 6, k: 4)",
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("first", [True, False])
def test_a_label_is_known_before_the_equation_that_gives_its_size(maker: str, first: bool) -> None:
    """Order is free, for the names of axes, too."""
    equation, output = MAKERS[maker], "sum(s)" if MAKERS[maker] else "sum(split(x, ch, k: 2, n: 2))"
    lines = [*([equation] if equation else []), "y = linear(x, out = [k])"]
    body = "\n  ".join(lines if first else reversed(lines))
    of = model(f"cell A(m = 7) {{\n  input x[t: 6, ch: 4]\n  {body}\n  output a: {output}, y\n}}")
    assert parameters(of)["y.x"] == f"[6, 4, {4 if maker == 'new names' else 2}]"


@pytest.mark.parametrize("first", [True, False])
def test_a_label_with_a_size_is_not_the_parameter_of_that_name_wherever_it_stands(first: bool) -> None:
    lines = ["s = split(x, ch, n: 2, part: 2)", "y = linear(x, out = [n])"]
    body = "\n  ".join(lines if first else reversed(lines))
    of = model(f"cell A(n = 5) {{\n  input x[ch: 4]\n  {body}\n  output a: sum(s), y, b: sum(zeros(n))\n}}")
    assert parameters(of)["y.x"] == "[4, 2]"


def test_labels_of_operands_are_known_to_what_is_made_of_them() -> None:
    of = model(
        "cell A(m = 2) {\n  input x[t: 6, ch: 4]\n"
        "  y = linear(k: expand(sum(x, t), z: 2), per = z, out = [z, w: 3])\n"
        "  v = conv(u: split(x, ch, g: 2, n: 2), over = t, kernel = 3, per = g, out = [g, o: 3])\n"
        "  w = linear(u: merge(x, both: [t, ch]), per = both, out = [both, r: 3])\n  output y, v, w\n}"
    )
    assert parameters(of) == {
        "y.k": "[2, 4, 3]", "y.bias": "[2, 3]", "v.u": "[2, 3, 2, 3]", "v.bias": "[2, 3]",
        "w.u": "[24, 3]", "w.bias": "[24, 3]",
    }  # fmt: skip
    holds(run(of))


@pytest.mark.parametrize("argument", ["h", "r", "r * h", "expand(sum(r * h, unit), unit: 4)"])
def test_an_own_axis_is_the_arguments_where_its_name_is_found_out_later_only(argument: str) -> None:
    """`f: f` calls an axis as the caller does, also of what is made of a `linear` whose axes follow from its use."""
    of = model(
        "fn twice(v[place, f]) { return relabel(v, place: place, f: f) + v }\n"
        "cell A {\n  input x[node: 3, feature: 2]\n  state h[node: 3, unit: 4]\n  r = linear(x, each = node)\n"
        f"  h' = twice({argument}) + r * h\n  output h'\n}}"
    )
    assert parameters(of) == {"r.x": "[2, 4]", "r.bias": "[4]"}
    holds(run(of))


def test_a_function_of_every_weight_calls_its_axes_as_they_are() -> None:
    text = """
    fn scaled(V[rows, cols]) {
      param d[rows] = ones
      return relabel(V, rows: rows, cols: cols) * d
    }
    cell A(units = 3) {
      input x[n: 2]
      state h[units]
      h' = tanh(linear(x, h, weight = scaled))
      output h'
    }"""
    holds(run(model(text)))


LOW_RANK = """
fn low_rank(v, rank, out) {
  low = tanh(linear(v, out = rank))
  return linear(low, out = out)
}
fn outer_one(v, axes) { return low_rank(v, 2, axes) }
cell A {
  input x[d: 3]
  state S[head: 2, key: 3]
  k  = linear(x, out = [head, key])
  a  = %s
  S' = S * sigmoid(a * k)
  output S'
}
"""


@pytest.mark.parametrize(
    "call",
    [
        "low_rank(x, 2, [head, key])",
        "low_rank(x, 2, out = [key, head])",
        "outer_one(x, [head, key])",
        "outer_one(x, [key, head: 2])",
        "low_rank(x, 2, out = [head: 2, key: 3])",
        "low_rank(x, 2, key)",
    ],
)
def test_a_function_is_told_the_axes_of_its_result(call: str) -> None:
    holds(run(model(LOW_RANK % call)))


def test_axes_that_a_function_is_given_are_its_callers() -> None:
    """A slip in them is told where it is written."""
    with pytest.raises(DiagnosticError) as error:
        model(LOW_RANK % "low_rank(x, 2, [head, kye])")
    (found,) = error.value.diagnostics
    assert (found.code, found.span.text, found.fix) == ("E201", "kye", "did you mean `key`?")
