"""Grid LSTM in both directions whose second one reads slices that begin elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnc.compiler import model_of
from rnnc.syntax.source import read_source
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.running.runner import Call

GRID = read_source(Path(__file__).parents[2] / "examples" / "grid_lstm.rnn")
BATCH, STEPS, WIDTH = 2, 2, 5


@pytest.mark.parametrize(("offset", "moved"), [(1, [1, 2, 3, 4, None]), (-2, [None, None, 0, 1, 2])])
def test_an_offset_moves_what_the_second_direction_reads(offset: int, moved: list[int | None]) -> None:
    """With zeros where nothing is: as tf.contrib.rnn.BidirectionalGridLSTMCell pads."""
    sizes = {"units": 2, "input": WIDTH}
    x = np.random.default_rng(0).normal(size=(STEPS, BATCH, WIDTH))
    other = np.stack([np.zeros((STEPS, BATCH)) if k is None else x[..., k] for k in moved], axis=-1)
    found: list[np.ndarray] = []
    for shift, given in ((offset, x), (0, x), (0, other)):
        options = {"units": 2, "feature": 2, "blocks": "[3]", "input": WIDTH, "offset": shift}
        model = model_of(GRID, "BidirectionalGridLSTM", options)
        params = {
            p.name: np.random.default_rng(k).normal(size=[axis.size.evaluate(sizes) for axis in p.axes])
            for k, p in enumerate(model.parameters)
        }
        found.append(InterpretedRunner(model, sizes).forward(Call(params, {"x": given})).outputs["output"])
    forward, backward = np.split(np.arange(found[0].shape[-1]), 2)
    np.testing.assert_allclose(found[0][..., forward], found[1][..., forward])
    np.testing.assert_allclose(found[0][..., backward], found[2][..., backward])
    assert not np.allclose(found[0][..., backward], found[1][..., backward])
