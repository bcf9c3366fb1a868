"""Layers of tf.contrib.cudnn_rnn, imported: they compute what TensorFlow 1.15 did, and read the same checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.calls import Imported, import_call
from rnnc.importing.libraries.cudnn import LAYERS
from rnnc.syntax.printing.format import format_source
from rnnc.verify.commands import verify_against, verify_live

RECORDED = Path(__file__).parents[1] / "golden" / "cudnn"
WAYS = ("unidirectional", "bidirectional")


def imported(call: str) -> Imported:
    found = import_call(Source("<call>", call))
    source = Source("<text>", found.text)
    assert check(source) == []
    assert format_source(source) == found.text
    model_of(source)
    return found


def lines(call: str) -> list[str]:
    """The statements of the network in front of its layouts."""
    text = imported(call).text
    return [line.strip() for line in text[text.index("network ") :].split("\n\n")[0].splitlines()]


def refused(call: str) -> tuple[str, str, str, str]:
    """Code, message, place and fix."""
    with pytest.raises(DiagnosticError) as caught:
        import_call(Source("<call>", call))
    (found,) = caught.value.diagnostics
    assert found.span is not None
    return found.code, found.message, found.span.text, found.fix or ""


# --- what they compute ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", ["", ", dropout=0.5"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_its_compatible_cells_did(name: str, way: str, dropout: str) -> None:
    """With the variables of its checkpoint; dropout acts in training only."""
    text = imported(f"tf.contrib.cudnn_rnn.{name}(2, 2, direction='{way}'{dropout})").text
    report = verify_against(Source("<text>", text), RECORDED / f"{name}_{way}.npz")
    assert report.passed, report.failures


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_so_does_the_stack_of_compatible_cells(name: str, way: str) -> None:
    """What TensorFlow's documentation names for inference on a CPU."""
    cell = {
        "CudnnLSTM": "tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell(2)",
        "CudnnGRU": "tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell(2)",
        "CudnnRNNTanh": "tf.nn.rnn_cell.BasicRNNCell(2)",
        "CudnnRNNRelu": "tf.nn.rnn_cell.BasicRNNCell(2, activation=tf.nn.relu)",
    }[name]
    cells = f"[{cell} for _ in range(2)]"
    driver = {
        "unidirectional": f"tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell({cells}), x)",
        "bidirectional": f"tf.contrib.rnn.stack_bidirectional_dynamic_rnn({cells}, {cells}, x)",
    }[way]
    report = verify_against(Source("<text>", imported(driver).text), RECORDED / f"{name}_{way}.npz")
    assert report.passed, report.failures


# --- arguments -----------------------------------------------------------------------------------------------------

GRU = "GRU(4, reset = after, gate_bias = 0.0)"


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("CudnnGRU(1, 4)", [f"network Multi(cells = [{GRU}]) {{", "input x[input]", "y = stack(cells)(x)"]),
        (
            "CudnnGRU(1, 4, 'linear_input', 'bidirectional', 0.5)",  # one layer has nobody to drop outputs for
            [f"network StackedBidirectional(fw = [{GRU}],", f"bw = [{GRU}], static = false) {{", "input x[input]"],
        ),
        ("CudnnRNNTanh(2, 4)", ["network Multi(cells = [RNN(4), RNN(4)]) {"]),
        (
            "CudnnRNNRelu(num_layers=3, num_units=4, dropout=0.25, seed=7, dtype=tf.float16)",
            ["network CudnnRNNRelu {", "input x[input]", "y = stack(RNN(4, activation = relu), 3, dropout = 0.25)(x)"],
        ),
        (
            "CudnnGRU(2, 4, direction=cudnn_rnn_ops.CUDNN_RNN_BIDIRECTION, dropout=0.5)",
            ["network CudnnGRU {", "input x[input]", f"y = stack(bidirectional({GRU}), 2, dropout = 0.5)(x)"],
        ),
        (
            "lstm = tf.contrib.cudnn_rnn.CudnnRNNTanh(2, 4)\noutputs, (h,) = lstm(x, training=True)",
            ["network Multi(cells = [RNN(4), RNN(4)]) {"],
        ),
        (
            "CudnnRNNTanh(2, 4, input_mode='skip_input')",
            ["network Multi(cells = [SkipInputRNN(4), RNN(4)]) {", "input x[4]", "y = stack(cells)(x)"],
        ),
        (
            "CudnnRNNRelu(2, 4, input_mode=CUDNN_INPUT_SKIP_MODE, dropout=0.5)",
            [
                "network CudnnRNNRelu {",
                "input x[4]",
                "y = stack([SkipInputRNN(4, activation = relu), RNN(4, activation = relu)], dropout = 0.5)(x)",
            ],
        ),
        (
            "y = CudnnRNNTanh(2, 4, dropout=0.5)(x)\nz = CudnnRNNTanh(2, 4, dropout=0.5)(y)",
            [
                "network Layers {",
                "input x[input]",
                "y  = stack(RNN(4), 2, dropout = 0.5)(x)",
                "y2 = stack(RNN(4), 2, dropout = 0.5)(y)",
                "output y2",
                "}",
            ],
        ),
    ],
)
def test_what_a_layer_becomes(call: str, wanted: list[str]) -> None:
    assert lines(call)[: len(wanted)] == wanted


@pytest.mark.parametrize("name", LAYERS)
def test_skipped_inputs_have_no_product(name: str) -> None:
    found = imported(f"{name}(2, 4, input_mode='skip_input', direction='bidirectional')")
    model = model_of(Source("<text>", found.text))
    first = [p.name for p in model.parameters if p.name.startswith("y[0]")]
    assert first
    assert not [p for p in first if p.endswith(".x")]
    assert [p.name for p in model.parameters if p.name.startswith("y[1]") and p.name.endswith(".x")]
    assert [layout.name for layout in model.layouts if not layout.missing] == []
    assert any("no checkpoint" in remark for remark in found.remarks)


def test_the_scope_of_the_compatible_lstm_is_its_own() -> None:
    assert 'layout tf(scope = "cudnn_compatible_lstm_cell"' in imported("CudnnCompatibleLSTMCell(4)").text
    both = imported("MultiRNNCell([CudnnCompatibleLSTMCell(4), LSTMCell(4)])").text
    assert "cells = [LSTM_cudnn_compatible_lstm_cell(4, forget_bias = 0.0), LSTM(4)]" in both


@pytest.mark.slow
def test_a_layer_computes_what_tensorflow_does_here_and_now() -> None:
    """`rnnc verify --against tf`: the library's cell is made with the scope of the compatible one."""
    pytest.importorskip("tensorflow")
    text = imported("tf.contrib.cudnn_rnn.CudnnLSTM(1, 2)").text
    report = verify_live(Source("<text>", text), "tf")
    assert report.passed, report.failures


@pytest.mark.parametrize(
    ("call", "code", "place", "said"),
    [
        ("CudnnLSTM(2, 4, input_mode='auto_select')", "E606", "'auto_select'", "how wide that is"),
        ("CudnnLSTM(2, 4, input_mode='skip')", "E605", "'skip'", "'linear_input' or 'skip_input' or 'auto_select'"),
        ("CudnnLSTM(2, 4, direction='bidirectionl')", "E605", "'bidirectionl'", "did you mean `bidirectional`?"),
        ("CudnnLSTM(2, 4, direction=CUDNN_INPUT_SKIP_MODE)", "E605", "CUDNN_INPUT_SKIP_MODE", "'unidirectional' or"),
        ("CudnnLSTM(2, 4, direction=None)", "E605", "None", "'unidirectional' or"),
        ("CudnnLSTM(2, 4, dropout=1.0)", "E606", "1.0", "nothing is kept"),
        ("CudnnLSTM(2, 4, dropout=1.5)", "E605", "1.5", "a number from 0 to 1"),
        ("CudnnLSTM(0, 4)", "E605", "0", "a whole number from 1 on"),
        ("CudnnLSTM(2, 4.0)", "E605", "4.0", "a whole number from 1 on"),
        ("CudnnLSTM(2)", "E604", "CudnnLSTM", "needs `num_units`"),
        ("CudnnLSTM(2, 4, dropuot=0.5)", "E604", "dropuot", "did you mean `dropout`?"),
        ("CudnnLSTM(2, 4, num_proj=3)", "E604", "num_proj", "CudnnLSTM(num_layers, num_units"),
        ("CudnLSTM(2, 4)", "E603", "CudnLSTM", "did you mean `CudnnLSTM`?"),
        ("MultiRNNCell([CudnnGRU(2, 4)])", "E606", "CudnnGRU(2, 4)", "is no cell, and stands inside MultiRNNCell"),
    ],
)
def test_what_cannot_be_said_or_is_wrong(call: str, code: str, place: str, said: str) -> None:
    found_code, message, span, fix = refused(call)
    assert (found_code, span) == (code, place)
    assert said in f"{message}\n{fix}"


def test_what_is_left_out_is_told() -> None:
    found = imported("CudnnGRU(2, 4, kernel_initializer=tf.zeros_initializer(), name='encoder', seed=3)")
    said = "\n".join(found.remarks)
    for part in ("`kernel_initializer` of CudnnGRU is left out", "`name` of", "`seed` of", "time-major"):
        assert part in said
