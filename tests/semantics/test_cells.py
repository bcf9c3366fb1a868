"""The hard cells of `cells.rnn`, and the examples: they elaborate, verify, and mean the same step by step."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import Source
from rnnc.semantics.scopes.choose import definitions_of
from rnnc.syntax.parse import parse
from rnnc.syntax.source import read_source
from tests.semantics.support import holds, run

CELLS = read_source(Path(__file__).parents[1] / "data" / "cells.rnn")
NAMES = [d.name for d in definitions_of(parse(CELLS))]

# What steers `for` and `if` must be given.
OPTIONS: dict[str, list[dict[str, object]]] = {
    "GridLSTM": [
        {"units": 3, "feature": 2, "blocks": [2, 1], "starts": [0, 3], "input": 6, "peepholes": peepholes, "tied": tied,
         "coupled": coupled, "cell_clip": clip}
        for peepholes, tied, coupled, clip in (
            (False, False, False, None), (True, True, True, 0.2), (True, False, True, None),
        )
    ],
    "TimeFreqLSTM": [{"feature": 2, "skip": 2, "input": 6}, {"feature": 3, "input": 3, "peepholes": True}],
    "Attention": [
        {"inner": "LSTM(units = 4)", "window": 3},
        {"inner": "GRU(4, reset = after)", "window": 2, "size": 3, "vector": 5},
    ],
    "LayerNormLSTM": [{}, {"keep": 0.8}],
    "Mogrifier": [{"rounds": n} for n in (0, 1, 4, 5)],
    "Clockwork": [{}, {"periods": [3]}],
    "SLSTM": [{"heads": 2, "units": 6}],
    "MLSTM": [{"heads": 2, "units": 6}],
    "NAS": [{}, {"proj": 3, "bias": True}],
    "Tagger": [{"units": 4}],
}  # fmt: skip
CASES = [(name, options) for name in NAMES for options in OPTIONS.get(name, [{}])]


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda v: v if isinstance(v, str) else None)
def test_hard_cell(name: str, options: dict[str, object]) -> None:
    holds(run(model_of(CELLS, name, options)))


def test_hard_cells_have_no_errors() -> None:
    assert check(CELLS) == []


def test_the_bound_on_work_leaves_room() -> None:
    """The hardest of them needs a small part of what may be spent."""
    options: dict[str, object] = {"units": 3, "feature": 2, "blocks": [40, 40], "starts": [0, 3], "input": 50}
    model_of(Source(CELLS.name, CELLS.text), "GridLSTM", options)
