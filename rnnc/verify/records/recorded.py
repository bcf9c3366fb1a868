"""`rnnc verify --against FILE.npz`: a model against what a reference computed, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model
from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.errors import VerifyError
from rnnc.verify.proving.invariants import Cut
from rnnc.verify.records.evaluation import Evaluation
from rnnc.verify.records.fit import choose_layout
from rnnc.verify.records.recording import Recording
from rnnc.verify.records.training import train
from rnnc.verify.report import TOLERANCE, Findings, Report, Row, Tolerance, compare
from rnnc.verify.running.runner import Gradients, LayoutRunner, Results


def against(
    model: Model,
    runner: LayoutRunner,
    recording: Recording,
    *,
    layout: str | None = None,
    tolerance: Tolerance | None = None,
) -> Report:
    """Compare a model, as `runner` runs it, with a recording. E801-E804 where they cannot be compared."""
    recording = recording.side_by_side(len(model.outputs))
    chosen = choose_layout(model, layout, recording)
    tolerance = tolerance or Tolerance(TOLERANCE[recording.dtype])
    if recording.is_training:
        rows, notes = train(model, runner, recording, chosen, tolerance.gradients)
    else:
        rows, notes = _evaluation(model, runner, recording, chosen, tolerance)
    return Report(f"{model.name} against {recording.name}", rows, notes)


def _evaluation(
    model: Model, runner: LayoutRunner, recording: Recording, layout: WeightLayout, tolerance: Tolerance
) -> Findings:
    """In the orders of axes and masks that the recording has; where it does not tell, in those that fit."""
    evaluation = Evaluation(model, recording, layout)
    rows, notes = _compared(model, runner, evaluation, tolerance)
    if all(row.passed for row in rows):
        return rows, notes
    for time_major, way in product((False, True), range(evaluation.ways)):
        if time_major <= evaluation.is_ambiguous and (time_major or way):
            other = Evaluation(model, recording, layout, time_major=time_major, way=way)
            found, other_notes = _compared(model, runner, other, tolerance)
            if all(row.passed for row in found):
                read = ["no array tells time from batch: read as time-major, which fits"] if time_major else []
                return found, (*other_notes, *read)
    if evaluation.is_ambiguous:
        notes = (*notes, "no array tells time from batch: neither batch-major (shown) nor time-major fits")
    return rows, notes


def _compared(model: Model, runner: LayoutRunner, evaluation: Evaluation, tolerance: Tolerance) -> Findings:
    recording = evaluation.recording
    call = evaluation.call(runner)
    rows: list[Row] = []
    notes = [*evaluation.fit.notes, *evaluation.notes]
    if evaluation.timing.single_step and model.step is not None:
        one = runner.step(Cut(model).one_step(call, 0))
        stepped = Results({name: a[np.newaxis] for name, a in one.outputs.items()}, one.state)
        rows += _values(evaluation, stepped, tolerance.of_values, "step")
    d_outputs, d_state = evaluation.cotangents()
    if not d_outputs:
        notes.append("no gradients are recorded")
        return (*rows, *_values(evaluation, runner.forward(call), tolerance.of_values, "forward")), tuple(notes)
    results, tape = runner.forward_train(call)
    rows += _values(evaluation, results, tolerance.of_values, "forward_train")
    if model.states and not d_state:
        notes.append("no cotangents of final states are recorded: they count nothing in the loss")
    if "loss" in recording.arrays:
        rows.append(compare("loss", _loss(results, d_outputs, d_state), recording.arrays["loss"], tolerance.gradients))
    no_outputs, no_state = results.no_cotangents()
    gradients = runner.backward(call, tape, {**no_outputs, **d_outputs}, {**no_state, **d_state})
    given = call.state is not None
    variables = evaluation.fit.variable_gradients(runner, call.params, gradients.params)
    for name, found in _gradients(evaluation, gradients, variables, given):
        if name in recording.arrays:
            rows.append(compare(name, found, recording.arrays[name], tolerance.gradients))
        else:
            notes.append(f"no {name} is recorded")
    compared = {row.name for row in rows}
    for name in recording.arrays:
        if name.startswith("grad:") and name not in compared:
            raise VerifyError("E804", f"{recording.name} records {name}, for which {model.name} has no gradient")
    rows += _values(evaluation, runner.forward(call), tolerance.of_values, "forward")
    return tuple(rows), tuple(notes)


def _values(evaluation: Evaluation, results: Results, tolerance: float, entry: str) -> Iterator[Row]:
    """Outputs and final states as recorded."""
    recorded = evaluation.recording.numbered("outputs")
    for index, (got, reference) in enumerate(zip(evaluation.give_outputs(results.outputs), recorded, strict=True)):
        name = "outputs" if len(recorded) == 1 else f"outputs:{index}"
        yield compare(f"{name} ({entry})", got, reference, tolerance)
    finals = evaluation.recording.numbered("final_state")
    if not finals:
        return
    states = evaluation.give_states(results.state)
    if len(states) != len(finals):
        message = f"{evaluation.recording.name}: {len(finals)} `final_state` where {len(states)} belong"
        raise VerifyError("E804", message)
    for index, (got, reference) in enumerate(zip(states, finals, strict=True)):
        yield compare(f"final_state:{index} ({entry})", got, reference, tolerance)


def _loss(results: Results, d_outputs: Arrays, d_state: Arrays) -> Array:
    """The sum of all results, weighted by their cotangents."""
    sums = [float(np.sum(results.outputs[name] * weight)) for name, weight in d_outputs.items()]
    sums += [float(np.sum(results.state[name] * weight)) for name, weight in d_state.items()]
    return np.asarray(sum(sums))


def _gradients(
    evaluation: Evaluation, gradients: Gradients, variables: Arrays, state_given: bool
) -> Iterator[tuple[str, Array]]:
    """Gradients under the keys that a recording has for them."""
    inputs = evaluation.inputs
    for index, part in enumerate(inputs):
        if part.names[0] in gradients.inputs:
            key = "grad:x" if "x" in evaluation.recording.arrays else f"grad:x:{index}"
            yield key, evaluation.give_input(part, gradients.inputs)
    if state_given:
        for index, array in enumerate(evaluation.give_states(gradients.state)):
            yield f"grad:state0:{index}", array
    for name, array in variables.items():
        yield f"grad:var:{name}", array
