"""What single calls become: spellings, lists, wrappers, names, and what is said of what is left out."""

from __future__ import annotations

import re

import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import Source
from rnnc.importing.calls import Imported, import_call
from rnnc.importing.pieces.library import FILES
from rnnc.resources import resource_path


def imported(call: str, **options: object) -> Imported:
    found = import_call(Source("<call>", call), **options)  # type: ignore[arg-type]
    source = Source("<text>", found.text)
    assert check(source) == []
    model_of(source)  # which of its definitions is meant goes without saying
    return found


def last(call: str) -> str:
    """The heading of the definition that the call is, in one line."""
    text = imported(call).text
    definitions = [part for part in text.split("\n") if part.startswith(("cell ", "network "))]
    start = text.index(definitions[-1])
    heading = text[start:].split(" {\n")[0] if "{\n" in text[start:] else text[start:]
    return " ".join(heading.split())


DROPPED = (
    "cell Dropout(inner: cell = GRU(4), input_keep = 0.9, state_keep = 0.8, output_keep = 1.0, "
    "mask: step | sequence = sequence, kept = none)"
)
LSTM_OF_ALL = "cell LSTMCell = LSTM(128, proj = 64, peepholes = true)"


@pytest.mark.parametrize(
    "call",
    [
        "LSTMCell(128, use_peepholes=True, num_proj=64)",
        "LSTMCell(128, True, None, None, 64)",
        "tf.nn.rnn_cell.LSTMCell(num_units=128, num_proj=64, use_peepholes=True, forget_bias=1, state_is_tuple=False)",
        "tf.contrib.rnn.LSTMCell(2 * 64, use_peepholes=True, num_proj=64)",
        "tf.compat.v1.nn.rnn_cell.LSTMCell(128, use_peepholes=True, num_proj=64, activation=tf.tanh)",
        "rnn_cell.LSTMCell(128, use_peepholes=True, num_proj=64, activation='tanh', cell_clip=None)",
        "c = tf.nn.rnn_cell.LSTMCell(128, use_peepholes=True, num_proj=64)\noutputs, state = tf.nn.dynamic_rnn(c, x)",
        "import tensorflow as t\nn = 128\nt.nn.static_rnn(t.nn.rnn_cell.LSTMCell(n, True, num_proj=n // 2), xs)",
        "c = LSTMCell(128, use_peepholes=True, num_proj=64)\nstate = c.zero_state(3, tf.float32)",
        "from tensorflow.contrib.rnn import LSTMCell as Cell\nCell(128, use_peepholes=True, num_proj=64)",
    ],
)
def test_spellings_of_one_cell(call: str) -> None:
    assert last(call) == LSTM_OF_ALL


@pytest.mark.parametrize(
    ("call", "heading"),
    [
        ("BasicRNNCell(4, activation=tf.nn.relu)", "cell BasicRNNCell = RNN(4, activation = relu)"),
        ("GRUCell(4)", "cell GRUCell = GRU(4)"),
        ("BasicLSTMCell(4, 0)", "cell BasicLSTM(units = 4, forget_bias = 0, activation = tanh)"),
        ("LSTMCell(4, cell_clip=3)", "cell LSTMCell = LSTM(4, cell_clip = 3)"),
        ("LSTMCell(4, forget_bias=-0.5)", "cell LSTMCell = LSTM(4, forget_bias = -0.5)"),
        ("DeviceWrapper(CompiledWrapper(GRUCell(4)), '/cpu:0')", "cell GRUCell = GRU(4)"),
        ("MultiRNNCell([LSTMCell(n) for n in (4, 6)])", "network Multi(cells = [LSTM(4), LSTM(6)])"),
        ("MultiRNNCell([LSTMCell(n) for n in range(2, 6, 2)])", "network Multi(cells = [LSTM(2), LSTM(4)])"),
        (
            "MultiRNNCell([GRUCell(3)] + [LSTMCell(n) for n, _ in [(4, 'a')]])",
            "network Multi(cells = [GRU(3), LSTM(4)])",
        ),
        ("MultiRNNCell([GRUCell(4)] * 3)", "network SharedLayers(inner: cell = GRU(4), layers = 3)"),
        ("MultiRNNCell([GRUCell(4)])", "network Multi(cells = [GRU(4)])"),
        ("(lambda one: MultiRNNCell([one] * 2))(GRUCell(4))", "network SharedLayers(inner: cell = GRU(4), layers = 2)"),
        (
            "bidirectional_dynamic_rnn(GRUCell(4), GRUCell(5))",
            "network Bidirectional(fw: cell = GRU(4), bw: cell = GRU(5))",
        ),
        (
            "static_bidirectional_rnn(MultiRNNCell([GRUCell(4), GRUCell(3)]), GRUCell(5), xs)",
            "network Bidirectional(fw: cell = MultiCell([GRU(4), GRU(3)]), bw: cell = GRU(5))",
        ),
        (
            "DropoutWrapper(GRUCell(4), 0.9, state_keep_prob=0.8, variational_recurrent=True)",
            DROPPED,
        ),
        ("ResidualWrapper(GRUCell(4))", "cell Residual(inner: cell = GRU(4))"),
        ("LayerNormLSTMCell(4)", "cell LayerNormLSTMCell = LSTM(4)"),
        (
            "ConvLSTMCell(1, [6, 2], 3, [5])",
            "cell ConvLSTM1D(filters = 3, kernel = [5], forget_bias = 1.0, bias = true)",
        ),
        ("GRUCell(4, activation=lambda v: v)", "cell GRUCell = GRU(4, activation = identity)"),
        ("GRUCell(4, activation=tf.nn.softmax)", "cell GRUCell = GRU(4, activation = softmax)"),
        ("CudnnCompatibleGRUCell(4)", "cell CudnnCompatibleGRUCell = GRU(4, reset = after)"),
        ("NASCell(4, use_bias=True)", "cell NAS(units = 4, proj = none, bias = true)"),
        ("NASCell(4, use_biases=True)", "cell NAS(units = 4, proj = none, bias = true)"),  # before 1.15
        ("tf.nn.static_state_saving_rnn(GRUCell(4), x, saver, 'state')", "cell GRUCell = GRU(4)"),
        ("tf.keras.layers.CuDNNLSTM(4, return_sequences=True)", "cell CuDNNLSTM = LSTM(4)"),
        (
            "CuDNNLSTM(4, return_sequences=True, unit_forget_bias=False)",
            "cell CuDNNLSTM = LSTM(4, forget_bias = 0.0)",
        ),
        (
            "CuDNNGRU(4, return_sequences=True)",
            "cell CuDNNGRU = GRU(4, reset = after, gate_bias = 0.0)",
        ),
        ("keras.layers.LSTM(4, return_sequences=True)", "cell LSTMLayer = LSTM(4)"),
        ("tf.keras.layers.GRUCell(4)", "cell GRUCell = GRU(4, reset = after, gate_bias = 0.0)"),
        ("torch.nn.GRU(3, 4)", "cell GRULayer = GRU(4, reset = after, gate_bias = 0.0)"),
    ],
)
def test_what_calls_become(call: str, heading: str) -> None:
    assert last(call) == heading


def test_the_description_stands_alone_under_any_name() -> None:
    found = imported("tf.nn.rnn_cell.BasicLSTMCell(128)", name="Mine")
    assert found.text.startswith('# tf.nn.rnn_cell.BasicLSTMCell(128)\n\n"""LSTM without')
    assert "cell Mine(units = 128, forget_bias = 1.0, activation = tanh) {" in found.text
    assert "import" not in found.text
    assert imported("GRUCell(4)", name="Mine").text == "# GRUCell(4)\ncell Mine = GRU(4)\n"


def test_known_cells_are_written_out_on_demand() -> None:
    text = imported("LSTMCell(128)", inline=True).text
    assert "cell LSTM(units = 128, proj = none" in text
    assert "gate i = " in text
    both = imported("tf.nn.bidirectional_dynamic_rnn(LSTMCell(4), GRUCell(3), x)", inline=True).text
    assert [both.count(f"cell {name}(") for name in ("LSTM", "GRU", "RNN")] == [1, 1, 0]


CONV = "tf.contrib.rnn.Conv1DLSTMCell(input_shape=[6, 2], output_channels=3, kernel_shape=[3])"


def test_a_name_is_the_scope_of_the_variables() -> None:
    assert 'layout tf(scope = "encoder"' in imported("LSTMCell(4, name='encoder')").text
    assert imported("LSTMCell(4, name='lstm_cell')").text.endswith("cell LSTMCell = LSTM(4)\n")
    inner = imported("MultiRNNCell([GRUCell(4), GRUCell(4, name='second')])").text
    assert 'tf.nn.rnn_cell.GRUCell(units, activation = activation, name = "second")' in inner
    assert inner.count('layout tf(scope = "second"') == 2  # a GRU has one for each placement of its reset
    assert "network Multi(cells = [GRU(4), GRU_second(4)])" in inner
    assert 'layout tf(scope = "conv_1d_lstm_cell"' in imported(CONV).text


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            "LSTMCell(4, initializer=tf.orthogonal_initializer())",
            "`initializer` of LSTMCell is left out: initial values",
        ),
        ("DropoutWrapper(GRUCell(4), 0.5, seed=3)", "`seed` of DropoutWrapper is left out: masks are drawn"),
        (
            "DropoutWrapper(GRUCell(4), variational_recurrent=True)",
            "`variational_recurrent` of DropoutWrapper draws one",
        ),
        ("keras.layers.GRU(4, stateful=True)", "`stateful` of GRU is left out: a module takes and gives the states"),
        (
            "keras.layers.GRU(4, kernel_regularizer='l2')",
            "`kernel_regularizer` of GRU is left out: it belongs to training",
        ),
        ("o, s = tf.nn.dynamic_rnn(GRUCell(4), x)\nloss = tf.reduce_mean(o)", "left out: `loss = tf.reduce_mean(o)`"),
    ],
)
def test_what_is_left_out_is_said(call: str, said: str) -> None:
    remark, *_ = imported(call).remarks
    assert remark.startswith(said)


@pytest.mark.parametrize(
    "call",
    [
        "LSTMCell(4, initializer=None, reuse=None, name=None, state_is_tuple=True)",
        "c = GRUCell(4)\nfw, s = tf.nn.dynamic_rnn(c, tf.transpose(x, [1, 0, 2]), initial_state=c.zero_state(3, f))",
        "o, s = tf.nn.bidirectional_dynamic_rnn(GRUCell(4), GRUCell(4), x)\no = tf.concat(o, axis=-1)",
    ],
)
def test_nothing_is_said_of_what_changes_nothing(call: str) -> None:
    assert imported(call).remarks == ()


@pytest.mark.parametrize(
    "call",
    [
        "torch.nn.GRU(3, 4, num_layers=2, dropout=0.5)",
        "torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True, dropout=0.5)",
    ],
)
def test_layers_with_dropout_have_the_layouts_of_those_without(call: str) -> None:
    models = [model_of(Source("<text>", imported(text).text)) for text in (call, call.replace("0.5", "0"))]
    arrays = [{layout.name: layout.arrays for layout in model.layouts if not layout.missing} for model in models]
    assert arrays[0] == arrays[1]
    assert arrays[0].keys() == {"torch", "tf", "keras", "onnx", "cudnn"}


def test_two_layers_of_one_class_have_scopes_of_their_own() -> None:
    layer = "Bidirectional(LSTM(3, return_sequences=True), merge_mode='sum')"
    text = imported(f"keras.Sequential([{layer}, {layer}])").text
    assert 'scope y.forward = "bidirectional/forward_layer"' in text
    assert 'scope y2.backward = "bidirectional_1/backward_layer"' in text


def test_the_call_stands_at_the_head() -> None:
    text = imported("cell = GRUCell(4)\n\ny, s = tf.nn.dynamic_rnn(cell, x)").text
    assert text.startswith("# cell = GRUCell(4)\n#\n# y, s = tf.nn.dynamic_rnn(cell, x)\n")


def test_the_library_is_that_of_the_examples() -> None:
    """All files with layouts but the one that is a use of others: what has none is in no other library, but for cells
    whose weights TensorFlow does not keep, and those that have inherited theirs. The wheel carries every file."""
    root = resource_path("examples/lstm.rnn").parent
    names = {path.stem for path in root.glob("*.rnn")}
    texts = {name: (root / f"{name}.rnn").read_text(encoding="utf-8") for name in names}
    elsewhere = {name for name, text in texts.items() if re.search(r"^ +layout ", text, re.MULTILINE)}
    assert set(FILES) == (elsewhere - {"classifier"}) | {"skip_input", "variational"}
    project = (root.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert [name for name in names if f'"examples/{name}.rnn" = "rnnc/_data/examples/{name}.rnn"' not in project] == []


@pytest.mark.parametrize(
    ("call", "silent"),
    [
        ("tf.keras.layers.GRU(4)", "recurrent_activation='hard_sigmoid', reset_after=False"),
        ("tf.compat.v1.keras.layers.GRUCell(4, reset_after=True)", "recurrent_activation='hard_sigmoid'"),
        ("tf.keras.layers.LSTM(4, recurrent_activation='sigmoid')", None),
        ("tf.keras.layers.SimpleRNN(4)", None),
        ("keras.layers.GRU(4)", None),
    ],
)
def test_defaults_that_differ_between_versions_are_told(call: str, silent: str | None) -> None:
    told = [remark for remark in imported(call).remarks if "TensorFlow 1" in remark]
    assert [silent in remark for remark in told if silent] == ([True] if silent else [])
    assert bool(told) == (silent is not None)
