"""Files of whole models, and the descriptions that `rnnc import` makes of their texts: every array finds its place."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.weights import containers
from tests.numpy.support import EXAMPLES
from tests.weights.support import Weights

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
needs_keras = pytest.mark.skipif(
    find_spec("keras") is None or find_spec("tensorflow") is None, reason="needs keras and tensorflow"
)
NET = """import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(20, 3)
        self.rnn = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, 2)
    def forward(self, x):
        y, _ = self.rnn(self.emb(x))
        return self.fc(self.norm(y[:, -1]))
model = Net()
"""
SHAPES = {"emb.weight": (20, 3), "norm.weight": (8,), "norm.bias": (8,), "fc.weight": (2, 8), "fc.bias": (2,)} | {
    f"rnn.{name}_l{layer}{way}": shape
    for layer in (0, 1)
    for way in ("", "_reverse")
    for name, shape in {
        "weight_ih": (16, (3, 8)[layer]), "weight_hh": (16, 4), "bias_ih": (16,), "bias_hh": (16,),
    }.items()
}  # fmt: skip
MODEL = (
    "model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(4, return_sequences=True), "
    "layers.TimeDistributed(layers.Dense(3, 'relu')), layers.LayerNormalization(), "
    "layers.Bidirectional(layers.GRU(3)), layers.Dense(2)])"
)


def described(weights: Weights, text: str) -> tuple[str, str]:
    """The file of the description of a text, and its own name in it."""
    found = import_call(Source("<call>", text)).text
    path = weights.folder / "model.rnn"
    path.write_text(found, encoding="utf-8")
    return f"{path}:{model_of(Source('<text>', found)).name}", found


def arrays() -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "model.encoder."])
def test_a_model_of_pytorch_under_any_prefix(prefix: str, weights: Weights) -> None:
    cell, _ = described(weights, NET)
    own = arrays()
    start = weights.file("a.npz", {prefix + name: array for name, array in own.items()})
    back = weights.convert(start, "b.npz", "--from", "torch", "--to", "torch", "--cell", cell)
    assert back.keys() == own.keys()
    for name in own:
        if "bias_" not in name:  # two biases come back as one
            np.testing.assert_array_equal(back[name], own[name])


def test_numbers_that_are_none_are_told(weights: Weights) -> None:
    cell, _ = described(weights, NET)
    own = arrays()
    own["fc.weight"][0, :3] = np.nan
    done = weights("convert", weights.file("a.npz", own), weights.folder / "b.npz", "--from", "torch", "--to", "rnnc",
                   "--cell", cell)  # fmt: skip
    assert (done.status, "'fc.weight' holds 3 of 16 numbers that are not finite" in done.err) == (0, True), done.err


def test_another_model_is_refused(weights: Weights) -> None:
    cell, _ = described(weights, NET.replace("nn.Linear(8, 2)", "nn.Linear(8, 3)"))
    said = weights.refused(weights.file("a.npz", arrays()), "--from", "torch", "--to", "rnnc", "--cell", cell)
    assert "'fc.weight' (2, 8) is 2 long, but the description has 3" in said


LSTM = "layers.LSTM(3, return_sequences=True)"
INNER = f"""class Inner(layers.Layer):
    def __init__(self):
        super().__init__()
        self.q = {LSTM}
        self.p = {LSTM}
    def call(self, x):
        return self.p(self.q(x))
"""
# Keras stores attributes by the alphabet, up to `layers`, and behind that the list of all other layers
CLASSES = {
    "attributes": ([f"self.encoder = {LSTM}", f"self.decoder = {LSTM}"], "self.decoder(self.encoder(x))"),
    "one of them behind": ([f"self.z = {LSTM}", f"self.a = {LSTM}"], "self.a(self.z(x))"),
    "run in another order": ([f"self.l1 = {LSTM}", f"self.l2 = {LSTM}"], "self.l1(self.l2(x))"),
    "called as others are": (
        [f"self.gru_1 = {LSTM.replace('LSTM', 'GRU')}", f"self.gru = {LSTM.replace('LSTM', 'GRU')}"],
        "self.gru(self.gru_1(x))",
    ),
    "with names": (
        [f"self.a = {LSTM[:-1]}, name='q2')", f"self.b = {LSTM[:-1]}, name='q1')"], "self.b(self.a(x))"
    ),
    "a list": ([f"self.blocks = [{LSTM} for _ in range(3)]"], "self.blocks[0](self.blocks[2](self.blocks[1](x)))"),
    "a list that grows": (
        ["self.some = []", f"for _ in range(2): self.some.append({LSTM})"], "self.some[0](self.some[1](x))"
    ),
    "a dictionary": ([f"self.d = {{'z': {LSTM}, 'a': {LSTM}}}"], "self.d['a'](self.d['z'](x))"),
    "inside others": (["self.two = Inner()", "self.one = Inner()"], "self.one(self.two(x))"),
    "no recurrent ones": (
        [f"self.r = {LSTM}", "self.b = layers.Dense(3)", "self.a = layers.Dense(3)"], "self.a(self.b(self.r(x)))"
    ),
    "both directions": (
        [f"self.{name} = layers.Bidirectional({LSTM}, merge_mode='sum')" for name in "za"], "self.a(self.z(x))"
    ),
}  # fmt: skip


def subclass(made: list[str], given: str) -> str:
    """The text of a model of a class."""
    lines = ["super().__init__()", *made]
    body = "".join(f"        {line}\n" for line in lines)
    return (
        f"from keras import layers\nimport keras\n{INNER}class Net(keras.Model):\n    def __init__(self):\n{body}"
        f"    def call(self, x):\n        return {given}\nmodel = Net()\n"
    )


def saved(model: Any, path: Path) -> None:
    """With weights that are not small."""
    for k, variable in enumerate(model.trainable_weights):
        variable.assign(0.5 * np.random.default_rng(k).standard_normal(variable.shape))
    (model.save if path.suffix == ".keras" else model.save_weights)(path)


def check_files(text: str, weights: Weights, *, later: bool = False) -> None:
    """Both kinds of files of a model of Keras, behind other layers if `later`."""
    keras = import_module("keras")
    keras.backend.clear_session()
    if later:
        keras.Sequential([keras.layers.LSTM(2), keras.layers.GRU(2), keras.layers.Dense(2)])
    names: dict[str, Any] = {"keras": keras, "layers": keras.layers}
    exec(text, names)
    x = np.random.default_rng(9).standard_normal((2, 6, 3), dtype=np.float32)
    names["model"](x)
    cell, description = described(weights, text)
    for file in ("model.keras", "model.weights.h5"):
        saved(names["model"], weights.folder / file)
        params = weights.convert(weights.folder / file, "b.npz", "--from", "keras", "--to", "rnnc", "--cell", cell)
        found, _ = rnnc.compile(description, name=cell.rpartition(":")[2]).forward(params, x)
        np.testing.assert_allclose(found, np.asarray(names["model"](x)), atol=2e-6)


@needs_keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras wants `build` of whatever has layers
@pytest.mark.parametrize(
    ("case", "later"),  # Keras counts layers in a whole session
    [*((case, False) for case in CLASSES), *((case, True) for case in ("a list", "inside others"))],
)
def test_a_class_of_keras_computes_the_same(case: str, later: bool, weights: Weights) -> None:
    check_files(subclass(*CLASSES[case]), weights, later=later)


CELLS = "layers.RNN([layers.LSTMCell(4), layers.GRUCell(3), layers.LSTMCell(3)]"
STACKS = {
    "beside others": f"{LSTM}, {CELLS}, return_sequences=True), {CELLS}), layers.Dense(2)",
    "both directions": f"layers.Bidirectional({CELLS})), layers.Dense(2)",
    "two, in different order": (
        "layers.RNN([layers.LSTMCell(3), layers.GRUCell(3)], return_sequences=True), "
        "layers.RNN([layers.GRUCell(3), layers.LSTMCell(3)])"
    ),
    "cells with names": (
        "layers.RNN(layers.LSTMCell(3, name='my_cell'), return_sequences=True), "
        "layers.RNN(layers.LSTMCell(3, name='b'))"
    ),
    "in another order than made": "(lambda a, b: layers.RNN([b, a]))(layers.LSTMCell(3), layers.LSTMCell(3))",
}  # fmt: skip


@needs_keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("case", STACKS)
def test_a_stack_of_cells_computes_the_same(case: str, weights: Weights) -> None:
    text = f"model = keras.Sequential([keras.Input((6, 3)), {STACKS[case]}])"
    check_files(text, weights)


BACKWARDS = f"""from keras import layers
import keras
class Body(keras.Model):
    def __init__(self, first='first', second='second'):
        super().__init__()
        self.names = first, second
        setattr(self, second, {LSTM})
        setattr(self, first, {LSTM})
    def call(self, x):
        return getattr(self, self.names[1])(getattr(self, self.names[0])(x))
class Block(layers.Layer):
    __init__, call = Body.__init__, Body.call
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = inner()
    def call(self, x):
        return self.body(x)
model =""".replace("super().__init__()\n        self.names", "super(type(self), self).__init__()\n        self.names")
# Layers that are made in another order than they run, and where: what the file tells of them
UNTOLD = {
    "attributes": subclass(*CLASSES["attributes"]),
    "a class inside of another": f"inner = lambda: Body()\n{BACKWARDS} Net()",
    "a class inside of another, in its list": f"inner = lambda: Body('p', 'q')\n{BACKWARDS} Net()",
    "a layer inside of a class": f"inner = lambda: Block()\n{BACKWARDS} Net()",
    "a layer inside of a Sequential": f"{BACKWARDS} keras.Sequential([keras.Input((6, 3)), Block()])",
    "a class inside of a Sequential": f"{BACKWARDS} keras.Sequential([keras.Input((6, 3)), Body()])",
}
MULTI = [EXAMPLES / "multi.rnn", "-D", "cells=[LSTM(3), LSTM(3)]"]


def run_once(text: str) -> Any:
    """The model of a text, with weights."""
    import_module("keras").backend.clear_session()
    names: dict[str, Any] = {}
    exec(text, names)
    names["model"](np.zeros((1, 6, 3), np.float32))
    return names["model"]


@needs_keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras wants `build` of whatever has layers
@pytest.mark.parametrize("case", UNTOLD)
def test_the_order_of_attributes_is_not_that_of_layers(case: str, weights: Weights) -> None:
    model = run_once(UNTOLD[case])
    for file in ("model.keras", "model.weights.h5"):
        saved(model, weights.folder / file)
        said = weights.refused(weights.folder / file, "--from", "keras", "--to", "torch", "--cell", *MULTI)
        assert "nothing in the file tells which of them comes first" in said


@needs_keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_configuration_tells_a_class_from_a_sequential(weights: Weights) -> None:
    """Their files of weights alone look the same, where all attributes of the class come after `layers`."""
    inner = f"keras.Sequential([{LSTM}, {LSTM}])"
    for text, status in ((f"{BACKWARDS} keras.Sequential([keras.Input((6, 3)), {inner}])", 0),
                         (f"{BACKWARDS} keras.Sequential([keras.Input((6, 3)), Body('p', 'q')])", 1)):  # fmt: skip
        saved(run_once(text), weights.folder / "model.keras")
        given = ["--from", "keras", "--to", "torch", "--cell", *MULTI]
        done = weights("convert", weights.folder / "model.keras", weights.folder / "b.npz", *given)
        assert done.status == status, done.err


@needs_keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_attributes_are_known_where_the_file_has_them(weights: Weights) -> None:
    stacks = f"model = keras.Sequential([keras.Input((6, 3)), {STACKS['two, in different order']}])"
    for text, wanted in (
        (f"import keras\nfrom keras import layers\n{stacks}", set[str]()),
        (subclass([f"self.z = {LSTM}", f"self.a = {LSTM}"], "self.a(self.z(x))"), {"a"}),  # `z` is behind `layers`
    ):
        for file in ("model.keras", "model.weights.h5"):
            saved(run_once(text), weights.folder / file)
            others = containers.read(weights.folder / file).others
            assert {other.partition("/")[0] for other in others.values()} == wanted


@needs_keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_layer_of_a_class_by_its_attribute(weights: Weights) -> None:
    model = run_once(UNTOLD["attributes"])
    for file in ("model.keras", "model.weights.h5"):
        saved(model, weights.folder / file)
        one = ["--from", "keras", "--to", "torch", "--only", "encoder/*", "--cell", EXAMPLES / "lstm.rnn"]
        assert weights.convert(weights.folder / file, "b.npz", *one)["weight_hh_l0"].shape == (12, 3)


@needs_keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own arrays
def test_a_file_of_keras_computes_the_same(weights: Weights) -> None:
    check_files(MODEL, weights)
