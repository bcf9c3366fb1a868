"""Logits behind a driver: of the last step, of the final state, of a mean; and what is none of them."""

from __future__ import annotations

import re

import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call

GRU, LSTM = "GRUCell(5)", "LSTMCell(5)"
HEAD = "w = tf.get_variable('w', [5, 3])\nb = tf.get_variable('b', [3])\nlogits = tf.matmul({}, w) + b"
LAYERS = f"MultiRNNCell([{GRU}, {LSTM}])"
DYNAMIC = "outputs, state = tf.nn.dynamic_rnn({}, x, dtype=tf.float32)"


def imported(driver: str, end: str) -> tuple[str, tuple[str, ...]]:
    found = import_call(Source("<call>", f"{driver}\n{HEAD.format(end)}"))
    return found.text, found.remarks


@pytest.mark.parametrize(
    ("driver", "end", "wanted"),
    [
        (DYNAMIC.format(GRU), "outputs[:, -1]", "at(y, -1)"),
        (DYNAMIC.format(GRU), "state", "layer.h'"),
        (DYNAMIC.format(LSTM), "state.h", "layer.h'"),
        (DYNAMIC.format(LSTM), "state[1]", "layer.h'"),
        (DYNAMIC.format(LAYERS), "state[-1].h", "layer.h'"),
        (DYNAMIC.format(LAYERS), "state[1][1]", "layer.h'"),
        (DYNAMIC.format(GRU), "tf.reduce_mean(outputs, axis=1)", "mean(y, time)"),
    ],
)
def test_what_is_multiplied(driver: str, end: str, wanted: str) -> None:
    text, remarks = imported(driver, end)
    assert f"end = {wanted}\n" in re.sub(" +", " ", text)
    assert remarks == ()
    assert not model_of(Source("<text>", text)).outputs[0].sequence


@pytest.mark.parametrize(
    ("cell", "end", "wanted"),
    [
        (LSTM, "state.c", "layer.c'"),
        (LSTM, "state[0]", "layer.c'"),
        (f"ResidualWrapper({GRU})", "state", "layer.f.h'"),
        (f"ResidualWrapper(DropoutWrapper({LSTM}, output_keep_prob=.5))", "state.h", "layer.f.f.h'"),
        (f"tf.contrib.rnn.OutputProjectionWrapper({GRU}, 3)", "state", "layer.f.h'"),
        ("tf.contrib.rnn.IntersectionRNNCell(5)", "state", "layer.h'"),
    ],
)
def test_states_that_are_no_outputs_are_those_of_the_layer(cell: str, end: str, wanted: str) -> None:
    text, remarks = imported(DYNAMIC.format(cell), end)
    assert f"end = {wanted}\n" in re.sub(" +", " ", text)
    assert remarks == ()
    model = model_of(Source("<text>", text))
    assert not model.outputs[0].sequence
    (layout,) = (each for each in model.layouts if each.name == "tf")
    assert {array.name.partition("/")[0] for array in layout.arrays} == {"rnn", "w", "b"}


@pytest.mark.parametrize(
    ("driver", "end"),
    [
        (DYNAMIC.format(LSTM), "state"),
        (DYNAMIC.format(LSTM), "state.d"),
        (DYNAMIC.format(LAYERS), "state[1]"),
        (DYNAMIC.format(LAYERS), "state[2]"),
        (DYNAMIC.format(f"DropoutWrapper({GRU}, state_keep_prob=.5)"), "state"),
        (DYNAMIC.format(f"ResidualWrapper({LSTM})"), "state"),
        (DYNAMIC.format(GRU), "state_of_another"),
        ("outputs, state = tf.nn.dynamic_rnn(GRUCell(5), x, sequence_length=n)", "tf.reduce_mean(outputs, 1)"),
    ],
)
def test_what_no_layer_gives_is_left_out(driver: str, end: str) -> None:
    text, remarks = imported(driver, end)
    assert model_of(Source("<text>", text)).outputs[0].sequence
    assert f"left out: `logits = tf.matmul({end}, w) + b`" in remarks


def test_both_directions_have_no_scope_of_a_driver_around_them() -> None:
    driver = "outputs, _ = tf.nn.bidirectional_dynamic_rnn(GRUCell(3), GRUCell(2), x)\noutputs = tf.concat(outputs, 2)"
    text, _ = imported(driver, "outputs[:, -1]")
    (layout,) = (each for each in model_of(Source("<text>", text)).layouts if each.name == "tf")
    assert {array.name.partition("/")[0] for array in layout.arrays} == {"bidirectional_rnn", "w", "b"}
