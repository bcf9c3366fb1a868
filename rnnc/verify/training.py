"""A recorded training run: steps of Adam, all compared as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model
from rnnc.verify.adam import Adam
from rnnc.verify.arrays import Array, Arrays, reshape
from rnnc.verify.errors import VerifyError
from rnnc.verify.fit import fit
from rnnc.verify.recording import Recording
from rnnc.verify.report import Findings, Row, compare
from rnnc.verify.runner import Call, LayoutRunner
from rnnc.verify.sizes import Equation

USUAL_RATE = 1e-2  # where a recording does not say its own


def train(model: Model, runner: LayoutRunner, recording: Recording, layout: WeightLayout, tolerance: float) -> Findings:
    """Adam on the mean cross-entropy of the network's one output against `labels` [batch, classes]."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise VerifyError("E804", f"a training recording wants one input and one output; {model.name} has others")
    if model.outputs[0].sequence:
        raise VerifyError("E804", f"a training recording wants logits per row; {model.name}'s output has time")
    labels = recording.arrays["labels"]
    (logit_axis,) = model.outputs[0].type.shape
    fitted = fit(model, recording, layout, [Equation(logit_axis, labels.shape[-1], "axis 1 of 'labels'")])
    shape = fitted.shape(model.inputs[0])
    x = reshape(recording.arrays["x"], labels.shape[0], -1, *shape)
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
    known = "lr" in recording.facts.get("sizes", {})
    rate = recording.facts["sizes"]["lr"] if known else USUAL_RATE
    adam = Adam(variables, rate, single=fitted.single)
    losses: list[Array] = []
    rows: list[Row] = []
    for step in range(recording.arrays["loss"].shape[0]):
        loss, _, gradients = evaluate(variables)
        losses.append(loss)
        if step == 0:
            rows += _named_rows("grad:var", gradients, recording, tolerance)
        variables = adam.update(variables, gradients)
    rows.insert(0, compare("loss", np.asarray(losses), recording.arrays["loss"], tolerance))
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
    assumed = () if known else (f"the manifest names no learning rate: {rate} is assumed",)
    return tuple(rows), (*fitted.notes, *assumed)


def _named_rows(prefix: str, found: Arrays, recording: Recording, tolerance: float) -> Iterator[Row]:
    for name, reference in recording.under(prefix).items():
        yield compare(f"{prefix}:{name}", found[name], reference, tolerance)


def _cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Mean softmax cross-entropy over rows [], and its gradient with respect to logits [batch, classes]."""
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    rows: Array = -np.sum(labels * (shifted - log_sum), axis=-1)
    # Labels that sum to 1 per row are TensorFlow's own assumption here.
    d_logits: Array = (np.exp(shifted - log_sum) - labels) / logits.shape[0]
    return np.asarray(rows.mean()), d_logits
