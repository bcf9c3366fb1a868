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
    "LSTMBlockCell(3)": ("lstm_cell", WEIGHTS),
    "LSTMBlockCell(3, name='mine')": ("mine", WEIGHTS),
    "LSTMBlockCell(3, name='a/b.c')": ("a/b.c", WEIGHTS),
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


@pytest.mark.parametrize(
    "name",
    [
        "'l%d' % n", "'l' + str(n)", "'l{}'.format(n)", "'{name}{k}'.format(name='l', k=n)", "f'l{n}'", "f'l{n:d}'",
        "'%s%d' % ('l', n)",
        "''.join(['l', str(n)])", "'L2'.lower()", "prefix + str(n)", "'l%s' % sizes[0]", "NAMES[n]", "named(n)",
    ],
)  # fmt: skip
def test_names_that_are_put_together_are_read(name: str) -> None:
    before = "prefix, sizes = 'l', (2, 3)\nNAMES = {2: 'l2'}\ndef named(k):\n    return 'l_%d'.replace('_', '') % k\n"
    cell = f"[tf.nn.rnn_cell.LSTMCell(n, name={name}) for n in [2]]"
    found = import_call(Source("<call>", f"{before}tf.nn.rnn_cell.MultiRNNCell({cell})"))
    assert found.remarks == ()
    assert 'scope = "l2"' in found.text
    model = model_of(Source("<text>", found.text))
    (layout,) = (each for each in model.layouts if each.name == "tf")
    assert [array.name for array in layout.arrays] == [f"multi_rnn_cell/cell_0/l2/{each}" for each in WEIGHTS]


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "config.name",
        "'l%d' % n",
        "f'{n}_l'",
        "'l{:9999999}'.format(3)",
        "'{0.real}'.format(3)",
        "'%*d' % (9, 3)",
    ],
)
@pytest.mark.parametrize("cell", ["tf.nn.rnn_cell.LSTMCell", "tf.contrib.rnn.LSTMBlockCell", "keras.layers.LSTM"])
def test_names_that_nobody_knows_are_told(cell: str, name: str) -> None:
    what = f"`name` of {cell.rpartition('.')[2]}, `{name}`, is not known"
    found = import_call(Source("<call>", f"{cell}(2, name={name})"))
    assert f"{what}: its weights have other names than the description says" in found.remarks


def test_no_name_and_the_name_of_the_class_need_no_word() -> None:
    found = import_call(
        Source("<call>", "none = None\ntf.nn.rnn_cell.MultiRNNCell([LSTMCell(2, name=none), GRUCell(2, name=None)])")
    )
    assert found.remarks == ()
    assert "scope = " not in found.text.split("network")[0]
