"""Calls that rnnc's own authors had TensorFlow 1.15 execute (tests/golden/wrappers): wrappers, shared layers, functions
of one's own. Their descriptions compute what it recorded, and its gradients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.syntax.printing.format import format_source
from rnnc.verify.commands import verify_against

FOLDER = Path(__file__).parents[1] / "golden" / "wrappers"
CALLS = json.loads((FOLDER / "manifest.json").read_text())["cases"]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_call_computes_what_tensorflow_did(name: str) -> None:
    text = import_call(Source("<call>", f"{CALLS[name]['cell']}\n{CALLS[name]['driver']}")).text
    source = Source("<text>", text)
    assert check(source) == []
    assert format_source(source) == text
    report = verify_against(source, FOLDER / f"{name}.npz")
    assert report.passed, report.failures


def test_every_recording_is_in_the_manifest() -> None:
    assert {path.stem for path in FOLDER.glob("*.npz")} == CALLS.keys()
