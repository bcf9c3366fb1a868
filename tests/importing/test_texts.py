"""Texts as tutorials have them: loops, functions, conditions, constants, models that grow, layers that meet."""

from __future__ import annotations

import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.calls import import_call


def imported(text: str) -> str:
    found = import_call(Source("<call>", text)).text
    assert check(Source("<text>", found)) == []
    return found


@pytest.mark.parametrize(
    "text",
    [
        "cells = []\nfor n in (8, 4):\n  cells.append(GRUCell(n))\nMultiRNNCell(cells)",
        "cells = []\nfor k, n in enumerate([8, 4]):\n  one = GRUCell(n)\n  cells += [one]\nMultiRNNCell(cells)",
        "MultiRNNCell([GRUCell(n) for n in [8, 4, 2] if n > 2])",
        "def cell(n):\n  return GRUCell(n)\nMultiRNNCell([cell(n) for n in (8, 4)])",
        "def cell(n, deep=False):\n  return GRUCell(n if not deep else 2 * n)\nMultiRNNCell([cell(4, True), cell(4)])",
        "def cell():\n  return GRUCell(size)\nsize = 8\none = cell()\nsize = 4\nMultiRNNCell([GRUCell(8), cell()])",
        "class Config:\n  size = 4\nc = Config()\nMultiRNNCell([GRUCell(2 * c.size), GRUCell(c.size)])",
        "c = {'sizes': [8, 4]}\nMultiRNNCell([GRUCell(n) for n in c['sizes']])",
        "c = dict(size=4)\nMultiRNNCell([GRUCell(2 ** 3), GRUCell(c['size'])])",
        "deep = True\nif deep:\n  sizes = [8, 4]\nelse:\n  sizes = [4]\nMultiRNNCell([GRUCell(n) for n in sizes])",
        "print('cells')\ncell = MultiRNNCell([GRUCell(int(8.0)), GRUCell(max(2, 4))])\nprint(cell.state_size)",
        "cells = [GRUCell(8)]\ncells.extend([GRUCell(4)])\nMultiRNNCell(cells)",
        "cells = []\nfor n in (8, 4):\n  cells.append(GRUCell(n))\nelse:\n  n = 1\nMultiRNNCell(cells)",
    ],
)
def test_texts_that_mean_the_same(text: str) -> None:
    assert "cells = [GRU(8), GRU(4)]" in imported(text)


@pytest.mark.parametrize(
    "change",
    [
        "cells.reverse()",
        "cells.pop()",
        "cells.insert(0, GRUCell(5))",
        "cells[0] = GRUCell(5)",
        "del cells[0]",
        "last = cells.pop()",
        "same = cells\nsame.append(GRUCell(5))",
        "def more(one):\n  one.append(GRUCell(5))\nmore(cells)",
        "def other():\n  global cells\n  cells = [GRUCell(5)]\nother()",
        "print(cells := [GRUCell(5)])",
        "cells[1]._num_units = 5\none = cells[1]\none._num_units = 5\ncells = [one]",
        "sizes = {'n': 4}\nsizes.update(n=5)\ncells = [GRUCell(sizes['n'])]",
    ],
)
def test_lists_that_change_in_ways_that_are_not_read(change: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        import_call(Source("<call>", f"cells = [GRUCell(8), GRUCell(4)]\n{change}\nMultiRNNCell(cells)"))
    assert caught.value.diagnostics[0].code == "E602"


SEQUENCES = "return_sequences=True"
MODELS = {
    f"m = Sequential()\nm.add(LSTM(8, {SEQUENCES}))\nfor n in [4]:\n  m.add(Dense(n))\nm.compile('adam')": (
        "y = LSTM(8)(x)",
        "z = dense(y, 4)",
    ),
    f"i = keras.Input((9, 3))\na = GRU(4, {SEQUENCES})(i)\nb = GRU(4, {SEQUENCES})(a)\n"
    "m = keras.Model(i, layers.Dense(2)(layers.add([a, b])))": ("m = y + y2", "z = dense(m, 2)"),
    f"i = keras.Input((9, 3))\na = LSTM(4, {SEQUENCES})(i)\nb = layers.Concatenate()([a, i])\n"
    "c = layers.GlobalMaxPooling1D()(b)": ("m = concat(y, x)", "p = max(m, time)"),
    f"m = Sequential([Masking(), LSTM(4, {SEQUENCES}), LayerNormalization(), ReLU(), LeakyReLU(0.1)])": (
        "n = layer_norm(y, eps = 0.001)",
        "y2 = relu(n)",
        "y3 = leaky_relu(y2, slope = 0.1)",
    ),
    "m = Sequential([Embedding(9, 4), SpatialDropout1D(0.2), GRU(4, activation=LeakyReLU(0.2)), Flatten()])": (
        "d = dropout(e, 0.2, mask = sequence)",
    ),
}


@pytest.mark.parametrize("text", MODELS)
def test_models_of_keras(text: str) -> None:
    found = [" ".join(line.split()) for line in imported(text).splitlines()]
    assert [line for line in MODELS[text] if line not in found] == []


def test_layers_of_one_class_have_names_of_their_own_in_a_model() -> None:
    text = imported("Sequential([Bidirectional(LSTM(3, return_sequences=True)), Bidirectional(LSTM(3))])")
    assert 'scope y.forward = "bidirectional/forward_layer"' in " ".join(text.split())
    assert 'scope y2.forward = "bidirectional_1/forward_layer"' in " ".join(text.split())


def test_one_object_in_several_places() -> None:
    text = imported("one = GRUCell(4)\nMultiRNNCell([ResidualWrapper(one), one, DropoutWrapper(one, 0.5)])")
    assert "use one = GRU(4)" in text
    assert "y = Multi([Residual(one), one, Dropout(one, input_keep = 0.5)])(x)" in text
    model = model_of(Source("<text>", text))
    assert {parameter.name.partition(".")[0] for parameter in model.parameters} == {"one"}


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        ("lambda i, o: i[:, :4] + o", "x[x_axis = :4] + y"),
        ("lambda i, o: tf.slice(i, [0, 1], [-1, 4]) + o", "x[x_axis = 1:5] + y"),
        ("lambda i, o: tf.concat([o[..., 2:], i], -1)[:, :]", "concat(y[y_axis = 2:], x)"),
    ],
)
def test_parts_of_arguments(function: str, wanted: str) -> None:
    text = imported(f"ResidualWrapper(GRUCell(4), residual_fn={function})")
    assert f"return {wanted}\n" in text
    assert "input x[input]" in text


@pytest.mark.parametrize(
    ("function", "declared"),
    [
        ("lambda i, o: i[:, 2:] + o", "inner.output.size + 2"),
        ("lambda i, o: tf.nn.relu(i[:, :-3]) * 0.5 + o", "inner.output.size + 3"),
        ("lambda i, o: i[:, 1:-2] * i[:, 3:] + o", "inner.output.size + 3"),
        ("lambda i, o: i[:, 0:] + o", "4"),
        ("lambda i, o: i[:, -4:] + o", "input"),
        ("lambda i, o: i[:, 2:] + o[:, :3]", "5"),
        ("lambda i, o: i[:, 2:] + i[:, :4] + o", "inner.output.size + 2"),
        ("lambda i, o: tf.concat([i[:, 2:], o], 1)", "input"),
    ],
)
def test_parts_tell_how_wide_the_input_is(function: str, declared: str) -> None:
    text = imported(f"ResidualWrapper(GRUCell(4), residual_fn={function})")
    assert f"input x[{declared}]\n" in text
    stacked = imported(f"MultiRNNCell([ResidualWrapper(GRUCell(4), residual_fn={function}), GRUCell(3)])")
    width = str(4 + int(declared[-1])) if "+" in declared else declared
    assert f"input x[{declared}]\n" in stacked
    assert f"input x[{width}]\n" in stacked


@pytest.mark.parametrize(
    ("cell", "width"),
    [
        ("GridLSTMCell(2, feature_size=2, frequency_skip=2, num_frequency_blocks=[3])", "12"),
        ("BidirectionalGridLSTMCell(2, feature_size=5, frequency_skip=1, num_frequency_blocks=[2])", "16"),
        ("HighwayWrapper(LSTMCell(4, num_proj=3))", "3"),
        ("OutputProjectionWrapper(GRUCell(4), 5)", "5"),
    ],
)
def test_a_residual_is_as_wide_as_its_cell(cell: str, width: str) -> None:
    text = imported(f"MultiRNNCell([ResidualWrapper({cell}), GRUCell(2)])")
    assert "network Multi(cells = [Residual(" in text
    assert f"\n  input x[{width}]\n  y = stack(cells)(x)" in text
    assert model_of(Source("<text>", text))


@pytest.mark.parametrize(
    "text",
    [
        "def f(n):\n  return f(n)\nf(2)",
        "def f0(c):\n  return c\n"
        + "".join(f"def f{k + 1}(c):\n  return [f{k}(c), f{k}(c)]\n" for k in range(20))
        + "MultiRNNCell(f20(GRUCell(4)))",
        "\n".join(["a = 1"] * 6000),
        "for i in range(1000):\n  for j in range(1000):\n    a = GRUCell(4)",
    ],
)
def test_texts_without_an_end(text: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        import_call(Source("<call>", text))
    assert caught.value.diagnostics[0].code == "E602"


DRIVEN = "outputs, state = tf.nn.dynamic_rnn(GRUCell(4), x, dtype=tf.float32)\n"
BOTH = "tf.nn.bidirectional_dynamic_rnn(GRUCell(4), GRUCell(3), x, dtype=tf.float32)\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{DRIVEN}last = outputs[:, -1]\nlogits = tf.layers.dense(last, 2)", "logits = dense(end, 2)"),
        (f"{DRIVEN}w = tf.get_variable('w', [4, 2])\np = tf.nn.softmax(tf.matmul(state, w))", "y2 = softmax(logits)"),
        (f"{DRIVEN}outputs = tf.transpose(outputs, [1, 0, 2])\nlast = outputs[-1]", "end = at(y, -1)"),
        (f"{DRIVEN}outputs = tf.nn.relu(outputs)\nlogits = tf.layers.dense(outputs, 2)", "cell GRUCell = GRU(4)"),
        ("_, (c, h) = tf.nn.dynamic_rnn(LSTMCell(4), x)\nlogits = tf.layers.dense(h, 2)", "end = layer.h'"),
        (f"def model(x):\n  {DRIVEN}  return tf.reduce_max(outputs, 1)\ny = model(data)", "end = max(y, time)"),
        (f"outputs, states = {BOTH}y = tf.concat(states, 1)", "output concat(layer.forward.h', layer.backward.h')"),
        (f"(fw, bw), _ = {BOTH}y = tf.layers.dense(bw, 2)", "logits = dense(y.backward, 2)"),
        (
            f"{DRIVEN}h = tf.layers.dense(state, 6, tf.nn.crelu)\ny = tf.layers.dense(h, 2)",
            '"dense_1/kernel" = logits2.weight',
        ),
        (
            f"{DRIVEN}h = tf.layers.dense(state, 6)\nh = tf.nn.relu(h)\ny = tf.layers.dense(h, 2)",
            "logits2 = dense(y2, 2)",
        ),
        (f"cells = [GRUCell(n) for n in (4, 3)]\na, b = [c for c in cells]\n{DRIVEN}", "cell GRUCell = GRU(4)"),
        ("a, b = [GRUCell(4)] * 2\nMultiRNNCell([a, b])", "network SharedLayers(inner: cell = GRU(4), layers = 2) {"),
    ],
)
def test_what_stands_behind_a_driver(text: str, line: str) -> None:
    assert line in [" ".join(each.split()) for each in imported(text).splitlines()]
