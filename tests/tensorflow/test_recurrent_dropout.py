"""Keras' `dropout` with `recurrent_dropout`: imported descriptions compute what Keras' cells do, by the same masks."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call

keras = pytest.importorskip("keras", minversion="3")
ROWS, STEPS, INPUT, UNITS, DROPOUT, RECURRENT = 3, 5, 4, 6, 0.25, 0.5
CALLS = {  # and the equations of the gates, in Keras' order
    "SimpleRNNCell": ("", ["h"]),
    "LSTMCell": ("", ["i", "f", "j", "o"]),
    "GRUCell": ("reset_after=True", ["u", "r", "n"]),
    "GRUCell, before": ("reset_after=False", ["u", "r", "n"]),
}


@pytest.mark.parametrize("call", CALLS)
def test_masks_stand_where_keras_has_them(call: str) -> None:
    more, gates = CALLS[call]
    rates = f"dropout={DROPOUT}, recurrent_dropout={RECURRENT}"
    text = f"keras.layers.{call.partition(',')[0]}({UNITS}, {rates}, {more})"
    keras.utils.clear_session()  # names of layers count from the start
    cell = eval(text, {"keras": keras})
    cell.build((ROWS, INPUT))
    rng = np.random.default_rng(0)
    cell.set_weights([rng.standard_normal(w.shape).astype("float32") for w in cell.get_weights()])
    masks = {f"{gate}.{of}": rng.integers(0, 2, (ROWS, size)).astype("float32")
             for gate in gates for of, size in (("x", INPUT), ("h", UNITS))}  # fmt: skip

    x = rng.standard_normal((ROWS, STEPS, INPUT)).astype("float32")
    given = [[masks[f"{gate}.{of}"] / (1 - rate) for gate in gates] for of, rate in (("x", DROPOUT), ("h", RECURRENT))]
    cell._dropout_mask, cell._recurrent_dropout_mask = given if len(gates) > 1 else [one for (one,) in given]
    states = [np.zeros((ROWS, UNITS), "float32")] * (2 if "LSTM" in call else 1)
    expected = []
    for t in range(STEPS):
        y, states = cell(x[:, t], states, training=True)
        expected.append(np.asarray(y))

    module = rnnc.compile(import_call(Source("<call>", text)).text)
    params = module.from_layout("keras", {w.path: np.asarray(w) for w in cell.weights})
    found, _ = module.forward(params, x, training=True, masks=masks)
    np.testing.assert_allclose(found, np.stack(expected, 1), rtol=2e-5, atol=2e-6)
