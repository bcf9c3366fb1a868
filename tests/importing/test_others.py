"""Of several objects and models in one text the last one is imported, and the others are told; errors that say what a
text has."""

from __future__ import annotations

import pytest

from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.calls import import_call
from tests.importing.test_models import net

KERAS = "i = keras.Input((6, 3))\ne = LSTM(4, return_sequences=True)(i)\nd = LSTM(2)(e)\nd = Dense(3)(d)\n"
SPLIT = "i = keras.Input((6, 3))\ny = LSTM(4, return_sequences=True)(i)\na, b = tf.split(y, 2, axis=-1)"
FUSED = "f = LSTMBlockFusedCell(3)\ng = LSTMBlockFusedCell(3)\na, _ = f(x)\nb, _ = g(x)"
TRAINED = f"{net('self.a = nn.GRU(n, h)', 'return self.a(x)[0]')}\nopt = torch.optim.Adam(model.parameters())"
TWO = f"{net('self.a = nn.GRU(n, h)', 'return self.a(x)[0]')}\nclass Other(Net):\n    pass\nother = Other()"
ALONE = TWO.replace("model = Net()", "").replace("class Other(Net)", "class Other(nn.Module)")


def told(text: str) -> list[str]:
    lines = import_call(Source("<call>", text)).remarks
    return [each for each in lines if each.startswith(("left out", "the description ends"))]


@pytest.mark.parametrize(
    ("text", "left", "last"),
    [
        (f"{KERAS}all = Model(i, d)\nencoder = Model(i, e)", ["all = Model(i, d)"], "encoder = Model(i, e)"),
        (f"{KERAS}one = Model(i, Dense(2)(e))\ntwo = Model(i, e)",
         ["d = Dense(3)(d)", "one = Model(i, Dense(2)(e))"], "two = Model(i, e)"),
        ("a = GRUCell(3)\nb = LSTMCell(3)", ["a = GRUCell(3)"], "b = LSTMCell(3)"),
        ("a = Sequential()\na.add(LSTM(3))\nb = Sequential()\nb.add(LSTM(2))", ["a = Sequential()"], "b.add(LSTM(2))"),
        (FUSED, ["a, _ = f(x)"], "b, _ = g(x)"),
        ("rnn = nn.GRU(3, 4)\nspare = nn.Linear(4, 2)\nfc = nn.Linear(4, 2)\ny, h = rnn(x)\nz = fc(y)",
         ["spare = nn.Linear(4, 2)"], "z = fc(y)"),
        (TWO, ["model = Net()"], "other = Other()"),
        (f"{SPLIT}\nm = Model(i, y)", ["a, b = tf.split(y, 2, axis=-1)"], "m = Model(i, y)"),
    ],
)  # fmt: skip
def test_what_is_no_part_of_the_last_one_is_told(text: str, left: list[str], last: str) -> None:
    wanted = [f"left out: `{line}`" for line in left]
    assert told(text) == [*wanted, f"the description ends with what `{last}` gives"]


@pytest.mark.parametrize(
    "text",
    [
        f"{KERAS}encoder = Model(i, e)\nall = Model(i, d)",
        "a = Sequential()\na.add(LSTM(3))\na.add(Dense(3))\na.compile('adam', 'mse')",
        "cell = GRUCell(3)\ncell = DropoutWrapper(cell)\ncells = [cell, LSTMCell(4)]\nall = MultiRNNCell(cells)",
        "rnn = nn.GRU(3, 4)\nh0 = torch.zeros(1, 2, 4)\ny, h = rnn(x, h0)",
        "rnn = nn.GRU(3, 4)\na, h = rnn(x)\nb, h = rnn(z)",
        f"{TRAINED}\ny = model(x)",
        *(f"{SPLIT}\nm = Model(i, {part})" for part in ("a", "b", "Dense(2)(b)")),
        "spare, rnn = nn.Linear(3, 4), nn.GRU(3, 4)\ny, h = rnn(x)",
    ],
)
def test_what_is_part_of_the_last_one_needs_no_word(text: str) -> None:
    assert told(text) == []


def test_classes_that_the_last_one_does_not_name_are_told() -> None:
    methods = "    def forward(self, x):\n        return self.r(x)[0]\n"
    init = "    def __init__(self):\n        super().__init__()\n        self.r = nn.GRU(3, 4)\n"
    one, two = (f"class {name}(nn.Module):\n{init}{methods}" for name in ("One", "Two"))
    assert told(one + two) == ["left out: `class One`", "the description ends with what `class Two` gives"]
    assert told(one + two.replace("nn.GRU(3, 4)", "nn.GRU(3, 4)\n        self.o = One()")) == []


def test_get_initial_state_gives_zeros() -> None:
    init = "self.a = layers.LSTM(3, return_state=True, return_sequences=True)"
    body = "h, c = self.a.get_initial_state(x)\n        y, h, c = self.a(x, initial_state=[h, c])\n        return y"
    text = f"class M(keras.Model):\n    def __init__(self):\n        {init}\n    def call(self, x):\n        {body}\n"
    for lines in (text, text.replace("h, c = self", "s = self").replace("[h, c]", "s")):
        found = import_call(Source("<call>", lines))
        assert "y = LSTM(3)(x)" in found.text
        assert found.remarks == ()


def error(text: str) -> str:
    with pytest.raises(DiagnosticError) as caught:
        import_call(Source("<call>", text))
    (only,) = caught.value.diagnostics
    return f"{only.message}: {only.fix}"


def test_errors_say_what_a_text_has() -> None:
    both = "x = Input((6, 3))\na, b = Bidirectional(GRU(4, return_sequences=True), merge_mode=None)(x)\ny = add([a, b])"
    assert "the outputs of both directions are taken apart" in error(f"{both}\nmodel = Model(x, y)")
    graph = "class C:\n  n = 4\nclass G:\n  def __init__(self, c):\n    self.c = c\n    cell = GRUCell(c.n)\n"
    for text in (graph, f"{graph}    y, s = tf.nn.dynamic_rnn(cell, x)\ng = G(C())"):
        assert "what `__init__` of the class `G` builds is not read: pass the lines" in error(text)
    assert "two objects would have their own" in error("d = Dense(3)\nm = Sequential([d, LSTM(3), d])")


def test_cells_in_fields_of_a_class_are_read() -> None:
    text = (
        "class C:\n  def __init__(self):\n    self.cell = GRUCell(4)\n  def run(self):\n    return LSTMCell(4)\nc = C()"
    )
    assert "cell GRUCell = GRU(4)" in import_call(Source("<call>", f"{text}\ny, s = tf.nn.dynamic_rnn(c.cell, x)")).text


SEQUENTIAL = "model = keras.Sequential([keras.Input((5, 3)), LSTM(4), Dense(2)])"
OF_TORCH = net("self.a = nn.GRU(n, h)", "return self.a(x)[0]")
CELL = "cell = tf.nn.rnn_cell.GRUCell(4)"
CONSTANTS = [
    "epochs = 10", "lr = 1e-3", "device = 'cpu'", "flag = True", "SIZES = (2, 5, 3)", "names = ['a', 'b']", "n = 4 * 8",
    "batch: int = 32", "BATCH = 32\nEPOCHS = BATCH // 8",
]  # fmt: skip


@pytest.mark.parametrize("model", [SEQUENTIAL, OF_TORCH, CELL, OF_TORCH.replace("model = Net()", "")])
@pytest.mark.parametrize("line", CONSTANTS)
def test_constants_behind_a_model(model: str, line: str) -> None:
    found, alone = import_call(Source("<call>", f"{model}\n{line}")), import_call(Source("<call>", model))
    assert body(found.text) == body(alone.text)
    assert found.remarks == alone.remarks


@pytest.mark.parametrize(
    "line",
    ["calls = [keras.callbacks.EarlyStopping(), keras.callbacks.Progress()]", "c = {'lr': 0.1, 'opt': optim.Adam()}"],
)
def test_what_others_make_behind_a_model_is_told(line: str) -> None:
    assert told(f"{SEQUENTIAL}\n{line}")[0] == f"left out: `{line}`"
    assert told(f"{OF_TORCH}\n{line}") == []  # behind a model that is no line of layers nothing is told


def body(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))
