"""What a comparison found: one row per array or property, each with its error and its tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnc.verify.arrays import Array

# Recorded numbers agree but for the order of sums. One rounding is 1e-16 (6e-8): seven to twenty steps let it grow by
# up to three digits, and sums over batch, time and rows by another; 1e-9 (2e-5) is well above and far below any error.
TOLERANCE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 2e-5}

# Between two ways of computing the same in float64, on a handful of steps.
ROUNDING = 1e-10


@dataclass(frozen=True)
class Tolerance:
    """How large errors may be: of gradients and a loss, and of outputs and states where these are to be closer."""

    gradients: float
    values: float | None = None

    @property
    def of_values(self) -> float:
        """Of outputs and states."""
        return self.gradients if self.values is None else self.values


@dataclass(frozen=True)
class Row:
    """`error` is max|a - b| / max(1, max|b|), b being the reference; NaN or another shape never passes."""

    name: str
    error: float
    tolerance: float
    detail: str = ""

    @property
    def passed(self) -> bool:
        return bool(self.error <= self.tolerance)  # False for NaN


Findings = tuple[tuple[Row, ...], tuple[str, ...]]  # rows and notes


@dataclass(frozen=True)
class Report:
    """`notes` say what was left out and why."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Every row passed, and there was one."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def failures(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if not row.passed)


def compare(name: str, got: Array, reference: Array, tolerance: float, detail: str = "") -> Row:
    """One row for two arrays."""
    if got.shape != reference.shape:
        return Row(name, float("inf"), tolerance, f"shape {got.shape}, the reference has {reference.shape}")
    return Row(name, relative_error(got, reference), tolerance, detail)


def relative_error(got: Array, reference: Array) -> float:
    """max|a - b| / max(1, max|b|), in float64. Infinities must be the reference's own; else, and with NaN: NaN."""
    a, b = got.astype(np.float64), reference.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite]):
        return float("nan")
    a, b = a[finite], b[finite]
    if b.size == 0:
        return 0.0
    return float(np.max(np.abs(a - b)) / max(1.0, float(np.max(np.abs(b)))))
