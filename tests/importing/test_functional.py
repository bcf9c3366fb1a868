"""Functional models of Keras inside others, and what stands between layers that nobody reads."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from tests.importing import live
from tests.importing.test_models import TOLERANCE, X, Y

needs_keras = pytest.mark.skipif(
    find_spec("keras") is None or find_spec("tensorflow") is None, reason="needs keras and tensorflow"
)
OUTER = "inp = keras.Input((6, 3))\n{}model = keras.Model(inp, x)"
BOTH = "a, b = keras.Input((6, 3), name='a'), keras.Input((6, 3), name='b')\n{}model = keras.Model([a, b], x)"
INNER = "i = keras.Input((6, 3))\n{}\n"
NESTED = {
    "one inside": INNER.format("enc = keras.Model(i, layers.LSTM(4)(i))")
    + OUTER.format("x = enc(inp)\nx = layers.Dense(2)(x)\n"),
    "by keywords": INNER.format("enc = keras.Model(outputs=layers.LSTM(4)(i), inputs=i, name='enc')")
    + OUTER.format("x = layers.Dense(2)(enc(inputs=inp, training=False))\n"),
    "between layers": "i = keras.Input((6, 4))\n"
    "mid = keras.Model(i, keras.ops.tanh(layers.Dense(4)(i)) + i)\n"
    + OUTER.format("x = layers.LSTM(4, return_sequences=True)(inp)\nx = layers.GRU(3)(mid(x))\n"),
    "that gives states": INNER.format(
        "y, h = layers.GRU(4, return_state=True, return_sequences=True)(i)\nenc = keras.Model(i, [y, h])"
    )
    + OUTER.format("a, s = enc(inp)\nx = layers.GRU(4)(a, initial_state=s)\n"),
    "two deep": INNER.format("one = keras.Model(i, layers.LSTM(4)(i))\nj = keras.Input((6, 3))")
    + "two = keras.Model(j, layers.Dense(3, 'tanh')(one(j)))\n"
    + OUTER.format("x = layers.Dense(2)(two(inp))\n"),
    "in a list of one": INNER.format("enc = keras.Model(i, [layers.LSTM(4)(i)])")
    + OUTER.format("x = layers.Dense(2)(enc(inp, None, mask=None)[0])\n"),
}  # fmt: skip
OF_TWO = {
    "of two inputs": "i, j = keras.Input((6, 3)), keras.Input((6, 3))\n"
    "add = keras.Model([i, j], layers.add([layers.LSTM(4)(i), layers.GRU(4)(j)]))\n"
    + BOTH.format("x = layers.Dense(2)(add([a, b]))\n"),
    "in two places": INNER.format("enc = keras.Model(i, layers.LSTM(4)(i))")
    + BOTH.format("x = layers.Dense(2)(layers.concatenate([enc(a), enc(b)]))\n"),
}


LSTM = "y = layers.LSTM(4, return_sequences=True)(inp)\nb = layers.GRU(4)(inp)\n"
OPERATIONS = [
    *(f"keras.ops.{name}(y)" for name in ("abs", "square", "sin", "arctan", "sign", "erf", "expm1", "floor")),
    "keras.ops.maximum(y, 0.05)", "keras.ops.minimum(y, 2.0 * y)", "keras.ops.add(y, keras.ops.multiply(y, y))",
    "keras.ops.concatenate([y, inp], axis=-1)",
    *(f"layers.{name}()([y, b])" for name in ("Multiply", "Add", "Maximum", "Average", "Subtract")),
    "layers.multiply([b, y])",
]  # fmt: skip


@needs_keras
@pytest.mark.parametrize("operation", OPERATIONS)
def test_functions_and_layers_that_put_together(operation: str) -> None:
    assert live.keras_error(OUTER.format(f"{LSTM}x = {operation}\n"), {"x": X}) < TOLERANCE


@needs_keras
@pytest.mark.parametrize("name", NESTED)
def test_a_model_inside_another(name: str) -> None:
    assert live.keras_error(NESTED[name], {"x": X}) < TOLERANCE


@needs_keras
@pytest.mark.parametrize("name", OF_TWO)
def test_a_model_of_two_inputs(name: str) -> None:
    assert live.keras_error(OF_TWO[name], {"a": X, "b": Y}) < TOLERANCE


def test_models_inside_are_no_part_that_is_left_out() -> None:
    for text in {**NESTED, **OF_TWO}.values():
        found = import_call(Source("<call>", text))
        assert not any("left out: `" in line for line in found.remarks)
    other = OUTER.format("x = layers.LSTM(4)(inp)\nfull = keras.Model(inp, layers.Dense(2)(x))\n")
    assert "left out: `full = keras.Model(inp, layers.Dense(2)(x))`" in import_call(Source("<call>", other)).remarks


def test_two_inputs_without_names_are_as_wide_where_one_layer_reads_both() -> None:
    text = (
        "a, b = keras.Input((6, 3)), keras.Input((6, 3))\none = layers.LSTM(4)\n"
        "model = keras.Model([a, b], layers.add([one(a), one(b)]))"
    )
    assert check(Source("<text>", import_call(Source("<call>", text)).text)) == []


AMONG = OUTER.format("x = layers.LSTM(4, return_sequences=True)(inp)\nx = {}\nx = layers.Dense(2)(x)\n")
REFUSED = [
    *(
        (AMONG.format(f"«{layer}»()(x)"), "E603", "does not know")
        for layer in ("layers.Rescaling", "layers.GroupNormalization", "MyLayer", "keras_hub.layers.Some")
    ),
    (AMONG.format("«layers.UnitNormalization»()(x)"), "E603", "does not know"),
    (AMONG.format("layers.MultiHeadAttention(2, 2)(x, «x»)"), "E606", "a further argument"),
    (AMONG.format("«MyLayer»()(x)\nz = 2 * x\nx = z"), "E603", "does not know"),
    (AMONG.format("layers.GRU(4)(inp, initial_state=«MyLayer»()(x))"), "E603", "does not know"),
    ("i = keras.Input((6, 3))\nx = layers.LSTM(4)(i)\nx = «MyLayer»()(x)\nlayers.Dense(2)(x)", "E603", "does not know"),
    ("i = keras.Input((6, 3))\n" + OUTER.format("x = layers.LSTM(4)(i)\n").replace("inp, x)", "inp, «x»)"), "E606",
     "something else than its inputs"),
    (OUTER.format(f"{LSTM}x = «y * b»\n"), "E606", "stand over one another"),
    (OUTER.format(f"{LSTM}x = «layers.Concatenate()»([y, b])\n"), "E606", "stand over one another"),
    (INNER.format("enc = keras.Model(i, layers.LSTM(4)(i))")
     + OUTER.format("x = layers.Dense(2)(«enc([inp, inp])»)\n"), "E606", "a model with 1 input is called on 2"),
    (INNER.format("enc = keras.Model(i, layers.LSTM(4)(i))")
     + OUTER.format("x = layers.Dense(2)(enc(inp, False, «inp»))\n"), "E606", "`mask` of a call of a model"),
    (INNER.format("enc = keras.Model(i, layers.LSTM(4)(i))")
     + OUTER.format("x = layers.Dense(2)(enc(«{'i': inp}»))\n"), "E602", "a dictionary of what layers give"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "code", "message"), REFUSED)
def test_what_is_not_read_is_refused_at_its_place(marked: str, code: str, message: str) -> None:
    live.check_refused(marked, code, message)


def test_data_that_nobody_reads_are_still_what_comes_in() -> None:
    text = "data = load('x.npz')\nx = scaled(data['train'])\nlayers.Dense(2)(layers.LSTM(4)(x))"
    assert "y = LSTM(4)(x)" in import_call(Source("<call>", text)).text


ENCODER = INNER.format("enc = keras.Model(i, layers.LSTM(4)(i))")
PAIR = "i, j = keras.Input((6, 3)), keras.Input((6, 3))\nenc = keras.Model([i, j], layers.subtract([i, j]))\n"


@pytest.mark.parametrize(
    ("text", "inputs", "line"),
    [
        (ENCODER + "z = enc(load('a')) - enc(load('b'))", 2, "m = last(y) - last(y2)"),
        (ENCODER + "a, b = load('a'), load('b')\nz = enc(b) - enc(a)", 2, "y = one(b)"),
        (ENCODER + "a = load('a')\nz = enc(a) - enc(a)", 1, "y2 = one(x)"),
        (ENCODER + "a = load('a')\nenc(a)", 1, "output last(y)"),
        (ENCODER.replace("Model(i,", "Model({'i': i},") + "z = enc(load('a')) - enc(load('b'))", 2, "y2 = one(x2)"),
        (PAIR + "layers.LSTM(4)(enc([load('a'), load('b')]))", 2, "m = x - x2"),
        (PAIR + "a = load('a')\nlayers.LSTM(4)(enc([a, a]))", 1, "m = x - x"),
        (PAIR + "both = [load('a'), load('b')]\nlayers.LSTM(4)(enc(both))", 2, "m = both_1 - both_2"),
    ],
)
def test_data_of_models_are_as_many_inputs_as_the_text_has_expressions(text: str, inputs: int, line: str) -> None:
    found = import_call(Source("<call>", text)).text
    described = [" ".join(each.split()) for each in found.splitlines() if not each.startswith("#")]
    assert sum(each.startswith("input ") for each in described) == inputs, found
    assert line in described, found


def test_training_of_a_call_of_a_model_is_told() -> None:
    text = ENCODER + OUTER.format("x = layers.Dense(2)(enc(inp, training=True))\n")
    assert any("`training` of a call of a model is left out" in each for each in import_call(Source("", text)).remarks)


NOT_READ = (
    "class Net(keras.Model):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.aux, self.head = layers.Dense(2), layers.Dense(2)\n"
    "        self.rnn = layers.LSTM(4, return_sequences=True)\n"
    "    def call(self, x):\n"
    "        y = self.rnn(x)\n"
    "        z = self.aux(y)\n"
    "        return self.head(y)\n"
)
TOP = "i = keras.Input((6, 3))\na = layers.LSTM(4, return_sequences=True)(i)\ntop = keras.Model(a, layers.LSTM(4)(a))\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (NOT_READ, {"lstm", "dense_1"}),
        (NOT_READ + "before = layers.LSTM(3)\nmodel = Net()", {"lstm_1", "dense_1"}),
        (TOP + "j = keras.Input((6, 4))\nmodel = keras.Model(j, layers.Dense(2)(top(j)))", {"lstm_1", "dense"}),
    ],
)
def test_names_count_layers_that_nothing_reads(text: str, names: set[str]) -> None:
    found = import_call(Source("<call>", text)).text.partition("  layout keras")[2]
    assert set(re.findall(r'^ *(?:scope \w+ = )?"(\w+)', found, re.MULTILINE)) == names, found


def test_two_layers_of_one_name_have_no_layout() -> None:
    block = "i = keras.Input((6, 3))\n    return keras.Model(i, layers.LSTM(3, return_sequences=True, name='rnn')(i))"
    text = f"def block():\n    {block}\na, b = block(), block()\n" + OUTER.format("x = b(a(inp))\n")
    found = import_call(Source("<call>", text))
    assert "layout" not in found.text
    assert any("two layers are called `rnn`" in line for line in found.remarks)
    assert check(Source("<text>", found.text)) == []
