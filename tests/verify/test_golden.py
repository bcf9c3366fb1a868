"""Modules of the examples against what the real TensorFlow 1.15 computed, forward and backward."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import DiagnosticError
from rnnc.runtime import load_module
from rnnc.syntax.source import read_source
from rnnc.verify.arrays import Arrays
from rnnc.verify.commands import verify_against
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.records.recorded import against
from rnnc.verify.records.recording import load_recording
from rnnc.verify.report import Report
from tests.verify.cases import CASES, NOT_A_CELL, Case

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text())["cases"]


def compared(case: Case, **options: str) -> Report:
    file, _, name = case.example.partition(":")
    source = read_source(ROOT / "examples" / file)
    return verify_against(source, GOLDEN / f"{case.golden}.npz", name or None, {**case.options, **options})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.golden)
def test_module_computes_what_tensorflow_did(case: Case) -> None:
    report = compared(case)
    assert report.passed, report.failures
    # Nothing that was recorded is left out: results, the loss, and every gradient have a row.
    rows = " ".join(row.name for row in report.rows)
    for key in load_recording(GOLDEN / f"{case.golden}.npz").arrays:
        if key.startswith(("outputs", "final_", "loss", "grad:", "adam")):
            assert key in rows, key


class Interpreted(InterpretedRunner):
    """The interpreter, with weights as the compiled module imports them."""

    def __init__(self, case: Case, rounding: str | None = None) -> None:
        file, _, name = case.example.partition(":")
        source = read_source(ROOT / "examples" / file)
        compiled = compile_source(source, name or None, case.options, rounding=rounding)
        self.model = compiled.unit.model
        self.module = load_module(compiled.text, self.model.name)
        super().__init__(self.model, {})

    def from_layout(self, name: str, arrays: Arrays) -> Arrays:
        return self.module.from_layout(name, arrays)

    def grads_to_layout(self, name: str, params: Arrays, gradients: Arrays) -> Arrays:
        return self.module.grads_to_layout(name, params, gradients)


@pytest.mark.parametrize("case", [CASES[2], CASES[14], CASES[33]], ids=lambda case: case.golden)
def test_interpreter_computes_what_tensorflow_did(case: Case) -> None:
    runner = Interpreted(case, rounding="tf")
    report = against(runner.model, runner, load_recording(GOLDEN / f"{case.golden}.npz"))
    assert report.passed, report.failures


def test_every_recording_is_compared() -> None:
    assert {case.golden for case in CASES} | NOT_A_CELL == MANIFEST.keys()


WRONG = [
    ("basic_lstm_fb0", {"forget_bias": "1.0"}),
    ("lstm_cell_clip", {"cell_clip": "none"}),
    ("lstm_proj_clip", {"proj_clip": "0.3"}),
    ("basic_rnn_relu", {"activation": "tanh"}),
    ("dropout_input_static", {"input_keep": "0.7"}),
    ("coupled_peepholes", {"forget_bias": "1.0"}),
]


@pytest.mark.parametrize(("golden", "options"), WRONG, ids=[golden for golden, _ in WRONG])
def test_a_wrong_option_is_noticed(golden: str, options: dict[str, str]) -> None:
    (case,) = (c for c in CASES if c.golden == golden)
    assert not compared(case, **options).passed


def test_keep_probabilities_are_rounded_as_tensorflow_holds_them() -> None:
    """0.6 in float64 misses the recorded numbers by 5e-8: a layout without `constants` is not good enough."""
    (case,) = (c for c in CASES if c.golden == "dropout_input_static")
    runner = Interpreted(case)
    report = against(runner.model, runner, load_recording(GOLDEN / f"{case.golden}.npz"))
    assert not report.passed
    assert max(row.error for row in report.rows) < 1e-6


@pytest.mark.parametrize(
    ("golden", "example", "options", "message"),
    [
        ("gru", "gru.rnn", {"reset": "after"}, "no recorded variable is the layout's"),
        ("lstm", "lstm.rnn", {"peepholes": "true"}, "w_i_diag"),
        ("lstm_peepholes", "lstm.rnn", {}, "w_i_diag"),
        ("lstm", "lstm.rnn", {"units": "5"}, "is 16 long, but the description has 20 there"),
        ("lstm_proj", "lstm.rnn", {"proj": "2"}, "axis 1 of 'lstm_cell/projection/kernel'"),
        ("multi_lstm3", "lstm.rnn", {}, "could be"),
    ],
)
def test_what_cannot_be_compared_is_said(golden: str, example: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(DiagnosticError, match=message):
        compared(Case(golden, example, options))


def test_a_state_that_changes_its_shape_is_refused() -> None:
    source = read_source(ROOT / "examples" / "conv_lstm.rnn")
    with pytest.raises(DiagnosticError, match=r"the state 1 is \[2, 4, 5, 3\] before and \[2, 4, 5, 5\] after"):
        verify_against(source, GOLDEN / "conv2d_skip_step.npz", "ConvLSTM2D", {"filters": "3", "kernel": "[3, 3]"})
