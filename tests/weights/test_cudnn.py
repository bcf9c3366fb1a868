"""The layout `cudnn`: canonical matrices w_k and biases b_k, k being the linLayerID, mean what cuDNN's equations say.

Written from the description of cudnnRNNMode_t in NVIDIA's reference: cuDNN itself needs a GPU.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import rnnc
from tests.numpy.support import EXAMPLES

Arrays = dict[str, np.ndarray]
UNITS, INPUT, STEPS, ROWS = 3, 2, 4, 5
RANDOM = np.random.default_rng(7)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def canonical(gates: int, out: int, place: str = "", width: int = INPUT, proj: bool = False) -> Arrays:
    """Random parameters: [units, width] for the input, [units, out] for the state, two biases each."""
    shapes = [(UNITS, width)] * gates + [(UNITS, out)] * gates + [(out, UNITS)] * proj
    found = {f"{place}w_{k}": RANDOM.normal(0, 0.6, shape) for k, shape in enumerate(shapes)}
    return {**found, **{f"{place}b_{k}": RANDOM.normal(0, 0.6, UNITS) for k in range(2 * gates)}}


def products(p: Arrays, x: np.ndarray, h: np.ndarray, gates: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """W_k x + bW_k and R_k h + bR_k of every gate."""
    ours = [x @ p[f"w_{k}"].T + p[f"b_{k}"] for k in range(gates)]
    return ours, [h @ p[f"w_{gates + k}"].T + p[f"b_{gates + k}"] for k in range(gates)]


def lstm(p: Arrays, x: np.ndarray) -> np.ndarray:
    """0: input gate, 1: forget gate, 2: new memory, 3: output gate; 8: the projection."""
    out = p["w_4"].shape[1]
    h, c, outputs = np.zeros((x.shape[1], out)), np.zeros((x.shape[1], UNITS)), []
    for x_t in x:
        i, f, j, o = (a + b for a, b in zip(*products(p, x_t, h, 4), strict=True))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        h = h @ p["w_8"].T if "w_8" in p else h
        outputs.append(h)
    return np.stack(outputs)


def gru(p: Arrays, x: np.ndarray) -> np.ndarray:
    """0: reset gate, 1: update gate, 2: new memory."""
    h, outputs = np.zeros((x.shape[1], UNITS)), []
    for x_t in x:
        (r, u, n), (r_h, u_h, n_h) = products(p, x_t, h, 3)
        u = sigmoid(u + u_h)
        h = (1 - u) * np.tanh(n + sigmoid(r + r_h) * n_h) + u * h
        outputs.append(h)
    return np.stack(outputs)


def relu(p: Arrays, x: np.ndarray) -> np.ndarray:
    h, outputs = np.zeros((x.shape[1], UNITS)), []
    for x_t in x:
        (own,), (recurrent,) = products(p, x_t, h, 1)
        h = np.maximum(own + recurrent, 0)
        outputs.append(h)
    return np.stack(outputs)


def module(example: str, **options: str) -> ModuleType:
    return rnnc.compile(f"{EXAMPLES / example}", options=options)


X = RANDOM.normal(size=(STEPS, ROWS, INPUT))


@pytest.mark.parametrize(
    ("example", "options", "equations", "gates"),
    [
        ("lstm.rnn", {}, lstm, 4),
        ("lstm.rnn", {"proj": "2", "forget_bias": "0.5"}, lstm, 4),
        ("basic_lstm.rnn", {}, lstm, 4),
        ("gru.rnn", {"reset": "after"}, gru, 3),
        ("rnn.rnn", {"activation": "relu"}, relu, 1),
    ],
    ids=["lstm", "projection", "basic_lstm", "gru", "relu"],
)
def test_canonical_parameters(example: str, options: dict[str, str], equations: object, gates: int) -> None:
    assert callable(equations)
    found = module(example, **options)
    arrays = canonical(gates, int(options.get("proj", UNITS)), proj="proj" in options)
    outputs, _ = found.forward(found.from_layout("cudnn", arrays), X, time_major=True)
    np.testing.assert_allclose(outputs, equations(arrays, X), rtol=0, atol=1e-12)


def test_pseudo_layers_of_two_directions() -> None:
    """Forward of the first layer, backward of the first, forward of the second, …."""
    cells = "[GRU(3, reset = after), GRU(3, reset = after)]"
    found = module("bidirectional.rnn:StackedBidirectional", fw=cells, bw=cells)
    layers = [canonical(3, UNITS, width=width) for width in (INPUT, INPUT, 2 * UNITS, 2 * UNITS)]
    arrays = {f"layer_{k}/{name}": array for k, layer in enumerate(layers) for name, array in layer.items()}
    outputs, _ = found.forward(found.from_layout("cudnn", arrays), X, time_major=True)
    expected = X
    for forward, backward in (layers[:2], layers[2:]):
        expected = np.concatenate([gru(forward, expected), gru(backward, expected[::-1])[::-1]], axis=2)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("example", "options"),
    [
        ("gru.rnn", {"reset": "before"}),
        ("lstm.rnn", {"peepholes": "true"}),
        ("lstm.rnn", {"cell_clip": "3"}),
        ("rnn.rnn", {"activation": "sigmoid"}),
    ],
)
def test_what_cudnn_cannot_say_has_no_layout(example: str, options: dict[str, str]) -> None:
    found = module(example, **options)
    with pytest.raises((KeyError, ValueError), match=r"has no layout 'cudnn'|'cudnn' does not fit"):
        found.to_layout("cudnn", found.init_params(units=3, input=2))
