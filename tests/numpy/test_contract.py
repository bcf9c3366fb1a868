"""What every entry point of a module promises beside its numbers."""

from __future__ import annotations

import threading
from itertools import combinations
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnc
from tests.numpy.contract import INPUT, LSTM, UNITS, B, T, leaves, same

SCANS = """
cell Scans(units) {
  input x[input]
  state s[units], m[units]
  s' = sigmoid(linear(x)) * s + linear(x) as new
  m' = max(m + log_sigmoid(linear(x)), s')
  output m'
}
"""


@pytest.mark.parametrize("time_major", [False, True])
@pytest.mark.parametrize("lengths", [None, [6, 0, 2]])
@pytest.mark.parametrize("batch", [B, 1])
def test_results_share_no_memory(lstm: ModuleType, params: Any, time_major: bool, lengths: Any, batch: int) -> None:
    x = np.random.default_rng(0).standard_normal((T, batch, INPUT) if time_major else (batch, T, INPUT))
    state = {name: np.ones((batch, UNITS)) for name in ("c", "h")}
    arguments = {"time_major": time_major, "lengths": lengths and lengths[:batch]}
    first = lstm.forward(params, x, state, **arguments)
    again = lstm.forward(params, x, state, **arguments)
    outputs, final, tape = lstm.forward_train(params, x, state, **arguments)
    gradients = lstm.backward(params, tape, np.ones_like(outputs), {"c": state["c"], "h": state["h"]})
    step = lstm.step(params, x[0] if time_major else x[:, 0], state)
    given = [x, *state.values(), *params.values()]
    arrays = [*leaves(first), *leaves(again), outputs, *leaves(final), *leaves(gradients), *leaves(step), *given]
    for a, b in combinations(arrays, 2):
        assert not np.shares_memory(a, b)


def test_nothing_given_is_changed(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    state = {name: np.ones((B, UNITS)) for name in ("c", "h")}
    d, given = np.ones((B, T, UNITS)), {"x": x, **state, **params}
    before = {name: array.copy() for name, array in given.items()}
    _, _, tape = lstm.forward_train(params, x, state, [6, 0, 2])
    lstm.backward(params, tape, d, state)
    assert all(np.array_equal(array, before[name]) for name, array in given.items())
    assert (d == 1).all()


def test_changes_after_the_forward_pass_do_not_reach_the_tape(lstm: ModuleType, params: Any) -> None:
    x = np.random.default_rng(0).standard_normal((T, B, INPUT))
    state = {name: np.ones((B, UNITS)) for name in ("c", "h")}
    d = np.ones((T, B, UNITS))
    _, _, tape = lstm.forward_train(params, x, state, time_major=True)
    expected = lstm.backward(params, tape, d)
    outputs, final, tape = lstm.forward_train(params, x, state, time_major=True)
    for array in (outputs, x, *final.values(), *state.values()):
        array[...] = np.nan
    assert same(lstm.backward(params, tape, d), expected)


def test_threads(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    packed = lstm.pack(params)
    inputs = [x * k for k in range(1, 7)]
    expected = [lstm.forward(packed, a) for a in inputs]
    found: dict[int, list[Any]] = {}

    def work(k: int) -> None:
        found[k] = [lstm.forward(packed, inputs[k]) for _ in range(30)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(result, expected[k]) for k in found for result in found[k])


def test_packed_parameters_are_a_snapshot_and_dicts_are_not(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    packed, before = lstm.pack(params), lstm.forward(params, x)
    assert same(lstm.forward(packed, x), before)
    other = {name: array * 2 for name, array in params.items()}
    for array in params.values():
        array *= 2
    assert same(lstm.forward(params, x), lstm.forward(other, x))
    assert not same(lstm.forward(params, x), before)
    assert same(lstm.forward(packed, x), before)


def test_steps_and_chunks_carry_the_state(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    outputs, final = lstm.forward(params, x)
    state = None
    for t in range(T):
        y, state = lstm.step(params, x[:, t], state)
        np.testing.assert_allclose(y, outputs[:, t], atol=1e-12)
    assert all(np.allclose(state[name], final[name], atol=1e-12) for name in final)
    first, middle = lstm.forward(params, x[:, :2])
    second, last = lstm.forward(params, x[:, 2:], middle)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), outputs, atol=1e-12)
    assert all(np.allclose(last[name], final[name], atol=1e-12) for name in final)


def test_lengths(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    state = {name: np.full((B, UNITS), 0.5) for name in ("c", "h")}
    outputs, final = lstm.forward(params, x, state, [6, 0, 2])
    padded = x.copy()
    padded[1], padded[2, 2:] = np.nan, np.inf
    assert same(lstm.forward(params, padded, state, [6, 0, 2]), (outputs, final))
    assert not outputs[1].any()
    assert not outputs[2, 2:].any()
    assert (final["c"][1] == 0.5).all()
    alone, last = lstm.forward(params, x[2:, :2], {name: a[2:] for name, a in state.items()})
    np.testing.assert_allclose(outputs[2:, :2], alone, atol=1e-12)
    np.testing.assert_allclose(final["h"][2:], last["h"], atol=1e-12)
    assert same(lstm.forward(params, x, state, np.full(B, T)), lstm.forward(params, x, state))


def test_no_steps_and_no_rows(lstm: ModuleType, params: Any) -> None:
    outputs, final = lstm.forward(params, np.zeros((2, 0, INPUT)), {name: np.ones((2, UNITS)) for name in ("c", "h")})
    assert outputs.shape == (2, 0, UNITS)
    assert (final["h"] == 1).all()
    outputs, final, tape = lstm.forward_train(params, np.zeros((0, T, INPUT)), None, [])
    assert outputs.shape == (0, T, UNITS)
    assert not lstm.backward(params, tape, outputs)["params"]["i.x"].any()


@pytest.mark.parametrize("cell", [LSTM, SCANS], ids=["loop", "scans"])
def test_without_steps_the_slope_of_a_final_state_is_that_of_the_initial_one(cell: str) -> None:
    """Also where recurrences need no loop."""
    module = rnnc.compile(cell, units=3)
    given, x = module.init_params(input=3), np.zeros((2, 0, 3), "float32")
    outputs, final, tape = module.forward_train(given, x)
    d_final = {name: array + 2.0 for name, array in final.items()} if isinstance(final, dict) else final + 2.0
    found = module.backward(given, tape, outputs, d_final)
    for slope, expected in zip(leaves(found["state"]), leaves(d_final), strict=True):
        np.testing.assert_array_equal(slope, expected)
    assert not any(array.any() for array in leaves(found["params"]))


def test_saturated_gates_neither_warn_nor_overflow(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    for dtype in ("float32", "float64"):
        large = {name: (array * 1e4).astype(dtype) for name, array in params.items()}
        outputs, _, tape = lstm.forward_train(large, x.astype(dtype))
        gradients = lstm.backward(large, tape, np.ones_like(outputs))
        assert all(np.isfinite(array).all() for array in leaves((outputs, gradients)))
        assert all(array.dtype == dtype for array in leaves((outputs, gradients)))


def test_a_tape_is_used_once(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    outputs, _, tape = lstm.forward_train(params, x)
    lstm.backward(params, tape, outputs)
    with pytest.raises(ValueError, match="used this tape already"):
        lstm.backward(params, tape, outputs)


def test_a_backward_pass_that_is_refused_leaves_the_tape(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    outputs, _, tape = lstm.forward_train(params, x)
    with pytest.raises(KeyError, match="did you mean 'h'"):
        lstm.backward(params, tape, {"hh": outputs})
    with pytest.raises(ValueError, match="expected"):
        lstm.backward(params, tape, outputs[:, :-1])
    assert lstm.backward(params, tape, outputs)["x"].shape == x.shape


def test_packed_parameters_are_packed(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    packed = lstm.pack(params)
    for again in (lstm.pack(packed), lstm.pack(lstm.pack(packed))):
        np.testing.assert_array_equal(lstm.forward(again, x)[0], lstm.forward(params, x)[0])


def test_absent_cotangents_are_zero(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    zeros = {name: np.zeros((B, UNITS)) for name in ("c", "h")}
    for d, d_final in ((None, None), (np.zeros((B, T, UNITS)), {"h": zeros["h"]})):
        _, _, tape = lstm.forward_train(params, x)
        gradients = lstm.backward(params, tape, d, d_final)
        assert set(gradients) == {"x", "state", "params"}
        assert not any(array.any() for array in leaves(gradients))


def test_gradients_have_the_form_of_the_arguments(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    outputs, _, tape = lstm.forward_train(params, {"x": x})
    gradients = lstm.backward(params, tape, outputs)
    assert gradients["x"]["x"].shape == x.shape
    assert {n: a.shape for n, a in gradients["params"].items()} == {n: a.shape for n, a in params.items()}
    assert {n: a.shape for n, a in gradients["state"].items()} == {"c": (B, UNITS), "h": (B, UNITS)}


def test_a_size_that_only_an_input_and_a_parameter_tell_together() -> None:
    """`units` is known from the parameter's shape once an input has told `input`; packing has no inputs."""
    text = """
    cell Late(units) {
      input x[input]
      state h[units]
      param p[k: input * units] = uniform(-1, 1)
      h' = tanh(h + mean(x) * max(split(p, k, units, from: input), from))
      output h'
    }
    """
    late = rnnc.compile(text)
    params = late.init_params(seed=0, input=2, units=3)
    outputs, _ = late.forward(params, np.ones((1, 4, 2), np.float32))
    again, _ = late.forward(late.pack(params), np.ones((1, 4, 2), np.float32))
    assert outputs.shape == (1, 4, 3)
    np.testing.assert_array_equal(outputs, again)
    with pytest.raises(ValueError, match=r"params\[.p.\]: expected"):
        late.forward(params, np.ones((1, 4, 5), np.float32))
