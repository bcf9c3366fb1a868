"""The half types: which of them there are, how exact their modules have to be, and what they do to a computation.

Modules round arrays where they store them, and compute in float32. Where a computation is well-conditioned that costs
a few roundings of an array's largest number, whatever the cell is. Where it is not (differences of large numbers,
thresholds, long products), nobody can do better than the arithmetic itself. What it does is measured with the
description alone, by Monte Carlo arithmetic: the interpreter runs it several times, and what each operation gives
becomes one of the two half numbers around it, at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from rnnc.verify.arrays import Array, Arrays, DTypeLike
from rnnc.verify.report import relative_error

if TYPE_CHECKING:
    from rnnc.verify.interpreted import InterpretedRunner

ROUNDINGS = 8  # of the largest number of an array: what a well-conditioned computation may be off
RUNS = 8  # of the interpreter: a threshold that roundings cross as often as not is missed once in 256 times
NOTHING = 0.5  # of its largest number: who is off by that much has no digit left


@dataclass(frozen=True)
class Half:
    """A type of 16 bits: its binary digits, the exponent of its smallest number, and its largest one."""

    name: str
    digits: int
    smallest: int
    largest: float

    @property
    def dtype(self) -> DTypeLike:
        """NumPy's. Raises ImportError (bfloat16 without ml_dtypes)."""
        if self.name != "bfloat16":
            return np.dtype(self.name)
        from ml_dtypes import bfloat16  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]

        return np.dtype(bfloat16)  # pyright: ignore[reportUnknownArgumentType]

    @property
    def tolerance(self) -> float:
        """Of arrays in well-conditioned computations, relative to max(1, their largest number)."""
        return ROUNDINGS * 2.0**-self.digits

    def rounded(self, array: Array, random: np.random.Generator) -> Array:
        """Each number as one of the two of this type around it, at random; those of this type stay."""
        _, exponent = np.frexp(array)
        spacing = np.ldexp(1.0, np.maximum(exponent - self.digits, self.smallest))
        steps = array / spacing
        found = np.where(random.random(array.shape) < 0.5, np.floor(steps), np.ceil(steps)) * spacing
        return np.where(np.abs(found) > self.largest, np.copysign(np.inf, found), found)


HALVES = (Half("float16", 11, -24, 65504.0), Half("bfloat16", 8, -133, (2 - 2.0**-7) * 2.0**127))


def halves_here() -> tuple[Half, ...]:
    """Those that NumPy knows here: bfloat16 is ml_dtypes'."""
    return HALVES if find_spec("ml_dtypes") is not None else HALVES[:1]


def moved(half: Half, judge: InterpretedRunner, run: Callable[[InterpretedRunner], Arrays]) -> dict[str, float]:
    """How far the results of `run` move, as `relative_error` tells, where every operation rounds; infinity where an
    array leaves the range of the type."""
    exact = run(judge)
    found = dict.fromkeys(exact, 0.0)
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        rounding = judge.with_rounding(lambda array: half.rounded(array, random))  # noqa: B023  (runs before the next)
        for name, array in run(rounding).items():
            error = relative_error(array, exact[name])
            found[name] = max(found[name], float("inf") if np.isnan(error) else error)
    return found
