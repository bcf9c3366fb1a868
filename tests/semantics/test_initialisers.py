"""Initialisers with numbers: the array is what the text says."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from tests.semantics.support import cell, model

SQUARE = "cell A(n = 3, gain = 2.0) {{\n input x[n]\n {}\n y = x @ W\n output y\n}}"


@pytest.mark.parametrize(
    ("declared", "scale"),
    [
        ("fixed W[n, m: n] = identity", 1.0),
        ("fixed W[n, m: n] = identity(0.5)", 0.5),
        ("param W[n, m: n] = identity(1 / gain)", 0.5),
        ("param W[n, m: n] = identity(gain) if n > 2 else zeros", 2.0),
        ("let start = identity(gain)\n param W[n, m: n] = start", 2.0),
    ],
)
def test_the_gain_of_an_identity(declared: str, scale: float) -> None:
    params = rnnc.compile(SQUARE.format(declared)).init_params(seed=0)
    np.testing.assert_array_equal(params["W"], scale * np.eye(3, dtype=np.float32))


def test_the_gain_of_an_identity_in_a_product() -> None:
    made = cell("h' = tanh(linear(x, h, init = identity(0.7)))")
    assert [p.init.kind for p in made.parameters] == ["identity", "identity", "zeros"]
    assert made.parameters[0].init.numbers == (0.7,)


def test_an_identity_is_a_parameter() -> None:
    made = model("cell A(n, start = identity(0.5)) {\n input x[n]\n param W[n, m: n] = start\n y = x @ W\n output y\n}")
    assert (made.parameters[0].init.kind, made.parameters[0].init.numbers) == ("identity", (0.5,))


def test_an_activation_of_a_number_is_a_number() -> None:
    text = "cell A(n = 3, act = identity) {\n input x[n]\n let k = act(2.0)\n y = k * identity(x)\n output y\n}"
    y, _ = rnnc.compile(text).forward({}, np.ones((1, 1, 3), np.float32))
    np.testing.assert_array_equal(y, np.full((1, 1, 3), 2, np.float32))


HEADS = """
cell A(units = 6, heads = 2) {
  input x[input]
  state h[head: heads, unit: units // heads]
  h' = tanh(linear(x) + linear(h, per = head, init = %s) as rec)
  output h'
}
"""


def test_blocks_per_head_are_identities_and_orthogonal_each() -> None:
    """A weight with `per` holds a matrix for each place (both were filled as one matrix, or not at all)."""
    eye = rnnc.compile(HEADS % "identity(0.5)").init_params(seed=0, input=2)["h.rec.h"]
    np.testing.assert_array_equal(eye, np.tile(0.5 * np.eye(3, dtype=np.float32), (2, 1, 1)))
    blocks = rnnc.compile(HEADS % "orthogonal(2)").init_params(seed=0, input=2, dtype="float64")["h.rec.h"]
    assert not np.allclose(blocks[0], blocks[1])
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, 4 * np.eye(3), atol=1e-12)


def test_a_product_of_several_axes_is_one_matrix() -> None:
    text = "cell A {\n input x[a: 2, b: 3]\n y = linear(x, init = %s, out = [c: 2, d: 4])\n output y\n}"
    eye = rnnc.compile(text % "identity").init_params(seed=0)["y.x"]
    np.testing.assert_array_equal(eye.reshape(6, 8), np.eye(6, 8, dtype=np.float32))
    wide = rnnc.compile(text % "orthogonal").init_params(seed=0, dtype="float64")["y.x"].reshape(6, 8)
    np.testing.assert_allclose(wide @ wide.T, np.eye(6), atol=1e-12)
