"""What holds between runs of one module, whatever the cell is: lengths, padding, single steps, chunks, order of axes.

All in float64. The arithmetic is the same but for the shapes of products, whose sums may be taken in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from rnnc.ir.model import Model
from rnnc.verify.arrays import Array, Arrays, reshape
from rnnc.verify.proving.sample import Sample
from rnnc.verify.report import ROUNDING, Row, relative_error
from rnnc.verify.running.runner import Call, Gradients, Results, Runner

FAR = 1e3  # the size of numbers in padding


def invariant_rows(model: Model, runner: Runner, sample: Sample, lengths: Array) -> Iterator[Row]:
    """Every property of a module that `model` lets it have. `lengths` [batch] of the sample's rows."""
    cut = Cut(model)
    yield _row("lengths: each row alone, cut off", _rows_alone(cut, runner, sample, lengths))
    yield _row("lengths: outputs past the end are zero", _past_the_end(cut, runner, sample, lengths))
    yield _row("lengths: padding changes nothing", _padding(cut, runner, sample, lengths))
    if model.step is not None:
        yield _row("single steps in a row", _single_steps(cut, runner, sample))
        yield _row("two chunks in a row", _chunks(cut, runner, sample))


Differences = Iterator[tuple[str, Array, Array]]


def _row(name: str, differences: Differences) -> Row:
    """One row for the worst of many comparisons."""
    return worst_row(name, differences, ROUNDING)


def worst_row(name: str, differences: Differences, tolerance: float) -> Row:
    """The largest error among named pairs (got, reference), with the name of the pair."""
    worst, where = 0.0, ""
    for what, got, reference in differences:
        error = relative_error(got, reference) if got.shape == reference.shape else float("inf")
        if not error <= worst:  # also for NaN
            worst, where = error, what
            if np.isnan(error):
                break
    return Row(name, worst, tolerance, f"largest in {where}" if where else "")


class Cut:
    """Takes parts of calls and results along time or batch; knows which arrays have which axes."""

    def __init__(self, model: Model) -> None:
        self._sequence = {p.name: p.sequence for p in model.inputs}
        self._per_step = {m.name: m.per == "step" for m in model.masks}
        self.sequences = tuple(p.name for p in model.outputs if p.sequence)
        self.is_whole = bool(model.steps_picked() - {0})  # a row that is cut off may lack a step, or end at another one

    def steps(self, call: Call) -> int:
        """How many there are."""
        return next(a.shape[0] for name, a in call.inputs.items() if self._sequence[name])

    def time(self, call: Call, part: slice) -> Call:
        """Some steps of a call."""
        return call.with_(
            inputs=_along(call.inputs, self._sequence, lambda a: a[part]),
            masks=None if call.masks is None else _along(call.masks, self._per_step, lambda a: a[part]),
        )

    def one_step(self, call: Call, at: int) -> Call:
        """One step, without time, as `step` takes it."""
        return call.with_(
            inputs=_along(call.inputs, self._sequence, lambda a: a[at]),
            masks=None if call.masks is None else _along(call.masks, self._per_step, lambda a: a[at]),
        )

    def row(self, call: Call, at: int) -> Call:
        """One row of the batch."""

        def rows(arrays: Arrays, timed: Mapping[str, bool]) -> Arrays:
            return {n: a[:, at : at + 1] if timed.get(n, False) else a[at : at + 1] for n, a in arrays.items()}

        return call.with_(
            inputs=rows(call.inputs, self._sequence),
            state=None if call.state is None else rows(call.state, {}),
            masks=None if call.masks is None else rows(call.masks, self._per_step),
        )

    def fill_past(self, call: Call, lengths: Array, random: np.random.Generator) -> Call:
        """Other inputs past the lengths: large numbers, or other rows' integers."""
        inputs: Arrays = {}
        for name, array in call.inputs.items():
            if self._sequence[name]:
                other = FAR * random.normal(size=array.shape) if array.dtype.kind == "f" else np.roll(array, 1, axis=1)
                inputs[name] = np.where(_valid(array, lengths), array, other).astype(array.dtype)
            else:
                inputs[name] = array
        return call.with_(inputs=inputs)


def _along(arrays: Arrays, chosen: Mapping[str, bool], cut: Callable[[Array], Array]) -> Arrays:
    return {name: cut(array) if chosen[name] else array for name, array in arrays.items()}


def _valid(array: Array, lengths: Array) -> Array:
    """Whether a step is before a row's end: bool [time, batch, 1, …]."""
    steps = reshape(np.asarray(range(array.shape[0])), -1, *(1,) * (array.ndim - 1))
    return np.less(steps, reshape(lengths, -1, *(1,) * (array.ndim - 2)))


def _rows_alone(cut: Cut, runner: Runner, sample: Sample, lengths: Array) -> Differences:
    whole = runner.forward(sample.call.with_(lengths=lengths))
    for at, length in enumerate(int(n) for n in lengths):
        state = {name: a[at : at + 1] for name, a in whole.state.items()}
        row = cut.row(sample.call, at)
        if length == 0:
            assert row.state is not None
            yield from _pairs(f"row {at}, empty: state", state, row.state)
            continue
        alone = runner.forward(
            row.with_(lengths=np.asarray([length], np.int32)) if cut.is_whole else cut.time(row, slice(0, length))
        )
        for name in cut.sequences:
            yield f"row {at}: {name}", whole.outputs[name][:length, at : at + 1], alone.outputs[name][:length]
        yield from _pairs(f"row {at}: state", state, alone.state)


def _past_the_end(cut: Cut, runner: Runner, sample: Sample, lengths: Array) -> Differences:
    whole = runner.forward(sample.call.with_(lengths=lengths))
    for name in cut.sequences:
        array = whole.outputs[name]
        yield name, np.where(_valid(array, lengths), 0, array), np.zeros_like(array)


def _padding(cut: Cut, runner: Runner, sample: Sample, lengths: Array) -> Differences:
    call = sample.call.with_(lengths=lengths)
    other = cut.fill_past(call, lengths, np.random.default_rng(0))
    (results, gradients), (results2, gradients2) = (differentiate(runner, sample, c) for c in (call, other))
    yield from results_pairs(results2, results)
    yield from gradient_pairs(gradients2, gradients)


def _single_steps(cut: Cut, runner: Runner, sample: Sample) -> Differences:
    whole = runner.forward(sample.call)
    state = sample.call.state
    for at in range(cut.steps(sample.call)):
        one = runner.step(cut.one_step(sample.call, at).with_(state=state))
        state = one.state
        for name in cut.sequences:
            yield f"step {at}: {name}", one.outputs[name], whole.outputs[name][at]
    yield from _pairs("final state", state or {}, whole.state)


def _chunks(cut: Cut, runner: Runner, sample: Sample) -> Differences:
    whole = runner.forward(sample.call)
    middle = max(1, cut.steps(sample.call) // 3)
    first = runner.forward(cut.time(sample.call, slice(0, middle)))
    second = runner.forward(cut.time(sample.call, slice(middle, None)).with_(state=first.state))
    for name in cut.sequences:
        joined = np.concatenate([first.outputs[name], second.outputs[name]])
        yield name, joined, whole.outputs[name]
    yield from _pairs("final state", second.state, whole.state)


# --- runs and pairs ----------------------------------------------------------------------------------------


def differentiate(runner: Runner, sample: Sample, call: Call) -> tuple[Results, Gradients]:
    """Results and gradients of one call, for the sample's cotangents."""
    results, tape = runner.forward_train(call)
    return results, runner.backward(call, tape, sample.d_outputs, sample.d_state)


def results_pairs(got: Results, reference: Results) -> Differences:
    """Outputs and states of two runs, by name."""
    yield from _pairs("output", got.outputs, reference.outputs)
    yield from _pairs("state", got.state, reference.state)


def gradient_pairs(got: Gradients, reference: Gradients) -> Differences:
    """Gradients of two runs, by name."""
    yield from _pairs("gradient of input", got.inputs, reference.inputs)
    yield from _pairs("gradient of state", got.state, reference.state)
    yield from _pairs("gradient of", got.params, reference.params)


def _pairs(what: str, got: Arrays, reference: Arrays) -> Differences:
    for name, array in reference.items():
        yield f"{what} {name}", got[name] if name in got else np.empty(0), array
