"""Live references without a live library: what a layout may declare, what is asked for, how answers are compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.ir.model import Model
from rnnc.syntax.source import read_source
from rnnc.verify.commands import verify_live
from rnnc.verify.errors import VerifyError
from rnnc.verify.live import recorder
from rnnc.verify.live.report import same, situations
from rnnc.verify.live.request import Tree, declared, drivers, limits, tree_of
from rnnc.verify.records.fit import find_layout
from rnnc.verify.records.recording import Recording

EXAMPLES = Path(__file__).parents[2] / "examples"


def tree(example: str, library: str = "tf", **options: str) -> Tree:
    """The call that an example's layout declares, at units = 4."""
    file, _, name = example.partition(":")
    model = model_of(read_source(EXAMPLES / f"{file}.rnn"), name or None, options)
    return tree_of(declared(model, find_layout(model, library), library), library, {"units": 4, "input": 3})


def test_options_become_arguments() -> None:
    assert tree("lstm", peepholes="true", proj="3", cell_clip="0.5") == {
        "call": "tf.nn.rnn_cell.LSTMCell",
        "arguments": {
            "num_units": 4,
            "use_peepholes": True,
            "cell_clip": 0.5,
            "num_proj": 3,
            "forget_bias": 1.0,
            "activation": "tanh",
        },
    }
    assert tree("gru", "keras", reset="after")["arguments"]["reset_after"] is True
    assert tree("gru", "keras", reset="before")["arguments"]["reset_after"] is False


def test_inner_cells_become_inner_calls() -> None:
    found = tree("multi:Multi", cells="[GRU(2), LSTM(3)]")
    first, second = found["arguments"]["cells"]
    assert (first["call"], first["key"], first["arguments"]["num_units"]) == ("tf.nn.rnn_cell.GRUCell", "y[0]", 2)
    assert (second["call"], second["key"]) == ("tf.nn.rnn_cell.LSTMCell", "y[1]")
    shared = tree("multi:SharedLayers", inner="GRU(4)")["arguments"]["cells"]
    assert [one["key"] for one in shared] == ["f", "f"]


def test_sizes_that_a_library_wants_to_be_smaller() -> None:
    def of(example: str, **options: str) -> list[str]:
        file, _, name = example.partition(":")
        model = model_of(read_source(EXAMPLES / f"{file}.rnn"), name or None, options)
        found = limits(declared(model, find_layout(model, "torch"), "torch"), "torch")
        return [f"{small} < {large}" for small, large in found]

    assert of("lstm") == []
    assert of("lstm", proj="3") == ["3 < units"]
    assert of("multi:Multi", cells="[LSTM(4, proj = 2), LSTM(4, proj = 2)]") == ["2 < 4", "2 < 4"]
    with pytest.raises(DiagnosticError, match="proj_size = 5 and hidden_size = 4, and the first has to be smaller"):
        of("multi:Multi", cells="[LSTM(4, proj = 5)]")


CELL = """
cell C(units, activation = tanh) {{
  input x[input]
  state h[units]
  h' = activation(linear(x, h))
  output h'
  layout tf(reference = {0}) {{
    "kernel" = [[h.x], [h.h]]
    "bias" = h.bias
  }}
}}
fn own(v) {{
  return tanh(v)
}}
"""


def declaring(reference: str) -> Model:
    return model_of(Source("c.rnn", CELL.format(reference)), "C")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("none", "the layout 'tf' of C names no counterpart"),
        ("os.system(units)", "os.system is no function that can be built"),
        ("tf.nn.rnn_cell.GRUCel(units)", "did you mean 'tf.nn.rnn_cell.GRUCell'"),
        ("keras.layers.GRU(units)", "is of keras, not of tf"),
        ("tf.nn.rnn_cell.GRUCell()", "is not given 'num_units'"),
        ("tf.nn.rnn_cell.GRUCell(none)", "is not given 'num_units'"),
        ("tf.nn.rnn_cell.GRUCell(units, activation)", "takes the rest of its arguments by name"),
        ("tf.nn.rnn_cell.GRUCell(units, num_units = 3)", "is given 'num_units' twice"),
        ("tf.nn.rnn_cell.GRUCell(units, activatoin = tanh)", "no argument 'activatoin' (did you mean 'activation'?)"),
        ("tf.nn.rnn_cell.GRUCell(units, activation = own)", "the function `own` ('activation' of"),
        ("tf.nn.rnn_cell.GRUCell(units, activation = gelu)", "the function `gelu`"),
        ("tf.nn.rnn_cell.GRUCell(0.5)", "wants a size for 'num_units'"),
        ("tf.nn.rnn_cell.LSTMCell(units, use_peepholes = 1)", "wants a flag for 'use_peepholes'"),
        ("tf.nn.rnn_cell.MultiRNNCell(units)", "wants a cells for 'cells'"),
        ("tf.nn.rnn_cell.MultiRNNCell([units])", "wants cells: other calls, or inner cells"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_said(reference: str, message: str) -> None:
    model = declaring(reference)
    with pytest.raises(DiagnosticError) as found:
        tree_of(declared(model, find_layout(model, "tf"), "tf"), "tf", {"units": 4})
    (diagnostic,) = found.value.diagnostics
    assert (diagnostic.code, message in diagnostic.message) == ("E806", True), diagnostic.message
    # The place is that of the call, but where the call is absent.
    assert reference == "none" or (diagnostic.span is not None and diagnostic.span.line == 7)


def test_an_inner_cell_without_a_counterpart_is_named() -> None:
    with pytest.raises(DiagnosticError, match="nothing is declared as the counterpart of `f`"):
        tree("residual", inner="GRU(4, reset = after)")


def test_a_description_without_the_layout() -> None:
    source = Source("c.rnn", "cell C(units) {\n  input x[input]\n  y = linear(x, out = units)\n  output y\n}\n")
    with pytest.raises(VerifyError, match="C has no layout 'tf'"):
        verify_live(source, "tf")


def test_drivers_follow_from_the_call() -> None:
    assert drivers(declaring("tf.nn.rnn_cell.GRUCell(units)").layouts[0].reference, "tf") == (  # type: ignore[arg-type]
        "dynamic_rnn",
        "static_rnn",
    )
    chosen = list(situations(("dynamic_rnn", "static_rnn")))
    assert {(s.driver, s.dtype) for s in chosen} == {
        (driver, dtype) for driver in ("dynamic_rnn", "static_rnn") for dtype in ("float64", "float32")
    }
    assert {s.lengths for s in chosen} == {s.state for s in chosen} == {s.time_major for s in chosen} == {True, False}


def test_a_missing_library_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recorder, "find_spec", lambda name: None if name == "tf_keras" else object())
    case = recorder.RecordedCase("a", "tf", {}, "dynamic_rnn", "float64", 1, 1, (1,))
    with pytest.raises(VerifyError, match=r"the cells of tf.nn.rnn_cell need tf-keras; pip install tf-keras"):
        recorder.record([case], tmp_path)


def test_a_failing_reference_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recorder, "find_spec", lambda name: object())
    monkeypatch.setattr(recorder, "MODULE", "no.such.module")
    case = recorder.RecordedCase("a", "tf", {}, "dynamic_rnn", "float64", 1, 1, (1,))
    with pytest.raises(VerifyError, match=r"E807 the reference could not be run.*no.such"):
        recorder.record([case], tmp_path)


def recording(**arrays: np.ndarray) -> Recording:
    return Recording("r", {"var:w": np.ones(2), **arrays}, {})


def test_recordings_of_one_case_are_compared_by_name() -> None:
    one = recording(outputs=np.ones(3))
    assert same("", one, recording(outputs=np.ones(3))).passed
    assert not same("", one, recording(outputs=np.ones(3) + 1e-9)).passed
    other = same("", one, recording(output=np.ones(3)))
    assert not other.passed
    assert "output, outputs" in other.detail
