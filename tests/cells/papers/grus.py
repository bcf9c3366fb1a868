"""GRUs and cells with one gate: steps as `shared.py` describes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.cells.papers.lstms import lstm
from tests.cells.papers.shared import Step, affine, layer_norm, relu, sigmoid


def gru(z_keeps: bool, after: bool) -> Step:
    """Update gate `u`, reset gate `r`, candidate `n`."""

    def step(w, x, s, t):
        h = s["h"]
        r, u = (sigmoid(affine(w, name, x=x, h=h)) for name in "ru")
        n = np.tanh(affine(w, "n", x=x) + r * affine(w, "n.rec", h=h) if after else affine(w, "n", x=x, h=r * h))
        h = u * h + (1 - u) * n if z_keeps else (1 - u) * h + u * n
        return h, {"h": h}

    return step


def dey_salem(variant: int) -> Step:
    def step(w, x, s, t):
        h = s["h"]
        u, r = (sigmoid(w[f"b{g}"]) if variant == 3 else sigmoid(affine(w, g, h=h)) for g in "ur")
        h = (1 - u) * h + u * np.tanh(affine(w, "n", x=x, h=r * h))
        return h, {"h": h}

    return step


def mut(variant: int) -> Step:
    def step(w, x, s, t):
        h = s["h"]
        if variant == 1:
            z, r = sigmoid(affine(w, "z", x=x)), sigmoid(affine(w, "r", x=x, h=h))
            n = np.tanh(affine(w, "n", h=r * h) + np.tanh(x))
        elif variant == 2:
            z, r = sigmoid(affine(w, "z", x=x, h=h)), sigmoid(x + affine(w, "r", h=h))
            n = np.tanh(affine(w, "n", x=x, h=r * h))
        else:
            z, r = sigmoid(affine(w, "z", x=x, h=np.tanh(h))), sigmoid(affine(w, "r", x=x, h=h))
            n = np.tanh(affine(w, "n", x=x, h=r * h))
        h = n * z + h * (1 - z)
        return h, {"h": h}

    return step


def mgu(variant: int) -> Step:
    def step(w, x, s, t):
        h = s["h"]
        operands = {0: {"x": x, "h": h}, 1: {"h": h}, 2: {"h": h}}
        f = sigmoid(w["b"] if variant == 3 else affine(w, "f", **operands[variant]))
        h = (1 - f) * h + f * np.tanh(affine(w, "n", x=x, h=f * h))
        return h, {"h": h}

    return step


def janet(w, x, s, t):
    c = s["c"]
    v = affine(w, "s", x=x, h=c)
    c = sigmoid(v) * c + (1 - sigmoid(v - 1.0)) * np.tanh(affine(w, "n", x=x, h=c))
    return c, {"c": c}


def ligru(w, x, s, t):
    z = sigmoid(affine(w, "z", x=x, h=s["h"]))
    h = z * s["h"] + (1 - z) * relu(affine(w, "n", x=x, h=s["h"]))
    return h, {"h": h}


def skip_input_gru(w, x, s, t):
    h = s["h"]
    r, u = (sigmoid(x + affine(w, name, h=h)) for name in "ru")
    h = u * h + (1 - u) * np.tanh(x + w["b"] + r * affine(w, "n.rec", h=h))
    return h, {"h": h}


def gru_d(w, x, s, t):
    value, mask, gap = x["x"], x["mask"], x["gap"]
    keep_x, keep_h = np.exp(-relu(w["w"] * gap + w["b"])), np.exp(-relu(affine(w, "keep_h", gap=gap)))
    filled = np.where(mask == 1, value, keep_x * s["last"] + (1 - keep_x) * w["centre"])
    h = keep_h * s["h"]
    z, r = (sigmoid(affine(w, name, v=filled, s=h, mask=mask)) for name in "zr")
    h = (1 - z) * h + z * np.tanh(affine(w, "n", v=filled, s=r * h, mask=mask))
    return h, {"h": h, "last": np.where(mask == 1, value, s["last"])}


def layer_norm_products_gru(w, x, s, t):
    h = s["h"]
    z, r = np.split(layer_norm(w, "zh", h @ w["zh.h"]) + layer_norm(w, "zx", x @ w["zx.x"]), 2, -1)
    n = np.tanh(layer_norm(w, "nx", x @ w["nx.x"]) + sigmoid(r) * layer_norm(w, "nh", h @ w["nh.h"]))
    h = (1 - sigmoid(z)) * h + sigmoid(z) * n
    return h, {"h": h}


def layer_norm_gru(w, x, s, t):
    h = s["h"]
    r, z = (sigmoid(layer_norm(w, name, affine(w, name, x=x, h=h))) for name in "rz")
    h = (1 - z) * h + z * np.tanh(layer_norm(w, "n", affine(w, "n", x=x, h=r * h)))
    return h, {"h": h}


def dreamer_gru(w, x, s, t):
    reset, cand, update = np.split(layer_norm(w, "z", affine(w, "z", x=x, h=s["h"]), 1e-3), 3, -1)
    update = sigmoid(update - 1)
    h = update * np.tanh(sigmoid(reset) * cand) + (1 - update) * s["h"]
    return h, {"h": h}


def minimal_rnn(w, x, s, t):
    z = np.tanh(x @ w["z.x"])
    u = sigmoid(affine(w, "u", z=z, h=s["h"]))
    h = u * s["h"] + (1 - u) * z
    return h, {"h": h}


def cfn(complement: bool) -> Step:
    """Laurent & von Brecht, equation 1; TensorFlow's input gate is the complement."""

    def step(w, x, s, t):
        theta, eta = (sigmoid(affine(w, name, x=x, h=s["h"])) for name in ("theta", "eta"))
        h = theta * np.tanh(s["h"]) + (1 - eta if complement else eta) * np.tanh(x @ w["w.x"])
        return h, {"h": h}

    return step


def star(w, x, s, t):
    k = sigmoid(affine(w, "k", x=x, h=s["h"]))
    h = np.tanh((1 - k) * s["h"] + k * np.tanh(affine(w, "z", x=x)))
    return h, {"h": h}


def fast_grnn(ranks: bool) -> Step:
    def step(w, x, s, t):
        a, b = (x @ w["wx.x"], s["h"] @ w["uh.h"]) if ranks else (x, s["h"])
        pre = a @ w["pre.x"] + b @ w["pre.h"]
        z = sigmoid(pre + w["bz"])
        h = (sigmoid(w["zeta"]) * (1 - z) + sigmoid(w["nu"])) * np.tanh(pre + w["bh"]) + z * s["h"]
        return h, {"h": h}

    return step


def fast_rnn(w, x, s, t):
    h = sigmoid(w["alpha"]) * np.tanh(affine(w, "n", x=x, h=s["h"])) + sigmoid(w["beta"]) * s["h"]
    return h, {"h": h}


def highway(coupled: bool) -> Step:
    def step(w, x, s, t):
        r = s["s"]
        for layer in (1, 2, 3):
            pre = {name: affine(w, f"{name}[{layer}].rec", s=r) for name in ("nt" if coupled else "ntc")}
            if layer == 1:
                pre = {name: value + x @ w[f"{name}[1].x"] for name, value in pre.items()}
            h, gate = np.tanh(pre["n"]), sigmoid(pre["t"])
            r = h * gate + r * (1 - gate if coupled else sigmoid(pre["c"]))
        return r, {"s": r}

    return step


def skip_lstm(w, x, s, t):
    b = np.round(s["update"])[:, None]
    h, c = lstm(w, x, s["f.h"], s["f.c"], "f.", 1.0)
    kept = {"f.c": b * c + (1 - b) * s["f.c"], "f.h": b * h + (1 - b) * s["f.h"]}
    y = b * h + (1 - b) * s["y"]
    delta = sigmoid(np.concatenate([kept["f.c"], kept["f.h"]], -1) @ w["delta.s"] + w["delta.bias"])
    b, u = b[:, 0], s["update"]
    update = b * delta + (1 - b) * (u + np.minimum(delta, 1 - u))
    return {"y": y, "b": b}, {**kept, "update": update, "y": y}


def additive(activation: Callable[[np.ndarray], np.ndarray]) -> Step:
    def step(w, x, s, t):
        i, f = (sigmoid(affine(w, name, x=x, h=s["h"])) for name in "if")
        c = i * (x @ w["content.x"]) + f * s["c"]
        h = activation(c)
        return h, {"c": c, "h": h}

    return step


def twin_gated(w, x, s, t):
    p, q = affine(w, "p", x=x), s["h"] @ w["q.h"]
    h = sigmoid(p + q) * p + sigmoid(p - q) * s["h"]
    return h, {"h": h}


def light_unit(w, x, s, t):
    f = sigmoid(affine(w, "f", x=x, h=s["h"]))
    h = (1 - f) * s["h"] + f * np.tanh(x @ w["n.x"])
    return h, {"h": h}


def bistable(w, x, s, t):
    h = s["h"]
    heard = {name: h * w[f"{name}.peephole"] if f"{name}.peephole" in w else h @ w[f"{name}.h"] for name in "ac"}
    a = 1 + np.tanh(affine(w, "a", x=x) + heard["a"])
    c = sigmoid(affine(w, "c", x=x) + heard["c"])
    h = c * h + (1 - c) * np.tanh(affine(w, "h", x=x) + a * h)
    return h, {"h": h}


def tau_gru(w, x, s, t):
    h, past = s["h"], s["past"]
    u = np.tanh(affine(w, "u", x=x, h=h))
    z = np.tanh(affine(w, "z", x=x, delayed=past[:, 0]))
    g, a = (sigmoid(affine(w, name, x=x, h=h)) for name in "ga")
    new = (1 - g) * h + g * (u + a * z)
    return new, {"h": new, "past": np.concatenate([past[:, 1:], h[:, None]], 1)}
