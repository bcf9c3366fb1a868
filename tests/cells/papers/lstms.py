"""LSTMs: steps as `shared.py` describes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.cells.papers.shared import Arrays, Step, affine, heads, layer_norm, sigmoid


def greff(variant: str) -> Step:
    """The vanilla LSTM of the paper, and what each variant leaves out or adds."""

    def step(w, x, s, t):
        c, h = s["c"], s["h"]

        def peep(gate: str, state: np.ndarray) -> np.ndarray:
            return 0.0 if variant == "NP" else w[f"{gate}.peephole"] * state

        def recurrent(gate: str) -> np.ndarray:
            total = affine(w, gate, x=x, h=h)
            return total + sum(s[g] @ w[f"{gate}.{g}"] for g in ("gi", "gf", "go")) if variant == "FGR" else total

        z = affine(w, "j", x=x, h=h)
        z = z if variant == "NIAF" else np.tanh(z)
        i = 1.0 if variant == "NIG" else sigmoid(recurrent("i") + peep("i", c))
        replaced = {"CIFG": 1 - i, "NFG": 1.0}
        f = replaced[variant] if variant in replaced else sigmoid(recurrent("f") + peep("f", c))
        c = z * i + c * f
        o = 1.0 if variant == "NOG" else sigmoid(recurrent("o") + peep("o", c))
        h = (c if variant == "NOAF" else np.tanh(c)) * o
        new = {"c": c, "h": h, "gi": i, "gf": f, "go": o}
        return h, {name: new[name] for name in s}

    return step


def lstm(w: Arrays, x: np.ndarray, h: np.ndarray, c: np.ndarray, prefix: str = "", forget_bias: float = 0.0):
    """The LSTM without peepholes: h and c."""
    i, f, o, j = (affine(w, prefix + name, x=x, h=h) for name in "ifoj")
    c = sigmoid(f + forget_bias) * c + sigmoid(i) * np.tanh(j)
    return sigmoid(o) * np.tanh(c), c


def plain_lstm(w, x, s, t):
    h, c = lstm(w, x, s["h"], s["c"], forget_bias=1.0)
    return h, {"c": c, "h": h}


def skip_input_lstm(w, x, s, t):
    """cuDNN's equations with x in place of W x."""
    i, f, o, j = (x + affine(w, name, h=s["h"]) for name in "ifoj")
    c = sigmoid(f) * s["c"] + sigmoid(i) * np.tanh(j)
    h = sigmoid(o) * np.tanh(c)
    return h, {"c": c, "h": h}


def hyper_lstm(w, x, s, t):
    small, small_c = lstm(w, np.concatenate([s["h"], x], -1), s["small.h"], s["small.c"], "small.", 1.0)

    def gate(k: int) -> np.ndarray:
        dh = affine(w, f"zh[{k}]", s=small) @ w[f"dh[{k}].z"]
        dx = affine(w, f"zx[{k}]", s=small) @ w[f"dx[{k}].z"]
        bias = small @ w[f"zb[{k}].s"] @ w[f"b[{k}].z"] + w[f"b[{k}].bias"]
        return layer_norm(w, f"y[{k}]", dh * (s["h"] @ w[f"wh[{k}].h"]) + dx * (x @ w[f"wx[{k}].x"]) + bias, 1e-3)

    i, g, f, o = map(gate, range(4))
    c = sigmoid(f + 1) * s["c"] + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(layer_norm(w, "h", c, 1e-3))
    return h, {"c": c, "h": h, "small.c": small_c, "small.h": small}


def multiplicative_lstm(w, x, s, t):
    m = (x @ w["m.x"]) * (s["h"] @ w["m.h"])
    i, f, o = (sigmoid(affine(w, name, x=x, m=m)) for name in "ifo")
    c = f * s["c"] + i * np.tanh(affine(w, "j", x=x, m=m))
    return np.tanh(c) * o, {"c": c, "h": np.tanh(c) * o}


def time_lstm(w, x, s, t):
    short = np.tanh(affine(w, "short", c=s["c"]))
    c = (s["c"] - short) + short / np.log(np.e + x["gap"])[:, None]
    h, c = lstm(w, x["x"], s["h"], c)
    return h, {"c": c, "h": h}


def mogrifier(rounds: int, rank: bool) -> Step:
    def step(w, x, s, t):
        h = s["h"]
        for r in range(1, rounds + 1):
            source = x if r % 2 == 0 else h
            source = source @ w[f"narrow[{r}].q"] if rank else source
            factor = 2 * sigmoid(source @ w[f"q[{r}].q"])
            x, h = (factor * x, h) if r % 2 else (x, factor * h)
        h, c = lstm(w, x, h, s["c"])
        return h, {"c": c, "h": h}

    return step


def nested_lstm(candidate: Callable[[np.ndarray], np.ndarray]) -> Step:
    """`candidate`: of the outer cell."""

    def step(w, x, s, t):
        i, f, o = (sigmoid(affine(w, name, x=x, h=s["h"])) for name in "ifo")
        u, v = i * candidate(affine(w, "j", x=x, h=s["h"])), f * s["c"]
        ii, fi, oi = (sigmoid(affine(w, name, u=u, s=v)) for name in ("ii", "fi", "oi"))
        inner = fi * s["inner"] + ii * np.tanh(affine(w, "ji", u=u, s=v))
        c = oi * np.tanh(inner)
        return o * np.tanh(c), {"inner": inner, "c": c, "h": o * np.tanh(c)}

    return step


def on_lstm(w, x, s, t):
    def cumax(name: str) -> np.ndarray:
        e = np.exp(affine(w, name, x=x, h=s["h"]))
        return np.repeat(np.cumsum(e / e.sum(-1, keepdims=True), -1), 2, -1)

    f, i, o = (sigmoid(affine(w, name, x=x, h=s["h"])) for name in "fio")
    mf, mi = cumax("rising"), 1 - cumax("falling")
    w_t = mf * mi
    c = (f * w_t + (mf - w_t)) * s["c"] + (i * w_t + (mi - w_t)) * np.tanh(affine(w, "j", x=x, h=s["h"]))
    h = o * np.tanh(c)
    return h, {"c": c, "h": h}


def layer_norm_products_lstm(w, x, s, t):
    z = layer_norm(w, "zh", s["h"] @ w["zh.h"]) + layer_norm(w, "zx", x @ w["zx.x"]) + w["b"].reshape(-1)
    f, i, o, g = np.split(z, 4, -1)
    c = sigmoid(f) * s["c"] + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(layer_norm(w, "h", c))
    return h, {"c": c, "h": h}


def slstm(exponential: bool) -> Step:
    """With the exponentials as they stand in eqs. 8-14; m then follows from eq. 15, and scales c and n."""

    def step(w, x, s, t):
        def pre(name: str) -> np.ndarray:
            recurrent = np.einsum("bhi,hio->bho", s["h"], w[f"{name}.rec.h"])
            return np.tensordot(x, w[f"{name}.x"], 1) + recurrent + w[f"{name}.rec.bias"]

        i, f = np.exp(pre("i")), (np.exp if exponential else sigmoid)(pre("f"))
        scale = np.exp(s["m"])
        c, n = f * scale * s["c"] + i * np.tanh(pre("z")), f * scale * s["n"] + i
        h = sigmoid(pre("o")) * c / n
        m = np.maximum(np.log(f) + s["m"], np.log(i))
        return heads(h), {"c": c / np.exp(m), "n": n / np.exp(m), "m": m, "h": h}

    return step


def mlstm(one: bool) -> Step:
    def step(w, x, s, t):
        d = s["n"].shape[-1]
        q, v, o, i, f = (affine(w, name, x=x) for name in "qvoif")
        k = np.tensordot(x, w["k.x"], 1) / np.sqrt(d) + w["bk"]
        i, f, scale = np.exp(i), sigmoid(f), np.exp(s["m"])
        matrix = (f * scale)[..., None, None] * s["C"] + i[..., None, None] * v[..., :, None] * k[..., None, :]
        n = (f * scale)[..., None] * s["n"] + i[..., None] * k
        m = np.maximum(np.log(f) + s["m"], np.log(i))
        size = np.exp(m)[..., None]
        over = np.abs(np.sum(n * q, -1))[..., None]
        h = sigmoid(o) * (matrix @ q[..., None])[..., 0] / np.maximum(over, size if one else 1)
        return heads(h), {"C": matrix / size[..., None], "n": n / size, "m": m}

    return step


def sub_lstm(w, x, s, t):
    i, o, z = (sigmoid(affine(w, name, x=x, h=s["h"])) for name in "ioz")
    f = sigmoid(w["decay"] if "decay" in w else affine(w, "f", x=x, h=s["h"]))
    c = f * s["c"] + z - i
    h = sigmoid(c) - o
    return h, {"c": c, "h": h}


def fast_slow(w, x, s, t):
    """Three fast cells."""
    c, h, new = s["c"], s["h"], {}
    for k in range(3):
        given = [{"x": x}, {"heard": new.get("slow.h")}, {}][k]
        i, f, o, j = (affine(w, f"{name}[{k}]", h=h, **given) for name in "ifoj")
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        if k == 0:
            slow, slow_c = lstm(w, h, s["slow.h"], s["slow.c"], "slow.", 1.0)
            new = {"slow.h": slow, "slow.c": slow_c}
    return h, {"c": c, "h": h, **new}
