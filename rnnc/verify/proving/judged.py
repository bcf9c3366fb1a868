"""Modules against the interpreter in float64, at numbers that a narrower type can hold: what it gives, and how far off
a module that computes in that type may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rnnc.verify.arrays import Array, Arrays, DTypeLike
from rnnc.verify.proving.halves import NOTHING, SINGLE, Half, Movement, products_in
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.invariants import Differences, differentiate, gradient_pairs, results_pairs, worst_row
from rnnc.verify.proving.sample import Sample
from rnnc.verify.report import ROUNDING, TOLERANCE, Row, compare
from rnnc.verify.running.runner import Runner

WIDE = np.dtype(np.float64)
# float32 may lose so many times what one rounding of every argument, or of every operation, changes in a description,
# but never more than MOST.
CHANGES, MOST = 4, 1e-3
Entries = dict[str, Arrays]  # by entry point, and by what an array is of which name
Evaluate = Callable[[Runner, Sample], Entries]


@dataclass(frozen=True)
class Precision:
    """A type that modules compute in, and how far off they may be; in a half type, where that is well-conditioned."""

    dtype: DTypeLike
    tolerance: float
    half: Half | None = None

    @property
    def name(self) -> str:
        """For titles."""
        return self.half.name if self.half else str(self.dtype)


FLOAT64, FLOAT32 = Precision(WIDE, ROUNDING), Precision(np.dtype(np.float32), TOLERANCE[np.dtype(np.float32)])


def precision_of(half: Half) -> Precision:
    """A half type as one that is compared. Raises ImportError (bfloat16 without ml_dtypes)."""
    return Precision(half.dtype, half.tolerance, half)


def call(runner: Runner, sample: Sample) -> Entries:
    """Values and gradients of a call."""
    results, gradients = differentiate(runner, sample, sample.call)
    return {
        "forward": _named(results_pairs(again := runner.forward(sample.call), again)),
        "forward_train": _named(results_pairs(results, results)),
        "backward": _named(gradient_pairs(gradients, gradients)),
    }


def step(runner: Runner, sample: Sample) -> Entries:
    """Values of a single step."""
    results = runner.step(sample.call)
    return {"step": _named(results_pairs(results, results))}


class Judged:
    """One evaluation in one precision by the interpreter; any number of modules may be compared with it."""

    def __init__(
        self, judge: InterpretedRunner, sample: Sample, precision: Precision, what: str, evaluate: Evaluate = call
    ) -> None:
        self.what = what
        self._judge, self._precision, self._evaluate = judge, precision, evaluate
        self._rounded = sample.cast(precision.dtype)
        self._exact = self._rounded.cast(WIDE)
        self._expected = evaluate(judge, self._exact)
        self._lost: dict[str, None] = {}

    def rows(self, module: Runner) -> Iterator[Row]:
        """One for each entry point of a module: the array that is nearest to its tolerance, or furthest past it."""
        half = self._precision.half
        quiet = np.errstate(all="ignore") if half else nullcontext()  # its range is seen in the numbers
        with products_in(half), quiet:
            entries = self._evaluate(module, self._rounded)
        for entry, found in entries.items():
            title, expected = f"{self.what}: {entry}", self._expected[entry]
            rows = [self._row(title, entry, name, found.get(name, np.empty(0))) for name in expected]
            judged = [row for row in rows if row.tolerance < NOTHING]
            if judged or not rows:
                yield max(judged, key=_share, default=Row(title, 0.0, self._precision.tolerance))

    @property
    def notes(self) -> tuple[str, ...]:
        """What no row could judge."""
        lost = ", ".join(self._lost)
        arithmetic = "arithmetic in halves" if self._precision.half else f"arithmetic in {self._precision.name}"
        return (f"{self.what}: {arithmetic} leaves no digit of {lost}, which is not compared",) if lost else ()

    def _row(self, title: str, entry: str, name: str, found: Array) -> Row:
        """Of one array. What a narrower type does to it is asked where it is off by more than roundings."""
        row = compare(title, found, self._expected[entry][name], self._precision.tolerance, f"largest in {name}")
        if self._precision == FLOAT32:
            row = self._excused(row, entry)
        is_lost = np.isnan(row.error) and self._precision.half is None  # only the range of a half type excuses that
        if row.passed or row.error == float("inf") or is_lost or self._precision == FLOAT64:
            return row
        moved = self._movement.of(f"{entry}: {name}", row.error - row.tolerance)
        row = replace(row, tolerance=row.tolerance + moved)
        if row.tolerance >= NOTHING:
            self._lost[name] = None
        return row

    def _excused(self, row: Row, entry: str) -> Row:
        """Where a description turns one rounding of its arguments or of each operation to float32 into more than that,
        float32 may lose a few times as much."""
        if row.passed:
            return row
        allowed = min(CHANGES * self._changes[entry], MOST)
        if not allowed > row.tolerance:
            return row
        detail = f"{row.detail}; roundings to float32 move the description by {self._changes[entry]:.1e}"
        return replace(row, tolerance=allowed, detail=detail)

    @cached_property
    def _changes(self) -> dict[str, float]:
        """By entry point, how far roundings to float32 move the description."""
        noise = np.random.default_rng(0)
        rounded = self._judge.with_rounding(lambda array: array.astype(np.float32).astype(WIDE))
        others = [(self._judge, self._exact.nudged(2.0**-24, noise)) for _ in range(3)] + [(rounded, self._exact)]
        moved = dict.fromkeys(self._expected, 0.0)
        for judge, sample in others:
            for entry, near in self._evaluate(judge, sample).items():
                pairs = ((n, a, self._expected[entry][n]) for n, a in near.items())
                moved[entry] = max(moved[entry], worst_row("", pairs, 0.0).error)
        return moved

    @cached_property
    def _movement(self) -> Movement:
        """What arithmetic in the type does to the arrays."""
        half = self._precision.half or SINGLE
        return Movement(half, self._judge, lambda runner: _flat(self._evaluate(runner, self._exact)))


def _share(row: Row) -> float:
    """The share of its tolerance that an error has."""
    return float("inf") if np.isnan(row.error) else row.error / row.tolerance


def _named(pairs: Differences) -> Arrays:
    return {name: array for name, array, _ in pairs}


def _flat(entries: Entries) -> Arrays:
    return {f"{entry}: {name}": array for entry, arrays in entries.items() for name, array in arrays.items()}
