"""Cells as people wrote them, each of which needs something that no example needs: all of them are proved."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import Source
from rnnc.verify.commands import verify_source
from rnnc.verify.errors import VerifyError

CELLS = {
    "a root of a state that is never negative": """
cell Scaled(units, beta = 0.99) {
  input x[input]
  state h[units], m[units], p[units]
  u  = linear(x, bias = false)
  p' = 0.6 * p + 0.6 * u
  m' = beta * m + (1 - beta) * u ** 2
  h' = tanh(linear(h) + p' / sqrt(m' + 1e-8))
  output h'
}
""",
    "an inverse, a matrix whose axes come in another order, a row that is appended": """
cell Filtered(n = 3, m = 2, rows = 3) {
  input z[m]
  state x[n], P[row: n, col: n] = start, past[lag: rows, width: n]
  fixed start[row: n, col: n] = identity
  param F[row: n, col: n] = identity, H[obs: m, n], R[obs: m, other: m] = identity
  K     = P @ transpose(H) @ inverse(relabel(H @ P @ transpose(H), obs: m, other: m) + R)
  x'    = F @ x + K @ (z - H @ x)
  P'    = 0.1 * outer(relabel(x, col: n), relabel(x, row: n)) + relabel(F @ P @ transpose(F), row: n, col: n)
  past' = concat(past[lag = 1:], expand(tanh(linear(z, old: past[lag = 0])), lag), axis = lag)
  output x' + relabel(past'[lag = 0], row: n) + relabel(sum(P', row), row: n)
}
""",
    "whole numbers in linear recurrences": """
cell Mixed(n = 3) {
  input x[n], u[n]: int
  state a[n], b[n], d[n], e[n], f[n], g[n], c[n]: int, h[n], m[n]
  a' = a + where(x > 0, 1, 0)
  b' = 0.9 * b + where(x > 0, 1, 0)
  d' = where(x > 0, 1, 0) * d + x
  c' = c + 1
  e' = e + c
  f' = 0.5 * f + step
  g' = 0.5 * g + 1 - c
  h' = (h + u) / (c + 1)
  m' = max(m - c, where(x > 0, 1, 0))
  output a' + b' + d' + e' + f' + g' + h' + m'
}
""",
    "counters that read counters": """
cell Counters(n = 3) {
  input x[n]
  state last[n]: int, sum_[]: int, turn[]: int, c[]: int, d[]: int, e[]: int
  last' = max(last, step)
  sum_' = sum_ + step
  turn' = (turn + step) % 7
  c'    = c + 1
  d'    = d + c
  e'    = max(e, c * step) + d
  output x * (last' + sum_' + turn' + d' + e')
}
""",
    "whole numbers with masks": """
cell Masked(n = 3) {
  input x[n], k[n]: int
  state h[n], c[n]: int
  c' = c + k
  h' = tanh(x + dropout(k, 0.2) as a + dropout(ceil(0.7), keep = 0.7) as b + zoneout(c', c, 0.3) as z + 0.5 * h)
  output h'
}
""",
    "rows and sums along axes with any name": """
cell Along(n = 3) {
  input x[n], k[]: int
  state M[len: 4, n], c[]: int
  param T[row: n, col: 5]
  c' = (c + k) % 5
  v  = lookup(T, c, axis = col) + lookup(tanh(T) * 2, c', axis = col)
  M' = 0.5 * M + outer(softmax(linear(x)), tanh(relabel(v, n)))
  output y: max(M', len), l: logsumexp(M', len), t: lookup(T, places(p: 3), axis = col), e: expand(k * x, a: 2, b)
}
""",
    "whole numbers between limits": """
cell Limited(units = 3) {
  input x[n], k[]: int
  state h[units], c[]: int = 0
  c' = clip(c + 1, 0, 5) + clip(k, none, 3) - clip(k, 1, none) + clip(k, 2)
  h' = tanh(linear(x, h)) * c' + clip(c, 0, 2.5)
  output h'
}
""",
    "a counter of steps that finds a row of a table": """
cell Positions(units = 3, longest = 8) {
  input x[n]
  param table[row: longest, units]
  state h[units], c[]: int
  c' = c + 1
  h' = tanh(linear(x, h) + lookup(table, c))
  output h'
}
""",
    "convolutions of a loop that share weights": """
cell NeuralGPU(width = 4, channels = 2) {
  input x[w: width, m: channels]
  state s[w: width, m: channels]
  u[0] = s + x
  for t in 0..2 {
    gate r[t] = sigmoid(conv(s: u[t], over = w, kernel = 3, shared over t))
    n[t] = tanh(conv(s: r[t] * u[t], over = w, kernel = 3, shared over t))
    u[t + 1] = (1 - r[t]) * u[t] + r[t] * n[t]
  }
  s' = u[2]
  output s'
}
""",
    "an axis that is called like an equation": """
fn normed(v, axis) { return v / sqrt(sum(v * v, axis) + 1e-5) }
fn both(v, axis) { return normed(v, axis) + l2_normalize(v, axis = axis) }
cell Keys(heads = 2, dk = 3) {
  input x[input]
  state h[head: heads, k: dk]
  k  = l2_normalize(linear(x, h, out = [head, k]), k)
  q  = normed(k, k) + both(k, k) + log_softmax(k, axis = k)
  h' = tanh(q + k)
  output h'
}
""",
    "states of inner cells that begin with what an encoder leaves": """
cell Rnn(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
}
cell Feed(units) {
  input x[input]
  state att[units]
  for k in 0..2 { use f[k] = Rnn(units) }
  y = f[1](f[0](concat(x, att)))
  att' = tanh(linear(y))
  output att'
}
network Both(units = 3) {
  input x[input], y[other]
  e = Rnn(units)(x)
  d = Feed(units)(y, f[0].h = last(e), f[1].h = tanh(last(e)))
  output d
}
""",
    "places, ranks, and rows of what changes": """
cell HardMemory(slots = 4, d = 3, heads = 2) {
  input x[input], id[head: heads]: int
  state K[slot: slots, key: d], V[slot: slots, head: heads, value: d], age[slot: slots], last[]: int, w[n: 3, m: 3]
  q = l2_normalize(linear(x, out = [key]))
  s = K @ q
  n = argmax(s, slot)
  last' = argmin(s) + argmax(places(slot: slots) % 3) + 0 * last
  v = lookup(V, n)
  vv = lookup(V, id % slots, axis = slot)
  va = lookup(V, argmax(s) % d, axis = value)
  oldest = argmax(age)
  hit = places(slot: slots) == oldest
  K' = where(hit, q, K)
  V' = where(hit, v + 0.1 * vv + outer(linear(x, out = [head]) as a, linear(x, out = [value]) as b), V)
  age' = where(hit, 0, age + 1)
  top = sum(where(rank(s) < 2, s, 0)) + sum(rank(V, value) * V)
  self_ = lookup(K, rank(s))
  w' = tanh(w + lookup(w, rank(w, m), axis = n))
  param P[row: 5, head: heads, c: 2]
  pp = lookup(P, id % 5)
  output v, top, self_, va, last_: last', pp, w', lo: lookup(places(5), last % 5) * 1.0
}
""",
    "convolutions with a kernel per channel, or per group of them": """
cell Bottleneck(filters = 4, groups = 2) {
  input x[row, col, channel]
  state h[row, col, filters], c[row, col, filters]
  b = relu(conv(x, h, over = [row, col], kernel = [1, 1], out = filters))
  d = conv(b, over = [row, col], kernel = [3, 3], per = filters)
  e = conv(b, over = [col, row], kernel = [2, 3], per = filters, out = [filters, m: 2], stride = 2)
  s = split(b, filters, g: groups, inner: filters // groups)
  k = merge(conv(s, over = [row, col], kernel = [3, 1], per = g, out = [g, inner], dilation = 2), [g, inner])
  l = conv(s, over = row, kernel = 3, per = [col, g], out = [inner, g, col])
  gate i = sigmoid(conv(d, over = [row, col], kernel = [1, 1]) + relabel(k, row: row, col: col, filters: filters))
  gate f = sigmoid(conv(d, over = [row, col], kernel = [1, 1]))
  gate o = sigmoid(conv(d, over = [row, col], kernel = [1, 1]))
  c' = f * c + i * relu(conv(d, over = [row, col], kernel = [1, 1])) + 0.1 * mean(e) + mean(l)
  h' = o * relu(c')
  output h'
}
""",
    "a function's weights in several calls, and operands that may go": """
fn field(h[n], width) {
  a = tanh(linear(h, out = width))
  b = linear(a, out = n)
  return b
}
cell RK4(units = 3, dt = 0.1, use_x = true, use_y = false) {
  input x[input]
  state h[units], g[units]
  z  = linear(h, x if use_x, g if use_y)
  k1 = field(z, 4)
  k2 = field(z + dt / 2 * k1, 4, weights = k1)
  k3 = field(z + dt / 2 * k2, 4, weights = k1)
  k4 = field(z + dt * k3, 4, weights = k1)
  h' = z + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
  n1 = layer_norm(h)
  g' = g + n1 + layer_norm(x, weights = n1) if false else g * n1
  for k in 0..2 { y[k] = field(h + k, 2, shared over k) }
  output c: concat(h', x if use_y, n1 if use_x) + 0, sum(y[k] for k in 0..2) as q
}
""",
    "the largest of three whose axes meet in pairs": """
cell Extremes(units = 4, f: cell = none, norm: fn = none) {
  input x[units], m[a: 2, units], q[n], g[k], S[k, n]
  state h[units]
  if f { use inner = f
    i = inner(x) } else { i = x }
  y = norm(x) if norm else x
  h' = merge(split(x, a: 2, b: 2), [b, a]) + i + y + mean(max(q, g, S)) + min(S, q, 0.3, g)[k = 0, n = 0]
  output h'
}
""",
    "normalisation along one of several axes": """
fn f(v, axis) {
  param g[axis] = ones
  return g * v / sqrt(mean(v * v, axis) + 1e-5) }
cell D(units = 4, heads = 2) {
  input x[units], m[head: heads, units]
  state h[units]
  c = f(m, head) + layer_norm(m, axis = head) + (
    rms_norm(linear(m, per = head, out = [head, units]), axis = head)
  ) + layer_norm(m, axis = units) as second
  h' = layer_norm(linear(x, h)) + sum(c, head) + rms_norm(linear(x, bias = false) as r) * layer_norm(h, 1e-4) as r2
  output h'
}
""",
    "a code beside what it stands for": """
cell VQRNN(units = 4, codes = 5) {
  input x[input]
  state h[units]
  param codebook[code: codes, units] = normal(0, 1)
  z = tanh(linear(x, h))
  d = sum((codebook - z) ** 2, units)
  k = argmin(d, code)
  e = lookup(codebook, k)
  q = z + stop_gradient(e - z)
  h' = q
  output h', commitment: sum((z - stop_gradient(e)) ** 2) + sum((stop_gradient(z) - e) ** 2), code: k
}
""",
    "a norm along an axis that is called like an equation": """
cell RetentionNorm(d = 4, heads = 2) {
  input x[d]
  let size = d // heads
  state S[head: heads, k: size, v: size]
  q = linear(x, out = [head: heads, k: size], bias = false)
  k = linear(x, out = [head: heads, k: size], bias = false)
  v = linear(x, out = [head: heads, v: size], bias = false)
  gamma = 1 - 2 ** (-5 - places(head: heads))
  S' = gamma * S + outer(k, v)
  y = rms_norm(contract(q, S', over = k), axis = v)
  g = silu(linear(x, out = [head: heads, v: size]))
  output linear(o: merge(g * y, [head, v]), out = d) as y2
}
""",
    "inputs of one value per row": """
cell Decoder(units) {
  input y[input], context[width] per row, speaker[]: int per row
  state h[units]
  param voices[voice: 3, units] = uniform(-0.5, 0.5)
  h' = tanh(linear(y, context, h) + lookup(voices, speaker))
  output h', dense(h', 2) as logits
}
network Both(units = 3) {
  input image[feature] per row, word[]: int, speaker[]: int per row
  start = dense(image, units)
  y = GRU(units)(embedding(word, 7, 2), h = tanh(start))
  d = Decoder(units)(y, start, speaker)
  output logits: d.logits, start, still: 2 * image
}
""",
    "large whole numbers, and powers of small ones": """
cell Powers {
  input x[n: 3], k[n: 3]: int
  state s[]: int, p[n]
  s' = s + 100 * 1000
  p' = 0.5 * p + where(k > 0, 3000000000, 1) * 1e-9
  a = k * 3000000000 + (k - 2147483648) + 100000 * 100000
  b = 2 ** (0 - step) * x + (step + 1) ** -1 * x + where(x > 0, 3, 2) ** -1
  c = (k ** 2) % 7 + max(k, n) - min(x, [n])
  output a: 1e-9 * a, b: b, c: c * 1.0, p: p', s: s' * x
}
""",
    "strides of open sizes, and dilated even kernels": """
cell Strided(filters = 2) {
  input x[r: row, q: col, channel]
  state h[c: filters]
  a = tanh(conv(x, over = [r, q], kernel = [3, 2], stride = [2, 3], out = [c: filters]))
  b = tanh(conv(a, over = [r, q], kernel = [4, 2], dilation = [2, 3], out = [c]))
  h' = tanh(linear(h) + mean(b, [r, q]))
  output h'
}
""",
    "labels of a function's parameters as labels of its results": """
fn diffuse(P[to, from], v[node, feature], steps) {
  d[0] = v
  for k in 1..steps { d[k] = P @ d[k - 1] }
  all = stack_axis((relabel(d[k], node: node, feature: feature) for k in 0..steps), axis = hop)
  return sum(all, hop)
}
fn turned_twice(v[a, b]) { return transpose(relabel(transpose(v), b: b, a: a)) }
fn spread(v[a, b]) { return expand(sum(v, a), a: a) }
cell Graph(nodes = 3, units = 4) {
  input x[node_: nodes, units]
  state s[node_: nodes, units]
  fixed P[v: nodes, w: nodes] = identity
  s' = tanh(s + diffuse(P, x, 2) + turned_twice(x) + 0.1 * spread(x))
  output s'
}
""",
    "rows whose numbers are written down": """
cell Rows(n = 3, w = 2) {
  input x[input]
  state M[slot: n, w]
  param T[row: n, w]
  M' = tanh(M + linear(x) + lookup(T, 1) * lookup(M, 2) + lookup(tanh(T), 0) + sum(lookup(M, 1, axis = w)))
  output M'
}
""",
}


@pytest.mark.parametrize("name", CELLS)
def test_it_is_proved(name: str) -> None:
    text = CELLS[name]
    report = verify_source(Source(f"{name}.rnn", text), "Both" if "network Both" in text else None)
    assert report.passed, report.failures


STATELESS = (
    "output y: 2 * x",
    "y = linear(x, out = 3)\n  output y",
    "output y: x * (7 // (step % 2) + 5 % (step % 3))",  # by zero, too
)


@pytest.mark.parametrize("body", STATELESS)
def test_a_cell_without_states_is_proved_on_tensorflow(body: str) -> None:
    pytest.importorskip("tensorflow")
    report = verify_source(Source("none.rnn", f"cell None_ {{\n  input x[n]\n  {body}\n}}\n"), target="tf")
    assert report.passed, report.failures


def test_a_cell_in_no_dtype_of_its_own_is_not_proved() -> None:
    with pytest.raises(VerifyError, match="E808 nothing tells Halves whether to compute in float32 or float64"):
        verify_source(Source("halves.rnn", "cell Halves {\n  input k[n]: int\n  output e: k / 2\n}\n"))


def test_a_row_that_a_table_does_not_have_is_said() -> None:
    text = CELLS["a counter of steps that finds a row of a table"]
    assert verify_source(Source("rows.rnn", text.replace("longest = 8", "longest"))).passed
    with pytest.raises(VerifyError, match=r"E809 within 6 steps Positions looks for row 4 in a table of 4; .* `n % 4`"):
        verify_source(Source("rows.rnn", text), options={"longest": 4})


@pytest.mark.parametrize("target", ["numpy", "tf"])
def test_whole_numbers_have_32_bits(target: str) -> None:
    if target == "tf":
        pytest.importorskip("tensorflow")
    module = rnnc.compile("cell Scaled {\n  input k[n]: int, x[n]\n  output y: x * k\n}\n", target=target)
    k = np.full((1, 2, 3), 2**31)
    k[0, 0, 0] -= 1
    with pytest.raises(ValueError, match="should have 32 bits, and has numbers from 2147483647 to 2147483648"):
        module.forward({}, {"k": k, "x": np.ones((1, 2, 3), np.float32)})
    found = module.forward({}, {"k": k // 2**29, "x": np.ones((1, 2, 3), np.float32)})[0]
    assert np.asarray(found).ravel().tolist() == [3, 4, 4, 4, 4, 4]
