"""The names of array types in this package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]
DTypeLike = np.dtype[Any]


def reshape(array: Array, *shape: int) -> Array:
    """`array` with another shape of as many numbers (numpy.reshape, typed)."""
    return np.reshape(array, shape)


def is_float(array: Array) -> bool:
    """Whether an array holds numbers with digits. (To NumPy, bfloat16 is no floating type: ml_dtypes adds it.)"""
    return array.dtype.kind == "f" or str(array.dtype) == "bfloat16"
