"""Axes of a result with their sizes, functions over the wrong number of axes, sizes that agree sometimes."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import Diagnostic, DiagnosticError
from rnnc.syntax.printing.format import format_source
from rnnc.syntax.source import Source
from tests.semantics.support import holds, model, parameters, run


def only_error(text: str) -> Diagnostic:
    with pytest.raises(DiagnosticError) as error:
        rnnc.compile(text)
    (found,) = error.value.diagnostics
    return found


def test_axes_of_a_result_may_bring_their_sizes() -> None:
    text = """
    cell Heads(heads = 2, d = 3) {
      input x[n]
      q = linear(x, out = [head: heads, value: d])
      k = linear(x, out = [head, value])
      y = merge(q * k, [head, value])
      output y
    }"""
    module = rnnc.compile(text)
    params = module.init_params(seed=0, dtype="float64", n=4)
    assert params["q.x"].shape == (4, 2, 3)
    x = np.arange(4.0).reshape(1, 1, 4)
    y, _ = module.forward(params, x)
    expected = np.einsum("i,ihv->hv", x[0, 0], params["q.x"]) * np.einsum("i,ihv->hv", x[0, 0], params["k.x"])
    np.testing.assert_allclose(y[0, 0], expected.ravel(), rtol=1e-12)


def test_axes_with_sizes_are_formatted() -> None:
    text = "cell A {\n  input x[n]\n  y = linear(x, out = [head :2,value:  3,])\n  output y\n}\n"
    assert "out = [head: 2, value: 3])" in format_source(Source("a.rnn", text))


def test_an_axis_with_its_size_is_no_value() -> None:
    found = only_error("cell A {\n input x[n]\n y = sum([a: 3]) + x\n output y\n}")
    assert found.code == "E214"
    assert found.span is not None
    assert found.span.text == "a: 3"


def test_a_function_of_one_axis_is_told_at_its_argument() -> None:
    found = only_error("cell A {\n input x[n]\n q = linear(x, out = [head: 2, d: 3])\n y = layer_norm(q)\n output y\n}")
    assert (found.code, found.span and found.span.text, found.span and found.span.line) == ("E303", "q", 4)
    assert "merge(q, [head, d])" in str(found.fix)


def test_sizes_that_agree_for_some_numbers_only() -> None:
    equations = "let m = units // n\n y = repeat(linear(x, out = m), m, n) * x"
    text = f"cell A(units, n = 4) {{\n input x[units]\n {equations}\n output y\n}}"
    found = only_error(text)
    assert found.code == "E301"
    assert "`//` rounds" in str(found.fix)
    rnnc.compile(text, units=8)


def test_a_convolution_gives_its_axes_in_the_order_in_which_they_are_read() -> None:
    """Beside `x`, whose channels stand in the middle; with a kernel for every channel, too."""
    of = model(
        "cell Turned(rows = 4, cols = 3, maps = 2, group = 3) {\n"
        "  input x[row: rows, map: maps, col: cols]\n"
        "  state h[row: rows, map: maps, col: cols], g[map: maps, group: group, row: rows, col: cols]\n"
        "  gate r = sigmoid(conv(x, h, over = [row, col], kernel = [3, 3]))\n"
        "  h' = r * h + x\n"
        "  g' = tanh(conv(g, over = [row, col], kernel = [3, 3], per = group)) * g + x\n"
        "  output h'\n}\n"
    )
    assert parameters(of)["r.x"] == "[3, 3, 2, 2]"
    holds(run(of))


def test_the_order_of_axes_that_a_convolution_is_read_in_changes_no_number() -> None:
    text = (
        "cell C {\n  input x[row: 4, map: 2, col: 3]\n  state h[AXES]\n"
        "  h' = tanh(conv(x, h, over = [row, col], kernel = [3, 3])) * h + x\n  output sum(h', map)\n}\n"
    )
    orders = ("row: 4, map: 2, col: 3", "row: 4, col: 3, map: 2", "map: 2, row: 4, col: 3")
    found = [rnnc.compile(text.replace("AXES", axes)) for axes in orders]
    params = found[0].init_params(seed=1, dtype="float64")
    x = np.random.default_rng(2).normal(size=(2, 3, 4, 2, 3))
    one, *others = (module.forward(params, x)[0] for module in found)
    for other in others:
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_several_new_axes_come_to_stand_as_they_are_written() -> None:
    module = rnnc.compile("cell New {\n  input x[3]\n  output y: expand(x, a: 2, b, c: 4)\n}")
    x = np.arange(3.0).reshape(1, 1, 3)
    found, _ = module.forward({}, x)
    np.testing.assert_array_equal(found[0, 0], np.broadcast_to(x[0, 0], (2, 1, 4, 3)))


@pytest.mark.parametrize(
    ("product", "sizes"),
    [
        ("outer(w, linear(x))", "[n, width]"),
        ("outer(tanh(linear(x)), v)", "[n, slot]"),
        ("1 - outer(w, sigmoid(linear(x)))", "[n, width]"),
        ("outer(M, linear(x, out = [slot]) * linear(x) as p)", "[n, slot]"),
    ],
)
def test_an_outer_product_tells_its_other_side(product: str, sizes: str) -> None:
    text = f"""
    cell Written(slot, width) {{
      input x[n]
      state M[slot: slot, width: width]
      param w[slot: slot], v[width: width]
      M' = M * ({product})
      output M'
    }}"""
    assert sizes in parameters(model(text)).values()


def test_what_an_outer_product_does_not_tell_is_asked_for() -> None:
    text = "cell Two {\n  input x[n]\n  state M[a: 2, b: 3]\n  M' = M + outer(linear(x), tanh(x))\n  output M'\n}"
    assert only_error(text).code == "E311"  # x[n] is none of the state's axes
    assert only_error(text.replace("tanh(x)", "exp(-M)")).code == "E311"  # all of them are the other side's


def test_an_axis_may_be_called_as_a_function_is() -> None:
    text = "cell Named {\n  input x[len: 2, rank: 3]\n  output y: max(x, len), z: min(x, rank), m: max(x, rank) + 1\n}"
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    found, _ = rnnc.compile(text).forward({}, x)
    np.testing.assert_array_equal(found["y"][0, 0], x[0, 0].max(0))
    np.testing.assert_array_equal(found["z"][0, 0], x[0, 0].min(1))
    with pytest.raises(DiagnosticError, match="not the function `tanh`"):
        rnnc.compile("cell Named {\n  input x[len: 2]\n  output max(x, tanh)\n}")


def test_rows_of_a_table_along_any_axis_are_looked_up() -> None:
    """A sum over all rows is for tables that change; an index outside of others is an error, whatever the axis."""
    head = "cell Rows {\n  input i[]: int, x[n]\n  param T[a: 2, row: 3, b: 4]\n"
    module = rnnc.compile(f"{head}  output lookup(T, i, axis = row) * sum(x)\n}}")
    table = np.arange(24.0).reshape(2, 3, 4)
    i = np.array([[2, 0, 1]], np.int32)
    found, _ = module.forward({"T": table}, {"i": i, "x": np.ones((1, 3, 1))})
    np.testing.assert_array_equal(found[0], table[:, i[0]].swapaxes(0, 1))
    with pytest.raises(IndexError):
        module.forward({"T": table}, {"i": i + 1, "x": np.ones((1, 3, 1))})
