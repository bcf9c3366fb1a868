"""Memories that are matrices: steps as `shared.py` describes them."""

from __future__ import annotations

import numpy as np

from tests.cells.papers.lstms import lstm
from tests.cells.papers.shared import Arrays, Step, affine, heads, norm, relu, sigmoid, silu, softplus


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


def neural_computer(w, x, s, t):
    """As the paper has it: slots are sorted by usage, rows by row."""
    r, memory, read, write = s["r"], s["M"], s["v"], s["w"]
    h, c = lstm(
        w, np.concatenate([x, r.reshape(len(x), -1)], -1), s["controller.h"], s["controller.c"], "controller.", 1.0
    )

    def content(memory: np.ndarray, name: str) -> np.ndarray:
        """For keys [row, head, width] and strengths [row, head]: weights [row, head, slot]."""
        keys, strength = affine(w, f"{name}.key", h=h), 1 + softplus(affine(w, f"{name}.strength", h=h))
        keys, strength = keys.reshape(len(h), -1, memory.shape[-1]), strength.reshape(len(h), -1, 1)
        lengths = np.linalg.norm(keys, axis=-1)[..., None] * np.linalg.norm(memory, axis=-1)[:, None]
        e = np.exp(strength * np.einsum("bhw,bsw->bhs", keys, memory) / np.maximum(lengths, 1e-12))
        return e / e.sum(-1, keepdims=True)

    usage = (s["u"] + write - s["u"] * write) * np.prod(1 - sigmoid(affine(w, "free", h=h))[..., None] * read, 1)
    allocated = np.zeros_like(usage)
    for row, used in enumerate(usage):
        product = 1.0
        for slot in np.argsort(used, kind="stable"):
            allocated[row, slot], product = (1 - used[slot]) * product, product * used[slot]
    fresh, gate = sigmoid(affine(w, "fresh", h=h))[:, None], sigmoid(affine(w, "w.gate", h=h))[:, None]
    write = gate * (fresh * allocated + (1 - fresh) * content(memory, "alike")[:, 0])
    erase, added = sigmoid(affine(w, "M.erase", h=h)), affine(w, "M.write", h=h)
    memory = memory * (1 - write[..., None] * erase[:, None]) + write[..., None] * added[:, None]
    link = (1 - write[:, :, None] - write[:, None]) * s["L"] + write[:, :, None] * s["p"][:, None]
    link = link * (1 - np.eye(link.shape[-1]))
    mode = np.exp(affine(w, "mode", h=h))
    back, found, ahead = np.moveaxis(mode / mode.sum(-1, keepdims=True), -1, 0)[..., None]
    read = (
        back * np.einsum("bij,bhi->bhj", link, read)
        + found * content(memory, "found")
        + ahead * np.einsum("bij,bhj->bhi", link, read)
    )
    r, precedence = read @ memory, (1 - write.sum(-1, keepdims=True)) * s["p"] + write
    y = h @ w["y.h"] + np.tensordot(r, w["y.r"], 2) + w["y.bias"]
    new = {"M": memory, "u": usage, "p": precedence, "L": link, "w": write, "v": read, "r": r}
    return y, new | {"controller.h": h, "controller.c": c}


def turing_machine(w, x, s, t):
    h, c = lstm(w, np.concatenate([x, s["r"]], -1), s["controller.h"], s["controller.c"], "controller.", 1.0)
    memory = s["memory"]
    slots = memory.shape[1]

    def addressed(head: str) -> np.ndarray:
        def made(name: str) -> np.ndarray:
            return affine(w, f"{head}.addressed.{name}", h=h)

        key, strength, g = np.tanh(made("key")), softplus(made("strength")), sigmoid(made("kept"))
        lengths = np.linalg.norm(memory, axis=-1) * np.linalg.norm(key, axis=-1)[:, None]
        content = np.exp(strength[:, None] * (memory @ key[..., None])[..., 0] / (lengths + 1e-8))
        mixed = g[:, None] * content / content.sum(-1, keepdims=True) + (1 - g[:, None]) * s[head]
        shift = np.exp(made("shift"))
        shift /= shift.sum(-1, keepdims=True)
        by = {-1: shift[:, :1], 0: shift[:, 1:2], 1: shift[:, 2:]}
        turned = np.zeros_like(mixed)
        for slot in range(slots):
            for step, share in by.items():  # what stood at `slot` goes `step` places on
                turned[:, (slot + step) % slots] += share[:, 0] * mixed[:, slot]
        sharp = turned ** (1 + softplus(made("sharpness")))[:, None]
        return sharp / sharp.sum(-1, keepdims=True)

    read, write = addressed("read"), addressed("write")
    r = np.einsum("bs,bsw->bw", read, memory)
    erase, add = sigmoid(affine(w, "erase", h=h)), np.tanh(affine(w, "add", h=h))
    memory = memory * (1 - write[..., None] * erase[:, None]) + write[..., None] * add[:, None]
    new = {"memory": memory, "read": read, "write": write, "r": r, "controller.h": h, "controller.c": c}
    return affine(w, "y", h=h, r=r), new


def weighted_average(w, x, s, t):
    """Without the scaling: numerator and denominator as the paper has them."""
    h = s["h"] if t > 0 else np.broadcast_to(np.tanh(w["start"]), s["h"].shape)
    z = affine(w, "u", x=x) * np.tanh(affine(w, "g", x=x, h=h))
    a = x @ w["a.x"] + h @ w["a.h"]
    old = np.exp(s["top"]) if t > 0 else 0.0
    n, d = s["n"] * old + z * np.exp(a), s["d"] * old + np.exp(a)
    top = np.maximum(s["top"], a)
    h = np.tanh(n / d)
    return h, {"n": n / np.exp(top), "d": d / np.exp(top), "top": top, "h": h}


def normed(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean 0 and deviation 1 along the last axis, and the deviation."""
    deviation = np.sqrt(z.var(-1, keepdims=True) + 1e-6)
    return (z - z.mean(-1, keepdims=True)) / deviation, deviation


def test_time_training(w, x, s, t):
    """With the gradient written out."""
    s = {name: np.broadcast_to(w[f"{name}0"], array.shape) for name, array in s.items()} if t == 0 else s
    k, v, q = (np.tensordot(x, w[f"{name}.x"], 1) for name in "kvq")
    rate = (sigmoid(affine(w, "lr", x=x)) / k.shape[-1])[..., None]
    unit, deviation = normed(np.einsum("bhvk,bhk->bhv", s["W"], k) + s["b"])
    error = 2 * w["gain"] * (k + w["gain"] * unit + w["shift"] - v)
    inner = (error - error.mean(-1, keepdims=True) - unit * (error * unit).mean(-1, keepdims=True)) / deviation
    matrix, bias = s["W"] - (rate * inner)[..., None] * k[..., None, :], s["b"] - rate * inner
    unit, _ = normed(np.einsum("bhvk,bhk->bhv", matrix, q) + bias)
    return heads(q + w["gain"] * unit + w["shift"]), {"W": matrix, "b": bias}


def neural_memory(w, x, s, t):
    """With the gradients written out."""
    s = s | {name: np.broadcast_to(w[f"{name}0"], s[name].shape) for name in "AB"} if t == 0 else s
    k, v, q = (silu(x @ w[f"{name}.x"]) for name in "kvq")
    k, q = (u / np.sqrt(np.sum(u * u, -1, keepdims=True)) for u in (k, q))
    alpha, eta, theta = (sigmoid(affine(w, name, x=x))[:, None, None] for name in ("alpha", "eta", "theta"))
    inner = (s["A"] @ k[..., None])[..., 0]
    error = 2 * ((s["B"] @ silu(inner)[..., None])[..., 0] - v)
    slope = sigmoid(inner) * (1 + inner * (1 - sigmoid(inner)))
    back = (error[:, None] @ s["B"])[:, 0] * slope
    m = eta * s["m"] - 0.1 * theta * back[..., None] * k[:, None]
    n = eta * s["n"] - 0.1 * theta * error[..., None] * silu(inner)[:, None]
    a, b = (1 - alpha) * s["A"] + m, (1 - alpha) * s["B"] + n
    y = (b @ silu((a @ q[..., None])[..., 0])[..., None])[..., 0]
    return y, {"A": a, "B": b, "m": m, "n": n}
