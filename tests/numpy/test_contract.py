"""What every entry point of a module promises beside its numbers."""

from __future__ import annotations

import threading
from itertools import combinations
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnc

LSTM = """
cell LSTM(units, forget_bias = 1.0) {
  input x[input]
  state c[units], h[units]
  gate i = sigmoid(linear(x, h))
  gate f = sigmoid(linear(x, h) + forget_bias)
  j      = tanh(linear(x, h))
  c'     = f * c + i * j
  gate o = sigmoid(linear(x, h))
  h'     = o * tanh(c')
  output h'
}
"""
DROPPED = """
cell Dropped(units) {
  input x[input]
  state h[units]
  d  = dropout(x, keep = 0.5, mask = step)
  h' = tanh(linear(d, h))
  output h'
}
"""
SCANS = """
cell Scans(units) {
  input x[input]
  state s[units], m[units]
  s' = sigmoid(linear(x)) * s + linear(x) as new
  m' = max(m + log_sigmoid(linear(x)), s')
  output m'
}
"""
T, B, INPUT, UNITS = 6, 3, 4, 5


@pytest.fixture(scope="module")
def lstm() -> ModuleType:
    return rnnc.compile(LSTM)


@pytest.fixture(scope="module")
def dropped() -> ModuleType:
    return rnnc.compile(DROPPED)


@pytest.fixture
def params(lstm: ModuleType) -> dict[str, np.ndarray]:
    return lstm.init_params(seed=1, dtype="float64", units=UNITS, input=INPUT)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((B, T, INPUT))


def leaves(found: Any) -> list[np.ndarray]:
    """All arrays in a result."""
    if isinstance(found, dict):
        return [array for value in found.values() for array in leaves(value)]
    if isinstance(found, tuple):
        return [array for value in found for array in leaves(value)]
    return [found] if isinstance(found, np.ndarray) else []


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(leaves(a), leaves(b), strict=True))


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


def without(params: dict[str, np.ndarray], name: str, **more: np.ndarray) -> dict[str, np.ndarray]:
    return {n: a for n, a in params.items() if n != name} | more


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda a: a | {"x": a["x"][:, :, 1:]},
            ValueError,
            r"x: expected \[batch=3, time=6, input=4\], got \(3, 6, 3\)",
        ),
        (lambda a: a | {"x": a["x"][0]}, ValueError, r"x: expected \[batch, time, input\], got \(6, 4\)"),
        (lambda a: a | {"x": a["x"].astype("f")}, TypeError, "x should be float64 like the parameters, and is float32"),
        (lambda a: a | {"x": a["x"].astype(int)}, TypeError, "x should be float64"),
        (lambda a: a | {"x": None}, TypeError, "x: expected an array, got None"),
        (lambda a: a | {"x": {"y": a["x"]}}, KeyError, "x: unknown name 'y'.*there is: x"),
        (lambda a: a | {"params": without(a["params"], "f.h")}, KeyError, "parameter 'f.h' is missing"),
        (
            lambda a: a | {"params": a["params"] | {"i.hh": a["x"]}},
            KeyError,
            r"unknown parameter 'i.hh' \(did you mean 'i.h'",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": np.zeros((9, 5))}},
            ValueError,
            r"params\['f.x'\]: expected .*got \(9, 5\)",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": np.zeros(9)}},
            ValueError,
            r"params\['f.x'\]: expected .*got \(9,\)",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": np.zeros((4, 5), "f")}},
            TypeError,
            r"params\['f.x'\] is float32",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": np.zeros((4, 5), int)}},
            TypeError,
            r"params\['f.x'\] should be float32 or",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": None}},
            TypeError,
            r"params\['f.x'\]: expected an array, got None",
        ),
        (lambda a: a | {"params": a["params"] | {"f.x": "w"}}, TypeError, r"params\['f.x'\] should be float32 or"),
        (lambda a: a | {"params": a["params"] | {"f.x": {}}}, TypeError, r"params\['f.x'\] should be float32 or"),
        (lambda a: a | {"params": [1]}, TypeError, "params should be a dict of arrays .* is list"),
        (lambda a: a | {"state": {"c": np.zeros((3, 5))}}, KeyError, "state: 'h' is missing"),
        (lambda a: a | {"state": np.zeros((3, 5))}, TypeError, "state: expected a dict with c, h"),
        (
            lambda a: a | {"state": {"c": np.zeros((3, 5)), "h": np.zeros((3, 4))}},
            ValueError,
            r"state\['h'\]: expected \[batch=3",
        ),
        (lambda a: a | {"lengths": [1, 2]}, ValueError, r"lengths: expected \[batch=3\], got \(2,\)"),
        (lambda a: a | {"lengths": [1, 2, 7]}, ValueError, "lengths should be from 0 to 6, and are from 1 to 7"),
        (lambda a: a | {"lengths": [1.0, 2.0, 3.0]}, TypeError, "lengths should be integers"),
        (lambda a: a | {"masks": {"d": 1}}, KeyError, "masks: unknown name 'd'; there are none"),
        (lambda a: a | {"training": True, "seed": 1.5}, TypeError, "seed should be a whole number, and is 1.5"),
        (lambda a: a | {"training": True, "seed": True}, TypeError, "seed should be a whole number, and is True"),
        (lambda a: a | {"training": True, "seed": np.array([5])}, TypeError, "seed should be a whole number, and is a"),
        (lambda a: a | {"x": [[[1.0, 2.0], [1.0]]]}, ValueError, "x: .*inhomogeneous"),
    ],
)
def test_wrong_arguments(lstm: ModuleType, params: Any, x: np.ndarray, change: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        lstm.forward(**change({"params": params, "x": x}))


def test_parameters_of_another_dtype_do_not_go_with_a_tape(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    single = {name: array.astype(np.float32) for name, array in params.items()}
    for ours, other, value in ((params, single, x), (single, params, x.astype(np.float32))):
        outputs, _, tape = lstm.forward_train(ours, value)
        with pytest.raises(TypeError, match=r"params are float\d\d, and the tape is float\d\d"):
            lstm.backward(other, tape, outputs)


@pytest.mark.parametrize("seed", [None, -1, 1.0, "a", True])
def test_wrong_seeds_of_parameters(lstm: ModuleType, seed: Any) -> None:
    with pytest.raises(TypeError, match="seed should be a whole number from 0 on"):
        lstm.init_params(seed=seed, units=3, input=2)


def test_lists_are_arrays(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    assert same(lstm.forward(params, x.tolist()), lstm.forward(params, x))


def test_init_params(lstm: ModuleType) -> None:
    first = lstm.init_params(seed=3, units=UNITS, input=INPUT)
    assert {a.dtype for a in first.values()} == {np.dtype("float32")}
    assert same(first, lstm.init_params(seed=3, units=UNITS, input=INPUT))
    assert not same(first, lstm.init_params(seed=4, units=UNITS, input=INPUT))
    more = rnnc.compile(LSTM.replace("tanh(linear(x, h))", "tanh(linear(x, h) + peephole(c))"))
    extended = more.init_params(seed=3, units=UNITS, input=INPUT)
    assert set(extended) - set(first) == {"j.peephole"}
    assert all(np.array_equal(array, extended[name]) for name, array in first.items())
    with pytest.raises(TypeError, match=r"unknown size 'unit' \(did you mean 'units'"):
        lstm.init_params(unit=3, input=INPUT)
    with pytest.raises(TypeError, match="the size 'input' is missing"):
        lstm.init_params(units=3)
    with pytest.raises(TypeError, match="should be a whole number"):
        lstm.init_params(units=3.5, input=INPUT)
    with pytest.raises(TypeError, match="float32 or float64"):
        lstm.init_params(dtype="float16", units=3, input=INPUT)


def test_masks(dropped: ModuleType, x: np.ndarray) -> None:
    params = dropped.init_params(dtype="float64", units=UNITS, input=INPUT)
    (name,) = dropped.SPEC["masks"]
    with pytest.raises(ValueError, match="needs a seed, or a mask"):
        dropped.forward(params, x, training=True)
    drawn = dropped.forward(params, x, training=True, seed=7)
    assert same(drawn, dropped.forward(params, x, training=True, seed=7))
    assert not same(drawn, dropped.forward(params, x, training=True, seed=8))
    major = dropped.forward(params, x.swapaxes(0, 1).copy(), training=True, seed=7, time_major=True)
    np.testing.assert_allclose(major[0].swapaxes(0, 1), drawn[0], atol=1e-12)  # a mask belongs to its step and row
    ones = np.ones((T, B, INPUT))
    np.testing.assert_allclose(
        dropped.forward(params, x, training=True, masks={name: ones})[0], dropped.forward(params, 2 * x)[0], atol=1e-12
    )
    with pytest.raises(ValueError, match=r"masks\[.*\]: expected \[time=6, batch=3"):
        dropped.forward(params, x, training=True, masks={name: ones[1:]})
    with pytest.raises(ValueError, match="masks are for training=True"):
        dropped.forward(params, x, masks={name: ones})


def test_the_generator_is_philox(dropped: ModuleType) -> None:
    """Known answers of Philox4x32-10 (Salmon et al. 2011, Random123's kat_vectors), as bits of one word each."""
    words = (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)  # counter 0, key 0
    for threshold in (0.3, 0.5, 0.7, 0.9):
        drawn = dropped._draw(0, 0, threshold, (4,))
        assert drawn.tolist() == [word < threshold * 2**32 for word in words]
    assert dropped._draw(12345, 3, 0.25, (100, 100)).mean() == pytest.approx(0.25, abs=0.02)
    whole = dropped._draw(5, 0, 0.5, (6, 3, 4))
    assert np.array_equal(whole[:2], dropped._draw(5, 0, 0.5, (2, 3, 4)))


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
