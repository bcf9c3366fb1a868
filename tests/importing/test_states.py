"""States of drivers of TensorFlow: what they begin with, and the final ones, are read or told; dropout of results."""

from __future__ import annotations

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.calls import import_call
from tests.importing.test_behind import BOTH, ONE, imported, left_out

LSTM = "a = tf.nn.rnn_cell.LSTMCell(3)\ny, s = tf.nn.dynamic_rnn(a, x, dtype=tf.float32)"
LAYERS = LSTM.replace("tf.nn.rnn_cell.LSTMCell(3)", "MultiRNNCell([LSTMCell(2), GRUCell(3)])")
STATIC = "y, f, b = tf.nn.static_bidirectional_rnn(GRUCell(3), GRUCell(3), xs, dtype=tf.float32)"


def driven(arguments: str, *lines: str) -> tuple[str, ...]:
    return imported("a = GRUCell(4)", *lines, f"y, s = tf.nn.dynamic_rnn(a, x, {arguments})")[1]


@pytest.mark.parametrize(
    ("arguments", "lines", "shown"),
    [
        ("initial_state=tf.ones([3, 4])", [], "tf.ones([3, 4])"),
        ("None, tf.ones([3, 4])", [], "tf.ones([3, 4])"),
        ("None, s0", [], "s0"),
        ("initial_state=h", ["h = tf.constant(1.0, shape=[3, 4])"], "tf.constant(1.0, shape=[3, 4])"),
        ("initial_state=h", ["h = tf.placeholder(tf.float32, [3, 4])"], "tf.placeholder(tf.float32, [3, 4])"),
        ("initial_state=h", ["h = tf.Variable(tf.zeros([3, 4]))"], "tf.Variable(tf.zeros([3, 4]))"),
        ("initial_state=tf.fill([3, 4], 0.5)", [], "tf.fill([3, 4], 0.5)"),
        ("initial_state=(tf.zeros([3, 4]), tf.ones([3, 4]))", [], "(tf.zeros([3, 4]), tf.ones([3, 4]))"),
        ("initial_state=h[0]", [], "h[0]"),
    ],
)
def test_what_a_driver_begins_with_is_told(arguments: str, lines: list[str], shown: str) -> None:
    assert f"`initial_state` of dynamic_rnn, `{shown}`, is given to the module as `state`" in driven(arguments, *lines)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ("initial_state=None", []),
        ("initial_state=a.zero_state(3, tf.float32)", []),
        ("initial_state=h", ["h = a.zero_state(3, tf.float32)"]),
        ("initial_state=h", ["h = a.get_initial_state(batch_size=3, dtype=tf.float32)"]),
        ("initial_state=tuple([tf.zeros([3, 4])] * 2)", []),
        ("initial_state=LSTMStateTuple(tf.zeros([3, 4]), h=np.zeros((3, 4)))", []),
        ("initial_state=tf.zeros_like(h)", []),
        ("initial_state=tf.constant(0.0, shape=[3, 4])", []),
        ("initial_state=tuple(tf.zeros([3, n]) for n in (4, 5))", []),
        ("initial_state=zeros(4)", ["def zeros(n):\n  return tf.zeros([3, n])"]),
    ],
)
def test_zeros_need_no_word(arguments: str, lines: list[str]) -> None:
    assert driven(arguments, *lines) == ()


def test_what_both_directions_begin_with_is_told() -> None:
    text = "y, f, b = tf.nn.static_bidirectional_rnn(GRUCell(3), GRUCell(3), xs, tf.ones([2, 3]), tf.zeros([2, 3]))"
    what = "`initial_state_fw` of static_bidirectional_rnn, `tf.ones([2, 3])`, is given to the module as `state`"
    assert import_call(Source("<call>", text)).remarks == (what,)


FUSED = "lstm = tf.contrib.rnn.LSTMBlockFusedCell(5)\n"
BEGINS = "(x, (c0, h0), tf.float32)", "(x, (c0, h0))", "(x, initial_state=(c0, h0))"


@pytest.mark.parametrize(
    "call", [f"{name}{given}" for name in ("lstm", "tf.contrib.rnn.LSTMBlockFusedCell(5)") for given in BEGINS]
)
@pytest.mark.parametrize("front", ["", "x, _ = tf.contrib.rnn.LSTMBlockFusedCell(5)(v)\n"])
def test_what_a_fused_layer_begins_with_is_told(call: str, front: str) -> None:
    """In the same words wherever it stands."""
    what = "what LSTMBlockFusedCell begins with, `(c0, h0)`, is left out: a module takes it as `state`"
    remarks = import_call(Source("<call>", f"{front}{FUSED}y, _ = {call}")).remarks
    assert [each for each in remarks if each.startswith(("what LSTM", "`initial"))] == [what]


@pytest.mark.parametrize("begins", ["tf.ones([1, 5])", "initial_state=tf.ones([1, 5])"])
def test_a_fused_layer_that_begins_with_numbers_of_the_text_is_refused(begins: str) -> None:
    with pytest.raises(DiagnosticError, match="begins with is not read"):
        import_call(Source("<call>", f"{FUSED}y, _ = lstm(x, {begins})"))


def test_final_states_of_fused_layers_are_not_handed_on() -> None:
    with pytest.raises(DiagnosticError, match="handed on"):
        import_call(Source("<call>", f"{FUSED}y, s = lstm(x)\nz, _ = tf.contrib.rnn.LSTMBlockFusedCell(5)(y, s)"))


# --- final states ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "lines"),
    [
        (LSTM, ["last = s.h"]),
        (LSTM, ["z = s[1]"]),
        (LSTM, ["c, h = s", "last = h"]),
        (LSTM, ["def f():\n  return s.h", "z = f()"]),
        (LSTM, ["self.last = tf.identity(s.h)"]),
        (ONE, ["last = s"]),
        (f"def f(x):\n  {ONE}\n  return s".replace("\ny", "\n  y"), ["z = f(x)"]),
        (LAYERS, ["last = s[-1]"]),
        (LAYERS, ["last = s[1]"]),
    ],
)
def test_the_final_state_is_read_where_it_comes_last(driver: str, lines: list[str]) -> None:
    text, remarks = imported(driver, *lines)
    assert "end = layer.h'" in text
    assert "output end" in text
    assert remarks == ()


@pytest.mark.parametrize("line", ["last = s.c", "last = s[0]"])
def test_a_final_state_that_is_no_output(line: str) -> None:
    text, remarks = imported(LSTM, line)
    assert text[4:6] == ["end = layer.c'", "output end"]
    assert not remarks


@pytest.mark.parametrize(("line", "wanted"), [("last = sf", "layer.forward.h'"), ("z = sb.h", "layer.backward.h'")])
def test_the_final_state_of_one_direction(line: str, wanted: str) -> None:
    text, remarks = imported(BOTH, line)
    assert f"output {wanted}" in text
    assert remarks == ()


@pytest.mark.parametrize(
    ("driver", "lines"),
    [
        (LSTM, ["last = s"]),
        (LSTM, ["c, h = s"]),
        (ONE, ["last = s[-1]"]),  # the last row
        (LAYERS, ["last = s[0]"]),
        (LAYERS, ["one, two = s"]),
        (STATIC, ["last = f"]),
    ],
)
def test_a_final_state_that_is_not_read_is_told(driver: str, lines: list[str]) -> None:
    remarks = imported(driver, *lines)[1]
    assert list(remarks[:-1]) == left_out(*lines)
    assert remarks[-1].startswith("the description ends with what `")


def test_a_state_that_no_product_reads_is_told() -> None:
    text, remarks = imported(LSTM, "c, h = s", "z = tf.layers.dense(y, 2)")
    assert "logits = dense(y, 2)" in text
    assert list(remarks[:-1]) == left_out("c, h = s")
    assert imported(LSTM, "c, h = s", "z = tf.layers.dense(h, 2)")[1] == ()


def test_a_state_beside_outputs_needs_no_word() -> None:
    text, remarks = imported(ONE, "self.outputs = y", "self.state = s")
    assert "cell GRUCell = GRU(3)" in text
    assert remarks == ()
    assert imported(ONE, "z = y", "state = s")[1] == ()


# --- dropout --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("tf.nn.dropout(s, 0.8)", "end = dropout(layer.h', keep = 0.8, mask = step)"),
        ("tf.nn.dropout(s, rate=0.8)", "end = dropout(layer.h', 0.8, mask = step)"),
        ("tf.nn.dropout(s, keep_prob=1 - 0.25)", "end = dropout(layer.h', keep = 0.75, mask = step)"),
        ("tf.nn.dropout(s, 1.0)", "end = layer.h'"),
        ("tf.layers.dropout(s, 0.3)", "end = layer.h'"),
        ("tf.layers.dropout(s, 0.3, training=False)", "end = layer.h'"),
        ("tf.layers.dropout(s, 0.3, training=True)", "end = dropout(layer.h', 0.3, mask = step)"),
        ("tf.layers.dropout(s, training=is_training)", "end = dropout(layer.h', 0.5, mask = step)"),
        ("tf.contrib.layers.dropout(s)", "end = dropout(layer.h', 0.5, mask = step)"),
        ("tf.contrib.layers.dropout(s, 0.9, is_training=False)", "end = layer.h'"),
        ("tf.nn.dropout(y, 0.5)[:, -1]", "end = at(dropout(y, keep = 0.5, mask = step), -1)"),
    ],
)
def test_dropout_of_results(line: str, wanted: str) -> None:
    text, remarks = imported(ONE, f"d = {line}", "z = tf.layers.dense(d, 2)")
    assert wanted in text
    assert "logits = dense(end, 2)" in text
    assert remarks == ()


def test_dropout_between_products_and_at_the_end() -> None:
    lines = ["h = tf.layers.dense(s, 5, tf.nn.relu)", "h = tf.nn.dropout(h, 0.5)", "z = tf.layers.dense(h, 2)"]
    text, remarks = imported(ONE, *lines, "z = tf.nn.dropout(z, 0.9)")
    assert text[text.index("y2 = relu(logits)") :][1:4] == [
        "d = dropout(y2, keep = 0.5, mask = step)",
        "logits2 = dense(d, 2)",
        "d2 = dropout(logits2, keep = 0.9, mask = step)",
    ]
    assert "output d2" in text
    assert remarks == ()
    assert "end = dropout(y, keep = 0.5, mask = step)" in imported(ONE, "z = tf.nn.dropout(y, 0.5)")[0]


def test_dropout_of_both_directions() -> None:
    text, remarks = imported(BOTH, "o = tf.nn.dropout(tf.concat([of, ob], 2), 0.9)", "z = tf.layers.dense(o, 2)")
    assert "d = dropout(concat(y.forward, y.backward), keep = 0.9, mask = step)" in text
    assert "logits = dense(d, 2)" in text
    assert remarks == ()


def test_every_dropout_has_its_mask() -> None:
    lines = ["fw = tf.nn.dropout(of, 0.5)", "bw = tf.nn.dropout(ob, 0.5)"]
    text, remarks = imported(BOTH, *lines, "z = tf.layers.dense(tf.concat([fw, bw, fw], 2), 2)")
    assert text[text.index("d = dropout(y.forward, keep = 0.5, mask = step)") :][1:3] == [
        "d2 = dropout(y.backward, keep = 0.5, mask = step)",
        "logits = dense(concat(d, d2, d), 2)",
    ]
    assert remarks == ()
    text, remarks = imported(ONE, "d = tf.nn.dropout(y, 0.5)", "z = tf.nn.dropout(d[:, -1], 0.5)")
    assert text[text.index("d = dropout(y, keep = 0.5, mask = step)") + 1].startswith("end = dropout(at(d, -1), ")
    assert remarks == ()


@pytest.mark.parametrize(
    ("driver", "state", "wanted"),
    [
        (LSTM, "s.h", "layer.h'"),
        (LSTM, "s.c", "layer.c'"),
        (LSTM, "s[0]", "layer.c'"),
        (LSTM.replace("LSTMCell(3)", "ResidualWrapper(GRUCell(3))"), "s", "layer.f.h'"),
        (LAYERS, "s[-1]", "layer.h'"),
        (BOTH, "sf", "layer.forward.h'"),
        (BOTH, "sb.h", "layer.backward.h'"),
    ],
)
def test_dropout_of_each_final_state(driver: str, state: str, wanted: str) -> None:
    for last in ([], ["z = tf.layers.dense(d, 2)"]):
        text, remarks = imported(driver, f"d = tf.nn.dropout({state}, 0.5)", *last)
        assert any(line.endswith(f"= dropout({wanted}, keep = 0.5, mask = step)") for line in text)
        assert remarks == ()


@pytest.mark.parametrize(
    ("before", "call", "name", "value"),
    [
        ("keep_prob = tf.placeholder(tf.float32)", "tf.nn.dropout(s, keep_prob)", "keep_prob", "1.0"),
        ("k = tf.placeholder(tf.float32)", "tf.nn.dropout(s, rate=1 - k)", "k", "1.0"),
        ("n = 1", "tf.nn.dropout(s, keep_prob=FLAGS.keep)", "keep", "1.0"),
        ("n = 1", "tf.layers.dropout(s, rate, training=True)", "rate", "0.0"),
    ],
)
def test_a_rate_that_the_caller_gives_is_a_parameter(before: str, call: str, name: str, value: str) -> None:
    text, remarks = imported(ONE, before, f"d = {call}", "z = tf.layers.dense(d, 2)")
    assert f"network GRUCell({name} = {value}) {{" in text
    assert any(line.startswith("end = dropout(layer.h', ") and name in line for line in text)
    what = f"`{name}` has no value here: it is a parameter of the description, {value} unless it is given"
    assert list(remarks) == [f"{what} (`-D {name}=0.5`)"]


@pytest.mark.parametrize(
    ("default", "call", "wanted"),
    [
        ("0.5, ()", "tf.nn.dropout(s, k)", "keep = k"),
        ("input=0.5, shape=[]", "tf.nn.dropout(s, rate=1 - k)", "keep = k"),
        ("0.5, []", "tf.layers.dropout(s, k, training=True)", "k"),
    ],
)
def test_a_rate_that_the_text_has_for_those_who_give_none(default: str, call: str, wanted: str) -> None:
    text, remarks = imported(ONE, f"k = tf.placeholder_with_default({default})", f"d = {call}")
    assert "network GRUCell(k = 0.5) {" in text
    assert f"end = dropout(layer.h', {wanted}, mask = step)" in text
    assert remarks == ("`k` is a parameter of the description, 0.5 unless it is given (`-D k=0.5`)",)


@pytest.mark.parametrize(
    ("name", "called"),
    [(each, each) for each in ("d", "layer", "y", "end", "logits", "keep", "mask", "step", "one")]
    + [(each, "keep_prob") for each in ("x", "f", "input", "time", "dropout", "last", "at", "dense", "relu", "none")],
)
def test_names_of_rates(name: str, called: str) -> None:
    lines = [f"{name} = tf.placeholder(tf.float32)", "a = tf.layers.dense(s.c, 2, tf.nn.relu)"]
    text, remarks = imported(LSTM, *lines, f"b = tf.nn.dropout(a, {name})", "z = tf.layers.dense(b, 2)")
    assert f"network LSTMCell({called} = 1.0) {{" in text
    assert any(line.endswith(f", keep = {called}, mask = step)") for line in text)
    assert len(remarks) == 1


@pytest.mark.parametrize(
    ("line", "wanted", "parameters"),
    [
        ("self.k = tf.placeholder(tf.float32)", "keep = k", "k = 1.0"),
        ("self.k = tf.placeholder_with_default(0.4, [])", "keep = k", "k = 0.4"),
        ("self.k = 0.4", "keep = 0.4", ""),
    ],
)
def test_a_rate_that_is_a_field(line: str, wanted: str, parameters: str) -> None:
    for lines in ([line, ONE], [ONE, line]):
        text, remarks = imported(*lines, "z = tf.nn.dropout(s, self.k)")
        assert f"network GRUCell({parameters}) {{".replace("()", "") in text
        assert f"end = dropout(layer.h', {wanted}, mask = step)" in text
        assert len(remarks) == bool(parameters)


def test_one_number_is_one_parameter() -> None:
    lines = ["k = tf.placeholder(tf.float32)", "d = tf.nn.dropout(s, k)", "a = tf.layers.dense(d, 2)"]
    text, _ = imported(ONE, *lines, "z = tf.nn.dropout(a, rate=k)")
    assert "network GRUCell(k = 0.5) {" in text
    assert {"end = dropout(layer.h', keep = k, mask = step)", "d = dropout(logits, k, mask = step)"} <= {*text}
    text, _ = imported(ONE, *lines[:2], "z = tf.layers.dropout(d, FLAGS.k, training=True)")
    assert "network GRUCell(k = 1.0, rate = 0.0) {" in text


@pytest.mark.parametrize(
    "line",
    [
        "tf.nn.dropout(s, 0.5, noise_shape=[1, 3])",
        "tf.nn.dropout(s, 0.0)",
        "tf.nn.dropout(s, 0.5, rate=0.2)",
        "tf.nn.dropout(s, tf.square(k))",
        "tf.nn.dropout(s)",
        "other.dropout(s, 0.5)",
    ],
)
def test_dropout_that_is_not_understood_is_left_out(line: str) -> None:
    text, remarks = imported(ONE, f"d = {line}", "z = tf.layers.dense(d, 2)")
    assert "cell GRUCell = GRU(3)" in text
    assert list(remarks[:-1]) == left_out(f"d = {line}", "z = tf.layers.dense(d, 2)")


def test_the_second_argument_of_dropout_is_a_rate_in_tensorflow_2() -> None:
    lines = ["y, s = tf.compat.v1.nn.dynamic_rnn(GRUCell(3), x)", "tf.nn.dropout(y, 0.2)"]
    found = import_call(Source("<call>", "\n".join(lines))).text
    assert check(Source("<text>", found)) == []
    assert "end = dropout(y, 0.2, mask = step)" in found
    found = import_call(Source("<call>", "\n".join(lines).replace("tf.nn.drop", "tf.compat.v1.nn.drop"))).text
    assert "end = dropout(y, keep = 0.2, mask = step)" in found
