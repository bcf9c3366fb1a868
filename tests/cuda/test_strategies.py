"""Strategies that are asked for: what a module cannot do in that way is told when it is written."""

from __future__ import annotations

import pytest

import rnnc
from rnnc.cli.app import run
from rnnc.compiler import compile_source
from rnnc.syntax.source import Source, read_source
from rnnc.verify.commands import verify_source
from tests.cuda.support import needs_compiler
from tests.cuda.test_modules import EXAMPLES

# A state that is a linear recurrence, and one that is none.
BOTH = """cell C(units) {
  input x[input]
  state s[units], h[units]
  gate f = sigmoid(linear(x))
  s' = f * s + linear(x)
  h' = tanh(linear(h, s'))
  output h'
}
"""
LOOP = "strategy scan: forward, train, backward: what line 6 says is a loop, no linear recurrence"
SCANS = "linear recurrences are scans, which are no loops: --no-pass recurrences leaves them in loops"
NOTES = {
    ("both", "scan"): [f"{LOOP}: the planner picks how it runs"],
    ("both", "persistent"): [f"strategy persistent: {SCANS}"],
    ("both", "auto"): [],
    ("sru", "scan"): [],
    ("sru", "step"): [f"strategy step: {SCANS}"],
    ("lstm", "block"): [],
}


def source(name: str) -> Source:
    return Source("both.rnn", BOTH) if name == "both" else read_source(EXAMPLES / f"{name}.rnn")


@pytest.mark.parametrize(("name", "strategy"), NOTES)
def test_what_is_not_as_asked_for_is_told(name: str, strategy: str) -> None:
    compiled = compile_source(source(name), None, {"units": 3, "strategy": strategy}, target="cuda")
    assert list(compiled.notes) == NOTES[name, strategy]


def test_a_loop_that_cannot_be_a_kernel_is_told() -> None:
    options = {"units": 3, "strategy": "block"}
    compiled = compile_source(source("lstm"), None, options, target="cuda", save="every=2")
    assert any(note.startswith("strategy block: train, backward: what lines") for note in compiled.notes)
    assert all("goes step by step from the host: " in note for note in compiled.notes)


@needs_compiler
def test_loops_beside_scans_are_the_planners() -> None:
    report = verify_source(source("both"), None, {"units": "3", "strategy": "scan"}, target="cuda")
    assert report.passed, report.failures
    assert f"{LOOP}: the planner picks how it runs" in report.notes


def test_without_the_pass_a_linear_recurrence_is_a_loop() -> None:
    options = {"units": 3, "strategy": "persistent"}
    compiled = compile_source(source("sru"), None, options, target="cuda", no_passes=frozenset({"recurrences"}))
    assert not compiled.notes
    assert "forward_loop_1" in compiled.text


def test_python_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnc.api.load_module", lambda *_: None)  # which wants CuPy
    with pytest.warns(UserWarning, match="strategy scan: .* no linear recurrence"):
        rnnc.compile(BOTH, "cuda", units=3, strategy="scan")


@pytest.mark.parametrize("command", ["compile", "explain", "verify"])
def test_a_strategy_that_is_none_is_a_wrong_command_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [command, str(EXAMPLES / "lstm.rnn"), "-D", "units=3", "-D", "strategy=fast", "--target", "cuda"]
    assert run(arguments) == 2
    said = "there is no strategy 'fast'; there are auto, step, block, cluster, persistent, scan"
    assert said in capsys.readouterr().err
