"""Recordings of cells written here: two outputs, a step counter, joined states, two biases, transposed weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.verify.arrays import Arrays
from rnnc.verify.commands import verify_against
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.invariants import differentiate
from rnnc.verify.proving.sample import Draw

CELL = """
cell Odd(units, period = 2) {
  input x[input], z[units]
  state s[units] = 1, t[units]
  gate g = sigmoid(linear(x, s))
  s'     = where(step % period == 0, g * s + z, s)
  t'     = tanh(t + linear(x, bias = false))
  output s', other: g

  layout torch(scope = "cell") {
    "weight_ih" = T([g.x, t.x])
    "weight_hh" = T(g.s)
    "bias_ih" = g.bias
    "bias_hh" = g.bias
    "negative" = [-(2 * g.bias), unused([3])]
    order input = [z, x]
    order state = [t, s]
  }
}
"""
SIZES = {"units": 3, "input": 4}
STEPS, BATCH = 5, 2


def recorded(path: Path, **changes: np.ndarray) -> Path:
    """What the interpreter computes, written down as a reference would: states in one array, batch first."""
    model = model_of(Source("<test>", CELL))
    runner = InterpretedRunner(model, SIZES)
    draw = Draw(model, SIZES, seed=0)
    shapes = {p.name: [a.size.evaluate(SIZES) for a in p.axes] for p in model.parameters}
    params: Arrays = {name: draw.random.normal(size=shape) for name, shape in shapes.items()}
    sample = draw.sample(runner, params, STEPS, BATCH)
    state = {**(sample.call.state or {}), "step": np.zeros(BATCH, np.int32)}
    call = sample.call.with_(state=state)
    results, gradients = differentiate(runner, sample, call)
    bias = call.params["g.bias"]
    variables = {
        "cell/weight_ih": np.concatenate([call.params["g.x"], call.params["t.x"]], axis=1).T,
        "cell/weight_hh": call.params["g.s"].T,
        "cell/bias_ih": 0.25 * bias,
        "cell/bias_hh": 0.75 * bias - 1.0,
        "cell/negative": np.concatenate([-2.0 * np.ones_like(bias), np.full(3, 5.0)]),
    }

    def rows(array: np.ndarray) -> np.ndarray:
        return np.swapaxes(array, 0, 1)

    arrays = {
        "x:0": rows(call.inputs["z"]),
        "x:1": rows(call.inputs["x"]),
        "state0": np.concatenate([state["t"], state["s"]], axis=-1),
        "outputs:0": rows(results.outputs["s"]),
        "outputs:1": rows(results.outputs["other"]),
        "final_state:0": np.concatenate([results.state["t"], results.state["s"]], axis=-1),
        "cot:outputs:0": rows(sample.d_outputs["s"]),
        "cot:outputs:1": rows(sample.d_outputs["other"]),
        "cot:final_state:0": np.concatenate([sample.d_state["t"], sample.d_state["s"]], axis=-1),
        "grad:x:0": rows(gradients.inputs["z"]),
        "grad:x:1": rows(gradients.inputs["x"]),
        "grad:state0:0": np.concatenate([gradients.state["t"], gradients.state["s"]], axis=-1),
        "grad:var:model/cell/weight_hh": gradients.params["g.s"].T,
        "grad:var:model/cell/bias_hh": gradients.params["g.bias"],
        **{f"var:model/{name}": array for name, array in variables.items()},
    }
    np.savez(path, **{**arrays, **changes})
    return path


def test_a_recording_without_manifest_of_a_cell_that_nobody_has_seen(tmp_path: Path) -> None:
    path = recorded(tmp_path / "odd.npz")
    report = verify_against(Source("<test>", CELL), path)
    assert report.passed, report.failures
    names = {row.name for row in report.rows}
    assert {"outputs:0 (forward)", "outputs:1 (forward)", "final_state:0 (forward)", "grad:x:0", "grad:x:1"} <= names
    assert {"grad:state0:0", "grad:var:model/cell/weight_hh"} <= names
    assert "no grad:var:model/cell/weight_ih is recorded" in report.notes


def test_outputs_of_two_directions_may_be_two_arrays(tmp_path: Path) -> None:
    """As tf.nn.bidirectional_dynamic_rnn gives them; the description has them side by side."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 3, 5)), random.normal(size=(2, 3, 5))
    np.savez(
        tmp_path / "two.npz",
        **{
            "x": x,
            "outputs:0": x[..., :2] * 2,
            "outputs:1": x[..., 2:] * 2,
            "cot:outputs:0": y[..., :2],
            "cot:outputs:1": y[..., 2:],
            "grad:x": 2 * y,
            "loss": np.sum(2 * x * y),
        },
    )
    text = 'network Twice {\n  input x[input]\n  output y: 2 * x\n  layout tf(scope = "") {\n  }\n}\n'
    report = verify_against(Source("<test>", text), tmp_path / "two.npz")
    assert report.passed, report.failures
    assert "the recorded outputs are taken side by side" in report.notes


ONE_STEP = """
cell Timed(units) {
  input time[], x[input]
  state h[units]
  h' = leaky_relu(linear(x, h)) * time
  output h'

  layout tf(scope = "timed", constants = "float32") {
    "kernel" = [[h.x], [h.h]]
    "bias" = h.bias
  }
}
"""


def test_one_step_with_a_number_per_row_and_a_constant_in_float32(tmp_path: Path) -> None:
    """The number may have an axis of its own; the slope of leaky_relu is float32 in TensorFlow's float64 graphs."""
    random = np.random.default_rng(0)
    time, x, h, kernel, bias = (random.normal(size=shape) for shape in ((3, 1), (3, 2), (3, 4), (6, 4), (4,)))
    z = np.concatenate([x, h], axis=1) @ kernel + bias
    after = np.where(z > 0, z, float(np.float32(0.2)) * z) * time
    arrays = {"x:0": time, "x:1": x, "state0:0": h, "outputs": after, "final_state:0": after}
    weights = {"var:timed/kernel": kernel, "var:timed/bias": bias}
    np.savez(tmp_path / "step.npz", **arrays, **weights)
    report = verify_against(Source("<test>", ONE_STEP), tmp_path / "step.npz")
    assert report.passed, report.failures


@pytest.mark.parametrize("key", ["outputs:1", "final_state:0", "grad:x:0", "grad:var:model/cell/bias_hh"])
def test_each_array_counts(tmp_path: Path, key: str) -> None:
    path = recorded(tmp_path / "odd.npz")
    with np.load(path) as file:
        array = file[key] + 1e-6
    report = verify_against(Source("<test>", CELL), recorded(tmp_path / "other.npz", **{key: array}))
    assert {row.name.partition(" ")[0] for row in report.failures} == {key}
