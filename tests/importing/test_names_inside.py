"""Variables of TensorFlow 1.15 where a cell stands inside another: its class decides what they are called."""

from __future__ import annotations

import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call

NORMS = [f"{part}/{name}" for part in ("input", "transform", "forget", "output", "state") for name in ("gamma", "beta")]
WEIGHTS = ["kernel", "bias"]
CASES = {
    "LayerNormLSTMCell(3, layer_norm=True)": ("layer_norm_lstm_cell", [*WEIGHTS, *NORMS]),
    "LayerNormLSTMCell(3)": ("layer_norm_lstm_cell", WEIGHTS),
    "LayerNormBasicLSTMCell(3)": ("layer_norm_basic_lstm_cell", ["kernel", *NORMS]),
    "LayerNormBasicLSTMCell(3, layer_norm=False)": ("layer_norm_basic_lstm_cell", WEIGHTS),
    "LayerNormBasicLSTMCell(3, layer_norm=False, dropout_keep_prob=0.5)": ("layer_norm_basic_lstm_cell", WEIGHTS),
    "WeightNormLSTMCell(3)": ("wn_lstm_cell/wn_lstm_cell", ["kernel", "norm_0", "norm_1", "bias"]),
    "WeightNormLSTMCell(3, norm=False)": ("wn_lstm_cell/wn_lstm_cell", WEIGHTS),
    "GRUBlockCell(3)": ("gru_cell", ["w_ru", "b_ru", "w_c", "b_c"]),
    "GRUBlockCell(3, name='mine')": ("mine", ["w_ru", "b_ru", "w_c", "b_c"]),
    "GRUBlockCellV2(3)": ("gru_cell", ["gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"]),
}


def names(call: str) -> list[str]:
    """The arrays of the layout `tf`."""
    model = model_of(Source("<text>", import_call(Source("<call>", call)).text))
    (layout,) = (each for each in model.layouts if each.name == "tf")
    assert not layout.missing
    return [array.name for array in layout.arrays]


@pytest.mark.parametrize("cell", CASES)
def test_a_layer_has_the_names_of_its_class(cell: str) -> None:
    scope, own = CASES[cell]
    found = names(f"tf.nn.rnn_cell.MultiRNNCell([tf.contrib.rnn.{cell}])")
    assert sorted(found) == sorted(f"multi_rnn_cell/cell_0/{scope}/{name}" for name in own)


@pytest.mark.parametrize(("driver", "layer"), [("dynamic_rnn", "/bidirectional_rnn"), ("rnn", "")])
def test_layers_of_a_stack_have_the_scopes_of_its_driver(driver: str, layer: str) -> None:
    cells = "[tf.nn.rnn_cell.BasicRNNCell(2) for _ in range(2)]"
    wanted = [
        f"stack_bidirectional_rnn/cell_{k}{layer}/{way}/basic_rnn_cell/{name}"
        for k in range(2) for way in ("fw", "bw") for name in WEIGHTS
    ]  # fmt: skip
    assert names(f"tf.contrib.rnn.stack_bidirectional_{driver}({cells}, {cells}, x)") == wanted
