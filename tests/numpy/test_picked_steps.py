"""Networks that pick steps by their numbers, of sequences that are too short."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc

NETWORK = """
cell R(units) {{
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
}}
network N {{
  input x[3]
  a = R(2)(x)
  output at(a, {step})
}}
"""


@pytest.mark.parametrize(("step", "fewest"), [(4, 5), (0, 1), (-1, 1), (-3, 3)])
def test_a_step_that_is_not_there_is_an_error_that_says_how_many_are_wanted(step: int, fewest: int) -> None:
    module = rnnc.compile(NETWORK.format(step=step), name="N")
    assert module.SPEC["fewest_steps"] == fewest
    params = module.init_params(seed=0)
    outputs, _ = module.forward(params, np.zeros((2, fewest, 3), "float32"))
    assert outputs.shape == (2, 2)
    for call in (module.forward, module.forward_train):
        with pytest.raises(
            ValueError, match=f"x: N picks steps of sequences of length {fewest} or more, not {fewest - 1}"
        ):
            call(params, np.zeros((2, fewest - 1, 3), "float32"))


def test_networks_that_pick_none_take_any_number() -> None:
    module = rnnc.compile(NETWORK.replace("at(a, {step})", "last(a)").format(), name="N")
    assert "fewest_steps" not in module.SPEC
    outputs, _ = module.forward(module.init_params(seed=0), np.zeros((2, 0, 3), "float32"))
    assert not outputs.any()
