"""What NumPy wants said otherwise: the text that comes of it, and the same numbers."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import rnnc
from tests.numpy.support import EXAMPLES

SIGNS = """
cell Gates(units) {
  input x[input]
  state h[units]
  g = sigmoid(linear(x, h))
  h' = g * tanh(linear(x, h)) + (1 - g) * h
  output h'
}
"""
MATRIX = """
cell Heads(heads, units) {
  input x[heads, input]
  state h[heads, units]
  param w[input, units]
  param bias[units] = 0.5
  h' = tanh(x @ w + bias) + h
  output h'
}
"""
JOINT = """
cell Joint(units) {
  input x[input]
  state h[units]
  param W[input, both: 3 * units], U[units, both: 3 * units]
  z = x @ W + h @ U
  h' = sigmoid(z[both = :units]) * tanh(z[both = units:2 * units]) + sigmoid(z[both = 2 * units:]) * h
  output h'
}
"""
RECOMPUTED = """
cell Delayed(units) {
  input x[units]
  state n[units], before[units], h[units]
  n' = tanh(linear(x, n))
  before' = 0.3 * n
  h' = where(step % 3 == 0, 0.9 * h, sin(linear(before, out = units)))
  output h'
}
"""


def test_biases_stay_where_a_stretch_is_computed_again() -> None:
    """Under `--save every=K` the product of a sequence may depend on what the stretch itself computes."""
    whole, stretches = (rnnc.compile(RECOMPUTED, save=save, units=3) for save in ("all", "every=2"))
    params, x = whole.init_params(dtype="float64", seed=0), np.random.default_rng(2).standard_normal((2, 5, 3))
    found, expected = (m.backward(params, m.forward_train(params, x)[2], np.ones(x.shape)) for m in (stretches, whole))
    for name, gradient in expected["params"].items():
        np.testing.assert_allclose(found["params"][name], gradient, rtol=0, atol=1e-13)


def test_biases_are_weights_of_the_input_product() -> None:
    module = rnnc.compile(SIGNS, units=3)
    text = inspect.getsource(module)
    forward = text[text.index("def _run_forward") : text.index("def _pack_step")]
    before, _ = forward.split("    for ", 1)
    assert "np.dot(" in before
    assert "np.add(" not in before
    assert "np_exp(" in forward
    assert "np.negative(" not in forward


def test_signs_of_gates_are_packed_with_their_weights() -> None:
    text = inspect.getsource(rnnc.compile(EXAMPLES / "lstm.rnn", units=3, peepholes=True))
    pack = text[text.index("def _pack_forward") : text.index("def _run_forward")]
    assert "np.negative(i_x, out=" in pack
    assert "np.negative(o_h, out=" in pack
    assert "np.multiply(" not in pack


def test_signs_of_a_part_of_a_weight() -> None:
    """A weight that is one array gets its signs by a product, once."""
    text = inspect.getsource(rnnc.compile(JOINT, units=3))
    run = text[text.index("def _run_forward") : text.index("def _run_train")]
    assert "signs" in text[text.index("def _pack_forward") : text.index("def _run_forward")]
    assert "np_negative(" not in run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("source", [SIGNS, MATRIX, JOINT])
def test_the_numbers_stay(source: str, dtype: str) -> None:
    """A sequence at once is what single steps give: these know nothing of whole products."""
    options = {"units": 3, "heads": 2} if source is MATRIX else {"units": 3}
    module = rnnc.compile(source, **options)
    random = np.random.default_rng(1)
    params = {
        name: random.standard_normal(value.shape).astype(dtype)
        for name, value in module.init_params(dtype=dtype, input=4, seed=0).items()
    }
    x = random.standard_normal((2, 5, *([2] if source is MATRIX else []), 4)).astype(dtype)
    outputs, final = module.forward(params, x)
    state = None
    for t in range(5):
        output, state = module.step(params, x[:, t], state)
        np.testing.assert_allclose(outputs[:, t], output, rtol=0, atol=1e-6 if dtype == "float32" else 1e-14)
    np.testing.assert_allclose(final, state, rtol=0, atol=1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("size", [1e4, 3e38, np.inf])
def test_gates_have_limits(size: float) -> None:
    """Where the exponential overflows the gate is 0 or 1, without a warning."""
    module = rnnc.compile("cell Gate() {\n  input x[n]\n  y = sigmoid(x)\n  output y\n}\n")
    x = np.array([[[size, -size, 0.0]]], np.float32)
    with np.errstate(all="raise"):
        outputs, _ = module.forward({}, x)
    np.testing.assert_array_equal(outputs, [[[1, 0, 0.5]]])


def test_conditions_that_are_known_are_conditions() -> None:
    """What is the same for all rows does not stand for the whole value; the truth value that remains is no number."""
    text = """
    cell Known(n = 2) {
      input x[n]
      state h[n]
      param p[n] = 0.25
      e  = 1 + mean(ones(k: 2))
      h' = 0.5 * h + where(e > 5, tanh(x + h), p)
      output h'
    }"""
    module = rnnc.compile(text)
    assert "np.array(False" in inspect.getsource(module)
    y, _, tape = module.forward_train(module.init_params(dtype="float64"), np.zeros((1, 3, 2)))
    np.testing.assert_array_equal(y[0, :, 0], [0.25, 0.375, 0.4375])
    found = module.backward(module.init_params(dtype="float64"), tape, np.ones((1, 3, 2)))
    np.testing.assert_array_equal(found["params"]["p"], [4.25, 4.25])


SMALL = """
cell C(units) {
  input x[units]
  state h[units]
  f  = sigmoid(linear(x, h))
  h' = log(f * 0.5) + 0 * h
  output f, h'
}
"""


def test_small_sigmoids_have_all_of_their_digits() -> None:
    """Logarithms and quotients want them, in a description or of its outputs, in float32 too."""
    module = rnnc.compile(SMALL, units=1)
    params = {name: np.zeros_like(value) for name, value in module.init_params(seed=0).items()}
    params["f.x"][:] = 1
    for x in (-20.0, -60.0):
        outputs, _ = module.forward(params, np.full((1, 1, 1), x, np.float32))
        np.testing.assert_allclose(outputs["f"].item(), np.exp(x), rtol=1e-5)
        np.testing.assert_allclose(outputs["h"].item(), x - np.log(2), rtol=1e-6)


def test_a_mean_is_a_sum_and_a_quotient() -> None:
    """`np.mean` is a function of Python, and costs more than the two calls that it makes."""
    text = inspect.getsource(rnnc.compile(EXAMPLES / "layer_norm_lstm.rnn", units=3))
    assert "np.mean(" not in text
    step = text[text.index("def _run_forward") : text.index("def _run_step")].split("    for ", 1)[1]
    assert step.count("np.add.reduce(") == 2 + 2  # of all gates at once, and of the state
    assert step.count("np_divide(") == 4 + 2 + 1  # means, norms and sigmoids
    assert "[...] = v" not in step  # a gate is a view


def test_signs_of_gates_go_into_gain_and_shift() -> None:
    text = inspect.getsource(rnnc.compile("""
fn norm(v[d]) {
  param gain[d] = ones, shift[d] = zeros
  return gain * v / sqrt(mean(v * v, d) + 0.1) + shift
}
cell Normed(units) {
  input x[input]
  state h[units]
  h' = sigmoid(norm(linear(x, h))) - h
  output h'
}
""", units=3))  # fmt: skip
    assert text[text.index("def _pack_forward") : text.index("def _run_forward")].count("np.negative(") == 2
    assert "np_negative(" not in text[text.index("def _run_forward") : text.index("def _pack_step")]
