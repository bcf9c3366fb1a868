"""The Keras classes of a module, against Keras' own layers, and against the module's forward."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from tests.tensorflow.keras_support import INPUT, MASKS, ROWS, STEPS, UNITS, X, keras, module, same, wanted
from tests.tensorflow.support import tf

pytestmark = wanted

SOURCE = """
cell Started(units) {
  input x[input], word[]: int
  state h[units] = start, n[]: int = 1, M[rows: 2, units]
  param start[units] = normal(0.0, 1.0)
  e    = embedding(word, 7, 3)
  h'   = tanh(linear(x, e, h)) / n
  n'   = n + 1
  M'   = M * 0.5 + h'
  mood = sum(M', axis = units)
  output h', mood
}
"""


@cache
def started() -> ModuleType:
    return load_module(compile_source(Source("started.rnn", SOURCE), target="tf").text, "Started")


def random_weights(layer: Any) -> None:
    rng = np.random.default_rng(1)
    layer.set_weights([rng.standard_normal(w.shape) * 0.5 for w in layer.get_weights()])


# --- against Keras' own layers ----------------------------------------------------------------------------------------


def pair(reference: str, **how: bool) -> tuple[Any, Any]:
    """A layer of a module and the layer of Keras that it stands for, with the same weights."""
    name, options, of_keras = {
        "lstm": ("lstm", {}, keras.layers.LSTM),
        "gru": ("gru", {}, lambda *a, **k: keras.layers.GRU(*a, reset_after=False, **k)),
        "gru_after": ("gru", {"reset": "after"}, keras.layers.GRU),
        "rnn": ("rnn", {}, keras.layers.SimpleRNN),
    }[reference]
    layer, theirs = module(name, **options).KerasLayer(UNITS, **how), of_keras(UNITS, **how)
    for one in (layer, theirs):
        one.build(X.shape)
    random_weights(theirs)
    layer.set_weights(theirs.get_weights())
    return layer, theirs


@pytest.mark.parametrize(
    ("reference", "mask", "how"),
    [
        ("lstm", "none", {"return_sequences": True, "go_backwards": True}),
        ("lstm", "padded", {"return_sequences": True}),
        ("lstm", "holes", {"return_sequences": True, "zero_output_for_mask": True}),
        ("lstm", "holes", {"zero_output_for_mask": True}),
        ("gru", "none", {"return_sequences": True}),
        ("gru", "padded", {"go_backwards": True}),
        ("gru_after", "none", {"unroll": True}),
        ("gru_after", "padded", {}),
        ("gru_after", "holes", {"return_sequences": True, "go_backwards": True}),
        ("rnn", "holes", {"return_sequences": True, "unroll": True}),
    ],
    ids=lambda how: "+".join(how) or "last" if isinstance(how, dict) else how,
)
def test_with_the_weights_of_keras(reference: str, mask: str, how: dict[str, bool]) -> None:
    """Outputs and states of layers of Keras, whose weights go in as they are."""
    layer, theirs = pair(reference, return_state=True, **how)
    same(layer(X, mask=MASKS[mask]), theirs(X, mask=MASKS[mask]))
    assert [w.name for w in layer.weights] == [w.name for w in theirs.weights]


@pytest.mark.parametrize("custom", [False, True])
def test_gradients_are_those_of_keras(custom: bool) -> None:
    layer, theirs = pair("lstm")
    layer.custom_gradient = custom
    found = []
    for one in (layer, theirs):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(one(X, mask=MASKS["padded"], training=True)))
        found.append(tape.gradient(loss, [w.value for w in one.trainable_weights]))
    same(*found)


def test_initial_state_in_the_order_of_keras() -> None:
    layer, theirs = pair("lstm")
    h, c = (tf.constant(a) for a in np.random.default_rng(2).standard_normal((2, ROWS, UNITS)).astype("float32"))
    expected = theirs(X, initial_state=[h, c])
    same(layer(X, initial_state=[h, c]), expected)
    same(layer(X, initial_state={"c": c, "h": h}), expected)


def test_bidirectional_of_keras_is_that_of_the_language() -> None:
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True))
    theirs.build(X.shape)
    random_weights(theirs)
    m = module("bidirectional", fw="LSTM(units = 4)", bw="LSTM(units = 4)")
    network = m.KerasLayer(zero_output_for_mask=True)
    around = keras.layers.Bidirectional(module("lstm").KerasLayer(UNITS, return_sequences=True))
    for layer in (network, around):
        layer.build(X.shape)
        layer.set_weights(theirs.get_weights())
        same(layer(X, mask=MASKS["holes"]), theirs(X, mask=MASKS["holes"]))


# --- the cell under keras.layers.RNN ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("example", "options", "mask"),
    [("lstm", {}, "none"), ("lstm", {}, "padded"), ("attention", {"inner": "LSTM(4)", "window": "3"}, "holes")],
)
def test_cell_and_layer_agree(example: str, options: dict[str, str], mask: str) -> None:
    m = module(example, **options)
    sizes = {} if options else {"units": UNITS}
    for how in ({"return_sequences": True}, {"go_backwards": True, "zero_output_for_mask": True}):
        layer = m.KerasLayer(**sizes, return_state=True, seed=3, **how)
        rnn = keras.layers.RNN(m.KerasCell(**sizes, seed=3), return_state=True, **how)
        same(layer(X, mask=MASKS[mask]), rnn(X, mask=MASKS[mask]))


def test_step_of_a_cell_with_several_inputs() -> None:
    """Integers, states of two axes, an initial state with weights; dtypes of states are kept as Keras has them."""
    m = started()
    cell = m.KerasCell(UNITS, seed=1)
    assert (cell.state_size, cell.output_size) == ([UNITS, (), (2, UNITS)], {"h": UNITS, "mood": 2})
    x = {"x": X[:, 0], "word": np.arange(ROWS)}
    cell.build({name: tensor.shape for name, tensor in x.items()})
    before = cell.get_initial_state(ROWS)
    outputs, after = cell(x, [before[0], tf.cast(before[1], tf.float32), before[2]])
    expected, states = m.step(cell.parameters(), x)
    same([outputs, *after], [expected, states["h"], tf.cast(states["n"], tf.float32), states["M"]])
    assert after[1].dtype == "float32"


def test_a_size_that_an_initial_state_is_computed_with() -> None:
    text = "cell A {\n  input x[d]\n  state h[2] = 1 / d\n  h' = 0.5 * h + sum(x)\n  output h'\n}\n"
    m = load_module(compile_source(Source("a.rnn", text), target="tf").text, "A")
    with pytest.raises(ValueError, match="an initial state needs the size 'd': give it to KerasCell"):
        m.KerasCell().get_initial_state(ROWS)
    same(m.KerasCell(d=4).get_initial_state(ROWS), [np.full((ROWS, 2), 0.25, np.float32)])


def test_cells_of_keras_and_ours_in_one_stack() -> None:
    m = module("gru", reset="after")
    cells = [m.KerasCell(UNITS, seed=1), keras.layers.LSTMCell(3), m.KerasCell(2, seed=2)]
    rnn = keras.layers.RNN(cells, return_sequences=True)
    y = m.KerasLayer(UNITS, return_sequences=True, seed=1)(X)
    middle = keras.layers.LSTM(3, return_sequences=True)
    middle.build(y.shape)
    expected = rnn(X)
    middle.set_weights(cells[1].get_weights())
    same(expected, m.KerasLayer(2, return_sequences=True, seed=2)(middle(y)))


# --- against forward --------------------------------------------------------------------------------------------------


def test_several_inputs_outputs_and_states() -> None:
    m = started()
    word = np.random.default_rng(3).integers(0, 7, (ROWS, STEPS))
    layer = m.KerasLayer(UNITS, return_sequences=True, return_state=True, seed=1)
    outputs, *states = layer({"x": X, "word": word}, mask={"x": None, "word": MASKS["padded"]})
    lengths = MASKS["padded"].sum(1)
    expected, after = m.forward(layer.parameters(), {"x": X, "word": word}, None, lengths)
    for name, output in outputs.items():
        same(output[0], expected[name][0])
        same(output[1, :2], expected[name][1, :2])
        same(output[1, 5], expected[name][1, 1])
        assert not np.asarray(output[2]).any()
    same(states, [after[name] for name in m.SPEC["states"]])
    assert states[1].dtype == "int32"
    same(layer([X, word], mask=MASKS["padded"])[0], outputs)
    assert [w.name for w in layer.weights] == list(m.SPEC["parameters"])
    x, words = keras.Input((None, INPUT)), keras.Input((None,), dtype="int32")
    out, h, n, matrix = layer({"x": x, "word": words})
    assert (out["h"].shape, out["mood"].shape, h.shape) == ((None, None, UNITS), (None, None, 2), (None, UNITS))
    assert (n.shape, n.dtype, matrix.shape) == ((None,), "int32", (None, 2, UNITS))
    again = keras.Model([x, words], [out, matrix])
    again = again.__class__.from_config(again.get_config())
    again.layers[-1].set_weights(layer.get_weights())
    same(again([X, word]), layer({"x": X, "word": word})[::3])


PER_ROW = """
cell Told(units = 3) {
  input image[feature] per row, x[n]
  state h[units]
  h' = tanh(linear(x, image, h))
  output h', image: 2 * image + 0 * sum(h')
}
"""


JOINED = """
cell Joined(units) {
  input x[a], z[b]
  state h[units]
  gate i = sigmoid(linear(x, z))
  h' = i * h + tanh(linear(u: concat(x, z), h))
  output h'
  layout keras(scope = "joined") {
    "kernel" = [[i.x], [i.z], [h.u], [h.h]]
    "bias"   = [i.bias, h.bias]
  }
  layout tf {
    "kernel" = [[i.x], [i.z], [h.u], [h.h]]
    "bias"   = [i.bias, h.bias]
  }
}
"""


def test_a_kernel_that_joins_two_open_sizes() -> None:
    m = load_module(compile_source(Source("joined.rnn", JOINED), target="tf").text, "Joined")
    z = X[..., :2]
    layer = m.KerasLayer(UNITS, return_sequences=True)
    found = layer({"x": X, "z": z})
    assert [w.shape for w in layer.weights] == [(2 * (INPUT + 2) + UNITS, UNITS), (2 * UNITS,)]
    expected, _ = m.forward(layer.parameters(), {"x": X, "z": z})
    same(found, expected)
    cell = m.Cell(UNITS)
    assert cell([X[:, 0], z[:, 0]], cell.zero_state(ROWS, tf.float32))[0].shape == (ROWS, UNITS)


@pytest.mark.parametrize("backwards", [False, True])
def test_an_input_per_row(backwards: bool) -> None:
    """It has no time: not in the layer, nor where the layer turns sequences around."""
    m = load_module(compile_source(Source("told.rnn", PER_ROW), target="tf").text, "Told")
    image = np.random.default_rng(4).standard_normal((ROWS, 2)).astype("float32")
    layer = m.KerasLayer(return_sequences=True, go_backwards=backwards, seed=1)
    outputs = layer({"image": image, "x": X})
    x = X[:, ::-1] if backwards else X
    same(outputs, m.forward(layer.parameters(), {"image": image, "x": x})[0])
    made = layer({"image": keras.Input((2,)), "x": keras.Input((None, INPUT))})
    assert (made["h"].shape, made["image"].shape) == ((None, None, 3), (None, None, 2))


@pytest.mark.parametrize("example", ["bidirectional:StackedBidirectional", "multi:Multi", "classifier:RowClassifier"])
def test_networks(example: str) -> None:
    m = module(example)
    size = next((n for n in m.SPEC["inputs"]["x"]["shape"] if isinstance(n, int)), INPUT)
    x = np.random.default_rng(0).standard_normal((ROWS, STEPS, size)).astype("float32")
    layer = m.KerasLayer(**{name: 3 for name in m.SPEC["sizes"] if name != "input"})
    layer.build(x.shape)
    expected, _ = m.forward(layer.parameters(), x)
    same(layer(x), expected)
    lengths = np.array([6, 2, 4])
    padded, _ = m.forward(layer.parameters(), x, None, lengths)
    same(layer(x, mask=np.arange(STEPS) < lengths[:, np.newaxis])[0], padded[0])
    assert hasattr(m, "KerasCell") == m.SPEC["streams"]
    assert layer.compute_output_shape(x.shape) == tuple(expected.shape)


def test_conv_lstm() -> None:
    m, how = module("conv_lstm:ConvLSTM2D"), {"return_sequences": True, "return_state": True}
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4, 2)).astype("float32")
    theirs, layer = keras.layers.ConvLSTM2D(3, 3, padding="same", **how), m.KerasLayer(filters=3, **how)
    layer.build(x.shape)
    expected = theirs(x)
    layer.set_weights(theirs.get_weights())
    same(layer(x), expected)
    assert layer.compute_output_shape(x.shape) == tuple(tuple(tensor.shape) for tensor in expected)
    cell = m.KerasCell(filters=3, row=5, col=4)
    assert cell.state_size == [(5, 4, 3)] * 2
    rnn = keras.layers.RNN(cell)
    rnn.build(x.shape)
    rnn.set_weights(theirs.get_weights())
    same(rnn(x), expected[0][:, -1])


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "bfloat16"])
def test_dtypes(policy: str) -> None:
    m = module("lstm")
    for layer in (m.KerasLayer(UNITS, dtype=policy), keras.layers.RNN(m.KerasCell(UNITS, dtype=policy), dtype=policy)):
        y = layer(X)
        assert y.dtype == layer.compute_dtype
        params = m.KerasLayer.parameters(getattr(layer, "cell", layer))
        expected, _ = m.forward(params, X.astype("float64" if policy == "float64" else "float32"))
        same(tf.cast(y, tf.float64), tf.cast(expected[:, -1], tf.float64), 1e-12 if policy == "float64" else 0.02)


# --- state between calls, masks of dropout ----------------------------------------------------------------------------


def test_stateful() -> None:
    m = module("lstm")
    whole = m.KerasLayer(UNITS, return_sequences=True, seed=1)(X)
    layer = m.KerasLayer(UNITS, return_sequences=True, stateful=True, seed=1)
    for _ in range(2):
        same(layer(X[:, :2]), whole[:, :2])
        same(layer(X[:, 2:]), whole[:, 2:])
        layer.reset_state()
    assert len(layer.weights) == 3
    with pytest.raises(ValueError, match="batch size: 3 rows, and here are 2"):
        layer(X[:2])
    with pytest.raises(ValueError, match="needs a batch size that is fixed"):
        m.KerasLayer(UNITS, stateful=True)(keras.Input((None, INPUT)))


def test_reset_goes_back_to_what_the_description_says() -> None:
    m = started()
    x = {"x": X, "word": np.ones((ROWS, STEPS), int)}
    layer = m.KerasLayer(UNITS, stateful=True, seed=1)
    first = layer(x)
    same(layer.states[1], np.full(ROWS, STEPS + 1))
    layer.reset_state()
    same(layer.states[0], np.tile(layer.parameters()["start"], (ROWS, 1)))
    same(layer(x), first)


@pytest.mark.parametrize("mask", ["step", "sequence"])
def test_dropout(mask: str) -> None:
    m = module("dropout", inner="RNN(units = 20)", output_keep="0.5", mask=mask)
    layer, again = (m.KerasLayer(return_sequences=True, seed=5) for _ in range(2))
    first, second = layer(X, training=True), layer(X, training=True)
    assert not np.array_equal(first, second)
    same([again(X, training=True), again(X, training=True)], [first, second], 0.0)
    zero = np.asarray(first) == 0
    assert 0.3 < zero.mean() < 0.7
    assert (zero == zero[:, :1]).all() == (mask == "sequence")
    assert not (np.asarray(layer(X)) == 0).any()
    rnn = keras.layers.RNN(m.KerasCell(seed=5), return_sequences=True)
    if mask == "step":
        assert 0.3 < (np.asarray(rnn(X, training=True)) == 0).mean() < 0.7
    else:
        with pytest.raises(ValueError, match="masks for whole sequences need KerasLayer"):
            rnn(X, training=True)
