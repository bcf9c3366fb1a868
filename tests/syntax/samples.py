"""Valid sources that between them use every construct of the language."""

from __future__ import annotations

from pathlib import Path

CELLS = (Path(__file__).parents[1] / "data" / "cells.rnn").read_text(encoding="utf-8")

CONSTRUCTS = '''"""A file about everything."""
import "lstm.rnn"
import LSTM, GRU as G from "cells.rnn"

fn act(v[d], w, eps = 1e-12) {
  param gain[d] = ones   # trained
  return gain * v / sqrt(mean(v * v, d) + eps)
}

"""Everything at once."""
cell Everything(units, inner: cell, f: fn = tanh, proj = none, reset: before | after = before, list = [1, 2, [3]],) {
  input x[input], time[], token[]: int, image[f] per row, speaker[]: int per row
  state c[units], h[proj or units] = 1, ct[0, 1][slot: 3, units] = zeros
  param W[A, V] = glorot_uniform, v[V]
  fixed mask[n] = [1, 0, 1]

  # words that are keywords elsewhere
  let step = time
  let n = (input - feature) // skip + 1 % 3
  output = order + scope * mask.layout - drop(state, gate, carry = param)
  use = shared
  gate = shared(x)[over]
  use g[0] = inner(units = 4) with {
    gate f = 1 - i
    drop o, c', carry h.c, carry, carry g[0].low[k].h
  }
  carry g.h = dropout(g.h', 0.5, mask = sequence)
  carry g[0].low[k, 1].h = g[0].low[k, 1].h'

  gate i  = sigmoid(linear(x, u: h[k], shared over k, b, weights = fi if tied) + (peephole(c) as p if peep))
  j       = -x ** -2 ** y + +z
  k[0, -1] = x[input = 1:2] + x[input = :2] + x[input = 2:] + x[input = 3] - q[r - 1]
  c'      = a if p or q and not r else b if s else d
  h'[k]   = concat(h[j] for j in k..n if j != 2) @ [g(i) for i in [1, 2] for m in 0..i]
  m       = linear(x, (h[j] for j in k..n), f.states', "a\\"b\\\\c\\n\\t")
  t       = ((1_000 < 2.5e-3) == (true >= false)) != none
  if a == 1 { b = 1 } else if c { d = 2 } else {
    e = 3
  }
  for k in 0..n {
    if a { b[k] = inf }
  }
  layout tf(scope = "lstm_cell") {
    "kernel" = [[i.x, j.x], [i.h, j.h]]
    scope y[k] = "cell_{k}"
    order state = [c, h]
    order input = [x]
    mask "input" = xin
    for k in 0..n { "a_{k}" = i[k].x }
    if proj { "p" = h.m } else { "q" = i.x.T }
  }
  output h', y: c' + 1
}

cell Variant = LSTM(4) with { gate i = 1 }
cell Longer(a) = LSTM
network Net { output last(bidirectional(LSTM(4) with { gate i = 1 })(x)) }
cell Empty {}
'''

SAMPLES = {"cells": CELLS, "constructs": CONSTRUCTS}
