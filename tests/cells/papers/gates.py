"""Gates that see the input only: steps as `shared.py` describes them."""

from __future__ import annotations

import numpy as np

from tests.cells.papers.shared import Step, affine, sigmoid, silu, softplus


def light_sru(w, x, s, t):
    c = s["c"]
    f, r = (sigmoid(affine(w, name, x=x) + w[f"{name}.peephole"] * c) for name in "fr")
    c = f * c + (1 - f) * (x @ w["c.x"])
    return r * c + (1 - r) * x * 1.5, {"c": c}


def first_sru(w, x, s, t):
    f, r = (sigmoid(affine(w, name, x=x)) for name in "fr")
    c = f * s["c"] + (1 - f) * (x @ w["c.x"])
    return r * np.tanh(c) + (1 - r) * x, {"c": c}


def srupp(w, x, s, t):
    u, c = x["x"] @ w["u.x"] + w["alpha"] * x["attended"], s["c"]
    f, r = (sigmoid(u @ w[f"{name}.u"] + w[f"{name}.peephole"] * c + w[f"b{name}"]) for name in "fr")
    c = f * c + (1 - f) * (u @ w["c.u"])
    return r * c + (1 - r) * x["x"], {"c": c}


def qrnn(pooling: str, window: int, code: bool = False) -> Step:
    def step(w, x, s, t):
        def convolution(name: str) -> np.ndarray:
            return affine(w, name, x=x) + sum(s[f"past[{k}]"] @ w[f"{name}.past[{k}]"] for k in range(1, window))

        z, f = np.tanh(convolution("z")), sigmoid(convolution("f"))
        i = sigmoid(convolution("i")) if pooling == "ifo" else 1 - f
        c = f * z + (1 - f) * s["c"] if code else f * s["c"] + i * z
        past = {f"past[{k}]": x if k == 1 else s[f"past[{k - 1}]"] for k in range(1, window)}
        return c if pooling == "f" else sigmoid(convolution("o")) * c, {"c": c, **past}

    return step


def min_gru(positive: bool) -> Step:
    def step(w, x, s, t):
        z, n = sigmoid(affine(w, "z", x=x)), affine(w, "n", x=x)
        n = np.where(n >= 0, n + 0.5, sigmoid(n)) if positive else n
        h = (1 - z) * s["h"] + z * n
        return h, {"h": h}

    return step


def min_lstm(w, x, s, t):
    f, i = (sigmoid(affine(w, name, x=x)) for name in "fi")
    h = (f * s["h"] + i * affine(w, "n", x=x)) / (f + i)
    return h, {"h": h}


def hgrn(w, x, s, t):
    f = 0.25 + 0.75 * sigmoid(affine(w, "f", x=x))
    value = silu(affine(w, "cr", x=x)) + 1j * silu(affine(w, "ci", x=x))
    state = f * np.exp(1j * w["theta"]) * (s["re"] + 1j * s["im"]) + (1 - f) * value
    return np.concatenate([state.real, state.imag], -1), {"re": state.real, "im": state.imag}


def rg_lru(w, x, s, t):
    r, i = (sigmoid(affine(w, name, x=x)) for name in "ri")
    a = sigmoid(w["Lambda"]) ** (8 * r)
    h = a * s["h"] + np.sqrt(1 - a**2) * (i * x)
    return h, {"h": h}


def lru(w, x, s, t):
    eigen = np.exp(-np.exp(w["nu"]) + 1j * np.exp(w["theta"]))
    state = eigen * (s["re"] + 1j * s["im"]) + np.exp(w["gamma"]) * (x @ (w["br.u"] + 1j * w["bi.u"]))
    y = (state @ (w["cr.re"] + 1j * w["ci.im"])).real + x @ w["d.u"]
    return y, {"re": state.real, "im": state.imag}


def s6(euler: bool, prefix: str = "") -> Step:
    def step(w, x, s, t):
        delta = softplus(affine(w, f"{prefix}delta", low=x @ w[f"{prefix}low.x"]))[..., None]
        a, b, c = -np.exp(w[f"{prefix}logA"]), x @ w[f"{prefix}B.x"], x @ w[f"{prefix}C.x"]
        decay = np.exp(delta * a)
        bar = delta * b[:, None, :] if euler else (decay - 1) / (delta * a) * delta * b[:, None, :]
        h = decay * s[f"{prefix}h"] + bar * x[..., None]
        return np.einsum("bdn,bn->bd", h, c) + w[f"{prefix}skip"] * x, {f"{prefix}h": h}

    return step


def mamba(w, x, s, t):
    window = np.concatenate([s["window"], (x @ w["u.x"])[:, None, :]], 1)
    y, new = s6(True, "ssm.")(w, silu(np.einsum("btc,tc->bc", window, w["w"]) + w["b"]), s, t)
    return (y * silu(x @ w["z.x"])) @ w["o.y"], {"window": window[:, 1:], **new}


def lmu(w, x, s, t):
    h, m, order, theta = s["h"], s["m"], 4, 8.0
    i, j = np.arange(order)[:, None], np.arange(order)[None, :]
    a = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    b = (2 * i[:, 0] + 1) * (-1.0) ** i[:, 0]
    u = x @ w["u.x"] + h @ w["u.h"] + m @ w["u.m"]
    m = m @ (a / theta + np.eye(order)).T + u[:, None] * b / theta
    h = np.tanh(x @ w["h.x"] + h @ w["h.h"] + m @ w["h.m"])
    return h, {"h": h, "m": m}


def strongly_typed_rnn(w, x, s, t):
    f = sigmoid(affine(w, "f", x=x))
    h = f * s["h"] + (1 - f) * (x @ w["z.x"])
    return h, {"h": h}


def strongly_typed_gru(w, x, s, t):
    z, f, o = (affine(w, name, x=x, last=s["last"]) for name in "zfo")
    h = sigmoid(f) * s["h"] + z * np.tanh(o)
    return h, {"h": h, "last": x}


def strongly_typed_lstm(w, x, s, t):
    z, f, o = (affine(w, name, x=x, last=s["last"]) for name in "zfo")
    c = sigmoid(f) * s["c"] + (1 - sigmoid(f)) * z
    return c * np.tanh(o), {"c": c, "last": x}
