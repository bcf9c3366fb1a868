"""Of a layer in both directions one is read: the other has its states all the same, and its weights."""

from __future__ import annotations

import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import Source


@pytest.mark.parametrize("read", ["forward", "backward"])
def test_both_directions_have_states(read: str) -> None:
    layer = "bidirectional(forward = GRU(3), backward = LSTM(2), merge = none)(x)"
    model = model_of(Source("<text>", f"network Both {{\n  input x[4]\n  y = {layer}\n  output y.{read}\n}}\n"))
    assert sorted(state.name for state in model.states) == ["y.backward.c", "y.backward.h", "y.forward.h"]
    assert {layout.missing for layout in model.layouts if layout.name == "tf"} == {()}
