"""LSTM and GRU in NumPy as a tutorial writes them: a Python loop over the steps, and the backward pass by hand.

Arrays are time-major. `Weights` are concatenated by gate: LSTM i, f, j, o; GRU (reset after the product) r, u, n.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

Array = np.ndarray[Any, Any]


class Weights(NamedTuple):
    """x [input, gates * units], h [units, gates * units], b [gates * units], bh: what the recurrent product adds."""

    x: Array
    h: Array
    b: Array
    bh: Array


class PlainCell(Protocol):
    """A cell from a zero state: outputs [time, batch, units], and gradients from the outputs' gradients."""

    gates: int

    def forward(self, w: Weights, x: Array) -> tuple[Array, Any]: ...

    def backward(self, w: Weights, cache: Any, d_outputs: Array) -> tuple[Array, Weights]: ...


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


class PlainLSTM:
    gates = 4

    def forward(self, w: Weights, x: Array) -> tuple[Array, Any]:
        units = w.h.shape[0]
        h = c = np.zeros((x.shape[1], units), x.dtype)
        outputs, cache = [], []
        for x_t in x:
            z = x_t @ w.x + h @ w.h + w.b
            i, f = sigmoid(z[:, :units]), sigmoid(z[:, units : 2 * units])
            j, o = np.tanh(z[:, 2 * units : 3 * units]), sigmoid(z[:, 3 * units :])
            c_new = f * c + i * j
            tanh_c = np.tanh(c_new)
            cache.append((x_t, h, c, i, f, j, o, tanh_c))
            h, c = o * tanh_c, c_new
            outputs.append(h)
        return np.stack(outputs), cache

    def backward(self, w: Weights, cache: Any, d_outputs: Array) -> tuple[Array, Weights]:
        d_x = []
        d_w = Weights(*map(np.zeros_like, w))
        d_h = d_c = np.zeros_like(d_outputs[0])
        for d_y, (x_t, h, c, i, f, j, o, tanh_c) in zip(reversed(d_outputs), reversed(cache), strict=True):
            d_h = d_h + d_y
            d_o = d_h * tanh_c
            d_c = d_c + d_h * o * (1 - tanh_c**2)
            d_z = np.concatenate(
                [d_c * j * i * (1 - i), d_c * c * f * (1 - f), d_c * i * (1 - j**2), d_o * o * (1 - o)], axis=1
            )
            d_c = d_c * f
            d_w.x[...] += x_t.T @ d_z
            d_w.h[...] += h.T @ d_z
            d_w.b[...] += d_z.sum(axis=0)
            d_x.append(d_z @ w.x.T)
            d_h = d_z @ w.h.T
        return np.stack(d_x[::-1]), d_w


class PlainGRU:
    gates = 3

    def forward(self, w: Weights, x: Array) -> tuple[Array, Any]:
        units = w.h.shape[0]
        h = np.zeros((x.shape[1], units), x.dtype)
        outputs, cache = [], []
        for x_t in x:
            zx, zh = x_t @ w.x + w.b, h @ w.h + w.bh
            r = sigmoid(zx[:, :units] + zh[:, :units])
            u = sigmoid(zx[:, units : 2 * units] + zh[:, units : 2 * units])
            m = zh[:, 2 * units :]
            n = np.tanh(zx[:, 2 * units :] + r * m)
            cache.append((x_t, h, r, u, n, m))
            h = u * h + (1 - u) * n
            outputs.append(h)
        return np.stack(outputs), cache

    def backward(self, w: Weights, cache: Any, d_outputs: Array) -> tuple[Array, Weights]:
        d_x = []
        d_w = Weights(*map(np.zeros_like, w))
        d_h = np.zeros_like(d_outputs[0])
        for d_y, (x_t, h, r, u, n, m) in zip(reversed(d_outputs), reversed(cache), strict=True):
            d_h = d_h + d_y
            d_n = d_h * (1 - u) * (1 - n**2)
            d_u = d_h * (h - n) * u * (1 - u)
            d_r = d_n * m * r * (1 - r)
            d_zx = np.concatenate([d_r, d_u, d_n], axis=1)
            d_zh = np.concatenate([d_r, d_u, d_n * r], axis=1)
            d_w.x[...] += x_t.T @ d_zx
            d_w.h[...] += h.T @ d_zh
            d_w.b[...] += d_zx.sum(axis=0)
            d_w.bh[...] += d_zh.sum(axis=0)
            d_x.append(d_zx @ w.x.T)
            d_h = d_h * u + d_zh @ w.h.T
        return np.stack(d_x[::-1]), d_w
