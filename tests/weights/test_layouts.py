"""The declared layouts of Keras, PyTorch and ONNX: their weights give their numbers, and come back as they were."""

from __future__ import annotations

import functools
from types import ModuleType

import numpy as np
import pytest

import rnnc
from rnnc.compiler import model_of
from rnnc.syntax.source import read_source, split_name
from tests.numpy.support import EXAMPLES
from tests.weights.libraries import CASES, Case, Result, load

CLOSE = {"rtol": 0, "atol": 1e-10}


@functools.cache
def module(example: str, *options: tuple[str, str]) -> ModuleType:
    path, name = split_name(str(EXAMPLES / example))
    return rnnc.compile(path, name=name, options=dict(options))


def compiled(case: Case) -> ModuleType:
    return module(case.example, *case.options.items())


def state_order(case: Case) -> tuple[str, ...]:
    """The states as the layout orders them."""
    path, name = split_name(str(EXAMPLES / case.example))
    layouts = {layout.name: layout for layout in model_of(read_source(path), name, case.options).layouts}
    return layouts[case.layout].states


def check_values(case: Case, result: Result) -> None:
    """The module computes the library's outputs and final states from the library's weights."""
    found = compiled(case)
    params = found.from_layout(case.layout, result.arrays)
    outputs, states = found.forward(params, result.x)
    np.testing.assert_allclose(outputs, result.outputs, **CLOSE)
    order = state_order(case)
    states = states if isinstance(states, dict) else {order[0]: states}
    for name, state in zip(order, result.states, strict=True):
        np.testing.assert_allclose(states[name], state, **CLOSE, err_msg=name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_numbers(case: Case) -> None:
    check_values(case, load(case))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_live_numbers(case: Case) -> None:
    pytest.importorskip(case.layout)
    check_values(case, case.compute())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_export_is_a_right_inverse(case: Case) -> None:
    """Exported arrays have the names and shapes of the library and mean the same parameters."""
    found, result = compiled(case), load(case)
    params = found.from_layout(case.layout, result.arrays)
    exported = found.to_layout(case.layout, params)
    assert list(exported) == list(result.arrays)
    assert {n: a.shape for n, a in exported.items()} == {n: a.shape for n, a in result.arrays.items()}
    again = found.from_layout(case.layout, exported)
    for name, array in params.items():
        np.testing.assert_allclose(again[name], array, **CLOSE, err_msg=name)


ONE_BIAS = [case for case in CASES if case.layout == "keras" and case.name != "keras_gru_after"]


@pytest.mark.parametrize("case", ONE_BIAS, ids=lambda case: case.name)
def test_arrays_with_one_bias_come_back_as_they_were(case: Case) -> None:
    found, result = compiled(case), load(case)
    exported = found.to_layout(case.layout, found.from_layout(case.layout, result.arrays))
    for name, array in result.arrays.items():
        np.testing.assert_allclose(exported[name], array, **CLOSE, err_msg=name)


@pytest.mark.parametrize(
    ("example", "options", "layout"),
    [
        ("lstm.rnn", {"peepholes": "true"}, "keras"),
        ("lstm.rnn", {"peepholes": "true"}, "torch"),
        ("lstm.rnn", {"proj": "2"}, "keras"),
        ("lstm.rnn", {"proj": "2"}, "onnx"),
        ("lstm.rnn", {"cell_clip": "3"}, "keras"),
        ("lstm.rnn", {"proj": "2", "proj_clip": "3"}, "torch"),
        ("lstm.rnn", {"activation": "relu"}, "torch"),
        ("lstm_block.rnn", {"cell_clip": "3"}, "keras"),
        ("gru.rnn", {"reset": "before"}, "torch"),
        ("rnn.rnn", {"activation": "sigmoid"}, "torch"),
    ],
)
def test_what_a_library_cannot_say_has_no_layout(example: str, options: dict[str, str], layout: str) -> None:
    found = module(example, *options.items())
    params = found.init_params(**dict.fromkeys(found.SPEC["sizes"], 3))
    with pytest.raises((KeyError, ValueError), match=rf"has no layout '{layout}'|'{layout}' does not fit"):
        found.to_layout(layout, params)
