"""A recorded training run: steps of Adam, all compared as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model
from rnnc.verify.arrays import Array, Arrays, reshape
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.adam import Adam
from rnnc.verify.records.adam_settings import find_settings
from rnnc.verify.records.fit import fit
from rnnc.verify.records.recording import Recording
from rnnc.verify.report import Findings, Row, compare
from rnnc.verify.running.runner import Call, LayoutRunner
from rnnc.verify.sizes import Equation


def train(model: Model, runner: LayoutRunner, recording: Recording, layout: WeightLayout, tolerance: float) -> Findings:
    """Adam on the mean cross-entropy of the network's one output against `labels` [batch, classes]."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise VerifyError("E804", f"a training recording wants one input and one output; {model.name} has others")
    if model.outputs[0].sequence:
        raise VerifyError("E804", f"a training recording wants logits per row; {model.name}'s output has time")
    labels, recorded_losses = recording.arrays["labels"], _losses(recording)
    if labels.ndim != 2 or model.outputs[0].type.rank != 1:
        raise VerifyError("E804", f"{recording.name}: `labels` and logits should be [batch, classes]")
    (logit_axis,) = model.outputs[0].type.shape
    fitted = fit(model, recording, layout, [Equation(logit_axis, labels.shape[-1], "axis 1 of 'labels'")])
    shape = fitted.shape(model.inputs[0])
    x = _rows(recording, labels.shape[0], shape)
    inputs = {model.inputs[0].name: np.ascontiguousarray(np.swapaxes(x, 0, 1))}
    logits_name = model.outputs[0].name

    def evaluate(variables: Arrays) -> tuple[Array, Array, Arrays]:
        """Loss, logits, and gradients of variables under recorded names."""
        call = Call(fitted.parameters(runner, variables), inputs)
        results, tape = runner.forward_train(call)
        logits = results.outputs[logits_name]
        loss, d_logits = _cross_entropy(logits, labels)
        _, no_state = results.no_cotangents()
        gradients = runner.backward(call, tape, {logits_name: d_logits}, no_state)
        return loss, logits, fitted.variable_gradients(runner, call.params, gradients.params)

    variables = dict(recording.variables)
    settings, found = find_settings(recording, variables, evaluate, recorded_losses, single=fitted.single)
    notes = (*fitted.notes, *found)
    adam = Adam(variables, **settings, single=fitted.single)
    steps = len(recorded_losses)
    losses: list[Array] = []
    rows: list[Row] = []
    for step in range(steps):
        loss, _, gradients = evaluate(variables)
        losses.append(loss)
        if step == 0:
            rows += _named_rows("grad:var", gradients, recording, tolerance)
        variables = adam.update(variables, gradients)
    rows.insert(0, compare("loss", np.asarray(losses), recorded_losses, tolerance))
    loss, logits, _ = evaluate(variables)
    finals: Arrays = {
        "final_loss": loss,
        "final_logits": logits,
        "adam:beta1_power": adam.power1,
        "adam:beta2_power": adam.power2,
    }
    rows += [
        compare(key, got, recording.arrays[key], tolerance) for key, got in finals.items() if key in recording.arrays
    ]
    for prefix, found in (("final_var", variables), ("adam_m", adam.m), ("adam_v", adam.v)):
        rows += _named_rows(prefix, found, recording, tolerance)
    return tuple(rows), notes


def _losses(recording: Recording) -> Array:
    losses = recording.arrays.get("loss")
    if losses is None or losses.ndim != 1:
        raise VerifyError("E804", f"{recording.name}: `loss` of a training recording is a number per step")
    return losses


def _rows(recording: Recording, batch: int, shape: tuple[int, ...]) -> Array:
    """`x` as [batch, time, *shape], whatever its own shape is."""
    x = recording.arrays.get("x")
    if x is None or x.size % max(1, batch * int(np.prod(shape))) or x.dtype != recording.dtype:
        wanted = f"{batch} rows (as `labels`) of steps {list(shape)}, {recording.dtype}"
        found = "is not there" if x is None else f"is {list(x.shape)}, {x.dtype}"
        raise VerifyError("E804", f"{recording.name}: `x` should hold {wanted}, and {found}")
    return reshape(x, batch, -1, *shape)


def _named_rows(prefix: str, found: Arrays, recording: Recording, tolerance: float) -> Iterator[Row]:
    for name, reference in recording.under(prefix).items():
        if name not in found:
            raise VerifyError("E804", f"{recording.name} records {prefix}:{name}, and no var:{name}")
        yield compare(f"{prefix}:{name}", found[name], reference, tolerance)


def _cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Mean softmax cross-entropy over rows [], and its gradient with respect to logits [batch, classes]."""
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    rows: Array = -np.sum(labels * (shifted - log_sum), axis=-1)
    # Labels that sum to 1 per row are TensorFlow's own assumption here.
    d_logits: Array = (np.exp(shifted - log_sum) - labels) / logits.shape[0]
    return np.asarray(rows.mean()), d_logits
