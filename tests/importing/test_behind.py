"""Lines behind a driver: what is not understood is told, and nothing that reads it is kept."""

from __future__ import annotations

import re

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call

ONE = "a = tf.nn.rnn_cell.GRUCell(3)\ny, s = tf.nn.dynamic_rnn(a, x, dtype=tf.float32)"
STEPS = "a = tf.nn.rnn_cell.GRUCell(3)\ny, s = tf.nn.static_rnn(a, tf.unstack(x, axis=1), dtype=tf.float32)"
BOTH = "(of, ob), (sf, sb) = tf.nn.bidirectional_dynamic_rnn(GRUCell(3), LSTMCell(3), x, dtype=tf.float32)"


def imported(driver: str, *lines: str) -> tuple[list[str], tuple[str, ...]]:
    """The lines of the description, and the remarks."""
    found = import_call(Source("<call>", "\n".join([driver, *lines])))
    assert check(Source("<text>", found.text)) == []
    text = [" ".join(line.split()) for line in found.text.split("\n") if not line.startswith("#")]
    return text, found.remarks


def left_out(*lines: str) -> list[str]:
    return [f"left out: `{line}`" for line in lines]


@pytest.mark.parametrize(
    ("driver", "line"),
    [
        (ONE, "tf.concat([y, x], 2)"),
        (ONE, "z = y, y[:, 0]"),
        (STEPS, "tf.stack(y[-2:], axis=1)"),
        (STEPS, "tf.stack(y[::-1], axis=1)"),
        (STEPS, "tf.stack([2*v for v in y], axis=1)"),
        (STEPS, "tf.stack(y, axis=2)"),
        (BOTH, "tf.concat([of[:, 0], ob[:, 0]], -1)"),
        (BOTH, "tf.concat([sf, sb.h, of[:, 0]], -1)"),
        (BOTH, "tf.concat([of[:, :, :2], ob], 2)"),
        (BOTH, "tf.concat([of, ob[:, ::-1]], 2)"),
        (BOTH, "tf.stack([of, ob], 2)"),
        (BOTH, "tf.cast(of + ob, tf.int32)"),
        (BOTH, "tf.reduce_sum(tf.stack([of, ob], 1), 0)"),
    ],
)
def test_lines_that_only_look_like_other_names_are_told(driver: str, line: str) -> None:
    remarks = imported(driver, line)[1]
    assert remarks[:1] == (*left_out(line),)
    assert remarks[1].startswith("the description ends with what `")


@pytest.mark.parametrize(
    ("driver", "lines"),
    [
        (ONE, ["z = y", "both = (z, s)", "z = tf.transpose(y, perm=[1, 0, 2])", "z = tf.identity(y)"]),
        (STEPS, ["z = tf.stack(y)", "z = tf.stack(y, axis=1)", "z = tf.unstack(tf.stack(y, 1), axis=1)"]),
        (BOTH, ["o = tf.concat([of, ob], 2)", "h = sf, sb", "z = tf.transpose(o, [1, 0, 2])"]),
    ],
)
def test_lines_that_compute_nothing_need_no_word(driver: str, lines: list[str]) -> None:
    assert imported(driver, *lines)[1] == ()


W, B = "W = tf.get_variable('W', [3, 3])", "b = tf.get_variable('b', [3])"


@pytest.mark.parametrize(
    "lines",
    [
        ["f = tf.reshape(y, [-1, 9])", "tf.layers.dense(f, 2)"],
        ["f = tf.reshape(y, [-1, 2, 3])", "tf.layers.dense(f, 2)"],
        ["f = tf.reshape(y, [-1, n])", "tf.layers.dense(f, 2)"],
        [W, "z = tf.matmul(s, W, transpose_a=True)"],
        [W, "z = tf.matmul(s, W, transpose_b=unknown)"],
        ["z = tf.contrib.layers.fully_connected(y, 2, normalizer_fn=tf.contrib.layers.batch_norm)"],
        ["z = tf.layers.dense(y, 2, reuse=True, name='before')"],
        ["z = tf.layers.dense(y, 2, of_a_later_version=1)"],
        ["y += 1"],
        ["y += 1", "tf.layers.dense(y, 2)"],
        ["s *= 2", "z = tf.layers.dense(s, 2)"],
        ["s: Any = tf.nn.relu(s)", "z = tf.layers.dense(s, 2)"],
        [W, "z = tf.matmul(tf.matmul(s, W), W)"],
        ["s = tf.stack([s, s])", "tf.layers.dense(s, 2)"],
        ["s = tf.nn.relu(s)", "tf.layers.dense(s, 2)"],
        [W, "z = tf.matmul(s, W) + 1.0"],
        ["b = tf.constant([1., 2., 3.])", W, "z = tf.matmul(s, W) + b"],
        ["b = tf.get_variable('b', [1])", W, "z = tf.matmul(s, W) + b"],
        ["W = tf.constant([[1.], [2.], [3.]])", "z = tf.matmul(s, W)"],
        ["W = tf.nn.l2_normalize(tf.get_variable('W', [3, 2]), 0)", "z = tf.matmul(s, W)"],
        ["if training: y = tf.nn.dropout(y, .5)", "z = tf.layers.dense(y, 2)"],
        ["while more: y = step(y)", "z = tf.layers.dense(y, 2)"],
        ["for t in y: print(t)"],
        ["for k in others:\n  y = y + k\n  if k == 1: break", "z = tf.layers.dense(y, 2)"],
        ["with tf.name_scope('s') as y: pass", "z = tf.layers.dense(y, 2)"],
        ["zs = [s]", "zs.append(tf.nn.relu(s))", "z = tf.layers.dense(zs[0], 2)"],
        ["def dense(v, n):\n  v = 2 * v\n  return v\nz = dense(s, 3)"],
        ["with arg_scope([fully_connected], normalizer_fn=n):\n  z = fully_connected(s, 2)"],
        ["with tf.variable_scope('o', custom_getter=g):\n  z = tf.layers.dense(s, 2)"],
        ["W = tf.get_variable('W', [3, 2], custom_getter=g)", "z = tf.matmul(s, W)"],
        ["(y := tf.nn.relu(y))", "z = tf.layers.dense(y, 2)"],
        ["s = tf.layers.dense(s, 3)[0]", "y[0] = 3", "z = tf.layers.dense(y, 2)"],
        ["from other import dense", "z = dense(s, 2)"],
        ["z = self.dense(s, 2)"],
        ["z = other.get(s).matmul(s, tf.get_variable('W', [3, 2]))"],
        ["z = tf.nn.softmax(tf.layers.dense(s, 2), axis=0)"],
        ["z = tf.nn.softmax(tf.layers.dense(s, 2), axis=2)"],
        ["z = tf.nn.softmax(tf.layers.dense(y, 2), axis=1)"],
        ["z = tf.nn.relu(tf.layers.dense(y, 2), axis=-1)"],
        ["z = tf.reshape(tf.layers.dense(y, 2), [4, 2, 2])"],
        ["z = tf.reshape(tf.layers.dense(tf.reshape(y, [-1, 3]), 2), [4, 4, 1])"],
    ],
)
def test_heads_that_are_not_understood_are_left_out(lines: list[str]) -> None:
    text, remarks = imported(ONE, *lines)
    assert "cell GRUCell = GRU(3)" in text
    shown = [
        re.split("return v\n|with .*:\n  ", line)[-1].split("\n")[0] + (" …" if "\n  y" in line else "")
        for line in lines
    ]
    wanted = [line for line in left_out(*shown) if not re.search("with tf|zs = |import", line)]
    assert list(remarks[:-1]) == wanted
    assert remarks[-1] == "the description ends with what `y, s = tf.nn.dynamic_rnn(a, x, dtype=tf.float32)` gives"


@pytest.mark.parametrize(
    ("lines", "unread"),
    [
        (["z = tf.layers.dense(s, 3)", "z += s"], 1),
        (["z = tf.layers.dense(s, 3)", "z = tf.nn.l2_normalize(z, 1)", "tf.layers.dense(z, 2)"], 2),
        (["z = tf.layers.dense(s, 3)", "if odd: z = tf.nn.relu(z)", "tf.layers.dense(z, 2)"], 2),
        (["z = tf.layers.dense(s, 3, name='d')", "y = tf.matmul(z, tf.get_variable(unknown, [3, 3]))"], 1),
        (["z = tf.layers.dense(s, 3, name='d')", "tf.layers.dense(z, 3, name='d', reuse=tf.AUTO_REUSE)"], 1),
    ],
)
def test_a_head_ends_in_front_of_the_first_line_that_is_not_understood(lines: list[str], unread: int) -> None:
    text, remarks = imported(ONE, *lines)
    assert "logits = dense(end, 3)" in text
    assert not any("logits2" in line for line in text)
    assert list(remarks[:-1]) == left_out(*lines[-unread:])
    assert remarks[-1] == f"the description ends with what `{lines[0]}` gives"


APART = "`tf.reshape({}, [-1, 4, 2])` is read as giving rows and steps the axes that they had"


@pytest.mark.parametrize(
    ("lines", "wanted", "told"),
    [
        (["z = tf.nn.softmax(tf.layers.dense(s, 2), axis=-1)"], "softmax(logits)", []),
        (["z = tf.nn.softmax(tf.layers.dense(s, 2), 1)"], "softmax(logits)", []),
        (["z = tf.nn.log_softmax(tf.layers.dense(y, 2), dim=2)"], "log_softmax(logits)", []),
        (["z = tf.layers.dense(s, 2)", "p = tf.nn.softmax(z)"], "softmax(logits)", []),
        (
            ["z = tf.layers.dense(s, 2)", "p = tf.nn.softmax(z)", "c = tf.argmax(p, 1)"],
            "softmax(logits)",
            left_out("c = tf.argmax(p, 1)"),
        ),
        (
            ["f = tf.reshape(y, [-1, 3])", "z = tf.layers.dense(f, 2)", "z = tf.reshape(z, [-1, 4, 2])"],
            "output logits",
            [APART.format("z")],
        ),
        (
            ["z = tf.reshape(tf.layers.dense(tf.reshape(y, [-1, 3]), 2), [-1, 4, 2])", "p = tf.nn.softmax(z, axis=2)"],
            "softmax(logits)",
            [APART.format("tf.layers.dense(tf.reshape(y, [-1, 3]), 2)")],
        ),
    ],
)
def test_functions_of_heads_are_read(lines: list[str], wanted: str, told: list[str]) -> None:
    text, remarks = imported(ONE, *lines)
    assert any(wanted in line for line in text)
    assert [each for each in remarks if not each.startswith("the description ends")] == told


def test_a_function_of_a_head_is_left_out_where_others_read_the_head_itself() -> None:
    lines = "z = tf.layers.dense(s, 2)", "p = tf.nn.softmax(z)", "loss = cross_entropy(logits=z, labels=l)"
    text, remarks = imported(ONE, *lines)
    assert "output logits" in text
    assert list(remarks[:-1]) == left_out(*lines[1:])


def test_what_a_function_does_to_names_of_the_text_is_not_known() -> None:
    text, remarks = imported(ONE, "def twice():\n  global s\n  s = 2 * s", "twice()", "z = tf.layers.dense(s, 2)")
    assert "cell GRUCell = GRU(3)" in text
    assert list(remarks[:-1]) == left_out("s = 2 * s", "z = tf.layers.dense(s, 2)")


def test_other_names_of_a_head_need_no_word() -> None:
    text, remarks = imported(ONE, "z = tf.layers.dense(s, 2)", "a = z", "b = z")
    assert "logits = dense(end, 2)" in text
    assert remarks == ()


def test_a_driver_inside_of_an_expression_that_is_not_understood() -> None:
    remarks = imported("a = GRUCell(3)", "y = tf.reverse(tf.nn.dynamic_rnn(a, x)[0], [1])")[1]
    assert remarks == (
        "left out: `y = tf.reverse(tf.nn.dynamic_rnn(a, x)[0], [1])`",
        "the description ends with what `tf.nn.dynamic_rnn(a, x)` gives",
    )


@pytest.mark.parametrize(
    ("cell", "width", "is_read"),
    [
        ("LSTMCell(4, num_proj=2)", 2, True),
        ("LSTMCell(4, num_proj=2)", 4, False),
        ("OutputProjectionWrapper(GRUCell(4), 3)", 3, True),
        ("MultiRNNCell([GRUCell(4), DropoutWrapper(GRUCell(5), 0.5)])", 5, True),
        ("tf.contrib.rnn.TimeFreqLSTMCell(2, feature_size=2, frequency_skip=2)", 2, False),
    ],
)
def test_steps_and_rows_become_one_axis_where_the_width_is_that_of_the_cell(
    cell: str, width: int, is_read: bool
) -> None:
    line = f"z = tf.layers.dense(tf.reshape(y, [-1, {width}]), 3)"
    found = import_call(Source("<call>", f"a = {cell}\ny, s = tf.nn.dynamic_rnn(a, x)\n{line}"))
    assert ("dense(y, 3)" in found.text) is is_read
    assert any("left out: `z" in remark for remark in found.remarks) is not is_read


def test_a_function_of_the_text_is_no_driver() -> None:
    found = import_call(Source("<call>", "def dynamic_rnn(c, x): return c\ny = dynamic_rnn(GRUCell(3), x)"))
    assert "cell GRUCell = GRU(3)" in found.text


@pytest.mark.parametrize("line", ["y.reverse()", "last = y.pop()", "y.append(s)", "del y[0]", "z = y\nz.append(s)"])
def test_a_list_of_steps_that_changes_is_not_read_behind_it(line: str) -> None:
    text, remarks = imported(STEPS, line, "z = tf.layers.dense(y[-1], 2)")
    assert "cell GRUCell = GRU(3)" in text
    assert "left out: `z = tf.layers.dense(y[-1], 2)`" in remarks


def test_a_block_that_may_change_a_driver_is_told() -> None:
    text = ONE.replace("y, s", "with tf.variable_scope('w', custom_getter=g):\n  y, s")
    assert imported(text)[1] == ("what the block around dynamic_rnn changes of it is left out",)


def test_one_variable_is_multiplied_with_once() -> None:
    text, remarks = imported(ONE, W, "z = tf.matmul(s, W)", "tf.matmul(z, W)")
    assert '"W" = logits.end' in text
    assert list(remarks[:-1]) == left_out("tf.matmul(z, W)")


DICTIONARIES = """
W = {'out': tf.Variable(tf.zeros([3, 2]))}
b = {'out': tf.Variable(tf.zeros([2]))}
def net(x, w, v):
  y, s = tf.nn.static_rnn(GRUCell(3), tf.unstack(x, 9, 1))
  return tf.matmul(y[-1], w['out']) + v['out']"""


@pytest.mark.parametrize(
    ("driver", "lines", "wanted"),
    [
        (ONE, ["tf.matmul(s, tf.get_variable('W', [2, 3]), transpose_b=True)"], '"W" = T(logits.end)'),
        (ONE, [W, B, "z = tf.matmul(s, W)", "z = tf.nn.bias_add(z, b)"], '"b" = logits.bias'),
        (ONE, [W, B, "z = s @ W", "z = tf.add(b, z)"], "logits = dense(end, 3)"),
        (
            ONE,
            ["tf.contrib.layers.fully_connected(y, 2, None, biases_initializer=None)"],
            "logits = linear(end: y, out = 2, bias = false)",
        ),
        (ONE, ["n = 3", "f = tf.reshape(y, [-1, n])", "n = 4", "tf.layers.dense(f, n)"], "logits = dense(y, 4)"),
        (ONE, ["f = tf.reshape(y, (-1, a.output_size))", "tf.layers.dense(f, 2)"], "logits = dense(y, 2)"),
        (
            ONE,
            ["for k in (0, 1):\n  s = tf.layers.dense(s, 2, name='d%d' % k)"],
            '"d1/kernel" = logits2.weight',
        ),
        (
            ONE,
            ["for k in (0, 1):\n  s = tf.layers.dense(s, 2, name=f'd{k}' + str(k))"],
            '"d11/kernel" = logits2.weight',
        ),
        (DICTIONARIES, ["z = net(x, W, b)"], "logits = dense(end, 2)"),
        (ONE, ["f = tf.nn.relu", "tf.layers.dense(s, 2, activation=f)"], "y2 = relu(logits)"),
        (ONE, ["y = tf.layers.dense(y[:, -1], 2)"], "logits = dense(end, 2)"),
        (ONE, ["z: Any = tf.layers.dense(s, 4)", "tf.layers.dense(z, 2)"], "logits2 = dense(logits, 2)"),
        (
            ONE,
            ["for n in (4, 2):\n  s = tf.layers.dense(s, n, tf.nn.relu)"],
            '"dense_1/kernel" = logits2.weight',
        ),
        (
            ONE,
            ["def head(v, n=2):\n  return tf.layers.dense(v[:, -1], n, name='top')\nhead(y)"],
            '"top/kernel" = logits.weight',
        ),
        (
            ONE,
            ["def var(shape):\n  return tf.Variable(0.1 * tf.random_normal(shape))\nz = tf.matmul(s, var([3, 2]))"],
            "logits = linear(end: end, out = 2, bias = false)",
        ),
        (
            ONE,
            ["with tf.variable_scope('top'):\n  W = tf.get_variable('W', [3, 2])\nz = tf.matmul(s, W)"],
            '"top/W" = logits.end',
        ),
        (
            f"with tf.variable_scope('in'):\n  {ONE[30:]}".replace("(a,", "(GRUCell(3),"),
            ["y[:, -1]"],
            'scope y = "in/rnn"',
        ),
        (ONE.replace("dtype", "scope='in', dtype"), ["y[:, -1]"], 'scope y = "in"'),
        (ONE.replace("y, s", "r"), ["tf.layers.dense(r[1], 2)"], "end = layer.h'"),
        ("a = GRUCell(3)", ["y = tf.nn.dynamic_rnn(a, x)[0]", "z = y[:, -1]"], "end = at(y, -1)"),
        (BOTH, ["z = of + ob", "w = of * ob", "tf.layers.dense(z, 2)"], "logits = dense(y.forward + y.backward, 2)"),
        (BOTH, ["tf.layers.dense(sb.h, 2)"], "logits = dense(layer.backward.h', 2)"),
    ],
)
def test_what_is_read(driver: str, lines: list[str], wanted: str) -> None:
    text, remarks = imported(driver, *lines)
    assert wanted in text
    assert [remark for remark in remarks if "w = of * ob" not in remark and "ends with" not in remark] == []


def test_lines_of_another_formula_are_left_out() -> None:
    text, remarks = imported(BOTH, "z = of + ob", "w = of * ob")
    assert "output y.forward * y.backward" in text
    assert list(remarks[:-1]) == left_out("z = of + ob")


def test_a_head_of_states_that_are_no_outputs() -> None:
    text, remarks = imported(BOTH, "z = tf.concat([sf, sb.c], 1)", "tf.layers.dense(z, 2)")
    assert "logits = dense(concat(layer.forward.h', layer.backward.c'), 2)" in text
    assert remarks == ()


def test_a_head_of_states_that_nothing_tells_goes_with_them() -> None:
    text, remarks = imported(BOTH, "z = tf.concat([sf, sb.d], 1)", "tf.layers.dense(z, 2)")
    assert not any("dense(" in line for line in text)
    assert {*left_out("z = tf.concat([sf, sb.d], 1)", "tf.layers.dense(z, 2)")} <= {*remarks}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["W = tf.get_variable('W', [3, 2], trainable=False)", "tf.matmul(s, W)"], "`trainable` of W is left out"),
        (["tf.layers.dense(s, 2, trainable=False)"], "`trainable` of dense is left out"),
    ],
)
def test_weights_that_are_not_trained_are_told(lines: list[str], told: str) -> None:
    (remark,) = imported(ONE, *lines)[1]
    assert remark.startswith(told)


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        (ONE.replace(", x,", ", tf.reverse(x, [1]),"), "`tf.reverse(x, [1])`"),
        ("h = tf.layers.dense(x, 4)\n" + ONE.replace(", x,", ", h,"), "`tf.layers.dense(x, 4)`"),
        ("h = 2 * x\nh = tf.tanh(h)\n" + ONE.replace(", x,", ", h,"), "`tf.tanh(h)`"),
        (STEPS.replace("x, axis=1", "x, axis=0"), "`tf.unstack(x, axis=0)`"),
        ("h = x\nif odd: h = 2 * x\n" + ONE.replace(", x,", ", h,"), "`h`, which is not read"),
        ("e = tf.nn.embedding_lookup(E, x)\n" + ONE.replace(", x,", ", e,"), "`tf.nn.embedding_lookup(E, x)`"),
    ],
)
def test_what_makes_the_input_is_told(driver: str, told: str) -> None:
    (remark,) = imported(driver)[1]
    assert remark.startswith("the input is what ")
    assert told in remark


def test_what_makes_the_input_of_a_fused_layer_is_told() -> None:
    lines = "a = tf.contrib.rnn.LSTMBlockFusedCell(4)", "y, s = a(tf.reverse(x, [0]), dtype=tf.float32)", "y += 1"
    assert imported(*lines)[1] == (
        "the input is what a is given, `tf.reverse(x, [0])`; what makes that is left out",
        "left out: `y += 1`",
        "the description ends with what `y, s = a(tf.reverse(x, [0]), dtype=tf.float32)` gives",
    )


def test_what_makes_the_first_state_is_told() -> None:
    (remark,) = imported(ONE.replace("dtype=tf.float32", "initial_state=tf.tanh(v)"))[1]
    assert remark == "`initial_state` of dynamic_rnn, `tf.tanh(v)`, is given to the module as `state`"


@pytest.mark.parametrize("x", ["x", "tf.transpose(x, [1, 0, 2])", "x_of['a']", "tf.placeholder(tf.float32, [2, 3, 4])"])
def test_inputs_that_are_data_need_no_word(x: str) -> None:
    assert imported(ONE.replace(", x,", f", {x},"))[1] == ()


def test_layers_are_counted_that_are_left_out_or_stand_in_front() -> None:
    unread = "q = tf.layers.dense(2 * s, 4, name=None)"
    text, _ = imported("h = tf.layers.dense(x, 4)\n" + ONE, unread, "tf.layers.dense(s, 2)")
    assert '"dense_2/kernel" = logits.weight' in text


def test_layers_that_nobody_can_count_have_no_names() -> None:
    text, _ = imported(ONE, "if odd: q = tf.layers.dense(s, 4)", "tf.layers.dense(s, 2)")
    assert not any("dense/kernel" in line or "dense_1/kernel" in line for line in text)
    assert "logits = dense(end, 2)" in text
