"""States that begin with what is there once per row: by themselves, inside of a cell, and in networks."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc

DECODER = """
cell Decoder(units = 3) {
  input y[embed], context[width] per row
  state s[units] = tanh(s0), p[units] = 0.5 * s0
  s0 = linear(context)
  s' = tanh(linear(y, s))
  p' = 0.5 * p + s'
  output s' + p'
}

cell Around(units = 3) {
  input y[embed], context[width] per row
  use d = Decoder(units)
  o = d(y, 2 * context)
  output o
}

network Both(units = 3) {
  input y[embed], context[width] per row
  a = Decoder(units)(y, context)
  b = backward(Decoder(units))(a, last(a))
  output a + b
}
"""
SIZES = {"embed": 2, "width": 4}


@pytest.mark.parametrize("name", ["Decoder", "Around", "Both"])
def test_steps_and_lengths_agree(name: str) -> None:
    module = rnnc.compile(DECODER, name=name)
    params = module.init_params(seed=1, dtype="float64", **SIZES)
    random = np.random.default_rng(2)
    y, context = random.standard_normal((2, 5, 2)), random.standard_normal((2, 4))
    output, _ = module.forward(params, {"y": y, "context": context}, lengths=[5, 3])
    for row, length in enumerate([5, 3]):
        alone, _ = module.forward(params, {"y": y[row : row + 1, :length], "context": context[row : row + 1]})
        np.testing.assert_allclose(output[row, :length], alone[0], atol=1e-12)
    state, steps = None, []
    for t in range(5 if name != "Both" else 0):
        one, state = module.step(params, {"y": y[:, t], "context": context}, state)
        steps.append(one)
    if steps:
        np.testing.assert_allclose(np.stack(steps, 1)[0], output[0], atol=1e-12)


@pytest.mark.parametrize(("name", "factor", "path"), [("Decoder", 1.0, ""), ("Around", 2.0, "d.")])
def test_a_state_begins_as_what_a_row_is_given(name: str, factor: float, path: str) -> None:
    module = rnnc.compile(DECODER, name=name)
    params = module.init_params(seed=1, dtype="float64", **SIZES)
    random = np.random.default_rng(2)
    y, context = random.standard_normal((2, 5, 2)), random.standard_normal((2, 4))
    s0 = factor * context @ params[f"{path}s0.context"] + params[f"{path}s0.bias"]
    begun = {f"{path}s": np.tanh(s0), f"{path}p": 0.5 * s0}
    inputs = {"y": y, "context": context}
    for one, other in zip(module.forward(params, inputs), module.forward(params, inputs, begun), strict=True):
        np.testing.assert_equal(one, other)


def test_gradients_reach_what_a_row_is_given() -> None:
    module = rnnc.compile(DECODER, name="Decoder")
    params = module.init_params(seed=1, dtype="float64", **SIZES)
    random = np.random.default_rng(2)
    y, context, way = (random.standard_normal(shape) for shape in [(2, 5, 2), (2, 4), (2, 4)])

    def loss(context: np.ndarray) -> float:
        return float(module.forward(params, {"y": y, "context": context})[0].sum())

    output, _, tape = module.forward_train(params, {"y": y, "context": context})
    gradients = module.backward(params, tape, np.ones_like(output))
    slope = (loss(context + 1e-6 * way) - loss(context - 1e-6 * way)) / 2e-6
    np.testing.assert_allclose((gradients["x"]["context"] * way).sum(), slope, rtol=1e-6)
