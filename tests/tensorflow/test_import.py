"""`rnnc import` of Keras and PyTorch layers: the description computes what the layer does, with its weights; and the
tables have the signatures of the libraries."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.importing.libraries import keras as keras_table
from rnnc.importing.libraries import models
from rnnc.importing.libraries import tensorflow as tf_table
from rnnc.importing.libraries import torch as torch_table
from rnnc.importing.pieces.lowering import Constructor

ROWS, STEPS, INPUT = 3, 6, 5


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(-1.0, 1.0, shape)


X = numbers(ROWS, STEPS, INPUT)


def compiled(call: str) -> ModuleType:
    return rnnc.compile(import_call(Source("<call>", call)).text)


def outputs_of(module: ModuleType, layout: str, weights: list[np.ndarray], x: np.ndarray) -> Any:
    """The module's outputs with weights in the library's order, which is the layout's."""
    sizes = dict.fromkeys(module.SPEC["sizes"], x.shape[-1])
    names = list(module.to_layout(layout, module.init_params(**sizes)))
    params = module.from_layout(layout, dict(zip(names, weights, strict=True)))
    return module.forward(params, x)[0]


KERAS = [
    "layers.LSTM(4)",
    "layers.LSTM(4, return_sequences=True, unit_forget_bias=False)",
    "layers.LSTM(4, use_bias=False, recurrent_activation='hard_sigmoid', return_sequences=True)",
    "layers.LSTM(4, go_backwards=True)",
    "layers.LSTM(4, 'softsign', go_backwards=True, return_sequences=True)",
    "layers.GRU(4)",
    "layers.GRU(4, reset_after=False, return_sequences=True, dropout=0.3)",
    "layers.GRU(4, activation=None, recurrent_activation='relu', use_bias=False)",
    "layers.SimpleRNN(4, activation='elu')",
    "layers.Bidirectional(layers.LSTM(4, return_sequences=True))",
    "layers.Bidirectional(layers.GRU(3))",
    "layers.Bidirectional(layers.GRU(3), merge_mode='mul')",
    "layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True), merge_mode='ave')",
    "layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True), merge_mode='sum')",
    "layers.Bidirectional(layers.LSTM(4), backward_layer=layers.GRU(3, go_backwards=True))",
    "layers.Bidirectional(layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)]))",
    "layers.RNN(layers.LSTMCell(3, use_bias=False))",
    "layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)], return_sequences=True)",
    "layers.RNN(layers.StackedRNNCells([layers.SimpleRNNCell(3), layers.LSTMCell(4)]))",
]


@pytest.fixture
def double() -> Iterator[Any]:
    """Keras, whose new layers compute in float64."""
    keras = pytest.importorskip("keras")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield keras
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("call", KERAS)
def test_keras_layers_compute_the_same(call: str, double: Any) -> None:
    layer = eval(call, {"layers": double.layers})
    layer.build(X.shape)
    layer.set_weights([numbers(*weight.shape, seed=seed) for seed, weight in enumerate(layer.weights)])
    found = outputs_of(compiled(call), "keras", [np.asarray(weight) for weight in layer.weights], X)
    np.testing.assert_allclose(found, np.asarray(layer(X)), rtol=0, atol=1e-10)


def test_keras_models_compute_the_same(double: Any) -> None:
    """Layers one behind the other, as a list and as calls; their weights stand under the names of the equations."""
    layers = double.layers
    texts = (
        """keras.Sequential([
            layers.LSTM(4, return_sequences=True), layers.Dropout(0.5), layers.Bidirectional(layers.GRU(3)),
            layers.Dense(2, activation='relu'),
        ])""",
        """i = keras.Input((None, 5))
a = layers.LSTM(4, return_sequences=True)(i)
b = layers.Bidirectional(layers.GRU(3))(layers.Dropout(0.5)(a))
layers.Dense(2, activation='relu')(b)""",
    )
    model = eval(texts[0], {"layers": layers, "keras": double})
    model.build(X.shape)
    model.set_weights([numbers(*weight.shape, seed=seed) for seed, weight in enumerate(model.weights)])
    recurrent = [np.asarray(weight) for weight in model.weights[:-2]]
    kernel, bias = (np.asarray(weight) for weight in model.weights[-2:])
    for text in texts:
        module = compiled(text)
        sizes = dict.fromkeys(module.SPEC["sizes"], INPUT)
        params = module.init_params(**sizes)
        y, y2 = (names for names in ([n for n in params if n.startswith(f"{front}.")] for front in ("y", "y2")))
        lstm, gru = compiled("keras.layers.LSTM(4, return_sequences=True)"), compiled("Bidirectional(GRU(3))")
        first = lstm.from_layout("keras", dict(zip(("lstm_cell/kernel", "lstm_cell/recurrent_kernel", "lstm_cell/bias"),
                                                   recurrent[:3], strict=True)))  # fmt: skip
        second = gru.from_layout(
            "keras", dict(zip(gru.to_layout("keras", gru.init_params(input=4)), recurrent[3:], strict=True))
        )
        params |= {f"y.{name}": array for name, array in first.items()}
        params |= {name.replace("y.", "y2.", 1): array for name, array in second.items()}
        params |= {"z.weight": kernel, "z.bias": bias}
        assert set(y) | set(y2) | {"z.weight", "z.bias"} == set(params)
        np.testing.assert_allclose(module.forward(params, X)[0], np.asarray(model(X)), rtol=0, atol=1e-10)


TORCH = [
    "nn.LSTM(5, 4)",
    "nn.LSTM(5, 4, 2, bidirectional=True)",
    "nn.LSTM(5, 4, proj_size=2, bias=False)",
    "nn.GRU(5, 4, num_layers=2)",
    "nn.GRU(5, 4, bidirectional=True)",
    "nn.RNN(5, 4, nonlinearity='relu')",
]


@pytest.mark.parametrize("call", TORCH)
def test_torch_layers_compute_the_same(call: str) -> None:
    torch = pytest.importorskip("torch")
    layer = eval(call, {"nn": torch.nn}).double()
    module = compiled(call)
    params = module.from_layout("torch", {name: tensor.numpy() for name, tensor in layer.state_dict().items()})
    with torch.no_grad():
        expected = layer(torch.from_numpy(X).transpose(0, 1))[0].transpose(0, 1).numpy()
    np.testing.assert_allclose(module.forward(params, X)[0], expected, rtol=0, atol=1e-10)


def _signature(function: Any) -> list[tuple[str, Any]]:
    """Parameters and their defaults, without self and what is taken besides."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    return [(p.name, p.default) for p in parameters if p.kind is not p.VAR_KEYWORD]


def _table(constructor: Constructor) -> list[tuple[str, Any]]:
    parameters = constructor.parameters.values()
    return [(p.name, inspect.Parameter.empty if p.required else p.default) for p in parameters]


OF_KERAS_2 = ("CuDNNLSTM", "CuDNNGRU")  # alone
OF_KERAS_3 = [each for each in (*keras_table.CONSTRUCTORS, *models.LAYERS) if each.name not in OF_KERAS_2]


@pytest.mark.parametrize("constructor", OF_KERAS_3, ids=lambda each: each.name)
def test_signatures_of_keras(constructor: Constructor) -> None:
    keras = pytest.importorskip("keras")
    found = getattr(keras, constructor.name, None) or getattr(keras.layers, constructor.name)
    assert _table(constructor) == _signature(found.__init__)


@pytest.mark.parametrize("constructor", tf_table.DRIVERS, ids=lambda each: each.name)
def test_signatures_of_drivers(constructor: Constructor) -> None:
    tf = pytest.importorskip("tensorflow.compat.v1")
    if not hasattr(tf.nn, constructor.name):
        pytest.skip("of tf.contrib")
    assert _table(constructor) == _signature(getattr(tf.nn, constructor.name))


@pytest.mark.parametrize("constructor", [*tf_table.CELLS, *tf_table.WRAPPERS], ids=lambda each: each.name)
def test_signatures_of_cells(constructor: Constructor) -> None:
    legacy = pytest.importorskip("tf_keras.src.layers.rnn.legacy_cells")
    wrappers = pytest.importorskip("tf_keras.src.layers.rnn.legacy_cell_wrappers")
    found = getattr(legacy, constructor.name, None) or getattr(wrappers, constructor.name)
    own = next(base.__init__ for base in found.__mro__ if "*args" not in str(inspect.signature(base.__init__)))
    assert _table(constructor) == _signature(own)


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_signatures_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    (constructor,) = (each for each in torch_table.CONSTRUCTORS if each.name == name)
    assert _table(constructor) == _signature(getattr(torch.nn, name).__init__)
