"""Generated modules against live cells of tf.nn, in a cover of all pairs of what benchmarks/tf_matrix.py combines, and
against layers of Keras 3."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.runtime import load_module
from rnnc.verify.commands import module_ways
from rnnc.verify.live.recorder import record
from rnnc.verify.live.report import LiveComparison
from rnnc.verify.records.fit import find_layout
from rnnc.verify.report import Report, Row
from tests.support.tf_matrix import CELLS, Combination, cover, run
from tests.tensorflow.support import compiled, tf

assert tf  # without TensorFlow this file is skipped
pytestmark = [
    pytest.mark.skipif(find_spec("tf_keras") is None, reason="tf.nn.rnn_cell needs the package tf-keras"),
    pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning"),
]
COVER = cover()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[Combination, Row]:
    """All comparisons: one process records every reference."""
    return dict(run(COVER, tmp_path_factory.mktemp("live")))


@pytest.mark.parametrize("combination", COVER, ids=str)
def test_module_computes_what_the_live_cell_does(combination: Combination, found: dict[Combination, Row]) -> None:
    assert found[combination].passed, found[combination]


def test_every_cell_is_covered() -> None:
    assert {combination.cell for combination in COVER} == CELLS.keys()


LAYERS: dict[str, tuple[str, dict[str, str]]] = {
    "LSTM": ("lstm:LSTM", {}),
    "LSTM relu": ("basic_lstm:BasicLSTM", {"activation": "relu"}),
    "GRU reset_after": ("gru:GRU", {"reset": "after"}),
    "GRU reset before": ("gru:GRU", {"reset": "before"}),
    "SimpleRNN": ("rnn:RNN", {}),
    "ConvLSTM1D": ("conv_lstm:ConvLSTM1D", {"kernel": "[2]"}),
    "ConvLSTM2D": ("conv_lstm:ConvLSTM2D", {}),
    "ConvLSTM3D": ("conv_lstm:ConvLSTM3D", {"kernel": "[2, 1, 2]", "forget_bias": "0.5"}),
    "StridedConvLSTM1D": (
        "strided_conv_lstm:StridedConvLSTM1D",
        {"kernel": "[2]", "dilation": "[2]", "activation": "relu"},
    ),
    "StridedConvLSTM2D": ("strided_conv_lstm:StridedConvLSTM2D", {"stride": "[2, 1]", "padding": "same"}),
    "StridedConvLSTM3D": ("strided_conv_lstm:StridedConvLSTM3D", {"kernel": "[2, 1, 2]"}),
    "ConvLSTM2D use_bias": ("conv_lstm:ConvLSTM2D", {"bias": "false", "forget_bias": "0"}),
    "Bidirectional": ("bidirectional:Bidirectional", {"fw": "LSTM(4)", "bw": "LSTM(3)"}),
    "Bidirectional unlike": ("bidirectional:Bidirectional", {"fw": "LSTM(3)", "bw": "GRU(3)"}),  # takes no states
    "Sequential": ("multi:Multi", {"cells": "[GRU(3, reset = after), LSTM(4)]"}),
}

# What `rnnc import` makes of layers that end a sequence.
IMPORTED = {
    "the last step": "keras.layers.GRU(3)",
    "two layers backwards": "keras.layers.RNN([keras.layers.LSTMCell(3), keras.layers.GRUCell(2)], go_backwards=True)",
    "both ends": "keras.layers.Bidirectional(keras.layers.LSTM(3), merge_mode='mul')",
}


# The counterpart that is declared has another activation.
WRONG = """
cell Wrong(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
  layout keras(scope = "simple_rnn_cell", reference = keras.layers.SimpleRNN(units, activation = relu)) {
    "kernel" = h.x
    "recurrent_kernel" = h.h
    "bias" = h.bias
  }
}
"""


# What the others imply: the same template for another number of axes.
ALIKE = {"ConvLSTM1D", "ConvLSTM3D", "StridedConvLSTM1D", "StridedConvLSTM3D"}
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in ALIKE else name for name in (*LAYERS, *IMPORTED)]


@pytest.fixture(scope="module")
def layers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Comparisons with Keras: one process records every layer that a test of this run is about."""
    wanted = {
        item.callspec.params.get("name")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    }
    comparisons: dict[str, LiveComparison] = {}
    modules = {name: compiled(example, **options) for name, (example, options) in LAYERS.items() if name in wanted}
    for name in IMPORTED.keys() & wanted:
        text = import_call(Source("<call>", IMPORTED[name])).text
        modules[name] = compile_source(Source("imported.rnn", text), target="tf")
    modules["wrong"] = compile_source(Source("wrong.rnn", WRONG), target="tf")
    for name, found in modules.items():
        model = found.unit.model
        ways = module_ways(model, load_module(found.text, model.name), "tf")
        ways = {"the module": ways["the module"]}
        layout = find_layout(model, "keras")
        comparisons[name] = LiveComparison(model, layout, "keras", ways, name=name.replace(" ", "_"))
    cases = [case for comparison in comparisons.values() for case in comparison.cases]
    recordings = record(cases, tmp_path_factory.mktemp("layers"))
    return {name: comparison.report(recordings) for name, comparison in comparisons.items()}


@pytest.mark.parametrize("name", NAMES)
def test_module_computes_what_the_live_layer_does(name: str, layers: dict[str, Report]) -> None:
    assert layers[name].passed, layers[name].failures
    assert len(layers[name].rows) == 4


def test_another_function_than_the_reference_is_noticed(layers: dict[str, Report]) -> None:
    assert len(layers["wrong"].failures) == 4


def test_both_stacks_of_two_directions(tmp_path: Path) -> None:
    """Their names differ by a scope."""
    cells = {"fw": "[LSTM(3, peepholes = true), GRU(2)]", "bw": "[GRU(3), LSTM(2, proj = 3)]"}
    comparisons: list[LiveComparison] = []
    for static in ("false", "true"):
        found = compiled("bidirectional:StackedBidirectional", static=static, **cells)
        model = found.unit.model
        ways = {"the module": module_ways(model, load_module(found.text, model.name), "tf")["the module"]}
        comparisons.append(LiveComparison(model, find_layout(model, "tf"), "tf", ways, name=f"static_{static}"))
    recordings = record([case for one in comparisons for case in one.cases], tmp_path)
    for one, driver in zip(comparisons, ("stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn"), strict=True):
        report = one.report(recordings)
        assert report.passed, report.failures
        assert all(f", {driver}" in row.name for row in report.rows)
