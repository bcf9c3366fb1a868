"""The calls that TensorFlow 1.15 executed, imported: their descriptions compute what it recorded, and its gradients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.calls import import_call
from rnnc.syntax.printing.format import format_source
from rnnc.verify.commands import verify_against
from tests.verify.cases import NOT_A_CELL

GOLDEN = Path(__file__).parents[1] / "golden"
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text())["cases"]


def call_of(name: str) -> str:
    """The lines that were executed; InputEcho is the generator's own, and lets its cell's outputs through."""
    case = MANIFEST[name]
    return f"{case.get('cell', '')}\n{case['driver']}".replace(
        "InputEcho(tf.nn.rnn_cell.GRUCell(4))", "tf.nn.rnn_cell.GRUCell(4)"
    )


@pytest.mark.parametrize("name", sorted(MANIFEST.keys() - NOT_A_CELL))
def test_the_call_computes_what_tensorflow_did(name: str) -> None:
    text = import_call(Source("<call>", call_of(name))).text
    source = Source("<text>", text)
    assert check(source) == []
    assert format_source(source) == text
    report = verify_against(source, GOLDEN / f"{name}.npz")
    assert report.passed, report.failures


@pytest.mark.parametrize("name", sorted(NOT_A_CELL))
def test_what_is_no_cell_is_said_at_its_argument(name: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        import_call(Source("<call>", call_of(name)))
    (found,) = caught.value.diagnostics
    assert found.code == "E606"
    assert found.span is not None
    assert "skip_connection" in found.message
    assert found.span.text == "True"
