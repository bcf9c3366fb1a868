"""Compiling takes time in proportion to the text: a cell of twice as many layers takes about twice as long."""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source

EXAMPLES = Path(__file__).parents[2] / "examples"


def calls(depth: int) -> int:
    """How many functions are called: unlike seconds, the same on every machine."""
    source = Source("highway_rnn.rnn", (EXAMPLES / "highway_rnn.rnn").read_text())
    with cProfile.Profile() as profile:
        compile_source(source, None, {"depth": depth})
    return pstats.Stats(profile).total_calls


def test_a_deep_cell_is_compiled_in_proportion_to_its_depth() -> None:
    calls(2)  # what is made once
    assert calls(80) < 2.2 * calls(40)
