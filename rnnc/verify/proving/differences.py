"""Gradients against finite differences of a scalar function, along directions.

A central difference over a step h errs by h^2 times the third derivative and by rounding / h; two step sizes together
cancel the first. Where the two disagree the function has a kink or a jump between them: a smaller step is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.report import Row

Function = Callable[[Arrays], float]

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
AGREEMENT = 1e-6  # between a step and its half: past that there may be a kink (smooth functions differ by h^2)
# After extrapolation h^4 = 1e-12 times a fifth derivative is left, and rounding of 1e-15 / h: at the smallest step,
# which only a kink nearby makes necessary, that is 1e-9 times the size of the sum.
TOLERANCE = 1e-6
DIRECTIONS = 2  # per array: one alone tells almost surely, the second guards the tolerance


def difference_rows(function: Function, point: Arrays, gradient: Arrays, seed: int) -> Iterator[Row]:
    """One row per array: the worst of its directions. `gradient` holds an array for each of `point`."""
    random = np.random.default_rng(seed)
    for name, array in point.items():
        errors: list[float] = []
        detail = ""
        for direction in _directions(array, random):
            slope = _slope(function, point, name, direction)
            if slope is None:
                errors.append(float("inf"))
                detail = "the function is not smooth here along any step that was tried"
            else:
                along = float(np.sum(gradient[name] * direction))
                errors.append(abs(along - slope) / max(1.0, abs(slope)))
        yield Row(f"{name} (finite differences)", _worst(errors), TOLERANCE, detail)


def _worst(errors: list[float]) -> float:
    return float(np.max(np.asarray(errors, np.float64), initial=0.0))  # NaN stays NaN


def _directions(array: Array, random: np.random.Generator) -> Iterator[Array]:
    """Random directions of length 1."""
    for _ in range(DIRECTIONS if array.size else 0):
        direction = random.normal(size=array.shape)
        yield direction / np.sqrt(np.sum(direction * direction))


def _slope(function: Function, point: Arrays, name: str, direction: Array) -> float | None:
    """The derivative along a direction; None where no two step sizes agree."""

    def central(step: float) -> float:
        ahead = function({**point, name: point[name] + step * direction})
        behind = function({**point, name: point[name] - step * direction})
        return (ahead - behind) / (2 * step)

    for step in STEPS:
        whole, half = central(step), central(step / 2)
        if abs(whole - half) <= AGREEMENT * max(1.0, abs(half)):
            return (4 * half - whole) / 3
    return None
