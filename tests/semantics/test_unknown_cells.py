"""Cells that are parameters: `check` tells what is wrong whatever cell is given, and nothing else."""

from __future__ import annotations

import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import Source

# Cells for the ways in which bodies use theirs: each of the right bodies fits one of them.
GIVEN = """cell Timed(units) {
  input time[], x[input]
  state h[units]
  h' = h + time * tanh(linear(x, h))
  output h'
}
cell Two(units) {
  input x[input]
  state h[units], c[units]
  h' = tanh(linear(x, h))
  c' = 0.5 * c + h'
  output h', c'
}
cell Heads(units) {
  input x[input]
  state h[head: 2, units]
  h' = tanh(linear(x, h))
  output h'
}
cell Image(channels) {
  input x[row: 6, column: 6, input]
  state h[row: 6, column: 6, channels]
  h' = tanh(conv(x, h, over = [row, column], kernel = 3))
  output h'
}
"""

RIGHT = {
    "one input, one output": ("GRU(4)", "y = f(x)\nz = tanh(linear(x, y, out = 3))\noutput z"),
    "two inputs": ("Timed(4)", "t = sum(x)\ny = f(t, x)\ngate g = sigmoid(linear(x, y))\noutput g * y"),
    "outputs by name": ("Two(4)", "y = f(x)\noutput y.h * y.c"),
    "outputs by name, renamed": ("Two(4)", "y = f(x)\nz = y\noutput a: z.c, b: z.h"),
    "the size of its output is the input's": (
        "GRU(5)", "y = f(x)\nparam a[f.output.size] = zeros\ngate g = sigmoid(a)\noutput g * y + (1 - g) * x",
    ),
    "the size of its output is a number": ("GRU(3)", "y = f(x)\nparam a[3] = zeros\noutput a * y"),
    "states by name": ("LSTM(4)", "y = f(x)\noutput y * f.c' + f.h"),
    "states of an unusual name": (
        "Two(4)", "gate g = sigmoid(linear(x, u: f.h, v: f.c, out = 1))\ny = f(x)\noutput sum(g) * y.h",
    ),
    "all states": ("LSTM(4)", "y = f(x)\noutput y + sum(s for s in f.states) + f.states'[1]"),
    "states that are changed": ("LSTM(4)", "y = f(x)\ncarry f.c = 0.5 * f.c'\ncarry f.states[1] = f.h'\noutput y"),
    "an output of two axes": ("Heads(4)", "y = f(x)\noutput merge(y, [head, units])"),
    "an output of two axes, summed": ("Heads(4)", "y = f(x)\noutput sum(y, head)"),
    "a state of an output's size": ("GRU(4)", "state m[f.output.size]\ny = f(x)\nm' = 0.5 * m + y\noutput m'"),
    "a choice by a size": ("GRU(5)", "y = f(x)\nskip = x if f.output.size == input else linear(x)\noutput y + skip"),
    "another cell around it": ("GRU(4)", "use g = residual_cell(inner)\noutput g(x) + f(x)"),
    "parameters of it": ("GRU(4)", "use g = inner(units = 5)\noutput g(f(x))"),
    "a loop over it": ("GRU(4)", "for k in 0..2 { use g[k] = inner }\na = g[0](x)\nb = g[1](a)\noutput b + f(x)"),
    "equality of it": ("GRU(4)", "y = f(x)\noutput y if inner == LSTM(4) else 2 * y"),
}  # fmt: skip

AROUND = """cell residual_cell(inner: cell) {
  input x[input]
  use f = inner
  y = f(x)
  skip = linear(x, out = f.output.size)
  output skip + y
}
"""

NETWORKS = {
    "a layer": ("GRU(4)", "y = inner(x)\noutput dense(y, 3)"),
    "outputs by name": ("Two(4)", "y = inner(x)\noutput y.h + y.c"),
    "a stack": ("GRU(4)", "y = stack(inner, 2)(x)\noutput last(y)"),
    "both directions": ("GRU(4)", "y = bidirectional(inner)(x)\noutput linear(y, out = 4)"),
    "both directions, each": ("GRU(4)", "y = bidirectional(inner, merge = none)(x)\noutput y.forward - y.backward"),
    "around it": ("GRU(5)", "y = residual(inner)(x)\noutput highway(inner)(y)"),
    "two inputs": ("Timed(4)", "t = sum(x)\ny = inner(t, x)\noutput y"),
    "its output's size": ("GRU(4)", "use f = inner\ny = f(x)\noutput y + linear(x, out = f.output.size)"),
}

WRONG = {
    "a typo of a name": ("y = f(x)\noutput g * y", "E201", "g"),
    "a typo beside it": ("y = f(x)\ngate g = sigmoid(linear(x, yy))\noutput g * y", "E201", "yy"),
    "a typo of a function": ("y = f(x)\noutput tahn(y)", "E205", "tahn"),
    "a typo in what it is given": ("y = f(x, xx)\noutput y", "E201", "xx"),
    "a shape": ("y = f(x)\nparam a[3] = zeros\nparam b[4] = zeros\noutput y * (a + b)", "E301", "(a + b)"),
    "a shape of a state": ("y = f(x)\nstate s[4]\ns' = linear(x, out = 3)\noutput y + s", "E302", None),
    "stepped twice": ("y = f(x)\nz = f(x)\noutput y + z", "E408", "f(x)"),
    "never stepped": ("output x", "E415", None),
    "a state without an equation": ("state s[4]\ny = f(x)\noutput y * sum(s)", "E407", None),
    "a name twice": ("y = f(x)\ny = 2\noutput y", "E406", "y"),
    "an option that is none": ("y = f(x)\noutput y + linear(x, size = 3)", "E221", "size"),
    "an unknown axis": ("y = f(x)\noutput y * sum(x, rows)", "E304", None),
    "a circle": ("a = y * b\nb = a + y\ny = f(x)\noutput b", "E401", None),
    "a part of what is no output": ("z = 2 * x\ny = f(x)\noutput y + z.h", "E201", "z.h"),
    "no cell": ("use g = x\ny = f(x)\noutput y", "E239", None),
    "a carry of no instance": ("y = f(x)\ncarry g.h = y\noutput y", "E201", None),
}


def _text(body: str, kind: str = "cell", use: str = "  use f = inner\n") -> str:
    lines = "".join(f"  {line}\n" for line in body.splitlines())
    return f"{kind} Whole(inner: cell) {{\n  input x[input]\n{use}{lines}}}\n"


@pytest.mark.parametrize(("given", "body"), RIGHT.values(), ids=RIGHT)
def test_what_is_right_for_some_cell(given: str, body: str) -> None:
    text = GIVEN + AROUND + _text(body)
    assert check(Source("t", text)) == []
    model_of(Source("t", text), "Whole", {"inner": given, "input": 5})


@pytest.mark.parametrize(("given", "body"), NETWORKS.values(), ids=NETWORKS)
def test_what_is_right_in_a_network(given: str, body: str) -> None:
    text = GIVEN + _text(body, "network", "")
    assert check(Source("t", text)) == []
    model_of(Source("t", text), "Whole", {"inner": given, "input": 5})


def test_cells_of_images() -> None:
    text = GIVEN + _text("y = f(x)\nz = conv(y, over = [row, column], kernel = 3, out = 2)\noutput z").replace(
        "x[input]\n  use f", "x[row: 6, column: 6, input]\n  use f"
    )
    assert check(Source("t", text)) == []
    model_of(Source("t", text), "Whole", {"inner": "Image(3)", "input": 5})


@pytest.mark.parametrize(("body", "code", "under"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_for_every_cell(body: str, code: str, under: str | None) -> None:
    (found,) = check(Source("t", AROUND + _text(body)))
    assert found.code == code
    assert found.span is not None
    assert under is None or found.span.text == under


def test_layouts_beside_a_cell_that_is_a_parameter() -> None:
    body = 'y = f(x)\nz = linear(x, y, out = 2)\noutput z\nlayout keras {\n  scope g = "cell"\n}'
    assert [d.code for d in check(Source("t", _text(body)))] == ["E502"]


# A cell whose structure its input's size decides, so that nothing is known of its output before that is given.
WIDE = """cell Wide(units) {
  input x[input]
  state h[units]
  if input != units {
    xin = linear(x, out = units)
    h' = tanh(linear(xin, h))
  } else {
    h' = tanh(linear(x, h))
  }
  y = 2 * h'
  output y
}
"""


@pytest.mark.parametrize(
    "around",
    [
        "cell A(inner: cell = Wide(2)) {\n  input x[input]\n  use f = inner\n  y = f(x)\n  output tanh(y)\n}\n",
        "cell A(inner: cell = Wide(2)) {\n  input x[input]\n  use f = inner\n  use g = GRU(3)\n  output g(f(x))\n}\n",
        "network A(cells = [Wide(2), GRU(3)]) {\n  input x[input]\n  y = stack(cells)(x)\n  output tanh(y)\n}\n",
    ],
)
def test_an_inner_cell_that_waits_for_a_size_is_no_error(around: str) -> None:
    assert check(Source("t", WIDE + around)) == []
    model_of(Source("t", WIDE + around), "A", {"input": 5})
    wrong = around.replace("}\n", "  extra = tahn(x)\n}\n")
    assert [d.code for d in check(Source("t", WIDE + wrong))] == ["E205"]


def test_what_is_wrong_in_an_inner_cell_is_told_once() -> None:
    around = "cell A() {\n  input x[input]\n  use f = Wide(2)\n  y = f(x)\n  output 2 * y\n}\n"
    (found,) = check(Source("t", WIDE.replace("y = 2 * h'", "y = 2 * k") + around))
    assert (found.code, found.span and found.span.text) == ("E201", "k")
