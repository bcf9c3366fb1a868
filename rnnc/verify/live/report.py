"""`rnnc verify --against tf`: a module against the live counterpart that a layout of its description names."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model
from rnnc.verify.arrays import DTypeLike
from rnnc.verify.errors import VerifyError
from rnnc.verify.live.constructors import DRIVERS
from rnnc.verify.live.recorder import RecordedCase, record
from rnnc.verify.live.request import declared, drivers, limits, tree_of
from rnnc.verify.proving.invariants import worst_row
from rnnc.verify.proving.sample import choose_sizes
from rnnc.verify.records.recorded import against
from rnnc.verify.records.recording import Recording
from rnnc.verify.report import ROUNDING, TOLERANCE, Report, Row, Tolerance
from rnnc.verify.running.runner import LayoutRunner

STEPS = 3

# Both sides compute the same sums in other orders. In float64 that is 1e-16 an operation, in float32 6e-8: values of a
# few steps keep six digits, gradients, which add up batch, time and cotangents, one less.
TOLERANCES: Mapping[DTypeLike, Tolerance] = {
    np.dtype(np.float64): Tolerance(ROUNDING),
    np.dtype(np.float32): Tolerance(TOLERANCE[np.dtype(np.float32)], values=2e-6),
}

Ways = Mapping[str, Callable[[bool], LayoutRunner]]  # by name, for sequences with time first or not


@dataclass(frozen=True)
class Situation:
    """How a counterpart is run."""

    driver: str
    dtype: str
    lengths: bool
    state: bool
    time_major: bool

    @property
    def text(self) -> str:
        """`float64, dynamic_rnn, state, lengths, time-major`"""
        said = {"state": self.state, "lengths": self.lengths, "time-major": self.time_major}
        return ", ".join((self.dtype, self.driver, *(word for word, true in said.items() if true)))

    def case(self, name: str, library: str, tree: Mapping[str, Any], features: Sequence[int]) -> RecordedCase:
        """The recording to make."""
        lengths = DRIVERS[self.driver].lengths
        return RecordedCase(
            name,
            library,
            dict(tree),
            self.driver,
            self.dtype,
            STEPS,
            len(lengths),
            tuple(features),
            lengths if self.lengths else None,
            self.state,
            self.time_major,
        )


def situations(names: Sequence[str]) -> Iterator[Situation]:
    """Every driver in its types, with and without all that may be given."""
    for driver in names:
        about = DRIVERS[driver]
        for dtype in about.dtypes:
            for everything, time_major in zip((True, False), about.time_major, strict=True):
                yield Situation(driver, dtype, lengths=everything, state=everything, time_major=time_major)


class LiveComparison:
    """A model, as each of `ways` runs it, beside its counterpart. E805, E806 where there is nothing to compare with.

    `cell` is the file of a module whose cell object takes the counterpart's place under the same driver. `name` tells
    the cases of several comparisons apart, which one process may record.
    """

    def __init__(
        self,
        model: Model,
        layout: WeightLayout,
        library: str,
        ways: Ways,
        cell: Path | None = None,
        name: str = "case",
    ) -> None:
        counterpart = declared(model, layout, library)
        sizes = choose_sizes(model, {}, tuple(limits(counterpart, library)))
        tree = tree_of(counterpart, library, sizes)
        features = features_of(model, sizes)
        self._model, self._layout, self._ways = model, layout.name, ways
        shown = ", ".join(f"{size} = {number}" for size, number in sizes.items()) or "no open sizes"
        self._title = f"{model.name} ({shown}) against {counterpart.function}"
        self._cases = {
            s: s.case(f"{name}_{i}", library, tree, features)
            for i, s in enumerate(situations(drivers(counterpart, library)))
        }
        self._own = {} if cell is None else {s: _with_cell(c, model, cell, sizes) for s, c in self._cases.items()}

    @property
    def cases(self) -> list[RecordedCase]:
        """The recordings to make."""
        return [*self._cases.values(), *self._own.values()]

    def report(self, recordings: Mapping[str, Recording]) -> Report:
        """Compare with the recordings, which are named like the cases."""
        rows: list[Row] = []
        notes: dict[str, None] = {}
        for situation, case in self._cases.items():
            recording, own_case = recordings[case.name], self._own.get(situation)
            if situation.state and not recording.numbered("state0"):
                situation = replace(situation, state=False)
                notes["the reference takes no initial states, so none are given"] = None
            for way, runner in self._ways.items():
                report = compared(self._model, runner(situation.time_major), recording, self._layout)
                rows.append(summary(f"{situation.text}: {way}", report))
                notes |= dict.fromkeys(report.notes)
            if own_case is not None:
                own = recordings[own_case.name]
                rows.append(same(f"{situation.text}: the cell object", own, recording))
        return Report(self._title, tuple(rows), tuple(notes))


def against_live(comparison: LiveComparison) -> Report:
    """Record the counterpart, and compare. E807: the library is missing, or fails."""
    with tempfile.TemporaryDirectory() as folder:
        return comparison.report(record(comparison.cases, Path(folder)))


def compared(model: Model, runner: LayoutRunner, recording: Recording, layout: str) -> Report:
    """All of a recording, with the tolerance of live comparisons."""
    return against(model, runner, recording, layout=layout, tolerance=TOLERANCES[recording.dtype])


def summary(name: str, report: Report) -> Row:
    """The worst of many rows as one."""
    worst = max(report.rows, key=lambda row: np.inf if np.isnan(row.error) else row.error / row.tolerance)
    return replace(worst, name=name, detail=f"largest in {worst.name}" + (f": {worst.detail}" if worst.detail else ""))


def same(name: str, found: Recording, reference: Recording) -> Row:
    """Two recordings of one case: every array has its counterpart, under the same name."""
    if [*found.arrays] != [*reference.arrays]:
        other = sorted({*found.arrays} ^ {*reference.arrays})
        return Row(name, float("inf"), TOLERANCES[reference.dtype].of_values, f"one of the two has {', '.join(other)}")
    pairs = ((key, found.arrays[key], array) for key, array in reference.arrays.items())
    return worst_row(name, pairs, TOLERANCES[reference.dtype].gradients)


def _with_cell(case: RecordedCase, model: Model, cell: Path, sizes: Mapping[str, int]) -> RecordedCase:
    own = {"own": {"file": str(cell), "sizes": {name: sizes[name] for name in model.sizes}}}
    return replace(case, name=f"{case.name}_cell", tree=own)


def features_of(model: Model, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The axes of the one input."""
    if len(model.inputs) != 1 or not model.inputs[0].sequence:
        names = ", ".join(port.name for port in model.inputs)
        raise VerifyError("E806", f"{model.name} has the inputs {names}; a counterpart is given one sequence")
    return tuple(size.evaluate(sizes) for size in model.inputs[0].type.shape)
