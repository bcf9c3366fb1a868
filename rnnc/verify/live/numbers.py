"""The random numbers of recordings: the same for every run of a case, and for a variable of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from rnnc.verify.arrays import Array


class Numbers:
    """Normal numbers by what they are for."""

    def __init__(self, seed: int, dtype: str) -> None:
        self._seed, self._dtype = seed, dtype

    def normal(self, what: str, shape: Sequence[int], scale: float = 1.0) -> Array:
        """An array that depends on the seed and on `what` alone."""
        random = np.random.default_rng([self._seed, crc32(what.encode())])
        return np.asarray(scale * random.standard_normal(tuple(shape)), self._dtype)

    def variable(self, name: str, shape: Sequence[int]) -> Array:
        """A weight: never zero, and small enough that gates are not shut."""
        return self.normal(f"var:{name}", shape, 0.4)
