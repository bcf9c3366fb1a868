"""Simple networks: steps as `shared.py` describes them."""

from __future__ import annotations

import numpy as np

from tests.cells.papers.shared import Step, affine, layer_norm, relu, sigmoid


def skip_input_rnn(activation) -> Step:
    def step(w, x, s, t):
        h = activation(x + affine(w, "h", h=s["h"]))
        return h, {"h": h}

    return step


def simple_rnn(w, x, s, t):
    h = np.tanh(affine(w, "h", x=x, h=s["h"]))
    return h, {"h": h}


def elman(w, x, s, t):
    hidden = sigmoid(affine(w, "context", x=x, context=s["context"]))
    return sigmoid(affine(w, "y", context=hidden)), {"context": hidden}


def jordan(w, x, s, t):
    hidden = sigmoid(affine(w, "hidden", x=x, trace=s["trace"]))
    y = sigmoid(affine(w, "y", hidden=hidden))
    return y, {"trace": 0.5 * s["trace"] + y}


def narx(w, x, s, t):
    past = sum(s[n] @ w[f"hidden.{n}"] for n in ("u[1]", "u[2]", "y[1]", "y[2]", "y[3]"))
    y = affine(w, "out", hidden=np.tanh(affine(w, "hidden", x=x) + past))
    return y, {"u[1]": x, "u[2]": s["u[1]"], "y[1]": y, "y[2]": s["y[1]"], "y[3]": s["y[2]"]}


def clockwork(w, x, s, t):
    old, new = [s[f"h[{k}]"] for k in range(4)], {}
    for k, period in enumerate((1, 2, 4, 8)):
        total = affine(w, f"n[{k}]", x=x) + sum(old[j] @ w[f"n[{k}].h[{j}]"] for j in range(k, 4))
        new[f"h[{k}]"] = np.tanh(total) if t % period == 0 else old[k]
    return np.concatenate(list(new.values()), -1), new


def antisymmetric(w, x, s, t):
    h, m = s["h"], w["W"] - w["W"].T - 0.01 * np.eye(len(w["W"]))
    turn = h @ m.T
    h = h + 0.01 * sigmoid(turn + affine(w, "z", x=x)) * np.tanh(turn + affine(w, "n", x=x))
    return h, {"h": h}


def cornn(explicit: bool) -> Step:
    dt, gamma, eps = 0.042, 2.7, 4.7

    def step(w, x, s, t):
        y, z = s["y"], s["z"]
        force = np.tanh(affine(w, "force", u=x, y=y, z=z)) - gamma * y
        new = z + dt * (force - eps * z) if explicit else (z + dt * force) / (1 + dt * eps)
        return y + dt * new, {"y": y + dt * new, "z": new}

    return step


def mi_rnn(w, x, s, t):
    a, b = x @ w["wx.x"], s["h"] @ w["uh.h"]
    h = np.tanh(w["alpha"] * a * b + w["beta1"] * b + w["beta2"] * a + w["b"])
    return h, {"h": h}


def echo_state(w, x, s, t):
    h = 0.7 * s["h"] + 0.3 * np.tanh(s["h"] @ w["W"] + x @ w["V"])
    return affine(w, "y", x=x, h=h), {"h": h}


def scrn(w, x, s, t):
    slow = 0.05 * (x @ w["s.x"]) + 0.95 * s["s"]
    h = sigmoid(slow @ w["h.s"] + x @ w["h.x"] + s["h"] @ w["h.h"])
    return h @ w["y.h"] + slow @ w["y.s"], {"s": slow, "h": h}


def fast_weights(w, x, s, t):
    matrix = 0.95 * s["A"] + 0.5 * s["h"][:, :, None] * s["h"][:, None, :]
    base = affine(w, "base", x=x, h=s["h"])
    h = relu(base)
    for k in (1, 2):
        h = relu(layer_norm(w, f"s[{k}]", base + (matrix @ h[..., None])[..., 0]))
    return h, {"h": h, "A": matrix}


def unicornn(w, x, s, t):
    rate = 0.1 * (0.5 + 0.5 * np.tanh(w["c"] / 2))
    z = s["z"] - rate * (np.tanh(w["z.peephole"] * s["y"] + affine(w, "z", u=x)) + s["y"])
    y = s["y"] + rate * z
    return y, {"y": y, "z": z}


def lem(w, x, s, t):
    y, z = s["y"], s["z"]
    a, b = (0.5 * (1 + np.tanh(affine(w, name, u=x, y=y) / 2)) for name in "ab")
    z = (1 - a) * z + a * np.tanh(affine(w, "z", u=x, y=y))
    y = (1 - b) * y + b * np.tanh(x @ w["y.u"] + z @ w["y.z"] + w["y.bias"])
    return y, {"y": y, "z": z}
