"""What the tests of the Keras classes share: a batch of sequences with masks, and how results are compared."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.tensorflow import support

keras = pytest.importorskip("keras", minversion="3")
wanted = pytest.mark.skipif(
    keras.__version__ < "3" or keras.config.backend() != "tensorflow", reason="needs Keras 3 with TensorFlow"
)

ROWS, STEPS, INPUT, UNITS = 3, 6, 5, 4
MASKS = {
    "none": None,
    "padded": np.arange(STEPS) < np.array([[6], [2], [0]]),
    "holes": np.array([[1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]], bool),
}
X = np.random.default_rng(0).standard_normal((ROWS, STEPS, INPUT)).astype("float32")


module = cache(support.module)


def same(found: Any, expected: Any, tolerance: float = 2e-6) -> None:
    """The same structure with nearly the same numbers."""
    found, expected = keras.tree.flatten(found), keras.tree.flatten(expected)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=tolerance)
