"""`rnnc check` reads cells and networks with lists, functions and cells for parameters that nobody has given, where the
text uses them as such."""

from __future__ import annotations

import pytest

import rnnc

FINE = """
cell N(units, rates) {
  input x[input]
  state h[units]
  h' = rates[0] * h + rates[1] * linear(x)
  output h'
}
---
cell N(units, rates) {
  input x[input]
  state h[units]
  h' = sum(r * h for r in rates) + linear(x)
  output h'
}
---
cell N(units, rates) {
  input x[input]
  state h[units]
  fixed r[rate: 2] = rates
  h' = sum(outer(r, h), rate) + linear(x)
  output h'
}
---
cell N(rows) {
  input x[input]
  for k in 0..len(rows) {
    state h[k][rows[k]]
    h'[k] = h[k] + linear(x)
  }
  output concat(h'[k] for k in 0..len(rows)) as y
}
---
cell N(rows) {
  let n = prod(rows)
  input x[n]
  state h[n]
  h' = h + x
  output h'
}
---
network N(sizes) {
  input x[input]
  y = stack(LSTM(n) for n in sizes)(x)
  output y
}
---
network N(layer, depth) {
  input x[4]
  y = stack(layer, depth)(x)
  output y
}
---
cell N(units, act) {
  input x[input]
  state h[units]
  h' = act(linear(x, h))
  output h'
}
---
cell N(inner) {
  input x[input]
  use f = inner
  y = f(x)
  output y
}
---
cell V(units, rates) {
  input x[input]
  state h[units]
  h' = rates[0] * h + linear(x)
  output h'
}
cell W = V with { h' = rates[1] * linear(x) }
cell O(speeds) {
  input x[4]
  use f = V(4, speeds)
  output f(x) as y
}
---
cell N(sizes, rates) {
  input x[input]
  for k in 0..len(sizes) {
    state h[k][sizes[k]]
    h'[k] = h[k] + dropout(linear(x), keep = rates[k])
  }
  output h'[0]
}
---
cell N(window) {
  input x[row, col, channel]
  output conv(x, over = [row, col], kernel = window, out = [channel: 2]) as y
}
---
cell N(units, rate, keep) {
  input x[input]
  state h[units]
  z  = zoneout(tanh(linear(x, h)), h, rate)
  h' = dropout(z, keep = 1 - keep)
  output h'
}
---
cell N(cells, p) {
  input x[input]
  y[-1] = x
  for k in 0..len(cells) {
    use f[k] = cells[k]
    y[k] = dropout(f[k](y[k - 1]), p)
  }
  output y[len(cells) - 1]
}
---
network N(units, depth, rate) {
  input x[8]
  y = stack(LSTM(units), depth, dropout = rate)(x)
  output y
}
---
cell N(pairs) {
  input x[input]
  y[-1] = x
  for k in 0..len(pairs) {
    use f[k] = pairs[k][0]
    use g[k] = pairs[k][1]
    y[k] = g[k](f[k](y[k - 1]))
  }
  output y[len(pairs) - 1]
}
---
cell N(units, act, slope) {
  input x[input]
  state h[units]
  h' = act(linear(x, h), 0.5) + act(h, alpha = slope)
  output h'
}
"""
WRONG = [
    ("h' = rates[0] * linear(x) + foo", "E201", "foo"),
    ("for k in rates { q[k] = h }\n  h' = act(linear(x)) + foo", "E201", "foo"),
    ("h' = h + linear(x)\n  let n = sum(h)\n  fixed r[n] = rates", "E206", "sum(h)"),
    ("for k in rates { q[k] = h * rates }\n  h' = linear(x) + q[0]\n  param w[rates]", "E210", "rates"),
    ("q[0] = h\n  for k in rates { q[k] = h }\n  h' = h + linear(x, out = rates)", "E210", "rates"),
    ("h' = rates[0] * h + foo(linear(x))", "E205", "foo"),
    ("h' = dropout(linear(x, h), units)", "E228", "units"),
    ("h' = tanh(linear(x, h), alpha = 1) + act(h)", "E221", "alpha"),
    ("param w[act]\n  h' = act(linear(x, w))", "E205", "act"),
]


@pytest.mark.parametrize("text", FINE.split("---\n"))
def test_what_a_value_may_fill_is_not_wrong(text: str) -> None:
    assert rnnc.check(text) == []


@pytest.mark.parametrize(("body", "code", "word"), WRONG)
def test_what_no_value_can_mend_is_told(body: str, code: str, word: str) -> None:
    head = "cell N(units, rates, act) {\n  input x[input]\n  state h[units]\n"
    [found] = rnnc.check(f"{head}  {body}\n  output h'\n}}\n")
    assert found.span is not None
    assert (found.code, found.span.text) == (code, word)


def test_a_number_that_is_none_is_told_at_its_let() -> None:
    [found] = rnnc.check("cell N(d) {\n  let n = sum(x)\n  input x[d]\n  state h[n]\n  h' = h\n  output h'\n}\n")
    assert found.span is not None
    assert (found.code, found.span.text) == ("E206", "sum(x)")
    assert "`n` is read as a compile-time number" in found.message


def test_an_axis_that_is_called_as_its_input() -> None:
    text = "cell N(order = 3) {\n  input p[p]\n  state past[lag: order, p]\n  past' = past\n  output past'\n}\n"
    [found] = rnnc.check(text)
    assert found.fix == "`p` is the input of line 2 here: give the input or its axis another name"


@pytest.mark.parametrize(
    ("test", "codes"),
    [
        ("mode == tanh", ["E205"]),
        ("mode == GRU(2)", ["E205"]),
        ("mode == [1, 2]", ["E205"]),
        ('mode == "sum"', ["E249", "E205"]),  # without a default it takes no string
        ("mode != true", ["E249", "E205"]),
    ],
)
def test_what_it_is_compared_with_may_be_given(test: str, codes: list[str]) -> None:
    found = rnnc.check(
        f"cell C(units, mode) {{\n  input x[units]\n  y = (x if {test} else 2 * x) + missing(x)\n  output y\n}}\n"
    )
    assert [d.code for d in found] == codes


@pytest.mark.parametrize(
    ("head", "test", "says"),
    [
        ("act = tanh", '[act] == ["tanh"]', 'the function `tanh` never equals the string "tanh"'),
        ("sizes = [1, 2]", 'sizes == ["a", true]', 'the number 1 never equals the string "a"'),
        ("sizes = [1, [2]]", "sizes == [1, [true]]", "the number 2 never equals true"),
        ("a: quick | slow = slow, b: fast | lazy = lazy", "a == b", "`b`, which is `lazy`, is none of the choices"),
        ("sizes = [1, 2]", "sizes == [1]", ""),
        ("sizes = [1, 2]", "sizes == [none, tanh]", ""),
        ("act = tanh", "act == GRU", ""),  # either may be given where something is called
        ("a: quick | slow = slow, b: quick | lazy = lazy", "a == b", ""),
    ],
)
def test_what_is_never_equal(head: str, test: str, says: str) -> None:
    found = rnnc.check(f"cell C({head}) {{\n  input x[4]\n  y = x if {test} else 2 * x\n  output y\n}}\n")
    assert {d.code for d in found} <= {"E249", "E217"}
    assert bool(found) == bool(says)
    assert all(says in d.message for d in found)
