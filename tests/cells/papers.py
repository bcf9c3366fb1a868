"""One step of each published cell in plain NumPy, written from the papers' equations and not from examples/.

A step takes `w`, the parameters under their names in the module, the input `x`, the states `s` and the step's number
`t`; it returns the output and the new states. Several inputs or outputs are dicts. All arrays have the batch first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
Step = Callable[[Arrays, Any, Arrays, int], tuple[Any, dict[str, np.ndarray]]]


def sigmoid(v: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-v))


def silu(v: np.ndarray) -> np.ndarray:
    return v * sigmoid(v)


def softplus(v: np.ndarray) -> np.ndarray:
    return np.log(1 + np.exp(v))


def relu(v: np.ndarray) -> np.ndarray:
    return np.maximum(v, 0)


def affine(w: Arrays, name: str, **operands: np.ndarray) -> np.ndarray:
    """The sum of the products of operands with their matrices, plus the bias where there is one."""
    total = sum(np.tensordot(v, w[f"{name}.{operand}"], 1) for operand, v in operands.items())
    return total + w[f"{name}.bias"] if f"{name}.bias" in w else total


def norm(v: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """Mean 0 and deviation 1 along the last axis."""
    return (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + eps)


def layer_norm(w: Arrays, name: str, v: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    return w[f"{name}.layer_norm.gain"] * norm(v, eps) + w[f"{name}.layer_norm.shift"]


def heads(v: np.ndarray) -> np.ndarray:
    """[batch, head, …] with the heads side by side."""
    return v.reshape(len(v), -1)


# --- simple networks ---


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


# --- LSTMs ---


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


def nested_lstm(w, x, s, t):
    i, f, o = (sigmoid(affine(w, name, x=x, h=s["h"])) for name in "ifo")
    u, v = i * np.tanh(affine(w, "j", x=x, h=s["h"])), f * s["c"]
    ii, fi, oi = (sigmoid(affine(w, name, u=u, s=v)) for name in ("ii", "fi", "oi"))
    inner = fi * s["inner"] + ii * np.tanh(affine(w, "ji", u=u, s=v))
    c = oi * np.tanh(inner)
    return o * np.tanh(c), {"inner": inner, "c": c, "h": o * np.tanh(c)}


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


# --- GRUs and cells with one gate ---


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


# --- gates that see the input only ---


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


# --- memories that are matrices ---


def queries(w: Arrays, x: np.ndarray) -> list[np.ndarray]:
    return [np.tensordot(x, w[f"{name}.x"], 1) for name in "qkv"]


def linear_attention(w, x, s, t):
    q, k, v = queries(w, x)
    q, k = (np.where(u > 0, u, np.exp(u) - 1) + 1 for u in (q, k))
    matrix, total = s["S"] + k[..., :, None] * v[..., None, :], s["Z"] + k
    y = np.einsum("bhk,bhkv->bhv", q, matrix) / (np.sum(q * total, -1)[..., None] + 1e-6)
    return heads(y), {"S": matrix, "Z": total}


def gated_linear_attention(w, x, s, t):
    q, k, v = queries(w, x)
    alpha = sigmoid(affine(w, "alpha", low=x @ w["low.x"])) ** (1 / 16)
    matrix = alpha[..., None] * s["S"] + k[..., :, None] * v[..., None, :]
    y = norm(np.einsum("bhk,bhkv->bhv", q, matrix))
    return (silu(affine(w, "r", x=x)) * heads(y)) @ w["o.y"], {"S": matrix}


def delta_net(gated: bool) -> Step:
    def step(w, x, s, t):
        q, k, v = map(silu, queries(w, x))
        q, k = (u / np.sqrt(np.sum(u * u, -1, keepdims=True)) for u in (q, k))
        beta = sigmoid(np.tensordot(x, w["beta.x"], 1))[..., None, None]
        alpha = np.exp(-np.exp(w["A"]) * softplus(affine(w, "alpha", x=x)))[..., None, None] if gated else 1.0
        kk, vk = k[..., :, None] * k[..., None, :], v[..., :, None] * k[..., None, :]
        matrix = s["S"] @ (alpha * (np.eye(k.shape[-1]) - beta * kk)) + beta * vk
        return heads((matrix @ q[..., None])[..., 0]), {"S": matrix}

    return step


def retention(w, x, s, t):
    """With numbers that are complex, where the description has pairs."""
    d = w["v.x"].shape[-1]
    theta = 10000.0 ** -np.linspace(0, 1, d // 2)
    turn = np.exp(1j * theta * t)
    q, k = ((u[:, 0] + 1j * u[:, 1]) * turn for u in queries(w, x)[:2])
    v = queries(w, x)[2]
    gamma = 1 - 2.0 ** (-5 - np.arange(v.shape[1]))
    old = s["S"][:, 0] + 1j * s["S"][:, 1]
    matrix = gamma[:, None, None] * old + k[..., :, None] * v[..., None, :] / np.sqrt(d)
    y = norm(np.einsum("bhp,bhpv->bhv", q.conj(), matrix).real)
    return (silu(x @ w["g.x"]) * heads(y)) @ w["o.y"], {"S": np.stack([matrix.real, matrix.imag], 1)}


def time_mixing(w, x, s, t):
    """With the sums as the paper has them: a and b are multiplied by exp(p), which may be zero."""

    def mixed(name: str, product: str) -> np.ndarray:
        return (w[f"m{name}"] * x + (1 - w[f"m{name}"]) * s["last"]) @ w[product]

    r, k, v = sigmoid(mixed("r", "r.x")), mixed("k", "k.x"), mixed("v", "v.x")
    scale = np.exp(s["p"])
    numerator, denominator = scale * s["a"], scale * s["b"]
    bonus = np.exp(w["u"] + k)
    y = (r * (numerator + bonus * v) / (denominator + bonus)) @ w["o.v"]
    decay = np.exp(-np.exp(w["decay"]))
    p = np.maximum(s["p"] - np.exp(w["decay"]), k)
    a, b = decay * numerator + np.exp(k) * v, decay * denominator + np.exp(k)
    return y, {"last": x, "a": a / np.exp(p), "b": b / np.exp(p), "p": p}


def channel_mixing(w, x, s, t):
    r, k = ((w[f"m{n}"] * x + (1 - w[f"m{n}"]) * s["last"]) @ w[f"{n}.x"] for n in "rk")
    return sigmoid(r) * (relu(k) ** 2 @ w["v.k"]), {"last": x}
