"""Models: classes with `forward` or `call`, layers that leave states to others, all that texts do with tensors. Their
descriptions compute what the library does, with its weights."""

from __future__ import annotations

import re
from importlib.util import find_spec

import numpy as np
import pytest

from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.verify.commands import verify_live
from rnnc.verify.live.constructors import LIBRARIES
from tests.importing import live

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")
needs_keras = pytest.mark.skipif(
    find_spec("keras") is None or find_spec("tensorflow") is None, reason="needs keras and tensorflow"
)
TOLERANCE = 1e-12
RANDOM = np.random.default_rng(3)
X, Y = RANDOM.standard_normal((2, 6, 3)), RANDOM.standard_normal((2, 6, 3))
TOKENS, LENGTHS = RANDOM.integers(0, 20, (2, 6)), np.array([6, 6])

TORCH = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


def net(init: str, forward: str, arguments: str = "x") -> str:
    """A class with one statement a line."""
    lines = ["super().__init__()", *init.splitlines()]
    body = "".join(f"        {line}\n" for line in lines)
    run = "".join(f"        {line}\n" for line in forward.splitlines())
    head = "class Net(nn.Module):\n    def __init__(self, n=3, h=4):\n"
    return f"{TORCH}{head}{body}    def forward(self, {arguments}):\n{run}model = Net()\n"


RNN_ONLY = "self.rnn = nn.GRU(n, h, batch_first=True)"
LSTM = "self.rnn = nn.LSTM(n, h, batch_first=True)\nself.fc = nn.Linear(h, 2)"
TWO = "self.rnn = nn.LSTM(n, h, 2, batch_first=True, bidirectional=True, dropout=0.3)\nself.fc = nn.Linear(2 * h, 2)"
SEQ2SEQ = f"""{TORCH}
class Encoder(nn.Module):
    def __init__(self, n, h):
        super(Encoder, self).__init__()
        self.lstm = nn.LSTM(n, h, 2)
    def forward(self, x):
        _, (h, c) = self.lstm(x)
        return h, c
class Decoder(nn.Module):
    def __init__(self, n, h):
        super().__init__()
        self.lstm = nn.LSTM(input_size=n, hidden_size=h, num_layers=2)
        self.out = nn.Linear(h, n)
    def forward(self, y, hidden=None):
        out, hidden = self.lstm(y, hidden)
        return self.out(out), hidden
class Seq2Seq(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.encoder = Encoder(**options)
        self.decoder = Decoder(**options)
    def forward(self, src, trg):
        hidden, cell = self.encoder(src)
        out, _ = self.decoder(trg, (hidden, cell))
        return out
model = Seq2Seq(n=3, h=4).to('cpu')
"""
TEXTS_OF_TORCH = {
    "last step": net(LSTM, "out, _ = self.rnn(x)\nreturn self.fc(out[:, -1, :])"),
    "last step of some": net(LSTM, "out = self.rnn(x)[0][:, -1]\nreturn torch.relu(self.fc(out))"),
    "final state": net(LSTM, "_, (h, c) = self.rnn(x)\nreturn self.fc(h.squeeze(0))"),
    "final cell": net(LSTM, "_, (h, c) = self.rnn(x)\nreturn self.fc(torch.tanh(c[-1]) + h[0])"),
    "both directions": net(TWO, "_, (h, c) = self.rnn(x)\nreturn self.fc(torch.cat((h[-2], h[-1, :, :]), dim=1))"),
    "lower layers": net(TWO, "y, (h, c) = self.rnn(x)\nreturn self.fc(torch.cat([h[0] * c[1], c[-1]], "
    "1)) + self.fc.out_features * 0")
    .replace(" + self.fc.out_features * 0", ""),
    "mean and maximum": net(
        "self.rnn = nn.GRU(n, h, batch_first=True)\nself.fc = nn.Linear(2 * h, 2)",
        "y, _ = self.rnn(x)\navg = y.mean(1)\nmost, _ = torch.max(y, dim=1)\nreturn self.fc(torch.cat((avg, "
        "most), -1))",
    ),
    "zeros": net(
        "self.h = h\n" + LSTM,
        "h0 = torch.zeros(1, x.size(0), self.h)\nc0 = torch.zeros(1, x.shape[0], self.h).to(x.device)\n"
        "out, _ = self.rnn(x, (h0, c0))\nreturn F.log_softmax(self.fc(out), dim=2)",
    ),
    "a list of layers": net(
        "self.layers = nn.ModuleList()\nfor k in range(2):\n    self.layers.append(nn.GRU(n if k == 0 else h, "
        "h, batch_first=True))\n"
        "self.head = nn.Sequential(nn.Linear(h, 5), nn.LeakyReLU(), nn.Dropout(0.1), nn.Linear(5, 1))",
        "for layer in self.layers:\n    x, h = layer(x)\nreturn self.head(h[-1]).squeeze(-1)",
    ),
    "norms and arithmetic": net(
        "self.a = nn.RNN(n, h, nonlinearity='relu', batch_first=True)\nself.b = nn.LSTM(h, h, "
        "batch_first=True, bias=False)\n"
        "self.norm = nn.LayerNorm(h)\nself.act = nn.Hardsigmoid()\nself.fc = nn.Linear(h, 2, bias=False)",
        "y, _ = self.a(x)\nz, _ = self.b(self.norm(y))\nz = z + 0.5 * y - torch.sigmoid(y)\n"
        "return self.act(self.fc(self.act(z)))",
    ),
    "projections": net(
        "self.rnn = nn.LSTM(n, 5, proj_size=h, batch_first=True)\nself.fc = nn.Linear(h, 2)",
        "out, _ = self.rnn(x)\nreturn self.fc(F.gelu(F.leaky_relu(out, 0.1)))",
    ),
    **{f"made in forward: {call}": net(RNN_ONLY, f"y, h = self.rnn(x)\nreturn nn.{call}")
       for call in ("Softmax(dim=1)(y)", "Tanh()(y)", "Sequential(nn.Tanh(), nn.ReLU())(y)",
                    "Softmax(dim=-1)(h[-1])", "ReLU()(h[-1])")},
    "a state of another layer": net(
        "self.a = nn.GRU(n, h, batch_first=True, bidirectional=True)\nself.b = nn.GRU(2 * h, h, "
        "batch_first=True, bidirectional=True)",
        "y, s = self.a(x)\nz, _ = self.b(y, s)\nreturn z",
    ),
    "methods and blocks": net(
        LSTM,
        "return self.head(self.run(x))\n",
    ).replace(
        "model =",
        "    def run(self, x):\n        y, _ = self.rnn(x)\n        return y[:, -1]\n"
        "    def head(self, y, scale=None):\n        if scale is not None:\n            y = y * scale\n"
        "        elif self.training:\n"
        "            y = F.dropout(y, 0.5)\n        return self.fc(y)\nmodel =",
    ),
    "a class of a class": net(LSTM, "y, _ = self.rnn(x)\nreturn self.fc(y)").replace(
        "model = Net()", "class Own(Net):\n    def forward(self, x):\n        return self.fc(self.rnn(x)[0][:, "
        "0])\nmodel = Own()"
    ),
    "flat steps": net(
        TWO,
        "y, _ = self.rnn(x)\ny = y.contiguous().view(-1, 8)\nreturn self.fc(y).view(x.size(0), x.size(1), -1)",
    ),
    "parts of features": net(
        "self.rnn = nn.GRU(n, h, batch_first=True, bidirectional=True)\nself.h = h",
        "y, _ = self.rnn(x)\nreturn torch.cat([y[:, -1, : self.h], y[:, 0, self.h :]], dim=1)",
    ),
    "functions": net(
        "self.layers = nn.ModuleDict({'rnn': nn.GRU(n, h, batch_first=True), 'fc': nn.Linear(h, 2)})",
        "y, _ = self.layers['rnn'](x)\ny = y - y[:, 0].unsqueeze(1) + y.clamp(-0.1, 0.1) + F.elu(y, alpha=0.5)\n"
        "y = torch.where(y > 0, y, torch.zeros_like(y))\n"
        "return self.layers['fc'](torch.max(y, 1)[0] + y.sum(dim=1) - torch.mean(y, 1))",
    ),
    "activations": net(
        "self.rnn = nn.RNN(n, h, batch_first=True)\nself.o = nn.Sequential(nn.Linear(h, 6), nn.CELU(0.7), nn.Mish(), "
        "nn.ELU(0.6), nn.GELU(), nn.Hardtanh(-0.5, 0.5), nn.Softshrink(0.1), nn.Hardshrink(0.05), nn.Tanhshrink(), "
        "nn.LogSigmoid(), nn.SELU(), nn.Softplus(), nn.Hardswish(), nn.Linear(6, 2), nn.LogSoftmax(dim=2))",
        "return self.o(self.rnn(x)[0])",
    ),
    "gates of features": net(
        "self.rnn = nn.GRU(n, h, batch_first=True)\nself.fc = nn.Linear(h, 6)\nself.act = nn.GLU()",
        "y, _ = self.rnn(x)\nreturn self.act(self.fc(y)) + F.glu(self.fc2(y), dim=-1)",
    ).replace("self.act = nn.GLU()", "self.fc2 = nn.Linear(h, 6)\n        self.act = nn.GLU()"),
    "attention": net(
        "self.rnn = nn.LSTM(n, h, batch_first=True)\nself.score = nn.Linear(h, 1)\nself.fc = nn.Linear(h, 2)",
        "y, (h, c) = self.rnn(x)\nw = F.softmax(self.score(torch.tanh(y)), dim=1)\n"
        "context = torch.sum(w * y, dim=1)\nreturn self.fc(context + h[-1])",
    ),
}  # fmt: skip
SIAMESE = net(
    "self.rnn = nn.LSTM(n, h, batch_first=True, bidirectional=True)\nself.fc = nn.Linear(4 * h, 2)",
    "_, (ha, ca) = self.rnn(a)\nyb, (hb, cb) = self.rnn(b)\n"
    "return torch.sigmoid(self.fc(torch.cat([ha[0], ca[1], hb[1], cb[0]], 1)))",
    "a, b",
)
STEPS_FIRST = {
    "encoder and decoder": (SEQ2SEQ, {"src": X, "trg": Y}),
    "transposes": (
        net(
            "self.a = nn.GRU(n, h)\nself.b = nn.LSTM(h, h, batch_first=True)\nself.fc = nn.Linear(h, 2)",
            "y, _ = self.a(x)\nz, _ = self.b(y.transpose(0, 1))\nreturn self.fc(z.permute(1, 0, 2).contiguous())",
        ),
        {"x": X},
    ),
    "last step first": (net("self.rnn = nn.GRU(n, h)\nself.fc = nn.Linear(h, "
    "2)", "return self.fc(self.rnn(x)[0][-1])"), {"x": X}),
}  # fmt: skip
TOKEN_MODEL = net(
    "self.emb = nn.Embedding(20, n, padding_idx=0)\nself.drop = nn.Dropout(0.2)\n" + TWO,
    "e = self.drop(self.emb(text))\n"
    "packed = nn.utils.rnn.pack_padded_sequence(e, lengths, batch_first=True, enforce_sorted=False)\n"
    "packed, (h, c) = self.rnn(packed)\nout, sizes = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)\n"
    "return self.fc(self.drop(out))",
    "text, lengths",
)


@needs_torch
@pytest.mark.parametrize("name", TEXTS_OF_TORCH)
def test_a_class_computes_what_torch_does(name: str) -> None:
    assert live.torch_error(TEXTS_OF_TORCH[name], {"x": X}) < TOLERANCE


@needs_torch
@pytest.mark.parametrize("name", STEPS_FIRST)
def test_a_class_with_the_steps_first(name: str) -> None:
    text, inputs = STEPS_FIRST[name]
    assert live.torch_error(text, inputs, steps_first=True) < TOLERANCE


@needs_torch
def test_one_layer_reads_two_sequences() -> None:
    assert live.torch_error(SIAMESE, {"a": X, "b": Y}) < TOLERANCE


@needs_torch
def test_tokens_and_lengths() -> None:
    assert live.torch_error(TOKEN_MODEL, {"text": TOKENS, "lengths": LENGTHS}) < TOLERANCE


KERAS = {
    "one layer twice": "a = keras.Input((6, 3))\nshared = layers.LSTM(4, return_sequences=True, name='shared')\n"
    "y = shared(a)\nz = layers.Dense(3)(y)\nmodel = keras.Model(a, layers.add([shared(z), y]))",
    "attention": "inp = keras.Input((6, 3))\ny = layers.LSTM(4, return_sequences=True)(inp)\n"
    "w = layers.Softmax(axis=1)(layers.Dense(1, activation='tanh')(y))\nc = layers.Multiply()([y, w])\n"
    "c = layers.GlobalAveragePooling1D()(c)\nmodel = keras.Model(inp, c)",
    "sequential": "model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(4, return_sequences=True), "
    "layers.Bidirectional(layers.GRU(3), merge_mode='mul'), layers.Dense(2, 'softmax')])",
    "unpacked": "common = {'units': 4, 'return_sequences': True}\nstack = [layers.GRU(**common), "
    "layers.LSTM(**{**common, 'units': 3})]\n"
    "model = keras.Sequential([keras.Input((6, 3)), *stack, layers.Dense(2)])",
    "repeated": "model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(4), layers.RepeatVector(6), "
    "layers.LSTM(4, return_sequences=True), layers.TimeDistributed(layers.Dense(3))])",
    "both directions": "inp = keras.Input((6, 3))\n"
    "e, fh, fc, bh, bc = layers.Bidirectional(layers.LSTM(4, return_sequences=True, return_state=True))(inp)\n"
    "h = layers.Concatenate()([fh, bh])\nc = layers.concatenate([fc, bc], axis=1)\n"
    "d = layers.LSTM(8, return_sequences=True)(e, initial_state=[h, c])\nd = layers.LayerNormalization()(d)\n"
    "model = keras.Model(inp, layers.TimeDistributed(layers.Dense(3, activation='sparsemax'))(d))",
    "given to both directions": "inp = keras.Input((6, 3))\ny, s = layers.GRU(4, return_sequences=True, "
    "return_state=True)(inp)\n"
    "z = layers.Bidirectional(layers.GRU(4))(y, initial_state=[s, s])\nmodel = keras.Model(inp, z)",
    "given backwards": "inp = keras.Input((6, 3))\n_, *s = layers.LSTM(4, return_state=True)(inp)\n"
    "z = layers.LSTM(4, return_sequences=True, go_backwards=True)(inp, initial_state=s)\nmodel = keras.Model(inp, z)",
    "backwards, left to others": "inp = keras.Input((6, 3))\n_, h, c = layers.LSTM(4, return_state=True, "
    "go_backwards=True)(inp)\n"
    "model = keras.Model(inp, layers.LSTM(4)(inp, initial_state=[h, c]))",
    "a row": "seq, row = keras.Input((6, 3), name='seq'), keras.Input((3,), name='row')\n"
    "h = layers.Dense(4, 'tanh')(row)\nmodel = keras.Model([seq, row], layers.GRU(4)(seq, initial_state=h))",
    "class": "class Net(keras.Model):\n    def __init__(self, units, classes):\n        super().__init__()\n"
    "        self.rnn = layers.GRU(units, return_sequences=True)\n        self.drop = layers.Dropout(0.3)\n"
    "        self.pool = layers.GlobalAveragePooling1D()\n        self.out = layers.Dense(classes, "
    "activation='glu')\n"
    "    def call(self, inputs, training=False):\n        x = self.rnn(inputs, training=training)\n"
    "        x = self.drop(x, training=training)\n        x = tf.nn.relu(x) + x\n"
    "        return self.out(self.pool(x))\n"
    "model = Net(4, 6)",
}  # fmt: skip


@needs_keras
@pytest.mark.parametrize("name", KERAS)
def test_a_model_computes_what_keras_does(name: str) -> None:
    inputs = {"seq": X, "row": X[:, 0]} if name == "a row" else {"x": X}
    assert live.keras_error(KERAS[name], inputs) < TOLERANCE


@needs_keras
def test_an_encoder_hands_its_states_to_a_decoder() -> None:
    text = (
        "enc = keras.Input((6, 3), name='enc')\n_, h, c = layers.LSTM(4, return_state=True)(enc)\n"
        "dec = keras.Input((6, 3), name='dec')\ny = layers.LSTM(4, return_sequences=True)(dec, "
        "initial_state=[h, c])\n"
        "model = keras.Model([enc, dec], layers.Dense(5, activation='softmax')(y))"
    )
    assert live.keras_error(text, {"enc": X, "dec": Y}) < TOLERANCE
    (remark,) = import_call(Source("<call>", text)).remarks
    assert remark.startswith("what comes in has one number of steps")


# What is marked is between « and ».
REFUSED = [
    (net(LSTM, "y, _ = self.rnn(x)\nreturn self.fc(«y[-1]»)"), "E606", "takes one row of a batch"),
    (net("self.rnn = nn.LSTM(n, h)", "y, _ = self.rnn(x)\nz, _ = «self.b»(y)\nreturn z").replace(
        "h)\n    def", "h)\n        self.b = nn.LSTM(h, h, batch_first=True)\n    def"), "E606", "steps come first"),
    (net(LSTM, "y, _ = self.rnn(x)\nreturn self.fc(«y.reshape(y.size(0), -1)»)"), "E606", "puts steps together"),
    (net(LSTM, "y, _ = self.rnn(x)\nreturn «y.view(-1, y.size(1) * y.size(2))»"), "E606", "puts steps together"),
    (net(LSTM, "y, _ = self.rnn(x)\nreturn self.fc(«y.reshape(-1, 24)»)"), "E606", "puts steps together"),
    (net(LSTM, "y, _ = self.rnn(x)\nreturn «torch.fft(y)»"), "E606", "not read of what layers give"),
    (net(LSTM, "y, _ = self.rnn(x)\nreturn self.fc(«y[:, 1:]»)"), "E606", "this part"),
    (
        net(LSTM, "y, _ = self.rnn(x)\nreturn self.fc(y) + «self.fc»(y * 2)"),
        "E606",
        "shares its weights",
    ),
    (
        net("self.cell = nn.LSTMCell(n, h)", "for t in «x.unbind(1)»:\n    h, c = self.cell(t)\nreturn h"),
        "E602",
        "loop over the steps",
    ),
    (net(LSTM, "y, _ = self.rnn(x)\nreturn «self.gone»(y)"), "E602", "sets no `gone`"),
    (net(LSTM, "y, _ = self.rnn(x)\n«y[:, 0]» = 1\nreturn self.fc(y)"), "E602", "in place"),
    (net(LSTM, "y, _ = self.rnn(x)\n«y[:, 0] += 1»\nz = 2 * y\nreturn self.fc(z)"), "E602", "not read"),
    (net(LSTM, "y, _ = self.rnn(x)\n«y.clamp_(-1, 1)»\nreturn self.fc(y)"), "E602", "in place"),
    (net(LSTM, "«with torch.no_grad():\n    y, _ = self.rnn(x)»\nz = 2 * y\nreturn self.fc(z)"), "E602", "gradients"),
    ("y = LSTM(4)(x)\n«y[:, 0]» = 3\nkeras.layers.Dense(3)(y)", "E602", "in place"),
    (net(LSTM, "if «mode»:\n    return x\nreturn x"), "E602", "condition"),
    (TORCH + "class Net(nn.Module):\n    «def __init__(self, n):\n        self.rnn = nn.GRU(n, n)»\n"
     "    def forward(self, x):\n        return self.rnn(x)\n", "E604", "no line makes a `Net`, which needs `n`"),
    (TORCH + "model = nn.Sequential(«nn.LSTM(3, 4)», nn.Linear(4, 2))", "E606", "gives its states, too"),
    (("keras.Sequential([layers.LSTM(4, return_sequences=True), "
    "layers.TimeDistributed(«layers.LSTM(4)»)])"), "E606", "sequence of its own"),
    ("keras.Sequential([keras.Input((6, 3)), layers.LSTM(4), «layers.RepeatVector(5)»])", "E606", "of 5 steps"),
    ("LSTM(4)(keras.Input((6, 3)), initial_state=«[LSTM(4)(keras.Input((6, 3)))]»)", "E606", "other states"),
    ("options = {'unit': 3}\nkeras.layers.LSTM(«**options»)", "E604", "no argument `unit`"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "code", "message"), REFUSED)
def test_what_no_description_says_is_told(marked: str, code: str, message: str) -> None:
    live.check_refused(marked, code, message)


def test_names_of_weights_are_those_of_the_state() -> None:
    text = import_call(Source("<call>", TEXTS_OF_TORCH["a list of layers"])).text
    for line in ('scope layer = "layers.1.*_l0"', '"head.3.weight" = T(z2.weight)'):
        assert line in text


@pytest.mark.parametrize(
    ("made", "given", "names"),
    [
        (["self.a, self.b = LSTM(2), LSTM(2)"], "self.a(self.b(x))", "lstm_1 lstm"),
        (["self.z = LSTM(2)", "self.a = LSTM(2, name='mine')"], "self.a(self.z(x))", "lstm mine"),
        (
            ["self.some = [LSTM(2) for _ in range(3)]"],
            "self.some[0](self.some[2](self.some[1](x)))",
            "lstm_1 lstm_2 lstm",
        ),
        (
            ["self.some = []", "for _ in range(2): self.some.append(LSTM(2))"],
            "self.some[0](self.some[1](x))",
            "lstm_1 lstm",
        ),
        (["self.a = made()", "self.b = made()"], "self.a(self.b(x))", "lstm_1 lstm"),
        (["self.a, self.b = Pair(), Pair()"], "self.a(self.b(x))", "lstm_3 lstm_2 lstm_1 lstm"),
    ],
)
def test_layers_of_keras_are_counted_as_they_are_made(made: list[str], given: str, names: str) -> None:
    """And not as they are run."""

    def model(name: str, made: list[str], given: str) -> str:
        lines = "".join(f"        {line}\n" for line in ("super().__init__()", *made))
        head = f"class {name}(keras.Model):\n    def __init__(self):\n{lines}"
        return f"{head}    def call(self, x):\n        return {given}\n"

    function = "def made():\n    return LSTM(2)\n"
    layers = "from keras import layers\nLSTM = lambda n, **more: layers.LSTM(n, return_sequences=True, **more)\n"
    pair = model("Pair", ["self.p, self.q = LSTM(2), LSTM(2)"], "self.p(self.q(x))")
    text = f"import keras\n{layers}{function}{pair}{model('Net', made, given)}model = Net()\n"
    found = import_call(Source("<call>", text)).text
    assert re.findall(r'scope y\d* = "(\w+)"', found) == names.split()
    assert import_call(Source("<call>", text)).text == found, "whatever was read before"


COMPARED = {
    "sequential": (
        "keras",
        (
            "keras.Sequential([layers.LSTM(4, return_sequences=True, activation='elu', "
            "recurrent_activation='hard_sigmoid'), layers.GRU(3, go_backwards=True), layers.Dense(5, 'selu'), "
            "layers.Dense(2, 'softmax', use_bias=False)])"
        ),
    ),
    "all steps": (
        "keras",
        (
            "keras.Sequential([layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode='ave'), "
            "layers.LayerNormalization(), layers.SimpleRNN(3, activation='mish', return_sequences=True), "
            "layers.TimeDistributed(layers.Dense(4)), layers.Activation('sparsemax')])"
        ),
    ),
    "layers of torch": ("torch", "nn.GRU(3, 4, num_layers=2, dropout=0.0, bidirectional=True, batch_first=True)"),
}


@pytest.mark.parametrize("name", COMPARED)
def test_models_are_compared_with_the_live_library(name: str) -> None:
    library, call = COMPARED[name]
    for package in LIBRARIES[library].packages:
        pytest.importorskip(package)
    report = verify_live(Source("<text>", import_call(Source("<call>", call)).text), library)
    assert report.passed, report.failures


def test_the_residual_of_gnmt_takes_as_many_inputs_as_there_are_outputs() -> None:
    functions = ("tf.contrib.seq2seq.gnmt_residual_fn", "lambda i, o: i[:, :4] + o")
    calls = [f"ResidualWrapper(GRUCell(4), residual_fn={function})" for function in functions]
    x = np.random.default_rng(0).standard_normal((2, 5, 7))
    modules = [live.module_of(call) for call in calls]
    params = modules[0].init_params(seed=1, input=7, dtype="float64")
    first, second = (live.outputs(module, params, {"x": x}) for module in modules)
    assert np.array_equal(first, second)
