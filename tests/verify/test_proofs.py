"""`prove` on compiled examples: right modules pass every row; damaged ones fail in the rows that are about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from rnnc.syntax.source import read_source
from rnnc.verify.commands import EVERY_PASS, verify_source
from rnnc.verify.proving.judged import MOST
from rnnc.verify.proving.proofs import prove
from rnnc.verify.report import Report
from rnnc.verify.running.runner import ModuleRunner

EXAMPLES = Path(__file__).parents[2] / "examples"

PROVED: list[tuple[str, str | None, dict[str, str]]] = [
    ("lstm.rnn", "LSTM", {"peepholes": "true", "proj": "2", "cell_clip": "0.3", "proj_clip": "0.2"}),
    ("lstm_block.rnn", None, {"cell_clip": "0.1"}),
    ("gru.rnn", None, {"reset": "after"}),
    ("conv_lstm.rnn", "ConvLSTM1D", {}),
    ("layer_norm_lstm.rnn", None, {"keep": "0.7"}),
    ("bidirectional.rnn", None, {"fw": "RNN(2)", "bw": "GRU(3)"}),
    ("multi.rnn", "SharedLayers", {"inner": "RNN(3)"}),
    ("dropout.rnn", None, {"inner": "GRU(3)", "input_keep": "0.6", "state_keep": "0.7", "mask": "sequence"}),
    ("classifier.rnn", None, {}),
    ("xlstm.rnn", "MLSTM", {"units": "4", "heads": "2"}),
    ("skip_rnn.rnn", None, {"inner": "RNN(2)"}),
    ("mamba.rnn", "Mamba", {"units": "2", "N": "3"}),
    ("retention.rnn", None, {"units": "8", "heads": "2"}),
    ("rwkv.rnn", "TimeMixing", {"width": "2"}),
    ("gru_d.rnn", None, {}),
    ("narx.rnn", None, {"outputs": "2"}),
    ("lstm_variants.rnn", "FGR", {}),
]


@pytest.mark.parametrize(("file", "name", "options"), PROVED, ids=[f"{file}:{name}" for file, name, _ in PROVED])
def test_examples_are_proved(file: str, name: str | None, options: dict[str, str]) -> None:
    report = verify_source(read_source(EXAMPLES / file), name, options)
    assert report.passed, report.failures


SENSITIVE = """
cell Sensitive(units) {
  input x[units]
  state h[units]
  h' = 0.5 * h + sin(2000 * x)
  output h'
}
"""


def test_float32_may_lose_what_the_description_makes_of_one_rounding() -> None:
    report = verify_source(Source("<text>", SENSITIVE))
    assert report.passed
    widened = {row.name: row for row in report.rows if "roundings to float32" in row.detail}
    assert {"float32, with state: forward", "float32, with state: forward_train", "float32: step"} <= widened.keys()
    assert all("float32" in name and 2e-5 < row.tolerance <= MOST for name, row in widened.items())


def test_a_module_that_is_wrong_in_float32_alone_fails() -> None:
    def wrong(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(params: Any, x: Any, *args: Any, **options: Any) -> Any:
            output, state = forward(params, x, *args, **options)
            return (output * (1 + 1e-4) if output.dtype == np.float32 else output), state

        return run

    assert failing(damaged(forward=wrong)) == {
        f"float32, {s}: forward" for s in ("with state", "without state", "with lengths")
    }


def test_rows_cover_every_kind_of_proof() -> None:
    names = [row.name for row in verify_source(read_source(EXAMPLES / "rnn.rnn")).rows]
    for dtype in ("float64", "float32"):
        for situation in ("with state", "without state", "with lengths"):
            for entry in ("forward", "forward_train", "backward"):
                assert f"{dtype}, {situation}: {entry}" in names
        assert f"{dtype}: step" in names
    for name in ("param:h.x", "param:h.h", "param:h.bias", "input:x", "state:h"):
        assert f"{name} (finite differences)" in names
    assert "passes on and off, with lengths" in names
    assert "batch-major as time-major" in names
    assert "lengths: padding changes nothing" in names
    assert "two chunks in a row" in names


def test_a_report_is_the_same_every_time() -> None:
    one, two = (verify_source(read_source(EXAMPLES / "rnn.rnn"), seed=3) for _ in range(2))
    assert one == two
    assert one != verify_source(read_source(EXAMPLES / "rnn.rnn"), seed=4)


def test_a_network_that_cannot_stream_says_so() -> None:
    report = verify_source(read_source(EXAMPLES / "classifier.rnn"))
    assert report.notes == ("no single steps: `at` picks from the whole sequence",)
    assert not any("step" in row.name and "passes" not in row.name for row in report.rows)


def damaged(**changes: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Report:
    """The proof of a simple RNN of which some functions are wrapped."""

    def module(no_passes: frozenset[str] = frozenset()) -> tuple[Any, ModuleType]:
        compiled = compile_source(read_source(EXAMPLES / "rnn.rnn"), no_passes=no_passes)
        return compiled.unit.model, load_module(compiled.text, "RNN")

    (model, right), (_, plain) = module(), module(EVERY_PASS)
    functions = {name: getattr(right, name) for name in ("init_params", "step", "forward", "forward_train", "backward")}
    functions.update({name: wrap(functions[name]) for name, wrap in changes.items()})
    wrong = ModuleRunner(model, SimpleNamespace(**functions))  # type: ignore[arg-type]
    return prove(model, wrong, ModuleRunner(model, plain))


def failing(report: Report) -> set[str]:
    return {row.name for row in report.failures}


def test_an_undamaged_module_passes() -> None:
    assert damaged().passed


def test_a_wrong_step_fails_only_where_steps_are_compared() -> None:
    def wrong(step: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **options: Any) -> Any:
            output, state = step(*args, **options)
            return output, state * 1.001

        return stepped

    assert failing(damaged(step=wrong)) == {"float64: step", "float32: step", "single steps in a row"}


def test_a_wrong_gradient_fails_in_every_backward_row() -> None:
    def wrong(backward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            found = backward(*args, **options)
            return {**found, "params": {**found["params"], "h.bias": found["params"]["h.bias"] * 1.001}}

        return run

    found = failing(damaged(backward=wrong))
    assert found == {
        *(
            f"{d}, {s}: backward"
            for d in ("float64", "float32")
            for s in ("with state", "without state", "with lengths")
        ),
        *(f"passes on and off, {s}" for s in ("with state", "without state", "with lengths")),
    }


def test_lengths_that_are_ignored_fail_in_the_rows_about_lengths() -> None:
    def wrong(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(params: Any, x: Any, state: Any = None, lengths: Any = None, **options: Any) -> Any:
            return forward(params, x, state, None, **options)

        return run

    assert failing(damaged(forward=wrong)) == {
        "float64, with lengths: forward",
        "float32, with lengths: forward",
        "lengths: each row alone, cut off",
        "lengths: outputs past the end are zero",
    }


def test_a_description_without_numbers_is_told_of() -> None:
    report = verify_source(Source("<text>", "cell A {\n input delta[n]\n y = log(delta)\n output y\n}"))
    assert not report.passed
    assert any("gives NaN for y at normally" in note and "<text>:3:6 (`log(delta)`)" in note for note in report.notes)


@pytest.mark.parametrize("step", ["7", "-8", "-1"])
def test_sequences_reach_to_the_step_that_a_network_picks(step: str) -> None:
    text = f"network N {{\n input x[2]\n y = GRU(2)(x)\n output y * at(y, {step})\n}}"
    report = verify_source(Source("<text>", text), None, {})
    assert report.passed, report.failures


def test_a_derivative_that_is_no_number_is_told() -> None:
    text = "cell N(n) {\n input x[n]\n state h[n]\n h' = h / (sqrt(sum(h * h)) + 1e-6) + x\n output h'\n}"
    report = verify_source(Source("<text>", text), None, {})
    assert not report.passed
    assert any("`sqrt(v + 1e-8)`" in n and "is NaN at <text>:4:12 (`sqrt(sum(h * h))`)" in n for n in report.notes)


GROWING = "cell G(n) {\n input x[n]\n state v[n]\n v' = v + 100 * v ** 3 + x\n output v'\n}"


def test_inputs_are_smaller_where_numbers_grow_without_end() -> None:
    report = verify_source(Source("<text>", GROWING), None, {})
    assert report.passed, report.failures
    assert any("inputs are drawn 10 times smaller" in note or "100 times smaller" in note for note in report.notes)


def test_what_grows_without_end_with_any_input_is_told_with_its_place() -> None:
    text = GROWING.replace("+ x", "+ 1e9 * (1 - v ** 2) - v ** 5 + x")
    report = verify_source(Source("<text>", text), None, {})
    assert not report.passed
    assert any("of what is infinite since <text>:4:" in note and "`clip`" in note for note in report.notes)
    assert not any("times smaller" in note for note in report.notes)
