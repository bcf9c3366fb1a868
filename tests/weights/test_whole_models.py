"""Files of whole models, and the descriptions that `rnnc import` makes of their texts: every array finds its place."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
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


@needs_keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own arrays
@pytest.mark.parametrize("file", ["model.keras", "model.weights.h5"])
def test_a_file_of_keras_computes_the_same(file: str, weights: Weights) -> None:
    keras = import_module("keras")
    names: dict[str, Any] = {"keras": keras, "layers": keras.layers}
    exec(MODEL, names)
    model, path = names["model"], weights.folder / file
    for k, variable in enumerate(model.trainable_weights):
        variable.assign(0.5 * np.random.default_rng(k).standard_normal(variable.shape))
    (model.save if file.endswith(".keras") else model.save_weights)(path)
    cell, text = described(weights, MODEL)
    params = weights.convert(path, "b.npz", "--from", "keras", "--to", "rnnc", "--cell", cell)
    x = np.random.default_rng(9).standard_normal((2, 6, 3), dtype=np.float32)
    found, _ = rnnc.compile(text, name=cell.rpartition(":")[2]).forward(params, x)
    np.testing.assert_allclose(found, np.asarray(model(x)), atol=2e-6)
