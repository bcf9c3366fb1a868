"""How wide inputs are, where something in a description needs it and the text tells."""

from __future__ import annotations

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from tests.importing import live
from tests.importing.test_dropped import refused
from tests.importing.test_models import TOLERANCE, X, needs_keras, needs_torch, net

RNN = "self.a = nn.GRU(3, 3, batch_first=True)\nself.f = nn.Linear(3, 3)"
READ = {
    "a sum": net(RNN, "y, _ = self.a(x)\nreturn x + y"),
    "a function": net(RNN, "y, _ = self.a(x)\nx = F.relu(x)\nreturn F.tanh(y) * x"),
    "a layer between": net(RNN, "y, _ = self.a(self.f(x))\nreturn x * y"),
    "transposed": net(
        "self.a = nn.GRU(3, 3)", "x = x.transpose(0, 1)\ny, s = self.a(x)\nreturn (x + y).transpose(0, 1)"
    ),
    "a state": net(RNN, "y, s = self.a(x, torch.tanh(x[:, 0]).unsqueeze(0))\nreturn y"),
}
TWICE = "g = layers.LSTM(4, return_sequences=True)\n"
HEAD = "i = keras.Input((6, {}))\ny = layers.LSTM({}, return_sequences=True)(i)\n"
READ_OF_KERAS = {
    "a sum": HEAD.format(3, 3) + "model = keras.Model(i, layers.add([i, y]))",
    "one feature": HEAD.format(1, 3) + "model = keras.Model(i, layers.multiply([i, y]))",
    "twice": f"i = keras.Input((6, 3))\n{TWICE}model = keras.Model(i, g(g(i)[..., :3]))",
}


@needs_torch
@pytest.mark.parametrize("name", READ)
def test_the_description_says_the_width_that_pytorch_is_told(name: str) -> None:
    assert "input x[3]" in import_call(Source("<call>", READ[name])).text
    assert live.torch_error(READ[name], {"x": X}) < TOLERANCE


@needs_keras
@pytest.mark.parametrize("name", READ_OF_KERAS)
def test_the_description_says_the_width_that_keras_is_told(name: str) -> None:
    assert live.keras_error(READ_OF_KERAS[name], {"x": X[:, :, :1] if name == "one feature" else X}) < TOLERANCE


def test_what_needs_no_width_says_none() -> None:
    assert "input x[input]" in import_call(Source("<call>", net(RNN, "return self.a(x)[0]"))).text


def test_a_text_that_tells_no_width_has_that_of_what_it_meets() -> None:
    text = (
        "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = layers.GRU(3, return_sequences=True)\n    def call(self, x):\n        return x + self.a(x)\n"
    )
    found = import_call(Source("<call>", text))
    assert "input x[3]" in found.text
    assert check(Source("<text>", found.text)) == []
    assert any("what comes in, `x`, has 3 features" in each for each in found.remarks)


def test_the_input_is_named_whose_width_nothing_tells() -> None:
    body = "        return v + self.a(x)\n"
    text = (
        "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.a = layers.GRU(3, return_sequences=True)\n    def call(self, x, v):\n{body}"
    )
    found = import_call(Source("<call>", text))
    assert "input v[3]" in found.text
    assert any("what comes in, `v`, has 3 features" in each for each in found.remarks)


def test_widths_that_differ_are_told_in_order() -> None:
    refused(HEAD.format(9, 10) + "model = keras.Model(i, «layers.add»([i, y]))", "E606", "9 and 10 features meet here")


@pytest.mark.parametrize(
    "marked",
    [
        HEAD.format(3, 4) + "model = keras.Model(i, «layers.add»([i, y]))",
        net("self.a = nn.GRU(3, 4, batch_first=True)", "y, _ = self.a(x)\nreturn «x + y»"),
        f"i = keras.Input((6, 5))\n{TWICE}model = keras.Model(i, layers.concatenate([g(i), «g»(i[..., :3])]))",
    ],
)
def test_other_widths_are_refused(marked: str) -> None:
    refused(marked, "E606", "features meet here")


@pytest.mark.parametrize("name", [None, "Mine"])
@pytest.mark.parametrize(
    ("cell", "is_told"),
    [
        ("IntersectionRNNCell(5, num_in_proj=3)", True),
        ("MultiRNNCell([IntersectionRNNCell(5, num_in_proj=3, reuse=None), GRUCell(4)])", True),
        ("MultiRNNCell([GRUCell(4), IntersectionRNNCell(5, num_in_proj=3)])", False),
        ("IntersectionRNNCell(5)", False),
    ],
)
def test_a_cell_that_is_compiled_by_the_width_of_its_input_is_told(cell: str, is_told: bool, name: str | None) -> None:
    remarks = import_call(Source("<call>", cell), name=name).remarks
    assert any("compiling this takes its width" in each for each in remarks) == is_told
