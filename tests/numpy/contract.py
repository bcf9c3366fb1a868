"""The cell that tests of the contract call, its sizes, and results compared."""

from __future__ import annotations

from typing import Any

import numpy as np

LSTM = """
cell LSTM(units, forget_bias = 1.0) {
  input x[input]
  state c[units], h[units]
  gate i = sigmoid(linear(x, h))
  gate f = sigmoid(linear(x, h) + forget_bias)
  j      = tanh(linear(x, h))
  c'     = f * c + i * j
  gate o = sigmoid(linear(x, h))
  h'     = o * tanh(c')
  output h'
}
"""
T, B, INPUT, UNITS = 6, 3, 4, 5


def leaves(found: Any) -> list[np.ndarray]:
    """All arrays in a result."""
    if isinstance(found, dict):
        return [array for value in found.values() for array in leaves(value)]
    if isinstance(found, tuple):
        return [array for value in found for array in leaves(value)]
    return [found] if isinstance(found, np.ndarray) else []


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(leaves(a), leaves(b), strict=True))
