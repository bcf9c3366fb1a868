"""The half types: which of them there are, how exact their modules have to be, and what they do to a computation.

Modules round arrays where they store them, and compute in float32; for TF32 they round what products multiply. Where a
computation is well-conditioned that costs a few roundings of an array's largest number, whatever the cell is. Where it
is not (differences of large numbers, thresholds, long products), nobody can do better than the arithmetic itself. What
it does is measured with the description alone, by Monte Carlo arithmetic: the interpreter runs it some times more, and
what each operation gives becomes one of the two half numbers around it, at random. Where a description decides (`==`,
`<`, the kink of a `min`), a rounding can take one number past a threshold, or all of an array alike, and halves can be
equal that were not before they were stored: so in every second run all numbers of an array are rounded alike, and in
two of four some results stay float32.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from rnnc.simulator.cublas import ASKED_FOR
from rnnc.verify.arrays import Array, Arrays, DTypeLike
from rnnc.verify.report import relative_error

if TYPE_CHECKING:
    from rnnc.verify.proving.interpreted import InterpretedRunner

ROUNDINGS = 8  # of the largest number of an array: what a well-conditioned computation may be off
RUNS = 128  # of the interpreter at most: thresholds that few roundings cross are crossed by some of them
SINGLES = 0.5  # of the results in runs that leave some as they are computed
NOTHING = 0.5  # of its largest number: who is off by that much has no digit left


@dataclass(frozen=True)
class Half:
    """A type of 16 bits, or TF32, or the one that is computed in: its binary digits, the exponent of its smallest
    number, and its largest one."""

    name: str
    digits: int
    smallest: int
    largest: float

    @property
    def dtype(self) -> DTypeLike:
        """NumPy's. Raises ImportError (bfloat16 without ml_dtypes)."""
        if self.name != "bfloat16":
            return np.dtype("float32" if self is TF32 else self.name)
        return np.dtype(import_module("ml_dtypes").bfloat16)

    @property
    def tolerance(self) -> float:
        """Of arrays in well-conditioned computations, relative to max(1, their largest number)."""
        return ROUNDINGS * 2.0**-self.digits

    def rounded(self, array: Array, random: np.random.Generator, *, alike: bool = False) -> Array:
        """Each number as one of the two of this type around it, at random, the nearer one more often: right on average.
        Those of this type stay. `alike`: what decides is the same for all numbers."""
        _, exponent = np.frexp(array)
        spacing = np.ldexp(1.0, np.maximum(exponent - self.digits, self.smallest))
        found = np.floor(array / spacing + random.random(() if alike else array.shape)) * spacing
        return np.where(np.abs(found) > self.largest, np.copysign(np.inf, found), found)


SINGLE = Half("float32", 24, -149, (2 - 2.0**-23) * 2.0**127)  # what modules compute in
HALVES = (Half("float16", 11, -24, 65504.0), Half("bfloat16", 8, -133, (2 - 2.0**-7) * 2.0**127))
TF32 = Half("tf32", 11, -136, (2 - 2.0**-10) * 2.0**127)  # what products may round float32 to


@contextmanager
def products_in(half: Half | None) -> Generator[None]:
    """While modules may round what products multiply to TF32, or must not, whatever the environment says."""
    before = os.environ.get(ASKED_FOR)
    os.environ[ASKED_FOR] = str(int(half is TF32))
    try:
        yield
    finally:
        if before is None:
            del os.environ[ASKED_FOR]
        else:
            os.environ[ASKED_FOR] = before


def halves_here() -> tuple[Half, ...]:
    """Those that NumPy knows here: bfloat16 is ml_dtypes'."""
    return HALVES if find_spec("ml_dtypes") is not None else HALVES[:1]


class Movement:
    """How far the results of `run` move, as `relative_error` tells, where every operation rounds to a half type."""

    def __init__(self, half: Half, judge: InterpretedRunner, run: Callable[[InterpretedRunner], Arrays]) -> None:
        self._half, self._judge, self._run = half, judge, run
        self._exact = run(judge)
        self._found = dict.fromkeys(self._exact, 0.0)
        self._runs = 0

    def of(self, name: str, error: float) -> float:
        """Of one array, found by as many runs as it takes to explain an error (NaN is any), but no more than RUNS.
        Infinity where the array leaves the range of the type."""
        wanted = NOTHING if np.isnan(error) else min(error, NOTHING)
        while self._found[name] < wanted and self._runs < RUNS:
            self._again()
        return self._found[name]

    def _again(self) -> None:
        random, alike, mixed = np.random.default_rng(self._runs), self._runs % 2 == 1, self._runs % 4 > 1

        def rounded(array: Array) -> Array:
            type = SINGLE if mixed and random.random() < SINGLES else self._half
            return type.rounded(array, random, alike=alike)

        for name, array in self._run(self._judge.with_rounding(rounded)).items():
            error = relative_error(array, self._exact[name])
            self._found[name] = max(self._found[name], float("inf") if np.isnan(error) else error)
        self._runs += 1
