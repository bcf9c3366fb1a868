"""Adam as tf.train.AdamOptimizer computes it: epsilon stands outside the bias correction ("epsilon hat")."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnc.verify.arrays import Array, Arrays


class Adam:
    """Moments of every variable. With `single`, constants and running powers are float32 numbers, cast to the
    variable's dtype when used, as TensorFlow keeps them even in a float64 graph."""

    def __init__(
        self,
        variables: Mapping[str, Array],
        rate: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        single: bool,
    ) -> None:
        held = np.dtype(np.float32 if single else np.float64)
        self._rate, self._beta1, self._beta2, self._epsilon = (
            np.asarray(value, held) for value in (rate, beta1, beta2, epsilon)
        )
        self.power1, self.power2 = self._beta1, self._beta2  # [] as everything here
        self.m = {name: np.zeros_like(value) for name, value in variables.items()}
        self.v = {name: np.zeros_like(value) for name, value in variables.items()}

    def update(self, variables: Mapping[str, Array], gradients: Mapping[str, Array]) -> Arrays:
        """The variables after one step; moments and powers move on."""
        updated: Arrays = {}
        for name, value in variables.items():
            g, dtype = gradients[name], value.dtype
            b1, b2, epsilon = self._beta1.astype(dtype), self._beta2.astype(dtype), self._epsilon.astype(dtype)
            power1, power2 = self.power1.astype(dtype), self.power2.astype(dtype)
            rate = self._rate.astype(dtype) * np.sqrt(1 - power2) / (1 - power1)
            self.m[name] = self.m[name] + (g - self.m[name]) * (1 - b1)
            self.v[name] = self.v[name] + (g * g - self.v[name]) * (1 - b2)
            updated[name] = value - rate * self.m[name] / (np.sqrt(self.v[name]) + epsilon)
        self.power1, self.power2 = (
            np.multiply(self.power1, self._beta1),
            np.multiply(self.power2, self._beta2),
        )
        return updated
