"""What texts do to arrays on the way to the results is read, refused or told of: nothing is dropped without a word."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.calls import import_call
from tests.importing import live
from tests.importing.test_models import TOLERANCE, X, needs_keras, needs_torch, net

RNN = "self.a = nn.GRU(n, h, batch_first=True)\nself.fc = nn.Linear(h, 1)\nself.f2 = nn.Linear(h, h)\nself.scale = 1.0"
RUN = "y, s = self.a(x)\n"
LISTS = f"{RNN}\nself.ls = nn.ModuleList([nn.GRU(n, n, batch_first=True) for _ in range(3)])"
BOTH = f"{RNN}\nself.b = nn.GRU(h, h, batch_first=True)"


def with_method(text: str, method: str) -> str:
    lines = "".join(f"    {line}\n" for line in method.splitlines())
    return text.replace("model = Net()", f"{lines}model = Net()")


READ = {
    "numbers without an axis": net(RNN, f"{RUN}return self.fc(y).squeeze(-1)"),
    "numbers of rows": net(RNN, f"{RUN}return self.fc(s[-1]).view(-1)"),
    "weights of steps": net(
        RNN, f"{RUN}w = torch.softmax(self.fc(y).squeeze(-1), dim=1)\nreturn (w.unsqueeze(-1) * y).sum(1)"
    ),
    "a state over steps": net(RNN, f"{RUN}return y * s.permute(1, 0, 2) + s.transpose(0, 1)"),
    "a kept axis": net(RNN, f"{RUN}return y - y.mean(1, keepdim=True) + y.sum(dim=1, keepdim=True)"),
    "sizes": net(RNN, f"{RUN}b, t, n = y.shape\nreturn self.f2(y.reshape(b * t, n)).reshape(b, t, -1)"),
    "zeros": net(RNN, "y, s = self.a(x, x.new_zeros(1, x.size(0), 4).to(x.device))\nreturn y"),
    "zeros of the type of weights": net(
        RNN, "w = next(self.parameters()).data\ny, s = self.a(x, w.new(1, x.size(0), 4).zero_().detach())\nreturn y"
    ),
    "one of two states": net(
        "self.a = nn.LSTM(n, h, batch_first=True)\nself.b = nn.LSTM(h, h, batch_first=True)",
        "y, (s, c) = self.a(x)\nz, _ = self.b(y, (s, torch.zeros_like(c)))\nreturn z",
    ),
    "one feature of several": net(RNN, f"{RUN}return y[:, :, :1] * y + torch.where(x[..., 1:2] > 0, y, -y)"),
    "gelu": net(RNN, f"{RUN}return F.gelu(y, approximate='none') + F.gelu(y, approximate='tanh')"),
    "break": net(
        LISTS, "for k, layer in enumerate(self.ls):\n    x, _ = layer(x)\n    if k == 1:\n        break\nreturn x"
    ),
    "continue": net(
        LISTS, "for k, layer in enumerate(self.ls):\n    if k == 1:\n        continue\n    x, _ = layer(x)\nreturn x"
    ),
    "otherwise": net(RNN, f"{RUN}for k in range(2):\n    y = y * 2\nelse:\n    y = y + 1\nreturn y"),
    "finally": net(RNN, f"{RUN}try:\n    z = y * 2\nfinally:\n    z = y * 3\nreturn z"),
    "a field by a statement": with_method(
        net(RNN, f"{RUN}self.up()\nreturn y * self.scale"), "def up(self):\n    self.scale = 5.0"
    ),
    "a field by a call": with_method(
        net(RNN, "y = self.run(x)\nreturn y * self.scale"),
        "def run(self, x):\n    self.scale = 2.0\n    return self.a(x)[0]",
    ),
    "a field made larger": net(RNN, f"{RUN}self.scale *= 3\nreturn y * self.scale"),
    "in place, of nothing else": net(
        f"{RNN}\nself.r = nn.ReLU(inplace=True)",
        f"{RUN}y += 1\ny *= 2\nz = y.clone()\nz -= 1\nreturn self.r(self.f2(y)) + z + y",
    ),
    "in place within": net(
        f"{RNN}\nself.s = nn.Sequential(nn.Linear(h, h), nn.ReLU(True))", f"{RUN}return self.s(y) + y"
    ),
    "training": net(RNN, f"{RUN}if self.training:\n    y = F.dropout(y, 0.5)\nreturn y"),
}
OF_KERAS = "i = keras.Input((6, 3))\ny = layers.GRU(4, return_sequences=True)({})\nmodel = keras.Model(i, y)"
READ_OF_KERAS = {
    "product": OF_KERAS.format("i * 2"),
    "function": OF_KERAS.format("keras.ops.tanh(i)"),
    "part": OF_KERAS.format("i[:, :, :2]"),
    "turned around": OF_KERAS.format("keras.ops.flip(i, 1)"),
    "twice": OF_KERAS.format("keras.ops.concatenate([i, i], -1)"),
    "named": "i = keras.Input((6, 3))\nx = i + 1\ny = layers.GRU(4, return_sequences=True)(x)\n"
    "model = keras.Model(i, keras.ops.concatenate([y, x], -1))",
}


@needs_torch
@pytest.mark.parametrize("name", READ)
def test_a_class_computes_what_torch_does(name: str) -> None:
    assert live.torch_error(READ[name], {"x": X}) < TOLERANCE


@needs_keras
@pytest.mark.parametrize("name", READ_OF_KERAS)
def test_what_goes_into_a_layer_is_computed(name: str) -> None:
    assert live.keras_error(READ_OF_KERAS[name], {"x": X}) < TOLERANCE


def call(lines: str) -> str:
    """A class of Keras with a GRU."""
    body = "".join(f"        {line}\n" for line in lines.splitlines())
    init = (
        "    def __init__(self):\n        super().__init__()\n        self.a = layers.GRU(3, return_sequences=True)\n"
    )
    return f"class Net(keras.Model):\n{init}    def call(self, x, mask=None):\n{body}"


# What is marked is between « and ».
REFUSED = [
    # what layers are called on, and what they begin with
    (OF_KERAS.format("«i[:, ::-1]»"), "E606", "this part"),
    (OF_KERAS.format("«keras.ops.roll(i, 1, 1)»"), "E606", "not read of what layers give"),
    (net(RNN, "y, s = self.a(«torch.zeros(2, 3, 3)»)\nreturn y"), "E606", "neither what comes in nor"),
    (net(RNN, "y, s = self.a(x, «torch.ones(1, 2, 4)»)\nreturn y"), "E606", "what GRU begins with"),
    (net(RNN, "y, s = self.a(x, «torch.randn(1, 2, 4)»)\nreturn y"), "E606", "what GRU begins with"),
    (
        net(f"{RNN}\nself.h0 = nn.Parameter(torch.zeros(1, 1, 4))", "y, s = self.a(x, «self.h0»)\nreturn y"),
        "E606",
        "what GRU begins with",
    ),
    (call("return self.a(x, initial_state=«tf.ones((3, 3))»)"), "E606", "what GRU begins with"),
    (call("return self.a(x, mask=«x[:, :, 0]»)"), "E606", "`mask`"),
    (net(RNN, "y, s = self.a(x)\ny, s = self.a(x, None, «y»)\nreturn y"), "E606", "a further argument"),
    # in place
    (net(RNN, f"{RUN}last = y[:, -1]\n«y *= 2»\nreturn last"), "E602", "in place"),
    (net(RNN, f"{RUN}z = self.f2(y)\nw = z\n«z += y»\nreturn w * z"), "E602", "in place"),
    (net(RNN, f"{RUN}z = y\n«z[:, 0]» = 0\nreturn y"), "E602", "in place"),
    (net(RNN, f"{RUN}z = y.detach()\n«z[:, 0] += 1»\nreturn y"), "E602", "not read"),
    (net(RNN, f"{RUN}«torch.relu_(y)»\nreturn y"), "E602", "in place"),
    (net(RNN, f"{RUN}«F.relu(y, inplace=True)»\nreturn y"), "E602", "in place"),
    (net(RNN, f"{RUN}«torch.add(y, 1, out=y)»\nreturn y"), "E602", "in place"),
    (net(RNN, f"{RUN}«z = y.mul_(2)»\nreturn y + z"), "E602", "in place"),
    (net(f"{RNN}\nself.r = nn.ReLU(inplace=True)", f"{RUN}«self.r(y)»\nreturn y"), "E602", "in place"),
    (net(f"{RNN}\nself.r = nn.ReLU(True)", f"{RUN}«z = self.r(y)»\nreturn y + z"), "E602", "in place"),
    (net(f"{RNN}\nself.r = nn.ReLU(True)", f"{RUN}«return self.r(y) + y»"), "E602", "in place"),
    (net(RNN, f"{RUN}self.last = y\n«y *= 2»\nreturn self.last"), "E602", "in place"),
    (
        with_method(net(RNN, f"{RUN}z = self.up(y)\nreturn y + z"), "def up(self, y):\n    «y += 1»\n    return y"),
        "E602",
        "of its caller in place",
    ),
    (net(RNN, f"{RUN}def g(v):\n    v *= 2\n    return v\nz = «g(y)»\nreturn y + z"), "E602", "changes `v` in place"),
    (net(RNN, f"{RUN}«attack(y)»\nreturn y"), "E602", "nobody keeps what it gives"),
    # types and axes
    (net(RNN, f"{RUN}return «y.type(torch.int32)».float()"), "E606", "no type of floats"),
    (call("return tf.cast(«tf.cast(10 * self.a(x), tf.int32)», tf.float32)"), "E606", "no type of floats"),
    ("GRUCell(4, activation=«lambda v: tf.cast(v, tf.int32)»)", "E606", "conversions to floats"),
    (net(RNN, f"{RUN}return «torch.softmax(s, dim=1)»"), "E606", "softmax goes over"),
    (net(RNN, f"{RUN}return «F.softmax(y)»"), "E606", "without an axis"),
    (net(RNN, f"{RUN}return «F.log_softmax(y)»"), "E606", "without an axis"),
    (net(RNN, f"{RUN}return «y.mean(1) * y»"), "E606", "stand over one another"),
    (net(RNN, f"{RUN}b, t, n = y.size()\nreturn «y.reshape(t, b, n)»"), "E606", "puts steps together"),
    (net(RNN, f"{RUN}return «y.mean()»"), "E606", "of everything"),
    # fields and lists
    (
        net(f"{RNN}\nself.b = nn.GRU(n, h)\n«self.b.weight_hh_l0» = self.a.weight_hh_l0", f"{RUN}return y"),
        "E606",
        "shares weights",
    ),
    (net(f"{RNN}\n«self.f2.weight.data» = self.fc.weight.data", f"{RUN}return y"), "E606", "shares weights"),
    (net(f"{RNN}\n«self.a.hidden_size» = 7", f"{RUN}return y"), "E602", "is set behind the call"),
    (net(RNN, f"{RUN}outs = [y, 2 * y]\n«outs.reverse()»\nreturn torch.cat(outs, -1)"), "E602", "changes what a name"),
    ("m = Sequential()\nm.add(LSTM(3))\n«m.pop()»\nm.add(GRU(4))", "E602", "changes what a name holds"),
    ("cells = [GRUCell(3), GRUCell(4)]\n«cells.pop()»\nMultiRNNCell(cells)", "E602", "changes what a name holds"),
    (net(RNN, "with «scaled(2)»:\n    y, s = self.a(x)\nreturn y"), "E602", "is not known"),
    (net(RNN, f"{RUN}«raise ValueError(y)»\nreturn y"), "E602", "raises an error"),
    (
        with_method(
            net(RNN, "return self.run(x) * «self.scale»"),
            "def run(self, x):\n    self.scale = 2.0\n    return self.a(x)[0]",
        ),
        "E602",
        "is set by `run`, too",
    ),
]  # fmt: skip


def error(marked: str) -> DiagnosticError:
    with pytest.raises(DiagnosticError) as caught:
        import_call(Source("<call>", marked.replace("«", "").replace("»", "")))
    return caught.value


def refused(marked: str, code: str, message: str) -> None:
    start, end = marked.index("«"), marked.index("»") - 1
    (found,) = error(marked).diagnostics
    assert (found.code, message in found.message) == (code, True), found
    assert found.span is not None
    assert (found.span.start, found.span.end) == (start, end), found.span.text


@pytest.mark.parametrize(("marked", "code", "message"), REFUSED)
def test_what_is_not_read_is_refused_at_its_place(marked: str, code: str, message: str) -> None:
    refused(marked, code, message)


TOLD = [
    (net(RNN, "with torch.autocast('cpu'):\n    y, s = self.a(x)\nreturn y"), "autocast('cpu')` rounds numbers"),
    (net(RNN, f"{RUN}return y.to(torch.bfloat16).float()"), "rounds numbers"),
    (net(RNN, f"{RUN}if self.training:\n    y = y + 1\nreturn y"), "`self.training` is read as of a model"),
    (net(RNN, f"{RUN}return F.dropout(y, 0.3)"), "drops always"),
    (call("return tf.nn.dropout(self.a(x), rate=0.3)"), "drops always"),
    (net(RNN, "y, s = self.a(x, h0)\nreturn y", "x, h0"), "what GRU begins with, `h0`, is left out"),
    (net(f"{RNN}\nself.fc.weight.data = torch.eye(4)", f"{RUN}return y"), "initial values"),
    (
        net(f"{RNN}\nfor p in self.a.parameters():\n    p.requires_grad = False", f"{RUN}return y"),
        "belongs to training",
    ),
    (
        net(f"{RNN}\nfor p in self.a.parameters():\n    p.requires_grad_(False)", f"{RUN}return y"),
        "belongs to training",
    ),
    (
        net(
            f"{RNN}\nfor p in self.a.parameters():\n    p.requires_grad = False\n    nn.init.zeros_(p)",
            f"{RUN}return y",
        ),
        "sets what parameters begin with",
    ),
    (net(RNN, f"{RUN}return s"), "whose axes are one, "),
    (net(RNN, f"{RUN}return y.transpose(1, 2)"), "whose axes are the rows of the batch, the features, the steps"),
    (net(f"{RNN}\nself.s = torch.zeros(1, 2, 4)", "y, self.s = self.a(x, self.s)\nreturn y"), "`s` keeps states"),
    ("rnn = nn.GRU(3, 4)\ny, h = rnn(2 * x)", "`2 * x` is what comes in"),
    ("rnn = nn.GRU(3, 4)\ny, h = rnn(x, torch.randn(1, 2, 4))", "what GRU begins with"),
]


@pytest.mark.parametrize(("text", "said"), TOLD)
def test_what_is_left_out_is_told(text: str, said: str) -> None:
    remarks = import_call(Source("<call>", text)).remarks
    assert any(said in remark for remark in remarks), remarks


@pytest.mark.parametrize("line", ["print(y.shape)", "assert y.size(0) == 2", "self.a.flatten_parameters()"])
def test_lines_that_only_look_at_arrays_are_read(line: str) -> None:
    import_call(Source("<call>", net(RNN, f"{RUN}{line}\nreturn y")))


def test_all_outputs_of_a_model_are_read() -> None:
    module = live.module_of(net(RNN, f"{RUN}return y, self.fc(y), s"))
    assert len(module.SPEC["outputs"]) == 2


# --- rows with lengths --------------------------------------------------------------------------------------------

PACKED = (
    "p = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)\n"
    "p, s = self.a(p)\ny, _ = nn.utils.rnn.pad_packed_sequence(p, batch_first=True, total_length=6)\n"
)
LENGTHS = [6, 3]


@pytest.mark.parametrize(
    "line",
    ["return y.sum(1)", "return y[:, -1]", "return y[:, 0]", "return self.fc(s[-1])", "return y",
     "return (2 * y).sum(1)", "return torch.tanh(y).sum(1)"],
)  # fmt: skip
def test_what_padding_leaves_alone_is_read(line: str) -> None:
    torch = pytest.importorskip("torch")
    text = net(RNN, PACKED + line, "x, lengths")
    names: dict[str, object] = {}
    exec(text, names)
    model = names["model"].double().eval()  # type: ignore[attr-defined]
    with torch.no_grad():
        wanted = model(torch.tensor(X), torch.tensor(LENGTHS)).numpy()
    module = live.module_of(text)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    known = module.to_layout("torch", module.init_params(input=3, dtype="float64"))
    params = module.from_layout("torch", {name: state[name] for name in known})
    found, _ = module.forward(params, X, lengths=LENGTHS)
    assert np.max(np.abs(found - wanted)) < TOLERANCE


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("return «y.mean(1)»", "`mean` over the steps counts those behind"),
        ("return «y.max(1)»[0]", "`max` over the steps"),
        ("return «torch.softmax(y, 1)»", "softmax` over the steps"),
        ("return «self.fc(y).sum(1)»", "`sum` over the steps"),
        ("return «(y + 1).sum(1)»", "`sum` over the steps"),
        ("return «self.fc(y)[:, -1]»", "behind the lengths of some rows"),
        ("z, g = «self.b»(y)\nreturn g[0]", "goes over the steps behind"),
        ("return «2 * p»", "packed"),
    ],
)
def test_what_counts_padding_is_refused(line: str, message: str) -> None:
    marked = net(BOTH, PACKED + line, "x, lengths")
    (found,) = error(marked).diagnostics
    assert (found.code, message in found.message) == ("E606", True), found
    assert found.span is not None
    assert found.span.start == marked.index("«")


def test_outputs_behind_lengths_are_told_of() -> None:
    remarks = import_call(Source("<call>", net(RNN, f"{PACKED}return self.fc(y)", "x, lengths"))).remarks
    assert any("behind the length of a row" in remark for remark in remarks)


def test_the_steps_of_a_padded_array_come_first_where_nothing_else_is_said() -> None:
    marked = net(RNN, PACKED.replace("p, batch_first=True", "p") + "return «y[:, -1]»", "x, lengths")
    (found,) = error(marked).diagnostics
    assert "one row of a batch" in found.message


REGRESSIONS = {
    "a final state as rows": ("y, (h, c) = self.a(x)\nreturn self.f(h.view(-1, 4) + c.reshape(-1, 4))", ""),
    "one feature": ("y, _ = self.a(x)\nreturn self.one(y[:, -1]).squeeze()", ""),
    "an input of one feature": ("x = x.unsqueeze(-1)\ny, _ = self.u(x)\nreturn self.f(y[:, -1])", "has one feature"),
    "a state that others set": ("y, self.hidden = self.a(x, self.hidden)\nreturn self.f(y[:, -1])", "`self.hidden`"),
    "what changes no number": ("y, _ = self.a(x)\ny.requires_grad_()\nreturn self.f(y[:, -1])", ""),
    "numbers called out": ("y, _ = self.a(x)\nprint('units', out=self.k)\nreturn self.f(y[:, -1])", ""),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_usual_models_are_read(name: str) -> None:
    """With the remark that says what is left out."""
    body, told = REGRESSIONS[name]
    layers = (
        "self.a, self.u = nn.LSTM(5, 4, batch_first=True), nn.GRU(1, 4, batch_first=True)\n"
        "        self.k, self.f, self.one = 3, nn.Linear(4, 3), nn.Linear(4, 1)"
    )
    text = (
        "import torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        {layers}\n    def forward(self, x):\n        {body.replace(chr(10), chr(10) + ' ' * 8)}\nNet()\n"
    )
    found = import_call(Source("<call>", text))
    assert "network Net" in found.text
    assert any(told in remark for remark in found.remarks)


def test_layers_whose_names_nobody_knows_are_told_of() -> None:
    text = (
        "x = tf.placeholder(tf.float32, [None, 10, 5])\ncell = tf.nn.rnn_cell.LSTMCell(4)\n"
        "outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)\n"
        "def head(h):\n    return tf.layers.dense(h, 3NAME)\nlogits = head(outputs)\n"
    )
    remark = "what TensorFlow calls the variables of dense is not known"
    unnamed = import_call(Source("<call>", text.replace("NAME", "")))
    named = import_call(Source("<call>", text.replace("NAME", ", name='out'")))
    assert any(remark in each for each in unnamed.remarks)
    assert not any(remark in each for each in named.remarks)
    assert '"out/kernel" = logits.weight' in named.text
