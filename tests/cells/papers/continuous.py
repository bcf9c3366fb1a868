"""Cells that follow differential equations: steps as `shared.py` describes them."""

from __future__ import annotations

import numpy as np

from tests.cells.papers.shared import affine, sigmoid, softplus


def lipschitz(w, x, s, t):
    h = s["h"]
    a, b = ((0.25 * (m + m.T) + 0.75 * (m - m.T) - 0.001 * np.eye(len(m))).T for m in (w["A"], w["W"]))
    h = h + 0.03 * (h @ a + np.tanh(h @ b + affine(w, "n", x=x)))
    return h, {"h": h}


def closed_form(w, x, s, t):
    b = 1.7159 * np.tanh(0.666 * affine(w, "b", x=x["x"], h=s["h"]))
    f, g = (np.tanh(affine(w, name, b=b)) for name in "fg")
    gate = sigmoid(affine(w, "rate", b=b) * x["gap"][:, None] + affine(w, "shift", b=b))
    h = f * (1 - gate) + gate * g
    return h, {"h": h}


def liquid(w, x, s, t):
    """One synapse after the other."""
    v = s["v"]
    rows, units = v.shape
    for _ in range(6):
        numerator, denominator = np.zeros_like(v), np.zeros_like(v)
        for b in range(rows):
            for post in range(units):
                cm = softplus(w["capacity"][post]) * 6 / x["gap"][b]
                leak = softplus(w["leak"][post])
                numerator[b, post] = cm * v[b, post] + leak * w["rest"][post]
                denominator[b, post] = cm + leak
                for pre, value, at in [(k, u, "") for k, u in enumerate(v[b])] + [
                    (k, u, "x") for k, u in enumerate(x["x"][b])
                ]:
                    slope, mu = w[f"slope{at}"][pre, post], w[f"mu{at}"][pre, post]
                    conductance = softplus(w[f"w{at}"][pre, post]) * sigmoid(slope * (value - mu))
                    numerator[b, post] += conductance * w[f"E{at}"][pre, post]
                    denominator[b, post] += conductance
        v = numerator / denominator
    return v, {"v": v}


def ode_gru(w, x, s, t):
    """With GRU(4, reset before): v3 of the GRU's paper, u the share of the old state."""
    h, gap = s["f.h"], x["gap"][:, None]
    for _ in range(4):
        u = np.tanh(affine(w, "q.derivative.u", h=h))
        h = h + gap / 4 * (u @ w["q.derivative.u"] + w["q.derivative.bias"])
    r, u = (sigmoid(affine(w, f"f.{name}", x=x["x"], h=h)) for name in "ru")
    n = np.tanh(x["x"] @ w["f.n.x"] + (r * h) @ w["f.n.h"] + w["f.n.bias"])
    h = u * h + (1 - u) * n
    return h, {"f.h": h}
