"""Cells that random networks are made of: small ones, each with something that layers have to cope with.

Norms have a large `eps`: of one unit they are roundings over its root, which halves would be judged by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFINITIONS = {
    "Plain": """cell Plain(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
}""",
    "Two": """cell Two(units) {
  input x[input]
  state h[units], c[units]
  gate r = sigmoid(linear(x, h))
  n  = tanh(linear(x) + linear(rh: r * h, bias = false))
  c' = 0.5 * c + n
  h' = r * h + (1 - r) * tanh(c')
  output h' + 0.1 * c
}""",
    "Affine": """cell Affine(units) {
  input x[input]
  state s[units]
  f  = sigmoid(linear(x))
  s' = f * s + (1 - f) * linear(x)
  output tanh(s')
}""",
    "Largest": """cell Largest(units) {
  input x[input]
  state m[units]
  m' = max(m + log_sigmoid(linear(x)), linear(x) as low)
  output tanh(m')
}""",
    "Noisy": """cell Noisy(units) {
  input x[input]
  state h[units]
  kept = dropout(x, 0.25, mask = sequence)
  n  = tanh(linear(kept, h))
  d  = dropout(n, keep = 0.8)
  h' = zoneout(d, h, 0.2)
  output h' + 0.1 * d
}""",
    "Begun": """cell Begun(units) {
  input x[input]
  state h[units] = start, count[]: int = 1
  param start[units] = uniform(-0.5, 0.5)
  count' = count + 1
  h' = where(count % 2 == 0, tanh(linear(x) + h), 0.5 * h + 0.1 * step)
  output tanh(h')
}""",
    "Matrix": """cell Matrix(units) {
  input x[input]
  state S[value: units, key: 2]
  k  = softmax(linear(x, out = [key]), key)
  v  = tanh(linear(x, out = [value]))
  S' = S + outer(v - contract(S, k, over = key), k)
  output tanh(sum(S' * k, key))
}""",
    "Heads": """cell Heads(units) {
  input x[input]
  state h[head: 2, unit: units]
  h' = tanh(linear(x, out = [head, unit]) + linear(h, per = head, out = [head, unit], bias = false) as rec)
  output mean(h', head)
}""",
    "Normed": """cell Normed(units) {
  input x[input]
  state h[units]
  a  = layer_norm(linear(x, h), eps = 1.0)
  h' = tanh(a) + 0.3 * h
  output softmax(h', units) + 0.2 * h'
}""",
    "Stateless": """cell Stateless(units) {
  input x[input]
  y = tanh(linear(x, out = units))
  output y
}""",
    "Kept": """cell Kept(units) {
  input x[input]
  state M[units], h[units]
  M' = M
  h' = tanh(linear(x, h) + M)
  output h'
}""",
    "Watched": """cell Watched(inner: cell) {
  input x[input]
  use f = inner
  state seen[f.output.size]
  xin   = linear(x, seen, out = 2)
  y     = f(xin)
  seen' = 0.5 * seen + 0.5 * tanh(y)
  output y + seen
}""",
    "Pair": """cell Pair(units) {
  input x[input]
  state h[units], c[units]
  h' = tanh(linear(x, h))
  c' = 0.7 * c + h'
  output h', c'
}""",
    "Fed": """cell Fed(units) {
  input a[p], b[q]
  state h[units]
  h' = tanh(linear(a, b, h))
  output h'
}""",
    "Conv": """cell Conv(filters) {
  input x[row, channel]
  state h[row, filters]
  h' = tanh(conv(x, h, over = [row], kernel = [2]))
  output h'
}""",
}


@dataclass(frozen=True)
class Cell:
    """How a cell of {n} units is called, and what its states of that size are called from outside."""

    call: str
    states: tuple[str, ...] = ()


# One input, one output of {n} numbers.
CELLS = (
    Cell("Plain({n})", ("h",)),
    Cell("Two({n})", ("h", "c")),
    Cell("LSTM({n})", ("h", "c")),
    Cell("GRU({n})", ("h",)),
    Cell("Affine({n})", ("s",)),
    Cell("Noisy({n})", ("h",)),
    Cell("Heads({n})"),
    Cell("Watched(Plain({n}))", ("seen", "f.h")),
    Cell("Begun({n})", ("h",)),
    Cell("GRU({n}, reset = after)", ("h",)),
    Cell("LSTM(2, proj = {n})", ("h",)),
    Cell("LSTM({n}, peepholes = true, cell_clip = 0.7)", ("c", "h")),
    Cell("RNN({n}, activation = relu)", ("h",)),
    Cell("Largest({n})", ("m",)),
    Cell("Matrix({n})"),
    Cell("Normed({n})", ("h",)),
    Cell("Stateless({n})"),
    Cell("Kept({n})", ("M", "h")),
    Cell("Watched(Watched(LSTM({n})))", ("seen", "f.seen", "f.f.c")),
)


def used(text: str) -> list[str]:
    """The definitions that a text needs, in order."""
    words = set(re.findall(r"\w+", text))
    return [definition for name, definition in DEFINITIONS.items() if name in words]
