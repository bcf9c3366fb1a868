"""What cannot be imported: one error with a code, at the place of the slip."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnc.diagnostics import Diagnostic, DiagnosticError, Source
from rnnc.importing.calls import import_call
from rnnc.importing.libraries import unread

ROOT = Path(__file__).resolve().parents[2]


def error(call: str) -> Diagnostic:
    with pytest.raises(DiagnosticError) as caught:
        import_call(Source("<call>", call))
    (found,) = caught.value.diagnostics
    return found


# What is marked is between « and ».
SLIPS = [
    # no Python, or Python that is not read
    ("LSTMCell«»(128,", "E601", "never closed"),
    ("«»", "E601", "no call"),
    ("«class A: pass»", "E602", "kind of statement"),
    ("LSTMCell(«__import__»('os').system('true'))", "E603", "__import__"),
    ("MultiRNNCell([LSTMCell(4) for _ in «range(10 ** 9)»])", "E602", "more than 1000"),
    ("LSTMCell(«2 ** 900»)", "E602", "too large"),
    ("LSTMCell(«(-8) ** 0.5»)", "E602", "a root"),
    ("MultiRNNCell([GRUCell(4) for n in [1, 2] if «deep»])", "E602", "condition"),
    ("cells = []\nfor n in «sizes»:\n  cells.append(GRUCell(n))\nMultiRNNCell(cells)", "E602", "a list"),
    ("def f(n):\n  return GRUCell(n)\n«f(2, 3)»", "E602", "call of a function"),
    ("if «a > 1»:\n  c = GRUCell(4)\nMultiRNNCell([c])", "E602", "comparison"),
    ("MultiRNNCell(«[GRUCell(4)] * 100000»)", "E602", "arithmetic"),
    ("MultiRNNCell([GRUCell(4) for _ in «range(100000)»])", "E602", "more than 1000"),
    ("LSTMCell(«*sizes»)", "E602", "`*`"),
    ("LSTMCell(4, «**options»)", "E602", "`**`"),
    ("LSTMCell(4 if «deep» else 8)", "E602", "a condition that is known"),
    ("LSTMCell(«1 / 0»)", "E602", "division by zero"),
    ("«tf.nn.relu»", "E602", "a call of a cell or layer"),
    ("o, s = tf.nn.dynamic_rnn(GRUCell(4), x)\np, s = «tf.nn.dynamic_rnn(GRUCell(4), o)»", "E602", "second network"),
    # names
    ("«LSTMCel»(128)", "E603", "does not know"),
    ("tf.nn.rnn_cell.MultiRNNCell([«InputEcho»(GRUCell(4))])", "E603", "InputEcho"),
    ("LSTMCell(4, activation=«tf.nn.relux»)", "E603", "activation"),
    # arguments
    ("LSTMCell(4, «use_peephole»=True)", "E604", "no argument"),
    ("«LSTMCell»()", "E604", "needs `num_units`"),
    ("LSTMCell(4, «num_units»=4)", "E604", "twice"),
    ("GRUCell(1, 2, 3, 4, 5, 6, 7, «8»)", "E604", "7 arguments"),
    # kinds
    ("LSTMCell(«'4'»)", "E605", "whole number"),
    ("LSTMCell(«True»)", "E605", "whole number"),
    ("LSTMCell(«0»)", "E605", "whole number"),
    ("LSTMCell(4, use_peepholes=«1»)", "E605", "True or False"),
    ("LSTMCell(4, cell_clip=«-1.0»)", "E605", "positive"),
    ("DropoutWrapper(GRUCell(4), «1.5»)", "E605", "from 0 to 1"),
    ("MultiRNNCell(«GRUCell(4)»)", "E605", "list"),
    ("MultiRNNCell(«[]»)", "E605", "something in it"),
    ("ResidualWrapper(«128»)", "E605", "a cell is wanted"),
    ("keras.layers.Bidirectional(«keras.layers.GRUCell(4)»)", "E605", "recurrent layer"),
    ("keras.layers.Bidirectional(keras.layers.GRU(4), merge_mode=«'con'»)", "E605", "'concat'"),
    ("keras.layers.RNN(«keras.layers.GRU(4)»)", "E605", "takes cells"),
    # what cannot be said
    ("LSTMCell(4, activation=«lambda v: tf.cumsum(v)»)", "E606", "function of your own that is not read: `cumsum`"),
    ("def act(v):\n  print(v)\n  return v\nLSTMCell(4, activation=«act»)", "E603", "no activation `act`"),
    ("GRUCell(4, activation=«tf.contrib.sparsemax.sparsemax»)", "E606", "compares all features"),
    ("keras.layers.LSTM(4, activation=«'glu'»)", "E606", "half as many"),
    (
        "y, *s = layers.RNN([LSTMCell(4)], return_state=True)(keras.Input((5, 3)))\nLSTM(4)(y, initial_state=«s»)",
        "E606",
        "handed on",
    ),
    ("ResidualWrapper(GRUCell(4), residual_fn=«tf.nn.conv2d»)", "E606", "residual_fn"),
    ("keras.layers.ConvLSTM1D(4, 3, padding='same', recurrent_dropout=«0.2»)", "E606", "recurrent_dropout"),
    ("keras.layers.ConvLSTM1D(4, 3, dropout=«0.2»)", "E606", "for every gate"),
    ("keras.layers.LSTM(4, recurrent_dropout=«1.0»)", "E606", "nothing is kept"),
    ("keras.Sequential([layers.LSTM(4), «layers.LSTM(4)»])", "E606", "one step"),
    (
        "DropoutWrapper(MultiRNNCell([TimeFreqLSTMCell(2, feature_size=2), LSTMCell(4)]), state_keep_prob=«0.5»)",
        "E606",
        "how many states",
    ),
    (
        "DropoutWrapper(GRUCell(4), state_keep_prob=0.5, dropout_state_filter_visitor=«lambda s: s.shape»)",
        "E606",
        "`s.shape` is not evaluated",
    ),
    (
        "c = TimeReversedFusedRNN(LSTMBlockFusedCell(4))\nxs = tf.unstack(x)\ny, _ = «c(xs, sequence_length=n)»",
        "E606",
        "turns a list of steps around as a whole",
    ),
    (
        (
            "f, c = LSTMBlockFusedCell(4), TimeReversedFusedRNN(LSTMBlockFusedCell(4))\nxs = tf.unstack(x)\n"
            "y, _ = f(xs, sequence_length=n)\nz, _ = «c(xs, None, tf.float32, n)»\no = tf.concat([y, z], 2)"
        ),
        "E606",
        "turns a list of steps around as a whole",
    ),
    ("MultiRNNCell([ResidualWrapper(TimeReversedFusedRNN(«LSTMBlockFusedCell(4)»))])", "E606", "ResidualWrapper"),
    ("torch.nn.RNN(3, 4, nonlinearity=«'gelu'»)", "E605", "is 'tanh' or 'relu', not 'gelu'"),
    ("MultiRNNCell(«[]»)", "E605", "not an empty list"),
    ("tf.nn.raw_rnn(GRUCell(4), «loop»)", "E606", "function of your own"),
    ("torch.nn.LSTM(3, 4, 2, dropout=«1.0»)", "E606", "nothing is kept"),
    ("one = Bidirectional(LSTM(4, return_sequences=True))\nSequential([one, «one»])", "E606", "shares its weights"),
    ("keras.Sequential([keras.layers.LSTM(4), «keras.layers.RepeatVector(3)»])", "E606", "a sequence of one value"),
    ("keras.Sequential([«keras.layers.Conv1D(4, 3)», keras.layers.LSTM(4)])", "E606", "across steps"),
    ("x = LSTM(4)(keras.Input((3, 2)))\ny = LSTM(4)(z, initial_state=«x»)", "E606", "other states"),
    ("ResidualWrapper(GRUCell(4), residual_fn=«lambda i, o: i[0] + o»)", "E606", "along the features"),
    ("GridLSTMCell(4, feature_size=2, frequency_skip=1, num_frequency_blocks=«[1, 2]»)", "E606", "2 blocks"),
]


@pytest.mark.parametrize(("marked", "code", "message"), SLIPS, ids=[marked for marked, _, _ in SLIPS])
def test_the_slip_is_named_at_its_place(marked: str, code: str, message: str) -> None:
    start, end = marked.index("«"), marked.index("»") - 1
    found = error(marked.replace("«", "").replace("»", ""))
    assert (found.code, message in found.message) == (code, True), found
    assert found.span is not None
    assert (found.span.start, found.span.end) == (start, end), found.span.text


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        ("tf.nn.rnn_cell.LSTMCel(4)", "did you mean `LSTMCell`?"),
        ("LSTMCell(4, use_peephole=True)", "did you mean `use_peepholes`?"),
        ("LSTMCell(4, activation='Relu')", "did you mean `relu`?"),
        ("LSTMCell(n)", "nothing gives `n` a value: put a line `n = …` before the call"),
        ("keras.layers.RNN(keras.layers.GRU(4))", "GRUCell"),
    ],
)
def test_what_may_be_meant(call: str, fix: str) -> None:
    assert error(call).fix == fix


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        ("lstmcell(4)", "LSTMCell"),
        ("CudnLSTM(2, 4)", "CudnnLSTM"),
        ("tf.nn.rnn_cell.BasicLTSMCell(4)", "BasicLSTMCell"),
        ("tf.contrib.rnn.LayerNormBasicLSTM(4)", "LayerNormBasicLSTMCell"),
        ("tf.contrib.rnn.AttentionCelWrapper(c, 4)", "AttentionCellWrapper"),
    ],
)
def test_a_slip_in_the_name_of_a_cell(call: str, meant: str) -> None:
    assert error(call).fix == f"did you mean `{meant}`?"


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        ("tf.contrib.seq2seq.AttentionWrapper(GRUCell(4), m)", unread.MEMORY),
        ("tf.contrib.seq2seq.BasicDecoder(GRUCell(4), h, s)", unread.MEMORY),
        ("tf.contrib.rnn.NTMCell(4, 5)", "`rnnc import` does not read it; examples/ntm.rnn has such a cell"),
        ("ONLSTMCell(4)", "`rnnc import` does not read it; examples/on_lstm.rnn has such a cell"),
        ("xLSTMCell(4)", "`rnnc import` does not read it; examples/xlstm.rnn has such a cell"),
        ("tf.contrib.grid_rnn.Grid2LSTMCell(4)", unread.OTHER),
        ("MyLSTMCell(4)", unread.OTHER),
        ("tf.nn.rnn_cell.Nothing(4)", unread.KNOWN),
    ],
)
def test_other_cells_are_no_slips(call: str, fix: str) -> None:
    assert error(call).fix == fix


@pytest.mark.parametrize("name", unread.EXAMPLES)
def test_examples_of_other_cells_are_there(name: str) -> None:
    assert (ROOT / "examples" / f"{unread.EXAMPLES[name]}.rnn").is_file()
    for written in (name.upper(), name, f"{name.upper()}Cell"):
        fix = error(f"{written}(4)").fix or ""
        assert f"examples/{unread.EXAMPLES[name]}.rnn" in fix, written


@pytest.mark.parametrize("name", ["IRNN", "FRU", "BRNN", "LSTX"])
def test_one_letter_of_a_short_name_makes_it_another(name: str) -> None:
    assert error(f"{name}(4)").fix == unread.KNOWN


@pytest.mark.parametrize(("name", "meant"), [("GUR", "GRU"), ("LSM", "LSTM"), ("RNNN", "RNN")])
def test_letters_of_a_short_name_may_be_swapped_or_missing(name: str, meant: str) -> None:
    assert error(f"nn.{name}(4, 5)").fix == f"did you mean `{meant}`?"


def test_columns_count_characters() -> None:
    found = error("LSTMCell(4, name='ünïcode', use_peephole=True)")
    assert found.span is not None
    assert found.span.text == "use_peephole"


@pytest.mark.parametrize(
    "text", ["(" * 5000, "[" * 150 + "]" * 150, "-" * 3000 + "1", "f" + "(f" * 90 + ")" * 90, "a.b" * 9000, "\0"]
)
def test_hostile_text_is_an_error(text: str) -> None:
    assert error(text).code in ("E601", "E602", "E603")
