"""Cells over images: steps as `shared.py` describes them."""

from __future__ import annotations

import numpy as np

from tests.cells.papers.shared import Arrays, sigmoid


def convolved(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """[batch, row, col, in] with [row, col, in, out], place by place of an odd kernel, zeros around."""
    rows, cols = image.shape[1:3]
    height, width = kernel.shape[:2]
    edges = [(0, 0), (height // 2, height // 2), (width // 2, width // 2), (0, 0)]
    wide = np.pad(image, edges)
    return sum(
        wide[:, a : a + rows, b : b + cols] @ kernel[a, b] for a in range(height) for b in range(width)
    )  # fmt: skip


def affine(w: Arrays, name: str, **images: np.ndarray) -> np.ndarray:
    """The sum of the convolutions of images with their kernels, plus the bias where there is one."""
    total = sum(convolved(image, w[f"{name}.{operand}"]) for operand, image in images.items())
    return total + w[f"{name}.bias"] if f"{name}.bias" in w else total


def conv_gru(w, x, s, t):
    h = s["h"]
    z, r = (sigmoid(affine(w, name, x=x, h=h)) for name in "zr")
    n = np.tanh(affine(w, "n", x=x, kept=r * h))
    h = (1 - z) * h + z * n
    return h, {"h": h}


def pred_rnn(w, x, s, t):
    m, below, source = s["m"], x, -1
    new = {}
    for k in range(2):
        h, c, up, across = s[f"h[{k}]"], s[f"c[{k}]"], {f"y[{source}]": below}, {f"s[{source}]": m}
        i, f, j = (affine(w, f"{name}[{k}]", **up, **{f"h[{k}]": h}) for name in "ifj")
        a, b, n = (affine(w, f"{name}[{k}]", **up, **across) for name in "abn")
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
        m = sigmoid(b + 1) * m + sigmoid(a) * np.tanh(n)
        both = {f"c[{k}]": c, f"s[{k}]": m}
        o = sigmoid(affine(w, f"o[{k}]", **up, **{f"h[{k}]": h}, **both))
        below, source = o * np.tanh(affine(w, f"h[{k}]", **both)), k
        new |= {f"h[{k}]": below, f"c[{k}]": c}
    return below, {"m": m, **new}
