"""The cells that every file knows without an import."""

from __future__ import annotations

from pathlib import Path

from rnnc.compiler import check, model_of
from rnnc.diagnostics import Source
from rnnc.syntax.source import read_source

CELLS = Path(__file__).resolve().parents[1] / "data" / "cells.rnn"


def test_the_hard_cells_need_no_import() -> None:
    assert [(d.code, d.message) for d in check(read_source(CELLS))] == []


def test_a_network_of_known_cells() -> None:
    text = "network N() { \n input x[3]\n a = LSTM(4)(x)\n b = GRU(5, reset = after)(a)\n output RNN(2)(b) \n}"
    model = model_of(Source("<text>", text))
    assert [state.name for state in model.states] == ["a.c", "a.h", "b.h", "output.h"]


def test_a_definition_of_that_name_takes_its_place() -> None:
    cell = "cell GRU(n) {\n input x[n]\n state s[n]\n s' = x\n output s'\n}\n"
    text = cell + "network N() {\n input x[3]\n output GRU(3)(x)\n}"
    assert [state.name for state in model_of(Source("<text>", text), "N").states] == ["output.s"]
