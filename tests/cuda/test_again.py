"""What is read at several indices is in memory before it is written again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import compile_source
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source, read_source
from tests.cuda.support import needs_compiler
from tests.cuda.test_teams import results
from tests.property.test_papers import PAPERS

ROTATIONS = read_source(PAPERS / "rotations.rnn")
# Each layer reads the one below twice, at neighbouring places: once cheaply, once with what is not computed twice.
PAIRS = """cell Pairs(n = 6, layers = 4) {{
  input x[input]
  state h[n: n]
  y[0] = h + 0.1 * linear(x, out = [n])
  for l in 0..layers {{
    y[l + 1] = {function}(concat(y[l][n = 1:], y[l][n = 0:1], axis = n) - 0.5 * concat(y[l][n = -1:], y[l][n = :-1], axis = n))
  }}
  h' = y[layers]
  output h'
}}"""


def pairs(function: str) -> Source:
    return Source("pairs.rnn", PAIRS.format(function=function))


@pytest.mark.parametrize("source", [ROTATIONS, pairs("identity"), pairs("tanh")], ids=["eunn", "cheap", "costly"])
def test_text_grows_with_the_layers_and_not_with_what_doubles_in_each(source: Source) -> None:
    name = "EUNN" if source is ROTATIONS else None

    def length(layers: int) -> int:
        return len(compile_source(source, name, {"layers": layers}, target="cuda").text)

    four, eight, twelve = map(length, (4, 8, 12))
    assert twelve - eight < 2 * (eight - four)


@needs_compiler
@pytest.mark.parametrize("strategy", ["step", "block"])
@pytest.mark.parametrize("function", ["identity", "tanh"])
def test_it_computes_what_numpy_does(strategy: str, function: str) -> None:
    source = pairs(function)
    given: dict[str, Any] = {"layers": 6, "strategy": strategy}
    found = results(load(compile_source(source, None, given, target="cuda").text, "pairs"), 3)
    expected = results(rnnc.compile(source.text, layers=6), 3)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=2e-5 * max(1, np.abs(array).max()), err_msg=name)
