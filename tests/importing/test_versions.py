"""What older versions of Keras have otherwise than Keras 3 is told, however a text imports them."""

from __future__ import annotations

import re

import pytest

from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from tests.importing import live
from tests.importing.test_models import X, needs_keras

BOTH = "recurrent_activation='hard_sigmoid', reset_after=False"
ONE = "recurrent_activation='hard_sigmoid'"
MODEL = (
    "import keras\nfrom keras import layers, ops\ni = keras.Input((6, 3))\ny = layers.LSTM(4, return_sequences=True)(i)"
)


def remarks(text: str) -> list[str]:
    return [each for each in import_call(Source("<call>", text)).remarks if "Keras" in each]


@pytest.mark.parametrize(
    ("text", "when", "older"),
    [
        ("import tensorflow as tf\nl = tf.keras.layers.GRU(4)", "in TensorFlow 1", BOTH),
        ("tf.compat.v1.keras.layers.GRU(4)", "in TensorFlow 1", BOTH),
        ("from tensorflow.keras.layers import GRU\nl = GRU(4)", "in TensorFlow 1", BOTH),
        ("from tensorflow.keras.layers import *\nl = GRU(4)", "in TensorFlow 1", BOTH),
        ("from tensorflow import keras\nl = keras.layers.GRU(4)", "in TensorFlow 1", BOTH),
        ("from tensorflow.keras import layers\nl = layers.GRU(4, reset_after=True)", "in TensorFlow 1", ONE),
        ("import tensorflow as tf\nlayers = tf.keras.layers\nl = layers.LSTM(4)", "in TensorFlow 1", ONE),
        ("import tensorflow.keras as k\nl = k.layers.Bidirectional(k.layers.LSTM(4))", "in TensorFlow 1", ONE),
        ("import tensorflow as tf\ntf.keras.layers.ConvLSTM2D(4, 3)", "before TensorFlow 2.16", ONE),
        ("import tf_keras\ntf_keras.layers.ConvLSTM2D(4, 3)", "before Keras 3", ONE),
        ("from keras.layers.convolutional_recurrent import ConvLSTM2D\nConvLSTM2D(4, 3)", "before Keras 3", ONE),
        ("from keras.layers.recurrent import LSTM\nLSTM(4)", "before Keras 2.3", ONE),
        ("from keras.layers.recurrent import GRU\nGRU(4)", "before Keras 2.3", BOTH),
        ("import keras\nkeras.layers.GRU(4)", "before Keras 2.3", BOTH),
        ("from keras.layers import ConvLSTM2D\nConvLSTM2D(4, 3)", "before Keras 3", ONE),
    ],
)
def test_defaults_of_older_versions_are_told(text: str, when: str, older: str) -> None:
    name = re.findall(r"(GRU|ConvLSTM2D|LSTM)\(", text)[-1]
    what = f"{name} is read with the defaults of Keras 3; {when} they are {older}"
    assert remarks(text) == [f"{what}: write them into the call where they are meant"]


@pytest.mark.parametrize(
    "text",
    [
        "import keras\nkeras.layers.LSTM(4)",
        "keras.layers.GRU(4, reset_after=True)",
        "from keras import layers, ops\nlayers.GRU(4)",
        "import tf_keras\ntf_keras.layers.GRU(4)",
        "tf.keras.layers.GRU(4, recurrent_activation='sigmoid', reset_after=True)",
        "from tensorflow.nn.rnn_cell import GRUCell\nGRUCell(4)",
        "nn.GRU(3, 4)",
    ],
)
def test_where_nothing_differs_nothing_is_told(text: str) -> None:
    assert remarks(text) == []


def test_the_slope_of_hard_sigmoid_is_told_once() -> None:
    several = "keras.Sequential([keras.layers.LSTM(4, recurrent_activation='hard_sigmoid'), Dense(2, 'hard_sigmoid')])"
    for text in (several, "tf.keras.layers.LSTM(4, recurrent_activation=tf.keras.activations.hard_sigmoid)"):
        assert len([each for each in remarks(text) if "0.2 * v + 0.5" in each]) == 1
    assert remarks("from keras import ops, layers\nlayers.LSTM(4, recurrent_activation='hard_sigmoid')") == []


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("ops.gelu(y * 8)", "gelu_tanh(y * 8)"),
        ("keras.ops.gelu(y)", "gelu_tanh(y)"),
        ("ops.nn.gelu(y)", "gelu_tanh(y)"),
        ("ops.gelu(y, False)", "gelu(y)"),
        ("ops.gelu(x=y, approximate=False)", "gelu(y)"),
        ("keras.activations.gelu(y)", "gelu(y)"),
        ("keras.activations.gelu(y, approximate=True)", "gelu_tanh(y)"),
    ],
)
def test_which_gelu_is_meant(call: str, wanted: str) -> None:
    text = import_call(Source("<call>", f"{MODEL}\nmodel = keras.Model(i, {call})")).text
    assert f"= {wanted}" in text


@needs_keras
@pytest.mark.parametrize("call", ["ops.gelu(y * 8)", "ops.gelu(y * 8, False)", "keras.activations.gelu(y * 8)"])
def test_gelu_is_that_of_keras(call: str) -> None:
    """Up to Keras's own constants, which are of 32 bits."""
    assert live.keras_error(f"{MODEL}\nmodel = keras.Model(i, {call})", {"x": X}) < 1e-6


def test_gelu_as_an_activation() -> None:
    text = import_call(Source("<call>", "LSTM(4, activation=keras.ops.gelu, recurrent_activation='gelu')")).text
    assert "LSTM(4, activation = gelu_tanh, gate_activation = gelu)" in text
    text = import_call(Source("<call>", "GRUCell(4, activation=lambda v: tf.nn.gelu(v, True) + tf.nn.gelu(v))")).text
    assert "return gelu_tanh(v) + gelu(v)" in text
