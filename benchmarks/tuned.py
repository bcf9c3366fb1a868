"""LSTM and GRU in NumPy, tuned by hand for the benchmark's task alone: what is left of the time of a module that need
not be general.

No lengths, no initial state, no gradient of one. Weights lie as the products want them and stay so (gates side by
side, those with a sigmoid first and negated, biases as a last row), and gradients are left in that form: a training
step packs and unpacks nothing, as the floor does not. Gates are computed for all steps' rows in place, their
derivatives for the whole sequence, and what a step reads together lies together. GRU: reset after the product.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from contenders import LSTM, Case, Contender, named
from plain import Array, Weights


class Tuned(Protocol):
    """A cell with its weights: outputs [time, batch, units] and what `backward` needs; gradients of x and weights."""

    def forward(self, x: Array) -> tuple[Array, Any]: ...

    def backward(self, saved: Any, d_outputs: Array) -> tuple[Array, Array, Array]: ...

    def weights(self, d_x: Array, d_h: Array) -> Weights:
        """Gradients in the form that all contenders share."""
        ...


def by_hand(case: Case) -> Contender:
    """The tuned cell of a kind."""
    cell: Tuned = (TunedLSTM if case.kind is LSTM else TunedGRU)(case.weights())

    def train() -> Any:
        outputs, saved = cell.forward(case.x)
        return outputs, *cell.backward(saved, case.d_outputs)

    def gradients(found: Any) -> dict[str, Array]:
        outputs, d_x, d_wx, d_wh = found
        return named(case, outputs, d_x, cell.weights(d_wx, d_wh))

    return Contender("tuned by hand", lambda: cell.forward(case.x), train, lambda f: {"outputs": f[0]}, gradients)


def with_ones(rows: Array) -> Array:
    """[..., n] as [..., n + 1] with a last column of ones, which meets the biases."""
    found = np.empty((*rows.shape[:-1], rows.shape[-1] + 1), rows.dtype)
    found[..., :-1] = rows
    found[..., -1] = 1
    return found


def flat(steps: Array) -> Array:
    """[time, batch, n] as [time * batch, n]."""
    return steps.reshape(-1, steps.shape[-1])


class TunedLSTM:
    """Gates in the order o, f, i, j, of which the first three are negated."""

    def __init__(self, w: Weights) -> None:
        self.units = units = w.h.shape[0]

        def held(array: Array) -> Array:
            i, f, j, o = (array[..., k * units : (k + 1) * units] for k in range(4))
            return np.ascontiguousarray(np.concatenate([-o, -f, -i, j], axis=-1))

        self.x = held(np.concatenate([w.x, (w.b + w.bh)[None]]))
        self.h = held(w.h)
        self.h_across = np.ascontiguousarray(self.h.T)

    def forward(self, x: Array) -> tuple[Array, Any]:
        units, (time, batch, _), dtype = self.units, x.shape, x.dtype
        x = with_ones(x)
        z = np.dot(flat(x), self.x).reshape(time, batch, 4 * units)
        h = np.empty((time + 1, batch, units), dtype)
        h[0] = 0
        cj = np.empty((time + 1, batch, 2 * units), dtype)  # c before a step, and its candidate
        cj[0] = 0
        tanh_c = np.empty((time, batch, units), dtype)
        ofi = np.empty((time, batch, 3 * units), dtype)
        a, both, one = np.empty((batch, 4 * units), dtype), np.empty((batch, 2 * units), dtype), np.array(1, dtype)
        kept, new, gates, candidate = both[:, :units], both[:, units:], a[:, : 3 * units], a[:, 3 * units :]
        s = np.empty((batch, 3 * units), dtype)
        dot, add, exp, divide, multiply, tanh, weight = np.dot, np.add, np.exp, np.divide, np.multiply, np.tanh, self.h
        for h_t, z_t, ofi_t, o_t, fi_t, cj_t, j_t, c_new, tanh_t, h_new in zip(
            h[:-1], z, ofi, ofi[:, :, :units], ofi[:, :, units:], cj[:-1], cj[:-1, :, units:], cj[1:, :, :units],
            tanh_c, h[1:], strict=True,
        ):  # fmt: skip
            dot(h_t, weight, a)
            add(z_t, a, a)
            exp(gates, s)
            add(s, one, s)
            divide(one, s, ofi_t)
            tanh(candidate, j_t)
            multiply(fi_t, cj_t, both)
            add(kept, new, c_new)
            tanh(c_new, tanh_t)
            multiply(o_t, tanh_t, h_new)
        return h[1:], (x, h, cj, tanh_c, ofi)

    def backward(self, saved: Any, d_outputs: Array) -> tuple[Array, Array, Array]:
        x, h, cj, tanh_c, ofi = saved
        units, (time, batch, _) = self.units, d_outputs.shape
        slope_c = np.multiply(tanh_c, tanh_c)
        np.subtract(1, slope_c, out=slope_c)
        np.multiply(ofi[:, :, :units], slope_c, out=slope_c)
        d = np.empty((time, batch, 4 * units), x.dtype)
        slopes = d[:, :, : 3 * units]
        np.multiply(ofi, ofi, out=slopes)
        np.subtract(slopes, ofi, out=slopes)  # of sigmoid(-z)
        d_o, d_f, d_i, d_j = (d[:, :, k * units : (k + 1) * units] for k in range(4))
        c, j = cj[:-1, :, :units], cj[:-1, :, units:]
        np.multiply(d_o, tanh_c, out=d_o)
        np.multiply(d_f, c, out=d_f)
        np.multiply(d_i, j, out=d_i)
        np.multiply(j, j, out=d_j)
        np.subtract(1, d_j, out=d_j)
        np.multiply(d_j, ofi[:, :, 2 * units :], out=d_j)
        d_h, d_c, part = (np.zeros((batch, units), x.dtype) for _ in range(3))
        dot, add, multiply, weight = np.dot, np.add, np.multiply, self.h_across
        for d_y, slope_t, o_t, f_t, i_t, j_t, d_t, forget_t in zip(
            d_outputs[::-1], slope_c[::-1], d_o[::-1], d_f[::-1], d_i[::-1], d_j[::-1], d[::-1],
            ofi[::-1, :, units : 2 * units], strict=True,
        ):  # fmt: skip
            add(d_h, d_y, d_h)
            multiply(d_h, slope_t, part)
            add(d_c, part, d_c)
            multiply(d_h, o_t, o_t)
            multiply(d_c, f_t, f_t)
            multiply(d_c, i_t, i_t)
            multiply(d_c, j_t, j_t)
            dot(d_t, weight, d_h)
            multiply(d_c, forget_t, d_c)
        d = flat(d)
        d_x = np.dot(d, self.x[:-1].T).reshape(time, batch, -1)
        return d_x, np.dot(flat(x).T, d), np.dot(flat(h[:-1]).T, d)

    def weights(self, d_x: Array, d_h: Array) -> Weights:
        def shared(array: Array) -> Array:
            o, f, i, j = (array[..., k * self.units : (k + 1) * self.units] for k in range(4))
            return np.concatenate([-i, -f, j, -o], axis=-1)

        return Weights(shared(d_x[:-1]), shared(d_h), shared(d_x[-1]), shared(d_x[-1]))


class TunedGRU:
    """Gates in the order u, r, n, of which the first two are negated; the bias inside the reset is a row of `h`."""

    def __init__(self, w: Weights) -> None:
        self.units = units = w.h.shape[0]

        def held(array: Array) -> Array:
            r, u, n = (array[..., k * units : (k + 1) * units] for k in range(3))
            return np.ascontiguousarray(np.concatenate([-u, -r, n], axis=-1))

        self.x = held(np.concatenate([w.x, w.b[None]]))
        self.h = held(np.concatenate([w.h, w.bh[None]]))
        self.h_across = np.ascontiguousarray(self.h[:-1].T)

    def forward(self, x: Array) -> tuple[Array, Any]:
        units, (time, batch, _), dtype = self.units, x.shape, x.dtype
        x = with_ones(x)
        z = np.dot(flat(x), self.x).reshape(time, batch, 3 * units)
        h = np.empty((time + 1, batch, units + 1), dtype)
        h[0] = 0
        h[:, :, -1] = 1
        ur, n = np.empty((time, batch, 2 * units), dtype), np.empty((time, batch, units), dtype)
        inner = np.empty((time, batch, 3 * units), dtype)  # the recurrent products; the last third is what r gates
        a, b, one = np.empty((batch, 2 * units), dtype), np.empty((batch, units), dtype), np.array(1, dtype)
        dot, add, exp, divide, multiply = np.dot, np.add, np.exp, np.divide, np.multiply
        tanh, subtract, weight = np.tanh, np.subtract, self.h
        for row_t, inner_t, ur_in, n_in, z_ur, z_n, ur_t, u_t, r_t, n_t, h_t, h_new in zip(
            h[:-1], inner, inner[:, :, : 2 * units], inner[:, :, 2 * units :], z[:, :, : 2 * units],
            z[:, :, 2 * units :], ur, ur[:, :, :units], ur[:, :, units:], n, h[:-1, :, :-1], h[1:, :, :-1], strict=True,
        ):  # fmt: skip
            dot(row_t, weight, inner_t)
            add(z_ur, ur_in, a)
            exp(a, a)
            add(a, one, a)
            divide(one, a, ur_t)
            multiply(r_t, n_in, b)
            add(z_n, b, b)
            tanh(b, n_t)
            subtract(h_t, n_t, b)
            multiply(u_t, b, b)
            add(n_t, b, h_new)
        return h[1:, :, :-1], (x, h, ur, n, inner)

    def backward(self, saved: Any, d_outputs: Array) -> tuple[Array, Array, Array]:
        x, h, ur, n, inner = saved
        units, (time, batch, _), dtype = self.units, d_outputs.shape, x.dtype
        d = np.empty((time, batch, 4 * units), dtype)  # n, then u, r (of both products) and n inside r
        d_n, d_u, d_r, d_inner = (d[:, :, k * units : (k + 1) * units] for k in range(4))
        slopes = d[:, :, units : 3 * units]
        np.multiply(ur, ur, out=slopes)
        np.subtract(slopes, ur, out=slopes)
        u, r, previous = ur[:, :, :units], ur[:, :, units:], h[:-1, :, :-1]
        np.subtract(previous, n, out=d_n)
        np.multiply(d_u, d_n, out=d_u)
        np.multiply(d_r, inner[:, :, 2 * units :], out=d_r)
        np.multiply(n, n, out=d_n)
        np.subtract(1, d_n, out=d_n)
        rest = np.subtract(1, u)
        np.multiply(d_n, rest, out=d_n)
        d_h, part, carried = (np.zeros((batch, units), dtype) for _ in range(3))
        dot, add, multiply, weight = np.dot, np.add, np.multiply, self.h_across
        for d_y, n_t, r_t, u_t, d_inner_t, d_r_t, d_u_t, d_t in zip(
            d_outputs[::-1], d_n[::-1], r[::-1], u[::-1], d_inner[::-1], d_r[::-1], d_u[::-1],
            d[::-1, :, units:], strict=True,
        ):  # fmt: skip
            add(carried, d_y, d_h)
            multiply(d_h, n_t, n_t)
            multiply(n_t, r_t, d_inner_t)
            multiply(n_t, d_r_t, d_r_t)
            multiply(d_h, d_u_t, d_u_t)
            dot(d_t, weight, part)
            multiply(d_h, u_t, d_h)
            add(d_h, part, carried)
        left, right = flat(d)[:, : 3 * units], flat(d)[:, units:]
        order = np.concatenate([self.x[:-1, 2 * units :], self.x[:-1, : 2 * units]], axis=1)
        d_x = np.dot(left, order.T).reshape(time, batch, -1)
        return d_x, np.dot(flat(x).T, left), np.dot(flat(h[:-1]).T, right)

    def weights(self, d_x: Array, d_h: Array) -> Weights:
        def shared(u: Array, r: Array, n: Array) -> Array:
            return np.concatenate([-r, -u, n], axis=-1)

        parts = np.split(d_x, 3, axis=-1)
        x = shared(parts[1], parts[2], parts[0])
        h = shared(*np.split(d_h, 3, axis=-1))
        return Weights(x[:-1], h[:-1], x[-1], h[-1])
