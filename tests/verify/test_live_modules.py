"""Generated modules against live modules of torch.nn, and against nodes that ONNX Runtime runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.runtime import load_module
from rnnc.syntax.source import read_source
from rnnc.verify.commands import module_ways, verify_live
from rnnc.verify.errors import VerifyError
from rnnc.verify.live import recorder
from rnnc.verify.live.constructors import LIBRARIES
from rnnc.verify.live.recorder import record
from rnnc.verify.live.report import LiveComparison
from rnnc.verify.records.fit import find_layout
from rnnc.verify.report import Report

EXAMPLES = Path(__file__).parents[2] / "examples"
Subject = tuple[str, dict[str, str]]  # FILE:NAME of an example, and -D options

BOTH = "bidirectional:StackedBidirectional"
TORCH: dict[str, Subject] = {
    "RNN": ("rnn:RNN", {}),
    "RNN relu": ("rnn:RNN", {"activation": "relu"}),
    "RNN bias": ("rnn:RNN", {"bias": "false"}),
    "LSTM": ("lstm:LSTM", {}),
    "LSTM proj_size": ("lstm:LSTM", {"proj": "2", "forget_bias": "0.5"}),
    "LSTM bias": ("lstm:LSTM", {"bias": "false", "forget_bias": "0.0"}),
    "BasicLSTM": ("basic_lstm:BasicLSTM", {}),
    "GRU": ("gru:GRU", {"reset": "after"}),
    "num_layers": ("multi:Multi", {"cells": "[GRU(4, reset = after), GRU(4, reset = after), GRU(4, reset = after)]"}),
    "num_layers, proj_size": ("multi:Multi", {"cells": "[LSTM(4, proj = 3), LSTM(4, proj = 3)]"}),
    "bidirectional": ("bidirectional:Bidirectional", {"fw": "RNN(4)", "bw": "RNN(4)"}),
    "both": (BOTH, {"fw": "[LSTM(4), LSTM(4)]", "bw": "[LSTM(4), LSTM(4)]"}),
    "both, proj_size": (
        BOTH,
        {"fw": "[LSTM(4, proj = 2), LSTM(4, proj = 2)]", "bw": "[LSTM(4, proj = 2), LSTM(4, proj = 2)]"},
    ),
}
ONNX: dict[str, Subject] = {
    "RNN": ("rnn:RNN", {}),
    "RNN Relu": ("rnn:RNN", {"activation": "relu"}),
    "RNN without B": ("rnn:RNN", {"bias": "false"}),
    "LSTM": ("lstm:LSTM", {}),
    "LSTM peepholes": ("lstm:LSTM", {"peepholes": "true", "forget_bias": "0.5"}),
    "LSTM activations": ("lstm:LSTM", {"activation": "softsign", "gate_activation": "tanh"}),
    "LSTM input_forget": ("coupled_lstm:CoupledLSTM", {}),
    "LSTM input_forget, peepholes": ("coupled_lstm:CoupledLSTM", {"peepholes": "true", "forget_bias": "0.5"}),
    "LSTM input_forget of i": ("lstm_variants:CIFG", {}),
    "BasicLSTM": ("basic_lstm:BasicLSTM", {"activation": "softplus"}),
    "GRU linear_before_reset = 0": ("gru:GRU", {"reset": "before"}),
    "GRU linear_before_reset = 1": ("gru:GRU", {"reset": "after"}),
    "GRU without B": ("gru:GRU", {"reset": "after", "bias": "false"}),
    "layers": ("multi:Multi", {"cells": "[GRU(3, reset = after), LSTM(4, peepholes = true), RNN(2)]"}),
    "reverse": ("bidirectional:TimeReversed", {"inner": "LSTM(4)"}),
    "bidirectional": ("bidirectional:Bidirectional", {"fw": "GRU(4)", "bw": "GRU(4)"}),
    "both": (BOTH, {"fw": "[LSTM(4, peepholes = true), RNN(3)]", "bw": "[LSTM(4, peepholes = true), RNN(3)]"}),
}

# What ONNX calls clip: what goes into gates and candidates is bounded. No example computes that.
CLIPPED = """
cell LSTMClip(units) {
  input x[input]
  state c[units], h[units]
  gate i = sigmoid(clip(linear(x, h), 0.3))
  gate f = sigmoid(clip(linear(x, h), 0.3))
  gate o = sigmoid(clip(linear(x, h), 0.3))
  j      = tanh(clip(linear(x, h), 0.3))
  c'     = f * c + i * j
  h'     = o * tanh(c')
  output h'
  layout onnx(reference = onnx.LSTM(units, clip = 0.3)) {
    "W" = reshape([[T(i.x)], [T(o.x)], [T(f.x)], [T(j.x)]], [1, 4 * units, input])
    "R" = reshape([[T(i.h)], [T(o.h)], [T(f.h)], [T(j.h)]], [1, 4 * units, units])
    "B" = reshape([i.bias, o.bias, f.bias, j.bias, i.bias, o.bias, f.bias, j.bias], [1, 8 * units])
    order state = [h, c]
  }
}
cell GRUClip(units) {
  input x[input]
  state h[units]
  gate u = sigmoid(clip(linear(x, h), 0.3))
  gate r = sigmoid(clip(linear(x, h), 0.3))
  n  = tanh(clip(linear(x, h: r * h), 0.3))
  h' = u * h + (1 - u) * n
  output h'
  layout onnx(reference = onnx.GRU(units, clip = 0.3)) {
    "W" = reshape([[T(u.x)], [T(r.x)], [T(n.x)]], [1, 3 * units, input])
    "R" = reshape([[T(u.h)], [T(r.h)], [T(n.h)]], [1, 3 * units, units])
    "B" = reshape([u.bias, r.bias, n.bias, u.bias, r.bias, n.bias], [1, 6 * units])
  }
}
cell RNNClip(units) {
  input x[input]
  state h[units]
  h' = tanh(clip(linear(x, h), 0.3))
  output h'
  layout onnx(reference = onnx.RNN(units, clip = 0.3)) {
    "W" = reshape(T(h.x), [1, units, input])
    "R" = reshape(T(h.h), [1, units, units])
    "B" = reshape([h.bias, h.bias], [1, 2 * units])
  }
}
"""

# Counterparts that compute something else: other activations, and another place for the reset gate.
WRONG = {
    "torch": """
cell Wrong(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
  layout torch(scope = "*_l0", reference = torch.nn.RNN(input, units, nonlinearity = relu)) {
    "weight_ih" = T(h.x)
    "weight_hh" = T(h.h)
    "bias_ih" = h.bias
    "bias_hh" = h.bias
  }
}
""",
    "onnx": CLIPPED.replace("onnx.GRU(units, clip = 0.3)", "onnx.GRU(units, clip = 0.3, linear_before_reset = 1)"),
}


def installed(library: str) -> pytest.MarkDecorator:
    missing = [name for name in LIBRARIES[library].packages if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(missing)}")


def comparison(source: Source, name: str | None, options: Mapping[str, str], library: str, key: str) -> LiveComparison:
    found = compile_source(source, name, options)
    model = found.unit.model
    ways = module_ways(model, load_module(found.text, model.name), "numpy")
    key = "".join(letter if letter.isalnum() else "_" for letter in key)
    return LiveComparison(model, find_layout(model, library), library, ways, name=key)


def reports(comparisons: Mapping[str, LiveComparison], folder: Path) -> dict[str, Report]:
    """One process records all of them."""
    recordings = record([case for one in comparisons.values() for case in one.cases], folder)
    return {name: one.report(recordings) for name, one in comparisons.items()}


def example(subject: Subject) -> tuple[Source, str]:
    file, _, name = subject[0].partition(":")
    return read_source(EXAMPLES / f"{file}.rnn"), name


@pytest.fixture(scope="module")
def torch_reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    found = {name: comparison(*example(s), s[1], "torch", name) for name, s in TORCH.items()}
    found["wrong"] = comparison(Source("wrong.rnn", WRONG["torch"]), None, {}, "torch", "wrong")
    return reports(found, tmp_path_factory.mktemp("torch"))


@pytest.fixture(scope="module")
def onnx_reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    found = {name: comparison(*example(s), s[1], "onnx", name) for name, s in ONNX.items()}
    for kind in ("RNN", "GRU", "LSTM"):
        found[f"{kind} clip"] = comparison(Source("c.rnn", CLIPPED), f"{kind}Clip", {}, "onnx", f"{kind}_clip")
    found["wrong"] = comparison(Source("wrong.rnn", WRONG["onnx"]), "GRUClip", {}, "onnx", "wrong")
    return reports(found, tmp_path_factory.mktemp("onnx"))


@installed("torch")
@pytest.mark.parametrize("name", TORCH)
def test_module_computes_what_the_module_of_torch_does(name: str, torch_reports: dict[str, Report]) -> None:
    """In both types and both orders of axes, with states and lengths and without; gradients too."""
    report = torch_reports[name]
    assert report.passed, report.failures
    assert len(report.rows) == 4
    assert not report.notes


@installed("onnx")
@pytest.mark.parametrize("name", [*ONNX, "RNN clip", "GRU clip", "LSTM clip"])
def test_module_computes_what_the_node_of_onnx_does(name: str, onnx_reports: dict[str, Report]) -> None:
    report = onnx_reports[name]
    assert report.passed, report.failures
    assert len(report.rows) == 2


@installed("torch")
def test_another_function_than_that_of_torch_is_noticed(torch_reports: dict[str, Report]) -> None:
    assert len(torch_reports["wrong"].failures) == 4


@installed("onnx")
def test_another_function_than_that_of_onnx_is_noticed(onnx_reports: dict[str, Report]) -> None:
    assert len(onnx_reports["wrong"].failures) == 2
    assert "no gradients are recorded" in onnx_reports["wrong"].notes


@pytest.mark.parametrize(
    ("subject", "library", "message"),
    [
        (("multi:Multi", {"cells": "[RNN(4), LSTM(4)]"}), "torch", "one object for cells that are alike, and is given"),
        (("multi:Multi", {"cells": "[RNN(4), RNN(3)]"}), "torch", "torch.nn.RNN(hidden_size = 3"),
        ((BOTH, {"fw": "[RNN(4), RNN(4)]", "bw": "[RNN(4), RNN(4, bias = false)]"}), "torch", "bias = False"),
        ((BOTH, {"fw": "[LSTM(4)]", "bw": "[GRU(4)]"}), "onnx", "is given onnx.LSTM(hidden_size = 4"),
    ],
)  # fmt: skip
def test_cells_that_no_one_object_can_be_are_an_error(subject: Subject, library: str, message: str) -> None:
    source, name = example(subject)
    with pytest.raises(DiagnosticError) as found:
        verify_live(source, library, name, subject[1])
    (diagnostic,) = found.value.diagnostics
    assert (diagnostic.code, message in diagnostic.message) == ("E806", True), diagnostic.message
    assert diagnostic.span is not None


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ("torch", r"the modules of torch.nn need torch; pip install torch"),
        ("onnx", r"the operators of ONNX need onnx and onnxruntime; pip install onnx onnxruntime"),
    ],
)
def test_a_missing_library_says_what_to_install(library: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "find_spec", lambda name: None)
    with pytest.raises(VerifyError, match=message):
        verify_live(read_source(EXAMPLES / "rnn.rnn"), library)
