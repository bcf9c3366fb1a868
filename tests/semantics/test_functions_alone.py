"""`rnnc check` reads a function on its own: with tensors, and with numbers and functions where it wants those."""

from __future__ import annotations

import pytest

import rnnc

FINE = [
    "fn f(v, n) {\n  a = linear(v, out = [part: n])\n  return linear(a, out = [part])\n}",
    "fn f(h, n) {\n  g = split(h, two: 2, part: n // 2)\n  return linear(g, per = two, out = [two, part])\n}",
    "fn f(v, act) {\n  return act(linear(v, out = 3))\n}",
    "fn f(v, act: fn) {\n  return act(linear(v, out = 3))\n}",
    "fn g(v, act) {\n  return act(v)\n}\nfn f(v, other) {\n  return g(g(v, other), other)\n}",
    "fn f(v, n) {\n  a[0] = v\n  for k in 0..n { a[k + 1] = tanh(a[k]) }\n  return split(a[n], two: 2, part: n)\n}",
    "fn f(v, n, k) {\n  a = split(k * linear(v, out = [gate: 4 * n]), four: 4, unit: n)\n  return a[four = 0]\n}",
    "fn f(v, act) {\n  return act(v, v, slope = 3)\n}",
    "fn f(v, act: fn) {\n  return act(v, low: v)\n}",
    "fn g(v, act) {\n  return act(v, v)\n}\nfn f(v, act) {\n  return g(v, act) + g(v, act)\n}",
    "fn f(v, n) {\n  for k in 0..n { q[k] = v * k }\n  return q[n - 1]\n}",
    "fn f(v[d]) {\n  for k in 0..d { q[k] = v[d = k] }\n  return sum(q[k] for k in 0..d)\n}",
    "fn f(v, on) {\n  if on { q = tanh(v) } else { q = v }\n  return q\n}",
    "fn f(v, mode: fast | slow) {\n  return v if mode == fast else 2 * v\n}",
]
WRONG = [
    ("fn f(v, n) {\n  a = linear(v, out = [part: n])\n  return linear(a, out = [prat])\n}", "E201", "prat"),
    ("fn f(v, W) {\n  a = W(v)\n  return a + v * W\n}", "E205", "W"),
    ("fn f(v, act) {\n  return act(vv)\n}", "E201", "vv"),
    ("fn f(v) {\n  return tanh(v, v)\n}", "E223", "tanh(v, v)"),
    ("fn f(v) {\n  return contract(v, v)\n}", "E225", "contract(v, v)"),
    ("fn f(v) {\n  return tanh(u: v)\n}", "E246", "u"),
    ("fn f(v, n) {\n  for k in 0..n { q[k] = v * other }\n  return q[0]\n}", "E201", "other"),
    ("fn f(v, n, act) {\n  for k in 0..n { q[k] = act(v) + sin(v, v) }\n  return q[0]\n}", "E223", "sin(v, v)"),
    ("fn f(v[d]) {\n  for k in 0..d { q[k] = v * other }\n  return q[0]\n}", "E201", "other"),
    ("fn f(v, on) {\n  if on { q = tanhh(v) } else { q = v }\n  return q\n}", "E205", "tanhh"),
]
NOTES = [
    ("fn f(v, hops) {\n  for k in 0..hops { q[k] = v * other }\n  return q[0]\n}", "with `hops = 12`"),
    ("fn f(v[wide]) {\n  for k in 0..wide { q[k] = v * other }\n  return q[0]\n}", "with `wide = 12`"),
]


@pytest.mark.parametrize(("text", "words"), NOTES)
def test_the_sizes_that_a_function_was_read_with_are_told(text: str, words: str) -> None:
    [found] = rnnc.check(text + "\n")
    assert [note.message for note in found.notes] == [words]


@pytest.mark.parametrize("text", FINE)
def test_what_a_call_may_fill_is_not_wrong(text: str) -> None:
    assert rnnc.check(text + "\n") == []


@pytest.mark.parametrize(("text", "code", "word"), WRONG)
def test_what_no_call_can_mend_is_told(text: str, code: str, word: str) -> None:
    [found] = rnnc.check(text + "\n")
    assert found.span is not None
    assert (found.code, found.span.source.text[found.span.start : found.span.end]) == (code, word)
