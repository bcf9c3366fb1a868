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


def identity(v: np.ndarray) -> np.ndarray:
    return v


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
