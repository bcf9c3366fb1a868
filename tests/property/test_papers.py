"""Cells and networks as their papers write them: each is in the standard form, and its module computes what the
interpreter does, forward and backward, with lengths."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rnnc.compiler import check, compile_source
from rnnc.runtime import load_module
from rnnc.semantics.scopes.choose import definitions_of
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.printing.format import format_source
from rnnc.syntax.source import Source, read_source
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.invariants import Differences, differentiate, gradient_pairs, results_pairs, worst_row
from rnnc.verify.proving.sample import Draw, choose_sizes
from rnnc.verify.report import TOLERANCE as TOLERANCES
from rnnc.verify.running.runner import ModuleRunner

PAPERS = Path(__file__).resolve().parents[1] / "data" / "papers"
FILES = sorted(PAPERS.glob("*.rnn"))
SOURCES: dict[Path, Source] = {path: read_source(path) for path in FILES}
STEPS, BATCH = 4, 3
TOLERANCE = TOLERANCES[np.dtype(np.float64)]
LONGEST = 25  # lines of a definition

# What else to compile than the definition as it stands.
FURTHER: dict[str, list[dict[str, object]]] = {
    "QRNN": [{"pooling": "f"}, {"pooling": "ifo"}],
    "RHN": [{"coupled": False}],
    "SRU": [{"highway": False}],
}
CELL: dict[str, list[dict[str, object]]] = {
    "Skip": [{"inner": "LSTM(units = 3)"}, {"inner": "NestedByUse(units = 2)"}],
    "Dilated": [{"inner": "GRU(units = 3)"}, {"inner": "Clockwork(2, periods = [1, 2])"}],
    "Zoneout": [{"inner": "LSTM(units = 3)"}],
    "Variational": [{"inner": "LSTM(units = 3)"}],
}


def cases() -> list[tuple[Path, str, dict[str, object]]]:
    found: list[tuple[Path, str, dict[str, object]]] = []
    for path, source in SOURCES.items():
        for definition in definitions_of(parse(source)):
            if isinstance(definition, ast.Cell | ast.Variant | ast.Network):
                options = CELL.get(definition.name) or [{}, *FURTHER.get(definition.name, [])]
                found += [(path, definition.name, given) for given in options]
    return found


CASES = cases()


def test_there_are_many() -> None:
    assert len({name for _, name, _ in CASES}) >= 80


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_is_right_and_in_the_standard_form(path: Path) -> None:
    assert check(SOURCES[path]) == []
    assert format_source(SOURCES[path]) == SOURCES[path].text


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_definition_is_short_and_tells_where_it_comes_from(path: Path) -> None:
    for definition in parse(SOURCES[path]).definitions:
        if isinstance(definition, ast.Cell | ast.Variant | ast.Network):
            assert definition.span.text.count("\n") < LONGEST, definition.name
            assert re.search(r"(19|20)\d\d", definition.doc or ""), definition.name


@pytest.mark.parametrize(("path", "name", "options"), CASES, ids=[f"{n}{o or ''}" for _, n, o in CASES])
def test_the_module_computes_what_the_interpreter_does(path: Path, name: str, options: dict[str, object]) -> None:
    compiled = compile_source(SOURCES[path], name, options, verify_passes=True)
    model = compiled.unit.model
    module = ModuleRunner(model, load_module(compiled.text, model.name))
    sizes = choose_sizes(model, {})
    judge = InterpretedRunner(model, sizes)
    draw = Draw(model, sizes, seed=7)
    sample = draw.sample(judge, module.init_params(7, "float64", sizes), STEPS, BATCH)
    lengths = np.asarray([STEPS, 0, 2], np.int32)
    for call in (
        sample.call.with_(masks=draw.masks(STEPS, BATCH)),
        sample.call.with_(state=None, lengths=lengths),
    ):
        expected, slopes = differentiate(judge, sample, call)
        found, gradients = differentiate(module, sample, call)
        same(results_pairs(found, expected))
        same(gradient_pairs(gradients, slopes))
        if call.masks is None:
            same(results_pairs(module.forward(call), judge.forward(call)))


def same(pairs: Differences) -> None:
    worst = worst_row("papers", pairs, TOLERANCE)
    assert worst.passed, worst
